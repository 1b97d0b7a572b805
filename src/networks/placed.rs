//! A fitted network in slots: what runs on every evaluator.

use crate::circuits::{Chebyshev, EncodedLayer, Grid, LinearLayer, Program, Vector};
use crate::error::{Error, Result, ValueError};
use crate::evaluator::{Evaluator, Position, SlotShape};
use crate::networks::FittedNetwork;
use crate::networks::layout::{self, InputLayout, Layout};
use crate::networks::stage::{LinearStage, Stage};
use std::sync::Mutex;

/// A fitted network whose values lie in a layout.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) input: InputLayout,
    /// The values of the encrypted input.
    pub(super) input_size: usize,
    /// Where the outputs lie in the result.
    pub(super) output: Layout,
    steps: Vec<Step<LinearLayer<f64>>>,
}

/// A stage on slots, with linear layers of one kind.
#[derive(Debug)]
enum Step<L> {
    Linear(Bounded<L>),
    Square,
    Polynomials(Vec<Chebyshev>),
    Residual {
        skip: Option<Bounded<L>>,
        inner: Vec<Step<L>>,
        bound: f64,
    },
}

/// A layer, and the bound of its values that is stated.
#[derive(Debug)]
struct Bounded<L> {
    layer: L,
    bound: f64,
}

impl<L> Step<L> {
    /// The step with its linear layers replaced, in order.
    fn map<M>(&self, layer: &mut impl FnMut(&L) -> Result<M>) -> Result<Step<M>> {
        let mut linear = |linear: &Bounded<L>| -> Result<Bounded<M>> {
            let (layer, bound) = (layer(&linear.layer)?, linear.bound);
            Ok(Bounded { layer, bound })
        };
        Ok(match self {
            Self::Linear(layer) => Step::Linear(linear(layer)?),
            Self::Square => Step::Square,
            Self::Polynomials(polynomials) => Step::Polynomials(polynomials.clone()),
            Self::Residual { skip, inner, bound } => Step::Residual {
                skip: skip.as_ref().map(&mut linear).transpose()?,
                inner: inner
                    .iter()
                    .map(|step| step.map(layer))
                    .collect::<Result<_>>()?,
                bound: *bound,
            },
        })
    }
}

/// Runs steps; `apply` applies a linear layer.
fn run<L, E: Evaluator<Scalar = f64>>(
    steps: &[Step<L>],
    input: &Vector<E>,
    apply: &impl Fn(&L, &Vector<E>) -> Result<Vector<E>>,
) -> Result<Vector<E>> {
    let linear =
        |linear: &Bounded<L>, x: &Vector<E>| bounded(apply(&linear.layer, x)?, linear.bound);
    let mut x = input.clone();
    for step in steps {
        x = match step {
            Step::Linear(layer) => linear(layer, &x)?,
            Step::Square => x.square()?,
            Step::Polynomials(polynomials) => x.evaluate_each(polynomials)?,
            Step::Residual { skip, inner, bound } => {
                let direct = skip
                    .as_ref()
                    .map_or_else(|| Ok(x.clone()), |skip| linear(skip, &x))?;
                bounded((direct + run(inner, &x, apply)?)?, *bound)?
            }
        };
    }
    Ok(x)
}

impl Placed {
    /// All layouts of the input that are worth a comparison in rows of so many slots, and the network in them.
    pub(super) fn candidates(network: &FittedNetwork, slots: usize) -> Result<Vec<Self>> {
        let features: usize = network.input_shape.iter().product();
        let mut found = Vec::new();
        let stages = network.stages.as_slice();
        let images: Option<[usize; 3]> = network.input_shape[..].try_into().ok();
        let (layout, input) = match (images, stages) {
            // A dense layer of images needs no room between them.
            (Some([channels, rows, columns]), stages) if !starts_dense(stages) => {
                let grid = Grid::new(channels, rows, columns)?;
                (
                    Layout::images(grid),
                    InputLayout::Images([channels, rows, columns]),
                )
            }
            _ => (Layout::vector(features), InputLayout::Vector),
        };
        let input_size = layout.size;
        let (steps, output) = place(stages, layout)?;
        found.push(Self {
            input,
            input_size,
            output,
            steps,
        });
        let Some((Stage::Linear(first), rest)) = stages.split_first() else {
            return Ok(found);
        };
        let mut add =
            |input: InputLayout, (layer, layout): (LinearLayer<f64>, Layout)| -> Result<()> {
                let input_size = layer.map().inputs();
                let (mut steps, output) = place(rest, layout)?;
                steps.insert(
                    0,
                    Step::Linear(Bounded {
                        layer,
                        bound: first.bound,
                    }),
                );
                found.push(Self {
                    input,
                    input_size,
                    output,
                    steps,
                });
                Ok(())
            };
        let map = first.layer.map();
        let [from, to] = [map.inputs(), map.outputs()].map(usize::next_power_of_two);
        if starts_dense(stages) && to <= from {
            let counts = (1..).map(|log2| 1 << log2);
            for count in counts.take_while(|&count: &usize| count <= to && count * from <= slots) {
                let shift = to / count;
                let input = InputLayout::Copies { count, shift };
                add(input, layout::of_copies(first, (count, shift))?)?;
            }
        }
        if let (Some(windows), Some(shape)) = (network.windows, images)
            && let Some(placed) = layout::of_windows(first, windows, shape)?
            && placed.0.map().inputs() <= slots
        {
            add(InputLayout::Windows { windows, shape }, placed)?;
        }
        Ok(found)
    }

