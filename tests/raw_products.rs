//! Sums of products that are relinearized once, and the levels of operands: one generic circuit on every evaluator, and both schemes
//! against the same by single operations.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a failed unwrap is a failed test"
)]

mod scheme;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use scheme::Scheme;
use slotwise::encryption::{BfvCiphertext, CkksCiphertext};
use slotwise::evaluator::{
    BfvEvaluator, CkksEvaluator, ClearIntegers, ClearReals, Evaluator, LinearCombination, Position,
    ProductSum,
};
use slotwise::keys::Rotations;
use slotwise::{Error, KeyError, OperandError, Result, ValueError};

/// CKKS with 32 slots and levels 0 to 4.
fn ckks(special: usize, seed: u64) -> Scheme<CkksEvaluator> {
    let bits = [vec![50, 40, 40, 40, 40], vec![50; special]].concat();
    Scheme::ckks(64, &bits, special, &Rotations::none(), seed)
}

/// BFV with 64 slots and levels 0 to 3.
fn bfv(special: usize, seed: u64) -> Scheme<BfvEvaluator> {
    Scheme::bfv(64, special, &Rotations::none(), seed)
}

impl Scheme<CkksEvaluator> {
    /// Checks that the slots are within the bound, and that the bound is good.
    #[track_caller]
    fn check(&self, a: &CkksCiphertext, want: &[f64]) {
        let plaintext = self.decryptor.decrypt(a).unwrap();
        let found = self.evaluator.encoder().decode(&plaintext).unwrap();
        assert!(a.noise_bound() < 1e-4, "{}", a.noise_bound());
        for (found, want) in found.iter().zip(want) {
            let error = (found - want).abs();
            assert!(error <= a.noise_bound(), "{error} > {}", a.noise_bound());
        }
    }
}

impl Scheme<BfvEvaluator> {
    /// Checks that the slots are right, and that the noise is within its bound.
    #[track_caller]
    fn check(&self, a: &BfvCiphertext, want: &[i64]) {
        let plaintext = self.decryptor.decrypt(a).unwrap();
        assert_eq!(self.evaluator.encoder().decode(&plaintext).unwrap(), want);
        let measured = self.decryptor.measured_noise_budget(a).unwrap();
        assert!(measured >= a.noise_budget());
    }
}

/// `sum a[i] b[i]` in five ways, the last one at level 1; the second and third by one relinearization of a sum.
fn sums<E: Evaluator>(
    e: &E,
    a: &[E::Ciphertext],
    b: &[E::Ciphertext],
) -> Result<Vec<E::Ciphertext>> {
    let raw: Vec<E::Ciphertext> = a
        .iter()
        .zip(b)
        .map(|(a, b)| e.mul_raw(a, b))
        .collect::<Result<_>>()?;
    let single: Vec<E::Ciphertext> = a
        .iter()
        .zip(b)
        .map(|(a, b)| e.mul(a, b))
        .collect::<Result<_>>()?;
    let mut running = e.mul_raw(&a[0], &b[0])?;
    for product in &raw[1..] {
        running = e.sub(&running, &e.negate(product)?)?;
    }
    let inner = e.inner_product(a, b)?;
    let lowered = e.drop_to_level(e.settle(&inner)?.as_ref(), 1)?;
    Ok(vec![
        inner,
        e.relinearize(&e.add_many(&raw)?)?,
        e.relinearize(&running)?,
        e.add_many(&single)?,
        lowered,
    ])
}

