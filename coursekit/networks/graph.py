"""A network as a list of steps: the one way in which everything else here looks inside a model.

Keras nests: a model can be a layer of another model. Here the nesting is laid flat, so that any layer at any depth
has a name (``vgg16/block1_conv1``), a place in the order of computation, and an output that can be fetched.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from coursekit.networks.backend import below_the_root, keras, tf
from coursekit.validation import as_pictures, nearest


class StatefulError(ValueError):
    """A layer remembers the pictures before: it cannot be read without being changed."""


@dataclass(frozen=True)
class Step:
    """One layer (or plain operation, such as ``a + b``) at the moment it is called.

    Attributes:
        name: Layer name; inside nested models with their names before it; ``:2`` behind it at a second call.
        operation: The Keras layer or operation.
        parents: Names of the steps whose outputs come in.
        shape: Output shape without the batch, None where it depends on the input. A list of shapes for several outputs.
    """

    name: str
    operation: Any
    parents: tuple[str, ...]
    shape: tuple
    _node: Any
    _arguments: dict  # id of each tensor that comes in -> key under which run() keeps its value, and its type
    _results: tuple  # keys of the tensors that go out

    @property
    def is_input(self) -> bool:
        """Whether it is an input of the network, and computes nothing."""
        return self._node is None

    @property
    def arguments(self) -> tuple:
        """What the layer or operation is called with, tensors and constants, in their order."""
        return () if self._node is None else self._node.arguments.args

    @property
    def inputs(self) -> list:
        """The symbolic tensors that come in: each has a ``shape``, with the batch, and a ``dtype``."""
        return [] if self._node is None else self._node.input_tensors

    @property
    def dtype(self) -> str:
        """Type of the numbers that go out first."""
        return self._node.outputs[0].dtype


def is_graph(operation: object) -> bool:
    """Say whether Keras keeps a graph for this model, as for Sequential and functional ones."""
    from keras.src.models.functional import Functional  # not exported by Keras; its call() is what tells

    return isinstance(operation, (keras.Sequential, Functional)) and type(operation).call in (
        keras.Sequential.call,
        Functional.call,
    )


def nodes(model: Any) -> list:
    """Return the calls that lead from a model's inputs to its outputs, each after those it needs."""
    done, order = {id(tensor) for tensor in model.inputs}, []
    waiting = [tensor for tensor in reversed(model.outputs)]
    while waiting:
        tensor = waiting[-1]
        if id(tensor) in done:
            waiting.pop()
            continue
        node = tensor._keras_history.operation._inbound_nodes[tensor._keras_history.node_index]
        missing = [t for t in node.input_tensors if id(t) not in done]
        if missing:
            waiting.extend(reversed(missing))
        else:
            order.append(node)
            done.update(id(t) for t in node.outputs)
    return order


def steps(model: Any) -> list[Step]:
    """Return the steps of a network in the order of computation, its inputs first, nested models laid flat.

    Args:
        model: A Keras model, Sequential or functional, nested or not, with any number of inputs. A model or layer
            with a ``call`` of its own has no graph: nested, it is one step.

    Raises:
        TypeError: ``model`` is no Keras model, or has no graph.
        ValueError: A Sequential model that was never given an input shape.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(
            f"Expected a Keras model, not {type(model).__name__}; squeezenet() or load_network(path) gives one."
        )
    if not is_graph(model):
        raise TypeError(
            f"{type(model).__name__} computes in a call() of its own, so Keras keeps no graph of its layers. "
            "Build it as keras.Sequential or keras.Model(inputs, outputs)."
        )
    if isinstance(model, keras.Sequential) and not model.built:
        raise ValueError("This Sequential model has no input shape yet. Begin it with keras.Input(shape).")
    return kept(model, ("steps",), lambda: _flattened(model))[0]


def output_names(model: Any) -> list[str]:
    """Return the names of the steps that a model's outputs come from, in their order."""
    steps(model)  # checks
    return kept(model, ("steps",), lambda: _flattened(model))[1]


