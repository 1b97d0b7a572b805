//! The messages of an ONNX file, as far as they are read.
//!
//! Lists of messages stay bytes until each is needed, since an empty message takes two bytes in a file and a hundred in memory.

use prost::Message;
use prost::bytes::Bytes;

/// `ModelProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Model {
    /// A [`Graph`].
    #[prost(bytes = "bytes", optional, tag = "7")]
    pub(super) graph: Option<Bytes>,
    /// Each an [`Opset`].
    #[prost(bytes = "bytes", repeated, tag = "8")]
    pub(super) opsets: Vec<Bytes>,
}

/// `OperatorSetIdProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Opset {
    #[prost(string, tag = "1")]
    pub(super) domain: String,
    #[prost(int64, tag = "2")]
    pub(super) version: i64,
}

/// `GraphProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Graph {
    /// Each a [`Node`].
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) nodes: Vec<Bytes>,
    /// Each a [`Tensor`].
    #[prost(bytes = "bytes", repeated, tag = "5")]
    pub(super) initializers: Vec<Bytes>,
    /// Each a [`ValueInfo`].
    #[prost(bytes = "bytes", repeated, tag = "11")]
    pub(super) inputs: Vec<Bytes>,
    /// Each a [`ValueInfo`].
    #[prost(bytes = "bytes", repeated, tag = "12")]
    pub(super) outputs: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "15")]
    pub(super) sparse_initializers: Vec<Bytes>,
}

/// `NodeProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub(super) inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(super) outputs: Vec<String>,
    #[prost(string, tag = "3")]
    pub(super) name: String,
    #[prost(string, tag = "4")]
    pub(super) operator: String,
    /// Each an [`Attribute`].
    #[prost(bytes = "bytes", repeated, tag = "5")]
    pub(super) attributes: Vec<Bytes>,
    #[prost(string, tag = "7")]
    pub(super) domain: String,
}

impl Node {
    /// What errors call it: its operator and its name, or that of its output.
    pub(super) fn label(&self) -> String {
        let output = self.outputs.first();
        let name = output.filter(|_| self.name.is_empty());
        format!("{} \"{}\"", self.operator, name.unwrap_or(&self.name))
    }
}

/// `AttributeProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(float, tag = "2")]
    pub(super) float: f32,
    #[prost(int64, tag = "3")]
    pub(super) integer: i64,
    #[prost(bytes = "bytes", tag = "4")]
    pub(super) string: Bytes,
    #[prost(message, optional, tag = "5")]
    pub(super) tensor: Option<Tensor>,
    #[prost(float, repeated, tag = "7")]
    pub(super) floats: Vec<f32>,
    #[prost(int64, repeated, tag = "8")]
    pub(super) integers: Vec<i64>,
    #[prost(int32, tag = "20")]
    pub(super) kind: i32,
    #[prost(string, tag = "21")]
    pub(super) reference: String,
}

/// `TensorProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    pub(super) dimensions: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub(super) data_type: i32,
    #[prost(bytes = "bytes", optional, tag = "3")]
    pub(super) segment: Option<Bytes>,
    #[prost(float, repeated, tag = "4")]
    pub(super) floats: Vec<f32>,
    #[prost(int64, repeated, tag = "7")]
    pub(super) integers: Vec<i64>,
    #[prost(string, tag = "8")]
    pub(super) name: String,
    #[prost(bytes = "bytes", optional, tag = "9")]
    pub(super) raw: Option<Bytes>,
    #[prost(double, repeated, tag = "10")]
    pub(super) doubles: Vec<f64>,
    #[prost(bytes = "bytes", repeated, tag = "13")]
    pub(super) external: Vec<Bytes>,
    #[prost(int32, tag = "14")]
    pub(super) location: i32,
}

/// `ValueInfoProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueInfo {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) kind: Option<ValueType>,
}

/// `TypeProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueType {
    #[prost(message, optional, tag = "1")]
    pub(super) tensor: Option<TensorType>,
}

/// `TypeProto.Tensor`
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorType {
    #[prost(message, optional, tag = "2")]
    pub(super) shape: Option<Shape>,
}

/// `TensorShapeProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Shape {
    /// Each a [`Dimension`].
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) dimensions: Vec<Bytes>,
}

/// `TensorShapeProto.Dimension`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Dimension {
    /// Absent where the dimension has a name instead.
    #[prost(int64, optional, tag = "1")]
    pub(super) size: Option<i64>,
}
