//! Signs, comparisons, ranks, sorting and equality, in the clear and encrypted.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::circuits::{Ranks, Sign, Sorting, Vector};
use slotwise::evaluator::{ClearIntegers, ClearReals, Evaluator};
use slotwise::keys::Rotations;
use slotwise::params::{BfvContext, CkksContext};
use slotwise::prelude::{BfvVector, CkksVector, ClientKey, ServerKey};
use slotwise::{Bfv, Ckks, Error, KeyError, OperandError, PrecisionError, Result, ValueError};

fn values(rng: &mut ChaCha20Rng, len: usize, low: f64, high: f64) -> Vec<f64> {
    (0..len).map(|_| rng.random_range(low..=high)).collect()
}

fn clear(slots: usize, values: &[f64]) -> Vector<ClearReals> {
    Vector::from_values(&ClearReals::new(slots), values).unwrap()
}

/// Checks each value against what is wanted, and that slots without values are near 0.
fn assert_near(found: &Vector<ClearReals>, wanted: &[f64], tolerance: f64) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.values().iter().zip(wanted) {
        assert!(
            (found - wanted).abs() <= tolerance,
            "{found} instead of {wanted}"
        );
    }
    let sum = found.sum().unwrap().values()[0];
    let expected: f64 = found.values().iter().sum();
    assert!(
        (sum - expected).abs() <= (tolerance + 1e-3) * wanted.len() as f64,
        "{sum} instead of {expected}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn comparisons_in_the_clear(seed in 0u64..1000, len in 1usize..40, low in -4i32..4, span in 1i32..9) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (low, span) = (f64::from(low), f64::from(span) / 2.0);
        let high = low + span;
        let sign = Sign::new(6, 12).unwrap();
        let [mut a, b] = [(); 2].map(|()| values(&mut rng, len, low, high));
        // Ties and the ends of the range.
        a[0] = b[0];
        if len > 2 {
            (a[1], a[2]) = (low, high);
        }
        let [x, y] = [&a, &b].map(|values| clear(16, values));
        let range = low..=high;
        let greater = x.greater_than(&y, range.clone(), &sign).unwrap().values();
        prop_assert_eq!(greater[0], 0.5);
        for i in 0..len {
            let difference = a[i] - b[i];
            if difference.abs() >= sign.gap() * span {
                let wanted = if difference > 0.0 { 1.0 } else { 0.0 };
                prop_assert!((greater[i] - wanted).abs() <= sign.error());
            }
            prop_assert!((-sign.error()..=1.0 + sign.error()).contains(&greater[i]));
        }
        let each = |of: fn(f64, f64) -> f64| -> Vec<f64> {
            a.iter().zip(&b).map(|(&a, &b)| of(a, b)).collect()
        };
        let off = span * sign.gap();
        assert_near(&x.max(&y, range.clone(), &sign).unwrap(), &each(f64::max), off / 2.0);
        assert_near(&x.min(&y, range.clone(), &sign).unwrap(), &each(f64::min), off / 2.0);
        let bound = low.abs().max(high.abs());
        let of = |f: &dyn Fn(f64) -> f64| -> Vec<f64> { a.iter().map(|&a| f(a)).collect() };
        assert_near(&x.abs(bound, &sign).unwrap(), &of(&f64::abs), bound * sign.gap());
        assert_near(&x.positive_part(bound, &sign).unwrap(), &of(&|a| a.max(0.0)), bound * sign.gap() / 2.0);
        let limits = low + 0.25 * span..=low + 0.75 * span;
        let clamped = of(&|a| a.clamp(*limits.start(), *limits.end()));
        assert_near(&x.clamp(limits, range, &sign).unwrap(), &clamped, off);
        // A threshold for all.
        let threshold = clear(16, &[low + span / 2.0]);
        let above = x.greater_than(&threshold, low..=high, &sign).unwrap();
        prop_assert_eq!(above.len(), len);
        // Sums count the values only.
        let count: f64 = above.values().iter().sum();
        prop_assert!((above.sum().unwrap().values()[0] - count).abs() < 1e-9);
    }

    #[test]
    fn ranks_in_the_clear(seed in 0u64..1000, len in 2usize..17, low in -4i32..4) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let low = f64::from(low);
        // A permutation of distinct values, at steps of 1/16 of a range of length 2.
        let mut order: Vec<u32> = (0..16).collect();
        for i in (1..16).rev() {
            order.swap(i, rng.random_range(0..=i));
        }
        let order = &order[..len];
        let x: Vec<f64> = order.iter().map(|&place| low + f64::from(place) / 8.0).collect();
        let less = |&own: &u32| order.iter().filter(|&&other| other < own).count();
        let wanted: Vec<usize> = order.iter().map(less).collect();
        let ranks = Ranks::new(len, low..=low + 2.0, Sign::new(4, 16).unwrap()).unwrap();
        let x = clear(512, &x);
        let of = |f: &dyn Fn(usize) -> f64| -> Vec<f64> { wanted.iter().map(|&rank| f(rank)).collect() };
        assert_near(&x.ranks(&ranks).unwrap(), &of(&|rank| rank as f64), 1e-3);
        let is = |is: bool| if is { 1.0 } else { 0.0 };
        assert_near(&x.argmax(&ranks).unwrap(), &of(&|rank| is(rank == len - 1)), 1e-3);
        let k = rng.random_range(1..len);
        assert_near(&x.top_k(k, &ranks).unwrap(), &of(&|rank| is(rank >= len - k)), 1e-3);
    }
}

