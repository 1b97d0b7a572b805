//! What a party answers to requests other than openings: switches, masks, inputs and refreshes.

use crate::encoding::BfvPlaintext;
use crate::error::{MultipartyError, Result};
use crate::kernels::{Modulus, SecretVec};
use crate::keys::PublicKey;
use crate::multiparty::exchange::{
    AdditiveShare, InputShare, MaskShare, RefreshShare, SwitchShare, check_ring, input_digest,
    input_mask, mask_label, receiver_digest,
};
use crate::multiparty::journal::{Journal, Record, RecordKind};
use crate::multiparty::noise::Drawn;
use crate::multiparty::policy::refused;
use crate::multiparty::prf::{Label, SecretSeed, fill_residues, hash_words};
use crate::multiparty::share::SharedPoly;
use crate::multiparty::{OpeningRequest, Party};
use crate::parallel::for_each_row;
use crate::params::BfvContext;
use crate::ring::{Coeff, SecretPoly, centred_binomial_coefficients};
use sha2::{Digest, Sha256};
use std::sync::Arc;

impl Party {
    /// The share of a switch to the public key of a receiver, who alone can decrypt the result.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    #[doc = include_str!("../../docs/examples/receiver.txt")]
    /// let mut switching = BfvSwitching::new(&session, &ciphertext, (&receiver, &key), b"the sum")?;
    /// let share = parties[0].switch(switching.request(), &key, &mut journal)?;
    /// switching.add(share)?;
    /// assert_eq!(switching.parties(), [1]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`open`](Self::open); [`MultipartyError::InvalidCiphertext`] for a receiver's key of another ring.
    ///
    /// # Security
    /// Whoever chooses the key decrypts: the party must know whose it is. An opening and a switch of one ciphertext count once.
    #[doc(alias("PCKS", "PublicKeySwitchProtocol"))]
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
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let mut masking = BfvMasking::new(&session, &ciphertext, b"the sum")?;
    /// masking.add(parties[0].mask(&context, masking.request(), &mut journal)?)?;
    /// masking.add(parties[1].mask(&context, masking.request(), &mut journal)?)?;
    /// let rest = masking.finish()?; // the message less all masks
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`open`](Self::open); [`MultipartyError::WrongSession`] for another context than the session's.
    #[doc(alias("E2S", "EncToShareProtocol"))]
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
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let mut masking = BfvMasking::new(&session, &ciphertext, b"the sum")?;
    /// masking.add(parties[0].mask(&context, masking.request(), &mut journal)?)?;
    /// masking.add(parties[1].mask(&context, masking.request(), &mut journal)?)?;
    /// let rest = masking.finish()?;
    /// let ada = parties[0].additive_share(&context, masking.request(), &[1, 2], &rest)?;
    /// let emmy = parties[1].additive_share(&context, masking.request(), &[1, 2], &rest)?;
    /// let pairs = ada.expose_residues().iter().zip(emmy.expose_residues());
    /// let sums: Vec<u64> = pairs.map(|(a, b)| (a + b) % 257).collect(); // the message's coefficients
    /// assert_eq!(encoder.decode(&encoder.encode_coefficients_u64(&sums)?)?[..3], [1, 2, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::WrongSession`]; [`MultipartyError::UnknownParty`] if this party is not one of them;
    /// [`OperandError::Count`](crate::OperandError::Count) unless there are as many different parties as the threshold.
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
        let set = self.check_own_set(parties)?;
        let t = context.plaintext_modulus();
        let label = mask_label(&self.session, request);
        let mut residues = SecretVec::zeroed(context.slots());
        let mut mask = SecretVec::zeroed(context.slots());
        for key in self.own_keys(&set) {
            fill_residues(&mut key.generator(&label), t, &mut mask);
            let pairs = residues.iter_mut().zip(mask.iter());
            pairs.for_each(|(x, &y)| *x = t.add(*x, y));
        }
        if set.first() == Some(&self.number) {
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
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let ada = AdditiveShare::new(&context, &[5; 64])?; // 5 + 7 in each coefficient
    /// let emmy = AdditiveShare::new(&context, &[7; 64])?;
    /// let mut entering = BfvEntering::new(&session, &context, b"input", &[1, 2])?;
    /// entering.add(parties[0].enter(&context, b"input", (&[1, 2], &ada), &mut journal)?)?;
    /// entering.add(parties[1].enter(&context, b"input", (&[1, 2], &emmy), &mut journal)?)?;
    /// let sum = entering.finish()?; // an encryption of 12
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::WrongSession`]; [`MultipartyError::UnknownParty`] if this party is not one of them;
    /// [`OperandError::Count`](crate::OperandError::Count) unless there are as many different parties as the threshold;
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) for a share of other parameters; [`MultipartyError::AlreadyOpened`] for a name with
    /// another value; [`MultipartyError::JournalFailed`].
    #[doc(alias("S2E", "ShareToEncProtocol"))]
    pub fn enter(
        &mut self,
        context: &BfvContext,
        input: &[u8],
        (parties, share): (&[u32], &AdditiveShare),
        journal: &mut impl Journal,
    ) -> Result<InputShare> {
        self.check_context(context)?;
        let set = self.check_own_set(parties)?;
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
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let mut refreshing = BfvRefreshing::new(&session, &ciphertext, b"after layer 1")?;
    /// refreshing.add(parties[0].refresh(&context, refreshing.request(), &mut journal)?)?;
    /// refreshing.add(parties[2].refresh(&context, refreshing.request(), &mut journal)?)?;
    /// assert_eq!(refreshing.finish()?.level(), context.top_level());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`mask`](Self::mask).
    #[doc(alias("RefreshProtocol", "IntMPBootDecrypt", "bootstrap"))]
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
            fill_residues(&mut key.generator(label), &t, &mut residues);
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
