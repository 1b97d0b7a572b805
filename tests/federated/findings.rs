//! What an attack found: wrong averages, and copies of parts of uploads.

use slotwise::federated::{Aggregator, SumDecryptor, SumEncryptor, SumSpec, Upload, Weights};
use slotwise::{Error, FederatedError, Wire};

/// `S w` past the largest f64 would make every value garbage: such clip bounds are refused, and the smallest and largest that are not work.
#[test]
fn clip_bounds_stay_within_the_range_of_doubles() {
    let max = 1 << 32;
    let spec = |clip| {
        let spec = SumSpec::new(2, 3).clip(clip);
        spec.weights(Weights::Scaled { max })
    };
    for clip in [1e-302, 1e302, 0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = spec(clip).build().unwrap_err();
        let expected = matches!(error, Error::Federated(FederatedError::InvalidSpec { .. }));
        assert!(expected, "{clip}");
    }
    for clip in [2f64.powi(-900), 2f64.powi(900)] {
        let context = spec(clip).build().unwrap();
        let secret = context.generate_secret_key().unwrap();
        let public = context.public_key(&secret).unwrap();
        let encryptor = SumEncryptor::with_public_key(&context, public.clone()).unwrap();
        let mut server = Aggregator::new(&context, public.key_id(), 1, [1, 2]).unwrap();
        let values = [clip, clip / 2.0, 0.0];
        let upload = encryptor
            .encrypt((1, 1), &values, max, &mut rand::rng())
            .unwrap();
        server.add(&upload).unwrap();
        let decryptor = SumDecryptor::new(&context, secret).unwrap();
        let found = decryptor.decrypt(&server.seal()).unwrap().average();
        assert_eq!(found, context.clear_average(&[(&values, max)]).unwrap());
        let mut pairs = found.iter().zip(&values);
        assert!(pairs.all(|(a, b)| (a - b).abs() < clip / 1000.0));
    }
}

/// All but the first ciphertext of another client's upload: the same second halves again.
#[test]
fn copied_ciphertexts_are_refused() {
    let length = 5_000_000;
    let context = SumSpec::new(2, length).bits(24).build().unwrap();
    assert!(context.ciphertexts() > 1, "{context}");
    let secret = context.generate_secret_key().unwrap();
    let public = context.public_key(&secret).unwrap();
    let encryptor = SumEncryptor::with_public_key(&context, public.clone()).unwrap();
    let mut rng = rand::rng();
    let mut server = Aggregator::new(&context, public.key_id(), 1, [1, 2]).unwrap();
    let upload = |client, value: f64, rng: &mut _| {
        encryptor
            .encrypt((1, client), &vec![value; length], 1, rng)
            .unwrap()
    };
    let honest = upload(1, 0.25, &mut rng);
    let own = upload(2, 0.0, &mut rng).to_bytes();
    server.add(&honest).unwrap();
    let degree = context.rlwe().params().degree();
    let primes = context.rlwe().params().data_primes().to_vec();
    let poly: usize = primes
        .iter()
        .map(|q| degree * (64 - q.leading_zeros()) as usize / 8)
        .sum();
    let mut copied = honest.to_bytes();
    let (seconds, firsts) = (88, 88 + poly * context.ciphertexts());
    copied[76..80].copy_from_slice(&2u32.to_le_bytes());
    copied[seconds..seconds + poly].copy_from_slice(&own[seconds..seconds + poly]);
    copied[firsts..firsts + poly].copy_from_slice(&own[firsts..firsts + poly]);
    let end = copied.len() - 4;
    let checksum = crc32fast::hash(&copied[68..end]);
    copied[end..].copy_from_slice(&checksum.to_le_bytes());
    let copied = Upload::from_bytes(&copied, &context).unwrap();
    let expected = FederatedError::RepeatedRandomness {
        client: 2,
        other: 1,
    };
    assert_eq!(server.add(&copied).unwrap_err(), Error::Federated(expected));
    assert_eq!(server.uploads(), 1);
}
