//! Programs deeper than the levels: refreshed when levels are missing, and as planned, on small rings that hide nothing.

use slotwise::circuits::{
    Batch, BatchLayout, Input, LinearMap, Matrix, OnTensors, PlainTensor, Plan, Planner, Program,
    Tensor, TensorProgram, Vector,
};
use slotwise::evaluator::{ClearReals, Evaluator};
use slotwise::params::BootstrappingLayout;
use slotwise::prelude::*;
use slotwise::{Error, KeyError, OperandError, ParameterError};

/// So many squarings, times a known vector, and a rotation, one after the other.
struct Chain(usize);

const FACTORS: [f64; 4] = [1.0, -1.0, 0.5, 0.875];

impl Program for Chain {
    fn run<E: Evaluator<Scalar = f64>>(
        &self,
        inputs: &[Vector<E>],
    ) -> slotwise::Result<Vec<Vector<E>>> {
        let mut x = inputs[0].clone();
        for _ in 0..self.0 {
            x = (&x + &(x.square()? * FACTORS)?)?.rotate_left(1)?;
            x = (x * 0.5)?;
        }
        Ok(vec![x])
    }
}

/// Steps of a recursion in two variables that also uses the input each time, up to values of 3.
struct Recursion(usize);

impl Program for Recursion {
    fn run<E: Evaluator<Scalar = f64>>(
        &self,
        inputs: &[Vector<E>],
    ) -> slotwise::Result<Vec<Vector<E>>> {
        let data = &inputs[0];
        let [mut x, mut y] = [data.clone(), inputs[1].clone()];
        for _ in 0..self.0 {
            let kept = (&x - &y)?;
            let next = (&x.mul(data)? + &y.square()?)?.mul_scalar(0.5)?;
            y = (kept * 0.25)?;
            x = next;
        }
        let three = (&x * 3.0)?;
        Ok(vec![x, y, three])
    }
}

fn clear(program: &impl Program, inputs: &[&[f64]]) -> Vec<Vec<f64>> {
    let model = ClearReals::new(512);
    let inputs = inputs
        .iter()
        .map(|values| Vector::from_values(&model, values));
    let inputs: Vec<_> = inputs.collect::<Result<_, _>>().unwrap();
    let outputs = program.run(&inputs).unwrap();
    outputs.iter().map(Vector::values).collect()
}

fn error(got: &[f64], wanted: &[f64]) -> f64 {
    let errors = got.iter().zip(wanted).map(|(a, b)| (a - b).abs());
    errors.fold(0.0, f64::max)
}

#[test]
fn vectors_go_on_where_levels_are_missing() {
    let context = CkksContext::for_depth(6).bootstrapping().degree(1024);
    let context = context.insecure_skip_security_check().build().unwrap();
    let client = context.generate_client_key().unwrap();
    let keys = client.generate_bootstrapping_keys().unwrap();
    let server = client
        .generate_server_key(&Rotations::powers_of_two())
        .unwrap();
    let values = [0.9, -0.8, 0.7, 0.6];
    let wanted = clear(&Chain(10), &[&values]);
    let encrypted = client.encrypt(values).unwrap();

    // Without a bootstrapping, the error of any vector whose levels end.
    let x = server.attach(&encrypted).unwrap().auto_refresh();
    assert!(matches!(
        Chain(10).run(&[x]),
        Err(Error::Operands(OperandError::LevelExhausted { .. }))
    ));

    let server = server.with_bootstrapping(&keys).unwrap();
    let x = server.attach(&encrypted).unwrap().auto_refresh();
    let y = Chain(10)
        .run(&[x])
        .unwrap()
        .remove(0)
        .without_auto_refresh();
    let got = client.decrypt(&y).unwrap();
    assert!(error(&got, &wanted[0]) <= y.noise_bound());
    assert!(y.noise_bound() < 1e-3, "{}", y.noise_bound());

    // Values above 1, and several uses of one vector that lacks levels.
    let large = [5.0, -7.0, 3.0, 1.5];
    let x = client.encrypt(large).unwrap();
    let x = server.attach(x).unwrap().auto_refresh();
    let mut y = (&x * 0.125).unwrap();
    for _ in 0..9 {
        y = (&y * 1.01).unwrap();
    }
    let y = (y * 8.0).unwrap();
    let sum = (&(&y * &x).unwrap() + &(&y * 0.3).unwrap()).unwrap();
    let sum = sum.without_auto_refresh();
    let got = client.decrypt(&sum).unwrap();
    let wanted: Vec<f64> = large
        .iter()
        .map(|x| x * 1.01f64.powi(9) * (x + 0.3))
        .collect();
    assert!(error(&got, &wanted) <= sum.noise_bound());
    assert!(sum.noise_bound() < 0.05, "{}", sum.noise_bound());

    // The two halves of a long vector are refreshed as a pair.
    let long: Vec<f64> = (0..700).map(|i| f64::from(i % 13) / 13.0).collect();
    let x = server.attach(client.encrypt(&long).unwrap()).unwrap();
    let mut y = x.auto_refresh();
    for _ in 0..8 {
        y = (&y * 0.9).unwrap();
    }
    let y = y.without_auto_refresh();
    let wanted: Vec<f64> = long.iter().map(|x| x * 0.9f64.powi(8)).collect();
    assert!(error(&client.decrypt(&y).unwrap(), &wanted) <= y.noise_bound());
}

