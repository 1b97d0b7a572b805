//! The forward transform: passes of two layers over ever shorter chunks, then the last layers in registers.
//!
//! A chunk is numbered by its node, the index of its twiddle: the halves of the chunk of node i are those of nodes 2i and
//! 2i + 1. All chunks of one length have equal bounds.

use super::super::chunks::quarters;
use super::super::vectors::functions;
use super::super::{NttTable, ntt_table::Twiddles, portable};
use super::MIN_DEGREE;
use super::arithmetic::{Arithmetic, Factor, HALVING, KEEP, REDUCTION};
use super::vector::{
    LANES, Words, broadcast, lanes, load, load_4, repeat_2, repeat_4, store, store_4,
};
use std::arch::x86_64::*;

/// Chunks of at most this many words stay in the first-level cache through all their layers.
pub(super) const CACHED: usize = 1 << 12;

/// The vectors that stay in registers through the last layers: as many chains of products as hide their latency.
pub(super) const HELD: usize = 16;

/// The last layers, which are taken in registers, so that the layers before them are even in number.
pub(super) const fn tail_layers(degree: usize) -> u32 {
    if degree.trailing_zeros() % 2 == 1 {
        7
    } else {
        6
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn forward_ntt<const WORD: u32>(table: &NttTable, row: &mut [u64]) {
    if table.degree() < MIN_DEGREE {
        return portable::forward_ntt(table, row);
    }
    debug_assert!(row.iter().all(|&x| x < table.modulus().value()));
    let forward = Forward {
        arithmetic: Arithmetic::<WORD>::new(table.modulus()),
        twiddles: table.twiddles(),
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
    /// Nowhere, and there is room for offsets; see [`Forward::offset_growth`].
    Offset,
    Never,
    FirstLayer,
    EveryLayer,
}

impl<const WORD: u32> Forward<'_, WORD> {
    /// To what the additive operands of the first of two or more layers are lowered.
    const fn lowered_bound(&self) -> u64 {
        if WORD == 52 {
            Arithmetic::<WORD>::REDUCED_BOUND
        } else {
            self.arithmetic.halved_bound()
        }
    }

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
        // Words of 52 bits are lowered in the last layer.
        let kept = if WORD == 52 { self.tail - 1 } else { self.tail };
        if WORD == 52 && bound + Self::offset_growth(self.tail) <= limit {
            self.last_layers::<OFFSET>(node, chunk);
        } else if bound + Self::growth(kept) <= limit {
            self.last_layers::<NEVER>(node, chunk);
        } else if self.lowered_bound() + Self::growth(kept) <= limit {
            self.last_layers::<ONCE>(node, chunk);
        } else if self.lowered_bound() + Self::growth(2) <= limit {
            self.last_layers::<2>(node, chunk);
        } else {
            self.last_layers::<1>(node, chunk);
        }
    }

    /// What to reduce in `layers` layers on values below `bound * q`, and the bound after them.
    fn plan(&self, layers: u32, bound: u64) -> (Reduce, u64) {
        let limit = self.arithmetic.limit();
        debug_assert!(bound <= limit);
        let (reduce, next) = if WORD == 52 && bound + Self::offset_growth(layers) <= limit {
            (Reduce::Offset, bound + Self::offset_growth(layers))
        } else if bound + Self::growth(layers) <= limit {
            (Reduce::Never, bound + Self::growth(layers))
        } else if self.lowered_bound() + Self::growth(layers) <= limit {
            let next = self.lowered_bound() + Self::growth(layers);
            (Reduce::FirstLayer, next)
        } else {
            let next = self.arithmetic.halved_bound() + Self::growth(1);
            (Reduce::EveryLayer, next)
        };
        debug_assert!(next <= limit);
        (reduce, next)
    }

    /// What `layers` layers without a reduction add to a bound.
    const fn growth(layers: u32) -> u64 {
        layers as u64 * Arithmetic::<WORD>::PRODUCT_BOUND
    }

    /// What `layers` layers of offset butterflies add to a bound, with their offsets. The additive operand of such a butterfly must
    /// be at least a product's bound, and its results inherit its offset, the sum one product's bound less: so a value needs as
    /// many of them in advance as there are layers before the first in which it is multiplied.
    const fn offset_growth(layers: u32) -> u64 {
        2 * Self::growth(layers)
    }

    /// Two layers of all chunks of `length` words of a row, the first of which has the node `node`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn pass(&self, reduce: Reduce, node: usize, row: &mut [u64], length: usize) {
        match reduce {
            Reduce::Offset => self.pass_lowering::<true, KEEP, KEEP>(node, row, length),
            Reduce::Never => self.pass_lowering::<false, KEEP, KEEP>(node, row, length),
            Reduce::FirstLayer if WORD == 52 => {
                self.pass_lowering::<false, REDUCTION, KEEP>(node, row, length);
            }
            Reduce::FirstLayer => self.pass_lowering::<false, HALVING, KEEP>(node, row, length),
            Reduce::EveryLayer => self.pass_lowering::<false, HALVING, HALVING>(node, row, length),
        }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn pass_lowering<const OFFSET: bool, const FIRST: u32, const SECOND: u32>(
        &self,
        first_node: usize,
        row: &mut [u64],
        length: usize,
    ) {
        let a = self.arithmetic;
        let [once, twice] = [1, 2].map(Self::growth);
        let (once, twice) = (a.multiple(once), a.multiple(twice));
        for (i, chunk) in row.chunks_exact_mut(length).enumerate() {
            let node = first_node + i;
            let nodes = [node, 2 * node, 2 * node + 1];
            let [outer, left, right] = a.twiddles(self.twiddles, nodes);
            for words in quarters(chunk) {
                let [v0, v1, v2, v3] = load_4(&words);
                let v = if OFFSET {
                    let (v0, v1) = (_mm512_add_epi64(v0, twice), _mm512_add_epi64(v1, once));
                    let (v0, v2) = a.offset_butterfly((v0, v2), outer);
                    let (v1, v3) = a.offset_butterfly((v1, v3), outer);
                    let (v0, v1) = a.offset_butterfly((v0, v1), left);
                    let (v2, v3) = a.offset_butterfly((v2, v3), right);
                    [v0, v1, v2, v3]
                } else {
                    let (v0, v2) = a.butterfly::<FIRST>((v0, v2), outer);
                    let (v1, v3) = a.butterfly::<FIRST>((v1, v3), outer);
                    let (v0, v1) = a.butterfly::<SECOND>((v0, v1), left);
                    let (v2, v3) = a.butterfly::<SECOND>((v2, v3), right);
                    [v0, v1, v2, v3]
                };
                store_4(words, v);
            }
        }
    }

    /// The last 6 or 7 layers; the results are canonical residues. The additive operands are lowered in the first of these layers and in
    /// every PERIOD-th one after it, and in words of 52 bits in the last one. The first chunk of `2^tail` words has the node `node`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn last_layers<const PERIOD: u32>(&self, node: usize, row: &mut [u64]) {
        match (self.tail, WORD == 52 && self.twiddles.derived()) {
            (7, true) => self.last_layers_from::<0, PERIOD, true>(node, row),
            (7, false) => self.last_layers_from::<0, PERIOD, false>(node, row),
            (_, true) => self.last_layers_from::<1, PERIOD, true>(node / 2, row),
            (_, false) => self.last_layers_from::<1, PERIOD, false>(node / 2, row),
        }
    }

    /// The layers of chunks of 128 words (left out if FIRST is 1), 64, 32, 16, 8, 4 and 2 words. The first chunk of 128 words has
    /// the node `node`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn last_layers_from<const FIRST: u32, const PERIOD: u32, const DERIVED: bool>(
        &self,
        node: usize,
        row: &mut [u64],
    ) {
        let tail = Tail::new(self.arithmetic);
        let twiddles = TailTwiddles::<DERIVED>::from(self.twiddles, node, row.len());
        let blocks = row.as_chunks_mut::<LANES>().0.as_chunks_mut::<HELD>().0;
        for (block, twiddles) in blocks.iter_mut().zip(twiddles) {
            let mut v = load_all(block);
            if PERIOD == OFFSET {
                self.add_offsets::<FIRST>(&mut v);
            }
            if FIRST == 0 {
                self.layer::<1, 0, FIRST, PERIOD>(&mut v, twiddles.block);
            }
            self.layer::<2, 1, FIRST, PERIOD>(&mut v, twiddles.halves);
            self.layer::<4, 2, FIRST, PERIOD>(&mut v, twiddles.quarters);
            self.layer::<8, 3, FIRST, PERIOD>(&mut v, twiddles.sixteens);
            tail.layers::<PERIOD, FIRST, DERIVED>(&mut v, &twiddles);
            store_all(block, v);
        }
    }

    /// What each word needs before the layers from FIRST on, or more.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn add_offsets<const FIRST: u32>(&self, v: &mut [__m512i; HELD]) {
        let a = self.arithmetic;
        let [all, one, two, three] = [7 - FIRST, 1, 2, 3].map(Self::growth);
        let add = |x: &mut __m512i, offset| *x = _mm512_add_epi64(*x, offset);
        let (all, one) = (a.multiple(all), a.multiple(one));
        // A word is multiplied for the first time in the layer of its place's highest bit.
        if FIRST == 0 {
            let (two, three) = (a.multiple(two), a.multiple(three));
            add(&mut v[0], all);
            add(&mut v[1], three);
            v[2..4].iter_mut().for_each(|x| add(x, two));
            v[4..8].iter_mut().for_each(|x| add(x, one));
        } else {
            let two = a.multiple(two);
            for chunk in v.as_chunks_mut::<8>().0 {
                add(&mut chunk[0], all);
                add(&mut chunk[1], two);
                chunk[2..4].iter_mut().for_each(|x| add(x, one));
            }
        }
    }

    /// Layer LAYER, of PARTS parts of the block, whose halves' vectors are joined.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn layer<const PARTS: usize, const LAYER: u32, const FIRST: u32, const PERIOD: u32>(
        &self,
        v: &mut [__m512i; HELD],
        twiddles: TwiddlesOf<'_, PARTS>,
    ) {
        let half = const { HELD / PARTS / 2 };
        for part in 0..PARTS {
            let factor = whole(twiddles, part);
            for i in 2 * half * part..2 * half * part + half {
                let pair = (v[i], v[i + half]);
                (v[i], v[i + half]) =
                    reducing::<PERIOD, LAYER, FIRST, WORD>(self.arithmetic, pair, factor);
            }
        }
    }
}

