//! The error of a bootstrapping, by the formulas of `docs/math/bootstrapping.md`.

use crate::bootstrapping::failure::tail;
use crate::error::{Error, Result};
use crate::params::{BootstrappingLayout, CkksContext, Log2, Scale};

/// How much an error in a Chebyshev polynomial of degree `2^d` changes the result, as log2: the root of the sum of squares over all that are
/// computed at depth d, at the worst value near an integer. The message is `2^GAIN_RATIO` times smaller than 1 before the factor of the
/// polynomial.
const POWER_GAINS: [f64; 8] = [11.0, 13.02, 12.43, 10.41, 9.33, 9.93, 8.35, 7.75];

/// The same for the odd degrees at depths 2, 3 and 4.
const ODD_GAINS: [(usize, f64); 3] = [(2, 10.44), (3, 10.98), (4, 10.45)];

/// The same for what multiplies these in the tree of the polynomial.
const COFACTOR_GAIN: f64 = 1.9;

/// The ratio of the gains above.
const GAIN_RATIO: f64 = 7.0;

/// log2 of the largest error of the polynomial for messages up to `1 + 2^-7`, by the bits of the ratio.
fn fit(ratio_bits: u32) -> f64 {
    match ratio_bits {
        ..=7 => -25.6,
        _ => -29.0,
    }
}

/// A bound of the error that a bootstrapping adds in each slot, for one real part; the imaginary part has as much.
///
/// Roundings are independent and Gaussian at the roots of unity, so that their squares are added, each by its bound there, which is
/// exceeded with a probability below `2^-140`.
pub(super) fn error_of_one_part(
    context: &CkksContext,
    layout: &BootstrappingLayout,
) -> Result<f64> {
    let rlwe = context.rlwe();
    let rounding = rlwe.noise().division(1);
    let relative = |bits: f64, scale: Scale| {
        (rounding.at_roots / scale.magnitude() * Log2::from_bits(bits)).squared()
    };
    let scale = |level: usize| context.scale(level);
    // The error of a key switch, its rounding included.
    let switch = |level: usize| {
        let gadget = rlwe.gadget_of(layout.span(level, context.params().rlwe()))?;
        Ok::<_, Error>(gadget.at(level)?.noise)
    };
    let extra = f64::from(layout.ratio_bits()) - GAIN_RATIO;
    let top = layout.reduction_level();
    let mut squares = Log2::ZERO;
    for (depth, gain) in POWER_GAINS.into_iter().enumerate() {
        squares = squares + relative(gain + extra, scale(top - depth)?);
    }
    for (depth, gain) in ODD_GAINS {
        // An odd degree is made from T_1 and its kin: its scale lacks what those of even degrees have gained.
        let first = scale(top)?;
        let largest = (1..depth).try_fold(first, |largest, below| {
            let scale = scale(top - below)?;
            Ok::<_, Error>(if scale.log2() > largest.log2() {
                scale
            } else {
                largest
            })
        })?;
        squares = squares + relative(gain + extra, scale(top - depth)? * first / largest);
    }
    // Cofactors have the scale of the result before its rescale, divided by that of what they multiply.
    let fresh = scale(layout.fresh_level())?;
    let last = layout.fresh_level() + 1;
    let product = fresh.mul_primes(context.params().rlwe().level_primes(last));
    squares = squares + relative(COFACTOR_GAIN, product / scale(last)?);
    // The last rescale, and the last rotation.
    squares = squares + relative(0.0, fresh);
    let last = switch(layout.fresh_level())?.at_roots / fresh.magnitude();
    squares = squares + last.squared();
    // Before the reduction: the switch to the dense secret, the transform to slots and the conjugation, which doubles what is real.
    let before =
        (1.0 + 2.0 * f64::from(u32::try_from(layout.slot_radices().len()).unwrap_or(0))).log2();
    let gain = Log2::from_bits(POWER_GAINS[0] + extra + 1.0 + before / 2.0);
    let highest = switch(layout.top_level())?.at_roots;
    squares = squares + (highest / scale(top)?.magnitude() * gain).squared();
    // Relinearizations in the reduction, which are divided by a prime of their level: products have the square of the scale.
    let gadget = rlwe.gadget_of(layout.span(top, context.params().rlwe()))?;
    let relinearized = gadget.at(top)?.relinearization_noise.at_roots;
    let square = scale(top)?.magnitude().squared();
    squares = squares + (relinearized / square * gain).squared();
    // Coefficients of the message at level 0: the switch to the sparse secret, and the roundings of the transform.
    let lowest = rlwe.gadget_of(layout.span(0, context.params().rlwe()))?;
    let sparse = lowest.at(0)?.noise.deviation / scale(0)?.magnitude();
    let mut coefficients = sparse.squared();
    for (level, &radix) in
        (1..layout.lowest_level()).zip(layout.coefficient_radices()[1..].iter().rev())
    {
        let error = switch(layout.lowest_level())?.deviation / scale(level)?.magnitude();
        coefficients = coefficients + (error * Log2::from_bits(f64::from(radix) / 2.0)).squared();
    }
    let gaussian = Log2::of(tail(rlwe.degree()));
    Ok((squares + coefficients * gaussian).sqrt().to_f64() + fit(layout.ratio_bits()).exp2())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{BootstrappingSet, CkksParams};

    #[test]
    fn sets_have_the_precision_that_they_state() {
        for set in BootstrappingSet::FULL.into_iter().chain([
            BootstrappingSet::Compact32768Slots128,
            BootstrappingSet::Compact32768Slots1024,
            BootstrappingSet::Sparse65536Slots256,
            BootstrappingSet::Sparse65536Slots4096,
        ]) {
            let params = CkksParams::for_bootstrapping(set).unwrap();
            let context = CkksContext::new(params).unwrap();
            let layout = context.bootstrapping().unwrap();
            let error = error_of_one_part(&context, layout).unwrap();
            let bits = -(error.log2() + 0.5);
            let stated = f64::from(set.precision_bits());
            assert!((stated..stated + 1.5).contains(&bits), "{set:?}: {bits}");
        }
    }
}
