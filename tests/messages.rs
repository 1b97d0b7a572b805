//! The mistakes of a new user: each is refused with a message that contains the call that helps.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use slotwise::circuits::{Grid, Polynomial, Tensor};
use slotwise::evaluator::{BfvForecast, ClearIntegers, ClearReals, Forecast};
use slotwise::federated::{Aggregator, SumDecryptor, SumEncryptor, SumSpec, Upload};
use slotwise::keys::KeyPlan;
use slotwise::multiparty::{Collector, Deal, Policy, PublicKeyShare, Session, SessionTerms, Setup};
use slotwise::networks::{BatchNorm, Dense};
use slotwise::prelude::*;
use slotwise::ring::Seed;
use slotwise::wire::Unattached;
use slotwise::{Error, KeyError, OperandError, Result};
use std::sync::LazyLock;

/// Three levels at a degree that hides nothing.
fn reals(degree: usize) -> CkksContext {
    let builder = CkksContext::builder().degree(degree);
    let builder = builder.prime_bits(&[60, 45, 45, 45, 60]).scale_bits(45);
    builder.insecure_skip_security_check().build().unwrap()
}

fn integers() -> BfvContext {
    let builder = BfvContext::builder().degree(64).prime_bits(&[50; 4]);
    let builder = builder.plaintext_modulus(65_537);
    builder.insecure_skip_security_check().build().unwrap()
}

static CLIENT: LazyLock<ClientKey<Ckks>> =
    LazyLock::new(|| reals(64).generate_client_key().unwrap());

/// A server with keys for products, and none for rotations.
static SERVER: LazyLock<ServerKey<Ckks>> =
    LazyLock::new(|| CLIENT.generate_server_key(&Rotations::none()).unwrap());

fn vector(values: &[f64]) -> CkksVector {
    SERVER.attach(CLIENT.encrypt(values).unwrap()).unwrap()
}

/// Asserts that the message of an error has each of these texts.
#[track_caller]
fn says<T>(result: Result<T>, texts: &[&str]) {
    let Err(error) = result else {
        panic!("no error");
    };
    let message = error.to_string();
    for text in texts {
        assert!(message.contains(text), "no `{text}` in: {message}");
    }
    assert_eq!(message, format!("{error:?}"), "what `main` prints");
}

#[test]
fn forgotten_keys() -> Result<()> {
    let detached = CLIENT.encrypt([1.0, 2.0, 3.0, 4.0])?;
    let help = ["`server.attach(vector)`", "`client.generate_server_key("];
    says(&detached * &detached, &help);
    says(detached.rotate_left(1), &help);
    says(detached.sum(), &help);
    says(detached.dot(&detached), &help);
    // A vector that was read without keys is as one that was never attached.
    let read = CkksVector::from_bytes(&detached.to_bytes(), CLIENT.context())?;
    says(read.square(), &help);
    Ok(())
}

#[test]
fn missing_rotation_keys() {
    let x = vector(&[1.0, 2.0, 3.0, 4.0]);
    let help = [
        "`client.extend_server_key(&server, &Rotations::steps(&[1]))`",
        "attach the vectors to the new server key",
    ];
    says(x.rotate_left(1), &help);
    says(
        x.sum(),
        &["`client.extend_server_key(", "`vector.rotations_for_sum()`"],
    );
    let conjugated = SERVER.evaluator().conjugate(&x.ciphertexts()[0]);
    says(
        conjugated,
        &["and_conjugation()", "`client.extend_server_key("],
    );
}

#[test]
fn exceeded_depth() -> Result<()> {
    let mut x = vector(&[0.5]);
    for _ in 0..3 {
        x = x.square()?;
    }
    let help = [
        "a multiplication takes 1 level and 0 are left",
        "`for_depth`",
    ];
    says(x.square(), &help);
    says(&x * 0.5, &help);
    says(
        vector(&[0.5]).polyval(&[1.0; 32]),
        &["takes 5 levels and 3 are left", "`for_depth`"],
    );
    says(
        vector(&[0.5]).refresh(),
        &["bootstrapping()", "`server.with_bootstrapping(&keys)`"],
    );
    Ok(())
}

/// A plan's key for products is for the levels of its products.
#[test]
fn products_above_the_planned_level() -> Result<()> {
    struct SumOfSquares;

    impl Program for SumOfSquares {
        fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> Result<Vec<Vector<E>>> {
            Ok(vec![(&inputs[0] * 0.5)?.square()?.sum()?])
        }
    }

    let planner = Planner::new(&[Input::vector(4)]).insecure_degree(1024);
    let plan = planner.plan(&SumOfSquares)?;
    let client = plan.context().generate_client_key()?;
    let server = client.generate_planned_server_key(plan.key_plan())?;
    let x = server.attach(client.encrypt([0.5; 4])?)?;
    let help = [
        "the relinearization key serves levels up to 1",
        "at level 2",
        "`vector.drop_to_level(1)`",
        "`client.generate_server_key(&rotations)`",
    ];
    says(x.square(), &help);
    let dry = Forecast::with_planned_keys(plan.context(), plan.key_plan())?;
    let foreseen = dry.encrypt_bounded(1.0, 2)?;
    says(dry.mul(&foreseen, &foreseen), &help);
    let square = x.drop_to_level(1)?.square()?;
    assert!((client.decrypt(&square)?[0] - 0.25).abs() < 1e-3);
    Ok(())
}

