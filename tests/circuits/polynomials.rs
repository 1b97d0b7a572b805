//! Polynomials and functions: encrypted against the clear, depths, errors and refusals.

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use slotwise::circuits::{
    Approximation, Chebyshev, Input, Planner, Polynomial, Program, Quotient, Vector,
};
use slotwise::encryption::{CkksCiphertext, Decryptor, Encryptor};
use slotwise::evaluator::{BfvEvaluator, CkksEvaluator, ClearIntegers, ClearReals, Evaluator};
use slotwise::keys::{KeyGenerator, Rotations, SecretKey};
use slotwise::params::{BfvContext, CkksContext};
use slotwise::{Error, OperandError, Result, ValueError};
use std::sync::Arc;

struct Setup {
    secret: Arc<SecretKey>,
    evaluator: CkksEvaluator,
}

/// A small insecure ring with these primes, the last one or two special, and scales of 40 bits.
fn setup(middle: usize) -> Setup {
    let bits = [&[60][..], &vec![45; middle], &[50, 50]].concat();
    let builder = CkksContext::builder()
        .degree(128)
        .prime_bits(&bits)
        .special_primes(2)
        .scale_bits(45);
    let context = builder.insecure_skip_security_check().build().unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let keys = KeyGenerator::new(&secret)
        .evaluation_keys(&Rotations::none(), &mut rng)
        .unwrap();
    let evaluator = CkksEvaluator::with_keys(&context, Arc::new(keys)).unwrap();
    Setup { secret, evaluator }
}

impl Setup {
    fn encrypt(&self, values: &[f64], level: usize) -> CkksCiphertext {
        let mut rng = ChaCha20Rng::seed_from_u64(8);
        let plaintext = self.evaluator.encoder().encode(values, level).unwrap();
        let encryptor = Encryptor::with_secret_key(Arc::clone(&self.secret));
        encryptor.encrypt(&plaintext, &mut rng).unwrap()
    }

    /// The vector of these values at this level.
    fn vector(&self, values: &[f64], level: usize) -> Vector<CkksEvaluator> {
        let stride = values.len().next_power_of_two();
        let padded = [values, &vec![0.0; stride - values.len()]].concat();
        let x = self.encrypt(&padded.repeat(64 / stride), level);
        // Times 1 with zeros beyond the values: known padding.
        let x = Vector::from_ciphertexts(&self.evaluator, values.len(), vec![x]).unwrap();
        x.mul_plain(&vec![1.0; values.len()]).unwrap()
    }

    /// Checks the slots of a vector, those without values included, which are 0.
    fn check_vector(&self, x: &Vector<CkksEvaluator>, want: &[f64], most: f64) {
        let stride = want.len().next_power_of_two();
        let padded = [want, &vec![0.0; stride - want.len()]].concat();
        self.check(
            &x.ciphertexts()[0],
            &padded.repeat(64 / stride),
            most,
            "vector",
        );
    }

    /// Checks the values of `x` against these within the bound, which is at most `most`.
    fn check(&self, x: &CkksCiphertext, want: &[f64], most: f64, what: &str) {
        let plaintext = Decryptor::new(&self.secret).decrypt(x).unwrap();
        let found = self.evaluator.encoder().decode(&plaintext).unwrap();
        let errors = found.iter().zip(want).map(|(a, b)| (a - b).abs());
        let worst = errors.fold(0.0, f64::max);
        let bound = x.noise_bound();
        assert!(
            worst <= bound && bound <= most,
            "{what}: error {worst:e}, bound {bound:e}"
        );
    }
}

/// Values all over an interval, its ends included.
fn values(low: f64, high: f64) -> Vec<f64> {
    (0..64)
        .map(|i| low + (high - low) * f64::from(i) / 63.0)
        .collect()
}

