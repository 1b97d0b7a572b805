//! The face: vectors, keys, operators, and what misuse answers.
#![allow(
    clippy::unwrap_used,
    clippy::op_ref,
    reason = "a test fails by panicking; references are operands too"
)]

use proptest::prelude::*;
use slotwise::prelude::*;
use slotwise::ring::NttPermutation;
use slotwise::wire::EvaluationKeyReader;
use slotwise::{Error, KeyError, OperandError, ParameterError, PrecisionError, ValueError};
use std::sync::LazyLock;

/// Secure-sized arithmetic is not the subject here: a small ring with room for three multiplications, 32 slots.
fn ckks_context() -> CkksContext {
    let builder = CkksContext::builder()
        .degree(64)
        .prime_bits(&[60, 45, 45, 45, 60])
        .scale_bits(45);
    builder.insecure_skip_security_check().build().unwrap()
}

/// 64 slots in two rows of 32, modulo 65537.
fn bfv_context() -> BfvContext {
    let builder = BfvContext::builder()
        .degree(64)
        .prime_bits(&[50, 50, 50, 50, 50])
        .plaintext_modulus(65_537);
    builder.insecure_skip_security_check().build().unwrap()
}

static CKKS: LazyLock<(ClientKey<Ckks>, ServerKey<Ckks>)> = LazyLock::new(|| {
    let client = ckks_context().generate_client_key().unwrap();
    let server = client
        .generate_server_key(&Rotations::powers_of_two())
        .unwrap();
    (client, server)
});

static BFV: LazyLock<(ClientKey<Bfv>, ServerKey<Bfv>)> = LazyLock::new(|| {
    let client = bfv_context().generate_client_key().unwrap();
    let server = client
        .generate_server_key(&Rotations::powers_of_two())
        .unwrap();
    (client, server)
});

fn reals(values: &[f64]) -> CkksVector {
    CKKS.1.attach(CKKS.0.encrypt(values).unwrap()).unwrap()
}

fn integers(values: &[i64]) -> BfvVector {
    BFV.1.attach(BFV.0.encrypt(values).unwrap()).unwrap()
}

/// Asserts that a vector decrypts to `expected` within its own bound.
#[track_caller]
fn assert_reals(vector: &CkksVector, expected: &[f64]) {
    let decrypted = CKKS.0.decrypt(vector).unwrap();
    assert_eq!(decrypted.len(), expected.len());
    let bound = vector.noise_bound();
    assert!(bound < 1e-3, "a bound of {bound:e} says nothing");
    for (index, (a, b)) in decrypted.iter().zip(expected).enumerate() {
        assert!(
            (a - b).abs() <= bound,
            "{a} is not {b} at {index} within {bound:e}"
        );
    }
}

#[track_caller]
fn assert_integers(vector: &BfvVector, expected: &[i64]) {
    assert_eq!(BFV.0.decrypt(vector).unwrap(), expected);
}

/// The sequence 1, 2, ..., length.
fn count(length: usize) -> Vec<f64> {
    (1..).map(f64::from).take(length).collect()
}

#[test]
fn the_documented_session() -> slotwise::Result<()> {
    let context = CkksContext::builder()
        .degree(8192)
        .prime_bits(&[60, 40, 40, 60])
        .scale_bits(40)
        .build()?;
    let client = context.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::steps(&[1]))?;
    let x = client.encrypt([1.0, 2.0, 3.0, 4.0])?;
    let doubled = ((&x + &x)? * 2.0)?;
    let rounded: Vec<f64> = client
        .decrypt(&doubled)?
        .iter()
        .map(|value| (value * 1e6).round() / 1e6)
        .collect();
    assert_eq!(rounded, [4.0, 8.0, 12.0, 16.0]);
    let x = server.attach(x)?;
    let y = ((&x * &x)? + 2.0)?.rotate_left(1)?;
    assert_eq!(y.levels_left(), 1);
    let expected = [6.0, 11.0, 18.0, 3.0];
    assert!(
        client
            .decrypt(&y)?
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-6)
    );
    Ok(())
}

#[test]
fn operators_take_vectors_scalars_and_slices_on_both_sides() -> slotwise::Result<()> {
    let (x, y) = (reals(&[1.0, -2.0, 3.5]), reals(&[0.5, 4.0, -1.0]));
    assert_reals(&(&x + &y)?, &[1.5, 2.0, 2.5]);
    assert_reals(&(&x - &y)?, &[0.5, -6.0, 4.5]);
    assert_reals(&(&x * &y)?, &[0.5, -8.0, -3.5]);
    assert_reals(&(-&x)?, &[-1.0, 2.0, -3.5]);
    assert_reals(&(x.clone() + y.clone())?, &[1.5, 2.0, 2.5]);
    assert_reals(&(&x + 1.5)?, &[2.5, -0.5, 5.0]);
    assert_reals(&(&x - 1.5)?, &[-0.5, -3.5, 2.0]);
    assert_reals(&(&x * 1.5)?, &[1.5, -3.0, 5.25]);
    assert_reals(&(1.5 + &x)?, &[2.5, -0.5, 5.0]);
    assert_reals(&(1.5 - &x)?, &[0.5, 3.5, -2.0]);
    assert_reals(&(1.5 * &x)?, &[1.5, -3.0, 5.25]);
    assert_reals(&(&x + &[1.0, 2.0, 3.0])?, &[2.0, 0.0, 6.5]);
    assert_reals(&(&x - &vec![1.0, 2.0, 3.0])?, &[0.0, -4.0, 0.5]);
    assert_reals(&(&x * &[1.0, 2.0, 3.0][..])?, &[1.0, -4.0, 10.5]);
    let known = &[1.0, 2.0, 3.0][..];
    assert_reals(&(known + &x)?, &[2.0, 0.0, 6.5]);
    assert_reals(&(known - &x)?, &[0.0, 4.0, -0.5]);
    assert_reals(&(known * &x)?, &[1.0, -4.0, 10.5]);
    let (x, y) = (integers(&[1, -2, 3]), integers(&[5, 4, -1]));
    let known = &[1, 2, 3][..];
    assert_integers(&(known + &x)?, &[2, 0, 6]);
    assert_integers(&(known - &x)?, &[0, 4, 0]);
    assert_integers(&(known * &x)?, &[1, -4, 9]);
    assert_integers(&(&x + &y)?, &[6, 2, 2]);
    assert_integers(&(&x - &y)?, &[-4, -6, 4]);
    assert_integers(&(&x * &y)?, &[5, -8, -3]);
    assert_integers(&(-x.clone())?, &[-1, 2, -3]);
    assert_integers(&((&x + 7)? * 2)?, &[16, 10, 20]);
    assert_integers(&(7 - &x)?, &[6, 9, 4]);
    assert_integers(&(3 * &(1 + &x)?)?, &[6, -3, 12]);
    assert_integers(&(&x * &[1, 2, 3])?, &[1, -4, 9]);
    assert_integers(&(&x - &vec![1, 2, 3])?, &[0, -4, 0]);
    Ok(())
}

