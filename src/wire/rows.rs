//! The rows of polynomials in and out of a frame, through a small buffer.

use crate::error::Result;
use crate::kernels::Modulus;
use crate::kernels::packing::{SLACK, pack, packed_length, unpack};
use crate::ring::{Form, Poly, RnsBasis};
use crate::wire::header::invalid;
use crate::wire::{FrameReader, FrameWriter};
use std::io::{Read, Write};
use std::sync::Arc;

/// How many residues pass through the buffer at a time.
const CHUNK: usize = 1024;

/// Packed residues on their way. Never holds a secret.
#[derive(Debug)]
pub(crate) struct RowBuffer {
    bytes: Vec<u8>,
}

impl RowBuffer {
    pub(crate) fn new() -> Self {
        let bytes = vec![0; packed_length(CHUNK, Modulus::MAX_BITS) + SLACK];
        Self { bytes }
    }

    /// Writes a row of residues of at most `bits` bits.
    pub(crate) fn write(
        &mut self,
        writer: &mut FrameWriter<impl Write>,
        row: &[u64],
        bits: u32,
    ) -> Result<()> {
        for chunk in row.chunks(CHUNK) {
            pack(chunk, bits, &mut self.bytes);
            writer.put(&self.bytes[..packed_length(chunk.len(), bits)])?;
        }
        Ok(())
    }

    /// Reads a row of residues of `bits` bits, each below `bound`.
    pub(crate) fn read(
        &mut self,
        reader: &mut FrameReader<impl Read>,
        row: &mut [u64],
        (bits, bound): (u32, u64),
    ) -> Result<()> {
        for chunk in row.chunks_mut(CHUNK) {
            let length = packed_length(chunk.len(), bits);
            reader.fill(&mut self.bytes[..length])?;
            if !unpack(&self.bytes, bits, bound, chunk) {
                return Err(invalid("a residue that is not below its prime"));
            }
        }
        Ok(())
    }

    /// Writes all rows of a polynomial.
    pub(crate) fn write_poly<F: Form>(
        &mut self,
        writer: &mut FrameWriter<impl Write>,
        poly: &Poly<F>,
    ) -> Result<()> {
        (0..poly.basis().len())
            .try_for_each(|i| self.write(writer, poly.row(i), poly.basis().modulus(i).bits()))
    }

    /// Reads all rows of a polynomial over `basis`. The caller has checked that the frame is as long as it must be.
    pub(crate) fn read_poly<F: Form>(
        &mut self,
        reader: &mut FrameReader<impl Read>,
        basis: &Arc<RnsBasis>,
    ) -> Result<Poly<F>> {
        let mut poly = Poly::unspecified(basis);
        for i in 0..basis.len() {
            let prime = basis.modulus(i);
            self.read(reader, poly.row_mut(i), (prime.bits(), prime.value()))?;
        }
        Ok(poly)
    }
}

/// The bytes of a polynomial over `basis`.
pub(crate) fn poly_length(basis: &RnsBasis) -> u64 {
    (0..basis.len())
        .map(|i| packed_length(basis.degree(), basis.modulus(i).bits()) as u64)
        .sum()
}
