use crate::kernels::{Modulus, SumRow, WeightedSum};
use crate::parallel::for_each_item;
use crate::ring::{NttPoly, PART, RnsBasis, TailDivider, residue};
use num_bigint::BigInt;
use std::ops::Range;
use std::sync::Arc;

/// The most polynomials that one weighted sum takes.
const GROUP: usize = 32;

/// `constant + sum_i factors[i] polys[i]` for integers of any size.
#[derive(Default)]
pub(crate) struct Combination<'a> {
    pub(crate) terms: Vec<(&'a NttPoly, &'a BigInt)>,
    pub(crate) constant: BigInt,
}

/// A multiple of a combination modulo one prime.
pub(crate) struct CombinationRow<'a> {
    q: &'a Modulus,
    rows: Vec<&'a [u64]>,
    factors: Vec<u64>,
    constant: u64,
}

impl<'a> Combination<'a> {
    /// Each combination over its basis, whose primes are the first of its polynomials. All go prime by prime, so that a polynomial of several is
    /// read once.
    pub(crate) fn over_each(all: &[(Self, &Arc<RnsBasis>)]) -> Vec<NttPoly> {
        let all: Vec<_> = all.iter().map(|(sum, basis)| (sum, *basis)).collect();
        rows_of_each(&all, |_, _, _| ())
    }

    /// [`over_each`](Self::over_each), each divided by its divider, [`TailDivider::divide`], before it leaves the caches.
    pub(crate) fn divided_each(all: &[(Self, &Arc<RnsBasis>, &TailDivider)]) -> Vec<NttPoly> {
        let shared = all.iter().map(|(combination, basis, divider)| {
            let mut weights = basis.pool().take(divider.weights_length());
            divider.fill_weights(&mut weights, |i, row| {
                let i = divider.head().len() + i;
                combination.row((i, basis.modulus(i)), 1).write_all(row);
                basis.table(i).inverse(row);
            });
            weights
        });
        let shared: Vec<_> = shared.collect();
        let heads = all.iter().map(|(sum, _, divider)| (sum, divider.head()));
        let results = rows_of_each(&heads.collect::<Vec<_>>(), |number, i, row| {
            let (_, basis, divider) = all[number];
            let mut remainder = basis.pool().take(row.len());
            divider.remainder_rows(i, &shared[number], &mut remainder);
            divider.subtract_and_divide(i, row, &mut remainder);
            basis.pool().put(remainder);
        });
        for (weights, (_, basis, _)) in shared.into_iter().zip(all) {
            basis.pool().put(weights);
        }
        results
    }

    /// The combination times `multiple` modulo the prime with this number.
    pub(crate) fn row<'b>(
        &'b self,
        (i, q): (usize, &'b Modulus),
        multiple: u64,
    ) -> CombinationRow<'b> {
        let times = |integer: &BigInt| q.mul(residue(integer, q.value()), multiple);
        CombinationRow {
            q,
            rows: self.terms.iter().map(|(poly, _)| poly.row(i)).collect(),
            factors: self.terms.iter().map(|(_, factor)| times(factor)).collect(),
            constant: times(&self.constant),
        }
    }
}

