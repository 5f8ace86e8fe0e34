"""Train the networks of the styles that the course ships: ``python tools/train_styles.py strokes``.

Each goes to ``data/styles``, as ``data/PROVENANCE.md`` says. The training itself is kept in a file, which a second call
goes on from. No picture in which a style is judged (``HELD_OUT``) is among those that it is trained on.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from coursekit import painting, photo, photos, train_stylizer
from coursekit.pictures.paintings import PAINTINGS

FOLDER = Path(__file__).resolve().parents[1] / "data" / "styles"
SIZE = 256
# Of the 20 photos: geese, an eagle, a dog, a leafhopper.
HELD_OUT_PHOTOS, HELD_OUT = (15, 17, 0, 18), ("astronaut", "chelsea", "rocket")
ALSO = (
    "brick", "camera", "china", "coffee", "coins", "flower", "grass", "gravel", "hubble_deep_field", "ihc", "motorcycle"
)  # fmt: skip


def training_pictures() -> list[np.ndarray]:
    """Return what the networks are trained on: 16 of the 20 photos, and eleven that have names."""
    images, _ = photos(SIZE)
    return [one for n, one in enumerate(images) if n not in HELD_OUT_PHOTOS] + [photo(name) for name in ALSO]


def main() -> None:
    """Train one style."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("style", choices=PAINTINGS)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--style-weight", type=float, default=4)
    parser.add_argument("--learning-rate", type=float, default=0.003)
    parser.add_argument("--start", help="a style, or the file of one, to begin with")
    parser.add_argument("--path", type=Path, help="where to keep the training, so that it can go on after a break")
    parser.add_argument("--to", type=Path, help="the file to write; by default data/styles/STYLE.npz")
    given = parser.parse_args()
    begun = time.perf_counter(), time.process_time()
    trained = train_stylizer(
        painting(given.style, SIZE), training_pictures(), given.steps, crop=given.crop, batch=given.batch,
        style_weight=given.style_weight, learning_rate=given.learning_rate, start=given.start, path=given.path,
    )  # fmt: skip
    to = given.to or FOLDER / f"{given.style}.npz"
    to.parent.mkdir(parents=True, exist_ok=True)
    trained.save(to)
    last = slice(max(0, trained.steps - 100), trained.steps)
    content, style = trained.content_loss[last].mean(), trained.style_loss[last].mean()
    took, busy = time.perf_counter() - begun[0], time.process_time() - begun[1]
    print(
        f"{given.style}: {trained.steps} steps, losses of the last 100: content {content:.3f}, style {style:.3f}, "
        f"{took / 60:.0f} minutes, {busy / 60:.0f} of them computing; {to.stat().st_size} bytes"
    )


if __name__ == "__main__":
    main()
