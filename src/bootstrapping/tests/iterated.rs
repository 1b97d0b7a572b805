//! Iterations: each bootstraps what the ones before left of the message.

use super::*;

fn iterated(seed: u64) -> Setup {
    let params = CkksParams::insecure_for_iterated_bootstrapping(1 << 10, 2).unwrap();
    Setup::of(params, seed)
}

/// The same parameters with so many iterations.
fn with_iterations(params: &CkksParams, iterations: u32) -> Result<CkksParams, Error> {
    let layout = params.bootstrapping().unwrap();
    let mut code = layout.code();
    if layout.iterations() > 1 {
        code.pop();
    } else if layout.period().is_none() {
        code.push(0);
    }
    code.push(iterations);
    let layout = BootstrappingLayout::from_code(&code).unwrap();
    CkksParams::with_layout(params.rlwe().clone(), layout)
}

#[test]
fn any_parameters_of_all_slots_can_have_iterations() {
    let iterated = CkksParams::insecure_for_iterated_bootstrapping(1 << 10, 2).unwrap();
    let plain = CkksParams::insecure_for_bootstrapping(1 << 10, 512, 2).unwrap();
    // Levels of 40 bits have little to gain.
    for (params, iterations, bits) in [(&iterated, 3, 41.0), (&plain, 2, 23.0)] {
        let mut setup = Setup::of(with_iterations(params, iterations).unwrap(), 26);
        assert_eq!(setup.layout.iterations(), iterations);
        let message: Vec<Complex64> = setup.message().iter().map(|z| z.re.into()).collect();
        let x = setup.encrypted(&message, setup.layout.fresh_level());
        let bootstrapper = &setup.bootstrapper;
        let [first, second] = bootstrapper.bootstrap_real_pair([&x, &x]).unwrap();
        let alone = bootstrapper.bootstrap_real(&x).unwrap();
        for result in [first, second, alone, bootstrapper.bootstrap(&x).unwrap()] {
            let error = distance(&setup.slots(&result), &message);
            let bound = result.noise_bound().log2();
            assert!(
                error < bound && bound < -bits,
                "{iterations}: 2^{error}, bound 2^{bound}"
            );
        }
    }
    let few = CkksParams::insecure_for_bootstrapping(1 << 10, 64, 2).unwrap();
    let repeated = CkksParams::insecure_for_repeated_bootstrapping(1 << 10, 8, 2).unwrap();
    for params in [few, repeated] {
        assert!(matches!(
            with_iterations(&params, 2),
            Err(Error::Parameters(ParameterError::InvalidChoice { .. }))
        ));
    }
}

#[test]
fn a_second_iteration_takes_away_the_error_of_the_first() {
    let mut setup = iterated(21);
    let layout = setup.layout.clone();
    assert_eq!(layout.iterations(), 2);
    let message = setup.message();
    let parts: [Vec<Complex64>; 2] = [
        message.iter().map(|z| z.re.into()).collect(),
        message.iter().map(|z| z.im.into()).collect(),
    ];
    for level in [layout.lowest_level(), layout.fresh_level()] {
        let x = setup.encrypted(&message, level);
        let [re, im] = parts.each_ref().map(|part| setup.encrypted(part, level));
        let bootstrapper = &setup.bootstrapper;
        let [first, second] = bootstrapper.bootstrap_real_pair([&re, &im]).unwrap();
        for (result, wanted) in [
            (bootstrapper.bootstrap(&x).unwrap(), &message),
            (bootstrapper.bootstrap_real(&re).unwrap(), &parts[0]),
            (bootstrapper.bootstrap_real(&x).unwrap(), &parts[0]),
            (first, &parts[0]),
            (second, &parts[1]),
        ] {
            setup.check_fresh(&result, wanted, -40.0);
        }
    }
    // One iteration, phase by phase.
    let x = setup.encrypted(&message, layout.lowest_level());
    let bootstrapper = &setup.bootstrapper;
    let coefficients = bootstrapper.coefficients(&x).unwrap();
    let parts = bootstrapper
        .parts(bootstrapper.raised(&coefficients).unwrap())
        .unwrap();
    let [re, im] = parts.map(|part| bootstrapper.reduced(&part).unwrap());
    let once = bootstrapper.joined([&re, &im]).unwrap();
    let once = setup.slots(&bootstrapper.finished(&once).unwrap());
    let once = distance(&once, &message);
    let both = setup.slots(&bootstrapper.bootstrap(&x).unwrap());
    let both = distance(&both, &message);
    assert!(both < once - 12.0, "2^{once}, then 2^{both}");
}