#[test]
fn bootstrappings_below_their_level_or_without_keys() -> Result<()> {
    let builder = CkksContext::for_depth(1).bootstrapping().degree(64);
    let context = builder.insecure_skip_security_check().build()?;
    let client = context.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::none())?;
    let keys = client.generate_bootstrapping_keys()?;
    let help = [
        "`server.with_bootstrapping(&keys)`",
        "`client.generate_bootstrapping_keys()`",
    ];
    let x = server.attach(client.encrypt([0.5])?)?;
    says(x.refresh(), &help);
    let mut without = x.auto_refresh();
    let error = loop {
        match without.square() {
            Ok(square) => without = square,
            Err(error) => break error,
        }
    };
    says(Err::<(), _>(error), &help[..1]);
    let server = server.with_bootstrapping(&keys)?;
    let x = server.attach(client.encrypt([0.5])?)?.drop_to_level(0)?;
    let help = [
        "a bootstrapping takes ",
        "`vector.levels_left()`",
        "`vector.auto_refresh()`",
    ];
    says(x.refresh(), &help);
    assert!(!x.refresh().unwrap_err().to_string().contains("more depth"));
    Ok(())
}

#[test]
fn exceeded_noise_of_integers() -> Result<()> {
    let client = integers().generate_client_key()?;
    let server = client.generate_server_key(&Rotations::none())?;
    let mut x = server.attach(client.encrypt([3])?)?;
    for _ in 0..8 {
        x = x.square()?;
    }
    says(client.decrypt(&x), &["`for_depth`"]);
    Ok(())
}

#[test]
fn mixed_contexts() -> Result<()> {
    let other = reals(128).generate_client_key()?;
    let foreign = other.encrypt([1.0])?;
    let help = ["context.params().to_bytes()", "`CkksParams::from_bytes`"];
    says(&vector(&[1.0]) + &foreign, &help);
    says(SERVER.attach(&foreign), &help);
    says(CLIENT.decrypt(&foreign), &help);
    says(CLIENT.load_vector(&foreign.to_bytes()), &help);
    let keys = other.generate_server_key(&Rotations::none())?.to_bytes();
    says(
        ServerKey::<Ckks>::from_bytes(&keys, CLIENT.context()),
        &help,
    );
    Ok(())
}

#[test]
fn foreign_keys() -> Result<()> {
    let other = CLIENT.context().generate_client_key()?;
    let foreign = other.encrypt([1.0])?;
    let help = ["`client.id()`", "`vector.key_id()`"];
    says(&vector(&[1.0]) + &foreign, &help);
    says(SERVER.attach(&foreign), &help);
    says(CLIENT.decrypt(&foreign), &help);
    says(CLIENT.load_vector(&foreign.to_bytes()), &help);
    says(other.extend_server_key(&SERVER, &Rotations::none()), &help);
    Ok(())
}

#[test]
fn wrong_lengths() {
    let (x, y) = (vector(&[1.0, 2.0, 3.0]), vector(&[1.0, 2.0]));
    let help = ["the lengths", "`slice`", "`concat`", "a vector of length 1"];
    says(&x + &y, &help);
    says(&x * [1.0, 2.0], &help);
    says(x.mul(&y), &help);
    let matrix = Matrix::from_fn(2, 3, |_, _| 1.0).unwrap();
    let help = ["takes 2 values and gives 3", "`transpose()`"];
    says(x.matmul_plain(&matrix), &help);
    let help = [
        "takes 3 values and gives 2",
        "has 2",
        "`LinearMap::matrix_vector`",
    ];
    let other = ["takes 4 values and gives 1", "`slice`"];
    says(y.matmul_plain(&matrix.transpose()), &help);
    says(
        x.matmul_plain(&Matrix::from_fn(4, 1, |_, _| 1.0).unwrap()),
        &other,
    );
    says(CLIENT.encrypt([0.0; 0]), &["give at least one value"]);
    says(
        x.get(3),
        &["3..4 are not a part of 3 values", "ends at 3 or before"],
    );
}

