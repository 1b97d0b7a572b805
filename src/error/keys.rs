//! Keys that are missing, or belong to others.

use crate::identifiers::KeyId;
use std::fmt;

/// Which key is missing or wrong.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum KeyError {
    /// A value was made under another secret key.
    Mismatch {
        /// The secret key of the left operand, or of the keys or vector.
        left: KeyId,
        /// The secret key of the right operand, or of the value.
        right: KeyId,
    },
    /// The operation needs evaluation keys and the value is not attached to any.
    MissingServerKey,
    /// The relinearization key was not generated.
    MissingRelinearizationKey,
    /// The relinearization key was generated for lower levels only, as a plan's is.
    RelinearizationKeyForLowerLevels {
        /// The level of the operands.
        level: usize,
        /// The highest level that the key serves.
        highest: usize,
    },
    /// No Galois key, nor a composition of the keys at hand, rotates by this step.
    MissingRotationKey {
        /// The step to the left that was asked for.
        step: i64,
    },
    /// Several rotations that an operation consists of have no Galois keys, nor compositions of them. It is not begun.
    MissingRotationKeys {
        /// The operation.
        operation: &'static str,
        /// All steps to the left that are missing.
        steps: Vec<i64>,
        /// Whether the key for the conjugation or row swap is missing, too.
        conjugation: bool,
    },
    /// No key leads from one secret key to another at this level.
    MissingSwitchingKey {
        /// The secret key of the ciphertext.
        from: KeyId,
        /// The secret key that was asked for.
        to: KeyId,
        /// The level of the ciphertext.
        level: usize,
    },
    /// A set of keys lacks some that a bootstrapping uses.
    IncompleteBootstrappingKeys {
        /// How many are missing.
        missing: usize,
        /// How many there are to be.
        of: usize,
    },
    /// The key for complex conjugation (CKKS) or the row swap (BFV) was not generated.
    MissingConjugationKey,
    /// A publisher has served as many decryptions as its flooding was sized for.
    PublicationsUsedUp {
        /// The number.
        most: u64,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&match self {
            Self::Mismatch { left, right } => format!(
                "the operands belong to different secret keys ({left:?} and {right:?}); use the key that they were made with: \
                 `client.id()`, `server.id()` and `vector.key_id()` tell which that is"
            ),
            Self::MissingServerKey => "the operation needs a server's keys, and the vector is attached to none; attach it with `server.attach(vector)`, where \
                 `client.generate_server_key(&rotations)` makes the server key"
                .into(),
            Self::MissingRelinearizationKey => "no relinearization key; generate the server key with `client.generate_server_key(&rotations)`, which makes one".into(),
            Self::RelinearizationKeyForLowerLevels { level, highest } => format!(
                "the relinearization key serves levels up to {highest} and the operands are at level {level}; use `vector.drop_to_level({highest})` before, or \
                 generate a server key for all levels with `client.generate_server_key(&rotations)`"
            ),
            Self::MissingRotationKey { step } => {
                format!(
                    "no Galois key for rotation by {step}; add it with `client.extend_server_key(&server, &Rotations::steps(&[{step}]))`, and attach \
                     the vectors to the new server key"
                )
            }
            Self::MissingRotationKeys { operation, steps, conjugation } => {
                let rotations = match (steps.is_empty(), conjugation) {
                    (true, _) => "Rotations::none().and_conjugation()".into(),
                    (false, true) => format!("Rotations::steps(&{steps:?}).and_conjugation()"),
                    (false, false) => format!("Rotations::steps(&{steps:?})"),
                };
                format!(
                    "{operation} takes Galois keys that are missing; add them with `client.extend_server_key(&server, &{rotations})`, and attach the \
                     vectors to the new server key. Before keys are made, `vector.rotations_for_sum()`, `rotations_for_step(step)` and others tell the \
                     rotations of an operation; `Rotations::powers_of_two()`{} are enough for all",
                    if *conjugation { " with `.and_conjugation()`" } else { "" }
                )
            }
            Self::MissingSwitchingKey { from, to, level } => format!(
                "no key leads from the secret key {from:?} to {to:?} at level {level}; make one with \
                 `KeyGenerator::switching_key` and insert it into the evaluation keys"
            ),
            Self::IncompleteBootstrappingKeys { missing, of } => format!(
                "{missing} of the {of} keys of a bootstrapping are missing; make them with `client.generate_bootstrapping_keys()`"
            ),
            Self::MissingConjugationKey => {
                "no Galois key for the conjugation or row swap; add it with \
                 `client.extend_server_key(&server, &Rotations::none().and_conjugation())`, and attach the vectors to the new server key"
                    .into()
            }
            Self::PublicationsUsedUp { most } => format!(
                "the key has served the {most} publications that its noise was sized for; generate a new key, and state a larger number with \
                 `with_decryptions` from the start"
            ),
        })
    }
}