/// The period of a reduction that is never made.
const NEVER: u32 = 0;

/// The period of a reduction in the first of the last layers only.
const ONCE: u32 = 7;

/// No reduction before the end, and offset butterflies.
const OFFSET: u32 = u32::MAX;

/// The butterfly of layer LAYER of those that are reduced with a period, from layer FIRST on.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn reducing<const PERIOD: u32, const LAYER: u32, const FIRST: u32, const WORD: u32>(
    a: Arithmetic<WORD>,
    pair: (__m512i, __m512i),
    factor: Factor,
) -> (__m512i, __m512i) {
    if PERIOD == OFFSET {
        a.offset_butterfly(pair, factor)
    } else if PERIOD == NEVER || !(LAYER - FIRST).is_multiple_of(PERIOD) {
        a.butterfly::<KEEP>(pair, factor)
    } else if PERIOD == 1 || WORD == 64 {
        a.butterfly::<HALVING>(pair, factor)
    } else {
        a.butterfly::<REDUCTION>(pair, factor)
    }
}

/// The twiddles of a block of 128 words, factors and quotients: of the block, its 2 halves, its 4 quarters and so on. If DERIVED, the
/// factors of the last two layers are derived from the quotients, which stand in their places.
pub(super) struct TailTwiddles<'a, const DERIVED: bool> {
    pub(super) block: TwiddlesOf<'a, 1>,
    pub(super) halves: TwiddlesOf<'a, 2>,
    pub(super) quarters: TwiddlesOf<'a, 4>,
    pub(super) sixteens: TwiddlesOf<'a, 8>,
    eights: TwiddlesOf<'a, 16>,
    fours: TwiddlesOf<'a, 32>,
    twos: TwiddlesOf<'a, 64>,
}

