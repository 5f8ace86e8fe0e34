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
        """Return what is drawn in words and numbers: by these a rerun of a lesson compares its figures.

        The bytes of a picture would not do: they change with every version of a font or an encoder. Of each array there
        is its shape, then mean, standard deviation, and along each of its axes the tilt: the mean of its values times a
        ramp from -1 to 1, which a mirrored, turned or shuffled array does not keep.
        """
        said = []
        for ax in self.axes:
            legend = ax.get_legend()
            words = [ax.get_title(), ax.get_xlabel(), ax.get_ylabel(), *(text.get_text() for text in ax.texts)]
            words += [text.get_text() for text in legend.get_texts()] if legend else []
            said += [f"text {word}" for word in words if word]
            said += [_digest("image", image.get_array()) for image in ax.images]
            several = [("line", line.get_xydata()) for line in ax.lines]
            several += [("points", group.get_offsets()) for group in ax.collections]
            for kind, points in several:
                if np.any(points):  # a colour bar's collections have one point, at zero
                    said += [_digest(f"{kind} {name}", points[:, i]) for i, name in enumerate("xy")]
        return said

    def _ipython_display_(self) -> None:
        # Not _repr_html_: beside it the inline backend would add a PNG without alt text.
        from IPython.display import publish_display_data

        publish_display_data({"text/html": self.to_html(), "text/plain": repr(self), DRAWN: self.drawn()})


def _digest(kind: str, values: np.ndarray) -> str:
    values = np.ma.masked_invalid(np.ma.asarray(values, np.float64))
    shape = "x".join(map(str, values.shape))
    if not values.count():
        return f"{kind} {shape}: empty"
    ramps = np.meshgrid(*(np.linspace(-1, 1, side) for side in values.shape), indexing="ij", sparse=True)
    numbers = np.array([values.mean(), values.std(), *((values * ramp).mean() for ramp in ramps)])
    fifth_digit = 4 - int(np.floor(np.log10(np.abs(numbers).max() or 1)))  # of the largest: what is less is rounding
    mean, deviation, *tilts = (f"{number + 0:.6g}" for number in numbers.round(fifth_digit))
    return f"{kind} {shape}: mean {mean}, deviation {deviation}, tilt {' '.join(tilts)}"


def figure(alt: str, width: float = 7.5, height: float = 3.0, dpi: int = 100) -> Figure:
    """Return an empty figure to plot in with matplotlib.

    Args:
        alt: What is to be seen, in one or two sentences; give the numbers that matter.
        width: Inches.
        height: Inches.
        dpi: Dots per inch.
    """
    return Figure(figsize=(width, height), dpi=dpi, layout="constrained", alt=alt)
