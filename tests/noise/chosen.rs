//! Plaintexts chosen for the worst rounding: encoding rounds deterministically, so whoever chooses values chooses errors.

use crate::rings::{Bfv, Ckks};
use crate::trials;
use num_bigint::{BigInt, BigUint};
use num_complex::Complex64;
use rand::RngExt;
use slotwise::Result;
use slotwise::encoding::CkksPlaintext;
use slotwise::params::{BfvContext, CkksContext, Scale};
use std::f64::consts::PI;

fn ckks(degree: usize) -> Ckks {
    let context = CkksContext::builder()
        .degree(degree)
        .prime_bits(&[60, 40, 40, 60])
        .scale_bits(40)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    Ckks::new(&context, degree as u64)
}

/// The root that slot j is at.
fn root(j: usize, degree: usize) -> Complex64 {
    let exponent = (0..j).fold(1, |power, _| power * 5 % (2 * degree));
    Complex64::cis(PI * exponent as f64 / degree as f64)
}

/// All roots, in the order of slots.
fn roots(degree: usize) -> Vec<Complex64> {
    let mut exponent = 1;
    (0..degree / 2)
        .map(|_| {
            let root = Complex64::cis(PI * exponent as f64 / degree as f64);
            exponent = exponent * 5 % (2 * degree);
            root
        })
        .collect()
}

/// A plaintext whose coefficients are all just short of half a unit, and its slots: all are rounded away.
fn all_rounded_down(
    ring: &Ckks,
    level: usize,
    scale: Scale,
) -> Result<(CkksPlaintext, Vec<Complex64>)> {
    let degree = ring.context.degree();
    let coefficient = 0.499_999 / scale.to_f64();
    let plaintext =
        ring.evaluator
            .encoder()
            .encode_coefficients(&vec![coefficient; degree], level, scale)?;
    // 1 + X + ... + X^(N-1) at a root is 2 / (1 - root).
    let slots = roots(degree)
        .iter()
        .map(|root| 2.0 * coefficient / (1.0 - root))
        .collect();
    Ok((plaintext, slots))
}

#[test]
fn slots_are_where_the_documentation_says() {
    let all = roots(64);
    for j in [0, 1, 7, 31] {
        assert!((all[j] - root(j, 64)).norm() < 1e-12);
    }
}

#[test]
fn products_with_plaintexts_that_all_round_the_same_way() -> Result<()> {
    for degree in [64, 1024, 8192, 32_768] {
        let mut ring = ckks(degree);
        let top = ring.context.top_level();
        for (scale_bits, magnitude) in [(40, 1000.0), (20, 3.0), (12, 1000.0)] {
            let scale = Scale::power_of_two(scale_bits);
            let (plaintext, slots) = all_rounded_down(&ring, top, scale)?;
            let x = vec![Complex64::new(magnitude, 0.0); degree / 2];
            let x = ring.encrypt(&x, top, Scale::power_of_two(40));
            let product = ring.evaluator.mul_plain(&x, &plaintext)?;
            ring.check("a product", &product, |j| magnitude * slots[j]);
            let rescaled = ring.evaluator.rescale(&product)?;
            ring.check("rescaled", &rescaled, |j| magnitude * slots[j]);
        }
    }
    Ok(())
}

#[test]
fn sums_of_plaintexts_that_all_round_the_same_way() -> Result<()> {
    for degree in [64, 1024, 8192] {
        let ring = &mut ckks(degree);
        let (top, scale) = (ring.context.top_level(), Scale::power_of_two(40));
        let (plaintext, slots) = all_rounded_down(ring, top, scale)?;
        let zero = vec![Complex64::ZERO; degree / 2];
        let zero = ring.evaluator.encoder().encode_complex(&zero, top, scale)?;
        let mut sum = ring.keys.secret.encrypt(&zero, &mut ring.rng)?;
        for count in 1..=100 {
            sum = if count % 2 == 0 {
                ring.evaluator
                    .sub_plain(&ring.evaluator.negate(&sum)?, &plaintext)?
            } else {
                ring.evaluator
                    .add_plain(&ring.evaluator.negate(&sum)?, &plaintext)?
            };
        }
        // The signs alternate with the sum's: -(s) + p, then -(s') - p.
        let sign = |count: i32| if count % 2 == 0 { -1.0 } else { 1.0 };
        let total = (1..=100).fold(0.0, |sum: f64, count| -sum + sign(count));
        ring.check("a sum", &sum, |j| total * slots[j]).unwrap();
    }
    Ok(())
}

#[test]
fn lone_spikes_at_small_scales() -> Result<()> {
    for degree in [64, 1024, 8192, 32_768] {
        let mut ring = ckks(degree);
        let (top, half) = (ring.context.top_level(), degree / 2);
        let x = ring.encrypt(
            &vec![Complex64::new(1000.0, 0.0); half],
            top,
            Scale::power_of_two(40),
        );
        for bits in 10..=16 {
            // A spike has coefficients of 2 / N of its height: of the first height here all are rounded away.
            for part in [0.499, 0.9, 1.499, 7.7] {
                for at in [0, 1, half / 2, half - 1] {
                    let height = part * half as f64 * (-f64::from(bits)).exp2();
                    let mut slots = vec![Complex64::ZERO; half];
                    slots[at] = Complex64::from_polar(height, 0.7 * part);
                    let scale = Scale::power_of_two(bits);
                    let plaintext = ring
                        .evaluator
                        .encoder()
                        .encode_complex(&slots, top, scale)?;
                    let product = ring.evaluator.mul_plain(&x, &plaintext)?;
                    ring.check("a spike", &product, |j| 1000.0 * slots[j]);
                }
            }
        }
    }
    Ok(())
}

