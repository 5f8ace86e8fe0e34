"""A live explorer of style transfer: a picture as it converges, and the answer of a network trained for the style."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import traitlets

from coursekit.networks.gradients import refuse_whole_numbers
from coursekit.pictures.fitting import fit_picture, shrink
from coursekit.pictures.paintings import PAINTINGS, painting
from coursekit.pictures.reading import read_picture
from coursekit.show.picture import displayable, pictures
from coursekit.techniques.features import layer_names
from coursekit.techniques.style import CONTENT_LAYER, STYLE_WEIGHT, in_grey, recoloured, style_losses, transfer_stages
from coursekit.techniques.stylizer import shipped_styles, stylize
from coursekit.techniques.texture import TEXTURE_LAYERS
from coursekit.validation import as_count, as_index, as_number, nearest
from coursekit.widgets.background import BackgroundWidget, every
from coursekit.widgets.base import as_html, own_page
from coursekit.widgets.networks import picture_shape

_STILL_STEPS = 40
_BETWEEN_FRAMES = 0.3  # seconds; the losses of a frame cost as much as three steps
_KEPT = 32  # answers of fast networks
_CHOSEN = ("content", "style", "weights", "strength", "keep_colour")
_LEAST = 16  # pixels of a side


class StyleExplorer(BackgroundWidget):
    """One picture's content in another one's style, step by step, with a weight for each layer.

    Beside it stands what a network makes of the content in one pass, if one was trained for the style. It knows nothing
    of the weights: its own were chosen when it was trained.

    The work is done in a thread, so that other cells can run meanwhile. A new choice cancels what is being drawn and
    starts anew; after Stop, which keeps the picture, only the fast network answers, until Start. Pictures can be
    dropped in the page: on the style to be a style, elsewhere to be a content. Whatever is chosen in the page can be
    read here, and what is set here moves the page: ``explorer.style = "mosaic"``.

    Args:
        model: A Keras model with one picture as its input, values 0-255, best ``with_average_pooling``.
        contents: Pictures (H, W, 3), values 0-255, of any sizes: {name: picture}, or a sequence of them.
        styles: Names of paintings, which have a fast network, or {name: picture}; by default all paintings.
        stylizers: {name of a style: its fast network, as ``stylize`` takes it}, beside those of the paintings.
        content: Name or index of the content to begin with.
        style: Name or index of the style to begin with.
        layers: Where the style's Gram matrices are taken: names, or {name: weight}.
        content_layer: Where the content's features are kept.
        strength: Weight of the style's loss beside the content's.
        keep_colour: Take the brightness only from the style, and the colours from the content.
        steps: How many.
        size: Pixels of the longer side to which larger pictures are brought.

    Attributes:
        content: Index of the content.
        style: Index of the style.
        weights: {layer: weight}. What is not named when it is set has the weight 0.
        strength: Weight of the style's loss. If it is 0, or all weights are, the picture is smoothed, and that is all.
        keep_colour: Whether the colours are the content's.

    Raises:
        TypeError: ``model`` is no Keras model with a graph, or something is of the wrong type.
        ValueError: There is no such picture or layer, or a value is out of its range.
    """

    _esm, _css = own_page(__file__)

    content = traitlets.TraitType(0).tag(sync=True)
    style = traitlets.TraitType(0).tag(sync=True)
    weights = traitlets.TraitType({}).tag(sync=True)
    strength = traitlets.TraitType(STYLE_WEIGHT).tag(sync=True)
    keep_colour = traitlets.Bool(False).tag(sync=True)
    _contents = traitlets.List().tag(sync=True)  # their names
    _styles = traitlets.List().tag(sync=True)
    _content = traitlets.Dict().tag(sync=True)  # the pictures chosen
    _style = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        model: Any,
        contents: Any,
        styles: Any = tuple(PAINTINGS),
        *,
        stylizers: Mapping[str, Any] | None = None,
        content: int | str = 0,
        style: int | str = 0,
        layers: Sequence[str] | Mapping[str, float] = TEXTURE_LAYERS,
        content_layer: str = CONTENT_LAYER,
        strength: float = STYLE_WEIGHT,
        keep_colour: bool = False,
        steps: int = 200,
        size: int = 224,
    ):
        self._network = model
        self._channels = picture_shape(model, "StyleExplorer")[2] or 3
        refuse_whole_numbers(model)
        self._layers = layer_names(model, layers, "layers")
        [self._keeps] = layer_names(model, [content_layer], "content_layer")
        self._steps, self._size = as_count(steps, "steps"), as_count(size, "size", _LEAST)
        self._pictures = {"content": self._fitted(contents, "content"), "style": self._fitted(styles, "style")}
        self._stylizers |= {} if stylizers is None else dict(stylizers)
        self._fast: dict[tuple, np.ndarray] = {}  # answers of fast networks, by content and style
        self._shown: dict | None = None
        self._stopped = False  # then a choice asks the fast network only
        super().__init__(
            content=content,
            style=style,
            weights=layers if isinstance(layers, Mapping) else dict.fromkeys(self._layers, 1.0),
            strength=strength,
            keep_colour=keep_colour,
            _contents=list(self._pictures["content"]),
            _styles=list(self._pictures["style"]),
        )
        self._live = True
        self._show_chosen(None)
        self.on_msg(self._receive)
        self.observe(self._show_chosen, ["content", "style"])
        self.observe(self._renew, list(_CHOSEN))

    # ---- the pictures

    def _fitted(self, given: Any, name: str) -> dict[str, np.ndarray]:
        """Return {name: picture} of pictures, or of names of paintings."""
        if isinstance(given, Mapping):
            named = dict(given)
        elif isinstance(given, str) or getattr(given, "ndim", 4) == 3:
            named = {given if isinstance(given, str) else f"{name} 0": given}
        else:
            named = {one if isinstance(one, str) else f"{name} {i}": one for i, one in enumerate(given)}
        if not named:
            raise ValueError(f"There is no {name} to choose: give one picture or more.")
        made = {key: painting(one) if isinstance(one, str) else one for key, one in named.items()}
        self._stylizers = {key: one for key, one in named.items() if isinstance(one, str) and one in shipped_styles()}
        return {str(key): self._fit(one) for key, one in made.items()}

    def _fit(self, picture: np.ndarray) -> np.ndarray:
        """Return a picture in a size that is quick, (H, W, C) uint8."""
        picture = fit_picture(picture, (None, None, self._channels))
        small = fit_picture(picture, (*shrink(picture.shape[:2], self._size), self._channels))
        return np.rint(small).astype(np.uint8)

    def _picture(self, role: str, index: int) -> np.ndarray:
        return list(self._pictures[role].values())[index]

    def _show_chosen(self, _: Any) -> None:
        """Send the pictures that are chosen now."""
        for role in ("content", "style"):
            seen = displayable(self._picture(role, getattr(self, role)))
            setattr(self, f"_{role}", {"shape": seen.shape[:2], "rgb": seen.tobytes()})

    # ---- what is chosen

    @traitlets.validate("content", "style")
    def _validate_picture(self, proposal: Any) -> int:
        role, names = proposal.trait.name, list(self._pictures[proposal.trait.name])
        if not isinstance(proposal.value, str):
            return as_index(proposal.value, len(names), role)
        if proposal.value not in names:
            raise ValueError(f"There is no {role} {proposal.value!r}. {nearest(proposal.value, names)}")
        return names.index(proposal.value)

    @traitlets.validate("weights")
    def _validate_weights(self, proposal: Any) -> dict[str, float]:
        if not isinstance(proposal.value, Mapping):
            raise TypeError(f"weights is a dict such as {{{self._layers[0]!r}: 1}}, not {proposal.value!r}.")
        for name in proposal.value:
            if name not in self._layers:
                raise ValueError(f"There is no weight for {name!r}. {nearest(name, self._layers)}")
        return {name: as_number(proposal.value.get(name, 0.0), f"the weight of {name!r}") for name in self._layers}

    @traitlets.validate("strength")
    def _validate_strength(self, proposal: Any) -> float:
        return as_number(proposal.value, "strength")

    def _choice(self) -> dict:
        """Return what is to be drawn, as it is chosen now: the thread reads nothing else."""
        return {name: getattr(self, name) for name in _CHOSEN}

    def _renew(self, _: Any) -> None:
        """Draw what is chosen now; after Stop ask the fast network only."""
        with self._lock:
            if self._live:
                self._begin(self._transfer(self._choice(), 0 if self._stopped else self._steps))

    # ---- drawing

    def start(self) -> None:
        """Begin to draw what is chosen, in a thread of its own. What was being drawn is cancelled."""
        with self._lock:
            self._stopped = False
            self._renew(None)

    def stop(self) -> None:
        """Stop drawing and keep the picture."""
        with self._lock:
            self._stopped = True
            self._cancel()

    @property
    def image(self) -> np.ndarray | None:
        """The picture as it is in the page, float32 (H, W, C); None before the first step."""
        return None if self._shown is None else self._shown["image"]

    @property
    def stylized(self) -> np.ndarray | None:
        """What the fast network made of it, float32 (H, W, C); None if none was trained for the style."""
        return None if self._shown is None else self._shown["fast"]

    @property
    def path(self) -> np.ndarray | None:
        """Step, content loss and style loss of each picture that was shown, (N, 3); None before the first."""
        return None if self._shown is None else np.float64(self._shown["path"])

    def _transfer(self, choice: dict, last: int) -> Iterator[dict | None]:
        """Draw step by step up to the last, and yield some times a second what there is to show."""
        yield None
        photo, style = (self._picture(role, choice[role]).astype(np.float32) for role in ("content", "style"))
        weights, strength = choice["weights"], choice["strength"]
        if not any(weights.values()):  # nothing of the style counts
            weights, strength = dict.fromkeys(weights, 1.0), 0.0
        how = {"content_layer": self._keeps, "style_layers": weights, "keep_colour": choice["keep_colour"]}
        fast, losses = self._at_once(choice, photo, style, how)
        shown = choice | {"fast": fast, "fast_losses": losses, "path": []}
        due = every(_BETWEEN_FRAMES)
        for stage in transfer_stages(self._network, photo, style, style_weight=strength, steps=self._steps, **how):
            if stage.step < last and not due():
                yield None
                continue
            shown = shown | {"image": stage.image(), "path": [*shown["path"], [stage.step, *stage.losses()]]}
            yield shown
            if stage.step >= last:
                return

    def _at_once(self, choice: dict, photo: np.ndarray, style: np.ndarray, how: dict) -> tuple:
        """Return what the network trained for the style makes of a picture, and its losses; None and None without."""
        trained = self._stylizers.get(list(self._pictures["style"])[choice["style"]])
        if trained is None:
            return None, None
        key = choice["content"], choice["style"]
        if key not in self._fast:
            self._fast[key] = stylize(photo, trained)
            for oldest in list(self._fast)[:-_KEPT]:
                del self._fast[oldest]
        made = shown = self._fast[key]
        if choice["keep_colour"]:
            shown = recoloured(made, photo)
            (made, _), (photo, style) = in_grey(made, style), in_grey(photo, style)
        layers = how["content_layer"], how["style_layers"]
        return shown, style_losses(self._network, made, photo, style, *layers)

    def _keep(self, shown: dict) -> None:
        self._shown = shown

    # ---- what the page shows

    def _receive(self, _: Any, content: dict, buffers: list) -> None:
        if content["kind"] == "start":
            self.start()
        elif content["kind"] == "stop":
            self.stop()
        elif content["kind"] == "file":
            file = self._whole_file(content, buffers)
            if file is not None:
                self._take_picture(content["role"], content["name"], file)
        else:  # a view has come into the page
            with self._lock:
                self._send_progress()

    def _take_picture(self, role: str, name: str, file: bytes) -> None:
        """Take a file that was dropped in the page as a content or as a style, and choose it."""
        try:
            picture = self._fit(read_picture(file, name))
        except Exception as error:  # whatever it is, the page must not wait for ever
            self.send({"kind": "refused", "text": str(error)})
            return
        named = self._pictures[role]
        unique = next(one for one in (name, *(f"{name} ({i})" for i in range(2, len(named) + 3))) if one not in named)
        named[unique] = picture
        setattr(self, f"_{role}s", list(named))
        self.send({"kind": "taken", "text": f"{unique} is the {role} now."})
        setattr(self, role, len(named) - 1)

    def _send_progress(self) -> None:
        error = "" if self._error is None else str(self._error)
        report = {"kind": "progress", "running": self._running, "error": error, "shown": None}
        buffers, shown = [], self._shown
        if shown is not None:
            report["shown"] = {
                **{name: shown[name] for name in (*_CHOSEN, "path", "fast_losses")},
                **{"steps": self._steps, "shape": shown["image"].shape[:2], "fast": shown["fast"] is not None},
            }
            made = [shown["image"]] if shown["fast"] is None else [shown["image"], shown["fast"]]
            buffers = [displayable(one).tobytes() for one in made]
        self.send(report, buffers)

    def _said(self, shown: dict) -> str:
        names = [list(self._pictures[role])[shown[role]] for role in ("content", "style")]
        return f"{names[0]} in the style of {names[1]}"

    def __repr__(self) -> str:
        if self._shown is None:
            return f"StyleExplorer: {self._said(self._choice())}, no step is done"
        step, of_content, of_style = self._shown["path"][-1]
        said = f"{self._said(self._shown)}, after {step} steps"
        return f"StyleExplorer: {said}: content loss {of_content:.3g}, style loss {of_style:.3g}"

    def _still(self) -> str:
        while self._running and self._shown is None:
            time.sleep(0.02)
        if self._shown is None and self._error is None:
            self._follow(self._run, self._transfer(self._choice(), min(self._steps, _STILL_STEPS)))
        shown = self._shown
        if shown is None:
            return f"<p>{escape(str(self._error))}</p>"
        step = shown["path"][-1][0]
        images = [self._picture("content", shown["content"]), self._picture("style", shown["style"]), shown["image"]]
        titles = ["content", "style", f"after {step} steps"]
        if shown["fast"] is not None:
            images.append(shown["fast"])
            titles.append("the fast network: one pass")
        alt = f"{self._said(shown)}: {'; '.join(titles)}."
        return f"{as_html([pictures(images, titles, size=2.2, alt=alt)])}<p>{escape(repr(self))}.</p>"
