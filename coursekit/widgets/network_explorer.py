"""A live explorer of a whole network: its map, paint on the photo, and what every layer makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from coursekit.networks.backend import tf
from coursekit.networks.graph import output_names
from coursekit.pictures import read_picture, resize
from coursekit.pictures.fitting import fit_picture, is_from_0_to_1
from coursekit.show.arithmetic_page import arithmetic_data
from coursekit.show.network_map import described, first_convolution, network_map, shown_layer
from coursekit.show.network_page import all_thumbnails, has_odd, score_rows, still_map, strongest_rows, thumbnail
from coursekit.show.picture import as_seen
from coursekit.show.scale import channel_ranges
from coursekit.show.unit_page import course_patches
from coursekit.techniques.all_layers import AllLayers
from coursekit.techniques.arithmetic import Arithmetic, arithmetic
from coursekit.techniques.painting import Canvas, Clone, Stroke
from coursekit.techniques.pointing import strongest_at
from coursekit.techniques.receptive_field import receptive_field
from coursekit.widgets.base import own_page
from coursekit.widgets.channel_drawing import ChannelDrawing
from coursekit.widgets.network_choice import NetworkChoice
from coursekit.widgets.networks import class_names, given_name, packed_fields, picture_shape

_THUMBNAIL = 64  # pixels: the longer side of a thumbnail in a box that is drawn at its own size
_LIVE = ("photo", "scores", "thumbnails", "layer", "channel", "arithmetic", "here")  # what follows a stroke
_FOLLOWS = {  # what follows each choice but the layer
    "channel": ("channel", "arithmetic", "name"),
    "place": ("arithmetic",),
    "point": ("here",),
    "scale": ("layer", "channel"),
}
_PARTS = ("map", "webcam", "photo", "sum", "here", "known")


class NetworkExplorer(NetworkChoice, ChannelDrawing):
    """The whole network as a map, with a photo to paint on: every layer, and the classes, follow each stroke.

    Each box of the map is a layer, with the normalisation and activation behind it, and shows the channel that is the
    strongest for the photo. Choose a box and see its channels; choose a channel and see it large, beside and over the
    photo. Paint the photo grey or out of focus, or copy a part of it to another place: each stroke is computed at once,
    and all that is seen follows. Each channel keeps the scale that it has for the photo as it was, so that brighter
    means more than before. Or point at the photo, and see which channels of the layer fire there most.

    Whatever is chosen in the page can be read here, and what is set here moves the page:
    ``explorer.layer = "conv1"``, ``explorer.paint("grey", 40, [(60, 40), (60, 90)])``.

    Args:
        model: A Keras model with one picture as its input.
        image: (H, W, 3), (H, W, 1) or (H, W), in the range of values that the model takes (0-255 if it was made with
            ``with_preprocessing``). It is brought to the model's size and number of channels.
        layer: Name of the layer to begin with; by default the first convolution.
        channel: Index of the channel to begin with; by default the one with the largest activation.

    Attributes:
        layer: Name of the layer shown. At a new layer the channel becomes its strongest.
        channel: Index of the chosen channel.
        place: [row, column] of the chosen unit of the channel, or None.
        point: [row, column] of the pixel of the photo for which ``channels_here`` sorts the channels, or None.
        scale: "own": each channel on the grey scale that it has for the photo as it was. "shared": one scale for all.
        elsewhere: Whether the last stroke lies at another place of the photo, as a control.
        drawing: What the network draws for the channel, (H, W, C), as far as it has come; None before ``draw()``.

    Raises:
        TypeError: ``model`` is no Keras model with a graph, or ``image`` holds no numbers.
        ValueError: There is no such layer or channel, the model takes something other than one picture or has its
            channels first, or ``image`` is not one picture of finite numbers.

    Examples:
        >>> from coursekit import NetworkExplorer, photo, squeezenet
        >>> explorer = NetworkExplorer(squeezenet(), photo("chelsea"), "fire2-concat")
        >>> explorer.paint("grey", 60, [(60, 80), (60, 140)])
        >>> explorer
        NetworkExplorer: layer fire2-concat (128 channels of 56 x 56), channel ..., 1 stroke, ...
    """

    _esm, _css = own_page(__file__, "unit_parts.js", *(f"network_{part}.js" for part in _PARTS))

    _steps = 256  # of a drawing
    _quiet = False  # while what is chosen does not fit together yet
    _map = traitlets.Dict().tag(sync=True)
    _classes = traitlets.List().tag(sync=True)  # their names

    def __init__(self, model: Any, image: Any, layer: str | None = None, channel: int | None = None, **traits: Any):
        self._network = model
        self._shape = picture_shape(model, "NetworkExplorer")
        self._layers = AllLayers(model)
        self._last = output_names(model)[0]
        self._layout = network_map(model)
        self._home = {name: number for number, box in enumerate(self._layout.boxes) for name in box.layers}
        self._drawn = {}
        self._visible: list[int] = []  # boxes that the page shows
        self._side = _THUMBNAIL
        dtype = tf.as_dtype(model.inputs[0].dtype)
        self._dtype = dtype.as_numpy_dtype if dtype.is_integer or dtype == tf.float64 else np.float32
        self._begin_with(image)
        layer = first_convolution(self._layout, model, self._answers) if layer is None else self._name_of(layer)
        channel = self._strongest[layer] if channel is None else channel
        super().__init__(layer=layer, channel=channel, _map=self._pack_map(), _classes=class_names(model), **traits)
        self.observe(self._show_layer, "layer")
        self.observe(self._show_choice, list(_FOLLOWS))
        self.observe(self._move_last, "elsewhere")
        self.on_msg(self._receive)

    # ---- the network, the photo, and what each makes of the other

    @property
    def image(self) -> np.ndarray:
        """The photo as it is painted, (H, W, C), as the network gets it. Setting another one begins anew with it."""
        return self._canvas.painted

    @image.setter
    def image(self, image: Any) -> None:
        with self._lock:
            self._begin_with(image)
            self._show_picture()

    def _show_picture(self) -> None:
        self._map = self._pack_map()
        self.elsewhere = False
        for name in self._outside({"place": self.place, "point": self.point}):  # this photo is smaller
            setattr(self, name, None)
        self._tell("field", *_LIVE)

    @property
    def first_image(self) -> np.ndarray:
        """The photo before the first stroke, (H, W, C)."""
        return self._canvas.first

    @property
    def activation(self) -> np.ndarray:
        """What the chosen layer answers to the photo as it is painted: (H, W, C) float32, read-only."""
        return self._answers[self.layer]

    @property
    def arithmetic(self) -> Arithmetic | None:
        """How the number at the chosen place is computed: see ``arithmetic``. None where no place is chosen."""
        if self.place is None:
            return None
        return arithmetic(self._network, self.image, self.layer, *self.place, self.channel, values=self._all)

    @property
    def channels_here(self) -> tuple[tuple[int, int], np.ndarray, np.ndarray] | None:
        """Which channels of the chosen layer fire most at ``point``: what ``channels_at`` gives. None without a point.

        It is None too for a layer that the photo does not reach.
        """
        if self.point is None:
            return None
        try:
            field = receptive_field(self._network, self.layer, self.image.shape[:2])
        except ValueError:
            return None
        return strongest_at(field, self.activation, *self.point)

    @property
    def outputs(self) -> np.ndarray:
        """What comes out of the network for the photo as it is painted, float32."""
        return self._outputs

    def _begin_with(self, image: Any, first: bool = True) -> None:
        """Take a photo, as the first one or another, and compute every layer; or raise, and leave all as it was."""
        picture = fit_picture(image, self._shape).astype(self._dtype)
        before = getattr(self, "_canvas", None)
        self._canvas = Canvas(picture, np.dtype(self._dtype).name)
        try:
            self._compute()
        except Exception:
            self._canvas = before
            raise
        self._ranges = {name: channel_ranges(answer) for name, answer in self._answers.items()}
        self._strongest = {name: int(high.argmax()) for name, (_, high) in self._ranges.items()}
        self._first_outputs = self._outputs
        self._first_given = picture if first else self._first_given

    def _compute(self) -> None:
        """Compute every layer for the photo as it is painted."""
        answers = self._layers(self._canvas.painted)
        self._all, self._outputs = answers, answers[self._last]
        self._answers = {name: a for name, a in answers.items() if isinstance(a, np.ndarray) and a.ndim == 3 and a.size}

    # ---- what is chosen

    def _channel_counts(self) -> dict[str, int]:
        return {name: answer.shape[-1] for name, answer in self._answers.items()}

    def _show_layer(self, change: Any) -> None:
        self._leave()
        with self.hold_sync():
            if not self._quiet:
                self.place = None
            self.channel = self._strongest[change.new]
        self._tell("field", "layer", "channel", "here", "name")

    def _show_choice(self, change: Any) -> None:
        if change.name == "channel":
            self._leave()
        self._tell(*_FOLLOWS[change.name])

    def set_state(self, sync_data: dict) -> None:
        """Take what was chosen in the page, the layer first: what comes too late for a new layer is put right."""
        rest = dict(sync_data)
        both = {"layer", "place"} <= rest.keys()  # one after the other they need not fit together
        with self._lock:
            self._quiet = both
            try:
                with self.hold_sync():
                    if "layer" in rest:
                        super().set_state({"layer": rest.pop("layer")})
                    for name in self._outside(rest):
                        rest[name] = None
                        self.send_state(name)
                    super().set_state(rest)
            finally:
                self._quiet = False
            if both:
                self._tell("field", "layer", "channel", "arithmetic", "here", "name")

    # ---- paint

    @property
    def strokes(self) -> list[Stroke | Clone]:
        """The strokes on the photo, the first one first: what ``paint`` was given of each. Setting them paints anew."""
        return list(self._canvas.strokes)

    @strokes.setter
    def strokes(self, strokes: Any) -> None:
        with self._lock:
            self._canvas.begin_anew(strokes, self.elsewhere)
            self._recompute()

    def paint(self, tool: str, size: int, points: Any, source: Any = None) -> None:
        """Paint a stroke on the photo.

        Args:
            tool: "grey", "blur", "eraser", which brings back the photo as it was, or "clone", which copies another
                place of it.
            size: Diameter of the brush in pixels.
            points: (row, column) of each pixel over which the middle of the brush goes, in straight lines.
            source: For a clone, the (row, column) that is copied to the first of the points.

        Raises:
            TypeError, ValueError: There is no such tool, size or pixel.
        """
        with self._lock:
            self._canvas.add(tool, size, points, *([] if source is None else [source]))
            self.elsewhere = False
            self._recompute()

    def undo(self) -> None:
        """Take the last stroke back."""
        self.strokes = self._canvas.strokes[:-1]

    def _move_last(self, _: Any) -> None:
        if self.elsewhere != self._canvas.elsewhere:
            self.strokes = self._canvas.strokes

    def _recompute(self) -> None:
        self._compute()
        self._tell(*_LIVE)

    # ---- what the network draws for the channel

    def draw(self) -> None:
        """Begin to draw what the channel answers to most, by gradient ascent, in a thread of its own.

        It ends with a new channel. Nothing is begun if it is drawn already.

        Raises:
            ValueError: The network takes other values than 0-255.
        """
        if is_from_0_to_1(self.first_image) or self.first_image.min() < 0:
            raise ValueError(
                "What a channel answers to is drawn in values 0-255, and this network takes others. Give the explorer "
                "the network that with_preprocessing makes of it."
            )
        super().draw()

    def stop(self) -> None:
        """Stop drawing, and keep what is drawn."""
        self._cancel()

    def _send_progress(self) -> None:
        report, image = self._drawing_report()
        told = {"kind": "drawing", "layer": self.layer, "running": self._running}
        self.send(told | report, [] if image is None else [image])

    # ---- messages

    def _receive(self, _: Any, content: dict, buffers: list) -> None:
        """Do what the page asks for, and say why not where it cannot be done."""
        try:
            with self._lock:
                self._answer(content, buffers)
        except Exception as error:  # whatever it is, the page must not wait for ever
            self.send({"kind": "refused", "text": str(error)})

    def _answer(self, content: dict, buffers: list) -> None:
        kind = content["kind"]
        if kind == "look":  # a view has come into the page, or its part of the map is another
            self._visible = [number for number in content["boxes"] if number < len(self._layout.boxes)]
            self._side = min(max(int(content["side"]), 4), _THUMBNAIL)
            self._tell(*(("field", *_LIVE, "name") if content["all"] else ("thumbnails",)))
            if content["all"]:
                self._send_progress()
        elif kind == "paint":
            if content["begins"] or not self._canvas.strokes or self.elsewhere:
                self.paint(*(content.get(name) for name in ("tool", "size", "points", "source")))
            else:
                self._canvas.lengthen(content["points"])
                self._recompute()
        elif kind == "prepare":  # somebody is about to paint
            self._layers.compile()
        elif kind in ("undo", "clear"):
            self.strokes = self._canvas.strokes[:-1] if kind == "undo" else []
        elif kind == "first":
            self._begin_with(self._first_given)
            self._show_picture()
        elif kind == "patches":
            told, images = course_patches(self._network, self.layer, self.channel, self.first_image)
            self.send({"kind": "patches", "layer": self.layer, "channel": self.channel, **told}, images)
        elif kind == "draw":
            self.draw()
        elif kind == "stop":
            self.stop()
        elif kind == "state":
            self.send({"kind": "state", "text": self.state})
        elif kind == "set":
            self.state = content["text"]
        elif kind == "file" and (file := self._whole_file(content, buffers)) is not None:
            picture = resize(read_picture(file, content["name"]), self.first_image.shape[:2])
            self._begin_with(picture / np.float32(255) if is_from_0_to_1(self.first_image) else picture, first=False)
            self._show_picture()

    def _tell(self, *parts: str) -> None:
        """Send what the page shows; ``buffers`` names the parts that have bytes, in the order of these."""
        if self._quiet:
            return
        told, buffers = {"kind": "now"}, {}
        for part in parts:
            told[part], data = getattr(self, f"_pack_{part}")()
            if data is not None:
                buffers[part] = data
        self.send(told | {"buffers": list(buffers)}, list(buffers.values()))

    # ---- what the page shows

    def _pack_map(self) -> dict:
        shapes = {name: list(answer.shape) for name, answer in self._answers.items()}
        return described(self._layout, self._network, shapes)

    def _pack_photo(self) -> tuple[dict, bytes]:
        seen = as_seen(self.image)
        told = {"shape": seen.shape[:2], "strokes": len(self._canvas.strokes)}
        return told | {"first": self.first_image is self._first_given}, seen.tobytes()

    def _pack_scores(self) -> tuple[list, None]:
        if not self._classes:
            return [], None
        return score_rows(self._first_outputs, self._outputs), None

    def _pack_thumbnails(self) -> tuple[list, bytes]:
        """Return what stands in the boxes that the page shows: number, channel, height, width of each, whether NaN."""
        seen = {n: name for n in self._visible if (name := shown_layer(self._layout.boxes[n], self._answers))}
        small = {number: self._thumbnail(name, self._side) for number, name in seen.items()}
        strange = {number: has_odd(self._answers[name], self._strongest[name]) for number, name in seen.items()}
        told = [[n, self._strongest[name], *small[n].shape, strange[n]] for n, name in seen.items()]
        return told, b"".join(pixels.tobytes() for pixels in small.values())

    def _thumbnail(self, shown: str, side: int) -> np.ndarray:
        """Return the channel of a layer that stands for its box as grey pixels (h, w)."""
        return thumbnail(self._answers[shown], self._strongest[shown], self._ranges[shown], side)

    def _pack_layer(self) -> tuple[dict, bytes]:
        """Return all channels of the chosen layer as small grey pictures (C, h, w)."""
        small = all_thumbnails(self.activation, self._ranges[self.layer], self.scale == "shared")
        count, height, width = small.shape
        return {"name": self.layer, "count": count, "height": height, "width": width}, small.tobytes()

    def _pack_channel(self) -> tuple[dict, bytes]:
        """Return the chosen channel: float32 values (H, W), and their scale."""
        values = self.activation[..., self.channel]
        low, high = (edge[self.channel] for edge in self._ranges[self.layer])
        told = {"layer": self.layer, "channel": self.channel, "shape": values.shape}
        return told | {"low": float(low), "high": float(high)}, np.ascontiguousarray(values).tobytes()

    def _pack_arithmetic(self) -> tuple[dict, None]:
        """Return how the number at the chosen place is computed; nothing where no place is chosen."""
        found = self.arithmetic
        return {} if found is None else arithmetic_data(found), None

    def _pack_here(self) -> tuple[dict, None]:
        """Return which channels of the layer fire most at the point; nothing where none is chosen."""
        if (found := self.channels_here) is None:
            return {}, None
        unit, channels, values = found
        return {"layer": self.layer, "point": self.point, "unit": unit, **strongest_rows(channels, values)}, None

    def _pack_name(self) -> tuple[str, None]:
        return given_name(self._network, self.layer, self.channel), None

    def _pack_field(self) -> tuple[dict, bytes]:
        """Return what each unit of the chosen layer sees of the photo."""
        field = packed_fields(self._network, self.layer, self.image.shape[:2])
        return {"layer": self.layer, "kind": field.get("kind", "")}, field.get("boxes", b"")

    # ---- where there is no page

    def __repr__(self) -> str:
        (height, width, channels), count = self.activation.shape, len(self._canvas.strokes)
        told = [f"layer {self.layer} ({channels} channels of {height} x {width})", f"channel {self.channel}"]
        told += [f"{count} stroke{'' if count == 1 else 's'}"] if count else []
        told += [f"{self._classes[self._outputs.argmax()]} {self._outputs.max():.3g}"] if self._classes else []
        return f"NetworkExplorer: {', '.join(told)}"

    def _still(self) -> str:
        shown = {number: shown_layer(box, self._answers) for number, box in enumerate(self._layout.boxes)}
        thumbnails = {number: self._thumbnail(name, _THUMBNAIL) for number, name in shown.items() if name}
        says = f" It says {self._classes[self._outputs.argmax()]}." if self._classes else ""
        return still_map(self._layout, self._network.name, thumbnails, self._home[self.layer], says)
