//! What an attack found: each of these gave away a message, a secret's noise, or a wrong value.

use crate::set_up::terms;
use crate::world::{Journal, World};
use slotwise::keys::KeyGenerator;
use slotwise::multiparty::{
    AdditiveShare, BfvMasking, BfvOpening, BfvRefreshing, BfvSwitching, OpeningRequest, Party,
    Policy, Session,
};
use slotwise::{BfvContext, Wire};
use std::sync::Arc;

/// The header, the party, the hash of the request, and the counts of the first part.
const ROWS: usize = 68 + 36 + 16;

/// The first residues of 50 bits.
fn unpacked(bytes: &[u8], count: usize) -> Vec<u64> {
    let bit = |i: usize| u64::from(bytes[i / 8] >> (i % 8) & 1);
    let number = |k: usize| (0..50).fold(0, |x, i| x | bit(50 * k + i) << i);
    (0..count).map(number).collect()
}

fn with_coefficients(request: &OpeningRequest, count: u64, session: &Session) -> OpeningRequest {
    let mut bytes = request.to_bytes();
    bytes[76..84].copy_from_slice(&count.to_le_bytes());
    let end = bytes.len() - 4;
    let checksum = crc32fast::hash(&bytes[68..end]);
    bytes[end..].copy_from_slice(&checksum.to_le_bytes());
    OpeningRequest::from_bytes(&bytes, session).unwrap()
}

/// A switch that is asked for in eight coefficients is an opening of those for everyone: the receiver's key is not in it.
#[test]
fn a_switch_of_few_coefficients_stays_hidden() {
    let mut world = World::new(Policy::new(3, 2).unwrap(), 1);
    let public = Arc::new(world.public_key(&world.session.key_round(0)));
    let ciphertext = world.encrypt(&public, &[1; 64]);
    let receiver = BfvContext::builder()
        .degree(64)
        .prime_bits(&[50; 7])
        .special_primes(2)
        .plaintext_modulus(257)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let secret = KeyGenerator::secret_key(receiver.rlwe(), &mut world.rng);
    let key = KeyGenerator::new(&secret)
        .public_key(&mut world.rng)
        .unwrap();
    let switching =
        BfvSwitching::new(&world.session, &ciphertext, (&receiver, &key), b"s").unwrap();
    let request = with_coefficients(switching.request(), 8, &world.session);
    let q = *world.context.rlwe().key_basis().modulus(0);
    // Interpolated from parties 1 and 2: 2 h(1) - h(2).
    let (mut switched, mut opened) = (Vec::new(), Vec::new());
    for party in &mut world.parties[..2] {
        let Ok(share) = party.switch(&request, &key, &mut Journal::new()) else {
            return;
        };
        switched.push(unpacked(&share.to_bytes()[ROWS..], 8));
        let share = party.open(&request, &mut Journal::new()).unwrap();
        opened.push(unpacked(&share.to_bytes()[ROWS..], 8));
    }
    let at_zero = |shares: &[Vec<u64>], k: usize| q.sub(q.mul(2, shares[0][k]), shares[1][k]);
    let difference = |k| q.centre(q.sub(at_zero(&switched, k), at_zero(&opened, k)));
    let differences: Vec<i64> = (0..8).map(difference).collect();
    assert!(
        differences.iter().any(|d| d.abs() > 1 << 20),
        "a switch is the opening but for {differences:?}"
    );
}

/// Shares of a message and a refresh of it have the same noise, so that their difference is exact: the roundings of the masks in it tell the masks.
#[test]
fn masks_and_refreshes_of_one_ciphertext_stay_apart() {
    let policy = Policy::new(2, 2).unwrap();
    let context = BfvContext::builder()
        .degree(64)
        .prime_bits(&[50; 5])
        .special_primes(0)
        .plaintext_modulus(2)
        .secret(policy.secret())
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let mut world = World::of(context.clone(), policy, 1);
    let public = Arc::new(world.public_key(&world.session.key_round(0)));
    let message: Vec<i64> = (0..64).map(|i| -((i * i / 5) % 2)).collect();
    let ciphertext = world.encrypt(&public, &message);
    let mut masking = BfvMasking::new(&world.session, &ciphertext, b"m").unwrap();
    let refreshing = BfvRefreshing::new(&world.session, &ciphertext, b"m").unwrap();
    for party in &mut world.parties {
        let share = party
            .mask(&context, masking.request(), &mut Journal::new())
            .unwrap();
        masking.add(share).unwrap();
    }
    let rest = masking.finish().unwrap();
    // Party 1 is corrupt: it knows its own share of the message, and sees what party 2 answers.
    let own = world.parties[0]
        .additive_share(&context, masking.request(), &[1, 2], &rest)
        .unwrap();
    let party = &mut world.parties[1];
    let masked = party
        .mask(&context, masking.request(), &mut Journal::new())
        .unwrap();
    let Ok(refreshed) = party.refresh(&context, refreshing.request(), &mut Journal::new()) else {
        return;
    };
    let masked = unpacked(&masked.to_bytes()[ROWS..], 64);
    let refreshed = unpacked(&refreshed.to_bytes()[ROWS..], 64);
    let q = *context.rlwe().key_basis().modulus(0);
    let mut found = Vec::new();
    for k in 0..64 {
        // 2 (h - h') = r' - r for r = [Q M]_2 in {-1, 0}.
        let difference = q.centre(q.mul(2, q.sub(masked[k], refreshed[k])));
        assert!(difference.abs() <= 1, "{difference}");
        if difference != 0 {
            let mask = u64::from(difference == 1);
            found.push((
                k,
                i64::try_from((own.expose_residues()[k] + mask) % 2).unwrap(),
            ));
        }
    }
    let right = found.iter().filter(|&&(k, bit)| bit == -message[k]).count();
    assert!(
        found.is_empty(),
        "one party alone knows {} bits of 64, {right} of them right",
        found.len()
    );
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
    let second = loaded.enter(&context, b"x", (&[1, 2], &share(7)), &mut Journal::new());
    let Ok(second) = second else { return };
    // Q 7 / t - Q 5 / t modulo the first prime, times t: the difference of roundings, without any error.
    let q = *context.rlwe().key_basis().modulus(0);
    let rows = [first, second].map(|share| unpacked(&share.to_bytes()[ROWS..], 64));
    let differences: Vec<i64> = (0..64)
        .map(|k| q.centre(q.mul(257, q.sub(rows[1][k], rows[0][k]))))
        .collect();
    panic!("two inputs under one name; their difference, exact: {differences:?}");
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
    println!("{:?}", session.noise_bits(context.top_level()));
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
    let entered = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        party
            .enter(&context, b"x", (&[1, 2], &share), &mut Journal::new())
            .map(drop)
    }));
    let right = AdditiveShare::new(&context, &[1; 64]).unwrap();
    let after = party
        .enter(&context, b"x", (&[1, 2], &right), &mut Journal::new())
        .map(drop);
    assert!(
        matches!(entered, Ok(Err(_))) && after.is_ok(),
        "{entered:?}, then {after:?}"
    );
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
