//! Any t parties open exactly what was encrypted, and their answers do not depend on who else answers.

use crate::set_up::{set_up, terms};
use crate::world::{Journal, World, sets};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use slotwise::encoding::BfvEncoder;
use slotwise::encryption::{Decryptor, Encryptor};
use slotwise::evaluator::{BfvEvaluator, CkksEvaluator, Evaluator};
use slotwise::keys::{EvaluationKeys, KeyGenerator, Rotations};
use slotwise::multiparty::{
    AdditiveShare, BfvEntering, BfvMasking, BfvOpening, BfvRefreshing, BfvSwitching, CkksOpening,
    InputShare, MaskShare, Party, Policy, RefreshShare, Session, SwitchShare,
};
use slotwise::params::KeySpan;
use slotwise::{Bfv, BfvContext, CkksContext, EncryptionKey, Error, OperandError, ServerKey, Wire};
use std::sync::Arc;

/// Every set of t parties, and larger ones, for every n up to 6 and every t.
#[test]
fn every_set_of_parties_opens() {
    for n in 2..=6 {
        for t in 2..=n {
            let policy = Policy::new(n, t).unwrap();
            let mut world = World::new(policy, u64::from(10 * n + t));
            let public = Arc::new(world.public_key(&world.session.key_round(0)));
            let values: Vec<i64> = (-30..34).collect();
            let ciphertext = world.encrypt(&public, &values);
            for count in t..=n {
                for set in sets(n, count as usize) {
                    let opened = world.open(&ciphertext, b"values", &set);
                    assert_eq!(world.decoded(&opened), values, "{set:?}, {t} of {n}");
                }
            }
            assert!(world.parties.iter().all(|party| party.openings() == 1));
        }
    }
}

/// The keys of vectors wrap shared keys as any others, of the same parameters only.
#[test]
fn vectors_are_computed_with_under_a_shared_key() {
    let mut world = World::new(Policy::new(3, 2).unwrap(), 9);
    let (public, keys) = world.keys(&Rotations::none());
    let client = EncryptionKey::<Bfv>::new(&world.context, Arc::clone(&public)).unwrap();
    let server = ServerKey::<Bfv>::new(&world.context, keys).unwrap();
    let x = server.attach(client.encrypt([1, -2, 3]).unwrap()).unwrap();
    let square = x.square().unwrap();
    let opened = world.open(&square.ciphertexts()[0], b"square", &[1, 3]);
    let decoded = BfvEncoder::new(&world.context).decode(&opened).unwrap();
    assert_eq!(decoded[..4], [1, 4, 9, 0]);
    let (other, _) = world.receiver();
    assert!(matches!(
        EncryptionKey::<Bfv>::new(&other, public),
        Err(Error::Operands(OperandError::ContextMismatch { .. }))
    ));
}

#[test]
fn fewer_contributors_than_parties_share_a_key() {
    let policy = Policy::new(5, 2).unwrap().with_contributors(3).unwrap();
    let mut world = World::new(policy, 3);
    let public = Arc::new(world.public_key(&world.session.key_round(0)));
    let ciphertext = world.encrypt(&public, &[1, -2, 3]);
    for set in sets(5, 2) {
        let opened = world.open(&ciphertext, b"values", &set);
        assert_eq!(world.decoded(&opened)[..4], [1, -2, 3, 0], "{set:?}");
    }
}

/// The same ciphertext gives the same bytes: again, from a party that was saved and loaded, whatever its first polynomial, and whatever the
/// number of coefficients.
#[test]
fn answers_are_the_same_bytes() {
    let mut world = World::new(Policy::new(4, 3).unwrap(), 5);
    let public = Arc::new(world.public_key(&world.session.key_round(0)));
    let ciphertext = world.encrypt(&public, &[5; 64]);
    let opening = BfvOpening::new(&world.session, &ciphertext, b"a").unwrap();
    let state = world.parties[1].expose_secret_state();
    let share = world.share(&opening, 2);
    assert_eq!(world.share(&opening, 2).to_bytes(), share.to_bytes());
    let mut loaded = Party::from_secret_state(&state, &world.session).unwrap();
    assert_eq!(loaded.openings(), 0);
    let again = loaded.open(opening.request(), &mut Journal::new()).unwrap();
    assert_eq!(again.to_bytes(), share.to_bytes());
    // Another first polynomial, and with it another message.
    let evaluator = BfvEvaluator::new(&world.context);
    let other = evaluator.add_scalar(&ciphertext, 1).unwrap();
    let other = BfvOpening::new(&world.session, &other, b"a").unwrap();
    assert_eq!(world.share(&other, 2).to_bytes(), share.to_bytes());
    assert_eq!(world.parties[1].openings(), 1);
    assert_eq!(world.journals[1].len(), 1);
    // A party that is loaded from an old state knows from its journal what it opened.
    let mut loaded = Party::from_secret_state(&state, &world.session).unwrap();
    loaded.recall(&world.journals[1]).unwrap();
    assert_eq!(loaded.openings(), 1);
    let saved = world.parties[1].expose_secret_state();
    let loaded = Party::from_secret_state(&saved, &world.session).unwrap();
    assert_eq!(*loaded.expose_secret_state(), *saved);
}

