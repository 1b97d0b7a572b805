//! Bytes made by an adversary, with the right checksums.

use crate::objects::{BfvObjects, CkksObjects, ckks_context};
use crate::reseal::{HEADER, reseal};
use slotwise::encoding::{BfvPlaintext, CkksPlaintext};
use slotwise::encryption::{BfvCiphertext, CkksCiphertext};
use slotwise::keys::{EvaluationKeys, GaloisKey, PublicKey, RelinearizationKey, SecretKey};
use slotwise::prelude::*;
use slotwise::{Error, KeyError, OperandError, ParameterError, Result, WireError};

fn is_invalid<T>(read: &Result<T>) -> bool {
    matches!(read, Err(Error::Wire(WireError::Invalid { .. })))
}

fn is_length<T>(read: &Result<T>) -> bool {
    matches!(read, Err(Error::Wire(WireError::Length { .. })))
}

/// The bytes with others written into the body, resealed.
fn with(bytes: &[u8], at: usize, patch: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[HEADER + at..HEADER + at + patch.len()].copy_from_slice(patch);
    reseal(&bytes, None)
}

#[test]
fn residues_beyond_their_prime_are_refused() {
    let (ckks, bfv) = (CkksObjects::new(8, 1), BfvObjects::new(8, 1));
    let last = |bytes: Vec<u8>| {
        let end = bytes.len() - HEADER - 4;
        with(&bytes, end - 8, &[0xff; 8])
    };
    let rlwe = ckks.context.rlwe();
    let context = &ckks.context;
    assert!(is_invalid(&CkksCiphertext::from_bytes(
        &last(ckks.seeded.to_bytes()),
        context
    )));
    assert!(is_invalid(&CkksCiphertext::from_bytes(
        &last(ckks.computed.to_bytes()),
        context
    )));
    let compact = ckks.evaluator.compact(&ckks.computed).unwrap();
    assert!(is_invalid(&CkksCiphertext::from_bytes(
        &last(compact.to_bytes()),
        context
    )));
    assert!(is_invalid(&CkksPlaintext::from_bytes(
        &last(ckks.plaintext.to_bytes()),
        context
    )));
    assert!(is_invalid(&PublicKey::from_bytes(
        &last(ckks.public.to_bytes()),
        rlwe
    )));
    let key = ckks.keys.relinearization().unwrap().to_bytes();
    assert!(is_invalid(&RelinearizationKey::from_bytes(
        &last(key),
        rlwe
    )));
    let plaintext = last(bfv.plaintext.to_bytes());
    assert!(is_invalid(&BfvPlaintext::from_bytes(
        &plaintext,
        &bfv.context
    )));
    let ciphertext = last(bfv.computed.to_bytes());
    assert!(is_invalid(&BfvCiphertext::from_bytes(
        &ciphertext,
        &bfv.context
    )));
}

#[test]
fn scales_and_bounds_out_of_range_are_refused() {
    let objects = CkksObjects::new(8, 1);
    let floats = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -1.0,
        -f64::MIN_POSITIVE,
        -0.0,
    ];
    let exponents = [i64::MIN, i64::MAX, 1 << 32, -(1 << 32), 8192, -10_000, 200];
    // The metadata of a ciphertext starts after its shape, that of a plaintext after its level.
    let ciphertext = |at: usize, patch: &[u8]| {
        let bytes = with(&objects.seeded.to_bytes(), 7 + at, patch);
        CkksCiphertext::from_bytes(&bytes, &objects.context).map(|_| ())
    };
    let plaintext = |at: usize, patch: &[u8]| {
        let bytes = with(&objects.plaintext.to_bytes(), 2 + at, patch);
        CkksPlaintext::from_bytes(&bytes, &objects.context).map(|_| ())
    };
    for read in [
        &ciphertext as &dyn Fn(usize, &[u8]) -> Result<()>,
        &plaintext,
    ] {
        // Zero, and subnormal mantissas.
        for mantissa in [0u128, 1, u128::MAX >> 1] {
            assert!(is_invalid(&read(0, &mantissa.to_le_bytes())));
        }
        for exponent in exponents {
            assert!(is_invalid(&read(16, &exponent.to_le_bytes())), "{exponent}");
        }
        for float in floats {
            assert!(is_invalid(&read(24, &float.to_le_bytes())), "{float}");
        }
        for float in [f64::NAN, f64::INFINITY, f64::MAX, f64::MIN, 1e9, -1e9, -0.0] {
            assert!(is_invalid(&read(32, &float.to_le_bytes())), "{float}");
        }
        for float in [f64::NEG_INFINITY, 0.0, -5.0, 100.0] {
            assert_eq!(read(32, &float.to_le_bytes()), Ok(()));
        }
        assert_eq!(read(24, &(f64::MIN_POSITIVE / 4.0).to_le_bytes()), Ok(()));
    }
}

