//! slotwise against libraries that run from a script: each in processes of its own, alternately.

use crate::child;
use crate::comparison::{Comparison, Measured, PROCESSES, Runs};
use crate::sets::Set;
use crate::tasks::{Peer, Task};
use serde_json::Value;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How many digits a key switch of OpenFHE has: as few as the security of both sets allows with its special primes of 60 bits.
const DIGITS_OF_OPENFHE: &str = "4";

impl Peer {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Seal, Self::TenSeal, Self::Lattigo, Self::OpenFhe];

    /// Its short name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Seal => "SEAL",
            Self::TenSeal => "TenSEAL",
            Self::Lattigo => "Lattigo",
            Self::OpenFhe => "OpenFHE",
        }
    }

    fn script(self) -> PathBuf {
        let name = match self {
            Self::Seal => "seal_bench.py",
            Self::TenSeal => "tenseal_bench.py",
            Self::Lattigo => "lattigo_bench.py",
            Self::OpenFhe => "openfhe_bench.py",
        };
        [env!("CARGO_MANIFEST_DIR"), name].iter().collect()
    }

    /// A line of Python that fails where the script would.
    fn probe(self) -> &'static str {
        match self {
            Self::Seal => "import tenseal.sealapi",
            Self::TenSeal => "import tenseal",
            // The package itself needs PyTorch, which the script does not.
            Self::Lattigo => "import importlib.util as u; assert u.find_spec('orion')",
            Self::OpenFhe => "import openfhe, numpy",
        }
    }

    /// The first Python that has what the script needs.
    pub(crate) fn python(self, pythons: &[PathBuf]) -> Option<&Path> {
        let works = |python: &&PathBuf| {
            let mut command = Command::new(python);
            let command = command.args(["-c", self.probe()]);
            let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        };
        pythons.iter().find(works).map(PathBuf::as_path)
    }

    /// The script's call for a task.
    fn command(self, task: &Task, python: &Path) -> Command {
        let Set { data, special, .. } = &task.set;
        let degree = task.set.degree;
        let all = list(&task.set.bits());
        let work = match self {
            Self::Seal => task.set.scheme.name(),
            _ => task.work.name(),
        };
        let rest = match self {
            Self::Seal | Self::TenSeal => vec![degree.to_string(), all],
            Self::Lattigo => vec![degree.ilog2().to_string(), list(data), list(special)],
            Self::OpenFhe => vec![
                degree.ilog2().to_string(),
                list(data),
                DIGITS_OF_OPENFHE.to_owned(),
            ],
        };
        let mut command = Command::new(python);
        command.arg(self.script()).arg(work).args(rest);
        command
    }

    /// How its parameters differ from slotwise's.
    fn difference(self) -> Option<String> {
        (self == Self::OpenFhe).then(|| {
            format!(
                "OpenFHE has data primes of the same sizes, {DIGITS_OF_OPENFHE} digits and the special primes that it chooses for them"
            )
        })
    }
}

fn list(bits: &[u32]) -> String {
    let bits: Vec<String> = bits.iter().map(u32::to_string).collect();
    bits.join(",")
}

/// Runs slotwise and the task's peers that there is a Python for in turns.
pub(crate) fn compare(task: &Task, pythons: &[PathBuf]) -> Result<Compared, Box<dyn Error>> {
    let mut peers = Vec::new();
    for &peer in task.peers {
        if let Some(python) = peer.python(pythons) {
            peers.push((peer, python, Vec::new(), String::new()));
        }
    }
    let mut ours = Vec::new();
    for round in 1..=PROCESSES {
        eprintln!("{}: round {round} of {PROCESSES}", task.name());
        if peers.is_empty() {
            break;
        }
        ours.push(Measured::from_json(&child::run_self(
            "--own",
            &task.name(),
        )?)?);
        for (peer, python, runs, version) in &mut peers {
            let output: Value = child::run(&mut peer.command(task, python))?;
            runs.push(child::times(&output["times"])?);
            let versions = output["versions"].as_str().ok_or("no versions")?;
            versions.clone_into(version);
        }
    }
    let comparison = |(peer, _, runs, version): (Peer, &Path, Vec<_>, String)| {
        let runs = Runs {
            ours: &ours,
            peer: &runs,
        };
        Comparison {
            library: peer.name(),
            peer: version,
            set: task.set.name,
            degree: task.set.degree,
            scheme: task.set.scheme.name(),
            work: task.work,
            parameters: task.set.describe(),
            difference: peer.difference(),
            rows: runs.rows(),
            spread: runs.spread(),
        }
    };
    let comparisons = peers.into_iter().map(comparison).collect();
    let bandwidth = ours.iter().map(|run| run.bandwidth).fold(0.0, f64::max);
    Ok(Compared {
        comparisons,
        bandwidth,
    })
}

/// What a task's processes found.
pub(crate) struct Compared {
    pub(crate) comparisons: Vec<Comparison>,
    /// Bytes that a core reads in a second, 0 if that was not measured.
    pub(crate) bandwidth: f64,
}
