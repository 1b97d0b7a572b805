//! Plans of networks, in the clear and encrypted, and what client and server refuse.

use crate::samples::{Samples, check_errors, distance};
use slotwise::networks::{
    Activation, AvgPool2d, Fit, FittedNetwork, Function, InputLayout, Layer, Network, NetworkPlan,
    PlanOptions, argmax,
};
use slotwise::{Error, KeyError, NetworkError, OperandError, Rotations};

fn fitted(network: &Network, samples: &[Vec<f64>]) -> FittedNetwork {
    network.fit(samples, &Fit::default()).unwrap()
}

/// Plans the network, and compares runs in slots and encrypted with the run on features.
fn check(network: &FittedNetwork, inputs: &[Vec<f64>]) -> NetworkPlan {
    let plan = network
        .plan_single(&PlanOptions::default().precision_bits(8))
        .unwrap();
    assert!(plan.typical_error() <= 1.0 / 256.0);
    let (server, client) = (plan.server().unwrap(), plan.client().unwrap());
    server.add_client(client.server_keys().unwrap()).unwrap();
    for input in inputs {
        let expected = network.run(input).unwrap();
        assert!(distance(&expected, &plan.run(input).unwrap()) < 1e-9);
        let response = server.predict(&client.encrypt(input).unwrap()).unwrap();
        let scores = client.decrypt(&response).unwrap();
        check_errors(&expected, &scores, plan.typical_error());
        assert_eq!(client.classify(&response).unwrap(), argmax(&scores));
    }
    plan
}

#[test]
fn dense_layers_with_squares() {
    let mut samples = Samples::new(10);
    let layers = vec![
        samples.dense(30, 50).into(),
        Activation::Square.into(),
        samples.dense(10, 30).into(),
    ];
    let network = Network::new(&[50], layers).unwrap();
    let inputs = samples.inputs(100, 50);
    let plan = check(&fitted(&network, &inputs), &inputs[..2]);
    // 16 copies of 64 values: two multiplications and six rotations in the first layer.
    let layout = plan.description().input_layout();
    assert!(
        matches!(
            layout,
            InputLayout::Copies {
                count: 16,
                shift: 2
            }
        ),
        "{layout:?}"
    );
    assert_eq!(plan.circuit().outputs()[0].length, 10);
    assert!(plan.to_string().contains("one input at a time"));
}

#[test]
fn convolutions_residuals_and_polynomials() {
    let mut samples = Samples::new(11);
    let inner = vec![
        samples.convolution([2, 2, 3, 3]).padding([1, 1]).into(),
        Activation::Square.into(),
        samples.convolution([2, 2, 1, 1]).into(),
    ];
    let layers = vec![
        samples.convolution([2, 1, 2, 2]).stride([2, 2]).into(),
        Activation::Chebyshev(Function::Tanh, 3).into(),
        Network::new(&[2, 4, 4], inner).unwrap().into(),
        Activation::Square.into(),
        AvgPool2d::new([2, 2]).into(),
        Layer::Flatten,
        samples.dense(3, 8).into(),
    ];
    let network = Network::new(&[1, 8, 8], layers).unwrap();
    let inputs = samples.inputs(60, 64);
    check(&fitted(&network, &inputs), &inputs[..1]);
}

