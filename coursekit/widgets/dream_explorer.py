"""A live explorer of gradient ascent: what a network draws, step by step."""

from __future__ import annotations

import contextvars
import inspect
import threading
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from coursekit.networks.backend import keras
from coursekit.networks.graph import find_layer, steps
from coursekit.networks.labels import as_class, imagenet_labels
from coursekit.networks.reading import score_layer
from coursekit.pictures import photos
from coursekit.show.picture import displayable, pictures
from coursekit.techniques.gradient_ascent import ascend, maximize
from coursekit.techniques.objectives import Objective, channel, class_score
from coursekit.techniques.parametrizations import PARAMETRIZATIONS
from coursekit.validation import as_index, nearest

STARTS = ("noise", "grey", "black")
_NAMES = ("image", "start", "seed", "l2", "total_variation", "blur", "shift", "scale", "rotate")
DEFAULTS = {name: inspect.signature(maximize).parameters[name].default for name in _NAMES}
_PLAIN_PIXELS = {"image": "pixels", "shift": 0, "scale": 0, "rotate": 0}
_MOST = {"scale": 1, "rotate": 180}
_SIDE = 128  # of the pictures for a channel: quick enough on two cores to watch them grow
_STILL_STEPS = 32
_BETWEEN_FRAMES = 0.1  # seconds


