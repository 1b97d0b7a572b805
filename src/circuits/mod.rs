//! Circuits over any [`Evaluator`](crate::evaluator::Evaluator): vectors of any length, how they lie in slots, how their
//! values move and are summed, tensors, polynomials, and plans of programs made of these.

mod arithmetic;
mod batches;
mod comparison;
mod convolution;
mod gather;
mod linear;
mod matrix_product;
mod matrix_product_rows;
mod moves;
mod operators;
mod packing;
mod padding;
mod partial_sums;
mod planner;
mod polynomial;
mod products;
mod refreshes;
mod slot_sums;
mod statements;
mod statistics;
mod tensors;
mod vector;

pub use batches::{
    Batch, BatchChoice, BatchCost, BatchLayer, BatchLayout, BatchStage, EncodedBatchLayer,
};
pub use comparison::{Ranks, Sign, Sorting};
pub use convolution::{Convolution, EncodedLayer, Grid, LinearLayer, Windows};
pub use linear::{EncodedMap, LinearMap, LinearPlan, Matrix};
pub use matrix_product::MatrixProduct;
pub use matrix_product_rows::RowMajorProduct;
pub use operators::{Operand, OperandKind};
pub use packing::Packing;
pub(crate) use padding::Padding;
pub use planner::{
    Alternative, BfvPlan, BfvPlanner, Input, OnTensors, Plan, PlannedOutput, PlannedScheme,
    Planner, Program, SchemePlan, SchemePlanner, TensorProgram,
};
pub use polynomial::{Approximation, Chebyshev, Outside, Polynomial, Quotient};
pub use refreshes::{AutoRefresh, Refreshable};
pub use tensors::{PlainTensor, Subscript, Tensor, TensorOperand, TensorOperandKind};
pub(crate) use tensors::{check_axes, element_count};
pub use vector::Vector;
