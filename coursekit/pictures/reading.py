"""One picture from a file, whatever kind of file it is."""

from __future__ import annotations

import codecs
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageFile

from coursekit.validation import nearest

LONGEST_SIDE = 4096
"""Longest side of a picture that is read, in pixels; a larger picture is reduced to this."""

MOST_PIXELS = 200_000_000
"""A file that says it holds more pixels than this is refused undecoded. The largest phone cameras take this many."""

# Of formats whose decoders hold a picture several times over. 200 million pixels, which fit in 34 bytes of WebP, took
# 3.1 GB and 1.8 GB; these take about as much as a PNG of MOST_PIXELS, 1 GB.
# So do pictures of 32 bits or floats, which take four times as much as the same in grey, and once more as numbers.
_MOST_PIXELS_OF = {"WEBP": 64_000_000, "AVIF": 110_000_000, "I": 100_000_000, "F": 100_000_000}

_STRIP = 2_000_000
"""Pixels of a large picture that are converted at a time: as RGB or floats it would take its memory once more."""

# Pillow knows more formats, but some of them (EPS) start other programs.
FORMATS = {"AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP"}

# What undoes each EXIF orientation. ImageOps.exif_transpose does the same, but it also writes the EXIF data anew, and
# fails where that holds an odd value.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_SAMPLE_FORMAT, _PHOTOMETRIC, _WHITE_IS_ZERO = 339, 262, 0  # tags of a TIFF

_pillow_lock = threading.Lock()


