//! What a bootstrapping does to a ciphertext's state: its error, by the formulas of `docs/math/bootstrapping.md`.

use crate::error::{Error, OperandError, PrecisionError, Result};
use crate::identifiers::Fingerprint;
use crate::params::{BootstrappingLayout, CkksContext, CkksState, Log2, Scale};
use crate::ring::as_f64;
use std::collections::HashMap;
use std::f64::consts::SQRT_2;
use std::sync::{LazyLock, Mutex};

/// How much an error in a Chebyshev polynomial of degree `2^d` changes the result, as log2: the root of the sum of squares over all that are
/// computed at depth d, at the worst value near an integer. The message is `2^GAIN_RATIO` times smaller than 1 before the factor of the
/// polynomial.
const POWER_GAINS: [f64; 8] = [10.91, 12.84, 11.52, 11.28, 9.22, 8.03, 6.0, 4.66];

/// The same for the other degrees: odd ones at depths 2, 3 and 4, which are made from T_1 and its kin, and 48, which is made from T_16. Depth, that
/// of the member with the smallest scale, and gain.
const OTHER_GAINS: [(usize, usize, f64); 4] =
    [(2, 0, 8.91), (3, 0, 9.46), (4, 0, 9.17), (6, 4, 7.05)];

/// The ratio of the gains above.
const GAIN_RATIO: f64 = 7.0;

/// log2 of the largest error of the polynomial for messages up to `1 + 2^-7`, by the bits of the ratio.
fn fit(ratio_bits: u32) -> f64 {
    match ratio_bits {
        ..=7 => -25.7,
        _ => -29.8,
    }
}

/// How many times its variance the square of any of so many Gaussian variables is at most, but for a probability of `2^-140`.
fn tail(count: usize) -> f64 {
    2.0 * (140.0 * std::f64::consts::LN_2 + as_f64(count).ln())
}

/// The rules of a bootstrapping for states: what it takes, and what it adds to the error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefreshRules {
    /// The bound of what is added to each slot of a real message.
    error: f64,
    /// The same after the first iteration.
    error_of_one: f64,
    /// By what each iteration after the first enlarges what is left of the message: even integers, or 0 for none.
    enlargements: [f64; BootstrappingLayout::MOST_ITERATIONS as usize - 1],
}

/// The rules of the contexts of this process: keys of several spans have to be foreseen for each.
static KNOWN: LazyLock<Mutex<HashMap<Fingerprint, RefreshRules>>> = LazyLock::new(Mutex::default);

impl RefreshRules {
    /// The largest magnitude of slots, their error included.
    pub(crate) const LARGEST_MESSAGE: f64 = 1.0 + 1.0 / 128.0;

    /// By how much the polynomial's slope near the integers differs from 1, at most.
    const SLOPE: f64 = 1.0 / 1024.0;

    /// The largest enlargement: integers of more bits change the scale.
    const LARGEST_ENLARGEMENT: f64 = (1_u32 << 29) as f64;

    /// The largest relative difference between the scale of what is bootstrapped and the canonical one.
    const LARGEST_DIFFERENCE: f64 = 1.0 / 1024.0;

    /// Those of a context whose parameters have this layout, computed at most once in a process.
    pub(crate) fn new(context: &CkksContext, layout: &BootstrappingLayout) -> Result<Self> {
        let fingerprint = context.rlwe().fingerprint();
        let known = KNOWN.lock().ok();
        if let Some(&rules) = known.as_ref().and_then(|known| known.get(&fingerprint)) {
            return Ok(rules);
        }
        drop(known);
        let rules = Self::iterated(&ErrorOfPart::new(context, layout)?, layout.iterations());
        if let Ok(mut known) = KNOWN.lock() {
            known.insert(fingerprint, rules);
        }
        Ok(rules)
    }

    /// Those of so many iterations: each but the first bootstraps the error of those before, enlarged as far as its bound allows.
    fn iterated(part: &ErrorOfPart, iterations: u32) -> Self {
        let error = part.of_share(1.0);
        let mut rules = Self {
            error,
            error_of_one: error,
            enlargements: Default::default(),
        };
        for enlargement in rules.enlargements.iter_mut().take(iterations as usize - 1) {
            // A part of what is left has the real part of one error and the imaginary part of another.
            let most = (rules.error * SQRT_2 + part.lowering).recip();
            *enlargement = (2.0 * (most / 2.0).floor()).min(Self::LARGEST_ENLARGEMENT);
            rules.error = part.of_share(enlargement.recip()) + part.lowering;
        }
        rules
    }

