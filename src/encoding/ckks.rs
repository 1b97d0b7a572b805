use crate::encoding::residues::{Residues, fill};
use crate::encoding::weight_rows::{Coefficients, LEAST_RUN, Memory, PlaintextPoly, WeightRows};
use crate::error::{Error, Result, ValueError, check_count, check_finite};
use crate::kernels::{ComplexRow, are_finite, largest_square, round_parts};
use crate::params::{CkksContext, CkksState, Scale, round_shifted};
use crate::ring::{CoeffPoly, Embedding, NttPoly, RnsBasis, RunRows};
use num_bigint::BigInt;
use num_complex::Complex64;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Between numbers and CKKS plaintexts.
///
/// A message of n slots, n a power of two up to N/2, is packed sparsely into a polynomial in `X^(N/2n)`: every slot count
/// fills all N/2 slots by repetition, so that rotations of fewer slots wrap over that number.
///
/// ```
/// use num_complex::Complex64;
/// use slotwise::encoding::CkksEncoder;
/// # use slotwise::prelude::*;
/// # fn main() -> slotwise::Result<()> {
/// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
/// let encoder = CkksEncoder::new(&context);
/// let level = context.top_level();
///
/// // Real values at the level's own scale, complex ones at any, or values that repeat over all slots.
/// let reals = encoder.encode(&[0.5, -1.5], level)?;
/// let values = [Complex64::new(0.5, -0.25)];
/// let complex = encoder.encode_complex(&values, level, context.scale(level)?)?;
/// let repeated = encoder.encode_sparse(&values, 4, level, context.scale(level)?)?;
///
/// assert!((encoder.decode(&reals)?[1] + 1.5).abs() < 1e-6);
/// assert!((encoder.decode_complex(&complex)?[0] - values[0]).norm() < 1e-6);
/// assert!((encoder.decode_complex(&repeated)?[4] - values[0]).norm() < 1e-6);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[doc(alias = "CKKSEncoder")]
pub struct CkksEncoder {
    context: CkksContext,
    /// For each number of slots, by its logarithm.
    tables: Arc<Vec<Tables>>,
}

/// What messages of one number of slots are encoded with, made when it is first needed.
#[derive(Default)]
struct Tables {
    transform: OnceLock<Embedding>,
    /// All primes, for polynomials in as high a power of X.
    subring: OnceLock<RnsBasis>,
}

/// A polynomial that stands for a message times a scale, with bounds for both.
#[derive(Clone, Debug)]
pub struct CkksPlaintext {
    pub(crate) context: CkksContext,
    poly: PlaintextPoly,
    /// Its noise is the error of the encoding.
    pub(crate) state: CkksState,
}

impl CkksPlaintext {
    pub(crate) fn new(context: &CkksContext, poly: NttPoly, state: CkksState) -> Self {
        Self::of(context, PlaintextPoly::new(poly), state)
    }

    fn of(context: &CkksContext, poly: PlaintextPoly, state: CkksState) -> Self {
        Self {
            context: context.clone(),
            poly,
            state,
        }
    }

    /// The polynomial over the data primes of the level.
    pub(crate) fn poly(&self) -> &NttPoly {
        self.poly.whole()
    }

    /// The data primes of the level.
    pub(crate) fn basis(&self) -> &Arc<RnsBasis> {
        self.poly.basis()
    }

    /// The values of so many equal runs of places, of which the row modulo a data prime consists.
    pub(crate) fn run_values(&self, prime: usize, runs: usize) -> impl Iterator<Item = u64> {
        let values = self.poly.run_values(prime);
        values.iter().copied().step_by(values.len() / runs)
    }

