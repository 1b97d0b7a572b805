use crate::error::{Error, OperandError, ParameterError, Result};
use crate::identifiers::Fingerprint;
use crate::params::rlwe::balanced_digits;
use crate::params::{ErrorSize, Gadget, KeySpan, KeySwitching, Log2, NoiseModel, RlweParams};
use crate::ring::{Embedding, RnsBasis, TailDivider};
use sha3::{Digest, Sha3_256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, Weak};

/// What both schemes compute once from checked parameters: bases of every level, divisions between them, and the digits of
/// key switching. Immutable; shared as an `Arc`.
///
/// Level l means the data primes of levels 0 to l, one or more each: l rescales or switches are left.
pub struct Context {
    params: RlweParams,
    fingerprint: Fingerprint,
    key_basis: Arc<RnsBasis>,
    /// None without special primes.
    special: Option<Arc<RnsBasis>>,
    levels: Vec<Level>,
    /// The gadget of the whole span; none without special primes.
    gadget: Option<Arc<Gadget>>,
    /// Those of smaller spans that keys use now.
    smaller_gadgets: Mutex<HashMap<KeySpan, Weak<Gadget>>>,
    noise: NoiseModel,
    embedding: OnceLock<Embedding>,
}

/// What belongs to one level.
#[derive(Debug)]
struct Level {
    basis: Arc<RnsBasis>,
    log2_modulus: f64,
    /// The division by this level's own primes; none at level 0.
    rescaler: Option<TailDivider>,
}

