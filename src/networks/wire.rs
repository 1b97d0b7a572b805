//! What client and server of a network send each other, as bytes.

use crate::api::{Ckks, CkksVector, ServerKey};
use crate::circuits::{BatchLayout, Grid, Windows};
use crate::error::{Error, Result};
use crate::evaluator::SlotShape;
use crate::identifiers::Fingerprint;
use crate::keys::{KeyPlan, Rotations};
use crate::networks::terms::Terms;
use crate::networks::{
    BatchDescription, InputLayout, NetworkDescription, NetworkKeys, NetworkRequest, NetworkResponse,
};
use crate::params::{CkksContext, CkksParams};
use crate::wire::{
    FrameReader, FrameWriter, Header, Kind, Wire, check_whole, framed, invalid, sealed,
};
use std::io::{Read, Write};

/// The fingerprint of a plan, then the frame of what was made for it.
macro_rules! made_for_a_plan {
    ($type:ident, $kind:ident, $part:ident: $inner:ty, $key:ident) => {
        impl sealed::Sealed for $type {
            const KIND: Kind = Kind::$kind;
        }

        impl Wire for $type {
            type Context = CkksContext;

            fn byte_length(&self) -> u64 {
                Header::FRAME + PLAN_BYTES + self.$part.byte_length()
            }

            fn write_to(&self, out: &mut impl Write) -> Result<()> {
                let header = Header {
                    kind: Kind::$kind,
                    length: self.byte_length() - Header::FRAME,
                    fingerprint: *self.$part.context().fingerprint().bytes(),
                    key_id: *self.$part.$key().bytes(),
                };
                let mut writer = FrameWriter::start(out, header)?;
                writer.put(self.fingerprint.bytes())?;
                self.$part.write_to(writer.nested())?;
                writer.finish()
            }

            fn read_from(input: &mut impl Read, context: &CkksContext) -> Result<Self> {
                let mut reader = FrameReader::start(input, Kind::$kind)?;
                let header = *reader.header();
                header.check(Kind::$kind, context.fingerprint())?;
                let fingerprint = Fingerprint::from_bytes(reader.array()?);
                let $part = <$inner>::read_from(&mut reader, context)?;
                header.key_id().check($part.$key())?;
                reader.finish()?;
                Ok(Self { fingerprint, $part })
            }
        }
    };
}

made_for_a_plan!(NetworkKeys, NetworkKeys, keys: ServerKey<Ckks>, id);
made_for_a_plan!(NetworkRequest, NetworkRequest, input: CkksVector, key_id);
made_for_a_plan!(NetworkResponse, NetworkResponse, output: CkksVector, key_id);

/// The bytes of a plan's fingerprint.
const PLAN_BYTES: u64 = 32;

impl NetworkDescription {
    /// The description's bytes, parameters included: they are all that a client needs.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// let bytes = plan.description().to_bytes(); // publish them: nothing of the weights is in them
    /// assert_eq!(NetworkDescription::from_bytes(&bytes)?.fingerprint(), plan.fingerprint());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let fields = self.fields();
        fields.framed(Kind::NetworkDescription, self.fingerprint(), self.context())
    }

    /// What is described beside the parameters.
    pub(super) fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        fields.numbers(self.input_shape());
        fields.layout(self.input_layout());
        fields.bytes.extend(self.input_bound().to_le_bytes());
        fields.number(self.output_size);
        fields.numbers(&self.outputs);
        fields.keys(self.key_plan(), self.context());
        fields
    }

    /// The description that `bytes` hold. Its parameters have 128 bits of security by today's table.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// let bytes = plan.description().to_bytes();
    /// let client = NetworkClient::new(NetworkDescription::from_bytes(&bytes)?)?;
    /// assert!(NetworkDescription::from_bytes(b"something else").is_err());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Wire`](crate::Error::Wire) with the reason; what [`CkksParams::from_bytes`] refuses.
    ///
    /// # Security
    /// Its sender chooses the parameters, which take memory and time in proportion to degree and primes, and the rotations, whose keys do.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        check_whole(bytes)?;
        let mut reader = Reader::start(bytes, Kind::NetworkDescription)?;
        let plan = reader.fingerprint()?;
        let input_shape = reader.numbers(MOST_AXES)?;
        let features = product(&input_shape).ok_or_else(too_large)?;
        let input_layout = reader.layout(features)?;
        let input_bound = reader.bound()?;
        let output_size = reader.size()?;
        let outputs = reader.numbers(output_size)?;
        if outputs.iter().any(|&position| position >= output_size) {
            return Err(invalid("an output beyond the vector of outputs"));
        }
        let keys = reader.keys()?;
        let context = reader.finish()?;
        keys.bytes(context.rlwe())?;
        let description = Self {
            terms: Terms::new(context, input_bound, keys),
            input_shape,
            input_layout,
            outputs,
            output_size,
        };
        check_plan(plan, description.with_fingerprint(), Self::fingerprint)
    }
}

