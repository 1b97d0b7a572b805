//! What malicious clients, and lists that differ by one client, reveal.

use crate::Setting;
use crate::damage::reseal;
use num_bigint::BigUint;
use slotwise::federated::{Mode, SumContext, SumSpec, Upload};
use slotwise::kernels::packing::{SLACK, pack, packed_length, unpack};
use slotwise::keys::SecretKey;
use slotwise::{Error, FederatedError, Wire};

/// The coefficients of a secret key.
fn coefficients(secret: &SecretKey) -> Vec<i64> {
    let bytes = secret.expose_secret_bytes();
    let mut packed = bytes[68 + 8..bytes.len() - 4].to_vec();
    packed.extend([0; SLACK]);
    let mut coefficients = vec![0; secret.context().degree()];
    assert!(unpack(&packed, 2, 3, &mut coefficients));
    coefficients.iter().map(|&x| x.cast_signed() - 1).collect()
}

/// An upload with c_0 = 0 and the constant c_1 = round(Q 2^a / 2^k): under encryption it is 2^a s.
fn malformed(honest: &Upload, context: &SumContext, a: u32) -> Upload {
    let constant = scaled(context, a, 0);
    with_constant(honest, context, &constant)
}

/// round(Q 2^a / 2^(k + b))
fn scaled(context: &SumContext, a: u32, b: u32) -> BigUint {
    let primes = context.rlwe().params().data_primes();
    let modulus: BigUint = primes.iter().map(|&prime| BigUint::from(prime)).product();
    let k = context.plaintext_bits() + b;
    let half = BigUint::from(1u32) << (k - 1);
    ((modulus << a) + half) >> k
}

/// An upload with c_0 = 0 and a constant c_1.
fn with_constant(honest: &Upload, context: &SumContext, constant: &BigUint) -> Upload {
    let primes = context.rlwe().params().data_primes();
    let mut bytes = honest.to_bytes();
    let end = bytes.len() - 4;
    let mut at = 68 + 20;
    assert_eq!(context.ciphertexts(), 1);
    for &prime in primes {
        let residue = u64::try_from(constant % prime).unwrap();
        let bits = u64::BITS - prime.leading_zeros();
        let length = packed_length(context.rlwe().degree(), bits);
        let mut packed = vec![0; length + SLACK];
        pack(&vec![residue; context.rlwe().degree()], bits, &mut packed);
        bytes[at..at + length].copy_from_slice(&packed[..length]);
        at += length;
    }
    bytes[at..end].fill(0);
    reseal(&mut bytes);
    Upload::from_bytes(&bytes, context).unwrap()
}

/// The sum of seven honest updates, which use a small part of the range as updates do late in training, and one malformed upload.
fn attacked(setting: &mut Setting, a: u32) -> slotwise::Result<Vec<i64>> {
    let mut aggregator = setting.aggregator();
    for client in 0..7 {
        let update: Vec<f32> = setting.update().iter().map(|value| value / 100.0).collect();
        aggregator.add(&setting.upload(client, &update, 1)).unwrap();
    }
    let zeros = vec![0.0; setting.context.length()];
    let honest = setting.upload(7, &zeros, 1);
    aggregator
        .add(&malformed(&honest, &setting.context, a))
        .unwrap();
    let sums = setting.decryptor.decrypt(&aggregator.seal())?;
    Ok(sums.sums().to_vec())
}

/// One malformed upload puts the secret key into the high bits of a published sum: exact, and not seen by the decoder, as long as it
/// stays within what honest updates could sum to. This is why clients must be authenticated, and why one who fears malicious clients
/// needs more than this crate has.
#[test]
fn a_malformed_upload_within_the_range_shows_the_key() {
    let mut setting = full();
    // Seven honest sums are below 2^12 in magnitude; 2^13 s lies above them and far below 8 * 32767.
    let sums = attacked(&mut setting, 13).unwrap();
    let per_coefficient = setting.context.values_per_coefficient();
    let read = sums.iter().step_by(per_coefficient);
    let read: Vec<i64> = read.map(|&sum| (sum + (1 << 12)) >> 13).collect();
    assert!(read.len() > 3000);
    assert_eq!(read, coefficients(&setting.secret)[..read.len()]);
}

/// Past the range, in bits that sums leave idle, or where there are coefficients without values, the whole sum is refused.
#[test]
fn a_malformed_upload_past_the_range_is_refused() {
    let implausible = Err(Error::Federated(FederatedError::Implausible));
    let mut setting = full();
    let plain = setting.context.plaintext_bits();
    let field = plain / u32::try_from(setting.context.values_per_coefficient()).unwrap();
    for a in [field - 1, 2 * field - 1, plain - 1] {
        assert_eq!(attacked(&mut setting, a), implausible, "2^{a}");
    }
    // Within the range, but here the last coefficients that travel hold no values, and nobody can keep 2^a s out of them.
    let mut setting = Setting::new(&SumSpec::new(8, FULL + 8));
    assert_eq!(attacked(&mut setting, 13), implausible);
}

/// A length that fills all coefficients that travel.
const FULL: usize = 19_992;

fn full() -> Setting {
    let setting = Setting::new(&SumSpec::new(8, FULL));
    let fields = setting.context.coefficients(0) * setting.context.values_per_coefficient();
    assert_eq!(fields, FULL);
    setting
}

/// Below the step of the plaintext the secret would be in what is rounded off: that is more than honest noise.
#[test]
fn a_malformed_upload_in_the_noise_is_refused() {
    let mut setting = Setting::new(&SumSpec::new(8, 20_000));
    let honest = setting.upload(7, &vec![0.0; 20_000], 1);
    let mut aggregator = setting.aggregator();
    let update = setting.update();
    aggregator.add(&setting.upload(0, &update, 1)).unwrap();
    // A third of what is rounded away: more than the honest bound, which parameters fill less far for two uploads than for eight.
    let constant = scaled(&setting.context, 0, 2);
    let upload = with_constant(&honest, &setting.context, &constant);
    aggregator.add(&upload).unwrap();
    let refused = setting.decryptor.decrypt(&aggregator.seal());
    assert_eq!(refused, Err(Error::Federated(FederatedError::Implausible)));
}

/// Two sums of one round whose lists differ by one client give that client's update: nothing that encryption can prevent.
#[test]
fn the_difference_of_two_sums_is_a_client() {
    let mut setting = Setting::new(&SumSpec::new(8, 100).mode(Mode::PublicKey));
    let updates: Vec<Vec<f32>> = (0..8).map(|_| setting.update()).collect();
    let (mut all, mut without) = (setting.aggregator(), setting.aggregator());
    for (client, update) in (0..).zip(&updates) {
        let upload = setting.upload(client, update, 1);
        all.add(&upload).unwrap();
        if client != 3 {
            without.add(&upload).unwrap();
        }
    }
    let [all, without] = [all, without].map(|sum| setting.decryptor.decrypt(&sum.seal()).unwrap());
    let difference: Vec<i64> = all
        .sums()
        .iter()
        .zip(without.sums())
        .map(|(a, b)| a - b)
        .collect();
    let expected: Vec<i64> = updates[3]
        .iter()
        .map(|&x| (f64::from(x).clamp(-1.0, 1.0) * 32_767.0).round_ties_even() as i64)
        .collect();
    assert_eq!(difference, expected);
}
