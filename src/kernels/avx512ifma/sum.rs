//! Weighted sums: words split at bit 52, their products summed by weights and reduced once (by [`super::reduction`]).

use super::super::{
    BLOCK, KeyRow, Modulus, SumRow, WeightRow, WeightedPairs, WeightedSum, portable,
    weighted_sums_in_strips,
};
use super::packed::Unpacker;
use super::reduction::{
    ANY, DIVIDED, DIVIDED_BELOW_4, Reducer, SHORT, Sum, TWO_WORDS, lifted, reduction, reduction_of,
};
use super::vector::{LANES, broadcast, load, load_bytes, prefetch, store};
use super::{NARROW, NARROW_BITS};
use std::arch::x86_64::*;
use std::iter;

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn weighted_sum<const WORD: u32>(q: &Modulus, row: &mut [u64], sum: &WeightedSum<'_>) {
    debug_assert!(sum.factors.len() <= MOST_PRODUCTS);
    if WORD == 64 || sum.input_bits > 52 {
        return weighted_sum_of::<WORD, 64, ANY>(q, row, sum);
    }
    match reduction_of(iter::once(q), row.len(), sum.total) {
        DIVIDED => weighted_sum_of::<WORD, 52, DIVIDED>(q, row, sum),
        DIVIDED_BELOW_4 => weighted_sum_of::<WORD, 52, DIVIDED_BELOW_4>(q, row, sum),
        SHORT => weighted_sum_of::<WORD, 52, SHORT>(q, row, sum),
        TWO_WORDS => weighted_sum_of::<WORD, 52, TWO_WORDS>(q, row, sum),
        _ => weighted_sum_of::<WORD, 52, ANY>(q, row, sum),
    }
}

/// [`weighted_sum`] for inputs of at most INPUT bits.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn weighted_sum_of<const WORD: u32, const INPUT: u32, const REDUCTION: u32>(
    q: &Modulus,
    row: &mut [u64],
    sum: &WeightedSum<'_>,
) {
    let reducer = Reducer::<WORD, REDUCTION>::new(q);
    let mut space = [0; MOST_PRODUCTS];
    let multiple = lifted::<REDUCTION>(q, sum, &mut space);
    let mut start = 0;
    let (fours, _) = row.as_chunks_mut::<{ 4 * LANES }>();
    for out in fours {
        let sums = sums::<WORD, INPUT, 4>(&multiple, start);
        for (x, sum) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(sums) {
            store(x, reducer.residue(sum));
        }
        start += out.len();
    }
    let (vectors, _) = row[start..].as_chunks_mut::<LANES>();
    for x in vectors {
        let [sum] = sums::<WORD, INPUT, 1>(&multiple, start);
        store(x, reducer.residue(sum));
        start += LANES;
    }
    portable::weighted_sum_from(q, row, sum, start);
}

/// Up to four rows at a time, so that each input is loaded once for all of them.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn weighted_sums<const WORD: u32>(rows: &mut [SumRow<'_>]) {
    let narrow = |row: &SumRow<'_>| row.q.bits() <= NARROW_BITS && row.sum.input_bits <= NARROW;
    if !rows.iter().all(narrow) {
        return weighted_sums_in_strips(rows);
    }
    for rows in rows.chunks_mut(4) {
        let (places, total) = (rows[0].row.len(), rows[0].sum.total);
        match reduction_of(rows.iter().map(|row| row.q), places, total) {
            DIVIDED => weighted_sums_by::<DIVIDED>(rows),
            DIVIDED_BELOW_4 => weighted_sums_by::<DIVIDED_BELOW_4>(rows),
            SHORT => weighted_sums_by::<SHORT>(rows),
            TWO_WORDS => weighted_sums_by::<TWO_WORDS>(rows),
            _ => weighted_sums_by::<ANY>(rows),
        }
    }
}

/// [`weighted_sums`] of at most four rows.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn weighted_sums_by<const REDUCTION: u32>(rows: &mut [SumRow<'_>]) {
    match rows {
        [a, b, c, d] => weighted_sums_of::<4, 2, REDUCTION>([a, b, c, d]),
        [a, b, c] => weighted_sums_of::<3, 2, REDUCTION>([a, b, c]),
        [a, b] => weighted_sums_of::<2, 4, REDUCTION>([a, b]),
        _ => weighted_sums_in_strips(rows),
    }
}