/// Where something is counted, the message says what, how many there are and how many there must be; nothing is to be sliced there.
#[test]
fn wrong_numbers() -> Result<()> {
    #[track_caller]
    fn counts<T>(result: Result<T>, texts: &[&str]) {
        let Err(error) = result else {
            panic!("no error");
        };
        assert!(!error.to_string().contains("slice"), "{error}");
        says(Err::<(), _>(error), texts);
    }
    let planner = Planner::new(&[Input::vector(2), Input::vector(2)]).insecure_degree(1024);
    let plan = planner.plan(&Identity)?;
    let help = ["inputs", "the plan was made for", "1 given, 2 needed"];
    counts(plan.outside(&Identity, &[&[0.5, 0.5]]), &help);
    counts(
        plan.outside(&Identity, &[&[0.5, 0.5], &[0.5]]),
        &["values in an input", "1 given, 2 needed"],
    );
    let weights = Matrix::from_fn(3, 2, |_, _| 1.0)?;
    let biases = Dense::new(weights, &[0.0; 2]);
    counts(
        biases,
        &["biases", "each row", "2 given, 3 needed", "`&[]`"],
    );
    let grid = Grid::new(1, 2, 2)?;
    counts(grid.scatter(&[0.0; 3]), &["pixels", "3 given, 4 needed"]);
    counts(grid.gather(&[0.0; 5]), &["values", "5 given, 4 needed"]);
    let convolution = Convolution::new(&[1.0; 5], [1, 1, 2, 2]);
    counts(convolution, &["weights", "5 given, 4 needed"]);
    let x = vector(&[0.5, 0.25]);
    let line = Chebyshev::new([0.0, 1.0], -1.0..=1.0)?;
    counts(
        x.evaluate_each(&[line]),
        &["polynomials", "each value", "1 given, 2 needed"],
    );
    counts(x.mask([true]), &["entries of a mask", "1 given, 2 needed"]);
    counts(
        PlainTensor::new(&[1.0; 5], &[2, 3]),
        &["values of a tensor", "5 given, 6 needed", "exactly 6"],
    );
    counts(
        PrecisionStats::new(&[1.0], &[1.0, 2.0]),
        &["expected values", "2 given, 1 needed"],
    );
    counts(
        CkksVector::from_ciphertexts(x.evaluator(), 2, vec![]),
        &["ciphertexts", "0 given, 1 needed"],
    );
    Ok(())
}

/// Lengths that no memory holds are refused before any is taken, in plans, too.
#[test]
fn lengths_beyond_memory() -> Result<()> {
    struct Repeat(usize);

    impl Program for Repeat {
        fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> Result<Vec<Vector<E>>> {
            Ok(vec![inputs[0].repeat(self.0)?])
        }
    }

    let help = ["more than can be held", "several shorter vectors"];
    let clear = Vector::from_values(&ClearReals::new(8), &[1.0, 2.0, 3.0])?;
    for copies in [1 << 40, 1 << 50, 1 << 62, usize::MAX] {
        says(vector(&[0.5]).repeat(copies), &help);
        says(vector(&[0.5, 0.25]).repeat(copies), &help);
        says(clear.repeat(copies), &help);
        let planner = Planner::new(&[Input::vector(3)]).insecure_degree(1024);
        says(planner.plan(&Repeat(copies)), &help);
        let planner = Planner::new(&[Input::vector(copies)]).insecure_degree(1024);
        says(planner.plan(&Repeat(1)), &help);
    }
    // More than this vector's ciphertexts hold, which is no bound.
    assert_eq!(clear.replicate(1, 11)?.values(), [2.0; 11]);
    Ok(())
}

#[test]
fn strides() {
    let x = vector(&[0.5, 0.25]);
    for stride in [0, 3] {
        let help = [
            "the distance between the values",
            "Use 1 to 2",
            "sum_strided(2)",
        ];
        says(x.sum_strided(stride), &help);
    }
}

#[test]
fn operands_of_statistics_and_of_sums_of_products() {
    let (x, one) = (vector(&[1.0, 2.0, 3.0]), vector(&[1.0]));
    says(x.mean(), &["a mean takes Galois keys"]);
    says(x.variance(), &["a variance takes Galois keys"]);
    says(x.covariance(&x), &["a covariance takes Galois keys"]);
    let ranks = Ranks::new(3, 0.0..=1.0, Sign::new(4, 12).unwrap()).unwrap();
    says(x.ranks(&ranks), &["a ranking takes "]);
    let whole = ["no multiple of the number of rows", "[3, 2]"];
    says(x.transpose(2), &whole);
    for (x, y) in [(&x, &one), (&one, &x)] {
        says(x.covariance(y), &["values of the other vector"]);
    }
    let other = reals(128).generate_client_key().unwrap();
    let y = other.encrypt([1.0, 2.0, 3.0]).unwrap();
    let refused = CkksVector::inner_product(&[&x], &[&y]);
    assert!(matches!(
        refused.unwrap_err(),
        Error::Operands(OperandError::ContextMismatch { .. })
    ));
}

/// All keys at once, so that one more set of keys is enough.
#[test]
fn rotations_by_several_steps() {
    let x = vector(&[1.0, 2.0, 3.0, 4.0]);
    let help = ["`client.extend_server_key(&server, &Rotations::steps(&[1, 3]))`"];
    says(x.rotate_many([1, 0, 3]), &help);
    let of_ciphertext = x.evaluator().rotate_many(&x.ciphertexts()[0], &[1, 0, 3]);
    says(of_ciphertext, &help);
    let one = ["`client.extend_server_key(&server, &Rotations::steps(&[3]))`"];
    says(x.rotate_many([0, 3]), &one);
}

