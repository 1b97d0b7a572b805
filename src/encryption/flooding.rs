use crate::error::{Error, PrecisionError, Result};
use crate::ring::WideGaussian;
use rand::CryptoRng;

/// What published values are rounded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// Multiples of 2^-bits, bits from -256 to 256.
    Bits(i32),
    /// Multiples of 10^-decimals, decimals from -22 to 22.
    Decimals(i32),
}

impl Rounding {
    /// The distance between neighbours.
    fn step(self) -> f64 {
        match self {
            Self::Bits(bits) => f64::from(-bits).exp2(),
            Self::Decimals(decimals) => 10f64.powi(-decimals),
        }
    }

    /// The bits after the point.
    fn bits(self) -> f64 {
        match self {
            Self::Bits(bits) => f64::from(bits),
            Self::Decimals(decimals) => f64::from(decimals) * std::f64::consts::LOG2_10,
        }
    }

    /// The multiple nearest to `value`: of decimals, the f64 nearest to it.
    fn nearest(self, value: f64) -> f64 {
        // All powers are exact.
        let multiple = match self {
            Self::Bits(bits) => (value * f64::from(bits).exp2()).round() * self.step(),
            Self::Decimals(decimals) if decimals < 0 => {
                let step = 10f64.powi(-decimals);
                (value / step).round() * step
            }
            Self::Decimals(decimals) => {
                let inverse = 10f64.powi(decimals);
                (value * inverse).round() / inverse
            }
        };
        // Not -0.
        multiple + 0.0
    }
}

/// How well published values hide the noise of decryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Privacy {
    /// lambda, at most 128.
    pub(crate) statistical_bits: u32,
    /// q: of so many publications, at most 2^32.
    pub(crate) publications: u64,
}

impl Privacy {
    /// How much larger sigma must be than a bound B of each of `count` errors.
    ///
    /// The errors are a vector whose Euclidean norm is at most `sqrt(count) B`, whatever they are. A discrete Gaussian with parameter
    /// sigma in each coordinate, moved by a vector of integers v, has the Kullback-Leibler divergence `|v|^2 / 2 sigma^2` from the one that is not
    /// (the cross term vanishes, since both are symmetric), so at most `count B^2 / 2 sigma^2` for each publication. By the chain rule those of q
    /// publications add up, also where later ciphertexts depend on earlier results. `sigma = sqrt(12 q count) 2^(lambda/2) B` makes their sum
    /// `2^-lambda / 24`; `docs/math/noise.md` has what that means for an adversary.
    #[expect(clippy::cast_precision_loss, reason = "a factor")]
    fn ratio(self, count: usize) -> f64 {
        let queries = 12.0 * self.publications as f64 * count.max(1) as f64;
        queries.sqrt() * (f64::from(self.statistical_bits) / 2.0).exp2()
    }
}

/// The noise for one publication: integers of a discrete Gaussian, in units far below the error that they hide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flooding {
    rounding: Rounding,
    gaussian: WideGaussian,
    unit: f64,
    /// The bound of all errors before rounding.
    error: f64,
}

impl Flooding {
    /// The flooding of `count` values up to `message` whose errors, that of decoding included, are at most `noise` each.
    pub(crate) fn new(
        (rounding, privacy): (Rounding, Privacy),
        count: usize,
        (message, noise): (f64, f64),
    ) -> Self {
        // The divisions and products below round numbers up to the message bound at most 5 times. An exact 0 has no error; the unit stays
        // positive.
        let bound = noise + (message + noise) * ROUNDINGS + rounding.step() * LEAST;
        let ratio = privacy.ratio(count);
        // The values are rounded to units, which changes the distance of two by less than one, so that it is below B/unit + 1. With sigma
        // 2^bits units, at least 256 times the ratio, `sigma = ratio (B/unit + 1) unit` has this solution.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "at most 2^64 sqrt(12 2^32 2^64)"
        )]
        #[expect(clippy::cast_sign_loss, reason = "the ratio is above 1")]
        let gaussian = WideGaussian::new(ratio.log2().ceil() as u32 + 8);
        let sigma = f64::from(gaussian.bits()).exp2();
        let unit = bound / (sigma / ratio - 1.0);
        Self {
            rounding,
            gaussian,
            unit,
            error: bound + unit * (1.0 + sigma * f64::from(WideGaussian::CUT)),
        }
    }

    /// The bits after the point that are left: with so many, values are rounded to steps of which the error is half of one at most.
    pub(crate) fn bits_left(&self) -> f64 {
        -(2.0 * self.error).log2()
    }

    /// Checks that published values are within one step of the true ones: half a step of error, and half of rounding.
    ///
    /// # Errors
    /// [`PrecisionError::PublicationTooPrecise`](crate::PrecisionError::PublicationTooPrecise).
    pub(crate) fn check(&self) -> Result<()> {
        // A comparison that NaN fails, too.
        if 2.0 * self.error <= self.rounding.step() {
            return Ok(());
        }
        Err(Error::Precision(PrecisionError::PublicationTooPrecise {
            asked_bits: self.rounding.bits(),
            left_bits: self.bits_left(),
        }))
    }

    /// `value` with noise, rounded: a function of the sum of both alone.
    pub(crate) fn publish(&self, value: f64, rng: &mut impl CryptoRng) -> f64 {
        self.rounding
            .nearest(self.flood(value, rng) as f64 * self.unit)
    }

    /// `value` in units, with noise. Constant time in the value.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "values within their bound have at most 2^58 units"
    )]
    fn flood(&self, value: f64, rng: &mut impl CryptoRng) -> i128 {
        let units = (value / self.unit).round() as i64;
        i128::from(units) + self.gaussian.sample(rng)
    }
}

