//! Convolutions, pools and dense layers of images in slots against the same by definition.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::circuits::{Convolution, Grid, LinearLayer, Matrix, Vector, Windows};
use slotwise::evaluator::{ClearIntegers, ClearReals, Evaluator, Position, SlotShape};
use slotwise::keys::Rotations;
use slotwise::params::{BfvContext, CkksContext};
use slotwise::{Error, OperandError, ValueError};

/// All that a convolution is made of.
#[derive(Clone, Debug)]
struct Case {
    outputs: usize,
    inputs_per_group: usize,
    groups: usize,
    image: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    dilation: [usize; 2],
    weights: Vec<i64>,
    bias: Vec<i64>,
}

impl Case {
    /// The rows and columns of the output.
    fn result(&self) -> [usize; 2] {
        std::array::from_fn(|axis| {
            let reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
            (self.image[axis] + 2 * self.padding[axis] - reach) / self.stride[axis] + 1
        })
    }

    /// The convolution by definition.
    fn naive(&self, pixels: &[i64]) -> Vec<i64> {
        let [rows, columns] = self.result();
        let pixel = |channel: usize, row: usize, column: usize| {
            let (row, column) = (
                row.checked_sub(self.padding[0])?,
                column.checked_sub(self.padding[1])?,
            );
            let inside = row < self.image[0] && column < self.image[1];
            inside.then(|| pixels[(channel * self.image[0] + row) * self.image[1] + column])
        };
        let mut result = Vec::new();
        for output in 0..self.outputs {
            let group = output * self.groups / self.outputs;
            for (r, c) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                let mut sum = self.bias.get(output).copied().unwrap_or(0);
                for i in 0..self.inputs_per_group {
                    for (a, b) in
                        (0..self.kernel[0]).flat_map(|a| (0..self.kernel[1]).map(move |b| (a, b)))
                    {
                        let weight = ((output * self.inputs_per_group + i) * self.kernel[0] + a)
                            * self.kernel[1]
                            + b;
                        let at = (
                            r * self.stride[0] + a * self.dilation[0],
                            c * self.stride[1] + b * self.dilation[1],
                        );
                        let channel = group * self.inputs_per_group + i;
                        sum += self.weights[weight] * pixel(channel, at.0, at.1).unwrap_or(0);
                    }
                }
                result.push(sum);
            }
        }
        result
    }

    fn with<S>(&self, scalar: impl Fn(i64) -> S) -> Convolution<S>
    where
        S: slotwise::evaluator::Number,
    {
        let weights: Vec<S> = self.weights.iter().map(|&weight| scalar(weight)).collect();
        let bias: Vec<S> = self.bias.iter().map(|&bias| scalar(bias)).collect();
        let shape = [
            self.outputs,
            self.inputs_per_group,
            self.kernel[0],
            self.kernel[1],
        ];
        Convolution::new(&weights, shape)
            .unwrap()
            .groups(self.groups)
            .stride(self.stride)
            .padding(self.padding)
            .dilation(self.dilation)
            .bias(&bias)
    }

    /// A random convolution of images with so many channels, rows and columns.
    fn random(rng: &mut ChaCha20Rng, channels: usize, image: [usize; 2]) -> Self {
        let divisors: Vec<usize> = (1..=channels)
            .filter(|&groups| channels.is_multiple_of(groups))
            .collect();
        let groups = divisors[rng.random_range(0..divisors.len())];
        let outputs = groups * rng.random_range(1..=3);
        let mut pair =
            |low: usize, high: usize| [rng.random_range(low..=high), rng.random_range(low..=high)];
        let (stride, padding, dilation, mut kernel) =
            (pair(1, 3), pair(0, 2), pair(1, 2), pair(1, 3));
        for axis in 0..2 {
            let padded = image[axis] + 2 * padding[axis];
            kernel[axis] = kernel[axis].min((padded - 1) / dilation[axis] + 1);
        }
        let inputs_per_group = channels / groups;
        let count = outputs * inputs_per_group * kernel[0] * kernel[1];
        let weights = numbers(rng, count);
        let bias = if rng.random_bool(0.5) {
            numbers(rng, outputs)
        } else {
            Vec::new()
        };
        Self {
            outputs,
            inputs_per_group,
            groups,
            image,
            kernel,
            stride,
            padding,
            dilation,
            weights,
            bias,
        }
    }
}

fn numbers(rng: &mut ChaCha20Rng, count: usize) -> Vec<i64> {
    (0..count).map(|_| rng.random_range(-3..=3)).collect()
}