/// A context for computations under a shared key, at sizes that are secure.
fn secure(policy: &Policy) -> BfvContext {
    BfvContext::builder()
        .degree(16_384)
        .prime_bits(&[50, 50, 50, 50, 50, 50, 60, 60])
        .special_primes(2)
        .plaintext_modulus(65_537)
        .secret(policy.secret())
        .build()
        .unwrap()
}

/// The whole evaluator works under a shared key.
#[test]
fn programs_run_under_a_shared_key() {
    let policy = Policy::new(3, 2).unwrap();
    let mut world = World::of(secure(&policy), policy, 6);
    let (public, keys) = world.keys(&Rotations::steps(&[1]).and_conjugation());
    let bytes = keys.to_bytes();
    let keys = Arc::new(EvaluationKeys::from_bytes(&bytes, world.session.context()).unwrap());
    let evaluator = BfvEvaluator::with_keys(&world.context, keys).unwrap();
    let encoder = BfvEncoder::new(&world.context);
    let encryptor = Encryptor::with_public_key(public);
    let (x, y): (Vec<i64>, Vec<i64>) = ((0..100).collect(), (0..100).map(|i| 3 * i - 7).collect());
    let [a, b] = [&x, &y].map(|values| {
        let plaintext = encoder.encode(values).unwrap();
        encryptor.encrypt(&plaintext, &mut world.rng).unwrap()
    });
    let product = evaluator.mul(&a, &b).unwrap();
    let rotated = evaluator.rotate_left(&product, 1).unwrap();
    let opened = world.open(&rotated, b"product", &[1, 3]);
    let decoded = encoder.decode(&opened).unwrap();
    let t = 65_537;
    for i in 0..99 {
        let expected = (x[i + 1] * y[i + 1]).rem_euclid(t);
        assert_eq!(decoded[i].rem_euclid(t), expected, "slot {i}");
    }
    let swapped = evaluator.conjugate(&a).unwrap();
    let opened = world.open(&swapped, b"swapped", &[2, 3]);
    let decoded = encoder.decode(&opened).unwrap();
    assert_eq!(decoded[8192..8292], x[..]);
}

/// Later keys come from any t parties.
#[test]
fn any_threshold_of_parties_makes_later_keys() {
    let mut world = World::new(Policy::new(5, 3).unwrap(), 8);
    let public = Arc::new(world.public_key(&world.session.key_round(0)));
    let round = world.session.key_round_of(1, &[5, 1, 4]).unwrap();
    assert_eq!(round.parties(), [1, 4, 5]);
    let span = world.session.context().params().whole_span();
    let mut keys = EvaluationKeys::empty(world.session.context(), world.session.key_id());
    keys.insert(world.relinearization_key(&round, span))
        .unwrap();
    for key in world.galois_keys(&round, &Rotations::steps(&[2]), span) {
        keys.insert(key).unwrap();
    }
    let another = Arc::new(world.public_key(&round));
    assert_ne!(another.to_bytes(), public.to_bytes());
    let evaluator = BfvEvaluator::with_keys(&world.context, Arc::new(keys)).unwrap();
    let ciphertexts = [public, another].map(|key| world.encrypt(&key, &[0, 3]));
    let product = evaluator.mul(&ciphertexts[0], &ciphertexts[1]).unwrap();
    let opened = world.open(&product, b"square", &[2, 3, 4]);
    // (3 X)^2
    assert_eq!(world.decoded(&opened)[..4], [0, 0, 9, 0]);
    let rotated = evaluator.rotate_left(&ciphertexts[0], 2).unwrap();
    let encoder = BfvEncoder::new(&world.context);
    let original = encoder
        .decode(&world.open(&ciphertexts[0], b"x", &[1, 2, 3]))
        .unwrap();
    let opened = encoder
        .decode(&world.open(&rotated, b"y", &[1, 2, 3]))
        .unwrap();
    assert_eq!(opened[..30], original[2..32]);
}

