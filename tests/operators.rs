//! Operators and encryption of all types of numbers and lists, operations in place, sums and products of iterators.
#![allow(
    clippy::unwrap_used,
    clippy::op_ref,
    reason = "a test fails by panicking; references are what is tested"
)]

use slotwise::circuits::{PlainTensor, Vector};
use slotwise::evaluator::{ClearIntegers, ClearReals};
use slotwise::prelude::*;
use slotwise::{Error, KeyError, OperandError, Result, ValueError};
use std::sync::LazyLock;

/// 32 slots, three levels, nothing hidden.
static CKKS: LazyLock<(ClientKey<Ckks>, ServerKey<Ckks>)> = LazyLock::new(|| {
    let builder = CkksContext::builder()
        .degree(64)
        .prime_bits(&[60, 45, 45, 45, 60]);
    let builder = builder.scale_bits(45).insecure_skip_security_check();
    let client = builder.build().unwrap().generate_client_key().unwrap();
    let server = client.generate_server_key(&Rotations::none()).unwrap();
    (client, server)
});

/// 64 slots modulo 65537.
static BFV: LazyLock<(ClientKey<Bfv>, ServerKey<Bfv>)> = LazyLock::new(|| {
    let builder = BfvContext::builder().degree(64).prime_bits(&[50; 4]);
    let builder = builder
        .plaintext_modulus(65_537)
        .insecure_skip_security_check();
    let client = builder.build().unwrap().generate_client_key().unwrap();
    let server = client.generate_server_key(&Rotations::none()).unwrap();
    (client, server)
});

fn reals(values: &[f64]) -> CkksVector {
    CKKS.1.attach(CKKS.0.encrypt(values).unwrap()).unwrap()
}

fn integers(values: &[i64]) -> BfvVector {
    BFV.1.attach(BFV.0.encrypt(values).unwrap()).unwrap()
}

#[test]
fn reals_meet_every_type_of_number_and_list() -> Result<()> {
    let x = &Vector::from_values(&ClearReals::new(4), &[1.0, 2.0])?;
    let sums = [
        x + 3.0,
        x + 3.0_f32,
        x + 3,
        x + 3_i8,
        x + 3_i16,
        x + 3_i64,
        x + 3_u8,
        x + 3_u16,
        x + 3_u32,
        x + 3_u64,
        x + 3_usize,
        3.0 + x,
        3 + x,
        3.0 + x.clone(),
        3 + x.clone(),
    ];
    for sum in sums {
        assert_eq!(sum?.values(), [4.0, 5.0]);
    }
    let list = vec![3.0, 5.0];
    let differences = [
        x - &list,
        x - &list[..],
        x - list.clone(),
        x - [3.0, 5.0],
        x - &[3.0_f32, 5.0],
        x - [3, 5],
        x.clone() - vec![3_u64, 5],
    ];
    for difference in differences {
        assert_eq!(difference?.values(), [-2.0, -3.0]);
    }
    let differences = [
        &list - x,
        &list[..] - x,
        list.clone() - x,
        [3.0, 5.0] - x,
        &[3.0_f32, 5.0] - x,
        [3, 5] - x.clone(),
        &list - x.clone(),
    ];
    for difference in differences {
        assert_eq!(difference?.values(), [2.0, 3.0]);
    }
    assert_eq!((2.0 * (x * 2)?)?.values(), [4.0, 8.0]);
    assert_eq!((1 - (&list * x)?)?.values(), [-2.0, -9.0]);
    Ok(())
}

/// Literals among integers are `i64`, so that arithmetic with them has its range.
#[test]
fn integers_meet_i64_alone() -> Result<()> {
    let x = &Vector::from_values(&ClearIntegers::new(4, 1 << 50)?, &[1, 2])?;
    let large = 1 << 40;
    assert_eq!((x * large)?.values(), [1 << 40, 1 << 41]);
    assert_eq!((large - x)?.values(), [(1 << 40) - 1, (1 << 40) - 2]);
    assert_eq!((x + [1 << 40, 0])?.values(), [(1 << 40) + 1, 2]);
    assert_eq!((vec![1, 0] * x.clone())?.values(), [1, 0]);
    let values: Vec<_> = (0..2).map(|i| i + (1 << 13)).collect();
    assert_eq!(
        BFV.0.decrypt(&BFV.0.encrypt(&values)?)?,
        [1 << 13, (1 << 13) + 1]
    );
    Ok(())
}

