"""The exercises of lesson 02."""

from __future__ import annotations

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 02.best-patch --------------------------------------------------------------------------------------------------------


def _kernel_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    size = int(rng.choice((3, 5)))
    mean = rng.choice((-1, 1)) * rng.uniform(0.3, 0.8)  # far from 0: "above the mean" is another patch
    return {"kernel": (mean + rng.normal(size=(size, size, 3))).astype(np.float32)}


def _from_0_to_255(kernel: np.ndarray) -> np.ndarray:
    return 255 * (kernel - kernel.min()) / (kernel.max() - kernel.min())


_best_patch = Exercise(
    id="02.best-patch",
    title="The patch that a filter wants most",
    answer="best_patch",
    points=3,
    hints=(
        "The answer is the sum of weight times pixel. Look at one pixel alone: which value makes its product largest?",
        "A positive weight wants its pixel as bright as can be, a negative one as dark as can be.",
        "np.where(kernel > 0, ...) decides for all pixels at once.",
    ),
    solution="def best_patch(kernel):\n    return np.where(kernel > 0, 255, 0)",
    case=_kernel_case,
    right=lambda case: np.where(case["kernel"] > 0, 255, 0),
    is_function=True,
    mistakes=(
        Mistake(
            "the kernel itself",
            "That patch looks like the kernel, with pale values where the weights are small. But even a small positive "
            "weight gains by a brighter pixel: nothing holds it back before 255.",
            lambda case: _from_0_to_255(case["kernel"]),
        ),
        Mistake(
            "the wrong way round",
            "The other way round: this is the patch that the filter likes least.",
            lambda case: np.where(case["kernel"] > 0, 0, 255),
        ),
        Mistake(
            "the largest weight only",
            "Only the pixel with the largest weight is bright. The other positive weights have something to add too.",
            lambda case: 255 * (case["kernel"] == case["kernel"].max()),
        ),
        Mistake(
            "0 and 1",
            "The right pixels are bright, but white is 255 here, not 1.",
            lambda case: (case["kernel"] > 0) * 1,
        ),
        Mistake(
            "the sign",
            "A pixel cannot be negative: it goes from 0 to 255. What is the best that a negative weight can get?",
            lambda case: 255 * np.sign(case["kernel"]),
        ),
        Mistake(
            "above the mean",
            "Here a pixel is bright where its weight is above the mean. The mean does not matter: zero does.",
            lambda case: np.where(case["kernel"] > case["kernel"].mean(), 255, 0),
        ),
    ),
)

# 02.bright-side -------------------------------------------------------------------------------------------------------


def _edge_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    # Away from the axes. An arctangent without the quadrant is wrong at the left, one with half a turn added at the
    # right: of six cases, one of the two is right in all with one student in 32.
    angle = np.radians(rng.choice((0, 90, 180, 270)) + rng.uniform(20, 70))
    row, column = np.mgrid[-1:2, -1:2]
    slope = rng.uniform(0.5, 2) * (np.cos(angle) * column - np.sin(angle) * row)
    return {"kernel": (slope + rng.uniform(-0.5, 0.5)).astype(np.float32)}


def _forces(case: dict) -> tuple[float, float]:
    row, column = np.mgrid[-1:2, -1:2]
    return float((case["kernel"] * column).sum()), -float((case["kernel"] * row).sum())


def _bright_side(case: dict, up: float = 1.0, turn: bool = False) -> float:
    x, y = _forces(case)
    y *= up
    return float(np.degrees(np.arctan2(x, y) if turn else np.arctan2(y, x)) % 360)


