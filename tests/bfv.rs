//! Every BFV operation against the textbook: equal, exactly, for plaintext moduli of every size and kind, at every level,
//! with every shape of key switching.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a failed unwrap is a failed test"
)]

mod model;

use model::Message;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::encoding::{BfvEncoder, BfvPlaintext};
use slotwise::encryption::{BfvCiphertext, Decryptor, Encryptor};
use slotwise::evaluator::{BfvEvaluator, Evaluator};
use slotwise::keys::{KeyGenerator, Rotations};
use slotwise::params::{BfvBuilder, BfvContext, SecurityStandard};
use slotwise::ring::ntt_primes;
use slotwise::{Error, OperandError, PrecisionError, ValueError};
use std::sync::Arc;

/// A context with all its keys.
struct Fixture {
    context: BfvContext,
    encoder: BfvEncoder,
    evaluator: BfvEvaluator,
    public: Encryptor,
    secret: Encryptor,
    decryptor: Decryptor,
    rng: ChaCha20Rng,
}

impl Fixture {
    /// Keys for the relinearization, rotations by 1 and 8, and the row swap.
    fn new(builder: BfvBuilder) -> Self {
        let rotations = Rotations::steps(&[1, 8]).and_conjugation();
        Self::with_rotations(builder, &rotations)
    }

    fn with_rotations(builder: BfvBuilder, rotations: &Rotations) -> Self {
        let context = builder.build().unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(20);
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        let generator = KeyGenerator::new(&secret);
        let public = Arc::new(generator.public_key(&mut rng).unwrap());
        let keys = Arc::new(generator.evaluation_keys(rotations, &mut rng).unwrap());
        Self {
            encoder: BfvEncoder::new(&context),
            evaluator: BfvEvaluator::with_keys(&context, keys).unwrap(),
            public: Encryptor::with_public_key(public),
            secret: Encryptor::with_secret_key(Arc::clone(&secret)),
            decryptor: Decryptor::new(&secret),
            context,
            rng,
        }
    }

    fn t(&self) -> u64 {
        self.context.plaintext_modulus().value()
    }

    /// A uniform message.
    fn message(&mut self) -> Message {
        let t = self.t();
        let degree = self.context.slots();
        let coefficients: Vec<u64> = (0..degree).map(|_| self.rng.random_range(0..t)).collect();
        Message::new(&coefficients, t)
    }

    fn encode(&self, message: &Message) -> BfvPlaintext {
        self.encoder
            .encode_coefficients_u64(&message.coefficients)
            .unwrap()
    }

    /// Whether the ciphertext's bound lets it decrypt. If so the message must be `want`; if not, the error must say so.
    fn agrees(&self, ciphertext: &BfvCiphertext, want: &Message, what: &str) -> bool {
        match self.decryptor.decrypt(ciphertext) {
            Ok(plaintext) => {
                let got = self.encoder.decode_coefficients_u64(&plaintext).unwrap();
                assert_eq!(got, want.coefficients, "{what}");
                assert!(ciphertext.noise_budget() > 0.0, "{what}");
                let budget = self.decryptor.measured_noise_budget(ciphertext).unwrap();
                assert!(
                    budget >= ciphertext.noise_budget(),
                    "{what}: budget {budget} below the bound {}",
                    ciphertext.noise_budget()
                );
                true
            }
            Err(Error::Precision(PrecisionError::NoiseExhausted { excess_bits })) => {
                assert!(
                    excess_bits >= 0.0 && ciphertext.noise_budget() < 1e-5,
                    "{what}"
                );
                false
            }
            Err(other) => panic!("{what}: {other}"),
        }
    }

    /// [`agrees`](Self::agrees), and it must decrypt.
    fn check(&self, ciphertext: &BfvCiphertext, want: &Message, what: &str) {
        assert!(
            self.agrees(ciphertext, want, what),
            "{what}: {} bits left",
            ciphertext.noise_budget()
        );
    }
}

/// Two messages and what the textbook makes of them, computed once for all levels.
struct Expected {
    x: Message,
    y: Message,
    product: Message,
    square: Message,
    scalar: i64,
    steps: Vec<i64>,
    rotated: Vec<Message>,
}

