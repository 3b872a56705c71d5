"""Reads weights of an ONNX file as arrays, with protobuf alone: no ONNX package, nothing is executed.

Of the format (https://github.com/onnx/onnx, ``onnx/onnx.proto``) only the fields that hold weights, and the nodes that
use them, are declared; protobuf skips all others.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ...errors import EncoderError

FLOAT = 1
"""TensorProto.DataType.FLOAT."""


@dataclass(frozen=True)
class Graph:
    """An ONNX graph's weights by name, and for each node its name, operator and inputs."""

    weights: dict[str, np.ndarray]
    nodes: tuple[tuple[str, str, tuple[str, ...]], ...]


def read(path: Path) -> Graph:
    """Read an ONNX file.

    Args:
        path: of the file.

    Returns:
        Its 32-bit weights and its nodes.

    Raises:
        EncoderError: it is not ONNX, or a weight is broken.
    """
    from google.protobuf.message import DecodeError

    model = _message()()
    try:
        model.ParseFromString(path.read_bytes())
    except DecodeError:
        raise EncoderError(f"{path.name} is not an ONNX file, or is cut short") from None
    weights = {}
    for tensor in model.graph.initializer:
        if tensor.data_type != FLOAT:
            continue
        values = np.frombuffer(tensor.raw_data, "<f4")
        if values.size != np.prod(tensor.dims, dtype=int):
            raise EncoderError(f"{path.name}: {tensor.name} has {values.size} values for {list(tensor.dims)}")
        weights[tensor.name] = values.reshape(tensor.dims)
    if not weights:
        raise EncoderError(f"{path.name} holds no weights")
    return Graph(weights, tuple((node.name, node.op_type, tuple(node.input)) for node in model.graph.node))


@cache
def _message():
    """The class of the message ModelProto, with the fields that are read."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    messages = {
        "Tensor": [
            ("dims", 1, field.TYPE_INT64, many),
            ("data_type", 2, field.TYPE_INT32, one),
            ("name", 8, field.TYPE_STRING, one),
            ("raw_data", 9, field.TYPE_BYTES, one),
        ],
        "Node": [
            ("input", 1, field.TYPE_STRING, many),
            ("name", 3, field.TYPE_STRING, one),
            ("op_type", 4, field.TYPE_STRING, one),
        ],
        "Graph": [("node", 1, "Node", many), ("initializer", 5, "Tensor", many)],
        "Model": [("graph", 7, "Graph", one)],
    }
    file = descriptor_pb2.FileDescriptorProto(
        name="emoflow/onnx.proto", package="emoflow.onnx", syntax="proto2"
    )
    for message, fields in messages.items():
        declared = file.message_type.add(name=message)
        for name, number, kind, label in fields:
            made = declared.field.add(name=name, number=number, label=label)
            if isinstance(kind, str):
                made.type, made.type_name = field.TYPE_MESSAGE, f".emoflow.onnx.{kind}"
            else:
                made.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("emoflow.onnx.Model"))
