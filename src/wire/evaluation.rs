use crate::error::Result;
use crate::keys::{EvaluationKey, EvaluationKeys, GaloisKey, KeyId, RelinearizationKey};
use crate::params::Context;
use crate::ring::GaloisElement;
use crate::wire::header::invalid;
use crate::wire::keys::{galois_frame, relinearization_frame};
use crate::wire::{FrameReader, FrameWriter, Header, Kind, Wire, sealed};
use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

/// Reads the keys of a set one at a time, each checked when it comes out: an iterator that ends after its first error.
///
/// ```
/// use slotwise::prelude::*;
/// use slotwise::keys::EvaluationKeys;
/// use slotwise::wire::EvaluationKeyReader;
/// # fn main() -> slotwise::Result<()> {
/// # let context = CkksContext::builder().degree(64).prime_bits(&[40, 30, 40]).scale_bits(30).insecure_skip_security_check().build()?;
/// # let client = context.generate_client_key()?;
/// # let file = client.generate_server_key(&Rotations::steps(&[1, 2]))?.to_bytes();
/// let mut reader = EvaluationKeyReader::new(&file[..], context.rlwe())?;
/// let mut keys = EvaluationKeys::empty(context.rlwe(), reader.key_id());
/// for key in reader {
///     keys.insert(key?)?;
/// }
/// # assert_eq!(keys.galois().elements().count(), 2);
/// # Ok(())
/// # }
/// ```
pub struct EvaluationKeyReader<R: Read> {
    context: Arc<Context>,
    id: KeyId,
    /// None once the end, or an error, was reached.
    reader: Option<FrameReader<R>>,
    /// Whether the relinearization key comes next.
    relinearization: bool,
    galois_left: usize,
    last: Option<GaloisElement>,
}

impl<R: Read> EvaluationKeyReader<R> {
    /// The reader of the set that starts at `input`, for the parameters of `context`.
    ///
    /// # Errors
    /// As [`Wire::read_from`].
    pub fn new(input: R, context: &Arc<Context>) -> Result<Self> {
        let mut reader = FrameReader::start(input, Kind::EvaluationKeys)?;
        let header = *reader.header();
        header.check(Kind::EvaluationKeys, context.fingerprint())?;
        let relinearization = match reader.byte()? {
            0 => false,
            1 => true,
            _ => return Err(invalid("more than one relinearization key")),
        };
        let count = u64::from(u32::from_le_bytes(reader.array()?));
        // The rotations of N/2 slots and the conjugation.
        let most = context.degree() as u64 / 2;
        if count > most {
            return Err(invalid("more Galois keys than there are rotations"));
        }
        if relinearization || count > 0 {
            context.check_key_switching()?;
        }
        reader.expect_left(keys_length(context, relinearization, count))?;
        Ok(Self {
            context: Arc::clone(context),
            id: header.key(),
            reader: Some(reader),
            relinearization,
            galois_left: usize::try_from(count).unwrap_or(usize::MAX),
            last: None,
        })
    }

    /// The name of the secret key.
    pub fn key_id(&self) -> KeyId {
        self.id
    }

    /// How many keys are left.
    pub fn keys_left(&self) -> usize {
        usize::from(self.relinearization) + self.galois_left
    }

    fn read(&mut self, reader: &mut FrameReader<R>) -> Result<EvaluationKey> {
        let key = if self.relinearization {
            self.relinearization = false;
            EvaluationKey::Relinearization(RelinearizationKey::read_from(reader, &self.context)?)
        } else {
            self.galois_left = self.galois_left.saturating_sub(1);
            let key = GaloisKey::read_from(reader, &self.context)?;
            // In ascending order none comes twice.
            if self.last.replace(key.element()) >= Some(key.element()) {
                return Err(invalid("Galois keys out of order"));
            }
            EvaluationKey::Galois(key)
        };
        let id = match &key {
            EvaluationKey::Relinearization(key) => key.switching_key().key_id(),
            EvaluationKey::Galois(key) => key.switching_key().key_id(),
        };
        self.id.check(id)?;
        Ok(key)
    }
}

impl<R: Read> fmt::Debug for EvaluationKeyReader<R> {
    /// What is left to be read: the input may be a slice of all bytes.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.keys_left();
        write!(out, "EvaluationKeyReader({:?}, {left} keys left)", self.id)
    }
}

impl<R: Read> Iterator for EvaluationKeyReader<R> {
    type Item = Result<EvaluationKey>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.reader.take()?;
        if self.keys_left() == 0 {
            return reader.finish().err().map(Err);
        }
        let key = self.read(&mut reader);
        if key.is_ok() {
            self.reader = Some(reader);
        }
        Some(key)
    }
}

impl sealed::Sealed for EvaluationKeys {
    const KIND: Kind = Kind::EvaluationKeys;
}

impl Wire for EvaluationKeys {
    type Context = Arc<Context>;

    fn byte_length(&self) -> u64 {
        Header::FRAME + set_length(self)
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let header = Header {
            kind: Kind::EvaluationKeys,
            length: set_length(self),
            fingerprint: *self.context().fingerprint().bytes(),
            key_id: *self.key_id().bytes(),
        };
        let mut writer = FrameWriter::start(out, header)?;
        let relinearization = self.relinearization().ok();
        writer.put(&[relinearization.is_some().into()])?;
        let count = u32::try_from(self.galois().elements().count())
            .map_err(|_| invalid("more Galois keys than there are rotations"))?;
        writer.put(&count.to_le_bytes())?;
        if let Some(key) = relinearization {
            key.write_to(writer.nested())?;
        }
        for key in self
            .galois()
            .elements()
            .filter_map(|element| self.galois().get(element))
        {
            key.write_to(writer.nested())?;
        }
        writer.finish()
    }

    fn read_from(input: &mut impl Read, context: &Arc<Context>) -> Result<Self> {
        let reader = EvaluationKeyReader::new(input, context)?;
        let mut keys = Self::empty(context, reader.key_id());
        for key in reader {
            keys.insert(key?)?;
        }
        Ok(keys)
    }
}

/// The bytes of the frame of a set with a relinearization key and so many Galois keys.
pub(crate) fn evaluation_frame(context: &Context, galois: u64) -> u64 {
    Header::FRAME + COUNTS_BYTES + keys_length(context, true, galois)
}

fn set_length(keys: &EvaluationKeys) -> u64 {
    let count = keys.galois().elements().count() as u64;
    COUNTS_BYTES + keys_length(keys.context(), keys.relinearization().is_ok(), count)
}

fn keys_length(context: &Context, relinearization: bool, galois: u64) -> u64 {
    u64::from(relinearization) * relinearization_frame(context) + galois * galois_frame(context)
}

/// The bytes of the two counts at the start of a set.
const COUNTS_BYTES: u64 = 5;