impl Expected {
    fn new(fixture: &mut Fixture) -> Self {
        let (x, y) = (fixture.message(), fixture.message());
        let half = i64::try_from(fixture.t() / 2).unwrap();
        let row = i64::try_from(fixture.context.slots() / 2).unwrap();
        // None, a key's own, composed ones, and ones beyond the row.
        let steps = vec![0, 1, 8, 10, row + 1, 1 - row, -row];
        Self {
            product: x.mul(&y),
            square: x.mul(&x),
            scalar: fixture.rng.random_range(-half..half),
            rotated: steps.iter().map(|&step| x.rotate(step)).collect(),
            steps,
            x,
            y,
        }
    }
}

/// Builder for a ring of which only the shape matters.
fn insecure(degree: usize, prime_bits: &[u32], special: usize) -> BfvBuilder {
    BfvContext::builder()
        .degree(degree)
        .prime_bits(prime_bits)
        .special_primes(special)
        .insecure_skip_security_check()
}

/// Every operation at every level, and the digits that key switching must have. From `least_level` up everything must
/// decrypt; below, it must or say that it cannot.
fn every_operation(builder: BfvBuilder, digits: &[usize], least_level: usize) {
    let mut fixture = Fixture::new(builder);
    assert_eq!(fixture.context.params().rlwe().digit_sizes(), digits);
    let expected = Expected::new(&mut fixture);
    for public in [true, false] {
        let encryptor = if public {
            fixture.public.clone()
        } else {
            fixture.secret.clone()
        };
        for level in 0..=fixture.context.top_level() {
            let plaintexts = [&expected.x, &expected.y].map(|m| fixture.encode(m));
            let encrypted = plaintexts
                .each_ref()
                .map(|p| encryptor.encrypt_at_level(p, level, &mut fixture.rng));
            let [Ok(a), Ok(b)] = encrypted else {
                assert!(
                    level < least_level,
                    "level {level} must carry a fresh ciphertext"
                );
                continue;
            };
            assert_eq!((a.level(), a.body().degree()), (level, 1));
            let required = level >= least_level;
            linear_operations(&fixture, &expected, (&a, &b), required);
            products(&fixture, &expected, (&a, &b), required);
            plaintexts_and_scalars(&fixture, &expected, &a, required);
            automorphisms(&fixture, &expected, &a, required);
        }
        mixed_levels(&mut fixture, &expected, &encryptor, least_level);
    }
    products_of_many(&mut fixture, &expected);
}

/// `agrees`, and the decryption must succeed where it is required.
fn expect(
    fixture: &Fixture,
    required: bool,
    ciphertext: &BfvCiphertext,
    want: &Message,
    what: &str,
) {
    let what = format!("{what} at level {}", ciphertext.level());
    let decrypted = fixture.agrees(ciphertext, want, &what);
    assert!(
        decrypted || !required,
        "{what}: {} bits left",
        ciphertext.noise_budget()
    );
}

fn linear_operations(
    fixture: &Fixture,
    expected: &Expected,
    (a, b): (&BfvCiphertext, &BfvCiphertext),
    required: bool,
) {
    let (evaluator, Expected { x, y, .. }) = (&fixture.evaluator, expected);
    let check = |got: &BfvCiphertext, want: &Message, what: &str| {
        assert_eq!(got.level(), a.level());
        expect(fixture, required, got, want, what);
    };
    check(a, x, "fresh");
    check(&evaluator.add(a, b).unwrap(), &x.add(y), "add");
    check(&evaluator.sub(a, b).unwrap(), &x.sub(y), "sub");
    check(&evaluator.negate(a).unwrap(), &x.negate(), "negate");
    let sum = evaluator
        .add_many(&[a.clone(), b.clone(), a.clone()])
        .unwrap();
    check(&sum, &x.add(y).add(x), "add_many");
    check(&evaluator.add_many(&[sum]).unwrap(), &x.add(y).add(x), "1");
}