#[test]
fn equal_values_share_their_ranks() {
    let ranks = Ranks::new(5, 0.0..=1.0, Sign::new(4, 12).unwrap()).unwrap();
    let x = clear(64, &[0.5, 0.25, 0.5, 0.0, 0.5]);
    assert_near(&x.ranks(&ranks).unwrap(), &[3.0, 1.0, 3.0, 0.0, 3.0], 1e-3);
    let all = clear(64, &[1.0; 5]).ranks(&ranks).unwrap();
    assert_near(&all, &[2.0; 5], 1e-4);
    // A vector that was joined with one of length 1 holds something in every slot.
    let joined = (&x + &clear(64, &[0.25])).unwrap();
    assert_near(
        &joined.ranks(&ranks).unwrap(),
        &[3.0, 1.0, 3.0, 0.0, 3.0],
        1e-3,
    );
}

/// What the documentation says of others than the largest that are equal, and of the sign's error.
#[test]
fn the_largest_value_stands_out_among_equal_ones() {
    for (values, sign) in [
        (vec![1.0, 0.0, 0.0], (4, 12)),
        (vec![0.0, 0.9, 0.0, 0.0, 0.0], (4, 12)),
        (vec![0.3, 0.3, 0.31, 0.32, 0.9, 0.3], (4, 12)),
        ([vec![1.0], vec![0.0; 126]].concat(), (3, 8)),
    ] {
        let sign = Sign::new(sign.0, sign.1).unwrap();
        let off = (values.len() - 1) as f64 / 2.0 * sign.error();
        let ranks = Ranks::new(values.len(), 0.0..=1.0, sign).unwrap();
        let x = clear(ranks.slots(), &values);
        let (order, found) = (x.ranks(&ranks).unwrap(), x.argmax(&ranks).unwrap());
        for ((value, rank), found) in values.iter().zip(order.values()).zip(found.values()) {
            if *value < 0.9 {
                assert!(
                    (-0.22 - 1.4 * off..0.13 + 1.4 * off).contains(&found),
                    "{found}"
                );
            } else {
                assert!(
                    (rank - (values.len() - 1) as f64).abs() <= off + 1e-6,
                    "{rank}"
                );
                assert!((found - 1.0).abs() <= 1.65 * off * off + 1e-6, "{found}");
            }
        }
    }
}

