/// What the context, the parameters and the builder of a scheme have in both schemes. The context is a handle to a `Shared` with `params`
/// and `context`.
macro_rules! scheme_context {
    ($context:ident, $params:ident, $builder:ident) => {
        impl $params {
            /// The ring, its primes and the key switching.
            ///
            /// ```
            /// use slotwise::CkksContext;
            ///
            /// let params = CkksContext::for_depth(2).build_params()?; // or of a `BfvContext`
            /// assert_eq!(params.rlwe().level_sizes().len(), 3);
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            #[must_use]
            pub fn rlwe(&self) -> &RlweParams {
                &self.rlwe
            }
        }

        impl $context {
            /// The parameters.
            ///
            /// ```
            /// use slotwise::{CkksContext, CkksParams};
            ///
            /// let context = CkksContext::for_depth(1).build()?;
            /// let bytes = context.params().to_bytes(); // for the server
            /// assert_eq!(CkksContext::new(CkksParams::from_bytes(&bytes)?)?, context);
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            #[must_use]
            #[doc(alias = "parms")]
            pub fn params(&self) -> &$params {
                &self.shared.params
            }

            /// What does not depend on the scheme.
            ///
            /// ```
            /// use slotwise::{CkksContext, keys::KeyPlan};
            ///
            /// let context = CkksContext::for_depth(1).build()?;
            /// assert!(KeyPlan::none().with_relinearization(1).bytes(context.rlwe())? > 0);
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            #[must_use]
            pub fn rlwe(&self) -> &Arc<Context> {
                &self.shared.context
            }

            /// N: the degree of the ring.
            ///
            /// ```
            /// let context = slotwise::CkksContext::for_depth(1).build()?;
            /// assert_eq!(context.degree(), 2 * context.slots());
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            #[must_use]
            #[doc(alias("poly_modulus_degree", "GetRingDimension", "N"))]
            pub fn degree(&self) -> usize {
                self.shared.context.degree()
            }

            /// The identity of the parameters.
            ///
            /// ```
            /// use slotwise::CkksContext;
            ///
            /// let [one, two] = [1, 2].map(|depth| CkksContext::for_depth(depth).build());
            /// assert_ne!(one?.fingerprint(), two?.fingerprint());
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            #[must_use]
            #[doc(alias = "parms_id")]
            pub fn fingerprint(&self) -> Fingerprint {
                self.shared.context.fingerprint()
            }

            /// The level of a fresh ciphertext: how many rescales (CKKS) or modulus switches (BFV) it has before it.
            ///
            /// ```
            /// let context = slotwise::CkksContext::for_depth(3).build()?;
            /// assert_eq!(context.top_level(), 3);
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            #[must_use]
            #[doc(alias("MaxLevel", "first_parms_id", "GetMultiplicativeDepth"))]
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
            /// ```
            /// use slotwise::{BfvContext, CkksContext};
            ///
            /// assert!(CkksContext::for_depth(1).build().is_ok());
            /// let error = BfvContext::for_depth(1).build().unwrap_err();
            /// assert!(error.to_string().contains("plaintext modulus"));
            /// ```
            ///
            /// # Errors
            /// [`ParameterError::InvalidDegree`](crate::ParameterError::InvalidDegree), [`ParameterError::NoPrimes`](crate::ParameterError::NoPrimes), [`ParameterError::InvalidPrimeBits`](crate::ParameterError::InvalidPrimeBits), [`ParameterError::NotEnoughPrimes`](crate::ParameterError::NotEnoughPrimes),
            /// [`ParameterError::NotPrime`](crate::ParameterError::NotPrime), [`ParameterError::NotNttFriendly`](crate::ParameterError::NotNttFriendly), [`ParameterError::DuplicatePrime`](crate::ParameterError::DuplicatePrime), [`ParameterError::TooManyPrimes`](crate::ParameterError::TooManyPrimes),
            /// [`ParameterError::Insecure`](crate::ParameterError::Insecure); [`ParameterError::InvalidScale`](crate::ParameterError::InvalidScale) (CKKS), [`ParameterError::InvalidPlainModulus`](crate::ParameterError::InvalidPlainModulus) (BFV);
            /// [`ParameterError::NoParameters`](crate::ParameterError::NoParameters) if no degree carries the depth; [`ParameterError::InvalidChoice`](crate::ParameterError::InvalidChoice) for a
            /// choice that is missing or does not go with the others.
            #[doc(alias("GenCryptoContext", "SEALContext"))]
            pub fn build(self) -> Result<$context> {
                $context::new(self.build_params()?)
            }
        }
    };
}

pub(super) use scheme_context;
