use crate::federated::SumContext;
use crate::federated::upload::UploadDigest;
use crate::keys::KeyId;
use crate::ring::{CoeffPoly, NttPoly};
use std::fmt;

/// One update in a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// The client's number.
    pub client: u32,
    /// The client's weight; 0 if it is encrypted.
    pub weight: u64,
    /// What the upload is recognised by.
    pub digest: UploadDigest,
}

/// The encrypted sum of a round, to which nothing is added any more, and the list of what it is the sum of.
///
/// # Security
/// The list is the aggregator's claim: nothing proves that the polynomials are the sum of these uploads.
#[derive(Clone)]
pub struct SealedSum {
    pub(super) context: SumContext,
    pub(super) key_id: KeyId,
    pub(super) round: u64,
    /// By ascending client.
    pub(super) contributions: Vec<Contribution>,
    pub(super) sum: Accumulator,
}

/// The polynomials of a sum.
#[derive(Clone, PartialEq)]
pub(super) struct Accumulator {
    /// `c_0` of each ciphertext; coefficients that do not travel are 0.
    pub(super) firsts: Vec<CoeffPoly>,
    /// `c_1` of each ciphertext.
    pub(super) seconds: Vec<NttPoly>,
}

impl SealedSum {
    /// The context.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert_eq!(aggregator.seal().context(), &context);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn context(&self) -> &SumContext {
        &self.context
    }

    /// The id of the key that the sum is encrypted under.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert_eq!(aggregator.seal().key_id(), secret.id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The round.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert_eq!(aggregator.seal().round(), round);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn round(&self) -> u64 {
        self.round
    }

    /// The updates in the sum, by ascending client.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// aggregator.add(&emmy)?;
    /// aggregator.add(&ada)?;
    /// let sealed = aggregator.seal();
    /// assert_eq!(sealed.contributions()[0].client, 1);
    /// assert_eq!(sealed.contributions()[0].digest, ada.digest());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn contributions(&self) -> &[Contribution] {
        &self.contributions
    }

    /// The sum of all weights; `None` if they are encrypted.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// aggregator.add(&ada)?;
    /// aggregator.add(&emmy)?;
    /// assert_eq!(aggregator.seal().weight(), Some(2));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "num_examples")]
    pub fn weight(&self) -> Option<u64> {
        (!self.context.spec().hidden_weights).then(|| self.clear_weight())
    }

    /// The sum of the weights that are not encrypted.
    pub(super) fn clear_weight(&self) -> u64 {
        self.contributions.iter().map(|one| one.weight).sum()
    }

    /// `(c_0, c_1)` of a ciphertext: of the first polynomial, in coefficient form, only the first
    /// [`coefficients`](SumContext::coefficients) count.
    pub(crate) fn ciphertext(&self, number: usize) -> (&CoeffPoly, &NttPoly) {
        (&self.sum.firsts[number], &self.sum.seconds[number])
    }
}

impl Accumulator {
    /// Zeros.
    pub(super) fn zero(context: &SumContext) -> Self {
        let count = context.ciphertexts();
        Self {
            firsts: (0..count)
                .map(|_| CoeffPoly::zero(context.basis()))
                .collect(),
            seconds: (0..count).map(|_| NttPoly::zero(context.basis())).collect(),
        }
    }

    /// Adds `c_0` of each ciphertext.
    pub(super) fn add_firsts(&mut self, others: &[CoeffPoly], context: &SumContext) {
        for (number, (first, other)) in self.firsts.iter_mut().zip(others).enumerate() {
            let (count, basis) = (context.coefficients(number), context.basis());
            first.for_each_row(|i, row| {
                let q = basis.modulus(i);
                q.kernels()
                    .add_assign(q, &mut row[..count], &other.row(i)[..count]);
            });
        }
    }

    /// Adds `c_1` of each ciphertext.
    pub(super) fn add_seconds(&mut self, others: &[NttPoly]) {
        for (second, other) in self.seconds.iter_mut().zip(others) {
            second.add_assign(other);
        }
    }
}

impl PartialEq for SealedSum {
    fn eq(&self, other: &Self) -> bool {
        self.context == other.context
            && (self.key_id, self.round) == (other.key_id, other.round)
            && self.contributions == other.contributions
            && self.sum == other.sum
    }
}

impl fmt::Debug for SealedSum {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (round, count) = (self.round, self.contributions.len());
        write!(out, "SealedSum(round {round}, {count} updates)")
    }
}
