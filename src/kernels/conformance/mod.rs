//! Every kernel set that this processor can run gives the portable bits, on every method of [`Kernels`].

mod moduli;

use super::packing::{SLACK, pack, packed_length};
use super::{
    BlockPermutation, Kernels, KeyRow, KeyShape, Modulus, NttTable, PANEL, PANEL_GROUP, PackedRow,
    PanelGroup, PanelProducts, SumRow, Unreduced, WeightRow, WeightedPairs, WeightedSum, available,
    portable,
};
use moduli::{moduli, modulus_below, ntt_prime_below, ntt_primes};

/// The largest and smallest degree of the transforms, as powers of two.
const DEGREES: std::ops::RangeInclusive<u32> = 3..=17;

#[test]
fn forward_and_inverse_ntt() {
    let mut random = Random(1);
    for prime in ntt_primes() {
        for log in DEGREES {
            let degree = 1 << log;
            let Some(reference) = NttTable::new(prime, degree) else {
                continue; // 65537 has no roots of unity for degrees above 2^15
            };
            let q = *reference.modulus();
            let sets = available(q.bits()).into_iter();
            let sets: Vec<_> = sets.map(|set| (set, reference.with_kernels(set))).collect();
            for row in ntt_rows(&q, degree, &mut random) {
                let mut forward = row.clone();
                portable::forward_ntt(&reference, &mut forward);
                let mut inverse = row.clone();
                portable::inverse_ntt(&reference, &mut inverse);
                for (kernels, table) in &sets {
                    let label = format!("{q:?} at degree {degree} with {kernels:?}");
                    let mut actual = row.clone();
                    kernels.forward_ntt(table, &mut actual);
                    assert!(actual == forward, "forward NTT, {label}");
                    kernels.inverse_ntt(table, &mut actual);
                    assert!(actual == row, "inverse of the forward NTT, {label}");
                    kernels.inverse_ntt(table, &mut actual);
                    assert!(actual == inverse, "inverse NTT, {label}");
                }
            }
        }
    }
}

#[test]
fn tables_and_moduli_use_the_kernels_they_are_given() {
    for kernels in available(40) {
        let prime = ntt_prime_below(1 << 40);
        let table = NttTable::new(prime, 64).unwrap().with_kernels(kernels);
        assert_eq!(table.modulus().kernels().name(), kernels.name());
        let row = row_of(&Random(2).words(64), table.modulus());
        let mut actual = row.clone();
        table.forward(&mut actual);
        table.inverse(&mut actual);
        assert_eq!(actual, row);
    }
}

#[test]
fn sums_differences_and_products() {
    for_each_case(|kernels, q, row, a, b| {
        let check = |name: &str, run: &dyn Fn(&dyn Kernels, &mut [u64])| {
            compare(kernels, q, name, row, run);
        };
        check("add_assign", &|k, row| k.add_assign(q, row, a));
        check("sub_assign", &|k, row| k.sub_assign(q, row, a));
        check("add_scalar", &|k, row| k.add_scalar(q, row, a[0]));
        check("negate", &|k, row| k.negate(q, row));
        check("mul_assign", &|k, row| k.mul_assign(q, row, a));
        check("mul_add_assign", &|k, row| k.mul_add_assign(q, row, a, b));
        for factor in [0, 1, q.value() / 2, q.value() - 1, row[0]] {
            let scalar = q.shoup(factor);
            check("scale", &|k, row| k.scale(q, row, scalar));
            check("sub_scale", &|k, row| k.sub_scale(q, row, a, scalar));
        }
    });
}

#[test]
fn reduction_of_any_word() {
    let mut random = Random(3);
    for_each_case(|kernels, q, row, a, _| {
        let near = |multiple: u64| q.value().wrapping_mul(multiple);
        let words: Vec<u64> = row.iter().map(|_| random.next()).collect();
        let edges: Vec<u64> = (0..row.len() as u64)
            .map(|i| match i % 8 {
                0 => u64::MAX - i / 8,
                1 => near(u64::MAX / q.value()),
                2 => near(u64::MAX / q.value()).wrapping_sub(1),
                3 => q.value() * (i % 4) + 1,
                4 => (1 << 52) - 1,
                5 => 1 << 52,
                6 => 2 * q.value() - 1,
                _ => q.value(),
            })
            .collect();
        let narrow: Vec<u64> = edges
            .iter()
            .chain(&words)
            .take(row.len())
            .map(|word| word >> 12)
            .collect();
        for input in [a, &words, &edges, &narrow, &vec![u64::MAX; row.len()]] {
            let bits = input.iter().map(|y| 64 - y.leading_zeros()).max();
            for input_bits in [bits.unwrap_or(0), 64] {
                for offset in [0, q.value() - 1] {
                    let input = Unreduced {
                        input,
                        input_bits,
                        offset,
                    };
                    compare(kernels, q, "reduce", row, &|k, row| {
                        k.reduce(q, row, &input);
                    });
                }
            }
        }
    });
}

