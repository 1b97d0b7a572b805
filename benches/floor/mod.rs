//! The floor of a key switch: the transforms that it cannot do without, at the speed of transforms alone on this machine, and the bytes
//! that it cannot do without (the packed key, operands and results) at the speed at which one core reads memory.
#![allow(dead_code, reason = "each program prints what it needs")]

use slotwise::kernels::NttTable;
use slotwise::params::{Context, KeySpan};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An operation made of key switches of one polynomial, at the highest level.
#[derive(Clone, Copy)]
pub(crate) struct Switches {
    /// The number of keys; all share the digits of the polynomial.
    pub(crate) keys: usize,
    /// The number of polynomials read.
    pub(crate) polys: usize,
}

impl Switches {
    /// One rotation.
    pub(crate) const ROTATION: Self = Self { keys: 1, polys: 2 };
    /// A product with its relinearization and, in CKKS, its rescaling, which one division does.
    pub(crate) const PRODUCT: Self = Self { keys: 1, polys: 4 };

    /// So many rotations of one ciphertext.
    pub(crate) const fn rotations(count: usize) -> Self {
        Self {
            keys: count,
            polys: 2,
        }
    }
}

/// What an operation cannot do without.
pub(crate) struct Cost {
    /// The number of transforms of a row.
    pub(crate) transforms: f64,
    /// Bytes read and written.
    pub(crate) bytes: f64,
    /// The time of both.
    pub(crate) seconds: f64,
}

/// The measured speeds of a context's parts.
pub(crate) struct Floor {
    degree: usize,
    /// The bits of the data primes, then of the special primes.
    bits: Vec<u32>,
    data: usize,
    digits: usize,
    /// By bits: seconds of a transform, the mean of both directions.
    transforms: BTreeMap<u32, f64>,
    bandwidth: f64,
}

impl Floor {
    /// Times the transforms of the context's primes, each the least of `rounds`; `bandwidth` is in bytes a second.
    pub(crate) fn new(context: &Arc<Context>, bandwidth: f64, rounds: usize) -> Self {
        let degree = context.degree();
        let primes = context.key_basis().primes();
        let level = context.top_level();
        let data = context.basis(level).expect("a level").len();
        let span = KeySpan {
            level,
            special_primes: primes.len() - data,
        };
        let bits: Vec<u32> = primes.iter().map(|q| 64 - q.leading_zeros()).collect();
        let mut transforms = BTreeMap::new();
        for (&bits, &q) in bits.iter().zip(&primes) {
            transforms.entry(bits).or_insert_with(|| {
                let table = NttTable::new(q, degree).expect("an NTT prime");
                let mut row: Vec<u64> = (0..degree as u64).map(|i| i * i % q).collect();
                let both = least(rounds, || {
                    table.forward(black_box(&mut row));
                    table.inverse(black_box(&mut row));
                });
                both / 2.0
            });
        }
        Self {
            degree,
            data,
            digits: context.span_digits(span).expect("special primes").len(),
            bits,
            transforms,
            bandwidth,
        }
    }

    /// The floor of an operation.
    pub(crate) fn of(&self, switches: Switches) -> Cost {
        let (data, special) = self.bits.split_at(self.data);
        let time = |bits: &[u32]| bits.iter().map(|bits| self.transforms[bits]).sum::<f64>();
        let (keys, digits) = (switches.keys as f64, self.digits as f64);
        // The inverse transforms of the input, the forward ones of the digits modulo other primes than their own, and for each key the
        // division of two polynomials.
        let transforms = digits * (time(data) + time(special)) + keys * 2.0 * time(&self.bits);
        let all = self.bits.len() as f64;
        let words: u32 = self.bits.iter().sum();
        let row = self.degree as f64 * 8.0;
        let key = 2.0 * digits * f64::from(words) / 64.0 * row;
        let polys = switches.polys as f64 + keys * 2.0;
        let bytes = keys * key + polys * data.len() as f64 * row;
        Cost {
            transforms: digits * all + keys * 2.0 * all,
            bytes,
            seconds: transforms + bytes / self.bandwidth,
        }
    }
}

/// Bytes that one core reads in a second, from a buffer of `bytes`.
pub(crate) fn bandwidth(bytes: usize) -> f64 {
    let words = vec![1_u64; bytes / 8];
    let seconds = least(5, || {
        black_box(
            words
                .iter()
                .fold(0_u64, |sum, &word| sum.wrapping_add(word)),
        );
    });
    (8 * words.len()) as f64 / seconds
}

/// The least time of a run, in seconds, after one that warms up.
pub(crate) fn least(rounds: usize, mut run: impl FnMut()) -> f64 {
    run();
    let times = (0..rounds).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    times.min().unwrap_or(Duration::ZERO).as_secs_f64()
}
