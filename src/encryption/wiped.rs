//! What goes back to the pool tells nothing about secrets: after every operation that has one, panics included, all pooled buffers
//! are searched for what the operation computed with.

use crate::encoding::{BfvEncoder, CkksEncoder};
use crate::encryption::{BfvCiphertext, Ciphertext, CkksCiphertext, Decryptor, Encryptor};
use crate::keys::{KeyGenerator, PublicKey, Rotations, SecretKey};
use crate::params::{BfvContext, CkksContext, Context};
use crate::ring::{
    CoeffPoly, NttPermutation, NttPoly, RnsBasis, SEED_BYTES, centred_binomial_coefficients,
    expand_seed, row_stride, ternary_coefficients,
};
use rand::{Rng, SeedableRng, TryCryptoRng, TryRng};
use rand_chacha::ChaCha20Rng;
use std::collections::HashSet;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// How many words in a row are taken for a find.
const WINDOW: usize = 6;

/// Rows that must not be found, by their windows.
#[derive(Default)]
pub(crate) struct Forbidden {
    windows: HashSet<[u64; WINDOW]>,
}

impl Forbidden {
    pub(crate) fn add_row(&mut self, row: &[u64]) {
        let windows = row.windows(WINDOW).map(|window| window.try_into().unwrap());
        // A run of zeros is in every buffer.
        self.windows
            .extend(windows.filter(|window: &[u64; WINDOW]| window.iter().any(|&x| x != 0)));
    }

    /// A polynomial in both forms, and what decryption makes of it.
    pub(crate) fn add(&mut self, poly: &NttPoly) {
        let coefficients = poly.clone().into_coeff();
        for i in 0..poly.basis().len() {
            self.add_row(poly.row(i));
            self.add_row(coefficients.row(i));
        }
    }

    pub(crate) fn add_small(&mut self, basis: &Arc<RnsBasis>, coefficients: &[i64]) {
        self.add(&CoeffPoly::from_signed(basis, coefficients).into_ntt());
    }

    /// Searches all buffers of the context's pool.
    #[track_caller]
    pub(crate) fn check(&self, context: &Context, what: &str) {
        assert!(self.windows.len() > 100, "{what}: nothing to look for");
        let buffers = context.key_basis().pool().contents();
        assert!(!buffers.is_empty(), "{what}: nothing to look in");
        for buffer in buffers {
            for window in buffer.windows(WINDOW) {
                let window: &[u64; WINDOW] = window.try_into().unwrap();
                assert!(!self.windows.contains(window), "{what} left a secret");
            }
        }
    }
}

/// A generator that panics once so many bytes are drawn.
struct Failing {
    inner: ChaCha20Rng,
    left: usize,
}

