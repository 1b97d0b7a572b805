use super::modulus::high;
use super::signed_factor::SignedFactor;
use super::{AlignedWords, Modulus, ShoupScalar};
use std::fmt;

/// The twiddle factors of the negacyclic NTT of one degree modulo one prime `q = 1 mod 2N`.
///
/// With psi the smallest primitive 2N-th root of unity modulo q, twiddle i is `psi^bit_reverse(i)`: a factor and its 64-bit
/// Shoup quotient. The inverse transform needs `psi^-bit_reverse(i)`, which is the negative of another twiddle of the same
/// layer, that of the mirrored node: one table serves both, and stays in the caches between them.
///
/// Source: P. Longa, M. Naehrig, "Speeding up the Number Theoretic Transform for Faster Ideal Lattice-Based
/// Cryptography" (eprint 2016/504), algorithms 1 and 2.
pub struct NttTable {
    modulus: Modulus,
    degree: usize,
    twiddles: TwiddleTable,
    /// N^-1 mod q.
    pub(super) degree_inverse: ShoupScalar,
    /// N^-1 times the last twiddle of the inverse transform: its division by N is folded into the last layer.
    pub(super) degree_inverse_times_last: ShoupScalar,
}

/// Factors and quotients as two parallel arrays, as a vector kernel loads them, or the three fields of [`SignedFactor`]s.
#[derive(Debug)]
struct TwiddleTable {
    factors: AlignedWords,
    quotients: AlignedWords,
    /// Empty unless factors and quotients are signed.
    shifted: AlignedWords,
}

/// The twiddles of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Twiddles<'a> {
    modulus: u64,
    /// Only those of the first N/4 twiddles, which serve all layers but the last two, for kernels that derive the others.
    pub(super) factors: &'a [u64],
    /// Rotated to the right by `rotation` bits.
    pub(super) quotients: &'a [u64],
    /// The third field of signed factors, whose other fields the others are; empty if they are not signed.
    shifted: &'a [u64],
    /// 12 for a narrow modulus, so that the low 52 bits are the quotient `floor(factor * 2^52 / q)`, which a product of 52-bit
    /// words reads without a shift; 0 for others.
    pub(super) rotation: u32,
}

/// A modulus of at most so many bits is narrow: four times a residue fits a word of 52 bits.
pub(super) const NARROW_BITS: u32 = 50;

impl NttTable {
    /// The table of degree `degree` modulo `prime`, or `None` unless `degree` is a power of two of at least 2 and
    /// `prime` has at most 61 bits and a primitive 2N-th root of unity (which a prime `q = 1 mod 2N` has).
    #[must_use]
    pub fn new(prime: u64, degree: usize) -> Option<Self> {
        let order = 2 * degree as u64;
        if degree < 2
            || !degree.is_power_of_two()
            || prime >> Modulus::MAX_BITS != 0
            || prime % order != 1
        {
            return None;
        }
        let modulus = Modulus::new(prime);
        let root = smallest_primitive_root(&modulus, order)?;
        let factors = bit_reversed_powers(&modulus, root, degree);
        Some(Self::with_factors(modulus, factors))
    }

    /// The table of a smaller degree, at least 2, whose root of unity is the power of this one's: a polynomial in `X^(N/degree)` has the
    /// values that its coefficients have there, each `N/degree` times in a row.
    pub(crate) fn of_subring(&self, degree: usize) -> Self {
        // The first twiddles in bit-reversed order are the powers of the power.
        let factors = (0..degree).map(|i| self.twiddles().at(i).value);
        Self::with_factors(self.modulus, factors.collect())
    }

    fn with_factors(modulus: Modulus, factors: Vec<u64>) -> Self {
        let degree = factors.len();
        let twiddles = TwiddleTable::new(&modulus, factors);
        let degree_inverse = modulus.inverse(modulus.reduce(degree as u64));
        let first = twiddles.of(&modulus).at(1).value;
        let last = modulus.mul(degree_inverse, modulus.neg(first));
        Self {
            modulus,
            degree,
            twiddles,
            degree_inverse: modulus.shoup(degree_inverse),
            degree_inverse_times_last: modulus.shoup(last),
        }
    }

    /// The prime modulus.
    #[must_use]
    pub const fn modulus(&self) -> &Modulus {
        &self.modulus
    }

    /// N.
    #[must_use]
    pub const fn degree(&self) -> usize {
        self.degree
    }

    /// `psi^(N/2)`, a square root of -1.
    pub(crate) fn imaginary_unit(&self) -> ShoupScalar {
        self.twiddles().at(1)
    }

    /// The forward transform in place; see `Kernels::forward_ntt` for the order of the values.
    ///
    /// # Panics
    /// If `row` does not have N entries.
    pub fn forward(&self, row: &mut [u64]) {
        assert_eq!(
            row.len(),
            self.degree,
            "a row has one residue per coefficient"
        );
        self.modulus.kernels().forward_ntt(self, row);
    }

    /// The inverse of [`forward`](Self::forward) in place.
    ///
    /// # Panics
    /// If `row` does not have N entries.
    pub fn inverse(&self, row: &mut [u64]) {
        assert_eq!(
            row.len(),
            self.degree,
            "a row has one residue per coefficient"
        );
        self.modulus.kernels().inverse_ntt(self, row);
    }

