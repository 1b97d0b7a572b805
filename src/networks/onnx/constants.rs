//! The constants of an ONNX file: its initializers and the outputs of its `Constant` nodes.

use crate::networks::onnx::Reason;
use crate::networks::onnx::messages::Tensor;
use std::collections::HashMap;
use std::rc::Rc;

/// `TensorProto.DataType`
const FLOAT: i32 = 1;
const INT64: i32 = 7;
const DOUBLE: i32 = 11;

/// More values than this are allowed whatever the file's size.
const FEW_VALUES: usize = 4096;

/// The most integers that a constant is read as: a shape or axes.
const MOST_INTEGERS: usize = 8;

/// Constants by their names.
pub(super) struct Constants {
    tensors: HashMap<String, Rc<Tensor>>,
    /// The number of values that may still be made. A file that uses one constant again and again, or spreads one number over many
    /// channels, could otherwise take much more memory than its own size.
    budget: usize,
}

/// Numbers with a shape, the last index running fastest.
#[derive(Debug)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f64>,
}

impl Constants {
    /// No constants yet, for a file of this size in bytes.
    pub(super) fn new(file_size: usize) -> Self {
        Self {
            tensors: HashMap::new(),
            budget: file_size.max(FEW_VALUES),
        }
    }

    /// Names a constant. The caller checks that the name is new.
    pub(super) fn insert(&mut self, name: &str, tensor: Rc<Tensor>) {
        self.tensors.insert(name.into(), tensor);
    }

    pub(super) fn get(&self, name: &str) -> Option<&Rc<Tensor>> {
        self.tensors.get(name)
    }

    /// Takes so many values from the budget.
    pub(super) fn spend(&mut self, count: usize) -> Reason<()> {
        let left = self.budget.checked_sub(count).ok_or(
            "its constants would take several times the memory of the file; give each node constants of its own",
        )?;
        self.budget = left;
        Ok(())
    }

    /// The floating point numbers of a constant.
    pub(super) fn numbers(&mut self, name: &str) -> Reason<Array> {
        let tensor = self.known(name)?;
        let (shape, count) = shape(name, &tensor)?;
        let is_double = match tensor.data_type {
            FLOAT => false,
            DOUBLE => true,
            other => {
                return Err(format!(
                    "the constant \"{name}\" has data type {other}; use float (1) or double (11)"
                ));
            }
        };
        let stored = match &tensor.raw {
            Some(raw) => raw.len() / if is_double { 8 } else { 4 },
            None if is_double => tensor.doubles.len(),
            None => tensor.floats.len(),
        };
        check_count(name, count, stored)?;
        self.spend(count)?;
        let values: Vec<f64> = match (&tensor.raw, is_double) {
            (Some(data), false) => raw(name, data, |bytes| f32::from_le_bytes(bytes).into())?,
            (Some(data), true) => raw(name, data, f64::from_le_bytes)?,
            (None, false) => tensor.floats.iter().map(|&value| value.into()).collect(),
            (None, true) => tensor.doubles.clone(),
        };
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(format!(
                "the value at {index} of the constant \"{name}\" is NaN or infinite"
            ));
        }
        Ok(Array { shape, values })
    }

    /// The integers of a constant, which is a short list.
    pub(super) fn integers(&self, name: &str) -> Reason<Vec<i64>> {
        let tensor = self.known(name)?;
        let (shape, count) = shape(name, &tensor)?;
        if tensor.data_type != INT64 || shape.len() > 1 || count > MOST_INTEGERS {
            return Err(format!(
                "the constant \"{name}\" is not a list of at most {MOST_INTEGERS} 64-bit integers"
            ));
        }
        let stored = match &tensor.raw {
            Some(raw) => raw.len() / 8,
            None => tensor.integers.len(),
        };
        check_count(name, count, stored)?;
        match &tensor.raw {
            Some(data) => raw(name, data, i64::from_le_bytes),
            None => Ok(tensor.integers.clone()),
        }
    }

    fn known(&self, name: &str) -> Reason<Rc<Tensor>> {
        let tensor = self.get(name).cloned();
        tensor.ok_or_else(|| format!("\"{name}\" must be a constant"))
    }
}

/// The shape of a tensor whose data lie in the file, in one place, and the number of values.
fn shape(name: &str, tensor: &Tensor) -> Reason<(Vec<usize>, usize)> {
    let of_constant = |what: &str| format!("the constant \"{name}\" {what}");
    if tensor.location != 0 || !tensor.external.is_empty() {
        return Err(of_constant(
            "lies in another file; save the model with its weights in one file",
        ));
    }
    if tensor.segment.is_some() {
        return Err(of_constant(
            "is stored in segments, which are not supported",
        ));
    }
    let lists = [
        tensor.raw.is_some(),
        !tensor.floats.is_empty(),
        !tensor.doubles.is_empty(),
        !tensor.integers.is_empty(),
    ];
    if lists.iter().filter(|&&is_used| is_used).count() > 1 {
        return Err(of_constant("has its data twice"));
    }
    let sizes = tensor.dimensions.iter();
    let sizes: Option<Vec<usize>> = sizes.map(|&size| size.try_into().ok()).collect();
    let sizes = sizes.ok_or_else(|| of_constant("has a negative dimension"))?;
    let product = |product: usize, &size: &usize| product.checked_mul(size);
    let count = sizes.iter().try_fold(1, product);
    let count = count.ok_or_else(|| of_constant("has more values than memory holds"))?;
    Ok((sizes, count))
}

/// Little-endian numbers.
fn raw<const N: usize, T>(name: &str, data: &[u8], read: impl Fn([u8; N]) -> T) -> Reason<Vec<T>> {
    let (numbers, rest) = data.as_chunks();
    if !rest.is_empty() {
        return Err(format!(
            "the data of the constant \"{name}\" are not a multiple of {N} bytes"
        ));
    }
    Ok(numbers.iter().map(|&bytes| read(bytes)).collect())
}

fn check_count(name: &str, expected: usize, found: usize) -> Reason<()> {
    if expected == found {
        return Ok(());
    }
    Err(format!(
        "the constant \"{name}\" has {found} values and its shape has {expected}"
    ))
}
