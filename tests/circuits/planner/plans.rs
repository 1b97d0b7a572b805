//! Plans that are built as they say, and those that cannot be.

use slotwise::circuits::{Chebyshev, Input, Matrix, Plan, Planner, Program, Quotient, Vector};
use slotwise::evaluator::{ClearReals, Evaluator, WeightedRotations};
use slotwise::{Error, OperandError, Result, Rotations, SecurityLevel, SecurityStandard};

/// A program for each kind of circuit.
#[derive(Clone, Copy, Debug)]
enum Circuit {
    Arithmetic,
    Sums,
    Rotations,
    Polynomial,
    Weighted,
    Matrix,
    Powers,
    Chebyshev,
    Bounded,
    AllRotations,
}

/// 16 known numbers in [-1, 1].
fn known(length: usize) -> Vec<f64> {
    (0..length)
        .map(|i| ((7 * i % 16) as f64 - 8.0) / 8.0)
        .collect()
}

impl Program for Circuit {
    fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> Result<Vec<Vector<E>>> {
        let (x, y) = (&inputs[0], &inputs[1]);
        let evaluator = x.evaluator();
        Ok(match self {
            Self::Arithmetic => {
                let product = ((x * y)? - &known(x.len())[..])?;
                let scaled = product.mul_scalar(0.3)?.add(&x.mul_scalar(2.0)?)?;
                vec![
                    scaled.square()?,
                    product.negate()?.sub(y)?.add_scalar(0.25)?,
                ]
            }
            Self::Sums => vec![
                x.dot(y)?,
                x.dot_plain(&known(x.len()))?,
                (x + &y.sum()?)?.sum()?,
            ],
            Self::Rotations => {
                let rotated = x.rotate_many(&[1, 3, -2])?;
                vec![Vector::add_many(&rotated)?.mul(&y.rotate_left(5)?)?]
            }
            Self::Polynomial => vec![x.polyval(&known(8))?, y.polyval(&[0.5, 0.0, -0.25, 0.125])?],
            Self::Weighted => {
                let mut sum = WeightedRotations::new(1, &[0, 1, 2], &[0, 3]);
                let position = evaluator.factor_position(&x.ciphertexts()[0])?;
                let weights = known(16).repeat(evaluator.slot_shape().columns / 16);
                for place in [(0, 0, 0), (0, 0, 1), (0, 0, 2), (1, 0, 0), (1, 0, 2)] {
                    sum.set(place, evaluator.encode_factor(&weights, position)?)?;
                }
                let result = evaluator.weighted_rotations(&[&x.ciphertexts()[0]], &sum)?;
                vec![Vector::from_ciphertexts(evaluator, x.len(), vec![result])?]
            }
            Self::Matrix => {
                let matrix = Matrix::from_fn(16, 5, |i, j| known(80)[5 * i + j])?;
                vec![x.matmul_plain(&matrix)?.square()?]
            }
            Self::Chebyshev => {
                let series = Chebyshev::new(&known(16), -1.0..=1.0)?;
                let half = y.mul_scalar(0.5)?;
                let on = |x: &Vector<E>| {
                    let value = series.evaluate(evaluator, &x.ciphertexts()[0])?;
                    Vector::from_ciphertexts(evaluator, x.len(), vec![value])
                };
                vec![on(x)?, on(&half)?]
            }
            Self::Bounded => {
                let sum = x.ciphertexts()[0].clone();
                let sum = evaluator.assume_message_bound(sum, 0.5)?;
                vec![
                    Vector::from_ciphertexts(evaluator, x.len(), vec![sum])?,
                    y.clone(),
                ]
            }
            Self::AllRotations => {
                let steps: Vec<i64> = (1..16).collect();
                vec![Vector::add_many(&x.rotate_many(&steps)?)?, y.clone()]
            }
            Self::Powers => vec![x.power(5)?, y.power(4)?.compact()?],
        })
    }
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
}

#[test]
fn plans_are_built_and_run_as_they_say() {
    use Circuit::{Arithmetic, Matrix, Polynomial, Powers, Rotations, Sums, Weighted};
    for (circuit, length, bits) in [
        (Arithmetic, 16, 20),
        (Arithmetic, 5, 12),
        (Sums, 12, 16),
        (Rotations, 16, 16),
        (Rotations, 7, 16),
        (Polynomial, 16, 20),
        (Weighted, 16, 16),
        (Matrix, 16, 12),
        (Powers, 16, 16),
        (Circuit::Chebyshev, 16, 16),
    ] {
        let inputs = [
            Input::vector(length),
            Input::vector(length).range(-2.0..=1.0),
        ];
        let plan = Planner::new(&inputs)
            .precision_bits(bits)
            .plan(&circuit)
            .unwrap();
        assert_eq!(
            plan.context().top_level(),
            expected_depth(circuit, length),
            "{circuit:?}"
        );
        assert!(plan.noise_bound() <= (-f64::from(bits)).exp2());
        let rlwe = plan.context().params().rlwe();
        assert!(rlwe.is_within(SecurityStandard::default(), SecurityLevel::Bits128));
        run_as_planned(&plan, circuit, length);
    }
}

