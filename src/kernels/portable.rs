//! The scalar reference: 64-bit Shoup and Barrett arithmetic, no assumption about the processor.

use super::chunks::block_pairs;
use super::ntt_table::mirrored;
use super::packing::{SLACK, packed_length, unpack};
use super::{
    BLOCK, BlockPermutation, Kernels, KeyRow, Modulus, NttTable, PANEL, PackedRow, PanelProducts,
    PanelRows, ShoupScalar, Unreduced, WeightedSum,
};

/// The kernels that run everywhere: every method is the default of [`Kernels`].
#[derive(Debug)]
pub(super) struct Portable;

impl Kernels for Portable {
    fn name(&self) -> &'static str {
        "portable"
    }
}

pub(super) fn add_assign(q: &Modulus, row: &mut [u64], other: &[u64]) {
    zip(row, other).for_each(|(x, &y)| *x = q.add(*x, y));
}

pub(super) fn add_scalar(q: &Modulus, row: &mut [u64], scalar: u64) {
    row.iter_mut().for_each(|x| *x = q.add(*x, scalar));
}

pub(super) fn sub_assign(q: &Modulus, row: &mut [u64], other: &[u64]) {
    zip(row, other).for_each(|(x, &y)| *x = q.sub(*x, y));
}

pub(super) fn negate(q: &Modulus, row: &mut [u64]) {
    row.iter_mut().for_each(|x| *x = q.neg(*x));
}

pub(super) fn mul_assign(q: &Modulus, row: &mut [u64], other: &[u64]) {
    zip(row, other).for_each(|(x, &y)| *x = q.mul(*x, y));
}

pub(super) fn mul_add_assign(q: &Modulus, row: &mut [u64], a: &[u64], b: &[u64]) {
    debug_assert_eq!(a.len(), b.len());
    // x < 2^61 and a * b < 2^122, so the sum does not overflow.
    zip(row, a).zip(b).for_each(|((x, &a), &b)| {
        *x = q.reduce_wide(u128::from(a) * u128::from(b) + u128::from(*x))
    });
}

pub(super) fn scale(q: &Modulus, row: &mut [u64], scalar: ShoupScalar) {
    row.iter_mut().for_each(|x| *x = q.mul_shoup(*x, scalar));
}

pub(super) fn sub_scale(q: &Modulus, row: &mut [u64], other: &[u64], scalar: ShoupScalar) {
    zip(row, other).for_each(|(x, &y)| *x = q.mul_shoup(*x + q.value() - y, scalar));
}

pub(super) fn reduce(q: &Modulus, row: &mut [u64], input: &Unreduced<'_>) {
    debug_assert!(
        input
            .input
            .iter()
            .all(|y| y.leading_zeros() + input.input_bits >= 64)
    );
    zip(row, input.input).for_each(|(x, &y)| *x = q.add(q.reduce(y), input.offset));
}

pub(super) fn weighted_sum(q: &Modulus, row: &mut [u64], sum: &WeightedSum<'_>) {
    debug_assert!(sum.factors.len() <= 32 && sum.input_bits <= 61);
    weighted_sum_from(q, row, sum, 0);
}

/// The places of [`weighted_sum`] from `start` on.
pub(super) fn weighted_sum_from(q: &Modulus, row: &mut [u64], sum: &WeightedSum<'_>, start: usize) {
    for (k, out) in row.iter_mut().enumerate().skip(start) {
        let inputs = || sum.inputs.iter().zip(sum.factors);
        debug_assert!(
            inputs()
                .map(|(input, _)| u128::from(input[sum.start + k]))
                .sum::<u128>()
                <= sum.total
        );
        // At most 32 products below 2^122 each: the sum stays below 2^127 + 2^61.
        let mut total = u128::from(sum.offset);
        for (input, &factor) in inputs() {
            total += u128::from(input[sum.start + k]) * u128::from(factor);
        }
        *out = q.reduce_wide(total);
    }
}

