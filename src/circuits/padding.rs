use crate::error::Result;
use crate::evaluator::Evaluator;

/// What those slots of a vector hold that hold none of its values.
#[derive(Clone, Debug)]
pub(crate) enum Padding<C> {
    /// Zeros, or there are no such slots.
    Zeros,
    /// The value that this ciphertext has in every slot.
    Filled(C),
    /// Anything.
    Unknown,
}

/// How two vectors are joined, value by value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Join {
    Sum,
    Difference,
    Product,
}

impl Join {
    /// The name of the operation.
    pub(super) fn operation(self) -> &'static str {
        match self {
            Self::Sum => "a sum",
            Self::Difference => "a difference",
            Self::Product => "a multiplication",
        }
    }

    /// The levels that it takes.
    pub(super) fn depth(self) -> usize {
        usize::from(matches!(self, Self::Product))
    }
}

impl<C: Clone> Padding<C> {
    /// The ciphertext of what those slots hold, if it is known and not zero.
    pub(crate) fn ciphertext(&self) -> Option<&C> {
        match self {
            Self::Filled(value) => Some(value),
            Self::Zeros | Self::Unknown => None,
        }
    }

    /// The padding of a vector whose ciphertexts were all replaced as `with` says.
    pub(super) fn replaced<D>(self, with: impl FnOnce(C) -> D) -> Padding<D> {
        match self {
            Self::Zeros => Padding::Zeros,
            Self::Filled(value) => Padding::Filled(with(value)),
            Self::Unknown => Padding::Unknown,
        }
    }

    /// The padding of a vector whose ciphertexts were all changed by `work`, which leaves zeros zeros.
    pub(super) fn map(&self, work: impl Fn(&C) -> Result<C>) -> Self {
        match self {
            Self::Zeros => Self::Zeros,
            // What cannot be computed is not known.
            Self::Filled(value) => work(value).map_or(Self::Unknown, Self::Filled),
            Self::Unknown => Self::Unknown,
        }
    }

    /// The padding of a vector whose ciphertexts were all moved to other levels or scales by `work`, which changes no value.
    pub(super) fn moved(&self, work: impl Fn(&C) -> Result<C>) -> Self {
        match self {
            // Of what does not fit there, the value is as good where it is.
            Self::Filled(value) => Self::Filled(work(value).unwrap_or_else(|_| value.clone())),
            Self::Zeros | Self::Unknown => self.clone(),
        }
    }

    /// The padding of two vectors joined by `work`.
    pub(super) fn join<E: Evaluator<Ciphertext = C>>(
        evaluator: &E,
        join: Join,
        [left, right]: [&Self; 2],
        work: impl Fn(&E, &C, &C) -> Result<C>,
    ) -> Self {
        match (join, left, right) {
            (Join::Product, Self::Zeros, _) | (Join::Product, _, Self::Zeros) => Self::Zeros,
            (_, Self::Unknown, _) | (_, _, Self::Unknown) => Self::Unknown,
            (_, _, Self::Zeros) => left.clone(),
            (Join::Difference, Self::Zeros, Self::Filled(value)) => {
                evaluator.negate(value).map_or(Self::Unknown, Self::Filled)
            }
            (_, Self::Zeros, _) => right.clone(),
            (_, Self::Filled(left), Self::Filled(right)) => {
                work(evaluator, left, right).map_or(Self::Unknown, Self::Filled)
            }
        }
    }
}
