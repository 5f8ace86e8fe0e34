"""A small network, and a folder of small pictures for it, some of which have names that are meant to do harm."""

from pathlib import Path

import numpy as np
from PIL import Image

from coursekit.networks.backend import keras

layers = keras.layers
EVIL = "<script>alert(1)<-script>.png"
CLASSES = ["$x_1$ <b>", "cat", "dog"]


def small_network():
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(6, 3, name="first"),
            layers.BatchNormalization(),
            layers.ReLU(name="bent"),
            layers.Conv2D(10, 3, activation="relu", name="deep"),
            layers.GlobalAveragePooling2D(name="mean"),
            layers.Dense(3, name="scores"),
            layers.Softmax(name="probabilities"),
        ],
        name="small",
    )


def write_pictures(folder: Path) -> list[str]:
    """Write 15 pictures of three classes, and a file that is none. Return their names, sorted."""
    random = np.random.default_rng(0)
    names = [f"{name}/{i}.png" for name in CLASSES for i in range(5)]
    names[6] = f"cat/{EVIL}"
    for name in sorted(names):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(random.integers(0, 256, (14, 12, 3)).astype(np.uint8)).save(folder / name)
    (folder / "dog" / "broken.png").write_bytes(b"no picture")
    return sorted([*names, "dog/broken.png"])
