//! The inverse transform: the layers of [`forward`](super::forward) backwards.

use super::super::chunks::quarters;
use super::super::ntt_table::{NttTable, Twiddles, mirrored};
use super::super::portable;
use super::MIN_DEGREE;
use super::arithmetic::{Arithmetic, Factor, HALVING, KEEP, REDUCTION};
use super::forward::{
    CACHED, HELD, TailTwiddles, TwiddlesOf, exchanged_halves, exchanged_quarters, exchanged_words,
    load_all, store_all, tail_layers, whole,
};
use super::vector::{LANES, lanes, load_4, store_4};
use std::arch::x86_64::*;

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn inverse_ntt<const WORD: u32>(table: &NttTable, row: &mut [u64]) {
    if table.degree() < MIN_DEGREE {
        return portable::inverse_ntt(table, row);
    }
    debug_assert!(row.iter().all(|&x| x < table.modulus().value()));
    let inverse = Inverse {
        arithmetic: Arithmetic::<WORD>::new(table.modulus()),
        twiddles: table.twiddles(),
        tail: tail_layers(table.degree()),
    };
    let quarter = row.len() / 4;
    let mut bound = 0;
    if row.len() <= CACHED {
        bound = inverse.cached_chunk(1, row, quarter);
    } else {
        for (i, chunk) in row.chunks_exact_mut(quarter).enumerate() {
            bound = inverse.chunk(4 + i, chunk);
        }
    }
    if 4 * bound <= inverse.arithmetic.limit() {
        inverse.last_pass::<KEEP>(table, row, bound);
    } else {
        inverse.last_pass::<REDUCTION>(table, row, bound);
    }
}

struct Inverse<'a, const WORD: u32> {
    arithmetic: Arithmetic<WORD>,
    twiddles: Twiddles<'a>,
    tail: u32,
}

/// Which sums of a pass of two layers are reduced.
#[derive(Clone, Copy)]
enum Reduce {
    Never,
    /// The sum of sums.
    Last,
    FirstLayer,
    EveryLayer,
}

