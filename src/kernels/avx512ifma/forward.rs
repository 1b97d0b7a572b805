//! The forward transform: passes of two layers over ever shorter chunks, then the last layers in registers.
//!
//! A chunk is numbered by its node, the index of its twiddle: the halves of the chunk of node i are those of nodes 2i and
//! 2i + 1. All chunks of one length have equal bounds.

use super::super::{NttTable, ntt_table::Twiddles};
use super::arithmetic::{Arithmetic, Factor};
use super::vector::{LANES, Words, lanes, load, repeat_2, repeat_4, store};
use std::arch::x86_64::*;

/// Chunks of at most this many words stay in the first-level cache through all their layers.
pub(super) const CACHED: usize = 1 << 12;

/// The vectors that stay in registers through the last layers: as many chains of products as hide their latency.
pub(super) const HELD: usize = 16;

/// The last layers, which are taken in registers, so that the layers before them are even in number.
pub(super) const fn tail_layers(degree: usize) -> u32 {
    if degree.trailing_zeros() % 2 == 1 {
        5
    } else {
        4
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn transform<const WORD: u32>(table: &NttTable, row: &mut [u64]) {
    debug_assert!(row.iter().all(|&x| x < table.modulus().value()));
    let forward = Forward {
        arithmetic: Arithmetic::<WORD>::new(table.modulus()),
        twiddles: table.forward_twiddles(),
        tail: tail_layers(table.degree()),
    };
    forward.chunk(1, row, 1);
}

struct Forward<'a, const WORD: u32> {
    arithmetic: Arithmetic<WORD>,
    twiddles: Twiddles<'a>,
    tail: u32,
}

/// Where the additive operands of a step are reduced, so that its results stay within the limit.
#[derive(Clone, Copy)]
enum Reduce {
    Never,
    FirstLayer,
    EveryLayer,
}

impl<const WORD: u32> Forward<'_, WORD> {
    const REDUCED: u64 = Arithmetic::<WORD>::REDUCED_BOUND;

    /// All layers of one chunk, whose values are below `bound * q`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn chunk(&self, node: usize, chunk: &mut [u64], bound: u64) {
        if chunk.len() <= CACHED {
            return self.cached_chunk(node, chunk, bound);
        }
        let (reduce, next) = self.plan(2, bound);
        self.pass(reduce, node, chunk, chunk.len());
        for (i, quarter) in chunk.chunks_exact_mut(chunk.len() / 4).enumerate() {
            self.chunk(4 * node + i, quarter, next);
        }
    }

    /// The same, layer by layer.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn cached_chunk(&self, mut node: usize, chunk: &mut [u64], mut bound: u64) {
        let mut length = chunk.len();
        while length > 1 << self.tail {
            let (reduce, next) = self.plan(2, bound);
            self.pass(reduce, node, chunk, length);
            bound = next;
            node *= 4;
            length /= 4;
        }
        let limit = self.arithmetic.limit();
        if bound + Self::growth(self.tail - 1) <= limit {
            self.last_layers::<NEVER>(node, chunk);
        } else if Self::REDUCED + Self::growth(4) <= limit {
            self.last_layers::<ONCE>(node, chunk);
        } else if Self::REDUCED + Self::growth(2) <= limit {
            self.last_layers::<2>(node, chunk);
        } else {
            self.last_layers::<1>(node, chunk);
        }
    }

    /// What to reduce in `layers` layers on values below `bound * q`, and the bound after them.
    fn plan(&self, layers: u32, bound: u64) -> (Reduce, u64) {
        let limit = self.arithmetic.limit();
        debug_assert!(bound <= limit);
        let (reduce, next) = if bound + Self::growth(layers) <= limit {
            (Reduce::Never, bound + Self::growth(layers))
        } else if Self::REDUCED + Self::growth(layers) <= limit {
            (Reduce::FirstLayer, Self::REDUCED + Self::growth(layers))
        } else {
            (Reduce::EveryLayer, Self::REDUCED + Self::growth(1))
        };
        debug_assert!(next <= limit);
        (reduce, next)
    }

    /// What `layers` layers without a reduction add to a bound.
    const fn growth(layers: u32) -> u64 {
        layers as u64 * Arithmetic::<WORD>::PRODUCT_BOUND
    }

    /// Two layers of all chunks of `length` words of a row, the first of which has the node `node`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn pass(&self, reduce: Reduce, node: usize, row: &mut [u64], length: usize) {
        match reduce {
            Reduce::Never => self.pass_reducing::<false, false>(node, row, length),
            Reduce::FirstLayer => self.pass_reducing::<true, false>(node, row, length),
            Reduce::EveryLayer => self.pass_reducing::<true, true>(node, row, length),
        }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn pass_reducing<const FIRST: bool, const SECOND: bool>(
        &self,
        first_node: usize,
        row: &mut [u64],
        length: usize,
    ) {
        let a = self.arithmetic;
        for (i, chunk) in row.chunks_exact_mut(length).enumerate() {
            let node = first_node + i;
            let outer = a.twiddle(self.twiddles, node);
            let left = a.twiddle(self.twiddles, 2 * node);
            let right = a.twiddle(self.twiddles, 2 * node + 1);
            for (x0, x1, x2, x3) in quarters(chunk) {
                let (v0, v2) = a.butterfly::<FIRST>((load(x0), load(x2)), outer);
                let (v1, v3) = a.butterfly::<FIRST>((load(x1), load(x3)), outer);
                let (v0, v1) = a.butterfly::<SECOND>((v0, v1), left);
                let (v2, v3) = a.butterfly::<SECOND>((v2, v3), right);
                store(x0, v0);
                store(x1, v1);
                store(x2, v2);
                store(x3, v3);
            }
        }
    }

    /// The last 4 or 5 layers, and canonical residues at last. The additive operands are reduced in the first of these layers,
    /// in every PERIOD-th one after it, and in the last. The first chunk of `2^tail` words has the node `node`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn last_layers<const PERIOD: u32>(&self, node: usize, row: &mut [u64]) {
        if self.tail == 5 {
            self.last_layers_from::<0, PERIOD>(2 * node, row);
        } else {
            self.last_layers_from::<1, PERIOD>(node, row);
        }
    }

    /// The layers of chunks of 32 words (left out if FIRST is 1), 16, 8, 4 and 2 words. The first chunk of 16 words has the node
    /// `node`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn last_layers_from<const FIRST: u32, const PERIOD: u32>(&self, node: usize, row: &mut [u64]) {
        let a = self.arithmetic;
        let tail = Tail::new(a);
        let twiddles = TailTwiddles::from(self.twiddles, 2 * node, row.len());
        let blocks = row.as_chunks_mut::<LANES>().0.as_chunks_mut::<HELD>().0;
        for (i, (block, twiddles)) in blocks.iter_mut().zip(twiddles).enumerate() {
            let node = node + HELD / 2 * i;
            let mut v = load_all(block);
            if FIRST == 0 {
                for (i, quarter) in v.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                    let factor = a.twiddle(self.twiddles, node / 2 + i);
                    let [x0, x1, x2, x3] = *quarter;
                    let (x0, x2) = reducing::<PERIOD, 0, WORD>(a, (x0, x2), factor);
                    let (x1, x3) = reducing::<PERIOD, 0, WORD>(a, (x1, x3), factor);
                    *quarter = [x0, x1, x2, x3];
                }
            }
            for i in 0..HELD / 2 {
                let factor = a.twiddle(self.twiddles, node + i);
                let pair = (v[2 * i], v[2 * i + 1]);
                (v[2 * i], v[2 * i + 1]) = if FIRST == 0 {
                    reducing::<PERIOD, 1, WORD>(a, pair, factor)
                } else {
                    reducing::<PERIOD, 0, WORD>(a, pair, factor)
                };
            }
            tail.layers::<PERIOD, FIRST>(&mut v, &twiddles);
            store_all(block, v);
        }
    }
}