/// Every layout and every kind of layer, in the clear.
#[test]
fn layouts_in_slots_compute_what_features_do() {
    let mut samples = Samples::new(12);
    let networks = [
        // Images with several channels, gaps that widen, and results that are images.
        vec![
            samples
                .convolution([5, 2, 3, 3])
                .padding([1, 1])
                .stride([2, 2])
                .into(),
            Activation::Square.into(),
            samples.convolution([3, 5, 2, 2]).into(),
            AvgPool2d::new([2, 2]).stride([1, 1]).into(),
        ],
        // Grouped windows with dilation.
        vec![
            samples
                .convolution([4, 1, 2, 3])
                .groups(2)
                .dilation([2, 1])
                .into(),
            Activation::Square.into(),
            Layer::Flatten,
            samples.dense(3, 4 * 6 * 6).into(),
        ],
        vec![
            Layer::Flatten,
            samples.dense(7, 128).into(),
            Activation::Polynomial(vec![0.0, 1.0, 0.5, 0.25]).into(),
        ],
        vec![
            Activation::Square.into(),
            samples.convolution([1, 2, 1, 1]).into(),
        ],
    ];
    for layers in networks {
        let network = Network::new(&[2, 8, 8], layers).unwrap();
        let inputs = samples.inputs(5, 128);
        let fitted = fitted(&network, &inputs);
        let plan = fitted.plan_single(&PlanOptions::default()).unwrap();
        for input in &inputs {
            let expected = fitted.run(input).unwrap();
            assert!(distance(&expected, &plan.run(input).unwrap()) < 1e-9);
            assert_eq!(
                plan.classify(input).unwrap(),
                fitted.classify(input).unwrap()
            );
        }
    }
}

/// Polynomials whose leading coefficients are 0 are what is left of them.
#[test]
fn polynomials_that_are_constant_take_no_level() {
    let mut samples = Samples::new(14);
    for coefficients in [vec![0.0; 4], vec![2.0, 0.0, 0.0], vec![1.0, 0.5, 0.0]] {
        let layers = vec![
            samples.dense(6, 10).into(),
            Activation::Polynomial(coefficients).into(),
            samples.dense(3, 6).into(),
            Activation::Square.into(),
            samples.dense(2, 3).into(),
        ];
        let network = Network::new(&[10], layers).unwrap();
        let inputs = samples.inputs(5, 10);
        let fitted = fitted(&network, &inputs);
        let plan = fitted.plan_single(&PlanOptions::default()).unwrap();
        let (client, server) = (plan.client().unwrap(), plan.server().unwrap());
        server.add_client(client.server_keys().unwrap()).unwrap();
        for input in &inputs {
            let response = server.predict(&client.encrypt(input).unwrap()).unwrap();
            let found = client.decrypt(&response).unwrap();
            let expected = network.run(input).unwrap();
            check_errors(&expected, &found, plan.typical_error());
        }
    }
}

#[test]
fn keys_can_be_limited() {
    let mut samples = Samples::new(13);
    let layers = vec![
        samples.dense(200, 200).into(),
        Activation::Square.into(),
        samples.dense(200, 200).into(),
    ];
    let network = Network::new(&[200], layers).unwrap();
    let fitted = fitted(&network, &samples.inputs(50, 200));
    let plan = |options: PlanOptions| fitted.plan_single(&options);
    let bytes = |plan: &NetworkPlan| plan.circuit().key_bytes().unwrap();
    let all = plan(PlanOptions::default()).unwrap();
    // Fewer keys, and more key switches.
    let few = plan(PlanOptions::default().max_key_bytes(bytes(&all) * 3 / 4)).unwrap();
    assert!(bytes(&few) <= bytes(&all) * 3 / 4);
    assert!(few.key_switches() > all.key_switches());
    assert_ne!(few.fingerprint(), all.fingerprint());
    assert!(plan(PlanOptions::default().max_key_bytes(bytes(&all) / 100)).is_err());
}

/// A plan of one dense layer.
fn dense_plan(samples: &mut Samples, outputs: usize) -> NetworkPlan {
    let layers = vec![samples.dense(outputs, 6).into()];
    let network = Network::new(&[6], layers).unwrap();
    let fitted = network.fit::<Vec<f64>>(&[], &Fit::default()).unwrap();
    fitted.plan_single(&PlanOptions::default()).unwrap()
}

fn is_mismatch(error: &Error) -> bool {
    matches!(error, Error::Networks(NetworkError::PlanMismatch { .. }))
}