#[test]
fn sums_of_products_are_the_same_on_every_evaluator() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for count in [1, 2, 5] {
        let mut vectors = || -> Vec<Vec<i64>> {
            let mut vector = || (0..32).map(|_| rng.random_range(-4..=4)).collect();
            (0..count).map(|_| vector()).collect()
        };
        let (x, y) = (vectors(), vectors());
        let want: Vec<i64> = (0..32)
            .map(|slot| (0..count).map(|i| x[i][slot] * y[i][slot]).sum())
            .collect();
        let reals = |vectors: &[Vec<i64>]| -> Vec<Vec<f64>> {
            let real = |vector: &Vec<i64>| vector.iter().map(|&x| x as f64).collect();
            vectors.iter().map(real).collect()
        };
        // BFV has two rows: the same numbers in both.
        let rows = |vector: &[i64]| [vector, vector].concat();
        let all_rows = |vectors: &[Vec<i64>]| -> Vec<Vec<i64>> {
            vectors.iter().map(|vector| rows(vector)).collect()
        };
        let want_reals = &reals(std::slice::from_ref(&want))[0];

        let clear = ClearReals::new(32);
        for sum in sums(&clear, &reals(&x), &reals(&y)).unwrap() {
            assert_eq!(&sum, want_reals);
        }
        let clear = ClearIntegers::new(64, 65_537).unwrap();
        for sum in sums(&clear, &all_rows(&x), &all_rows(&y)).unwrap() {
            assert_eq!(sum, rows(&want));
        }
        for special in [1, 2] {
            let mut scheme = ckks(special, 2);
            let [a, b] = [&x, &y].map(|vectors| -> Vec<CkksCiphertext> {
                let slots = reals(vectors);
                slots.iter().map(|slots| scheme.encrypt(slots, 4)).collect()
            });
            let found = sums(&scheme.evaluator, &a, &b).unwrap();
            assert_eq!(found[4].level(), 1);
            for sum in &found {
                scheme.check(sum, want_reals);
            }
            let mut scheme = bfv(special, 3);
            let [a, b] = [&x, &y].map(|vectors| -> Vec<BfvCiphertext> {
                let slots = all_rows(vectors);
                slots.iter().map(|slots| scheme.encrypt(slots, 3)).collect()
            });
            let found = sums(&scheme.evaluator, &a, &b).unwrap();
            assert_eq!(found[4].level(), 1);
            for sum in &found {
                scheme.check(sum, &rows(&want));
            }
        }
    }
}

#[test]
fn ckks_inner_products_are_the_relinearized_sum_bit_for_bit() {
    for special in [1, 2, 3] {
        let mut scheme = ckks(special, 4);
        for level in 1..=4 {
            let vectors: Vec<Vec<f64>> = (0..6)
                .map(|i| (0..32).map(|j| f64::from(i * 7 + j).sin()).collect())
                .collect();
            let encrypted: Vec<_> = vectors
                .iter()
                .map(|slots| scheme.encrypt(slots, level))
                .collect();
            let (a, b) = encrypted.split_at(3);
            let e = &scheme.evaluator;
            let raw: Vec<_> = a
                .iter()
                .zip(b)
                .map(|(a, b)| e.mul_raw(a, b).unwrap())
                .collect();
            let plain = e.relinearize(&e.add_many(&raw).unwrap()).unwrap();
            let want: Vec<f64> = (0..32)
                .map(|slot| {
                    (0..3)
                        .map(|i| vectors[i][slot] * vectors[i + 3][slot])
                        .sum()
                })
                .collect();
            for inner in [
                e.inner_product(a, b).unwrap(),
                Evaluator::inner_product(e, a, b).unwrap(),
            ] {
                assert_eq!(inner.body().polys(), plain.body().polys());
                assert_eq!(inner.state(), plain.state());
                scheme.check(&inner, &want);
            }
        }
    }
}

/// A [`ProductSum`] by single operations.
fn in_steps(
    e: &CkksEvaluator,
    sum: &ProductSum<'_, CkksCiphertext, f64>,
) -> Result<CkksCiphertext> {
    let mut raw = e.sum_of_raw_products(sum.pairs)?;
    if sum.is_doubled {
        e.mul_scalar_assign(&mut raw, 2.0)?;
    }
    if sum.terms.is_empty() {
        if sum.constant != 0.0 {
            e.add_scalar_assign(&mut raw, sum.constant)?;
        }
    } else {
        let at = Position::at_level(raw.level()).with_scale(raw.scale());
        let terms = e.linear_combination(sum.terms, sum.constant, at)?;
        e.add_assign(&mut raw, &terms)?;
    }
    e.relinearize_and_rescale(&raw)
}

