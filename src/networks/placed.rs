//! A fitted network in slots: what runs on every evaluator.

use crate::circuits::{Chebyshev, EncodedLayer, Grid, LinearLayer, Program, Vector};
use crate::error::{Error, Result, ValueError};
use crate::evaluator::{Evaluator, Forecast, Position, SlotShape};
use crate::networks::FittedNetwork;
use crate::networks::layout::{self, InputLayout, Layout};
use crate::networks::stage::{LinearStage, Output, Stage};
use std::cell::RefCell;

/// A fitted network whose values lie in a layout.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) input: InputLayout,
    /// The values of the encrypted input.
    pub(super) input_size: usize,
    /// Where the outputs lie in the result.
    pub(super) output: Layout,
    steps: Vec<Step<PlacedLayer>>,
}

/// A stage on slots, with linear layers of one kind.
#[derive(Debug)]
enum Step<L> {
    Linear(L),
    Square,
    Polynomials(Vec<Chebyshev>),
    Residual {
        skip: Option<L>,
        inner: Vec<Step<L>>,
        bound: f64,
    },
}

/// A linear layer on slots, and the bound of its values that is stated.
#[derive(Debug)]
struct PlacedLayer {
    layer: LinearLayer<f64>,
    bound: f64,
}

/// What a dry run knows of a linear layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Met {
    /// Where it meets its input.
    position: Position,
    /// The error of its result that is stated.
    error: f64,
}

impl<L> Step<L> {
    /// The step with its linear layers replaced, in the order in which they run.
    fn map<M>(&self, layer: &mut impl FnMut(&L) -> Result<M>) -> Result<Step<M>> {
        Ok(match self {
            Self::Linear(linear) => Step::Linear(layer(linear)?),
            Self::Square => Step::Square,
            Self::Polynomials(polynomials) => Step::Polynomials(polynomials.clone()),
            Self::Residual { skip, inner, bound } => Step::Residual {
                skip: skip.as_ref().map(&mut *layer).transpose()?,
                inner: map_all(inner, layer)?,
                bound: *bound,
            },
        })
    }
}

fn map_all<L, M>(
    steps: &[Step<L>],
    layer: &mut impl FnMut(&L) -> Result<M>,
) -> Result<Vec<Step<M>>> {
    steps.iter().map(|step| step.map(layer)).collect()
}

/// Runs steps; `linear` applies a linear layer.
fn run<L, E: Evaluator<Scalar = f64>>(
    steps: &[Step<L>],
    input: &Vector<E>,
    linear: &impl Fn(&L, &Vector<E>) -> Result<Vector<E>>,
) -> Result<Vector<E>> {
    let mut x = input.clone();
    for step in steps {
        x = match step {
            Step::Linear(layer) => linear(layer, &x)?,
            Step::Square => x.square()?,
            Step::Polynomials(polynomials) => x.evaluate_each(polynomials)?,
            Step::Residual { skip, inner, bound } => {
                let direct = match skip {
                    Some(skip) => linear(skip, &x)?,
                    None => x.clone(),
                };
                bounded((direct + run(inner, &x, linear)?)?, *bound)?
            }
        };
    }
    Ok(x)
}

impl Placed {
    /// All layouts of the input that are worth a comparison in rows of so many slots, and the network in them.
    pub(super) fn candidates(network: &FittedNetwork, slots: usize) -> Result<Vec<Self>> {
        let stages = network.stages.as_slice();
        let images: Option<[usize; 3]> = network.input_shape[..].try_into().ok();
        let (layout, input) = match images {
            // A dense layer of images needs no room between them.
            Some([channels, rows, columns]) if !starts_dense(stages) => {
                let grid = Grid::new(channels, rows, columns)?;
                let input = InputLayout::Images([channels, rows, columns]);
                (Layout::images(grid), input)
            }
            _ => {
                let features = network.input_shape.iter().product();
                (Layout::vector(features), InputLayout::Vector)
            }
        };
        let input_size = layout.size;
        let (steps, output) = place(stages, layout)?;
        let mut found = vec![Self {
            input,
            input_size,
            output,
            steps,
        }];
        if let Some((Stage::Linear(first), rest)) = stages.split_first() {
            for start in first_layers(network, first, slots)? {
                found.push(Self::starting_with(start, first.bound, rest)?);
            }
        }
        Ok(found)
    }

