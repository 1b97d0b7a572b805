//! The seeds that fuzzing starts from, one of each kind of object.

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
    let ckks_vector = ckks
        .context
        .generate_client_key()
        .unwrap()
        .encrypt(&[1.0; 9]);
    let bfv_vector = bfv.context.generate_client_key().unwrap().encrypt(&[1; 20]);
    let (ckks_vector, bfv_vector) = (ckks_vector.unwrap(), bfv_vector.unwrap());
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
        write(target, "bfv_seeded", &bfv.seeded.to_bytes());
        write(target, "bfv_computed", &bfv.computed.to_bytes());
        write(target, "bfv_product", &bfv.raw_product.to_bytes());
    }
    for target in ["vector", "use"] {
        write(target, "ckks_vector", &ckks_vector.to_bytes());
        write(target, "bfv_vector", &bfv_vector.to_bytes());
    }
}