#[test]
fn weighted_sums_of_residues_of_other_primes() {
    const LARGEST: u64 = (1 << 61) - 1;
    let mut random = Random(4);
    for q in moduli() {
        for (count, length) in
            (1..=32).zip([1, 7, 8, 13, 16, 40, 64, 100, 1100].into_iter().cycle())
        {
            let (start, stride) = (count % 2, length + 3 * (count % 2));
            let wide: Vec<u64> = (random.words(count * stride).iter())
                .map(|word| word >> 3)
                .collect();
            let narrow: Vec<u64> = wide.iter().map(|word| word >> 15).collect();
            let factors = row_of(&random.words(count), &q);
            let row = row_of(&random.words(length), &q);
            let top = vec![q.value() - 1; count];
            for kernels in available(q.bits()) {
                let check = |words: &[u64], factors: &[u64], offset: u64| {
                    let inputs: Vec<&[u64]> = words.chunks(stride).collect();
                    compare(kernels, &q, "weighted_sum", &row, &|k, row| {
                        let bits = words.iter().map(|x| 64 - x.leading_zeros()).max();
                        let sums = (start..start + length).map(|place| {
                            let places = inputs.iter().map(|input| u128::from(input[place]));
                            places.sum::<u128>()
                        });
                        let total = sums.max().unwrap_or(0);
                        for input_bits in [bits.unwrap_or(0), 61] {
                            let sum = WeightedSum {
                                inputs: &inputs,
                                start,
                                input_bits,
                                total,
                                factors,
                                offset,
                            };
                            k.weighted_sum(&q, row, &sum);
                        }
                    });
                };
                check(&wide, &factors, row[0]);
                check(&narrow, &factors, 0);
                // Inputs, or their sums, at a border.
                let [word, sum] = [1 << 52, 1 << 54].map(|border| border - 1);
                for input in [LARGEST, word, sum / count as u64, word / count as u64] {
                    check(&vec![input; wide.len()], &top, q.value() - 1);
                }
                check(&vec![0; wide.len()], &top, 0);
            }
        }
    }
}

#[test]
fn weighted_sums_modulo_several_primes_are_those_modulo_each() {
    let mut random = Random(9);
    let moduli = moduli();
    for (count, length) in (1..=32).zip([8, 13, 16, 40, 64, 100, 600, 1100].into_iter().cycle()) {
        let (start, stride) = (count % 3, length + 8 * (count % 3));
        let words = random.words(count * stride);
        for (input_bits, rows) in [(61, 3), (52, 4), (50, 6), (40, 1), (26, 7)] {
            let words: Vec<u64> = words.iter().map(|x| x >> (64 - input_bits)).collect();
            let inputs: Vec<&[u64]> = words.chunks(stride).collect();
            // Some groups of small moduli, some with large ones.
            for first in 0..moduli.len() {
                let moduli = moduli.iter().cycle().skip(first).step_by(5);
                let factors: Vec<(&Modulus, Vec<u64>)> = moduli
                    .take(rows)
                    .map(|q| (q, row_of(&random.words(count), q)))
                    .collect();
                let mut outs = vec![vec![0; length]; rows];
                let mut wanted = outs.clone();
                let all = outs.iter_mut().zip(&factors);
                let mut all: Vec<SumRow<'_>> = all
                    .map(|(row, (q, factors))| SumRow {
                        q,
                        row,
                        sum: WeightedSum {
                            inputs: &inputs,
                            start,
                            input_bits,
                            total: (count as u128) << input_bits,
                            factors,
                            offset: q.value() - 1,
                        },
                    })
                    .collect();
                for (row, wanted) in all.iter().zip(&mut wanted) {
                    portable::weighted_sum(row.q, wanted, &row.sum);
                }
                for kernels in available(factors[0].0.bits()) {
                    kernels.weighted_sums(&mut all);
                    for (row, wanted) in all.iter_mut().zip(&wanted) {
                        assert_eq!(row.row, wanted, "{} {count} {rows}", kernels.name());
                        row.row.fill(1);
                    }
                }
            }
        }
    }
}