#[test]
fn depth_is_spent_only_where_it_must_be() -> slotwise::Result<()> {
    let x = reals(&count(4));
    assert_eq!(x.levels_left(), 3);
    assert_eq!((&x * 3.0)?.levels_left(), 3, "an integer factor is free");
    assert_eq!((&x * 0.5)?.levels_left(), 2);
    assert_eq!(
        x.rotate_left(1)?.levels_left(),
        3,
        "a full stride needs no mask"
    );
    assert_eq!(reals(&count(3)).rotate_left(1)?.levels_left(), 2);
    let product = x.mul(&x)?;
    assert_eq!(
        (product.level(), product.levels_left()),
        (3, 2),
        "rescaled when next multiplied"
    );
    assert_eq!(product.rescale()?.level(), 2);
    assert_reals(&product.rescale()?, &[1.0, 4.0, 9.0, 16.0]);
    assert_eq!(x.rescale()?.level(), 3, "nothing is pending");
    // Every level apart, and added exactly.
    let values = [0.25, -0.5, 0.75, 1.0];
    let x = reals(&values);
    let product = x.square()?;
    let fourth = product.square()?;
    let eighth = fourth.square()?;
    assert_eq!(eighth.levels_left(), 0);
    let sum = (&(&(&eighth + &fourth)? + &product)? + &x)?;
    assert_reals(
        &sum,
        &values.map(|x: f64| x.powi(8) + x.powi(4) + x.powi(2) + x),
    );
    let sum = (&x + &(&product + &(&fourth + &eighth)?)?)?;
    assert_reals(
        &sum,
        &values.map(|x: f64| x.powi(8) + x.powi(4) + x.powi(2) + x),
    );
    assert!(matches!(
        eighth.mul(&x).unwrap_err(),
        Error::Operands(OperandError::LevelExhausted {
            needed: 1,
            left: 0,
            ..
        })
    ));
    assert_reals(&eighth, &values.map(|x: f64| x.powi(8)));
    let small = eighth.rescale()?;
    assert!(small.size_in_bytes() < x.size_in_bytes() / 3);
    assert_reals(&x.drop_to_level(0)?, &values);
    // A bound that the message outgrows is refused, and can be corrected by who knows better.
    let large = reals(&count(4)).square()?.square()?;
    assert!(matches!(
        large.square(),
        Err(Error::Precision(PrecisionError::ScaleTooLarge { .. }))
    ));
    assert!(large.assume_message_bound(256.0).is_ok());
    Ok(())
}

#[test]
fn dot_sum_power_and_polyval() -> slotwise::Result<()> {
    for length in [1, 3, 4, 32, 33, 100] {
        let values: Vec<f64> = (0..length).map(|i| (f64::from(i) * 0.7).sin()).collect();
        let x = reals(&values);
        let sum: f64 = values.iter().sum();
        assert_reals(&x.sum()?, &[sum]);
        let norm: f64 = values.iter().map(|v| v * v).sum();
        assert_reals(&x.dot(&x)?, &[norm]);
        assert_reals(&x.dot_plain(&values)?, &[norm]);
        assert_reals(
            &x.power(5)?,
            &values.iter().map(|v| v.powi(5)).collect::<Vec<_>>(),
        );
        let polynomial = |v: &f64| 0.5 - v + 2.0 * v * v + 0.25 * v.powi(3);
        let result = x.polyval(&[0.5, -1.0, 2.0, 0.25])?;
        assert_reals(&result, &values.iter().map(polynomial).collect::<Vec<_>>());
        assert_reals(&result.sum()?, &[values.iter().map(polynomial).sum()]);
    }
    for length in [1, 3, 4, 32, 33, 64, 100] {
        let values: Vec<i64> = (0..length).map(|i| (i * 37) % 23 - 11).collect();
        let x = integers(&values);
        assert_integers(&x.sum()?, &[values.iter().sum()]);
        assert_integers(&x.dot(&x)?, &[values.iter().map(|v| v * v).sum()]);
        assert_integers(
            &x.polyval(&[5, 0, 3])?,
            &values.iter().map(|v| 5 + 3 * v * v).collect::<Vec<_>>(),
        );
        assert_integers(&x.polyval(&[5])?, &vec![5; values.len()]);
    }
    Ok(())
}

#[test]
fn a_vector_of_length_one_stands_for_its_value_everywhere() -> slotwise::Result<()> {
    let single = reals(&[2.0]);
    for length in [3usize, 4, 40] {
        let x = reals(&count(length));
        let each = |f: fn(f64) -> f64| count(length).iter().map(|&v| f(v)).collect::<Vec<_>>();
        assert_reals(&(&x * &single)?, &each(|v| v * 2.0));
        assert_reals(&(&single - &x)?, &each(|v| 2.0 - v));
        assert_reals(&(&x + &single)?, &each(|v| v + 2.0));
        assert_reals(&(&x + &single)?.sum()?, &[each(|v| v + 2.0).iter().sum()]);
    }
    assert_integers(&(&integers(&[1, 2, 3]) + &integers(&[10]))?, &[11, 12, 13]);
    Ok(())
}

