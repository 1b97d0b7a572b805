//! Few slots, of messages and among others: one reduction for both parts, and slots that repeat.

use super::*;
use crate::evaluator::UNKNOWN_PERIOD;

/// With 512 slots of which those are bootstrapped that repeat.
fn repeated(period: usize, seed: u64) -> Setup {
    let params = CkksParams::insecure_for_repeated_bootstrapping(1 << 10, period, 3).unwrap();
    Setup::of(params, seed)
}

#[test]
fn one_reduction_of_both_parts_is_as_good_as_one_of_each() {
    for slots in [8, 64, 256] {
        let mut setup = Setup::with_slots(slots, 8);
        assert!(setup.layout.reduces_once(setup.context.params().rlwe()));
        let message = setup.message();
        let x = setup.encrypted(&message, setup.layout.lowest_level());
        let bootstrapper = &setup.bootstrapper;
        let together = bootstrapper.bootstrap(&x).unwrap();
        let raised = bootstrapper.raised(&bootstrapper.coefficients(&x).unwrap());
        let parts = bootstrapper.parts(raised.unwrap()).unwrap();
        let [re, im] = parts.map(|part| bootstrapper.reduced(&part).unwrap());
        let apart = bootstrapper.joined([&re, &im]).unwrap();
        let apart = bootstrapper.finished(&apart).unwrap();
        assert_eq!(together.level(), apart.level());
        assert!(together.scale().is_close(apart.scale()));
        let error = distance(&setup.slots(&together), &setup.slots(&apart));
        assert!(error < -20.0, "{slots}: 2^{error}");
        // Two real messages as one, and one alone.
        let [re, im]: [Vec<Complex64>; 2] = [
            message.iter().map(|z| z.re.into()).collect(),
            message.iter().map(|z| z.im.into()).collect(),
        ];
        let lowest = setup.layout.lowest_level();
        let [x, y] = [&re, &im].map(|part| setup.encrypted(part, lowest));
        let bootstrapper = &setup.bootstrapper;
        let [first, second] = bootstrapper.bootstrap_real_pair([&x, &y]).unwrap();
        let alone = bootstrapper.bootstrap_real(&x).unwrap();
        for (result, wanted) in [(first, &re), (second, &im), (alone, &re)] {
            let copies = wanted.repeat(setup.context.slots() / slots);
            let error = distance(&setup.slots(&result), &copies);
            assert!(error < result.noise_bound().log2(), "{slots}: 2^{error}");
        }
    }
}

#[test]
fn slots_that_repeat_are_bootstrapped_whatever_their_noise() {
    for period in [8, 32, 256] {
        let mut setup = repeated(period, 9);
        assert_eq!(setup.context.message_slots(), 512);
        let copies = 512 / period;
        let message: Vec<Complex64> = setup.message()[..period].repeat(copies);
        // An error of every slot, other than that of its copies.
        let size = (-12f64).exp2();
        let bootstrapper = setup.bootstrapper.clone().assume_repeated();
        let noisy: Vec<Complex64> = (message.iter())
            .map(|z| z + Complex64::cis(setup.rng.random_range(0.0..6.0)) * size)
            .collect();
        for level in [setup.layout.lowest_level(), setup.layout.fresh_level()] {
            let mut x = setup.encrypted(&noisy, level);
            let error = x.state.error().to_f64() + size;
            x.state.message_bound = 0.99;
            x.state = x.state.assuming_error_bound(error, &setup.context).unwrap();
            let result = bootstrapper.bootstrap(&x).unwrap();
            assert_eq!(result.level(), setup.layout.fresh_level());
            let error = distance(&setup.slots(&result), &message);
            let bound = result.noise_bound().log2();
            assert!(error < bound && bound < -11.9, "2^{error}, bound 2^{bound}");
            // The result is the mean over the copies, and so repeats.
            let slots = setup.slots(&result);
            let mean: Vec<Complex64> = (0..period)
                .map(|j| noisy.iter().skip(j).step_by(period).sum::<Complex64>() / copies as f64)
                .collect();
            let error = distance(&slots, &mean.repeat(copies));
            assert!(error < setup.bootstrapper.error_bound().log2(), "2^{error}");
        }
    }
}

#[test]
fn slots_that_are_not_known_to_repeat_are_refused() {
    let mut setup = repeated(32, 10);
    let message = setup.message()[..8].repeat(64);
    let real: Vec<Complex64> = message.iter().map(|z| z.re.into()).collect();
    let lowest = setup.layout.lowest_level();
    let x = setup.encrypted(&real, lowest);
    let bootstrapper = Arc::new(setup.bootstrapper.clone());
    let evaluator = setup.bootstrapper.evaluator().clone();
    let evaluator = evaluator.with_refresh(bootstrapper);
    let forecast = Forecast::new(&setup.context);
    let foreseen = forecast.encrypt_bounded(1.0, lowest).unwrap();
    for period in [0, 24, 64, 512, UNKNOWN_PERIOD] {
        let refused = Error::Operands(OperandError::NotRepeated { needed: 32, period });
        for all in [vec![&x], vec![&x, &x]] {
            let result = evaluator.refresh_assuming_period(&all, period);
            assert_eq!(result.unwrap_err(), refused);
        }
        let result = forecast.refresh_assuming_period(&[&foreseen], period);
        assert_eq!(result.unwrap_err(), refused);
    }
    assert!(evaluator.refresh(&x).is_err() && evaluator.refresh_many(&[&x]).is_err());
    // Nor does a ciphertext know it, unless the caller says so.
    let bootstrapper = &setup.bootstrapper;
    let refused = Error::Operands(OperandError::NotRepeated {
        needed: 32,
        period: UNKNOWN_PERIOD,
    });
    for result in [bootstrapper.bootstrap(&x), bootstrapper.bootstrap_real(&x)] {
        assert_eq!(result.unwrap_err(), refused);
    }
    let pair = bootstrapper.bootstrap_real_pair([&x, &x]);
    assert_eq!(pair.unwrap_err(), refused);
    assert!(refused.to_string().contains("`assume_repeated`"));
    let assumed = bootstrapper.clone().assume_repeated();
    let [first, second] = assumed.bootstrap_real_pair([&x, &x]).unwrap();
    for result in [assumed.bootstrap_real(&x).unwrap(), first, second] {
        let error = distance(&setup.slots(&result), &real);
        assert!(error < result.noise_bound().log2(), "2^{error}");
    }
    assert!(forecast.refresh(&foreseen).is_err());
    for period in [1, 8, 32] {
        let result = evaluator.refresh_assuming_period(&[&x], period).unwrap();
        let error = distance(&setup.slots(&result[0]), &real);
        assert!(error < result[0].noise_bound().log2(), "2^{error}");
    }
    // Periods that fill the slots, or that no parameters are made for.
    for (degree, period) in [(1024, 512), (1024, 4), (1024, 48), (1 << 15, 8192)] {
        let refused = CkksParams::insecure_for_repeated_bootstrapping(degree, period, 3);
        assert!(matches!(
            refused,
            Err(Error::Parameters(ParameterError::InvalidChoice { .. }))
        ));
    }
}
