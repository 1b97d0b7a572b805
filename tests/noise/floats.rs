//! CKKS bounds where f64 is what limits: huge and tiny scales, huge and exact values.

use crate::rings::Ckks;
use crate::trials;
use num_complex::Complex64;
use rand::RngExt;
use slotwise::encryption::CkksCiphertext;
use slotwise::params::{CkksContext, Scale};
use slotwise::prelude::{Ckks as CkksScheme, CkksVector, ClientKey};
use slotwise::{Error, PrecisionError, Result, ValueError};

/// A ring with 28 primes of 60 bits.
fn wide(degree: usize) -> Ckks {
    let context = CkksContext::builder()
        .degree(degree)
        .prime_bits(&[60; 29])
        .scale_bits(50)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    Ckks::new(&context, degree as u64)
}

/// `2^bits`, for any sign.
fn power_of_two(bits: i32) -> Scale {
    let one = Scale::power_of_two(0);
    if bits < 0 {
        one / Scale::power_of_two(bits.unsigned_abs())
    } else {
        Scale::power_of_two(bits.unsigned_abs())
    }
}

#[test]
fn scales_beyond_f64_encode_and_decode() -> Result<()> {
    let mut ring = wide(64);
    let top = ring.context.top_level();
    let slots: Vec<Complex64> = (0..32)
        .map(|j| Complex64::new(1.0 + f64::from(j), 0.5))
        .collect();
    for bits in [60, 200, 1000, 1022, 1023, 1024, 1025, 1100, 1500, 1670] {
        let x = ring.encrypt(&slots, top, power_of_two(bits));
        ring.check(&format!("2^{bits}"), &x, |j| slots[j]).unwrap();
    }
    Ok(())
}

#[test]
fn unrescaled_products_keep_their_value() -> Result<()> {
    let mut ring = wide(64);
    let top = ring.context.top_level();
    let slots: Vec<Complex64> = (0..32)
        .map(|j| Complex64::new(1.0 + f64::from(j) / 64.0, 0.0))
        .collect();
    let plaintext =
        ring.evaluator
            .encoder()
            .encode_complex(&slots, top, Scale::power_of_two(120))?;
    let mut x = ring.encrypt(&slots, top, Scale::power_of_two(120));
    let mut power = 1;
    loop {
        ring.check(&format!("power {power}"), &x, |j| slots[j].powi(power))
            .unwrap();
        match ring.evaluator.mul_plain(&x, &plaintext) {
            Ok(product) => x = product,
            Err(error) => {
                assert!(
                    matches!(
                        error,
                        Error::Precision(PrecisionError::ScaleTooLarge { .. })
                    ),
                    "{error}"
                );
                break;
            }
        }
        power += 1;
    }
    assert!(power >= 11, "{power}");
    Ok(())
}

#[test]
fn scales_below_f64_hold_zeros_and_nothing_else() -> Result<()> {
    let ring = &mut wide(64);
    let top = ring.context.top_level();
    for bits in [-20, -1000, -1022, -1074, -2930] {
        let zeros = vec![Complex64::ZERO; 32];
        let encoder = ring.evaluator.encoder();
        let plaintext = encoder.encode_complex(&zeros, top, power_of_two(bits))?;
        let decoded = encoder.decode_complex(&plaintext)?;
        assert!(decoded.iter().all(|value| *value == Complex64::ZERO));
        // Encrypted, the noise is far above every message.
        let x = ring.keys.secret.encrypt(&plaintext, &mut ring.rng)?;
        assert!(matches!(
            ring.keys.decryptor.decrypt(&x),
            Err(Error::Precision(PrecisionError::PrecisionExhausted { .. })
                | Error::Precision(PrecisionError::ScaleTooLarge { .. }))
        ));
    }
    Ok(())
}

