use crate::encryption::{Encrypted, State};
use crate::error::{Error, OperandError, Result};
use crate::evaluator::SchemeEvaluator;
use crate::params::BootstrappingLayout;
use std::fmt::Debug;
use std::sync::Arc;

/// What gives ciphertexts their levels back: a bootstrapping, which is made of circuits and so lies above evaluators. An evaluator has one
/// [attached](SchemeEvaluator::with_refresh).
pub trait Refresh<S: State>: Debug + Send + Sync {
    /// The message of `a`, real in every slot, in a ciphertext with levels to spend again. Its slots repeat with the period;
    /// [`UNKNOWN_PERIOD`] if nothing is known of them.
    ///
    /// # Errors
    /// Those of the bootstrapping.
    fn refresh(&self, a: &Encrypted<S>, period: usize) -> Result<Encrypted<S>>;

    /// The levels that it takes and gives.
    fn levels(&self) -> RefreshLevels;

    /// Two at once.
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh).
    fn refresh_pair(&self, pair: [&Encrypted<S>; 2], period: usize) -> Result<[Encrypted<S>; 2]>;
}

/// The period of slots of which nothing is known.
pub const UNKNOWN_PERIOD: usize = usize::MAX;

/// The levels that a refresh takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshLevels {
    /// The least [`levels_left`](crate::evaluator::Evaluator::levels_left) with which a ciphertext can be refreshed.
    pub least: usize,
    /// Those of a refreshed ciphertext.
    pub fresh: usize,
    /// The longest period of slots that it serves; [`UNKNOWN_PERIOD`] for one that serves all.
    pub period: usize,
}

impl RefreshLevels {
    /// Those of a bootstrapping with this layout.
    pub(crate) fn of(layout: &BootstrappingLayout) -> Self {
        Self {
            least: layout.lowest_level(),
            fresh: layout.fresh_level(),
            period: layout.period().unwrap_or(UNKNOWN_PERIOD),
        }
    }
}

impl<S: State> SchemeEvaluator<S> {
    /// The evaluator with a bootstrapping.
    #[must_use]
    pub fn with_refresh(mut self, refresh: Arc<dyn Refresh<S>>) -> Self {
        self.refresh = Some(refresh);
        self
    }

    /// The bootstrapping.
    pub(super) fn refresher(&self) -> Result<&dyn Refresh<S>> {
        let refresh = self.refresh.as_deref();
        refresh.ok_or(Error::Operands(OperandError::CannotRefresh))
    }

    pub(super) fn refresh_assuming_period(
        &self,
        all: &[&Encrypted<S>],
        period: usize,
    ) -> Result<Vec<Encrypted<S>>> {
        let refresher = self.refresher()?;
        let (pairs, last) = all.as_chunks::<2>();
        let mut refreshed = Vec::with_capacity(all.len());
        for &pair in pairs {
            refreshed.extend(refresher.refresh_pair(pair, period)?);
        }
        for &single in last {
            refreshed.push(refresher.refresh(single, period)?);
        }
        Ok(refreshed)
    }
}