/// Keys of smaller spans, too.
#[test]
fn keys_of_spans_are_made_together() {
    let mut world = World::new(Policy::new(3, 3).unwrap(), 9);
    let public = Arc::new(world.public_key(&world.session.key_round(0)));
    let span = KeySpan {
        level: 2,
        special_primes: 1,
    };
    let round = world.session.key_round(0);
    let mut keys = EvaluationKeys::empty(world.session.context(), world.session.key_id());
    keys.insert(world.relinearization_key(&round, span))
        .unwrap();
    let evaluator = BfvEvaluator::with_keys(&world.context, Arc::new(keys)).unwrap();
    let ciphertext = world.encrypt(&public, &[7]);
    let low = evaluator.drop_to_level(&ciphertext, 2).unwrap();
    let product = evaluator.mul(&low, &low).unwrap();
    assert_eq!(product.level(), 2);
    let opened = world.open(&product, b"square", &[1, 2, 3]);
    assert_eq!(world.decoded(&opened)[0], 49);
    assert!(
        evaluator.mul(&ciphertext, &ciphertext).is_err(),
        "above the span"
    );
}

#[test]
fn ciphertexts_are_switched_to_a_receiver() {
    let mut world = World::new(Policy::new(4, 2).unwrap(), 11);
    let public = Arc::new(world.public_key(&world.session.key_round(0)));
    let ciphertext = world.encrypt(&public, &[1, 2, -3]);
    let (receiver, secret) = world.receiver();
    let key = KeyGenerator::new(&secret)
        .public_key(&mut world.rng)
        .unwrap();
    let mut switching =
        BfvSwitching::new(&world.session, &ciphertext, (&receiver, &key), b"for you").unwrap();
    for number in [4, 2] {
        let i = number - 1;
        let share = world.parties[i]
            .switch(switching.request(), &key, &mut world.journals[i])
            .unwrap();
        let share = SwitchShare::from_bytes(&share.to_bytes(), &world.session).unwrap();
        switching.add(share).unwrap();
    }
    let switched = switching.finish().unwrap();
    let plaintext = Decryptor::new(&secret).decrypt(&switched).unwrap();
    let decoded = BfvEncoder::new(&receiver)
        .decode_coefficients(&plaintext)
        .unwrap();
    assert_eq!(decoded[..4], [1, 2, -3, 0]);
    // Its own noise bound says that there is no room for a product.
    assert!(switched.state().noise_budget(&receiver) > 0.0);
    assert_eq!(switched.state().levels_left(&receiver), 0);
    let measured = Decryptor::new(&secret)
        .measured_noise_budget(&switched)
        .unwrap();
    assert!(measured >= switched.state().noise_budget(&receiver));
}

#[test]
fn messages_become_shares_and_ciphertexts_again() {
    for (n, t, set) in [
        (4, 3, vec![2, 3, 4]),
        (3, 3, vec![1, 2, 3]),
        (5, 2, vec![1, 5]),
    ] {
        let mut world = World::new(Policy::new(n, t).unwrap(), 12);
        let (context, session) = (world.context.clone(), world.session.clone());
        let public = Arc::new(world.public_key(&session.key_round(0)));
        let values: Vec<i64> = (0..64).map(|i| 4 * i - 128).collect();
        let ciphertext = world.encrypt(&public, &values);
        let mut masking = BfvMasking::new(&session, &ciphertext, b"shares").unwrap();
        for &number in &set {
            let i = number as usize - 1;
            let share = world.parties[i]
                .mask(&context, masking.request(), &mut world.journals[i])
                .unwrap();
            masking
                .add(MaskShare::from_bytes(&share.to_bytes(), &session).unwrap())
                .unwrap();
        }
        let rest = masking.finish().unwrap();
        let shares: Vec<AdditiveShare> = set
            .iter()
            .map(|&number| {
                let party = &world.parties[number as usize - 1];
                party
                    .additive_share(&context, masking.request(), &set, &rest)
                    .unwrap()
            })
            .collect();
        let sums: Vec<i64> = (0..64)
            .map(|k| {
                let sum: u64 = shares.iter().map(|share| share.expose_residues()[k]).sum();
                context.plaintext_modulus().centre(sum % 257)
            })
            .collect();
        assert_eq!(sums, values, "{t} of {n}");
        assert_ne!(shares[1].expose_residues()[..8], [0; 8]);
        let mut entering = BfvEntering::new(&session, &context, b"back", &set).unwrap();
        for (&number, share) in set.iter().zip(&shares) {
            let party = &mut world.parties[number as usize - 1];
            let entered = party
                .enter(&context, b"back", (&set, share), &mut Journal::new())
                .unwrap();
            let again = party
                .enter(&context, b"back", (&set, share), &mut Journal::new())
                .unwrap();
            assert_eq!(again.to_bytes(), entered.to_bytes());
            entering
                .add(InputShare::from_bytes(&entered.to_bytes(), &session).unwrap())
                .unwrap();
        }
        let back = entering.finish().unwrap();
        assert_eq!(back.level(), context.top_level());
        let first: Vec<u32> = (1..=t).collect();
        let opened = world.open(&back, b"back", &first);
        assert_eq!(world.decoded(&opened), values, "{t} of {n}");
    }
}

