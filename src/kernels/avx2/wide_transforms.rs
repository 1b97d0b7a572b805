//! Both transforms for moduli of 51 to 61 bits: passes of two layers, and the layers of the shortest chunks within two vectors. A row holds
//! signed words between the first and the last layer.

use super::super::chunks::quarters;
use super::super::ntt_table::{NttTable, Twiddles, mirrored};
use super::super::portable;
use super::super::signed_factor::SignedFactor;
use super::super::vectors::fours;
use super::transforms::{MIN_DEGREE, pairs};
use super::vector::{Vector, Words, broadcast, load, load_2, store};
use super::wide::{Factor, WideArithmetic};
use std::arch::x86_64::*;

fours!("avx2", Vector, load, store);

/// What the layers of a transform compute with.
type Parts<'a> = (&'a WideArithmetic, Twiddles<'a>);

/// Moduli of more bits are reduced in each layer of the forward transform, others in every second one: four times a residue is a signed
/// word then, with more to spare than [`WideArithmetic::product`] needs.
const MAX_SECOND_BITS: u32 = 60;

#[target_feature(enable = "avx2")]
pub(super) fn forward_ntt(table: &NttTable, row: &mut [u64]) {
    if table.degree() < MIN_DEGREE {
        portable::forward_ntt(table, row);
    } else if table.modulus().bits() > MAX_SECOND_BITS {
        forward::<true>(table, row);
    } else {
        forward::<false>(table, row);
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn inverse_ntt(table: &NttTable, row: &mut [u64]) {
    if table.degree() < MIN_DEGREE {
        return portable::inverse_ntt(table, row);
    }
    debug_assert!(row.iter().all(|&x| x < table.modulus().value()));
    let a = &WideArithmetic::new(table.modulus());
    let parts = (a, table.twiddles());
    let mut length = if is_odd(table) {
        first_layers::<true>(parts, row);
        8
    } else {
        first_layers::<false>(parts, row);
        4
    };
    while 4 * length < table.degree() {
        length *= 4;
        inverse_pass(parts, length, row);
    }
    inverse_last_pass(a, table, row);
}

/// Whether the layers are odd in number, so that three of them are within vectors.
fn is_odd(table: &NttTable) -> bool {
    table.degree().trailing_zeros() % 2 == 1
}

/// Bounds, in multiples of q, are 3 after every layer that reduces, and 4 after others.
#[target_feature(enable = "avx2")]
fn forward<const EACH: bool>(table: &NttTable, row: &mut [u64]) {
    debug_assert!(row.iter().all(|&x| x < table.modulus().value()));
    let a = &WideArithmetic::new(table.modulus());
    let parts = (a, table.twiddles());
    let shortest = if is_odd(table) { 8 } else { 4 };
    let mut length = row.len();
    while length > shortest {
        forward_pass::<EACH>(parts, length, row);
        length /= 4;
    }
    if is_odd(table) {
        last_layers::<true, EACH>(parts, row);
    } else {
        last_layers::<false, EACH>(parts, row);
    }
}

/// Two layers of all chunks of `length` words.
#[target_feature(enable = "avx2")]
fn forward_pass<const EACH: bool>((a, twiddles): Parts<'_>, length: usize, row: &mut [u64]) {
    let nodes = row.len() / length..;
    for (node, chunk) in nodes.zip(row.chunks_exact_mut(length)) {
        let [outer, left, right] =
            [node, 2 * node, 2 * node + 1].map(|node| factor(twiddles, node));
        for words in quarters(chunk) {
            let [v0, v1, v2, v3] = load_4(&words);
            let (v0, v2) = butterfly::<true>(a, (v0, v2), &outer);
            let (v1, v3) = butterfly::<true>(a, (v1, v3), &outer);
            let (v0, v1) = butterfly::<EACH>(a, (v0, v1), &left);
            let (v2, v3) = butterfly::<EACH>(a, (v2, v3), &right);
            store_4(words, [v0, v1, v2, v3]);
        }
    }
}

/// The layers of chunks of 8 words, if they are odd in number, of 4 and of 2, and canonical residues at last.
#[target_feature(enable = "avx2")]
fn last_layers<const ODD: bool, const EACH: bool>((a, twiddles): Parts<'_>, row: &mut [u64]) {
    let eighth = row.len() / 8;
    for (i, [x0, x1]) in pairs(row).enumerate() {
        let (mut v0, mut v1) = (load(x0), load(x1));
        if ODD {
            (v0, v1) = butterfly::<true>(a, (v0, v1), &factor(twiddles, eighth + i));
        }
        let [fours, twos] = last_factors(twiddles, eighth, i);
        let (v0, v1) = halves_of_4(v0, v1);
        // The layers that reduce take turns.
        let (x, y) = if ODD {
            butterfly::<EACH>(a, (v0, v1), &Factor::of(fours.map(|x| twice_each(x))))
        } else {
            butterfly::<true>(a, (v0, v1), &Factor::of(fours.map(|x| twice_each(x))))
        };
        let (x, y) = halves_of_2(x, y);
        let (x, y) = if ODD {
            butterfly::<true>(a, (x, y), &Factor::of(twos))
        } else {
            butterfly::<EACH>(a, (x, y), &Factor::of(twos))
        };
        let (x, y) = halves_of_2(x, y);
        let (x, y) = halves_of_4(x, y);
        store(x0, a.canonical_below_4(x));
        store(x1, a.canonical_below_4(y));
    }
}

/// The layers of chunks of 2 words, of 4, and of 8 if they are odd in number.
#[target_feature(enable = "avx2")]
fn first_layers<const ODD: bool>((a, twiddles): Parts<'_>, row: &mut [u64]) {
    let eighth = row.len() / 8;
    for (i, [x0, x1]) in pairs(row).enumerate() {
        let outer = mirrored(eighth + i);
        let [fours, twos] = last_factors(twiddles, eighth, outer - eighth);
        let fours = Factor::of(fours.map(|x| reversed(twice_each(x))));
        let twos = Factor::of(twos.map(|x| reversed(x)));
        let (x, y) = halves_of_4(load(x0), load(x1));
        let (x, y) = inverse_butterfly(a, halves_of_2(x, y), &twos);
        let (x, y) = inverse_butterfly(a, halves_of_2(x, y), &fours);
        let (mut v0, mut v1) = halves_of_4(x, y);
        if ODD {
            (v0, v1) = inverse_butterfly(a, (v0, v1), &factor(twiddles, outer));
        }
        store(x0, v0);
        store(x1, v1);
    }
}

/// Two layers of all chunks of `length` words.
#[target_feature(enable = "avx2")]
fn inverse_pass((a, twiddles): Parts<'_>, length: usize, row: &mut [u64]) {
    let nodes = row.len() / length..;
    for (node, chunk) in nodes.zip(row.chunks_exact_mut(length)) {
        let [outer, left, right] =
            [node, 2 * node, 2 * node + 1].map(|node| factor(twiddles, mirrored(node)));
        for words in quarters(chunk) {
            let [v0, v1, v2, v3] = load_4(&words);
            let (v0, v1) = inverse_butterfly(a, (v0, v1), &left);
            let (v2, v3) = inverse_butterfly(a, (v2, v3), &right);
            let (v0, v2) = inverse_butterfly(a, (v0, v2), &outer);
            let (v1, v3) = inverse_butterfly(a, (v1, v3), &outer);
            store_4(words, [v0, v1, v2, v3]);
        }
    }
}

/// The pass over the whole row, with the division by N in its second layer.
#[target_feature(enable = "avx2")]
fn inverse_last_pass(a: &WideArithmetic, table: &NttTable, row: &mut [u64]) {
    let twiddles = table.twiddles();
    let [left, right] = [2, 3].map(|node| factor(twiddles, mirrored(node)));
    let q = table.modulus();
    let [sum_factor, difference_factor] = [table.degree_inverse, table.degree_inverse_times_last]
        .map(|factor| Factor::new(SignedFactor::new(q, factor.value)));
    for words in quarters(row) {
        let [v0, v1, v2, v3] = load_4(&words);
        let (v0, v1) = inverse_butterfly(a, (v0, v1), &left);
        let (v2, v3) = inverse_butterfly(a, (v2, v3), &right);
        let [x0, x1, x2, x3] = words;
        for (low, high, x, y) in [(x0, x2, v0, v2), (x1, x3, v1, v3)] {
            let sum = a.product(_mm256_add_epi64(x, y), &sum_factor);
            let difference = a.product(_mm256_sub_epi64(x, y), &difference_factor);
            store(low, a.canonical(sum));
            store(high, a.canonical(difference));
        }
    }
}

/// Cooley and Tukey's butterfly `(x + y * factor, x - y * factor)`, with x, below 4q, brought within 2q first or not.
#[inline]
#[target_feature(enable = "avx2")]
fn butterfly<const REDUCE: bool>(
    a: &WideArithmetic,
    (x, y): (Vector, Vector),
    factor: &Factor,
) -> (Vector, Vector) {
    let x = if REDUCE { a.within_2(x) } else { x };
    let product = a.product(y, factor);
    (_mm256_add_epi64(x, product), _mm256_sub_epi64(x, product))
}

/// Gentleman and Sande's butterfly `(x + y, (y - x) * factor)`, for a factor's negative, within `[-q, q]` like its operands.
#[inline]
#[target_feature(enable = "avx2")]
fn inverse_butterfly(
    a: &WideArithmetic,
    (x, y): (Vector, Vector),
    factor: &Factor,
) -> (Vector, Vector) {
    let sum = a.within_1(_mm256_add_epi64(x, y));
    (sum, a.product(_mm256_sub_epi64(y, x), factor))
}

/// A node's factor in every lane.
#[inline]
#[target_feature(enable = "avx2")]
fn factor(twiddles: Twiddles<'_>, node: usize) -> Factor {
    Factor::of(twiddles.signed().map(|words| broadcast(words[node])))
}

/// The factors of pair i of chunks of 4 words, in the low half of vectors, and of their halves.
#[inline]
#[target_feature(enable = "avx2")]
fn last_factors(twiddles: Twiddles<'_>, eighth: usize, i: usize) -> [[Vector; 3]; 2] {
    let fields = twiddles.signed();
    let fours = fields.map(|words| {
        let words = words[2 * eighth..4 * eighth].as_chunks::<2>().0;
        load_2(&words[i])
    });
    let twos = fields.map(|words| load(&words[4 * eighth..].as_chunks().0[i]));
    [fours, twos]
}

/// Each of the two low lanes twice.
#[inline]
#[target_feature(enable = "avx2")]
fn twice_each(x: Vector) -> Vector {
    _mm256_permute4x64_epi64::<0b01_01_00_00>(x)
}

/// The lanes from the last to the first.
#[inline]
#[target_feature(enable = "avx2")]
fn reversed(x: Vector) -> Vector {
    _mm256_permute4x64_epi64::<0b00_01_10_11>(x)
}

/// The first and the second halves of two vectors; undoes itself.
#[inline]
#[target_feature(enable = "avx2")]
fn halves_of_4(x: Vector, y: Vector) -> (Vector, Vector) {
    (
        _mm256_permute2x128_si256::<0x20>(x, y),
        _mm256_permute2x128_si256::<0x31>(x, y),
    )
}

/// The even and the odd lanes of two vectors, pair by pair; undoes itself.
#[inline]
#[target_feature(enable = "avx2")]
fn halves_of_2(x: Vector, y: Vector) -> (Vector, Vector) {
    (_mm256_unpacklo_epi64(x, y), _mm256_unpackhi_epi64(x, y))
}