/// Builds what a plan says, and runs it.
fn run_as_planned(plan: &Plan, circuit: Circuit, length: usize) {
    let client = plan.context().generate_client_key().unwrap();
    let server = client.generate_planned_server_key(plan.key_plan()).unwrap();
    let galois = server.evaluation_keys().galois().iter().count();
    let relinearization = usize::from(plan.relinearizes());
    assert_eq!(plan.key_count(), galois + relinearization);
    let mut values = [known(length), known(length)];
    values[1].iter_mut().for_each(|value| *value *= 2.0);
    values[1][0] = -2.0;
    let encrypt = |x: &Vec<f64>| server.attach(client.encrypt(x).unwrap()).unwrap();
    let found = circuit.run(&values.each_ref().map(encrypt)).unwrap();
    let clear = ClearReals::new(plan.context().slots());
    let in_the_clear = |x: &Vec<f64>| Vector::from_values(&clear, x).unwrap();
    let expected = circuit.run(&values.each_ref().map(in_the_clear)).unwrap();
    assert_eq!(found.len(), plan.outputs().len());
    for ((found, expected), planned) in found.iter().zip(&expected).zip(plan.outputs()) {
        let ratio = found.noise_bound() / planned.noise_bound;
        assert!((ratio - 1.0).abs() < 1e-9, "{circuit:?}: {ratio}");
        let error = largest_difference(&client.decrypt(found).unwrap(), &expected.values());
        let typical = planned.typical_error;
        // Errors of values that depend on one another add up.
        assert!(
            error <= 4.0 * typical,
            "{circuit:?}: {error:e} of {typical:e}"
        );
        assert!(typical <= planned.noise_bound, "{circuit:?}");
    }
}

fn expected_depth(circuit: Circuit, length: usize) -> usize {
    match circuit {
        Circuit::Arithmetic => 3,
        Circuit::Sums | Circuit::Weighted => 1,
        Circuit::Rotations => 1 + usize::from(!length.is_power_of_two()),
        Circuit::Polynomial | Circuit::Powers => 3,
        Circuit::Matrix => 2,
        Circuit::Chebyshev => 5,
        Circuit::Bounded | Circuit::AllRotations => 0,
    }
}

#[test]
fn plans_that_cannot_be_are_refused() {
    let refused = |planner: Planner, circuit| match planner.plan(&circuit) {
        Err(error) => error,
        Ok(plan) => panic!("{plan}"),
    };
    let two = [Input::vector(16); 2];
    for (planner, circuit, part) in [
        (
            Planner::new(&two).precision_bits(58),
            Circuit::Sums,
            "bits of precision",
        ),
        (
            Planner::new(&two).max_key_bytes(1000),
            Circuit::Rotations,
            "keys of 1000 bytes",
        ),
        (Planner::new(&[]), Circuit::Sums, "give at least one value"),
        (
            Planner::new(&[two[0], Input::vector(3)]),
            Circuit::Sums,
            "lengths",
        ),
        (
            Planner::new(&[Input::vector(0); 2]),
            Circuit::Sums,
            "give at least one value",
        ),
        (
            Planner::new(&[Input::vector(usize::MAX); 2]),
            Circuit::Sums,
            "values",
        ),
    ] {
        let error = refused(planner, circuit);
        let message = error.to_string();
        assert!(message.contains(part), "{message}");
    }
    for range in [1.0..=-1.0, f64::NAN..=1.0, 0.0..=f64::INFINITY] {
        let inputs = [Input::vector(16).range(range), two[0]];
        let error = refused(Planner::new(&inputs), Circuit::Sums);
        assert!(matches!(
            error,
            Error::Operands(OperandError::InvalidArgument { .. })
        ));
    }
}

