use crate::bootstrapping::BootstrappingKeys;
use crate::error::Result;
use crate::keys::EvaluationKeys;
use crate::params::CkksContext;
use crate::wire::{FrameReader, FrameWriter, Header, Kind, Wire, sealed};
use std::io::{Read, Write};
use std::sync::Arc;

impl sealed::Sealed for BootstrappingKeys {
    const KIND: Kind = Kind::BootstrappingKeys;
}

/// The frame of the evaluation keys, which are written and read one at a time.
impl Wire for BootstrappingKeys {
    type Context = CkksContext;

    fn byte_length(&self) -> u64 {
        Header::FRAME + self.evaluation_keys().byte_length()
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let keys = self.evaluation_keys();
        let header = Header {
            kind: Kind::BootstrappingKeys,
            length: keys.byte_length(),
            fingerprint: *keys.context().fingerprint().bytes(),
            key_id: *self.key_id().bytes(),
        };
        let mut writer = FrameWriter::start(out, header)?;
        keys.write_to(writer.nested())?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, context: &CkksContext) -> Result<Self> {
        let mut reader = FrameReader::start(input, Kind::BootstrappingKeys)?;
        let header = *reader.header();
        header.check(Kind::BootstrappingKeys, context.fingerprint())?;
        let keys = EvaluationKeys::read_from(&mut reader, context.rlwe())?;
        reader.finish()?;
        header.key_id().check(keys.key_id())?;
        Self::of(context, Arc::new(keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, KeyError, OperandError};
    use crate::keys::KeyGenerator;
    use crate::params::CkksParams;
    use rand::SeedableRng;

    #[test]
    fn keys_and_parameters_survive_the_trip_and_incomplete_ones_are_named() {
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
        let params = CkksParams::insecure_for_bootstrapping(128, 16, 2).unwrap();
        let read = CkksParams::insecure_from_bytes(&params.to_bytes()).unwrap();
        assert_eq!(read, params);
        let context = CkksContext::new(read).unwrap();
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        let keys = BootstrappingKeys::generate(&context, &secret, &mut rng, |_| ()).unwrap();
        let bytes = keys.to_bytes();
        assert_eq!(bytes.len() as u64, keys.byte_length());
        let found = BootstrappingKeys::from_bytes(&bytes, &context).unwrap();
        assert_eq!(found.key_id(), secret.id());
        assert_eq!(found.to_bytes(), bytes);
        // Half of the memory: uniform halves travel as seeds.
        assert!(bytes.len() < keys.size_in_bytes() * 11 / 20);

        let other = CkksParams::insecure_for_bootstrapping(128, 64, 3).unwrap();
        let refused = BootstrappingKeys::from_bytes(&bytes, &CkksContext::new(other).unwrap());
        assert!(matches!(
            refused,
            Err(Error::Operands(OperandError::ContextMismatch { .. }))
        ));
        for length in [0, Header::BYTES, Header::BYTES + 100, bytes.len() - 1] {
            assert!(BootstrappingKeys::from_bytes(&bytes[..length], &context).is_err());
        }
        // A set of other keys in the same frame.
        let few = EvaluationKeys::empty(context.rlwe(), secret.id());
        let header = Header {
            kind: Kind::BootstrappingKeys,
            length: few.byte_length(),
            fingerprint: *context.fingerprint().bytes(),
            key_id: *secret.id().bytes(),
        };
        let mut bytes = Vec::new();
        let mut writer = FrameWriter::start(&mut bytes, header).unwrap();
        few.write_to(writer.nested()).unwrap();
        writer.finish().unwrap();
        assert!(matches!(
            BootstrappingKeys::from_bytes(&bytes, &context),
            Err(Error::Keys(KeyError::IncompleteBootstrappingKeys { missing, of })) if missing == of
        ));
    }
}
