//! Bytes that were changed, cut off, or forged by someone who can compute checksums.

use crate::{Setting, state};
use slotwise::federated::{Aggregator, Mode, SealedSum, SumContext, SumSpec, Upload, Weights};
use slotwise::multiparty::Policy;
use slotwise::{Error, FederatedError, Wire, WireError};

/// The bytes of a header.
const HEADER: usize = 68;

/// Makes the checksums of a frame right.
pub(crate) fn reseal(bytes: &mut [u8]) {
    let header = crc32fast::hash(&bytes[..64]);
    bytes[64..HEADER].copy_from_slice(&header.to_le_bytes());
    let end = bytes.len() - 4;
    let body = crc32fast::hash(&bytes[HEADER..end]);
    bytes[end..].copy_from_slice(&body.to_le_bytes());
}

/// Reads the bytes of each kind and says whether that failed.
struct Object {
    name: &'static str,
    bytes: Vec<u8>,
    read: Box<dyn Fn(&[u8]) -> Result<(), Error>>,
    /// The bytes of the body before residues.
    fields: usize,
}

fn objects(mode: Mode) -> Vec<Object> {
    let spec = SumSpec::new(3, 30).mode(mode);
    let mut setting = Setting::new(&spec.weights(Weights::Counted { total: 40 }));
    let context = setting.context.clone();
    let update = setting.update();
    let upload = setting.upload(1, &update, 5);
    let mut aggregator = Aggregator::new(&context, setting.key(), crate::ROUND, [1, 2]).unwrap();
    aggregator.add(&upload).unwrap();
    aggregator.add(&setting.upload(2, &update, 7)).unwrap();
    let reader = |read: fn(&[u8], &SumContext) -> Result<(), Error>| {
        let context = context.clone();
        Box::new(move |bytes: &[u8]| read(bytes, &context)) as Box<dyn Fn(&[u8]) -> _>
    };
    vec![
        Object {
            name: "parameters",
            bytes: context.to_bytes(),
            read: reader(|bytes, _| SumContext::from_bytes(bytes).map(drop)),
            fields: context.to_bytes().len() - HEADER - 4,
        },
        Object {
            name: "upload",
            bytes: upload.to_bytes(),
            read: reader(|bytes, context| Upload::from_bytes(bytes, context).map(drop)),
            fields: 20,
        },
        Object {
            name: "state",
            bytes: state(&aggregator),
            read: reader(|bytes, context| Aggregator::resume(&mut &bytes[..], context).map(drop)),
            fields: 8 + 4 + 8 + 4 + 2 * 60,
        },
        Object {
            name: "sum",
            bytes: aggregator.seal().to_bytes(),
            read: reader(|bytes, context| SealedSum::from_bytes(bytes, context).map(drop)),
            fields: 12 + 2 * 44,
        },
    ]
}

#[test]
fn changed_and_missing_bytes_are_noticed() {
    for mode in [Mode::PublicKey, Mode::SharedSecret] {
        for Object {
            name, bytes, read, ..
        } in objects(mode)
        {
            read(&bytes).unwrap();
            let length = bytes.len();
            // All of the header and the fields, and places all over the rest.
            let places = (0..length).filter(|&i| i < 300 || i % 997 == 0 || i > length - 8);
            for place in places {
                let mut damaged = bytes.clone();
                damaged[place] ^= 1 << (place % 8);
                assert!(read(&damaged).is_err(), "{name}: byte {place}");
                assert!(read(&bytes[..place]).is_err(), "{name}: {place} bytes");
            }
        }
    }
}

/// With checksums made right: reading says no, or gives something that was meant to be said, and never panics.
#[test]
fn forged_fields_are_refused_or_mean_something() {
    for mode in [Mode::PublicKey, Mode::SharedSecret] {
        for Object {
            name,
            bytes,
            read,
            fields,
        } in objects(mode)
        {
            let mut accepted = Vec::new();
            for place in HEADER..HEADER + fields {
                for change in [1, 0x80, 0xff] {
                    let mut forged = bytes.clone();
                    forged[place] ^= change;
                    reseal(&mut forged);
                    if read(&forged).is_ok() {
                        accepted.push(place - HEADER);
                    }
                }
            }
            accepted.dedup();
            // Whatever a sender is free to say: rounds, clients, digests, weights that are small enough.
            let expected = match name {
                "parameters" => 0..0,
                "upload" => 0..13,
                "state" => 0..fields,
                _ => 0..fields,
            };
            assert!(
                accepted.iter().all(|place| expected.contains(place)),
                "{name}: {accepted:?}"
            );
        }
    }
}

