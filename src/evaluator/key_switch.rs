use crate::error::Result;
use crate::keys::{KeyDigit, SwitchingKey};
use crate::params::{Context, KeySwitching};
use crate::ring::NttPoly;
use std::sync::Arc;

/// A polynomial cut into digits that are small, over the extended basis of its level: what every key switch of that
/// polynomial starts from.
#[derive(Debug)]
pub struct HoistedDigits {
    context: Arc<Context>,
    level: usize,
    digits: Vec<NttPoly>,
}

impl HoistedDigits {
    /// The digits of `poly` at `level`.
    ///
    /// Source: eprint 2019/688, section 3, with balanced digits (see [`crate::ring::BasisConverter::balanced`]).
    pub(super) fn new(context: &Arc<Context>, level: usize, poly: &NttPoly) -> Result<Self> {
        let cut = Cut::new(context.key_switching(level)?, poly);
        let extended = &cut.switching.extended;
        let digits = crate::parallel::map(cut.switching.digits.len(), |number| {
            let mut lifted = NttPoly::unspecified(extended);
            lifted.for_each_row(|i, row| cut.digit_row(number, i, row));
            lifted
        });
        Ok(Self {
            context: Arc::clone(context),
            level,
            digits,
        })
    }

    /// The two polynomials of a ciphertext, under the key's target, of the product of the cut polynomial and the key's
    /// source.
    pub(super) fn switch(&self, key: &SwitchingKey) -> Result<[NttPoly; 2]> {
        let switching = self.context.key_switching(self.level)?;
        let sum = |half: fn(&KeyDigit) -> &NttPoly| {
            let mut sum = NttPoly::zero(&switching.extended);
            sum.for_each_row(|i, row| {
                let q = switching.extended.modulus(i);
                for (digit, key) in self.digits.iter().zip(key.digits()) {
                    q.kernels().mul_add_assign(
                        q,
                        row,
                        digit.row(i),
                        half(key).row(switching.positions[i]),
                    );
                }
            });
            switching.divider.divide(sum)
        };
        Ok([sum(|digit| &digit.b), sum(|digit| &digit.a)])
    }
}

/// [`HoistedDigits::new`] and [`HoistedDigits::switch`] in one, for a polynomial that is switched once: prime by prime, each
/// digit's row is made, multiplied and forgotten while it lies in the cache.
pub(super) fn switch(
    context: &Context,
    level: usize,
    poly: &NttPoly,
    key: &SwitchingKey,
) -> Result<[NttPoly; 2]> {
    let cut = Cut::new(context.key_switching(level)?, poly);
    let switching = cut.switching;
    let (extended, degree) = (&switching.extended, context.degree());
    // Row i of both sums side by side, so that one pass fills them.
    let mut sums = extended.pool().take(2 * extended.len() * degree);
    crate::parallel::for_each_row(&mut sums, 2 * degree, |i, rows| {
        let q = extended.modulus(i);
        let (b, a) = rows.split_at_mut(degree);
        b.fill(0);
        a.fill(0);
        let mut digit_row = extended.pool().take(degree);
        for (number, digit) in key.digits().iter().enumerate().take(switching.digits.len()) {
            cut.digit_row(number, i, &mut digit_row);
            let position = switching.positions[i];
            q.kernels()
                .mul_add_assign(q, b, &digit_row, digit.b.row(position));
            q.kernels()
                .mul_add_assign(q, a, &digit_row, digit.a.row(position));
        }
        extended.pool().put(digit_row);
    });
    let half = |offset: usize| {
        let mut sum = NttPoly::unspecified(extended);
        sum.for_each_row(|i, row| {
            row.copy_from_slice(&sums[(2 * i + offset) * degree..][..degree])
        });
        switching.divider.divide(sum)
    };
    let switched = [half(0), half(1)];
    extended.pool().put(sums);
    Ok(switched)
}

/// A polynomial ready to be cut: its digits' rows are made one at a time.
struct Cut<'a> {
    switching: &'a KeySwitching,
    poly: &'a NttPoly,
    /// The shared part of each digit's conversion, in the rows of the digit's primes.
    weights: NttPoly,
}

impl<'a> Cut<'a> {
    fn new(switching: &'a KeySwitching, poly: &'a NttPoly) -> Self {
        let degree = poly.basis().degree();
        let coefficients = poly.clone().into_coeff();
        let mut weights = NttPoly::unspecified(poly.basis());
        for digit in &switching.digits {
            let rows = digit.rows.start * degree..digit.rows.end * degree;
            let weights = &mut weights.data_mut()[rows.clone()];
            digit
                .converter
                .balanced_weights(&coefficients.data()[rows], weights);
        }
        Self {
            switching,
            poly,
            weights,
        }
    }

    /// Row i, over the extended basis, of digit `number`.
    fn digit_row(&self, number: usize, i: usize, row: &mut [u64]) {
        let digit = &self.switching.digits[number];
        if digit.rows.contains(&i) {
            // Modulo its own primes a digit is the polynomial itself, already transformed.
            row.copy_from_slice(self.poly.row(i));
            return;
        }
        let degree = row.len();
        let weights = &self.weights.data()[digit.rows.start * degree..digit.rows.end * degree];
        let target = if i < digit.rows.start {
            i
        } else {
            i - digit.rows.len()
        };
        digit.converter.balanced_row(target, weights, row);
        self.switching.extended.table(i).forward(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyGenerator;
    use crate::params::CkksContext;
    use crate::ring::{Seed, expand_seed};
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    #[test]
    fn hoisted_and_direct_switches_are_bit_equal() {
        for (special, bits) in [
            (1, vec![50, 30, 30, 30, 50]),
            (2, vec![50, 30, 30, 30, 30, 45, 45]),
        ] {
            let builder = CkksContext::builder()
                .degree(64)
                .prime_bits(&bits)
                .special_primes(special)
                .scale_bits(30);
            let context = builder.insecure_skip_security_check().build().unwrap();
            let mut rng = ChaCha20Rng::seed_from_u64(1);
            let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
            let key = KeyGenerator::new(&secret)
                .relinearization_key(&mut rng)
                .unwrap();
            for level in 0..=context.top_level() {
                let poly: NttPoly =
                    expand_seed(context.rlwe().basis(level).unwrap(), &Seed([5; 32]), 0);
                let hoisted = HoistedDigits::new(context.rlwe(), level, &poly)
                    .unwrap()
                    .switch(&key.0)
                    .unwrap();
                assert_eq!(
                    switch(context.rlwe(), level, &poly, &key.0).unwrap(),
                    hoisted
                );
            }
        }
    }
}
