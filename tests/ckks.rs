//! Every CKKS operation against the textbook: the error in each slot is at most the ciphertext's own bound, and the bound is
//! good, at every level, for several scales and every shape of key switching.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a failed unwrap is a failed test"
)]

mod model;

use model::Slots;
use num_complex::Complex64;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::encoding::{CkksEncoder, CkksPlaintext};
use slotwise::encryption::{CkksCiphertext, Decryptor, Encryptor};
use slotwise::evaluator::{CkksEvaluator, Evaluator};
use slotwise::keys::{KeyGenerator, Rotations};
use slotwise::params::{CkksBuilder, CkksContext, Scale};
use slotwise::{Error, OperandError, PrecisionError, Result, ValueError};
use std::sync::Arc;

/// A context with all its keys.
struct Fixture {
    context: CkksContext,
    encoder: CkksEncoder,
    evaluator: CkksEvaluator,
    public: Encryptor,
    secret: Encryptor,
    decryptor: Decryptor,
    rng: ChaCha20Rng,
}

impl Fixture {
    /// Keys for the relinearization, rotations by 1 and 8, and the conjugation.
    fn new(builder: CkksBuilder) -> Self {
        let rotations = Rotations::steps(&[1, 8]).and_conjugation();
        Self::with_rotations(builder, &rotations)
    }

    fn with_rotations(builder: CkksBuilder, rotations: &Rotations) -> Self {
        let context = builder.build().unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(30);
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        let generator = KeyGenerator::new(&secret);
        let public = Arc::new(generator.public_key(&mut rng).unwrap());
        let keys = Arc::new(generator.evaluation_keys(rotations, &mut rng).unwrap());
        Self {
            encoder: CkksEncoder::new(&context),
            evaluator: CkksEvaluator::with_keys(&context, keys).unwrap(),
            public: Encryptor::with_public_key(public),
            secret: Encryptor::with_secret_key(Arc::clone(&secret)),
            decryptor: Decryptor::new(&secret),
            context,
            rng,
        }
    }

    /// Random complex numbers of magnitude below 1 in all slots.
    fn complex(&mut self) -> Slots {
        let part = |rng: &mut ChaCha20Rng| rng.random_range(-0.7..0.7);
        let slots = 0..self.context.slots();
        Slots(
            slots
                .map(|_| Complex64::new(part(&mut self.rng), part(&mut self.rng)))
                .collect(),
        )
    }

    /// Random real numbers of magnitude below 1 in all slots.
    fn real(&mut self) -> Vec<f64> {
        let slots = 0..self.context.slots();
        slots.map(|_| self.rng.random_range(-1.0..1.0f64)).collect()
    }

    fn encode(&self, slots: &Slots, level: usize, scale: Scale) -> CkksPlaintext {
        self.encoder.encode_complex(&slots.0, level, scale).unwrap()
    }

    /// `slots` encrypted at a level and its canonical scale.
    fn encrypt(&mut self, encryptor: &Encryptor, slots: &Slots, level: usize) -> CkksCiphertext {
        let scale = self.context.scale(level).unwrap();
        let plaintext = self.encode(slots, level, scale);
        encryptor.encrypt(&plaintext, &mut self.rng).unwrap()
    }

    fn decrypt(&self, ciphertext: &CkksCiphertext) -> Vec<Complex64> {
        let plaintext = self.decryptor.decrypt(ciphertext).unwrap();
        self.encoder.decode_complex(&plaintext).unwrap()
    }

    /// The error is within the bound and the bound within what the scale can give: all but a few bits of it.
    fn check(&self, ciphertext: &CkksCiphertext, want: &Slots, what: &str) {
        let what = format!("{what} at level {}", ciphertext.level());
        let error = want.distance(&self.decrypt(ciphertext));
        let (noise, message) = (ciphertext.noise_bound(), ciphertext.message_bound());
        assert!(
            error <= noise,
            "{what}: error {error:e} over the bound {noise:e}"
        );
        let largest = want.0.iter().map(|value| value.norm()).fold(0.0, f64::max);
        assert!(
            largest <= message * (1.0 + 1e-9),
            "{what}: message over its bound"
        );
        let relative = (noise / message.max(1.0)).log2();
        let scale_bits = self.context.scale(0).unwrap().log2();
        let lost = LOST_BITS + (self.context.slots() as f64).log2();
        assert!(
            relative <= lost - scale_bits,
            "{what}: only {relative:.1} bits"
        );
    }
}

/// How many bits of the scale, besides log2(N/2), the bound of any single operation may take.
const LOST_BITS: f64 = 14.0;

/// Builder for a ring of which only the shape matters.
fn insecure(degree: usize, prime_bits: &[u32], special: usize, scale_bits: u32) -> CkksBuilder {
    CkksContext::builder()
        .degree(degree)
        .prime_bits(prime_bits)
        .special_primes(special)
        .scale_bits(scale_bits)
        .insecure_skip_security_check()
}

/// The rings that every operation is tried on, with the digits that each must have.
fn rings() -> Vec<(CkksBuilder, Vec<usize>)> {
    vec![
        (insecure(64, &[50, 40, 40, 40, 50], 1, 40), vec![1; 4]),
        (
            insecure(64, &[60, 40, 40, 40, 40, 60, 60], 2, 40),
            vec![2, 3],
        ),
        (insecure(64, &[50, 38, 42, 40, 55], 1, 40), vec![1; 4]),
        (insecure(8, &[60, 50, 50, 61], 1, 50), vec![1; 3]),
        (insecure(64, &[60, 55, 55, 61], 1, 55), vec![1; 3]),
        (insecure(1024, &[45, 35, 35, 35, 45], 1, 35), vec![1; 4]),
        (insecure(1024, &[50, 40, 40, 45, 45, 45], 3, 40), vec![3]),
    ]
}

