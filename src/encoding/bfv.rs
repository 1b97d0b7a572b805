use crate::encoding::weight_rows::{PlaintextPoly, WeightRows};
use crate::error::{Error, Result, ValueError, check_count};
use crate::kernels::Modulus;
use crate::params::{BfvContext, Fingerprint, Log2};
use crate::ring::{NttPoly, RnsBasis, bounded_row};
use num_complex::Complex64;
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Between integers and BFV plaintexts: slots (two rows of N/2) or coefficients.
///
/// ```
/// use slotwise::encoding::BfvEncoder;
/// # use slotwise::prelude::*;
/// # fn main() -> slotwise::Result<()> {
/// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
/// let encoder = BfvEncoder::new(&context);
/// assert_eq!(encoder.decode(&encoder.encode(&[3, -1])?)?[..2], [3, -1]);
/// // Values beyond [-t/2, t/2) are refused, or reduced modulo t.
/// assert!(encoder.encode(&[70_000]).is_err());
/// assert_eq!(encoder.decode(&encoder.encode_modulo(&[70_000])?)?[0], 4463);
/// // Coefficients need no prime t.
/// assert_eq!(encoder.decode_coefficients(&encoder.encode_coefficients(&[0, 1])?)?[1], 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[doc(alias("BatchEncoder", "batch_encoder"))]
pub struct BfvEncoder {
    context: BfvContext,
    /// The position of each slot among the NTT values.
    positions: Arc<Vec<u32>>,
    /// The same in the order in which all slots are filled; none for rows without whole tiles.
    tiles: Arc<Vec<Tile>>,
}

/// The size of a plaintext with centred coefficients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlaintextSize {
    /// Its largest magnitude at a root of unity.
    pub(crate) at_roots: Log2,
    /// The sum of its coefficients' magnitudes.
    pub(crate) sum: Log2,
}

/// A polynomial modulo t.
#[derive(Clone)]
pub struct BfvPlaintext {
    pub(crate) context: BfvContext,
    /// N residues modulo t.
    pub(crate) coefficients: Vec<u64>,
    size: OnceLock<PlaintextSize>,
    /// The [scaled](Self::scaled) polynomial, for sums; made by the first sum, for its level.
    term: OnceLock<NttPoly>,
    /// The centred polynomial over the data primes, for products; made by the first product.
    transformed: OnceLock<PlaintextPoly>,
}

impl BfvPlaintext {
    /// The plaintext with the given N coefficients modulo t.
    pub(crate) fn new(context: &BfvContext, coefficients: Vec<u64>) -> Self {
        Self {
            context: context.clone(),
            coefficients,
            size: OnceLock::new(),
            term: OnceLock::new(),
            transformed: OnceLock::new(),
        }
    }

