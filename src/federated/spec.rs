//! What a sum is to hold: stated by the user, checked, and turned into the numbers that everything else works with.

use crate::error::{Error, FederatedError, Result};
use crate::federated::SumContext;
use crate::multiparty::Policy;
use crate::params::SecretDistribution;

/// How values beyond the clip bound are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutOfClip {
    /// They are replaced by the bound: the default.
    #[default]
    Clip,
    /// The update is refused.
    Refuse,
}

/// How much each update counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// All the same: the default. Each client encrypts with weight 1.
    #[default]
    Equal,
    /// Each value times an integer weight from 1, exactly: for numbers of samples.
    Counted {
        /// The most that all weights sum to.
        total: u64,
    },
    /// Each value times `weight / max`, rounded once: the room of equal weights, and a coarser step for clients of a small weight.
    Scaled {
        /// The largest weight of a client.
        max: u64,
    },
}

/// Who can decrypt, and how uploads are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// One key holder, who is not the server; clients encrypt with the public key: the default.
    #[default]
    PublicKey,
    /// All clients hold the same secret key and send half of each upload as a seed.
    ///
    /// # Security
    /// The weakest of the three: any client that shows the server its key shows it the updates of all.
    SharedSecret,
    /// Several parties share the key, and so many of them as the policy says decrypt together.
    Shared(Policy),
}

/// A sum of updates of many clients: how many, how long, how precise. [`build`](Self::build) chooses the parameters.
///
/// ```
/// use slotwise::federated::{SumSpec, Weights};
/// // Up to 8 clients, weighted by their numbers of samples.
/// let context = SumSpec::new(8, 4810)
///     .bits(16)
///     .clip(0.5)
///     .weights(Weights::Counted { total: 2000 })
///     .build()?;
/// println!("{context}");
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias("SecAgg", "SecAggPlusWorkflow"))]
pub struct SumSpec {
    pub(super) clients: u32,
    pub(super) length: usize,
    pub(super) bits: u32,
    pub(super) clip: f64,
    pub(super) out_of_clip: OutOfClip,
    pub(super) weights: Weights,
    pub(super) hidden_weights: bool,
    pub(super) mode: Mode,
}

impl SumSpec {
    /// The most clients of a sum.
    pub const MOST_CLIENTS: u32 = 1 << 20;
    /// The most values of an update.
    pub const MOST_VALUES: usize = 1 << 30;

