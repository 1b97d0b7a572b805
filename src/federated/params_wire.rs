//! Parameters of sums as bytes, which are read without a context (`docs/wire_format.md`).

use crate::error::Result;
use crate::federated::SumContext;
use crate::federated::parameters::ring;
use crate::federated::spec::{Mode, OutOfClip, SumSpec, Weights};
use crate::identifiers::Fingerprint;
use crate::multiparty::{Lambda, Policy};
use crate::params::RlweParams;
use crate::wire::{FrameReader, Header, Kind, check_whole, framed, invalid};
use std::io::Read;

impl SumContext {
    /// The parameters' bytes: the specification and the ring, all that clients, servers and key holders need.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// let bytes = context.to_bytes(); // for clients and servers
    /// assert_eq!(SumContext::from_bytes(&bytes)?, context);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let params = self.rlwe().params();
        let mut body = Vec::new();
        for number in self.spec().numbers() {
            body.extend(number.to_le_bytes());
        }
        body.extend((self.values_per_coefficient() as u64).to_le_bytes());
        body.extend((params.degree() as u64).to_le_bytes());
        for prime in params.data_primes() {
            body.extend(prime.to_le_bytes());
        }
        let header = Header::keyless(Kind::SumParams, body.len() as u64, self.fingerprint());
        framed(header, &body)
    }

    /// The context of parameters that [`to_bytes`](Self::to_bytes) wrote, checked: 128 bits of security, and room for the noise.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// let received = SumContext::from_bytes(&context.to_bytes())?;
    /// assert_eq!(received.spec(), context.spec());
    /// assert!(SumContext::from_bytes(b"something else").is_err());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Wire`](crate::Error::Wire) with the reason; [`Error::Parameters`](crate::Error::Parameters) and [`Error::Federated`](crate::Error::Federated) for parameters that are not secure or do not hold
    /// the sums; [`Error::Multiparty`](crate::Error::Multiparty) for an impossible policy.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        check_whole(bytes)?;
        let mut reader = FrameReader::start(bytes, Kind::SumParams)?;
        reader.header().check_keyless()?;
        let fingerprint = Fingerprint::from_bytes(reader.header().fingerprint);
        let mut numbers = [0; 14];
        for number in &mut numbers {
            *number = u64::from_le_bytes(reader.array()?);
        }
        let spec = SumSpec::from_numbers(numbers)?;
        let [per_coefficient, degree] = [size(&mut reader)?, size(&mut reader)?];
        let count = reader.left() / 8;
        if reader.left() % 8 != 0 || count > RlweParams::MOST_PRIMES as u64 {
            return Err(invalid("a number of primes that cannot be"));
        }
        let primes = (0..count).map(|_| reader.array().map(u64::from_le_bytes));
        let primes = primes.collect::<Result<Vec<_>>>()?;
        reader.finish()?;
        let context = Self::with_params(spec, ring(degree, &primes, &spec)?, per_coefficient)?;
        if context.fingerprint() == fingerprint {
            return Ok(context);
        }
        Err(invalid("parameters of sums with another fingerprint"))
    }
}

fn size(reader: &mut FrameReader<impl Read>) -> Result<usize> {
    usize::try_from(u64::from_le_bytes(reader.array()?))
        .map_err(|_| invalid("a number that is too large"))
}

impl SumSpec {
    /// The specification of its [numbers](Self::numbers), whose ranges are checked where it is used.
    fn from_numbers(numbers: [u64; 14]) -> Result<Self> {
        let [
            clients,
            length,
            bits,
            clip,
            out_of_clip,
            weights,
            bound,
            hidden,
            mode,
            policy @ ..,
        ] = numbers;
        let unknown = || invalid("a specification of a sum that this version does not have");
        let small = |number: u64| u32::try_from(number).map_err(|_| unknown());
        let none = |number: u64| (number == 0).then_some(()).ok_or_else(unknown);
        let spec = Self::new(
            small(clients)?,
            usize::try_from(length).map_err(|_| unknown())?,
        )
        .bits(small(bits)?)
        .clip(f64::from_bits(clip))
        .out_of_clip(match out_of_clip {
            0 => OutOfClip::Clip,
            1 => OutOfClip::Refuse,
            _ => return Err(unknown()),
        })
        .weights(match weights {
            0 => none(bound).map(|()| Weights::Equal)?,
            1 => Weights::Counted { total: bound },
            2 => Weights::Scaled { max: bound },
            _ => return Err(unknown()),
        });
        let spec = match hidden {
            0 => spec,
            1 => spec.hidden_weights(),
            _ => return Err(unknown()),
        };
        let [parties, threshold, contributors, lambda, openings] = policy;
        Ok(spec.mode(match mode {
            0 | 1 => {
                policy.into_iter().try_for_each(none)?;
                if mode == 0 {
                    Mode::PublicKey
                } else {
                    Mode::SharedSecret
                }
            }
            2 => Mode::Shared(
                Policy::new(small(parties)?, small(threshold)?)?
                    .with_contributors(small(contributors)?)?
                    .with_lambda(Lambda::new(small(lambda)?)?)
                    .with_openings(openings)?,
            ),
            _ => return Err(unknown()),
        }))
    }
}
