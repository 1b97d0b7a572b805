//! Answers of parties, and what t of them add up to.

use crate::error::{MultipartyError, Result};
use crate::kernels::wipe;
use crate::keys::KeyId;
use crate::multiparty::points::lagrange;
use crate::multiparty::policy::refused;
use crate::multiparty::prf::Label;
use crate::multiparty::{Session, setup};
use crate::parallel::for_each_row;
use crate::params::Fingerprint;
use crate::ring::RnsBasis;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// What a party answers to a request: values, at its number, of polynomials that all parties share. Public.
pub struct Share<P> {
    pub(super) fingerprint: Fingerprint,
    pub(super) key_id: KeyId,
    pub(super) party: u32,
    /// The hash of the request.
    pub(super) request: Label,
    pub(super) parts: Vec<SharedPoly>,
    purpose: PhantomData<P>,
}

/// The first coefficients of a polynomial, a whole number of blocks: a row of them for each prime of a basis. Overwritten on drop, since on
/// its way it is a product with a secret.
#[derive(Clone)]
pub(super) struct SharedPoly {
    pub(super) basis: Arc<RnsBasis>,
    rows: Vec<u64>,
}

impl SharedPoly {
    pub(super) fn zero(basis: &Arc<RnsBasis>, coefficients: usize) -> Self {
        Self {
            basis: Arc::clone(basis),
            rows: vec![0; coefficients * basis.len()],
        }
    }

    /// How many coefficients there are.
    pub(super) fn length(&self) -> usize {
        self.rows.len() / self.basis.len()
    }

    pub(super) fn rows(&self) -> &[u64] {
        &self.rows
    }

    pub(super) fn rows_mut(&mut self) -> &mut [u64] {
        &mut self.rows
    }

    pub(super) fn row(&self, i: usize) -> &[u64] {
        let length = self.length();
        &self.rows[i * length..][..length]
    }

    fn has_shape_of(&self, other: &Self) -> bool {
        self.rows.len() == other.rows.len() && self.basis.primes() == other.basis.primes()
    }
}

impl Drop for SharedPoly {
    fn drop(&mut self) {
        wipe(&mut self.rows);
    }
}

impl<P> Share<P> {
    pub(super) fn new(
        (fingerprint, key_id): (Fingerprint, KeyId),
        party: u32,
        request: Label,
        parts: Vec<SharedPoly>,
    ) -> Self {
        Self {
            fingerprint,
            key_id,
            party,
            request,
            parts,
            purpose: PhantomData,
        }
    }

    /// Fingerprint and key identifier of a header.
    pub(crate) fn origin(&self) -> ([u8; 32], [u8; 16]) {
        (*self.fingerprint.bytes(), *self.key_id.bytes())
    }

    /// The party that made the share.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let opening = BfvOpening::new(&session, &ciphertext, b"the sum")?;
    /// let share = parties[2].open(opening.request(), &mut journal)?;
    /// assert_eq!(share.party(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn party(&self) -> u32 {
        self.party
    }
}

impl<P> Clone for Share<P> {
    fn clone(&self) -> Self {
        let of = (self.fingerprint, self.key_id);
        Self::new(of, self.party, self.request, self.parts.clone())
    }
}

impl<P> fmt::Debug for Share<P> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Share(party {} of {:?})", self.party, self.key_id)
    }
}

/// The shares of one request.
#[derive(Debug)]
pub(super) struct Shares {
    session: Session,
    request: Label,
    /// Who answers; anyone where it is any t parties.
    set: Option<Vec<u32>>,
    shares: BTreeMap<u32, Vec<SharedPoly>>,
    shape: Vec<SharedPoly>,
}

impl Shares {
    /// Of a request whose answers have polynomials of this shape.
    pub(super) fn new(session: &Session, request: Label, shape: Vec<SharedPoly>) -> Self {
        Self {
            session: session.clone(),
            request,
            set: None,
            shares: BTreeMap::new(),
            shape,
        }
    }

    /// The same where the answers of these parties add up.
    pub(super) fn of_set(self, set: Vec<u32>) -> Self {
        Self {
            set: Some(set),
            ..self
        }
    }

    /// # Errors
    /// [`MultipartyError::WrongSession`]; [`MultipartyError::UnknownParty`]; [`MultipartyError::OtherPurpose`]; [`MultipartyError::Duplicate`];
    /// [`MultipartyError::Conflict`].
    pub(super) fn add<P>(&mut self, share: Share<P>) -> Result<()> {
        self.check(&share)?;
        self.shares.insert(share.party, share.parts);
        Ok(())
    }

