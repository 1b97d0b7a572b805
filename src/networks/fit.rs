//! Polynomials in the place of activations, layer after layer.

use crate::circuits::{Chebyshev, LinearLayer, Windows};
use crate::error::{Error, NetworkError, Result};
use crate::networks::affine::{self, Samples, Sorted, diagonal};
use crate::networks::fit_options::invalid_fit;
use crate::networks::fit_report::{ActivationReport, FitReport};
use crate::networks::network::{checked_samples, layer_name, linear};
use crate::networks::neurons::Neurons;
use crate::networks::ranges::{self, Ranges};
use crate::networks::stage::{LinearStage, Output, SQUARED, Stage};
use crate::networks::{Activation, Fit, FittedNetwork, Function, Layer, Network};

impl Network {
    /// The network with a polynomial in the place of each activation, in the form that runs encrypted.
    ///
    /// The network runs on the samples layer after layer, with the polynomials of earlier layers already in place. For each neuron (for
    /// convolutions, each channel) the range of its values is scaled to [-1, 1], which the linear layer before does at no cost, and a
    /// polynomial is fitted to the values by least squares. Batch normalizations and average pools are folded into linear layers.
    /// Squares and polynomials stay what they are, and need samples only for tighter bounds; a few hundred samples like those that
    /// clients will encrypt are enough.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/relu_network.txt")]
    /// let fitted = network.fit(&samples, &Fit::default())?; // ReLU has become a polynomial of degree 7
    /// let (clear, polynomial) = (network.run(&[0.5, 0.25])?, fitted.run(&[0.5, 0.25])?);
    /// assert!((clear[0] - polynomial[0]).abs() < 0.05);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NetworkError::InvalidFit`](crate::NetworkError::InvalidFit) for options out of range, and for functions to be approximated
    /// without samples; [`OperandError::Count`](crate::OperandError::Count) and
    /// [`ValueError::NotFinite`](crate::ValueError::NotFinite) for samples; [`ValueError::FunctionNotFinite`](crate::ValueError::FunctionNotFinite).
    #[doc(alias("compile", "quantize", "calibrate"))]
    pub fn fit<X: AsRef<[f64]>>(&self, samples: &[X], fit: &Fit) -> Result<FittedNetwork> {
        fit.check()?;
        let samples = checked_samples(samples, self.input_shape())?;
        let input = input_range(&samples, fit)?;
        let mut state = State::new(fit, samples.clone(), vec![input; self.input_len()]);
        state.add(self, "")?;
        state.flush(None)?;
        let originals = self.run_samples(samples)?;
        let report = FitReport::new(state.reports, &originals, &state.samples, fit.margin);
        Ok(FittedNetwork {
            input_shape: self.input_shape().to_vec(),
            outputs: self.output_shape().iter().product(),
            input_bound: input[0].abs().max(input[1].abs()),
            stages: state.stages,
            windows: self.first_windows(),
            gap: ranges::small_gap(&state.samples),
            report,
        })
    }

    /// The windows of the first layer, if it is a convolution.
    fn first_windows(&self) -> Option<Windows> {
        match self.layers() {
            [Layer::Conv2d(convolution), ..] => Some(convolution.windows()),
            _ => None,
        }
    }

    fn input_len(&self) -> usize {
        self.input_shape().iter().product()
    }
}

fn input_range(samples: &Samples, fit: &Fit) -> Result<[f64; 2]> {
    let of_samples = ranges::of_values(samples.iter().flatten().copied());
    let range = fit.input_range.or(of_samples).unwrap_or([-1.0, 1.0]);
    if of_samples.is_some_and(|[low, high]| low < range[0] || high > range[1]) {
        return Err(invalid_fit(
            "some samples lie outside the range of inputs; state a range that has them all",
        ));
    }
    if range == [0.0, 0.0] {
        return Err(invalid_fit(
            "all samples are 0; give samples like those that clients will encrypt",
        ));
    }
    Ok(range)
}

/// What a pass over the layers has come to.
struct State<'a> {
    fit: &'a Fit,
    stages: Vec<Stage>,
    /// Linear layers that no stage has yet.
    pending: Option<(LinearLayer<f64>, Output)>,
    /// The values after all stages, for each sample.
    samples: Samples,
    /// The ranges of these values; wider than the samples' if there are none.
    ranges: Ranges,
    reports: Vec<ActivationReport>,
}

impl<'a> State<'a> {
    fn new(fit: &'a Fit, samples: Samples, ranges: Ranges) -> Self {
        Self {
            fit,
            stages: Vec::new(),
            pending: None,
            samples,
            ranges,
            reports: Vec::new(),
        }
    }

