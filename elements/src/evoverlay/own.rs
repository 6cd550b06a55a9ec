//! Who may be drawn on: the frame itself, or a copy of it in memory that suits downstream.

use gst::{glib, prelude::*};

type Writable = gst_video::VideoFrame<gst_video::video_frame::Writable>;

/// True when nobody else can see the bytes of this buffer, and they can be drawn on where they are.
///
/// A buffer of our own may still show memory that somebody else has: a decoder its reference picture (READONLY then,
/// as are shares of a larger memory), another buffer the same memory. Rows that run backwards are drawn on a copy.
pub(super) fn is_ours(buffer: &gst::Buffer) -> bool {
    let is_free = |memory: &gst::MemoryRef| !memory.flags().contains(gst::MemoryFlags::READONLY);
    let runs_forwards =
        |meta: gst::MetaRef<gst_video::VideoMeta>| meta.stride().iter().all(|stride| *stride > 0);
    buffer.is_writable()
        && buffer.is_all_memory_writable()
        && buffer.iter_memories().all(is_free)
        && buffer.meta::<gst_video::VideoMeta>().is_none_or(runs_forwards)
}

/// The pictures of both buffers are equal afterwards. `None` when one of them does not hold such a picture.
pub(super) fn copy_picture(
    source: &gst::BufferRef,
    target: gst::Buffer,
    info: &gst_video::VideoInfo,
) -> Option<Writable> {
    let source = gst_video::VideoFrameRef::from_buffer_ref_readable(source, info).ok()?;
    let mut target = gst_video::VideoFrame::from_buffer_writable(target, info).ok()?;
    source.copy(&mut target.as_mut_video_frame_ref()).ok()?;
    Some(target)
}

/// Makes sure that copies come from a pool: downstream's if it offers one, else one of our own. Without a pool
/// every copy would be new memory, which the system hands over page by page.
pub(super) fn prepare_pool(query: &mut gst::query::Allocation) -> Result<(), glib::BoolError> {
    let caps = query.get_owned().0.ok_or_else(|| glib::bool_error!("an allocation query without caps"))?;
    let info = gst_video::VideoInfo::from_caps(&caps)?;
    let least = u32::try_from(info.size()).map_err(|_| glib::bool_error!("frames of more than 4 GiB"))?;
    let takes_meta = query.find_allocation_meta::<gst_video::VideoMeta>().is_some();
    let offer = query.allocation_pools().next();
    match offer {
        Some((Some(pool), size, min, max)) if takes_meta => {
            keep_rows_where_downstream_wants_them(&pool, &caps, size.max(least), (min, max));
        }
        Some((Some(_), ..)) => {}
        Some((None, size, min, _)) => {
            query.set_nth_allocation_pool(
                0,
                Some(&gst_video::VideoBufferPool::new()),
                size.max(least),
                min,
                0,
            );
        }
        None => query.add_allocation_pool(Some(&gst_video::VideoBufferPool::new()), least, 0, 0),
    }
    Ok(())
}

/// With a VideoMeta the pool is free to pad the rows as its owner needs them. A pool that refuses is used as it is.
fn keep_rows_where_downstream_wants_them(
    pool: &gst::BufferPool,
    caps: &gst::Caps,
    size: u32,
    (min, max): (u32, u32),
) {
    if !pool.has_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META) {
        return;
    }
    let mut config = pool.config();
    config.set_params(Some(caps), size, min, max);
    config.add_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META);
    if let Err(error) = pool.set_config(config) {
        gst::debug!(gst::CAT_PERFORMANCE, "rows are not padded as downstream's pool would: {error}");
    }
}
