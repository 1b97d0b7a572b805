//! What CKKS programs take: levels, room for messages, and precision.

use crate::circuits::planner::PlannedOutput;
use crate::circuits::planner::scheme::{Foreseen, PlannedScheme};
use crate::encryption::{CkksCiphertext, Encryptor};
use crate::error::{Error, OperandError, ParameterError, PrecisionError, Result, plural};
use crate::evaluator::{CkksEvaluator, Forecast, ForecastCiphertext};
use crate::params::{Chain, CkksContext, CkksParams, CkksState, SecurityPolicy};
use rand::CryptoRng;

/// How right outputs are to be.
#[derive(Clone, Copy, Debug)]
pub struct Precision {
    pub(super) bits: f64,
    /// By the error to expect instead of the bound.
    pub(super) typically: bool,
    /// Levels, and bits of the scale, from which the search starts.
    pub(super) least: (u32, u32),
}

/// What a program takes, as far as dry runs have told.
#[derive(Clone, Copy, Debug)]
pub struct CkksNeeds {
    depth: u32,
    scale_bits: u32,
    integer_bits: u32,
    is_trimmed: bool,
}

/// A number of bits, rounded up; 0 for negative ones.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and the bits of a bound"
)]
fn whole_bits(bits: f64) -> u32 {
    bits.ceil().clamp(0.0, 1000.0) as u32
}

/// Fewer bits of noise than these have no outputs at any degree.
const LEAST_NOISE_BITS: u32 = 10;

const MOST_SCALE_BITS: u32 = 60;

const MOST_DEPTH: u32 = 100;

const MOST_INTEGER_BITS: u32 = 600;

const TOO_DEEP: &str = "no supported degree is large enough for so many primes; ask for fewer bits of precision (`precision_bits`), narrow the \
                        ranges of inputs, compute with fewer consecutive multiplications, or bootstrap (`plan_with_bootstrapping`)";

const TOO_PRECISE: &str = "the scale has to hold the precision and the noise, and has at most 60 bits; ask for fewer bits of precision";

impl CkksNeeds {
    fn check(self) -> Result<()> {
        if self.scale_bits > MOST_SCALE_BITS {
            return Err(self.refused(TOO_PRECISE));
        }
        if self.depth > MOST_DEPTH || self.integer_bits > MOST_INTEGER_BITS {
            return Err(self.refused(TOO_DEEP));
        }
        Ok(())
    }

    /// So many more bits of scale. Where those are more than there are, noise grew like a message, and a few may be enough. What noise took before
    /// the point is not needed any more.
    fn grow_scale(&mut self, missing: u32) {
        if missing == 0 {
            return;
        }
        self.integer_bits = 1;
        let left = MOST_SCALE_BITS.saturating_sub(self.scale_bits);
        self.scale_bits += if missing > left && left > 0 {
            left.min(2)
        } else {
            missing
        };
    }

    fn refused(self, reason: &'static str) -> Error {
        let Self {
            depth,
            scale_bits,
            integer_bits,
            ..
        } = self;
        Error::Parameters(ParameterError::NoParameters {
            request: format!(
                "a program that takes at least {depth} level{}, scales of {scale_bits} bits and {integer_bits} bits before the point",
                plural(depth as usize)
            ),
            reason,
        })
    }
}

impl PlannedScheme for CkksState {
    type Goal = Precision;
    type Params = CkksParams;
    type Needs = CkksNeeds;