#[test]
fn inner_products_of_digits_and_keys() {
    let mut random = Random(6);
    for q in moduli() {
        // As many digits as the key has, or fewer.
        for (digits, length) in (1..=70).zip([8, 16, 40, 64, 104].into_iter().cycle()) {
            let count = digits - digits / 3;
            let shape = KeyShape::new(&q, digits);
            let mut key = vec![0; shape.words(length)];
            let mut top_key = key.clone();
            let tops = vec![q.value() - 1; count.max(1) * length];
            for digit in 0..digits {
                let halves = [0, 1].map(|_| row_of(&random.words(length), &q));
                shape.store(&mut key, digit, halves.each_ref().map(Vec::as_slice));
                shape.store(&mut top_key, digit, [&tops[..length]; 2]);
            }
            let some = row_of(&random.words(count * length), &q);
            let row = row_of(&random.words(2 * length), &q);
            for kernels in available(q.bits()) {
                for (some, words) in [(&some[..], &key), (&tops[..count * length], &top_key)] {
                    let some: Vec<&[u64]> = some.chunks_exact(length).collect();
                    compare(kernels, &q, "inner_products", &row, &|k, row| {
                        let (b, a) = row.split_at_mut(length);
                        k.inner_products(&q, [b, a], &some, KeyRow::new(shape, words));
                    });
                }
            }
        }
    }
}

#[test]
fn weighted_pairs_of_rows() {
    let mut random = Random(12);
    for q in moduli() {
        for (count, outputs, length) in
            [(1, 1, 8), (3, 5, 16), (33, 4, 8), (70, 9, 16), (35, 3, 64)]
        {
            let stride = length + 24;
            let top = vec![q.value() - 1; 2 * count * stride];
            let pairs = row_of(&random.words(2 * count * stride), &q);
            let values = row_of(&random.words(outputs * count * length), &q);
            for (pairs, values) in [
                (&pairs, &values[..]),
                (&top, &vec![q.value() - 1; values.len()]),
            ] {
                // Whole rows, rows of one value, and none.
                let weight = |index: usize| {
                    let values = &values[index * length..][..length];
                    match index % 7 {
                        0 => None,
                        // Runs as long as tiles, and none shorter; of the longest, a part.
                        _ if length == 64 => {
                            let log_run = [5, 6, 7][index % 3];
                            Some(WeightRow {
                                values: &values[..(length >> log_run).max(1)],
                                log_run,
                            })
                        }
                        1 | 2 => Some(WeightRow {
                            values: &values[..length / 8],
                            log_run: 3,
                        }),
                        _ => Some(WeightRow { values, log_run: 0 }),
                    }
                };
                let weights: Vec<_> = (0..outputs * count).map(weight).collect();
                let sum = WeightedPairs {
                    pairs,
                    stride,
                    weights: &weights,
                    count,
                };
                let row = vec![7 % q.value(); 2 * outputs * length];
                for kernels in available(q.bits()) {
                    compare(kernels, &q, "weighted_pairs", &row, &|k, row| {
                        k.weighted_pairs(&q, row, &sum);
                    });
                }
            }
        }
    }
}

#[test]
fn panel_products_of_groups() {
    let mut random = Random(13);
    for q in moduli().into_iter().chain([26, 27].map(modulus_below)) {
        // Groups of several sizes; the longest is summed in parts.
        for lengths in [&[0_usize, 1, 3][..], &[33, 70], &[2049]] {
            let most: usize = *lengths.iter().max().unwrap();
            let count = most.div_ceil(2) + 1;
            let some = row_of(&random.words(count * PANEL), &q);
            let top = vec![q.value() - 1; count * PANEL];
            let numbers: Vec<u32> = (0..most)
                .map(|_| u32::try_from(random.next() % count as u64).unwrap())
                .collect();
            let weights = row_of(&random.words(most * PANEL_GROUP), &q);
            let top_weights = vec![q.value() - 1; weights.len()];
            for (inputs, weights) in [(&some, &weights), (&top, &top_weights)] {
                let weights = weights.as_chunks::<PANEL_GROUP>().0;
                let groups: Vec<PanelGroup<'_>> = (lengths.iter())
                    .map(|&length| PanelGroup {
                        inputs: &numbers[..length],
                        weights: &weights[..length],
                    })
                    .collect();
                let inputs = inputs.as_chunks::<PANEL>().0;
                let product = PanelProducts {
                    inputs,
                    groups: &groups,
                };
                let row = vec![7 % q.value(); lengths.len() * PANEL_GROUP * PANEL];
                for kernels in available(q.bits()) {
                    compare(kernels, &q, "panel_products", &row, &|k, row| {
                        let panels = row.as_chunks_mut::<PANEL>().0;
                        k.panel_products(&q, panels.as_chunks_mut().0, &product);
                    });
                }
            }
        }
    }
}