_bright = Exercise(
    id="02.bright-side",
    title="Where an edge filter wants it bright",
    answer="bright_side",
    points=3,
    hints=(
        "Treat the weights as forces that pull towards their places. Where do all of them together pull?",
        "To the right: the weights times (-1, 0, 1) along the columns, added up. Upwards: the same along the rows, "
        "but rows count downwards.",
        "np.degrees(np.arctan2(upwards, rightwards)) % 360",
    ),
    solution=(
        "def bright_side(kernel):\n"
        "    rightwards = (kernel * np.array([-1, 0, 1])).sum()\n"
        "    upwards = (kernel * np.array([[1], [0], [-1]])).sum()\n"
        "    return np.degrees(np.arctan2(upwards, rightwards)) % 360"
    ),
    case=_edge_case,
    right=_bright_side,
    also_right=(  # counted from -180 to 180, or with a whole turn more
        lambda case: (_bright_side(case) + 180) % 360 - 180,
        lambda case: (_bright_side(case) + 180) % 360 + 180,
    ),
    is_function=True,
    mistakes=(
        Mistake(
            "up is down",
            "Up and down are swapped. Rows are counted from the top, so a larger row lies further down.",
            lambda case: _bright_side(case, up=-1),
        ),
        Mistake(
            "the dark side",
            "That is the dark side: off by half a turn. An arctangent of the quotient does that, too: it does not know "
            "which of the two parts was negative. arctan2 takes both.",
            lambda case: (_bright_side(case) + 180) % 360,
        ),
        Mistake(
            "along the edge",
            "That is the direction of the edge itself. The bright side lies at a right angle to it.",
            lambda case: (_bright_side(case) + 90) % 360,
        ),
        Mistake(
            "along the edge, the other way",
            "That is the direction of the edge itself. The bright side lies at a right angle to it.",
            lambda case: (_bright_side(case) - 90) % 360,
        ),
        Mistake(
            "counted from the top",
            "Counted clockwise from the top, as on a compass. In the table of the lesson 0 degrees is to the right, "
            "and 90 is up: arctan2 takes the upward part first.",
            lambda case: _bright_side(case, turn=True),
        ),
        Mistake(
            "radians",
            "That is the right angle in radians. In degrees, please: np.degrees.",
            lambda case: np.radians(_bright_side(case)),
        ),
        Mistake(
            "radians with a sign",
            "That is the right angle in radians, from -pi to pi. In degrees from 0 to 360, please.",
            lambda case: (np.radians(_bright_side(case)) + np.pi) % (2 * np.pi) - np.pi,
        ),
    ),
)

# 02.before-and-after --------------------------------------------------------------------------------------------------


def _pictures_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    while True:
        case = _some_pictures(rng)
        before, after = _measured(case)
        largest, wanted = _places(case).max(axis=(1, 2)), _by_wanted_weights(case)
        winners = [int(way.argmax()) for way in (before, after, largest, wanted)]
        leads = [np.sort(way)[-1] > 1.05 * np.sort(way)[-2] for way in (before, after, largest, wanted)]
        if len(set(winners[:3])) == 3 and winners[3] != winners[1] and all(leads):
            return case


