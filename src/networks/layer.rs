use crate::circuits::{Convolution, Matrix, Windows};
use crate::error::{Error, NetworkError, Result, check_finite, check_number};
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
    /// The name of the layer in errors and reports.
    ///
    /// ```
    /// use slotwise::networks::{Activation, Layer};
    ///
    /// assert_eq!(Layer::Flatten.kind(), "flatten");
    /// assert_eq!(Layer::from(Activation::Square).kind(), "activation");
    /// ```
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
#[doc(alias("Linear", "fully_connected"))]
pub struct Dense {
    weights: Matrix<f64>,
    bias: Vec<f64>,
}

impl Dense {
    /// The layer with a row of weights for each output, as PyTorch has them, and a bias for each output, or none where it is zero.
    ///
    /// ```
    /// use slotwise::circuits::Matrix;
    /// use slotwise::networks::Dense;
    ///
    /// // Two inputs, one output: 2 x + 3 y + 0.5.
    /// let dense = Dense::new(Matrix::from_rows(&[[2.0, 3.0]])?, &[0.5])?;
    /// assert_eq!((dense.weights().rows(), dense.weights().columns()), (1, 2));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) for another number of biases than rows;
    /// [`ValueError::NotFinite`](crate::ValueError::NotFinite).
    pub fn new(weights: Matrix<f64>, bias: &[f64]) -> Result<Self> {
        let bias = checked_bias(weights.rows(), bias)?;
        Ok(Self { weights, bias })
    }

    /// The weights, a row for each output.
    ///
    /// ```
    /// # use slotwise::circuits::Matrix;
    /// # use slotwise::networks::Dense;
    /// let dense = Dense::new(Matrix::from_rows(&[[2.0, 3.0]])?, &[0.5])?;
    /// assert_eq!(dense.weights(), &Matrix::from_rows(&[[2.0, 3.0]])?);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn weights(&self) -> &Matrix<f64> {
        &self.weights
    }

    /// The biases, one for each output.
    ///
    /// ```
    /// # use slotwise::circuits::Matrix;
    /// # use slotwise::networks::Dense;
    /// let dense = Dense::new(Matrix::from_rows(&[[2.0, 3.0]])?, &[])?;
    /// assert_eq!(dense.bias(), [0.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
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
    ///
    /// ```
    /// use slotwise::networks::{AvgPool2d, Network};
    ///
    /// let network = Network::new(&[1, 2, 4], vec![AvgPool2d::new([2, 2]).into()])?;
    /// assert_eq!(network.run(&[1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0])?, [1.5, 3.5]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn new(kernel: [usize; 2]) -> Self {
        Self {
            kernel,
            stride: kernel,
        }
    }

    /// The distance from one window to the next, in rows and columns; the kernel's size unless set.
    ///
    /// ```
    /// use slotwise::networks::{AvgPool2d, Network};
    ///
    /// let pool = AvgPool2d::new([1, 2]).stride([1, 1]); // overlapping windows
    /// let network = Network::new(&[1, 1, 4], vec![pool.into()])?;
    /// assert_eq!(network.run(&[1.0, 2.0, 3.0, 4.0])?, [1.5, 2.5, 3.5]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
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
    /// ```
    /// use slotwise::networks::AvgPool2d;
    ///
    /// let convolution = AvgPool2d::new([2, 2]).convolution(3)?;
    /// assert_eq!((convolution.inputs(), convolution.outputs()), (3, 3)); // of the channels
    /// # Ok::<(), slotwise::Error>(())
    /// ```
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
#[doc(alias("BatchNorm1d", "BatchNorm2d"))]
pub struct BatchNorm {
    /// What each channel is multiplied by.
    scale: Vec<f64>,
    /// What is added then.
    shift: Vec<f64>,
}

impl BatchNorm {
    /// The normalization with these parameters, in PyTorch `weight`, `bias`, `running_mean` and `running_var`.
    ///
    /// ```
    /// use slotwise::networks::{BatchNorm, Network};
    ///
    /// // One channel with mean 3 and variance 4, scaled by 2 and shifted by 1.
    /// let norm = BatchNorm::new([&[2.0], &[1.0]], [&[3.0], &[4.0]], 0.0)?;
    /// let network = Network::new(&[1, 1, 2], vec![norm.into()])?;
    /// assert_eq!(network.run(&[3.0, 5.0])?, [1.0, 3.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) unless all have one length; [`ValueError::NotFinite`](crate::ValueError::NotFinite)
    /// with the channel; [`NetworkError::InvalidLayer`](crate::NetworkError::InvalidLayer) for a `variance + eps` that is not positive.
    pub fn new(
        [gamma, beta]: [&[f64]; 2],
        [mean, variance]: [&[f64]; 2],
        eps: f64,
    ) -> Result<Self> {
        for parameter in [beta, mean, variance] {
            check_number(
                "values in `beta`, `mean` or `variance` (one for each channel, as in `gamma`)",
                parameter.len(),
                gamma.len(),
            )?;
        }
        if let Some(channel) = variance.iter().position(|v| *v + eps <= 0.0) {
            return Err(Error::Networks(NetworkError::InvalidLayer {
                layer: "a batch normalization".into(),
                reason: format!(
                    "`variance + eps` of channel {channel} is {:?}; give variances that are positive with `eps`",
                    variance[channel] + eps
                ),
            }));
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

    /// The factor of each channel: `gamma / sqrt(variance + eps)`.
    ///
    /// ```
    /// # use slotwise::networks::BatchNorm;
    /// let norm = BatchNorm::new([&[2.0], &[1.0]], [&[3.0], &[4.0]], 0.0)?;
    /// assert_eq!(norm.scale(), [1.0]); // 2 / sqrt(4)
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// The number added to each channel after that: `beta - mean * scale`.
    ///
    /// ```
    /// # use slotwise::networks::BatchNorm;
    /// let norm = BatchNorm::new([&[2.0], &[1.0]], [&[3.0], &[4.0]], 0.0)?;
    /// assert_eq!(norm.shift(), [-2.0]); // 1 - 3 * 1
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn shift(&self) -> &[f64] {
        &self.shift
    }
}

fn checked_bias(outputs: usize, bias: &[f64]) -> Result<Vec<f64>> {
    if bias.is_empty() {
        return Ok(vec![0.0; outputs]);
    }
    check_number(
        "biases (one for each output, that is each row of the weights, or none: `&[]`)",
        bias.len(),
        outputs,
    )?;
    check_finite(bias.iter().map(|value| value.is_finite()))?;
    Ok(bias.to_vec())
}