#[test]
fn plans_keys_and_requests_belong_together() {
    let mut samples = Samples::new(14);
    let (plan, other) = (dense_plan(&mut samples, 4), dense_plan(&mut samples, 5));
    assert_ne!(plan.fingerprint(), other.fingerprint());
    let (server, client) = (plan.server().unwrap(), plan.client().unwrap());
    let stranger = other.client().unwrap();
    let refused = server.add_client(stranger.server_keys().unwrap());
    assert!(is_mismatch(&refused.unwrap_err()));
    // Whatever iterates over numbers is an input.
    let request = client.encrypt((0..6).map(|_| 0.5f32)).unwrap();
    // No keys yet.
    let refused = server.predict(&request).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("`server.add_client(client.server_keys()?)`"),
        "{refused}"
    );
    let id = server.add_client(client.server_keys().unwrap()).unwrap();
    assert_eq!(id, client.id());
    let response = server.predict(&request).unwrap();
    assert_eq!(client.decrypt(&response).unwrap().len(), 4);
    let refused = server.predict(&stranger.encrypt(&[0.5; 6]).unwrap());
    assert!(is_mismatch(&refused.unwrap_err()));
    assert!(is_mismatch(&stranger.decrypt(&response).unwrap_err()));
    // Another client of the same plan.
    let second = plan.client().unwrap().decrypt(&response);
    assert!(matches!(
        second,
        Err(Error::Keys(KeyError::Mismatch { .. }))
    ));
    assert!(server.remove_client(id) && !server.remove_client(id));
    let debug = format!("{client:?} {server:?} {plan:?}");
    assert!(
        debug.contains("NetworkClient") && debug.len() < 400,
        "{debug}"
    );
}

#[test]
fn missing_keys_are_all_listed() {
    let plan = dense_plan(&mut Samples::new(15), 4);
    let (server, client) = (plan.server().unwrap(), plan.client().unwrap());
    let mut keys = client.server_keys().unwrap();
    keys.keys = client
        .key()
        .generate_server_key(&Rotations::none())
        .unwrap();
    match server.add_client(keys) {
        Err(Error::Keys(KeyError::MissingRotationKeys { steps, .. })) => {
            assert_eq!(steps.len(), plan.circuit().key_count());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn inputs_of_other_sizes_and_ranges_are_refused() {
    let plan = dense_plan(&mut Samples::new(16), 4);
    let (server, client) = (plan.server().unwrap(), plan.client().unwrap());
    server.add_client(client.server_keys().unwrap()).unwrap();
    let beyond = client.encrypt(&[1.5; 6]);
    let is_argument =
        |error| matches!(error, Error::Operands(OperandError::InvalidArgument { .. }));
    assert!(is_argument(beyond.unwrap_err()));
    assert!(client.encrypt(&[0.5; 7]).is_err() && client.encrypt(&[f64::NAN; 6]).is_err());
    assert!(plan.run(&[0.5; 7]).is_err() && plan.run(&[1.5; 6]).is_err());
    // A request whose vector has another length.
    let mut short = client.encrypt(&[0.5; 6]).unwrap();
    short.input = client.key().encrypt([0.5; 3]).unwrap();
    let refused = server.predict(&short).unwrap_err();
    assert!(matches!(
        refused,
        Error::Operands(OperandError::InputLength { .. })
    ));
}

/// The inner network ends with a residual layer, whose values lie otherwise than its input's.
#[test]
fn residuals_at_the_end_of_residuals() {
    let mut samples = Samples::new(18);
    let images = &[1, 4, 4];
    let last = vec![samples.convolution([1, 1, 3, 3]).padding([1, 1]).into()];
    let strided = samples.convolution([1, 1, 3, 3]).padding([3, 3]);
    let inner = vec![
        strided.stride([2, 2]).into(),
        Network::new(images, last).unwrap().into(),
    ];
    let layers = vec![
        Network::new(images, inner).unwrap().into(),
        Layer::Flatten,
        samples.dense(3, 16).into(),
    ];
    let network = Network::new(images, layers).unwrap();
    let inputs = samples.inputs(20, 16);
    check(&fitted(&network, &inputs), &inputs[..2]);
}
