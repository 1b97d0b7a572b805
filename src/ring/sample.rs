use crate::kernels::packing::{SLACK, packed_length, unpack};
use crate::kernels::{Modulus, SecretVec};
use crate::ring::{CoeffPoly, Form, Poly, RnsBasis};
use rand::{CryptoRng, Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use sha3::{Digest, Sha3_256};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The standard deviation of [`centred_binomial`]: sqrt(42) / 2.
pub const ERROR_STANDARD_DEVIATION: f64 = 3.240_370_349_203_93;

/// The length of a [`Seed`].
pub const SEED_BYTES: usize = 32;

/// The public seed of a uniform polynomial. Never shared with the generator of secrets or errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub [u8; SEED_BYTES]);

impl Seed {
    /// The seed for one purpose of many, given by `label`, under a common seed.
    #[must_use]
    pub fn derived(&self, label: &[u8]) -> Self {
        let hash = Sha3_256::new_with_prefix(b"slotwise seed 1\0");
        Self(
            hash.chain_update(self.0)
                .chain_update(label)
                .finalize()
                .into(),
        )
    }

    /// A fresh seed.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; SEED_BYTES];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }
}

/// A uniform polynomial, each residue by rejection; the polynomial is public, so the time may vary.
#[must_use]
pub fn uniform<F: Form>(basis: &Arc<RnsBasis>, rng: &mut impl CryptoRng) -> Poly<F> {
    expand_seed(basis, &Seed::random(rng), 0)
}

/// Uniform polynomial `number` of a public seed: row i is drawn from the `ChaCha12` stream `number * 2^32 + i` under the seed,
/// so that a basis with fewer primes gives the same first rows. The stream is read as a bit string of numbers of as many bits as the
/// prime has; those below the prime are the residues.
#[must_use]
pub fn expand_seed<F: Form>(basis: &Arc<RnsBasis>, seed: &Seed, number: u32) -> Poly<F> {
    let mut poly = Poly::zero(basis);
    poly.for_each_row(|i, row| expand_seed_row(basis, seed, (number, i), row));
    poly
}

/// Row `row_number` of [`expand_seed`].
pub(crate) fn expand_seed_row(basis: &RnsBasis, seed: &Seed, place: (u32, usize), row: &mut [u64]) {
    SeedRow::new(basis, seed, place).fill(row);
}

/// A row of [`expand_seed`], drawn piece by piece.
pub(crate) struct SeedRow {
    generator: ChaCha12Rng,
    q: Modulus,
    /// Residues that were drawn; those from `given` on were not given yet.
    drawn: Vec<u64>,
    given: usize,
    /// How many numbers are drawn at a time.
    count: usize,
}

impl SeedRow {
    /// Row `row_number` of polynomial `number`.
    pub(crate) fn new(basis: &RnsBasis, seed: &Seed, (number, row_number): (u32, usize)) -> Self {
        let mut generator = ChaCha12Rng::from_seed(seed.0);
        generator.set_stream((u64::from(number) << 32) | row_number as u64);
        Self {
            generator,
            q: *basis.modulus(row_number),
            drawn: Vec::new(),
            given: 0,
            // Of 32 numbers whole words of the generator are used: it drops the rest of a word.
            count: basis.degree().clamp(32, CANDIDATES),
        }
    }

    /// Fills `out` with the next residues.
    pub(crate) fn fill(&mut self, out: &mut [u64]) {
        let mut packed = SeedRow::buffer();
        let mut filled = 0;
        while filled < out.len() {
            let left = &mut out[filled..];
            if self.given < self.drawn.len() {
                let next = &self.drawn[self.given..];
                let next = &next[..next.len().min(left.len())];
                left[..next.len()].copy_from_slice(next);
                filled += next.len();
                self.given += next.len();
                continue;
            }
            let (bits, bound) = (self.q.bits(), self.q.value());
            let drawn = self.draw(&mut packed);
            if let Some(first) = left.get_mut(..self.count)
                && unpack(drawn, bits, bound, first)
            {
                filled += self.count;
                continue;
            }
            // Some are not below the prime, or there are more than are wanted.
            self.keep(&packed);
        }
    }

    /// Gives the next `count` residues, at most 1024, to `put`: packed, and where it finds that not all are below the prime, or some before
    /// them were not, as values.
    pub(crate) fn give(&mut self, count: usize, mut put: impl FnMut(Drawn<'_>) -> bool) {
        if self.given == self.drawn.len() && count == self.count {
            let mut packed = SeedRow::buffer();
            if put(Drawn::Packed(self.draw(&mut packed))) {
                return;
            }
            self.keep(&packed);
        }
        let mut values = [0; CANDIDATES];
        let values = &mut values[..count.min(CANDIDATES)];
        self.fill(values);
        put(Drawn::Values(values));
    }

    /// Room for the numbers that are drawn at a time.
    fn buffer() -> [u8; packed_length(CANDIDATES, Modulus::MAX_BITS) + SLACK] {
        [0; packed_length(CANDIDATES, Modulus::MAX_BITS) + SLACK]
    }

    /// Draws numbers, packed and with the slack behind them.
    fn draw<'a>(&mut self, packed: &'a mut [u8]) -> &'a [u8] {
        let length = packed_length(self.count, self.q.bits());
        self.generator.fill_bytes(&mut packed[..length]);
        &packed[..length + SLACK]
    }

    /// Keeps those of drawn numbers that are below the prime, after all earlier ones were given.
    fn keep(&mut self, packed: &[u8]) {
        let bound = self.q.value();
        self.drawn.resize(self.count, 0);
        self.given = 0;
        if !unpack(packed, self.q.bits(), bound, &mut self.drawn) {
            self.drawn.retain(|&number| number < bound);
        }
    }
}

