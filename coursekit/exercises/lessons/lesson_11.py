"""The exercises of lesson 11."""

from __future__ import annotations

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 11.follows ----------------------------------------------------------------------------------------------------------


# Each ends as it begins, and backwards it is another one.
_PIECES = ("aaba", "abaa", "abab", "baba", "bbab", "babb", "abca", "acba", "bcab", "bacb", "abaab", "babba", "bcabc")


def _follows_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)

    def letters(of: str, least: int, most: int) -> str:
        return "".join(rng.choice(list(of), size=rng.integers(least, most + 1)))

    piece = str(rng.choice(_PIECES))
    n = len(piece)
    end = next(i for i in range(n - 1, 0, -1) if piece[:i] == piece[-i:])
    # It stands in the text several times, twice over itself, and at the end, where nothing follows; once with another
    # first letter.
    parts = [letters("abc", 0, 4), piece, letters("bcd", 1, 4), piece, piece[end:], letters("cde", 1, 1)]
    parts += ["d", piece[1:], letters("cd", 1, 1), letters("abc", 0, 4), piece, letters("abcd", 1, 4), piece]
    return {"text": "".join(parts), "written": letters("abc", 2, 3) + piece, "n": n}


def _places(text: str, piece: str) -> list[int]:
    return [i for i in range(len(text)) if text.startswith(piece, i)]


def _behind(text: str, piece: str) -> np.ndarray:
    """Return where in a text the letters stand that follow on a piece."""
    return np.array([i + len(piece) for i in _places(text, piece) if i + len(piece) < len(text)], int)


def _next(case: dict) -> np.ndarray:
    return _behind(case["text"], case["written"][-case["n"] :])


def _not_over_itself(case: dict) -> np.ndarray:
    piece, text, found, start = case["written"][-case["n"] :], case["text"], [], 0
    while 0 <= (place := text.find(piece, start)) < len(text) - len(piece):
        found.append(place + len(piece))
        start = place + len(piece)
    return np.array(found, int)


_follows = Exercise(
    id="11.follows",
    title="The next letter",
    answer="where_it_goes_on",
    points=2,
    hints=(
        "Take the last n letters that were written. Where do they stand in the text? They may overlap: 'aa' stands "
        "twice in 'aaa'.",
        "Try every place: for i in range(len(text) - n), look whether text[i:i + n] == written[-n:].",
        "np.array([i + n for i in range(len(text) - n) if text[i:i + n] == written[-n:]])",
    ),
    solution=(
        "def where_it_goes_on(text, written, n):\n"
        "    last = written[-n:]\n"
        "    return np.array([i + n for i in range(len(text) - n) if text[i:i + n] == last])"
    ),
    case=_follows_case,
    right=_next,
    is_function=True,
    mistakes=(
        Mistake(
            "only the first place",
            "Only the first place was found. All of them come into question, and one is drawn: else the same text "
            "would come out for ever.",
            lambda case: _next(case)[:1],
        ),
        Mistake(
            "places that overlap left out",
            "Some places are missing: where the letters overlap themselves, as 'aa' does in 'aaa', both places count.",
            _not_over_itself,
        ),
        Mistake(
            "where the letters begin",
            "There the last letters begin. The letter that follows on them is asked for.",
            lambda case: _next(case) - case["n"],
        ),
        Mistake(
            "where the letters end",
            "There stands the last of the letters that were looked for. The next one is one place farther.",
            lambda case: _next(case) - 1,
        ),
        Mistake(
            "counted from 1",
            "The places are counted from 1. In Python the first letter of a text has the number 0.",
            lambda case: _next(case) + 1,
        ),
        Mistake(
            "behind the end of the text",
            "The last place lies behind the end of the text: there the letters stand, but nothing follows on them.",
            lambda case: np.append(_next(case), len(case["text"])),
        ),
        Mistake(
            "the first letters",
            "The first letters of what was written were looked for. The next letter stands behind the last ones.",
            lambda case: _behind(case["text"], case["written"][: case["n"]]),
        ),
        Mistake(
            "the last letter only",
            "Only the last letter was looked for, not the last n. The shorter the piece, the less it knows.",
            lambda case: _behind(case["text"], case["written"][-1]),
        ),
        Mistake(
            "backwards",
            "The last letters were looked for backwards. They have to stand in the text as they were written.",
            lambda case: _behind(case["text"], case["written"][-case["n"] :][::-1]),
        ),
    ),
)

