#!/usr/bin/env python3
"""Writes the TensorFlow Lite models that the tests of the engine `litert` run.

    python3 -m pip install --target /tmp/py ai-edge-litert==2.3.0 && PYTHONPATH=/tmp/py python3 make.py

Each is a graph of a few operators whose results can be computed by hand; no converter is involved. The schema is the
one in the wheel of LiteRT.
"""

import pathlib
import struct

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

T = schema.TensorType
Op = schema.BuiltinOperator
Options = schema.BuiltinOptions
HERE = pathlib.Path(__file__).parent


class Model:
    """One subgraph, put together tensor by tensor."""

    def __init__(self):
        self.tensors, self.operators, self.codes = [], [], []
        self.buffers = [schema.BufferT()]

    def tensor(self, name, dtype, shape, signature=None, scale=None, zero_point=0, data=None):
        tensor = schema.TensorT()
        tensor.name, tensor.type, tensor.shape, tensor.shapeSignature = name, dtype, shape, signature
        tensor.hasRank = True
        if scale is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [zero_point]
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = list(data)
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer)
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def op(self, code, inputs, outputs, options=None, kind=None, version=1):
        known = schema.OperatorCodeT()
        known.builtinCode, known.deprecatedBuiltinCode, known.version = code, min(code, 127), version
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = len(self.codes), inputs, outputs
        if options is not None:
            operator.builtinOptionsType, operator.builtinOptions = kind, options
        self.codes.append(known)
        self.operators.append(operator)

    def write(self, file, inputs, outputs, signature=None, weights=None):
        graph = schema.SubGraphT()
        graph.name, graph.tensors, graph.operators = "main", self.tensors, self.operators
        graph.inputs, graph.outputs = inputs, outputs
        model = schema.ModelT()
        model.version, model.operatorCodes, model.subgraphs = 3, self.codes, [graph]
        model.buffers, model.description = self.buffers, "edgevision test model"
        if signature:
            model.signatureDefs = [self.signature(signature, inputs, outputs)]
        if weights is not None:
            group, buffer = schema.ExternalBufferGroupT(), schema.ExternalBufferT()
            group.name, buffer.id, buffer.length = weights, 1, 16
            model.externalBufferGroups, model.externalBuffers = [group], [buffer]
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        (HERE / file).write_bytes(builder.Output())

    @staticmethod
    def signature(names, inputs, outputs):
        def entries(names, tensors):
            for name, tensor in zip(names, tensors):
                entry = schema.TensorMapT()
                entry.name, entry.tensorIndex = name, tensor
                yield entry

        known = schema.SignatureDefT()
        known.signatureKey, known.subgraphIndex = "serving_default", 0
        # Sorted by name, as converters write them; the order of the graph is another.
        known.inputs = sorted(entries(names[0], inputs), key=lambda entry: entry.name)
        known.outputs = sorted(entries(names[1], outputs), key=lambda entry: entry.name)
        return known


def add():
    options = schema.AddOptionsT()
    return dict(options=options, kind=Options.AddOptions)


def mul():
    options = schema.MulOptionsT()
    return dict(options=options, kind=Options.MulOptions)


def two_by_two():
    """sum = a + b, product = a * b; the first dimension is open, the signature's names are sorted otherwise."""
    model = Model()
    shape = dict(shape=[1, 4], signature=[-1, 4])
    b, a = (model.tensor(f"{name}:0", T.FLOAT32, **shape) for name in "ba")
    total, product = (model.tensor(f"{name}:0", T.FLOAT32, **shape) for name in ("sum", "product"))
    model.op(Op.ADD, [a, b], [total], **add())
    model.op(Op.MUL, [a, b], [product], **mul())
    model.write("two_by_two.tflite", [b, a], [total, product], (["b", "a"], ["sum", "product"]))


