"""A matplotlib figure that carries its alt text into the notebook."""

from __future__ import annotations

import base64
import html
import io
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

# Okabe and Ito's colours, told apart by colour-blind readers too.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"

DRAWN = "application/vnd.coursekit.drawn+json"


class Figure(matplotlib.figure.Figure):
    """A matplotlib figure with a text that says what is to be seen.

    As the last line of a cell it shows itself, once: no ``plt.show()``, no second copy. The picture stands in the
    notebook as an ``<img>`` with the alt text, where a screen reader finds it; JupyterLab drops the alt text of a plain
    PNG. Lossy WebP at high quality keeps the notebook a third of the size that PNG would make it.

    Attributes:
        alt: What is to be seen, in one or two sentences.
    """

    def __init__(self, *args: Any, alt: str, **kwargs: Any):
        super().__init__(*args, **kwargs)
        FigureCanvasAgg(self)
        if not alt.strip():
            raise ValueError("A figure needs an alt text: say in a sentence what is to be seen.")
        self.alt = alt

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"

    def to_html(self) -> str:
        """Return the figure as an HTML image with its alt text."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="webp", dpi=self.dpi, bbox_inches="tight", pil_kwargs={"quality": 88})
        data = base64.b64encode(buffer.getvalue()).decode()
        return f'<img alt="{html.escape(self.alt)}" src="data:image/webp;base64,{data}">'

    def drawn(self) -> list[str]:
        """Return what is drawn as numbers, to three digits: by these a rerun of a lesson compares its pictures.

        The bytes of a picture would not do: they change with every version of a font or an encoder.
        """
        said = []
        for ax in self.axes:
            said += [f"image {np.shape(image.get_array())} {_digest(image.get_array())}" for image in ax.images]
            said += [f"line {_digest(np.asarray(line.get_ydata(), float))}" for line in ax.lines]
            said += [f"points {_digest(group.get_offsets())}" for group in ax.collections if len(group.get_offsets())]
        return said

    def _ipython_display_(self) -> None:
        # Not _repr_html_: beside it the inline backend would add a PNG without alt text.
        from IPython.display import publish_display_data

        publish_display_data({"text/html": self.to_html(), "text/plain": repr(self), DRAWN: self.drawn()})


def _digest(values: np.ndarray) -> str:
    values = np.ma.masked_invalid(np.ma.asarray(values, np.float64)).compressed()
    return f"mean {values.mean():.3g}, deviation {values.std():.3g}" if values.size else "empty"


def figure(alt: str, width: float = 7.5, height: float = 3.0, dpi: int = 100) -> Figure:
    """Return an empty figure to plot in with matplotlib.

    Args:
        alt: What is to be seen, in one or two sentences; give the numbers that matter.
        width: Inches.
        height: Inches.
        dpi: Dots per inch.
    """
    return Figure(figsize=(width, height), dpi=dpi, layout="constrained", alt=alt)
