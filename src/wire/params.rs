//! Parameters of both schemes, which are read without a context.

use crate::error::{Error, Result, WireError};
use crate::params::{
    BfvParams, CkksParams, Fingerprint, RlweParams, SecurityLevel, SecurityPolicy, SecurityStandard,
};
use crate::wire::header::invalid;
use crate::wire::value::check_whole;
use crate::wire::{FrameReader, FrameWriter, Header, Kind};
use std::io::{Read, Write};

/// The bytes of one scheme's parameters: the ring, and 64 bits that `extra` gives and `new` takes.
macro_rules! parameters {
    ($params:ident, $kind:expr, $extra:expr, $new:expr) => {
        impl $params {
            /// The parameters' bytes.
            #[must_use]
            pub fn to_bytes(&self) -> Vec<u8> {
                let extra: fn(&Self) -> u64 = $extra;
                write(self.rlwe(), extra(self), ($kind, self.fingerprint()))
            }

            /// Writes [`to_bytes`](Self::to_bytes).
            ///
            /// # Errors
            /// [`WireError::Io`].
            pub fn write_to(&self, out: &mut impl Write) -> Result<()> {
                out.write_all(&self.to_bytes())
                    .map_err(|error| Error::Wire(WireError::Io(error.kind())))
            }

            /// The parameters that `bytes` hold, checked as by their constructors. They have 128 bits of security by today's table
            /// ([`SecurityStandard::default`]), whichever table and level their sender enforced.
            ///
            /// # Errors
            /// [`Error::Wire`](crate::Error::Wire) with the reason; what [`RlweParams::with_digits`] and [`new`](Self::new) refuse.
            ///
            /// # Security
            /// A context takes memory and time in proportion to degree and primes: make none from parameters that you do not expect.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
                Self::from_bytes_within(bytes, SecurityStandard::default())
            }

            /// [`from_bytes`](Self::from_bytes), from a stream.
            ///
            /// # Errors
            /// As [`from_bytes`](Self::from_bytes).
            pub fn read_from(input: &mut impl Read) -> Result<Self> {
                Self::read_from_within(input, SecurityStandard::default())
            }

            /// [`from_bytes`](Self::from_bytes), which accepts 128 bits of security by the table of `standard`: for parameters made for an
            /// older one.
            ///
            /// # Errors
            /// As [`from_bytes`](Self::from_bytes).
            pub fn from_bytes_within(bytes: &[u8], standard: SecurityStandard) -> Result<Self> {
                check_whole(bytes)?;
                Self::read_from_within(&mut &bytes[..], standard)
            }

            /// [`from_bytes_within`](Self::from_bytes_within), from a stream.
            ///
            /// # Errors
            /// As [`from_bytes`](Self::from_bytes).
            pub fn read_from_within(
                input: &mut impl Read,
                standard: SecurityStandard,
            ) -> Result<Self> {
                Self::read(input, Some(standard))
            }

            /// [`from_bytes`](Self::from_bytes), which accepts parameters made without a security check, too: for tests and experiments.
            ///
            /// # Errors
            /// As [`from_bytes`](Self::from_bytes).
            pub fn insecure_from_bytes(bytes: &[u8]) -> Result<Self> {
                check_whole(bytes)?;
                Self::insecure_read_from(&mut &bytes[..])
            }

            /// [`insecure_from_bytes`](Self::insecure_from_bytes), from a stream.
            ///
            /// # Errors
            /// As [`from_bytes`](Self::from_bytes).
            pub fn insecure_read_from(input: &mut impl Read) -> Result<Self> {
                Self::read(input, None)
            }

            fn read(input: &mut impl Read, demanded: Option<SecurityStandard>) -> Result<Self> {
                let new: fn(RlweParams, u64) -> Result<Self> = $new;
                let (rlwe, extra, fingerprint) = read(input, $kind, demanded)?;
                let params = new(rlwe, extra)?;
                check_fingerprint(params.fingerprint(), fingerprint)?;
                Ok(params)
            }
        }
    };
}

parameters!(
    CkksParams,
    Kind::CkksParams,
    |params| params.scale_bits().into(),
    |rlwe, bits| {
        let bits = u32::try_from(bits).map_err(|_| invalid("a scale of 2^32 bits or more"))?;
        CkksParams::new(rlwe, bits)
    }
);
parameters!(
    BfvParams,
    Kind::BfvParams,
    BfvParams::plaintext_modulus,
    BfvParams::new
);