#[test]
fn ckks_sums_of_products_terms_and_constants_are_those_in_steps_bit_for_bit() {
    for special in [1, 2, 3] {
        let mut scheme = ckks(special, 9);
        // Factors and terms at several levels, none below the lowest factor's.
        let values: Vec<f64> = (0..32).map(|slot| f64::from(slot).sin()).collect();
        let [a, b, c, d] = [3, 2, 4, 2].map(|level| scheme.encrypt(&values, level));
        // More terms than one sum of a kernel takes.
        let many: Vec<_> = (0..70).map(|i| (&c, f64::from(i - 30) / 8.0)).collect();
        let e = &scheme.evaluator;
        for pairs in [&[(&a, &b)][..], &[(&a, &b), (&d, &a), (&b, &a)]] {
            for terms in [&[][..], &[(&a, -1.0)], &many] {
                for (is_doubled, constant) in [(false, 0.0), (true, -1.0), (true, 0.5)] {
                    let sum = ProductSum {
                        pairs,
                        is_doubled,
                        terms,
                        constant,
                    };
                    let want = in_steps(e, &sum).unwrap();
                    for found in [e.sum_of_products(&sum), Evaluator::sum_of_products(e, &sum)] {
                        let found = found.unwrap();
                        assert_eq!(found.body().polys(), want.body().polys());
                        assert_eq!(found.state(), want.state());
                    }
                    let weights: f64 = terms.iter().map(|(_, c)| c).sum();
                    let factor = if is_doubled { 2.0 } else { 1.0 };
                    let products = factor * f64::from(u32::try_from(pairs.len()).unwrap());
                    let want = values
                        .iter()
                        .map(|x| products * x * x + weights * x + constant);
                    scheme.check(&e.sum_of_products(&sum).unwrap(), &want.collect::<Vec<_>>());
                }
            }
        }
    }
}

#[test]
fn rescaled_combinations_are_combinations_rescaled_bit_for_bit() {
    let mut scheme = ckks(2, 14);
    let values: Vec<f64> = (0..32).map(|slot| f64::from(slot).cos()).collect();
    let [a, b, c] = [3, 2, 4].map(|level| scheme.encrypt(&values, level));
    let e = &scheme.evaluator;
    // The same terms twice, more than one sum of a kernel takes, and several levels.
    let many: Vec<_> = (0..70).map(|i| (&c, f64::from(i - 30) / 8.0)).collect();
    let few = [(&a, -0.5), (&b, 0.25), (&a, 1.0)];
    let other = [(&a, 0.75), (&b, 2.0), (&a, -1.0)];
    let none = [];
    let sum = |terms, level| LinearCombination {
        terms,
        constant: 0.125,
        at: e
            .position_before_rescale(Position::at_level(level))
            .unwrap(),
    };
    let all = [sum(&few, 1), sum(&many, 3), sum(&few, 0), sum(&other, 1)];
    let want = e.linear_combinations(&all).unwrap();
    for found in [
        e.rescaled_combinations(&all).unwrap(),
        Evaluator::rescaled_combinations(e, &all).unwrap(),
    ] {
        assert_eq!(found.len(), want.len());
        for (found, want) in found.iter().zip(&want) {
            let want = e.rescale(want).unwrap();
            assert_eq!(found.body().polys(), want.body().polys());
            assert_eq!(found.state(), want.state());
        }
    }
    assert!(e.rescaled_combinations(&[]).unwrap().is_empty());
    let last = || LinearCombination {
        at: Position::at_level(0),
        ..sum(&few, 0)
    };
    assert!(matches!(
        e.rescaled_combinations(&[sum(&few, 1), last()]),
        Err(Error::Operands(OperandError::LevelExhausted { .. }))
    ));
    // All are planned before one is rescaled.
    assert!(matches!(
        e.rescaled_combinations(&[last(), sum(&none, 1)]),
        Err(Error::Values(ValueError::Empty))
    ));
}

