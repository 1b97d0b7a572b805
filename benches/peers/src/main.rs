//! Times slotwise against other libraries that install by name, on one thread: fhe.rs in turns in one process, and Microsoft SEAL, `TenSEAL`,
//! Lattigo and `OpenFHE` through Python packages, each in processes that alternate with slotwise's.
//!
//! ```text
//! slotwise-peers [--python PATH]... [--tasks C13/operations,fhe.rs,...] [--report FOLDER]
//! slotwise-peers --bootstrapping [--python PATH]... [--report FOLDER]
//! ```

mod bootstrapping;
mod chart;
mod child;
mod circuits;
mod clock;
mod comparison;
mod fhe_rs;
#[path = "../../floor/mod.rs"]
mod floor;
mod own;
mod peers;
mod report;
mod sets;
mod tasks;

use comparison::{Comparison, Measured};
use report::Findings;
use std::error::Error;
use std::path::PathBuf;
use tasks::{Peer, Work};

/// The sets that fhe.rs is compared at.
const SETS_OF_FHE_RS: [&str; 2] = ["B13", "B14"];

/// The task that compares with fhe.rs.
const FHE_RS: &str = "fhe.rs";

/// What the command line asks for.
#[derive(Default)]
struct Options {
    /// Pythons with the peers' packages; each script runs with the first one that has what it needs.
    pythons: Vec<PathBuf>,
    /// Names of tasks; all if empty.
    tasks: Vec<String>,
    /// Where to write `benchmarks.md` and `benchmarks.svg`.
    report: Option<PathBuf>,
    /// Compare bootstrappings instead of the tasks.
    bootstrapping: bool,
    /// Time slotwise alone at this task and print JSON: what the program starts itself with.
    own: Option<String>,
    /// The same for slotwise and fhe.rs in turns at this set.
    turns: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = parse(std::env::args().skip(1))?;
    match options.own.as_deref() {
        Some(bootstrapping::TASK) => {
            println!("{}", bootstrapping::own()?);
            return Ok(());
        }
        Some(name) => {
            println!("{}", own(name)?.to_json());
            return Ok(());
        }
        None => {}
    }
    if let Some(name) = &options.turns {
        println!("{}", fhe_rs::time_set(&sets::find(name)?)?);
        return Ok(());
    }
    if options.bootstrapping {
        let section = bootstrapping::compare(&options.pythons)?;
        print!("{section}");
        if let Some(folder) = &options.report {
            report::write_bootstrapping(folder, &section)?;
        }
        return Ok(());
    }
    let findings = compare(&options)?;
    print!("{}", report::table(&findings.comparisons));
    if let Some(folder) = &options.report {
        report::write(folder, &findings)?;
    }
    Ok(())
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    while let Some(name) = arguments.next() {
        if name == "--bootstrapping" {
            options.bootstrapping = true;
            continue;
        }
        let value = arguments
            .next()
            .ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--python" => options.pythons.push(value.into()),
            "--tasks" => options.tasks = value.split(',').map(str::to_owned).collect(),
            "--report" => options.report = Some(value.into()),
            "--own" => options.own = Some(value),
            "--turns" => options.turns = Some(value),
            _ => return Err(format!("unknown option {name}")),
        }
    }
    Ok(options)
}

/// slotwise's half of a task.
fn own(name: &str) -> Result<Measured, Box<dyn Error>> {
    let (set, work) = tasks::parse(name)?;
    if work == Work::Operations {
        return Ok(own::time_set(&set)?);
    }
    Ok(Measured {
        times: circuits::time(&set, work)?,
        ..Measured::default()
    })
}

fn compare(options: &Options) -> Result<Findings, Box<dyn Error>> {
    let wanted = |name: &str| options.tasks.is_empty() || options.tasks.iter().any(|t| t == name);
    let mut comparisons: Vec<Comparison> = Vec::new();
    let mut bandwidth = 0.0_f64;
    if wanted(FHE_RS) {
        for name in SETS_OF_FHE_RS {
            let version = report::locked_version("fhe");
            comparisons.push(fhe_rs::compare(&sets::find(name)?, &version)?);
        }
    }
    for task in tasks::all()? {
        if wanted(&task.name()) {
            let compared = peers::compare(&task, &options.pythons)?;
            bandwidth = bandwidth.max(compared.bandwidth);
            comparisons.extend(compared.comparisons);
        }
    }
    let missing = |peer: &Peer| peer.python(&options.pythons).is_none();
    let skipped: Vec<&str> = Peer::ALL
        .into_iter()
        .filter(missing)
        .map(Peer::name)
        .collect();
    if !skipped.is_empty() {
        let names = skipped.join(", ");
        eprintln!("Skipped: {names}. Name a Python with its package by --python (see README.md).");
    }
    Ok(Findings {
        comparisons,
        bandwidth,
        skipped,
    })
}