#[test]
fn nobody_elses_vector_is_accepted() {
    let other_key = ckks_context().generate_client_key().unwrap();
    let builder = CkksContext::builder()
        .degree(64)
        .prime_bits(&[60, 45, 45, 60])
        .scale_bits(45);
    let other_context = builder
        .insecure_skip_security_check()
        .build()
        .unwrap()
        .generate_client_key()
        .unwrap();
    let x = reals(&[1.0]);
    let theirs = other_key.encrypt([1.0]).unwrap();
    let foreign = other_context.encrypt([1.0]).unwrap();
    assert!(matches!(
        &x + &theirs,
        Err(Error::Keys(KeyError::Mismatch { .. }))
    ));
    assert!(matches!(
        &x * &theirs,
        Err(Error::Keys(KeyError::Mismatch { .. }))
    ));
    assert!(matches!(
        &x + &foreign,
        Err(Error::Operands(OperandError::ContextMismatch { .. }))
    ));
    assert!(matches!(
        CKKS.1.attach(&theirs),
        Err(Error::Keys(KeyError::Mismatch { .. }))
    ));
    assert!(matches!(
        CKKS.1.attach(&foreign),
        Err(Error::Operands(OperandError::ContextMismatch { .. }))
    ));
    assert!(matches!(
        CKKS.0.decrypt(&theirs),
        Err(Error::Keys(KeyError::Mismatch { .. }))
    ));
    assert!(matches!(
        CKKS.0.decrypt(&foreign),
        Err(Error::Operands(OperandError::ContextMismatch { .. }))
    ));
    assert!(matches!(
        other_key.extend_server_key(&CKKS.1, &Rotations::none()),
        Err(Error::Keys(KeyError::Mismatch { .. }))
    ));
    // A context built again from the same parameters is the same context.
    assert_eq!(ckks_context(), *CKKS.0.context());
}

#[test]
fn misuse_is_a_typed_error_and_changes_nothing() -> slotwise::Result<()> {
    let client = &CKKS.0;
    assert_eq!(
        client.encrypt([0.0, f64::NAN]).unwrap_err(),
        Error::Values(ValueError::NotFinite { index: 1 })
    );
    assert!(matches!(
        client.encrypt([1e300]),
        Err(Error::Precision(PrecisionError::ScaleTooLarge { .. }))
    ));
    assert_eq!(
        BFV.0.encrypt([0, 40_000]).unwrap_err(),
        Error::Values(ValueError::ValueOutOfRange { index: 1 })
    );
    let (x, y) = (reals(&count(3)), reals(&count(4)));
    for empty in [
        client.encrypt([0.0; 0]),
        &x + &Vec::<f64>::new(),
        &x - &Vec::<f64>::new(),
        x.polyval([0.0; 0]),
    ] {
        assert_eq!(empty.unwrap_err(), Error::Values(ValueError::Empty));
    }
    for infinite in [
        client.encrypt([f64::INFINITY]),
        &x * f64::NAN,
        &x + f64::INFINITY,
        &y + f64::NEG_INFINITY,
    ] {
        let expected = Error::Values(ValueError::NotFinite { index: 0 });
        assert_eq!(infinite.unwrap_err(), expected);
    }
    assert_eq!(
        (&x + &y).unwrap_err(),
        Error::Operands(OperandError::LengthMismatch { left: 3, right: 4 })
    );
    assert_eq!(
        (&x * &[1.0, 2.0]).unwrap_err(),
        Error::Operands(OperandError::LengthMismatch { left: 3, right: 2 })
    );
    assert!(matches!(
        &x * 1e40,
        Err(Error::Precision(PrecisionError::ScaleTooLarge { .. }))
    ));
    assert_reals(&x.power(0).unwrap(), &[1.0; 3]);
    assert!(matches!(
        x.drop_to_level(9),
        Err(Error::Operands(OperandError::InvalidLevel {
            level: 9,
            highest: 3
        }))
    ));
    assert_reals(&x, &count(3));
    Ok(())
}

#[test]
fn missing_keys_are_named_and_can_be_added() -> slotwise::Result<()> {
    let client = &CKKS.0;
    let detached = client.encrypt(count(4))?;
    assert_eq!(
        detached.mul(&detached).unwrap_err(),
        Error::Keys(KeyError::MissingServerKey)
    );
    assert_eq!(
        detached.rotate_left(1).unwrap_err(),
        Error::Keys(KeyError::MissingServerKey)
    );
    assert_eq!(
        detached.sum().unwrap_err(),
        Error::Keys(KeyError::MissingServerKey)
    );
    let lean = client.generate_server_key(&Rotations::steps(&[2]))?;
    let attached = lean.attach(&detached)?;
    assert_eq!(
        attached.rotate_left(1).unwrap_err(),
        Error::Keys(KeyError::MissingRotationKey { step: 1 })
    );
    let message = attached.rotate_left(1).unwrap_err().to_string();
    assert_eq!(
        message,
        "no Galois key for rotation by 1; add it with `client.extend_server_key(&server, &Rotations::steps(&[1]))`, \
         and attach the vectors to the new server key"
    );
    let extended = client.extend_server_key(&lean, &Rotations::steps(&[1]))?;
    assert_reals(
        &extended.attach(&detached)?.rotate_left(1)?,
        &[2.0, 3.0, 4.0, 1.0],
    );
    Ok(())
}

#[test]
fn keys_for_one_operation_are_enough_for_it() -> slotwise::Result<()> {
    for length in [1, 5, 8, 33, 64, 100] {
        let values: Vec<i64> = (0..).take(length).collect();
        let x = BFV.0.encrypt(&values)?;
        let for_sum = BFV.0.generate_server_key(&x.rotations_for_sum())?;
        assert_integers(&for_sum.attach(&x)?.sum()?, &[values.iter().sum()]);
        let for_step = BFV.0.generate_server_key(&x.rotations_for_step(-3))?;
        let mut expected = values.clone();
        expected.rotate_right(3 % length);
        assert_integers(&for_step.attach(&x)?.rotate_right(3)?, &expected);
    }
    Ok(())
}

#[test]
fn without_special_primes_a_context_only_adds() -> slotwise::Result<()> {
    let builder = CkksContext::builder()
        .degree(64)
        .prime_bits(&[60, 45])
        .special_primes(0)
        .scale_bits(45);
    let additive = builder
        .insecure_skip_security_check()
        .build()?
        .generate_client_key()?;
    assert!(matches!(
        additive.generate_server_key(&Rotations::none()),
        Err(Error::Parameters(
            ParameterError::InvalidKeySwitching { .. }
        ))
    ));
    let sum = (&additive.encrypt([1.0])? + &additive.generate_encryption_key()?.encrypt([2.0])?)?;
    assert!((additive.decrypt(&sum)?[0] - 3.0).abs() < 1e-6);
    Ok(())
}

