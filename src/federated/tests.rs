//! What needs the inside: the noise against its formula, sums under a shared key, and what is left in memory.

use crate::encryption::wiped::Forbidden;
use crate::error::{Error, FederatedError};
use crate::federated::noise::deviation;
use crate::federated::{
    Aggregator, Mode, SealedSum, SumContext, SumDecryptor, SumEncryptor, SumSpec, Sums,
};
use crate::keys::{KeyGenerator, KeyId, PublicKey, SecretKey};
use crate::multiparty::Policy;
use crate::params::SecretDistribution;
use crate::ring::{
    Coeff, CoeffPoly, Integers, NttPoly, RnsBasis, SecretPoly, Seed, centred_binomial_coefficients,
    ternary_coefficients,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::sync::Arc;

/// The secrets whose sum is the key, and an encryptor for it.
fn keys(context: &SumContext, rng: &mut ChaCha20Rng) -> (Vec<Arc<SecretKey>>, SumEncryptor) {
    let contributors = match context.mode() {
        Mode::SharedSecret => {
            let secret = KeyGenerator::secret_key(context.rlwe(), rng);
            let encryptor = SumEncryptor::with_secret_key(context, Arc::clone(&secret)).unwrap();
            return (vec![secret], encryptor);
        }
        Mode::PublicKey => 1,
        Mode::Shared(policy) => policy.contributors(),
    };
    let id = KeyId::derived(b"a session");
    let secrets: Vec<_> = (0..contributors)
        .map(|_| {
            let ternary = SecretDistribution::Ternary;
            KeyGenerator::secret_key_named(context.rlwe(), ternary, id, rng).unwrap()
        })
        .collect();
    let shares = secrets.iter().map(|secret| {
        let generator = KeyGenerator::new(secret).with_common_seed(Seed([7; 32]));
        generator.public_key(rng).unwrap()
    });
    let shares: Vec<PublicKey> = shares.collect();
    let mut b = NttPoly::zero(context.basis());
    shares.iter().for_each(|share| b.add_assign(&share.b));
    let halves = [b, shares[0].a.clone()];
    let public = PublicKey::from_polynomials(context.rlwe(), id, halves).unwrap();
    let encryptor = SumEncryptor::with_public_key(context, Arc::new(public)).unwrap();
    (secrets, encryptor)
}

/// `c_0 + c_1 sum s` of the first ciphertext.
fn phase(sealed: &SealedSum, secrets: &[Arc<SecretKey>]) -> SecretPoly<Coeff> {
    let (first, second) = sealed.ciphertext(0);
    let mut phase = NttPoly::zero(first.basis());
    for secret in secrets {
        phase.add_assign(&secret.poly().product(second).publish());
    }
    let mut phase = phase.into_coeff();
    phase.add_assign(first);
    SecretPoly::new(phase)
}

fn sum(context: &SumContext, encryptor: &SumEncryptor, updates: &[Vec<f32>]) -> SealedSum {
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let clients = 0..u32::try_from(updates.len()).unwrap();
    let uploads = clients
        .clone()
        .zip(updates)
        .map(|(client, update)| encryptor.encrypt((3, client), update, 1, &mut rng).unwrap());
    let uploads: Vec<_> = uploads.collect();
    let mut aggregator = Aggregator::new(context, uploads[0].key_id(), 3, clients).unwrap();
    uploads
        .iter()
        .for_each(|upload| aggregator.add(upload).unwrap());
    aggregator.seal()
}

fn modes() -> [Mode; 4] {
    let shared = |n, t| Mode::Shared(Policy::new(n, t).unwrap());
    [
        Mode::PublicKey,
        Mode::SharedSecret,
        shared(2, 2),
        shared(8, 5),
    ]
}

#[test]
fn noise_is_what_the_formula_says() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for mode in modes() {
        let context = SumSpec::new(64, 100_000).mode(mode).build().unwrap();
        let (secrets, encryptor) = keys(&context, &mut rng);
        for uploads in [1, 16] {
            let sealed = sum(&context, &encryptor, &vec![vec![0.0; 100_000]; uploads]);
            let errors =
                Integers::new(context.basis()).compose(&phase(&sealed, &secrets).publish());
            let errors: Vec<f64> = errors[..context.coefficients(0)]
                .iter()
                .map(|error| f64::from(i32::try_from(error).unwrap()))
                .collect();
            let square: f64 = errors.iter().map(|error| error * error).sum();
            let measured = (square / errors.len() as f64).sqrt();
            let degree = context.basis().degree();
            let formula = deviation(context.spec(), degree) * (uploads as f64).sqrt();
            let ratio = measured / formula;
            assert!(
                (0.8..=1.25).contains(&ratio),
                "{mode:?}, {uploads}: {ratio}"
            );
            let largest = errors
                .iter()
                .fold(0f64, |largest, error| largest.max(error.abs()));
            let bound = context.bound(u32::try_from(uploads).unwrap()).to_f64();
            assert!(largest < bound / 2.0, "{mode:?}: {largest} of {bound}");
        }
    }
}