    /// Adds all layers of a network, whose names follow `outer`.
    fn add(&mut self, network: &Network, outer: &str) -> Result<()> {
        for (number, (layer, [shape, output])) in network.layers_with_shapes().enumerate() {
            let name = format!("{outer}{}", layer_name(number, layer));
            if let Some(linear) = linear(layer, shape)? {
                self.append(linear, outputs_of(layer, output)?)?;
                continue;
            }
            match layer {
                Layer::Activation(activation) => {
                    let added = self.activate(activation, &name, shape);
                    added.map_err(|error| within(error, &name))?;
                }
                Layer::Residual(inner) => self.add_residual(inner, &name)?,
                _ => (),
            }
        }
        Ok(())
    }

    /// Adds a linear layer to those that are pending.
    fn append(&mut self, layer: LinearLayer<f64>, output: Output) -> Result<()> {
        self.pending = Some(match self.pending.take() {
            None => (layer, output),
            Some((before, so_far)) => (before.then(&layer)?, so_far.then(output)),
        });
        Ok(())
    }

    /// Makes what is pending a stage.
    fn flush(&mut self, bound: Option<f64>) -> Result<()> {
        let Some((layer, output)) = self.pending.take() else {
            return Ok(());
        };
        let layer = affine::merged(&layer)?;
        let sorted = Sorted::new(&layer);
        self.ranges = ranges::after(&sorted, &self.ranges);
        self.samples = sorted.apply_all(&self.samples)?;
        if !self.samples.is_empty() {
            self.ranges = ranges::of_samples(&self.samples);
        }
        let bound = bound.unwrap_or_else(|| ranges::bound(&self.ranges, self.headroom()));
        match (self.stages.last_mut(), output) {
            (
                Some(Stage::Residual {
                    skip,
                    inner,
                    bound: sum,
                }),
                Output::Same,
            ) => {
                *sum = bound;
                into_branches(skip, inner, &layer)?;
            }
            _ => self.stages.push(Stage::Linear(LinearStage {
                layer,
                output,
                bound,
            })),
        }
        Ok(())
    }

    /// How much larger than the samples' the stated bounds are.
    fn headroom(&self) -> f64 {
        if self.samples.is_empty() {
            1.0
        } else {
            HEADROOM * self.fit.margin.max(1.0)
        }
    }

    fn add_residual(&mut self, inner: &Network, name: &str) -> Result<()> {
        self.flush(None)?;
        let mut branch = State::new(self.fit, self.samples.clone(), self.ranges.clone());
        branch.add(inner, &format!("{name} / "))?;
        let is_strided =
            |stage: &Stage| matches!(stage, Stage::Linear(linear) if linear.output != Output::Same);
        if branch.stages.iter().any(is_strided) {
            // The last stage brings the result to where the input lies, so that it must be a linear layer of its own.
            let count = branch.ranges.len();
            branch.pending = Some(match branch.pending.take() {
                Some((layer, Output::Same)) => (layer, Output::Vector(count)),
                Some(pending) => pending,
                None => (diagonal(&vec![1.0; count], &[])?, Output::Vector(count)),
            });
        }
        branch.flush(None)?;
        self.reports.append(&mut branch.reports);
        for (sample, other) in self.samples.iter_mut().zip(&branch.samples) {
            sample
                .iter_mut()
                .zip(other)
                .for_each(|(value, other)| *value += other);
        }
        self.ranges = if self.samples.is_empty() {
            let pairs = self.ranges.iter().zip(&branch.ranges);
            pairs.map(|(a, b)| [a[0] + b[0], a[1] + b[1]]).collect()
        } else {
            ranges::of_samples(&self.samples)
        };
        self.stages.push(Stage::Residual {
            skip: None,
            inner: branch.stages,
            bound: ranges::bound(&self.ranges, self.headroom()),
        });
        Ok(())
    }

