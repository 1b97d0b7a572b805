use rand::CryptoRng;
use zeroize::Zeroizing;

/// The discrete Gaussian on the integers with the standard deviation parameter `sigma = 2^bits`, cut off beyond 16 sigma.
///
/// A candidate is uniform below 16 sigma and stays with the probability `exp(-y^2 / 2 sigma^2)`. That probability is computed in fixed
/// point with an error below 2^-120, and tails beyond 16 sigma have a probability below 2^-184. One candidate in 12.8 stays, so the
/// distance in total variation from the discrete Gaussian is below 2^-115.
///
/// Constant time for each candidate. How many are drawn does not depend on the one that stays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WideGaussian {
    bits: u32,
}

impl WideGaussian {
    /// The most bits.
    pub(crate) const MOST_BITS: u32 = 120;
    /// No sample is larger than so many sigma.
    pub(crate) const CUT: u32 = 1 << CUT_BITS;

    /// The distribution with `sigma = 2^bits`, or 2^120 if that is less.
    pub(crate) fn new(bits: u32) -> Self {
        Self {
            bits: bits.min(Self::MOST_BITS),
        }
    }

    /// log2 of sigma.
    pub(crate) fn bits(self) -> u32 {
        self.bits
    }

    /// One sample.
    pub(crate) fn sample(self, rng: &mut impl CryptoRng) -> i128 {
        let mut bytes = Zeroizing::new([0; 32]);
        let range = self.bits + CUT_BITS;
        loop {
            rng.fill_bytes(&mut bytes[..]);
            let words = bytes.as_chunks::<16>().0;
            let [candidate, coin] = [0, 1].map(|i| u128::from_le_bytes(words[i]));
            // In [-16 sigma, 16 sigma).
            let low = (candidate & ((2 << range) - 1)).cast_signed();
            let y = low - (1 << range);
            if coin >> 1 < self.probability(y.unsigned_abs()) {
                return y;
            }
        }
    }

    /// `exp(-y^2 / 2 sigma^2)` times 2^127, for y up to 16 sigma.
    fn probability(self, y: u128) -> u128 {
        // y / sigma = a + f with an integer a; y^2 / 2 sigma^2 = a^2 / 2 + a f + f^2 / 2, in units of 2^-120.
        let a = y >> self.bits;
        let f = (y & ((1 << self.bits) - 1)) << (127 - self.bits);
        let exponent = ((a * a) << 119) + a * (f >> 7) + (mul_high(f, f) >> 7);
        exp_of_minus(exponent)
    }
}

/// log2 of where the distribution is cut off, in sigma.
const CUT_BITS: u32 = 4;

/// 1 in fixed point.
const ONE: u128 = 1 << 127;

/// `exp(-2^i)` in units of 2^-128.
const EXP_OF_POWERS: [u128; 7] = [
    0x5e2d_58d8_b3bc_df1a_bade_c782_9054_f90e,
    0x22a5_5547_7f03_973f_b6ed_d5c2_5a05_2ae4,
    0x04b0_556e_084f_3d1d_fa2b_c04c_b0ab_88f5,
    0x0015_fc21_0410_27ac_bbfc_d467_80fe_e71f,
    0x0000_01e3_55bb_aee8_5cad_a65f_73f3_2e89,
    0x0000_0000_0003_908c_9eec_2c8d_03c5_3340,
    0x0000_0000_0000_0000_0000_000c_b4ea_3991,
];

/// So many terms of the series of exp reach 2^-127.
const TERMS: usize = 34;

/// `1 / k` in units of 2^-128, for k from 1.
const INVERSES: [u128; TERMS + 1] = {
    let mut inverses = [0; TERMS + 1];
    let mut k = 1;
    while k <= TERMS {
        inverses[k] = u128::MAX / k as u128;
        k += 1;
    }
    inverses
};

/// `exp(-x)` times 2^127, for x below 256 in units of 2^-120, with an error below 2^-120. Constant time.
fn exp_of_minus(x: u128) -> u128 {
    // Of the fraction r by the series 1 - r (1 - r/2 (1 - r/3 (...))): every factor is at most 1, so that the errors of a step, a few
    // 2^-127, reach the result divided by factorials.
    let fraction = (x << 8) >> 1;
    let mut result = ONE;
    for &inverse in INVERSES[2..].iter().rev() {
        result = ONE - 2 * mul_high(mul_high(fraction, result), inverse);
    }
    result = ONE - 2 * mul_high(fraction, result);
    // Times exp(-2^i) for each bit of the integer part.
    let integer = x >> 120;
    for (i, &factor) in EXP_OF_POWERS.iter().enumerate() {
        result = select(integer >> i, mul_high(result, factor), result);
    }
    // exp(-128) is below 2^-184.
    select(integer >> 7, 0, result)
}

/// The first number if the lowest bit is set, else the second. Without a branch.
fn select(bit: u128, set: u128, clear: u128) -> u128 {
    let mask = (bit & 1).wrapping_neg();
    (set & mask) | (clear & !mask)
}

