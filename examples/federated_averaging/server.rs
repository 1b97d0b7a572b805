//! The server: it hands out the model, adds up encrypted updates, and applies averages. It has no key, and relays what clients and key
//! holder send each other.

use crate::breast_cancer::Outcome;
use crate::config::{Config, Report, RoundReport};
use crate::connection::PATIENCE;
use crate::data::{self, single};
use crate::routes;
use slotwise::Wire;
use slotwise::federated::{Aggregator, SealedSum, SumContext, SumOpening};
use slotwise::keys::{KeyId, PublicKey};
use slotwise::multiparty::Session;
use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::time::sleep;

/// The seed of the first model.
pub(crate) const MODEL_SEED: u64 = 1;

/// The time between two looks for something that is not there yet.
const LOOK: Duration = Duration::from_millis(2);

/// What requests and rounds share.
pub(crate) struct Service {
    pub(crate) context: SumContext,
    pub(crate) session: Option<Session>,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    /// What processes send each other, by name.
    pub(crate) board: BTreeMap<String, Vec<u8>>,
    /// The number of the round, and the model as it was handed out.
    pub(crate) round: u64,
    pub(crate) model: Vec<u8>,
    /// What the holders of a shared key are asked in this round, once its sum is sealed.
    pub(crate) request: Option<Vec<u8>>,
    /// The sum while uploads are taken.
    pub(crate) aggregator: Option<Aggregator>,
    /// The sealed sum while shares are taken.
    pub(crate) opening: Option<SumOpening>,
    /// The bytes of the uploads and shares that were taken in this round.
    pub(crate) bytes_up: u64,
    pub(crate) is_over: bool,
    /// What the main process said last: whether there is another round.
    go_on: Option<bool>,
}

impl Service {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `look` finds, as soon as it finds something; `None` if that takes too long.
    pub(crate) async fn wait<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let found = look(&mut self.lock());
            if found.is_some() {
                return found;
            }
            sleep(LOOK).await;
        }
        None
    }

    /// What is on the board under this name, once it is there.
    async fn read(&self, name: &str) -> Outcome<Vec<u8>> {
        let bytes = self.wait(|state| state.board.get(name).cloned()).await;
        Ok(bytes.ok_or_else(|| format!("nobody sent {name}"))?)
    }
}

/// Serves rounds until the main process ends them, after telling it the address.
pub(crate) fn run(config: &Config) -> Outcome<()> {
    let context = config.context()?;
    let service = Arc::new(Service {
        session: config.session(&context)?,
        context,
        state: Mutex::default(),
    });
    let listener = Arc::clone(&service);
    thread::spawn(move || listen(&listener));
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Report::Listening(listener.local_addr()?.to_string()).send()?;
        let routes = routes::routes(Arc::clone(&service));
        let serving = tokio::spawn(async { axum::serve(listener, routes).await });
        rounds(&service, config).await?;
        // Until the main process closes its end, clients may ask for another round.
        Ok(serving.await??)
    })
}

/// Takes commands from the main process, and ends with it.
fn listen(service: &Service) {
    for line in io::stdin().lines().map_while(Result::ok) {
        service.lock().go_on = Some(line == GO_ON);
    }
    std::process::exit(0);
}

/// The command for another round.
pub(crate) const GO_ON: &str = "go on";

/// All rounds, the first one once all clients are there.
async fn rounds(service: &Service, config: &Config) -> Outcome<()> {
    for client in 1..=config.clients {
        service.read(&format!("ready/{client}")).await?;
    }
    let key_id = match &service.session {
        Some(session) => session.key_id(),
        None => {
            PublicKey::from_bytes(&service.read("key").await?, service.context.rlwe())?.key_id()
        }
    };
    let mut model = config.data.network().initial(MODEL_SEED);
    for round in 1.. {
        let started = Instant::now();
        open_round(service, config, (round, key_id), &model)?;
        let sealed = gather(service, config, started).await?;
        let updates = sealed.contributions().iter();
        let updates = updates.map(|one| (one.client, one.weight)).collect();
        let opened = match &service.session {
            Some(session) => open_together(service, session, sealed).await?,
            None => open_by_holder(service, sealed).await?,
        };
        for (parameter, change) in model.iter_mut().zip(&opened.average) {
            *parameter += change;
        }
        let report = RoundReport {
            round,
            seconds: started.elapsed().as_secs_f64(),
            updates,
            openers: opened.openers,
            average: opened.average.iter().map(|x| x.to_bits()).collect(),
            bytes_up: service.lock().bytes_up,
            request_bytes: opened.request_bytes as u64,
            answer_bytes: opened.answer_bytes as u64,
        };
        Report::Round(report).send()?;
        let go_on = service.wait(|state| state.go_on.take()).await;
        if go_on != Some(true) {
            break;
        }
    }
    service.lock().is_over = true;
    Ok(())
}

