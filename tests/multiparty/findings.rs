//! What an attack found: each of these gave away a message, a secret's noise, or a wrong value.

use crate::set_up::terms;
use crate::world::{Journal, World};
use slotwise::keys::KeyGenerator;
use slotwise::multiparty::{
    AdditiveShare, BfvMasking, BfvOpening, BfvRefreshing, BfvSwitching, OpeningRequest, Party,
    Policy, Session,
};
use slotwise::{BfvContext, Error, MultipartyError, OperandError, Result, Wire};
use std::sync::Arc;

fn with_coefficients(request: &OpeningRequest, count: u64, session: &Session) -> OpeningRequest {
    let mut bytes = request.to_bytes();
    bytes[76..84].copy_from_slice(&count.to_le_bytes());
    let end = bytes.len() - 4;
    let checksum = crc32fast::hash(&bytes[68..end]);
    bytes[end..].copy_from_slice(&checksum.to_le_bytes());
    OpeningRequest::from_bytes(&bytes, session).unwrap()
}

/// A switch of fewer coefficients would leave out the receiver's key, and open them for everyone. What has masks is asked for whole.
#[test]
fn only_openings_are_of_some_coefficients() {
    let mut world = World::new(Policy::new(3, 2).unwrap(), 1);
    let public = Arc::new(world.public_key(&world.session.key_round(0)));
    let ciphertext = world.encrypt(&public, &[1; 64]);
    let (receiver, secret) = world.receiver();
    let key = KeyGenerator::new(&secret)
        .public_key(&mut world.rng)
        .unwrap();
    let switching =
        BfvSwitching::new(&world.session, &ciphertext, (&receiver, &key), b"s").unwrap();
    let (context, session) = (world.context.clone(), world.session.clone());
    let party = &mut world.parties[0];
    let mut journal = Journal::new();
    let refused = |answer: Result<()>| {
        let error = answer.unwrap_err();
        matches!(
            error,
            Error::Multiparty(MultipartyError::InvalidCiphertext { .. })
        )
    };
    for count in [8, 56] {
        let request = with_coefficients(switching.request(), count, &session);
        assert!(refused(
            party.switch(&request, &key, &mut journal).map(drop)
        ));
        assert!(refused(
            party.mask(&context, &request, &mut journal).map(drop)
        ));
        assert!(refused(
            party.refresh(&context, &request, &mut journal).map(drop)
        ));
        assert!(journal.is_empty() && party.openings() == 0);
    }
    let request = with_coefficients(switching.request(), 8, &session);
    party.open(&request, &mut journal).unwrap();
    party
        .switch(switching.request(), &key, &mut journal)
        .unwrap();
    assert_eq!(journal.len(), 1);
}

/// Shares of a message and a refresh of it have one noise. With different masks their difference would be exact, and the masks' roundings in it
/// tell the masks: so they have one mask, too.
#[test]
fn masks_and_refreshes_of_one_ciphertext_have_one_mask() {
    let mut world = World::new(Policy::new(2, 2).unwrap(), 1);
    let context = world.context.clone();
    let public = Arc::new(world.public_key(&world.session.key_round(0)));
    let ciphertext = world.encrypt(&public, &[1; 64]);
    let masking = BfvMasking::new(&world.session, &ciphertext, b"m").unwrap();
    let refreshing = BfvRefreshing::new(&world.session, &ciphertext, b"m").unwrap();
    let party = &mut world.parties[1];
    let masked = party.mask(&context, masking.request(), &mut Journal::new());
    let refreshed = party.refresh(&context, refreshing.request(), &mut Journal::new());
    let [masked, refreshed] = [masked.unwrap().to_bytes(), refreshed.unwrap().to_bytes()];
    // The header, the party and the hash of the request differ; the first part is the same.
    let part = 68 + 36..masked.len() - 4;
    assert!(part.len() > 7 * 64 * 4);
    assert_eq!(refreshed[part.clone()], masked[part]);
}

/// A party that was saved after the setup, and whose journal was kept, must not encrypt two values with one polynomial and one error.
#[test]
fn inputs_are_remembered_after_a_crash() {
    let mut world = World::new(Policy::new(3, 2).unwrap(), 1);
    let (context, session) = (world.context.clone(), world.session.clone());
    let state = world.parties[0].expose_secret_state();
    let share = |value: u64| AdditiveShare::new(&context, &[value; 64]).unwrap();
    let first = world.parties[0]
        .enter(&context, b"x", (&[1, 2], &share(5)), &mut world.journals[0])
        .unwrap();
    let mut loaded = Party::from_secret_state(&state, &session).unwrap();
    loaded.recall(&world.journals[0]).unwrap();
    let mut journal = Journal::new();
    let mut enter = |value| loaded.enter(&context, b"x", (&[1, 2], &share(value)), &mut journal);
    let expected = Error::Multiparty(MultipartyError::AlreadyOpened);
    assert_eq!(enter(7).unwrap_err(), expected);
    assert_eq!(enter(5).unwrap().to_bytes(), first.to_bytes());
    assert_eq!(loaded.openings(), 0, "inputs are no openings");
}

