//! A fitted network on batches: what runs on every evaluator.

use crate::circuits::{
    Batch, BatchLayer, BatchLayout, BatchStage, Chebyshev, EncodedBatchLayer, Program, Vector,
};
use crate::error::{Error, Result, ValueError};
use crate::evaluator::{Evaluator, Forecast, Position};
use crate::networks::FittedNetwork;
use crate::networks::stage::{LinearStage, Stage};

/// A fitted network with so many features of each input in a ciphertext.
pub(super) struct BatchSteps<'a> {
    pub(super) network: &'a FittedNetwork,
    pub(super) per_ciphertext: usize,
}

/// What a dry run knows of a linear layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct MetLayer {
    /// Where it meets its input.
    pub(super) position: Position,
    /// The error of its result that is stated.
    error: f64,
}

/// The linear layers of a network, encoded in the order in which they run.
pub(super) struct EncodedSteps<E: Evaluator> {
    layers: Vec<(EncodedBatchLayer<E>, MetLayer)>,
}

/// What applies a linear layer.
type Apply<'a, E> = dyn FnMut(&LinearStage, &Batch<E>) -> Result<Batch<E>> + 'a;

/// Runs stages; `linear` applies the linear layers.
fn run<E: Evaluator<Scalar = f64>>(
    stages: &[Stage],
    mut x: Batch<E>,
    linear: &mut Apply<'_, E>,
) -> Result<Batch<E>> {
    for stage in stages {
        x = match stage {
            Stage::Linear(stage) => linear(stage, &x)?,
            Stage::Square => x.square()?,
            Stage::Polynomials(polynomials) => x.evaluate_each(polynomials)?,
            Stage::Residual { skip, inner, bound } => {
                let direct = match skip {
                    Some(skip) => linear(skip, &x)?,
                    None => x.clone(),
                };
                bounded(&direct.add(&run(inner, x, linear)?)?, *bound)?
            }
        };
    }
    Ok(x)
}

/// States the bound of a batch; an infinite one is not stated.
fn bounded<E: Evaluator>(x: &Batch<E>, bound: f64) -> Result<Batch<E>> {
    if bound.is_infinite() {
        return Ok(x.clone());
    }
    x.moved(|evaluator, a| evaluator.assume_message_bound(a.clone(), bound))
}

fn layer(stage: &LinearStage, layout: BatchLayout) -> Result<BatchLayer<f64>> {
    BatchLayer::new(layout, stage.layer().map(), stage.layer().bias())
}

/// Applies a layer that is encoded for this use.
fn apply_now<E: Evaluator<Scalar = f64>>(stage: &LinearStage, x: &Batch<E>) -> Result<Batch<E>> {
    let encoded = layer(stage, x.layout())?.encode(x.evaluator(), x.factor_position()?)?;
    let y = bounded(&x.apply(&encoded)?, stage.bound())?;
    y.moved(|evaluator, a| evaluator.assume_typical_error(a.clone(), ERROR))
}

/// The stated error bound of a layer, in times of the error to expect (six standard deviations).
const ERROR: f64 = 2.0;

impl BatchSteps<'_> {
    /// The layout of the inputs.
    pub(super) fn layout<E: Evaluator>(&self, evaluator: &E) -> Result<BatchLayout> {
        let features = self.network.input_shape().iter().product();
        BatchLayout::new(evaluator.slot_shape(), features, self.per_ciphertext)
    }

    /// The batch in an input's ciphertexts. One of another ring's number is taken for as many as this one's.
    fn batch<E: Evaluator>(&self, input: &Vector<E>) -> Result<Batch<E>> {
        let layout = self.layout(input.evaluator())?;
        let ciphertexts = input
            .ciphertexts()
            .iter()
            .cycle()
            .take(layout.ciphertexts());
        Batch::from_ciphertexts(input.evaluator(), layout, ciphertexts.cloned().collect())
    }

    /// Where the linear layers meet their inputs and how large their errors are, in the order in which they run.
    pub(super) fn foreseen(&self, x: &Vector<Forecast>) -> Result<Vec<MetLayer>> {
        let mut met = Vec::new();
        run(
            self.network.stages(),
            self.batch(x)?,
            &mut |stage: &LinearStage, x: &Batch<Forecast>| {
                let position = x.factor_position()?;
                let y = apply_now(stage, x)?;
                let errors = y.ciphertexts().iter().map(|a| a.noise_bound());
                let error = errors.fold(0.0, f64::max);
                met.push(MetLayer { position, error });
                Ok(y)
            },
        )?;
        Ok(met)
    }

    /// The linear layers with their levels and the products after each.
    pub(super) fn costs(&self, met: &[MetLayer]) -> Vec<BatchStage<'_>> {
        let mut found = Vec::new();
        costs(self.network.stages(), &mut met.iter(), &mut found);
        found
    }

    /// Encodes all linear layers as [`foreseen`](Self::foreseen) tells.
    pub(super) fn encode<E: Evaluator<Scalar = f64>>(
        &self,
        evaluator: &E,
        met: &[MetLayer],
    ) -> Result<EncodedSteps<E>> {
        let mut stages = Vec::new();
        linear_stages(self.network.stages(), &mut stages);
        let input = self.layout(evaluator)?;
        let layers = stages.iter().zip(met).map(|(stage, met)| {
            let layout = input.with_features(stage.layer().map().inputs())?;
            Ok((layer(stage, layout)?.encode(evaluator, met.position)?, *met))
        });
        Ok(EncodedSteps {
            layers: layers.collect::<Result<_>>()?,
        })
    }
}

