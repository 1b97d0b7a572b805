//! Bytes out and in: packing by itself, then whole ciphertexts against one multiplication.

mod sets;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use slotwise::api::ClientKey;
use slotwise::encryption::CkksCiphertext;
use slotwise::evaluator::CkksEvaluator;
use slotwise::kernels::packing::{SLACK, pack, packed_length, unpack};
use slotwise::prelude::*;
use std::sync::Arc;

const DEGREE: usize = 8192;

fn packing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire/packing");
    for bits in [40, 50, 60] {
        let length = packed_length(DEGREE, bits);
        let mut residues: Vec<u64> = (0..DEGREE as u64)
            .map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits))
            .collect();
        let mut packed = vec![0; length + SLACK];
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(format!("pack/{bits}"), |bencher| {
            bencher.iter(|| pack(&residues, bits, &mut packed));
        });
        group.bench_function(format!("unpack/{bits}"), |bencher| {
            bencher.iter(|| unpack(&packed, bits, 1 << bits, &mut residues));
        });
    }
}

fn ciphertexts(criterion: &mut Criterion) {
    let (_, context) = sets::ckks().swap_remove(0);
    let client: ClientKey<Ckks> = context.generate_client_key().expect("randomness");
    let server = client
        .generate_server_key(&Rotations::none())
        .expect("randomness");
    let keys = Arc::clone(server.evaluation_keys());
    let evaluator = CkksEvaluator::with_keys(&context, keys).expect("its own keys");
    let vector = client.encrypt([0.5; DEGREE / 2]).expect("as many as slots");
    let seeded = vector.ciphertexts()[0].clone();
    let plain = evaluator.negate(&seeded).expect("its own context");
    let mut group = criterion.benchmark_group("wire/C13");
    for (name, ciphertext) in [("seeded", &seeded), ("plain", &plain)] {
        let bytes = ciphertext.to_bytes();
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("write/{name}"), |bencher| {
            bencher.iter(|| ciphertext.to_bytes());
        });
        group.bench_function(format!("read/{name}"), |bencher| {
            bencher.iter(|| CkksCiphertext::from_bytes(&bytes, &context).expect("its own bytes"));
        });
    }
    group.finish();
    criterion.bench_function("wire/C13/mul_relinearize (to compare with)", |bencher| {
        bencher.iter(|| evaluator.mul(&plain, &plain).expect("its own keys"));
    });
}

criterion_group!(benches, packing, ciphertexts);
criterion_main!(benches);
