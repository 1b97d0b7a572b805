//! Products of two encrypted matrices against the product in the clear.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::circuits::{Grid, MatrixProduct, Vector};
use slotwise::evaluator::{ClearIntegers, ClearReals, Position};
use slotwise::keys::Rotations;
use slotwise::params::{BfvContext, CkksContext};
use slotwise::prelude::ServerKey;
use slotwise::{Ckks, Error, KeyError, OperandError, ValueError};

/// Small integers, which real numbers hold exactly.
fn matrix(rng: &mut ChaCha20Rng, count: usize) -> Vec<i64> {
    (0..count).map(|_| rng.random_range(-9..=9)).collect()
}

fn reals(values: &[i64]) -> Vec<f64> {
    values.iter().map(|&value| value as f64).collect()
}

fn product(a: &[i64], b: &[i64], [rows, inner, columns]: [usize; 3]) -> Vec<i64> {
    let entry = |i: usize, j: usize| {
        (0..inner)
            .map(|k| a[i * inner + k] * b[k * columns + j])
            .sum()
    };
    (0..rows * columns)
        .map(|at| entry(at / columns, at % columns))
        .collect()
}

/// Checks that the result has the product in its places and zeros elsewhere.
fn check(result: &[i64], shape: &MatrixProduct, want: &[i64]) {
    assert_eq!(result, shape.output().scatter(want).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn products_of_any_shape_in_the_clear(sizes in [1usize..10, 1usize..10, 1usize..10], seed in 0u64..1000) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let shape = MatrixProduct::new(sizes[0], sizes[1], sizes[2]).unwrap();
        let mut pair = || (matrix(&mut rng, sizes[0] * sizes[1]), matrix(&mut rng, sizes[1] * sizes[2]));
        let pairs = [pair(), pair()];
        let wants = pairs.each_ref().map(|(a, b)| product(a, b, sizes));
        let sum: Vec<i64> = wants[0].iter().zip(&wants[1]).map(|(a, b)| a + b).collect();

        let integers = ClearIntegers::new(2 * shape.size(), 65_537).unwrap();
        let vector = |values: &[i64]| Vector::from_values(&integers, values).unwrap();
        let [(a, b), (c, d)] = pairs.each_ref()
            .map(|(a, b)| (vector(&shape.left(a).unwrap()), vector(&shape.right(b).unwrap())));
        check(&a.matrix_product(&b, &shape).unwrap().values(), &shape, &wants[0]);
        let both = Vector::sum_of_matrix_products(&[(&a, &b), (&c, &d)], &shape).unwrap();
        check(&both.values(), &shape, &sum);

        // More slots than needed hold several copies.
        let clear = ClearReals::new(4 * shape.size());
        let vector = |values: &[f64]| Vector::from_values(&clear, values).unwrap();
        let (a, b) = (shape.left(&reals(&pairs[0].0)).unwrap(), shape.right(&reals(&pairs[0].1)).unwrap());
        let result = vector(&a).matrix_product(&vector(&b), &shape).unwrap();
        prop_assert_eq!(shape.output().gather(&result.values()).unwrap(), reals(&wants[0]));
        // And the result is a vector like any other.
        let total: f64 = reals(&wants[0]).iter().sum();
        prop_assert_eq!(result.sum().unwrap().values(), [total]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn products_of_rows_and_of_products(sizes in [1usize..7, 1usize..7, 1usize..7], seed in 0u64..1000) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let [rows, inner, columns] = sizes;
        let (a, b) = (matrix(&mut rng, rows * inner), matrix(&mut rng, inner * columns));
        let want = product(&a, &b, sizes);
        let clear = ClearIntegers::new(512, 1_000_003).unwrap();
        let vector = |values: &[i64]| Vector::from_values(&clear, values).unwrap();
        let position = Position::at_level(0);
        let shape = MatrixProduct::new(rows, inner, columns).unwrap();
        let encoded = shape.encode(&clear, position).unwrap();
        let result = vector(&a).row_major_product(&vector(&b), &encoded).unwrap();
        prop_assert_eq!(result.values(), &want[..]);

        // A product times a matrix: the product's layout is an operand's.
        let c = matrix(&mut rng, columns * 3);
        let next = MatrixProduct::new(rows, columns, 3).unwrap();
        let left = next.left_map(&shape.output()).unwrap().encode(&clear, position).unwrap();
        let layout = Grid::new(1, columns, 3).unwrap();
        let right = next.right_map(&layout).unwrap().encode(&clear, position).unwrap();
        let ab = vector(&shape.left(&a).unwrap()).matrix_product(&vector(&shape.right(&b).unwrap()), &shape).unwrap();
        let c_in_rows = vector(&layout.scatter(&c).unwrap());
        let abc = ab.matmul(&left).unwrap().matrix_product(&c_in_rows.matmul(&right).unwrap(), &next).unwrap();
        prop_assert_eq!(next.output().gather(&abc.values()).unwrap(), product(&want, &c, [rows, columns, 3]));
        prop_assert!(next.left_map::<i64>(&Grid::new(1, rows, columns + 1).unwrap()).is_err());
        prop_assert!(next.right_map::<i64>(&Grid::new(2, columns, 3).unwrap()).is_err());
    }
}

#[test]
fn encrypted_matrices_in_rows() {
    let builder = CkksContext::builder()
        .degree(512)
        .prime_bits(&[60, 45, 45, 45, 50])
        .scale_bits(45);
    let context = builder.insecure_skip_security_check().build().unwrap();
    let client = context.generate_client_key().unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let (a, b) = (matrix(&mut rng, 28), matrix(&mut rng, 35));
    let plain = client.generate_server_key(&Rotations::none()).unwrap();
    let shape = MatrixProduct::new(4, 7, 5).unwrap();
    let product_of = shape
        .encode(plain.evaluator(), Position::at_level(context.top_level()))
        .unwrap();
    let server = client.generate_server_key(&product_of.rotations()).unwrap();
    let encrypt = |server: &ServerKey<Ckks>, values: &[i64]| {
        server
            .attach(client.encrypt(reals(values)).unwrap())
            .unwrap()
    };
    let (left, right) = (encrypt(&server, &a), encrypt(&server, &b));
    let result = left.row_major_product(&right, &product_of).unwrap();
    let want = reals(&product(&a, &b, [4, 7, 5]));
    let found = client.decrypt(&result).unwrap();
    let worst = found
        .iter()
        .zip(&want)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    assert!(
        worst <= result.noise_bound() && result.noise_bound() < 0.05,
        "{worst:e} {:e}",
        result.noise_bound()
    );
    assert_eq!(found.len(), 20);
    let error = encrypt(&plain, &a)
        .row_major_product(&encrypt(&plain, &b), &product_of)
        .unwrap_err();
    assert!(
        matches!(error, Error::Keys(KeyError::MissingRotationKeys { .. })),
        "{error}"
    );
    let error = left
        .drop_to_level(2)
        .unwrap()
        .row_major_product(&right, &product_of)
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Operands(OperandError::LevelExhausted {
                needed: 3,
                left: 2,
                ..
            })
        ),
        "{error}"
    );
}

