//! What parties' answers add up to beside openings: ciphertexts under a receiver's key, shares of a message and encryptions of such shares,
//! and refreshed ciphertexts.

use crate::encoding::BfvPlaintext;
use crate::encryption::{BfvCiphertext, Ciphertext, Transport};
use crate::error::{Error, MultipartyError, Result, ValueError};
use crate::kernels::SecretVec;
use crate::keys::{KeyId, PublicKey};
use crate::multiparty::opening::{bfv_bound, decoded, phase};
use crate::multiparty::policy::refused;
use crate::multiparty::prf::{Label, hash_words};
use crate::multiparty::share::{SharedPoly, Shares};
use crate::multiparty::{OpeningRequest, Session, Share};
use crate::params::{BfvContext, BfvNoise, BfvState, ErrorSize, Fingerprint, Log2};
use crate::ring::{CoeffPoly, NttPoly, RnsBasis, expand_seed};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The purpose of shares that switch a ciphertext to a receiver's key.
#[derive(Clone, Copy, Debug)]
pub enum Switched {}

/// The purpose of shares that turn a ciphertext into shares of its message.
#[derive(Clone, Copy, Debug)]
pub enum Masked {}

/// The purpose of shares that refresh a ciphertext.
#[derive(Clone, Copy, Debug)]
pub enum Refreshed {}

/// The purpose of shares that encrypt what parties have shares of.
#[derive(Clone, Copy, Debug)]
pub enum Entered {}

/// A party's share of a switch to a receiver's key.
pub type SwitchShare = Share<Switched>;

/// A party's share of a ciphertext less the masks that become shares of its message.
pub type MaskShare = Share<Masked>;

/// A party's share of a refresh.
pub type RefreshShare = Share<Refreshed>;

/// A party's share of an encryption of what several parties have shares of.
pub type InputShare = Share<Entered>;

/// A share of a message among t parties: integers modulo t, one for each coefficient of a plaintext, that sum to it. Confidential;
/// overwritten on drop.
#[doc(alias = "AdditiveShareBigint")]
pub struct AdditiveShare {
    pub(super) fingerprint: Fingerprint,
    pub(super) residues: SecretVec<u64>,
}

