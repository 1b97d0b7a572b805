use crate::error::{Error, ParameterError, Result};
use crate::kernels::{Modulus, NttTable};
use crate::ring::is_prime;
use crate::ring::scratch::ScratchPool;
use num_bigint::BigUint;
use std::ops::Range;
use std::sync::Arc;

/// Distinct NTT-friendly primes for one degree: the moduli of a polynomial's rows.
///
/// Cheap to cut and join: the tables are shared.
#[derive(Clone, Debug)]
pub struct RnsBasis {
    degree: usize,
    tables: Vec<Arc<NttTable>>,
    pool: Arc<ScratchPool>,
}

impl RnsBasis {
    /// The basis of `primes` for polynomials of `degree` coefficients.
    ///
    /// # Errors
    /// [`ParameterError::InvalidDegree`](crate::ParameterError::InvalidDegree), [`ParameterError::NoPrimes`](crate::ParameterError::NoPrimes), [`ParameterError::InvalidPrimeBits`](crate::ParameterError::InvalidPrimeBits), [`ParameterError::NotPrime`](crate::ParameterError::NotPrime),
    /// [`ParameterError::NotNttFriendly`](crate::ParameterError::NotNttFriendly), [`ParameterError::DuplicatePrime`](crate::ParameterError::DuplicatePrime).
    pub fn new(degree: usize, primes: &[u64]) -> Result<Self> {
        Self::check(degree, primes)?;
        let mut tables = Vec::with_capacity(primes.len());
        for &prime in primes {
            let table = NttTable::new(prime, degree).ok_or(Error::Parameters(
                ParameterError::NotNttFriendly { prime, degree },
            ))?;
            tables.push(Arc::new(table));
        }
        let pool = Arc::new(ScratchPool::new(POOLED_POLYS * degree * primes.len()));
        Ok(Self {
            degree,
            tables,
            pool,
        })
    }

    /// Whether [`new`](Self::new) would succeed, without its tables.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn check(degree: usize, primes: &[u64]) -> Result<()> {
        if !degree.is_power_of_two() || !(8..=1 << 17).contains(&degree) {
            return Err(Error::Parameters(ParameterError::InvalidDegree { degree }));
        }
        if primes.is_empty() {
            return Err(Error::Parameters(ParameterError::NoPrimes));
        }
        for (index, &prime) in primes.iter().enumerate() {
            let bits = u64::BITS - prime.leading_zeros();
            if bits > Modulus::MAX_BITS {
                let least = degree.trailing_zeros() + 2;
                return Err(Error::Parameters(ParameterError::InvalidPrimeBits {
                    bits,
                    least,
                    most: Modulus::MAX_BITS,
                }));
            }
            if !is_prime(prime) {
                return Err(Error::Parameters(ParameterError::NotPrime { value: prime }));
            }
            if primes[..index].contains(&prime) {
                return Err(Error::Parameters(ParameterError::DuplicatePrime { prime }));
            }
            if prime % (2 * degree as u64) != 1 {
                return Err(Error::Parameters(ParameterError::NotNttFriendly {
                    prime,
                    degree,
                }));
            }
        }
        Ok(())
    }

    /// The same primes for polynomials in `X^(N/degree)`, given by their `degree` coefficients, a power of two from 8 to N: their NTT values
    /// are those of the whole polynomials, each `N/degree` times in a row.
    pub(crate) fn of_subring(&self, degree: usize) -> Self {
        let table = |table: &Arc<NttTable>| Arc::new(table.of_subring(degree));
        Self {
            degree,
            tables: self.tables.iter().map(table).collect(),
            pool: Arc::new(ScratchPool::new(POOLED_POLYS * degree * self.len())),
        }
    }

    /// The buffers of dropped polynomials, shared with all bases cut from this one.
    pub(crate) fn pool(&self) -> &ScratchPool {
        &self.pool
    }

    /// N.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.degree
    }

    /// The number of primes, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a basis is never empty")]
    pub fn len(&self) -> usize {
        self.tables.len()
    }

    /// The NTT table of prime `index`.
    #[must_use]
    pub fn table(&self, index: usize) -> &NttTable {
        &self.tables[index]
    }

    /// Prime `index` as a modulus.
    #[must_use]
    pub fn modulus(&self, index: usize) -> &Modulus {
        self.tables[index].modulus()
    }

    /// All primes as moduli.
    #[must_use]
    pub fn moduli(&self) -> Vec<Modulus> {
        self.tables.iter().map(|table| *table.modulus()).collect()
    }

    /// All primes.
    #[must_use]
    pub fn primes(&self) -> Vec<u64> {
        self.tables
            .iter()
            .map(|table| table.modulus().value())
            .collect()
    }

    /// The product of all primes.
    #[must_use]
    pub fn product(&self) -> BigUint {
        self.tables
            .iter()
            .map(|table| BigUint::from(table.modulus().value()))
            .product()
    }

    /// log2 of the product of all primes.
    #[must_use]
    pub fn log2_product(&self) -> f64 {
        self.tables
            .iter()
            .map(|table| log2_word(table.modulus().value()))
            .sum()
    }

    /// The primes at `range`.
    ///
    /// # Panics
    /// If `range` is empty or reaches beyond the basis.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        assert!(!range.is_empty(), "a basis has at least one prime");
        Self {
            degree: self.degree,
            tables: self.tables[range].to_vec(),
            pool: Arc::clone(&self.pool),
        }
    }

    /// The primes of `self`, then those of `other`, which must differ.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        debug_assert_eq!(self.degree, other.degree);
        let tables = self.tables.iter().chain(&other.tables).cloned().collect();
        Self {
            degree: self.degree,
            tables,
            pool: Arc::clone(&self.pool),
        }
    }

    /// Whether these are the first primes of `other`, at the same degree.
    pub(crate) fn is_prefix_of(&self, other: &Self) -> bool {
        let mut pairs = self.tables.iter().zip(&other.tables);
        self.degree == other.degree
            && self.len() <= other.len()
            && pairs.all(|(a, b)| Arc::ptr_eq(a, b) || a.modulus() == b.modulus())
    }
}

impl PartialEq for RnsBasis {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.is_prefix_of(other)
    }
}

impl Eq for RnsBasis {}

/// How many polynomials over all its primes the pool of a basis keeps: more than any operation has at once.
const POOLED_POLYS: usize = 16;

/// log2 of a word, which is not 0.
#[expect(clippy::cast_precision_loss, reason = "53 bits decide the logarithm")]
pub(crate) fn log2_word(value: u64) -> f64 {
    (value as f64).log2()
}
