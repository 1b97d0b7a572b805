//! Published CKKS values: what decrypted ones give away and they do not, how precise they are, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::cast_possible_truncation, reason = "small numbers")]

use slotwise::prelude::*;
use slotwise::{Error, KeyError, OperandError, PrecisionError};
use std::f64::consts::PI;
use std::sync::LazyLock;

const DEGREE: usize = 64;

/// A small ring with one level and a scale that leaves a few bits to publish.
fn context() -> CkksContext {
    let builder = CkksContext::builder()
        .degree(DEGREE)
        .prime_bits(&[60, 60, 60])
        .scale_bits(45);
    builder.insecure_skip_security_check().build().unwrap()
}

static CLIENT: LazyLock<ClientKey<Ckks>> =
    LazyLock::new(|| context().generate_client_key().unwrap());

/// Values in [-1, 1], as many as there are slots.
fn values(seed: usize) -> Vec<f64> {
    let angles = (0..DEGREE / 2).map(|slot| (100 * seed + slot + 1) as f64);
    angles.map(f64::sin).collect()
}

/// The coefficients of the secret, from its bytes: two bits each.
fn true_secret(client: &ClientKey<Ckks>) -> Vec<i64> {
    let bytes = client.expose_secret_bytes();
    let body = &bytes[68 + 8..bytes.len() - 4];
    let codes = body
        .iter()
        .flat_map(|byte| [0, 2, 4, 6].map(|shift| byte >> shift & 3));
    codes.map(|code| i64::from(code) - 1).collect()
}

/// Arithmetic modulo a prime.
#[derive(Clone, Copy)]
struct Field(u64);

impl Field {
    fn mul(self, a: u64, b: u64) -> u64 {
        u64::try_from(u128::from(a) * u128::from(b) % u128::from(self.0)).unwrap()
    }

    fn sub(self, a: u64, b: u64) -> u64 {
        (a + (self.0 - b)) % self.0
    }

    fn power(self, base: u64, exponent: u64) -> u64 {
        let (mut result, mut square, mut left) = (1, base, exponent);
        while left > 0 {
            if left & 1 == 1 {
                result = self.mul(result, square);
            }
            square = self.mul(square, square);
            left >>= 1;
        }
        result
    }

    fn inverse(self, a: u64) -> u64 {
        self.power(a, self.0 - 2)
    }

    /// A root of -1 of order 2N.
    fn root(self) -> u64 {
        let exponent = (self.0 - 1) / (2 * DEGREE as u64);
        let candidates = (2..).map(|base| self.power(base, exponent));
        let mut roots = candidates.filter(|&root| self.power(root, DEGREE as u64) == self.0 - 1);
        roots.next().unwrap()
    }

    /// The value of a polynomial.
    fn evaluate(self, poly: &[u64], at: u64) -> u64 {
        let horner = |sum, &c: &u64| (self.mul(sum, at) + c) % self.0;
        poly.iter().rev().fold(0, horner)
    }

    fn centre(self, a: u64) -> i64 {
        let a = a.cast_signed();
        let q = self.0.cast_signed();
        if a > q / 2 { a - q } else { a }
    }
}

/// What an observer has of a ciphertext: its polynomials modulo the first prime, its scale, and the values that became known.
struct Seen {
    c0: Vec<u64>,
    c1: Vec<u64>,
    scale: f64,
    values: Vec<f64>,
}

impl Seen {
    fn new(vector: &CkksVector, values: &[f64]) -> Self {
        let chunk = &vector.ciphertexts()[0];
        let polys = chunk.body().polys().iter();
        let rows: Vec<Vec<u64>> = polys
            .map(|poly| poly.clone().into_coeff().row(0).to_vec())
            .collect();
        Self {
            c0: rows[0].clone(),
            c1: rows[1].clone(),
            scale: chunk.scale().to_f64(),
            values: values.to_vec(),
        }
    }

    /// The sum of the phase and its conjugate, which has twice the known values at all roots, rounded to integers modulo q.
    fn real_part(&self, field: Field) -> Vec<u64> {
        let angle = |slot: usize| {
            let power = (0..slot).fold(1, |power, _| power * 5 % (2 * DEGREE));
            PI * power as f64 / DEGREE as f64
        };
        let coefficient = |k: usize| {
            let terms = self.values.iter().enumerate();
            let sum: f64 = terms
                .map(|(slot, v)| v * (angle(slot) * k as f64).cos())
                .sum();
            (sum * 4.0 / DEGREE as f64 * self.scale).round() as i128
        };
        let modulus = i128::from(field.0);
        let residues = (0..DEGREE).map(|k| coefficient(k).rem_euclid(modulus));
        residues.map(|c| u64::try_from(c).unwrap()).collect()
    }

