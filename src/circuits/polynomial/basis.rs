/// A basis of polynomials `B_0 = 1, B_1 = x, B_2, ...` with `B_a B_b = B_(a+b)`, or a rule near it.
pub(super) trait Basis<C>: Copy {
    /// Whether `B_(a+b) = 2 B_a B_b - B_|a-b|`, and every `B_n` is at most 1 in magnitude.
    const IS_CHEBYSHEV: bool;

    /// `(high, low)` with `p = high B_giant + low`, for `giant < degree < 2 giant`.
    fn split(self, p: &[C], giant: usize) -> [Vec<C>; 2];

    /// A bound of the polynomial's magnitude on the domain, if there is one.
    fn bound(self, p: &[C]) -> Option<f64>;
}

/// `x^n`
#[derive(Clone, Copy, Debug)]
pub(super) struct Monomials;

/// The Chebyshev polynomials of the first kind, on [-1, 1].
#[derive(Clone, Copy, Debug)]
pub(super) struct ChebyshevBasis;

/// What Chebyshev division does to coefficients.
pub(super) trait Real: Clone + Default {
    fn doubled(&self) -> Self;
    fn minus(&self, other: &Self) -> Self;
    /// The largest magnitude.
    fn magnitude(&self) -> f64;
}

impl<C: Clone> Basis<C> for Monomials {
    const IS_CHEBYSHEV: bool = false;

    fn split(self, p: &[C], giant: usize) -> [Vec<C>; 2] {
        let (low, high) = p.split_at(giant);
        [high.to_vec(), low.to_vec()]
    }

    fn bound(self, _: &[C]) -> Option<f64> {
        None
    }
}

impl<C: Real> Basis<C> for ChebyshevBasis {
    const IS_CHEBYSHEV: bool = true;

    /// `T_(g+i) = 2 T_g T_i - T_(g-i)`
    fn split(self, p: &[C], giant: usize) -> [Vec<C>; 2] {
        let (low, high) = p.split_at(giant);
        let mut low = low.to_vec();
        for (i, c) in high.iter().enumerate().skip(1) {
            low[giant - i] = low[giant - i].minus(c);
        }
        let doubled = high[1..].iter().map(C::doubled);
        [high[..1].iter().cloned().chain(doubled).collect(), low]
    }

    fn bound(self, p: &[C]) -> Option<f64> {
        Some(p.iter().map(C::magnitude).sum())
    }
}

impl Real for f64 {
    fn doubled(&self) -> Self {
        2.0 * self
    }

    fn minus(&self, other: &Self) -> Self {
        self - other
    }

    fn magnitude(&self) -> f64 {
        self.abs()
    }
}

/// A coefficient of which only is known whether it can be other than 0.
impl Real for bool {
    fn doubled(&self) -> Self {
        *self
    }

    fn minus(&self, other: &Self) -> Self {
        self | other
    }

    fn magnitude(&self) -> f64 {
        f64::from(u8::from(*self))
    }
}
