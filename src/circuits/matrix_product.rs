use crate::circuits::gather::{doublings, signed};
use crate::circuits::padding::Padding;
use crate::circuits::{Grid, LinearMap, Packing, Vector};
use crate::error::{Error, OperandError, Result, ValueError, check_number};
use crate::evaluator::{Evaluator, Number};
use crate::keys::Rotations;

/// The product of two encrypted matrices of given shapes: `rows x inner` times `inner x columns`.
///
/// The client encodes both matrices ([`left`](Self::left), [`right`](Self::right)) before it encrypts them;
/// [`Vector::matrix_product`] then takes one level. With `n = min(rows, inner)` it takes n products, about `n + 2 sqrt(n)` rotations,
/// `sqrt(n)` relinearizations, and `3 sqrt(n)` Galois keys.
/// Encrypted matrices in other layouts, a former product for example, are brought into these forms by
/// [`left_map`](Self::left_map) and [`right_map`](Self::right_map), for one level more.
///
/// With `inner`, `rows` rounded up to powers of two D and L, and K = min(L, D), a matrix takes `max(L, D) * W` slots, W being
/// `columns + K - 1` rounded up to a power of two: 2^13 for matrices of 64 x 64. A matrix must fit in a row of slots.
///
/// ```
/// use slotwise::circuits::{MatrixProduct, Vector};
/// use slotwise::evaluator::ClearReals;
///
/// let product = MatrixProduct::new(2, 2, 2)?;
/// let evaluator = ClearReals::new(16);
/// let a = Vector::from_values(&evaluator, &product.left(&[1.0, 2.0, 3.0, 4.0])?)?;
/// let b = Vector::from_values(&evaluator, &product.right(&[5.0, 6.0, 7.0, 8.0])?)?;
/// let c = a.matrix_product(&b, &product)?;
/// assert_eq!(product.output().gather(&c.values())?, [19.0, 22.0, 43.0, 50.0]);
/// # Ok::<(), slotwise::Error>(())
/// ```
///
/// Source: X. Jiang et al., "Secure Outsourced Matrix Computation and Application to Neural Networks" (eprint 2018/1041), sections 3 and
/// 4. Rows of the left matrix with room for a second copy replace its masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatrixProduct {
    left: Grid,
    right: Grid,
    output: Grid,
    /// Powers of two: rows of the left matrix, the dimension that is summed over, and the distance of rows in slots.
    rows: usize,
    inner: usize,
    stride: usize,
}

impl MatrixProduct {
    /// The product of matrices of these sizes.
    ///
    /// ```
    /// use slotwise::circuits::MatrixProduct;
    ///
    /// let product = MatrixProduct::new(64, 64, 64)?; // 64 x 64 times 64 x 64
    /// assert_eq!(product.size(), 8192);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) for a size of 0, or matrices that take more than 2^24 slots.
    pub fn new(rows: usize, inner: usize, columns: usize) -> Result<Self> {
        let (left, right) = (Grid::new(1, rows, inner)?, Grid::new(1, inner, columns)?);
        let stride = (columns - 1 + rows.min(inner).next_power_of_two()).next_power_of_two();
        let output = Grid::new(1, rows, columns)?.with_row_stride(stride)?;
        let (rows, inner) = (rows.next_power_of_two(), inner.next_power_of_two());
        // Checks that inputs are not too large, either.
        Grid::new(1, rows.max(inner), stride)?;
        Ok(Self {
            left,
            right,
            output,
            rows,
            inner,
            stride,
        })
    }

