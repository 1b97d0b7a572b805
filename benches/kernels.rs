//! The transforms of one row, for a prime of each size that has its own bounds.
//!
//! `SLOTWISE_KERNELS=portable cargo bench --bench kernels` measures the scalar reference.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use slotwise::kernels::NttTable;
use std::hint::black_box;

/// NTT primes of 40, 50 and 60 bits for every degree up to 2^16.
const PRIMES: [(u32, u64); 3] = [
    (40, 1_099_510_054_913),
    (50, 1_125_899_903_827_969),
    (60, 1_152_921_504_606_584_833),
];

fn transforms(criterion: &mut Criterion) {
    for (bits, prime) in PRIMES {
        let mut group = criterion.benchmark_group(format!("ntt/{bits}_bits"));
        for log in 12..=16 {
            let table = NttTable::new(prime, 1 << log).expect("an NTT prime");
            let mut row: Vec<u64> = (0..1 << log).map(|i| (i * i * i) % prime).collect();
            group.bench_function(BenchmarkId::new("forward", 1 << log), |bencher| {
                bencher.iter(|| table.forward(black_box(&mut row)));
            });
            group.bench_function(BenchmarkId::new("inverse", 1 << log), |bencher| {
                bencher.iter(|| table.inverse(black_box(&mut row)));
            });
        }
    }
}

criterion_group!(benches, transforms);
criterion_main!(benches);