def _flattened(model: Any) -> tuple[list[Step], list[str], dict[str, list[str]]]:
    """Return the steps, the names of those that the outputs come from, and the same of each nested model by name."""
    found: list[Step] = []
    nested: dict[str, list[str]] = {}
    owner: dict = {}  # key of a tensor -> name of the step it comes from
    calls: dict = {}

    def new_name(prefix: str, operation: Any) -> str:
        name = prefix + operation.name
        calls[name] = calls.get(name, 0) + 1
        return name if calls[name] == 1 else f"{name}:{calls[name]}"

    def flatten(model: Any, prefix: str, scope: tuple, keys: dict) -> list:
        for node in nodes(model):
            operation, comes_in = node.operation, [keys[id(t)] for t in node.input_tensors]
            name = new_name(prefix, operation)
            if is_graph(operation):
                given = zip(operation.inputs, _given_to(operation, node, name), strict=True)
                inner = {id(input_): keys[id(tensor)] for input_, tensor in given}
                goes_out = flatten(operation, name + "/", (*scope, name), inner)
                nested[name] = list(dict.fromkeys(owner[key] for key in goes_out))
            else:
                goes_out = [(*scope, id(t)) for t in node.outputs]
                shapes = [tuple(t.shape[1:]) for t in node.outputs]
                found.append(
                    Step(
                        name,
                        operation,
                        tuple(dict.fromkeys(owner[key] for key in comes_in)),
                        shapes[0] if len(shapes) == 1 else shapes,
                        node,
                        {id(t): (key, t.dtype) for t, key in zip(node.input_tensors, comes_in, strict=True)},
                        tuple(goes_out),
                    )
                )
                owner.update((key, name) for key in goes_out)
            keys.update((id(t), key) for t, key in zip(node.outputs, goes_out, strict=True))
        return [keys[id(t)] for t in model.outputs]

    keys = {}
    for tensor in model.inputs:
        operation, key = tensor._keras_history.operation, (id(tensor),)
        name = new_name("", operation)
        found.append(Step(name, operation, (), tuple(tensor.shape[1:]), None, {}, (key,)))
        keys[id(tensor)], owner[key] = key, name
    outputs = flatten(model, "", (), keys)
    return found, [owner[key] for key in outputs], nested


def _given_to(model: Any, node: Any, name: str) -> list:
    """Return what a nested model is called with, in the order of its inputs: Keras pairs a dict by name."""
    args, kwargs = node.arguments.args, dict(node.arguments.kwargs)
    given = args[0] if args else kwargs.pop("inputs")
    if any(mask is not None for mask in keras.tree.flatten((kwargs.get("mask"), *args[2:]))):
        raise ValueError(f"{name!r} is called with a mask, which cannot be followed into a nested model here.")
    if isinstance(given, dict) and not isinstance(model, keras.Sequential) and not isinstance(model.input, dict):
        return [given[tensor.name] for tensor in model.inputs]
    return keras.tree.flatten(given)


def find_layer(model: Any, layer: str) -> Step:
    """Return the step of that name.

    Args:
        model: A Keras model.
        layer: Its name; inside a nested model ``block1_conv1`` will do for ``vgg16/block1_conv1`` if there is only one.

    Raises:
        TypeError: ``layer`` is no string.
        ValueError: There is no such layer, or more than one.
    """
    all_steps = steps(model)
    if not isinstance(layer, str):
        raise TypeError(f"A layer is named by a string such as {all_steps[-1].name!r}, not {layer!r}.")
    names = [step.name for step in all_steps]
    if layer in names:
        return all_steps[names.index(layer)]
    inner = [step for step in all_steps if step.name.endswith("/" + layer)]
    if len(inner) == 1:
        return inner[0]
    if inner:
        raise ValueError(f"Several layers are called {layer!r}: write one of {', '.join(repr(s.name) for s in inner)}.")
    nested = kept(model, ("steps",), lambda: _flattened(model))[2]
    models = [layer] if layer in nested else [name for name in nested if name.endswith("/" + layer)]
    if len(models) > 1:
        raise ValueError(f"Several models are called {layer!r}: write one of {', '.join(map(repr, models))}.")
    if models:  # a nested model by its name: what comes out of it
        outputs = nested[models[0]]
        if len(outputs) > 1:
            raise ValueError(f"{layer!r} has {len(outputs)} outputs: write one of {', '.join(map(repr, outputs))}.")
        return all_steps[names.index(outputs[0])]
    raise ValueError(f"There is no layer {layer!r}. {nearest(layer, names)}")


def channels_first(model: Any) -> str | None:
    """Return the name of the first layer that has its channels in front of rows and columns, or None."""
    layers = (step.name for step in steps(model) if getattr(step.operation, "data_format", None) == "channels_first")
    return next(layers, None)


def refuse_channels_first(model: Any) -> None:
    """Refuse a network whose maps would be taken for others: everything here has the channels last.

    Raises:
        ValueError: A layer has its channels first.
    """
    if (layer := channels_first(model)) is not None:
        raise ValueError(
            f"Layer {layer!r} has its channels first, but pictures have them last here. Build the network with "
            'data_format="channels_last".'
        )