impl<const WORD: u32> Inverse<'_, WORD> {
    const PRODUCT: u64 = Arithmetic::<WORD>::PRODUCT_BOUND;
    const REDUCED: u64 = Arithmetic::<WORD>::REDUCED_BOUND;

    /// All layers of one chunk of residues; its values then are below the returned bound times q.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn chunk(&self, node: usize, chunk: &mut [u64]) -> u64 {
        if chunk.len() <= CACHED {
            return self.cached_chunk(node, chunk, chunk.len());
        }
        let mut bound = 0;
        for (i, quarter) in chunk.chunks_exact_mut(chunk.len() / 4).enumerate() {
            bound = self.chunk(4 * node + i, quarter);
        }
        self.pass(node, chunk, chunk.len(), bound)
    }

    /// The layers of the parts of a chunk that are at most `longest` words long, layer by layer.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn cached_chunk(&self, node: usize, chunk: &mut [u64], longest: usize) -> u64 {
        let mut length = 1 << self.tail;
        let mut bound = self.first_layers(node * (chunk.len() / length), chunk);
        while length < longest {
            length *= 4;
            bound = self.pass(node * (chunk.len() / length), chunk, length, bound);
        }
        bound
    }

    /// The largest bound that a pass takes, such that it leaves no larger one.
    const fn ceiling(&self) -> u64 {
        let limit = self.arithmetic.limit();
        if limit >= 8 * Self::PRODUCT {
            limit / 4
        } else if limit >= 4 * Self::PRODUCT {
            2 * Self::PRODUCT
        } else {
            self.arithmetic.halved_bound()
        }
    }

    /// What a pass on values below `bound * q` reduces, and the bound after it.
    fn plan(&self, bound: u64) -> (Reduce, u64) {
        let (limit, ceiling) = (self.arithmetic.limit(), self.ceiling());
        debug_assert!(bound <= ceiling);
        // Sums of products are below twice the bound of a product.
        let sum = 2 * Self::PRODUCT;
        let (reduce, next) = if (4 * bound).max(sum) <= ceiling {
            (Reduce::Never, (4 * bound).max(sum))
        } else if 4 * bound <= limit && sum <= ceiling {
            (Reduce::Last, sum)
        } else if sum <= ceiling {
            (Reduce::FirstLayer, sum)
        } else {
            (Reduce::EveryLayer, ceiling)
        };
        debug_assert!(2 * bound <= limit && next <= ceiling);
        (reduce, next)
    }

    /// Two layers of all chunks of `length` words of a row of values below `bound * q`; the first chunk has the node
    /// `node`. The bound after them.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn pass(&self, node: usize, row: &mut [u64], length: usize, bound: u64) -> u64 {
        let (reduce, next) = self.plan(bound);
        let a = self.arithmetic;
        let reduced = match reduce {
            Reduce::Never | Reduce::Last => 2 * bound,
            Reduce::FirstLayer => Self::REDUCED,
            Reduce::EveryLayer => a.halved_bound(),
        };
        let offsets = Offsets {
            first: a.multiple(bound),
            sums: a.multiple(reduced),
            products: a.multiple(Self::PRODUCT),
        };
        for (i, chunk) in row.chunks_exact_mut(length).enumerate() {
            let node = node + i;
            match reduce {
                Reduce::Never => self.pass_chunk::<KEEP, KEEP, KEEP>(node, chunk, &offsets),
                Reduce::Last => self.pass_chunk::<KEEP, REDUCTION, KEEP>(node, chunk, &offsets),
                Reduce::FirstLayer => {
                    self.pass_chunk::<REDUCTION, KEEP, KEEP>(node, chunk, &offsets)
                }
                Reduce::EveryLayer => {
                    self.pass_chunk::<HALVING, HALVING, HALVING>(node, chunk, &offsets)
                }
            }
        }
        next
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn pass_chunk<const FIRST: u32, const SUMS: u32, const PRODUCTS: u32>(
        &self,
        node: usize,
        chunk: &mut [u64],
        offsets: &Offsets,
    ) {
        let a = self.arithmetic;
        let nodes = [node, 2 * node, 2 * node + 1].map(mirrored);
        let [outer, left, right] = a.twiddles(self.twiddles, nodes);
        for words in quarters(chunk) {
            let [v0, v1, v2, v3] = load_4(&words);
            let (v0, v1) = a.inverse_butterfly::<FIRST>((v0, v1), offsets.first, left);
            let (v2, v3) = a.inverse_butterfly::<FIRST>((v2, v3), offsets.first, right);
            let (v0, v2) = a.inverse_butterfly::<SUMS>((v0, v2), offsets.sums, outer);
            let (v1, v3) = a.inverse_butterfly::<PRODUCTS>((v1, v3), offsets.products, outer);
            store_4(words, [v0, v1, v2, v3]);
        }
    }

    /// The pass over the whole row, with the division by N in its second layer.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn last_pass<const FIRST: u32>(&self, table: &NttTable, row: &mut [u64], bound: u64) {
        debug_assert!(bound <= self.ceiling());
        let a = self.arithmetic;
        let first = a.multiple(bound);
        let sums = a.multiple(if FIRST == REDUCTION {
            Self::REDUCED
        } else {
            2 * bound
        });
        let products = a.multiple(Self::PRODUCT);
        let left = a.twiddle(self.twiddles, mirrored(2));
        let right = a.twiddle(self.twiddles, mirrored(3));
        let last = (
            a.factor(table.degree_inverse),
            a.factor(table.degree_inverse_times_last),
        );
        for words in quarters(row) {
            let [v0, v1, v2, v3] = load_4(&words);
            let (v0, v1) = a.inverse_butterfly::<FIRST>((v0, v1), first, left);
            let (v2, v3) = a.inverse_butterfly::<FIRST>((v2, v3), first, right);
            let (v0, v2) = self.last_butterfly((v0, v2), sums, last);
            let (v1, v3) = self.last_butterfly((v1, v3), products, last);
            store_4(words, [v0, v1, v2, v3]);
        }
    }

    /// Residues of the sum and of the difference, each times a factor.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn last_butterfly(
        &self,
        (x, y): (__m512i, __m512i),
        offset: __m512i,
        factors: (Factor, Factor),
    ) -> (__m512i, __m512i) {
        let a = self.arithmetic;
        let sum = a.product(_mm512_add_epi64(x, y), factors.0);
        let difference = _mm512_sub_epi64(_mm512_add_epi64(x, offset), y);
        let difference = a.product(difference, factors.1);
        (a.canonical_product(sum), a.canonical_product(difference))
    }

    /// The layers of chunks of 2 to `2^tail` words, of which the first has the node `node`, on residues. The bound after them.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn first_layers(&self, node: usize, row: &mut [u64]) -> u64 {
        // Without reductions: a sum doubles the bound of layer after layer, from products in the first.
        let bound = Self::PRODUCT << (self.tail - 1);
        if bound <= self.ceiling() {
            self.first_layers_reducing::<NEVER>(node, row);
            return bound;
        }
        let limit = self.arithmetic.limit();
        if bound <= limit {
            self.first_layers_reducing::<LAST>(node, row);
        } else if Self::PRODUCT << 3 <= limit {
            self.first_layers_reducing::<FOURTH>(node, row);
        } else if 4 * Self::PRODUCT <= limit {
            self.first_layers_reducing::<EVERY_SECOND>(node, row);
        } else {
            self.first_layers_reducing::<EACH>(node, row);
            return self.arithmetic.halved_bound();
        }
        Self::PRODUCT
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn first_layers_reducing<const REDUCED: u32>(&self, node: usize, row: &mut [u64]) {
        match (self.tail, WORD == 52 && self.twiddles.derived()) {
            (7, true) => self.first_layers_of::<7, REDUCED, true>(node, row),
            (7, false) => self.first_layers_of::<7, REDUCED, false>(node, row),
            (_, true) => self.first_layers_of::<6, REDUCED, true>(node / 2, row),
            (_, false) => self.first_layers_of::<6, REDUCED, false>(node / 2, row),
        }
    }

    /// The first LAYERS layers; the first chunk of 128 words has the node `node`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn first_layers_of<const LAYERS: u32, const REDUCED: u32, const DERIVED: bool>(
        &self,
        node: usize,
        row: &mut [u64],
    ) {
        let head = Head::<WORD, LAYERS, REDUCED>::new(self.arithmetic);
        let length = row.len();
        let blocks = row.as_chunks_mut::<LANES>().0.as_chunks_mut::<HELD>().0;
        let first = mirrored(node + blocks.len() - 1);
        let twiddles = TailTwiddles::<DERIVED>::from(self.twiddles, first, length).rev();
        for (block, twiddles) in blocks.iter_mut().zip(twiddles) {
            let mut v = load_all(block);
            head.layers(&mut v, &twiddles);
            head.layer::<8, 3>(&mut v, twiddles.sixteens);
            head.layer::<4, 4>(&mut v, twiddles.quarters);
            head.layer::<2, 5>(&mut v, twiddles.halves);
            if LAYERS == 7 {
                head.layer::<1, 6>(&mut v, twiddles.block);
            }
            store_all(block, v);
        }
    }
}

