//! What is refused, by value and by byte, and changes nothing.

use crate::set_up::terms;
use crate::world::{Journal, World, collect, small_context};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use slotwise::evaluator::{BfvEvaluator, Evaluator};
use slotwise::keys::{KeyGenerator, Rotations};
use slotwise::multiparty::{
    AdditiveShare, BfvEntering, BfvMasking, BfvOpening, BfvRefreshing, BfvSwitching, Collector,
    Commitment, Contribution, Deal, GaloisKeyShare, InputShare, Lambda, MaskShare, OpeningRequest,
    OpeningShare, Party, Policy, PublicKeyShare, Record, RecordKind, RefreshShare,
    RelinearizationRoundOne, Session, SessionTerms, Setup, SwitchShare,
};
use slotwise::ring::Seed;
use slotwise::{BfvContext, Error, MultipartyError, OperandError, Result, Wire};
use std::sync::{Arc, LazyLock};

fn error<T: std::fmt::Debug>(result: Result<T>) -> MultipartyError {
    match result {
        Err(Error::Multiparty(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn terms_and_sessions_are_checked() {
    let policy = Policy::new(3, 2).unwrap();
    let invalid = |names: &[&str]| {
        matches!(
            error(SessionTerms::new(policy, names, Seed([0; 32]))),
            MultipartyError::InvalidPolicy { .. }
        )
    };
    assert!(invalid(&["a", "b"]) && invalid(&["a", "b", "b"]) && invalid(&["a", "b", ""]));
    assert!(invalid(&["a", "b", &"c".repeat(1025)]) && invalid(&["a", "b", "c", "d"]));
    // A context for one secret, and one for another number of contributors.
    let single = BfvContext::builder()
        .degree(64)
        .prime_bits(&[50, 50])
        .special_primes(0)
        .plaintext_modulus(257);
    let single = single.insecure_skip_security_check().build().unwrap();
    let of_four = small_context(&Policy::new(4, 2).unwrap());
    for context in [single, of_four] {
        assert!(matches!(
            error(Session::bfv(&context, &terms(policy))),
            MultipartyError::InvalidPolicy { .. }
        ));
    }
    // Everything is part of the session.
    let context = small_context(&policy);
    let names = ["a", "b", "c"];
    let session = |policy, names: &[&str], seed| {
        Session::bfv(
            &context,
            &SessionTerms::new(policy, names, Seed(seed)).unwrap(),
        )
        .unwrap()
    };
    let first = session(policy, &names, [0; 32]);
    assert_eq!(first, session(policy, &names, [0; 32]));
    for other in [
        session(policy, &["a", "c", "b"], [0; 32]),
        session(policy, &names, [1; 32]),
        session(
            policy.with_lambda(Lambda::new(64).unwrap()),
            &names,
            [0; 32],
        ),
        session(policy.with_openings(7).unwrap(), &names, [0; 32]),
        session(Policy::new(3, 3).unwrap(), &names, [0; 32]),
    ] {
        assert!(first != other && first.key_id() != other.key_id());
    }
    for (set, have) in [(&[1][..], 1), (&[1, 1], 1), (&[1, 2, 3], 3)] {
        let refused = first.key_round_of(0, set).unwrap_err();
        let Error::Operands(OperandError::Count {
            have: found, need, ..
        }) = refused
        else {
            panic!("{refused}");
        };
        assert_eq!((found, need), (have, 2));
    }
    assert_eq!(
        error(first.key_round_of(0, &[0, 1])),
        MultipartyError::UnknownParty { party: 0 }
    );
    assert!(first.noise_bits(99).is_err());
}

#[test]
fn deals_are_checked() {
    let policy = Policy::new(3, 2).unwrap();
    let session = Session::bfv(&small_context(&policy), &terms(policy)).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    assert_eq!(
        error(Setup::new(&session, 4, &mut rng)),
        MultipartyError::UnknownParty { party: 4 }
    );
    let [mut one, two, three] = [1, 2, 3].map(|i| Setup::new(&session, i, &mut rng).unwrap());
    let copy = |deal: &Deal| {
        Deal::from_confidential_bytes(&deal.expose_confidential_bytes(), &session).unwrap()
    };
    let deals = two.deals().unwrap();
    let to = |deals: &[&Deal], receiver: u32| {
        copy(
            deals
                .iter()
                .find(|deal| deal.receiver() == receiver)
                .unwrap(),
        )
    };
    assert_eq!(
        error(one.receive(to(&deals, 3))),
        MultipartyError::WrongReceiver {
            expected: 3,
            found: 1
        }
    );
    assert_eq!(one.missing().unwrap(), [2, 3]);
    assert_eq!(
        error(one.finish()),
        MultipartyError::NotEnoughShares { have: 0, need: 2 }
    );
    one.receive(to(&deals, 1)).unwrap();
    assert_eq!(
        error(one.receive(to(&deals, 1))),
        MultipartyError::Duplicate { party: 2 }
    );
    let again = Setup::new(&session, 2, &mut rng).unwrap();
    assert_eq!(
        error(one.receive(to(&again.deals().unwrap(), 1))),
        MultipartyError::Conflict { party: 2 }
    );
    one.receive(to(&three.deals().unwrap(), 1)).unwrap();
    let party = one.finish().unwrap();
    assert_eq!(party.number(), 1);
    assert!(matches!(
        error(one.finish()),
        MultipartyError::InvalidPolicy { .. }
    ));
    assert!(one.deals().is_err());
    let other = Session::bfv(
        &small_context(&policy),
        &SessionTerms::new(policy, &["x", "y", "z"], Seed([0; 32])).unwrap(),
    )
    .unwrap();
    let bytes = deals[0].expose_confidential_bytes();
    assert_eq!(
        error(Deal::from_confidential_bytes(&bytes, &other)),
        MultipartyError::WrongSession
    );
}

#[test]
fn openings_refuse_what_does_not_belong() {
    let policy = Policy::new(4, 2).unwrap().with_openings(3).unwrap();
    let mut world = World::new(policy, 2);
    let public = Arc::new(world.public_key(&world.session.key_round(0)));
    let [a, b, c, d] = [1, 2, 3, 4].map(|x| world.encrypt(&public, &[x]));
    let mut opening = BfvOpening::new(&world.session, &a, b"a").unwrap();
    let other = BfvOpening::new(&world.session, &b, b"b").unwrap();
    let shares: Vec<OpeningShare> = (1..=4).map(|i| world.share(&opening, i)).collect();
    let of_other = world.share(&other, 1);
    assert_eq!(error(opening.add(of_other)), MultipartyError::OtherPurpose);
    opening.add(shares[0].clone()).unwrap();
    assert_eq!(
        error(opening.add(shares[0].clone())),
        MultipartyError::Duplicate { party: 1 }
    );
    assert_eq!(
        error(opening.finish()),
        MultipartyError::NotEnoughShares { have: 1, need: 2 }
    );
    // One subject, another ciphertext.
    let conflicting = BfvOpening::new(&world.session, &b, b"a").unwrap();
    let request = conflicting.request().clone();
    assert_eq!(
        error(world.parties[0].open(&request, &mut Journal::new())),
        MultipartyError::AlreadyOpened
    );
    // A third ciphertext is opened, a fourth is not; the first still is.
    let third = BfvOpening::new(&world.session, &c, b"c").unwrap();
    world.share(&third, 1);
    let fourth = BfvOpening::new(&world.session, &d, b"d").unwrap();
    let request = fourth.request().clone();
    let refused = error(world.parties[0].open(&request, &mut Journal::new()));
    assert_eq!(refused, MultipartyError::OpeningsExhausted { most: 3 });
    world.share(&opening, 1);
    // A journal that fails.
    struct Broken;
    impl slotwise::multiparty::Journal for Broken {
        fn record(&mut self, _: &Record) -> Result<()> {
            Err(Error::Multiparty(MultipartyError::JournalFailed))
        }
    }
    let before = world.parties[1].expose_secret_state();
    assert_eq!(
        error(world.parties[1].open(&request, &mut Broken)),
        MultipartyError::JournalFailed
    );
    assert_eq!(*world.parties[1].expose_secret_state(), *before);
    // Records that contradict what is known.
    let record = Record {
        kind: RecordKind::Opening,
        subject: opening.request().subject(),
        value: [0; 32],
    };
    assert_eq!(
        error(world.parties[0].recall(&[record])),
        MultipartyError::AlreadyOpened
    );
    // Another key.
    let stranger = KeyGenerator::secret_key(world.context.rlwe(), &mut world.rng);
    let key = Arc::new(
        KeyGenerator::new(&stranger)
            .public_key(&mut world.rng)
            .unwrap(),
    );
    let foreign = world.encrypt(&key, &[1]);
    assert_eq!(
        error(BfvOpening::new(&world.session, &foreign, b"x")),
        MultipartyError::WrongSession
    );
    let raw = BfvEvaluator::new(&world.context).mul_raw(&a, &b).unwrap();
    assert!(
        BfvOpening::new(&world.session, &raw, b"x").is_err(),
        "not relinearized"
    );
    let low = BfvEvaluator::new(&world.context)
        .drop_to_level(&a, 0)
        .unwrap();
    assert!(matches!(
        error(BfvOpening::new(&world.session, &low, b"x")),
        MultipartyError::SmudgingImpossible { missing_bits } if missing_bits > 10.0
    ));
}

/// A share that was changed is found where there is one more than it takes, and named where there are two more.
#[test]
fn wrong_shares_are_found() {
    let mut world = World::new(Policy::new(6, 3).unwrap(), 3);
    let public = Arc::new(world.public_key(&world.session.key_round(0)));
    let ciphertext = world.encrypt(&public, &[42]);
    let mut opening = BfvOpening::new(&world.session, &ciphertext, b"x").unwrap();
    for number in [1, 3, 4] {
        let share = world.share(&opening, number);
        opening.add(share).unwrap();
    }
    let wrong = world.share(&opening, 6);
    let mut bytes = wrong.to_bytes();
    let end = bytes.len() - 4;
    bytes[200] ^= 1;
    let checksum = crc32fast::hash(&bytes[68..end]);
    bytes[end..].copy_from_slice(&checksum.to_le_bytes());
    let wrong = OpeningShare::from_bytes(&bytes, &world.session).unwrap();
    opening.add(wrong.clone()).unwrap();
    let suspects = vec![1, 3, 4, 6];
    assert_eq!(
        error(opening.finish()),
        MultipartyError::InconsistentShares { suspects }
    );
    let share = world.share(&opening, 6);
    assert_eq!(
        error(opening.add(share.clone())),
        MultipartyError::Conflict { party: 6 }
    );
    let right = world.share(&opening, 2);
    opening.add(right).unwrap();
    assert_eq!(
        error(opening.finish()),
        MultipartyError::InconsistentShares { suspects: vec![6] }
    );
    opening.remove(6);
    assert_eq!(world.decoded(&opening.finish().unwrap())[0], 42);
    opening.add(share).unwrap();
    assert_eq!(world.decoded(&opening.finish().unwrap())[0], 42);
}

#[test]
fn exchanges_refuse_what_does_not_belong() {
    let mut world = World::new(Policy::new(3, 2).unwrap(), 4);
    let public = Arc::new(world.public_key(&world.session.key_round(0)));
    let (context, session) = (world.context.clone(), world.session.clone());
    let ciphertext = world.encrypt(&public, &[1]);
    let masking = BfvMasking::new(&session, &ciphertext, b"m").unwrap();
    let mut journal = Journal::new();
    let other = small_context(&Policy::new(4, 2).unwrap());
    assert_eq!(
        error(world.parties[0].mask(&other, masking.request(), &mut journal)),
        MultipartyError::WrongSession
    );
    assert!(journal.is_empty());
    let rest = slotwise::encoding::BfvEncoder::new(&context)
        .encode_scalar(0)
        .unwrap();
    let party = &world.parties[0];
    let share = |set: &[u32]| party.additive_share(&context, masking.request(), set, &rest);
    assert_eq!(
        error(share(&[2, 3])),
        MultipartyError::UnknownParty { party: 1 }
    );
    assert!(share(&[1]).is_err() && share(&[1, 9]).is_err());
    let (first, second) = (share(&[1, 2]).unwrap(), share(&[1, 3]).unwrap());
    assert_eq!(format!("{first:?}"), "AdditiveShare(..)");
    // One name, two values.
    world.parties[0]
        .enter(&context, b"in", (&[1, 2], &first), &mut Journal::new())
        .unwrap();
    let changed: Vec<u64> = second
        .expose_residues()
        .iter()
        .map(|x| (x + 1) % 257)
        .collect();
    let changed = AdditiveShare::new(&context, &changed).unwrap();
    assert_eq!(
        error(world.parties[0].enter(&context, b"in", (&[1, 2], &changed), &mut Journal::new())),
        MultipartyError::AlreadyOpened
    );
    assert!(AdditiveShare::new(&context, &[257; 64]).is_err());
    assert!(AdditiveShare::new(&context, &[0; 63]).is_err());
    let mut entering = BfvEntering::new(&session, &context, b"in", &[1, 2]).unwrap();
    let of_three = world.parties[2]
        .enter(&context, b"in", (&[1, 3], &first), &mut Journal::new())
        .unwrap();
    assert_eq!(
        error(entering.add(of_three)),
        MultipartyError::UnknownParty { party: 3 }
    );
    // A receiver with another ring or plaintext modulus.
    for (bits, t) in [(vec![50, 50, 50], 257), (vec![40; 7], 257)] {
        let receiver = BfvContext::builder()
            .degree(64)
            .prime_bits(&bits)
            .special_primes(2)
            .plaintext_modulus(t);
        let receiver = receiver.insecure_skip_security_check().build().unwrap();
        let secret = KeyGenerator::secret_key(receiver.rlwe(), &mut world.rng);
        let key = KeyGenerator::new(&secret)
            .public_key(&mut world.rng)
            .unwrap();
        let switching = BfvSwitching::new(&session, &ciphertext, (&receiver, &key), b"x");
        assert!(matches!(
            error(switching),
            MultipartyError::InvalidCiphertext { .. }
        ));
        let refused = world.parties[0].switch(masking.request(), &key, &mut journal);
        assert!(matches!(
            error(refused),
            MultipartyError::InvalidCiphertext { .. }
        ));
    }
    assert!(journal.is_empty());
}

#[test]
fn collectors_refuse_what_does_not_belong() {
    let world = World::new(Policy::new(3, 2).unwrap().with_contributors(2).unwrap(), 5);
    let (session, round) = (&world.session, world.session.key_round(0));
    let span = session.context().params().whole_span();
    let of_party_3 = world.parties[2].public_key_share(&round);
    assert_eq!(
        error(of_party_3),
        MultipartyError::UnknownParty { party: 3 }
    );
    let rotations = Rotations::steps(&[1, 2]);
    let shares = |i: usize, round| {
        world.parties[i]
            .galois_key_shares(round, &rotations, span)
            .unwrap()
    };
    let mut collector = Collector::<GaloisKeyShare>::new(session, &round).unwrap();
    collector.add(shares(0, &round).remove(0)).unwrap();
    assert_eq!(
        error(collector.add(shares(0, &round).remove(0))),
        MultipartyError::Duplicate { party: 1 }
    );
    assert_eq!(
        error(collector.add(shares(0, &round).remove(1))),
        MultipartyError::Conflict { party: 1 }
    );
    assert_eq!(
        error(collector.add(shares(1, &round).remove(1))),
        MultipartyError::OtherPurpose
    );
    let next = session.key_round(1);
    assert_eq!(
        error(collector.add(shares(1, &next).remove(0))),
        MultipartyError::OtherPurpose
    );
    assert_eq!(
        error(collector.finish()),
        MultipartyError::NotEnoughShares { have: 1, need: 2 }
    );
    assert_eq!(
        error(collector.commit(Commitment {
            party: 3,
            digest: [0; 32]
        })),
        MultipartyError::UnknownParty { party: 3 }
    );
    collector.add(shares(1, &round).remove(0)).unwrap();
    collector.finish().unwrap();
    // What has given its key away says so, whatever it is given.
    let finished = MultipartyError::Finished;
    assert_eq!(error(collector.finish()), finished);
    for of_party in [0, 1] {
        let message = shares(of_party, &round).remove(0);
        assert_eq!(error(collector.add(message)), finished);
    }
    let commitment = shares(0, &round)[0].commitment();
    assert_eq!(error(collector.commit(commitment)), finished);
    assert!(collector.missing().is_empty());
    let help = ["the first `finish`", "a new collector"];
    assert!(help.iter().all(|help| finished.to_string().contains(help)));
    let other = World::new(Policy::new(3, 3).unwrap(), 5);
    assert!(Collector::<GaloisKeyShare>::new(&other.session, &round).is_err());
}

/// One value of each kind that has bytes, and a reader of each.
pub(crate) struct Samples {
    pub(crate) session: Session,
    pub(crate) bytes: Vec<Vec<u8>>,
}

type Reader = fn(&[u8], &Session) -> Result<()>;

const READERS: [Reader; 14] = [
    |bytes, _| SessionTerms::from_bytes(bytes, &()).map(drop),
    |bytes, session| Deal::from_confidential_bytes(bytes, session).map(drop),
    |bytes, session| PublicKeyShare::from_bytes(bytes, session).map(drop),
    |bytes, session| GaloisKeyShare::from_bytes(bytes, session).map(drop),
    |bytes, session| RelinearizationRoundOne::from_bytes(bytes, session).map(drop),
    |bytes, session| {
        slotwise::multiparty::RelinearizationRoundTwo::from_bytes(bytes, session).map(drop)
    },
    |bytes, session| OpeningRequest::from_bytes(bytes, session).map(drop),
    |bytes, session| OpeningShare::from_bytes(bytes, session).map(drop),
    |bytes, session| SwitchShare::from_bytes(bytes, session).map(drop),
    |bytes, session| MaskShare::from_bytes(bytes, session).map(drop),
    |bytes, session| InputShare::from_bytes(bytes, session).map(drop),
    |bytes, session| RefreshShare::from_bytes(bytes, session).map(drop),
    |bytes, session| Party::from_secret_state(bytes, session).map(drop),
    |bytes, _| Commitment::from_bytes(bytes, &()).map(drop),
];

pub(crate) static SAMPLES: LazyLock<Samples> = LazyLock::new(|| {
    let mut world = World::new(Policy::new(3, 2).unwrap(), 6);
    let (session, context) = (world.session.clone(), world.context.clone());
    let (round, span) = (
        session.key_round(0),
        session.context().params().whole_span(),
    );
    let public = Arc::new(world.public_key(&round));
    let ciphertext = world.encrypt(&public, &[1]);
    let opening = BfvOpening::new(&session, &ciphertext, b"x").unwrap();
    let refreshing = BfvRefreshing::new(&session, &ciphertext, b"x").unwrap();
    let mut setup = ChaCha20Rng::seed_from_u64(7);
    let deal = Setup::new(&session, 1, &mut setup).unwrap();
    let deal = deal.deals().unwrap()[1]
        .expose_confidential_bytes()
        .to_vec();
    let mut journal = Journal::new();
    let [one, two] = &mut world.parties[..2] else {
        panic!()
    };
    let firsts = [&mut *one, &mut *two].map(|party| {
        party
            .relinearization_round_one(
                (&session.key_round_of(0, &[1, 2]).unwrap(), span),
                &mut Journal::new(),
                &mut setup,
            )
            .unwrap()
    });
    let [(first, secret), (second, _)] = firsts;
    let set_round = session.key_round_of(0, &[1, 2]).unwrap();
    let sums = collect(&session, &set_round, vec![first.clone(), second]);
    let answer = one.relinearization_round_two(&sums, secret).unwrap();
    let share = one.public_key_share(&round).unwrap();
    let additive = AdditiveShare::new(&context, &[1; 64]).unwrap();
    let bytes = vec![
        session.terms().to_bytes(),
        deal,
        share.to_bytes(),
        one.galois_key_shares(&round, &Rotations::steps(&[1]), span)
            .unwrap()[0]
            .to_bytes(),
        first.to_bytes(),
        answer.to_bytes(),
        opening.request().to_bytes(),
        one.open(opening.request(), &mut journal)
            .unwrap()
            .to_bytes(),
        one.switch(opening.request(), &public, &mut journal)
            .unwrap()
            .to_bytes(),
        one.mask(&context, opening.request(), &mut journal)
            .unwrap()
            .to_bytes(),
        one.enter(&context, b"in", (&[1, 2], &additive), &mut journal)
            .unwrap()
            .to_bytes(),
        one.refresh(&context, refreshing.request(), &mut journal)
            .unwrap()
            .to_bytes(),
        one.expose_secret_state().to_vec(),
        share.commitment().to_bytes(),
    ];
    Samples { session, bytes }
});

#[test]
fn every_kind_reads_its_own_bytes_alone() {
    for (i, read) in READERS.iter().enumerate() {
        for (j, bytes) in SAMPLES.bytes.iter().enumerate() {
            assert_eq!(
                read(bytes, &SAMPLES.session).is_ok(),
                i == j,
                "reader {i}, bytes {j}"
            );
        }
        for length in [0, 10, 67, 68, SAMPLES.bytes[i].len() - 1] {
            assert!(read(&SAMPLES.bytes[i][..length], &SAMPLES.session).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    /// Changed bytes with right checksums are read, or refused: nothing panics.
    #[test]
    fn changed_bytes_never_panic(
        kind in 0..READERS.len(),
        early in any::<bool>(),
        place in any::<prop::sample::Index>(),
        values in prop::collection::vec(any::<u8>(), 1..9),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = SAMPLES.bytes[kind].clone();
        if let Some(cut) = cut {
            let end = bytes.len();
            bytes.truncate(72 + cut.index(end - 72));
        }
        let end = bytes.len() - 4;
        // Lengths, counts and flags come first.
        let range = if early { (end - 68).min(96) } else { end - 68 };
        if range > 0 {
            let start = 68 + place.index(range);
            for (byte, value) in bytes[start..end].iter_mut().zip(values) {
                *byte = value;
            }
        }
        bytes[8..16].copy_from_slice(&((end - 68) as u64).to_le_bytes());
        let header = crc32fast::hash(&bytes[..64]);
        bytes[64..68].copy_from_slice(&header.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[68..end]);
        bytes[end..].copy_from_slice(&checksum.to_le_bytes());
        let _ = READERS[kind](&bytes, &SAMPLES.session);
    }
}
