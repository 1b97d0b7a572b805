//! Layers in the clear against their definitions, and errors that name the layer.

use slotwise::circuits::{Convolution, Matrix};
use slotwise::networks::{Activation, AvgPool2d, BatchNorm, Dense, Function, Layer, Network};

fn dense(rows: usize, columns: usize) -> Dense {
    let weight = |i: usize, j: usize| ((7 * i + 3 * j) % 11) as f64 / 11.0 - 0.4;
    let bias: Vec<f64> = (0..rows).map(|i| i as f64 / 8.0).collect();
    Dense::new(Matrix::from_fn(rows, columns, weight).unwrap(), &bias).unwrap()
}

fn image(len: usize) -> Vec<f64> {
    (0..len)
        .map(|i| ((5 * i) % 13) as f64 / 13.0 - 0.3)
        .collect()
}

#[test]
fn convolutions_pools_and_normalizations_follow_their_definitions() {
    let weights = image(3 * 2 * 3 * 2);
    let convolution = Convolution::new(&weights, [3, 2, 3, 2]).unwrap();
    let convolution = convolution
        .stride([2, 1])
        .padding([1, 0])
        .bias(&[0.5, -0.5, 1.0]);
    let norm = BatchNorm::new(
        [&[1.0, 2.0, 0.5], &[0.1, 0.2, 0.3]],
        [&[0.3, -0.2, 0.0], &[1.0, 4.0, 0.25]],
        1e-5,
    )
    .unwrap();
    let layers = vec![
        convolution.into(),
        norm.into(),
        Activation::Chebyshev(Function::Relu, 5).into(),
        AvgPool2d::new([1, 2]).into(),
        Layer::Flatten,
    ];
    let network = Network::new(&[2, 5, 5], layers).unwrap();
    assert_eq!(network.output_shape(), [3 * 3 * 2]);
    let x = image(50);
    let y = network.run(&x).unwrap();
    // `r` counts from the padding row.
    let pixel = |c: usize, r: usize, k: usize| {
        if (1..6).contains(&r) {
            x[c * 25 + (r - 1) * 5 + k]
        } else {
            0.0
        }
    };
    let (gamma, beta) = ([1.0, 2.0, 0.5], [0.1, 0.2, 0.3]);
    let (mean, variance) = ([0.3, -0.2, 0.0], [1.0, 4.0, 0.25]);
    let at = |o: usize, r: usize, k: usize| {
        let mut sum = [0.5, -0.5, 1.0][o];
        for c in 0..2 {
            for a in 0..3 {
                for b in 0..2 {
                    sum += weights[((o * 2 + c) * 3 + a) * 2 + b] * pixel(c, 2 * r + a, k + b);
                }
            }
        }
        let z: f64 = gamma[o] * (sum - mean[o]) / f64::sqrt(variance[o] + 1e-5) + beta[o];
        z.max(0.0)
    };
    for o in 0..3 {
        for r in 0..3 {
            for k in 0..2 {
                let expected = (at(o, r, 2 * k) + at(o, r, 2 * k + 1)) / 2.0;
                assert!((y[(o * 3 + r) * 2 + k] - expected).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn residuals_add_their_input() {
    let inner = Network::new(&[4], vec![dense(4, 4).into(), Activation::Square.into()]).unwrap();
    let network = Network::new(&[4], vec![inner.clone().into()]).unwrap();
    let x = [0.5, -1.0, 2.0, 0.25];
    let (y, z) = (network.run(&x).unwrap(), inner.run(&x).unwrap());
    for i in 0..4 {
        assert_eq!(y[i], x[i] + z[i]);
    }
    assert_eq!(
        network.classify(&x).unwrap(),
        (0..4).max_by(|&a, &b| y[a].total_cmp(&y[b])).unwrap()
    );
}

#[test]
fn errors_name_the_layer() {
    let refused =
        |shape: &[usize], layers: Vec<Layer>| Network::new(shape, layers).unwrap_err().to_string();
    let text = refused(&[4], vec![dense(3, 4).into(), dense(2, 4).into()]);
    assert!(
        text.starts_with("layer 1 (dense): takes vectors of length 4"),
        "{text}"
    );
    assert!(refused(&[1, 2, 2], vec![dense(3, 4).into()]).contains("Flatten"));
    assert!(refused(&[4], vec![AvgPool2d::new([1, 1]).into()]).contains("layer 0 (average pool)"));
    assert!(
        refused(&[1, 2, 2], vec![AvgPool2d::new([0, 1]).into()]).contains("layer 0 (average pool)")
    );
    assert!(refused(&[1, 2, 2], vec![AvgPool2d::new([3, 1]).into()]).contains("larger than"));
    let nan = Convolution::new(&[f64::NAN], [1, 1, 1, 1]).unwrap();
    assert!(
        refused(
            &[1, 2, 2],
            vec![Layer::Flatten, Layer::Flatten, nan.clone().into()]
        )
        .contains("layer 2")
    );
    assert!(refused(&[1, 2, 2], vec![nan.into()]).contains("NaN"));
    let groups = Convolution::new(&[1.0; 4], [1, 4, 1, 1]).unwrap().groups(0);
    assert!(refused(&[4, 2, 2], vec![groups.into()]).contains("groups"));
    assert!(refused(&[4], vec![Activation::Polynomial(vec![1.0]).into()]).contains("coefficients"));
    assert!(
        refused(&[4], vec![Activation::Chebyshev(Function::Relu, 0).into()]).contains("degree")
    );
    assert!(refused(&[], vec![Layer::Flatten]).contains("the input"));
    assert!(refused(&[1 << 12, 1 << 12, usize::MAX], vec![Layer::Flatten]).contains("the input"));
    assert!(refused(&[4], Vec::new()).contains("at least one layer"));
    let inner = Network::new(&[4], vec![dense(3, 4).into()]).unwrap();
    assert!(refused(&[4], vec![inner.into()]).contains("must be equal"));
    assert!(BatchNorm::new([&[1.0], &[0.0]], [&[0.0], &[-1.0]], 1e-5).is_err());
    assert!(Dense::new(Matrix::from_rows(&[[1.0]]).unwrap(), &[1.0, 2.0]).is_err());
    let network = Network::new(&[4], vec![dense(3, 4).into()]).unwrap();
    assert!(network.run(&[1.0; 3]).is_err());
    assert!(network.run(&[1.0, f64::NAN, 0.0, 0.0]).is_err());
}
