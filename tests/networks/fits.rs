//! Polynomials in the place of activations: exact where they can be, and what the report says.

use crate::samples::{Samples, distance};
use slotwise::circuits::Matrix;
use slotwise::networks::{
    Activation, AvgPool2d, BatchNorm, Dense, Fit, Function, Layer, Network, Stage,
};
use slotwise::{Error, NetworkError};

fn relu(degree: usize) -> Layer {
    Activation::Chebyshev(Function::Relu, degree).into()
}

/// A network with every kind of layer, whose activations are polynomials.
fn polynomial_network(samples: &mut Samples) -> Network {
    let norm = |samples: &mut Samples, channels| {
        let [gamma, beta, mean] = [0; 3].map(|_| samples.values(channels));
        let variance: Vec<f64> = samples
            .values(channels)
            .iter()
            .map(|v| v * v + 0.5)
            .collect();
        BatchNorm::new([&gamma, &beta], [&mean, &variance], 1e-5).unwrap()
    };
    let branch = vec![
        samples
            .convolution([4, 2, 3, 3])
            .padding([1, 1])
            .groups(2)
            .into(),
        norm(samples, 4).into(),
        Activation::Square.into(),
        samples.convolution([4, 4, 1, 1]).into(),
    ];
    let layers = vec![
        norm(samples, 2).into(),
        samples.convolution([4, 2, 3, 3]).padding([1, 1]).into(),
        Activation::Polynomial(vec![0.25, 0.5, 0.125]).into(),
        Network::new(&[4, 8, 8], branch).unwrap().into(),
        Activation::Polynomial(vec![0.1, 0.5, 0.2, 0.05]).into(),
        AvgPool2d::new([2, 2]).into(),
        samples
            .convolution([3, 4, 2, 2])
            .stride([2, 2])
            .dilation([1, 1])
            .into(),
        Activation::Polynomial(vec![1.0, 2.0]).into(),
        Layer::Flatten,
        samples.dense(5, 12).into(),
        Activation::Square.into(),
        samples.dense(3, 5).into(),
    ];
    Network::new(&[2, 8, 8], layers).unwrap()
}

#[test]
fn polynomials_stay_what_they_are() {
    let mut samples = Samples::new(1);
    let network = polynomial_network(&mut samples);
    let inputs = samples.inputs(20, 128);
    for given in [&inputs[..10], &[]] {
        let fitted = network.fit(given, &Fit::default()).unwrap();
        // The ranges of all inputs are so wide that a cubic polynomial cancels.
        let most = if given.is_empty() { 1e-4 } else { 1e-9 };
        for input in &inputs {
            let (expected, found) = (network.run(input).unwrap(), fitted.run(input).unwrap());
            let size = expected
                .iter()
                .fold(1.0, |size: f64, value| size.max(value.abs()));
            assert!(distance(&expected, &found) < most * size);
        }
        if given.is_empty() {
            // Ranges are those of all inputs.
            assert_eq!(fitted.outside(&inputs).unwrap().count, 0);
        } else {
            assert_eq!(fitted.report().agreeing, 10);
            assert_eq!(fitted.outside(given).unwrap().count, 0);
        }
    }
}