#[test]
fn tensors_meet_every_type_of_number() -> Result<()> {
    let evaluator = ClearReals::new(4);
    let x =
        slotwise::circuits::Tensor::from_values(&evaluator, &PlainTensor::new(&[1.0, 2.0], &[2])?)?;
    let results = [
        &x + 3,
        &x + 3.0_f32,
        &x + 3_usize,
        3 + &x,
        3.0 + x.clone(),
        3 - (-x.clone())?,
    ];
    for result in results {
        assert_eq!(result?.to_plain()?.values(), [4.0, 5.0]);
    }
    assert_eq!((2 * &x)?.to_plain()?.values(), [2.0, 4.0]);
    let inexact = Error::Values(ValueError::Inexact { index: 0 });
    assert_eq!((&x * u64::MAX).unwrap_err(), inexact);
    Ok(())
}

#[test]
fn integers_that_no_real_is_equal_to_are_refused() -> Result<()> {
    let exact = 1_u64 << 53;
    let x = Vector::from_values(&ClearReals::new(4), &[0.0, 0.0])?;
    let inexact = |index| Error::Values(ValueError::Inexact { index });
    assert_eq!((&x + exact)?.values(), [9_007_199_254_740_992.0; 2]);
    assert_eq!((&x + i64::MIN)?.values(), [-9_223_372_036_854_775_808.0; 2]);
    assert_eq!((&x + (exact + 1)).unwrap_err(), inexact(0));
    assert_eq!((&x + (exact + 2))?.values(), [9_007_199_254_740_994.0; 2]);
    for largest in [&x + u64::MAX, &x + i64::MAX, &x + usize::MAX] {
        assert_eq!(largest.unwrap_err(), inexact(0));
    }
    assert_eq!((&x * [exact, exact + 1]).unwrap_err(), inexact(1));
    assert_eq!(CKKS.0.encrypt([1, u64::MAX]).unwrap_err(), inexact(1));
    Ok(())
}

#[test]
fn whatever_iterates_is_encrypted() -> Result<()> {
    let client = &CKKS.0;
    let list: Vec<f32> = vec![0.0, 1.0, 2.0];
    let vectors = [
        client.encrypt([0.0, 1.0, 2.0])?,
        client.encrypt([0, 1, 2])?,
        client.encrypt(&list)?,
        client.encrypt(&list[..])?,
        client.encrypt(list.iter().map(|value| f64::from(*value)))?,
        client.encrypt(list)?,
        client.encrypt(0..3)?,
        client.encrypt((0..=2_usize).collect::<Vec<_>>())?,
        client.encrypt_bounded(0..3, 2.0)?,
        client.generate_encryption_key()?.encrypt(0_u8..3)?,
    ];
    for vector in vectors {
        for (value, expected) in client.decrypt(&vector)?.iter().zip([0.0, 1.0, 2.0]) {
            assert!((value - expected).abs() < 1e-6);
        }
    }
    let squares = BFV.0.encrypt((0..5).map(|i| i * i))?;
    assert_eq!(BFV.0.decrypt(&squares)?, [0, 1, 4, 9, 16]);
    Ok(())
}

/// All that there is to know of a vector.
fn contents<V: Wire>(vector: &V) -> Vec<u8> {
    vector.to_bytes()
}

/// Each operation in place, on vectors of one ciphertext and of several, equals the operator, and an error leaves the vector as it was.
macro_rules! in_place_equals_operators {
    ($encrypt:ident, $values:expr, $other:expr, $none:expr, $foreign:expr, $number:expr) => {
        for length in [1, 3, 4, 200] {
            let [x, y] = [$values, $other].map(|value| $encrypt(&vec![value; length]));
            let one = $encrypt(&[$other]);
            let list = vec![$other; length];
            macro_rules! check {
                        ($operator:tt, $assign:ident, $right:expr) => {
                            let mut changed = x.clone();
                            changed.$assign($right)?;
                            assert!(contents(&changed) == contents(&(&x $operator $right)?));
                            assert!(contents(&changed) == contents(&(x.clone() $operator $right)?));
                        };
                    }
            macro_rules! check_all {
                        ($right:expr) => {
                            check!(+, add_assign, $right);
                            check!(-, sub_assign, $right);
                            check!(*, mul_assign, $right);
                        };
                    }
            check_all!(&y);
            check_all!(&one);
            check_all!(&list);
            check_all!($number);
            let mut changed = x.clone();
            changed.negate_assign()?;
            assert!(contents(&changed) == contents(&(-&x)?));

            let mut changed = x.clone();
            let foreign = $foreign.encrypt(&list)?;
            let errors = [
                changed.add_assign(&foreign),
                changed.sub_assign(&foreign),
                changed.mul_assign(&foreign),
            ];
            for error in errors {
                assert!(matches!(error, Err(Error::Keys(KeyError::Mismatch { .. }))));
            }
            assert_eq!(
                changed.add_assign(&$none),
                Err(Error::Values(ValueError::Empty))
            );
            assert!(contents(&changed) == contents(&x));
        }
    };
}

