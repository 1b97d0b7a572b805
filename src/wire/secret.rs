//! Secret keys: few bits for each coefficient.

use crate::error::{Error, Result, WireError};
use crate::kernels::SecretVec;
use crate::kernels::packing::{SLACK, pack, packed_length, unpack};
use crate::keys::SecretKey;
use crate::params::{Context, SecretDistribution};
use crate::wire::header::invalid;
use crate::wire::value::check_whole;
use crate::wire::{Header, Kind};
use std::sync::Arc;
use zeroize::Zeroizing;

impl SecretKey {
    /// The secret itself as bytes: whoever has them decrypts everything. Zeroized when dropped.
    ///
    /// # Security
    /// Constant time in the secret. The bytes are not encrypted: keep them where only the key's owner reads.
    #[must_use]
    pub fn expose_secret_bytes(&self) -> Zeroizing<Vec<u8>> {
        let context = self.context();
        let header = Header {
            kind: Kind::SecretKey,
            length: secret_length(context, self.distribution()),
            fingerprint: *context.fingerprint().bytes(),
            key_id: *self.id().bytes(),
        };
        let mut row = Zeroizing::new(self.poly().row(0).to_vec());
        context.key_basis().table(0).inverse(&mut row);
        // As large as it gets at once: a buffer that grew would leave copies.
        let frame = usize::try_from(header.frame_length()).unwrap_or(0);
        let mut bytes = Zeroizing::new(Vec::with_capacity(frame));
        bytes.extend_from_slice(&header.to_bytes());
        bytes.extend_from_slice(
            self.distribution()
                .code()
                .map(u32::to_le_bytes)
                .as_flattened(),
        );
        let (q, largest) = (
            context.key_basis().modulus(0),
            self.distribution().largest(),
        );
        row.iter_mut().for_each(|x| *x = q.add(*x, largest.into()));
        let length = packed_length(row.len(), width(largest));
        let mut packed = Zeroizing::new(vec![0; length + SLACK]);
        pack(&row, width(largest), &mut packed);
        bytes.extend_from_slice(&packed[..length]);
        let checksum = constant_time_crc32(&bytes[Header::BYTES..]);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The key that [`expose_secret_bytes`](Self::expose_secret_bytes) wrote.
    ///
    /// # Errors
    /// As [`Wire::from_bytes`](crate::wire::Wire::from_bytes).
    ///
    /// # Security
    /// Constant time in the secret, unless the bytes are no key.
    pub fn from_secret_bytes(bytes: &[u8], context: &Arc<Context>) -> Result<Arc<Self>> {
        let header = check_whole(bytes)?;
        header.check(Kind::SecretKey, context.fingerprint())?;
        // The distribution decides the length; it is no secret.
        let distribution = bytes[Header::BYTES..]
            .first_chunk::<8>()
            .map(|code| [0, 4].map(|at| u32::from_le_bytes(std::array::from_fn(|i| code[at + i]))))
            .and_then(SecretDistribution::from_code)
            .ok_or(invalid("an unknown distribution of the secret"))?;
        context.params().check_secret_of_key(distribution)?;
        let (found, expected) = (header.length, secret_length(context, distribution));
        if found != expected {
            return Err(Error::Wire(WireError::Length { found, expected }));
        }
        let (body, checksum) = bytes[Header::BYTES..]
            .split_last_chunk::<4>()
            .ok_or(Error::Wire(WireError::Truncated))?;
        if constant_time_crc32(body) != u32::from_le_bytes(*checksum) {
            return Err(Error::Wire(WireError::Checksum));
        }
        let largest = distribution.largest();
        let mut packed = Zeroizing::new(Vec::with_capacity(body.len() + SLACK));
        packed.extend_from_slice(&body[8..]);
        packed.extend_from_slice(&[0; SLACK]);
        let mut codes = Zeroizing::new(vec![0; context.degree()]);
        let bound = 2 * u64::from(largest) + 1;
        if !unpack(&packed, width(largest), bound, &mut codes) {
            return Err(invalid("a secret coefficient out of range"));
        }
        let coefficients: SecretVec<i64> = codes
            .iter()
            .map(|code| code.wrapping_sub(largest.into()).cast_signed())
            .collect();
        if let SecretDistribution::Sparse { weight } = distribution {
            let count: i64 = coefficients.iter().map(|x| x.abs()).sum();
            if count != i64::from(weight) {
                return Err(invalid("a sparse secret of another weight"));
            }
        }
        Self::from_coefficients(context, header.key_id(), distribution, &coefficients)
            .map(Arc::new)
            .ok_or(invalid(
                "a secret with larger values at the roots of unity than noise bounds allow for; generate another",
            ))
    }
}

/// The checksum of every frame, without the tables that would be read at secret places.
pub(crate) fn constant_time_crc32(bytes: &[u8]) -> u32 {
    let step = |register: u32| register >> 1 ^ (0xedb8_8320 & (register & 1).wrapping_neg());
    let register = bytes.iter().fold(u32::MAX, |register, &byte| {
        (0..8).fold(register ^ u32::from(byte), |register, _| step(register))
    });
    !register
}

/// The bytes of the frame of a secret key of the parameters' distribution.
pub(super) fn secret_frame(context: &Context) -> u64 {
    Header::FRAME + secret_length(context, context.params().secret())
}

fn secret_length(context: &Context, distribution: SecretDistribution) -> u64 {
    let bits = width(distribution.largest());
    8 + packed_length(context.degree(), bits) as u64
}

/// The bits of a coefficient of this magnitude at most, which is written as its distance from the smallest.
fn width(largest: u32) -> u32 {
    u32::BITS - (2 * largest).leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_checksums_are_one() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in [0, 1, 2, 100, 256] {
            let bytes = &bytes[..length];
            assert_eq!(constant_time_crc32(bytes), crc32fast::hash(bytes));
        }
    }
}
