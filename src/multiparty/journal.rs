//! What a party has answered, for it to remember after a crash.

use crate::error::Result;

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

/// Where answers are recorded before a message leaves its party. A `Vec` keeps them in memory; for a party that survives crashes, write
/// to a file and wait until it is on the disk, and give the records to [`Party::recall`](crate::multiparty::Party::recall).
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
