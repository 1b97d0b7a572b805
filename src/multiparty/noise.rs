//! Polynomials that sets of parties share: each set draws one from a key that its members alone have, and any t parties' values of the
//! polynomials through them tell the sum of all.
//!
//! Source: R. Cramer, I. Damgård, Y. Ishai, "Share Conversion, Pseudorandom Secret-Sharing and Applications to Secure Computation" (TCC
//! 2005), for noise as in A. Urban, M. Rambaud (eprint 2024/1285).

use crate::kernels::{Modulus, SecretVec, WeightedSum};
use crate::multiparty::points::vanishing;
use crate::multiparty::prf::{Label, SecretSeed, fill_words};
use crate::parallel::{for_each_row, map_items};
use crate::ring::{RnsBasis, centred_binomial_coefficients, ternary_coefficients};
use chacha20::ChaCha20Rng;

/// The keys that one party has in common with others.
#[derive(Debug)]
pub(super) struct NoiseSources {
    pub(super) sources: Vec<NoiseSource>,
    /// For each prime of the key basis, the value at this party of each source's polynomial, which is 1 at 0 and 0 at all who lack the key.
    factors: Vec<Vec<u64>>,
}

/// A key, and who lacks it.
#[derive(Debug)]
pub(super) struct NoiseSource {
    pub(super) excluded: Vec<u32>,
    pub(super) key: SecretSeed,
}

/// Polynomials that a source draws: each coefficient is a number of words, least first, less an offset.
#[derive(Clone, Copy, Debug)]
pub(super) enum Drawn {
    /// Uniform in `[-2^beta, 2^beta)`.
    Uniform { beta: u32 },
    /// Uniform in {-1, 0, 1}.
    Ternary,
    /// The centred binomial of errors.
    Error,
}

/// The bits of a word of a drawn number, which the kernels sum.
const WORD_BITS: u32 = 52;

impl NoiseSources {
    pub(super) fn new(basis: &RnsBasis, party: u32, sources: Vec<NoiseSource>) -> Self {
        let factors = map_items(basis.moduli(), |_, q| {
            let factor = |source: &NoiseSource| vanishing(&q, &source.excluded, party);
            sources.iter().map(factor).collect()
        });
        Self { sources, factors }
    }

    /// Adds to `rows`, one for each of the first primes of the key basis, this party's value of what the sources share: polynomials
    /// of the first coefficients, a whole number of blocks.
    pub(super) fn add_shared(
        &self,
        (basis, rows): (&RnsBasis, &mut [u64]),
        drawn: Drawn,
        label: &Label,
    ) {
        let (width, offset) = (drawn.width(), |q: &Modulus| drawn.offset(q));
        let draw = |source: &NoiseSource, words: &mut [u64]| {
            drawn.draw(&mut source.key.generator(label), words);
        };
        self.add_sum((basis, rows), width, offset, draw);
    }

    /// [`add_shared`](Self::add_shared) of numbers of `width` words that `draw` puts one row after the other, less an offset.
    pub(super) fn add_sum(
        &self,
        (basis, rows): (&RnsBasis, &mut [u64]),
        width: usize,
        offset: impl Fn(&Modulus) -> u64 + Sync + Send,
        draw: impl Fn(&NoiseSource, &mut [u64]) + Sync + Send,
    ) {
        let length = rows.len() / basis.len();
        let numbers: Vec<usize> = (0..self.sources.len()).collect();
        // As many at a time as the kernels sum.
        for group in numbers.chunks((MOST_TERMS / width).max(1)) {
            let mut inputs = basis.pool().take_secret(group.len() * width * length);
            for_each_row(&mut inputs, width * length, |number, words| {
                draw(&self.sources[group[number]], words);
            });
            let inputs: Vec<&[u64]> = inputs.chunks(length).collect();
            for_each_row(rows, length, |i, row| {
                let q = basis.modulus(i);
                let radix = q.reduce(1 << WORD_BITS);
                let of_group = &self.factors[i][group[0]..=group[group.len() - 1]];
                let of_words = |&factor: &u64| {
                    let next = |&last: &u64| Some(q.mul(last, radix));
                    std::iter::successors(Some(factor), next).take(width)
                };
                let factors: Vec<u64> = of_group.iter().flat_map(of_words).collect();
                let sum = of_group.iter().fold(0, |sum, &factor| q.add(sum, factor));
                let mut shared = basis.pool().take_secret(length);
                let mut offset = q.neg(q.mul(sum, offset(q)));
                // One number can have more words than that.
                let groups = inputs.chunks(MOST_TERMS);
                for (inputs, factors) in groups.zip(factors.chunks(MOST_TERMS)) {
                    let terms = WeightedSum {
                        inputs,
                        start: 0,
                        input_bits: WORD_BITS,
                        total: (inputs.len() as u128) << WORD_BITS,
                        factors,
                        offset: std::mem::take(&mut offset),
                    };
                    q.kernels().weighted_sum(q, &mut shared, &terms);
                    q.kernels().add_assign(q, row, &shared);
                }
            });
        }
    }
}

/// The most terms of a weighted sum.
const MOST_TERMS: usize = 32;

impl Drawn {
    /// The words of a number.
    fn width(self) -> usize {
        match self {
            Self::Uniform { beta } => (beta + 1).div_ceil(WORD_BITS) as usize,
            Self::Ternary | Self::Error => 1,
        }
    }

