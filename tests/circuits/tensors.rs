//! Tensors against lists of numbers, in the clear and encrypted.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::circuits::{PlainTensor, Subscript, Tensor, Vector};
use slotwise::evaluator::{ClearIntegers, ClearReals, Evaluator};
use slotwise::prelude::*;
use slotwise::{Error, OperandError, ValueError};

type Plain = PlainTensor<i64>;

/// Small random integers in this shape.
fn random(shape: &[usize], rng: &mut ChaCha20Rng) -> Plain {
    let count = shape.iter().product();
    let values: Vec<i64> = (0..count).map(|_| rng.random_range(-9..=9)).collect();
    PlainTensor::new(&values, shape).unwrap()
}

/// The element of a tensor that is broadcast to more axes.
fn element(tensor: &Plain, indices: &[usize]) -> i64 {
    let own = &indices[indices.len() - tensor.shape().len()..];
    let indices = own.iter().zip(tensor.shape());
    let indices: Vec<i64> = indices
        .map(|(&i, &n)| if n == 1 { 0 } else { i as i64 })
        .collect();
    *tensor.at(&indices).unwrap()
}

/// All indices of a shape, by rows.
fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for &length in shape {
        let longer = |start: &Vec<usize>| {
            let start = start.clone();
            (0..length).map(move |i| [&start[..], &[i]].concat())
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

fn tensor(evaluator: &ClearIntegers, values: &Plain) -> Tensor<ClearIntegers> {
    Tensor::from_values(evaluator, values).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn shapes_broadcast_as_in_numpy(shape in prop::collection::vec(1usize..4, 0..4), seed: u64, ones: [bool; 8], cut in 0usize..4) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let evaluator = ClearIntegers::new(8, 65_537).unwrap();
        let shrunk = |ones: &[bool]| -> Vec<usize> {
            shape.iter().zip(ones).map(|(&n, &one)| if one { 1 } else { n }).collect()
        };
        let left = random(&shrunk(&ones[..4]), &mut rng);
        let right = random(&shrunk(&ones[4..])[cut.min(shape.len())..], &mut rng);
        let wanted: Vec<usize> = (0..shape.len())
            .map(|axis| {
                let right = axis.checked_sub(cut.min(shape.len())).map_or(1, |axis| right.shape()[axis]);
                left.shape()[axis].max(right)
            })
            .collect();
        let (x, y) = (tensor(&evaluator, &left), tensor(&evaluator, &right));
        let difference = (&x - &y).unwrap();
        prop_assert_eq!(difference.shape(), &wanted[..]);
        let expected: Vec<i64> = indices(&wanted)
            .iter()
            .map(|at| element(&left, at) - element(&right, at))
            .collect();
        let found = difference.to_plain().unwrap();
        prop_assert_eq!(found.values(), &expected[..]);
        let found = (&x - &right).unwrap().to_plain().unwrap();
        prop_assert_eq!(found.values(), &expected[..]);
        let broadcast = left.broadcast(&wanted).unwrap();
        let again = (&tensor(&evaluator, &broadcast) - &right).unwrap().to_plain().unwrap();
        prop_assert_eq!(again.values(), &expected[..]);
    }

    #[test]
    fn axes_sums_and_products(shape in prop::collection::vec(1usize..5, 1..4), seed: u64, batch in 1usize..20) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let evaluator = ClearIntegers::new(8, 65_537).unwrap();
        let values = random(&shape, &mut rng);
        let x = tensor(&evaluator, &values);
        let axis = rng.random_range(0..shape.len());
        // A sum along an axis is a sum of subscripts.
        let part = |i: usize| {
            let mut subscripts = vec![(..).into(); axis];
            subscripts.push((i as i64 - shape[axis] as i64).into());
            values.subscript(&subscripts).unwrap()
        };
        let sum = x.sum(axis as i64).unwrap().to_plain().unwrap();
        let mut expected = vec![0; sum.values().len()];
        for i in 0..shape[axis] {
            expected.iter_mut().zip(part(i).values()).for_each(|(sum, value)| *sum += value);
        }
        prop_assert_eq!(sum.values(), &expected[..]);
        let negative = x.sum(axis as i64 - shape.len() as i64).unwrap().to_plain().unwrap();
        prop_assert_eq!(negative, sum);
        // Transposed axes.
        let mut axes: Vec<usize> = (0..shape.len()).collect();
        axes.rotate_left(axis);
        let moved = x.transpose_axes(&axes).unwrap().to_plain().unwrap();
        for at in indices(moved.shape()) {
            let mut from = vec![0; shape.len()];
            axes.iter().zip(&at).for_each(|(&axis, &index)| from[axis] = index);
            prop_assert_eq!(element(&moved, &at), element(&values, &from));
        }
        // Products of matrices, of each tensor of a batch by itself.
        let (rows, length, columns) = (shape[0], shape[shape.len() - 1], 1 + axis);
        let left = random(&[batch, rows, length], &mut rng);
        let right = random(&[length, columns], &mut rng);
        let batched = Tensor::from_values_batched(&evaluator, &left).unwrap();
        prop_assert_eq!((batched.shape(), batched.batch_size()), (&[rows, length][..], Some(batch)));
        let found = batched.matmul(&tensor(&evaluator, &right)).unwrap().to_plain().unwrap();
        prop_assert_eq!(found.shape(), &[batch, rows, columns]);
        for at in indices(found.shape()) {
            let product = |i: usize| element(&left, &[at[0], at[1], i]) * element(&right, &[i, at[2]]);
            prop_assert_eq!(element(&found, &at), (0..length).map(product).sum::<i64>());
        }
        prop_assert_eq!(batched.matmul_plain(&right).unwrap().to_plain().unwrap(), found);
        let total = batched.sum_batch().unwrap().to_plain().unwrap();
        prop_assert_eq!(total, tensor(&evaluator, &left).sum(0).unwrap().to_plain().unwrap());
    }
}

