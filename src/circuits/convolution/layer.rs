use crate::circuits::padding::Padding;
use crate::circuits::{EncodedMap, Grid, LinearMap, Matrix, Vector};
use crate::error::{Error, OperandError, Result, check_number};
use crate::evaluator::{Evaluator, Number, Position};
use std::fmt;
use std::sync::OnceLock;

/// The most entries of a layer.
const MAX_ENTRIES: usize = 1 << 27;

/// A linear layer `A x + b` with known A and b: a convolution, a pool, a dense layer, or several of them in one. It takes one level.
///
/// ```
/// use slotwise::circuits::{Convolution, Grid, LinearLayer, Matrix, Vector};
/// use slotwise::evaluator::{ClearReals, Position};
///
/// // The average of each 2 x 2 pixels, and a dense layer of the four averages, in one.
/// let input = Grid::new(1, 4, 4)?;
/// let (pool, averages) = Convolution::average_pool(1, [2, 2])?.layer(&input)?;
/// let weights = Matrix::from_rows(&[[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, -1.0]])?;
/// let layer = pool.then(&LinearLayer::dense(&averages, &weights, &[0.5, 0.0])?)?;
///
/// let evaluator = ClearReals::new(16);
/// let image: Vec<f64> = (0..16).map(f64::from).collect();
/// let x = Vector::from_values(&evaluator, &input.scatter(&image)?)?;
/// let y = x.linear_layer(&layer.encode(&evaluator, Position::at_level(0))?)?;
/// assert_eq!(y.values(), [30.5, -10.0]);
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone)]
pub struct LinearLayer<S> {
    map: LinearMap<S>,
    /// Empty, or one for each output.
    bias: Vec<S>,
}

impl<S: Number> LinearLayer<S> {
    /// The layer of this map and bias, which has a value for each output, or none where it is zero.
    ///
    /// ```
    /// # use slotwise::circuits::{LinearLayer, LinearMap, Matrix};
    /// let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]])?);
    /// let layer = LinearLayer::new(map, &[0.5, 0.0])?;
    /// assert_eq!(layer.bias(), [0.5, 0.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) for another number of biases; [`ValueError::NotFinite`](crate::ValueError::NotFinite).
    pub fn new(map: LinearMap<S>, bias: &[S]) -> Result<Self> {
        map.check_bias(bias)?;
        let bias = bias.to_vec();
        Ok(Self { map, bias })
    }

    /// A dense layer of all pixels of an image in this layout: column f of `weights` is for pixel f, channel by channel, row by row. The
    /// result has as many values as the matrix has rows, in order.
    ///
    /// ```
    /// # use slotwise::circuits::{Grid, LinearLayer, Matrix};
    /// let grid = Grid::new(1, 2, 2)?;
    /// let weights = Matrix::from_rows(&[[1.0, 2.0, 3.0, 4.0]])?;
    /// assert_eq!(LinearLayer::dense(&grid, &weights, &[])?.map().outputs(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) unless the matrix has [`Grid::len`] columns; as [`new`](Self::new).
    pub fn dense(input: &Grid, weights: &Matrix<S>, bias: &[S]) -> Result<Self> {
        check_number(
            "columns of the weights (one for each pixel of the input: `Grid::len`)",
            weights.columns(),
            input.len(),
        )?;
        let positions: Vec<usize> = input.positions().collect();
        let entries = weights
            .entries()
            .filter(|&(_, _, weight)| weight != S::default())
            .map(|(row, column, weight)| (row, positions[column], weight));
        let map = LinearMap::from_entries(weights.rows(), input.size(), entries)?;
        Self::new(map, bias)
    }

