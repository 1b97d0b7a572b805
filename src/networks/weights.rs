use crate::circuits::{Convolution, Matrix};
use crate::error::{Error, NetworkError, Result};
use crate::networks::{BatchNorm, Dense};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// The weights in a safetensors file, by the names that PyTorch gives them: those of `state_dict()`.
///
/// Tensors of 16, 32 and 64 bit floating point numbers are read; NaN and infinities are refused. Hostile bytes give an error: the header's
/// length, offsets and shapes are checked against the file before anything is allocated.
///
/// ```
/// use slotwise::networks::{Activation, Network, Weights};
///
/// # fn file() -> Vec<u8> {
/// #     let header = r#"{"fc.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"fc.bias":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#;
/// #     let values = [2.0f32, 3.0, 0.5].into_iter().flat_map(f32::to_le_bytes);
/// #     (header.len() as u64).to_le_bytes().into_iter().chain(header.bytes()).chain(values).collect()
/// # }
/// let bytes = file(); // std::fs::read("model.safetensors")?
/// let weights = Weights::from_safetensors(&bytes)?;
/// let network = Network::new(&[2], vec![weights.dense("fc")?.into(), Activation::Square.into()])?;
/// assert_eq!(network.run(&[1.0, 1.0])?, [30.25]);
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias("state_dict", "load_state_dict"))]
pub struct Weights<'a> {
    tensors: SafeTensors<'a>,
}

impl<'a> Weights<'a> {
    /// Reads the header of a safetensors file. Nothing is copied yet.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/weights.txt")]
    /// let weights = Weights::from_safetensors(&bytes)?; // bytes = std::fs::read("model.safetensors")?
    /// assert!(Weights::from_safetensors(b"something else").is_err());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NetworkError::InvalidWeights`](crate::NetworkError::InvalidWeights) if the bytes are no such file.
    pub fn from_safetensors(bytes: &'a [u8]) -> Result<Self> {
        let tensors = SafeTensors::deserialize(bytes);
        let tensors = tensors.map_err(|error| invalid("", error.to_string()))?;
        Ok(Self { tensors })
    }

