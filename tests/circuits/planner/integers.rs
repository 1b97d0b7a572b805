//! Programs on integers, planned and run encrypted with exactly the parameters and keys of their plans.

use slotwise::circuits::{
    BfvPlan, BfvPlanner, Convolution, Grid, Input, Matrix, MatrixProduct, OnTensors, Program,
    Tensor, TensorProgram, Vector,
};
use slotwise::evaluator::{ClearIntegers, Evaluator};
use slotwise::{Bfv, Error, OperandError, ParameterError, Result, ServerKey};

/// Integers in [-8, 8], by their index.
fn known(count: usize) -> Vec<i64> {
    (0..17)
        .map(|i| (7 * i) % 17 - 8)
        .cycle()
        .take(count)
        .collect()
}

/// Builds what a plan says and runs it: exactly, and with the noise that the plan says.
fn run_as_planned(plan: &BfvPlan, program: &impl Program<i64>, values: &[Vec<i64>]) {
    let client = plan.context().generate_client_key().unwrap();
    let server: ServerKey<Bfv> = client.generate_planned_server_key(plan.key_plan()).unwrap();
    let keys = server.evaluation_keys();
    assert_eq!(keys.size_in_bytes() as u64, plan.key_bytes().unwrap());
    assert_eq!(keys.relinearization().is_ok(), plan.relinearizes());
    let encrypt = |values: &Vec<i64>| server.attach(client.encrypt(values).unwrap()).unwrap();
    let found = program.run(&values.iter().map(encrypt).collect::<Vec<_>>());
    let found = found.unwrap_or_else(|error| panic!("{error}\n{plan}"));
    let modulus = plan.context().plaintext_modulus().value();
    let clear = ClearIntegers::new(plan.context().slots(), modulus).unwrap();
    let in_the_clear = |values: &Vec<i64>| Vector::from_values(&clear, values).unwrap();
    let expected = program.run(&values.iter().map(in_the_clear).collect::<Vec<_>>());
    let expected = expected.unwrap();
    let slices: Vec<&[i64]> = values.iter().map(Vec::as_slice).collect();
    let carried = plan.results(program, &slices).unwrap();
    assert_eq!(found.len(), plan.outputs().len());
    for (number, (found, planned)) in found.iter().zip(plan.outputs()).enumerate() {
        let ratio = found.noise_bound() / planned.noise_bound;
        assert!((ratio - 1.0).abs() < 1e-9, "output {number}: {ratio}");
        let decrypted = client.decrypt(found).unwrap();
        assert_eq!(decrypted, expected[number].values(), "output {number}");
        assert_eq!(decrypted, carried[number], "output {number}");
        assert!(client.decrypt(&found.compact().unwrap()).unwrap() == decrypted);
    }
}

fn check(program: &impl Program<i64>, values: &[Vec<i64>]) {
    let inputs: Vec<Input> = values
        .iter()
        .map(|values| Input::vector(values.len()).range(-8.0..=8.0))
        .collect();
    let plan = BfvPlanner::modulo(&inputs, 65_537)
        .insecure_degree(256)
        .plan(program)
        .unwrap();
    assert!(plan.noise_budget() >= 1.0 && plan.noise_budget() < 60.0);
    run_as_planned(&plan, program, values);
}

program!(Moves, i64, x, {
    let (x, y) = (&x[0], &x[1]);
    vec![
        x.shift_left(3)?,
        y.shift_right(2)?,
        x.slice(2..7)?,
        x.replicate(3, 6)?,
        Vector::concat(&[x.clone(), y.clone()])?,
        x.rotate_left(2)?,
        x.permute(&[3, 1, 1, 0, 9])?,
        x.running_sum()?,
        x.sum_strided(4)?,
    ]
});

program!(Products, i64, x, {
    let (x, y) = (&x[0], &x[1]);
    let matrix = Matrix::from_fn(12, 5, |i, j| known(60)[5 * i + j])?;
    vec![
        x.dot(y)?,
        x.dot_plain(&known(x.len()))?,
        Vector::inner_product(&[x, y], &[y, y])?,
        Vector::mul_many(&[x.clone(), y.clone(), x.clone()])?,
        x.power(5)?,
        x.polyval(&[1, -2, 0, 3, 5])?,
        x.matmul_plain(&matrix)?,
        x.mul_scalar(7)?.add_scalar(-3)?.square()?.sum()?,
    ]
});

program!(Longer, i64, x, {
    vec![(&x[0] * &x[0])?.sum()?, x[0].rotate_left(70)?]
});

program!(Comparisons, i64, x, {
    let range = -8..=8;
    vec![
        x[0].equals(&x[1], range.clone())?,
        x[0].less_than(&x[1], range)?,
    ]
});

program!(Matrices, i64, x, {
    let product = MatrixProduct::new(3, 4, 3)?;
    vec![x[0].matrix_product(&x[1], &product)?]
});

