//! Writing guest memory, and borrowing it for an inference that reads and writes in place.

use super::{BadAddress, GuestMemory, Place, Plain, Shows, Span, read::span_of};

/// What [`GuestMemory::borrow`] lends: inputs and outputs, in the order that was asked for.
pub(crate) type Borrowed<'m> = (Vec<&'m [u8]>, Vec<&'m mut [u8]>);

impl GuestMemory<'_> {
    /// Writes one value.
    pub(crate) fn write<T: Plain>(&mut self, address: u32, value: &T) -> Result<(), BadAddress> {
        let pointer = self.writable(span_of::<T>(address, 1)?)?;
        // SAFETY: `writable` gave size_of::<T>() writable bytes, `Plain` has no padding that could leak.
        unsafe { pointer.cast::<T>().write_unaligned(*value) };
        Ok(())
    }

    /// Copies bytes in.
    pub(crate) fn write_bytes(&mut self, address: u32, bytes: &[u8]) -> Result<(), BadAddress> {
        let len = u32::try_from(bytes.len()).map_err(|_| BadAddress::OutOfBounds)?;
        let pointer = self.writable(Span::bytes(address, len))?;
        // SAFETY: `writable` gave len writable bytes; `bytes` is host memory, which no linear memory overlaps.
        unsafe { pointer.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Ok(())
    }

    /// Lends inputs to read and outputs to write at the same time. Outputs overlap nothing; inputs may be shared.
    pub(crate) fn borrow(&mut self, inputs: &[Span], outputs: &[Span]) -> Result<Borrowed<'_>, BadAddress> {
        for (i, output) in outputs.iter().enumerate() {
            let others = inputs.iter().chain(outputs.get(i + 1..).unwrap_or_default());
            if others.into_iter().any(|other| other.overlaps(*output)) {
                return Err(BadAddress::Overlap);
            }
        }
        let reads = inputs.iter().map(|span| Ok((self.readable(*span)?, span.len as usize)));
        let reads = reads.collect::<Result<Vec<_>, BadAddress>>()?;
        let writes = outputs.iter().map(|span| Ok((self.writable(*span)?, span.len as usize)));
        let writes = writes.collect::<Result<Vec<_>, BadAddress>>()?;
        // SAFETY: `readable` checked each range, and none of them is written while it is lent: outputs do not
        // overlap inputs in guest addresses, each page of guest memory and of the tensor slot has one guest
        // address, and the exclusive borrow of self keeps everyone else out.
        let lend = |(first, len): (*const u8, usize)| unsafe { std::slice::from_raw_parts(first, len) };
        // SAFETY: `writable` checked each range; they overlap neither each other nor an input (above).
        let lend_mut = |(first, len): (*mut u8, usize)| unsafe { std::slice::from_raw_parts_mut(first, len) };
        Ok((reads.into_iter().map(lend).collect(), writes.into_iter().map(lend_mut).collect()))
    }

    /// First of `span.len` bytes that the host may write: the guest's own memory or the tensor it fills.
    fn writable(&self, span: Span) -> Result<*mut u8, BadAddress> {
        match self.check(span)? {
            // SAFETY: `check` found the whole span inside the memory, which lies in one mapping.
            Place::Own => Ok(unsafe { self.base.add(span.address as usize) }),
            Place::Window { shows: Shows::TensorToFill(slot), offset } => {
                let end = offset.checked_add(span.len as usize).ok_or(BadAddress::OutOfBounds)?;
                if end > slot.len() {
                    return Err(BadAddress::Window);
                }
                // SAFETY: offset <= end <= slot.len(), the bytes of the slot's writable mapping, which `windows`
                // keeps alive.
                Ok(unsafe { slot.as_ptr().add(offset) })
            }
            Place::Window { .. } => Err(BadAddress::Window),
        }
    }
}
