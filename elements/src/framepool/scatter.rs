//! Bytes that lie in several memories, read as if they were one. Pure.

/// Slices behind each other.
pub(super) struct Scattered<'a> {
    /// Where in the whole each begins.
    pieces: Vec<(usize, &'a [u8])>,
    len: usize,
}

impl<'a> Scattered<'a> {
    pub fn new(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut len = 0;
        let pieces = pieces
            .into_iter()
            .map(|piece| {
                let start = len;
                len += piece.len();
                (start, piece)
            })
            .collect();
        Self { pieces, len }
    }

    /// Bytes of the whole.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The bytes `from..from + count`, in one or more pieces. None when they are not all there.
    pub fn range(&self, from: usize, count: usize) -> Option<impl Iterator<Item = &'a [u8]>> {
        let to = from.checked_add(count).filter(|to| *to <= self.len)?;
        let first = self.pieces.partition_point(|(start, piece)| start + piece.len() <= from);
        let touched = self.pieces[first..].iter().take_while(move |(start, _)| *start < to);
        Some(
            touched
                .map(move |(start, piece)| &piece[from.saturating_sub(*start)..piece.len().min(to - start)]),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(scattered: &Scattered<'_>, from: usize, count: usize) -> Option<Vec<u8>> {
        Some(scattered.range(from, count)?.flatten().copied().collect())
    }

    #[test]
    fn every_range_of_every_division() {
        let whole: Vec<u8> = (0..9).collect();
        for size in 1..=10 {
            let scattered = Scattered::new(whole.chunks(size).chain([[].as_slice()]));
            assert_eq!(scattered.len(), 9);
            for from in 0..=9 {
                for count in 0..=9 - from {
                    assert_eq!(read(&scattered, from, count).unwrap(), whole[from..from + count]);
                }
                assert_eq!(read(&scattered, from, 10 - from), None);
            }
        }
        assert_eq!(read(&Scattered::new([whole.as_slice()]), usize::MAX, 2), None);
    }
}
