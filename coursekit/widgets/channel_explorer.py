"""A live explorer of the channels of a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from coursekit.networks.backend import keras
from coursekit.networks.graph import steps
from coursekit.pictures import read_picture, resize
from coursekit.pictures.book import name_in_book
from coursekit.pictures.fitting import fit_picture, is_from_0_to_1
from coursekit.show.channels import beside, montage
from coursekit.show.picture import as_seen
from coursekit.techniques.activations import activations, channel_statistics, strongest_channel
from coursekit.widgets.base import Widget, as_html, own_page
from coursekit.widgets.networks import ChannelChoice, packed_fields, picture_shape, published

SCALES = ("shared", "own", "signed")
_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.Conv2DTranspose, keras.layers.DepthwiseConv2D)
_CONVOLUTIONS += (keras.layers.SeparableConv2D,)


class ChannelExplorer(ChannelChoice, Widget):
    """All channels of a layer as a grid, and one of them large beside and over the photo.

    The channels go to the page once per layer and are drawn there: choosing one waits for no answer from Python.
    Choose with the mouse, the arrow keys or a typed number. Whatever is chosen in the page can be read here, and what
    is set here moves the page: ``explorer.layer = "conv1"``, ``explorer.channel = 13``.

    The place under the pointer is read, and a frame on the photo shows what the unit there sees: its receptive field.

    Args:
        model: A Keras model with one picture as its input.
        image: (H, W, 3), (H, W, 1) or (H, W), in the range of values that the model takes (0-255 if it was made with
            ``with_preprocessing``). It is brought to the model's size and number of channels.
        layer: Name of the layer to begin with; by default the first convolution.
        channel: Index of the channel to begin with; by default the one with the largest activation.

    Attributes:
        layer: Name of the layer shown. At a new layer the channel stays if there is one of that number; else it
            becomes the strongest.
        channel: Index of the chosen channel.
        scale: "shared": one grey scale for all channels. "own": one for each. "signed": one scale of colours for all,
            with zero in its middle.
        relu: Whether negative values are drawn as zero.
        sort: Whether the channels stand in the order of their largest activation, instead of their numbers.

    Raises:
        TypeError: ``model`` is no Keras model with a graph, or ``image`` holds no numbers.
        ValueError: There is no such layer or channel, or the model takes something other than one picture, or
            ``image`` is not one picture of finite numbers.
    """

    _esm, _css = own_page(__file__)

    scale = traitlets.Any("shared").tag(sync=True)
    relu = traitlets.Bool(False).tag(sync=True)
    sort = traitlets.Bool(False).tag(sync=True)
    _layers = traitlets.List().tag(sync=True)  # [name, height, width, channels] of each
    _photo = traitlets.Dict().tag(sync=True)
    _maps = traitlets.Dict().tag(sync=True)

    def __init__(self, model: Any, image: Any, layer: str | None = None, channel: int | None = None, **traits: Any):
        self._network = model
        self._compute(image)
        self._first = self._image  # as given in Python, to come back to from those that were dropped in the page
        layer = self._first_layer() if layer is None else self._name_of(layer)
        activation = self._activations[layer]
        channel = strongest_channel(activation) if channel is None else channel
        super().__init__(
            layer=layer,
            channel=self._as_channel(channel, layer),
            _layers=self._list_layers(),
            _photo=self._pack_photo(),
            _maps=self._pack_maps(layer),
            **traits,
        )
        self.on_msg(self._receive)

    @property
    def activation(self) -> np.ndarray:
        """What the chosen layer answers to the picture: (H, W, C) float32, read-only."""
        return self._activations[self.layer]

    @property
    def image(self) -> np.ndarray:
        """The picture as the network gets it, (H, W, C). Setting another one computes all layers anew."""
        return self._image

    @image.setter
    def image(self, image: Any) -> None:
        self._compute(image)
        self._first = self._image
        self._show_picture()

    def _show_picture(self) -> None:
        with self.hold_sync():
            self._layers = self._list_layers()
            self._photo = self._pack_photo()
            self._maps = self._pack_maps(self.layer)

    def _compute(self, image: Any) -> None:
        """Take a picture and compute every layer; or raise, and leave all as it was."""
        picture = fit_picture(image, picture_shape(self._network, "ChannelExplorer"))
        answers = activations(self._network, picture)
        answers = {name: a for name, a in answers.items() if isinstance(a, np.ndarray) and a.ndim == 3}
        for name, answer in answers.items():
            if not np.isfinite(answer).all():
                raise ValueError(f"Layer {name!r} answers this picture with NaN or infinity.")
        self._image, self._activations = picture, answers

    def _first_layer(self) -> str:
        listed = [step for step in steps(self._network) if step.name in self._activations]
        convolutions = [step for step in listed if isinstance(step.operation, _CONVOLUTIONS)]
        return (convolutions or listed)[0].name

    def _channel_counts(self) -> dict[str, int]:
        return {name: answer.shape[-1] for name, answer in self._activations.items()}

    @traitlets.validate("scale")
    def _validate_scale(self, proposal: Any) -> str:
        if proposal.value not in SCALES:
            raise ValueError(f"scale must be 'shared', 'own' or 'signed', not {proposal.value!r}.")
        return proposal.value

    @traitlets.observe("layer")
    def _show_layer(self, change: Any) -> None:
        with self.hold_sync():
            self._maps = self._pack_maps(change.new)
            if self.channel >= self.activation.shape[-1]:
                self.channel = strongest_channel(self.activation)

    def _receive(self, _: Any, content: dict, buffers: list) -> None:
        """Take a photo file that was dropped in the page, or go back to the first photo."""
        if content.get("first"):
            self.image = self._first
            self.send({"kind": "taken", "text": "The first photo is the picture again."})
            return
        file = self._whole_file(content, buffers)
        if file is None:
            return
        try:
            picture = resize(read_picture(file, content["name"]), self.image.shape[:2])
            self._compute(picture / np.float32(255) if is_from_0_to_1(self.image) else picture)
            self._show_picture()
        except Exception as error:  # whatever it is, the page must not wait for ever
            self.send({"kind": "refused", "text": str(error)})
        else:
            self.send({"kind": "taken", "text": f"{content['name']} is the picture now."})

    def _list_layers(self) -> list[list]:
        return [[name, *answer.shape] for name, answer in self._activations.items()]

    def _pack_photo(self) -> dict:
        photo = as_seen(self.image)
        opaque = np.full((*photo.shape[:2], 1), 255, np.uint8)
        rgba = np.concatenate([photo, opaque], axis=2).tobytes()
        return {"shape": photo.shape[:2], "rgba": rgba, "first": self._image is self._first}

    def _pack_maps(self, layer: str) -> dict:
        """Return what the page draws a layer from: float32 values (C, H, W), and numbers (2, 5, C).

        The numbers are each channel's largest, smallest and mean value, its share of zeros, and 1 where it is near
        zero; then the same behind a ReLU.
        """
        answer = self._activations[layer]
        values = np.ascontiguousarray(np.moveaxis(answer, -1, 0))
        numbers = np.float32([list(channel_statistics(a).values()) for a in (answer, np.maximum(answer, 0))])
        packed = {"layer": layer, "shape": values.shape, "values": values.tobytes(), "numbers": numbers.tobytes()}
        return packed | {"field": packed_fields(self._network, layer, self.image.shape[:2])}

    def _arguments(self) -> dict[str, Any]:
        return super()._arguments() | {"network": published(self._network), "photo": name_in_book(as_seen(self.image))}

    def __repr__(self) -> str:
        height, width, channels = self.activation.shape
        return (
            f"ChannelExplorer: layer {self.layer} ({channels} channels of {height} x {width}), channel {self.channel}, "
            f"largest value {self.activation[..., self.channel].max():.4g}"
        )

    def _still(self) -> str:
        photo, title = as_seen(self.image), f"{self.layer}, channel {self.channel}"
        shown = np.maximum(self.activation, 0) if self.relu else self.activation
        scale = "own" if self.scale == "own" else "shared"
        channels = montage(shown, scale=scale, signed=self.scale == "signed", title=self.layer)
        return as_html([beside(photo, shown, self.channel, title=title), channels])
