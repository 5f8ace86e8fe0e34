"""Where the things are: outlines drawn by hand around what some of the photos show."""

from __future__ import annotations

import numpy as np

from coursekit.pictures.resizing import as_size

_SIDE = 227  # pixels of the photos in which the outlines were drawn
_OUTLINES = {  # by the number of the photo: corners, x and y
    0: (  # a dog
        "90 28, 108 8, 114 0, 117 0, 112 18, 100 31, 102 60, 104 76, 118 80, 132 85, 137 95, 132 103, "
        "126 105, 125 128, 124 145, 113 158, 113 175, 115 190, 105 192, 101 182, 103 160, 92 158, 80 152, "
        "78 175, 81 190, 74 201, 67 198, 68 180, 66 165, 60 140, 60 115, 62 112, 54 100, 53 92, 58 83, "
        "62 76, 59 60, 62 42, 72 32"
    ),
    9: (  # a bottle cap
        "19 105, 28 80, 55 50, 100 37, 140 38, 175 60, 195 90, 203 120, 198 150, 175 180, 140 197, 110 200, "
        "75 190, 45 168, 25 145"
    ),
    17: (  # an eagle
        "0 85, 12 73, 25 68, 45 66, 58 67, 72 77, 90 95, 100 106, 115 109, 135 107, 142 100, 155 82, 170 66, "
        "185 57, 205 54, 226 56, 226 97, 215 97, 205 90, 190 98, 175 112, 160 120, 150 120, 150 128, "
        "178 130, 172 143, 155 150, 140 152, 130 157, 122 150, 108 145, 104 135, 105 118, 90 115, 72 104, "
        "60 100, 45 112, 25 122, 10 137, 12 125, 0 110"
    ),
    18: (  # a leafhopper, without its thin legs
        "75 45, 95 39, 108 45, 115 52, 122 52, 125 60, 140 48, 155 37, 162 33, 175 20, 179 23, 165 36, "
        "148 52, 125 68, 121 72, 118 88, 118 110, 113 140, 102 170, 90 195, 80 207, 70 205, 63 190, 62 160, "
        "65 130, 62 100, 61 75, 64 58"
    ),
    19: (  # a beetle, without its legs
        "60 125, 63 115, 80 95, 100 80, 120 72, 128 66, 145 64, 160 65, 172 72, 179 82, 178 92, 172 100, "
        "160 108, 145 110, 130 125, 115 140, 100 152, 85 155, 70 150, 62 140"
    ),
}


def object_masks(size: int | tuple[int, int] = 227) -> dict[int, np.ndarray]:
    """Return where five of the ``photos()`` show their object, from outlines drawn by hand.

    The photos are those in which one object stands apart: 0 a dog, 9 a bottle cap, 17 an eagle, 18 a leafhopper and 19
    a beetle. The outlines are good to about three pixels of 227; thin legs of the insects are left out.

    Args:
        size: The height and width in pixels, one number for a square, as for ``photos``.

    Returns:
        By the number of the photo: boolean (height, width), True on the object.

    Raises:
        TypeError, ValueError: ``size`` is none.

    Examples:
        >>> from coursekit import object_masks
        >>> masks = object_masks()
        >>> sorted(masks), masks[9].shape
        ([0, 9, 17, 18, 19], (227, 227))
    """
    from skimage.draw import polygon2mask

    size = as_size(size)
    scale = np.array(size) / _SIDE
    corners = {
        number: np.array([corner.split()[::-1] for corner in text.split(", ")], float)
        for number, text in _OUTLINES.items()
    }
    return {number: polygon2mask(size, points * scale) for number, points in corners.items()}
