use crate::circuits::polynomial::basis::Basis;
use std::collections::{BTreeMap, BTreeSet};
use std::iter;

/// How a polynomial is evaluated: `constant + sum of terms + sum of products`, all at one level and scale.
///
/// Source: M. Paterson, L. Stockmeyer, "On the Number of Nonscalar Multiplications Necessary to Evaluate Polynomials" (1973); the
/// recursion of least depth: J.-P. Bossuat et al. (eprint 2020/1203), section 4.
#[derive(Clone, Debug)]
pub(super) struct Tree<C> {
    /// Members of the basis, and what multiplies each.
    pub(super) products: Vec<(usize, Tree<C>)>,
    /// Members of the basis, and their coefficients, which are not 0.
    pub(super) terms: Vec<(usize, C)>,
    pub(super) constant: C,
    /// A bound of the magnitude, if the basis has one.
    pub(super) bound: Option<f64>,
}

/// What limits a tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Polynomials of a lower degree are linear combinations of the basis.
    pub(super) babies: usize,
    /// A member between two powers of two at which polynomials are split, too, where the depth allows it.
    pub(super) between: Option<usize>,
    /// The multiplications, one after the other, that a linear combination counts for: 0 or 1.
    pub(super) combination: usize,
}

impl Limits {
    /// The member at which a polynomial of this degree, 1 at least, is split.
    fn giant(self, degree: usize, depth: usize) -> usize {
        let power = 1 << degree.ilog2();
        let fits = |giant: &usize| (power..=degree).contains(giant) && depth_of(*giant) < depth;
        self.between.filter(fits).unwrap_or(power)
    }
}

/// The most babies that are worth a try: more cost more than they save up to degree 1023.
const MOST_BABIES: usize = 64;

/// What one raw product costs, a key switch being 1, where products are cheap beside key switches (CKKS),
const CHEAP_PRODUCT: f64 = 0.15;
/// and where both take conversions to other primes (BFV).
const DEAR_PRODUCT: f64 = 1.0;
/// What one term of a linear combination costs.
const TERM: f64 = 0.03;
/// What a rescale costs, alone.
const RESCALE: f64 = 0.3;

/// `ceil(log2(n))`, the depth of member n of a basis.
pub(super) fn depth_of(member: usize) -> usize {
    member.next_power_of_two().trailing_zeros() as usize
}

/// The number of coefficients up to the last that is not 0.
pub(super) fn used<C: Default + PartialEq>(p: &[C]) -> usize {
    p.iter()
        .rposition(|c| *c != C::default())
        .map_or(0, |last| last + 1)
}

impl<C: Clone + Default + PartialEq> Tree<C> {
    /// The tree of a polynomial with at most `depth` multiplications one after the other, the coefficients' included.
    pub(super) fn new<B: Basis<C>>(basis: B, p: &[C], depth: usize, limits: Limits) -> Self {
        let mut tree = Self {
            products: Vec::new(),
            terms: Vec::new(),
            constant: C::default(),
            bound: basis.bound(p),
        };
        let mut p = p[..used(p)].to_vec();
        while let Some(degree) = p.len().checked_sub(1) {
            let is_leaf = depth_of(degree) + limits.combination <= depth;
            if degree == 0 || is_leaf && degree < limits.babies {
                let terms = p.iter().cloned().enumerate().skip(1);
                tree.terms.extend(terms.filter(|(_, c)| *c != C::default()));
                tree.constant = p[0].clone();
                break;
            }
            let giant = limits.giant(degree, depth);
            if degree == giant {
                tree.terms.extend(p.pop().map(|c| (giant, c)));
            } else {
                let [high, low] = basis.split(&p, giant);
                let high = Self::new(basis, &high, depth.saturating_sub(1), limits);
                tree.products.push((giant, high));
                p = low;
            }
            p.truncate(used(&p));
        }
        tree
    }

    /// The members of the basis that the tree uses.
    fn members(&self, members: &mut BTreeSet<usize>) {
        members.extend(self.terms.iter().map(|&(member, _)| member));
        for (giant, high) in &self.products {
            members.insert(*giant);
            high.members(members);
        }
    }

    /// What it costs to evaluate the tree once the basis is there.
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn cost(&self, limits: Limits) -> f64 {
        let highs = self.products.iter().map(|(_, high)| high.cost(limits));
        let own = if self.products.is_empty() {
            RESCALE * limits.combination as f64
        } else {
            1.0 + product_cost(limits) * self.products.len() as f64
        };
        own + TERM * self.terms.len() as f64 + highs.sum::<f64>()
    }
}