/// What an opening by shares does: the phases come from elsewhere, with more noise.
#[test]
fn sums_under_a_shared_key_are_decoded_from_their_phases() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let policy = Policy::new(8, 5).unwrap();
    let context = SumSpec::new(8, 500)
        .mode(Mode::Shared(policy))
        .build()
        .unwrap();
    let (secrets, encryptor) = keys(&context, &mut rng);
    let updates: Vec<Vec<f32>> = (0..8)
        .map(|i| {
            (0..500)
                .map(|j| ((i * 31 + j) % 200) as f32 / 100.0 - 1.0)
                .collect()
        })
        .collect();
    let sealed = sum(&context, &encryptor, &updates);
    let beta = context.smudging_bits().unwrap();
    let noise = policy.noise_bound(beta);
    let bound = context.bound(8) + noise;
    // Of the largest size that smudging can have.
    let smudged = |times: u32| {
        let mut phase = phase(&sealed, &secrets).publish();
        let one = num_bigint::BigInt::from(policy.noise_sources()) << beta;
        let basis = Arc::clone(context.basis());
        phase.for_each_row(|i, row| {
            let q = basis.modulus(i);
            let noise = q.mul(crate::ring::residue(&one, q.value()), times.into());
            q.kernels().add_scalar(q, row, noise);
        });
        SecretPoly::new(phase)
    };
    let sums = Sums::from_phases(&sealed, bound, |_| Ok(smudged(1))).unwrap();
    let pairs: Vec<(&[f32], u64)> = updates.iter().map(|update| (&update[..], 1)).collect();
    assert_eq!(sums.average(), context.clear_average(&pairs).unwrap());
    let implausible = Err(Error::Federated(FederatedError::Implausible));
    // Residuals beyond the stated bound, and a bound beyond what the modulus holds.
    let honest = context.bound(8);
    assert_eq!(
        Sums::from_phases(&sealed, honest, |_| Ok(smudged(1))),
        implausible
    );
    assert_eq!(
        Sums::from_phases(&sealed, bound * crate::params::Log2::of(4.0), |_| Ok(
            smudged(0)
        )),
        implausible
    );
    // The whole key in one hand is not how such sums are opened.
    assert!(SumDecryptor::new(&context, Arc::clone(&secrets[0])).is_err());
}

/// After encryption and decryption nothing in the pool tells of the message, the secret, the mask, the errors or the phase.
#[test]
fn nothing_secret_is_left_in_the_pool() {
    for mode in [Mode::PublicKey, Mode::SharedSecret] {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let context = SumSpec::new(8, 9000).mode(mode).build().unwrap();
        let basis = context.basis();
        let (secrets, encryptor) = keys(&context, &mut rng);
        let update: Vec<f32> = (0..9000).map(|i| (i % 997) as f32 / 997.0 - 0.5).collect();
        // The test's own copies are in a pool of their own.
        let own = Arc::new(RnsBasis::new(basis.degree(), &basis.primes()).unwrap());
        let mut forbidden = Forbidden::default();
        let mut replay = ChaCha20Rng::seed_from_u64(9);
        if mode == Mode::PublicKey {
            let mask = ternary_coefficients(basis.degree(), &mut replay);
            forbidden.add_small(&own, &mask);
        } else {
            replay.fill_bytes(&mut [0; 32]);
        }
        let errors = centred_binomial_coefficients(basis.degree(), &mut replay);
        forbidden.add_small(&own, &errors);
        let secret: Vec<u64> = (0..basis.len())
            .flat_map(|i| secrets[0].poly().row(i).to_vec())
            .collect();
        forbidden.add(&NttPoly::from_rows(&own, &secret));

        let sealed = sum(&context, &encryptor, std::slice::from_ref(&update));
        let copy = phase(&sealed, &secrets);
        let rows: Vec<u64> = (0..basis.len())
            .flat_map(|i| copy.row(i).to_vec())
            .collect();
        drop(copy);
        let mut scaled = CoeffPoly::from_rows(&own, &rows);
        forbidden.add(&scaled.clone().into_ntt());
        scaled.for_each_row(|i, row| context.codec().scale_row(i, row));
        forbidden.add(&scaled.clone().into_ntt());
        let decryptor = SumDecryptor::new(&context, Arc::clone(&secrets[0])).unwrap();
        let sums = decryptor.decrypt(&sealed).unwrap();
        let words: Vec<u64> = lifted(&context, sums.sums());
        forbidden.add_row(&words);
        forbidden.check(context.rlwe(), &format!("{mode:?}"));
    }
}

/// `Q M mod 2^k` of all coefficients.
fn lifted(context: &SumContext, values: &[i64]) -> Vec<u64> {
    let (codec, fields) = (context.codec(), context.fields());
    let coefficients = values.chunks(fields.count()).flat_map(|values| {
        let mut message = vec![0; codec.words()];
        fields.pack(|i| values.get(i).copied().unwrap_or(0), &mut message);
        codec.lift(&mut message, &mut [0; crate::federated::codec::MOST_WORDS]);
        message
    });
    coefficients.collect()
}
