"""A live explorer of gradient ascent: what a network draws, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import numpy as np
import traitlets

from coursekit.networks.backend import keras
from coursekit.networks.graph import refuse_channels_first, steps
from coursekit.networks.labels import as_class, imagenet_labels
from coursekit.networks.reading import score_layer
from coursekit.pictures.fitting import photos_for
from coursekit.show.picture import displayable, pictures
from coursekit.techniques.objectives import channel, class_score
from coursekit.techniques.optimization import picture_shape as drawable_shape
from coursekit.techniques.spread import spread
from coursekit.validation import as_count
from coursekit.widgets.background import BackgroundWidget, every
from coursekit.widgets.base import as_html, own_page
from coursekit.widgets.drawing import DEFAULTS, all_settings, drawing_size, stages
from coursekit.widgets.networks import ChannelChoice, class_names, picture_shape, published

_PLAIN_PIXELS = {"parametrization": "pixels", "shift": 0, "scale": 0, "rotate": 0}
_STILL_STEPS = 32
_BETWEEN_FRAMES = 0.1  # seconds


class DreamExplorer(ChannelChoice, BackgroundWidget):
    """What a channel or a class makes a network draw, by gradient ascent, while it grows: with two settings, A and B.

    The work is done in a thread, A and B by turns, so that other cells can run meanwhile. A new choice cancels what is
    being drawn and starts anew; after Stop, which keeps the pictures, nothing starts before Start. Whatever is chosen
    in the page can be read here, and what is set here moves the page: ``explorer.channel = 46``.

    Scores are counted in spreads: the objective is divided by its standard deviation over the course's 20 photos
    (rounded to three digits), so that the weights of the penalties mean much the same for every layer.

    Args:
        model: A Keras model with one picture as its input, values 0-255.
        layer: Name of the layer to begin with; by default the convolution half way through.
        channel: The channel to begin with, counted from 0.
        label: A class, by index or by its ImageNet name, to be drawn instead of a channel.
        a: Settings, those of ``maximize`` by their names: ``parametrization``, ``start`` (noise, grey or black),
            ``seed``, ``l2``, ``total_variation``, ``blur``, ``shift``, ``scale``, ``rotate``. What is not named has
            ``maximize``'s default.
        b: The settings to compare with; by default plain pixels that nothing keeps from being noise.
        compare: Whether B is drawn too.
        steps: How many.
        size: Side of the pictures in pixels, or (height, width). By default 128 for channels, which is quick, and what
            the network takes for classes and behind its last map.

    Attributes:
        layer: Name of the layer.
        channel: Index of the channel. At a new layer it stays if there is one of that number; else it becomes 0.
        label: Index of the class that is drawn, or None: then the channel is.
        a: All settings of A, as a dict.
        b: All settings of B.
        compare: Whether B is drawn too.
        steps: How many.

    Raises:
        TypeError: ``model`` is no Keras model with a graph, or a setting is of the wrong type.
        ValueError: There is no such layer, channel, class or setting, or a setting is out of its range.
    """

    _esm, _css = own_page(__file__)
    _wants = "channels to draw"

    label = traitlets.Any(None, allow_none=True).tag(sync=True)
    a = traitlets.Any().tag(sync=True)
    b = traitlets.Any().tag(sync=True)
    compare = traitlets.Bool(True).tag(sync=True)
    steps = traitlets.Any().tag(sync=True)
    _layers = traitlets.List().tag(sync=True)  # [name, channels] of each
    _classes = traitlets.List().tag(sync=True)  # their names

    def __init__(
        self,
        model: Any,
        layer: str | None = None,
        channel: int = 0,
        *,
        label: int | str | None = None,
        a: dict | None = None,
        b: dict | None = None,
        compare: bool = True,
        steps: int = 256,
        size: int | tuple[int, int] | None = None,
    ):
        self._preparing: str | None = None  # what is to be drawn, until its first step is done
        self._drawn: dict | None = None
        self._network, self._size = model, size
        self._shape = picture_shape(model, "DreamExplorer")
        refuse_channels_first(model)
        drawable_shape(model)
        self._channels = _count_channels(model)
        self._spreads: dict[str, tuple[float, float]] = {}  # of each objective
        layer = _middle_layer(model, self._channels) if layer is None else self._name_of(layer)
        super().__init__(
            layer=layer,
            channel=channel,
            label=label,
            a={} if a is None else a,
            b=_PLAIN_PIXELS if b is None else b,
            compare=compare,
            steps=steps,
            _layers=[list(pair) for pair in self._channels.items()],
            _classes=class_names(model),
        )
        self.on_msg(self._receive)

    # ---- what is chosen

    def _channel_counts(self) -> dict[str, int]:
        return self._channels

    @traitlets.validate("label")
    def _validate_label(self, proposal: Any) -> int | None:
        if proposal.value is None:
            return None
        return as_class(proposal.value, score_layer(self._network)[0].shape[-1])

    @traitlets.validate("a", "b")
    def _validate_settings(self, proposal: Any) -> dict:
        return all_settings(proposal.value)

    @traitlets.validate("steps")
    def _validate_steps(self, proposal: Any) -> int:
        return as_count(proposal.value, "steps")

    @traitlets.observe("layer")
    def _keep_channel(self, change: Any) -> None:
        if self.channel >= self._channels[change.new]:
            self.channel = 0

    def _choice(self) -> dict:
        """Return what is to be drawn, as it is chosen now: the thread reads nothing else."""
        if self.label is None:
            objective, title = channel(self._network, self.layer, self.channel), f"{self.layer}, channel {self.channel}"
            code = f"channel(model, {self.layer!r}, {self.channel})"
        else:
            objective, title = class_score(self._network, self.label), self._classes[self.label]
            named = title if title in imagenet_labels() else self.label
            code = f"class_score(model, {named!r})"
        return {
            "objective": objective,
            "title": title,
            "code": code,
            "size": self._drawing_size(),
            "steps": self.steps,
            "panels": {"a": self.a, "b": self.b} if self.compare else {"a": self.a},
        }

    def _drawing_size(self) -> Any:
        """Return the size of the pictures, None where it is the network's."""
        if self._size is not None or self.label is not None:
            return self._size
        size = drawing_size(self._network, self.layer)
        return size[0] if size is not None and size[0] == size[1] else size

    # ---- drawing

    def start(self) -> None:
        """Begin to draw what is chosen, in a thread of its own. What was being drawn is cancelled."""
        choice = self._choice()
        with self._lock:
            self._live, self._preparing = True, choice["title"]
            self._begin(self._draw(choice))

    def stop(self) -> None:
        """Stop drawing and keep the pictures."""
        with self._lock:
            self._live = False
            self._cancel()

    @property
    def images(self) -> np.ndarray | None:
        """The pictures as they are in the page: float32 (1 or 2, H, W, C), A first. None before the first step."""
        return None if self._drawn is None else self._drawn["images"]

    @property
    def code(self) -> str:
        """The Python code that draws the pictures that are in the page; empty before the first step."""
        return "" if self._drawn is None else _as_code(self._drawn)

    @traitlets.observe("layer", "channel", "label", "a", "b", "compare", "steps")
    def _renew(self, _: Any) -> None:
        if self._live:
            self.start()

    def _draw(self, choice: dict) -> Iterator[dict | None]:
        """Draw, and yield what there is to show, some times a second."""
        objective, panels = choice["objective"], choice["panels"]
        if objective.name not in self._spreads:
            self._spreads[objective.name] = spread(objective, photos_for(self._shape))
        unit, strongest = self._spreads[objective.name]
        yield None
        choice |= {"unit": unit, "strongest": strongest}
        how = objective / unit, choice["steps"], choice["size"]
        ascents = [stages(*how, settings) for settings in panels.values()]
        traces: list[list[float]] = [[] for _ in panels]
        stuck: dict[str, list[int]] = {name: [] for name in panels}  # steps without a finite objective and gradient
        due = every(_BETWEEN_FRAMES)
        for both in zip(*ascents, strict=True):  # a step of A, a step of B
            step = both[0].step
            if step == 0:
                continue
            for name, trace, stage in zip(panels, traces, both, strict=True):
                trace.append(stage.score[0])
                if not stage.finite[0]:
                    stuck[name].append(step)
            if step < choice["steps"] and not due():
                yield None
                continue
            images = np.concatenate([stage.images() for stage in both])
            said = _stuck_in_words(stuck, step)
            yield choice | {"step": step, "images": images, "traces": np.float32(traces), "stuck": said}

    def _keep(self, shown: dict) -> None:
        self._drawn, self._preparing = shown, None

    # ---- what the page shows

    def _receive(self, _: Any, content: dict, buffers: list) -> None:
        if content["kind"] == "start":
            self.start()
        elif content["kind"] == "stop":
            self.stop()
        else:  # a view has come into the page
            with self._lock:
                self._send_progress()

    def _send_progress(self) -> None:
        """Send all that the page shows beside what is chosen."""
        error = "" if self._error is None else str(self._error)
        preparing = self._preparing if self._running else None
        report = {"running": self._running, "preparing": preparing, "error": error, "drawn": None}
        drawn, buffers = self._drawn, []
        if drawn is not None:
            report["drawn"] = {
                **{name: drawn[name] for name in ("title", "step", "steps", "unit", "strongest", "stuck")},
                "panels": list(drawn["panels"]),
                "shape": drawn["images"].shape[1:3],
                "code": _as_code(drawn),
            }
            buffers = [displayable(image).tobytes() for image in drawn["images"]]
            buffers += [trace.tobytes() for trace in drawn["traces"]]
        self.send(report, buffers)

    def _arguments(self) -> dict[str, Any]:
        return super()._arguments() | {"network": published(self._network), "size": self._size}

    def __repr__(self) -> str:
        choice = self._choice() if self._drawn is None else self._drawn
        names = " and ".join(name.upper() for name in choice["panels"])
        return f"DreamExplorer: {choice['title']}, {names} after {choice.get('step', 0)} steps"

    def _still(self) -> str:
        if self._drawn is None and not self._running:
            choice = self._choice()
            self._follow(self._run, self._draw(choice | {"steps": min(choice["steps"], _STILL_STEPS)}))
        return "" if self._drawn is None else _as_html(self._drawn)


