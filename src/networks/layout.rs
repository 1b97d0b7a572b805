//! Where features lie in slots.

use crate::circuits::{Grid, LinearLayer, LinearMap, Windows};
use crate::error::Result;
use crate::networks::affine;
use crate::networks::stage::{LinearStage, Output};

/// How a client lays out an input in the vector that it encrypts: public.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputLayout {
    /// Values in order.
    Vector,
    /// Images of these channels, rows and columns, each channel in a block of its own.
    Images([usize; 3]),
    /// So many copies of the values, each shifted by `shift` more than the one before: a dense layer then takes fewer multiplications.
    Copies {
        /// The number of copies, a power of two.
        count: usize,
        /// The distance of a copy's first value from that of the copy before.
        shift: usize,
    },
    /// Each pixel as often as windows of a convolution hold it.
    Windows {
        /// The windows.
        windows: Windows,
        /// The images' channels, rows and columns.
        shape: [usize; 3],
    },
}

impl InputLayout {
    /// For each value of the encrypted vector the feature that it is, if it is one.
    ///
    /// # Errors
    /// As [`Grid::new`] and [`Windows::count`].
    pub(super) fn sources(&self, features: usize) -> Result<Vec<Option<usize>>> {
        match self {
            Self::Vector => Ok((0..features).map(Some).collect()),
            Self::Images([channels, rows, columns]) => {
                let grid = Grid::new(*channels, *rows, *columns)?;
                let mut sources = vec![None; grid.size()];
                for (feature, position) in grid.positions().enumerate() {
                    sources[position] = Some(feature);
                }
                Ok(sources)
            }
            Self::Copies { count, shift } => {
                let period = features.next_power_of_two();
                let place = |slot: usize| (slot % period + slot / period * shift) % period;
                let feature = |slot| Some(place(slot)).filter(|&place| place < features);
                Ok((0..count * period).map(feature).collect())
            }
            Self::Windows {
                windows,
                shape: [channels, rows, columns],
            } => {
                let image = [*rows, *columns];
                let number = |value: usize| Some(value + 1);
                // Features count from 1, so that padding is 0.
                let pixels: Vec<Option<usize>> = (0..features).map(number).collect();
                let values = windows.im2col(*channels, image, &pixels)?;
                Ok(values
                    .into_iter()
                    .map(|value| value.map(|number| number - 1))
                    .collect())
            }
        }
    }
}

/// Where the features of a value lie in a vector.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) size: usize,
    pub(super) positions: Vec<usize>,
    /// If they are images.
    grid: Option<Grid>,
}

impl Layout {
    pub(super) fn vector(size: usize) -> Self {
        Self {
            size,
            positions: (0..size).collect(),
            grid: None,
        }
    }

    pub(super) fn images(grid: Grid) -> Self {
        Self {
            size: grid.size(),
            positions: grid.positions().collect(),
            grid: Some(grid),
        }
    }

    /// That of a linear layer's outputs.
    fn after(&self, output: Output) -> Result<Self> {
        match (output, self.grid) {
            (Output::Same, _) => Ok(self.clone()),
            (Output::Vector(len), _) => Ok(Self::vector(len)),
            (
                Output::Images {
                    shape: [channels, rows, columns],
                    strides,
                },
                Some(grid),
            ) => Ok(Self::images(grid.strided(
                channels,
                [rows, columns],
                strides,
            )?)),
            (Output::Images { shape, .. }, None) => Ok(Self::images(affine::grid(&shape)?)),
        }
    }

    /// A linear layer between this layout and that of its outputs.
    pub(super) fn place(&self, linear: &LinearStage) -> Result<(LinearLayer<f64>, Self)> {
        let output = self.after(linear.output)?;
        Ok((self.place_into(linear, &output)?, output))
    }

    /// A linear layer between this layout and another one.
    pub(super) fn place_into(
        &self,
        linear: &LinearStage,
        output: &Self,
    ) -> Result<LinearLayer<f64>> {
        let entries = linear.layer.map().entries().iter();
        let entries =
            entries.map(|&(to, from, value)| (output.positions[to], self.positions[from], value));
        placed(linear, (output, self.size), entries)
    }

    /// The values in this layout, and `empty` elsewhere.
    pub(super) fn scatter<T: Clone>(&self, values: &[T], empty: T) -> Vec<T> {
        let mut slots = vec![empty; self.size];
        for (&position, value) in self.positions.iter().zip(values) {
            slots[position] = value.clone();
        }
        slots
    }
}

/// A layer with these entries, whose outputs lie in a layout.
fn placed(
    linear: &LinearStage,
    (output, inputs): (&Layout, usize),
    entries: impl Iterator<Item = (usize, usize, f64)>,
) -> Result<LinearLayer<f64>> {
    let map = LinearMap::from_entries(output.size, inputs, entries)?;
    let bias = linear.layer.bias();
    let bias = if bias.is_empty() {
        Vec::new()
    } else {
        output.scatter(bias, 0.0)
    };
    LinearLayer::new(map, &bias)
}

/// A first layer of copies of its inputs, of which each entry uses the one nearest to its output.
pub(super) fn of_copies(
    linear: &LinearStage,
    (count, shift): (usize, usize),
) -> Result<(LinearLayer<f64>, Layout)> {
    let map = linear.layer.map();
    let (outputs, period) = (
        map.outputs().next_power_of_two(),
        map.inputs().next_power_of_two(),
    );
    let output = Layout::vector(map.outputs());
    let entries = map.entries().iter().map(|&(to, from, value)| {
        let copy = (from + outputs - to % outputs) % outputs / shift;
        let place = (from + period - copy * shift % period) % period;
        (to, copy * period + place, value)
    });
    Ok((placed(linear, (&output, count * period), entries)?, output))
}

/// A first layer that is a convolution with these windows, of the pixels that each window holds; `None` if it is another one.
pub(super) fn of_windows(
    linear: &LinearStage,
    windows: Windows,
    [channels, rows, columns]: [usize; 3],
) -> Result<Option<(LinearLayer<f64>, Layout)>> {
    let image = [rows, columns];
    let [window_rows, window_columns] = windows.count(image)?;
    let count = window_rows * window_columns;
    let Output::Images {
        shape: [outputs, r, c],
        ..
    } = linear.output
    else {
        return Ok(None);
    };
    if [r, c] != [window_rows, window_columns] {
        return Ok(None);
    }
    let taps = windows.taps();
    let block = count.next_power_of_two();
    // The tap at which each window has a pixel of the first channel.
    let mut tap_at = std::collections::HashMap::new();
    for window in 0..count {
        for tap in 0..taps {
            let place = [window / window_columns, window % window_columns];
            if let Some([row, column]) = windows.pixel(place, tap, image) {
                tap_at.insert((window, row * columns + column), tap);
            }
        }
    }
    let mut entries = Vec::new();
    for &(to, from, value) in linear.layer.map().entries() {
        let (channel, pixel) = (from / (rows * columns), from % (rows * columns));
        let (output, window) = (to / count, to % count);
        let Some(tap) = tap_at.get(&(window, pixel)) else {
            return Ok(None);
        };
        entries.push((
            output * block + window,
            (channel * taps + tap) * block + window,
            value,
        ));
    }
    let output = Layout::images(Grid::new(outputs, r, c)?);
    let inputs = Grid::new(channels.saturating_mul(taps), window_rows, window_columns)?.size();
    Ok(Some((
        placed(linear, (&output, inputs), entries.into_iter())?,
        output,
    )))
}
