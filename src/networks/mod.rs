//! Trained neural networks on encrypted inputs: layers and weights, polynomials in place of activations, plans, and the two halves of a
//! service.

mod activation;
mod affine;
mod batch_halves;
mod batch_plan;
mod batch_steps;
mod client;
mod clients;
mod description;
mod fit;
mod fit_options;
mod fit_report;
mod fitted;
mod layer;
mod layout;
mod network;
mod neurons;
#[cfg(feature = "onnx")]
mod onnx;
mod placed;
mod plan;
mod ranges;
mod server;
mod stage;
mod terms;
#[cfg(feature = "models")]
mod weights;
mod wire;

pub use activation::{Activation, Function};
use affine::Samples;
pub use batch_halves::{BatchClient, BatchServer};
pub use batch_plan::{BatchDescription, BatchPlan};
pub use client::{NetworkClient, NetworkKeys, NetworkRequest, NetworkResponse};
pub use description::NetworkDescription;
pub use fit_options::Fit;
pub use fit_report::{ActivationReport, FitReport, Outside};
pub use fitted::FittedNetwork;
pub use layer::{AvgPool2d, BatchNorm, Dense, Layer};
pub use layout::InputLayout;
pub use network::{Network, argmax};
pub use plan::{NetworkPlan, PlanOptions};
pub use server::NetworkServer;
pub use stage::{LinearStage, Stage};
#[cfg(feature = "models")]
pub use weights::Weights;
