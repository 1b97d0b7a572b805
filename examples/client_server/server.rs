//! The server: it has the model and its clients' server keys, and sees no measurement, no rating and no secret.

use crate::breast_cancer::{self, Model, Outcome};
use crate::{KEYS, PREDICT, network};
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::routing::{post, put};
use axum::{RequestExt, Router};
use slotwise::prelude::*;
use slotwise::{Error, WireError};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read};
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// The clients whose keys are kept; of more, the oldest keys are dropped.
pub(crate) const CLIENTS: usize = 64;

/// The threads that may wait for keys to arrive.
const WAITING_THREADS: usize = 128;

/// How long a client may send nothing while its keys are read.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is answered instead of a result: the status, and the error's text.
pub(crate) type Refusal = (StatusCode, String);

/// Serves until the process ends, after printing the address.
pub(crate) fn serve(port: u16) -> Outcome<()> {
    // One thread for each processor: more ratings at once would take memory and no less time.
    let computing = Builder::new_current_thread()
        .max_blocking_threads(available_parallelism()?.get())
        .build()?;
    let service = Arc::new(Service::new(computing.handle().clone())?);
    let routes = routes(service).merge(network::routes()?);
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(WAITING_THREADS)
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        println!("{}", listener.local_addr()?);
        Ok(axum::serve(listener, routes).await?)
    })
}

fn routes(service: Arc<Service>) -> Router {
    let keys = put(put_keys).layer(DefaultBodyLimit::max(service.limits.keys));
    let predict = post(predict).layer(DefaultBodyLimit::max(service.limits.patients));
    Router::new()
        .route(KEYS, keys)
        .route(PREDICT, predict)
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .with_state(service)
}

/// Everything that requests share.
struct Service {
    context: CkksContext,
    model: Model,
    limits: Limits,
    keys: Mutex<KeyStore>,
    /// Where the ratings are computed, in the order of the requests.
    computing: Handle,
}

impl Service {
    fn new(computing: Handle) -> Outcome<Self> {
        let context = breast_cancer::context()?;
        Ok(Self {
            model: Model::train(&breast_cancer::load()?.0)?,
            limits: Limits::of(&context)?,
            context,
            keys: Mutex::default(),
            computing,
        })
    }

    /// The ratings of the encrypted patients in `bytes`, no larger than their decryption needs.
    fn rate(&self, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
        let patients = CkksVector::from_bytes(bytes, &self.context).map_err(refusal)?;
        let server = self.find(patients.key_id()).ok_or((
            StatusCode::NOT_FOUND,
            format!("the keys of this client are not here; send them to {KEYS}"),
        ))?;
        let ratings = self.model.rate_encrypted(&server, &patients);
        let compacted = ratings.and_then(|ratings| ratings.compact());
        Ok(compacted.map_err(refusal)?.to_bytes())
    }

    fn find(&self, id: KeyId) -> Option<Arc<ServerKey<Ckks>>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.find(id)
    }

    fn insert(&self, key: ServerKey<Ckks>) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(Arc::new(key));
    }
}

/// The server keys of the last clients that sent some.
#[derive(Default)]
struct KeyStore(VecDeque<Arc<ServerKey<Ckks>>>);

impl KeyStore {
    fn find(&self, id: KeyId) -> Option<Arc<ServerKey<Ckks>>> {
        self.0.iter().find(|key| key.id() == id).cloned()
    }

    fn insert(&mut self, key: Arc<ServerKey<Ckks>>) {
        self.0.retain(|other| other.id() != key.id());
        if self.0.len() == CLIENTS {
            self.0.pop_front();
        }
        self.0.push_back(key);
    }
}

/// The most bytes of each body. They depend on the parameters alone: those of any client's objects are the same.
struct Limits {
    keys: usize,
    patients: usize,
}