impl BatchDescription {
    /// The description's bytes, parameters included: they are all that a client needs.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// let bytes = plan.description().to_bytes(); // publish them: nothing of the weights is in them
    /// assert_eq!(BatchDescription::from_bytes(&bytes)?.fingerprint(), plan.description().fingerprint());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let fields = self.fields();
        fields.framed(Kind::BatchDescription, self.fingerprint(), self.context())
    }

    /// What is described beside the parameters.
    pub(super) fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        fields.number(self.input.features());
        fields.number(self.input.per_ciphertext());
        fields.number(self.output.features());
        fields.bytes.extend(self.input_bound().to_le_bytes());
        fields.keys(self.key_plan(), self.context());
        fields
    }

    /// The description that `bytes` hold. Its parameters have 128 bits of security by today's table.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// let bytes = plan.description().to_bytes();
    /// let client = BatchClient::new(BatchDescription::from_bytes(&bytes)?)?;
    /// assert!(BatchDescription::from_bytes(b"something else").is_err());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`NetworkDescription::from_bytes`].
    ///
    /// # Security
    /// As [`NetworkDescription::from_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        check_whole(bytes)?;
        let mut reader = Reader::start(bytes, Kind::BatchDescription)?;
        let plan = reader.fingerprint()?;
        let [features, per_ciphertext, outputs] = [reader.size()?, reader.size()?, reader.size()?];
        let input_bound = reader.bound()?;
        let keys = reader.keys()?;
        let context = reader.finish()?;
        let shape = SlotShape {
            rows: 1,
            columns: context.slots(),
        };
        let input = BatchLayout::new(shape, features, per_ciphertext)?;
        product(&[input.ciphertexts(), input.slots()]).ok_or_else(too_large)?;
        keys.bytes(context.rlwe())?;
        let description = Self {
            terms: Terms::new(context, input_bound, keys),
            output: input.with_features(outputs)?,
            input,
        };
        check_plan(plan, description.with_fingerprint(), Self::fingerprint)
    }
}

/// Checks that a description has the fingerprint that came with it.
fn check_plan<D>(sent: Fingerprint, found: D, of: impl Fn(&D) -> Fingerprint) -> Result<D> {
    if of(&found) == sent {
        return Ok(found);
    }
    Err(invalid("a description with another plan's fingerprint"))
}

/// The fields of a description, as they are written.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) bytes: Vec<u8>,
}

impl Fields {
    fn number(&mut self, number: usize) {
        self.bytes.extend((number as u64).to_le_bytes());
    }

    fn numbers(&mut self, numbers: &[usize]) {
        self.number(numbers.len());
        numbers.iter().for_each(|&number| self.number(number));
    }

    fn layout(&mut self, layout: &InputLayout) {
        let (tag, numbers) = match layout {
            InputLayout::Vector => (0, Vec::new()),
            InputLayout::Images(shape) => (1, shape.to_vec()),
            InputLayout::Copies { count, shift } => (2, vec![*count, *shift]),
            InputLayout::Windows { windows, shape } => {
                (3, [&windows.sizes().concat()[..], shape].concat())
            }
        };
        self.bytes.push(tag);
        numbers.into_iter().for_each(|number| self.number(number));
    }

