use crate::error::{Error, Result};
use crate::kernels::AlignedWords;
use crate::keys::SwitchingKey;
use crate::parallel::{for_each_row, for_each_row_of, idle_beside, in_pool};
use crate::params::{Context, KeySwitching};
use crate::ring::{CoeffPoly, NttPoly, TailDivider};
use std::sync::Arc;

/// A polynomial cut into digits that are small, over the extended basis of its level: what every key switch of that
/// polynomial starts from.
#[derive(Debug)]
pub struct HoistedDigits {
    context: Arc<Context>,
    level: usize,
    /// For each prime of the extended basis, a row for each digit.
    rows: AlignedWords,
}

impl HoistedDigits {
    /// The digits of `poly` at `level`.
    ///
    /// Source: eprint 2019/688, section 3, with balanced digits (see [`crate::ring::BasisConverter::balanced`]).
    pub(super) fn new(context: &Arc<Context>, level: usize, poly: &NttPoly) -> Result<Self> {
        let switching = context.key_switching(level)?;
        let cut = Cut::new(switching, poly);
        let length = switching.digits.len() * context.degree();
        let mut rows = switching
            .extended
            .pool()
            .take(switching.extended.len() * length);
        for_each_row(&mut rows, length, |i, rows| cut.digit_rows(i, rows));
        Ok(Self {
            context: Arc::clone(context),
            level,
            rows,
        })
    }

    /// The two polynomials of a ciphertext, under the key's target, of the product of the cut polynomial and the key's
    /// source; `place` puts their rows in place.
    pub(super) fn switch(&self, key: &SwitchingKey, place: impl Place) -> Result<[NttPoly; 2]> {
        let switching = self.context.key_switching(self.level)?;
        let length = switching.digits.len() * self.context.degree();
        let sums = |i: usize, sums: [&mut [u64]; 2]| {
            let digits = &self.rows[i * length..(i + 1) * length];
            multiply(switching, i, digits, key, sums);
        };
        Ok(in_pool(self.rows.len(), || {
            divided(switching, &switching.divider, sums, place)
        }))
    }
}

impl Drop for HoistedDigits {
    /// The buffer goes back to the pool.
    fn drop(&mut self) {
        self.context
            .key_basis()
            .pool()
            .put(std::mem::take(&mut self.rows));
    }
}

/// Where the rows of a switched ciphertext go: it is called with the number of a prime, the two rows to fill, and a function that
/// computes both rows of the switched ciphertext into the rows it is given.
pub(super) trait Place:
    Fn(usize, [&mut [u64]; 2], &dyn Fn([&mut [u64]; 2])) + Sync + Send
{
}

impl<F: Fn(usize, [&mut [u64]; 2], &dyn Fn([&mut [u64]; 2])) + Sync + Send> Place for F {}

/// [`HoistedDigits::new`] and [`HoistedDigits::switch`] in one, for a polynomial that is switched once.
pub(super) fn switch(
    context: &Context,
    level: usize,
    poly: &NttPoly,
    key: &SwitchingKey,
    place: impl Place,
) -> Result<[NttPoly; 2]> {
    let switching = context.key_switching(level)?;
    Ok(in_pool(poly.data().len(), || {
        let cut = Cut::new(switching, poly);
        let sums = |i: usize, sums: [&mut [u64]; 2]| cut.sums(i, key, sums);
        divided(switching, &switching.divider, sums, place)
    }))
}

/// The raw product `(c_0, c_1, c_2)` at `level`, relinearized.
pub(super) fn relinearize(
    context: &Context,
    level: usize,
    [c0, c1, c2]: [&NttPoly; 3],
    key: &SwitchingKey,
) -> Result<[NttPoly; 2]> {
    switch(context, level, c2, key, |i, [first, second], compute| {
        compute([&mut *first, &mut *second]);
        let q = c0.basis().modulus(i);
        q.kernels().add_assign(q, first, c0.row(i));
        q.kernels().add_assign(q, second, c1.row(i));
    })
}

/// The raw product `(c_0, c_1, c_2)` at `level`, which is not 0, relinearized and rescaled: one division by the special primes
/// and the level's last prime together.
pub(super) fn relinearize_and_rescale(
    context: &Context,
    level: usize,
    [c0, c1, c2]: [&NttPoly; 3],
    key: &SwitchingKey,
) -> Result<[NttPoly; 2]> {
    let switching = context.key_switching(level)?;
    let exhausted = Error::LevelExhausted { needed: 1, left: 0 };
    let divider = switching.rescaling_divider.as_ref().ok_or(exhausted)?;
    Ok(in_pool(c2.data().len(), || {
        let cut = Cut::new(switching, c2);
        // P c_0 and P c_1 join the sums, which the division by P undoes; they are 0 modulo the special primes.
        let sums = |i: usize, [first, second]: [&mut [u64]; 2]| {
            cut.sums(i, key, [&mut *first, &mut *second]);
            let Some(&factor) = switching.special_factors.get(i) else {
                return;
            };
            let q = switching.extended.modulus(i);
            let pool = switching.extended.pool();
            let mut product = pool.take(context.degree());
            for (sum, poly) in [(first, c0), (second, c1)] {
                product.copy_from_slice(poly.row(i));
                q.kernels().scale(q, &mut product, factor);
                q.kernels().add_assign(q, sum, &product);
            }
            pool.put(product);
        };
        divided(switching, divider, sums, |_, rows, compute| compute(rows))
    }))
}

