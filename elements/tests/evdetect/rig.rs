//! A detector between two pads of ours: single buffers in, single buffers out.

use std::os::fd::IntoRawFd;

use edgevision_wasm_host::{analysis::Status, frame::Transfer};
use gst::prelude::*;
use gst_allocators::prelude::*;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};

use super::support::{Module, init};

pub struct Rig {
    pub harness: gst_check::Harness,
    pub caps: gst::Caps,
    _module: Module,
}

/// What became of one buffer.
#[derive(Debug)]
pub struct Outcome {
    pub buffer: gst::Buffer,
    pub status: Status,
    pub transfer: Option<Transfer>,
    /// The hash that the module computed of what it saw.
    pub seen: Option<u32>,
    pub message: String,
}

impl Outcome {
    #[track_caller]
    pub fn assert_seen(&self, transfer: Transfer, hash: u32, what: &str) {
        assert_eq!((self.status, self.transfer), (Status::Ok, Some(transfer)), "{what}: {}", self.message);
        assert_eq!(self.seen, Some(hash), "{what}: the module saw something else");
    }

    #[track_caller]
    pub fn assert_refused(&self, words: &[&str]) {
        assert_eq!((self.status, self.transfer), (Status::Skipped, None), "{}", self.message);
        for word in words {
            assert!(self.message.contains(word), "no `{word}` in: {}", self.message);
        }
    }
}

impl Rig {
    pub fn new(caps: &str) -> Self {
        Self::with(caps, Module::plain())
    }

    pub fn with(caps: &str, module: Module) -> Self {
        init();
        let path = module.path();
        let element = gst::ElementFactory::make("evdetect").property("preprocess", path.to_str().unwrap());
        let element = element.property_from_str("policy", "every").property_from_str("workers", "1");
        let element = element.property_from_str("deadline", "30000000000").build().unwrap();
        let mut harness = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
        harness.set_src_caps_str(caps);
        Self { harness, caps: caps.parse().unwrap(), _module: module }
    }

    pub fn stat(&self, name: &str) -> u64 {
        self.harness.element().unwrap().property::<gst::Structure>("stats").get(name).unwrap()
    }

    #[track_caller]
    pub fn pass(&mut self, buffer: gst::Buffer) -> Outcome {
        let buffer = self.harness.push_and_pull(buffer).unwrap();
        let report = gstedgevision::detectionmeta::report(&buffer).unwrap();
        let analysis = &report.analysis;
        Outcome {
            status: analysis.status,
            transfer: report.transfer,
            seen: analysis.detections.first().map(|detection| detection.class_id),
            message: analysis.message.clone().unwrap_or_default(),
            buffer,
        }
    }

    /// The pool that the detector offers upstream, active, with buffers of at least `size` bytes.
    pub fn pool(&self, size: usize) -> gst::BufferPool {
        let mut query = gst::query::Allocation::new(Some(&self.caps), true);
        let pad = self.harness.element().unwrap().static_pad("sink").unwrap();
        assert!(pad.query(&mut query), "the query is answered");
        let offered = query.allocation_pools().next();
        let (pool, least, ..) = offered.expect("an allocation is offered");
        let pool = pool.expect("a pool is offered").to_owned();
        let mut config = pool.config();
        config.set_params(Some(&self.caps), least.max(u32::try_from(size).unwrap()), 2, 0);
        pool.set_config(config).unwrap();
        pool.set_active(true).unwrap();
        pool
    }
}

/// One memory that holds `bytes`, `before` bytes into what was allocated.
pub fn heap(bytes: &[u8], before: usize) -> gst::Memory {
    let mut all = vec![0x55; before];
    all.extend_from_slice(bytes);
    all.extend_from_slice(&[0x55; 32]);
    let mut memory = gst::Memory::from_mut_slice(all);
    memory.get_mut().unwrap().resize(before..before + bytes.len());
    memory
}

pub fn buffer(memories: impl IntoIterator<Item = gst::Memory>) -> gst::Buffer {
    let mut buffer = gst::Buffer::new();
    for memory in memories {
        buffer.get_mut().unwrap().append_memory(memory);
    }
    buffer
}

/// A memory in a memfd with these seals, `before` bytes into it.
pub fn memfd(bytes: &[u8], before: usize, seals: SealFlags) -> gst::Memory {
    let len = (before + bytes.len()).next_multiple_of(4096);
    let mut memory = sparse_memfd(len, before, bytes, seals);
    memory.get_mut().unwrap().resize(before..before + bytes.len());
    memory
}

/// A memory of `len` bytes in a memfd, of which only these exist; the others are zero.
pub fn sparse_memfd(len: usize, at: usize, bytes: &[u8], seals: SealFlags) -> gst::Memory {
    init();
    let fd = memfd_create("foreign", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
    ftruncate(&fd, len as u64).unwrap();
    let mut written = 0;
    while written < bytes.len() {
        written += rustix::io::pwrite(&fd, &bytes[written..], (at + written) as u64).unwrap();
    }
    fcntl_add_seals(&fd, seals).unwrap();
    let flags = gst_allocators::FdMemoryFlags::NONE;
    let allocator = gst_allocators::FdAllocator::new();
    // SAFETY: the descriptor is given away and nobody else has it.
    unsafe { allocator.alloc_fd(fd.into_raw_fd(), len, flags) }.unwrap()
}