/// Sets of `len` values in [0, 1]: random, all equal, two values, near each other, multiples with repetitions, at both ends.
fn sets(rng: &mut ChaCha20Rng, len: usize) -> Vec<Vec<f64>> {
    let centre = rng.random_range(0.0..1.0);
    let two = [rng.random_range(0.0..1.0), centre];
    vec![
        values(rng, len, 0.0, 1.0),
        vec![centre; len],
        (0..len).map(|i| two[i % 2]).collect(),
        values(rng, len, centre - 0.0015, centre + 0.0015)
            .iter()
            .map(|x| x.clamp(0.0, 1.0))
            .collect(),
        (0..len)
            .map(|_| f64::from(rng.random_range(0..20)) / 20.0)
            .collect(),
        values(rng, len, -1.0, 2.0)
            .iter()
            .map(|x| x.clamp(0.0, 1.0))
            .collect(),
        vec![1.0; len],
        vec![0.0; len],
    ]
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

/// The steps of the grid that a sorted value may be off.
const STEPS: f64 = 1.4;

#[test]
fn sorting_many_equal_values() {
    let two = [vec![0.0; 31], vec![0.51875; 96]].concat();
    for (values, grid) in [(two, 8), (vec![0.4234375; 255], 16)] {
        let sorting = Sorting::new(values.len(), 0.0..=1.0, grid).unwrap();
        let found = clear(sorting.slots(), &values).sort(&sorting).unwrap();
        let errors = found.values().into_iter().zip(&values);
        let worst = errors.fold(0.0, |worst: f64, (a, b)| worst.max((a - b).abs()));
        // Near the worst that is known.
        let steps = worst * grid as f64;
        assert!((1.3..STEPS).contains(&steps), "{steps}");
    }
}

#[test]
fn sorting_in_the_clear() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for (len, grid) in [
        (1, 8),
        (2, 64),
        (3, 16),
        (7, 256),
        (8, 16),
        (13, 128),
        (32, 64),
        (100, 128),
        (128, 128),
    ] {
        let sorting = Sorting::new(len, 0.0..=1.0, grid).unwrap();
        let slots = sorting.slots() * if len < 8 { 2 } else { 1 };
        for set in sets(&mut rng, len) {
            let tolerance = STEPS / grid as f64;
            let wanted = sorted(&set);
            let x = clear(slots, &set);
            assert_near(&x.sort(&sorting).unwrap(), &wanted, tolerance);
            let (low, high) = (wanted[(len - 1) / 2], wanted[len / 2]);
            assert_near(
                &x.median(&sorting).unwrap(),
                &[0.5 * (low + high)],
                tolerance,
            );
            assert_near(
                &x.quantile(1.0, &sorting).unwrap(),
                &[wanted[len - 1]],
                tolerance,
            );
            assert_near(
                &x.quantile(0.25, &sorting).unwrap(),
                &[wanted[len.div_ceil(4) - 1]],
                tolerance,
            );
        }
    }
    // Another range, places in any order, and a vector without zeros beyond its values.
    let sorting = Sorting::new(5, -10.0..=30.0, 128).unwrap();
    let x = clear(1024, &[5.0, -10.0, 30.0, 7.5, -2.0]);
    let shifted = (&x + &clear(1024, &[0.0])).unwrap();
    for x in [x, shifted] {
        let found = x.order_statistics(&sorting, &[4, 0, 2]).unwrap();
        assert_near(&found, &[30.0, -10.0, 5.0], 40.0 * STEPS / 128.0);
    }
}

fn ckks(degree: usize, levels: usize) -> ClientKey<Ckks> {
    let bits = [vec![55], vec![45; levels], vec![50; 4]].concat();
    let builder = CkksContext::builder()
        .degree(degree)
        .prime_bits(&bits)
        .special_primes(4)
        .scale_bits(45);
    let context = builder.insecure_skip_security_check().build().unwrap();
    context.generate_client_key().unwrap()
}

/// Checks an encrypted result against the same circuit in the clear: within its bound, which is below `largest`.
fn check(
    client: &ClientKey<Ckks>,
    found: &CkksVector,
    expected: &Vector<ClearReals>,
    largest: f64,
) {
    let bound = found.noise_bound();
    assert!(bound < largest, "{bound:e}");
    let (decrypted, expected) = (client.decrypt(found).unwrap(), expected.values());
    assert_eq!(decrypted.len(), expected.len());
    for (found, expected) in decrypted.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= bound,
            "{found} instead of {expected}, {bound:e}"
        );
    }
}

