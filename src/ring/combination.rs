use crate::kernels::WeightedSum;
use crate::ring::{NttPoly, RnsBasis, residue};
use num_bigint::BigInt;
use std::sync::Arc;

/// The most polynomials that one weighted sum takes beside the sum so far.
const GROUP: usize = 31;

/// Columns computed together, so that those of all polynomials of a group lie in the cache.
const COLUMNS: usize = 2048;

impl NttPoly {
    /// `constant + sum_i factors[i] polys[i]` over `basis`, for integers of any size. The polynomials may have more primes than the
    /// basis.
    pub(crate) fn integer_combination(
        basis: &Arc<RnsBasis>,
        terms: &[(&Self, &BigInt)],
        constant: &BigInt,
    ) -> Self {
        let mut result = Self::unspecified(basis);
        let columns = COLUMNS.min(basis.degree());
        result.for_each_row(|i, row| {
            let q = basis.modulus(i);
            let mut inputs = basis.pool().take((GROUP + 1) * columns);
            row.fill(residue(constant, q.value()));
            for group in terms.chunks(GROUP) {
                // The sum so far is the first input.
                let mut factors = vec![1];
                factors.extend(group.iter().map(|(_, factor)| residue(factor, q.value())));
                for (start, part) in (0..).step_by(columns).zip(row.chunks_exact_mut(columns)) {
                    let (sum, rest) = inputs.split_at_mut(columns);
                    sum.copy_from_slice(part);
                    for (input, (poly, _)) in rest.chunks_exact_mut(columns).zip(group) {
                        input.copy_from_slice(&poly.row(i)[start..start + columns]);
                    }
                    let sum = WeightedSum {
                        inputs: &inputs[..factors.len() * columns],
                        stride: columns,
                        input_bits: q.bits(),
                        factors: &factors,
                        offset: 0,
                    };
                    q.kernels().weighted_sum(q, part, &sum);
                }
            }
            basis.pool().put(inputs);
        });
        result
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
            for count in [0, 1, 5, 31, 32, 70] {
                let polys: Vec<NttPoly> = (0..count)
                    .map(|i| expand_seed(&basis, &Seed([i; 32]), 0))
                    .collect();
                let factor = |i: i64| (BigInt::from(i - 3) << 70u32) + i;
                let factors: Vec<BigInt> = (0..i64::from(count)).map(factor).collect();
                let terms: Vec<_> = polys.iter().zip(&factors).collect();
                let found = NttPoly::integer_combination(&lower, &terms, &factor(40));
                let mut want = NttPoly::zero(&lower);
                want.add_integer(&factor(40));
                for (poly, factor) in terms {
                    want.add_assign(&poly.truncated(&lower).times_integer(factor));
                }
                assert_eq!(found, want, "{count} of {bits} bits");
            }
        }
    }
}
