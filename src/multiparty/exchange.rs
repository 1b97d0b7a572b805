//! What parties do with a ciphertext beside opening it: they switch it to a receiver's key, turn it into shares of its message and back,
//! and refresh it.

use crate::encoding::BfvPlaintext;
use crate::encryption::{BfvCiphertext, Ciphertext, Transport};
use crate::error::{Error, MultipartyError, Result, ValueError};
use crate::kernels::{Modulus, SecretVec};
use crate::keys::{KeyId, PublicKey};
use crate::multiparty::journal::{Journal, Record, RecordKind};
use crate::multiparty::noise::Drawn;
use crate::multiparty::opening::{decoded, phase};
use crate::multiparty::policy::refused;
use crate::multiparty::prf::{Label, SecretSeed, fill_words, hash_words};
use crate::multiparty::share::{SharedPoly, Shares};
use crate::multiparty::{OpeningRequest, Party, Session, Share};
use crate::parallel::for_each_row;
use crate::params::{BfvContext, BfvNoise, BfvState, ErrorSize, Fingerprint, Log2};
use crate::ring::{
    Coeff, CoeffPoly, NttPoly, RnsBasis, SecretPoly, centred_binomial_coefficients, expand_seed,
};
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
pub struct AdditiveShare {
    fingerprint: Fingerprint,
    residues: SecretVec<u64>,
}

impl AdditiveShare {
    /// A share of these residues modulo the plaintext modulus, one for each of N coefficients.
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

    /// The residues: the holder's own.
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

impl Party {
    /// The share of a switch to the public key of a receiver, who alone can decrypt the result.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`MultipartyError::InvalidCiphertext`] for a receiver's key of another ring.
    ///
    /// # Security
    /// Whoever chooses the key decrypts: the party must know whose it is. An opening and a switch of one ciphertext count once.
    pub fn switch(
        &mut self,
        request: &OpeningRequest,
        receiver: &PublicKey,
        journal: &mut impl Journal,
    ) -> Result<SwitchShare> {
        let basis = Arc::clone(self.session.context().basis(request.level)?);
        check_ring(&basis, receiver)?;
        self.check_whole(request)?;
        let noise_bits = self.admit((request, request.bound), journal)?;
        let digest = receiver_digest(receiver);
        let request_digest = request.digest(&self.session, "switch", &[&digest]);
        let degree = basis.degree();
        // U(i), then b' U(i) and a' U(i) in coefficient form.
        let mut mask = SharedPoly::zero(&basis, degree);
        self.add(&mut mask, Drawn::Ternary, "switch mask", &request_digest);
        for_each_row(mask.rows_mut(), degree, |i, row| {
            basis.table(i).forward(row)
        });
        let mut parts = [
            self.opened_part(request, noise_bits)?,
            SharedPoly::zero(&basis, degree),
        ];
        let errors = ["switch error 0", "switch error 1"];
        for ((part, half), label) in parts.iter_mut().zip(receiver.polynomials()).zip(errors) {
            for_each_row(part.rows_mut(), degree, |i, out| {
                let q = basis.modulus(i);
                let mut row = basis.pool().take_secret(degree);
                row.copy_from_slice(mask.row(i));
                q.kernels().mul_assign(q, &mut row, half.row(i));
                basis.table(i).inverse(&mut row);
                q.kernels().add_assign(q, out, &row);
            });
            self.add(part, Drawn::Error, label, &request_digest);
        }
        Ok(self.answer(request_digest, parts.into()))
    }

    /// The share of a BFV ciphertext less masks that no t - 1 parties know: what is left, together with
    /// [`additive_share`](Self::additive_share), are shares of the message for multi-party computation.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`MultipartyError::WrongSession`] for another context than the session's.
    pub fn mask(
        &mut self,
        context: &BfvContext,
        request: &OpeningRequest,
        journal: &mut impl Journal,
    ) -> Result<MaskShare> {
        self.check_context(context)?;
        self.check_whole(request)?;
        let bound = request.bound_with_masks(&self.session);
        let noise_bits = self.admit((request, bound), journal)?;
        let mut part = self.opened_part(request, noise_bits)?;
        let label = mask_label(&self.session, request);
        self.add_masks(context, (&mut part, request.level), &label, Sign::Minus)?;
        let digest = request.digest(&self.session, "to shares", &[]);
        Ok(self.answer(digest, vec![part]))
    }