#[test]
fn combinations_together_are_those_one_by_one_bit_for_bit() {
    let mut scheme = ckks(2, 12);
    let values: Vec<f64> = (0..32).map(|slot| f64::from(slot).sin()).collect();
    let [a, b, c] = [3, 2, 4].map(|level| scheme.encrypt(&values, level));
    let foreign = ckks(2, 13).encrypt(&values, 3);
    let e = &scheme.evaluator;
    // More terms than one sum of a kernel takes; terms in common, twice the same, and at several levels.
    let many: Vec<_> = (0..70).map(|i| (&c, f64::from(i - 30) / 8.0)).collect();
    let few = [(&a, -0.5), (&b, 0.25), (&a, 1.0)];
    let one = [(&c, 0.0)];
    let (refused, none) = ([(&a, 1.0), (&foreign, 1.0)], []);
    let sum = |terms, constant, level| LinearCombination {
        terms,
        constant,
        at: e
            .position_before_rescale(Position::at_level(level))
            .unwrap(),
    };
    let all = [
        sum(&few, 0.125, 1),
        sum(&many, -1.0, 3),
        sum(&one, 0.5, 0),
        sum(&few, 0.0, 0),
    ];
    for found in [
        e.linear_combinations(&all).unwrap(),
        Evaluator::linear_combinations(e, &all).unwrap(),
    ] {
        assert_eq!(found.len(), all.len());
        for (found, sum) in found.iter().zip(&all) {
            let want = e
                .linear_combination(sum.terms, sum.constant, sum.at)
                .unwrap();
            assert_eq!(found.body().polys(), want.body().polys());
            assert_eq!(found.state(), want.state());
            let weights: f64 = sum.terms.iter().map(|(_, c)| c).sum();
            let want = values.iter().map(|x| weights * x + sum.constant);
            scheme.check(found, &want.collect::<Vec<_>>());
        }
    }
    assert!(e.linear_combinations(&[]).unwrap().is_empty());
    // What one of them refuses.
    let with = |last| {
        e.linear_combinations(&[sum(&few, 0.125, 1), last])
            .unwrap_err()
    };
    assert!(matches!(
        with(sum(&none, 1.0, 1)),
        Error::Values(ValueError::Empty)
    ));
    assert!(matches!(
        with(sum(&refused, 1.0, 1)),
        Error::Keys(KeyError::Mismatch { .. })
    ));
    assert!(matches!(
        with(sum(&few, f64::NAN, 1)),
        Error::Values(ValueError::NotFinite { .. })
    ));
    assert!(matches!(
        with(sum(&few, 0.0, 3)),
        Error::Operands(OperandError::InvalidLevel { .. })
    ));
}

/// The error of a sum of products.
fn refused(e: &CkksEvaluator, sum: ProductSum<'_, CkksCiphertext, f64>) -> Error {
    e.sum_of_products(&sum).unwrap_err()
}

#[test]
fn sums_of_products_refuse_what_their_steps_refuse() {
    let mut scheme = ckks(2, 10);
    let [high, low, lowest] = [3, 1, 0].map(|level| scheme.encrypt(&[1.0], level));
    let foreign = ckks(2, 11).encrypt(&[1.0], 3);
    let e = &scheme.evaluator;
    let (pair, none) = ([(&high, &high)], []);
    let (at_0, of_two) = ([(&lowest, &lowest)], [(&high, &foreign)]);
    let [term_below, foreign_term] = [[(&low, 1.0)], [(&foreign, 1.0)]];
    let infinite = [(&high, f64::INFINITY)];
    let sum = ProductSum {
        pairs: &pair,
        is_doubled: false,
        terms: &none,
        constant: 0.0,
    };
    let pairs = |pairs| refused(e, ProductSum { pairs, ..sum });
    let empty = pairs(&[]);
    assert!(matches!(empty, Error::Values(ValueError::Empty)));
    let no_level = pairs(&at_0);
    assert!(matches!(
        no_level,
        Error::Operands(OperandError::LevelExhausted { .. }) | Error::Precision(_)
    ));
    let terms = |terms| refused(e, ProductSum { terms, ..sum });
    let below = terms(&term_below);
    assert!(matches!(
        below,
        Error::Operands(OperandError::InvalidLevel { .. })
    ));
    for mismatch in [pairs(&of_two), terms(&foreign_term)] {
        assert!(matches!(mismatch, Error::Keys(KeyError::Mismatch { .. })));
    }
    let constant = |constant| refused(e, ProductSum { constant, ..sum });
    for not_finite in [terms(&infinite), constant(f64::NAN)] {
        assert!(matches!(
            not_finite,
            Error::Values(ValueError::NotFinite { .. })
        ));
    }
}

