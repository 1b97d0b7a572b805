use crate::error::Result;
use crate::evaluator::ckks_align::{Adjustment, Movable, Operand};
use crate::evaluator::forecast::ForecastCiphertext;
use crate::evaluator::forecast::ckks::{hypot, spread_of};
use crate::evaluator::forecast::log::Work;
use crate::params::Log2;

impl Movable for ForecastCiphertext {
    fn operand(&self) -> Operand<'_> {
        Operand {
            context: &self.shared.context,
            state: self.state,
            degree: self.degree,
        }
    }

    fn rescaled(&self) -> Result<Self> {
        let rescaled = self.rescaled_silently()?;
        let work = [(Work::Rescale, 1)];
        Ok(self
            .shared
            .done("rescale", (self.state.level, &work), rescaled))
    }

    fn dropped(&self, level: usize) -> Result<Self> {
        let state = self.state.dropped(level, &self.shared.context)?;
        Ok(Self {
            state,
            ..self.clone()
        })
    }

    fn adjusted(&self, adjustment: &Adjustment) -> Result<Self> {
        let start = adjustment.start();
        let multiplier = adjustment.multiplier();
        if multiplier.is_none() && adjustment.rescales == 0 {
            return Ok(Self {
                state: adjustment.state,
                ..self.clone()
            });
        }
        let factor = multiplier.as_ref().map_or(Log2::ONE, |factor| {
            Log2::from_bits(crate::ring::log2(factor.magnitude()))
        });
        let mut spread = self.spread * factor;
        for level in (adjustment.state.level + 1..=start).rev() {
            spread = self.divided(spread, level)?;
        }
        // That of the scale is the same for all slots, and in proportion to the message.
        let target = Self {
            state: adjustment.state,
            ..self.clone()
        };
        let adjusted = Self {
            spread: hypot(spread, target.scaled_magnitude() * adjustment.scale_error),
            ..target.computed(adjustment.state)
        };
        let work = [
            (Work::NumberProduct, usize::from(multiplier.is_some())),
            (Work::Rescale, adjustment.rescales),
        ];
        Ok(self.shared.done("alignment", (start, &work), adjusted))
    }
}

impl ForecastCiphertext {
    /// Rescaled, as a part of another operation.
    pub(super) fn rescaled_silently(&self) -> Result<Self> {
        let state = self.state.rescaled(self.degree, &self.shared.context)?;
        Ok(Self {
            spread: self.divided(self.spread, self.state.level)?,
            ..self.computed(state)
        })
    }

    /// The spread after the rescale of `level`.
    pub(super) fn divided(&self, spread: Log2, level: usize) -> Result<Log2> {
        let context = self.shared.context.rlwe();
        let (_, prime) = context.rescaler(level)?;
        let rounding = context.noise().division(self.degree);
        Ok(hypot(
            spread / prime,
            spread_of(rounding, &self.shared.context),
        ))
    }
}
