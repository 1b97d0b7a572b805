//! Operations in place: the result is that of the operation without it, bit for bit and in every bound, and an error leaves the operand
//! as it was.
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a failed unwrap is a failed test"
)]

mod scheme;

use scheme::Scheme;
use slotwise::circuits::Vector;
use slotwise::encryption::Encrypted;
use slotwise::evaluator::{BfvEvaluator, CkksEvaluator, ClearReals, Evaluator};
use slotwise::keys::Rotations;
use slotwise::wire::Wire;
use slotwise::{BfvContext, CkksContext, Result};

/// CKKS with 32 slots and levels 0 to 4.
fn ckks(seed: u64) -> Scheme<CkksEvaluator> {
    Scheme::ckks(64, &[50, 40, 40, 40, 40, 50], 1, &Rotations::none(), seed)
}

/// BFV with 64 slots and levels 0 to 3.
fn bfv(seed: u64) -> Scheme<BfvEvaluator> {
    Scheme::bfv(64, 1, &Rotations::none(), seed)
}

/// All that there is to know of a value.
trait Contents {
    fn contents(&self) -> (Vec<u8>, Vec<u64>);
}

impl<S: slotwise::encryption::State> Contents for Encrypted<S>
where
    Self: Wire,
{
    fn contents(&self) -> (Vec<u8>, Vec<u64>) {
        // The residues too, since those that come from a seed are not among the bytes.
        let rows = self.body().polys().iter().map(|poly| poly.data());
        (self.to_bytes(), rows.flatten().copied().collect())
    }
}

/// An operation and its form in place.
type Twin<'a, C> = (
    &'static str,
    Box<dyn Fn(&C) -> Result<C> + 'a>,
    Box<dyn Fn(&mut C) -> Result<()> + 'a>,
);

/// Checks both forms on every operand; returns how often they succeeded and failed.
fn compare<C: Clone + Contents>(twins: &[Twin<'_, C>], operands: &[C]) -> [usize; 2] {
    let mut outcomes = [0; 2];
    for (name, plain, in_place) in twins {
        for (index, operand) in operands.iter().enumerate() {
            let mut changed = operand.clone();
            let case = format!("{name}, operand {index}");
            match (plain(operand), in_place(&mut changed)) {
                (Ok(want), Ok(())) => {
                    assert!(changed.contents() == want.contents(), "{case}");
                    outcomes[0] += 1;
                }
                (Err(want), Err(found)) => {
                    assert_eq!(found, want, "{case}");
                    assert!(changed.contents() == operand.contents(), "{case}");
                    outcomes[1] += 1;
                }
                (want, found) => panic!("{case}: {:?}, but {found:?} in place", want.err()),
            }
        }
    }
    outcomes
}

/// The operations of the trait, with each of the second operands.
fn twins<'a, E: Evaluator>(
    e: &'a E,
    others: &'a [E::Ciphertext],
    plaintexts: &'a [E::Plaintext],
    scalars: &'a [E::Scalar],
) -> Vec<Twin<'a, E::Ciphertext>> {
    let mut twins: Vec<Twin<'a, E::Ciphertext>> = vec![(
        "negate",
        Box::new(|a| e.negate(a)),
        Box::new(|a| e.negate_assign(a)),
    )];
    macro_rules! twins {
        ($operands:expr; $($plain:ident $in_place:ident),+) => {
            for operand in $operands {
                $(twins.push((
                    stringify!($plain),
                    Box::new(move |a| e.$plain(a, operand)),
                    Box::new(move |a| e.$in_place(a, operand)),
                ));)+
            }
        };
    }
    twins!(others; add add_assign, sub sub_assign);
    twins!(plaintexts; add_plain add_plain_assign, sub_plain sub_plain_assign,
        mul_plain mul_plain_assign);
    twins!(scalars.iter().copied(); add_scalar add_scalar_assign, mul_scalar mul_scalar_assign);
    twins
}

