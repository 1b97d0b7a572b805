//! A million values of 16 bits: encrypting an update, adding eight, decrypting the sum, in both modes of one key; and what uploads
//! take against float32.

use criterion::{Criterion, criterion_group, criterion_main};
use slotwise::federated::{
    Aggregator, Mode, SumContext, SumDecryptor, SumEncryptor, SumSpec, Upload,
};
use slotwise::multiparty::Policy;
use slotwise::prelude::*;

const LENGTH: usize = 1_000_000;

fn context(clients: u32, mode: Mode) -> SumContext {
    SumSpec::new(clients, LENGTH)
        .mode(mode)
        .build()
        .expect("there are parameters")
}

fn sizes() {
    let all = |clients| Mode::Shared(Policy::new(clients, clients).expect("a policy"));
    for (name, clients, mode) in [
        ("seeded", 8, Mode::SharedSecret),
        ("public key", 8, Mode::PublicKey),
        ("shared key", 8, all(8)),
        ("seeded", 64, Mode::SharedSecret),
        ("public key", 64, Mode::PublicKey),
        ("shared key", 64, all(64)),
    ] {
        let bytes = context(clients, mode).upload_bytes();
        let factor = bytes as f64 / (4 * LENGTH) as f64;
        println!("{name}, {clients} clients: {bytes} bytes, {factor:.3} times float32");
    }
}

fn million(criterion: &mut Criterion) {
    sizes();
    let update: Vec<f32> = (0..LENGTH)
        .map(|i| (i % 2001) as f32 / 1000.0 - 1.0)
        .collect();
    for (name, mode) in [("public", Mode::PublicKey), ("seeded", Mode::SharedSecret)] {
        let context = context(8, mode);
        println!("{context}");
        let secret = context.generate_secret_key().expect("randomness");
        let encryptor = match mode {
            Mode::SharedSecret => SumEncryptor::with_secret_key(&context, secret.clone()),
            _ => {
                let public = context.public_key(&secret).expect("randomness");
                SumEncryptor::with_public_key(&context, public)
            }
        }
        .expect("its own key");
        let mut rng = rand::rng();
        let mut encrypt = |client: u32| {
            let upload = encryptor.encrypt((1, client), &update, 1, &mut rng);
            upload.expect("finite values")
        };
        let uploads: Vec<Vec<u8>> = (0..8).map(|client| encrypt(client).to_bytes()).collect();
        let aggregate = || {
            let mut aggregator = Aggregator::new(&context, secret.id(), 1, 0..8).expect("a list");
            for bytes in &uploads {
                let upload = Upload::from_bytes(bytes, &context).expect("its own bytes");
                aggregator.add(&upload).expect("a new client");
            }
            aggregator.seal()
        };
        let sealed = aggregate();
        let decryptor = SumDecryptor::new(&context, secret.clone()).expect("its own key");
        let mut group = criterion.benchmark_group(format!("federated/{name}"));
        group.sample_size(10);
        group.bench_function("encrypt", |bencher| bencher.iter(|| encrypt(0)));
        group.bench_function("write", |bencher| {
            let upload = encrypt(0);
            bencher.iter(|| upload.to_bytes());
        });
        group.bench_function("aggregate 8, from bytes", |bencher| bencher.iter(aggregate));
        group.bench_function("decrypt", |bencher| {
            bencher.iter(|| decryptor.decrypt(&sealed).expect("an honest sum"));
        });
        group.finish();
    }
}

criterion_group!(benches, million);
criterion_main!(benches);
