//! Batches of inputs: layers and activations on encrypted batches, against the same in the clear and against matrices.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::circuits::{
    Batch, BatchChoice, BatchLayer, BatchLayout, BatchStage, Chebyshev, LinearMap, Matrix,
};
use slotwise::encryption::{CkksCiphertext, Decryptor, Encryptor};
use slotwise::evaluator::{
    CkksEvaluator, ClearIntegers, ClearReals, Evaluator, Forecast, PeriodicSums, Position,
    SlotShape, Weight,
};
use slotwise::keys::{KeyGenerator, Rotations, SecretKey};
use slotwise::params::CkksContext;
use slotwise::{Error, KeyError, OperandError, ValueError};
use std::sync::Arc;

/// Keys and an evaluator of a small context.
struct Service {
    secret: Arc<SecretKey>,
    evaluator: CkksEvaluator,
    rng: ChaCha20Rng,
}

impl Service {
    fn new(rotations: &Rotations) -> Self {
        Self::with_bits(&[60, 40, 40, 40, 40, 60], rotations)
    }

    fn with_bits(bits: &[u32], rotations: &Rotations) -> Self {
        let builder = CkksContext::builder()
            .degree(512)
            .prime_bits(bits)
            .scale_bits(40);
        let context = builder.insecure_skip_security_check().build().unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        let keys = KeyGenerator::new(&secret)
            .evaluation_keys(rotations, &mut rng)
            .unwrap();
        let evaluator = CkksEvaluator::with_keys(&context, Arc::new(keys)).unwrap();
        Self {
            secret,
            evaluator,
            rng,
        }
    }

    fn context(&self) -> &CkksContext {
        self.evaluator.context()
    }

    fn layout(&self, features: usize, p: usize) -> BatchLayout {
        BatchLayout::new(self.evaluator.slot_shape(), features, p).unwrap()
    }

    fn encrypt(&mut self, layout: BatchLayout, rows: &Matrix<f64>) -> Batch<CkksEvaluator> {
        let slots = layout.fill(rows).unwrap();
        let encryptor = Encryptor::with_secret_key(self.secret.clone());
        let level = self.context().top_level();
        let ciphertexts = slots.chunks(layout.slots()).map(|slots| {
            let plaintext = self.evaluator.encoder().encode(slots, level).unwrap();
            encryptor.encrypt(&plaintext, &mut self.rng).unwrap()
        });
        let ciphertexts: Vec<CkksCiphertext> = ciphertexts.collect();
        Batch::from_ciphertexts(&self.evaluator, layout, ciphertexts).unwrap()
    }

    /// The values, and the largest bound of their errors.
    fn decrypt(&self, batch: &Batch<CkksEvaluator>, inputs: usize) -> (Matrix<f64>, f64) {
        let decryptor = Decryptor::new(&self.secret);
        let slots = batch.ciphertexts().iter().flat_map(|ciphertext| {
            let decrypted = decryptor.decrypt(ciphertext).unwrap();
            self.evaluator.encoder().decode(&decrypted).unwrap()
        });
        let bounds = batch.ciphertexts().iter().map(CkksCiphertext::noise_bound);
        let values = batch
            .layout()
            .read(&slots.collect::<Vec<_>>(), inputs)
            .unwrap();
        (values, bounds.fold(0.0, f64::max))
    }

    /// The position of layers so many levels below the top.
    fn position(&self, below: usize) -> Position {
        Position::at_level(self.context().top_level() - below)
    }
}

fn random_matrix(rows: usize, columns: usize, rng: &mut ChaCha20Rng) -> Matrix<f64> {
    let values: Vec<Vec<f64>> = (0..rows)
        .map(|_| (0..columns).map(|_| rng.random_range(-1.0..1.0)).collect())
        .collect();
    Matrix::from_rows(&values).unwrap()
}