#[test]
fn normalizations_pools_and_scales_take_no_level() {
    let mut samples = Samples::new(2);
    let network = polynomial_network(&mut samples);
    let fitted = network.fit::<Vec<f64>>(&[], &Fit::default()).unwrap();
    let kinds: Vec<&str> = fitted
        .stages()
        .iter()
        .map(|stage| match stage {
            Stage::Linear(_) => "linear",
            Stage::Square => "square",
            Stage::Polynomials(_) => "polynomials",
            Stage::Residual { skip, inner, .. } => {
                assert!(skip.is_some() && inner.len() == 3);
                "residual"
            }
            _ => "other",
        })
        .collect();
    // The quadratic polynomial is a square; the layer after it, before the residual, has its factor.
    let expected = [
        "linear",
        "square",
        "linear",
        "residual",
        "polynomials",
        "linear",
        "square",
        "linear",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn a_polynomial_for_each_neuron_is_better_than_one_for_all() {
    let mut samples = Samples::new(3);
    let layers = vec![
        samples.dense(16, 10).into(),
        relu(5),
        samples.dense(12, 16).into(),
        relu(5),
        samples.dense(4, 12).into(),
    ];
    let network = Network::new(&[10], layers).unwrap();
    let inputs = samples.inputs(300, 10);
    let error = |fit: &Fit| network.fit(&inputs, fit).unwrap().report().worst_error;
    let each = error(&Fit::default());
    assert!(each < error(&Fit::default().one_polynomial_per_layer()));
    assert!(
        each < error(&Fit::default().degree(2)) && error(&Fit::default().degree(15)) < each / 2.0
    );
    let fitted = network.fit(&inputs, &Fit::default().margin(1.2)).unwrap();
    assert!(
        fitted
            .report()
            .activations
            .iter()
            .all(|report| report.worst < 0.84 && report.outside == 0)
    );
    assert!(fitted.report().agreeing > 285);
    let text = fitted.report().to_string();
    assert!(
        text.contains("layer 3 (activation)")
            && text.contains("ReLU")
            && text.contains("300 samples"),
        "{text}"
    );
    // Inputs three times as large leave the ranges.
    let large: Vec<Vec<f64>> = inputs
        .iter()
        .map(|x| x.iter().map(|v| 3.0 * v).collect())
        .collect();
    let outside = fitted.outside(&large).unwrap();
    assert!(outside.count > 300 && outside.worst > 2.0);
}

#[test]
fn neurons_that_never_change_do_no_harm() {
    let mut samples = Samples::new(4);
    let silent = slotwise::circuits::Matrix::from_rows(&[[0.0, 0.0], [1.0, 1.0]]).unwrap();
    let layers = vec![
        slotwise::networks::Dense::new(silent, &[-3.0, 0.0])
            .unwrap()
            .into(),
        relu(7),
        samples.dense(2, 2).into(),
        Activation::Square.into(),
        samples.dense(2, 2).into(),
    ];
    let network = Network::new(&[2], layers).unwrap();
    let inputs = samples.inputs(50, 2);
    let fitted = network.fit(&inputs, &Fit::default()).unwrap();
    assert!(fitted.report().worst_error.is_finite() && fitted.report().worst_error < 2.0);
}

#[test]
fn fits_that_make_no_sense_are_refused() {
    let mut samples = Samples::new(5);
    let network = Network::new(&[4], vec![samples.dense(3, 4).into(), relu(5)]).unwrap();
    let inputs = samples.inputs(10, 4);
    let refused = |samples: &[Vec<f64>], fit: &Fit| match network.fit(samples, fit) {
        Err(Error::Networks(NetworkError::InvalidFit { reason })) => reason,
        other => panic!("{other:?}"),
    };
    assert!(
        refused(&[], &Fit::default()).contains("layer 1 (activation): a function is approximated")
    );
    for fit in [
        Fit::default().margin(0.0),
        Fit::default().margin(0.9),
        Fit::default().margin(f64::NAN),
        Fit::default().lambda(-1.0),
        Fit::default().degree(0),
        Fit::default().degree(128),
        Fit::default().input_range(1.0..=0.0),
    ] {
        refused(&inputs, &fit);
    }
    assert!(refused(&inputs, &Fit::default().input_range(0.0..=0.5)).contains("outside"));
    assert!(refused(&[vec![0.0; 4]], &Fit::default()).contains("all samples are 0"));
    assert!(network.fit(&[[1.0; 3]], &Fit::default()).is_err());
    assert!(
        network
            .fit(&[[1.0, f64::NAN, 0.0, 0.0]], &Fit::default())
            .is_err()
    );
    let infinite = Function::custom("pole", |x| 1.0 / (x - x));
    let layers = vec![
        samples.dense(3, 4).into(),
        Activation::Chebyshev(infinite, 3).into(),
    ];
    let network = Network::new(&[4], layers).unwrap();
    let error = network.fit(&inputs, &Fit::default()).unwrap_err();
    assert!(
        error.to_string().contains("layer 1 (activation)"),
        "{error}"
    );
}

/// Neurons that are always 0 have no range to scale by.
#[test]
fn squares_of_zeros() {
    let zeros = Matrix::from_fn(3, 4, |_, _| 0.0).unwrap();
    let mut samples = Samples::new(6);
    let layers = vec![
        Dense::new(zeros, &[]).unwrap().into(),
        Activation::Square.into(),
        samples.dense(2, 3).into(),
    ];
    let network = Network::new(&[4], layers).unwrap();
    let inputs = samples.inputs(10, 4);
    let fitted = network.fit(&inputs, &Fit::default()).unwrap();
    assert_eq!(
        fitted.run(&inputs[0]).unwrap(),
        network.run(&inputs[0]).unwrap()
    );
}