/// [`Combination::over_each`], and what `finish` makes of each row: it is called with the numbers of the combination and of the prime.
fn rows_of_each(
    all: &[(&Combination<'_>, &Arc<RnsBasis>)],
    finish: impl Fn(usize, usize, &mut [u64]) + Sync + Send,
) -> Vec<NttPoly> {
    let mut results: Vec<_> = (all.iter())
        .map(|(_, basis)| NttPoly::unspecified(basis))
        .collect();
    let words = results.iter().map(|result| result.data().len()).sum();
    let mut by_prime = Vec::new();
    for (number, (result, (combination, basis))) in results.iter_mut().zip(all).enumerate() {
        by_prime.resize_with(by_prime.len().max(basis.len()), Vec::new);
        let rows = result.data_mut().chunks_exact_mut(basis.degree());
        for (i, (row, rows)) in rows.zip(&mut by_prime).enumerate() {
            rows.push((number, combination.row((i, basis.modulus(i)), 1), row));
        }
    }
    for_each_item(words, by_prime, |i, rows| {
        let degree = rows.first().map_or(0, |(_, _, row)| row.len());
        let mut alike = Vec::<Vec<OwnRow<'_>>>::new();
        for own in rows {
            match alike
                .iter_mut()
                .find(|rows| rows[0].1.has_inputs_of(&own.1))
            {
                Some(rows) => rows.push(own),
                None => alike.push(vec![own]),
            }
        }
        for start in (0..degree).step_by(PART) {
            let part = start..degree.min(start + PART);
            alike
                .iter_mut()
                .for_each(|rows| write_alike(rows, part.clone()));
        }
        for (number, _, row) in alike.into_iter().flatten() {
            finish(number, i, row);
        }
    });
    results
}

/// A combination modulo one prime, with its number, and the row that it is written to.
type OwnRow<'a> = (usize, CombinationRow<'a>, &'a mut [u64]);

/// Writes a part of rows of combinations of the same rows.
fn write_alike(rows: &mut [OwnRow<'_>], part: Range<usize>) {
    if let [(_, combination, row)] = rows {
        return combination.write(part.start, &mut row[part]);
    }
    let sums = rows.iter_mut().filter_map(|(_, combination, row)| {
        let sum = combination.groups(part.start).next()?;
        let (q, row) = (combination.q, &mut row[part.clone()]);
        Some(SumRow { q, row, sum })
    });
    let mut sums: Vec<_> = sums.collect();
    if let Some(first) = sums.first() {
        first.q.kernels().weighted_sums(&mut sums);
    }
}

impl CombinationRow<'_> {
    /// Whether both are sums of the same rows, so few that one weighted sum takes them.
    fn has_inputs_of(&self, other: &Self) -> bool {
        let mut pairs = self.rows.iter().zip(&other.rows);
        (1..=GROUP).contains(&self.rows.len())
            && self.rows.len() == other.rows.len()
            && pairs.all(|(row, other)| std::ptr::eq(*row, *other))
    }

    /// Writes the row.
    fn write_all(&self, row: &mut [u64]) {
        for (start, part) in (0..).step_by(PART).zip(row.chunks_mut(PART)) {
            self.write(start, part);
        }
    }

    /// Writes the places of the row from `start` on.
    fn write(&self, start: usize, out: &mut [u64]) {
        let mut groups = self.groups(start);
        match groups.next() {
            Some(sum) => self.q.kernels().weighted_sum(self.q, out, &sum),
            None => out.fill(self.constant),
        }
        for sum in groups {
            add(self.q, out, &sum);
        }
    }

    /// Adds the places of the row from `start` on.
    pub(crate) fn add_to(&self, start: usize, out: &mut [u64]) {
        for sum in self.groups(start) {
            add(self.q, out, &sum);
        }
        if self.rows.is_empty() && self.constant != 0 {
            self.q.kernels().add_scalar(self.q, out, self.constant);
        }
    }

    /// Sums that add up to the places from `start` on, if there are terms.
    fn groups(&self, start: usize) -> impl Iterator<Item = WeightedSum<'_>> {
        let groups = self.rows.chunks(GROUP).zip(self.factors.chunks(GROUP));
        groups
            .enumerate()
            .map(move |(number, (inputs, factors))| WeightedSum {
                inputs,
                start,
                input_bits: self.q.bits(),
                total: (inputs.len() as u128) << self.q.bits(),
                factors,
                offset: if number == 0 { self.constant } else { 0 },
            })
    }
}

/// Adds a weighted sum.
fn add(q: &Modulus, out: &mut [u64], sum: &WeightedSum<'_>) {
    for (start, out) in (sum.start..).step_by(PART).zip(out.chunks_mut(PART)) {
        let mut part = [0; PART];
        let part = &mut part[..out.len()];
        q.kernels()
            .weighted_sum(q, part, &WeightedSum { start, ..*sum });
        q.kernels().add_assign(q, out, part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::{Seed, expand_seed, ntt_primes};

    #[test]
    fn combinations_are_those_by_single_operations() {
        for bits in [30, 45, 58] {
            let primes: Vec<u64> = ntt_primes(bits, 64).take(3).collect();
            let basis = Arc::new(RnsBasis::new(64, &primes).unwrap());
            let lower = Arc::new(RnsBasis::new(64, &primes[..2]).unwrap());
            for count in [0, 1, 5, 32, 33, 70] {
                let polys: Vec<NttPoly> = (0..count)
                    .map(|i| expand_seed(&basis, &Seed([i; 32]), 0))
                    .collect();
                let factor = |i: i64| (BigInt::from(i - 3) << 70u32) + i;
                let factors: Vec<BigInt> = (0..i64::from(count)).map(factor).collect();
                let terms: Vec<_> = polys.iter().zip(&factors).collect();
                let both = [&basis, &lower].map(|basis| {
                    let combination = Combination {
                        terms: terms.clone(),
                        constant: factor(40),
                    };
                    (combination, basis)
                });
                let found = Combination::over_each(&both);
                let (combination, _) = &both[1];
                assert_eq!(found[0].truncated(&lower), found[1]);
                let mut want = NttPoly::zero(&lower);
                want.add_integer(&factor(40));
                for (poly, factor) in terms {
                    want.add_assign(&poly.truncated(&lower).times_integer(factor));
                }
                assert_eq!(found[1], want, "{count} of {bits} bits");
                let divider = TailDivider::new(&lower, &basis.moduli()[2..]);
                let alone = Arc::new(basis.slice(0..1));
                let last = TailDivider::new(&alone, &lower.moduli()[1..]);
                let [(first, basis), (second, lower)] = &both;
                let same = Combination {
                    terms: second.terms.clone(),
                    constant: factor(-2),
                };
                let sums = [first, second, &same].map(|sum| Combination {
                    terms: sum.terms.clone(),
                    constant: sum.constant.clone(),
                });
                let [first, second, same] = sums;
                let divided = Combination::divided_each(&[
                    (first, basis, &divider),
                    (second, lower, &last),
                    (same, basis, &divider),
                ]);
                assert_eq!(divided[0], divider.divide(&found[0]));
                assert_eq!(divided[1], last.divide(&found[1]));
                let mut other = found[0].clone();
                other.add_integer(&(factor(-2) - factor(40)));
                assert_eq!(divided[2], divider.divide(&other));
                let mut doubled = want.clone();
                doubled.for_each_row(|i, row| {
                    combination.row((i, lower.modulus(i)), 1).add_to(0, row);
                });
                assert_eq!(doubled, want.times_integer(&2.into()));
            }
        }
    }
}
