use crate::error::Result;
use crate::kernels::{AlignedWords, Modulus, ShoupScalar};
use crate::keys::SwitchingKey;
use crate::parallel::{for_each_row, for_each_row_of, idle_beside, in_pool};
use crate::params::{Context, Gadget, KeySwitching, no_level_left};
use crate::ring::{CoeffPoly, NttPoly, PART, RnsBasis, TailDivider};
use std::sync::Arc;

/// A polynomial cut into digits that are small, over the extended basis of its level: what every key switch of that
/// polynomial starts from.
#[derive(Debug)]
pub(super) struct HoistedDigits {
    context: Arc<Context>,
    gadget: Arc<Gadget>,
    level: usize,
    /// For each prime of the extended basis, for each [strip](STRIP) of places, the part of each digit's row.
    rows: AlignedWords,
}

impl HoistedDigits {
    /// The digits of `poly` at `level`, for keys of the gadget.
    ///
    /// Source: eprint 2019/688, section 3, with balanced digits (see [`crate::ring::BasisConverter::balanced`]).
    pub(super) fn new(
        (context, gadget): (&Arc<Context>, &Arc<Gadget>),
        level: usize,
        poly: &NttPoly,
    ) -> Result<Self> {
        let switching = gadget.at(level)?;
        let cut = Cut::new(switching, poly);
        let length = switching.digits.len() * context.degree();
        let mut rows = switching
            .extended
            .pool()
            .take(switching.extended.len() * length);
        for_each_row(&mut rows, length, |i, rows| {
            let mut whole = switching.extended.pool().take(length);
            cut.digit_rows(i, &mut whole);
            let strip = strip_length(context.degree());
            let parts = rows.chunks_exact_mut(strip).enumerate();
            for (number, part) in parts {
                let (strips, digit) = (
                    number / switching.digits.len(),
                    number % switching.digits.len(),
                );
                part.copy_from_slice(&whole[digit * context.degree() + strips * strip..][..strip]);
            }
            switching.extended.pool().put(whole);
        });
        Ok(Self {
            context: Arc::clone(context),
            gadget: Arc::clone(gadget),
            level,
            rows,
        })
    }

    /// The two polynomials of a ciphertext, under the key's target, of the product of the cut polynomial and the key's
    /// source; `place` puts their rows in place.
    pub(super) fn switch(&self, key: &SwitchingKey, place: impl Place) -> Result<[NttPoly; 2]> {
        let switching = self.gadget.at(self.level)?;
        let sums = |i: usize, sums: [&mut [u64]; 2]| self.multiply((switching, i), key, sums);
        Ok(in_pool(self.rows.len(), || {
            divided(switching, &switching.divider, sums, place)
        }))
    }

    /// Row i, over the extended basis, of both sums of digits times key: not divided by P yet.
    pub(super) fn multiply(
        &self,
        of: (&KeySwitching, usize),
        key: &SwitchingKey,
        sums: [&mut [u64]; 2],
    ) {
        let strip = strip_length(self.context.degree());
        let strips = sums.map(|sums| sums.chunks_exact_mut(strip));
        let [first, second] = strips;
        for (number, (first, second)) in first.zip(second).enumerate() {
            self.multiply_strip(of, number * strip, key, [first, second]);
        }
    }

    /// The part of [`multiply`](Self::multiply) at a strip of places, which begins at `start`.
    pub(super) fn multiply_strip(
        &self,
        (switching, i): (&KeySwitching, usize),
        start: usize,
        key: &SwitchingKey,
        sums: [&mut [u64]; 2],
    ) {
        let (digits, degree) = (switching.digits.len(), self.context.degree());
        let digits = &self.rows[(i * degree + start) * digits..][..sums[0].len() * digits];
        let q = switching.extended.modulus(i);
        let row = key.row(switching.positions[i]).starting_at(start);
        q.kernels().inner_products(q, sums, digits, row);
    }
}

/// Hoisted digits are multiplied by a key and rotated in strips of so many places, an aligned power of two: what a fused sum needs of all
/// rotations at a strip fits an L2 cache of 2 MB.
const STRIP: usize = 2048;

