use crate::error::Result;
use crate::federated::context::{check_key, wrong_mode};
use crate::federated::spec::Mode;
use crate::federated::{SealedSum, SumContext, Sums};
use crate::keys::SecretKey;
use crate::ring::{Coeff, SecretPoly};
use std::sync::Arc;

/// Decrypts sums, for the one who holds the secret key.
///
/// # Security
/// A sum of one update is that update, and the sums of two lists that differ by one client give that client's. The decryptor
/// refuses what honest updates cannot sum to, so that a malformed upload that would show the key stands out; it cannot find all of
/// them (`docs/federated.md`). Tell the server no more of a refusal than that there was one.
#[derive(Clone, Debug)]
#[doc(alias = "HEModelDecryptor")]
pub struct SumDecryptor {
    context: SumContext,
    secret: Arc<SecretKey>,
}

impl SumDecryptor {
    /// The decryptor of a secret key.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// let decryptor = SumDecryptor::new(&context, secret)?;
    /// assert!(decryptor.decrypt(&aggregator.seal()).is_err()); // no updates yet
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`FederatedError::OtherSum`](crate::FederatedError::OtherSum) for a key of other parameters;
    /// [`FederatedError::WrongMode`](crate::FederatedError::WrongMode) for sums under a shared key, which parties open together.
    pub fn new(context: &SumContext, secret: Arc<SecretKey>) -> Result<Self> {
        context.check_fingerprint(secret.context().fingerprint())?;
        if matches!(context.mode(), Mode::Shared(_)) {
            return Err(wrong_mode(
                "sums under a shared key are opened by its parties: use `SumOpening` on the server and `SumHolder` with each party",
            ));
        }
        let context = context.clone();
        Ok(Self { context, secret })
    }

    /// The sums, all of them exact.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// aggregator.add(&ada)?;
    /// aggregator.add(&emmy)?;
    /// let sums = SumDecryptor::new(&context, secret)?.decrypt(&aggregator.seal())?;
    /// assert_eq!(sums.uploads(), 2);
    /// assert!((sums.average()[0] - 0.375).abs() < 1e-4);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`FederatedError::OtherSum`](crate::FederatedError::OtherSum) and [`FederatedError::OtherKey`](crate::FederatedError::OtherKey)
    /// for a sum under another key; [`FederatedError::Implausible`](crate::FederatedError::Implausible) for one that is none of honest
    /// updates; [`FederatedError::TooFewContributors`](crate::FederatedError::TooFewContributors) for one of no updates.
    pub fn decrypt(&self, sealed: &SealedSum) -> Result<Sums> {
        self.context
            .check_fingerprint(sealed.context().fingerprint())?;
        check_key(self.secret.id(), sealed.key_id())?;
        let uploads = u32::try_from(sealed.contributions().len()).unwrap_or(u32::MAX);
        Sums::from_phases(sealed, self.context.bound(uploads), |number| {
            Ok(self.phase(sealed, number))
        })
    }

    /// `c_0 + c_1 s` of a ciphertext.
    fn phase(&self, sealed: &SealedSum, number: usize) -> SecretPoly<Coeff> {
        let (first, second) = sealed.ciphertext(number);
        let basis = self.context.basis();
        let mut phase = SecretPoly::unspecified(basis);
        phase.for_each_row(|i, row| {
            let q = basis.modulus(i);
            row.copy_from_slice(second.row(i));
            q.kernels().mul_assign(q, row, self.secret.poly().row(i));
            basis.table(i).inverse(row);
            q.kernels().add_assign(q, row, first.row(i));
        });
        phase
    }
}
