use crate::objects::{BfvObjects, CkksObjects};
use slotwise::encryption::{Ciphertext, Decryptor};
use slotwise::keys::{EvaluationKeys, GaloisKey, PublicKey, RelinearizationKey, SecretKey};
use slotwise::params::{RlweParams, SecurityPolicy, SecurityStandard};
use slotwise::prelude::*;
use slotwise::wire::EvaluationKeyReader;
use slotwise::{Error, KeyError, SecurityLevel, WireError};

/// The value that comes back, which gives the same bytes, in memory and streamed, with others behind it in the stream.
fn back<T: Wire>(value: &T, context: &T::Context) -> T {
    let bytes = value.to_bytes();
    assert_eq!(bytes.len() as u64, value.byte_length());
    let mut stream = bytes.clone();
    stream.extend_from_slice(b"next");
    let mut rest = &stream[..];
    let read = T::read_from(&mut rest, context).unwrap();
    assert_eq!(rest, b"next");
    assert_eq!(read.to_bytes(), bytes);
    let again = T::from_bytes(&bytes, context).unwrap();
    assert_eq!(again.to_bytes(), bytes);
    again
}

fn assert_same(a: &Ciphertext, b: &Ciphertext) {
    assert!(a.polys() == b.polys());
    assert_eq!(a.level(), b.level());
    assert_eq!(a.key_id(), b.key_id());
    assert_eq!(a.seed(), b.seed());
}

#[test]
fn ckks_objects_come_back() {
    let objects = CkksObjects::new(64, 1);
    let context = &objects.context;
    for ciphertext in [&objects.seeded, &objects.computed, &objects.raw_product] {
        let read = back(ciphertext, context);
        assert_same(read.body(), ciphertext.body());
        assert_eq!(read.scale(), ciphertext.scale());
        assert_eq!(
            read.noise_bound().to_bits(),
            ciphertext.noise_bound().to_bits()
        );
        assert_eq!(read.message_bound(), ciphertext.message_bound());
        let decryptor = Decryptor::new(&objects.secret);
        let slots = |c| {
            objects
                .evaluator
                .encoder()
                .decode(&decryptor.decrypt(c).unwrap())
        };
        assert_eq!(slots(&read).unwrap(), slots(ciphertext).unwrap());
    }
    for level in 0..=context.top_level() {
        back(
            &objects
                .evaluator
                .drop_to_level(&objects.seeded, level)
                .unwrap(),
            context,
        );
    }
    let zero = objects.evaluator.mul_scalar(&objects.seeded, 0.0).unwrap();
    assert!(back(&zero, context).is_transparent());
    let plaintext = back(&objects.plaintext, context);
    assert_eq!(
        objects.evaluator.encoder().decode(&plaintext).unwrap(),
        objects
            .evaluator
            .encoder()
            .decode(&objects.plaintext)
            .unwrap()
    );
}

#[test]
fn bfv_objects_come_back() {
    let objects = BfvObjects::new(64, 2);
    let context = &objects.context;
    for ciphertext in [&objects.seeded, &objects.computed, &objects.raw_product] {
        let read = back(ciphertext, context);
        assert_same(read.body(), ciphertext.body());
        assert_eq!(
            read.noise_bound().to_bits(),
            ciphertext.noise_bound().to_bits()
        );
        let decryptor = Decryptor::new(&objects.secret);
        let slots = |c| {
            objects
                .evaluator
                .encoder()
                .decode(&decryptor.decrypt(c).unwrap())
        };
        assert_eq!(slots(&read).unwrap(), slots(ciphertext).unwrap());
    }
    let zero = objects.evaluator.mul_scalar(&objects.seeded, 0).unwrap();
    assert!(back(&zero, context).is_transparent());
    let low = objects
        .evaluator
        .switch_to_level(&objects.computed, 0)
        .unwrap();
    back(&low, context);
    let plaintext = back(&objects.plaintext, context);
    assert_eq!(
        objects.evaluator.encoder().decode(&plaintext).unwrap()[..3],
        [7, -3, 11]
    );
}

#[test]
fn keys_come_back_and_work() {
    let objects = CkksObjects::new(64, 3);
    let context = objects.context.rlwe();
    let public = back::<PublicKey>(&objects.public, context);
    assert_eq!(public.key_id(), objects.public.key_id());
    back::<RelinearizationKey>(objects.keys.relinearization().unwrap(), context);
    for element in objects.keys.galois().elements() {
        let key = objects.keys.galois().get(element).unwrap();
        assert_eq!(back::<GaloisKey>(key, context).element(), element);
    }
    let keys = back::<EvaluationKeys>(&objects.keys, context);
    let evaluator =
        slotwise::evaluator::CkksEvaluator::with_keys(&objects.context, keys.into()).unwrap();
    let product = evaluator
        .mul_rescale(&objects.seeded, &objects.seeded)
        .unwrap();
    assert_same(product.body(), objects.computed.body());
    let none = EvaluationKeys::empty(context, objects.keys.key_id());
    assert_eq!(back(&none, context).galois().elements().count(), 0);
}