#[test]
fn digits_of_keys_in_memory() {
    let mut random = Random(8);
    for q in moduli() {
        for (digits, length) in [(1, 8), (2, 40), (3, 128), (5, 16)] {
            let shape = KeyShape::new(&q, digits);
            let halves: Vec<_> = (0..2 * digits)
                .map(|_| row_of(&random.words(length), &q))
                .chain([vec![q.value() - 1; length], vec![q.value() - 1; length]])
                .collect();
            for kernels in available(q.bits()) {
                let empty = vec![0; shape.words(length)];
                compare(kernels, &q, "store_digit", &empty, &|k, row| {
                    // In an order of their own.
                    for digit in (0..digits).rev() {
                        let halves = [&halves[digit + 2][..], &halves[digit]];
                        k.store_digit(shape, row, digit, halves);
                    }
                });
                compare(kernels, &q, "store_packed", &empty, &|k, row| {
                    let mut packed = vec![0; packed_length(length, q.bits()) + SLACK];
                    for digit in 0..digits {
                        for half in 0..2 {
                            pack(&halves[digit + 2 * half], q.bits(), &mut packed);
                            let row = &mut *row;
                            let place = PackedRow {
                                shape,
                                row,
                                digit,
                                half,
                            };
                            assert!(k.store_packed(&q, place, &packed));
                        }
                    }
                    let mut beyond = halves[0].clone();
                    beyond[length - 1] = q.value();
                    pack(&beyond, q.bits(), &mut packed);
                    let mut row = vec![0; shape.words(length)];
                    let place = PackedRow {
                        shape,
                        row: &mut row,
                        digit: 0,
                        half: 0,
                    };
                    assert!(!k.store_packed(&q, place, &packed));
                    assert_eq!(row, empty, "nothing is put in place");
                });
            }
        }
    }
}

#[test]
fn permutations_of_blocks() {
    let mut random = Random(7);
    let q = modulus_below(40);
    for blocks in [1, 2, 7, 64] {
        // Blocks in turn from the last, rotated within by the sum of their numbers.
        let sources: Vec<usize> = (0..8 * blocks)
            .map(|k| (blocks - 1 - k / 8) * 8 + (k % 8 + k / 8) % 8)
            .collect();
        let permutation = BlockPermutation::new(&sources);
        let row = row_of(&random.words(8 * blocks), &q);
        let mut permuted = vec![0; row.len()];
        portable::permute(&mut permuted, &row, &permutation);
        assert!(
            permuted
                .iter()
                .zip(&sources)
                .all(|(&x, &from)| x == row[from])
        );
        for kernels in available(40).into_iter().chain(available(60)) {
            compare(kernels, &q, "permute", &row, &|k, out| {
                k.permute(out, &row, &permutation);
            });
        }
    }
}

/// Calls `case` with every kernel set, every modulus, and three rows of residues of several lengths and kinds.
fn for_each_case(mut case: impl FnMut(&'static dyn Kernels, &Modulus, &[u64], &[u64], &[u64])) {
    let mut random = Random(5);
    for q in moduli() {
        for kernels in available(q.bits()) {
            for length in [1, 7, 8, 9, 16, 31, 64, 100, 1024] {
                let mut row = || row_of(&random.words(length), &q);
                let (row, a, b) = (row(), row(), row());
                let (zeros, tops) = (vec![0; length], vec![q.value() - 1; length]);
                case(kernels, &q, &row, &a, &b);
                case(kernels, &q, &tops, &tops, &tops);
                case(kernels, &q, &zeros, &zeros, &zeros);
                case(kernels, &q, &zeros, &tops, &a);
                case(kernels, &q, &a, &a, &a);
            }
        }
    }
}

fn compare(
    kernels: &dyn Kernels,
    q: &Modulus,
    name: &str,
    row: &[u64],
    run: &dyn Fn(&dyn Kernels, &mut [u64]),
) {
    let mut expected = row.to_vec();
    run(&portable::Portable, &mut expected);
    let mut actual = row.to_vec();
    run(kernels, &mut actual);
    assert_eq!(actual, expected, "{name} modulo {q:?} with {kernels:?}");
}

/// Rows for a transform: random ones, fewer for large degrees, and those that drive lazy sums highest.
fn ntt_rows(q: &Modulus, degree: usize, random: &mut Random) -> Vec<Vec<u64>> {
    let top = q.value() - 1;
    let mut rows = vec![row_of(&random.words(degree), q)];
    if degree <= 1 << 14 {
        rows.push(vec![top; degree]);
    }
    if degree <= 1 << 12 {
        rows.push(row_of(&random.words(degree), q));
        rows.push(
            (0..degree)
                .map(|i| if i % 2 == 0 { top } else { 0 })
                .collect(),
        );
        rows.push(vec![0; degree]);
    }
    rows
}

fn row_of(words: &[u64], q: &Modulus) -> Vec<u64> {
    words.iter().map(|&word| q.reduce(word)).collect()
}

/// SplitMix64: the same words on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn words(&mut self, count: usize) -> Vec<u64> {
        (0..count).map(|_| self.next()).collect()
    }
}
