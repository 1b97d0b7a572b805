/// What the context, the parameters and the builder of a scheme have in both schemes. The context is a handle to a `Shared` with `params`
/// and `context`.
macro_rules! scheme_context {
    ($context:ident, $params:ident, $builder:ident) => {
        impl $params {
            /// The ring, its primes and the key switching.
            #[must_use]
            pub fn rlwe(&self) -> &RlweParams {
                &self.rlwe
            }
        }

        impl $context {
            /// The parameters.
            #[must_use]
            pub fn params(&self) -> &$params {
                &self.shared.params
            }

            /// What does not depend on the scheme.
            #[must_use]
            pub fn rlwe(&self) -> &Arc<Context> {
                &self.shared.context
            }

            /// N: the degree of the ring.
            #[must_use]
            pub fn degree(&self) -> usize {
                self.shared.context.degree()
            }

            /// The identity of the parameters.
            #[must_use]
            pub fn fingerprint(&self) -> Fingerprint {
                self.shared.context.fingerprint()
            }

            /// The level of a fresh ciphertext: how many rescales (CKKS) or modulus switches (BFV) it has before it.
            #[must_use]
            pub fn top_level(&self) -> usize {
                self.shared.context.top_level()
            }
        }

        impl PartialEq for $context {
            fn eq(&self, other: &Self) -> bool {
                self.fingerprint() == other.fingerprint()
            }
        }

        impl Eq for $context {}

        impl fmt::Debug for $context {
            /// The identity only; `Display` explains it.
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{}({:?})", stringify!($context), self.fingerprint())
            }
        }

        impl $builder {
            /// The context, everything checked.
            ///
            /// # Errors
            /// [`ParameterError::InvalidDegree`](crate::ParameterError::InvalidDegree), [`ParameterError::NoPrimes`](crate::ParameterError::NoPrimes), [`ParameterError::InvalidPrimeBits`](crate::ParameterError::InvalidPrimeBits), [`ParameterError::NotEnoughPrimes`](crate::ParameterError::NotEnoughPrimes),
            /// [`ParameterError::NotPrime`](crate::ParameterError::NotPrime), [`ParameterError::NotNttFriendly`](crate::ParameterError::NotNttFriendly), [`ParameterError::DuplicatePrime`](crate::ParameterError::DuplicatePrime), [`ParameterError::TooManyPrimes`](crate::ParameterError::TooManyPrimes),
            /// [`ParameterError::Insecure`](crate::ParameterError::Insecure); [`ParameterError::InvalidScale`](crate::ParameterError::InvalidScale) (CKKS), [`ParameterError::InvalidPlainModulus`](crate::ParameterError::InvalidPlainModulus) (BFV);
            /// [`ParameterError::NoParameters`](crate::ParameterError::NoParameters) if no degree carries the depth; [`ParameterError::InvalidChoice`](crate::ParameterError::InvalidChoice) for a
            /// choice that is missing or does not go with the others.
            pub fn build(self) -> Result<$context> {
                $context::new(self.build_params()?)
            }
        }
    };
}

pub(super) use scheme_context;
