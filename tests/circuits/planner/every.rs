//! Every circuit is planned, and runs encrypted with exactly the parameters and keys of its plan as it does in the clear.

use slotwise::circuits::{
    Approximation, Chebyshev, Convolution, Grid, Input, LinearLayer, LinearMap, Matrix,
    MatrixProduct, OnTensors, PlainTensor, Planner, Program, Quotient, Ranks, Sign, Sorting,
    Tensor, TensorProgram, Vector,
};
use slotwise::evaluator::{ClearReals, Evaluator};
use slotwise::{Result, ServerKey};

/// Degrees for tests, which are not secure: 128 slots.
const DEGREE: usize = 256;

/// 7/8 of a number in [-1, 1], by its index.
fn known(count: usize) -> Vec<f64> {
    (0..count)
        .map(|i| ((7 * i + i * i) % 17) as f64 / 9.2 - 0.87)
        .collect()
}

/// What a program is given: as a plan knows it, and the values.
type Given = (Input, Vec<f64>);

fn vectors(lengths: &[usize]) -> Vec<Given> {
    lengths
        .iter()
        .enumerate()
        .map(|(i, &length)| {
            (
                Input::vector(length),
                known(length + 5 * i)[5 * i..].to_vec(),
            )
        })
        .collect()
}

/// Plans a program, builds what the plan says, and runs it.
fn check(program: &impl Program, given: &[Given], bits: u32) {
    let inputs: Vec<Input> = given.iter().map(|&(input, _)| input).collect();
    let plan = Planner::new(&inputs)
        .precision_bits(bits)
        .insecure_degree(DEGREE)
        .plan(program)
        .unwrap();
    assert!(plan.noise_bound() <= (-f64::from(bits)).exp2());
    let client = plan.context().generate_client_key().unwrap();
    let server: ServerKey<_> = client.generate_planned_server_key(plan.key_plan()).unwrap();
    let keys = server.evaluation_keys();
    assert_eq!(keys.size_in_bytes() as u64, plan.key_bytes().unwrap());
    assert_eq!(keys.relinearization().is_ok(), plan.relinearizes());
    let encrypt = |(_, values): &Given| server.attach(client.encrypt(values).unwrap()).unwrap();
    let found = program.run(&given.iter().map(encrypt).collect::<Vec<_>>());
    let found = found.unwrap_or_else(|error| panic!("{error}\n{plan}"));
    let clear = ClearReals::new(plan.context().slots());
    let in_the_clear = |(_, values): &Given| Vector::from_values(&clear, values).unwrap();
    let expected = program
        .run(&given.iter().map(in_the_clear).collect::<Vec<_>>())
        .unwrap();
    assert_eq!(found.len(), plan.outputs().len());
    for (number, ((found, expected), planned)) in
        found.iter().zip(&expected).zip(plan.outputs()).enumerate()
    {
        // Values are a little smaller than their range, and f64 rounds them by less.
        let ratio = found.noise_bound() / planned.noise_bound;
        assert!(
            ratio < 1.0 + 1e-9 && ratio > 1.0 - 1e-5,
            "output {number}: {ratio}"
        );
        let decrypted = client.decrypt(found).unwrap();
        let expected = expected.values();
        assert_eq!(decrypted.len(), expected.len());
        let errors = decrypted.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let error = errors.fold(0.0, f64::max);
        let (typical, bound) = (planned.typical_error, planned.noise_bound);
        assert!(error <= bound, "output {number}: {error:e} of {bound:e}");
        // Errors of values that depend on one another add up.
        assert!(
            error <= 4.0 * typical,
            "output {number}: {error:e}, expected {typical:e}"
        );
    }
}

program!(Moves, f64, x, {
    let (x, y) = (&x[0], &x[1]);
    vec![
        x.shift_left(3)?,
        y.shift_right(2)?,
        x.get(4)?,
        x.slice(2..7)?,
        x.replicate(3, 6)?,
        x.mask(&[true, false, true].repeat(4)[..x.len()])?,
        Vector::concat(&[x.clone(), y.clone()])?,
        x.rotate_left(2)?,
        y.rotate_right(1)?,
        x.permute(&[3, 1, 1, 0, 9])?,
    ]
});

program!(Sums, f64, x, {
    let (x, y) = (&x[0], &x[1]);
    vec![
        x.sum()?,
        x.sum_strided(4)?,
        x.running_sum()?,
        x.dot(y)?,
        x.dot_plain(&known(x.len()))?,
        Vector::inner_product(&[x, y], &[y, y])?,
        Vector::add_many(&[x.clone(), y.clone(), x.square()?])?,
        Vector::mul_many(&[x.clone(), y.clone(), x.clone()])?,
    ]
});

program!(Statistics, f64, x, {
    let (x, y) = (&x[0], &x[1]);
    vec![x.mean()?, x.variance()?, x.covariance(y)?]
});

