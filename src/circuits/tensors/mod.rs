//! Tensors: encrypted elements of any shape, and plain ones.

mod elementwise;
mod operators;
mod plain;
mod products;
mod shape;
mod subscript;
mod tensor;

pub use operators::{TensorOperand, TensorOperandKind};
pub use plain::PlainTensor;
pub(crate) use shape::{check_axes, count as element_count};
pub use subscript::Subscript;
pub use tensor::Tensor;
