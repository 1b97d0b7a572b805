//! Keys that parties make together: public, Galois and relinearization keys of a secret that none of them has.
//!
//! Source: C. Mouchet et al., "Multiparty Homomorphic Encryption from Ring-Learning-with-Errors" (eprint 2020/304), protocols CKG, RKG and
//! RTG; by any t parties as in C. Mouchet, E. Bertrand, J.-P. Hubaux, "An Efficient Threshold Access-Structure for RLWE-Based Multiparty
//! Homomorphic Encryption" (eprint 2022/780).

use crate::error::{MultipartyError, Result};
use crate::keys::{
    GaloisKey, KeyEnds, KeyGenerator, KeyId, PublicKey, RelinearizationKey, Rotations, SecretKey,
    SwitchingKey,
};
use crate::multiparty::collector::{Collector, Contribution, sealed};
use crate::multiparty::journal::{Journal, Record, RecordKind};
use crate::multiparty::policy::refused;
use crate::multiparty::prf::Label;
use crate::multiparty::{KeyRound, Party, Session};
use crate::params::{Context, Fingerprint, Gadget, KeySpan};
use crate::ring::{
    GaloisElement, Ntt, NttPoly, SecretPoly, Seed, centred_binomial_coefficients, expand_seed_row,
    ternary_coefficients,
};
use rand::CryptoRng;
use std::sync::Arc;

/// A party's share of the public key. Public.
#[derive(Clone, Debug)]
pub struct PublicKeyShare {
    pub(super) party: u32,
    pub(super) round: KeyRound,
    pub(super) key: PublicKey,
}

/// A party's share of the key of one automorphism. Public.
#[derive(Clone, Debug)]
pub struct GaloisKeyShare {
    pub(super) party: u32,
    pub(super) round: KeyRound,
    pub(super) key: GaloisKey,
}

/// A party's first message for a relinearization key: for each digit `h_0 = -a u + g s + e_0` and `h_1 = a s + e_1`, with a common a and a
/// secret u of its own. Public.
#[derive(Clone, Debug)]
pub struct RelinearizationRoundOne {
    pub(super) fingerprint: Fingerprint,
    pub(super) key_id: KeyId,
    pub(super) party: u32,
    pub(super) round: KeyRound,
    pub(super) span: KeySpan,
    pub(super) digits: Vec<[NttPoly; 2]>,
}

/// What a party keeps between its two messages: its u. Used once, since a second answer would tell its secret.
///
/// ```compile_fail
/// # fn twice(party: &slotwise::multiparty::Party, secret: slotwise::multiparty::RelinearizationSecret,
/// #     sums: &slotwise::multiparty::RelinearizationSums) {
/// let first = party.relinearization_round_two(sums, secret);
/// let second = party.relinearization_round_two(sums, secret); // moved
/// # }
/// ```
pub struct RelinearizationSecret {
    round: KeyRound,
    span: KeySpan,
    party: u32,
    masks: Vec<SecretPoly<Ntt>>,
}

/// The sums of all first messages, which every party adds up itself: from a sum that it was told, its second message would give its secret
/// away.
#[derive(Clone, Debug)]
pub struct RelinearizationSums {
    key_id: KeyId,
    round: KeyRound,
    span: KeySpan,
    digits: Vec<[NttPoly; 2]>,
    digest: Label,
}

/// A party's second message for a relinearization key: for each digit `s h_0 + (u - s) h_1 + e_2` of the sums. Public.
#[derive(Clone, Debug)]
pub struct RelinearizationRoundTwo {
    pub(super) fingerprint: Fingerprint,
    pub(super) key_id: KeyId,
    pub(super) party: u32,
    pub(super) round: KeyRound,
    pub(super) span: KeySpan,
    /// The hash of the sums that it answers.
    pub(super) sums: Label,
    pub(super) digits: Vec<NttPoly>,
}

/// Relinearization keys from second messages.
#[derive(Debug)]
pub struct RelinearizationCollector {
    session: Session,
    sums: RelinearizationSums,
    collector: Collector<RelinearizationRoundTwo>,
}

