//! Plaintexts modulo 2^k in and out of RNS without big numbers: `round(Q M / 2^k)` modulo each prime, and back.
//!
//! M is words, the lowest first, below 2^k. Constant time in M.

use crate::kernels::{Modulus, ShoupScalar, low};
use crate::ring::RnsBasis;
use num_bigint::BigUint;

/// The words of the largest plaintext modulus: it is below the largest secure modulus, of 1747 bits.
pub(super) const MOST_WORDS: usize = 28;

/// The tables for one basis and one k.
#[derive(Debug)]
pub(super) struct Codec {
    bits: u32,
    words: usize,
    /// Q mod 2^k.
    modulus: Vec<u64>,
    primes: Vec<PrimeTables>,
}

#[derive(Debug)]
struct PrimeTables {
    modulus: Modulus,
    /// `-2^(64 j - k)` modulo the prime, for each word j.
    weights: Vec<u64>,
    /// `2^k (Q/q)^-1` modulo the prime q.
    scale: ShoupScalar,
    /// `q^-1` mod 2^k.
    inverse: Vec<u64>,
    reciprocal: f64,
}

impl Codec {
    /// The tables for plaintexts modulo `2^bits`.
    pub(super) fn new(basis: &RnsBasis, bits: u32) -> Self {
        let words = bits.div_ceil(u64::BITS) as usize;
        debug_assert!((1..=MOST_WORDS).contains(&words));
        let product = basis.product();
        let primes = basis.moduli().into_iter().map(|q| {
            let power = q.pow(2, bits.into());
            let of_power = q.inverse(power);
            let word = q.pow(2, u64::BITS.into());
            let weights = std::iter::successors(Some(q.neg(of_power)), |&w| Some(q.mul(w, word)));
            let others = basis
                .primes()
                .into_iter()
                .filter(|&prime| prime != q.value())
                .fold(1, |others, prime| q.mul(others, q.reduce(prime)));
            #[expect(clippy::cast_precision_loss, reason = "53 bits are enough")]
            let reciprocal = 1.0 / q.value() as f64;
            PrimeTables {
                modulus: q,
                weights: weights.take(words).collect(),
                scale: q.shoup(q.mul(power, q.inverse(others))),
                inverse: inverse_of_odd(q.value(), bits),
                reciprocal,
            }
        });
        Self {
            bits,
            words,
            modulus: words_below(&product, bits),
            primes: primes.collect(),
        }
    }

    /// W: the words of a plaintext coefficient.
    pub(super) fn words(&self) -> usize {
        self.words
    }

    /// Replaces M by `Q M mod 2^k`, from which every row follows.
    pub(super) fn lift(&self, message: &mut [u64], scratch: &mut [u64; MOST_WORDS]) {
        let out = &mut scratch[..self.words];
        out.fill(0);
        for (j, &word) in message.iter().enumerate() {
            add_product(&mut out[j..], &self.modulus, word);
        }
        message.copy_from_slice(out);
        self.mask(message);
    }

    /// Adds `round(Q M / 2^k)` modulo prime i to the first places of a row, each place's M [lifted](Self::lift).
    ///
    /// With `y = Q M mod 2^k`, centred, the rounding is `(Q M - y) / 2^k`, and Q is 0 modulo the prime.
    pub(super) fn add_row(&self, i: usize, lifted: &[u64], row: &mut [u64]) {
        let PrimeTables {
            modulus: q,
            weights,
            ..
        } = &self.primes[i];
        let top = (self.bits - 1) % u64::BITS;
        for (x, words) in row.iter_mut().zip(lifted.chunks_exact(self.words)) {
            // 1 where y stands for y - 2^k.
            let above = words[self.words - 1] >> top;
            let products = words.iter().zip(weights);
            let sum: u128 = products
                .map(|(&word, &weight)| u128::from(word) * u128::from(weight))
                .sum();
            // At most 28 products of a word and a residue of at most 50 bits: below 2^119.
            *x = q.reduce_wide(sum + u128::from(above) + u128::from(*x));
        }
    }

