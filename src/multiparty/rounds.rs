//! Who makes a key together, and in which attempt.

/// The parties that make a key together, and the number of the attempt. The uniform halves of a key depend on both, so that no party
/// answers twice on one of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyRound {
    attempt: u32,
    makers: Makers,
    parties: Vec<u32>,
}

/// What the parties of a round contribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Makers {
    /// All contributors, each its own part of the secret.
    Contributors = 0,
    /// Any t parties, each its share times its Lagrange factor.
    Holders = 1,
}

impl KeyRound {
    pub(super) fn new(attempt: u32, makers: Makers, parties: Vec<u32>) -> Self {
        Self {
            attempt,
            makers,
            parties,
        }
    }

    pub(super) fn makers(&self) -> Makers {
        self.makers
    }

    /// The number of the attempt. After a party was lost or a share was refused, use the next one.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// assert_eq!(session.key_round(1).attempt(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The parties, in ascending order.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// assert_eq!(session.key_round(0).parties(), [1, 2, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn parties(&self) -> &[u32] {
        &self.parties
    }

    /// Attempt and parties as bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let numbers = [&[self.attempt, self.makers as u32], &self.parties[..]].concat();
        numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
    }
}
