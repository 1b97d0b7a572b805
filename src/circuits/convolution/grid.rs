use crate::circuits::LinearMap;
use crate::error::{Error, OperandError, Result, check_number};
use crate::evaluator::Number;
use std::array::from_fn;

/// The most positions that a grid spans: 1024 ciphertexts at N = 2^15.
const MAX_SIZE: usize = 1 << 24;

/// Where the pixels of an image with several channels lie in a vector.
///
/// Neighbouring pixels of a channel are `gap` positions apart in each direction, and rows start every `row_stride` positions.
/// Several channels share a block of positions: they fill the gaps between each other's pixels. A layer with stride z widens the gap
/// z times and keeps rows and blocks where they are, so that its linear map has few diagonals, and its channels fill the wider gaps.
///
/// A vector in this layout has [`size`](Self::size) values; those at no pixel's position are unspecified.
///
/// ```
/// use slotwise::circuits::Grid;
///
/// let grid = Grid::new(2, 3, 3)?; // two channels of 3 x 3 pixels
/// assert_eq!((grid.len(), grid.size()), (18, 32));
/// assert_eq!(grid.position(1, 2, 0), Some(16 + 6));
/// # Ok::<(), slotwise::Error>(())
/// ```
///
/// Source: E. Lee et al., "Low-Complexity Deep Convolutional Neural Networks on Fully Homomorphic Encryption Using Multiplexed Parallel
/// Convolutions" (eprint 2021/1688), section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    channels: usize,
    image: [usize; 2],
    gap: [usize; 2],
    /// How many channels share a block: one for each of `phases[0] x phases[1]` places in a gap.
    phases: [usize; 2],
    row_stride: usize,
    block: usize,
}

impl Grid {
    /// The layout without gaps: row by row, each channel in a block of its own, whose size is the next power of two.
    ///
    /// ```
    /// # use slotwise::circuits::Grid;
    /// let grid = Grid::new(3, 32, 32)?; // an image with three colours
    /// assert_eq!((grid.len(), grid.size()), (3072, 4096));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) for a size of 0, or more than 2^24 positions in all.
    pub fn new(channels: usize, rows: usize, columns: usize) -> Result<Self> {
        Self {
            channels,
            image: [rows, columns],
            gap: [1, 1],
            phases: [1, 1],
            row_stride: columns,
            block: 1,
        }
        .fitted()
    }

    /// The layout with rows that start every `row_stride` positions, which leaves room for the larger images of later layers.
    ///
    /// ```
    /// # use slotwise::circuits::Grid;
    /// let grid = Grid::new(1, 3, 3)?.with_row_stride(4)?;
    /// assert_eq!(grid.position(0, 1, 0), Some(4));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) for less than a row needs, or more than 2^24 positions in all.
    pub fn with_row_stride(self, row_stride: usize) -> Result<Self> {
        if row_stride < self.row_stride {
            return Err(self.invalid("rows of a grid must not overlap; use a larger row stride"));
        }
        Self { row_stride, ..self }.fitted()
    }

    /// The layout of `channels` images of `image` rows and columns with gaps `factor` times as wide, which the channels fill. Row
    /// stride and block stay where they suffice.
    pub(crate) fn strided(
        &self,
        channels: usize,
        image: [usize; 2],
        factor: [usize; 2],
    ) -> Result<Self> {
        let gap = self.widened(factor)?;
        Self {
            channels,
            image,
            gap,
            phases: gap,
            ..*self
        }
        .fitted()
    }

    /// The layout of sums over windows of `window` pixels side by side: each lies where its first pixel was.
    pub(super) fn pooled(&self, window: [usize; 2]) -> Result<Self> {
        if window.contains(&0) {
            return Err(self.invalid("a pool has a window of at least one pixel"));
        }
        Self {
            gap: self.widened(window)?,
            image: from_fn(|axis| self.image[axis] / window[axis]),
            ..*self
        }
        .fitted()
    }

