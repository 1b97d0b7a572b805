//! Many clients of one server at once, for as long as it takes to see whether it fails or grows.

use crate::breast_cancer::{self, Model, Outcome, Sample};
use crate::client::{Client, check};
use crate::process::ServerProcess;
use crate::server;
use indicatif::ProgressBar;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// The time between two looks at the server's memory.
const LOOK: Duration = Duration::from_secs(5);

/// The time after which the server should not grow any more.
const SETTLED: Duration = Duration::from_secs(10);

/// Runs `clients` clients for `seconds` seconds, each with a key of its own, and checks every answer.
pub(crate) fn run(clients: usize, seconds: u64) -> Outcome<()> {
    if clients > server::CLIENTS {
        return Err(format!("the server keeps the keys of {} clients", server::CLIENTS).into());
    }
    let (train, test) = breast_cancer::load()?;
    let model = Model::train(&train)?;
    let process = ServerProcess::start()?;
    let clients = connect(process.address(), clients)?;

    let tally = Tally::default();
    let started = Instant::now();
    let end = started + Duration::from_secs(seconds);
    thread::scope(|scope| {
        for (number, client) in clients.iter().enumerate() {
            let (model, test, tally) = (&model, &test, &tally);
            scope.spawn(move || tally.ask_until(end, client, model, patients(test, number)));
        }
        watch(&process, started, end);
    });
    tally.report(started.elapsed())
}

/// The clients, their keys sent.
fn connect(address: &str, count: usize) -> Outcome<Vec<Client>> {
    let progress = ProgressBar::new(count as u64).with_message("clients");
    let started = Instant::now();
    let (clients, bytes): (Vec<_>, Vec<_>) = thread::scope(|scope| {
        let connect = || {
            let client = Client::new(address).map_err(|error| error.to_string())?;
            let bytes = client.send_keys(&ProgressBar::hidden());
            progress.inc(1);
            Ok((client, bytes.map_err(|error| error.to_string())?))
        };
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(connect)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err("a panic".into())))
            .collect::<Result<Vec<_>, String>>()
    })?
    .into_iter()
    .unzip();
    progress.finish_and_clear();
    println!(
        "{count} clients sent {} bytes of keys each in {:.1?}",
        bytes.first().unwrap_or(&0),
        started.elapsed()
    );
    Ok(clients)
}

/// The patients of one client: others than the next one's.
fn patients(test: &[Sample], client: usize) -> &[Sample] {
    &test[client % test.len()..]
}

/// Prints the server's memory until `end`, and how much it grew once it was settled.
fn watch(process: &ServerProcess, started: Instant, end: Instant) {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let progress = ProgressBar::new((end - started).as_secs());
    let (mut settled, mut last) = (None, None);
    while Instant::now() < end {
        thread::sleep(LOOK.min(end - Instant::now()));
        progress.set_position(started.elapsed().as_secs());
        last = process.resident_bytes();
        if let Some(bytes) = last {
            let elapsed = started.elapsed();
            progress.suspend(|| println!("{elapsed:>5.0?}: server {:.1} MB", megabytes(bytes)));
            if elapsed >= SETTLED {
                settled.get_or_insert(bytes);
            }
        }
    }
    progress.finish_and_clear();
    if let (Some(settled), Some(last)) = (settled, last) {
        let growth = megabytes(last) - megabytes(settled);
        println!("growth of the server after {SETTLED:?}: {growth:.1} MB");
    }
}

/// What all clients did.
#[derive(Default)]
struct Tally {
    answered: AtomicU64,
    failed: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Tally {
    /// Asks for the same patients' ratings again and again.
    fn ask_until(&self, end: Instant, client: &Client, model: &Model, patients: &[Sample]) {
        while Instant::now() < end {
            let checked = client
                .predict(patients)
                .and_then(|exchange| check(model, patients, &exchange.ratings).map(|()| exchange));
            match checked {
                Ok(exchange) => {
                    self.answered.fetch_add(1, Relaxed);
                    self.sent.fetch_add(exchange.sent as u64, Relaxed);
                    self.received.fetch_add(exchange.received as u64, Relaxed);
                }
                Err(error) => {
                    self.failed.fetch_add(1, Relaxed);
                    eprintln!("a request failed: {error}");
                }
            }
        }
    }

    fn report(&self, elapsed: Duration) -> Outcome<()> {
        let answered = self.answered.load(Relaxed);
        let failed = self.failed.load(Relaxed);
        println!(
            "{answered} right answers, {failed} failures, {:.1} requests per second, {} bytes sent and {} received for each",
            answered as f64 / elapsed.as_secs_f64(),
            self.sent.load(Relaxed) / answered.max(1),
            self.received.load(Relaxed) / answered.max(1)
        );
        if answered == 0 || failed > 0 {
            return Err("valid requests failed, or none was answered".into());
        }
        Ok(())
    }
}