#[test]
fn a_secret_key_comes_back_where_its_exposure_is_asked_for() {
    let objects = CkksObjects::new(64, 4);
    let bytes = objects.secret.expose_secret_bytes();
    assert_eq!(bytes.len(), 68 + 8 + 64 / 4 + 4);
    let secret = SecretKey::from_secret_bytes(&bytes, objects.context.rlwe()).unwrap();
    assert_eq!(secret.expose_secret_bytes(), bytes);
    assert_eq!(secret.id(), objects.secret.id());
    let plaintext = Decryptor::new(&secret).decrypt(&objects.seeded).unwrap();
    let slots = objects.evaluator.encoder().decode(&plaintext).unwrap();
    assert!((slots[1] + 2.0).abs() < 1e-4);
    for at in 68..bytes.len() - 4 {
        let mut forged = bytes.to_vec();
        forged[at] |= 3;
        let forged = crate::reseal::reseal(&forged, None);
        let read = SecretKey::from_secret_bytes(&forged, objects.context.rlwe());
        assert!(matches!(
            read,
            Err(Error::Wire(slotwise::WireError::Invalid { .. }))
        ));
    }
}

#[test]
fn keys_can_be_read_one_at_a_time_and_added_later() {
    let objects = CkksObjects::new(64, 5);
    let bytes = objects.keys.to_bytes();
    let context = objects.context.rlwe();
    let reader = EvaluationKeyReader::new(&bytes[..], context).unwrap();
    assert_eq!(reader.keys_left(), 5);
    let mut keys = EvaluationKeys::empty(context, reader.key_id());
    for key in reader {
        keys.insert(key.unwrap()).unwrap();
    }
    assert_eq!(keys.to_bytes(), bytes);
    let other = CkksObjects::new(64, 6);
    let foreign = other.keys.relinearization().unwrap().clone();
    assert!(matches!(
        keys.insert(foreign),
        Err(Error::Keys(KeyError::Mismatch { .. }))
    ));
}

/// The default primes of Microsoft SEAL at degree 8192, 218 bits, which today's table does not allow.
#[test]
fn the_older_standard_is_read_on_demand_only() {
    let older = SecurityStandard::HomomorphicEncryption2018;
    let context = BfvContext::builder()
        .degree(8192)
        .prime_bits(&[43, 43, 44, 44, 44])
        .plaintext_bits(20)
        .standard(older)
        .build()
        .unwrap();
    let bytes = context.params().to_bytes();
    let refused = Err(Error::Wire(WireError::OtherStandard));
    assert_eq!(BfvParams::from_bytes(&bytes), refused);
    assert_eq!(BfvParams::read_from(&mut &bytes[..]), refused);
    let today = SecurityStandard::Guidelines2024;
    assert_eq!(BfvParams::from_bytes_within(&bytes, today), refused);
    let read = BfvParams::from_bytes_within(&bytes, older).unwrap();
    assert_eq!(&read, context.params());
    let read = BfvParams::insecure_from_bytes(&bytes).unwrap();
    assert_eq!(&read, context.params());
    // The same table does not let in what no table allowed.
    let insecure = crate::objects::ckks_context(64).params().to_bytes();
    assert_eq!(
        CkksParams::from_bytes_within(&insecure, older),
        Err(Error::Wire(WireError::InsecureParameters))
    );
}

#[test]
fn parameters_come_back() {
    let insecure = crate::objects::ckks_context(64);
    let bytes = insecure.params().to_bytes();
    assert_eq!(
        CkksParams::from_bytes(&bytes),
        Err(Error::Wire(WireError::InsecureParameters))
    );
    let read = CkksParams::insecure_read_from(&mut &bytes[..]).unwrap();
    assert_eq!(&read, insecure.params());
    for standard in [
        SecurityStandard::Guidelines2024,
        SecurityStandard::HomomorphicEncryption2018,
    ] {
        for level in [
            SecurityLevel::Bits128,
            SecurityLevel::Bits192,
            SecurityLevel::Bits256,
        ] {
            let primes: Vec<u64> = CkksContext::for_depth(2)
                .build()
                .unwrap()
                .params()
                .rlwe()
                .data_primes()
                .into();
            let policy = SecurityPolicy::Enforced(standard, level);
            let rlwe = RlweParams::new(32_768, &primes[1..], &primes[..1], policy)
                .and_then(|rlwe| rlwe.with_digits(vec![1; primes.len() - 1]));
            let Ok(params) = rlwe.and_then(|rlwe| CkksParams::new(rlwe, 30)) else {
                continue;
            };
            assert_eq!(CkksParams::from_bytes(&params.to_bytes()).unwrap(), params);
        }
    }
    let bfv = BfvContext::for_depth(2).plaintext_bits(20).build().unwrap();
    let read = BfvParams::from_bytes(&bfv.params().to_bytes()).unwrap();
    assert_eq!(&read, bfv.params());
    assert_eq!(BfvContext::new(read).unwrap(), bfv);
    let mut stream = &bfv.params().to_bytes()[..];
    assert_eq!(&BfvParams::read_from(&mut stream).unwrap(), bfv.params());
    assert!(stream.is_empty());
}

