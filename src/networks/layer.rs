use crate::circuits::{Convolution, Matrix, Windows};
use crate::error::{Result, check_finite, check_lengths};
use crate::networks::{Activation, Network};

/// A layer of a [`Network`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Layer {
    /// A dense layer, also called linear or fully connected; the input is a vector.
    Dense(Dense),
    /// A two-dimensional convolution with a stride, padding, dilation, groups and bias.
    Conv2d(Convolution<f64>),
    /// The averages over windows of each channel.
    AvgPool2d(AvgPool2d),
    /// Batch normalization, as it is after training.
    BatchNorm(BatchNorm),
    /// Images as a vector: channel after channel, row after row.
    Flatten,
    /// Adds its input to the inner network's output, which has the same shape.
    Residual(Network),
    /// A function of every value.
    Activation(Activation),
}

impl Layer {
    /// What errors and reports call it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dense(_) => "dense",
            Self::Conv2d(_) => "conv2d",
            Self::AvgPool2d(_) => "average pool",
            Self::BatchNorm(_) => "batch normalization",
            Self::Flatten => "flatten",
            Self::Residual(_) => "residual",
            Self::Activation(_) => "activation",
        }
    }
}

macro_rules! into_layer {
    ($($kind:ident($type:ty)),*) => {$(
        impl From<$type> for Layer {
            fn from(layer: $type) -> Self {
                Self::$kind(layer)
            }
        }
    )*};
}

into_layer!(
    Dense(Dense),
    Conv2d(Convolution<f64>),
    AvgPool2d(AvgPool2d),
    BatchNorm(BatchNorm),
    Residual(Network),
    Activation(Activation)
);

/// A dense layer `W x + b`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    weights: Matrix<f64>,
    bias: Vec<f64>,
}

impl Dense {
    /// The layer with a row of weights for each output, as PyTorch has them, and a bias for each output, or none where it is zero.
    ///
    /// # Errors
    /// [`OperandError::LengthMismatch`](crate::OperandError::LengthMismatch) for another number of biases than rows;
    /// [`ValueError::NotFinite`](crate::ValueError::NotFinite).
    pub fn new(weights: Matrix<f64>, bias: &[f64]) -> Result<Self> {
        let bias = checked_bias(weights.rows(), bias)?;
        Ok(Self { weights, bias })
    }

    /// The weights, a row for each output.
    #[must_use]
    pub fn weights(&self) -> &Matrix<f64> {
        &self.weights
    }

    /// The biases, one for each output.
    #[must_use]
    pub fn bias(&self) -> &[f64] {
        &self.bias
    }
}

/// The averages over windows of each channel, without padding. Pixels beyond the last whole window are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPool2d {
    kernel: [usize; 2],
    pub(super) stride: [usize; 2],
}

impl AvgPool2d {
    /// The averages over windows of `kernel` rows and columns, side by side.
    #[must_use]
    pub fn new(kernel: [usize; 2]) -> Self {
        Self {
            kernel,
            stride: kernel,
        }
    }

    /// The distance from one window to the next, in rows and columns: the kernel's size unless set.
    #[must_use]
    pub fn stride(self, stride: [usize; 2]) -> Self {
        Self { stride, ..self }
    }

    /// The windows over the image.
    pub(super) fn windows(&self) -> Windows {
        Windows::new(self.kernel).stride(self.stride)
    }

    /// The pool as a convolution of images with so many channels.
    ///
    /// # Errors
    /// As [`Convolution::average_pool`].
    pub fn convolution(&self, channels: usize) -> Result<Convolution<f64>> {
        Ok(Convolution::average_pool(channels, self.kernel)?.stride(self.stride))
    }
}

/// Batch normalization: `gamma (x - mean) / sqrt(variance + eps) + beta`, with a number of each for every channel of images, or every value
/// of vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNorm {
    /// What each channel is multiplied by.
    scale: Vec<f64>,
    /// What is added then.
    shift: Vec<f64>,
}

impl BatchNorm {
    /// The normalization with these parameters, in PyTorch `weight`, `bias`, `running_mean` and `running_var`.
    ///
    /// # Errors
    /// [`OperandError::LengthMismatch`](crate::OperandError::LengthMismatch) unless all have one length; [`ValueError::NotFinite`](crate::ValueError::NotFinite)
    /// with the channel, also for a `variance + eps` that is not positive.
    pub fn new(
        [gamma, beta]: [&[f64]; 2],
        [mean, variance]: [&[f64]; 2],
        eps: f64,
    ) -> Result<Self> {
        for parameter in [beta, mean, variance] {
            check_lengths(gamma.len(), parameter.len())?;
        }
        let scale = gamma.iter().zip(variance);
        let scale: Vec<f64> = scale
            .map(|(gamma, variance)| gamma / (variance + eps).sqrt())
            .collect();
        let shift = (0..scale.len()).map(|i| beta[i] - mean[i] * scale[i]);
        let shift: Vec<f64> = shift.collect();
        let both = scale.iter().zip(&shift);
        check_finite(both.map(|(scale, shift)| scale.is_finite() && shift.is_finite()))?;
        Ok(Self { scale, shift })
    }

    /// What each channel is multiplied by: `gamma / sqrt(variance + eps)`.
    #[must_use]
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// What is added then: `beta - mean * scale`.
    #[must_use]
    pub fn shift(&self) -> &[f64] {
        &self.shift
    }
}

fn checked_bias(outputs: usize, bias: &[f64]) -> Result<Vec<f64>> {
    if bias.is_empty() {
        return Ok(vec![0.0; outputs]);
    }
    check_lengths(outputs, bias.len())?;
    check_finite(bias.iter().map(|value| value.is_finite()))?;
    Ok(bias.to_vec())
}