    pub(super) fn twiddles(&self) -> Twiddles<'_> {
        self.twiddles.of(&self.modulus)
    }

    /// The same table for other kernels, for conformance tests.
    #[cfg(test)]
    pub(super) fn with_kernels(&self, kernels: &'static dyn super::Kernels) -> Self {
        let modulus = self.modulus.with_kernels(kernels);
        let factors = (0..self.degree).map(|i| self.twiddles().at(i).value);
        Self {
            modulus,
            twiddles: TwiddleTable::new(&modulus, factors.collect()),
            ..*self
        }
    }
}

impl fmt::Debug for NttTable {
    /// The shape only.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "NttTable({} modulo {})",
            self.degree,
            self.modulus.value()
        )
    }
}

impl TwiddleTable {
    fn new(modulus: &Modulus, mut factors: Vec<u64>) -> Self {
        if modulus.kernels().signs_twiddles(factors.len()) {
            return Self::signed(modulus, &factors);
        }
        let rotation = rotation(modulus);
        let quotients = factors
            .iter()
            .map(|&factor| modulus.shoup(factor).quotient.rotate_right(rotation))
            .collect();
        if modulus.kernels().derives_factors(factors.len()) {
            factors.truncate(factors.len() / 4);
        }
        Self {
            factors: factors.into_iter().collect(),
            quotients,
            shifted: AlignedWords::zeroed(0),
        }
    }

    fn signed(modulus: &Modulus, factors: &[u64]) -> Self {
        let signed = || factors.iter().map(|&w| SignedFactor::new(modulus, w));
        Self {
            factors: signed().map(|factor| factor.value).collect(),
            quotients: signed().map(|factor| factor.quotient).collect(),
            shifted: signed().map(|factor| factor.shifted).collect(),
        }
    }

    fn of(&self, modulus: &Modulus) -> Twiddles<'_> {
        Twiddles {
            modulus: modulus.value(),
            factors: &self.factors,
            quotients: &self.quotients,
            shifted: &self.shifted,
            rotation: rotation(modulus),
        }
    }
}

fn rotation(modulus: &Modulus) -> u32 {
    if modulus.bits() <= NARROW_BITS { 12 } else { 0 }
}

fn bit_reversed_powers(modulus: &Modulus, root: u64, degree: usize) -> Vec<u64> {
    let bits = degree.trailing_zeros();
    let mut powers = vec![0; degree];
    let mut power = 1;
    for i in 0..degree {
        powers[i.reverse_bits() >> (usize::BITS - bits)] = power;
        power = modulus.mul(power, root);
    }
    powers
}

#[cfg(target_arch = "x86_64")]
impl<'a> Twiddles<'a> {
    /// The fields of signed factors: values, shifted values and quotients.
    #[inline]
    pub(super) fn signed(self) -> [&'a [u64]; 3] {
        debug_assert_eq!(self.shifted.len(), self.factors.len());
        [self.factors, self.shifted, self.quotients]
    }
}

impl Twiddles<'_> {
    /// Whether only the first N/4 factors are there.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn derived(self) -> bool {
        self.factors.len() < self.quotients.len()
    }

    #[inline]
    pub(super) fn at(self, index: usize) -> ShoupScalar {
        if let Some(&shifted) = self.shifted.get(index) {
            let factor = SignedFactor {
                value: self.factors[index],
                shifted,
                quotient: self.quotients[index],
            };
            return factor.unsigned(self.modulus);
        }
        let quotient = self.quotients[index].rotate_left(self.rotation);
        let stored = self.factors.get(index).copied();
        // The quotient is floor(factor * 2^64 / q), and never exact.
        let derived = || high(u128::from(quotient) * u128::from(self.modulus)) + 1;
        ShoupScalar {
            value: stored.unwrap_or_else(derived),
            quotient,
        }
    }
}

/// The node whose twiddle is the negative of that of `node` in the inverse transform.
///
/// In the layer of the nodes `L + k`, for k below the power of two L, the exponents of psi are the odd multiples of N/2L below N,
/// and complementing the bits of k takes `e` to `N - e`; `psi^N = -1`.
#[inline]
pub(super) const fn mirrored(node: usize) -> usize {
    let layer = 1 << node.ilog2();
    3 * layer - 1 - node
}

/// The smallest element of order exactly `order` (a power of two dividing q - 1), so that the table of a prime is one
/// and the same on every machine.
fn smallest_primitive_root(modulus: &Modulus, order: u64) -> Option<u64> {
    let q = modulus.value();
    let mut root = (2..q.min(1000))
        .map(|candidate| modulus.pow(candidate, (q - 1) / order))
        .find(|&root| modulus.pow(root, order / 2) == q - 1)?;
    // The odd powers of one primitive root are all of them.
    let square = modulus.mul(root, root);
    let mut smallest = root;
    for _ in 1..order / 2 {
        root = modulus.mul(root, square);
        smallest = smallest.min(root);
    }
    Some(smallest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_what_has_no_transform() {
        assert!(NttTable::new(17, 8).is_some());
        assert!(NttTable::new(17, 16).is_none(), "17 is not 1 mod 32");
        assert!(NttTable::new(17, 6).is_none(), "6 is not a power of two");
        assert!(NttTable::new(17, 1).is_none());
        assert!(
            NttTable::new(33, 16).is_none(),
            "33 is composite and has no root of order 32"
        );
        assert!(NttTable::new((1 << 62) + 1, 8).is_none());
    }
}
