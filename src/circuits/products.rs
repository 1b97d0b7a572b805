//! Products of many vectors.

use crate::circuits::Vector;
use crate::circuits::padding::{Join, Padding};
use crate::error::{Error, Result, ValueError, check_number};
use crate::evaluator::Evaluator;
use crate::parallel::try_map;
use std::borrow::Cow;

impl<E: Evaluator> Vector<E> {
    /// The product of all vectors, value by value, as a tree: `ceil(log2(n))` consecutive multiplications for n vectors.
    ///
    /// ```
    /// use slotwise::{circuits::Vector, evaluator::ClearReals};
    ///
    /// let evaluator = ClearReals::new(4);
    /// let [x, y, z] = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]].map(|values| Vector::from_values(&evaluator, &values));
    /// assert_eq!(Vector::mul_many(&[x?, y?, z?])?.values(), [15.0, 48.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for none; [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) before any work; as [`mul`](Self::mul).
    #[doc(alias("EvalMultMany", "multiply_many"))]
    #[doc(alias = "totalProduct")]
    pub fn mul_many(vectors: &[Self]) -> Result<Self> {
        Self::product_of(&vectors.iter().collect::<Vec<_>>())
    }

    /// [`mul_many`](Self::mul_many) of vectors that lie anywhere.
    pub(super) fn product_of(vectors: &[&Self]) -> Result<Self> {
        if vectors.is_empty() {
            return Err(Error::Values(ValueError::Empty));
        }
        check_tree(vectors, 0)?;
        Ok(product(vectors, E::mul)?.into_owned())
    }

    /// The sum of the products `left[i] * right[i]`, value by value, relinearized once.
    ///
    /// ```
    /// use slotwise::{circuits::Vector, evaluator::ClearReals};
    ///
    /// let evaluator = ClearReals::new(4);
    /// let [x, y] = [[1.0, 2.0], [3.0, 4.0]].map(|values| Vector::from_values(&evaluator, &values));
    /// let (x, y) = (x?, y?);
    /// assert_eq!(Vector::inner_product(&[&x, &y], &[&y, &y])?.values(), [12.0, 24.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for none; [`OperandError::Count`](crate::OperandError::Count) unless there are as many on both sides; as
    /// [`mul`](Self::mul).
    #[doc(alias("EvalInnerProduct", "linear_combination", "EvalLinearWSum"))]
    #[doc(alias("MulThenAdd", "MulRelinThenAdd"))]
    pub fn inner_product(left: &[&Self], right: &[&Self]) -> Result<Self> {
        check_number(
            "vectors on the right (one for each on the left)",
            right.len(),
            left.len(),
        )?;
        let all = || left.iter().chain(right).copied();
        let longest = all().max_by_key(|vector| vector.len());
        let longest = longest.ok_or(Error::Values(ValueError::Empty))?;
        let evaluator = all().try_fold(&longest.evaluator, |evaluator, vector| {
            let evaluator = evaluator.with_more_keys(&vector.evaluator)?;
            vector.check_length(&longest.packing)?;
            Ok::<_, Error>(evaluator)
        })?;
        Self::check_depths(evaluator, all(), "a sum of products", 1)?;
        let [left, right] = [left, right].map(|vectors| {
            let spread = vectors
                .iter()
                .map(|&vector| vector.spread_over(&longest.packing));
            spread.collect::<Vec<_>>()
        });
        let chunks = try_map(longest.packing.chunks(), |chunk| {
            let [left, right] = [&left, &right].map(|vectors| {
                let chunks = vectors.iter().map(|vector| vector.chunk(chunk));
                chunks.collect::<Vec<_>>()
            });
            evaluator.inner_product(&left, &right)
        })?;
        let pairs = left.iter().zip(&right);
        let padding = pairs
            .map(|(left, right)| {
                let padding = [&*left.padding, &*right.padding];
                Padding::join(evaluator, Join::Product, padding, E::mul)
            })
            .reduce(|sum, next| Padding::join(evaluator, Join::Sum, [&sum, &next], E::add));
        let padding = padding.unwrap_or(Padding::Zeros);
        Ok(Self::new(evaluator, longest.packing, chunks, padding))
    }
}

/// Checks that a tree of products has the levels that it takes, the products of `vectors` being `depth` products above its end.
fn check_tree<E: Evaluator>(vectors: &[&Vector<E>], depth: usize) -> Result<()> {
    if let [vector] = vectors {
        return vector.check_depth("a product of many vectors", depth);
    }
    let (left, right) = vectors.split_at(vectors.len().div_ceil(2));
    check_tree(left, depth + 1)?;
    check_tree(right, depth + 1)
}

/// The product of at least one vector; `mul` is the last multiplication.
fn product<'a, E: Evaluator>(
    vectors: &[&'a Vector<E>],
    mul: impl Fn(&E, &E::Ciphertext, &E::Ciphertext) -> Result<E::Ciphertext> + Sync + Send,
) -> Result<Cow<'a, Vector<E>>> {
    if let [vector] = vectors {
        return Ok(Cow::Borrowed(*vector));
    }
    let (left, right) = vectors.split_at(vectors.len().div_ceil(2));
    let [left, right] = [
        product(left, E::mul_settled)?,
        product(right, E::mul_settled)?,
    ];
    left.zip(&right, Join::Product, mul).map(Cow::Owned)
}
