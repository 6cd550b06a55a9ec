//! How many slots an arena needs and how large they are. Pure.

use edgevision_wasm_host::frame::PixelFormat;

/// Frames that a decoder holds: reference frames and those of its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A camera: streams for low delay keep few reference frames, and decoders do not work on several at once.
    Live,
    /// A file: up to the 16 reference frames that H.264 and H.265 allow, and one for each thread of the decoder.
    File {
        /// Threads of the decoder: as many as the machine has cores.
        threads: usize,
    },
}

/// Room for the queues of an ordinary graph between the detector and its last sink.
const DOWNSTREAM_FRAMES: usize = 4;
/// An arena's slots are replaced by smaller ones when frames need less than this part of them.
const LARGEST_WASTE: usize = 4;
/// Below this, slots are never too large: an arena of small slots is cheap.
const SMALL_SLOT: usize = 256 << 10;
/// Address space for one camera. Modules have 4 GiB for everything; unused slots cost no memory.
const MOST_ARENA_BYTES: usize = 2 << 30;
/// What decoders add at an edge (libav: 16 to 32 pixels on each side, for motion vectors that point outside).
const EDGE: u64 = 64;
/// What decoders round strides up to, at most (libav with AVX-512: 64 bytes of chroma, so 128 of luma; x2).
const STRIDE_ALIGN: u64 = 256;
/// Prefix, padding and libav's read-ahead past the last line.
const TAIL: u64 = 64 << 10;

/// Slots for one camera: the decoder's frames, those waiting for a worker, `workers` being analysed and as many
/// finished but waiting for their turn, two in the sinks' hands, and the queues behind the detector.
pub fn slot_count(source: Source, waiting: usize, workers: usize) -> usize {
    let decoder = match source {
        Source::Live => 12,
        Source::File { threads } => threads.saturating_add(16),
    };
    let held = decoder.saturating_add(2 + DOWNSTREAM_FRAMES);
    workers.saturating_mul(2).saturating_add(waiting).saturating_add(held)
}

/// Bytes of a slot that holds a frame with whatever padding a decoder asks for around it.
pub fn slot_bytes(format: PixelFormat, width: u32, height: u32) -> usize {
    let width = (u64::from(width) + EDGE).next_multiple_of(STRIDE_ALIGN);
    let height = (u64::from(height) + EDGE).next_multiple_of(EDGE);
    let samples = width.saturating_mul(height);
    let bytes = match format {
        PixelFormat::I420 | PixelFormat::Nv12 => samples.saturating_add(samples / 2),
        PixelFormat::Rgb | PixelFormat::Bgr => samples.saturating_mul(3),
        PixelFormat::Gray8 => samples,
    };
    usize::try_from(bytes.saturating_add(TAIL)).unwrap_or(usize::MAX)
}

/// The wanted number of slots, or as many as the address space allows, at least one.
pub(super) fn affordable_slots(wanted: usize, slot_bytes: usize) -> usize {
    wanted.min(MOST_ARENA_BYTES / slot_bytes.max(1)).max(1)
}

/// Slots for the frames that a filter has put out and that are still on their way: encoders look ahead (x264enc 40
/// frames), queues hold some. Slots that are never used get no memory.
pub const OUTPUT_SLOTS: usize = 64;
/// Address space for them, beside that of the camera and what the module has for itself.
const MOST_OUTPUT_BYTES: usize = 1 << 30;

/// The wanted number of slots for outputs, or as many as the address space allows, at least one.
pub(super) fn affordable_outputs(wanted: usize, slot_bytes: usize) -> usize {
    wanted.min(MOST_OUTPUT_BYTES / slot_bytes.max(1)).max(1)
}

/// True when slots of `slot_bytes` serve frames of `bytes` without waste.
pub(super) fn fits(bytes: usize, slot_bytes: usize) -> bool {
    bytes <= slot_bytes && (slot_bytes <= SMALL_SLOT || slot_bytes / LARGEST_WASTE <= bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_cover_decoder_queues_and_workers() {
        let file = Source::File { threads: 2 };
        assert_eq!(slot_count(Source::Live, 2, 4), 28);
        assert_eq!(slot_count(file, 2, 4), 34);
        assert_eq!(slot_count(file, usize::MAX, 4), usize::MAX);
    }

    #[test]
    fn a_slot_holds_the_padded_frame() {
        // libav pads 1920x1080 to 1920x1088 plus edges: 1984 x 1152 with 32 on each side.
        assert!(slot_bytes(PixelFormat::I420, 1920, 1080) >= 2048 * 1152 * 3 / 2);
        assert!(slot_bytes(PixelFormat::Rgb, 17, 13) >= 17 * 13 * 3);
        assert!(slot_bytes(PixelFormat::Gray8, 1, 1) >= 1);
        assert!(
            slot_bytes(PixelFormat::I420, u32::MAX, u32::MAX) > slot_bytes(PixelFormat::I420, 32767, 32767)
        );
    }

    #[test]
    fn large_frames_get_fewer_slots() {
        assert_eq!(affordable_slots(24, 4 << 20), 24);
        assert_eq!(affordable_slots(24, 500 << 20), 4);
        assert_eq!(affordable_slots(24, 3 << 30), 1);
        assert_eq!(
            [4 << 20, 100 << 20, 2 << 30].map(|bytes| affordable_outputs(OUTPUT_SLOTS, bytes)),
            [64, 10, 1]
        );
    }

    #[test]
    fn an_arena_is_kept_while_it_suits() {
        assert!(fits(3 << 20, 4 << 20));
        assert!(!fits(5 << 20, 4 << 20));
        assert!(!fits(100_000, 4 << 20), "a 4 MiB slot for a thumbnail");
        assert!(fits(100, 64 << 10));
    }
}
