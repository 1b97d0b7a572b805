//! What the targets share: objects over small parameters, made once, and each input in its variants.

use sha3::{Digest, Sha3_256};
use slotwise::multiparty::{Policy, Session, SessionTerms};
use slotwise::params::SecretDistribution;
use slotwise::prelude::*;
use slotwise::ring::Seed;
use std::sync::LazyLock;

#[path = "../../wire/exercise.rs"]
pub mod exercise;
#[path = "../../wire/objects.rs"]
pub mod objects;
#[path = "../../wire/reseal.rs"]
mod reseal;

use objects::{BfvObjects, CkksObjects};
pub use reseal::{HEADER, reseal};

/// The degree of all parameters.
pub const DEGREE: usize = 16;

pub static CKKS: LazyLock<CkksObjects> = LazyLock::new(|| CkksObjects::new(DEGREE, 1));
pub static BFV: LazyLock<BfvObjects> = LazyLock::new(|| BfvObjects::new(DEGREE, 1));

/// Over parameters whose secret three parties share, with two primes in the upper levels.
pub static SHARED: LazyLock<CkksObjects> = LazyLock::new(|| {
    let context = CkksContext::builder()
        .degree(DEGREE)
        .prime_bits(&[50, 25, 26, 27, 24, 50, 51])
        .special_primes(2)
        .primes_per_level(&[1, 2, 2])
        .scale_bits(40)
        .secret(SecretDistribution::TernarySum { contributors: 3 })
        .insecure_skip_security_check()
        .build();
    CkksObjects::over(context.expect("valid parameters"), 1)
});

/// A key that any two of three parties use.
pub static SESSION: LazyLock<Session> = LazyLock::new(|| {
    let policy = Policy::new(3, 2).expect("a valid policy");
    let context = BfvContext::builder()
        .degree(DEGREE)
        .prime_bits(&[50, 50, 50, 50, 50])
        .special_primes(2)
        .plaintext_modulus(257)
        .secret(policy.secret())
        .insecure_skip_security_check()
        .build()
        .expect("valid parameters");
    let terms = SessionTerms::new(policy, &["a", "b", "c"], Seed([1; 32])).expect("valid terms");
    Session::bfv(&context, &terms).expect("a valid session")
});

/// The input as a message of [`SESSION`].
pub fn as_session(input: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    if let Some(id) = bytes.get_mut(48..64) {
        id.copy_from_slice(SESSION.key_id().bytes());
    }
    reseal(&bytes, Some(SESSION.context().fingerprint().bytes()))
}

/// Calls `parse` with the input as it is, and with everything right that only repeats what the rest says.
pub fn with_variants(input: &[u8], parse: impl Fn(&[u8])) {
    parse(input);
    parse(&reseal(input, None));
    for fingerprint in [CKKS.context.fingerprint(), BFV.context.fingerprint()] {
        parse(&reseal(input, Some(fingerprint.bytes())));
    }
}

/// The input as a value over the parameters of [`SHARED`].
pub fn as_shared(input: &[u8]) -> Vec<u8> {
    reseal(input, Some(SHARED.context.fingerprint().bytes()))
}

/// The input as parameters that have the fingerprint which they claim; `None` if it ends before all its lists do.
pub fn with_own_fingerprint(input: &[u8]) -> Option<Vec<u8>> {
    let body = input.get(HEADER..input.len().checked_sub(4)?)?;
    let (counts, rest) = body.split_at_checked(15)?;
    let [data, special, levels, digits] = [3, 4, 5, 6].map(|at| usize::from(counts[at]));
    let (primes, rest) = rest.split_at_checked(8 * (data + special))?;
    let (sizes, extra) = rest.split_at_checked(levels + digits)?;
    let primes: Vec<u64> = words(primes).collect();
    let sizes: Vec<u64> = sizes.iter().copied().map(u64::from).collect();
    let secret: Vec<u64> = counts[7..]
        .chunks_exact(4)
        .map(|word| words(word).sum())
        .collect();
    let (scheme, extra): (&[u8], Vec<u64>) = match (input[6], extra.split_first()?) {
        (2, _) => (b"BFV\0", words(extra).collect()),
        (_, (0, bits)) => (b"CKKS\0", words(bits).collect()),
        (_, (_, scales)) => (b"CKKS\0", words(scales).collect()),
    };
    let mut hash = Sha3_256::new();
    hash.update(b"slotwise parameters 2\0");
    hash.update(scheme);
    for list in [
        &[1u64.checked_shl(counts[0].into())?][..],
        &primes[..data],
        &primes[data..],
        &sizes[..levels],
        &sizes[levels..],
        &secret,
        &extra,
    ] {
        hash.update((list.len() as u64).to_le_bytes());
        list.iter().for_each(|word| hash.update(word.to_le_bytes()));
    }
    Some(reseal(input, Some(&hash.finalize().into())))
}

/// Little-endian numbers of eight bytes, the last one of as many as are left.
fn words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let word = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0, |sum, &byte| sum << 8 | u64::from(byte))
    };
    bytes.chunks(8).map(word)
}

/// What parses is written as it was read.
pub fn same<T: Wire>(bytes: &[u8], context: &T::Context) -> Option<T> {
    let value = T::from_bytes(bytes, context).ok()?;
    assert!(value.to_bytes() == bytes, "one object has one encoding");
    assert!(value.byte_length() == bytes.len() as u64);
    Some(value)
}