#[test]
fn exhausted_noise_is_an_error_not_garbage() {
    let mut x = integers(&[3, -1]);
    let mut expected = [3i64, -1];
    let mut squarings = 0;
    while x.levels_left() > 0 {
        x = x.square().unwrap();
        expected = expected.map(|v| {
            let square = (v * v).rem_euclid(65_537);
            if square > 32_768 {
                square - 65_537
            } else {
                square
            }
        });
        assert_integers(&x, &expected);
        squarings += 1;
    }
    assert!(squarings >= 5);
    x = x.square().unwrap();
    assert!(matches!(
        BFV.0.decrypt(&x),
        Err(Error::Precision(PrecisionError::NoiseExhausted { .. }))
    ));
}

#[test]
fn many_vectors_are_added_and_budgets_measured() -> slotwise::Result<()> {
    let updates: Vec<BfvVector> = (0..20).map(|i| integers(&[i, 2 * i, -i])).collect();
    let sum = BfvVector::add_many(&updates)?;
    assert_integers(&sum, &[190, 380, -190]);
    assert_eq!(
        BfvVector::add_many(&[]).unwrap_err(),
        Error::Values(ValueError::Empty)
    );
    let (bound, measured) = (sum.noise_budget(), BFV.0.measured_noise_budget(&sum)?);
    assert!(bound <= measured && measured <= BFV.0.measured_noise_budget(&updates[0])?);
    Ok(())
}

#[test]
fn a_product_with_zero_is_a_tracked_zero() {
    let x = reals(&count(4));
    let zero = (&x * &[0.0, 0.0, 0.0, 0.0]).unwrap();
    assert!(zero.is_transparent() && !x.is_transparent());
    assert_eq!(zero.levels_left(), 2);
    assert_reals(&(&zero + &x).unwrap(), &count(4));
    assert!((&x * 0.0).unwrap().is_transparent());
    let zero = (&integers(&[4, 5]) * 0).unwrap();
    assert!(zero.is_transparent());
    assert_integers(&zero, &[0, 0]);
}

#[test]
fn nothing_secret_is_shown() {
    assert_eq!(format!("{:?}", CKKS.0), "ClientKey(..)");
    assert_eq!(
        format!("{:?}", reals(&[1.0])),
        "Vector<f64>(len 1, level 3)"
    );
}

#[test]
fn everything_public_crosses_threads() {
    fn check<T: Send + Sync>() {}
    check::<ClientKey<Ckks>>();
    check::<ServerKey<Bfv>>();
    check::<EncryptionKey<Ckks>>();
    check::<CkksVector>();
    check::<CkksContext>();
    check::<BfvContext>();
    check::<Error>();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rotations_wrap_around_the_vectors_own_length(length in 1usize..150, step: i64) {
        let values: Vec<i64> = (0..).take(length).collect();
        let rotated = integers(&values).rotate_left(step).unwrap();
        let mut expected = values.clone();
        expected.rotate_left(usize::try_from(step.rem_euclid(length as i64)).unwrap());
        prop_assert_eq!(BFV.0.decrypt(&rotated).unwrap(), expected);
        let back = rotated.rotate_right(step).unwrap();
        prop_assert_eq!(BFV.0.decrypt(&back).unwrap(), values.clone());
        let x = reals(&count(length));
        let rotated = x.rotate_right(step).unwrap();
        let mut expected = count(length);
        expected.rotate_right(usize::try_from(step.rem_euclid(length as i64)).unwrap());
        assert_reals(&rotated, &expected);
        assert_reals(&rotated.rotate_left(step).unwrap(), &count(length));
    }
}

/// A vector of any length and one of length 1 are joined without a multiplication, and nothing of what then lies beyond the
/// values shows.
#[test]
fn a_textbook_variance_takes_two_multiplications_at_any_length() -> slotwise::Result<()> {
    for length in [1, 2, 3, 10, 16, 31, 32, 33, 40, 64, 100] {
        let values: Vec<f64> = (0..length).map(|i| f64::from(i % 7) - 2.0).collect();
        let (x, count) = (reals(&values), f64::from(length));
        let before = x.levels_left();
        let centred = (&x - &(x.sum()? * (1.0 / count))?)?;
        let variance = centred.square()?.sum()?;
        let depth = if length == 1 { 1 } else { 2 }; // a product with 1 takes none
        assert_eq!(variance.levels_left(), before - depth, "length {length}");
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|x| (x - mean).powi(2));
        assert_reals(&variance, &[squares.sum()]);
        // Nothing but the sum itself: no level at all.
        assert_eq!((&x - &x.sum()?)?.levels_left(), before, "length {length}");
    }
    Ok(())
}

#[test]
fn what_lies_beyond_a_compacted_vector_is_cleared_when_a_sum_needs_it() -> slotwise::Result<()> {
    let x = reals(&count(3));
    let shifted = (&x + &reals(&[10.0]))?;
    assert_reals(&shifted.sum()?, &[36.0]);
    let bytes = shifted.to_bytes();
    let read = CKKS.1.load_vector(&bytes)?;
    assert_eq!(read.to_bytes(), bytes);
    assert_reals(&read.sum()?, &[36.0]);
    let compacted = shifted.compact()?;
    assert_reals(&compacted, &[11.0, 12.0, 13.0]);
    assert!(
        compacted.to_bytes().len() < bytes.len() / 3,
        "one ciphertext"
    );
    let error = CKKS
        .1
        .load_vector(&compacted.to_bytes())?
        .sum()
        .unwrap_err();
    assert!(error.to_string().contains("after `compact`"), "{error}");
    // A bound that is stated for the values does not cover what is beyond them.
    let far = (&x - &reals(&[500.0]))?;
    let near = (&far + 500.0)?.assume_message_bound(4.0)?;
    assert_reals(&near, &count(3));
    assert!(near.message_bound() >= 500.0);
    assert_reals(&near.sum()?, &[6.0]);
    Ok(())
}