pub(super) fn inner_products(
    q: &Modulus,
    sums: [&mut [u64]; 2],
    digits: &[&[u64]],
    key: KeyRow<'_>,
) {
    debug_assert!(digits.len() <= key.shape.digits);
    for (place, outs) in block_pairs(sums).enumerate() {
        for (half, out) in outs.into_iter().enumerate() {
            let mut totals = [0_u128; BLOCK];
            for (number, digits) in digits.iter().enumerate() {
                // The residue and at most 32 products below 2^122 each: the sum stays below 2^127 + 2^61.
                if number > 0 && number.is_multiple_of(32) {
                    totals = totals.map(|total| u128::from(q.reduce_wide(total)));
                }
                let key = key.block(place, number, half);
                let digits = &digits[place * BLOCK..][..BLOCK];
                for ((total, &digit), key) in totals.iter_mut().zip(digits).zip(key) {
                    *total += u128::from(digit) * u128::from(key);
                }
            }
            for (out, total) in out.iter_mut().zip(totals) {
                *out = q.reduce_wide(total);
            }
        }
    }
}

pub(super) fn panel_products(q: &Modulus, outs: &mut [PanelRows], product: &PanelProducts<'_>) {
    for (out, group) in outs.iter_mut().zip(product.groups) {
        for (row, out) in out.iter_mut().enumerate() {
            let mut totals = [0_u128; PANEL];
            let terms = group.inputs.iter().zip(group.weights);
            for (number, (&input, weights)) in terms.enumerate() {
                // The residue and at most 32 products below 2^122 each: the sum stays below 2^127 + 2^61.
                if number > 0 && number.is_multiple_of(32) {
                    totals = totals.map(|total| u128::from(q.reduce_wide(total)));
                }
                for (total, &x) in totals.iter_mut().zip(product.input(input)) {
                    *total += u128::from(x) * u128::from(weights[row]);
                }
            }
            *out = totals.map(|total| q.reduce_wide(total));
        }
    }
}

pub(super) fn permute(row: &mut [u64], source: &[u64], permutation: &BlockPermutation) {
    debug_assert!(row.len() == permutation.len() && source.len() == row.len());
    let blocks = row.chunks_exact_mut(BLOCK);
    for (block, (from, pattern)) in blocks.zip(permutation.moves()) {
        let from = &source[from * BLOCK..][..BLOCK];
        for (out, &lane) in block.iter_mut().zip(&permutation.patterns[pattern]) {
            *out = from[usize::from(lane)];
        }
    }
}

/// Cooley-Tukey layers with lazy reduction: values stay in `[0, 4q)`, below 2^63.
///
/// Source: D. Harvey, "Faster arithmetic for number-theoretic transforms", algorithm 3.
pub(super) fn forward_ntt(table: &NttTable, row: &mut [u64]) {
    let (q, twiddles) = (table.modulus(), table.twiddles());
    let twice = 2 * q.value();
    let mut half = table.degree() / 2;
    let mut blocks = 1;
    while half > 0 {
        for (block, chunk) in row.chunks_exact_mut(2 * half).enumerate() {
            let twiddle = twiddles.at(blocks + block);
            let (upper, lower) = chunk.split_at_mut(half);
            for (x, y) in upper.iter_mut().zip(lower) {
                let u = subtract_once(*x, twice);
                let v = q.mul_shoup_lazy(*y, twiddle);
                *x = u + v;
                *y = u + twice - v;
            }
        }
        blocks *= 2;
        half /= 2;
    }
    row.iter_mut()
        .for_each(|x| *x = q.subtract_once(subtract_once(*x, twice)));
}

/// Gentleman-Sande layers with lazy reduction: values stay in `[0, 2q)`; the last layer divides by N as it goes.
pub(super) fn inverse_ntt(table: &NttTable, row: &mut [u64]) {
    let (q, twiddles) = (table.modulus(), table.twiddles());
    let twice = 2 * q.value();
    let mut half = 1;
    let mut blocks = table.degree() / 2;
    while blocks > 1 {
        for (block, chunk) in row.chunks_exact_mut(2 * half).enumerate() {
            // The twiddle's negative.
            let twiddle = twiddles.at(mirrored(blocks + block));
            let (upper, lower) = chunk.split_at_mut(half);
            for (x, y) in upper.iter_mut().zip(lower) {
                let (u, v) = (*x, *y);
                *x = subtract_once(u + v, twice);
                *y = q.mul_shoup_lazy(v + twice - u, twiddle);
            }
        }
        blocks /= 2;
        half *= 2;
    }
    let (upper, lower) = row.split_at_mut(half);
    for (x, y) in upper.iter_mut().zip(lower) {
        let (u, v) = (*x, *y);
        *x = q.mul_shoup(u + v, table.degree_inverse);
        *y = q.mul_shoup(u + twice - v, table.degree_inverse_times_last);
    }
}

