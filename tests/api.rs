//! The face: what a user writes.
use slotwise::prelude::*;

#[test]
fn snippet() -> slotwise::Result<()> {
    let context = CkksContext::builder()
        .degree(8192)
        .prime_bits(&[60, 40, 40, 60])
        .scale_bits(40)
        .build()?;
    let client = context.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::powers_of_two())?;
    let x = client.encrypt(&[1.0, 2.0, 3.0, 4.0])?;
    let doubled = ((&x + &x)? * 2.0)?;
    println!("{:?}", client.decrypt(&doubled)?);
    let x = server.attach(x)?;
    let y = ((&x * &x)? + 2.0)?.rotate_left(1)?;
    println!("{} levels left {:?}", y.levels_left(), client.decrypt(&y)?);
    println!("{:?}", client.decrypt(&x.dot(&y)?)?);
    let b = BfvContext::for_depth(2).plaintext_bits(20).build()?;
    let client = b.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::powers_of_two())?;
    let x = server.attach(client.encrypt(&[1, 2, 3])?)?;
    let y = (3 * &((&x * &x)? + 2)?)?;
    println!("{} {b}", y.levels_left());
    println!(
        "{:?} {:?}",
        client.decrypt(&y.rotate_left(1)?)?,
        client.decrypt(&x.dot(&y)?)?
    );
    Ok(())
}