fn reals(values: &[i64]) -> Vec<f64> {
    values.iter().map(|&value| value as f64).collect()
}

/// A vector under a layer.
fn applied<E: Evaluator>(layer: &LinearLayer<E::Scalar>, x: &Vector<E>) -> Vector<E> {
    let position = x.evaluator().factor_position(&x.ciphertexts()[0]).unwrap();
    x.linear_layer(&layer.encode(x.evaluator(), position).unwrap())
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn two_convolutions_and_a_dense_layer(
        channels in 1usize..5,
        image in [3usize..9, 3usize..9],
        spare in 0usize..3,
        seed in 0u64..100_000,
    ) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let first = Case::random(&mut rng, channels, image);
        let second = Case::random(&mut rng, first.outputs, first.result());
        let pixels = numbers(&mut rng, channels * image[0] * image[1]);
        let input = Grid::new(channels, image[0], image[1]).unwrap();
        let input = input.with_row_stride(image[1] + spare).unwrap();

        // Rows of 256 slots: some layers fit, others take several ciphertexts.
        let clear = ClearIntegers::new(512, (1 << 40) - 87).unwrap();
        let x = Vector::from_values(&clear, &input.scatter(&pixels).unwrap()).unwrap();
        let (layer, middle) = first.with(|value| value).layer(&input).unwrap();
        let y = applied(&layer, &x);
        let want = first.naive(&pixels);
        prop_assert_eq!(&middle.gather(&y.values()).unwrap(), &want);
        prop_assert_eq!(middle.image(), first.result());

        let (layer, output) = second.with(|value| value).layer(&middle).unwrap();
        let z = applied(&layer, &y);
        let want = second.naive(&want);
        prop_assert_eq!(&output.gather(&z.values()).unwrap(), &want);

        let weights = Matrix::from_fn(3, output.len(), |i, j| ((i * 7 + j * 3) % 5) as i64 - 2).unwrap();
        let dense = LinearLayer::dense(&output, &weights, &[1, 2, 3]).unwrap();
        let sums: Vec<i64> = (0..3).map(|i| {
            let products = want.iter().enumerate().map(|(j, value)| weights.get(i, j).unwrap() * value);
            i as i64 + 1 + products.sum::<i64>()
        }).collect();
        prop_assert_eq!(applied(&dense, &z).values(), sums);
    }

    #[test]
    fn merged_layers_are_the_layers_one_by_one(channels in 1usize..4, image in [4usize..9, 4usize..9], seed in 0u64..100_000) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let input = Grid::new(channels, image[0], image[1]).unwrap();
        let (pool, pooled) = Convolution::average_pool(channels, [2, 2]).unwrap().layer(&input).unwrap();
        let case = Case::random(&mut rng, channels, pooled.image());
        let (convolution, output) = case.with(|value| value as f64).layer(&pooled).unwrap();
        let weights = Matrix::from_fn(2, output.len(), |i, j| ((i * 5 + j) % 7) as f64).unwrap();
        let dense = LinearLayer::dense(&output, &weights, &[0.5, 0.25]).unwrap();

        let clear = ClearReals::new(512);
        let pixels = reals(&numbers(&mut rng, input.len()));
        let x = Vector::from_values(&clear, &input.scatter(&pixels).unwrap()).unwrap();
        let single = applied(&dense, &applied(&convolution, &applied(&pool, &x)));
        let merged = pool.then(&convolution).unwrap().then(&dense).unwrap();
        // Quarters of small integers: no sum is rounded.
        prop_assert_eq!(applied(&merged, &x).values(), single.values());

        // The pool by rotations, without a factor.
        let sums = x.sum_pool(&input, [2, 2]).unwrap();
        let sums = input.sum_pool([2, 2]).unwrap().gather(&sums.values()).unwrap();
        let averages = pooled.gather(&applied(&pool, &x).values()).unwrap();
        prop_assert_eq!(sums, averages.iter().map(|average| average * 4.0).collect::<Vec<_>>());
    }

    #[test]
    fn windows_encoded_by_the_client(channels in 1usize..4, image in [3usize..9, 3usize..9], seed in 0u64..100_000) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let case = Case::random(&mut rng, channels, image);
        let convolution = case.with(|value| value as f64);
        let pixels = numbers(&mut rng, channels * image[0] * image[1]);
        let windows = convolution.windows().im2col(channels, image, &reals(&pixels)).unwrap();
        let x = Vector::from_values(&ClearReals::new(512), &windows).unwrap();
        let (layer, output) = convolution.im2col_layer(image).unwrap();
        let found = output.gather(&applied(&layer, &x).values()).unwrap();
        prop_assert_eq!(found, reals(&case.naive(&pixels)));
    }
}