#[test]
fn ckks_in_place_equals_plain() {
    let mut own = ckks(1);
    let values: Vec<f64> = (0..32).map(|i| f64::from(i) / 40.0 - 0.3).collect();
    let (fresh, other) = (own.encrypt(&values, 4), own.encrypt(&values, 4));
    let e = &own.evaluator.clone();
    let product = e.mul(&fresh, &other).unwrap();
    let operands = vec![
        fresh.clone(),
        e.drop_to_level(&fresh, 2).unwrap(),
        Evaluator::drop_to_level(e, &fresh, 1).unwrap(),
        product.clone(),
        e.rescale(&product).unwrap(),
        e.mul_raw(&fresh, &other).unwrap(),
        e.drop_to_level(&fresh, 0).unwrap(),
        e.compact(&fresh).unwrap(),
        // Of another key.
        ckks(2).encrypt(&values, 4),
        // Of another context.
        Scheme::ckks(64, &[50, 40, 40, 50], 1, &Rotations::none(), 1).encrypt(&values, 1),
    ];
    let encoder = e.encoder();
    let level = |level| encoder.encode(&values, level).unwrap();
    let plaintexts = [
        level(4),
        level(1),
        level(0),
        e.encode_term(&values, e.term_position(&product).unwrap())
            .unwrap(),
    ];
    let scalars = [0.0, 3.0, -0.37, 1e300, f64::NAN];
    let [ok, failed] = compare(&twins(e, &operands, &plaintexts, &scalars), &operands);
    assert!(ok > 150 && failed > 100, "{ok} and {failed}");

    let mut levels: Vec<Twin<'_, _>> = vec![(
        "rescale",
        Box::new(|a| e.rescale(a)),
        Box::new(|a| e.rescale_assign(a)),
    )];
    for level in 0..=4 {
        levels.push((
            "drop_to_level",
            Box::new(move |a| e.drop_to_level(a, level)),
            Box::new(move |a| e.drop_to_level_assign(a, level)),
        ));
    }
    let [ok, failed] = compare(&levels, &operands);
    assert!(ok > 20 && failed > 10, "{ok} and {failed}");

    let mut sum = fresh;
    e.add_scalar_assign(&mut sum, 1.0).unwrap();
    let found = encoder.decode(&own.decryptor.decrypt(&sum).unwrap());
    let pairs = found.unwrap().into_iter().zip(&values);
    assert!(
        pairs
            .map(|(x, y)| x - y - 1.0)
            .all(|error| error.abs() < 1e-6)
    );
}

#[test]
fn bfv_in_place_equals_plain() {
    let mut own = bfv(1);
    let values: Vec<i64> = (0..64).map(|i| 50 * i - 1000).collect();
    let (fresh, other) = (own.encrypt(&values, 3), own.encrypt(&values, 2));
    let e = &own.evaluator.clone();
    let operands = vec![
        fresh.clone(),
        other.clone(),
        e.switch_to_level(&fresh, 0).unwrap(),
        e.mul(&fresh, &other).unwrap(),
        e.mul_raw(&fresh, &other).unwrap(),
        e.compact(&fresh).unwrap(),
        bfv(2).encrypt(&values, 3),
        Scheme::bfv(64, 2, &Rotations::none(), 1).encrypt(&values, 3),
    ];
    let encoder = e.encoder();
    let plaintexts = [
        encoder.encode(&values).unwrap(),
        encoder.encode(&[0]).unwrap(),
        Scheme::bfv(64, 2, &Rotations::none(), 1)
            .evaluator
            .encoder()
            .encode(&values)
            .unwrap(),
    ];
    let scalars = [0, 3, -70_000, i64::MIN];
    let [ok, failed] = compare(&twins(e, &operands, &plaintexts, &scalars), &operands);
    assert!(ok > 150 && failed > 50, "{ok} and {failed}");

    let mut levels: Vec<Twin<'_, _>> = vec![(
        "switch_modulus",
        Box::new(|a| e.switch_modulus(a)),
        Box::new(|a| e.switch_modulus_assign(a)),
    )];
    for level in 0..=3 {
        levels.push((
            "switch_to_level",
            Box::new(move |a| e.switch_to_level(a, level)),
            Box::new(move |a| e.switch_to_level_assign(a, level)),
        ));
    }
    let [ok, failed] = compare(&levels, &operands);
    assert!(ok > 20 && failed > 5, "{ok} and {failed}");

    let mut zero = fresh;
    e.sub_plain_assign(&mut zero, &plaintexts[0]).unwrap();
    let found = encoder.decode(&own.decryptor.decrypt(&zero).unwrap());
    assert!(found.unwrap().iter().all(|&x| x == 0));
}