    /// This party's share of the message of a request that `parties`, t of them, answered with [`mask`](Self::mask). The first of them
    /// adds the `rest` that the answers tell.
    ///
    /// # Errors
    /// [`MultipartyError::WrongSession`]; [`MultipartyError::UnknownParty`] if this party is not one of them; [`MultipartyError::NotEnoughShares`].
    pub fn additive_share(
        &self,
        context: &BfvContext,
        request: &OpeningRequest,
        parties: &[u32],
        rest: &BfvPlaintext,
    ) -> Result<AdditiveShare> {
        self.check_context(context)?;
        self.session.check_key_id(request.key_id)?;
        context.fingerprint().check(rest.fingerprint())?;
        let set = self.session.check_set(parties)?;
        let party = self.number;
        if !set.contains(&party) {
            return Err(refused(MultipartyError::UnknownParty { party }));
        }
        let t = context.plaintext_modulus();
        let label = mask_label(&self.session, request);
        let mut residues = self.own_sources(&set, |key, sum| {
            let mut mask = SecretVec::zeroed(sum.len());
            draw_masks(key, &label, t, &mut mask);
            sum.iter_mut()
                .zip(mask.iter())
                .for_each(|(x, &y)| *x = t.add(*x, y));
        });
        if set.first() == Some(&party) {
            let pairs = residues.iter_mut().zip(&rest.coefficients);
            pairs.for_each(|(x, &y)| *x = t.add(*x, y));
        }
        let fingerprint = context.fingerprint();
        Ok(AdditiveShare {
            fingerprint,
            residues,
        })
    }

    /// The share of a fresh encryption of what `parties`, t of them, have shares of. `input` names it: a party encrypts one value under a name.
    ///
    /// # Errors
    /// [`MultipartyError::WrongSession`]; [`MultipartyError::UnknownParty`] if this party is not one of them; [`MultipartyError::NotEnoughShares`];
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) for a share of other parameters; [`MultipartyError::AlreadyOpened`] for a name with
    /// another value; [`MultipartyError::JournalFailed`].
    pub fn enter(
        &mut self,
        context: &BfvContext,
        input: &[u8],
        (parties, share): (&[u32], &AdditiveShare),
        journal: &mut impl Journal,
    ) -> Result<InputShare> {
        self.check_context(context)?;
        let set = self.session.check_set(parties)?;
        let party = self.number;
        if !set.contains(&party) {
            return Err(refused(MultipartyError::UnknownParty { party }));
        }
        let digest = input_digest(&self.session, input, &set);
        context.fingerprint().check(share.fingerprint)?;
        let record = Record {
            kind: RecordKind::Input,
            subject: digest,
            value: self.value_digest(share),
        };
        self.keep(&record, journal)?;
        let basis = self.session.context().basis(context.top_level())?;
        let a = input_mask(&self.session, basis, &digest);
        let degree = basis.degree();
        let mut errors = self
            .errors
            .generator(&self.session.label("input error", &[&digest]));
        let errors = centred_binomial_coefficients(degree, &mut errors);
        let errors = SecretPoly::from_small(basis, &errors);
        let (secret, scaled) = (self.additive(&set), scaled(context, &share.residues)?);
        let mut part = SharedPoly::zero(basis, degree);
        for_each_row(part.rows_mut(), degree, |i, out| {
            let q = basis.modulus(i);
            out.copy_from_slice(secret.row(i));
            q.kernels().mul_assign(q, out, a.row(i));
            basis.table(i).inverse(out);
            q.kernels().negate(q, out);
            q.kernels().add_assign(q, out, errors.row(i));
            q.kernels().add_assign(q, out, scaled.row(i));
        });
        Ok(self.answer(digest, vec![part]))
    }

    /// The share of a refresh: a ciphertext of the highest level with the message of the request's, and fresh noise.
    ///
    /// # Errors
    /// As [`mask`](Self::mask).
    pub fn refresh(
        &mut self,
        context: &BfvContext,
        request: &OpeningRequest,
        journal: &mut impl Journal,
    ) -> Result<RefreshShare> {
        self.check_context(context)?;
        self.check_whole(request)?;
        let bound = request.bound_with_masks(&self.session);
        let noise_bits = self.admit((request, bound), journal)?;
        let digest = request.digest(&self.session, "refresh", &[]);
        let label = mask_label(&self.session, request);
        let mut masked = self.opened_part(request, noise_bits)?;
        self.add_masks(context, (&mut masked, request.level), &label, Sign::Minus)?;
        let top = context.top_level();
        let basis = self.session.context().basis(top)?;
        let a = input_mask(&self.session, basis, &digest);
        let mut fresh = self.product(&a, basis.degree());
        for_each_row(fresh.rows_mut(), basis.degree(), |i, row| {
            basis.modulus(i).kernels().negate(basis.modulus(i), row);
        });
        self.add_masks(context, (&mut fresh, top), &label, Sign::Plus)?;
        self.add(&mut fresh, Drawn::Error, "refresh error", &digest);
        Ok(self.answer(digest, vec![masked, fresh]))
    }

