//! Requests for openings, and openings of BFV and CKKS ciphertexts.

use crate::encoding::{BfvPlaintext, CkksPlaintext};
use crate::encryption::{BfvCiphertext, Ciphertext, CkksCiphertext, Encrypted, State};
use crate::error::{MultipartyError, Result};
use crate::kernels::BLOCK;
use crate::keys::KeyId;
use crate::multiparty::policy::refused;
use crate::multiparty::prf::{Label, hash_words, label};
use crate::multiparty::share::{SharedPoly, Shares};
use crate::multiparty::{Record, RecordKind, Session, Share};
use crate::params::{Fingerprint, Log2};
use crate::ring::{CoeffPoly, MixedRadix, NttPoly};
use sha2::{Digest, Sha256};

/// The purpose of shares of openings.
#[derive(Clone, Copy, Debug)]
pub enum Opened {}

/// A party's share of an opening.
pub type OpeningShare = Share<Opened>;

/// What parties are asked to open: the second polynomial of a ciphertext, and a bound of its error.
#[derive(Clone, Debug)]
pub struct OpeningRequest {
    pub(super) fingerprint: Fingerprint,
    pub(super) key_id: KeyId,
    pub(super) level: usize,
    /// The hash of what is opened.
    pub(super) subject: Label,
    /// A bound of the error of each coefficient of the phase.
    pub(super) bound: Log2,
    /// How many coefficients of the phase are wanted, a whole number of blocks.
    pub(super) coefficients: usize,
    pub(super) c1: NttPoly,
    /// The hash of session, level and second polynomial: what noise depends on, and nothing else.
    pub(super) ciphertext: Label,
}

impl OpeningRequest {
    /// A request for a ciphertext of degree 1 under the session's key.
    pub(super) fn of<S: State>(
        session: &Session,
        ciphertext: &Encrypted<S>,
        subject: &[u8],
        bound: Log2,
    ) -> Result<Self> {
        session
            .context()
            .fingerprint()
            .check(ciphertext.body().fingerprint())?;
        session.check_key_id(ciphertext.body().key_id())?;
        let [_, c1] = ciphertext.body().pair()?;
        let degree = session.context().degree();
        Self::new(
            session,
            (subject, ciphertext.level()),
            c1.clone(),
            (degree, bound),
        )
    }

    /// A request for the first coefficients of a phase.
    pub(crate) fn new(
        session: &Session,
        (subject, level): (&[u8], usize),
        c1: NttPoly,
        (coefficients, bound): (usize, Log2),
    ) -> Result<Self> {
        let subject = label("subject", &[subject]);
        let request = Self::named(session, (subject, level), c1, (coefficients, bound));
        session.check_opening(level, bound)?;
        Ok(request)
    }

    /// A request with the hash of its subject, unchecked.
    pub(super) fn named(
        session: &Session,
        (subject, level): (Label, usize),
        c1: NttPoly,
        (coefficients, bound): (usize, Log2),
    ) -> Self {
        let mut hash = Sha256::new();
        hash_words(&mut hash, c1.data());
        let ciphertext = [&(level as u64).to_le_bytes()[..], &hash.finalize()];
        Self {
            fingerprint: session.context().fingerprint(),
            key_id: session.key_id(),
            level,
            subject,
            bound,
            coefficients: coefficients.next_multiple_of(BLOCK),
            ciphertext: session.label("ciphertext", &ciphertext),
            c1,
        }
    }

