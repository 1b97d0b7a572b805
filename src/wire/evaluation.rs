use crate::error::Result;
use crate::keys::{
    EvaluationKey, EvaluationKeys, GaloisKey, KeyEnds, KeyId, RelinearizationKey, SwitchingKey,
};
use crate::params::{Context, KeySpan};
use crate::wire::header::invalid;
use crate::wire::keys::KeyForm;
use crate::wire::{FrameReader, FrameWriter, Header, Kind, Wire, sealed};
use std::collections::VecDeque;
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
    counts: Counts,
    /// Of the keys that are left.
    forms: VecDeque<KeyForm>,
    /// What the key before was sorted by.
    last: Option<SortKey>,
}

/// How many keys of each kind there are.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    relinearization: usize,
    galois: usize,
    switching: usize,
}

/// What keys are sorted by: kind, automorphism or ends, span. No two are the same.
type SortKey = (u8, u64, KeyEnds, KeySpan);

impl<R: Read> EvaluationKeyReader<R> {
    /// The reader of the set that starts at `input`, for the parameters of `context`.
    ///
    /// # Errors
    /// As [`Wire::read_from`].
    pub fn new(input: R, context: &Arc<Context>) -> Result<Self> {
        let mut reader = FrameReader::start(input, Kind::EvaluationKeys)?;
        let header = *reader.header();
        header.check(Kind::EvaluationKeys, context.fingerprint())?;
        let counts = reader.array::<{ Counts::BYTES }>()?;
        let counts = Counts::from_bytes(counts).check(context)?;
        if counts.total() > 0 {
            context.check_key_switching()?;
        }
        // Nothing is reserved: the forms take memory as they arrive.
        let mut forms = VecDeque::new();
        let mut expected = 0u64;
        for number in 0..counts.total() {
            let form = KeyForm::read(&mut reader, context)?;
            let length = if counts.is_galois(number) {
                form.galois_frame(context)
            } else {
                form.switching_frame(context)
            };
            expected = expected.saturating_add(length);
            forms.push_back(form);
        }
        reader.expect_left(expected)?;
        Ok(Self {
            context: Arc::clone(context),
            id: header.key_id(),
            reader: Some(reader),
            counts,
            forms,
            last: None,
        })
    }

    /// The id of the secret key.
    pub fn key_id(&self) -> KeyId {
        self.id
    }

    /// How many keys are left.
    pub fn keys_left(&self) -> usize {
        self.counts.total()
    }

    /// How many keys for products are left. A set starts with the numbers of its keys, so that this is known before any is read.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # use slotwise::wire::EvaluationKeyReader;
    /// # let context = CkksContext::builder().degree(64).prime_bits(&[40, 30, 40]).scale_bits(30).insecure_skip_security_check().build()?;
    /// # let client = context.generate_client_key()?;
    /// # let file = client.generate_server_key(&Rotations::steps(&[1, 2]))?.to_bytes();
    /// let reader = EvaluationKeyReader::new(&file[..200], context.rlwe())?; // the start of a file is enough
    /// assert_eq!((reader.relinearization_keys_left(), reader.galois_keys_left()), (1, 2));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    pub fn relinearization_keys_left(&self) -> usize {
        self.counts.relinearization
    }

    /// How many keys for rotations, and for the conjugation or exchange of rows, are left, as
    /// [`relinearization_keys_left`](Self::relinearization_keys_left).
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # use slotwise::wire::EvaluationKeyReader;
    /// # let context = CkksContext::builder().degree(64).prime_bits(&[40, 30, 40]).scale_bits(30).insecure_skip_security_check().build()?;
    /// # let client = context.generate_client_key()?;
    /// # let file = client.generate_server_key(&Rotations::steps(&[1, 2]))?.to_bytes();
    /// let mut reader = EvaluationKeyReader::new(&file[..], context.rlwe())?;
    /// assert_eq!((reader.keys_left(), reader.galois_keys_left()), (3, 2));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    pub fn galois_keys_left(&self) -> usize {
        self.counts.galois
    }

    fn read(&mut self, reader: &mut FrameReader<R>) -> Result<EvaluationKey> {
        let Counts {
            relinearization,
            galois,
            switching,
        } = &mut self.counts;
        let key: EvaluationKey = if *relinearization > 0 {
            *relinearization -= 1;
            RelinearizationKey::read_from(reader, &self.context)?.into()
        } else if *galois > 0 {
            *galois -= 1;
            GaloisKey::read_from(reader, &self.context)?.into()
        } else {
            *switching = switching.saturating_sub(1);
            SwitchingKey::read_from(reader, &self.context)?.into()
        };
        if self.forms.pop_front() != Some(KeyForm::of(key.switching_key())) {
            return Err(invalid("a key of another form than its set says"));
        }
        let sort_key = sort_key(&key);
        // In ascending order none comes twice.
        if self.last.replace(sort_key) >= Some(sort_key) {
            return Err(invalid("keys out of order"));
        }
        let KeyEnds { from, to } = key.switching_key().ends();
        if from != self.id {
            self.id.check(to)?;
        }
        Ok(key)
    }
}