/// a, or a - bound where that is not negative; a < 2^63.
#[inline]
fn subtract_once(a: u64, bound: u64) -> u64 {
    let difference = a.wrapping_sub(bound);
    difference.wrapping_add((difference >> 63).wrapping_neg() & bound)
}

fn zip<'a>(row: &'a mut [u64], other: &'a [u64]) -> impl Iterator<Item = (&'a mut u64, &'a u64)> {
    debug_assert_eq!(row.len(), other.len());
    row.iter_mut().zip(other)
}

/// [`Kernels::store_packed`](super::Kernels::store_packed).
pub(super) fn store_packed(q: &Modulus, place: PackedRow<'_>, packed: &[u8]) -> bool {
    let PackedRow {
        shape,
        row,
        digit,
        half,
    } = place;
    const PART: usize = 512;
    let count = (packed.len() - SLACK) / packed_length(BLOCK, q.bits()) * BLOCK;
    let mut values = [0; PART];
    let mut each = |mut put: Option<&mut [u64]>| {
        (0..count).step_by(PART).all(|start| {
            let values = &mut values[..PART.min(count - start)];
            let packed = &packed[packed_length(start, q.bits())..];
            let valid = unpack(packed, q.bits(), q.value(), values);
            if let Some(row) = &mut put {
                shape.store_half(&mut row[shape.first_word(start)..], (digit, half), values);
            }
            valid
        })
    };
    each(None) && each(Some(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of degree `degree` modulo the prime `prime`.
    fn table(prime: u64, degree: usize) -> NttTable {
        NttTable::new(prime, degree).unwrap()
    }

    #[test]
    fn values_lie_in_the_documented_order() {
        let table = table(97, 8);
        let q = table.modulus();
        let psi = table.twiddles().at(4).value; // bit_reverse(4) = 1
        let coefficients = [5, 96, 0, 1, 44, 7, 13, 90];
        let mut row = coefficients;
        forward_ntt(&table, &mut row);
        for (i, &value) in row.iter().enumerate() {
            let point = q.pow(psi, 2 * (i.reverse_bits() >> 61) as u64 + 1);
            let direct = coefficients
                .iter()
                .rev()
                .fold(0, |sum, &c| q.add(q.mul(sum, point), c));
            assert_eq!(value, direct);
        }
        inverse_ntt(&table, &mut row);
        assert_eq!(row, coefficients);
    }

    #[test]
    fn product_is_negacyclic() {
        for (prime, degree) in [
            (17, 8),
            (97, 16),
            (1_152_921_504_606_844_417, 64),
            (2_305_843_009_213_554_689, 128),
        ] {
            let table = table(prime, degree);
            let q = table.modulus();
            let a: Vec<u64> = (0..degree as u64)
                .map(|i| q.reduce((i * i + 3).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
                .collect();
            let b: Vec<u64> = (0..degree as u64)
                .map(|i| q.reduce((i + 5).wrapping_mul(0xd134_2543_de82_ef95)))
                .collect();
            let mut expected = vec![0; degree];
            for (i, &x) in a.iter().enumerate() {
                for (j, &y) in b.iter().enumerate() {
                    let product = q.mul(x, y);
                    let k = (i + j) % degree;
                    expected[k] = if i + j < degree {
                        q.add(expected[k], product)
                    } else {
                        q.sub(expected[k], product)
                    };
                }
            }
            let (mut x, mut y) = (a, b);
            forward_ntt(&table, &mut x);
            forward_ntt(&table, &mut y);
            mul_assign(q, &mut x, &y);
            inverse_ntt(&table, &mut x);
            assert_eq!(x, expected);
        }
    }
}