fn comparisons<E: Evaluator<Scalar = f64>>(x: &Vector<E>, y: &Vector<E>) -> Result<Vec<Vector<E>>> {
    let sign = Sign::new(4, 12)?;
    let range = -2.0..=2.0;
    Ok(vec![
        x.sign(2.0, &sign)?,
        x.greater_than(y, range.clone(), &sign)?,
        x.max(y, range.clone(), &sign)?,
        x.min(y, range.clone(), &sign)?,
        x.abs(2.0, &sign)?,
        x.positive_part(2.0, &sign)?,
        x.clamp(-1.0..=1.0, range, &sign)?,
    ])
}

#[test]
fn encrypted_comparisons_are_those_in_the_clear() {
    let sign = Sign::new(4, 12).unwrap();
    assert_eq!(sign.depth(), 8);
    // The range has no integer inverse, and magnitudes take a product.
    let client = ckks(256, 10);
    let server: ServerKey<Ckks> = client.generate_server_key(&Rotations::none()).unwrap();
    let values = [[1.5, -2.0, 0.25, 0.0, 2.0], [-1.5, 0.5, 0.25, 1.0, 1.0]];
    let encrypted = values.map(|values| server.attach(client.encrypt(values).unwrap()).unwrap());
    let plain = values.map(|values| clear(128, &values));
    let found = comparisons(&encrypted[0], &encrypted[1]).unwrap();
    let expected = comparisons(&plain[0], &plain[1]).unwrap();
    for (found, expected) in found.iter().zip(&expected) {
        check(&client, found, expected, 1e-4);
    }
    // One level less is an error before any work.
    let lower = encrypted[0].drop_to_level(9).unwrap();
    assert!(lower.sign(2.0, &sign).is_ok());
    assert!(matches!(
        lower.abs(2.0, &sign),
        Err(Error::Operands(OperandError::LevelExhausted {
            needed: 10,
            left: 9,
            ..
        }))
    ));
}

fn ordered<E: Evaluator<Scalar = f64>>(
    x: &Vector<E>,
    ranks: &Ranks,
    sorting: &Sorting,
) -> Result<Vec<Vector<E>>> {
    Ok(vec![
        x.ranks(ranks)?,
        x.argmax(ranks)?,
        x.top_k(2, ranks)?,
        x.sort(sorting)?,
        x.median(sorting)?,
        x.order_statistics(sorting, &[6, 0])?,
    ])
}

#[test]
fn encrypted_order_is_that_in_the_clear() {
    let ranks = Ranks::new(7, 0.0..=1.0, Sign::new(4, 12).unwrap()).unwrap();
    let sorting = Sorting::new(7, 0.0..=1.0, 16).unwrap();
    assert_eq!((ranks.slots(), sorting.slots()), (64, 128));
    let levels = sorting.depth().max(ranks.indicator_depth());
    let client = ckks(256, levels);
    let rotations = ranks.rotations().and(sorting.rotations());
    let server: ServerKey<Ckks> = client.generate_server_key(&rotations).unwrap();
    let values = [0.5, 0.125, 0.875, 0.25, 0.25, 1.0, 0.0];
    let x = server.attach(client.encrypt(values).unwrap()).unwrap();
    let found = ordered(&x, &ranks, &sorting).unwrap();
    let expected = ordered(&clear(128, &values), &ranks, &sorting).unwrap();
    for (found, expected) in found.iter().zip(&expected) {
        check(&client, found, expected, 0.02);
    }
    assert_eq!(found[3].levels_left(), levels - sorting.depth());
    // What is missing is named before any work.
    let few: ServerKey<Ckks> = client.generate_server_key(&Rotations::steps(&[2])).unwrap();
    let with_few = few.attach(client.encrypt(values).unwrap()).unwrap();
    for failure in [with_few.sort(&sorting), with_few.argmax(&ranks)] {
        assert!(matches!(
            failure,
            Err(Error::Keys(KeyError::MissingRotationKeys { .. }))
        ));
    }
    let lower = x.drop_to_level(levels - 1).unwrap();
    assert!(matches!(
        lower.sort(&sorting),
        Err(Error::Operands(OperandError::LevelExhausted { .. }))
    ));
}