/// [`weighted_sums`] of ROWS rows, VECTORS vectors of each at a time.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn weighted_sums_of<const ROWS: usize, const VECTORS: usize, const REDUCTION: u32>(
    mut rows: [&mut SumRow<'_>; ROWS],
) {
    let mut reducers = [Reducer::<NARROW, REDUCTION>::new(rows[0].q); ROWS];
    for (reducer, row) in reducers.iter_mut().zip(&rows) {
        *reducer = Reducer::new(row.q);
    }
    let count = rows[0].sum.factors.len();
    let mut spaces = [[0; MOST_PRODUCTS]; ROWS];
    let mut multiples = [rows[0].sum; ROWS];
    for ((multiple, row), space) in multiples.iter_mut().zip(&rows).zip(&mut spaces) {
        *multiple = lifted::<REDUCTION>(row.q, &row.sum, space);
    }
    let factors = multiples.map(|sum| &sum.factors[..count]);
    let offsets = multiples.map(|sum| sum.offset);
    let (inputs, first) = (&rows[0].sum.inputs[..count], rows[0].sum.start);
    let (length, step) = (rows[0].row.len(), VECTORS * LANES);
    let whole = length - length % step;
    for start in (0..whole).step_by(step) {
        let mut sums = [[Sum::of(_mm512_setzero_si512()); VECTORS]; ROWS];
        for (sums, &offset) in sums.iter_mut().zip(&offsets) {
            *sums = [Sum::of(broadcast(offset)); VECTORS];
        }
        for (i, input) in inputs.iter().enumerate() {
            let (vectors, _) = input[first + start..][..step].as_chunks::<LANES>();
            let mut values = [_mm512_setzero_si512(); VECTORS];
            for (value, x) in values.iter_mut().zip(vectors) {
                prefetch::<_MM_HINT_T0>(x, NEAR);
                *value = load(x);
            }
            for (sums, factors) in sums.iter_mut().zip(&factors) {
                let factor = broadcast(factors[i]);
                for (sum, &value) in sums.iter_mut().zip(&values) {
                    sum.add_product::<NARROW, NARROW>(value, factor);
                }
            }
        }
        for ((row, reducer), sums) in rows.iter_mut().zip(&reducers).zip(sums) {
            let (out, _) = row.row[start..start + step].as_chunks_mut::<LANES>();
            for (x, sum) in out.iter_mut().zip(sums) {
                store(x, reducer.residue(sum));
            }
        }
    }
    for SumRow { q, row, sum } in rows {
        portable::weighted_sum_from(q, row, sum, whole);
    }
}

/// Both halves in one pass, each sum reduced after every 32 products at most.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi")]
pub(super) fn inner_products<const WORD: u32>(
    q: &Modulus,
    sums: [&mut [u64]; 2],
    digits: &[&[u64]],
    key: KeyRow<'_>,
) {
    // Keys are read once. AMD's processors fetch them past the outer caches; on Intel's that is slower, since they then see no stream.
    if is_x86_feature_detected!("sse4a") {
        inner_products_by::<WORD, _MM_HINT_NTA>(q, sums, digits, key);
    } else {
        inner_products_by::<WORD, _MM_HINT_T0>(q, sums, digits, key);
    }
}

