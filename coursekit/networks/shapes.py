"""What shape each layer's output has, for the picture that comes in."""

from __future__ import annotations

from typing import Any

from coursekit.networks.backend import keras
from coursekit.networks.graph import Step, run, steps


def output_shapes(
    model: Any, size: tuple[int, int] | None = None, picture: str | None = None, last: str | None = None
) -> dict[str, Any]:
    """Return the output shape of every step, without the batch; a list of shapes for several outputs.

    A nested model made for pictures of any size keeps None in its own shapes, also where the model around it says
    what size comes in. So they are worked out anew, with Keras' symbolic tensors, which compute nothing.

    Args:
        model: A Keras model.
        size: (height, width) of the picture, if it is not what the model says.
        picture: Name of the input that has this size, and with it all others of the same shape.
        last: Name of the last step to look at; by default all of them.

    Raises:
        ValueError: A layer does not take what comes out of a picture of that size.
    """
    all_steps = steps_up_to(model, last)
    names = [step.name for step in all_steps]
    shapes = {step.name: step.shape for step in all_steps}
    before = shapes.get(picture)
    inputs = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    if size is not None:
        inputs = [(*size, shape[2]) if shape == before else shape for shape in inputs]
    unknown = any(None in keras.tree.flatten(shape) for shape in shapes.values())
    settled = not unknown or any(None in shape for shape in inputs)
    if settled and (size is None or before[:2] == tuple(size)):
        return shapes

    def spec(step: Step, args: tuple, kwargs: dict) -> Any:
        fixed = getattr(getattr(step.operation, "input_spec", None), "axes", None) or {}  # as of a Dense layer
        try:
            if any(args[0].shape[axis] != n for axis, n in fixed.items()):
                raise ValueError(f"Expected {fixed}.")
            return step.operation.compute_output_spec(*args, **kwargs)
        except (TypeError, ValueError) as error:
            came = " and ".join(str(tuple(a.shape[1:])) for a in keras.tree.flatten(args) if hasattr(a, "shape"))
            raise ValueError(f"Layer {step.name!r} does not take {came}, as pictures of {size} would give.") from error

    tensors = [keras.KerasTensor((None, *shape), t.dtype) for shape, t in zip(inputs, model.inputs, strict=True)]
    outputs = run(all_steps, tensors, names, spec)
    return {
        name: [tuple(t.shape[1:]) for t in output] if isinstance(output, list) else tuple(output.shape[1:])
        for name, output in zip(names, outputs, strict=True)
    }


def steps_up_to(model: Any, last: str | None) -> list[Step]:
    """Return the steps of a network up to the one of that name, which counts; all of them for None."""
    names = [step.name for step in steps(model)]
    return steps(model)[: None if last is None else names.index(last) + 1]
