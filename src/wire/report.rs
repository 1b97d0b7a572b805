//! What a context says of itself before any key is made.

use crate::keys::SwitchingKey;
use crate::params::{
    BfvContext, BfvState, CkksContext, CkksState, Context, SecretDistribution, SecurityPolicy,
};
use crate::wire::ciphertext::fresh_frames;
use crate::wire::keys::{KeyForm, public_frame};
use crate::wire::secret::secret_frame;
use std::fmt;

impl fmt::Display for CkksContext {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let top = self.scale(self.top_level());
        let [lowest, bits] =
            [self.scale(0), top].map(|scale| scale.map_or(f64::NAN, |scale| scale.log2()));
        let own = [
            format!("CKKS context {:?}", self.fingerprint()),
            line("slots", format!("{} real or complex numbers", self.slots())),
            line(
                "scale",
                format!("2^{lowest:.3} at level 0, 2^{bits:.3} at the top"),
            ),
        ];
        let lines = [
            &own[..],
            &ring(self.rlwe()),
            &sizes(self.rlwe(), fresh_frames::<CkksState>(self)),
        ];
        out.write_str(&lines.concat().join("\n"))
    }
}

impl fmt::Display for BfvContext {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.params().plaintext_modulus();
        let slots = if self.has_batching() {
            format!("{} integers modulo {t}, in two rows", self.slots())
        } else {
            format!("none: {t} is not a prime that is 1 modulo 2N; coefficients only")
        };
        let own = [
            format!("BFV context {:?}", self.fingerprint()),
            line("slots", slots),
        ];
        let lines = [
            &own[..],
            &ring(self.rlwe()),
            &sizes(self.rlwe(), fresh_frames::<BfvState>(self)),
        ];
        out.write_str(&lines.concat().join("\n"))
    }
}

fn line(name: &str, text: impl fmt::Display) -> String {
    format!("  {name:<19} {text}")
}

/// The ring, its primes, the security and the levels.
fn ring(context: &Context) -> Vec<String> {
    let params = context.params();
    let data = context
        .log2_modulus(context.top_level())
        .unwrap_or(f64::NAN);
    let special = context.key_basis().log2_product() - data;
    let bits = |primes: &[u64]| -> Vec<u32> {
        let sizes = primes.iter().map(|p| u64::BITS - p.leading_zeros());
        sizes.collect()
    };
    let primes = bits(params.data_primes());
    let switching = if params.special_primes().is_empty() {
        line("key switching", "none: no special primes")
    } else {
        let primes = bits(params.special_primes());
        let digits = params.digit_sizes();
        line(
            "special primes",
            format!("{primes:?} bits, log2(P) = {special:.2}; digits of {digits:?} primes"),
        )
    };
    let secret = match params.secret() {
        SecretDistribution::Ternary => "uniform ternary".into(),
        SecretDistribution::TernarySum { contributors } => {
            format!("the sum of {contributors} ternary secrets")
        }
        SecretDistribution::Sparse { weight } => format!("sparse, of weight {weight}"),
    };
    let levels = if params.level_sizes().iter().all(|&size| size == 1) {
        context.top_level().to_string()
    } else {
        let sizes = params.level_sizes();
        format!(
            "{}, of {sizes:?} primes from level 0 up",
            context.top_level()
        )
    };
    let security = match params.policy() {
        SecurityPolicy::Enforced(standard, level) => {
            let limit = standard
                .max_modulus_bits(level, context.degree())
                .unwrap_or(0);
            format!(
                "{} bits ({standard:?}): log2(QP) = {:.2} of at most {limit}",
                level.bits(),
                data + special
            )
        }
        SecurityPolicy::Insecure => "NOT CHECKED: built by an insecure_ constructor".into(),
    };
    vec![
        line("degree N", context.degree()),
        line(
            "data primes",
            format!("{primes:?} bits, log2(Q) = {data:.2}"),
        ),
        switching,
        line("secret", secret),
        line("security", security),
        line("levels", levels),
    ]
}

