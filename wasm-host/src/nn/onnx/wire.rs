//! Walks the wire format of an ONNX file before a parser allocates for it.
//!
//! `rten-onnx` reserves memory for whatever length a field claims and recurses as deep as the file says; either ends
//! the process on a hostile or cut-off file. So each length is first checked against the message it lies in, and the
//! nesting against a limit. The walk also sees what that parser leaves out and native engines read: functions, sparse
//! weights, training graphs. Message and field numbers: `onnx.proto3` of ONNX 1.16.

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

/// What the walk has seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Survey {
    /// Names of weights that are stored outside the file, wherever in the model they are.
    pub external: Vec<String>,
    /// Graphs inside the graph (bodies), functions, training graphs and sparse weights: what makes a model more than a
    /// list of operators.
    pub extras: usize,
}

/// Messages whose fields are looked into; everything else only has its length checked.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Training,
    Function,
    Graph,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    ValueInfo,
    Type,
    TensorType,
    SequenceType,
    Shape,
    Dimension,
    Leaf,
}

impl Message {
    /// The message in a length-delimited field, if one of the parsers looks into it.
    fn child(self, field: u64) -> Option<Message> {
        Some(match (self, field) {
            (Self::Model, 7) | (Self::Training, 1 | 2) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Model, 20) => Self::Training,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Node, 5) | (Self::Function, 11) => Self::Attribute,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::SparseTensor, 1 | 2) => Self::Tensor,
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Self::SparseTensor,
            (Self::Graph, 11..=13) | (Self::Function, 12) => Self::ValueInfo,
            (Self::ValueInfo, 2) | (Self::SequenceType, 1) | (Self::Attribute, 14 | 15) => Self::Type,
            (Self::Type, 1) => Self::TensorType,
            (Self::Type, 4) => Self::SequenceType,
            (Self::TensorType, 2) => Self::Shape,
            (Self::Shape, 1) => Self::Dimension,
            (Self::Model, 8 | 14) | (Self::Tensor, 13) => Self::Leaf,
            _ => return None,
        })
    }

    /// Whether the field may be there only once. Parsers disagree about a second one: some take the last, some join
    /// them, and a model would not be the one that was looked at.
    fn is_single(self, field: u64) -> bool {
        matches!(
            (self, field),
            (Self::Model, 7)
                | (Self::Attribute, 5 | 6 | 22)
                | (Self::SparseTensor, 1 | 2)
                | (Self::ValueInfo | Self::TensorType, 2)
                | (Self::Type, 1 | 4)
                | (Self::SequenceType, 1)
        )
    }

    fn is_extra(self, child: Message) -> bool {
        matches!(
            (self, child),
            (Self::Attribute, Self::Graph) | (_, Self::Training | Self::Function | Self::SparseTensor)
        )
    }
}

/// Checks the lengths and the nesting of a whole model, and says what else is to be known of it.
pub(super) fn survey(bytes: &[u8]) -> Result<Survey, Damage> {
    let mut survey = Survey::default();
    survey.walk(Message::Model, bytes, 0)?;
    Ok(survey)
}

impl Survey {
    fn walk(&mut self, message: Message, bytes: &[u8], depth: usize) -> Result<(), Damage> {
        if depth > MAX_DEPTH {
            return Err(Damage::TooDeep);
        }
        let mut fields = Fields { rest: bytes };
        let mut seen = 0_u32;
        while let Some((number, payload)) = fields.next().map_err(|damage| damage.at(depth))? {
            let (Some(child), Payload::Bytes(payload)) = (message.child(number), payload) else { continue };
            if message.is_single(number) {
                // All such numbers are small.
                let bit = 1_u32.checked_shl(u32::try_from(number).unwrap_or(0)).unwrap_or(0);
                if seen & bit != 0 {
                    return Err(Damage::Malformed);
                }
                seen |= bit;
            }
            self.extras += usize::from(message.is_extra(child));
            self.walk(child, payload, depth + 1)?;
        }
        if matches!(message, Message::Dimension) && has_two_sizes(bytes) {
            return Err(Damage::Malformed);
        }
        if matches!(message, Message::Tensor) && is_external(bytes) {
            self.external.push(name_of_tensor(bytes));
        }
        Ok(())
    }
}

/// A dimension is a number or a name (fields 1 and 2). Of both, Google's parser keeps the last and ours keeps both: what
/// has 4 elements here would have any number there.
fn has_two_sizes(dimension: &[u8]) -> bool {
    fields(dimension).filter(|(number, _)| [1, 2].contains(number)).count() > 1
}

/// A tensor that says where its data are, or that they are not here. Whatever the number is: parsers cut it to
/// different widths.
fn is_external(tensor: &[u8]) -> bool {
    fields(tensor).any(|(number, payload)| match (number, payload) {
        (EXTERNAL_DATA, Payload::Bytes(_)) => true,
        (DATA_LOCATION, Payload::Number(place)) => place != 0,
        _ => false,
    })
}

const TENSOR_NAME: u64 = 8;
const EXTERNAL_DATA: u64 = 13;
const DATA_LOCATION: u64 = 14;

fn name_of_tensor(tensor: &[u8]) -> String {
    let name = fields(tensor).find_map(|field| match field {
        (TENSOR_NAME, Payload::Bytes(name)) => Some(String::from_utf8_lossy(name).into_owned()),
        _ => None,
    });
    name.unwrap_or_else(|| "(unnamed)".to_owned())
}

