//! Networks on batches: plans, runs in slots and encrypted, and what client and server refuse.

use crate::samples::{Samples, check_errors, distance};
use slotwise::circuits::Matrix;
use slotwise::networks::{
    Activation, BatchPlan, Dense, Fit, FittedNetwork, Function, Layer, Network, PlanOptions, argmax,
};
use slotwise::{Error, NetworkError, OperandError, ValueError};

fn plan(network: &FittedNetwork, inputs: usize) -> BatchPlan {
    let options = PlanOptions::default().precision_bits(8);
    network.plan_batch(inputs, &options).unwrap()
}

/// Compares runs in slots and encrypted with the run on features.
fn check(network: &FittedNetwork, plan: &BatchPlan, inputs: &[Vec<f64>]) {
    assert!(plan.typical_error() <= 1.0 / 256.0);
    let (server, client) = (plan.server().unwrap(), plan.client().unwrap());
    server.add_client(client.server_keys().unwrap()).unwrap();
    let requests = client.encrypt(inputs).unwrap();
    let responses: Vec<_> = requests
        .iter()
        .map(|request| server.predict(request).unwrap())
        .collect();
    let expected = network.run_all(inputs).unwrap();
    let scores = client.decrypt(&responses, inputs.len()).unwrap();
    assert_eq!(scores.len(), inputs.len());
    let in_slots = plan.run(inputs).unwrap();
    for ((expected, scores), in_slots) in expected.iter().zip(&scores).zip(&in_slots) {
        assert!(distance(expected, in_slots) < 1e-9);
        check_errors(expected, scores, plan.typical_error());
    }
    let classes: Vec<usize> = scores.iter().map(|scores| argmax(scores)).collect();
    assert_eq!(client.classify(&responses, inputs.len()).unwrap(), classes);
}

fn squares(samples: &mut Samples) -> FittedNetwork {
    let layers = vec![
        samples.dense(12, 20).into(),
        Activation::Square.into(),
        samples.dense(5, 12).into(),
    ];
    let network = Network::new(&[20], layers).unwrap();
    let options = Fit::default().input_range(-1.0..=1.0);
    network.fit(&samples.inputs(200, 20), &options).unwrap()
}

#[test]
fn few_inputs_share_ciphertexts() {
    let mut samples = Samples::new(20);
    let network = squares(&mut samples);
    let plan = plan(&network, 300);
    let layout = plan.description().input_layout();
    assert!(layout.per_ciphertext() > 1, "{plan}");
    assert!(layout.inputs() >= 300);
    assert!(!plan.description().key_plan().rotations().is_none());
    check(&network, &plan, &samples.inputs(300, 20));
    let text = plan.to_string();
    let p = layout.per_ciphertext();
    assert!(
        text.contains(&format!(
            "{p} features in a ciphertext: 300 inputs take 1 batches"
        )),
        "{text}"
    );
}

#[test]
fn many_inputs_take_no_rotation() {
    let mut samples = Samples::new(21);
    let network = squares(&mut samples);
    let plan = plan(&network, 100_000);
    let layout = plan.description().input_layout();
    assert_eq!(layout.per_ciphertext(), 1);
    assert!(plan.description().key_plan().rotations().is_none());
    // A batch and a part of another one.
    check(&network, &plan, &samples.inputs(layout.inputs() + 3, 20));
}