/// A frame of parameters; `extra` is what the scheme has beside the ring.
fn write(rlwe: &RlweParams, extra: u64, (kind, fingerprint): (Kind, Fingerprint)) -> Vec<u8> {
    let primes = [rlwe.data_primes(), rlwe.special_primes()];
    let (standard, level) = policy_codes(rlwe.policy());
    let mut body = vec![
        rlwe.degree().trailing_zeros().to_le_bytes()[0],
        standard,
        level,
    ];
    // There are at most 128 primes, and no more digits.
    body.extend(primes.map(|primes| byte(primes.len())));
    body.push(byte(rlwe.digit_sizes().len()));
    body.extend_from_slice(&extra.to_le_bytes());
    primes
        .concat()
        .iter()
        .for_each(|prime| body.extend_from_slice(&prime.to_le_bytes()));
    body.extend(rlwe.digit_sizes().iter().map(|&size| byte(size)));
    let header = Header {
        kind,
        length: body.len() as u64,
        fingerprint: *fingerprint.bytes(),
        key_id: [0; 16],
    };
    let mut bytes = Vec::new();
    let written = FrameWriter::start(&mut bytes, header).and_then(|mut writer| {
        writer.put(&body)?;
        writer.finish()
    });
    debug_assert!(written.is_ok(), "memory takes every byte");
    bytes
}

/// The ring, what the scheme has beside it, and the fingerprint that the header claims. Unless `demanded` is none, the ring has at
/// least 128 bits of security by that table, whatever its sender claims.
fn read(
    input: &mut impl Read,
    kind: Kind,
    demanded: Option<SecurityStandard>,
) -> Result<(RlweParams, u64, [u8; 32])> {
    let mut reader = FrameReader::start(input, kind)?;
    reader.header().check_keyless()?;
    let fingerprint = reader.header().fingerprint;
    let [degree_bits, standard, level] = reader.array()?;
    let counts: [u8; 3] = reader.array()?;
    let extra = u64::from_le_bytes(reader.array()?);
    let [data, special, digits] = counts.map(usize::from);
    reader.expect_left(8 * (data + special) as u64 + digits as u64)?;
    let data: Vec<u64> = read_words(&mut reader, data)?;
    let special: Vec<u64> = read_words(&mut reader, special)?;
    let mut sizes = vec![0; digits];
    reader.fill(&mut sizes)?;
    reader.finish()?;
    let policy = policy_of(standard, level)?;
    if policy == SecurityPolicy::Insecure && demanded.is_some() {
        return Err(Error::Wire(WireError::InsecureParameters));
    }
    let degree = 1usize
        .checked_shl(degree_bits.into())
        .ok_or(invalid("a degree of 2^64 or more"))?;
    let sizes = sizes.into_iter().map(usize::from).collect();
    let rlwe = RlweParams::with_digits(degree, &data, &special, sizes, policy)?;
    if demanded.is_some_and(|standard| !rlwe.is_within(standard, SecurityLevel::Bits128)) {
        return Err(Error::Wire(WireError::OtherStandard));
    }
    Ok((rlwe, extra, fingerprint))
}

fn read_words(reader: &mut FrameReader<impl Read>, count: usize) -> Result<Vec<u64>> {
    (0..count)
        .map(|_| reader.array().map(u64::from_le_bytes))
        .collect()
}

fn check_fingerprint(computed: Fingerprint, claimed: [u8; 32]) -> Result<()> {
    if *computed.bytes() == claimed {
        Ok(())
    } else {
        Err(invalid("a fingerprint that is not the parameters'"))
    }
}

fn policy_codes(policy: SecurityPolicy) -> (u8, u8) {
    let SecurityPolicy::Enforced(standard, level) = policy else {
        return (0, 0);
    };
    let standard = match standard {
        SecurityStandard::Guidelines2024 => 1,
        SecurityStandard::HomomorphicEncryption2018 => 2,
    };
    let level = match level {
        SecurityLevel::Bits128 => 1,
        SecurityLevel::Bits192 => 2,
        SecurityLevel::Bits256 => 3,
    };
    (standard, level)
}

fn policy_of(standard: u8, level: u8) -> Result<SecurityPolicy> {
    let standard = match (standard, level) {
        (0, 0) => return Ok(SecurityPolicy::Insecure),
        (1, _) => SecurityStandard::Guidelines2024,
        (2, _) => SecurityStandard::HomomorphicEncryption2018,
        _ => return Err(invalid("an unknown security standard")),
    };
    let level = match level {
        1 => SecurityLevel::Bits128,
        2 => SecurityLevel::Bits192,
        3 => SecurityLevel::Bits256,
        _ => return Err(invalid("an unknown security level")),
    };
    Ok(SecurityPolicy::Enforced(standard, level))
}

/// A count of at most 128.
fn byte(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}