#[test]
fn values_near_the_end_of_f64_are_right_or_refused() -> Result<()> {
    let mut ring = wide(64);
    let top = ring.context.top_level();
    for (value, fits) in [
        (1e200, true),
        (1e300, true),
        (8e307, true),
        (1.7e308, false),
    ] {
        let slots: Vec<Complex64> = (0..32)
            .map(|j| Complex64::new(if j % 3 == 0 { value } else { -value / 2.0 }, 0.0))
            .collect();
        let encoded = ring
            .evaluator
            .encoder()
            .encode_complex(&slots, top, Scale::power_of_two(50));
        match encoded {
            Ok(plaintext) => {
                assert!(fits);
                let x = ring.keys.public.encrypt(&plaintext, &mut ring.rng)?;
                // Sums within the decoder's transform may be too large; garbage is not returned.
                match ring.keys.decryptor.decrypt(&x) {
                    Ok(plaintext) => match ring.evaluator.encoder().decode(&plaintext) {
                        Ok(found) => {
                            let errors = found.iter().zip(&slots).map(|(a, b)| (a - b.re).abs());
                            let bound = x.noise_bound();
                            errors.for_each(|error| assert!(error <= bound));
                        }
                        Err(error) => assert!(matches!(
                            error,
                            Error::Values(ValueError::NotRepresentable { .. })
                        )),
                    },
                    Err(error) => panic!("{error}"),
                }
            }
            Err(error) => assert!(
                !fits
                    && matches!(
                        error,
                        Error::Precision(PrecisionError::ScaleTooLarge { .. })
                    ),
                "{error}"
            ),
        }
    }
    Ok(())
}

#[test]
fn what_decodes_to_infinity_is_an_error() -> Result<()> {
    let mut ring = wide(64);
    let top = ring.context.top_level();
    let zeros = vec![Complex64::ZERO; 32];
    let x = ring.encrypt(&zeros, top, Scale::power_of_two(50));
    let x = ring.evaluator.add_scalar(&x, f64::MAX)?;
    let once = ring.keys.decryptor.decrypt(&x);
    let decoded = once.and_then(|plaintext| ring.evaluator.encoder().decode(&plaintext));
    match decoded {
        Ok(found) => assert!(found.iter().all(|value| value.is_finite())),
        Err(error) => assert!(
            matches!(error, Error::Values(ValueError::NotRepresentable { .. })),
            "{error}"
        ),
    }
    let twice = ring.evaluator.add_scalar(&x, f64::MAX);
    let decoded = twice.and_then(|x| {
        let plaintext = ring.keys.decryptor.decrypt(&x)?;
        ring.evaluator.encoder().decode(&plaintext)
    });
    assert!(decoded.is_err(), "{decoded:?}");
    Ok(())
}

fn client() -> ClientKey<CkksScheme> {
    let context = CkksContext::builder()
        .degree(8192)
        .prime_bits(&[60, 40, 40, 60])
        .scale_bits(40)
        .build()
        .unwrap();
    context.generate_client_key().unwrap()
}

#[track_caller]
fn within_bound(client: &ClientKey<CkksScheme>, vector: &CkksVector, want: f64) {
    let bound = vector.noise_bound();
    for value in client.decrypt(vector).unwrap() {
        let error = (value - want).abs();
        assert!(error <= bound, "error {error:e}, bound {bound:e}");
    }
}

#[test]
fn the_decoders_own_error_is_within_the_bound() -> Result<()> {
    let client = client();
    let zero = client.encrypt([0.0; 100])?;
    for value in [1e3 + 0.1, 1e5 + 0.1, 5e5 + 0.1] {
        within_bound(&client, &(&zero + value)?, value);
        within_bound(&client, &(&zero - value)?, -value);
    }
    // Larger values at lower scales, so that they fit.
    let context = CkksContext::builder()
        .degree(8192)
        .prime_bits(&[60, 50, 40, 60])
        .scale_bits(18)
        .build()?;
    let client = context.generate_client_key()?;
    let zero = client.encrypt([0.0; 100])?;
    for value in [1e9 + 0.1, 1e12 + 0.1, 1e15 + 0.3] {
        within_bound(&client, &(&zero + value)?, value);
    }
    Ok(())
}

#[test]
fn constants_state_no_more_bits_than_f64_has() -> Result<()> {
    let client = client();
    let server = client.generate_server_key(&slotwise::Rotations::none())?;
    let x = server.attach(client.encrypt([1.0, -2.0, 3.0])?)?;
    let constant = x.square()?.polyval(&[0.7])?;
    within_bound(&client, &constant, 0.7);
    assert!(constant.precision_bits() < 53.0);
    Ok(())
}

