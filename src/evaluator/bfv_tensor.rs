//! The BFV product in RNS: `round(t/R a b')` with b' the second operand scaled from Q to R.
//!
//! Source: A. Kim, Y. Polyakov, V. Zucca, eprint 2021/204, section 4.3. All conversions here are centred, so the integer
//! polynomials that are multiplied have coefficients of at most Q/2 and R/2, and the result is within a rounding of the
//! textbook's.

use crate::evaluator::ckks::tensor_polys;
use crate::parallel::for_each_row;
use crate::params::TensorTables;
use crate::ring::{NttPoly, RnsBasis};

/// The three polynomials of the product of two ciphertexts of degree 1 at one level.
pub(super) fn tensor(a: [&NttPoly; 2], b: [&NttPoly; 2], tables: &TensorTables) -> [NttPoly; 3] {
    let extended: Vec<NttPoly> = crate::parallel::map(4, |number| match number {
        0 | 1 => extend(a[number], tables),
        _ => scale_and_extend(b[number - 2], tables),
    });
    let [a, b] = [0, 2].map(|i| [&extended[i], &extended[i + 1]]);
    tensor_polys(a, b).map(|mut product| {
        product.scale(&tables.plain_residues);
        tables.divider.divide(&product)
    })
}

/// The centred polynomial modulo Q and R.
fn extend(poly: &NttPoly, tables: &TensorTables) -> NttPoly {
    let coefficients = poly.clone().into_coeff();
    let mut extended = NttPoly::unspecified(&tables.joined);
    let (data, auxiliary) = extended.data_mut().split_at_mut(poly.data().len());
    data.copy_from_slice(poly.data());
    tables.to_auxiliary.centred(coefficients.data(), auxiliary);
    transform(auxiliary, &tables.auxiliary);
    extended
}

/// `round(R/Q poly)`, centred, modulo Q and R.
///
/// `R x - [R x]_Q` is Q times the rounding, and `R x` is 0 modulo R: modulo R the rounding is `-[R x]_Q Q^-1`.
fn scale_and_extend(poly: &NttPoly, tables: &TensorTables) -> NttPoly {
    let mut coefficients = poly.clone().into_coeff();
    coefficients.scale(&tables.auxiliary_residues);
    let mut extended = NttPoly::unspecified(&tables.joined);
    let (data, auxiliary) = extended.data_mut().split_at_mut(poly.data().len());
    tables.to_auxiliary.centred(coefficients.data(), auxiliary);
    for_each_row(auxiliary, poly.basis().degree(), |i, row| {
        let r = tables.auxiliary.modulus(i);
        r.kernels().scale(r, row, tables.negated_inverses[i]);
    });
    tables.from_auxiliary.centred(auxiliary, data);
    transform(data, poly.basis());
    transform(auxiliary, &tables.auxiliary);
    extended
}

/// The NTT of each row.
fn transform(rows: &mut [u64], basis: &RnsBasis) {
    for_each_row(rows, basis.degree(), |i, row| basis.table(i).forward(row));
}