    /// The level of products and 1, or 0 without; then the rotations of each level.
    fn keys(&mut self, keys: &KeyPlan, context: &CkksContext) {
        let products = keys.relinearization_level();
        self.number(products.map_or(0, |level| level + 1));
        self.number(keys.rotations_by_level().count());
        for (level, rotations) in keys.rotations_by_level() {
            let (steps, conjugation) = rotations.single_steps(context.rlwe().degree());
            self.number(level);
            self.number(steps.len());
            for step in steps {
                self.bytes.extend(step.to_le_bytes());
            }
            self.bytes.push(u8::from(conjugation));
        }
    }

    /// The frame of a plan's fingerprint, these fields and the parameters.
    fn framed(self, kind: Kind, plan: Fingerprint, context: &CkksContext) -> Vec<u8> {
        let params = context.params().to_bytes();
        let body = [&plan.bytes()[..], &self.bytes, &params].concat();
        let header = Header::keyless(kind, body.len() as u64, context.fingerprint());
        framed(header, &body)
    }
}

/// Reads the fields of a description, whose lengths are checked before anything of that size is made.
struct Reader<'a> {
    frame: FrameReader<&'a [u8]>,
}

impl<'a> Reader<'a> {
    fn start(bytes: &'a [u8], kind: Kind) -> Result<Self> {
        let frame = FrameReader::start(bytes, kind)?;
        frame.header().check_keyless()?;
        Ok(Self { frame })
    }

    fn fingerprint(&mut self) -> Result<Fingerprint> {
        self.frame.array().map(Fingerprint::from_bytes)
    }

    fn number(&mut self) -> Result<usize> {
        let number = u64::from_le_bytes(self.frame.array()?);
        usize::try_from(number).map_err(|_| too_large())
    }

    /// The size of something that a client makes.
    fn size(&mut self) -> Result<usize> {
        match self.number()? {
            0 => Err(invalid("a network without inputs or outputs")),
            size if size > MOST_VALUES => Err(too_large()),
            size => Ok(size),
        }
    }

    /// At least one number, and at most so many.
    fn numbers(&mut self, most: usize) -> Result<Vec<usize>> {
        let count = self.size()?;
        if count > most || count as u64 > self.frame.left() / 8 {
            return Err(too_large());
        }
        (0..count).map(|_| self.number()).collect()
    }

    fn bound(&mut self) -> Result<f64> {
        let bound = f64::from_le_bytes(self.frame.array()?);
        if bound.is_finite() && bound > 0.0 {
            return Ok(bound);
        }
        Err(invalid("a bound of inputs that is not positive and finite"))
    }

    /// A layout of so many features.
    fn layout(&mut self, features: usize) -> Result<InputLayout> {
        let tag = self.frame.byte()?;
        let mut numbers = |count: usize| {
            (0..count)
                .map(|_| self.number())
                .collect::<Result<Vec<_>>>()
        };
        let layout = match tag {
            0 => InputLayout::Vector,
            1 => InputLayout::Images(image(&numbers(3)?, features)?),
            2 => {
                let numbers = numbers(2)?;
                let (count, shift) = (numbers[0], numbers[1]);
                let size = product(&[count, features.next_power_of_two()]);
                let fits = size.is_some_and(|size| size <= MOST_SLOTS)
                    && product(&[count, shift]).is_some();
                if !(count.is_power_of_two() && fits) {
                    return Err(invalid("a layout of copies that does not exist"));
                }
                InputLayout::Copies { count, shift }
            }
            3 => {
                let numbers = numbers(11)?;
                let sizes: [[usize; 2]; 4] =
                    std::array::from_fn(|i| [numbers[2 * i], numbers[2 * i + 1]]);
                let shape = image(&numbers[8..], features)?;
                let windows = Windows::of_sizes(sizes);
                let [channels, rows, columns] = shape;
                let [down, across] = windows.count([rows, columns])?;
                let pixels = product(&[channels, windows.taps(), down, across]);
                if pixels.is_none_or(|pixels| pixels > MOST_SLOTS) {
                    return Err(too_large());
                }
                InputLayout::Windows { windows, shape }
            }
            _ => return Err(invalid("an unknown layout of inputs")),
        };
        Ok(layout)
    }