/// All linear stages in the order in which they run.
fn linear_stages<'a>(stages: &'a [Stage], found: &mut Vec<&'a LinearStage>) {
    for stage in stages {
        match stage {
            Stage::Linear(linear) => found.push(linear),
            Stage::Residual { skip, inner, .. } => {
                found.extend(skip.as_ref());
                linear_stages(inner, found);
            }
            Stage::Square | Stage::Polynomials(_) => (),
        }
    }
}

fn costs<'a>(
    stages: &'a [Stage],
    met: &mut std::slice::Iter<'_, MetLayer>,
    found: &mut Vec<BatchStage<'a>>,
) {
    let mut add = |linear: &'a LinearStage, found: &mut Vec<BatchStage<'a>>| {
        let level = met.next().map_or(0, |met| met.position.level());
        let (map, products) = (linear.layer().map(), 0);
        found.push(BatchStage {
            map,
            level,
            products,
        });
    };
    for stage in stages {
        let products = match stage {
            Stage::Linear(linear) => {
                add(linear, found);
                0
            }
            Stage::Residual { skip, inner, .. } => {
                skip.iter().for_each(|skip| add(skip, found));
                let mut own = Vec::new();
                linear_stages(inner, &mut own);
                own.into_iter().for_each(|linear| add(linear, found));
                0
            }
            Stage::Square => 1,
            Stage::Polynomials(polynomials) => {
                let degrees = polynomials.iter().map(Chebyshev::degree);
                // About sqrt(2 d) + log2 d products.
                let degree = degrees.max().unwrap_or(0);
                (2 * degree).isqrt() + degree.checked_ilog2().unwrap_or(0) as usize
            }
        };
        if let Some(last) = found.last_mut() {
            last.products += products;
        }
    }
}

/// The levels that stages take.
pub(super) fn levels(stages: &[Stage]) -> usize {
    let of_stage = |stage: &Stage| match stage {
        Stage::Linear(_) | Stage::Square => 1,
        Stage::Polynomials(polynomials) => {
            let depths = polynomials.iter().map(Chebyshev::depth);
            depths.max().unwrap_or(0)
        }
        Stage::Residual { skip, inner, .. } => levels(inner).max(usize::from(skip.is_some())),
    };
    stages.iter().map(of_stage).sum()
}

impl Program for BatchSteps<'_> {
    fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> Result<Vec<Vector<E>>> {
        let input = inputs.first().ok_or(Error::Values(ValueError::Empty))?;
        let output = run(self.network.stages(), self.batch(input)?, &mut apply_now)?;
        // As the server sends it: what compacting costs is part of the error to expect.
        Ok(vec![output.to_vector()?.compact()?])
    }
}

impl<E: Evaluator<Scalar = f64>> EncodedSteps<E> {
    /// The bytes of all encoded weights.
    pub(super) fn bytes(&self) -> usize {
        self.layers.iter().map(|(layer, _)| layer.bytes()).sum()
    }

    /// The outputs of a batch.
    pub(super) fn run(&self, stages: &[Stage], x: Batch<E>) -> Result<Batch<E>> {
        let mut layers = self.layers.iter();
        run(stages, x, &mut |stage: &LinearStage, x: &Batch<E>| {
            let (layer, met) = layers.next().ok_or(Error::Values(ValueError::Empty))?;
            let y = bounded(&x.apply(layer)?, stage.bound())?;
            y.moved(|evaluator, a| evaluator.assume_error_bound(a.clone(), met.error))
        })
    }
}