# 11.cut --------------------------------------------------------------------------------------------------------------


def _cut_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    shape = (4, 4) if rng.random() < 0.4 else (6, 5)
    return {"error": np.round(rng.exponential(20, size=shape), 1)}


def _least_cost(error: np.ndarray, moves: tuple[int, ...] = (-1, 0, 1), around: bool = False) -> float:
    """Return the least sum along a path that moves by one of these columns from row to row."""
    total = error[0]
    for row in error[1:]:
        left, right = (total[-1], total[0]) if around else (np.inf, np.inf)
        above = np.concatenate([[left], total, [right]])
        total = row + np.min([above[1 - move : 1 - move + len(row)] for move in moves], axis=0)
    return float(total.min())


def _from_the_middle(error: np.ndarray) -> float:
    columns = np.arange(error.shape[1])
    return _least_cost(np.vstack([np.where(columns == len(columns) // 2, error[0], np.inf), error[1:]]))


def _greedy(case: dict) -> float:
    error = case["error"]
    column = int(error[0].argmin())
    total = error[0, column]
    for row in error[1:]:
        first = max(column - 1, 0)
        column = first + int(row[first : column + 2].argmin())
        total += row[column]
    return float(total)


_cut = Exercise(
    id="11.cut",
    title="The cheapest border",
    answer="cheapest_border",
    points=3,
    hints=(
        "Of the first row, each place costs what it costs. What is the least that a border costs which ends at a place "
        "of the second row?",
        "Go through the rows. The cheapest border to a place is its own error, plus the least of the up to three "
        "places above it: total[row, column] = error[row, column] + min(total[row - 1, column - 1], ...).",
        "np.pad(total[row - 1], 1, constant_values=np.inf) has a neighbour at both sides of every place. The answer is "
        "the least of the last row of total.",
    ),
    solution=(
        "def cheapest_border(error):\n"
        "    total = error[0]\n"
        "    for row in error[1:]:\n"
        "        above = np.pad(total, 1, constant_values=np.inf)\n"
        "        total = row + np.minimum(np.minimum(above[:-2], above[1:-1]), above[2:])\n"
        "    return total.min()"
    ),
    case=_cut_case,
    right=lambda case: _least_cost(case["error"]),
    is_function=True,
    mistakes=(
        Mistake(
            "each row by itself",
            "The least of each row was taken. Such a border may jump: from row to row it moves by one column at most.",
            lambda case: float(case["error"].min(axis=1).sum()),
        ),
        Mistake(
            "always the cheapest next step",
            "At each row the cheapest next place was taken. A place that costs a little more can lead to much cheaper "
            "ones below it.",
            _greedy,
        ),
        Mistake(
            "straight down",
            "That is the cheapest straight border. It may bend by one column from row to row.",
            lambda case: _least_cost(case["error"], (0,)),
        ),
        Mistake(
            "the dearest",
            "That is what the dearest border costs.",
            lambda case: -_least_cost(-case["error"]),
        ),
        Mistake(
            "across",
            "That border goes from left to right. It goes from the first row to the last.",
            lambda case: _least_cost(case["error"].T),
        ),
        Mistake(
            "around the edge",
            "That border leaves at one side and comes back at the other. The first column and the last are no "
            "neighbours.",
            lambda case: _least_cost(case["error"], around=True),
        ),
        Mistake(
            "the average",
            "That is the average of the errors along the border. Their sum is asked for.",
            lambda case: _least_cost(case["error"]) / len(case["error"]),
        ),
        Mistake(
            "from the middle",
            "That border begins in the middle of the first row. It may begin at any place of it.",
            lambda case: _from_the_middle(case["error"]),
        ),
        Mistake(
            "never to the left",
            "That border never goes to the left. It may move to both sides.",
            lambda case: _least_cost(case["error"], (0, 1)),
        ),
        Mistake(
            "never to the right",
            "That border never goes to the right. It may move to both sides.",
            lambda case: _least_cost(case["error"], (0, -1)),
        ),
    ),
)

# 11.apart ------------------------------------------------------------------------------------------------------------


def _apart_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    shape = (1, 4, 2) if rng.random() < 0.4 else (2, 5, 3)
    features = np.where(rng.random(shape) < 0.3, 0, rng.uniform(1, 9, size=shape)).round(1)
    features[..., 0] += 1
    return {"features": features, "right": int(rng.integers(2, 4))}  # not 1, which who forgets it would take


def _pairs(case: dict, features: np.ndarray | None = None, right: int | None = None) -> np.ndarray:
    """Return the sum over places of the products of all channels here with all channels to the right."""
    features, right = case["features"] if features is None else features, case["right"] if right is None else right
    width = features.shape[1]
    return np.einsum("yxi,yxj->ij", features[:, : width - right], features[:, right:])


def _count(case: dict, right: int | None = None) -> int:
    height, width, channels = case["features"].shape
    return height * (width - (case["right"] if right is None else right)) * channels


def _around(case: dict) -> np.ndarray:
    features = case["features"]
    return np.einsum("yxi,yxj->ij", features, np.roll(features, -case["right"], axis=1)) / _count(case, 0)


_apart = Exercise(
    id="11.apart",
    title="A Gram matrix that knows a distance",
    answer="gram_apart",
    points=3,
    hints=(
        "In the Gram matrix each place goes with itself. Here each place goes with another one in its row.",
        "here = features[:, :-right] and there = features[:, right:] are the two places of each pair.",
        "here.reshape(-1, C).T @ there.reshape(-1, C), divided by the number of pairs and of channels: here.size.",
    ),
    solution=(
        "def gram_apart(features, right):\n"
        "    channels = features.shape[-1]\n"
        "    here, there = features[:, :-right], features[:, right:]\n"
        "    return here.reshape(-1, channels).T @ there.reshape(-1, channels) / here.size"
    ),
    case=_apart_case,
    right=lambda case: _pairs(case) / _count(case),
    is_function=True,
    mistakes=(
        Mistake(
            "each place with itself",
            "That is the plain Gram matrix, of each place with itself. It knows no distance.",
            lambda case: _pairs(case, right=0) / _count(case, 0),
        ),
        Mistake(
            "around the edge",
            "The last places of each row went together with the first ones. A place without a partner is left out.",
            _around,
        ),
        Mistake(
            "neighbours",
            "Each place went together with the next one. `right` says how many places farther the other one lies.",
            lambda case: _pairs(case, right=1) / _count(case, 1),
        ),
        Mistake(
            "divided by all places",
            "The sum was divided by the number of all places. There are fewer pairs than places.",
            lambda case: _pairs(case) / _count(case, 0),
        ),
        Mistake(
            "the other way round",
            "Rows and columns of the matrix are exchanged: row i is channel i here, column j channel j to the right.",
            lambda case: _pairs(case).T / _count(case),
        ),
        Mistake(
            "not divided by the channels",
            "The sum was divided by the number of pairs only. The number of channels is missing.",
            lambda case: _pairs(case) / _count(case) * case["features"].shape[-1],
        ),
        Mistake(
            "the sum",
            "That is the sum. It grows with the picture, so two pictures of different sizes could not be compared.",
            _pairs,
        ),
    ),
)

# 11.own --------------------------------------------------------------------------------------------------------------

_own = Exercise(
    id="11.own",
    title="A texture that defeats both",
    answer="judgement",
    points=4,
    hints=(
        "Where did quilting lose, and where did the Gram matrices? Look for a picture that has both faults: large "
        "things that occur once, in an order that goes on over a long distance.",
        "A good answer names the picture and its size, says what each method did to it, and gives a distance: of what "
        "repeats in the picture, beside the side of a piece and beside what a unit of the layer sees.",
    ),
    solution=(
        "For example: photo('text')[:160, :160], a page with long ruled lines and a few signs by hand. Quilted, each "
        "stroke is sharp, but the long lines break off where pieces meet, and the signs are cut. From Gram matrices "
        "come dark strokes of the right width, all of them short, and neither a line nor a sign. A line crosses all "
        "160 pixels. A piece holds 32 of them, and a unit of fire5 sees 63. Each sign occurs once, so nothing in "
        "the picture says how to go on with it. Each way keeps what it sees in one piece, and nothing keeps the rest."
    ),
)

EXERCISES = (_follows, _cut, _apart, _own)
