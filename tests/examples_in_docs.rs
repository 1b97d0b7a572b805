//! Every public method of the types that programs meet has an example in its doc comment, which the documentation tests run.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// The files, and folders with all files in them, whose public functions have examples.
const DOCUMENTED: [&str; 25] = [
    "src/api",
    "src/bootstrapping",
    "src/circuits",
    "src/encoding/precision.rs",
    "src/evaluator/clear.rs",
    "src/evaluator/evaluator_trait.rs",
    "src/evaluator/position.rs",
    "src/federated",
    "src/keys/evaluation.rs",
    "src/keys/plan.rs",
    "src/multiparty",
    "src/networks",
    "src/params/bfv.rs",
    "src/params/bootstrapping.rs",
    "src/params/bootstrapping_sets.rs",
    "src/params/builder.rs",
    "src/params/ckks.rs",
    "src/params/rlwe.rs",
    "src/params/scale.rs",
    "src/params/scale_plan.rs",
    "src/params/scheme_context.rs",
    "src/params/secret_distribution.rs",
    "src/params/security.rs",
    "src/wire/params.rs",
    "src/wire/serialize.rs",
];

/// Types of these files that have no examples, and why.
const EXEMPT: [(&str, &str); 5] = [
    ("RelinearizationKey", SINGLE_KEYS),
    ("GaloisKey", SINGLE_KEYS),
    ("GaloisKeys", SINGLE_KEYS),
    ("EvaluationKey", SINGLE_KEYS),
    ("EvaluationKeys", SINGLE_KEYS),
];

const SINGLE_KEYS: &str = "programs have them in a `ServerKey`";

/// All Rust files below `path`, or the file itself.
fn rust_files(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap();
        return entries
            .flat_map(|entry| rust_files(&entry.unwrap().path()))
            .collect();
    }
    vec![path.to_path_buf()]
}

/// The name of the type in the first line of an `impl` block: `ClientKey` of `impl<S: Scheme> ClientKey<S> {`. A type that a macro
/// takes is `$name`.
fn implemented_type(line: &str) -> &str {
    let mut rest = line.trim_start().strip_prefix("impl").unwrap_or("");
    if rest.starts_with('<') {
        let mut depth = 0;
        let end = rest.find(|c| {
            depth += i32::from(c == '<') - i32::from(c == '>');
            depth == 0
        });
        rest = end.map_or("", |end| &rest[end + 1..]);
    }
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
    &rest[..end.unwrap_or(rest.len())]
}

/// The name of a public function that begins in this line. One that is named by a macro's argument has its comment where the macro is
/// used.
fn public_function(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("pub ")?;
    let rest = rest.strip_prefix("const ").unwrap_or(rest);
    let name = rest.strip_prefix("fn ")?;
    let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_'))?;
    Some(&name[..end]).filter(|name| !name.is_empty())
}

/// Whether the lines before a function, as far as the blank line or the block's start before them, hold a code block that runs.
fn has_example(before: &[&str]) -> bool {
    let start = before
        .iter()
        .rposition(|line| line.is_empty() || line.trim_start().starts_with("impl"))
        .map_or(0, |at| at + 1);
    let fences = before[start..]
        .iter()
        .filter_map(|line| line.trim_start().strip_prefix("/// ```"));
    // Every second fence closes a block.
    fences
        .step_by(2)
        .any(|language| matches!(language, "" | "rust" | "should_panic" | "compile_fail"))
}

/// The public functions of a source without an example: `Type::function`.
fn without_example(source: &str) -> Vec<String> {
    let lines: Vec<&str> = source
        .lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .collect();
    let mut missing = Vec::new();
    let mut of = "";
    for (at, line) in lines.iter().enumerate() {
        if line.trim_start().starts_with("impl") {
            of = implemented_type(line);
        }
        let Some(name) = public_function(line) else {
            continue;
        };
        if !EXEMPT.iter().any(|&(exempt, _)| exempt == of) && !has_example(&lines[..at]) {
            missing.push(format!("{of}::{name}"));
        }
    }
    missing
}

#[test]
fn every_public_function_has_an_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut missing = Vec::new();
    for path in DOCUMENTED {
        for file in rust_files(&root.join(path)) {
            let source = fs::read_to_string(&file).unwrap();
            let functions = without_example(&source);
            missing.extend(
                functions
                    .iter()
                    .map(|name| format!("{}: {name}", file.display())),
            );
        }
    }
    assert!(
        missing.is_empty(),
        "public functions without an example in their doc comment:\n{}",
        missing.join("\n")
    );
}

#[test]
fn a_missing_example_is_found() {
    let source = r#"
impl<S: Scheme<Scalar = f64>> Key<S> {
    /// Has one.
    ///
    /// ```
    /// assert!(true);
    /// ```
    #[must_use]
    pub fn shown(&self) {}

    /// Has a formula only.
    ///
    /// ```text
    /// a + b
    /// ```
    pub fn formula(&self) {}

    /// Has none.
    pub const fn bare(&self) {}

    pub(crate) fn inner(&self) {}
}

impl $context {
    pub fn undocumented(&self) {}
}

impl EvaluationKeys {
    pub fn exempt(&self) {}
}

#[cfg(test)]
mod tests {
    pub fn helper() {}
}
"#;
    assert_eq!(
        without_example(source),
        ["Key::formula", "Key::bare", "$context::undocumented"]
    );
}
