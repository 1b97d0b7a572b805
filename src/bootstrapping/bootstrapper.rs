use crate::bootstrapping::factors::{Direction, as_f64};
use crate::bootstrapping::parameters::MULTIPLES;
use crate::bootstrapping::transform::Transform;
use crate::bootstrapping::{BootstrappingKeys, BootstrappingParams, reduction};
use crate::circuits::Chebyshev;
use crate::encryption::CkksCiphertext;
use crate::error::Result;
use crate::evaluator::{CkksEvaluator, Evaluator};
use crate::keys::KeyId;
use crate::params::CkksContext;
use std::sync::Arc;

/// Gives ciphertexts their levels back.
#[derive(Clone, Debug)]
pub struct Bootstrapper {
    params: BootstrappingParams,
    evaluator: CkksEvaluator,
    sparse: KeyId,
    to_coefficients: Transform,
    to_slots: Transform,
    reduction: Chebyshev,
    /// What the result lacks.
    last_rotation: i64,
}

impl Bootstrapper {
    /// The bootstrapper of these parameters and keys. Encodes the matrices of both transforms.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) for keys of other parameters.
    pub fn new(params: &BootstrappingParams, keys: &BootstrappingKeys) -> Result<Self> {
        let context = CkksContext::new(params.ckks().clone())?;
        let evaluator = CkksEvaluator::with_keys(&context, Arc::clone(&keys.keys))?;
        let recipe = &params.recipe;
        let to_coefficients = Direction::SlotsToCoefficients.factors(&recipe.coefficient_radices);
        let mut to_slots = Direction::CoefficientsToSlots.factors(&recipe.slot_radices);
        // What the sum with the conjugate doubles.
        if let Some(last) = to_slots.last_mut() {
            last.scale(0.5);
        }
        let encoder = evaluator.encoder();
        let first = (params.lowest_level(), 0);
        let (to_coefficients, shift) = Transform::new(encoder, &to_coefficients, first)?;
        let (to_slots, shift) = Transform::new(encoder, &to_slots, (params.top_level(), shift))?;
        let ratio = f64::from(recipe.ratio_bits).exp2();
        Ok(Self {
            reduction: reduction::polynomial(MULTIPLES, recipe.ratio_bits, ratio)?,
            params: params.clone(),
            sparse: keys.sparse,
            evaluator,
            to_coefficients,
            to_slots,
            last_rotation: shift,
        })
    }

    /// The evaluator that it computes with.
    #[must_use]
    pub fn evaluator(&self) -> &CkksEvaluator {
        &self.evaluator
    }

    /// The message of `x` at the level of a fresh ciphertext.
    ///
    /// # Errors
    /// As the phases.
    pub fn bootstrap(&self, x: &CkksCiphertext) -> Result<CkksCiphertext> {
        let x = self.coefficients(x)?;
        let x = self.raised(&x)?;
        let parts = self.parts(x)?;
        let [re, im] = parts.each_ref().map(|part| self.reduced(part));
        self.joined([&re?, &im?])
    }

    /// The slots of `x` as coefficients of the polynomial, in bit-reversed order: real parts in the lower half, imaginary parts in the upper, at level 0.
    pub fn coefficients(&self, x: &CkksCiphertext) -> Result<CkksCiphertext> {
        let x = self.evaluator.drop_to_level(x, self.params.lowest_level())?;
        // Bounds at the roots say nothing of coefficients: a polynomial whose coefficients are messages has values sqrt(N) times as large.
        let x = self.with_bounds(x, 1.0 / as_f64(self.evaluator.context().degree()), 0.0)?;
        self.to_coefficients.apply(&self.evaluator, x)
    }

    /// The phase of `x`, whose modulus is q0, as `y = t / (q0 K)` at the highest level: t is the phase plus a multiple of q0, below `q0 K`.
    pub fn raised(&self, x: &CkksCiphertext) -> Result<CkksCiphertext> {
        let (evaluator, top) = (&self.evaluator, self.params.top_level());
        let dense = x.body.key_id;
        let sparse = evaluator.switch_key(x, self.sparse)?;
        let raised = evaluator.raise_modulus(&sparse, top)?;
        let mut y = evaluator.switch_key(&raised, dense)?;
        y.state.scale = evaluator.context().scale(top)?;
        self.with_bounds(y, as_f64(evaluator.context().degree()), 0.0)
    }

    /// The coefficients of `y` in the slots of two real ciphertexts: those of the lower half, and those of the upper.
    pub fn parts(&self, y: CkksCiphertext) -> Result<[CkksCiphertext; 2]> {
        let evaluator = &self.evaluator;
        let w = self.to_slots.apply(evaluator, y)?;
        let w = self.with_bounds(w, 1.0, 0.0)?;
        let conjugate = evaluator.conjugate(&w)?;
        let re = evaluator.add(&w, &conjugate)?;
        let im = evaluator.mul_i(&evaluator.sub(&conjugate, &w)?)?;
        Ok([
            evaluator.assume_message_bound(re, 1.0)?,
            evaluator.assume_message_bound(im, 1.0)?,
        ])
    }

    /// `2^ratio_bits (K y - round(K y))` in every slot.
    pub fn reduced(&self, y: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.reduction.evaluate(&self.evaluator, y)
    }

    /// `re + i im`, rotated by what the transforms left out.
    pub fn joined(&self, [re, im]: [&CkksCiphertext; 2]) -> Result<CkksCiphertext> {
        let evaluator = &self.evaluator;
        let sum = evaluator.add(re, &evaluator.mul_i(im)?)?;
        evaluator.rotate_left(&sum, self.last_rotation)
    }

    fn with_bounds(&self, mut x: CkksCiphertext, message: f64, error: f64) -> Result<CkksCiphertext> {
        let context = self.evaluator.context();
        x.state.message_bound = message;
        x.state = x.state.assuming_error_bound(error, context)?;
        Ok(x)
    }
}
