//! Times slotwise against fhe.rs and, through `TenSEAL`'s bindings, Microsoft SEAL, on one thread.
//!
//! ```text
//! slotwise-peers [--python PATH] [--sets C13,B13,...] [--report FOLDER]
//! ```

mod chart;
mod child;
mod clock;
mod comparison;
mod fhe_rs;
mod own;
mod report;
mod seal;
mod sets;

use comparison::Comparison;
use sets::Set;
use std::error::Error;
use std::path::PathBuf;

/// The sets that fhe.rs is compared at.
const SETS_OF_FHE_RS: [&str; 2] = ["B13", "B14"];

/// What the command line asks for.
#[derive(Default)]
struct Options {
    /// A Python that can import `tenseal`.
    python: Option<PathBuf>,
    /// Names of sets; all if empty.
    sets: Vec<String>,
    /// Where to write `benchmarks.md` and `benchmarks.svg`.
    report: Option<PathBuf>,
    /// Time slotwise alone at this set and print JSON: what the program starts itself with.
    own: Option<String>,
    /// The same for slotwise and fhe.rs in turns.
    turns: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = parse(std::env::args().skip(1))?;
    if let Some(name) = &options.own {
        let set = find(name)?;
        println!("{}", child::to_json(&own::time_set(&set)?));
        return Ok(());
    }
    if let Some(name) = &options.turns {
        for times in fhe_rs::time_set(&find(name)?)? {
            println!("{}", child::to_json(&times));
        }
        return Ok(());
    }
    let sets = chosen(&options.sets)?;
    let comparisons = compare(&sets, &options)?;
    print!("{}", report::table(&comparisons));
    if let Some(folder) = &options.report {
        report::write(folder, &comparisons)?;
    }
    Ok(())
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--python" => options.python = Some(value.into()),
            "--sets" => options.sets = value.split(',').map(str::to_owned).collect(),
            "--report" => options.report = Some(value.into()),
            "--own" => options.own = Some(value),
            "--turns" => options.turns = Some(value),
            _ => return Err(format!("unknown option {name}")),
        }
    }
    Ok(options)
}

fn find(name: &str) -> Result<Set, String> {
    sets::all()
        .into_iter()
        .find(|set| set.name == name)
        .ok_or_else(|| format!("no set {name}"))
}

fn chosen(names: &[String]) -> Result<Vec<Set>, String> {
    if names.is_empty() {
        return Ok(sets::all());
    }
    names.iter().map(|name| find(name)).collect()
}

fn compare(sets: &[Set], options: &Options) -> Result<Vec<Comparison>, Box<dyn Error>> {
    let mut comparisons = Vec::new();
    for set in sets.iter().filter(|set| SETS_OF_FHE_RS.contains(&set.name)) {
        eprintln!("fhe.rs at {} ...", set.name);
        comparisons.push(fhe_rs::compare(set, &report::locked_version("fhe"))?);
    }
    let Some(python) = options.python.as_deref().filter(|path| path.exists()) else {
        println!("SEAL skipped: --python must name a Python that can import tenseal.\n");
        return Ok(comparisons);
    };
    for set in sets {
        eprintln!("SEAL at {} ...", set.name);
        comparisons.push(seal::compare(set, python)?);
    }
    Ok(comparisons)
}