    /// The hash of what is opened, as a party's journal records it.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let opening = BfvOpening::new(&session, &ciphertext, b"the sum")?;
    /// parties[0].open(opening.request(), &mut journal)?;
    /// assert_eq!(journal[0].subject, opening.request().subject());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn subject(&self) -> [u8; 32] {
        self.subject
    }

    /// What a journal keeps of an answer.
    pub(super) fn record(&self) -> Record {
        Record {
            kind: RecordKind::Opening,
            subject: self.subject,
            value: self.ciphertext,
        }
    }

    /// log2 of the bound of the error that the request states for each coefficient. A party cannot check it.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let opening = BfvOpening::new(&session, &ciphertext, b"the sum")?;
    /// assert!(opening.request().bound_bits() < 30.0); // the noise of a fresh ciphertext
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn bound_bits(&self) -> f64 {
        self.bound.bits()
    }

    /// The hash of what a share answers.
    pub(super) fn digest(&self, session: &Session, purpose: &str, parts: &[&[u8]]) -> Label {
        let coefficients = (self.coefficients as u64).to_le_bytes();
        session.label(
            purpose,
            &[&[&self.ciphertext[..], &coefficients], parts].concat(),
        )
    }

    /// The bound of the error with the roundings of masks, which some answers have.
    pub(super) fn bound_with_masks(&self, session: &Session) -> Log2 {
        self.bound + mask_roundings(session)
    }

    /// A polynomial of the shape of the answers' first.
    pub(super) fn shape(&self) -> SharedPoly {
        SharedPoly::zero(self.c1.basis(), self.coefficients)
    }
}

/// Opens a request of any kind: the sum `c_1 s + E` from t shares.
#[derive(Debug)]
pub(crate) struct Opening {
    request: OpeningRequest,
    shares: Shares,
}

impl Opening {
    pub(crate) fn new(session: &Session, request: OpeningRequest) -> Self {
        let digest = request.digest(session, "opening", &[]);
        Self {
            shares: Shares::new(session, digest, vec![request.shape()]),
            request,
        }
    }

    pub(crate) fn request(&self) -> &OpeningRequest {
        &self.request
    }

    pub(crate) fn session(&self) -> &Session {
        self.shares.session()
    }

    /// Whether [`add`](Self::add) would keep a share.
    pub(crate) fn check(&self, share: &OpeningShare) -> Result<()> {
        self.shares.check(share)
    }

    pub(crate) fn add(&mut self, share: OpeningShare) -> Result<()> {
        self.shares.add(share)
    }

    pub(crate) fn remove(&mut self, party: u32) {
        self.shares.remove(party);
    }

    pub(crate) fn parties(&self) -> Vec<u32> {
        self.shares.parties()
    }

    /// The first coefficients of `c_1 s + E`: a row for each prime.
    pub(crate) fn value(&self) -> Result<Vec<u64>> {
        let parts = self.shares.value()?;
        Ok(parts.iter().flat_map(SharedPoly::rows).copied().collect())
    }
}

