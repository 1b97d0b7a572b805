//! What BFV programs take: a modulus that holds the noise.

use crate::circuits::planner::PlannedOutput;
use crate::circuits::planner::scheme::{Foreseen, PlannedScheme};
use crate::encryption::{BfvCiphertext, Encryptor};
use crate::error::{Error, OperandError, ParameterError, PrecisionError, Result};
use crate::evaluator::{BfvEvaluator, BfvForecast, BfvForecastCiphertext};
use crate::params::{BfvChain, BfvContext, BfvParams, BfvState, PlainModulus, SecurityPolicy};
use rand::CryptoRng;

/// Which integers there are, and how much noise budget outputs are to have.
#[derive(Clone, Copy, Debug)]
pub struct Integers {
    pub(super) modulus: PlainModulus,
    pub(super) budget_bits: f64,
}

/// What a program takes, as far as dry runs have told.
#[derive(Clone, Copy, Debug)]
pub struct BfvNeeds {
    modulus_bits: f64,
}

/// The fewest bits that are tried at once.
const LEAST_STEP: f64 = 6.0;

/// What no supported degree holds.
const MOST_MODULUS_BITS: f64 = 5000.0;

const TOO_NOISY: &str = "no supported degree is large enough for the noise; compute with fewer consecutive multiplications, or \
                         modulo a smaller number";

impl PlannedScheme for BfvState {
    type Goal = Integers;
    type Params = BfvParams;
    type Needs = BfvNeeds;

    const BITS: &'static str = "budget";
    const OF_ERRORS: Option<&'static str> = None;
    const RAW_PRODUCT: f64 = 22.0;

    fn slots(context: &BfvContext) -> usize {
        context.slots()
    }

    fn least_needs(_goal: &Integers) -> BfvNeeds {
        BfvNeeds { modulus_bits: 0.0 }
    }

    fn params(
        needs: BfvNeeds,
        goal: &Integers,
        (degree, policy): (usize, SecurityPolicy),
    ) -> Result<Vec<BfvParams>> {
        let chain = BfvChain {
            modulus_bits: needs.modulus_bits,
            plain: goal.modulus,
        };
        chain.params(degree, policy)
    }

    fn build(params: BfvParams) -> Result<BfvContext> {
        let context = BfvContext::new(params)?;
        context.batching()?;
        Ok(context)
    }

    fn foresee(forecast: &BfvForecast, input: Foreseen<'_, i64>) -> Result<BfvForecastCiphertext> {
        let level = forecast.context().top_level();
        let modulus = forecast.context().plaintext_modulus().value();
        #[expect(clippy::cast_precision_loss, reason = "a bound")]
        if input.largest > (modulus / 2) as f64 {
            return Err(Error::Operands(OperandError::InvalidArgument {
                reason: "the range of an input has more integers than the plaintext modulus; use a larger one",
            }));
        }
        match input.slots {
            Some(slots) => forecast.encrypt(slots, level),
            None if input.by_public_key => forecast.encrypt_publicly(level),
            None => forecast.encrypt_unknown(level),
        }
    }

    fn grow_by_outputs(
        needs: &mut BfvNeeds,
        goal: &Integers,
        (outputs, context): (&[&BfvForecastCiphertext], &BfvContext),
    ) -> Result<bool> {
        let budgets = outputs.iter().map(|output| output.noise_budget());
        let missing = goal.budget_bits - budgets.fold(f64::INFINITY, f64::min);
        if missing <= 0.0 {
            return Ok(false);
        }
        needs.grow(context.rlwe().log2_modulus(context.top_level())?, missing)?;
        Ok(true)
    }

    fn grow_by_error(needs: &mut BfvNeeds, error: Error, context: &BfvContext) -> Result<()> {
        let missing = match error {
            Error::Precision(PrecisionError::NoiseExhausted { excess_bits }) => excess_bits,
            // A product takes about so many bits: half of them at once, so that there are not too many in the end.
            #[expect(clippy::cast_precision_loss, reason = "a few levels")]
            Error::Operands(OperandError::LevelExhausted { needed, left, .. }) => {
                let products = needed.saturating_sub(left).max(1) as f64;
                let bits = context.plain().bits() + f64::from(context.degree().trailing_zeros());
                (products * bits / 2.0).max(LEAST_STEP)
            }
            other => return Err(other),
        };
        needs.grow(context.rlwe().log2_modulus(context.top_level())?, missing)
    }

    fn trim(_needs: &mut BfvNeeds, _levels_left: usize) -> bool {
        false
    }

    fn too_much(needs: BfvNeeds) -> Error {
        Error::Parameters(ParameterError::NoParameters {
            request: format!(
                "a program that takes a modulus of at least {:.0} bits",
                needs.modulus_bits
            ),
            reason: TOO_NOISY,
        })
    }

    fn output(output: &PlannedOutput) -> String {
        format!(
            "{} integers modulo t, at level {}; a noise budget of at least {:.1} bits",
            output.length,
            output.level,
            -1.0 - output.noise_bound.log2()
        )
    }

    fn encrypt_zero(
        encryptor: &Encryptor,
        context: &BfvContext,
        rng: &mut impl CryptoRng,
    ) -> Result<BfvCiphertext> {
        encryptor.encrypt_zero_bfv(context, context.top_level(), rng)
    }

    fn divided(evaluator: &BfvEvaluator, a: &BfvCiphertext) -> Result<BfvCiphertext> {
        evaluator.switch_modulus(a)
    }
}

impl BfvNeeds {
    /// Asks for a modulus of so many bits more than one that there was.
    fn grow(&mut self, modulus: f64, missing: f64) -> Result<()> {
        let bits = modulus + missing.max(0.0) + 0.5;
        self.modulus_bits = bits.max(self.modulus_bits + 0.5);
        if self.modulus_bits < MOST_MODULUS_BITS {
            return Ok(());
        }
        Err(BfvState::too_much(*self))
    }
}
