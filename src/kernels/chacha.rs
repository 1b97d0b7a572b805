//! ChaCha20's stream under a public seed, eight blocks side by side, in loops that are compiled for each instruction set.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "the processor was asked for the features of what is called"
    )
)]

use super::numbers::{INSTRUCTIONS, Instructions, vectorized};
use std::array::from_fn;

/// The blocks that are made at a time.
const LANES: usize = 8;

/// The words of a block.
const WORDS: usize = 16;

/// The bytes that are made at a time.
const BATCH: usize = LANES * WORDS * size_of::<u32>();

/// One word of each block.
type Lanes = [u32; LANES];

/// The stream of ChaCha20 with a block counter and a stream number of 64 bits each, from its first block on: the bytes that
/// `rand_chacha::ChaCha20Rng` gives. The seed is public: nothing is wiped.
///
/// Source: D. J. Bernstein, "ChaCha, a variant of Salsa20" (2008).
pub(crate) struct SeedStream {
    key: [u32; 8],
    number: u64,
    next_block: u64,
    /// Bytes of which the first `used` were given.
    made: [u8; BATCH],
    used: usize,
}

impl SeedStream {
    /// The stream of this number.
    pub(crate) fn new(seed: &[u8; 32], number: u64) -> Self {
        let words = seed.as_chunks::<4>().0;
        Self {
            key: from_fn(|i| u32::from_le_bytes(words[i])),
            number,
            next_block: 0,
            made: [0; BATCH],
            used: BATCH,
        }
    }

    /// The next bytes.
    pub(crate) fn fill(&mut self, out: &mut [u8]) {
        let left = &self.made[self.used..];
        let (first, rest) = out.split_at_mut(left.len().min(out.len()));
        first.copy_from_slice(&left[..first.len()]);
        self.used += first.len();
        let (batches, rest) = rest.as_chunks_mut::<BATCH>();
        for batch in batches {
            blocks(batch, &self.key, [self.next_block, self.number]);
            self.next_block += LANES as u64;
        }
        if !rest.is_empty() {
            blocks(&mut self.made, &self.key, [self.next_block, self.number]);
            self.next_block += LANES as u64;
            rest.copy_from_slice(&self.made[..rest.len()]);
            self.used = rest.len();
        }
    }
}

#[inline(always)]
fn quarter_round(state: &mut [Lanes; WORDS], [a, b, c, d]: [usize; 4]) {
    for ([a, b, d], turn) in [
        ([a, b, d], 16),
        ([c, d, b], 12),
        ([a, b, d], 8),
        ([c, d, b], 7),
    ] {
        state[a] = from_fn(|i| state[a][i].wrapping_add(state[b][i]));
        state[d] = from_fn(|i| (state[d][i] ^ state[a][i]).rotate_left(turn));
    }
}

vectorized! {
    /// Eight consecutive blocks, the first of which has this counter, of the stream of this number.
    fn blocks(out: &mut [u8; BATCH], key: &[u32; 8], place: [u64; 2]) {
        let [counter, number] = place;
        const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of a word")]
        let halves = |word: u64| [word as u32, (word >> 32) as u32];
        let mut first = [[0; LANES]; WORDS];
        for (lanes, &word) in first.iter_mut().zip(CONSTANTS.iter().chain(key)) {
            *lanes = [word; LANES];
        }
        for lane in 0..LANES {
            let counter = halves(counter.wrapping_add(lane as u64));
            let words = counter.into_iter().chain(halves(number));
            first[12..].iter_mut().zip(words).for_each(|(lanes, word)| lanes[lane] = word);
        }
        let mut state = first;
        for _ in 0..10 {
            for i in 0..4 {
                quarter_round(&mut state, [i, 4 + i, 8 + i, 12 + i]);
            }
            for i in 0..4 {
                let diagonal = [i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4];
                quarter_round(&mut state, diagonal);
            }
        }
        for (lanes, first) in state.iter_mut().zip(first) {
            *lanes = from_fn(|i| lanes[i].wrapping_add(first[i]));
        }
        for (lane, block) in out.as_chunks_mut::<{ 4 * WORDS }>().0.iter_mut().enumerate() {
            for (bytes, lanes) in block.as_chunks_mut::<4>().0.iter_mut().zip(&state) {
                *bytes = lanes[lane].to_le_bytes();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha20Rng;

    #[test]
    fn streams_are_those_of_chacha20() {
        for (seed, number) in [([0; 32], 0), ([7; 32], 5), ([0xf1; 32], u64::MAX - 2)] {
            let mut stream = SeedStream::new(&seed, number);
            let mut reference = ChaCha20Rng::from_seed(seed);
            reference.set_stream(number);
            for length in [4, 8, 508, 512, 0, 516, 1024, 5120, 12, 6400, 60, 2048] {
                let [mut bytes, mut expected] = [vec![1; length], vec![2; length]];
                stream.fill(&mut bytes);
                reference.fill_bytes(&mut expected);
                assert_eq!(bytes, expected);
            }
        }
    }

    #[test]
    fn blocks_carry_into_the_upper_half_of_the_counter() {
        let (key, number) = ([1, 2, 3, 4, 5, 6, 7, 8], 3);
        let start = u64::from(u32::MAX) - 2;
        let [mut whole, mut later] = [[0; BATCH]; 2];
        blocks(&mut whole, &key, [start, number]);
        for block in 0..LANES {
            blocks(&mut later, &key, [start + block as u64, number]);
            assert_eq!(later[..64], whole[64 * block..][..64]);
        }
    }
}