fn exact<E: Evaluator<Scalar = i64>>(x: &Vector<E>, y: &Vector<E>) -> Result<Vec<Vector<E>>> {
    let range = -3..=12;
    Ok(vec![
        x.equals(y, range.clone())?,
        x.less_than(y, range.clone())?,
        y.less_than(x, range)?,
        x.equals_modulo(y)?,
    ])
}

#[test]
fn integers_are_compared_exactly() {
    let clear = ClearIntegers::new(64, 257).unwrap();
    let all: Vec<(i64, i64)> = (-3..=12)
        .flat_map(|a| (-3..=12).map(move |b| (a, b)))
        .collect();
    let (a, b): (Vec<i64>, Vec<i64>) = all.iter().copied().unzip();
    let wanted: Vec<Vec<i64>> = [
        |&(a, b): &(i64, i64)| a == b,
        |&(a, b): &(i64, i64)| a < b,
        |&(a, b): &(i64, i64)| a > b,
        |&(a, b): &(i64, i64)| a == b,
    ]
    .iter()
    .map(|holds| all.iter().map(|pair| i64::from(holds(pair))).collect())
    .collect();
    let [x, y] = [&a, &b].map(|values| Vector::from_values(&clear, values).unwrap());
    for (found, wanted) in exact(&x, &y).unwrap().iter().zip(&wanted) {
        assert_eq!(&found.values(), wanted);
    }
    // Slots without values stay zero, where 0 equals 0.
    let three = Vector::from_values(&clear, &[1, 2, 3]).unwrap();
    assert_eq!(
        three.equals(&three, 0..=3).unwrap().sum().unwrap().values(),
        [3]
    );
    assert_eq!(
        three.equals_modulo(&three).unwrap().sum().unwrap().values(),
        [3]
    );

    let builder = BfvContext::builder()
        .degree(128)
        .prime_bits(&[50; 9])
        .plaintext_modulus(257);
    let context = builder.insecure_skip_security_check().build().unwrap();
    let client = context.generate_client_key().unwrap();
    let server: ServerKey<Bfv> = client.generate_server_key(&Rotations::none()).unwrap();
    let [x, y] = [&a, &b].map(|values| server.attach(client.encrypt(values).unwrap()).unwrap());
    let found: Vec<BfvVector> = exact(&x, &y).unwrap();
    for (found, wanted) in found.iter().zip(&wanted) {
        assert_eq!(&client.decrypt(found).unwrap(), wanted);
    }
    assert!(matches!(
        x.switch_to_level(2).unwrap().equals_modulo(&y),
        Err(Error::Operands(OperandError::LevelExhausted {
            needed: 8,
            ..
        }))
    ));
}

/// A modulus that is not just above a power of two takes one product more.
#[test]
fn an_equality_checks_the_depth_that_it_takes() {
    let builder = BfvContext::builder()
        .degree(512)
        .prime_bits(&[50; 8])
        .plaintext_modulus(12_289);
    let context = builder.insecure_skip_security_check().build().unwrap();
    let client = context.generate_client_key().unwrap();
    let server: ServerKey<Bfv> = client.generate_server_key(&Rotations::none()).unwrap();
    let x = server.attach(client.encrypt([1, -2, 3]).unwrap()).unwrap();
    assert!(matches!(
        x.equals_modulo(&x),
        Err(Error::Operands(OperandError::LevelExhausted {
            needed: 14,
            ..
        }))
    ));
}

fn is_invalid(error: &Error) -> bool {
    matches!(error, Error::Operands(OperandError::InvalidArgument { .. }))
}

fn is_interval(error: &Error) -> bool {
    matches!(error, Error::Values(ValueError::InvalidInterval { .. }))
}

#[test]
fn signs_that_do_not_exist_are_errors() {
    for (gap, precision) in [(15, 8), (u32::MAX, 8), (4, 21), (4, u32::MAX)] {
        assert!(is_invalid(&Sign::new(gap, precision).unwrap_err()));
    }
    assert_eq!(Sign::new(0, 0).unwrap().gap(), 0.125);
    for gap in [0.0, 1.0, -0.5, f64::NAN, f64::INFINITY] {
        assert!(is_invalid(&Sign::with_degrees(gap, &[15, 15]).unwrap_err()));
    }
    for degrees in [&[][..], &[3], &[4], &[1, 15], &[65], &[15; 17]] {
        assert!(is_invalid(&Sign::with_degrees(0.01, degrees).unwrap_err()));
    }
}