fn products(
    fixture: &Fixture,
    expected: &Expected,
    (a, b): (&BfvCiphertext, &BfvCiphertext),
    required: bool,
) {
    let (evaluator, product) = (&fixture.evaluator, &expected.product);
    let check = |got: &BfvCiphertext, degree: usize, want: &Message, what: &str| {
        assert_eq!((got.level(), got.body().degree()), (a.level(), degree));
        expect(fixture, required, got, want, what);
    };
    check(&evaluator.mul(a, b).unwrap(), 1, product, "mul");
    check(&evaluator.square(a).unwrap(), 1, &expected.square, "square");
    let raw = evaluator.mul_raw(a, b).unwrap();
    check(&raw, 2, product, "mul_raw");
    check(
        &evaluator.relinearize(&raw).unwrap(),
        1,
        product,
        "relinearize",
    );
    // Raw products are still values: sums with both degrees.
    let want = product.add(&expected.x);
    check(&evaluator.add(&raw, a).unwrap(), 2, &want, "2 + 1");
    check(&evaluator.add(a, &raw).unwrap(), 2, &want, "1 + 2");
    let want = expected.x.sub(product);
    check(&evaluator.sub(a, &raw).unwrap(), 2, &want, "1 - 2");
    if let Some(below) = a.level().checked_sub(1) {
        let lower = evaluator.switch_modulus(&raw).unwrap();
        assert_eq!((lower.level(), lower.body().degree()), (below, 2));
        fixture.agrees(&lower, product, "a raw product one level lower");
    }
}

fn plaintexts_and_scalars(
    fixture: &Fixture,
    expected: &Expected,
    a: &BfvCiphertext,
    required: bool,
) {
    let (evaluator, Expected { x, y, .. }) = (&fixture.evaluator, expected);
    let check = |got: &BfvCiphertext, want: &Message, what: &str| {
        assert_eq!(got.level(), a.level());
        expect(fixture, required, got, want, what);
    };
    let plaintext = fixture.encode(y);
    check(
        &evaluator.add_plain(a, &plaintext).unwrap(),
        &x.add(y),
        "add_plain",
    );
    check(
        &evaluator.sub_plain(a, &plaintext).unwrap(),
        &x.sub(y),
        "sub_plain",
    );
    for _ in 0..2 {
        // The first product prepares the plaintext, the second uses what it prepared.
        let product = evaluator.mul_plain(a, &plaintext).unwrap();
        check(&product, &expected.product, "mul_plain");
        assert!(!product.is_transparent());
    }
    let t = fixture.t();
    let lowest = -i64::try_from(t / 2).unwrap();
    for scalar in [0, 1, -1, expected.scalar, lowest] {
        let constant = Message::constant(scalar, x.coefficients.len(), t);
        let sum = evaluator.add_scalar(a, scalar).unwrap();
        check(&sum, &x.add(&constant), "add_scalar");
        let product = evaluator.mul_scalar(a, scalar).unwrap();
        check(&product, &x.scale(scalar), "mul_scalar");
        assert_eq!(product.is_transparent(), scalar == 0);
    }
    let zero = fixture.encoder.encode_coefficients(&[0]).unwrap();
    assert!(zero.is_zero());
    let product = evaluator.mul_plain(a, &zero).unwrap();
    assert!(product.is_transparent());
    let nothing = x.sub(x);
    fixture.check(&product, &nothing, "times zero");
    // A transparent zero goes on as any ciphertext does.
    check(&evaluator.add(&product, a).unwrap(), x, "0 + a");
    fixture.agrees(&evaluator.mul(&product, a).unwrap(), &nothing, "0 * a");
}

fn automorphisms(fixture: &Fixture, expected: &Expected, a: &BfvCiphertext, required: bool) {
    let evaluator = &fixture.evaluator;
    let check = |got: &BfvCiphertext, want: &Message, what: &str| {
        assert_eq!(got.level(), a.level());
        expect(fixture, required, got, want, what);
    };
    let many = evaluator.rotate_many(a, &expected.steps).unwrap();
    assert_eq!(many.len(), expected.steps.len());
    for ((step, want), rotated) in expected.steps.iter().zip(&expected.rotated).zip(&many) {
        let what = format!("rotation by {step}");
        check(rotated, want, &what);
        check(&evaluator.rotate_left(a, *step).unwrap(), want, &what);
        check(&evaluator.rotate_right(a, -step).unwrap(), want, &what);
    }
    let swapped = evaluator.swap_rows(a).unwrap();
    check(&swapped, &expected.x.swap_rows(), "swap_rows");
    check(
        &evaluator.swap_rows(&swapped).unwrap(),
        &expected.x,
        "twice",
    );
}