    /// At a root and its inverse: `c_1` at both, and what is left of the known values without `c_0`.
    fn equation(&self, field: Field, real_part: &[u64], root: u64) -> [u64; 3] {
        let inverse = field.inverse(root);
        let [at, mirrored] = [root, inverse].map(|w| field.evaluate(&self.c1, w));
        let known = [root, inverse]
            .iter()
            .fold(field.evaluate(real_part, root), |known, &w| {
                field.sub(known, field.evaluate(&self.c0, w))
            });
        [at, mirrored, known]
    }
}

/// The attack of Li and Micciancio (eprint 2020/1533), on real parts: `c_1(w) s(w) + c_1(1/w) s(1/w)` is known at every root w for two
/// ciphertexts, which are two equations for two unknowns. Gives the polynomial that solves them.
fn solve_for_secret(seen: &[Seen; 2], q: u64) -> Vec<i64> {
    let field = Field(q);
    let root = field.root();
    let real_parts = [0, 1].map(|i| seen[i].real_part(field));
    let at_roots: Vec<(u64, u64)> = (0..DEGREE as u64)
        .map(|j| {
            let w = field.power(root, 2 * j + 1);
            let [a, b] = [0, 1].map(|i| seen[i].equation(field, &real_parts[i], w));
            let determinant = field.sub(field.mul(a[0], b[1]), field.mul(a[1], b[0]));
            let numerator = field.sub(field.mul(a[2], b[1]), field.mul(a[1], b[2]));
            (w, field.mul(numerator, field.inverse(determinant)))
        })
        .collect();
    let factor = field.inverse(DEGREE as u64);
    let coefficient = |k: usize| {
        let terms = at_roots.iter().map(|&(w, s)| {
            let power = field.power(field.inverse(w), k as u64);
            field.mul(s, power)
        });
        let sum = terms.fold(0, |sum, term| (sum + term) % q);
        field.centre(field.mul(sum, factor))
    };
    (0..DEGREE).map(coefficient).collect()
}

#[test]
fn decrypted_values_give_the_secret_key_away_and_published_ones_do_not() {
    let client = &*CLIENT;
    let vectors = [1, 2].map(|seed| client.encrypt(values(seed)).unwrap());
    let vectors = vectors.map(|vector| vector.drop_to_level(0).unwrap());
    let q = vectors[0].ciphertexts()[0].body().polys()[0]
        .basis()
        .primes()[0];
    let attack = |known: [Vec<f64>; 2]| {
        let seen = [0, 1].map(|i| Seen::new(&vectors[i], &known[i]));
        solve_for_secret(&seen, q)
    };
    let secret = true_secret(client);
    assert_eq!(secret.len(), DEGREE);

    let raw = [0, 1].map(|i| client.decrypt(&vectors[i]).unwrap());
    assert_eq!(attack(raw), secret);

    let mut publisher = client.publisher(Publication::bits(2).unwrap());
    let published = [0, 1].map(|i| publisher.decrypt(&vectors[i]).unwrap());
    let found = attack(published);
    // Not one coefficient looks like a secret's, let alone the right one: uniform residues are in [-1, 1] with probability 2^-58.
    assert!(found.iter().all(|c| !(-1..=1).contains(c)));
    // Nor does it help to know the message, as whoever sees the published values may.
    let exact = [1, 2].map(values);
    assert_ne!(attack(exact), secret);
}

/// A value half-way between two multiples: rounding alone would tell the sign of its noise, for each ciphertext always the same one.
#[test]
fn published_values_do_not_tell_the_sign_of_the_noise() {
    let client = &*CLIENT;
    let middle = 0.125;
    let trials = 300;
    let (mut signs, mut raised) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let vector = client.encrypt([middle]).unwrap();
        signs.push(client.decrypt(&vector).unwrap()[0] > middle);
        let mut publisher = client.publisher(Publication::bits(2).unwrap());
        let up = (0..trials).filter(|_| publisher.decrypt(&vector).unwrap()[0] > middle);
        raised.push(up.count());
    }
    for (sign, up) in signs.iter().zip(&raised) {
        // A fair coin, to six standard deviations.
        let difference = (*up as f64 - f64::from(trials) / 2.0).abs();
        assert!(
            difference < 6.0 * (f64::from(trials) / 4.0).sqrt(),
            "{sign} {up}"
        );
    }
}