impl AdditiveShare {
    /// A share of these residues modulo the plaintext modulus, one for each of N coefficients.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let share = AdditiveShare::new(&context, &[5; 64])?;
    /// assert!(AdditiveShare::new(&context, &[257; 64]).is_err()); // no residue modulo 257
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::TooManyValues`] for another number; [`ValueError::ValueOutOfRange`] for one that is no residue.
    pub fn new(context: &BfvContext, residues: &[u64]) -> Result<Self> {
        let (given, capacity) = (residues.len(), context.slots());
        if given != capacity {
            return Err(Error::Values(ValueError::TooManyValues { given, capacity }));
        }
        let modulus = context.params().plaintext_modulus();
        if let Some(index) = residues.iter().position(|&residue| residue >= modulus) {
            return Err(Error::Values(ValueError::ValueOutOfRange { index }));
        }
        Ok(Self {
            fingerprint: context.fingerprint(),
            residues: residues.iter().copied().collect(),
        })
    }

    /// The residues, which only their holder may know.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let share = AdditiveShare::new(&context, &[5; 64])?;
    /// assert_eq!(share.expose_residues(), [5; 64]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn expose_residues(&self) -> &[u64] {
        &self.residues
    }
}

impl std::fmt::Debug for AdditiveShare {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("AdditiveShare(..)")
    }
}

/// The label of the masks of a ciphertext, whatever for: two different masks under one noise would tell more than their difference modulo t.
pub(super) fn mask_label(session: &Session, request: &OpeningRequest) -> Label {
    session.label("mask", &[&request.ciphertext])
}

/// The hash of an input's name and of who enters it.
pub(super) fn input_digest(session: &Session, input: &[u8], set: &[u32]) -> Label {
    let set: Vec<u8> = set.iter().flat_map(|party| party.to_le_bytes()).collect();
    session.label("input", &[input, &set])
}

/// The uniform polynomial of what is encrypted by shares.
pub(super) fn input_mask(session: &Session, basis: &Arc<RnsBasis>, digest: &Label) -> NttPoly {
    expand_seed(basis, &session.seed("input polynomial", &[digest]), 0)
}

/// The hash of a receiver's key.
pub(super) fn receiver_digest(receiver: &PublicKey) -> Label {
    let mut hash = Sha256::new();
    hash.update(receiver.context().fingerprint().bytes());
    for poly in receiver.polynomials() {
        hash_words(&mut hash, poly.data());
    }
    hash.finalize().into()
}

/// Checks that a receiver's key has the primes of `basis` first.
pub(super) fn check_ring(basis: &RnsBasis, receiver: &PublicKey) -> Result<()> {
    let theirs = receiver.context();
    let at = theirs.basis(theirs.level_of(basis.len()));
    if at.is_ok_and(|at| at.degree() == basis.degree() && at.primes() == basis.primes()) {
        return Ok(());
    }
    Err(refused(MultipartyError::InvalidCiphertext {
        reason: "the receiver's key is of another ring; the receiver needs parameters with the same degree and primes",
    }))
}

/// A request to the parties and the shares of its answer.
macro_rules! exchange {
    ($(#[$doc:meta])* $name:ident, $share:ident, { $($field:ident: $type:ty),* }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            ciphertext: BfvCiphertext,
            request: OpeningRequest,
            shares: Shares,
            $($field: $type,)*
        }

        impl $name {
            /// The request to send to the parties.
            ///
            /// ```
            #[doc = include_str!("../../docs/examples/shared_key.txt")]
            /// let refreshing = BfvRefreshing::new(&session, &ciphertext, b"after layer 1")?;
            /// let bytes = refreshing.request().to_bytes(); // to each party
            /// assert_eq!(OpeningRequest::from_bytes(&bytes, &session)?.subject(), refreshing.request().subject());
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            #[must_use]
            pub fn request(&self) -> &OpeningRequest {
                &self.request
            }

            /// Keeps a share.
            ///
            /// ```
            #[doc = include_str!("../../docs/examples/shared_key.txt")]
            /// let mut refreshing = BfvRefreshing::new(&session, &ciphertext, b"after layer 1")?;
            /// refreshing.add(parties[0].refresh(&context, refreshing.request(), &mut journal)?)?;
            /// assert_eq!(refreshing.parties(), [1]);
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            ///
            /// # Errors
            /// As [`BfvOpening::add`](crate::multiparty::BfvOpening::add).
            pub fn add(&mut self, share: $share) -> Result<()> {
                self.shares.add(share)
            }

            /// Removes the share of a party that turned out to be wrong.
            ///
            /// ```
            #[doc = include_str!("../../docs/examples/shared_key.txt")]
            /// let mut refreshing = BfvRefreshing::new(&session, &ciphertext, b"after layer 1")?;
            /// refreshing.add(parties[0].refresh(&context, refreshing.request(), &mut journal)?)?;
            /// refreshing.remove(1);
            /// assert!(refreshing.parties().is_empty());
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            pub fn remove(&mut self, party: u32) {
                self.shares.remove(party);
            }

            /// The parties whose shares have arrived.
            ///
            /// ```
            #[doc = include_str!("../../docs/examples/shared_key.txt")]
            /// let mut refreshing = BfvRefreshing::new(&session, &ciphertext, b"after layer 1")?;
            /// refreshing.add(parties[2].refresh(&context, refreshing.request(), &mut journal)?)?;
            /// assert_eq!(refreshing.parties(), [3]);
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            #[must_use]
            pub fn parties(&self) -> Vec<u32> {
                self.shares.parties()
            }
        }
    };
}

exchange!(
    /// The switch of a BFV ciphertext to the key of a receiver, who need not be a party.
    ///
    /// The noise of a switch takes all the room that there is, so the receiver decrypts the result but computes no further with it.
    BfvSwitching, SwitchShare, { receiver: BfvContext, key_id: KeyId }
);

exchange!(
    /// A BFV ciphertext turned into shares of its message among t parties: what computes on from there is multi-party computation.
    BfvMasking, MaskShare, {}
);

