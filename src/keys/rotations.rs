use crate::error::{Error, KeyError, Result};
use crate::keys::GaloisKeys;
use crate::ring::GaloisElement;
use std::borrow::Borrow;
use std::collections::BTreeSet;

/// Which rotations keys are generated for.
///
/// ```
/// use slotwise::prelude::*;
/// let few = Rotations::steps(&[1, -1, 8]);
/// let every_step_in_a_few = Rotations::powers_of_two();
/// let both = few.and(every_step_in_a_few);
/// # let _ = both;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[doc(alias("galois", "galois_elements", "GaloisElements", "rotation_indices"))]
pub struct Rotations {
    steps: BTreeSet<i64>,
    powers_of_two: bool,
    sums: bool,
    conjugation: bool,
    /// The exchange of rows where there are two.
    row_exchange: bool,
}

impl Rotations {
    /// No rotation.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let server = client.generate_server_key(&Rotations::none())?; // products only
    /// let x = server.attach(client.encrypt([0.5, 1.0])?)?;
    /// assert!(x.square().is_ok() && x.rotate_left(1).is_err());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Exactly these steps, to the left where positive: a slice, an array, a range, any iterator.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let server = client.generate_server_key(&Rotations::steps(&[1, -2]))?;
    /// let x = server.attach(client.encrypt(&vec![0.5; context.slots()])?)?;
    /// assert!(x.rotate_left(1).is_ok() && x.rotate_right(2).is_ok());
    /// assert_eq!(Rotations::steps(1..4), Rotations::steps(&[1, 2, 3]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("galois_steps", "EvalRotateKeyGen", "GaloisElementsForRotations"))]
    pub fn steps(steps: impl IntoIterator<Item: Borrow<i64>>) -> Self {
        Self {
            steps: steps.into_iter().map(|step| *step.borrow()).collect(),
            ..Self::default()
        }
    }

    /// Every power of two up to half a row, in both directions, and the conjugation or row swap: any rotation is composed
    /// of at most log2(N) / 2 of these, and sums over slots need no others.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([1.0, 2.0, 3.0, 4.0])?)?;
    /// assert!(x.rotate_left(3).is_ok() && x.sum().is_ok());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "addAll1DMatrices")]
    pub fn powers_of_two() -> Self {
        Self {
            powers_of_two: true,
            conjugation: true,
            ..Self::default()
        }
    }

    /// Those of sums over slots, of any length: the powers of two up to half a row, and 3, 12, 48, ..., with which a sum takes two steps
    /// at once; and for BFV the exchange of its two rows. With the powers alone sums work, too, and take about a fifth longer; these keys
    /// are half as many again. Where no scheme is known (a [`KeyGenerator`](crate::keys::KeyGenerator), parties, the
    /// sizes of a [`KeyPlan`](crate::keys::KeyPlan)) that key is always one of them; clients and dry runs know their scheme.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let server = client.generate_server_key(&Rotations::for_sums())?;
    /// let x = server.attach(client.encrypt([1.0, 2.0, 3.0, 4.0])?)?;
    /// assert!((client.decrypt(&x.sum()?)?[0] - 10.0).abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("EvalSumKeyGen", "GaloisElementsForInnerSum"))]
    pub fn for_sums() -> Self {
        Self {
            sums: true,
            row_exchange: true,
            ..Self::default()
        }
    }