fn mixed_levels(
    fixture: &mut Fixture,
    expected: &Expected,
    encryptor: &Encryptor,
    least_level: usize,
) {
    let Expected { x, y, product, .. } = expected;
    let a = encryptor
        .encrypt(&fixture.encode(x), &mut fixture.rng)
        .unwrap();
    let b = encryptor
        .encrypt(&fixture.encode(y), &mut fixture.rng)
        .unwrap();
    let evaluator = &fixture.evaluator;
    assert_eq!(a.level(), fixture.context.top_level());
    for level in (0..=a.level()).rev() {
        let required = level >= least_level;
        let lower = evaluator.switch_to_level(&b, level).unwrap();
        assert_eq!(lower.level(), level);
        expect(fixture, required, &lower, y, "switched");
        if let Some(below) = level.checked_sub(1) {
            let switched = evaluator.switch_modulus(&lower).unwrap();
            let direct = evaluator.switch_to_level(&b, below).unwrap();
            assert_eq!(switched.body().polys(), direct.body().polys());
        }
        let results = [
            (evaluator.add(&a, &lower), x.add(y)),
            (evaluator.add(&lower, &a), x.add(y)),
            (evaluator.sub(&a, &lower), x.sub(y)),
            (evaluator.sub(&lower, &a), y.sub(x)),
            (evaluator.mul(&a, &lower), product.clone()),
            (evaluator.mul(&lower, &a), product.clone()),
        ];
        for (index, (result, want)) in results.into_iter().enumerate() {
            let result = result.unwrap();
            assert_eq!(result.level(), level);
            expect(
                fixture,
                required,
                &result,
                &want,
                &format!("mixed {index}, "),
            );
        }
        let raised = evaluator.switch_to_level(&lower, level + 1).unwrap_err();
        assert_eq!(
            raised,
            Error::Operands(OperandError::InvalidLevel {
                level: level + 1,
                highest: level
            })
        );
    }
    let lowest = evaluator.switch_to_level(&a, 0).unwrap();
    assert!(matches!(
        evaluator.switch_modulus(&lowest).unwrap_err(),
        Error::Operands(OperandError::LevelExhausted {
            needed: 1,
            left: 0,
            ..
        })
    ));
}

/// Products of several factors and powers: two multiplications deep they must decrypt at the top level.
fn products_of_many(fixture: &mut Fixture, expected: &Expected) {
    let Expected { x, y, .. } = expected;
    let a = fixture
        .public
        .encrypt(&fixture.encode(x), &mut fixture.rng)
        .unwrap();
    let b = fixture
        .secret
        .encrypt(&fixture.encode(y), &mut fixture.rng)
        .unwrap();
    let evaluator = &fixture.evaluator;
    let factors = [a.clone(), b.clone(), a.clone()];
    let want = expected.square.mul(y);
    fixture.check(&evaluator.mul_many(&factors).unwrap(), &want, "mul_many");
    let four = [a.clone(), b.clone(), b, a.clone()];
    let want = expected.product.mul(&expected.product);
    fixture.check(&evaluator.mul_many(&four).unwrap(), &want, "mul_many of 4");
    for exponent in [1, 2, 3, 4] {
        let power = evaluator.power(&a, exponent).unwrap();
        fixture.check(&power, &x.power(exponent), &format!("power {exponent}"));
    }
    for exponent in [5, 7, 8] {
        let power = evaluator.power(&a, exponent).unwrap();
        fixture.agrees(&power, &x.power(exponent), &format!("power {exponent}"));
    }
    let one = Message::constant(
        1,
        fixture.context.slots(),
        fixture.context.plaintext_modulus().value(),
    );
    fixture.check(&evaluator.power(&a, 0).unwrap(), &one, "power 0");
    assert_eq!(
        evaluator.add_many::<BfvCiphertext>(&[]).unwrap_err(),
        Error::Values(ValueError::Empty)
    );
    assert_eq!(
        evaluator.mul_many(&[]).unwrap_err(),
        Error::Values(ValueError::Empty)
    );
}

#[test]
fn operations_modulo_17() {
    every_operation(insecure(8, &[40; 5], 1).plaintext_modulus(17), &[1; 4], 0);
    let wide = insecure(8, &[30, 30, 30, 30, 30, 60], 1).plaintext_modulus(17);
    every_operation(wide, &[2, 2, 1], 0);
}