/// Which of the first layers have their sums reduced: a bit for each, and the last one unless it is [`NEVER`].
const LAST: u32 = 0;
const FOURTH: u32 = 1 << 3;
const EVERY_SECOND: u32 = 1 << 1 | 1 << 3 | 1 << 5;
const EACH: u32 = (1 << 7) - 1;
const NEVER: u32 = u32::MAX;

/// Multiples of q above what each butterfly of a pass subtracts.
struct Offsets {
    first: __m512i,
    sums: __m512i,
    products: __m512i,
}

/// The first layers, of eight pairs of vectors in step, with the permutations in registers.
struct Head<const WORD: u32, const LAYERS: u32, const REDUCED: u32> {
    arithmetic: Arithmetic<WORD>,
    /// For each layer, a multiple of q above what its butterflies subtract.
    offsets: [__m512i; 7],
    /// The even and the odd words of two vectors.
    even: __m512i,
    odd: __m512i,
    /// The same, from the last to the first.
    even_backwards: __m512i,
    odd_backwards: __m512i,
    /// The places of the mirrored twiddles of the first two layers in words of 52 bits.
    twos: __m512i,
    fours: __m512i,
}

impl<const WORD: u32, const LAYERS: u32, const REDUCED: u32> Head<WORD, LAYERS, REDUCED> {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(a: Arithmetic<WORD>) -> Self {
        let bounds = Self::bounds(&a);
        Self {
            arithmetic: a,
            offsets: [
                a.multiple(bounds[0]),
                a.multiple(bounds[1]),
                a.multiple(bounds[2]),
                a.multiple(bounds[3]),
                a.multiple(bounds[4]),
                a.multiple(bounds[5]),
                a.multiple(bounds[6]),
            ],
            even: lanes([0, 2, 4, 6, 8, 10, 12, 14]),
            odd: lanes([1, 3, 5, 7, 9, 11, 13, 15]),
            even_backwards: lanes([14, 12, 10, 8, 6, 4, 2, 0]),
            odd_backwards: lanes([15, 13, 11, 9, 7, 5, 3, 1]),
            twos: lanes([7, 3, 6, 2, 5, 1, 4, 0]),
            fours: lanes([3, 1, 3, 1, 2, 0, 2, 0]),
        }
    }

