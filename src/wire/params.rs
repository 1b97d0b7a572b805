//! Parameters of both schemes, which are read without a context.

use crate::error::{Error, Result, WireError};
use crate::params::{
    BfvParams, BootstrappingLayout, CkksParams, Fingerprint, RlweParams, Scale, ScalePlan,
    SecretDistribution, SecurityLevel, SecurityPolicy, SecurityStandard,
};
use crate::wire::header::invalid;
use crate::wire::value::check_whole;
use crate::wire::{FrameReader, Header, Kind, framed};
use std::io::{Read, Write};

/// The bytes of one scheme's parameters: the ring, and what `extra` gives and `new` takes.
macro_rules! parameters {
    ($params:ident, $kind:expr, $extra:expr, $new:expr) => {
        impl $params {
            /// The parameters' bytes.
            ///
            /// ```
            /// use slotwise::{CkksContext, CkksParams};
            ///
            /// let params = CkksContext::for_depth(1).build_params()?; // or of a `BfvContext`
            /// assert_eq!(CkksParams::from_bytes(&params.to_bytes())?, params);
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            #[must_use]
            #[doc(alias("save", "serialize"))]
            pub fn to_bytes(&self) -> Vec<u8> {
                let extra: fn(&Self) -> Vec<u8> = $extra;
                write(self.rlwe(), &extra(self), ($kind, self.fingerprint()))
            }

            /// Writes [`to_bytes`](Self::to_bytes).
            ///
            /// ```
            /// use slotwise::{CkksContext, CkksParams};
            ///
            /// let params = CkksContext::for_depth(1).build_params()?;
            /// let mut file = Vec::new();
            /// params.write_to(&mut file)?;
            /// assert_eq!(file, params.to_bytes());
            /// # Ok::<(), slotwise::Error>(())
            /// ```
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
            /// ```
            /// use slotwise::{CkksContext, CkksParams};
            ///
            /// let bytes = CkksContext::for_depth(1).build_params()?.to_bytes();
            /// let context = CkksContext::new(CkksParams::from_bytes(&bytes)?)?;
            /// assert_eq!(context.top_level(), 1);
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            ///
            /// # Errors
            /// [`Error::Wire`](crate::Error::Wire) with the reason; what [`RlweParams::with_digits`] and [`new`](Self::new) refuse.
            ///
            /// # Security
            /// A context takes memory and time in proportion to degree and primes: make none from parameters that you do not expect.
            #[doc(alias("load", "context_from"))]
            pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
                Self::from_bytes_within(bytes, SecurityStandard::default())
            }

            /// [`from_bytes`](Self::from_bytes), from a stream.
            ///
            /// ```
            /// use slotwise::{CkksContext, CkksParams};
            ///
            /// let params = CkksContext::for_depth(1).build_params()?;
            /// let bytes = params.to_bytes();
            /// let mut stream = &bytes[..]; // a file or a connection
            /// assert_eq!(CkksParams::read_from(&mut stream)?, params);
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            ///
            /// # Errors
            /// As [`from_bytes`](Self::from_bytes).
            pub fn read_from(input: &mut impl Read) -> Result<Self> {
                Self::read_from_within(input, SecurityStandard::default())
            }

            /// [`from_bytes`](Self::from_bytes), which accepts 128 bits of security by the table of `standard`: for parameters made for an
            /// older one.
            ///
            /// ```
            /// use slotwise::{CkksContext, CkksParams, SecurityStandard};
            ///
            /// let standard = SecurityStandard::HomomorphicEncryption2018;
            /// let builder = CkksContext::builder().degree(8192).prime_bits(&[60, 49, 49, 60]).scale_bits(49);
            /// let bytes = builder.standard(standard).build_params()?.to_bytes();
            /// assert!(CkksParams::from_bytes(&bytes).is_err()); // too many bits by today's table
            /// assert!(CkksParams::from_bytes_within(&bytes, standard).is_ok());
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            ///
            /// # Errors
            /// As [`from_bytes`](Self::from_bytes).
            pub fn from_bytes_within(bytes: &[u8], standard: SecurityStandard) -> Result<Self> {
                check_whole(bytes)?;
                Self::read_from_within(&mut &bytes[..], standard)
            }

            /// [`from_bytes_within`](Self::from_bytes_within), from a stream.
            ///
            /// ```
            /// use slotwise::{CkksContext, CkksParams, SecurityStandard};
            ///
            /// let params = CkksContext::for_depth(1).build_params()?;
            /// let bytes = params.to_bytes();
            /// let standard = SecurityStandard::HomomorphicEncryption2018;
            /// assert_eq!(CkksParams::read_from_within(&mut &bytes[..], standard)?, params);
            /// # Ok::<(), slotwise::Error>(())
            /// ```
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
            /// ```
            /// use slotwise::{CkksContext, CkksParams};
            ///
            /// let params = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build_params()?;
            /// assert!(CkksParams::from_bytes(&params.to_bytes()).is_err());
            /// assert_eq!(CkksParams::insecure_from_bytes(&params.to_bytes())?, params);
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            ///
            /// # Errors
            /// As [`from_bytes`](Self::from_bytes).
            pub fn insecure_from_bytes(bytes: &[u8]) -> Result<Self> {
                check_whole(bytes)?;
                Self::insecure_read_from(&mut &bytes[..])
            }

            /// [`insecure_from_bytes`](Self::insecure_from_bytes), from a stream.
            ///
            /// ```
            /// use slotwise::{CkksContext, CkksParams};
            ///
            /// let params = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build_params()?;
            /// let bytes = params.to_bytes();
            /// assert_eq!(CkksParams::insecure_read_from(&mut &bytes[..])?, params);
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            ///
            /// # Errors
            /// As [`from_bytes`](Self::from_bytes).
            pub fn insecure_read_from(input: &mut impl Read) -> Result<Self> {
                Self::read(input, None)
            }

            fn read(input: &mut impl Read, demanded: Option<SecurityStandard>) -> Result<Self> {
                let new: fn(RlweParams, &[u8]) -> Result<Self> = $new;
                let (rlwe, extra, fingerprint) = read(input, $kind, demanded)?;
                let params = new(rlwe, &extra)?;
                check_fingerprint(params.fingerprint(), fingerprint)?;
                Ok(params)
            }
        }
    };
}

