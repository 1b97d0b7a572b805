//! Sums under a key that several parties share.

use crate::set_up::{set_up, terms};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use slotwise::federated::{
    Aggregator, Mode, SealedSum, SumContext, SumEncryptor, SumHolder, SumOpening, SumRequest,
    SumShare, SumSpec, Upload, Weights,
};
use slotwise::keys::PublicKey;
use slotwise::multiparty::{
    Collector, Contribution, Party, Policy, PublicKeyShare, Record, Session, SessionTerms,
};
use slotwise::ring::Seed;
use slotwise::{Error, FederatedError, MultipartyError, Result, Wire};
use std::sync::Arc;

const LENGTH: usize = 300;

/// A server, three clients and their shared key.
struct World {
    context: SumContext,
    session: Session,
    parties: Vec<Party>,
    journals: Vec<Vec<Record>>,
    public: Arc<PublicKey>,
    rng: ChaCha20Rng,
}

impl World {
    fn new(spec: SumSpec, policy: Policy) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let context = spec.mode(Mode::Shared(policy)).build().unwrap();
        let session = context.session(&terms(policy)).unwrap();
        let parties = set_up(&session, &mut rng);
        let round = session.key_round(0);
        let shares: Vec<PublicKeyShare> = parties
            .iter()
            .map(|party| party.public_key_share(&round).unwrap())
            .collect();
        let mut collector = Collector::<PublicKeyShare>::new(&session, &round).unwrap();
        for share in &shares {
            collector.commit(share.commitment()).unwrap();
        }
        for share in shares {
            collector.add(share).unwrap();
        }
        Self {
            journals: vec![Vec::new(); parties.len()],
            parties,
            public: Arc::new(collector.finish().unwrap()),
            session,
            context,
            rng,
        }
    }

    fn upload(&mut self, round: u64, client: u32, values: &[f64], weight: u64) -> Upload {
        let encryptor =
            SumEncryptor::with_public_key(&self.context, Arc::clone(&self.public)).unwrap();
        let upload = encryptor
            .encrypt((round, client), values, weight, &mut self.rng)
            .unwrap();
        Upload::from_bytes(&upload.to_bytes(), &self.context).unwrap()
    }

    fn sum(&self, round: u64, uploads: &[&Upload]) -> SealedSum {
        let mut aggregator =
            Aggregator::new(&self.context, self.public.key_id(), round, 1..=9).unwrap();
        for upload in uploads {
            aggregator.add(upload).unwrap();
        }
        aggregator.seal()
    }

    /// A holder's share, request and answer passed on as bytes.
    fn share(
        &mut self,
        holder: usize,
        round: u64,
        opening: &SumOpening,
        own: Option<&Upload>,
    ) -> Result<SumShare> {
        let of = (self.context.clone(), self.session.clone());
        let request = SumRequest::from_bytes(&opening.request().to_bytes(), &of).unwrap();
        let own = own.map(Upload::digest);
        let mut with = SumHolder::new(&self.context, &mut self.parties[holder], 2)?;
        let share = with.open(round, &request, own.as_ref(), &mut self.journals[holder])?;
        Ok(SumShare::from_bytes(&share.to_bytes(), &of).unwrap())
    }
}

fn values(seed: u32) -> Vec<f64> {
    (0..LENGTH)
        .map(|i| (i as f64 * 0.37 + f64::from(seed)).sin())
        .collect()
}

