//! The trained networks, and the images.

use crate::Outcome;
use flate2::read::GzDecoder;
use slotwise::networks::{Activation, AvgPool2d, Function, Layer, Network, Weights};
use std::fs::{self, File};
use std::io::Read;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data");

/// The rows and columns of an image.
pub(crate) const SIDE: usize = 28;

const PIXELS: usize = SIDE * SIDE;

/// The network of this name, with its trained weights.
pub(crate) fn load_network(name: &str) -> Outcome<Network> {
    let bytes = fs::read(format!("{DATA}/{name}.safetensors"))?;
    let weights = Weights::from_safetensors(&bytes)?;
    let square = || Layer::from(Activation::Square);
    let relu = || Layer::from(Activation::Chebyshev(Function::Relu, 7));
    let pool = || Layer::from(AvgPool2d::new([2, 2]));
    let dense = |name| weights.dense(name).map(Layer::from);
    let image = vec![1, 28, 28];
    let (shape, layers) = match name {
        "mlp_square" => (
            vec![PIXELS],
            vec![
                dense("fc1")?,
                square(),
                dense("fc2")?,
                square(),
                dense("fc3")?,
            ],
        ),
        "mlp_relu" => (
            vec![PIXELS],
            vec![dense("fc1")?, relu(), dense("fc2")?, relu(), dense("fc3")?],
        ),
        "tutorial_square" => {
            let convolution = weights.conv2d("conv1")?.stride([3, 3]).into();
            let rest = vec![
                square(),
                Layer::Flatten,
                dense("fc1")?,
                square(),
                dense("fc2")?,
            ];
            (image, [vec![convolution], rest].concat())
        }
        "lenet_square" => {
            let first = weights.conv2d("conv1")?.padding([2, 2]).into();
            let second = weights.conv2d("conv2")?.into();
            let images = vec![
                first,
                square(),
                pool(),
                second,
                square(),
                pool(),
                Layer::Flatten,
            ];
            let rest = vec![
                dense("fc1")?,
                square(),
                dense("fc2")?,
                square(),
                dense("fc3")?,
            ];
            (image, [images, rest].concat())
        }
        _ => return Err(format!("there is no network {name}; see examples/data/README.md").into()),
    };
    Ok(Network::new(&shape, layers)?)
}

/// The images, pixels from 0 to 1, and their digits.
pub(crate) fn load_images() -> Outcome<(Vec<Vec<f64>>, Vec<usize>)> {
    let unpacked = |name: &str| -> Outcome<Vec<u8>> {
        let mut bytes = Vec::new();
        GzDecoder::new(File::open(format!("{DATA}/{name}"))?).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    // Headers of 16 and of 8 bytes.
    let pixels = unpacked("mnist-test-1000-images.idx3-ubyte.gz")?.split_off(16);
    let digits = unpacked("mnist-test-1000-labels.idx1-ubyte.gz")?.split_off(8);
    let image = |pixels: &[u8]| {
        pixels
            .iter()
            .map(|&pixel| f64::from(pixel) / 255.0)
            .collect()
    };
    let images = pixels.chunks_exact(PIXELS).map(image).collect();
    Ok((images, digits.into_iter().map(usize::from).collect()))
}
