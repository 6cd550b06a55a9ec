//! The door against a memory of 256 bytes of its own, a frame window and a tensor window.

use edgevision_abi::{Detection, NnTensor};
use proptest::prelude::*;

use super::*;

const OWN: u32 = 256;
const FRAMES: u32 = 256;
const TENSOR: u32 = 512;
const SIZE: u32 = 1024;

struct Guest {
    bytes: Vec<u8>,
    windows: Windows,
    slot: Arc<TensorSlot>,
}

impl Guest {
    /// The tensor window is shown as longer (512 bytes of guest memory) than it is used here.
    fn new(shows: impl FnOnce(Arc<TensorSlot>) -> Shows) -> Self {
        let slot = Arc::new(TensorSlot::new(1).unwrap());
        let mut windows = Windows::default();
        windows.note(FRAMES, 256, Shows::Frames);
        windows.note(TENSOR, SIZE - TENSOR, shows(slot.clone()));
        Self { bytes: (0..=255).cycle().take(SIZE as usize).collect(), windows, slot }
    }

    fn memory(&mut self) -> GuestMemory<'_> {
        // SAFETY: base and length are the vector's own, and it is borrowed as long as the result.
        unsafe { GuestMemory::new(self.bytes.as_mut_ptr(), self.bytes.len(), &self.windows) }
    }
}

fn preprocess() -> Guest {
    Guest::new(Shows::TensorToFill)
}

fn detect() -> Guest {
    Guest::new(Shows::TensorToRead)
}

#[test]
fn reads_end_at_the_end() {
    let mut guest = detect();
    assert_eq!(guest.memory().read::<u32>(0), Ok(0x0302_0100));
    assert_eq!(guest.memory().read::<u32>(OWN - 4), Ok(0xfffe_fdfc));
    let table = [
        (2, BadAddress::Misaligned),
        (SIZE - 2, BadAddress::OutOfBounds),
        (SIZE, BadAddress::OutOfBounds),
        (u32::MAX, BadAddress::OutOfBounds),
        (u32::MAX - 3, BadAddress::OutOfBounds),
        (FRAMES, BadAddress::Window),
        (FRAMES + 100, BadAddress::Window),
    ];
    for (address, error) in table {
        assert_eq!(guest.memory().read::<u32>(address), Err(error), "{address:#x}");
    }
    assert_eq!(guest.memory().read::<NnTensor>(OWN - 48), Err(BadAddress::Window));
}

#[test]
fn arrays_are_checked_as_a_whole() {
    let mut guest = detect();
    assert_eq!(guest.memory().read_many::<u32>(8, 2), Ok(vec![0x0b0a_0908, 0x0f0e_0d0c]));
    assert_eq!(guest.memory().read_many::<Detection>(0, 0), Ok(vec![]));
    assert_eq!(guest.memory().read_many::<u32>(0, 65), Err(BadAddress::Window));
    assert_eq!(guest.memory().read_many::<u32>(0, 257), Err(BadAddress::OutOfBounds));
    assert_eq!(guest.memory().read_many::<Detection>(0, u32::MAX), Err(BadAddress::OutOfBounds));
}

#[test]
fn a_tensor_is_read_through_the_hosts_mapping() {
    let mut guest = detect();
    // SAFETY: the slot has at least a page, and nobody else uses it.
    unsafe { guest.slot.as_ptr().add(3).write(0x77) };
    let slot = guest.slot.as_ptr().cast_const();
    let memory = guest.memory();
    let bytes = memory.bytes(Span::bytes(TENSOR, 8)).unwrap();
    assert_eq!(bytes, [0, 0, 0, 0x77, 0, 0, 0, 0]);
    assert_eq!(bytes.as_ptr(), slot);
    assert_eq!(memory.bytes(Span::bytes(TENSOR - 1, 2)), Err(BadAddress::Window));
}

#[test]
fn writes_stay_out_of_read_only_windows() {
    let mut guest = detect();
    assert_eq!(guest.memory().write(16, &0xaabb_ccdd_u32), Ok(()));
    assert_eq!(guest.memory().read::<u32>(16), Ok(0xaabb_ccdd));
    let before = guest.bytes.clone();
    for address in [FRAMES - 4, FRAMES, FRAMES + 8, TENSOR - 4, TENSOR, SIZE - 8] {
        assert_eq!(guest.memory().write_bytes(address, &[1; 8]), Err(BadAddress::Window), "{address:#x}");
    }
    assert_eq!(guest.memory().write_bytes(SIZE - 4, &[1; 8]), Err(BadAddress::OutOfBounds));
    assert_eq!(guest.bytes, before);
    // The module that fills the tensor may have the host help.
    let mut guest = preprocess();
    assert_eq!(guest.memory().write_bytes(TENSOR, &[9; 8]), Ok(()));
    assert_eq!(guest.memory().bytes(Span::bytes(TENSOR, 8)), Ok(&[9; 8][..]));
    assert_eq!(guest.memory().write_bytes(FRAMES, &[9; 8]), Err(BadAddress::Window));
}

#[test]
fn descriptors_belong_into_own_memory() {
    let mut guest = preprocess();
    let span = |address| Span { address, len: 16, align: 4 };
    assert_eq!(guest.memory().check_own(span(OWN - 16)), Ok(()));
    assert_eq!(guest.memory().check_own(span(OWN - 12)), Err(BadAddress::Window));
    assert_eq!(guest.memory().check_own(span(TENSOR)), Err(BadAddress::Window));
    assert_eq!(guest.memory().check_own(span(1)), Err(BadAddress::Misaligned));
}

#[test]
fn what_is_lent_does_not_overlap() {
    let mut guest = detect();
    let span = Span::bytes;
    let mut memory = guest.memory();
    let lent = |memory: &mut GuestMemory<'_>, reads: &[Span], writes: &[Span]| {
        memory.borrow(reads, writes).map(drop)
    };
    assert_eq!(lent(&mut memory, &[span(0, 8), span(4, 8)], &[span(12, 8), span(20, 8)]), Ok(()));
    assert_eq!(lent(&mut memory, &[span(0, 8)], &[span(7, 8)]), Err(BadAddress::Overlap));
    assert_eq!(lent(&mut memory, &[], &[span(0, 8), span(40, 8), span(7, 1)]), Err(BadAddress::Overlap));
    assert_eq!(lent(&mut memory, &[span(TENSOR, 8)], &[span(TENSOR + 8, 8)]), Err(BadAddress::Window));
    // Nothing overlaps nothing: an output of which only the size is asked.
    assert_eq!(lent(&mut memory, &[span(0, 8)], &[span(0, 0), span(0, 0)]), Ok(()));
    let (reads, mut writes) = memory.borrow(&[span(0, 4)], &[span(8, 4)]).unwrap();
    writes[0].copy_from_slice(reads[0]);
    assert_eq!(memory.read::<u32>(8), memory.read::<u32>(0));
}

proptest! {
    /// Whatever is asked for, what is granted lies where it may lie.
    #[test]
    fn what_is_granted_is_allowed(address in 0..SIZE + 64, len in 0..SIZE + 64) {
        let mut guest = detect();
        let (start, end) = (address, address + len);
        let own = end <= OWN;
        let tensor = start >= TENSOR && end <= SIZE;
        let memory = guest.memory();
        let readable = memory.bytes(Span::bytes(address, len)).is_ok();
        prop_assert_eq!(readable, own || tensor || (len == 0 && end <= SIZE));
        let mut memory = guest.memory();
        let writable = memory.write_bytes(address, &vec![0; len as usize]).is_ok();
        prop_assert_eq!(writable, own || (len == 0 && end <= SIZE));
    }
}
