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
    let vector = client.encrypt([1.0; 4096]).unwrap();
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

#[test]
fn a_compacted_result_is_below_a_fifth() {
    let bits = [vec![60], vec![40; 8], vec![58]].concat();
    let context = CkksContext::builder()
        .degree(16_384)
        .prime_bits(&bits)
        .scale_bits(40)
        .standard(SecurityStandard::HomomorphicEncryption2018);
    let context = context.build().unwrap();
    let client = context.generate_client_key().unwrap();
    let server = client.generate_server_key(&Rotations::none()).unwrap();
    let values: Vec<f64> = (0..8192).map(|i| f64::from(i).sin()).collect();
    let x = server.attach(client.encrypt(&values).unwrap()).unwrap();
    let full = x.negate().unwrap().to_bytes().len();
    let square = x.square().unwrap();
    let compacted = square.compact().unwrap();
    let bytes = compacted.to_bytes();
    println!("compacted CKKS: {} of {full}", bytes.len());
    assert!(5 * bytes.len() < full, "{} of {full}", bytes.len());
    assert!(compacted.precision_bits() > square.rescale().unwrap().precision_bits() - 0.6);
    let decrypted = client
        .decrypt(&client.load_vector(&bytes).unwrap())
        .unwrap();
    let bound = compacted.noise_bound();
    assert!(
        decrypted
            .iter()
            .zip(&values)
            .all(|(y, x)| (y - x * x).abs() <= bound)
    );
}

#[test]
fn a_compacted_integer_result_is_exact() {
    let context = BfvContext::builder()
        .degree(8192)
        .prime_bits(&[43, 43, 44, 44, 44])
        .plaintext_modulus(65_537)
        .standard(SecurityStandard::HomomorphicEncryption2018);
    let context = context.build().unwrap();
    let client = context.generate_client_key().unwrap();
    let server = client.generate_server_key(&Rotations::none()).unwrap();
    let values: Vec<i64> = (0..8192).map(|i| i % 181 - 90).collect();
    let x = server.attach(client.encrypt(&values).unwrap()).unwrap();
    let square = x.square().unwrap();
    let full = square.to_bytes().len();
    let compacted = square.compact().unwrap();
    let bytes = compacted.to_bytes();
    println!("compacted BFV: {} of {full}", bytes.len());
    assert!(5 * bytes.len() < full, "{} of {full}", bytes.len());
    let expected: Vec<i64> = values.iter().map(|x| x * x).collect();
    let read = client.load_vector(&bytes).unwrap();
    assert_eq!(client.decrypt(&read).unwrap(), expected);
    assert_eq!(read.to_bytes(), bytes);
    assert!(client.measured_noise_budget(&read).unwrap() >= compacted.noise_budget());
    // It is an ordinary ciphertext still.
    let sum = (&read + 1).unwrap();
    assert_eq!(
        sum.to_bytes().len(),
        client
            .load_vector(&sum.to_bytes())
            .unwrap()
            .to_bytes()
            .len()
    );
    let raw = x.ciphertexts()[0].clone();
    let evaluator = slotwise::evaluator::BfvEvaluator::new(&context);
    let product = evaluator.mul_raw(&raw, &raw).unwrap();
    let small = evaluator.compact(&product).unwrap();
    assert!(small.to_bytes().len() * 5 < product.to_bytes().len());
}