    /// The bound of what enters each layer; 0 for a layer that is not taken.
    const fn bounds(a: &Arithmetic<WORD>) -> [u64; 7] {
        let product = Arithmetic::<WORD>::PRODUCT_BOUND;
        let mut bounds = [0; 7];
        bounds[0] = 1;
        let mut layer = 1;
        while layer < LAYERS {
            let before = bounds[layer as usize - 1];
            bounds[layer as usize] = if REDUCED == EACH {
                a.halved_bound()
            } else if Self::reduces(layer - 1) || 2 * before < product {
                product
            } else {
                2 * before
            };
            layer += 1;
        }
        bounds
    }

    /// Whether the sums of a layer are reduced.
    const fn reduces(layer: u32) -> bool {
        REDUCED != NEVER && (layer == LAYERS - 1 || REDUCED >> layer & 1 == 1)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn butterfly<const LAYER: u32>(
        &self,
        pair: (__m512i, __m512i),
        factor: Factor,
    ) -> (__m512i, __m512i) {
        let offset = self.offsets[LAYER as usize];
        let a = &self.arithmetic;
        if REDUCED == EACH {
            a.inverse_butterfly::<HALVING>(pair, offset, factor)
        } else if const { Self::reduces(LAYER) } {
            a.inverse_butterfly::<REDUCTION>(pair, offset, factor)
        } else {
            a.inverse_butterfly::<KEEP>(pair, offset, factor)
        }
    }

    /// Layer LAYER, of PARTS parts of the block, whose halves' vectors are joined.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn layer<const PARTS: usize, const LAYER: u32>(
        &self,
        v: &mut [__m512i; HELD],
        twiddles: TwiddlesOf<'_, PARTS>,
    ) {
        let half = const { HELD / PARTS / 2 };
        for part in 0..PARTS {
            let factor = whole(twiddles, PARTS - 1 - part);
            for i in 2 * half * part..2 * half * part + half {
                let pair = (v[i], v[i + half]);
                (v[i], v[i + half]) = self.butterfly::<LAYER>(pair, factor);
            }
        }
    }