/// The fields of a message that was walked before.
fn fields(bytes: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut fields = Fields { rest: bytes };
    std::iter::from_fn(move || fields.next().ok().flatten())
}

impl Damage {
    /// Only at the top level is a missing end the end of the file.
    fn at(self, depth: usize) -> Self {
        if self == Self::Truncated && depth > 0 { Self::Malformed } else { self }
    }
}

/// Number of a field, and what is in it.
type Field<'a> = (u64, Payload<'a>);

#[derive(Clone, Copy)]
enum Payload<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

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
        // Google's parser drops the bits above 32 and would see another field than this one.
        if number == 0 || u32::try_from(tag).is_err() {
            return Err(Damage::Malformed);
        }
        let payload = match wire_type {
            0 => Payload::Number(self.varint()?),
            1 => self.take(8).map(|_| Payload::Fixed)?,
            2 => {
                let length = self.varint()?;
                Payload::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Payload::Fixed)?,
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

    fn check(bytes: &[u8]) -> Result<(), Damage> {
        survey(bytes).map(drop)
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

    /// Field numbers of `onnx.proto3`, from the model down to a tensor.
    const PLACES: [&[u32]; 12] = [
        &[7, 5],                // initializer
        &[7, 1, 5, 5],          // Constant
        &[7, 1, 5, 10],         // attribute with a list of tensors
        &[7, 1, 5, 6, 5],       // initializer of an If, Loop or Scan body
        &[7, 1, 5, 6, 1, 5, 5], // Constant in a body
        &[7, 1, 5, 11, 5],      // initializer in a list of bodies
        &[7, 15, 1],            // values of a sparse initializer
        &[7, 15, 2],            // its indices
        &[7, 1, 5, 22, 1],      // sparse attribute
        &[7, 1, 5, 23, 2],      // list of them
        &[25, 7, 5, 5],         // Constant in a function
        &[20, 1, 5],            // initializer of a training graph
    ];

    /// `bytes` as the length-delimited field `number`, which may need two bytes.
    fn wide(number: u32, bytes: &[u8]) -> Vec<u8> {
        let mut out = field(1, bytes);
        let tag = (number << 3) | 2;
        out.remove(0);
        let tag = if tag < 0x80 {
            vec![u8::try_from(tag).unwrap()]
        } else {
            vec![u8::try_from(tag & 0x7f).unwrap() | 0x80, u8::try_from(tag >> 7).unwrap()]
        };
        [tag, out].concat()
    }

    fn placed(path: &[u32], tensor: &[u8]) -> Vec<u8> {
        path.iter().rev().fold(tensor.to_vec(), |inner, number| wide(*number, &inner))
    }

    #[test]
    fn weights_elsewhere_are_seen_wherever_a_tensor_can_be() {
        let name = field(8, b"w");
        let key = field(13, &[field(1, b"location"), field(2, b"/etc/passwd")].concat());
        let located = [name.clone(), vec![14 << 3, 1]].concat();
        let located_by_a_long_number = [name.clone(), vec![14 << 3, 0x81, 0x80, 0x80, 0x80, 0x10]].concat();
        for path in PLACES {
            for tensor in [&[name.clone(), key.clone()].concat(), &located, &located_by_a_long_number] {
                let seen = survey(&placed(path, tensor)).unwrap();
                assert_eq!(seen.external, ["w"], "{path:?} {tensor:?}");
            }
            let inside = [name.clone(), vec![14 << 3, 0]].concat();
            assert_eq!(survey(&placed(path, &inside)).unwrap().external, [""; 0], "{path:?}");
        }
    }

    #[test]
    fn what_may_be_there_once_is_refused_twice() {
        let graph = field(7, &field(1, b""));
        assert_eq!(check(&graph), Ok(()));
        assert_eq!(check(&[graph.clone(), graph].concat()), Err(Damage::Malformed));
    }

    #[test]
    fn a_dimension_has_one_size() {
        let (four, any) = (vec![1 << 3, 4], field(2, b"n"));
        let sized = |sizes: &[Vec<u8>]| check(&placed(&[7, 11, 2, 1, 2, 1], &sizes.concat()));
        for one in [&[][..], std::slice::from_ref(&four), std::slice::from_ref(&any)] {
            assert_eq!(sized(one), Ok(()));
        }
        for two in [[four.clone(), any.clone()], [any, four.clone()], [four.clone(), four]] {
            assert_eq!(sized(&two), Err(Damage::Malformed));
        }
    }

    #[test]
    fn extras_are_counted() {
        let extras = |path: &[u32]| survey(&placed(path, b"")).unwrap().extras;
        assert_eq!(extras(&[7, 5]), 0);
        for path in [&[7, 1, 5, 6][..], &[7, 1, 5, 11], &[7, 15], &[7, 1, 5, 22], &[25], &[20]] {
            assert_eq!(extras(path), 1, "{path:?}");
        }
    }

    #[test]
    fn a_field_number_that_parsers_cut_to_32_bits_is_refused() {
        // 0x1_0000_006a: field 13 for a parser that keeps 32 bits.
        let tag = [0xea, 0x80, 0x80, 0x80, 0x10];
        let tensor = [&tag[..], &[2, b'a', b'b']].concat();
        assert_eq!(check(&placed(&[7, 5], &tensor)), Err(Damage::Malformed));
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