    fn starting_with(
        (input, layer, layout): FirstLayer,
        bound: f64,
        rest: &[Stage],
    ) -> Result<Self> {
        let input_size = layer.map().inputs();
        let (rest, output) = place(rest, layout)?;
        let mut steps = vec![Step::Linear(PlacedLayer { layer, bound })];
        steps.extend(rest);
        Ok(Self {
            input,
            input_size,
            output,
            steps,
        })
    }

    /// The network with a weight for each rotation key, as [`LinearLayer::with_key_weight`].
    pub(super) fn with_key_weight(self, weight: f64) -> Result<Self> {
        let steps = map_all(&self.steps, &mut |placed: &PlacedLayer| {
            Ok(PlacedLayer {
                layer: placed.layer.clone().with_key_weight(weight),
                bound: placed.bound,
            })
        })?;
        Ok(Self { steps, ..self })
    }

    /// The key switches of all linear layers.
    pub(super) fn key_switches(&self, shape: SlotShape) -> Result<usize> {
        let mut sum = 0;
        map_all(&self.steps, &mut |placed: &PlacedLayer| {
            sum += placed.layer.map().plan(shape)?.key_switches();
            Ok(())
        })?;
        Ok(sum)
    }

    /// The levels that the network takes.
    pub(super) fn levels(&self) -> usize {
        levels(&self.steps)
    }

    /// Encodes all linear layers as [`foreseen`](Self::foreseen) tells.
    pub(super) fn encode<E: Evaluator<Scalar = f64>>(
        &self,
        evaluator: &E,
        met: &[Met],
    ) -> Result<Encoded<E>> {
        let mut met = met.iter();
        let mut encode = |placed: &PlacedLayer| {
            let met = met.next().ok_or(Error::Values(ValueError::Empty))?;
            Ok(ReadyLayer {
                layer: placed.layer.encode(evaluator, met.position)?,
                bound: placed.bound,
                error: met.error,
            })
        };
        let steps = map_all(&self.steps, &mut encode)?;
        Ok(Encoded { steps })
    }

    /// Where the linear layers meet their inputs and how large their errors are, in the order in which they run.
    pub(super) fn foreseen(&self, x: &Vector<Forecast>) -> Result<Vec<Met>> {
        let all = RefCell::new(Vec::new());
        run(&self.steps, x, &|placed: &PlacedLayer, x| {
            let position = highest_position(x)?;
            let y = placed.apply(x)?;
            let errors = y.ciphertexts().iter();
            let error = errors.fold(0.0, |most: f64, chunk| most.max(chunk.noise_bound()));
            all.borrow_mut().push(Met { position, error });
            Ok(y)
        })?;
        Ok(all.into_inner())
    }
}

fn levels<L>(steps: &[Step<L>]) -> usize {
    let of_step = |step: &Step<L>| match step {
        Step::Linear(_) | Step::Square => 1,
        Step::Polynomials(polynomials) => {
            let depths = polynomials.iter().map(Chebyshev::depth);
            depths.max().unwrap_or(0)
        }
        Step::Residual { skip, inner, .. } => levels(inner).max(usize::from(skip.is_some())),
    };
    steps.iter().map(of_step).sum()
}

impl PlacedLayer {
    /// Applies the layer, encoded for this use.
    fn apply<E: Evaluator<Scalar = f64>>(&self, x: &Vector<E>) -> Result<Vector<E>> {
        let encoded = self.layer.encode(x.evaluator(), highest_position(x)?)?;
        let y = bounded(x.linear_layer(&encoded)?, self.bound)?;
        y.map(|chunk| x.evaluator().assume_typical_error(chunk.clone(), ERROR))
    }
}

/// The stated error bound of a layer, in times of the error to expect (six standard deviations): errors of many roundings and key
/// switches add up as independent ones do, and the tracked bound, a sum of magnitudes, would leave a deep network without precision.
const ERROR: f64 = 2.0;

/// A layout of the input, the first layer for it, and the layout of that layer's outputs.
type FirstLayer = (InputLayout, LinearLayer<f64>, Layout);

