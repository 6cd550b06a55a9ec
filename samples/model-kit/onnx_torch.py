"""An ONNX detector as a PyTorch module that can be trained, and its weights back into the same ONNX file.

Knows the operators of plain convolutional detectors whose batch norm is folded: no exporter changes the graph, so what
was trained is what runs. Whatever else a graph holds is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import nn


def attributes(node) -> dict:
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


class OnnxModule(nn.Module):
    """Runs the nodes in their order. Weights and biases of convolutions are parameters."""

    def __init__(self, model: onnx.ModelProto):
        super().__init__()
        self.model, self.graph = model, model.graph
        self.constants = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in model.graph.initializer}
        known = {"Conv", "Relu", "Sigmoid", "MaxPool", "Add", "Mul", "Concat", "Resize", "Reshape", "Transpose"}
        others = sorted({node.op_type for node in self.graph.node} - known)
        if others:
            raise SystemExit(f"the kit cannot train operators {', '.join(others)}; it knows {', '.join(sorted(known))}")
        self.names = {}
        for node in self.graph.node:
            if node.op_type == "Conv":
                for name in node.input[1:]:
                    self.names[name] = name.replace(".", "_")
                    self.register_parameter(self.names[name], nn.Parameter(self.constants.pop(name)))
        self.input = next(i.name for i in self.graph.input if i.name not in self.constants)

    @classmethod
    def read(cls, path: Path) -> "OnnxModule":
        if not path.is_file():
            raise SystemExit(f"{path}: no such model")
        return cls(onnx.load(path))

    def forward(self, x: torch.Tensor, logits: bool = False, also: Sequence[str] = ()):
        """The first output. With `logits`, sigmoids are left out: losses on logits are numerically safe. With `also`, the
        tensors of these names beside it."""
        values = {self.input: x}
        get = lambda name: values[name] if name in values else self.weight(name)
        for node in self.graph.node:
            values[node.output[0]] = self.step(node, get, x.shape[0], logits)
        out = values[self.graph.output[0].name]
        return (out, [values[name] for name in also]) if also else out

    def weight(self, name):
        return getattr(self, self.names[name]) if name in self.names else self.constants[name]

    def step(self, node, get, batch, logits):
        a, x, op = attributes(node), get(node.input[0]), node.op_type
        if op == "Conv":
            pads = a.get("pads", [0, 0, 0, 0])
            if pads[:2] != pads[2:]:
                x, pads = F.pad(x, (pads[1], pads[3], pads[0], pads[2])), [0, 0]
            bias = get(node.input[2]) if len(node.input) > 2 else None
            return F.conv2d(x, get(node.input[1]), bias, a.get("strides", [1, 1]), pads[:2], a.get("dilations", [1, 1]), a.get("group", 1))
        if op == "Relu":
            return F.relu(x)
        if op == "Sigmoid":
            return x if logits else torch.sigmoid(x)
        if op == "MaxPool":
            return F.max_pool2d(x, a["kernel_shape"], a.get("strides"), a.get("pads", [0, 0])[:2])
        if op == "Add":
            return x + get(node.input[1])
        if op == "Mul":
            return x * get(node.input[1])
        if op == "Concat":
            return torch.cat([get(name) for name in node.input], a["axis"])
        if op == "Resize":
            return F.interpolate(x, scale_factor=tuple(get(node.input[2])[2:].tolist()), mode="nearest")
        if op == "Reshape":
            return x.reshape([batch, *get(node.input[1]).tolist()[1:]])
        return x.permute(a["perm"])

    def write(self, path: Path):
        """The same graph with the weights as they are now."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        for tensor in model.graph.initializer:
            if tensor.name in self.names:
                tensor.CopyFrom(numpy_helper.from_array(self.weight(tensor.name).detach().cpu().numpy(), tensor.name))
        del model.metadata_props[:]  # what prune.py noted there for the training
        model.producer_name = "edgevision model-kit"
        onnx.checker.check_model(model, full_check=True)
        path.write_bytes(model.SerializeToString())
