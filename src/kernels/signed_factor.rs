use super::{Modulus, ShoupScalar};

/// A fixed factor w of products modulo q, in signed halves, for multipliers of signed words of 32 bits.
///
/// Each field is a number `high * 2^32 + low`, both signed words of 32 bits in one word of 64, as [`halves`] makes it. With x likewise in
/// halves, `x * w = high(x) * shifted + low(x) * value` modulo q, and `high(x) * low(quotient) + low(x) * high(quotient)` is its
/// quotient by q, times 2^32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SignedFactor {
    /// The factor's representative W of least size, or nearly so: within `q/2 + q/2^32`.
    pub(super) value: u64,
    /// `W * 2^32 - high(quotient) * q`, which is within q/2 because the high half is a rounded quotient.
    pub(super) shifted: u64,
    /// `W * 2^64 / q`, rounded to the nearest integer.
    pub(super) quotient: u64,
}

/// A half as large as the low half of a word can be, in its own sign.
pub(super) const HALF: u64 = 1 << 31;

impl SignedFactor {
    /// The factor, a residue.
    pub(super) fn new(q: &Modulus, factor: u64) -> Self {
        let floor = q.shoup(factor).quotient;
        // w * 2^64 - floor * q, below q; twice that is below 2^62.
        let remainder = floor.wrapping_mul(q.value()).wrapping_neg();
        let quotient = floor + u64::from(2 * remainder >= q.value());
        // From here on the signed high half of the quotient would be too large, or the quotient is negative.
        let representative = if quotient >= (1 << 63) - HALF {
            factor.wrapping_sub(q.value())
        } else {
            factor
        };
        let quotient = halves(quotient);
        let multiple = (quotient >> 32).wrapping_mul(q.value());
        // The high half as a word without a sign is 2^32 too large where it is negative, which does not matter modulo 2^64 times q.
        let sign = (quotient >> 63).wrapping_neg() & (q.value() << 32);
        let shifted = (representative << 32)
            .wrapping_sub(multiple)
            .wrapping_add(sign);
        Self {
            value: halves(representative),
            shifted: halves(shifted),
            quotient,
        }
    }

    /// The residue, and the quotient rounded down, modulo q.
    pub(super) fn unsigned(self, q: u64) -> ShoupScalar {
        let [value, quotient] = [self.value, self.quotient].map(joined);
        // Negative if the quotient was rounded up.
        let remainder = quotient.wrapping_mul(q).wrapping_neg();
        ShoupScalar {
            value: value.wrapping_add((value >> 63).wrapping_neg() & q),
            quotient: quotient.wrapping_sub(remainder >> 63),
        }
    }
}

/// A signed number as two signed halves: the low one is what the low 32 bits are, the high one makes up for its sign.
pub(super) const fn halves(number: u64) -> u64 {
    let high = number.wrapping_add(HALF) >> 32;
    high << 32 | (number & 0xffff_ffff)
}

/// The number of two signed halves.
const fn joined(halves: u64) -> u64 {
    // A negative low half was made up for.
    halves.wrapping_sub((halves & HALF) << 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both halves.
    fn parts(word: u64) -> [i128; 2] {
        [word >> 32, word & 0xffff_ffff].map(|half| {
            let half = u32::try_from(half).unwrap();
            i128::from(half.cast_signed())
        })
    }

    fn number(word: u64) -> i128 {
        let [high, low] = parts(word);
        (high << 32) + low
    }

    #[test]
    fn fields_are_what_they_say() {
        let moduli = [1 << 50, (1 << 51) - 1, (1 << 60) + 1, (1 << 61) - 1, 17, 2];
        for q in moduli.map(Modulus::new) {
            let n = i128::from(q.value());
            let spread = (0..100u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let edges = [0, 1, 2, 3].into_iter().flat_map(|i| {
                [
                    i,
                    q.value() / 2 + i,
                    (q.value() / 2).wrapping_sub(i),
                    q.value().wrapping_sub(i),
                ]
            });
            for factor in spread.chain(edges).map(|word| q.reduce(word)) {
                let signed = SignedFactor::new(&q, factor);
                let value = number(signed.value);
                let [high, _] = parts(signed.quotient);
                assert_eq!(value.rem_euclid(n), i128::from(factor));
                assert_eq!(signed.unsigned(q.value()), q.shoup(factor));
                assert!(value.abs() << 32 <= (n << 31) + n, "{value} modulo {n}");
                let error = number(signed.quotient) * n - (value << 64);
                assert!(2 * error.abs() <= n, "{factor} modulo {n}");
                assert_eq!(number(signed.shifted), (value << 32) - high * n);
                assert!(2 * number(signed.shifted).abs() <= n + (n >> 31) + 1);
            }
        }
    }
}
