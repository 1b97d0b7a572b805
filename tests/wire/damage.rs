//! Bytes changed on their way.

use crate::objects::{BfvObjects, CkksObjects};
use crate::reseal::{HEADER, reseal_body};
use slotwise::keys::SecretKey;
use slotwise::prelude::*;
use slotwise::{Error, Result, WireError};

/// A parser and the bytes of one object.
type Case<'a> = (&'static str, Vec<u8>, Box<dyn Fn(&[u8]) -> Result<()> + 'a>);

fn case<'a, T: Wire>(name: &'static str, value: &T, context: &'a T::Context) -> Case<'a> {
    let read = |bytes: &[u8]| {
        let whole = T::from_bytes(bytes, context).map(|_| ());
        // A stream gives the same, except that it does not see what follows.
        let streamed = T::read_from(&mut &bytes[..], context).map(|_| ());
        match &whole {
            Err(Error::Wire(WireError::Length { .. } | WireError::Truncated)) => {}
            _ => assert_eq!(whole, streamed),
        }
        whole
    };
    (name, value.to_bytes(), Box::new(read))
}

/// One object of each kind.
fn cases<'a>(ckks: &'a CkksObjects, bfv: &'a BfvObjects) -> Vec<Case<'a>> {
    let rlwe = ckks.context.rlwe();
    let galois = ckks.keys.galois();
    let element = galois.elements().next().unwrap();
    let client = ckks.context.generate_client_key().unwrap();
    let vector = client.encrypt([1.0; 9]).unwrap();
    let values = PlainTensor::new(&[1.0; 4], &[2, 1, 2]).unwrap();
    let tensor = client.encrypt_tensor(&values).unwrap();
    let client = bfv.context.generate_client_key().unwrap();
    let integers = client.encrypt([1; 20]).unwrap();
    let values = PlainTensor::new(&[1; 18], &[9, 2]).unwrap();
    let batch = client.encrypt_tensor_batched(&values).unwrap();
    vec![
        (
            "CKKS parameters",
            ckks.context.params().to_bytes(),
            Box::new(|bytes| CkksParams::insecure_from_bytes(bytes).map(|_| ())),
        ),
        (
            "BFV parameters",
            bfv.context.params().to_bytes(),
            Box::new(|bytes| BfvParams::insecure_from_bytes(bytes).map(|_| ())),
        ),
        (
            "secret key",
            ckks.secret.expose_secret_bytes().to_vec(),
            Box::new(|bytes| SecretKey::from_secret_bytes(bytes, rlwe).map(|_| ())),
        ),
        case("public key", &ckks.public, rlwe),
        case(
            "relinearization key",
            ckks.keys.relinearization().unwrap(),
            rlwe,
        ),
        case("Galois key", galois.get(element).unwrap(), rlwe),
        case("evaluation keys", ckks.keys.as_ref(), rlwe),
        case("CKKS plaintext", &ckks.plaintext, &ckks.context),
        case("BFV plaintext", &bfv.plaintext, &bfv.context),
        case("CKKS seeded", &ckks.seeded, &ckks.context),
        case("CKKS computed", &ckks.computed, &ckks.context),
        case("CKKS product", &ckks.raw_product, &ckks.context),
        case("BFV seeded", &bfv.seeded, &bfv.context),
        case("BFV computed", &bfv.computed, &bfv.context),
        case("BFV product", &bfv.raw_product, &bfv.context),
        case("CKKS vector", &vector, &ckks.context),
        case("BFV vector", &integers, &bfv.context),
        case("CKKS tensor", &tensor, &ckks.context),
        case("BFV tensor", &batch, &bfv.context),
    ]
}

fn with_cases(check: impl Fn(&str, &[u8], &dyn Fn(&[u8]) -> Result<()>)) {
    let (ckks, bfv) = (CkksObjects::new(8, 1), BfvObjects::new(8, 2));
    for (name, bytes, read) in cases(&ckks, &bfv) {
        read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        check(name, &bytes, read.as_ref());
    }
}

#[test]
fn every_truncation_is_an_error() {
    with_cases(|name, bytes, read| {
        for length in 0..bytes.len() {
            let error = read(&bytes[..length]).unwrap_err();
            assert_eq!(
                error,
                Error::Wire(WireError::Truncated),
                "{name} at {length}"
            );
        }
    });
}

#[test]
fn every_flipped_bit_is_an_error() {
    with_cases(|name, bytes, read| {
        let mut bytes = bytes.to_vec();
        for bit in 0..8 * bytes.len() {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&bytes).is_err(), "{name}: bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    });
}

#[test]
fn what_follows_is_an_error() {
    with_cases(|name, bytes, read| {
        for extra in [1, 100] {
            let longer = [bytes, &vec![0; extra]].concat();
            let error = read(&longer).unwrap_err();
            assert!(
                matches!(error, Error::Wire(WireError::Length { .. })),
                "{name}: {error}"
            );
        }
    });
}

#[test]
fn lengths_are_not_believed() {
    with_cases(|name, bytes, read| {
        for length in [u64::MAX, u64::MAX - 71, 1 << 63, 1 << 40, 0, 1] {
            let mut forged = bytes.to_vec();
            forged[8..16].copy_from_slice(&length.to_le_bytes());
            let end = forged.len() - 4;
            reseal_body(&mut forged, HEADER..end);
            let error = read(&forged).unwrap_err();
            let expected = matches!(
                error,
                Error::Wire(WireError::Length { .. } | WireError::Truncated)
            );
            assert!(expected, "{name}, {length}: {error}");
        }
    });
}

#[test]
fn other_kinds_and_versions_are_named() {
    let (ckks, bfv) = (CkksObjects::new(8, 1), BfvObjects::new(8, 2));
    let all = cases(&ckks, &bfv);
    for (i, (name, _, read)) in all.iter().enumerate() {
        for (j, (other, bytes, _)) in all.iter().enumerate() {
            let same = all[i].1[6] == all[j].1[6];
            if same {
                continue;
            }
            let error = read(bytes).unwrap_err();
            assert!(
                matches!(error, Error::Wire(WireError::Kind { .. })),
                "{name}, {other}"
            );
        }
        for version in [0u16, 1, 3, u16::MAX] {
            let mut bytes = all[i].1.clone();
            bytes[4..6].copy_from_slice(&version.to_le_bytes());
            let expected = WireError::Version {
                found: version,
                supported: 2,
            };
            assert_eq!(read(&bytes), Err(Error::Wire(expected)), "{name}");
        }
        let mut bytes = all[i].1.clone();
        bytes[0] ^= 1;
        assert_eq!(read(&bytes), Err(Error::Wire(WireError::NotSlotwise)));
    }
}
