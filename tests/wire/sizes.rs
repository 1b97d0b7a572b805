use crate::objects::rng;
use slotwise::keys::KeyGenerator;
use slotwise::prelude::*;

#[test]
fn a_fresh_ciphertext_is_its_residues_and_200_bytes() {
    let context = CkksContext::builder()
        .degree(8192)
        .prime_bits(&[60, 40, 40, 60])
        .scale_bits(40);
    let context = context.build().unwrap();
    let client = context.generate_client_key().unwrap();
    let vector = client.encrypt(&[1.0; 4096]).unwrap();
    let ciphertext = &vector.ciphertexts()[0];
    let bytes = ciphertext.to_bytes().len();
    println!("fresh: {bytes}, in a vector: {}", vector.to_bytes().len());
    assert!(bytes <= 8192 * 140 / 8 + 200, "{bytes}");
}

#[test]
fn a_relinearization_key_is_half_of_its_residues() {
    let bits = [vec![60], vec![40; 8], vec![58]].concat();
    let context = CkksContext::builder()
        .degree(16_384)
        .prime_bits(&bits)
        .scale_bits(40)
        .standard(SecurityStandard::HomomorphicEncryption2018);
    let context = context.build().unwrap();
    let mut rng = rng(1);
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let key = KeyGenerator::new(&secret)
        .relinearization_key(&mut rng)
        .unwrap();
    let bytes = key.to_bytes().len();
    println!("relinearization key: {bytes}");
    assert!(bytes <= 8_200_000, "{bytes}");
}