    fn widened(&self, factor: [usize; 2]) -> Result<[usize; 2]> {
        let gap = |axis: usize| {
            let gap = self.gap[axis].checked_mul(factor[axis])?;
            (gap <= MAX_SIZE).then_some(gap)
        };
        match (gap(0), gap(1)) {
            (Some(rows), Some(columns)) => Ok([rows, columns]),
            _ => Err(self.too_large()),
        }
    }

    /// The same with a row stride and a block that are large enough.
    fn fitted(self) -> Result<Self> {
        if self.channels == 0 || self.image.contains(&0) {
            return Err(self.invalid("a grid has at least one channel, row and column"));
        }
        self.grown().ok_or_else(|| self.too_large())
    }

    fn grown(self) -> Option<Self> {
        let phases = self.phases[0].checked_mul(self.phases[1])?;
        let columns_used = self.channels.min(self.phases[1]);
        let rows_used = self.channels.min(phases).div_ceil(self.phases[1]);
        let extent = |axis: usize, used: usize| {
            let first = (self.image[axis] - 1).checked_mul(self.gap[axis])?;
            first.checked_add(used)
        };
        let row_stride = self.row_stride.max(extent(1, columns_used)?);
        let block = extent(0, rows_used)?.checked_mul(row_stride)?;
        let block = block.max(self.block).checked_next_power_of_two()?;
        let grid = Self {
            row_stride,
            block,
            ..self
        };
        let blocks = self.channels.div_ceil(phases).checked_next_power_of_two()?;
        let size = blocks.checked_mul(block)?;
        (size <= MAX_SIZE).then_some(grid)
    }

    fn invalid(&self, reason: &'static str) -> Error {
        let [rows, columns] = self.image;
        let sizes = vec![self.channels, rows, columns];
        Error::Operands(OperandError::InvalidShape { sizes, reason })
    }

    fn too_large(&self) -> Error {
        self.invalid("a grid spans at most 2^24 positions, gaps included; use smaller images")
    }

