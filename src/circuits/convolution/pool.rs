use crate::circuits::convolution::layer::check_entries;
use crate::circuits::gather::signed;
use crate::circuits::{Convolution, Grid, Packing, Vector};
use crate::error::{Result, check_number};
use crate::evaluator::{Evaluator, SlotShape};
use crate::keys::Rotations;

impl Convolution<f64> {
    /// The average over windows of `window` rows and columns, in each of `channels` channels. Windows lie side by side unless the stride is
    /// changed; zeros of the padding count as values.
    ///
    /// As a layer of its own it takes one level, and none if [`LinearLayer::then`](crate::circuits::LinearLayer::then) merges it into the next layer.
    ///
    /// ```
    /// use slotwise::circuits::{Convolution, Grid};
    ///
    /// let (_, output) = Convolution::average_pool(3, [2, 2])?.layer(&Grid::new(3, 8, 8)?)?;
    /// assert_eq!((output.channels(), output.image()), (3, [4, 4]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) for no channels, an empty window, or more than 2^27 weights.
    #[doc(alias = "avg_pool")]
    pub fn average_pool(channels: usize, window: [usize; 2]) -> Result<Self> {
        let shape = [channels, 1, window[0], window[1]];
        check_entries(&shape)?;
        #[expect(clippy::cast_precision_loss, reason = "at most 2^27")]
        let weight = 1.0 / (window[0] as f64 * window[1] as f64);
        let weights = vec![weight; shape.iter().product()];
        Ok(Self::new(&weights, shape)?.groups(channels).stride(window))
    }
}

impl Grid {
    /// The layout of [`Vector::sum_pool`]: each sum lies where the first pixel of its window was.
    ///
    /// ```
    /// # use slotwise::circuits::Grid;
    /// assert_eq!(Grid::new(1, 4, 4)?.sum_pool([2, 2])?.image(), [2, 2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) for an empty window, or one larger than the image.
    pub fn sum_pool(&self, window: [usize; 2]) -> Result<Self> {
        self.pooled(window)
    }

    /// The rotations whose keys [`Vector::sum_pool`] uses in slots of this arrangement.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// use slotwise::{circuits::Grid, evaluator::Evaluator};
    ///
    /// let grid = Grid::new(1, 2, 4)?;
    /// let x = client.encrypt(&grid.scatter(&[1, 2, 3, 4, 5, 6, 7, 8])?)?;
    /// let rotations = grid.rotations_for_sum_pool([2, 2], x.evaluator().slot_shape())?;
    /// let server = client.generate_server_key(&rotations)?;
    /// assert!(server.attach(x)?.sum_pool(&grid, [2, 2]).is_ok());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`sum_pool`](Self::sum_pool); [`ValueError::InvalidSlotCount`](crate::ValueError::InvalidSlotCount).
    pub fn rotations_for_sum_pool(
        &self,
        window: [usize; 2],
        shape: SlotShape,
    ) -> Result<Rotations> {
        self.pooled(window)?;
        let packing = Packing::new(shape, self.size())?;
        let steps = self.pool_steps(window).concat();
        let all = steps.into_iter().map(|step| packing.rotations(step));
        Ok(all.fold(Rotations::none(), Rotations::and))
    }

    /// The steps from the first pixel of a window to each of its first column, and of its first row.
    fn pool_steps(&self, window: [usize; 2]) -> [Vec<i64>; 2] {
        let steps = self.steps();
        [0, 1].map(|axis| {
            let step = |index: usize| signed(index * steps[axis]);
            (0..window[axis]).map(step).collect()
        })
    }
}

impl<E: Evaluator> Vector<E> {
    /// The sums over windows of `window` rows and columns that lie side by side, in each channel of images in the layout `grid`. The
    /// result has the layout [`Grid::sum_pool`]. A window of z x z pixels takes 2 (z - 1) rotations and no level, unless the vector is
    /// longer than a row of slots, where the rotations of each axis take one. A following layer can divide by the number of pixels.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// use slotwise::circuits::Grid;
    ///
    /// let grid = Grid::new(1, 2, 4)?;
    /// let x = server.attach(client.encrypt(&grid.scatter(&[1, 2, 3, 4, 5, 6, 7, 8])?)?)?;
    /// let sums = client.decrypt(&x.sum_pool(&grid, [2, 2])?)?;
    /// assert_eq!(grid.sum_pool([2, 2])?.gather(&sums)?, [14, 22]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Grid::sum_pool`]; [`OperandError::Count`](crate::OperandError::Count) for another length than [`Grid::size`];
    /// [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys) with all that are missing; as [`rotate_left`](Self::rotate_left).
    pub fn sum_pool(&self, grid: &Grid, window: [usize; 2]) -> Result<Self> {
        check_number(
            "values in the vector (one for each position of the layout: encrypt what `Grid::scatter` returns)",
            self.len(),
            grid.size(),
        )?;
        let rotations = grid.rotations_for_sum_pool(window, self.evaluator.slot_shape())?;
        self.evaluator.check_rotations(&rotations, "a sum pool")?;
        let steps = grid.pool_steps(window);
        let sum = |vector: &Self, steps| Self::add_many(&vector.rotate_many(steps)?);
        sum(&sum(self, &steps[0])?, &steps[1])
    }
}