/// Two channels of 5 x 6 pixels, three channels out, then two at a wider gap, then a dense layer.
fn network(rng: &mut ChaCha20Rng) -> (Case, Case) {
    let mut first = Case {
        outputs: 4,
        inputs_per_group: 2,
        groups: 1,
        image: [6, 6],
        kernel: [3, 2],
        stride: [2, 2],
        padding: [1, 1],
        dilation: [1, 1],
        weights: numbers(rng, 48),
        bias: vec![1, -2, 0, 3],
    };
    let mut second = first.clone();
    first.weights[0] = 1;
    second.groups = 2;
    second.image = first.result();
    second.weights = numbers(rng, 48);
    (first, second)
}

#[test]
fn encrypted_real_images() {
    let builder = CkksContext::builder()
        .degree(512)
        .prime_bits(&[60, 45, 45, 45, 50])
        .scale_bits(45);
    let context = builder.insecure_skip_security_check().build().unwrap();
    let client = context.generate_client_key().unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let (first, second) = network(&mut rng);
    let input = Grid::new(2, 6, 6).unwrap();
    let (one, middle) = first
        .with(|value| value as f64 / 8.0)
        .layer(&input)
        .unwrap();
    let (two, output) = second
        .with(|value| value as f64 / 8.0)
        .layer(&middle)
        .unwrap();
    assert_eq!((middle.gap(), output.gap()), ([2, 2], [4, 4]));
    let weights = Matrix::from_fn(3, output.len(), |i, j| ((i + 2 * j) % 5) as f64 / 8.0).unwrap();
    let three = LinearLayer::dense(&output, &weights, &[0.5; 3]).unwrap();
    let layers = [one, two, three];

    let shape = SlotShape {
        rows: 1,
        columns: context.slots(),
    };
    let rotations = layers.iter().fold(Rotations::none(), |rotations, layer| {
        rotations.and(layer.map().plan(shape).unwrap().rotations())
    });
    let server = client.generate_server_key(&rotations).unwrap();
    let pixels: Vec<f64> = (0..72).map(|_| rng.random_range(-1.0..1.0)).collect();
    let pixels = input.scatter(&pixels).unwrap();
    let mut clear = Vector::from_values(&ClearReals::new(256), &pixels).unwrap();
    let mut encrypted = server.attach(client.encrypt(&pixels).unwrap()).unwrap();
    // One encoding, whose bias comes along, serves inputs of several levels.
    let position = Position::at_level(context.top_level());
    let encoded = layers[0].encode(server.evaluator(), position).unwrap();
    let want = applied(&layers[0], &clear).values();
    for input in [
        encrypted.clone(),
        encrypted.drop_to_level(2).unwrap(),
        encrypted.clone(),
    ] {
        let found = client
            .decrypt(&input.linear_layer(&encoded).unwrap())
            .unwrap();
        assert!(found.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-6));
    }
    for layer in &layers {
        clear = applied(layer, &clear);
        encrypted = applied(layer, &encrypted);
        let found = client.decrypt(&encrypted).unwrap();
        let errors = found.iter().zip(clear.values()).map(|(a, b)| (a - b).abs());
        let worst = errors.fold(0.0, f64::max);
        assert!(
            worst <= encrypted.noise_bound() && encrypted.noise_bound() < 1e-2,
            "{worst:e} {:e}",
            encrypted.noise_bound()
        );
    }
}

