//! BFV operations at the named parameter sets, one thread or as many as rayon finds (`RAYON_NUM_THREADS`).

mod sets;

use criterion::{Criterion, criterion_group, criterion_main};
use slotwise::encryption::{Decryptor, Encryptor};
use slotwise::evaluator::BfvEvaluator;
use slotwise::keys::{KeyGenerator, Rotations};
use std::hint::black_box;
use std::sync::Arc;

fn bfv(criterion: &mut Criterion) {
    for (name, context) in sets::bfv() {
        let mut group = criterion.benchmark_group(format!("bfv/{name}"));
        group.sample_size(10);
        let mut rng = rand::rng();
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        let generator = KeyGenerator::new(&secret);
        let keys = generator
            .evaluation_keys(&Rotations::steps(&[1]), &mut rng)
            .expect("special primes");
        let evaluator =
            BfvEvaluator::with_keys(&context, Arc::new(keys)).expect("keys of this context");
        let encoder = evaluator.encoder().clone();
        let public = generator.public_key(&mut rng).expect("a whole key");
        let public = Encryptor::with_public_key(Arc::new(public));
        let decryptor = Decryptor::new(&secret);
        let values: Vec<u64> = (0..context.slots() as u64).collect();
        let plaintext = encoder.encode_u64(&values).expect("fits");
        let x = public.encrypt(&plaintext, &mut rng).expect("same context");

        group.bench_function("encrypt_public", |bencher| {
            bencher.iter(|| public.encrypt(&plaintext, &mut rng))
        });
        group.bench_function("decrypt_and_decode", |bencher| {
            bencher.iter(|| {
                decryptor
                    .decrypt(black_box(&x))
                    .and_then(|plaintext| encoder.decode_u64(&plaintext))
            });
        });
        group.bench_function("mul_relinearize", |bencher| {
            bencher.iter(|| evaluator.mul(black_box(&x), &x.clone()))
        });
        group.bench_function("mul_plain", |bencher| {
            bencher.iter(|| evaluator.mul_plain(black_box(&x), &plaintext))
        });
        group.bench_function("rotate", |bencher| {
            bencher.iter(|| evaluator.rotate_left(black_box(&x), 1))
        });
        group.finish();
    }
}

criterion_group!(benches, bfv);
criterion_main!(benches);
