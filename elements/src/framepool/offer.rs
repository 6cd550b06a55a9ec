//! The answer to an ALLOCATION query: a pool over the camera's arena.

use std::sync::Arc;

use gst::prelude::*;
use gst_video::VideoMeta;

use super::{CameraArena, FramePool, StreamFormat, slot_bytes};

/// What came of an ALLOCATION query. All but `Refused` are answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// A pool.
    Pool,
    /// Nobody asked for a pool.
    NotWanted,
    /// There can be none; frames will be copied. Says why.
    NoPool(String),
    /// These are no caps of ours. Says why.
    Refused(String),
}

/// Answers an ALLOCATION query with a pool over `arena`. `min` is 2 because encoders and converters want spare
/// buffers; no maximum, because decoders that hold more frames than a maximum allows would hang.
pub fn offer(query: &mut gst::query::Allocation, arena: impl FnOnce() -> Arc<CameraArena>) -> Offer {
    let (caps, need_pool) = query.get_owned();
    let Some(caps) = caps else { return Offer::Refused("the query names no caps".into()) };
    let format = match StreamFormat::from_caps(&caps) {
        Ok(format) => format,
        Err(why) => return Offer::Refused(why),
    };
    query.add_allocation_meta::<VideoMeta>(None);
    if !need_pool {
        return Offer::NotWanted;
    }
    match add_pool(query, &caps, &format, arena()) {
        Ok(()) => Offer::Pool,
        Err(why) => Offer::NoPool(why),
    }
}

fn add_pool(
    query: &mut gst::query::Allocation,
    caps: &gst::Caps,
    format: &StreamFormat,
    arena: Arc<CameraArena>,
) -> Result<(), String> {
    const LEAST_BUFFERS: u32 = 2;
    arena.with_room(slot_bytes(format.format, &format.info)).map_err(|error| error.to_string())?;
    let size = u32::try_from(format.info.size()).map_err(|_| "the frame is larger than 4 GiB")?;
    let pool = FramePool::new(arena);
    let mut config = pool.config();
    config.set_params(Some(caps), size, LEAST_BUFFERS, 0);
    pool.set_config(config).map_err(|error| error.to_string())?;
    query.add_allocation_pool(Some(&pool), size, LEAST_BUFFERS, 0);
    Ok(())
}
