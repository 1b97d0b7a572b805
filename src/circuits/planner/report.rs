//! What a plan says.

use crate::circuits::planner::{Alternative, PlannedScheme, SchemePlan};
use crate::error::plural;
use crate::evaluator::Step;
use std::fmt;

impl<S: PlannedScheme> fmt::Display for SchemePlan<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:>5} {:<25} {:>6} {:>5}  {:>7} {:>9} {:>6} {:>7} {:>8} {:>6}",
            "count",
            "operation",
            "level",
            "after",
            "scale",
            "bound",
            S::BITS,
            "typical",
            "switches",
            "time"
        )?;
        let total = self.units();
        for step in &self.steps {
            let share = self.work_units(&step.work) / total.max(f64::MIN_POSITIVE);
            writeln!(out, "{}", step_line(step, share))?;
        }
        for line in self.summary() {
            writeln!(out, "{line}")?;
        }
        let alternatives = self.alternatives.iter().map(alternative_line);
        out.write_str(&alternatives.collect::<Vec<_>>().join("\n"))
    }
}

fn step_line(step: &Step, share: f64) -> String {
    // BFV has no scales.
    let scale = match step.scale_bits {
        0.0 => "-".to_string(),
        bits => format!("2^{bits:.1}"),
    };
    format!(
        "{:>5} {:<25} {:>6} {:>5}  {:<7} {:>9.3} {:>6.1} {:>7.1} {:>8} {:>5.1}%",
        step.count,
        step.operation,
        step.level,
        step.result_level,
        scale,
        step.message_bound,
        -step.noise_bound.log2(),
        -step.typical_error.log2(),
        step.key_switches(),
        // An empty sum is -0.
        (100.0 * share).abs(),
    )
}

impl<S: PlannedScheme> SchemePlan<S> {
    fn summary(&self) -> Vec<String> {
        let params = S::rlwe(self.context()).params();
        let bits = |primes: &[u64]| -> Vec<u32> {
            primes
                .iter()
                .map(|q| u64::BITS - q.leading_zeros())
                .collect()
        };
        let products = usize::from(self.relinearizes());
        let rotations = self.key_count() - products;
        let mut lines = vec![
            line(
                "degree N",
                format!("{}: {} slots", params.degree(), S::slots(self.context())),
            ),
            line(
                "data primes",
                format!("{:?} bits", bits(params.data_primes())),
            ),
            line(
                "special primes",
                format!(
                    "{:?} bits, digits of {:?} primes",
                    bits(params.special_primes()),
                    params.digit_sizes()
                ),
            ),
            line("security", self.security_line()),
            line(
                "keys",
                format!(
                    "{products} for products, {rotations} for rotations: {} in all",
                    megabytes(self.key_bytes().unwrap_or(0))
                ),
            ),
            line(
                "upload, download",
                format!(
                    "{}, {}",
                    megabytes(self.upload_bytes()),
                    megabytes(self.download_bytes())
                ),
            ),
        ];
        let alike = self.outputs.chunk_by(|a, b| a == b);
        lines.extend(alike.map(|outputs| {
            let count = match outputs.len() {
                1 => String::new(),
                count => format!("{count} of "),
            };
            line("output", count + &S::output(&outputs[0]))
        }));
        lines.extend(S::OF_ERRORS.map(|text| line("errors", text)));
        lines.push(line("time", self.time_line()));
        lines
    }

    fn security_line(&self) -> String {
        let (modulus, limit) = self.security();
        match limit {
            0 => format!("none; log2 of every key's modulus is {modulus:.1}"),
            _ => {
                format!("128 bits; log2 of every key's modulus is {modulus:.1} of at most {limit}")
            }
        }
    }

    fn time_line(&self) -> String {
        match (self.time(), self.encoding_time()) {
            (Some(time), Some(encoding)) => format!(
                "{:.1} ms, and {:.1} ms before for known vectors and their encoding",
                1e3 * time.as_secs_f64(),
                1e3 * encoding.as_secs_f64()
            ),
            _ => format!("that of {:.0} transforms of one prime's row", self.units()),
        }
    }
}

fn line(name: &str, text: impl fmt::Display) -> String {
    format!("  {name:<19} {text}")
}

fn alternative_line(alternative: &Alternative) -> String {
    let text = format!(
        "N = {}, {} special prime{}: {:.2} times as long, keys of {}, {:.1} bits",
        alternative.degree,
        alternative.special_primes,
        plural(alternative.special_primes),
        alternative.relative_time,
        megabytes(alternative.key_bytes),
        alternative.precision_bits
    );
    line("or", text)
}

#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}
