//! The parts of a file that matter here, as plain data.

use super::{
    check,
    table::{Buffer, Damage, Table},
};
use crate::{
    nn::{DType, NnError, Quantization, TensorInfo, tensor::ShapeText},
    text,
};

/// What a caller feeds and gets.
#[derive(Debug)]
pub(in crate::nn) struct Interface {
    /// Number of the signature among those of the file.
    pub signature: usize,
    pub inputs: Vec<TensorInfo>,
    pub outputs: Vec<TensorInfo>,
    pub input_quantization: Vec<Option<Quantization>>,
    pub output_quantization: Vec<Option<Quantization>>,
}

/// A whole file.
pub(super) struct File {
    pub operator_codes: usize,
    /// Where the bytes of each constant are.
    pub buffers: Vec<Constant>,
    pub graphs: Vec<Graph>,
    pub signatures: Vec<Signature>,
    /// Buffers of metadata; `None` where an entry has no name.
    pub metadata: Vec<Option<usize>>,
    /// Weights in other files, as LiteRT's own tools write large models.
    pub external: bool,
}

/// Bytes of a constant.
pub(super) struct Constant {
    /// In the flatbuffer.
    pub inside: usize,
    /// Behind it, from the start of the file.
    pub offset: u64,
    pub size: u64,
}

pub(super) struct Graph {
    pub tensors: Vec<Tensor>,
    pub operators: Vec<Operator>,
    pub inputs: Vec<i32>,
    pub outputs: Vec<i32>,
}

pub(super) struct Tensor {
    pub name: String,
    /// Number in the schema's `TensorType`.
    pub kind: u8,
    pub shape: Vec<i32>,
    /// The shape with -1 where it is open; empty if it is not.
    pub signature: Vec<i32>,
    pub buffer: usize,
    /// Number of weights in another file; 0 if they are here.
    pub external: usize,
    pub scales: Vec<f32>,
    pub zero_points: Vec<i64>,
    pub quantized_dimension: i32,
}

pub(super) struct Operator {
    pub code: usize,
    pub inputs: Vec<i32>,
    pub outputs: Vec<i32>,
    /// Graphs that it runs.
    pub calls: Vec<i32>,
}

pub(super) struct Signature {
    pub key: String,
    pub graph: usize,
    /// Names and tensors.
    pub inputs: Vec<(String, usize)>,
    pub outputs: Vec<(String, usize)>,
}

/// Reads and checks a file. `signature` chooses one of several by its key; the first is the default.
pub(in crate::nn) fn read(bytes: &[u8], signature: Option<&str>) -> Result<Interface, NnError> {
    let damaged = |_: Damage| {
        NnError::Format("the TensorFlow Lite file is damaged or cut off; copy or convert it again".into())
    };
    let file = File::read(&Buffer::new(bytes)).map_err(damaged)?;
    check::check(&file, bytes.len())?;
    file.interface(signature)
}

impl File {
    pub fn read(buffer: &Buffer<'_>) -> Result<Self, Damage> {
        let root = buffer.root()?;
        Ok(Self {
            operator_codes: root.tables(1)?.ok_or(Damage)?.len(),
            graphs: all(root.tables(2)?.ok_or(Damage)?, Graph::read)?,
            buffers: all(root.tables(4)?.ok_or(Damage)?, Constant::read)?,
            metadata: all(root.tables(6)?.unwrap_or_default(), metadata)?,
            signatures: all(root.tables(7)?.unwrap_or_default(), Signature::read)?,
            external: root.has(8) || root.has(9),
        })
    }

    fn interface(&self, wanted: Option<&str>) -> Result<Interface, NnError> {
        let number = self.chosen(wanted)?;
        let signature = self.signatures.get(number);
        let graph = &self.graphs[signature.map_or(0, |signature| signature.graph)];
        let of = |list: &[i32]| -> Vec<usize> {
            list.iter().filter_map(|&tensor| usize::try_from(tensor).ok()).collect()
        };
        let (inputs, outputs) = (of(&graph.inputs), of(&graph.outputs));
        let none: &[(String, usize)] = &[];
        let (in_names, out_names) =
            signature.map_or((none, none), |signature| (&signature.inputs[..], &signature.outputs[..]));
        let quantization =
            |list: &[usize]| list.iter().map(|&tensor| graph.tensors[tensor].quantization()).collect();
        Ok(Interface {
            signature: number,
            inputs: graph.infos(&inputs, in_names)?,
            outputs: graph.infos(&outputs, out_names)?,
            input_quantization: quantization(&inputs),
            output_quantization: quantization(&outputs),
        })
    }

    fn chosen(&self, wanted: Option<&str>) -> Result<usize, NnError> {
        let Some(wanted) = wanted else { return Ok(0) };
        let found = self.signatures.iter().position(|signature| signature.key == wanted);
        found.ok_or_else(|| {
            let known: Vec<String> = self
                .signatures
                .iter()
                .map(|known| format!("`{}`", text::clean(known.key.as_bytes())))
                .collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            NnError::Unsupported(format!("the model has no signature `{wanted}`; it has {known}"))
        })
    }
}

fn all<'a, T>(
    tables: Vec<Table<'a>>,
    read: impl Fn(Table<'a>) -> Result<T, Damage>,
) -> Result<Vec<T>, Damage> {
    tables.into_iter().map(read).collect()
}

fn metadata(table: Table<'_>) -> Result<Option<usize>, Damage> {
    let buffer = table.index(1)?;
    Ok(table.text(0)?.map(|_| buffer))
}

