//! What the documented bytes mean, by a reader that knows `docs/wire_format.md` and nothing of the crate: its own unpacking, seeds,
//! transforms by the definition, and big integers.

use crate::objects::{BfvObjects, CkksObjects, rng};
use num_bigint::BigInt;
use num_complex::Complex64;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use slotwise::encryption::Encryptor;
use slotwise::keys::Rotations;
use slotwise::params::{Context, RlweParams};
use slotwise::prelude::*;
use std::f64::consts::PI;
use std::sync::Arc;

const HEADER: usize = 68;

/// The ring of an object.
struct Ring {
    degree: usize,
    primes: Vec<u64>,
}

/// One polynomial, by its coefficients as centred integers.
type Integers = Vec<BigInt>;

impl Ring {
    fn of(params: &RlweParams) -> Self {
        Self {
            degree: params.degree(),
            primes: [params.data_primes(), params.special_primes()].concat(),
        }
    }

    /// The residues of a row of b-bit numbers, the lowest bits first.
    fn unpack(&self, bytes: &[u8], bits: u32) -> Vec<u64> {
        let bit = |j: usize| u64::from(bytes[j / 8] >> (j % 8) & 1);
        let residue = |i: usize| {
            (0..bits as usize)
                .map(|k| bit(i * bits as usize + k) << k)
                .sum()
        };
        (0..self.degree).map(residue).collect()
    }

    /// The rows of a polynomial for the primes in `which`, and the bytes that they take.
    fn rows(&self, bytes: &[u8], which: &[usize]) -> (Vec<Vec<u64>>, usize) {
        let mut at = 0;
        let rows = which.iter().map(|&i| {
            let bits = u64::BITS - self.primes[i].leading_zeros();
            let length = self.degree * bits as usize / 8;
            at += length;
            self.unpack(&bytes[at - length..at], bits)
        });
        (rows.collect(), at)
    }

    /// Row i of uniform polynomial n of a seed.
    fn seeded(&self, seed: &[u8], n: u64, i: usize) -> Vec<u64> {
        let mut generator = ChaCha12Rng::from_seed(seed.try_into().unwrap());
        generator.set_stream((n << 32) + i as u64);
        let q = self.primes[i];
        let bits = (u64::BITS - q.leading_zeros()) as usize;
        // More than enough of the stream.
        let mut stream = vec![0; self.degree * bits + 1024];
        generator.fill_bytes(&mut stream);
        let bit = |j: usize| u64::from(stream[j / 8] >> (j % 8) & 1);
        let candidates = (0..).map(|n| (0..bits).map(|k| bit(n * bits + k) << k).sum());
        candidates
            .filter(|&candidate| candidate < q)
            .take(self.degree)
            .collect()
    }

    /// The coefficients modulo prime i of the polynomial with these values: value j is the one at `psi^(2 r(j) + 1)`.
    fn coefficients(&self, values: &[u64], i: usize) -> Vec<u64> {
        let (q, n) = (self.primes[i], self.degree);
        let psi = smallest_root(q, 2 * n as u64);
        let inverse = power(n as u64, q - 2, q);
        let backwards = power(psi, q - 2, q);
        let bits = n.trailing_zeros();
        let reversed = |j: usize| j.reverse_bits() >> (usize::BITS - bits);
        (0..n)
            .map(|k| {
                let term = |j: usize| {
                    let exponent = (k * (2 * reversed(j) + 1) % (2 * n)) as u64;
                    times(values[j], power(backwards, exponent, q), q)
                };
                times((0..n).fold(0, |sum, j| (sum + term(j)) % q), inverse, q)
            })
            .collect()
    }

    /// The centred integers with these residues, a row for each prime in `which`.
    fn compose(&self, rows: &[Vec<u64>], which: &[usize]) -> Integers {
        let product = self.product(which);
        (0..self.degree)
            .map(|k| {
                let sum: BigInt = rows
                    .iter()
                    .zip(which)
                    .map(|(row, &i)| {
                        let q = self.primes[i];
                        let others = &product / q;
                        let residue = u64::try_from(&others % q).unwrap();
                        others * times(row[k], power(residue, q - 2, q), q)
                    })
                    .sum();
                centred(&(sum % &product), &product)
            })
            .collect()
    }

    fn product(&self, which: &[usize]) -> BigInt {
        which
            .iter()
            .map(|&i| BigInt::from(self.primes[i]))
            .product()
    }

