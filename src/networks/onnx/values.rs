//! The values that flow through a network, as a tree: each comes from one before it by a number of steps.

use crate::networks::Network;
use crate::networks::network::check_shape;
use crate::networks::onnx::Reason;
use crate::networks::onnx::constants::Constants;
use crate::networks::onnx::steps::{Affine, Step, joined, layers, product_with};

/// How many residual blocks may lie in each other.
const MOST_NESTING: usize = 16;

/// One value between two nodes.
struct Value {
    name: String,
    shape: Vec<usize>,
    /// The value that it is computed from; the input has itself.
    parent: usize,
    /// How it is computed from its parent; taken when they become part of a block.
    steps: Vec<Step>,
    /// The number of nodes that read it, less those whose reading was explained by a block.
    readers: usize,
    /// The number of values on the way from the input.
    distance: usize,
    /// How many residual blocks lie in each other on the way from the parent.
    nesting: usize,
}

/// All values, the network's input first.
pub(super) struct Values {
    values: Vec<Value>,
}

impl Values {
    /// The input alone, with the number of its readers.
    pub(super) fn new(input: &str, shape: Vec<usize>, readers: usize) -> Reason<Self> {
        check_shape(&shape)?;
        let input = Value {
            name: input.into(),
            shape,
            parent: 0,
            steps: Vec::new(),
            readers,
            distance: 0,
            nesting: 0,
        };
        Ok(Self {
            values: vec![input],
        })
    }

    pub(super) fn shape(&self, value: usize) -> &[usize] {
        &self.values[value].shape
    }

    /// Adds a value with the number of its readers, and returns its index.
    pub(super) fn push(
        &mut self,
        (name, readers): (&str, usize),
        parent: usize,
        steps: Vec<Step>,
        nesting: usize,
    ) -> Reason<usize> {
        let mut shape = self.values[parent].shape.clone();
        for step in &steps {
            shape = step.output_shape(&shape)?;
            check_shape(&shape)?;
        }
        self.values.push(Value {
            name: name.into(),
            shape,
            parent,
            steps,
            readers,
            distance: self.values[parent].distance + 1,
            nesting,
        });
        Ok(self.values.len() - 1)
    }

    /// The sum of two values, one of which is computed from the other: the value which both come from, the steps, and their nesting.
    pub(super) fn sum(
        &mut self,
        [a, b]: [usize; 2],
        constants: &mut Constants,
    ) -> Reason<(usize, Vec<Step>, usize)> {
        if a == b {
            let double = Affine {
                channels: self.values[a].shape[0],
                scale: vec![2.0],
                shift: vec![0.0],
            };
            return Ok((a, vec![Step::Affine(double)], 0));
        }
        let (start, steps, nesting) = self.between([a, b])?;
        if nesting == MOST_NESTING {
            return Err(format!(
                "more than {MOST_NESTING} residual blocks in each other are not supported"
            ));
        }
        let inner = Network::new(&self.values[start].shape, layers(steps, constants)?);
        let inner = inner.map_err(|error| error.to_string())?;
        Ok((start, vec![Step::Layer(inner.into())], nesting + 1))
    }

    /// The product of two values, if it is a function of one.
    pub(super) fn product(
        &mut self,
        pair: [usize; 2],
        degree: usize,
    ) -> Reason<(usize, Vec<Step>, usize)> {
        let (start, steps, _) = self.between(pair)?;
        let product = product_with(&steps, degree, self.values[start].shape[0]);
        let product = product.ok_or(
            "a product of two computed values is only supported as x * x, x * sigmoid(x) and in GELU",
        )?;
        Ok((start, product, 0))
    }

    /// The steps from one of two values to the other, which no other node reads, and how deep blocks lie in them.
    fn between(&mut self, [a, b]: [usize; 2]) -> Reason<(usize, Vec<Step>, usize)> {
        let is_first = self.values[a].distance < self.values[b].distance;
        let (start, end) = if is_first { (a, b) } else { (b, a) };
        let (steps, nesting) = self.steps(start, end)?;
        // The node itself reads it once more than what follows.
        self.values[start].readers -= 1;
        Ok((start, steps, nesting))
    }

    /// Takes the steps from one value to a later one, which only one node reads, as all between.
    fn steps(&mut self, start: usize, end: usize) -> Reason<(Vec<Step>, usize)> {
        let mut way = Vec::new();
        let mut at = end;
        while at != start {
            let value = &self.values[at];
            if value.distance <= self.values[start].distance {
                return Err(
                    "it joins two branches neither of which is the input of the other; only x + f(x) is supported"
                        .into(),
                );
            }
            if value.readers != 1 {
                return Err(format!(
                    "\"{}\" is read by several nodes; only the input of a residual block, x + f(x), may be",
                    value.name
                ));
            }
            way.push(at);
            at = value.parent;
        }
        let mut steps = Vec::new();
        let mut nesting = 0;
        for value in way.into_iter().rev() {
            let value = &mut self.values[value];
            nesting = nesting.max(value.nesting);
            steps.append(&mut value.steps);
        }
        Ok((joined(steps)?, nesting))
    }

    /// The network from the input to a value.
    pub(super) fn network(mut self, output: usize, constants: &mut Constants) -> Reason<Network> {
        let (steps, _) = self.steps(0, output)?;
        let input = &self.values[0];
        if input.readers != 1 {
            return Err(format!(
                "the input \"{}\" is read by several nodes",
                input.name
            ));
        }
        let network = Network::new(&input.shape, layers(steps, constants)?);
        network.map_err(|error| error.to_string())
    }
}