/// Steps beyond the length are those below it, and so are the keys.
#[test]
fn rotations_by_several_steps_take_the_keys_of_each() {
    let values: Vec<f64> = (0..32).map(f64::from).collect();
    let x = CLIENT.encrypt(&values).unwrap();
    let steps = [-3, 1, 100, i64::MAX, i64::MIN + 1];
    let rotations = steps.map(|step| x.rotations_for_step(step));
    let needed = rotations.into_iter().reduce(Rotations::and).unwrap();
    assert_eq!(needed, Rotations::steps([1, 4, 29, 31]));
    let server = CLIENT.generate_server_key(&needed).unwrap();
    let x = server.attach(x).unwrap();
    for (rotated, step) in x.rotate_many(steps).unwrap().iter().zip(steps) {
        let found = CLIENT.decrypt(rotated).unwrap();
        for (place, found) in (0i64..).zip(&found) {
            let wanted = (i128::from(place) + i128::from(step)).rem_euclid(32) as f64;
            assert!((found - wanted).abs() < 1e-3, "{step}: {found}, {wanted}");
        }
    }
}

#[test]
fn rotations_that_move_nothing_take_no_key() {
    for len in [4, 5, 32, 33, 64, 70] {
        let values = vec![1.5; len];
        let x = CLIENT.encrypt(&values).unwrap();
        let steps = [0, i64::try_from(len).unwrap()];
        let rotated = x.rotate_many(steps).unwrap();
        assert_eq!(rotated.len(), 2, "{len}");
        for rotated in rotated {
            let decrypted = CLIENT.decrypt(&rotated).unwrap();
            let right = decrypted.iter().filter(|x| (*x - 1.5).abs() < 1e-4);
            assert_eq!((right.count(), decrypted.len()), (len, len));
        }
        assert_eq!(x.rotate_many([0; 0]).unwrap().len(), 0);
        says(x.rotate_many([0, 1]), &["server.attach(vector)"]);
    }
}

/// A program of no operation.
struct Identity;

impl Program for Identity {
    fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> Result<Vec<Vector<E>>> {
        Ok(inputs.to_vec())
    }
}

#[test]
fn tensors_plans_and_sums() -> Result<()> {
    let x = CLIENT.encrypt_tensor(&PlainTensor::new(&[1.0; 6], &[2, 3])?)?;
    says(x.matmul(&x), &["[2, 3]", "reshape, transpose or broadcast"]);
    says(&x * &x, &["`server.attach(vector)`"]);
    says(
        Planner::new(&[]).plan(&Identity),
        &["give at least one value, vector or input"],
    );
    let context = SumSpec::new(2, 3).clip(0.5).build()?;
    let secret = context.generate_secret_key()?;
    let encryptor = SumEncryptor::with_public_key(&context, context.public_key(&secret)?)?;
    says(
        encryptor.encrypt((1, 1), &[0.5; 2], 1, &mut rand::rng()),
        &["the update has 2 values and the sum 3"],
    );
    Ok(())
}

/// What goes wrong with sums names calls that sums have.
#[test]
fn sums_name_their_own_calls() -> Result<()> {
    let [context, other] = [3, 4].map(|length| SumSpec::new(2, length).clip(0.5).build().unwrap());
    let [secret, foreign] =
        [&context, &other].map(|context| context.generate_secret_key().unwrap());
    #[track_caller]
    fn of_sums<T>(result: Result<T>, texts: &[&str]) {
        let Err(error) = result else {
            panic!("no error");
        };
        for text in ["Ckks", "Bfv", "client.", "server.", "vector"] {
            assert!(!error.to_string().contains(text), "`{text}` in: {error}");
        }
        says(Err::<(), _>(error), texts);
    }
    let help = ["`context.to_bytes()`", "`SumContext::from_bytes`"];
    of_sums(SumDecryptor::new(&context, foreign.clone()), &help);
    of_sums(context.public_key(&foreign), &help);
    of_sums(
        SumEncryptor::with_public_key(&context, other.public_key(&foreign)?),
        &help,
    );
    let encryptor = SumEncryptor::with_public_key(&context, context.public_key(&secret)?)?;
    let upload = encryptor.encrypt((1, 1), &[0.5; 3], 1, &mut rand::rng())?;
    let another = context.generate_secret_key()?;
    let mut aggregator = Aggregator::new(&context, another.id(), 1, [1, 2])?;
    of_sums(aggregator.add(&upload), &["`key_id()` of an upload"]);
    let bytes = upload.to_bytes();
    of_sums(Upload::from_bytes(&bytes, &other), &help);
    of_sums(
        SumEncryptor::with_secret_key(&context, secret),
        &["`SumEncryptor::with_public_key`"],
    );
    Ok(())
}