/// The least scale for which the rest of a prime is left to messages, with two primes to a digit.
fn small_scale() -> CkksBuilder {
    insecure(64, &[45, 25, 25, 25, 25, 50], 1, 25)
}

#[test]
fn operations_at_every_level() {
    for (builder, digits) in rings() {
        every_operation(builder, &digits);
    }
}

#[test]
fn operations_at_a_small_scale() {
    every_operation(small_scale(), &[1, 2, 2]);
}

/// Every operation at every level, with both ways of encryption.
fn every_operation(builder: CkksBuilder, digits: &[usize]) {
    let mut fixture = Fixture::new(builder);
    assert_eq!(fixture.context.params().rlwe().digit_sizes(), digits);
    let (x, y) = (fixture.complex(), fixture.complex());
    for encryptor in [fixture.public.clone(), fixture.secret.clone()] {
        for level in 0..=fixture.context.top_level() {
            let a = fixture.encrypt(&encryptor, &x, level);
            let b = fixture.encrypt(&encryptor, &y, level);
            assert_eq!((a.level(), a.body().degree()), (level, 1));
            assert_eq!(a.scale(), fixture.context.scale(level).unwrap());
            linear_operations(&fixture, (&a, &x), (&b, &y));
            products(&fixture, (&a, &x), (&b, &y));
            plaintexts(&fixture, (&a, &x), &y);
            scalars(&fixture, &a, &x);
            automorphisms(&fixture, &a, &x);
            level_changes(&fixture, &a, &x);
        }
    }
    products_of_many(&mut fixture, &x, &y);
}

/// A ciphertext and its message.
type Pair<'a> = (&'a CkksCiphertext, &'a Slots);

fn linear_operations(fixture: &Fixture, (a, x): Pair, (b, y): Pair) {
    let evaluator = &fixture.evaluator;
    let check = |got: &CkksCiphertext, want: &Slots, what: &str| {
        assert_eq!((got.level(), got.scale()), (a.level(), a.scale()));
        fixture.check(got, want, what);
    };
    check(a, x, "fresh");
    check(&evaluator.add(a, b).unwrap(), &x.add(y), "add");
    check(&evaluator.sub(a, b).unwrap(), &x.sub(y), "sub");
    check(&evaluator.negate(a).unwrap(), &x.negate(), "negate");
    let terms = [a.clone(), b.clone(), a.clone()];
    let sum = evaluator.add_many(&terms).unwrap();
    check(&sum, &x.add(y).add(x), "add_many");
}

#[track_caller]
fn assert_exhausted<T: std::fmt::Debug>(result: Result<T>) {
    let exhausted = matches!(
        result,
        Err(Error::Operands(OperandError::LevelExhausted {
            needed: 1,
            left: 0,
            ..
        }))
    );
    assert!(exhausted, "{result:?}");
}

fn products(fixture: &Fixture, (a, x): Pair, (b, y): Pair) {
    let evaluator = &fixture.evaluator;
    if a.level() == 0 {
        // A product of canonical scales never fits the first prime.
        for result in [
            evaluator.mul(a, b),
            evaluator.square(a),
            evaluator.mul_raw(a, b),
        ] {
            assert!(matches!(
                result,
                Err(Error::Precision(PrecisionError::ScaleTooLarge { .. }))
            ));
        }
        for result in [Evaluator::mul(evaluator, a, b), evaluator.power(a, 2)] {
            assert_exhausted(result);
        }
        return;
    }
    let scale = a.scale() * b.scale();
    let check = |got: &CkksCiphertext, degree: usize, want: &Slots, what: &str| {
        assert_eq!((got.level(), got.scale()), (a.level(), scale));
        assert_eq!(got.body().degree(), degree);
        fixture.check(got, want, what);
    };
    let want = x.mul(y);
    let product = evaluator.mul(a, b).unwrap();
    check(&product, 1, &want, "mul");
    check(&evaluator.square(a).unwrap(), 1, &x.mul(x), "square");
    let raw = evaluator.mul_raw(a, b).unwrap();
    check(&raw, 2, &want, "mul_raw");
    check(
        &evaluator.relinearize(&raw).unwrap(),
        1,
        &want,
        "relinearize",
    );
    check(
        &evaluator.add(&raw, &product).unwrap(),
        2,
        &want.add(&want),
        "2 + 1",
    );
    check(&evaluator.sub(&product, &raw).unwrap(), 2, &x.sub(x), {
        "1 - 2"
    });
    rescaled_products(fixture, (&product, &raw), &want);
    // Pending rescales are done by need: at the level below the trait multiplies on as long as a level is left.
    let cube = Evaluator::mul(evaluator, &product, a);
    if a.level() == 1 {
        assert_exhausted(cube);
    } else {
        fixture.check(&cube.unwrap(), &want.mul(x), "mul of a pending product");
    }
}

/// Rescaled, before or after the relinearization, a product has the canonical scale of the level below.
fn rescaled_products(
    fixture: &Fixture,
    (product, raw): (&CkksCiphertext, &CkksCiphertext),
    want: &Slots,
) {
    let evaluator = &fixture.evaluator;
    let below = product.level() - 1;
    for (rescaled, degree) in [
        (evaluator.rescale(product).unwrap(), 1),
        (evaluator.rescale(raw).unwrap(), 2),
    ] {
        assert_eq!(
            (rescaled.level(), rescaled.body().degree()),
            (below, degree)
        );
        assert_eq!(rescaled.scale(), fixture.context.scale(below).unwrap());
        fixture.check(&rescaled, want, "rescaled");
        let again = evaluator.relinearize(&rescaled).unwrap();
        assert_eq!(again.body().degree(), 1);
        fixture.check(&again, want, "rescaled, relinearized");
    }
}