#[test]
fn ckks_operands_of_any_level_and_scale() {
    let mut scheme = ckks(1, 5);
    let x: Vec<f64> = (0..32).map(|i| f64::from(i).cos()).collect();
    let [high, low] = [4, 2].map(|level| scheme.encrypt(&x, level));
    let e = &scheme.evaluator;
    let square: Vec<f64> = x.iter().map(|x| x * x).collect();
    // A product that waits for its rescale, and a ciphertext of another scale.
    let pending = e.mul(&high, &high).unwrap();
    let scaled = {
        let complex: Vec<_> = x.iter().map(|&x| x.into()).collect();
        let scale = slotwise::params::Scale::power_of_two(38);
        let plaintext = e.encoder().encode_complex(&complex, 4, scale).unwrap();
        scheme
            .encryptor
            .encrypt(&plaintext, &mut scheme.rng)
            .unwrap()
    };
    let a = [high.clone(), low.clone(), pending.clone()];
    let b = [high.clone(), high.clone(), low.clone()];
    let want: Vec<f64> = x.iter().map(|x| 2.0 * x * x + x * x * x).collect();
    let inner = Evaluator::inner_product(e, &a, &b).unwrap();
    assert_eq!(inner.level(), 2);
    scheme.check(&inner, &want);
    let several = Evaluator::inner_product(e, &[&high, &scaled], &[&high, &low]).unwrap();
    scheme.check(
        &several,
        &square.iter().map(|x| 2.0 * x).collect::<Vec<_>>(),
    );
    // A factor whose scale does not fit the lowest level: its product is made at its own.
    let lowest = scheme.encrypt(&x, 1);
    let e = &scheme.evaluator;
    let waiting = e.mul_scalar(&pending, 0.5).unwrap();
    assert!(e.mul_raw(&waiting, &lowest).is_err());
    let several = e.inner_product(&[&waiting, &lowest], &[&high, &lowest]);
    let want: Vec<f64> = x.iter().map(|x| 0.5 * x * x * x + x * x).collect();
    scheme.check(&several.unwrap(), &want);
    // Raw products of different levels, and one with a ciphertext of degree 1.
    let [upper, lower] = [&high, &low].map(|x| e.mul_raw(x, x).unwrap());
    assert_eq!((upper.body().degree(), lower.body().degree()), (2, 2));
    let mixed = e.add(&e.add(&upper, &lower).unwrap(), &low).unwrap();
    assert_eq!(mixed.body().degree(), 2);
    let want: Vec<f64> = x.iter().map(|x| 2.0 * x * x + x).collect();
    scheme.check(&mixed, &want);
    scheme.check(&e.relinearize(&mixed).unwrap(), &want);
    // Lower levels, with canonical scales.
    for level in 0..=3 {
        let dropped = Evaluator::drop_to_level(e, &pending, level).unwrap();
        let canonical = e.context().scale(level).unwrap();
        assert_eq!(dropped.level(), level);
        assert!(dropped.scale().is_close(canonical));
        scheme.check(&dropped, &square);
    }
}

#[test]
fn bfv_inner_products_are_exact_and_no_noisier_than_their_bound() {
    for special in [1, 2] {
        let mut scheme = bfv(special, 6);
        let t = 65_537;
        let vectors: Vec<Vec<i64>> = (0..4)
            .map(|i| (0..64).map(|j| (i * 7919 + j * 104_729) % 32_768).collect())
            .collect();
        let clear = ClearIntegers::new(64, t).unwrap();
        for levels in [[1; 4], [2; 4], [3; 4], [3, 1, 2, 3]] {
            let encrypted: Vec<_> = vectors
                .iter()
                .zip(levels)
                .map(|(slots, level)| scheme.encrypt(slots, level))
                .collect();
            let (a, b) = encrypted.split_at(2);
            let e = &scheme.evaluator;
            let want = clear.inner_product(&vectors[..2], &vectors[2..]).unwrap();
            let inner = e.inner_product(a, b).unwrap();
            assert_eq!(inner.level(), levels.into_iter().min().unwrap());
            scheme.check(&inner, &want);
            let raw = [0, 1].map(|i| e.mul_raw(&a[i], &b[i]).unwrap());
            let plain = e.relinearize(&e.add_many(&raw).unwrap()).unwrap();
            scheme.check(&plain, &want);
            if levels == [levels[0]; 4] {
                assert_eq!(inner.state(), plain.state());
            }
            // A sum of squares, and raw products with a ciphertext of degree 1.
            let squares = e.inner_product(a, a).unwrap();
            scheme.check(
                &squares,
                &clear.inner_product(&vectors[..2], &vectors[..2]).unwrap(),
            );
            let mixed = e.sub(&e.add(&raw[0], &raw[1]).unwrap(), &a[0]).unwrap();
            assert_eq!(mixed.body().degree(), 2);
            scheme.check(
                &e.relinearize(&mixed).unwrap(),
                &clear.sub(&want, &vectors[0]).unwrap(),
            );
        }
    }
}

