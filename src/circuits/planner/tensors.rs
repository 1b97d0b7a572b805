use crate::circuits::planner::{Input, Program};
use crate::circuits::{Tensor, Vector, element_count};
use crate::error::{Result, check_number};
use crate::evaluator::{Evaluator, Number};

/// A computation on tensors, written once for all evaluators, as a [`Program`] is one on vectors. [`OnTensors`] makes it one.
pub trait TensorProgram<S: Number = f64> {
    /// The outputs for these inputs, all of one evaluator: [`Tensor::evaluator`].
    ///
    /// # Errors
    /// Those of the operations.
    fn run<E: Evaluator<Scalar = S>>(&self, inputs: &[Tensor<E>]) -> Result<Vec<Tensor<E>>>;
}

/// A program on tensors as a [`Program`] on their elements, by rows, so that it can be planned. It runs encrypted as the program itself does.
///
/// ```
/// use slotwise::circuits::{Input, OnTensors, Planner, Tensor, TensorProgram};
/// use slotwise::evaluator::Evaluator;
///
/// /// The product of two matrices.
/// struct Matmul;
///
/// impl TensorProgram for Matmul {
///     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Tensor<E>]) -> slotwise::Result<Vec<Tensor<E>>> {
///         Ok(vec![inputs[0].matmul(&inputs[1])?])
///     }
/// }
///
/// // A batch of 100 tensors of 2 x 3 elements, and one of 3 x 2 for all.
/// let program = OnTensors::new(Matmul, &[(Input::vector(100), &[2, 3]), (Input::vector(100), &[3, 2])])?;
/// let plan = Planner::new(&program.inputs()).plan(&program)?;
/// assert_eq!((plan.context().top_level(), plan.outputs().len()), (1, 4));
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct OnTensors<P> {
    program: P,
    /// What each element is, and the shape.
    inputs: Vec<(Input, Vec<usize>)>,
}

impl<P> OnTensors<P> {
    /// `program` for inputs of these shapes, whose elements are what [`Input`] says: vectors of length 1, or as long as the batch.
    ///
    /// ```
    /// use slotwise::circuits::{OnTensors, Tensor, TensorProgram};
    /// use slotwise::prelude::*;
    ///
    /// struct Double;
    /// impl TensorProgram for Double {
    ///     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Tensor<E>]) -> slotwise::Result<Vec<Tensor<E>>> {
    ///         Ok(vec![inputs[0].add(&inputs[0])?])
    ///     }
    /// }
    /// let program = OnTensors::new(Double, &[(Input::vector(1), &[2, 3])])?; // a tensor of 2 x 3 values
    /// assert_eq!(Planner::new(&program.inputs()).plan(&program)?.outputs().len(), 6);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for an axis of length 0; [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for more elements or
    /// axes than tensors have.
    pub fn new(program: P, inputs: &[(Input, &[usize])]) -> Result<Self> {
        for (_, shape) in inputs {
            element_count(shape)?;
        }
        let inputs = inputs.iter().map(|&(input, shape)| (input, shape.to_vec()));
        Ok(Self {
            program,
            inputs: inputs.collect(),
        })
    }

    /// The inputs of the program on elements, for a [`Planner`](crate::circuits::Planner).
    ///
    /// ```
    /// # use slotwise::circuits::{OnTensors, Tensor, TensorProgram};
    /// # use slotwise::prelude::*;
    /// # struct Double;
    /// # impl TensorProgram for Double {
    /// #     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Tensor<E>]) -> slotwise::Result<Vec<Tensor<E>>> {
    /// #         Ok(vec![inputs[0].add(&inputs[0])?])
    /// #     }
    /// # }
    /// let program = OnTensors::new(Double, &[(Input::vector(1), &[2, 3])])?;
    /// assert_eq!(program.inputs().len(), 6);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn inputs(&self) -> Vec<Input> {
        let each = self.inputs.iter().flat_map(|(input, shape)| {
            let count = shape.iter().product::<usize>();
            std::iter::repeat_n(*input, count)
        });
        each.collect()
    }
}

impl<S: Number, P: TensorProgram<S>> Program<S> for OnTensors<P> {
    fn run<E: Evaluator<Scalar = S>>(&self, inputs: &[Vector<E>]) -> Result<Vec<Vector<E>>> {
        check_number(
            "vectors (one for each element of the input tensors)",
            inputs.len(),
            self.inputs().len(),
        )?;
        let mut rest = inputs;
        let mut tensors = Vec::new();
        for (_, shape) in &self.inputs {
            let (own, others) = rest.split_at(shape.iter().product());
            tensors.push(Tensor::from_vectors(own.to_vec(), shape)?);
            rest = others;
        }
        let outputs = self.program.run(&tensors)?;
        let elements = outputs.iter().flat_map(Tensor::vectors);
        Ok(elements.cloned().collect())
    }
}