class DreamExplorer(anywidget.AnyWidget):
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
        a: Settings, those of ``maximize`` by their names: ``image``, ``start`` (noise, grey or black), ``seed``,
            ``l2``, ``total_variation``, ``blur``, ``shift``, ``scale``, ``rotate``. What is not named has
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

    _esm = Path(__file__).with_suffix(".js")
    _css = Path(__file__).with_suffix(".css")

    layer = traitlets.Any().tag(sync=True)
    channel = traitlets.Any().tag(sync=True)
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
        # What the thread and the page's messages share. A run draws only as long as it is the latest one.
        self._lock = threading.RLock()
        self._run, self._thread = 0, None
        self._live = self._running = False
        self._preparing: str | None = None  # what is to be drawn, until its first step is done
        self._drawn: dict | None = None
        self._error: Exception | None = None

        self._network, self._size = model, size
        self._channels = _count_channels(model)
        self._measured: dict[str, tuple[float, float]] = {}
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
            _classes=_class_names(model),
        )
        self.on_msg(self._receive)
        self.observe(self._renew, ["layer", "channel", "label", "a", "b", "compare", "steps"])

    # ---- what is chosen

    def _name_of(self, layer: Any) -> str:
        name = find_layer(self._network, layer).name
        if name not in self._channels:
            raise ValueError(f"Layer {name!r} has no channels to draw. {nearest(name, self._channels)}")
        return name

    @traitlets.validate("layer")
    def _validate_layer(self, proposal: Any) -> str:
        return self._name_of(proposal.value)

    @traitlets.validate("channel")
    def _validate_channel(self, proposal: Any) -> int:
        return as_index(proposal.value, self._channels[self.layer], f"channel of {self.layer!r}")

    @traitlets.validate("label")
    def _validate_label(self, proposal: Any) -> int | None:
        if proposal.value is None:
            return None
        return as_class(proposal.value, score_layer(self._network)[0].shape[-1])

    @traitlets.validate("a", "b")
    def _validate_settings(self, proposal: Any) -> dict:
        return _all_settings(proposal.value)

    @traitlets.validate("steps")
    def _validate_steps(self, proposal: Any) -> int:
        return _as_number(proposal.value, "steps", whole=True, least=1)

    @traitlets.observe("layer")
    def _keep_channel(self, change: Any) -> None:
        if self.channel >= self._channels[change.new]:
            self.channel = 0

    def set_state(self, sync_data: dict) -> None:
        """Take what was chosen in the page."""
        channels = self._channels[sync_data.get("layer", self.layer)]
        late = sync_data.get("channel", 0) >= channels
        if late:  # chosen in the page before it knew of a new layer with fewer channels
            sync_data = {name: value for name, value in sync_data.items() if name != "channel"}
        super().set_state(sync_data)
        if late:
            self.send_state("channel")

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
            "size": self._size_for(objective),
            "steps": self.steps,
            "panels": {"a": self.a, "b": self.b} if self.compare else {"a": self.a},
        }

    def _size_for(self, objective: Objective) -> Any:
        """Return the size of the pictures, None where it is the network's."""
        if self._size is not None or self.label is not None:
            return self._size
        height, width = (side or 224 for side in self._network.inputs[0].shape[1:3])
        longest = max(height, width)
        if longest <= _SIDE or len(find_layer(self._network, objective.readings[0].layer).shape) != 3:
            return None
        sides = tuple(max(1, side * _SIDE // longest) for side in (height, width))
        return sides[0] if sides[0] == sides[1] else sides

    # ---- drawing

    def start(self) -> None:
        """Begin to draw what is chosen, in a thread of its own. What was being drawn is cancelled."""
        choice = self._choice()
        with self._lock:
            self._run += 1
            self._live, self._running, self._error, self._preparing = True, True, None, choice["title"]
            # In this context the reports are answers to the page's Start. They keep open the way by which that came,
            # past a busy cell (a subshell of the kernel), so that Stop comes through at once too.
            work = partial(contextvars.copy_context().run, self._work, self._run, choice, self._thread)
            self._thread = threading.Thread(target=work, name="DreamExplorer", daemon=True)
            self._thread.start()
            self._report()

    def stop(self) -> None:
        """Stop drawing and keep the pictures."""
        with self._lock:
            self._run += 1
            self._live, self._running, self._preparing = False, False, None
            self._report()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the drawing is done, in a cell that needs the result.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            Exception: What went wrong while drawing.
        """
        if self._thread is not None:
            self._thread.join(timeout)
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """End the drawing, and take the explorer from the page."""
        with self._lock:
            self._run += 1
            self._live = False
        super().close()

    @property
    def images(self) -> np.ndarray | None:
        """The pictures as they are in the page: float32 (1 or 2, H, W, C), A first. None before the first step."""
        return None if self._drawn is None else self._drawn["images"]

    @property
    def code(self) -> str:
        """The Python code that draws the pictures that are in the page; empty before the first step."""
        return "" if self._drawn is None else _as_code(self._drawn)

    def _renew(self, _: Any) -> None:
        if self._live:
            self.start()

    def _work(self, run: int, choice: dict, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()  # it ends at its next step: it is the latest run no more
        error = None
        try:
            self._draw(run, choice)
        except Exception as caught:  # whatever it is, the page must tell: nobody looks into a thread
            error = caught
        with self._lock:
            if run == self._run:
                self._running, self._preparing, self._error = False, None, error
                self._report()

    def _draw(self, run: int, choice: dict) -> None:
        """Draw until done, or until this run is the latest no more."""
        if run != self._run:
            return
        unit, strongest = self._measure(choice["objective"])
        panels = choice["panels"].values()
        ascents = [_ascent(choice["objective"] / unit, choice, settings) for settings in panels]
        traces: list[list[float]] = [[] for _ in panels]
        shown = 0.0
        for stages in zip(*ascents, strict=True):  # a step of A, a step of B
            if run != self._run:
                return
            step = stages[0].step
            if step == 0:
                continue
            for trace, stage in zip(traces, stages, strict=True):
                trace.append(stage.score[0])
            if step < choice["steps"] and time.monotonic() - shown < _BETWEEN_FRAMES:
                continue
            images = np.concatenate([stage.images() for stage in stages])
            now = {"step": step, "images": images, "traces": np.float32(traces), "unit": unit, "strongest": strongest}
            with self._lock:
                if run != self._run:
                    return
                self._drawn, self._preparing = choice | now, None
                self._report()
            shown = time.monotonic()

    def _measure(self, objective: Objective) -> tuple[float, float]:
        """Return the objective's spread over the photos, and the largest of their values in spreads."""
        if objective.name not in self._measured:
            values = objective(_photos_for(self._network))
            unit = float(f"{values.std():.3g}") or 1.0  # 0 for a unit that no photo wakes
            self._measured[objective.name] = unit, float(values.max() / unit)
        return self._measured[objective.name]

    # ---- what the page is told

    def _receive(self, _: Any, content: dict, buffers: list) -> None:
        if content["kind"] == "start":
            self.start()
        elif content["kind"] == "stop":
            self.stop()
        else:  # a view has come into the page
            with self._lock:
                self._report()

    def _report(self) -> None:
        """Send all that the page shows beside what is chosen.

        A message and not a trait: traits are not made to be set by several threads.
        """
        error = "" if self._error is None else str(self._error)
        told = {"running": self._running, "preparing": self._preparing, "error": error, "drawn": None}
        drawn, buffers = self._drawn, []
        if drawn is not None:
            told["drawn"] = {
                **{name: drawn[name] for name in ("title", "step", "steps", "unit", "strongest")},
                "panels": list(drawn["panels"]),
                "shape": drawn["images"].shape[1:3],
                "code": _as_code(drawn),
            }
            buffers = [displayable(image).tobytes() for image in drawn["images"]]
            buffers += [trace.tobytes() for trace in drawn["traces"]]
        self.send(told, buffers)

    def __repr__(self) -> str:
        choice = self._choice() if self._drawn is None else self._drawn
        names = " and ".join(name.upper() for name in choice["panels"])
        return f"DreamExplorer: {choice['title']}, {names} after {choice.get('step', 0)} steps"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        """Return the view, and a still picture for where there is no kernel: in an exported page, on GitHub."""
        if self._drawn is None and not self._running:
            choice = self._choice()
            self._draw(self._run, choice | {"steps": min(choice["steps"], _STILL_STEPS)})
        data, metadata = super()._repr_mimebundle_(**kwargs)
        still = {} if self._drawn is None else {"text/html": _still(self._drawn)}
        return {**data, "text/plain": repr(self), **still}, metadata


def _as_number(value: Any, name: str, whole: bool = False, least: float = 0, most: float = np.inf) -> Any:
    """Return a number as Python's own, if it is one and in its range.

    Raises:
        TypeError: It is no number, or no whole one.
        ValueError: It is out of its range.
    """
    said = f"{name} must be a {'whole number' if whole else 'number'}, {least:g} or more"
    said += "" if most == np.inf else f" and at most {most:g}"
    if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
        raise TypeError(f"{said}, not {value!r}.")
    if not (np.isfinite(value) and least <= value <= most):
        raise ValueError(f"{said}, not {value!r}.")
    return value.item() if isinstance(value, np.generic) else value


def _all_settings(given: Any) -> dict:
    if not isinstance(given, dict):
        raise TypeError(f"Settings are a dict such as {{'l2': 20}}, not {type(given).__name__}.")
    for name in given:
        if name not in DEFAULTS:
            raise ValueError(f"There is no setting {name!r}. {nearest(name, DEFAULTS)}")
    settings = {**DEFAULTS, **given}
    for name, value in settings.items():
        if name in ("image", "start"):
            allowed = {"image": PARAMETRIZATIONS, "start": STARTS}[name]
            if not isinstance(value, str) or value not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}.")
        else:
            settings[name] = _as_number(value, name, name in ("shift", "seed"), most=_MOST.get(name, np.inf))
    return settings


def _ascent(objective: Objective, choice: dict, settings: dict) -> Any:
    rest = {name: value for name, value in settings.items() if name not in ("start", "seed")}
    seed = settings["seed"]
    how = {"size": choice["size"], "learning_rate": None, "view_seed": seed, **rest}
    return ascend([objective], choice["steps"], start=[settings["start"]], seed=[seed], **how)


def _count_channels(model: Any) -> dict[str, int]:
    """Return the number of channels of every layer that has some, the inputs left out."""
    listed = {step.name: step.shape for step in steps(model) if step.parents and not isinstance(step.shape, list)}
    channels = {name: shape[-1] for name, shape in listed.items() if len(shape) in (1, 3) and shape[-1] is not None}
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4 or not channels:
        takes = ", ".join(str(tuple(tensor.shape[1:])) for tensor in model.inputs)
        raise ValueError(f"DreamExplorer shows networks that take one picture (H, W, C); this one takes {takes}.")
    return channels


def _middle_layer(model: Any, channels: dict[str, int]) -> str:
    convolutions = [step.name for step in steps(model) if isinstance(step.operation, keras.layers.Conv2D)]
    listed = [name for name in convolutions if name in channels] or list(channels)
    return listed[len(listed) // 2]


def _class_names(model: Any) -> list[str]:
    """Return a name for each class, none twice; nothing for a network without classes."""
    if len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
        return []
    count = score_layer(model)[0].shape[-1]
    names = imagenet_labels() if count == len(imagenet_labels()) else [f"class {i}" for i in range(count)]
    times = Counter(names)
    return [name if times[name] == 1 else f"{name} ({i})" for i, name in enumerate(names)]


def _photos_for(model: Any) -> np.ndarray:
    """Return the course's photos as a network takes them, (20, H, W, C)."""
    height, width, channels = model.inputs[0].shape[1:]
    images, _ = photos((height or 224, width or 224))
    return images.mean(axis=-1, keepdims=True) if channels == 1 else images


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


def _still(drawn: dict) -> str:
    """Return the pictures as HTML, with what they are."""
    scores: Sequence[float] = drawn["traces"][:, -1]
    titles = [f"{name.upper()}: score {score:.3g}" for name, score in zip(drawn["panels"], scores, strict=True)]
    said = f"{drawn['title']} after {drawn['step']} steps of gradient ascent. {'; '.join(titles)}."
    figure = pictures(list(drawn["images"]), titles, size=2.6, alt=said)
    return f"<div>{figure.to_html()}</div><pre>{_as_code(drawn)}</pre>"