    fn activate(&mut self, activation: &Activation, name: &str, shape: &[usize]) -> Result<()> {
        match activation {
            Activation::Square => self.square((1.0, 0.0, 0.0), name, shape),
            Activation::Polynomial(coefficients) => match without_zeros(coefficients) {
                &[] => self.line((0.0, 0.0), shape),
                &[constant] => self.line((0.0, constant), shape),
                &[constant, slope] => self.line((slope, constant), shape),
                // a x^2 + b x + c = a (x + b / 2a)^2 + (c - b^2 / 4a): a square, for one level instead of two.
                &[c, b, a] if b.abs() <= MOST_SHIFT * a.abs() => {
                    let shift = b / (2.0 * a);
                    self.square((a, shift, c - a * shift * shift), name, shape)
                }
                coefficients => {
                    let polynomial = coefficients.to_vec();
                    let degree = coefficients.len() - 1;
                    let function = Function::custom("polynomial", move |x| {
                        Activation::Polynomial(polynomial.clone()).at(x)
                    });
                    self.approximate(&function, (degree, true), name, shape)
                }
            },
            Activation::Chebyshev(_, _) if self.samples.is_empty() => Err(invalid_fit(
                "a function is approximated where its values lie: give samples to `fit`, or use squares and polynomials",
            )),
            Activation::Chebyshev(function, degree) => {
                let degree = self.fit.degree.unwrap_or(*degree);
                self.approximate(function, (degree, false), name, shape)
            }
        }
    }

    /// Adds `slope x + constant`.
    fn line(&mut self, (slope, constant): (f64, f64), shape: &[usize]) -> Result<()> {
        let count = shape.iter().product();
        let line = diagonal(&vec![slope; count], &vec![constant; count])?;
        self.append(line, Output::Same)
    }

    /// Adds `factor (x + shift)^2 + constant`.
    fn square(
        &mut self,
        (factor, shift, constant): (f64, f64, f64),
        name: &str,
        shape: &[usize],
    ) -> Result<()> {
        let neurons = self.neurons(shape)?;
        let margin = if self.samples.is_empty() {
            1.0
        } else {
            self.fit.margin
        };
        let reach = |[low, high]: [f64; 2]| {
            (margin * (low + shift).abs().max((high + shift).abs())).max(LEAST_REACH)
        };
        let least = LEAST_SCALE
            * neurons
                .ranges
                .iter()
                .map(|&range| reach(range))
                .fold(0.0, f64::max);
        let reaches = neurons.ranges.iter().map(|&range| reach(range).max(least));
        let reaches = neurons.of_groups(reaches);
        let scale: Vec<f64> = reaches.iter().map(|reach| SQUARED / reach).collect();
        let moved: Vec<f64> = scale.iter().map(|scale| scale * shift).collect();
        self.append(diagonal(&scale, &moved)?, Output::Same)?;
        self.flush(Some(SQUARED))?;
        self.report(name, "square", (&neurons, Vec::new()), SQUARED);
        self.apply(Stage::Square)?;
        let back: Vec<f64> = scale.iter().map(|scale| factor / (scale * scale)).collect();
        self.append(diagonal(&back, &vec![constant; back.len()])?, Output::Same)
    }

    /// Adds polynomials in the place of a function; it `is_polynomial` of the degree itself, or not.
    fn approximate(
        &mut self,
        function: &Function,
        (degree, is_polynomial): (usize, bool),
        name: &str,
        shape: &[usize],
    ) -> Result<()> {
        let neurons = self.neurons(shape)?;
        let margin = if self.samples.is_empty() {
            1.0
        } else {
            self.fit.margin
        };
        let radius = |[low, high]: [f64; 2]| margin * (high - low) / 2.0;
        let widest = neurons
            .ranges
            .iter()
            .map(|&range| radius(range))
            .fold(0.0, f64::max);
        let least = if widest > 0.0 {
            LEAST_SCALE * widest
        } else {
            1.0
        };
        let units: Vec<[f64; 2]> = neurons
            .ranges
            .iter()
            .map(|&range| [(range[0] + range[1]) / 2.0, radius(range).max(least)])
            .collect();
        let polynomials = units
            .iter()
            .zip(&neurons.values)
            .map(|(&[centre, radius], values)| {
                let f = |u: f64| function.at(centre + radius * u);
                if is_polynomial {
                    return Chebyshev::approximate(f, -1.0..=1.0, degree);
                }
                let unit = |&z: &f64| (((z - centre) / radius).clamp(-1.0, 1.0), 1.0);
                let samples: Vec<(f64, f64)> = values.iter().map(unit).collect();
                Chebyshev::least_squares(f, -1.0..=1.0, degree, &samples, self.fit.lambda)
            });
        let approximations = polynomials.collect::<Result<Vec<_>>>()?;
        let errors = approximations.iter().map(|found| found.error()).collect();
        let polynomials = neurons.of_groups(
            approximations
                .iter()
                .map(|found| found.polynomial().clone()),
        );
        let units = neurons.of_groups(units.into_iter());
        let scale: Vec<f64> = units.iter().map(|unit| 1.0 / unit[1]).collect();
        let shift: Vec<f64> = units.iter().map(|unit| -unit[0] / unit[1]).collect();
        self.append(diagonal(&scale, &shift)?, Output::Same)?;
        self.flush(Some(1.0))?;
        self.report(name, function.name(), (&neurons, errors), 1.0);
        self.apply(Stage::Polynomials(polynomials))
    }

