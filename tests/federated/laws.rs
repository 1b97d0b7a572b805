//! Sums are exact, in any order and any tree, across a crash, on any number of threads.

use crate::{ROUND, Setting, rounded, state};
use slotwise::Wire;
use slotwise::federated::{
    Aggregator, Mode, OutOfClip, SealedSum, SumContext, SumSpec, Upload, Weights,
};
use slotwise::multiparty::Policy;

/// The average by the formula, with the standard library's rounding.
fn average(updates: &[(Vec<f32>, u64)], bits: u32, clip: f64, max: u64) -> Vec<f64> {
    let most = ((1u64 << (bits - 1)) - 1) as f64;
    let scale = most / clip;
    let weight: u64 = updates.iter().map(|(_, weight)| weight).sum();
    (0..updates[0].0.len())
        .map(|j| {
            let integers = updates.iter().map(|(update, weight)| {
                let value = f64::from(update[j]).clamp(-clip, clip);
                if max == 1 {
                    rounded(value * scale) * (*weight).cast_signed()
                } else {
                    rounded(value * (scale * *weight as f64 / max as f64))
                }
            });
            integers.sum::<i64>() as f64 / (scale * (weight as f64 / max as f64))
        })
        .collect()
}

/// A specification with its bits, clip bound, largest scaled weight, and whether there are weights.
type Case = (SumSpec, u32, f64, u64, bool);

fn cases() -> Vec<Case> {
    let spec = SumSpec::new(8, 300);
    let counted = spec.weights(Weights::Counted { total: 800 });
    let scaled = spec.weights(Weights::Scaled { max: 100 });
    vec![
        (spec, 16, 1.0, 1, false),
        (spec.bits(8).clip(0.3), 8, 0.3, 1, false),
        (spec.bits(32).clip(7.5), 32, 7.5, 1, false),
        (SumSpec::new(8, 1), 16, 1.0, 1, false),
        (SumSpec::new(2, 90_000), 16, 1.0, 1, false),
        (counted, 16, 1.0, 1, true),
        (counted.hidden_weights().bits(12), 12, 1.0, 1, true),
        (scaled, 16, 1.0, 100, true),
        (scaled.hidden_weights(), 16, 1.0, 100, true),
    ]
}

#[test]
fn averages_are_those_in_the_clear_bit_for_bit() {
    for (spec, bits, clip, max, weighted) in cases() {
        for mode in [Mode::PublicKey, Mode::SharedSecret] {
            let mut setting = Setting::new(&spec.mode(mode));
            let clients = setting.context.clients();
            let mut aggregator = setting.aggregator();
            let mut updates = Vec::new();
            for client in 0..clients {
                let weight = if weighted {
                    u64::from(client) * 13 + 1
                } else {
                    1
                };
                let update = setting.update();
                let upload = setting.upload(client, &update, weight);
                let bytes = upload.to_bytes();
                assert_eq!(bytes.len() as u64, setting.context.upload_bytes());
                let read = Upload::from_bytes(&bytes, &setting.context).unwrap();
                assert_eq!((read.digest(), &read), (upload.digest(), &upload));
                aggregator.add(&read).unwrap();
                updates.push((update, weight));
            }
            let sealed = aggregator.seal();
            let sealed = SealedSum::from_bytes(&sealed.to_bytes(), &setting.context).unwrap();
            let sums = setting.decryptor.decrypt(&sealed).unwrap();
            let expected = average(&updates, bits, clip, max);
            assert_eq!(sums.average(), expected, "{spec:?}");
            let pairs: Vec<(&[f32], u64)> = updates.iter().map(|(u, w)| (&u[..], *w)).collect();
            assert_eq!(setting.context.clear_average(&pairs).unwrap(), expected);
            let weight: u64 = updates.iter().map(|(_, weight)| weight).sum();
            assert_eq!((sums.weight(), sums.uploads()), (weight, clients as usize));
        }
    }
}

/// All clients send the largest values of one sign, with the largest weights: no field overflows into the next.
#[test]
fn extremes_stay_in_their_fields() {
    for (spec, weight) in [
        (SumSpec::new(64, 200), 1),
        (
            SumSpec::new(4, 200).weights(Weights::Counted { total: 4000 }),
            1000,
        ),
        (SumSpec::new(4, 200).weights(Weights::Scaled { max: 9 }), 9),
    ] {
        let mut setting = Setting::new(&spec);
        let update: Vec<f32> = (0..200)
            .map(|j| if j % 3 == 0 { 9.0 } else { -9.0 })
            .collect();
        let mut aggregator = setting.aggregator();
        for client in 0..setting.context.clients() {
            aggregator
                .add(&setting.upload(client, &update, weight))
                .unwrap();
        }
        let sums = setting.decryptor.decrypt(&aggregator.seal()).unwrap();
        let expected: Vec<f64> = update.iter().map(|value| f64::from(value / 9.0)).collect();
        assert_eq!(sums.average(), expected);
    }
}

