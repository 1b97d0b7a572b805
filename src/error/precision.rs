//! Bounds of messages and noise that leave nothing to decrypt.

use std::fmt;

/// What has become too large to decrypt.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum PrecisionError {
    /// The message at this scale would not fit the modulus.
    ScaleTooLarge {
        /// log2 of the bound of scale times message that the result would have.
        message_bits: f64,
        /// log2 of the modulus.
        modulus_bits: f64,
    },
    /// The message may be larger than a bootstrapping serves.
    MessageTooLarge {
        /// The bound of a slot's magnitude, its error included.
        bound: f64,
        /// What a bootstrapping serves.
        limit: f64,
    },
    /// The error bound has reached what decryption can correct.
    NoiseExhausted {
        /// How many bits the bound is over the limit.
        excess_bits: f64,
    },
    /// No bit of the message is guaranteed: the error bound has reached the message bound, or 1 if the message bound is smaller.
    PrecisionExhausted {
        /// The bound of a slot's error.
        noise_bound: f64,
        /// The bound of a slot's message.
        message_bound: f64,
    },
    /// The noise that hides the key leaves fewer bits of a published value than were asked for.
    PublicationTooPrecise {
        /// The bits after the point that were asked for.
        asked_bits: f64,
        /// The bits after the point that are left; below 0, not even the integer part is.
        left_bits: f64,
    },
}

impl fmt::Display for PrecisionError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&match self {
            // Rounded so that what does not fit never reads as if it did.
            Self::ScaleTooLarge { message_bits, modulus_bits } => format!(
                "scale times message may need {:.1} bits with its sign, and must stay below the modulus of {:.1} bits; \
                 use smaller values, parameters with more `integer_bits` or a smaller scale, rescale a product first, or, if results are known to be smaller, state \
                 that with `assume_message_bound`",
                ((message_bits + 1.0) * 10.0).ceil() / 10.0,
                (modulus_bits * 10.0).floor() / 10.0,
            ),
            Self::MessageTooLarge { bound, limit } => format!(
                "values may have a magnitude of {bound:.4} with their error, and a bootstrapping serves {limit:.4}; scale them down before, or, if they are \
                 known to be smaller, state that with `assume_message_bound`"
            ),
            Self::NoiseExhausted { excess_bits } => format!(
                "the noise bound is {excess_bits:.1} bits over what decryption corrects; use fewer multiplications and \
                 sums, or parameters for more (`for_depth`, `additions`), and compute before `compact` and `switch_to_level`"
            ),
            Self::PrecisionExhausted {
                noise_bound,
                message_bound,
            } => format!(
                "the error bound {noise_bound:e} has reached the message bound {message_bound:e}{}; use a larger scale (`precision_bits`, or larger primes and \
                 `scale_bits`), or state a smaller bound that you know with `assume_error_bound`",
                if *message_bound < 1.0 { ", which counts as 1" } else { "" }
            ),
            Self::PublicationTooPrecise { asked_bits, left_bits } => format!(
                "the publication asks for {:.1} bits after the point and the noise that hides the key leaves {:.1}; ask for {:.1} fewer, publish fewer \
                 values at once, use a larger scale, or state a smaller number of decryptions or statistical parameter",
                (asked_bits * 10.0).ceil() / 10.0,
                (left_bits * 10.0).floor() / 10.0,
                ((asked_bits - left_bits) * 10.0).ceil() / 10.0,
            ),
        })
    }
}