/// `rows A^T + bias`
fn expected(rows: &Matrix<f64>, weights: &Matrix<f64>, bias: &[f64]) -> Matrix<f64> {
    Matrix::from_fn(rows.rows(), weights.rows(), |i, o| {
        let terms =
            (0..rows.columns()).map(|f| rows.get(i, f).unwrap() * weights.get(o, f).unwrap());
        terms.sum::<f64>() + bias[o]
    })
    .unwrap()
}

/// A layer that no output of which exceeds its largest input much.
fn small_weights(rows: usize, columns: usize, rng: &mut ChaCha20Rng) -> Matrix<f64> {
    let weights = random_matrix(rows, columns, rng);
    Matrix::from_fn(rows, columns, |i, j| {
        2.0 * weights.get(i, j).unwrap() / columns as f64
    })
    .unwrap()
}

fn squared(matrix: &Matrix<f64>) -> Matrix<f64> {
    Matrix::from_fn(matrix.rows(), matrix.columns(), |i, j| {
        matrix.get(i, j).unwrap().powi(2)
    })
    .unwrap()
}

#[track_caller]
fn assert_near(actual: &Matrix<f64>, expected: &Matrix<f64>, tolerance: f64) {
    assert_eq!(
        (actual.rows(), actual.columns()),
        (expected.rows(), expected.columns())
    );
    for (row, column, value) in expected.entries() {
        let found = actual.get(row, column).unwrap();
        assert!(
            (found - value).abs() <= tolerance,
            "{found} at {row}, {column} is not {value}"
        );
    }
}

fn steps_up_to(p: i64) -> Rotations {
    Rotations::steps(&(1 - p..p).filter(|&step| step != 0).collect::<Vec<_>>())
}

#[test]
fn layouts_hold_rows() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for shape in [
        SlotShape {
            rows: 1,
            columns: 16,
        },
        SlotShape {
            rows: 2,
            columns: 8,
        },
    ] {
        for p in [1, 2, 4, 8] {
            for features in [1, 3, 4, 9] {
                let layout = BatchLayout::new(shape, features, p).unwrap();
                assert_eq!(layout.inputs(), 16 / p);
                assert_eq!(layout.ciphertexts(), features.div_ceil(p));
                for inputs in 1..=layout.inputs() {
                    let rows = random_matrix(inputs, features, &mut rng);
                    let slots = layout.fill(&rows).unwrap();
                    assert_eq!(layout.read(&slots, inputs).unwrap(), rows);
                    let used = slots.iter().filter(|&&value| value != 0.0).count();
                    assert_eq!(used, inputs * features);
                }
            }
        }
    }
}

#[test]
fn layers_in_the_clear() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let evaluator = ClearReals::new(32);
    for p in [1, 2, 4, 8] {
        for (features, outputs) in [(1, 1), (3, 5), (8, 8), (9, 2), (17, 12), (2, 31)] {
            let layout = BatchLayout::new(evaluator.slot_shape(), features, p).unwrap();
            let inputs = rng.random_range(1..=layout.inputs());
            let rows = random_matrix(inputs, features, &mut rng);
            let weights = random_matrix(outputs, features, &mut rng);
            let bias: Vec<f64> = (0..outputs).map(|o| o as f64 / 8.0).collect();
            let map = LinearMap::matrix_vector(&weights);
            let layer = BatchLayer::new(layout, &map, &bias).unwrap();
            assert!(layer.key_switches() <= 2 * (p - 1) * outputs.div_ceil(p));
            assert_eq!(
                layer.rotations().is_none(),
                p == 1 || (features, outputs) == (1, 1)
            );
            let encoded = layer.encode(&evaluator, Position::at_level(0)).unwrap();
            let batch = Batch::from_rows(&evaluator, layout, &rows).unwrap();
            let found = batch.apply(&encoded).unwrap().values(inputs).unwrap();
            assert_near(&found, &expected(&rows, &weights, &bias), 1e-12);
        }
    }
}