/// Coefficients that fall off, without the odd or even ones if `parity` says so.
fn coefficients(degree: usize, parity: Option<usize>) -> Vec<f64> {
    (0..=degree)
        .map(|i| {
            let number = i as f64;
            let kept = parity.is_none_or(|parity| i % 2 == parity);
            f64::from(u8::from(kept)) * (number * 1.7 + 0.3).sin() / (number + 1.0)
        })
        .collect()
}

#[test]
fn chebyshev_polynomials_have_least_depth_and_stay_within_bounds() {
    let setup = setup(9);
    for (degree, parity) in [
        1, 2, 3, 4, 5, 6, 7, 8, 13, 16, 21, 31, 32, 63, 64, 100, 127, 255,
    ]
    .into_iter()
    .flat_map(|degree| [(degree, None), (degree, Some(degree % 2))])
    {
        let polynomial = Chebyshev::new(&coefficients(degree, parity), -1.0..=1.0).unwrap();
        let depth = degree.ilog2() as usize + 1;
        assert_eq!(polynomial.depth(), depth);
        let x = values(-1.0, 1.0);
        let want: Vec<f64> = x.iter().map(|&x| polynomial.at(x)).collect();
        let result = polynomial
            .evaluate(&setup.evaluator, &setup.encrypt(&x, depth))
            .unwrap();
        assert_eq!(result.level(), 0);
        let canonical = setup.evaluator.context().scale(0).unwrap();
        assert!(result.scale().is_close(canonical));
        setup.check(&result, &want, 2e-6, &format!("degree {degree}"));
        let short = polynomial.evaluate(&setup.evaluator, &setup.encrypt(&x, depth - 1));
        assert!(
            short
                .unwrap_err()
                .to_string()
                .contains(&format!("takes {depth} level"))
        );
    }
}

#[test]
fn monomial_polynomials_have_least_depth_and_stay_within_bounds() {
    let setup = setup(6);
    for degree in [1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 33, 63] {
        for parity in [None, Some(degree % 2)] {
            let mut coefficients = coefficients(degree, parity);
            for is_monic in [false, true] {
                if is_monic {
                    coefficients[degree] = 1.0;
                }
                let polynomial = Polynomial::new(&coefficients).unwrap();
                let depth = polynomial.depth(|c| setup.evaluator.takes_a_level(c));
                let is_power = is_monic && degree.is_power_of_two();
                assert_eq!(depth, degree.ilog2() as usize + usize::from(!is_power));
                let x = values(-1.0, 1.0);
                let want = polynomial.evaluate(&ClearReals::new(64), &x).unwrap();
                let encrypted = setup.encrypt(&x, depth);
                let result = polynomial.evaluate(&setup.evaluator, &encrypted).unwrap();
                assert_eq!(result.level(), 0);
                setup.check(&result, &want, 1e-7, &format!("degree {degree}"));
            }
        }
    }
}

#[test]
fn polynomials_of_integers_are_exact() -> Result<()> {
    let context = BfvContext::builder()
        .degree(64)
        .prime_bits(&[50; 8])
        .special_primes(2)
        .plaintext_modulus(65_537)
        .insecure_skip_security_check()
        .build()?;
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let keys = KeyGenerator::new(&secret).evaluation_keys(&Rotations::none(), &mut rng)?;
    let evaluator = BfvEvaluator::with_keys(&context, Arc::new(keys))?;
    let x: Vec<i64> = (0..64).map(|i| (i * 977) % 211 - 105).collect();
    let plaintext = evaluator.encoder().encode(&x)?;
    let encrypted =
        Encryptor::with_secret_key(Arc::clone(&secret)).encrypt(&plaintext, &mut rng)?;
    for degree in [1, 2, 3, 5, 7, 8, 12, 16, 21] {
        let coefficients: Vec<i64> = (0..=degree).map(|i| (i * i * 31 + 5) % 97 - 40).collect();
        let polynomial = Polynomial::new(&coefficients)?;
        let want = polynomial.evaluate(&ClearIntegers::new(64, 65_537)?, &x)?;
        let result = polynomial.evaluate(&evaluator, &encrypted)?;
        let found = evaluator
            .encoder()
            .decode(&Decryptor::new(&secret).decrypt(&result)?)?;
        assert_eq!(found, want, "degree {degree}");
    }
    Ok(())
}