    /// The number of channels.
    ///
    /// ```
    /// # use slotwise::circuits::Grid;
    /// assert_eq!(Grid::new(2, 3, 4)?.channels(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The rows and columns of an image.
    ///
    /// ```
    /// # use slotwise::circuits::Grid;
    /// assert_eq!(Grid::new(2, 3, 4)?.image(), [3, 4]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn image(&self) -> [usize; 2] {
        self.image
    }

    /// The distance of neighbouring pixels, in rows and in columns.
    ///
    /// ```
    /// # use slotwise::circuits::Grid;
    /// let grid = Grid::new(1, 4, 4)?;
    /// assert_eq!((grid.gap(), grid.sum_pool([2, 2])?.gap()), ([1, 1], [2, 2]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn gap(&self) -> [usize; 2] {
        self.gap
    }

    /// The number of pixels of all channels, at least 1.
    ///
    /// ```
    /// # use slotwise::circuits::Grid;
    /// assert_eq!(Grid::new(2, 3, 4)?.len(), 24);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a grid is never empty")]
    pub fn len(&self) -> usize {
        self.channels * self.image[0] * self.image[1]
    }

    /// The length of a vector in this layout, a power of two.
    ///
    /// ```
    /// # use slotwise::circuits::Grid;
    /// assert_eq!(Grid::new(2, 3, 4)?.size(), 32);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        let blocks = self.channels.div_ceil(self.phases[0] * self.phases[1]);
        blocks.next_power_of_two() * self.block
    }

    /// Where a pixel lies, if there is one.
    ///
    /// ```
    /// # use slotwise::circuits::Grid;
    /// let grid = Grid::new(2, 3, 3)?;
    /// assert_eq!((grid.position(0, 1, 2), grid.position(0, 3, 0)), (Some(5), None));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn position(&self, channel: usize, row: usize, column: usize) -> Option<usize> {
        let inside = channel < self.channels && row < self.image[0] && column < self.image[1];
        inside.then(|| self.position_of(channel, [row, column]))
    }

    /// The position of a pixel that there is.
    pub(in crate::circuits) fn position_of(
        &self,
        channel: usize,
        [row, column]: [usize; 2],
    ) -> usize {
        let [phase_rows, phase_columns] = self.phases;
        let (block, phase) = (
            channel / (phase_rows * phase_columns),
            channel % (phase_rows * phase_columns),
        );
        let row = row * self.gap[0] + phase / phase_columns;
        let column = column * self.gap[1] + phase % phase_columns;
        block * self.block + row * self.row_stride + column
    }

    /// How far apart in a vector neighbouring rows and neighbouring columns are.
    pub(super) fn steps(&self) -> [usize; 2] {
        [self.gap[0] * self.row_stride, self.gap[1]]
    }

    /// The positions of all pixels: channel after channel, row after row.
    ///
    /// ```
    /// # use slotwise::circuits::Grid;
    /// assert_eq!(Grid::new(2, 1, 3)?.positions().collect::<Vec<_>>(), [0, 1, 2, 4, 5, 6]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    pub fn positions(&self) -> impl Iterator<Item = usize> + '_ {
        let [rows, columns] = self.image;
        (0..self.len()).map(move |index| {
            let (pixel, channel) = (index % (rows * columns), index / (rows * columns));
            self.position_of(channel, [pixel / columns, pixel % columns])
        })
    }

    /// The map that moves all pixels from this layout to another one.
    ///
    /// ```
    /// # use slotwise::circuits::Grid;
    /// let (narrow, wide) = (Grid::new(1, 2, 2)?, Grid::new(1, 2, 2)?.with_row_stride(4)?);
    /// let map = narrow.relayout::<f64>(&wide)?;
    /// assert_eq!((map.inputs(), map.outputs()), (4, 8));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) if the layouts have different numbers of pixels.
    pub fn relayout<S: Number>(&self, to: &Self) -> Result<LinearMap<S>> {
        check_number(
            "pixels of the other layout (as many as this one has: `Grid::len`)",
            to.len(),
            self.len(),
        )?;
        let moves = to.positions().zip(self.positions());
        let entries = moves.map(|(output, input)| (output, input, S::from(1)));
        LinearMap::from_entries(to.size(), self.size(), entries)
    }

    /// The vector of [`size`](Self::size) values, to be encrypted, that holds these pixels: channel after channel, row after row.
    ///
    /// ```
    /// # use slotwise::circuits::Grid;
    /// assert_eq!(Grid::new(2, 1, 3)?.scatter(&[1, 2, 3, 4, 5, 6])?, [1, 2, 3, 0, 4, 5, 6, 0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) unless there are [`len`](Self::len) pixels.
    pub fn scatter<S: Copy + Default>(&self, pixels: &[S]) -> Result<Vec<S>> {
        check_number(
            "pixels (one for each of the layout's: `Grid::len`)",
            pixels.len(),
            self.len(),
        )?;
        let mut values = vec![S::default(); self.size()];
        for (position, &pixel) in self.positions().zip(pixels) {
            values[position] = pixel;
        }
        Ok(values)
    }

    /// The pixels in a vector of [`size`](Self::size) values: the inverse of [`scatter`](Self::scatter).
    ///
    /// ```
    /// # use slotwise::circuits::Grid;
    /// assert_eq!(Grid::new(2, 1, 3)?.gather(&[1, 2, 3, 0, 4, 5, 6, 0])?, [1, 2, 3, 4, 5, 6]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) for another number of values.
    pub fn gather<S: Copy>(&self, values: &[S]) -> Result<Vec<S>> {
        check_number(
            "values (one for each position of the layout, gaps included: `Grid::size`)",
            values.len(),
            self.size(),
        )?;
        Ok(self.positions().map(|position| values[position]).collect())
    }
}