/// Relinearization keys that were begun, too.
#[test]
fn relinearization_keys_are_begun_once_across_a_crash() {
    let mut world = World::new(Policy::new(3, 2).unwrap(), 1);
    let session = world.session.clone();
    let (round, span) = (
        session.key_round(0),
        session.context().params().whole_span(),
    );
    let state = world.parties[0].expose_secret_state();
    world.parties[0]
        .relinearization_round_one((&round, span), &mut world.journals[0], &mut world.rng)
        .unwrap();
    let mut loaded = Party::from_secret_state(&state, &session).unwrap();
    loaded.recall(&world.journals[0]).unwrap();
    let again =
        loaded.relinearization_round_one((&round, span), &mut Journal::new(), &mut world.rng);
    let expected = Error::Multiparty(MultipartyError::AlreadyOpened);
    assert_eq!(again.unwrap_err(), expected);
}

/// The widest noises are more words than a kernel's sum has terms.
#[test]
fn wide_noise_is_drawn() {
    let policy = Policy::new(2, 2).unwrap();
    let context = BfvContext::builder()
        .degree(64)
        .prime_bits(&[50; 36])
        .special_primes(0)
        .plaintext_modulus(257)
        .secret(policy.secret())
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let session = Session::bfv(&context, &terms(policy)).unwrap();
    let noise_bits = session.noise_bits(context.top_level()).unwrap();
    assert!(noise_bits.is_some_and(|bits| bits > 32 * 52));
    let mut world = World::of(context, policy, 1);
    let public = Arc::new(world.public_key(&world.session.key_round(0)));
    let values: Vec<i64> = (-32..32).collect();
    let ciphertext = world.encrypt(&public, &values);
    let opened = world.open(&ciphertext, b"x", &[1, 2]);
    assert_eq!(world.decoded(&opened), values);
}

/// A share of a message of another ring is refused, and leaves the party as it was.
#[test]
fn shares_of_other_parameters_are_refused() {
    let mut world = World::new(Policy::new(3, 2).unwrap(), 1);
    let other = BfvContext::builder()
        .degree(128)
        .prime_bits(&[50; 5])
        .special_primes(0)
        .plaintext_modulus(65_537)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let context = world.context.clone();
    let share = AdditiveShare::new(&other, &[60_000; 128]).unwrap();
    let party = &mut world.parties[0];
    let entered = party.enter(&context, b"x", (&[1, 2], &share), &mut Journal::new());
    let error = entered.unwrap_err();
    assert!(matches!(
        error,
        Error::Operands(OperandError::ContextMismatch { .. })
    ));
    let right = AdditiveShare::new(&context, &[1; 64]).unwrap();
    party
        .enter(&context, b"x", (&[1, 2], &right), &mut Journal::new())
        .unwrap();
}

/// Where all must open there is never one share more than it takes: one that is wrong in all coefficients leaves too large an error, also
/// where the noise nearly fills the modulus.
#[test]
fn a_wholly_wrong_share_of_all_is_noticed() {
    let policy = Policy::new(2, 2).unwrap();
    let context = BfvContext::builder()
        .degree(256)
        .prime_bits(&[50; 4])
        .special_primes(0)
        .plaintext_bits(30)
        .secret(policy.secret())
        .insecure_skip_security_check()
        .build()
        .unwrap();
    for seed in 0..20 {
        let mut world = World::of(context.clone(), policy, seed);
        let public = Arc::new(world.public_key(&world.session.key_round(0)));
        let ciphertext = world.encrypt(&public, &[7; 256]);
        let mut opening = BfvOpening::new(&world.session, &ciphertext, b"x").unwrap();
        let right = world.share(&opening, 1);
        // The second party set itself up again.
        let mut other = World::of(context.clone(), policy, seed + 100);
        let wrong = other.share(&opening, 2);
        opening.add(right).unwrap();
        opening.add(wrong).unwrap();
        assert!(opening.finish().is_err(), "seed {seed}");
        opening.remove(2);
        let share = world.share(&opening, 2);
        opening.add(share).unwrap();
        assert_eq!(world.decoded(&opening.finish().unwrap()), [7; 256]);
    }
}