pub(super) type TwiddlesOf<'a, const COUNT: usize> = (&'a [u64; COUNT], &'a [u64; COUNT]);

impl<'a, const DERIVED: bool> TailTwiddles<'a, DERIVED> {
    /// Those of a row of `length` words whose first block has the node `node`.
    #[inline]
    pub(super) fn from(
        twiddles: Twiddles<'a>,
        node: usize,
        length: usize,
    ) -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator {
        let blocks = length / (HELD * LANES);
        let arrays = (twiddles.factors, twiddles.quotients);
        let last = if DERIVED {
            (twiddles.quotients, twiddles.quotients)
        } else {
            arrays
        };
        let vertical = chunks_of::<1>(arrays, node, blocks)
            .zip(chunks_of::<2>(arrays, node, blocks))
            .zip(chunks_of::<4>(arrays, node, blocks))
            .zip(chunks_of::<8>(arrays, node, blocks));
        let permuted = chunks_of::<16>(arrays, node, blocks)
            .zip(chunks_of::<32>(last, node, blocks))
            .zip(chunks_of::<64>(last, node, blocks));
        vertical.zip(permuted).map(
            |((((block, halves), quarters), sixteens), ((eights, fours), twos))| Self {
                block,
                halves,
                quarters,
                sixteens,
                eights,
                fours,
                twos,
            },
        )
    }

