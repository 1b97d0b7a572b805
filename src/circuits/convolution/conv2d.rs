use crate::circuits::convolution::layer::check_entries;
use crate::circuits::{Grid, LinearLayer, LinearMap, Windows};
use crate::error::{Error, OperandError, Result, check_finite, check_number};
use crate::evaluator::Number;

/// A two-dimensional convolution of images with several channels, with known weights: what neural networks call one, without a flip
/// of the kernel. It becomes a [`LinearLayer`] for images in a given [`Grid`], and takes one level whatever its kernel, stride,
/// padding, dilation and groups.
///
/// ```
/// use slotwise::circuits::{Convolution, Grid, Vector};
/// use slotwise::evaluator::{ClearReals, Position};
///
/// // One channel in and out, 2 x 2 weights at every second pixel.
/// let convolution = Convolution::new(&[1.0, 2.0, 3.0, 4.0], [1, 1, 2, 2])?.stride([2, 2]);
/// let input = Grid::new(1, 4, 4)?;
/// let (layer, output) = convolution.layer(&input)?;
/// assert_eq!((output.image(), output.gap()), ([2, 2], [2, 2]));
/// let evaluator = ClearReals::new(16);
/// let image: Vec<f64> = (0..16).map(f64::from).collect();
/// let x = Vector::from_values(&evaluator, &input.scatter(&image)?)?;
/// let y = x.linear_layer(&layer.encode(&evaluator, Position::at_level(0))?)?;
/// assert_eq!(output.gather(&y.values())?, [34.0, 54.0, 114.0, 134.0]);
/// # Ok::<(), slotwise::Error>(())
/// ```
///
/// Source: E. Lee et al., eprint 2021/1688; A. Ebel et al., "Orion" (arXiv 2311.03470), section 4.
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "conv2d")]
pub struct Convolution<S> {
    /// For each output channel, each input channel of its group, each row and column of the kernel.
    weights: Vec<S>,
    outputs: usize,
    inputs_per_group: usize,
    groups: usize,
    windows: Windows,
    bias: Vec<S>,
}

impl<S: Number> Convolution<S> {
    /// The convolution with stride 1, no padding, no dilation, one group and no bias. `shape` counts output channels, input channels of
    /// a group, and rows and columns of the kernel; the last index of `weights` runs fastest, as PyTorch stores them.
    ///
    /// ```
    /// # use slotwise::circuits::Convolution;
    /// // Two output channels, one input channel, 1 x 2 weights each.
    /// let convolution = Convolution::new(&[1.0, 2.0, 3.0, 4.0], [2, 1, 1, 2])?;
    /// assert_eq!((convolution.inputs(), convolution.outputs()), (1, 2));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) for a size of 0 or a product of sizes that overflows;
    /// [`OperandError::Count`](crate::OperandError::Count) for another number of weights.
    #[doc(alias = "conv2d")]
    pub fn new(weights: &[S], shape: [usize; 4]) -> Result<Self> {
        let [outputs, inputs_per_group, rows, columns] = shape;
        let count = shape
            .iter()
            .try_fold(1_usize, |count, &size| count.checked_mul(size))
            .filter(|&count| count > 0)
            .ok_or_else(|| {
                invalid(&shape, "the sizes of a convolution must be at least 1, and their product must fit in memory")
            })?;
        check_number(
            "weights (the product of the shape: output channels, input channels of a group, rows, columns)",
            weights.len(),
            count,
        )?;
        Ok(Self {
            weights: weights.to_vec(),
            outputs,
            inputs_per_group,
            groups: 1,
            windows: Windows::new([rows, columns]),
            bias: Vec::new(),
        })
    }