#[test]
fn encrypted_real_matrices() {
    let builder = CkksContext::builder()
        .degree(512)
        .prime_bits(&[60, 45, 50])
        .scale_bits(45);
    let context = builder.insecure_skip_security_check().build().unwrap();
    let client = context.generate_client_key().unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for sizes in [[8, 8, 8], [3, 9, 4], [13, 5, 2], [1, 16, 3], [8, 1, 8]] {
        let shape = MatrixProduct::new(sizes[0], sizes[1], sizes[2]).unwrap();
        let server = client.generate_server_key(&shape.rotations()).unwrap();
        let (a, b) = (
            matrix(&mut rng, sizes[0] * sizes[1]),
            matrix(&mut rng, sizes[1] * sizes[2]),
        );
        let encrypt = |values: &[f64]| server.attach(client.encrypt(values).unwrap()).unwrap();
        let left = encrypt(&shape.left(&reals(&a)).unwrap());
        let right = encrypt(&shape.right(&reals(&b)).unwrap());
        let result = left.matrix_product(&right, &shape).unwrap();
        let found = client.decrypt(&result).unwrap();
        let want = shape
            .output()
            .scatter(&reals(&product(&a, &b, sizes)))
            .unwrap();
        let worst = found
            .iter()
            .zip(&want)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max);
        assert!(
            worst <= result.noise_bound() && result.noise_bound() < 1e-2,
            "{sizes:?} {worst:e} {:e}",
            result.noise_bound()
        );
    }
}

