//! How much memory and how many table elements a guest may have.

use wasmtime::ResourceLimiter;

/// Most elements of a table: functions that a module can call indirectly. Go's runtime has about 10,000.
const MAX_TABLE_ELEMENTS: usize = 100_000;
/// Most tables of a module; toolchains make one.
const MAX_TABLES: usize = 4;

/// Most core instances of a component: the toolchain wraps its one module with two small ones.
const MAX_COMPONENT_INSTANCES: usize = 32;

/// Grants growth up to the limit. Pages of windows are not counted: the host put them there.
pub(crate) struct Limiter {
    memory_bytes: usize,
    instances: usize,
    window_bytes: usize,
    host_is_growing: bool,
    refused: Option<usize>,
}

impl Limiter {
    pub(crate) fn new(memory_bytes: usize) -> Self {
        Self { memory_bytes, instances: 1, window_bytes: 0, host_is_growing: false, refused: None }
    }

    /// The same for a component, of which all parts count together.
    pub(crate) fn for_component(memory_bytes: usize) -> Self {
        Self { instances: MAX_COMPONENT_INSTANCES, ..Self::new(memory_bytes) }
    }

    /// The limit in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// What the guest was last refused, in bytes of its own memory.
    pub(crate) fn refused(&self) -> Option<usize> {
        self.refused
    }

    /// From here to [`Limiter::host_has_grown`] it is the host that grows the memory, by a window.
    pub(crate) fn host_grows(&mut self) {
        self.host_is_growing = true;
    }

    /// The host is done; the memory has become `bytes` larger.
    pub(crate) fn host_has_grown(&mut self, bytes: usize) {
        self.host_is_growing = false;
        self.window_bytes += bytes;
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, _now: usize, wanted: usize, _max: Option<usize>) -> wasmtime::Result<bool> {
        let own = wanted.saturating_sub(self.window_bytes);
        let granted = self.host_is_growing || own <= self.memory_bytes;
        if !granted {
            self.refused = Some(own);
        }
        Ok(granted)
    }

    fn table_growing(&mut self, _now: usize, wanted: usize, _max: Option<usize>) -> wasmtime::Result<bool> {
        Ok(wanted <= MAX_TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn memories(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_do_not_count() {
        let mut limiter = Limiter::new(1000);
        assert!(limiter.memory_growing(0, 1000, None).unwrap());
        assert!(!limiter.memory_growing(1000, 1001, None).unwrap());
        assert_eq!(limiter.refused(), Some(1001));
        limiter.host_grows();
        assert!(limiter.memory_growing(1000, 5000, None).unwrap());
        limiter.host_has_grown(4000);
        assert!(limiter.memory_growing(4900, 5000, None).unwrap());
        assert!(!limiter.memory_growing(5000, 5001, None).unwrap());
    }

    #[test]
    fn tables_have_an_end() {
        let mut limiter = Limiter::new(1000);
        assert!(limiter.table_growing(0, MAX_TABLE_ELEMENTS, None).unwrap());
        assert!(!limiter.table_growing(0, MAX_TABLE_ELEMENTS + 1, None).unwrap());
    }
}
