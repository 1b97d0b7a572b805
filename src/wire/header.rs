use crate::error::{Error, Result, WireError};
use crate::keys::KeyId;
use crate::params::Fingerprint;

/// What the first 68 bytes of every file and message of this crate say: what it holds, and of which parameters and key. The checksum of
/// these bytes is right; whether a value follows, its own reader tells.
///
/// ```
/// use slotwise::prelude::*;
/// use slotwise::wire::{Header, Kind};
/// # fn main() -> slotwise::Result<()> {
/// let context = CkksContext::for_depth(1).build()?;
/// let vector = context.generate_client_key()?.encrypt([1.0])?;
/// let header = Header::of(&vector.to_bytes())?;
/// assert_eq!((header.kind(), header.kind().name()), (Kind::CkksVector, "a CKKS vector"));
/// assert_eq!((header.fingerprint(), header.key_id()), (context.fingerprint(), vector.key_id()));
/// assert_eq!(header.frame_length(), vector.byte_length());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub(crate) kind: Kind,
    /// The bytes of the body, its checksum excluded.
    pub(crate) length: u64,
    pub(crate) fingerprint: [u8; 32],
    /// Zero where the object belongs to no key.
    pub(crate) key_id: [u8; 16],
}

/// Declares [`Kind`]: the code and the name of each.
macro_rules! kinds {
    ($($kind:ident = $code:literal, $name:literal;)+) => {
        /// What the body of a frame holds. Codes 1 to 13 are those of this crate's core; 14 to 39 are for federated learning
        /// and several parties, 40 to 49 for networks, 50 to 59 for bootstrapping; from 60 on come circuits.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Kind {
            $(
                #[doc = concat!("The frame holds ", $name, ".")]
                $kind = $code,
            )+
        }

        impl Kind {
            fn of(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$kind),)+
                    _ => None,
                }
            }

            /// What such a frame holds, as a noun with its article.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }
        }
    };
}

kinds! {
    CkksParams = 1, "CKKS parameters";
    BfvParams = 2, "BFV parameters";
    SecretKey = 3, "a secret key";
    PublicKey = 4, "a public key";
    SwitchingKey = 5, "a relinearization or other switching key";
    GaloisKey = 6, "a Galois key";
    EvaluationKeys = 7, "evaluation keys";
    CkksPlaintext = 8, "a CKKS plaintext";
    BfvPlaintext = 9, "a BFV plaintext";
    CkksCiphertext = 10, "a CKKS ciphertext";
    BfvCiphertext = 11, "a BFV ciphertext";
    CkksVector = 12, "a CKKS vector";
    BfvVector = 13, "a BFV vector";
    SumParams = 14, "parameters of sums";
    Upload = 15, "an encrypted update";
    SealedSum = 16, "an encrypted sum";
    SessionTerms = 17, "the terms of a shared key";
    Deal = 18, "a confidential deal";
    PublicKeyShare = 19, "a share of a public key";
    GaloisKeyShare = 20, "a share of a Galois key";
    RelinearizationRoundOne = 21, "a first message for a relinearization key";
    RelinearizationRoundTwo = 22, "a second message for a relinearization key";
    OpeningRequest = 23, "a request to open a ciphertext";
    OpeningShare = 24, "a share of an opening";
    SwitchShare = 25, "a share of a switch to a receiver's key";
    MaskShare = 26, "a share of a masked ciphertext";
    InputShare = 27, "a share of an encryption";
    RefreshShare = 28, "a share of a refresh";
    PartyState = 29, "a party's state";
    Commitment = 30, "a commitment";
    AggregatorState = 31, "the state of an aggregator";
    SumRequest = 32, "a request to open a sum";
    SumShare = 33, "a share of the opening of a sum";
    NetworkDescription = 40, "the description of a network";
    BatchDescription = 41, "the description of a network for batches";
    NetworkKeys = 42, "keys for a network";
    NetworkRequest = 43, "an encrypted input of a network";
    NetworkResponse = 44, "encrypted outputs of a network";
    BootstrappingKeys = 50, "keys for bootstrapping";
    CkksTensor = 60, "a CKKS tensor";
    BfvTensor = 61, "a BFV tensor";
}

impl Header {
    /// The bytes of a header.
    pub(crate) const BYTES: usize = 68;