/// `floor(a b / 2^128)`.
fn mul_high(a: u128, b: u128) -> u128 {
    const LOW: u128 = u64::MAX as u128;
    let [a_high, a_low, b_high, b_low] = [a >> 64, a & LOW, b >> 64, b & LOW];
    let carry = (a_low * b_low) >> 64;
    // Each at most (2^64 - 1)^2 + 2^64 - 1.
    let first = a_high * b_low + carry;
    let second = a_low * b_high + (first & LOW);
    a_high * b_high + (first >> 64) + (second >> 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    #[test]
    fn high_products_equal_those_of_big_integers() {
        use num_bigint::BigUint;
        let numbers = [
            0,
            1,
            u128::MAX,
            ONE,
            3 << 63,
            EXP_OF_POWERS[0],
            EXP_OF_POWERS[3],
        ];
        for a in numbers {
            for b in numbers {
                let expected = (BigUint::from(a) * b) >> 128u32;
                assert_eq!(BigUint::from(mul_high(a, b)), expected);
            }
        }
    }

    /// Against values computed with 120 digits.
    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "below 2^58")]
    fn exponentials_are_right_to_120_bits() {
        let one = 1u128 << 120;
        for (x, expected) in [
            (0, ONE),
            (one / 2, 103_195_844_248_566_597_636_880_352_756_141_321_140),
            (one, 62_591_443_491_685_266_058_625_363_149_075_414_151),
            (
                13 * one / 4,
                6_597_089_608_231_377_380_572_641_055_441_087_859,
            ),
            (
                193 * (one / 16),
                982_046_973_067_768_909_928_227_043_028_585,
            ),
            (81 * (one / 2), 438_412_504_041_805_955_268),
            (323 * (one / 4), 1451),
            (128 * one, 0),
        ] {
            let error = exp_of_minus(x).abs_diff(expected);
            assert!(error < 1 << 7, "{x}: {error}");
        }
        // At any place, to what f64 has.
        for i in 0..2000u32 {
            let x = f64::from(i) / 61.0;
            let fixed = (x * 2f64.powi(52)) as u128;
            let exact = (-(fixed as f64) * 2f64.powi(-52)).exp();
            let found = exp_of_minus(fixed << 68) as f64 * 2f64.powi(-127);
            assert!((found / exact - 1.0).abs() < 1e-13, "{x}: {found} {exact}");
        }
    }

    /// With a small sigma each integer has its own probability.
    #[test]
    fn small_deviations_have_the_probabilities_of_the_discrete_gaussian() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for bits in [0, 2] {
            let sigma = f64::from(bits).exp2();
            let samples = 40_000;
            let reach = 4 << bits;
            let weight = |y: i32| (-f64::from(y * y) / (2.0 * sigma * sigma)).exp();
            let total: f64 = (-16 * reach..=16 * reach).map(weight).sum();
            let mut counts = vec![0u32; 2 * reach as usize + 1];
            for _ in 0..samples {
                let y = WideGaussian::new(bits as u32).sample(&mut rng);
                let place = usize::try_from(y + i128::from(reach));
                if let Some(count) = place.ok().and_then(|place| counts.get_mut(place)) {
                    *count += 1;
                }
            }
            let mut statistic = 0.0;
            for (y, &count) in (-reach..=reach).zip(&counts) {
                let expected = weight(y) / total * f64::from(samples);
                statistic += (f64::from(count) - expected).powi(2) / expected;
            }
            // 8 standard deviations above the mean of the statistic, since the outermost cells expect less than 5.
            let cells = counts.len() as f64;
            assert!(
                statistic < cells + 8.0 * (2.0 * cells).sqrt(),
                "{statistic}"
            );
        }
    }

    #[test]
    fn wide_deviations_have_the_moments_of_the_gaussian_and_uniform_low_bits() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        for bits in [30, 77, WideGaussian::MOST_BITS] {
            let count = 20_000;
            let gaussian = WideGaussian::new(bits);
            let samples: Vec<i128> = (0..count).map(|_| gaussian.sample(&mut rng)).collect();
            let most = f64::from(WideGaussian::CUT);
            let scaled = samples.iter().map(|&y| y as f64 / f64::from(bits).exp2());
            assert!(scaled.clone().all(|x| x.abs() <= most));
            let moment =
                |power| scaled.clone().map(|x| x.powi(power)).sum::<f64>() / f64::from(count);
            // Six standard deviations of each moment's own error.
            let near = |power, expected: f64, variance: f64| {
                let error = (moment(power) - expected).abs();
                assert!(
                    error < 6.0 * (variance / f64::from(count)).sqrt(),
                    "{power}: {error}"
                );
            };
            near(1, 0.0, 1.0);
            near(2, 1.0, 2.0);
            near(3, 0.0, 15.0);
            near(4, 3.0, 96.0);
            for bit in 0..16 {
                let ones = samples.iter().filter(|&&y| y >> bit & 1 == 1).count();
                let error = (ones as f64 - f64::from(count) / 2.0).abs();
                assert!(error < 6.0 * (f64::from(count) / 4.0).sqrt(), "bit {bit}");
            }
        }
    }
}