#[test]
fn shared_keys_say_what_is_missing() -> Result<()> {
    let policy = Policy::new(3, 2)?;
    let builder = BfvContext::builder().degree(64).prime_bits([50; 7]);
    let builder = builder.special_primes(2).plaintext_modulus(257);
    let builder = builder
        .secret(policy.secret())
        .insecure_skip_security_check();
    let context = builder.build()?;
    let terms = SessionTerms::new(policy, &["ada", "emmy", "sofia"], Seed([0; 32]))?;
    let session = Session::bfv(&context, &terms)?;
    let mut rng = rand::rng();
    let mut setups = (1..=3).map(|number| Setup::new(&session, number, &mut rng));
    let mut first = setups.next().unwrap()?;
    says(
        first.finish(),
        &["of 2 messages have arrived", "`missing()`"],
    );
    let sets = session.key_round_of(0, &[1]);
    says(
        sets,
        &["parties in a set", "threshold", "1 given, 2 needed"],
    );
    let round = session.key_round(0);
    let mut collector = Collector::<PublicKeyShare>::new(&session, &round)?;
    says(collector.finish(), &["0 of 3 messages", "`missing()`"]);
    let mut setups: Vec<Setup> = std::iter::once(Ok(first))
        .chain(setups)
        .collect::<Result<_>>()?;
    let mut sent = Vec::new();
    for setup in &setups {
        let deals = setup.deals()?.into_iter();
        sent.extend(deals.map(|deal| (deal.receiver(), deal.expose_confidential_bytes())));
    }
    for (receiver, bytes) in sent {
        let deal = Deal::from_confidential_bytes(&bytes, &session)?;
        setups[receiver as usize - 1].receive(deal)?;
    }
    let party = setups[0].finish()?;
    says(
        collector.add(party.public_key_share(&round)?),
        &[
            "0 of 3 parties have committed",
            "`collector.commit(share.commitment())` (with `use slotwise::multiparty::Contribution`)",
        ],
    );
    Ok(())
}

#[test]
fn wrong_values() -> Result<()> {
    let help = ["the value at 1 is NaN or infinite", "`value.is_finite()`"];
    says(CLIENT.encrypt([0.0, f64::NAN]), &help);
    says(CLIENT.encrypt([0.0, f64::INFINITY]), &help);
    says(&vector(&[0.0, 0.0]) * [0.0, f64::NAN], &help);
    says(CLIENT.encrypt([1e60]), &["`integer_bits`"]);
    let message = CLIENT.encrypt([1e300]).unwrap_err().to_string();
    let use_smaller = message.find("use smaller values");
    assert!(use_smaller < message.find("rescale"), "{message}");
    let reversed = Chebyshev::new([0.0, 1.0], 1e300..=-1e300);
    says(reversed, &["from 1e300 to -1e300"]);
    let norm = BatchNorm::new([&[1.0], &[0.0]], [&[0.0], &[-1.0]], 0.5);
    says(norm, &["`variance + eps` of channel 0 is -0.5"]);
    let far = PrecisionStats::new(&[f64::MAX], &[-f64::MAX])?;
    assert_eq!(far.real.least, -1025.0);
    let x = vector(&[0.5]);
    says(x.polyval([1.0, 2.0, f64::NAN]), &["the value at 2 is NaN"]);
    says(Polynomial::new(&[1.0, f64::INFINITY]), &["the value at 1"]);
    let matrix = Matrix::from_rows(&[[1.0, 2.0], [3.0, f64::NAN]]);
    says(matrix, &["the value at [1, 1], an index for each axis"]);
    says(CLIENT.encrypt([u64::MAX]), &["`as f64`"]);
    says(&vector(&[0.0]) + u64::MAX, &["`as f64`"]);
    let client = integers().generate_client_key()?;
    says(
        client.encrypt([0, 40_000]),
        &[
            "the value at 1",
            "a larger plaintext modulus",
            "`BfvEncoder::encode_modulo`",
        ],
    );
    // Known operands count modulo t, as results do.
    let x = client.encrypt([1, 2])?;
    assert_eq!(client.decrypt(&(&x + [40_000, 65_537])?)?, [-25_536, 2]);
    assert_eq!(client.decrypt(&(&x * [65_538, 1 << 40])?)?, [1, 512]);
    says(
        CLIENT.encrypt_bounded([0.1, -0.7], 0.25),
        &["the value at 1", "bound of 0.25", "a larger bound"],
    );
    Ok(())
}