/// A message whose coefficients all have the same magnitude, then so many small constants tried for each coefficient that its
/// rounding to f64 goes the way that makes one slot wrong: the scale is so large that the noise does not hide what is rounded.
#[test]
fn roundings_that_a_chosen_message_aligns() -> Result<()> {
    const DEGREE: usize = 1 << 17;
    const SIZE: f64 = 1_048_580.25;
    let context = CkksContext::builder()
        .degree(DEGREE)
        .prime_bits(&[60; 6])
        .scale_bits(50)
        .build()?;
    let mut ring = Ckks::new(&context, 7);
    let (top, scale) = (context.top_level(), power_of_two(154));
    let scale = scale * Scale::from_f64(1.012_345_678_9).unwrap();
    let encoder = ring.evaluator.encoder().clone();
    // Signs by how often 11 is in the binary digits: no slot is above sqrt(2 N) times a coefficient.
    let sign = |k: usize| {
        if (k & (k >> 1)).count_ones() & 1 == 0 {
            SIZE
        } else {
            -SIZE
        }
    };
    let coefficients: Vec<f64> = (0..DEGREE).map(sign).collect();
    let slots = encoder.encode_coefficients(&coefficients, top, scale)?;
    let slots = encoder.decode_complex(&slots)?;
    let x = ring.encrypt(&slots, top, scale);
    let decode = |ring: &Ckks, x: &CkksCiphertext| {
        encoder.decode_coefficients(&ring.keys.decryptor.decrypt(x)?)
    };
    let before = decode(&ring, &x)?;
    let angle = |k: usize| std::f64::consts::PI * k as f64 / DEGREE as f64;
    let mut best = vec![(f64::NEG_INFINITY, 0.0); DEGREE];
    for trial in 0..trials(25) {
        let delta = if trial == 0 {
            0.0
        } else {
            ring.rng.random_range(0.0..0.004)
        };
        let plaintext = encoder.encode_coefficients(&vec![delta; DEGREE], top, scale)?;
        let found = decode(&ring, &ring.evaluator.add_plain(&x, &plaintext)?)?;
        for (k, best) in best.iter_mut().enumerate() {
            let error = (found[k] - before[k] - delta) * angle(k).cos().signum();
            if error > best.0 {
                *best = (error, delta);
            }
        }
    }
    let deltas: Vec<f64> = best.iter().map(|best| best.1).collect();
    let plaintext = encoder.encode_coefficients(&deltas, top, scale)?;
    let y = ring.evaluator.add_plain(&x, &plaintext)?;
    let found = encoder.decode_complex(&ring.keys.decryptor.decrypt(&y)?)?[0];
    let terms = (0..DEGREE).map(|k| Complex64::cis(angle(k)) * deltas[k]);
    let error = (found - slots[0] - terms.sum::<Complex64>()).norm();
    let worst = y.noise_bound();
    println!("{:.3} of the bound", error / worst);
    assert!(error <= worst, "error {error:e}, bound {worst:e}");
    assert!(error > worst / 16.0, "they add up");
    Ok(())
}

/// Transforms of values with errors that could add up: the bound of f64 alone, at a scale where no other error counts.
#[test]
fn transforms_stay_within_their_error() {
    for degree in [64, 1024, 16_384] {
        let context = CkksContext::builder()
            .degree(degree)
            .prime_bits(&[60; 6])
            .scale_bits(50)
            .insecure_skip_security_check()
            .build()
            .unwrap();
        let mut ring = Ckks::new(&context, 5);
        let (top, scale) = (context.top_level(), Scale::power_of_two(240));
        let half = degree / 2;
        let mut worst = 0.0f64;
        for trial in 0..trials(30) {
            let slots: Vec<Complex64> = (0..half)
                .map(|j| match trial % 6 {
                    0 => Complex64::cis(ring.rng.random_range(0.0..6.3)),
                    1 => Complex64::new(ring.rng.random_range(-1.0..1.0), 0.0),
                    2 => Complex64::new(if j == trial * 37 % half { 1.0 } else { 0.0 }, 0.0),
                    3 => Complex64::new(0.1, 0.3),
                    4 => Complex64::new(
                        if (j >> (trial / 6)) & 1 == 0 {
                            0.1
                        } else {
                            0.7
                        },
                        0.0,
                    ),
                    // The values of one power of X: all the mass in one coefficient.
                    _ => {
                        let power = (0..j % (2 * degree)).fold(1usize, |p, _| p * 5 % (2 * degree));
                        let angle = (power * (trial + 1) % (2 * degree)) as f64;
                        Complex64::cis(std::f64::consts::PI * angle / degree as f64)
                    }
                })
                .collect();
            let x = ring.encrypt(&slots, top, scale);
            let error = ring.check("a transform", &x, |j| slots[j]).unwrap();
            worst = worst.max(error / x.noise_bound());
        }
        println!("N = {degree}: {worst:.3} of the bound");
        assert!(worst > 1.0 / 256.0, "the bound is loose");
    }
}
