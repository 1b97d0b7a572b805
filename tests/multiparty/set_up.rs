//! Parties of a session, set up in one process.

use rand_chacha::ChaCha20Rng;
use slotwise::multiparty::{Deal, Party, Policy, Session, SessionTerms, Setup};
use slotwise::ring::Seed;

pub(crate) fn terms(policy: Policy) -> SessionTerms {
    let names: Vec<String> = (1..=policy.parties())
        .map(|i| format!("party {i}"))
        .collect();
    SessionTerms::new(policy, &names, Seed([9; 32])).unwrap()
}

/// All setups, with every deal passed on as bytes.
pub(crate) fn set_up(session: &Session, rng: &mut ChaCha20Rng) -> Vec<Party> {
    let numbers = 1..=session.policy().parties();
    let mut setups: Vec<Setup> = numbers
        .map(|i| Setup::new(session, i, rng).unwrap())
        .collect();
    for from in 0..setups.len() {
        let deals: Vec<_> = setups[from]
            .deals()
            .unwrap()
            .iter()
            .map(|deal| (deal.receiver(), deal.expose_confidential_bytes()))
            .collect();
        for (receiver, bytes) in deals {
            let deal = Deal::from_confidential_bytes(&bytes, session).unwrap();
            setups[receiver as usize - 1].receive(deal).unwrap();
        }
    }
    setups
        .iter_mut()
        .map(|setup| setup.finish().unwrap())
        .collect()
}