parameters!(
    CkksParams,
    Kind::CkksParams,
    |params| match (params.bootstrapping(), params.scales()) {
        // The scales follow from the layout.
        (Some(layout), _) => {
            let code = layout.code().into_iter().flat_map(u32::to_le_bytes);
            std::iter::once(2).chain(code).collect()
        }
        (None, &ScalePlan::Canonical { bits }) => [&[0][..], &bits.to_le_bytes()].concat(),
        (None, ScalePlan::Explicit(scales)) => {
            let scales = scales.iter().flat_map(|scale| {
                let (mantissa, exponent) = scale.parts();
                [&mantissa.to_le_bytes()[..], &exponent.to_le_bytes()].concat()
            });
            std::iter::once(1).chain(scales).collect()
        }
    },
    |rlwe, extra| match extra.split_first() {
        Some((2, layout)) => CkksParams::with_layout(rlwe, read_layout(layout)?),
        _ => CkksParams::with_scales(rlwe, read_scales(extra)?),
    }
);
parameters!(
    BfvParams,
    Kind::BfvParams,
    |params| params.plaintext_modulus().to_le_bytes().to_vec(),
    |rlwe, extra| {
        let modulus = extra.try_into().map(u64::from_le_bytes);
        BfvParams::new(
            rlwe,
            modulus.map_err(|_| invalid("a plaintext modulus of another size"))?,
        )
    }
);

/// The layout of a bootstrapping at the end of CKKS parameters.
fn read_layout(bytes: &[u8]) -> Result<BootstrappingLayout> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    let code: Vec<u32> = numbers.iter().copied().map(u32::from_le_bytes).collect();
    let layout = BootstrappingLayout::from_code(&code).filter(|_| rest.is_empty());
    layout.ok_or_else(|| invalid("a layout of a bootstrapping that is none"))
}