/// Plans, runs as planned, and compares with the clear run and with the plan.
fn planned(program: &impl Program, inputs: &[&[f64]], bits: u32) -> Plan {
    let declared: Vec<Input> = inputs
        .iter()
        .map(|values| Input::vector(values.len()))
        .collect();
    let planner = Planner::new(&declared).precision_bits(bits);
    planned_by(&planner.insecure_degree(1024), program, inputs)
}

/// The same by this planner.
fn planned_by(planner: &Planner, program: &impl Program, inputs: &[&[f64]]) -> Plan {
    let plan = planner.plan_with_bootstrapping(program).unwrap();
    let client = plan.context().generate_client_key().unwrap();
    let keys = client.generate_bootstrapping_keys().unwrap();
    let plain = client.generate_planned_server_key(plan.key_plan()).unwrap();
    let encrypted: Vec<CkksVector> = inputs
        .iter()
        .map(|&values| client.encrypt(values).unwrap())
        .collect();
    let attached = |server: &ServerKey<Ckks>| {
        let attach = |vector: &CkksVector| server.attach(vector).unwrap();
        encrypted.iter().map(attach).collect::<Vec<_>>()
    };
    if plan.refreshes() > 0 {
        assert!(matches!(
            plan.evaluate(program, &attached(&plain)),
            Err(Error::Operands(OperandError::CannotRefresh))
        ));
    }
    assert!(matches!(
        plan.evaluate(program, &encrypted),
        Err(Error::Keys(KeyError::MissingServerKey))
    ));
    let server = plain.with_bootstrapping(&keys).unwrap();
    assert!(matches!(
        plan.evaluate(program, &attached(&server)[1..]),
        Err(Error::Operands(OperandError::Count { .. }))
    ));
    let outputs = plan.evaluate(program, &attached(&server)).unwrap();
    let wanted = clear(program, inputs);
    for ((output, foreseen), wanted) in outputs.iter().zip(plan.outputs()).zip(&wanted) {
        assert_eq!(output.len(), foreseen.length);
        assert_eq!(output.level(), foreseen.level);
        assert!((output.noise_bound() / foreseen.noise_bound - 1.0).abs() < 1e-4);
        let error = error(&client.decrypt(output).unwrap(), wanted);
        assert!(error <= foreseen.noise_bound, "{error} > {foreseen:?}");
        assert!(
            error <= 1.5 * foreseen.typical_error,
            "{error} > {foreseen:?}"
        );
    }
    plan
}

#[test]
fn plans_place_refreshes_and_runs_follow_them() {
    // Each step takes three levels. There are thirteen, two of which are for the next refresh if there is one.
    for (steps, refreshes) in [(4, 0), (5, 1), (8, 1), (9, 2)] {
        let plan = planned(&Chain(steps), &[&[0.9, -0.8, 0.7, 0.6]], 7);
        assert_eq!(plan.refreshes(), refreshes, "{steps}\n{plan}");
        assert!(plan.to_string().contains("bootstrapping") == (refreshes > 0));
    }
    // Both variables are refreshed in one bootstrapping, and the data never.
    let data = [0.5, -0.25, 0.75, 1.0];
    let plan = planned(&Recursion(9), &[&data, &[1.0, 0.5, -1.0, 0.25]], 6);
    assert_eq!(plan.refreshes(), 1, "{plan}");
}