#[test]
fn keys_are_composed_where_all_are_too_large() {
    let two = [Input::vector(16); 2];
    let whole = Planner::new(&two).plan(&Circuit::AllRotations).unwrap();
    let least = whole.key_bytes().unwrap() / 15 * 10;
    let plan = Planner::new(&two)
        .max_key_bytes(least)
        .plan(&Circuit::AllRotations)
        .unwrap();
    assert!(
        plan.key_bytes().unwrap() <= least && whole.key_count() == 15 && plan.key_count() <= 10
    );
    let client = plan.context().generate_client_key().unwrap();
    let server = client.generate_planned_server_key(plan.key_plan()).unwrap();
    let values = known(16);
    let x = server.attach(client.encrypt(&values).unwrap()).unwrap();
    let found = &Circuit::AllRotations.run(&[x.clone(), x]).unwrap()[0];
    let clear = Vector::from_values(&ClearReals::new(16), &values).unwrap();
    let expected = &Circuit::AllRotations.run(&[clear.clone(), clear]).unwrap()[0];
    let error = largest_difference(&client.decrypt(found).unwrap(), &expected.values());
    assert!(error <= found.noise_bound() && found.noise_bound() <= plan.noise_bound() * 1.000_001);
}

/// What the error says is about enough.
#[test]
fn keys_that_are_too_small_are_told_the_least() {
    let two = [Input::vector(16); 2];
    for circuit in [Circuit::Sums, Circuit::AllRotations] {
        let refused = Planner::new(&two).max_key_bytes(1).plan(&circuit);
        let message = refused.unwrap_err().to_string();
        let (_, least) = message.split_once("take about ").unwrap();
        let digits: String = least.chars().take_while(char::is_ascii_digit).collect();
        let least: u64 = digits.parse().unwrap();
        let all = Planner::new(&two).plan(&circuit).unwrap();
        assert!(least < all.key_bytes().unwrap(), "{message}");
        // Composed rotations may take a larger modulus, and keys with it.
        let enough = least + least / 8;
        let plan = Planner::new(&two).max_key_bytes(enough).plan(&circuit);
        assert!(plan.unwrap().key_bytes().unwrap() <= enough, "{message}");
        let plan = Planner::new(&two).max_key_bytes(least - 1).plan(&circuit);
        assert!(plan.is_err());
    }
}

/// At low scales noise is squared until it passes for a message.
#[test]
fn few_bits_of_precision_are_planned_where_more_are() {
    struct Inverse;
    impl Program for Inverse {
        fn run<E: Evaluator<Scalar = f64>>(&self, x: &[Vector<E>]) -> Result<Vec<Vector<E>>> {
            Ok(vec![x[0].inverse(&Quotient::new(0.01..=1.0, 31, 5)?)?])
        }
    }
    let inputs = [Input::vector(5).range(0.01..=1.0)];
    let modulus = |bits: u32| {
        let plan = Planner::new(&inputs).precision_bits(bits).plan(&Inverse);
        let plan = plan.unwrap_or_else(|error| panic!("{bits} bits: {error}"));
        assert!(plan.noise_bound() <= (-f64::from(bits)).exp2());
        let context = plan.context();
        context.rlwe().log2_modulus(context.top_level()).unwrap()
    };
    let most = modulus(20);
    for bits in [1, 5, 10, 15] {
        let modulus = modulus(bits);
        assert!(modulus < most + 30.0, "{bits} bits: {modulus}, {most}");
    }
}

#[test]
fn sums_take_one_step_at_a_time_where_keys_are_too_large() {
    let two = [Input::vector(16), Input::vector(16).range(-2.0..=1.0)];
    let whole = Planner::new(&two).plan(&Circuit::Sums).unwrap();
    // 1, 2, 4, 8 and the sums of both pairs.
    let pairs = Rotations::steps(&[1, 2, 3, 4, 8, 12]);
    assert_eq!((whole.rotations(), whole.key_count()), (&pairs, 7));
    let most = whole.key_bytes().unwrap() * 3 / 4;
    let plan = Planner::new(&two).max_key_bytes(most);
    let plan = plan.plan(&Circuit::Sums).unwrap();
    assert!(plan.key_bytes().unwrap() <= most);
    assert_eq!(plan.rotations(), &Rotations::steps(&[1, 2, 4, 8]));
    let depth = |plan: &Plan| plan.context().top_level();
    assert_eq!(depth(&plan), depth(&whole));
    run_as_planned(&plan, Circuit::Sums, 16);
}