#[test]
fn two_encrypted_layers_with_squares() {
    for (p, features, hidden, outputs) in
        [(1, 5, 4, 3), (2, 7, 6, 3), (4, 10, 9, 2), (8, 17, 20, 10)]
    {
        let mut service = Service::new(&steps_up_to(p as i64));
        let layout = service.layout(features, p);
        // Full, and one input alone.
        for inputs in [layout.inputs(), 1] {
            let mut rng = ChaCha20Rng::seed_from_u64(3);
            let rows = random_matrix(inputs, features, &mut rng);
            let weights = [
                small_weights(hidden, features, &mut rng),
                small_weights(outputs, hidden, &mut rng),
            ];
            let biases = [vec![0.25; hidden], vec![-0.5; outputs]];
            let maps = weights.each_ref().map(LinearMap::matrix_vector);
            let first = BatchLayer::new(layout, &maps[0], &biases[0]).unwrap();
            let second = BatchLayer::new(first.output_layout(), &maps[1], &biases[1]).unwrap();
            let first = first
                .encode(&service.evaluator, service.position(0))
                .unwrap();
            let second = second
                .encode(&service.evaluator, service.position(2))
                .unwrap();
            assert!(first.bytes() > 0);
            let batch = service.encrypt(layout, &rows);
            let activated = batch.apply(&first).unwrap().square().unwrap();
            let scores = activated.apply(&second).unwrap().square().unwrap();
            let hidden = squared(&expected(&rows, &weights[0], &biases[0]));
            let wanted = squared(&expected(&hidden, &weights[1], &biases[1]));
            let (found, bound) = service.decrypt(&scores, inputs);
            assert!(bound < 1e-3, "{bound}");
            assert_near(&found, &wanted, bound);
            let (compacted, bound) = service.decrypt(&scores.compact().unwrap(), inputs);
            assert_near(&compacted, &wanted, bound);
        }
    }
}

#[test]
fn matrices_and_single_operations_agree() {
    // Sparse layers, some outputs without any entry, at the top level and below it.
    // With 32 features in a ciphertext runs are shorter than panels, and the sums are made of single operations.
    for p in [1, 2, 4, 32] {
        let mut service = Service::new(&steps_up_to(p as i64));
        let layout = service.layout(11, p);
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let rows = random_matrix(layout.inputs(), 11, &mut rng);
        let entries = (0..9)
            .filter(|o| o % 4 != 1)
            .flat_map(|o| [(o, (3 * o) % 11, 0.5), (o, (o + 5) % 11, -1.5)]);
        let map = LinearMap::from_entries(9, 11, entries).unwrap();
        let layer = BatchLayer::new(layout, &map, &[]).unwrap();
        let encoded = layer
            .encode(&service.evaluator, service.position(0))
            .unwrap();
        let clear = ClearReals::new(layout.slots());
        let in_the_clear = layer.encode(&clear, Position::at_level(0)).unwrap();
        let wanted = Batch::from_rows(&clear, layout, &rows)
            .unwrap()
            .apply(&in_the_clear)
            .unwrap();
        let batch = service.encrypt(layout, &rows);
        let lower = batch
            .ciphertexts()
            .iter()
            .map(|c| Evaluator::drop_to_level(&service.evaluator, c, 3).unwrap());
        let lower = Batch::from_ciphertexts(&service.evaluator, layout, lower.collect()).unwrap();
        for batch in [&batch, &lower] {
            let (found, bound) = service.decrypt(&batch.apply(&encoded).unwrap(), layout.inputs());
            assert!(bound < 1e-5);
            assert_near(&found, &wanted.values(layout.inputs()).unwrap(), bound);
        }
    }
}

