//! Processes that time one set each and print JSON.

use crate::clock::Times;
use crate::sets::Set;
use serde_json::{Map, Value};
use std::error::Error;
use std::process::{Command, Stdio};

/// What this program prints when started with `option` and the set's name.
pub(crate) fn run_self(option: &str, set: &Set) -> Result<String, Box<dyn Error>> {
    run(Command::new(std::env::current_exe()?).args([option, set.name]))
}

/// What the command prints.
pub(crate) fn run(command: &mut Command) -> Result<String, Box<dyn Error>> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Times as a JSON object, in their order.
pub(crate) fn to_json(times: &Times) -> Value {
    let entry = |(name, time): &(String, f64)| (name.clone(), Value::from(*time));
    Value::Object(times.iter().map(entry).collect::<Map<_, _>>())
}

/// The inverse of [`to_json`], from text.
pub(crate) fn from_json(text: &str) -> Result<Times, Box<dyn Error>> {
    times(&serde_json::from_str(text)?)
}

/// The inverse of [`to_json`].
pub(crate) fn times(value: &Value) -> Result<Times, Box<dyn Error>> {
    let entries = value.as_object().ok_or("no object of times")?;
    entries
        .iter()
        .map(|(name, time)| Ok((name.clone(), time.as_f64().ok_or("a time is a number")?)))
        .collect()
}