#[test]
fn operations_in_place_equal_operators() -> Result<()> {
    let none: Vec<f64> = Vec::new();
    let foreign = CKKS.0.context().generate_client_key()?;
    in_place_equals_operators!(reals, 0.5, 0.25, none, foreign, 1.5);
    let none: Vec<i64> = Vec::new();
    let foreign = BFV.0.context().generate_client_key()?;
    in_place_equals_operators!(integers, 3, 5, none, foreign, 7);
    Ok(())
}

/// The last ciphertext is the one that cannot be changed.
#[test]
fn an_error_leaves_all_ciphertexts_as_they_were() -> Result<()> {
    let x = reals(&[0.5; 100]);
    let mut values = vec![0.25; 100];
    values[99] = f64::NAN;
    let mut changed = x.clone();
    assert!(changed.add_assign(&values).is_err());
    assert!(changed.mul_assign(&values).is_err());
    assert!(contents(&changed) == contents(&x));
    let mut short = reals(&[0.5]);
    let before = contents(&short);
    assert!(short.add_assign(&values).is_err());
    assert!(contents(&short) == before && short.len() == 1);
    Ok(())
}

#[test]
fn iterators_have_sums_and_products() -> Result<()> {
    let columns = [[1, 2], [3, 4], [5, 6]].map(|values| integers(&values));
    let sum = BfvVector::add_many(&columns)?;
    assert!(contents(&columns.iter().sum::<Result<BfvVector>>()?) == contents(&sum));
    assert!(contents(&columns.clone().into_iter().sum::<Result<BfvVector>>()?) == contents(&sum));
    let product = BfvVector::mul_many(&columns)?;
    assert_eq!(BFV.0.decrypt(&product)?, [15, 48]);
    assert!(contents(&columns.iter().product::<Result<BfvVector>>()?) == contents(&product));
    let owned = columns.into_iter().product::<Result<BfvVector>>()?;
    assert!(contents(&owned) == contents(&product));
    let empty = [].iter().sum::<Result<CkksVector>>();
    assert_eq!(empty.unwrap_err(), Error::Values(ValueError::Empty));
    let mixed = [reals(&[1.0, 2.0]), reals(&[1.0, 2.0, 3.0])];
    let lengths = OperandError::LengthMismatch { left: 2, right: 3 };
    assert_eq!(
        mixed.iter().sum::<Result<CkksVector>>().unwrap_err(),
        Error::Operands(lengths)
    );
    Ok(())
}

/// Known values, weights, coefficients and steps are whatever iterates over numbers.
#[test]
fn whatever_iterates_is_an_argument() -> Result<()> {
    let x = Vector::from_values(&ClearReals::new(4), &[1.0, 2.0])?;
    let weights: Vec<f32> = vec![0.5, 0.25];
    for dot in [
        x.dot_plain([0.5, 0.25])?,
        x.dot_plain(&[0.5, 0.25])?,
        x.dot_plain(&weights)?,
        x.dot_plain(weights.iter().copied())?,
    ] {
        assert_eq!(dot.values(), [1.0]);
    }
    assert_eq!(x.dot_plain(1..3)?.values(), [5.0]);
    for polynomial in [x.polyval([1, 0, 1])?, x.polyval(&[1.0, 0.0, 1.0])?] {
        assert_eq!(polynomial.values(), [2.0, 5.0]);
    }
    let integers = Vector::from_values(&ClearIntegers::new(4, 17)?, &[1, 2])?;
    assert_eq!(integers.polyval([1, 0, 1])?.values(), [2, 5]);
    assert_eq!(integers.dot_plain([3, 4])?.values(), [-6]);
    let keep = [true, false];
    let masked = [
        x.mask(keep)?,
        x.mask(&keep)?,
        x.mask((0..2).map(|i| i == 0))?,
    ];
    assert!(masked.iter().all(|masked| masked.values() == [1.0, 0.0]));
    let rotated = x.rotate_many(0..2)?;
    assert_eq!(rotated[1].values(), [2.0, 1.0]);
    let line = Chebyshev::new([0_u8, 1], -1.0..=1.0)?;
    assert_eq!(line, Chebyshev::new(&[0.0, 1.0], -1.0..=1.0)?);

    let steps = Rotations::steps(&[1, 2, 3]);
    assert_eq!(steps, Rotations::steps(1..4));
    assert_eq!(steps, Rotations::steps(vec![3, 2, 1]));
    let bits: Vec<u32> = vec![50; 4];
    let builder = || BfvContext::builder().degree(64).plaintext_modulus(65_537);
    let [by_slice, by_iterator] = [
        builder().prime_bits(&bits),
        builder().prime_bits((0..4).map(|_| 50)),
    ]
    .map(|builder| builder.insecure_skip_security_check().build().unwrap());
    assert_eq!(by_slice.fingerprint(), by_iterator.fingerprint());
    // Refused before anything is computed, as everywhere.
    let inexact = Error::Values(ValueError::Inexact { index: 1 });
    assert_eq!(x.dot_plain([0, u64::MAX]).unwrap_err(), inexact);
    assert_eq!(x.polyval([0, u64::MAX]).unwrap_err(), inexact);
    assert_eq!(
        Chebyshev::new([0, u64::MAX], -1.0..=1.0).unwrap_err(),
        inexact
    );
    Ok(())
}

