#![no_main]

use libfuzzer_sys::fuzz_target;
use slotwise::networks::Weights;

fuzz_target!(|input: &[u8]| {
    let Ok(weights) = Weights::from_safetensors(input) else {
        return;
    };
    for name in weights.names() {
        if let Ok((shape, values)) = weights.tensor(name) {
            assert_eq!(shape.iter().product::<usize>(), values.len());
            assert!(values.iter().all(|value| value.is_finite()));
        }
        let layer = name.rsplit_once('.').map_or(name, |(layer, _)| layer);
        if let Ok(dense) = weights.dense(layer) {
            assert_eq!(dense.bias().len(), dense.weights().rows());
        }
        if let Ok(convolution) = weights.conv2d(layer) {
            assert!(convolution.outputs() > 0);
        }
        if let Ok(norm) = weights.batch_norm(layer) {
            assert_eq!(norm.scale().len(), norm.shift().len());
        }
    }
});