/// Steps of a program on a vector x, a vector y of its length, and one z of length 1.
fn padded_step<S: Clone>(step: u8, [x, y, z]: [&S; 3], ops: &dyn Fn(u8, &S, &S) -> S) -> S {
    match step % 12 {
        0 => ops(b'+', x, z),
        1 => ops(b'-', x, z),
        2 => ops(b'-', z, x),
        3 => ops(b'*', x, z),
        4 => ops(b'+', x, y),
        5 => ops(b'-', y, x),
        6 => ops(b'*', x, y),
        7 => ops(b'*', x, x),
        8 => ops(b'n', x, x),
        9 => ops(b'3', x, x),
        10 => ops(b'p', x, x),
        _ => ops(b'r', x, x),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_lies_beyond_the_values_never_shows(
        length in 1usize..100,
        seed in any::<u32>(),
        steps in prop::collection::vec(any::<u8>(), 1..5),
    ) {
        let values = |salt: u32, length: usize| -> Vec<i64> {
            (0u32..).take(length).map(|i| i64::from((seed ^ salt).wrapping_mul(i * 7 + 3) >> 24) - 100).collect()
        };
        let (a, b, c) = (values(1, length), values(2, length), values(3, 1));
        let reduce = |x: i64| { let r = x.rem_euclid(65_537); if r > 32_768 { r - 65_537 } else { r } };
        let clear = |op: u8, x: &Vec<i64>, y: &Vec<i64>| -> Vec<i64> {
            let longest = x.len().max(y.len());
            let at = |v: &Vec<i64>, i: usize| if v.len() == 1 { v[0] } else { v[i] };
            (0..longest).map(|i| match op {
                b'+' => at(x, i) + at(y, i),
                b'-' => at(x, i) - at(y, i),
                b'*' => at(x, i) * at(y, i),
                b'n' => -x[i],
                b'3' => 3 * x[i] + 5,
                b'p' => 2 * x[i] * x[i] - x[i] + 7,
                _ => x[(i + 1) % x.len()],
            }).map(reduce).collect()
        };
        let secret = |op: u8, x: &BfvVector, y: &BfvVector| -> BfvVector {
            match op {
                b'+' => x + y,
                b'-' => x - y,
                b'*' => x * y,
                b'n' => -x,
                b'3' => (x * 3).and_then(|x| x + 5),
                b'p' => x.polyval(&[7, -1, 2]),
                _ => x.rotate_left(1),
            }.unwrap()
        };
        let (y, z) = (integers(&b), integers(&c));
        let (mut x, mut want) = (integers(&a), a);
        for step in steps {
            x = padded_step(step, [&x, &y, &z], &secret);
            want = padded_step(step, [&want, &b, &c], &clear);
        }
        let Ok(found) = BFV.0.decrypt(&x) else { return Ok(()) };
        prop_assert_eq!(&found, &want);
        let sum = x.sum().unwrap();
        if let Ok(found) = BFV.0.decrypt(&sum) {
            prop_assert_eq!(found, [reduce(want.iter().sum())]);
        }
        let dot = x.dot(&y).unwrap();
        if let Ok(found) = BFV.0.decrypt(&dot) {
            prop_assert_eq!(found, [reduce(want.iter().zip(&b).map(|(x, y)| x * y).sum())]);
        }
        let read = BFV.1.load_vector(&x.to_bytes()).unwrap();
        if let Ok(found) = BFV.0.decrypt(&read.sum().unwrap()) {
            prop_assert_eq!(found, [reduce(want.iter().sum())]);
        }
    }
}

#[test]
fn keys_tell_their_size_before_they_are_made_and_report_as_they_are() -> slotwise::Result<()> {
    let context = ckks_context();
    let client = context.generate_client_key()?;
    for rotations in [
        Rotations::none(),
        Rotations::steps(&[1, -1, 0]),
        Rotations::powers_of_two(),
    ] {
        let forecast = client.key_size_forecast(&rotations).unwrap();
        let mut seen = Vec::new();
        let server = client.generate_server_key_with_progress(&rotations, |progress| {
            assert_eq!(progress.total, forecast.keys);
            if progress.done == progress.total {
                assert_eq!(progress.remaining(), std::time::Duration::ZERO);
            }
            seen.push(progress.done);
        })?;
        assert_eq!(seen, (1..=forecast.keys).collect::<Vec<_>>());
        assert_eq!(server.size_in_bytes() as u64, forecast.bytes_in_memory);
        assert_eq!(server.byte_length(), forecast.bytes_on_the_wire);
        assert!(client.key_time_forecast(&rotations)? > std::time::Duration::ZERO);
    }
    let none = CkksContext::builder()
        .degree(64)
        .prime_bits(&[40, 30])
        .special_primes(0)
        .scale_bits(30)
        .insecure_skip_security_check()
        .build()?;
    let client = none.generate_client_key()?;
    let forecasts = [
        client.key_time_forecast(&Rotations::none()).err(),
        client.key_size_forecast(&Rotations::none()).err(),
    ];
    for error in forecasts {
        assert!(matches!(
            error,
            Some(Error::Parameters(
                ParameterError::InvalidKeySwitching { .. }
            ))
        ));
    }
    Ok(())
}

#[test]
fn keys_and_evaluators_are_a_line_each_in_debug_output() {
    let (client, server) = (&CKKS.0, &CKKS.1);
    let encryption = client.generate_encryption_key().unwrap();
    let keys = server.evaluation_keys();
    let element = keys.galois().elements().next().unwrap();
    let context = keys.context();
    for text in [
        format!("{server:?}"),
        format!("{encryption:?}"),
        format!("{keys:?}"),
        format!("{:?}", keys.galois()),
        format!("{:?}", keys.galois().get(element)),
        format!("{:?}", keys.relinearization()),
        format!("{:?}", server.evaluator()),
        format!("{:?}", BFV.1.evaluator()),
        format!("{:?}", BFV.1),
        format!("{:?}", server.evaluator().encoder()),
        format!("{:?}", reals(&count(3))),
        format!(
            "{:?}",
            EvaluationKeyReader::new(&keys.to_bytes()[..], context)
        ),
        format!("{:?}", NttPermutation::new(element, context.degree())),
    ] {
        assert!(text.len() < 400 && !text.contains('\n'), "{text}");
    }
    assert!(format!("{server:?}").contains("Galois keys"));
}

#[test]
fn missing_keys_of_a_sum_are_listed_at_once() {
    let client = ckks_context().generate_client_key().unwrap();
    let server = client.generate_server_key(&Rotations::steps(&[2])).unwrap();
    let x = server.attach(client.encrypt(count(16)).unwrap()).unwrap();
    let expected = Error::Keys(KeyError::MissingRotationKeys {
        operation: "a sum over slots",
        steps: vec![1],
        conjugation: false,
    });
    assert_eq!(
        x.sum().unwrap_err(),
        expected,
        "2, 4 and 8 are composed of 2"
    );
    let bare = client.generate_server_key(&Rotations::none()).unwrap();
    let bare = bare.attach(x).unwrap();
    for (operation, result) in [
        ("a sum over slots", bare.sum()),
        ("a dot product", bare.dot_plain(&count(16))),
        ("a dot product", bare.dot(&bare)),
    ] {
        let error = result.unwrap_err();
        let expected = Error::Keys(KeyError::MissingRotationKeys {
            operation,
            steps: vec![1, 2, 4, 8],
            conjugation: false,
        });
        assert_eq!(error, expected);
        let text = error.to_string();
        assert!(
            text.contains("rotations_for_sum") && text.contains("powers_of_two"),
            "{text}"
        );
    }
    let padded = client.encrypt(count(11)).unwrap();
    let error = padded.rotate_left(1).unwrap_err();
    assert_eq!(error, Error::Keys(KeyError::MissingServerKey));
    let bare = client.generate_server_key(&Rotations::none()).unwrap();
    let error = bare.attach(padded).unwrap().rotate_left(2).unwrap_err();
    let expected = Error::Keys(KeyError::MissingRotationKeys {
        operation: "a rotation of the vector",
        steps: vec![2, 7],
        conjugation: false,
    });
    assert_eq!(
        error, expected,
        "two to the left, and seven around the stride of 16"
    );
}

#[test]
fn a_missing_key_for_the_row_swap_is_listed_too() {
    let client = bfv_context().generate_client_key().unwrap();
    let server = client.generate_server_key(&Rotations::none()).unwrap();
    let long = server.attach(client.encrypt([1; 64]).unwrap()).unwrap();
    let error = long.sum().unwrap_err();
    assert!(
        matches!(
            error,
            Error::Keys(KeyError::MissingRotationKeys {
                conjugation: true,
                ..
            })
        ),
        "{error}"
    );
}

#[test]
fn polynomials_and_powers_say_their_depth_before_they_begin() {
    let x = reals(&[0.5, -0.5]);
    let exhausted = |operation, needed| {
        Error::Operands(OperandError::LevelExhausted {
            operation,
            needed,
            left: 3,
        })
    };
    assert_eq!(x.levels_left(), 3);
    assert!(x.power(8).is_ok());
    assert_eq!(x.power(9).unwrap_err(), exhausted("a power", 4));
    assert_eq!(x.power(1000).unwrap_err(), exhausted("a power", 10));
    assert!(x.polyval(&[1.0, 0.5, 0.25, 0.5]).is_ok());
    assert_eq!(
        x.polyval(&[0.5; 10]).unwrap_err(),
        exhausted("a polynomial", 4)
    );
    let text = x.polyval(&[0.5; 10]).unwrap_err().to_string();
    assert!(text.contains("takes 4 levels and 3 are left"), "{text}");
}

#[test]
fn a_sum_that_is_too_large_says_so_and_not_that_scales_differ() {
    let context = CkksContext::builder()
        .degree(1024)
        .prime_bits(&[50, 40, 50])
        .scale_bits(40)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let x = context
        .generate_client_key()
        .unwrap()
        .encrypt([300.0])
        .unwrap();
    let error = (&x + &(&x * 0.25).unwrap()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Precision(PrecisionError::ScaleTooLarge { .. })
        ),
        "{error}"
    );
    assert!(error.to_string().contains("with its sign"), "{error}");
}

