"""A texture continued without a network: pieces of it, laid so that neighbours fit. Nearest-neighbour synthesis."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import fft

from coursekit.pictures.resizing import as_size
from coursekit.validation import as_count, as_number, as_pictures, refuse_stack
from coursekit.waiting import progress_bar

_STEPS = 4095  # in which a texture of floats is compared


def quilt(
    texture: Any,
    size: int | tuple[int, int],
    patch: int = 32,
    *,
    overlap: int | None = None,
    tolerance: float = 0.1,
    cut: bool = True,
    seed: int = 0,
    progress: bool = True,
) -> np.ndarray:
    """Continue a texture by laying square pieces of it side by side, each where it fits its neighbours: image quilting.

    The pieces are laid row by row, so that each overlaps the ones before it. Of all places in the texture, those come
    into question whose squared difference in the overlap is near the least; one of them is drawn. In the overlap, the
    border between old and new runs where the two differ least. Nothing is known of what the texture shows: every pixel
    is copied from it.

    Efros and Leung ("Texture synthesis by non-parametric sampling", ICCV 1999) take single pixels for pieces. That is
    one search of the texture for each of 50,000 pixels where 32-pixel pieces take 100, and it more easily gets stuck in
    one place that repeats. A piece keeps together what it shows. Smaller pieces come near to the older method.

    Paper: Efros and Freeman, "Image quilting for texture synthesis and transfer", SIGGRAPH 2001. As there; the
    default overlap is a quarter of a piece where they take a sixth.

    Args:
        texture: (H, W, C), any finite values.
        size: Height and width of the result in pixels; one number makes a square.
        patch: Side of a piece in pixels, 2 or more and not longer than the texture. It should hold what the texture
            repeats, such as a brick.
        overlap: By how many pixels neighbours overlap, at least 1 and less than ``patch``; by default a quarter of it.
        tolerance: How much farther than the least a piece may be from its neighbours, as a part of it. 0 takes the
            nearest. The larger, the less is repeated and the worse it fits.
        cut: False leaves straight borders: every piece covers those before it.
        seed: Decides which of the pieces that come into question are taken.
        progress: Show a progress bar.

    Returns:
        (height, width, C), in the type that the texture came in: uint8, else float32. It is the same on every machine.

    Raises:
        TypeError: The texture is no picture, or a number is of the wrong type.
        ValueError: It is not one picture, is smaller than a piece, or a number is out of its range.

    Example:
        >>> from coursekit import photo, quilt
        >>> brick = photo("brick", 192)
        >>> made = quilt(brick, 227)
        >>> made.shape, set(made.flat) <= set(brick.flat)
        ((227, 227, 3), True)
    """
    refuse_stack(texture, "texture")
    textures, _ = as_pictures(texture, "texture", "numbers")
    if len(textures) != 1:
        raise ValueError(f"texture must be one picture, not {len(textures)}: call quilt for each.")
    rows, columns, channels = textures.shape[1:]
    height, width = as_size(size)
    patch = as_count(patch, "patch", 2)
    if patch > min(rows, columns):
        raise ValueError(
            f"The texture, {rows} x {columns}, is smaller than a piece of it, {patch} x {patch}: take a smaller patch."
        )
    overlap = max(1, patch // 4) if overlap is None else as_count(overlap, "overlap", 1, patch - 1)
    tolerance, random = as_number(tolerance, "tolerance"), np.random.default_rng(as_count(seed, "seed", 0))
    levels, step = _whole_numbers(textures[0]), patch - overlap
    tops, lefts = (range(0, max(side - overlap, 1), step) for side in (height, width))
    laid = np.zeros((tops[-1] + patch, lefts[-1] + patch, levels.shape[-1]))
    pixels = np.zeros(laid.shape[:2], np.intp)  # which one of the texture each was copied from
    places = np.arange(rows * columns).reshape(rows, columns)
    distance = _Distance(levels, patch, overlap)
    for top, left in progress_bar([(t, l) for t in tops for l in lefts], progress, unit="piece"):  # noqa: E741
        area = np.s_[top : top + patch, left : left + patch]
        old, after_above, after_left = laid[area], top > 0, left > 0
        errors = distance(old, after_above, after_left)
        near = np.flatnonzero(errors <= (1 + tolerance) * errors.min())
        row, column = divmod(int(random.choice(near)), errors.shape[1])
        piece = np.s_[row : row + patch, column : column + patch]
        new = np.ones((patch, patch), bool)
        if cut:
            differences = ((levels[piece] - old) ** 2).sum(-1)
            if after_left:
                new[:, :overlap] &= np.arange(overlap) >= cheapest_cut(differences[:, :overlap])[:, np.newaxis]
            if after_above:
                new[:overlap] &= (np.arange(overlap) >= cheapest_cut(differences[:overlap].T)[:, np.newaxis]).T
        old[new], pixels[area][new] = levels[piece][new], places[piece][new]
    return textures[0].reshape(-1, channels)[pixels[:height, :width]]


def cheapest_cut(error: np.ndarray) -> np.ndarray:
    """Return the column of each row where a path from the first row to the last costs least.

    From one row to the next it moves by one column at most. The leftmost of equals is taken.

    Args:
        error: (rows, columns), the cost of each place.
    """
    total, last = error.astype(np.float64), error.shape[1] - 1
    for row in range(1, len(total)):
        above = np.pad(total[row - 1], 1, constant_values=np.inf)
        total[row] += np.minimum(np.minimum(above[:-2], above[1:-1]), above[2:])
    path = [int(total[-1].argmin())]
    for row in range(len(total) - 2, -1, -1):
        first = max(path[-1] - 1, 0)
        path.append(first + int(total[row, first : min(path[-1] + 1, last) + 1].argmin()))
    return np.array(path[::-1])


def _whole_numbers(texture: np.ndarray) -> np.ndarray:
    """Return a texture (H, W, C) in whole numbers, of which sums are exact: so every machine takes the same pieces."""
    levels = texture.astype(np.float64)
    if texture.dtype != np.uint8:
        levels -= levels.min()
        levels = np.rint(levels * (_STEPS / (levels.max() or 1)))
    grey = levels[..., :1]
    return grey if (levels == grey).all() else levels


class _Distance:
    """How far each piece of a texture is from what has been laid, in the overlap: by Fourier transform.

    A sum of squared differences is that of the texture's squares, minus twice its product with what has been laid, plus
    the squares of that. The product of all places at once is a convolution.
    """

    def __init__(self, levels: np.ndarray, patch: int, overlap: int) -> None:
        self.shape = [side - patch + 1 for side in levels.shape[:2]]
        self.size = [fft.next_fast_len(side, real=True) for side in levels.shape[:2]]
        self.waves, squares = self._waves(levels), self._waves((levels**2).sum(-1, keepdims=True))
        self.masks, self.squares = {}, {(False, False): np.zeros(self.shape)}
        for after in ((False, True), (True, False), (True, True)):
            mask = np.zeros((patch, patch, 1))
            mask[: overlap * after[0]] = 1
            mask[:, : overlap * after[1]] = 1
            self.masks[after], self.squares[after] = mask, self._product(squares, mask)

    def _waves(self, values: np.ndarray) -> np.ndarray:
        return fft.rfft2(values, self.size, axes=(0, 1))

    def _product(self, waves: np.ndarray, piece: np.ndarray) -> np.ndarray:
        found = fft.irfft2((waves * self._waves(piece).conj()).sum(-1), self.size)
        return np.rint(found[: self.shape[0], : self.shape[1]])

    def __call__(self, old: np.ndarray, above: bool, left: bool) -> np.ndarray:
        """Return the squared distance of every piece from what has been laid above and at the left, (rows, columns)."""
        squares = self.squares[above, left]
        if not above and not left:
            return squares
        behind = old * self.masks[above, left]
        return squares - 2 * self._product(self.waves, behind) + (behind**2).sum()
