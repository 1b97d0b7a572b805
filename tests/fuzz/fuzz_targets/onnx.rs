#![no_main]

use libfuzzer_sys::fuzz_target;
use slotwise::networks::Network;

fuzz_target!(|input: &[u8]| {
    match Network::from_onnx(input, 7) {
        Ok(network) => {
            assert_eq!(Network::from_onnx(input, 7).as_ref(), Ok(&network));
            assert!(!network.layers().is_empty());
            assert!(network.output_shape().iter().product::<usize>() > 0);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
