#![no_main]

use libfuzzer_sys::fuzz_target;
use slotwise::multiparty::{
    Commitment, Deal, GaloisKeyShare, InputShare, MaskShare, OpeningRequest, OpeningShare, Party,
    PublicKeyShare, RefreshShare, RelinearizationRoundOne, RelinearizationRoundTwo, SessionTerms,
    SwitchShare,
};
use slotwise_fuzz::{SESSION, as_session, same};

fuzz_target!(|input: &[u8]| {
    for bytes in [input.to_vec(), as_session(input)] {
        same::<SessionTerms>(&bytes, &());
        same::<Commitment>(&bytes, &());
        same::<PublicKeyShare>(&bytes, &SESSION);
        same::<GaloisKeyShare>(&bytes, &SESSION);
        same::<RelinearizationRoundOne>(&bytes, &SESSION);
        same::<RelinearizationRoundTwo>(&bytes, &SESSION);
        same::<OpeningRequest>(&bytes, &SESSION);
        same::<OpeningShare>(&bytes, &SESSION);
        same::<SwitchShare>(&bytes, &SESSION);
        same::<MaskShare>(&bytes, &SESSION);
        same::<InputShare>(&bytes, &SESSION);
        same::<RefreshShare>(&bytes, &SESSION);
        if let Ok(deal) = Deal::from_confidential_bytes(&bytes, &SESSION) {
            assert_eq!(*deal.expose_confidential_bytes(), bytes);
        }
        if let Ok(party) = Party::from_secret_state(&bytes, &SESSION) {
            assert_eq!(*party.expose_secret_state(), bytes);
        }
    }
});
