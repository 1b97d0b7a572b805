use super::BLOCK;
use std::ops::Range;

/// A permutation of a row that moves whole blocks, in each of which the words are permuted in one of at most eight ways.
///
/// The automorphisms of the ring are such permutations of the values of the negacyclic NTT in bit-reversed order: the eight
/// places of a block differ only in the three top bits of their exponents, which an odd factor permutes among themselves.
#[derive(Clone, Debug)]
pub(crate) struct BlockPermutation {
    /// For each block, the block it comes from times 8, plus the number of its pattern.
    pub(super) sources: Vec<u32>,
    /// For each pattern, the place within the block that each word comes from.
    pub(super) patterns: [[u8; BLOCK]; BLOCK],
}

impl BlockPermutation {
    /// The permutation that takes word k from `sources[k]`.
    ///
    /// # Panics
    /// If it does not move whole blocks, or has more than eight patterns, or more than 2^29 blocks.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a place within a block is below 8"
    )]
    pub(crate) fn new(sources: &[usize]) -> Self {
        let mut patterns: Vec<[u8; BLOCK]> = Vec::with_capacity(BLOCK);
        let (blocks, rest) = sources.as_chunks::<BLOCK>();
        assert!(rest.is_empty(), "whole blocks");
        let sources = blocks
            .iter()
            .map(|block| {
                let from = block[0] / BLOCK;
                assert!(
                    block.iter().all(|source| source / BLOCK == from),
                    "one source for each block"
                );
                let pattern = block.map(|source| (source % BLOCK) as u8);
                let number = patterns
                    .iter()
                    .position(|known| *known == pattern)
                    .unwrap_or_else(|| {
                        patterns.push(pattern);
                        patterns.len() - 1
                    });
                u32::try_from(from * BLOCK + number).expect("at most 2^29 blocks")
            })
            .collect();
        assert!(patterns.len() <= BLOCK, "at most eight patterns");
        patterns.resize(BLOCK, [0; BLOCK]);
        let mut all = [[0; BLOCK]; BLOCK];
        all.copy_from_slice(&patterns);
        Self {
            sources,
            patterns: all,
        }
    }

    /// The part of an automorphism's permutation that fills `places`, an aligned power of two of whole blocks: where the words come from
    /// begins, an aligned part as long, and the permutation within. The top bits of a place are the low bits of its exponent, which an
    /// odd factor permutes by themselves.
    pub(crate) fn part(&self, places: Range<usize>) -> (usize, Self) {
        let length = places.len();
        let sources = &self.sources[places.start / BLOCK..places.end / BLOCK];
        let start = sources
            .first()
            .map_or(0, |&source| source as usize / length * length);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "below a source, which is of 32 bits"
        )]
        let sources = sources.iter().map(|source| source - start as u32).collect();
        let patterns = self.patterns;
        (start, Self { sources, patterns })
    }

    /// The number of words.
    pub(crate) fn len(&self) -> usize {
        self.sources.len() * BLOCK
    }

    /// For each block, the block it comes from and its pattern.
    #[inline]
    pub(super) fn moves(&self) -> impl Iterator<Item = (usize, usize)> {
        let parts = |&source: &u32| (source as usize / BLOCK, source as usize % BLOCK);
        self.sources.iter().map(parts)
    }
}
