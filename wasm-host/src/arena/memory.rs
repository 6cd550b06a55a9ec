//! Linear memories for wasmtime: reserved once, never moved, grown by making their tail accessible.
//!
//! Why our own: windows need the range to stay where it is, and to stay reserved for as long as a window into it
//! lives, whichever of the two is dropped first.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
};

use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

use super::map::Mapping;

/// Makes the linear memories of an engine (`Config::with_host_memory`).
pub(crate) struct LinearMemories;

/// One linear memory: `[0, size)` is accessible, the rest up to the end of the guard is not.
struct HostMemory {
    range: Arc<Mapping>,
    size: usize,
    capacity: usize,
}

// SAFETY: `new_memory` reserves at least `reserved` (and never less than the minimum) plus the guard without access
// rights, makes exactly the minimum accessible and zero (fresh anonymous pages), and page sizes are respected because
// wasmtime asks for multiples of them.
unsafe impl MemoryCreator for LinearMemories {
    fn new_memory(
        &self,
        _ty: MemoryType,
        minimum: usize,
        _maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        HostMemory::new(minimum, reserved.unwrap_or(0), guard)
            .map(|memory| Box::new(memory) as Box<dyn LinearMemory>)
            .map_err(|error| format!("no room for a linear memory of {minimum} bytes: {error}"))
    }
}

impl HostMemory {
    fn new(minimum: usize, reserved: usize, guard: usize) -> io::Result<Self> {
        let capacity = minimum.max(reserved);
        let total = capacity.checked_add(guard).ok_or(io::ErrorKind::OutOfMemory)?;
        let range = Arc::new(Mapping::reserve(total.max(1))?);
        let mut memory = Self { range, size: 0, capacity };
        memory.grow(minimum)?;
        ranges().insert(memory.range.base().addr(), Arc::downgrade(&memory.range));
        Ok(memory)
    }

    fn grow(&mut self, size: usize) -> io::Result<()> {
        if size > self.capacity {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        if size > self.size {
            self.range.allow_access(self.size, size - self.size)?;
            self.size = size;
        }
        Ok(())
    }
}

// SAFETY: the base is that of a range which `self` keeps mapped and never moves; `[0, size)` of it is accessible, and
// what lies behind up to `capacity` and the guard is not.
unsafe impl LinearMemory for HostMemory {
    fn byte_size(&self) -> usize {
        self.size
    }

    fn byte_capacity(&self) -> usize {
        self.capacity
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        Ok(self.grow(new_size)?)
    }

    fn as_ptr(&self) -> *mut u8 {
        self.range.base()
    }
}

impl Drop for HostMemory {
    fn drop(&mut self) {
        ranges().remove(&self.range.base().addr());
    }
}

/// The range of the linear memory that begins at `base`, if it is one of ours.
pub(super) fn range_of(base: *const u8) -> Option<Arc<Mapping>> {
    ranges().get(&base.addr())?.upgrade()
}

type Ranges = HashMap<usize, Weak<Mapping>>;

fn ranges() -> MutexGuard<'static, Ranges> {
    static RANGES: LazyLock<Mutex<Ranges>> = LazyLock::new(Mutex::default);
    RANGES.lock().unwrap_or_else(PoisonError::into_inner)
}
