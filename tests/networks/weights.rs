//! Weights from safetensors files, hostile ones included.

use proptest::prelude::*;
use slotwise::Error;
use slotwise::networks::{Layer, Network, Weights};

/// A file with this header and these values.
fn file(header: &str, values: &[f32]) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    let values = values.iter().flat_map(|value| value.to_le_bytes());
    length
        .into_iter()
        .chain(header.bytes())
        .chain(values)
        .collect()
}

const HEADER: &str = r#"{"conv.weight":{"dtype":"F32","shape":[1,1,2,2],"data_offsets":[0,16]},
    "bn.weight":{"dtype":"F32","shape":[1],"data_offsets":[16,20]},"bn.bias":{"dtype":"F32","shape":[1],"data_offsets":[20,24]},
    "bn.running_mean":{"dtype":"F32","shape":[1],"data_offsets":[24,28]},"bn.running_var":{"dtype":"F32","shape":[1],"data_offsets":[28,32]},
    "fc.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[32,40]},"fc.bias":{"dtype":"F32","shape":[2],"data_offsets":[40,48]}}"#;

const VALUES: [f32; 12] = [
    1.0, 2.0, 3.0, 4.0, 2.0, 0.5, 1.0, 4.0, 10.0, -10.0, 0.25, 0.5,
];

fn network(bytes: &[u8]) -> slotwise::Result<Network> {
    let weights = Weights::from_safetensors(bytes)?;
    let layers = vec![
        weights.conv2d("conv")?.into(),
        weights.batch_norm_with_eps("bn", 0.0)?.into(),
        Layer::Flatten,
        weights.dense("fc")?.into(),
    ];
    Network::new(&[1, 2, 2], layers)
}

#[test]
fn layers_are_read_in_the_layout_of_pytorch() {
    let network = network(&file(HEADER, &VALUES)).unwrap();
    // 1 + 4 + 9 + 16 = 30; 2 (30 - 1) / 2 + 0.5 = 29.5.
    assert_eq!(
        network.run(&[1.0, 2.0, 3.0, 4.0]).unwrap(),
        [295.25, -294.5]
    );
}

#[test]
fn a_missing_bias_is_zero() {
    let header = r#"{"fc.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}"#;
    let bytes = file(header, &[1.0, 2.0]);
    let weights = Weights::from_safetensors(&bytes).unwrap();
    assert_eq!(weights.dense("fc").unwrap().bias(), [0.0]);
    assert_eq!(weights.names(), ["fc.weight"]);
}

#[test]
fn what_is_wrong_is_said_with_the_name() {
    let text =
        |header: &str, values: &[f32]| network(&file(header, values)).unwrap_err().to_string();
    let mut values = VALUES;
    values[2] = f32::NAN;
    assert!(text(HEADER, &values).contains("\"conv.weight\": the value at 2 is NaN"));
    values = VALUES;
    values[7] = -4.0;
    assert!(text(HEADER, &values).contains("\"bn\""));
    assert!(text(&HEADER.replace("[2,1]", "[2]"), &VALUES).contains("2 dimensions"));
    assert!(text(&HEADER.replace("[1,1,2,2]", "[2,2]"), &VALUES).contains("4 dimensions"));
    assert!(
        text(&HEADER.replace("conv.weight", "conv.kernel"), &VALUES).contains("it has bn.bias")
    );
    assert!(
        text(
            &HEADER.replace("\"F32\",\"shape\":[2]", "\"I64\",\"shape\":[1]"),
            &VALUES
        )
        .contains("I64")
    );
    // Offsets that overlap, reach beyond the file, or shapes whose product overflows.
    for (from, to) in [
        ("[20,24]", "[16,24]"),
        ("[40,48]", "[40,88]"),
        ("[2,1]", "[4611686018427387904,4]"),
    ] {
        assert!(text(&HEADER.replace(from, to), &VALUES).contains("the file of weights"));
    }
    let mut long = file(HEADER, &VALUES);
    long[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(matches!(network(&long), Err(Error::Networks(_))));
}

proptest! {
    #[test]
    fn any_bytes_give_a_network_or_an_error(at in 0usize..900, byte: u8, cut in 0usize..900) {
        let mut bytes = file(HEADER, &VALUES);
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = network(&bytes);
        bytes.truncate(cut);
        prop_assert!(cut >= file(HEADER, &VALUES).len() || network(&bytes).is_err());
    }
}