    /// The length of the encoded matrices, a power of two.
    ///
    /// ```
    /// # use slotwise::circuits::MatrixProduct;
    /// let product = MatrixProduct::new(2, 3, 2)?;
    /// assert_eq!(product.left(&[0.0; 6])?.len(), product.size());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        self.rows.max(self.inner) * self.stride
    }

    /// How the product lies in the result of [`Vector::matrix_product`].
    ///
    /// ```
    /// # use slotwise::circuits::MatrixProduct;
    /// let product = MatrixProduct::new(2, 3, 4)?;
    /// assert_eq!(product.output().image(), [2, 4]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn output(&self) -> Grid {
        self.output
    }

    /// The left matrix, row after row, as values to encrypt.
    ///
    /// ```
    /// # use slotwise::circuits::MatrixProduct;
    /// let product = MatrixProduct::new(2, 2, 1)?;
    /// let values = product.left(&[1.0, 2.0, 3.0, 4.0])?; // to be encrypted
    /// assert_eq!(values.len(), product.size());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) unless there are `rows * inner` values.
    pub fn left<S: Copy + Default>(&self, matrix: &[S]) -> Result<Vec<S>> {
        self.form(&self.left, matrix, |place| self.left_source(place))
    }

    /// The right matrix, row after row, as values to encrypt.
    ///
    /// ```
    /// # use slotwise::circuits::MatrixProduct;
    /// let product = MatrixProduct::new(2, 2, 1)?;
    /// let values = product.right(&[1.0, 2.0])?; // to be encrypted
    /// assert_eq!(values.len(), product.size());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) unless there are `inner * columns` values.
    pub fn right<S: Copy + Default>(&self, matrix: &[S]) -> Result<Vec<S>> {
        self.form(&self.right, matrix, |place| self.right_source(place))
    }

    /// The map that makes [`left`](Self::left) of an encrypted matrix in this layout.
    ///
    /// ```
    /// use slotwise::circuits::{MatrixProduct, Vector};
    /// use slotwise::evaluator::{ClearReals, Position};
    ///
    /// let evaluator = ClearReals::new(32);
    /// let product = MatrixProduct::new(2, 2, 2)?;
    /// let [a, b, c] = [[1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 1.0]];
    /// let right = |matrix: &[f64; 4]| Vector::from_values(&evaluator, &product.right(matrix)?);
    /// let ab = Vector::from_values(&evaluator, &product.left(&a)?)?.matrix_product(&right(&b)?, &product)?;
    /// // The product as the left matrix of the next one.
    /// let map = product.left_map(&product.output())?.encode(&evaluator, Position::at_level(0))?;
    /// let abc = ab.matmul(&map)?.matrix_product(&right(&c)?, &product)?;
    /// assert_eq!(product.output().gather(&abc.values())?, [2.0, 3.0, 4.0, 7.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) unless the layout has one channel of `rows` by `inner` pixels.
    pub fn left_map<S: Number>(&self, layout: &Grid) -> Result<LinearMap<S>> {
        self.map((&self.left, layout), |place| self.left_source(place))
    }

    /// The map that makes [`right`](Self::right) of an encrypted matrix in this layout.
    ///
    /// ```
    /// use slotwise::circuits::{MatrixProduct, Vector};
    /// use slotwise::evaluator::{ClearReals, Position};
    ///
    /// let evaluator = ClearReals::new(32);
    /// let product = MatrixProduct::new(2, 2, 2)?;
    /// let [a, b] = [[1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 1.0, 0.0]];
    /// let left = Vector::from_values(&evaluator, &product.left(&a)?)?;
    /// let right = Vector::from_values(&evaluator, &product.right(&b)?)?;
    /// let ab = left.matrix_product(&right, &product)?;
    /// // The product as the right matrix of the next one.
    /// let map = product.right_map(&product.output())?.encode(&evaluator, Position::at_level(0))?;
    /// let aab = left.matrix_product(&ab.matmul(&map)?, &product)?;
    /// assert_eq!(product.output().gather(&aab.values())?, [10.0, 7.0, 22.0, 15.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) unless the layout has one channel of `inner` by `columns` pixels.
    pub fn right_map<S: Number>(&self, layout: &Grid) -> Result<LinearMap<S>> {
        self.map((&self.right, layout), |place| self.right_source(place))
    }

    /// Row i and column j of the left form: entry `A[i, i + j]`, and with fewer rows than columns copies of A below each other.
    fn left_source(&self, [row, column]: [usize; 2]) -> [usize; 2] {
        [row % self.rows, (row + column) % self.inner]
    }

    /// Row i and column j of the right form: entry `B[i + j, j]`.
    fn right_source(&self, [row, column]: [usize; 2]) -> [usize; 2] {
        [(row + column) % self.inner, column]
    }

    /// For each slot of a form that holds an entry, the slot and the entry's place in the matrix.
    fn sources<'a>(
        &'a self,
        matrix: &'a Grid,
        source: impl Fn([usize; 2]) -> [usize; 2] + 'a,
    ) -> impl Iterator<Item = (usize, [usize; 2])> + 'a {
        let [rows, columns] = matrix.image();
        (0..self.size())
            .map(move |slot| (slot, source([slot / self.stride, slot % self.stride])))
            .filter(move |(_, [row, column])| *row < rows && *column < columns)
    }

    fn form<S: Copy + Default>(
        &self,
        matrix: &Grid,
        values: &[S],
        source: impl Fn([usize; 2]) -> [usize; 2],
    ) -> Result<Vec<S>> {
        check_number(
            "values of a matrix (its rows times its columns)",
            values.len(),
            matrix.len(),
        )?;
        let mut encoded = vec![S::default(); self.size()];
        for (slot, [row, column]) in self.sources(matrix, source) {
            encoded[slot] = values[row * matrix.image()[1] + column];
        }
        Ok(encoded)
    }

    fn map<S: Number>(
        &self,
        (matrix, layout): (&Grid, &Grid),
        source: impl Fn([usize; 2]) -> [usize; 2],
    ) -> Result<LinearMap<S>> {
        if layout.channels() != 1 || layout.image() != matrix.image() {
            return Err(Error::Operands(OperandError::InvalidShape {
                sizes: [matrix.image(), layout.image()].concat(),
                reason: "the product takes a matrix of the first two sizes, in one channel, and the layout has the last two",
            }));
        }
        self.map_from(layout, layout.size(), source)
    }

    /// The maps that make both forms of matrices that fill their vectors row after row.
    pub(super) fn row_major_maps<S: Number>(&self) -> Result<[LinearMap<S>; 2]> {
        let left = self.map_from(&self.left, self.left.len(), |place| self.left_source(place))?;
        let right = self.map_from(&self.right, self.right.len(), |place| {
            self.right_source(place)
        })?;
        Ok([left, right])
    }

    /// The map from a vector of `inputs` values that holds the matrix in this layout.
    fn map_from<S: Number>(
        &self,
        layout: &Grid,
        inputs: usize,
        source: impl Fn([usize; 2]) -> [usize; 2],
    ) -> Result<LinearMap<S>> {
        let sources = self.sources(layout, source);
        let entries = sources.map(|(slot, place)| (slot, layout.position_of(0, place), S::from(1)));
        LinearMap::from_entries(self.size(), inputs, entries)
    }

    /// The number of products that are summed.
    fn terms(&self) -> usize {
        self.rows.min(self.inner)
    }

    /// How many products are summed before their sum is rotated: about the square root of all.
    fn group(&self) -> usize {
        1 << self.terms().trailing_zeros().div_ceil(2)
    }

    /// The steps of the left matrix to the start of each group: up by as many rows as to the left by columns.
    fn left_giants(&self) -> Vec<i64> {
        let groups = self.terms() / self.group();
        let step = signed(self.group() * (self.stride - 1));
        (0..groups).map(|group| -signed(group) * step).collect()
    }

    /// The steps within a group, by single columns or rows.
    fn babies(&self, unit: usize) -> Vec<i64> {
        (0..self.group())
            .map(|index| signed(index * unit))
            .collect()
    }

    /// The step from one group's sum to the next, in Horner's rule.
    fn horner(&self) -> i64 {
        signed(self.group() * self.stride)
    }

    /// The steps that add up the parts of the sum which copies of the left matrix hold.
    fn folds(&self) -> Vec<i64> {
        doublings(self.rows * self.stride, self.inner * self.stride)
    }

    /// The rotations whose keys [`Vector::matrix_product`] uses.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// use slotwise::circuits::MatrixProduct;
    ///
    /// let product = MatrixProduct::new(2, 2, 2)?;
    /// let server = client.generate_server_key(&product.rotations())?;
    /// let a = server.attach(client.encrypt(&product.left(&[1, 2, 3, 4])?)?)?;
    /// let b = client.encrypt(&product.right(&[5, 6, 7, 8])?)?;
    /// let c = client.decrypt(&a.matrix_product(&b, &product)?)?;
    /// assert_eq!(product.output().gather(&c)?, [19, 22, 43, 50]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn rotations(&self) -> Rotations {
        let mut steps = self.left_giants();
        if steps.len() > 1 {
            steps.push(self.horner());
        }
        steps.extend(self.babies(1));
        steps.extend(self.babies(self.stride));
        steps.extend(self.folds());
        Rotations::steps(&steps)
    }

    /// The sum over pairs of ciphertexts. With G the size of a group, W the stride, and A and B the forms:
    /// `sum_g rot(sum_(b < G) rot(A, b + g G (1 - W)) * rot(B, b W), g G W)`, so that B takes the steps of one group only.
    fn evaluate<E: Evaluator>(
        &self,
        evaluator: &E,
        pairs: &[(&E::Ciphertext, &E::Ciphertext)],
    ) -> Result<E::Ciphertext> {
        let giants = self.left_giants();
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (a, b) in pairs {
            left.push(evaluator.rotate_many(evaluator.settle(a)?.as_ref(), &giants)?);
            let babies = self.babies(self.stride);
            right.extend(evaluator.rotate_many(evaluator.settle(b)?.as_ref(), &babies)?);
        }
        let mut sum: Option<E::Ciphertext> = None;
        for group in (0..giants.len()).rev() {
            let mut rotated = Vec::with_capacity(right.len());
            for left in &left {
                rotated.extend(evaluator.rotate_many(&left[group], &self.babies(1))?);
            }
            let products = evaluator.inner_product(&rotated, &right)?;
            sum = Some(match sum {
                Some(sum) => {
                    evaluator.add(&products, &evaluator.rotate_left(&sum, self.horner())?)?
                }
                None => products,
            });
        }
        let sum = sum.ok_or(Error::Values(ValueError::Empty))?;
        evaluator.rotate_and_sum(&sum, &self.folds(), f64::INFINITY)
    }
}

