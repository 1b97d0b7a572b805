//! Linear maps against products of matrices in the clear.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::circuits::{LinearMap, Matrix, Vector};
use slotwise::evaluator::{
    ClearIntegers, ClearReals, Evaluator, Position, SlotShape, WeightedRotations,
};
use slotwise::keys::Rotations;
use slotwise::params::{BfvContext, CkksContext};
use slotwise::prelude::CkksVector;
use slotwise::{Error, KeyError, OperandError, ValueError};

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
    let mut entries = Vec::new();
    for (i, j) in all {
        if keep(i, j, rng) {
            entries.push((i, j, rng.random_range(-9..=9)));
        }
    }
    entries
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

#[test]
fn products_transposes_and_permutations_of_vectors() {
    let evaluator = ClearIntegers::new(32, 65_537).unwrap();
    let values: Vec<i64> = (1..=12).collect();
    let x = Vector::from_values(&evaluator, &values).unwrap();
    let matrix =
        |rows, columns| Matrix::from_fn(rows, columns, |i, j| (3 * i + j) as i64 - 4).unwrap();
    let product = |rows: usize, inner: usize, m: &Matrix<i64>| -> Vec<i64> {
        let entry = |i: usize, j: usize| {
            (0..inner)
                .map(|k| values[i * inner + k] * m.get(k, j).unwrap())
                .sum()
        };
        (0..rows)
            .flat_map(|i| (0..m.columns()).map(move |j| (i, j)))
            .map(|(i, j)| entry(i, j))
            .collect()
    };
    // A vector times a matrix, and 3 rows of 4 times a matrix.
    let m = matrix(12, 5);
    assert_eq!(x.matmul_plain(&m).unwrap().values(), product(1, 12, &m));
    let m = matrix(4, 6);
    assert_eq!(x.rows_matmul_plain(&m).unwrap().values(), product(3, 4, &m));
    assert_eq!(
        x.transpose(3).unwrap().values(),
        [1, 5, 9, 2, 6, 10, 3, 7, 11, 4, 8, 12]
    );
    assert_eq!(x.permute(&[11, 0, 0, 5]).unwrap().values(), [12, 1, 1, 6]);
    // Both orientations of one matrix, and a batch of 3 interleaved vectors of 4 values.
    let m = matrix(12, 3);
    let at = Position::at_level(0);
    let row = LinearMap::vector_matrix(&m).encode(&evaluator, at).unwrap();
    let column = LinearMap::matrix_vector(&m.transpose())
        .encode(&evaluator, at)
        .unwrap();
    assert_eq!(
        x.matmul(&row).unwrap().values(),
        x.matmul(&column).unwrap().values()
    );
    let m = matrix(4, 2);
    let batch = LinearMap::vector_matrix(&m).for_interleaved(3).unwrap();
    let found = x
        .matmul(&batch.encode(&evaluator, at).unwrap())
        .unwrap()
        .values();
    let want = x
        .transpose(4)
        .unwrap()
        .rows_matmul_plain(&m)
        .unwrap()
        .transpose(3)
        .unwrap();
    assert_eq!(found, want.values());
}

#[test]
fn what_does_not_fit_is_refused_before_work() {
    let evaluator = ClearReals::new(16);
    let x = Vector::from_values(&evaluator, &[1.0; 6]).unwrap();
    let operands = |error: Error| match error {
        Error::Operands(error) => error,
        other => panic!("{other}"),
    };
    let matrix = Matrix::from_fn(5, 2, |_, _| 1.0).unwrap();
    let (length, takes, gives) = (6, 5, 2);
    let mismatch = OperandError::InputLength {
        length,
        takes,
        gives,
    };
    assert_eq!(operands(x.matmul_plain(&matrix).unwrap_err()), mismatch);
    assert!(
        x.transpose(4).is_err() && x.transpose(0).is_err() && x.rows_matmul_plain(&matrix).is_err()
    );
    let (index, length) = (6, 6);
    let outside = OperandError::IndexOutOfRange { index, length };
    assert_eq!(operands(x.permute(&[0, 6]).unwrap_err()), outside);
    assert_eq!(
        x.permute(&[]).unwrap_err(),
        Error::Values(ValueError::Empty)
    );
    let other = ClearReals::new(32);
    let encoded = LinearMap::gather(6, &[0])
        .unwrap()
        .encode(&other, Position::at_level(0))
        .unwrap();
    assert!(x.matmul(&encoded).is_err());
    for (outputs, inputs) in [(usize::MAX, 1), (1, usize::MAX), (1 << 40, 1 << 40)] {
        let map = LinearMap::<f64>::from_entries(outputs, inputs, []);
        assert!(matches!(
            map,
            Err(Error::Values(ValueError::TooLarge { .. }))
        ));
        assert!(LinearMap::<f64>::transposition(outputs, inputs).is_err());
    }
    let map = LinearMap::from_entries(2, 2, [(0, 1, 1.0), (1, 1, f64::NAN)]);
    assert_eq!(
        map.unwrap_err(),
        Error::Values(ValueError::NotFinite { index: 1 })
    );
    let map = LinearMap::from_entries(1, 1, [(0, 0, i64::MAX), (0, 0, 1)]).unwrap();
    let integers = ClearIntegers::new(8, 17).unwrap();
    let error = map.encode(&integers, Position::at_level(0)).unwrap_err();
    assert_eq!(
        error,
        Error::Values(ValueError::EntriesTooLarge { output: 0 })
    );
    assert!(
        LinearMap::gather(2, &[0])
            .unwrap()
            .for_each_of(usize::MAX)
            .map(|map: LinearMap<f64>| map.inputs())
            .is_err()
    );
}

