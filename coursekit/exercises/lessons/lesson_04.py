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
    count = int(rng.integers(4, 9))
    kernels, strides = rng.choice((1, 3, 5, 7), size=count), rng.choice((1, 2, 3), size=count)
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

# 04.box ---------------------------------------------------------------------------------------------------------------


def _box_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    stride, size = int(rng.choice((4, 8, 16))), int(rng.integers(40, 100))
    middles = [-(size // 2), stride // 2 - size // 2]  # no field is centred on its unit's place, so the offset tells
    offset = -int(rng.choice([n for n in range(10, 35) if all(abs(n + middle) > 1 for middle in middles)]))
    pixels = int(rng.integers(180, 300))
    last = (pixels - 1) // stride
    rows = np.array([0, 1, *np.sort(rng.choice(np.arange(2, last - 1), size=2, replace=False)), last])
    return {"rows": rows, "size": size, "stride": stride, "offset": offset, "pixels": pixels}


def _box(case: dict, clip: bool = True, centred: bool = False) -> np.ndarray:
    first = case["offset"] + case["stride"] * case["rows"]
    if centred:
        first = case["stride"] * case["rows"] - case["size"] // 2
    ends = np.stack([first, first + case["size"]], axis=1)
    return np.clip(ends, 0, case["pixels"]) if clip else ends


_box_exercise = Exercise(
    id="04.box",
    title="From a row of the map to rows of pixels",
    answer="seen_rows",
    points=3,
    hints=(
        "Unit 0 begins at offset. Where does unit 1 begin?",
        "first = offset + stride * rows, and each sees size pixels from there on.",
        "What lies outside the picture is cut off: np.clip(..., 0, pixels), for the first and for the end.",
    ),
    solution=(
        "def seen_rows(rows, size, stride, offset, pixels):\n"
        "    first = offset + stride * rows\n"
        "    return np.clip(np.stack([first, first + size], axis=1), 0, pixels)"
    ),
    case=_box_case,
    right=_box,
    is_function=True,
    mistakes=(
        Mistake(
            "not clipped",
            "Right in the middle, but the first and the last reach outside the picture. What a unit sees there is "
            "padding, not pixels.",
            lambda case: _box(case, clip=False),
        ),
        Mistake(
            "offset forgotten",
            "The offset is missing: unit 0 need not begin at pixel 0. With padding it begins before the picture.",
            lambda case: _box({**case, "offset": 0}),
        ),
        Mistake(
            "centred on the unit's place",
            "You put the middle of the field at stride * row. The layers before decide where it begins: that is what "
            "offset says.",
            lambda case: _box(case, centred=True),
        ),
        Mistake(
            "clipped before the size was added",
            "The beginning was clipped first and the size added then: at the border the end comes too late.",
            lambda case: np.stack(
                [
                    np.clip(case["offset"] + case["stride"] * case["rows"], 0, case["pixels"]),
                    np.clip(
                        np.clip(case["offset"] + case["stride"] * case["rows"], 0, None) + case["size"],
                        0,
                        case["pixels"],
                    ),
                ],
                axis=1,
            ),
        ),
        Mistake(
            "last pixel included",
            "The end is one too small. Half open, as slices are: picture[first:end] holds size rows.",
            lambda case: _box(case) - np.array([0, 1]),
        ),
    ),
)

# 04.overlap -----------------------------------------------------------------------------------------------------------


def _masks_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    while True:
        region, masks = np.zeros((6, 8), bool), np.zeros((6, 6, 8), bool)
        top, left, tall, wide = rng.integers((1, 1, 2, 3), (3, 4, 4, 5))
        region[top : top + tall, left : left + wide] = True
        masks[0] = True  # finds all of the region, and everything else
        masks[1, top, left] = True  # one pixel, and that is in the region
        masks[2, top] = True  # a line through it
        for mask in masks[3:]:  # of about the region's size, near it
            down, right = rng.integers(-1, 2, size=2)
            mask[max(top + down, 0) : top + down + tall, max(left + right, 0) : left + right + wide] = True
        masks = masks[rng.permutation(6)]
        case = {"masks": masks, "region": region, "count": int(rng.integers(2, 4))}
        ways = [
            np.sort(way(case))[::-1][: case["count"] + 1] for way in (_overlaps, _of_the_region, _of_the_mask, _agree)
        ]
        if all((way[:-1] - way[1:] > 0.01).all() for way in ways):  # no two are equally good, in any way
            return case


def _count(masks: np.ndarray) -> np.ndarray:
    return masks.sum(axis=(1, 2))


def _overlaps(case: dict) -> np.ndarray:
    return _count(case["masks"] & case["region"]) / _count(case["masks"] | case["region"])


def _of_the_region(case: dict) -> np.ndarray:
    return _count(case["masks"] & case["region"]) / case["region"].sum()


def _of_the_mask(case: dict) -> np.ndarray:
    return _count(case["masks"] & case["region"]) / _count(case["masks"])


def _agree(case: dict) -> np.ndarray:
    return (case["masks"] == case["region"]).mean(axis=(1, 2))


def _best(case: dict, way: Callable[[dict], np.ndarray] = _overlaps) -> np.ndarray:
    return way(case).argsort()[::-1][: case["count"]]


_overlap = Exercise(
    id="04.overlap",
    title="The masks that meet a region best",
    answer="best_masks",
    points=2,
    hints=(
        "A mask can be wrong in two ways: it misses a part of the region, or it lies beside it. Which number of the "
        "lesson falls with both?",
        "masks & region is what each mask shares with the region, masks | region what the two cover together. Count "
        "the True of each over the last two axes.",
        "Divide the first by the second. argsort() sorts upwards: [::-1] turns it round, [:count] takes the best.",
    ),
    solution=(
        "def best_masks(masks, region, count):\n"
        "    shared = (masks & region).sum(axis=(1, 2))\n"
        "    together = (masks | region).sum(axis=(1, 2))\n"
        "    return (shared / together).argsort()[::-1][:count]"
    ),
    case=_masks_case,
    right=_best,
    is_function=True,
    mistakes=(
        Mistake(
            "what was found of the region",
            "The first of these have most of the region. So a mask that covers the whole picture wins, although it "
            "does not know where the region is.",
            lambda case: _best(case, _of_the_region),
        ),
        Mistake(
            "what of the mask is right",
            "The first of these lie in the region with most of their own pixels. So a mask of one right pixel wins, "
            "although it misses nearly all of the region.",
            lambda case: _best(case, _of_the_mask),
        ),
        Mistake(
            "where they agree",
            "You counted the pixels on which mask and region agree. Most pixels lie outside of both, so a mask that is "
            "nearly empty agrees, too.",
            lambda case: _best(case, _agree),
        ),
        Mistake(
            "the worst",
            "Those meet the region least: argsort() begins with the smallest.",
            lambda case: _overlaps(case).argsort()[: case["count"]],
        ),
        Mistake(
            "the best last",
            "The right masks, but the best should come first.",
            lambda case: _best(case)[::-1],
        ),
        Mistake(
            "counted from 1",
            "One too many each: channels are counted from 0.",
            lambda case: _best(case) + 1,
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

EXERCISES = (_field_size, _box_exercise, _overlap, _name)