impl TryRng for Failing {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.inner.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.inner.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.left = self.left.checked_sub(bytes.len()).expect("as it was told");
        self.inner.fill_bytes(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Failing {}

fn ckks() -> CkksContext {
    let builder = CkksContext::builder()
        .degree(64)
        .prime_bits(&[50, 40, 40, 40, 45, 45])
        .special_primes(2)
        .scale_bits(40);
    builder.insecure_skip_security_check().build().unwrap()
}

fn bfv() -> BfvContext {
    let builder = BfvContext::builder()
        .degree(64)
        .prime_bits(&[50, 40, 40, 45, 45])
        .special_primes(2)
        .plaintext_modulus(65_537);
    builder.insecure_skip_security_check().build().unwrap()
}

fn key(context: &Arc<Context>, rng: &mut ChaCha20Rng) -> (Arc<SecretKey>, Forbidden) {
    let secret = KeyGenerator::secret_key(context, rng);
    let mut forbidden = Forbidden::default();
    let poly = secret_poly(&secret);
    forbidden.add(&poly);
    forbidden.add(&poly.product(&poly));
    (secret, forbidden)
}

/// A copy of the secret whose buffer this test leaves alone.
pub(crate) fn secret_poly(secret: &SecretKey) -> NttPoly {
    let basis = secret.context().key_basis();
    let rows: Vec<u64> = (0..basis.len())
        .flat_map(|i| secret.poly().row(i).to_vec())
        .collect();
    // A basis of its own has a pool of its own.
    let own = Arc::new(RnsBasis::new(basis.degree(), &basis.primes()).unwrap());
    NttPoly::from_rows(&own, &rows)
}

fn own_copy(poly: &NttPoly) -> NttPoly {
    let own = Arc::new(RnsBasis::new(poly.basis().degree(), &poly.basis().primes()).unwrap());
    NttPoly::from_rows(&own, poly.data())
}

/// `c_0 + c_1 s`, outside the context's pool.
fn phase(body: &Ciphertext, secret: &SecretKey) -> NttPoly {
    let [c0, c1] = [0, 1].map(|i| own_copy(&body.polys()[i]));
    let mut phase = c1.product(&secret_poly(secret));
    phase.add_assign(&c0);
    phase
}

#[test]
fn key_generation_leaves_nothing() {
    let context = ckks();
    let context = context.rlwe();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (secret, mut forbidden) = key(context, &mut rng);
    let poly = secret_poly(&secret);
    let generator = KeyGenerator::new(&secret);
    let public = generator.public_key(&mut rng).unwrap();
    let (a, b) = (own_copy(&public.a), own_copy(&public.b));
    let product = a.product(&poly);
    let mut error = b;
    error.add_assign(&product);
    forbidden.add(&product);
    forbidden.add(&error);
    forbidden.check(context, "a public key");
    for element in Rotations::steps(&[1]).and_conjugation().elements(64) {
        let degree = context.degree();
        forbidden.add(&poly.automorphism(&NttPermutation::new(element.inverse(degree), degree)));
    }
    let rotations = Rotations::steps(&[1]).and_conjugation();
    let keys = generator.evaluation_keys(&rotations, &mut rng).unwrap();
    let relinearization = keys.relinearization().unwrap().switching_key();
    for number in (0..).take(context.params().digit_sizes().len()) {
        let a: NttPoly = expand_seed(poly.basis(), &relinearization.seed().unwrap(), number);
        forbidden.add(&a.product(&poly));
    }
    for element in keys.galois().elements() {
        let seed = keys
            .galois()
            .get(element)
            .unwrap()
            .switching_key()
            .seed()
            .unwrap();
        let inverse = element.inverse(context.degree());
        let to = poly.automorphism(&NttPermutation::new(inverse, context.degree()));
        for number in (0..).take(context.params().digit_sizes().len()) {
            let a: NttPoly = expand_seed(poly.basis(), &seed, number);
            forbidden.add(&a.product(&to));
        }
    }
    forbidden.check(context, "evaluation keys");
    drop(keys);
    drop((generator, secret));
    forbidden.check(context, "a key");
}

/// All that a public-key encryption with the generator `rng` computes with.
fn forbid_public_encryption(
    forbidden: &mut Forbidden,
    (context, level): (&Context, usize),
    public: &PublicKey,
    rng: &mut ChaCha20Rng,
) {
    let basis = context.key_basis();
    let own = Arc::new(RnsBasis::new(basis.degree(), &basis.primes()).unwrap());
    let mask = ternary_coefficients(context.degree(), rng);
    forbidden.add_small(&own, &mask);
    let mask = CoeffPoly::from_signed(&own, &mask).into_ntt();
    for half in [&public.b, &public.a] {
        let errors = centred_binomial_coefficients(context.degree(), rng);
        forbidden.add_small(&own, &errors);
        let mut masked = own_copy(half).product(&mask);
        forbidden.add(&masked);
        masked.add_assign(&CoeffPoly::from_signed(&own, &errors).into_ntt());
        forbidden.add(&masked);
        // The remainder that the division takes off, centred, less the errors.
        let switching = context.key_switching(level).unwrap();
        let head = own.slice(0..level + 1);
        let divider = crate::ring::TailDivider::new(
            &Arc::new(head),
            &own.moduli()[context.top_level() + 1..],
        );
        assert_eq!(switching.divider.head().len(), level + 1);
        let coefficients = masked.clone().into_coeff();
        let mut weights = vec![0; divider.weights_length()];
        divider.fill_weights(&mut weights, |i, row| {
            row.copy_from_slice(coefficients.row(context.top_level() + 1 + i));
        });
        weights
            .chunks(row_stride(context.degree()))
            .for_each(|row| forbidden.add_row(&row[..context.degree()]));
        for i in 0..=level {
            let mut remainder = vec![0; context.degree()];
            divider.remainder_rows(i, &weights, &mut remainder);
            forbidden.add_row(&remainder);
            let q = own.modulus(i);
            for (x, &error) in remainder.iter_mut().zip(errors.iter()) {
                *x = q.sub(*x, q.reduce_signed(error));
            }
            forbidden.add_row(&remainder);
            own.table(i).forward(&mut remainder);
            forbidden.add_row(&remainder);
        }
    }
}

#[test]
fn encryption_leaves_nothing() {
    let context = ckks();
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let (secret, mut forbidden) = key(context.rlwe(), &mut rng);
    let public = Arc::new(KeyGenerator::new(&secret).public_key(&mut rng).unwrap());
    for level in [3, 1] {
        let plaintext = CkksEncoder::new(&context)
            .encode(&[1.0, 2.0], level)
            .unwrap();
        let mut replay = rng.clone();
        let encryptor = Encryptor::with_public_key(Arc::clone(&public));
        encryptor.encrypt(&plaintext, &mut rng).unwrap();
        let at = (&**context.rlwe(), level);
        forbid_public_encryption(&mut forbidden, at, &public, &mut replay);
        forbidden.check(context.rlwe(), "encryption with the public key");

        let mut replay = rng.clone();
        let encryptor = Encryptor::with_secret_key(Arc::clone(&secret));
        let ciphertext = encryptor.encrypt(&plaintext, &mut rng).unwrap();
        replay.fill_bytes(&mut [0; SEED_BYTES]);
        let errors = centred_binomial_coefficients(64, &mut replay);
        let own = own_copy(&ciphertext.body().polys()[0]);
        forbidden.add_small(own.basis(), &errors);
        forbidden.add(&own_copy(&ciphertext.body().polys()[1]).product(&secret_poly(&secret)));
        forbidden.check(context.rlwe(), "encryption with the secret key");
    }
}

#[test]
fn decryption_leaves_nothing() {
    let context = ckks();
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let (secret, mut forbidden) = key(context.rlwe(), &mut rng);
    let (encoder, decryptor) = (CkksEncoder::new(&context), Decryptor::new(&secret));
    let encryptor = Encryptor::with_secret_key(Arc::clone(&secret));
    // One, two and three primes decode in different ways.
    for bits in [40, 60, 100] {
        let scale = crate::params::Scale::power_of_two(bits);
        let values = [num_complex::Complex64::new(1.0, 0.5); 32];
        let plaintext = encoder.encode_complex(&values, 3, scale).unwrap();
        let ciphertext: CkksCiphertext = encryptor.encrypt(&plaintext, &mut rng).unwrap();
        forbidden.add(&phase(ciphertext.body(), &secret));
        let decrypted = decryptor.decrypt(&ciphertext).unwrap();
        let copy = decrypted.clone();
        encoder.decode(&decrypted).unwrap();
        encoder.decode_coefficients(&copy).unwrap();
        drop((decrypted, copy));
        forbidden.check(context.rlwe(), "decryption and decoding of reals");
    }

    let context = bfv();
    let (secret, mut forbidden) = key(context.rlwe(), &mut rng);
    let (encoder, decryptor) = (BfvEncoder::new(&context), Decryptor::new(&secret));
    let encryptor = Encryptor::with_secret_key(Arc::clone(&secret));
    let plaintext = encoder.encode(&[1, -2, 3]).unwrap();
    let ciphertext: BfvCiphertext = encryptor.encrypt(&plaintext, &mut rng).unwrap();
    let mut phase = phase(ciphertext.body(), &secret);
    forbidden.add(&phase);
    let tables = context.level(2).unwrap();
    let coefficients = phase.clone().into_coeff();
    // For a noise budget.
    phase.scale(&tables.plain_residues);
    forbidden.add(&phase);
    let mut weights = vec![0; tables.to_plain.centred_length(64)];
    tables.to_plain.centred_weights(&mut weights, |i, row| {
        row.copy_from_slice(coefficients.row(i));
    });
    weights
        .chunks(row_stride(64))
        .for_each(|row| forbidden.add_row(&row[..64]));
    decryptor.decrypt(&ciphertext).unwrap();
    forbidden.check(context.rlwe(), "decryption of integers");
    decryptor.measured_noise_budget(&ciphertext).unwrap();
    forbidden.check(context.rlwe(), "a noise budget");
}

/// A generator that fails in the middle of each operation.
#[test]
fn panics_leave_nothing() {
    let context = ckks();
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let (secret, mut forbidden) = key(context.rlwe(), &mut rng);
    let generator = KeyGenerator::new(&secret);
    let public = Arc::new(generator.public_key(&mut rng).unwrap());
    let plaintext = CkksEncoder::new(&context).encode(&[1.0], 3).unwrap();
    for left in (0..3000).step_by(100) {
        let failing = || Failing {
            inner: ChaCha20Rng::seed_from_u64(left as u64),
            left,
        };
        let mut replay = ChaCha20Rng::seed_from_u64(left as u64);
        let at = (&**context.rlwe(), 3);
        forbid_public_encryption(&mut forbidden, at, &public, &mut replay);
        let attempts: [&dyn Fn(); 4] = [
            &|| {
                drop(
                    Encryptor::with_public_key(Arc::clone(&public))
                        .encrypt(&plaintext, &mut failing()),
                )
            },
            &|| {
                drop(
                    Encryptor::with_secret_key(Arc::clone(&secret))
                        .encrypt(&plaintext, &mut failing()),
                )
            },
            &|| drop(generator.public_key(&mut failing())),
            &|| drop(generator.evaluation_keys(&Rotations::steps(&[1]), &mut failing())),
        ];
        for attempt in attempts {
            // Many of these fail; none is expected to leave anything.
            let _ = catch_unwind(AssertUnwindSafe(attempt));
        }
        forbidden.check(context.rlwe(), "an operation that failed");
    }
}
