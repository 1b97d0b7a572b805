//! Plans of programs: parameters, keys, precision and time before any key exists.

mod plan;
mod program;
mod report;
mod search;
mod times;

pub use plan::{Alternative, Plan, PlannedOutput};
pub use program::{Input, Program};
pub use search::Planner;
pub(super) use times::units;