impl Party {
    /// This party's share of the public key.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let shares = parties.iter().map(|party| party.public_key_share(&round));
    /// let shares = shares.collect::<slotwise::Result<Vec<_>>>()?;
    /// let mut collector = Collector::<PublicKeyShare>::new(&session, &round)?;
    /// for share in &shares {
    ///     collector.commit(share.commitment())?; // all hashes first
    /// }
    /// for share in shares {
    ///     collector.add(share)?;
    /// }
    /// assert_eq!(collector.finish()?.key_id(), session.key_id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::UnknownParty`] for a round that the party has no part in.
    #[doc(alias("CKG", "PublicKeyGenProtocol", "MultipartyKeyGen"))]
    pub fn public_key_share(&self, round: &KeyRound) -> Result<PublicKeyShare> {
        let secret = self.maker(round)?;
        let mut errors = self.errors_for("public key", round, &[]);
        let key = self.generator(&secret, round).public_key(&mut errors)?;
        Ok(PublicKeyShare {
            party: self.number,
            round: round.clone(),
            key,
        })
    }

    /// This party's shares of the Galois keys of a span for `rotations`, one for each automorphism.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let span = session.context().params().whole_span();
    /// let rotations = Rotations::steps(&[1, 2]);
    /// let shares = parties[0].galois_key_shares(&round, &rotations, span)?;
    /// assert_eq!(shares.len(), 2); // a collector for each
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`public_key_share`](Self::public_key_share); [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) without special primes;
    /// [`ParameterError::InvalidSpan`](crate::ParameterError::InvalidSpan).
    #[doc(alias("GKG", "RTG", "GaloisKeyGenProtocol", "MultiEvalAtIndexKeyGen"))]
    pub fn galois_key_shares(
        &self,
        round: &KeyRound,
        rotations: &Rotations,
        span: KeySpan,
    ) -> Result<Vec<GaloisKeyShare>> {
        let secret = self.maker(round)?;
        let generator = self.generator(&secret, round).with_span(span)?;
        let elements = rotations.elements(self.session.context().degree());
        let share = |element: GaloisElement| {
            let parts = [element.exponent().to_le_bytes(), span_bytes(span)];
            let mut errors = self.errors_for("Galois key", round, parts.as_flattened());
            let key = generator.galois_key(element, &mut errors)?;
            Ok(GaloisKeyShare {
                party: self.number,
                round: round.clone(),
                key,
            })
        };
        elements.into_iter().map(share).collect()
    }

    /// The first message for a relinearization key of a span, and what the second needs.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let span = session.context().params().whole_span();
    /// let (message, secret) = parties[0].relinearization_round_one((&round, span), &mut journal, &mut rng)?;
    /// let commitment = message.commitment(); // sent first; `secret` waits for the second round
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`galois_key_shares`](Self::galois_key_shares); [`MultipartyError::AlreadyOpened`] for a round that was begun before, also by a party that
    /// was loaded since: take another attempt. [`MultipartyError::JournalFailed`].
    #[doc(alias("RKG", "RelinearizationKeyGenProtocol", "MultiKeySwitchGen"))]
    pub fn relinearization_round_one(
        &mut self,
        (round, span): (&KeyRound, KeySpan),
        journal: &mut impl Journal,
        rng: &mut impl CryptoRng,
    ) -> Result<(RelinearizationRoundOne, RelinearizationSecret)> {
        let secret = self.maker(round)?;
        let context = Arc::clone(self.session.context());
        let gadget = context.gadget_of(span)?;
        let seed = self
            .session
            .seed("relinearization key", &[&round.bytes(), &span_bytes(span)]);
        let record = Record {
            kind: RecordKind::Relinearization,
            subject: seed.0,
            value: [0; 32],
        };
        if self.answered.contains_key(&(record.kind, record.subject)) {
            return Err(refused(MultipartyError::AlreadyOpened));
        }
        self.keep(&record, journal)?;
        let mut repeated = self.errors_for("relinearization key", round, &span_bytes(span));
        let degree = context.degree();
        let (mut digits, mut masks) = (Vec::new(), Vec::new());
        for number in 0..gadget.digits().len() {
            let basis = context.span_basis(span)?;
            let small =
                |coefficients: &[i64]| SecretPoly::from_small(&basis, coefficients).into_ntt();
            let mask = small(&ternary_coefficients(degree, rng));
            let first = small(&centred_binomial_coefficients(degree, rng));
            let second = small(&centred_binomial_coefficients(degree, &mut repeated));
            let place = Digit {
                context: &context,
                gadget: &gadget,
                number,
            };
            digits.push(place.round_one(&secret, &mask, [first, second], &seed));
            masks.push(mask);
        }
        let message = RelinearizationRoundOne {
            fingerprint: context.fingerprint(),
            key_id: self.session.key_id(),
            party: self.number,
            round: round.clone(),
            span,
            digits,
        };
        let kept = RelinearizationSecret {
            round: round.clone(),
            span,
            party: self.number,
            masks,
        };
        Ok((message, kept))
    }

    /// The second message, which answers the sums of all first ones.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    #[doc = include_str!("../../docs/examples/relinearization.txt")]
    /// let answer = parties[0].relinearization_round_two(&sums, secrets.remove(0))?;
    /// RelinearizationCollector::new(&session, &sums)?.add(answer)?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::OtherPurpose`] for sums of another round, span or session, or another party's secret. The secret is gone in any case:
    /// begin again with another attempt.
    #[doc(alias = "RKG")]
    pub fn relinearization_round_two(
        &self,
        sums: &RelinearizationSums,
        secret: RelinearizationSecret,
    ) -> Result<RelinearizationRoundTwo> {
        self.session.check_key_id(sums.key_id)?;
        let fits =
            (&sums.round, sums.span, self.number) == (&secret.round, secret.span, secret.party);
        if !fits || sums.digits.len() != secret.masks.len() {
            return Err(refused(MultipartyError::OtherPurpose));
        }
        let own = self.maker(&sums.round)?;
        let context = self.session.context();
        let gadget = context.gadget_of(sums.span)?;
        let mut errors = self.errors_for("relinearization answer", &sums.round, &sums.digest);
        let pairs = sums.digits.iter().zip(secret.masks);
        let digits = pairs.map(|([first, second], mask)| {
            let coefficients = centred_binomial_coefficients(context.degree(), &mut errors);
            let mut answer = SecretPoly::from_small(first.basis(), &coefficients).into_ntt();
            let basis = Arc::clone(first.basis());
            answer.for_each_row(|position, row| {
                let (q, own) = (
                    basis.modulus(position),
                    own.poly().row(gadget.rows()[position]),
                );
                q.kernels().mul_add_assign(q, row, own, first.row(position));
                let mut difference = basis.pool().take_secret(row.len());
                difference.copy_from_slice(mask.row(position));
                q.kernels().sub_assign(q, &mut difference, own);
                q.kernels()
                    .mul_add_assign(q, row, &difference, second.row(position));
            });
            answer.publish()
        });
        Ok(RelinearizationRoundTwo {
            fingerprint: context.fingerprint(),
            key_id: self.session.key_id(),
            party: self.number,
            round: sums.round.clone(),
            span: sums.span,
            sums: sums.digest,
            digits: digits.collect(),
        })
    }

    /// The generator whose uniform halves all parties of a round have in common.
    fn generator(&self, secret: &Arc<SecretKey>, round: &KeyRound) -> KeyGenerator {
        let seed = self.session.seed("keys", &[&round.bytes()]);
        KeyGenerator::new(secret).with_common_seed(seed)
    }

    /// The errors of a share: the same whenever it is asked for.
    fn errors_for(&self, purpose: &str, round: &KeyRound, part: &[u8]) -> chacha20::ChaCha20Rng {
        let label = self
            .session
            .label("errors", &[purpose.as_bytes(), &round.bytes(), part]);
        self.errors.generator(&label)
    }
}

