use crate::circuits::{Chebyshev, LinearLayer};
use crate::error::Result;
use crate::networks::affine::{Samples, Sorted};

/// A step of a fitted network, on features in order (channel after channel, row after row), without a layout in slots.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Stage {
    /// A linear layer, for one level.
    Linear(LinearStage),
    /// The square of every value, which the layer before scales to at most 4; for one level.
    Square,
    /// A polynomial for each value, on [-1, 1].
    Polynomials(Vec<Chebyshev>),
    /// The sum of the input under a linear layer, or as it is, and of the inner stages' result.
    Residual {
        /// The layer of the input, for one level.
        skip: Option<LinearStage>,
        /// What is added.
        inner: Vec<Stage>,
        /// The largest magnitude of the result.
        bound: f64,
    },
}

/// A linear layer of a fitted network.
#[derive(Clone, Debug)]
pub struct LinearStage {
    pub(super) layer: LinearLayer<f64>,
    pub(super) output: Output,
    pub(super) bound: f64,
}

/// What a linear layer's outputs are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Output {
    /// As the inputs: the layer is diagonal.
    Same,
    /// Images, and how many times as far apart the pixels are in the input's layout.
    Images {
        shape: [usize; 3],
        strides: [usize; 2],
    },
    /// A vector of this length.
    Vector(usize),
}

/// Values are scaled to this magnitude before they are squared: above 1, since the modulus has room for them and roundings then count
/// less, and not by much, since the roundings of the next layer's weights are multiplied by their squares.
pub(super) const SQUARED: f64 = 4.0;

impl LinearStage {
    /// The layer as a map of features.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// let Stage::Linear(first) = &fitted.stages()[0] else { panic!("a linear layer comes first") };
    /// assert_eq!((first.layer().map().inputs(), first.layer().map().outputs()), (2, 2));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn layer(&self) -> &LinearLayer<f64> {
        &self.layer
    }

    /// The largest magnitude of the result, derived from the samples or the input ranges. Encrypted runs rely on it.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// let Some(Stage::Linear(last)) = fitted.stages().last() else { panic!("a linear layer comes last") };
    /// assert!(last.bound() >= 9.25);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn bound(&self) -> f64 {
        self.bound
    }
}

impl Output {
    /// What a layer with outputs `next` makes of these.
    pub(super) fn then(self, next: Self) -> Self {
        match (self, next) {
            (_, Self::Same) => self,
            (
                Self::Images { strides, .. },
                Self::Images {
                    shape,
                    strides: next,
                },
            ) => {
                let strides = std::array::from_fn(|axis| strides[axis].saturating_mul(next[axis]));
                Self::Images { shape, strides }
            }
            (_, next) => next,
        }
    }
}

/// The results of stages in the clear.
pub(super) fn run_stages(stages: &[Stage], mut samples: Samples) -> Result<Samples> {
    for stage in stages {
        samples = run_stage(stage, samples)?;
    }
    Ok(samples)
}

pub(super) fn run_stage(stage: &Stage, mut samples: Samples) -> Result<Samples> {
    match stage {
        Stage::Linear(linear) => return Sorted::new(&linear.layer).apply_all(&samples),
        Stage::Square => {
            let values = samples.iter_mut().flatten();
            values.for_each(|value| *value *= *value);
        }
        Stage::Polynomials(polynomials) => {
            for sample in &mut samples {
                let values = sample.iter_mut().zip(polynomials);
                values.for_each(|(value, polynomial)| *value = polynomial.at(*value));
            }
        }
        Stage::Residual { skip, inner, .. } => {
            let others = run_stages(inner, samples.clone())?;
            if let Some(skip) = skip {
                samples = Sorted::new(&skip.layer).apply_all(&samples)?;
            }
            let pairs = samples.iter_mut().flatten().zip(others.iter().flatten());
            pairs.for_each(|(value, other)| *value += other);
        }
    }
    Ok(samples)
}