    /// Sets what a rotation key counts when the layer is planned, as [`LinearMap::with_key_weight`].
    ///
    /// ```
    /// # use slotwise::circuits::{LinearLayer, LinearMap, Matrix};
    /// let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]])?);
    /// let layer = LinearLayer::new(map, &[])?.with_key_weight(1.0); // fewer keys, more time
    /// # let _ = layer;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn with_key_weight(self, key_weight: f64) -> Self {
        let map = self.map.with_key_weight(key_weight);
        Self { map, ..self }
    }

    /// The map A.
    ///
    /// ```
    /// # use slotwise::circuits::{LinearLayer, LinearMap, Matrix};
    /// let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0, 3.0]])?);
    /// assert_eq!(LinearLayer::new(map, &[])?.map().inputs(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn map(&self) -> &LinearMap<S> {
        &self.map
    }

    /// The vector b; empty where it is zero.
    ///
    /// ```
    /// # use slotwise::circuits::{LinearLayer, LinearMap, Matrix};
    /// let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0, 3.0]])?);
    /// assert_eq!(LinearLayer::new(map, &[0.5])?.bias(), [0.5]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn bias(&self) -> &[S] {
        &self.bias
    }

    /// Encodes the layer for vectors whose [`factor_position`](Evaluator::factor_position) is `position`, or for those of a lower level.
    ///
    /// ```
    /// # use slotwise::{circuits::{LinearLayer, LinearMap, Matrix, Vector}, evaluator::{ClearReals, Position}};
    /// let evaluator = ClearReals::new(4);
    /// let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]])?);
    /// let layer = LinearLayer::new(map, &[0.5, 0.0])?.encode(&evaluator, Position::at_level(0))?;
    /// let x = Vector::from_values(&evaluator, &[1.0, 1.0])?;
    /// assert_eq!(x.linear_layer(&layer)?.values(), [3.5, 7.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`LinearMap::encode`].
    pub fn encode<E: Evaluator<Scalar = S>>(
        &self,
        evaluator: &E,
        position: Position,
    ) -> Result<EncodedLayer<E>> {
        Ok(EncodedLayer {
            map: self.map.encode(evaluator, position)?,
            bias: self.bias.clone(),
            terms: OnceLock::new(),
        })
    }
}

impl LinearLayer<f64> {
    /// This layer and the next in one, for one level instead of two: for example a pool and the convolution or dense layer after it.
    ///
    /// ```
    /// # use slotwise::circuits::{LinearLayer, LinearMap, Matrix};
    /// let dense = |rows: &[[f64; 2]], bias: &[f64]| {
    ///     LinearLayer::new(LinearMap::matrix_vector(&Matrix::from_rows(rows)?), bias)
    /// };
    /// let first = dense(&[[1.0, 2.0], [0.0, 1.0]], &[1.0, 1.0])?;
    /// let both = first.then(&dense(&[[1.0, 1.0]], &[0.5])?)?; // one level instead of two
    /// assert_eq!(both.bias(), [2.5]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) unless the next layer takes as many values as this one gives;
    /// [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) for more than 2^27 products of entries; [`ValueError::NotFinite`](crate::ValueError::NotFinite).
    pub fn then(&self, next: &Self) -> Result<Self> {
        check_number(
            "values that the next layer takes (as many as this one gives)",
            next.map.inputs(),
            self.map.outputs(),
        )?;
        let mut by_output: Vec<Vec<(usize, f64)>> = vec![Vec::new(); self.map.outputs()];
        for &(output, input, value) in self.map.entries() {
            by_output[output].push((input, value));
        }
        let products = next.map.entries().iter();
        let counts = products.map(|&(_, middle, _)| by_output[middle].len());
        check_entries(&[counts.sum()])?;
        let entries = next
            .map
            .entries()
            .iter()
            .flat_map(|&(output, middle, weight)| {
                let inputs = by_output[middle].iter();
                inputs.map(move |&(input, value)| (output, input, weight * value))
            });
        let map = LinearMap::from_entries(next.map.outputs(), self.map.inputs(), entries)?;
        let mut bias = next.bias.clone();
        if !self.bias.is_empty() {
            bias.resize(next.map.outputs(), 0.0);
            for &(output, middle, weight) in next.map.entries() {
                bias[output] += weight * self.bias[middle];
            }
        }
        Self::new(map, &bias)
    }
}

