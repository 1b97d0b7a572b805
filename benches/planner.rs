//! Plans of circuits against encrypted runs: for each the time to plan it, the time that its plan says, and the time that it takes.

use slotwise::circuits::{
    Approximation, Chebyshev, Convolution, Grid, Input, Matrix, MatrixProduct, Planner, Program,
    Sign, Vector,
};
use slotwise::evaluator::Evaluator;
use slotwise::{CkksVector, Result};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Numbers in [-1, 1], by their index.
fn known(count: usize) -> Vec<f64> {
    (0..count)
        .map(|i| ((7 * i) % 17) as f64 / 8.0 - 1.0)
        .collect()
}

/// A program on vectors from a body with the inputs' name.
macro_rules! program {
    ($name:ident, $inputs:ident, $body:expr) => {
        struct $name;

        impl Program for $name {
            fn run<E: Evaluator<Scalar = f64>>(
                &self,
                $inputs: &[Vector<E>],
            ) -> Result<Vec<Vector<E>>> {
                Ok(vec![$body])
            }
        }
    };
}

program!(Dot, x, x[0].dot(&x[1])?);
program!(Variance, x, x[0].variance()?);
program!(RunningSum, x, x[0].running_sum()?);
program!(Shift, x, x[0].shift_left(5)?);
program!(Square, x, x[0].matmul_plain(&matrix(128, 128)?)?);
program!(Wide, x, x[0].matmul_plain(&matrix(784, 64)?)?);
program!(Rows, x, x[0].rows_matmul_plain(&matrix(16, 16)?)?);
program!(Transposed, x, x[0].transpose(32)?);
program!(Monomials, x, x[0].polyval(&known(16))?);
program!(
    Series,
    x,
    x[0].evaluate(&Chebyshev::new(&known(32), -1.0..=1.0)?)?
);
program!(
    Sigmoid,
    x,
    x[0].evaluate(&Approximation::sigmoid(-4.0..=4.0, 15)?)?
);
program!(Larger, x, x[0].max(&x[1], -1.0..=1.0, &Sign::new(3, 8)?)?);
program!(
    MatrixTimesMatrix,
    x,
    x[0].matrix_product(&x[1], &MatrixProduct::new(16, 16, 16)?)?
);
program!(Images, x, {
    let input = Grid::new(1, 14, 14)?;
    let convolution = Convolution::new(&known(36), [4, 1, 3, 3])?;
    let (layer, middle) = convolution.layer(&input)?;
    let position = x[0].evaluator().factor_position(&x[0].ciphertexts()[0])?;
    let encoded = layer.encode(x[0].evaluator(), position)?;
    x[0].linear_layer(&encoded)?
        .square()?
        .sum_pool(&middle, [2, 2])?
});

fn matrix(rows: usize, columns: usize) -> Result<Matrix<f64>> {
    let values = known(rows * columns);
    Matrix::from_fn(rows, columns, |i, j| values[columns * i + j] / 8.0)
}

/// The least time of a few runs.
fn timed<T>(work: impl Fn() -> Result<T>) -> Result<Duration> {
    let mut least = Duration::MAX;
    for _ in 0..4 {
        let start = Instant::now();
        black_box(work()?);
        least = least.min(start.elapsed());
    }
    Ok(least)
}

fn line(name: &str, program: &impl Program, lengths: &[usize]) -> Result<()> {
    let inputs: Vec<Input> = lengths
        .iter()
        .map(|&length| Input::vector(length))
        .collect();
    let start = Instant::now();
    let plan = Planner::new(&inputs).precision_bits(10).plan(program)?;
    let planning = start.elapsed();
    let plan = plan.measured(&mut rand::rng())?;
    let client = plan.context().generate_client_key()?;
    let server = client.generate_planned_server_key(plan.key_plan())?;
    let encrypt = |&length: &usize| server.attach(client.encrypt(known(length))?);
    let vectors: Vec<CkksVector> = lengths.iter().map(encrypt).collect::<Result<_>>()?;
    // Known vectors are encoded by the programs, so that their time counts.
    let time = plan.time().unwrap_or_default() + plan.encoding_time().unwrap_or_default();
    let found = timed(|| program.run(&vectors))?;
    let milliseconds = |time: Duration| 1e3 * time.as_secs_f64();
    println!(
        "{name:<24} N = {:<6} planning {:>6.1} ms  planned {:>8.2} ms  measured {:>8.2} ms  ratio {:.2}",
        plan.context().degree(),
        milliseconds(planning),
        milliseconds(time),
        milliseconds(found),
        time.as_secs_f64() / found.as_secs_f64(),
    );
    Ok(())
}

fn main() -> Result<()> {
    line("dot product", &Dot, &[1024, 1024])?;
    // As criterion's benches, which only try what they measure then.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    line("variance", &Variance, &[1024])?;
    line("running sum", &RunningSum, &[1000])?;
    line("shift", &Shift, &[1000])?;
    line("matrix 128 x 128", &Square, &[128])?;
    line("matrix 784 x 64", &Wide, &[784])?;
    line("16 x 16 on 64 rows", &Rows, &[1024])?;
    line("transposition 32 x 32", &Transposed, &[1024])?;
    line("polynomial, degree 15", &Monomials, &[1000])?;
    line("Chebyshev, degree 31", &Series, &[1000])?;
    line("sigmoid, degree 15", &Sigmoid, &[1000])?;
    line("maximum", &Larger, &[1000, 1000])?;
    let size = MatrixProduct::new(16, 16, 16)?.size();
    line("matrix product 16", &MatrixTimesMatrix, &[size, size])?;
    line(
        "convolution and pool",
        &Images,
        &[Grid::new(1, 14, 14)?.size()],
    )
}