#[test]
fn doubles_are_taken_as_floats_are() {
    let mut setting = Setting::new(&SumSpec::new(2, 50));
    let update = setting.update();
    let doubles: Vec<f64> = update.iter().copied().map(f64::from).collect();
    let rng = &mut rand::rng();
    // So is whatever iterates over them.
    let uploads = [
        setting.encryptor.encrypt((ROUND, 1), &doubles, 1, rng),
        setting
            .encryptor
            .encrypt((ROUND, 1), update.iter().copied(), 1, rng),
    ];
    for upload in uploads {
        let mut aggregator = setting.aggregator();
        aggregator.add(&upload.unwrap()).unwrap();
        let sums = setting.decryptor.decrypt(&aggregator.seal()).unwrap();
        assert_eq!(
            sums.average(),
            setting.context.clear_average(&[(&update, 1)]).unwrap()
        );
    }
}

fn uploads(setting: &mut Setting, count: u32) -> Vec<Upload> {
    let upload = |client| {
        let update = setting.update();
        setting.upload(client, &update, 1)
    };
    (0..count).map(upload).collect()
}

#[test]
fn orders_and_trees_give_the_same_bytes() {
    for mode in [Mode::PublicKey, Mode::SharedSecret] {
        let mut setting = Setting::new(&SumSpec::new(7, 500).mode(mode));
        let uploads = uploads(&mut setting, 7);
        let sum = |order: &[usize]| {
            let mut aggregator = setting.aggregator();
            order
                .iter()
                .for_each(|&i| aggregator.add(&uploads[i]).unwrap());
            aggregator
        };
        let expected = state(&sum(&[0, 1, 2, 3, 4, 5, 6]));
        assert_eq!(state(&sum(&[6, 2, 4, 0, 5, 1, 3])), expected);
        // A tree of sums of sums, and a sum that takes an empty one in.
        let (mut left, mut right) = (sum(&[3, 1]), sum(&[6]));
        left.merge(&sum(&[0])).unwrap();
        right.merge(&sum(&[])).unwrap();
        right.merge(&sum(&[5, 2, 4])).unwrap();
        right.merge(&left).unwrap();
        assert_eq!(state(&right), expected);
        assert_eq!(
            right.seal().to_bytes(),
            sum(&[0, 1, 2, 3, 4, 5, 6]).seal().to_bytes()
        );
    }
}

/// Aggregators of parts of the list become one of the whole list.
#[test]
fn lists_are_merged() {
    let mut setting = Setting::new(&SumSpec::new(6, 40));
    let uploads = uploads(&mut setting, 6);
    let part = |clients: std::ops::Range<u32>| {
        let mut part =
            Aggregator::new(&setting.context, setting.key(), ROUND, clients.clone()).unwrap();
        clients.for_each(|client| part.add(&uploads[client as usize]).unwrap());
        part
    };
    let mut first = part(0..4);
    first.merge(&part(4..6)).unwrap();
    assert_eq!(state(&first), state(&part(0..6)));
    assert_eq!(first.missing().count(), 0);
}

#[cfg(feature = "parallel")]
#[test]
fn threads_give_the_same_bytes() {
    let mut setting = Setting::new(&SumSpec::new(3, 200_000));
    let uploads = uploads(&mut setting, 3);
    let results = [1, 2, 5].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| {
            let mut aggregator = setting.aggregator();
            uploads
                .iter()
                .for_each(|upload| aggregator.add(upload).unwrap());
            let sealed = aggregator.seal();
            (
                sealed.to_bytes(),
                setting.decryptor.decrypt(&sealed).unwrap(),
            )
        })
    });
    assert!(results[0] == results[1] && results[0] == results[2]);
}