#[test]
fn noise_of_the_input_stays_as_it_was() {
    let mut setup = iterated(22);
    let message: Vec<Complex64> = setup.message().iter().map(|z| z.re.into()).collect();
    let size = (-8f64).exp2();
    let noisy: Vec<Complex64> = (message.iter())
        .map(|z| z + Complex64::cis(setup.rng.random_range(0.0..6.0)) * size)
        .collect();
    let lowest = setup.layout.lowest_level();
    let exact = setup.encrypted(&message, lowest);
    let mut x = setup.encrypted(&noisy, lowest);
    x.state.message_bound = 0.9;
    let error = x.state.error().to_f64() + size;
    x.state = x.state.assuming_error_bound(error, &setup.context).unwrap();
    let real: Vec<Complex64> = noisy.iter().map(|z| z.re.into()).collect();
    // An imaginary part of one is added to the other, and no more than that.
    let from_other = |of: &[Complex64], sign: f64| -> Vec<Complex64> {
        let pairs = of.iter().zip(&noisy);
        pairs.map(|(z, y)| z + sign * y.im).collect()
    };
    let bootstrapper = &setup.bootstrapper;
    let [first, second] = bootstrapper.bootstrap_real_pair([&exact, &x]).unwrap();
    let [third, fourth] = bootstrapper.bootstrap_real_pair([&x, &exact]).unwrap();
    for (result, wanted) in [
        (bootstrapper.bootstrap(&x).unwrap(), noisy.clone()),
        (bootstrapper.bootstrap_real(&x).unwrap(), real.clone()),
        (first, from_other(&message, -1.0)),
        (second, real.clone()),
        (third, real),
        (fourth, from_other(&message, 1.0)),
    ] {
        let error = distance(&setup.slots(&result), &wanted);
        assert!(error < -35.0, "2^{error}");
        assert!(result.noise_bound() > size / 2.0);
    }
}

#[test]
fn other_scales_are_errors_of_the_message_in_every_iteration() {
    let mut setup = iterated(23);
    let message = setup.message();
    let level = setup.layout.lowest_level();
    let canonical = setup.context.scale(level).unwrap().to_f64();
    let scale = Scale::from_f64(canonical * 1.0001).unwrap();
    let encoder = setup.bootstrapper.evaluator().encoder();
    let plaintext = encoder
        .encode_sparse(&message, message.len(), level, scale)
        .unwrap();
    let encryptor = Encryptor::with_secret_key(Arc::clone(&setup.secret));
    let x: CkksCiphertext = encryptor.encrypt(&plaintext, &mut setup.rng).unwrap();
    let result = setup.bootstrapper.bootstrap(&x).unwrap();
    let error = distance(&setup.slots(&result), &message);
    assert!(error <= result.noise_bound().log2(), "2^{error}");
    let seen: Vec<Complex64> = message.iter().map(|z| z * 1.0001).collect();
    let error = distance(&setup.slots(&result), &seen);
    assert!(error < -35.0, "2^{error}");
}

#[test]
fn a_dry_run_foresees_all_iterations() {
    let mut setup = iterated(24);
    let message: Vec<Complex64> = setup.message().iter().map(|z| z.re.into()).collect();
    let lowest = setup.layout.lowest_level();
    let x = setup.encrypted(&message, lowest);
    let forecast = Forecast::new(&setup.context);
    let foreseen = forecast.encrypt_bounded(x.message_bound(), lowest).unwrap();
    let foreseen = forecast.refresh(&foreseen).unwrap();
    let result = setup.bootstrapper.bootstrap_real(&x).unwrap();
    assert_eq!(foreseen.level(), result.level());
    let [foreseen, bound] = [foreseen.noise_bound(), result.noise_bound()].map(f64::log2);
    assert!((foreseen - bound).abs() < 0.1, "2^{foreseen}, 2^{bound}");
    let once = Forecast::new(&Setup::new(25).context);
    let input = once.encrypt_bounded(0.5, 2).unwrap();
    once.refresh(&input).unwrap();
    let reductions = |forecast: &Forecast| {
        let steps = forecast.steps();
        let work = steps.iter().flat_map(|step| &step.work);
        let products = work.filter(|((work, _), _)| *work == Work::RescaledProduct);
        products.map(|(_, &count)| count).sum::<usize>()
    };
    assert_eq!(reductions(&forecast), 2 * reductions(&once));
}