    /// For pair `pair` of the vectors, whose words are in turn, the twiddles of its two chunks of 8 words.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq")]
    pub(super) fn eights(&self, pair: usize) -> Factor {
        let (values, quotients) = self.eights;
        Factor {
            value: repeat_2(part(values, pair)),
            quotient: repeat_2(part(quotients, pair)),
        }
    }

    /// Those of the 4 halves of these chunks, in words of 52 bits at the given places.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn fours<const WORD: u32>(
        &self,
        a: &Arithmetic<WORD>,
        pair: usize,
        places: __m512i,
    ) -> Factor {
        let (values, quotients) = self.fours;
        let of = |words| placed::<WORD>(repeat_4(part(words, pair)), places);
        Self::last_factor(a, of(values), of(quotients))
    }

    /// Those of the 8 quarters of these chunks, likewise.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn twos<const WORD: u32>(
        &self,
        a: &Arithmetic<WORD>,
        pair: usize,
        places: __m512i,
    ) -> Factor {
        let (values, quotients) = self.twos;
        let of = |words| placed::<WORD>(load(part(words, pair)), places);
        Self::last_factor(a, of(values), of(quotients))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn last_factor<const WORD: u32>(
        a: &Arithmetic<WORD>,
        value: __m512i,
        quotient: __m512i,
    ) -> Factor {
        if DERIVED {
            return a.factor_of_quotient(quotient);
        }
        Factor { value, quotient }
    }
}

/// Twiddles at the places where words of 52 bits have their operands.
#[inline]
#[target_feature(enable = "avx512f")]
fn placed<const WORD: u32>(twiddles: __m512i, places: __m512i) -> __m512i {
    if WORD == 52 {
        _mm512_permutexvar_epi64(places, twiddles)
    } else {
        twiddles
    }
}

#[inline]
fn part<const SIZE: usize>(words: &[u64], index: usize) -> &[u64; SIZE] {
    &words.as_chunks::<SIZE>().0[index]
}

/// One twiddle for all words.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn whole<const COUNT: usize>(twiddles: TwiddlesOf<'_, COUNT>, index: usize) -> Factor {
    Factor {
        value: broadcast(twiddles.0[index]),
        quotient: broadcast(twiddles.1[index]),
    }
}

/// For each of `blocks` blocks, of which the first has the node `node`, the twiddles of its COUNT equal parts.
#[inline]
fn chunks_of<'a, const COUNT: usize>(
    (factors, quotients): (&'a [u64], &'a [u64]),
    node: usize,
    blocks: usize,
) -> impl DoubleEndedIterator<Item = TwiddlesOf<'a, COUNT>> + ExactSizeIterator {
    let parts = |words: &'a [u64]| words.as_chunks::<COUNT>().0[node..node + blocks].iter();
    parts(factors).zip(parts(quotients))
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
///
/// In words of 52 bits only the first of these steps is such a permutation. On AMD's processors it is as slow as a multiply-add,
/// and takes its place, since both have three operands. Exchanges of halves, quarters and words have two, and bring all words to their
/// places as well, if the twiddles of the last two layers are permuted.
struct Tail<const WORD: u32> {
    arithmetic: Arithmetic<WORD>,
    /// The words of two vectors in turn: their first and their second halves.
    low: __m512i,
    high: __m512i,
    /// The places of the twiddles of the last two layers in words of 52 bits.
    fours: __m512i,
    twos: __m512i,
}