    fn keys(&mut self) -> Result<KeyPlan> {
        let mut keys = KeyPlan::none();
        match self.number()? {
            0 => (),
            level if level > MOST_LEVELS => return Err(too_large()),
            level => keys = keys.with_relinearization(level - 1),
        }
        let count = self.number()?;
        if count > MOST_LEVELS {
            return Err(too_large());
        }
        for _ in 0..count {
            let level = self.number()?;
            if level > MOST_LEVELS {
                return Err(too_large());
            }
            keys = keys.with_rotations(&self.rotations()?, level);
        }
        Ok(keys)
    }

    fn rotations(&mut self) -> Result<Rotations> {
        let count = self.number()?;
        if count > MOST_ROTATIONS || count as u64 > self.frame.left() / 8 {
            return Err(too_large());
        }
        let steps = (0..count).map(|_| self.frame.array().map(i64::from_le_bytes));
        let rotations = Rotations::steps(&steps.collect::<Result<Vec<_>>>()?);
        match self.frame.byte()? {
            0 => Ok(rotations),
            1 => Ok(rotations.and_conjugation()),
            _ => Err(invalid("a conjugation that is neither there nor not")),
        }
    }

    /// The context of the parameters, which are the rest.
    fn finish(mut self) -> Result<CkksContext> {
        let left = usize::try_from(self.frame.left()).map_err(|_| too_large())?;
        if left > MOST_PARAMETER_BYTES {
            return Err(too_large());
        }
        let mut params = vec![0; left];
        self.frame.fill(&mut params)?;
        let header = *self.frame.header();
        self.frame.finish()?;
        let params = CkksParams::from_bytes(&params)?;
        header.check(header.kind, params.fingerprint())?;
        CkksContext::new(params)
    }
}

/// The channels, rows and columns of images that have so many pixels.
fn image(shape: &[usize], features: usize) -> Result<[usize; 3]> {
    match shape {
        &[channels, rows, columns] if product(shape) == Some(features) => {
            Grid::new(channels, rows, columns)?;
            Ok([channels, rows, columns])
        }
        _ => Err(invalid("images of another size than the input")),
    }
}

/// The product, if a client would make so many values.
fn product(sizes: &[usize]) -> Option<usize> {
    let product = sizes
        .iter()
        .try_fold(1, |product: usize, &size| product.checked_mul(size));
    product.filter(|product| (1..=MOST_VALUES).contains(product))
}

fn too_large() -> Error {
    invalid("a description of a network that is too large")
}

/// The most values of an input or an output in its layout.
const MOST_VALUES: usize = 1 << 24;

/// The slots of the largest ring. Layouts that repeat an input's values are chosen where one ciphertext holds them; from larger ones a
/// client would make gigabytes of a short input.
const MOST_SLOTS: usize = 1 << 16;

const MOST_AXES: usize = 8;

/// Parameters have fewer levels.
const MOST_LEVELS: usize = 1 << 12;

/// There are no more different rotations at the largest degree.
const MOST_ROTATIONS: usize = 1 << 16;

