//! The tables, on the terminal and as a document.

use crate::chart;
use crate::comparison::{Comparison, Row};
use crate::tasks::Work;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// From this line on, the page is kept by hand.
const BY_HAND: &str = "<!-- Kept by hand from here on: benches/peers leaves it as it is. -->";

/// From this line on to the former, the page is written by a run of its own.
const BOOTSTRAPPING: &str =
    "<!-- Written by benches/peers with --bootstrapping; a run without it leaves it as it is. -->";

/// All that a run found.
pub(crate) struct Findings {
    pub(crate) comparisons: Vec<Comparison>,
    /// Bytes that a core reads in a second, 0 if that was not measured.
    pub(crate) bandwidth: f64,
    /// Peers that no given Python has.
    pub(crate) skipped: Vec<&'static str>,
}

/// All rows as one aligned table.
pub(crate) fn table(comparisons: &[Comparison]) -> String {
    let mut text = format!(
        "{:<33} {:<5} {:<45} {:>10} {:>10} {:>7} {:>10}\n",
        "peer", "set", "operation", "ours (ms)", "peer (ms)", "ratio", "floor (ms)"
    );
    for comparison in comparisons {
        for row in &comparison.rows {
            let _ = writeln!(
                text,
                "{:<33} {:<5} {:<45} {:>10} {:>10} {:>7.2} {:>10}",
                comparison.peer,
                comparison.set,
                row.operation,
                milliseconds(row.ours),
                milliseconds(row.peer),
                row.ratio(),
                row.floor.map(milliseconds).unwrap_or_default()
            );
        }
        let [ours, peer] = comparison.spread;
        let _ = writeln!(text, "{:<39} spread {ours:.2}, {peer:.2}", "");
    }
    text
}

/// Writes `benchmarks.md` and `benchmarks.svg` into `folder`; what the page has below its marks stays.
pub(crate) fn write(folder: &Path, findings: &Findings) -> Result<(), Box<dyn Error>> {
    let page = folder.join("benchmarks.md");
    let old = std::fs::read_to_string(&page).unwrap_or_default();
    std::fs::write(&page, Parts::of(&old).with_head(&document(findings)))?;
    chart::draw(&folder.join("benchmarks.svg"), &findings.comparisons)
}

/// Writes the section of bootstrappings into `benchmarks.md` in `folder`; all else stays.
pub(crate) fn write_bootstrapping(folder: &Path, section: &str) -> Result<(), Box<dyn Error>> {
    let page = folder.join("benchmarks.md");
    let old = std::fs::read_to_string(&page).unwrap_or_default();
    let parts = Parts {
        bootstrapping: section,
        ..Parts::of(&old)
    };
    Ok(std::fs::write(&page, parts.with_head(parts.head))?)
}

/// The parts of a page, without the marks between them.
struct Parts<'a> {
    head: &'a str,
    bootstrapping: &'a str,
    by_hand: &'a str,
}

impl<'a> Parts<'a> {
    fn of(page: &'a str) -> Self {
        let (written, by_hand) = page.split_once(BY_HAND).unwrap_or((page, "\n"));
        let (head, bootstrapping) = written.split_once(BOOTSTRAPPING).unwrap_or((written, ""));
        Self {
            head,
            bootstrapping,
            by_hand,
        }
    }

    /// The page with another head.
    fn with_head(&self, head: &str) -> String {
        let head = head.trim_end();
        let bootstrapping = self.bootstrapping.trim();
        let by_hand = self.by_hand;
        format!("{head}\n\n{BOOTSTRAPPING}\n{bootstrapping}\n\n{BY_HAND}{by_hand}")
    }
}

fn document(findings: &Findings) -> String {
    let mut text = preamble(findings.bandwidth);
    let (operations, circuits): (Vec<&Comparison>, Vec<_>) = findings
        .comparisons
        .iter()
        .partition(|comparison| comparison.work == Work::Operations);
    text.push_str("\n## Operations\n");
    operations.into_iter().for_each(|c| section(&mut text, c));
    text.push_str("\n## Circuits\n");
    circuits.into_iter().for_each(|c| section(&mut text, c));
    text.push_str(NOTES);
    if !findings.skipped.is_empty() {
        let names = findings.skipped.join(", ");
        let _ = writeln!(text, "- Not installed when this page was made: {names}.");
    }
    text
}

fn preamble(bandwidth: f64) -> String {
    format!(
        "# Benchmarks against other libraries\n\n\
         Machine: {}. Date: {}. Compiler: {}, default\n\
         flags. One thread.\n\
         Command: `cargo run --release -- --python venv/bin/python --python venv310/bin/python --report ../../docs` in `benches/peers`,\n\
         which wrote this page, down to bootstrapping, and the chart. The machine was shared: compare ratios, not absolute\n\
         times, and expect differences as large as the spread that each set states.\n\n\
         Ratio = time of the peer / time of slotwise: above 1, slotwise is faster. Times are medians of at least 15 runs, or of a second and at\n\
         least 3 runs. The floor of a key switch is the time of the transforms that it needs, at the speed of transforms alone in the\n\
         same process, plus that of the bytes that it needs (the packed key, operands, results), at the speed at which one core reads memory,\n\
         {:.0} GB/s. The notes below the tables say what is compared; figures of other machines and builds are [at the end](#measured-beside).\n\n\
         ![Ratios by operation and peer](benchmarks.svg)\n",
        processor(),
        today(),
        output_of("rustc", &["--version"]),
        bandwidth / 1e9,
    )
}

