use crate::circuits::{Chebyshev, LinearLayer};
use crate::error::{Error, NetworkError, Result, ValueError, check_finite, check_number};
use crate::networks::affine::{self, Samples, Sorted};
use crate::networks::{Activation, Layer};

/// The most values that a layer may take or give: those of a few hundred ciphertexts.
const MOST_VALUES: usize = 1 << 22;

/// A trained network: layers one after the other, whose shapes go together.
///
/// ```
/// use slotwise::circuits::Matrix;
/// use slotwise::networks::{Activation, Dense, Network};
///
/// let first = Dense::new(Matrix::from_rows(&[[1.0, 2.0], [0.5, -1.0]])?, &[0.0, 1.0])?;
/// let second = Dense::new(Matrix::from_rows(&[[1.0, 1.0]])?, &[])?;
/// let network = Network::new(&[2], vec![first.into(), Activation::Square.into(), second.into()])?;
/// assert_eq!(network.run(&[1.0, 1.0])?, [9.25]);
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias("Sequential", "Module", "CNN", "MLP"))]
pub struct Network {
    layers: Vec<Layer>,
    /// The input's, and each layer's output's.
    shapes: Vec<Vec<usize>>,
}

impl Network {
    /// The network of these layers for inputs of a shape: the length of vectors, or channels, rows and columns of images.
    ///
    /// ```
    /// use slotwise::circuits::Matrix;
    /// use slotwise::networks::{Activation, Dense, Network};
    ///
    /// let dense = Dense::new(Matrix::from_rows(&[[2.0, 3.0]])?, &[0.5])?;
    /// let network = Network::new(&[2], vec![dense.clone().into(), Activation::Square.into()])?;
    /// assert_eq!(network.run(&[1.0, 1.0])?, [30.25]);
    /// assert!(Network::new(&[5], vec![dense.into()]).is_err()); // the layer takes two values
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NetworkError::InvalidLayer`](crate::NetworkError::InvalidLayer), which names the layer, if it does not go with its input or has
    /// numbers that are not finite; also for a shape that is neither and for one of more than 2^22 values.
    pub fn new(input_shape: &[usize], layers: Vec<Layer>) -> Result<Self> {
        check_shape(input_shape).map_err(|reason| invalid("the input".into(), reason))?;
        if layers.is_empty() {
            let reason = "a network has at least one layer";
            return Err(invalid("the network".into(), reason.into()));
        }
        let mut shapes = vec![input_shape.to_vec()];
        for (number, layer) in layers.iter().enumerate() {
            let place = || layer_name(number, layer);
            let shape = shapes[number].as_slice();
            let output = output_shape(layer, shape).map_err(|reason| invalid(place(), reason))?;
            check_shape(&output).map_err(|reason| invalid(place(), reason))?;
            shapes.push(output);
        }
        Ok(Self { layers, shapes })
    }

    /// The shape of the input: `[length]`, or `[channels, rows, columns]`.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// assert_eq!(network.input_shape(), [2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn input_shape(&self) -> &[usize] {
        &self.shapes[0]
    }

    /// The shape of the output.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// assert_eq!(network.output_shape(), [2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn output_shape(&self) -> &[usize] {
        &self.shapes[self.layers.len()]
    }

    /// The layers.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// let kinds: Vec<&str> = network.layers().iter().map(Layer::kind).collect();
    /// assert_eq!(kinds, ["dense", "activation", "dense"]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The layers, each with the shape of its input and of its output.
    pub(super) fn layers_with_shapes(&self) -> impl Iterator<Item = (&Layer, [&[usize]; 2])> {
        let shapes = self.shapes.windows(2);
        let shapes = shapes.map(|pair| [pair[0].as_slice(), pair[1].as_slice()]);
        self.layers.iter().zip(shapes)
    }

    /// The output for one input in the clear, with the original functions: images channel after channel, row after row.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// assert_eq!(network.run(&[1.0, 1.0])?, [9.25, 0.25]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) for an input of another size;
    /// [`ValueError::NotFinite`](crate::ValueError::NotFinite).
    #[doc(alias("forward", "predict"))]
    pub fn run(&self, input: &[f64]) -> Result<Vec<f64>> {
        let mut outputs = self.run_all(&[input])?;
        outputs.pop().ok_or(Error::Values(ValueError::Empty))
    }

    /// The outputs for several inputs; faster than one call of [`run`](Self::run) for each.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// assert_eq!(network.run_all(&[[1.0, 1.0], [0.0, 1.0]])?, [[9.25, 0.25], [4.0, 0.0]]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run).
    #[doc(alias = "forward")]
    pub fn run_all<X: AsRef<[f64]>>(&self, inputs: &[X]) -> Result<Vec<Vec<f64>>> {
        let samples = checked_samples(inputs, self.input_shape())?;
        self.run_samples(samples)
    }

    pub(super) fn run_samples(&self, mut samples: Samples) -> Result<Samples> {
        for (layer, [shape, _]) in self.layers_with_shapes() {
            if let Some(linear) = linear(layer, shape)? {
                samples = Sorted::new(&linear).apply_all(&samples)?;
                continue;
            }
            match layer {
                Layer::Activation(activation) => {
                    let values = samples.iter_mut().flatten();
                    values.for_each(|value| *value = activation.at(*value));
                }
                Layer::Residual(inner) => {
                    let others = inner.run_samples(samples.clone())?;
                    let pairs = samples.iter_mut().flatten().zip(others.iter().flatten());
                    pairs.for_each(|(value, other)| *value += other);
                }
                _ => (),
            }
        }
        Ok(samples)
    }

    /// The index of the largest output for one input in the clear: the class that the network chooses.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// assert_eq!(network.classify(&[1.0, 1.0])?, 0); // 9.25 is the largest output
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run).
    #[doc(alias = "predict")]
    pub fn classify(&self, input: &[f64]) -> Result<usize> {
        Ok(argmax(&self.run(input)?))
    }
}

/// The index of the largest value, the first of equal ones; 0 for none.
///
/// ```
/// use slotwise::networks::argmax;
///
/// assert_eq!(argmax(&[0.1, 0.7, 0.2]), 1);
/// ```
#[must_use]
pub fn argmax(scores: &[f64]) -> usize {
    let better = |best: usize, i: usize| if scores[i] > scores[best] { i } else { best };
    (0..scores.len()).fold(0, better)
}

/// Inputs as vectors, all of this shape's size.
pub(super) fn checked_samples<X: AsRef<[f64]>>(inputs: &[X], shape: &[usize]) -> Result<Samples> {
    let checked = |input: &X| {
        let input = input.as_ref();
        check_number(
            "values in an input (one for each element of the network's input shape)",
            input.len(),
            shape.iter().product(),
        )?;
        check_finite(input.iter().map(|value| value.is_finite()))?;
        Ok(input.to_vec())
    };
    inputs.iter().map(checked).collect()
}

/// The layer as a map of features, if it is linear. Shapes were checked.
pub(super) fn linear(layer: &Layer, shape: &[usize]) -> Result<Option<LinearLayer<f64>>> {
    Ok(Some(match layer {
        Layer::Dense(dense) => affine::dense(dense)?,
        Layer::Conv2d(convolution) => affine::convolution(convolution, shape)?,
        Layer::AvgPool2d(pool) => affine::pool(pool, shape)?,
        Layer::BatchNorm(norm) => affine::normalization(norm, shape)?,
        Layer::Flatten | Layer::Residual(_) | Layer::Activation(_) => return Ok(None),
    }))
}

/// What errors and reports call a layer.
pub(super) fn layer_name(number: usize, layer: &Layer) -> String {
    format!("layer {number} ({})", layer.kind())
}

fn invalid(layer: String, reason: String) -> Error {
    Error::Networks(NetworkError::InvalidLayer { layer, reason })
}

pub(super) fn check_shape(shape: &[usize]) -> std::result::Result<(), String> {
    let product = |product: usize, &size: &usize| product.checked_mul(size);
    let count = shape.iter().try_fold(1, product);
    let is_known = matches!(shape.len(), 1 | 3);
    if is_known && count.is_some_and(|count| (1..=MOST_VALUES).contains(&count)) {
        return Ok(());
    }
    Err(format!(
        "the shape {shape:?} is not supported; use [length] or [channels, rows, columns] with at least one value and at most {MOST_VALUES}"
    ))
}

/// The shape that a layer makes of one, or what is wrong.
pub(super) fn output_shape(
    layer: &Layer,
    shape: &[usize],
) -> std::result::Result<Vec<usize>, String> {
    let described = |error: Error| error.to_string();
    match layer {
        Layer::Dense(dense) => {
            let columns = dense.weights().columns();
            if shape != [columns] {
                return Err(format!(
                    "takes vectors of length {columns} and its input has the shape {shape:?}; add `Layer::Flatten` after images"
                ));
            }
            Ok(vec![dense.weights().rows()])
        }
        Layer::Conv2d(convolution) => {
            convolved(convolution, images(shape)?, convolution.inputs()).map_err(described)
        }
        Layer::AvgPool2d(pool) => {
            let [channels, rows, columns] = images(shape)?;
            let [rows, columns] = pool.windows().count([rows, columns]).map_err(described)?;
            Ok(vec![channels, rows, columns])
        }
        Layer::BatchNorm(norm) => {
            if norm.scale().len() != shape[0] {
                return Err(format!(
                    "has numbers for {} channels and its input has the shape {shape:?}",
                    norm.scale().len()
                ));
            }
            Ok(shape.to_vec())
        }
        Layer::Flatten => Ok(vec![shape.iter().product()]),
        Layer::Residual(inner) => {
            if inner.input_shape() != shape || inner.output_shape() != shape {
                return Err(format!(
                    "its input has the shape {shape:?}, and the inner network takes {:?} and gives {:?}; all three must be equal",
                    inner.input_shape(),
                    inner.output_shape()
                ));
            }
            Ok(shape.to_vec())
        }
        Layer::Activation(activation) => {
            check_activation(activation)?;
            Ok(shape.to_vec())
        }
    }
}

fn images(shape: &[usize]) -> std::result::Result<[usize; 3], String> {
    shape.try_into().map_err(|_| {
        format!("takes images, [channels, rows, columns], and its input has the shape {shape:?}")
    })
}

fn convolved(
    convolution: &crate::circuits::Convolution<f64>,
    [channels, rows, columns]: [usize; 3],
    expected: usize,
) -> Result<Vec<usize>> {
    convolution.check_groups()?;
    check_number(
        "channels before a convolution (as many as its weights take, groups included)",
        channels,
        expected,
    )?;
    convolution.check_values()?;
    let [rows, columns] = convolution.windows().count([rows, columns])?;
    Ok(vec![convolution.outputs(), rows, columns])
}

fn check_activation(activation: &Activation) -> std::result::Result<(), String> {
    match activation {
        Activation::Square => Ok(()),
        Activation::Polynomial(coefficients) => {
            let is_finite = coefficients.iter().all(|value| value.is_finite());
            let count = 2..=Chebyshev::MAX_DEGREE + 1;
            if is_finite && count.contains(&coefficients.len()) {
                return Ok(());
            }
            Err(
                "a polynomial has finite coefficients, at least two of them, the constant first"
                    .into(),
            )
        }
        Activation::Chebyshev(_, degree) if (1..=MOST_FITTED_DEGREE).contains(degree) => Ok(()),
        Activation::Chebyshev(_, degree) => Err(format!(
            "the degree {degree} is out of range; use 1 to {MOST_FITTED_DEGREE}"
        )),
    }
}

/// The highest degree that is fitted to samples.
pub(super) const MOST_FITTED_DEGREE: usize = 127;