    /// Prepares the row of prime i of a phase for [`decode`](Self::decode).
    pub(super) fn scale_row(&self, i: usize, row: &mut [u64]) {
        let PrimeTables { modulus, scale, .. } = &self.primes[i];
        modulus.kernels().scale(modulus, row, *scale);
    }

    /// `M = round(2^k x / Q) mod 2^k` for the phase coefficient x whose [scaled](Self::scale_row) residues are given, and what was
    /// rounded off: `2^k v / Q` for `x = Q M / 2^k + v`, in [-1/2, 1/2).
    ///
    /// Source of the identity: `2^k x = [2^k x]_Q + Q M`, and the sum of `y_i Q/q_i` is `[2^k x]_Q + r Q`; Q is odd.
    pub(super) fn decode(&self, residues: impl Iterator<Item = u64>, message: &mut [u64]) -> f64 {
        message.fill(0);
        let mut sum = 0.0;
        for (y, prime) in residues.zip(&self.primes) {
            add_product(message, &prime.inverse, y);
            #[expect(clippy::cast_precision_loss, reason = "primes have at most 50 bits")]
            let fraction = y as f64 * prime.reciprocal;
            sum += fraction;
        }
        let rounded = (sum + 0.5).floor();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to the number of primes"
        )]
        let mut carry = rounded as u64 + 1;
        // r - message, as r + 1 + !message.
        for word in message.iter_mut() {
            let total = u128::from(!*word) + u128::from(carry);
            *word = low(total);
            carry = low(total >> 64);
        }
        self.mask(message);
        sum - rounded
    }

    /// Clears what is above 2^k.
    fn mask(&self, message: &mut [u64]) {
        let unused = (u64::BITS - self.bits % u64::BITS) % u64::BITS;
        if let Some(top) = message.last_mut() {
            *top &= u64::MAX >> unused;
        }
    }
}

/// `out + factor * word`, as far as `out` has words.
#[inline]
fn add_product(out: &mut [u64], factor: &[u64], word: u64) {
    let mut carry = 0;
    for (out, &factor) in out.iter_mut().zip(factor) {
        let total = u128::from(*out) + u128::from(factor) * u128::from(word) + u128::from(carry);
        *out = low(total);
        carry = low(total >> 64);
    }
}

/// `q^-1` mod 2^k for odd q, by Newton's iteration.
fn inverse_of_odd(q: u64, bits: u32) -> Vec<u64> {
    let modulus = BigUint::from(1u32) << bits;
    let two = BigUint::from(2u32);
    let mut inverse = BigUint::from(1u32);
    let mut right = 1;
    while right < bits {
        // 2 - q x is 1 - (q x - 1): the error is squared.
        let product = &inverse * q % &modulus;
        inverse = &inverse * (&modulus + &two - product) % &modulus;
        right *= 2;
    }
    words_below(&inverse, bits)
}