    /// A polynomial as its bytes have it.
    fn polynomial(&self, bytes: &[u8], which: &[usize]) -> (Integers, usize) {
        let (rows, length) = self.rows(bytes, which);
        let rows: Vec<Vec<u64>> = rows
            .iter()
            .zip(which)
            .map(|(row, &i)| self.coefficients(row, i))
            .collect();
        (self.compose(&rows, which), length)
    }

    /// The polynomial of a seed.
    fn uniform(&self, seed: &[u8], n: u64, which: &[usize]) -> Integers {
        let row = |&i: &usize| self.coefficients(&self.seeded(seed, n, i), i);
        self.compose(&which.iter().map(row).collect::<Vec<_>>(), which)
    }

    fn all(&self) -> Vec<usize> {
        (0..self.primes.len()).collect()
    }
}

fn times(a: u64, b: u64, q: u64) -> u64 {
    u64::try_from(u128::from(a) * u128::from(b) % u128::from(q)).unwrap()
}

fn power(base: u64, mut exponent: u64, q: u64) -> u64 {
    let (mut result, mut square) = (1, base % q);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, square, q);
        }
        square = times(square, square, q);
        exponent >>= 1;
    }
    result
}

/// The smallest primitive root of unity of this order, a power of two.
fn smallest_root(q: u64, order: u64) -> u64 {
    let root = (2..)
        .map(|base| power(base, (q - 1) / order, q))
        .find(|&root| power(root, order / 2, q) == q - 1)
        .unwrap();
    (1..order)
        .step_by(2)
        .map(|odd| power(root, odd, q))
        .min()
        .unwrap()
}

fn centred(x: &BigInt, modulus: &BigInt) -> BigInt {
    let residue = ((x % modulus) + modulus) % modulus;
    if &residue * 2 > *modulus {
        residue - modulus
    } else {
        residue
    }
}

/// `a b` modulo `X^N + 1`.
fn product(a: &[BigInt], b: &[BigInt]) -> Integers {
    let degree = a.len();
    let mut sums = vec![BigInt::ZERO; degree];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            match (i + j).checked_sub(degree) {
                None => sums[i + j] += x * y,
                Some(k) => sums[k] -= x * y,
            }
        }
    }
    sums
}

/// `a(X^g)`
fn automorphism(a: &[BigInt], g: usize) -> Integers {
    let degree = a.len();
    let mut image = vec![BigInt::ZERO; degree];
    for (k, x) in a.iter().enumerate() {
        let at = k * g % (2 * degree);
        if at < degree {
            image[at] = x.clone();
        } else {
            image[at - degree] = -x;
        }
    }
    image
}

fn secret_coefficients(bytes: &[u8]) -> Integers {
    let body = &bytes[HEADER + 8..bytes.len() - 4];
    let codes = body
        .iter()
        .flat_map(|byte| [0, 2, 4, 6].map(|shift| byte >> shift & 3));
    codes
        .map(|code| BigInt::from(i64::from(code) - 1))
        .collect()
}

/// `a + b` modulo the product of the primes in `which`, centred.
fn sum(a: &[BigInt], b: &[BigInt], modulus: &BigInt) -> Integers {
    let pairs = a.iter().zip(b);
    pairs.map(|(a, b)| centred(&(a + b), modulus)).collect()
}

fn assert_small(errors: &[BigInt]) {
    assert!(
        errors
            .iter()
            .all(|e| e.magnitude() <= BigInt::from(21).magnitude())
    );
    assert!(errors.iter().any(|e| *e != BigInt::ZERO));
}

