//! Reading guest memory.

use super::{BadAddress, GuestMemory, Place, Plain, Shows, Span};

impl<'s> GuestMemory<'s> {
    /// Copies one value out.
    pub(crate) fn read<T: Plain>(&self, address: u32) -> Result<T, BadAddress> {
        let pointer = self.readable(span_of::<T>(address, 1)?)?;
        // SAFETY: `readable` gave size_of::<T>() initialised bytes; `Plain` says that any bits are a T; the read
        // is unaligned because the guest's alignment says nothing about the base of its memory.
        Ok(unsafe { pointer.cast::<T>().read_unaligned() })
    }

    /// Copies `count` values out, one after the other in guest memory. The caller has capped `count`.
    pub(crate) fn read_many<T: Plain>(&self, address: u32, count: u32) -> Result<Vec<T>, BadAddress> {
        let first = self.readable(span_of::<T>(address, count)?)?.cast::<T>();
        // SAFETY: `readable` gave count * size_of::<T>() initialised bytes; otherwise as in `read`.
        Ok((0..count as usize).map(|i| unsafe { first.add(i).read_unaligned() }).collect())
    }

    /// Borrows bytes: the guest's own memory, or the tensor through the host's mapping of it.
    pub(crate) fn bytes(&self, span: Span) -> Result<&[u8], BadAddress> {
        let first = self.readable(span)?;
        // SAFETY: `readable` gave span.len initialised bytes. They stay as they are while `self` is borrowed: no
        // guest code runs, and writes through this door need `&mut self`.
        Ok(unsafe { std::slice::from_raw_parts(first, span.len as usize) })
    }

    /// First of `span.len` bytes that the host may read.
    pub(super) fn readable(&self, span: Span) -> Result<*const u8, BadAddress> {
        match self.check(span)? {
            // SAFETY: `check` found the whole span inside the memory, which lies in one mapping.
            Place::Own => Ok(unsafe { self.base.add(span.address as usize) }),
            Place::Window { shows: Shows::Frames, .. } => Err(BadAddress::Window),
            Place::Window { shows: Shows::TensorToFill(slot) | Shows::TensorToRead(slot), offset } => {
                let end = offset.checked_add(span.len as usize).ok_or(BadAddress::OutOfBounds)?;
                if end > slot.len() {
                    return Err(BadAddress::Window);
                }
                // SAFETY: offset <= end <= slot.len(), the bytes of the slot's mapping, and `windows` (borrowed
                // for 's) keeps the slot alive.
                Ok(unsafe { slot.as_ptr().add(offset) }.cast_const())
            }
        }
    }
}

/// The span of `count` values, with checked arithmetic.
pub(super) fn span_of<T: Plain>(address: u32, count: u32) -> Result<Span, BadAddress> {
    let size = u32::try_from(size_of::<T>()).map_err(|_| BadAddress::OutOfBounds)?;
    let align = u32::try_from(align_of::<T>()).map_err(|_| BadAddress::OutOfBounds)?;
    let len = size.checked_mul(count).ok_or(BadAddress::OutOfBounds)?;
    Ok(Span { address, len, align })
}