#[test]
fn typical_precision_takes_smaller_parameters() {
    let two = [Input::vector(16); 2];
    let planner = Planner::new(&two);
    let bound = planner
        .clone()
        .precision_bits(14)
        .plan(&Circuit::Matrix)
        .unwrap();
    let typical = planner
        .typical_precision_bits(14)
        .plan(&Circuit::Matrix)
        .unwrap();
    assert!(typical.typical_error() <= 2f64.powi(-14) && typical.noise_bound() > 2f64.powi(-14));
    let scale = |plan: &Plan| plan.context().scale(0).unwrap().log2();
    assert!(scale(&typical) < scale(&bound) - 2.0);
    let text = typical.to_string();
    for part in [
        "weighted rotations",
        "product",
        "degree N",
        "security",
        "keys",
        "upload",
        "against the same program in the clear",
        "or ",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn values_outside_of_stated_bounds_are_reported() {
    let plan = Planner::new(&[Input::vector(16); 2])
        .plan(&Circuit::Bounded)
        .unwrap();
    let inside = vec![0.5; 16];
    assert_eq!(
        plan.outside(&Circuit::Bounded, &[&inside, &inside])
            .unwrap(),
        []
    );
    let mut outside = inside.clone();
    outside[3] = -3.0;
    let found = plan
        .outside(&Circuit::Bounded, &[&outside, &inside])
        .unwrap();
    // The repeated values of the circuit's bound, and the one of the input's.
    let copies = plan.context().slots() / 16;
    let counts: Vec<_> = found
        .iter()
        .map(|one| (one.bound, one.count, one.worst))
        .collect();
    assert_eq!(counts, [(0.5, copies, 3.0), (1.0, 1, 3.0)]);
    assert!(plan.outside(&Circuit::Bounded, &[&inside]).is_err());
    // NaN is outside of everything, and a rounding is not outside.
    outside[3] = f64::NAN;
    let found = plan.outside(&Circuit::Bounded, &[&outside, &inside]);
    assert!(found.unwrap().iter().any(|one| one.worst.is_nan()));
    outside[3] = 0.5 + f64::EPSILON;
    let found = plan.outside(&Circuit::Bounded, &[&outside, &inside]);
    assert_eq!(found.unwrap(), []);
}

#[test]
fn keys_of_a_server_are_checked_before_any_work() {
    use slotwise::KeyError;
    use slotwise::keys::KeyPlan;
    let two = [Input::vector(16); 2];
    let planner = Planner::new(&two).insecure_degree(256);
    let plan = planner.plan(&Circuit::Rotations).unwrap();
    let client = plan.context().generate_client_key().unwrap();
    let check = |keys: KeyPlan| {
        let server = client.generate_planned_server_key(&keys).unwrap();
        plan.check_keys(server.evaluation_keys())
    };
    assert_eq!(check(plan.key_plan().clone()), Ok(()));
    assert_eq!(
        check(KeyPlan::none()),
        Err(Error::Keys(KeyError::MissingRelinearizationKey))
    );
    // All that are missing, at the levels where they are used.
    let top = plan.context().top_level();
    let products = KeyPlan::none().with_relinearization(top);
    let one = products
        .clone()
        .with_rotations(&Rotations::steps(&[1]), top);
    let named = |result: Result<()>| match result {
        Err(Error::Keys(KeyError::MissingRotationKeys { steps, .. })) => steps,
        other => panic!("{other:?}"),
    };
    assert_eq!(named(check(products.clone())).len(), 4);
    assert_eq!(
        named(check(products.with_rotations(plan.rotations(), top - 1))).len(),
        4
    );
    // Rotations by 1 compose a few others.
    assert!(named(check(one)).iter().all(|&step| step != 1));
}

#[test]
fn keys_are_for_the_levels_of_their_use() {
    struct Late;

    impl Program for Late {
        fn run<E: Evaluator<Scalar = f64>>(&self, x: &[Vector<E>]) -> Result<Vec<Vector<E>>> {
            Ok(vec![
                x[0].rotate_left(1)?
                    .power(8)?
                    .mul_scalar(0.3)?
                    .rotate_left(2)?,
            ])
        }
    }

    let planner = Planner::new(&[Input::vector(128)]).insecure_degree(256);
    let plan = planner.plan(&Late).unwrap();
    let levels: Vec<usize> = plan
        .key_plan()
        .rotations_by_level()
        .map(|(level, _)| level)
        .collect();
    assert_eq!(levels.last(), Some(&plan.context().top_level()));
    assert!(levels[0] <= 1, "{levels:?}");
    assert_eq!(
        plan.key_plan().relinearization_level(),
        Some(plan.context().top_level())
    );
    let context = plan.context().rlwe();
    let whole = slotwise::keys::KeyPlan::none()
        .with_relinearization(plan.context().top_level())
        .with_rotations(plan.rotations(), plan.context().top_level());
    assert!(plan.key_bytes().unwrap() < whole.bytes(context).unwrap());
}

/// A matrix whose parts of a value are summed at the last level.
struct Folds;

impl Program for Folds {
    fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> Result<Vec<Vector<E>>> {
        let matrix = Matrix::from_fn(64, 2, |row, column| (row + column) as f64 / 64.0)?;
        Ok(vec![inputs[0].matmul_plain(&matrix)?])
    }
}

#[test]
fn sums_at_the_last_level_are_measured() {
    let plan = Planner::new(&[Input::vector(64)]).plan(&Folds).unwrap();
    let measured = plan.measured(&mut rand::rng());
    assert!(measured.is_ok(), "{measured:?}");
}
