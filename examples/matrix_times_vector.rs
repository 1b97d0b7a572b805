//! An encrypted vector times known matrices: keys that are known in advance, a matrix that is encoded once, both orientations, a batch, a
//! transpose and a permutation.

use slotwise::Result;
use slotwise::circuits::{LinearMap, Matrix};
use slotwise::evaluator::{Evaluator, Position};
use slotwise::prelude::*;

/// Compares decrypted values with expected ones, and prints the largest error beside its bound.
fn check(name: &str, client: &ClientKey<Ckks>, found: &CkksVector, expected: &[f64]) -> Result<()> {
    let decrypted = client.decrypt(found)?;
    assert_eq!(decrypted.len(), expected.len());
    let errors = decrypted.iter().zip(expected).map(|(a, b)| (a - b).abs());
    let (error, bound) = (errors.fold(0.0, f64::max), found.noise_bound());
    println!("{name}: error {error:.1e}, bound {bound:.1e}");
    assert!(error <= bound && bound < 1e-3);
    Ok(())
}

fn main() -> Result<()> {
    let context = CkksContext::for_depth(2).build()?;
    let client = context.generate_client_key()?;
    let values: Vec<f64> = (0..48).map(|i| f64::from(i).sin()).collect();
    let x = client.encrypt(&values)?;

    // A layer of 48 inputs and 10 outputs. The server's keys follow from the shapes, before any key exists.
    let matrix = Matrix::from_fn(48, 10, |i, j| ((7 * i + 3 * j) % 11) as f64 / 11.0 - 0.5)?;
    let layer = LinearMap::vector_matrix(&matrix);
    let turned = LinearMap::<f64>::transposition(6, 8)?;
    let reversed: Vec<usize> = (0..10).rev().collect();
    let shape = x.evaluator().slot_shape();
    let plan = layer.plan(shape)?;
    println!(
        "{} key switches, {} MB of keys",
        plan.key_switches(),
        plan.key_bytes(context.rlwe())? / 1_000_000
    );
    let rotations = plan.rotations().and(turned.plan(shape)?.rotations()).and(
        LinearMap::<f64>::gather(10, &reversed)?
            .plan(shape)?
            .rotations(),
    );
    let server = client.generate_server_key(&rotations)?;
    let x = server.attach(x)?;

    // x M, with the matrix encoded once for the level of fresh vectors.
    let layer = layer.encode(x.evaluator(), Position::at_level(context.top_level()))?;
    let y = x.matmul(&layer)?;
    let entry = |i, j| matrix.get(i, j).unwrap_or(0.0);
    let column = |j| (0..48).map(|i| values[i] * entry(i, j)).sum();
    let product: Vec<f64> = (0..10).map(column).collect();
    check("x M", &client, &y, &product)?;

    // The outputs in reverse order, one level further down.
    let last_first: Vec<f64> = product.iter().rev().copied().collect();
    check("reversed", &client, &y.permute(&reversed)?, &last_first)?;

    // The vector as a matrix of 6 rows, transposed.
    let turned: Vec<f64> = (0..48).map(|k| values[k % 6 * 8 + k / 6]).collect();
    check("transposed", &client, &x.transpose(6)?, &turned)?;

    // What does not fit is refused before any work.
    let error = y.matmul(&layer).err();
    println!(
        "x M M: {}",
        error.map_or(String::new(), |error| error.to_string())
    );
    Ok(())
}