#[test]
fn operations_modulo_65537() {
    let one = insecure(64, &[45; 5], 1).plaintext_modulus(65_537);
    every_operation(one, &[1; 4], 1);
    let two = insecure(64, &[45; 7], 2).plaintext_modulus(65_537);
    every_operation(two, &[2, 2, 1], 1);
    let large = insecure(1024, &[45; 6], 2).plaintext_modulus(65_537);
    every_operation(large, &[2, 2], 1);
}

#[test]
fn operations_on_coefficients_modulo_composites() {
    for t in [16, 10_007 * 3] {
        every_operation(insecure(64, &[45; 5], 1).plaintext_modulus(t), &[1; 4], 1);
        every_operation(insecure(64, &[45; 8], 4).plaintext_modulus(t), &[4], 1);
    }
}

#[test]
fn operations_with_given_primes() {
    // Data primes of different sizes, and special primes larger than pairs of them.
    let small: Vec<u64> = ntt_primes(36, 64).take(3).collect();
    let primes = [
        ntt_primes(50, 64).nth(2).unwrap(),
        small[2],
        small[1],
        small[0],
        ntt_primes(58, 64).next().unwrap(),
        ntt_primes(45, 64).next().unwrap(),
    ];
    let builder = BfvContext::builder()
        .degree(64)
        .primes(&primes)
        .special_primes(2);
    let builder = builder
        .insecure_skip_security_check()
        .plaintext_modulus(65_537);
    every_operation(builder, &[2, 2], 1);
}

#[test]
fn operations_modulo_20_bits() {
    every_operation(insecure(256, &[50; 6], 1).plaintext_bits(20), &[1; 5], 1);
    every_operation(insecure(64, &[50; 7], 3).plaintext_bits(20), &[3, 1], 1);
}

#[test]
fn operations_modulo_40_bits() {
    every_operation(insecure(128, &[55; 6], 1).plaintext_bits(40), &[1; 5], 2);
    every_operation(insecure(128, &[55; 7], 2).plaintext_bits(40), &[2, 2, 1], 2);
}

#[test]
fn operations_modulo_60_bits() {
    every_operation(insecure(64, &[55; 7], 1).plaintext_bits(60), &[1; 6], 3);
    every_operation(insecure(1024, &[58; 9], 3).plaintext_bits(60), &[3, 3], 3);
}

/// The slots are values at the roots of unity, in the documented order, of every way to encode them.
#[test]
fn slots_are_values_at_roots_of_unity() {
    let contexts = [
        insecure(8, &[40; 3], 1).plaintext_modulus(17),
        insecure(64, &[45; 3], 1).plaintext_modulus(65_537),
        insecure(1024, &[45; 3], 1).plaintext_modulus(65_537),
        insecure(256, &[50; 3], 1).plaintext_bits(20),
        insecure(128, &[60; 3], 1).plaintext_bits(40),
        insecure(64, &[60; 4], 1).plaintext_bits(60),
    ];
    for builder in contexts {
        let mut fixture = Fixture::with_rotations(builder, &Rotations::none());
        let message = fixture.message();
        let slots = message.slots();
        let encoder = &fixture.encoder;
        let plaintext = fixture.encode(&message);
        assert_eq!(encoder.decode_u64(&plaintext).unwrap(), slots);
        let t = i128::from(fixture.t());
        let signed = |value: u64| {
            let value = i128::from(value);
            i64::try_from(if 2 * value >= t { value - t } else { value }).unwrap()
        };
        let signed_slots: Vec<i64> = slots.iter().map(|&value| signed(value)).collect();
        assert_eq!(encoder.decode(&plaintext).unwrap(), signed_slots);
        for encoded in [
            encoder.encode_u64(&slots).unwrap(),
            encoder.encode(&signed_slots).unwrap(),
        ] {
            let coefficients = encoder.decode_coefficients_u64(&encoded).unwrap();
            assert_eq!(coefficients, message.coefficients);
        }
        let signed_coefficients: Vec<i64> =
            message.coefficients.iter().map(|&c| signed(c)).collect();
        let encoded = encoder.encode_coefficients(&signed_coefficients).unwrap();
        assert_eq!(
            encoder.decode_coefficients(&encoded).unwrap(),
            signed_coefficients
        );
        // Fewer values: the rest of the slots is 0.
        let few = encoder.encode_u64(&slots[..3]).unwrap();
        let decoded = encoder.decode_u64(&few).unwrap();
        assert_eq!(decoded[..3], slots[..3]);
        assert!(decoded[3..].iter().all(|&value| value == 0));
    }
}

