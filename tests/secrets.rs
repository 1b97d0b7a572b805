//! What is freed tells nothing about secrets: an allocator that searches every block it gets back.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "an allocator that looks into what is freed")]

use num_complex::Complex64;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use slotwise::encoding::CkksEncoder;
use slotwise::encryption::{Ciphertext, Decryptor, Encryptor};
use slotwise::keys::{KeyGenerator, Rotations, SecretKey};
use slotwise::params::{BfvContext, CkksContext};
use slotwise::prelude::*;
use slotwise::ring::{CoeffPoly, NttPoly, RnsBasis, expand_seed};
use slotwise::wire::ExposedSecret;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

/// How many words in a row are taken for a find: so many signs of a secret are in no other block by chance.
const WINDOW: usize = 24;

/// Sorted windows that must not be found.
static FORBIDDEN: OnceLock<Mutex<Vec<[u64; WINDOW]>>> = OnceLock::new();

static FOUND: AtomicUsize = AtomicUsize::new(0);
static SEARCHED: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, which searches what is freed.
struct Searching;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Searching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on. Zeroed, so that a later search reads initialised memory only.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let words = pointer.cast::<u64>();
        if words.is_aligned() && layout.size() >= WINDOW * size_of::<u64>() {
            // SAFETY: the block is the caller's until it is freed below, aligned, of this size, and was initialised by `alloc`.
            let words = unsafe {
                std::slice::from_raw_parts(words.cast_const(), layout.size() / size_of::<u64>())
            };
            search(words);
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Searching = Searching;

/// Counts the windows of a block that are forbidden. Allocates nothing.
fn search(words: &[u64]) {
    // Passed over while the list itself changes.
    let Some(Ok(forbidden)) = FORBIDDEN.get().map(Mutex::try_lock) else {
        return;
    };
    SEARCHED.fetch_add(1, Ordering::Relaxed);
    let found = words.windows(WINDOW).filter(|&window| {
        forbidden
            .binary_search_by(|known| known[..].cmp(window))
            .is_ok()
    });
    FOUND.fetch_add(found.count(), Ordering::Relaxed);
}

fn forbid(rows: impl IntoIterator<Item = Vec<u64>>) {
    let mut windows: Vec<[u64; WINDOW]> = Vec::new();
    for row in rows {
        let all = row.windows(WINDOW).map(|window| window.try_into().unwrap());
        windows.extend(all.filter(|window: &[u64; WINDOW]| window.iter().any(|&x| x != 0)));
    }
    let mut list = FORBIDDEN.get_or_init(Mutex::default).lock().unwrap();
    list.extend(windows);
    list.sort_unstable();
}

#[track_caller]
fn check(what: &str) {
    assert!(
        SEARCHED.swap(0, Ordering::Relaxed) > 0,
        "{what}: nothing was freed"
    );
    assert_eq!(FOUND.swap(0, Ordering::Relaxed), 0, "{what} left a secret");
}

/// Both forms of a polynomial.
fn forbid_poly(poly: &NttPoly) {
    let coefficients = poly.clone().into_coeff();
    let rows =
        (0..poly.basis().len()).flat_map(|i| [poly.row(i).to_vec(), coefficients.row(i).to_vec()]);
    let rows: Vec<Vec<u64>> = rows.collect();
    forbid(rows.clone());
    // The copies of this function are no find.
    drop((coefficients, rows));
    FOUND.store(0, Ordering::Relaxed);
}

/// The coefficients of a secret, as signed words and in its bytes.
fn forbid_secret(secret: &SecretKey) -> NttPoly {
    let bytes = secret.expose_secret_bytes();
    let body = &bytes[68 + 8..bytes.len() - 4];
    let coefficients: Vec<i64> = body
        .iter()
        .flat_map(|byte| [0, 2, 4, 6].map(|shift| byte >> shift & 3))
        .map(|code| i64::from(code) - 1)
        .collect();
    // On a basis, and so a pool, of its own.
    let basis = secret.context().key_basis();
    let own = Arc::new(RnsBasis::new(basis.degree(), &basis.primes()).unwrap());
    let poly = CoeffPoly::from_signed(&own, &coefficients).into_ntt();
    let signed = coefficients.iter().map(|&c| c.cast_unsigned()).collect();
    let floats = coefficients.iter().map(|&c| (c as f64).to_bits()).collect();
    // As words of the secret alone, and of all bytes.
    let packed = |bytes: &[u8]| {
        let words = bytes.as_chunks::<8>().0.iter();
        words.map(|&chunk| u64::from_le_bytes(chunk)).collect()
    };
    forbid([signed, floats, packed(body), packed(&bytes[72 + 8..])]);
    forbid_poly(&poly);
    forbid_poly(&poly.product(&poly));
    poly
}

fn forbid_phase(body: &Ciphertext, secret: &NttPoly) {
    let primes = body.polys()[0].basis().primes();
    let own = Arc::new(RnsBasis::new(secret.basis().degree(), &primes).unwrap());
    let [c0, c1] = [0, 1].map(|i| NttPoly::from_rows(&own, body.polys()[i].data()));
    let mut phase = c1.product(secret);
    phase.add_assign(&c0);
    forbid_poly(&phase);
    drop((c0, c1, phase, own));
    FOUND.store(0, Ordering::Relaxed);
}

/// What decoding makes of a phase: the message and its noise.
fn forbid_decoded(values: &[Complex64]) {
    let part = |of: fn(&Complex64) -> f64| values.iter().map(|value| of(value).to_bits()).collect();
    let both = values.iter().flat_map(|value| [value.re, value.im]);
    let both: Vec<u64> = both.map(f64::to_bits).collect();
    forbid([part(|value| value.re), part(|value| value.im), both]);
    FOUND.store(0, Ordering::Relaxed);
}

#[test]
fn nothing_that_is_freed_tells_a_secret() {
    reals();
    integers();
}

fn reals() {
    let builder = CkksContext::builder()
        .degree(4096)
        .prime_bits(&[50, 40, 40, 40, 50])
        .scale_bits(40);
    let context = builder.insecure_skip_security_check().build().unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let poly = forbid_secret(&secret);
    FOUND.store(0, Ordering::Relaxed);

    let generator = KeyGenerator::new(&secret);
    let public = Arc::new(generator.public_key(&mut rng).unwrap());
    check("a public key");
    let a: NttPoly = expand_seed(poly.basis(), &public.seed().unwrap(), 0);
    forbid_poly(&a.product(&poly));
    let again = generator.public_key(&mut rng).unwrap();
    drop(again);
    check("another public key");
    drop(generator.evaluation_keys(&Rotations::steps(&[1, -5]).and_conjugation(), &mut rng));
    check("evaluation keys");

    // What the caller got is the caller's, and not freed before the end.
    let mut kept = Vec::new();
    let encoder = CkksEncoder::new(&context);
    let values: Vec<f64> = (0..2048).map(|i| f64::from(i) / 100.0).collect();
    let decryptor = Decryptor::new(&secret);
    for level in [3, 0] {
        let plaintext = encoder.encode(&values, level).unwrap();
        for encryptor in [
            Encryptor::with_secret_key(Arc::clone(&secret)),
            Encryptor::with_public_key(Arc::clone(&public)),
        ] {
            let ciphertext = encryptor.encrypt(&plaintext, &mut rng).unwrap();
            forbid_phase(ciphertext.body(), &poly);
            let decrypted = decryptor.decrypt(&ciphertext).unwrap();
            let decoded = encoder.decode_complex(&decrypted).unwrap();
            forbid_decoded(&decoded);
            kept.push((decoded, encoder.decode(&decrypted).unwrap()));
            let bits = decryptor.measured_precision_bits(&ciphertext, &[]);
            assert_eq!(bits.unwrap(), f64::INFINITY);
            drop((decrypted, ciphertext));
        }
        check("encryption and decryption of reals");
    }
    let client = ClientKey::<Ckks>::from_secret_bytes(&secret.expose_secret_bytes(), &context);
    let client = client.unwrap();
    let vector = client.encrypt([0.25, -0.5]).unwrap();
    let decrypted = decryptor.decrypt(&vector.ciphertexts()[0]).unwrap();
    let decoded = encoder.decode_complex(&decrypted).unwrap();
    forbid_decoded(&decoded);
    kept.push((decoded, client.decrypt(&vector).unwrap()));
    drop((vector, decrypted));
    check("a short vector of reals");
    published(&client, &values);
    drop(client);
    stored_keys(&secret);
    // Contexts, and with them their pools of buffers, go last.
    drop((secret, generator, public, encoder, decryptor, context));
    check("a key and its context");
}

/// Of published values, what they were before the noise.
fn published(client: &ClientKey<Ckks>, values: &[f64]) {
    let vector = client.encrypt(values).unwrap();
    let raw = client.decrypt(&vector).unwrap();
    let words = raw.iter().map(|value| value.to_bits()).collect();
    forbid([words]);
    FOUND.store(0, Ordering::Relaxed);
    let mut publisher = client.publisher(Publication::bits(-10).unwrap());
    let public = publisher.decrypt(&vector).unwrap();
    drop((publisher, vector, public));
    check("published reals");
    // The caller's, and not searched.
    std::mem::forget(raw);
}

fn stored_keys(secret: &SecretKey) {
    let bytes = secret.expose_secret_bytes();
    let read = SecretKey::from_secret_bytes(&bytes, secret.context()).unwrap();
    drop((bytes, read));
    check("a stored key");
    // What a serializer copies is not searched for; what a deserializer has read of a text that is damaged near its end is.
    let mut text = serde_json::to_string(&secret.expose_secret()).unwrap();
    FOUND.store(0, Ordering::Relaxed);
    text.replace_range(text.len() - 8..text.len() - 7, "*");
    assert!(serde_json::from_str::<ExposedSecret>(&text).is_err());
    check("a damaged key");
}

fn integers() {
    let builder = BfvContext::builder()
        .degree(4096)
        .prime_bits(&[50, 40, 40, 50])
        .plaintext_modulus(65_537);
    let context = builder.insecure_skip_security_check().build().unwrap();
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut ChaCha20Rng::seed_from_u64(2));
    let poly = forbid_secret(&secret);
    FOUND.store(0, Ordering::Relaxed);
    let client = ClientKey::<Bfv>::from_secret_bytes(&secret.expose_secret_bytes(), &context);
    let client = client.unwrap();
    let vector = client.encrypt([1, -2, 3]).unwrap();
    forbid_phase(vector.ciphertexts()[0].body(), &poly);
    client.measured_noise_budget(&vector).unwrap();
    assert_eq!(client.decrypt(&vector).unwrap(), [1, -2, 3]);
    drop((client, vector, secret, context));
    check("integers");
}
