"""Writes line3.onnx from the trained weights and checks it against PyTorch.

    python export.py WORK_DIR [OUTPUT]

The graph is built node by node: batch norm and the 1/255 of the input are
folded into the convolutions, every shape is static, and weights are plain
initialisers that are not listed as graph inputs.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

import evaluate
import train

OPSET = 13


class Graph:
    """Appends nodes and counts what they cost."""

    def __init__(self):
        self.nodes, self.weights, self.macs, self.parameters = [], [], 0, 0
        self.shapes = {}

    def constant(self, name, array):
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, op, inputs, shape, **attributes):
        out = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [out], name=out, **attributes))
        self.shapes[out] = tuple(shape)
        return out

    def conv(self, x, weight, bias, stride, pad, groups):
        n, _, h, w = self.shapes[x]
        c_out, per_group, k, _ = weight.shape
        h, w = (h + 2 * pad - k) // stride + 1, (w + 2 * pad - k) // stride + 1
        self.macs += weight.size * h * w
        self.parameters += weight.size + bias.size
        i = len(self.nodes)
        return self.add("Conv", [x, self.constant(f"w{i}", weight), self.constant(f"b{i}", bias)], (n, c_out, h, w),
                        kernel_shape=[k, k], strides=[stride] * 2, pads=[pad] * 4, group=groups)

    def block(self, x, layer, gain=1.0):
        """Conv + batch norm + ReLU as Conv + Relu."""
        convolution, norm, _ = layer
        scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach().double().numpy()
        weight = convolution.weight.detach().double().numpy() * scale[:, None, None, None] * gain
        bias = norm.bias.detach().double().numpy() - norm.running_mean.double().numpy() * scale
        x = self.conv(x, weight.astype(np.float32), bias.astype(np.float32), convolution.stride[0], convolution.padding[0], convolution.groups)
        return self.add("Relu", [x], self.shapes[x])

    def separable(self, x, layer):
        return self.block(self.block(x, layer[0]), layer[1])

    def sum(self, a, b):
        return self.add("Add", [a, b], self.shapes[a])

    def residual(self, x, layer):
        return self.sum(x, self.separable(x, layer.body))

    def twice(self, x):
        n, c, h, w = self.shapes[x]
        scales = self.constant(f"scales{len(self.nodes)}", np.array([1, 1, 2, 2], np.float32))
        return self.add("Resize", [x, "", scales], (n, c, 2 * h, 2 * w), mode="nearest",
                        coordinate_transformation_mode="asymmetric", nearest_mode="floor")

    def concat(self, parts, axis):
        shape = list(self.shapes[parts[0]])
        shape[axis] = sum(self.shapes[p][axis] for p in parts)
        return self.add("Concat", parts, shape, axis=axis)

    def plain(self, x, *layers):
        """Several 1x1 output layers as one convolution."""
        weight = torch.cat([l.weight for l in layers]).detach().numpy()
        bias = torch.cat([l.bias for l in layers]).detach().numpy()
        return self.conv(x, weight, bias, 1, 0, 1)


def build(model: train.Detector):
    g = Graph()
    g.shapes["images"] = (1, 3, evaluate.HEIGHT, evaluate.WIDTH)
    x = g.block("images", model.stem, 1 / 255)
    x = g.sum(x, g.block(x, model.detail))
    c3 = g.residual(g.residual(g.block(x, model.stage3[0]), model.stage3[1]), model.stage3[2])
    c4 = g.residual(g.residual(g.block(c3, model.stage4[0]), model.stage4[1]), model.stage4[2])
    c5 = g.residual(g.separable(c4, model.stage5[0]), model.stage5[1])
    pooled = g.add("MaxPool", [c5], g.shapes[c5], kernel_shape=[5, 5], strides=[1, 1], pads=[2, 2, 2, 2])
    c5 = g.block(g.concat([c5, pooled], 1), model.after_pool)
    p5 = g.block(c5, model.lateral[2])
    p4 = g.separable(g.sum(g.block(c4, model.lateral[1]), g.twice(p5)), model.down_mix[1])
    p3 = g.separable(g.sum(g.block(c3, model.lateral[0]), g.twice(p4)), model.down_mix[0])
    p4 = g.sum(p4, g.separable(p3, model.up[0]))
    p5 = g.sum(p5, g.separable(p4, model.up[1]))
    levels = []
    for i, p in enumerate((p3, p4, p5)):
        p = g.separable(g.separable(p, model.tower[i][0]), model.tower[i][1])
        box = g.plain(p, model.box_out[i])
        score = g.plain(p, model.object_out[i], model.class_out[i])
        score = g.add("Sigmoid", [score], g.shapes[score])
        both = g.concat([box, score], 1)
        n, c, h, w = g.shapes[both]
        shape = g.constant(f"shape{i}", np.array([1, c, h * w], np.int64))
        levels.append(g.add("Reshape", [both, shape], (1, c, h * w)))
    rows = g.concat(levels, 2)
    _, c, cells = g.shapes[rows]
    g.nodes.append(helper.make_node("Transpose", [rows], ["output"], name="output", perm=[0, 2, 1]))
    graph = helper.make_graph(
        g.nodes, "line3", [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, evaluate.HEIGHT, evaluate.WIDTH])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, cells, c])], g.weights)
    exported = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="edgevision samples/make/export.py")
    exported.ir_version = 8
    onnx.checker.check_model(exported, full_check=True)
    return exported, g


def main(work: Path, out: Path):
    import onnxruntime

    model = train.Detector()
    model.load_state_dict(torch.load(work / "detector.pt", weights_only=True))
    model.eval()
    exported, g = build(model)
    out.write_bytes(exported.SerializeToString())
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    pictures = np.load(work / "held_out.npz")["pictures"][::50].astype(np.float32).transpose(0, 3, 1, 2)
    worst = 0.0
    for x in pictures:
        with torch.no_grad():
            expected = model(torch.from_numpy(x[None].copy()))
            expected = torch.cat([expected[..., :4], torch.sigmoid(expected[..., 4:])], -1).numpy()
        worst = max(worst, float(np.abs(session.run(["output"], {"images": x[None]})[0] - expected).max()))
    ops = sorted({n.op_type for n in g.nodes})
    print(f"parameters {g.parameters}, {g.macs / 1e6:.1f} M multiply-adds = {2 * g.macs / 1e9:.3f} GFLOP, {out.stat().st_size} bytes")
    print("nodes", len(g.nodes), "ops", " ".join(ops))
    print("largest difference to PyTorch", worst)
    print("sha256", hashlib.sha256(out.read_bytes()).hexdigest())
    if worst > 1e-2:
        raise SystemExit("the exported graph does not compute what was trained")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else evaluate.SAMPLES / "line3.onnx")
