"""What widgets ask of the networks that they show."""

from __future__ import annotations

from collections import Counter
from typing import Any

from coursekit.networks.graph import steps
from coursekit.networks.labels import imagenet_labels
from coursekit.networks.reading import score_layer
from coursekit.networks.squeezenet import is_squeezenet
from coursekit.techniques.receptive_field import receptive_field


def picture_shape(model: Any, widget: str) -> tuple[int | None, int | None, int | None]:
    """Return the (height, width, channels) of the picture that a network takes; None where it takes any.

    Raises:
        TypeError: ``model`` is no Keras model with a graph.
        ValueError: It takes something other than one picture.
    """
    steps(model)  # says what is wrong with a model that is none
    shapes = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 3:
        takes = ", ".join(map(str, shapes))
        raise ValueError(f"{widget} shows networks that take one picture (H, W, C); this one takes {takes}.")
    return shapes[0]


def published(model: Any) -> str | None:
    """Return the name under which the web book has a network, to compute in its page; None if it does not."""
    return "squeezenet" if is_squeezenet(model) else None


def packed_fields(model: Any, layer: str, size: tuple[int, int]) -> dict:
    """Return what each unit of a layer sees: its kind, and top, left, bottom, right as (H, W, 4) numbers of two bytes.

    It is empty where there is nothing to say: for a layer that the picture does not reach.
    """
    try:
        field = receptive_field(model, layer, size)
    except ValueError:
        return {}
    return {"kind": field.kind, "boxes": field.boxes().astype("<u2").tobytes()}


def class_names(model: Any) -> list[str]:
    """Return a name for each class, none twice; nothing for a network without classes."""
    try:
        count = score_layer(model)[0].shape[-1]
    except ValueError:  # several outputs, or probabilities that no scores stand behind
        return []
    names = imagenet_labels() if count == len(imagenet_labels()) else [f"class {i}" for i in range(count)]
    times = Counter(names)
    return [name if times[name] == 1 else f"{name} ({i})" for i, name in enumerate(names)]


def short_names(names: list[str]) -> list[str]:
    """Return the first of each class's names, "tabby" of "tabby, tabby cat", unless another class has it too."""
    first = [name.split(", ")[0] for name in names]
    times = Counter(one for name in names for one in name.split(", "))
    return [one if times[one] == 1 else name for one, name in zip(first, names, strict=True)]
