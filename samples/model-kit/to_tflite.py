"""Writes an ONNX detector as .tflite, in float and in INT8.

    python to_tflite.py model.onnx model.tflite
    python to_tflite.py model.onnx model-int8.tflite --frames frames/

The graph is written operator by operator with the schema that comes with LiteRT: neither TensorFlow nor a download is
needed, and the outputs keep their names and shapes. The input becomes [1, height, width, 3] (`layout: nhwc` for the module
`letterbox`), as TFLite wants it. Knows what plain convolutional detectors are made of, with batch norm folded; refuses all
else by name. INT8: AI Edge Quantizer, static ranges from your frames, signed activations as TFLite has them; input, the
last convolutions and what follows them stay in float.

The result is compared with the ONNX file before this ends.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import flatbuffers
import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as tfl
from onnx import numpy_helper

import common
import detections

OPS = {"Conv", "Relu", "Sigmoid", "MaxPool", "Add", "Mul", "Concat", "Resize", "Reshape", "Transpose"}
SIGNATURE = "serving_default"
RELU = tfl.ActivationFunctionType.RELU


def attributes(node) -> dict:
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


class Writer:
    """A .tflite file with one graph. A value is (tensor index, shape, channels last); the shape is the stored one."""

    def __init__(self):
        self.model, self.graph = tfl.ModelT(), tfl.SubGraphT()
        self.model.version, self.model.description, self.model.subgraphs = 3, "edgevision model-kit", [self.graph]
        self.model.buffers, self.model.operatorCodes, self.codes = [tfl.BufferT()], [], {}
        self.graph.tensors, self.graph.operators, self.graph.name = [], [], "main"

    def tensor(self, name: str, shape, data: np.ndarray | None = None) -> int:
        tensor = tfl.TensorT()
        tensor.name, tensor.shape = name, [int(n) for n in shape]
        tensor.type = tfl.TensorType.INT32 if data is not None and data.dtype == np.int32 else tfl.TensorType.FLOAT32
        tensor.buffer = 0
        if data is not None:
            buffer = tfl.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def constant(self, name: str, data: np.ndarray) -> int:
        return self.tensor(name, data.shape, data)

    def op(self, code: str, inputs: list[int], name: str, shape, kind: str | None = None, **options) -> int:
        number = getattr(tfl.BuiltinOperator, code)
        if number not in self.codes:
            entry = tfl.OperatorCodeT()
            entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = number, min(number, 127), 1
            self.codes[number] = len(self.model.operatorCodes)
            self.model.operatorCodes.append(entry)
        operator, out = tfl.OperatorT(), self.tensor(name, shape)
        operator.opcodeIndex, operator.inputs, operator.outputs = self.codes[number], inputs, [out]
        if kind:
            operator.builtinOptionsType = getattr(tfl.BuiltinOptions, kind)
            operator.builtinOptions = getattr(tfl, kind + "T")()
            for key, value in options.items():
                setattr(operator.builtinOptions, key, value)
        self.graph.operators.append(operator)
        return out

    def finish(self, inputs: dict[str, int], outputs: dict[str, int]) -> bytes:
        self.graph.inputs, self.graph.outputs = list(inputs.values()), list(outputs.values())
        signature = tfl.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = SIGNATURE, 0
        signature.inputs, signature.outputs = [[self.named(*pair) for pair in side.items()] for side in (inputs, outputs)]
        self.model.signatureDefs = [signature]
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    @staticmethod
    def named(name: str, index: int):
        entry = tfl.TensorMapT()
        entry.name, entry.tensorIndex = name, index
        return entry


class Converter:
    """Follows the ONNX graph. Pictures have their channels last, as do rows made of them, until a Transpose undoes it."""

    def __init__(self, model: onnx.ModelProto):
        self.graph, self.out = model.graph, Writer()
        self.constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        self.values: dict[str, tuple[int, list[int], bool]] = {}
        self.readers: dict[str, list] = {}
        for node in self.graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        others = sorted({node.op_type for node in self.graph.node} - OPS)
        if others:
            raise SystemExit(f"operators {', '.join(others)} are not known here, only {', '.join(sorted(OPS))}")

    def convert(self) -> bytes:
        value = next(i for i in self.graph.input if i.name not in self.constants)
        n, c, h, w = (d.dim_value for d in value.type.tensor_type.shape.dim)
        self.values[value.name] = (self.out.tensor(value.name, [n, h, w, c]), [n, h, w, c], True)
        for node in self.graph.node:
            if node.output[0] not in self.values:
                self.values[node.output[0]] = getattr(self, node.op_type.lower())(node, attributes(node))
        outputs = {}
        for output in self.graph.output:
            index, _, _ = self.plain(output.name)
            self.out.graph.tensors[index].name = output.name
            outputs[output.name] = index
        return self.out.finish({value.name: self.values[value.name][0]}, outputs)

    def plain(self, name: str):
        """A value with its axes in the order of ONNX."""
        index, shape, last = self.values[name]
        if not last:
            return index, shape, False
        perm = [0, len(shape) - 1, *range(1, len(shape) - 1)]
        shape = [shape[i] for i in perm]
        return self.moved(index, perm, f"{name}_plain", shape), shape, False

    def moved(self, index, perm, name, shape):
        order = self.out.constant(f"{name}_perm", np.array(perm, np.int32))
        return self.out.op("TRANSPOSE", [index, order], name, shape, "TransposeOptions")

    def picture(self, name: str):
        index, shape, last = self.values[name]
        if not last or len(shape) != 4:
            raise SystemExit(f"{name}: an operator on pictures gets none")
        return index, shape

    def activation(self, node) -> tuple[int, str]:
        """A ReLU that alone reads this node becomes part of it."""
        readers = self.readers.get(node.output[0], [])
        if len(readers) == 1 and readers[0].op_type == "Relu":
            return RELU, readers[0].output[0]
        return tfl.ActivationFunctionType.NONE, node.output[0]

    def done(self, name: str, node, value):
        if name != node.output[0]:
            self.values[name] = value
        return value

    def padded(self, index, shape, pads, kernel, strides, name, fill: float):
        """TFLite knows only two ways to pad; all others are an operator of their own."""
        top, left, bottom, right = pads
        size = [-(-n // s) for n, s in zip(shape[1:3], strides)]
        total = [max((o - 1) * s + k - n, 0) for o, s, k, n in zip(size, strides, kernel, shape[1:3])]
        if [top, left, bottom, right] == [total[0] // 2, total[1] // 2, total[0] - total[0] // 2, total[1] - total[1] // 2]:
            return index, shape, tfl.Padding.SAME, size
        if any(pads):
            shape = [shape[0], shape[1] + top + bottom, shape[2] + left + right, shape[3]]
            sides = self.out.constant(f"{name}_pads", np.array([[0, 0], [top, bottom], [left, right], [0, 0]], np.int32))
            if fill:
                value = self.out.constant(f"{name}_fill", np.array([fill], np.float32))
                index = self.out.op("PADV2", [index, sides, value], f"{name}_padded", shape, "PadV2Options")
            else:
                index = self.out.op("PAD", [index, sides], f"{name}_padded", shape, "PadOptions")
        return index, shape, tfl.Padding.VALID, [(n - k) // s + 1 for n, k, s in zip(shape[1:3], kernel, strides)]

    def conv(self, node, a):
        index, shape = self.picture(node.input[0])
        weight, groups = self.constants[node.input[1]], a.get("group", 1)
        bias = self.constants[node.input[2]] if len(node.input) > 2 else np.zeros(weight.shape[0], np.float32)
        strides, kernel = a.get("strides", [1, 1]), list(weight.shape[2:])
        if a.get("dilations", [1, 1]) != [1, 1]:
            raise SystemExit(f"{node.name}: dilated convolutions are not known here")
        index, shape, padding, size = self.padded(index, shape, a.get("pads", [0] * 4), kernel, strides, node.output[0], 0.0)
        fused, name = self.activation(node)
        options = {"padding": padding, "strideH": strides[0], "strideW": strides[1], "fusedActivationFunction": fused}
        if groups == 1:
            code, kind, weight = "CONV_2D", "Conv2DOptions", weight.transpose(0, 2, 3, 1)
        elif groups == weight.shape[0] == shape[3]:
            code, kind, weight = "DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", weight.transpose(1, 2, 3, 0)
            options["depthMultiplier"] = 1
        else:
            raise SystemExit(f"{node.name}: {groups} groups are not known here, only dense and depthwise convolutions")
        inputs = [index, self.out.constant(node.input[1], weight), self.out.constant(f"{name}_bias", bias)]
        new = [shape[0], *size, len(bias)]
        return self.done(name, node, (self.out.op(code, inputs, name, new, kind, **options), new, True))

    def maxpool(self, node, a):
        index, shape = self.picture(node.input[0])
        kernel, strides = a["kernel_shape"], a.get("strides", [1, 1])
        index, shape, padding, size = self.padded(index, shape, a.get("pads", [0] * 4), kernel, strides, node.output[0], float(np.finfo(np.float32).min))
        new = [shape[0], *size, shape[3]]
        options = {"padding": padding, "filterHeight": kernel[0], "filterWidth": kernel[1], "strideH": strides[0], "strideW": strides[1]}
        return self.out.op("MAX_POOL_2D", [index], node.output[0], new, "Pool2DOptions", **options), new, True

    def alone(self, node, code):
        index, shape, last = self.values[node.input[0]]
        return self.out.op(code, [index], node.output[0], shape), shape, last

    def relu(self, node, a):
        return self.alone(node, "RELU")

    def sigmoid(self, node, a):
        return self.alone(node, "LOGISTIC")

    def pair(self, node, code, kind):
        (first, shape, last), (second, other, last_too) = (self.values[name] for name in node.input)
        if (shape, last) != (other, last_too):
            raise SystemExit(f"{node.name}: its two inputs have different shapes, {shape} and {other}")
        fused, name = self.activation(node)
        return self.done(name, node, (self.out.op(code, [first, second], name, shape, kind, fusedActivationFunction=fused), shape, last))

    def add(self, node, a):
        return self.pair(node, "ADD", "AddOptions")

    def mul(self, node, a):
        return self.pair(node, "MUL", "MulOptions")

    def concat(self, node, a):
        parts = [self.values[name] for name in node.input]
        if len({last for _, _, last in parts}) > 1:
            parts = [self.plain(name) for name in node.input]
        rank, last = len(parts[0][1]), parts[0][2]
        axis = a["axis"] % rank
        axis = axis if not last or axis == 0 else (axis - 2) % (rank - 1) + 1
        shape = list(parts[0][1])
        shape[axis] = sum(part[axis] for _, part, _ in parts)
        index = self.out.op("CONCATENATION", [i for i, _, _ in parts], node.output[0], shape, "ConcatenationOptions", axis=axis)
        return index, shape, last

    def resize(self, node, a):
        index, shape = self.picture(node.input[0])
        how = (a.get("mode", b"nearest"), a.get("coordinate_transformation_mode", b"half_pixel"), a.get("nearest_mode", b"round_prefer_floor"))
        if how != (b"nearest", b"asymmetric", b"floor"):
            raise SystemExit(f"{node.name}: only Resize with nearest, asymmetric and floor is known here, not {how}")
        scales = self.constants[node.input[2]]
        new = [shape[0], int(shape[1] * scales[2]), int(shape[2] * scales[3]), shape[3]]
        size = self.out.constant(f"{node.output[0]}_size", np.array(new[1:3], np.int32))
        return self.out.op("RESIZE_NEAREST_NEIGHBOR", [index, size], node.output[0], new, "ResizeNearestNeighborOptions"), new, True

    def reshape(self, node, a):
        index, shape, last = self.values[node.input[0]]
        wanted = [int(n) for n in self.constants[node.input[1]]]
        # [n, c, h, w] to [n, c, h * w] keeps the channels; with channels last it is [n, h * w, c].
        rows = last and len(shape) == 4 and len(wanted) == 3 and wanted[:2] == [shape[0], shape[3]]
        if rows:
            new = [shape[0], shape[1] * shape[2], shape[3]]
        else:
            index, shape, _ = self.plain(node.input[0])
            new = list(np.zeros(shape).reshape(wanted).shape)
        target = self.out.constant(f"{node.output[0]}_shape", np.array(new, np.int32))
        return self.out.op("RESHAPE", [index, target], node.output[0], new, "ReshapeOptions", newShape=new), new, rows

    def transpose(self, node, a):
        index, shape, last = self.values[node.input[0]]
        if last and len(shape) == 3 and a["perm"] == [0, 2, 1]:
            return index, shape, False  # stored like that already
        index, shape, _ = self.plain(node.input[0])
        new = [shape[i] for i in a["perm"]]
        return self.moved(index, a["perm"], node.output[0], new), new, False


def tail_names(model: onnx.ModelProto) -> list[str]:
    """Outputs of the last convolutions and of what follows them."""
    import quantize

    quantize.name_nodes(model)
    names = set(quantize.tail(model.graph))
    return [out for node in model.graph.node if node.name in names for out in node.output]


def quantise(float_file: Path, out: Path, tensors: list[np.ndarray], name: str, keep: list[str]):
    """INT8 with input and `keep` (names of outputs of operators) in float."""
    import re

    from ai_edge_quantizer import algorithm_manager, qtyping, quantizer, recipe

    tool = quantizer.Quantizer(str(float_file), recipe.static_wi8_ai8())
    free = algorithm_manager.AlgorithmName.NO_QUANTIZE
    for operation in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
        tool.update_quantization_recipe(regex=".*", operation_name=operation, algorithm_key=free)
    for output in keep:
        tool.update_quantization_recipe(
            regex=f"^{re.escape(output)};?$", operation_name=qtyping.TFLOperationName.ALL_SUPPORTED, algorithm_key=free)
    ranges = tool.calibrate({SIGNATURE: [{name: tensor.transpose(0, 2, 3, 1)} for tensor in tensors]})
    tool.quantize(ranges).export_model(str(out), overwrite=True)


class Lite:
    """A .tflite with the little of ONNX Runtime's interface that detections.py uses."""

    def __init__(self, path: Path, like):
        from ai_edge_litert.interpreter import Interpreter

        self.lite, self.like = Interpreter(model_path=str(path), num_threads=1), like
        self.lite.allocate_tensors()
        self.get_inputs, self.get_outputs = like.get_inputs, like.get_outputs

    def run(self, _, values):
        (tensor,) = values.values()
        self.lite.set_tensor(self.lite.get_input_details()[0]["index"], np.ascontiguousarray(tensor.transpose(0, 2, 3, 1)))
        self.lite.invoke()
        return [self.lite.get_tensor(detail["index"]) for detail in self.lite.get_output_details()]