#[test]
fn noises_out_of_range_are_refused() {
    let objects = BfvObjects::new(8, 1);
    let noise = |at: usize, patch: &[u8]| {
        let bytes = with(&objects.seeded.to_bytes(), 7 + at, patch);
        BfvCiphertext::from_bytes(&bytes, &objects.context)
    };
    for at in [0, 8, 16] {
        for float in [f64::NAN, f64::INFINITY, f64::MAX, -1e9, -0.0] {
            assert!(is_invalid(&noise(at, &float.to_le_bytes())), "{float}");
        }
        for float in [f64::NEG_INFINITY, 0.0, -5.0, 100.0] {
            assert!(noise(at, &float.to_le_bytes()).is_ok(), "{float}");
        }
    }
    // Factors, how many of them are the same one, and which is the newest: at least one, and no more than there are.
    let counts = |counts: [u32; 3]| noise(24, &counts.map(u32::to_le_bytes).concat());
    for few in [[1, 1, 1], [7, 7, 7], [1 << 20, 1, 1]] {
        assert!(counts(few).is_ok(), "{few:?}");
    }
    for wrong in [
        [0, 0, 0],
        [0, 1, 1],
        [1, 0, 1],
        [1, 1, 0],
        [1, 2, 1],
        [1, 1, 2],
        [u32::MAX, 1, 1],
        [7, u32::MAX, 1],
        [7, 1, u32::MAX],
    ] {
        assert!(is_invalid(&counts(wrong)), "{wrong:?}");
    }
}

#[test]
fn shapes_that_cannot_be_are_refused() {
    let objects = CkksObjects::new(8, 1);
    let compact = objects.evaluator.compact(&objects.computed).unwrap();
    let read = |ciphertext: &CkksCiphertext, at, patch: &[u8]| {
        let bytes = with(&ciphertext.to_bytes(), at, patch);
        CkksCiphertext::from_bytes(&bytes, &objects.context)
    };
    for level in [3u16, 128, u16::MAX] {
        assert!(is_invalid(&read(&objects.seeded, 0, &level.to_le_bytes())));
    }
    assert!(is_length(&read(&objects.computed, 0, &[0, 0])));
    for polys in [0, 1, 4, 255] {
        assert!(is_invalid(&read(&objects.computed, 2, &[polys])));
    }
    assert!(is_length(&read(&objects.computed, 2, &[3])));
    for form in [2, 4, 255] {
        assert!(is_invalid(&read(&objects.computed, 3, &[form])));
    }
    for form in [1, 3] {
        assert!(is_invalid(&read(&objects.raw_product, 3, &[form])));
    }
    assert!(is_invalid(&read(&objects.seeded, 4, &[1])));
    assert!(is_invalid(&read(&compact, 4, &[255])));
    assert!(is_invalid(&read(&compact, 6, &[1])));
    assert!(is_length(&read(&compact, 4, &[49])));
}