#[test]
fn ranges_that_are_none_are_errors() {
    let sign = Sign::new(4, 8).unwrap();
    let x = clear(64, &[0.5, 1.0]);
    for bound in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE / 4.0] {
        assert!(is_invalid(&x.sign(bound, &sign).unwrap_err()));
    }
    for (low, high) in [
        (1.0, 0.0),
        (0.0, 0.0),
        (0.0, f64::NAN),
        (f64::NEG_INFINITY, 0.0),
        (f64::MIN, f64::MAX),
    ] {
        assert!(is_interval(
            &x.greater_than(&x, low..=high, &sign).unwrap_err()
        ));
        assert!(is_interval(&x.max(&x, low..=high, &sign).unwrap_err()));
        assert!(is_interval(
            &x.clamp(low..=high, 0.0..=1.0, &sign).unwrap_err()
        ));
        assert!(is_interval(
            &x.clamp(0.0..=1.0, low..=high, &sign).unwrap_err()
        ));
        assert!(is_interval(
            &Ranks::new(2, low..=high, sign.clone()).unwrap_err()
        ));
        assert!(is_interval(&Sorting::new(2, low..=high, 16).unwrap_err()));
    }
}

#[test]
fn ranks_and_grids_that_do_not_exist_are_errors() {
    let sign = Sign::new(4, 8).unwrap();
    let x = clear(64, &[0.5, 1.0]);
    for len in [0, 1, 257, usize::MAX] {
        assert!(is_invalid(
            &Ranks::new(len, 0.0..=1.0, sign.clone()).unwrap_err()
        ));
    }
    assert_eq!(
        Sorting::new(0, 0.0..=1.0, 16).unwrap_err(),
        Error::Values(ValueError::Empty)
    );
    for (len, grid) in [
        (257, 16),
        (usize::MAX, 16),
        (4, 0),
        (4, 4),
        (4, 12),
        (4, 2048),
        (4, usize::MAX),
    ] {
        assert!(is_invalid(&Sorting::new(len, 0.0..=1.0, grid).unwrap_err()));
    }
    let ranks = Ranks::new(2, 0.0..=1.0, sign).unwrap();
    assert!(is_invalid(&x.top_k(0, &ranks).unwrap_err()));
    assert!(is_invalid(&x.top_k(2, &ranks).unwrap_err()));
}

#[test]
fn vectors_and_places_that_do_not_fit_are_errors() {
    let x = clear(64, &[0.5, 1.0]);
    let ranks = Ranks::new(2, 0.0..=1.0, Sign::new(4, 8).unwrap()).unwrap();
    let sorting = Sorting::new(2, 0.0..=1.0, 64).unwrap();
    let full = |error: Error| {
        error
            == Error::Values(ValueError::TooManyValues {
                given: 128,
                capacity: 64,
            })
    };
    assert!(full(x.sort(&sorting).unwrap_err()));
    let other = clear(64, &[0.5; 3]);
    let length = |error: Error| {
        matches!(
            error,
            Error::Operands(OperandError::Count {
                have: 3,
                need: 2,
                ..
            })
        )
    };
    assert!(length(other.sort(&sorting).unwrap_err()));
    assert!(length(other.argmax(&ranks).unwrap_err()));
    let sorting = Sorting::new(2, 0.0..=1.0, 16).unwrap();
    assert_eq!(
        x.order_statistics(&sorting, &[]).unwrap_err(),
        Error::Values(ValueError::Empty)
    );
    for places in [&[2][..], &[0, 1, 0], &[usize::MAX]] {
        assert!(is_invalid(
            &x.order_statistics(&sorting, places).unwrap_err()
        ));
    }
    for q in [-0.1, 1.1, f64::NAN] {
        assert!(is_invalid(&x.quantile(q, &sorting).unwrap_err()));
    }
}

