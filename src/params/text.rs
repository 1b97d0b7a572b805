//! Parameters as people write them, in a configuration or on a command line: `FromStr` and `Display` of builders.

use crate::error::{Error, ParameterError, Result};
use crate::params::rlwe::Primes;
use crate::params::{
    BfvBuilder, Builder, CkksBuilder, Scale, ScalePlan, SecretDistribution, SecurityLevel,
    SecurityPolicy, SecurityStandard,
};
use std::fmt::{self, Display};
use std::str::FromStr;

/// The scheme, then the choices by the names of their methods, each once: `name=value`, or the name alone. Lists have commas; in
/// `prime_bits` and `primes` a bar may stand before the special primes. `security` is 128, 192 or 256, `standard` 2024 or 2018, `secret` is `ternary`,
/// `ternary_sum:` with the contributors or `sparse:` with the weight.
///
/// A text can name `insecure_skip_security_check`, which switches the security check off: do not build a context from a stranger's text.
///
/// ```
/// use slotwise::CkksContext;
/// use slotwise::params::CkksBuilder;
///
/// let builder: CkksBuilder = "ckks degree=8192 prime_bits=60,40,40|60 scale_bits=40".parse()?;
/// let same = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40);
/// assert_eq!(builder.to_string(), same.to_string());
/// assert_eq!(builder.build()?, same.build()?);
/// let context = "ckks depth=3 precision_bits=20".parse::<CkksBuilder>()?.build()?;
/// assert_eq!(context.top_level(), 3);
/// # Ok::<(), slotwise::Error>(())
/// ```
impl FromStr for CkksBuilder {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::default().with_words("ckks", text, |builder, name, word| {
            let choices = &mut builder.choices;
            match name {
                "scale_bits" => {
                    choices.scales = Some(ScalePlan::Canonical {
                        bits: word.value()?,
                    });
                }
                "scales" => {
                    let scales = word.list(word.value, read_scale)?;
                    choices.scales = Some(ScalePlan::Explicit(scales));
                }
                "precision_bits" => choices.precision_bits = Some(word.value()?),
                "integer_bits" => choices.integer_bits = Some(word.value()?),
                "bootstrapping" => choices.bootstrapping = word.flag()?,
                "bootstrapping_slots" => choices.bootstrapping_slots = Some(word.value()?),
                _ => return Ok(false),
            }
            Ok(true)
        })
    }
}

/// As for [`CkksBuilder`], after `bfv`.
///
/// ```
/// use slotwise::params::BfvBuilder;
///
/// let text = "bfv degree=8192 prime_bits=50,55,55|54 plaintext_modulus=65537";
/// let builder: BfvBuilder = text.parse()?;
/// assert_eq!(builder.to_string(), text);
/// assert!("bfv depth=2 plaintext_bits=20".parse::<BfvBuilder>()?.build()?.has_batching());
/// # Ok::<(), slotwise::Error>(())
/// ```
impl FromStr for BfvBuilder {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::default().with_words("bfv", text, |builder, name, word| {
            let choices = &mut builder.choices;
            match name {
                "plaintext_modulus" => choices.plaintext_modulus = Some(word.value()?),
                "plaintext_bits" => choices.plaintext_bits = Some(word.value()?),
                _ => return Ok(false),
            }
            Ok(true)
        })
    }
}

/// The choices that were made, as [`FromStr`] reads them.
impl Display for CkksBuilder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ckks")?;
        self.write_common(out)?;
        let choices = &self.choices;
        match &choices.scales {
            None => {}
            Some(ScalePlan::Canonical { bits }) => write!(out, " scale_bits={bits}")?,
            Some(ScalePlan::Explicit(scales)) => {
                let scales = scales.iter().map(|scale| {
                    let (mantissa, exponent) = scale.parts();
                    format!("{mantissa:x}p{exponent}")
                });
                write!(out, " scales={}", listed(scales))?;
            }
        }
        write_choice(out, "precision_bits", choices.precision_bits)?;
        write_choice(out, "integer_bits", choices.integer_bits)?;
        if choices.bootstrapping {
            out.write_str(" bootstrapping")?;
        }
        write_choice(out, "bootstrapping_slots", choices.bootstrapping_slots)
    }
}

/// The choices that were made, as [`FromStr`] reads them.
impl Display for BfvBuilder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("bfv")?;
        self.write_common(out)?;
        write_choice(out, "plaintext_modulus", self.choices.plaintext_modulus)?;
        write_choice(out, "plaintext_bits", self.choices.plaintext_bits)
    }
}