fn reals(degree: usize) -> CkksContext {
    let builder = CkksContext::builder()
        .degree(degree)
        .prime_bits(&[50, 40, 40, 45])
        .scale_bits(40);
    builder.insecure_skip_security_check().build().unwrap()
}

/// Encrypted against the clear, with the keys of the plan and no others; at a lower level than encoded for, too.
#[test]
fn maps_of_encrypted_reals() {
    let context = reals(128);
    let client = context.generate_client_key().unwrap();
    let clear = ClearReals::new(64);
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let (rows, columns) = (
        [5, 64, 3, 60, 100, 20, 100, 1, 16],
        [7, 64, 60, 3, 130, 100, 20, 40, 16],
    );
    for (case, shape) in rows.into_iter().zip(columns).enumerate() {
        let entries = entries(&mut rng, shape, case as u64 % 3);
        let entries = entries
            .into_iter()
            .map(|(i, j, value)| (i, j, value as f64 / 9.0));
        let map = LinearMap::from_entries(shape.0, shape.1, entries).unwrap();
        let map = map.with_key_weight([0.05, 3.0][case % 2]);
        let values: Vec<f64> = (0..shape.1).map(|_| rng.random_range(-1.0..1.0)).collect();
        let x = client.encrypt(&values).unwrap();
        let plan = map.plan(x.evaluator().slot_shape()).unwrap();
        let server = client.generate_server_key(&plan.rotations()).unwrap();
        let keys = server.size_in_bytes()
            - client
                .generate_server_key(&Rotations::none())
                .unwrap()
                .size_in_bytes();
        assert_eq!(plan.key_bytes(context.rlwe()).unwrap(), keys as u64);
        let x = server.attach(x).unwrap();
        let encoded = map.encode(x.evaluator(), Position::at_level(2)).unwrap();
        let want = Vector::from_values(&clear, &values).unwrap();
        let want = want
            .matmul(&map.encode(&clear, Position::at_level(0)).unwrap())
            .unwrap()
            .values();
        let lower = x.drop_to_level(1).unwrap();
        for y in [x.matmul(&encoded).unwrap(), lower.matmul(&encoded).unwrap()] {
            let worst = client
                .decrypt(&y)
                .unwrap()
                .iter()
                .zip(&want)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f64::max);
            assert!(
                worst <= y.noise_bound() && y.noise_bound() < 1e-3,
                "{shape:?}: {worst:e}, {:e}",
                y.noise_bound()
            );
            let bound = map.gain() * 1.2;
            assert!(
                y.message_bound() <= bound.max(1e-9),
                "{} above {bound}",
                y.message_bound()
            );
        }
    }
}

#[test]
fn maps_of_encrypted_vectors_say_what_they_lack() {
    let context = reals(128);
    let client = context.generate_client_key().unwrap();
    let map = LinearMap::gather(8, &[7, 3, 1, 0]).unwrap();
    let x = client.encrypt([0.5; 8]).unwrap();
    let plan = map.plan(x.evaluator().slot_shape()).unwrap();
    let encode = |x: &CkksVector, level| {
        map.encode(x.evaluator(), Position::at_level(level))
            .unwrap()
    };
    assert!(matches!(
        x.matmul(&encode(&x, 2)),
        Err(Error::Keys(KeyError::MissingServerKey))
    ));
    let none = client.generate_server_key(&Rotations::none()).unwrap();
    let keyless = none.attach(&x).unwrap();
    let Err(Error::Keys(KeyError::MissingRotationKeys { steps, .. })) =
        keyless.matmul(&encode(&keyless, 2))
    else {
        panic!("no keys");
    };
    assert_eq!(Rotations::steps(&steps), plan.rotations());
    let server = client.generate_server_key(&plan.rotations()).unwrap();
    let x = server.attach(x).unwrap();
    let error = x.matmul(&encode(&x, 1)).unwrap_err();
    let (encoded, level) = (1, 2);
    assert_eq!(
        error,
        Error::Operands(OperandError::EncodedForLowerLevel { encoded, level })
    );
    let lowest = x.drop_to_level(0).unwrap();
    assert!(matches!(
        lowest.matmul(&encode(&x, 2)),
        Err(Error::Operands(OperandError::LevelExhausted { .. }))
    ));
}

