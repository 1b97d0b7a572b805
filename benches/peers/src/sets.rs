//! The parameter sets.

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
    /// Bits of the data primes.
    pub(crate) data: Vec<u32>,
    /// Bits of the primes for key switching.
    pub(crate) special: Vec<u32>,
}

impl Set {
    /// The set in a line: degree, primes as `data | special`, and what the scheme adds.
    pub(crate) fn describe(&self) -> String {
        let of_scheme = match self.scheme {
            Scheme::Ckks => format!("scale 2^{SCALE_BITS}"),
            Scheme::Bfv => format!("t = {PLAINTEXT_MODULUS}"),
        };
        format!(
            "N = {}, primes of {} | {} bits, {of_scheme}",
            self.degree,
            runs(&self.data),
            runs(&self.special)
        )
    }

    /// The bits of all primes.
    pub(crate) fn bits(&self) -> Vec<u32> {
        [&self.data[..], &self.special].concat()
    }

    /// SEAL's sets, with one special prime, are at the limit of the 2018 standard.
    fn standard(&self) -> SecurityStandard {
        if self.special.len() == 1 {
            SecurityStandard::HomomorphicEncryption2018
        } else {
            SecurityStandard::default()
        }
    }

    /// The CKKS context of this set.
    pub(crate) fn ckks(&self) -> slotwise::Result<CkksContext> {
        CkksContext::builder()
            .degree(self.degree)
            .prime_bits(self.bits())
            .special_primes(self.special.len())
            .scale_bits(SCALE_BITS)
            .standard(self.standard())
            .build()
    }

    /// The BFV context of this set.
    pub(crate) fn bfv(&self) -> slotwise::Result<BfvContext> {
        BfvContext::builder()
            .degree(self.degree)
            .prime_bits(self.bits())
            .special_primes(self.special.len())
            .plaintext_modulus(PLAINTEXT_MODULUS)
            .standard(self.standard())
            .build()
    }
}

/// All sets: those in the shape that SEAL's defaults and tutorials gave them, small ones first, and those with several primes for key
/// switching.
pub(crate) fn all() -> Vec<Set> {
    let set = |name, scheme, log_degree: u32, data: &[&[u32]], special: &[u32]| Set {
        name,
        scheme,
        degree: 1 << log_degree,
        data: data.concat(),
        special: special.to_vec(),
    };
    let (ckks, bfv) = (Scheme::Ckks, Scheme::Bfv);
    vec![
        set("C13", ckks, 13, &[&[60, 40, 40]], &[60]),
        set("B13", bfv, 13, &[&[43, 43, 44, 44]], &[44]),
        set("C14", ckks, 14, &[&[60], &[40; 8]], &[58]),
        set("B14", bfv, 14, &[&[48; 3], &[49; 5]], &[49]),
        set("C15", ckks, 15, &[&[60], &[40; 19]], &[60]),
        set("B15", bfv, 15, &[&[55; 15]], &[56]),
        set("C14s", ckks, 14, &[&[50], &[40; 6]], &[45; 3]),
        set("C15s", ckks, 15, &[&[50], &[40; 15]], &[50; 4]),
    ]
}

/// The set of this name.
pub(crate) fn find(name: &str) -> Result<Set, String> {
    all()
        .into_iter()
        .find(|set| set.name == name)
        .ok_or_else(|| format!("no set {name}"))
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
