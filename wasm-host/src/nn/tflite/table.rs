//! Tables of a flatbuffer, read with every offset checked. Nothing that a file says is believed.
//!
//! A table begins with the distance back to its vtable; the vtable says its own size, the table's size, and where in
//! the table each field is (0: absent). Vectors and texts are a length and their elements, found by an offset.

use std::cell::Cell;

/// Most tables that are visited in one file: what LiteRT's own verifier allows. Offsets may lead to the same table
/// again and again.
const MAX_TABLES: usize = 1_000_000;

/// The file contradicts itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damage;

/// A file and how many more tables of it may be visited.
pub(super) struct Buffer<'a> {
    bytes: &'a [u8],
    left: Cell<usize>,
}

/// One table.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    file: &'a Buffer<'a>,
    at: usize,
    /// Places of the fields, two bytes each.
    fields: &'a [u8],
}

impl<'a> Buffer<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, left: Cell::new(MAX_TABLES) }
    }

    pub fn root(&'a self) -> Result<Table<'a>, Damage> {
        self.table(self.follow(0)?)
    }

    fn take<const N: usize>(&self, at: usize) -> Result<[u8; N], Damage> {
        let end = at.checked_add(N).ok_or(Damage)?;
        self.bytes.get(at..end).and_then(|bytes| bytes.try_into().ok()).ok_or(Damage)
    }

    /// Where the offset that stands at `at` leads.
    fn follow(&self, at: usize) -> Result<usize, Damage> {
        let offset = u32::from_le_bytes(self.take(at)?);
        usize::try_from(offset).ok().and_then(|offset| at.checked_add(offset)).ok_or(Damage)
    }

    fn table(&'a self, at: usize) -> Result<Table<'a>, Damage> {
        self.left.set(self.left.get().checked_sub(1).ok_or(Damage)?);
        let back = i64::from(i32::from_le_bytes(self.take(at)?));
        let vtable = i64::try_from(at).ok().and_then(|at| usize::try_from(at - back).ok()).ok_or(Damage)?;
        let size = usize::from(u16::from_le_bytes(self.take(vtable)?));
        let fields = self.bytes.get(vtable..).and_then(|rest| rest.get(4..size)).ok_or(Damage)?;
        Ok(Table { file: self, at, fields })
    }

    /// Number of elements, and the bytes of the vector that stands at `at`.
    fn vector(&self, at: usize, element: usize) -> Result<(usize, &'a [u8]), Damage> {
        let count = usize::try_from(u32::from_le_bytes(self.take(at)?)).map_err(|_| Damage)?;
        let len = count.checked_mul(element).ok_or(Damage)?;
        let elements = self.bytes.get(at + 4..).and_then(|rest| rest.get(..len)).ok_or(Damage)?;
        Ok((count, elements))
    }
}

impl<'a> Table<'a> {
    /// Where field number `field` is; `None` if it is absent.
    fn place(self, field: usize) -> Option<usize> {
        let place = self.fields.get(field * 2..field * 2 + 2)?;
        let place = usize::from(u16::from_le_bytes(place.try_into().ok()?));
        (place != 0).then(|| self.at.saturating_add(place))
    }

    fn scalar<const N: usize>(self, field: usize) -> Result<[u8; N], Damage> {
        self.place(field).map_or(Ok([0; N]), |at| self.file.take(at))
    }

    /// Whether the field is there, whatever is in it.
    pub fn has(self, field: usize) -> bool {
        self.place(field).is_some()
    }

    /// An 8-bit field; 0 if absent, as all defaults in the schema that are read here.
    pub fn byte(self, field: usize) -> Result<u8, Damage> {
        Ok(u8::from_le_bytes(self.scalar(field)?))
    }

    pub fn int(self, field: usize) -> Result<i32, Damage> {
        Ok(i32::from_le_bytes(self.scalar(field)?))
    }

    /// An unsigned 32-bit field as an index or a count.
    pub fn index(self, field: usize) -> Result<usize, Damage> {
        usize::try_from(u32::from_le_bytes(self.scalar(field)?)).map_err(|_| Damage)
    }

    pub fn long(self, field: usize) -> Result<u64, Damage> {
        Ok(u64::from_le_bytes(self.scalar(field)?))
    }

    /// A table; `None` if the field is absent.
    pub fn table(self, field: usize) -> Result<Option<Table<'a>>, Damage> {
        let Some(at) = self.place(field) else { return Ok(None) };
        self.file.table(self.file.follow(at)?).map(Some)
    }

    /// A vector of tables; `None` if the field is absent.
    pub fn tables(self, field: usize) -> Result<Option<Vec<Table<'a>>>, Damage> {
        let Some(at) = self.place(field) else { return Ok(None) };
        let start = self.file.follow(at)?;
        let (count, _) = self.file.vector(start, 4)?;
        let table = |number: usize| self.file.table(self.file.follow(start + 4 + number * 4)?);
        (0..count).map(table).collect::<Result<_, _>>().map(Some)
    }

    /// Bytes of a vector whose elements have `element` bytes; empty if the field is absent.
    pub fn elements(self, field: usize, element: usize) -> Result<&'a [u8], Damage> {
        let Some(at) = self.place(field) else { return Ok(&[]) };
        Ok(self.file.vector(self.file.follow(at)?, element)?.1)
    }

    pub fn ints(self, field: usize) -> Result<Vec<i32>, Damage> {
        Ok(words(self.elements(field, 4)?).map(i32::from_le_bytes).collect())
    }

    pub fn floats(self, field: usize) -> Result<Vec<f32>, Damage> {
        Ok(words(self.elements(field, 4)?).map(f32::from_le_bytes).collect())
    }

    pub fn longs(self, field: usize) -> Result<Vec<i64>, Damage> {
        Ok(words(self.elements(field, 8)?).map(i64::from_le_bytes).collect())
    }

    /// A text; `None` if the field is absent.
    pub fn text(self, field: usize) -> Result<Option<String>, Damage> {
        let present = self.place(field).is_some();
        let text = String::from_utf8_lossy(self.elements(field, 1)?).into_owned();
        Ok(present.then_some(text))
    }
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks().0.iter().copied()
}