#[test]
fn programs_that_no_bootstrapping_carries_are_refused() {
    let planner = Planner::new(&[Input::vector(4)]).insecure_degree(1024);
    // Levels of 58 bits and two iterations serve more precision, but not any.
    let precise = planner.clone().precision_bits(30);
    let plan = precise.plan_with_bootstrapping(&Chain(8)).unwrap();
    let layout = plan.context().bootstrapping();
    assert_eq!(layout.map(BootstrappingLayout::iterations), Some(2));
    assert!(plan.refreshes() > 0 && plan.noise_bound() <= 2f64.powi(-30));
    let precise = planner.clone().precision_bits(50);
    let refused = precise.plan_with_bootstrapping(&Chain(8));
    assert!(matches!(
        refused,
        Err(Error::Parameters(ParameterError::NoParameters { .. }))
    ));
    let huge = Planner::new(&[Input::vector(4).range(0.0..=1e12)]).insecure_degree(1024);
    assert!(huge.plan_with_bootstrapping(&Chain(8)).is_err());
    let none = Planner::new(&[]).plan_with_bootstrapping(&Chain(8));
    assert!(matches!(none, Err(Error::Values(_))));
}

/// A vector joined with one of length 1, whose slots without values hold that one's, then a sum.
struct Padded(usize);

impl Program for Padded {
    fn run<E: Evaluator<Scalar = f64>>(
        &self,
        inputs: &[Vector<E>],
    ) -> slotwise::Result<Vec<Vector<E>>> {
        let mut x = (&inputs[0] - &inputs[1])?;
        for _ in 0..self.0 {
            x = (x * 0.9)?;
        }
        Ok(vec![(x.sum()? * 0.5)?])
    }
}

/// A map that is encoded for each use.
struct Mapped(usize);

impl Program for Mapped {
    fn run<E: Evaluator<Scalar = f64>>(
        &self,
        inputs: &[Vector<E>],
    ) -> slotwise::Result<Vec<Vector<E>>> {
        let rows = [[0.5, 0.25], [0.5, -0.75]];
        let map = LinearMap::vector_matrix(&Matrix::from_rows(&rows)?);
        let mut x = inputs[0].clone();
        for _ in 0..self.0 {
            let encoded = map.encode(x.evaluator(), x.factor_position()?)?;
            x = x.matmul(&encoded)?.assume_message_bound(1.0)?;
        }
        Ok(vec![x])
    }
}

/// A program that refreshes by itself, once.
struct ByHand(usize);

impl Program for ByHand {
    fn run<E: Evaluator<Scalar = f64>>(
        &self,
        inputs: &[Vector<E>],
    ) -> slotwise::Result<Vec<Vector<E>>> {
        let mut x = inputs[0].clone();
        for step in 0..self.0 {
            x = (x * 0.99)?;
            if step == 17 {
                x = x.refresh()?;
            }
        }
        Ok(vec![x])
    }
}

/// Elements of different depths.
struct Uneven(usize);

impl TensorProgram for Uneven {
    fn run<E: Evaluator<Scalar = f64>>(
        &self,
        inputs: &[Tensor<E>],
    ) -> slotwise::Result<Vec<Tensor<E>>> {
        let mut x = inputs[0].clone();
        for step in 0..self.0 {
            let factor = |element: usize| {
                if (element + step).is_multiple_of(3) {
                    1.0
                } else {
                    0.97
                }
            };
            let factors: Vec<f64> = (0..6).map(factor).collect();
            x = x.mul_plain(&PlainTensor::new(&factors, &[3, 2])?)?;
        }
        Ok(vec![x])
    }
}

