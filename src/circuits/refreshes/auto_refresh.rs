use crate::circuits::refreshes::placement::{Placement, PlannedRefresh};
use crate::circuits::refreshes::record::{Record, Requested};
use crate::error::{Error, OperandError, Result};
use crate::evaluator::{Evaluator, RefreshLevels, UNKNOWN_PERIOD};
use crate::params::RefreshRules;
use std::borrow::Cow;
use std::collections::HashSet;
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// An evaluator that refreshes ciphertexts by itself, so that circuits of any depth run on it: before an operation on vectors, those that lack
/// levels are bootstrapped, two at once where there are two. A refreshed ciphertext stays so for all later uses.
///
/// Values of any magnitude are served: what may exceed 1 is divided by a power of two before and multiplied after, which multiplies the
/// error of the bootstrapping, too.
///
/// Where a bootstrapping serves only slots that [repeat](crate::params::BootstrappingLayout::period), short vectors are refreshed, and operations on
/// others fail when their levels end: what a short vector will be multiplied with is not known without a plan.
///
/// [`Vector::auto_refresh`](crate::circuits::Vector::auto_refresh) puts vectors on such an evaluator. Circuits over single ciphertexts refresh nothing by
/// themselves.
#[derive(Clone, Debug)]
pub struct AutoRefresh<E: Evaluator> {
    inner: E,
    policy: Arc<Policy>,
}

/// When to refresh.
#[derive(Debug)]
enum Policy {
    /// When levels are missing.
    WhenNeeded,
    /// When levels are missing, with a record of the whole run.
    Recorded(Mutex<Record>),
    /// As planned, and when levels are missing all the same.
    Planned {
        placement: Placement,
        /// The number of the next request.
        next: AtomicUsize,
    },
}

/// A ciphertext that may be refreshed, once for all its uses.
#[derive(Clone, Debug)]
pub struct Refreshable<C> {
    own: C,
    refreshed: Arc<OnceLock<C>>,
    /// The period of its slots, as far as it is known.
    period: Arc<AtomicUsize>,
    /// Its number in the record of a run.
    node: usize,
}

impl<C: Clone> Refreshable<C> {
    /// The ciphertext as it is by now.
    pub(super) fn into_current(self) -> C {
        self.refreshed.get().cloned().unwrap_or(self.own)
    }

    /// The same message with another statement of what is known.
    pub(super) fn restated(self, state: impl FnOnce(C) -> Result<C>) -> Result<Self> {
        let node = self.node;
        Ok(Self::new(state(self.into_current())?, node))
    }
}

impl<C> Refreshable<C> {
    /// States a period of the slots.
    pub(super) fn assume_period(&self, period: usize) {
        self.period.fetch_min(period, Ordering::Relaxed);
    }

    /// Whether a refresh serves slots of this period.
    fn is_served(&self, levels: RefreshLevels) -> bool {
        self.period() <= levels.period
    }

    pub(super) fn period(&self) -> usize {
        self.period.load(Ordering::Relaxed)
    }

    pub(super) fn current(&self) -> &C {
        self.refreshed.get().unwrap_or(&self.own)
    }

    /// A ciphertext that has not been refreshed.
    fn new(own: C, node: usize) -> Self {
        Self {
            own,
            refreshed: Arc::default(),
            period: Arc::new(AtomicUsize::new(UNKNOWN_PERIOD)),
            node,
        }
    }
}

/// Larger messages are not divided by more: a product with a larger power of two would take a level.
const MOST_BITS: f64 = 29.0;