impl Constant {
    fn read(table: Table<'_>) -> Result<Self, Damage> {
        let inside = table.elements(0, 1)?.len();
        Ok(Self { inside, offset: table.long(1)?, size: table.long(2)? })
    }
}

impl Graph {
    fn read(table: Table<'_>) -> Result<Self, Damage> {
        Ok(Self {
            tensors: all(table.tables(0)?.unwrap_or_default(), Tensor::read)?,
            operators: all(table.tables(3)?.unwrap_or_default(), Operator::read)?,
            inputs: table.ints(1)?,
            outputs: table.ints(2)?,
        })
    }

    /// In the order of the graph, which is the order in which LiteRT takes them, under the signature's names.
    fn infos(&self, tensors: &[usize], names: &[(String, usize)]) -> Result<Vec<TensorInfo>, NnError> {
        let info = |&index: &usize| {
            let name = names.iter().find(|(_, tensor)| *tensor == index).map(|(name, _)| name.as_str());
            self.tensors[index].info(name.filter(|name| !name.is_empty()))
        };
        tensors.iter().map(info).collect()
    }
}

impl Tensor {
    fn read(table: Table<'_>) -> Result<Self, Damage> {
        let quantization = table.table(4)?;
        let of = |field| quantization.map_or(Ok(Vec::new()), |table| table.longs(field));
        Ok(Self {
            shape: table.ints(0)?,
            kind: table.byte(1)?,
            buffer: table.index(2)?,
            external: table.index(10)?,
            name: table.text(3)?.unwrap_or_default(),
            signature: table.ints(7)?,
            scales: quantization.map_or(Ok(Vec::new()), |table| table.floats(2))?,
            zero_points: of(3)?,
            quantized_dimension: quantization.map_or(Ok(0), |table| table.int(6))?,
        })
    }

    /// The shape, open dimensions as `None`.
    pub fn dims(&self) -> Vec<Option<usize>> {
        let shape = if self.signature.is_empty() { &self.shape } else { &self.signature };
        shape.iter().map(|&dim| usize::try_from(dim).ok()).collect()
    }

    fn info(&self, name: Option<&str>) -> Result<TensorInfo, NnError> {
        let name = name.unwrap_or(&self.name).to_owned();
        let shape = self.dims();
        let Some(dtype) = dtype(self.kind) else {
            return Err(NnError::Unsupported(format!(
                "its input or output `{}` {} is of type {}; modules can be given f32, f16, u8, i8, i32 and i64",
                text::clean(name.as_bytes()),
                ShapeText(&shape),
                kind_name(self.kind)
            )));
        };
        Ok(TensorInfo { name, dtype, shape })
    }

    /// For the whole tensor; `None` where each channel has its own, or there is none.
    fn quantization(&self) -> Option<Quantization> {
        match (&self.scales[..], &self.zero_points[..]) {
            (&[scale], &[zero_point]) => Some(Quantization { scale, zero_point }),
            _ => None,
        }
    }
}

/// `TensorType` of the schema.
fn dtype(kind: u8) -> Option<DType> {
    Some(match kind {
        0 => DType::F32,
        1 => DType::F16,
        2 => DType::I32,
        3 => DType::U8,
        4 => DType::I64,
        9 => DType::I8,
        _ => return None,
    })
}

fn kind_name(kind: u8) -> String {
    let name = match kind {
        5 => "string",
        6 => "bool",
        7 => "i16",
        8 => "complex64",
        10 => "f64",
        12 => "u64",
        15 => "u32",
        16 => "u16",
        17 => "i4",
        18 => "bf16",
        _ => return format!("number {kind}"),
    };
    name.to_owned()
}

impl Operator {
    fn read(table: Table<'_>) -> Result<Self, Damage> {
        Ok(Self {
            code: table.index(0)?,
            inputs: table.ints(1)?,
            outputs: table.ints(2)?,
            calls: calls(table)?,
        })
    }
}

/// Graphs that an operator runs, from its options: `BuiltinOptions` (If, While, Call, CallOnce), `BuiltinOptions2`
/// (StableHLO's composite, while, reduce, reduce window, sort, scatter).
fn calls(operator: Table<'_>) -> Result<Vec<i32>, Damage> {
    let fields: (_, &[usize]) = match (operator.byte(3)?, operator.byte(11)?) {
        (92 | 93, _) => (4, &[0, 1]),
        (16 | 103, _) => (4, &[0]),
        (_, 15) => (12, &[0, 1]),
        (_, 6 | 21) => (12, &[1]),
        (_, 13) => (12, &[5]),
        (_, 14) => (12, &[2]),
        (_, 7) => (12, &[6]),
        (_, 23) => return operator.table(12)?.map_or(Ok(Vec::new()), |options| options.ints(0)),
        _ => return Ok(Vec::new()),
    };
    let Some(options) = operator.table(fields.0)? else { return Err(Damage) };
    fields.1.iter().map(|&field| options.int(field)).collect()
}

impl Signature {
    fn read(table: Table<'_>) -> Result<Self, Damage> {
        let entry = |entry: Table<'_>| Ok((entry.text(0)?.ok_or(Damage)?, entry.index(1)?));
        Ok(Self {
            inputs: all(table.tables(0)?.unwrap_or_default(), entry)?,
            outputs: all(table.tables(1)?.unwrap_or_default(), entry)?,
            key: table.text(2)?.ok_or(Damage)?,
            graph: table.index(4)?,
        })
    }
}
