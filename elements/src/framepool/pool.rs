//! A buffer pool whose buffers lie in the arena. Strides and sizes are those of `GstVideoBufferPool`, because
//! decoders compute with them.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use edgevision_wasm_host::arena::Arena;
use gst::{glib, subclass::prelude::*};
use gst_video::{VideoAlignment, VideoFrameFlags, VideoInfo, VideoMeta, prelude::*};

use super::{CAT, CameraArena, allocator, sizing};

glib::wrapper! {
    /// A buffer pool over the arena of one camera. Made for one ALLOCATION query.
    pub struct FramePool(ObjectSubclass<imp::FramePool>) @extends gst::BufferPool, gst::Object;
}

impl FramePool {
    /// A pool over `arena`; configure it like any other.
    pub fn new(arena: Arc<CameraArena>) -> Self {
        let pool: Self = glib::Object::new();
        // A new object's cell is empty, so this cannot fail.
        pool.imp().camera.get_or_init(|| arena);
        pool
    }
}

/// What a configured pool makes its buffers from.
struct Plan {
    info: VideoInfo,
    size: usize,
    alignment: Option<VideoAlignment>,
    with_meta: bool,
    params: gst::AllocationParams,
    arena: Option<Arc<Arena>>,
}

impl Plan {
    fn memory(&self, camera: &CameraArena) -> gst::Memory {
        let slot = self.arena.as_ref().and_then(Arena::acquire);
        if let Some(slot) = &slot {
            let arena = slot.arena();
            gst::log!(
                CAT,
                "slot {} of arena {} for a new buffer, {} of {} slots are in use",
                slot.offset() / arena.slot_bytes(),
                arena.generation(),
                arena.in_use(),
                arena.slots()
            );
        }
        let (prefix, size) = (self.params.prefix(), self.size);
        let memory = slot.and_then(|slot| allocator::memory(slot, camera.rules.clone(), prefix, size));
        memory.unwrap_or_else(|| {
            gst::debug!(CAT, "no slot is free or large enough: a buffer of heap memory, to be copied later");
            camera.rules.starved.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            gst::Memory::with_size_and_params(size, &self.params)
        })
    }

    fn add_meta(&self, buffer: &mut gst::BufferRef) -> Result<(), glib::BoolError> {
        let info = &self.info;
        let (format, flags) = (info.format(), VideoFrameFlags::empty());
        let planes = info.n_planes() as usize;
        let (offsets, strides) = (&info.offset()[..planes], &info.stride()[..planes]);
        let mut meta =
            VideoMeta::add_full(buffer, flags, format, info.width(), info.height(), offsets, strides)?;
        // The stock pool says nothing about padding here. A description that the planes contradict is left out.
        let described = self.alignment.as_ref().map_or(Ok(()), |alignment| meta.set_alignment(alignment));
        if let Err(error) = described {
            gst::debug!(CAT, "padding not described: {error}");
        }
        Ok(())
    }
}

/// Reads a pool's configuration, completes it as `GstVideoBufferPool` does, and says what it amounts to.
fn plan(config: &mut gst::BufferPoolConfigRef, camera: &CameraArena) -> Result<Plan, glib::BoolError> {
    let (caps, size, min, max) = config.params().ok_or_else(|| glib::bool_error!("no parameters"))?;
    let caps = caps.ok_or_else(|| glib::bool_error!("no caps"))?;
    let mut info = VideoInfo::from_caps(&caps)?;
    let (allocator, mut params) = config.allocator().unwrap_or_default();
    let with_meta = config.has_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META);
    let aligned = with_meta && config.has_option(gst_video::BUFFER_POOL_OPTION_VIDEO_ALIGNMENT);
    let alignment = if aligned { Some(align(config, &mut info, &params)?) } else { None };
    if let Some(alignment) = &alignment {
        config.set_video_alignment(alignment);
        let align = alignment.stride_align()[0] as usize;
        if params.align() < align {
            params.set_align(align);
            config.set_allocator(allocator.as_ref(), Some(&params));
        }
    }
    let size = size.max(u32::try_from(info.size()).map_err(|_| glib::bool_error!("frame too large"))?);
    config.set_params(Some(&caps), size, min, max);
    let size = size as usize;
    let arena = arena(camera, params.prefix() + size + params.padding());
    let slots = arena.as_ref().map_or(0, |arena| arena.slots());
    let (format, strides) = (info.format(), &info.stride()[..info.n_planes() as usize]);
    let picture = format!("{format} {}x{}", info.width(), info.height());
    gst::debug!(CAT, "pool for {picture}: {size} bytes, strides {strides:?}, {slots} slots");
    Ok(Plan { info, size, alignment, with_meta, params, arena })
}

