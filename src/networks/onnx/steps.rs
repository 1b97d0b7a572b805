//! What an ONNX node does to each sample: layers, and parts of layers that only become one with their neighbours.

use crate::networks::network::output_shape;
use crate::networks::onnx::Reason;
use crate::networks::onnx::constants::Constants;
use crate::networks::{Activation, BatchNorm, Dense, Function, Layer};

/// One operation on a value.
#[derive(Debug)]
pub(super) enum Step {
    Layer(Layer),
    Affine(Affine),
    /// The error function, which is only known as a part of GELU, with the label of its node.
    Erf(String),
}

/// `scale x + shift`, with a number of each for every channel, or one for all.
#[derive(Debug)]
pub(super) struct Affine {
    pub(super) channels: usize,
    pub(super) scale: Vec<f64>,
    pub(super) shift: Vec<f64>,
}

impl Affine {
    /// Whether this is `scale x + shift` with these two numbers, to the precision of a 32-bit constant.
    fn is(&self, scale: f64, shift: f64) -> bool {
        let near = |values: &[f64], expected: f64| {
            values.iter().all(|value| (value - expected).abs() < 1e-7)
        };
        near(&self.scale, scale) && near(&self.shift, shift)
    }

    fn is_shift(&self) -> bool {
        self.scale.iter().all(|&scale| scale == 1.0)
    }

    fn is_identity(&self) -> bool {
        self.is_shift() && self.shift.iter().all(|&shift| shift == 0.0)
    }

    /// This, and `next` after it.
    fn then(&self, next: &Self) -> Self {
        let count = [self, next].map(|affine| affine.scale.len().max(affine.shift.len()));
        let count = count[0].max(count[1]);
        let at = |values: &[f64], i: usize| values[if values.len() == 1 { 0 } else { i }];
        let scale = (0..count).map(|i| at(&self.scale, i) * at(&next.scale, i));
        let shift = |i| at(&self.shift, i) * at(&next.scale, i) + at(&next.shift, i);
        Self {
            channels: self.channels,
            scale: scale.collect(),
            shift: (0..count).map(shift).collect(),
        }
    }

    fn layer(self, constants: &mut Constants) -> Reason<Layer> {
        let channels = self.channels;
        constants.spend(channels)?;
        let spread = |values: Vec<f64>| match values[..] {
            [value] => vec![value; channels],
            _ => values,
        };
        let (zeros, ones) = (vec![0.0; channels], vec![1.0; channels]);
        let parameters = [spread(self.scale), spread(self.shift)];
        let norm = BatchNorm::new([&parameters[0], &parameters[1]], [&zeros, &ones], 0.0);
        Ok(norm.map_err(|error| error.to_string())?.into())
    }
}

impl Step {
    /// The shape of the result for one of this shape.
    pub(super) fn output_shape(&self, shape: &[usize]) -> Reason<Vec<usize>> {
        match self {
            Self::Layer(layer) => output_shape(layer, shape),
            Self::Affine(_) | Self::Erf(_) => Ok(shape.to_vec()),
        }
    }
}

/// The steps with neighbours joined: affine ones, and a sum after a dense layer.
pub(super) fn joined(steps: Vec<Step>) -> Reason<Vec<Step>> {
    let mut affines: Vec<Step> = Vec::new();
    for step in steps {
        match (affines.last_mut(), step) {
            (Some(Step::Affine(last)), Step::Affine(next)) => *last = last.then(&next),
            (_, step) => affines.push(step),
        }
    }
    let mut joined: Vec<Step> = Vec::new();
    for step in affines {
        match (joined.last_mut(), step) {
            (_, Step::Affine(affine)) if affine.is_identity() => (),
            (Some(Step::Layer(Layer::Dense(dense))), Step::Affine(affine)) if affine.is_shift() => {
                *dense = shifted(dense, &affine.shift)?;
            }
            (_, step) => joined.push(step),
        }
    }
    Ok(joined)
}

/// The layer with another bias.
fn shifted(dense: &Dense, shift: &[f64]) -> Reason<Dense> {
    let shift = shift.iter().cycle();
    let bias: Vec<f64> = dense.bias().iter().zip(shift).map(|(a, b)| a + b).collect();
    Dense::new(dense.weights().clone(), &bias).map_err(|error| error.to_string())
}

/// The layers of joined steps.
pub(super) fn layers(steps: Vec<Step>, constants: &mut Constants) -> Reason<Vec<Layer>> {
    let layer = |step| match step {
        Step::Layer(layer) => Ok(layer),
        Step::Affine(affine) => affine.layer(constants),
        Step::Erf(node) => Err(format!(
            "the node {node} is only supported as part of GELU, x * (1 + erf(x / sqrt(2))) / 2"
        )),
    };
    steps.into_iter().map(layer).collect()
}

/// What the product of a value with these steps of it is, if it is known: SiLU, `x * sigmoid(x)`, or twice GELU, `x (1 + erf(x / sqrt(2)))`.
pub(super) fn product_with(steps: &[Step], degree: usize, channels: usize) -> Option<Vec<Step>> {
    let activation = |function| Step::Layer(Activation::Chebyshev(function, degree).into());
    match steps {
        [Step::Layer(Layer::Activation(Activation::Chebyshev(Function::Sigmoid, _)))] => {
            Some(vec![activation(Function::Silu)])
        }
        [Step::Affine(before), Step::Erf(_), Step::Affine(after)]
            if before.is(std::f64::consts::FRAC_1_SQRT_2, 0.0) && after.is(1.0, 1.0) =>
        {
            let twice = Affine {
                channels,
                scale: vec![2.0],
                shift: vec![0.0],
            };
            Some(vec![activation(Function::Gelu), Step::Affine(twice)])
        }
        _ => None,
    }
}