    /// A hash of a share that tells nothing without the party's own secret.
    fn value_digest(&self, share: &AdditiveShare) -> Label {
        let mut hash = Sha256::new_with_prefix(b"slotwise input 1\0");
        hash.update(self.errors.expose());
        hash_words(&mut hash, &share.residues);
        hash.finalize().into()
    }

    fn check_context(&self, context: &BfvContext) -> Result<()> {
        if self.session.is_exact() && context.fingerprint() == self.session.context().fingerprint()
        {
            return Ok(());
        }
        Err(refused(MultipartyError::WrongSession))
    }

    /// Adds the party's value of small polynomials that the parties share.
    fn add(&self, part: &mut SharedPoly, drawn: Drawn, purpose: &str, digest: &Label) {
        let basis = Arc::clone(&part.basis);
        let label = self.session.label(purpose, &[digest]);
        self.noise
            .add_shared((&basis, part.rows_mut()), drawn, &label);
    }

    /// Adds or subtracts the party's value of the encoded masks, `round(Q M / t)`, at `level`.
    fn add_masks(
        &self,
        context: &BfvContext,
        (part, level): (&mut SharedPoly, usize),
        label: &Label,
        sign: Sign,
    ) -> Result<()> {
        let tables = context.level(level)?;
        let t = *context.plaintext_modulus();
        let basis = Arc::clone(&part.basis);
        let length = part.length();
        let half = t.value() / 2;
        // round(Q M / t) = -r / t for r = [Q M]_t, which lies in [-t/2, t/2): half more of it is drawn.
        let factor = t.shoup(tables.modulus_mod_plain);
        let mut sum = SharedPoly::zero(&basis, length);
        let draw = |key: &SecretSeed, words: &mut [u64]| {
            let mut residues = SecretVec::zeroed(context.slots());
            draw_masks(key, label, &t, &mut residues);
            let (low, high) = words.split_at_mut(length);
            for ((low, high), &residue) in low.iter_mut().zip(high).zip(residues.iter()) {
                let shifted = t.add(t.mul_shoup(residue, factor), half % t.value());
                (*low, *high) = (shifted & ((1 << 52) - 1), shifted >> 52);
            }
        };
        let offset = |q: &Modulus| q.reduce(half);
        self.noise
            .add_sum((&basis, sum.rows_mut()), 2, offset, |source, words| {
                draw(&source.key, words)
            });
        for_each_row(part.rows_mut(), length, |i, row| {
            let q = basis.modulus(i);
            let mut scaled = basis.pool().take_secret(length);
            scaled.copy_from_slice(sum.row(i));
            q.kernels().scale(q, &mut scaled, tables.plain_inverses[i]);
            match sign {
                Sign::Minus => q.kernels().add_assign(q, row, &scaled),
                Sign::Plus => q.kernels().sub_assign(q, row, &scaled),
            }
        });
        Ok(())
    }
}

/// Whether masks are added or subtracted.
#[derive(Clone, Copy)]
enum Sign {
    Plus,
    Minus,
}

/// The masks of a source: uniform modulo t up to 2^-64.
fn draw_masks(key: &SecretSeed, label: &Label, t: &Modulus, masks: &mut SecretVec<u64>) {
    let mut words = SecretVec::zeroed(2 * masks.len());
    fill_words(&mut key.generator(label), &mut words);
    for (mask, pair) in masks.iter_mut().zip(words.as_chunks::<2>().0) {
        *mask = t.reduce_wide(u128::from(pair[0]) << 64 | u128::from(pair[1]));
    }
}

/// `round(Q m / t)` of residues at the highest level: `-r / t` for r = [Q m]_t, centred.
fn scaled(context: &BfvContext, residues: &SecretVec<u64>) -> Result<SecretPoly<Coeff>> {
    let (level, t) = (context.top_level(), context.plaintext_modulus());
    let tables = context.level(level)?;
    let factor = t.shoup(t.neg(tables.modulus_mod_plain));
    let remainders = residues.iter().map(|&m| t.centre(t.mul_shoup(m, factor)));
    let remainders: SecretVec<i64> = remainders.collect();
    let basis = context.rlwe().basis(level)?;
    let mut poly = SecretPoly::unspecified(basis);
    poly.for_each_row(|i, row| {
        let q = basis.modulus(i);
        for (x, &remainder) in row.iter_mut().zip(remainders.iter()) {
            *x = q.reduce_signed(remainder);
        }
        q.kernels().scale(q, row, tables.plain_inverses[i]);
    });
    Ok(poly)
}

