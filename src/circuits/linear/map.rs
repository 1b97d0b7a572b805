use crate::circuits::Matrix;
use crate::circuits::linear::matrix::MOST_ENTRIES;
use crate::error::{Error, OperandError, Result, ValueError, check_finite, check_number};
use crate::evaluator::Number;
use std::collections::HashMap;
use std::fmt;

/// A known linear map from vectors of one length to vectors of another, given by its entries: dense matrices, convolutions,
/// permutations, block-diagonal batches.
///
/// A map is [planned](Self::plan) for an arrangement of slots, which tells the rotations whose keys it needs, and
/// [encoded](Self::encode) for an evaluator and a level; then [`Vector::matmul`](crate::circuits::Vector::matmul) applies it, for one level whatever its shape.
/// Inputs and outputs are vectors as [`Packing`](crate::circuits::Packing) lays them out. Only diagonals that have an entry cost anything, so a
/// sparse map is cheap if its entries lie on few diagonals (output index minus input index).
///
/// ```
/// use slotwise::circuits::{LinearMap, Vector};
/// use slotwise::evaluator::{ClearReals, Position};
///
/// // Differences of neighbours: 4 values to 3.
/// let entries = (0..3).flat_map(|i| [(i, i + 1, 1.0), (i, i, -1.0)]);
/// let map = LinearMap::from_entries(3, 4, entries)?;
/// let evaluator = ClearReals::new(8);
/// let encoded = map.encode(&evaluator, Position::at_level(0))?;
/// let x = Vector::from_values(&evaluator, &[1.0, 4.0, 9.0, 16.0])?;
/// assert_eq!(x.matmul(&encoded)?.values(), [3.0, 5.0, 7.0]);
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias("LinearTransformation", "Diagonals", "get_diagonal"))]
#[doc(alias("MatMul1D", "MatMulFull", "BlockMatMul", "NewLinearTransformation"))]
pub struct LinearMap<S> {
    pub(super) outputs: usize,
    pub(super) inputs: usize,
    /// Output, input, value.
    pub(super) entries: Vec<(usize, usize, S)>,
    pub(super) key_weight: f64,
}

impl<S: Number> LinearMap<S> {
    /// The map from `inputs` to `outputs` values with these entries: output index, input index, value. Entries at the same place add up;
    /// absent ones are 0.
    ///
    /// ```
    /// # use slotwise::circuits::LinearMap;
    /// // Three values to their sum and their last.
    /// let map = LinearMap::from_entries(2, 3, [(0, 0, 1), (0, 1, 1), (0, 2, 1), (1, 2, 1)])?;
    /// assert_eq!((map.inputs(), map.outputs()), (3, 2));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no inputs or outputs; [`ValueError::TooLarge`](crate::ValueError::TooLarge) for more than 2^28;
    /// [`OperandError::IndexOutOfRange`](crate::OperandError::IndexOutOfRange); [`ValueError::NotFinite`](crate::ValueError::NotFinite) with the number of the entry.
    pub fn from_entries(
        outputs: usize,
        inputs: usize,
        entries: impl IntoIterator<Item = (usize, usize, S)>,
    ) -> Result<Self> {
        if outputs == 0 || inputs == 0 {
            return Err(Error::Values(ValueError::Empty));
        }
        if outputs.max(inputs) > MOST_ENTRIES {
            return Err(Error::Values(ValueError::TooLarge {
                rows: outputs,
                columns: inputs,
            }));
        }
        let in_range = |index, length| match index < length {
            true => Ok(()),
            false => Err(Error::Operands(OperandError::IndexOutOfRange {
                index,
                length,
            })),
        };
        let entries: Vec<_> = entries
            .into_iter()
            .map(|(output, input, value)| {
                in_range(output, outputs)?;
                in_range(input, inputs)?;
                Ok((output, input, value))
            })
            .collect::<Result<_>>()?;
        check_finite(entries.iter().map(|(_, _, value)| value.is_finite()))?;
        Ok(Self {
            outputs,
            inputs,
            entries,
            key_weight: KEY_WEIGHT,
        })
    }

