//! The tables, on the terminal and as a document.

use crate::chart;
use crate::comparison::{Comparison, Row};
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// All rows as one aligned table.
pub(crate) fn table(comparisons: &[Comparison]) -> String {
    let mut text = format!(
        "{:<30} {:<4} {:<33} {:>10} {:>10} {:>7}\n",
        "peer", "set", "operation", "ours (ms)", "peer (ms)", "ratio"
    );
    for comparison in comparisons {
        for row in &comparison.rows {
            let _ = writeln!(
                text,
                "{:<30} {:<4} {:<33} {:>10} {:>10} {:>7.2}",
                comparison.peer,
                comparison.set,
                row.operation,
                milliseconds(row.ours),
                milliseconds(row.peer),
                row.ratio()
            );
        }
        let [ours, peer] = comparison.spread;
        let _ = writeln!(text, "{:<35} spread {ours:.2}, {peer:.2}", "");
    }
    text
}

/// Writes `benchmarks.md` and `benchmarks.svg` into `folder`.
pub(crate) fn write(folder: &Path, comparisons: &[Comparison]) -> Result<(), Box<dyn Error>> {
    std::fs::write(folder.join("benchmarks.md"), document(comparisons))?;
    chart::draw(&folder.join("benchmarks.svg"), comparisons)
}

fn document(comparisons: &[Comparison]) -> String {
    let mut text = preamble();
    for comparison in comparisons {
        section(&mut text, comparison);
    }
    text.push_str(NOTES);
    text
}

fn preamble() -> String {
    format!(
        "# Benchmarks against other libraries\n\n\
         Machine: {}. Date: {}. Compiler: {}, default\n\
         flags. One thread.\n\
         Command: `cargo run --release -- --python venv/bin/python --report ../../docs` in `benches/peers`, which wrote this\n\
         page and the chart; the machine was shared: compare ratios, not absolute times, and expect about 20% error.\n\n\
         Ratio = time of the peer / time of slotwise: above 1, slotwise is faster. Times are medians of at least\n\
         15 runs; the notes at the end say what is compared.\n\n\
         ![Ratios by operation and parameter set](benchmarks.svg)\n",
        processor(),
        output_of("date", &["-u", "+%Y-%m-%d"]),
        output_of("rustc", &["--version"]),
    )
}

const NOTES: &str = "
## What is compared

- Each set is timed by three processes for each library, and of their medians the lowest counts. Spread is the highest of the
  three over the lowest, the middle one of the set's operations: of slotwise, then of the peer.
- fhe.rs runs in the same processes as slotwise, run by run in turns, with the same data primes. Each then finds the caches full
  of the other's data, so slotwise's times are higher than those against SEAL. fhe.rs is built with its `tfhe-ntt` feature, the
  faster one. Its key switching uses no special prime: less work than slotwise's here, and more noise. Its
  `rotates_columns_by` is slotwise's rotation of rows. It has no CKKS.
- SEAL runs through TenSEAL's bindings `tenseal.sealapi`, in processes that alternate with slotwise's. The cost of converting
  Python lists is measured by itself and taken off SEAL's encode and decode; every call carries about a microsecond of Python.
- TenSEAL's wheel holds SEAL without Intel HEXL. A SEAL built with HEXL on a processor with AVX-512 is faster than the column here.
- CKKS decrypt and decode are those of a ciphertext at its last level, the same work on both sides. (Above it slotwise itself
  uses only the primes that the message needs; SEAL uses all.)
- Multiplication by a plaintext is with both in NTT form and the plaintext transformed before.
- Security is judged by the 2018 standard, as SEAL does, with the same bits of primes on both sides.
";

fn section(text: &mut String, comparison: &Comparison) {
    let _ = write!(
        text,
        "\n## {}, {}\n\n{}.",
        comparison.set, comparison.peer, comparison.parameters
    );
    if let Some(difference) = &comparison.difference {
        let _ = write!(text, " {difference}.");
    }
    let [ours, peer] = comparison.spread;
    let _ = write!(text, " Spread {ours:.2} and {peer:.2}.");
    text.push_str("\n\n| operation | slotwise, ms | peer, ms | ratio |\n|---|---|---|---|\n");
    comparison.rows.iter().for_each(|row| line(text, row));
}

fn line(text: &mut String, row: &Row) {
    let _ = writeln!(
        text,
        "| {} | {} | {} | {:.2} |",
        row.operation,
        milliseconds(row.ours),
        milliseconds(row.peer),
        row.ratio()
    );
}

/// Microseconds as milliseconds with three significant digits.
fn milliseconds(us: f64) -> String {
    let ms = us / 1e3;
    match ms {
        100.0.. => format!("{ms:.0}"),
        10.0.. => format!("{ms:.1}"),
        1.0.. => format!("{ms:.2}"),
        0.1.. => format!("{ms:.3}"),
        0.01.. => format!("{ms:.4}"),
        _ => format!("{ms:.5}"),
    }
}

/// The processor's name, the number of its logical cores, and its vector instructions that slotwise can use.
fn processor() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        info.lines()
            .find(|line| line.starts_with(name))
            .and_then(|line| line.split_once(": "))
            .map_or("unknown", |(_, value)| value)
    };
    let vectors: Vec<&str> = field("flags")
        .split(' ')
        .filter(|flag| ["avx2", "avx512f", "avx512ifma"].contains(flag))
        .collect();
    format!(
        "{}, {cores} logical cores, {}",
        field("model name"),
        vectors.join(" ")
    )
}

/// The first line that a program prints.
fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map_or_else(|_| Vec::new(), |output| output.stdout);
    let text = String::from_utf8_lossy(&text);
    text.lines().next().unwrap_or("unknown").to_owned()
}

/// The version of a dependency in this package's lock file.
pub(crate) fn locked_version(package: &str) -> String {
    let name = format!("name = \"{package}\"");
    include_str!("../Cargo.lock")
        .lines()
        .skip_while(|line| *line != name)
        .find_map(|line| line.strip_prefix("version = "))
        .unwrap_or("unknown")
        .trim_matches('"')
        .to_owned()
}
