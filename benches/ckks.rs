//! CKKS operations at the named parameter sets, one thread or as many as rayon finds (`RAYON_NUM_THREADS`).

mod sets;

use criterion::{Criterion, criterion_group, criterion_main};
use slotwise::encryption::{Decryptor, Encryptor};
use slotwise::evaluator::CkksEvaluator;
use slotwise::keys::{KeyGenerator, Rotations};
use std::hint::black_box;
use std::sync::Arc;

fn ckks(criterion: &mut Criterion) {
    for (name, context) in sets::ckks() {
        let mut group = criterion.benchmark_group(format!("ckks/{name}"));
        group.sample_size(10);
        let mut rng = rand::rng();
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        let generator = KeyGenerator::new(&secret);
        let steps: Vec<i64> = (1..=8).collect();
        let keys = generator
            .evaluation_keys(&Rotations::steps(&steps), &mut rng)
            .expect("special primes");
        let evaluator =
            CkksEvaluator::with_keys(&context, Arc::new(keys)).expect("keys of this context");
        let encoder = evaluator.encoder().clone();
        let public =
            Encryptor::with_public_key(Arc::new(generator.public_key(&mut rng).expect("secure")));
        let symmetric = Encryptor::with_secret_key(Arc::clone(&secret));
        let decryptor = Decryptor::new(&secret);
        let top = context.top_level();
        let values: Vec<f64> = (0..context.slots()).map(|i| (i as f64).sin()).collect();
        let plaintext = encoder.encode(&values, top).expect("fits");
        let x = symmetric
            .encrypt(&plaintext, &mut rng)
            .expect("same context");
        let y = public.encrypt(&plaintext, &mut rng).expect("same context");
        let last = evaluator.drop_to_level(&x, 0).expect("fits");

        group.bench_function("encode", |bencher| {
            bencher.iter(|| encoder.encode(black_box(&values), top))
        });
        let decrypted = decryptor.decrypt(&last).expect("precise");
        group.bench_function("decode", |bencher| {
            bencher.iter(|| encoder.decode(black_box(&decrypted)))
        });
        group.bench_function("encrypt_public", |bencher| {
            bencher.iter(|| public.encrypt(&plaintext, &mut rng))
        });
        group.bench_function("encrypt_secret", |bencher| {
            bencher.iter(|| symmetric.encrypt(&plaintext, &mut rng))
        });
        group.bench_function("decrypt", |bencher| {
            bencher.iter(|| decryptor.decrypt(black_box(&x)))
        });
        group.bench_function("mul_relinearize_rescale", |bencher| {
            bencher.iter(|| evaluator.mul_rescale(black_box(&x), &y));
        });
        group.bench_function("rescale", |bencher| {
            bencher.iter(|| evaluator.rescale(black_box(&x)))
        });
        group.bench_function("rotate", |bencher| {
            bencher.iter(|| evaluator.rotate_left(black_box(&x), 1))
        });
        group.bench_function("rotate_many_8", |bencher| {
            bencher.iter(|| evaluator.rotate_many(black_box(&x), &steps));
        });
        group.bench_function("relinearization_key", |bencher| {
            bencher.iter(|| generator.relinearization_key(&mut rng));
        });
        group.finish();
    }
}

criterion_group!(benches, ckks);
criterion_main!(benches);