impl<const WORD: u32> Tail<WORD> {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(arithmetic: Arithmetic<WORD>) -> Self {
        Self {
            arithmetic,
            low: lanes([0, 8, 1, 9, 2, 10, 3, 11]),
            high: lanes([4, 12, 5, 13, 6, 14, 7, 15]),
            fours: lanes([0, 2, 0, 2, 1, 3, 1, 3]),
            twos: lanes([0, 4, 1, 5, 2, 6, 3, 7]),
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

    /// Whether the last layer reduces its additive operands, so that its results are below 4q and need no product to become canonical.
    const fn ends_reduced(period: u32) -> bool {
        WORD == 52 && period != OFFSET
    }

    /// FIRST and PERIOD as in [`Forward::last_layers_from`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn layers<const PERIOD: u32, const FIRST: u32, const DERIVED: bool>(
        &self,
        v: &mut [__m512i; HELD],
        twiddles: &TailTwiddles<'_, DERIVED>,
    ) {
        let a = self.arithmetic;
        for i in 0..HELD / 2 {
            let pair = self.interleaved(v[2 * i], v[2 * i + 1]);
            (v[2 * i], v[2 * i + 1]) =
                reducing::<PERIOD, 4, FIRST, WORD>(a, pair, twiddles.eights(i));
        }
        for i in 0..HELD / 2 {
            let pair = if WORD == 52 {
                exchanged_halves(v[2 * i], v[2 * i + 1])
            } else {
                self.interleaved(v[2 * i], v[2 * i + 1])
            };
            let factor = twiddles.fours(&a, i, self.fours);
            (v[2 * i], v[2 * i + 1]) = reducing::<PERIOD, 5, FIRST, WORD>(a, pair, factor);
        }
        for i in 0..HELD / 2 {
            let pair = if WORD == 52 {
                exchanged_quarters(v[2 * i], v[2 * i + 1])
            } else {
                self.interleaved(v[2 * i], v[2 * i + 1])
            };
            let factor = twiddles.twos(&a, i, self.twos);
            (v[2 * i], v[2 * i + 1]) = if const { Self::ends_reduced(PERIOD) } {
                a.butterfly::<REDUCTION>(pair, factor)
            } else {
                reducing::<PERIOD, 6, FIRST, WORD>(a, pair, factor)
            };
        }
        for i in 0..HELD / 2 {
            let (x, y) = (v[2 * i], v[2 * i + 1]);
            let (x, y) = if const { Self::ends_reduced(PERIOD) } {
                (a.canonical_below_4(x), a.canonical_below_4(y))
            } else {
                (a.canonical(a.reduced(x)), a.canonical(a.reduced(y)))
            };
            (v[2 * i], v[2 * i + 1]) = if WORD == 52 {
                exchanged_words(x, y)
            } else {
                self.interleaved(x, y)
            };
        }
    }
}

functions! { "avx512f":
    /// The first halves of two vectors, and the second ones; undoes itself.
    pub(super) fn exchanged_halves(x: __m512i, y: __m512i) -> (__m512i, __m512i) {
        (_mm512_shuffle_i64x2::<0x44>(x, y), _mm512_shuffle_i64x2::<0xEE>(x, y))
    }

    /// The even quarters of two vectors in turn, and the odd ones; undoes itself.
    pub(super) fn exchanged_quarters(x: __m512i, y: __m512i) -> (__m512i, __m512i) {
        (
            _mm512_mask_permutex_epi64::<0x4E>(x, 0b1100_1100, y),
            _mm512_mask_permutex_epi64::<0x4E>(y, 0b0011_0011, x),
        )
    }

    /// The even words of two vectors in turn, and the odd ones; undoes itself.
    pub(super) fn exchanged_words(x: __m512i, y: __m512i) -> (__m512i, __m512i) {
        (_mm512_unpacklo_epi64(x, y), _mm512_unpackhi_epi64(x, y))
    }
}