/// The operators on owned vectors against those on borrowed ones, where a vector is told apart by `contents`.
fn check_operators<E: Evaluator, B: PartialEq>(
    vectors: &[Vector<E>],
    values: &[Vec<E::Scalar>],
    contents: impl Fn(&Vector<E>) -> B,
) -> [usize; 2] {
    let mut outcomes = [0; 2];
    let mut check =
        |case: String, want: Result<Vector<E>>, found: Result<Vector<E>>| match (want, found) {
            (Ok(want), Ok(found)) => {
                assert_eq!(found.len(), want.len(), "{case}");
                assert!(contents(&found) == contents(&want), "{case}");
                outcomes[0] += 1;
            }
            (Err(want), Err(found)) => {
                assert_eq!(found, want, "{case}");
                outcomes[1] += 1;
            }
            (want, found) => panic!("{case}: {want:?}, but {found:?} in place"),
        };
    for (i, x) in vectors.iter().enumerate() {
        check(format!("-x{i}"), -x, -x.clone());
        for (j, y) in vectors.iter().enumerate() {
            let before = contents(y);
            check(format!("x{i} + x{j}"), x + y, x.clone() + y);
            check(format!("x{i} - x{j}"), x - y, x.clone() - y);
            check(format!("x{i} * x{j}"), x * y, x.clone() * y.clone());
            assert!(contents(y) == before, "x{i} and x{j}");
        }
        for (j, values) in values.iter().enumerate() {
            check(format!("x{i} + v{j}"), x + values, x.clone() + values);
            check(format!("x{i} - v{j}"), x - values, x.clone() - values);
            check(format!("x{i} * v{j}"), x * values, x.clone() * values);
        }
    }
    outcomes
}

/// Vectors of several lengths, of one ciphertext and of more, with zeros beyond their values, with something else, and with nothing known.
fn vectors_of<E: Evaluator>(encrypt: impl Fn(usize) -> Vector<E>) -> Vec<Vector<E>> {
    let [single, short, long] = [1, 5, 70].map(encrypt);
    let filled = (&short + &single).unwrap();
    let unknown = Vector::from_ciphertexts(short.evaluator(), 5, short.ciphertexts().to_vec());
    let product = (&short * &short).unwrap();
    vec![single, short, long, filled, unknown.unwrap(), product]
}

/// The operators on encrypted vectors; returns how often they succeeded.
fn check_encrypted<E: Evaluator>(
    encrypt: impl Fn(&[E::Scalar]) -> Vector<E>,
    values: &[E::Scalar],
) -> usize
where
    Vector<E>: Wire,
{
    let vectors = vectors_of(|length| encrypt(&values[..length]));
    let operands = [&values[..1], &values[..5], &values[..70], &values[..3], &[]];
    let operands = operands.map(<[_]>::to_vec);
    let [ok, failed] = check_operators(&vectors, &operands, Wire::to_bytes);
    assert!(failed > 40, "{failed}");
    ok
}

#[test]
fn operators_on_owned_vectors_equal_those_on_borrowed_ones() {
    let context = CkksContext::builder()
        .degree(64)
        .prime_bits(&[50, 40, 40, 40, 50])
        .scale_bits(40)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let values: Vec<f64> = (0..70).map(|i| f64::from(i) / 80.0 - 0.3).collect();
    let client = context.generate_client_key().unwrap();
    let server = client.generate_server_key(&Rotations::none()).unwrap();
    let encrypt = |values: &[f64]| server.attach(client.encrypt(values).unwrap()).unwrap();
    let ok = check_encrypted(encrypt, &values);
    assert!(ok > 80, "{ok}");

    let context = BfvContext::builder()
        .degree(64)
        .prime_bits(&[50; 5])
        .plaintext_modulus(65_537)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let integers: Vec<i64> = (0..70).map(|i| 50 * i - 1000).collect();
    let client = context.generate_client_key().unwrap();
    let server = client.generate_server_key(&Rotations::none()).unwrap();
    let encrypt = |values: &[i64]| server.attach(client.encrypt(values).unwrap()).unwrap();
    let ok = check_encrypted(encrypt, &integers);
    assert!(ok > 80, "{ok}");

    let clear = ClearReals::new(32);
    let vectors = vectors_of(|length| Vector::from_values(&clear, &values[..length]).unwrap());
    let operands = [&values[..1], &values[..5], &values[..70]].map(<[_]>::to_vec);
    let [ok, failed] = check_operators(&vectors, &operands, |x| {
        (x.values(), x.ciphertexts().to_vec())
    });
    assert!(ok > 80 && failed > 20, "{ok} and {failed}");
}
