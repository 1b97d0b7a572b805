//! Parties that have set up a key, all in one process.

use crate::set_up::{set_up, terms};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use slotwise::encoding::{BfvEncoder, BfvPlaintext};
use slotwise::encryption::{BfvCiphertext, Encryptor};
use slotwise::keys::{
    EvaluationKeys, GaloisKey, KeyGenerator, PublicKey, RelinearizationKey, Rotations, SecretKey,
};
use slotwise::multiparty::{
    BfvOpening, Collector, Contribution, KeyRound, OpeningShare, Party, Policy, Record,
    RelinearizationCollector, RelinearizationRoundOne, RelinearizationRoundTwo, Session,
};
use slotwise::params::KeySpan;
use slotwise::{BfvContext, Wire};
use std::sync::Arc;

pub(crate) type Journal = Vec<Record>;

/// A session and all its parties.
pub(crate) struct World {
    pub(crate) context: BfvContext,
    pub(crate) session: Session,
    pub(crate) parties: Vec<Party>,
    pub(crate) journals: Vec<Journal>,
    pub(crate) rng: ChaCha20Rng,
}

/// A small ring whose modulus has room for noise.
pub(crate) fn small_context(policy: &Policy) -> BfvContext {
    BfvContext::builder()
        .degree(64)
        .prime_bits(&[50, 50, 50, 50, 50, 50, 50])
        .special_primes(2)
        .plaintext_modulus(257)
        .secret(policy.secret())
        .insecure_skip_security_check()
        .build()
        .unwrap()
}

impl World {
    pub(crate) fn new(policy: Policy, seed: u64) -> Self {
        Self::of(small_context(&policy), policy, seed)
    }

    pub(crate) fn of(context: BfvContext, policy: Policy, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let session = Session::bfv(&context, &terms(policy)).unwrap();
        let parties = set_up(&session, &mut rng);
        Self {
            journals: vec![Journal::new(); parties.len()],
            context,
            session,
            parties,
            rng,
        }
    }

    /// The public key of a round, each share passed on as bytes.
    pub(crate) fn public_key(&self, round: &KeyRound) -> PublicKey {
        let shares = self.of_round(round, |party| party.public_key_share(round).unwrap());
        collect(&self.session, round, shares)
    }

    pub(crate) fn galois_keys(
        &self,
        round: &KeyRound,
        rotations: &Rotations,
        span: KeySpan,
    ) -> Vec<GaloisKey> {
        let shares = self.of_round(round, |party| {
            party.galois_key_shares(round, rotations, span).unwrap()
        });
        let count = shares[0].len();
        (0..count)
            .map(|i| {
                collect(
                    &self.session,
                    round,
                    shares.iter().map(|of| of[i].clone()).collect(),
                )
            })
            .collect()
    }

    pub(crate) fn relinearization_key(
        &mut self,
        round: &KeyRound,
        span: KeySpan,
    ) -> RelinearizationKey {
        let (mut first, mut secrets) = (Vec::new(), Vec::new());
        for &number in round.parties() {
            let party = &mut self.parties[number as usize - 1];
            let (message, secret) = party
                .relinearization_round_one(
                    (round, span),
                    &mut self.journals[number as usize - 1],
                    &mut self.rng,
                )
                .unwrap();
            first.push(message);
            secrets.push(secret);
        }
        // Every party adds up the first messages itself.
        let sums: Vec<_> = (0..first.len())
            .map(|_| collect::<RelinearizationRoundOne>(&self.session, round, first.clone()))
            .collect();
        let mut collector = RelinearizationCollector::new(&self.session, &sums[0]).unwrap();
        for ((&number, sums), secret) in round.parties().iter().zip(&sums).zip(secrets) {
            let party = &self.parties[number as usize - 1];
            let answer = party.relinearization_round_two(sums, secret).unwrap();
            let answer =
                RelinearizationRoundTwo::from_bytes(&answer.to_bytes(), &self.session).unwrap();
            collector.add(answer).unwrap();
        }
        collector.finish().unwrap()
    }