#[test]
fn convolutions_residuals_and_polynomials() {
    let mut samples = Samples::new(22);
    let inner = vec![
        samples.convolution([2, 2, 3, 3]).padding([1, 1]).into(),
        Activation::Square.into(),
        samples.convolution([2, 2, 1, 1]).into(),
    ];
    let layers = vec![
        samples.convolution([2, 1, 2, 2]).stride([2, 2]).into(),
        Activation::Chebyshev(Function::Tanh, 3).into(),
        Network::new(&[2, 4, 4], inner).unwrap().into(),
        Layer::Flatten,
        samples.dense(3, 32).into(),
    ];
    let network = Network::new(&[1, 8, 8], layers).unwrap();
    let inputs = samples.inputs(60, 64);
    let network = network.fit(&inputs, &Fit::default()).unwrap();
    check(&network, &plan(&network, 2000), &inputs);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let mut samples = Samples::new(23);
    let network = squares(&mut samples);
    let options = PlanOptions::default();
    let empty = Error::Values(ValueError::Empty);
    assert_eq!(network.plan_batch(0, &options).unwrap_err(), empty);
    let plan = plan(&network, 300);
    let (server, client) = (plan.server().unwrap(), plan.client().unwrap());
    let none: [Vec<f64>; 0] = [];
    assert_eq!(client.encrypt(&none).unwrap_err(), empty);
    assert!(matches!(
        client.encrypt(&[vec![0.0; 19]]),
        Err(Error::Operands(OperandError::Count { .. }))
    ));
    let large = [vec![0.0; 20], vec![100.0; 20]];
    assert!(matches!(
        client.encrypt(&large),
        Err(Error::Operands(OperandError::InvalidArgument { .. }))
    ));
    assert_eq!(
        client.encrypt(&[vec![f64::NAN; 20]]).unwrap_err(),
        Error::Values(ValueError::NotFinite { index: 0 })
    );
    let requests = client.encrypt((0..1).map(|_| vec![0.0; 20])).unwrap();
    assert!(matches!(
        server.predict(&requests[0]),
        Err(Error::Networks(NetworkError::UnknownClient { .. }))
    ));
    let keys = client.server_keys().unwrap();
    let id = server.add_client(keys.clone()).unwrap();
    let response = server.predict(&requests[0]).unwrap();
    assert!(matches!(
        client.decrypt(std::slice::from_ref(&response), 40_000),
        Err(Error::Operands(OperandError::Count { .. }))
    ));
    assert!(server.remove_client(id) && !server.remove_client(id));
    // Another plan's keys and requests.
    let other = network.plan_batch(100_000, &options).unwrap();
    let other_server = other.server().unwrap();
    assert!(matches!(
        other_server.add_client(keys),
        Err(Error::Networks(NetworkError::PlanMismatch { .. }))
    ));
    assert!(matches!(
        other_server.predict(&requests[0]),
        Err(Error::Networks(NetworkError::PlanMismatch { .. }))
    ));
}

/// A dead neuron's polynomial is a constant, which takes no level: its ciphertext meets the next layer higher than the others do.
#[test]
fn dead_neurons_among_others() {
    let mut samples = Samples::new(27);
    let weight = |i: usize, j: usize| {
        if i == 0 {
            0.0
        } else {
            (i + 2 * j) as f64 / 9.0 - 0.5
        }
    };
    let first = Matrix::from_fn(3, 4, weight).unwrap();
    let polynomial = Activation::Chebyshev(Function::Relu, 3);
    let layers = vec![
        Dense::new(first, &[-1.0, 0.1, 0.2]).unwrap().into(),
        polynomial.into(),
        samples.dense(2, 3).into(),
    ];
    let network = Network::new(&[4], layers).unwrap();
    let inputs = samples.inputs(20, 4);
    let network = network.fit(&inputs, &Fit::default()).unwrap();
    let plan = plan(&network, 5000);
    assert_eq!(plan.description().input_layout().per_ciphertext(), 1);
    check(&network, &plan, &inputs[..3]);
}

/// What rescaling and compacting cost is part of the error to expect: without activations it is nearly all.
#[test]
fn the_error_of_what_the_server_sends() {
    let mut samples = Samples::new(28);
    let network = Network::new(&[7], vec![samples.dense(4, 7).into()]).unwrap();
    let inputs = samples.inputs(30, 7);
    let network = network.fit(&inputs, &Fit::default()).unwrap();
    check(&network, &plan(&network, 5000), &inputs);
}
