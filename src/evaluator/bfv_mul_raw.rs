//! The BFV product in RNS: `round(t/R a b')` with b' the second operand scaled from Q to R.
//!
//! Source: A. Kim, Y. Polyakov, V. Zucca, eprint 2021/204, section 4.3. All conversions here are centred, so the integer
//! polynomials that are multiplied have coefficients of at most Q/2 and R/2, and the result is within a rounding of the
//! textbook's.

use crate::evaluator::key_switch::{FactorPolys, add_raw_products};
use crate::parallel::{for_each_row, for_each_row_of, group_size, in_pool, map_items};
use crate::params::TensorTables;
use crate::ring::{BasisConverter, NttPoly, PART, RnsBasis};
use std::sync::Arc;

/// The three polynomials of the product of two ciphertexts of degree 1 at one level.
pub(super) fn mul_raw(a: [&NttPoly; 2], b: [&NttPoly; 2], tables: &TensorTables) -> [NttPoly; 3] {
    in_pool(a[0].data().len(), || {
        let product = product(extend_operands(a, b, tables));
        product.map(|product| tables.divider.divide(&product))
    })
}

/// The sum of the products of pairs of such ciphertexts, all at one level: summed modulo QR and divided by R once. `None` for no
/// pairs.
///
/// Residues modulo QR are enough, although the integer sum may be larger: a multiple of QR divided by R is a multiple of Q.
pub(super) fn sum_of_products(
    pairs: &[FactorPolys<'_>],
    tables: &TensorTables,
) -> Option<[NttPoly; 3]> {
    let (&(a, b), rest) = pairs.split_first()?;
    Some(in_pool(a[0].data().len(), || {
        let mut sum = product(extend_operands(a, b, tables));
        for &(a, b) in rest {
            let [a0, a1, b0, b1] = &extend_operands(a, b, tables);
            add_raw_products(&mut sum, &[([a0, a1], [b0, b1])]);
        }
        sum.map(|product| tables.divider.divide(&product))
    }))
}

/// Both polynomials of `a` and, scaled, of `b`, modulo Q and R.
fn extend_operands(a: [&NttPoly; 2], b: [&NttPoly; 2], tables: &TensorTables) -> [NttPoly; 4] {
    let operands = [a[0], a[1], b[0], b[1]];
    let mut extended = operands.map(|_| NttPoly::unspecified(&tables.joined));
    let pairs = operands.into_iter().zip(&mut extended).collect();
    map_items(pairs, |number, (poly, extended)| match number {
        0 | 1 => extend(poly, extended, tables),
        _ => scale_and_extend(poly, extended, tables),
    });
    extended
}

/// The raw product `(a_0 b_0, a_0 b_1 + a_1 b_0, a_1 b_1)`, in the memory of the operands.
fn product([mut a0, mut a1, b0, mut b1]: [NttPoly; 4]) -> [NttPoly; 3] {
    let basis = Arc::clone(a0.basis());
    let outs = [a0.data_mut(), a1.data_mut(), b1.data_mut()];
    for_each_row_of(outs, basis.degree(), |i, rows| {
        let q = basis.modulus(i);
        let mut middle = [0; PART];
        let [a0, a1, b1] = rows.map(|row| row.chunks_mut(PART));
        for (((a0, a1), b1), b0) in a0.zip(a1).zip(b1).zip(b0.row(i).chunks(PART)) {
            let middle = &mut middle[..b0.len()];
            middle.copy_from_slice(b1);
            q.kernels().mul_assign(q, middle, a0);
            q.kernels().mul_add_assign(q, middle, a1, b0);
            q.kernels().mul_assign(q, a0, b0);
            q.kernels().mul_assign(q, b1, a1);
            a1.copy_from_slice(middle);
        }
    });
    [a0, a1, b1]
}

/// The centred polynomial modulo Q and R.
fn extend(poly: &NttPoly, extended: &mut NttPoly, tables: &TensorTables) {
    let (data, auxiliary) = extended.data_mut().split_at_mut(poly.data().len());
    data.copy_from_slice(poly.data());
    let coefficients = |i: usize, row: &mut [u64]| coefficients(poly, i, row);
    convert(
        &tables.to_auxiliary,
        &tables.auxiliary,
        coefficients,
        auxiliary,
        |i, row| {
            tables.auxiliary.table(i).forward(row);
        },
    );
}

/// `t round(R/Q poly)`, the rounded polynomial centred, modulo Q and R.
///
/// `R x - [R x]_Q` is Q times the rounding, and `R x` is 0 modulo R: modulo R the rounding is `-[R x]_Q Q^-1`.
fn scale_and_extend(poly: &NttPoly, extended: &mut NttPoly, tables: &TensorTables) {
    let (basis, degree) = (poly.basis(), poly.basis().degree());
    let (data, auxiliary) = extended.data_mut().split_at_mut(poly.data().len());
    let scaled = |i: usize, row: &mut [u64]| {
        coefficients(poly, i, row);
        let q = basis.modulus(i);
        q.kernels().scale(q, row, tables.auxiliary_residues[i]);
    };
    convert(
        &tables.to_auxiliary,
        &tables.auxiliary,
        scaled,
        auxiliary,
        |i, row| {
            let r = tables.auxiliary.modulus(i);
            r.kernels().scale(r, row, tables.negated_inverses[i]);
        },
    );
    // Prime i of both.
    let times_plain = |i: usize, row: &mut [u64]| {
        let q = tables.joined.modulus(i);
        q.kernels().scale(q, row, tables.plain_residues[i]);
        tables.joined.table(i).forward(row);
    };
    let rounded = |i: usize, row: &mut [u64]| {
        row.copy_from_slice(&auxiliary[i * degree..][..degree]);
    };
    convert(&tables.from_auxiliary, basis, rounded, data, times_plain);
    for_each_row(auxiliary, degree, |i, row| {
        times_plain(basis.len() + i, row)
    });
}

/// The coefficients modulo prime i.
fn coefficients(poly: &NttPoly, i: usize, row: &mut [u64]) {
    row.copy_from_slice(poly.row(i));
    poly.basis().table(i).inverse(row);
}

/// A centred conversion: `fill` gives the coefficients modulo each prime, `finish` changes each row of the result.
fn convert(
    converter: &BasisConverter,
    to: &RnsBasis,
    fill: impl Fn(usize, &mut [u64]) + Sync + Send,
    rows: &mut [u64],
    finish: impl Fn(usize, &mut [u64]) + Sync + Send,
) {
    let (pool, degree) = (to.pool(), to.degree());
    let mut weights = pool.take(converter.centred_length(degree));
    converter.centred_weights(&mut weights, fill);
    let group = group_size(to.len(), degree, weights.len());
    for_each_row(rows, group * degree, |number, rows| {
        let rows = (number * group..).zip(rows.chunks_exact_mut(degree));
        let mut rows: Vec<_> = rows.collect();
        converter.centred_rows(&weights, &mut rows);
        for (i, row) in rows {
            finish(i, row);
        }
    });
    pool.put(weights);
}
