"""A widget's chosen channel, drawn by gradient ascent in a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from coursekit.show.encoding import encoded
from coursekit.techniques.objectives import channel as channel_objective
from coursekit.widgets.background import BackgroundWidget, every
from coursekit.widgets.drawing import drawing_size, stages

_BETWEEN_FRAMES = 0.2  # seconds


class ChannelDrawing(BackgroundWidget):
    """A widget that draws what its ``channel`` of ``layer`` answers to most.

    It has ``_network``, ``_steps``, and ``_drawn`` from the beginning: {(layer, channel): (picture, its step)}.
    """

    _drawn: dict[tuple[str, int], tuple[np.ndarray, int]]
    _steps: int
    _pause = 0.0  # seconds before drawing

    @property
    def drawing(self) -> np.ndarray | None:
        """What the network draws for the channel, (H, W, C), as far as it has come; None before that."""
        return self._as_far_as_it_is()[0]

    def draw(self) -> None:
        """Begin to draw what the channel answers to most, in a thread of its own, unless it is there already."""
        with self._lock:
            if self._as_far_as_it_is()[1] < self._steps:
                self._begin(self._draw(self.layer, self.channel))
            else:
                self._leave()

    def _leave(self) -> None:
        """End what is being drawn, and report how far the channel is that is chosen now."""
        with self._lock:
            self._error = None
            self._cancel()

    def _as_far_as_it_is(self) -> tuple[np.ndarray | None, int]:
        return self._drawn.get((self.layer, self.channel), (None, 0))

    def _draw(self, layer: str, channel: int) -> Iterator[tuple | None]:
        """Draw, and yield what there is to show, some times a second."""
        time.sleep(self._pause)
        yield None
        size, due = drawing_size(self._network, layer), every(_BETWEEN_FRAMES)
        try:
            for stage in stages(channel_objective(self._network, layer, channel), self._steps, size):
                if stage.step and (stage.step == self._steps or due()):
                    yield (layer, channel), stage.images()[0], stage.step
                else:
                    yield None
        except Exception as error:
            raise RuntimeError(f"It could not be drawn. {error}") from error

    def _keep(self, shown: tuple) -> None:
        key, image, step = shown
        self._drawn[key] = image, step

    def _drawing_report(self) -> tuple[dict[str, Any], bytes | None]:
        """Return how far the channel's drawing has come, and the picture as a file."""
        image, step = self._as_far_as_it_is()
        error = "" if self._error is None else str(self._error)
        report = {"channel": self.channel, "step": step, "steps": self._steps, "error": error}
        return report, None if image is None else encoded(image)
