//! The tables of `docs/guide/from_seal.md` and `docs/guide/from_tenseal.md`: what they name exists, means what its row says, and is found under
//! the other library's name.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use slotwise::circuits::{Convolution, Grid};
use slotwise::evaluator::{BfvEvaluator, ClearReals};
use slotwise::prelude::*;
use slotwise::wire::Unattached;
use slotwise::{KeyError, Result};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// All Rust sources below a folder.
fn sources(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let read = |path: &Path| match path.is_dir() {
        true => sources(path),
        false => vec![fs::read_to_string(path).unwrap()],
    };
    entries
        .flat_map(|entry| read(&entry.unwrap().path()))
        .collect()
}

/// The words of a text that can be names.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with(|c: char| c.is_alphabetic()))
}

/// What the sources define, and the names of other libraries in their `doc(alias)`.
fn names() -> [BTreeSet<String>; 2] {
    const KINDS: [&str; 9] = [
        "fn",
        "struct",
        "enum",
        "trait",
        "type",
        "mod",
        "const",
        "macro_rules",
        "use",
    ];
    let (mut defined, mut aliases) = (BTreeSet::new(), BTreeSet::new());
    for source in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        for line in source.lines() {
            // A variant of an enum.
            let first = words(line)
                .next()
                .filter(|word| line.trim().starts_with(word));
            let variant = first.filter(|word| word.starts_with(|c: char| c.is_uppercase()));
            defined.extend(variant.map(str::to_owned));
            let mut before = "";
            for word in words(line) {
                if KINDS.contains(&before) {
                    defined.insert(word.to_owned());
                }
                before = word;
            }
        }
        for after in source.split("#[doc(alias").skip(1) {
            let list = after.split(")]").next().unwrap_or("");
            aliases.extend(list.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
    [defined, aliases]
}

/// The rows of a page's tables: the other library's cell and ours.
fn rows(page: &str) -> Vec<[String; 2]> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs/guide")
        .join(page);
    let text = fs::read_to_string(path).unwrap();
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.contains("| slotwise |"));
    let cells = |row: &str| {
        let (left, right) = row.trim_matches('|').split_once(" | ").unwrap();
        [left.to_owned(), right.to_owned()]
    };
    rows.map(cells).collect()
}