/// A digit of a key.
struct Digit<'a> {
    context: &'a Context,
    gadget: &'a Gadget,
    number: usize,
}

impl Digit<'_> {
    /// `(-a u + g s + e_0, a s + e_1)`
    fn round_one(
        &self,
        secret: &SecretKey,
        mask: &SecretPoly<Ntt>,
        [mut first, mut second]: [SecretPoly<Ntt>; 2],
        seed: &Seed,
    ) -> [NttPoly; 2] {
        let basis = self.context.key_basis();
        let digit = &self.gadget.digits()[self.number];
        let uniform = |position: usize| {
            let i = self.gadget.rows()[position];
            let mut a = vec![0; basis.degree()];
            expand_seed_row(
                basis,
                seed,
                (u32::try_from(self.number).unwrap_or(u32::MAX), i),
                &mut a,
            );
            (i, a)
        };
        first.for_each_row(|position, row| {
            let (i, a) = uniform(position);
            let q = basis.modulus(i);
            let mut product = basis.pool().take_secret(row.len());
            product.copy_from_slice(mask.row(position));
            q.kernels().mul_assign(q, &mut product, &a);
            q.kernels().sub_assign(q, row, &product);
            if digit.contains(&i) {
                product.copy_from_slice(secret.poly().row(i));
                q.kernels()
                    .scale(q, &mut product, self.gadget.special_factors()[i]);
                q.kernels().add_assign(q, row, &product);
            }
        });
        second.for_each_row(|position, row| {
            let (i, a) = uniform(position);
            let q = basis.modulus(i);
            q.kernels().mul_add_assign(q, row, &a, secret.poly().row(i));
        });
        [first, second].map(SecretPoly::publish)
    }
}

