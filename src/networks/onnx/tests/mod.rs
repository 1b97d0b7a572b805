//! Graphs that are refused, and how they are named; those that other frameworks wrote are read in `tests/models.rs`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod graphs;
mod operators;

use crate::error::{Error, NetworkError};
use crate::networks::Network;
use crate::networks::onnx::messages::{
    Attribute, Dimension, Graph, Model, Node, Opset, Shape, Tensor, TensorType, ValueInfo,
    ValueType,
};
use prost::Message;
use prost::bytes::Bytes;

fn bytes(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}

fn value(name: &str, sizes: &[i64]) -> ValueInfo {
    let dimension = |&size| bytes(&Dimension { size: Some(size) });
    let shape = Shape {
        dimensions: sizes.iter().map(dimension).collect(),
    };
    let tensor = TensorType { shape: Some(shape) };
    let kind = ValueType {
        tensor: Some(tensor),
    };
    ValueInfo {
        name: name.into(),
        kind: Some(kind),
    }
}

fn tensor(name: &str, dimensions: &[i64], floats: &[f32]) -> Tensor {
    Tensor {
        name: name.into(),
        dimensions: dimensions.to_vec(),
        data_type: 1,
        floats: floats.to_vec(),
        ..Tensor::default()
    }
}

fn integers(name: &str, integers: &[i64]) -> Tensor {
    Tensor {
        name: name.into(),
        dimensions: vec![integers.len().try_into().unwrap()],
        data_type: 7,
        integers: integers.to_vec(),
        ..Tensor::default()
    }
}

/// A node whose inputs are separated by spaces, with its output.
fn node(operator: &str, inputs: &str, output: &str) -> Node {
    Node {
        inputs: inputs.split_whitespace().map(String::from).collect(),
        outputs: vec![output.into()],
        operator: operator.into(),
        ..Node::default()
    }
}

fn with(mut node: Node, attribute: Attribute) -> Node {
    node.attributes.push(bytes(&attribute));
    node
}

fn integer(name: &str, integer: i64) -> Attribute {
    Attribute {
        name: name.into(),
        integer,
        kind: 2,
        ..Attribute::default()
    }
}

fn list(name: &str, integers: &[i64]) -> Attribute {
    Attribute {
        name: name.into(),
        integers: integers.to_vec(),
        kind: 7,
        ..Attribute::default()
    }
}

fn text(name: &str, text: &str) -> Attribute {
    Attribute {
        name: name.into(),
        string: Bytes::copy_from_slice(text.as_bytes()),
        kind: 3,
        ..Attribute::default()
    }
}

/// A model from `x` to `y`.
fn graph(sizes: &[i64], nodes: &[Node], constants: &[Tensor]) -> Graph {
    Graph {
        nodes: nodes.iter().map(bytes).collect(),
        initializers: constants.iter().map(bytes).collect(),
        inputs: vec![bytes(&value("x", sizes))],
        outputs: vec![bytes(&value("y", &[]))],
        sparse_initializers: Vec::new(),
    }
}

fn opset(version: i64) -> Bytes {
    bytes(&Opset {
        domain: String::new(),
        version,
    })
}

fn read_graph(graph: &Graph) -> crate::error::Result<Network> {
    let model = Model {
        graph: Some(bytes(graph)),
        opsets: vec![opset(13)],
    };
    Network::from_onnx(&model.encode_to_vec(), 7)
}

/// The node and the reason of an error.
fn refusal(result: crate::error::Result<Network>) -> (String, String) {
    match result {
        Err(Error::Networks(NetworkError::InvalidModel { node, reason })) => (node, reason),
        other => panic!("{other:?}"),
    }
}

/// Checks that these nodes and constants are refused for `part`, and that the error names the node with this label.
fn refuses(sizes: &[i64], nodes: &[Node], constants: &[Tensor], label: &str, part: &str) {
    let (node, reason) = refusal(read_graph(&graph(sizes, nodes, constants)));
    assert_eq!(node, label, "{reason}");
    assert!(reason.contains(part), "{reason}");
}

/// Checks that one node from `x` to `y` is refused.
fn refuses_node(sizes: &[i64], node: &Node, constants: &[Tensor], part: &str) {
    let label = format!("{} \"y\"", node.operator);
    refuses(sizes, std::slice::from_ref(node), constants, &label, part);
}

const VECTOR: [i64; 2] = [-1, 2];
const IMAGE: [i64; 4] = [-1, 2, 4, 4];
