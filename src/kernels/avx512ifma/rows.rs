//! Operations on rows for moduli of both sizes. What is left over after whole vectors goes to the portable kernels.

use super::super::chunks::split;
use super::super::vectors::{functions, sum_rows};
use super::super::{BlockPermutation, Modulus, ShoupScalar, Unreduced, portable};
use super::arithmetic::Arithmetic;
use super::vector::{LANES, broadcast, load, store, subtract_once};
use super::{NARROW, narrow, wide};
use std::arch::x86_64::*;

sum_rows!("avx512f");

#[target_feature(enable = "avx512f")]
pub(super) fn add_scalar(q: &Modulus, row: &mut [u64], scalar: u64) {
    let (modulus, addend) = (broadcast(q.value()), broadcast(scalar));
    let (vectors, rest) = row.as_chunks_mut::<LANES>();
    for x in vectors {
        store(x, sum(load(x), addend, modulus));
    }
    portable::add_scalar(q, rest, scalar);
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn mul_assign<const WORD: u32>(q: &Modulus, row: &mut [u64], other: &[u64]) {
    if WORD == NARROW {
        narrow::mul_assign(q, row, other);
    } else {
        wide::mul_assign(q, row, other);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn mul_add_assign<const WORD: u32>(q: &Modulus, row: &mut [u64], a: &[u64], b: &[u64]) {
    if WORD == NARROW {
        narrow::mul_add_assign(q, row, a, b);
    } else {
        wide::mul_add_assign(q, row, a, b);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn scale<const WORD: u32>(q: &Modulus, row: &mut [u64], scalar: ShoupScalar) {
    let a = Arithmetic::<WORD>::new(q);
    let factor = a.factor(scalar);
    let (vectors, rest) = row.as_chunks_mut::<LANES>();
    for x in vectors {
        store(x, a.canonical_product(a.product(load(x), factor)));
    }
    portable::scale(q, rest, scalar);
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn sub_scale<const WORD: u32>(
    q: &Modulus,
    row: &mut [u64],
    other: &[u64],
    scalar: ShoupScalar,
) {
    let a = Arithmetic::<WORD>::new(q);
    let modulus = a.multiple(1);
    let factor = a.factor(scalar);
    let ((vectors, rest), (others, other_rest)) = split(row, other);
    for (x, y) in vectors.iter_mut().zip(others) {
        // Between 0 and 2q.
        let difference = _mm512_sub_epi64(_mm512_add_epi64(load(x), modulus), load(y));
        store(x, a.canonical_product(a.product(difference, factor)));
    }
    portable::sub_scale(q, rest, other_rest, scalar);
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn reduce<const WORD: u32>(q: &Modulus, row: &mut [u64], input: &Unreduced<'_>) {
    if WORD == 52 && input.input_bits <= 52 {
        reduce_from::<WORD, 52>(q, row, input);
    } else {
        reduce_from::<WORD, 64>(q, row, input);
    }
}

/// [`reduce`] for inputs of at most INPUT bits.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn reduce_from<const WORD: u32, const INPUT: u32>(
    q: &Modulus,
    row: &mut [u64],
    unreduced: &Unreduced<'_>,
) {
    let a = Arithmetic::<WORD>::new(q);
    let (base, modulus, offset) = (a.base(q), a.multiple(1), broadcast(unreduced.offset));
    let ((vectors, rest), (inputs, input_rest)) = split(row, unreduced.input);
    for (x, y) in vectors.iter_mut().zip(inputs) {
        let y = load(y);
        let mut residue = a.reduced(y);
        if INPUT > WORD {
            // Both parts are below 2q.
            let high = a.product(_mm512_srli_epi64::<52>(y), base);
            residue = _mm512_add_epi64(residue, high);
        }
        store(x, sum(a.canonical_below_4(residue), offset, modulus));
    }
    let input = Unreduced {
        input: input_rest,
        ..*unreduced
    };
    portable::reduce(q, rest, &input);
}

#[target_feature(enable = "avx512f")]
pub(super) fn permute(row: &mut [u64], source: &[u64], permutation: &BlockPermutation) {
    debug_assert!(row.len() == permutation.len() && source.len() == row.len());
    let patterns = permutation.patterns.map(|pattern| pattern.map(u64::from));
    let blocks = source.as_chunks::<LANES>().0;
    let vectors = row.as_chunks_mut::<LANES>().0;
    for (x, (from, pattern)) in vectors.iter_mut().zip(permutation.moves()) {
        let pattern = load(&patterns[pattern]);
        store(x, _mm512_permutexvar_epi64(pattern, load(&blocks[from])));
    }
}

functions! { "avx512f":
    fn sum(x: __m512i, y: __m512i, modulus: __m512i) -> __m512i {
        subtract_once(_mm512_add_epi64(x, y), modulus)
    }

    fn difference(x: __m512i, y: __m512i, modulus: __m512i) -> __m512i {
        // A negative difference is a large word, which adding q brings below q.
        let difference = _mm512_sub_epi64(x, y);
        _mm512_min_epu64(difference, _mm512_add_epi64(difference, modulus))
    }
}