#[test]
fn tensors_have_operators_on_both_sides_and_in_place() -> Result<()> {
    let known = PlainTensor::new(&[1, 2, 3, 4], &[2, 2])?;
    let row = PlainTensor::new(&[10, 20], &[2])?;
    let x = &BFV.1.attach_tensor(BFV.0.encrypt_tensor(&known)?)?;
    let values = |tensor: Result<BfvTensor>| BFV.0.decrypt_tensor(&tensor.unwrap()).unwrap();
    assert_eq!(values(&row + x), values(x + &row));
    assert_eq!(values(&row * x.clone()), values(x * &row));
    assert_eq!(values(&row - x).values(), [9, 18, 7, 16]);
    assert_eq!(values(&row - x.clone()).values(), [9, 18, 7, 16]);

    let in_place = |change: &dyn Fn(&mut BfvTensor) -> Result<()>| {
        let mut tensor = x.clone();
        change(&mut tensor)?;
        Ok(tensor)
    };
    assert_eq!(values(in_place(&|t| t.add_assign(x))), values(x + x));
    assert_eq!(values(in_place(&|t| t.add_assign(&row))), values(x + &row));
    assert_eq!(values(in_place(&|t| t.sub_assign(7))), values(x - 7));
    assert_eq!(values(in_place(&|t| t.mul_assign(x))), values(x * x));
    assert_eq!(values(in_place(&|t| t.negate_assign())), values(-x));
    // An error leaves the tensor as it was.
    let mut changed = x.clone();
    let three = PlainTensor::new(&[1, 2, 3], &[3])?;
    let foreign = BFV
        .0
        .context()
        .generate_client_key()?
        .encrypt_tensor(&known)?;
    assert!(changed.add_assign(&three).is_err() && changed.mul_assign(&three).is_err());
    assert!(changed.sub_assign(&foreign).is_err());
    assert!(contents(&changed) == contents(x));
    Ok(())
}

/// Along an axis of length 1 there is nothing to multiply by, hence no level is taken.
#[test]
fn means_along_axes() -> Result<()> {
    let known = PlainTensor::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[1, 2, 3])?;
    let x = CKKS.1.attach_tensor(CKKS.0.encrypt_tensor(&known)?)?;
    let levels = x.levels_left();
    for (axis, expected, level) in [
        (0, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..], levels),
        (1, &[2.5, 3.5, 4.5], levels - 1),
        (-1, &[2.0, 5.0], levels - 1),
    ] {
        let mean = x.mean(axis)?;
        assert_eq!(mean.levels_left(), level, "axis {axis}");
        let found = CKKS.0.decrypt_tensor(&mean)?;
        assert_eq!(found.shape().len(), 2);
        for (found, expected) in found.values().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6);
        }
    }
    let beyond = OperandError::SubscriptOutOfRange { index: 3, len: 3 };
    assert_eq!(x.mean(3).unwrap_err(), Error::Operands(beyond));
    Ok(())
}