fn plaintexts(fixture: &Fixture, (a, x): Pair, y: &Slots) {
    let evaluator = &fixture.evaluator;
    let top = fixture.context.top_level();
    // Terms: a's scale, at a's level or above.
    for level in a.level()..=top {
        let term = fixture.encode(y, level, a.scale());
        let sum = evaluator.add_plain(a, &term).unwrap();
        assert_eq!((sum.level(), sum.scale()), (a.level(), a.scale()));
        fixture.check(&sum, &x.add(y), "add_plain");
        let difference = evaluator.sub_plain(a, &term).unwrap();
        fixture.check(&difference, &x.sub(y), "sub_plain");
    }
    let real: Vec<f64> = y.0.iter().map(|value| value.re).collect();
    let position = evaluator.term_position(a).unwrap();
    let term = evaluator.encode_term(&real, position).unwrap();
    let sum = evaluator.add_plain(a, &term).unwrap();
    fixture.check(&sum, &x.add(&Slots::real(&real)), "encode_term");
    if a.level() == 0 {
        let factor = fixture.encode(y, 0, a.scale());
        assert!(matches!(
            evaluator.mul_plain(a, &factor),
            Err(Error::Precision(PrecisionError::ScaleTooLarge { .. }))
        ));
        assert_exhausted(evaluator.factor_position(a));
        assert_exhausted(evaluator.encode_factor(&real, position));
        return;
    }
    for level in a.level()..=top {
        let factor = fixture.encode(y, level, fixture.context.scale(a.level()).unwrap());
        let product = evaluator.mul_plain(a, &factor).unwrap();
        assert_eq!(product.level(), a.level());
        assert_eq!(product.scale(), a.scale() * factor.scale());
        fixture.check(&product, &x.mul(y), "mul_plain");
    }
    let position = evaluator.factor_position(a).unwrap();
    let factor = evaluator.encode_factor(&real, position).unwrap();
    let product = Evaluator::mul_plain(evaluator, a, &factor).unwrap();
    fixture.check(&product, &x.mul(&Slots::real(&real)), "encode_factor");
    // Zero: a transparent zero of exact level and scale.
    let zero = fixture
        .encoder
        .encode_complex(&[Complex64::ZERO], a.level(), a.scale())
        .unwrap();
    let product = evaluator.mul_plain(a, &zero).unwrap();
    assert!(product.is_transparent() && !a.is_transparent());
    assert_eq!(product.level(), a.level());
    assert_eq!(product.scale(), a.scale() * a.scale());
    fixture.check(&product, &x.scale(0.0), "times zero");
    let rescaled = evaluator.rescale(&product).unwrap();
    assert!(rescaled.is_transparent());
    assert_eq!(
        rescaled.scale(),
        fixture.context.scale(a.level() - 1).unwrap()
    );
    let sum = evaluator.add(&rescaled, a).unwrap();
    fixture.check(&sum, x, "0 + a");
}

fn scalars(fixture: &Fixture, a: &CkksCiphertext, x: &Slots) {
    let evaluator = &fixture.evaluator;
    for scalar in [0.0, 1.0, -3.0, 0.1, -0.75, 1e-9] {
        let sum = evaluator.add_scalar(a, scalar).unwrap();
        assert_eq!((sum.level(), sum.scale()), (a.level(), a.scale()));
        fixture.check(&sum, &x.add_scalar(scalar), "add_scalar");
    }
    // Integers cost neither level nor scale.
    for scalar in [0.0, -0.0, 1.0, -1.0, 5.0, -7.0] {
        let product = evaluator.mul_scalar(a, scalar).unwrap();
        assert_eq!((product.level(), product.scale()), (a.level(), a.scale()));
        assert_eq!(product.is_transparent(), scalar == 0.0);
        fixture.check(&product, &x.scale(scalar), "mul_scalar");
    }
    let nothing = evaluator.mul_scalar(a, 0.0).unwrap();
    assert_eq!(fixture.decrypt(&nothing), x.scale(0.0).0);
    fixture.check(&evaluator.add(&nothing, a).unwrap(), x, "0 + a");
    for scalar in [0.5, -1.25, std::f64::consts::PI, 3.001] {
        let product = evaluator.mul_scalar(a, scalar);
        if a.level() == 0 {
            assert!(matches!(
                product,
                Err(Error::Precision(PrecisionError::ScaleTooLarge { .. }))
            ));
            continue;
        }
        let product = product.unwrap();
        assert_eq!(product.level(), a.level());
        assert_eq!(product.scale(), a.scale() * a.scale());
        fixture.check(&product, &x.scale(scalar), "mul_scalar by a real");
        let product = evaluator.rescale(&product).unwrap();
        fixture.check(&product, &x.scale(scalar), "mul_scalar, rescaled");
    }
}

fn automorphisms(fixture: &Fixture, a: &CkksCiphertext, x: &Slots) {
    let evaluator = &fixture.evaluator;
    let check = |got: &CkksCiphertext, want: &Slots, what: &str| {
        assert_eq!((got.level(), got.scale()), (a.level(), a.scale()));
        fixture.check(got, want, what);
    };
    let row = i64::try_from(fixture.context.slots()).unwrap();
    // None, a key's own, composed ones, and ones beyond the row.
    let steps = [0, 1, 8, 10, row + 1, 1 - row, -row];
    let many = evaluator.rotate_many(a, &steps).unwrap();
    assert_eq!(many.len(), steps.len());
    for (&step, rotated) in steps.iter().zip(&many) {
        let (want, what) = (x.rotate(step), format!("rotation by {step}"));
        check(rotated, &want, &what);
        check(&evaluator.rotate_left(a, step).unwrap(), &want, &what);
        check(&evaluator.rotate_right(a, -step).unwrap(), &want, &what);
    }
    let conjugate = evaluator.conjugate(a).unwrap();
    check(&conjugate, &x.conjugate(), "conjugate");
    check(&evaluator.conjugate(&conjugate).unwrap(), x, "twice");
}