    /// The map `x -> A x` from vectors of `A.columns()` values to vectors of `A.rows()`.
    ///
    /// ```
    /// # use slotwise::circuits::{LinearMap, Matrix};
    /// let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1, 2, 3], [4, 5, 6]])?);
    /// assert_eq!((map.inputs(), map.outputs()), (3, 2));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn matrix_vector(matrix: &Matrix<S>) -> Self {
        Self {
            outputs: matrix.rows(),
            inputs: matrix.columns(),
            entries: matrix.entries().collect(),
            key_weight: KEY_WEIGHT,
        }
    }

    /// The map `x -> x M` from vectors of `M.rows()` values to vectors of `M.columns()`, as numpy's `x @ M`.
    ///
    /// ```
    /// # use slotwise::circuits::{LinearMap, Matrix};
    /// let map = LinearMap::vector_matrix(&Matrix::from_rows(&[[1, 2, 3], [4, 5, 6]])?);
    /// assert_eq!((map.inputs(), map.outputs()), (2, 3));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn vector_matrix(matrix: &Matrix<S>) -> Self {
        let flipped = |(row, column, value)| (column, row, value);
        Self {
            outputs: matrix.columns(),
            inputs: matrix.rows(),
            entries: matrix.entries().map(flipped).collect(),
            key_weight: KEY_WEIGHT,
        }
    }

    /// The map whose output i is input `sources[i]`: a permutation, a selection, or a repetition of `inputs` values.
    ///
    /// ```
    /// # use slotwise::circuits::LinearMap;
    /// let reverse = LinearMap::<i64>::gather(3, &[2, 1, 0])?;
    /// assert_eq!(reverse.entries(), [(0, 2, 1), (1, 1, 1), (2, 0, 1)]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_entries`](Self::from_entries).
    pub fn gather(inputs: usize, sources: &[usize]) -> Result<Self> {
        let one = S::from(1);
        let entries = sources.iter().enumerate();
        let entries = entries.map(|(output, &input)| (output, input, one));
        Self::from_entries(sources.len(), inputs, entries)
    }

    /// The transposition of a matrix of `rows` rows and `columns` columns, given as a vector, row after row.
    ///
    /// ```
    /// # use slotwise::circuits::LinearMap;
    /// let map = LinearMap::<i64>::transposition(2, 3)?;
    /// assert_eq!((map.inputs(), map.outputs()), (6, 6));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_entries`](Self::from_entries).
    pub fn transposition(rows: usize, columns: usize) -> Result<Self> {
        let count = product((rows, columns))?;
        let one = S::from(1);
        let moved = |index: usize| (index % columns * rows + index / columns, index, one);
        Self::from_entries(count, count, (0..count).map(moved))
    }

    /// This map applied to each of `count` vectors that are concatenated in one: value f of vector b at `b * inputs + f`.
    /// Applied to a matrix, row after row, it acts on each row.
    ///
    /// ```
    /// # use slotwise::{circuits::{LinearMap, Matrix, Vector}, evaluator::{ClearIntegers, Position}};
    /// let evaluator = ClearIntegers::new(8, 257)?;
    /// let sum = LinearMap::matrix_vector(&Matrix::from_rows(&[[1, 1]])?);
    /// let sums = sum.for_each_of(2)?.encode(&evaluator, Position::at_level(0))?;
    /// let x = Vector::from_values(&evaluator, &[1, 2, 10, 20])?; // (1, 2) and (10, 20)
    /// assert_eq!(x.matmul(&sums)?.values(), [3, 30]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_entries`](Self::from_entries).
    pub fn for_each_of(&self, count: usize) -> Result<Self> {
        let (outputs, inputs) = (self.outputs, self.inputs);
        self.batch(count, move |index, block| {
            (block * outputs + index.0, block * inputs + index.1)
        })
    }

    /// This map applied to `count` interleaved vectors: value f of vector b at `f * count + b`. Takes as many diagonals as the map for a
    /// single vector, with all steps multiplied by `count`, and is the fastest way to transform many small vectors.
    ///
    /// ```
    /// # use slotwise::{circuits::{LinearMap, Matrix, Vector}, evaluator::{ClearIntegers, Position}};
    /// let evaluator = ClearIntegers::new(8, 257)?;
    /// let sum = LinearMap::matrix_vector(&Matrix::from_rows(&[[1, 1]])?);
    /// let sums = sum.for_interleaved(2)?.encode(&evaluator, Position::at_level(0))?;
    /// let x = Vector::from_values(&evaluator, &[1, 10, 2, 20])?; // (1, 2) and (10, 20)
    /// assert_eq!(x.matmul(&sums)?.values(), [3, 30]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_entries`](Self::from_entries).
    pub fn for_interleaved(&self, count: usize) -> Result<Self> {
        self.batch(count, move |index, block| {
            (index.0 * count + block, index.1 * count + block)
        })
    }

    /// `count` copies of the map, the entries of each where `place` says.
    fn batch(
        &self,
        count: usize,
        place: impl Fn((usize, usize), usize) -> (usize, usize) + Copy,
    ) -> Result<Self> {
        let (outputs, inputs) = (
            product((self.outputs, count))?,
            product((self.inputs, count))?,
        );
        product((self.entries.len(), count))?;
        let entries = self.entries.iter().flat_map(|&(output, input, value)| {
            (0..count).map(move |block| {
                let (output, input) = place((output, input), block);
                (output, input, value)
            })
        });
        let batch = Self::from_entries(outputs, inputs, entries)?;
        Ok(batch.with_key_weight(self.key_weight))
    }

    /// Sets what a rotation key counts when the plan is chosen, in times of a giant step: 0 for the fastest plan whatever its keys,
    /// 1 and more for few keys, which take more time. The default is 0.05. Negative numbers and NaN count as 0.
    ///
    /// ```
    /// # use slotwise::{circuits::{LinearMap, Matrix}, evaluator::SlotShape};
    /// let shape = SlotShape { rows: 1, columns: 4096 };
    /// let map = LinearMap::matrix_vector(&Matrix::from_fn(256, 256, |i, j| (i + j) as f64)?);
    /// let fast = map.clone().with_key_weight(0.0).plan(shape)?;
    /// let few_keys = map.with_key_weight(10.0).plan(shape)?;
    /// assert!(few_keys.key_switches() >= fast.key_switches());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn with_key_weight(self, key_weight: f64) -> Self {
        // NaN is not above 0 either.
        let key_weight = if key_weight > 0.0 {
            key_weight.min(MOST_KEY_WEIGHT)
        } else {
            0.0
        };
        Self { key_weight, ..self }
    }

    /// The number of values that the map takes.
    ///
    /// ```
    /// # use slotwise::circuits::LinearMap;
    /// assert_eq!(LinearMap::<i64>::gather(5, &[0, 4])?.inputs(), 5);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of values that it gives.
    ///
    /// ```
    /// # use slotwise::circuits::LinearMap;
    /// assert_eq!(LinearMap::<i64>::gather(5, &[0, 4])?.outputs(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Checks the numbers that are added to the outputs, if there are any.
    pub(in crate::circuits) fn check_bias(&self, bias: &[S]) -> Result<()> {
        if !bias.is_empty() {
            let what = "biases (one for each output of the map, or none: `&[]`)";
            check_number(what, bias.len(), self.outputs)?;
        }
        check_finite(bias.iter().map(|value| value.is_finite()))
    }

    /// The entries: output index, input index, value. Those at the same place add up.
    ///
    /// ```
    /// # use slotwise::circuits::LinearMap;
    /// assert_eq!(LinearMap::<i64>::gather(5, &[0, 4])?.entries(), [(0, 0, 1), (1, 4, 1)]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn entries(&self) -> &[(usize, usize, S)] {
        &self.entries
    }

    /// The largest sum of the magnitudes of one output's entries: how much the map multiplies the largest magnitude of its input by, at
    /// most.
    ///
    /// ```
    /// # use slotwise::circuits::{LinearMap, Matrix};
    /// let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, -2.0], [0.5, 0.5]])?);
    /// assert_eq!(map.gain(), 3.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn gain(&self) -> f64 {
        self.gains().into_values().fold(0.0, f64::max)
    }

    /// The sum of the entries' magnitudes for each output that has any.
    fn gains(&self) -> HashMap<usize, f64> {
        let mut sums = HashMap::new();
        for &(output, _, value) in &self.entries {
            *sums.entry(output).or_insert(0.0) += value.magnitude();
        }
        sums
    }

    /// Checks that no output's gain is infinite.
    pub(super) fn check_gain(&self) -> Result<()> {
        let infinite = self
            .gains()
            .into_iter()
            .filter(|(_, gain)| gain.is_infinite());
        match infinite.map(|(output, _)| output).min() {
            Some(output) => Err(Error::Values(ValueError::EntriesTooLarge { output })),
            None => Ok(()),
        }
    }
}

/// A number of values, or an error if it is 0 or too large.
fn product((rows, columns): (usize, usize)) -> Result<usize> {
    match rows.checked_mul(columns) {
        Some(count) if count <= MOST_ENTRIES => Ok(count),
        _ => Err(Error::Values(ValueError::TooLarge { rows, columns })),
    }
}

impl<S> fmt::Debug for LinearMap<S> {
    /// The type of the numbers, the lengths, and the number of entries.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scalar, entries) = (std::any::type_name::<S>(), self.entries.len());
        let (inputs, outputs) = (self.inputs, self.outputs);
        write!(
            out,
            "LinearMap<{scalar}>({inputs} to {outputs}, {entries} entries)"
        )
    }
}

/// More makes no difference.
const MOST_KEY_WEIGHT: f64 = 1e9;

/// What a key counts by default: between plans of about the same time, the one with fewer keys.
const KEY_WEIGHT: f64 = 0.05;
