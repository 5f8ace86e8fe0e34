"""What widgets ask of the networks that they show, and what can be chosen of these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import traitlets

from coursekit import progress
from coursekit.networks.graph import find_layer, steps
from coursekit.networks.labels import imagenet_labels
from coursekit.networks.reading import score_layer
from coursekit.networks.squeezenet import is_squeezenet
from coursekit.techniques.receptive_field import receptive_field
from coursekit.validation import as_index, nearest


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


def given_name(model: Any, layer: str, channel: int) -> str:
    """Return the name that was given to a channel last, on a UnitCard of a network of this name; empty if none was."""
    asked = (model.name, layer, str(channel))
    names = [
        event["note"]["name"]
        for event in progress.events()
        if event["kind"] == "named" and tuple(map(event.get, ("model", "layer", "channel"))) == asked
    ]
    return names[-1] if names else ""


def short_names(names: list[str]) -> list[str]:
    """Return the first of each class's names, "tabby" of "tabby, tabby cat", unless another class has it too."""
    first = [name.split(", ")[0] for name in names]
    times = Counter(one for name in names for one in name.split(", "))
    return [one if times[one] == 1 else name for one, name in zip(first, names, strict=True)]


class ChannelChoice(traitlets.HasTraits):
    """A layer of a network, and one of its channels. The widget has ``_network`` and ``_channel_counts``."""

    layer = traitlets.Any().tag(sync=True)
    channel = traitlets.Any().tag(sync=True)

    _wants = "channels of height and width"  # of a layer that can be chosen

    def _channel_counts(self) -> Mapping[str, int]:
        """Return how many channels each layer has that can be chosen, by the layers' full names."""
        raise NotImplementedError

    def _name_of(self, layer: Any) -> str:
        """Return the full name of a layer that can be chosen, or raise."""
        name, counts = find_layer(self._network, layer).name, self._channel_counts()
        if name not in counts:
            raise ValueError(f"Layer {layer!r} has no {self._wants}. {nearest(name, counts)}")
        return name

    def _as_channel(self, channel: Any, layer: str) -> int:
        return as_index(channel, self._channel_counts()[layer], "channel")

    @traitlets.validate("layer")
    def _validate_layer(self, proposal: Any) -> str:
        return self._name_of(proposal.value)

    @traitlets.validate("channel")
    def _validate_channel(self, proposal: Any) -> int:
        return self._as_channel(proposal.value, self.layer)

    def _counts(self, state: dict) -> dict[str, int]:
        counts = self._channel_counts()
        return {"channel": counts.get(state.get("layer"), counts[self.layer])}