    /// By what each iteration after the first enlarges what is left of the message.
    pub(crate) fn enlargements(self) -> impl Iterator<Item = f64> {
        let used = |&enlargement: &f64| enlargement > 0.0;
        self.enlargements.into_iter().filter(used)
    }

    /// The bound of the error that is added to each slot of a real message.
    pub(crate) fn error(self) -> f64 {
        self.error
    }

    /// The same after the first iteration.
    pub(crate) fn error_of_one(self) -> f64 {
        self.error_of_one
    }

    /// The standard deviation of that error, about: without the polynomial's own, which is smaller than the bound.
    pub(crate) fn deviation(self, context: &CkksContext) -> f64 {
        self.error / tail(context.degree()).sqrt()
    }

    /// The state of what is at the lowest level a bootstrapping begins at, once the difference of its scale is an error.
    ///
    /// # Errors
    /// [`OperandError::ScaleMismatch`](crate::OperandError::ScaleMismatch) for another scale or level;
    /// [`PrecisionError::MessageTooLarge`](crate::PrecisionError::MessageTooLarge) as [`check_bound`](Self::check_bound).
    pub(crate) fn input(
        state: CkksState,
        context: &CkksContext,
        lowest: usize,
    ) -> Result<CkksState> {
        // There is nothing left to adjust a scale with: the difference makes the message larger or smaller.
        let scale = context.scale(lowest)?;
        let difference = state.scale.relative_difference(scale);
        if state.level != lowest || difference.is_nan() || difference > Self::LARGEST_DIFFERENCE {
            return Err(Error::Operands(OperandError::ScaleMismatch {
                left: state.scale.log2(),
                right: scale.log2(),
            }));
        }
        let error = state.error().to_f64() + difference * state.message_bound;
        let state = state.assuming_error_bound(error, context)?;
        Self::check_bound(state, 0.0)?;
        Ok(state)
    }

    /// Checks that the message, its error and another error in the same slots are small enough.
    ///
    /// # Errors
    /// [`PrecisionError::MessageTooLarge`](crate::PrecisionError::MessageTooLarge).
    fn check_bound(state: CkksState, other_error: f64) -> Result<()> {
        let bound = state.message_bound + state.error().to_f64() + other_error;
        if bound <= Self::LARGEST_MESSAGE {
            return Ok(());
        }
        let limit = Self::LARGEST_MESSAGE;
        Err(Error::Precision(PrecisionError::MessageTooLarge {
            bound,
            limit,
        }))
    }

    /// What is added to the error of each of two real messages that are bootstrapped as one complex message; `None` if together they are too large.
    pub(crate) fn errors_of_pair(self, pair: [CkksState; 2]) -> Option<[f64; 2]> {
        let [x, y] = pair.map(|state| state.error().to_f64());
        let fits = Self::check_bound(pair[0], y).and(Self::check_bound(pair[1], x));
        let added = |other: f64| self.error + other * (1.0 + Self::SLOPE);
        fits.is_ok().then(|| [added(y), added(x)])
    }
}

impl CkksState {
    /// The state, at the level and scale of `result`, of what was bootstrapped from this state, where `added` bounds the error that is added to its own.
    pub(crate) fn refreshed(self, result: Self, added: f64, context: &CkksContext) -> Result<Self> {
        let error = self.error().to_f64() * (1.0 + RefreshRules::SLOPE) + added;
        let result = Self {
            message_bound: self.message_bound,
            ..result
        };
        result.assuming_error_bound(error, context)
    }
}

/// What bounds the error that one bootstrapping adds in each slot, for one real part; the imaginary part has as much.
///
/// Roundings are independent and Gaussian at the roots of unity, so that their squares are added, each by its bound there, which is
/// exceeded with a probability below `2^-140`.
struct ErrorOfPart {
    /// The squares of what comes before the result, and is multiplied with it by the factor of the polynomial.
    before: Log2,
    /// The squares of what is rounded at the scale of the result.
    last: Log2,
    /// The polynomial's own error.
    fit: f64,
    /// The error of what a result lacks, where a bootstrapping begins.
    lowering: f64,
}