/// A small network, batched or not: what is done to one tensor is done to each of a batch.
fn network<E: Evaluator>(
    x: &Tensor<E>,
    weights: &Tensor<E>,
    known: &PlainTensor<E::Scalar>,
) -> slotwise::Result<Vec<Tensor<E>>> {
    let hidden = (x.matmul_plain(known)? + &known.subscript(&[0.into()])?)?;
    let out = hidden.square()?.matmul(weights)?;
    let one = E::Scalar::from(1);
    Ok(vec![
        (out - weights.subscript(&[(..2).into()])?)?.sum(-1)?,
        (-(x * &x.subscript(&[(..1).into()])?)?)?,
        x.transpose()
            .reshape(&[6])?
            .polyval(&[one, one, E::scalar(2)])?,
        weights.power(3)?.compact()?,
    ])
}

/// Real numbers in this shape.
fn reals(shape: &[usize]) -> PlainTensor<f64> {
    let count = shape.iter().product::<usize>();
    let values = (0..count).map(|i| ((7 * i) % 11) as f64 / 8.0 - 0.5);
    PlainTensor::new(&values.collect::<Vec<_>>(), shape).unwrap()
}

/// Checks that errors are within their bounds, which are small.
fn check(client: &ClientKey<Ckks>, found: &CkksTensor, expected: &Tensor<ClearReals>) {
    let bound = found.noise_bound();
    assert!(bound < 1e-5, "{bound:e}");
    let decrypted = client.decrypt_tensor(found).unwrap();
    let expected = expected.to_plain().unwrap();
    assert_eq!(decrypted.shape(), expected.shape());
    for (a, b) in decrypted.values().iter().zip(expected.values()) {
        assert!((a - b).abs() <= bound, "{a} instead of {b}");
    }
}

