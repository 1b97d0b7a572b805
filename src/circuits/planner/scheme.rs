use crate::circuits::planner::PlannedOutput;
use crate::encryption::{Encrypted, Encryptor};
use crate::error::{Error, Result};
use crate::evaluator::{ForecastScheme, SchemeEvaluator, SchemeForecast, SchemeForecastCiphertext};
use crate::params::SecurityPolicy;
use rand::CryptoRng;
use std::fmt::Debug;

/// What planning knows of a scheme. Implemented by both schemes' states.
pub trait PlannedScheme: ForecastScheme {
    /// What a planner asks for.
    #[doc(hidden)]
    type Goal: Clone + Debug;

    /// Checked parameters.
    #[doc(hidden)]
    type Params;

    /// What a program takes, as far as dry runs have told.
    #[doc(hidden)]
    type Needs: Copy + Debug;

    /// What the plan calls the bits that are left in the end.
    #[doc(hidden)]
    const BITS: &'static str;

    /// What the plan says of the errors that it states, if anything.
    #[doc(hidden)]
    const OF_ERRORS: Option<&'static str>;

    /// About how many transforms of a prime's row a raw product takes, for each prime.
    #[doc(hidden)]
    const RAW_PRODUCT: f64;

    #[doc(hidden)]
    fn slots(context: &Self::Context) -> usize;

    /// Needs that no program has less of.
    #[doc(hidden)]
    fn least_needs(goal: &Self::Goal) -> Self::Needs;

    /// Parameters of a degree that meet the needs, by how keys are switched: the least work first, then ever smaller keys. None if the
    /// degree is too small.
    #[doc(hidden)]
    fn params(
        needs: Self::Needs,
        goal: &Self::Goal,
        ring: (usize, SecurityPolicy),
    ) -> Result<Vec<Self::Params>>;

    #[doc(hidden)]
    fn build(params: Self::Params) -> Result<Self::Context>;

    /// An encryption of values up to `largest` in magnitude, or of these in the slots.
    #[doc(hidden)]
    fn foresee(
        forecast: &SchemeForecast<Self>,
        input: Foreseen<'_, Self::Scalar>,
    ) -> Result<SchemeForecastCiphertext<Self>>;

    /// Adds what the outputs lack; `false` if nothing.
    #[doc(hidden)]
    fn grow_by_outputs(
        needs: &mut Self::Needs,
        goal: &Self::Goal,
        outputs: (&[&SchemeForecastCiphertext<Self>], &Self::Context),
    ) -> Result<bool>;

    /// Adds what a dry run lacked.
    ///
    /// # Errors
    /// The error itself if no parameters help.
    #[doc(hidden)]
    fn grow_by_error(needs: &mut Self::Needs, error: Error, context: &Self::Context) -> Result<()>;

    /// Takes away the levels that outputs have to spare; `false` if none.
    #[doc(hidden)]
    fn trim(needs: &mut Self::Needs, levels_left: usize) -> bool;

    /// The error of needs that no degree meets.
    #[doc(hidden)]
    fn too_much(needs: Self::Needs) -> Error;

    /// What a report says of an output.
    #[doc(hidden)]
    fn output(output: &PlannedOutput) -> String;

    #[doc(hidden)]
    fn encrypt_zero(
        encryptor: &Encryptor,
        context: &Self::Context,
        rng: &mut impl CryptoRng,
    ) -> Result<Encrypted<Self>>;

    /// One level lower: rescaled (CKKS), or with its modulus switched (BFV).
    #[doc(hidden)]
    fn divided(evaluator: &SchemeEvaluator<Self>, a: &Encrypted<Self>) -> Result<Encrypted<Self>>;
}

/// A fresh encryption as a plan knows it.
#[derive(Clone, Copy, Debug)]
pub struct Foreseen<'a, T> {
    /// No value is larger in magnitude.
    pub largest: f64,
    /// The slots, if they are known.
    pub slots: Option<&'a [T]>,
    /// Whether it is encrypted with a public key.
    pub by_public_key: bool,
}
