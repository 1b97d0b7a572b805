//! Vectors that are bootstrapped, through the face of the crate, on small rings that hide nothing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use slotwise::bootstrapping::BootstrappingKeys;
use slotwise::circuits::Vector;
use slotwise::evaluator::{ClearIntegers, ClearReals};
use slotwise::prelude::*;
use slotwise::{Error, KeyError, OperandError};

fn server(context: &CkksContext) -> (ClientKey<Ckks>, ServerKey<Ckks>) {
    let client = context.generate_client_key().unwrap();
    let mut done = Vec::new();
    let keys = client
        .generate_bootstrapping_keys_with_progress(|progress| {
            done.push((progress.done, progress.total))
        })
        .unwrap();
    let total = done.len();
    assert!(
        done.iter()
            .zip(1..)
            .all(|(&progress, number)| progress == (number, total))
    );
    // On the server, from bytes.
    let keys = BootstrappingKeys::from_bytes(&keys.to_bytes(), context).unwrap();
    let server = client
        .generate_server_key(&Rotations::powers_of_two())
        .unwrap();
    (client, server.with_bootstrapping(&keys).unwrap())
}

/// The same steps on any vector.
macro_rules! steps {
    ($x:expr) => {{
        let mut x = $x;
        for _ in 0..4 {
            let turned = x.rotate_left(1).unwrap();
            let product = (&x * &turned).unwrap();
            x = ((&product + &turned).unwrap() * 0.25).unwrap();
            x = x.refresh().unwrap();
        }
        x
    }};
}

#[test]
fn vectors_of_all_slots_and_of_few_go_on_after_a_refresh() {
    for (slots, length) in [(256, 600), (256, 7), (16, 16), (16, 5), (16, 40)] {
        let params = CkksParams::insecure_for_bootstrapping(512, slots, 4).unwrap();
        let context = CkksContext::new(params).unwrap();
        let (client, server) = server(&context);
        let values: Vec<f64> = (0..length)
            .map(|i| f64::from((i * 7) % 11) / 11.0 - 0.5)
            .collect();
        let x = server.attach(client.encrypt(&values).unwrap()).unwrap();
        let encrypted = x.assume_message_bound(0.5).unwrap();
        let got = steps!(encrypted);
        let clear = Vector::from_values(&ClearReals::new(slots), &values).unwrap();
        let wanted = steps!(clear);
        let decrypted = client.decrypt(&got).unwrap();
        let error = decrypted
            .iter()
            .zip(wanted.values())
            .map(|(a, b)| (a - b).abs());
        let error = error.fold(0.0, f64::max);
        assert!(
            error < got.noise_bound(),
            "{slots}, {length}: {error}, bound {}",
            got.noise_bound()
        );
        assert!(got.noise_bound() < 1e-3);
        assert_eq!(decrypted.len(), values.len());
    }
}

#[test]
fn a_server_bootstraps_what_comes_from_its_client_only() {
    let context = CkksContext::for_depth(1).bootstrapping().degree(512);
    let context = context.insecure_skip_security_check().build().unwrap();
    let (client, first) = server(&context);
    let x = client.encrypt([0.25, -0.5]).unwrap();
    let refreshed = first.bootstrap(&x).unwrap();
    let decrypted = client.decrypt(&refreshed).unwrap();
    assert!((decrypted[0] - 0.25).abs() < 1e-5 && (decrypted[1] + 0.5).abs() < 1e-5);
    let (other, second) = server(&context);
    assert!(second.bootstrap(&x).is_err());
    assert!(first.bootstrap(&other.encrypt([1.0]).unwrap()).is_err());
    // Without a bootstrapping attached.
    let plain = client.generate_server_key(&Rotations::none()).unwrap();
    assert_eq!(
        plain.bootstrap(&x).map(|_| ()).unwrap_err(),
        Error::Operands(OperandError::CannotRefresh)
    );
}

