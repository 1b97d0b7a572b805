//! Processes that time one set each and print JSON.

use crate::clock::Times;
use serde_json::{Map, Value};
use std::error::Error;
use std::process::{Command, Stdio};

/// What this program prints when started with `option` and the name of a set or of a task.
pub(crate) fn run_self(option: &str, name: &str) -> Result<Value, Box<dyn Error>> {
    run(Command::new(std::env::current_exe()?).args([option, name]))
}

/// The JSON that the command prints.
pub(crate) fn run(command: &mut Command) -> Result<Value, Box<dyn Error>> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Times as a JSON object, in their order.
pub(crate) fn to_json(times: &Times) -> Value {
    let entry = |(name, time): &(String, f64)| (name.clone(), Value::from(*time));
    Value::Object(times.iter().map(entry).collect::<Map<_, _>>())
}

/// The inverse of [`to_json`].
pub(crate) fn times(value: &Value) -> Result<Times, Box<dyn Error>> {
    let entries = value.as_object().ok_or("no object of times")?;
    entries
        .iter()
        .map(|(name, time)| Ok((name.clone(), time.as_f64().ok_or("a time is a number")?)))
        .collect()
}
