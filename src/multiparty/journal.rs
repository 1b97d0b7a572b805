//! What a party has opened, for it to remember after a crash.

use crate::error::Result;

/// One opening: the hash of its subject, and of the ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpeningRecord {
    /// The hash of what was opened, as the request names it.
    pub subject: [u8; 32],
    /// The hash of the ciphertext's second polynomial, which decides the noise.
    pub ciphertext: [u8; 32],
}

/// Where openings are recorded before a share leaves its party. A `Vec` keeps them in memory; for a party that survives crashes, write
/// to a file and wait until it is on the disk, and give the records to [`Party::recall`](crate::multiparty::Party::recall).
pub trait Journal {
    /// Keeps a record.
    ///
    /// # Errors
    /// [`MultipartyError::JournalFailed`](crate::MultipartyError::JournalFailed) if it is not sure to be kept; no share is made then.
    fn record(&mut self, record: &OpeningRecord) -> Result<()>;
}

impl Journal for Vec<OpeningRecord> {
    fn record(&mut self, record: &OpeningRecord) -> Result<()> {
        self.push(*record);
        Ok(())
    }
}
