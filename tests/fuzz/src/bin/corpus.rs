//! Writes the seeds that fuzzing starts from: one of each kind of object, in each of its forms.

use slotwise::keys::{
    EvaluationKeys, GaloisKey, KeyEnds, KeyGenerator, PublicKey, RelinearizationKey, SecretKey,
    SwitchingKey,
};
use slotwise::multiparty::{Contribution, Deal, Setup};
use slotwise::params::{CkksBuilder, KeySpan, Scale, ScalePlan, SecretDistribution};
use slotwise::prelude::*;
use slotwise::ring::{GaloisElement, uniform};
use slotwise_fuzz::objects::{CkksObjects, rng};
use slotwise_fuzz::{BFV, CKKS, DEGREE, HEADER, SESSION, SHARED, reseal};
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

fn main() -> slotwise::Result<()> {
    parameters()?;
    secret_keys()?;
    public_keys()?;
    evaluation_keys()?;
    plaintexts_and_ciphertexts()?;
    vectors()?;
    shared_keys()
}

/// Writes a seed of a target.
fn write(target: &str, name: &str, bytes: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let path = folder.join(name);
    let written: io::Result<()> =
        fs::create_dir_all(&folder).and_then(|()| fs::write(&path, bytes));
    written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn builder(prime_bits: &[u32]) -> CkksBuilder {
    CkksContext::builder()
        .degree(DEGREE)
        .prime_bits(prime_bits)
        .insecure_skip_security_check()
}

fn parameters() -> slotwise::Result<()> {
    let pairs = builder(&[25, 26, 27, 28, 50]).primes_per_level(&[2, 2]);
    let scales = [28u32, 30, 33].map(Scale::power_of_two).to_vec();
    let explicit = builder(&[50, 30, 30, 50]).scales(ScalePlan::Explicit(scales));
    let sparse = builder(&[50, 30, 50]).secret(SecretDistribution::Sparse { weight: 4 });
    for (name, params) in [
        ("ckks", CKKS.context.params().clone()),
        ("secure", CkksContext::for_depth(1).build_params()?),
        ("pairs", pairs.scale_bits(40).build_params()?),
        ("explicit_scales", explicit.build_params()?),
        ("shared", SHARED.context.params().clone()),
        ("sparse", sparse.scale_bits(30).build_params()?),
    ] {
        write("parameters", name, &params.to_bytes());
    }
    let pairs = BfvContext::builder()
        .degree(DEGREE)
        .prime_bits(&[25, 26, 27, 28, 50])
        .primes_per_level(&[2, 2])
        .plaintext_modulus(257)
        .secret(SecretDistribution::TernarySum { contributors: 2 })
        .insecure_skip_security_check()
        .build_params()?;
    write("parameters", "bfv", &BFV.context.params().to_bytes());
    write("parameters", "bfv_pairs", &pairs.to_bytes());
    Ok(())
}

/// A secret key of few coefficients, beside that of the parameters.
fn sparse_secret() -> slotwise::Result<Arc<SecretKey>> {
    let distribution = SecretDistribution::Sparse { weight: 4 };
    KeyGenerator::secret_key_of(CKKS.context.rlwe(), distribution, &mut rng(2))
}

fn secret_keys() -> slotwise::Result<()> {
    write("secret_key", "key", &CKKS.secret.expose_secret_bytes());
    write(
        "secret_key",
        "sparse",
        &sparse_secret()?.expose_secret_bytes(),
    );
    write("secret_key", "shared", &SHARED.secret.expose_secret_bytes());
    Ok(())
}

fn public_keys() -> slotwise::Result<()> {
    let (rlwe, mut rng) = (CKKS.context.rlwe(), rng(4));
    let halves = [0; 2].map(|_| uniform(rlwe.key_basis(), &mut rng));
    let unseeded = PublicKey::from_polynomials(rlwe, CKKS.secret.id(), halves)?;
    write("public_key", "key", &CKKS.public.to_bytes());
    write("public_key", "unseeded", &unseeded.to_bytes());
    Ok(())
}

/// A key whose halves all travel.
fn unseeded(ends: KeyEnds, span: KeySpan, seed: u64) -> slotwise::Result<SwitchingKey> {
    let (rlwe, mut rng) = (CKKS.context.rlwe(), rng(seed));
    let basis = rlwe.span_basis(span)?;
    let digits = rlwe.span_digits(span)?.into_iter();
    let digits: Vec<_> = digits
        .map(|_| [0; 2].map(|_| uniform(&basis, &mut rng)))
        .collect();
    SwitchingKey::from_digits(rlwe, ends, span, &digits)
}

fn evaluation_keys() -> slotwise::Result<()> {
    let CkksObjects {
        context,
        secret,
        keys,
        ..
    } = &*CKKS;
    let (sparse, mut rng) = (sparse_secret()?, rng(5));
    let low = |level| KeySpan {
        level,
        special_primes: 1,
    };
    let generator = || KeyGenerator::new(secret);
    let few = generator().with_span(low(1))?;
    let rotations = Rotations::steps(&[1]).and_conjugation();
    let (relinearization, galois) = (keys.relinearization()?, keys.galois());
    let low_relinearization = few.relinearization_key(&mut rng)?;
    let low_galois = few.galois_keys(&rotations, &mut rng)?;
    let to_sparse = KeyGenerator::new(&sparse).with_span(low(0))?;
    let to_sparse = to_sparse.switching_key(secret, &mut rng)?;
    let from_sparse = generator().switching_key(&sparse, &mut rng)?;
    let own = KeyEnds::both(secret.id());
    let lowest_relinearization = unseeded(own, low(0), 6)?;
    let lowest_relinearization = RelinearizationKey::from_switching_key(lowest_relinearization)?;
    let ends = KeyEnds {
        from: secret.id(),
        to: sparse.id(),
    };
    let unseeded_to_sparse = unseeded(ends, low(1), 7)?;
    let mut set = EvaluationKeys::clone(keys);
    set.insert(low_relinearization.clone())?;
    set.insert(lowest_relinearization.clone())?;
    for key in low_galois.iter() {
        set.insert(key.clone())?;
    }
    for key in [&to_sparse, &from_sparse, &unseeded_to_sparse] {
        set.insert(key.clone())?;
    }
    for (name, keys) in [("galois", galois), ("low_galois", &low_galois)] {
        for key in keys.iter().take(1) {
            write("evaluation_keys", name, &key.to_bytes());
        }
    }
    let rotation = GaloisElement::rotation(1, DEGREE);
    let unseeded_galois = GaloisKey::from_switching_key(rotation, unseeded(own, low(0), 8)?)?;
    write(
        "evaluation_keys",
        "unseeded_galois",
        &unseeded_galois.to_bytes(),
    );
    for (name, key) in [
        ("relinearization", relinearization),
        ("low_relinearization", &low_relinearization),
        ("unseeded_relinearization", &lowest_relinearization),
    ] {
        write("evaluation_keys", name, &key.to_bytes());
    }
    for (name, key) in [
        ("to_sparse", &to_sparse),
        ("from_sparse", &from_sparse),
        ("unseeded_to_sparse", &unseeded_to_sparse),
    ] {
        write("evaluation_keys", name, &key.to_bytes());
    }
    let none = EvaluationKeys::empty(context.rlwe(), secret.id());
    write("evaluation_keys", "set", &keys.to_bytes());
    write("evaluation_keys", "whole_set", &set.to_bytes());
    write("evaluation_keys", "empty_set", &none.to_bytes());
    Ok(())
}

fn plaintexts_and_ciphertexts() -> slotwise::Result<()> {
    let (ckks, bfv) = (&*CKKS, &*BFV);
    write("plaintext", "ckks", &ckks.plaintext.to_bytes());
    write("plaintext", "bfv", &bfv.plaintext.to_bytes());
    let ckks_compact = ckks.evaluator.compact(&ckks.computed)?;
    let bfv_compact = bfv.evaluator.compact(&bfv.computed)?;
    let shared_compact = SHARED.evaluator.compact(&SHARED.computed)?;
    for target in ["ciphertext", "use"] {
        write(target, "ckks_seeded", &ckks.seeded.to_bytes());
        write(target, "ckks_computed", &ckks.computed.to_bytes());
        write(target, "ckks_product", &ckks.raw_product.to_bytes());
        write(target, "ckks_compact", &ckks_compact.to_bytes());
        write(target, "shared_seeded", &SHARED.seeded.to_bytes());
        write(target, "shared_computed", &SHARED.computed.to_bytes());
        write(target, "shared_product", &SHARED.raw_product.to_bytes());
        write(target, "shared_compact", &shared_compact.to_bytes());
        write(target, "bfv_compact", &bfv_compact.to_bytes());
        write(target, "bfv_seeded", &bfv.seeded.to_bytes());
        write(target, "bfv_computed", &bfv.computed.to_bytes());
        write(target, "bfv_product", &bfv.raw_product.to_bytes());
    }
    Ok(())
}

fn vectors() -> slotwise::Result<()> {
    let secret = CKKS.secret.expose_secret_bytes();
    let client = ClientKey::<Ckks>::from_secret_bytes(&secret, &CKKS.context)?;
    let ckks_vector = client.encrypt([1.0; 9])?;
    let ckks_joined = (&ckks_vector + &client.encrypt([2.0])?)?;
    let secret = BFV.secret.expose_secret_bytes();
    let client = ClientKey::<Bfv>::from_secret_bytes(&secret, &BFV.context)?;
    let bfv_vector = client.encrypt([1; 20])?;
    let bfv_joined = (&bfv_vector + &client.encrypt([2])?)?;
    let mut huge = ckks_joined.to_bytes();
    huge[HEADER..HEADER + 8].fill(0xff);
    for target in ["vector", "use"] {
        write(target, "ckks_vector", &ckks_vector.to_bytes());
        write(target, "bfv_vector", &bfv_vector.to_bytes());
        write(target, "ckks_joined", &ckks_joined.to_bytes());
        write(target, "bfv_joined", &bfv_joined.to_bytes());
        write(target, "huge_length", &reseal(&huge, None));
    }
    Ok(())
}

fn shared_keys() -> slotwise::Result<()> {
    let mut rng = rng(5);
    let round = SESSION.key_round(0);
    let span = SESSION.context().params().whole_span();
    let mut setups = (1..=3)
        .map(|party| Setup::new(&SESSION, party, &mut rng))
        .collect::<slotwise::Result<Vec<_>>>()?;
    for from in 0..3 {
        let deals: Vec<_> = setups[from]
            .deals()?
            .iter()
            .map(|deal| {
                (
                    deal.receiver() as usize - 1,
                    deal.expose_confidential_bytes(),
                )
            })
            .collect();
        for (to, bytes) in deals {
            write("shared_keys", &format!("deal_{from}_{to}"), &bytes);
            setups[to].receive(Deal::from_confidential_bytes(&bytes, &SESSION)?)?;
        }
    }
    let mut party = setups[0].finish()?;
    let share = party.public_key_share(&round)?;
    let rotation = Rotations::steps(&[1]);
    let (first, _) = party.relinearization_round_one((&round, span), &mut Vec::new(), &mut rng)?;
    for (name, bytes) in [
        ("terms", SESSION.terms().to_bytes()),
        ("commitment", share.commitment().to_bytes()),
        ("public_key", share.to_bytes()),
        (
            "galois_key",
            party.galois_key_shares(&round, &rotation, span)?[0].to_bytes(),
        ),
        ("round_one", first.to_bytes()),
        ("state", party.expose_secret_state().to_vec()),
    ] {
        write("shared_keys", name, &bytes);
    }
    Ok(())
}