/// `number mod 2^bits` as words.
fn words_below(number: &BigUint, bits: u32) -> Vec<u64> {
    let rest = number % (BigUint::from(1u32) << bits);
    let mut words = rest.to_u64_digits();
    words.resize(bits.div_ceil(u64::BITS) as usize, 0);
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::ntt_primes;
    use num_bigint::BigInt;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha20Rng;

    const DEGREE: usize = 64;

    fn basis(bits: u32, count: usize) -> RnsBasis {
        let primes: Vec<u64> = ntt_primes(bits, DEGREE).take(count).collect();
        RnsBasis::new(DEGREE, &primes).unwrap()
    }

    fn number(words: &[u64]) -> BigUint {
        words
            .iter()
            .rev()
            .fold(BigUint::ZERO, |n, &word| (n << 64u32) + word)
    }

    fn residues(basis: &RnsBasis, number: &BigInt) -> Vec<u64> {
        let primes = basis.primes();
        primes
            .iter()
            .map(|&q| crate::ring::residue(number, q))
            .collect()
    }

    /// `floor((2 a + b) / (2 b))` for any sign of a.
    fn rounded(a: &BigInt, b: &BigInt) -> BigInt {
        let (double, twice) = (a * 2 + b, b * 2);
        let quotient = &double / &twice;
        if &quotient * &twice > double {
            quotient - 1
        } else {
            quotient
        }
    }

    fn messages(codec: &Codec, rng: &mut ChaCha20Rng) -> Vec<Vec<u64>> {
        let mut random = vec![0; codec.words];
        random.fill_with(|| rng.next_u64());
        let mut all = [vec![0; codec.words], vec![u64::MAX; codec.words], random].to_vec();
        let mut half = vec![0; codec.words];
        half[codec.words - 1] = 1 << ((codec.bits - 1) % 64);
        let mut below = vec![u64::MAX; codec.words];
        below[codec.words - 1] = (1 << ((codec.bits - 1) % 64)) - 1;
        all.extend([half, below]);
        all.iter_mut().for_each(|message| codec.mask(message));
        all
    }

    fn decoded(codec: &Codec, basis: &RnsBasis, phase: &BigInt) -> (BigUint, f64) {
        let mut rows = residues(basis, phase);
        for (i, x) in rows.iter_mut().enumerate() {
            codec.scale_row(i, std::slice::from_mut(x));
        }
        let mut message = vec![0; codec.words];
        let rest = codec.decode(rows.into_iter(), &mut message);
        (number(&message), rest)
    }

    /// For every k the rows are those of the rounded quotient, and errors up to the limit are rounded away, past it not.
    #[test]
    fn rows_are_those_of_big_integers() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for bits in 1..=700u32 {
            let count = (bits as usize + 30).div_ceil(49);
            let basis = basis(50, count);
            let codec = Codec::new(&basis, bits);
            let (product, power) = (BigInt::from(basis.product()), BigInt::from(1) << bits);
            for message in messages(&codec, &mut rng) {
                let scaled = rounded(&(BigInt::from(number(&message)) * &product), &power);
                let mut lifted = message.clone();
                codec.lift(&mut lifted, &mut [0; MOST_WORDS]);
                for (i, expected) in residues(&basis, &scaled).into_iter().enumerate() {
                    let mut row = [3];
                    codec.add_row(i, &lifted, &mut row);
                    assert_eq!(row[0], basis.modulus(i).add(expected, 3), "k = {bits}");
                }
                // (1/2 - 2^-21) Q / 2^k, and half of it either way.
                let limit = (&product - (&product >> 20u32)) >> (bits + 1);
                for error in [BigInt::ZERO, limit.clone() - 1, -&limit + 1, &limit / 2] {
                    let (found, rest) = decoded(&codec, &basis, &(&scaled + &error));
                    assert_eq!(found, number(&message), "k = {bits}");
                    assert!(rest.abs() < 0.5);
                }
                let past: BigInt = ((&product + (&product >> 20u32)) >> (bits + 1)) + 2;
                let (found, _) = decoded(&codec, &basis, &(&scaled + past));
                assert_ne!(found, number(&message), "k = {bits}");
            }
        }
    }

    /// What is rounded off is the error in units of Q / 2^k.
    #[test]
    fn the_rest_is_the_error() {
        let basis = basis(50, 5);
        let codec = Codec::new(&basis, 190);
        let product = BigInt::from(basis.product());
        for exponent in [30, 50, 57] {
            for sign in [1, -1] {
                let error = BigInt::from(sign) << exponent;
                let (_, rest) = decoded(&codec, &basis, &error);
                let bits = crate::ring::log2(product.magnitude()) - 190.0;
                let expected = f64::from(sign) * (f64::from(exponent) - bits).exp2();
                assert!(
                    (rest - expected).abs() < 1e-12,
                    "{rest} instead of {expected}"
                );
            }
        }
    }
}
