//! What an attack found: wrong averages, and copies of parts of uploads.

use slotwise::federated::{Aggregator, SumDecryptor, SumEncryptor, SumSpec, Weights};

/// `S w` past the largest f64 makes every value garbage.
#[test]
fn scaled_weights_of_a_tiny_clip_bound() {
    let max = 1 << 32;
    let clip = 1e-302;
    let spec = SumSpec::new(2, 3)
        .clip(clip)
        .weights(Weights::Scaled { max });
    let Ok(context) = spec.build() else { return };
    let secret = context.generate_secret_key().unwrap();
    let public = context.public_key(&secret).unwrap();
    let encryptor = SumEncryptor::with_public_key(&context, public.clone()).unwrap();
    let mut server = Aggregator::new(&context, public.key_id(), 1, [1, 2]).unwrap();
    let values = [clip, clip / 2.0, 0.0];
    let upload = encryptor
        .encrypt((1, 1), &values, max, &mut rand::rng())
        .unwrap();
    server.add(&upload).unwrap();
    let sums = SumDecryptor::new(&context, secret)
        .unwrap()
        .decrypt(&server.seal());
    let found = sums.map(|sums| sums.average());
    let clear = context.clear_average(&[(&values, max)]);
    let near = |found: &[f64]| {
        found
            .iter()
            .zip(&values)
            .all(|(a, b)| (a - b).abs() < clip / 1000.0)
    };
    assert!(
        found.as_ref().is_ok_and(|found| near(found)),
        "{found:?} instead of {values:?}, clear {clear:?}"
    );
}

/// All but the first ciphertext of another client's upload: the same second halves again.
#[test]
fn copied_ciphertexts_are_refused() {
    use slotwise::Wire;
    use slotwise::federated::Upload;
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
    if server.add(&copied).is_err() {
        return;
    }
    let sums = SumDecryptor::new(&context, secret)
        .unwrap()
        .decrypt(&server.seal())
        .unwrap();
    let average = sums.average();
    panic!(
        "copied: the average of 0.25 and another client is {} first, {} last",
        average[0],
        average[length - 1]
    );
}