/// Slots behave as slots under encryption: what the automorphisms and products do to rows of numbers.
#[test]
fn slots_move_and_multiply() {
    let builder = insecure(64, &[45; 5], 1).plaintext_modulus(65_537);
    let mut fixture = Fixture::new(builder);
    let slots: Vec<u64> = (1..=64).collect();
    let plaintext = fixture.encoder.encode_u64(&slots).unwrap();
    let a = fixture
        .public
        .encrypt(&plaintext, &mut fixture.rng)
        .unwrap();
    let decode = |ciphertext: &BfvCiphertext| {
        let plaintext = fixture.decryptor.decrypt(ciphertext).unwrap();
        fixture.encoder.decode_u64(&plaintext).unwrap()
    };
    let rotated = decode(&fixture.evaluator.rotate_left(&a, 10).unwrap());
    let row = |first: u64| (0..32).map(move |j| first + (j + 10) % 32);
    assert_eq!(rotated, row(1).chain(row(33)).collect::<Vec<u64>>());
    let swapped = decode(&fixture.evaluator.swap_rows(&a).unwrap());
    assert_eq!(swapped, (33..=64).chain(1..=32).collect::<Vec<u64>>());
    let square = decode(&fixture.evaluator.square(&a).unwrap());
    assert_eq!(square, slots.iter().map(|x| x * x).collect::<Vec<u64>>());
    assert_eq!(fixture.evaluator.slot_shape().rows, 2);
    assert_eq!(fixture.evaluator.slot_shape().columns, 32);
}

/// The ciphertexts themselves: products and modulus switches are the textbook's integers.
#[test]
fn ciphertexts_are_the_textbooks() {
    let builders = [
        insecure(8, &[40; 4], 1).plaintext_modulus(17),
        insecure(64, &[45; 4], 1).plaintext_modulus(65_537),
        insecure(64, &[60, 55, 50, 61], 1).plaintext_modulus(16),
        insecure(64, &[58; 7], 2).plaintext_bits(60),
    ];
    for builder in builders {
        let mut fixture = Fixture::with_rotations(builder, &Rotations::none());
        let (x, y) = (fixture.message(), fixture.message());
        let [a, b] = [&x, &y].map(|m| {
            let plaintext = fixture.encode(m);
            fixture
                .public
                .encrypt(&plaintext, &mut fixture.rng)
                .unwrap()
        });
        let evaluator = &fixture.evaluator;
        for level in 0..=fixture.context.top_level() {
            let a = evaluator.switch_to_level(&a, level).unwrap();
            let b = evaluator.switch_to_level(&b, level).unwrap();
            let product = evaluator.mul_raw(&a, &b).unwrap();
            model::check_bfv_tensor(a.body(), b.body(), product.body(), fixture.t());
            let square = evaluator.mul_raw(&a, &a).unwrap();
            model::check_bfv_tensor(a.body(), a.body(), square.body(), fixture.t());
            if level > 0 {
                for ciphertext in [&a, &product] {
                    let switched = evaluator.switch_modulus(ciphertext).unwrap();
                    model::check_division(ciphertext.body(), switched.body());
                }
            }
        }
    }
}

/// Squares until the bound says stop: right at each step until then, an error afterwards, as often as was announced. Returns
/// how many squarings decrypted.
fn square_until_exhausted(fixture: &mut Fixture, x: &Message) -> usize {
    let plaintext = fixture.encode(x);
    let mut power = fixture
        .public
        .encrypt(&plaintext, &mut fixture.rng)
        .unwrap();
    let announced = power.levels_left();
    let mut want = x.clone();
    let mut depth = 0;
    loop {
        power = fixture.evaluator.square(&power).unwrap();
        want = want.mul(&want);
        if !fixture.agrees(&power, &want, &format!("squaring {depth}")) {
            break;
        }
        depth += 1;
    }
    // Once exhausted, always exhausted.
    for after in [
        fixture.evaluator.add(&power, &power),
        fixture.evaluator.negate(&power),
        fixture.evaluator.square(&power),
        fixture.evaluator.rotate_left(&power, 1),
    ] {
        assert!(matches!(
            fixture.decryptor.decrypt(&after.unwrap()),
            Err(Error::Precision(PrecisionError::NoiseExhausted { .. }))
        ));
    }
    assert_eq!(depth, announced, "levels_left of the fresh ciphertext");
    depth
}