fn federated<T: std::fmt::Debug>(result: Result<T>) -> FederatedError {
    match result {
        Err(Error::Federated(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn multiparty<T: std::fmt::Debug>(result: Result<T>) -> MultipartyError {
    match result {
        Err(Error::Multiparty(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// The average is that in the clear, bit for bit, whichever holders open, for weights of all kinds.
#[test]
fn any_holders_open_the_average() {
    let specs = [
        SumSpec::new(5, LENGTH),
        SumSpec::new(5, LENGTH).weights(Weights::Counted { total: 1000 }),
        SumSpec::new(5, LENGTH)
            .weights(Weights::Counted { total: 1000 })
            .hidden_weights(),
        SumSpec::new(5, LENGTH)
            .weights(Weights::Scaled { max: 40 })
            .bits(24)
            .clip(0.5),
    ];
    for (number, spec) in specs.into_iter().enumerate() {
        let mut world = World::new(spec, Policy::new(4, 3).unwrap());
        let weights = if number == 0 { [1, 1, 1] } else { [40, 1, 17] };
        let updates: Vec<Vec<f64>> = (0..3).map(values).collect();
        let clear: Vec<(&[f64], u64)> = updates.iter().map(Vec::as_slice).zip(weights).collect();
        let expected = world.context.clear_average(&clear).unwrap();
        for (round, set) in [[0, 1, 2], [3, 1, 0], [2, 3, 1]].into_iter().enumerate() {
            let round = round as u64;
            let uploads: Vec<Upload> = (1..)
                .zip(&clear)
                .map(|(client, &(values, weight))| world.upload(round, client, values, weight))
                .collect();
            let sealed = world.sum(round, &uploads.iter().collect::<Vec<_>>());
            let mut opening = SumOpening::new(&world.session, sealed).unwrap();
            for holder in set {
                let share = world
                    .share(holder, round, &opening, Some(&uploads[0]))
                    .unwrap();
                opening.add(share).unwrap();
            }
            let sums = opening.finish().unwrap();
            assert_eq!(sums.average(), expected);
            assert_eq!((sums.uploads(), sums.weight()), (3, weights.iter().sum()));
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one round, told at once")]
fn holders_refuse_what_they_should_not_open() {
    let policy = Policy::new(3, 2).unwrap().with_openings(2).unwrap();
    let mut world = World::new(SumSpec::new(5, LENGTH), policy);
    let [a, b, c] = [1, 2, 3].map(|client| world.upload(7, client, &values(client), 1));
    let own = world.upload(7, 4, &values(4), 1);
    let open = |world: &World, uploads: &[&Upload]| {
        SumOpening::new(&world.session, world.sum(7, uploads)).unwrap()
    };
    let single = open(&world, &[&a]);
    assert_eq!(
        federated(world.share(0, 7, &single, None)),
        FederatedError::TooFewContributors { have: 1, need: 2 }
    );
    let all = open(&world, &[&a, &b, &c]);
    assert_eq!(
        federated(world.share(0, 8, &all, None)),
        FederatedError::WrongRound {
            expected: 8,
            found: 7
        }
    );
    assert_eq!(
        federated(world.share(0, 7, &all, Some(&own))),
        FederatedError::OwnUpdateMissing
    );
    assert!(world.journals[0].is_empty());
    let first = world.share(0, 7, &all, Some(&b)).unwrap();
    // The same sum again is the same bytes; another one of the round, with one client less, would tell that client's update.
    assert_eq!(
        world.share(0, 7, &all, None).unwrap().to_bytes(),
        first.to_bytes()
    );
    let fewer = open(&world, &[&a, &b]);
    assert_eq!(
        multiparty(world.share(0, 7, &fewer, None)),
        MultipartyError::AlreadyOpened
    );
    let mut wrong = fewer;
    assert_eq!(
        multiparty(wrong.add(first.clone())),
        MultipartyError::OtherPurpose
    );
    let mut opening = all;
    opening.add(first.clone()).unwrap();
    assert_eq!(
        multiparty(opening.add(first)),
        MultipartyError::Duplicate { party: 1 }
    );
    assert_eq!(
        multiparty(opening.finish()),
        MultipartyError::NotEnoughShares { have: 1, need: 2 }
    );
    assert_eq!(opening.parties(), [1]);
    // Two openings are all that the key serves.
    for round in [8, 9] {
        let uploads = [1, 2].map(|client| world.upload(round, client, &values(client), 1));
        let sealed = world.sum(round, &[&uploads[0], &uploads[1]]);
        let opening = SumOpening::new(&world.session, sealed).unwrap();
        let share = world.share(0, round, &opening, None);
        if round == 9 {
            assert_eq!(
                multiparty(share),
                MultipartyError::OpeningsExhausted { most: 2 }
            );
        } else {
            share.unwrap();
        }
    }
}

#[test]
fn sessions_and_sums_must_match() {
    let policy = Policy::new(3, 2).unwrap();
    let world = World::new(SumSpec::new(5, LENGTH), policy);
    let single = SumSpec::new(5, LENGTH).build().unwrap();
    assert!(matches!(
        federated(single.session(&terms(policy))),
        FederatedError::WrongMode { .. }
    ));
    let other_policy = terms(Policy::new(4, 2).unwrap());
    assert!(matches!(
        multiparty(world.context.session(&other_policy)),
        MultipartyError::InvalidPolicy { .. }
    ));
    assert!(matches!(
        federated(world.context.generate_secret_key()),
        FederatedError::WrongMode { .. }
    ));
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let longer = SumSpec::new(5, LENGTH + 1)
        .mode(Mode::Shared(policy))
        .build()
        .unwrap();
    let session = longer.session(&terms(policy)).unwrap();
    let mut party = set_up(&session, &mut rng).remove(0);
    assert_eq!(
        multiparty(SumHolder::new(&world.context, &mut party, 2)),
        MultipartyError::WrongSession
    );
    let mut party = set_up(&world.session, &mut rng).remove(0);
    assert_eq!(
        federated(SumHolder::new(&world.context, &mut party, 1)),
        FederatedError::TooFewContributors { have: 1, need: 2 }
    );
    let empty = world.sum(1, &[]);
    assert!(matches!(
        federated(SumOpening::new(&world.session, empty)),
        FederatedError::TooFewContributors { .. }
    ));
    let names = ["x", "y", "z"];
    let others = world
        .context
        .session(&SessionTerms::new(policy, &names, Seed([0; 32])).unwrap())
        .unwrap();
    let sealed = world.sum(1, &[]);
    assert_eq!(
        multiparty(SumOpening::new(&others, sealed)),
        MultipartyError::WrongSession
    );
    let of = (world.context.clone(), others);
    let mut shared = World::new(SumSpec::new(5, LENGTH), policy);
    let uploads = [1, 2].map(|client| shared.upload(1, client, &values(client), 1));
    let opening =
        SumOpening::new(&shared.session, shared.sum(1, &[&uploads[0], &uploads[1]])).unwrap();
    let error = SumRequest::from_bytes(&opening.request().to_bytes(), &of).unwrap_err();
    assert!(matches!(
        error,
        Error::Federated(FederatedError::OtherKey { .. })
    ));
}

/// A wrong share is found with one share more than it takes, and named with two.
#[test]
fn wrong_shares_of_sums_are_found() {
    let mut world = World::new(SumSpec::new(4, LENGTH), Policy::new(4, 2).unwrap());
    let uploads = [1, 2].map(|client| world.upload(1, client, &values(client), 1));
    let sealed = world.sum(1, &[&uploads[0], &uploads[1]]);
    let mut opening = SumOpening::new(&world.session, sealed).unwrap();
    for holder in [0, 2, 3] {
        let share = world.share(holder, 1, &opening, None).unwrap();
        opening.add(share).unwrap();
    }
    let bytes = world.share(1, 1, &opening, None).unwrap().to_bytes();
    // The last residue of the one share within, with the checksums of both frames.
    let mut wrong = bytes.clone();
    let end = wrong.len() - 8;
    wrong[end - 3] ^= 1;
    let inner = crc32fast::hash(&wrong[68 + 68..end]);
    wrong[end..end + 4].copy_from_slice(&inner.to_le_bytes());
    let of = (world.context.clone(), world.session.clone());
    opening
        .add(SumShare::from_bytes(&wrong, &of).unwrap())
        .unwrap();
    assert_eq!(
        multiparty(opening.finish()),
        MultipartyError::InconsistentShares { suspects: vec![2] }
    );
    opening.remove(2);
    let expected = opening.finish().unwrap();
    opening
        .add(SumShare::from_bytes(&bytes, &of).unwrap())
        .unwrap();
    assert_eq!(opening.finish().unwrap(), expected);
}