/// The bytes of each object. A fresh ciphertext takes so many on the wire: as it is, and from a seed.
fn sizes(context: &Context, [whole, seeded]: [u64; 2]) -> Vec<String> {
    let row = 8 * context.degree() as u64;
    let ciphertext = 2 * row * context.params().data_primes().len() as u64;
    let key = row * context.key_basis().len() as u64;
    let both = |memory: u64, wire: u64| format!("{memory} bytes in memory, {wire} on the wire");
    let seeded = format!("{}, {seeded} from a seed", both(ciphertext, whole));
    let mut lines = vec![
        line("ciphertext", seeded),
        line("secret key", both(key, secret_frame(context))),
        line("public key", both(2 * key, public_frame(context))),
    ];
    if let Ok(gadget) = context.gadget() {
        let memory = SwitchingKey::memory(context, gadget);
        let relinearization = both(memory, KeyForm::whole(context).switching_frame(context));
        lines.push(line("relinearization key", relinearization));
        lines.push(line(
            "each Galois key",
            both(memory, KeyForm::whole(context).galois_frame(context)),
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::{BfvEncoder, CkksEncoder};
    use crate::encryption::{Encrypted, Encryptor, State};
    use crate::error::Result;
    use crate::keys::{KeyGenerator, Rotations};
    use crate::wire::Wire;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;
    use std::sync::Arc;

    fn assert_parts(text: &str, parts: &[String]) {
        for part in parts {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
        assert!(!text.ends_with('\n'));
    }

    /// Checks that a context tells the sizes that its keys and ciphertexts have; `encrypted` encrypts a plaintext of its own.
    fn assert_sizes<S: State>(
        text: &str,
        context: &Arc<Context>,
        encrypted: impl Fn(&Encryptor, &mut ChaCha20Rng) -> Result<Encrypted<S>>,
    ) where
        Encrypted<S>: Wire,
    {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let secret = KeyGenerator::secret_key(context, &mut rng);
        let generator = KeyGenerator::new(&secret);
        let public = generator.public_key(&mut rng).unwrap();
        let keys = generator.evaluation_keys(&Rotations::steps(&[1]), &mut rng);
        let keys = keys.unwrap();
        let relinearization = keys.relinearization().unwrap();
        let element = keys.galois().elements().next().unwrap();
        let galois = keys.galois().get(element).unwrap();
        let switching = |key: &SwitchingKey, length: u64| {
            format!("{} bytes in memory, {length} on", key.size_in_bytes())
        };
        let mut parts = vec![
            format!(", {} on", secret.expose_secret_bytes().len()),
            format!(", {} on", public.byte_length()),
            switching(
                relinearization.switching_key(),
                relinearization.byte_length(),
            ),
            switching(galois.switching_key(), galois.byte_length()),
        ];
        let by_public_key = Encryptor::with_public_key(Arc::new(public));
        let whole = encrypted(&by_public_key, &mut rng).unwrap();
        let seeded = encrypted(&Encryptor::with_secret_key(secret), &mut rng).unwrap();
        let (size, lengths) = (
            whole.body().size_in_bytes(),
            [&whole, &seeded].map(Wire::byte_length),
        );
        parts.push(format!(
            "{size} bytes in memory, {} on the wire, {} from",
            lengths[0], lengths[1]
        ));
        assert_parts(text, &parts);
    }

    #[test]
    fn a_ckks_context_tells_the_sizes_that_its_objects_have() {
        let context = CkksContext::builder()
            .degree(8192)
            .prime_bits(&[60, 40, 40, 60])
            .scale_bits(40)
            .build()
            .unwrap();
        let text = context.to_string();
        let plaintext = CkksEncoder::new(&context).encode(&[1.0], 2).unwrap();
        assert_sizes(&text, context.rlwe(), |by, rng| by.encrypt(&plaintext, rng));
        let parts = [
            "8192",
            "[60, 40, 40]",
            "log2(Q) = 140.00",
            "log2(P) = 60.00",
            "128 bits",
            "4096 real",
        ];
        assert_parts(&text, &parts.map(String::from));
    }

    #[test]
    fn a_bfv_context_tells_the_sizes_that_its_objects_have() {
        let context = BfvContext::for_depth(2).plaintext_bits(20).build().unwrap();
        let text = context.to_string();
        let plaintext = BfvEncoder::new(&context).encode(&[1]).unwrap();
        assert_sizes(&text, context.rlwe(), |by, rng| by.encrypt(&plaintext, rng));
        let parts = ["BFV", "two rows", "log2(QP)", "128 bits"];
        assert_parts(&text, &parts.map(String::from));
    }
}
