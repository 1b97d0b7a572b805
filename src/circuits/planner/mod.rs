//! Plans of programs: parameters, keys, precision and time before any key exists.

mod bfv;
mod ckks;
mod deep;
mod fewer_keys;
mod plan;
mod program;
mod report;
mod scheme;
mod search;
mod tensors;
mod times;

pub use plan::{Alternative, BfvPlan, Plan, PlannedOutput, SchemePlan};
pub use program::{Input, Program};
pub use scheme::PlannedScheme;
pub use search::{BfvPlanner, Planner, SchemePlanner};
pub use tensors::{OnTensors, TensorProgram};
pub(super) use times::units;
