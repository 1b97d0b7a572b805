//! What the server answers over HTTP. The service authenticates no one and encrypts no connection: a real one runs behind what does both.

use crate::server::{Service, State};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{self, DefaultBodyLimit, Path};
use axum::http::StatusCode;
use axum::routing::{get, post};
use slotwise::federated::{SumShare, Upload};
use slotwise::{Error, FederatedError, MultipartyError, Wire};
use std::sync::Arc;

/// More bytes than any valid message has.
const MOST_BYTES: usize = 4 << 20;

/// The beginnings of names that clients and the key holder may write under.
const WRITABLE: [&str; 6] = [
    "ready/",
    "key",
    "keys/",
    "commitments/",
    "deals/",
    "averages/",
];

type Refusal = (StatusCode, String);
type Shared = extract::State<Arc<Service>>;

pub(crate) fn routes(service: Arc<Service>) -> Router {
    Router::new()
        .route("/model/{last}", get(model))
        .route("/board/{*name}", get(read).put(write))
        .route("/request/{round}", get(request))
        .route("/upload", post(upload))
        .route("/share", post(share))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(service)
}

/// The first round after `last` and its model, once there is one.
async fn model(service: Shared, Path(last): Path<u64>) -> Result<Vec<u8>, Refusal> {
    let model = |state: &State| (state.round > last).then(|| state.model.clone());
    answer(&service, model).await
}

/// What the holders are asked in a round, once its sum is sealed. A holder that comes too late is told so, and goes on.
async fn request(service: Shared, Path(round): Path<u64>) -> Result<Vec<u8>, Refusal> {
    let found = service.wait(|state| match &state.request {
        Some(request) if state.round == round => Some(Ok(request.clone())),
        _ if state.round > round || state.is_over => Some(Err(gone())),
        _ => None,
    });
    found.await.unwrap_or_else(|| Err(late()))
}

/// What was written under a name, once it is there.
async fn read(service: Shared, Path(name): Path<String>) -> Result<Vec<u8>, Refusal> {
    answer(&service, |state| state.board.get(&name).cloned()).await
}

/// What there is, once it is there or the last round has ended.
async fn answer(
    service: &Service,
    look: impl Fn(&State) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, Refusal> {
    let found = service.wait(|state| match look(state) {
        None if state.is_over => Some(Err(gone())),
        found => found.map(Ok),
    });
    found.await.unwrap_or_else(|| Err(late()))
}

/// Keeps something for others to read, under a name that is free.
async fn write(
    service: Shared,
    Path(name): Path<String>,
    bytes: Bytes,
) -> Result<StatusCode, Refusal> {
    if !WRITABLE.iter().any(|start| name.starts_with(start)) {
        return Err((StatusCode::FORBIDDEN, format!("{name} is the server's own")));
    }
    let mut state = service.lock();
    let known = state.board.entry(name).or_insert_with(|| bytes.to_vec());
    if *known != bytes {
        return Err((StatusCode::CONFLICT, "the name is taken".into()));
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Adds an update to the sum.
async fn upload(service: Shared, bytes: Bytes) -> Result<StatusCode, Refusal> {
    let upload = Upload::from_bytes(&bytes, &service.context).map_err(refusal)?;
    let mut state = service.lock();
    let aggregator = state.aggregator.as_mut();
    let aggregator = aggregator.ok_or_else(|| refusal(Error::Federated(FederatedError::Sealed)))?;
    aggregator.add(&upload).map_err(|error| match error {
        // A slow client: the round that it trained for has ended.
        Error::Federated(FederatedError::WrongRound { expected, found }) if found < expected => {
            (StatusCode::CONFLICT, error.to_string())
        }
        _ => refusal(error),
    })?;
    state.bytes_up += bytes.len() as u64;
    Ok(StatusCode::NO_CONTENT)
}

/// Keeps a holder's share.
async fn share(service: Shared, bytes: Bytes) -> Result<StatusCode, Refusal> {
    let session = service.session.clone();
    let session = session.ok_or((StatusCode::NOT_FOUND, "this key is not shared".into()))?;
    let within = (service.context.clone(), session);
    let share = SumShare::from_bytes(&bytes, &within).map_err(refusal)?;
    let mut state = service.lock();
    let Some(opening) = &mut state.opening else {
        // The first ones were enough.
        return Err((StatusCode::CONFLICT, "the sum is open".into()));
    };
    opening.add(share).map_err(refusal)?;
    state.bytes_up += bytes.len() as u64;
    Ok(StatusCode::NO_CONTENT)
}

fn gone() -> Refusal {
    (StatusCode::GONE, "the round is over".into())
}

fn late() -> Refusal {
    (StatusCode::REQUEST_TIMEOUT, "it did not come".into())
}

fn refusal(error: Error) -> Refusal {
    let status = match error {
        Error::Federated(FederatedError::Sealed)
        // A share of the round before, when the next one is being opened.
        | Error::Multiparty(MultipartyError::OtherPurpose) => StatusCode::CONFLICT,
        _ => StatusCode::BAD_REQUEST,
    };
    (status, error.to_string())
}