#[test]
fn functions_of_vectors_keep_padding_zero() -> Result<()> {
    let setup = setup(8);
    let clear = ClearReals::new(64);
    let tanh = Approximation::tanh(-4.0..=4.0, 31)?;
    let ln = Approximation::ln(1.0..=4.0, 15)?;
    // 0 is no logarithm's argument, and slots without values hold it.
    for (function, values) in [
        (&tanh, vec![-4.0, 0.3, 2.0, 4.0, -1.0]),
        (&ln, vec![1.0, 4.0, 2.5]),
    ] {
        let want: Vec<f64> = values
            .iter()
            .map(|&x| function.polynomial().at(x))
            .collect();
        let in_the_clear = Vector::from_values(&clear, &values)?.evaluate(function)?;
        let pairs = in_the_clear.values().into_iter().zip(&want);
        assert!(
            pairs
                .into_iter()
                .all(|(found, want)| (found - want).abs() < 1e-13)
        );
        assert!(
            in_the_clear.ciphertexts()[0][values.len()..8.min(values.len().next_power_of_two())]
                .iter()
                .all(|x| x.abs() < 1e-13)
        );
        let x = setup.vector(&values, function.depth() + 1);
        assert_eq!(x.levels_left(), function.depth());
        let y = x.evaluate(function)?;
        assert_eq!(y.levels_left(), 0);
        setup.check_vector(&y, &want, 1e-6);
    }
    Ok(())
}

#[test]
fn several_polynomials_share_powers_and_each_value_can_have_its_own() -> Result<()> {
    let setup = setup(7);
    let values = [-1.5, 0.25, 0.75, 1.9, -0.1];
    let polynomials: Vec<Chebyshev> = (0..5)
        .map(|i| Chebyshev::new(&coefficients(3 + 6 * i, None), -2.0..=2.0))
        .collect::<Result<_>>()?;
    let x = setup.vector(&values, 7);
    let clear = Vector::from_values(&ClearReals::new(64), &values)?;
    let (many, many_clear) = (
        x.evaluate_many(&polynomials)?,
        clear.evaluate_many(&polynomials)?,
    );
    for ((polynomial, found), clear) in polynomials.iter().zip(&many).zip(&many_clear) {
        let want = values.map(|x| polynomial.at(x));
        setup.check_vector(found, &want, 1e-7);
        let pairs = clear.values().into_iter().zip(want);
        assert!(
            pairs
                .into_iter()
                .all(|(found, want)| (found - want).abs() < 1e-13)
        );
        assert_eq!(found.levels_left(), 6 - polynomial.depth());
    }
    let want: Vec<f64> = polynomials
        .iter()
        .zip(values)
        .map(|(p, x)| p.at(x))
        .collect();
    setup.check_vector(&x.evaluate_each(&polynomials)?, &want, 1e-6);
    let found = clear.evaluate_each(&polynomials)?.values();
    assert!(
        found
            .iter()
            .zip(&want)
            .all(|(found, want)| (found - want).abs() < 1e-13)
    );
    assert!(matches!(
        x.evaluate_each(&polynomials[..4]),
        Err(Error::Operands(OperandError::Count { .. }))
    ));
    let other = Chebyshev::new(&[1.0, 2.0], -1.0..=1.0)?;
    assert!(matches!(
        x.evaluate_many(&[polynomials[0].clone(), other]),
        Err(Error::Operands(OperandError::InvalidArgument { .. }))
    ));
    assert_eq!(
        x.evaluate_many(&[]).unwrap_err(),
        Error::Values(ValueError::Empty)
    );
    Ok(())
}

/// Polynomials that are constant, alone and with others.
struct Constants {
    half: Chebyshev,
    line: Chebyshev,
    zero: Chebyshev,
}