fn section(text: &mut String, comparison: &Comparison) {
    let _ = write!(
        text,
        "\n### {}, {}\n\n{}.",
        comparison.set, comparison.peer, comparison.parameters
    );
    if let Some(difference) = &comparison.difference {
        let _ = write!(text, " {difference}.");
    }
    let [ours, peer] = comparison.spread;
    let _ = write!(text, " Spread {ours:.2} and {peer:.2}.");
    text.push_str("\n\n| operation | slotwise, ms | peer, ms | ratio |");
    let floors = comparison.rows.iter().any(|row| row.floor.is_some());
    text.push_str(if floors {
        " floor, ms | slotwise / floor |\n|---|---|---|---|---|---|\n"
    } else {
        "\n|---|---|---|---|\n"
    });
    for row in &comparison.rows {
        line(text, row, floors);
    }
}

fn line(text: &mut String, row: &Row, floors: bool) {
    let _ = write!(
        text,
        "| {} | {} | {} | {:.2} |",
        row.operation,
        milliseconds(row.ours),
        milliseconds(row.peer),
        row.ratio()
    );
    match row.floor {
        Some(floor) => {
            let times = row.ours / floor;
            let _ = write!(text, " {} | {times:.2} |", milliseconds(floor));
        }
        None if floors => text.push_str(" | |"),
        None => {}
    }
    text.push('\n');
}

const NOTES: &str = "
## What is compared

- Each set is timed by three processes for each library, and of their medians the lowest counts. Spread is the highest of the
  three over the lowest, the middle one of the set's operations: of slotwise, then of the peer. Every result of a peer is compared with the
  expected values before it is timed.
- fhe.rs runs in the same processes as slotwise, run by run in turns, with the same data primes. Each then finds the caches full
  of the other's data, so slotwise's times are higher than those against SEAL. fhe.rs is built with its `tfhe-ntt` feature, the
  faster one. Its key switching uses no special prime: less work than slotwise's here, and more noise. Its
  `rotates_columns_by` is slotwise's rotation of rows. It has no CKKS.
- SEAL runs through TenSEAL's bindings `tenseal.sealapi`, in processes that alternate with slotwise's, as those of all other peers. The cost of
  converting Python lists is measured by itself and taken off SEAL's encode and decode, and TenSEAL's decryption; every call carries
  about a microsecond of Python.
- TenSEAL's wheel holds SEAL without Intel HEXL. A SEAL built with HEXL on a processor with AVX-512 is faster than the column here
  ([measured beside](#seal-with-hexl)).
- TenSEAL's vectors are compared with `EncryptedVector`, both with public-key encryption. Known operands are encoded in the call on both
  sides. TenSEAL rescales each product, so slotwise's products are rescaled too.
- Lattigo runs through the shared library in the wheel of `orion-fhe`, which is built from a fork of it and called by `ctypes`, with the same
  primes. Values cross its interface as 32-bit floats, and its encode and decode include that conversion. Its interface has no encryption with
  the secret key and no hoisted rotations. Its secret has as many coefficients that are not zero as a uniformly ternary one has on average. The
  ratio of baby to giant steps of its matrix is the fastest of four.
- OpenFHE is its Python package, which is built without HEXL, with manual rescaling. Each wheel holds an extension module for one version of
  Python (1.6.1: 3.10), and TenSEAL needs a later one, so OpenFHE has an environment of its own. Its decryption decodes.
- CKKS decrypt and decode are those of a ciphertext at its last level, the same work on both sides. (Above it slotwise itself
  uses only the primes that the message needs; the others use all.)
- Multiplication by a plaintext is with both in NTT form and the plaintext transformed before; it is not rescaled.
- A product in BFV has transforms besides those of its key switch, and how many depends on the method, so no floor is given.
- SEAL's sets, with one special prime, meet the 2018 standard, which SEAL enforces; C14s and C15s meet that of 2024.
";

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

/// The day in Greenwich.
pub(crate) fn today() -> String {
    output_of("date", &["-u", "+%Y-%m-%d"])
}

/// The processor's name, the number of its logical cores, and its vector instructions that slotwise can use.
pub(crate) fn processor() -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Each run replaces its own part of the page and no other, whatever the page had before.
    #[test]
    fn runs_keep_each_others_parts() {
        let first = Parts::of("").with_head("head\n");
        let kept = first.replace(BY_HAND, &format!("{BY_HAND}\n## By hand\n"));
        let second = Parts {
            bootstrapping: "\n## Bootstrapping\n",
            ..Parts::of(&kept)
        };
        let page = second.with_head(second.head);
        assert_eq!(
            page,
            format!("head\n\n{BOOTSTRAPPING}\n## Bootstrapping\n\n{BY_HAND}\n## By hand\n\n")
        );
        assert_eq!(Parts::of(&page).with_head("head\n"), page);
        let other = Parts::of(&page).with_head("other");
        assert_eq!(other, page.replacen("head", "other", 1));
    }
}
