//! Linear maps against products of matrices in the clear.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::circuits::{LinearMap, Vector};
use slotwise::evaluator::{ClearIntegers, ClearReals, Position};

/// The map applied by its definition.
fn apply(entries: &[(usize, usize, i64)], outputs: usize, x: &[i64]) -> Vec<i64> {
    let mut y = vec![0; outputs];
    for &(output, input, value) in entries {
        y[output] += value * x[input];
    }
    y
}

/// Random entries: on random places, on few diagonals, or everywhere.
fn entries(
    rng: &mut ChaCha20Rng,
    (outputs, inputs): (usize, usize),
    kind: u64,
) -> Vec<(usize, usize, i64)> {
    let all = (0..outputs).flat_map(|i| (0..inputs).map(move |j| (i, j)));
    let keep = |i: usize, j: usize, rng: &mut ChaCha20Rng| match kind {
        0 => true,
        1 => rng.random_bool(0.2),
        _ => matches!((inputs + i - j.min(inputs)) % 12, 0 | 1 | 5),
    };
    all.filter_map(|(i, j)| keep(i, j, rng).then(|| (i, j, rng.random_range(-9..=9))))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn maps_of_any_shape_in_the_clear(seed in 0u64..1000, outputs in 1usize..70, inputs in 1usize..70, kind in 0u64..3, log in 2u32..6) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let entries = entries(&mut rng, (outputs, inputs), kind);
        let x: Vec<i64> = (0..inputs).map(|_| rng.random_range(-50..50)).collect();
        let want = apply(&entries, outputs, &x);
        let weight = f64::from(rng.random_range(0..3u32));
        let integers = ClearIntegers::new(2 << log, 1_000_003).unwrap();
        let map = LinearMap::from_entries(outputs, inputs, entries.iter().copied()).unwrap().with_key_weight(weight);
        let encoded = map.encode(&integers, Position::at_level(0)).unwrap();
        let y = Vector::from_values(&integers, &x).unwrap().matmul(&encoded).unwrap();
        prop_assert_eq!(y.values(), &want[..]);
        // Padding is zero and copies are equal.
        let again = Vector::from_values(&integers, &want).unwrap();
        prop_assert_eq!(y.ciphertexts(), again.ciphertexts());

        let reals = ClearReals::new(1 << log);
        let entries = entries.iter().map(|&(i, j, value)| (i, j, value as f64));
        let map = LinearMap::from_entries(outputs, inputs, entries).unwrap().with_key_weight(weight);
        let encoded = map.encode(&reals, Position::at_level(0)).unwrap();
        let x: Vec<f64> = x.iter().map(|&value| value as f64).collect();
        let y = Vector::from_values(&reals, &x).unwrap().matmul(&encoded).unwrap();
        let want: Vec<f64> = want.iter().map(|&value| value as f64).collect();
        let again = Vector::from_values(&reals, &want).unwrap();
        prop_assert_eq!(y.ciphertexts(), again.ciphertexts());
    }
}
