//! Secret keys: two bits for each coefficient.

use crate::error::{Error, Result, WireError};
use crate::keys::SecretKey;
use crate::params::Context;
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
            length: secret_length(context),
            fingerprint: *context.fingerprint().bytes(),
            key_id: *self.id().bytes(),
        };
        let mut row = Zeroizing::new(self.poly().row(0).to_vec());
        context.key_basis().table(0).inverse(&mut row);
        // As large as it gets at once: a buffer that grew would leave copies.
        let mut bytes = Zeroizing::new(Vec::with_capacity(Header::BYTES + row.len() / 4 + 4));
        bytes.extend_from_slice(&header.to_bytes());
        bytes.extend(row.as_chunks::<4>().0.iter().map(pack));
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
        let (found, expected) = (header.length, secret_length(context));
        if found != expected {
            return Err(Error::Wire(WireError::Length { found, expected }));
        }
        let (body, checksum) = bytes[Header::BYTES..]
            .split_last_chunk::<4>()
            .ok_or(Error::Wire(WireError::Truncated))?;
        if constant_time_crc32(body) != u32::from_le_bytes(*checksum) {
            return Err(Error::Wire(WireError::Checksum));
        }
        let mut coefficients = Zeroizing::new(Vec::with_capacity(4 * body.len()));
        let mut wrong = 0;
        for &byte in body {
            for code in [0, 2, 4, 6].map(|shift| byte >> shift & 3) {
                wrong |= code & code >> 1;
                coefficients.push(i64::from(code & 1) - i64::from(code >> 1));
            }
        }
        if wrong != 0 {
            return Err(invalid("a secret coefficient that is not -1, 0 or 1"));
        }
        Self::from_coefficients(context, header.key(), &coefficients)
            .map(Arc::new)
            .ok_or(invalid(
                "a secret with larger values at the roots of unity than noise bounds allow for; generate another",
            ))
    }
}

/// Two bits for each residue: 0 for 0, 1 for 1, 2 for -1.
fn pack(residues: &[u64; 4]) -> u8 {
    residues.iter().rev().fold(0, |byte, &residue| {
        // Of 0, 1 and q - 1 only 1 is odd, and only q - 1 is above 1.
        let negative = 1u64.wrapping_sub(residue) >> 63;
        byte << 2 | to_byte(residue & 1 | negative << 1)
    })
}

/// The checksum of every frame, without the tables that would be read at secret places.
fn constant_time_crc32(bytes: &[u8]) -> u32 {
    let step = |register: u32| register >> 1 ^ (0xedb8_8320 & (register & 1).wrapping_neg());
    let register = bytes.iter().fold(u32::MAX, |register, &byte| {
        (0..8).fold(register ^ u32::from(byte), |register, _| step(register))
    });
    !register
}

/// The bytes of a secret key's frame.
pub(super) fn secret_frame(context: &Context) -> u64 {
    Header::FRAME + secret_length(context)
}

fn secret_length(context: &Context) -> u64 {
    context.degree() as u64 / 4
}

#[expect(clippy::cast_possible_truncation, reason = "two bits")]
fn to_byte(code: u64) -> u8 {
    code as u8
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