/// The bound of the roundings in f64, relative to a value: fewer than 8 of 2^-53.
const ROUNDINGS: f64 = 1.0 / (1u64 << 50) as f64;

/// The least bound of an error, relative to the step.
const LEAST: f64 = 1e-60;

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    fn privacy(statistical_bits: u32, publications: u64) -> Privacy {
        Privacy {
            statistical_bits,
            publications,
        }
    }

    #[test]
    fn sigma_keeps_the_divergence_of_all_publications_below_its_limit() {
        for (lambda, publications, count) in [
            (30, 1, 1),
            (40, 1024, 4096),
            (64, 1024, 1),
            (128, 1 << 32, 1 << 24),
        ] {
            let (message, noise) = (2.0, 2f64.powi(-40));
            let options = (Rounding::Bits(0), privacy(lambda, publications));
            let flooding = Flooding::new(options, count, (message, noise));
            // The largest distance of two values in units.
            let distance = noise / flooding.unit + 1.0;
            let sigma = f64::from(flooding.gaussian.bits()).exp2();
            let divergence = count as f64 * distance.powi(2) / (2.0 * sigma * sigma);
            let total = divergence * publications as f64 * f64::from(lambda).exp2() * 24.0;
            assert!(total <= 1.0 && total > 0.97, "{total}");
            // Up to 16 sigma, half a step is lost to rounding.
            let ratio = sigma * flooding.unit / noise;
            let lost = (ratio * 32.0).log2();
            assert!((flooding.bits_left() - (40.0 - lost)).abs() < 0.01);
        }
    }

    #[test]
    fn noise_has_the_size_that_it_is_meant_to_have() {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let noise = 2f64.powi(-44);
        let options = (Rounding::Decimals(2), privacy(40, 1024));
        let flooding = Flooding::new(options, 1, (1.0, noise));
        let sigma = (12.0f64 * 1024.0).sqrt() * 2f64.powi(20) * noise;
        let count = 20_000;
        let squares = (0..count).map(|_| {
            let flooded = flooding.flood(0.7, &mut rng) as f64 * flooding.unit;
            (flooded - 0.7).powi(2)
        });
        let deviation = (squares.sum::<f64>() / f64::from(count)).sqrt();
        // The roundings in f64 count as 2^-50 of the values, beside 2^-44.
        assert!(
            (1.0..1.07).contains(&(deviation / sigma)),
            "{deviation} {sigma}"
        );
    }

    #[test]
    fn values_are_rounded_to_multiples() {
        let near = |rounding: Rounding, value| rounding.nearest(value);
        assert_eq!(near(Rounding::Bits(2), 0.6), 0.5);
        assert_eq!(near(Rounding::Bits(-4), 25.0), 32.0);
        assert_eq!(near(Rounding::Decimals(3), 0.123_49), 0.123);
        assert_eq!(near(Rounding::Decimals(1), -0.26), -0.3);
        assert_eq!(near(Rounding::Decimals(0), 2.4), 2.0);
        assert_eq!(near(Rounding::Decimals(-2), 1251.0), 1300.0);
        for rounding in [
            Rounding::Bits(1),
            Rounding::Decimals(1),
            Rounding::Decimals(-1),
        ] {
            assert!(near(rounding, -0.01).is_sign_positive());
        }
        for decimals in -22..=22 {
            let (rounding, text) = (Rounding::Decimals(decimals), format!("7e{}", -decimals));
            let value: f64 = text.parse().unwrap();
            assert_eq!(rounding.nearest(value * 1.01), value);
            assert!((rounding.step() / value * 7.0 - 1.0).abs() < 1e-15);
        }
    }

    #[test]
    fn what_is_not_left_is_refused() {
        let flooding = |rounding, bounds| Flooding::new((rounding, privacy(40, 1024)), 1, bounds);
        let bounds = (1.0, 2f64.powi(-44));
        let left = flooding(Rounding::Bits(0), bounds).bits_left();
        assert!((12.0..12.2).contains(&left), "{left}");
        assert_eq!(flooding(Rounding::Bits(12), bounds).check(), Ok(()));
        assert_eq!(flooding(Rounding::Decimals(3), bounds).check(), Ok(()));
        let error = flooding(Rounding::Bits(13), bounds).check().unwrap_err();
        assert_eq!(
            error,
            Error::Precision(PrecisionError::PublicationTooPrecise {
                asked_bits: 13.0,
                left_bits: left
            })
        );
        for bounds in [
            (1.0, f64::NAN),
            (1.0, f64::INFINITY),
            (f64::INFINITY, 1.0),
            (f64::NAN, 1.0),
        ] {
            assert!(flooding(Rounding::Bits(-256), bounds).check().is_err());
        }
        // An exact 0 stays one.
        let mut rng = ChaCha20Rng::seed_from_u64(6);
        let zero = flooding(Rounding::Bits(256), (0.0, 0.0));
        assert_eq!((zero.check(), zero.publish(0.0, &mut rng)), (Ok(()), 0.0));
    }
}
