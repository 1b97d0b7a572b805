//! The client: it alone has the secret key, and asks the server for ratings of encrypted patients.

use crate::breast_cancer::{self, Model, Outcome, Sample, diagnoses, largest_difference};
use crate::{KEYS, PREDICT, network};
use indicatif::{ProgressBar, ProgressIterator};
use slotwise::prelude::*;
use std::io::pipe;
use std::thread;
use std::time::{Duration, Instant};
use ureq::http::{Method, Request, StatusCode};
use ureq::{Agent, AsSendBody, SendBody};

/// The requests whose time is taken.
const REQUESTS: u32 = 50;

/// How far an encrypted rating may be from the same polynomial in the clear.
const TOLERANCE: f64 = 1e-3;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Uses the server at `address` as it should be and as it should not be, and checks all answers.
pub(crate) fn run(address: &str) -> Outcome<()> {
    let (train, test) = breast_cancer::load()?;
    let model = Model::train(&train)?;
    let client = Client::new(address)?;
    show_refusals_before_keys(&client, &test)?;

    let progress = ProgressBar::new(0).with_message("keys");
    let started = Instant::now();
    let bytes = client.send_keys(&progress)?;
    println!("keys: {bytes} bytes in {:.1?}", started.elapsed());

    let exchange = client.predict(&test)?;
    check(&model, &test, &exchange.ratings)?;
    println!(
        "ratings of {} patients: request {} bytes, answer {} bytes; every diagnosis is that of the model in the clear",
        test.len(),
        exchange.sent,
        exchange.received
    );
    show_refusals(&client, &test)?;

    let started = Instant::now();
    for _ in (0..REQUESTS).progress() {
        check(&model, &test, &client.predict(&test)?.ratings)?;
    }
    let rate = f64::from(REQUESTS) / started.elapsed().as_secs_f64();
    println!("{rate:.1} requests per second, one at a time");
    network::run(&client.connection)
}

/// One client of a server.
pub(crate) struct Client {
    key: ClientKey<Ckks>,
    connection: Connection,
}

/// A server's address, and what asks it.
pub(crate) struct Connection {
    agent: Agent,
    address: String,
}

/// A request that was answered: the ratings, and the bytes that went each way.
pub(crate) struct Exchange {
    pub(crate) ratings: Vec<f64>,
    pub(crate) sent: usize,
    pub(crate) received: usize,
}

/// What the server answered.
pub(crate) struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

impl Client {
    /// A client with a new key.
    pub(crate) fn new(address: &str) -> Outcome<Self> {
        Ok(Self {
            key: breast_cancer::context()?.generate_client_key()?,
            connection: Connection::new(address),
        })
    }

    /// Makes the server's keys and sends them, row by row; their number of bytes.
    pub(crate) fn send_keys(&self, progress: &ProgressBar) -> Outcome<u64> {
        let rotations = Rotations::steps(&breast_cancer::steps());
        let keys = self.key.generate_server_key(&rotations)?;
        let bytes = keys.byte_length();
        progress.set_length(bytes);
        let (reader, mut writer) = pipe()?;
        thread::scope(|scope| {
            let written = scope.spawn(move || keys.write_to(&mut writer));
            let body = SendBody::from_owned_reader(progress.wrap_read(reader));
            // A server that refuses ends the writing too: its answer says why.
            self.connection
                .send_large(body, bytes)?
                .expect(StatusCode::NO_CONTENT)?;
            Ok(written.join().map_err(|_| "the writer panicked")??)
        })
        .map(|()| bytes)
        .inspect(|_| progress.finish_and_clear())
    }

    /// The server's ratings of the patients.
    pub(crate) fn predict(&self, patients: &[Sample]) -> Outcome<Exchange> {
        let request = breast_cancer::encrypt(&self.key, patients)?.to_bytes();
        let answer = self.connection.send(Method::POST, PREDICT, &request[..])?;
        let answer = answer.expect(StatusCode::OK)?;
        let ratings = self.key.load_vector(&answer.body)?;
        Ok(Exchange {
            ratings: breast_cancer::decrypt(&self.key, &ratings, patients.len())?,
            sent: request.len(),
            received: answer.body.len(),
        })
    }
}

impl Connection {
    fn new(address: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build();
        Self {
            agent: agent.into(),
            address: address.into(),
        }
    }

    /// Sends `bytes` bytes of keys, but not before the server agrees to take them.
    fn send_large(&self, body: impl AsSendBody, bytes: u64) -> Outcome<Answer> {
        let request = Request::put(self.url(KEYS))
            .header("content-length", bytes)
            .header("expect", "100-continue")
            .body(body)?;
        self.ask(request)
    }

