//! Sums of some of a vector's values: strided and running.

use crate::circuits::gather::{Gather, doublings, signed};
use crate::circuits::padding::Padding;
use crate::circuits::{Packing, Vector};
use crate::error::{Error, OperandError, Result};
use crate::evaluator::Evaluator;
use crate::keys::Rotations;
use crate::parallel::try_map;

impl<E: Evaluator> Vector<E> {
    /// The sums of every `stride`-th value: value i of the result, which has `stride` values, is `x_i + x_(i + stride) + ...`. Of a
    /// matrix stored row by row, `stride` being the length of a row, these are the sums of the columns.
    ///
    /// Cost: a power of two up to a row of slots takes no level and log2(m / stride) rotations, m being the length rounded up to a power
    /// of two, or a row. Any other stride takes one level and up to 2 log2(m / stride) rotations and those of a [`slice`](Self::slice).
    ///
    /// ```
    /// use slotwise::{circuits::Vector, evaluator::ClearReals};
    ///
    /// let x = Vector::from_values(&ClearReals::new(8), &[1.0, 2.0, 3.0, 4.0, 5.0])?;
    /// assert_eq!(x.sum_strided(2)?.values(), [9.0, 6.0]);
    /// assert_eq!(x.sum_strided(3)?.values(), [5.0, 7.0, 3.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidStride`](crate::OperandError::InvalidStride) unless the stride is 1 to the length; [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey);
    /// [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys) with all that are missing, which [`rotations_for_sum_strided`](Self::rotations_for_sum_strided)
    /// has; [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted).
    #[doc(alias("EvalSumRows", "EvalSumCols", "PartialTracesSum", "Trace"))]
    pub fn sum_strided(&self, stride: usize) -> Result<Self> {
        let sum = StridedSum::new(self.packing, stride)?;
        if stride == self.len() {
            return Ok(self.clone());
        }
        let operation = "a strided sum";
        self.evaluator
            .check_rotations(&sum.rotations(), operation)?;
        let levels = self.levels_to_clear() + usize::from(sum.gather.is_some());
        self.check_depth(operation, levels)?;
        let chunks = sum.apply(&self.evaluator, &self.cleared()?.chunks)?;
        let packing = Packing::new(self.packing.shape(), stride)?;
        Ok(Self::new(&self.evaluator, packing, chunks, Padding::Zeros))
    }

    /// The rotations whose keys [`sum_strided`](Self::sum_strided) of a vector like this one uses.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([1, 2, 3, 4])?; // two rows of two values
    /// let server = client.generate_server_key(&x.rotations_for_sum_strided(2)?)?;
    /// assert_eq!(client.decrypt(&server.attach(x)?.sum_strided(2)?)?, [4, 6]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidStride`](crate::OperandError::InvalidStride) as [`sum_strided`](Self::sum_strided).
    pub fn rotations_for_sum_strided(&self, stride: usize) -> Result<Rotations> {
        Ok(StridedSum::new(self.packing, stride)?.rotations())
    }

    /// The running sums, `x_0, x_0 + x_1, x_0 + x_1 + x_2, ...`: a vector of the same length.
    ///
    /// Cost: two levels, unless the length is 1, and for each ciphertext 2 log2(m) rotations, m being the length rounded up to a power
    /// of two, or a row of slots.
    ///
    /// ```
    /// use slotwise::{circuits::Vector, evaluator::ClearReals};
    ///
    /// let x = Vector::from_values(&ClearReals::new(8), &[1.0, 2.0, 3.0, 4.0, 5.0])?;
    /// assert_eq!(x.running_sum()?.values(), [1.0, 3.0, 6.0, 10.0, 15.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey); [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys) with all that are missing, which
    /// [`rotations_for_running_sum`](Self::rotations_for_running_sum) has; [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted).
    #[doc(alias("cumsum", "prefix_sum"))]
    #[doc(alias = "runningSums")]
    pub fn running_sum(&self) -> Result<Self> {
        let Some(sum) = RunningSum::new(self.packing)? else {
            return Ok(self.clone());
        };
        let operation = "a running sum";
        self.evaluator
            .check_rotations(&sum.rotations(), operation)?;
        self.check_depth(operation, 2)?;
        let chunks = sum.apply(&self.evaluator, &self.chunks)?;
        Ok(self.with_chunks(chunks, Padding::Zeros))
    }

