//! Secrets of 32 bytes, and what is derived from them and a label.

use crate::kernels::{Modulus, SecretVec};
use chacha20::ChaCha20Rng;
use rand::{CryptoRng, Rng, SeedableRng};
use sha2::Sha256;
use sha3::{Digest, Sha3_256};
use std::fmt;
use zeroize::Zeroizing;

/// The hash of what something is derived for.
pub(super) type Label = [u8; 32];

/// A secret from which generators are derived, one for each label. Overwritten on drop; boxed, so that lists that grow leave no copies.
#[derive(Clone)]
pub(super) struct SecretSeed(Box<Zeroizing<[u8; SecretSeed::BYTES]>>);

impl SecretSeed {
    pub(super) const BYTES: usize = 32;

    pub(super) fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Box::new(Zeroizing::new([0; Self::BYTES]));
        rng.fill_bytes(&mut **bytes);
        Self(bytes)
    }

    pub(super) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        Self(Box::new(Zeroizing::new(*bytes)))
    }

    pub(super) fn expose(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The generator of a label: ChaCha20 under the hash of secret and label. It overwrites its state on drop.
    pub(super) fn generator(&self, label: &Label) -> ChaCha20Rng {
        let mut seed = Zeroizing::new([0; Self::BYTES]);
        let hash = Sha3_256::new_with_prefix(b"slotwise prf 1\0")
            .chain_update(**self.0)
            .chain_update(label);
        hash.finalize_into((&mut *seed).into());
        ChaCha20Rng::from_seed(*seed)
    }
}

impl fmt::Debug for SecretSeed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SecretSeed(..)")
    }
}

/// The hash of a purpose and its parts, each with its length.
pub(super) fn label(purpose: &str, parts: &[&[u8]]) -> Label {
    let mut hash = Sha3_256::new_with_prefix(b"slotwise multiparty 1\0");
    for part in [&[purpose.as_bytes()], parts].concat() {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Fills `words` from a generator, in the order of the bytes.
pub(super) fn fill_words(generator: &mut impl Rng, words: &mut [u64]) {
    const WORDS: usize = 512;
    let mut bytes = Zeroizing::new([0; 8 * WORDS]);
    for words in words.chunks_mut(WORDS) {
        let bytes = &mut bytes[..8 * words.len()];
        generator.fill_bytes(bytes);
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
    }
}

/// Fills a row with residues that are uniform up to 2^-64, in constant time.
pub(super) fn fill_residues(generator: &mut impl Rng, q: &Modulus, row: &mut [u64]) {
    let mut words = SecretVec::zeroed(2 * row.len());
    fill_words(generator, &mut words);
    for (x, pair) in row.iter_mut().zip(words.as_chunks::<2>().0) {
        *x = q.reduce_wide(u128::from(pair[0]) << 64 | u128::from(pair[1]));
    }
}

/// Adds words to a hash, least byte first: SHA-256, which processors have instructions for, since there are millions of them.
pub(super) fn hash_words(hash: &mut Sha256, words: &[u64]) {
    const WORDS: usize = 512;
    let mut bytes = Zeroizing::new([0; 8 * WORDS]);
    for words in words.chunks(WORDS) {
        for (bytes, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        hash.update(&bytes[..8 * words.len()]);
    }
}