/// What every evaluator refuses: factors of different number, and none.
fn check_refusals<E: Evaluator>(e: &E, a: &E::Ciphertext) {
    assert!(matches!(
        e.inner_product(&[a, a], &[a]),
        Err(Error::Operands(OperandError::Count {
            have: 1,
            need: 2,
            ..
        }))
    ));
    assert!(matches!(
        e.inner_product::<E::Ciphertext>(&[], &[]),
        Err(Error::Values(ValueError::Empty))
    ));
}

/// What evaluators without a bootstrapping refuse.
fn check_no_refresh<E: Evaluator>(e: &E, a: &E::Ciphertext) {
    let error = e.refresh(a).err().unwrap();
    assert!(error == Error::Operands(OperandError::CannotRefresh));
    assert!(error.to_string().contains("refresh"));
}

#[test]
fn misuse_is_refused() {
    check_refusals(&ClearReals::new(2), &vec![1.0, 2.0]);
    check_refusals(&ClearIntegers::new(2, 17).unwrap(), &vec![1, 2]);
    // In the clear there are always levels.
    let clear = ClearReals::new(2);
    assert_eq!(clear.refresh(&vec![1.0, 2.0]).unwrap(), [1.0, 2.0]);
    check_no_refresh(&ClearIntegers::new(2, 17).unwrap(), &vec![1, 2]);
    assert!(
        ClearReals::new(2)
            .inner_product(&[vec![1.0]], &[vec![1.0]])
            .is_err()
    );

    let (mut scheme, mut stranger) = (ckks(1, 7), ckks(1, 8));
    let (a, foreign) = (scheme.encrypt(&[1.0], 3), stranger.encrypt(&[1.0], 3));
    let other_context = ckks(2, 9).encrypt(&[1.0], 3);
    let lowest = scheme.encrypt(&[1.0], 0);
    let e = &scheme.evaluator;
    check_refusals(e, &a);
    check_no_refresh(e, &a);
    let raw = e.mul_raw(&a, &a).unwrap();
    for (operand, expected) in [
        (&foreign, "key"),
        (&other_context, "context"),
        (&raw, "relinearize"),
        (&lowest, "level"),
    ] {
        let results = [
            Evaluator::inner_product(e, &[&a, operand], &[&a, &a]),
            Evaluator::inner_product(e, &[&a, &a], &[&a, operand]),
            Evaluator::mul_raw(e, &a, operand),
            Evaluator::mul_raw(e, operand, &a),
        ];
        for result in results {
            let message = result.err().unwrap().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
    assert!(e.inner_product(&[&a, &a], &[&a, &foreign]).is_err());
    assert!(Evaluator::drop_to_level(e, &a, 4).is_err());
    assert!(Evaluator::drop_to_level(e, &other_context, 3).is_err());
    assert!(Evaluator::relinearize(e, &foreign).is_err());
    let keyless = CkksEvaluator::new(e.context());
    assert!(Evaluator::mul_raw(&keyless, &a, &a).is_ok());
    assert!(matches!(
        Evaluator::inner_product(&keyless, &[&a], &[&a]),
        Err(Error::Keys(KeyError::MissingServerKey))
    ));
}

#[test]
fn misuse_of_bfv_is_refused() {
    let (mut scheme, mut stranger) = (bfv(1, 10), bfv(1, 11));
    let (a, foreign) = (scheme.encrypt(&[1], 3), stranger.encrypt(&[1], 3));
    let other_context = bfv(2, 12).encrypt(&[1], 3);
    let e = &scheme.evaluator;
    check_refusals(e, &a);
    check_no_refresh(e, &a);
    let raw = e.mul_raw(&a, &a).unwrap();
    for (operand, expected) in [
        (&foreign, "key"),
        (&other_context, "context"),
        (&raw, "relinearize"),
    ] {
        for result in [
            e.inner_product(&[&a, operand], &[&a, &a]),
            e.inner_product(&[&a, &a], &[&a, operand]),
            Evaluator::mul_raw(e, &a, operand),
        ] {
            let message = result.err().unwrap().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
    assert!(Evaluator::drop_to_level(e, &a, 4).is_err());
    let keyless = BfvEvaluator::new(e.context());
    assert!(matches!(
        keyless.inner_product(&[&a], &[&a]),
        Err(Error::Keys(KeyError::MissingServerKey))
    ));
}
