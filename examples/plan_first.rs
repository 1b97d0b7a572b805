//! A small network, planned before any key exists, built as the plan says, and run encrypted.

use slotwise::Result;
use slotwise::circuits::{Input, Matrix, Planner, Program, Vector};
use slotwise::evaluator::{ClearReals, Evaluator};
use std::time::Instant;

/// 16 inputs, 8 squared neurons, 3 outputs.
struct Network {
    layers: [(Matrix<f64>, Vec<f64>); 2],
}

impl Network {
    fn new() -> Result<Self> {
        let weight = |i: usize, j: usize| {
            f64::from(u8::try_from((7 * i + 5 * j) % 11).unwrap_or(0)) / 20.0 - 0.25
        };
        Ok(Self {
            layers: [
                (
                    Matrix::from_fn(16, 8, weight)?,
                    vec![0.1, -0.2, 0.0, 0.3, -0.1, 0.2, 0.05, -0.3],
                ),
                (Matrix::from_fn(8, 3, weight)?, vec![0.5, -0.5, 0.25]),
            ],
        })
    }
}

impl Program for Network {
    fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> Result<Vec<Vector<E>>> {
        let [(first, first_bias), (second, second_bias)] = &self.layers;
        let hidden = (inputs[0].matmul_plain(first)? + &first_bias[..])?.square()?;
        Ok(vec![(hidden.matmul_plain(second)? + &second_bias[..])?])
    }
}

fn main() -> Result<()> {
    let network = Network::new()?;
    let start = Instant::now();
    let plan = Planner::new(&[Input::vector(16)])
        .precision_bits(12)
        .plan(&network)?;
    println!("planned in {:.1} ms", 1e3 * start.elapsed().as_secs_f64());
    let plan = plan.measured(&mut rand::rng())?;
    println!("{plan}\n");

    let client = plan.context().generate_client_key()?;
    let server = client.generate_planned_server_key(plan.key_plan())?;
    let pixels: Vec<f64> = (0..16).map(|i| f64::from(i % 5) / 2.0 - 1.0).collect();
    let encrypted = server.attach(client.encrypt(&pixels)?)?;
    // The first run also fills caches and pools.
    network.run(std::slice::from_ref(&encrypted))?;
    let start = Instant::now();
    let scores = &network.run(&[encrypted])?[0];
    let time = start.elapsed();

    let in_the_clear = Vector::from_values(&ClearReals::new(plan.context().slots()), &pixels)?;
    let expected = network.run(&[in_the_clear])?[0].values();
    let found = client.decrypt(scores)?;
    println!("score      in the clear   error      at most");
    let mut largest: f64 = 0.0;
    for (found, expected) in found.iter().zip(&expected) {
        let error = (found - expected).abs();
        println!(
            "{found:>9.6}  {expected:>12.6}   {error:.1e}    {:.1e}",
            plan.noise_bound()
        );
        largest = largest.max(error);
    }
    let planned = plan.time().unwrap_or_default() + plan.encoding_time().unwrap_or_default();
    println!(
        "run in {:.1} ms, planned {:.1} ms",
        1e3 * time.as_secs_f64(),
        1e3 * planned.as_secs_f64()
    );
    assert!(largest <= 3.0 * plan.typical_error() && plan.typical_error() <= plan.noise_bound());
    assert!(
        plan.noise_bound() <= 2f64.powi(-12)
            && scores.noise_bound() <= plan.noise_bound() * 1.000_001
    );
    Ok(())
}
