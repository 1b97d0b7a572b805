use crate::circuits::{Tensor, Vector};
use crate::encryption::{Decryptor, Encryptor};
use crate::error::{Error, Result};
use crate::evaluator::{Evaluator, KeyedEvaluator, Number};
use crate::kernels::wipe;
use crate::wire::{Kind, Wire};
use chacha20::ChaCha20Rng;
use rand::rngs::SysRng;
use rand::{CryptoRng, SeedableRng};
use std::fmt::Debug;

/// [`Ckks`](crate::Ckks) or [`Bfv`](crate::Bfv): what keys are of. Closed to other crates.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a scheme",
    label = "neither `Ckks` nor `Bfv`",
    note = "keys are of a scheme: `ClientKey<Ckks>`, `ServerKey<Bfv>`"
)]
pub trait Scheme: Sized + Debug + Clone + Copy + Send + Sync + 'static + sealed::Sealed {
    /// A number in a vector: `f64` or `i64`.
    type Scalar: Number + Debug;
    /// The scheme's context.
    type Context: Clone + Debug + PartialEq + Send + Sync;
    /// The scheme's evaluator.
    type Evaluator: KeyedEvaluator<
            Scalar = Self::Scalar,
            Context = Self::Context,
            Ciphertext: Wire<Context = Self::Context>,
        > + VectorKind
        + Debug;

    #[doc(hidden)]
    const NAME: &'static str;

    #[doc(hidden)]
    fn encrypt(
        evaluator: &Self::Evaluator,
        encryptor: &Encryptor,
        slots: &[Self::Scalar],
        rng: &mut impl CryptoRng,
    ) -> Result<CiphertextOf<Self>>;

    #[doc(hidden)]
    fn decrypt(
        evaluator: &Self::Evaluator,
        decryptor: &Decryptor,
        ciphertext: &CiphertextOf<Self>,
    ) -> Result<Vec<Self::Scalar>>;

    /// Fresh vectors with one message bound, so that the bound of each says nothing about its own values.
    #[doc(hidden)]
    fn alike(vectors: Vec<EncryptedVector<Self>>) -> Result<Vec<EncryptedVector<Self>>>;
}

/// The ciphertext of a scheme's evaluator.
pub type CiphertextOf<S> = <<S as Scheme>::Evaluator as Evaluator>::Ciphertext;

/// A scheme's encrypted vector: [`CkksVector`](crate::CkksVector) or [`BfvVector`](crate::BfvVector).
pub type EncryptedVector<S> = Vector<<S as Scheme>::Evaluator>;

/// A scheme's encrypted tensor: [`CkksTensor`](crate::CkksTensor) or [`BfvTensor`](crate::BfvTensor).
pub type EncryptedTensor<S> = Tensor<<S as Scheme>::Evaluator>;

/// The kinds of the frames of an evaluator's vectors and tensors.
pub trait VectorKind {
    #[doc(hidden)]
    const VECTOR: Kind;

    #[doc(hidden)]
    const TENSOR: Kind;
}

pub(super) mod sealed {
    /// Closes [`Scheme`](super::Scheme) to other crates.
    pub trait Sealed {}
}

/// Implements [`Scheme`]; `$encode` makes a plaintext of slots, `$alike` gives vectors one message bound.
macro_rules! scheme {
    ($scheme:ident, $scalar:ident, $context:ident, $evaluator:ident, $vector:ident, $tensor:ident, $encode:expr, $alike:expr) => {
        impl $context {
            /// A fresh secret key.
            ///
            /// ```
            /// # use slotwise::prelude::*;
            /// let context = CkksContext::for_depth(1).build()?; // or a `BfvContext`
            /// let client = context.generate_client_key()?;
            /// let x = client.encrypt([1.0, 2.0])?;
            /// assert!((client.decrypt(&x)?[1] - 2.0).abs() < 1e-3);
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            ///
            /// # Errors
            /// [`Error::RandomnessUnavailable`](crate::Error::RandomnessUnavailable).
            #[doc(alias("SecretKey", "secret_key", "KeyGen", "KeyGenerator", "GenSecretKeyNew"))]
            #[doc(alias("SecKey", "GenSecKey", "NewKeyGenerator", "GenKeyPairNew"))]
            pub fn generate_client_key(&self) -> Result<ClientKey<$scheme>> {
                ClientKey::generate(self)
            }
        }

        impl VectorKind for $evaluator {
            const VECTOR: Kind = Kind::$vector;
            const TENSOR: Kind = Kind::$tensor;
        }

        impl sealed::Sealed for $scheme {}

        impl Scheme for $scheme {
            type Scalar = $scalar;
            type Context = $context;
            type Evaluator = $evaluator;

            const NAME: &'static str = stringify!($scheme);

            fn encrypt(
                evaluator: &$evaluator,
                encryptor: &Encryptor,
                slots: &[$scalar],
                rng: &mut impl CryptoRng,
            ) -> Result<CiphertextOf<Self>> {
                encryptor.encrypt(&$encode(evaluator, slots)?, rng)
            }

            fn decrypt(
                evaluator: &$evaluator,
                decryptor: &Decryptor,
                ciphertext: &CiphertextOf<Self>,
            ) -> Result<Vec<$scalar>> {
                evaluator.encoder().decode(&decryptor.decrypt(ciphertext)?)
            }

            fn alike(vectors: Vec<$vector>) -> Result<Vec<$vector>> {
                $alike(vectors)
            }
        }
    };
}

pub(super) use scheme;

/// A generator seeded by the operating system. Whoever had its seed or state had every secret drawn from it, so that nothing is left
/// of them: on the heap they are overwritten when the generator is dropped, and on the stack, where they were made, at once.
pub(crate) fn system_rng() -> Result<Box<ChaCha20Rng>> {
    let rng = seeded_by_the_system();
    overwrite_dead_stack();
    rng
}

/// The generator made in a frame of its own, whose remains [`overwrite_dead_stack`] reaches.
#[inline(never)]
fn seeded_by_the_system() -> Result<Box<ChaCha20Rng>> {
    ChaCha20Rng::try_from_rng(&mut SysRng)
        .map(Box::new)
        .map_err(|_| Error::RandomnessUnavailable)
}

/// Overwrites what functions that have returned left on the stack.
#[inline(never)]
fn overwrite_dead_stack() {
    wipe(&mut [0_u64; DEAD_STACK / 8]);
}

/// The bytes of stack that making a generator takes at most, with room.
const DEAD_STACK: usize = 16 << 10;