/// Applies the padding that was asked for; all planes get the strictest alignment of strides.
fn align(
    config: &gst::BufferPoolConfigRef,
    info: &mut VideoInfo,
    params: &gst::AllocationParams,
) -> Result<VideoAlignment, glib::BoolError> {
    let mut alignment = config.video_alignment().unwrap_or_default();
    let allocation = u32::try_from(params.align()).map_err(|_| glib::bool_error!("alignment too large"))?;
    let strictest = alignment.stride_align().iter().fold(allocation, |all, align| all | align);
    alignment.stride_align_mut().fill(strictest);
    info.align(&mut alignment)?;
    Ok(alignment)
}

fn arena(camera: &CameraArena, bytes: usize) -> Option<Arc<Arena>> {
    match camera.with_room(bytes) {
        Ok(arena) => Some(arena),
        Err(error) => {
            gst::warning!(CAT, "frames will be copied: {error}");
            None
        }
    }
}

/// Room in a slot for frames of these caps, with what decoders add.
pub(crate) fn slot_bytes(format: edgevision_wasm_host::frame::PixelFormat, info: &VideoInfo) -> usize {
    sizing::slot_bytes(format, info.width(), info.height()).max(info.size())
}

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct FramePool {
        pub(super) camera: OnceLock<Arc<CameraArena>>,
        plan: Mutex<Option<Arc<Plan>>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for FramePool {
        const NAME: &'static str = "EdgevisionFramePool";
        type Type = super::FramePool;
        type ParentType = gst::BufferPool;
    }

    impl ObjectImpl for FramePool {}
    impl GstObjectImpl for FramePool {}

    impl BufferPoolImpl for FramePool {
        fn options() -> &'static [&'static str] {
            &["GstBufferPoolOptionVideoMeta", "GstBufferPoolOptionVideoAlignment"]
        }

        fn set_config(&self, config: &mut gst::BufferPoolConfigRef) -> bool {
            let Some(camera) = self.camera.get() else { return false };
            match plan(config, camera) {
                Ok(plan) => *self.lock() = Some(Arc::new(plan)),
                Err(error) => {
                    gst::warning!(CAT, imp = self, "frame pool cannot be configured: {error}");
                    return false;
                }
            }
            self.parent_set_config(config)
        }

        fn alloc_buffer(
            &self,
            _params: Option<&gst::BufferPoolAcquireParams>,
        ) -> Result<gst::Buffer, gst::FlowError> {
            let plan = self.lock().clone().ok_or(gst::FlowError::NotNegotiated)?;
            let camera = self.camera.get().ok_or(gst::FlowError::NotNegotiated)?;
            let mut buffer = gst::Buffer::new();
            let content = buffer.make_mut();
            content.append_memory(plan.memory(camera));
            if plan.with_meta {
                plan.add_meta(content).map_err(|_| gst::FlowError::Error)?;
            }
            Ok(buffer)
        }

        fn release_buffer(&self, mut buffer: gst::Buffer) {
            let reusable = buffer.n_memory() == 1 && allocator::is_sole_owner(buffer.peek_memory(0));
            if let Some(content) = buffer.get_mut().filter(|_| !reusable) {
                // The base class throws away buffers whose memory is tagged as changed: an alias still shows this
                // slot, or it is heap memory and a slot may be free by now.
                content.set_flags(gst::BufferFlags::TAG_MEMORY);
            }
            self.parent_release_buffer(buffer);
        }
    }

    impl FramePool {
        fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Plan>>> {
            self.plan.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
