//! Networks from ONNX files: a parser of foreign bytes.

mod attributes;
mod constants;
mod graph;
mod messages;
mod operators;
mod steps;
#[cfg(test)]
mod tests;
mod values;
mod windows;

use crate::error::{Error, NetworkError, Result};
use crate::networks::Network;
use prost::Message;
use prost::bytes::Bytes;

/// A result, or what is wrong.
type Reason<T> = std::result::Result<T, String>;

impl Network {
    /// The network in an ONNX file, as PyTorch and other frameworks export them. A function such as ReLU becomes
    /// [`Activation::Chebyshev`](crate::networks::Activation::Chebyshev) of the given degree: 5 or 7 for networks that were trained with the
    /// function.
    ///
    /// The model has one input, of shape `[batch, length]` or `[batch, channels, rows, columns]` with only the batch size open, and one
    /// output. The network computes one sample. Operators:
    ///
    /// | ONNX | becomes |
    /// |---|---|
    /// | `Gemm`, `MatMul` | dense layers |
    /// | `Conv` | two-dimensional convolutions with strides, dilations, groups, and padding that is equal on opposite sides |
    /// | `AveragePool`, `GlobalAveragePool` | average pools, with padding only where it counts |
    /// | `Pad` with zeros | the padding of the layer behind it |
    /// | `BatchNormalization` | batch normalization |
    /// | `Add`, `Sub`, `Mul`, `Div` by a constant | biases and batch normalization |
    /// | `Add` of `x` and `f(x)` | a residual block |
    /// | `Mul` of `x` and `x`, `Pow` 2 | [`Activation::Square`](crate::networks::Activation::Square) |
    /// | `Relu`, `Sigmoid`, `Tanh`, `Softplus`, `Gelu` | functions |
    /// | `Mul` of `x` and `sigmoid(x)`; the operators that make up GELU | functions |
    /// | `Flatten`, `Reshape` to a vector for each sample | [`Layer::Flatten`](crate::networks::Layer::Flatten) |
    /// | `Identity`, `Constant` | nothing |
    ///
    /// Numbers are of 32 or 64 bits and lie in the file itself. The bytes need not be trusted: reading allocates about five times their
    /// number, and at most 64 times in files made to do so. Running and fitting the network is another matter: a small file can describe
    /// convolutions and pools of large images, which take gigabytes in the clear (up to 2^27 products a layer).
    ///
    /// # Errors
    /// [`NetworkError::InvalidModel`](crate::NetworkError::InvalidModel) with the node, if the bytes are no ONNX model, or an operator, attribute or
    /// shape is not supported.
    ///
    /// ```no_run
    /// use slotwise::networks::Network;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let network = Network::from_onnx(&std::fs::read("model.onnx")?, 7)?;
    /// println!("{:?} to {:?}", network.input_shape(), network.output_shape());
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_onnx(bytes: &[u8], degree: usize) -> Result<Self> {
        let model = decode("the file", &Bytes::copy_from_slice(bytes));
        let model = model.map_err(|reason| invalid(String::new(), reason))?;
        graph::network(model, bytes.len(), degree)
    }
}

fn decode<M: Message + Default>(what: &str, bytes: &Bytes) -> Reason<M> {
    M::decode(bytes.clone()).map_err(|error| format!("{what} is not valid ONNX: {error}"))
}

fn invalid(node: String, reason: String) -> Error {
    Error::Networks(NetworkError::InvalidModel { node, reason })
}