impl ErrorOfPart {
    /// The error of a bootstrapping whose polynomial has this share of its usual factor.
    fn of_share(&self, share: f64) -> f64 {
        let share_squared = Log2::of(share).squared();
        let roundings = (self.before * share_squared + self.last).sqrt();
        roundings.to_f64() + self.fit * share
    }

    fn new(context: &CkksContext, layout: &BootstrappingLayout) -> Result<Self> {
        let rlwe = context.rlwe();
        let rounding = rlwe.noise().division(1);
        let relative = |bits: f64, scale: Scale| rounded(context, bits, scale);
        let scale = |level: usize| context.scale(level);
        // The error of a key switch, its rounding included.
        let switch = |level: usize| {
            let gadget = rlwe.gadget_of(layout.span(level, context.params().rlwe()))?;
            Ok::<_, Error>(gadget.at(level)?.noise)
        };
        let extra = extra_gain(layout);
        let top = layout.reduction_level();
        // Where both parts are reduced in the slots of one ciphertext, a result takes the real part of one rounding and the imaginary part of another: the
        // variance is that of one, and the tail that of a real Gaussian. What is rounded after the coefficients, which then are halves, counts twice; so it
        // does where iterations add the conjugate of a half.
        let [before_halves, after_halves] = if layout.reduces_once(context.params().rlwe()) {
            [2.0, 8.0]
        } else if layout.iterations() > 1 {
            [1.0, 4.0]
        } else {
            [1.0; 2]
        }
        .map(Log2::of);
        let mut squares = of_powers(context, layout)? * before_halves;
        // (Coefficients that differ from slot to slot are rounded too, to less than the product with them is.)
        let cofactors = of_cofactors(context, layout)?;
        let fresh = scale(layout.fresh_level())?;
        // The last rescale, and the last rotation; those that join and part both parts of one ciphertext.
        let last = switch(layout.fresh_level())?.at_roots / fresh.magnitude();
        let last_squares = cofactors + relative(0.0, fresh) + last.squared();
        // Before the reduction: the switch to the dense secret, the transform to slots and the conjugation, which doubles what is real.
        let before =
            (1.0 + 2.0 * f64::from(u32::try_from(layout.slot_radices().len()).unwrap_or(0))).log2();
        let gain = Log2::from_bits(POWER_GAINS[0] + extra + 1.0 + before / 2.0);
        let highest = switch(layout.top_level())?.at_roots;
        squares = squares + (highest / scale(top)?.magnitude() * gain).squared() * before_halves;
        // Relinearizations in the reduction, which are divided by a prime of their level: products have the square of the scale.
        let [span, _] = layout.relinearization_spans(context.params().rlwe());
        let gadget = rlwe.gadget_of(span)?;
        let relinearized = gadget.at(top)?.relinearization_noise.at_roots;
        let square = scale(top)?.magnitude().squared();
        squares = squares + (relinearized / square * gain).squared() * before_halves;
        // Coefficients of the message at level 0: the switch to the sparse secret, and the roundings of the transform.
        let lowest = rlwe.gadget_of(layout.span(0, context.params().rlwe()))?;
        let sparse = lowest.at(0)?.noise.deviation / scale(0)?.magnitude();
        let mut coefficients = sparse.squared();
        for (level, &radix) in
            (1..layout.lowest_level()).zip(layout.coefficient_radices()[1..].iter().rev())
        {
            let error = switch(layout.lowest_level())?.deviation / scale(level)?.magnitude();
            coefficients =
                coefficients + (error * Log2::from_bits(f64::from(radix) / 2.0)).squared();
        }
        let gaussian = Log2::of(tail(rlwe.degree()));
        // A result is lowered, and a conjugation takes away what is imaginary.
        let gadget = rlwe.gadget_of(layout.span(top, context.params().rlwe()))?;
        let lowest = scale(layout.lowest_level())?.magnitude();
        let conjugated = gadget.at(layout.lowest_level())?.noise.at_roots;
        let lowering = (rounding.at_roots.squared() + conjugated.squared()).sqrt() / lowest;
        // Each result of an iteration has the error of a conjugation.
        let conjugation = gadget.at(layout.fresh_level())?.noise.at_roots / fresh.magnitude();
        let conjugations = match layout.iterations() {
            1 => Log2::ZERO,
            iterations => conjugation.squared() * Log2::of(iterations.into()),
        };
        Ok(Self {
            before: squares + coefficients * gaussian,
            last: last_squares * after_halves + conjugations,
            fit: fit(layout.ratio_bits()).exp2(),
            lowering: lowering.to_f64(),
        })
    }
}

