//! The memory of an aggregator: one sum, and little for each client. Parsers take no more than the context's objects.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "an allocator that counts")]

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use slotwise::Wire;
use slotwise::federated::{Aggregator, Mode, SumDecryptor, SumEncryptor, SumSpec, Upload};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, which knows what is in use.
struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        USED.fetch_add(layout.size(), Ordering::Relaxed);
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A frame that announces `length` bytes of body, with a header that is right.
fn announcing(bytes: &[u8], length: u64) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[8..16].copy_from_slice(&length.to_le_bytes());
    let checksum = crc32fast::hash(&bytes[..64]);
    bytes[64..68].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// One test only, since all threads of a process share the counters.
#[test]
fn memory_does_not_grow_with_the_clients() {
    const CLIENTS: u32 = 1000;
    let context = SumSpec::new(CLIENTS, 2000)
        .mode(Mode::SharedSecret)
        .build()
        .unwrap();
    let secret = context.generate_secret_key().unwrap();
    let encryptor = SumEncryptor::with_secret_key(&context, secret.clone()).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut upload = |client: u32| {
        let value = f64::from(client) / 1000.0 - 0.5;
        let upload = encryptor.encrypt((1, client), &[value; 2000], 1, &mut rng);
        upload.unwrap().to_bytes()
    };
    let mut aggregator = Aggregator::new(&context, secret.id(), 1, 0..CLIENTS).unwrap();
    let mut add = |client: u32, aggregator: &mut Aggregator| {
        let upload = Upload::from_bytes(&upload(client), &context).unwrap();
        aggregator.add(&upload).unwrap();
    };
    // The pool of buffers fills with the first ones.
    (0..20).for_each(|client| add(client, &mut aggregator));
    let before = USED.load(Ordering::Relaxed);
    (20..CLIENTS).for_each(|client| add(client, &mut aggregator));
    let grown = USED.load(Ordering::Relaxed) - before;
    let each = grown / (CLIENTS as usize - 20);
    println!("{each} bytes a client");
    assert!(each <= 120, "{each} bytes a client");

    let bytes = upload(0);
    let polys = 8 * context.rlwe().degree() * context.rlwe().params().data_primes().len();
    let allocated = |forged: &[u8]| {
        let before = ALLOCATED.load(Ordering::Relaxed);
        let read = Upload::from_bytes(forged, &context);
        (read.is_ok(), ALLOCATED.load(Ordering::Relaxed) - before)
    };
    const SMALL: usize = 16_384;
    for length in [u64::MAX, u64::MAX - 72, 1 << 40, 50, 0] {
        let (valid, used) = allocated(&announcing(&bytes, length));
        assert!(
            !valid && used <= SMALL,
            "{used} bytes for a length of {length}"
        );
    }
    let (valid, used) = allocated(&bytes);
    assert!(valid && used <= polys + SMALL, "{used} bytes for an upload");
    // A state that announces a list of all clients there can be.
    let mut state = Vec::new();
    aggregator.write_snapshot(&mut state).unwrap();
    state[68 + 8..68 + 12].copy_from_slice(&SumSpec::MOST_CLIENTS.to_le_bytes());
    let before = ALLOCATED.load(Ordering::Relaxed);
    assert!(Aggregator::resume(&mut &state[..68 + 5000], &context).is_err());
    let used = ALLOCATED.load(Ordering::Relaxed) - before;
    assert!(
        used <= 10 * SMALL,
        "{used} bytes for a list that ends early"
    );

    let sums = SumDecryptor::new(&context, secret).unwrap();
    let sums = sums.decrypt(&aggregator.seal()).unwrap();
    assert_eq!(sums.uploads(), CLIENTS as usize);
    assert!((sums.average()[7] + 0.0005).abs() < 1e-5);
}