/// The plan of scales at the end of CKKS parameters.
fn read_scales(bytes: &[u8]) -> Result<ScalePlan> {
    const SCALE_BYTES: usize = 24;
    let wrong = || invalid("a plan of scales that does not fit");
    match bytes.split_first().ok_or_else(wrong)? {
        (0, bits) => Ok(ScalePlan::Canonical {
            bits: bits
                .try_into()
                .map(u32::from_le_bytes)
                .map_err(|_| wrong())?,
        }),
        (1, scales) => {
            let (scales, []) = scales.as_chunks::<SCALE_BYTES>() else {
                return Err(wrong());
            };
            let scale = |bytes: &[u8; SCALE_BYTES]| {
                let mantissa = u128::from_le_bytes(std::array::from_fn(|i| bytes[i]));
                let exponent = i64::from_le_bytes(std::array::from_fn(|i| bytes[16 + i]));
                Scale::from_parts(mantissa, exponent).ok_or_else(wrong)
            };
            let scales: Result<Vec<Scale>> = scales.iter().map(scale).collect();
            Ok(ScalePlan::Explicit(scales?))
        }
        _ => Err(wrong()),
    }
}

/// A frame of parameters; `extra` is what the scheme has beside the ring.
fn write(rlwe: &RlweParams, extra: &[u8], (kind, fingerprint): (Kind, Fingerprint)) -> Vec<u8> {
    let primes = [rlwe.data_primes(), rlwe.special_primes()];
    let sizes = [rlwe.level_sizes(), rlwe.digit_sizes()];
    let (standard, level) = policy_codes(rlwe.policy());
    let mut body = vec![
        rlwe.degree().trailing_zeros().to_le_bytes()[0],
        standard,
        level,
    ];
    // There are at most 128 primes, and no more levels or digits.
    body.extend(primes.map(|primes| byte(primes.len())));
    body.extend(sizes.map(|sizes| byte(sizes.len())));
    body.extend(rlwe.secret().code().map(u32::to_le_bytes).as_flattened());
    primes
        .concat()
        .iter()
        .for_each(|prime| body.extend_from_slice(&prime.to_le_bytes()));
    body.extend(sizes.concat().into_iter().map(byte));
    body.extend_from_slice(extra);
    let header = Header::keyless(kind, body.len() as u64, fingerprint);
    framed(header, &body)
}

/// The ring, what the scheme has beside it, and the fingerprint that the header claims. Unless `demanded` is none, the ring has at
/// least 128 bits of security by that table, whatever its sender claims.
fn read(
    input: &mut impl Read,
    kind: Kind,
    demanded: Option<SecurityStandard>,
) -> Result<(RlweParams, Vec<u8>, [u8; 32])> {
    let mut reader = FrameReader::start(input, kind)?;
    reader.header().check_keyless()?;
    let fingerprint = reader.header().fingerprint;
    if reader.header().length > MOST_BYTES {
        return Err(invalid("more than parameters can be"));
    }
    let [degree_bits, standard, level] = reader.array()?;
    let [data, special, levels, digits] = reader.array::<4>()?.map(usize::from);
    let secret: [u8; 8] = reader.array()?;
    let secret = [0, 4].map(|start| u32::from_le_bytes(std::array::from_fn(|i| secret[start + i])));
    let secret = SecretDistribution::from_code(secret)
        .ok_or(invalid("an unknown distribution of the secret"))?;
    let data: Vec<u64> = read_words(&mut reader, data)?;
    let special: Vec<u64> = read_words(&mut reader, special)?;
    let [levels, digits] = [levels, digits].map(|count| {
        let mut sizes = vec![0; count];
        reader.fill(&mut sizes)?;
        Ok(sizes.into_iter().map(usize::from).collect::<Vec<_>>())
    });
    let mut extra = vec![0; usize::try_from(reader.left()).unwrap_or(usize::MAX)];
    reader.fill(&mut extra)?;
    reader.finish()?;
    let policy = policy_of(standard, level)?;
    if policy == SecurityPolicy::Insecure && demanded.is_some() {
        return Err(Error::Wire(WireError::InsecureParameters));
    }
    let degree = 1usize
        .checked_shl(degree_bits.into())
        .ok_or(invalid("a degree of 2^64 or more"))?;
    let rlwe = RlweParams::new(degree, &data, &special, policy)?
        .with_levels(levels?)?
        .with_digits(digits?)?
        .with_secret(secret)?;
    if demanded.is_some_and(|standard| !rlwe.is_within(standard, SecurityLevel::Bits128)) {
        return Err(Error::Wire(WireError::OtherStandard));
    }
    Ok((rlwe, extra, fingerprint))
}

/// The bytes of a body that is longer than any parameters have.
const MOST_BYTES: u64 = 1 << 13;

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
