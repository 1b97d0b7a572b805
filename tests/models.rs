//! Networks from files that other frameworks wrote, against the scores that those computed, and damaged files. `models/write.py` wrote both.
#![cfg(all(feature = "onnx", feature = "models"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use slotwise::networks::{Activation, Function, Layer, Network, Weights};
use slotwise::{Error, NetworkError};
use std::fs;
use std::path::{Path, PathBuf};

/// The degree of activations, which a run in the clear does not use.
const DEGREE: usize = 7;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}

fn scores() -> serde_json::Map<String, Value> {
    let text = fs::read_to_string(folder().join("scores.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    serde_json::from_value(value.clone()).unwrap()
}

/// The names and the bytes of all files with this extension.
fn files(extension: &str) -> Vec<(String, Vec<u8>)> {
    let paths = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| path.extension().is_some_and(|found| found == extension));
    let name = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut files: Vec<_> = paths
        .map(|path| (name(&path), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

fn read(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap()
}

/// The largest difference from the framework's scores, relative to their size where that exceeds 1.
fn difference(network: &Network, scores: &Value) -> f64 {
    let (inputs, expected) = (rows(&scores["inputs"]), rows(&scores["outputs"]));
    assert_eq!(inputs.len(), 3);
    let outputs = network.run_all(&inputs).unwrap();
    let mut largest = 0.0f64;
    for (output, expected) in outputs.iter().zip(&expected) {
        assert_eq!(output.len(), expected.len());
        for (output, expected) in output.iter().zip(expected) {
            largest = largest.max((output - expected).abs() / expected.abs().max(1.0));
        }
    }
    largest
}

#[test]
fn onnx_models_compute_what_their_frameworks_do() {
    let (scores, files) = (scores(), files("onnx"));
    for (name, bytes) in &files {
        let network = Network::from_onnx(bytes, DEGREE).unwrap_or_else(|error| {
            panic!("{name}: {error}");
        });
        let most = if name.ends_with("f64") { 1e-9 } else { 1e-4 };
        let found = difference(&network, &scores[name]);
        assert!(found < most, "{name}: {found:e}");
    }
    assert_eq!(files.len(), 39);
}

#[test]
fn activations_keep_their_functions() {
    for (name, function) in [
        ("relu", Function::Relu),
        ("sigmoid", Function::Sigmoid),
        ("tanh", Function::Tanh),
        ("gelu", Function::Gelu),
        ("silu", Function::Silu),
        ("softplus", Function::Softplus),
    ] {
        let network = Network::from_onnx(&read(&format!("{name}_f32.onnx")), 5).unwrap();
        assert_eq!(network.layers().len(), 3, "{name}");
        let activation = Activation::Chebyshev(function, 5);
        assert_eq!(network.layers()[1], Layer::Activation(activation), "{name}");
    }
    for name in ["square", "power"] {
        let network = Network::from_onnx(&read(&format!("{name}_f32.onnx")), 5).unwrap();
        assert_eq!(network.layers()[1], Layer::Activation(Activation::Square));
    }
}

#[test]
fn structure_is_kept() {
    let kinds = |network: &Network| -> Vec<&str> {
        let layers = network.layers().iter();
        layers.map(Layer::kind).collect()
    };
    let network = Network::from_onnx(&read("matmul_f64.onnx"), DEGREE).unwrap();
    assert_eq!(kinds(&network), ["dense", "activation", "dense"]);
    let network = Network::from_onnx(&read("residual_f64.onnx"), DEGREE).unwrap();
    let expected = [
        "conv2d",
        "activation",
        "residual",
        "activation",
        "average pool",
        "flatten",
        "dense",
    ];
    assert_eq!(kinds(&network), expected);
    let Layer::Residual(inner) = &network.layers()[2] else {
        panic!("no residual block");
    };
    let expected = ["conv2d", "activation", "residual", "conv2d"];
    assert_eq!(kinds(inner), expected);
    assert_eq!(network.input_shape(), [2, 5, 5]);
    let network = Network::from_onnx(&read("depthwise_f64.onnx"), DEGREE).unwrap();
    assert_eq!(network.output_shape(), [2, 2, 2]);
}

#[test]
fn degrees_out_of_range_are_refused() {
    for degree in [0, 128, usize::MAX] {
        let error = Network::from_onnx(&read("relu_f32.onnx"), degree).unwrap_err();
        assert!(matches!(
            error,
            Error::Networks(NetworkError::InvalidModel { node, .. }) if node.starts_with("Relu")
        ));
    }
}

/// The network of the safetensors files.
fn from_weights(bytes: &[u8]) -> slotwise::Result<Network> {
    let weights = Weights::from_safetensors(bytes)?;
    let convolution = weights.conv2d("conv")?;
    let layers = vec![
        convolution.stride([2, 2]).padding([1, 1]).groups(2).into(),
        weights.batch_norm("norm")?.into(),
        Activation::Square.into(),
        Layer::Flatten,
        weights.dense("fc")?.into(),
    ];
    Network::new(&[2, 5, 5], layers)
}

#[test]
fn safetensors_weights_compute_what_pytorch_does() {
    let (scores, files) = (scores(), files("safetensors"));
    for (name, bytes) in &files {
        let network = from_weights(bytes).unwrap();
        let found = difference(&network, &scores[name]);
        assert!(found < 1e-9, "{name}: {found:e}");
    }
    assert_eq!(files.len(), 4);
}

#[test]
fn trained_weights_reach_the_accuracy_that_the_data_say() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data");
    let bytes = fs::read(data.join("digits_square.safetensors")).unwrap();
    let weights = Weights::from_safetensors(&bytes).unwrap();
    let [first, second] = ["fc1", "fc2"].map(|name| weights.dense(name).unwrap());
    let layers = vec![first.into(), Activation::Square.into(), second.into()];
    let network = Network::new(&[64], layers).unwrap();
    let mut reader = csv::Reader::from_path(data.join("digits.csv")).unwrap();
    let rows = reader.records().skip(4).step_by(5);
    let correct = rows.map(|row| {
        let row: Vec<f64> = row
            .unwrap()
            .iter()
            .map(|cell| cell.parse().unwrap())
            .collect();
        let pixels: Vec<f64> = row[..64].iter().map(|pixel| pixel / 16.0).collect();
        network.classify(&pixels).unwrap() as f64 == row[64]
    });
    let correct: Vec<bool> = correct.collect();
    assert_eq!(correct.len(), 359);
    assert_eq!(
        correct.iter().filter(|&&is_correct| is_correct).count(),
        347
    );
}

/// Every file with one byte changed or cut off at one byte is a network or an error; small networks run.
fn check_damage(extension: &str, parse: impl Fn(&[u8]) -> slotwise::Result<Network>) {
    let run = |bytes: &[u8]| match parse(bytes) {
        Ok(network) => {
            let length: usize = network.input_shape().iter().product();
            if length <= 256 {
                let outputs = network.run(&vec![0.5; length]);
                assert!(outputs.is_err() || !outputs.unwrap().is_empty());
            }
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    };
    let mut refused = 0;
    for (name, bytes) in files(extension) {
        // Those of 64 bits have the same structure, with more weights.
        if extension == "onnx" && name.ends_with("f64") {
            continue;
        }
        assert!(run(&bytes), "{name}");
        for at in 0..bytes.len() {
            refused += usize::from(!run(&bytes[..at]));
            for mask in [1, 1 << (at % 8), 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= mask;
                refused += usize::from(!run(&damaged));
            }
        }
    }
    assert!(refused > 1000, "only {refused} damaged files were refused");
}

#[test]
fn damaged_onnx_models_are_networks_or_errors() {
    check_damage("onnx", |bytes| Network::from_onnx(bytes, DEGREE));
}

#[test]
fn damaged_safetensors_are_networks_or_errors() {
    check_damage("safetensors", from_weights);
}
