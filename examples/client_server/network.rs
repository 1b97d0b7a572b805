//! A neural network behind the same server: its client gets all that it needs to know from the server, which is nothing of the weights.

use crate::breast_cancer::Outcome;
use crate::client::Connection;
use crate::server::{Refusal, internal, refusal};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use slotwise::networks::{
    Activation, Fit, Network, NetworkClient, NetworkDescription, NetworkKeys, NetworkRequest,
    NetworkResponse, NetworkServer, PlanOptions, Weights,
};
use slotwise::prelude::*;
use std::sync::Arc;
use tokio::task::spawn_blocking;
use ureq::http::Method;

/// The path that answers what clients need to know.
const DESCRIPTION: &str = "/network";

/// The path that takes a client's keys.
const KEYS: &str = "/network/keys";

/// The path that takes an encrypted image, and answers the encrypted scores of the ten digits.
const PREDICT: &str = "/network/predict";

/// The pixels of an image.
const PIXELS: usize = 64;

/// The pixels' values are 0 to 16 in the file.
const BRIGHTEST: f64 = 16.0;

/// The images that the client asks about.
const IMAGES: usize = 50;

/// The trained network, and images of digits.
fn network() -> Outcome<(Network, Vec<Vec<f64>>)> {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data");
    let bytes = std::fs::read(format!("{data}/digits_square.safetensors"))?;
    let weights = Weights::from_safetensors(&bytes)?;
    let layers = vec![
        weights.dense("fc1")?.into(),
        Activation::Square.into(),
        weights.dense("fc2")?.into(),
    ];
    let mut images: Vec<Vec<f64>> = Vec::new();
    for row in csv::Reader::from_path(format!("{data}/digits.csv"))?.deserialize() {
        let row: Vec<f64> = row?;
        images.push(
            row[..PIXELS]
                .iter()
                .map(|value| value / BRIGHTEST)
                .collect(),
        );
    }
    Ok((Network::new(&[PIXELS], layers)?, images))
}

/// The paths of the network's service.
pub(crate) fn routes() -> Outcome<Router> {
    let (network, images) = network()?;
    let fitted = network.fit(&images, &Fit::default().input_range(0.0..=1.0))?;
    let plan = fitted.plan_single(&PlanOptions::default())?;
    // All clients' keys and requests have the same sizes.
    let anyone = plan.client()?;
    let keys = anyone.server_keys()?.byte_length().try_into()?;
    let request = anyone.encrypt(&images[0])?.byte_length().try_into()?;
    Ok(Router::new()
        .route(DESCRIPTION, get(describe))
        .route(KEYS, put(put_keys).layer(DefaultBodyLimit::max(keys)))
        .route(PREDICT, post(predict).layer(DefaultBodyLimit::max(request)))
        .with_state(Arc::new(plan.server()?)))
}

async fn describe(State(server): State<Arc<NetworkServer>>) -> Vec<u8> {
    server.description().to_bytes()
}

async fn put_keys(
    State(server): State<Arc<NetworkServer>>,
    keys: Bytes,
) -> Result<StatusCode, Refusal> {
    let stored = spawn_blocking(move || {
        let keys = NetworkKeys::from_bytes(&keys, server.description().context());
        let stored = keys.and_then(|keys| server.add_client(keys));
        stored.map_err(refusal)
    });
    stored.await.map_err(internal)??;
    Ok(StatusCode::NO_CONTENT)
}

async fn predict(
    State(server): State<Arc<NetworkServer>>,
    request: Bytes,
) -> Result<Vec<u8>, Refusal> {
    let scores = spawn_blocking(move || {
        let request = NetworkRequest::from_bytes(&request, server.description().context());
        let response = request.and_then(|request| server.predict(&request));
        Ok(response.map_err(refusal)?.to_bytes())
    });
    scores.await.map_err(internal)?
}

/// Reads digits by the network of the server, and checks each against the network in the clear.
pub(crate) fn run(connection: &Connection) -> Outcome<()> {
    let answer = connection.send(Method::GET, DESCRIPTION, ())?;
    let description = NetworkDescription::from_bytes(&answer.expect_ok()?)?;
    let client = NetworkClient::new(description)?;
    let keys = client.server_keys()?.to_bytes();
    connection
        .send(Method::PUT, KEYS, &keys[..])?
        .expect(StatusCode::NO_CONTENT)?;

    let (network, images) = network()?;
    let (mut sent, mut received) = (0, 0);
    for image in &images[..IMAGES] {
        let request = client.encrypt(image)?.to_bytes();
        let answer = connection.send(Method::POST, PREDICT, &request[..])?;
        let answer = answer.expect_ok()?;
        let response = NetworkResponse::from_bytes(&answer, client.description().context())?;
        if client.classify(&response)? != network.classify(image)? {
            return Err("a digit differs from the network in the clear".into());
        }
        (sent, received) = (request.len(), answer.len());
    }
    println!(
        "network: keys {} bytes, an image {sent} bytes, its scores {received} bytes; {IMAGES} digits are those of the network in the clear",
        keys.len()
    );
    Ok(())
}