def run(
    all_steps: Sequence[Step],
    inputs: Sequence[Any],
    wanted: Sequence[str],
    call: Callable[[Step, tuple, dict], Any] | None = None,
) -> list[Any]:
    """Compute a network step by step, in inference mode, and return what was asked for.

    Args:
        all_steps: What ``steps(model)`` gave.
        inputs: One tensor per input of the model, with the batch.
        wanted: Names of the steps whose output to return.
        call: What to do at each step instead of calling its layer: ``call(step, args, kwargs)``.

    Returns:
        The outputs of the wanted steps, in that order.
    """
    call = call or call_layer
    values, inputs = {}, iter(inputs)
    outputs: dict[str, Any] = {}
    remaining = set(wanted)
    for step in all_steps:
        if not remaining:
            break
        if step._node is None:
            result = next(inputs)
        else:
            # Keras casts what goes into a nested model to the type of its input: laid flat, the step has to.
            comes_in = {id_: keras.ops.cast(values[key], dtype) for id_, (key, dtype) in step._arguments.items()}
            args, kwargs = step._node.arguments.fill_in(comes_in)
            with below_the_root():
                result = call(step, args, kwargs)
        flat = keras.tree.flatten(result)
        values.update(zip(step._results, flat, strict=True))
        outputs[step.name] = flat[0] if len(flat) == 1 else flat
        remaining.discard(step.name)
    return [outputs[name] for name in wanted]


def call_layer(step: Step, args: tuple, kwargs: dict) -> Any:
    """Call a step's layer in inference mode, also where the graph was built with ``training=True``.

    Raises:
        StatefulError: The layer remembers what it saw before, so that reading it would change the network.
    """
    if getattr(step.operation, "stateful", False):
        raise StatefulError(
            f"Layer {step.name!r} is stateful: what it gives depends on the pictures before. "
            "Build it with stateful=False, and give it the same weights."
        )
    if isinstance(step.operation, keras.layers.Layer) and kwargs.get("training"):
        kwargs = {**kwargs, "training": False}
    return step.operation(*args, **kwargs)


_KEPT = 32  # compiled functions per model
COMPILING = threading.RLock()  # explorers compile in threads


def kept(model: Any, key: tuple, make: Callable[[], Any]) -> Any:
    """Return ``make()``, made once per model and key: the place where compiled functions live.

    They live on the model itself, past Keras' attribute tracking, and go when it goes. A model that is changed (another
    activation, an added adapter, a replaced weight) is another model: it gets its own.
    """
    with COMPILING:
        store = model.__dict__.setdefault("_coursekit_kept", {})
        state, held = _state(model)
        key = (*key, state)
        if key not in store:
            made = make()
            while len(store) >= _KEPT:
                del store[next(iter(store))]  # the one that was not used for longest
            store[key] = made, held
        store[key] = store.pop(key)
        return store[key][0]


def _state(model: Any) -> tuple[tuple, list]:
    """Return what of a model decides what it computes, and the objects whose ids stand in it, to be kept alive.

    Model.add() and pop() give a Sequential model new outputs. A layer is changed by setting one of its attributes, such
    as ``activation``, a weight object, or the adapters that ``enable_lora`` adds. The values of weights do not count:
    compiled functions read them anew.
    """
    held = list(model.outputs)
    for layer in model._flatten_layers(include_self=False):
        held += vars(layer).values()
    return tuple(map(id, held)), held


def signature(model: Any) -> list:
    """Return the TensorSpec of each input, for any number of pictures."""
    return [tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs]


def traced(function: Callable, *specs: Any) -> Callable:
    """Return a function of tensors as one compiled trace.

    It is called without tf.function's look-up, which is a tenth of a millisecond less, and never traced again. Errors
    in it come out as they are: AutoGraph, which Keras does without too, would put the lines of this package before
    them ("in user code:").

    Args:
        function: Of tensors.
        *specs: A TensorSpec for each.
    """

    def inside(*tensors: Any) -> Any:
        with below_the_root():
            return function(*tensors)

    return tf.function(inside, autograph=False).get_concrete_function(*specs)


