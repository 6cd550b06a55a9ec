"""Takes whole channels out of an ONNX detector: it gets smaller and quicker on every engine.

    python prune.py teacher.onnx pruned.onnx --keep 0.5

The channels whose filters weigh least go (L1 norm of what makes a channel and of what reads it; batch norm is folded, so
its scale counts). Channels that are added to each other go together, depthwise filters with their channel, and what the
outputs are made of stays. The result is a worse detector until distil.py has trained it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from onnx_torch import attributes

KEPT = "edgevision.kept_channels"  # key of the file's metadata
STRAIGHT = {"Relu", "Sigmoid", "MaxPool", "Resize", "LeakyRelu", "HardSwish", "HardSigmoid", "Clip", "AveragePool", "BatchNormalization"}


class Channels:
    """Which channels of which tensors are one and the same: numbers, united where the graph ties them together."""

    def __init__(self, graph: onnx.GraphProto):
        self.parent: list[int] = []
        self.frozen: set[int] = set()
        self.of: dict[str, np.ndarray] = {}
        self.weights = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        inputs = [i for i in graph.input if i.name not in self.weights]
        for value in inputs:
            self.of[value.name] = self.new(value.type.tensor_type.shape.dim[1].dim_value)
            self.freeze(value.name)
        for node in graph.node:
            self.follow(node)
        for value in graph.output:
            self.freeze(value.name)

    def new(self, count: int) -> np.ndarray:
        start = len(self.parent)
        self.parent += range(start, start + count)
        return np.arange(start, start + count)

    def root(self, i: int) -> int:
        while self.parent[i] != i:
            self.parent[i] = self.parent[self.parent[i]]
            i = self.parent[i]
        return i

    def roots(self, name: str) -> np.ndarray:
        return np.array([self.root(i) for i in self.of[name]], int)

    def freeze(self, name: str):
        self.frozen.update(int(i) for i in self.of.get(name, []))

    def unite(self, a: str, b: str):
        for i, j in zip(self.of[a], self.of[b]):
            self.parent[self.root(i)] = self.root(j)

    def follow(self, node: onnx.NodeProto):
        out, given = node.output[0], [name for name in node.input if name in self.of]
        a = attributes(node)
        if node.op_type == "Conv":
            weight, groups = self.weights[node.input[1]], a.get("group", 1)
            if groups == 1:
                self.of[out] = self.new(weight.shape[0])
            elif groups == weight.shape[0] == len(self.of[given[0]]):
                self.of[out] = self.of[given[0]]
            else:
                raise SystemExit(f"{node.name}: a convolution in {groups} groups; the kit prunes dense and depthwise ones")
        elif node.op_type in STRAIGHT:
            self.of[out] = self.of[given[0]]
        elif node.op_type in ("Add", "Mul") and len(given) == 2 and len(self.of[given[0]]) == len(self.of[given[1]]):
            self.unite(*given)
            self.of[out] = self.of[given[0]]
        elif node.op_type == "Concat" and a["axis"] == 1 and len(given) == len(node.input):
            self.of[out] = np.concatenate([self.of[name] for name in given])
        else:
            # An operator that may mix or move channels: what goes in stays whole. What comes out is no channel.
            for name in given:
                self.freeze(name)


def importance(graph: onnx.GraphProto, channels: Channels) -> tuple[dict[int, float], dict[int, set[int]]]:
    """Weight of each channel, relative to its neighbours, and the convolutions that make it."""
    score: dict[int, float] = {}
    makers: dict[int, set[int]] = {}
    for index, node in enumerate(graph.node):
        if node.op_type != "Conv":
            continue
        weight = np.abs(channels.weights[node.input[1]]).astype(np.float64)
        sides = [(node.output[0], weight.sum((1, 2, 3)))]
        if weight.shape[1] > 1 or attributes(node).get("group", 1) == 1:
            sides.append((node.input[0], weight.sum((0, 2, 3))))
            for i in channels.roots(node.output[0]):
                makers.setdefault(int(i), set()).add(index)
        for name, norm in sides:
            for i, value in zip(channels.roots(name), norm / max(norm.mean(), 1e-12)):
                score[int(i)] = score.get(int(i), 0.0) + float(value)
    return score, makers


def choose(graph: onnx.GraphProto, channels: Channels, keep: float, multiple: int) -> set[int]:
    """The channels that stay. Those of the same convolutions compete; vector units like multiples of 8."""
    score, makers = importance(graph, channels)
    frozen = {channels.root(i) for i in channels.frozen}
    rivals: dict[tuple, list[int]] = {}
    for i, by in makers.items():
        if i not in frozen:
            rivals.setdefault(tuple(sorted(by)), []).append(i)
    stay = set(frozen)
    for team in rivals.values():
        wanted = max(multiple, round(len(team) * keep / multiple) * multiple)
        stay.update(sorted(team, key=lambda i: -score[i])[:wanted])
    return stay


def cut(model: onnx.ModelProto, channels: Channels, stay: set[int]):
    """Takes the others out of weights and biases."""
    tensors = {t.name: t for t in model.graph.initializer}
    kept = lambda name: np.array([i in stay for i in channels.roots(name)], bool)
    for node in model.graph.node:
        if node.op_type != "Conv":
            continue
        rows, weight = kept(node.output[0]), channels.weights[node.input[1]][kept(node.output[0])]
        groups = next((a for a in node.attribute if a.name == "group"), None)
        if groups is not None and groups.i > 1:
            groups.i = int(rows.sum())
        else:
            weight = weight[:, kept(node.input[0])]
        parts = {node.input[1]: weight}
        if len(node.input) > 2:
            parts[node.input[2]] = channels.weights[node.input[2]][rows]
        for name, array in parts.items():
            tensors[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), name))



def remember(model: onnx.ModelProto, channels: Channels, stay: set[int]):
    """Writes into the file which channels stayed, so that distil.py can compare the features of both models. Not for models
    that were pruned twice: the numbers are those of the first."""
    kept = {
        node.output[0]: [i for i, root in enumerate(channels.roots(node.output[0])) if root in stay]
        for node in model.graph.node if node.op_type in ("Relu", "Add") and node.output[0] in channels.of}
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {KEPT: json.dumps(kept, separators=(",", ":"))})


def prune(model: onnx.ModelProto, keep: float, multiple: int = 8) -> onnx.ModelProto:
    """A smaller copy."""
    model, channels = onnx.ModelProto.FromString(model.SerializeToString()), Channels(model.graph)
    stay = choose(model.graph, channels, keep, multiple)
    cut(model, channels, stay)
    del model.graph.value_info[:]  # shapes between the ends are inferred anew
    remember(model, channels, stay)
    model.producer_name = "edgevision model-kit"
    onnx.checker.check_model(model, full_check=True)
    return model


def cost(model: onnx.ModelProto) -> tuple[int, int]:
    """Parameters, and multiply-adds of the convolutions per frame."""
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in onnx.shape_inference.infer_shapes(model).graph.value_info}
    sizes = {t.name: int(np.prod(t.dims)) for t in model.graph.initializer}
    macs = sum(sizes[n.input[1]] * int(np.prod(shapes[n.output[0]][2:])) for n in model.graph.node if n.op_type == "Conv")
    return sum(sizes.values()), macs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a float ONNX file, batch norm folded")
    parser.add_argument("out", type=Path, help="the pruned ONNX file to write")
    parser.add_argument("--keep", type=float, default=0.5, help="share of the channels that stays, 0 to 1 (default %(default)s)")
    parser.add_argument("--multiple", type=int, default=8, help="channels stay in multiples of this (default %(default)s)")
    options = parser.parse_args()
    if not 0 < options.keep <= 1:
        parser.error(f"--keep {options.keep}: give a share above 0 and up to 1")
    if not options.model.is_file():
        parser.error(f"{options.model}: no such model")
    model = onnx.load(options.model)
    smaller = prune(model, options.keep, options.multiple)
    options.out.write_bytes(smaller.SerializeToString())
    for path, (parameters, macs) in ((options.model, cost(model)), (options.out, cost(smaller))):
        print(f"{path}: {parameters} parameters, {macs / 1e6:.1f} M multiply-adds, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
