//! The import rule: a file imports only from floors below its own, its own folder, `error`, `identifiers`, `parallel` and `stopwatch`, always as
//! `crate::floor::...`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// The floors, the lowest first.
const FLOORS: [&str; 14] = [
    "kernels",
    "ring",
    "params",
    "keys",
    "encoding",
    "encryption",
    "evaluator",
    "circuits",
    "bootstrapping",
    "wire",
    "api",
    "multiparty",
    "federated",
    "networks",
];

/// What every floor may use.
const EVERYWHERE: [&str; 4] = ["error", "identifiers", "parallel", "stopwatch"];

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
    crate_imports(&code)
        .into_iter()
        .filter(|name| !allowed(name))
        .map(|name| format!("crate::{name}"))
        .collect()
}

/// How many modules lie between a file and the crate's root, the file's own and its floor's included.
fn depth(floor: &Path, file: &Path) -> usize {
    let inside = file.strip_prefix(floor).unwrap();
    let folders = inside.components().count() - 1;
    let is_mod = inside.ends_with("mod.rs");
    1 + folders + usize::from(!is_mod)
}

/// Whether a chain of `super::` leaves the floor. A module within the file is one deeper.
fn leaves_its_floor(depth: usize, source: &str) -> bool {
    let code = code(source);
    let has_modules = code.lines().any(|line| {
        let line = line.trim_start();
        let name = line.strip_prefix("mod ").or(line.strip_prefix("pub mod "));
        name.is_some_and(|rest| rest.trim_end().ends_with('{'))
    });
    let most = depth - 1 + usize::from(has_modules);
    code.contains(&"super::".repeat(most + 1))
}

/// Whether a file of one scheme imports from a file of the other: what both need belongs in a file of its own.
fn imports_from_its_sibling(name: &str, source: &str) -> bool {
    let other = match name.split(['_', '.']).next() {
        Some("bfv") => "::ckks",
        Some("ckks") => "::bfv",
        _ => return false,
    };
    code(source).contains(other)
}

#[test]
fn files_import_from_below_only() {
    let mut seen = 0;
    for (floor, name) in FLOORS.iter().enumerate() {
        for file in rust_files(&sources().join(name)) {
            let source = fs::read_to_string(&file).unwrap();
            let wrong = violations(floor, &source);
            assert!(wrong.is_empty(), "{} climbs: {wrong:?}", file.display());
            let depth = depth(&sources().join(name), &file);
            assert!(!leaves_its_floor(depth, &source), "{}", file.display());
            let file_name = file.file_name().unwrap().to_str().unwrap();
            let borrows = imports_from_its_sibling(file_name, &source);
            assert!(!borrows, "{} imports from its sibling", file.display());
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
    // `src/ring/poly.rs` has two modules above it: the floor and the crate.
    let folder = Path::new("src/ring");
    assert_eq!(depth(folder, &folder.join("mod.rs")), 1);
    assert_eq!(depth(folder, &folder.join("poly.rs")), 2);
    assert_eq!(depth(folder, &folder.join("sub/poly.rs")), 3);
    assert!(leaves_its_floor(1, "use super::keys;"));
    assert!(leaves_its_floor(2, "use super::super::keys;"));
    assert!(!leaves_its_floor(2, "use super::basis;"));
    assert!(!leaves_its_floor(
        2,
        "mod tests {\n    use super::super::basis;\n}"
    ));
    assert!(leaves_its_floor(
        2,
        "mod tests {\n    use super::super::super::keys;\n}"
    ));
    let borrowed = "use crate::evaluator::ckks::mul_raw;";
    assert!(imports_from_its_sibling("bfv_mul_raw.rs", borrowed));
    assert!(!imports_from_its_sibling("ckks_plain.rs", borrowed));
    assert!(!imports_from_its_sibling("linear.rs", borrowed));
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