    /// The key switches of all linear layers.
    pub(super) fn key_switches(&self, shape: SlotShape) -> Result<usize> {
        let mut sum = 0;
        let mut add = |layer: &LinearLayer<f64>| -> Result<()> {
            sum += layer.map().plan(shape)?.key_switches();
            Ok(())
        };
        for step in &self.steps {
            step.map(&mut add)?;
        }
        Ok(sum)
    }

    /// Encodes all linear layers for positions that [`positions`](Self::positions) tells.
    pub(super) fn encode<E: Evaluator<Scalar = f64>>(
        &self,
        evaluator: &E,
        positions: &[Position],
    ) -> Result<Encoded<E>> {
        let mut positions = positions.iter().copied();
        let mut encode = |layer: &LinearLayer<f64>| {
            let position = positions.next().ok_or(Error::Values(ValueError::Empty))?;
            layer.encode(evaluator, position)
        };
        let steps = self
            .steps
            .iter()
            .map(|step| step.map(&mut encode))
            .collect::<Result<_>>()?;
        Ok(Encoded { steps })
    }

    /// The positions at which the linear layers meet their inputs, in order.
    pub(super) fn positions<E: Evaluator<Scalar = f64>>(
        &self,
        x: &Vector<E>,
    ) -> Result<Vec<Position>> {
        let positions = Mutex::new(Vec::new());
        run(&self.steps, x, &|layer, x| {
            if let Ok(mut positions) = positions.lock() {
                positions.push(highest_position(x)?);
            }
            apply_once(layer, x)
        })?;
        Ok(positions.into_inner().unwrap_or_default())
    }
}

/// Applies a layer that is encoded for this use.
fn apply_once<E: Evaluator<Scalar = f64>>(
    layer: &LinearLayer<f64>,
    x: &Vector<E>,
) -> Result<Vector<E>> {
    x.linear_layer(&layer.encode(x.evaluator(), highest_position(x)?)?)
}

fn starts_dense(stages: &[Stage]) -> bool {
    use crate::networks::stage::Output;
    matches!(stages.first(), Some(Stage::Linear(linear)) if matches!(linear.output, Output::Vector(_)))
}

impl Program for Placed {
    fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> Result<Vec<Vector<E>>> {
        let input = inputs.first().ok_or(Error::Values(ValueError::Empty))?;
        Ok(vec![run(&self.steps, input, &apply_once)?])
    }
}

fn place(stages: &[Stage], mut layout: Layout) -> Result<(Vec<Step<LinearLayer<f64>>>, Layout)> {
    let mut steps = Vec::new();
    for stage in stages {
        steps.push(match stage {
            Stage::Linear(linear) => {
                let (layer, output) = layout.place(linear)?;
                layout = output;
                Step::Linear(Bounded {
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
                    Ok(Bounded {
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
fn place_like(stages: &[Stage], layout: &Layout) -> Result<Vec<Step<LinearLayer<f64>>>> {
    let Some((Stage::Linear(last), before)) = stages.split_last() else {
        return Ok(place(stages, layout.clone())?.0);
    };
    let (mut steps, middle) = place(before, layout.clone())?;
    let layer = middle.place_into(last, layout)?;
    steps.push(Step::Linear(Bounded {
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
    steps: Vec<Step<EncodedLayer<E>>>,
}

impl<E: Evaluator<Scalar = f64>> Encoded<E> {
    pub(super) fn run(&self, x: &Vector<E>) -> Result<Vector<E>> {
        run(&self.steps, x, &|layer, x| x.linear_layer(layer))
    }
}