impl std::fmt::Debug for RelinearizationSecret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "RelinearizationSecret(party {})", self.party)
    }
}

impl sealed::Sealed for PublicKeyShare {}
impl sealed::Sealed for GaloisKeyShare {}
impl sealed::Sealed for RelinearizationRoundOne {}
impl sealed::Sealed for RelinearizationRoundTwo {}

impl Contribution for PublicKeyShare {
    type Key = PublicKey;
    type Sum = PublicKey;
    const COMMITTED: bool = true;

    fn origin(&self) -> (KeyId, u32, &KeyRound) {
        (self.key.key_id(), self.party, &self.round)
    }

    fn into_sum(self) -> PublicKey {
        self.key
    }

    fn add_to(self, sum: &mut PublicKey) -> Result<()> {
        if self.key.seed() != sum.seed() {
            return Err(refused(MultipartyError::OtherPurpose));
        }
        sum.b.add_assign(&self.key.b);
        Ok(())
    }

    fn finish(sum: PublicKey, _: Label) -> Result<PublicKey> {
        Ok(sum)
    }
}

impl Contribution for GaloisKeyShare {
    type Key = GaloisKey;
    type Sum = GaloisKey;
    const COMMITTED: bool = false;

    fn origin(&self) -> (KeyId, u32, &KeyRound) {
        (self.key.switching_key().key_id(), self.party, &self.round)
    }

    fn into_sum(self) -> GaloisKey {
        self.key
    }

    fn add_to(self, sum: &mut GaloisKey) -> Result<()> {
        let (own, others) = (self.key.switching_key(), sum.switching_key());
        if self.key.element() != sum.element() || own.seed() != others.seed() {
            return Err(refused(MultipartyError::OtherPurpose));
        }
        *sum = GaloisKey::from_switching_key(sum.element(), others.sum(own)?)?;
        Ok(())
    }

    fn finish(sum: GaloisKey, _: Label) -> Result<GaloisKey> {
        Ok(sum)
    }
}

impl GaloisKeyShare {
    /// The automorphism that the key is for.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let span = session.context().params().whole_span();
    /// let shares = parties[0].galois_key_shares(&round, &Rotations::steps(&[1]), span)?;
    /// assert_eq!(shares[0].element(), slotwise::ring::GaloisElement::rotation(1, 64));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn element(&self) -> GaloisElement {
        self.key.element()
    }
}

impl Contribution for RelinearizationRoundOne {
    type Key = RelinearizationSums;
    type Sum = Self;
    const COMMITTED: bool = true;

    fn origin(&self) -> (KeyId, u32, &KeyRound) {
        (self.key_id, self.party, &self.round)
    }

    fn into_sum(self) -> Self {
        self
    }

    fn add_to(self, sum: &mut Self) -> Result<()> {
        if self.span != sum.span || self.digits.len() != sum.digits.len() {
            return Err(refused(MultipartyError::OtherPurpose));
        }
        for (sum, own) in sum
            .digits
            .as_flattened_mut()
            .iter_mut()
            .zip(self.digits.as_flattened())
        {
            sum.add_assign(own);
        }
        Ok(())
    }