    /// The distance from one window to the next, in rows and columns.
    ///
    /// ```
    /// # use slotwise::circuits::{Convolution, Grid};
    /// let convolution = Convolution::new(&[1.0; 4], [1, 1, 2, 2])?.stride([2, 2]);
    /// assert_eq!(convolution.layer(&Grid::new(1, 4, 4)?)?.1.image(), [2, 2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn stride(self, stride: [usize; 2]) -> Self {
        let windows = self.windows.stride(stride);
        Self { windows, ..self }
    }

    /// The number of zeros above and below, and left and right, of the image.
    ///
    /// ```
    /// # use slotwise::circuits::{Convolution, Grid};
    /// let convolution = Convolution::new(&[1.0; 9], [1, 1, 3, 3])?.padding([1, 1]);
    /// assert_eq!(convolution.layer(&Grid::new(1, 4, 4)?)?.1.image(), [4, 4]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn padding(self, padding: [usize; 2]) -> Self {
        let windows = self.windows.padding(padding);
        Self { windows, ..self }
    }

    /// The distance between neighbouring pixels under the kernel, in rows and columns.
    ///
    /// ```
    /// # use slotwise::circuits::{Convolution, Grid};
    /// let convolution = Convolution::new(&[1.0; 4], [1, 1, 2, 2])?.dilation([2, 2]);
    /// assert_eq!(convolution.layer(&Grid::new(1, 4, 4)?)?.1.image(), [2, 2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn dilation(self, dilation: [usize; 2]) -> Self {
        let windows = self.windows.dilation(dilation);
        Self { windows, ..self }
    }

    /// The number of groups: output channels of a group see the input channels of the same group only. With one input channel a
    /// group the convolution is depthwise.
    ///
    /// ```
    /// # use slotwise::circuits::Convolution;
    /// // Depthwise: each of two channels has weights of its own.
    /// let convolution = Convolution::new(&[1.0; 8], [2, 1, 2, 2])?.groups(2);
    /// assert_eq!(convolution.inputs(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// What is added to each output channel.
    ///
    /// ```
    /// # use slotwise::circuits::{Convolution, Grid};
    /// let convolution = Convolution::new(&[1.0; 4], [1, 1, 2, 2])?.bias(&[0.5]);
    /// assert_eq!(convolution.layer(&Grid::new(1, 2, 2)?)?.0.bias()[0], 0.5);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn bias(self, bias: &[S]) -> Self {
        let bias = bias.to_vec();
        Self { bias, ..self }
    }

    /// The windows over the image.
    ///
    /// ```
    /// # use slotwise::circuits::Convolution;
    /// let convolution = Convolution::new(&[1.0; 4], [1, 1, 2, 2])?.stride([2, 2]);
    /// assert_eq!(convolution.windows().count([4, 4])?, [2, 2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn windows(&self) -> Windows {
        self.windows
    }

    /// The number of input channels of all groups.
    ///
    /// ```
    /// # use slotwise::circuits::Convolution;
    /// assert_eq!(Convolution::new(&[1.0; 12], [1, 3, 2, 2])?.inputs(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs_per_group.saturating_mul(self.groups)
    }

    /// The number of output channels.
    ///
    /// ```
    /// # use slotwise::circuits::Convolution;
    /// assert_eq!(Convolution::new(&[1.0; 12], [3, 1, 2, 2])?.outputs(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The convolution as a linear layer of images in this layout, and the layout of its output, whose gap is the input's times the
    /// stride.
    ///
    /// ```
    /// # use slotwise::circuits::{Convolution, Grid};
    /// let convolution = Convolution::new(&[1.0; 4], [1, 1, 2, 2])?;
    /// let (layer, output) = convolution.layer(&Grid::new(1, 4, 4)?)?;
    /// assert_eq!((layer.map().inputs(), output.image()), (16, [3, 3]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) for a kernel, stride or dilation of 0, a kernel larger than the padded image, groups that
    /// do not divide the output channels, an output beyond 2^24 positions; [`OperandError::Count`](crate::OperandError::Count)
    /// for another number of channels than the input has, and of biases than output channels.
    pub fn layer(&self, input: &Grid) -> Result<(LinearLayer<S>, Grid)> {
        let image = self.windows.count(input.image())?;
        let output = input.strided(self.outputs, image, self.windows.stride)?;
        Ok((self.layer_between(input, &output)?, output))
    }

    /// The convolution as a linear layer between layouts of your choice, for example to an output without gaps. The layout of
    /// [`layer`](Self::layer) takes the fewest diagonals.
    ///
    /// ```
    /// # use slotwise::circuits::{Convolution, Grid};
    /// let convolution = Convolution::new(&[1.0; 4], [1, 1, 2, 2])?.stride([2, 2]);
    /// let (input, output) = (Grid::new(1, 4, 4)?, Grid::new(1, 2, 2)?); // no gaps
    /// assert_eq!(convolution.layer_between(&input, &output)?.map().outputs(), 4);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`layer`](Self::layer); [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) if the output has other images than the convolution makes.
    pub fn layer_between(&self, input: &Grid, output: &Grid) -> Result<LinearLayer<S>> {
        self.check_groups()?;
        check_number(
            "channels of the input layout (as many as the convolution takes)",
            input.channels(),
            self.inputs(),
        )?;
        check_number(
            "channels of the output layout (as many as the convolution gives)",
            output.channels(),
            self.outputs,
        )?;
        let windows = self.windows.count(input.image())?;
        if windows != output.image() {
            let sizes = [windows, output.image()].concat();
            return Err(invalid(
                &sizes,
                "the convolution makes images of the first two sizes and the output layout has the last two; use those of `Windows::count`",
            ));
        }
        let taps = self.windows.taps();
        self.layer_of_taps(input.size(), output, |tap, place| {
            let pixel = self.windows.pixel(place, tap % taps, input.image())?;
            Some(input.position_of(tap / taps, pixel))
        })
    }

    /// The layer whose taps of each window lie at the inputs that `source` tells, unless they are padding.
    pub(super) fn layer_of_taps(
        &self,
        inputs: usize,
        output: &Grid,
        source: impl Fn(usize, [usize; 2]) -> Option<usize>,
    ) -> Result<LinearLayer<S>> {
        check_entries(&[output.len(), self.weights_per_output()])?;
        let mut entries = Vec::new();
        for channel in 0..self.outputs {
            for (tap, weight) in self.weights_of(channel) {
                let of_window = |place| {
                    Some((
                        output.position_of(channel, place),
                        source(tap, place)?,
                        weight,
                    ))
                };
                entries.extend(places(output.image()).filter_map(of_window));
            }
        }
        let map = LinearMap::from_entries(output.size(), inputs, entries)?;
        self.layer_of(map, output)
    }

    /// The weights of an output channel that are not 0, each with its tap: `input channel * taps + tap in the kernel`.
    fn weights_of(&self, channel: usize) -> impl Iterator<Item = (usize, S)> + '_ {
        let count = self.weights_per_output();
        let group = channel / (self.outputs / self.groups);
        let weights = &self.weights[channel * count..][..count];
        weights
            .iter()
            .enumerate()
            .filter(|&(_, &weight)| weight != S::default())
            .map(move |(index, &weight)| (group * count + index, weight))
    }

    fn weights_per_output(&self) -> usize {
        self.weights.len() / self.outputs
    }

    /// Checks that weights and biases are finite, and that there is a bias for each output channel or none.
    pub(crate) fn check_values(&self) -> Result<()> {
        check_finite(self.weights.iter().map(|weight| weight.is_finite()))?;
        check_finite(self.bias.iter().map(|bias| bias.is_finite()))?;
        if self.bias.is_empty() {
            return Ok(());
        }
        self.check_biases()
    }

    fn check_biases(&self) -> Result<()> {
        let what = "biases (one for each output channel, or none: `&[]`)";
        check_number(what, self.bias.len(), self.outputs)
    }

    pub(crate) fn check_groups(&self) -> Result<()> {
        let divide = self.groups > 0 && self.outputs.is_multiple_of(self.groups);
        if divide && self.inputs_per_group.checked_mul(self.groups).is_some() {
            return Ok(());
        }
        let sizes = [self.outputs, self.groups];
        Err(invalid(
            &sizes,
            "the groups (last size) must divide the output channels (first size)",
        ))
    }

    /// The layer with this map, and with the bias of each channel at its pixels.
    fn layer_of(&self, map: LinearMap<S>, output: &Grid) -> Result<LinearLayer<S>> {
        if self.bias.is_empty() {
            return LinearLayer::new(map, &[]);
        }
        self.check_biases()?;
        let [rows, columns] = output.image();
        let of_pixels = self
            .bias
            .iter()
            .flat_map(|&bias| vec![bias; rows * columns]);
        let bias = output.scatter(&of_pixels.collect::<Vec<_>>())?;
        LinearLayer::new(map, &bias)
    }
}

/// The row and column of each window.
pub(super) fn places([rows, columns]: [usize; 2]) -> impl Iterator<Item = [usize; 2]> {
    (0..rows).flat_map(move |row| (0..columns).map(move |column| [row, column]))
}

fn invalid(sizes: &[usize], reason: &'static str) -> Error {
    Error::Operands(OperandError::InvalidShape {
        sizes: sizes.to_vec(),
        reason,
    })
}
