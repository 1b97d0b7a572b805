//! The parameter sets, in the shape that SEAL's defaults and tutorials gave them: the last prime is for key switching.

use slotwise::params::{BfvContext, CkksContext, SecurityStandard};

/// The plaintext modulus of every BFV set.
pub(crate) const PLAINTEXT_MODULUS: u64 = 65_537;

/// The scale of every CKKS set, in bits.
pub(crate) const SCALE_BITS: u32 = 40;

/// Which scheme a set belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Real numbers.
    Ckks,
    /// Integers modulo t.
    Bfv,
}

impl Scheme {
    /// The name that the other programs know it by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ckks => "ckks",
            Self::Bfv => "bfv",
        }
    }
}

/// One parameter set.
pub(crate) struct Set {
    pub(crate) name: &'static str,
    pub(crate) scheme: Scheme,
    pub(crate) degree: usize,
    /// Bits of the primes.
    pub(crate) bits: Vec<u32>,
}

impl Set {
    /// The set in a line: degree, primes as `first, others | last`, and what the scheme adds.
    pub(crate) fn describe(&self) -> String {
        let (special, data) = self.bits.split_last().expect("a set has primes");
        let of_scheme = match self.scheme {
            Scheme::Ckks => format!("scale 2^{SCALE_BITS}"),
            Scheme::Bfv => format!("t = {PLAINTEXT_MODULUS}"),
        };
        format!(
            "N = {}, primes of {} | {special} bits, {of_scheme}",
            self.degree,
            runs(data)
        )
    }

    /// The CKKS context of this set.
    pub(crate) fn ckks(&self) -> slotwise::Result<CkksContext> {
        CkksContext::builder()
            .degree(self.degree)
            .prime_bits(&self.bits)
            .scale_bits(SCALE_BITS)
            .standard(SecurityStandard::HomomorphicEncryption2018)
            .build()
    }

    /// The BFV context of this set.
    pub(crate) fn bfv(&self) -> slotwise::Result<BfvContext> {
        BfvContext::builder()
            .degree(self.degree)
            .prime_bits(&self.bits)
            .plaintext_modulus(PLAINTEXT_MODULUS)
            .standard(SecurityStandard::HomomorphicEncryption2018)
            .build()
    }
}

/// All sets, small ones first.
pub(crate) fn all() -> Vec<Set> {
    let set = |name, scheme, log_degree: u32, parts: &[&[u32]]| Set {
        name,
        scheme,
        degree: 1 << log_degree,
        bits: parts.concat(),
    };
    vec![
        set("C13", Scheme::Ckks, 13, &[&[60, 40, 40, 60]]),
        set("B13", Scheme::Bfv, 13, &[&[43, 43, 44, 44, 44]]),
        set("C14", Scheme::Ckks, 14, &[&[60], &[40; 8], &[58]]),
        set("B14", Scheme::Bfv, 14, &[&[48; 3], &[49; 6]]),
        set("C15", Scheme::Ckks, 15, &[&[60], &[40; 19], &[60]]),
        set("B15", Scheme::Bfv, 15, &[&[55; 15], &[56]]),
    ]
}

/// Bits with repetitions folded: `60, 8 x 40`.
fn runs(bits: &[u32]) -> String {
    let run = |run: &[u32]| match run.len() {
        1 => run[0].to_string(),
        count => format!("{count} x {}", run[0]),
    };
    bits.chunk_by(|a, b| a == b)
        .map(run)
        .collect::<Vec<_>>()
        .join(", ")
}
