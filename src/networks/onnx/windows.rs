//! Kernels, strides and padding of ONNX convolutions and pools.

use crate::networks::onnx::Reason;
use crate::networks::onnx::attributes::Attributes;

/// Each pair counts rows and columns.
pub(super) struct WindowAttributes {
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) padding: [usize; 2],
    pub(super) dilation: [usize; 2],
}

impl WindowAttributes {
    /// The attributes for images of these rows and columns. `kernel` is what the weights say, if there are any.
    pub(super) fn read(
        attributes: &mut Attributes,
        kernel: Option<[usize; 2]>,
        image: [usize; 2],
    ) -> Reason<Self> {
        let stated = attributes.sizes("kernel_shape", 1)?;
        let kernel = kernel.or(stated).ok_or("it has no kernel_shape")?;
        if stated.is_some_and(|stated| stated != kernel) {
            return Err("its kernel_shape is not that of its weights".into());
        }
        if kernel.contains(&0) {
            return Err("its weights have a kernel without rows or columns".into());
        }
        let mut windows = Self {
            kernel,
            stride: attributes.sizes("strides", 1)?.unwrap_or([1, 1]),
            padding: [0, 0],
            dilation: attributes.sizes("dilations", 1)?.unwrap_or([1, 1]),
        };
        let [top, left, bottom, right] = match attributes.sizes("pads", 0)? {
            Some(pads) => pads,
            None => windows.automatic(&attributes.text("auto_pad", "NOTSET")?, image)?,
        };
        if attributes.text("auto_pad", "NOTSET")? != "NOTSET" {
            return Err("it has both pads and auto_pad".into());
        }
        if [top, left] != [bottom, right] {
            return Err(format!(
                "its padding [{top}, {left}, {bottom}, {right}] differs between opposite sides, which is not supported"
            ));
        }
        windows.padding = [top, left];
        Ok(windows)
    }

    /// The padding (above, left, below, right) that `auto_pad` chooses.
    fn automatic(&self, mode: &str, image: [usize; 2]) -> Reason<[usize; 4]> {
        let total = |axis: usize| {
            let reach = (self.kernel[axis] - 1)
                .saturating_mul(self.dilation[axis])
                .saturating_add(1);
            let last = (image[axis].div_ceil(self.stride[axis]).max(1) - 1) * self.stride[axis];
            last.saturating_add(reach).saturating_sub(image[axis])
        };
        let [rows, columns] = [total(0), total(1)];
        match mode {
            "NOTSET" | "VALID" => Ok([0; 4]),
            "SAME_UPPER" => Ok([rows / 2, columns / 2, rows.div_ceil(2), columns.div_ceil(2)]),
            "SAME_LOWER" => Ok([rows.div_ceil(2), columns.div_ceil(2), rows / 2, columns / 2]),
            _ => Err(format!("its attribute auto_pad={mode} is not supported")),
        }
    }

    /// Whether whole windows fill the padded image, so that rounding their number up changes nothing.
    pub(super) fn fill(&self, image: [usize; 2]) -> bool {
        (0..2).all(|axis| {
            let padded = image[axis] + 2 * self.padding[axis];
            padded >= self.kernel[axis]
                && (padded - self.kernel[axis]).is_multiple_of(self.stride[axis])
        })
    }
}