#[test]
fn chains_of_squares_are_right_until_the_bound_ends_them() {
    let cases = [
        (insecure(8, &[40; 5], 1).plaintext_modulus(17), 8),
        (insecure(64, &[45; 6], 2).plaintext_modulus(65_537), 4),
        (insecure(64, &[45; 6], 1).plaintext_modulus(16), 6),
        (insecure(256, &[50; 6], 1).plaintext_bits(20), 4),
        (insecure(64, &[55; 7], 1).plaintext_bits(40), 4),
        (insecure(64, &[55; 9], 2).plaintext_bits(60), 3),
    ];
    for (builder, least) in cases {
        let mut fixture = Fixture::new(builder);
        let x = fixture.message();
        let depth = square_until_exhausted(&mut fixture, &x);
        assert!(depth >= least, "only {depth} squarings of {least}");
    }
}

/// Products with fresh factors, the other shape of a chain.
#[test]
fn chains_of_products_are_right_until_the_bound_ends_them() {
    let mut fixture = Fixture::new(insecure(64, &[45; 7], 2).plaintext_modulus(65_537));
    let mut want = fixture.message();
    let plaintext = fixture.encode(&want);
    let mut product = fixture
        .public
        .encrypt(&plaintext, &mut fixture.rng)
        .unwrap();
    let mut depth = 0;
    loop {
        let factor = fixture.message();
        let plaintext = fixture.encode(&factor);
        let encrypted = fixture
            .secret
            .encrypt(&plaintext, &mut fixture.rng)
            .unwrap();
        product = fixture.evaluator.mul(&encrypted, &product).unwrap();
        want = want.mul(&factor);
        if !fixture.agrees(&product, &want, &format!("product {depth}")) {
            break;
        }
        depth += 1;
    }
    assert!(depth >= 5, "only {depth} products");
}

/// SEAL's default parameters carry `depth` sequential squarings. One more is refused: its bound is over the limit, though a
/// run decrypts it as a rule, since one in 2^13 to 2^50 does not (`docs/math/noise.md`).
fn default_parameters_carry(degree: usize, prime_bits: &[u32], depth: usize) {
    let builder = BfvContext::builder()
        .degree(degree)
        .prime_bits(prime_bits)
        .plaintext_modulus(65_537)
        .standard(SecurityStandard::HomomorphicEncryption2018);
    let mut fixture = Fixture::with_rotations(builder, &Rotations::none());
    let mut slots: Vec<u64> = (0..degree)
        .map(|_| fixture.rng.random_range(0..65_537))
        .collect();
    let plaintext = fixture.encoder.encode_u64(&slots).unwrap();
    let mut power = fixture
        .public
        .encrypt(&plaintext, &mut fixture.rng)
        .unwrap();
    assert_eq!(power.levels_left(), depth);
    for count in 1..=depth {
        power = fixture.evaluator.square(&power).unwrap();
        slots.iter_mut().for_each(|x| *x = *x * *x % 65_537);
        let plaintext = fixture.decryptor.decrypt(&power).unwrap_or_else(|error| {
            let budget = fixture.decryptor.measured_noise_budget(&power).unwrap();
            panic!("squaring {count}: {error} (measured budget {budget:.1} bits)")
        });
        assert_eq!(fixture.encoder.decode_u64(&plaintext).unwrap(), slots);
    }
    let beyond = fixture.evaluator.square(&power).unwrap();
    assert!(matches!(
        fixture.decryptor.decrypt(&beyond),
        Err(Error::Precision(PrecisionError::NoiseExhausted { .. }))
    ));
}

#[test]
fn seals_default_parameters_at_8192_carry_4_squarings() {
    default_parameters_carry(8192, &[43, 43, 44, 44, 44], 4);
}

#[test]
fn seals_default_parameters_at_16384_carry_11_squarings() {
    default_parameters_carry(16_384, &[48, 48, 48, 49, 49, 49, 49, 49, 49], 11);
}

#[test]
fn seals_default_parameters_at_32768_carry_24_squarings() {
    let bits = [&[55; 15][..], &[56]].concat();
    default_parameters_carry(32_768, &bits, 24);
}
