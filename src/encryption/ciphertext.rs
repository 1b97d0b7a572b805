use crate::error::{Error, OperandError, Result};
use crate::keys::KeyId;
use crate::params::{Context, ErrorSize, Fingerprint};
use crate::ring::{NttPoly, Seed};
use std::sync::Arc;

/// What ciphertexts of both schemes are: polynomials `c_0, c_1, ...` whose phase `c_0 + c_1 s + c_2 s^2 + ...` carries a
/// message.
#[derive(Clone, Debug)]
pub struct Ciphertext {
    pub(crate) context: Arc<Context>,
    pub(crate) key_id: KeyId,
    /// At least two, of one level.
    pub(crate) polys: Vec<NttPoly>,
    pub(crate) transport: Transport,
}

/// What is known of the polynomials beside their residues: whether they can be written in fewer bits, and whether their error is
/// that of one encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Nothing.
    Plain,
    /// They are as encryption with the public key made them, or plaintexts were added.
    Encrypted,
    /// `c_1` comes from a seed: they are as encryption with the secret key made them, or plaintexts were added.
    Seeded(Seed),
    /// At level 0: each coefficient of polynomial i is a multiple of `2^k`, k at index i.
    Rounded([u8; Ciphertext::MOST_POLYS]),
}

impl Ciphertext {
    /// The most polynomials: those of a raw product.
    pub(crate) const MOST_POLYS: usize = 3;

    /// The degree in the secret: 1 for a fresh or relinearized ciphertext, 2 for a raw product.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.polys.len() - 1
    }

    /// The level, which the number of data primes tells.
    #[must_use]
    pub fn level(&self) -> usize {
        self.context.level_of(self.polys[0].basis().len())
    }

    /// The polynomials, in NTT form.
    #[must_use]
    pub fn polys(&self) -> &[NttPoly] {
        &self.polys
    }

    /// The seed of the second polynomial, in a fresh ciphertext made with the secret key.
    #[must_use]
    pub fn seed(&self) -> Option<Seed> {
        match self.transport {
            Transport::Seeded(seed) => Some(seed),
            Transport::Plain | Transport::Encrypted | Transport::Rounded(_) => None,
        }
    }

    /// The name of the secret key.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The parameters' identity.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.context.fingerprint()
    }

    /// Whether anyone can read the message: all polynomials but the first are zero.
    #[must_use]
    pub fn is_transparent(&self) -> bool {
        self.polys[1..]
            .iter()
            .all(|poly| poly.data().iter().all(|&x| x == 0))
    }

    /// The bytes of the residues in memory.
    #[must_use]
    pub fn size_in_bytes(&self) -> usize {
        self.polys.iter().map(|poly| 8 * poly.data().len()).sum()
    }

    /// A ciphertext of the same context and key with other polynomials.
    pub(crate) fn with_polys(&self, polys: Vec<NttPoly>) -> Self {
        self.transported(polys, Transport::Plain)
    }

    /// [`with_polys`](Self::with_polys), where more is known of them.
    pub(crate) fn transported(&self, polys: Vec<NttPoly>, transport: Transport) -> Self {
        Self {
            context: Arc::clone(&self.context),
            key_id: self.key_id,
            polys,
            transport,
        }
    }

    /// The size of the error of one encryption, if this ciphertext has no other random error.
    pub(crate) fn encryption_error(&self) -> Option<ErrorSize> {
        match self.transport {
            Transport::Encrypted => self.context.public_encryption_noise(self.level()).ok(),
            Transport::Seeded(_) => Some(self.context.noise().error()),
            Transport::Plain | Transport::Rounded(_) => None,
        }
    }

    /// Checks that two ciphertexts share parameters and key.
    pub(crate) fn check_same(&self, other: &Self) -> Result<()> {
        self.fingerprint().check(other.fingerprint())?;
        self.key_id.check(other.key_id)
    }

    /// Both polynomials of a ciphertext of degree 1 in the secret.
    ///
    /// # Errors
    /// [`OperandError::NotRelinearized`](crate::OperandError::NotRelinearized) for any other.
    pub(crate) fn pair(&self) -> Result<[&NttPoly; 2]> {
        match self.polys.as_slice() {
            [first, second] => Ok([first, second]),
            _ => Err(Error::Operands(OperandError::NotRelinearized {
                degree: self.degree(),
            })),
        }
    }
}