#[test]
fn encrypted_integer_matrices() {
    let builder = BfvContext::builder()
        .degree(512)
        .prime_bits(&[50; 4])
        .plaintext_modulus(786_433);
    let context = builder.insecure_skip_security_check().build().unwrap();
    let client = context.generate_client_key().unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    for sizes in [[8, 8, 8], [2, 11, 3]] {
        let shape = MatrixProduct::new(sizes[0], sizes[1], sizes[2]).unwrap();
        let server = client.generate_server_key(&shape.rotations()).unwrap();
        let (a, b) = (
            matrix(&mut rng, sizes[0] * sizes[1]),
            matrix(&mut rng, sizes[1] * sizes[2]),
        );
        let encrypt = |values: &[i64]| server.attach(client.encrypt(values).unwrap()).unwrap();
        let (left, right) = (
            encrypt(&shape.left(&a).unwrap()),
            encrypt(&shape.right(&b).unwrap()),
        );
        let result = left.matrix_product(&right, &shape).unwrap();
        check(
            &client.decrypt(&result).unwrap(),
            &shape,
            &product(&a, &b, sizes),
        );
    }
}

#[test]
fn products_that_cannot_be_are_refused() {
    for sizes in [
        [0, 1, 1],
        [1, 0, 1],
        [1, 1, 0],
        [usize::MAX; 3],
        [1, 1 << 20, 1 << 20],
        [1 << 23, 1 << 23, 1],
    ] {
        let error = MatrixProduct::new(sizes[0], sizes[1], sizes[2]).unwrap_err();
        assert!(
            matches!(error, Error::Operands(OperandError::InvalidShape { .. })),
            "{error}"
        );
    }
    let shape = MatrixProduct::new(4, 4, 4).unwrap();
    for short in [shape.left(&[0.0; 15]), shape.right(&[0.0; 15])] {
        assert!(matches!(
            short,
            Err(Error::Operands(OperandError::Count {
                have: 15,
                need: 16,
                ..
            }))
        ));
    }

    let clear = ClearReals::new(16);
    let a = Vector::from_values(&clear, &[1.0; 32]).unwrap();
    let too_large = Error::Values(ValueError::TooManyValues {
        given: 32,
        capacity: 16,
    });
    assert_eq!(a.matrix_product(&a, &shape).unwrap_err(), too_large);
    let short = Vector::from_values(&clear, &[1.0; 16]).unwrap();
    assert!(short.matrix_product(&a, &shape).is_err());
    let none = Vector::<ClearReals>::sum_of_matrix_products(&[], &shape);
    assert_eq!(none.unwrap_err(), Error::Values(ValueError::Empty));
}

#[test]
fn missing_keys_and_levels_of_a_product_are_named_before_work() {
    let builder = CkksContext::builder()
        .degree(128)
        .prime_bits(&[60, 40, 45])
        .scale_bits(40);
    let context = builder.insecure_skip_security_check().build().unwrap();
    let client = context.generate_client_key().unwrap();
    let shape = MatrixProduct::new(4, 4, 4).unwrap();
    let none = client.generate_server_key(&Rotations::none()).unwrap();
    let b = none
        .attach(client.encrypt(shape.left(&[0.5; 16]).unwrap()).unwrap())
        .unwrap();
    let Err(Error::Keys(KeyError::MissingRotationKeys { steps, .. })) =
        b.matrix_product(&b, &shape)
    else {
        panic!("there are no keys");
    };
    assert_eq!(steps, [-14, 1, 8, 16]);
    // With those the product has all it needs.
    let server = client
        .extend_server_key(&none, &Rotations::steps(&steps))
        .unwrap();
    let a = server.attach(b).unwrap();
    a.matrix_product(&a, &shape).unwrap();
    let low = a.drop_to_level(0).unwrap();
    let error = low.matrix_product(&low, &shape).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Operands(OperandError::LevelExhausted {
                needed: 1,
                left: 0,
                ..
            })
        ),
        "{error}"
    );
}
