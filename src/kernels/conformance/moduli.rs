//! The moduli that kernels are compared with.

use crate::kernels::Modulus;

/// Bit sizes at which a lazy bound or a choice of kernels changes, and the usual ones.
const PRIME_BITS: [u32; 14] = [30, 36, 40, 45, 46, 47, 48, 49, 50, 51, 52, 55, 60, 61];

/// NTT primes at both ends of every size, and moduli that need not be prime at the edges of what is allowed.
pub(super) fn moduli() -> Vec<Modulus> {
    let edges = [2, 3, 4, 1 << 16, (1 << 49) - 1, 1 << 49, (1 << 50) - 1];
    let wide_edges = [1 << 50, (1 << 60) - 1, 1 << 60, (1 << 61) - 1];
    (ntt_primes().into_iter())
        .chain(edges)
        .chain(wide_edges)
        .map(Modulus::new)
        .collect()
}

pub(super) fn ntt_primes() -> Vec<u64> {
    let mut primes = vec![65_537];
    for bits in PRIME_BITS {
        primes.push(ntt_prime_below(1 << bits));
        primes.push(ntt_prime_above(1 << (bits - 1)));
    }
    primes
}

pub(super) fn modulus_below(bits: u32) -> Modulus {
    Modulus::new(ntt_prime_below(1 << bits))
}

/// Primes of the form `k * 2^18 + 1` serve every degree up to 2^17.
const ORDER: u64 = 1 << 18;

pub(super) fn ntt_prime_below(bound: u64) -> u64 {
    let mut candidates = (1..bound / ORDER).rev().map(|k| k * ORDER + 1);
    candidates.find(|&candidate| is_prime(candidate)).unwrap()
}

fn ntt_prime_above(bound: u64) -> u64 {
    let mut candidates = (bound / ORDER..).map(|k| k * ORDER + 1);
    candidates.find(|&candidate| is_prime(candidate)).unwrap()
}

/// Miller and Rabin's test with the first twelve primes as bases, which decides every odd word above 37.
fn is_prime(n: u64) -> bool {
    let q = Modulus::new(n);
    let twos = (n - 1).trailing_zeros();
    [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37]
        .into_iter()
        .all(|base| {
            let mut power = q.pow(base, (n - 1) >> twos);
            let mut passed = power == 1 || power == n - 1;
            for _ in 1..twos {
                power = q.mul(power, power);
                passed |= power == n - 1;
            }
            passed
        })
}