#[test]
fn keys_are_what_the_document_says() {
    let objects = CkksObjects::new(64, 5);
    let params = objects.context.params().rlwe();
    let ring = Ring::of(params);
    let (all, modulus) = (ring.all(), ring.product(&ring.all()));
    let s = secret_coefficients(&objects.secret.expose_secret_bytes());

    // b + a s = e
    let bytes = objects.public.to_bytes();
    assert_eq!(bytes[HEADER], 1, "from a seed");
    let (seed, rest) = bytes[HEADER + 1..].split_at(32);
    let a = ring.uniform(seed, 0, &all);
    let (b, _) = ring.polynomial(rest, &all);
    assert_small(&sum(&b, &product(&a, &s), &modulus));

    // b_j + a_j s_to = P g_j s_from + e
    let count = params.data_primes().len();
    let special: BigInt = ring.product(&(count..ring.primes.len()).collect::<Vec<_>>());
    let top = u8::try_from(params.level_sizes().len() - 1).unwrap();
    let whole = [
        top,
        0,
        u8::try_from(params.special_primes().len()).unwrap(),
        1,
    ];
    let check = |body: &[u8], from: &Integers, to: &Integers| {
        let (span, body) = body.split_at(4);
        assert_eq!(span, whole, "the whole span, from a seed");
        let digits = params.digit_sizes();
        let mut at = 32;
        // All digits of the first prime before the second.
        let mut halves = vec![Vec::new(); digits.len()];
        for i in 0..ring.primes.len() {
            for half in &mut halves {
                let (rows, length) = ring.rows(&body[at..], &[i]);
                half.push(ring.coefficients(&rows[0], i));
                at += length;
            }
        }
        let mut start = 0;
        for (j, half) in halves.iter().enumerate() {
            let (b, a) = (
                ring.compose(half, &all),
                ring.uniform(&body[..32], j as u64, &all),
            );
            // P g_j: P modulo the digit's primes, 0 modulo all others.
            let gadget = (start..start + digits[j]).map(|i| {
                let q = ring.primes[i];
                let others = &modulus / q;
                let residue = u64::try_from(&others % q).unwrap();
                let p = u64::try_from(&special % q).unwrap();
                others * times(p, power(residue, q - 2, q), q)
            });
            let gadget = centred(&gadget.sum(), &modulus);
            let scaled: Integers = from.iter().map(|x| -(x * &gadget)).collect();
            let phase = sum(&b, &product(&a, to), &modulus);
            assert_small(&sum(&phase, &scaled, &modulus));
            start += digits[j];
        }
    };
    let relinearization = objects.keys.relinearization().unwrap().to_bytes();
    let (purpose, body) = relinearization[HEADER..].split_at(17);
    assert_eq!(purpose[0], 0);
    assert_eq!(purpose[1..], relinearization[48..64]);
    check(body, &product(&s, &s), &s);
    for element in objects.keys.galois().elements() {
        let bytes = objects.keys.galois().get(element).unwrap().to_bytes();
        let g = u64::from_le_bytes(bytes[HEADER..HEADER + 8].try_into().unwrap());
        let g = usize::try_from(g).unwrap();
        let inverse = (1..128).step_by(2).find(|h| h * g % 128 == 1).unwrap();
        check(&bytes[HEADER + 8..], &s, &automorphism(&s, inverse));
    }
}

/// The phase of a ciphertext of two or three polynomials in the plain, seeded or fresh form, `fields` bytes before them.
fn phase(ring: &Ring, bytes: &[u8], fields: usize, s: &Integers) -> (Integers, BigInt) {
    let body = &bytes[HEADER..];
    let level = usize::from(u16::from_le_bytes([body[0], body[1]]));
    let which: Vec<usize> = (0..=level).collect();
    let modulus = ring.product(&which);
    let mut at = 7 + fields;
    let mut polys = Vec::new();
    if body[3] == 1 {
        let seed = &body[at..at + 32];
        polys.push(ring.polynomial(&body[at + 32..], &which).0);
        polys.push(ring.uniform(seed, 0, &which));
    } else {
        for _ in 0..body[2] {
            let (poly, length) = ring.polynomial(&body[at..], &which);
            at += length;
            polys.push(poly);
        }
    }
    let mut phase = polys.pop().unwrap();
    while let Some(next) = polys.pop() {
        phase = sum(&next, &product(&phase, s), &modulus);
    }
    (phase, modulus)
}

#[test]
fn ckks_ciphertexts_are_what_the_document_says() {
    let objects = CkksObjects::new(64, 6);
    let ring = Ring::of(objects.context.params().rlwe());
    let s = secret_coefficients(&objects.secret.expose_secret_bytes());
    let fresh = Encryptor::with_public_key(Arc::new(
        slotwise::keys::PublicKey::from_bytes(&objects.public.to_bytes(), objects.context.rlwe())
            .unwrap(),
    ));
    let fresh = fresh.encrypt(&objects.plaintext, &mut rng(9)).unwrap();
    assert_eq!(fresh.to_bytes()[HEADER + 3], 3);
    let squares = [2.25, 4.0, 0.0625];
    for (ciphertext, want) in [
        (&objects.seeded, [1.5, -2.0, 0.25]),
        (&fresh, [1.5, -2.0, 0.25]),
        (&objects.computed, squares),
        (&objects.raw_product, squares),
    ] {
        let bytes = ciphertext.to_bytes();
        let meaning = &bytes[HEADER + 7..];
        let mantissa = u128::from_le_bytes(meaning[..16].try_into().unwrap());
        let exponent = i64::from_le_bytes(meaning[16..24].try_into().unwrap());
        let scale = (mantissa as f64) * (exponent as f64).exp2();
        let noise = f64::from_le_bytes(meaning[32..40].try_into().unwrap());
        let (phase, _) = phase(&ring, &bytes, 40, &s);
        for (j, want) in (0..).zip(want) {
            // Slot j: the value at exp(i pi 5^j / N).
            let exponent = (0..j).fold(1usize, |power, _| power * 5 % 128);
            let root = |k: usize| Complex64::cis(PI * ((exponent * k) % 128) as f64 / 64.0);
            let terms = phase.iter().enumerate();
            let value: Complex64 = terms
                .map(|(k, c)| root(k) * c.to_string().parse::<f64>().unwrap())
                .sum();
            let error = (value - want * scale).norm();
            assert!(error <= noise.exp2() + scale * 1e-12, "slot {j}: {error:e}");
        }
    }
}

