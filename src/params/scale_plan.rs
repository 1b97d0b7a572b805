use crate::kernels::low;
use crate::params::{RlweParams, Scale};

/// The canonical scale of every level.
#[derive(Clone, Debug, PartialEq)]
#[doc(alias("FLEXIBLEAUTO", "FLEXIBLEAUTOEXT", "FIXEDAUTO", "FIXEDMANUAL"))]
pub enum ScalePlan {
    /// `2^bits` at level 0 and `scale(l) = sqrt(scale(l - 1) q_l)` above, with the product `q_l` of the primes of level l: a product
    /// of two ciphertexts, rescaled, has exactly the scale of the level below, and deviations of primes from the scale halve at each
    /// level.
    Canonical {
        /// log2 of the scale at level 0.
        bits: u32,
    },
    /// The scale of each level, from level 0 up: for circuits whose precision changes from level to level.
    Explicit(Vec<Scale>),
}

impl ScalePlan {
    /// The scales of all levels of `params`; `None` if there are not as many as levels.
    pub(super) fn scales(&self, params: &RlweParams) -> Option<Vec<Scale>> {
        let levels = params.level_sizes().len();
        match self {
            &Self::Canonical { bits } => {
                let mut scale = Scale::power_of_two(bits);
                let mut scales = vec![scale];
                for level in 1..levels {
                    scale = scale.mul_primes(params.level_primes(level)).sqrt();
                    scales.push(scale);
                }
                Some(scales)
            }
            Self::Explicit(scales) => (scales.len() == levels).then(|| scales.clone()),
        }
    }

    /// The numbers that tell plans apart in fingerprints.
    pub(super) fn code(&self) -> Vec<u64> {
        match self {
            &Self::Canonical { bits } => vec![bits.into()],
            Self::Explicit(scales) => {
                let words = scales.iter().flat_map(|scale| {
                    let (mantissa, exponent) = scale.parts();
                    let [low, high] = [mantissa, mantissa >> 64].map(low);
                    [low, high, exponent.cast_unsigned()]
                });
                words.collect()
            }
        }
    }
}

impl Eq for ScalePlan {}