fn level_changes(fixture: &Fixture, a: &CkksCiphertext, x: &Slots) {
    let evaluator = &fixture.evaluator;
    for level in 0..a.level() {
        let dropped = evaluator.drop_to_level(a, level).unwrap();
        assert_eq!((dropped.level(), dropped.scale()), (level, a.scale()));
        assert_eq!(dropped.noise_bound(), a.noise_bound());
        fixture.check(&dropped, x, "dropped");
        let adjusted = evaluator.adjust_to_level(a, level).unwrap();
        assert_eq!(adjusted.level(), level);
        assert_eq!(adjusted.scale(), fixture.context.scale(level).unwrap());
        fixture.check(&adjusted, x, "adjusted");
    }
    let same = evaluator.drop_to_level(a, a.level()).unwrap();
    assert_eq!(same.body().polys(), a.body().polys());
    let above = Error::Operands(OperandError::InvalidLevel {
        level: a.level() + 1,
        highest: a.level(),
    });
    assert_eq!(
        evaluator.drop_to_level(a, a.level() + 1).unwrap_err(),
        above
    );
    if a.level() == 0 {
        assert_exhausted(evaluator.rescale(a));
    }
}

fn products_of_many(fixture: &mut Fixture, x: &Slots, y: &Slots) {
    let top = fixture.context.top_level();
    let a = fixture.encrypt(&fixture.public.clone(), x, top);
    let b = fixture.encrypt(&fixture.secret.clone(), y, top);
    let evaluator = &fixture.evaluator;
    for exponent in 1..=8u32 {
        let depth = exponent.next_power_of_two().trailing_zeros() as usize;
        let power = evaluator.power(&a, exponent);
        if depth > top {
            assert!(matches!(
                power,
                Err(Error::Operands(OperandError::LevelExhausted { .. }))
            ));
        } else {
            let what = format!("power {exponent}");
            fixture.check(&power.unwrap(), &x.power(exponent), &what);
        }
    }
    let four = [a.clone(), b.clone(), b.clone(), a.clone()];
    let want = x.mul(y).power(2);
    fixture.check(&evaluator.mul_many(&four).unwrap(), &want, "mul_many");
    let three = evaluator.mul_many(&four[..3]).unwrap();
    fixture.check(&three, &x.mul(y).mul(y), "mul_many of 3");
    let one = evaluator.mul_many(&four[..1]).unwrap();
    fixture.check(&one, x, "mul_many of 1");
    assert_eq!(
        evaluator.mul_many(&[]).unwrap_err(),
        Error::Values(ValueError::Empty)
    );
    assert_eq!(
        evaluator.add_many::<CkksCiphertext>(&[]).unwrap_err(),
        Error::Values(ValueError::Empty)
    );
}

/// Ciphertexts of one message: at every level in its canonical scale, as a product still to be rescaled, and in two scales
/// that nothing expects.
fn variants(fixture: &mut Fixture, x: &Slots) -> Vec<CkksCiphertext> {
    let mut variants = Vec::new();
    let encryptor = fixture.public.clone();
    for level in 0..=fixture.context.top_level() {
        let canonical = fixture.encrypt(&encryptor, x, level);
        let scale = canonical.scale().to_f64();
        for factor in [0.2345, 1.75] {
            let scale = Scale::from_f64(scale * factor).unwrap();
            let plaintext = fixture.encode(x, level, scale);
            let odd = encryptor.encrypt(&plaintext, &mut fixture.rng).unwrap();
            variants.push(odd);
        }
        if level > 0 {
            let ones = Slots::real(&vec![1.0; fixture.context.slots()]);
            let one = fixture.encode(&ones, level, canonical.scale());
            variants.push(fixture.evaluator.mul_plain(&canonical, &one).unwrap());
        }
        variants.push(canonical);
    }
    variants
}

#[test]
fn any_two_levels_and_scales_go_together() {
    for (builder, _) in rings() {
        // The small rings have every shape.
        if builder.clone().build().unwrap().slots() <= 32 {
            every_two_go_together(builder);
        }
    }
}

#[test]
fn any_two_levels_go_together_at_a_small_scale() {
    every_two_go_together(small_scale());
}

/// Sums and products of every two levels and scales: right, or an error that only the lowest level excuses.
fn every_two_go_together(builder: CkksBuilder) {
    let mut fixture = Fixture::with_rotations(builder, &Rotations::none());
    let (x, y) = (fixture.complex(), fixture.complex());
    let (left, right) = (variants(&mut fixture, &x), variants(&mut fixture, &y));
    for a in &left {
        for b in &right {
            let what = format!(
                "2^{:.3} at {} and 2^{:.3} at {}",
                a.scale().log2(),
                a.level(),
                b.scale().log2(),
                b.level()
            );
            go_together(&fixture, (a, &x), (b, &y), &what);
        }
    }
}

