//! Products of matrices: groups of rows at a panel of places, each sum in two registers.

use super::super::{Modulus, PANEL, PANEL_GROUP, PanelGroup, PanelProducts, PanelRows};
use super::reduction::{ANY, Reducer, Sum};
use super::vector::{LANES, broadcast, load, store};
use super::{NARROW, WIDE};
use std::arch::x86_64::*;

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn panel_products<const WORD: u32>(
    q: &Modulus,
    outs: &mut [PanelRows],
    product: &PanelProducts<'_>,
) {
    if WORD == WIDE {
        return wide_products(q, outs, product);
    }
    // The product of two residues then has one word.
    if 2 * q.bits() <= NARROW {
        narrow_products::<false>(q, outs, product);
    } else {
        narrow_products::<true>(q, outs, product);
    }
}

/// The vectors of a panel.
const VECTORS: usize = PANEL / LANES;

/// A vector for each row and vector of a panel.
type Tile = [[__m512i; VECTORS]; PANEL_GROUP];

/// So many words of 52 bits, and a residue, sum to at most 64 bits.
const MOST_NARROW_PRODUCTS: usize = 2048;

/// [`panel_products`] modulo at most 50 bits; TWO_WORDS where a product has more than 52.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn narrow_products<const TWO_WORDS: bool>(
    q: &Modulus,
    outs: &mut [PanelRows],
    product: &PanelProducts<'_>,
) {
    let reducer = Reducer::<NARROW, ANY>::new(q);
    for (out, group) in outs.iter_mut().zip(product.groups) {
        let mut residues = [[_mm512_setzero_si512(); VECTORS]; PANEL_GROUP];
        let parts = group.inputs.chunks(MOST_NARROW_PRODUCTS);
        for (inputs, weights) in parts.zip(group.weights.chunks(MOST_NARROW_PRODUCTS)) {
            let part = PanelGroup { inputs, weights };
            let (low, high) = narrow_sums::<TWO_WORDS>(residues, product, &part);
            for row in 0..PANEL_GROUP {
                for vector in 0..VECTORS {
                    let sum = Sum::of_words(low[row][vector], high[row][vector]);
                    residues[row][vector] = reducer.residue(sum);
                }
            }
        }
        store_tile(out, &residues);
    }
}

/// The sums of the lower and of the upper words of a group's products, the lower beginning with `low`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn narrow_sums<const TWO_WORDS: bool>(
    mut low: Tile,
    product: &PanelProducts<'_>,
    group: &PanelGroup<'_>,
) -> (Tile, Tile) {
    let mut high = [[_mm512_setzero_si512(); VECTORS]; PANEL_GROUP];
    for (&input, weights) in group.inputs.iter().zip(group.weights) {
        let (words, _) = product.input(input).as_chunks::<LANES>();
        for row in 0..PANEL_GROUP {
            let weight = broadcast(weights[row]);
            for vector in 0..VECTORS {
                let x = load(&words[vector]);
                low[row][vector] = _mm512_madd52lo_epu64(low[row][vector], x, weight);
                if TWO_WORDS {
                    high[row][vector] = _mm512_madd52hi_epu64(high[row][vector], x, weight);
                }
            }
        }
    }
    (low, high)
}

/// [`panel_products`] modulo 51 to 61 bits, row by row.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn wide_products(q: &Modulus, outs: &mut [PanelRows], product: &PanelProducts<'_>) {
    let reducer = Reducer::<WIDE, ANY>::new(q);
    for (out, group) in outs.iter_mut().zip(product.groups) {
        let mut residues = [[_mm512_setzero_si512(); VECTORS]; PANEL_GROUP];
        for (row, residues) in residues.iter_mut().enumerate() {
            let parts = group.inputs.chunks(Sum::MOST_PRODUCTS);
            for (inputs, weights) in parts.zip(group.weights.chunks(Sum::MOST_PRODUCTS)) {
                let mut sums = residues.map(|residue| Sum::of(residue));
                for (&input, weights) in inputs.iter().zip(weights) {
                    let (words, _) = product.input(input).as_chunks::<LANES>();
                    let weight = broadcast(weights[row]);
                    for (sum, x) in sums.iter_mut().zip(words) {
                        sum.add_product::<WIDE, WIDE>(load(x), weight);
                    }
                }
                *residues = sums.map(|sum| reducer.residue(sum));
            }
        }
        store_tile(out, &residues);
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_tile(out: &mut PanelRows, residues: &Tile) {
    for (out, residues) in out.iter_mut().zip(residues) {
        let (words, _) = out.as_chunks_mut::<LANES>();
        for (out, &residue) in words.iter_mut().zip(residues) {
            store(out, residue);
        }
    }
}