program!(Longer, f64, x, {
    // Three ciphertexts each, and a last one with padding.
    let (x, y) = (&x[0], &x[1]);
    vec![
        (x * y)?.sum()?,
        x.rotate_left(130)?,
        x.slice(100..140)?,
        x.shift_left(129)?,
    ]
});

program!(Maps, f64, x, {
    let x = &x[0];
    let at =
        |rows, columns| Matrix::from_fn(rows, columns, |i, j| known(400)[columns * i + j] / 4.0);
    let tall = LinearMap::matrix_vector(&at(21, 12)?);
    let evaluator = x.evaluator();
    let position = evaluator.factor_position(&x.ciphertexts()[0])?;
    let few = [(0, 3, 0.5), (5, 2, -1.0), (9, 11, 0.25)];
    vec![
        x.matmul_plain(&at(12, 12)?)?,
        x.matmul_plain(&at(12, 5)?)?,
        x.matmul(&tall.encode(evaluator, position)?)?,
        x.matmul(&LinearMap::from_entries(10, 12, few)?.encode(evaluator, position)?)?,
        x.transpose(3)?,
        // Two maps after one another, the second at a lower level.
        x.matmul_plain(&at(12, 12)?)?.matmul_plain(&at(12, 3)?)?,
    ]
});

program!(Batches, f64, x, {
    let x = &x[0];
    let matrix = Matrix::from_fn(4, 3, |i, j| known(12)[3 * i + j])?;
    let map = LinearMap::vector_matrix(&matrix);
    let evaluator = x.evaluator();
    let position = evaluator.factor_position(&x.ciphertexts()[0])?;
    vec![
        x.rows_matmul_plain(&matrix)?,
        x.matmul(&map.for_each_of(6)?.encode(evaluator, position)?)?,
        x.matmul(&map.for_interleaved(6)?.encode(evaluator, position)?)?,
    ]
});

struct Products(MatrixProduct);

impl Program for Products {
    fn run<E: Evaluator<Scalar = f64>>(&self, x: &[Vector<E>]) -> Result<Vec<Vector<E>>> {
        let pairs = [(&x[0], &x[1]), (&x[0], &x[0])];
        Ok(vec![
            x[0].matrix_product(&x[1], &self.0)?,
            Vector::sum_of_matrix_products(&pairs, &self.0)?,
        ])
    }
}

struct RowMajor(MatrixProduct);

impl Program for RowMajor {
    fn run<E: Evaluator<Scalar = f64>>(&self, x: &[Vector<E>]) -> Result<Vec<Vector<E>>> {
        let position = x[0].evaluator().factor_position(&x[0].ciphertexts()[0])?;
        let product = self.0.encode(x[0].evaluator(), position)?;
        Ok(vec![x[0].row_major_product(&x[1], &product)?])
    }
}

program!(Polynomials, f64, x, {
    let (x, y) = (&x[0], &x[1]);
    let series = |degree: usize| Chebyshev::new(&known(degree + 1), -1.0..=1.0);
    let each: Vec<Chebyshev> = (0..x.len())
        .map(|i| Chebyshev::new(&known(8 + i)[i..], -1.0..=1.0))
        .collect::<Result<_>>()?;
    let many = [series(7)?, series(4)?];
    let mut results = vec![
        x.polyval(&known(4))?,
        x.polyval(&known(12))?,
        y.power(6)?,
        x.evaluate(&series(3)?)?,
        x.evaluate(&series(21)?)?,
        x.evaluate_each(&each)?,
        y.mul_scalar(0.5)?.evaluate(&series(9)?)?,
    ];
    results.extend(y.evaluate_many(&many)?);
    results
});

program!(Functions, f64, x, {
    let x = &x[0];
    vec![
        x.evaluate(&Approximation::sigmoid(-4.0..=4.0, 15)?)?,
        x.evaluate(&Approximation::relu(-1.0..=1.0, 6)?)?,
        x.evaluate(&Approximation::exp(-1.0..=1.0, 7)?)?,
        x.evaluate(&Approximation::tanh(-2.0..=2.0, 13)?)?,
    ]
});

program!(Quotients, f64, x, {
    let divisors = x[1].add_scalar(2.0)?;
    let quotient = Quotient::new(1.0..=3.0, 5, 1)?;
    vec![
        x[0].divide(&divisors, &quotient)?,
        divisors.inverse(&quotient)?,
    ]
});

program!(Signs, f64, x, {
    let (x, y) = (&x[0], &x[1]);
    let sign = Sign::new(3, 8)?;
    let range = -1.0..=1.0;
    vec![
        x.sign(1.0, &sign)?,
        x.greater_than(y, range.clone(), &sign)?,
        x.max(y, range.clone(), &sign)?,
        x.min(y, range.clone(), &sign)?,
        x.abs(1.0, &sign)?,
        x.positive_part(1.0, &sign)?,
        x.clamp(-0.5..=0.5, range, &sign)?,
    ]
});

