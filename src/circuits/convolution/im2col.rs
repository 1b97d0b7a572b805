use crate::circuits::convolution::conv2d::places;
use crate::circuits::{Convolution, Grid, LinearLayer, Windows};
use crate::error::{Result, check_number};
use crate::evaluator::Number;

impl Windows {
    /// The values to encrypt for a single convolution that takes one multiplication and few rotations
    /// ([`Convolution::im2col_layer`]): each pixel as often as windows hold it. With P the number of windows, rounded up to a power of two,
    /// value `tap * P + window` is the pixel at `tap` of `window`; taps and windows count channel by channel, row by row.
    ///
    /// `pixels` has `channels` images of `image` rows and columns, channel after channel, row after row.
    ///
    /// ```
    /// use slotwise::circuits::Windows;
    ///
    /// // The four windows of 2 x 2 pixels of an image of 3 x 3.
    /// let values = Windows::new([2, 2]).im2col(1, [3, 3], &[1, 2, 3, 4, 5, 6, 7, 8, 9])?;
    /// assert_eq!(values[..4], [1, 2, 4, 5]); // the first pixel of each window
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`count`](Self::count) and [`Grid::new`]; [`OperandError::Count`](crate::OperandError::Count) for another number of pixels.
    #[doc(alias = "im2col_encoding")]
    pub fn im2col<S: Copy + Default>(
        &self,
        channels: usize,
        image: [usize; 2],
        pixels: &[S],
    ) -> Result<Vec<S>> {
        let (layout, windows) = self.im2col_layout(channels, image)?;
        let source = Grid::new(channels, image[0], image[1])?;
        check_number(
            "pixels (channels times rows times columns of the image)",
            pixels.len(),
            source.len(),
        )?;
        let mut values = vec![S::default(); layout.size()];
        for tap in 0..layout.channels() {
            let (channel, tap_in_channel) = (tap / self.taps(), tap % self.taps());
            for place in places(windows) {
                if let Some([row, column]) = self.pixel(place, tap_in_channel, image) {
                    let pixel = (channel * image[0] + row) * image[1] + column;
                    values[layout.position_of(tap, place)] = pixels[pixel];
                }
            }
        }
        Ok(values)
    }

    /// The layout of all windows, as an image whose channels are the taps; and its rows and columns.
    fn im2col_layout(&self, channels: usize, image: [usize; 2]) -> Result<(Grid, [usize; 2])> {
        let windows = self.count(image)?;
        let taps = channels.saturating_mul(self.taps());
        Ok((Grid::new(taps, windows[0], windows[1])?, windows))
    }
}

impl<S: Number> Convolution<S> {
    /// The convolution as a linear layer of what [`Windows::im2col`] encodes for images of these rows and columns: as many diagonals as
    /// output channels, rounded up to a power of two. Also returns the layout of its output, which has no gaps.
    ///
    /// ```
    /// use slotwise::circuits::{Convolution, Vector};
    /// use slotwise::evaluator::{ClearReals, Position};
    ///
    /// let convolution = Convolution::new(&[1.0, 0.0, 0.0, 1.0], [1, 1, 2, 2])?;
    /// let (layer, output) = convolution.im2col_layer([3, 3])?;
    /// let pixels = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
    /// let evaluator = ClearReals::new(16);
    /// let x = Vector::from_values(&evaluator, &convolution.windows().im2col(1, [3, 3], &pixels)?)?;
    /// let y = x.linear_layer(&layer.encode(&evaluator, Position::at_level(0))?)?;
    /// assert_eq!(output.gather(&y.values())?, [6.0, 8.0, 12.0, 14.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`layer`](Self::layer).
    #[doc(alias = "conv2d_im2col")]
    pub fn im2col_layer(&self, image: [usize; 2]) -> Result<(LinearLayer<S>, Grid)> {
        self.check_groups()?;
        let (input, windows) = self.windows().im2col_layout(self.inputs(), image)?;
        let output = Grid::new(self.outputs(), windows[0], windows[1])?;
        let source = |tap, place| Some(input.position_of(tap, place));
        let layer = self.layer_of_taps(input.size(), &output, source)?;
        Ok((layer, output))
    }
}
