//! What a context says of itself before any key is made.

use crate::params::{Context, SecurityPolicy};
use std::fmt;

/// The bytes of each object, as it lies in memory: 8 bytes a residue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) ciphertext: usize,
    pub(super) seeded_ciphertext: usize,
    pub(super) secret_key: usize,
    pub(super) public_key: usize,
    pub(super) switching_key: usize,
}

impl Sizes {
    pub(super) fn of(context: &Context) -> Self {
        let row = 8 * context.degree();
        let key_poly = row * context.key_basis().len();
        let data_poly = row * (context.top_level() + 1);
        Self {
            ciphertext: 2 * data_poly,
            seeded_ciphertext: data_poly + crate::ring::SEED_BYTES,
            secret_key: key_poly,
            public_key: 2 * key_poly,
            switching_key: 2 * key_poly * context.digits().len(),
        }
    }
}

/// Writes the lines that both schemes share.
pub(super) fn write(context: &Context, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let params = context.params();
    let data = context
        .log2_modulus(context.top_level())
        .unwrap_or(f64::NAN);
    let special = context.key_basis().log2_product() - data;
    let bits = |primes: &[u64]| -> Vec<u32> {
        primes
            .iter()
            .map(|p| u64::BITS - p.leading_zeros())
            .collect()
    };
    writeln!(out, "  degree N            {}", context.degree())?;
    writeln!(
        out,
        "  data primes         {:?} bits, log2(Q) = {data:.2}",
        bits(params.data_primes())
    )?;
    if params.special_primes().is_empty() {
        writeln!(out, "  key switching       none: no special primes")?;
    } else {
        writeln!(
            out,
            "  special primes      {:?} bits, log2(P) = {special:.2}; digits of {:?} primes",
            bits(params.special_primes()),
            params.digit_sizes()
        )?;
    }
    match params.policy() {
        SecurityPolicy::Enforced(standard, level) => {
            let limit = standard
                .max_modulus_bits(level, context.degree())
                .unwrap_or(0);
            let bits = level.bits();
            writeln!(
                out,
                "  security            {bits} bits ({standard:?}): log2(QP) = {:.2} of at most {limit}",
                data + special
            )?;
        }
        SecurityPolicy::Insecure => writeln!(
            out,
            "  security            NOT CHECKED: built by an insecure_ constructor"
        )?,
    }
    writeln!(out, "  levels              {}", context.top_level())?;
    let sizes = Sizes::of(context);
    writeln!(
        out,
        "  ciphertext          {} bytes, {} from a seed",
        sizes.ciphertext, sizes.seeded_ciphertext
    )?;
    writeln!(out, "  secret key          {} bytes", sizes.secret_key)?;
    writeln!(out, "  public key          {} bytes", sizes.public_key)?;
    writeln!(out, "  relinearization key {} bytes", sizes.switching_key)?;
    write!(out, "  each Galois key     {} bytes", sizes.switching_key)
}