/// [`inner_products`], the key fetched ahead by HINT.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi")]
fn inner_products_by<const WORD: u32, const HINT: i32>(
    q: &Modulus,
    sums: [&mut [u64]; 2],
    digits: &[&[u64]],
    key: KeyRow<'_>,
) {
    if WORD == 64 {
        return inner_products_of::<WORD, ANY, HINT>(q, sums, digits, key);
    }
    match reduction(q, (key.shape.digits.min(MOST_PRODUCTS) as u128) << q.bits()) {
        SHORT => inner_products_of::<WORD, SHORT, HINT>(q, sums, digits, key),
        TWO_WORDS => inner_products_of::<WORD, TWO_WORDS, HINT>(q, sums, digits, key),
        _ => inner_products_of::<WORD, ANY, HINT>(q, sums, digits, key),
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi")]
fn inner_products_of<const WORD: u32, const REDUCTION: u32, const HINT: i32>(
    q: &Modulus,
    [first, second]: [&mut [u64]; 2],
    digits: &[&[u64]],
    key: KeyRow<'_>,
) {
    const { assert!(LANES == BLOCK) };
    debug_assert!(first.len().is_multiple_of(LANES) && second.len() == first.len());
    debug_assert!(digits.len() <= key.shape.digits);
    let reducer = Reducer::<WORD, REDUCTION>::new(q);
    let unpacker = Unpacker::new(key.shape);
    let firsts = first.as_chunks_mut::<LANES>().0.iter_mut();
    let places = firsts.zip(second.as_chunks_mut::<LANES>().0);
    for (place, (first, second)) in places.enumerate() {
        let mut byte = key.shape.first_bit(place, 0, 0) / 8;
        let mut residues = [_mm512_setzero_si512(); 2];
        for digits in digits.chunks(MOST_PRODUCTS) {
            let mut sums = [Sum::of(residues[0]), Sum::of(residues[1])];
            for digit in digits {
                let digit = load(&digit.as_chunks::<LANES>().0[place]);
                for sum in &mut sums {
                    prefetch::<HINT>(key.words, byte + AHEAD);
                    let values = unpacker.unpacked(load_bytes(key.words, byte));
                    byte += key.shape.bits;
                    sum.add_product::<WORD, WORD>(digit, values);
                }
            }
            residues = [reducer.residue(sums[0]), reducer.residue(sums[1])];
        }
        store(first, residues[0]);
        store(second, residues[1]);
    }
}

/// All outputs at one place before the next place, so that each weight is read once and each pair stays in the cache.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn weighted_pairs<const WORD: u32>(
    q: &Modulus,
    out: &mut [u64],
    sum: &WeightedPairs<'_>,
) {
    if WORD == 64 {
        return weighted_pairs_of::<WORD, ANY, 2>(q, out, sum);
    }
    match reduction(q, (sum.count.min(MOST_PRODUCTS) as u128) << q.bits()) {
        SHORT => weighted_pairs_of::<WORD, SHORT, 4>(q, out, sum),
        TWO_WORDS => weighted_pairs_of::<WORD, TWO_WORDS, 4>(q, out, sum),
        _ => weighted_pairs_of::<WORD, ANY, 4>(q, out, sum),
    }
}

/// [`weighted_pairs`], GROUP outputs at a time.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn weighted_pairs_of<const WORD: u32, const REDUCTION: u32, const GROUP: usize>(
    q: &Modulus,
    out: &mut [u64],
    sum: &WeightedPairs<'_>,
) {
    let reducer = Reducer::<WORD, REDUCTION>::new(q);
    let length = out.len() / (2 * sum.weights.len() / sum.count).max(1);
    debug_assert!(length.is_multiple_of(LANES) && sum.stride.is_multiple_of(LANES));
    let (places, outs) = (length / LANES, out.as_chunks_mut::<LANES>().0);
    let mut weights = sum.weights.iter().flatten();
    let in_runs = weights.all(|weight| (LANES * TILE) >> weight.log_run <= 1);
    if WORD == 52 && in_runs && places.is_multiple_of(TILE) {
        return weighted_runs::<WORD, REDUCTION>(&reducer, outs, sum);
    }
    let (groups, rest) = sum
        .weights
        .split_at(sum.weights.len() / (GROUP * sum.count) * (GROUP * sum.count));
    for place in 0..places {
        let mut first = place;
        for weights in groups.chunks_exact(GROUP * sum.count) {
            let residues = group_at::<WORD, REDUCTION, GROUP>(&reducer, sum, weights, place);
            for halves in residues {
                store(&mut outs[first], halves[0]);
                store(&mut outs[first + places], halves[1]);
                first += 2 * places;
            }
        }
        for weights in rest.chunks_exact(sum.count) {
            let [halves] = group_at::<WORD, REDUCTION, 1>(&reducer, sum, weights, place);
            store(&mut outs[first], halves[0]);
            store(&mut outs[first + places], halves[1]);
            first += 2 * places;
        }
    }
}

/// [`weighted_pairs`] with weights that are constant over whole tiles.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn weighted_runs<const WORD: u32, const REDUCTION: u32>(
    reducer: &Reducer<WORD, REDUCTION>,
    outs: &mut [[u64; LANES]],
    sum: &WeightedPairs<'_>,
) {
    let places = outs.len() / (2 * sum.weights.len() / sum.count);
    for place in (0..places).step_by(TILE) {
        let rows = outs.chunks_exact_mut(places);
        let mut tiles = rows.map(|row| &mut row[place..place + TILE]);
        for weights in sum.weights.chunks_exact(sum.count) {
            for residues in tile_at(reducer, sum, weights, place) {
                for (out, residue) in tiles.next().into_iter().flatten().zip(residues) {
                    store(out, residue);
                }
            }
        }
    }
}

