//! Operations on rows. What is left over after whole vectors goes to the portable kernels.

use super::super::chunks::{block_pairs, split};
use super::super::float_vectors::float_rows;
use super::super::vectors::product_rows;
use super::super::{BLOCK, KeyRow, KeyShape, Modulus, PANEL, PanelProducts, PanelRows, portable};
use super::vector::*;

product_rows!("neon", FloatArithmetic);
float_rows!("neon");

/// Unpacks blocks of a key.
struct Unpacker;

impl Unpacker {
    fn new(_: KeyShape) -> Self {
        Self
    }

    /// One half of a digit at the places of a block, as numbers.
    #[inline]
    #[target_feature(enable = "neon")]
    fn numbers(
        &self,
        row: &KeyRow<'_>,
        (place, digit, half): (usize, usize, usize),
    ) -> [Float; BLOCK / LANES] {
        let block = row.block(place, digit, half);
        let vectors = block.as_chunks::<LANES>().0;
        std::array::from_fn(|vector| to_float(load(&vectors[vector])))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::KeyShape;
    use super::super::detect;
    use super::*;

    /// Odd products near q/2, all of one sign: without a reduction their sum soon is no longer exact.
    #[test]
    fn long_inner_products_stay_within_the_limit() {
        for modulus in [65_537, (1 << 49) - 1, (1 << 50) - 1] {
            let q = Modulus::new(modulus);
            let kernels = detect(q.bits()).unwrap();
            for count in 1..=64 {
                let shape = KeyShape::new(&q, count);
                let mut ones = vec![0; shape.words(BLOCK)];
                for digit in 0..count {
                    shape.store(&mut ones, digit, [&[1; BLOCK]; 2]);
                }
                let key = KeyRow::new(shape, &ones);
                for digit in [modulus / 2, modulus / 2 + 1] {
                    let row = [digit; BLOCK];
                    let digits = vec![&row[..]; count];
                    let (mut b, mut a) = ([0; BLOCK], [0; BLOCK]);
                    kernels.inner_products(&q, [&mut b, &mut a], &digits, key);
                    let expected = q.mul(digit, count as u64);
                    assert_eq!([b, a], [[expected; BLOCK]; 2]);
                }
            }
        }
    }
}
