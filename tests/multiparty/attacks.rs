//! Attacks on openings: each succeeds against the weaker way of doing it, and has nothing to work on here; or succeeds here too, and
//! `docs/SECURITY.md` says so.

use crate::world::{Journal, World, collect, sets};
use num_bigint::BigInt;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::encoding::BfvEncoder;
use slotwise::encryption::{BfvCiphertext, Decryptor};
use slotwise::keys::{PublicKey, SecretKey};
use slotwise::multiparty::{Collector, Contribution, OpeningRequest, Policy, PublicKeyShare};
use slotwise::ring::{CoeffPoly, NttPoly, RnsBasis, ntt_primes, ternary, uniform};
use slotwise::{BfvContext, Error, MultipartyError, Wire};
use std::sync::Arc;

const DEGREE: usize = 64;

/// A ring with one prime, a secret in it and a ciphertext's second polynomial.
fn toy(rng: &mut ChaCha20Rng) -> (Arc<RnsBasis>, NttPoly, NttPoly) {
    let prime = ntt_primes(50, DEGREE).next().unwrap();
    let basis = Arc::new(RnsBasis::new(DEGREE, &[prime]).unwrap());
    let secret = ternary(&basis, rng).into_ntt();
    let c1 = uniform(&basis, rng);
    (basis, secret, c1)
}

fn product(a: &NttPoly, b: &NttPoly) -> NttPoly {
    let mut product = a.clone();
    product.mul_assign(b);
    product
}

/// `product / factor`
fn quotient(product: &NttPoly, factor: &NttPoly) -> NttPoly {
    let basis = product.basis();
    let q = basis.modulus(0);
    let pairs = product.row(0).iter().zip(factor.row(0));
    let values: Vec<u64> = pairs.map(|(&x, &y)| q.mul(x, q.inverse(y))).collect();
    NttPoly::from_rows(basis, &values)
}

fn sum(a: &NttPoly, noise: &[i64]) -> CoeffPoly {
    let mut sum = a.clone().into_coeff();
    sum.add_assign(&CoeffPoly::from_signed(a.basis(), noise));
    sum
}

/// An opening that draws new noise whenever it is asked gives the secret to whoever asks often enough.
#[test]
fn averages_of_fresh_noise_give_the_secret() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (basis, secret, c1) = toy(&mut rng);
    let shared = product(&c1, &secret);
    let q = basis.modulus(0);
    let first = sum(&shared, &[0; DEGREE]);
    let mut totals = vec![0i64; DEGREE];
    // Noise uniform in [-16, 16), whose mean is -1/2.
    const ASKED: i64 = 12_000;
    for _ in 0..ASKED {
        let noise: Vec<i64> = (0..DEGREE).map(|_| rng.random_range(-16..16)).collect();
        let answer = sum(&shared, &noise);
        // What is seen: differences from one answer; here from the first.
        for ((total, &x), &y) in totals.iter_mut().zip(answer.row(0)).zip(first.row(0)) {
            *total += q.centre(q.sub(x, y));
        }
    }
    let mean = |total: &i64| (*total as f64 / ASKED as f64 + 0.5).round() as i64;
    let guess = sum(
        &first.clone().into_ntt(),
        &totals.iter().map(mean).collect::<Vec<_>>(),
    );
    assert_eq!(quotient(&guess.into_ntt(), &c1).data(), secret.data());

    // Here every answer is the same, so that its mean is.
    let mut world = World::new(Policy::new(3, 2).unwrap(), 2);
    let public = Arc::new(world.public_key(&world.session.key_round(0)));
    let ciphertext = world.encrypt(&public, &[1]);
    let opening = slotwise::multiparty::BfvOpening::new(&world.session, &ciphertext, b"x").unwrap();
    let first = world.share(&opening, 1).to_bytes();
    assert!((0..20).all(|_| world.share(&opening, 1).to_bytes() == first));
}