program!(Order, f64, x, {
    let ranks = Ranks::new(5, -1.0..=1.0, Sign::new(3, 8)?)?;
    vec![
        x[0].ranks(&ranks)?,
        x[0].argmax(&ranks)?,
        x[0].top_k(2, &ranks)?,
    ]
});

program!(Sorts, f64, x, {
    let sorting = Sorting::new(4, -1.0..=1.0, 8)?;
    vec![
        x[0].sort(&sorting)?,
        x[0].median(&sorting)?,
        x[0].quantile(0.25, &sorting)?,
        x[0].order_statistics(&sorting, &[3, 0])?,
    ]
});

program!(Images, f64, x, {
    // Two convolutions, a pool between them, and a dense layer.
    let input = Grid::new(1, 6, 6)?;
    let convolution = |inputs: usize| {
        Convolution::new(&known(2 * inputs * 4), [2, inputs, 2, 2]).map(|c| c.bias(&known(2)))
    };
    let (first, middle) = convolution(1)?
        .stride([1, 1])
        .padding([1, 1])
        .layer(&input)?;
    let layer = |layer: &LinearLayer<f64>, x: &Vector<E>| {
        let position = x.evaluator().factor_position(&x.ciphertexts()[0])?;
        x.linear_layer(&layer.encode(x.evaluator(), position)?)
    };
    let x = layer(&first, &x[0])?.square()?;
    let pooled = x.sum_pool(&middle, [2, 2])?;
    let small = middle.sum_pool([2, 2])?;
    let (second, output) = convolution(2)?.layer(&small)?;
    let weights = Matrix::from_fn(3, output.len(), |i, j| known(200)[j + i])?;
    let dense = LinearLayer::dense(&output, &weights, &known(3))?;
    let (average, _) = Convolution::average_pool(2, [2, 2])?.layer(&small)?;
    vec![
        pooled.clone(),
        layer(&dense, &layer(&second, &pooled)?)?,
        layer(&average, &pooled)?,
    ]
});

struct Tensors;

impl TensorProgram for Tensors {
    fn run<E: Evaluator<Scalar = f64>>(&self, x: &[Tensor<E>]) -> Result<Vec<Tensor<E>>> {
        let known = PlainTensor::new(&known(9), &[3, 3])?;
        let hidden = x[0].matmul_plain(&known)?.square()?;
        Ok(vec![
            hidden.matmul(&x[1])?.sum(0)?,
            x[0].matmul(&x[1])?,
            x[1].polyval(&[0.5, -0.25, 0.125])?,
            (&x[0] + &x[0].subscript(&[(..1).into()])?)?,
            x[0].power(3)?.transpose(),
        ])
    }
}

macro_rules! planned {
    ($($name:ident: $program:expr, $given:expr, $bits:expr;)*) => {
        $(
            #[test]
            fn $name() {
                check(&$program, &$given, $bits);
            }
        )*
    };
}

fn product() -> MatrixProduct {
    MatrixProduct::new(3, 4, 3).unwrap()
}

fn matrices() -> Vec<Given> {
    let shape = product();
    let left = shape.left(&known(12)).unwrap();
    let right = shape.right(&known(12)).unwrap();
    [left, right]
        .map(|values| (Input::vector(values.len()), values))
        .to_vec()
}

fn image() -> Vec<Given> {
    let grid = Grid::new(1, 6, 6).unwrap();
    let pixels = grid.scatter(&known(36)).unwrap();
    vec![(Input::vector(pixels.len()), pixels)]
}

planned! {
    moves: Moves, vectors(&[12, 7]), 16;
    sums: Sums, vectors(&[12, 12]), 16;
    statistics: Statistics, vectors(&[12, 12]), 14;
    longer_than_the_slots: Longer, vectors(&[300, 300]), 12;
    maps: Maps, vectors(&[12]), 12;
    batches: Batches, vectors(&[24]), 12;
    matrix_products: Products(product()), matrices(), 12;
    matrix_products_by_rows: RowMajor(product()), vectors(&[12, 12]), 12;
    polynomials: Polynomials, vectors(&[10, 10]), 12;
    functions: Functions, vectors(&[10]), 12;
    quotients: Quotients, vectors(&[10, 10]), 12;
    signs: Signs, vectors(&[10, 10]), 10;
    ranks_and_largest: Order, vectors(&[5]), 8;
    sorts: Sorts, vectors(&[4]), 6;
    images: Images, image(), 10;
}

#[test]
fn tensors() {
    for batch in [1, 20] {
        let shapes: [(Input, &[usize]); 2] = [
            (Input::vector(batch), &[2, 3]),
            (Input::vector(batch), &[3, 3]),
        ];
        let program = OnTensors::new(Tensors, &shapes).unwrap();
        let inputs = program.inputs();
        let values = known(batch * inputs.len());
        let values = values.chunks(batch).map(<[f64]>::to_vec);
        let given: Vec<Given> = inputs.into_iter().zip(values).collect();
        check(&program, &given, 12);
    }
}