#[test]
fn integers_that_cannot_be_compared_are_errors() {
    let of = |modulus| {
        let evaluator = ClearIntegers::new(8, modulus).unwrap();
        Vector::from_values(&evaluator, &[1, 2]).unwrap()
    };
    let x = of(257);
    assert!(is_interval(&x.equals(&x, 3..=3).unwrap_err()));
    let reversed = [(3, 2), (i64::MAX, i64::MIN)].map(|(low, high)| low..=high);
    for range in reversed {
        assert!(is_interval(&x.less_than(&x, range).unwrap_err()));
    }
    assert!(is_invalid(&x.equals(&x, i64::MIN..=i64::MAX).unwrap_err()));
    let unsuitable =
        |above, modulus| Error::Operands(OperandError::PlaintextModulus { above, modulus });
    assert_eq!(x.equals(&x, 0..=199).unwrap_err(), unsuitable(400, 257));
    assert_eq!(
        of(255).less_than(&of(255), 0..=9).unwrap_err(),
        unsuitable(20, 255)
    );
    let large = (1 << 59) - 55;
    assert_eq!(
        of(large).equals_modulo(&of(large)).unwrap_err(),
        unsuitable(2, large)
    );
}

/// An error that leaves the interval of the polynomials is refused, not returned with a bound that it exceeds.
#[test]
fn signs_of_values_that_drown_in_noise_are_refused() {
    let context = CkksContext::builder()
        .degree(1024)
        .prime_bits(&[vec![60], vec![40; 18], vec![60]].concat())
        .scale_bits(40)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let client = context.generate_client_key().unwrap();
    let server = client.generate_server_key(&Rotations::none()).unwrap();
    let sign = Sign::new(10, 12).unwrap();
    let small = (-21.0f64).exp2();
    let x = client.encrypt([small, -small, small / 2.0]).unwrap();
    let x = server.attach(x).unwrap();
    assert!(matches!(
        x.abs(small, &sign),
        Err(Error::Precision(PrecisionError::PrecisionExhausted { .. }))
    ));
    assert!(x.abs(1.0, &sign).is_ok());
}

/// The minimax polynomial of a high degree is that of rounding errors, and wild where it is not fitted.
#[test]
fn signs_of_high_degrees_stay_between_minus_one_and_one() {
    let clear = ClearReals::new(1);
    for (gap, degrees) in [
        (0.2, &[31, 31][..]),
        (0.99, &[63]),
        (0.05, &[63, 63]),
        (0.05, &[63, 63, 63]),
        (0.5, &[63, 63, 63]),
        (0.9, &[3, 31, 63]),
        (0.001, &[63, 63, 63, 63]),
    ] {
        let sign = Sign::with_degrees(gap, degrees).unwrap();
        let of_degrees =
            |degree: &usize| (degree + 1).next_power_of_two().trailing_zeros() as usize;
        assert!(sign.depth() <= degrees.iter().map(of_degrees).sum());
        let most = 1.0 + sign.error() + 1e-13;
        for i in 0..=40_000 {
            let x = f64::from(i) / 40_000.0;
            // Twice: over the interval, and over the gap.
            for x in [x, x * gap] {
                let value = sign.at(x);
                assert!(
                    (-1e-13..=most).contains(&value),
                    "{gap}, {degrees:?} at {x}: {value}"
                );
                assert!(
                    x < gap || value >= 2.0 - most,
                    "{gap}, {degrees:?} at {x}: {value}"
                );
                assert_eq!(sign.at(-x), -value);
            }
        }
        let evaluated = sign.evaluate(&clear, &vec![0.3 * gap]).unwrap();
        assert!((evaluated[0] - sign.at(0.3 * gap)).abs() < 1e-9);
    }
    let sign = Sign::with_degrees(0.2, &[31, 31]).unwrap();
    let near = [
        self::clear(4, &[0.5, 0.5]),
        self::clear(4, &[0.49144, 0.50856]),
    ];
    let most = near[0].max(&near[1], 0.0..=1.0, &sign).unwrap().values();
    assert!(most.iter().all(|&x| (0.49..=0.51).contains(&x)), "{most:?}");
}