#[test]
fn two_processes_compute_together() {
    // The client sends parameters, keys and a vector of two ciphertexts ...
    let context = CkksContext::builder()
        .degree(1024)
        .prime_bits(&[50, 30, 30, 50])
        .scale_bits(30);
    let context = context.insecure_skip_security_check().build().unwrap();
    let client = context.generate_client_key().unwrap();
    let values: Vec<f64> = (0..700).map(|i| f64::from(i % 7) - 3.0).collect();
    let params = context.params().to_bytes();
    let keys = client
        .generate_server_key(&Rotations::powers_of_two())
        .unwrap()
        .to_bytes();
    let public = client.generate_encryption_key().unwrap().to_bytes();
    let vector = client.encrypt(&values).unwrap().to_bytes();
    // ... the server computes ...
    let result = {
        let context = CkksContext::new(CkksParams::insecure_from_bytes(&params).unwrap()).unwrap();
        let server = ServerKey::<Ckks>::from_bytes(&keys, &context).unwrap();
        let x = server.load_vector(&vector).unwrap();
        let other = EncryptionKey::<Ckks>::from_bytes(&public, &context).unwrap();
        let y = server.attach(other.encrypt(&values).unwrap()).unwrap();
        (&x * &y).unwrap().sum().unwrap().to_bytes()
    };
    // ... and another of the client's processes decrypts.
    let client =
        ClientKey::<Ckks>::from_secret_bytes(&client.expose_secret_bytes(), &context).unwrap();
    let sum = client
        .decrypt(&client.load_vector(&result).unwrap())
        .unwrap();
    let expected: f64 = values.iter().map(|x| x * x).sum();
    assert!((sum[0] - expected).abs() < 1.0, "{sum:?} {expected}");
    let stranger = context.generate_client_key().unwrap();
    assert!(matches!(
        stranger.load_vector(&result),
        Err(Error::Keys(KeyError::Mismatch { .. }))
    ));
}

#[test]
fn integers_travel_too() {
    let context = crate::objects::bfv_context(64);
    let client = context.generate_client_key().unwrap();
    let server = client
        .generate_server_key(&Rotations::powers_of_two())
        .unwrap();
    let server = ServerKey::<Bfv>::from_bytes(&server.to_bytes(), &context).unwrap();
    let values: Vec<i64> = (-50..50).collect();
    let x = server
        .load_vector(&client.encrypt(&values).unwrap().to_bytes())
        .unwrap();
    let squares = back(&x.square().unwrap(), &context);
    let expected: Vec<i64> = values.iter().map(|x| x * x).collect();
    assert_eq!(client.decrypt(&squares).unwrap(), expected);
}

#[test]
fn tensors_travel_too() {
    let context = crate::objects::bfv_context(64);
    let client = context.generate_client_key().unwrap();
    let server = client.generate_server_key(&Rotations::none()).unwrap();
    let values = PlainTensor::new(&(0..12).collect::<Vec<i64>>(), &[3, 2, 2]).unwrap();
    for tensor in [
        client.encrypt_tensor(&values).unwrap(),
        client.encrypt_tensor_batched(&values).unwrap(),
    ] {
        let read = server.load_tensor(&tensor.to_bytes()).unwrap();
        assert_eq!(
            (read.shape(), read.batch_size()),
            (tensor.shape(), tensor.batch_size())
        );
        let squares = back(&read.square().unwrap(), &context);
        let squares = client.load_tensor(&squares.to_bytes()).unwrap();
        let expected: Vec<i64> = values.values().iter().map(|x| x * x).collect();
        let expected = PlainTensor::new(&expected, values.shape()).unwrap();
        assert_eq!(client.decrypt_tensor(&squares).unwrap(), expected);
    }
    let scalar = client.encrypt_tensor(&PlainTensor::scalar(7)).unwrap();
    let read = back(&scalar, &context);
    assert_eq!(
        client.decrypt_tensor(&read).unwrap(),
        PlainTensor::scalar(7)
    );
    let stranger = context.generate_client_key().unwrap();
    assert!(matches!(
        stranger.load_tensor(&scalar.to_bytes()),
        Err(Error::Keys(KeyError::Mismatch { .. }))
    ));
}