impl Constants {
    fn on(low: f64, high: f64) -> Result<Self> {
        Ok(Self {
            half: Chebyshev::new(&[0.5], low..=high)?,
            line: Chebyshev::new(&[0.0, 1.0], low..=high)?,
            zero: Chebyshev::new(&[0.0], low..=high)?,
        })
    }
}

impl Program for Constants {
    fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> Result<Vec<Vector<E>>> {
        let x = &inputs[0];
        let each = |i| if i % 2 == 0 { &self.half } else { &self.zero };
        let each: Vec<Chebyshev> = (0..x.len()).map(|i| each(i).clone()).collect();
        let all = [self.line.clone(), self.half.clone(), self.zero.clone()];
        let mut results = x.evaluate_many(&all)?;
        results.extend([
            x.evaluate(&self.half)?,
            x.evaluate(&self.zero)?,
            x.evaluate_each(&each)?,
        ]);
        Ok(results)
    }
}

#[test]
fn constants_are_as_precise_as_their_encoding() -> Result<()> {
    let setup = setup(3);
    for largest in [1.0, 1000.0] {
        let constants = Constants::on(-largest, largest)?;
        let values = [-largest, 0.25, largest];
        let found = constants.run(&[setup.vector(&values, 3)])?;
        let line = values.map(|x| x / largest);
        let of = |value: f64| [value; 3];
        let wanted = [line, of(0.5), of(0.0), of(0.5), of(0.0), [0.5, 0.0, 0.5]];
        for (found, wanted) in found.iter().zip(&wanted) {
            setup.check_vector(found, wanted, 1e-8);
        }
        let inputs = [Input::vector(5).range(-largest..=largest)];
        let plan = Planner::new(&inputs).precision_bits(20).plan(&constants)?;
        assert!(plan.noise_bound() <= (-20.0_f64).exp2());
    }
    let zero = Approximation::relu(-1.0..=0.0, 3)?;
    assert_eq!((zero.error(), zero.depth()), (0.0, 0));
    let found = setup.vector(&[-1.0, -0.5], 1).evaluate(&zero)?;
    setup.check_vector(&found, &[0.0, 0.0], 1e-8);
    Ok(())
}

#[test]
fn quotients_converge() -> Result<()> {
    let setup = setup(10);
    let (x, y) = ([1.0, -2.0, 0.5], [0.11, 9.5, 3.0]);
    for steps in [0, 3] {
        let quotient = Quotient::new(0.1..=10.0, 15, steps)?;
        let level = quotient.depth() + 1;
        let [dividends, divisors] = [x, y].map(|values| setup.vector(&values, level));
        let found = [
            dividends.divide(&divisors, &quotient)?,
            divisors.inverse(&quotient)?,
        ];
        let clear = [x, y].map(|values| Vector::from_values(&ClearReals::new(8), &values).unwrap());
        let want = [
            clear[0].divide(&clear[1], &quotient)?,
            clear[1].inverse(&quotient)?,
        ];
        for ((found, want), numerators) in found.iter().zip(&want).zip([x, [1.0; 3]]) {
            setup.check_vector(found, &want.values(), 1e-3);
            for ((value, numerator), divisor) in want.values().into_iter().zip(numerators).zip(y) {
                let relative = (value * divisor / numerator - 1.0).abs();
                assert!(
                    relative <= quotient.relative_error() + 1e-14,
                    "{relative:e}"
                );
            }
        }
        // An inverse without steps is the polynomial alone.
        let least = level - usize::from(steps == 0);
        assert!(setup.vector(&y, least).inverse(&quotient).is_ok());
        let short = setup.vector(&y, least - 1).inverse(&quotient).unwrap_err();
        assert!(matches!(
            short,
            Error::Operands(OperandError::LevelExhausted { .. })
        ));
    }
    assert!(Quotient::new(-1.0..=1.0, 15, 2).is_err());
    assert!(Quotient::new(1e-6..=1e6, 3, 2).is_err());
    assert!(Quotient::new(0.1..=10.0, 15, 31).is_err());
    Ok(())
}