/// Both sums over the extended basis, divided by the last primes: first the sums modulo those, then, prime by prime, each
/// other row is summed, divided and put in place while it lies in the cache.
fn divided(
    switching: &KeySwitching,
    divider: &TailDivider,
    sums: impl Fn(usize, [&mut [u64]; 2]) + Sync + Send,
    place: impl Place,
) -> [NttPoly; 2] {
    let (extended, head, converter) = (&switching.extended, divider.head(), divider.converter());
    let (pool, degree) = (extended.pool(), extended.degree());
    let tail = extended.len() - head.len();
    // Rows of the head that are summed beside the tail by threads that would be idle.
    let early = idle_beside(tail).min(head.len());
    let start = head.len() - early;
    let length = (early + converter.centred_width()) * degree;
    let mut buffers = [0, 1].map(|_| pool.take(length));
    let rows = buffers
        .each_mut()
        .map(|rows| &mut rows[..(early + tail) * degree]);
    for_each_row_of(rows, degree, |row, [first, second]| {
        let i = start + row;
        sums(i, [&mut *first, &mut *second]);
        if i >= head.len() {
            for sum in [first, second] {
                extended.table(i).inverse(sum);
                converter.centred_weight(i - head.len(), sum);
            }
        }
    });
    let [first_sums, second_sums] = buffers.each_mut().map(|rows| {
        let (sums, weights) = rows.split_at_mut(early * degree);
        converter.complete_centred_weights(weights);
        (&*sums, &*weights)
    });
    let [mut first, mut second] = [0, 1].map(|_| NttPoly::unspecified(head));
    for_each_row_of([first.data_mut(), second.data_mut()], degree, |i, rows| {
        place(i, rows, &|[first, second]| {
            if i < start {
                sums(i, [&mut *first, &mut *second]);
            }
            for (row, (sums, weights)) in [(first, first_sums), (second, second_sums)] {
                if i >= start {
                    row.copy_from_slice(&sums[(i - start) * degree..][..degree]);
                }
                divider.divide_row(i, row, weights);
            }
        });
    });
    for rows in buffers {
        pool.put(rows);
    }
    [first, second]
}

/// Row i of both sums: the digits times the key's rows.
fn multiply(
    switching: &KeySwitching,
    i: usize,
    digits: &[u64],
    key: &SwitchingKey,
    sums: [&mut [u64]; 2],
) {
    let position = switching.positions[i];
    let q = switching.extended.modulus(i);
    q.kernels()
        .inner_products(q, sums, digits, key.row(position));
}

/// A polynomial ready to be cut: its digits' rows are made one at a time.
struct Cut<'a> {
    switching: &'a KeySwitching,
    poly: &'a NttPoly,
    /// The shared part of each digit's conversion, in the rows of the digit's primes.
    weights: CoeffPoly,
}

impl<'a> Cut<'a> {
    fn new(switching: &'a KeySwitching, poly: &'a NttPoly) -> Self {
        let mut weights = CoeffPoly::unspecified(poly.basis());
        weights.for_each_row(|i, row| {
            row.copy_from_slice(poly.row(i));
            poly.basis().table(i).inverse(row);
            let mut digits = switching.digits.iter();
            if let Some(digit) = digits.find(|digit| digit.rows.contains(&i)) {
                digit.converter.balanced_weight(i - digit.rows.start, row);
            }
        });
        Self {
            switching,
            poly,
            weights,
        }
    }

    /// Row i, over the extended basis, of both sums of digits times key: the digits' rows are made, multiplied and forgotten
    /// while they lie in the cache.
    fn sums(&self, i: usize, key: &SwitchingKey, sums: [&mut [u64]; 2]) {
        let pool = self.switching.extended.pool();
        let mut digits = pool.take(self.switching.digits.len() * self.poly.basis().degree());
        self.digit_rows(i, &mut digits);
        multiply(self.switching, i, &digits, key, sums);
        pool.put(digits);
    }

    /// Row i, over the extended basis, of each digit.
    fn digit_rows(&self, i: usize, rows: &mut [u64]) {
        let degree = self.poly.basis().degree();
        rows.chunks_exact_mut(degree)
            .enumerate()
            .for_each(|(number, row)| self.digit_row(number, i, row));
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
        let plain =
            |_: usize, rows: [&mut [u64]; 2], compute: &dyn Fn([&mut [u64]; 2])| compute(rows);
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
                    .switch(&key.0, plain)
                    .unwrap();
                assert_eq!(
                    switch(context.rlwe(), level, &poly, &key.0, plain).unwrap(),
                    hoisted
                );
            }
        }
    }
}
