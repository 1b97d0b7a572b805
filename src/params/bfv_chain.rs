use crate::error::Result;
use crate::params::bfv::{least_plaintext_bits, plaintext_bits_from};
use crate::params::{
    BfvContext, BfvParams, Log2, NoiseModel, ProductNoise, SecretDistribution, SecurityPolicy,
    search,
};

/// Which integers a BFV circuit computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlainModulus {
    /// Those modulo this number.
    Exactly(u64),
    /// Those modulo the largest prime of so many bits that gives slots, or of the fewest more that any has.
    Bits(u32),
}

impl PlainModulus {
    fn at(self, degree: usize) -> Self {
        match self {
            Self::Exactly(_) => self,
            Self::Bits(bits) => {
                let least = bits.max(least_plaintext_bits(degree));
                Self::Bits(plaintext_bits_from(least, degree))
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a logarithm")]
    fn magnitude(self) -> Log2 {
        match self {
            Self::Exactly(modulus) => Log2::of(modulus as f64),
            Self::Bits(bits) => Log2::from_bits(bits.into()),
        }
    }
}

/// Data primes of one size, one for each level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BfvChain {
    /// Of the product of all, at least; more where a fresh ciphertext takes it.
    pub(crate) modulus_bits: f64,
    pub(crate) plain: PlainModulus,
}

impl BfvChain {
    /// Parameters at a degree that are secure by a policy, by how keys are switched: the least work first, then ever smaller keys. None
    /// if the degree is too small.
    ///
    /// # Errors
    /// As [`RlweParams::new`](crate::params::RlweParams::new) and [`BfvParams::new`]; [`ParameterError::InvalidPrimeBits`](crate::ParameterError::InvalidPrimeBits),
    /// [`ParameterError::NotEnoughPrimes`](crate::ParameterError::NotEnoughPrimes).
    pub(crate) fn params(self, degree: usize, policy: SecurityPolicy) -> Result<Vec<BfvParams>> {
        let modulus = self.plain.at(degree);
        let (secret, plain) = (SecretDistribution::Ternary, modulus.magnitude());
        let products = ProductNoise::new(&NoiseModel::new(degree, secret), plain);
        let fresh = search::bfv_modulus_bits(&products, 0, plain, Log2::ONE);
        let total = self.modulus_bits.max(fresh);
        let Some(data_bits) = search::split_bits(total, search::least_prime_bits(degree, 1)) else {
            return Ok(Vec::new());
        };
        let ring = (degree, &data_bits[..], vec![1; data_bits.len()]);
        let builder = match modulus {
            PlainModulus::Exactly(modulus) => BfvContext::builder().plaintext_modulus(modulus),
            PlainModulus::Bits(bits) => BfvContext::builder().plaintext_bits(bits),
        };
        let rings = search::with_any_key_switching(&ring, secret, policy)?;
        let params = |rlwe| {
            let modulus = builder.plaintext_modulus_for(&rlwe)?;
            BfvParams::new(rlwe, modulus)
        };
        rings.into_iter().map(params).collect()
    }
}
