"""What can be chosen in NetworkExplorer, and all of it as one text."""

from __future__ import annotations

import json
import threading
from typing import Any

import numpy as np
import traitlets

from coursekit.techniques.painting import Canvas, as_pixel, as_stroke
from coursekit.widgets.networks import ChannelChoice

_SCALES = ("own", "shared")


class NetworkChoice(ChannelChoice):
    """A channel, a place of it, a pixel of the photo, and how what is seen is shown: all that one text tells.

    The explorer has ``_answers`` of the layers, its ``_canvas`` and ``_lock``, and ``_recompute``.
    """

    _answers: dict[str, np.ndarray]
    _canvas: Canvas
    _lock: threading.RLock

    place = traitlets.Any().tag(sync=True)
    point = traitlets.Any().tag(sync=True)
    scale = traitlets.Any("own").tag(sync=True)
    elsewhere = traitlets.Bool(False).tag(sync=True)

    def _recompute(self) -> None:
        """Compute every layer for the photo as it is painted now, and tell the page."""
        raise NotImplementedError

    @traitlets.validate("place")
    def _validate_place(self, proposal: Any) -> list[int] | None:
        return None if proposal.value is None else self._as_place(proposal.value, self.layer)

    @traitlets.validate("point")
    def _validate_point(self, proposal: Any) -> list[int] | None:
        return None if proposal.value is None else self._as_point(proposal.value)

    def _as_place(self, place: Any, layer: str) -> list[int]:
        return list(as_pixel(place, self._answers[layer].shape, "place"))

    def _as_point(self, point: Any) -> list[int]:
        return list(as_pixel(point, self._canvas.first.shape, "point"))

    @traitlets.validate("scale")
    def _validate_scale(self, proposal: Any) -> str:
        if proposal.value not in _SCALES:
            raise ValueError(f"scale must be 'own' or 'shared', not {proposal.value!r}.")
        return proposal.value

    def _outside(self, chosen: dict) -> list[str]:
        """Return which of the chosen places are not in the layer, or in the photo, that there is now."""
        shapes = {"place": self._answers[self.layer].shape, "point": self._canvas.first.shape}
        return [name for name, shape in shapes.items() if not np.less(chosen.get(name) or 0, shape[:2]).all()]

    # ---- the state, as text

    @property
    def state(self) -> str:
        """All that is chosen, as one text: layer, channel, place, point, scale, strokes. Setting it brings it back.

        It tells nothing of the network or the photo.
        """
        chosen = {name: getattr(self, name) for name in ("layer", "channel", "place", "point", "scale", "elsewhere")}
        return json.dumps(chosen | {"strokes": self._canvas.strokes}, separators=(",", ":"))

    @state.setter
    def state(self, text: str) -> None:
        try:
            told = json.loads(text)
            layer = self._name_of(told["layer"])
            channel = self._as_channel(told["channel"], layer)
            place = None if told["place"] is None else self._as_place(told["place"], layer)
            point = None if told.get("point") is None else self._as_point(told["point"])  # older texts have none
            strokes = [as_stroke(stroke, self._canvas.first.shape) for stroke in told["strokes"]]
            scale, elsewhere = _SCALES[_SCALES.index(told["scale"])], bool(told["elsewhere"])
        except (KeyError, TypeError, ValueError) as error:
            why = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise ValueError(f"This is no state of this explorer: {why}") from None
        with self._lock:
            self._canvas.begin_anew(strokes, elsewhere)
            with self.hold_sync():
                self.layer, self.scale, self.elsewhere = layer, scale, elsewhere
                self.channel, self.place, self.point = channel, place, point
            self._recompute()