#[test]
fn insecure_or_missing_parameters() {
    let builder = CkksContext::builder;
    let bits = [60, 40, 40, 60];
    says(
        builder().prime_bits(&bits).scale_bits(40).build(),
        &["`degree`"],
    );
    says(
        builder().degree(8192).scale_bits(40).build(),
        &["`prime_bits`"],
    );
    says(
        builder().degree(8192).prime_bits(&bits).build(),
        &["`scale_bits`"],
    );
    says(
        builder()
            .degree(4096)
            .prime_bits(&bits)
            .scale_bits(40)
            .build(),
        &["not secure at degree 4096", "a larger degree"],
    );
    says(builder().precision_bits(20).build(), &["for_depth"]);
    says(
        CkksContext::for_depth(2).prime_bits(&bits).build(),
        &["builder()"],
    );
    says(
        BfvContext::for_depth(2).build(),
        &["`plaintext_bits`", "`plaintext_modulus`"],
    );
    let text = "ckks depht=3".parse::<slotwise::params::CkksBuilder>();
    says(text, &["`depht=3`", "`depth=5`"]);
    let help = ["a depth that is negative", "from 0 on"];
    says(CkksContext::for_depth(-1).build(), &help);
    says(BfvContext::for_depth(-1).plaintext_bits(20).build(), &help);
    let negative = "ckks depth=-1".parse::<slotwise::params::CkksBuilder>();
    says(negative, &["`depth=-1`", "use an integer in range"]);
    let text = "bfv depth=3".parse::<slotwise::params::CkksBuilder>();
    says(text, &["`bfv`", "`text.parse::<BfvBuilder>()`"]);
    let text = "CKKS depth=3".parse::<slotwise::params::BfvBuilder>();
    says(text, &["`CKKS`", "`text.parse::<CkksBuilder>()`"]);
    let without = builder().degree(64).prime_bits(&[40, 40]).scale_bits(30);
    let without = without.special_primes(0).insecure_skip_security_check();
    let client = without
        .build()
        .and_then(|context| context.generate_client_key());
    let keys = client.and_then(|client| client.generate_server_key(&Rotations::none()));
    says(keys, &["`special_primes(1)`"]);
    says(CkksContext::for_depth(200).build(), &["ask for less depth"]);
}

/// It is no vector yet, and says what makes it one.
#[test]
fn a_vector_deserialized_without_its_context() {
    let json = serde_json::to_string(&vector(&[1.0])).unwrap();
    let read: Unattached<CkksVector> = serde_json::from_str(&json).unwrap();
    let shown = format!("{read:?}");
    assert!(shown.contains("a CKKS vector"), "{shown}");
    assert!(shown.contains("`attach(&context)`"), "{shown}");
    assert_eq!(read.attach(CLIENT.context()).unwrap().len(), 1);
    let other = read.attach(&reals(128));
    says(other, &["`CkksParams::from_bytes`"]);
}

#[test]
fn wrong_bytes() -> Result<()> {
    let context = CLIENT.context();
    let bytes = CLIENT.encrypt([1.0])?.to_bytes();
    says(
        CkksTensor::from_bytes(&bytes, context),
        &[
            "a CKKS vector",
            "a CKKS tensor",
            "`server.load_vector(&bytes)`",
        ],
    );
    says(
        CkksParams::from_bytes(&bytes),
        &["were read as CKKS parameters"],
    );
    let params = context.params().to_bytes();
    let read = CkksVector::from_bytes(&params, context);
    says(read, &["`CkksParams::from_bytes`"]);
    says(
        CkksVector::from_bytes(&bytes[1..], context),
        &["not bytes of slotwise"],
    );
    says(
        CkksVector::from_bytes(&bytes[..100], context),
        &["truncated", "send them again"],
    );
    for length in [0, 20, 67] {
        // Not even a header.
        let read = slotwise::wire::Header::of(&bytes[..length]);
        says(read, &["truncated", "send them again"]);
    }
    let params = context.params().to_bytes();
    says(CkksParams::from_bytes(&params), &["`insecure_from_bytes`"]);
    Ok(())
}

/// What a server can do with the keys of `rotations`: rotate by each of these steps, and conjugate or exchange rows.
fn moves<E: Evaluator>(evaluator: &E, x: &E::Ciphertext) -> (Vec<i64>, bool) {
    let steps = (-8..8).filter(|&step| evaluator.rotate_left(x, step).is_ok());
    (steps.collect(), evaluator.conjugate(x).is_ok())
}

