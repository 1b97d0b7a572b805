use std::fmt;
use std::sync::Arc;

/// What a network applies to every value between its linear layers.
///
/// Encrypted values can be added and multiplied only, so that a function other than a polynomial is approximated by one:
/// [`Network::fit`](crate::networks::Network::fit) finds it from samples.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// `x^2`, the fastest: one level.
    Square,
    /// The polynomial with these coefficients, the constant first.
    Polynomial(Vec<f64>),
    /// A function, in whose place an encrypted network has a polynomial of this degree: 5 or 7 for networks that were trained with the
    /// function.
    Chebyshev(Function, usize),
}

/// A function of one number.
#[derive(Clone)]
#[non_exhaustive]
pub enum Function {
    /// `max(x, 0)`
    Relu,
    /// `1 / (1 + e^-x)`
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `x Phi(x)` with the distribution function of the normal distribution, exact as in PyTorch's default.
    Gelu,
    /// `x / (1 + e^-x)`
    Silu,
    /// `ln(1 + e^x)`
    Softplus,
    /// Any other function, with a name for reports.
    Custom {
        /// The name.
        name: String,
        /// The function.
        function: Arc<dyn Fn(f64) -> f64 + Send + Sync>,
    },
}

impl Function {
    /// A function of your own, with a name for reports.
    ///
    /// ```
    /// use slotwise::networks::Function;
    ///
    /// let leaky = Function::custom("leaky ReLU", |x| x.max(0.01 * x));
    /// assert_eq!(leaky.at(-2.0), -0.02);
    /// ```
    pub fn custom(name: &str, function: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Self {
        Self::Custom {
            name: name.into(),
            function: Arc::new(function),
        }
    }

    /// The function's value.
    ///
    /// ```
    /// use slotwise::networks::Function;
    ///
    /// assert_eq!(Function::Relu.at(-2.0), 0.0);
    /// assert_eq!(Function::Sigmoid.at(0.0), 0.5);
    /// ```
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        match self {
            Self::Relu => x.max(0.0),
            Self::Sigmoid => sigmoid(x),
            Self::Tanh => x.tanh(),
            Self::Gelu => x * 0.5 * erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
            Self::Silu => x * sigmoid(x),
            // Without overflow for large x.
            Self::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Self::Custom { function, .. } => function(x),
        }
    }

    /// The name for reports.
    ///
    /// ```
    /// # use slotwise::networks::Function;
    /// assert_eq!(Function::Relu.name(), "ReLU");
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Relu => "ReLU",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Gelu => "GELU",
            Self::Silu => "SiLU",
            Self::Softplus => "softplus",
            Self::Custom { name, .. } => name,
        }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl PartialEq for Function {
    /// Whether both are the same function; of two that are not ready-made, only clones are known to be.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Custom { function: a, .. }, Self::Custom { function: b, .. }) => {
                Arc::ptr_eq(a, b)
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// Activations that are approximated, by name.
macro_rules! approximated {
    ($($method:ident: $function:ident, $doc:literal;)*) => {
        impl Activation {
            $(
                #[doc = concat!("[`Function::", stringify!($function), "`], with a polynomial of this degree in its place.")]
                ///
                /// ```
                /// # use slotwise::networks::{Activation, Function};
                #[doc = $doc]
                /// ```
                #[must_use]
                pub fn $method(degree: usize) -> Self {
                    Self::Chebyshev(Function::$function, degree)
                }
            )*
        }
    };
}

approximated! {
    relu: Relu, "assert_eq!(Activation::relu(7), Activation::Chebyshev(Function::Relu, 7));";
    sigmoid: Sigmoid, "assert_eq!(Activation::sigmoid(5).at(0.0), 0.5);";
    tanh: Tanh, "assert_eq!(Activation::tanh(5).at(0.5), 0.5f64.tanh());";
    gelu: Gelu, "assert_eq!(Activation::gelu(7), Activation::Chebyshev(Function::Gelu, 7));";
    silu: Silu, "assert_eq!(Activation::silu(7).at(0.0), 0.0);";
    softplus: Softplus, "assert_eq!(Activation::softplus(5).at(0.0), 2f64.ln());";
}

impl Activation {
    /// The original function, without approximation.
    ///
    /// ```
    /// use slotwise::networks::{Activation, Function};
    ///
    /// assert_eq!(Activation::Square.at(3.0), 9.0);
    /// assert_eq!(Activation::Polynomial(vec![1.0, 0.0, 2.0]).at(3.0), 19.0); // 1 + 2 x^2
    /// assert_eq!(Activation::Chebyshev(Function::Relu, 7).at(-1.0), 0.0);
    /// ```
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        match self {
            Self::Square => x * x,
            Self::Polynomial(coefficients) => horner(coefficients, x),
            Self::Chebyshev(function, _) => function.at(x),
        }
    }
}

/// The value of a polynomial, whose constant comes first.
fn horner(coefficients: &[f64], x: f64) -> f64 {
    let terms = coefficients.iter().rev();
    terms.fold(0.0, |value, coefficient| value * x + coefficient)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The complementary error function, to about 1e-13: a power series near 0, and beyond it Laplace's continued fraction.
fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    let scale = (-x * x).exp() / std::f64::consts::PI.sqrt();
    if x < 2.5 {
        // erf(x) = 2 e^(-x^2) / sqrt(pi) sum of 2^n x^(2n+1) / (1 * 3 * .. * (2n+1)), whose terms are all positive.
        let mut term = x;
        let mut sum = x;
        for n in 1..80 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        return 1.0 - 2.0 * scale * sum;
    }
    // x + (1/2)/(x + 1/(x + (3/2)/(x + ..)))
    let tail = (1..=100)
        .rev()
        .fold(x, |tail, n| x + f64::from(n) / 2.0 / tail);
    scale / tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_have_their_known_values() {
        for (x, value) in [
            (0.0, 1.0),
            (0.5, 0.479_500_122_186_953_5),
            (2.0, 0.004_677_734_981_047_266),
            (3.0, 2.209_049_699_858_544e-5),
            (-1.0, 1.842_700_792_949_714_8),
        ] {
            assert!((erfc(x) - value).abs() < 1e-12, "{x}: {}", erfc(x));
        }
        // The two branches meet.
        assert!((erfc(2.499_999_999) - erfc(2.500_000_001)).abs() < 1e-11);
        assert!((Function::Gelu.at(1.0) - 0.841_344_746_068_543).abs() < 1e-12);
        assert_eq!(Function::Softplus.at(1000.0), 1000.0);
        assert!((Function::Softplus.at(0.0) - 2.0f64.ln()).abs() < 1e-15);
        assert!((Function::Silu.at(1.0) - 0.731_058_578_630_004_9).abs() < 1e-15);
        assert_eq!(Activation::Polynomial(vec![1.0, 2.0, 3.0]).at(2.0), 17.0);
        let custom = Function::custom("half", |x| x / 2.0);
        assert_eq!(custom, custom.clone());
        assert_ne!(custom, Function::custom("half", |x| x / 2.0));
        assert_ne!(Function::Relu, Function::Tanh);
    }
}