    /// The parameters' identity.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.context.fingerprint()
    }

    /// Whether all coefficients are 0.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.coefficients.iter().all(|&c| c == 0)
    }

    /// `round(Q m / t)` for the modulus Q of `level`: what encryption adds to the phase.
    ///
    /// With `r = [Q m]_t` centred, `round(Q m / t) = (Q m - r) / t`, which is `-r t^-1` modulo each prime of Q.
    ///
    /// Source: eprint 2021/204, section 3: this encoding has no error that grows with `Q mod t`.
    pub(crate) fn scaled(&self, level: usize) -> Result<NttPoly> {
        let tables = self.context.level(level)?;
        let t = self.context.plaintext_modulus();
        let factor = t.shoup(t.neg(tables.modulus_mod_plain));
        let mut remainders = self.coefficients.clone();
        t.kernels().scale(t, &mut remainders, factor);
        let remainders = self.centred(&remainders);
        Ok(self.transform(
            self.context.rlwe().basis(level)?,
            &remainders,
            |i, q, row| {
                q.kernels().scale(q, row, tables.plain_inverses[i]);
            },
        ))
    }

    /// The NTT of the polynomial with these centred coefficients, each row changed before it.
    fn transform(
        &self,
        basis: &Arc<RnsBasis>,
        centred: &[i64],
        change: impl Fn(usize, &Modulus, &mut [u64]) + Sync + Send,
    ) -> NttPoly {
        let bound = self.context.plaintext_modulus().value() / 2;
        let mut poly = NttPoly::unspecified(basis);
        poly.for_each_row(|i, row| {
            let q = basis.modulus(i);
            bounded_row(q, (centred, bound), row);
            change(i, q, row);
            basis.table(i).forward(row);
        });
        poly
    }

    /// [`scaled`](Self::scaled) for a sum: that of the first sum's level is kept.
    pub(crate) fn term(&self, level: usize) -> Result<Cow<'_, NttPoly>> {
        let term = match self.term.get() {
            Some(term) => term,
            None => {
                let scaled = self.scaled(level)?;
                self.term.get_or_init(|| scaled)
            }
        };
        if Arc::ptr_eq(term.basis(), self.context.rlwe().basis(level)?) {
            return Ok(Cow::Borrowed(term));
        }
        self.scaled(level).map(Cow::Owned)
    }

    /// The rows of the centred polynomial over data and special primes.
    ///
    /// # Errors
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) without special primes.
    pub(crate) fn weight_rows(&self) -> Result<WeightRows<'_>> {
        let basis = self.context.rlwe().special_basis()?;
        let special = |_: &NttPoly| self.centred_poly(basis);
        Ok(self.plaintext_poly()?.weight_rows(special))
    }

    /// Residues modulo t as integers in `[-t/2, t/2)`.
    fn centred(&self, residues: &[u64]) -> Vec<i64> {
        let t = self.context.plaintext_modulus();
        residues.iter().map(|&x| t.centre(x)).collect()
    }

    fn centred_poly(&self, basis: &Arc<RnsBasis>) -> NttPoly {
        self.transform(basis, &self.centred(&self.coefficients), |_, _, _| {})
    }

    /// What a product multiplies noise by; computed by the first one.
    #[expect(clippy::cast_precision_loss, reason = "bounds, rounded up below")]
    pub(crate) fn size(&self) -> PlaintextSize {
        *self.size.get_or_init(|| {
            let centred = self.centred(&self.coefficients);
            let sum: f64 = centred.iter().map(|c| c.unsigned_abs() as f64).sum();
            let half = centred.len() / 2;
            let (low, high) = centred.split_at(half);
            let mut values: Vec<Complex64> = low
                .iter()
                .zip(high)
                .map(|(&a, &b)| Complex64::new(a as f64, b as f64))
                .collect();
            self.context.rlwe().embedding().evaluate(&mut values);
            let largest = values.iter().map(|value| value.norm()).fold(0.0, f64::max);
            // A thousandth of a bit covers the rounding of the transform.
            let margin = Log2::from_bits(0.001);
            PlaintextSize {
                at_roots: Log2::of(largest) * margin,
                sum: Log2::of(sum) * margin,
            }
        })
    }

    /// The centred polynomial over the data primes of the top level.
    pub(crate) fn transformed(&self) -> Result<&NttPoly> {
        Ok(self.plaintext_poly()?.whole())
    }

    fn plaintext_poly(&self) -> Result<&PlaintextPoly> {
        if let Some(poly) = self.transformed.get() {
            return Ok(poly);
        }
        let basis = self.context.rlwe().basis(self.context.top_level())?;
        let poly = self.centred_poly(basis);
        Ok(self.transformed.get_or_init(|| PlaintextPoly::new(poly)))
    }
}

impl fmt::Debug for BfvPlaintext {
    /// The parameters only: the coefficients may be secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "BfvPlaintext({:?})", self.fingerprint())
    }
}

impl fmt::Debug for BfvEncoder {
    /// The parameters only: the tables are long.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "BfvEncoder({:?})", self.context.fingerprint())
    }
}

impl BfvEncoder {
    /// The encoder of `context`.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "positions are below 2^17")]
    pub fn new(context: &BfvContext) -> Self {
        let degree = context.slots();
        let order = 2 * degree;
        let bits = degree.trailing_zeros();
        // NTT value i is at psi^(2 brv(i) + 1); slot j of the rows is at 5^j and -5^j.
        let position =
            |exponent: usize| ((exponent >> 1).reverse_bits() >> (usize::BITS - bits)) as u32;
        let powers: Vec<usize> = std::iter::successors(Some(1), |power| Some(power * 5 % order))
            .take(degree / 2)
            .collect();
        let first = powers.iter().map(|&power| position(power));
        let second = powers.iter().map(|&power| position(order - power));
        let positions: Vec<u32> = first.chain(second).collect();
        let rows = positions.chunks_exact(degree / 2);
        Self {
            context: context.clone(),
            tiles: Arc::new(rows.flat_map(tiles).collect()),
            positions: Arc::new(positions),
        }
    }

