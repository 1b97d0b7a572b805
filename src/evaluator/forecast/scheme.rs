use crate::error::Result;
use crate::evaluator::forecast::log::Work;
use crate::evaluator::forecast::weighted::Weighted;
use crate::evaluator::forecast::{SchemeForecast, SchemeForecastCiphertext};
use crate::evaluator::scheme_evaluator::Summable;
use crate::evaluator::{Evaluator, Number, WeightedRotations};
use crate::params::ErrorSize;
use std::borrow::Cow;
use std::fmt::Debug;

/// What dry runs know of a scheme beside its states. Implemented by both schemes' states.
#[expect(
    private_bounds,
    reason = "both schemes have these rules, and there are no others"
)]
pub trait ForecastScheme: Summable {
    /// A number in a slot.
    #[doc(hidden)]
    type Scalar: Number + Debug;

    /// The same circuits in the clear.
    #[doc(hidden)]
    type Clear: Evaluator<
            Ciphertext = Vec<Self::Scalar>,
            Plaintext = Vec<Self::Scalar>,
            Scalar = Self::Scalar,
        > + Debug;

    /// What is followed of the error beside the state.
    #[doc(hidden)]
    type Spread: Copy + Debug + Send + Sync;

    /// What is known of a plaintext.
    #[doc(hidden)]
    type Foreseen: Clone + Debug + Send + Sync;

    #[doc(hidden)]
    fn clear(context: &Self::Context) -> Option<Self::Clear>;

    #[doc(hidden)]
    fn level(self) -> usize;

    #[doc(hidden)]
    fn typical_error(a: &SchemeForecastCiphertext<Self>) -> f64;

    /// log2 of the scale.
    #[doc(hidden)]
    fn scale_bits(a: &SchemeForecastCiphertext<Self>) -> f64;

    /// The bound of each value's magnitude.
    #[doc(hidden)]
    fn message_bound(a: &SchemeForecastCiphertext<Self>) -> f64;

    /// The spread after key switches that add this error.
    #[doc(hidden)]
    fn spread_switched(a: &SchemeForecastCiphertext<Self>, error: ErrorSize) -> Self::Spread;

    /// The spread of a sum of terms from different sources.
    #[doc(hidden)]
    fn spread_of_sum(terms: &[&SchemeForecastCiphertext<Self>]) -> Self::Spread;

    /// An operand of a product with plaintexts.
    #[doc(hidden)]
    fn ready(a: &SchemeForecastCiphertext<Self>)
    -> Result<Cow<'_, SchemeForecastCiphertext<Self>>>;

    /// The state of the product with a plaintext, which is checked.
    #[doc(hidden)]
    fn weighed(
        forecast: &SchemeForecast<Self>,
        state: Self,
        weight: &Self::Foreseen,
    ) -> Result<Self>;

    /// The slots of a plaintext in the clear, if they are known.
    #[doc(hidden)]
    fn values_of(plaintext: &Self::Foreseen) -> Option<&Vec<Self::Scalar>>;

    /// How often each value stands in the rows of a weight.
    #[doc(hidden)]
    fn run(plaintext: &Self::Foreseen) -> usize;

    /// The spread of a weighted sum of rotations.
    #[doc(hidden)]
    #[expect(private_interfaces, reason = "only dry runs make these sums")]
    fn spread_weighted(
        inputs: &[Cow<'_, SchemeForecastCiphertext<Self>>],
        plan: &WeightedRotations<Self::Foreseen>,
        sum: &Weighted<'_>,
    ) -> Self::Spread;
}

/// How many pieces of work there are.
pub(super) type Amount = (Work, usize);