/// The exchange of rows is a key of integers alone: reals lie in one row.
#[test]
fn keys_for_sums_exchange_rows_where_there_are_two() -> Result<()> {
    let rotations = Rotations::for_sums();
    let count = 5 + 2; // powers of two below 32, and 3 and 12
    assert_eq!(CKKS.0.key_size_forecast(&rotations)?.keys, 1 + count);
    assert_eq!(BFV.0.key_size_forecast(&rotations)?.keys, 1 + count + 1);
    let reals = CKKS.0.generate_server_key(&rotations)?;
    assert_eq!(reals.evaluation_keys().galois().elements().count(), count);
    reals.evaluator().check_rotations(&rotations, "sums")?;
    let conjugated = Rotations::none().and_conjugation();
    assert!(
        reals
            .evaluator()
            .check_rotations(&conjugated, "it")
            .is_err()
    );
    let asked_for = CKKS
        .0
        .generate_server_key(&rotations.clone().and_conjugation())?;
    assert_eq!(
        asked_for.evaluation_keys().galois().elements().count(),
        count + 1
    );
    let x = reals.attach(CKKS.0.encrypt([0.5; 32])?)?;
    assert!((CKKS.0.decrypt(&x.sum()?)?[0] - 16.0).abs() < 1e-6);

    let none = BFV.0.generate_server_key(&Rotations::none())?;
    for server in [
        BFV.0.generate_server_key(&rotations)?,
        BFV.0.extend_server_key(&none, &rotations)?,
    ] {
        let x = server.attach(BFV.0.encrypt([1; 64])?)?;
        assert_eq!(BFV.0.decrypt(&x.sum()?)?, [64]);
    }
    Ok(())
}

/// The table of levels in `docs/guide/parameters.md`.
#[test]
fn levels_are_those_of_the_guide() -> slotwise::Result<()> {
    let builder = CkksContext::builder().degree(64).scale_bits(40);
    let builder = builder.prime_bits(&[60, 40, 40, 40, 40, 40, 40, 60]);
    let client = builder
        .insecure_skip_security_check()
        .build()?
        .generate_client_key()?;
    let server = client.generate_server_key(&Rotations::powers_of_two())?;
    let encrypt = |len| server.attach(client.encrypt(vec![0.5; len])?);
    let (x, odd) = (encrypt(4)?, encrypt(3)?);
    let matrix = Matrix::from_fn(4, 3, |_, _| 0.5)?;
    let whole = Chebyshev::approximate(f64::sin, -1.0..=1.0, 7)?;
    let other = Chebyshev::approximate(f64::sin, -3.0..=3.0, 7)?;
    let cases = [
        ("sum", x.sum()?, 0),
        ("strided sum", x.sum_strided(2)?, 0),
        ("product", (&x * &x)?, 1),
        ("known", (&x * &[0.5, 1.5, 2.5, 3.5])?, 1),
        ("scalar", (&x * 0.5)?, 1),
        ("dot", x.dot(&x)?, 1),
        ("mean", x.mean()?, 1),
        ("small integer", (&x * ((1 << 30) - 1))?, 0),
        ("large integer", (&x * (1i64 << 30))?, 1),
        ("power", x.power(5)?, 3),
        (
            "product of three",
            Vector::mul_many(&[x.clone(), x.clone(), x.clone()])?,
            2,
        ),
        ("polynomial", x.polyval(&[1.0; 8])?, 3),
        ("approximation", x.evaluate(&whole)?, 3),
        ("approximation on another interval", x.evaluate(&other)?, 4),
        ("matrix", x.matmul_plain(&matrix)?, 1),
        ("transposition", x.transpose(2)?, 1),
        ("rotation", x.rotate_left(1)?, 0),
        ("odd rotation", odd.rotate_left(1)?, 1),
        ("get", x.get(1)?, 1),
        ("slice", x.slice(1..3)?, 1),
        ("shift", x.shift_left(1)?, 1),
        ("mask", x.mask([true, false, true, true])?, 1),
        (
            "concatenation",
            Vector::concat(&[x.clone(), odd.clone()])?,
            1,
        ),
        ("replication", x.replicate(1, 6)?, 1),
        ("repetition", x.repeat(4)?, 0),
        ("odd repetition", odd.repeat(3)?, 1),
        ("repetition of one", x.sum()?.repeat(7)?, 0),
        ("running sum", x.running_sum()?, 2),
        ("variance", x.variance()?, 3),
        ("covariance", odd.covariance(&odd)?, 3),
    ];
    for (name, result, levels) in cases {
        assert_eq!(x.levels_left() - result.levels_left(), levels, "{name}");
    }
    Ok(())
}
