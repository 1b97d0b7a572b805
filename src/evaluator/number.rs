/// A number in a slot: `f64`, or `i64` for integers modulo t.
pub trait Number: Copy + Default + PartialEq + From<i8> + Send + Sync {
    /// Whether it is neither NaN nor infinite.
    fn is_finite(self) -> bool;

    /// Its magnitude, rounded to `f64`.
    fn magnitude(self) -> f64;

    /// The sum, unless it is out of range.
    fn checked_add(self, other: Self) -> Option<Self>;
}

impl Number for f64 {
    fn is_finite(self) -> bool {
        self.is_finite()
    }

    fn magnitude(self) -> f64 {
        self.abs()
    }

    fn checked_add(self, other: Self) -> Option<Self> {
        let sum = self + other;
        sum.is_finite().then_some(sum)
    }
}

impl Number for i64 {
    fn is_finite(self) -> bool {
        true
    }

    #[expect(clippy::cast_precision_loss, reason = "a magnitude")]
    fn magnitude(self) -> f64 {
        self.unsigned_abs() as f64
    }

    fn checked_add(self, other: Self) -> Option<Self> {
        self.checked_add(other)
    }
}
