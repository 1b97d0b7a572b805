//! The seeds that fuzzing starts from, one of each kind of object.

use crate::forged::with;
use crate::objects::{BfvObjects, CkksObjects};
use slotwise::prelude::*;
use std::fs;
use std::path::Path;

/// The degree of the fuzz targets' parameters.
const DEGREE: usize = 16;

#[test]
#[ignore = "writes tests/fuzz/corpus"]
fn write_the_fuzz_corpus() {
    let (ckks, bfv) = (CkksObjects::new(DEGREE, 1), BfvObjects::new(DEGREE, 1));
    let galois = ckks.keys.galois();
    let galois_key = galois.get(galois.elements().next().unwrap()).unwrap();
    let secret = ckks.secret.expose_secret_bytes();
    let client = ClientKey::<Ckks>::from_secret_bytes(&secret, &ckks.context).unwrap();
    let ckks_vector = client.encrypt(&[1.0; 9]).unwrap();
    let ckks_joined = (&ckks_vector + &client.encrypt(&[2.0]).unwrap()).unwrap();
    let secret = bfv.secret.expose_secret_bytes();
    let client = ClientKey::<Bfv>::from_secret_bytes(&secret, &bfv.context).unwrap();
    let bfv_vector = client.encrypt(&[1; 20]).unwrap();
    let bfv_joined = (&bfv_vector + &client.encrypt(&[2]).unwrap()).unwrap();
    let ckks_compact = ckks.evaluator.compact(&ckks.computed).unwrap();
    let bfv_compact = bfv.evaluator.compact(&bfv.computed).unwrap();
    let secure = CkksContext::for_depth(1).build().unwrap();
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fuzz/corpus")
            .join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    };
    write("parameters", "ckks", &ckks.context.params().to_bytes());
    write("parameters", "bfv", &bfv.context.params().to_bytes());
    write("parameters", "secure", &secure.params().to_bytes());
    write("secret_key", "key", &ckks.secret.expose_secret_bytes());
    write("public_key", "key", &ckks.public.to_bytes());
    write("evaluation_keys", "set", &ckks.keys.to_bytes());
    write(
        "evaluation_keys",
        "relinearization",
        &ckks.keys.relinearization().unwrap().to_bytes(),
    );
    write("evaluation_keys", "galois", &galois_key.to_bytes());
    write("plaintext", "ckks", &ckks.plaintext.to_bytes());
    write("plaintext", "bfv", &bfv.plaintext.to_bytes());
    for target in ["ciphertext", "use"] {
        write(target, "ckks_seeded", &ckks.seeded.to_bytes());
        write(target, "ckks_computed", &ckks.computed.to_bytes());
        write(target, "ckks_product", &ckks.raw_product.to_bytes());
        write(target, "ckks_compact", &ckks_compact.to_bytes());
        write(target, "bfv_compact", &bfv_compact.to_bytes());
        write(target, "bfv_seeded", &bfv.seeded.to_bytes());
        write(target, "bfv_computed", &bfv.computed.to_bytes());
        write(target, "bfv_product", &bfv.raw_product.to_bytes());
    }
    for target in ["vector", "use"] {
        write(target, "ckks_vector", &ckks_vector.to_bytes());
        write(target, "bfv_vector", &bfv_vector.to_bytes());
        write(target, "ckks_joined", &ckks_joined.to_bytes());
        write(target, "bfv_joined", &bfv_joined.to_bytes());
        let forged = with(&ckks_joined.to_bytes(), 0, &u64::MAX.to_le_bytes());
        write(target, "huge_length", &forged);
    }
}
