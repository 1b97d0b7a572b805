//! Parsers never take more memory than the object that the context allows, whatever the bytes announce.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "an allocator that counts")]

use slotwise::keys::{EvaluationKeys, PublicKey, RelinearizationKey};
use slotwise::prelude::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, which adds up what this process asks for.
struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The bytes allocated by `work`. One test only runs in this process.
fn allocated<T>(work: impl FnOnce() -> T) -> usize {
    let before = ALLOCATED.load(Ordering::Relaxed);
    drop(work());
    ALLOCATED.load(Ordering::Relaxed) - before
}

/// What a row buffer, an error and the like may take.
const SMALL: usize = 16_384;

/// A frame that announces `length` bytes of body, with a header that is right.
fn announcing(bytes: &[u8], length: u64) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[8..16].copy_from_slice(&length.to_le_bytes());
    let checksum = crc32fast::hash(&bytes[..64]);
    bytes[64..68].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Checks that what a false length allocates is small, and what the truth allocates is at most `most`.
fn check<T: Wire>(value: &T, context: &T::Context, most: usize) {
    let bytes = value.to_bytes();
    for length in [u64::MAX, u64::MAX - 72, 1 << 40, bytes.len() as u64, 50, 0] {
        let forged = announcing(&bytes, length);
        let used = allocated(|| T::from_bytes(&forged, context).is_err());
        assert!(used <= SMALL, "{used} bytes for a length of {length}");
        let used = allocated(|| T::read_from(&mut &forged[..], context).is_err());
        assert!(
            used <= SMALL,
            "{used} bytes streamed for a length of {length}"
        );
    }
    for length in [67, 68, 72, 80, 100] {
        let used = allocated(|| T::from_bytes(&bytes[..length], context).is_err());
        assert!(used <= SMALL, "{used} bytes for a truncation at {length}");
    }
    let used = allocated(|| T::from_bytes(&bytes, context).unwrap());
    assert!(used <= most, "{used} bytes where {most} are enough");
}

#[test]
fn memory_is_bounded_by_the_context() {
    let context = CkksContext::builder()
        .degree(4096)
        .prime_bits(&[40, 30, 36])
        .scale_bits(30);
    let context = context.build().unwrap();
    let client = context.generate_client_key().unwrap();
    let vector = client.encrypt([1.0; 10]).unwrap();
    let public = client.generate_encryption_key().unwrap();
    let server = client.generate_server_key(&Rotations::steps(&[1])).unwrap();
    let keys = server.evaluation_keys();
    let row = 8 * 4096;
    let (poly, key_poly) = (2 * row, 3 * row);
    // Of each row from a seed, 1024 residues may be drawn that are not wanted yet.
    let drawn = 8 * 1024;
    let most = 2 * poly + 2 * drawn + SMALL;
    check(&vector.ciphertexts()[0], &context, most);
    check::<PublicKey>(
        &PublicKey::from_bytes(&public.to_bytes(), context.rlwe()).unwrap(),
        context.rlwe(),
        2 * key_poly + 3 * drawn + SMALL,
    );
    let digits = context.params().rlwe().digit_sizes().len();
    // The rows of as many primes as threads are read at a time, and of a small key those of all.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let reading = threads.max(3) * digits * (row + drawn) + SMALL;
    let relinearization = keys.relinearization().unwrap();
    check::<RelinearizationKey>(
        relinearization,
        context.rlwe(),
        2 * digits * key_poly + reading,
    );
    // Two keys, and the permutation of one.
    let most = 2 * (2 * digits * key_poly + reading) + 4 * 4096 + SMALL;
    check::<EvaluationKeys>(keys, context.rlwe(), most);
    // Parameters that would make a context of gigabytes are checked without its tables.
    let params = context.params().to_bytes();
    let used = allocated(|| CkksParams::from_bytes(&params).unwrap());
    assert!(used <= SMALL, "{used} bytes for parameters");
}