/// Far more than parameters take.
const MOST_PARAMETER_BYTES: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuits::{Convolution, Matrix};
    use crate::networks::{Activation, Dense, Fit, Layer, Network, NetworkPlan, PlanOptions};
    use crate::wire::Header;

    fn dense(outputs: usize, inputs: usize) -> Layer {
        let weight = |i: usize, j: usize| ((i * 7 + j * 3) % 5) as f64 / 5.0 - 0.4;
        let weights = Matrix::from_fn(outputs, inputs, weight).unwrap();
        Dense::new(weights, &vec![0.1; outputs]).unwrap().into()
    }

    fn plan(shape: &[usize], layers: Vec<Layer>) -> NetworkPlan {
        let network = Network::new(shape, layers).unwrap();
        let fit = Fit::default().input_range(-1.0..=1.0);
        let fitted = network.fit::<Vec<f64>>(&[], &fit).unwrap();
        fitted.plan_single(&PlanOptions::default()).unwrap()
    }

    fn plans() -> Vec<NetworkPlan> {
        let weights: Vec<f64> = (0..2 * 9).map(|i| f64::from(i % 4) / 4.0 - 0.3).collect();
        let convolution = || Convolution::new(&weights, [2, 1, 3, 3]).unwrap();
        let square = || Layer::Activation(Activation::Square);
        vec![
            plan(&[20], vec![dense(4, 20), square(), dense(3, 4)]),
            plan(
                &[1, 6, 6],
                vec![convolution().into(), square(), Layer::Flatten, dense(3, 32)],
            ),
            plan(
                &[1, 6, 6],
                vec![
                    convolution().padding([1, 1]).into(),
                    square(),
                    convolution_of_two(),
                    Layer::Flatten,
                    dense(2, 16),
                ],
            ),
        ]
    }

    fn convolution_of_two() -> Layer {
        let weights: Vec<f64> = (0..2 * 9).map(|i| f64::from(i % 3) / 3.0 - 0.3).collect();
        Convolution::new(&weights, [1, 2, 3, 3]).unwrap().into()
    }

    #[test]
    fn a_service_by_bytes_alone() {
        for plan in plans() {
            let server = plan.server().unwrap();
            let description =
                NetworkDescription::from_bytes(&plan.description().to_bytes()).unwrap();
            assert_eq!(description.fingerprint(), plan.fingerprint());
            assert_eq!(
                description.input_layout(),
                plan.description().input_layout()
            );
            let client = crate::networks::NetworkClient::new(description).unwrap();
            let context = plan.context();
            let keys = client.server_keys().unwrap().to_bytes();
            server
                .add_client(NetworkKeys::from_bytes(&keys, context).unwrap())
                .unwrap();
            let input: Vec<f64> = (0..plan.description().input_shape().iter().product())
                .map(|i| ((i * 5) % 9) as f64 / 9.0)
                .collect();
            let request = client.encrypt(&input).unwrap();
            assert_eq!(request.to_bytes().len() as u64, request.byte_length());
            let request = NetworkRequest::from_bytes(&request.to_bytes(), context).unwrap();
            let response = server.predict(&request).unwrap().to_bytes();
            let response = NetworkResponse::from_bytes(&response, context).unwrap();
            let (found, wanted) = (
                client.decrypt(&response).unwrap(),
                plan.run(&input).unwrap(),
            );
            for (found, wanted) in found.iter().zip(wanted) {
                assert!((found - wanted).abs() < 0.05, "{found} instead of {wanted}");
            }
            // One thing is not read as another.
            assert!(NetworkResponse::from_bytes(&request.to_bytes(), context).is_err());
            assert!(NetworkDescription::from_bytes(&request.to_bytes()).is_err());
        }
    }

    /// Mends the checksum of a body.
    fn reseal(bytes: &mut [u8]) {
        let end = bytes.len() - 4;
        let checksum = crc32fast::hash(&bytes[Header::BYTES..end]);
        bytes[end..].copy_from_slice(&checksum.to_le_bytes());
    }

    #[test]
    fn damaged_descriptions_are_refused() {
        for plan in plans() {
            let bytes = plan.description().to_bytes();
            for end in 0..bytes.len() {
                assert!(NetworkDescription::from_bytes(&bytes[..end]).is_err());
            }
            // With checksums mended, so that every field is reached.
            for place in Header::BYTES..bytes.len() - 4 {
                for change in [1, 0x80, 0xff] {
                    let mut bytes = bytes.clone();
                    bytes[place] ^= change;
                    reseal(&mut bytes);
                    assert!(NetworkDescription::from_bytes(&bytes).is_err(), "{place}");
                }
            }
        }
    }

    /// Whoever can compute fingerprints can send any fields.
    #[test]
    fn forged_sizes_are_refused_before_anything_is_made() {
        let description = plans()[0].description().clone();
        let huge = usize::MAX / 2;
        let windows = |sizes| InputLayout::Windows {
            windows: Windows::of_sizes(sizes),
            shape: [1, 4, 5],
        };
        let no_kernel = windows([[0, 1], [1, 1], [0, 0], [1, 1]]);
        let wide = windows([[1, 1], [1, 1], [1 << 30, 0], [1, 1]]);
        let [many, far, gigabytes] = [(1 << 40, 1), (2, huge), (1 << 19, 1)]
            .map(|(count, shift)| InputLayout::Copies { count, shift });
        let forgeries: [&dyn Fn(&mut NetworkDescription); 13] = [
            &|forged| forged.input_shape = vec![huge, 4],
            &|forged| forged.input_shape = vec![],
            &|forged| forged.input_shape = vec![0],
            &|forged| forged.output_size = huge,
            &|forged| forged.outputs = vec![forged.output_size],
            &|forged| forged.terms.input_bound = f64::NAN,
            &|forged| forged.terms.input_bound = 0.0,
            &|forged| forged.input_layout = InputLayout::Images([1, 4, 6]),
            &|forged| forged.input_layout = many.clone(),
            &|forged| forged.input_layout = far.clone(),
            &|forged| forged.input_layout = gigabytes.clone(),
            &|forged| forged.input_layout = no_kernel.clone(),
            &|forged| forged.input_layout = wide.clone(),
        ];
        for (number, forge) in forgeries.iter().enumerate() {
            let mut forged = description.clone();
            forge(&mut forged);
            let bytes = forged.with_fingerprint().to_bytes();
            assert!(NetworkDescription::from_bytes(&bytes).is_err(), "{number}");
        }
        assert!(NetworkDescription::from_bytes(&description.to_bytes()).is_ok());
    }

    #[test]
    fn batches_by_bytes_alone() {
        let network = Network::new(
            &[20],
            vec![dense(4, 20), Activation::Square.into(), dense(3, 4)],
        )
        .unwrap();
        let fit = Fit::default().input_range(-1.0..=1.0);
        let fitted = network.fit::<Vec<f64>>(&[], &fit).unwrap();
        let plan = fitted.plan_batch(5, &PlanOptions::default()).unwrap();
        let bytes = plan.description().to_bytes();
        let description = BatchDescription::from_bytes(&bytes).unwrap();
        assert_eq!(description.fingerprint(), plan.description().fingerprint());
        assert_eq!(
            description.output_layout(),
            plan.description().output_layout()
        );
        for (place, change) in (Header::BYTES..bytes.len() - 4).zip([1, 0x80, 0xff].iter().cycle())
        {
            let mut bytes = bytes.clone();
            bytes[place] ^= change;
            reseal(&mut bytes);
            assert!(BatchDescription::from_bytes(&bytes).is_err(), "{place}");
        }
        assert!(NetworkDescription::from_bytes(&bytes).is_err());
        let client = crate::networks::BatchClient::new(description).unwrap();
        let server = plan.server().unwrap();
        server.add_client(client.server_keys().unwrap()).unwrap();
        let inputs: Vec<Vec<f64>> = (0..5).map(|i| vec![f64::from(i) / 5.0; 20]).collect();
        let responses: Vec<NetworkResponse> = client
            .encrypt(&inputs)
            .unwrap()
            .iter()
            .map(|request| server.predict(request).unwrap())
            .collect();
        let found = client.decrypt(&responses, inputs.len()).unwrap();
        for (found, input) in found.iter().zip(&inputs) {
            for (found, wanted) in found.iter().zip(fitted.run(input).unwrap()) {
                assert!((found - wanted).abs() < 0.05, "{found} instead of {wanted}");
            }
        }
    }
}
