//! Fully connected networks in the clear, trained by stochastic gradient descent. With one layer and one output this is logistic
//! regression.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

/// The inputs of one case, and its class.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) features: Vec<f32>,
    pub(crate) class: usize,
}

/// How a client trains in a round.
#[derive(Clone, Copy)]
pub(crate) struct Training {
    pub(crate) epochs: usize,
    pub(crate) batch: usize,
    pub(crate) rate: f32,
}

/// The sizes of the layers: inputs, hidden neurons (ReLU), outputs. One output is the logit of class 1, several are scores for softmax.
///
/// The parameters are one vector: for each layer the weights, output by output, and then the biases.
pub(crate) struct Network {
    sizes: &'static [usize],
}

/// Where a layer lies in the vector of parameters.
struct Layer {
    inputs: usize,
    weights: usize,
    biases: usize,
}

impl Network {
    pub(crate) fn new(sizes: &'static [usize]) -> Self {
        Self { sizes }
    }

    /// The number of parameters.
    pub(crate) fn parameters(&self) -> usize {
        let layers = self.sizes.windows(2);
        layers.map(|pair| (pair[0] + 1) * pair[1]).sum()
    }

    /// Random weights, uniform with variance `2 / inputs`, and biases of 0.
    pub(crate) fn initial(&self, seed: u64) -> Vec<f64> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut parameters = vec![0.0; self.parameters()];
        for layer in self.layers() {
            let bound = (6.0 / layer.inputs as f64).sqrt();
            let weights = &mut parameters[layer.weights..layer.biases];
            weights.fill_with(|| rng.random_range(-bound..=bound));
        }
        parameters
    }

    /// The parameters after training on `samples`, whose order in each epoch depends on the seed.
    pub(crate) fn train(
        &self,
        start: &[f32],
        samples: &[Sample],
        training: Training,
        seed: u64,
    ) -> Vec<f32> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut parameters = start.to_vec();
        let mut order: Vec<&Sample> = samples.iter().collect();
        for _ in 0..training.epochs {
            order.shuffle(&mut rng);
            for batch in order.chunks(training.batch) {
                let mut gradient = vec![0.0; parameters.len()];
                for sample in batch {
                    self.add_gradient(&parameters, sample, &mut gradient);
                }
                let step = training.rate / batch.len() as f32;
                for (parameter, slope) in parameters.iter_mut().zip(&gradient) {
                    *parameter -= step * slope;
                }
            }
        }
        parameters
    }

    /// The share of samples whose class is found.
    pub(crate) fn accuracy(&self, parameters: &[f32], samples: &[Sample]) -> f64 {
        let right = samples.iter().filter(|sample| {
            let outputs = self.forward(parameters, &sample.features);
            let found = match outputs.last().map(Vec::as_slice) {
                Some([logit]) => usize::from(*logit > 0.0),
                Some(scores) => largest(scores),
                None => return false,
            };
            found == sample.class
        });
        right.count() as f64 / samples.len() as f64
    }

    /// The outputs of each layer in turn, after the input.
    fn forward(&self, parameters: &[f32], features: &[f32]) -> Vec<Vec<f32>> {
        let mut outputs = vec![features.to_vec()];
        let mut layers = self.layers().peekable();
        while let Some(layer) = layers.next() {
            let input = &outputs[outputs.len() - 1];
            let rows = parameters[layer.weights..layer.biases].chunks_exact(layer.inputs);
            let sums = rows
                .zip(&parameters[layer.biases..])
                .map(|(row, bias)| dot(row, input) + bias);
            let is_hidden = layers.peek().is_some();
            let output = sums.map(|sum| if is_hidden { sum.max(0.0) } else { sum });
            let output = output.collect();
            outputs.push(output);
        }
        outputs
    }

    /// Adds the gradient of a sample's cross-entropy.
    fn add_gradient(&self, parameters: &[f32], sample: &Sample, gradient: &mut [f32]) {
        let mut outputs = self.forward(parameters, &sample.features);
        // The loss by the last layer's sums is the probabilities less the truth.
        let mut slopes = probabilities(&outputs.pop().unwrap_or_default());
        match &mut slopes[..] {
            [only] => *only -= sample.class as f32,
            several => several[sample.class] -= 1.0,
        }
        let layers: Vec<Layer> = self.layers().collect();
        for (layer, input) in layers.iter().zip(&outputs).rev() {
            let mut below = vec![0.0; layer.inputs];
            for (number, &slope) in slopes.iter().enumerate() {
                let start = layer.weights + number * layer.inputs;
                let row = start..start + layer.inputs;
                add_multiple(&mut gradient[row.clone()], slope, input);
                add_multiple(&mut below, slope, &parameters[row]);
                gradient[layer.biases + number] += slope;
            }
            for (slope, &output) in below.iter_mut().zip(input) {
                *slope = if output > 0.0 { *slope } else { 0.0 };
            }
            slopes = below;
        }
    }

    fn layers(&self) -> impl Iterator<Item = Layer> {
        self.sizes.windows(2).scan(0, |end, pair| {
            let (inputs, outputs) = (pair[0], pair[1]);
            let weights = *end;
            let biases = weights + inputs * outputs;
            *end = biases + outputs;
            Some(Layer {
                inputs,
                weights,
                biases,
            })
        })
    }
}

/// The sigmoid of a lone logit, the softmax of several scores.
fn probabilities(scores: &[f32]) -> Vec<f32> {
    if let [logit] = scores {
        return vec![1.0 / (1.0 + (-logit).exp())];
    }
    let most = scores.iter().copied().fold(f32::MIN, f32::max);
    let powers: Vec<f32> = scores.iter().map(|score| (score - most).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

fn largest(scores: &[f32]) -> usize {
    let pairs = scores.iter().enumerate();
    pairs
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map_or(0, |(i, _)| i)
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn add_multiple(sum: &mut [f32], factor: f32, row: &[f32]) {
    for (sum, x) in sum.iter_mut().zip(row) {
        *sum += factor * x;
    }
}
