//! The import rule: a file imports only from floors below its own, its own folder, `error` and `parallel`, always as
//! `crate::floor::...`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// The floors, the lowest first.
const FLOORS: [&str; 10] = [
    "kernels",
    "ring",
    "params",
    "keys",
    "encoding",
    "encryption",
    "evaluator",
    "circuits",
    "wire",
    "api",
];

/// What every floor may use.
const EVERYWHERE: [&str; 2] = ["error", "parallel"];

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All Rust files below `folder`.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The source without comments.
fn code(source: &str) -> String {
    source
        .lines()
        .map(|line| line.split("//").next().unwrap_or(""))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The names that follow `crate::` in the code.
fn crate_imports(code: &str) -> Vec<&str> {
    code.match_indices("crate::")
        .filter(|(at, _)| {
            !code[..*at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
        })
        .map(|(at, prefix)| {
            let rest = &code[at + prefix.len()..];
            &rest[..rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(rest.len())]
        })
        .collect()
}

/// What is wrong with the imports of a file of `floor`.
fn violations(floor: usize, source: &str) -> Vec<String> {
    let code = code(source);
    let allowed = |name: &str| EVERYWHERE.contains(&name) || FLOORS[..=floor].contains(&name);
    let mut wrong: Vec<String> = crate_imports(&code)
        .into_iter()
        .filter(|name| !allowed(name))
        .map(|name| format!("crate::{name}"))
        .collect();
    if code.contains("super::super") && floor != 0 {
        wrong.push("super::super".into());
    }
    wrong
}

#[test]
fn files_import_from_below_only() {
    let mut seen = 0;
    for (floor, name) in FLOORS.iter().enumerate() {
        for file in rust_files(&sources().join(name)) {
            let wrong = violations(floor, &fs::read_to_string(&file).unwrap());
            assert!(wrong.is_empty(), "{} climbs: {wrong:?}", file.display());
            seen += 1;
        }
    }
    assert!(seen > 40, "only {seen} files were read");
}

#[test]
fn every_folder_is_a_floor() {
    for entry in fs::read_dir(sources()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let known = FLOORS.contains(&name) || EVERYWHERE.contains(&name) || name == "lib";
        assert!(known, "{} is on no floor", path.display());
    }
}

#[test]
fn a_climb_is_found() {
    assert_eq!(
        violations(1, "use crate::keys::SecretKey;"),
        ["crate::keys"]
    );
    assert_eq!(
        violations(1, "let x = crate::CkksContext::for_depth(1);"),
        ["crate::CkksContext"]
    );
    assert_eq!(violations(9, "use super::super::ring;"), ["super::super"]);
    assert!(
        violations(
            1,
            "use crate::kernels::Modulus; // crate::api\nuse crate::error::Result;"
        )
        .is_empty()
    );
}

#[test]
fn unsafe_stays_in_the_kernels() {
    for floor in &FLOORS[1..] {
        for file in rust_files(&sources().join(floor)) {
            assert!(
                !code(&fs::read_to_string(&file).unwrap()).contains("unsafe "),
                "{}",
                file.display()
            );
        }
    }
}