/// The period of a reduction that is never made.
const NEVER: u32 = 0;

/// The period of a reduction in the first of the last layers only.
const ONCE: u32 = 5;

/// The butterfly of layer LAYER of those that are reduced with a period.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn reducing<const PERIOD: u32, const LAYER: u32, const WORD: u32>(
    a: Arithmetic<WORD>,
    pair: (__m512i, __m512i),
    factor: Factor,
) -> (__m512i, __m512i) {
    if PERIOD != NEVER && LAYER.is_multiple_of(PERIOD) {
        a.butterfly::<true>(pair, factor)
    } else {
        a.butterfly::<false>(pair, factor)
    }
}

/// The vectors at equal places of the four quarters of a chunk.
#[inline]
pub(super) fn quarters(
    chunk: &mut [u64],
) -> impl Iterator<Item = (&mut Words, &mut Words, &mut Words, &mut Words)> {
    let (low, high) = chunk.split_at_mut(chunk.len() / 2);
    let (x0, x1) = low.split_at_mut(low.len() / 2);
    let (x2, x3) = high.split_at_mut(high.len() / 2);
    let vectors = |x| <[u64]>::as_chunks_mut::<LANES>(x).0;
    let low = vectors(x0).iter_mut().zip(vectors(x1));
    let high = vectors(x2).iter_mut().zip(vectors(x3));
    low.zip(high).map(|((x0, x1), (x2, x3))| (x0, x1, x2, x3))
}

/// The twiddles of 16 chunks of 8 words, their 32 halves and their 64 quarters, factors and quotients.
pub(super) struct TailTwiddles<'a> {
    pub(super) eights: (&'a [u64; 16], &'a [u64; 16]),
    pub(super) fours: (&'a [u64; 32], &'a [u64; 32]),
    pub(super) twos: (&'a [u64; 64], &'a [u64; 64]),
}

impl<'a> TailTwiddles<'a> {
    /// Those of a row of `length` words whose first chunk of 8 has the node `node`.
    #[inline]
    pub(super) fn from(
        twiddles: Twiddles<'a>,
        node: usize,
        length: usize,
    ) -> impl Iterator<Item = Self> {
        let eights = chunks_of::<16>(twiddles, node, length / 8);
        let fours = chunks_of::<32>(twiddles, 2 * node, length / 4);
        let twos = chunks_of::<64>(twiddles, 4 * node, length / 2);
        let all = eights.zip(fours).zip(twos);
        all.map(|((eights, fours), twos)| Self {
            eights,
            fours,
            twos,
        })
    }