    fn apply(&mut self, stage: Stage) -> Result<()> {
        self.ranges = ranges::after_stage(&stage, &self.ranges);
        self.samples =
            crate::networks::stage::run_stage(&stage, std::mem::take(&mut self.samples))?;
        if !self.samples.is_empty() {
            self.ranges = ranges::of_samples(&self.samples);
        }
        self.stages.push(stage);
        Ok(())
    }

    /// The values that enter an activation, by neuron, channel or layer.
    fn neurons(&self, shape: &[usize]) -> Result<Neurons> {
        let size = match self.fit.per_neuron {
            true => shape[1..].iter().product(),
            false => shape.iter().product(),
        };
        let Some((layer, _)) = &self.pending else {
            return Ok(Neurons::new(&self.samples, &self.ranges, size));
        };
        let sorted = Sorted::new(layer);
        let ranges = ranges::after(&sorted, &self.ranges);
        Ok(Neurons::new(
            &sorted.apply_all(&self.samples)?,
            &ranges,
            size,
        ))
    }

    fn report(
        &mut self,
        name: &str,
        function: &str,
        (neurons, errors): (&Neurons, Vec<f64>),
        bound: f64,
    ) {
        let values = self.samples.iter().flatten().copied();
        self.reports.push(ActivationReport::new(
            name,
            function,
            (&neurons.ranges, errors),
            values.map(|u| u / bound),
        ));
    }
}

/// Applies a diagonal layer to a sum by applying it to both terms.
fn into_branches(
    skip: &mut Option<LinearStage>,
    inner: &mut Vec<Stage>,
    layer: &LinearLayer<f64>,
) -> Result<()> {
    let mut scale = vec![0.0; layer.map().inputs()];
    for &(_, input, value) in layer.map().entries() {
        scale[input] += value;
    }
    let bound = f64::INFINITY;
    let unbiased = diagonal(&scale, &[])?;
    let scaled = match skip.take() {
        None => unbiased,
        Some(skip) => skip.layer.then(&unbiased)?,
    };
    *skip = Some(LinearStage {
        layer: scaled,
        output: Output::Same,
        bound,
    });
    match inner.last_mut() {
        Some(Stage::Linear(last)) => {
            last.layer = last.layer.then(layer)?;
            last.bound = bound;
        }
        _ => inner.push(Stage::Linear(LinearStage {
            layer: layer.clone(),
            output: Output::Same,
            bound,
        })),
    }
    Ok(())
}

fn outputs_of(layer: &Layer, shape: &[usize]) -> Result<Output> {
    let strides = match layer {
        Layer::Conv2d(convolution) => convolution.windows().stride,
        Layer::AvgPool2d(pool) => pool.stride,
        Layer::Dense(_) => return Ok(Output::Vector(shape.iter().product())),
        _ => return Ok(Output::Same),
    };
    let shape =
        affine::grid(shape).map(|grid| [grid.channels(), grid.image()[0], grid.image()[1]])?;
    Ok(Output::Images { shape, strides })
}

/// Coefficients up to the last that is not 0.
fn without_zeros(coefficients: &[f64]) -> &[f64] {
    let last = coefficients.iter().rposition(|&c| c != 0.0);
    &coefficients[..last.map_or(0, |last| last + 1)]
}

/// An error of an activation, with its name.
fn within(error: Error, name: &str) -> Error {
    let reason = match error {
        Error::Networks(NetworkError::InvalidFit { reason }) => reason,
        Error::Values(error) => error.to_string(),
        other => return other,
    };
    invalid_fit(format!("{name}: {reason}"))
}

/// Neurons whose values hardly differ are scaled as if they did by this part of what the others do.
const LEAST_SCALE: f64 = 1e-3;

/// Values that are smaller still, or all 0, are scaled as if they were so large: the squares of smaller numbers are beyond floating point.
const LEAST_REACH: f64 = 1e-150;

/// Bounds of values that no activation scales are so many times as large as the samples': others may be a little larger.
const HEADROOM: f64 = 2.0;

/// A quadratic polynomial whose vertex is farther from 0 is not taken as a square, which would lose precision.
const MOST_SHIFT: f64 = 16.0;