def _count_channels(model: Any) -> dict[str, int]:
    """Return the number of channels of every layer that has some, the inputs left out."""
    listed = {step.name: step.shape for step in steps(model) if step.parents and not isinstance(step.shape, list)}
    channels = {name: shape[-1] for name, shape in listed.items() if len(shape) in (1, 3) and shape[-1] is not None}
    if not channels:
        raise ValueError("This network has no layer with channels to draw.")
    return channels


def _middle_layer(model: Any, channels: dict[str, int]) -> str:
    convolutions = [step.name for step in steps(model) if isinstance(step.operation, keras.layers.Conv2D)]
    listed = [name for name in convolutions if name in channels] or list(channels)
    return listed[len(listed) // 2]


def _as_code(drawn: dict) -> str:
    called = {"size": drawn["size"]} if drawn["size"] is not None else {}
    lines = [f"objective = {drawn['code']} / {drawn['unit']:g}"]
    for name, settings in drawn["panels"].items():
        changed = {key: value for key, value in settings.items() if value != DEFAULTS[key]}
        arguments = ", ".join(
            f"{key}={value!r}" for key, value in {"steps": drawn["step"], **called, **changed}.items()
        )
        lines.append(f"{name} = maximize(objective, {arguments}).images[0]")
    return "\n".join(lines)


def _stuck_in_words(stuck: dict[str, list[int]], step: int) -> str:
    """Return a sentence for each panel with steps that left its picture as it was."""
    return " ".join(
        f"{name.upper()}: at {len(steps)} of {step} steps, first at step {steps[0]}, the score or its gradient was no "
        "finite number, and the picture stayed as it was."
        for name, steps in stuck.items()
        if steps
    )


def _as_html(drawn: dict) -> str:
    """Return the pictures, with what they are."""
    scores: Sequence[float] = drawn["traces"][:, -1]
    titles = [f"{name.upper()}: score {score:.3g}" for name, score in zip(drawn["panels"], scores, strict=True)]
    said = f"{drawn['title']} after {drawn['step']} steps of gradient ascent. {'; '.join(titles)}."
    figure = pictures(list(drawn["images"]), titles, size=2.6, alt=said)
    stuck = f"<p>{escape(drawn['stuck'])}</p>" if drawn["stuck"] else ""
    return f"{as_html([figure])}{stuck}<pre>{_as_code(drawn)}</pre>"
