//! A client's part in the shared key: the setup through the server as relay, shares of openings, and what survives a crash.

use crate::breast_cancer::Outcome;
use crate::config::ClientConfig;
use crate::connection::Connection;
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use slotwise::federated::{SumContext, SumHolder, SumRequest, UploadDigest};
use slotwise::keys::PublicKey;
use slotwise::multiparty::{
    Collector, Commitment, Contribution, Deal, Journal, Party, PublicKeyShare, Record, Session,
    Setup,
};
use slotwise::{Error, MultipartyError, Wire};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

/// A holder of a share of the key.
pub(crate) struct Holder {
    /// What messages are read within.
    within: (SumContext, Session),
    party: Party,
    least: usize,
    journal: FileJournal,
}

impl Holder {
    /// Sets the key up with the other clients, or, after a crash, takes over what was saved.
    pub(crate) fn new(
        task: &ClientConfig,
        connection: &Connection,
        context: &SumContext,
    ) -> Outcome<Self> {
        let session = task.config.session(context)?;
        let session = session.ok_or("a holder needs a shared key")?;
        let (journal, records) = FileJournal::open(&task.state.with_extension("journal"))?;
        let saved = task.state.with_extension("party");
        let party = if saved.exists() {
            let mut party = Party::from_secret_state(&fs::read(&saved)?, &session)?;
            party.recall(&records)?;
            party
        } else {
            let party = set_up(task, connection, &session)?;
            save(&saved, &party.expose_secret_state())?;
            party
        };
        let least = task.config.threshold() as usize;
        Ok(Self {
            party,
            least,
            within: (context.clone(), session),
            journal,
        })
    }

    /// The public key: the sum of all clients' shares of it. Each adds them up for itself and believes no sum; whoever speaks last could
    /// choose the key if the shares had not been committed to before.
    ///
    /// The server relays, and could show each client other commitments: parties who fear that compare the key's hash.
    pub(crate) fn public_key(&self, connection: &Connection) -> Outcome<PublicKey> {
        let (_, session) = &self.within;
        let round = session.key_round(1);
        let party = &self.party;
        // After a crash these are the same bytes, which change nothing.
        let share = party.public_key_share(&round)?;
        let number = party.number();
        let commitment = share.commitment().to_bytes();
        connection.write(&format!("commitments/{number}"), &commitment)?;
        let mut collector = Collector::new(session, &round)?;
        for party in round.parties() {
            let bytes = connection.read(&format!("commitments/{party}"))?;
            collector.commit(Commitment::from_bytes(&bytes, &())?)?;
        }
        connection.write(&format!("keys/{number}"), &share.to_bytes())?;
        for party in round.parties() {
            let bytes = connection.read(&format!("keys/{party}"))?;
            collector.add(PublicKeyShare::from_bytes(&bytes, session)?)?;
        }
        Ok(collector.finish()?)
    }

    /// What the server asks the holders in a round; `None` if the sum was opened without this one.
    pub(crate) fn request(
        &self,
        connection: &Connection,
        round: u64,
    ) -> Outcome<Option<SumRequest>> {
        let bytes = connection.get(&format!("/request/{round}"))?;
        let request = bytes.map(|bytes| SumRequest::from_bytes(&bytes, &self.within));
        Ok(request.transpose()?)
    }

    /// The bytes of the share that answers it. `own` is the digest of this client's upload, which must be in the sum if the server took it.
    pub(crate) fn open(
        &mut self,
        round: u64,
        request: &SumRequest,
        own: Option<&UploadDigest>,
    ) -> Outcome<Vec<u8>> {
        let mut holder = SumHolder::new(&self.within.0, &mut self.party, self.least)?;
        let share = holder.open(round, request, own, &mut self.journal)?;
        Ok(share.to_bytes())
    }
}

/// The party, once it has the others' deals. They travel through the server, encrypted for their receivers.
fn set_up(task: &ClientConfig, connection: &Connection, session: &Session) -> Outcome<Party> {
    let own = task.client;
    let mut setup = Setup::new(session, own, &mut rand::rng())?;
    for deal in setup.deals()? {
        let to = deal.receiver();
        let key = task.channels.to.get(&to).ok_or("no channel")?;
        let deal = deal.expose_confidential_bytes();
        let nonce: [u8; NONCE] = rand::random();
        let sealed = channel(key).encrypt(&XNonce::from(nonce), &deal[..]);
        let sealed = sealed.map_err(|_| "a deal was not encrypted")?;
        let sealed = [&nonce[..], &sealed].concat();
        connection.write(&format!("deals/{own}/{to}"), &sealed)?;
    }
    for from in setup.missing()? {
        let key = task.channels.from.get(&from).ok_or("no channel")?;
        let sealed = connection.read(&format!("deals/{from}/{own}"))?;
        let foreign = || format!("a deal that client {from} did not send");
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or_else(foreign)?;
        let deal = channel(key).decrypt(&XNonce::from(*nonce), sealed);
        let deal = deal.map_err(|_| foreign())?;
        setup.receive(Deal::from_confidential_bytes(&deal, session)?)?;
    }
    Ok(setup.finish()?)
}

fn channel(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&Key::from(*key))
}

/// The bytes of a nonce, so many that random ones do not repeat: a client that starts again in the middle of the setup sends another deal.
const NONCE: usize = 24;

/// Writes a file that is there whole or not at all. The folder is the owner's alone.
fn save(path: &Path, bytes: &[u8]) -> Outcome<()> {
    let unfinished = path.with_extension("unfinished");
    let mut file = File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(fs::rename(unfinished, path)?)
}

/// What was opened, in a file: a record each, on the disk before the share leaves.
struct FileJournal {
    file: File,
    /// Whether a torn record could not be taken out.
    broken: bool,
}

impl FileJournal {
    /// The journal in a file, and the records that are there.
    fn open(path: &Path) -> Outcome<(Self, Vec<Record>)> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let bytes = fs::read(path)?;
        let (whole, torn) = bytes.as_chunks::<{ Record::BYTES }>();
        // For a record that a crash tore no share was made.
        file.set_len((bytes.len() - torn.len()) as u64)?;
        file.sync_all()?;
        let records = whole.iter().map(Record::from_bytes);
        let records = records.collect::<slotwise::Result<_>>()?;
        let broken = false;
        Ok((Self { file, broken }, records))
    }
}

impl Journal for FileJournal {
    fn record(&mut self, record: &Record) -> slotwise::Result<()> {
        if self.broken {
            return Err(Error::Multiparty(MultipartyError::JournalFailed));
        }
        let whole = self.file.metadata().map(|data| data.len());
        let written = self.file.write_all(&record.to_bytes());
        let kept = written.and_then(|()| self.file.sync_data());
        if kept.is_err() {
            // What was torn goes, so that later records start where they must; if it stays, the journal is at its end.
            let repaired = whole.and_then(|length| self.file.set_len(length));
            self.broken |= repaired.is_err();
        }
        kept.map_err(|_| Error::Multiparty(MultipartyError::JournalFailed))
    }
}