#[test]
fn values_of_other_parameters_and_keys_are_named() {
    let (objects, other) = (CkksObjects::new(8, 1), CkksObjects::new(16, 2));
    let bytes = objects.seeded.to_bytes();
    let read = CkksCiphertext::from_bytes(&bytes, &other.context);
    assert!(matches!(
        read,
        Err(Error::Operands(OperandError::ContextMismatch { .. }))
    ));
    let keys = objects.keys.to_bytes();
    let read = EvaluationKeys::from_bytes(&keys, other.context.rlwe());
    assert!(matches!(
        read,
        Err(Error::Operands(OperandError::ContextMismatch { .. }))
    ));
    let secret = objects.secret.expose_secret_bytes();
    let read = SecretKey::from_secret_bytes(&secret, other.context.rlwe());
    assert!(matches!(
        read,
        Err(Error::Operands(OperandError::ContextMismatch { .. }))
    ));
    // One key of a set, and one ciphertext of a vector, of another secret key.
    let mut forged = keys.clone();
    // The keys follow the counts and the forms of five.
    let at = HEADER + 12 + 5 * 4;
    forged[at + 48] ^= 1;
    forged[at + HEADER + 1] ^= 1;
    let read = EvaluationKeys::from_bytes(&reseal(&forged, None), objects.context.rlwe());
    assert!(matches!(read, Err(Error::Keys(KeyError::Mismatch { .. }))));
    let client = objects.context.generate_client_key().unwrap();
    let mut forged = client.encrypt([1.0; 8]).unwrap().to_bytes();
    forged[HEADER + 9 + 48] ^= 1;
    let read = CkksVector::from_bytes(&reseal(&forged, None), &objects.context);
    assert!(matches!(read, Err(Error::Keys(KeyError::Mismatch { .. }))));
    let server = client.generate_server_key(&Rotations::none()).unwrap();
    let stranger = objects.context.generate_client_key().unwrap();
    let vector = stranger.encrypt([1.0]).unwrap().to_bytes();
    assert!(matches!(
        server.load_vector(&vector),
        Err(Error::Keys(KeyError::Mismatch { .. }))
    ));
    // A plaintext has no key.
    let mut forged = objects.plaintext.to_bytes();
    forged[48] = 1;
    assert!(is_invalid(&CkksPlaintext::from_bytes(
        &reseal(&forged, None),
        &objects.context
    )));
}

#[test]
fn keys_without_all_digits_or_with_false_counts_are_refused() {
    let objects = CkksObjects::new(8, 1);
    let rlwe = objects.context.rlwe();
    let key = objects.keys.relinearization().unwrap().to_bytes();
    let fields = 17 + 4 + 32;
    let digit =
        (key.len() - HEADER - 4 - fields) / objects.context.params().rlwe().digit_sizes().len();
    let shorter = [&key[..key.len() - 4 - digit], &[0; 4]].concat();
    assert!(is_length(&RelinearizationKey::from_bytes(
        &reseal(&shorter, None),
        rlwe
    )));
    let set = objects.keys.to_bytes();
    let read = |patch: &[u8], at| EvaluationKeys::from_bytes(&with(&set, at, patch), rlwe);
    let spans = u8::try_from(objects.context.params().rlwe().level_sizes().len()).unwrap();
    assert!(is_invalid(&read(&[spans + 1], 0)));
    assert!(is_length(&read(&[0], 0)) && read(&[2], 0).is_err());
    assert!(is_length(&read(&0u32.to_le_bytes(), 4)));
    for count in [4 * u32::from(spans) + 1, 1 << 31, u32::MAX] {
        assert!(is_invalid(&read(&count.to_le_bytes(), 4)));
    }
    assert!(read(&u32::MAX.to_le_bytes(), 8).is_err());
    assert!(read(&1u32.to_le_bytes(), 8).is_err());
    // The same Galois key twice.
    let element = objects.keys.galois().elements().next().unwrap();
    let galois = objects.keys.galois().get(element).unwrap().to_bytes();
    let relinearization = &set[HEADER + 12 + 5 * 4..][..key.len()];
    let forms = &set[HEADER + 7..][..3 * 4];
    let counts = [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0];
    let twice = [
        &set[..HEADER],
        &counts,
        forms,
        relinearization,
        &galois,
        &galois,
        &[0; 4],
    ]
    .concat();
    assert!(is_invalid(&EvaluationKeys::from_bytes(
        &reseal(&twice, None),
        rlwe
    )));
    for exponent in [0u64, 1, 3, 4, 16, 17, u64::MAX] {
        let forged = with(&galois, 0, &exponent.to_le_bytes());
        assert!(
            is_invalid(&GaloisKey::from_bytes(&forged, rlwe)),
            "{exponent}"
        );
    }
    // Purposes, sources, spans and forms that are not those of the key.
    let forged =
        |at: usize, patch: &[u8]| RelinearizationKey::from_bytes(&with(&key, at, patch), rlwe);
    for purpose in [1, 2, 255] {
        assert!(is_invalid(&forged(0, &[purpose])));
    }
    assert!(is_invalid(&forged(1, &[0xaa; 16])));
    for level in [u16::from(spans), 200, u16::MAX] {
        assert!(is_invalid(&forged(17, &level.to_le_bytes())));
    }
    assert!(is_length(&forged(17, &0u16.to_le_bytes())));
    for special in [0, 2, 255] {
        assert!(is_invalid(&forged(19, &[special])));
    }
    for form in [2, 255] {
        assert!(is_invalid(&forged(20, &[form])));
    }
    assert!(is_length(&forged(20, &[0])));
    let public = objects.public.to_bytes();
    let form = |form: u8| PublicKey::from_bytes(&with(&public, 0, &[form]), rlwe);
    assert!(is_invalid(&form(2)) && is_length(&form(0)));
    // A context without special primes has no such keys.
    let without = CkksContext::builder()
        .degree(8)
        .prime_bits(&[40, 30])
        .special_primes(0);
    let without = without
        .scale_bits(30)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let mut empty = [&key[..HEADER + 53], &[0; 4]].concat();
    empty[16..48].copy_from_slice(without.fingerprint().bytes());
    let read = RelinearizationKey::from_bytes(&reseal(&empty, None), without.rlwe());
    assert!(matches!(
        read,
        Err(Error::Parameters(
            ParameterError::InvalidKeySwitching { .. }
        ))
    ));
}

