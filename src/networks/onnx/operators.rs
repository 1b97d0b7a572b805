//! The operators of ONNX that layers have.

use crate::circuits::{Convolution, Matrix};
use crate::error::Error;
use crate::networks::onnx::Reason;
use crate::networks::onnx::attributes::Attributes;
use crate::networks::onnx::constants::{Array, Constants};
use crate::networks::onnx::messages::Node;
use crate::networks::onnx::steps::{Affine, Step};
use crate::networks::onnx::windows::WindowAttributes;
use crate::networks::{Activation, AvgPool2d, BatchNorm, Dense, Function, Layer};

/// A node with one computed input.
pub(super) struct Operation<'a> {
    pub(super) node: &'a Node,
    /// Which of its inputs is computed; the others are constants.
    pub(super) computed: usize,
    /// The shape of that input, for one sample.
    pub(super) shape: &'a [usize],
    /// The batch size that the file states, if it does.
    pub(super) batch: Option<usize>,
    /// The degree of the polynomials in place of functions.
    pub(super) degree: usize,
}

impl Operation<'_> {
    /// What the node does.
    pub(super) fn steps(&self, constants: &mut Constants) -> Reason<Vec<Step>> {
        let mut attributes = Attributes::new(self.node)?;
        let operator = self.node.operator.as_str();
        if self.computed != 0 && !matches!(operator, "Add" | "Sub" | "Mul") {
            return Err(
                "its first input must be the computed one, and the others constants".into(),
            );
        }
        let function = |function| Ok(Activation::Chebyshev(function, self.degree).into());
        let layer: Reason<Layer> = match operator {
            "Identity" => return self.only(attributes, Vec::new()),
            "Erf" => return self.only(attributes, vec![Step::Erf(self.node.label())]),
            "Add" | "Sub" | "Mul" | "Div" => {
                let affine = self.affine(constants)?;
                return self.end(attributes, 2, vec![Step::Affine(affine)]);
            }
            "Pad" => {
                let steps = self.pad(&mut attributes, constants)?;
                return self.end(attributes, 3, steps);
            }
            "Gemm" => self.gemm(&mut attributes, constants),
            "MatMul" => self.matrix_product(constants),
            "Conv" => self.convolution(&mut attributes, constants),
            "AveragePool" => self.average_pool(&mut attributes, constants),
            "GlobalAveragePool" => self
                .image()
                .map(|[_, rows, columns]| AvgPool2d::new([rows, columns]).into()),
            "BatchNormalization" => self.normalization(&mut attributes, constants),
            "Flatten" => self.flatten(&mut attributes),
            "Reshape" => self.reshape(&mut attributes, constants),
            "Pow" => self.power(constants),
            "Relu" => function(Function::Relu),
            "Sigmoid" => function(Function::Sigmoid),
            "Tanh" => function(Function::Tanh),
            "Softplus" => function(Function::Softplus),
            "Gelu" => self.gelu(&mut attributes),
            "MaxPool" | "GlobalMaxPool" => {
                Err("maxima are not supported; train with average pools".into())
            }
            "Softmax" | "LogSoftmax" => Err(
                "not supported, and not needed to find the class: export the network without it"
                    .into(),
            ),
            _ => Err("the operator is not supported".into()),
        };
        let most_inputs = match operator {
            "BatchNormalization" => 5,
            "Gemm" | "Conv" => 3,
            "MatMul" | "Reshape" | "Pow" => 2,
            _ => 1,
        };
        self.end(attributes, most_inputs, vec![Step::Layer(layer?)])
    }

    fn only(&self, attributes: Attributes, steps: Vec<Step>) -> Reason<Vec<Step>> {
        self.end(attributes, 1, steps)
    }

    /// The steps, after a check that the node says nothing else.
    fn end(&self, attributes: Attributes, inputs: usize, steps: Vec<Step>) -> Reason<Vec<Step>> {
        attributes.finish()?;
        let found = self.node.inputs.len();
        if found > inputs {
            return Err(format!(
                "it has {found} inputs; at most {inputs} are supported"
            ));
        }
        Ok(steps)
    }

    /// The name of an input, if it is there.
    fn optional(&self, index: usize) -> Option<&str> {
        let name = self.node.inputs.get(index)?;
        (!name.is_empty()).then_some(name)
    }

    fn input(&self, index: usize) -> Reason<&str> {
        self.optional(index)
            .ok_or_else(|| format!("its input {index} is missing"))
    }

    fn image(&self) -> Reason<[usize; 3]> {
        self.shape.try_into().map_err(|_| {
            let shape = self.shape;
            format!(
                "it takes images, [channels, rows, columns], and its input has the shape {shape:?}"
            )
        })
    }

    /// A sum, difference, product or quotient of the value and a constant for each channel, or for all.
    fn affine(&self, constants: &mut Constants) -> Reason<Affine> {
        let name = self.input(1 - self.computed.min(1))?;
        let Array { shape, values } = constants.numbers(name)?;
        let channels = self.shape[0];
        let rank = self.shape.len() + 1;
        let Some(missing) = rank.checked_sub(shape.len()) else {
            return Err(format!(
                "the constant \"{name}\" has too many dimensions, {shape:?}"
            ));
        };
        // The batch, the channels, rows and columns.
        let full = [vec![1; missing], shape.clone()].concat();
        let others_are_one = full
            .iter()
            .enumerate()
            .all(|(axis, &size)| axis == 1 || size == 1);
        if !others_are_one || ![1, channels].contains(&full[1]) {
            return Err(format!(
                "the constant \"{name}\" has the shape {shape:?}; one number, or one for each of the {channels} channels, is supported"
            ));
        }
        let (ones, zeros) = (vec![1.0; values.len()], vec![0.0; values.len()]);
        let negative = || values.iter().map(|value| -value).collect();
        let (scale, shift) = match (self.node.operator.as_str(), self.computed) {
            ("Mul", _) => (values, zeros),
            ("Div", _) => (values.iter().map(|value| 1.0 / value).collect(), zeros),
            ("Add", _) => (ones, values),
            (_, 0) => (ones, negative()),
            _ => (ones.iter().map(|one| -one).collect(), values),
        };
        if scale.iter().all(|value: &f64| value.is_finite()) {
            return Ok(Affine {
                channels,
                scale,
                shift,
            });
        }
        Err(format!(
            "it divides by the constant \"{name}\", which has a zero"
        ))
    }

    fn gemm(&self, attributes: &mut Attributes, constants: &mut Constants) -> Reason<Layer> {
        attributes.require("transA", 0)?;
        let transposed = match attributes.integer("transB", 0)? {
            0 => false,
            1 => true,
            other => return Err(format!("its attribute transB={other} is neither 0 nor 1")),
        };
        let (alpha, beta) = (
            attributes.float("alpha", 1.0)?,
            attributes.float("beta", 1.0)?,
        );
        let matrix = self.matrix(constants, transposed, alpha)?;
        let bias = match self.optional(2) {
            None => Vec::new(),
            Some(name) => {
                let Array { shape, values } = constants.numbers(name)?;
                let outputs = matrix.rows();
                let is_row = matches!(shape[..], [] | [_] | [1, _]);
                if !is_row || ![1, outputs].contains(&values.len()) {
                    return Err(format!(
                        "the constant \"{name}\" has the shape {shape:?}; a bias for each of the {outputs} outputs, or one for all, is supported"
                    ));
                }
                let values = values.iter().cycle().take(outputs);
                values.map(|value| beta * value).collect()
            }
        };
        Ok(Dense::new(matrix, &bias).map_err(described)?.into())
    }

    fn matrix_product(&self, constants: &mut Constants) -> Reason<Layer> {
        let matrix = self.matrix(constants, false, 1.0)?;
        Ok(Dense::new(matrix, &[]).map_err(described)?.into())
    }

    /// The second input, times `factor`, as a matrix with a row for each output. The file has a column for each, unless it is transposed.
    fn matrix(
        &self,
        constants: &mut Constants,
        transposed: bool,
        factor: f64,
    ) -> Reason<Matrix<f64>> {
        let name = self.input(1)?;
        let Array { shape, values } = constants.numbers(name)?;
        let [rows, columns] = shape[..] else {
            return Err(format!(
                "the constant \"{name}\" has the shape {shape:?}; a matrix is supported"
            ));
        };
        let matrix = if transposed {
            Matrix::from_fn(rows, columns, |i, j| factor * values[i * columns + j])
        } else {
            Matrix::from_fn(columns, rows, |i, j| factor * values[j * columns + i])
        };
        matrix.map_err(described)
    }

    fn convolution(&self, attributes: &mut Attributes, constants: &mut Constants) -> Reason<Layer> {
        let [_, rows, columns] = self.image()?;
        let Array { shape, values } = constants.numbers(self.input(1)?)?;
        let shape: [usize; 4] = shape.try_into().map_err(|shape| {
            format!("its weights have the shape {shape:?}; those of a two-dimensional convolution have four sizes")
        })?;
        let kernel = [shape[2], shape[3]];
        let windows = WindowAttributes::read(attributes, Some(kernel), [rows, columns])?;
        let groups = attributes.integer("group", 1)?;
        let groups = usize::try_from(groups)
            .map_err(|_| format!("its attribute group={groups} is negative"))?;
        let mut convolution = Convolution::new(&values, shape)
            .map_err(described)?
            .stride(windows.stride)
            .padding(windows.padding)
            .dilation(windows.dilation)
            .groups(groups);
        if let Some(bias) = self.optional(2) {
            let values = constants.numbers(bias)?.values;
            if values.is_empty() {
                return Err(format!("the constant \"{bias}\" has no bias"));
            }
            convolution = convolution.bias(&values);
        }
        Ok(convolution.into())
    }

    /// Zeros around an image, as a convolution whose kernel is the number 1 and which becomes one with the layer behind it. PyTorch's
    /// exporter writes a node before each average pool, usually one that adds nothing.
    fn pad(&self, attributes: &mut Attributes, constants: &mut Constants) -> Reason<Vec<Step>> {
        let mode = attributes.text("mode", "constant")?;
        if mode != "constant" {
            return Err(format!(
                "its attribute mode={mode} is not supported; only constant is"
            ));
        }
        if let Some(value) = self.optional(2)
            && constants.numbers(value)?.values != [0.0]
        {
            return Err("it pads with another number than 0".into());
        }
        let sizes = constants.integers(self.input(1)?)?;
        if sizes.len() == 2 * (self.shape.len() + 1) && sizes.iter().all(|&size| size == 0) {
            return Ok(Vec::new());
        }
        let [channels, ..] = self.image()?;
        let padding = match sizes[..] {
            [0, 0, top, left, 0, 0, bottom, right] if [top, left] == [bottom, right] => {
                [top, left].map(usize::try_from)
            }
            _ => {
                return Err(format!(
                    "its padding {sizes:?} is not supported; only rows and columns, as many on opposite sides, are"
                ));
            }
        };
        let [Ok(rows), Ok(columns)] = padding else {
            return Err(format!("its padding {sizes:?} is negative"));
        };
        constants.spend(channels)?;
        let identity = Convolution::new(&vec![1.0; channels], [channels, 1, 1, 1]);
        let identity = identity.map_err(described)?.groups(channels);
        Ok(vec![Step::Layer(identity.padding([rows, columns]).into())])
    }

    fn average_pool(
        &self,
        attributes: &mut Attributes,
        constants: &mut Constants,
    ) -> Reason<Layer> {
        let [channels, rows, columns] = self.image()?;
        let windows = WindowAttributes::read(attributes, None, [rows, columns])?;
        if windows.dilation != [1, 1] {
            return Err("its dilation is not supported".into());
        }
        let rounds_up = attributes.integer("ceil_mode", 0)? != 0;
        if rounds_up && !windows.fill([rows, columns]) {
            return Err(
                "its attribute ceil_mode=1 is not supported where windows reach beyond the image"
                    .into(),
            );
        }
        let counts_padding = attributes.integer("count_include_pad", 0)? != 0;
        if windows.padding == [0, 0] {
            return Ok(AvgPool2d::new(windows.kernel).stride(windows.stride).into());
        }
        if !counts_padding {
            return Err("its padding is only supported with count_include_pad=1".into());
        }
        let area = windows.kernel[0].saturating_mul(windows.kernel[1]);
        constants.spend(area.saturating_mul(channels))?;
        let pool = Convolution::average_pool(channels, windows.kernel).map_err(described)?;
        Ok(pool.stride(windows.stride).padding(windows.padding).into())
    }

    fn normalization(
        &self,
        attributes: &mut Attributes,
        constants: &mut Constants,
    ) -> Reason<Layer> {
        let eps = attributes.float("epsilon", 1e-5)?;
        // Only training reads the momentum.
        attributes.float("momentum", 0.9)?;
        attributes.require("training_mode", 0)?;
        attributes.require("spatial", 1)?;
        let mut parameter = |index| Ok::<_, String>(constants.numbers(self.input(index)?)?.values);
        let [gamma, beta] = [parameter(1)?, parameter(2)?];
        let [mean, variance] = [parameter(3)?, parameter(4)?];
        let norm = BatchNorm::new([&gamma, &beta], [&mean, &variance], eps);
        Ok(norm.map_err(described)?.into())
    }

    fn flatten(&self, attributes: &mut Attributes) -> Reason<Layer> {
        let axis = attributes.integer("axis", 1)?;
        let is_first = axis == 1 || axis.checked_neg() == self.shape.len().try_into().ok();
        if is_first {
            return Ok(Layer::Flatten);
        }
        Err(format!(
            "its attribute axis={axis} is not supported; only 1 is"
        ))
    }

    /// A reshape that keeps the batch and makes a vector of each sample.
    fn reshape(&self, attributes: &mut Attributes, constants: &Constants) -> Reason<Layer> {
        let copies_zeros = attributes.integer("allowzero", 0)? == 0;
        let sizes = constants.integers(self.input(1)?)?;
        let count: usize = self.shape.iter().product();
        let is = |size: i64, expected: usize| usize::try_from(size) == Ok(expected);
        if let [batch, features] = sizes[..] {
            let keeps_batch = batch == -1
                || (batch == 0 && copies_zeros)
                || self.batch.is_none_or(|stated| stated == 1) && batch == 1
                || self.batch.is_some_and(|stated| is(batch, stated));
            let is_whole = (features == -1 && batch != -1)
                || is(features, count)
                || features == 0 && copies_zeros && self.shape[0] == count;
            if keeps_batch && is_whole {
                return Ok(Layer::Flatten);
            }
        }
        Err(format!(
            "a reshape to {sizes:?} is not supported; only one to [batch, {count}], the values of each sample in a vector, is"
        ))
    }

    fn power(&self, constants: &mut Constants) -> Reason<Layer> {
        let name = self.input(1)?;
        let exponents = match constants.integers(name) {
            Ok(integers) => integers.iter().map(|&integer| integer == 2).collect(),
            Err(_) => {
                let values = constants.numbers(name)?.values;
                values.iter().map(|&value| value == 2.0).collect::<Vec<_>>()
            }
        };
        if exponents == [true] {
            return Ok(Activation::Square.into());
        }
        Err("only the power 2 is supported".into())
    }

    fn gelu(&self, attributes: &mut Attributes) -> Reason<Layer> {
        let mode = attributes.text("approximate", "none")?;
        if mode == "none" {
            return Ok(Activation::Chebyshev(Function::Gelu, self.degree).into());
        }
        Err(format!(
            "its attribute approximate={mode} is not supported; only none is"
        ))
    }
}

fn described(error: Error) -> String {
    error.to_string()
}