    /// The rows over data and special primes.
    ///
    /// # Errors
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) without special primes.
    pub(crate) fn weight_rows(&self) -> Result<WeightRows<'_>> {
        let basis = self.context.rlwe().special_basis()?;
        Ok(self.poly.weight_rows(|poly| self.over(poly, basis)))
    }

    /// The plaintext with its rows over data and special primes made now, for sums whose keys have no more special primes than these:
    /// fewer rows take less memory.
    ///
    /// # Errors
    /// As [`weight_rows`](Self::weight_rows).
    fn with_weight_rows(self, special_primes: usize) -> Result<Self> {
        let basis = Arc::new(
            self.context
                .rlwe()
                .special_basis()?
                .slice(0..special_primes),
        );
        self.poly.weight_rows(|poly| self.over(poly, &basis));
        Ok(self)
    }

    /// The polynomial over special primes.
    fn over(&self, poly: &NttPoly, basis: &Arc<RnsBasis>) -> NttPoly {
        let residues = Residues::of(poly, self.state.phase().bits());
        residues.over(basis).into_ntt()
    }

    /// The level it was encoded at.
    #[must_use]
    pub fn level(&self) -> usize {
        self.state.level
    }

    /// The factor between the message and the polynomial.
    #[must_use]
    pub fn scale(&self) -> Scale {
        self.state.scale
    }

    /// The largest magnitude of a slot. Encryption rounds it up to a power of two, at least 1, and operations round it up by up to an
    /// eighth, because the bounds of ciphertexts travel in the clear.
    #[must_use]
    pub fn message_bound(&self) -> f64 {
        self.state.message_bound
    }
}

impl fmt::Debug for CkksEncoder {
    /// The parameters only: the tables are long.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CkksEncoder({:?})", self.context.fingerprint())
    }
}

impl CkksEncoder {
    /// The encoder of `context`.
    #[must_use]
    pub fn new(context: &CkksContext) -> Self {
        let sizes = context.slots().trailing_zeros() + 1;
        Self {
            context: context.clone(),
            tables: Arc::new((0..sizes).map(|_| Tables::default()).collect()),
        }
    }

    /// The context.
    #[must_use]
    pub fn context(&self) -> &CkksContext {
        &self.context
    }

    /// Real values in the first slots of all N/2, or of those that a [message](CkksContext::message_slots) of the context has, the rest 0, at `level` and its canonical scale. Fewer values are packed as
    /// given: use [`encode_sparse`](Self::encode_sparse) to repeat them.
    ///
    /// # Errors
    /// As [`encode_complex`](Self::encode_complex).
    #[doc(alias = "EncodeSlots")]
    pub fn encode(&self, values: &[f64], level: usize) -> Result<CkksPlaintext> {
        let slots = self.context.message_slots();
        check_reals(values, slots)?;
        let message = to_complex(values, slots);
        self.encode_slots(message, level, self.context.scale(level)?)
    }

    /// `f32` values, as [`encode`](Self::encode).
    ///
    /// # Errors
    /// As [`encode_complex`](Self::encode_complex).
    pub fn encode_f32(&self, values: &[f32], level: usize) -> Result<CkksPlaintext> {
        let values: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
        self.encode(&values, level)
    }

    /// Integers, as [`encode`](Self::encode); those above 2^53 are rounded to 53 bits.
    ///
    /// # Errors
    /// As [`encode_complex`](Self::encode_complex).
    #[expect(clippy::cast_precision_loss, reason = "documented")]
    pub fn encode_i64(&self, values: &[i64], level: usize) -> Result<CkksPlaintext> {
        let values: Vec<f64> = values.iter().map(|&value| value as f64).collect();
        self.encode(&values, level)
    }