impl<E: Evaluator<Scalar = f64>> AutoRefresh<E> {
    /// Refreshes when levels are missing.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # use slotwise::circuits::AutoRefresh;
    /// let forecast = slotwise::evaluator::Forecast::new(&CkksContext::for_depth(1).build()?);
    /// let evaluator = AutoRefresh::new(&forecast); // without a bootstrapping it refreshes nothing
    /// assert_eq!(evaluator.slot_shape(), forecast.slot_shape());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn new(inner: &E) -> Self {
        Self::with(inner, Policy::WhenNeeded)
    }

    /// Refreshes when levels are missing, and records the run.
    pub(in crate::circuits) fn recording(inner: &E) -> Self {
        Self::with(inner, Policy::Recorded(Mutex::default()))
    }

    /// Refreshes as planned, for one run, or without a plan when levels are missing.
    pub(in crate::circuits) fn placed(inner: &E, placement: Option<Placement>) -> Self {
        let policy = placement.map_or(Policy::WhenNeeded, |placement| {
            let next = AtomicUsize::new(0);
            Policy::Planned { placement, next }
        });
        Self::with(inner, policy)
    }

    fn with(inner: &E, policy: Policy) -> Self {
        Self {
            inner: inner.clone(),
            policy: Arc::new(policy),
        }
    }

    /// The evaluator that it computes with.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # use slotwise::circuits::AutoRefresh;
    /// let model = ClearReals::new(4);
    /// assert_eq!(AutoRefresh::new(&model).inner().slot_shape(), model.slot_shape());
    /// ```
    #[must_use]
    pub fn inner(&self) -> &E {
        &self.inner
    }

    /// The cheapest refreshes of a recorded run.
    pub(in crate::circuits) fn placement(&self) -> Option<Placement> {
        let (Policy::Recorded(record), Some(levels)) = (&*self.policy, self.inner.refresh_levels())
        else {
            return None;
        };
        let record = record.lock().unwrap_or_else(PoisonError::into_inner);
        Placement::cheapest(&record, levels)
    }

    /// Refreshes ciphertexts together, by the longest of their periods.
    pub(super) fn refreshed(
        &self,
        all: &[&E::Ciphertext],
        periods: impl Iterator<Item = usize>,
    ) -> Result<Vec<E::Ciphertext>> {
        let Some(mut period) = periods.max() else {
            return Ok(Vec::new());
        };
        if let (Policy::Recorded(_), Some(levels)) = (&*self.policy, self.inner.refresh_levels()) {
            period = period.min(levels.period);
        }
        self.inner.refresh_assuming_period(all, period)
    }

    pub(super) fn over(&self, inner: &E) -> Self {
        Self {
            inner: inner.clone(),
            policy: Arc::clone(&self.policy),
        }
    }

    fn recorded<T: Default>(&self, write: impl FnOnce(&mut Record) -> T) -> T {
        match &*self.policy {
            Policy::Recorded(record) => {
                write(&mut record.lock().unwrap_or_else(PoisonError::into_inner))
            }
            Policy::WhenNeeded | Policy::Planned { .. } => T::default(),
        }
    }

    /// A ciphertext from elsewhere.
    pub(super) fn input(&self, own: E::Ciphertext) -> Refreshable<E::Ciphertext> {
        let left = self.inner.levels_left(&own);
        let node = self.recorded(|record| record.input(left));
        Refreshable::new(own, node)
    }

    /// What an operation made of its operands.
    pub(super) fn made(
        &self,
        own: E::Ciphertext,
        operands: &[&Refreshable<E::Ciphertext>],
    ) -> Refreshable<E::Ciphertext> {
        let node = self.recorded(|record| {
            let left = |a: &&Refreshable<E::Ciphertext>| self.inner.levels_left(a.current());
            let before = operands.iter().map(left).min().unwrap_or(0);
            let lost = before.saturating_sub(self.inner.levels_left(&own));
            record.result(operands.iter().map(|a| a.node).collect(), lost)
        });
        Refreshable::new(own, node)
    }

    /// [`refresh_for`](Evaluator::refresh_for)
    pub(super) fn refreshed_for(
        &self,
        all: &[&Refreshable<E::Ciphertext>],
        depth: usize,
    ) -> Result<()> {
        let Some(levels) = self.inner.refresh_levels() else {
            return Ok(());
        };
        let (different, planned) = self.requested(all, depth, levels);
        let [mut needed, mut spare] = [Vec::new(), Vec::new()];
        for (place, &a) in different.iter().enumerate() {
            let target = planned.iter().find(|refresh| refresh.operand == place);
            let is_planned = target.is_some() && a.refreshed.get().is_none();
            let left = target.map_or(levels.fresh, |refresh| refresh.levels.max(depth));
            if is_planned || self.inner.levels_left(a.current()) < depth {
                needed.push((a, left));
            } else if self.lacks(a, depth, levels) {
                spare.push((a, left));
            }
        }
        needed.retain(|(a, _)| self.can_be_refreshed(a, levels));
        let count = needed.len();
        let all = [needed, spare].concat();
        match self.refresh_all(&all, levels) {
            // What has enough levels for now goes on as it is.
            Err(_) if count < all.len() => self.refresh_all(&all[..count], levels),
            result => result,
        }
    }

    /// Records that ciphertexts are refreshed by the program itself.
    pub(super) fn refreshed_by_hand(&self, all: &[&Refreshable<E::Ciphertext>]) -> Result<()> {
        let Some(levels) = self.inner.refresh_levels() else {
            return Ok(());
        };
        let (different, planned) = self.requested(all, levels.least, levels);
        let planned = planned.iter().filter_map(|refresh| {
            let a = different.get(refresh.operand)?;
            (a.refreshed.get().is_none()).then_some((*a, refresh.levels.max(levels.least)))
        });
        self.refresh_all(&planned.collect::<Vec<_>>(), levels)
    }

    /// Numbers and records a request: its different operands, and what is planned for them.
    fn requested<'a>(
        &self,
        all: &[&'a Refreshable<E::Ciphertext>],
        depth: usize,
        levels: RefreshLevels,
    ) -> (Vec<&'a Refreshable<E::Ciphertext>>, &[PlannedRefresh]) {
        // One vector can be both operands.
        let mut seen = HashSet::new();
        let different = all.iter().copied();
        let different = different.filter(|a| seen.insert(Arc::as_ptr(&a.refreshed)));
        let different: Vec<&Refreshable<E::Ciphertext>> = different.collect();
        self.recorded(|record| {
            let operand = |a: &&Refreshable<E::Ciphertext>| Requested {
                node: a.node,
                least: a
                    .is_served(levels)
                    .then(|| self.least_levels(a.current(), levels)),
            };
            record.request(different.iter().map(operand).collect(), depth);
        });
        let planned = match &*self.policy {
            Policy::Planned { placement, next } => {
                placement.at(next.fetch_add(1, Ordering::Relaxed))
            }
            Policy::WhenNeeded | Policy::Recorded(_) => &[],
        };
        (different, planned)
    }

    /// Whether a ciphertext should be refreshed before it is used for `depth` levels, so that the result can be, too: there is no plan that knows
    /// whether it will.
    fn lacks(&self, a: &Refreshable<E::Ciphertext>, depth: usize, levels: RefreshLevels) -> bool {
        let is_planned = matches!(&*self.policy, Policy::Planned { .. });
        if is_planned || depth == 0 || depth + levels.least > levels.fresh {
            return false;
        }
        // The result may have to be divided before.
        let spare = (levels.least + 1).min(levels.fresh - depth);
        let left = self.inner.levels_left(a.current());
        left < depth + spare && left < levels.fresh && self.can_be_refreshed(a, levels)
    }

    fn can_be_refreshed(&self, a: &Refreshable<E::Ciphertext>, levels: RefreshLevels) -> bool {
        // A recorded run goes on where one of these parameters could not, and says so.
        let is_recorded = matches!(&*self.policy, Policy::Recorded(_));
        let is_served = is_recorded || a.is_served(levels);
        is_served && self.inner.levels_left(a.current()) >= self.least_levels(a.current(), levels)
    }

    /// The reason for which levels are missing: a refresh would have given enough of them to what repeats.
    pub(super) fn why_not_refreshed(
        &self,
        a: &Refreshable<E::Ciphertext>,
        depth: usize,
        error: Error,
    ) -> Error {
        match (&error, self.inner.refresh_levels()) {
            (Error::Operands(OperandError::LevelExhausted { .. }), Some(levels))
                if depth <= levels.fresh && !a.is_served(levels) =>
            {
                Error::Operands(OperandError::NotRepeated {
                    needed: levels.period,
                    period: a.period(),
                })
            }
            _ => error,
        }
    }

    /// The levels with which a ciphertext can be refreshed: one more if it has to be divided before.
    fn least_levels(&self, a: &E::Ciphertext, levels: RefreshLevels) -> usize {
        levels.least + usize::from(self.divisor(a) > 1.0)
    }

    /// The power of two that brings the values and their error to at most 1, and 1 for those that no such number does.
    fn divisor(&self, a: &E::Ciphertext) -> f64 {
        let largest = self.inner.weighted_sum_bound(slice::from_ref(a), &[1.0]);
        let largest = largest + self.inner.error_bound(a);
        let bits = largest.log2().ceil();
        if largest > RefreshRules::LARGEST_MESSAGE && bits <= MOST_BITS {
            bits.exp2()
        } else {
            1.0
        }
    }

    /// Refreshes ciphertexts, each to so many levels.
    fn refresh_all(
        &self,
        all: &[(&Refreshable<E::Ciphertext>, usize)],
        levels: RefreshLevels,
    ) -> Result<()> {
        let mut divided = Vec::with_capacity(all.len());
        for (a, _) in all {
            let divisor = self.divisor(a.current());
            let small = if divisor > 1.0 {
                Cow::Owned(self.inner.mul_scalar(a.current(), 1.0 / divisor)?)
            } else {
                Cow::Borrowed(a.current())
            };
            divided.push((small, divisor));
        }
        let small: Vec<&E::Ciphertext> = divided.iter().map(|(small, _)| small.as_ref()).collect();
        let periods = all.iter().map(|(a, _)| a.period());
        let refreshed = self.refreshed(&small, periods)?;
        for (((a, left), (_, divisor)), mut fresh) in all.iter().zip(&divided).zip(refreshed) {
            if *left < levels.fresh {
                fresh = self.inner.drop_to_level(&fresh, *left)?;
            }
            if *divisor > 1.0 {
                self.inner.mul_scalar_assign(&mut fresh, *divisor)?;
            }
            // If another thread was faster, its ciphertext stays.
            let _ = a.refreshed.set(fresh);
        }
        Ok(())
    }
}
