use crate::objects::{BfvObjects, CkksObjects, ckks_context};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use slotwise::encoding::{BfvPlaintext, CkksPlaintext};
use slotwise::encryption::{BfvCiphertext, CkksCiphertext};
use slotwise::keys::{EvaluationKeys, GaloisKey, PublicKey, RelinearizationKey};
use slotwise::prelude::*;
use slotwise::wire::{ExposedSecret, Unattached};

/// What comes back through a binary and a human-readable format.
fn through<A: Serialize, B: DeserializeOwned>(value: &A) -> [B; 2] {
    let config = bincode::config::standard();
    let binary = bincode::serde::encode_to_vec(value, config).unwrap();
    let (first, length) = bincode::serde::decode_from_slice(&binary, config).unwrap();
    assert_eq!(length, binary.len());
    let text = serde_json::to_string(value).unwrap();
    assert!(text.starts_with('"'), "a base64 string");
    [first, serde_json::from_str(&text).unwrap()]
}

fn back<T: Wire + Serialize>(value: &T, context: &T::Context) {
    for unattached in through::<T, Unattached<T>>(value) {
        assert_eq!(
            unattached.attach(context).unwrap().to_bytes(),
            value.to_bytes()
        );
        for again in through::<_, Unattached<T>>(&unattached) {
            assert_eq!(again.attach(context).unwrap().to_bytes(), value.to_bytes());
        }
    }
}

#[test]
fn everything_comes_back_through_serde() {
    let (ckks, bfv) = (CkksObjects::new(16, 1), BfvObjects::new(16, 2));
    let rlwe = ckks.context.rlwe();
    let galois = ckks.keys.galois();
    let element = galois.elements().next().unwrap();
    back::<PublicKey>(&ckks.public, rlwe);
    back::<RelinearizationKey>(ckks.keys.relinearization().unwrap(), rlwe);
    back::<GaloisKey>(galois.get(element).unwrap(), rlwe);
    back::<EvaluationKeys>(&ckks.keys, rlwe);
    back::<CkksPlaintext>(&ckks.plaintext, &ckks.context);
    back::<BfvPlaintext>(&bfv.plaintext, &bfv.context);
    for ciphertext in [&ckks.seeded, &ckks.computed, &ckks.raw_product] {
        back::<CkksCiphertext>(ciphertext, &ckks.context);
    }
    for ciphertext in [&bfv.seeded, &bfv.computed, &bfv.raw_product] {
        back::<BfvCiphertext>(ciphertext, &bfv.context);
    }
    let client = ckks.context.generate_client_key().unwrap();
    back(&client.encrypt([1.0; 20]).unwrap(), &ckks.context);
    back(&client.generate_encryption_key().unwrap(), &ckks.context);
    back(
        &client.generate_server_key(&Rotations::steps(&[1])).unwrap(),
        &ckks.context,
    );
    for exposed in through::<_, ExposedSecret>(&client.expose_secret()) {
        let read = ClientKey::<Ckks>::from_exposed(&exposed, &ckks.context).unwrap();
        assert_eq!(read.expose_secret_bytes(), client.expose_secret_bytes());
        assert_eq!(format!("{exposed:?}"), "ExposedSecret(..)");
    }
    let client = bfv.context.generate_client_key().unwrap();
    back(&client.encrypt([1; 20]).unwrap(), &bfv.context);
}

#[test]
fn parameters_come_back_through_serde_unless_insecure() {
    let ckks = CkksContext::for_depth(2).build().unwrap();
    for read in through::<_, CkksParams>(ckks.params()) {
        assert_eq!(&read, ckks.params());
    }
    let bfv = BfvContext::for_depth(2).plaintext_bits(20).build().unwrap();
    for read in through::<_, BfvParams>(bfv.params()) {
        assert_eq!(&read, bfv.params());
    }
    let insecure = serde_json::to_string(ckks_context(16).params()).unwrap();
    let error = serde_json::from_str::<CkksParams>(&insecure).unwrap_err();
    assert!(error.to_string().contains("security check"), "{error}");
}

#[test]
fn what_is_no_value_is_an_error() {
    let client = ckks_context(16).generate_client_key().unwrap();
    let text = serde_json::to_string(&client.encrypt([1.0]).unwrap()).unwrap();
    let wrong = serde_json::from_str::<Unattached<BfvVector>>(&text).unwrap_err();
    assert!(wrong.to_string().contains("a CKKS vector"), "{wrong}");
    for text in ["\"\"", "\"AAAA\"", "\"?\"", "7", "[1, 2]"] {
        assert!(serde_json::from_str::<Unattached<CkksVector>>(text).is_err());
        assert!(serde_json::from_str::<ExposedSecret>(text).is_err());
        assert!(serde_json::from_str::<CkksParams>(text).is_err());
    }
}

/// A message as a program would define it.
#[derive(Serialize, Deserialize)]
struct Request {
    params: CkksParams,
    vector: Unattached<CkksVector>,
}

#[test]
fn values_are_fields_of_messages() {
    let context = CkksContext::for_depth(0).build().unwrap();
    let client = context.generate_client_key().unwrap();
    let request = Request {
        params: context.params().clone(),
        vector: Unattached::new(&client.encrypt([4.0]).unwrap()),
    };
    let config = bincode::config::standard();
    let bytes = bincode::serde::encode_to_vec(&request, config).unwrap();
    let (read, _): (Request, usize) = bincode::serde::decode_from_slice(&bytes, config).unwrap();
    let vector = read
        .vector
        .attach(&CkksContext::new(read.params).unwrap())
        .unwrap();
    assert!((client.decrypt(&vector).unwrap()[0] - 4.0).abs() < 1e-4);
}