/// The code in a cell.
fn code(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

const PAGES: [(&str, usize); 2] = [("from_seal.md", 30), ("from_tenseal.md", 50)];

/// Names in the tables that are the standard library's, or the other library's.
const OTHERS: [&str; 3] = ["clone", "into", "dtype"];

/// What code names: what it calls, every type, and itself if it is one word.
fn named(code: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let (mut names, mut rest) = (Vec::new(), code);
    while let Some(start) = rest.find(|c: char| c.is_alphabetic()) {
        let end = rest[start..].find(|c| !is_part(c));
        let end = end.map_or(rest.len(), |end| start + end);
        let (before, name, after) = (&rest[..start], &rest[start..end], &rest[end..]);
        let is_member = before.ends_with('.') && !before.ends_with("..") || before.ends_with("::");
        let is_type = name.starts_with(|c: char| c.is_uppercase());
        if is_member || is_type || after.starts_with('(') || name == code {
            names.push(name);
        }
        rest = after;
    }
    names
}

#[test]
fn what_the_tables_name_exists() {
    let [defined, _] = names();
    let mut missing = Vec::new();
    for (page, least) in PAGES {
        let rows = rows(page);
        assert!(rows.len() >= least, "{page}: {} rows", rows.len());
        for [_, ours] in &rows {
            for name in code(ours).flat_map(named) {
                if !defined.contains(name) && !OTHERS.contains(&name) {
                    missing.push(format!("{page}: {name}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Names of the other libraries that the tables only mention: arguments, exceptions, and what is automatic here.
const MENTIONED: [&str; 17] = [
    "MemoryPoolHandle",
    "Serializable<Ciphertext>",
    "copy",
    "deepcopy",
    "tenseal.sealapi",
    "save_public_key",
    "true",
    "**",
    "-",
    "+ - *",
    "@",
    "t[i]",
    "t[a:b, c:d]",
    "len",
    "broadcast",
    "has_secret_key",
    "serialize",
];

/// A name of the other library that is a row's subject is an alias of something, or has the same name here.
#[test]
fn the_other_libraries_names_are_found() {
    let [defined, aliases] = names();
    let mut missing = Vec::new();
    for (page, _) in PAGES {
        for [theirs, ours] in rows(page) {
            for name in code(&theirs).filter(|_| !ours.starts_with("- :")) {
                let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
                let is_found = defined.contains(name) || aliases.contains(name);
                if is_name && !is_found && !MENTIONED.contains(&name) {
                    missing.push(format!("{page}: {name}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Whether all are within 2^-10.
fn near(found: &[f64], expected: &[f64]) -> bool {
    let pairs = found.iter().zip(expected);
    found.len() == expected.len() && pairs.fold(true, |all, (a, b)| all && (a - b).abs() < 1e-3)
}

fn reals() -> CkksContext {
    let builder = CkksContext::builder()
        .degree(64)
        .prime_bits(&[60, 45, 45, 45, 60]);
    let builder = builder.scale_bits(45).insecure_skip_security_check();
    builder.build().unwrap()
}

fn integers() -> BfvContext {
    let builder = BfvContext::builder().degree(64).prime_bits([50; 4]);
    let builder = builder.plaintext_bits(20).insecure_skip_security_check();
    builder.build().unwrap()
}

#[test]
fn parameters_and_keys_of_the_tables() -> Result<()> {
    let context = reals();
    let client = context.generate_client_key()?;
    let public = client.generate_encryption_key()?;
    let server = client.generate_server_key(&Rotations::steps(&[1]))?;
    let server = client.extend_server_key(&server, &Rotations::powers_of_two())?;
    assert!(server.evaluation_keys().galois().elements().count() > 1);
    let x = client.encrypt([1.0, 2.0])?;
    assert_eq!(x.level(), context.top_level());
    for by_any_key in [&x, &public.encrypt([1.0, 2.0])?] {
        assert!(near(&client.decrypt(by_any_key)?, &[1.0, 2.0]));
    }
    // A seed stands for half of a ciphertext that the secret key made.
    assert!(x.byte_length() * 3 < public.encrypt([1.0, 2.0])?.byte_length() * 2);
    let params = CkksParams::insecure_from_bytes(&context.params().to_bytes())?;
    assert_eq!(CkksContext::new(params)?, context);
    let read = ServerKey::<Ckks>::from_bytes(&server.to_bytes(), &context)?;
    let same = ClientKey::<Ckks>::from_secret_bytes(&client.expose_secret_bytes(), &context)?;
    let read = read.load_vector(&x.to_bytes())?;
    assert!(near(&same.decrypt(&read.rotate_left(1)?)?, &[2.0, 1.0]));
    let key = EncryptionKey::<Ckks>::from_bytes(&public.to_bytes(), &context)?;
    assert_eq!(key.id(), client.id());
    let json = serde_json::to_string(&x).unwrap();
    let lazy: Unattached<CkksVector> = serde_json::from_str(&json).unwrap();
    assert_eq!(lazy.attach(&context)?.len(), 2);
    let bfv = integers().generate_client_key()?;
    let y = bfv.encrypt([1])?;
    assert!(bfv.measured_noise_budget(&y)? >= y.noise_budget());
    Ok(())
}

#[test]
fn evaluation_of_the_tables() -> Result<()> {
    let client = reals().generate_client_key()?;
    let server = client.generate_server_key(&Rotations::powers_of_two())?;
    let [x, y] = [[1.0, 2.0], [3.0, 5.0]].map(|values| client.encrypt(values).unwrap());
    let [x, y] = [server.attach(x)?, server.attach(y)?];
    let values = vec![10.0, 20.0];
    let cases = [
        ((&x + &y)?, [4.0, 7.0]),
        ((&x - &y)?, [-2.0, -3.0]),
        ((&x * &y)?, [3.0, 10.0]),
        ((-&x)?, [-1.0, -2.0]),
        (x.square()?, [1.0, 4.0]),
        (CkksVector::add_many(&[x.clone(), y.clone()])?, [4.0, 7.0]),
        (CkksVector::mul_many(&[x.clone(), y.clone()])?, [3.0, 10.0]),
        ((&x + &values)?, [11.0, 22.0]),
        ((&x * &values)?, [10.0, 40.0]),
        ((&x * 2.0)?, [2.0, 4.0]),
        ((1.0 - &x)?, [0.0, -1.0]),
        (x.power(3)?, [1.0, 8.0]),
        (x.rotate_left(1)?, [2.0, 1.0]),
        (x.rotate_many(&[1])?.remove(0), [2.0, 1.0]),
        (x.shift_left(1)?, [2.0, 0.0]),
        (x.get(0)?.replicate(0, 2)?, [1.0, 1.0]),
        (x.mask([true, false])?, [1.0, 0.0]),
        (x.running_sum()?, [1.0, 3.0]),
        (x.polyval(&[1.0, 0.0, 1.0])?, [2.0, 5.0]),
        ((&x * &y)?.rescale()?.drop_to_level(1)?, [3.0, 10.0]),
    ];
    for (number, (found, expected)) in cases.iter().enumerate() {
        assert!(near(&client.decrypt(found)?, expected), "{number}");
    }
    let one = [
        (x.sum()?, 3.0),
        (x.dot(&y)?, 13.0),
        (x.dot_plain(&values)?, 50.0),
        (x.mean()?, 1.5),
    ];
    for (found, expected) in one {
        assert!(near(&client.decrypt(&found)?, &[expected]));
    }
    let four = CkksVector::concat(&[x.clone(), y])?;
    assert!(near(&client.decrypt(&four.slice(1..3)?)?, &[2.0, 3.0]));
    let changed = [
        CkksVector::add_assign,
        CkksVector::sub_assign,
        CkksVector::mul_assign,
    ];
    for (change, expected) in changed
        .into_iter()
        .zip([[2.0, 4.0], [0.0, 0.0], [1.0, 4.0]])
    {
        let mut changed = x.clone();
        change(&mut changed, &x)?;
        assert!(near(&client.decrypt(&changed)?, &expected));
    }
    assert!((&x * 0.0)?.is_transparent() && !x.is_transparent());
    let keyless = client.encrypt([1.0])?.square().unwrap_err();
    assert_eq!(keyless, slotwise::Error::Keys(KeyError::MissingServerKey));
    Ok(())
}

#[test]
fn integers_of_the_tables() -> Result<()> {
    let client = integers().generate_client_key()?;
    let rotations = Rotations::powers_of_two().and_conjugation();
    let server = client.generate_server_key(&rotations)?;
    let slots: Vec<i64> = (0..64).collect();
    let x = server.attach(client.encrypt(&slots)?)?;
    let evaluator: &BfvEvaluator = x.evaluator();
    let swapped = evaluator.swap_rows(&x.ciphertexts()[0])?;
    assert_eq!(client.decrypt_slots(&swapped)?[..2], [32, 33]);
    let rotated = evaluator.rotate_left(&x.ciphertexts()[0], 1)?;
    assert_eq!(client.decrypt_slots(&rotated)?[..2], [1, 2]);
    let raw = evaluator.mul_raw(&x.ciphertexts()[0], &x.ciphertexts()[0])?;
    let square = evaluator.relinearize(&raw)?;
    assert_eq!(client.decrypt_slots(&square)?[2..4], [4, 9]);
    let low = x.switch_to_level(1)?;
    assert_eq!((low.level(), client.decrypt(&low)?), (1, slots));
    assert_eq!(client.decrypt(&x.power(2)?)?[5], 25);
    Ok(())
}

#[test]
fn matrices_and_tensors_of_the_tables() -> Result<()> {
    let evaluator = ClearReals::new(16);
    let vector = |values: &[f64]| Vector::from_values(&evaluator, values).unwrap();
    let x = vector(&[1.0, 2.0]);
    let matrix = Matrix::from_rows(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])?;
    assert_eq!(x.matmul_plain(&matrix)?.values(), [9.0, 12.0, 15.0]);
    let encoded = LinearMap::vector_matrix(&matrix).encode(&evaluator, x.factor_position()?)?;
    assert_eq!(x.matmul(&encoded)?.values(), [9.0, 12.0, 15.0]);
    let rows = vector(&[1.0, 2.0, 3.0, 4.0]);
    let column = Matrix::from_rows(&[[10.0], [1.0]])?;
    assert_eq!(rows.rows_matmul_plain(&column)?.values(), [12.0, 34.0]);
    let convolution = Convolution::new(&[1.0; 2], [1, 1, 1, 2])?; // no square kernel
    let input = Grid::new(1, 2, 3)?;
    let (layer, output) = convolution.layer(&input)?;
    let image = vector(&input.scatter(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?);
    let layer = layer.encode(&evaluator, image.factor_position()?)?;
    let found = image.linear_layer(&layer)?.values();
    assert_eq!(output.gather(&found)?, [3.0, 5.0, 9.0, 11.0]);

    let plain = PlainTensor::new(&[1.0, 2.0, 3.0, 4.0], &[2, 2])?;
    let client = reals().generate_client_key()?;
    let server = client.generate_server_key(&Rotations::powers_of_two())?;
    let t = server.attach_tensor(client.encrypt_tensor(&plain)?)?;
    let cases = [
        (t.matmul(&t)?, vec![7.0, 10.0, 15.0, 22.0]),
        (t.matmul_plain(&plain)?, vec![7.0, 10.0, 15.0, 22.0]),
        (t.sum(0)?, vec![4.0, 6.0]),
        (t.mean(-1)?, vec![1.5, 3.5]),
        (t.transpose().reshape(&[4])?, vec![1.0, 3.0, 2.0, 4.0]),
        (t.subscript(&[1.into(), (0..2).into()])?, vec![3.0, 4.0]),
        ((&plain - &t)?, vec![0.0; 4]),
    ];
    for (number, (found, expected)) in cases.iter().enumerate() {
        assert!(
            near(client.decrypt_tensor(found)?.values(), expected),
            "{number}"
        );
    }
    let batch = server.attach_tensor(client.encrypt_tensor_batched(&plain)?)?;
    assert_eq!((batch.batch_size(), batch.shape()), (Some(2), &[2][..]));
    let sums = client.decrypt_tensor(&batch.sum_batch()?)?;
    assert!(near(sums.values(), &[4.0, 6.0]));
    assert_eq!((plain.strides(), plain.at(&[1, 0])?), (vec![2, 1], &3.0));
    Ok(())
}