/// The filler of a joined vector may not fit the level that the vector is dropped to.
#[test]
fn a_joined_vector_that_was_dropped_is_summed_as_before() -> slotwise::Result<()> {
    for length in [10, 16, 40] {
        let x = reals(&vec![0.5; length]);
        let mean = x.square()?.sum()?; // a rescale is pending
        let joined = (&x.drop_to_level(2)? + &mean)?;
        let count = f64::from(u8::try_from(length).unwrap());
        let total = count * (0.5 + 0.25 * count);
        for level in [2, 1, 0] {
            assert_reals(&joined.drop_to_level(level)?.sum()?, &[total]);
        }
        let sum = joined.rescale()?.sum()?;
        assert_eq!(sum.levels_left(), joined.levels_left(), "length {length}");
    }
    Ok(())
}

/// Known weights count with their true magnitudes, and a sum of products with the sum of them.
#[test]
fn weighted_sums_of_a_few_hundred_fit_ten_bits() -> slotwise::Result<()> {
    let context = CkksContext::for_depth(1).integer_bits(10).build()?;
    let client = context.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::powers_of_two())?;
    let x: Vec<f64> = (0..30).map(|i| f64::from(i % 7)).collect();
    let weights: Vec<f64> = (0..30).map(|i| f64::from(i % 5) * 0.9 + 0.5).collect();
    let total: f64 = x.iter().zip(&weights).map(|(x, w)| x * w).sum();
    let vector = server.attach(client.encrypt(&x)?)?;
    let score = (&vector.dot_plain(&weights)? + 1.5)?;
    assert!((client.decrypt(&score)?[0] - total - 1.5).abs() <= score.noise_bound());
    let limit = 8.0 * weights.iter().sum::<f64>();
    assert!(score.message_bound() <= 1.125 * limit + 1.5, "{score:?}");
    Ok(())
}