fn go_together(fixture: &Fixture, (a, x): Pair, (b, y): Pair, what: &str) {
    let evaluator = &fixture.evaluator;
    let lowest = a.level().min(b.level());
    for (result, want) in [
        (evaluator.add(a, b), x.add(y)),
        (evaluator.sub(a, b), x.sub(y)),
    ] {
        match result {
            Ok(sum) => {
                assert!(sum.level() <= lowest);
                fixture.check(&sum, &want, what);
            }
            Err(Error::Operands(OperandError::ScaleMismatch { .. })) => {
                assert_eq!(lowest, 0, "{what}: a sum that could be aligned");
                assert_ne!(a.scale(), b.scale(), "{what}: equal scales");
            }
            Err(other) => panic!("{what}: {other}"),
        }
    }
    let canonical = |c: &CkksCiphertext| c.scale() == fixture.context.scale(c.level()).unwrap();
    // The level that each has after the rescales it waits for.
    let ready = |c: &CkksCiphertext| evaluator.rescale_if_needed(c).unwrap().level();
    let expected = ready(a).min(ready(b));
    let by_trait: Result<CkksCiphertext> = Evaluator::mul(evaluator, a, b);
    if expected == 0 {
        assert!(
            matches!(
                by_trait,
                Err(Error::Operands(OperandError::LevelExhausted {
                    needed: 1,
                    left: 0,
                    ..
                }))
            ),
            "{what}"
        );
    } else {
        let product = by_trait.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(product.level(), expected);
        fixture.check(&product, &x.mul(y), what);
    }
    match evaluator.mul(a, b) {
        Ok(product) => {
            assert_eq!(product.level(), lowest);
            if canonical(a) && canonical(b) {
                let scale = fixture.context.scale(lowest).unwrap();
                assert_eq!(product.scale(), scale * scale);
            }
            fixture.check(&product, &x.mul(y), what);
        }
        Err(Error::Precision(PrecisionError::ScaleTooLarge { .. })) => {
            assert!(
                lowest == 0 || !canonical(a) || !canonical(b),
                "{what}: a product that fits"
            );
        }
        Err(other) => panic!("{what}: {other}"),
    }
}

/// The message is the values at the roots of unity, for every way to encode, at every level and scale.
#[test]
fn slots_are_values_at_roots_of_unity() {
    let rings = [
        insecure(8, &[60, 50, 50, 61], 1, 50),
        insecure(64, &[50, 40, 40, 40, 50], 1, 40),
        insecure(1024, &[45, 35, 35, 35, 45], 1, 35),
    ];
    for builder in rings {
        let mut fixture = Fixture::with_rotations(builder, &Rotations::none());
        let half = fixture.context.slots();
        for level in 0..=fixture.context.top_level() {
            let odd = Scale::from_f64(1.234_567e9).unwrap();
            let mut scales = vec![fixture.context.scale(level).unwrap(), odd];
            // Beyond one machine word, where the modulus is large enough.
            if level >= 2 {
                scales.push(Scale::power_of_two(90));
            }
            for scale in scales {
                let x = fixture.complex();
                let plaintext = fixture.encode(&x, level, scale);
                assert_eq!((plaintext.level(), plaintext.scale()), (level, scale));
                is_evaluation(&fixture, &plaintext, &x);
                for count in [1, half / 2, half] {
                    let few = &x.0[..count];
                    let sparse = fixture.encoder.encode_sparse(few, count, level, scale);
                    let sparse = sparse.unwrap();
                    let repeated = Slots((0..half).map(|j| few[j % count]).collect());
                    is_evaluation(&fixture, &sparse, &repeated);
                    let short = fixture.encoder.decode_sparse(&sparse, count).unwrap();
                    let tolerance = 4.0 * half as f64 / scale.to_f64() + 1e-13;
                    assert!(Slots(few.to_vec()).distance(&short) <= tolerance);
                }
                let scalar = fixture.encoder.encode_scalar(x.0[0], level, scale);
                is_evaluation(&fixture, &scalar.unwrap(), &Slots(vec![x.0[0]; half]));
                let few = fixture.encoder.encode_complex(&x.0[..2], level, scale);
                let mut padded = vec![Complex64::ZERO; half];
                padded[..2].copy_from_slice(&x.0[..2]);
                is_evaluation(&fixture, &few.unwrap(), &Slots(padded));
                let coefficients: Vec<f64> = (0..2 * half)
                    .map(|_| fixture.rng.random_range(-0.01..0.01))
                    .collect();
                let plaintext = fixture
                    .encoder
                    .encode_coefficients(&coefficients, level, scale);
                let plaintext = plaintext.unwrap();
                is_evaluation(&fixture, &plaintext, &Slots::of_coefficients(&coefficients));
            }
        }
    }
}

/// Checks that decoding gives `want`, and that so does the definition, from the decoded coefficients.
fn is_evaluation(fixture: &Fixture, plaintext: &CkksPlaintext, want: &Slots) {
    let decoded = fixture.encoder.decode_complex(plaintext).unwrap();
    // Each of N coefficients is rounded by a half.
    let rounding = fixture.context.slots() as f64 / plaintext.scale().to_f64();
    let tolerance = rounding + 1e-13;
    assert!(want.distance(&decoded) <= tolerance);
    let coefficients = fixture.encoder.decode_coefficients(plaintext).unwrap();
    let defined = Slots::of_coefficients(&coefficients);
    assert!(want.distance(&defined.0) <= tolerance + 1e-12);
    let largest = want.0.iter().map(|value| value.norm()).fold(0.0, f64::max);
    assert!(largest <= plaintext.message_bound());
}