    /// A sum of at most `clients` updates of `length` values each: 16 bits in [-1, 1], values beyond clipped, equal weights, one key
    /// holder.
    ///
    /// ```
    /// use slotwise::federated::SumSpec;
    ///
    /// let context = SumSpec::new(64, 1_000_000).build()?; // 64 clients, a million values each
    /// assert_eq!((context.clients(), context.length()), (64, 1_000_000));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn new(clients: u32, length: usize) -> Self {
        Self {
            clients,
            length,
            bits: 16,
            clip: 1.0,
            out_of_clip: OutOfClip::default(),
            weights: Weights::default(),
            hidden_weights: false,
            mode: Mode::default(),
        }
    }

    /// The bits of each value, its sign included: 2 to 32.
    ///
    /// ```
    /// use slotwise::federated::SumSpec;
    ///
    /// let coarse = SumSpec::new(64, 1_000_000).bits(8).build()?;
    /// let fine = SumSpec::new(64, 1_000_000).bits(24).build()?;
    /// assert!(coarse.upload_bytes() < fine.upload_bytes());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("quantization_range", "quantization"))]
    pub fn bits(self, bits: u32) -> Self {
        Self { bits, ..self }
    }

    /// The largest magnitude C of a value. The step between values is `C / (2^(bits - 1) - 1)`.
    ///
    /// ```
    /// use slotwise::federated::SumSpec;
    ///
    /// let context = SumSpec::new(8, 1).clip(0.5).build()?;
    /// let average = context.clear_average(&[(&[0.75], 1)])?;
    /// assert_eq!(average, [0.5]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("clipping_range", "clipping_norm"))]
    pub fn clip(self, clip: f64) -> Self {
        Self { clip, ..self }
    }

    /// How values beyond the clip bound are treated.
    ///
    /// ```
    /// use slotwise::federated::{OutOfClip, SumSpec};
    ///
    /// let context = SumSpec::new(8, 1).clip(0.5).out_of_clip(OutOfClip::Refuse).build()?;
    /// assert!(context.clear_average(&[(&[0.75], 1)]).is_err());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn out_of_clip(self, out_of_clip: OutOfClip) -> Self {
        Self {
            out_of_clip,
            ..self
        }
    }

    /// How much each update counts.
    ///
    /// ```
    /// use slotwise::federated::{SumSpec, Weights};
    ///
    /// // A client's weight is the number of its samples; there are at most 1000 in all.
    /// let context = SumSpec::new(8, 1).weights(Weights::Counted { total: 1000 }).build()?;
    /// let average = context.clear_average(&[(&[1.0], 300), (&[0.0], 100)])?;
    /// assert_eq!(average, [0.75]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("max_weight", "num_examples"))]
    pub fn weights(self, weights: Weights) -> Self {
        Self { weights, ..self }
    }

    /// Weights as one more encrypted value, instead of in the clear. The server then cannot add them up, so that counted weights are
    /// bounded for each client by itself: `total / clients`.
    ///
    /// ```
    /// use slotwise::federated::{SumSpec, Weights};
    ///
    /// let spec = SumSpec::new(8, 1).weights(Weights::Counted { total: 1000 }).hidden_weights();
    /// assert_eq!(spec.build()?.largest_weight(), 125); // 1000 / 8
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn hidden_weights(self) -> Self {
        Self {
            hidden_weights: true,
            ..self
        }
    }

    /// Who can decrypt, and how uploads are encrypted.
    ///
    /// ```
    /// use slotwise::federated::{Mode, SumSpec};
    /// use slotwise::multiparty::Policy;
    ///
    /// // Eight clients share the key; any five of them decrypt together.
    /// let context = SumSpec::new(8, 100).mode(Mode::Shared(Policy::new(8, 5)?)).build()?;
    /// assert!(context.generate_secret_key().is_err()); // nobody has the key
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// Chooses the smallest parameters with 128 bits of security that hold such sums.
    ///
    /// ```
    /// use slotwise::federated::SumSpec;
    ///
    /// let context = SumSpec::new(8, 4810).clip(0.5).build()?;
    /// assert!(context.to_string().contains("upload")); // a report: ring, primes, error, bytes of an upload
    /// assert!(SumSpec::new(0, 4810).build().is_err());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`FederatedError::InvalidSpec`] for numbers out of range; [`FederatedError::NoParameters`].
    pub fn build(&self) -> Result<SumContext> {
        SumContext::choose(*self)
    }

    /// The numbers that follow.
    ///
    /// # Errors
    /// [`FederatedError::InvalidSpec`].
    pub(super) fn range(&self) -> Result<Range> {
        if !(1..=Self::MOST_CLIENTS).contains(&self.clients) {
            return Err(invalid("a sum has 1 to 2^20 clients"));
        }
        if !(1..=Self::MOST_VALUES).contains(&self.length) {
            return Err(invalid("an update has 1 to 2^30 values"));
        }
        if !(2..=32).contains(&self.bits) {
            return Err(invalid("a value has 2 to 32 bits"));
        }
        let most = (1u64 << (self.bits - 1)) - 1;
        #[expect(clippy::cast_precision_loss, reason = "at most 31 bits")]
        let scale = most as f64 / self.clip;
        // So that no product with a weight leaves the range of f64.
        if !(2f64.powi(-900)..=2f64.powi(900)).contains(&self.clip) {
            return Err(invalid("the clip bound is from 2^-900 to 2^900"));
        }
        let clients = u64::from(self.clients);
        let (units, divisor, each, total) = match self.weights {
            Weights::Equal if self.hidden_weights => {
                return Err(invalid("equal weights need not be hidden"));
            }
            Weights::Equal => (clients, 1, 1, clients),
            Weights::Counted { total } if total < clients || total > MOST_TOTAL => {
                return Err(invalid(
                    "counted weights sum to at least the number of clients and at most 2^40",
                ));
            }
            Weights::Counted { total } if self.hidden_weights => (total, 1, total / clients, total),
            Weights::Counted { total } => (total, 1, total, total),
            Weights::Scaled { max } if !(1..=MOST_WEIGHT).contains(&max) => {
                return Err(invalid("a scaled weight is 1 to 2^32"));
            }
            Weights::Scaled { max } => (clients, max, max, max * clients),
        };
        let largest = most.saturating_mul(units);
        let of_weights = if self.hidden_weights { total } else { 0 };
        let field_bits = 1 + bit_length(largest.max(of_weights));
        if field_bits > MOST_FIELD_BITS {
            return Err(invalid(
                "the sums have over 61 bits; use fewer bits, or smaller weights",
            ));
        }
        Ok(Range {
            most,
            scale,
            divisor,
            each,
            total,
            field_bits,
        })
    }

    /// How many values are encrypted.
    pub(super) fn encrypted_values(&self) -> usize {
        self.length + usize::from(self.hidden_weights)
    }

    /// How the secret is drawn.
    pub(super) fn secret(&self) -> SecretDistribution {
        match self.mode {
            Mode::PublicKey | Mode::SharedSecret => SecretDistribution::Ternary,
            Mode::Shared(policy) => policy.secret(),
        }
    }

    /// The fields of the specification as numbers, all of which fingerprints and bytes hold.
    pub(super) fn numbers(&self) -> [u64; 14] {
        let (weights, bound) = match self.weights {
            Weights::Equal => (0, 0),
            Weights::Counted { total } => (1, total),
            Weights::Scaled { max } => (2, max),
        };
        let (mode, policy) = match self.mode {
            Mode::PublicKey => (0, [0; 5]),
            Mode::SharedSecret => (1, [0; 5]),
            Mode::Shared(policy) => {
                let [n, t, c] =
                    [policy.parties(), policy.threshold(), policy.contributors()].map(u64::from);
                let lambda = policy.lambda().bits().into();
                (2, [n, t, c, lambda, policy.openings()])
            }
        };
        let [n, t, c, lambda, openings] = policy;
        [
            self.clients.into(),
            self.length as u64,
            self.bits.into(),
            self.clip.to_bits(),
            u64::from(self.out_of_clip == OutOfClip::Refuse),
            weights,
            bound,
            self.hidden_weights.into(),
            mode,
            n,
            t,
            c,
            lambda,
            openings,
        ]
    }
}

