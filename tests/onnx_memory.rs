//! Reading an ONNX file takes no more memory than a small multiple of its size, whatever it announces.
#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "an allocator that counts")]

use slotwise::networks::Network;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, which knows how much is held now, and the most that was.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The memory for each byte of a file that lists as many empty messages and strings as fit.
const FACTOR: usize = 64;

/// What an error, and the tables of a small graph may take.
const SMALL: usize = 1 << 18;

/// Reads the file, and checks what it took. Returns whether it was a network.
fn check(what: &str, file: &[u8]) -> bool {
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let network = Network::from_onnx(file, 7);
    let used = MOST.load(Ordering::Relaxed) - before;
    println!(
        "{what}: {used} bytes for {}, {:.1} times, {:?}",
        file.len(),
        used as f64 / file.len() as f64,
        network.as_ref().err()
    );
    assert!(used <= FACTOR * file.len() + SMALL, "{what}");
    network.is_ok()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push((value & 0x7f) as u8);
    bytes
}

/// A field that holds bytes: a message, a string, packed numbers.
fn field(tag: u64, bytes: &[u8]) -> Vec<u8> {
    let length = varint(bytes.len() as u64);
    [varint(tag << 3 | 2), length, bytes.to_vec()].concat()
}

fn number(tag: u64, value: u64) -> Vec<u8> {
    [varint(tag << 3), varint(value)].concat()
}

fn node(operator: &str, inputs: &[&str], output: &str, more: &[u8]) -> Vec<u8> {
    let mut node: Vec<u8> = inputs
        .iter()
        .flat_map(|input| field(1, input.as_bytes()))
        .collect();
    node.extend(field(2, output.as_bytes()));
    node.extend(field(4, operator.as_bytes()));
    node.extend(more);
    field(1, &node)
}

fn value(tag: u64, name: &str, sizes: &[u64]) -> Vec<u8> {
    let sizes: Vec<u8> = sizes
        .iter()
        .flat_map(|&size| field(1, &number(1, size)))
        .collect();
    let kind = field(2, &field(1, &field(2, &sizes)));
    field(tag, &[field(1, name.as_bytes()), kind].concat())
}

/// A constant of 32-bit numbers.
fn constant(name: &str, sizes: &[u64], values: usize) -> Vec<u8> {
    let sizes: Vec<u8> = sizes.iter().flat_map(|&size| number(1, size)).collect();
    let raw: Vec<u8> = (0..values).flat_map(|_| 0.5f32.to_le_bytes()).collect();
    let parts = [
        sizes,
        number(2, 1),
        field(8, name.as_bytes()),
        field(9, &raw),
    ];
    field(5, &parts.concat())
}

/// A model whose graph has these fields, and an input and output beside.
fn model(sizes: &[u64], fields: &[u8]) -> Vec<u8> {
    let graph = [value(11, "x", sizes), value(12, "y", &[]), fields.to_vec()].concat();
    let opset = field(8, &number(2, 13));
    [opset, field(7, &graph)].concat()
}

/// Names of values one after the other, from `x` to `y`.
fn chain(length: usize, step: impl Fn(&str, &str) -> Vec<u8>) -> Vec<u8> {
    let name = |i: usize| match i {
        0 => "x".into(),
        i if i == length => "y".into(),
        i => format!("v{i}"),
    };
    let steps = (0..length).map(|i| step(&name(i), &name(i + 1)));
    steps.flatten().collect()
}

const COUNT: usize = 400_000;

/// One test only runs in this process.
#[test]
fn memory_is_bounded_by_the_size_of_the_file() {
    let relu = node("Relu", &["x"], "y", &[]);
    let empty = |tag| field(tag, &[]).repeat(COUNT);
    // Honest files: the file, its numbers in 64 bits, and the layer's.
    let weights = constant("w", &[1000, 1000], 1_000_000);
    let dense = [node("MatMul", &["x", "w"], "y", &[]), weights.clone()].concat();
    assert!(check("dense", &model(&[1, 1000], &dense)));
    // Lists of empty messages and strings.
    for tag in [1, 5, 11, 12, 15] {
        let fields = [empty(tag), relu.clone()].concat();
        check("empty messages", &model(&[1, 4], &fields));
    }
    for tag in [1, 2, 5] {
        check(
            "empty parts",
            &model(&[1, 4], &node("Relu", &["x"], "y", &empty(tag))),
        );
    }
    check("operator sets", &empty(8));
    // Lists of numbers of one byte each.
    for tag in [1, 4, 7, 10] {
        let parts = [field(tag, &vec![1; COUNT / 8 * 8]), field(8, b"w")].concat();
        check(
            "packed numbers",
            &model(&[1, 4], &[field(5, &parts), relu.clone()].concat()),
        );
    }
    // What a few bytes announce.
    for sizes in [[1, 1 << 22], [1, u64::MAX >> 1]] {
        check("a large input", &model(&sizes, &relu));
    }
    let kernel = [
        field(1, b"kernel_shape"),
        field(8, &[varint(2048), varint(2048)].concat()),
    ];
    let pool = node("AveragePool", &["x"], "y", &field(5, &kernel.concat()));
    assert!(check("a large pool", &model(&[1, 1, 2048, 2048], &pool)));
    let global = node("GlobalAveragePool", &["x"], "y", &[]);
    assert!(check(
        "a global pool",
        &model(&[1, 1 << 10, 64, 64], &global)
    ));
    let short = constant("w", &[1 << 30, 1 << 30], 4);
    let dense = [node("MatMul", &["x", "w"], "y", &[]), short].concat();
    assert!(!check("a large constant", &model(&[1, 1 << 22], &dense)));
    let truncated = model(&[1, 1000], &weights);
    assert!(!check("truncated", &truncated[..1000]));
    // Constants that are used or spread again and again.
    let products = chain(2000, |from, to| node("MatMul", &[from, "w"], to, &[]));
    let products = [products, constant("w", &[64, 64], 4096)].concat();
    assert!(!check("repeated products", &model(&[1, 64], &products)));
    let spread = chain(2000, |from, to| {
        let middle = format!("{to}_");
        [
            node("Mul", &[from, "w"], &middle, &[]),
            node("Relu", &[&middle], to, &[]),
        ]
        .concat()
    });
    let spread = [spread, constant("w", &[], 1)].concat();
    assert!(!check(
        "a number for each value",
        &model(&[1, 1 << 22], &spread)
    ));
    assert!(check("a few values", &model(&[1, 16], &spread)));
}
