//! Functions of encrypted values: approximated by polynomials, with the error of the approximation and the bound of the encryption's
//! error beside what comes out.
//!
//! `cargo run --release --example polynomials_and_functions`

use slotwise::circuits::{Approximation, Chebyshev, Quotient};
use slotwise::prelude::*;

/// The values, all between -4 and 4.
const VALUES: [f64; 6] = [-3.9, -1.0, -0.25, 0.5, 2.0, 3.5];

fn main() -> slotwise::Result<()> {
    let context = CkksContext::for_depth(9).build()?;
    let client = context.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::none())?;
    let x = server.attach(client.encrypt(VALUES)?)?;
    println!("                    depth  approximation  encryption       found");
    functions(&client, &x)?;
    several(&client, &x)?;

    // Division, for divisors from 0.5 to 8: a polynomial of degree 7 and two steps of Goldschmidt's.
    let quotient = Quotient::new(0.5..=8.0, 7, 2)?;
    let divisors = [0.5, 0.9, 1.7, 3.0, 5.5, 8.0];
    let y = server.attach(client.encrypt(divisors)?)?;
    let want: Vec<f64> = VALUES.iter().zip(divisors).map(|(x, y)| x / y).collect();
    let largest = want.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    let error = quotient.relative_error() * largest;
    show(&client, "x / y", &x.divide(&y, &quotient)?, (error, &want))?;

    // What does not fit is refused before any work.
    let deep = Chebyshev::approximate(f64::abs, -4.0..=4.0, 1023)?;
    let refused = x.evaluate(&deep).map(|_| ());
    println!("\ndegree 1023: {refused:?}");
    assert!(refused.is_err());
    Ok(())
}

/// Each function says before anything is encrypted what it takes and how near it comes.
fn functions(client: &ClientKey<Ckks>, x: &CkksVector) -> slotwise::Result<()> {
    let sigmoid = Approximation::sigmoid(-4.0..=4.0, 31)?;
    assert_eq!(sigmoid.outside(&VALUES).count, 0);
    let want = VALUES.map(|x| 1.0 / (1.0 + (-x).exp()));
    show(
        client,
        "sigmoid",
        &x.evaluate(&sigmoid)?,
        (sigmoid.error(), &want),
    )?;
    let sin = Approximation::sin(-4.0..=4.0, 15)?;
    show(
        client,
        "sin",
        &x.evaluate(&sin)?,
        (sin.error(), &VALUES.map(f64::sin)),
    )?;
    // A kink: the polynomial of least largest error comes nearest.
    let abs = Chebyshev::minimax(f64::abs, -4.0..=4.0, 62)?;
    show(
        client,
        "abs",
        &x.evaluate(&abs)?,
        (abs.error(), &VALUES.map(f64::abs)),
    )?;
    let want = VALUES.map(|x| x * x * x - x / 2.0);
    show(
        client,
        "x^3 - x/2",
        &x.polyval(&[0.0, -0.5, 0.0, 1.0])?,
        (0.0, &want),
    )
}

/// Two functions of one vector share its powers; or each value has its own.
fn several(client: &ClientKey<Ckks>, x: &CkksVector) -> slotwise::Result<()> {
    let (sin, exp) = (
        Approximation::sin(-4.0..=4.0, 15)?,
        Approximation::exp(-4.0..=4.0, 15)?,
    );
    let both = [sin.polynomial().clone(), exp.polynomial().clone()];
    let many = x.evaluate_many(&both)?;
    show(
        client,
        "sin, with exp",
        &many[0],
        (sin.error(), &VALUES.map(f64::sin)),
    )?;
    show(
        client,
        "exp, with sin",
        &many[1],
        (exp.error(), &VALUES.map(f64::exp)),
    )?;
    let own: Vec<Chebyshev> = (0..VALUES.len()).map(|i| both[i % 2].clone()).collect();
    let want: Vec<f64> = own.iter().zip(VALUES).map(|(own, x)| own.at(x)).collect();
    show(
        client,
        "sin, exp in turn",
        &x.evaluate_each(&own)?,
        (1e-12, &want),
    )
}

/// Prints the errors, after checking what is found against what is wanted, to the approximation's error and the bound.
fn show(
    client: &ClientKey<Ckks>,
    name: &str,
    y: &CkksVector,
    (approximation, want): (f64, &[f64]),
) -> slotwise::Result<()> {
    let found = client.decrypt(y)?;
    let errors = found
        .iter()
        .zip(want)
        .map(|(found, want)| (found - want).abs());
    let worst = errors.fold(0.0, f64::max);
    let (depth, bound) = (9 - y.levels_left(), y.noise_bound());
    println!("{name:<20} {depth:>4} {approximation:>14.1e} {bound:>11.1e} {worst:>11.1e}");
    assert!(worst <= approximation + bound);
    Ok(())
}