/// What was encoded as real numbers, few slots or coefficients, comes back from under encryption.
#[test]
fn every_encoding_survives_encryption() {
    let mut fixture = Fixture::new(insecure(64, &[50, 40, 40, 40, 50], 1, 40));
    let values = fixture.real();
    let few = Slots::real(&values[..8]);
    let coefficients: Vec<f64> = values.iter().chain(&values).map(|x| x / 8.0).collect();
    for encryptor in [fixture.public.clone(), fixture.secret.clone()] {
        for level in 0..=3 {
            for bits in [30, 38, 40, 43] {
                let scale = Scale::power_of_two(bits);
                let (encoder, rng) = (&fixture.encoder, &mut fixture.rng);
                let tolerance = (14.0 - f64::from(bits)).exp2();
                let plaintext = encoder.encode_sparse(&few.0, 8, level, scale).unwrap();
                let a = encryptor.encrypt(&plaintext, rng).unwrap();
                let coefficient_plaintext = encoder
                    .encode_coefficients(&coefficients, level, scale)
                    .unwrap();
                let b = encryptor.encrypt(&coefficient_plaintext, rng).unwrap();
                let decrypted = fixture.decryptor.decrypt(&a).unwrap();
                let sparse = encoder.decode_sparse(&decrypted, 8).unwrap();
                assert!(few.distance(&sparse) <= a.noise_bound().min(tolerance));
                let decrypted = fixture.decryptor.decrypt(&b).unwrap();
                let decoded = encoder.decode_coefficients(&decrypted).unwrap();
                let distance = Slots::real(&coefficients).distance(&Slots::real(&decoded).0);
                assert!(distance <= b.noise_bound().min(tolerance));
                // A rotation moves few slots around their own number.
                let rotated = fixture.evaluator.rotate_left(&a, 1).unwrap();
                let decrypted = fixture.decryptor.decrypt(&rotated).unwrap();
                let sparse = encoder.decode_sparse(&decrypted, 8).unwrap();
                assert!(few.rotate(1).distance(&sparse) <= rotated.noise_bound());
            }
            let (encoder, rng) = (&fixture.encoder, &mut fixture.rng);
            let plaintext = encoder.encode(&values, level).unwrap();
            let a = encryptor.encrypt(&plaintext, rng).unwrap();
            let decoded = encoder
                .decode(&fixture.decryptor.decrypt(&a).unwrap())
                .unwrap();
            let distance = Slots::real(&values).distance(&Slots::real(&decoded).0);
            assert!(distance <= a.noise_bound() && distance < 1e-8);
        }
    }
}

/// The product of coefficient encodings is the negacyclic convolution.
#[test]
fn coefficients_convolve() {
    let mut fixture = Fixture::new(insecure(8, &[50, 40, 40, 50], 1, 40));
    let integers = [[3, -1, 4, 1, -5, 9, 2, 6], [2, 7, -1, 8, 2, 8, 1, -8]];
    let [a, b] = integers.map(|values| {
        let values = values.map(f64::from);
        let scale = fixture.context.scale(2).unwrap();
        let plaintext = fixture.encoder.encode_coefficients(&values, 2, scale);
        fixture
            .public
            .encrypt(&plaintext.unwrap(), &mut fixture.rng)
            .unwrap()
    });
    let product = fixture.evaluator.mul(&a, &b).unwrap();
    let product = fixture.evaluator.rescale(&product).unwrap();
    let plaintext = fixture.decryptor.decrypt(&product).unwrap();
    let decoded = fixture.encoder.decode_coefficients(&plaintext).unwrap();
    let [x, y] = integers.map(|values| model::Polynomial::from_words(&values.map(i64::from)));
    let rounded: Vec<i64> = decoded.iter().map(|value| value.round() as i64).collect();
    assert_eq!(model::Polynomial::from_words(&rounded), x.mul(&y));
}

/// The ciphertexts themselves: products and rescales are the textbook's integers.
#[test]
fn ciphertexts_are_the_textbooks() {
    for (builder, _) in rings() {
        if builder.clone().build().unwrap().slots() > 32 {
            continue; // the schoolbook over big integers is for small rings
        }
        let mut fixture = Fixture::with_rotations(builder, &Rotations::none());
        let (x, y) = (fixture.complex(), fixture.complex());
        for level in 1..=fixture.context.top_level() {
            let encryptor = fixture.public.clone();
            let a = fixture.encrypt(&encryptor, &x, level);
            let b = fixture.encrypt(&encryptor, &y, level);
            let evaluator = &fixture.evaluator;
            let product = evaluator.mul_raw(&a, &b).unwrap();
            model::check_ckks_tensor(a.body(), b.body(), product.body());
            let square = evaluator.mul_raw(&a, &a).unwrap();
            model::check_ckks_tensor(a.body(), a.body(), square.body());
            for ciphertext in [&a, &product] {
                let rescaled = evaluator.rescale(ciphertext).unwrap();
                model::check_division(ciphertext.body(), rescaled.body());
            }
        }
    }
}

/// The precision that the field expects of these parameters, for values in [-1, 1] in all slots.
#[test]
fn figures_at_8192() {
    let builder = CkksContext::builder()
        .degree(8192)
        .prime_bits(&[60, 40, 40, 60])
        .scale_bits(40);
    let mut fixture = Fixture::with_rotations(builder, &Rotations::steps(&[1]));
    let [x, y] = [fixture.real(), fixture.real()].map(|values| Slots::real(&values));
    let public = fixture.public.clone();
    let a = fixture.encrypt(&public, &x, 2);
    let b = fixture.encrypt(&public, &y, 2);
    let error = |ciphertext: &CkksCiphertext, want: &Slots| {
        let error = want.distance(&fixture.decrypt(ciphertext));
        assert!(error <= ciphertext.noise_bound());
        error.log2()
    };
    let fresh = error(&a, &x);
    assert!(fresh <= -25.0, "fresh: 2^{fresh:.1}");
    let product = fixture.evaluator.mul(&a, &b).unwrap();
    let product = fixture.evaluator.rescale(&product).unwrap();
    let multiplied = error(&product, &x.mul(&y));
    assert!(multiplied <= -24.0, "product: 2^{multiplied:.1}");
    let rotated = error(&fixture.evaluator.rotate_left(&a, 1).unwrap(), &x.rotate(1));
    assert!(rotated <= -22.0, "rotation: 2^{rotated:.1}");
}