#[test]
fn bfv_ciphertexts_are_what_the_document_says() {
    let objects = BfvObjects::new(64, 7);
    let ring = Ring::of(objects.context.params().rlwe());
    let t = objects.context.params().plaintext_modulus();
    let s = secret_coefficients(&objects.secret.expose_secret_bytes());
    let psi = smallest_root(t, 128);
    for (ciphertext, want) in [
        (&objects.seeded, [7, -3, 11]),
        (&objects.computed, [49, 9, 121]),
        (&objects.raw_product, [49, 9, 121]),
    ] {
        let (phase, modulus) = phase(&ring, &ciphertext.to_bytes(), 36, &s);
        // m = round(t phase / Q) modulo t
        let message = phase.iter().map(|x| {
            let numerator: BigInt = (x * t) * 2 + &modulus;
            let doubled: BigInt = &modulus * 2;
            let floor = (&numerator - ((&numerator % &doubled) + &doubled) % &doubled) / &doubled;
            u64::try_from(((floor % t) + t) % t).unwrap()
        });
        let message: Vec<u64> = message.collect();
        let at = |exponent: u64| {
            let terms = (0..).zip(&message);
            terms.fold(0, |sum, (k, &m)| {
                (sum + times(m, power(psi, exponent * k % 128, t), t)) % t
            })
        };
        for (j, want) in (0..).zip(want) {
            let exponent = (0..j).fold(1, |power, _| power * 5 % 128);
            assert_eq!(
                at(exponent),
                i64::rem_euclid(want, t as i64) as u64,
                "slot {j}"
            );
            // The second row is empty in these objects.
            assert_eq!(at(128 - exponent), 0, "slot {j} of the second row");
        }
    }
}

/// A rotation to the left by 1 is the automorphism of 5.
#[test]
fn a_rotation_by_one_is_the_automorphism_of_five() {
    let context: &Arc<Context> = &CkksObjects::new(64, 8).context.rlwe().clone();
    let mut rng = rng(3);
    let secret = slotwise::keys::KeyGenerator::secret_key(context, &mut rng);
    let generator = slotwise::keys::KeyGenerator::new(&secret);
    for (step, element) in [(1, 5), (2, 25), (-1, 77), (31, 77)] {
        let keys = generator
            .galois_keys(&Rotations::steps(&[step]), &mut rng)
            .unwrap();
        let exponents: Vec<u64> = keys.elements().map(|element| element.exponent()).collect();
        assert_eq!(exponents, [element], "step {step}");
    }
}

/// Where values lie, and that the rest is zero.
#[test]
fn vectors_lie_in_slots_as_the_document_says() {
    let objects = BfvObjects::new(64, 9);
    let client = objects.context.generate_client_key().unwrap();
    let decryptor = slotwise::encryption::Decryptor::new(
        &slotwise::keys::SecretKey::from_secret_bytes(
            &client.expose_secret_bytes(),
            objects.context.rlwe(),
        )
        .unwrap(),
    );
    let encoder = slotwise::encoding::BfvEncoder::new(&objects.context);
    for length in [1usize, 3, 5, 8, 31, 32, 33, 64, 70, 130] {
        let values: Vec<i64> = (1..=length as i64).collect();
        let vector = client.encrypt(&values).unwrap();
        let slots = vector.ciphertexts().iter().flat_map(|ciphertext| {
            encoder
                .decode(&decryptor.decrypt(ciphertext).unwrap())
                .unwrap()
        });
        for (slot, found) in slots.enumerate() {
            let index = if length <= 32 {
                slot % 32 % length.next_power_of_two()
            } else {
                slot
            };
            assert_eq!(
                found,
                values.get(index).copied().unwrap_or(0),
                "{length} values, slot {slot}"
            );
        }
    }
}
