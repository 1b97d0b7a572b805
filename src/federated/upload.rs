use crate::federated::SumContext;
use crate::keys::KeyId;
use crate::ring::{CoeffPoly, NttPoly, SEED_BYTES, Seed};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::OnceLock;

/// The encrypted update of one client in one round. Anyone may see it.
#[derive(Clone)]
pub struct Upload {
    pub(super) context: SumContext,
    pub(super) key_id: KeyId,
    pub(super) round: u64,
    pub(super) client: u32,
    /// 0 if it is hidden.
    pub(super) weight: u64,
    /// `c_0` of each ciphertext; coefficients that do not travel are 0.
    pub(super) firsts: Vec<CoeffPoly>,
    pub(super) seconds: Seconds,
    pub(super) digest: OnceLock<UploadDigest>,
}

/// SHA-256 of the bytes of an upload: what a client and everyone who opens a sum recognise it by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadDigest(pub [u8; 32]);

/// `c_1` of each ciphertext.
#[derive(Clone)]
pub(super) enum Seconds {
    /// Number i of the seed's polynomials for ciphertext i.
    Seed(Seed),
    Polys(Vec<NttPoly>),
}

/// Tells uploads with equal second halves: of two honest uploads these differ but with a probability far below 2^-128.
pub(super) type Mark = [u8; 16];

/// How many residues of each second half are compared: in honest uploads they are uniform.
const MARKED: usize = 64;

impl Upload {
    /// The context that the update was encrypted for.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert_eq!(ada.context(), &context);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn context(&self) -> &SumContext {
        &self.context
    }

    /// The id of the key that the update was encrypted under.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert_eq!(ada.key_id(), public.key_id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The round that the update belongs to.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert_eq!(ada.round(), round);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn round(&self) -> u64 {
        self.round
    }

    /// The client's number.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert_eq!((ada.client(), emmy.client()), (1, 2));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn client(&self) -> u32 {
        self.client
    }

    /// The client's weight; `None` if it is encrypted.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert_eq!(ada.weight(), Some(1));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn weight(&self) -> Option<u64> {
        (!self.context.spec().hidden_weights).then_some(self.weight)
    }

    /// Identifies the upload: the SHA-256 of its bytes.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// use slotwise::prelude::*;
    ///
    /// let received = Upload::from_bytes(&ada.to_bytes(), &context)?;
    /// assert_eq!(received.digest(), ada.digest());
    /// assert_ne!(ada.digest(), emmy.digest());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn digest(&self) -> UploadDigest {
        *self.digest.get_or_init(|| self.computed_digest())
    }

    /// What equal second halves have in common: of the seed, or of each polynomial.
    pub(super) fn marks(&self) -> Box<[Mark]> {
        let of_poly = |poly: &NttPoly| {
            let residues = poly.row(0)[..MARKED].iter();
            mark(residues.map(|residue| residue.to_le_bytes()))
        };
        match &self.seconds {
            Seconds::Seed(seed) => [mark([seed.0].into_iter())].into(),
            Seconds::Polys(polys) => polys.iter().map(of_poly).collect(),
        }
    }
}

fn mark(parts: impl Iterator<Item = impl AsRef<[u8]>>) -> Mark {
    let mut hash = Sha256::new_with_prefix(b"slotwise second half 1\0");
    parts.for_each(|part| hash.update(part));
    let hash: [u8; SEED_BYTES] = hash.finalize().into();
    std::array::from_fn(|i| hash[i])
}

impl PartialEq for Upload {
    /// Whether both have the same bytes.
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (client, round) = (self.client, self.round);
        write!(out, "Upload(client {client}, round {round})")
    }
}

impl fmt::Debug for UploadDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0[..8].iter();
        shown.try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}