impl Limits {
    fn of(context: &CkksContext) -> Outcome<Self> {
        let anyone = context.generate_client_key()?;
        let keys = anyone.generate_server_key(&Rotations::steps(&breast_cancer::steps()))?;
        let patients = breast_cancer::encrypt(&anyone, &[])?;
        Ok(Self {
            keys: keys.byte_length().try_into()?,
            patients: patients.byte_length().try_into()?,
        })
    }
}

/// Takes a client's keys, checked as they arrive: their bytes are never in memory as a whole.
async fn put_keys(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    if request.body().size_hint().lower() > service.limits.keys as u64 {
        return Err(too_large());
    }
    let mut body = BodyReader::new(request.into_limited_body());
    let stored = spawn_blocking(move || {
        let key = ServerKey::read_from(&mut body, &service.context).map_err(refusal);
        // Read to the end whatever it was: who is still sending does not see an answer.
        let rest = body.drain();
        let key = key?;
        if rest? > 0 {
            return Err((StatusCode::BAD_REQUEST, "bytes follow the keys".into()));
        }
        service.insert(key);
        Ok(StatusCode::NO_CONTENT)
    });
    stored.await.map_err(internal)?
}

/// Answers encrypted patients with their encrypted ratings.
async fn predict(State(service): State<Arc<Service>>, patients: Bytes) -> Result<Vec<u8>, Refusal> {
    let computing = service.computing.clone();
    let ratings = computing.spawn_blocking(move || service.rate(&patients));
    ratings.await.map_err(internal)?
}

/// The answer on other paths, once the body has been read.
async fn no_such_path(_: Bytes) -> Refusal {
    let reason = format!("nothing is here; use {KEYS} or {PREDICT}");
    (StatusCode::NOT_FOUND, reason)
}

/// The answer to other methods, once the body has been read.
async fn no_such_method(_: Bytes) -> Refusal {
    let reason = format!("PUT to {KEYS} and POST to {PREDICT}");
    (StatusCode::METHOD_NOT_ALLOWED, reason)
}

pub(crate) fn refusal(error: Error) -> Refusal {
    match error {
        Error::Wire(WireError::Io(ErrorKind::TimedOut)) => {
            (StatusCode::REQUEST_TIMEOUT, error.to_string())
        }
        // A body that fails while its sender still waits for an answer was over the limit.
        Error::Wire(WireError::Io(_)) => too_large(),
        _ => (StatusCode::BAD_REQUEST, error.to_string()),
    }
}

fn too_large() -> Refusal {
    let reason = "the body is larger than any valid one";
    (StatusCode::PAYLOAD_TOO_LARGE, reason.into())
}

pub(crate) fn internal(error: impl ToString) -> Refusal {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

/// A body read by a thread that may wait for it.
struct BodyReader {
    body: Body,
    chunk: Bytes,
    runtime: Handle,
}

impl BodyReader {
    /// The reader of `body`; made on the runtime, used outside it.
    fn new(body: Body) -> Self {
        Self {
            body,
            chunk: Bytes::new(),
            runtime: Handle::current(),
        }
    }

    /// Reads what is left, and counts it.
    fn drain(mut self) -> Result<u64, Refusal> {
        io::copy(&mut self, &mut io::sink())
            .map_err(|error| refusal(Error::Wire(WireError::Io(error.kind()))))
    }
}

impl Read for BodyReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            let body = &mut self.body;
            let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
            // The timer belongs to the runtime, which is entered first.
            let frame = self
                .runtime
                .block_on(async { timeout(PATIENCE, frame).await })?;
            match frame {
                None => return Ok(0),
                Some(frame) => {
                    let frame = frame.map_err(io::Error::other)?;
                    // Trailers are not part of the keys.
                    self.chunk = frame.into_data().unwrap_or_default();
                }
            }
        }
        let count = out.len().min(self.chunk.len());
        out[..count].copy_from_slice(&self.chunk.split_to(count));
        Ok(count)
    }
}