impl Context {
    /// The context of `params`, with the fingerprint of the scheme's parameters.
    pub(crate) fn new(params: RlweParams, fingerprint: Fingerprint) -> Result<Self> {
        let key_basis = Arc::new(params.key_basis()?);
        let noise = NoiseModel::new(params.degree(), params.secret());
        let levels: Vec<Level> = (0..params.level_sizes().len())
            .map(|level| Level::new(level, &params, &key_basis))
            .collect();
        let special = params.data_primes().len()..key_basis.len();
        let special = (!special.is_empty()).then(|| Arc::new(key_basis.slice(special)));
        let basis = |level: usize| Arc::clone(&levels[level].basis);
        let gadget = special.as_ref().map(|_| {
            let (span, digits) = (params.whole_span(), params.digit_sizes());
            Arc::new(Gadget::new(
                (&params, span),
                digits,
                &key_basis,
                basis,
                &noise,
            ))
        });
        Ok(Self {
            params,
            fingerprint,
            key_basis,
            special,
            levels,
            gadget,
            smaller_gadgets: Mutex::default(),
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

    /// The level of a fresh ciphertext.
    #[must_use]
    pub fn top_level(&self) -> usize {
        self.levels.len() - 1
    }

    /// Whether keys can be switched: there are special primes.
    #[must_use]
    pub fn has_key_switching(&self) -> bool {
        self.gadget.is_some()
    }

    /// The primes of keys: data primes, then special primes.
    #[must_use]
    pub fn key_basis(&self) -> &Arc<RnsBasis> {
        &self.key_basis
    }

    /// The primes of keys of a span: the data primes of its levels, then its special primes.
    ///
    /// # Errors
    /// [`ParameterError::InvalidSpan`](crate::ParameterError::InvalidSpan); [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) without special primes.
    pub fn span_basis(&self, span: KeySpan) -> Result<Arc<RnsBasis>> {
        let gadget = self.gadget_of(span)?;
        Ok(Arc::clone(&gadget.at(span.level)?.extended))
    }

    /// The digits of keys of a span, as ranges of data primes: those of the parameters for the whole span, for a smaller one the
    /// fewest runs whose products are at most that of its special primes, of about equal size.
    ///
    /// # Errors
    /// As [`span_basis`](Self::span_basis).
    pub fn span_digits(&self, span: KeySpan) -> Result<Vec<Range<usize>>> {
        Ok(self.gadget_of(span)?.digits().to_vec())
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
        let modulus = self.log2_modulus(level)?;
        let switching = self
            .gadget
            .as_ref()
            .and_then(|gadget| gadget.at(level).ok());
        Ok(switching.map_or(whole, |switching| {
            let special = switching.extended.log2_product() - modulus;
            let divided = whole.times(Log2::from_bits(-special));
            divided.plus(self.noise.division(1))
        }))
    }

    /// The canonical embedding of the whole ring: N/2 values.
    pub(crate) fn embedding(&self) -> &Embedding {
        self.embedding
            .get_or_init(|| Embedding::new(self.degree() / 2))
    }

    /// The division by the data primes of `level` itself, and their product.
    pub(crate) fn rescaler(&self, level: usize) -> Result<(&TailDivider, Log2)> {
        let here = self.level(level)?;
        let divider = here.rescaler.as_ref().ok_or_else(no_level_left)?;
        let primes = here.log2_modulus - self.level(level - 1)?.log2_modulus;
        Ok((divider, Log2::from_bits(primes)))
    }

    /// The level of a polynomial over so many data primes.
    pub(crate) fn level_of(&self, primes: usize) -> usize {
        self.levels
            .partition_point(|level| level.basis.len() < primes)
    }

    /// The gadget of the whole span.
    pub(crate) fn gadget(&self) -> Result<&Arc<Gadget>> {
        self.gadget.as_ref().ok_or_else(no_special_primes)
    }

    /// The gadget of a span: kept as long as keys use it.
    ///
    /// # Errors
    /// [`ParameterError::InvalidSpan`](crate::ParameterError::InvalidSpan) for a level or a number of special primes that the parameters do not have.
    pub(crate) fn gadget_of(&self, span: KeySpan) -> Result<Arc<Gadget>> {
        let whole = self.gadget()?;
        let digits = self.digit_sizes(span)?;
        if span == whole.span() {
            return Ok(Arc::clone(whole));
        }
        // A poisoned lock only costs a gadget that is not shared.
        let mut known = self.smaller_gadgets.lock().ok();
        let found = known.as_ref().and_then(|known| known.get(&span)?.upgrade());
        if let Some(gadget) = found {
            return Ok(gadget);
        }
        let basis = |level: usize| Arc::clone(&self.levels[level].basis);
        let of = (&self.params, span);
        let gadget = Arc::new(Gadget::new(
            of,
            &digits,
            &self.key_basis,
            basis,
            &self.noise,
        ));
        if let Some(known) = &mut known {
            known.retain(|_, gadget| gadget.strong_count() > 0);
            known.insert(span, Arc::downgrade(&gadget));
        }
        Ok(gadget)
    }

    /// The number of data primes in each digit of keys of a span.
    ///
    /// # Errors
    /// As [`gadget_of`](Self::gadget_of).
    pub(crate) fn digit_sizes(&self, span: KeySpan) -> Result<Cow<'_, [usize]>> {
        self.check_key_switching()?;
        let whole = self.params.whole_span();
        if span.level > whole.level {
            return Err(invalid_span("its level is above the highest"));
        }
        if !(1..=whole.special_primes).contains(&span.special_primes) {
            return Err(invalid_span(
                "it has at least one special prime and at most all",
            ));
        }
        if span == whole {
            return Ok(Cow::Borrowed(self.params.digit_sizes()));
        }
        let data = &self.params.data_primes()[..self.params.primes_up_to(span.level)];
        let special = &self.params.special_primes()[..span.special_primes];
        Ok(Cow::Owned(balanced_digits(data, special)))
    }

    /// What a switch with a key of the whole span needs at `level`.
    pub(crate) fn key_switching(&self, level: usize) -> Result<&KeySwitching> {
        self.gadget()?.at(level)
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

fn invalid_span(reason: &'static str) -> Error {
    Error::Parameters(ParameterError::InvalidSpan { reason })
}

fn no_special_primes() -> Error {
    Error::Parameters(ParameterError::InvalidKeySwitching {
        reason: "the context was built without special primes; build it with `special_primes(1)` or more",
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
    fn new(level: usize, params: &RlweParams, key_basis: &RnsBasis) -> Self {
        let primes = params.primes_up_to(level);
        let basis = Arc::new(key_basis.slice(0..primes));
        let rescaler = (level > 0).then(|| {
            let left = params.primes_up_to(level - 1);
            let below = Arc::new(key_basis.slice(0..left));
            TailDivider::new(&below, &basis.moduli()[left..])
        });
        Self {
            log2_modulus: basis.log2_product(),
            basis,
            rescaler,
        }
    }
}

impl Fingerprint {
    /// The hash of a ring, a scheme's name and what else the scheme needs.
    pub(crate) fn of(params: &RlweParams, scheme: &str, extra: &[u64]) -> Self {
        let mut hash = Sha3_256::new();
        hash.update(b"slotwise parameters 2\0");
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
        for sizes in [params.level_sizes(), params.digit_sizes()] {
            let sizes: Vec<u64> = sizes.iter().map(|&size| size as u64).collect();
            list(&sizes);
        }
        list(&params.secret().code().map(u64::from));
        list(extra);
        Self::from_bytes(hash.finalize().into())
    }
}