    /// Complex values in the first slots of all N/2, the rest 0, at any level and scale.
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty); [`ValueError::TooManyValues`](crate::ValueError::TooManyValues); [`ValueError::NotFinite`](crate::ValueError::NotFinite); [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel);
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) if scale times message does not fit the modulus of the level.
    pub fn encode_complex(
        &self,
        values: &[Complex64],
        level: usize,
        scale: Scale,
    ) -> Result<CkksPlaintext> {
        self.encode_sparse(values, self.context.slots(), level, scale)
    }

    /// Complex values in `slots` slots, a power of two up to N/2, repeated over all N/2; missing ones are 0.
    ///
    /// # Errors
    /// As [`encode_complex`](Self::encode_complex); [`ValueError::InvalidSlotCount`](crate::ValueError::InvalidSlotCount).
    pub fn encode_sparse(
        &self,
        values: &[Complex64],
        slots: usize,
        level: usize,
        scale: Scale,
    ) -> Result<CkksPlaintext> {
        self.check_slots(slots)?;
        check_count(values.len(), slots)?;
        check_finite(values.iter().map(|value| value.is_finite()))?;
        let message = ComplexRow::padded(values.iter().copied(), slots);
        self.encode_slots(message, level, scale)
    }

    /// One value in every slot, without an FFT. The real and imaginary parts are the coefficients of 1 and `X^(N/2)`.
    ///
    /// # Errors
    /// As [`encode_complex`](Self::encode_complex).
    pub fn encode_scalar(
        &self,
        value: Complex64,
        level: usize,
        scale: Scale,
    ) -> Result<CkksPlaintext> {
        self.encode_sparse(&[value], 1, level, scale)
    }

    /// Real numbers as the coefficients of the polynomial itself: products are then negacyclic convolutions.
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty); [`ValueError::TooManyValues`](crate::ValueError::TooManyValues) above N; [`ValueError::NotFinite`](crate::ValueError::NotFinite); [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel);
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub fn encode_coefficients(
        &self,
        values: &[f64],
        level: usize,
        scale: Scale,
    ) -> Result<CkksPlaintext> {
        let half = self.context.slots();
        check_reals(values, 2 * half)?;
        // |a(zeta)| is at most the sum of the magnitudes.
        let bound = values.iter().map(|value| value.abs()).sum();
        let at = |k| values.get(k).copied().unwrap_or(0.0);
        let packed = (0..half).map(|k| Complex64::new(at(k), at(k + half)));
        let packed = ComplexRow::padded(packed, half);
        self.finish(&packed, (1, bound), (level, scale), Memory::Fast)
    }

    /// The message in all N/2 slots.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`ValueError::NotRepresentable`](crate::ValueError::NotRepresentable) for a value beyond the range of f64.
    pub fn decode_complex(&self, plaintext: &CkksPlaintext) -> Result<Vec<Complex64>> {
        self.decode_sparse(plaintext, self.context.slots())
    }

    /// The real parts of the message in all N/2 slots, or in those that a [message](CkksContext::message_slots) of the context has.
    ///
    /// # Errors
    /// As [`decode_complex`](Self::decode_complex).
    pub fn decode(&self, plaintext: &CkksPlaintext) -> Result<Vec<f64>> {
        let values = self.decode_slots(plaintext, self.context.message_slots())?;
        Ok(values.iter().map(|value| value.re).collect())
    }

    /// The message of a plaintext packed into `slots` slots.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`ValueError::InvalidSlotCount`](crate::ValueError::InvalidSlotCount); [`ValueError::NotRepresentable`](crate::ValueError::NotRepresentable) for a value beyond the range of f64.
    pub fn decode_sparse(&self, plaintext: &CkksPlaintext, slots: usize) -> Result<Vec<Complex64>> {
        Ok(self.decode_slots(plaintext, slots)?.to_vec())
    }

    /// The same, in memory that is overwritten: of real messages, the imaginary parts are noise.
    fn decode_slots(&self, plaintext: &CkksPlaintext, slots: usize) -> Result<ComplexRow> {
        self.check_slots(slots)?;
        let mut values = self.packed_coefficients(plaintext, slots)?;
        self.transform(slots).evaluate(&mut values);
        // Below, not even a sum of all coefficients is beyond f64.
        if plaintext.basis().log2_product() - plaintext.state.scale.log2() > 900.0
            && let Some(index) = values.iter().position(|value| !value.is_finite())
        {
            return Err(Error::Values(ValueError::NotRepresentable { index }));
        }
        Ok(values)
    }

    /// The coefficients of the polynomial divided by the scale.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`ValueError::NotRepresentable`](crate::ValueError::NotRepresentable) for one beyond the range of f64.
    pub fn decode_coefficients(&self, plaintext: &CkksPlaintext) -> Result<Vec<f64>> {
        let packed = self.packed_coefficients(plaintext, self.context.slots())?;
        let lower = packed.iter().map(|value| value.re);
        let upper = packed.iter().map(|value| value.im);
        let mut coefficients = lower.clone().chain(upper.clone());
        match coefficients.position(|value| !value.is_finite()) {
            Some(index) => Err(Error::Values(ValueError::NotRepresentable { index })),
            None => Ok(lower.chain(upper).collect()),
        }
    }

    /// The coefficients of `X^(k gap)`, divided by the scale, as the complex coefficients `a_k + i a_(k + slots)` of the transform for
    /// so many slots: a message and its noise, which tells something about the secret key.
    fn packed_coefficients(&self, plaintext: &CkksPlaintext, slots: usize) -> Result<ComplexRow> {
        self.context
            .fingerprint()
            .check(plaintext.context.fingerprint())?;
        let (half, gap) = (self.context.slots(), self.context.slots() / slots);
        let mut values = ComplexRow::zeroed(slots);
        let (state, scale) = (plaintext.state, plaintext.state.scale);
        let residues = Residues::of(plaintext.poly(), state.phase().bits());
        let factor = 1.0 / scale.to_f64();
        match residues.primes() {
            1 if factor.is_normal() && gap == 1 => residues.one_prime_parts(&mut values, factor),
            1 if factor.is_normal() => fill(&mut values, (half, gap), residues.one_prime(factor)),
            2 if factor.is_normal() => fill(&mut values, (half, gap), residues.two_primes(factor)),
            _ => {
                let all = residues.any_primes(scale);
                fill(&mut values, (half, gap), |k| all[k]);
            }
        }
        Ok(values)
    }

    /// Real values that fill their slots, a power of two, and repeat over all N/2. Exactly its own conjugate: the rows of its NTT values
    /// are the same from both ends.
    pub(crate) fn encode_real_period(
        &self,
        values: &[f64],
        (level, scale): (usize, Scale),
    ) -> Result<CkksPlaintext> {
        self.check_slots(values.len())?;
        check_reals(values, values.len())?;
        let message = to_complex(values, values.len());
        self.encode_message((message, true), (level, scale), Memory::Fast)
    }

    /// Complex values that fill their slots, a power of two, and repeat over all N/2, as a weight of sums whose keys have no more special
    /// primes than these.
    ///
    /// # Errors
    /// As [`encode_sparse`](Self::encode_sparse).
    pub(crate) fn encode_weight(
        &self,
        values: &[Complex64],
        at: (usize, Scale),
        (special_primes, memory): (usize, Memory),
    ) -> Result<CkksPlaintext> {
        self.check_slots(values.len())?;
        check_finite(values.iter().map(|value| value.is_finite()))?;
        let message = ComplexRow::padded(values.iter().copied(), values.len());
        let plaintext = self.encode_message((message, false), at, memory)?;
        plaintext.with_weight_rows(special_primes)
    }

    fn encode_slots(
        &self,
        values: ComplexRow,
        level: usize,
        scale: Scale,
    ) -> Result<CkksPlaintext> {
        self.encode_message((values, false), (level, scale), Memory::Fast)
    }

    /// A message in all of its slots. Of one that is real, coefficients that are each other's negatives are rounded alike.
    fn encode_message(
        &self,
        (mut values, is_real): (ComplexRow, bool),
        at: (usize, Scale),
        memory: Memory,
    ) -> Result<CkksPlaintext> {
        let (slots, half) = (values.len(), self.context.slots());
        let gap = half / slots;
        let largest = largest_magnitude(&values);
        // Sums of the largest numbers would overflow within the transform.
        let reserve = (largest > f64::MAX.sqrt()).then(|| 2f64.powi(64));
        if let Some(reserve) = reserve {
            values.iter_mut().for_each(|value| *value /= reserve);
        }
        self.transform(slots).interpolate(&mut values);
        if let Some(reserve) = reserve {
            values.iter_mut().for_each(|value| *value *= reserve);
        }
        if is_real {
            values[0].im = 0.0;
            for k in 1..slots {
                values[k].im = -values[slots - k].re;
            }
        }
        self.finish(&values, (gap, largest), at, memory)
    }

    /// The plaintext whose coefficient `k * gap` is the k-th real part times the scale, rounded, and the k-th imaginary part in the second
    /// half of the polynomial.
    fn finish(
        &self,
        values: &[Complex64],
        (gap, largest): (usize, f64),
        (level, scale): (usize, Scale),
        memory: Memory,
    ) -> Result<CkksPlaintext> {
        let basis = self.context.rlwe().basis(level)?;
        let count = basis.degree() / gap;
        let state = CkksState::encoded(largest, count, (level, scale), &self.context)?;
        let message_bits = CkksState::public_bound(largest).log2() + scale.log2();
        let small = match memory {
            Memory::Small if gap < LEAST_RUN => words(gap, values, (scale, message_bits)),
            Memory::Small | Memory::Fast => None,
        };
        let poly = if let Some(coefficients) = small {
            PlaintextPoly::of_coefficients(basis, coefficients)
        } else if gap < LEAST_RUN {
            PlaintextPoly::new(rounded(basis, gap, values, (scale, message_bits)).into_ntt())
        } else {
            // The polynomial in a power of X, in the ring of that power: kernels want 8 coefficients.
            let power = gap.min(basis.degree() / 8);
            let small = self.subring(power, basis);
            let poly = rounded(&small, gap / power, values, (scale, message_bits));
            let runs = RunRows::of_subring(&poly.into_ntt(), basis.degree());
            PlaintextPoly::of_runs(basis, runs)
        };
        Ok(CkksPlaintext::of(&self.context, poly, state))
    }

    fn transform(&self, slots: usize) -> &Embedding {
        let tables = &self.tables[slots.trailing_zeros() as usize];
        tables.transform.get_or_init(|| Embedding::new(slots))
    }

    /// The data primes of a level, then the special primes, for polynomials in `X^gap`.
    fn subring(&self, gap: usize, data: &RnsBasis) -> Arc<RnsBasis> {
        let all = self.context.rlwe().key_basis();
        let degree = all.degree() / gap;
        let tables = &self.tables[degree.trailing_zeros() as usize - 1];
        let subring = tables.subring.get_or_init(|| all.of_subring(degree));
        let (own, special) = (data.len(), self.context.rlwe().special_basis());
        let special = special.map_or(0, |special| special.len());
        Arc::new(match all.len() - special {
            _ if special == 0 => subring.slice(0..own),
            first => subring
                .slice(0..own)
                .join(&subring.slice(first..first + special)),
        })
    }

    fn check_slots(&self, slots: usize) -> Result<()> {
        if slots.is_power_of_two() && slots <= self.context.slots() {
            return Ok(());
        }
        Err(Error::Values(ValueError::InvalidSlotCount { slots }))
    }
}