/// Residues that a [`SeedRow`] gives.
pub(crate) enum Drawn<'a> {
    /// Packed, with the slack behind them; perhaps not all below the prime.
    Packed(&'a [u8]),
    /// All below the prime.
    Values(&'a [u64]),
}

/// How many numbers are drawn from a seed at a time, at most.
const CANDIDATES: usize = 1024;

/// Uniform coefficients in {-1, 0, 1}, each with probability 1/3 up to 2^-64. Constant time.
#[must_use]
pub fn ternary(basis: &Arc<RnsBasis>, rng: &mut impl CryptoRng) -> CoeffPoly {
    CoeffPoly::from_signed(basis, &ternary_coefficients(basis.degree(), rng))
}

/// The coefficients of [`ternary`].
pub(crate) fn ternary_coefficients(degree: usize, rng: &mut impl CryptoRng) -> SecretVec<i64> {
    let mut coefficients = SecretVec::zeroed(degree);
    for_each_word(&mut coefficients, rng, |coefficient, word| {
        // floor(3 r / 2^64) - 1 without a branch.
        *coefficient = ((u128::from(word) * 3) >> 64) as i64 - 1;
    });
    coefficients
}

/// Coefficients of which `weight` are -1 or 1, at uniform positions, and the others 0. Constant time: each coefficient gets a random
/// word, and a network sorts them.
pub(crate) fn sparse_coefficients(
    degree: usize,
    weight: u32,
    rng: &mut impl CryptoRng,
) -> SecretVec<i64> {
    // The two lowest bits of a word are the coefficient; the other 62 decide its position.
    const MASK: u64 = 3;
    let mut words = SecretVec::<i64>::zeroed(degree);
    for_each_word(&mut words, rng, |word, random| *word = random.cast_signed());
    for (index, word) in words.iter_mut().enumerate() {
        let random = word.cast_unsigned();
        let sign = 1 + (random & 1);
        let content = if index < weight as usize { sign } else { 0 };
        *word = (random & !MASK | content).cast_signed();
    }
    sort(&mut words);
    for word in words.iter_mut() {
        let content = word.cast_unsigned() & MASK;
        *word = (content & 1).cast_signed() - (content >> 1).cast_signed();
    }
    words
}

/// Sorts a power of two of numbers by a network whose comparisons do not depend on them.
///
/// Source: K. E. Batcher, "Sorting Networks and Their Applications" (1968).
fn sort(values: &mut [i64]) {
    let mut size = 2;
    while size <= values.len() {
        // Bitonic runs: each half of a run is sorted; the first merge compares from both ends.
        for run in values.chunks_exact_mut(size) {
            let (low, high) = run.split_at_mut(size / 2);
            for (a, b) in low.iter_mut().zip(high.iter_mut().rev()) {
                (*a, *b) = ((*a).min(*b), (*a).max(*b));
            }
        }
        let mut half = size / 4;
        while half > 0 {
            for run in values.chunks_exact_mut(2 * half) {
                let (low, high) = run.split_at_mut(half);
                for (a, b) in low.iter_mut().zip(high) {
                    (*a, *b) = ((*a).min(*b), (*a).max(*b));
                }
            }
            half /= 2;
        }
        size *= 2;
    }
}

/// Centred binomial coefficients with 42 coins: the difference of two sums of 21 bits, in [-21, 21], with standard
/// deviation [`ERROR_STANDARD_DEVIATION`]. Constant time.
#[must_use]
pub fn centred_binomial(basis: &Arc<RnsBasis>, rng: &mut impl CryptoRng) -> CoeffPoly {
    CoeffPoly::from_signed(basis, &centred_binomial_coefficients(basis.degree(), rng))
}

/// The coefficients of [`centred_binomial`].
pub(crate) fn centred_binomial_coefficients(
    degree: usize,
    rng: &mut impl CryptoRng,
) -> SecretVec<i64> {
    const COINS: u64 = (1 << 21) - 1;
    let mut coefficients = SecretVec::zeroed(degree);
    for_each_word(&mut coefficients, rng, |coefficient, bits| {
        *coefficient =
            i64::from((bits & COINS).count_ones()) - i64::from(((bits >> 21) & COINS).count_ones());
    });
    coefficients
}

/// Calls `work` on each coefficient with a random word of its own.
fn for_each_word(coefficients: &mut [i64], rng: &mut impl CryptoRng, work: impl Fn(&mut i64, u64)) {
    const WORDS: usize = 256;
    let mut bytes = Zeroizing::new([0; 8 * WORDS]);
    for coefficients in coefficients.chunks_mut(WORDS) {
        let bytes = &mut bytes[..8 * coefficients.len()];
        rng.fill_bytes(bytes);
        let words = bytes.as_chunks::<8>().0.iter();
        for (coefficient, &word) in coefficients.iter_mut().zip(words) {
            work(coefficient, u64::from_le_bytes(word));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::{Coeff, Ntt, ntt_primes};

    const DEGREE: usize = 1 << 14;

    fn basis() -> Arc<RnsBasis> {
        let primes: Vec<u64> = ntt_primes(30, DEGREE).take(2).collect();
        Arc::new(RnsBasis::new(DEGREE, &primes).unwrap())
    }

    /// The statistic of Pearson's test for counts against probabilities.
    fn chi_square(counts: &[usize], probabilities: &[f64]) -> f64 {
        let total: usize = counts.iter().sum();
        let cell = |(&count, &p): (&usize, &f64)| {
            (count as f64 - total as f64 * p).powi(2) / (total as f64 * p)
        };
        counts.iter().zip(probabilities).map(cell).sum()
    }

    fn signed(poly: &CoeffPoly) -> Vec<i64> {
        let q = poly.basis().modulus(0);
        poly.row(0).iter().map(|&x| q.centre(x)).collect()
    }

    #[test]
    fn ternary_is_uniform() {
        let mut rng = ChaCha12Rng::seed_from_u64(1);
        let sample = signed(&ternary(&basis(), &mut rng));
        let counts = [-1, 0, 1].map(|v| sample.iter().filter(|&&x| x == v).count());
        assert_eq!(counts.iter().sum::<usize>(), DEGREE);
        assert!(
            chi_square(&counts, &[1.0 / 3.0; 3]) < 30.0,
            "2 degrees of freedom, p < 1e-6"
        );
    }

    #[test]
    fn sparse_secrets_have_their_weight_and_no_preferred_place() {
        let (degree, weight, trials) = (64, 8, 4000);
        let mut rng = ChaCha12Rng::seed_from_u64(3);
        let mut places = vec![0; degree];
        let mut ones = 0;
        for _ in 0..trials {
            let sample = sparse_coefficients(degree, weight, &mut rng);
            assert_eq!(sample.iter().filter(|&&x| x != 0).count(), weight as usize);
            assert!(sample.iter().all(|x| (-1..=1).contains(x)));
            ones += sample.iter().filter(|&&x| x == 1).count();
            for (place, &x) in places.iter_mut().zip(sample.iter()) {
                *place += usize::from(x != 0);
            }
        }
        // Places of one sample are without repetition, so that the statistic is smaller than for independent draws.
        let uniform = vec![1.0 / degree as f64; degree];
        assert!(
            chi_square(&places, &uniform) < 130.0,
            "63 degrees of freedom"
        );
        let total = trials * weight as usize;
        assert!(chi_square(&[ones, total - ones], &[0.5, 0.5]) < 25.0);
        assert!(sparse_coefficients(8, 8, &mut rng).iter().all(|&x| x != 0));
    }

    /// A third of the numbers are not below the prime, so that pieces begin anywhere.
    #[test]
    fn rows_from_a_seed_are_the_same_in_pieces() {
        let basis = RnsBasis::new(4096, &[40_961, 65_537]).unwrap();
        for row_number in 0..2 {
            let (seed, place) = (Seed([9; 32]), (3, row_number));
            let mut whole = vec![0; 4096];
            expand_seed_row(&basis, &seed, place, &mut whole);
            let q = basis.modulus(row_number);
            assert!(whole.iter().all(|&x| x < q.value()));
            for length in [8, 512, 1024] {
                let (mut pieces, mut row) = (Vec::new(), SeedRow::new(&basis, &seed, place));
                while pieces.len() < whole.len() {
                    row.give(length, |drawn| match drawn {
                        Drawn::Packed(packed) => {
                            let mut values = vec![0; length];
                            let valid = unpack(packed, q.bits(), q.value(), &mut values);
                            pieces.extend(values.into_iter().filter(|_| valid));
                            valid
                        }
                        Drawn::Values(values) => {
                            pieces.extend_from_slice(values);
                            true
                        }
                    });
                }
                assert_eq!(pieces, whole);
            }
        }
    }

    #[test]
    fn networks_sort() {
        let mut rng = ChaCha12Rng::seed_from_u64(4);
        for size in [1, 2, 8, 128, 1024] {
            let mut values: Vec<i64> = (0..size).map(|_| rng.next_u64().cast_signed()).collect();
            let mut sorted = values.clone();
            sorted.sort_unstable();
            sort(&mut values);
            assert_eq!(values, sorted);
        }
    }

    #[test]
    fn errors_follow_the_centred_binomial() {
        let mut rng = ChaCha12Rng::seed_from_u64(2);
        let sample: Vec<i64> = (0..8)
            .flat_map(|_| signed(&centred_binomial(&basis(), &mut rng)))
            .collect();
        // C(42, 21 + v) / 2^42
        let binomial = |v: i64| {
            (1..=42 - (21 + v))
                .map(|j| ((21 + v + j) as f64) / j as f64)
                .product::<f64>()
                / 2f64.powi(42)
        };
        let values: Vec<i64> = (-10..=10).collect();
        let mut counts: Vec<usize> = values
            .iter()
            .map(|v| sample.iter().filter(|&x| x == v).count())
            .collect();
        let mut probabilities: Vec<f64> = values.iter().map(|&v| binomial(v)).collect();
        counts.push(sample.len() - counts.iter().sum::<usize>());
        probabilities.push(1.0 - probabilities.iter().sum::<f64>());
        assert!(
            chi_square(&counts, &probabilities) < 65.0,
            "21 degrees of freedom, p < 1e-6"
        );
        let variance = sample.iter().map(|&x| (x * x) as f64).sum::<f64>() / sample.len() as f64;
        assert!((variance.sqrt() / ERROR_STANDARD_DEVIATION - 1.0).abs() < 0.02);
    }

    #[test]
    fn uniform_fills_the_range_and_rows_are_independent_of_their_number() {
        let basis = basis();
        let poly = expand_seed::<Ntt>(&basis, &Seed([3; 32]), 0);
        let q = basis.modulus(0).value();
        let mut counts = [0; 16];
        poly.row(0)
            .iter()
            .for_each(|&x| counts[usize::try_from(x * 16 / q).unwrap()] += 1);
        assert!(
            chi_square(&counts, &[1.0 / 16.0; 16]) < 60.0,
            "15 degrees of freedom, p < 1e-6"
        );
        assert_ne!(poly.row(0), poly.row(1));
        let short = Arc::new(basis.slice(0..1));
        assert_eq!(
            expand_seed::<Coeff>(&short, &Seed([3; 32]), 0).row(0),
            poly.row(0)
        );
    }
}