def compiled(model: Any, names: Sequence[str]) -> Callable[..., tuple]:
    """Return the forward pass to some layers as one compiled function, kept for the next time.

    Args:
        model: A Keras model.
        names: Full names of steps.

    Returns:
        A function of one tensor per input that gives a tuple of tensors, one per name.
    """

    def make() -> Callable[..., tuple]:
        all_steps = steps(model)
        forward = traced(lambda *inputs: tuple(run(all_steps, inputs, names)), *signature(model))

        def checked(*inputs: Any) -> tuple:
            with sizes_explained(names, inputs):
                return forward(*inputs)

        return checked

    return kept(model, ("forward", *names), make)


@contextlib.contextmanager
def sizes_explained(names: Sequence[str], inputs: Sequence[Any]) -> Iterator[None]:
    """Make a ValueError of TensorFlow's error while a compiled function computes steps: inputs are too small for it."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        shapes = " and ".join(" x ".join(map(str, np.shape(batch)[1:])) for batch in inputs)
        raise ValueError(
            f"The network cannot compute {' and '.join(map(repr, names[-3:]))} for inputs of {shapes}. "
            "Are they too small?"
        ) from error


def input_names(model: Any) -> list[str]:
    """Return the names of a model's inputs, in the order in which Keras counts them."""
    return [tensor._keras_history.operation.name for tensor in model.inputs]


def as_inputs(model: Any, images: Any) -> tuple[list[np.ndarray], bool]:
    """Return pictures as batches that fit the inputs of a model.

    Args:
        model: A Keras model.
        images: (H, W, C) or (N, H, W, C), in the range the model takes; for a model with several inputs a list or
            tuple with one such array per input, or a dict by input name (or by the keys that the model was built with).

    Returns:
        One array (N, ...) per input, and whether a single picture came in. float64 if the input is, else pictures are
        uint8 or float32 as they came.

    Raises:
        TypeError: Not numbers, or not one array for each input.
        ValueError: The size or number of channels is not what the model takes, or see ``as_pictures``.
    """
    count, names = len(model.inputs), input_names(model)
    built_from = None if isinstance(model, keras.Sequential) else model.input
    if isinstance(built_from, dict):  # Keras sorts its keys, and pairs by them
        if isinstance(images, dict) and set(images) == set(built_from):
            images = {name: images[key] for name, key in zip(names, sorted(built_from), strict=True)}
        elif not isinstance(images, dict) and count > 1 and list(built_from) != sorted(built_from):
            keys = ", ".join(map(repr, built_from))
            raise ValueError(f"This network was built from a dict: give a dict with the keys {keys}, not a list.")
    if count == 1:
        parts = [images[names[0]] if isinstance(images, dict) and names[0] in images else images]
    elif isinstance(images, dict):
        absent = [name for name in names if name not in images]
        if absent:
            raise ValueError(f"This network takes {count} inputs; {absent[0]!r} is missing.")
        parts = [images[name] for name in names]
    elif isinstance(images, (list, tuple)) and len(images) == count:
        parts = list(images)
    else:
        raise TypeError(f"This network takes {count} inputs: give a list of arrays for {', '.join(names)}.")
    checked = [_as_input(part, tensor, name) for part, tensor, name in zip(parts, model.inputs, names, strict=True)]
    batches, alone = zip(*checked, strict=True)
    if len({len(batch) for batch in batches}) > 1:
        raise ValueError(f"The inputs differ in their number of pictures: {[len(batch) for batch in batches]}.")
    return list(batches), all(alone)


def _as_input(part: Any, tensor: Any, name: str) -> tuple[np.ndarray, bool]:
    expected = tuple(tensor.shape[1:])
    if len(expected) == 3:
        batch, alone = as_pictures(part)
        if tensor.dtype == "float64":
            batch = np.asarray(part, np.float64).reshape(batch.shape)
    else:  # an input that is no picture, beside one that is
        batch = np.asarray(part, dtype=np.float32)
        if batch.ndim not in (len(expected), len(expected) + 1) or not np.isfinite(batch).all():
            raise ValueError(f"Input {name!r} takes finite numbers of shape {expected}, not {batch.shape}.")
        alone = batch.ndim == len(expected)
        batch = batch[np.newaxis] if alone else batch
    if any(want not in (None, have) for want, have in zip(expected, batch.shape[1:], strict=True)):
        have, want = " x ".join(map(str, batch.shape[1:])), " x ".join("any" if n is None else str(n) for n in expected)
        hint = ""
        if len(expected) == 3 and expected[2] in (None, batch.shape[3]) and None not in expected[:2]:
            size = expected[0] if expected[0] == expected[1] else expected[:2]
            hint = f" resize(image, {size}) mends it."
        raise ValueError(f"The picture is {have}, but this network takes {want}.{hint}")
    return batch, alone
