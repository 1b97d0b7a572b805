//! A prediction service in two processes: the server rates patients whose measurements it never sees, and reads digits by a neural network
//! from images that it never sees, over HTTP.
//!
//! `cargo run --release --example client_server` starts a server, and a client that checks every answer against the model in the
//! clear. The parts alone, after `--`:
//!
//! - `serve [--port P]`: the server; it prints its address.
//! - `client --address A`: the client, of a server anywhere.
//! - `load [--clients 32] [--seconds 60]`: a server under that many clients, each with a key of its own.
//!
//! The service authenticates no one and encrypts no connection: a real one runs behind what does both.

#[path = "../breast_cancer/mod.rs"]
mod breast_cancer;
mod client;
mod load;
mod network;
mod process;
mod server;

use breast_cancer::Outcome;
use process::ServerProcess;
use std::collections::BTreeMap;
use std::str::FromStr;

/// The path that takes a client's server keys.
const KEYS: &str = "/keys";

/// The path that takes encrypted patients, and answers their encrypted ratings.
const PREDICT: &str = "/predict";

fn main() -> Outcome<()> {
    let mut words = std::env::args().skip(1);
    let command = words.next();
    let mut options = Options::parse(words)?;
    match command.as_deref() {
        None => {
            let server = ServerProcess::start()?;
            client::run(server.address())
        }
        Some("serve") => {
            let port = options.take("--port")?.unwrap_or(0);
            options.finish()?;
            server::serve(port)
        }
        Some("client") => {
            let address: String = options.take("--address")?.ok_or("give --address A")?;
            options.finish()?;
            client::run(&address)
        }
        Some("load") => {
            let clients = options.take("--clients")?.unwrap_or(32);
            let seconds = options.take("--seconds")?.unwrap_or(60);
            options.finish()?;
            load::run(clients, seconds)
        }
        Some(other) => Err(format!("no command {other}; use serve, client, load, or none").into()),
    }
}

/// The options after a command: each a name and a value.
struct Options(BTreeMap<String, String>);

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut options = BTreeMap::new();
        while let Some(name) = words.next() {
            let value = words.next().ok_or_else(|| format!("{name} has no value"))?;
            options.insert(name, value);
        }
        Ok(Self(options))
    }

    /// The value of the option called `name`, if it is there.
    fn take<T: FromStr>(&mut self, name: &str) -> Outcome<Option<T>> {
        let parse = |value: String| {
            let refused = format!("{name} cannot be {value}");
            value.parse().map_err(|_| refused.into())
        };
        self.0.remove(name).map(parse).transpose()
    }

    /// Refuses options that the command does not have.
    fn finish(self) -> Outcome<()> {
        match self.0.into_keys().next() {
            Some(name) => Err(format!("this command has no option {name}").into()),
            None => Ok(()),
        }
    }
}