/// All coefficients 1: the largest value at a root that there is, and no noise bound allows for it.
#[test]
fn secrets_with_peaks_are_refused() {
    let objects = CkksObjects::new(64, 1);
    let bytes = objects.secret.expose_secret_bytes();
    let mut peaked = bytes.to_vec();
    let end = peaked.len() - 4;
    peaked[HEADER + 8..end].fill(0b1010_1010);
    let read = SecretKey::from_secret_bytes(&reseal(&peaked, None), objects.context.rlwe());
    assert!(is_invalid(&read));
    assert!(read.unwrap_err().to_string().contains("generate another"));
}

#[test]
fn secrets_of_other_distributions_are_checked() {
    let objects = CkksObjects::new(64, 1);
    let rlwe = objects.context.rlwe();
    let bytes = objects.secret.expose_secret_bytes();
    let read = |code: [u32; 2]| {
        let code = code.map(u32::to_le_bytes);
        SecretKey::from_secret_bytes(&with(&bytes, 0, code.as_flattened()), rlwe)
    };
    for code in [[0, 1], [3, 0], [u32::MAX, 5]] {
        assert!(is_invalid(&read(code)), "{code:?}");
    }
    // Of another weight than it says, too dense, too large, and shared where one party's is asked for.
    assert!(is_invalid(&read([2, 1])));
    for code in [[2, 0], [2, 64], [2, 65], [1, 1], [1, 2], [1, u32::MAX]] {
        let error = read(code).unwrap_err();
        let is_secret = matches!(
            error,
            Error::Parameters(ParameterError::InvalidSecret { .. })
        );
        assert!(is_secret, "{code:?}: {error}");
    }
    // A coefficient of 2.
    assert!(is_invalid(&SecretKey::from_secret_bytes(
        &with(&bytes, 8, &[0xff]),
        rlwe
    )));
    // A sparse secret comes back as what it is.
    let sparse = slotwise::params::SecretDistribution::Sparse { weight: 8 };
    let mut rng = crate::objects::rng(3);
    let second = slotwise::keys::KeyGenerator::secret_key_of(rlwe, sparse, &mut rng).unwrap();
    let bytes = second.expose_secret_bytes();
    let again = SecretKey::from_secret_bytes(&bytes, rlwe).unwrap();
    assert_eq!((again.distribution(), again.id()), (sparse, second.id()));
    assert_eq!(again.expose_secret_bytes(), bytes);
}