    /// Public key, relinearization key and Galois keys.
    pub(crate) fn keys(&mut self, rotations: &Rotations) -> (Arc<PublicKey>, Arc<EvaluationKeys>) {
        let round = self.session.key_round(0);
        let span = self.session.context().params().whole_span();
        let public = Arc::new(self.public_key(&round));
        let mut keys = EvaluationKeys::empty(self.session.context(), self.session.key_id());
        keys.insert(self.relinearization_key(&round, span)).unwrap();
        for key in self.galois_keys(&round, rotations, span) {
            keys.insert(key).unwrap();
        }
        (public, Arc::new(keys))
    }

    fn of_round<T>(&self, round: &KeyRound, work: impl Fn(&Party) -> T) -> Vec<T> {
        let numbers = round.parties().iter();
        numbers
            .map(|&number| work(&self.parties[number as usize - 1]))
            .collect()
    }

    pub(crate) fn encrypt(&mut self, public: &Arc<PublicKey>, values: &[i64]) -> BfvCiphertext {
        let plaintext = BfvEncoder::new(&self.context)
            .encode_coefficients(values)
            .unwrap();
        let encryptor = Encryptor::with_public_key(Arc::clone(public));
        encryptor.encrypt(&plaintext, &mut self.rng).unwrap()
    }

    /// A receiver with parameters of its own, the same primes and one secret.
    pub(crate) fn receiver(&mut self) -> (BfvContext, Arc<SecretKey>) {
        let params = self.session.context().params();
        let primes = [params.data_primes(), params.special_primes()].concat();
        let receiver = BfvContext::builder()
            .degree(64)
            .primes(&primes)
            .special_primes(2)
            .plaintext_modulus(257)
            .insecure_skip_security_check()
            .build()
            .unwrap();
        let secret = KeyGenerator::secret_key(receiver.rlwe(), &mut self.rng);
        (receiver, secret)
    }

    /// The share of a party, passed on as bytes.
    pub(crate) fn share(&mut self, opening: &BfvOpening, number: u32) -> OpeningShare {
        let i = number as usize - 1;
        let bytes = opening.request().to_bytes();
        let request = Wire::from_bytes(&bytes, &self.session).unwrap();
        let share = self.parties[i]
            .open(&request, &mut self.journals[i])
            .unwrap();
        OpeningShare::from_bytes(&share.to_bytes(), &self.session).unwrap()
    }

    /// The plaintext that these parties open.
    pub(crate) fn open(
        &mut self,
        ciphertext: &BfvCiphertext,
        subject: &[u8],
        by: &[u32],
    ) -> BfvPlaintext {
        let mut opening = BfvOpening::new(&self.session, ciphertext, subject).unwrap();
        for &number in by {
            let share = self.share(&opening, number);
            opening.add(share).unwrap();
        }
        opening.finish().unwrap()
    }

    pub(crate) fn decoded(&self, plaintext: &BfvPlaintext) -> Vec<i64> {
        BfvEncoder::new(&self.context)
            .decode_coefficients(plaintext)
            .unwrap()
    }
}

/// The key that messages add up to, commitments first, each passed on as bytes.
pub(crate) fn collect<C: Contribution>(
    session: &Session,
    round: &KeyRound,
    messages: Vec<C>,
) -> C::Key {
    let mut collector = Collector::<C>::new(session, round).unwrap();
    for message in &messages {
        let commitment = message.commitment();
        collector
            .commit(Wire::from_bytes(&commitment.to_bytes(), &()).unwrap())
            .unwrap();
    }
    assert!(collector.is_committed());
    for message in messages {
        collector
            .add(C::from_bytes(&message.to_bytes(), session).unwrap())
            .unwrap();
    }
    assert!(collector.missing().is_empty());
    collector.finish().unwrap()
}

/// All sets of `count` of the numbers 1 to `of`.
pub(crate) fn sets(of: u32, count: usize) -> Vec<Vec<u32>> {
    (0u32..1 << of)
        .filter(|bits| bits.count_ones() as usize == count)
        .map(|bits| (1..=of).filter(|i| bits >> (i - 1) & 1 == 1).collect())
        .collect()
}
