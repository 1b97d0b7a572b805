//! Whatever is refused has a typed error and leaves the aggregator as it was.

use crate::{ROUND, Setting, state};
use slotwise::federated::{
    Aggregator, Mode, OutOfClip, SumDecryptor, SumEncryptor, SumSpec, Upload, Weights,
};
use slotwise::multiparty::Policy;
use slotwise::{Error, FederatedError, Result};
use std::fmt::Debug;
use std::sync::Arc;

#[track_caller]
fn federated<T: Debug>(result: Result<T>) -> FederatedError {
    match result {
        Err(Error::Federated(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn updates_that_cannot_be_encrypted() {
    let mut setting = Setting::new(&SumSpec::new(4, 30));
    let mut encrypt = |update: &[f32], weight| {
        let rng = &mut setting.rng;
        federated(setting.encryptor.encrypt((ROUND, 0), update, weight, rng))
    };
    for found in [0, 29, 31] {
        let error = encrypt(&vec![0.5; found], 1);
        assert_eq!(
            error,
            FederatedError::ShapeMismatch {
                found,
                expected: 30
            }
        );
    }
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for index in [0, 17, 29] {
            let mut update = [0.5; 30];
            update[index] = value;
            assert_eq!(encrypt(&update, 1), FederatedError::NotFinite { index });
        }
    }
    for weight in [0, 2, u64::MAX] {
        let error = encrypt(&[0.5; 30], weight);
        assert_eq!(error, FederatedError::InvalidWeight { weight, most: 1 });
    }
    let error = federated(setting.context.clear_average(&[(&[f32::NAN; 30], 1)]));
    assert_eq!(error, FederatedError::NotFinite { index: 0 });
}

#[test]
fn values_beyond_the_clip_bound() {
    let spec = SumSpec::new(4, 9000)
        .clip(0.5)
        .out_of_clip(OutOfClip::Refuse);
    let mut setting = Setting::new(&spec);
    let mut update = vec![0.5f32; 9000];
    setting.upload(0, &update, 1);
    for index in [8999, 5] {
        update[index] = -0.501;
        let rng = &mut setting.rng;
        let error = federated(setting.encryptor.encrypt((ROUND, 0), &update, 1, rng));
        assert_eq!(error, FederatedError::OutOfClip { index });
    }
    // What is not finite is no matter of clipping.
    update[3] = f32::INFINITY;
    let rng = &mut setting.rng;
    let error = federated(setting.encryptor.encrypt((ROUND, 0), &update, 1, rng));
    assert_eq!(error, FederatedError::NotFinite { index: 3 });
}

/// Adding and merging are refused, and change nothing.
#[track_caller]
fn refused(aggregator: &mut Aggregator, upload: &Upload) -> Error {
    let before = state(aggregator);
    let error = aggregator.add(upload).unwrap_err();
    assert!(state(aggregator) == before, "{error} changed the state");
    error
}

#[test]
fn uploads_that_do_not_belong() {
    let mut setting = Setting::new(&SumSpec::new(3, 30));
    let update = vec![0.5f32; 30];
    let mut aggregator =
        Aggregator::new(&setting.context, setting.key(), ROUND, [1, 2, 3, 4]).unwrap();
    let first = setting.upload(1, &update, 1);
    aggregator.add(&first).unwrap();
    let error = |error| Error::Federated(error);

    let stranger = setting.upload(5, &update, 1);
    let expected = error(FederatedError::UnknownClient { client: 5 });
    assert_eq!(refused(&mut aggregator, &stranger), expected);

    let rng = &mut setting.rng;
    let late = setting
        .encryptor
        .encrypt((ROUND - 1, 2), &update, 1, rng)
        .unwrap();
    let wrong_round = FederatedError::WrongRound {
        expected: ROUND,
        found: ROUND - 1,
    };
    assert_eq!(refused(&mut aggregator, &late), error(wrong_round));

    let expected = error(FederatedError::Duplicate { client: 1 });
    assert_eq!(refused(&mut aggregator, &first), expected);
    let second = setting.upload(1, &update, 1);
    let expected = error(FederatedError::Conflict { client: 1 });
    assert_eq!(refused(&mut aggregator, &second), expected);

    let other_key = setting.context.generate_secret_key().unwrap();
    let public = setting.context.public_key(&other_key).unwrap();
    let encryptor = SumEncryptor::with_public_key(&setting.context, public).unwrap();
    let foreign = encryptor
        .encrypt((ROUND, 2), &update, 1, &mut setting.rng)
        .unwrap();
    let found = refused(&mut aggregator, &foreign);
    assert!(matches!(
        found,
        Error::Federated(FederatedError::OtherKey { .. })
    ));

    let mut other = Setting::new(&SumSpec::new(3, 31));
    let foreign = other.upload(2, &[0.5; 31], 1);
    let found = refused(&mut aggregator, &foreign);
    assert!(matches!(
        found,
        Error::Federated(FederatedError::OtherSum { .. })
    ));

    for client in [2, 3] {
        aggregator.add(&setting.upload(client, &update, 1)).unwrap();
    }
    let fourth = setting.upload(4, &update, 1);
    let expected = error(FederatedError::TooManyClients { most: 3 });
    assert_eq!(refused(&mut aggregator, &fourth), expected);
    assert_eq!(aggregator.missing().collect::<Vec<_>>(), [4]);
}

#[test]
fn weights_beyond_the_total() {
    let spec = SumSpec::new(3, 30).weights(Weights::Counted { total: 10 });
    let mut setting = Setting::new(&spec);
    let update = vec![0.5f32; 30];
    let mut aggregator = setting.aggregator();
    aggregator.add(&setting.upload(0, &update, 8)).unwrap();
    let third = setting.upload(1, &update, 3);
    let expected = FederatedError::WeightExceeded {
        weight: 11,
        most: 10,
    };
    assert_eq!(refused(&mut aggregator, &third), Error::Federated(expected));
    aggregator.add(&setting.upload(1, &update, 2)).unwrap();
    let sums = setting.decryptor.decrypt(&aggregator.seal()).unwrap();
    assert_eq!(sums.weight(), 10);
}

/// The upload of one client under the name of another: its noise would not be independent.
#[test]
fn copies_under_another_name() {
    for mode in [Mode::PublicKey, Mode::SharedSecret] {
        let mut setting = Setting::new(&SumSpec::new(3, 30).mode(mode));
        let update = setting.update();
        let honest = setting.upload(1, &update, 1);
        let bytes = slotwise::Wire::to_bytes(&honest);
        let mut copy = bytes.clone();
        copy[68 + 8] = 2;
        crate::damage::reseal(&mut copy);
        let copy = slotwise::Wire::from_bytes(&copy, &setting.context).unwrap();
        let mut aggregator = setting.aggregator();
        aggregator.add(&honest).unwrap();
        let expected = FederatedError::RepeatedRandomness {
            client: 2,
            other: 1,
        };
        assert_eq!(
            refused(&mut aggregator, &copy),
            Error::Federated(expected.clone())
        );
        let mut other = setting.aggregator();
        other.add(&copy).unwrap();
        let before = state(&aggregator);
        assert_eq!(aggregator.merge(&other), Err(Error::Federated(expected)));
        assert!(state(&aggregator) == before);
    }
}

#[test]
fn sums_that_cannot_be_merged() {
    let mut setting = Setting::new(&SumSpec::new(2, 30));
    let update = vec![0.5f32; 30];
    let uploads: Vec<Upload> = (0..3).map(|i| setting.upload(i, &update, 1)).collect();
    let sum = |clients: &[usize]| {
        let mut sum = setting.aggregator();
        clients
            .iter()
            .for_each(|&client| sum.add(&uploads[client]).unwrap());
        sum
    };
    let mut first = sum(&[0]);
    let before = state(&first);
    let error = federated(first.merge(&sum(&[1, 0])));
    assert_eq!(error, FederatedError::Duplicate { client: 0 });
    let error = federated(first.merge(&sum(&[1, 2])));
    assert_eq!(error, FederatedError::TooManyClients { most: 2 });
    let next = Aggregator::new(&setting.context, setting.key(), ROUND + 1, [7]).unwrap();
    let wrong_round = FederatedError::WrongRound {
        expected: ROUND,
        found: ROUND + 1,
    };
    assert_eq!(federated(first.merge(&next)), wrong_round);
    let key = setting.context.generate_secret_key().unwrap().id();
    let foreign = Aggregator::new(&setting.context, key, ROUND, [7]).unwrap();
    assert!(matches!(
        federated(first.merge(&foreign)),
        FederatedError::OtherKey { .. }
    ));
    assert!(state(&first) == before);
}

#[test]
fn lists_out_of_range() {
    let setting = Setting::new(&SumSpec::new(2, 30));
    let new = |roster: Vec<u32>| Aggregator::new(&setting.context, setting.key(), 0, roster);
    assert!(matches!(
        federated(new(vec![])),
        FederatedError::InvalidSpec { .. }
    ));
    let all = (0..=SumSpec::MOST_CLIENTS).collect();
    assert!(matches!(
        federated(new(all)),
        FederatedError::InvalidSpec { .. }
    ));
}

#[test]
fn keys_that_do_not_fit() {
    let public = Setting::new(&SumSpec::new(2, 30));
    let seeded = Setting::new(&SumSpec::new(2, 30).mode(Mode::SharedSecret));
    let shared = SumSpec::new(2, 30).mode(Mode::Shared(Policy::new(2, 2).unwrap()));
    let shared = shared.build().unwrap();
    let wrong_mode = |error: FederatedError| {
        assert!(matches!(error, FederatedError::WrongMode { .. }), "{error}");
    };
    let secret = Arc::clone(&public.secret);
    wrong_mode(federated(SumEncryptor::with_secret_key(
        &public.context,
        secret,
    )));
    let key = seeded.context.public_key(&seeded.secret).unwrap();
    wrong_mode(federated(SumEncryptor::with_public_key(
        &seeded.context,
        key,
    )));
    wrong_mode(federated(shared.generate_secret_key()));
    // Keys of other parameters.
    let secret = Arc::clone(&seeded.secret);
    assert!(SumDecryptor::new(&public.context, Arc::clone(&secret)).is_err());
    assert!(SumEncryptor::with_secret_key(&public.context, secret).is_err());
    assert!(public.context.public_key(&seeded.secret).is_err());
    // Another key of the same parameters.
    let other = public.context.generate_secret_key().unwrap();
    let other = SumDecryptor::new(&public.context, other).unwrap();
    let sealed = public.aggregator().seal();
    assert!(matches!(
        other.decrypt(&sealed),
        Err(Error::Federated(FederatedError::OtherKey { .. }))
    ));
    // An empty sum has no average.
    let error = federated(public.decryptor.decrypt(&sealed));
    assert_eq!(
        error,
        FederatedError::TooFewContributors { have: 0, need: 1 }
    );
    let none: [(&[f32], u64); 0] = [];
    let error = federated(public.context.clear_average(&none));
    assert_eq!(
        error,
        FederatedError::TooFewContributors { have: 0, need: 1 }
    );
}
