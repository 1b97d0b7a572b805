use crate::circuits::{AutoRefresh, Refreshable, Vector};
use crate::evaluator::Evaluator;

impl<E: Evaluator<Scalar = f64>> Vector<E> {
    /// The vector on an evaluator that bootstraps by itself, before an operation for which levels are missing: circuits of any depth run on it.
    /// Operations with other such vectors give such vectors; [`without_auto_refresh`](Vector::without_auto_refresh) turns back.
    ///
    /// A vector that lacks levels is bootstrapped once for all its later uses. Values larger than 1 are divided by a power of two first, which
    /// multiplies the error of the bootstrapping. Whoever knows the program beforehand can have fewer bootstrappings by a plan:
    /// [`Planner::plan_with_bootstrapping`](crate::circuits::Planner::plan_with_bootstrapping).
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let builder = CkksContext::for_depth(3).bootstrapping().degree(1024);
    /// # let client = builder.insecure_skip_security_check().build()?.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::none())?;
    /// # let server = server.with_bootstrapping(&client.generate_bootstrapping_keys()?)?;
    /// let x = server.attach(client.encrypt([0.9, -0.8])?)?.auto_refresh();
    /// let mut y = x.clone();
    /// for _ in 0..7 {
    ///     y = (&y * &x)?; // there are three levels between two bootstrappings
    /// }
    /// let y = y.without_auto_refresh();
    /// assert!((client.decrypt(&y)?[0] - 0.9f64.powi(8)).abs() <= y.noise_bound());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// Without a bootstrapping nothing is refreshed: where levels run out is the error that there is without `auto_refresh`.
    #[must_use]
    pub fn auto_refresh(&self) -> Vector<AutoRefresh<E>> {
        self.clone().on(&AutoRefresh::new(&self.evaluator))
    }

    /// The vector on an evaluator like `policy` over its own.
    pub(in crate::circuits) fn on(self, policy: &AutoRefresh<E>) -> Vector<AutoRefresh<E>> {
        let evaluator = policy.over(&self.evaluator);
        let input = |chunk| evaluator.input(chunk);
        let chunks = self.chunks.into_iter().map(input).collect();
        let padding = self.padding.replaced(input);
        Vector::new(&evaluator, self.packing, chunks, padding)
    }
}

impl<E: Evaluator<Scalar = f64>> Vector<AutoRefresh<E>> {
    /// The vector on the evaluator below, refreshed if it was.
    ///
    /// ```
    /// use slotwise::circuits::Vector;
    /// use slotwise::evaluator::ClearReals;
    ///
    /// let x = Vector::from_values(&ClearReals::new(4), &[1.0, 2.0])?;
    /// let y = x.auto_refresh().square()?;
    /// assert_eq!(y.without_auto_refresh().values(), [1.0, 4.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn without_auto_refresh(self) -> Vector<E> {
        let chunks = self.chunks.into_iter().map(Refreshable::into_current);
        let padding = self.padding.replaced(Refreshable::into_current);
        Vector::new(
            self.evaluator.inner(),
            self.packing,
            chunks.collect(),
            padding,
        )
    }
}
