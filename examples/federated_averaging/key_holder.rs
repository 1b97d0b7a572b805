//! The holder of the only secret key in mode `single`: it decrypts sums, and sees no upload. The clients have the public key alone.

use crate::breast_cancer::Outcome;
use crate::config::Config;
use crate::connection::Connection;
use slotwise::Wire;
use slotwise::federated::{SealedSum, SumDecryptor};

/// Decrypts the sum of each round, until there are no more.
pub(crate) fn run(config: &Config) -> Outcome<()> {
    let connection = Connection::new(&config.address);
    let context = config.context()?;
    let secret = context.generate_secret_key()?;
    connection.write("key", &context.public_key(&secret)?.to_bytes())?;
    let decryptor = SumDecryptor::new(&context, secret)?;
    for round in 1.. {
        let Some(bytes) = connection.get(&format!("/board/sums/{round}"))? else {
            break;
        };
        let sealed = SealedSum::from_bytes(&bytes, &context)?;
        // One sum for each round, of enough updates: the difference of two sums, or a sum of one, is somebody's update.
        if sealed.round() != round || sealed.contributions().len() < config.threshold() as usize {
            return Err(format!("refused to decrypt {sealed:?} in round {round}").into());
        }
        let average = decryptor.decrypt(&sealed)?.average();
        let bytes: Vec<u8> = average.iter().flat_map(|x| x.to_le_bytes()).collect();
        connection.write(&format!("averages/{round}"), &bytes)?;
    }
    Ok(())
}