def read_picture(source: str | os.PathLike | bytes, name: str | None = None) -> np.ndarray:
    """Return the picture in a file as it is meant to be seen.

    Grey, black-and-white, palette and CMYK pictures become RGB. Transparency shows white. Photos taken with the camera
    on its side stand upright (EXIF). Of an animation, or a file with several pages, the first is taken. A picture with
    a side longer than ``LONGEST_SIDE`` is reduced to that. Embedded colour profiles are not applied.

    16-bit values are divided by 257. In 32-bit and float pictures, black is 0 and white the least of 1, 255 and 65535
    that no value exceeds; if values are negative or larger than that, the lowest is black and the highest white.

    Args:
        source: Where the file is, or its content.
        name: What errors call the file, when ``source`` is its content.

    Returns:
        The picture: (H, W, 3) uint8, RGB.

    Raises:
        FileNotFoundError: There is no such file.
        TypeError: ``source`` is neither a path nor bytes.
        ValueError: The file is no picture, or damaged, or has more than ``MOST_PIXELS`` pixels; a WebP more than 64
            million, an AVIF more than 110 million, one of 32-bit or float values more than 100 million, because they
            take more memory.

    Examples:
        >>> from coursekit import photo, read_picture
        >>> from PIL import Image
        >>> Image.fromarray(photo("chelsea")).save("cat.png")
        >>> bool((read_picture("cat.png") == photo("chelsea")).all())
        True
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _read(BytesIO(source), name or "The file")
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"A picture is read from a path or from bytes, not from {type(source).__name__}.")
    path = _existing_file(source)
    with path.open("rb") as file:
        return _read(file, name or path.name)


def _existing_file(source: str | os.PathLike) -> Path:
    path = Path(os.path.expanduser(source))
    if path.is_file():
        return path
    if path.is_dir():
        raise ValueError(f"{path} is a folder, not a picture; folder({str(source)!r}) reads all the pictures in it.")
    if "://" in str(source):
        raise FileNotFoundError(f"{source} is an address, and nothing is downloaded here. Save it as a file first.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no file {path}: its folder does not exist.")
    files = sorted(file.name for file in path.parent.iterdir() if file.is_file() and not file.name.startswith("."))
    near = nearest(path.name, files) if files else "That folder holds no files."
    raise FileNotFoundError(f"There is no file {path.name} in {path.parent.absolute()}. {near}")


def _read(file: BinaryIO, name: str) -> np.ndarray:
    head, most = file.read(1024), MOST_PIXELS
    if not head:
        raise ValueError(f"{name} is empty: there is nothing in the file. Copy or download it again.")
    try:
        with _pillow_set_up():
            image = Image.open(file)
            if image.format not in FORMATS:
                raise Image.UnidentifiedImageError
            most = min(MOST_PIXELS, *(_MOST_PIXELS_OF.get(kind, MOST_PIXELS) for kind in (image.format, image.mode)))
            if image.width * image.height > most:
                raise Image.DecompressionBombError
            image.draft(None, (LONGEST_SIDE, LONGEST_SIDE))  # a large JPEG is decoded at a half, a quarter, an eighth
            image.load()
            orientation = image.getexif().get(ExifTags.Base.Orientation)
            image = _as_rgb(image)
            return np.array(image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image)
    except Image.DecompressionBombError:
        raise ValueError(
            f"{name} has more than {most // 1_000_000} million pixels. Make it smaller in an image program first."
        ) from None
    except Image.UnidentifiedImageError:
        raise ValueError(f"{name} {_what_it_is(head)}") from None
    except Exception as error:  # on a damaged file Pillow raises almost anything
        raise ValueError(
            f"{name} cannot be read: it is incomplete, damaged, or an unusual kind of picture. "
            "Copy or download it again, or save it as PNG or JPEG in an image program."
        ) from error


@contextmanager
def _pillow_set_up() -> Iterator[None]:
    """Set this module's limit in place of Pillow's, let no half picture pass, and keep Pillow's remarks quiet.

    The settings are the whole process's, so one picture is read at a time and they are put back after it.
    """
    with _pillow_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
        # Above its limit Pillow warns; above twice its limit it refuses, before it decodes anything.
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = MOST_PIXELS // 2, False
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = before


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        image = _as_bytes(image)
    if image.has_transparency_data:
        return _reduced(image, lambda strip: strip.convert("RGBA"), _on_white)
    return _reduced(image, lambda strip: strip.convert("RGB"))


def _on_white(image: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _reduced(
    image: Image.Image,
    convert: Callable[[Image.Image], Image.Image],
    finish: Callable[[Image.Image], Image.Image] = lambda image: image,
) -> Image.Image:
    """Return a picture converted, reduced to ``LONGEST_SIDE`` if it is larger, and finished: strip by strip."""
    width, height = image.size
    longest = max(width, height)
    if longest <= LONGEST_SIDE:
        return finish(convert(image))
    scale = longest / LONGEST_SIDE
    size = tuple(max(1, round(side / scale)) for side in image.size)
    axis = 0 if width >= height else 1
    rows = max(1, int(_STRIP / (scale * min(width, height))))  # of the reduced picture, in a strip
    reduced = None
    for start in range(0, size[axis], rows):
        end = min(start + rows, size[axis])
        first, last = start * longest / size[axis], min(end * longest / size[axis], longest)
        # A pixel is a mean of what lies around it too.
        outer = max(0, int(first - scale) - 1), min(longest, int(last + scale) + 2)
        crop, box, part = [0, 0, width, height], [0, 0, width, height], list(size)
        crop[axis], crop[axis + 2] = outer
        box[axis], box[axis + 2] = first - outer[0], last - outer[0]
        part[axis] = end - start
        strip = finish(convert(image.crop(crop)).resize(part, Image.Resampling.BILINEAR, box=box))
        reduced = reduced or Image.new(strip.mode, size)
        reduced.paste(strip, (start, 0) if axis == 0 else (0, start))
    return reduced


def _as_bytes(image: Image.Image) -> Image.Image:
    """Return a grey picture of 16-bit, 32-bit or float values in 8 bits."""
    # Pillow scales a PGM of more than 8 bits to 16, and calls that 32 bits.
    sixteen_bits = image.mode.startswith("I;16") or (image.format == "PPM" and image.mode == "I")
    transparent = image.info.get("transparency")
    tags = getattr(image, "tag_v2", {})  # of a TIFF
    unsigned = image.mode == "I" and image.format == "TIFF" and tags.get(_SAMPLE_FORMAT, (1,))[0] == 1
    values = np.array(_reduced(image, _as_unsigned_floats if unsigned else _as_floats))
    if not np.isfinite(values).all():
        raise ValueError("NaN or infinity among the pixels")
    black, white = 0.0, 65535.0
    if not sixteen_bits:
        lowest, highest = float(values.min()), float(values.max())
        if lowest < 0 or highest > white:
            black, white = lowest, max(highest, lowest + 1)
        else:
            white = next(white for white in (1.0, 255.0, 65535.0) if highest <= white)
    if transparent is not None:
        values[values == transparent] = white
    values = np.rint((values - np.float64(black)) * (255 / (white - black))).astype(np.uint8)
    return Image.fromarray(255 - values if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else values)


def _as_floats(image: Image.Image) -> Image.Image:
    return image.convert("F")


def _as_unsigned_floats(image: Image.Image) -> Image.Image:
    """Return 32-bit values, which Pillow reads as signed, as the floats that they are."""
    values = np.array(image.convert("F"))
    values[values < 0] += np.float32(2.0**32)
    return Image.fromarray(values)


def _what_it_is(head: bytes) -> str:
    """Return the end of a sentence about a file that Pillow does not know, from its first bytes."""
    start = head.lstrip().lower()
    if head[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1"):
        return "is a HEIC photo, which is not read here. Export it as JPEG first."
    if b"<svg" in start:
        return "is an SVG drawing, not a picture of pixels. Export it as PNG first."
    if start.startswith((b"<!doctype html", b"<html")):
        return "is a web page, not a picture. Save the picture itself, not the page that shows it."
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the last letter may be cut
        text = b"\0" not in head
    except UnicodeDecodeError:
        text = False
    if text:
        return "holds text, not a picture, whatever its name ends in."
    return "is no picture that can be read here, or a damaged one. Save it as PNG or JPEG in an image program."