/// Hands out the model, and takes uploads from now on.
fn open_round(
    service: &Service,
    config: &Config,
    (round, key_id): (u64, KeyId),
    model: &[f64],
) -> Outcome<()> {
    let model: Vec<f32> = model.iter().map(|&x| single(x)).collect();
    let aggregator = Aggregator::new(&service.context, key_id, round, 1..=config.clients)?;
    let mut state = service.lock();
    state.round = round;
    state.model = [&round.to_le_bytes()[..], &data::to_bytes(&model)].concat();
    state.aggregator = Some(aggregator);
    state.request = None;
    state.bytes_up = 0;
    // Those of the rounds before: nobody needs them any more.
    let is_old = |name: &str| name.starts_with("sums/") || name.starts_with("averages/");
    state.board.retain(|name, _| !is_old(name));
    Ok(())
}

/// The sum of all updates, or of those that are there at the deadline. Nothing else happens if a client is lost.
async fn gather(service: &Service, config: &Config, started: Instant) -> Outcome<SealedSum> {
    let sealed = service.wait(|state| {
        let aggregator = state.aggregator.as_ref()?;
        let is_late = started.elapsed() >= config.deadline;
        let is_enough = aggregator.uploads() >= config.threshold() as usize;
        let is_whole = aggregator.missing().next().is_none();
        (is_whole || is_late && is_enough).then(|| state.aggregator.take())?
    });
    Ok(sealed.await.ok_or("too few updates came")?.seal())
}

/// An average, and what it took to open the sum.
struct Opened {
    average: Vec<f64>,
    openers: Vec<u32>,
    request_bytes: usize,
    answer_bytes: usize,
}

/// Mode `single`: the key holder decrypts.
async fn open_by_holder(service: &Service, sealed: SealedSum) -> Outcome<Opened> {
    let (round, bytes) = (sealed.round(), sealed.to_bytes());
    let request_bytes = bytes.len();
    service.lock().board.insert(format!("sums/{round}"), bytes);
    let bytes = service.read(&format!("averages/{round}")).await?;
    let (values, rest) = bytes.as_chunks();
    if values.len() != service.context.length() || !rest.is_empty() {
        return Err("an average of another length".into());
    }
    Ok(Opened {
        average: values.iter().map(|&x| f64::from_le_bytes(x)).collect(),
        openers: Vec::new(),
        request_bytes,
        answer_bytes: bytes.len(),
    })
}

/// Mode `threshold`: the first t clients that answer open the sum.
async fn open_together(service: &Service, session: &Session, sealed: SealedSum) -> Outcome<Opened> {
    let opening = SumOpening::new(session, sealed)?;
    let request = opening.request().to_bytes();
    let (request_bytes, before) = (request.len(), service.lock().bytes_up);
    {
        let mut state = service.lock();
        state.opening = Some(opening);
        state.request = Some(request);
    }
    let need = session.policy().threshold() as usize;
    let opening = service.wait(|state| {
        let have = state.opening.as_ref()?.parties().len();
        (have >= need).then(|| state.opening.take())?
    });
    let opening = opening.await.ok_or("too few clients sent their shares")?;
    let (openers, sent) = (opening.parties(), service.lock().bytes_up - before);
    Ok(Opened {
        // Shares beyond the first t came meanwhile, or did not: what is there is compared.
        average: opening.finish()?.average(),
        request_bytes,
        answer_bytes: usize::try_from(sent)? / openers.len(),
        openers,
    })
}
