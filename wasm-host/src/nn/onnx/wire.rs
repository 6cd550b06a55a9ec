//! Walks the wire format of an ONNX file before a parser allocates for it.
//!
//! `rten-onnx` reserves memory for whatever length a field claims and recurses as deep as the file says; either ends
//! the process on a hostile or cut-off file. So each length is first checked against the message it lies in, and the
//! nesting against a limit. Message and field numbers: `onnx.proto3` of ONNX 1.16.

/// Deepest nesting of messages that is accepted. A plain model needs 6; each level of `If`, `Loop` or `Scan`
/// bodies adds 3.
const MAX_DEPTH: usize = 60;

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// The last field at the top level ends after the end of the file.
    Truncated,
    /// Not a sequence of fields, or a field that is longer than its message.
    Malformed,
    /// Deeper than [`MAX_DEPTH`].
    TooDeep,
}

/// Messages whose fields are looked into; everything else only has its length checked.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    TensorType,
    SequenceType,
    Shape,
    Leaf,
}

impl Message {
    /// The message in a length-delimited field, if the parser looks into it.
    fn child(self, field: u64) -> Option<Message> {
        Some(match (self, field) {
            (Self::Model, 7) | (Self::Attribute, 6) => Self::Graph,
            (Self::Graph, 1) => Self::Node,
            (Self::Node, 5) => Self::Attribute,
            (Self::Graph | Self::Attribute, 5) => Self::Tensor,
            (Self::Graph, 11..=13) => Self::ValueInfo,
            (Self::ValueInfo, 2) | (Self::SequenceType, 1) => Self::Type,
            (Self::Type, 1) => Self::TensorType,
            (Self::Type, 4) => Self::SequenceType,
            (Self::TensorType, 2) => Self::Shape,
            (Self::Model, 8 | 14) | (Self::Tensor, 13) | (Self::Shape, 1) => Self::Leaf,
            _ => return None,
        })
    }
}

/// Checks the lengths and the nesting of a whole model.
pub(super) fn check(bytes: &[u8]) -> Result<(), Damage> {
    walk(Message::Model, bytes, 0)
}

fn walk(message: Message, bytes: &[u8], depth: usize) -> Result<(), Damage> {
    if depth > MAX_DEPTH {
        return Err(Damage::TooDeep);
    }
    let mut fields = Fields { rest: bytes };
    while let Some((number, payload)) = fields.next().map_err(|damage| damage.at(depth))? {
        if let (Some(child), Some(payload)) = (message.child(number), payload) {
            walk(child, payload, depth + 1)?;
        }
    }
    Ok(())
}

impl Damage {
    /// Only at the top level is a missing end the end of the file.
    fn at(self, depth: usize) -> Self {
        if self == Self::Truncated && depth > 0 { Self::Malformed } else { self }
    }
}

/// Number of a field, and its bytes if it is length-delimited.
type Field<'a> = (u64, Option<&'a [u8]>);

struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<Option<Field<'a>>, Damage> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let (number, wire_type) = (tag >> 3, tag & 7);
        if number == 0 {
            return Err(Damage::Malformed);
        }
        let payload = match wire_type {
            0 => {
                self.varint()?;
                None
            }
            1 => self.take(8).map(|_| None)?,
            2 => {
                let length = self.varint()?;
                Some(self.take(length)?)
            }
            5 => self.take(4).map(|_| None)?,
            _ => return Err(Damage::Malformed),
        };
        Ok(Some((number, payload)))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Damage> {
        let length = usize::try_from(length).map_err(|_| Damage::Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Damage::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, Damage> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first().ok_or(Damage::Truncated)?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Damage::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `bytes` as the length-delimited field `number`.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![(number << 3) | 2];
        let mut length = bytes.len();
        while length >= 0x80 {
            out.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        out.push(u8::try_from(length).unwrap());
        out.extend(bytes);
        out
    }

    fn nested(levels: usize) -> Vec<u8> {
        let graph = (0..levels).fold(Vec::new(), |graph, _| field(1, &field(5, &field(6, &graph))));
        field(7, &graph)
    }

    #[test]
    fn lengths_are_checked_at_every_level() {
        let tensor = field(5, &field(9, b"weights"));
        let model = field(7, &tensor);
        assert_eq!(check(&model), Ok(()));
        assert_eq!(check(&model[..model.len() - 1]), Err(Damage::Truncated));
        let mut longer_inside = model.clone();
        longer_inside[5] += 1;
        assert_eq!(check(&longer_inside), Err(Damage::Malformed));
        let huge = field(7, &[0x4a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
        assert_eq!(check(&huge), Err(Damage::Malformed));
    }

    #[test]
    fn nesting_has_a_limit() {
        assert_eq!(check(&nested(5)), Ok(()));
        assert_eq!(check(&nested(20_000)), Err(Damage::TooDeep));
    }

    proptest! {
        /// What passes is safe to parse; nothing panics on the way.
        #[test]
        fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if check(&bytes).is_ok() {
                drop(rten_onnx::onnx::ModelProto::parse_buf(&bytes));
            }
        }
    }
}