#[test]
fn vectors_of_false_lengths_are_refused() {
    let context = ckks_context(8);
    let vector = context
        .generate_client_key()
        .unwrap()
        .encrypt([1.0; 7])
        .unwrap()
        .to_bytes();
    let read =
        |length: u64| CkksVector::from_bytes(&with(&vector, 0, &length.to_le_bytes()), &context);
    assert!(is_invalid(&read(0)));
    assert!(is_length(&read(4)));
    assert!(read(8).is_ok());
    // What lies beyond the values: zeros, the value of one more ciphertext, or anything.
    let padding = |length: u64, kind: u8| {
        let fields = [&length.to_le_bytes()[..], &[kind]].concat();
        CkksVector::from_bytes(&with(&vector, 0, &fields), &context)
    };
    assert!(padding(7, 2).is_ok());
    assert_eq!(padding(7, 1).err(), Some(Error::Wire(WireError::Truncated)));
    for (length, kind) in [(7, 3), (7, 255), (8, 1), (8, 2)] {
        assert!(is_invalid(&padding(length, kind)), "{length}, {kind}");
    }

    // A length near the end of its range, where sums and products of it would overflow.
    for length in [u64::MAX, u64::MAX - 1, u64::MAX - 31, 1 << 63, u64::MAX - 4] {
        for kind in [0, 1, 2] {
            assert!(padding(length, kind).is_err(), "{length}, {kind}");
        }
    }
    for length in [9, 1 << 28] {
        assert_eq!(read(length).err(), Some(Error::Wire(WireError::Truncated)));
    }
    // More than a vector can have.
    for length in [(1 << 28) + 1, 1 << 40, u64::MAX] {
        assert!(is_invalid(&read(length)), "{length}");
    }
}

#[test]
fn tensors_of_false_shapes_are_refused() {
    let context = ckks_context(8);
    let values = PlainTensor::new(&[1.0; 4], &[2, 2]).unwrap();
    let client = context.generate_client_key().unwrap();
    let bytes = client.encrypt_tensor(&values).unwrap().to_bytes();
    let read = |at: usize, patch: &[u8]| CkksTensor::from_bytes(&with(&bytes, at, patch), &context);
    // A batch of another size than the elements have.
    assert_eq!(read(0, &1_u64.to_le_bytes()).unwrap().batch_size(), Some(1));
    for batch in [2, 1 << 40, u64::MAX] {
        assert!(is_invalid(&read(0, &u64::to_le_bytes(batch))));
    }
    // Axes of another product.
    let axes =
        |first: u64, second: u64| read(9, &[first.to_le_bytes(), second.to_le_bytes()].concat());
    assert_eq!(axes(1, 4).unwrap().shape(), [1, 4]);
    assert!(is_length(&axes(1, 3)));
    for (first, second) in [(5, 1), (1 << 28, 1), (3, 2)] {
        let truncated = Some(Error::Wire(WireError::Truncated));
        assert_eq!(axes(first, second).err(), truncated);
    }
    for (first, second) in [(0, 2), (1 << 28, 2), (u64::MAX, u64::MAX), (1 << 63, 2)] {
        assert!(is_invalid(&axes(first, second)));
    }
    for axes in [0, 1, 3, 33, 255] {
        assert!(read(8, &[axes]).is_err());
    }
    // One element of another client.
    let stranger = context.generate_client_key().unwrap();
    let other = stranger.encrypt([1.0]).unwrap().to_bytes();
    let mut forged = bytes.clone();
    let end = forged.len() - 4;
    forged[end - other.len()..end].copy_from_slice(&other);
    assert!(matches!(
        CkksTensor::from_bytes(&reseal(&forged, None), &context),
        Err(Error::Keys(KeyError::Mismatch { .. }))
    ));
}

/// A frame of CKKS parameters: log2 of the degree, the policy's codes, counts, primes and digits.
fn parameters(degree: u8, policy: [u8; 2], primes: [&[u64]; 2], digits: &[u8]) -> Vec<u8> {
    let mut bytes = ckks_context(8).params().to_bytes()[..HEADER].to_vec();
    bytes.push(degree);
    bytes.extend(policy);
    bytes.extend(primes.map(|primes| u8::try_from(primes.len()).unwrap()));
    // A level for each data prime, and a ternary secret.
    bytes.push(u8::try_from(primes[0].len()).unwrap());
    bytes.push(u8::try_from(digits.len()).unwrap());
    bytes.extend([0; 8]);
    bytes.extend(primes.concat().iter().flat_map(|prime| prime.to_le_bytes()));
    bytes.extend(vec![1; primes[0].len()]);
    bytes.extend(digits);
    // The plan of scales.
    bytes.push(0);
    bytes.extend(30u32.to_le_bytes());
    bytes.extend([0; 4]);
    reseal(&bytes, None)
}