/// First layers of inputs that hold values more than once.
fn first_layers(
    network: &FittedNetwork,
    first: &LinearStage,
    slots: usize,
) -> Result<Vec<FirstLayer>> {
    let mut found = Vec::new();
    let map = first.layer.map();
    let [from, to] = [map.inputs(), map.outputs()].map(usize::next_power_of_two);
    if matches!(first.output, Output::Vector(_)) && to <= from {
        let counts = (1..).map(|log2| 1 << log2);
        for count in counts.take_while(|&count: &usize| count <= to && count * from <= slots) {
            let shift = to / count;
            let (layer, layout) = layout::of_copies(first, (count, shift))?;
            found.push((InputLayout::Copies { count, shift }, layer, layout));
        }
    }
    if let (Some(windows), &[channels, rows, columns]) =
        (network.windows, network.input_shape.as_slice())
    {
        let shape = [channels, rows, columns];
        if let Some((layer, layout)) = layout::of_windows(first, windows, shape)?
            && layer.map().inputs() <= slots
        {
            found.push((InputLayout::Windows { windows, shape }, layer, layout));
        }
    }
    Ok(found)
}

fn starts_dense(stages: &[Stage]) -> bool {
    matches!(stages.first(), Some(Stage::Linear(linear)) if matches!(linear.output, Output::Vector(_)))
}

impl Program for Placed {
    fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> Result<Vec<Vector<E>>> {
        let input = inputs.first().ok_or(Error::Values(ValueError::Empty))?;
        // As the server sends it: what compacting costs is part of the error to expect.
        Ok(vec![
            run(&self.steps, input, &PlacedLayer::apply)?.compact()?,
        ])
    }
}

fn place(stages: &[Stage], mut layout: Layout) -> Result<(Vec<Step<PlacedLayer>>, Layout)> {
    let mut steps = Vec::new();
    for stage in stages {
        steps.push(match stage {
            Stage::Linear(linear) => {
                let (layer, output) = layout.place(linear)?;
                layout = output;
                Step::Linear(PlacedLayer {
                    layer,
                    bound: linear.bound,
                })
            }
            Stage::Square => Step::Square,
            Stage::Polynomials(polynomials) => {
                let zero = Chebyshev::new(&[0.0], -1.0..=1.0)?;
                Step::Polynomials(layout.scatter(polynomials, zero))
            }
            Stage::Residual { skip, inner, bound } => {
                let place_skip = |skip: &LinearStage| -> Result<_> {
                    Ok(PlacedLayer {
                        layer: layout.place(skip)?.0,
                        bound: skip.bound,
                    })
                };
                Step::Residual {
                    skip: skip.as_ref().map(place_skip).transpose()?,
                    inner: place_like(inner, &layout)?,
                    bound: *bound,
                }
            }
        });
    }
    Ok((steps, layout))
}

/// Places stages whose result has the layout of their input.
fn place_like(stages: &[Stage], layout: &Layout) -> Result<Vec<Step<PlacedLayer>>> {
    let Some((Stage::Linear(last), before)) = stages.split_last() else {
        return Ok(place(stages, layout.clone())?.0);
    };
    let (mut steps, middle) = place(before, layout.clone())?;
    let layer = middle.place_into(last, layout)?;
    steps.push(Step::Linear(PlacedLayer {
        layer,
        bound: last.bound,
    }));
    Ok(steps)
}

fn highest_position<E: Evaluator>(x: &Vector<E>) -> Result<Position> {
    let positions = x
        .ciphertexts()
        .iter()
        .map(|chunk| x.evaluator().factor_position(chunk));
    let positions: Vec<Position> = positions.collect::<Result<_>>()?;
    let highest = positions.into_iter().max_by_key(Position::level);
    Ok(highest.unwrap_or(Position::at_level(0)))
}

/// States the bound of a vector whose other slots are 0; an infinite one is not stated.
fn bounded<E: Evaluator>(x: Vector<E>, bound: f64) -> Result<Vector<E>> {
    if bound.is_infinite() {
        return Ok(x);
    }
    let evaluator = x.evaluator().clone();
    x.map(|chunk| evaluator.assume_message_bound(chunk.clone(), bound))
}

/// A network whose linear layers are encoded.
pub(super) struct Encoded<E: Evaluator> {
    steps: Vec<Step<ReadyLayer<E>>>,
}

/// An encoded linear layer, and what is stated of its values.
struct ReadyLayer<E: Evaluator> {
    layer: EncodedLayer<E>,
    bound: f64,
    error: f64,
}

impl<E: Evaluator<Scalar = f64>> Encoded<E> {
    pub(super) fn run(&self, x: &Vector<E>) -> Result<Vector<E>> {
        run(&self.steps, x, &|ready: &ReadyLayer<E>, x| {
            let y = bounded(x.linear_layer(&ready.layer)?, ready.bound)?;
            y.map(|chunk| x.evaluator().assume_error_bound(chunk.clone(), ready.error))
        })
    }
}