impl<C> Builder<C> {
    /// The builder with the choices of a text that starts with the scheme. `own` makes those of one scheme, and returns whether it has
    /// a choice of that name.
    fn with_words(
        mut self,
        scheme: &'static str,
        text: &str,
        own: impl Fn(&mut Self, &str, Word<'_>) -> Result<bool>,
    ) -> Result<Self> {
        let mut words = text.split_whitespace();
        let first = words.next().unwrap_or("");
        if !first.eq_ignore_ascii_case(scheme) {
            return Err(invalid(first, of_another_scheme(first)));
        }
        let mut chosen = Vec::new();
        for text in words {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            let word = Word { text, value };
            let choice = match name {
                "primes" => "prime_bits",
                "scales" => "scale_bits",
                _ => name,
            };
            let also = match choice {
                "prime_bits" if value.contains('|') => &["special_primes"][..],
                // Either a level and a standard are checked, or nothing is.
                "insecure_skip_security_check" => &["security", "standard"],
                _ => &[],
            };
            if chosen.contains(&choice) || also.iter().any(|choice| chosen.contains(choice)) {
                return Err(invalid(text, "each choice is made once"));
            }
            chosen.push(choice);
            chosen.extend(also);
            if !self.choose(name, word)? && !own(&mut self, name, word)? {
                return Err(invalid(
                    text,
                    "choices are named as the methods of `CkksBuilder` and `BfvBuilder`, such as `degree=8192` or `depth=5`",
                ));
            }
        }
        Ok(self)
    }

    /// Makes a choice that both schemes have; returns whether there is one of that name.
    fn choose(&mut self, name: &str, word: Word<'_>) -> Result<bool> {
        match name {
            "degree" => self.degree = Some(word.value()?),
            "depth" => self.depth = Some(word.value()?),
            "additions" => self.additions = Some(word.value()?),
            "prime_bits" => self.primes = Some(Primes::Bits(self.listed_primes(word)?)),
            "primes" => self.primes = Some(Primes::Exact(self.listed_primes(word)?)),
            "special_primes" => self.special = Some(word.value()?),
            "primes_per_level" => {
                self.level_sizes = Some(word.list(word.value, |text| text.parse().ok())?);
            }
            "secret" => self.secret = read_secret(word)?,
            "security" => {
                let level = match word.value {
                    "128" => SecurityLevel::Bits128,
                    "192" => SecurityLevel::Bits192,
                    "256" => SecurityLevel::Bits256,
                    _ => return Err(invalid(word.text, "use 128, 192 or 256")),
                };
                self.policy = self.policy.with_level(level);
            }
            "standard" => {
                let standard = match word.value {
                    "2024" => SecurityStandard::Guidelines2024,
                    "2018" => SecurityStandard::HomomorphicEncryption2018,
                    _ => return Err(invalid(word.text, "use 2024 or 2018")),
                };
                self.policy = self.policy.with_standard(standard);
            }
            "insecure_skip_security_check" => {
                word.flag()?;
                self.policy = SecurityPolicy::Insecure;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A list of primes, or of their sizes; a bar says how many are special.
    fn listed_primes<T: FromStr>(&mut self, word: Word<'_>) -> Result<Vec<T>> {
        let read = |text: &str| text.parse().ok();
        let Some((data, special)) = word.value.split_once('|') else {
            return word.list(word.value, read);
        };
        let [mut primes, special] = [word.list(data, read)?, word.list(special, read)?];
        self.special = Some(special.len());
        primes.extend(special);
        Ok(primes)
    }

    fn write_common(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_choice(out, "depth", self.depth)?;
        write_choice(out, "degree", self.degree)?;
        match &self.primes {
            None => write_choice(out, "special_primes", self.special)?,
            Some(Primes::Bits(bits)) => self.write_primes(out, "prime_bits", bits)?,
            Some(Primes::Exact(primes)) => self.write_primes(out, "primes", primes)?,
        }
        if let Some(sizes) = &self.level_sizes {
            write!(out, " primes_per_level={}", listed(sizes))?;
        }
        match self.secret {
            SecretDistribution::Ternary => {}
            SecretDistribution::TernarySum { contributors } => {
                write!(out, " secret=ternary_sum:{contributors}")?;
            }
            SecretDistribution::Sparse { weight } => write!(out, " secret=sparse:{weight}")?,
        }
        write_choice(out, "additions", self.additions)?;
        match self.policy {
            SecurityPolicy::Insecure => out.write_str(" insecure_skip_security_check"),
            SecurityPolicy::Enforced(standard, level) => {
                if level != SecurityLevel::default() {
                    write!(out, " security={}", level.bits())?;
                }
                match standard {
                    SecurityStandard::Guidelines2024 => Ok(()),
                    SecurityStandard::HomomorphicEncryption2018 => out.write_str(" standard=2018"),
                }
            }
        }
    }

    fn write_primes(
        &self,
        out: &mut fmt::Formatter<'_>,
        name: &str,
        primes: &[impl Display],
    ) -> fmt::Result {
        let special = self.special.unwrap_or(1);
        match primes.split_at_checked(primes.len().wrapping_sub(special)) {
            Some((data, special)) => write!(out, " {name}={}|{}", listed(data), listed(special)),
            // Fewer primes than are special, which no context can have.
            None => {
                write!(out, " {name}={}", listed(primes))?;
                write_choice(out, "special_primes", self.special)
            }
        }
    }
}

/// A choice, and what stands after its `=`.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    value: &'a str,
}

impl Word<'_> {
    fn value<T: FromStr>(self) -> Result<T> {
        let unread = |_| invalid(self.text, "use an integer in range, as in `degree=8192`");
        self.value.parse().map_err(unread)
    }

    fn flag(self) -> Result<bool> {
        if self.text.contains('=') {
            return Err(invalid(self.text, "this choice has no value"));
        }
        Ok(true)
    }

    /// The items of a list with commas, which may be empty.
    fn list<T>(self, list: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>> {
        let items = list.split(',').filter(|_| !list.is_empty());
        items.map(read).collect::<Option<_>>().ok_or_else(|| {
            invalid(
                self.text,
                "use integers in range with commas and no spaces, as in `prime_bits=60,40,40|60`",
            )
        })
    }
}

/// What is wrong with the first word of a text.
fn of_another_scheme(first: &str) -> &'static str {
    if first.eq_ignore_ascii_case("ckks") {
        "this text is for a `CkksBuilder` (`text.parse::<CkksBuilder>()`), not for a `BfvBuilder`"
    } else if first.eq_ignore_ascii_case("bfv") {
        "this text is for a `BfvBuilder` (`text.parse::<BfvBuilder>()`), not for a `CkksBuilder`"
    } else {
        "parameters start with their scheme, `ckks` or `bfv`"
    }
}

fn read_scale(text: &str) -> Option<Scale> {
    let (mantissa, exponent) = text.split_once('p')?;
    Scale::from_parts(
        u128::from_str_radix(mantissa, 16).ok()?,
        exponent.parse().ok()?,
    )
}

fn read_secret(word: Word<'_>) -> Result<SecretDistribution> {
    let (name, number) = word.value.split_once(':').unwrap_or((word.value, ""));
    let secret = match (name, number.parse().ok()) {
        ("ternary", None) if number.is_empty() => Some(SecretDistribution::Ternary),
        ("ternary_sum", Some(contributors)) => {
            Some(SecretDistribution::TernarySum { contributors })
        }
        ("sparse", Some(weight)) => Some(SecretDistribution::Sparse { weight }),
        _ => None,
    };
    secret.ok_or_else(|| {
        invalid(
            word.text,
            "use `ternary`, `ternary_sum:3` with the contributors, or `sparse:192` with the weight",
        )
    })
}

fn write_choice(
    out: &mut fmt::Formatter<'_>,
    name: &str,
    value: Option<impl Display>,
) -> fmt::Result {
    match value {
        Some(value) => write!(out, " {name}={value}"),
        None => Ok(()),
    }
}

fn listed(items: impl IntoIterator<Item: ToString>) -> String {
    let items = items.into_iter().map(|item| item.to_string());
    items.collect::<Vec<_>>().join(",")
}

fn invalid(text: &str, reason: &'static str) -> Error {
    Error::Parameters(ParameterError::InvalidText {
        text: text.into(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{BfvContext, CkksContext};

    /// Text to builder to text to builder: the texts are one, and so are the parameters.
    fn assert_round_trip<B: FromStr<Err = Error> + Display + Clone>(
        builder: &B,
        fingerprint: impl Fn(B) -> Result<crate::params::Fingerprint>,
    ) {
        let text = builder.to_string();
        let read: B = text.parse().unwrap();
        assert_eq!(read.to_string(), text);
        assert_eq!(fingerprint(read), fingerprint(builder.clone()), "{text}");
    }

    #[test]
    fn builders_are_what_their_text_says() {
        let fingerprint = |builder: CkksBuilder| Ok(builder.build_params()?.fingerprint());
        let builder = || CkksContext::builder().degree(64);
        let explicit = builder().prime_bits(&[40, 30, 30, 40]).scale_bits(30);
        let primes = explicit.clone().insecure_skip_security_check();
        let primes = primes.build_params().unwrap();
        let exact = primes.rlwe().data_primes();
        let scales = [30.0_f64, 31.5].map(|bits| Scale::from_f64(bits.exp2()).unwrap());
        for builder in [
            explicit.clone(),
            explicit.clone().insecure_skip_security_check(),
            explicit
                .clone()
                .special_primes(2)
                .insecure_skip_security_check(),
            explicit
                .clone()
                .special_primes(0)
                .primes_per_level(&[2, 1, 1])
                .insecure_skip_security_check(),
            explicit
                .clone()
                .secret(SecretDistribution::Sparse { weight: 8 })
                .insecure_skip_security_check(),
            explicit
                .clone()
                .secret(SecretDistribution::TernarySum { contributors: 3 })
                .insecure_skip_security_check(),
            explicit.clone().special_primes(9),
            explicit.security(SecurityLevel::Bits256),
            builder().special_primes(0),
            builder().prime_bits(&[]),
            builder()
                .primes(exact)
                .scales(ScalePlan::Explicit(scales.to_vec()))
                .insecure_skip_security_check(),
            CkksContext::for_depth(3).precision_bits(20).integer_bits(4),
            CkksContext::for_depth(1).additions(100),
            CkksContext::for_depth(2)
                .bootstrapping()
                .degree(1024)
                .insecure_skip_security_check(),
            CkksContext::for_depth(11).bootstrapping_slots(20),
            CkksContext::for_depth(1).standard(SecurityStandard::HomomorphicEncryption2018),
            CkksBuilder::default(),
        ] {
            assert_round_trip(&builder, fingerprint);
        }
        let fingerprint = |builder: BfvBuilder| Ok(builder.build_params()?.fingerprint());
        for builder in [
            BfvContext::for_depth(2).plaintext_bits(20),
            BfvContext::builder()
                .degree(8192)
                .prime_bits(&[50, 55, 54])
                .plaintext_modulus(65_537),
        ] {
            assert_round_trip(&builder, fingerprint);
        }
    }

    #[test]
    fn texts_are_read_as_people_write_them() {
        let seal: CkksBuilder = " CKKS  degree=8192 prime_bits=60,40,40,60\tscale_bits=40"
            .parse()
            .unwrap();
        assert_eq!(
            seal.to_string(),
            "ckks degree=8192 prime_bits=60,40,40,60 scale_bits=40".replace(",60 ", "|60 ")
        );
        let ternary: CkksBuilder = "ckks depth=1 secret=ternary security=128 standard=2024"
            .parse()
            .unwrap();
        assert_eq!(ternary.to_string(), "ckks depth=1");
    }

    #[test]
    fn texts_that_are_no_parameters_are_refused() {
        for text in [
            "",
            "degree=8192",
            "bfv degree=8192",
            "ckks degree",
            "ckks degree=",
            "ckks degree=-1",
            "ckks degree=8192 degree=8192",
            "ckks prime_bits=60,40 primes=97",
            "ckks prime_bits=60|60 special_primes=1",
            "ckks prime_bits=60,,40",
            "ckks prime_bits=60|40|60",
            "ckks prime_bits=[60,40]",
            "ckks plaintext_modulus=17",
            "ckks scale_bits=4000000000000",
            "ckks scales=1p3",
            "ckks scales=p",
            "ckks security=100",
            "ckks standard=2023",
            "ckks secret=ternary:1",
            "ckks secret=sparse",
            "ckks bootstrapping=yes",
            "ckks depht=3",
        ] {
            let error = text.parse::<CkksBuilder>().unwrap_err();
            assert!(
                matches!(error, Error::Parameters(ParameterError::InvalidText { .. })),
                "{text}: {error}"
            );
        }
        assert!("bfv scale_bits=40".parse::<BfvBuilder>().is_err());
    }
}