#[test]
fn short_vectors_among_long_ones_are_refreshed_with_few_keys() {
    let builder = CkksContext::for_depth(4).bootstrapping_slots(10);
    let params = builder.degree(512).insecure_skip_security_check();
    let params = params.build_params().unwrap();
    let read = CkksParams::insecure_from_bytes(&params.to_bytes()).unwrap();
    assert_eq!(read, params);
    let context = CkksContext::new(read).unwrap();
    assert_eq!((context.slots(), context.message_slots()), (256, 256));
    let (client, server) = server(&context);
    let all = CkksContext::for_depth(4).bootstrapping().degree(512);
    let all = all.insecure_skip_security_check().build().unwrap();
    assert_ne!(all.fingerprint(), context.fingerprint());
    let others = all.generate_client_key().unwrap();
    let others = others.generate_bootstrapping_keys().unwrap();
    assert!(BootstrappingKeys::from_bytes(&others.to_bytes(), &context).is_err());

    // A long vector of data takes part in every step.
    let data: Vec<f64> = (0..128)
        .map(|i| f64::from((i * 5) % 9) / 9.0 - 0.4)
        .collect();
    let weights = [0.5, -0.25, 0.75, 1.0, -1.0, 0.125, 0.0, 0.3];
    macro_rules! steps {
        ($data:expr, $weights:expr) => {{
            let mut weights = $weights;
            for _ in 0..3 {
                let products = ($data * &weights.repeat(16).unwrap()).unwrap();
                let sums = (products.sum_strided(8).unwrap() * 0.125).unwrap();
                weights = (&sums + &weights.square().unwrap()).unwrap();
                weights = (weights * 0.5).unwrap().assume_message_bound(1.0).unwrap();
                weights = weights.refresh().unwrap();
            }
            weights
        }};
    }
    let x = server.attach(client.encrypt(&data).unwrap()).unwrap();
    let w = server.attach(client.encrypt(weights).unwrap()).unwrap();
    let got = steps!(&x, w.clone());
    let clear = ClearReals::new(256);
    let [clear_x, clear_w] =
        [&data[..], &weights].map(|values| Vector::from_values(&clear, values).unwrap());
    let wanted = steps!(&clear_x, clear_w).values();
    let decrypted = client.decrypt(&got).unwrap();
    let errors = decrypted.iter().zip(&wanted).map(|(a, b)| (a - b).abs());
    let error = errors.fold(0.0, f64::max);
    assert!(error <= got.noise_bound() && got.noise_bound() < 1e-2);
    short_ones_are_refreshed(&client, &server, &data);
}

/// Padded ones and single values too; nothing that is longer than the period of 16.
fn short_ones_are_refreshed(client: &ClientKey<Ckks>, server: &ServerKey<Ckks>, data: &[f64]) {
    for length in [1, 3, 16] {
        let values = &data[..length];
        let short = server.attach(client.encrypt(values).unwrap()).unwrap();
        let fresh = short.refresh().unwrap();
        let sum = client
            .decrypt(&(fresh + 0.25).unwrap().sum().unwrap())
            .unwrap()[0];
        let wanted: f64 = values.iter().map(|value| value + 0.25).sum();
        assert!((sum - wanted).abs() < 1e-3, "{length}: {sum} {wanted}");
    }
    for length in [17, 128, 256, 300] {
        let values: Vec<f64> = (0..length).map(|i| f64::from(i % 2)).collect();
        let long = server.attach(client.encrypt(&values).unwrap()).unwrap();
        let refused = Err(Error::Operands(OperandError::NotRepeated {
            needed: 16,
            period: usize::try_from(length)
                .unwrap()
                .next_power_of_two()
                .min(256),
        }));
        assert_eq!(long.refresh().map(|_| ()), refused);
        assert_eq!(server.bootstrap(&long).map(|_| ()), refused);
        let message = long.refresh().unwrap_err().to_string();
        assert!(message.contains("`sum_strided`") && message.contains("16 values"));
    }
}

#[test]
fn copies_of_vectors_are_vectors() {
    let reals = ClearReals::new(16);
    for (length, copies) in [(4, 2), (4, 8), (1, 5), (3, 2), (16, 2), (8, 1), (5, 4)] {
        let values: Vec<f64> = (1..).map(f64::from).take(length).collect();
        let x = Vector::from_values(&reals, &values).unwrap();
        let repeated = x.repeat(copies).unwrap();
        let wanted = values.repeat(copies);
        assert_eq!(repeated.values(), wanted);
        // Slots without values hold nothing that sums would count.
        let total = wanted.iter().sum::<f64>();
        assert_eq!(repeated.sum().unwrap().values(), [total]);
        let first = repeated.sum_strided(length).unwrap().values();
        let sums: Vec<f64> = values.iter().map(|value| value * copies as f64).collect();
        assert_eq!(first, sums);
    }
    let x = Vector::from_values(&reals, &[1.0, 2.0]).unwrap();
    assert!(x.repeat(0).is_err());
    // Both rows of integers.
    let integers = ClearIntegers::new(8, 257).unwrap();
    let x = Vector::from_values(&integers, &[1, 2, 3, 4]).unwrap();
    assert_eq!(x.repeat(2).unwrap().values(), [1, 2, 3, 4, 1, 2, 3, 4]);
    let shorter = Vector::from_values(&integers, &[1, 2]).unwrap();
    assert_eq!(shorter.repeat(8).unwrap().values(), [1, 2].repeat(8));
}

#[test]
fn keys_of_others_are_refused_by_what_differs() {
    let keys_of = |levels| {
        let params = CkksParams::insecure_for_bootstrapping(64, 32, levels).unwrap();
        let client = CkksContext::new(params).unwrap().generate_client_key();
        let client = client.unwrap();
        let server = client.generate_server_key(&Rotations::none()).unwrap();
        (server, client.generate_bootstrapping_keys().unwrap())
    };
    let ((server, own), (_, foreign), (_, other)) = (keys_of(1), keys_of(1), keys_of(2));
    assert!(server.with_bootstrapping(&own).is_ok());
    assert!(matches!(
        server.with_bootstrapping(&foreign),
        Err(Error::Keys(KeyError::Mismatch { .. }))
    ));
    assert!(matches!(
        server.with_bootstrapping(&other),
        Err(Error::Operands(OperandError::ContextMismatch { .. }))
    ));
}
