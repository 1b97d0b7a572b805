//! The forward transform: passes of two layers over ever shorter chunks, then the last layers within two vectors.
//!
//! A chunk is numbered by its node, the index of its twiddle: the halves of the chunk of node i are those of nodes 2i and
//! 2i + 1. All chunks of one length have equal bounds.

use super::super::{NttTable, ntt_table::Twiddles};
use super::arithmetic::{Arithmetic, Factor};
use super::vector::{LANES, Words, lanes, load, load_2, load_4, store};
use std::arch::x86_64::*;

/// Chunks of at most this many words stay in the first-level cache through all their layers.
pub(super) const CACHED: usize = 1 << 12;

/// The last layers that one step over two vectors takes, so that the layers before them are even in number.
pub(super) const fn tail_layers(degree: usize) -> u32 {
    if degree.trailing_zeros() % 2 == 1 {
        3
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
        match self.plan(self.tail, bound).0 {
            Reduce::Never => self.last_layers::<false, false>(node, chunk),
            Reduce::FirstLayer => self.last_layers::<true, false>(node, chunk),
            Reduce::EveryLayer => self.last_layers::<true, true>(node, chunk),
        }
    }

    /// What to reduce in `layers` layers on values below `bound * q`, and the bound after them.
    fn plan(&self, layers: u32, bound: u64) -> (Reduce, u64) {
        let limit = self.arithmetic.limit();
        let growth = |layers: u32| u64::from(layers) * Arithmetic::<WORD>::PRODUCT_BOUND;
        debug_assert!(bound <= limit);
        let reduced = Arithmetic::<WORD>::REDUCED_BOUND;
        let (reduce, next) = if bound + growth(layers) <= limit {
            (Reduce::Never, bound + growth(layers))
        } else if reduced + growth(layers) <= limit {
            (Reduce::FirstLayer, reduced + growth(layers))
        } else {
            (Reduce::EveryLayer, reduced + growth(1))
        };
        debug_assert!(next <= limit);
        (reduce, next)
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

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn last_layers<const FIRST: bool, const OTHERS: bool>(&self, node: usize, row: &mut [u64]) {
        if self.tail == 3 {
            self.last_3_layers::<FIRST, OTHERS>(node, row);
        } else {
            self.last_4_layers::<FIRST, OTHERS>(node, row);
        }
    }

    /// The layers of chunks of 8, 4 and 2 words, and canonical residues at last.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn last_3_layers<const FIRST: bool, const OTHERS: bool>(&self, node: usize, row: &mut [u64]) {
        let tail = Tail::new(self.arithmetic);
        for (twiddles, (x0, x1)) in
            TailTwiddles::from(self.twiddles, node, row.len()).zip(pairs(row))
        {
            let (v0, v1) = tail.layers::<FIRST, OTHERS>((load(x0), load(x1)), &twiddles);
            store(x0, v0);
            store(x1, v1);
        }
    }

    /// The same with the layer of chunks of 16 words before them.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn last_4_layers<const FIRST: bool, const OTHERS: bool>(&self, node: usize, row: &mut [u64]) {
        let a = self.arithmetic;
        let tail = Tail::new(a);
        let steps = TailTwiddles::from(self.twiddles, 2 * node, row.len()).zip(pairs(row));
        for (i, (twiddles, (x0, x1))) in steps.enumerate() {
            let outer = a.twiddle(self.twiddles, node + i);
            let pair = a.butterfly::<FIRST>((load(x0), load(x1)), outer);
            let (v0, v1) = tail.layers::<OTHERS, OTHERS>(pair, &twiddles);
            store(x0, v0);
            store(x1, v1);
        }
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

/// Vectors two by two.
#[inline]
pub(super) fn pairs(row: &mut [u64]) -> impl Iterator<Item = (&mut Words, &mut Words)> {
    let pairs = row.as_chunks_mut::<LANES>().0.as_chunks_mut::<2>().0;
    pairs.iter_mut().map(|[x0, x1]| (x0, x1))
}

/// The twiddles of two chunks of 8 words, their 4 halves and their 8 quarters, factors and quotients.
pub(super) struct TailTwiddles<'a> {
    pub(super) eights: (&'a [u64; 2], &'a [u64; 2]),
    pub(super) fours: (&'a [u64; 4], &'a [u64; 4]),
    pub(super) twos: (&'a Words, &'a Words),
}