/// The length of the strips of a row of `degree` places.
pub(super) fn strip_length(degree: usize) -> usize {
    degree.min(STRIP)
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
pub(super) trait Place: Fn(usize, [&mut [u64]; 2], Compute<'_>) + Sync + Send {}

impl<F: Fn(usize, [&mut [u64]; 2], Compute<'_>) + Sync + Send> Place for F {}

/// Computes both rows of a switched ciphertext modulo one prime.
pub(super) type Compute<'a> = &'a dyn Fn([&mut [u64]; 2]);

/// [`HoistedDigits::new`] and [`HoistedDigits::switch`] in one, for a polynomial that is switched once.
pub(super) fn switch(
    level: usize,
    poly: &NttPoly,
    key: &SwitchingKey,
    place: impl Place,
) -> Result<[NttPoly; 2]> {
    let switching = key.switching(level)?;
    Ok(in_pool(poly.data().len(), || {
        let cut = Cut::new(switching, poly);
        let sums = |i: usize, sums: [&mut [u64]; 2]| cut.sums(i, key, sums);
        divided(switching, &switching.divider, sums, place)
    }))
}

/// The raw product `(c_0, c_1, c_2)` at `level`, relinearized.
pub(super) fn relinearize(
    level: usize,
    [c0, c1, c2]: [&NttPoly; 3],
    key: &SwitchingKey,
) -> Result<[NttPoly; 2]> {
    switch(level, c2, key, |i, [first, second], compute| {
        compute([&mut *first, &mut *second]);
        let q = c0.basis().modulus(i);
        q.kernels().add_assign(q, first, c0.row(i));
        q.kernels().add_assign(q, second, c1.row(i));
    })
}

/// The product of two ciphertexts of degree 1 at `level`, relinearized. The lower polynomials of the raw product join the result
/// row by row and are never stored.
pub(super) fn multiply(
    level: usize,
    a: [&NttPoly; 2],
    b: [&NttPoly; 2],
    key: &SwitchingKey,
) -> Result<[NttPoly; 2]> {
    in_pool(a[0].data().len(), || {
        let place = |i: usize, [first, second]: [&mut [u64]; 2], compute: Compute<'_>| {
            compute([&mut *first, &mut *second]);
            let q = a[0].basis().modulus(i);
            add_lower_products(
                q,
                [first, second],
                a.map(|poly| poly.row(i)),
                b.map(|poly| poly.row(i)),
            );
        };
        switch(level, &a[1].product(b[1]), key, place)
    })
}

/// [`multiply`] at a level that is not 0, and the rescale: one division by the special primes and the level's last prime together.
pub(super) fn multiply_and_rescale(
    level: usize,
    a: [&NttPoly; 2],
    b: [&NttPoly; 2],
    key: &SwitchingKey,
) -> Result<[NttPoly; 2]> {
    in_pool(a[0].data().len(), || {
        let lower = |i: usize, factor, sums: [&mut [u64]; 2]| {
            let q = a[0].basis().modulus(i);
            let [first, second] = sums.map(|sum| sum.chunks_mut(PART));
            for (start, (first, second)) in (0..).step_by(PART).zip(first.zip(second)) {
                let range = start..start + first.len();
                let [a, b] = [a, b].map(|polys| polys.map(|poly| &poly.row(i)[range.clone()]));
                let mut scaled = [[0; PART]; 2];
                let [a0, a1] = scaled.each_mut().map(|part| &mut part[..first.len()]);
                for (scaled, a) in [&mut *a0, &mut *a1].into_iter().zip(a) {
                    scaled.copy_from_slice(a);
                    q.kernels().scale(q, scaled, factor);
                }
                add_lower_products(q, [first, second], [a0, a1], b);
            }
        };
        switch_and_rescale(level, &a[1].product(b[1]), key, lower)
    })
}

/// [`relinearize`] at a level that is not 0, and the rescale, with one division as in [`multiply_and_rescale`].
pub(super) fn relinearize_and_rescale(
    level: usize,
    [c0, c1, c2]: [&NttPoly; 3],
    key: &SwitchingKey,
) -> Result<[NttPoly; 2]> {
    switch_and_rescale(level, c2, key, |i, factor, sums| {
        let basis = c0.basis();
        let q = basis.modulus(i);
        let mut scaled = basis.pool().take(basis.degree());
        for (sum, poly) in sums.into_iter().zip([c0, c1]) {
            scaled.copy_from_slice(poly.row(i));
            q.kernels().scale(q, &mut scaled, factor);
            q.kernels().add_assign(q, sum, &scaled);
        }
        basis.pool().put(scaled);
    })
}

/// Switches `last`, adds to both sums the rows that `lower` adds, times the factor that it is given, which is P, and divides by the
/// special primes and the level's last prime.
fn switch_and_rescale(
    level: usize,
    last: &NttPoly,
    key: &SwitchingKey,
    lower: impl Fn(usize, ShoupScalar, [&mut [u64]; 2]) + Sync + Send,
) -> Result<[NttPoly; 2]> {
    let switching = key.switching(level)?;
    let divider = switching.rescaling_divider.as_ref();
    let divider = divider.ok_or_else(no_level_left)?;
    Ok(in_pool(last.data().len(), || {
        let cut = Cut::new(switching, last);
        // Times P, the rows are 0 modulo the special primes.
        let sums = |i: usize, [first, second]: [&mut [u64]; 2]| {
            cut.sums(i, key, [&mut *first, &mut *second]);
            if let Some(&factor) = switching.special_factors.get(i) {
                lower(i, factor, [first, second]);
            }
        };
        divided(switching, divider, sums, |_, rows, compute| compute(rows))
    }))
}

/// The raw product of two ciphertexts of degree 1, `(a0 b0, a0 b1 + a1 b0, a1 b1)`, prime by prime.
pub(super) fn raw_product(a: [&NttPoly; 2], b: [&NttPoly; 2]) -> [NttPoly; 3] {
    raw_product_over(a[0].basis(), (a, b))
}

/// [`raw_product`] modulo the primes of `basis`, the first of those that the factors have.
fn raw_product_over(basis: &Arc<RnsBasis>, ([a0, a1], [b0, b1]): FactorPolys<'_>) -> [NttPoly; 3] {
    let [mut first, mut middle, mut last] = [0; 3].map(|_| NttPoly::unspecified(basis));
    let outs = [first.data_mut(), middle.data_mut(), last.data_mut()];
    for_each_row_of(outs, basis.degree(), |i, [first, middle, last]| {
        let q = basis.modulus(i);
        for start in (0..basis.degree()).step_by(PART) {
            let range = start..basis.degree().min(start + PART);
            let [a0, a1, b0, b1] = [a0, a1, b0, b1].map(|poly| &poly.row(i)[range.clone()]);
            let middle = &mut middle[range.clone()];
            let (first, last) = (&mut first[range.clone()], &mut last[range.clone()]);
            for (out, a, b) in [(first, a0, b0), (&mut *middle, a0, b1), (last, a1, b1)] {
                out.copy_from_slice(a);
                q.kernels().mul_assign(q, out, b);
            }
            q.kernels().mul_add_assign(q, middle, a1, b0);
        }
    });
    [first, middle, last]
}

/// The polynomials of two factors of degree 1.
pub(super) type FactorPolys<'a> = ([&'a NttPoly; 2], [&'a NttPoly; 2]);

/// The sum of the raw products of pairs modulo the primes of `basis`, the first of those that the factors have; `None` for no pairs.
pub(super) fn raw_products(
    basis: &Arc<RnsBasis>,
    pairs: &[FactorPolys<'_>],
) -> Option<[NttPoly; 3]> {
    let (&first, rest) = pairs.split_first()?;
    Some(in_pool(basis.len() * basis.degree(), || {
        let mut sum = raw_product_over(basis, first);
        add_raw_products(&mut sum, rest);
        sum
    }))
}

/// Adds the raw products of pairs, prime by prime: the rows of the sum stay in the cache.
pub(super) fn add_raw_products(sum: &mut [NttPoly; 3], pairs: &[FactorPolys<'_>]) {
    let basis = Arc::clone(sum[0].basis());
    let outs = sum.each_mut().map(NttPoly::data_mut);
    for_each_row_of(outs, basis.degree(), |i, [first, middle, last]| {
        let q = basis.modulus(i);
        for (a, b) in pairs {
            let (a, b) = (a.map(|poly| poly.row(i)), b.map(|poly| poly.row(i)));
            add_lower_products(q, [&mut *first, &mut *middle], a, b);
            q.kernels().mul_add_assign(q, last, a[1], b[1]);
        }
    });
}

/// Adds `a_0 b_0` and `a_0 b_1 + a_1 b_0`, one row of each.
fn add_lower_products(
    q: &Modulus,
    [first, second]: [&mut [u64]; 2],
    [a0, a1]: [&[u64]; 2],
    [b0, b1]: [&[u64]; 2],
) {
    let kernels = q.kernels();
    kernels.mul_add_assign(q, first, a0, b0);
    kernels.mul_add_assign(q, second, a0, b1);
    kernels.mul_add_assign(q, second, a1, b0);
}

/// Both sums over the extended basis, divided by the last primes: first the sums modulo those, then, prime by prime, each
/// other row is summed, divided and put in place while it lies in the cache.
pub(super) fn divided(
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

/// A polynomial ready to be cut: its digits' rows are made one at a time.
pub(super) struct Cut<'a> {
    switching: &'a KeySwitching,
    poly: &'a NttPoly,
    /// The shared part of each digit's conversion, in the rows of the digit's primes.
    weights: CoeffPoly,
}

impl<'a> Cut<'a> {
    pub(super) fn new(switching: &'a KeySwitching, poly: &'a NttPoly) -> Self {
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
    pub(super) fn sums(&self, i: usize, key: &SwitchingKey, sums: [&mut [u64]; 2]) {
        let pool = self.switching.extended.pool();
        let mut digits = pool.take(self.switching.digits.len() * self.poly.basis().degree());
        self.digit_rows(i, &mut digits);
        let q = self.switching.extended.modulus(i);
        let key = key.row(self.switching.positions[i]);
        q.kernels().inner_products(q, sums, &digits, key);
        pool.put(digits);
    }

    /// Row i, over the extended basis, of each digit.
    pub(super) fn digit_rows(&self, i: usize, rows: &mut [u64]) {
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
    use crate::keys::{KeyGenerator, RelinearizationKey};
    use crate::params::CkksContext;
    use crate::ring::{Seed, expand_seed};
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    /// Small contexts of one special prime and of two, each with a relinearization key.
    fn contexts() -> impl Iterator<Item = (CkksContext, RelinearizationKey)> {
        let sets = [
            (1, vec![50, 30, 30, 30, 50]),
            (2, vec![50, 30, 30, 30, 30, 45, 45]),
        ];
        sets.into_iter().map(|(special, bits)| {
            let builder = CkksContext::builder()
                .degree(64)
                .prime_bits(&bits)
                .special_primes(special)
                .scale_bits(30);
            let context = builder.insecure_skip_security_check().build().unwrap();
            let mut rng = ChaCha20Rng::seed_from_u64(1);
            let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
            let key = KeyGenerator::new(&secret).relinearization_key(&mut rng);
            (context, key.unwrap())
        })
    }

    /// A polynomial at `level`.
    fn poly(context: &CkksContext, level: usize, seed: u8) -> NttPoly {
        expand_seed(context.rlwe().basis(level).unwrap(), &Seed([seed; 32]), 0)
    }

    #[test]
    fn hoisted_and_direct_switches_are_bit_equal() {
        let plain =
            |_: usize, rows: [&mut [u64]; 2], compute: &dyn Fn([&mut [u64]; 2])| compute(rows);
        for (context, key) in contexts() {
            for level in 0..=context.top_level() {
                let poly = poly(&context, level, 5);
                let of = (context.rlwe(), context.rlwe().gadget().unwrap());
                let hoisted = HoistedDigits::new(of, level, &poly)
                    .unwrap()
                    .switch(&key.0, plain)
                    .unwrap();
                assert_eq!(switch(level, &poly, &key.0, plain).unwrap(), hoisted);
            }
        }
    }

    #[test]
    fn fused_products_equal_raw_products_relinearized() {
        for (context, key) in contexts() {
            let rlwe = context.rlwe();
            for level in 0..=context.top_level() {
                let [a0, a1, b0, b1] = [1, 2, 3, 4].map(|seed| poly(&context, level, seed));
                let (a, b) = ([&a0, &a1], [&b0, &b1]);
                let raw = raw_product(a, b);
                assert_eq!(
                    multiply(level, a, b, &key.0).unwrap(),
                    relinearize(level, raw.each_ref(), &key.0).unwrap()
                );
                let rescaled = multiply_and_rescale(level, a, b, &key.0);
                let in_steps = relinearize_and_rescale(level, raw.each_ref(), &key.0);
                assert_eq!(rescaled.as_ref().ok(), in_steps.as_ref().ok());
                if level == 0 {
                    assert!(rescaled.is_err());
                    continue;
                }
                // The whole sums, then one plain division.
                let switching = rlwe.key_switching(level).unwrap();
                let cut = Cut::new(switching, &raw[2]);
                let mut sums = [0, 1].map(|_| NttPoly::unspecified(&switching.extended));
                for i in 0..switching.extended.len() {
                    cut.sums(i, &key.0, sums.each_mut().map(|sum| sum.row_mut(i)));
                    if let Some(&factor) = switching.special_factors.get(i) {
                        let q = switching.extended.modulus(i);
                        for (sum, lower) in sums.iter_mut().zip(&raw) {
                            for (x, &y) in sum.row_mut(i).iter_mut().zip(lower.row(i)) {
                                *x = q.add(*x, q.mul_shoup(y, factor));
                            }
                        }
                    }
                }
                let divider = switching.rescaling_divider.as_ref().unwrap();
                assert_eq!(rescaled.unwrap(), sums.map(|sum| divider.divide(&sum)));
            }
        }
    }
}