fn bfv(degree: usize, bits: &[u32], t: u64) -> BfvContext {
    BfvContext::builder()
        .degree(degree)
        .prime_bits(bits)
        .plaintext_modulus(t)
        .insecure_skip_security_check()
        .build()
        .unwrap()
}

/// A message whose encoding is rounded by almost a half, upwards in coefficient k where `up(k)`.
fn rounded_by_halves(ring: &Bfv, up: impl Fn(usize) -> bool) -> Vec<u64> {
    let t = BigUint::from(ring.t());
    let primes = ring.context.params().rlwe().data_primes();
    let modulus: BigUint = primes.iter().map(|&q| BigUint::from(q)).product();
    // round(Q m / t) is off by r / t with r = Q m mod t, centred: choose r, then m.
    let inverse = BigInt::from(modulus.modinv(&t).unwrap());
    let half = BigInt::from((ring.t() - 1) / 2);
    let message = |r: &BigInt| {
        let m: BigInt = ((r * &inverse) % BigInt::from(t.clone()) + BigInt::from(t.clone()))
            % BigInt::from(t.clone());
        u64::try_from(m).unwrap()
    };
    let (above, below) = (message(&half), message(&-half));
    (0..ring.context.slots())
        .map(|k| if up(k) { above } else { below })
        .collect()
}

/// The product with a polynomial whose coefficients are 1 and -1, modulo t.
fn times_signs(message: &[u64], signs: &[i64], t: u64) -> Vec<u64> {
    let degree = message.len();
    let mut sums = vec![0i128; degree];
    for (i, &m) in message.iter().enumerate() {
        for (j, &sign) in signs.iter().enumerate() {
            let term = i128::from(m) * i128::from(sign);
            match (i + j).checked_sub(degree) {
                None => sums[i + j] += term,
                Some(k) => sums[k] -= term,
            }
        }
    }
    sums.iter()
        .map(|sum| sum.rem_euclid(t.into()) as u64)
        .collect()
}

/// Hundreds of plaintexts, all rounded by halves in directions that a product with signs adds up in one coefficient.
fn chosen_roundings(context: &BfvContext, seed: u64, additions: usize) {
    let mut ring = Bfv::new(context, seed);
    let (degree, t) = (context.slots(), ring.t());
    let signs: Vec<i64> = (0..degree)
        .map(|_| if ring.rng.random() { -1 } else { 1 })
        .collect();
    // Coefficient 0 of v p is v_0 p_0 - sum over k > 0 of v_k p_(N - k).
    let message = rounded_by_halves(&ring, |k| {
        let sign = if k == 0 { signs[0] } else { -signs[degree - k] };
        sign > 0
    });
    let plaintext = ring.encode(&message);
    let zero = vec![0; degree];
    for secret in [false, true] {
        let mut sum = if secret {
            ring.encrypt_secret(&zero)
        } else {
            ring.encrypt(&zero)
        };
        for _ in 0..additions {
            sum = ring.evaluator.add_plain(&sum, &plaintext).unwrap();
        }
        let added = message
            .iter()
            .map(|&m| (u128::from(m) * additions as u128 % u128::from(t)) as u64);
        let added: Vec<u64> = added.collect();
        assert_eq!(ring.decrypt(&sum).unwrap(), added);
        let factor = ring.encoder.encode_coefficients(&signs).unwrap();
        let product = ring.evaluator.mul_plain(&sum, &factor).unwrap();
        let want = times_signs(&added, &signs, t);
        if let Some(found) = ring.decrypt(&product) {
            assert_eq!(found, want);
        }
        ring.use_up(&product, &want);
    }
}

#[test]
fn plaintext_sums_with_chosen_rounding_signs() {
    for seed in 0..trials(20) as u64 {
        chosen_roundings(&bfv(64, &[50, 50], 65_537), seed, 300);
        chosen_roundings(&bfv(64, &[50, 50], 3), seed, 300);
    }
    chosen_roundings(&bfv(1024, &[60, 60], (1 << 40) - 87), 1, 300);
    // One prime, and a plaintext modulus that leaves few bits.
    chosen_roundings(&bfv(8192, &[60, 60], (1 << 41) - 21), 2, 300);
}

/// A fresh ciphertext whose rounding, message and key meet at one root, squared: the rounding is not random there.
#[test]
fn squares_of_messages_with_chosen_roundings() {
    for seed in 0..trials(20) as u64 {
        for (degree, bits) in [(64, [50; 6]), (256, [50; 6])] {
            let mut ring = Bfv::new(&bfv(degree, &bits, 65_537), seed);
            let message = rounded_by_halves(&ring, |_| true);
            for secret in [false, true] {
                let mut power = if secret {
                    ring.encrypt_secret(&message)
                } else {
                    ring.encrypt(&message)
                };
                let mut want = message.clone();
                while power.levels_left() > 0 {
                    power = ring.evaluator.square(&power).unwrap();
                    want = crate::rings::product(&want, &want, 65_537);
                    assert!(ring.decrypt(&power).unwrap() == want);
                }
                ring.use_up(&power, &want);
            }
        }
    }
}
