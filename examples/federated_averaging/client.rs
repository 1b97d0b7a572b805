//! A client: it trains on samples that it shows nobody, and uploads encrypted updates. In threshold mode it is a party of the key, too.

use crate::breast_cancer::Outcome;
use crate::config::{Before, ClientConfig, Report, Trust};
use crate::connection::Connection;
use crate::data;
use crate::holder::Holder;
use slotwise::Wire;
use slotwise::federated::{SumContext, SumEncryptor, Upload};
use slotwise::keys::PublicKey;
use std::sync::Arc;

/// Takes part until there are no more rounds.
pub(crate) fn run(task: &ClientConfig) -> Outcome<()> {
    let (config, client) = (&task.config, task.client);
    let connection = Connection::new(&config.address);
    let context = config.context()?;
    let shares = config.data.shares(config.clients)?;
    let samples = &shares[client as usize - 1];
    let (key, mut holder) = public_key(task, &connection, &context)?;
    let encryptor = SumEncryptor::with_public_key(&context, Arc::new(key))?;
    connection.write(&format!("ready/{client}"), &[])?;

    let (network, training) = (config.data.network(), config.data.training());
    let weight = samples.len() as u64;
    let mut last = 0;
    while let Some((round, model)) = next_model(&connection, last)? {
        let trained = network.train(&model, samples, training, seed(round, client));
        let update = difference(&trained, &model);
        let values = update.iter().map(|x| x.to_bits()).collect();
        Report::Update {
            round,
            weight,
            values,
        }
        .send()?;
        vanish(task, round, Before::Upload);
        let encrypt =
            |round: u64| encryptor.encrypt((round, client), &update, weight, &mut rand::rng());
        let upload = encrypt(round)?;
        if task.misbehaves && round == 1 {
            show_refusals(&connection, &upload, &encrypt(round + 1)?)?;
        }
        let answer = connection.post("/upload", &upload.to_bytes())?;
        // An update that comes too late is not in the sum, and the client goes on.
        let own = answer.taken()?.then(|| upload.digest());
        if let Some(holder) = &mut holder {
            let request = holder.request(&connection, round)?;
            vanish(task, round, Before::Share);
            if let Some(request) = request {
                let share = holder.open(round, &request, own.as_ref())?;
                connection.post("/share", &share)?.taken()?;
            }
        }
        last = round;
    }
    Ok(())
}

/// The key to encrypt with; in threshold mode the clients make it, and this one holds a share of the secret key.
fn public_key(
    task: &ClientConfig,
    connection: &Connection,
    context: &SumContext,
) -> Outcome<(PublicKey, Option<Holder>)> {
    match task.config.trust {
        Trust::Single => {
            let key = PublicKey::from_bytes(&connection.read("key")?, context.rlwe())?;
            Ok((key, None))
        }
        Trust::Threshold => {
            let holder = Holder::new(task, connection, context)?;
            Ok((holder.public_key(connection)?, Some(holder)))
        }
    }
}

/// The first round after `last` and its model, once the server hands it out.
fn next_model(connection: &Connection, last: u64) -> Outcome<Option<(u64, Vec<f32>)>> {
    let Some(bytes) = connection.get(&format!("/model/{last}"))? else {
        return Ok(None);
    };
    let (round, model) = bytes.split_first_chunk().ok_or("a model without a round")?;
    Ok(Some((u64::from_le_bytes(*round), data::from_bytes(model))))
}

/// The order of a client's samples in a round.
pub(crate) fn seed(round: u64, client: u32) -> u64 {
    (round << 32) | u64::from(client)
}

pub(crate) fn difference(trained: &[f32], model: &[f32]) -> Vec<f32> {
    trained
        .iter()
        .zip(model)
        .map(|(new, old)| new - old)
        .collect()
}

/// Ends the process where it is to break down.
fn vanish(task: &ClientConfig, round: u64, before: Before) {
    let now = |vanish: &_| *vanish == crate::config::Vanish { round, before };
    if task.vanish.as_ref().is_some_and(now) {
        std::process::exit(0);
    }
}

/// Uploads that the server must refuse, before the good one: the round goes on as if they had not been there.
fn show_refusals(connection: &Connection, good: &Upload, next: &Upload) -> Outcome<()> {
    let bytes = good.to_bytes();
    let mut damaged = bytes.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let values = vec![0.0f32; good.context().length()];
    let stranger = good.context().clone();
    let secret = match stranger.generate_secret_key() {
        Ok(secret) => Some(stranger.public_key(&secret)?),
        Err(_) => None, // parties make a shared key
    };
    let mut bad = vec![
        ("half an upload", bytes[..middle].to_vec()),
        ("a damaged upload", damaged),
        ("an upload for the next round", next.to_bytes()),
        ("an update in the clear", data::to_bytes(&values)),
    ];
    if let Some(key) = secret {
        let encryptor = SumEncryptor::with_public_key(&stranger, key)?;
        let origin = (good.round(), good.client());
        let upload = encryptor.encrypt(origin, &values, 1, &mut rand::rng())?;
        bad.push(("an upload under another key", upload.to_bytes()));
    }
    for (what, bytes) in bad {
        let answer = connection.post("/upload", &bytes)?;
        if answer.status.is_success() {
            return Err(format!("the server took {what}").into());
        }
        let (what, reason) = (what.into(), answer.text());
        Report::Refused { what, reason }.send()?;
    }
    Ok(())
}
