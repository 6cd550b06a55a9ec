"""Makes an INT8 model of a float ONNX file, calibrated with your own frames.

    python quantize.py model.onnx frames/ model-int8.onnx

Static quantisation in the QDQ form that edgevision's engines read: activations unsigned 8 bit (OpenVINO computes signed ones
wrongly), weights signed 8 bit for each channel. Weights use 7 of their 8 bits unless --weight-bits 8 is given: CPUs without
VNNI add up pairs of products in 16 bits, which would overflow.

What follows the last convolutions, and they themselves, stays in float: scores and boxes there have very different ranges.
A part of the frames is kept back from calibration, and both models are compared on it.
"""

from __future__ import annotations

import argparse
import fnmatch
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnx.version_converter

import common
import detections

HELD_OUT_EVERY = 5  # each 5th frame is not calibrated with
OPSET = 13
LAYER_FRAMES = 12  # frames that --float-layers tries each layer on


def weighted(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    return [node for node in graph.node if node.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul")]


def name_nodes(model: onnx.ModelProto):
    """Nodes are excluded by name; old exporters leave names out."""
    for index, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type.lower()}_{index}"


def readable(model: onnx.ModelProto) -> onnx.ModelProto:
    """Scales for each channel came with opset 13; older files are brought there."""
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if opset >= OPSET:
        return model
    try:
        return onnx.version_converter.convert_version(model, OPSET)
    except Exception as error:  # the converter has no error of its own
        raise SystemExit(f"the model has opset {opset}, which onnx cannot bring to {OPSET} ({error}); export it with opset {OPSET}") from error


def tail(graph: onnx.GraphProto) -> list[str]:
    """The last convolutions, and all nodes after them: those that reach an output without another one between."""
    makers = {out: node for node in graph.node for out in node.output}
    heavy, found, todo = {node.name for node in weighted(graph)}, {}, [makers[value.name] for value in graph.output]
    while todo:
        node = todo.pop()
        if node.name in found:
            continue
        found[node.name] = None
        if node.name not in heavy:
            todo += [makers[name] for name in node.input if name in makers]
    return list(found)


def matching(graph: onnx.GraphProto, patterns: list[str]) -> list[str]:
    """Names of the nodes that patterns such as `conv_1*` mean; one that means nothing is a mistake."""
    names, found = [node.name for node in graph.node], []
    for pattern in patterns:
        hits = fnmatch.filter(names, pattern)
        if not hits:
            raise SystemExit(f"--exclude {pattern}: no node has such a name; there are {', '.join(names[:20])}, …")
        found += hits
    return found


def quantise(source: Path, out: Path, tensors: list[np.ndarray], exclude: list[str], options: argparse.Namespace):
    """One static quantisation."""
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

    name = common.session(source).get_inputs()[0].name

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.rest = iter(tensors)

        def get_next(self):
            tensor = next(self.rest, None)
            return None if tensor is None else {name: tensor}

    method = {"minmax": CalibrationMethod.MinMax, "entropy": CalibrationMethod.Entropy, "percentile": CalibrationMethod.Percentile}
    extra = {"CalibPercentile": options.percentile} if options.method == "percentile" else {}
    quantize_static(
        str(source), str(out), Reader(), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=options.weight_bits == 7,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=method[options.method], nodes_to_exclude=exclude, extra_options=extra)


def in_float(quantised: onnx.ModelProto, source: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The quantised model with one layer as it was."""
    model = onnx.ModelProto.FromString(quantised.SerializeToString())
    makers = {out: node for node in model.graph.node for out in node.output}
    node = next(node for node in model.graph.node if node.name == name)
    original = next(node for node in source.graph.node if node.name == name)
    stored = {tensor.name: tensor for tensor in source.graph.initializer}
    for index, wanted in enumerate(original.input):
        if wanted in stored:
            node.input[index] = f"{wanted}_in_float"
            model.graph.initializer.append(stored[wanted])
            model.graph.initializer[-1].name = node.input[index]
        else:
            dequantise = makers.get(node.input[index])
            if dequantise is not None and dequantise.op_type == "DequantizeLinear":
                node.input[index] = makers[dequantise.input[0]].input[0]
    return model


def run(model: Path | bytes, tensors: list[np.ndarray]) -> list[np.ndarray]:
    if isinstance(model, bytes):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            path.write_bytes(model)
            return run(path, tensors)
    session = common.session(model)
    name = session.get_inputs()[0].name
    return [np.concatenate([out.ravel().astype(np.float64) for out in session.run(None, {name: tensor})]) for tensor in tensors]


def error(found: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    return float(np.mean([np.abs(a - b).mean() for a, b in zip(found, wanted)]))


def sensitive(quantised: Path, source: Path, tensors: list[np.ndarray], count: int) -> list[str]:
    """The layers that bring the outputs nearest to the float model's when they alone stay in float."""
    model, original = onnx.load(quantised), onnx.load(source)
    name_nodes(original)
    wanted = run(source, tensors)
    whole = error(run(quantised, tensors), wanted)
    makers = {out: node.op_type for node in model.graph.node for out in node.output}
    layers = [node.name for node in weighted(model.graph) if makers.get(node.input[0]) == "DequantizeLinear"]
    gains = [(whole - error(run(in_float(model, original, layer).SerializeToString(), tensors), wanted), layer) for layer in layers]
    best = sorted(gains, reverse=True)[:count]
    for gain, layer in best:
        print(f"stays in float: {layer} (the outputs' mean error would be {100 * gain / whole:.0f} % smaller by it alone)")
    return [layer for _, layer in best]


def compare(source: Path, out: Path, tensors: list[np.ndarray], least: float):
    """Tells how near the quantised model is to the float one; ends with 1 if it is not near enough."""
    print(f"{source.stat().st_size} -> {out.stat().st_size} bytes")
    print(f"mean difference of the outputs on {len(tensors)} frames kept back: {error(run(out, tensors), run(source, tensors)):.4g}")
    sessions = [common.session(path) for path in (source, out)]
    if not detections.is_yolox(sessions[0]):
        print("outputs are none of YOLOX: detections are not compared; measure the new model as you measure the old one")
        return
    share = detections.agreement(*sessions, tensors)
    print(f"detections found again, both ways (score 0.5, IoU 0.75, same class): {share:.3f}")
    if share < least:
        raise SystemExit(f"{out}: fewer than {least}; try --weight-bits 8 (for CPUs with VNNI, and ARM), --float-layers 3, --method percentile, or more frames")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="the float ONNX file")
    parser.add_argument("frames", type=Path, help="a folder of pictures from `edgevision extract-frames`")
    parser.add_argument("out", type=Path, help="the INT8 ONNX file to write")
    parser.add_argument("--method", choices=("minmax", "entropy", "percentile"), default="minmax", help="how ranges are found (default %(default)s)")
    parser.add_argument("--percentile", type=float, default=99.99, help="of --method percentile (default %(default)s)")
    parser.add_argument("--frames-used", type=int, default=100, metavar="N", help="frames to calibrate with, evenly spread (default %(default)s)")
    parser.add_argument("--weight-bits", type=int, choices=(7, 8), default=7, help="8 only for CPUs with VNNI or ARM (default %(default)s)")
    parser.add_argument("--exclude", action="append", default=[], metavar="PATTERN", help="nodes that stay in float, for example 'conv_1*'; may be repeated")
    parser.add_argument("--float-layers", type=int, default=0, metavar="N", help="keep the N most sensitive layers in float, found by trying (default %(default)s)")
    parser.add_argument("--quantize-tail", action="store_true", help="quantise the last convolutions and what follows, too")
    parser.add_argument("--least", type=float, default=0.85, metavar="SHARE", help="end with an error when fewer detections agree (default %(default)s)")
    common.add_letterbox_options(parser)
    options = parser.parse_args()

    letterbox = common.letterbox_of(options, common.session(options.model).get_inputs()[0].shape)
    files = common.pictures(options.frames)
    if len(files) < 2 * HELD_OUT_EVERY:
        parser.error(f"{options.frames} holds {len(files)} pictures; give at least {2 * HELD_OUT_EVERY}, better 100 or more")
    kept_back = [letterbox.read(file) for file in files[::HELD_OUT_EVERY][:100]]
    rest = [file for index, file in enumerate(files) if index % HELD_OUT_EVERY]
    step = max(1, len(rest) // options.frames_used)
    tensors = [letterbox.read(file) for file in rest[::step][:options.frames_used]]
    print(f"calibrating with {len(tensors)} of {len(files)} frames, {options.method}", flush=True)

    model = readable(onnx.load(options.model))
    name_nodes(model)
    exclude = matching(model.graph, options.exclude) + ([] if options.quantize_tail else tail(model.graph))
    with tempfile.TemporaryDirectory() as folder:
        named = Path(folder) / "named.onnx"
        onnx.save(model, named)
        quantise(named, options.out, tensors, exclude, options)
        if options.float_layers:
            exclude += sensitive(options.out, named, tensors[:LAYER_FRAMES], options.float_layers)
            quantise(named, options.out, tensors, exclude, options)
    compare(options.model, options.out, kept_back, options.least)


if __name__ == "__main__":
    main()
