"""The exercises of lesson 04."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 04.field-size --------------------------------------------------------------------------------------------------------


def _layers_case(seed: int) -> dict:
    if seed == 0:  # SqueezeNet up to pool3
        return {"kernels": [3, 3, 1, 3, 1, 3, 3], "strides": [2, 2, 1, 1, 1, 1, 2]}
    rng = np.random.default_rng(seed)
    count = int(rng.integers(6, 11))
    kernels, strides = rng.choice((1, 2, 3, 4, 5, 7), size=count), rng.choice((1, 2, 3), size=count)
    kernels[:2], strides[:2] = (3, 5), (2, 1)  # so that no wrong way happens to be right
    kernels[-1], strides[-1] = 7, rng.choice((2, 3))
    return {"kernels": kernels.tolist(), "strides": strides.tolist()}


def _size(case: dict, late: bool = False, strided: bool = True, minus: int = 1) -> int:
    size, step = 1, 1
    for kernel, stride in zip(case["kernels"], case["strides"], strict=True):
        step = step * stride if late else step
        size += (kernel - minus) * (step if strided else 1)
        step = step if late else step * stride
    return int(size)


_field_size = Exercise(
    id="04.field-size",
    title="How many pixels a unit sees",
    answer="field_size",
    points=3,
    hints=(
        "Begin with one pixel, size 1, and neighbours one pixel apart. What does a kernel of 3 add?",
        "A kernel of k reaches k - 1 neighbours further. They lie as far apart as the strides before it multiply to.",
        "For each layer: size += (kernel - 1) * step, and only then step *= stride.",
    ),
    solution=(
        "def field_size(kernels, strides):\n"
        "    size, step = 1, 1\n"
        "    for kernel, stride in zip(kernels, strides):\n"
        "        size += (kernel - 1) * step\n"
        "        step *= stride\n"
        "    return size"
    ),
    case=_layers_case,
    right=_size,
    is_function=True,
    mistakes=(
        Mistake(
            "strides forgotten",
            "The strides are missing: behind a stride of 2, neighbours lie two pixels apart.",
            lambda case: _size(case, strided=False),
        ),
        Mistake(
            "its own stride counted",
            "A layer's own stride was counted in. It moves that layer's outputs apart; only the next one feels it.",
            lambda case: _size(case, late=True),
        ),
        Mistake(
            "kernel instead of kernel - 1",
            "Each layer adds its whole kernel. But one of its places is already counted: it adds kernel - 1.",
            lambda case: _size(case, minus=0),
        ),
        Mistake(
            "from the wrong end",
            "That is what the chain gives in the opposite order. A kernel is spread by the strides before it, not by "
            "those behind.",
            lambda case: _size({"kernels": case["kernels"][::-1], "strides": case["strides"][::-1]}),
        ),
        Mistake(
            "one short",
            "One short: a unit that looks at no neighbour still sees one pixel.",
            lambda case: _size(case) - 1,
        ),
        Mistake(
            "the sum of the kernels",
            "That is the sum of the kernels. They overlap, and they are spread by the strides.",
            lambda case: int(sum(case["kernels"])),
        ),
    ),
)

# 04.who-sees ----------------------------------------------------------------------------------------------------------


def _pixel_case(seed: int) -> dict:
    """Put the pixel at the first rows of the map, in its midst, or at its last rows.

    No one case shows both who does not mind the edges of the map and who does not mind those of a field.
    """
    rng = np.random.default_rng(seed)
    place = ("first", "midst", "midst", "last", "last")[seed % 5]
    stride, reach = int(rng.choice((2, 4, 8, 16))), int(rng.integers(7, 21))
    more = 0 if place == "midst" else int(rng.integers(1, stride))
    size = stride * reach + more  # a unit's field is so many strides wide, and in the midst one begins at the pixel
    above = int(rng.integers(0, 40))  # this unit's field ends right above the pixel
    if place == "first":
        above = -int(rng.integers(2, 6))  # it would, if the map went on
    rows = above + (int(rng.integers(4, reach + 1)) if place == "last" else reach + int(rng.integers(3, 12)))
    offset = -int(rng.integers(stride, size + 1 + stride * min(above, 0)))
    pixel = offset + stride * above + size
    if place == "last":  # in that field still, so that one unit more sees it than whole strides fit into a field
        pixel -= int(rng.integers(1, more + 1))
    return {
        "pixel": pixel,
        "size": size,
        "stride": stride,
        "offset": offset,
        "rows": rows,
    }


def _first(case: dict) -> np.ndarray:
    return case["offset"] + case["stride"] * np.arange(case["rows"])


def _who(case: dict, more: int = 0, offset: int | None = None, rows: np.ndarray | None = None) -> np.ndarray:
    rows = np.arange(case["rows"]) if rows is None else rows
    first = (case["offset"] if offset is None else offset) + case["stride"] * rows
    return rows[(first <= case["pixel"]) & (case["pixel"] < first + case["size"] + more)]


_who_sees = Exercise(
    id="04.who-sees",
    title="Who sees this pixel?",
    answer="who_sees",
    points=3,
    hints=(
        "Turn it round: what is the first pixel that each unit sees, and what is the first one behind its field?",
        "Unit 0 begins at offset, unit 1 one stride further. With np.arange(rows) you have the beginnings of all.",
        "A unit sees the pixel if first <= pixel and pixel < first + size. np.flatnonzero says for which units.",
    ),
    solution=(
        "def who_sees(pixel, size, stride, offset, rows):\n"
        "    first = offset + stride * np.arange(rows)\n"
        "    return np.flatnonzero((first <= pixel) & (pixel < first + size))"
    ),
    case=_pixel_case,
    right=_who,
    is_function=True,
    mistakes=(
        Mistake(
            "the cell",
            "That is the cell of the map in which the pixel lies. A unit sees much more than its cell, so more units "
            "see the pixel.",
            lambda case: np.array([case["pixel"] // case["stride"]]),
        ),
        Mistake(
            "the end counted in",
            "One unit too many. A field of `size` pixels that begins at `first` ends before first + size.",
            lambda case: _who(case, more=1),
            shows_in_part=True,
        ),
        Mistake(
            "offset forgotten",
            "The offset is missing: unit 0 need not begin at pixel 0. With padding it begins before the picture.",
            lambda case: _who(case, offset=0),
        ),
        Mistake(
            "the offset with the wrong sign",
            "The offset was taken off. It says where unit 0 begins, so it is added, and here it is negative.",
            lambda case: _who(case, offset=-case["offset"]),
        ),
        Mistake(
            "units outside the map",
            "Some of these units are not in the map: it has `rows` rows, counted from 0.",
            lambda case: _who(case, rows=np.arange(-case["rows"], 3 * case["rows"])),
            shows_in_part=True,
        ),
        Mistake(
            "those that begin below it",
            "Some of these units begin below the pixel. A field has two ends: it must have begun, too.",
            lambda case: np.flatnonzero(case["pixel"] < _first(case) + case["size"]),
            shows_in_part=True,
        ),
        Mistake(
            "the beginning left out",
            "One unit too few. A field begins with the pixel `first`, so a unit sees that pixel, too.",
            lambda case: _who(case)[_first(case)[_who(case)] < case["pixel"]],
            shows_in_part=True,
        ),
        Mistake(
            "the first and the last",
            "Those are the first and the last of them. Asked are all.",
            lambda case: _who(case)[[0, -1]],
        ),
        Mistake("counted from 1", "One too many each: units are counted from 0.", lambda case: _who(case) + 1),
    ),
)

# 04.only-touch --------------------------------------------------------------------------------------------------------


def _touch_case(seed: int) -> dict:
    """Return masks of which each score is exactly at its limit or far from it, so that no rounding decides."""
    rng = np.random.default_rng(seed)
    pictures, channels, rows, columns = 4, int(rng.integers(9, 13)), 5, 6
    region = np.zeros((rows, columns), bool)
    top, left = rng.integers(1, 3, size=2)
    region[top : top + 2, left : left + 3] = True
    masks = np.zeros((pictures, channels, rows, columns), bool)
    touches = float(rng.choice((0.5, 0.75)))
    kinds = ["all", "dot", "good", "away", "once", "half", "often"]
    kinds += [*rng.choice(["all", "dot", "good", "away", "half"], size=channels - len(kinds))]
    for channel, kind in enumerate(rng.permutation(kinds)):
        for picture in range(pictures):
            mask = masks[picture, channel]
            if kind == "all":  # has all of the region, and much besides
                mask[rng.integers(0, 2) :] = True
            elif kind == "good":  # the region, with a pixel missing
                mask[region] = True
                mask[top, left + rng.integers(3)] = False
            elif kind == "half":  # half of the region: an overlap of exactly 0.5
                mask[top + rng.integers(2), left : left + 3] = True
            elif picture < {"dot": pictures, "often": touches * pictures, "once": 1}.get(kind, 0):  # of the region
                mask[top + rng.integers(2), left + rng.integers(3)] = True
            else:  # elsewhere
                mask[0] = True
    return {"masks": masks[rng.permutation(pictures)], "region": region, "touches": touches, "overlaps": 0.5}


def _count(masks: np.ndarray) -> np.ndarray:
    return masks.sum(axis=(2, 3))


def _overlaps(case: dict) -> np.ndarray:
    return (_count(case["masks"] & case["region"]) / _count(case["masks"] | case["region"])).mean(axis=0)


def _of_the_region(case: dict) -> np.ndarray:
    return (_count(case["masks"] & case["region"]) / case["region"].sum()).mean(axis=0)


def _of_the_mask(case: dict) -> np.ndarray:
    return (_count(case["masks"] & case["region"]) / _count(case["masks"])).mean(axis=0)


def _touched(case: dict) -> np.ndarray:
    return (case["masks"] & case["region"]).any(axis=(2, 3))


def _often(case: dict) -> np.ndarray:
    return _touched(case).mean(axis=0) >= case["touches"]


def _only_touch(case: dict, way: Callable[[dict], np.ndarray] = _overlaps) -> np.ndarray:
    return np.flatnonzero(_often(case) & (way(case) < case["overlaps"]))


_touch = Exercise(
    id="04.only-touch",
    title="Those that only touch",
    answer="only_touch",
    points=3,
    hints=(
        "Two scores for each channel: on what share of the pictures its mask has a pixel in the region, and its mean "
        "intersection over union.",
        "masks & region is what each mask shares with the region, masks | region what the two cover together. The last "
        "two axes are rows and columns; axis 0 is the pictures.",
        "touched = (masks & region).any(axis=(2, 3)).mean(axis=0). The overlap takes .sum(axis=(2, 3)) of both, one "
        "divided by the other, and then the mean over the pictures.",
    ),
    solution=(
        "def only_touch(masks, region, touches, overlaps):\n"
        "    shared, together = masks & region, masks | region\n"
        "    touched = shared.any(axis=(2, 3)).mean(axis=0)\n"
        "    overlap = (shared.sum(axis=(2, 3)) / together.sum(axis=(2, 3))).mean(axis=0)\n"
        "    return np.flatnonzero((touched >= touches) & (overlap < overlaps))"
    ),
    case=_touch_case,
    right=_only_touch,
    is_function=True,
    mistakes=(
        Mistake(
            "those that pass both",
            "Those pass both tests. Asked are the channels that pass the easy one only.",
            lambda case: np.flatnonzero(_often(case) & (_overlaps(case) >= case["overlaps"])),
        ),
        Mistake(
            "the easy test alone",
            "Those touch the region often. Some of them also meet it well: leave these out.",
            lambda case: np.flatnonzero(_often(case)),
        ),
        Mistake(
            "the strict test alone",
            "Those meet the region badly. Some of them do not even touch it often: leave these out.",
            lambda case: np.flatnonzero(_overlaps(case) < case["overlaps"]),
        ),
        Mistake(
            "what was found of the region",
            "For the overlap you took the share of the region that was found. So a mask that covers the whole picture "
            "seems to meet it well.",
            lambda case: _only_touch(case, _of_the_region),
        ),
        Mistake(
            "what of the mask is right",
            "For the overlap you took the share of the mask that lies in the region. So a mask of one right pixel "
            "seems to meet it well.",
            lambda case: _only_touch(case, _of_the_mask),
        ),
        Mistake(
            "touched once",
            "A channel counted that touches the region on one picture. Asked is the share of the pictures.",
            lambda case: np.flatnonzero(_touched(case).any(axis=0) & (_overlaps(case) < case["overlaps"])),
        ),
        Mistake(
            "an overlap at the limit counted in",
            "A channel counted whose overlap is exactly `overlaps`. Asked are those below.",
            lambda case: np.flatnonzero(_often(case) & (_overlaps(case) <= case["overlaps"])),
        ),
        Mistake(
            "a share at the limit left out",
            "A channel is missing that touches on exactly `touches` of the pictures. That share is enough.",
            lambda case: np.flatnonzero(
                (_touched(case).mean(axis=0) > case["touches"]) & (_overlaps(case) < case["overlaps"])
            ),
        ),
        Mistake(
            "counted from 1", "One too many each: channels are counted from 0.", lambda case: _only_touch(case) + 1
        ),
    ),
)

# 04.name --------------------------------------------------------------------------------------------------------------

_name = Exercise(
    id="04.name",
    title="Name a channel",
    answer="unit_name",
    points=4,
    hints=(
        "Use the unit card. Look at all nine patches, not at the first.",
        "A good answer gives the channel and the name, how often the name predicted the order of two new pictures, and "
        "one picture that speaks against it.",
    ),
    solution=(
        "For example: the name is 'many bright spots on a dark ground'. On ten new pictures I said yes to four; in 21 "
        "of the 24 pairs of a yes and a no the yes had the higher answer, where chance would give 12. Against the name "
        "speaks one picture without any spots that has the second highest answer: perhaps the name is too narrow."
    ),
)

EXERCISES = (_field_size, _who_sees, _touch, _name)