/// Declares the opening of ciphertexts of a scheme: everything but how it ends.
macro_rules! opening {
    ($(#[$doc:meta])* $name:ident, $ciphertext:ident, $exact:literal, $bound:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            ciphertext: $ciphertext,
            opening: Opening,
        }

        impl $name {
            /// The opening of `ciphertext`, which `subject` names: a party opens a subject once, and the same ciphertext again at most.
            ///
            /// ```
            #[doc = include_str!("../../docs/examples/shared_key.txt")]
            /// let opening = BfvOpening::new(&session, &ciphertext, b"the sum")?;
            /// assert!(opening.parties().is_empty()); // nobody has answered yet
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            ///
            /// # Errors
            /// [`MultipartyError::WrongSession`](crate::MultipartyError::WrongSession) for a ciphertext of another key or a session of another kind;
            /// [`OperandError::NotRelinearized`](crate::OperandError::NotRelinearized); [`MultipartyError::SmudgingImpossible`](crate::MultipartyError::SmudgingImpossible).
            pub fn new(session: &Session, ciphertext: &$ciphertext, subject: &[u8]) -> Result<Self> {
                if session.is_exact() != $exact {
                    return Err(refused(MultipartyError::WrongSession));
                }
                let bound = $bound(ciphertext)?;
                let request = OpeningRequest::of(session, ciphertext, subject, bound)?;
                Ok(Self {
                    ciphertext: ciphertext.clone(),
                    opening: Opening::new(session, request),
                })
            }

            /// The request to send to the parties.
            ///
            /// ```
            #[doc = include_str!("../../docs/examples/shared_key.txt")]
            /// let opening = BfvOpening::new(&session, &ciphertext, b"the sum")?;
            /// let bytes = opening.request().to_bytes(); // to each party
            /// let share = parties[0].open(&OpeningRequest::from_bytes(&bytes, &session)?, &mut journal)?;
            /// assert_eq!(share.party(), 1);
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            #[must_use]
            pub fn request(&self) -> &OpeningRequest {
                self.opening.request()
            }

            /// Keeps a share.
            ///
            /// ```
            #[doc = include_str!("../../docs/examples/shared_key.txt")]
            /// let mut opening = BfvOpening::new(&session, &ciphertext, b"the sum")?;
            /// opening.add(parties[0].open(opening.request(), &mut journal)?)?;
            /// assert_eq!(opening.parties(), [1]);
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            ///
            /// # Errors
            /// [`MultipartyError::WrongSession`](crate::MultipartyError::WrongSession); [`MultipartyError::UnknownParty`](crate::MultipartyError::UnknownParty); [`MultipartyError::OtherPurpose`](crate::MultipartyError::OtherPurpose) for a share of another
            /// ciphertext; [`MultipartyError::Duplicate`](crate::MultipartyError::Duplicate); [`MultipartyError::Conflict`](crate::MultipartyError::Conflict).
            pub fn add(&mut self, share: OpeningShare) -> Result<()> {
                self.opening.add(share)
            }

            /// Removes the share of a party that turned out to be wrong.
            ///
            /// ```
            #[doc = include_str!("../../docs/examples/shared_key.txt")]
            /// let mut opening = BfvOpening::new(&session, &ciphertext, b"the sum")?;
            /// opening.add(parties[0].open(opening.request(), &mut journal)?)?;
            /// opening.remove(1);
            /// assert!(opening.parties().is_empty());
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            pub fn remove(&mut self, party: u32) {
                self.opening.remove(party);
            }

            /// The parties whose shares have arrived.
            ///
            /// ```
            #[doc = include_str!("../../docs/examples/shared_key.txt")]
            /// let mut opening = BfvOpening::new(&session, &ciphertext, b"the sum")?;
            /// opening.add(parties[2].open(opening.request(), &mut journal)?)?;
            /// assert_eq!(opening.parties(), [3]);
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            #[must_use]
            pub fn parties(&self) -> Vec<u32> {
                self.opening.parties()
            }
        }
    };
}

opening!(
    /// The opening of a BFV ciphertext by shares of any t parties, exactly.
    BfvOpening, BfvCiphertext, true, bfv_bound
);

opening!(
    /// The opening of a CKKS ciphertext by shares of any t parties, up to noise that leaves the bits that the session was made for.
    ///
    /// # Security
    /// Weaker than openings of exact values. The opened value contains the noise of all parties, so that no simulation from the value alone is known
    /// (eprint 2025/395); and at common scales the noise hides the error of the ciphertext by [`hiding_bits`](CkksOpening::hiding_bits) only. Open values that
    /// may be known to whoever holds the key, or sum integers exactly instead ([`federated`](crate::federated)).
    CkksOpening, CkksCiphertext, false, ckks_bound
);

/// The bound of the error of each coefficient.
pub(super) fn bfv_bound(ciphertext: &BfvCiphertext) -> Result<Log2> {
    let state = ciphertext.state();
    Ok(state.noise.bound(ciphertext.context().product_noise()))
}

fn ckks_bound(ciphertext: &CkksCiphertext) -> Result<Log2> {
    if ciphertext.state().scale() != ciphertext.context().scale(ciphertext.level())? {
        return Err(refused(MultipartyError::InvalidCiphertext {
            reason: "an opening takes a ciphertext of its level's canonical scale: open the ciphertexts of `vector.rescale()?`",
        }));
    }
    // A coefficient is a mean of values at the roots.
    Ok(ciphertext.state().noise)
}

impl BfvOpening {
    /// The plaintext. More than t shares are compared with each other. Among exactly t, a share that is wrong in all coefficients leaves an error that is too large
    /// and is refused; one that is wrong in a few, or shifts the message on purpose, is not noticed.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let mut opening = BfvOpening::new(&session, &ciphertext, b"the sum")?;
    /// opening.add(parties[0].open(opening.request(), &mut journal)?)?;
    /// opening.add(parties[2].open(opening.request(), &mut journal)?)?;
    /// assert_eq!(encoder.decode(&opening.finish()?)?[..3], [1, 2, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::NotEnoughShares`]; [`MultipartyError::InconsistentShares`].
    #[doc(alias = "MultipartyDecryptFusion")]
    pub fn finish(&self) -> Result<BfvPlaintext> {
        let answers = (&self.ciphertext, self.request());
        decoded(&self.opening.shares, answers, &self.opening.value()?)
    }
}

