//! The named parameter sets of the benchmarks.
#![allow(dead_code, reason = "each benchmark uses the sets of its scheme")]

use slotwise::params::{BfvContext, CkksContext, SecurityStandard};

/// A CKKS set with several special primes: a base of 50 bits and `middle` primes of 40 bits.
fn special(degree: usize, middle: usize, special: &[u32]) -> CkksContext {
    let bits = [&[50][..], &vec![40; middle], special].concat();
    CkksContext::builder()
        .degree(degree)
        .prime_bits(&bits)
        .special_primes(special.len())
        .scale_bits(40)
        .build()
        .expect("a valid set")
}

/// The CKKS set `S16`, larger than the others.
pub(crate) fn s16() -> CkksContext {
    special(1 << 16, 32, &[50; 8])
}

/// CKKS sets by name: `C13`, `C14`, `C15` as SEAL shapes them (one special prime), `C14s`, `C15s` as this crate chooses.
pub(crate) fn ckks() -> Vec<(&'static str, CkksContext)> {
    let explicit = |degree, middle: usize, last| {
        let bits = [&[60][..], &vec![40; middle], &[last]].concat();
        CkksContext::builder()
            .degree(degree)
            .prime_bits(&bits)
            .scale_bits(40)
            .standard(SecurityStandard::HomomorphicEncryption2018)
            .build()
            .expect("a valid set")
    };
    vec![
        ("C13", explicit(1 << 13, 2, 60)),
        ("C14", explicit(1 << 14, 8, 58)),
        ("C15", explicit(1 << 15, 19, 60)),
        ("C14s", special(1 << 14, 6, &[45, 45, 45])),
        ("C15s", special(1 << 15, 15, &[50, 50, 50, 50])),
    ]
}

/// BFV sets by name: `B13`, `B14`, `B15` with SEAL's default primes, `B15s` as this crate chooses, t = 65537.
pub(crate) fn bfv() -> Vec<(&'static str, BfvContext)> {
    let explicit = |degree, bits: &[u32]| {
        BfvContext::builder()
            .degree(degree)
            .prime_bits(bits)
            .plaintext_modulus(65_537)
            .standard(SecurityStandard::HomomorphicEncryption2018)
            .build()
            .expect("a valid set")
    };
    let chosen = BfvContext::builder()
        .degree(1 << 15)
        .prime_bits(&[48; 18])
        .special_primes(4)
        .plaintext_modulus(65_537)
        .build()
        .expect("a valid set");
    vec![
        ("B13", explicit(1 << 13, &[43, 43, 44, 44, 44])),
        (
            "B14",
            explicit(1 << 14, &[48, 48, 48, 49, 49, 49, 49, 49, 49]),
        ),
        ("B15", explicit(1 << 15, &[&[55; 15][..], &[56]].concat())),
        ("B15s", chosen),
    ]
}