exchange!(
    /// A BFV ciphertext turned into one with the same message at the highest level, with fresh noise.
    BfvRefreshing, RefreshShare, {}
);

impl BfvSwitching {
    /// The switch of `ciphertext` to a receiver's public key, made within `receiver`: parameters of the same degree, primes and plaintext
    /// modulus, with a secret of their own.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    #[doc = include_str!("../../docs/examples/receiver.txt")]
    /// let switching = BfvSwitching::new(&session, &ciphertext, (&receiver, &key), b"the sum")?;
    /// assert!(switching.parties().is_empty()); // nobody has answered yet
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`BfvOpening::new`](crate::multiparty::BfvOpening::new); [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) for a key of another context;
    /// [`MultipartyError::InvalidCiphertext`] for other parameters.
    #[doc(alias("PCKS", "PublicKeySwitchProtocol"))]
    pub fn new(
        session: &Session,
        ciphertext: &BfvCiphertext,
        (receiver, key): (&BfvContext, &PublicKey),
        subject: &[u8],
    ) -> Result<Self> {
        receiver.fingerprint().check(key.context().fingerprint())?;
        let own = ciphertext.context();
        check_ring(own.rlwe().basis(ciphertext.level())?, key)?;
        if receiver.params().plaintext_modulus() != own.params().plaintext_modulus() {
            return Err(refused(MultipartyError::InvalidCiphertext {
                reason: "the receiver's plaintext modulus is another one",
            }));
        }
        let request = request(session, ciphertext, subject)?;
        let digest = request.digest(session, "switch", &[&receiver_digest(key)]);
        let shape = vec![request.shape(), request.shape()];
        Ok(Self {
            shares: Shares::new(session, digest, shape),
            ciphertext: ciphertext.clone(),
            request,
            receiver: receiver.clone(),
            key_id: key.key_id(),
        })
    }

    /// The ciphertext under the receiver's key. A wrong share among exactly t is not noticed and gives a wrong message: ask for t + 1.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    #[doc = include_str!("../../docs/examples/receiver.txt")]
    /// let mut switching = BfvSwitching::new(&session, &ciphertext, (&receiver, &key), b"the sum")?;
    /// switching.add(parties[0].switch(switching.request(), &key, &mut journal)?)?;
    /// switching.add(parties[1].switch(switching.request(), &key, &mut journal)?)?;
    /// let plaintext = slotwise::encryption::Decryptor::new(&secret).decrypt(&switching.finish()?)?;
    /// assert_eq!(slotwise::encoding::BfvEncoder::new(&receiver).decode(&plaintext)?[..3], [1, 2, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::NotEnoughShares`]; [`MultipartyError::InconsistentShares`] among more than t.
    pub fn finish(&self) -> Result<BfvCiphertext> {
        let parts = self.shares.value()?;
        let level = self.receiver.rlwe().level_of(self.request.c1.basis().len());
        let basis = self.receiver.rlwe().basis(level)?;
        let first = phase(self.ciphertext.body(), parts[0].rows())?;
        let second = CoeffPoly::from_rows(basis, parts[1].rows());
        let polys = [CoeffPoly::from_rows(basis, first.data()), second].map(CoeffPoly::into_ntt);
        let session = self.shares.session();
        let sources = f64::from(session.policy().noise_sources());
        let model = self.receiver.rlwe().noise();
        let added = model.public_encryption().times(Log2::of(sources).sqrt());
        let smudging = session.opened_bound(self.request.level, self.request.bound)?;
        let noise = BfvNoise::of_error(added, 1).plus(BfvNoise::bounded(smudging, model.degree()));
        let body = Ciphertext {
            context: Arc::clone(self.receiver.rlwe()),
            key_id: self.key_id,
            polys: polys.into(),
            transport: Transport::Plain,
        };
        Ok(BfvCiphertext::new(
            &self.receiver,
            body,
            BfvState { level, noise },
        ))
    }
}