#[test]
fn encrypted_tensors_compute_as_in_the_clear() {
    let context = CkksContext::builder()
        .degree(64)
        .prime_bits(&[50, 40, 40, 40, 50])
        .scale_bits(40);
    let client = context
        .insecure_skip_security_check()
        .build()
        .unwrap()
        .generate_client_key()
        .unwrap();
    let server = client
        .generate_server_key(&Rotations::powers_of_two())
        .unwrap();
    let clear = ClearReals::new(32);
    let weights = reals(&[3, 3]);
    let encrypted = server
        .attach_tensor(client.encrypt_tensor(&weights).unwrap())
        .unwrap();
    let known = Tensor::from_values(&clear, &weights).unwrap();
    for batched in [false, true] {
        // A batch of 40 takes two ciphertexts for each element.
        let shape: &[usize] = if batched { &[40, 2, 3] } else { &[2, 3] };
        let inputs = reals(shape);
        let (x, y) = if batched {
            (
                client.encrypt_tensor_batched(&inputs).unwrap(),
                Tensor::from_values_batched(&clear, &inputs).unwrap(),
            )
        } else {
            (
                client.encrypt_tensor(&inputs).unwrap(),
                Tensor::from_values(&clear, &inputs).unwrap(),
            )
        };
        assert_eq!(client.decrypt_tensor(&x).unwrap().shape(), inputs.shape());
        let x = server.attach_tensor(x).unwrap();
        let found = network(&x, &encrypted, &weights).unwrap();
        let expected = network(&y, &known, &weights).unwrap();
        for (found, expected) in found.iter().zip(&expected) {
            check(&client, found, expected);
        }
        if batched {
            check(&client, &x.sum_batch().unwrap(), &y.sum_batch().unwrap());
        }
    }
    // Magnitudes of elements are not given away by their bounds.
    let bounds = PlainTensor::new(&[0.0, 100.0, 3.0], &[3]).unwrap();
    let bounds = client.encrypt_tensor(&bounds).unwrap();
    assert!(
        bounds
            .vectors()
            .all(|vector| vector.message_bound() == 128.0)
    );
}

#[test]
fn encrypted_tensors_of_integers() {
    let context = BfvContext::builder()
        .degree(64)
        .prime_bits(&[50; 7])
        .plaintext_modulus(65_537);
    let client = context
        .insecure_skip_security_check()
        .build()
        .unwrap()
        .generate_client_key()
        .unwrap();
    let server = client
        .generate_server_key(&Rotations::powers_of_two())
        .unwrap();
    let public = client.generate_encryption_key().unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (weights, inputs) = (random(&[3, 3], &mut rng), random(&[70, 2, 3], &mut rng));
    let clear = ClearIntegers::new(64, 65_537).unwrap();
    let x = server
        .attach_tensor(public.encrypt_tensor_batched(&inputs).unwrap())
        .unwrap();
    let encrypted = server
        .attach_tensor(public.encrypt_tensor(&weights).unwrap())
        .unwrap();
    let y = Tensor::from_values_batched(&clear, &inputs).unwrap();
    let found = network(&x, &encrypted, &weights).unwrap();
    let expected = network(&y, &tensor(&clear, &weights), &weights).unwrap();
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(
            client.decrypt_tensor(found).unwrap(),
            expected.to_plain().unwrap()
        );
    }
    let (sum, expected) = (x.sum_batch().unwrap(), y.sum_batch().unwrap());
    assert_eq!(
        client.decrypt_tensor(&sum).unwrap(),
        expected.to_plain().unwrap()
    );
    assert!((3 - &x).unwrap().at(&[-1, 2]).unwrap().noise_budget() > 1.0);
}