/// Shares that depend on who opens, with small noise of their own (as in eprint 2022/780, whose authors now ask for large noise): the factors
/// of two sets have a ratio p/q of small numbers, so that `q h' - p h` tells the noise modulo q.
#[test]
fn answers_for_many_sets_give_the_share() {
    let (n, t, party) = (10u32, 4usize, 3u32);
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let (basis, share, c1) = toy(&mut rng);
    let share = product(&share, &uniform(&basis, &mut rng));
    let q = *basis.modulus(0);
    // The Lagrange factor as a fraction.
    let factor = |set: &[u32]| {
        let others = set.iter().filter(|&&j| j != party);
        others.fold((1i64, 1i64), |(up, down), &j| {
            let (up, down) = (up * i64::from(j), down * (i64::from(j) - i64::from(party)));
            let common = gcd(up, down);
            (up / common, down / common)
        })
    };
    let small = |rng: &mut ChaCha20Rng| {
        (0..DEGREE)
            .map(|_| rng.random_range(-26..=26))
            .collect::<Vec<i64>>()
    };
    let answer = |(up, down): (i64, i64), rng: &mut ChaCha20Rng| {
        let residue = q.mul(q.reduce_signed(up), q.inverse(q.reduce_signed(down)));
        let mut scaled = product(&c1, &share);
        scaled.scale(&[q.shoup(residue)]);
        sum(&scaled, &small(rng))
    };
    let with_party: Vec<Vec<u32>> = sets(n, t)
        .into_iter()
        .filter(|set| set.contains(&party))
        .collect();
    let first_factor = factor(&with_party[0]);
    let first = answer(first_factor, &mut rng);
    // The noise of the first answer, modulo more and more.
    let (mut noise, mut modulus) = (vec![0i64; DEGREE], 1i64);
    for set in &with_party[1..] {
        let (up, down) = factor(set);
        let next = answer((up, down), &mut rng);
        // h' : h = p : q
        let (p, q_ratio) = (up * first_factor.1, down * first_factor.0);
        let common = gcd(p, q_ratio);
        let (p, r) = (p / common, (q_ratio / common).abs());
        let p = if q_ratio < 0 { -p } else { p };
        let gained = r / gcd(r, modulus);
        if gained == 1 || gcd(gained, modulus) != 1 {
            continue;
        }
        for (k, known) in noise.iter_mut().enumerate() {
            let combined = q.sub(
                q.mul(q.reduce_signed(r), next.row(0)[k]),
                q.mul(q.reduce_signed(p), first.row(0)[k]),
            );
            // r e' - p e, over the integers.
            let difference = q.centre(combined);
            let residue = (0..gained)
                .find(|&e| (difference + p * e).rem_euclid(gained) == 0)
                .unwrap();
            let lifted = (0..gained)
                .map(|i| *known + i * modulus)
                .find(|x| x.rem_euclid(gained) == residue);
            *known = lifted.unwrap();
        }
        modulus *= gained;
        if modulus > 53 {
            break;
        }
    }
    assert!(modulus > 53, "noise is known modulo {modulus}");
    let small: Vec<i64> = noise
        .iter()
        .map(|&e| if 2 * e > modulus { e - modulus } else { e })
        .map(|e| -e)
        .collect();
    let mut scaled = sum(&first.into_ntt(), &small).into_ntt();
    let (up, down) = first_factor;
    scaled.scale(&[q.shoup(q.mul(q.reduce_signed(down), q.inverse(q.reduce_signed(up))))]);
    assert_eq!(quotient(&scaled, &c1).data(), share.data());
    // Here a request knows no set: the parties' answers are those of `answers_are_the_same_bytes`.
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}