impl Counts {
    const BYTES: usize = 12;

    fn of(keys: &EvaluationKeys) -> Self {
        Self {
            relinearization: keys.relinearization_keys().count(),
            galois: keys.galois().iter().count(),
            switching: keys.switching_keys().count(),
        }
    }

    /// Whether the key of this number, among all, is a Galois key.
    fn is_galois(self, number: usize) -> bool {
        (self.relinearization..self.relinearization + self.galois).contains(&number)
    }

    fn total(self) -> usize {
        self.relinearization + self.galois + self.switching
    }

    fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let count = |at| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i])) as usize;
        Self {
            relinearization: count(0),
            galois: count(4),
            switching: count(8),
        }
    }

    /// More than 2^32 keys of a kind fit no memory.
    fn to_bytes(self) -> [u8; Self::BYTES] {
        let counts = [self.relinearization, self.galois, self.switching];
        let counts = counts.map(|count| u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        std::array::from_fn(|i| counts[i / 4][i % 4])
    }

    /// Checks the number of Galois keys: one for each automorphism, which are the rotations of N/2 slots and the conjugation, and
    /// each span.
    fn check(self, context: &Context) -> Result<Self> {
        let params = context.params();
        let spans = params.level_sizes().len() * params.special_primes().len();
        if self.relinearization > spans || self.galois > spans * context.degree() / 2 {
            return Err(invalid("more keys than there are rotations and spans"));
        }
        Ok(self)
    }
}

/// What a key is sorted by in its set.
fn sort_key(key: &EvaluationKey) -> SortKey {
    let switching = key.switching_key();
    let (kind, exponent) = match key {
        EvaluationKey::Relinearization(_) => (0, 0),
        EvaluationKey::Galois(key) => (1, key.element().exponent()),
        EvaluationKey::Switching(_) => (2, 0),
    };
    (kind, exponent, switching.ends(), switching.span())
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
        writer.put(&Counts::of(self).to_bytes())?;
        let relinearization = self.relinearization_keys();
        let first = relinearization.map(RelinearizationKey::switching_key);
        let galois = self.galois().iter().map(GaloisKey::switching_key);
        for key in first.chain(galois).chain(self.switching_keys()) {
            writer.put(&KeyForm::of(key).to_bytes())?;
        }
        for key in self.relinearization_keys() {
            key.write_to(writer.nested())?;
        }
        for key in self.galois().iter() {
            key.write_to(writer.nested())?;
        }
        for key in self.switching_keys() {
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

/// The bytes of the frame of a set with a relinearization key and so many Galois keys of the whole span, all from seeds.
pub(crate) fn evaluation_frame(context: &Context, galois: u64) -> u64 {
    let form = KeyForm::whole(context);
    let keys = form.switching_frame(context) + galois * form.galois_frame(context);
    Header::FRAME + Counts::BYTES as u64 + (galois + 1) * KeyForm::BYTES + keys
}

fn set_length(keys: &EvaluationKeys) -> u64 {
    let relinearization = keys.relinearization_keys().map(Wire::byte_length);
    let galois = keys.galois().iter().map(Wire::byte_length);
    let switching = keys.switching_keys().map(Wire::byte_length);
    let all = relinearization.chain(galois).chain(switching);
    Counts::BYTES as u64 + all.map(|length| KeyForm::BYTES + length).sum::<u64>()
}