#[test]
fn published_values_are_multiples_within_one_unit_of_the_truth() {
    let context = CkksContext::builder()
        .degree(1024)
        .prime_bits(&[60, 60])
        .scale_bits(57);
    let context = context.insecure_skip_security_check().build().unwrap();
    let client = context.generate_client_key().unwrap();
    let truth: Vec<f64> = (0..700).map(|i| f64::from(i * i).sin()).collect();
    // Two ciphertexts.
    let vector = client.encrypt(&truth).unwrap();
    let options = Publication::bits(0)
        .unwrap()
        .with_statistical_bits(30)
        .unwrap();
    let left = client.publisher(options).precision_bits(&vector);
    assert!(left > 8.0, "{left}");
    let bits = left.floor() as i32;
    let decimals = (left / 10f64.log2()).floor() as i32;
    for (options, per_unit) in [
        (Publication::bits(bits), f64::from(bits).exp2()),
        (Publication::bits(-1), 0.5),
        (Publication::decimals(decimals), 10f64.powi(decimals)),
        (Publication::decimals(0), 1.0),
    ] {
        let options = options.unwrap().with_statistical_bits(30).unwrap();
        let published = client.publisher(options).decrypt(&vector).unwrap();
        assert_eq!(published.len(), truth.len());
        let unit = 1.0 / per_unit;
        let errors: Vec<f64> = published.iter().zip(&truth).map(|(a, b)| a - b).collect();
        assert!(errors.iter().all(|error| error.abs() <= unit));
        for value in &published {
            assert_eq!((value * per_unit).round() / per_unit, *value);
        }
        // Rounding of values that are spread over many units is what most of the error consists of: uniform, a unit divided by sqrt(12).
        let squares: f64 = errors.iter().map(|error| error * error).sum();
        let deviation = (squares / errors.len() as f64).sqrt() / unit * 12f64.sqrt();
        assert!(unit > 0.5 || (0.9..1.1).contains(&deviation), "{deviation}");
    }
    // One value leaves more than 700 do, apart from what its error bound is smaller.
    let single = client.encrypt(&truth[1..2]).unwrap();
    let more = client.publisher(options).precision_bits(&single) - left;
    let noise = (vector.noise_bound() / single.noise_bound()).log2();
    let more = more - noise;
    assert!((more - 700f64.log2() / 2.0).abs() < 0.1, "{more}");
}

#[test]
fn results_of_computations_are_published_with_the_noise_they_have() {
    let context = CkksContext::builder()
        .degree(256)
        .prime_bits(&[60, 50, 60])
        .scale_bits(50);
    let context = context.insecure_skip_security_check().build().unwrap();
    let client = context.generate_client_key().unwrap();
    let server = client
        .generate_server_key(&Rotations::powers_of_two())
        .unwrap();
    let truth: Vec<f64> = (0..100).map(|i| f64::from(i) / 400.0).collect();
    let x = client.encrypt_bounded(&truth, 0.25).unwrap();
    let x = server.attach(x).unwrap();
    let squares = x.square().unwrap();
    let sum = server.attach(&squares).unwrap().sum().unwrap();
    let options = Publication::bits(1).unwrap().with_decryptions(4).unwrap();
    let mut publisher = client.publisher(options);
    let [fresh, squared] = [&x, &squares].map(|vector| publisher.precision_bits(vector));
    let noise = (squares.noise_bound() / x.noise_bound()).log2();
    assert!((fresh - squared - noise).abs() < 0.1, "{fresh} {squared}");
    let expected: f64 = truth.iter().map(|x| x * x).sum();
    let published = publisher.decrypt(&sum).unwrap();
    assert_eq!(published.len(), 1);
    assert!(
        (published[0] - expected).abs() <= 0.5,
        "{published:?} {expected}"
    );
    // As well after a way over the wire.
    let read = client.load_vector(&sum.to_bytes()).unwrap();
    assert!((publisher.decrypt(&read).unwrap()[0] - expected).abs() <= 0.5);
    assert_eq!(publisher.used(), 2);
}

