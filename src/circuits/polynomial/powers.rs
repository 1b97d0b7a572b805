use crate::circuits::polynomial::basis::Basis;
use crate::circuits::polynomial::coefficient::{Coefficient, Planned};
use crate::circuits::polynomial::tree::{Limits, Schedule, Tree, best_limits, schedule, used};
use crate::error::Result;
use crate::evaluator::{Evaluator, Position, ProductSum};
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
        let (zero, minus_one) = (E::Scalar::default(), E::Scalar::from(-1));
        // T_0 is the constant 1.
        let (difference, constant) = match (self.is_chebyshev, a - b) {
            (false, _) => (None, zero),
            (true, 0) => (None, minus_one),
            (true, difference) => (Some((self.member(difference), minus_one)), zero),
        };
        let value = self.evaluator.sum_of_products(&ProductSum {
            pairs: &[(self.member(a), self.member(b))],
            is_doubled: self.is_chebyshev,
            terms: difference.as_slice(),
            constant,
        })?;
        if !self.is_chebyshev {
            return Ok(value);
        }
        self.evaluator.assume_message_bound(value, 1.0)
    }

    /// The value of a tree, `depth` levels below x and at the canonical scale there; that of a constant, of depth 0, at the position
    /// of x.
    pub(super) fn value<C: Coefficient<E>>(
        &self,
        tree: &Tree<C>,
        depth: usize,
    ) -> Result<E::Ciphertext> {
        if depth == 0 {
            let (terms, x) = (self.terms(tree), self.member(1));
            let at = self.evaluator.term_position(x)?;
            return C::combine_any(self.evaluator, (&terms, x), &tree.constant, at);
        }
        self.value_at(tree, Position::at_level(self.level.saturating_sub(depth)))
    }

    /// The value of a tree at this position.
    pub(super) fn value_at<C: Coefficient<E>>(
        &self,
        tree: &Tree<C>,
        at: Position,
    ) -> Result<E::Ciphertext> {
        let mut leaves = Vec::new();
        self.plan_leaves(tree, at, &mut leaves)?;
        let leaves = C::combine_and_rescale(self.evaluator, &leaves, self.member(1))?;
        self.value_from(tree, &mut leaves.into_iter())
    }

    /// The combinations of a tree that are factors, with the positions before their rescales, in the order of [`value_from`](Self::value_from).
    fn plan_leaves<'t, C: Coefficient<E>>(
        &'t self,
        tree: &'t Tree<C>,
        at: Position,
        leaves: &mut Vec<Planned<'t, E::Ciphertext, C>>,
    ) -> Result<()> {
        let before = self.evaluator.position_before_rescale(at)?;
        if tree.products.is_empty() {
            leaves.push(Planned {
                terms: self.terms(tree),
                constant: &tree.constant,
                at: before,
            });
        }
        tree.products.iter().try_for_each(|(giant, high)| {
            self.plan_leaves(high, self.cofactor_position(*giant, before)?, leaves)
        })
    }

    /// The value of a tree from its leaves, whose positions decide those of all nodes.
    fn value_from<C: Coefficient<E>>(
        &self,
        tree: &Tree<C>,
        leaves: &mut impl Iterator<Item = E::Ciphertext>,
    ) -> Result<E::Ciphertext> {
        let evaluator = self.evaluator;
        let highs = tree.products.iter().map(|(giant, high)| {
            let high = self.value_from(high, leaves)?;
            Ok((high, self.member(*giant)))
        });
        let highs: Vec<_> = highs.collect::<Result<_>>()?;
        let leaf = highs.is_empty().then(|| leaves.next());
        let value = if let Some(leaf) = leaf.flatten() {
            leaf
        } else {
            let pairs: Vec<_> = highs.iter().map(|(high, giant)| (high, *giant)).collect();
            C::sum_of_products(evaluator, &pairs, &self.terms(tree), &tree.constant)?
        };
        match tree.bound {
            Some(bound) if bound > 0.0 => evaluator.assume_message_bound(value, bound),
            _ => Ok(value),
        }
    }

    /// Where the other factor must be of a product with this member at `product`.
    fn cofactor_position(&self, member: usize, product: Position) -> Result<Position> {
        let factor = self.evaluator.term_position(self.member(member))?;
        Ok(match (product.scale(), factor.scale()) {
            (Some(scale), Some(of_factor)) => product.with_scale(scale / of_factor),
            _ => product,
        })
    }

    fn terms<'t, C>(&self, tree: &'t Tree<C>) -> Vec<(&E::Ciphertext, &'t C)> {
        let terms = tree.terms.iter();
        terms.map(|(member, c)| (self.member(*member), c)).collect()
    }
}
