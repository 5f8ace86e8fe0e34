"""A live explorer of what a network misses: a patch to move over the photo, and the map of all its places."""

from __future__ import annotations

import time
from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np
import traitlets

from coursekit.networks.labels import as_class
from coursekit.networks.reading import gives_probabilities
from coursekit.pictures.fitting import fit_picture
from coursekit.show.class_activation import over_picture
from coursekit.show.decision import map_in_words, range_in_words, signed
from coursekit.show.encoding import finite
from coursekit.show.picture import as_seen, pictures
from coursekit.show.saliency import RED_BLUE
from coursekit.show.scale import scale_of
from coursekit.techniques.covering import COVERS, covered_with
from coursekit.techniques.decision import scores_and_outputs
from coursekit.techniques.objectives import class_score
from coursekit.techniques.occlusion import growing_occlusion
from coursekit.validation import as_count, as_index, nearest
from coursekit.widgets.background import BackgroundWidget, every
from coursekit.widgets.base import as_html, own_page
from coursekit.widgets.networks import class_names, picture_shape

_BASELINES = {**{name: name for name in COVERS}, "black": 0}
_TOP = 5
_PATCH = 7  # a patch is by default so often in the picture's shorter side
_PLACES = 26  # of the patch along a side, for the map: a second or two on two cores
_KEPT = 64  # maps: a choice that was there before is shown at once
_BATCH = 8  # small, because a moved patch waits for a batch of the map to be done
_REST = 0.3  # seconds for which the map waits while the patch is being moved
_BETWEEN_FRAMES = 0.2  # seconds


