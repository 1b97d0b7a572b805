//! Functions of encrypted values: approximated by polynomials, with the error of the approximation and the bound of the encryption's
//! error beside what comes out.
//!
//! `cargo run --release --example polynomials_and_functions`

use slotwise::circuits::{Approximation, Chebyshev, Quotient};
use slotwise::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let context = CkksContext::for_depth(9).build()?;
    let client = context.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::none())?;
    let values = [-3.9, -1.0, -0.25, 0.5, 2.0, 3.5];
    let x = server.attach(client.encrypt(&values)?)?;

    // Each function says before anything is encrypted what it takes and how near it comes.
    println!(
        "{:<22} {:>5} {:>12} {:>12} {:>12}",
        "", "depth", "approximation", "encryption", "found"
    );
    let show =
        |name: &str, y: &CkksVector, approximated: f64, want: &[f64]| -> slotwise::Result<()> {
            let found = client.decrypt(y)?;
            let errors = found
                .iter()
                .zip(want)
                .map(|(found, want)| (found - want).abs());
            let (worst, depth) = (
                errors.fold(0.0, f64::max),
                x.levels_left() - y.levels_left(),
            );
            println!(
                "{name:<22} {depth:>5} {approximated:>12.1e} {:>12.1e} {worst:>12.1e}",
                y.noise_bound()
            );
            assert!(worst <= approximated + y.noise_bound());
            Ok(())
        };
    let sigmoid = Approximation::sigmoid(-4.0..=4.0, 31)?;
    assert_eq!(sigmoid.outside(&values).count, 0);
    show(
        "sigmoid",
        &x.evaluate(&sigmoid)?,
        sigmoid.error(),
        &values.map(|x| 1.0 / (1.0 + (-x).exp())),
    )?;
    let sin = Approximation::sin(-4.0..=4.0, 15)?;
    show(
        "sin",
        &x.evaluate(&sin)?,
        sin.error(),
        &values.map(f64::sin),
    )?;
    // A kink: least squares and interpolation come less near than the polynomial of least largest error.
    let abs = Chebyshev::minimax(f64::abs, -4.0..=4.0, 62)?;
    show(
        "abs",
        &x.evaluate(&abs)?,
        abs.error(),
        &values.map(f64::abs),
    )?;
    show(
        "x^3 - x/2, exactly",
        &x.polyval(&[0.0, -0.5, 0.0, 1.0])?,
        0.0,
        &values.map(|x| x * x * x - x / 2.0),
    )?;

    // Two functions of one vector share its powers; or each value has its own.
    let both = [sigmoid.polynomial().clone(), sin.polynomial().clone()];
    let many = x.evaluate_many(&both)?;
    show(
        "sin, with sigmoid",
        &many[1],
        sin.error(),
        &values.map(f64::sin),
    )?;
    let own: Vec<Chebyshev> = (0..values.len()).map(|i| both[i % 2].clone()).collect();
    let want: Vec<f64> = own.iter().zip(values).map(|(own, x)| own.at(x)).collect();
    show("in turn", &x.evaluate_each(&own)?, 1e-12, &want)?;

    // Division, for divisors from 0.5 to 8: a polynomial of degree 7 and two steps of Goldschmidt's.
    let quotient = Quotient::new(0.5..=8.0, 7, 2)?;
    let divisors = [0.5, 0.9, 1.7, 3.0, 5.5, 8.0];
    let y = server.attach(client.encrypt(&divisors)?)?;
    let want: Vec<f64> = values.iter().zip(divisors).map(|(x, y)| x / y).collect();
    let largest = want.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    show(
        "x / y",
        &x.divide(&y, &quotient)?,
        quotient.relative_error() * largest,
        &want,
    )?;

    // What does not fit is refused before any work.
    let deep = Chebyshev::approximate(f64::tanh, -4.0..=4.0, 1023)?;
    println!("\ndegree 1023: {}", x.evaluate(&deep).unwrap_err());
    println!(
        "1 / x at 0: {}",
        Approximation::inverse(-1.0..=1.0, 15).unwrap_err()
    );
    Ok(())
}