/// Checks that a layer with as many entries as this product is not too large.
pub(super) fn check_entries(counts: &[usize]) -> Result<()> {
    let product = |product: usize, &count: &usize| product.checked_mul(count);
    match counts.iter().try_fold(1, product) {
        Some(0..=MAX_ENTRIES) => Ok(()),
        _ => Err(Error::Operands(OperandError::InvalidShape {
            sizes: counts.to_vec(),
            reason: "a linear layer has at most 2^27 entries, the product of these sizes; split it by output channels",
        })),
    }
}

impl<S> fmt::Debug for LinearLayer<S> {
    /// The map, and the number of biases.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "LinearLayer({:?}, {} biases)",
            self.map,
            self.bias.len()
        )
    }
}

/// A linear layer whose map is encoded for one level: made by [`LinearLayer::encode`], applied by [`Vector::linear_layer`].
pub struct EncodedLayer<E: Evaluator> {
    map: EncodedMap<E>,
    bias: Vec<E::Scalar>,
    /// The bias encoded for the positions of the first result's ciphertexts, which later results have, too, unless their input is of
    /// another level.
    terms: OnceLock<(Vec<Position>, Vec<E::Plaintext>)>,
}

impl<E: Evaluator> EncodedLayer<E> {
    /// The encoded map, whose [plan](EncodedMap::plan) tells the rotations whose keys it needs.
    ///
    /// ```
    /// # use slotwise::{circuits::{LinearLayer, LinearMap, Matrix}, evaluator::{ClearReals, Position}};
    /// let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]])?);
    /// let layer = LinearLayer::new(map, &[])?.encode(&ClearReals::new(4), Position::at_level(0))?;
    /// assert_eq!(layer.map().plan().key_switches(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn map(&self) -> &EncodedMap<E> {
        &self.map
    }
}

impl<E: Evaluator> Vector<E> {
    /// The vector under a linear layer: `A x + b`, for one level.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// # fn assert_close(values: &[f64], expected: &[f64]) {
    /// #     assert_eq!(values.len(), expected.len());
    /// #     assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{values:?}");
    /// # }
    /// use slotwise::circuits::{LinearLayer, LinearMap, Matrix};
    ///
    /// let x = server.attach(client.encrypt([1.0, 2.0])?)?;
    /// let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[0.5, 0.25], [1.0, -1.0]])?);
    /// let layer = LinearLayer::new(map, &[0.5, 0.0])?.encode(x.evaluator(), x.factor_position()?)?;
    /// assert_close(&client.decrypt(&x.linear_layer(&layer)?)?, &[1.5, -1.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`matmul`](Self::matmul), before any work, and [`add_plain`](Self::add_plain).
    pub fn linear_layer(&self, layer: &EncodedLayer<E>) -> Result<Self> {
        let product = self.matmul(&layer.map)?;
        if layer.bias.is_empty() {
            return Ok(product);
        }
        let evaluator = &self.evaluator;
        let positions = product
            .chunks
            .iter()
            .map(|chunk| evaluator.term_position(chunk))
            .collect::<Result<Vec<_>>>()?;
        if layer.terms.get().is_none() {
            let slots = product.packing.fill(&layer.bias)?;
            let terms = slots
                .iter()
                .zip(&positions)
                .map(|(slots, &position)| evaluator.encode_term(slots, position))
                .collect::<Result<_>>()?;
            // If another thread was faster, its terms stay.
            let _ = layer.terms.set((positions.clone(), terms));
        }
        match layer.terms.get() {
            Some((encoded, terms)) if *encoded == positions => {
                let pairs = product.chunks.iter().zip(terms);
                let sums = pairs.map(|(chunk, term)| evaluator.add_plain(chunk, term));
                Ok(product.with_chunks(sums.collect::<Result<_>>()?, Padding::Zeros))
            }
            _ => product.add_plain(&layer.bias),
        }
    }
}

impl<E: Evaluator> fmt::Debug for EncodedLayer<E> {
    /// The map.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "EncodedLayer({:?})", self.map)
    }
}