def check(model: Path, out: Path, tensors: list[np.ndarray], least: float):
    """Holds the file against the ONNX model."""
    first = common.session(model)
    second, name = Lite(out, first), first.get_inputs()[0].name
    pairs = [(first.run(None, {name: tensor})[0], second.run(None, {name: tensor})[0]) for tensor in tensors]
    print(f"{out}: {out.stat().st_size} bytes; largest difference of the outputs on {len(pairs)} frames: {max(np.abs(a - b).max() for a, b in pairs):.3g}")
    if detections.is_yolox(first):
        share = detections.agreement(first, second, tensors)
        print(f"detections found again, both ways (score 0.5, IoU 0.75, same class): {share:.3f}")
        if share < least:
            raise SystemExit(f"{out}: fewer than {least}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="the float ONNX file")
    parser.add_argument("out", type=Path, help="the .tflite file to write")
    parser.add_argument("--frames", type=Path, help="a folder of pictures: quantise to INT8 with them")
    parser.add_argument("--check", type=Path, help="a folder of pictures to compare on (default: those of --frames, else noise)")
    parser.add_argument("--frames-used", type=int, default=100, metavar="N", help="frames to calibrate with (default %(default)s)")
    parser.add_argument("--least", type=float, default=0.85, metavar="SHARE", help="end with an error when fewer detections agree (default %(default)s)")
    common.add_letterbox_options(parser)
    options = parser.parse_args()

    source = common.session(options.model).get_inputs()[0]
    letterbox = common.letterbox_of(options, source.shape)
    model = onnx.load(options.model)
    written = Converter(model).convert()
    if options.frames is None:
        options.out.write_bytes(written)
    else:
        tensors = [letterbox.read(file) for file in common.pictures(options.frames, options.frames_used)]
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / "float.tflite"
            whole.write_bytes(written)
            quantise(whole, options.out, tensors, source.name, tail_names(model))
    folder = options.check or options.frames
    noise = np.random.default_rng(1).integers(0, 256, (5, letterbox.height, letterbox.width, 3), np.uint8)
    tensors = [letterbox.read(file) for file in common.pictures(folder, 53)] if folder else [letterbox.tensor(picture) for picture in noise]
    check(options.model, options.out, tensors, options.least)


if __name__ == "__main__":
    main()
