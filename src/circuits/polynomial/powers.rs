use crate::circuits::polynomial::basis::Basis;
use crate::circuits::polynomial::coefficient::Coefficient;
use crate::circuits::polynomial::tree::{Limits, Schedule, Tree, best_limits, schedule, used};
use crate::error::Result;
use crate::evaluator::{Evaluator, Position};
use std::collections::BTreeMap;

/// The members of a basis at x that some polynomials need, and how the polynomials are made of them.
///
/// Scales are exact: the scale of a result decides that of each factor and coefficient of it, from the result down, so that no
/// operand needs a level to match another's scale.
pub(super) struct Powers<'a, E: Evaluator> {
    evaluator: &'a E,
    is_chebyshev: bool,
    members: BTreeMap<usize, E::Ciphertext>,
    /// The level of x, where levels are counted.
    level: usize,
}

/// A polynomial, and the multiplications that it may take one after the other, those by coefficients included.
pub(super) type Bounded<'a, C> = (&'a [C], usize);

/// The multiplications that a linear combination counts for.
pub(super) fn combination_depth<E: Evaluator>(evaluator: &E) -> usize {
    usize::from(evaluator.takes_a_level(E::scalar(usize::MAX)))
}

/// The trees of polynomials, all with the same babies, and the schedule of what they need.
pub(super) fn plan<C: Clone + Default + PartialEq, B: Basis<C> + Basis<bool>>(
    basis: B,
    polynomials: &[Bounded<'_, C>],
    combination: usize,
) -> (Vec<Tree<C>>, Schedule) {
    let patterns: Vec<_> = polynomials
        .iter()
        .map(|&(p, depth)| {
            let pattern = p[..used(p)].iter().map(|c| *c != C::default());
            (pattern.collect(), depth)
        })
        .collect();
    let limits: Limits = best_limits(basis, &patterns, combination);
    let trees: Vec<_> = polynomials
        .iter()
        .map(|&(p, depth)| Tree::new(basis, p, depth, limits))
        .collect();
    let schedule = schedule(basis, &trees);
    (trees, schedule)
}

impl<'a, E: Evaluator> Powers<'a, E> {
    /// The members of the basis that are scheduled, at `x`.
    pub(super) fn new<B: Basis<bool>>(
        evaluator: &'a E,
        _: B,
        x: &E::Ciphertext,
        schedule: &Schedule,
    ) -> Result<Self> {
        let x = evaluator.settle(x)?.into_owned();
        let mut powers = Self {
            evaluator,
            is_chebyshev: B::IS_CHEBYSHEV,
            level: evaluator.term_position(&x)?.level(),
            members: BTreeMap::from([(1, x)]),
        };
        for (&member, &parts) in schedule {
            let value = powers.product(parts)?;
            powers.members.insert(member, value);
        }
        Ok(powers)
    }

    /// A member that is at hand: one that was scheduled, or x.
    pub(super) fn member(&self, member: usize) -> &E::Ciphertext {
        &self.members[&member]
    }

    /// Member `a + b`, at the level of use.
    fn product(&self, [a, b]: [usize; 2]) -> Result<E::Ciphertext> {
        let evaluator = self.evaluator;
        let mut raw = evaluator.sum_of_raw_products(&[(self.member(a), self.member(b))])?;
        if !self.is_chebyshev {
            return evaluator.relinearize_and_rescale(&raw);
        }
        evaluator.mul_scalar_assign(&mut raw, E::Scalar::from(2))?;
        let minus_one = E::Scalar::from(-1);
        if a == b {
            evaluator.add_scalar_assign(&mut raw, minus_one)?;
        } else {
            let difference = (self.member(a - b), minus_one);
            let at = evaluator.term_position(&raw)?;
            let zero = E::Scalar::default();
            let difference = evaluator.linear_combination(&[difference], zero, at)?;
            evaluator.add_assign(&mut raw, &difference)?;
        }
        let value = evaluator.relinearize_and_rescale(&raw)?;
        evaluator.assume_message_bound(value, 1.0)
    }

    /// The value of a tree, `depth` levels below x and at the canonical scale there; that of a constant, of depth 0, at the position
    /// of x.
    pub(super) fn value<C: Coefficient<E>>(
        &self,
        tree: &Tree<C>,
        depth: usize,
    ) -> Result<E::Ciphertext> {
        if depth == 0 {
            return self.raw(tree, self.evaluator.term_position(self.member(1))?);
        }
        self.value_at(tree, Position::at_level(self.level.saturating_sub(depth)))
    }

    /// The value of a tree at this position.
    pub(super) fn value_at<C: Coefficient<E>>(
        &self,
        tree: &Tree<C>,
        at: Position,
    ) -> Result<E::Ciphertext> {
        let evaluator = self.evaluator;
        let raw = self.raw(tree, evaluator.position_before_rescale(at)?)?;
        let value = evaluator.relinearize_and_rescale(&raw)?;
        match tree.bound {
            Some(bound) if bound > 0.0 => evaluator.assume_message_bound(value, bound),
            _ => Ok(value),
        }
    }

    /// The value of a tree, neither relinearized nor rescaled: it has this position.
    fn raw<C: Coefficient<E>>(&self, tree: &Tree<C>, at: Position) -> Result<E::Ciphertext> {
        let evaluator = self.evaluator;
        let mut highs = Vec::new();
        for (giant, high) in &tree.products {
            let giant = self.member(*giant);
            let position = cofactor_position(at, evaluator.term_position(giant)?);
            highs.push((self.value_at(high, position)?, giant));
        }
        let member = |(member, c)| (self.member(member), c);
        let terms: Vec<_> = tree.terms.iter().map(|(i, c)| member((*i, c))).collect();
        let combination = || {
            if !terms.is_empty() {
                return C::combine(evaluator, &terms, &tree.constant, at);
            }
            // An exact 0 has neither a message nor an error that a coefficient's rounding could multiply.
            let zero = evaluator.mul_scalar(self.member(1), E::Scalar::default())?;
            C::combine(evaluator, &[(&zero, &C::default())], &tree.constant, at)
        };
        if highs.is_empty() {
            return combination();
        }
        let pairs: Vec<_> = highs.iter().map(|(high, giant)| (high, *giant)).collect();
        let mut sum = evaluator.sum_of_raw_products(&pairs)?;
        if !tree.terms.is_empty() || tree.constant != C::default() {
            evaluator.add_assign(&mut sum, &combination()?)?;
        }
        Ok(sum)
    }
}

/// Where the other factor must be of a product at `product`.
fn cofactor_position(product: Position, factor: Position) -> Position {
    match (product.scale(), factor.scale()) {
        (Some(scale), Some(of_factor)) => product.with_scale(scale / of_factor),
        _ => product,
    }
}