    /// These rotations and `others`.
    ///
    /// ```
    /// # use slotwise::Rotations;
    /// let rotations = Rotations::steps(&[1]).and(Rotations::steps(&[2, 4]));
    /// assert_eq!(rotations, Rotations::steps(&[1, 2, 4]));
    /// ```
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.steps.extend(others.steps);
        self.powers_of_two |= others.powers_of_two;
        self.sums |= others.sums;
        self.conjugation |= others.conjugation;
        self.row_exchange |= others.row_exchange;
        self
    }

    /// These rotations, and complex conjugation (CKKS) or the swap of the two rows of slots (BFV).
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// // A sum over more values than a row has needs the exchange of rows.
    /// let x = client.encrypt(&vec![1; context.slots()])?;
    /// let server = client.generate_server_key(&Rotations::powers_of_two().and_conjugation())?;
    /// assert_eq!(client.decrypt(&server.attach(x)?.sum()?)?, [context.slots() as i64]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("complex_conjugate", "rotate_columns", "EvalConjugate"))]
    #[doc(alias = "GaloisElementForComplexConjugation")]
    pub fn and_conjugation(mut self) -> Self {
        self.conjugation = true;
        self
    }

    /// These rotations where slots lie in so many rows: one (CKKS) has no exchange of rows.
    pub(crate) fn in_rows(&self, rows: usize) -> Self {
        let mut own = self.clone();
        own.row_exchange &= rows > 1;
        own
    }

    /// Whether the conjugation, which is also the exchange of rows, is among these.
    fn conjugates(&self) -> bool {
        self.conjugation || self.row_exchange
    }

    /// Whether there is no rotation here.
    ///
    /// ```
    /// # use slotwise::Rotations;
    /// assert!(Rotations::none().is_none() && !Rotations::steps(&[1]).is_none());
    /// ```
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.steps.is_empty() && !self.powers_of_two && !self.sums && !self.conjugation
    }

    /// The signed powers of two that compose these steps in rows of `degree / 2` slots, each with the fewest rotations.
    pub(crate) fn of_powers_of_two(&self, degree: usize) -> Self {
        let row = i64::try_from(degree / 2).unwrap_or(i64::MAX);
        let mut powers = BTreeSet::new();
        for &step in &self.steps {
            let mut left = step.rem_euclid(row);
            let mut power = 1;
            // The non-adjacent form; what would wrap around the row is left out.
            while left != 0 && power < row {
                if left % 2 != 0 {
                    let digit = 2 - left.rem_euclid(4);
                    powers.insert(digit * power);
                    left -= digit;
                }
                left /= 2;
                power *= 2;
            }
        }
        Self {
            steps: powers,
            ..self.clone()
        }
    }

    /// The error of an operation that lacks these rotations, given as single steps, unless there are none.
    pub(crate) fn refused(&self, operation: &'static str) -> Result<()> {
        if self.is_none() {
            return Ok(());
        }
        Err(Error::Keys(KeyError::MissingRotationKeys {
            operation,
            steps: self.steps.iter().copied().collect(),
            conjugation: self.conjugation,
        }))
    }

    /// Those of these rotations, as single steps, that `keys` neither have nor compose at this level.
    pub(crate) fn missing_in(&self, keys: &GaloisKeys, (degree, level): (usize, usize)) -> Self {
        let conjugation = GaloisElement::conjugation(degree);
        let conjugation = keys.covering(conjugation, level).is_some();
        let has_path = |step| keys.path(step, degree, level).is_ok();
        self.missing(degree, has_path, conjugation)
    }

    /// Those of these rotations, as single steps, that are not there.
    pub(crate) fn missing(
        &self,
        degree: usize,
        has_path: impl Fn(i64) -> bool,
        has_conjugation: bool,
    ) -> Self {
        let steps = self.steps.iter().copied().chain(self.preset_steps(degree));
        Self {
            steps: steps.filter(|&step| !has_path(step)).collect(),
            powers_of_two: false,
            sums: false,
            conjugation: self.conjugates() && !has_conjugation,
            row_exchange: false,
        }
    }

    /// All of these rotations as single steps, and whether the conjugation is among them.
    pub(crate) fn single_steps(&self, degree: usize) -> (Vec<i64>, bool) {
        let single = self.missing(degree, |_| false, false);
        (single.steps.into_iter().collect(), single.conjugation)
    }

    /// The steps that depend on the degree.
    fn preset_steps(&self, degree: usize) -> impl Iterator<Item = i64> + use<> {
        let (powers_of_two, sums) = (self.powers_of_two, self.sums);
        let count = (degree / 2).trailing_zeros();
        (0..count).flat_map(move |exponent| {
            let power = 1i64 << exponent;
            let pairs = exponent % 2 == 0 && exponent + 1 < count;
            let steps = [
                (power, powers_of_two || sums),
                (-power, powers_of_two),
                (3 * power, sums && pairs),
            ];
            let wanted = steps.into_iter().filter(|&(_, wanted)| wanted);
            wanted.map(|(step, _)| step)
        })
    }

    /// The automorphisms at `degree`, without the identity.
    pub(crate) fn elements(&self, degree: usize) -> BTreeSet<GaloisElement> {
        let mut elements: BTreeSet<GaloisElement> = self
            .steps
            .iter()
            .copied()
            .chain(self.preset_steps(degree))
            .map(|step| GaloisElement::rotation(step, degree))
            .collect();
        if self.conjugates() {
            elements.insert(GaloisElement::conjugation(degree));
        }
        elements.remove(&GaloisElement::rotation(0, degree));
        elements
    }
}