fn check_reals(values: &[f64], capacity: usize) -> Result<()> {
    check_count(values.len(), capacity)?;
    if are_finite(values) {
        return Ok(());
    }
    check_finite(values.iter().map(|value| value.is_finite()))
}

/// The polynomial whose coefficient `k * gap` is the k-th real part times the scale, rounded, and that in the second half the same of the
/// imaginary part; these have so many bits.
fn rounded(
    basis: &Arc<RnsBasis>,
    gap: usize,
    values: &[Complex64],
    (scale, message_bits): (Scale, f64),
) -> CoeffPoly {
    if let Some(coefficients) = words(gap, values, (scale, message_bits)) {
        let mut poly = CoeffPoly::unspecified(basis);
        poly.for_each_row(|i, row| coefficients.reduce(basis.modulus(i), row));
        return poly;
    }
    let (factor, exponent) = scale.split();
    let (real, imaginary) = (
        values.iter().map(|value| value.re),
        values.iter().map(|value| value.im),
    );
    let rounded: Vec<BigInt> = real
        .chain(imaginary)
        // Halved, so that the largest number stays one.
        .map(|value| round_shifted(value * (factor / 2.0), exponent + 1))
        .collect();
    let mut poly = CoeffPoly::zero(basis);
    poly.for_each_row(|i, row| {
        let q = basis.modulus(i).value();
        row.iter_mut()
            .step_by(gap)
            .zip(&rounded)
            .for_each(|(x, c)| *x = crate::ring::residue(c, q));
    });
    poly
}