    /// The context.
    #[must_use]
    pub fn context(&self) -> &BfvContext {
        &self.context
    }

    /// Signed integers in the first slots, the rest 0: row 0 first, then row 1.
    ///
    /// # Errors
    /// [`ParameterError::BatchingUnsupported`](crate::ParameterError::BatchingUnsupported); [`ValueError::Empty`](crate::ValueError::Empty); [`ValueError::TooManyValues`](crate::ValueError::TooManyValues); [`ValueError::ValueOutOfRange`](crate::ValueError::ValueOutOfRange) unless each is in
    /// `[-t/2, t/2)`.
    pub fn encode(&self, values: &[i64]) -> Result<BfvPlaintext> {
        let residue = self.signed_residue(values)?;
        self.slots(values, residue)
    }

    /// Signed integers of any size, reduced modulo t, as [`encode`](Self::encode): for operands of arithmetic, which is modulo t
    /// anyway.
    ///
    /// # Errors
    /// As [`encode`](Self::encode), the range excepted.
    pub fn encode_modulo(&self, values: &[i64]) -> Result<BfvPlaintext> {
        self.check_count(values.len())?;
        let t = self.context.plaintext_modulus();
        self.slots(values, |&value| t.reduce_signed(value))
    }

    /// Unsigned integers in the first slots, as [`encode`](Self::encode), each below t.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_u64(&self, values: &[u64]) -> Result<BfvPlaintext> {
        self.slots(self.reduce_unsigned(values)?, |&value| value)
    }

    /// Signed integers as the coefficients of the polynomial itself, the rest 0; any t.
    ///
    /// # Errors
    /// As [`encode`](Self::encode), batching excepted.
    pub fn encode_coefficients(&self, values: &[i64]) -> Result<BfvPlaintext> {
        let residue = self.signed_residue(values)?;
        let mut coefficients: Vec<u64> = values.iter().map(residue).collect();
        coefficients.resize(self.context.slots(), 0);
        Ok(BfvPlaintext::new(&self.context, coefficients))
    }

    /// Unsigned integers as coefficients, as [`encode_coefficients`](Self::encode_coefficients).
    ///
    /// # Errors
    /// As [`encode_coefficients`](Self::encode_coefficients).
    pub fn encode_coefficients_u64(&self, values: &[u64]) -> Result<BfvPlaintext> {
        let mut coefficients = self.reduce_unsigned(values)?.to_vec();
        coefficients.resize(self.context.slots(), 0);
        Ok(BfvPlaintext::new(&self.context, coefficients))
    }

    /// The same integer in every slot: the constant polynomial, for any t.
    ///
    /// # Errors
    /// [`ValueError::ValueOutOfRange`](crate::ValueError::ValueOutOfRange) unless it is in `[-t/2, t/2)`.
    pub fn encode_scalar(&self, value: i64) -> Result<BfvPlaintext> {
        self.encode_coefficients(&[value])
    }

    /// The slots as integers in `[-t/2, t/2)`.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`ParameterError::BatchingUnsupported`](crate::ParameterError::BatchingUnsupported).
    pub fn decode(&self, plaintext: &BfvPlaintext) -> Result<Vec<i64>> {
        let t = self.context.plaintext_modulus();
        Ok(self
            .decode_u64(plaintext)?
            .into_iter()
            .map(|value| t.centre(value))
            .collect())
    }

    /// The slots as integers in `[0, t)`.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_u64(&self, plaintext: &BfvPlaintext) -> Result<Vec<u64>> {
        let mut values = self.decode_coefficients_u64(plaintext)?;
        self.context.batching()?.forward(&mut values);
        Ok(self
            .positions
            .iter()
            .map(|&position| values[position as usize])
            .collect())
    }

    /// The coefficients as integers in `[-t/2, t/2)`.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn decode_coefficients(&self, plaintext: &BfvPlaintext) -> Result<Vec<i64>> {
        self.check(plaintext)?;
        Ok(plaintext.centred(&plaintext.coefficients))
    }

    /// The coefficients as integers in `[0, t)`.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn decode_coefficients_u64(&self, plaintext: &BfvPlaintext) -> Result<Vec<u64>> {
        self.check(plaintext)?;
        Ok(plaintext.coefficients.clone())
    }

    /// The plaintext with the residues of the given values in its first slots.
    fn slots<T>(&self, values: &[T], residue: impl Fn(&T) -> u64) -> Result<BfvPlaintext> {
        let table = self.context.batching()?;
        let mut coefficients = vec![0; self.context.slots()];
        self.for_each_slot(|slot, position| {
            if let Some(value) = values.get(slot) {
                coefficients[position] = residue(value);
            }
        });
        table.inverse(&mut coefficients);
        Ok(BfvPlaintext::new(&self.context, coefficients))
    }

    /// Visits all slots with their positions, tile by tile where there are tiles.
    #[inline]
    fn for_each_slot(&self, mut visit: impl FnMut(usize, usize)) {
        if self.tiles.is_empty() {
            let positions = self.positions.iter().enumerate();
            return positions.for_each(|(slot, &position)| visit(slot, position as usize));
        }
        let row = self.positions.len() / 2;
        let eighth = row / TILE;
        for (half, tiles) in self.tiles.chunks_exact(eighth / TILE).enumerate() {
            for (number, tile) in tiles.iter().enumerate() {
                for (slot, positions) in tile.iter().enumerate() {
                    for (run, &position) in positions.iter().enumerate() {
                        let slot = half * row + run * eighth + number * TILE + slot;
                        visit(slot, position as usize);
                    }
                }
            }
        }
    }

    /// The residue of each of the values, if all are in range.
    fn signed_residue(&self, values: &[i64]) -> Result<impl Fn(&i64) -> u64 + use<>> {
        self.check_count(values.len())?;
        let t = self.context.plaintext_modulus().value();
        let (least, most) = (-(t / 2).cast_signed(), ((t - 1) / 2).cast_signed());
        // Both differences have a sign only outside.
        let outside = |&value: &i64| value.wrapping_sub(least) | most.wrapping_sub(value);
        check_range(values.iter().map(outside))?;
        // t for a negative value, 0 for others.
        let lift = move |value: i64| t & (value >> 63).cast_unsigned();
        Ok(move |&value: &i64| value.cast_unsigned().wrapping_add(lift(value)))
    }

    fn reduce_unsigned<'a>(&self, values: &'a [u64]) -> Result<&'a [u64]> {
        self.check_count(values.len())?;
        let t = self.context.plaintext_modulus().value();
        let outside = |&value: &u64| value | (t - 1).wrapping_sub(value);
        check_range(values.iter().map(|value| outside(value).cast_signed()))?;
        Ok(values)
    }

    fn check_count(&self, given: usize) -> Result<()> {
        check_count(given, self.context.slots())
    }

    fn check(&self, plaintext: &BfvPlaintext) -> Result<()> {
        self.context.fingerprint().check(plaintext.fingerprint())
    }
}

