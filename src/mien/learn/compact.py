"""ONNX files of half the size: kernels stored as 16-bit integers with one float32 scale for each output channel.

Arithmetic stays float32: `Cast` and `Mul` give the kernel back, and ONNX Runtime folds them when it loads the file, so
inference costs nothing. A rounding step is 2⁻¹⁵ of the channel's largest weight, eight times finer or more than float16
is there, which is why the parity of an export survives it. Where it does not, smaller kernels can stay as they are: the
first ones of a network are, and what is rounded there passes through all the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["store_kernels_as_int16"]

_LARGEST = 32767
_CHANNEL_AXES = {"Conv": 0, "MatMul": 1}  # operators with a kernel → which axis of it is the output channel


def store_kernels_as_int16(model: Any, *, min_values: int = 1024) -> None:
    """Rewrite the float32 kernels of an `onnx.ModelProto` in place.

    Args:
        model: The model.
        min_values: Kernels with fewer values stay as they are; those under the default are not worth two more nodes.
    """
    import onnx

    channel_axes = {
        node.input[1]: _CHANNEL_AXES[node.op_type] for node in model.graph.node if node.op_type in _CHANNEL_AXES
    }
    kept, nodes = [], []
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if tensor.name not in channel_axes or values.dtype != np.float32 or values.size < min_values:
            kept.append(tensor)
            continue
        integers, scale = _quantise(values, channel_axes[tensor.name])
        name = tensor.name
        kept += [
            onnx.numpy_helper.from_array(integers, f"{name}_int16"),
            onnx.numpy_helper.from_array(scale, f"{name}_scale"),
        ]
        nodes += [
            onnx.helper.make_node("Cast", [f"{name}_int16"], [f"{name}_cast"], to=onnx.TensorProto.FLOAT),
            onnx.helper.make_node("Mul", [f"{name}_cast", f"{name}_scale"], [name]),
        ]
    nodes += list(model.graph.node)
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)


def _quantise(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    others = tuple(i for i in range(values.ndim) if i != axis % values.ndim)
    largest = np.abs(values).max(axis=others, keepdims=True)
    scale = np.where(largest > 0, largest / _LARGEST, 1).astype(np.float32)
    return np.round(values / scale).astype(np.int16), scale
