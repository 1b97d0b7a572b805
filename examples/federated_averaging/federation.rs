//! All processes of a run, as the main process sees them.

use crate::breast_cancer::Outcome;
use crate::config::{
    Before, Channels, ClientConfig, Config, Report, RoundReport, Task, Trust, Vanish,
};
use crate::process::{Name, Process};
use crate::server::GO_ON;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// How long nothing may happen.
const PATIENCE: Duration = Duration::from_secs(120);

/// The round in which clients break down.
pub(crate) const BREAKDOWN: u64 = 2;

/// The client that is lost before its upload.
const LOST_BEFORE_UPLOAD: u32 = 3;

/// A server, its clients, and perhaps a key holder.
pub(crate) struct Federation {
    config: Config,
    server: Process,
    others: BTreeMap<String, Process>,
    sender: Sender<(Name, Report)>,
    reports: Receiver<(Name, Report)>,
    folder: Folder,
    /// What clients reported of their updates: by round and client, in the clear.
    updates: BTreeMap<(u64, u32), (u64, Vec<f32>)>,
    /// The clients that broke down.
    lost: Vec<u32>,
}

/// A finished round, and the updates in its sum in the clear.
pub(crate) struct Round {
    pub(crate) report: RoundReport,
    pub(crate) updates: Vec<(u32, u64, Vec<f32>)>,
    pub(crate) refused: Vec<(String, String)>,
    pub(crate) lost: Vec<u32>,
}

impl Federation {
    /// Starts all processes.
    pub(crate) fn start(mut config: Config) -> Outcome<Self> {
        let (sender, reports) = channel();
        let task = Task::Server(config.clone());
        let server = Process::start(Name::Server, &task, sender.clone())?;
        config.address = match reports.recv_timeout(PATIENCE)? {
            (_, Report::Listening(address)) => address,
            _ => return Err("the server did not start".into()),
        };
        let mut federation = Self {
            server,
            others: BTreeMap::new(),
            sender,
            reports,
            folder: Folder::new()?,
            updates: BTreeMap::new(),
            lost: Vec::new(),
            config,
        };
        if federation.config.trust == Trust::Single {
            let task = Task::KeyHolder(federation.config.clone());
            federation.start_process(Name::KeyHolder, &task)?;
        }
        for (client, channels) in (1..).zip(channels(federation.config.clients)) {
            let vanish = federation.breakdown(client);
            federation.start_client(client, vanish, channels)?;
        }
        Ok(federation)
    }

    fn start_process(&mut self, name: Name, task: &Task) -> Outcome<()> {
        let process = Process::start(name, task, self.sender.clone())?;
        self.others.insert(name.to_string(), process);
        Ok(())
    }

    fn start_client(
        &mut self,
        client: u32,
        vanish: Option<Vanish>,
        channels: Channels,
    ) -> Outcome<()> {
        let task = Task::Client(ClientConfig {
            config: self.config.clone(),
            client,
            state: self.folder.0.join(client.to_string()),
            channels,
            vanish,
            misbehaves: client == 1,
        });
        self.start_process(Name::Client(client), &task)
    }

    /// When a client breaks down.
    fn breakdown(&self, client: u32) -> Option<Vanish> {
        let before = if client == LOST_BEFORE_UPLOAD {
            Before::Upload
        } else if self.config.trust == Trust::Threshold && client == self.config.clients - 1 {
            Before::Share
        } else {
            return None;
        };
        let round = BREAKDOWN;
        Some(Vanish { round, before })
    }

    /// Waits for the end of a round.
    pub(crate) fn finish(&mut self, round: u64) -> Outcome<Round> {
        let (mut report, mut refused): (Option<RoundReport>, _) = (None, Vec::new());
        let breaking = (1..=self.config.clients).filter(|&client| {
            let vanish = self.breakdown(client);
            vanish.is_some_and(|vanish| vanish.round == round)
        });
        let breaking: Vec<u32> = breaking.collect();
        loop {
            // A client's report may come after the server's.
            if let Some(report) = report.take_if(|report| {
                let mut clients = report.updates.iter().map(|&(client, _)| client);
                clients.all(|client| self.updates.contains_key(&(round, client)))
                    && self.lost.len() == breaking.len()
            }) {
                let updates = report.updates.iter().filter_map(|&(client, _)| {
                    let (weight, values) = self.updates.remove(&(round, client))?;
                    Some((client, weight, values))
                });
                return Ok(Round {
                    updates: updates.collect(),
                    report,
                    refused,
                    lost: self.lost.clone(),
                });
            }
            match self.reports.recv_timeout(PATIENCE)? {
                (
                    Name::Client(client),
                    Report::Update {
                        round,
                        weight,
                        values,
                    },
                ) => {
                    let values = values.into_iter().map(f32::from_bits).collect();
                    self.updates.insert((round, client), (weight, values));
                }
                (_, Report::Refused { what, reason }) => refused.push((what, reason)),
                (Name::Server, Report::Round(found)) if found.round == round => {
                    report = Some(found)
                }
                (Name::Client(client), Report::Ended) if breaking.contains(&client) => {
                    self.lost.push(client);
                }
                (name, report) => {
                    return Err(format!("{name} reported {report:?} in round {round}").into());
                }
            }
        }
    }

    /// Starts the clients again that broke down, from what they had saved, and then another round.
    pub(crate) fn go_on(&mut self) -> Outcome<()> {
        for client in std::mem::take(&mut self.lost) {
            // Its channels had served their only message.
            self.start_client(client, None, Channels::default())?;
        }
        self.updates.clear();
        self.server.tell(GO_ON)
    }

    /// Ends all processes, and checks that all end well.
    pub(crate) fn end(mut self) -> Outcome<()> {
        self.server.tell("end")?;
        let mut failed = Vec::new();
        for (name, process) in &mut self.others {
            if !process.end()? {
                failed.push(name.clone());
            }
        }
        if !self.server.close()? {
            failed.push(Name::Server.to_string());
        }
        if failed.is_empty() {
            return Ok(());
        }
        Err(format!("{} did not end well", failed.join(", ")).into())
    }
}

/// For each client the keys of its channels.
fn channels(clients: u32) -> Vec<Channels> {
    let mut all = vec![Channels::default(); clients as usize];
    for from in 1..=clients {
        for to in (1..=clients).filter(|&to| to != from) {
            let key: [u8; 32] = rand::random();
            all[from as usize - 1].to.insert(to, key);
            all[to as usize - 1].from.insert(from, key);
        }
    }
    all
}

/// A folder that only this user reads, where that can be said. It goes with this value, but not if the main process is killed.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Outcome<Self> {
        let name = format!("slotwise-federated-{:016x}", rand::random::<u64>());
        let path = std::env::temp_dir().join(name);
        create(&path)?;
        Ok(Self(path))
    }
}

#[cfg(unix)]
fn create(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> std::io::Result<()> {
    fs::create_dir(path)
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left behind, it would be found among the temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
