use crate::error::{Error, OperandError, ParameterError, Result};
use crate::identifiers::Fingerprint;
use crate::kernels::ShoupScalar;
use crate::params::{ErrorSize, Log2, NoiseModel, RlweParams};
use crate::ring::{BasisConverter, Embedding, RnsBasis, TailDivider};
use sha3::{Digest, Sha3_256};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// What both schemes compute once from checked parameters: bases of every level, divisions between them, and the digits of
/// key switching. Immutable; shared as an `Arc`.
///
/// Level l means the first l + 1 data primes: l rescales or switches are left.
pub struct Context {
    params: RlweParams,
    fingerprint: Fingerprint,
    key_basis: Arc<RnsBasis>,
    /// None without special primes.
    special: Option<Arc<RnsBasis>>,
    levels: Vec<Level>,
    digits: Vec<Range<usize>>,
    noise: NoiseModel,
    embedding: OnceLock<Embedding>,
}

/// What belongs to one level.
#[derive(Debug)]
struct Level {
    basis: Arc<RnsBasis>,
    log2_modulus: f64,
    /// The division by this level's last prime; none at level 0.
    rescaler: Option<TailDivider>,
    key_switching: Option<KeySwitching>,
}

/// What a key switch at one level needs.
#[derive(Debug)]
pub(crate) struct KeySwitching {
    /// The level's primes, then the special primes.
    pub(crate) extended: Arc<RnsBasis>,
    /// Where the extended basis's primes stand in the key basis.
    pub(crate) positions: Vec<usize>,
    /// The digits at this level.
    pub(crate) digits: Vec<DigitConversion>,
    /// The division by the product P of the special primes.
    pub(crate) divider: TailDivider,
    /// The division by P and by the level's last prime at once; none at level 0.
    pub(crate) rescaling_divider: Option<TailDivider>,
    /// P modulo each prime of the level.
    pub(crate) special_factors: Vec<ShoupScalar>,
    /// The error that a switch adds, the rounding included.
    pub(crate) noise: ErrorSize,
}

/// How one digit of a polynomial becomes a small polynomial over the extended basis.
#[derive(Debug)]
pub(crate) struct DigitConversion {
    /// The digit's rows.
    pub(crate) rows: Range<usize>,
    /// From the digit's primes to all others of the extended basis, in order.
    pub(crate) converter: BasisConverter,
}

impl Context {
    /// The context of `params`, with the fingerprint of the scheme's parameters.
    pub(super) fn new(params: RlweParams, fingerprint: Fingerprint) -> Result<Self> {
        let key_basis = Arc::new(params.key_basis()?);
        let noise = NoiseModel::new(params.degree());
        let mut digits = Vec::new();
        let mut start = 0;
        for &size in params.digit_sizes() {
            digits.push(start..start + size);
            start += size;
        }
        let levels = (0..params.data_primes().len())
            .map(|level| Level::new(level, &params, &key_basis, &digits, &noise))
            .collect();
        let special = params.data_primes().len()..key_basis.len();
        let special = (!special.is_empty()).then(|| Arc::new(key_basis.slice(special)));
        Ok(Self {
            params,
            fingerprint,
            key_basis,
            special,
            levels,
            digits,
            noise,
            embedding: OnceLock::new(),
        })
    }

    /// The parameters.
    #[must_use]
    pub fn params(&self) -> &RlweParams {
        &self.params
    }

    /// The identity of the parameters: values of two contexts are compatible exactly if this is equal.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// N.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.params.degree()
    }

    /// The level of a fresh ciphertext: the number of data primes less 1.
    #[must_use]
    pub fn top_level(&self) -> usize {
        self.levels.len() - 1
    }

    /// Whether keys can be switched: there are special primes.
    #[must_use]
    pub fn has_key_switching(&self) -> bool {
        !self.digits.is_empty()
    }

    /// The primes of keys: data primes, then special primes.
    #[must_use]
    pub fn key_basis(&self) -> &Arc<RnsBasis> {
        &self.key_basis
    }

    /// The data primes of `level`.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel).
    pub fn basis(&self, level: usize) -> Result<&Arc<RnsBasis>> {
        Ok(&self.level(level)?.basis)
    }

    /// log2 of the product of the data primes of `level`.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel).
    pub fn log2_modulus(&self, level: usize) -> Result<f64> {
        Ok(self.level(level)?.log2_modulus)
    }

    pub(crate) fn noise(&self) -> &NoiseModel {
        &self.noise
    }

    /// The noise of a public-key encryption of zero at `level`: divided by the special primes if there are any.
    pub(crate) fn public_encryption_noise(&self, level: usize) -> Result<ErrorSize> {
        let whole = self.noise.public_encryption();
        let level = self.level(level)?;
        Ok(level.key_switching.as_ref().map_or(whole, |switching| {
            let special = switching.extended.log2_product() - level.log2_modulus;
            let divided = whole.times(Log2::from_bits(-special));
            divided.plus(self.noise.division(1))
        }))
    }

    /// The canonical embedding of the whole ring: N/2 values.
    pub(crate) fn embedding(&self) -> &Embedding {
        self.embedding
            .get_or_init(|| Embedding::new(self.degree() / 2))
    }

    /// The digits of key switching at the top level, as ranges of data primes.
    pub(crate) fn digits(&self) -> &[Range<usize>] {
        &self.digits
    }

    /// The division by the last prime of `level`, and that prime.
    pub(crate) fn rescaler(&self, level: usize) -> Result<(&TailDivider, Log2)> {
        let here = self.level(level)?;
        let divider = here.rescaler.as_ref().ok_or_else(no_level_left)?;
        let prime = here.log2_modulus - self.level(level - 1)?.log2_modulus;
        Ok((divider, Log2::from_bits(prime)))
    }

    pub(crate) fn key_switching(&self, level: usize) -> Result<&KeySwitching> {
        let switching = self.level(level)?.key_switching.as_ref();
        switching.ok_or_else(no_special_primes)
    }

    /// Checks that there are special primes, without which no key can be switched.
    pub(crate) fn check_key_switching(&self) -> Result<()> {
        self.special_basis().map(|_| ())
    }

    /// The special primes.
    pub(crate) fn special_basis(&self) -> Result<&Arc<RnsBasis>> {
        self.special.as_ref().ok_or_else(no_special_primes)
    }

    fn level(&self, level: usize) -> Result<&Level> {
        self.levels
            .get(level)
            .ok_or_else(|| invalid_level(level, self.top_level()))
    }
}