program!(Images, i64, x, {
    let input = Grid::new(1, 6, 6)?;
    let convolution = Convolution::new(&known(8), [2, 1, 2, 2])?.bias(&known(2));
    let (layer, middle) = convolution.padding([1, 1]).layer(&input)?;
    let evaluator = x[0].evaluator();
    let position = evaluator.factor_position(&x[0].ciphertexts()[0])?;
    let sums = x[0].linear_layer(&layer.encode(evaluator, position)?)?;
    vec![sums.square()?.sum_pool(&middle, [2, 2])?, sums]
});

#[test]
fn moves() {
    check(&Moves, &[known(12), known(7)]);
}

#[test]
fn sums_and_products() {
    check(&Products, &[known(12), known(12)]);
}

#[test]
fn longer_than_the_slots() {
    check(&Longer, &[known(300)]);
}

#[test]
fn comparisons() {
    let mut shifted = known(12);
    shifted.rotate_left(3);
    shifted[4] = known(12)[4];
    check(&Comparisons, &[known(12), shifted]);
}

#[test]
fn matrices_and_images() {
    let product = MatrixProduct::new(3, 4, 3).unwrap();
    let left = product.left(&known(12)).unwrap();
    let right = product.right(&known(12)).unwrap();
    check(&Matrices, &[left, right]);
    check(
        &Images,
        &[Grid::new(1, 6, 6).unwrap().scatter(&known(36)).unwrap()],
    );
}

struct Tensors;

impl TensorProgram<i64> for Tensors {
    fn run<E: Evaluator<Scalar = i64>>(&self, x: &[Tensor<E>]) -> Result<Vec<Tensor<E>>> {
        Ok(vec![x[0].matmul(&x[1])?, x[0].square()?.sum(0)?])
    }
}

#[test]
fn tensors() {
    let element = Input::vector(20).range(-8.0..=8.0);
    let program = OnTensors::new(Tensors, &[(element, &[2, 3]), (element, &[3])]).unwrap();
    let values = known(20 * program.inputs().len());
    let values: Vec<Vec<i64>> = values.chunks(20).map(<[i64]>::to_vec).collect();
    check(&program, &values);
}

#[test]
fn secure_parameters_for_a_range_of_results() {
    program!(Squares, i64, x, vec![x[0].square()?.sum()?]);
    let values = vec![known(40)];
    let inputs = [Input::vector(40).range(-8.0..=8.0)];
    let plan = BfvPlanner::for_results(&inputs, 0..=40 * 64)
        .noise_budget_bits(5)
        .plan(&Squares)
        .unwrap();
    assert!(plan.noise_budget() >= 5.0);
    assert!(plan.context().degree() <= 8192);
    assert!(plan.context().plaintext_modulus().value() > 2 * 40 * 64);
    let text = plan.to_string();
    for part in ["raw product", "budget", "security", "128 bits", "or "] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    run_as_planned(&plan, &Squares, &values);
}

#[test]
fn what_cannot_be_is_refused() {
    let inputs = [Input::vector(4).range(-8.0..=8.0); 2];
    let refused = |planner: BfvPlanner| planner.plan(&Products).map(|plan| plan.to_string());
    // 12289 is 1 modulo 8192 only.
    let error = refused(BfvPlanner::modulo(&inputs, 12_289).insecure_degree(1 << 13));
    assert!(matches!(
        error,
        Err(Error::Parameters(
            ParameterError::BatchingUnsupported { .. }
        ))
    ));
    let error = refused(BfvPlanner::modulo(
        &[inputs[0].range(-8.0..=600.0), inputs[1]],
        1153,
    ));
    assert!(matches!(
        error,
        Err(Error::Parameters(
            ParameterError::BatchingUnsupported { .. }
        ))
    ));
    let error = refused(BfvPlanner::modulo(
        &[inputs[0].range(-1e6..=8.0), inputs[1]],
        65_537,
    ));
    assert!(matches!(
        error,
        Err(Error::Operands(OperandError::InvalidArgument { .. }))
    ));
}

#[test]
fn the_largest_modulus_serves_all_that_it_holds() {
    let inputs = [Input::vector(24).range(-8.0..=8.0); 2];
    for (largest, serves) in [(1 << 58, true), ((1 << 58) + 1, false)] {
        let plan = BfvPlanner::for_results(&inputs, 0..=largest).plan(&Moves);
        assert_eq!(plan.is_ok(), serves, "{largest}");
        if let Ok(plan) = plan {
            assert!(plan.context().plaintext_modulus().value() > 2 * largest.unsigned_abs());
        }
    }
}

#[test]
fn moduli_for_results_exist_at_every_degree() {
    // No prime of 11 bits is 1 modulo 256, and none of 19 bits is 1 modulo 16384.
    let inputs = [Input::vector(24).range(-8.0..=8.0); 2];
    for (degree, largest) in [(128, 300), (8192, 100_000)] {
        let plan = BfvPlanner::for_results(&inputs, 0..=largest)
            .insecure_degree(degree)
            .plan(&Moves)
            .unwrap();
        assert!(plan.context().plaintext_modulus().value() > 2 * largest.unsigned_abs());
    }
}