#[test]
fn refreshed_ciphertexts_have_fresh_noise() {
    let mut world = World::new(Policy::new(4, 2).unwrap(), 13);
    let (public, keys) = world.keys(&Rotations::none());
    let (context, session) = (world.context.clone(), world.session.clone());
    let evaluator = BfvEvaluator::with_keys(&context, keys).unwrap();
    let mut value = world.encrypt(&public, &[3]);
    let mut expected = 3i64;
    for round in 0..3u8 {
        for _ in 0..2 {
            value = evaluator.mul(&value, &value).unwrap();
            expected = (expected * expected).rem_euclid(257);
        }
        let budget = value.state().noise_budget(&context);
        let mut refreshing = BfvRefreshing::new(&session, &value, &[round]).unwrap();
        for number in [[1usize, 3], [2, 4], [4, 1]][usize::from(round)] {
            let i = number - 1;
            let share = world.parties[i]
                .refresh(&context, refreshing.request(), &mut world.journals[i])
                .unwrap();
            refreshing
                .add(RefreshShare::from_bytes(&share.to_bytes(), &session).unwrap())
                .unwrap();
        }
        value = refreshing.finish().unwrap();
        assert_eq!(value.level(), context.top_level());
        assert!(value.state().noise_budget(&context) > budget + 20.0);
    }
    let opened = world.open(&value, b"result", &[2, 3]);
    let t = 257;
    assert_eq!(world.decoded(&opened)[0].rem_euclid(t), expected);
}

/// CKKS ciphertexts compute under a shared key; their openings leave the bits that the session was made for.
#[test]
fn reals_are_opened_up_to_their_noise() {
    let policy = Policy::new(3, 2).unwrap();
    let context = CkksContext::builder()
        .degree(1024)
        .prime_bits(&[60, 60, 50, 50, 60])
        .scale_bits(50)
        .secret(policy.secret())
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let session = Session::ckks(&context, &terms(policy), 20).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(14);
    let mut parties = set_up(&session, &mut rng);
    let round = session.key_round(0);
    let shares = parties
        .iter()
        .map(|party| party.public_key_share(&round).unwrap())
        .collect();
    let public = crate::world::collect(&session, &round, shares);
    let evaluator = CkksEvaluator::new(&context);
    let values: Vec<f64> = (0..512).map(|i| (f64::from(i) / 7.0).sin()).collect();
    let plaintext = evaluator.encoder().encode(&values, 2).unwrap();
    let encryptor = Encryptor::with_public_key(Arc::new(public));
    let ciphertext = encryptor.encrypt(&plaintext, &mut rng).unwrap();
    let mut opening = CkksOpening::new(&session, &ciphertext, b"reals").unwrap();
    assert!(
        opening.hiding_bits().unwrap() < 64.0,
        "a scale of 50 bits hides little"
    );
    for i in [2, 0] {
        let share = parties[i]
            .open(opening.request(), &mut Journal::new())
            .unwrap();
        opening.add(share).unwrap();
    }
    let opened = opening.finish_without_simulation_security().unwrap();
    let decoded = evaluator.encoder().decode(&opened).unwrap();
    let error = values
        .iter()
        .zip(&decoded)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    assert!(error < 2f64.powi(-20), "{error}");
    assert!(error > 2f64.powi(-30), "the noise is there: {error}");
    // A BFV opening needs an exact session, and the other way round.
    let world = World::new(policy, 1);
    assert!(CkksOpening::new(&world.session, &ciphertext, b"x").is_err());
}
