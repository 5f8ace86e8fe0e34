"""What an unknown layer does with positions, read off the TensorFlow operations that it consists of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

from coursekit.networks.backend import tf
from coursekit.networks.graph import Step, call_layer, traced

# Each number of the result is computed from the numbers at its own place.
_ELEMENTWISE = set(
    """Abs Acos Acosh Add AddN AddV2 Asin Asinh Assert Atan Atan2 Atanh BiasAdd Cast Ceil CheckNumerics ClipByValue Cos
    Cosh Digamma Div DivNoNan Elu Equal Erf Erfc Erfinv Exp Expm1 Floor FloorDiv FloorMod Greater GreaterEqual Identity
    IdentityN Inv IsFinite IsInf IsNan LeakyRelu Less LessEqual Lgamma Log Log1p LogicalAnd LogicalNot LogicalOr Maximum
    Minimum Mod Mul MulNoNan Neg NotEqual OnesLike Pow PreventGradient RealDiv Reciprocal Relu Relu6 Rint Round Rsqrt
    Select SelectV2 Selu Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Square SquaredDifference StopGradient Sub Tan Tanh
    TruncateDiv TruncateMod Xdivy Xlog1py Xlogy ZerosLike""".split()  # noqa: SIM905 -- a table of names reads best as one
)
_OF_CHANNELS = {"Softmax", "LogSoftmax"}  # always along the last axis
_ALONG_AN_AXIS = {  # what goes along an axis, and which input says along which
    **dict.fromkeys(("All", "Any", "ArgMax", "ArgMin", "Max", "Mean", "Min", "Prod", "ReverseV2", "Sum"), 1),
    **dict.fromkeys(("Cumprod", "Cumsum"), 1),
    **{"ConcatV2": -1, "GatherV2": 2, "Split": 0, "SplitV": 2},
}
_TAKES_SOME = {"GatherV2", "Split", "SplitV", "StridedSlice", "Unpack"}
_PLACES = {  # which inputs say where to read
    **{"GatherNd": [1], "GatherV2": [1], "ImageProjectiveTransformV3": [1], "ImageProjectiveTransformV2": [1]},
    **{"ResizeBilinear": [], "Roll": [1], "Slice": [1, 2], "StridedSlice": [1, 2]},
}


class Source(Enum):
    """Where the numbers that a function gives at a position come from."""

    POSITION = "its position"
    CHANNELS = "some channels of its position"
    ANYWHERE = "anywhere"
    DATA = "places that are computed from what comes in"


def source(function: Callable, shapes: list[tuple], dtypes: list[str]) -> Source:
    """Say where the numbers that a function gives at a position come from.

    The function is traced, not run, and every TensorFlow operation between what comes in and what goes out is looked
    at. Those that are not known to keep to their position count as reading anywhere.

    Args:
        function: Takes tensors (N, ...) and returns one or several.
        shapes: Of the tensors, without the N.
        dtypes: Of the tensors.
    """
    rank, found = 1 + max(map(len, shapes)), Source.POSITION
    for operation, touched in _operations(function, shapes, dtypes):
        if 0 in touched and set(_PLACES.get(operation.type, ())) & set(touched):
            return Source.DATA
        if not _keeps_position(operation, touched, rank):
            found = Source.ANYWHERE
        elif operation.type in _TAKES_SOME and found is Source.POSITION:
            found = Source.CHANNELS
    return found


def is_elementwise(function: Callable, shapes: list[tuple], dtypes: list[str]) -> bool:
    """Say whether a function makes each number of the one number at its own place and in its own channel.

    Args:
        function: Takes a tensor (N, ...) and returns one.
        shapes: Of the tensors that come in, without the N: of one.
        dtypes: Of the tensors.
    """
    found = _operations(function, shapes, dtypes)
    return len(shapes) == 1 and all(
        operation.type in _ELEMENTWISE and _keeps_position(operation, touched, 1 + len(shapes[0]))
        for operation, touched in found
    )


def kinds(step: Step) -> list[str]:
    """Return the types of the TensorFlow operations that a step of a network consists of, in inference mode."""
    return [operation.type for operation, _ in _operations(*traceable(step))]


def traceable(step: Step) -> tuple[Callable, list[tuple], list[str]]:
    """Return a step as a function of what comes in, with the shapes, without the N, and the types of that."""

    def call(*tensors: Any) -> Any:
        args, kwargs = step._node.arguments.fill_in(dict(zip(step._arguments, tensors, strict=True)))
        return call_layer(step, args, kwargs)

    tensors = {id(tensor): tensor for tensor in step._node.input_tensors}
    shapes = [tuple(tensors[id_].shape[1:]) for id_ in step._arguments]
    return call, shapes, [dtype for _, dtype in step._arguments.values()]


def _operations(function: Callable, shapes: list[tuple], dtypes: list[str]) -> Iterator[tuple[Any, list[int]]]:
    """Yield the operations that depend on what comes in, and which of their inputs do."""
    specs = [tf.TensorSpec((None, *shape), dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    graph = traced(function, *specs).graph
    depends = {tensor.ref() for tensor in graph.inputs[: len(specs)]}
    for operation in graph.get_operations():
        touched = [i for i, tensor in enumerate(operation.inputs) if tensor.ref() in depends]
        if touched and operation.type not in ("Placeholder", "Shape"):
            depends.update(tensor.ref() for tensor in operation.outputs)
            yield operation, touched


def _keeps_position(operation: Any, touched: list[int], rank: int) -> bool:
    """Say whether an operation reads from its own position only.

    Args:
        operation: Of TensorFlow.
        touched: Which of its inputs depend on what came in.
        rank: Number of axes of what came in. A tensor with fewer has lost its channels: its last axis is the width.
    """
    kind, inputs, ranks = operation.type, operation.inputs, {operation.inputs[i].shape.rank for i in touched}
    if kind in _ELEMENTWISE:  # with all axes, or they are not laid on each other as they came
        return kind == "IdentityN" or ranks == {operation.outputs[0].shape.rank}
    if kind == "Pack":
        return ranks == {rank - 1} and operation.get_attr("axis") in (-1, rank - 1)
    if ranks != {rank}:
        return False
    if kind in _ALONG_AN_AXIS:
        axis = tf.get_static_value(inputs[_ALONG_AN_AXIS[kind]])
        return axis is not None and {int(a) for a in axis.reshape(-1)} <= {-1, rank - 1}
    if kind == "Unpack":
        return operation.get_attr("axis") in (-1, rank - 1)
    if kind == "BatchMatMulV2":  # (N, H, W, C) @ (C, D)
        return touched == [0] and inputs[1].shape.rank == 2 and not operation.get_attr("adj_x")
    if kind == "StridedSlice":
        return _slices_channels(operation, rank)
    if kind == "Reshape":
        before, after = (tensor.shape[1:] for tensor in (inputs[0], operation.outputs[0]))
        return before.is_fully_defined() and before == after
    return kind in _OF_CHANNELS


def _slices_channels(operation: Any, rank: int) -> bool:
    """Say whether all but the last axis are taken whole, as in ``x[..., ::-1]``."""
    steps = tf.get_static_value(operation.inputs[3])
    if steps is None or operation.get_attr("new_axis_mask"):
        return False
    masks = {name: operation.get_attr(f"{name}_mask") for name in ("begin", "end", "ellipsis", "shrink_axis")}

    def bit(name: str, i: int) -> bool:
        return bool(masks[name] >> i & 1)

    whole = [bit("ellipsis", i) or (bit("begin", i) and bit("end", i) and step == 1) for i, step in enumerate(steps)]
    return all(whole[:-1]) and (len(steps) == rank or (masks["ellipsis"] != 0 and not bit("ellipsis", len(steps) - 1)))