    const BITS: &'static str = "bits";
    const OF_ERRORS: Option<&'static str> = Some(
        "against the same program in the clear; those of approximations (`error()`) come on top",
    );
    const RAW_PRODUCT: f64 = 1.0;

    fn slots(context: &CkksContext) -> usize {
        context.message_slots()
    }

    fn least_needs(goal: &Precision) -> CkksNeeds {
        let scale_bits = whole_bits(goal.bits).saturating_add(LEAST_NOISE_BITS);
        CkksNeeds {
            depth: goal.least.0,
            scale_bits: scale_bits.max(goal.least.1).min(MOST_SCALE_BITS),
            integer_bits: 1,
            is_trimmed: false,
        }
    }

    fn params(
        needs: CkksNeeds,
        _goal: &Precision,
        (degree, policy): (usize, SecurityPolicy),
    ) -> Result<Vec<CkksParams>> {
        let chain = Chain {
            depth: needs.depth,
            scale_bits: needs.scale_bits,
            base_bits: needs.scale_bits + needs.integer_bits + 2,
        };
        chain.params(degree, policy)
    }

    fn build(params: CkksParams) -> Result<CkksContext> {
        CkksContext::new(params)
    }

    fn foresee(forecast: &Forecast, input: Foreseen<'_, f64>) -> Result<ForecastCiphertext> {
        let level = forecast.context().fresh_level();
        match input.slots {
            Some(slots) => forecast.encrypt_said((slots, input.largest), level),
            None if input.by_public_key => forecast.encrypt_publicly(input.largest, level),
            None => forecast.encrypt_bounded(input.largest, level),
        }
    }

    fn grow_by_outputs(
        needs: &mut CkksNeeds,
        goal: &Precision,
        (outputs, _context): (&[&ForecastCiphertext], &CkksContext),
    ) -> Result<bool> {
        let error = |output: &&ForecastCiphertext| {
            if goal.typically {
                output.typical_error()
            } else {
                output.noise_bound()
            }
        };
        let largest = outputs.iter().map(error).fold(0.0, f64::max);
        let missing = whole_bits(largest.log2() + goal.bits);
        needs.grow_scale(missing);
        needs.check()?;
        Ok(missing > 0)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and the bits of a bound"
    )]
    fn grow_by_error(needs: &mut CkksNeeds, error: Error, _context: &CkksContext) -> Result<()> {
        match error {
            Error::Operands(OperandError::LevelExhausted { needed, left, .. }) => {
                let levels = u32::try_from(needed.saturating_sub(left).max(1));
                needs.depth = needs.depth.saturating_add(levels.unwrap_or(u32::MAX));
            }
            Error::Operands(
                OperandError::InvalidLevel { .. } | OperandError::ScaleMismatch { .. },
            ) if needs.depth < MOST_DEPTH => {
                needs.depth += 1;
            }
            Error::Precision(PrecisionError::ScaleTooLarge {
                message_bits,
                modulus_bits,
            }) => {
                let bits = message_bits + 1.0 - modulus_bits;
                needs.integer_bits += (bits.ceil() as u32).clamp(1, 2000);
                if needs.integer_bits > MOST_INTEGER_BITS && needs.scale_bits < MOST_SCALE_BITS {
                    // Noise before the point grows like a message.
                    needs.grow_scale(MOST_SCALE_BITS);
                }
            }
            Error::Precision(PrecisionError::PrecisionExhausted { noise_bound, .. }) => {
                needs.grow_scale((noise_bound.log2().ceil() as u32).clamp(1, 1000));
            }
            other => return Err(other),
        }
        needs.check()
    }

    fn trim(needs: &mut CkksNeeds, levels_left: usize) -> bool {
        let spare = u32::try_from(levels_left).unwrap_or(0).min(needs.depth);
        if needs.is_trimmed || spare == 0 {
            return false;
        }
        needs.is_trimmed = true;
        needs.depth -= spare;
        true
    }

    fn too_much(needs: CkksNeeds) -> Error {
        needs.refused(TOO_DEEP)
    }

    fn output(output: &PlannedOutput) -> String {
        format!(
            "{} value{} up to {:.3}, at level {}; error at most 2^{:.1}, typically below 2^{:.1}",
            output.length,
            plural(output.length),
            output.message_bound,
            output.level,
            output.noise_bound.log2(),
            output.typical_error.log2()
        )
    }

    fn encrypt_zero(
        encryptor: &Encryptor,
        context: &CkksContext,
        rng: &mut impl CryptoRng,
    ) -> Result<CkksCiphertext> {
        encryptor.encrypt_zero_ckks(context, context.top_level(), rng)
    }

    fn divided(evaluator: &CkksEvaluator, a: &CkksCiphertext) -> Result<CkksCiphertext> {
        evaluator.rescale(a)
    }
}