#[test]
fn publications_are_counted_and_end() {
    let client = &*CLIENT;
    let vector = client.encrypt([0.5]).unwrap();
    let options = Publication::bits(0).unwrap().with_decryptions(3).unwrap();
    let used_up = Error::Keys(KeyError::PublicationsUsedUp { most: 3 });
    let mut publisher = client.publisher(options);
    for used in 0..3 {
        assert_eq!((publisher.used(), publisher.left()), (used, 3 - used));
        publisher.decrypt(&vector).unwrap();
    }
    assert_eq!(publisher.decrypt(&vector), Err(used_up.clone()));
    assert_eq!((publisher.used(), publisher.left()), (3, 0));

    let resumed = client.publisher(options).resume_at(2).unwrap();
    let mut resumed = resumed.resume_at(2).unwrap();
    assert!(resumed.decrypt(&vector).is_ok());
    assert_eq!(resumed.decrypt(&vector), Err(used_up.clone()));
    assert!(matches!(
        resumed.resume_at(2).unwrap_err(),
        Error::Operands(OperandError::InvalidArgument { .. })
    ));
    for used in [4, u64::MAX] {
        let error = client.publisher(options).resume_at(used).unwrap_err();
        assert_eq!(error, used_up);
    }
    assert_eq!(client.publisher(options).resume_at(3).unwrap().left(), 0);
}

#[test]
fn refusals_say_why_and_do_not_count() {
    let client = &*CLIENT;
    let vector = client.encrypt([0.5]).unwrap();
    let mut publisher = client.publisher(Publication::bits(20).unwrap());
    let left = publisher.precision_bits(&vector);
    let error = publisher.decrypt(&vector).unwrap_err();
    let expected = PrecisionError::PublicationTooPrecise {
        asked_bits: 20.0,
        left_bits: left,
    };
    assert_eq!(error, Error::Precision(expected));
    let message = error.to_string();
    assert!(
        message.contains("20.0 bits") && message.contains("fewer"),
        "{message}"
    );

    let other = context().generate_client_key().unwrap();
    let mut publisher = client.publisher(Publication::bits(0).unwrap());
    let foreign = other.encrypt([0.5]).unwrap();
    let error = publisher.decrypt(&foreign).unwrap_err();
    assert!(matches!(error, Error::Keys(KeyError::Mismatch { .. })));
    // Of a message with a scale of 2^10 no bit is left, whatever unit is asked for.
    let builder = CkksContext::builder()
        .degree(4096)
        .prime_bits(&[60, 60])
        .scale_bits(10);
    let context = builder.insecure_skip_security_check().build().unwrap();
    let noisy = context.generate_client_key().unwrap();
    let mut coarse = noisy.publisher(Publication::bits(-100).unwrap());
    let error = coarse.decrypt(&noisy.encrypt([0.5]).unwrap()).unwrap_err();
    let expected = matches!(
        error,
        Error::Precision(PrecisionError::PrecisionExhausted { .. })
    );
    assert!(expected, "{error}");
    assert_eq!((publisher.used(), coarse.used()), (0, 0));
    assert!(publisher.decrypt(&vector).is_ok());
    assert!(!format!("{publisher:?}").contains("SecretKey"));
}

#[test]
fn options_out_of_range_are_refused() {
    let options = Publication::decimals(3).unwrap();
    assert_eq!(
        (options.statistical_bits(), options.decryptions()),
        (40, 1024)
    );
    let invalid = [
        Publication::bits(257),
        Publication::bits(i32::MIN),
        Publication::decimals(23),
        Publication::decimals(-23),
        options.with_statistical_bits(29),
        options.with_statistical_bits(129),
        options.with_statistical_bits(0),
        options.with_decryptions(0),
        options.with_decryptions(u64::MAX),
    ];
    for result in invalid {
        assert!(matches!(
            result,
            Err(Error::Operands(OperandError::InvalidArgument { .. }))
        ));
    }
    for extreme in [
        Publication::bits(256).unwrap(),
        Publication::decimals(22).unwrap(),
        options.with_decryptions(1 << 32).unwrap(),
    ] {
        let vector = CLIENT.encrypt(values(3)).unwrap();
        assert!(CLIENT.publisher(extreme).decrypt(&vector).is_err());
    }
    let coarsest = Publication::bits(-256).unwrap();
    let coarsest = coarsest.with_statistical_bits(128).unwrap();
    let coarsest = coarsest.with_decryptions(1 << 32).unwrap();
    let zeros = vec![0.0; DEGREE / 2];
    let vector = CLIENT.encrypt(values(3)).unwrap();
    assert_eq!(CLIENT.publisher(coarsest).decrypt(&vector), Ok(zeros));
}