/// 18 levels at 128-bit security: each carries a multiplication, and x^16 keeps its precision.
#[test]
fn eighteen_levels_carry_eighteen_products() {
    let bits = [vec![60], vec![40; 18], vec![44, 44]].concat();
    let builder = CkksContext::builder()
        .degree(32_768)
        .prime_bits(&bits)
        .special_primes(2)
        .scale_bits(40);
    let mut fixture = Fixture::with_rotations(builder, &Rotations::none());
    assert_eq!(fixture.context.top_level(), 18);
    // On the unit circle, so that no product hides an error by being small.
    let x = Slots(
        (0..fixture.context.slots())
            .map(|_| Complex64::from_polar(1.0, fixture.rng.random_range(0.0..6.0)))
            .collect(),
    );
    let encryptor = fixture.public.clone();
    let a = fixture.encrypt(&encryptor, &x, 18);
    // The encoder's bound is a power of two, hence 1 or, by a rounding, 2.
    let a = a.assume_message_bound(1.0 + 1e-9).unwrap();
    let sixteenth = fixture.evaluator.power(&a, 16).unwrap();
    let error = x.power(16).distance(&fixture.decrypt(&sixteenth));
    assert!(error <= sixteenth.noise_bound());
    assert!(error < (-18f64).exp2(), "x^16: 2^{:.1}", error.log2());
    let mut product = a.clone();
    for used in 1..=18 {
        product = Evaluator::mul(&fixture.evaluator, &product, &a).unwrap();
        assert_eq!(product.level(), 19 - used);
    }
    let last = fixture.evaluator.rescale(&product).unwrap();
    assert_eq!(
        (last.level(), last.scale()),
        (0, { fixture.context.scale(0).unwrap() })
    );
    let error = x.power(19).distance(&fixture.decrypt(&last));
    assert!(error <= last.noise_bound());
    assert!(error < (-18f64).exp2(), "x^19: 2^{:.1}", error.log2());
    let exhausted = Evaluator::mul(&fixture.evaluator, &last, &a).unwrap_err();
    assert!(matches!(
        exhausted,
        Error::Operands(OperandError::LevelExhausted {
            needed: 1,
            left: 0,
            ..
        })
    ));
}

fn five_primes(degree: usize) -> CkksBuilder {
    insecure(degree, &[60, 40, 40, 40, 40, 60], 1, 40)
}

#[test]
fn sums_that_fail_while_levels_remain() {
    let context = five_primes(16_384).build().unwrap();
    let client = context.generate_client_key().unwrap();
    let server = client.generate_server_key(&Rotations::none()).unwrap();
    let values = [0.5f64, -0.75, 1.0];
    let x = server.attach(client.encrypt(values).unwrap()).unwrap();
    let lower = x.drop_to_level(3).unwrap();
    let within = |vector: &slotwise::CkksVector, want: [f64; 3]| {
        let bound = vector.noise_bound();
        assert!(bound < 1e-5, "{bound:e}");
        for (found, want) in client.decrypt(vector).unwrap().iter().zip(want) {
            assert!((found - want).abs() <= bound, "{found} for {want}");
        }
    };
    let sum = (lower.square().unwrap() + (&lower * 0.87).unwrap()).unwrap();
    within(&sum, values.map(|x| x * x + 0.87 * x));
    let polynomial = lower.polyval(&[1.0, 0.87, 1.0]).unwrap();
    within(&polynomial, values.map(|x| 1.0 + 0.87 * x + x * x));
    // The evaluator's own drop keeps the scale, which is not the canonical one of the lower level.
    let evaluator = server.evaluator();
    let lower = evaluator.drop_to_level(&x.ciphertexts()[0], 3).unwrap();
    let square = Evaluator::square(evaluator, &lower).unwrap();
    let sum = Evaluator::add(
        evaluator,
        &square,
        &Evaluator::mul_scalar(evaluator, &lower, 0.87).unwrap(),
    );
    assert!(sum.unwrap().noise_bound() < 1e-5);
}

/// Two scales so near that one would pass for the other, at the price of some bits: a level is left, so none are lost.
#[test]
fn sums_at_nearly_equal_scales_keep_their_precision() {
    for (bits, scale_bits) in [([60, 57, 57, 60], 57), ([60, 50, 50, 60], 50)] {
        let mut fixture =
            Fixture::with_rotations(insecure(4096, &bits, 1, scale_bits), &Rotations::none());
        let slots = Slots(vec![Complex64::new(1.0, 0.0); 2048]);
        let scale = fixture.context.scale(2).unwrap();
        let near = Scale::from_f64(scale.to_f64() * (1.0 + (-31f64).exp2())).unwrap();
        let [a, b] = [scale, near].map(|scale| {
            let plaintext = fixture.encode(&slots, 2, scale);
            fixture
                .public
                .encrypt(&plaintext, &mut fixture.rng)
                .unwrap()
        });
        let sum = fixture.evaluator.add(&a, &b).unwrap();
        let e = &fixture.evaluator;
        let [a, b] = [a, b].map(|x| e.adjust_to_level(&x, 1).unwrap());
        let by_hand = e.add(&a, &b).unwrap();
        let lost = by_hand.precision_bits() - sum.precision_bits();
        assert!(lost < 0.1, "{scale_bits}: {lost} bits");
        fixture.check(&sum, &Slots(vec![Complex64::new(2.0, 0.0); 2048]), "near");
        // Where none is left, the sum is done as well as it can be.
        let [a, b] = [scale, near].map(|scale| {
            let plaintext = fixture.encode(&slots, 0, scale);
            fixture
                .public
                .encrypt(&plaintext, &mut fixture.rng)
                .unwrap()
        });
        assert!(fixture.evaluator.add(&a, &b).unwrap().precision_bits() > 29.0);
    }
}

