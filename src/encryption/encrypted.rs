use crate::encoding::{BfvEncoder, BfvPlaintext, CkksEncoder, CkksPlaintext};
use crate::encryption::Ciphertext;
use crate::params::{BfvContext, BfvState, CkksContext, CkksState, Context, ErrorSize, Log2};
use std::fmt::Debug;
use std::sync::Arc;

/// A ciphertext of the scheme that S belongs to: polynomials, and what is known of them.
#[derive(Clone, Debug)]
pub struct Encrypted<S: State> {
    pub(crate) context: S::Context,
    pub(crate) body: Ciphertext,
    pub(crate) state: S,
}

/// An encrypted vector of real or complex numbers, up to a stated error.
pub type CkksCiphertext = Encrypted<CkksState>;

/// An encrypted vector of integers modulo t, exact while its noise stays within bounds.
pub type BfvCiphertext = Encrypted<BfvState>;

/// What a scheme knows of a ciphertext beside its polynomials, [`CkksState`] or [`BfvState`]; it stands for the scheme. Closed to
/// other crates.
pub trait State: Copy + Debug + PartialEq + Send + Sync + sealed::Sealed + 'static {
    /// The scheme's context.
    type Context: Clone + Debug + PartialEq + Send + Sync;
    /// The scheme's plaintext.
    type Plaintext: Send + Sync;
    /// The scheme's encoder.
    type Encoder: Clone + Debug + Send + Sync;

    /// How many rows the slots lie in.
    #[doc(hidden)]
    const ROWS: usize;

    #[doc(hidden)]
    fn rlwe(context: &Self::Context) -> &Arc<Context>;

    #[doc(hidden)]
    fn encoder(context: &Self::Context) -> Self::Encoder;

    /// After key switches that add this error.
    #[doc(hidden)]
    fn after_key_switches(self, added: ErrorSize) -> Self;

    /// After the division by P that ends a computation modulo QP: a rounding of both polynomials. The key switches before it are
    /// counted by themselves.
    #[doc(hidden)]
    fn after_division(self, context: &Self::Context) -> Self {
        self.after_key_switches(Self::rlwe(context).noise().division(1))
    }

    #[doc(hidden)]
    fn error_bound(&self, context: &Self::Context) -> f64;
}

pub(super) mod sealed {
    /// Closes [`State`](super::State), [`Encryptable`](crate::encryption::Encryptable) and
    /// [`Decryptable`](crate::encryption::Decryptable) to other crates.
    pub trait Sealed {}
    impl Sealed for crate::params::CkksState {}
    impl Sealed for crate::params::BfvState {}
    impl Sealed for crate::encoding::CkksPlaintext {}
    impl Sealed for crate::encoding::BfvPlaintext {}
    impl<S: super::State> Sealed for super::Encrypted<S> {}
}

/// Implements [`State`] by the state's own methods.
macro_rules! state {
    ($state:ident, $rows:literal, $context:ident, $plaintext:ident, $encoder:ident, $bound:expr) => {
        impl State for $state {
            type Context = $context;
            type Plaintext = $plaintext;
            type Encoder = $encoder;

            const ROWS: usize = $rows;

            fn rlwe(context: &$context) -> &Arc<Context> {
                context.rlwe()
            }

            fn encoder(context: &$context) -> $encoder {
                $encoder::new(context)
            }

            fn after_key_switches(self, added: ErrorSize) -> Self {
                self.key_switched(added)
            }

            fn error_bound(&self, context: &$context) -> f64 {
                $bound(self.noise_bound(context))
            }
        }
    };
}

state!(
    CkksState,
    1,
    CkksContext,
    CkksPlaintext,
    CkksEncoder,
    f64::from
);
state!(
    BfvState,
    2,
    BfvContext,
    BfvPlaintext,
    BfvEncoder,
    Log2::to_f64
);

impl<S: State> Encrypted<S> {
    pub(crate) fn new(context: &S::Context, body: Ciphertext, state: S) -> Self {
        let context = context.clone();
        Self {
            context,
            body,
            state,
        }
    }

    /// The context.
    #[must_use]
    pub fn context(&self) -> &S::Context {
        &self.context
    }

    /// The polynomials.
    #[must_use]
    pub fn body(&self) -> &Ciphertext {
        &self.body
    }

    /// What is known of them.
    #[must_use]
    pub fn state(&self) -> S {
        self.state
    }

    /// The level: how many more times a prime can be divided off, by a rescale (CKKS) or a modulus switch (BFV).
    #[must_use]
    pub fn level(&self) -> usize {
        self.body.level()
    }

    /// Whether anyone can read the message; a product with zero is.
    #[must_use]
    pub fn is_transparent(&self) -> bool {
        self.body.is_transparent()
    }

    /// Another ciphertext of the same context.
    pub(crate) fn with(&self, body: Ciphertext, state: S) -> Self {
        Self::new(&self.context, body, state)
    }
}
