//! Polynomials over the residues, by their values at the parties' numbers.

use crate::kernels::Modulus;

/// The factors l of the values at `nodes`, distinct and below q, in the value at `at` of the polynomial of lowest degree through them:
/// `F(at) = sum_i l_i F(nodes_i)`.
pub(super) fn lagrange(q: &Modulus, nodes: &[u32], at: u32) -> Vec<u64> {
    let difference = |a: u32, b: u32| q.sub(q.reduce(a.into()), q.reduce(b.into()));
    let factor = |(i, &node): (usize, &u32)| {
        let others = nodes.iter().enumerate().filter(|&(j, _)| j != i);
        let (numerator, denominator) = others.fold((1, 1), |(up, down), (_, &other)| {
            (
                q.mul(up, difference(at, other)),
                q.mul(down, difference(node, other)),
            )
        });
        q.mul(numerator, q.inverse(denominator))
    };
    nodes.iter().enumerate().map(factor).collect()
}

/// The factor of one of the `nodes`, in the value at 0; 0 for any other.
pub(super) fn factor_at_zero(q: &Modulus, nodes: &[u32], node: u32) -> u64 {
    let factors = lagrange(q, nodes, 0);
    let own = nodes.iter().zip(factors).find(|&(&other, _)| other == node);
    own.map_or(0, |(_, factor)| factor)
}

/// The value at `at` of the polynomial that is 1 at 0 and 0 at each of `roots`.
pub(super) fn vanishing(q: &Modulus, roots: &[u32], at: u32) -> u64 {
    let (numerator, denominator) = roots.iter().fold((1, 1), |(up, down), &root| {
        let root = q.reduce(root.into());
        (
            q.mul(up, q.sub(root, q.reduce(at.into()))),
            q.mul(down, root),
        )
    });
    q.mul(numerator, q.inverse(denominator))
}

/// All sets of `count` of the parties 1 to `parties`, each in ascending order, in lexicographic order.
pub(super) fn sets(parties: u32, count: u32) -> Vec<Vec<u32>> {
    let mut sets = Vec::new();
    let mut set: Vec<u32> = (1..=count).collect();
    loop {
        sets.push(set.clone());
        // The last element that can grow.
        let growing = (0..set.len()).rfind(|&i| u64::from(set[i]) < largest(parties, set.len(), i));
        let Some(i) = growing else { return sets };
        let first = set[i] + 1;
        for (element, value) in set[i..].iter_mut().zip(first..) {
            *element = value;
        }
    }
}

/// The largest value of element i of a set of `length`.
fn largest(parties: u32, length: usize, i: usize) -> u64 {
    (u64::from(parties) + i as u64 + 1).saturating_sub(length as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q: u64 = 1_152_921_504_606_830_593;

    #[test]
    fn values_are_interpolated() {
        let q = Modulus::new(Q);
        let polynomial = |at: u64| {
            [5, 7, 11]
                .iter()
                .rev()
                .fold(0, |sum, &c| q.add(q.mul(sum, at), c))
        };
        for nodes in [[1, 2, 3], [9, 4, 700], [0, 1024, 2]] {
            for at in [0, 1, 5, 1024] {
                let value = lagrange(&q, &nodes, at)
                    .into_iter()
                    .zip(nodes)
                    .fold(0, |sum, (l, node)| {
                        q.add(sum, q.mul(l, polynomial(node.into())))
                    });
                assert_eq!(value, polynomial(at.into()), "{nodes:?} at {at}");
            }
        }
        let roots = [2, 5, 9];
        assert_eq!(vanishing(&q, &roots, 0), 1);
        assert!(roots.iter().all(|&root| vanishing(&q, &roots, root) == 0));
        // It has degree 3: four values tell all others.
        let nodes = [1, 3, 4, 6];
        let value = lagrange(&q, &nodes, 8)
            .into_iter()
            .zip(nodes)
            .fold(0, |sum, (l, node)| {
                q.add(sum, q.mul(l, vanishing(&q, &roots, node)))
            });
        assert_eq!(value, vanishing(&q, &roots, 8));
    }

    #[test]
    fn sets_are_complete() {
        assert_eq!(sets(4, 2), [[1, 2], [1, 3], [1, 4], [2, 3], [2, 4], [3, 4]]);
        assert_eq!(sets(3, 1), [[1], [2], [3]]);
        assert_eq!(sets(10, 3).len(), 120);
        assert_eq!(sets(5, 5), [[1, 2, 3, 4, 5]]);
    }
}
