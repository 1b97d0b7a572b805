//! Bytes of released versions of the format, which every later release reads, and hashes of what seeds give.
//!
//! A missing file is written when `SLOTWISE_WRITE_VECTORS` is set.

use crate::objects::{BfvObjects, CkksObjects, rng};
use sha3::{Digest, Sha3_256};
use slotwise::encoding::{BfvPlaintext, CkksPlaintext};
use slotwise::encryption::{BfvCiphertext, CkksCiphertext, Decryptor, Encryptor};
use slotwise::keys::{EvaluationKeys, KeyGenerator, PublicKey, SecretKey};
use slotwise::prelude::*;
use slotwise::{Error, WireError};
use std::path::Path;
use std::sync::Arc;
use std::{env, fs};

/// The file of that name, written first from `fresh` if it may be.
fn stored(name: &str, fresh: &[u8]) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/wire/2");
    let path = folder.join(name);
    if !path.exists() && env::var_os("SLOTWISE_WRITE_VECTORS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        fs::write(&path, fresh).unwrap();
    }
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The stored value, which gives its bytes again.
fn read<T: Wire>(name: &str, fresh: &T, context: &T::Context) -> T {
    let bytes = stored(name, &fresh.to_bytes());
    let value = T::from_bytes(&bytes, context).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(
        value.to_bytes() == bytes,
        "{name} is written as it was read"
    );
    value
}

fn hash(bytes: &[u8]) -> String {
    let hash = Sha3_256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn ckks_files_of_version_2_are_read() {
    let fresh = CkksObjects::new(64, 20_261_121);
    let bytes = stored("ckks_parameters", &fresh.context.params().to_bytes());
    let params = CkksParams::insecure_from_bytes(&bytes).unwrap();
    assert_eq!(params.to_bytes(), bytes);
    let context = CkksContext::new(params).unwrap();
    let bytes = stored("ckks_secret_key", &fresh.secret.expose_secret_bytes());
    let secret = SecretKey::from_secret_bytes(&bytes, context.rlwe()).unwrap();
    assert_eq!(*secret.expose_secret_bytes(), bytes);
    // Keys are integers only, the same on every machine.
    let public = read::<PublicKey>("ckks_public_key", &fresh.public, context.rlwe());
    assert_eq!(public.to_bytes(), fresh.public.to_bytes());
    let keys = read::<EvaluationKeys>("ckks_evaluation_keys", &fresh.keys, context.rlwe());
    assert_eq!(keys.to_bytes(), fresh.keys.to_bytes());
    let plaintext = read::<CkksPlaintext>("ckks_plaintext", &fresh.plaintext, &context);
    let encoder = slotwise::encoding::CkksEncoder::new(&context);
    let near = |plaintext: &CkksPlaintext, expected: [f64; 3]| {
        let slots = encoder.decode(plaintext).unwrap();
        assert!(
            slots
                .iter()
                .zip(expected)
                .all(|(x, y)| (x - y).abs() < 1e-4),
            "{slots:?}"
        );
    };
    near(&plaintext, [1.5, -2.0, 0.25]);
    let compact = fresh.evaluator.compact(&fresh.computed).unwrap();
    let squares = [2.25, 4.0, 0.0625];
    for (name, fresh, expected) in [
        ("ckks_seeded", &fresh.seeded, [1.5, -2.0, 0.25]),
        ("ckks_computed", &fresh.computed, squares),
        ("ckks_raw_product", &fresh.raw_product, squares),
        ("ckks_compact", &compact, squares),
    ] {
        let ciphertext = read::<CkksCiphertext>(name, fresh, &context);
        near(
            &Decryptor::new(&secret).decrypt(&ciphertext).unwrap(),
            expected,
        );
    }
    let client =
        ClientKey::<Ckks>::from_secret_bytes(&secret.expose_secret_bytes(), &context).unwrap();
    let values: Vec<f64> = (0..40).map(f64::from).collect();
    let vector = read("ckks_vector", &client.encrypt(&values).unwrap(), &context);
    let near = |decrypted: &[f64]| {
        let mut pairs = decrypted.iter().zip(&values);
        decrypted.len() == 40 && pairs.all(|(x, y)| (x - y).abs() < 1e-4)
    };
    assert!(near(&client.decrypt(&vector).unwrap()));
    let values = PlainTensor::new(&values, &[4, 5, 2]).unwrap();
    let fresh = client.encrypt_tensor_batched(&values).unwrap();
    let tensor = read("ckks_tensor", &fresh, &context);
    let decrypted = client.decrypt_tensor(&tensor).unwrap();
    assert!(decrypted.shape() == values.shape() && near(decrypted.values()));
}

#[test]
fn bfv_files_of_version_2_are_read() {
    let fresh = BfvObjects::new(64, 20_261_121);
    let bytes = stored("bfv_parameters", &fresh.context.params().to_bytes());
    let params = BfvParams::insecure_from_bytes(&bytes).unwrap();
    assert_eq!(params.to_bytes(), bytes);
    let context = BfvContext::new(params).unwrap();
    let bytes = stored("bfv_secret_key", &fresh.secret.expose_secret_bytes());
    let secret = SecretKey::from_secret_bytes(&bytes, context.rlwe()).unwrap();
    let plaintext = read::<BfvPlaintext>("bfv_plaintext", &fresh.plaintext, &context);
    assert_eq!(plaintext.to_bytes(), fresh.plaintext.to_bytes());
    let encoder = slotwise::encoding::BfvEncoder::new(&context);
    assert_eq!(encoder.decode(&plaintext).unwrap()[..3], [7, -3, 11]);
    let compact = fresh.evaluator.compact(&fresh.computed).unwrap();
    for (name, fresh, expected) in [
        ("bfv_seeded", &fresh.seeded, [7, -3, 11]),
        ("bfv_computed", &fresh.computed, [49, 9, 121]),
        ("bfv_raw_product", &fresh.raw_product, [49, 9, 121]),
        ("bfv_compact", &compact, [49, 9, 121]),
    ] {
        let ciphertext = read::<BfvCiphertext>(name, fresh, &context);
        assert!(ciphertext.body().polys() == fresh.body().polys(), "{name}");
        let decrypted = Decryptor::new(&secret).decrypt(&ciphertext).unwrap();
        assert_eq!(encoder.decode(&decrypted).unwrap()[..3], expected);
    }
    let client = ClientKey::<Bfv>::from_secret_bytes(&bytes, &context).unwrap();
    let values: Vec<i64> = (0..70).collect();
    let vector = read("bfv_vector", &client.encrypt(&values).unwrap(), &context);
    assert_eq!(client.decrypt(&vector).unwrap(), values);
    let values = PlainTensor::new(&values[..6], &[3, 1, 2]).unwrap();
    let fresh = client.encrypt_tensor(&values).unwrap();
    let tensor = read("bfv_tensor", &fresh, &context);
    assert_eq!(client.decrypt_tensor(&tensor).unwrap(), values);
}

#[test]
fn files_of_version_1_are_named_as_such() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/wire/1");
    for name in ["ckks_parameters", "bfv_parameters"] {
        let bytes = fs::read(folder.join(name)).unwrap();
        let error = CkksParams::insecure_from_bytes(&bytes).unwrap_err();
        let expected = WireError::Version {
            found: 1,
            supported: 2,
        };
        assert_eq!(error, Error::Wire(expected));
        let text = error.to_string();
        assert!(text.contains("version 1") && text.contains('2'), "{text}");
    }
}

