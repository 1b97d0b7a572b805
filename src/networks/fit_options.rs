use crate::error::{Error, NetworkError, Result};
use crate::networks::network::MOST_FITTED_DEGREE;
use std::ops::RangeInclusive;

/// How [`Network::fit`](crate::networks::Network::fit) puts polynomials in the place of activations.
///
/// ```
/// use slotwise::networks::Fit;
///
/// let fit = Fit::default().degree(7).margin(1.2);
/// # let _ = fit;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    pub(super) margin: f64,
    pub(super) degree: Option<usize>,
    pub(super) lambda: f64,
    pub(super) per_neuron: bool,
    pub(super) input_range: Option<[f64; 2]>,
}

impl Default for Fit {
    /// A polynomial for each neuron on the range of the samples, with the degrees of the activations.
    fn default() -> Self {
        Self {
            margin: 1.2,
            degree: None,
            lambda: 0.01,
            per_neuron: true,
            input_range: None,
        }
    }
}

impl Fit {
    /// The factor by which the ranges of the samples are widened, at least 1; 1.2 unless set. A wider range leaves room for inputs beyond the samples
    /// and costs accuracy. At degree 7 and below, values a little outside the range do no harm.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/relu_network.txt")]
    /// let fitted = network.fit(&samples, &Fit::default().margin(1.5))?;
    /// assert_eq!(fitted.report().margin, 1.5);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn margin(self, margin: f64) -> Self {
        Self { margin, ..self }
    }

    /// Uses one degree for all functions, instead of the degree of each.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/relu_network.txt")]
    /// let [rough, fine] = [3, 15].map(|degree| network.fit(&samples, &Fit::default().degree(degree)));
    /// assert!(rough?.report().worst_error > fine?.report().worst_error);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn degree(self, degree: usize) -> Self {
        Self {
            degree: Some(degree),
            ..self
        }
    }

    /// The weight of the range as a whole beside that of the samples: 0.01 unless set.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/relu_network.txt")]
    /// let [samples_first, whole_range] = [1e-6, 1.0].map(|lambda| network.fit(&samples, &Fit::default().lambda(lambda)));
    /// let [rough, even] = [samples_first?, whole_range?].map(|fitted| fitted.report().activations[0].error);
    /// assert!(even < rough); // the largest error in the range, samples or not
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn lambda(self, lambda: f64) -> Self {
        Self { lambda, ..self }
    }

    /// Fits one polynomial for all neurons of a layer, instead of one for each. This loses accuracy and saves no time.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/relu_network.txt")]
    /// let fitted = network.fit(&samples, &Fit::default().one_polynomial_per_layer())?;
    /// let Stage::Polynomials(polynomials) = &fitted.stages()[1] else { panic!("the activation") };
    /// assert_eq!(polynomials[0], polynomials[1]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn one_polynomial_per_layer(self) -> Self {
        Self {
            per_neuron: false,
            ..self
        }
    }

    /// The range of the inputs: that of the samples unless set, and -1 to 1 without samples. Clients cannot encrypt other values.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/relu_network.txt")]
    /// let fitted = network.fit(&samples, &Fit::default().input_range(-2.0..=2.0))?;
    /// assert_eq!(fitted.input_bound(), 2.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn input_range(self, range: RangeInclusive<f64>) -> Self {
        Self {
            input_range: Some([*range.start(), *range.end()]),
            ..self
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        let is_positive = |value: f64| value > 0.0 && value.is_finite();
        if !is_positive(self.lambda) {
            return Err(invalid_fit(
                "the lambda of a fit must be positive and finite",
            ));
        }
        // The samples themselves would leave narrower ranges, and nothing else bounds what then runs encrypted.
        if !(self.margin >= 1.0 && self.margin.is_finite()) {
            return Err(invalid_fit(
                "the margin of a fit must be finite and at least 1",
            ));
        }
        let degrees = 1..=MOST_FITTED_DEGREE;
        if self.degree.is_some_and(|degree| !degrees.contains(&degree)) {
            return Err(invalid_fit("the degree of a fit must be 1 to 127"));
        }
        match self.input_range {
            Some([low, high]) if !(low < high && low.is_finite() && high.is_finite()) => Err(
                invalid_fit("the range of inputs must be finite, with its lower end first"),
            ),
            _ => Ok(()),
        }
    }
}

pub(super) fn invalid_fit(reason: impl Into<String>) -> Error {
    Error::Networks(NetworkError::InvalidFit {
        reason: reason.into(),
    })
}