#[test]
fn encrypted_integer_images() {
    let builder = BfvContext::builder()
        .degree(512)
        .prime_bits(&[50; 5])
        .plaintext_modulus(786_433);
    let context = builder.insecure_skip_security_check().build().unwrap();
    let client = context.generate_client_key().unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let (first, second) = network(&mut rng);
    let input = Grid::new(2, 6, 6).unwrap();
    let (one, middle) = first.with(|value| value).layer(&input).unwrap();
    let (two, output) = second.with(|value| value).layer(&middle).unwrap();
    let shape = SlotShape {
        rows: 2,
        columns: context.slots() / 2,
    };
    let rotations = |layer: &LinearLayer<i64>| layer.map().plan(shape).unwrap().rotations();
    let pools = middle.rotations_for_sum_pool([3, 2], shape).unwrap();
    let server = client
        .generate_server_key(&rotations(&one).and(rotations(&two)).and(pools))
        .unwrap();
    let pixels = numbers(&mut rng, 72);
    let x = server
        .attach(client.encrypt(input.scatter(&pixels).unwrap()).unwrap())
        .unwrap();
    let y = applied(&one, &x);
    let want = first.naive(&pixels);
    assert_eq!(middle.gather(&client.decrypt(&y).unwrap()).unwrap(), want);
    let z = applied(&two, &y);
    assert_eq!(
        output.gather(&client.decrypt(&z).unwrap()).unwrap(),
        second.naive(&want)
    );
    // Images of 3 x 4 pixels have one pool of 3 x 2, and another beside it.
    let sums = client
        .decrypt(&y.sum_pool(&middle, [3, 2]).unwrap())
        .unwrap();
    let sums = middle.sum_pool([3, 2]).unwrap().gather(&sums).unwrap();
    let [rows, columns] = middle.image();
    assert_eq!((rows, columns / 2), (3, sums.len() / 4));
    assert_eq!(
        sums.iter().sum::<i64>(),
        (0..want.len())
            .filter(|at| at % columns < columns / 2 * 2)
            .map(|at| want[at])
            .sum::<i64>()
    );
}

/// Whether the error is about a shape.
fn is_shape(error: Error) -> bool {
    matches!(error, Error::Operands(OperandError::InvalidShape { .. }))
}

/// How many there are of what was counted, and how many there must be.
fn count(error: Error) -> (usize, usize) {
    match error {
        Error::Operands(OperandError::Count { have, need, .. }) => (have, need),
        other => panic!("{other}"),
    }
}

#[test]
fn grids_that_cannot_be_are_refused() {
    for [channels, rows, columns] in [
        [0, 1, 1],
        [1, 0, 1],
        [1, 1, 0],
        [usize::MAX; 3],
        [1, usize::MAX, 2],
        [1 << 20, 5, 5],
        [usize::MAX, 1, 1],
    ] {
        assert!(is_shape(Grid::new(channels, rows, columns).unwrap_err()));
    }
    let grid = Grid::new(2, 4, 4).unwrap();
    assert!(is_shape(grid.with_row_stride(3).unwrap_err()));
    assert!(is_shape(grid.with_row_stride(usize::MAX).unwrap_err()));
    assert_eq!(
        (
            grid.position(2, 0, 0),
            grid.position(0, 4, 0),
            grid.position(0, 0, 4)
        ),
        (None, None, None)
    );
    assert_eq!(count(grid.scatter(&[0.0; 31]).unwrap_err()), (31, 32));
    assert_eq!(count(grid.gather(&[0.0; 33]).unwrap_err()), (33, 32));
    assert_eq!(
        count(
            grid.relayout::<f64>(&Grid::new(1, 4, 4).unwrap())
                .unwrap_err()
        ),
        (16, 32)
    );
}

#[test]
fn convolutions_that_cannot_be_are_refused() {
    let grid = Grid::new(2, 4, 4).unwrap();
    for shape in [
        [0, 2, 3, 3],
        [2, 0, 3, 3],
        [2, 2, 0, 3],
        [2, 2, 3, 0],
        [usize::MAX; 4],
    ] {
        assert!(is_shape(Convolution::new(&[1.0; 36], shape).unwrap_err()));
    }
    assert_eq!(
        count(Convolution::new(&[1.0; 35], [2, 2, 3, 3]).unwrap_err()),
        (35, 36)
    );
    let good = Convolution::new(&[1.0; 36], [2, 2, 3, 3]).unwrap();
    let largest = [usize::MAX, 1];
    let unusable = [
        good.clone().stride([0, 1]),
        good.clone().dilation([1, 0]),
        good.clone().groups(0),
        good.clone().dilation([2, 1]),
        good.clone().dilation(largest),
        good.clone().stride(largest),
        good.clone().padding(largest),
        good.clone().padding([1 << 40, 1]),
        good.clone().groups(usize::MAX),
        Convolution::new(&[1.0; 36], [3, 1, 3, 4])
            .unwrap()
            .groups(2),
        Convolution::new(&[1.0; 36], [2, 2, 9, 1]).unwrap(),
    ];
    for (number, convolution) in unusable.into_iter().enumerate() {
        let error = convolution.layer(&grid).unwrap_err();
        assert!(is_shape(error.clone()), "{number}: {error}");
    }
    assert_eq!(
        count(good.layer(&Grid::new(3, 4, 4).unwrap()).unwrap_err()),
        (3, 2)
    );
    assert_eq!(
        count(good.clone().bias(&[1.0; 3]).layer(&grid).unwrap_err()),
        (3, 2)
    );
    assert!(is_shape(good.layer_between(&grid, &grid).unwrap_err()));
    let infinite = Convolution::new(&[f64::INFINITY], [1, 1, 1, 1]).unwrap();
    let error = infinite.layer(&Grid::new(1, 2, 2).unwrap()).unwrap_err();
    assert_eq!(error, Error::Values(ValueError::NotFinite { index: 0 }));
    let biased = Convolution::new(&[1.0], [1, 1, 1, 1])
        .unwrap()
        .bias(&[f64::NAN]);
    assert!(biased.layer(&Grid::new(1, 2, 2).unwrap()).is_err());
}