#[test]
fn plans_carry_padding_maps_tensors_and_refreshes_by_hand() {
    let values = [0.5, 0.25, 0.125, 0.3, 0.7];
    for depth in [11, 14, 24] {
        planned(&Padded(depth), &[&values, &[0.25]], 2);
    }
    planned(&Mapped(20), &[&[0.5, -0.5]], 3);
    planned(&ByHand(30), &[&values], 5);
    let program = OnTensors::new(Uneven(26), &[(Input::vector(4), &[3, 2])]).unwrap();
    let elements: [&[f64]; 6] = [&values[..4]; 6];
    for _ in 0..3 {
        planned(&program, &elements, 5);
    }
    // Values in the clear tell which of the stated bounds do not hold.
    let planner = Planner::new(&[Input::vector(2)]).precision_bits(3);
    let plan = planner.insecure_degree(1024);
    let plan = plan.plan_with_bootstrapping(&Mapped(20)).unwrap();
    assert_eq!(
        plan.outside_with_bootstrapping(&Mapped(20), &[&[0.5, -0.5]])
            .unwrap(),
        []
    );
    let outside = plan.outside_with_bootstrapping(&Mapped(20), &[&[1.0, 9.0]]);
    let outside = outside.unwrap();
    assert!(!outside.is_empty());
}

#[test]
fn what_refreshes_by_itself_refuses_nothing_that_works_without() {
    let context = CkksContext::for_depth(6).bootstrapping().degree(512);
    let context = context.insecure_skip_security_check().build().unwrap();
    let client = context.generate_client_key().unwrap();
    let server = client
        .generate_server_key(&Rotations::powers_of_two())
        .unwrap();
    let keys = client.generate_bootstrapping_keys().unwrap();
    let server = server.with_bootstrapping(&keys).unwrap();

    // Values that no power of two brings to 1 for free are computed with until levels end.
    for bits in [29, 31, 35] {
        let large = f64::from(bits).exp2();
        let x = server
            .attach(client.encrypt([large, 1.0]).unwrap())
            .unwrap();
        let (mut plain, mut x) = (x.clone(), x.auto_refresh());
        while let Ok(next) = &plain * 0.5 {
            plain = next;
            x = (&x * 0.5).unwrap();
        }
        assert!(x.levels_left() >= plain.levels_left());
    }

    // Results keep the levels for the next refresh, whatever the depth of what made them.
    let x = server.attach(client.encrypt([0.9, -0.8]).unwrap()).unwrap();
    for lost in 0..=6 {
        for log in 1..=6 {
            let mut y = x.auto_refresh();
            for _ in 0..lost {
                y = (y * 0.99).unwrap();
            }
            y.power(1 << log).unwrap().square().unwrap();
        }
    }

    // Batches refresh, too.
    let y = x.auto_refresh();
    let layout = BatchLayout::new(y.evaluator().slot_shape(), 4, 1).unwrap();
    let ciphertexts = vec![y.ciphertexts()[0].clone(); layout.ciphertexts()];
    let mut batch = Batch::from_ciphertexts(y.evaluator(), layout, ciphertexts).unwrap();
    for _ in 0..9 {
        batch = batch.square().unwrap();
    }
}

/// Steps of few values that repeat among long data, as in a training.
struct Descent {
    steps: usize,
    rows: usize,
}

impl Program for Descent {
    fn run<E: Evaluator<Scalar = f64>>(
        &self,
        inputs: &[Vector<E>],
    ) -> slotwise::Result<Vec<Vector<E>>> {
        let (data, mut weights) = (&inputs[0], inputs[1].clone());
        for _ in 0..self.steps {
            let sums = (data * &weights.repeat(self.rows)?)?.sum_strided(weights.len())?;
            let means = (sums * (1.0 / self.rows as f64))?;
            weights = ((&means + &weights.square()?)? * 0.5)?;
        }
        Ok(vec![weights])
    }
}

fn data(length: u32) -> Vec<f64> {
    (0..length)
        .map(|i| f64::from((i * 7) % 11) / 11.0 - 0.4)
        .collect()
}

/// A long input and a short one, each decaying in so many steps.
struct Both(usize);

impl Program for Both {
    fn run<E: Evaluator<Scalar = f64>>(
        &self,
        inputs: &[Vector<E>],
    ) -> slotwise::Result<Vec<Vector<E>>> {
        let decay = |x: &Vector<E>| (0..self.0).try_fold(x.clone(), |x, _| &x * 0.9);
        inputs.iter().map(decay).collect()
    }
}