/// Checks that all values are in range, each given by a number that is negative if it is not. That takes no branch and no comparison for each.
fn check_range(signs: impl Iterator<Item = i64> + Clone) -> Result<()> {
    if signs.clone().fold(0, |all, sign| all | sign) >= 0 {
        return Ok(());
    }
    let mut outside = signs.enumerate().filter(|&(_, sign)| sign < 0);
    match outside.next() {
        Some((index, _)) => Err(Error::Values(ValueError::ValueOutOfRange { index })),
        None => Ok(()),
    }
}

/// Runs of slots and of their places in a tile.
const TILE: usize = 8;

/// A tile: 8 runs of 8 slots, an eighth of a row apart, in the order in which they are stored. They lie in few cache lines, and so do their
/// positions: a step of an eighth of a row changes only the first bits of `5^slot`, which are the last ones of a position.
type Tile = [[u32; TILE]; TILE];

/// The positions of each tile of the given row of slots; none if the row is shorter than a tile.
fn tiles(row: &[u32]) -> impl Iterator<Item = Tile> {
    let eighth = row.len() / TILE;
    let tile = move |number| {
        let position = |slot, run| row[run * eighth + number * TILE + slot];
        std::array::from_fn(|slot| std::array::from_fn(|run| position(slot, run)))
    };
    (0..eighth / TILE).map(tile)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{OperandError, ParameterError};

    fn encoder(t: u64) -> BfvEncoder {
        let builder = BfvContext::builder()
            .degree(8)
            .prime_bits(&[50, 40, 50])
            .plaintext_modulus(t);
        BfvEncoder::new(&builder.insecure_skip_security_check().build().unwrap())
    }

    #[test]
    fn slots_multiply_as_polynomials_do() {
        let encoder = encoder(17);
        let (a, b) = ([1, 2, 3, 4, 5, 6, 7, 8], [8, -8, 2, 0, 1, -5, 3, 3]);
        let (x, y) = (encoder.encode(&a).unwrap(), encoder.encode(&b).unwrap());
        assert_eq!(encoder.decode(&x).unwrap(), [1, 2, 3, 4, 5, 6, 7, 8]);
        let mut product = [0i64; 8];
        let (x, y) = (
            encoder.decode_coefficients(&x).unwrap(),
            encoder.decode_coefficients(&y).unwrap(),
        );
        for i in 0..8 {
            for j in 0..8 {
                product[(i + j) % 8] += if i + j < 8 { x[i] * y[j] } else { -x[i] * y[j] };
            }
        }
        let product = product.map(|c| c.rem_euclid(17) as u64);
        let product = encoder.encode_coefficients_u64(&product).unwrap();
        let expected: Vec<u64> = a
            .iter()
            .zip(&b)
            .map(|(a, b)| (a * b as &i64).rem_euclid(17) as u64)
            .collect();
        assert_eq!(encoder.decode_u64(&product).unwrap(), expected);
    }

    #[test]
    fn all_slots_go_to_their_positions() {
        // With tiles and without.
        for degree in [8, 64, 128, 512] {
            let builder = BfvContext::builder()
                .degree(degree)
                .prime_bits(&[50, 40, 50])
                .plaintext_modulus(65_537);
            let context = builder.insecure_skip_security_check().build().unwrap();
            let encoder = BfvEncoder::new(&context);
            let values: Vec<u64> = (1..=degree as u64).collect();
            for length in [degree, degree - 1, 1] {
                let plaintext = encoder.encode_u64(&values[..length]).unwrap();
                let mut coefficients = plaintext.coefficients;
                context.batching().unwrap().forward(&mut coefficients);
                let mut expected = vec![0; degree];
                for (value, &position) in values[..length].iter().zip(encoder.positions.iter()) {
                    expected[position as usize] = *value;
                }
                assert_eq!(coefficients, expected);
            }
        }
    }

    #[test]
    fn bad_values_are_named() {
        let encoder = encoder(17);
        let error = |values: &[i64]| match encoder.encode(values) {
            Err(Error::Values(error)) => error,
            other => panic!("{other:?}"),
        };
        let (given, capacity) = (9, 8);
        assert_eq!(error(&[]), ValueError::Empty);
        assert_eq!(
            error(&[0; 9]),
            ValueError::TooManyValues { given, capacity }
        );
        for bad in [9, -9, i64::MAX, i64::MIN] {
            assert_eq!(error(&[0, bad]), ValueError::ValueOutOfRange { index: 1 });
        }
        assert_eq!(
            encoder.encode_u64(&[17]).unwrap_err(),
            Error::Values(ValueError::ValueOutOfRange { index: 0 })
        );
        let plain = self::encoder(16);
        assert!(matches!(
            plain.encode(&[1]),
            Err(Error::Parameters(ParameterError::BatchingUnsupported {
                plaintext_modulus: 16,
                degree: 8
            }))
        ));
        let coefficients = plain.encode_coefficients(&[-8, 7]).unwrap();
        assert_eq!(
            plain.decode_coefficients(&coefficients).unwrap()[..2],
            [-8, 7]
        );
        assert!(matches!(
            encoder.decode(&coefficients),
            Err(Error::Operands(OperandError::ContextMismatch { .. }))
        ));
    }

    #[test]
    fn norms_are_those_of_the_values_at_the_roots() {
        let encoder = encoder(97);
        assert!(
            (encoder.encode_scalar(-5).unwrap().size().at_roots.bits() - 5f64.log2()).abs() < 0.01
        );
        let ones = encoder.encode_coefficients(&[1; 8]).unwrap();
        let direct = 2.0 / (2.0 * (std::f64::consts::PI / 16.0).sin());
        assert!((ones.size().at_roots.bits() - direct.log2()).abs() < 0.01);
    }
}