    pub(crate) fn send(
        &self,
        method: Method,
        path: &str,
        body: impl AsSendBody,
    ) -> Outcome<Answer> {
        let request = Request::builder().method(method).uri(self.url(path));
        self.ask(request.body(body)?)
    }

    fn ask(&self, request: Request<impl AsSendBody>) -> Outcome<Answer> {
        let mut response = self.agent.run(request)?;
        Ok(Answer {
            status: response.status(),
            body: response.body_mut().read_to_vec()?,
        })
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Answer {
    /// The body of a good answer.
    pub(crate) fn expect_ok(self) -> Outcome<Vec<u8>> {
        Ok(self.expect(StatusCode::OK)?.body)
    }

    /// The answer, if it has this status.
    pub(crate) fn expect(self, status: StatusCode) -> Outcome<Self> {
        if self.status == status {
            return Ok(self);
        }
        let reason = String::from_utf8_lossy(&self.body);
        Err(format!("{} instead of {status}: {reason}", self.status).into())
    }
}

/// Checks the ratings against the model in the clear.
pub(crate) fn check(model: &Model, patients: &[Sample], ratings: &[f64]) -> Outcome<()> {
    let clear = diagnoses(patients.iter().map(|patient| model.probability(patient)));
    if diagnoses(ratings.iter().copied()) != clear {
        return Err("a diagnosis differs from the model in the clear".into());
    }
    let clear = patients.iter().map(|patient| model.rating(patient));
    let difference = largest_difference(ratings, clear);
    if difference > TOLERANCE {
        return Err(format!("a rating differs by {difference}").into());
    }
    Ok(())
}

/// What is refused to a client whose keys the server does not have.
fn show_refusals_before_keys(client: &Client, patients: &[Sample]) -> Outcome<()> {
    let request = breast_cancer::encrypt(&client.key, patients)?.to_bytes();
    let answer = client
        .connection
        .send(Method::POST, PREDICT, &request[..])?;
    report("patients before keys", answer, StatusCode::NOT_FOUND)
}

/// Bad requests, what the server says to them, and a good one in the end.
fn show_refusals(client: &Client, patients: &[Sample]) -> Outcome<()> {
    let vector = breast_cancer::encrypt(&client.key, patients)?;
    let request = vector.to_bytes();
    let ciphertext = vector.ciphertexts()[0].to_bytes();
    let keys = client
        .key
        .generate_server_key(&Rotations::none())?
        .to_bytes();
    let clear = patients[0].features.map(f64::to_le_bytes).concat();
    let others = CkksContext::for_depth(1).build()?.generate_client_key()?;
    let others = others.encrypt([1.0])?.to_bytes();
    let cut = &request[..request.len() / 2];
    let long = [&request[..], &[0]].concat();

    let bad = StatusCode::BAD_REQUEST;
    for (what, path, body, status) in [
        ("patients in the clear", PREDICT, &clear[..], bad),
        ("a lone ciphertext", PREDICT, &ciphertext, bad),
        ("other parameters", PREDICT, &others[..], bad),
        ("half the patients", PREDICT, cut, bad),
        (
            "too many bytes",
            PREDICT,
            &long,
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        ("another path", "/patients", &request, StatusCode::NOT_FOUND),
    ] {
        report(
            what,
            client.connection.send(Method::POST, path, body)?,
            status,
        )?;
    }
    for (what, body) in [
        ("patients for keys", &request[..]),
        ("half the keys", &keys[..keys.len() / 2]),
    ] {
        report(what, client.connection.send(Method::PUT, KEYS, body)?, bad)?;
    }
    let answer = client.connection.send(Method::GET, PREDICT, ())?;
    report("another method", answer, StatusCode::METHOD_NOT_ALLOWED)?;
    let endless = SendBody::from_owned_reader(std::io::repeat(0));
    let answer = client.connection.send_large(endless, 1 << 40)?;
    report("endless keys", answer, StatusCode::PAYLOAD_TOO_LARGE)?;
    client.predict(patients).map(|_| ())
}

/// Prints a refusal, and checks that it is the right one.
fn report(what: &str, answer: Answer, status: StatusCode) -> Outcome<()> {
    let reason = String::from_utf8_lossy(&answer.body).into_owned();
    println!("{what:<21} {} {reason}", answer.status.as_u16());
    answer.expect(status).map(|_| ())
}