    /// The words of each array for pair `pair` of the vectors.
    #[inline]
    pub(super) fn of_pair(&self, pair: usize) -> PairTwiddles<'a> {
        PairTwiddles {
            eights: (part(self.eights.0, pair), part(self.eights.1, pair)),
            fours: (part(self.fours.0, pair), part(self.fours.1, pair)),
            twos: (part(self.twos.0, pair), part(self.twos.1, pair)),
        }
    }
}

/// The twiddles of two chunks of 8 words, their 4 halves and their 8 quarters.
pub(super) struct PairTwiddles<'a> {
    pub(super) eights: (&'a [u64; 2], &'a [u64; 2]),
    pub(super) fours: (&'a [u64; 4], &'a [u64; 4]),
    pub(super) twos: (&'a Words, &'a Words),
}

#[inline]
fn part<const SIZE: usize>(words: &[u64], index: usize) -> &[u64; SIZE] {
    &words.as_chunks::<SIZE>().0[index]
}

#[inline]
fn chunks_of<const SIZE: usize>(
    twiddles: Twiddles<'_>,
    start: usize,
    count: usize,
) -> impl Iterator<Item = (&[u64; SIZE], &[u64; SIZE])> {
    let chunks = |words| <[u64]>::as_chunks::<SIZE>(words).0.iter();
    chunks(&twiddles.factors[start..start + count])
        .zip(chunks(&twiddles.quotients[start..start + count]))
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_all(block: &[Words; HELD]) -> [__m512i; HELD] {
    let mut vectors = [_mm512_setzero_si512(); HELD];
    for (vector, words) in vectors.iter_mut().zip(block) {
        *vector = load(words);
    }
    vectors
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store_all(block: &mut [Words; HELD], vectors: [__m512i; HELD]) {
    for (words, vector) in block.iter_mut().zip(vectors) {
        store(words, vector);
    }
}

/// The last three layers, of eight pairs of vectors in step. Before each of them, and after the last, the words of the two
/// vectors of a pair are taken in turn: so each butterfly's operands face each other, and the twiddles of a layer repeat in the
/// order of the table.
struct Tail<const WORD: u32> {
    arithmetic: Arithmetic<WORD>,
    /// The words of two vectors in turn: their first and their second halves.
    low: __m512i,
    high: __m512i,
}

impl<const WORD: u32> Tail<WORD> {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(arithmetic: Arithmetic<WORD>) -> Self {
        Self {
            arithmetic,
            low: lanes([0, 8, 1, 9, 2, 10, 3, 11]),
            high: lanes([4, 12, 5, 13, 6, 14, 7, 15]),
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn interleaved(&self, x: __m512i, y: __m512i) -> (__m512i, __m512i) {
        (
            _mm512_permutex2var_epi64(x, self.low, y),
            _mm512_permutex2var_epi64(x, self.high, y),
        )
    }

    /// FIRST counts the layers that were left out before; see [`Forward::last_layers_from`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn layers<const PERIOD: u32, const FIRST: u32>(
        &self,
        v: &mut [__m512i; HELD],
        twiddles: &TailTwiddles,
    ) {
        let a = self.arithmetic;
        for i in 0..HELD / 2 {
            let (value, quotient) = twiddles.of_pair(i).eights;
            let eights = Factor {
                value: repeat_2(value),
                quotient: repeat_2(quotient),
            };
            let pair = self.interleaved(v[2 * i], v[2 * i + 1]);
            (v[2 * i], v[2 * i + 1]) = if FIRST == 0 {
                reducing::<PERIOD, 2, WORD>(a, pair, eights)
            } else {
                reducing::<PERIOD, 1, WORD>(a, pair, eights)
            };
        }
        for i in 0..HELD / 2 {
            let (value, quotient) = twiddles.of_pair(i).fours;
            let fours = Factor {
                value: repeat_4(value),
                quotient: repeat_4(quotient),
            };
            let pair = self.interleaved(v[2 * i], v[2 * i + 1]);
            (v[2 * i], v[2 * i + 1]) = if FIRST == 0 {
                reducing::<PERIOD, 3, WORD>(a, pair, fours)
            } else {
                reducing::<PERIOD, 2, WORD>(a, pair, fours)
            };
        }
        for i in 0..HELD / 2 {
            let (value, quotient) = twiddles.of_pair(i).twos;
            let twos = Factor {
                value: load(value),
                quotient: load(quotient),
            };
            let pair = self.interleaved(v[2 * i], v[2 * i + 1]);
            // Reduced once here, the sums need no product to become canonical.
            (v[2 * i], v[2 * i + 1]) = a.butterfly::<true>(pair, twos);
        }
        for i in 0..HELD / 2 {
            let (x, y) = (a.canonical_sum(v[2 * i]), a.canonical_sum(v[2 * i + 1]));
            (v[2 * i], v[2 * i + 1]) = self.interleaved(x, y);
        }
    }
}