/// A crash after any upload: the state goes on, a repeated upload is told apart from a new one, and nothing is lost or counted twice.
#[test]
fn a_snapshot_at_every_upload() {
    for spec in [
        SumSpec::new(5, 120).weights(Weights::Counted { total: 50 }),
        SumSpec::new(5, 120).mode(Mode::SharedSecret),
    ] {
        let mut setting = Setting::new(&spec);
        let uploads = uploads(&mut setting, 5);
        let mut whole = setting.aggregator();
        uploads.iter().for_each(|upload| whole.add(upload).unwrap());
        for crash in 0..=5 {
            let mut before = setting.aggregator();
            uploads[..crash]
                .iter()
                .for_each(|upload| before.add(upload).unwrap());
            let bytes = state(&before);
            let mut after = Aggregator::resume(&mut &bytes[..], &setting.context).unwrap();
            assert_eq!(state(&after), bytes);
            assert_eq!((after.round(), after.uploads()), (ROUND, crash));
            // Clients that got no answer send again.
            for (i, upload) in uploads.iter().enumerate() {
                assert_eq!(after.add(upload).is_ok(), i >= crash);
            }
            assert_eq!(state(&after), state(&whole));
        }
    }
}

#[test]
fn contexts_are_read_from_their_bytes() {
    let spec = SumSpec::new(8, 4810)
        .out_of_clip(OutOfClip::Refuse)
        .clip(0.25);
    for spec in [
        spec,
        spec.mode(Mode::SharedSecret)
            .weights(Weights::Scaled { max: 7 }),
        spec.mode(Mode::Shared(Policy::new(8, 5).unwrap())),
        spec.weights(Weights::Counted { total: 80 })
            .hidden_weights(),
    ] {
        let context = spec.build().unwrap();
        let read = SumContext::from_bytes(&context.to_bytes()).unwrap();
        assert_eq!((read.spec(), read.to_bytes()), (&spec, context.to_bytes()));
        assert_eq!(read.fingerprint(), context.fingerprint());
        assert_eq!(read.to_string(), context.to_string());
    }
}

/// Every field of a specification is part of its identity.
#[test]
fn fingerprints_cover_all_fields() {
    let spec = SumSpec::new(8, 4810).weights(Weights::Counted { total: 2000 });
    let policy = Policy::new(8, 5).unwrap();
    let shared = |policy| spec.mode(Mode::Shared(policy));
    let specs = [
        spec,
        SumSpec::new(9, 4810).weights(Weights::Counted { total: 2000 }),
        SumSpec::new(8, 4811).weights(Weights::Counted { total: 2000 }),
        spec.bits(15),
        spec.clip(1.5),
        spec.out_of_clip(OutOfClip::Refuse),
        spec.weights(Weights::Counted { total: 2001 }),
        spec.weights(Weights::Equal),
        spec.weights(Weights::Scaled { max: 250 }),
        spec.hidden_weights(),
        spec.mode(Mode::SharedSecret),
        shared(policy),
        shared(Policy::new(8, 4).unwrap()),
        shared(Policy::new(9, 5).unwrap()),
        shared(policy.with_contributors(5).unwrap()),
        shared(policy.with_openings(1025).unwrap()),
        shared(policy.with_lambda(slotwise::multiparty::Lambda::new(81).unwrap())),
    ];
    let fingerprints: Vec<_> = specs.map(|spec| spec.build().unwrap().fingerprint()).into();
    for (i, fingerprint) in fingerprints.iter().enumerate() {
        assert!(!fingerprints[..i].contains(fingerprint), "{i}");
    }
}

#[test]
fn a_context_explains_itself() {
    let text = SumSpec::new(8, 1_000_000).build().unwrap().to_string();
    for part in [
        "N = 32768",
        "31 sums of 19 bits",
        "2^589",
        "1 ciphertext,",
        "1.23 times float32",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let policy = Policy::new(8, 8).unwrap();
    let shared = SumSpec::new(8, 1_000_000)
        .mode(Mode::Shared(policy))
        .build()
        .unwrap();
    let text = shared.to_string();
    for part in ["any 8 of 8", "lambda = 80", "1024 rounds", "beta = 1"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    // The sizes that are promised for a million values.
    let factor = |clients, mode| {
        let context = SumSpec::new(clients, 1_000_000).mode(mode).build().unwrap();
        context.upload_bytes() as f64 / 4e6
    };
    assert!(factor(64, Mode::PublicKey) <= 1.7 && factor(64, Mode::SharedSecret) <= 0.9);
    let all = |clients| Mode::Shared(Policy::new(clients, clients).unwrap());
    assert!(factor(8, all(8)) <= 1.7 && factor(64, all(64)) <= 2.1);
}