#[test]
fn pools_and_windows_that_cannot_be_are_refused() {
    let grid = Grid::new(2, 4, 4).unwrap();
    for (channels, window) in [
        (0, [2, 2]),
        (1, [0, 1]),
        (usize::MAX, [2, 2]),
        (1, [usize::MAX, 2]),
    ] {
        assert!(is_shape(
            Convolution::average_pool(channels, window).unwrap_err()
        ));
    }
    assert!(is_shape(grid.sum_pool([0, 1]).unwrap_err()));
    assert!(is_shape(grid.sum_pool([5, 1]).unwrap_err()));
    let clear = ClearReals::new(64);
    let x = Vector::from_values(&clear, &[1.0; 16]).unwrap();
    assert_eq!(count(x.sum_pool(&grid, [2, 2]).unwrap_err()), (16, 32));
    assert!(Windows::new([2, 2]).im2col(1, [3, 3], &[0.0; 8]).is_err());
    assert!(is_shape(
        Windows::new([2, 2])
            .im2col(usize::MAX, [3, 3], &[0.0; 8])
            .unwrap_err()
    ));
}

#[test]
fn layers_check_lengths() {
    let grid = Grid::new(1, 3, 3).unwrap();
    let matrix = Matrix::from_fn(2, 9, |i, j| (i + j) as f64).unwrap();
    assert!(LinearLayer::dense(&grid, &matrix, &[1.0]).is_err());
    assert!(LinearLayer::dense(&Grid::new(1, 2, 2).unwrap(), &matrix, &[]).is_err());
    let layer = LinearLayer::dense(&grid, &matrix, &[]).unwrap();
    assert!(layer.then(&layer).is_err());
    let clear = ClearReals::new(64);
    let encoded = layer.encode(&clear, Position::at_level(0)).unwrap();
    assert!(
        Vector::from_values(&clear, &[1.0; 9])
            .unwrap()
            .linear_layer(&encoded)
            .is_err()
    );
}

#[test]
fn pools_of_no_channels_are_refused_whatever_their_window() {
    let pool = Convolution::average_pool(0, [usize::MAX; 2]);
    assert!(matches!(
        pool,
        Err(Error::Operands(OperandError::InvalidShape { .. }))
    ));
}

/// The bias of a layer meets ciphertexts of different levels.
#[test]
fn layers_of_vectors_with_emptied_ciphertexts() {
    let context = CkksContext::builder()
        .degree(64)
        .prime_bits(&[50, 40, 40, 40, 50])
        .scale_bits(40)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let client = context.generate_client_key().unwrap();
    let values: Vec<f64> = (0..64).map(|i| f64::from(i) / 64.0).collect();
    let x = client.encrypt(&values).unwrap();
    let map = slotwise::circuits::LinearMap::from_entries(64, 64, (0..64).map(|i| (i, i, 0.5)));
    let layer = LinearLayer::new(map.unwrap(), &[0.25; 64]).unwrap();
    let server = client.generate_server_key(&Rotations::powers_of_two());
    let x = server.unwrap().attach(x).unwrap();
    let position = Position::at_level(context.top_level());
    let layer = layer.encode(x.evaluator(), position).unwrap();
    for step in [33, -33] {
        let y = x.shift_left(step).unwrap().linear_layer(&layer).unwrap();
        for (i, found) in client.decrypt(&y).unwrap().into_iter().enumerate() {
            let from = usize::try_from(i as i64 + step).ok();
            let value = from.and_then(|from| values.get(from)).copied();
            let want = value.unwrap_or(0.0) / 2.0 + 0.25;
            assert!((found - want).abs() <= y.noise_bound());
        }
    }
}