    /// The rotations whose keys [`running_sum`](Self::running_sum) of a vector like this one uses.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(2).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([1, 2, 3, 4])?;
    /// let server = client.generate_server_key(&x.rotations_for_running_sum()?)?;
    /// assert_eq!(client.decrypt(&server.attach(x)?.running_sum()?)?, [1, 3, 6, 10]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for rows of one slot.
    pub fn rotations_for_running_sum(&self) -> Result<Rotations> {
        let sum = RunningSum::new(self.packing)?;
        Ok(sum.map_or_else(Rotations::none, |sum| sum.rotations()))
    }
}

/// The steps of a strided sum.
struct StridedSum {
    packing: Packing,
    stride: usize,
    /// The sums that are made in each row from its start on, without the last value of some; a power of two needs no other.
    terms: usize,
    /// How sums and last values of all rows join.
    gather: Option<Gather>,
}

impl StridedSum {
    fn new(packing: Packing, stride: usize) -> Result<Self> {
        let len = packing.len();
        if stride == 0 || stride > len {
            return Err(Error::Operands(OperandError::InvalidStride { stride, len }));
        }
        let period = packing.period();
        if stride == len || (stride.is_power_of_two() && stride <= period) {
            return Ok(Self {
                packing,
                stride,
                terms: if stride == len { 1 } else { period / stride },
                gather: None,
            });
        }
        let row = period.min(len);
        let terms = row.div_ceil(stride) - 1;
        let values = (0..len).step_by(row).flat_map(|start| {
            (0..stride.min(row)).flat_map(move |slot| {
                let whole = (0, start + slot, (start + slot) % stride);
                let last = slot + terms * stride;
                let last = (last < row).then_some((1, start + last, (start + slot) % stride));
                [Some(whole).filter(|_| terms > 0), last]
                    .into_iter()
                    .flatten()
            })
        });
        let values = values.filter(|&(_, from, _)| from < len);
        let to = Packing::new(packing.shape(), stride)?;
        Ok(Self {
            packing,
            stride,
            terms,
            gather: Some(Gather::new(&[packing, packing], to, values)),
        })
    }

    /// Whether rows are added by an exchange.
    fn joins_rows(&self) -> bool {
        self.packing.rows_differ() && self.gather.is_none() && self.stride < self.packing.len()
    }

    /// The steps that sum the terms: of so many terms together, or of the vector's own values.
    fn steps(&self) -> Vec<(i64, bool)> {
        let mut steps = Vec::new();
        let mut count = 1;
        let bits = self.terms.checked_ilog2().unwrap_or(0);
        for bit in (0..bits).rev() {
            steps.push((signed(count * self.stride), false));
            count *= 2;
            if self.terms >> bit & 1 == 1 {
                steps.push((signed(count * self.stride), true));
                count += 1;
            }
        }
        steps
    }

    fn rotations(&self) -> Rotations {
        let rotations = Rotations::steps(self.steps().into_iter().map(|(step, _)| step));
        match &self.gather {
            Some(gather) => rotations.and(gather.rotations()),
            None if self.joins_rows() => rotations.and_conjugation(),
            None => rotations,
        }
    }

    fn apply<E: Evaluator>(
        &self,
        evaluator: &E,
        chunks: &[E::Ciphertext],
    ) -> Result<Vec<E::Ciphertext>> {
        let in_rows = |chunk: &E::Ciphertext| {
            let (steps, mut sum) = (self.steps(), chunk.clone());
            for run in steps.chunk_by(|a, b| a.1 == b.1) {
                let doubled: Vec<i64> = run.iter().map(|&(step, _)| step).collect();
                sum = match run {
                    [(step, true), ..] => {
                        evaluator.add(&sum, &evaluator.rotate_left(chunk, *step)?)?
                    }
                    _ => evaluator.rotate_and_sum(&sum, &doubled, f64::INFINITY)?,
                };
            }
            Ok(sum)
        };
        if let Some(gather) = &self.gather {
            let sums = try_map(chunks.len(), |i| in_rows(&chunks[i]))?;
            return gather.apply(evaluator, &[&sums, chunks], "a strided sum");
        }
        let sum = in_rows(&evaluator.add_many(chunks)?)?;
        if self.joins_rows() {
            return Ok(vec![evaluator.add(&sum, &evaluator.conjugate(&sum)?)?]);
        }
        Ok(vec![sum])
    }
}

