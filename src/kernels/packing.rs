//! Residues as bit strings: each takes the bits of its modulus, the lowest first, without gaps. Bytes on the wire hold residues
//! like that, and the bits of a seed are read like that.
//!
//! Eight residues of b bits fill b bytes, so a row of N residues, N a multiple of 8, has no padding. Two residues at a time
//! lie in a double word: at most 2 * 61 bits, shifted by at most 6.

use crate::kernels::low;

/// How many bytes beyond the packed ones [`pack`] writes and [`unpack`] reads.
pub const SLACK: usize = 16;

/// Where the four pairs of eight residues start: byte, and bit within it.
#[derive(Clone, Copy, Debug)]
struct Layout {
    bytes: [usize; 4],
    shifts: [u32; 4],
}

/// The bytes of `count` residues of `bits` bits, `count` a multiple of 8.
#[must_use]
pub const fn packed_length(count: usize, bits: u32) -> usize {
    count / 8 * bits as usize
}

/// Packs residues of at most `bits` bits, 1 to 61. `packed` has [`SLACK`] bytes more than they take.
///
/// # Panics
/// If it has not.
pub fn pack(residues: &[u64], bits: u32, packed: &mut [u8]) {
    let layout = Layout::new(bits);
    let length = bits as usize;
    let mut start = 0;
    for group in residues.as_chunks::<8>().0 {
        let window = &mut packed[start..start + length + SLACK];
        let mut carry = 0u128;
        for pair in 0..4 {
            let (low, high) = (group[2 * pair], group[2 * pair + 1]);
            let both = u128::from(low) | (u128::from(high) << bits);
            let filled = carry | (both << layout.shifts[pair]);
            let at = layout.bytes[pair];
            window[at..at + 16].copy_from_slice(&filled.to_le_bytes());
            // The bits of the last byte, which the next pair shares; after the last pair there are none.
            let whole = (layout.shifts[pair] + 2 * bits) & !7;
            carry = filled.checked_shr(whole).unwrap_or(0);
        }
        start += length;
    }
}

/// Unpacks residues of `bits` bits and tells whether all are below `bound`, without a branch on any. `packed` has [`SLACK`]
/// bytes more than they take.
///
/// # Panics
/// If it has not.
#[must_use]
pub fn unpack(packed: &[u8], bits: u32, bound: u64, residues: &mut [u64]) -> bool {
    let layout = Layout::new(bits);
    let length = bits as usize;
    let mask = (1u64 << bits) - 1;
    let mut start = 0;
    // The sign bit of bound - 1 - x: residues and bounds are below 2^62.
    let mut excess = 0u64;
    let largest = bound.wrapping_sub(1);
    for group in residues.as_chunks_mut::<8>().0 {
        let window = &packed[start..start + length + SLACK];
        for pair in 0..4 {
            let at = layout.bytes[pair];
            let Some(word) = window[at..].first_chunk::<16>() else {
                return false;
            };
            let both = u128::from_le_bytes(*word) >> layout.shifts[pair];
            let (low, high) = (low(both) & mask, low(both >> bits) & mask);
            excess |= largest.wrapping_sub(low) | largest.wrapping_sub(high);
            group[2 * pair] = low;
            group[2 * pair + 1] = high;
        }
        start += length;
    }
    excess >> 63 == 0
}

impl Layout {
    fn new(bits: u32) -> Self {
        debug_assert!((1..=61).contains(&bits), "a residue has 1 to 61 bits");
        let positions = [0, 1, 2, 3].map(|pair| 2 * bits * pair);
        Self {
            bytes: positions.map(|position| (position / 8) as usize),
            shifts: positions.map(|position| position % 8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bit by bit.
    fn reference(residues: &[u64], bits: u32) -> Vec<u8> {
        let mut packed = vec![0; packed_length(residues.len(), bits)];
        for (i, &residue) in residues.iter().enumerate() {
            for bit in 0..bits as usize {
                let position = i * bits as usize + bit;
                packed[position / 8] |= u8::from(residue >> bit & 1 == 1) << (position % 8);
            }
        }
        packed
    }

    proptest! {
        #[test]
        fn packing_is_the_plain_bit_string(bits in 1u32..=61, words in prop::collection::vec(any::<u64>(), 24)) {
            let residues: Vec<u64> = words.iter().map(|word| word & ((1 << bits) - 1)).collect();
            let length = packed_length(24, bits);
            let mut packed = vec![0xa5; length + SLACK];
            pack(&residues, bits, &mut packed);
            prop_assert_eq!(&packed[..length], &reference(&residues, bits)[..]);
            let mut back = vec![0; 24];
            let largest = *residues.iter().max().unwrap();
            prop_assert!(unpack(&packed, bits, largest + 1, &mut back));
            prop_assert_eq!(&back, &residues);
            prop_assert!(largest == 0 || !unpack(&packed, bits, largest, &mut back));
        }
    }
}
