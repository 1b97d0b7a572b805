/// The operations of [`Evaluator`](crate::evaluator::Evaluator) that are the same as the methods of both schemes' evaluators: used inside an
/// `impl Evaluator for` one of them.
macro_rules! delegated_operations {
    () => {
        fn check_all<C: Borrow<Self::Ciphertext>>(&self, ciphertexts: &[C]) -> Result<()> {
            self.check_all(ciphertexts)
        }

        fn with_more_keys<'a>(&'a self, other: &'a Self) -> Result<&'a Self> {
            self.with_more_keys(other)
        }

        fn levels_left(&self, a: &Self::Ciphertext) -> usize {
            a.levels_left()
        }

        fn compact(&self, a: &Self::Ciphertext) -> Result<Self::Ciphertext> {
            self.compact(a)
        }

        fn check_rotations_at(
            &self,
            rotations: &Rotations,
            level: usize,
            operation: &'static str,
        ) -> Result<()> {
            let rotations = rotations.in_rows(self.slot_shape().rows);
            let keys = self.keys().map(AsRef::as_ref);
            rotation::check(keys, (&rotations, level), operation)
        }

        fn refresh_levels(&self) -> Option<RefreshLevels> {
            self.refresher().ok().map(Refresh::levels)
        }

        fn refresh(&self, a: &Self::Ciphertext) -> Result<Self::Ciphertext> {
            self.refresher()?.refresh(a, UNKNOWN_PERIOD)
        }

        fn refresh_many(&self, all: &[&Self::Ciphertext]) -> Result<Vec<Self::Ciphertext>> {
            self.refresh_assuming_period(all, UNKNOWN_PERIOD)
        }

        fn refresh_assuming_period(
            &self,
            all: &[&Self::Ciphertext],
            period: usize,
        ) -> Result<Vec<Self::Ciphertext>> {
            self.refresh_assuming_period(all, period)
        }

        fn add(&self, a: &Self::Ciphertext, b: &Self::Ciphertext) -> Result<Self::Ciphertext> {
            self.add(a, b)
        }

        fn sub(&self, a: &Self::Ciphertext, b: &Self::Ciphertext) -> Result<Self::Ciphertext> {
            self.sub(a, b)
        }

        fn negate(&self, a: &Self::Ciphertext) -> Result<Self::Ciphertext> {
            self.negate(a)
        }

        fn add_plain(&self, a: &Self::Ciphertext, b: &Self::Plaintext) -> Result<Self::Ciphertext> {
            self.add_plain(a, b)
        }

        fn sub_plain(&self, a: &Self::Ciphertext, b: &Self::Plaintext) -> Result<Self::Ciphertext> {
            self.sub_plain(a, b)
        }

        fn add_scalar(&self, a: &Self::Ciphertext, b: Self::Scalar) -> Result<Self::Ciphertext> {
            self.add_scalar(a, b)
        }

        fn add_assign(&self, a: &mut Self::Ciphertext, b: &Self::Ciphertext) -> Result<()> {
            self.add_assign(a, b)
        }

        fn sub_assign(&self, a: &mut Self::Ciphertext, b: &Self::Ciphertext) -> Result<()> {
            self.sub_assign(a, b)
        }

        fn negate_assign(&self, a: &mut Self::Ciphertext) -> Result<()> {
            self.negate_assign(a)
        }

        fn add_plain_assign(&self, a: &mut Self::Ciphertext, b: &Self::Plaintext) -> Result<()> {
            self.add_plain_assign(a, b)
        }

        fn sub_plain_assign(&self, a: &mut Self::Ciphertext, b: &Self::Plaintext) -> Result<()> {
            self.sub_plain_assign(a, b)
        }

        fn add_scalar_assign(&self, a: &mut Self::Ciphertext, b: Self::Scalar) -> Result<()> {
            self.add_scalar_assign(a, b)
        }

        fn rotate_left(&self, a: &Self::Ciphertext, step: i64) -> Result<Self::Ciphertext> {
            self.rotate_left(a, step)
        }

        fn rotate_many(
            &self,
            a: &Self::Ciphertext,
            steps: &[i64],
        ) -> Result<Vec<Self::Ciphertext>> {
            self.rotate_many(a, steps)
        }

        fn rotate_and_sum(
            &self,
            a: &Self::Ciphertext,
            steps: &[i64],
            bound: f64,
        ) -> Result<Self::Ciphertext> {
            rotate_and_sum::rotate_and_sum(self, a, steps, bound)
        }

        fn weighted_rotations(
            &self,
            inputs: &[&Self::Ciphertext],
            plan: &WeightedRotations<Self::Plaintext>,
        ) -> Result<Self::Ciphertext> {
            weighted_rotations::fused(self, inputs, plan)?
                .map_or_else(|| plan.evaluate(self, inputs), Ok)
        }

        fn add_many<C: Borrow<Self::Ciphertext>>(&self, terms: &[C]) -> Result<Self::Ciphertext> {
            self.add_many(terms)
        }

        fn relinearize(&self, a: &Self::Ciphertext) -> Result<Self::Ciphertext> {
            self.relinearize(a)
        }

        fn conjugate(&self, a: &Self::Ciphertext) -> Result<Self::Ciphertext> {
            self.conjugate(a)
        }
    };
}

pub(super) use delegated_operations;