/// The residues alone: a bound on noise may differ in its last bit from machine to machine.
fn residues(ciphertext: &BfvCiphertext) -> Vec<u8> {
    let polys = ciphertext.body().polys().iter();
    let words = polys.flat_map(|poly| poly.data());
    words.flat_map(|x| x.to_le_bytes()).collect()
}

/// What a seed gives at secure parameters never changes.
#[test]
fn seeded_outputs_have_their_hashes() {
    let context = BfvContext::builder()
        .degree(4096)
        .prime_bits(&[36, 36, 34])
        .plaintext_modulus(65_537)
        .build()
        .unwrap();
    let mut rng = rng(7);
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let generator = KeyGenerator::new(&secret);
    let public = generator.public_key(&mut rng).unwrap();
    let keys = generator
        .evaluation_keys(&Rotations::steps(&[1]), &mut rng)
        .unwrap();
    let values: Vec<i64> = (0..4096).map(|i| i - 2048).collect();
    let plaintext = slotwise::encoding::BfvEncoder::new(&context)
        .encode(&values)
        .unwrap();
    let encryptor = Encryptor::with_secret_key(Arc::clone(&secret));
    let ciphertext = encryptor.encrypt(&plaintext, &mut rng).unwrap();
    let residues = residues(&ciphertext);
    for (name, bytes, expected) in [
        (
            "parameters",
            context.params().to_bytes(),
            "997614c753152c7230b153305202473863409bf8b46d208b4af1222a65ce3bf3",
        ),
        (
            "secret key",
            secret.expose_secret_bytes().to_vec(),
            "c2d595e64bd81d994ccb18ba413d6e77d52a7a158657fae28c4062d4090df6f9",
        ),
        (
            "public key",
            public.to_bytes(),
            "c374aca0699bbebd2f6eab2a60416a2bd625575ff56125b77476e1fc5bd44abd",
        ),
        (
            "evaluation keys",
            keys.to_bytes(),
            "32fdfd1f883495da0eb7f5769ae311297333030396ca37c51dca0e955f18df90",
        ),
        (
            "plaintext",
            plaintext.to_bytes(),
            "e556199bd87b6cdb1f67d9867a9e0e18afd5246e3c71d2bc1d7ac5e991e41350",
        ),
        (
            "ciphertext",
            residues,
            "821452b8c15546966d68f4043595e5dd2e2d1e781b2882669fee3a62cd27a2a9",
        ),
    ] {
        println!("{name} {}", hash(&bytes));
        assert_eq!(hash(&bytes), expected, "{name}");
    }
}
