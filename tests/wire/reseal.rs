//! Checksums made right again after bytes were changed, so that a parser looks beyond them.

use std::ops::Range;

/// The bytes of a header.
pub const HEADER: usize = 68;

/// The bytes of a container's own fields, before its first frame; `None` for a kind that contains no frames.
fn own_fields(frame: &[u8]) -> Option<usize> {
    match frame[6] {
        7 => {
            // Counts, and four bytes for each key.
            let counts = frame.get(HEADER..HEADER + 12)?;
            let keys = counts.chunks_exact(4).fold(0usize, |sum, count| {
                let count = u32::from_le_bytes(std::array::from_fn(|i| count[i]));
                sum.saturating_add(usize::try_from(count).unwrap_or(usize::MAX))
            });
            Some(keys.saturating_mul(4).saturating_add(12))
        }
        12 | 13 => Some(9),
        19 | 20 => {
            // Party, attempt, kind of round, parties.
            let count = u32::from_le_bytes(*frame.get(HEADER + 9..)?.first_chunk()?);
            let parties = usize::try_from(count).unwrap_or(usize::MAX);
            Some(parties.saturating_mul(4).saturating_add(13))
        }
        33 => Some(0),
        60 | 61 => Some(9 + 8 * usize::from(*frame.get(HEADER + 8)?)),
        _ => None,
    }
}

/// `bytes` with magic, version, length and checksums made right, within frames, too; and the fingerprint, if one is given.
pub fn reseal(bytes: &[u8], fingerprint: Option<&[u8; 32]>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    reseal_frame(&mut bytes, fingerprint);
    bytes
}

/// Makes the checksums of a header, and of the given part of the frame, right.
pub fn reseal_body(frame: &mut [u8], part: Range<usize>) {
    let header = crc32fast::hash(&frame[..64]);
    frame[64..68].copy_from_slice(&header.to_le_bytes());
    let end = frame.len();
    let checksum = crc32fast::hash(&frame[part]);
    frame[end - 4..].copy_from_slice(&checksum.to_le_bytes());
}

fn reseal_frame(frame: &mut [u8], fingerprint: Option<&[u8; 32]>) {
    let Some(end) = frame.len().checked_sub(4).filter(|&end| end >= HEADER) else {
        return;
    };
    frame[..6].copy_from_slice(b"SLWS\x02\x00");
    frame[8..16].copy_from_slice(&((end - HEADER) as u64).to_le_bytes());
    if let Some(fingerprint) = fingerprint {
        frame[16..48].copy_from_slice(fingerprint);
    }
    let own = own_fields(frame).map_or(end, |fields| end.min(HEADER.saturating_add(fields)));
    reseal_body(frame, HEADER..own);
    let mut at = own;
    while end - at > HEADER + 4 {
        let length = u64::from_le_bytes(std::array::from_fn(|i| frame[at + 8 + i]));
        let whole = usize::try_from(length)
            .ok()
            .and_then(|length| length.checked_add(HEADER + 4));
        let next = whole.map_or(end, |whole| end.min(at.saturating_add(whole)));
        reseal_frame(&mut frame[at..next], fingerprint);
        at = next;
    }
}