/// The label of the masks of a ciphertext, whatever for: two different masks under one noise would tell more than their difference modulo t.
fn mask_label(session: &Session, request: &OpeningRequest) -> Label {
    session.label("mask", &[&request.ciphertext])
}

/// The hash of an input's name and of who enters it.
fn input_digest(session: &Session, input: &[u8], set: &[u32]) -> Label {
    let set: Vec<u8> = set.iter().flat_map(|party| party.to_le_bytes()).collect();
    session.label("input", &[input, &set])
}

/// The uniform polynomial of what is encrypted by shares.
fn input_mask(session: &Session, basis: &Arc<RnsBasis>, digest: &Label) -> NttPoly {
    expand_seed(basis, &session.seed("input polynomial", &[digest]), 0)
}

fn receiver_digest(receiver: &PublicKey) -> Label {
    let mut hash = Sha256::new();
    hash.update(receiver.context().fingerprint().bytes());
    for poly in receiver.polynomials() {
        hash_words(&mut hash, poly.data());
    }
    hash.finalize().into()
}

/// Checks that a receiver's key has the primes of `basis` first.
fn check_ring(basis: &RnsBasis, receiver: &PublicKey) -> Result<()> {
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
            /// What parties are asked.
            #[must_use]
            pub fn request(&self) -> &OpeningRequest {
                &self.request
            }

            /// Keeps a share.
            ///
            /// # Errors
            /// As [`BfvOpening::add`](crate::multiparty::BfvOpening::add).
            pub fn add(&mut self, share: $share) -> Result<()> {
                self.shares.add(share)
            }

            /// Takes out the share of a party that turned out to be wrong.
            pub fn remove(&mut self, party: u32) {
                self.shares.remove(party);
            }

            /// The parties whose shares are there.
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
    /// # Errors
    /// As [`BfvOpening::new`](crate::multiparty::BfvOpening::new); [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) for a key of another context;
    /// [`MultipartyError::InvalidCiphertext`] for other parameters.
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
    /// # Errors
    /// [`MultipartyError::NotEnoughShares`]; [`MultipartyError::InconsistentShares`] among more than t.
    pub fn finish(&self) -> Result<BfvCiphertext> {
        let parts = self.shares.value()?;
        let level = self.receiver.rlwe().level_of(self.request.c1.basis().len());
        let basis = self.receiver.rlwe().basis(level)?;
        let first = phase(self.ciphertext.body(), parts[0].rows())?;
        let second = CoeffPoly::from_rows(basis, parts[1].rows());
        let polys = [CoeffPoly::from_rows(basis, first.data()), second].map(CoeffPoly::into_ntt);
        let noise_bits = self
            .shares
            .session()
            .check_opening(self.request.level, self.request.bound)?;
        let sources = f64::from(self.shares.session().policy().noise_sources());
        let model = self.receiver.rlwe().noise();
        let added = model.public_encryption().times(Log2::of(sources).sqrt());
        let smudging = self.request.bound + self.shares.session().noise_bound(noise_bits);
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
    /// # Errors
    /// As [`BfvOpening::new`](crate::multiparty::BfvOpening::new).
    pub fn new(session: &Session, ciphertext: &BfvCiphertext, subject: &[u8]) -> Result<Self> {
        let request = masked_request(session, ciphertext, subject)?;
        let digest = request.digest(session, "to shares", &[]);
        Ok(Self {
            shares: Shares::new(session, digest, vec![request.shape()]),
            ciphertext: ciphertext.clone(),
            request,
        })
    }

    /// The message less all masks: for the first of the parties that turn it into shares ([`Party::additive_share`]). Of no use to others.
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
    /// # Errors
    /// As [`BfvOpening::new`](crate::multiparty::BfvOpening::new).
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
    /// # Errors
    /// [`MultipartyError::WrongSession`] for another context than the session's; [`MultipartyError::UnknownParty`];
    /// [`MultipartyError::NotEnoughShares`].
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
    /// # Errors
    /// As [`BfvOpening::add`](crate::multiparty::BfvOpening::add).
    pub fn add(&mut self, share: InputShare) -> Result<()> {
        self.shares.add(share)
    }

    /// The ciphertext, at the highest level. Of exactly these parties' shares a wrong one is not noticed and gives a wrong message.
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
    let noise = ciphertext.state().noise;
    let bound = noise.bound(ciphertext.context().product_noise());
    OpeningRequest::of(session, ciphertext, subject, bound)
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
