//! What parties leave in the pool of buffers tells nothing about secrets, shares, or answers before noise is added to them.

use crate::encoding::BfvEncoder;
use crate::encryption::wiped::{Forbidden, secret_poly};
use crate::encryption::{BfvCiphertext, Encryptor};
use crate::keys::Rotations;
use crate::multiparty::{
    AdditiveShare, BfvMasking, BfvOpening, BfvRefreshing, Collector, Contribution, Deal, Party,
    Policy, PublicKeyShare, RelinearizationRoundOne, Session, SessionTerms, Setup,
};
use crate::params::BfvContext;
use crate::ring::{NttPoly, RnsBasis, Seed};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use std::sync::Arc;

fn session() -> (BfvContext, Session) {
    let policy = Policy::new(3, 2).unwrap();
    let context = BfvContext::builder()
        .degree(64)
        .prime_bits(&[50, 50, 50, 50, 50, 50])
        .special_primes(2)
        .plaintext_modulus(257)
        .secret(policy.secret())
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let terms = SessionTerms::new(policy, &["a", "b", "c"], Seed([2; 32])).unwrap();
    let session = Session::bfv(&context, &terms).unwrap();
    (context, session)
}

/// A copy whose buffers come from another pool than the session's.
fn copied<'a>(basis: &RnsBasis, row: impl Fn(usize) -> &'a [u64]) -> NttPoly {
    let own = Arc::new(RnsBasis::new(basis.degree(), &basis.primes()).unwrap());
    let rows: Vec<u64> = (0..basis.len()).flat_map(|i| row(i).to_vec()).collect();
    NttPoly::from_rows(&own, &rows)
}

/// What one party knows, and its answers without noise.
fn forbidden(party: &Party, ciphertext: Option<&BfvCiphertext>) -> Forbidden {
    let mut forbidden = Forbidden::default();
    if let Some(own) = &party.own {
        forbidden.add(&secret_poly(own));
    }
    let additive = party.additive(&[1, 2]);
    for poly in [&party.share, &additive] {
        forbidden.add(&copied(poly.basis(), |i| poly.row(i)));
    }
    if let Some(ciphertext) = ciphertext {
        let c1 = &ciphertext.body().polys()[1];
        let c1 = copied(c1.basis(), |i| c1.row(i));
        let share = copied(c1.basis(), |i| party.share.row(i));
        forbidden.add(&c1.product(&share));
    }
    forbidden
}

#[test]
#[expect(clippy::too_many_lines, reason = "everything a party does, in order")]
fn parties_leave_no_secret_in_the_pool() {
    let (context, session) = session();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut setups: Vec<Setup> = (1..=3)
        .map(|party| Setup::new(&session, party, &mut rng).unwrap())
        .collect();
    for from in 0..3 {
        let deals: Vec<_> = setups[from]
            .deals()
            .unwrap()
            .iter()
            .map(|deal| (deal.receiver(), deal.expose_confidential_bytes()))
            .collect();
        for (to, bytes) in deals {
            let deal = Deal::from_confidential_bytes(&bytes, &session).unwrap();
            setups[to as usize - 1].receive(deal).unwrap();
        }
    }
    let mut parties: Vec<Party> = setups
        .iter_mut()
        .map(|setup| setup.finish().unwrap())
        .collect();
    let rlwe = session.context();
    forbidden(&parties[0], None).check(rlwe, "setup");

    let (round, span) = (session.key_round(0), rlwe.params().whole_span());
    let shares: Vec<PublicKeyShare> = parties
        .iter()
        .map(|party| party.public_key_share(&round).unwrap())
        .collect();
    let mut collector = Collector::<PublicKeyShare>::new(&session, &round).unwrap();
    shares
        .iter()
        .for_each(|share| collector.commit(share.commitment()).unwrap());
    shares
        .into_iter()
        .for_each(|share| collector.add(share).unwrap());
    let public = Arc::new(collector.finish().unwrap());
    let later = session.key_round_of(0, &[1, 2]).unwrap();
    let rotation = Rotations::steps(&[1]);
    parties[0]
        .galois_key_shares(&later, &rotation, span)
        .unwrap();
    let (messages, mut secrets): (Vec<_>, Vec<_>) = parties[..2]
        .iter_mut()
        .map(|party| {
            party
                .relinearization_round_one((&later, span), &mut Vec::new(), &mut rng)
                .unwrap()
        })
        .unzip();
    let mut collector = Collector::<RelinearizationRoundOne>::new(&session, &later).unwrap();
    messages
        .iter()
        .for_each(|message| collector.commit(message.commitment()).unwrap());
    messages
        .into_iter()
        .for_each(|message| collector.add(message).unwrap());
    let sums = collector.finish().unwrap();
    parties[0]
        .relinearization_round_two(&sums, secrets.remove(0))
        .unwrap();
    drop(secrets);
    forbidden(&parties[0], None).check(rlwe, "keys");

    let plaintext = BfvEncoder::new(&context).encode_scalar(5).unwrap();
    let ciphertext = Encryptor::with_public_key(Arc::clone(&public))
        .encrypt(&plaintext, &mut rng)
        .unwrap();
    let journal = &mut Vec::new();
    let opening = BfvOpening::new(&session, &ciphertext, b"x").unwrap();
    let masking = BfvMasking::new(&session, &ciphertext, b"x").unwrap();
    let refreshing = BfvRefreshing::new(&session, &ciphertext, b"x").unwrap();
    let party = &mut parties[0];
    party.open(opening.request(), journal).unwrap();
    party.switch(opening.request(), &public, journal).unwrap();
    party.mask(&context, masking.request(), journal).unwrap();
    party
        .refresh(&context, refreshing.request(), journal)
        .unwrap();
    let share = AdditiveShare::new(&context, &[3; 64]).unwrap();
    party
        .enter(&context, b"in", (&[1, 2], &share), journal)
        .unwrap();
    forbidden(party, Some(&ciphertext)).check(rlwe, "answers");
    let state = party.expose_secret_state();
    Party::from_secret_state(&state, &session).unwrap();
    forbidden(party, Some(&ciphertext)).check(rlwe, "the saved state");
}