/// What follows from a specification: the fixed point, the bounds of weights, and the width of a sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    /// M: the largest magnitude of a value as an integer.
    pub(super) most: u64,
    /// S: integers to one unit of a value.
    pub(super) scale: f64,
    /// What weights are divided by.
    pub(super) divisor: u64,
    /// The largest weight of one client.
    pub(super) each: u64,
    /// The largest sum of weights.
    pub(super) total: u64,
    /// The bits of a sum, its sign included.
    pub(super) field_bits: u32,
}

/// So that a sum and the offset that makes it positive fit a word with room.
const MOST_FIELD_BITS: u32 = 62;

/// The largest sum of counted weights: with values of 16 bits the sums still fit.
const MOST_TOTAL: u64 = 1 << 40;

/// The largest scaled weight.
const MOST_WEIGHT: u64 = 1 << 32;

fn bit_length(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

pub(super) fn refused(error: FederatedError) -> Error {
    Error::Federated(error)
}

pub(super) fn invalid(reason: &'static str) -> Error {
    refused(FederatedError::InvalidSpec { reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_as_wide_as_the_largest_sum() {
        for (clients, bits, width) in [(8, 16, 19), (64, 16, 22), (1024, 16, 26), (1, 2, 2)] {
            let range = SumSpec::new(clients, 10).bits(bits).range().unwrap();
            assert_eq!(range.field_bits, width, "{clients}");
            let largest = i64::try_from(range.most * u64::from(clients)).unwrap();
            assert!(largest < 1 << (width - 1) && largest >= 1 << (width - 2));
        }
        let counted = SumSpec::new(8, 10).weights(Weights::Counted { total: 1000 });
        assert_eq!(counted.range().unwrap().field_bits, 26);
        assert_eq!(counted.range().unwrap().each, 1000);
        assert_eq!(counted.hidden_weights().range().unwrap().each, 125);
        let scaled = SumSpec::new(8, 10)
            .bits(2)
            .weights(Weights::Scaled { max: 100 });
        assert_eq!(scaled.range().unwrap().field_bits, 5);
        assert_eq!(scaled.hidden_weights().range().unwrap().field_bits, 11);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let spec = SumSpec::new(8, 10);
        let counted = |total| spec.weights(Weights::Counted { total });
        for wrong in [
            SumSpec::new(0, 10),
            SumSpec::new(SumSpec::MOST_CLIENTS + 1, 10),
            SumSpec::new(8, 0),
            SumSpec::new(8, usize::MAX),
            spec.bits(1),
            spec.bits(33),
            spec.clip(0.0),
            spec.clip(-1.0),
            spec.clip(f64::NAN),
            spec.clip(f64::INFINITY),
            spec.clip(f64::MIN_POSITIVE / 4.0),
            spec.clip(f64::MAX).bits(2),
            counted(7),
            counted(u64::MAX),
            counted(1 << 40).bits(32),
            spec.weights(Weights::Scaled { max: 0 }),
            spec.weights(Weights::Scaled { max: u64::MAX }),
            spec.hidden_weights(),
        ] {
            assert!(
                matches!(
                    wrong.range(),
                    Err(Error::Federated(FederatedError::InvalidSpec { .. }))
                ),
                "{wrong:?}"
            );
        }
    }
}