    /// The even words of two vectors, then the odd ones, from the first to the last.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn parted(&self, x: __m512i, y: __m512i) -> (__m512i, __m512i) {
        (
            _mm512_permutex2var_epi64(x, self.even, y),
            _mm512_permutex2var_epi64(x, self.odd, y),
        )
    }

    /// The same, from the last to the first.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn parted_backwards(&self, x: __m512i, y: __m512i) -> (__m512i, __m512i) {
        (
            _mm512_permutex2var_epi64(x, self.even_backwards, y),
            _mm512_permutex2var_epi64(x, self.odd_backwards, y),
        )
    }

    /// The layers of chunks of 2, 4 and 8 words. Before each of them, and after the last, the even words of a pair of vectors are
    /// parted from the odd ones, which undoes the steps of the forward transform. From the first parting to the last, vectors
    /// hold their words from the last to the first, to which the mirrored twiddles belong: the second vector comes first, and
    /// the odd words where else the even ones are.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn layers<const DERIVED: bool>(
        &self,
        v: &mut [__m512i; HELD],
        twiddles: &TailTwiddles<'_, DERIVED>,
    ) {
        let (a, last) = (&self.arithmetic, HELD / 2 - 1);
        if WORD == 52 {
            return self.narrow_layers(v, twiddles);
        }
        for i in 0..HELD / 2 {
            let pair = self.parted_backwards(v[2 * i], v[2 * i + 1]);
            (v[2 * i], v[2 * i + 1]) =
                self.butterfly::<0>(pair, twiddles.twos(a, last - i, self.twos));
        }
        for i in 0..HELD / 2 {
            let (odd, even) = self.parted(v[2 * i + 1], v[2 * i]);
            let factor = twiddles.fours(a, last - i, self.fours);
            (v[2 * i], v[2 * i + 1]) = self.butterfly::<1>((even, odd), factor);
        }
        for i in 0..HELD / 2 {
            let (odd, even) = self.parted(v[2 * i + 1], v[2 * i]);
            let factor = twiddles.eights(last - i);
            let (x, y) = self.butterfly::<2>((even, odd), factor);
            let (odd, even) = self.parted_backwards(y, x);
            (v[2 * i], v[2 * i + 1]) = (even, odd);
        }
    }

    /// The same in words of 52 bits, with the exchanges of the forward transform.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn narrow_layers<const DERIVED: bool>(
        &self,
        v: &mut [__m512i; HELD],
        twiddles: &TailTwiddles<'_, DERIVED>,
    ) {
        let (a, last) = (&self.arithmetic, HELD / 2 - 1);
        for i in 0..HELD / 2 {
            let pair = exchanged_words(v[2 * i], v[2 * i + 1]);
            let factor = twiddles.twos(a, last - i, self.twos);
            (v[2 * i], v[2 * i + 1]) = self.butterfly::<0>(pair, factor);
        }
        for i in 0..HELD / 2 {
            let pair = exchanged_quarters(v[2 * i], v[2 * i + 1]);
            let factor = twiddles.fours(a, last - i, self.fours);
            (v[2 * i], v[2 * i + 1]) = self.butterfly::<1>(pair, factor);
        }
        for i in 0..HELD / 2 {
            let pair = exchanged_halves(v[2 * i], v[2 * i + 1]);
            let factor = twiddles.eights(last - i);
            let exchanged = Factor {
                value: _mm512_shuffle_epi32::<0x4E>(factor.value),
                quotient: _mm512_shuffle_epi32::<0x4E>(factor.quotient),
            };
            let (x, y) = self.butterfly::<2>(pair, exchanged);
            (v[2 * i], v[2 * i + 1]) = self.parted(x, y);
        }
    }
}
