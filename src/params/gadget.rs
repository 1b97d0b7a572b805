//! How keys of one span switch: the digits, and what a switch at each level needs.

use crate::error::Result;
use crate::kernels::ShoupScalar;
use crate::params::{ErrorSize, KeySpan, Log2, NoiseModel, RlweParams, invalid_level};
use crate::ring::{BasisConverter, RnsBasis, TailDivider};
use std::ops::Range;
use std::sync::Arc;

/// The decomposition that all keys of one span share.
#[derive(Debug)]
pub(crate) struct Gadget {
    span: KeySpan,
    /// Where the gadget's primes, data primes and then special primes, stand in the context's key basis.
    rows: Vec<usize>,
    /// The digits at the highest level, as ranges of data primes.
    digits: Vec<Range<usize>>,
    /// For each level of the span.
    levels: Vec<KeySwitching>,
}

impl Gadget {
    /// The gadget of a span that `params` have, with digits of these sizes. `basis` gives the basis of each level.
    pub(super) fn new(
        (params, span): (&RlweParams, KeySpan),
        digit_sizes: &[usize],
        key_basis: &RnsBasis,
        basis: impl Fn(usize) -> Arc<RnsBasis>,
        noise: &NoiseModel,
    ) -> Self {
        let data = params.primes_up_to(span.level);
        let first = params.data_primes().len();
        let special = first..first + span.special_primes;
        let mut start = 0;
        let digits: Vec<Range<usize>> = digit_sizes
            .iter()
            .map(|&size| {
                start += size;
                start - size..start
            })
            .collect();
        let special_basis = key_basis.slice(special.clone());
        let levels = (0..=span.level)
            .map(|level| {
                let own = params.level_primes(level).len();
                let basis = basis(level);
                let left = if level == 0 {
                    basis.len()
                } else {
                    basis.len() - own
                };
                KeySwitching::new((&basis, left), &special_basis, data, &digits, noise)
            })
            .collect();
        Self {
            span,
            rows: (0..data).chain(special).collect(),
            digits,
            levels,
        }
    }

    /// What keys of this gadget cover.
    pub(crate) fn span(&self) -> KeySpan {
        self.span
    }

    /// The digits at the highest level, as ranges of data primes.
    pub(crate) fn digits(&self) -> &[Range<usize>] {
        &self.digits
    }

    /// Where the gadget's primes stand in the context's key basis.
    pub(crate) fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// P modulo each data prime.
    pub(crate) fn special_factors(&self) -> &[ShoupScalar] {
        self.levels
            .last()
            .map_or(&[], |level| &level.special_factors)
    }

    /// What a switch at `level` needs.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) above the span.
    pub(crate) fn at(&self, level: usize) -> Result<&KeySwitching> {
        let switching = self.levels.get(level);
        switching.ok_or_else(|| invalid_level(level, self.span.level))
    }
}

/// What a key switch at one level needs.
#[derive(Debug)]
pub(crate) struct KeySwitching {
    /// The level's primes, then the special primes.
    pub(crate) extended: Arc<RnsBasis>,
    /// Where the extended basis's primes stand among those of the gadget.
    pub(crate) positions: Vec<usize>,
    /// The digits at this level.
    pub(crate) digits: Vec<DigitConversion>,
    /// The division by the product P of the special primes.
    pub(crate) divider: TailDivider,
    /// The division by P and by the level's own primes at once; none at level 0.
    pub(crate) rescaling_divider: Option<TailDivider>,
    /// P modulo each prime of the level.
    pub(crate) special_factors: Vec<ShoupScalar>,
    /// The error that a switch adds, the rounding included.
    pub(crate) noise: ErrorSize,
    /// The error that a switch with a relinearization key adds.
    pub(crate) relinearization_noise: ErrorSize,
}

/// How one digit of a polynomial becomes a small polynomial over the extended basis.
#[derive(Debug)]
pub(crate) struct DigitConversion {
    /// The digit's rows.
    pub(crate) rows: Range<usize>,
    /// From the digit's primes to all others of the extended basis, in order.
    pub(crate) converter: BasisConverter,
}

impl KeySwitching {
    /// At the level of `basis`, of which `rescaled` primes are left after a rescale, or all if there is none.
    fn new(
        (basis, rescaled): (&Arc<RnsBasis>, usize),
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
        let errors = noise.key_switch(&shapes, product(special));
        let relinearization_noise = noise.relinearization(errors).plus(noise.division(1));
        let noise = errors.plus(noise.division(1));
        let divider = TailDivider::new(basis, &special.moduli());
        let rescaling_divider = (rescaled < count).then(|| {
            let below = Arc::new(basis.slice(0..rescaled));
            TailDivider::new(&below, &extended.moduli()[rescaled..])
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
            relinearization_noise,
        }
    }
}