/// The coefficients of [`rounded`]; `None` if they do not fit words.
fn words(
    gap: usize,
    values: &[Complex64],
    (scale, message_bits): (Scale, f64),
) -> Option<Coefficients> {
    let (factor, exponent) = scale.split();
    if !(message_bits < 62.0 && exponent.abs() < 1000) {
        return None;
    }
    let factor = factor * (exponent as f64).exp2();
    // Short words if they can be.
    let offset_bits = if message_bits < 50.0 { 51 } else { 62 };
    let offset = 1_u64 << offset_bits;
    let mut words = vec![0; 2 * values.len()];
    round_parts(&mut words, values, factor, offset);
    if gap > 1 {
        let mut spread = vec![offset; 2 * values.len() * gap];
        let places = spread.iter_mut().step_by(gap);
        places.zip(words).for_each(|(place, word)| *place = word);
        words = spread;
    }
    Some(Coefficients { words, offset_bits })
}

/// Real numbers in the first of so many slots.
fn to_complex(values: &[f64], slots: usize) -> ComplexRow {
    ComplexRow::padded(values.iter().map(|&value| Complex64::from(value)), slots)
}

/// The largest magnitude of a value. Magnitudes take a while, and are taken only of values whose squares are near the largest square.
fn largest_magnitude(values: &[Complex64]) -> f64 {
    let larger = |a, b| if b > a { b } else { a };
    let square = largest_square(values);
    // Of squares beyond f64 nothing can be told.
    let near = if square.is_normal() {
        square * (1.0 - 8.0 * f64::EPSILON)
    } else {
        0.0
    };
    let candidates = values.iter().filter(|value| value.norm_sqr() >= near);
    candidates.map(|value| value.norm()).fold(0.0, larger)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{OperandError, PrecisionError};

    fn encoder() -> CkksEncoder {
        let builder = CkksContext::builder()
            .degree(64)
            .prime_bits(&[50, 40, 40, 50])
            .scale_bits(40);
        CkksEncoder::new(&builder.insecure_skip_security_check().build().unwrap())
    }

    #[track_caller]
    fn assert_close(a: &[Complex64], b: &[Complex64], tolerance: f64) {
        assert_eq!(a.len(), b.len());
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).norm() < tolerance));
    }

    #[test]
    fn slots_round_trip_at_every_level_and_scale() {
        let encoder = encoder();
        let values: Vec<Complex64> = (0..32)
            .map(|k| Complex64::new(f64::from(k) - 9.5, 0.25 * f64::from(k)))
            .collect();
        let round_trip = |level, bits, tolerance| {
            let scale = Scale::power_of_two(bits);
            let plaintext = encoder.encode_complex(&values, level, scale).unwrap();
            let decoded = encoder.decode_complex(&plaintext).unwrap();
            assert_close(&decoded, &values, tolerance);
        };
        for level in 0..3 {
            for bits in [30, 40, 43] {
                round_trip(level, bits, 40.0 / Scale::power_of_two(bits).to_f64());
            }
        }
        // More than one word: every way of decoding.
        for bits in [70, 100] {
            round_trip(2, bits, 1e-12);
        }
    }

    #[test]
    fn sparse_packing_repeats() {
        let encoder = encoder();
        let values = [1.0, -2.0, 3.0, 0.5].map(|x| Complex64::new(x, 1.0));
        let scale = Scale::power_of_two(40);
        let plaintext = encoder.encode_sparse(&values, 4, 1, scale).unwrap();
        let all: Vec<Complex64> = (0..32).map(|k| values[k % 4]).collect();
        let decode = |plaintext, slots| encoder.decode_sparse(plaintext, slots).unwrap();
        assert_close(&encoder.decode_complex(&plaintext).unwrap(), &all, 1e-9);
        assert_close(&decode(&plaintext, 4), &values, 1e-9);
        let value = Complex64::new(2.0, -1.0);
        let scalar = encoder.encode_scalar(value, 1, scale).unwrap();
        assert_close(&decode(&scalar, 32), &[value; 32], 1e-9);
        let error = |slots| encoder.encode_sparse(&values, slots, 1, scale).unwrap_err();
        for slots in [3, 64] {
            let expected = Error::Values(ValueError::InvalidSlotCount { slots });
            assert_eq!(error(slots), expected);
        }
        assert!(matches!(
            error(2),
            Error::Values(ValueError::TooManyValues { .. })
        ));
    }

    #[test]
    fn real_periods_are_their_own_conjugates() {
        let builder = CkksContext::builder()
            .degree(256)
            .prime_bits(&[50, 40, 50])
            .scale_bits(40);
        let encoder = CkksEncoder::new(&builder.insecure_skip_security_check().build().unwrap());
        let scale = Scale::power_of_two(40);
        for slots in [1, 2, 8, 16] {
            for number in 0..2000 {
                let angles = (0..slots).map(|slot| (number * 16 + slot) as f64);
                let values: Vec<f64> = angles.map(f64::sin).collect();
                let plaintext = encoder.encode_real_period(&values, (1, scale)).unwrap();
                for prime in 0..2 {
                    let row: Vec<u64> = plaintext.run_values(prime, 2 * slots).collect();
                    assert!(row.iter().eq(row.iter().rev()), "{values:?}");
                }
                let complex: Vec<_> = values.iter().map(|&x| Complex64::from(x)).collect();
                let decoded = encoder.decode_sparse(&plaintext, slots).unwrap();
                assert_close(&decoded, &complex, 1e-10);
            }
        }
    }

    #[test]
    fn rows_made_of_coefficients_are_those_that_are_stored() {
        let encoder = encoder();
        let special = encoder.context.rlwe().special_basis().unwrap();
        for (slots, bits) in [(32, 40), (16, 45), (8, 55), (4, 40), (32, 80)] {
            let values: Vec<Complex64> = (0..slots)
                .map(|k| Complex64::new(f64::from(k).sin(), 1.0 - f64::from(k)) / 32.0)
                .collect();
            let at = (2, Scale::power_of_two(bits));
            let [small, fast] = [Memory::Small, Memory::Fast]
                .map(|memory| encoder.encode_weight(&values, at, (1, memory)).unwrap());
            // Gaps of 8 are runs, and beyond 62 bits there are no words.
            let is_made = small.weight_rows().unwrap().is_made();
            assert_eq!(is_made, slots > 4 && bits < 60, "{slots} slots");
            let all = small.basis().join(special);
            let made = (0..4).map(|i| {
                let (mut space, mut row) = (vec![0; 64], vec![0; 64]);
                let rows = small.weight_rows().unwrap();
                rows.row(i, (&all, 3), &mut space).write(&mut row);
                row
            });
            let stored = (0..4).map(|i| {
                let mut row = vec![0; 64];
                let rows = fast.weight_rows().unwrap();
                rows.row(i, (&all, 3), &mut []).write(&mut row);
                row
            });
            assert!(made.eq(stored), "{slots} slots, {bits} bits");
            assert_eq!(small.poly(), fast.poly());
            assert_eq!(small.state, fast.state);
        }
    }

    #[test]
    fn integers_floats_and_coefficients() {
        let encoder = encoder();
        let near = |decoded: &[f64], expected: &[f64], tolerance: f64| {
            let mut pairs = decoded.iter().zip(expected);
            assert!(pairs.all(|(a, b)| (a - b).abs() < tolerance), "{decoded:?}");
        };
        let decode = |plaintext| encoder.decode(&plaintext).unwrap();
        let integers = decode(encoder.encode_i64(&[3, -4], 2).unwrap());
        near(&integers, &[3.0, -4.0, 0.0], 1e-9);
        near(
            &decode(encoder.encode_f32(&[0.5], 2).unwrap()),
            &[0.5],
            1e-9,
        );
        let scale = Scale::power_of_two(40);
        let plaintext = encoder.encode_coefficients(&[1.5, -2.5], 0, scale).unwrap();
        let decoded = encoder.decode_coefficients(&plaintext).unwrap();
        near(&decoded, &[1.5, -2.5], 1e-11);
        assert_eq!(decoded[2], 0.0);
    }

    #[test]
    fn bad_values_are_named() {
        let encoder = encoder();
        let error = |values: &[f64], level| encoder.encode(values, level).unwrap_err();
        let (given, capacity) = (33, 32);
        for (values, named) in [
            (&[][..], ValueError::Empty),
            (&[1.0, f64::NAN], ValueError::NotFinite { index: 1 }),
            (&[f64::NEG_INFINITY], ValueError::NotFinite { index: 0 }),
            (&[0.0; 33], ValueError::TooManyValues { given, capacity }),
        ] {
            assert_eq!(error(values, 0), Error::Values(named));
        }
        let (level, highest) = (7, 2);
        let expected = Error::Operands(OperandError::InvalidLevel { level, highest });
        assert_eq!(error(&[0.0], level), expected);
        for (value, level) in [(1000.0, 0), (f64::MAX, 2)] {
            assert!(matches!(
                error(&[value], level),
                Error::Precision(PrecisionError::ScaleTooLarge { .. })
            ));
        }
    }

    #[test]
    fn largest_magnitudes_of_every_size() {
        let of = |re, im| largest_magnitude(&[Complex64::ZERO, Complex64::new(re, im)]);
        assert_eq!(largest_magnitude(&[Complex64::ZERO]), 0.0);
        for size in [5e-324, 1e-200, 0.1, 1.0 / 3.0, 7.3, 1e200, f64::MAX] {
            assert_eq!((of(size, 0.0), of(0.0, -size)), (size, size));
        }
        for size in [1e-300, 1e-160, 1.0, 1e160, 1e300] {
            let angles = (0..1000).map(f64::from);
            let circle: Vec<_> = angles
                .map(|angle| Complex64::from_polar(size, angle))
                .collect();
            let magnitudes = circle.iter().map(|value| value.norm());
            assert_eq!(largest_magnitude(&circle), magnitudes.fold(0.0, f64::max));
        }
    }
}
