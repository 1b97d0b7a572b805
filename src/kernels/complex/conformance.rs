//! Every available implementation gives the portable bits.

use super::*;

#[test]
fn both_directions_of_every_length() {
    for log in 0..=12 {
        let number = |seed: usize, k: usize| {
            let part =
                |factor: f64| (factor * (k + seed) as f64).sin() * 2f64.powi((k % 60) as i32);
            Complex64::new(part(0.7), part(1.3))
        };
        let layers: Vec<Roots> = (0..log)
            .map(|layer| {
                Roots::new(
                    &(0..1 << layer)
                        .map(|k| number(layer, k))
                        .collect::<Vec<_>>(),
                )
            })
            .collect();
        let values: Vec<Complex64> = (0..1 << log).map(|k| number(99, k)).collect();
        let bits = |values: &[Complex64]| -> Vec<[u64; 2]> {
            let parts = values.iter().map(|value| [value.re, value.im]);
            parts.map(|parts| parts.map(f64::to_bits)).collect()
        };
        let both = |kernels: &dyn ComplexKernels| {
            let (mut forward, mut inverse) = (values.clone(), values.clone());
            kernels.forward(&layers, &mut forward);
            kernels.inverse(&layers, &mut inverse);
            [bits(&forward), bits(&inverse)]
        };
        let expected = both(&Portable);
        for kernels in available() {
            assert!(
                both(kernels) == expected,
                "{kernels:?}, {} values",
                values.len()
            );
        }
    }
}
