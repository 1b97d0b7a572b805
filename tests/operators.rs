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