/// Both halves of one output at a tile.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn tile_at<const WORD: u32, const REDUCTION: u32>(
    reducer: &Reducer<WORD, REDUCTION>,
    sum: &WeightedPairs<'_>,
    weights: &[Option<WeightRow<'_>>],
    place: usize,
) -> [[__m512i; TILE]; 2] {
    let (pairs, stride) = (sum.pairs.as_chunks::<LANES>().0, sum.stride / LANES);
    let mut residues = [[_mm512_setzero_si512(); TILE]; 2];
    for part in (0..sum.count).step_by(MOST_PRODUCTS) {
        let mut sums = [[Sum::of(_mm512_setzero_si512()); TILE]; 2];
        for half in 0..2 {
            for vector in 0..TILE {
                sums[half][vector] = Sum::of(residues[half][vector]);
            }
        }
        for pair in part..sum.count.min(part + MOST_PRODUCTS) {
            let Some(weight) = &weights[pair] else {
                continue;
            };
            let values = &weight.values[(place * LANES) >> weight.log_run..];
            prefetch::<_MM_HINT_T0>(values, 2 * LINE);
            let weight = broadcast(values[0]);
            for (half, sums) in sums.iter_mut().enumerate() {
                let row = &pairs[(2 * pair + half) * stride + place..][..TILE];
                for (sum, x) in sums.iter_mut().zip(row) {
                    sum.add_product::<WORD, WORD>(load(x), weight);
                }
            }
        }
        for half in 0..2 {
            for vector in 0..TILE {
                residues[half][vector] = reducer.residue(sums[half][vector]);
            }
        }
    }
    residues
}

/// The bytes of a cache line.
const LINE: usize = 64;

/// The vectors of a tile: with one weight for all, they keep both multipliers busy.
const TILE: usize = 4;

/// Both halves of a group of outputs at one place.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn group_at<const WORD: u32, const REDUCTION: u32, const GROUP: usize>(
    reducer: &Reducer<WORD, REDUCTION>,
    sum: &WeightedPairs<'_>,
    weights: &[Option<WeightRow<'_>>],
    place: usize,
) -> [[__m512i; 2]; GROUP] {
    let (pairs, stride) = (sum.pairs.as_chunks::<LANES>().0, sum.stride / LANES);
    let mut residues = [[_mm512_setzero_si512(); 2]; GROUP];
    for part in (0..sum.count).step_by(MOST_PRODUCTS) {
        let mut sums = [[Sum::of(_mm512_setzero_si512()); 2]; GROUP];
        for output in 0..GROUP {
            sums[output] = [Sum::of(residues[output][0]), Sum::of(residues[output][1])];
        }
        for pair in part..sum.count.min(part + MOST_PRODUCTS) {
            let first = load(&pairs[2 * pair * stride + place]);
            let second = load(&pairs[(2 * pair + 1) * stride + place]);
            for output in 0..GROUP {
                let Some(weight) = &weights[output * sum.count + pair] else {
                    continue;
                };
                let weight = if weight.log_run == 0 {
                    let weight = &weight.values.as_chunks::<LANES>().0[place];
                    prefetch::<_MM_HINT_T0>(weight, WEIGHTS_AHEAD);
                    load(weight)
                } else {
                    broadcast(weight.values[(place * LANES) >> weight.log_run])
                };
                sums[output][0].add_product::<WORD, WORD>(first, weight);
                sums[output][1].add_product::<WORD, WORD>(second, weight);
            }
        }
        for output in 0..GROUP {
            let [first, second] = sums[output];
            residues[output] = [reducer.residue(first), reducer.residue(second)];
        }
    }
    residues
}

/// How many bytes ahead a weight is fetched: there are more streams than the processor follows by itself.
const WEIGHTS_AHEAD: usize = 512;

/// How many bytes ahead a key is fetched. It comes from memory, and the processor's own prefetch stops at the end of each page.
const AHEAD: usize = 1 << 13;

/// How many bytes ahead an input of a weighted sum is fetched: it comes from an outer cache.
const NEAR: usize = 1 << 11;

/// What a [`Sum`] holds.
const MOST_PRODUCTS: usize = Sum::MOST_PRODUCTS;

/// The sums at the places from `start` on.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn sums<const WORD: u32, const INPUT: u32, const VECTORS: usize>(
    sum: &WeightedSum<'_>,
    start: usize,
) -> [Sum; VECTORS] {
    let start = sum.start + start;
    let mut sums = [Sum::of(broadcast(sum.offset)); VECTORS];
    for (input, &factor) in sum.inputs.iter().zip(sum.factors) {
        let factor = broadcast(factor);
        let (vectors, _) = input[start..start + VECTORS * LANES].as_chunks::<LANES>();
        for (sum, x) in sums.iter_mut().zip(vectors) {
            prefetch::<_MM_HINT_T0>(x, NEAR);
            sum.add_product::<WORD, INPUT>(load(x), factor);
        }
    }
    sums
}