def _some_pictures(rng: np.random.Generator) -> dict:
    """Draw an edge kernel and pictures: a slope, stripes, a spot, a bright one, noise, each in some variants."""
    angle = rng.uniform(0, 2 * np.pi)
    row, column = np.mgrid[-1:2, -1:2]
    kernel = (np.cos(angle) * column - np.sin(angle) * row) * rng.uniform(0.5, 2)
    size = int(rng.integers(6, 9))
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    pictures = []
    for turn in (0, *rng.uniform(0.5, 5.5, size=3)):
        along = np.cos(angle + turn) * x - np.sin(angle + turn) * y
        pictures += [128 + 127 * np.clip(along / 3, -1, 1), 128 + 110 * np.sin(along * 1.5)]
    spot = np.full((size, size), 20.0)
    spot[2:4, 2:4] = 128 - 127 * np.sign(kernel)[::2, ::2]
    spot[size // 2 - 1 : size // 2 + 2, size // 2 - 1 : size // 2 + 2] = np.where(kernel > 0, 255, 0)
    pictures += [spot, np.full((size, size), 250.0), rng.uniform(80, 180, size=(size, size))]
    order = rng.permutation(len(pictures))
    return {
        "kernel": kernel.round(2).astype(np.float32),
        "pictures": np.stack(pictures)[order].round().clip(0, 255).astype(np.float32),
    }


def _places(case: dict, kernel: np.ndarray | None = None) -> np.ndarray:
    """Return what the kernel answers at each place of each picture."""
    kernel = case["kernel"].astype(np.float64) if kernel is None else kernel
    windows = np.lib.stride_tricks.sliding_window_view(case["pictures"].astype(np.float64), kernel.shape, axis=(1, 2))
    return (windows * kernel).sum(axis=(-2, -1))


def _measured(case: dict, kernel: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return each picture's mean before the ReLU and after it."""
    places = _places(case, kernel)
    return places.mean(axis=(1, 2)), np.maximum(places, 0).mean(axis=(1, 2))


def _by_wanted_weights(case: dict) -> np.ndarray:
    return _places(case, np.maximum(case["kernel"].astype(np.float64), 0)).mean(axis=(1, 2))


def _winners(case: dict, kernel: np.ndarray | None = None) -> list[int]:
    return [int(measure.argmax()) for measure in _measured(case, kernel)]


_before_and_after = Exercise(
    id="02.before-and-after",
    title="The best picture before and after the ReLU",
    answer="best_pictures",
    points=3,
    hints=(
        "Compute what the kernel answers at every place first. Both means come from the same numbers.",
        "np.lib.stride_tricks.sliding_window_view(pictures, kernel.shape, axis=(1, 2)) has all windows: pictures, "
        "places (rows, columns), then the rows and columns of a window.",
        "Multiply by the kernel and add up over the last two axes. Before: the mean over places, then argmax(). After: "
        "np.maximum(answers, 0) first, then the same.",
    ),
    solution=(
        "def best_pictures(kernel, pictures):\n"
        "    windows = np.lib.stride_tricks.sliding_window_view(pictures, kernel.shape, axis=(1, 2))\n"
        "    places = (windows * kernel).sum(axis=(-2, -1))\n"
        "    before = places.mean(axis=(1, 2)).argmax()\n"
        "    after = np.maximum(places, 0).mean(axis=(1, 2)).argmax()\n"
        "    return [before, after]"
    ),
    case=_pictures_case,
    right=_winners,
    is_function=True,
    mistakes=(
        Mistake(
            "the ReLU after the mean",
            "Twice the same picture: the ReLU came after the mean, or not at all. It works at each place, before the "
            "mean, and there the negative places are lost.",
            lambda case: [_winners(case)[0]] * 2,
        ),
        Mistake(
            "after, twice",
            "Both are the best after the ReLU. Before it, negative places count against a picture.",
            lambda case: [_winners(case)[1]] * 2,
        ),
        Mistake(
            "the largest place",
            "That picture has the largest single place, before the ReLU and after it. What maximize made large is the "
            "mean over all places.",
            lambda case: [int(_places(case).max(axis=(1, 2)).argmax())] * 2,
        ),
        Mistake("exchanged", "The two are exchanged: before the ReLU comes first.", lambda case: _winners(case)[::-1]),
        Mistake(
            "a ReLU for the weights",
            "For the second, negative weights were set to zero. The ReLU comes after the sum, and leaves the weights "
            "as they are.",
            lambda case: [_winners(case)[0], int(_by_wanted_weights(case).argmax())],
        ),
        Mistake(
            "turned the kernel",
            "The kernel is turned by half a turn, so dark and bright sides are exchanged. Networks do not turn it.",
            lambda case: _winners(case, case["kernel"].astype(np.float64)[::-1, ::-1]),
        ),
        Mistake(
            "counted from 1",
            "One too many each: pictures are counted from 0.",
            lambda case: [number + 1 for number in _winners(case)],
        ),
    ),
)

# 02.drawing -----------------------------------------------------------------------------------------------------------

_drawing = Exercise(
    id="02.drawing",
    title="What a drawing proves",
    answer="drawing",
    points=3,
    hints=(
        "Think of channel 46: what it draws, and what the strangers' faces said of it in lesson 01.",
        "A good answer says what a drawing shows, names one thing that it does not show, and an experiment for that.",
    ),
    solution=(
        "For example: the drawing shows one picture that excites the channel very much; I would feed it back and "
        "compare it with photos. It suggests wheel-like shapes. It does not show that wheels are what excites it in "
        "photos, nor that nothing else does. I would collect photos with and without wheels, cover the wheels and, as "
        "a control, equal areas elsewhere, and compare how much the channel loses."
    ),
)

EXERCISES = (_best_patch, _bright, _before_and_after, _drawing)