fn product_cost(limits: Limits) -> f64 {
    if limits.combination == 0 {
        DEAR_PRODUCT
    } else {
        CHEAP_PRODUCT
    }
}

/// How the members of a basis are made that some trees use: in this order, each from two smaller ones whose numbers add up to its
/// own.
pub(super) type Schedule = BTreeMap<usize, [usize; 2]>;

/// The schedule for all of these trees.
pub(super) fn schedule<C: Clone + Default + PartialEq, B: Basis<C>>(
    _: B,
    trees: &[Tree<C>],
) -> Schedule {
    let mut open = BTreeSet::new();
    trees.iter().for_each(|tree| tree.members(&mut open));
    let mut schedule = Schedule::new();
    while let Some(member) = open.pop_last() {
        if member < 2 {
            continue;
        }
        // Halves, or the largest power of two and the rest: the one with fewer members that nothing else needs. Both have least depth.
        let power = member.next_power_of_two() / 2;
        let halves = [member.div_ceil(2), member / 2];
        let needed = |[a, b]: [usize; 2]| {
            let difference = if B::IS_CHEBYSHEV { a - b } else { 0 };
            BTreeSet::from([a, b, difference])
        };
        let new = |parts: &[usize; 2]| {
            let needed = needed(*parts).into_iter();
            needed
                .filter(|&part| part > 1 && !open.contains(&part))
                .count()
        };
        let candidates = [halves, [power, member - power]];
        let best = candidates.into_iter().min_by_key(new).unwrap_or(halves);
        open.extend(needed(best));
        schedule.insert(member, best);
    }
    schedule
}

/// The limits with which these polynomials, each of its depth, cost least together. Only which coefficients are 0 counts.
pub(super) fn best_limits<B: Basis<bool>>(
    basis: B,
    polynomials: &[(Vec<bool>, usize)],
    combination: usize,
) -> Limits {
    let longest = polynomials.iter().map(|(p, _)| p.len()).max().unwrap_or(1);
    let limits = |babies, between| Limits {
        babies,
        between,
        combination,
    };
    let mut best = (f64::INFINITY, limits(2, None));
    for babies in 2..=longest.clamp(2, MOST_BABIES) {
        let between = Some(3 * babies.next_power_of_two()).filter(|&member| member < longest);
        for between in iter::once(None).chain(between.map(Some)) {
            let limits = limits(babies, between);
            let trees: Vec<_> = polynomials
                .iter()
                .map(|(p, depth)| Tree::new(basis, p, *depth, limits))
                .collect();
            let schedule = schedule(basis, &trees);
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let members = schedule.len() as f64;
            let evaluations: f64 = trees.iter().map(|tree| tree.cost(limits)).sum();
            let cost = members * (1.0 + product_cost(limits)) + evaluations;
            if cost < best.0 {
                best = (cost, limits);
            }
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuits::polynomial::basis::ChebyshevBasis;
    use std::slice;

    /// The products and relinearizations of a tree.
    fn count(tree: &Tree<bool>) -> [usize; 2] {
        let own = [tree.products.len(), usize::from(!tree.products.is_empty())];
        let highs = tree.products.iter().map(|(_, high)| count(high));
        highs.fold(own, |[a, b], [c, d]| [a + c, b + d])
    }

    #[test]
    fn least_depth_costs_so_many_products_and_relinearizations() {
        // Degree, depth, and both counts for all coefficients and for odd ones only.
        let table = [
            (3, 2, [2, 2], [2, 2]),
            (5, 3, [4, 3], [4, 3]),
            (7, 3, [5, 4], [5, 4]),
            (15, 4, [8, 7], [8, 7]),
            (31, 5, [13, 10], [13, 10]),
            (63, 6, [18, 15], [17, 14]),
            (127, 7, [28, 18], [27, 17]),
            (255, 8, [37, 27], [33, 23]),
        ];
        for (degree, depth, of_all, of_odd) in table {
            for (step, want) in [(1, of_all), (2, of_odd)] {
                let p: Vec<bool> = (0..=degree)
                    .map(|i| i % step == step - 1 || step == 1)
                    .collect();
                let limits = best_limits(ChebyshevBasis, &[(p.clone(), depth)], 1);
                let tree = Tree::new(ChebyshevBasis, &p, depth, limits);
                let members = schedule(ChebyshevBasis, slice::from_ref(&tree)).len();
                assert_eq!(count(&tree).map(|n| n + members), want, "degree {degree}");
            }
        }
    }
}