    /// The bytes of a frame beside its body: the header and the body's checksum.
    pub(crate) const FRAME: u64 = Self::BYTES as u64 + 4;

    /// The version of the format that is written, and the only one that is read.
    pub(crate) const VERSION: u16 = 2;

    const MAGIC: [u8; 4] = *b"SLWS";

    /// The header of an object that belongs to no key.
    pub(crate) fn keyless(kind: Kind, length: u64, fingerprint: Fingerprint) -> Self {
        Self {
            kind,
            length,
            fingerprint: *fingerprint.bytes(),
            key_id: [0; 16],
        }
    }

    /// The header that bytes start with.
    ///
    /// # Errors
    /// [`WireError::Truncated`] for fewer bytes than a header has; [`WireError::NotSlotwise`], [`WireError::Version`],
    /// [`WireError::Checksum`], [`WireError::Invalid`].
    pub fn of(bytes: &[u8]) -> Result<Self> {
        let header = bytes.first_chunk();
        Self::parse(header.ok_or(Error::Wire(WireError::Truncated))?)
    }

    /// What the frame holds.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The identity of the parameters.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::from_bytes(self.fingerprint)
    }

    /// The id of the secret key; zeros where the kind belongs to none.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        KeyId::from_bytes(self.key_id)
    }

    /// The bytes of the whole frame.
    #[must_use]
    pub fn frame_length(&self) -> u64 {
        self.length.saturating_add(Self::FRAME)
    }

    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&Self::MAGIC);
        bytes[4..6].copy_from_slice(&Self::VERSION.to_le_bytes());
        bytes[6] = self.kind as u8;
        bytes[8..16].copy_from_slice(&self.length.to_le_bytes());
        bytes[16..48].copy_from_slice(&self.fingerprint);
        bytes[48..64].copy_from_slice(&self.key_id);
        let checksum = crc32fast::hash(&bytes[..64]);
        bytes[64..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The header that `bytes` hold.
    ///
    /// # Errors
    /// [`WireError::NotSlotwise`], [`WireError::Version`], [`WireError::Checksum`], [`WireError::Invalid`].
    pub(crate) fn parse(bytes: &[u8; Self::BYTES]) -> Result<Self> {
        if field::<4>(bytes, 0) != Self::MAGIC {
            return Err(Error::Wire(WireError::NotSlotwise));
        }
        // Another version may lay out the rest differently.
        let found = u16::from_le_bytes(field(bytes, 4));
        if found != Self::VERSION {
            let supported = Self::VERSION;
            return Err(Error::Wire(WireError::Version { found, supported }));
        }
        if crc32fast::hash(&bytes[..64]) != u32::from_le_bytes(field(bytes, 64)) {
            return Err(Error::Wire(WireError::Checksum));
        }
        let kind = Kind::of(bytes[6]).ok_or(invalid("an unknown kind of object"))?;
        if bytes[7] != 0 {
            return Err(invalid("flags that this version does not have"));
        }
        Ok(Self {
            kind,
            length: u64::from_le_bytes(field(bytes, 8)),
            fingerprint: field(bytes, 16),
            key_id: field(bytes, 48),
        })
    }

    /// Checks that the header belongs to an object of this kind and these parameters.
    pub(crate) fn check(&self, kind: Kind, fingerprint: Fingerprint) -> Result<()> {
        self.check_kind(kind)?;
        fingerprint.check(self.fingerprint())
    }

    pub(crate) fn check_kind(&self, expected: Kind) -> Result<()> {
        if self.kind == expected {
            return Ok(());
        }
        Err(Error::Wire(WireError::Kind {
            found: self.kind.name(),
            expected: expected.name(),
        }))
    }

    /// Checks that the object belongs to no key.
    pub(crate) fn check_keyless(&self) -> Result<()> {
        if self.key_id == [0; 16] {
            Ok(())
        } else {
            Err(invalid("a key identifier where there is no key"))
        }
    }
}

pub(crate) fn invalid(what: &'static str) -> Error {
    Error::Wire(WireError::Invalid { what })
}

/// The `LENGTH` bytes from `start` on.
fn field<const LENGTH: usize>(bytes: &[u8; Header::BYTES], start: usize) -> [u8; LENGTH] {
    std::array::from_fn(|i| bytes[start + i])
}