#[test]
fn bad_polynomials_are_refused() {
    let interval =
        |low: f64, high: f64| Chebyshev::approximate(f64::sin, low..=high, 3).unwrap_err();
    for (low, high) in [
        (1.0, 1.0),
        (2.0, 1.0),
        (f64::NEG_INFINITY, 0.0),
        (0.0, f64::NAN),
        (-f64::MAX, f64::MAX),
        (0.0, 5e-324),
    ] {
        assert!(
            matches!(
                interval(low, high),
                Error::Values(ValueError::InvalidInterval { .. })
            ),
            "{low} {high}"
        );
    }
    for degree in [0, 1024, usize::MAX] {
        let wanted = Error::Values(ValueError::InvalidDegree {
            degree,
            highest: 1023,
        });
        assert_eq!(
            Chebyshev::approximate(f64::sin, 0.0..=1.0, degree).unwrap_err(),
            wanted
        );
        assert_eq!(
            Chebyshev::minimax(f64::sin, 0.0..=1.0, degree).unwrap_err(),
            wanted
        );
    }
    let pole = Chebyshev::approximate(|x| 1.0 / x, -1.0..=1.0, 4).unwrap_err();
    assert!(matches!(
        pole,
        Error::Values(ValueError::FunctionNotFinite { .. })
    ));
    assert_eq!(
        Chebyshev::new([0.0; 0], 0.0..=1.0).unwrap_err(),
        Error::Values(ValueError::Empty)
    );
    assert_eq!(
        Chebyshev::new(&[0.0, f64::NAN], 0.0..=1.0).unwrap_err(),
        Error::Values(ValueError::NotFinite { index: 1 })
    );
    assert!(Chebyshev::new(&vec![1.0; 1025], 0.0..=1.0).is_err());
    let sin = Approximation::sin(-1.0..=1.0, 5).unwrap();
    let outside = sin.outside(&[0.0, 1.0, -1.5, 1.25, f64::NAN]);
    assert_eq!(outside.count, 3);
    assert!(
        sin.outside(&[0.5, -2.0, 3.0]).worst == Some(3.0) && sin.outside(&[1.0]).worst.is_none()
    );
}

/// Slots without values may hold anything: they are cleared before a polynomial, which could exceed the modulus there.
#[test]
fn slots_without_values_do_not_spoil_the_others() {
    let context = CkksContext::builder()
        .degree(128)
        .prime_bits(&[60, 45, 45, 45, 45, 45, 45, 45, 60])
        .scale_bits(45)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let client = context.generate_client_key().unwrap();
    let server = client.generate_server_key(&Rotations::none()).unwrap();
    let attach = |values: &[f64]| server.attach(client.encrypt(values).unwrap()).unwrap();
    let values = [10.0, 10.5, 11.0, 10.2, 10.9];
    let sum = attach(&values).add(&attach(&[1.0])).unwrap();
    for degree in [7, 15, 31] {
        let mut coefficients = vec![0.0; degree + 1];
        coefficients[degree] = 1.0;
        let polynomial = Chebyshev::new(&coefficients, 11.0..=12.0).unwrap();
        let each = vec![polynomial.clone(); values.len()];
        for y in [sum.evaluate(&polynomial), sum.evaluate_each(&each)] {
            let y = y.unwrap();
            for (found, value) in client.decrypt(&y).unwrap().iter().zip(values) {
                let error = (found - polynomial.at(value + 1.0)).abs();
                assert!(error <= y.noise_bound(), "{degree}: {error:e}");
            }
        }
    }
    let low = sum.drop_to_level(3).unwrap();
    let polynomial =
        Chebyshev::new(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0], 11.0..=12.0).unwrap();
    assert!(matches!(
        low.evaluate(&polynomial),
        Err(Error::Operands(OperandError::LevelExhausted {
            needed: 4,
            left: 3,
            ..
        }))
    ));
}
