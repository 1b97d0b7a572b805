//! Values of vectors moved, joined and partly summed: against plain lists, in the clear and encrypted.

use proptest::prelude::*;
use slotwise::circuits::Vector;
use slotwise::evaluator::{ClearIntegers, ClearReals, Evaluator};
use slotwise::prelude::*;
use slotwise::{Error, KeyError, OperandError, ValueError};

/// The vectors that operations gave, with their names and values.
type Results<E, S> = Vec<(&'static str, Vector<E>, Vec<S>)>;

/// What is asked of two vectors: valid for any lengths.
#[derive(Clone, Copy, Debug)]
struct Choices {
    range: (usize, usize),
    step: i64,
    stride: usize,
}

impl Choices {
    /// Choices for a vector of `len` values.
    fn of([start, end, step, stride]: [usize; 4], len: usize) -> Self {
        let start = start % len;
        Self {
            range: (start, start + 1 + end % (len - start)),
            step: (step % (2 * len + 1)) as i64 - len as i64,
            stride: 1 + stride % len,
        }
    }

    fn copies(self) -> usize {
        1 + self.stride % 9
    }

    /// The vectors that all operations give, each with its values, from lists.
    fn results<E: Evaluator<Scalar = S>, S>(
        self,
        [x, y]: [&Vector<E>; 2],
        [a, b]: [&[S]; 2],
    ) -> slotwise::Result<Results<E, S>>
    where
        S: Copy + Default + std::ops::Add<Output = S>,
    {
        let (start, end) = self.range;
        let len = a.len();
        let sum = |values: &mut dyn Iterator<Item = S>| values.fold(S::default(), |sum, x| sum + x);
        let shifted = (0..len as i64)
            .map(|i| {
                usize::try_from(i + self.step)
                    .ok()
                    .and_then(|i| a.get(i))
                    .copied()
            })
            .map(Option::unwrap_or_default);
        let keep: Vec<bool> = (0..len).map(|i| i % 3 != 1).collect();
        let masked = (0..len).map(|i| if keep[i] { a[i] } else { S::default() });
        let strided =
            (0..self.stride).map(|i| sum(&mut a[i..].iter().step_by(self.stride).copied()));
        let running = (0..len).map(|i| sum(&mut a[..=i].iter().copied()));
        let joined = [x.clone(), y.clone(), x.clone()];
        Ok(vec![
            ("get", x.get(start)?, vec![a[start]]),
            ("slice", x.slice(start..end)?, a[start..end].to_vec()),
            ("replicate", x.replicate(start, end)?, vec![a[start]; end]),
            ("repeat", x.repeat(self.copies())?, a.repeat(self.copies())),
            ("mask", x.mask(&keep)?, masked.collect()),
            ("shift", x.shift_left(self.step)?, shifted.collect()),
            ("concat", Vector::concat(&joined)?, [a, b, a].concat()),
            (
                "strided sum",
                x.sum_strided(self.stride)?,
                strided.collect(),
            ),
            ("running sum", x.running_sum()?, running.collect()),
        ])
    }

    fn rotations<E: Evaluator>(self, [x, y]: [&Vector<E>; 2]) -> slotwise::Result<Rotations> {
        let (start, end) = self.range;
        let joined = [x.clone(), y.clone(), x.clone()];
        Ok(x.rotations_for_slice(start..=start)?
            .and(x.rotations_for_slice(start..end)?)
            .and(x.rotations_for_shift(self.step))
            .and(Vector::rotations_for_concat(&joined)?)
            .and(Vector::rotations_for_concat(&vec![
                x.clone();
                self.copies()
            ])?)
            .and(x.rotations_for_sum_strided(self.stride)?)
            .and(x.rotations_for_running_sum()?))
    }
}

/// Checks all operations in the clear, and that slots without values hold zeros.
fn check_in_the_clear<E, S>(evaluator: &E, lists: [&[S]; 2], choices: Choices)
where
    E: Evaluator<Scalar = S, Ciphertext = Vec<S>, Plaintext = Vec<S>>,
    S: Copy + Default + PartialEq + std::fmt::Debug + std::ops::Add<Output = S>,
{
    let [x, y] = lists.map(|values| Vector::from_values(evaluator, values).unwrap());
    for (name, found, values) in choices.results([&x, &y], lists).unwrap() {
        assert_eq!(found.values(), values, "{name} of {choices:?}");
        let packed = Vector::from_values(evaluator, &values).unwrap();
        // One value fills all slots.
        if name != "replicate" && (name != "repeat" || x.len() > 1) {
            assert_eq!(
                found.ciphertexts(),
                packed.ciphertexts(),
                "{name} of {choices:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn moved_and_partly_summed_in_the_clear(len in 1usize..70, other in 1usize..40, numbers: [u16; 4]) {
        let choices = Choices::of(numbers.map(usize::from), len);
        let lists = [len, other].map(|len| (1..).take(len).collect::<Vec<i32>>());
        let reals = lists.each_ref().map(|list| list.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
        check_in_the_clear(&ClearReals::new(16), [&reals[0], &reals[1]], choices);
        let integers = lists.map(|list| list.into_iter().map(i64::from).collect::<Vec<_>>());
        let evaluator = ClearIntegers::new(16, 65_537).unwrap();
        check_in_the_clear(&evaluator, [&integers[0], &integers[1]], choices);
    }
}

fn ckks() -> CkksContext {
    let builder = CkksContext::builder()
        .degree(64)
        .prime_bits(&[50, 40, 40, 40, 50])
        .scale_bits(40);
    builder.insecure_skip_security_check().build().unwrap()
}

fn bfv() -> BfvContext {
    let builder = BfvContext::builder()
        .degree(64)
        .prime_bits(&[50; 5])
        .plaintext_modulus(65_537);
    builder.insecure_skip_security_check().build().unwrap()
}

/// Lengths that fill their stride or not, wrap around rows, and take several ciphertexts.
const LENGTHS: [[usize; 2]; 7] = [
    [1, 1],
    [3, 2],
    [8, 16],
    [13, 1],
    [32, 5],
    [45, 20],
    [90, 33],
];

#[test]
fn encrypted_vectors_move_with_exactly_the_keys_that_they_name() {
    let clients = (
        ckks().generate_client_key().unwrap(),
        bfv().generate_client_key().unwrap(),
    );
    for (number, lens) in LENGTHS.into_iter().enumerate() {
        let choices = Choices::of([7, 12, 19, 23].map(|n| n * (number + 1)), lens[0]);
        let values = lens.map(|len| (0..len).map(|i| (i as f64).sin()).collect::<Vec<f64>>());
        let [x, y] = values
            .each_ref()
            .map(|values| clients.0.encrypt(values).unwrap());
        let rotations = choices.rotations([&x, &y]).unwrap();
        let server = clients.0.generate_server_key(&rotations).unwrap();
        let [x, y] = [x, y].map(|x| server.attach(x).unwrap());
        let results = choices.results([&x, &y], [&values[0], &values[1]]).unwrap();
        for (name, found, expected) in results {
            let bound = found.noise_bound();
            assert!(bound < 1e-6, "{name}: {bound:e}");
            let decrypted = clients.0.decrypt(&found).unwrap();
            assert_eq!(decrypted.len(), expected.len());
            for (a, b) in decrypted.iter().zip(&expected) {
                assert!((a - b).abs() <= bound, "{name}: {a} instead of {b}");
            }
        }

        let values = lens.map(|len| (0..len).map(|i| 7 * i as i64 - 100).collect::<Vec<i64>>());
        let [x, y] = values
            .each_ref()
            .map(|values| clients.1.encrypt(values).unwrap());
        let rotations = choices.rotations([&x, &y]).unwrap();
        let server = clients.1.generate_server_key(&rotations).unwrap();
        let [x, y] = [x, y].map(|x| server.attach(x).unwrap());
        let results = choices.results([&x, &y], [&values[0], &values[1]]).unwrap();
        for (name, found, expected) in results {
            assert_eq!(clients.1.decrypt(&found).unwrap(), expected, "{name}");
        }
    }
}

#[test]
fn products_and_moments() {
    let client = ckks().generate_client_key().unwrap();
    let lists: Vec<Vec<f64>> = (0..5)
        .map(|k| (0..45).map(|i| 1.0 + f64::from(i * k % 7) / 8.0).collect())
        .collect();
    let x = client.encrypt(&lists[0]).unwrap();
    let server = client.generate_server_key(&x.rotations_for_sum()).unwrap();
    let encrypt = |values: &Vec<f64>| server.attach(client.encrypt(values).unwrap()).unwrap();
    let clear = |values: &Vec<f64>| Vector::from_values(&ClearReals::new(16), values).unwrap();
    let encrypted: Vec<CkksVector> = lists.iter().map(encrypt).collect();
    let known: Vec<Vector<ClearReals>> = lists.iter().map(clear).collect();
    let found = moments(&encrypted).unwrap();
    let expected = moments(&known).unwrap();
    for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert!(
            found.noise_bound() < 5e-5,
            "{number}: {:e}",
            found.noise_bound()
        );
        let decrypted = client.decrypt(found).unwrap();
        assert_eq!(decrypted.len(), expected.len());
        for (a, b) in decrypted.iter().zip(expected.values()) {
            assert!(
                (a - b).abs() <= found.noise_bound(),
                "{number}: {a} instead of {b}"
            );
        }
    }
    // Five factors take three levels, four two.
    assert_eq!(x.levels_left(), 3);
    let low = encrypted[0].drop_to_level(2).unwrap();
    assert!(Vector::mul_many(&[low.clone(), low.clone(), low.clone(), low.clone()]).is_ok());
    let too_deep = Vector::mul_many(&[
        low.clone(),
        encrypted[1].clone(),
        low.clone(),
        low.clone(),
        low,
    ]);
    assert!(matches!(
        too_deep,
        Err(Error::Operands(OperandError::LevelExhausted {
            needed: 3,
            ..
        }))
    ));
}

fn moments<E: Evaluator<Scalar = f64>>(x: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    let one = x[2].mean()?;
    Ok(vec![
        Vector::mul_many(x)?,
        Vector::mul_many(&[x[1].clone(), one.clone(), x[2].clone()])?,
        Vector::inner_product(&[&x[0], &one, &x[1]], &[&x[2], &x[3], &one])?.sum()?,
        one,
        x[1].variance()?,
        x[3].covariance(&x[4])?,
    ])
}

#[test]
fn arguments_are_checked() {
    let context = ckks();
    let client = context.generate_client_key().unwrap();
    let x = client.encrypt([0.5; 45]).unwrap();
    let out_of_range = |result: slotwise::Result<CkksVector>| {
        assert!(matches!(
            result,
            Err(Error::Operands(OperandError::InvalidRange { len: 45, .. }))
        ));
    };
    out_of_range(x.get(45));
    out_of_range(x.get(usize::MAX));
    out_of_range(x.slice(3..3));
    out_of_range(x.slice(..=usize::MAX));
    for stride in [0, 46] {
        let error = Error::Operands(OperandError::InvalidStride { stride, len: 45 });
        assert_eq!(x.sum_strided(stride).unwrap_err(), error);
    }
    assert!(x.rotations_for_slice(44..46).is_err());
    assert!(x.rotations_for_sum_strided(usize::MAX).is_err());
    let too_long = |length| {
        let most = 1 << 28;
        Error::Values(ValueError::TooLong { length, most })
    };
    for length in [(1 << 28) + 1, usize::MAX] {
        assert_eq!(x.replicate(0, length).unwrap_err(), too_long(length));
    }
    for copies in [1 << 40, 1 << 62, usize::MAX] {
        let length = copies.saturating_mul(45);
        assert_eq!(x.repeat(copies).unwrap_err(), too_long(length));
    }
    assert!(matches!(
        x.replicate(0, 0),
        Err(Error::Values(ValueError::Empty))
    ));
    assert!(matches!(
        x.mask(&[true; 44]),
        Err(Error::Operands(OperandError::Count { .. }))
    ));
    assert!(matches!(
        CkksVector::concat(&[]),
        Err(Error::Values(ValueError::Empty))
    ));
    assert!(matches!(
        CkksVector::mul_many(&[]),
        Err(Error::Values(ValueError::Empty))
    ));
    assert!(matches!(
        CkksVector::inner_product(&[], &[]),
        Err(Error::Values(ValueError::Empty))
    ));
    assert!(matches!(
        CkksVector::inner_product(&[&x], &[]),
        Err(Error::Operands(OperandError::Count { .. }))
    ));
    assert!(matches!(
        x.running_sum(),
        Err(Error::Keys(KeyError::MissingServerKey))
    ));
}

#[test]
fn missing_keys_and_levels_are_named_before_any_work() {
    let context = ckks();
    let client = context.generate_client_key().unwrap();
    let server = client.generate_server_key(&Rotations::steps(&[2])).unwrap();
    let x = server.attach(client.encrypt([0.5; 45]).unwrap()).unwrap();
    // All that are missing, in one error: the halves of 32 slots, without the step at hand.
    let Err(Error::Keys(KeyError::MissingRotationKeys { steps, .. })) = x.running_sum() else {
        panic!("a running sum without keys");
    };
    assert_eq!(steps, [-16, -8, -4, -2, -1]);
    assert!(matches!(
        x.slice(5..7),
        Err(Error::Keys(KeyError::MissingRotationKeys { .. }))
    ));
    assert!(matches!(
        CkksVector::concat(&[x.clone(), x.clone()]),
        Err(Error::Keys(KeyError::MissingRotationKeys { .. }))
    ));
    // Levels.
    let server = client
        .generate_server_key(&Rotations::powers_of_two())
        .unwrap();
    let x = server.attach(x).unwrap();
    let low = x.drop_to_level(0).unwrap();
    for result in [
        low.slice(1..4),
        low.shift_right(1),
        low.running_sum(),
        low.sum_strided(3),
        low.variance(),
    ] {
        assert!(matches!(
            result,
            Err(Error::Operands(OperandError::LevelExhausted { .. }))
        ));
    }
    // Weights of zero have a sum without magnitude.
    let zero = x.dot_plain(&[0.0]).unwrap();
    assert_eq!(client.decrypt(&zero).unwrap(), [0.0]);
    // Strides of a power of two take no level.
    assert!(low.sum_strided(4).is_ok());
    // Other clients' vectors, and everything moved out.
    let stranger = context
        .generate_client_key()
        .unwrap()
        .encrypt([1.0])
        .unwrap();
    assert!(CkksVector::concat(&[low, stranger]).is_err());
    let gone = x.shift_left(i64::MIN).unwrap();
    assert!(gone.is_transparent() && client.decrypt(&gone).unwrap() == [0.0; 45]);
}

/// Slots without values that hold something are cleared, or not read.
#[test]
fn what_lies_beyond_the_values_stays_there() {
    let client = ckks().generate_client_key().unwrap();
    let server = client
        .generate_server_key(&Rotations::powers_of_two())
        .unwrap();
    let attach = |values: &[f64]| server.attach(client.encrypt(values).unwrap()).unwrap();
    let joined = (&attach(&[0.1, 0.2, 0.3, 0.4, 0.5]) + &attach(&[0.05])).unwrap();
    let found = [
        (joined.sum_strided(2).unwrap(), vec![1.05, 0.7]),
        (joined.sum_strided(3).unwrap(), vec![0.6, 0.8, 0.35]),
        (
            joined.running_sum().unwrap(),
            vec![0.15, 0.4, 0.75, 1.2, 1.75],
        ),
        (joined.slice(2..).unwrap().sum().unwrap(), vec![1.35]),
        (joined.mean().unwrap(), vec![0.35]),
        (joined.variance().unwrap(), vec![0.02]),
    ];
    for (found, expected) in found {
        let decrypted = client.decrypt(&found).unwrap();
        for (a, b) in decrypted.iter().zip(&expected) {
            assert!(
                (a - b).abs() <= found.noise_bound() && found.noise_bound() < 1e-5,
                "{a} {b}"
            );
        }
    }
}

/// A vector that fills its stride has nothing beyond its values, whatever it was summed of.
#[test]
fn a_sum_of_products_without_padding_travels_and_is_summed() {
    let context = BfvContext::builder()
        .degree(64)
        .prime_bits(&[50, 50, 50, 50])
        .plaintext_modulus(65_537)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let client = context.generate_client_key().unwrap();
    let encrypt = |values: &[i64]| client.encrypt(values).unwrap();
    let (x, s, t) = (
        encrypt(&(0..32).collect::<Vec<_>>()),
        encrypt(&[3]),
        encrypt(&[5]),
    );
    let server = client.generate_server_key(&x.rotations_for_sum()).unwrap();
    let [x, s, t] = [x, s, t].map(|vector| server.attach(vector).unwrap());
    let products = Vector::inner_product(&[&x, &s], &[&x, &t]).unwrap();
    let loaded = server.load_vector(&products.to_bytes()).unwrap();
    let want = (0..32).map(|i| i * i + 15).sum::<i64>();
    assert_eq!(client.decrypt(&loaded.sum().unwrap()).unwrap(), [want]);
}