#[test]
fn plans_bootstrap_few_values_where_nothing_longer_is_refreshed() {
    let weights = [0.9, -0.5, 0.25, 1.0, -1.0, 0.75, 0.6, -0.8];
    let program = Descent { steps: 9, rows: 32 };
    let planner = Planner::new(&[Input::vector(256), Input::vector(8)]).precision_bits(5);
    let planner = planner.insecure_degree(1024);
    let plan = planned_by(
        &planner.clone().bootstrapping_slots(6),
        &program,
        &[&data(256), &weights],
    );
    let layout = plan.context().bootstrapping().unwrap();
    assert_eq!(layout.period(), Some(8), "{plan}");
    assert_eq!(plan.context().message_slots(), 512);
    assert_eq!(plan.refreshes(), 2, "{plan}");
    // The same without being asked, since an input and the output are as short,
    let found = planner.plan_with_bootstrapping(&program).unwrap();
    assert_eq!(found.context().params(), plan.context().params());
    // and nothing short where something long is refreshed.
    let long = Planner::new(&[Input::vector(300), Input::vector(8)]).precision_bits(5);
    let long = long.insecure_degree(1024);
    let whole = long.plan_with_bootstrapping(&Both(30)).unwrap();
    assert_eq!(whole.context().bootstrapping().unwrap().period(), None);
    let asked = long
        .bootstrapping_slots(8)
        .plan_with_bootstrapping(&Both(30));
    assert!(asked.is_err());
    // Of a program on long vectors nothing can be refreshed.
    let long = Planner::new(&[Input::vector(300)]).insecure_degree(1024);
    let refused = long
        .precision_bits(5)
        .bootstrapping_slots(8)
        .plan_with_bootstrapping(&ByHand(30));
    let not_repeated = OperandError::NotRepeated {
        needed: 8,
        period: 512,
    };
    let refused = refused.unwrap_err();
    assert_eq!(refused, Error::Operands(not_repeated));
    let help = "plan, without `bootstrapping_slots`";
    assert!(refused.to_string().contains(help), "{refused}");
}

#[test]
fn what_does_not_repeat_goes_on_until_levels_end() {
    let context = CkksContext::for_depth(6).bootstrapping_slots(8).degree(512);
    let context = context.insecure_skip_security_check().build().unwrap();
    let client = context.generate_client_key().unwrap();
    let keys = client.generate_bootstrapping_keys().unwrap();
    let server = client.generate_server_key(&Rotations::powers_of_two());
    let server = server.unwrap().with_bootstrapping(&keys).unwrap();
    let attached = |values: &[f64]| {
        let vector = server.attach(client.encrypt(values).unwrap()).unwrap();
        vector.auto_refresh()
    };
    // Few values go on for ever, beside long ones too.
    let (long, weights) = (data(128), [0.9, -0.5, 0.25, 1.0, -1.0, 0.75, 0.6, -0.8]);
    let inputs = [attached(&long), attached(&weights)];
    let program = Descent { steps: 9, rows: 16 };
    let got = program.run(&inputs).unwrap().remove(0);
    let got = got.without_auto_refresh();
    let wanted = clear(&program, &[&long, &weights]);
    assert!(error(&client.decrypt(&got).unwrap(), &wanted[0]) <= got.noise_bound());
    assert!(got.noise_bound() < 0.03, "{}", got.noise_bound());
    // Of long ones nothing is returned but values that are right, and then an error.
    let (mut y, mut steps) = (inputs[0].clone(), 0);
    let refused = loop {
        match &y * 0.9 {
            Ok(next) => y = next,
            Err(error) => break error,
        }
        steps += 1;
        assert!(steps < 100);
    };
    let not_repeated = OperandError::NotRepeated {
        needed: 8,
        period: 128,
    };
    assert_eq!(refused, Error::Operands(not_repeated));
    // More than a refresh gives is more depth than the context has, whatever repeats.
    for vector in [&y, &attached(&[0.9])] {
        let refused = vector.power(1 << 10).unwrap_err();
        let exhausted = matches!(
            refused,
            Error::Operands(OperandError::LevelExhausted { .. })
        );
        assert!(exhausted, "{refused}");
    }
    let y = y.without_auto_refresh();
    let wanted: Vec<f64> = long.iter().map(|x| x * 0.9f64.powi(steps)).collect();
    assert!(error(&client.decrypt(&y).unwrap(), &wanted) <= y.noise_bound());
}