#[test]
fn polynomials_of_batches() {
    let mut service = Service::new(&steps_up_to(4));
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    for p in [1, 4] {
        let layout = service.layout(6, p);
        let rows = random_matrix(layout.inputs(), 6, &mut rng);
        let polynomials: Vec<Chebyshev> = (0..6)
            .map(|f| Chebyshev::new(&[0.5, f64::from(f) / 4.0, -0.25], -1.0..=1.0).unwrap())
            .collect();
        let batch = service.encrypt(layout, &rows);
        let at = |f: usize, x: f64| polynomials[f].at(x);
        let same = Matrix::from_fn(rows.rows(), 6, |i, f| at(2, rows.get(i, f).unwrap())).unwrap();
        let (found, bound) =
            service.decrypt(&batch.evaluate(&polynomials[2]).unwrap(), rows.rows());
        assert_near(&found, &same, bound);
        let each = Matrix::from_fn(rows.rows(), 6, |i, f| at(f, rows.get(i, f).unwrap())).unwrap();
        let activated = batch.evaluate_each(&polynomials).unwrap();
        let (found, bound) = service.decrypt(&activated, rows.rows());
        assert_near(&found, &each, bound);
        // Polynomials of several degrees leave ciphertexts at several levels: a layer joins them.
        let mixed: Vec<Chebyshev> = (0..6)
            .map(|f| Chebyshev::new(&vec![0.1; 2 + f / 4], -1.0..=1.0).unwrap())
            .collect();
        let weights = random_matrix(3, 6, &mut rng);
        let layer = BatchLayer::new(layout, &LinearMap::matrix_vector(&weights), &[]).unwrap();
        let layer = layer
            .encode(&service.evaluator, service.position(1))
            .unwrap();
        let activated = batch.evaluate_each(&mixed).unwrap().apply(&layer).unwrap();
        let (found, bound) = service.decrypt(&activated, rows.rows());
        let each =
            Matrix::from_fn(rows.rows(), 6, |i, f| mixed[f].at(rows.get(i, f).unwrap())).unwrap();
        assert_near(&found, &expected(&each, &weights, &[0.0; 3]), bound);
    }
}

