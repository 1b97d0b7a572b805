//! The attributes of an ONNX node.

use crate::networks::onnx::messages::{Attribute, Node, Tensor};
use crate::networks::onnx::{Reason, decode};
use std::collections::BTreeMap;

/// `AttributeProto.AttributeType`
const FLOAT: i32 = 1;
const INTEGER: i32 = 2;
const STRING: i32 = 3;
const TENSOR: i32 = 4;
const FLOATS: i32 = 6;
const INTEGERS: i32 = 7;

/// The largest kernel, stride, dilation or padding.
const MOST_SIZE: i64 = 1 << 22;

/// The attributes that have not been read yet. An operator reads all that it knows, and any other is an error.
pub(super) struct Attributes {
    left: BTreeMap<String, Attribute>,
}

impl Attributes {
    pub(super) fn new(node: &Node) -> Reason<Self> {
        let mut left = BTreeMap::new();
        for bytes in &node.attributes {
            let attribute: Attribute = decode("an attribute", bytes)?;
            if !attribute.reference.is_empty() {
                return Err("it belongs to a function; inline the model's functions".into());
            }
            let name = attribute.name.clone();
            if left.insert(name.clone(), attribute).is_some() {
                return Err(format!("it has the attribute \"{name}\" twice"));
            }
        }
        Ok(Self { left })
    }

    /// The attribute, if there is one, of this type. Files of the first versions state no type.
    fn take(&mut self, name: &str, kind: i32) -> Reason<Option<Attribute>> {
        let attribute = self.left.remove(name);
        if attribute
            .as_ref()
            .is_some_and(|found| ![0, kind].contains(&found.kind))
        {
            return Err(format!(
                "the attribute \"{name}\" has another type than the operator's"
            ));
        }
        Ok(attribute)
    }

    pub(super) fn float(&mut self, name: &str, default: f32) -> Reason<f64> {
        let attribute = self.take(name, FLOAT)?;
        let value = attribute.map_or(default, |attribute| attribute.float);
        if value.is_finite() {
            return Ok(value.into());
        }
        Err(format!("the attribute \"{name}\" is NaN or infinite"))
    }

    pub(super) fn integer(&mut self, name: &str, default: i64) -> Reason<i64> {
        let attribute = self.take(name, INTEGER)?;
        Ok(attribute.map_or(default, |attribute| attribute.integer))
    }

    /// Reads an attribute that must have the one value which is supported, also its default.
    pub(super) fn require(&mut self, name: &str, value: i64) -> Reason<()> {
        let found = self.integer(name, value)?;
        if found == value {
            return Ok(());
        }
        Err(format!(
            "its attribute {name}={found} is not supported; only {value} is"
        ))
    }

    pub(super) fn text(&mut self, name: &str, default: &str) -> Reason<String> {
        let Some(attribute) = self.take(name, STRING)? else {
            return Ok(default.into());
        };
        let text = std::str::from_utf8(&attribute.string);
        let text = text.map_err(|_| format!("the attribute \"{name}\" is not text"))?;
        Ok(text.into())
    }

    /// Sizes, all at least `least`; `None` without the attribute.
    pub(super) fn sizes<const N: usize>(
        &mut self,
        name: &str,
        least: i64,
    ) -> Reason<Option<[usize; N]>> {
        let Some(attribute) = self.take(name, INTEGERS)? else {
            return Ok(None);
        };
        let integers = &attribute.integers;
        let sizes: Option<Vec<usize>> = integers
            .iter()
            .take(N + 1)
            .map(|&size| {
                usize::try_from(size)
                    .ok()
                    .filter(|_| (least..=MOST_SIZE).contains(&size))
            })
            .collect();
        let sizes = sizes.and_then(|sizes| sizes.try_into().ok());
        let sizes = sizes.ok_or_else(|| {
            format!(
                "the attribute \"{name}\" does not have {N} numbers from {least} to {MOST_SIZE}"
            )
        })?;
        Ok(Some(sizes))
    }

    /// The value of a `Constant` node.
    pub(super) fn constant(&mut self) -> Reason<Tensor> {
        if let Some(attribute) = self.take("value", TENSOR)? {
            return attribute
                .tensor
                .ok_or_else(|| "its value is missing".into());
        }
        let floats = |floats: Vec<f32>, dimensions| Tensor {
            data_type: 1,
            dimensions,
            floats,
            ..Tensor::default()
        };
        let integers = |integers: Vec<i64>, dimensions| Tensor {
            data_type: 7,
            dimensions,
            integers,
            ..Tensor::default()
        };
        let length = |length: usize| length.try_into().map(|length: i64| vec![length]);
        let too_long = |_| String::from("its value is too long");
        if let Some(found) = self.take("value_float", FLOAT)? {
            return Ok(floats(vec![found.float], Vec::new()));
        }
        if let Some(found) = self.take("value_int", INTEGER)? {
            return Ok(integers(vec![found.integer], Vec::new()));
        }
        if let Some(found) = self.take("value_floats", FLOATS)? {
            let dimensions = length(found.floats.len()).map_err(too_long)?;
            return Ok(floats(found.floats, dimensions));
        }
        if let Some(found) = self.take("value_ints", INTEGERS)? {
            let dimensions = length(found.integers.len()).map_err(too_long)?;
            return Ok(integers(found.integers, dimensions));
        }
        Err("its value is none of float, floats, int, ints and tensor".into())
    }

    /// Refuses attributes that the operator has not read.
    pub(super) fn finish(self) -> Reason<()> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("its attribute \"{name}\" is not supported")),
        }
    }
}
