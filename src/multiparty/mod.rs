//! Keys that several parties share: no party, and no set of fewer than a threshold, can decrypt.
//!
//! Parties agree on [`SessionTerms`], which make a [`Session`]; each draws its secret in a [`Setup`] and becomes a [`Party`]. Together they make
//! public, relinearization and Galois keys ([`Collector`]), under which everything in this crate computes as under any key:
//! [`EncryptionKey::new`](crate::EncryptionKey::new) and [`ServerKey::new`](crate::ServerKey::new) take them. Any t of them open
//! a ciphertext ([`BfvOpening`]), switch it to a receiver's key ([`BfvSwitching`]), turn it into shares of its message
//! ([`BfvMasking`], [`BfvEntering`]) or refresh it ([`BfvRefreshing`]). Messages are values with bytes; how they travel is the user's.
//!
//! Security is passive, and `docs/SECURITY.md` says what is proven, what is assumed and what is not promised.

mod answers;
mod collector;
mod exchange;
mod journal;
mod key_wire;
mod keymaking;
mod noise;
mod opening;
mod party;
mod points;
mod policy;
mod prf;
mod rounds;
mod secret_wire;
mod session;
mod setup;
mod share;
#[cfg(test)]
mod wiped;
mod wire;

pub use collector::{Collector, Commitment, Contribution};
pub use exchange::{
    AdditiveShare, BfvEntering, BfvMasking, BfvRefreshing, BfvSwitching, Entered, InputShare,
    MaskShare, Masked, RefreshShare, Refreshed, SwitchShare, Switched,
};
pub use journal::{Journal, Record, RecordKind};
pub use keymaking::{
    GaloisKeyShare, PublicKeyShare, RelinearizationCollector, RelinearizationRoundOne,
    RelinearizationRoundTwo, RelinearizationSecret, RelinearizationSums,
};
pub(crate) use opening::Opening;
pub use opening::{BfvOpening, CkksOpening, Opened, OpeningRequest, OpeningShare};
pub use party::Party;
pub use policy::{Lambda, Policy};
pub use rounds::KeyRound;
pub use session::{Session, SessionTerms};
pub use setup::{Deal, Setup};
pub use share::Share;