impl CkksOpening {
    /// The plaintext. More than t shares are compared with each other.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_ckks_key.txt")]
    /// for party in &mut parties {
    ///     opening.add(party.open(opening.request(), &mut Vec::new())?)?;
    /// }
    /// let values = encoder.decode(&opening.finish_without_simulation_security()?)?;
    /// assert!((values[0] - 0.5).abs() < 1e-5 && (values[1] - 0.25).abs() < 1e-5);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`BfvOpening::finish`].
    #[doc(alias = "MultipartyDecryptFusion")]
    pub fn finish_without_simulation_security(&self) -> Result<CkksPlaintext> {
        let session = self.opening.session();
        let sources = session.policy().noise_sources();
        let noise = session.context().noise().uniform(sources);
        let added = noise * Log2::from_bits(self.noise_bits()?.into());
        let (context, state) = (self.ciphertext.context(), self.ciphertext.state());
        let state = state.with_added_error(added);
        state.check_decryptable(context)?;
        Ok(CkksPlaintext::new(
            context,
            phase(self.ciphertext.body(), &self.opening.value()?)?.into_ntt(),
            state,
        ))
    }

    /// How many bits the noise is larger than it must be for the statistical distance of one opening, or all of a key's, to
    /// be below 1: the session's lambda where it reaches that, less, or negative, where the scale has no room.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_ckks_key.txt")]
    /// assert!(opening.hiding_bits()? < 80.0); // less than lambda: a scale of 50 bits has no room for it
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::SmudgingImpossible`] where there is no noise at all.
    pub fn hiding_bits(&self) -> Result<f64> {
        let session = self.opening.session();
        let (policy, degree) = (session.policy(), session.context().degree());
        let lambda = f64::from(policy.lambda().bits());
        let least = policy.least_noise(degree, self.request().bound).bits() - lambda;
        Ok(f64::from(self.noise_bits()?) - least)
    }

    fn noise_bits(&self) -> Result<u32> {
        let request = self.request();
        let session = self.opening.session();
        session.check_opening(request.level, request.bound)
    }
}

/// A bound of what the roundings of all masks add to a coefficient.
fn mask_roundings(session: &Session) -> Log2 {
    let masks = f64::from(session.policy().noise_sources());
    Log2::of(f64::midpoint(masks, 1.0))
}

/// The message of a BFV ciphertext whose second polynomial was opened, if the error is one that right shares leave.
///
/// # Errors
/// [`MultipartyError::InconsistentShares`] for a larger error, as a share that is wrong in all coefficients leaves.
pub(super) fn decoded(
    shares: &Shares,
    (ciphertext, request): (&BfvCiphertext, &OpeningRequest),
    opened: &[u64],
) -> Result<BfvPlaintext> {
    let session = shares.session();
    let bound = session.opened_bound(request.level, request.bound)? + mask_roundings(session);
    let phase = phase(ciphertext.body(), opened)?;
    // t times the phase is a multiple of Q and t times the error.
    let context = ciphertext.context();
    let mut error = phase.clone();
    error.scale(&context.level(ciphertext.level())?.plain_residues);
    let largest = MixedRadix::new(phase.basis()).log2_largest(&error);
    if largest > (bound * context.plain()).bits() {
        return Err(refused(MultipartyError::InconsistentShares {
            suspects: shares.parties(),
        }));
    }
    ciphertext.plaintext_of(&phase)
}

/// `c_0` and what shares of `c_1` open to.
pub(super) fn phase(body: &Ciphertext, opened: &[u64]) -> Result<CoeffPoly> {
    let [c0, c1] = body.pair()?;
    let mut phase = c0.clone().into_coeff();
    phase.add_assign(&CoeffPoly::from_rows(c1.basis(), opened));
    Ok(phase)
}