#[test]
fn forecasts_foresee_batches() {
    for p in [1, 4] {
        let mut service = Service::new(&steps_up_to(p as i64));
        let layout = service.layout(9, p);
        let mut rng = ChaCha20Rng::seed_from_u64(6);
        let rows = random_matrix(layout.inputs(), 9, &mut rng);
        let weights = random_matrix(7, 9, &mut rng);
        let layer =
            BatchLayer::new(layout, &LinearMap::matrix_vector(&weights), &[0.5; 7]).unwrap();
        let encoded = layer
            .encode(&service.evaluator, service.position(0))
            .unwrap();
        let run = service
            .encrypt(layout, &rows)
            .apply(&encoded)
            .unwrap()
            .square()
            .unwrap();

        let forecast = Forecast::new(service.context()).with_values();
        let encoded = layer.encode(&forecast, service.position(0)).unwrap();
        let slots = layout.fill(&rows).unwrap();
        let level = service.context().top_level();
        let ciphertexts = slots
            .chunks(layout.slots())
            .map(|slots| forecast.encrypt(slots, level).unwrap());
        let batch = Batch::from_ciphertexts(&forecast, layout, ciphertexts.collect()).unwrap();
        let foreseen = batch.apply(&encoded).unwrap().square().unwrap();
        for (actual, foreseen) in run.ciphertexts().iter().zip(foreseen.ciphertexts()) {
            assert_eq!(actual.state(), foreseen.state());
        }
        let values: Vec<f64> = foreseen
            .ciphertexts()
            .iter()
            .flat_map(|c| c.values().unwrap().to_vec())
            .collect();
        let values = foreseen.layout().read(&values, rows.rows()).unwrap();
        assert_near(
            &values,
            &squared(&expected(&rows, &weights, &[0.5; 7])),
            1e-12,
        );
        let typical = foreseen.ciphertexts().iter().map(|c| c.typical_error());
        let (found, bound) = service.decrypt(&run, rows.rows());
        let typical = typical.fold(0.0, f64::max);
        assert_near(&found, &values, typical);
        assert!(typical < bound);
        assert_eq!(forecast.rotations().is_none(), p == 1);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let service = Service::new(&Rotations::steps(&[1]));
    let shape = service.evaluator.slot_shape();
    let layout = service.layout(6, 4);
    let values = |error| Error::Values(error);
    assert_eq!(
        BatchLayout::new(shape, 0, 1).unwrap_err(),
        values(ValueError::Empty)
    );
    let huge = 1 << 62;
    assert!(matches!(
        BatchLayout::new(shape, huge, 1),
        Err(Error::Values(ValueError::TooLarge { .. }))
    ));
    for (rows, columns) in [(0, 8), (1, 0), (3, 8), (1, 24), (1, huge), (huge, huge)] {
        let shape = SlotShape { rows, columns };
        assert!(BatchLayout::new(shape, 5, 1).is_err());
    }
    for p in [0, 3, 512] {
        let refused = BatchLayout::new(shape, 5, p).unwrap_err();
        assert_eq!(refused, values(ValueError::InvalidSlotCount { slots: p }));
    }
    let (given, capacity) = (65, 64);
    let rows = Matrix::from_fn(given, 6, |_, _| 1.0).unwrap();
    assert_eq!(
        layout.fill(&rows).unwrap_err(),
        values(ValueError::TooManyValues { given, capacity })
    );
    assert!(matches!(
        layout.fill(&Matrix::from_fn(2, 5, |_, _| 1.0).unwrap()),
        Err(Error::Operands(OperandError::Count { .. }))
    ));
    assert!(layout.read(&[0.0; 10], 1).is_err());

    let map = LinearMap::matrix_vector(&Matrix::from_fn(5, 6, |i, j| (i + j) as f64).unwrap());
    let count = |error: Error| match error {
        Error::Operands(OperandError::Count { have, need, .. }) => (have, need),
        other => panic!("{other}"),
    };
    let error = BatchLayer::new(layout, &map, &[0.0; 4]).unwrap_err();
    assert_eq!(count(error), (4, 5));
    let nan = [0.0, 0.0, f64::NAN, 0.0, 0.0];
    assert_eq!(
        BatchLayer::new(layout, &map, &nan).unwrap_err(),
        values(ValueError::NotFinite { index: 2 })
    );
    let error = BatchLayer::new(service.layout(7, 4), &map, &[]).unwrap_err();
    assert_eq!(count(error), (6, 7));
    let layer = BatchLayer::new(layout, &map, &[]).unwrap();
    assert!(
        layer
            .encode(&ClearReals::new(8), Position::at_level(0))
            .is_err()
    );
    assert!(matches!(
        layer
            .encode(&service.evaluator, Position::at_level(0))
            .unwrap_err(),
        Error::Operands(OperandError::LevelExhausted { .. })
    ));
}

#[test]
fn layers_refuse_batches_before_any_work() {
    let mut service = Service::new(&Rotations::steps(&[3]));
    let layout = service.layout(6, 4);
    let rows = Matrix::from_fn(3, 6, |_, _| 1.0).unwrap();
    let map = LinearMap::matrix_vector(&Matrix::from_fn(5, 6, |i, j| (i + j) as f64).unwrap());
    let layer = BatchLayer::new(layout, &map, &[]).unwrap();
    let encoded = layer
        .encode(&service.evaluator, service.position(0))
        .unwrap();
    let batch = service.encrypt(layout, &rows);
    // All steps without a key at once.
    let Error::Keys(KeyError::MissingRotationKeys { mut steps, .. }) =
        batch.apply(&encoded).unwrap_err()
    else {
        panic!("keys are missing");
    };
    steps
        .iter_mut()
        .for_each(|step| *step = (*step + 128).rem_euclid(256) - 128);
    steps.sort_unstable();
    assert_eq!(steps, [-3, -2, -1, 1, 2]);
    // Another layout.
    let other = service.layout(6, 2);
    let other = service.encrypt(other, &rows);
    assert!(matches!(
        other.apply(&encoded),
        Err(Error::Operands(OperandError::InvalidShape { .. }))
    ));
    // Weights of a lower level, and no level at all.
    let lower = layer
        .encode(&service.evaluator, service.position(1))
        .unwrap();
    let (encoded, level) = (
        service.context().top_level() - 1,
        service.context().top_level(),
    );
    assert_eq!(
        batch.apply(&lower).unwrap_err(),
        Error::Operands(OperandError::EncodedForLowerLevel { encoded, level })
    );
    let bottom = batch
        .ciphertexts()
        .iter()
        .map(|c| service.evaluator.drop_to_level(c, 0).unwrap());
    let bottom = Batch::from_ciphertexts(&service.evaluator, layout, bottom.collect()).unwrap();
    assert!(matches!(
        bottom.apply(&lower),
        Err(Error::Operands(OperandError::LevelExhausted { .. }))
    ));
    let too_few = batch.ciphertexts()[..1].to_vec();
    assert!(Batch::from_ciphertexts(&service.evaluator, layout, too_few).is_err());
}

#[test]
fn primes_of_every_size() {
    // Above 50 bits other kernels are used, and up to 26 others again.
    for bits in [[60, 40, 40, 60], [45, 26, 26, 50]] {
        let mut service = Service::with_bits(&bits, &steps_up_to(2));
        let layout = service.layout(40, 2);
        let mut rng = ChaCha20Rng::seed_from_u64(8);
        let rows = random_matrix(layout.inputs(), 40, &mut rng);
        let weights = random_matrix(6, 40, &mut rng);
        let layer = BatchLayer::new(layout, &LinearMap::matrix_vector(&weights), &[]).unwrap();
        let layer = layer
            .encode(&service.evaluator, service.position(0))
            .unwrap();
        let found = service.encrypt(layout, &rows).apply(&layer).unwrap();
        let (found, bound) = service.decrypt(&found, rows.rows());
        assert_near(&found, &expected(&rows, &weights, &[0.0; 6]), bound);
    }
}

#[test]
fn choices_say_why() {
    let builder = CkksContext::builder()
        .degree(8192)
        .prime_bits(&[33, 26, 26, 26, 26, 26, 51]);
    let context = builder.scale_bits(26).build().unwrap();
    let map = |outputs, inputs| {
        LinearMap::matrix_vector(&Matrix::from_fn(outputs, inputs, |i, j| (i + j) as f64).unwrap())
    };
    let maps = [map(128, 784), map(64, 128), map(10, 64)];
    let stages: Vec<BatchStage<'_>> = maps
        .iter()
        .zip([(5, 1), (3, 1), (1, 0)])
        .map(|(map, (level, products))| BatchStage {
            map,
            level,
            products,
        })
        .collect();
    let choose = |inputs| BatchChoice::new(&context, inputs, &stages).unwrap();
    assert_eq!(choose(1000).best().per_ciphertext, 4);
    assert_eq!(choose(4096).best().per_ciphertext, 1);
    let best = choose(1000).best().clone();
    assert_eq!(
        (best.ciphertexts, best.key_switches, best.rotation_keys),
        (196, 304 + 48, 6)
    );
    let text = choose(1000).to_string();
    assert!(
        text.contains("4 features in a ciphertext") && text.contains("1000 inputs"),
        "{text}"
    );
    assert_eq!(
        BatchChoice::new(&context, 0, &stages).unwrap_err(),
        Error::Values(ValueError::Empty)
    );
    assert_eq!(
        BatchChoice::new(&context, 1, &[]).unwrap_err(),
        Error::Values(ValueError::Empty)
    );
}

#[test]
fn rotations_composed_of_others() {
    let mut service = Service::new(&Rotations::powers_of_two());
    let layout = service.layout(10, 4);
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let rows = random_matrix(layout.inputs(), 10, &mut rng);
    let weights = random_matrix(5, 10, &mut rng);
    let layer = BatchLayer::new(layout, &LinearMap::matrix_vector(&weights), &[]).unwrap();
    let layer = layer
        .encode(&service.evaluator, service.position(0))
        .unwrap();
    let found = service.encrypt(layout, &rows).apply(&layer).unwrap();
    let (found, bound) = service.decrypt(&found, rows.rows());
    assert!(bound < 1e-5, "{bound}");
    assert_near(&found, &expected(&rows, &weights, &[0.0; 5]), bound);
}

#[test]
fn layers_of_integers() {
    let evaluator = ClearIntegers::new(16, 1_000_003).unwrap();
    for p in [1, 2, 8] {
        let layout = BatchLayout::new(evaluator.slot_shape(), 5, p).unwrap();
        let rows = Matrix::from_fn(layout.inputs(), 5, |i, j| (i * j) as i64 - 3).unwrap();
        let weights = Matrix::from_fn(3, 5, |i, j| i as i64 - j as i64).unwrap();
        let layer =
            BatchLayer::new(layout, &LinearMap::matrix_vector(&weights), &[1, 2, 3]).unwrap();
        let layer = layer.encode(&evaluator, Position::at_level(0)).unwrap();
        let slots = layout.fill(&rows).unwrap();
        let ciphertexts = slots.chunks(layout.slots()).map(<[i64]>::to_vec).collect();
        let batch = Batch::from_ciphertexts(&evaluator, layout, ciphertexts).unwrap();
        let outputs = batch.apply(&layer).unwrap().square().unwrap();
        let found = outputs
            .layout()
            .read(&outputs.ciphertexts().concat(), layout.inputs())
            .unwrap();
        for (row, column, value) in found.entries() {
            let terms = (0..5).map(|j| rows.get(row, j).unwrap() * weights.get(column, j).unwrap());
            let sum = terms.sum::<i64>() + column as i64 + 1;
            assert_eq!(value, sum * sum);
        }
    }
}

#[test]
fn sums_that_make_no_sense_are_refused() {
    let weight = |output, input, slot, value| Weight {
        output,
        input,
        step: 0,
        slot,
        value,
    };
    let refused = |shape, period, weight: Weight<f64>| {
        PeriodicSums::new(shape, period, [weight]).unwrap_err()
    };
    let good = weight(0, 0, 0, 1.0);
    assert_eq!(refused((0, 1), 1, good), Error::Values(ValueError::Empty));
    assert_eq!(refused((1, 0), 1, good), Error::Values(ValueError::Empty));
    assert!(matches!(
        refused((usize::MAX, 1), 1, good),
        Error::Values(ValueError::TooLarge { .. })
    ));
    assert!(matches!(
        refused((1, 1), 1 << 40, good),
        Error::Values(ValueError::InvalidSlotCount { .. })
    ));
    let slots = 3;
    assert_eq!(
        refused((1, 1), 3, good),
        Error::Values(ValueError::InvalidSlotCount { slots })
    );
    let outside = |index, length| Error::Operands(OperandError::IndexOutOfRange { index, length });
    assert_eq!(refused((2, 2), 2, weight(2, 0, 0, 1.0)), outside(2, 2));
    assert_eq!(refused((2, 2), 2, weight(0, 3, 0, 1.0)), outside(3, 2));
    assert_eq!(refused((2, 2), 2, weight(0, 0, 2, 1.0)), outside(2, 2));
    let infinite = refused((1, 1), 1, weight(0, 0, 0, f64::INFINITY));
    assert_eq!(infinite, Error::Values(ValueError::NotFinite { index: 0 }));
    let twice = [weight(0, 0, 0, f64::MAX); 2];
    assert!(PeriodicSums::new((1, 1), 1, twice).is_err());
    // Weights of one place add up; a period longer than a row is refused.
    let sums = PeriodicSums::new((1, 1), 8, [weight(0, 0, 1, 1.0), weight(0, 0, 1, 2.0)]).unwrap();
    assert_eq!((sums.terms(), sums.key_switches()), (1, 0));
    let at = Position::at_level(0);
    let evaluator = ClearReals::new(8);
    let encoded = evaluator.encode_sums(&sums, at).unwrap();
    let ones = vec![1.0; 8];
    let found = evaluator.periodic_sums(&[&ones], &encoded).unwrap();
    assert_eq!(found, [[0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]);
    assert!(evaluator.periodic_sums(&[&ones, &ones], &encoded).is_err());
    assert!(ClearReals::new(4).encode_sums(&sums, at).is_err());
}