/// The squares of the roundings of the Chebyshev polynomials.
fn of_powers(context: &CkksContext, layout: &BootstrappingLayout) -> Result<Log2> {
    let (top, extra) = (layout.reduction_level(), extra_gain(layout));
    let mut squares = Log2::ZERO;
    for (depth, gain) in POWER_GAINS.into_iter().enumerate() {
        squares = squares + rounded(context, gain + extra, context.scale(top - depth)?);
    }
    for (depth, from, gain) in OTHER_GAINS {
        // The scale lacks what those of powers of two have gained since.
        let first = context.scale(top - from)?;
        let largest = (from + 1..depth).try_fold(first, |largest, below| {
            let scale = context.scale(top - below)?;
            Ok::<_, Error>(if scale.log2() > largest.log2() {
                scale
            } else {
                largest
            })
        })?;
        let scale = context.scale(top - depth)? * first / largest;
        squares = squares + rounded(context, gain + extra, scale);
    }
    Ok(squares)
}

/// The squares of the roundings of what multiplies Chebyshev polynomials in the tree of the polynomial: of T_16, T_32, T_48, T_64 and T_128 in the
/// result, of the first three in the factor of T_64, and of the first four in that of T_128. A cofactor has the scale of the product before its
/// rescale, divided by that of what it multiplies; what multiplies the cofactor itself is at most 1.
fn of_cofactors(context: &CkksContext, layout: &BootstrappingLayout) -> Result<Log2> {
    let (last, top) = (layout.fresh_level() + 1, layout.reduction_level());
    let before_rescale =
        |scale: Scale, level| scale.mul_primes(context.params().rlwe().level_primes(level));
    let power = |depth: usize| context.scale(top - depth);
    // T_48 has no larger scale than T_32.
    let powers = [power(4)?, power(5)?, power(5)?, power(6)?, power(7)?];
    let squares = |product: Scale, powers: &[Scale]| {
        let each = powers
            .iter()
            .map(|&power| rounded(context, 0.0, product / power));
        each.sum::<Log2>()
    };
    let result = before_rescale(context.scale(last - 1)?, last);
    let inner = |number: usize| {
        let product = before_rescale(result / powers[number], last + 1);
        squares(product, &powers[..number])
    };
    Ok(squares(result, &powers) + inner(3) + inner(4))
}

/// What the gains lack for a layout, as log2.
fn extra_gain(layout: &BootstrappingLayout) -> f64 {
    f64::from(layout.ratio_bits()) - GAIN_RATIO
}

/// The square of a rounding at a scale that changes the result by so many bits more.
fn rounded(context: &CkksContext, bits: f64, scale: Scale) -> Log2 {
    let rounding = context.rlwe().noise().division(1).at_roots;
    (rounding / scale.magnitude() * Log2::from_bits(bits)).squared()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{BootstrappingSet, CkksParams};

    #[test]
    fn sets_have_the_precision_that_they_state() {
        for set in BootstrappingSet::ALL {
            let params = CkksParams::for_bootstrapping(set).unwrap();
            let context = CkksContext::new(params).unwrap();
            let layout = context.bootstrapping().unwrap();
            let rules = RefreshRules::new(&context, layout).unwrap();
            let bits = -(rules.error().log2() + 0.5);
            let iterations = rules.enlargements().count() + 1;
            assert_eq!(iterations, layout.iterations() as usize);
            let stated = f64::from(set.precision_bits());
            assert!((stated..stated + 1.5).contains(&bits), "{set:?}: {bits}");
        }
    }
}