#[test]
fn a_bound_stated_at_encryption_is_checked_and_carried() -> slotwise::Result<()> {
    let client = &CKKS.0;
    let public = client.generate_encryption_key()?;
    let values = [0.3, -0.1, 0.5];
    for vector in [
        client.encrypt_bounded(values, 0.5)?,
        public.encrypt_bounded(values, 0.5)?,
    ] {
        assert_eq!(vector.message_bound(), 0.5);
        assert_reals(&vector, &values);
        let read = CKKS.1.load_vector(&vector.to_bytes())?;
        assert_eq!(read.square()?.message_bound(), 0.25);
    }
    assert!(client.encrypt_bounded([0.3, -0.31], 0.31).is_ok());
    // Unless it is stated, the bound says no more than a power of two.
    assert_eq!(client.encrypt([0.3, -0.1])?.message_bound(), 1.0);
    assert_eq!(client.encrypt([5.1])?.message_bound(), 8.0);
    for key in [
        client.encrypt_bounded(values, 0.49),
        public.encrypt_bounded(values, 0.49),
    ] {
        let beyond = ValueError::BeyondBound {
            index: 2,
            bound: 0.49,
        };
        assert_eq!(key.unwrap_err(), Error::Values(beyond));
    }
    let infinite = client.encrypt_bounded([0.1, f64::INFINITY], 1.0);
    let expected = Error::Values(ValueError::NotFinite { index: 1 });
    assert_eq!(infinite.unwrap_err(), expected);
    for bound in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = client.encrypt_bounded(values, bound).unwrap_err();
        assert!(
            matches!(error, Error::Operands(OperandError::InvalidArgument { .. })),
            "{bound}"
        );
    }
    Ok(())
}

/// Slices, too: a vector of length 1 stands for its value everywhere.
#[test]
fn slices_of_any_length_meet_a_vector_of_length_one() -> slotwise::Result<()> {
    let one = reals(&[2.0]);
    for length in [3usize, 8, 33, 70] {
        let values = count(length);
        let each = |of: &dyn Fn(f64) -> f64| values.iter().map(|&x| of(x)).collect::<Vec<_>>();
        let slice = &values[..];
        assert_reals(&(&one + slice)?, &each(&|x| 2.0 + x));
        assert_reals(&(&one - slice)?, &each(&|x| 2.0 - x));
        let product = (&one * slice)?;
        assert_reals(&product, &each(&|x| 2.0 * x));
        let total = values.iter().sum::<f64>();
        let count = u8::try_from(length).unwrap();
        assert_reals(&(&one + slice)?.sum()?, &[total + 2.0 * f64::from(count)]);
        assert_reals(&one.dot_plain(slice)?, &[2.0 * total]);
    }
    assert_integers(&(&integers(&[7]) * &[1, 2, 3])?, &[7, 14, 21]);
    Ok(())
}

#[test]
fn vectors_come_apart_and_together() -> slotwise::Result<()> {
    for length in [1, 10, 16, 40, 64] {
        let x = reals(&count(length));
        let evaluator = CKKS.1.evaluator();
        let chunks = x.ciphertexts().to_vec();
        let slots = CKKS.0.decrypt_slots(&chunks[0])?;
        assert_eq!(slots.len(), 32);
        assert!((slots[0] - 1.0).abs() < 1e-6);
        let again = CkksVector::from_ciphertexts(evaluator, length, chunks.clone())?;
        assert_reals(&again, &count(length));
        let total = count(length).iter().sum::<f64>();
        assert_reals(&again.sum()?, &[total]);
        let wrong = CkksVector::from_ciphertexts(evaluator, length + 64, chunks);
        assert!(matches!(
            wrong,
            Err(Error::Operands(OperandError::Count { .. }))
        ));
    }
    let foreign = ckks_context().generate_client_key()?.encrypt([1.0; 32])?;
    let chunks = [reals(&[1.0; 32]).ciphertexts(), foreign.ciphertexts()].concat();
    let mixed = CkksVector::from_ciphertexts(CKKS.1.evaluator(), 64, chunks);
    assert!(matches!(mixed, Err(Error::Keys(KeyError::Mismatch { .. }))));
    let none = CkksVector::from_ciphertexts(CKKS.1.evaluator(), 0, Vec::new());
    assert_eq!(none.unwrap_err(), Error::Values(ValueError::Empty));
    Ok(())
}

#[test]
fn many_rotations_are_each_rotation() -> slotwise::Result<()> {
    for length in [4, 10, 32, 40] {
        let x = reals(&count(length));
        for (step, rotated) in [1i64, -2, 0, 70]
            .into_iter()
            .zip(x.rotate_many(&[1, -2, 0, 70])?)
        {
            let mut expected = count(length);
            expected.rotate_left(usize::try_from(step.rem_euclid(length as i64)).unwrap());
            assert_reals(&rotated, &expected);
        }
    }
    let y = integers(&[1, 2, 3, 4]);
    let rotated = y.rotate_many(&[1, 3])?;
    assert_integers(&rotated[0], &[2, 3, 4, 1]);
    assert_integers(&rotated[1], &[4, 1, 2, 3]);
    Ok(())
}

/// Of two operands' keys the larger set is used, whichever operand it comes with.
#[test]
fn a_vector_with_more_keys_lends_them() -> slotwise::Result<()> {
    let client = ckks_context().generate_client_key()?;
    let old = client.generate_server_key(&Rotations::none())?;
    let new = client.extend_server_key(&old, &Rotations::powers_of_two())?;
    let x = old.attach(client.encrypt(count(4))?)?;
    let y = new.attach(client.encrypt(count(4))?)?;
    for sum in [
        x.add(&y)?.sum()?,
        y.add(&x)?.sum()?,
        x.dot(&y)?,
        CkksVector::add_many(&[x.clone(), y.clone()])?.sum()?,
    ] {
        assert!(client.decrypt(&sum)?[0] > 19.0);
    }
    Ok(())
}

/// What is added to all values of a joined vector is added to what lies beyond them, too, so that it costs no encoding and keeps
/// the bound of both alike.
#[test]
fn constants_move_what_lies_beyond_the_values_along() -> slotwise::Result<()> {
    let (x, shift) = (reals(&count(3)), reals(&[100.0]));
    let back = (&(&x + &shift)? - 100.0)?;
    assert_reals(&back, &count(3));
    assert_reals(&back.sum()?, &[6.0]);
    let squares = back.square()?.sum()?;
    assert_reals(&squares, &[14.0]);
    // Ones clear it, and then a bound can be stated for the values alone.
    let cleared = (&back * &[1.0; 3])?;
    assert_eq!(cleared.levels_left(), back.levels_left() - 1);
    assert_eq!(cleared.assume_message_bound(4.0)?.message_bound(), 4.0);
    Ok(())
}

