use crate::error::Result;
use crate::evaluator::digits::{Decomposition, DigitGroup, group_of};
use crate::kernels::{AlignedWords, Modulus, ShoupScalar};
use crate::keys::SwitchingKey;
use crate::parallel::{for_each_item, for_each_row_of, idle_beside, in_pool};
use crate::params::{KeySwitching, no_level_left};
use crate::ring::{NttPoly, PART, RnsBasis, TailDivider, row_stride};
use std::array::from_fn;
use std::ops::Range;
use std::sync::Arc;

/// Where the rows of a switched ciphertext go: it is called with the number of a prime, the two rows to fill, and a function that
/// computes both rows of the switched ciphertext into the rows it is given.
pub(super) trait WriteRows: Fn(usize, [&mut [u64]; 2], Compute<'_>) + Sync + Send {}

impl<F: Fn(usize, [&mut [u64]; 2], Compute<'_>) + Sync + Send> WriteRows for F {}

/// Computes both rows of a switched ciphertext modulo one prime.
pub(super) type Compute<'a> = &'a mut dyn FnMut([&mut [u64]; 2]);

/// Key-switches a polynomial d: returns `(c_0, c_1)` with `c_0 + c_1 s_to ≈ d s_from` for the key's secrets. `write` writes each finished row
/// to the output.
pub(super) fn switch(
    level: usize,
    poly: &NttPoly,
    key: &SwitchingKey,
    write: impl WriteRows,
) -> Result<[NttPoly; 2]> {
    let switching = key.switching(level)?;
    Ok(in_pool(poly.data().len(), || {
        let decomposition = Decomposition::new(switching, poly);
        let prepare = |primes: Range<usize>| decomposition.group(primes);
        let sums = |digits: &DigitGroup<'_>, i: usize, sums: [&mut [u64]; 2]| {
            digits.multiply(i, key, sums);
        };
        divided((switching, &switching.divider), (prepare, sums), write)
    }))
}

/// [`switch`] of one polynomial by several keys of one span, each written in its own way: a prime's digits are made once for all of them.
pub(super) fn switch_many<P: WriteRows>(
    level: usize,
    poly: &NttPoly,
    keys: &[(&SwitchingKey, P)],
) -> Result<Vec<[NttPoly; 2]>> {
    let Some((first, _)) = keys.first() else {
        return Ok(Vec::new());
    };
    let switching = first.switching(level)?;
    Ok(in_pool(poly.data().len(), || {
        let decomposition = Decomposition::new(switching, poly);
        let each = 2 * switching.divider.weights_length();
        let mut results: Vec<[NttPoly; 2]> = (keys.iter())
            .map(|_| from_fn(|_| NttPoly::unspecified(poly.basis())))
            .collect();
        let batch = (REMAINDERS / each).max(1);
        for (results, keys) in results.chunks_mut(batch).zip(keys.chunks(batch)) {
            let prepare = |primes: Range<usize>| decomposition.group(primes);
            let sums =
                |digits: &DigitGroup<'_>, (which, i): (usize, usize), sums: [&mut [u64]; 2]| {
                    digits.multiply(i, keys[which].0, sums);
                };
            let write =
                |(which, i): (usize, usize), rows: [&mut [u64]; 2], compute: Compute<'_>| {
                    keys[which].1(i, rows, compute);
                };
            let of = (switching, &switching.divider);
            divide_all(results, of, (prepare, sums), write);
        }
        results
    }))
}

/// So many words of remainders of several switches are kept at a time: 96 MiB, about what the digits of a polynomial with N = 2^16 take.
const REMAINDERS: usize = 12 << 20;

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

/// The product of two ciphertexts of degree 1 at `level`, relinearized. The lower polynomials of the raw product are added to
/// the result row by row and never stored.
pub(super) fn multiply(
    level: usize,
    a: [&NttPoly; 2],
    b: [&NttPoly; 2],
    key: &SwitchingKey,
) -> Result<[NttPoly; 2]> {
    in_pool(a[0].data().len(), || {
        let write = |i: usize, [first, second]: [&mut [u64]; 2], compute: Compute<'_>| {
            compute([&mut *first, &mut *second]);
            let q = a[0].basis().modulus(i);
            add_lower_products(
                q,
                [first, second],
                a.map(|poly| poly.row(i)),
                b.map(|poly| poly.row(i)),
            );
        };
        switch(level, &a[1].product(b[1]), key, write)
    })
}

