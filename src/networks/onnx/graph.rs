//! The nodes of an ONNX graph, read in their order.

use crate::error::Result;
use crate::networks::Network;
use crate::networks::onnx::attributes::Attributes;
use crate::networks::onnx::constants::Constants;
use crate::networks::onnx::messages::{
    Dimension, Graph, Model, Node, Opset, Shape, Tensor, ValueInfo,
};
use crate::networks::onnx::operators::Operation;
use crate::networks::onnx::steps::Step;
use crate::networks::onnx::values::Values;
use crate::networks::onnx::{Reason, decode, invalid};
use crate::networks::{Activation, Layer};
use prost::bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// The most nodes that a graph may have.
const MOST_NODES: usize = 1 << 12;

/// The first version of the operators whose broadcasting is that of today.
const FIRST_OPSET: i64 = 7;

/// The network's input.
struct Input {
    name: String,
    shape: Vec<usize>,
    batch: Option<usize>,
}

/// Reads the graph of a model whose file has so many bytes.
pub(super) fn network(model: Model, file_size: usize, degree: usize) -> Result<Network> {
    let of_file = |reason| invalid(String::new(), reason);
    check_opsets(&model.opsets).map_err(of_file)?;
    let graph = model.graph.ok_or_else(|| String::from("it has no graph"));
    let graph: Graph = graph
        .and_then(|graph| decode("its graph", &graph))
        .map_err(of_file)?;
    let mut constants = Constants::new(file_size);
    initializers(&graph, &mut constants).map_err(of_file)?;
    let input = input(&graph, &constants).map_err(of_file)?;
    let output = output(&graph).map_err(of_file)?;
    let nodes = needed_nodes(&graph, &output).map_err(of_file)?;
    let readers = count_readers(&nodes, &output);
    let readers_of = |name: &str| readers.get(name).copied().unwrap_or(0);
    let values = Values::new(&input.name, input.shape, readers_of(&input.name));
    let mut reader = Reader {
        values: values.map_err(of_file)?,
        names: HashMap::from([(input.name, 0)]),
        constants,
        batch: input.batch,
        degree,
    };
    for node in &nodes {
        let of_node = |reason| invalid(node.label(), reason);
        let name = single_output(node).map_err(of_node)?;
        let is_known = reader.constants.get(name).is_some() || reader.names.contains_key(name);
        if is_known {
            return Err(of_node(format!(
                "its output \"{name}\" has the name of an earlier value"
            )));
        }
        reader.read(node, name, readers_of(name)).map_err(of_node)?;
    }
    let Some(&output) = reader.names.get(&output) else {
        return Err(of_file(format!(
            "no node computes the output \"{output}\" from the input"
        )));
    };
    let network = reader.values.network(output, &mut reader.constants);
    network.map_err(of_file)
}

/// What has been read of a graph.
struct Reader {
    values: Values,
    /// The computed values by their names.
    names: HashMap<String, usize>,
    constants: Constants,
    batch: Option<usize>,
    degree: usize,
}

impl Reader {
    /// Reads a node whose output has this name and so many readers.
    fn read(&mut self, node: &Node, name: &str, readers: usize) -> Reason<()> {
        if !matches!(node.domain.as_str(), "" | "ai.onnx") {
            return Err(format!("the domain \"{}\" is not supported", node.domain));
        }
        let mut computed = Vec::new();
        for (index, input) in node.inputs.iter().enumerate() {
            if let Some(&value) = self.names.get(input) {
                computed.push((index, value));
            } else if !input.is_empty() && self.constants.get(input).is_none() {
                return Err(format!(
                    "it reads \"{input}\", which is neither a constant nor the output of an earlier node"
                ));
            }
        }
        let (parent, steps, nesting) = match (node.operator.as_str(), &computed[..]) {
            (_, []) => return self.constant(node, name),
            (_, &[(index, value)]) => (value, self.steps(node, index, value)?, 0),
            ("Add" | "Mul", [_, _]) if node.inputs.len() > 2 => {
                let found = node.inputs.len();
                return Err(format!("it has {found} inputs; at most 2 are supported"));
            }
            ("Add", &[(_, a), (_, b)]) => {
                Attributes::new(node)?.finish()?;
                self.values.sum([a, b], &mut self.constants)?
            }
            ("Mul", &[(_, a), (_, b)]) if a == b => {
                Attributes::new(node)?.finish()?;
                let square = Layer::Activation(Activation::Square);
                (a, vec![Step::Layer(square)], 0)
            }
            ("Mul", &[(_, a), (_, b)]) => {
                Attributes::new(node)?.finish()?;
                self.values.product([a, b], self.degree)?
            }
            _ => return Err("it has several computed inputs, which is not supported".into()),
        };
        let value = self.values.push((name, readers), parent, steps, nesting)?;
        self.names.insert(name.into(), value);
        Ok(())
    }

    fn steps(&mut self, node: &Node, computed: usize, value: usize) -> Reason<Vec<Step>> {
        let operation = Operation {
            node,
            computed,
            shape: self.values.shape(value),
            batch: self.batch,
            degree: self.degree,
        };
        operation.steps(&mut self.constants)
    }