impl<E: Evaluator> Vector<E> {
    /// The product of two encrypted matrices in the forms that [`MatrixProduct`] describes. Takes one level; the result, in the layout
    /// [`MatrixProduct::output`], has zeros between the rows.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// use slotwise::circuits::MatrixProduct;
    ///
    /// let product = MatrixProduct::new(2, 3, 1)?; // 2 x 3 times 3 x 1
    /// let a = server.attach(client.encrypt(&product.left(&[1, 2, 3, 4, 5, 6])?)?)?;
    /// let b = client.encrypt(&product.right(&[1, 0, -1])?)?;
    /// let c = client.decrypt(&a.matrix_product(&b, &product)?)?;
    /// assert_eq!(product.output().gather(&c)?, [-2, -2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`sum_of_matrix_products`](Self::sum_of_matrix_products).
    #[doc(alias("EvalMatMulSquare", "matmul", "mm"))]
    pub fn matrix_product(&self, right: &Self, product: &MatrixProduct) -> Result<Self> {
        Self::sum_of_matrix_products(&[(self, right)], product)
    }

    /// The sum of the products of pairs of encrypted matrices: a block of the product of matrices that are larger than
    /// a ciphertext, from a row of blocks and a column of blocks.
    ///
    /// ```
    /// use slotwise::circuits::{MatrixProduct, Vector};
    /// use slotwise::evaluator::ClearIntegers;
    ///
    /// // A row of two 2 x 2 blocks times a column of two.
    /// let evaluator = ClearIntegers::new(64, 65_537)?;
    /// let product = MatrixProduct::new(2, 2, 2)?;
    /// let left = |matrix| Vector::from_values(&evaluator, &product.left(matrix)?);
    /// let right = |matrix| Vector::from_values(&evaluator, &product.right(matrix)?);
    /// let (a, b) = (left(&[1, 0, 0, 1])?, left(&[0, 1, 1, 0])?);
    /// let (c, d) = (right(&[1, 2, 3, 4])?, right(&[5, 6, 7, 8])?);
    /// let sum = Vector::sum_of_matrix_products(&[(&a, &c), (&b, &d)], &product)?;
    /// assert_eq!(product.output().gather(&sum.values())?, [8, 10, 8, 10]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) for vectors of another length than [`MatrixProduct::size`]; [`ValueError::Empty`](crate::ValueError::Empty) for
    /// no pair; [`ValueError::TooManyValues`](crate::ValueError::TooManyValues) if a matrix does not fit in a row of slots; [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys) with
    /// all that are missing; [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted); as [`mul`](Self::mul).
    pub fn sum_of_matrix_products(
        pairs: &[(&Self, &Self)],
        product: &MatrixProduct,
    ) -> Result<Self> {
        let operation = "a product of encrypted matrices";
        let Some((first, _)) = pairs.first() else {
            return Err(Error::Values(ValueError::Empty));
        };
        let mut evaluator = &first.evaluator;
        for vector in pairs.iter().flat_map(|(left, right)| [left, right]) {
            check_number(
                "values in a vector (encrypt what `MatrixProduct::left` and `right` return)",
                vector.len(),
                product.size(),
            )?;
            evaluator = evaluator.with_more_keys(&vector.evaluator)?;
        }
        let capacity = evaluator.slot_shape().columns;
        if product.size() > capacity {
            let given = product.size();
            return Err(Error::Values(ValueError::TooManyValues { given, capacity }));
        }
        let factors = pairs.iter().flat_map(|&(left, right)| [left, right]);
        Self::check_depths(evaluator, factors, operation, 1)?;
        evaluator.check_rotations(&product.rotations(), operation)?;
        let ciphertexts: Vec<_> = pairs
            .iter()
            .map(|(left, right)| (&left.chunks[0], &right.chunks[0]))
            .collect();
        let sum = product.evaluate(evaluator, &ciphertexts)?;
        let packing = Packing::new(evaluator.slot_shape(), product.output.size())?;
        Ok(Self::new(evaluator, packing, vec![sum], Padding::Zeros))
    }
}