/// The party that speaks last could choose the public key, if it had not committed to its share before it saw the others.
#[test]
fn the_last_party_cannot_choose_the_public_key() {
    let world = World::new(Policy::new(3, 2).unwrap(), 4);
    let (session, round) = (&world.session, world.session.key_round(0));
    let shares: Vec<PublicKeyShare> = world
        .parties
        .iter()
        .map(|party| party.public_key_share(&round).unwrap())
        .collect();
    let mut collector = Collector::<PublicKeyShare>::new(session, &round).unwrap();
    let early = collector.add(shares[0].clone()).unwrap_err();
    assert!(matches!(
        early,
        Error::Multiparty(MultipartyError::MissingCommitments { have: 0, need: 3 })
    ));
    for share in &shares {
        collector.commit(share.commitment()).unwrap();
    }
    collector.add(shares[0].clone()).unwrap();
    collector.add(shares[1].clone()).unwrap();
    // A share of another secret of party 3: the same session, set up again.
    let other = World::new(Policy::new(3, 2).unwrap(), 5);
    let chosen = other.parties[2].public_key_share(&round).unwrap();
    let error = collector.add(chosen).unwrap_err();
    assert_eq!(
        error,
        Error::Multiparty(MultipartyError::CommitmentMismatch { party: 3 })
    );
    assert_eq!(collector.missing(), [3]);
    collector.add(shares[2].clone()).unwrap();
    collector.finish().unwrap();
}

/// The bytes of a BFV ciphertext with other polynomials, constants by their residues.
fn with_constants(ciphertext: &BfvCiphertext, constants: [&BigInt; 2]) -> BfvCiphertext {
    let mut bytes = ciphertext.to_bytes();
    let basis = ciphertext.body().polys()[0].basis();
    let degree = basis.degree();
    let mut bits = Vec::new();
    for constant in constants {
        for q in basis.moduli() {
            let residue = ((constant % q.value()) + q.value()) % q.value();
            let residue = u64::try_from(&residue).unwrap();
            for _ in 0..degree {
                bits.extend((0..q.bits()).map(|bit| residue >> bit & 1 == 1));
            }
        }
    }
    let packed: Vec<u8> = bits
        .chunks(8)
        .map(|bits| {
            bits.iter()
                .rev()
                .fold(0, |byte, &bit| byte << 1 | u8::from(bit))
        })
        .collect();
    let end = bytes.len() - 4;
    bytes[end - packed.len()..end].copy_from_slice(&packed);
    let checksum = crc32fast::hash(&bytes[68..end]);
    bytes[end..].copy_from_slice(&checksum.to_le_bytes());
    BfvCiphertext::from_bytes(&bytes, ciphertext.context()).unwrap()
}

/// The secret that the parties share, as whoever can have `(0, Q/t)` opened learns it: the opening of that ciphertext is the secret modulo t. What
/// is opened must be known to those who open it.
pub(crate) fn opened_secret(world: &mut World, public: &Arc<PublicKey>) -> Arc<SecretKey> {
    let ciphertext = world.encrypt(public, &[0]);
    let basis = ciphertext.body().polys()[0].basis();
    let modulus = BigInt::from(basis.product());
    let t = BigInt::from(world.context.params().plaintext_modulus());
    let rounded: BigInt = (&modulus * 2 + &t) / (&t * 2);
    let chosen = with_constants(&ciphertext, [&BigInt::from(0), &rounded]);
    let all: Vec<u32> = (1..=world.session.policy().threshold()).collect();
    let opened = world.open(&chosen, b"a harmless sum", &all);
    let coefficients = world.decoded(&opened);
    secret_key(&world.context, public, &coefficients)
}

/// The secret key with these coefficients.
fn secret_key(context: &BfvContext, public: &PublicKey, coefficients: &[i64]) -> Arc<SecretKey> {
    // Header, distribution, then each coefficient in the bits of its range.
    let contributors = match context.params().rlwe().secret() {
        slotwise::params::SecretDistribution::TernarySum { contributors } => contributors,
        other => panic!("{other:?}"),
    };
    let width = u32::BITS - (2 * contributors).leading_zeros();
    let mut body: Vec<u8> = [1, contributors]
        .iter()
        .flat_map(|n: &u32| n.to_le_bytes())
        .collect();
    let bits: Vec<bool> = coefficients
        .iter()
        .map(|&c| u64::try_from(c + i64::from(contributors)).unwrap())
        .flat_map(|code| (0..width).map(move |bit| code >> bit & 1 == 1))
        .collect();
    let bytes = bits.chunks(8).map(|bits| {
        bits.iter()
            .rev()
            .fold(0, |byte, &bit| byte << 1 | u8::from(bit))
    });
    body.extend(bytes);
    let mut frame = public.to_bytes()[..64].to_vec();
    frame[6] = 3;
    frame[8..16].copy_from_slice(&(body.len() as u64).to_le_bytes());
    let header = crc32fast::hash(&frame);
    frame.extend(header.to_le_bytes());
    let checksum = crc32fast::hash(&body);
    frame.extend(body);
    frame.extend(checksum.to_le_bytes());
    SecretKey::from_secret_bytes(&frame, context.rlwe()).unwrap()
}

