use crate::circuits::Windows;
use crate::error::{Error, Result, ValueError};
use crate::networks::fit_report::{FitReport, Outside};
use crate::networks::network::checked_samples;
use crate::networks::stage::{SQUARED, Stage, run_stage, run_stages};
use crate::networks::{Samples, argmax};
use std::fmt;

/// A network with a polynomial in the place of each activation: what runs encrypted, here still in the clear.
///
/// Made by [`Network::fit`](crate::networks::Network::fit).
#[derive(Clone)]
pub struct FittedNetwork {
    pub(super) input_shape: Vec<usize>,
    pub(super) outputs: usize,
    pub(super) input_bound: f64,
    pub(super) stages: Vec<Stage>,
    /// Those of the first layer, if it is a convolution.
    pub(super) windows: Option<Windows>,
    /// The distance of the two largest outputs that one sample in a hundred is below.
    pub(super) gap: Option<f64>,
    pub(super) report: FitReport,
}

impl FittedNetwork {
    /// The shape of the input: `[length]`, or `[channels, rows, columns]`.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// assert_eq!(fitted.input_shape(), [2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// The number of outputs.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// assert_eq!(fitted.outputs(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The largest magnitude of an input that a client can encrypt.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// assert_eq!(fitted.input_bound(), 1.0); // as the samples
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn input_bound(&self) -> f64 {
        self.input_bound
    }

    /// The largest magnitude that is assumed of an output.
    pub(super) fn output_bound(&self) -> f64 {
        match self.stages.last() {
            Some(Stage::Linear(linear)) => linear.bound,
            Some(Stage::Residual { bound, .. }) => *bound,
            _ => 1.0,
        }
    }

    /// The steps: linear layers and activations alternate, on features without a layout.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// assert!(matches!(fitted.stages(), [Stage::Linear(_), Stage::Square, Stage::Linear(_)]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// What the fit found on the samples.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// assert_eq!((fitted.report().samples, fitted.report().agreeing), (3, 3));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn report(&self) -> &FitReport {
        &self.report
    }

    /// The outputs for one input in the clear: what an encrypted run computes, up to its noise.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// let outputs = fitted.run(&[1.0, 1.0])?;
    /// assert!((outputs[0] - 9.25).abs() < 1e-9 && (outputs[1] - 0.25).abs() < 1e-9);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Network::run`](crate::networks::Network::run).
    #[doc(alias("forward", "predict"))]
    pub fn run(&self, input: &[f64]) -> Result<Vec<f64>> {
        let mut outputs = self.run_all(&[input])?;
        outputs.pop().ok_or(Error::Values(ValueError::Empty))
    }

    /// The outputs for several inputs; faster than one call of [`run`](Self::run) for each.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// assert_eq!(fitted.run_all(&samples)?.len(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run).
    #[doc(alias = "forward")]
    pub fn run_all<X: AsRef<[f64]>>(&self, inputs: &[X]) -> Result<Vec<Vec<f64>>> {
        run_stages(&self.stages, checked_samples(inputs, &self.input_shape)?)
    }

    /// The index of the largest output for one input in the clear.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// assert_eq!(fitted.classify(&[1.0, 1.0])?, 0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run).
    #[doc(alias = "predict")]
    pub fn classify(&self, input: &[f64]) -> Result<usize> {
        Ok(argmax(&self.run(input)?))
    }

    /// How many values of these inputs leave the ranges that polynomials are made for, and how far: an encrypted run cannot tell. At degree
    /// 7 and below, a few values up to a tenth outside do no harm.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// assert_eq!(fitted.outside(&samples)?.count, 0);
    /// assert!(fitted.outside(&[[5.0, 5.0]])?.worst > 1.0); // far beyond what the samples had
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn outside<X: AsRef<[f64]>>(&self, inputs: &[X]) -> Result<Outside> {
        let samples = checked_samples(inputs, &self.input_shape)?;
        let (_, outside) = outside_stages(&self.stages, samples)?;
        Ok(outside)
    }
}

fn outside_stages(stages: &[Stage], mut samples: Samples) -> Result<(Samples, Outside)> {
    let mut outside = Outside::default();
    for stage in stages {
        match stage {
            Stage::Square => {
                let units = samples.iter().flatten().map(|value| value / SQUARED);
                outside = outside.and(Outside::of(units));
            }
            Stage::Polynomials(_) => {
                outside = outside.and(Outside::of(samples.iter().flatten().copied()));
            }
            Stage::Residual { inner, .. } => {
                outside = outside.and(outside_stages(inner, samples.clone())?.1);
            }
            Stage::Linear(_) => (),
        }
        samples = run_stage(stage, samples)?;
    }
    Ok((samples, outside))
}

impl fmt::Debug for FittedNetwork {
    /// The shapes, and the number of steps.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shape, outputs, stages) = (&self.input_shape, self.outputs, self.stages.len());
        write!(
            out,
            "FittedNetwork({shape:?} to {outputs}, {stages} stages)"
        )
    }
}