impl BfvMasking {
    /// The masking of `ciphertext`.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let masking = BfvMasking::new(&session, &ciphertext, b"the sum")?;
    /// assert!(masking.parties().is_empty()); // nobody has answered yet
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`BfvOpening::new`](crate::multiparty::BfvOpening::new).
    #[doc(alias("E2S", "EncToShareProtocol"))]
    pub fn new(session: &Session, ciphertext: &BfvCiphertext, subject: &[u8]) -> Result<Self> {
        let request = masked_request(session, ciphertext, subject)?;
        let digest = request.digest(session, "to shares", &[]);
        Ok(Self {
            shares: Shares::new(session, digest, vec![request.shape()]),
            ciphertext: ciphertext.clone(),
            request,
        })
    }

    /// The message less all masks: for the first of the parties that turn it into shares ([`Party::additive_share`](crate::multiparty::Party::additive_share)). Of no use to others.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let mut masking = BfvMasking::new(&session, &ciphertext, b"the sum")?;
    /// masking.add(parties[0].mask(&context, masking.request(), &mut journal)?)?;
    /// assert!(masking.finish().is_err()); // two are needed
    /// masking.add(parties[2].mask(&context, masking.request(), &mut journal)?)?;
    /// let rest = masking.finish()?; // for `Party::additive_share`
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`BfvOpening::finish`](crate::multiparty::BfvOpening::finish).
    pub fn finish(&self) -> Result<BfvPlaintext> {
        let parts = self.shares.value()?;
        decoded(
            &self.shares,
            (&self.ciphertext, &self.request),
            parts[0].rows(),
        )
    }
}

impl BfvRefreshing {
    /// The refresh of `ciphertext`.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let refreshing = BfvRefreshing::new(&session, &ciphertext, b"after layer 1")?;
    /// assert!(refreshing.parties().is_empty()); // nobody has answered yet
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`BfvOpening::new`](crate::multiparty::BfvOpening::new).
    #[doc(alias("RefreshProtocol", "IntMPBootDecrypt", "IntMPBootEncrypt"))]
    pub fn new(session: &Session, ciphertext: &BfvCiphertext, subject: &[u8]) -> Result<Self> {
        let request = masked_request(session, ciphertext, subject)?;
        let digest = request.digest(session, "refresh", &[]);
        let context = session.context();
        let top = context.basis(context.top_level())?;
        let shape = vec![request.shape(), SharedPoly::zero(top, context.degree())];
        Ok(Self {
            shares: Shares::new(session, digest, shape),
            ciphertext: ciphertext.clone(),
            request,
        })
    }

    /// The fresh ciphertext. A wrong share among exactly t can give a wrong message: ask for t + 1, which are compared in all parts.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let mut refreshing = BfvRefreshing::new(&session, &ciphertext, b"after layer 1")?;
    /// refreshing.add(parties[0].refresh(&context, refreshing.request(), &mut journal)?)?;
    /// refreshing.add(parties[1].refresh(&context, refreshing.request(), &mut journal)?)?;
    /// let fresh = refreshing.finish()?;
    /// assert_eq!(fresh.level(), context.top_level());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`BfvOpening::finish`](crate::multiparty::BfvOpening::finish).
    pub fn finish(&self) -> Result<BfvCiphertext> {
        let parts = self.shares.value()?;
        let context = self.ciphertext.context();
        let answers = (&self.ciphertext, &self.request);
        let rest = decoded(&self.shares, answers, parts[0].rows())?;
        let digest = self.request.digest(self.shares.session(), "refresh", &[]);
        let sources = self.shares.session().policy().noise_sources();
        let mut result = entered(
            self.shares.session(),
            context,
            (&digest, &parts[1]),
            sources,
        )?;
        result.body.polys[0].add_assign(&rest.scaled(context.top_level())?);
        result.state = result.state.plus_plaintext(context);
        Ok(result)
    }
}

/// A fresh encryption of what t parties have shares of.
#[derive(Debug)]
pub struct BfvEntering {
    context: BfvContext,
    digest: Label,
    shares: Shares,
}

