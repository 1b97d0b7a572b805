use crate::params::Scale;

/// Where in a circuit a vector is used: a level and, in CKKS, a scale. A plaintext is encoded for one position.
///
/// A ciphertext names its positions through [`Evaluator::factor_position`](crate::evaluator::Evaluator::factor_position) and
/// [`Evaluator::term_position`](crate::evaluator::Evaluator::term_position). Code that knows the levels of its circuit can name
/// them before any ciphertext exists, for example to encode the weights of a model when it is loaded.
///
/// ```
/// use slotwise::evaluator::Position;
///
/// let position = Position::at_level(3);
/// assert_eq!((position.level(), position.scale()), (3, None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    level: usize,
    scale: Option<Scale>,
}

impl Position {
    /// The position at `level` and, in CKKS, at the canonical scale of that level.
    ///
    /// ```
    /// # use slotwise::evaluator::Position;
    /// assert_eq!(Position::at_level(2).level(), 2);
    /// ```
    #[must_use]
    pub fn at_level(level: usize) -> Self {
        Self { level, scale: None }
    }

    /// The position at the same level and at `scale`. Only CKKS has scales; the other evaluators ignore it.
    ///
    /// ```
    /// # use slotwise::{evaluator::Position, params::Scale};
    /// let position = Position::at_level(2).with_scale(Scale::power_of_two(40));
    /// assert_eq!(position.scale(), Some(Scale::power_of_two(40)));
    /// ```
    #[must_use]
    pub fn with_scale(self, scale: Scale) -> Self {
        Self {
            scale: Some(scale),
            ..self
        }
    }

    /// The level.
    ///
    /// ```
    /// # use slotwise::evaluator::Position;
    /// assert_eq!(Position::at_level(2).level(), 2);
    /// ```
    #[must_use]
    pub fn level(&self) -> usize {
        self.level
    }

    /// The stated scale; `None` means the canonical scale of the level.
    ///
    /// ```
    /// # use slotwise::evaluator::Position;
    /// assert_eq!(Position::at_level(2).scale(), None); // the canonical one
    /// ```
    #[must_use]
    pub fn scale(&self) -> Option<Scale> {
        self.scale
    }
}