/// [`relinearize`] at a level that is not 0, and the rescale: one division by the special primes and the level's last prime together.
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
pub(super) fn switch_and_rescale(
    level: usize,
    last: &NttPoly,
    key: &SwitchingKey,
    lower: impl Fn(usize, ShoupScalar, [&mut [u64]; 2]) + Sync + Send,
) -> Result<[NttPoly; 2]> {
    let switching = key.switching(level)?;
    let divider = switching.rescaling_divider.as_ref();
    let divider = divider.ok_or_else(no_level_left)?;
    Ok(in_pool(last.data().len(), || {
        let decomposition = Decomposition::new(switching, last);
        let prepare = |primes: Range<usize>| decomposition.group(primes);
        // Times P, the rows are 0 modulo the special primes.
        let sums = |digits: &DigitGroup<'_>, i: usize, [first, second]: [&mut [u64]; 2]| {
            digits.multiply(i, key, [&mut *first, &mut *second]);
            if let Some(&factor) = switching.special_factors.get(i) {
                lower(i, factor, [first, second]);
            }
        };
        let write = |_: usize, rows: [&mut [u64]; 2], compute: Compute<'_>| compute(rows);
        divided((switching, divider), (prepare, sums), write)
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
pub(super) fn add_lower_products(
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

/// Both sums over the extended basis, divided by the last primes; see [`divide_all`].
pub(super) fn divided<T>(
    of: (&KeySwitching, &TailDivider),
    (prepare, sums): (
        impl Fn(Range<usize>) -> T + Sync + Send,
        impl Fn(&T, usize, [&mut [u64]; 2]) + Sync + Send,
    ),
    write: impl WriteRows,
) -> [NttPoly; 2] {
    let mut result = [from_fn(|_| NttPoly::unspecified(of.1.head()))];
    divide_all(
        &mut result,
        of,
        (prepare, |prepared: &T, (_, i), rows: [&mut [u64]; 2]| {
            sums(prepared, i, rows)
        }),
        |(_, i), rows, compute| write(i, rows, compute),
    );
    let [result] = result;
    result
}

/// Fills `results` with pairs of sums over the extended basis, divided by the last primes: first the sums modulo those, then, a few
/// primes at a time, each other row is summed, divided and written while it lies in the cache.
///
/// `prepare` makes what the sums modulo a range of primes share; `sums` sums a pair of rows, and `write` writes one, by the number of its
/// result and of its prime.
fn divide_all<T>(
    results: &mut [[NttPoly; 2]],
    (switching, divider): (&KeySwitching, &TailDivider),
    (prepare, sums): (
        impl Fn(Range<usize>) -> T + Sync + Send,
        impl Fn(&T, (usize, usize), [&mut [u64]; 2]) + Sync + Send,
    ),
    write: impl Fn((usize, usize), [&mut [u64]; 2], Compute<'_>) + Sync + Send,
) {
    let (extended, head) = (&switching.extended, divider.head());
    let (pool, degree, stride) = (
        extended.pool(),
        extended.degree(),
        row_stride(extended.degree()),
    );
    // Rows of the head that are summed beside the tail by threads that would be idle.
    let early = idle_beside(extended.len() - head.len()).min(head.len());
    let start = head.len() - early;
    let buffers = tails(
        results.len(),
        (switching, divider, early),
        (&prepare, &sums),
    );
    let group = group_of(switching, head.len());
    let rows = results
        .iter_mut()
        .map(|pair| pair.each_mut().map(NttPoly::data_mut));
    let words = 2 * buffers.len() * head.len() * degree;
    for_each_item(words, groups(rows, group * degree), |number, mut pairs| {
        let first = number * group;
        let primes = first..(first + group).min(head.len());
        let prepared = prepare(first.min(start)..primes.end.min(start));
        let length = primes.len() * degree;
        let mut scratch = pool.take(2 * length);
        let (firsts, seconds) = scratch.split_at_mut(length);
        let mut remainders = [firsts, seconds];
        for ((which, pair), buffers) in pairs.iter_mut().enumerate().zip(&buffers) {
            for (remainders, rows) in remainders.iter_mut().zip(buffers) {
                divider.remainder_rows(first, &rows[early * stride..], remainders);
            }
            for (row, i) in primes.clone().enumerate() {
                let mut remainders = row_of(&mut remainders, row * degree, degree);
                write(
                    (which, i),
                    row_of(pair, row * degree, degree),
                    &mut |[first, second]| {
                        if i < start {
                            sums(&prepared, (which, i), [&mut *first, &mut *second]);
                        }
                        let halves = [first, second].into_iter().zip(buffers);
                        for ((row, sums), remainder) in halves.zip(&mut remainders) {
                            if i >= start {
                                row.copy_from_slice(&sums[(i - start) * stride..][..degree]);
                            }
                            divider.subtract_and_divide(i, row, remainder);
                        }
                    },
                );
            }
        }
        pool.put(scratch);
    });
    for rows in buffers.into_iter().flatten() {
        pool.put(rows);
    }
}

/// For [`divide_all`], of each pair of sums: the last `early` rows of the head, then what the division shares, which comes from the rows of
/// the tail.
fn tails<T>(
    count: usize,
    (switching, divider, early): (&KeySwitching, &TailDivider, usize),
    (prepare, sums): (
        impl Fn(Range<usize>) -> T + Sync + Send,
        impl Fn(&T, (usize, usize), [&mut [u64]; 2]) + Sync + Send,
    ),
) -> Vec<[AlignedWords; 2]> {
    let (extended, head, converter) = (&switching.extended, divider.head(), divider.converter());
    let (pool, degree) = (extended.pool(), extended.degree());
    let (start, stride) = (head.len() - early, row_stride(degree));
    let length = (early + converter.centred_width()) * stride;
    let mut buffers: Vec<[AlignedWords; 2]> =
        (0..count).map(|_| from_fn(|_| pool.take(length))).collect();
    let summed = extended.len() - start;
    let group = group_of(switching, summed);
    let rows = buffers.iter_mut();
    let rows = rows.map(|pair| pair.each_mut().map(|rows| &mut rows[..summed * stride]));
    let words = 2 * count * summed * degree;
    for_each_item(words, groups(rows, group * stride), |number, mut pairs| {
        let first = start + number * group;
        let primes = first..(first + group).min(extended.len());
        let prepared = prepare(primes.clone());
        for (which, pair) in pairs.iter_mut().enumerate() {
            for (row, i) in primes.clone().enumerate() {
                let [first, second] = row_of(pair, row * stride, degree);
                sums(&prepared, (which, i), [&mut *first, &mut *second]);
                if i >= head.len() {
                    for sum in [first, second] {
                        extended.table(i).inverse(sum);
                        converter.centred_weight(i - head.len(), sum);
                    }
                }
            }
        }
    });
    for rows in buffers.as_flattened_mut() {
        converter.complete_centred_weights(&mut rows[early * stride..]);
    }
    buffers
}

/// The parts of `length` words of each pair of arrays: the first parts of all pairs, then the second ones.
fn groups<'a>(
    pairs: impl Iterator<Item = [&'a mut [u64]; 2]>,
    length: usize,
) -> Vec<Vec<[&'a mut [u64]; 2]>> {
    let mut groups: Vec<Vec<[&mut [u64]; 2]>> = Vec::new();
    for [first, second] in pairs {
        let parts = first.chunks_mut(length).zip(second.chunks_mut(length));
        for (number, (first, second)) in parts.enumerate() {
            if groups.len() == number {
                groups.push(Vec::new());
            }
            groups[number].push([first, second]);
        }
    }
    groups
}

/// One row of both halves, which begins at `start`.
fn row_of<'a>(pair: &'a mut [&mut [u64]; 2], start: usize, degree: usize) -> [&'a mut [u64]; 2] {
    pair.each_mut().map(|rows| &mut rows[start..][..degree])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::digits::HoistedDigits;
    use crate::evaluator::product_sums::RawSum;
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
    fn switches_by_several_keys_are_bit_equal_to_single_ones() {
        let plain = |_: usize, rows: [&mut [u64]; 2], compute: Compute<'_>| compute(rows);
        for (context, key) in contexts() {
            for level in 0..=context.top_level() {
                let poly = poly(&context, level, 5);
                let single = switch(level, &poly, &key.0, plain).unwrap();
                let several = switch_many(level, &poly, &[(&key.0, plain); 3]).unwrap();
                assert_eq!(several, [0; 3].map(|_| single.clone()));
                // The whole sums, hoisted or not.
                let of = (context.rlwe(), context.rlwe().gadget().unwrap());
                let hoisted = HoistedDigits::new(of, level, &poly).unwrap();
                let switching = context.rlwe().key_switching(level).unwrap();
                let decomposition = Decomposition::new(switching, &poly);
                for i in 0..switching.extended.len() {
                    let mut rows = [[1; 64], [2; 64], [3; 64], [4; 64]];
                    let [a, b, c, d] = rows.each_mut();
                    hoisted.multiply((switching, i), &key.0, [a, b]);
                    decomposition.group(i..i + 1).multiply(i, &key.0, [c, d]);
                    assert_eq!(rows[..2], rows[2..]);
                }
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
                let product = RawSum {
                    pairs: &[(a, b)],
                    factor: 1,
                    lower: Default::default(),
                };
                let rescaled = product.relinearized_and_rescaled((level, a0.basis()), &key.0);
                let in_steps = relinearize_and_rescale(level, raw.each_ref(), &key.0);
                assert_eq!(rescaled.as_ref().ok(), in_steps.as_ref().ok());
                if level == 0 {
                    assert!(rescaled.is_err());
                    continue;
                }
                // The whole sums, then one plain division.
                let switching = rlwe.key_switching(level).unwrap();
                let decomposition = Decomposition::new(switching, &raw[2]);
                let mut sums = [0, 1].map(|_| NttPoly::unspecified(&switching.extended));
                for i in 0..switching.extended.len() {
                    let digits = decomposition.group(i..i + 1);
                    digits.multiply(i, &key.0, sums.each_mut().map(|sum| sum.row_mut(i)));
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