class OcclusionExplorer(BackgroundWidget):
    """What a network misses: a patch covers a part of the photo, and the scores of the top classes follow it.

    The patch is moved by the mouse or by keys, and each time the network computes one picture. Meanwhile a thread
    computes ``occlusion`` for one class, with this patch at many places, and the map grows over the photo: red where
    the score drops without what is there, blue where it rises. Whatever is chosen in the page can be read here, and
    what is set here moves the page: ``explorer.position = (60, 40)``.

    Args:
        model: A Keras model with one picture as its input, which tells classes apart.
        image: (H, W, 3), (H, W, 1) or (H, W), in the range of values that the model takes (0-255 if it was made with
            ``with_preprocessing``). It is brought to the model's size and number of channels.
        target: The class of the map, by index or by its ImageNet name; by default the top class.
        patch: Side of the patch in pixels; by default a seventh of the photo's shorter side.
        baseline: What the patch shows: ``"mean"`` (the photo's mean colour), ``"grey"`` (127.5), ``"blur"`` (the photo
            out of focus) or ``"black"`` (0).
        stride: Pixels from one place of the map's patches to the next, at most the patch; by default a quarter of the
            patch, or more where that would take too long.
        position: (row, column) of the patch's upper left corner; by default the patch is in the middle.

    Attributes:
        target: Index of the class.
        patch: Side of the patch in pixels.
        baseline: Name of what it shows.
        position: [row, column] of its upper left corner.

    Raises:
        TypeError: ``model`` is no Keras model with a graph, or ``image`` holds no numbers.
        ValueError: The model takes something other than one picture or tells no classes apart, there is no such class
            or baseline, the patch does not fit, or ``image`` is not one picture of finite numbers.
    """

    _esm, _css = own_page(__file__)

    # No Any, which takes None unasked. What a trait begins with is not checked, so it must be allowed.
    target = traitlets.TraitType(0).tag(sync=True)
    patch = traitlets.TraitType(1).tag(sync=True)
    baseline = traitlets.TraitType("mean").tag(sync=True)
    position = traitlets.TraitType([0, 0]).tag(sync=True)
    _classes = traitlets.List().tag(sync=True)  # their names
    _squashed = traitlets.Bool().tag(sync=True)  # whether the outputs are probabilities
    _photo = traitlets.Dict().tag(sync=True)
    _cover = traitlets.Dict().tag(sync=True)  # the photo, covered all over
    _palette = traitlets.Bytes().tag(sync=True)

    def __init__(
        self,
        model: Any,
        image: Any,
        target: int | str | None = None,
        *,
        patch: int | None = None,
        baseline: str = "mean",
        stride: int | None = None,
        position: tuple[int, int] | None = None,
    ):
        self._network = model
        shape = picture_shape(model, "OcclusionExplorer")
        class_score(model, 0)  # refuses networks without classes
        self._image = fit_picture(image, shape)
        self._dtype = model.inputs[0].dtype
        self._seen = as_seen(self._image)
        self._stride = None if stride is None else as_count(stride, "stride")
        self._found: dict[tuple, np.ndarray] = {}  # maps that are done
        self._map: dict | None = None  # what there is of the map as it is chosen now
        self._moved = -np.inf  # when the patch was moved last
        self._whole, outputs = scores_and_outputs(model, self._image)
        self._top = [int(i) for i in np.argsort(-outputs, kind="stable")[:_TOP]]
        self._names = class_names(model)
        patch = max(1, round(min(self._image.shape[:2]) / _PATCH)) if patch is None else patch
        super().__init__(
            target=target,
            patch=patch,
            baseline=baseline,
            position=position,
            _classes=self._names,
            _squashed=gives_probabilities(model),
            _photo=_as_picture(self._seen),
            _palette=RED_BLUE(np.arange(RED_BLUE.N), bytes=True)[:, :3].tobytes(),
        )
        self._live = True
        self.on_msg(self._receive)
        self.observe(self._fit, ["patch"])
        self.observe(self._renew, ["target", "patch", "baseline"])
        self.observe(self._look, ["target", "patch", "baseline", "position"])
        self._renew(None)
        self._look(None)

    # ---- what is chosen

    @traitlets.validate("target")
    def _validate_target(self, proposal: Any) -> int:
        return self._top[0] if proposal.value is None else as_class(proposal.value, len(self._names))

    @traitlets.validate("patch")
    def _validate_patch(self, proposal: Any) -> int:
        return as_count(proposal.value, "patch", 1, min(self._image.shape[:2]), "pixels on the shorter side")

    @traitlets.validate("baseline")
    def _validate_baseline(self, proposal: Any) -> str:
        if not isinstance(proposal.value, str) or proposal.value not in _BASELINES:
            raise ValueError(f"There is no baseline {proposal.value!r}. {nearest(str(proposal.value), _BASELINES)}")
        return proposal.value

    @traitlets.validate("position")
    def _validate_position(self, proposal: Any) -> list[int]:
        room = self._room()
        if proposal.value is None:
            return [side // 2 for side in room]
        if np.shape(proposal.value) != (2,):
            raise ValueError(f"position must be (row, column), not {proposal.value!r}.")
        names = ("row", "column")
        return [as_index(*each) for each in zip(proposal.value, [side + 1 for side in room], names, strict=True)]

    def _room(self) -> list[int]:
        """Return the largest row and column at which the patch can begin."""
        return [side - self.patch for side in self._image.shape[:2]]

    def _fit(self, _: Any) -> None:
        """Move the patch into the photo, if it has become too large for its place."""
        self.position = [min(pair) for pair in zip(self.position, self._room(), strict=True)]

    def set_state(self, sync_data: dict) -> None:
        """Take what was chosen in the page. A place may have been chosen before the page knew of a larger patch."""
        super().set_state({name: value for name, value in sync_data.items() if name != "position"})
        if "position" in sync_data:
            place = [min(pair) for pair in zip(sync_data["position"], self._room(), strict=True)]
            super().set_state({"position": place})

    # ---- the patch

    @property
    def image(self) -> np.ndarray:
        """The photo as the network gets it, (H, W, C)."""
        return self._image

    @property
    def covered(self) -> np.ndarray:
        """The photo under the patch as it lies now, (H, W, C)."""
        top, left = self.position
        area = np.s_[top : top + self.patch, left : left + self.patch]
        copy = self._image.astype(self._cover_now.dtype)
        copy[area] = self._cover_now[area]
        return copy

    @property
    def scores(self) -> np.ndarray:
        """The scores of all classes under the patch, float32 (classes,)."""
        return self._scores[0]

    def _look(self, _: Any) -> None:
        """Compute the scores under the patch, and tell the page."""
        with self._lock:
            self._moved = time.monotonic()
            self._scores = scores_and_outputs(self._network, self.covered)
            self._send_scores()

    def _rows(self) -> list[int]:
        """Return the classes that the page lists: the top classes of the photo, and that of the map."""
        return self._top if self.target in self._top else [*self._top, self.target]

    def _send_scores(self) -> None:
        scores, outputs = self._scores
        rows = [
            {"index": i, "whole": finite(self._whole[i]), "score": finite(scores[i]), "output": finite(outputs[i])}
            for i in self._rows()
        ]
        winner = int(np.argmax(outputs))
        told = {"rows": rows, "winner": winner, "output": finite(outputs[winner]), "position": self.position}
        self.send({"kind": "scores", **told})

    # ---- the map

    @property
    def map(self) -> np.ndarray | None:
        """The occlusion map, float32 (H, W), as far as it is done: 0 where no patch has been yet. None at first.

        ``wait()`` waits until it is done.
        """
        return None if self._map is None else self._map["values"]

    def _renew(self, _: Any) -> None:
        """Compute the map of what is chosen now."""
        with self._lock:
            if self._live:
                self._cover_now = covered_with(_BASELINES[self.baseline], self._image, self._dtype)
                self._cover = _as_picture(as_seen(self._cover_now))
                self._map = None
                self._begin(self._explain(self.target, self.patch, self.baseline))

    def _places_apart(self, patch: int) -> int:
        """Return the stride of the map."""
        fewest = -(-(max(self._image.shape[:2]) - patch) // (_PLACES - 1))
        return min(patch, max(patch // 4, fewest, 1) if self._stride is None else self._stride)

    def _explain(self, target: int, patch: int, baseline: str) -> Iterator[dict | None]:
        """Compute the map of a class, and yield some times a second what there is of it."""
        yield None
        key = target, patch, baseline
        if key in self._found:
            yield {"values": self._found[key], "share": 1.0, "covered": True}
            return
        how = (target, patch, self._places_apart(patch), _BASELINES[baseline])
        found = growing_occlusion(self._network, self._image, *how, batch_size=_BATCH, coarse_first=True)
        due = every(_BETWEEN_FRAMES)
        for done in found.steps:
            while done < found.total and time.monotonic() < self._moved + _REST:
                yield None
                time.sleep(0.02)
            if done < found.total and not due():
                yield None
                continue
            values = np.float32(found.drops[0] / np.maximum(found.times[0], 1))
            if done == found.total:
                self._found[key] = values
                for oldest in list(self._found)[:-_KEPT]:
                    del self._found[oldest]
            yield {"values": values, "share": done / found.total, "covered": bool(found.times.all())}

    def _keep(self, shown: dict) -> None:
        self._map = shown

    # ---- what the page shows

    def _receive(self, *_: Any) -> None:
        """Send all there is: a view has come into the page."""
        with self._lock:
            self._send_scores()
            self._send_progress()

    def _send_progress(self) -> None:
        """Send the map as far as it is done."""
        error = "" if self._error is None else str(self._error)
        told = {"kind": "map", "running": self._running, "error": error, "map": None}
        buffers = []
        if self._map is not None:
            values = self._map["values"]
            told["map"] = {
                "shape": values.shape,
                "share": self._map["share"],
                "limit": float(np.abs(np.nan_to_num(values)).max()),
                "range": range_in_words(values),
                "said": f"Occlusion map of {self._names[self.target]}: {map_in_words(values)}",
            }
            buffers = [over_picture(self._seen, np.nan_to_num(values), scale_of(np.nan_to_num(values), True)).tobytes()]
        self.send(told, buffers)

    def _title(self) -> str:
        row, column = self.position
        sides = f"{self.patch} x {self.patch}, {self.baseline}"
        return f"patch {sides}, at row {row}, column {column}"

    def __repr__(self) -> str:
        name, now = self._names[self.target], self._scores[0][self.target]
        return f"OcclusionExplorer: {name} {_short(self._whole[self.target])}, covered {_short(now)}; {self._title()}"

    def _still(self) -> str:
        while self._running and not (self._map and self._map["covered"]):
            time.sleep(0.02)
        if self._error is not None:
            return f"<p>{escape(str(self._error))}</p>"
        values, name = self.map, self._names[self.target]
        before, after = _short(self._whole[self.target]), _short(self._scores[0][self.target])
        norm = scale_of(np.nan_to_num(values), True)
        both = [as_seen(self.covered), over_picture(self._seen, np.nan_to_num(values), norm)]
        short = name.split(",")[0]
        titles = [f"{short}: {before}, covered {after}", f"its drop: {range_in_words(values)}"]
        alt = (
            f"A photo under a {self._title()}: the score of {name} is {after} in place of {before}. Beside it the "
            f"photo under its occlusion map, red where the score drops: {map_in_words(values)}."
        )
        return as_html([pictures(both, titles, size=2.8, alt=alt)])


def _as_picture(pixels: np.ndarray) -> dict:
    return {"shape": pixels.shape[:2], "rgb": pixels.tobytes()}


def _short(value: float) -> str:
    return signed(value, 3) if np.isfinite(value) else "NaN"