/// A ciphertext of any level and scale, with a product that waits for its rescale or without, and what its message was multiplied by.
fn any_operand(fixture: &mut Fixture, slots: &Slots) -> (CkksCiphertext, f64) {
    let level = fixture.rng.random_range(1..=fixture.context.top_level());
    // Canonical, as SEAL has it, or anything between 2^30 and 2^60.
    let scale = match fixture.rng.random_range(0..4) {
        0 => fixture.context.scale(level).unwrap(),
        1 => Scale::power_of_two(40),
        2 => Scale::power_of_two(fixture.rng.random_range(30..60)),
        _ => Scale::from_f64(fixture.rng.random_range(1e9..1e18)).unwrap(),
    };
    let plaintext = fixture.encode(slots, level, scale);
    let fresh = fixture.public.encrypt(&plaintext, &mut fixture.rng);
    let fresh = fresh.unwrap();
    match fixture.rng.random_range(0..3) {
        0 => match fixture.evaluator.mul_scalar(&fresh, 0.87) {
            Ok(product) => (product, 0.87),
            Err(_) => (fresh, 1.0),
        },
        1 => {
            let ones = vec![Complex64::new(1.0, 0.0); slots.0.len()];
            let ones = fixture.encode(&Slots(ones), level, Scale::power_of_two(45));
            let product = fixture.evaluator.mul_plain(&fresh, &ones);
            (product.unwrap_or(fresh), 1.0)
        }
        _ => match fixture.rng.random_range(0..8) {
            // Zero, at whatever scale.
            0 => (fixture.evaluator.mul_scalar(&fresh, 0.0).unwrap(), 0.0),
            1 => {
                let zero = fixture.evaluator.mul_scalar(&fresh, 0.0).unwrap();
                (fixture.evaluator.rescale(&zero).unwrap(), 0.0)
            }
            2 => match fixture.evaluator.mul_scalar(&fresh, 1_000_000.0) {
                Ok(product) => (product, 1e6),
                Err(_) => (fresh, 1.0),
            },
            _ => (fresh, 1.0),
        },
    }
}

/// A sum of any two ciphertexts of any levels and scales that has a level left after what it waits for.
#[test]
fn any_sum_with_a_level_left_works() {
    any_sums(five_primes(64));
    any_sums(insecure(64, &[60, 30, 50, 40, 40, 60], 1, 35));
    any_sums(insecure(64, &[55, 25, 25, 25, 25, 25, 55], 1, 25));
}

fn any_sums(builder: CkksBuilder) {
    let mut fixture = Fixture::with_rotations(builder, &Rotations::none());
    let lowest = fixture.context.scale(0).unwrap().log2();
    let slots = (0..32).map(|j| Complex64::new(f64::from(j % 5) / 5.0, 0.0));
    let slots = Slots(slots.collect());
    for trial in 0..400 {
        let (a, factor_a) = any_operand(&mut fixture, &slots);
        let (b, factor_b) = any_operand(&mut fixture, &slots);
        let what = format!("trial {trial}: {a:?}, {b:?}");
        let left = a.levels_left().min(b.levels_left());
        match fixture.evaluator.add(&a, &b) {
            Ok(sum) => {
                let want = slots.0.iter().map(|x| x * (factor_a + factor_b));
                let found = fixture.decrypt(&sum);
                let errors = found.iter().zip(want).map(|(x, y)| (x - y).norm());
                assert!(errors.fold(0.0, f64::max) <= sum.noise_bound(), "{what}");
                // No worse than the worse of the two, but for a rounding at the scale that they were brought to.
                let before = a.noise_bound() + b.noise_bound() + (21.0 - lowest).exp2();
                let is_near = sum.noise_bound() <= 4.0 * before;
                assert!(is_near || left == 0, "{what}: {sum:?}");
            }
            Err(
                Error::Operands(OperandError::ScaleMismatch { .. })
                | Error::Precision(PrecisionError::ScaleTooLarge { .. }),
            ) if left == 0 => {}
            Err(error) => panic!("{what}: {error}"),
        }
    }
}

/// A context of the depth that a polynomial or a power announces is enough for it, and one level less is refused at once.
#[test]
fn the_announced_depth_is_enough() {
    for depth in 1..=5usize {
        let bits = [vec![60], vec![45; depth], vec![60]].concat();
        let context = insecure(64, &bits, 1, 45).build().unwrap();
        let client = context.generate_client_key().unwrap();
        let server = client.generate_server_key(&Rotations::none()).unwrap();
        let x = server
            .attach(client.encrypt([0.9, -0.7, 0.3]).unwrap())
            .unwrap();
        let values = [0.9f64, -0.7, 0.3];
        for degree in 1..(1 << depth) + 3 {
            for fractions in [false, true] {
                let coefficients: Vec<f64> = (0..=degree)
                    .map(|i| {
                        if fractions {
                            0.3 + f64::from(i % 3) / 7.0
                        } else {
                            f64::from(i % 3) + 1.0
                        }
                    })
                    .collect();
                let polynomial = slotwise::circuits::Polynomial::new(&coefficients).unwrap();
                let needed = polynomial.depth(|c| c.fract() != 0.0);
                match x.polyval(&coefficients) {
                    Ok(result) => {
                        assert!(needed <= depth, "degree {degree}");
                        let bound = result.noise_bound();
                        for (found, x) in client.decrypt(&result).unwrap().iter().zip(values) {
                            let want = coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c);
                            assert!((found - want).abs() <= bound && bound < 1e-3, "{bound}");
                        }
                    }
                    Err(error) => {
                        assert!(needed > depth, "degree {degree}, depth {depth}: {error}");
                        assert!(
                            matches!(error, Error::Operands(OperandError::LevelExhausted { needed: n, .. }) if n == needed)
                        );
                    }
                }
            }
        }
    }
}