#[test]
fn subscripts_are_those_of_numpy() {
    let t = PlainTensor::new(&(0..24).collect::<Vec<i64>>(), &[2, 3, 4]).unwrap();
    let part = |subscripts: &[Subscript]| t.subscript(subscripts).unwrap();
    assert_eq!((t.strides(), part(&[]) == t), (vec![12, 4, 1], true));
    let row = part(&[1.into(), (-1).into()]);
    assert_eq!(
        (row.shape(), row.values()),
        (&[4][..], &[20, 21, 22, 23][..])
    );
    let block = part(&[(..).into(), Subscript::range(1, -1), (-2..100).into()]);
    assert_eq!(
        (block.shape(), block.values()),
        (&[2, 1, 2][..], &[6, 7, 18, 19][..])
    );
    let one = part(&[0.into(), 1.into(), 2.into()]);
    assert_eq!(
        (one.shape(), one.values(), one.at(&[]).unwrap()),
        (&[][..], &[6][..], &6)
    );
    for wrong in [&[2.into()][..], &[(-3).into()], &[i64::MIN.into()]] {
        assert!(matches!(
            t.subscript(wrong),
            Err(Error::Operands(OperandError::SubscriptOutOfRange {
                len: 2,
                ..
            }))
        ));
    }
    for (start, end) in [(2, 5), (1, 1), (1, -1), (i64::MAX, i64::MIN)] {
        let wrong = Subscript::range(start, end);
        assert!(matches!(
            t.subscript(&[wrong]),
            Err(Error::Operands(OperandError::InvalidRange { len: 2, .. }))
        ));
    }
    assert!(t.subscript(&[(..).into(); 4]).is_err());
    assert!(t.at(&[0, 0]).is_err() && t.at(&[0, 0, 4]).is_err());
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let t = PlainTensor::new(&[1.0; 6], &[2, 3]).unwrap();
    let x = Tensor::from_values(&ClearReals::new(8), &t).unwrap();
    let mismatch = |error: Error, left: &[usize], right: &[usize]| {
        let message = error.to_string();
        assert!(
            message.contains(&format!("{left:?}")) && message.contains(&format!("{right:?}")),
            "{message}"
        );
    };
    mismatch((&x + &x.transpose()).unwrap_err(), &[2, 3], &[3, 2]);
    mismatch(x.matmul(&x).unwrap_err(), &[2, 3], &[2, 3]);
    mismatch(
        x.matmul_plain(&t.reshape(&[6]).unwrap()).unwrap_err(),
        &[2, 3],
        &[6],
    );
    mismatch(
        x.matmul(&x.subscript(&[0.into(), 0.into()]).unwrap())
            .unwrap_err(),
        &[2, 3],
        &[],
    );
    mismatch(x.reshape(&[5]).unwrap_err(), &[2, 3], &[5]);
    mismatch(x.broadcast(&[3]).unwrap_err(), &[2, 3], &[3]);
    assert!(matches!(
        PlainTensor::new(&[1.0; 6], &[7]),
        Err(Error::Operands(OperandError::Count {
            have: 6,
            need: 7,
            ..
        }))
    ));
}

#[test]
fn sizes_axes_and_batches_are_checked() {
    let t = PlainTensor::new(&[1.0; 6], &[2, 3]).unwrap();
    let x = Tensor::from_values(&ClearReals::new(8), &t).unwrap();
    assert!(matches!(
        t.reshape(&[6, 0]),
        Err(Error::Values(ValueError::Empty))
    ));
    for huge in [
        &[usize::MAX][..],
        &[1 << 40, 2, 3],
        &[usize::MAX, usize::MAX, 2, 3],
    ] {
        assert!(matches!(
            x.broadcast(huge),
            Err(Error::Operands(OperandError::InvalidArgument { .. }))
        ));
        assert!(t.reshape(huge).is_err() && t.broadcast(huge).is_err());
    }
    assert!(
        x.transpose_axes(&[0, 0]).is_err()
            && x.transpose_axes(&[0]).is_err()
            && x.transpose_axes(&[0, 2]).is_err()
    );
    assert!(matches!(
        x.sum(2),
        Err(Error::Operands(OperandError::SubscriptOutOfRange {
            index: 2,
            len: 2
        }))
    ));
    assert!(Tensor::from_values_batched(x.evaluator(), &PlainTensor::scalar(1.0)).is_err());
    assert!(Tensor::from_values(x.evaluator(), &PlainTensor::scalar(f64::NAN)).is_err());
    let batch = |count: usize| {
        let values = PlainTensor::new(&vec![1.0; count], &[count]).unwrap();
        Tensor::from_values_batched(x.evaluator(), &values).unwrap()
    };
    assert!(matches!(
        &batch(2) * &batch(3),
        Err(Error::Operands(OperandError::Count {
            have: 3,
            need: 2,
            ..
        }))
    ));
    let vector = |len: usize| Vector::from_values(x.evaluator(), &vec![1.0; len]).unwrap();
    assert!(Tensor::from_vectors(vec![vector(2), vector(3)], &[2]).is_err());
    assert!(Tensor::<ClearReals>::from_vectors(Vec::new(), &[1]).is_err());
    let ones = Tensor::from_vectors(vec![vector(2), vector(2)], &[2]).unwrap();
    assert_eq!(
        (ones.batch_size(), ones.to_plain().unwrap().shape()),
        (Some(2), &[2, 2][..])
    );
    assert_eq!(format!("{ones:?}"), "Tensor<f64>(shape [2], batch of 2)");
}
