//! What a party has answered, for it to remember after a crash.

use crate::error::Result;
use crate::wire::invalid;

/// What a [`Record`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordKind {
    /// A ciphertext was opened, switched, masked or refreshed.
    Opening,
    /// A share was encrypted under a name.
    Input,
    /// A relinearization key was begun.
    Relinearization,
}

/// One answer that a party gives once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// What was answered.
    pub kind: RecordKind,
    /// The hash of the subject that was opened, of the input's name, or of the key.
    pub subject: [u8; 32],
    /// The hash of what stands under it: the ciphertext's second polynomial, which decides the noise, or the input.
    pub value: [u8; 32],
}

impl Record {
    /// The length of a record's bytes.
    pub const BYTES: usize = 65;

    /// The record's bytes, for a file.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let opening = BfvOpening::new(&session, &ciphertext, b"the sum")?;
    /// parties[0].open(opening.request(), &mut journal)?;
    /// let bytes = journal[0].to_bytes(); // append them to a file
    /// assert_eq!(bytes.len(), Record::BYTES);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[0] = self.kind as u8;
        bytes[1..33].copy_from_slice(&self.subject);
        bytes[33..].copy_from_slice(&self.value);
        bytes
    }

    /// The record that [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let opening = BfvOpening::new(&session, &ciphertext, b"the sum")?;
    /// parties[0].open(opening.request(), &mut journal)?;
    /// let bytes = journal[0].to_bytes();
    /// assert_eq!(Record::from_bytes(&bytes)?, journal[0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`WireError::Invalid`](crate::WireError::Invalid) for an unknown kind.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self> {
        let kind = match bytes[0] {
            0 => RecordKind::Opening,
            1 => RecordKind::Input,
            2 => RecordKind::Relinearization,
            _ => return Err(invalid("an unknown kind of record")),
        };
        Ok(Self {
            kind,
            subject: std::array::from_fn(|i| bytes[1 + i]),
            value: std::array::from_fn(|i| bytes[33 + i]),
        })
    }
}

/// Where answers are recorded before a message leaves its party. A `Vec` keeps them in memory; for a party that survives crashes, write
/// to a file and wait until it is on the disk, and give the records to [`Party::recall`](crate::multiparty::Party::recall). After a write that failed, take out what was torn
/// before the next one.
///
/// ```
/// use slotwise::multiparty::{Journal, Record};
/// use slotwise::{Error, MultipartyError};
/// use std::io::Write;
///
/// struct OnDisk(std::fs::File);
///
/// impl Journal for OnDisk {
///     fn record(&mut self, record: &Record) -> slotwise::Result<()> {
///         let written = self.0.write_all(&record.to_bytes()).and_then(|()| self.0.sync_data());
///         written.map_err(|_| Error::Multiparty(MultipartyError::JournalFailed))
///     }
/// }
/// ```
pub trait Journal {
    /// Keeps a record.
    ///
    /// # Errors
    /// [`MultipartyError::JournalFailed`](crate::MultipartyError::JournalFailed) if it is not sure to be kept; nothing is answered then.
    fn record(&mut self, record: &Record) -> Result<()>;
}

impl Journal for Vec<Record> {
    fn record(&mut self, record: &Record) -> Result<()> {
        self.push(*record);
        Ok(())
    }
}