#[test]
fn forged_parameters_are_named() {
    let context = ckks_context(8);
    let rlwe = context.params().rlwe();
    let (data, special) = (rlwe.data_primes(), rlwe.special_primes());
    let read = |degree, primes: [&[u64]; 2], digits: &[u8]| {
        CkksParams::insecure_from_bytes(&parameters(degree, [0, 0], primes, digits))
    };
    let refused = |degree, primes: [&[u64]; 2], digits: &[u8]| match read(degree, primes, digits) {
        Err(Error::Parameters(error)) => error,
        other => panic!("{other:?}"),
    };
    let sizes = rlwe.digit_sizes().iter();
    let d = &sizes.map(|size| size.to_le_bytes()[0]).collect::<Vec<_>>()[..];
    assert_eq!(&read(3, [data, special], d).unwrap(), context.params());
    for degree in [0, 2, 18, 63] {
        let error = refused(degree, [data, special], d);
        assert!(
            matches!(error, ParameterError::InvalidDegree { .. }),
            "{degree}"
        );
    }
    assert!(
        is_invalid(&read(64, [data, special], d)) && is_invalid(&read(255, [data, special], d))
    );
    for special in [special, &[]] {
        let error = refused(3, [&[], special], &[]);
        assert_eq!(error, ParameterError::NoPrimes);
    }
    let composite = [data[0], (1 << 30) + 1];
    assert!(matches!(
        refused(3, [&composite, &[]], &[]),
        ParameterError::NotPrime { .. }
    ));
    for value in [0, 1] {
        assert_eq!(
            refused(3, [&[value], &[]], &[]),
            ParameterError::NotPrime { value }
        );
    }
    assert!(matches!(
        refused(3, [&[u64::MAX], &[]], &[]),
        ParameterError::InvalidPrimeBits { .. }
    ));
    let twice = [data[0], data[0]];
    assert!(matches!(
        refused(3, [&twice, &[]], &[]),
        ParameterError::DuplicatePrime { .. }
    ));
    assert!(matches!(
        refused(3, [data, &data[..1]], d),
        ParameterError::DuplicatePrime { .. }
    ));
    assert!(matches!(
        refused(17, [data, special], d),
        ParameterError::NotNttFriendly { .. }
    ));
    assert!(matches!(
        read(3, [&[data[0]; 200], &[]], &[]),
        Err(Error::Parameters(ParameterError::TooManyPrimes { .. }))
    ));
}

#[test]
fn forged_digits_and_policies_are_named() {
    let context = ckks_context(8);
    let rlwe = context.params().rlwe();
    let (data, special) = (rlwe.data_primes(), rlwe.special_primes());
    let read = |degree, primes: [&[u64]; 2], digits: &[u8]| {
        CkksParams::insecure_from_bytes(&parameters(degree, [0, 0], primes, digits))
    };
    let d = &[1; 3][..rlwe.digit_sizes().len()];
    for sizes in [&[][..], &[1], &[0, 1, 2], &[255; 200]] {
        let error = read(3, [data, special], sizes).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Parameters(ParameterError::InvalidKeySwitching { .. })
            ),
            "{sizes:?}"
        );
    }
    // The header's fingerprint is that of the parameters.
    assert!(is_invalid(&read(3, [&data[..2], special], &d[..2])));
    for policy in [[1, 1], [2, 1]] {
        let forged = parameters(3, policy, [data, special], d);
        assert!(matches!(
            CkksParams::from_bytes(&forged),
            Err(Error::Parameters(ParameterError::Insecure { .. }))
        ));
    }
    for policy in [[0, 1], [1, 0], [1, 4], [3, 1], [255, 255]] {
        let forged = parameters(3, policy, [data, special], d);
        assert!(
            is_invalid(&CkksParams::insecure_from_bytes(&forged)),
            "{policy:?}"
        );
    }
}