/// A dropped vector has the canonical scale of its level: no level is lost to sums that need one scale.
#[test]
fn polynomials_of_a_dropped_vector_take_the_levels_that_they_say() -> slotwise::Result<()> {
    let x = reals(&[0.5; 10]);
    for (level, coefficients) in [
        (1, &[0.0, 0.5, 2.0][..]),
        (2, &[0.0, 0.0, 0.5, 0.0, 1.0]),
        (2, &[1.0, 0.5, 1.0]),
        (3, &[2.0, 0.5, 2.0, -1.0, 0.0, -1.0, 0.5, 2.0]),
    ] {
        let value = x.drop_to_level(level)?.polyval(coefficients)?;
        let at_half = coefficients.iter().rev().fold(0.0, |sum, c| sum * 0.5 + c);
        assert_reals(&value, &[at_half; 10]);
    }
    Ok(())
}

#[test]
fn a_rotation_that_needs_a_mask_says_so_before_it_begins() -> slotwise::Result<()> {
    let expected = Error::Operands(OperandError::LevelExhausted {
        operation: "a rotation of the vector",
        needed: 1,
        left: 0,
    });
    for length in [10, 33, 64 + 9] {
        let lowest = reals(&count(length)).drop_to_level(0)?;
        assert_eq!(lowest.rotate_left(3).unwrap_err(), expected);
    }
    assert!(reals(&count(16)).drop_to_level(0)?.rotate_left(3).is_ok());
    Ok(())
}

#[test]
fn ballots_of_ten_thousand_voters_are_counted() -> slotwise::Result<()> {
    // Added one after the other, as they arrive: room for the number was asked for.
    let context = BfvContext::for_depth(0)
        .plaintext_bits(20)
        .additions(10_000)
        .build()?;
    let client = context.generate_client_key()?;
    let voter = client.generate_encryption_key()?;
    let ballots = [[1, 0, 0], [0, 1, 0], [1, 0, 1]].map(|ballot| voter.encrypt(ballot).unwrap());
    let mut tally = ballots[0].clone();
    for count in 1..10_000 {
        tally = (&tally + &ballots[count % 3])?;
    }
    assert_eq!(client.decrypt(&tally)?, [6667, 3333, 3333]);
    // Fresh ballots have independent errors: half a bit for each doubling.
    let context = BfvContext::for_depth(0).plaintext_bits(20).build()?;
    let client = context.generate_client_key()?;
    let voter = client.generate_encryption_key()?;
    let ballots = (0..256).map(|i| voter.encrypt([1, i]));
    let ballots: Vec<BfvVector> = ballots.collect::<slotwise::Result<_>>()?;
    let tally = BfvVector::add_many(&ballots)?;
    assert_eq!(client.decrypt(&tally)?, [256, 255 * 128]);
    let cost = |tally: &BfvVector| ballots[0].noise_budget() - tally.noise_budget();
    assert!((3.5..5.0).contains(&cost(&tally)), "{}", cost(&tally));
    let chain = ballots[1..]
        .iter()
        .try_fold(ballots[0].clone(), |sum, ballot| &sum + ballot)?;
    assert!((7.5..8.5).contains(&cost(&chain)), "{}", cost(&chain));
    // One that is there twice, or was computed, is no independent one.
    let mut twice = ballots.clone();
    twice[7] = twice[8].clone();
    assert!((7.5..8.5).contains(&cost(&BfvVector::add_many(&twice)?)));
    twice[7] = (-&ballots[7])?;
    assert!((7.5..8.5).contains(&cost(&BfvVector::add_many(&twice)?)));
    // After a journey they are independent still.
    let server = client.generate_server_key(&Rotations::none())?;
    let read = ballots
        .iter()
        .map(|ballot| server.load_vector(&ballot.to_bytes()));
    let read: Vec<BfvVector> = read.collect::<slotwise::Result<_>>()?;
    assert_eq!(cost(&BfvVector::add_many(&read)?), cost(&tally));
    Ok(())
}

#[test]
fn sums_of_fresh_reals_have_the_error_of_independent_terms() -> slotwise::Result<()> {
    let context = ckks_context();
    let client = context.generate_client_key()?;
    let voter = client.generate_encryption_key()?;
    for secret in [false, true] {
        let terms = (0..100).map(|i| {
            let values = [f64::from(i), 0.5];
            if secret {
                client.encrypt(values)
            } else {
                voter.encrypt(values)
            }
        });
        let terms: Vec<CkksVector> = terms.collect::<slotwise::Result<_>>()?;
        let sum = CkksVector::add_many(&terms)?;
        let chain = terms[1..]
            .iter()
            .try_fold(terms[0].clone(), |sum, term| &sum + term)?;
        assert!(sum.noise_bound() < chain.noise_bound() / 2.0);
        assert_eq!(sum.message_bound(), chain.message_bound());
        let found = client.decrypt(&sum)?;
        for (found, want) in found.iter().zip([4950.0, 50.0]) {
            assert!((found - want).abs() <= sum.noise_bound());
        }
    }
    Ok(())
}

#[test]
fn what_travels_in_the_clear_tells_no_more_than_the_stated_magnitude() {
    let (client, _) = &*CKKS;
    let bounds = |vector: CkksVector| (vector.message_bound(), vector.noise_bound());
    let of = |value: f64| bounds(client.encrypt([value, -0.3 * value]).unwrap());
    // The default bound is a power of two, at least 1.
    for value in [0.0, 1e-9, 0.123_456_789, 0.51, 0.515, -1.0] {
        assert_eq!(of(value), of(0.5), "{value}");
    }
    for value in [4.1, -6.0, 8.0] {
        assert_eq!(of(value), of(5.0), "{value}");
    }
    let stated = |value: f64, bound| bounds(client.encrypt_bounded([value], bound).unwrap());
    for value in [0.0, 0.3, 1.5, 3.2, 300.5, 999.0] {
        assert_eq!(stated(value, 1000.0), stated(1.0, 1000.0), "{value}");
    }
    assert_eq!(stated(0.3, 0.6), stated(0.6, 0.6));
    let key = client.generate_encryption_key().unwrap();
    let public = |value: f64| bounds(key.encrypt([value]).unwrap());
    assert_eq!(public(0.25), public(0.75));
}