    /// Reads a node without computed inputs.
    fn constant(&mut self, node: &Node, name: &str) -> Reason<()> {
        let mut attributes = Attributes::new(node)?;
        let tensor = match (node.operator.as_str(), &node.inputs[..]) {
            ("Constant", []) => Rc::new(attributes.constant()?),
            ("Identity", [input]) => {
                let tensor = self.constants.get(input);
                tensor.ok_or("its input is missing")?.clone()
            }
            _ => {
                return Err(
                    "it computes a constant; export the model with constants folded".into(),
                );
            }
        };
        attributes.finish()?;
        self.constants.insert(name, tensor);
        Ok(())
    }
}

fn check_opsets(opsets: &[Bytes]) -> Reason<()> {
    let mut names_standard = false;
    for bytes in opsets {
        let opset: Opset = decode("its list of operator sets", bytes)?;
        let is_standard = matches!(opset.domain.as_str(), "" | "ai.onnx");
        names_standard |= is_standard;
        if is_standard && opset.version < FIRST_OPSET {
            return Err(format!(
                "it uses the operators of version {}; export it with version {FIRST_OPSET} or later",
                opset.version
            ));
        }
    }
    if !names_standard {
        return Err("it names no operator set of ONNX, so that it is no ONNX model".into());
    }
    Ok(())
}

fn initializers(graph: &Graph, constants: &mut Constants) -> Reason<()> {
    if !graph.sparse_initializers.is_empty() {
        return Err("it has sparse constants, which are not supported".into());
    }
    for bytes in &graph.initializers {
        let tensor: Tensor = decode("a constant", bytes)?;
        let name = tensor.name.clone();
        if name.is_empty() || constants.get(&name).is_some() {
            return Err(format!(
                "two constants have the name \"{name}\", or it is empty"
            ));
        }
        constants.insert(&name, Rc::new(tensor));
    }
    Ok(())
}

/// The one input that is no constant.
fn input(graph: &Graph, constants: &Constants) -> Reason<Input> {
    let mut found = None;
    for bytes in &graph.inputs {
        let input: ValueInfo = decode("an input", bytes)?;
        if constants.get(&input.name).is_some() {
            continue;
        }
        if found.replace(input).is_some() {
            return Err("it has several inputs; one is supported".into());
        }
    }
    let input = found.ok_or("it has no input")?;
    if input.name.is_empty() {
        return Err("its input has no name".into());
    }
    let tensor = input.kind.and_then(|kind| kind.tensor);
    let shape = tensor.and_then(|tensor| tensor.shape);
    let shape = shape.ok_or("its input has no shape; export it with one")?;
    let (batch, shape) = sizes(&shape)?;
    Ok(Input {
        name: input.name,
        shape,
        batch,
    })
}

/// The batch size, if it is stated, and the shape of one sample.
fn sizes(shape: &Shape) -> Reason<(Option<usize>, Vec<usize>)> {
    let rank = shape.dimensions.len();
    if ![2, 4].contains(&rank) {
        return Err(format!(
            "its input has {rank} dimensions; [batch, length] and [batch, channels, rows, columns] are supported"
        ));
    }
    let mut sizes = Vec::new();
    for bytes in &shape.dimensions {
        let dimension: Dimension = decode("a dimension", bytes)?;
        // Some exporters write 0 or -1 for an open size.
        let size = dimension.size.and_then(|size| usize::try_from(size).ok());
        sizes.push(size.filter(|&size| size > 0));
    }
    let sample: Option<Vec<usize>> = sizes[1..].iter().copied().collect();
    let sample =
        sample.ok_or("its input's sizes are open; export it with all but the batch size stated")?;
    Ok((sizes[0], sample))
}

fn output(graph: &Graph) -> Reason<String> {
    let [output] = &graph.outputs[..] else {
        let count = graph.outputs.len();
        return Err(format!("it has {count} outputs; one is supported"));
    };
    let output: ValueInfo = decode("the output", output)?;
    Ok(output.name)
}

/// The nodes on which the output depends, in their order.
fn needed_nodes(graph: &Graph, output: &str) -> Reason<Vec<Node>> {
    let count = graph.nodes.len();
    if count > MOST_NODES {
        return Err(format!(
            "it has {count} nodes; at most {MOST_NODES} are supported"
        ));
    }
    let mut needed = HashSet::from([output.to_owned()]);
    let mut nodes = Vec::new();
    for bytes in graph.nodes.iter().rev() {
        let node: Node = decode("a node", bytes)?;
        if node.outputs.iter().any(|output| needed.contains(output)) {
            needed.extend(
                node.inputs
                    .iter()
                    .filter(|input| !input.is_empty())
                    .cloned(),
            );
            nodes.push(node);
        }
    }
    nodes.reverse();
    Ok(nodes)
}

/// How many nodes read each value. The network's output has one reader more.
fn count_readers(nodes: &[Node], output: &str) -> HashMap<String, usize> {
    let mut readers = HashMap::from([(output.to_owned(), 1)]);
    for node in nodes {
        let inputs: HashSet<&String> = node.inputs.iter().collect();
        for input in inputs {
            *readers.entry(input.clone()).or_default() += 1;
        }
    }
    readers
}

/// The output of a node, of which there is one.
fn single_output(node: &Node) -> Reason<&str> {
    match &node.outputs[..] {
        [output] if !output.is_empty() => Ok(output),
        _ => Err("it has several outputs, or one without a name; one is supported".into()),
    }
}