def quantised():
    """8-bit addition: u8 with scale 0.5 and zero point 128, twice the input; s8 beside it."""
    model = Model()
    x = model.tensor("x", T.UINT8, [1, 2, 2, 1], scale=0.5, zero_point=128)
    y = model.tensor("y", T.UINT8, [1, 2, 2, 1], scale=1.0, zero_point=10)
    s = model.tensor("s", T.INT8, [1, 4], scale=0.25, zero_point=-3)
    t = model.tensor("t", T.INT8, [1, 4], scale=0.5, zero_point=1)
    model.op(Op.ADD, [x, x], [y], **add())
    model.op(Op.ADD, [s, s], [t], version=2, **add())
    model.write("quantised.tflite", [x, s], [y, t])


def cast(model, source, target, dtypes):
    options = schema.CastOptionsT()
    options.inDataType, options.outDataType = dtypes
    model.op(Op.CAST, [source], [target], options=options, kind=Options.CastOptions)


def types():
    """Every type once in and once out: f16 -> f32, f32 -> f16, i64 -> i32, i32 -> i64."""
    model = Model()
    inputs, outputs = [], []
    pairs = [(T.FLOAT16, T.FLOAT32), (T.FLOAT32, T.FLOAT16), (T.INT64, T.INT32), (T.INT32, T.INT64)]
    for number, pair in enumerate(pairs):
        inputs.append(model.tensor(f"in{number}", pair[0], [3]))
        outputs.append(model.tensor(f"out{number}", pair[1], [3]))
        cast(model, inputs[-1], outputs[-1], pair)
    model.write("types.tflite", inputs, outputs)


def convolution():
    """A 3x3 mean of one channel, padded: weights 1/9, bias 1."""
    model = Model()
    x = model.tensor("image", T.FLOAT32, [1, 4, 4, 1])
    weights = model.tensor("w", T.FLOAT32, [1, 3, 3, 1], data=struct.pack("<9f", *[1 / 9] * 9))
    bias = model.tensor("bias", T.FLOAT32, [1], data=struct.pack("<f", 1))
    y = model.tensor("mean", T.FLOAT32, [1, 4, 4, 1])
    options = schema.Conv2DOptionsT()
    options.padding, options.strideW, options.strideH = schema.Padding.SAME, 1, 1
    options.dilationWFactor = options.dilationHFactor = 1
    model.op(Op.CONV_2D, [x, weights, bias], [y], options=options, kind=Options.Conv2DOptions)
    model.write("convolution.tflite", [x], [y])


def unknown_output():
    """How many values are positive is known only afterwards: WHERE."""
    model = Model()
    x = model.tensor("x", T.BOOL, [4])
    f = model.tensor("f", T.FLOAT32, [4])
    zero = model.tensor("zero", T.FLOAT32, [4], data=bytes(16))
    y = model.tensor("indices", T.INT64, [0, 1], signature=[-1, 1])
    model.op(Op.GREATER, [f, zero], [x], options=schema.GreaterOptionsT(), kind=Options.GreaterOptions)
    model.op(Op.WHERE, [x], [y], options=schema.WhereOptionsT(), kind=Options.WhereOptions)
    model.write("unknown_output.tflite", [f], [y])


def echo():
    """An output that is an input, and one that is a constant."""
    model = Model()
    x = model.tensor("x", T.FLOAT32, [2])
    seven = model.tensor("seven", T.FLOAT32, [1], data=struct.pack("<f", 7))
    y = model.tensor("y", T.FLOAT32, [2])
    model.op(Op.ADD, [x, x], [y], **add())
    model.write("constant_output.tflite", [x], [y, seven])
    model.write("echo.tflite", [x], [y, x])


def elsewhere():
    """Weights in another file, which LiteRT would open and read."""
    model = Model()
    x = model.tensor("x", T.FLOAT32, [4])
    w = model.tensor("w", T.FLOAT32, [4])
    y = model.tensor("y", T.FLOAT32, [4])
    model.tensors[w].externalBuffer = 1
    model.op(Op.MUL, [x, w], [y], **mul())
    model.write("elsewhere.tflite", [x], [y], weights="elsewhere.weights")


if __name__ == "__main__":
    for make in (two_by_two, quantised, types, convolution, unknown_output, echo, elsewhere):
        make()
