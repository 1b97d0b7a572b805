//! What BFV computes once for each level: encoding, decryption and multiplication by residues alone.

use crate::kernels::{Modulus, ShoupScalar};
use crate::ring::{BasisConverter, RnsBasis, TailDivider, log2, ntt_primes};
use num_bigint::BigUint;
use std::sync::Arc;

/// The tables of one level with modulus Q and plaintext modulus t.
#[derive(Debug)]
pub(crate) struct BfvLevel {
    /// Q mod t.
    pub(crate) modulus_mod_plain: u64,
    /// t^-1 modulo each data prime.
    pub(crate) plain_inverses: Vec<ShoupScalar>,
    /// t modulo each data prime.
    pub(crate) plain_residues: Vec<ShoupScalar>,
    /// From x modulo the data primes to `t x` modulo t, centred modulo Q before that.
    pub(crate) to_plain: BasisConverter,
    /// -Q^-1 mod t.
    pub(crate) negated_inverse_mod_plain: u64,
    pub(crate) tensor: TensorTables,
}

/// The tables of multiplication: a second basis R, a little larger than Q.
///
/// Source: A. Kim, Y. Polyakov, V. Zucca, "Revisiting Homomorphic Encryption Schemes for Finite Fields" (eprint 2021/204),
/// section 4.3: one operand is extended from Q to QR, the other scaled by R/Q, and the product divided by R, so that the
/// result is modulo Q without a last conversion.
#[derive(Debug)]
pub(crate) struct TensorTables {
    /// The primes of R.
    pub(crate) auxiliary: Arc<RnsBasis>,
    /// The primes of Q, then those of R.
    pub(crate) joined: Arc<RnsBasis>,
    pub(crate) to_auxiliary: BasisConverter,
    pub(crate) from_auxiliary: BasisConverter,
    /// R modulo each data prime.
    pub(crate) auxiliary_residues: Vec<ShoupScalar>,
    /// -Q^-1 modulo each prime of R.
    pub(crate) negated_inverses: Vec<ShoupScalar>,
    /// t modulo each prime of Q and R.
    pub(crate) plain_residues: Vec<ShoupScalar>,
    pub(crate) divider: TailDivider,
}

impl BfvLevel {
    /// The tables for the data primes of `basis`, or `None` if t is not coprime to them.
    pub(super) fn new(
        basis: &Arc<RnsBasis>,
        auxiliary: &RnsBasis,
        plain: &Modulus,
    ) -> Option<Self> {
        let modulus = basis.product();
        let t = BigUint::from(plain.value());
        let inverse = modulus.modinv(&t)?;
        let moduli = basis.moduli();
        let inverses = moduli
            .iter()
            .map(|q| q.shoup(q.inverse(q.reduce(plain.value()))))
            .collect();
        Some(Self {
            modulus_mod_plain: word(&(&modulus % &t)),
            plain_inverses: inverses,
            plain_residues: moduli
                .iter()
                .map(|q| q.shoup(q.reduce(plain.value())))
                .collect(),
            to_plain: BasisConverter::new(&moduli, &[*plain]).of_multiples(plain.value()),
            negated_inverse_mod_plain: plain.neg(word(&inverse)),
            tensor: TensorTables::new(basis, auxiliary, plain),
        })
    }
}

impl TensorTables {
    fn new(basis: &Arc<RnsBasis>, auxiliary: &RnsBasis, plain: &Modulus) -> Self {
        let wanted = basis.log2_product() + AUXILIARY_MARGIN_BITS;
        let count =
            (1..auxiliary.len()).find(|&count| auxiliary.slice(0..count).log2_product() >= wanted);
        let auxiliary = Arc::new(auxiliary.slice(0..count.unwrap_or(auxiliary.len())));
        let (q, r) = (basis.product(), auxiliary.product());
        let (data, extra) = (basis.moduli(), auxiliary.moduli());
        let joined = Arc::new(basis.join(&auxiliary));
        Self {
            to_auxiliary: BasisConverter::new(&data, &extra),
            from_auxiliary: BasisConverter::new(&extra, &data),
            auxiliary_residues: data
                .iter()
                .map(|p| p.shoup(word(&(&r % p.value()))))
                .collect(),
            negated_inverses: extra
                .iter()
                .map(|p| p.shoup(p.neg(p.inverse(word(&(&q % p.value()))))))
                .collect(),
            plain_residues: joined
                .moduli()
                .iter()
                .map(|p| p.shoup(p.reduce(plain.value())))
                .collect(),
            divider: TailDivider::new(basis, &extra),
            auxiliary,
            joined,
        }
    }
}

/// How much larger than Q the second modulus is at least: the rounding of the scaled operand then adds less than a
/// sixteenth of what a fresh ciphertext's own rounding does.
const AUXILIARY_MARGIN_BITS: f64 = 4.0;

/// Primes for the second basis of the top level: none of `used`, of a size that the fast kernels serve if the data primes
/// are.
pub(super) fn auxiliary_primes(data: &RnsBasis, used: &[u64]) -> Vec<u64> {
    let bits = if data.primes().iter().all(|prime| prime >> 50 == 0) {
        50
    } else {
        60
    };
    let wanted = log2(&data.product()) + AUXILIARY_MARGIN_BITS;
    let mut primes = Vec::new();
    let mut product = BigUint::from(1u32);
    for prime in ntt_primes(bits, data.degree()).filter(|prime| !used.contains(prime)) {
        primes.push(prime);
        product *= prime;
        if log2(&product) >= wanted {
            break;
        }
    }
    primes
}

/// A remainder by a word.
fn word(remainder: &BigUint) -> u64 {
    remainder.iter_u64_digits().next().unwrap_or(0)
}