/// The steps of a running sum, within halves of rows first.
///
/// Values of one half, all others being 0, are summed in windows of half a row by doubling: slot t then holds the sum up to t, if it is
/// of the same half. Sums with the slot half a row away are the total of the half, everywhere.
struct RunningSum {
    packing: Packing,
    half: usize,
}

impl RunningSum {
    /// `None` for a single value.
    fn new(packing: Packing) -> Result<Option<Self>> {
        let half = packing.period() / 2;
        if packing.len() == 1 {
            return Ok(None);
        }
        if half == 0 {
            return Err(Error::Operands(OperandError::InvalidArgument {
                reason: "a running sum takes rows of two slots or more",
            }));
        }
        Ok(Some(Self { packing, half }))
    }

    fn rotations(&self) -> Rotations {
        let powers = doublings(1, 2 * self.half).into_iter().map(|step| -step);
        let rotations = Rotations::steps(&powers.collect::<Vec<_>>());
        match self.packing.rows_differ() {
            true => rotations.and_conjugation(),
            false => rotations,
        }
    }

    fn apply<E: Evaluator>(
        &self,
        evaluator: &E,
        chunks: &[E::Ciphertext],
    ) -> Result<Vec<E::Ciphertext>> {
        let sums = try_map(chunks.len(), |i| self.in_chunk(evaluator, &chunks[i], i))?;
        let mut before: Option<E::Ciphertext> = None;
        let mut result = Vec::new();
        for (chunk, (sum, total)) in sums.into_iter().enumerate() {
            result.push(match &before {
                Some(before) => {
                    let before = self.masked(evaluator, before, chunk, |_| true)?;
                    evaluator.add(&sum, &before)?
                }
                None => sum,
            });
            before = Some(match before {
                Some(before) => evaluator.add(&before, &total)?,
                None => total,
            });
        }
        Ok(result)
    }

    /// The running sums of one ciphertext, and its total in every slot.
    fn in_chunk<E: Evaluator>(
        &self,
        evaluator: &E,
        values: &E::Ciphertext,
        chunk: usize,
    ) -> Result<(E::Ciphertext, E::Ciphertext)> {
        let is_low = |slot: usize| slot % (2 * self.half) < self.half;
        let low = self.windows(evaluator, &self.masked(evaluator, values, chunk, is_low)?)?;
        let high = self.masked(evaluator, values, chunk, |slot| !is_low(slot))?;
        let high = self.windows(evaluator, &high)?;
        let total = |sums: &E::Ciphertext| {
            evaluator.add(sums, &evaluator.rotate_right(sums, signed(self.half))?)
        };
        let low_total = total(&low)?;
        let row = evaluator.add(&low_total, &total(&high)?)?;
        let high = evaluator.add(&high, &low_total)?;
        let mut terms = vec![
            self.masked(evaluator, &low, chunk, is_low)?,
            self.masked(evaluator, &high, chunk, |slot| !is_low(slot))?,
        ];
        if !self.packing.rows_differ() {
            return Ok((evaluator.add_many(&terms)?, row));
        }
        let columns = self.packing.shape().columns;
        let other = evaluator.conjugate(&row)?;
        terms.push(self.masked(evaluator, &other, chunk, |slot| slot >= columns)?);
        Ok((evaluator.add_many(&terms)?, evaluator.add(&row, &other)?))
    }

    /// The sums of each slot and the half a row before it.
    fn windows<E: Evaluator>(
        &self,
        evaluator: &E,
        values: &E::Ciphertext,
    ) -> Result<E::Ciphertext> {
        let steps: Vec<i64> = doublings(1, self.half).iter().map(|step| -step).collect();
        let settled = evaluator.settle(values)?;
        evaluator.rotate_and_sum(settled.as_ref(), &steps, f64::INFINITY)
    }

    /// The slots that hold a value and are kept; 0 elsewhere.
    fn masked<E: Evaluator>(
        &self,
        evaluator: &E,
        a: &E::Ciphertext,
        chunk: usize,
        keep: impl Fn(usize) -> bool,
    ) -> Result<E::Ciphertext> {
        let kept = |slot| keep(slot) && self.packing.value_at(chunk, slot).is_some();
        let factor = |slot| E::Scalar::from(i8::from(kept(slot)));
        let mask: Vec<E::Scalar> = (0..self.packing.shape().slots()).map(factor).collect();
        let position = evaluator.factor_position(a)?;
        evaluator.mul_plain(a, &evaluator.encode_factor(&mask, position)?)
    }
}
