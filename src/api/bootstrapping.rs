use crate::api::scheme::system_rng;
use crate::api::{Ckks, CkksVector, ClientKey, ServerKey};
use crate::bootstrapping::{Bootstrapper, BootstrappingKeys};
use crate::encoding::Memory;
use crate::error::Result;
use crate::keys::KeyProgress;
use std::sync::Arc;

impl ClientKey<Ckks> {
    /// The keys with which a server bootstraps: 0.9 to 1.8 GB at the degrees that are secure.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # // Without a security check, so that this example is quick.
    /// # let builder = CkksContext::for_depth(1).bootstrapping().degree(64);
    /// # let client = builder.insecure_skip_security_check().build()?.generate_client_key()?;
    /// let keys = client.generate_bootstrapping_keys()?;
    /// let server = client.generate_server_key(&Rotations::none())?.with_bootstrapping(&keys)?;
    /// # let _ = server;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::CannotRefresh`](crate::OperandError::CannotRefresh) for parameters without a bootstrapping;
    /// [`Error::RandomnessUnavailable`](crate::Error::RandomnessUnavailable).
    #[doc(alias("EvalBootstrapKeyGen", "EvalBootstrapPrecompute", "EvalBootstrapSetup"))]
    pub fn generate_bootstrapping_keys(&self) -> Result<BootstrappingKeys> {
        self.generate_bootstrapping_keys_with_progress(|_| ())
    }

    /// [`generate_bootstrapping_keys`](Self::generate_bootstrapping_keys) that calls `report` after each key.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # // Without a security check, so that this example is quick.
    /// # let builder = CkksContext::for_depth(1).bootstrapping().degree(64);
    /// # let client = builder.insecure_skip_security_check().build()?.generate_client_key()?;
    /// let mut made = 0;
    /// let keys = client.generate_bootstrapping_keys_with_progress(|progress| made = progress.done)?;
    /// assert!(made > 10);
    /// # let _ = keys;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`generate_bootstrapping_keys`](Self::generate_bootstrapping_keys).
    pub fn generate_bootstrapping_keys_with_progress(
        &self,
        report: impl FnMut(KeyProgress),
    ) -> Result<BootstrappingKeys> {
        BootstrappingKeys::generate(self.context(), self.secret(), &mut system_rng()?, report)
    }
}

impl ServerKey<Ckks> {
    /// These keys, and a bootstrapping with those: vectors that are attached to the result can be [refreshed](crate::CkksVector::refresh). All other
    /// operations use these keys alone, as plans foresee.
    ///
    /// ```
    /// use slotwise::prelude::*;
    /// # fn main() -> slotwise::Result<()> {
    /// // Without a security check, so that this example is quick.
    /// let builder = CkksContext::for_depth(3).bootstrapping().degree(1024);
    /// let client = builder.insecure_skip_security_check().build()?.generate_client_key()?;
    /// let server = client.generate_server_key(&Rotations::none())?;
    /// let server = server.with_bootstrapping(&client.generate_bootstrapping_keys()?)?;
    ///
    /// let mut x = server.attach(client.encrypt([0.9, -0.8])?)?;
    /// for _ in 0..3 {
    ///     x = (&x * &x)?.refresh()?;
    /// }
    /// assert!((client.decrypt(&x)?[0] - 0.9f64.powi(8)).abs() < 1e-5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch) for another client's keys.
    pub fn with_bootstrapping(&self, keys: &BootstrappingKeys) -> Result<Self> {
        self.with_bootstrapping_memory(keys, Memory::default())
    }

    /// [`with_bootstrapping`](Self::with_bootstrapping) with the bootstrapping's matrix to slots [stored](Memory) so:
    /// [`Memory::Fast`] takes 0.7 GB more at N = 65536, and makes no rows in a bootstrapping. Results are the same, bit by bit.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// use slotwise::encoding::Memory;
    /// # // Without a security check, so that this example is quick.
    /// # let builder = CkksContext::for_depth(1).bootstrapping().degree(1024);
    /// # let client = builder.insecure_skip_security_check().build()?.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::none())?;
    /// let keys = client.generate_bootstrapping_keys()?;
    /// let server = server.with_bootstrapping_memory(&keys, Memory::Fast)?;
    /// let fresh = server.bootstrap(&client.encrypt([0.5])?)?;
    /// assert!((client.decrypt(&fresh)?[0] - 0.5).abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`with_bootstrapping`](Self::with_bootstrapping).
    pub fn with_bootstrapping_memory(
        &self,
        keys: &BootstrappingKeys,
        memory: Memory,
    ) -> Result<Self> {
        let (own, others) = (self.evaluation_keys(), keys.evaluation_keys());
        let parameters = own.context().fingerprint();
        parameters.check(others.context().fingerprint())?;
        own.key_id().check(others.key_id())?;
        let bootstrapper = Arc::new(Bootstrapper::with_memory(self.context(), keys, memory)?);
        let evaluator = self.evaluator().clone().with_refresh(bootstrapper);
        Ok(self.clone().with_evaluator(evaluator))
    }

    /// The vector with levels to spend again, attached to these keys.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # // Without a security check, so that this example is quick.
    /// # let builder = CkksContext::for_depth(1).bootstrapping().degree(1024);
    /// # let client = builder.insecure_skip_security_check().build()?.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::none())?.with_bootstrapping(&client.generate_bootstrapping_keys()?)?;
    /// let x = server.attach(client.encrypt([0.5])?)?;
    /// let used = x.square()?.rescale()?;
    /// let fresh = server.bootstrap(&used)?;
    /// assert!(fresh.level() > used.level());
    /// assert!((client.decrypt(&fresh)?[0] - 0.25).abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`attach`](Self::attach) and [`CkksVector::refresh`].
    #[doc(alias("EvalBootstrap", "Bootstrap"))]
    pub fn bootstrap(&self, vector: &CkksVector) -> Result<CkksVector> {
        self.attach(vector)?.refresh()
    }
}