/// Dry runs have the keys that a client makes, of whatever rotations and in both schemes.
#[test]
fn dry_runs_have_the_keys_that_a_client_makes() -> Result<()> {
    let bfv = integers().generate_client_key()?;
    let (x, y) = (vector(&[0.5; 32]), bfv.encrypt(vec![1; 64])?);
    let mut rotations = vec![
        Rotations::none(),
        Rotations::steps([3, -5]),
        Rotations::powers_of_two(),
        Rotations::for_sums(),
        Rotations::for_sums().and_conjugation(),
        Rotations::for_sums().and(Rotations::powers_of_two()),
        x.rotations_for_sum(),
        x.rotations_for_fast_sum(),
        x.rotations_for_step(3),
        y.rotations_for_sum(),
        y.rotations_for_fast_sum(),
        y.rotations_for_step(3),
    ];
    rotations.push(rotations[1].clone().and_conjugation());
    for rotations in &rotations {
        let plan = KeyPlan::none().with_rotations(rotations, 0);
        let server = CLIENT.generate_server_key(rotations)?;
        let made = moves(server.evaluator(), &x.ciphertexts()[0]);
        let forecast = Forecast::with_keys(CLIENT.context(), rotations);
        let foreseen = forecast.encrypt_bounded(1.0, 0)?;
        assert_eq!(moves(&forecast, &foreseen), made, "CKKS, {rotations:?}");
        let lowest = x.drop_to_level(0)?;
        let planned = CLIENT.generate_planned_server_key(&plan)?;
        let planned = moves(planned.evaluator(), &lowest.ciphertexts()[0]);
        assert_eq!(planned, made, "a plan, CKKS, {rotations:?}");
        let forecast = Forecast::with_planned_keys(CLIENT.context(), &plan)?;
        let foreseen = forecast.encrypt_bounded(1.0, 0)?;
        assert_eq!(
            moves(&forecast, &foreseen),
            made,
            "planned CKKS, {rotations:?}"
        );

        let server = bfv.generate_server_key(rotations)?;
        let made = moves(server.evaluator(), &y.ciphertexts()[0]);
        let forecast = BfvForecast::with_keys(bfv.context(), rotations);
        let foreseen = forecast.encrypt_unknown(0)?;
        assert_eq!(moves(&forecast, &foreseen), made, "BFV, {rotations:?}");
    }
    Ok(())
}

/// Rotations by several steps with keys for lower levels: all that are missing at the vector's own level, at once.
#[test]
fn rotations_with_keys_for_lower_levels() -> Result<()> {
    for len in [32, 5, 40] {
        let values = vec![0.5; len];
        let x = CLIENT.encrypt(&values)?;
        let rotations = x.rotations_for_step(1).and(x.rotations_for_step(2));
        let rotations = rotations.and(x.rotations_for_step(3));
        let low = KeyPlan::none().with_rotations(&rotations, 1);
        let server = CLIENT.generate_planned_server_key(&low)?;
        let x = server.attach(x)?;
        assert!(x.drop_to_level(1)?.rotate_many([1, 2, 3]).is_ok());
        let Err(Error::Keys(KeyError::MissingRotationKeys { steps, .. })) =
            x.rotate_many([1, 2, 3])
        else {
            panic!("not all at once");
        };
        assert_eq!(Rotations::steps(&steps), rotations, "{len}");
        if len == 32 {
            let ciphertext = &x.ciphertexts()[0];
            let refused = x.evaluator().rotate_many(ciphertext, &[1, 2, 3]);
            says(refused, &["Rotations::steps(&[1, 2, 3])"]);
        }
    }
    Ok(())
}

#[test]
fn clear_models_of_other_sizes() -> Result<()> {
    let [x, y] = [8, 16].map(|slots| Vector::from_values(&ClearReals::new(slots), &[1.0, 2.0]));
    let (x, y) = (x?, y?);
    let help = [
        "8 slots",
        "16",
        "`Vector::from_values(x.evaluator(), &values)`",
    ];
    says(&x + &y, &help);
    says(x.dot(&y), &help);
    says(Vector::add_many(&[x, y]), &help);
    let [x, y] = [8, 16].map(|slots| {
        let evaluator = ClearIntegers::new(slots, 17)?;
        Vector::from_values(&evaluator, &[1, 2])
    });
    says(x? * y?, &help);
    Ok(())
}

/// Known values that are no numbers are named by their own index, of a tensor by one for each axis.
#[test]
fn known_values_that_are_no_numbers() -> Result<()> {
    let long = CLIENT.encrypt(vec![0.5; 70])?; // three ciphertexts
    let mut values = vec![0.5; 70];
    values[40] = f64::NAN;
    values[68] = f64::INFINITY;
    let help = ["the value at 40 is NaN or infinite", "`value.is_finite()`"];
    says(&long + &values, &help);
    says(&values - &long, &help);
    says(&long * &values, &help);
    says(long.clone() + &values, &help);
    says(long.clone().mul_assign(&values), &help);
    let summed = CLIENT.generate_server_key(&long.rotations_for_sum())?;
    says(summed.attach(&long)?.dot_plain(&values), &help);
    says(CLIENT.encrypt(&values), &help);
    says(CLIENT.encrypt_bounded(&values, 1.0), &help);
    says(Vector::from_values(&ClearReals::new(32), &values), &help);

    let mut values = [1.0; 6];
    values[5] = f64::NAN;
    let plain = PlainTensor::new(&values, &[2, 3])?;
    let help = ["[1, 2]", "is NaN or infinite", "`value.is_finite()`"];
    says(CLIENT.encrypt_tensor(&plain), &help);
    says(CLIENT.encrypt_tensor_batched(&plain), &help);
    says(Tensor::from_values(&ClearReals::new(8), &plain), &help);
    says(
        Tensor::from_values_batched(&ClearReals::new(8), &plain),
        &help,
    );
    let x = CLIENT.encrypt_tensor(&PlainTensor::new(&[1.0; 6], &[2, 3])?)?;
    let x = SERVER.attach_tensor(x)?;
    says(&x + &plain, &help);
    says(&plain - &x, &help);
    says(&x * &plain, &help);
    says(x.transpose().matmul_plain(&plain), &help);
    // Beside a wrong shape, too, which is the first thing to mend.
    says(x.matmul_plain(&plain), &["a product of matrices"]);
    says(&x + f64::NAN, &["the value at 0 is NaN"]);
    Ok(())
}