    /// What is subtracted from each number.
    fn offset(self, q: &Modulus) -> u64 {
        match self {
            Self::Uniform { beta } => q.pow(q.reduce(2), beta.into()),
            Self::Ternary | Self::Error => q.reduce(SMALL_OFFSET.cast_unsigned()),
        }
    }

    fn draw(self, generator: &mut ChaCha20Rng, words: &mut [u64]) {
        match self {
            Self::Uniform { beta } => {
                let width = self.width();
                let top = (beta + 1) - WORD_BITS * (u32::try_from(width).unwrap_or(1) - 1);
                let length = words.len() / width;
                // The words of a coefficient follow each other, so that it is the same however many are wanted.
                let mut numbers = SecretVec::zeroed(words.len());
                fill_words(generator, &mut numbers);
                for (number, row) in words.chunks_exact_mut(length).enumerate() {
                    let bits = if number + 1 == width { top } else { WORD_BITS };
                    let own = numbers.iter().skip(number).step_by(width);
                    row.iter_mut()
                        .zip(own)
                        .for_each(|(word, own)| *word = own & ((1 << bits) - 1));
                }
            }
            Self::Ternary => put_small(&ternary_coefficients(words.len(), generator), words),
            Self::Error => put_small(
                &centred_binomial_coefficients(words.len(), generator),
                words,
            ),
        }
    }
}

/// What makes small numbers positive.
const SMALL_OFFSET: i64 = 64;

fn put_small(coefficients: &SecretVec<i64>, words: &mut [u64]) {
    for (word, &coefficient) in words.iter_mut().zip(coefficients.iter()) {
        *word = (coefficient + SMALL_OFFSET).cast_unsigned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multiparty::points::{lagrange, sets};
    use crate::ring::ntt_primes;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    const LENGTH: usize = 64;

    fn sources(parties: u32, threshold: u32, party: u32) -> Vec<NoiseSource> {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let all = sets(parties, threshold - 1).into_iter();
        let all = all.map(|excluded| NoiseSource {
            excluded,
            key: SecretSeed::random(&mut rng),
        });
        let all: Vec<_> = all.collect();
        all.into_iter()
            .filter(|source| !source.excluded.contains(&party))
            .collect()
    }

    /// What any t parties add interpolates to the sum of what all sources draw, once each.
    #[test]
    fn shared_noise_is_the_sum_of_all_sources() {
        let primes: Vec<u64> = ntt_primes(50, LENGTH).take(3).collect();
        let basis = RnsBasis::new(LENGTH, &primes).unwrap();
        let (n, t, label) = (5, 3, [7; 32]);
        for drawn in [
            Drawn::Uniform { beta: 1800 },
            Drawn::Uniform { beta: 120 },
            Drawn::Uniform { beta: 51 },
            Drawn::Uniform { beta: 3 },
            Drawn::Ternary,
            Drawn::Error,
        ] {
            let mut expected = vec![0; 3 * LENGTH];
            let mut all = sources(n, t, 0).into_iter();
            assert_eq!(all.len(), 10);
            // A source alone, with a party for which its factor is 1.
            all.by_ref().for_each(|source| {
                let alone = NoiseSource {
                    excluded: vec![],
                    key: source.key,
                };
                NoiseSources::new(&basis, 1, vec![alone]).add_shared(
                    (&basis, &mut expected),
                    drawn,
                    &label,
                );
            });
            let value = |party: u32| {
                let mut rows = vec![0; 3 * LENGTH];
                NoiseSources::new(&basis, party, sources(n, t, party)).add_shared(
                    (&basis, &mut rows),
                    drawn,
                    &label,
                );
                rows
            };
            for set in [[1, 2, 3], [5, 1, 4], [2, 4, 5]] {
                let values = set.map(value);
                for (i, q) in basis.moduli().iter().enumerate() {
                    let factors = lagrange(q, &set, 0);
                    for k in i * LENGTH..(i + 1) * LENGTH {
                        let terms = factors.iter().zip(&values);
                        let sum = terms.fold(0, |sum, (&l, rows)| q.add(sum, q.mul(l, rows[k])));
                        assert_eq!(sum, expected[k], "{drawn:?}, {set:?}");
                    }
                }
            }
        }
    }

    /// Each value is within its range, the top bits are uniform, and the first coefficients are the same however many are drawn.
    #[test]
    fn uniform_noise_is_uniform() {
        let drawn = Drawn::Uniform { beta: 60 };
        let mut generator = SecretSeed::from_bytes(&[3; 32]).generator(&[5; 32]);
        let mut words = vec![0; 2 * 4096];
        drawn.draw(&mut generator, &mut words);
        let (low, high) = words.split_at(4096);
        assert!(low.iter().all(|&word| word < 1 << 52) && high.iter().all(|&word| word < 1 << 9));
        let mut counts = [0u32; 16];
        high.iter()
            .for_each(|&word| counts[(word >> 5) as usize] += 1);
        let statistic: f64 = counts
            .iter()
            .map(|&count| (f64::from(count) - 256.0).powi(2) / 256.0)
            .sum();
        assert!(
            statistic < 50.0,
            "15 degrees of freedom, p < 2^-16: {statistic}"
        );
        let mut generator = SecretSeed::from_bytes(&[3; 32]).generator(&[5; 32]);
        let mut fewer = vec![0; 2 * 8];
        drawn.draw(&mut generator, &mut fewer);
        assert_eq!((&fewer[..8], &fewer[8..]), (&low[..8], &high[..8]));
    }
}
