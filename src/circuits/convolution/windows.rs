use crate::error::{Error, OperandError, Result};
use std::array::from_fn;

/// Windows that slide over an image, as in a convolution or a pool. Each pair counts rows and columns.
///
/// ```
/// use slotwise::circuits::Windows;
///
/// let windows = Windows::new([7, 7]).stride([3, 3]);
/// assert_eq!(windows.count([28, 28])?, [8, 8]);
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "im2col")]
pub struct Windows {
    pub(super) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    padding: [usize; 2],
    dilation: [usize; 2],
}

impl Windows {
    /// Windows with `kernel` rows and columns at every pixel, without padding or dilation.
    ///
    /// ```
    /// # use slotwise::circuits::Windows;
    /// assert_eq!(Windows::new([3, 3]).count([28, 28])?, [26, 26]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn new(kernel: [usize; 2]) -> Self {
        Self {
            kernel,
            stride: [1, 1],
            padding: [0, 0],
            dilation: [1, 1],
        }
    }

    /// The distance from one window to the next.
    ///
    /// ```
    /// # use slotwise::circuits::Windows;
    /// assert_eq!(Windows::new([2, 2]).stride([2, 2]).count([28, 28])?, [14, 14]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn stride(self, stride: [usize; 2]) -> Self {
        Self { stride, ..self }
    }

    /// The number of zeros on each side of the image.
    ///
    /// ```
    /// # use slotwise::circuits::Windows;
    /// assert_eq!(Windows::new([3, 3]).padding([1, 1]).count([28, 28])?, [28, 28]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn padding(self, padding: [usize; 2]) -> Self {
        Self { padding, ..self }
    }

    /// The distance between neighbouring pixels of a window.
    ///
    /// ```
    /// # use slotwise::circuits::Windows;
    /// assert_eq!(Windows::new([3, 3]).dilation([2, 2]).count([28, 28])?, [24, 24]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn dilation(self, dilation: [usize; 2]) -> Self {
        Self { dilation, ..self }
    }

    /// The rows and columns of windows that an image of these rows and columns has.
    ///
    /// ```
    /// # use slotwise::circuits::Windows;
    /// assert_eq!(Windows::new([5, 3]).count([10, 10])?, [6, 8]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) for a kernel, stride or dilation of 0, and for a kernel larger than the padded image.
    pub fn count(&self, image: [usize; 2]) -> Result<[usize; 2]> {
        if [self.kernel, self.stride, self.dilation]
            .concat()
            .contains(&0)
        {
            return Err(Error::Operands(OperandError::InvalidShape {
                sizes: [self.kernel, self.stride, self.dilation].concat(),
                reason: "kernel, stride and dilation (rows and columns each) must be at least 1",
            }));
        }
        let too_large = || {
            Error::Operands(OperandError::InvalidShape {
                sizes: [self.kernel, image].concat(),
                reason: "the kernel (first two sizes, before dilation) is larger than the padded image; use a smaller kernel or more padding",
            })
        };
        let count = |axis: usize| {
            let padded = self.padding[axis]
                .checked_mul(2)?
                .checked_add(image[axis])?;
            let reach = self.dilation[axis].checked_mul(self.kernel[axis] - 1)?;
            let room = padded.checked_sub(1)?.checked_sub(reach)?;
            (image[axis] > 0).then_some(room / self.stride[axis] + 1)
        };
        let rows = count(0).ok_or_else(too_large)?;
        Ok([rows, count(1).ok_or_else(too_large)?])
    }

    /// Kernel, stride, padding and dilation.
    pub(crate) fn sizes(&self) -> [[usize; 2]; 4] {
        [self.kernel, self.stride, self.padding, self.dilation]
    }

    /// Windows of these [`sizes`](Self::sizes).
    pub(crate) fn of_sizes([kernel, stride, padding, dilation]: [[usize; 2]; 4]) -> Self {
        Self {
            kernel,
            stride,
            padding,
            dilation,
        }
    }

    /// The number of pixels in a window.
    pub(crate) fn taps(&self) -> usize {
        self.kernel[0].saturating_mul(self.kernel[1])
    }

    /// The pixel at `tap` of `window` (counted row by row), unless it is padding.
    pub(crate) fn pixel(
        &self,
        window: [usize; 2],
        tap: usize,
        image: [usize; 2],
    ) -> Option<[usize; 2]> {
        let tap = [tap / self.kernel[1], tap % self.kernel[1]];
        let place: [usize; 2] =
            from_fn(|axis| window[axis] * self.stride[axis] + tap[axis] * self.dilation[axis]);
        let pixel = |axis: usize| {
            let inside = place[axis].checked_sub(self.padding[axis])?;
            (inside < image[axis]).then_some(inside)
        };
        Some([pixel(0)?, pixel(1)?])
    }
}
