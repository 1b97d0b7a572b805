use crate::kernels::{Modulus, low};

/// Whether `candidate` is prime: Miller-Rabin with the twelve bases that decide every 64-bit number.
///
/// Source: J. Sorenson, J. Webster, "Strong pseudoprimes to twelve prime bases" (2015): no composite below 3.18e23 passes
/// all of the first twelve primes.
#[must_use]
pub fn is_prime(candidate: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if candidate < 2 {
        return false;
    }
    if let Some(&divisor) = BASES.iter().find(|&&base| candidate.is_multiple_of(base)) {
        return candidate == divisor;
    }
    let odd_shift = (candidate - 1).trailing_zeros();
    let odd = (candidate - 1) >> odd_shift;
    let mul = |a: u64, b: u64| u128::from(a) * u128::from(b) % u128::from(candidate);
    BASES.iter().all(|&base| {
        let mut power = wide_pow(base, odd, candidate);
        if power == 1 || power == candidate - 1 {
            return true;
        }
        (1..odd_shift).any(|_| {
            power = low(mul(power, power));
            power == candidate - 1
        })
    })
}

/// Primes `q = 1 mod 2N` of exactly `bits` bits, the largest first.
pub fn ntt_primes(bits: u32, degree: usize) -> impl Iterator<Item = u64> {
    let order = 2 * degree as u64;
    let (low, high) = (1u64 << (bits - 1), 1u64 << bits);
    let first = (high - 1) / order * order + 1;
    let start = if first >= high { first - order } else { first };
    (0..)
        .map_while(move |step: u64| start.checked_sub(step.checked_mul(order)?))
        .take_while(move |&candidate| candidate >= low && candidate > 1)
        .filter(|&candidate| is_prime(candidate))
}

/// Primes `q = 1 mod 2N` of at most [`Modulus::MAX_BITS`] bits, the nearest to `target` first.
pub fn ntt_primes_near(target: u64, degree: usize) -> impl Iterator<Item = u64> {
    let order = 2 * degree as u64;
    let base = target / order * order + 1;
    (0u64..)
        .map_while(move |step| {
            // 0, +1, -1, +2, -2, ...
            let distance = step.div_ceil(2).checked_mul(order)?;
            let candidate = if step % 2 == 1 {
                base.checked_add(distance)?
            } else {
                base.checked_sub(distance)?
            };
            (candidate >> Modulus::MAX_BITS == 0).then_some(candidate)
        })
        .filter(|&candidate| is_prime(candidate))
}

/// `base^exponent` modulo any word.
pub(super) fn wide_pow(base: u64, mut exponent: u64, modulus: u64) -> u64 {
    let mul = |a: u64, b: u64| low(u128::from(a) * u128::from(b) % u128::from(modulus));
    let (mut power, mut result) = (base % modulus, 1);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = mul(result, power);
        }
        power = mul(power, power);
        exponent >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_trial_division() {
        for n in 0..5000u64 {
            let expected = n >= 2 && (2..n).take_while(|d| d * d <= n).all(|d| n % d != 0);
            assert_eq!(is_prime(n), expected, "{n}");
        }
    }

    #[test]
    fn known_hard_cases() {
        assert!(is_prime((1 << 61) - 1));
        assert!(is_prime(18_446_744_073_709_551_557));
        assert!(
            !is_prime(3_825_123_056_546_413_051),
            "strong pseudoprime to the first nine primes"
        );
        assert!(!is_prime(561) && !is_prime(u64::MAX));
    }

    #[test]
    fn found_primes_are_of_the_size_asked_for() {
        for (bits, degree) in [(5, 8), (30, 4096), (40, 8192), (60, 32_768), (61, 131_072)] {
            let found: Vec<u64> = ntt_primes(bits, degree).take(3).collect();
            assert!(!found.is_empty());
            for prime in found {
                assert!(is_prime(prime) && prime % (2 * degree as u64) == 1);
                assert_eq!(u64::BITS - prime.leading_zeros(), bits);
            }
        }
        assert_eq!(ntt_primes(10, 1024).count(), 0);
    }

    #[test]
    fn nearest_primes_alternate() {
        let target = 1 << 40;
        let found: Vec<u64> = ntt_primes_near(target, 8192).take(6).collect();
        assert!(
            found
                .windows(2)
                .all(|pair| pair[0].abs_diff(target) <= pair[1].abs_diff(target) + 16_384)
        );
        assert!(found.iter().any(|&p| p > target) && found.iter().any(|&p| p < target));
    }
}
