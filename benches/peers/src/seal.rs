//! slotwise against SEAL: each side in processes of its own, alternately.

use crate::child;
use crate::comparison::{Comparison, PROCESSES, Runs};
use crate::sets::Set;
use serde_json::Value;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs slotwise and SEAL at `set` alternately.
pub(crate) fn compare(set: &Set, python: &Path) -> Result<Comparison, Box<dyn Error>> {
    let mut runs = Runs::default();
    let mut versions = String::new();
    for _ in 0..PROCESSES {
        let own = child::run_self("--own", set)?;
        runs.ours.push(child::from_json(&own)?);
        let output: Value = serde_json::from_str(&child::run(&mut command(set, python))?)?;
        runs.peer.push(child::times(&output["times"])?);
        output["versions"]
            .as_str()
            .ok_or("no versions")?
            .clone_into(&mut versions);
    }
    Ok(Comparison {
        peer: versions,
        set: set.name,
        parameters: set.describe(),
        difference: None,
        rows: runs.rows(),
        spread: runs.spread(),
    })
}

/// The script's call for `set`.
fn command(set: &Set, python: &Path) -> Command {
    let script: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tenseal_bench.py"]
        .iter()
        .collect();
    let bits: Vec<String> = set.bits.iter().map(u32::to_string).collect();
    let mut command = Command::new(python);
    command
        .arg(script)
        .args([set.scheme.name(), &set.degree.to_string(), &bits.join(",")]);
    command
}