    /// Whether [`add`](Self::add) would keep a share.
    pub(super) fn check<P>(&self, share: &Share<P>) -> Result<()> {
        self.session.check_key_id(share.key_id)?;
        let party = share.party;
        self.session.check_party(party)?;
        if self.set.as_ref().is_some_and(|set| !set.contains(&party)) {
            return Err(refused(MultipartyError::UnknownParty { party }));
        }
        let fits = share.parts.len() == self.shape.len()
            && share
                .parts
                .iter()
                .zip(&self.shape)
                .all(|(part, shape)| part.has_shape_of(shape));
        if share.request != self.request || !fits {
            return Err(refused(MultipartyError::OtherPurpose));
        }
        if let Some(known) = self.shares.get(&party) {
            let same = known
                .iter()
                .zip(&share.parts)
                .all(|(a, b)| a.rows == b.rows);
            return Err(refused(if same {
                MultipartyError::Duplicate { party }
            } else {
                MultipartyError::Conflict { party }
            }));
        }
        Ok(())
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Takes a share out, of a party that turned out to be wrong.
    pub(super) fn remove(&mut self, party: u32) {
        self.shares.remove(&party);
    }

    /// The parties whose shares are there.
    pub(super) fn parties(&self) -> Vec<u32> {
        self.shares.keys().copied().collect()
    }

    /// What the shares add up to: the polynomials' values at 0, from the first t shares; any more are compared with those. Where the answers
    /// of a set add up, their sum.
    ///
    /// # Errors
    /// [`MultipartyError::NotEnoughShares`]; [`MultipartyError::InconsistentShares`].
    pub(super) fn value(&self) -> Result<Vec<SharedPoly>> {
        let parties = self.parties();
        let need = self.session.policy().threshold() as usize;
        let have = parties.len();
        if have < need {
            return Err(refused(MultipartyError::NotEnoughShares { have, need }));
        }
        if self.set.is_some() {
            return Ok(self.weighted(&parties, |_, nodes| vec![1; nodes.len()]));
        }
        let suspects = self.suspects(&parties);
        if !suspects.is_empty() {
            return Err(refused(MultipartyError::InconsistentShares { suspects }));
        }
        Ok(self.weighted(&parties[..need], |q, nodes| lagrange(q, nodes, 0)))
    }

    /// The parties whose shares may be wrong. Where one of the others agrees with the first t, it is those that do not; otherwise one of the first t
    /// without whom the rest agrees, or all.
    fn suspects(&self, parties: &[u32]) -> Vec<u32> {
        let need = self.session.policy().threshold() as usize;
        let (base, extra) = parties.split_at(need);
        let (agreeing, suspects): (Vec<u32>, Vec<u32>) =
            extra.iter().partition(|&&party| self.lies_on(base, party));
        if suspects.is_empty() || !agreeing.is_empty() {
            return suspects;
        }
        let alone = |&&suspect: &&u32| {
            let others = parties.iter().copied().filter(|&party| party != suspect);
            let others: Vec<u32> = others.collect();
            let (base, extra) = others.split_at(need);
            extra
                .first()
                .is_some_and(|&party| self.lies_on(base, party))
        };
        let suspects: Vec<u32> = base.iter().filter(alone).copied().collect();
        if suspects.is_empty() {
            parties.to_vec()
        } else {
            suspects
        }
    }

    /// Whether a party's share lies on the polynomials through those of t others.
    fn lies_on(&self, base: &[u32], party: u32) -> bool {
        let expected = self.weighted(base, |q, nodes| lagrange(q, nodes, party));
        let found = self.shares.get(&party);
        found.is_some_and(|found| found.iter().zip(&expected).all(|(a, b)| a.rows == b.rows))
    }

    /// The sum of these parties' shares with factors modulo each prime.
    fn weighted(
        &self,
        parties: &[u32],
        factors: impl Fn(&crate::kernels::Modulus, &[u32]) -> Vec<u64> + Sync + Send,
    ) -> Vec<SharedPoly> {
        let sum = |(number, shape): (usize, &SharedPoly)| {
            let basis = &shape.basis;
            let mut sum = SharedPoly::zero(basis, shape.length());
            let length = sum.length();
            for_each_row(sum.rows_mut(), length, |i, row| {
                for (factor, party) in factors(basis.modulus(i), parties).into_iter().zip(parties) {
                    if let Some(share) = self.shares.get(party) {
                        setup::add_multiple(basis, i, row, (share[number].row(i), factor));
                    }
                }
            });
            sum
        };
        self.shape.iter().enumerate().map(sum).collect()
    }
}

impl fmt::Debug for SharedPoly {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SharedPoly({} x {})", self.basis.len(), self.length())
    }
}
