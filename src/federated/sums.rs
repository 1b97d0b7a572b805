use crate::error::{FederatedError, Result};
use crate::federated::context::check_not_empty;
use crate::federated::noise::room;
use crate::federated::spec::{Range, Weights, refused};
use crate::federated::{SealedSum, SumContext};
use crate::kernels::SecretVec;
use crate::parallel;
use crate::params::{Log2, excess_bits};
use crate::ring::{Coeff, SecretPoly};

/// A decrypted sum of updates: exact integers, and their average.
#[derive(Clone, Debug, PartialEq)]
pub struct Sums {
    context: SumContext,
    values: Vec<i64>,
    weight: u64,
    uploads: usize,
}

impl Sums {
    /// The exact sums of the clients' integers: each `round(x S)` times the client's weight, or, with scaled weights,
    /// `round(x S weight / max)`.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// aggregator.add(&ada)?;
    /// aggregator.add(&emmy)?;
    /// let sums = SumDecryptor::new(&context, secret)?.decrypt(&aggregator.seal())?;
    /// assert_eq!(sums.sums(), [16_384 + 8192, -32_767]); // of integers: 1.0 is 32767
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn sums(&self) -> &[i64] {
        &self.values
    }

    /// The weighted average of the updates: `sum / (S weight)`, in f64 once, after the exact sum.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// aggregator.add(&ada)?;
    /// aggregator.add(&emmy)?;
    /// let sums = SumDecryptor::new(&context, secret)?.decrypt(&aggregator.seal())?;
    /// assert_eq!(sums.average(), context.clear_average(&[(&[0.5, -1.0], 1), (&[0.25, 0.0], 1)])?);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("FedAvg", "weighted_average"))]
    pub fn average(&self) -> Vec<f64> {
        average(&self.values, self.context.range(), self.weight)
    }

    /// The sum of all weights.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// aggregator.add(&ada)?;
    /// aggregator.add(&emmy)?;
    /// let sums = SumDecryptor::new(&context, secret)?.decrypt(&aggregator.seal())?;
    /// assert_eq!(sums.weight(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "num_examples")]
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// The number of updates in the sum.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// aggregator.add(&ada)?;
    /// let sums = SumDecryptor::new(&context, secret)?.decrypt(&aggregator.seal())?;
    /// assert_eq!(sums.uploads(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn uploads(&self) -> usize {
        self.uploads
    }

    /// Decodes a sum. `phase` gives the phase `c_0 + c_1 s`, its error within `bound`, of each ciphertext in turn; of the last one
    /// only the coefficients that travel count.
    ///
    /// Nothing comes out unless all of it is plausible: each sum within what so many updates of such weights can reach, 0 where there
    /// are no values, and each error within the bound.
    ///
    /// # Errors
    /// [`FederatedError::Implausible`]; [`FederatedError::TooFewContributors`] for a sum without updates; what `phase` returns.
    pub(crate) fn from_phases(
        sealed: &SealedSum,
        bound: Log2,
        mut phase: impl FnMut(usize) -> Result<SecretPoly<Coeff>>,
    ) -> Result<Self> {
        let context = sealed.context();
        let uploads = sealed.contributions().len();
        check_not_empty(uploads)?;
        let room = room(&context.basis().product(), context.plaintext_bits());
        // A comparison that NaN fails, too.
        let is_exact = excess_bits(bound, room) < 0.0;
        if !is_exact {
            return Err(refused(FederatedError::Implausible));
        }
        // The error in units of Q / 2^k, and what f64 rounds in sums of fewer than 2^10 fractions.
        let most_rest = (bound / room).to_f64() + 2f64.powi(-42);
        let mut blocks = Vec::new();
        for number in 0..context.ciphertexts() {
            let mut phase = phase(number)?;
            let count = context.coefficients(number);
            phase.for_each_row(|i, row| context.codec().scale_row(i, &mut row[..count]));
            for (block, rest) in decode(context, &phase, count) {
                if rest > most_rest {
                    return Err(refused(FederatedError::Implausible));
                }
                blocks.push(block);
            }
        }
        Self::plausible(sealed, &blocks)
    }

    /// The sums among decoded fields, if honest updates can have them.
    fn plausible(sealed: &SealedSum, blocks: &[SecretVec<i64>]) -> Result<Self> {
        let context = sealed.context();
        let (spec, range) = (context.spec(), context.range());
        let implausible = || refused(FederatedError::Implausible);
        let mut decoded = blocks.iter().flat_map(|block| block.iter().copied());
        let values: SecretVec<i64> = decoded.by_ref().take(spec.length).collect();
        let weight = match decoded.next() {
            Some(weight) if spec.hidden_weights => u64::try_from(weight).unwrap_or(0),
            Some(0) | None => sealed.clear_weight(),
            Some(_) => return Err(implausible()),
        };
        // No honest update has anything where there are no values.
        if decoded.any(|value| value != 0) {
            return Err(implausible());
        }
        let uploads = sealed.contributions().len();
        let count = uploads as u64;
        if weight < count || weight > range.each.saturating_mul(count).min(range.total) {
            return Err(implausible());
        }
        let most = match spec.weights {
            Weights::Counted { .. } => range.most.saturating_mul(weight),
            Weights::Equal | Weights::Scaled { .. } => range.most.saturating_mul(count),
        };
        if values.iter().any(|value| value.unsigned_abs() > most) {
            return Err(implausible());
        }
        Ok(Self {
            context: context.clone(),
            values: values.publish(),
            weight,
            uploads,
        })
    }
}

/// The fields of the first `count` coefficients of a scaled phase, in blocks, and the largest magnitude that was rounded off in each.
fn decode(
    context: &SumContext,
    phase: &SecretPoly<Coeff>,
    count: usize,
) -> Vec<(SecretVec<i64>, f64)> {
    let (codec, fields) = (context.codec(), context.fields());
    let primes = context.basis().len();
    let rows: Vec<&[u64]> = (0..primes).map(|i| &phase.row(i)[..count]).collect();
    parallel::map(count.div_ceil(BLOCK), |block| {
        let places = block * BLOCK..((block + 1) * BLOCK).min(count);
        let mut values = SecretVec::zeroed(places.len() * fields.count());
        let mut message = SecretVec::zeroed(codec.words());
        let mut largest = 0f64;
        for (j, values) in places.zip(values.chunks_exact_mut(fields.count())) {
            let residues = rows.iter().map(|row| row[j]);
            let rest = codec.decode(residues, &mut message);
            largest = largest.max(rest.abs());
            fields.unpack(&mut message, |i, value| values[i] = value);
        }
        (values, largest)
    })
}

/// The coefficients that are decoded at a time.
const BLOCK: usize = 1024;

/// `sum / (S weight / max)` of each sum: the one formula of encrypted and clear averages.
#[expect(clippy::cast_precision_loss, reason = "the one rounding of an average")]
pub(super) fn average(sums: &[i64], range: &Range, weight: u64) -> Vec<f64> {
    let divisor = range.scale * (weight as f64 / range.divisor as f64);
    sums.iter().map(|&sum| sum as f64 / divisor).collect()
}