/// Forgeries that a count, an order or a range gives away.
#[test]
fn lists_are_checked() {
    let [_, upload, snapshot, sum] = <[Object; 4]>::try_from(objects(Mode::PublicKey))
        .ok()
        .unwrap();
    let forged = |object: &Object, at: usize, new: &[u8]| {
        let mut bytes = object.bytes.clone();
        bytes[HEADER + at..][..new.len()].copy_from_slice(new);
        reseal(&mut bytes);
        (object.read)(&bytes).unwrap_err()
    };
    let invalid = |error| matches!(error, Error::Wire(WireError::Invalid { .. }));
    // More contributions than clients, and fewer than there are.
    assert!(invalid(forged(&sum, 8, &4u32.to_le_bytes())));
    assert!(invalid(forged(&sum, 8, &u32::MAX.to_le_bytes())));
    let error = forged(&sum, 8, &1u32.to_le_bytes());
    assert!(matches!(error, Error::Wire(WireError::Length { .. })));
    // The second client is no longer above the first.
    for client in [0u32, 1] {
        assert!(invalid(forged(&sum, 12 + 44, &client.to_le_bytes())));
        assert!(invalid(forged(&snapshot, 12 + 4, &client.to_le_bytes())));
    }
    // A client that is not on the list.
    assert!(invalid(forged(
        &snapshot,
        12 + 8 + 4 + 60,
        &3u32.to_le_bytes()
    )));
    // An update of each with the randomness of the other.
    let body = &snapshot.bytes[HEADER + 24..];
    let mark = body[44..60].to_vec();
    let error = forged(&snapshot, 24 + 60 + 44, &mark);
    assert!(matches!(
        error,
        Error::Federated(FederatedError::RepeatedRandomness { .. })
    ));
    // Weights.
    for weight in [0u64, 41, u64::MAX] {
        let error = forged(&upload, 12, &weight.to_le_bytes());
        let expected = FederatedError::InvalidWeight { weight, most: 40 };
        assert_eq!(error, Error::Federated(expected));
    }
    let error = forged(&sum, 12 + 44 + 4, &36u64.to_le_bytes());
    let expected = FederatedError::WeightExceeded {
        weight: 41,
        most: 40,
    };
    assert_eq!(error, Error::Federated(expected.clone()));
    let error = forged(&snapshot, 24 + 60 + 4, &36u64.to_le_bytes());
    assert_eq!(error, Error::Federated(expected));
}

#[test]
fn residues_beyond_their_primes_are_refused() {
    for object in objects(Mode::PublicKey) {
        if object.name == "parameters" {
            continue;
        }
        for end in [false, true] {
            let mut bytes = object.bytes.clone();
            let at = if end {
                bytes.len() - 4 - 8
            } else {
                HEADER + object.fields
            };
            bytes[at..at + 8].fill(0xff);
            reseal(&mut bytes);
            let error = (object.read)(&bytes).unwrap_err();
            assert!(
                matches!(error, Error::Wire(WireError::Invalid { .. })),
                "{error}"
            );
        }
    }
}

#[test]
fn objects_are_not_taken_for_others() {
    let context = SumSpec::new(3, 30).build().unwrap();
    for object in objects(Mode::PublicKey) {
        // Another sum's.
        assert!(Upload::from_bytes(&object.bytes, &context).is_err());
        assert!(SealedSum::from_bytes(&object.bytes, &context).is_err());
        assert!(Aggregator::resume(&mut &object.bytes[..], &context).is_err());
        if object.name != "parameters" {
            let error = SumContext::from_bytes(&object.bytes).unwrap_err();
            assert!(matches!(error, Error::Wire(WireError::Kind { .. })));
        }
    }
}

/// Whoever writes parameters can compute their fingerprint, but not make them insecure, or too small for the noise.
#[test]
fn parameters_are_checked_whoever_wrote_them() {
    let spec = SumSpec::new(8, 200).mode(Mode::Shared(Policy::new(3, 2).unwrap()));
    let context = spec.build().unwrap();
    let bytes = context.to_bytes();
    // The fields behind the specification's 14: values in a coefficient, degree, primes.
    let field = |i: usize| HEADER + 8 * i;
    let forge = |i: usize, number: u64| {
        let mut bytes = bytes.clone();
        bytes[field(i)..field(i + 1)].copy_from_slice(&number.to_le_bytes());
        reseal(&mut bytes);
        SumContext::from_bytes(&bytes).unwrap_err()
    };
    let more = context.values_per_coefficient() as u64 + 10;
    assert!(matches!(forge(14, more), Error::Federated(_)));
    assert!(matches!(forge(14, 0), Error::Federated(_)));
    assert!(matches!(forge(14, u64::MAX), Error::Federated(_)));
    let smaller = context.rlwe().degree() as u64 / 2;
    assert!(matches!(forge(15, smaller), Error::Parameters(_)));
    assert!(matches!(forge(15, 1 << 40), Error::Parameters(_)));
    assert!(matches!(forge(16, 15), Error::Parameters(_)));
    let clients = u64::from(SumSpec::MOST_CLIENTS);
    assert!(
        matches!(forge(0, clients), Error::Federated(_)),
        "wider fields do not fit"
    );
    assert!(matches!(forge(12, 63), Error::Multiparty(_)));
    assert!(
        matches!(forge(13, 1 << 32), Error::Federated(_)),
        "more openings need more noise"
    );
}