    /// The names of all tensors, in alphabetical order.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/weights.txt")]
    /// let names = Weights::from_safetensors(&bytes)?.names().len();
    /// assert_eq!(names, 7);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names = self.tensors.names();
        names.sort_unstable();
        names
    }

    /// A tensor's shape and its values, the last index running fastest.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/weights.txt")]
    /// let weights = Weights::from_safetensors(&bytes)?;
    /// assert_eq!(weights.tensor("fc.weight")?, (vec![1, 2], vec![2.0, 3.0]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NetworkError::InvalidWeights`](crate::NetworkError::InvalidWeights) with the name, if there is no such tensor, it holds other than
    /// floating point numbers, or some of them are not finite.
    pub fn tensor(&self, name: &str) -> Result<(Vec<usize>, Vec<f64>)> {
        let tensor = self.tensors.tensor(name).map_err(|_| {
            let names = self.names();
            let shown = names[..names.len().min(SHOWN)].join(", ");
            let dots = if names.len() > SHOWN { ", .." } else { "" };
            invalid(
                name,
                format!("the file has no such tensor; it has {shown}{dots}"),
            )
        })?;
        let values = values_of(&tensor).ok_or_else(|| {
            let found = tensor.dtype();
            invalid(name, format!("holds {found:?}; use F16, BF16, F32 or F64"))
        })?;
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(invalid(
                name,
                format!("the value at {index} is NaN or infinite"),
            ));
        }
        Ok((tensor.shape().to_vec(), values))
    }

    /// The dense layer of `name.weight`, a row for each output, and `name.bias`, if there is one.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/weights.txt")]
    /// let dense = Weights::from_safetensors(&bytes)?.dense("fc")?;
    /// assert_eq!((dense.weights().columns(), dense.bias()), (2, &[0.5][..]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`tensor`](Self::tensor); the same error for another number of dimensions or of biases.
    pub fn dense(&self, name: &str) -> Result<Dense> {
        let weight = format!("{name}.weight");
        let (shape, values) = self.tensor(&weight)?;
        let [rows, columns] = dimensions(&weight, &shape)?;
        let described = |error: Error| invalid(&weight, error.to_string());
        let matrix = Matrix::from_fn(rows, columns, |i, j| values[i * columns + j]);
        Dense::new(matrix.map_err(described)?, &self.bias(name, rows)?)
    }

    /// The convolution of `name.weight`, by output channel, input channel of a group, row and column, and `name.bias`, if there is
    /// one; stride, padding, dilation and groups are not in the file: set them on the result.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/weights.txt")]
    /// let convolution = Weights::from_safetensors(&bytes)?.conv2d("conv")?.padding([0, 1]);
    /// assert_eq!((convolution.inputs(), convolution.outputs()), (1, 1));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`dense`](Self::dense).
    pub fn conv2d(&self, name: &str) -> Result<Convolution<f64>> {
        let weight = format!("{name}.weight");
        let (shape, values) = self.tensor(&weight)?;
        let shape: [usize; 4] = dimensions(&weight, &shape)?;
        let convolution = Convolution::new(&values, shape);
        let convolution = convolution.map_err(|error| invalid(&weight, error.to_string()))?;
        Ok(convolution.bias(&self.bias(name, shape[0])?))
    }

    /// The batch normalization of `name.weight`, `name.bias`, `name.running_mean` and `name.running_var`, with PyTorch's default `eps`,
    /// 1e-5.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/weights.txt")]
    /// let norm = Weights::from_safetensors(&bytes)?.batch_norm("bn")?;
    /// assert!((norm.scale()[0] - 1.0).abs() < 1e-5);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`batch_norm_with_eps`](Self::batch_norm_with_eps).
    pub fn batch_norm(&self, name: &str) -> Result<BatchNorm> {
        self.batch_norm_with_eps(name, 1e-5)
    }

    /// As [`batch_norm`](Self::batch_norm), with another `eps`.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/weights.txt")]
    /// let norm = Weights::from_safetensors(&bytes)?.batch_norm_with_eps("bn", 0.0)?;
    /// assert_eq!(norm.scale(), [1.0]); // 2 / sqrt(4)
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`tensor`](Self::tensor); the same error for lengths that differ, or variances that are not positive.
    pub fn batch_norm_with_eps(&self, name: &str, eps: f64) -> Result<BatchNorm> {
        let parameter = |suffix: &str| -> Result<Vec<f64>> {
            let (_, values) = self.tensor(&format!("{name}.{suffix}"))?;
            Ok(values)
        };
        let (gamma, beta) = (parameter("weight")?, parameter("bias")?);
        let (mean, variance) = (parameter("running_mean")?, parameter("running_var")?);
        let norm = BatchNorm::new([&gamma, &beta], [&mean, &variance], eps);
        norm.map_err(|error| invalid(name, error.to_string()))
    }

    /// The biases of a layer with so many outputs; zeros if there are none.
    fn bias(&self, name: &str, outputs: usize) -> Result<Vec<f64>> {
        let bias = format!("{name}.bias");
        if self.tensors.tensor(&bias).is_err() {
            return Ok(vec![0.0; outputs]);
        }
        let (_, values) = self.tensor(&bias)?;
        if values.len() == outputs {
            return Ok(values);
        }
        let found = values.len();
        Err(invalid(
            &bias,
            format!("has {found} values and the layer has {outputs} outputs"),
        ))
    }
}

/// So many names are shown in an error.
const SHOWN: usize = 20;

/// The tensor's numbers; `None` for other types.
fn values_of(tensor: &TensorView<'_>) -> Option<Vec<f64>> {
    let data = tensor.data();
    Some(match tensor.dtype() {
        Dtype::F64 => chunks(data).map(f64::from_le_bytes).collect(),
        Dtype::F32 => chunks(data)
            .map(|bytes| f32::from_le_bytes(bytes).into())
            .collect(),
        Dtype::BF16 => chunks(data)
            .map(|bytes: [u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16).into())
            .collect(),
        Dtype::F16 => chunks(data)
            .map(|bytes| half(u16::from_le_bytes(bytes)))
            .collect(),
        _ => return None,
    })
}

fn chunks<const N: usize>(data: &[u8]) -> impl Iterator<Item = [u8; N]> {
    data.as_chunks().0.iter().copied()
}

/// A number of IEEE 754 half precision.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (bits >> 10 & 0x1f, f64::from(bits & 0x3ff) / 1024.0);
    sign * match exponent {
        0 => fraction * 2.0f64.powi(-14),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1.0 + fraction) * 2.0f64.powi(i32::from(exponent) - 15),
    }
}

fn dimensions<const N: usize>(name: &str, shape: &[usize]) -> Result<[usize; N]> {
    shape.try_into().map_err(|_| {
        invalid(
            name,
            format!("has the shape {shape:?}; a tensor of {N} dimensions is expected"),
        )
    })
}

fn invalid(name: &str, reason: String) -> Error {
    Error::Networks(NetworkError::InvalidWeights {
        name: name.into(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::half;

    #[test]
    fn half_precision() {
        let known = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 2.0f64.powi(-24)),
            (0x3555, 0.333_251_953_125),
        ];
        for (bits, value) in known {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7c00).is_infinite() && half(0x7c01).is_nan());
    }
}