impl BfvEntering {
    /// The encryption of the shares that `parties`, t of them, have of `input`.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let entering = BfvEntering::new(&session, &context, b"input", &[1, 2])?;
    /// assert!(BfvEntering::new(&session, &context, b"input", &[1]).is_err()); // two have shares
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::WrongSession`] for another context than the session's; [`MultipartyError::UnknownParty`];
    /// [`OperandError::Count`](crate::OperandError::Count) unless there are as many different parties as the threshold.
    #[doc(alias("S2E", "ShareToEncProtocol"))]
    pub fn new(
        session: &Session,
        context: &BfvContext,
        input: &[u8],
        parties: &[u32],
    ) -> Result<Self> {
        if context.fingerprint() != session.context().fingerprint() || !session.is_exact() {
            return Err(refused(MultipartyError::WrongSession));
        }
        let set = session.check_set(parties)?;
        let digest = input_digest(session, input, &set);
        let basis = context.rlwe().basis(context.top_level())?;
        let shape = vec![SharedPoly::zero(basis, basis.degree())];
        Ok(Self {
            context: context.clone(),
            digest,
            shares: Shares::new(session, digest, shape).of_set(set),
        })
    }

    /// Keeps a share.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let share = AdditiveShare::new(&context, &[5; 64])?;
    /// let mut entering = BfvEntering::new(&session, &context, b"input", &[1, 2])?;
    /// entering.add(parties[0].enter(&context, b"input", (&[1, 2], &share), &mut journal)?)?;
    /// assert!(entering.finish().is_err()); // party 2 has not answered yet
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`BfvOpening::add`](crate::multiparty::BfvOpening::add).
    pub fn add(&mut self, share: InputShare) -> Result<()> {
        self.shares.add(share)
    }

    /// The ciphertext, at the highest level. Of exactly these parties' shares a wrong one is not noticed and gives a wrong message.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let share = AdditiveShare::new(&context, &[5; 64])?;
    /// let mut entering = BfvEntering::new(&session, &context, b"input", &[1, 2])?;
    /// for party in &mut parties[..2] {
    ///     entering.add(party.enter(&context, b"input", (&[1, 2], &share), &mut journal)?)?;
    /// }
    /// let sum = entering.finish()?; // an encryption of 5 + 5 in each coefficient
    /// assert_eq!(sum.level(), context.top_level());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::NotEnoughShares`].
    pub fn finish(&self) -> Result<BfvCiphertext> {
        let parts = self.shares.value()?;
        let summands = self.shares.session().policy().threshold();
        entered(
            self.shares.session(),
            &self.context,
            (&self.digest, &parts[0]),
            summands,
        )
    }
}

fn request(
    session: &Session,
    ciphertext: &BfvCiphertext,
    subject: &[u8],
) -> Result<OpeningRequest> {
    if !session.is_exact() {
        return Err(refused(MultipartyError::WrongSession));
    }
    OpeningRequest::of(session, ciphertext, subject, bfv_bound(ciphertext)?)
}

/// A request whose answers have masks, and the roundings of those.
fn masked_request(
    session: &Session,
    ciphertext: &BfvCiphertext,
    subject: &[u8],
) -> Result<OpeningRequest> {
    let request = request(session, ciphertext, subject)?;
    session.check_opening(request.level, request.bound_with_masks(session))?;
    Ok(request)
}

/// The ciphertext whose first polynomial is a sum of so many parts, each with an error and a rounding.
fn entered(
    session: &Session,
    context: &BfvContext,
    (digest, sum): (&Label, &SharedPoly),
    summands: u32,
) -> Result<BfvCiphertext> {
    let level = context.top_level();
    let basis = context.rlwe().basis(level)?;
    let first = CoeffPoly::from_rows(basis, sum.rows()).into_ntt();
    let body = Ciphertext {
        context: Arc::clone(context.rlwe()),
        key_id: session.key_id(),
        polys: vec![first, input_mask(session, basis, digest)],
        transport: Transport::Plain,
    };
    let count = Log2::of(summands.into());
    let model = context.rlwe().noise();
    let error: ErrorSize = model.error().times(count.sqrt());
    let rounding = BfvNoise::bounded(count * Log2::of(0.5), model.degree());
    let noise = BfvNoise::of_error(error, 1).plus(rounding);
    Ok(BfvCiphertext::new(context, body, BfvState { level, noise }))
}