/// Where known values are on the left, they are so in the message.
#[test]
fn operators_with_known_values_on_their_left() -> Result<()> {
    let x = CLIENT.encrypt_tensor(&PlainTensor::new(&[1.0; 6], &[2, 3])?)?;
    let plain = PlainTensor::new(&[1.0; 4], &[4])?;
    let shapes = "of the shapes [4] and [2, 3] has no meaning";
    says(&plain - &x, &["a difference", shapes]);
    says(&plain - x.clone(), &["a difference", shapes]);
    says(&plain + &x, &["a sum", shapes]);
    says(&plain * &x, &["a product", shapes]);
    let x = vector(&[1.0, 2.0, 3.0]);
    let lengths = ["the lengths 2 and 3 differ"];
    says([1.0, 2.0] - &x, &lengths);
    says([1.0, 2.0] - x.clone(), &lengths);
    says([1.0, 2.0] + &x, &lengths);
    says([1.0, 2.0] * &x, &lengths);
    says(&x - [1.0, 2.0], &["the lengths 3 and 2 differ"]);
    Ok(())
}

/// Whatever shape an encrypted tensor can have, a batch of it can be decrypted and sent.
#[test]
fn batches_of_tensors_with_as_many_axes_as_there_are() -> Result<()> {
    let values = PlainTensor::new(&[0.5, 1.0, 1.5, 2.0], &[2, 2])?;
    let batch = SERVER.attach_tensor(CLIENT.encrypt_tensor_batched(&values)?)?;
    let ones = |axes: usize| [&vec![1; axes - 1][..], &[2]].concat();
    let help = ["31 axes", "batch"];
    says(batch.reshape(&ones(32)), &help);
    says(batch.broadcast(&ones(32)), &help);
    let plain = PlainTensor::new(&[1.0, 2.0], &ones(32))?;
    says(&batch + &plain, &help);
    let single = SERVER.attach_tensor(CLIENT.encrypt_tensor(&plain)?)?;
    says(&single + &batch, &help);
    assert_eq!(CLIENT.decrypt_tensor(&single)?.shape(), ones(32));
    // One axis less is as good as any.
    let widest = (batch.reshape(&ones(31))? + 1.0)?;
    let read = CkksTensor::from_bytes(&widest.to_bytes(), CLIENT.context())?;
    let read = CLIENT.decrypt_tensor(&read)?;
    assert_eq!(read.shape(), [&[2], &ones(31)[..]].concat());
    assert!((read.values()[3] - 3.0).abs() < 1e-3);
    // In the clear as encrypted.
    let batch = Tensor::from_values_batched(&ClearReals::new(8), &values)?;
    says(batch.reshape(&ones(32)), &help);
    assert!(batch.reshape(&ones(31))?.to_plain().is_ok());
    Ok(())
}

/// Of a map whose outputs are beyond f64 whatever it is applied to, the entries are at fault, and nothing else.
#[test]
fn maps_whose_entries_sum_beyond_f64() -> Result<()> {
    let x = vector(&[0.5, 0.25]);
    let clear = Vector::from_values(&ClearReals::new(8), &[0.5, 0.25])?;
    let help = ["entries", "output 1", "use smaller ones"];
    for second in [0, 1] {
        // At one place, and in one row.
        let entries = [(0, 0, 1.0), (1, 0, f64::MAX), (1, second, f64::MAX)];
        let map = LinearMap::from_entries(2, 2, entries)?;
        says(map.plan(x.evaluator().slot_shape()), &help);
        says(map.encode(x.evaluator(), x.factor_position()?), &help);
        says(
            map.encode(clear.evaluator(), clear.factor_position()?),
            &help,
        );
    }
    let entries = [(1, 0, i64::MAX), (1, 0, 1)];
    let map = LinearMap::from_entries(2, 2, entries)?;
    says(map.plan(x.evaluator().slot_shape()), &help);
    // With values that are large, too, their product is.
    let map = LinearMap::from_entries(2, 1, [(1, 0, 1e200)])?;
    let large = Vector::from_values(clear.evaluator(), &[1e200])?;
    let large = large.matmul(&map.encode(large.evaluator(), large.factor_position()?)?);
    assert!(large.is_ok(), "in the clear f64 decides");
    Ok(())
}