fn no_special_primes() -> Error {
    Error::Parameters(ParameterError::InvalidKeySwitching {
        reason: "the context was built without special primes",
    })
}

/// The error of a level above the highest that could be had.
pub(crate) fn invalid_level(level: usize, highest: usize) -> Error {
    Error::Operands(OperandError::InvalidLevel { level, highest })
}

/// The error of dividing by the last prime of level 0.
pub(crate) fn no_level_left() -> Error {
    Error::Operands(OperandError::LevelExhausted {
        operation: "a rescale or modulus switch",
        needed: 1,
        left: 0,
    })
}

impl fmt::Debug for Context {
    /// The identity only; `Display` of a scheme's context explains it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Context({:?})", self.fingerprint)
    }
}

impl Level {
    fn new(
        level: usize,
        params: &RlweParams,
        key_basis: &RnsBasis,
        digits: &[Range<usize>],
        noise: &NoiseModel,
    ) -> Self {
        let basis = Arc::new(key_basis.slice(0..level + 1));
        let rescaler = (level > 0).then(|| {
            let below = Arc::new(key_basis.slice(0..level));
            TailDivider::new(&below, &[*key_basis.modulus(level)])
        });
        let special = params.data_primes().len()..key_basis.len();
        let key_switching = (!special.is_empty()).then(|| {
            let special = key_basis.slice(special);
            KeySwitching::new(&basis, &special, params.data_primes().len(), digits, noise)
        });
        Self {
            log2_modulus: basis.log2_product(),
            basis,
            rescaler,
            key_switching,
        }
    }
}

impl KeySwitching {
    fn new(
        basis: &Arc<RnsBasis>,
        special: &RnsBasis,
        data_primes: usize,
        digits: &[Range<usize>],
        noise: &NoiseModel,
    ) -> Self {
        let count = basis.len();
        let extended = Arc::new(basis.join(special));
        let positions = (0..count)
            .chain(data_primes..data_primes + special.len())
            .collect();
        let moduli = extended.moduli();
        let at_level = |range: &Range<usize>| range.start..range.end.min(count);
        let digits: Vec<DigitConversion> = digits
            .iter()
            .map(at_level)
            .filter(|rows| !rows.is_empty())
            .map(|rows| {
                let others = [&moduli[..rows.start], &moduli[rows.end..]].concat();
                DigitConversion {
                    converter: BasisConverter::new(&moduli[rows.clone()], &others),
                    rows,
                }
            })
            .collect();
        let product = |basis: &RnsBasis| Log2::from_bits(basis.log2_product());
        let shapes: Vec<(Log2, usize)> = digits
            .iter()
            .map(|d| (product(&basis.slice(d.rows.clone())), d.rows.len()))
            .collect();
        let switch = noise.key_switch(&shapes, product(special));
        let noise = switch.plus(noise.division(1));
        let divider = TailDivider::new(basis, &special.moduli());
        let rescaling_divider = (count > 1).then(|| {
            let below = Arc::new(basis.slice(0..count - 1));
            TailDivider::new(&below, &extended.moduli()[count - 1..])
        });
        let special_factors = moduli[..count]
            .iter()
            .map(|q| {
                let primes = special.primes().into_iter();
                q.shoup(primes.fold(1, |product, prime| q.mul(product, q.reduce(prime))))
            })
            .collect();
        Self {
            rescaling_divider,
            special_factors,
            extended,
            positions,
            digits,
            divider,
            noise,
        }
    }
}

impl Fingerprint {
    /// The hash of a ring, a scheme's name and what else the scheme needs.
    pub(super) fn of(params: &RlweParams, scheme: &str, extra: &[u64]) -> Self {
        let mut hash = Sha3_256::new();
        hash.update(b"slotwise parameters 1\0");
        hash.update(scheme.as_bytes());
        hash.update(b"\0");
        let mut list = |numbers: &[u64]| {
            hash.update((numbers.len() as u64).to_le_bytes());
            numbers
                .iter()
                .for_each(|number| hash.update(number.to_le_bytes()));
        };
        list(&[params.degree() as u64]);
        list(params.data_primes());
        list(params.special_primes());
        list(
            &params
                .digit_sizes()
                .iter()
                .map(|&size| size as u64)
                .collect::<Vec<_>>(),
        );
        list(extra);
        Self::from_bytes(hash.finalize().into())
    }
}