#[test]
fn a_chosen_ciphertext_opens_to_the_secret() {
    let mut world = World::new(Policy::new(4, 2).unwrap(), 6);
    let public = Arc::new(world.public_key(&world.session.key_round(0)));
    let secret = opened_secret(&mut world, &public);
    let ciphertext = world.encrypt(&public, &[1, 2, 3]);
    let plaintext = Decryptor::new(&secret).decrypt(&ciphertext).unwrap();
    let decoded = BfvEncoder::new(&world.context)
        .decode_coefficients(&plaintext)
        .unwrap();
    assert_eq!(decoded[..4], [1, 2, 3, 0], "the secret decrypts everything");
}

/// A bound that is stated smaller than it is passes the check; one that is stated as it is too large does not.
#[test]
fn a_stated_bound_is_checked_and_believed() {
    let mut world = World::new(Policy::new(3, 2).unwrap(), 7);
    let public = Arc::new(world.public_key(&world.session.key_round(0)));
    let ciphertext = world.encrypt(&public, &[1]);
    let opening = slotwise::multiparty::BfvOpening::new(&world.session, &ciphertext, b"x").unwrap();
    let request = |bits: f64| {
        let mut bytes = opening.request().to_bytes();
        bytes[84..92].copy_from_slice(&bits.to_le_bytes());
        let end = bytes.len() - 4;
        let checksum = crc32fast::hash(&bytes[68..end]);
        bytes[end..].copy_from_slice(&checksum.to_le_bytes());
        OpeningRequest::from_bytes(&bytes, &world.session)
    };
    assert!(request(f64::NAN).is_err());
    let (low, high) = (request(-5.0).unwrap(), request(300.0).unwrap());
    let infinite = request(f64::INFINITY).unwrap();
    let mut journal = Journal::new();
    for refused in [high, infinite] {
        let error = world.parties[0].open(&refused, &mut journal).unwrap_err();
        assert!(matches!(
            error,
            Error::Multiparty(MultipartyError::SmudgingImpossible { .. })
        ));
    }
    assert!(journal.is_empty() && world.parties[0].openings() == 0);
    world.parties[0].open(&low, &mut journal).unwrap();
}

/// Every message for a key is needed, and from that key's parties.
#[test]
fn first_messages_are_committed_to() {
    let mut world = World::new(Policy::new(3, 3).unwrap(), 8);
    let (session, round) = (world.session.clone(), world.session.key_round(0));
    let span = session.context().params().whole_span();
    let mut begin = |i: usize| {
        let party = &mut world.parties[i];
        party
            .relinearization_round_one((&round, span), &mut Journal::new(), &mut world.rng)
            .unwrap()
    };
    let (messages, mut secrets): (Vec<_>, Vec<_>) = (0..3).map(&mut begin).unzip();
    let sums = collect(&session, &round, messages);
    // A second first message of one attempt is refused, and another party's secret does not serve.
    let again = world.parties[0].relinearization_round_one(
        (&round, span),
        &mut Journal::new(),
        &mut world.rng,
    );
    assert!(matches!(
        again,
        Err(Error::Multiparty(MultipartyError::AlreadyOpened))
    ));
    let of_party_3 = secrets.pop().unwrap();
    let error = world.parties[0]
        .relinearization_round_two(&sums, of_party_3)
        .unwrap_err();
    assert_eq!(error, Error::Multiparty(MultipartyError::OtherPurpose));
    let next = session.key_round(1);
    world.parties[0]
        .relinearization_round_one((&next, span), &mut Journal::new(), &mut world.rng)
        .unwrap();
}