impl<'a> TailTwiddles<'a> {
    /// Those of a row of `length` words whose first chunk of 8 has the node `node`.
    #[inline]
    pub(super) fn from(
        twiddles: Twiddles<'a>,
        node: usize,
        length: usize,
    ) -> impl Iterator<Item = Self> {
        let eights = chunks_of::<2>(twiddles, node, length / 8);
        let fours = chunks_of::<4>(twiddles, 2 * node, length / 4);
        let twos = chunks_of::<8>(twiddles, 4 * node, length / 2);
        let all = eights.zip(fours).zip(twos);
        all.map(|((eights, fours), twos)| Self {
            eights,
            fours,
            twos,
        })
    }
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

/// The last three layers of two vectors, with the permutations in registers.
struct Tail<const WORD: u32> {
    arithmetic: Arithmetic<WORD>,
    /// Twiddle i four times.
    repeat_4: __m512i,
    /// Twiddle i twice.
    repeat_2: __m512i,
    /// The first and the second halves of the chunks of 4.
    first_halves: __m512i,
    second_halves: __m512i,
    /// The words of two vectors in turn: their first and their second halves.
    interleave_low: __m512i,
    interleave_high: __m512i,
}

impl<const WORD: u32> Tail<WORD> {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(arithmetic: Arithmetic<WORD>) -> Self {
        Self {
            arithmetic,
            repeat_4: lanes([0, 0, 0, 0, 1, 1, 1, 1]),
            repeat_2: lanes([0, 0, 1, 1, 2, 2, 3, 3]),
            first_halves: lanes([0, 1, 8, 9, 4, 5, 12, 13]),
            second_halves: lanes([2, 3, 10, 11, 6, 7, 14, 15]),
            interleave_low: lanes([0, 8, 1, 9, 2, 10, 3, 11]),
            interleave_high: lanes([4, 12, 5, 13, 6, 14, 7, 15]),
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn layers<const FIRST: bool, const OTHERS: bool>(
        &self,
        (v0, v1): (__m512i, __m512i),
        twiddles: &TailTwiddles,
    ) -> (__m512i, __m512i) {
        let a = self.arithmetic;
        let factor = |value, quotient| Factor {
            value,
            quotient: a.cut_quotients(quotient),
        };
        // x holds words 0 to 3 of both chunks of 8, y words 4 to 7.
        let x = _mm512_shuffle_i64x2::<0x44>(v0, v1);
        let y = _mm512_shuffle_i64x2::<0xee>(v0, v1);
        let repeat = |words| _mm512_permutexvar_epi64(self.repeat_4, load_2(words));
        let eights = factor(repeat(twiddles.eights.0), repeat(twiddles.eights.1));
        let (x, y) = a.butterfly::<FIRST>((x, y), eights);

        let halves = (
            _mm512_permutex2var_epi64(x, self.first_halves, y),
            _mm512_permutex2var_epi64(x, self.second_halves, y),
        );
        let repeat = |words| _mm512_permutexvar_epi64(self.repeat_2, load_4(words));
        let fours = factor(repeat(twiddles.fours.0), repeat(twiddles.fours.1));
        let (x, y) = a.butterfly::<OTHERS>(halves, fours);

        // The even and the odd words.
        let halves = (_mm512_unpacklo_epi64(x, y), _mm512_unpackhi_epi64(x, y));
        let twos = factor(load(twiddles.twos.0), load(twiddles.twos.1));
        let (x, y) = a.butterfly::<OTHERS>(halves, twos);

        let (x, y) = (a.canonical(a.reduced(x)), a.canonical(a.reduced(y)));
        (
            _mm512_permutex2var_epi64(x, self.interleave_low, y),
            _mm512_permutex2var_epi64(x, self.interleave_high, y),
        )
    }
}