#[test]
fn maps_of_encrypted_integers() {
    let builder = BfvContext::builder()
        .degree(64)
        .prime_bits(&[50, 50, 50, 50])
        .plaintext_modulus(65_537);
    let context = builder.insecure_skip_security_check().build().unwrap();
    let client = context.generate_client_key().unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    for (case, shape) in [(5, 7), (32, 32), (40, 50), (70, 130), (9, 100), (100, 9)]
        .into_iter()
        .enumerate()
    {
        let entries = entries(&mut rng, shape, case as u64 % 3);
        let map = LinearMap::from_entries(shape.0, shape.1, entries.iter().copied()).unwrap();
        let values: Vec<i64> = (0..shape.1).map(|_| rng.random_range(-20..=20)).collect();
        let x = client.encrypt(&values).unwrap();
        let plan = map.plan(x.evaluator().slot_shape()).unwrap();
        let server = client.generate_server_key(&plan.rotations()).unwrap();
        let x = server.attach(x).unwrap();
        let y = x
            .matmul(&map.encode(x.evaluator(), Position::at_level(2)).unwrap())
            .unwrap();
        assert_eq!(
            client.decrypt(&y).unwrap(),
            apply(&entries, shape.0, &values),
            "{shape:?}"
        );
    }
}

/// Degrees at which rows are longer than the strips of fused sums, with weights in runs and whole ones.
#[test]
fn long_rows_are_summed_in_strips() {
    let context = reals(8192);
    let client = context.generate_client_key().unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    for size in [4usize, 4096] {
        let entries: Vec<_> = (0..size)
            .flat_map(|i| {
                [
                    (i, i, 0.5),
                    (i, (i + 1) % size, rng.random_range(-1.0..1.0)),
                    (i, (i + 3) % size, -0.25),
                ]
            })
            .collect();
        let map = LinearMap::from_entries(size, size, entries.iter().copied()).unwrap();
        let values: Vec<f64> = (0..size).map(|_| rng.random_range(-1.0..1.0)).collect();
        let x = client.encrypt(&values).unwrap();
        let plan = map.plan(x.evaluator().slot_shape()).unwrap();
        let x = client
            .generate_server_key(&plan.rotations())
            .unwrap()
            .attach(x)
            .unwrap();
        let y = x
            .matmul(&map.encode(x.evaluator(), Position::at_level(2)).unwrap())
            .unwrap();
        let mut want = vec![0.0; size];
        for (i, j, value) in entries {
            want[i] += value * values[j];
        }
        let found = client.decrypt(&y).unwrap();
        let worst = found
            .iter()
            .zip(&want)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max);
        assert!(
            worst <= y.noise_bound() && y.noise_bound() < 1e-4,
            "{worst:e}, {:e}",
            y.noise_bound()
        );
    }
}

/// Numbers modulo different moduli do not mix, and no arrangement of slots or number of inputs panics.
#[test]
fn maps_of_other_models_and_impossible_arrangements_are_refused() {
    let [small, large] = [17, 65_537].map(|t| ClearIntegers::new(8, t).unwrap());
    let map = LinearMap::from_entries(1, 1, [(0, 0, 100i64)]).unwrap();
    let encoded = map.encode(&small, Position::at_level(0)).unwrap();
    let x = Vector::from_values(&large, &[3]).unwrap();
    assert!(matches!(
        x.matmul(&encoded),
        Err(Error::Operands(OperandError::InvalidArgument { .. }))
    ));
    for (rows, columns) in [(0, 8), (3, 8), (usize::MAX, 8), (2, 1 << 63)] {
        let planned = map.plan(SlotShape { rows, columns });
        assert!(matches!(
            planned,
            Err(Error::Values(ValueError::InvalidSlotCount { .. }))
        ));
    }
    let sum = WeightedRotations::<Vec<i64>>::new(usize::MAX, &[0, 1], &[0, 1]);
    assert!(small.weighted_rotations(&[], &sum).is_err());
}