    fn finish(sum: Self, digest: Label) -> Result<RelinearizationSums> {
        Ok(RelinearizationSums {
            key_id: sum.key_id,
            round: sum.round,
            span: sum.span,
            digits: sum.digits,
            digest,
        })
    }
}

impl Contribution for RelinearizationRoundTwo {
    type Key = Self;
    type Sum = Self;
    const COMMITTED: bool = false;

    fn origin(&self) -> (KeyId, u32, &KeyRound) {
        (self.key_id, self.party, &self.round)
    }

    fn into_sum(self) -> Self {
        self
    }

    fn add_to(self, sum: &mut Self) -> Result<()> {
        if (self.span, self.sums) != (sum.span, sum.sums) {
            return Err(refused(MultipartyError::OtherPurpose));
        }
        for (sum, own) in sum.digits.iter_mut().zip(&self.digits) {
            sum.add_assign(own);
        }
        Ok(())
    }

    fn finish(sum: Self, _: Label) -> Result<Self> {
        Ok(sum)
    }
}

impl RelinearizationCollector {
    /// An empty collector for the second messages, which answer these sums.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    #[doc = include_str!("../../docs/examples/relinearization.txt")]
    /// let mut collector = RelinearizationCollector::new(&session, &sums)?;
    /// assert!(collector.finish().is_err()); // nobody has answered yet
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::WrongSession`] for sums of another session.
    pub fn new(session: &Session, sums: &RelinearizationSums) -> Result<Self> {
        session.check_key_id(sums.key_id)?;
        Ok(Self {
            collector: Collector::new(session, &sums.round)?,
            session: session.clone(),
            sums: sums.clone(),
        })
    }

    /// Keeps a second message.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    #[doc = include_str!("../../docs/examples/relinearization.txt")]
    /// let mut collector = RelinearizationCollector::new(&session, &sums)?;
    /// let answer = parties[0].relinearization_round_two(&sums, secrets.remove(0))?;
    /// collector.add(answer)?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::OtherPurpose`] for one that answers other sums; as [`Collector::add`].
    pub fn add(&mut self, message: RelinearizationRoundTwo) -> Result<()> {
        if (message.span, message.sums) != (self.sums.span, self.sums.digest) {
            return Err(refused(MultipartyError::OtherPurpose));
        }
        self.collector.add(message)
    }

    /// The parties whose second messages are missing.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    #[doc = include_str!("../../docs/examples/relinearization.txt")]
    /// let mut collector = RelinearizationCollector::new(&session, &sums)?;
    /// collector.add(parties[0].relinearization_round_two(&sums, secrets.remove(0))?)?;
    /// assert_eq!(collector.missing(), [2, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn missing(&self) -> Vec<u32> {
        self.collector.missing()
    }

    /// The key, once all messages have arrived.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    #[doc = include_str!("../../docs/examples/relinearization.txt")]
    /// let mut collector = RelinearizationCollector::new(&session, &sums)?;
    /// for (party, secret) in parties.iter().zip(secrets) {
    ///     collector.add(party.relinearization_round_two(&sums, secret)?)?;
    /// }
    /// let mut keys = slotwise::keys::EvaluationKeys::empty(session.context(), session.key_id());
    /// keys.insert(collector.finish()?)?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::NotEnoughShares`].
    pub fn finish(&mut self) -> Result<RelinearizationKey> {
        let answers = self.collector.finish()?;
        let second = self.sums.digits.iter().map(|[_, second]| second.clone());
        let digits: Vec<[NttPoly; 2]> = answers
            .digits
            .into_iter()
            .zip(second)
            .map(Into::into)
            .collect();
        let ends = KeyEnds::both(self.session.key_id());
        let key = SwitchingKey::from_digits(self.session.context(), ends, self.sums.span, &digits)?;
        RelinearizationKey::from_switching_key(key)
    }
}

fn span_bytes(span: KeySpan) -> [u8; 8] {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    let [level, special] = [span.level, span.special_primes].map(number);
    std::array::from_fn(|i| if i < 4 { level[i] } else { special[i - 4] })
}
