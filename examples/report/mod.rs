//! What the tools `parameters` and `inspect` print: tables, or JSON.

use serde_json::{Map, Value, json};
use slotwise::CkksContext;
use slotwise::params::{Context, RlweParams, SecurityPolicy};
use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// Says on the standard error what went wrong, if anything.
pub(crate) fn exit_code(outcome: Result<(), Box<dyn Error>>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Sections of named values.
#[derive(Default)]
pub(crate) struct Report {
    sections: Vec<(&'static str, Vec<(String, Value)>)>,
}

impl Report {
    /// Starts a section.
    pub(crate) fn section(&mut self, title: &'static str) {
        self.sections.push((title, Vec::new()));
    }

    /// Adds a value to the last section.
    pub(crate) fn row(&mut self, name: &str, value: impl Into<Value>) {
        if let Some((_, rows)) = self.sections.last_mut() {
            rows.push((name.into(), value.into()));
        }
    }

    /// The scales of the lowest and the highest level. Those between are near them.
    pub(crate) fn scales(&mut self, context: &CkksContext) -> slotwise::Result<()> {
        let top = context.top_level();
        self.row("scale bits at level 0", rounded(context.scale(0)?.log2()));
        if top > 0 {
            let bits = rounded(context.scale(top)?.log2());
            self.row(&format!("scale bits at level {top}"), bits);
        }
        Ok(())
    }

    /// The ring, the primes and the security.
    pub(crate) fn ring(&mut self, context: &Context) {
        let params: &RlweParams = context.params();
        let total = context.key_basis().log2_product();
        self.row("degree", params.degree());
        self.row("data prime bits", json!(sizes(params.data_primes())));
        self.row("special prime bits", json!(sizes(params.special_primes())));
        self.row("primes per level", json!(params.level_sizes()));
        self.row("secret", format!("{:?}", params.secret()));
        match params.policy() {
            SecurityPolicy::Enforced(standard, level) => {
                let limit = standard.max_modulus_bits(level, params.degree());
                self.row("security bits", level.bits());
                self.row("security standard", format!("{standard:?}"));
                self.row("modulus bits allowed", limit);
            }
            SecurityPolicy::Insecure => self.row("security bits", "not checked"),
        }
        self.row("modulus bits", rounded(total));
    }

    /// Prints a table, or JSON with underscores in the names. A reader that closes its end early, such as `head`, has what it wants.
    pub(crate) fn print(&self, as_json: bool) -> io::Result<()> {
        let text = if as_json { self.json() } else { self.table() };
        match io::stdout().lock().write_all(text.as_bytes()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    fn json(&self) -> String {
        let key = |name: &str| name.replace(' ', "_");
        let object = |rows: &[(String, Value)]| {
            let rows = rows.iter().map(|(name, value)| (key(name), value.clone()));
            Value::Object(rows.collect::<Map<_, _>>())
        };
        let sections = self.sections.iter();
        let all = sections.map(|(title, rows)| (key(title), object(rows)));
        format!("{:#}\n", Value::Object(all.collect()))
    }

    fn table(&self) -> String {
        let mut text = String::new();
        for (title, rows) in &self.sections {
            text += &format!("{title}\n");
            for (name, value) in rows {
                let value = value.as_str().map_or(value.to_string(), String::from);
                text += &format!("  {name:<28} {value}\n");
            }
        }
        text
    }
}

/// A number with two digits after the point.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn sizes(primes: &[u64]) -> Vec<u32> {
    let bits = primes.iter().map(|prime| prime.ilog2() + 1);
    bits.collect()
}
