//! The ring: base conversion, division and automorphisms of RNS polynomials.

use criterion::{Criterion, criterion_group, criterion_main};
use slotwise::ring::{
    BasisConverter, Coeff, GaloisElement, Ntt, NttPermutation, RnsBasis, Seed, TailDivider,
    expand_seed, ntt_primes,
};
use std::hint::black_box;
use std::sync::Arc;

fn ring(criterion: &mut Criterion) {
    let degree = 1 << 14;
    let primes: Vec<u64> = ntt_primes(50, degree).take(8).collect();
    let basis = Arc::new(RnsBasis::new(degree, &primes).expect("valid primes"));
    let head = Arc::new(basis.slice(0..6));
    let coefficients = expand_seed::<Coeff>(&head, &Seed([1; 32]), 0);
    let values = expand_seed::<Ntt>(&basis, &Seed([2; 32]), 0);
    let converter = BasisConverter::new(&head.moduli(), &basis.moduli()[6..]);
    let divider = TailDivider::new(&head, &basis.moduli()[6..]);
    let permutation = NttPermutation::new(GaloisElement::rotation(1, degree), degree);
    let mut output = vec![0; 2 * degree];
    let mut group = criterion.benchmark_group("ring/2^14");
    group.bench_function("convert_centred_6_to_2", |bencher| {
        bencher.iter(|| converter.centred(black_box(coefficients.data()), &mut output));
    });
    group.bench_function("convert_balanced_6_to_2", |bencher| {
        bencher.iter(|| converter.balanced(black_box(coefficients.data()), &mut output));
    });
    group.bench_function("divide_by_2_of_8", |bencher| {
        bencher.iter(|| divider.divide(&values))
    });
    group.bench_function("automorphism_8", |bencher| {
        bencher.iter(|| values.automorphism(black_box(&permutation)))
    });
    group.finish();
}

criterion_group!(benches, ring);
criterion_main!(benches);
