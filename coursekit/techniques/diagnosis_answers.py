"""What a diagnosis says of answers: the scale of the pictures, certainty, place, neighbours, and shifts by a pixel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from coursekit.pictures import shift
from coursekit.techniques.diagnosis_pass import NO_LABELS, Seen, answers_to, spread
from coursekit.techniques.diagnosis_table import MEASURES, Finding, finding, not_measured, widened
from coursekit.techniques.objectives import class_score
from coursekit.techniques.occlusion import occlusion
from coursekit.techniques.saliency import saliency

SCALE = ("inputs on another scale",)
CERTAINTY = "saturated outputs", "sure and wrong", "one answer for all"
PLACE = ("a place at the border that carries a class",)
FLIPS = ("answers that flip under a shift",)
_SAMPLE = 512  # pictures given again, changed
_FEW, _EACH = 5, 20  # pictures of a class whose maps are computed
_SURE = 0.999
_PHOTO = 64  # pixels: smaller ones count as digits
_MORE = 0.1  # than the commonest label is the commonest answer given; in healthy networks at most 0.02
_GRID = 5  # cells on a side
_DOWN = ("top", "above the middle", "middle", "below the middle", "bottom")
_ACROSS = ("left", "left of the middle", "middle", "right of the middle", "right")


def input_scale(seen: Seen, tests: Seen | None) -> list[Finding]:
    """Return how much better the labels are answered to the pictures, or to those of the test, on another scale."""
    (name,) = SCALE
    sets = [one for one in (seen, tests) if one is not None and one.labels is not None]
    if why := seen.no_probabilities or seen.no_pictures or ("" if sets else NO_LABELS):
        return [not_measured(name, why)]
    found = [_better_scale(name, one, "test pictures" if one is tests else "pictures") for one in sets]
    return [max(found, key=lambda one: (one.unusual, one.value or 0))]


def _better_scale(name: str, seen: Seen, called: str) -> Finding:
    if why := seen.no_probabilities:
        return not_measured(name, why)
    if seen.count < 20:
        return not_measured(name, f"It needs 20 {called}, and there are {seen.count}.")
    rows = spread(seen.count, _SAMPLE)
    pictures, labels = seen.batches[0][rows], seen.labels[rows]
    if len(np.unique(labels)) < 2:  # a scale on which it gives this answer to anything would be the best
        return not_measured(name, f"It needs {called} of two classes, and all are of one.")
    given = {"as given": seen.outputs[rows]}
    for way, change in _scales(pictures).items():
        outputs = answers_to(seen.model, pictures, seen.batch_size, change)
        if np.isfinite(outputs).all():
            given[way] = outputs
    if len(given) == 1:
        return not_measured(name, f"On every other scale the network gives NaN or infinity for the {called}.")
    losses = {way: _losses(outputs, labels) for way, outputs in given.items()}
    accuracy = {way: float((outputs.argmax(axis=1) == labels).mean()) for way, outputs in given.items()}
    best = _best(losses, accuracy, labels)
    gains = losses["as given"] - losses[best]
    gain = max(0.0, float(gains.mean()))
    normal = MEASURES[name].normal
    if normal is not None:  # three standard errors, where so few pictures say little
        normal = normal[0], max(normal[1], 3 * float(gains.std()) / len(rows) ** 0.5)
    says = (
        f"With the {called} {best}, {len(rows)} labels are {gain:.2g} nats more probable on average, and the accuracy "
        f"is {accuracy[best]:.3f} instead of {accuracy['as given']:.3f}."
        if gain
        else f"None of {len(losses) - 1} other scales is better: the labels more probable, also than by guessing, and "
        f"not clearly more answers wrong (accuracy {accuracy['as given']:.3f})."
    )
    advice = f"The network seems to expect its pictures {best}: prepare them so, or use with_preprocessing."
    return finding(name, gain, says, advice, normal=normal, details={"accuracy": accuracy, "best": best})


def _best(losses: dict[str, np.ndarray], accuracy: dict[str, float], labels: np.ndarray) -> str:
    """Return the scale with the smallest loss, of those that beat guessing and are not worse than as given.

    Guessing goes by the labels' shares, worse is who has fewer right answers; each by three standard errors.

    The loss alone would be smallest where a network that is sure and often wrong answers at random, but less sure.
    """
    count, right = len(labels), accuracy["as given"]
    least = right - 3 * (right * (1 - right) / count) ** 0.5
    shares = np.unique(labels, return_counts=True)[1] / count
    chance = -(shares * np.log(shares)).sum()
    beats_guessing = {way: loss.mean() + 3 * loss.std() / count**0.5 < chance for way, loss in losses.items()}
    good = [way for way in losses if accuracy[way] >= least and beats_guessing[way]]
    return min([*good, "as given"], key=lambda way: losses[way].mean())


def _scales(pictures: np.ndarray) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Return ways to bring pictures of this range to the ranges that are usual: functions of float32 arrays."""
    low, high = float(pictures.min()), float(pictures.max())
    if low < 0 and high <= 1:
        ways = {"brought to 0 to 1": (0.5, 0.5), "brought to 0 to 255": (127.5, 127.5)}
        ways["inverted"] = (-1, 0)
    elif low >= 0 and high <= 1:
        ways = {"times 255": (255, 0), "brought to -1 to 1": (2, -1), "inverted": (-1, 1)}
    elif low >= 0 and high <= 255:
        ways = {"divided by 255": (1 / 255, 0), "brought to -1 to 1": (1 / 127.5, -1), "inverted": (-1, 255)}
    else:
        to_bytes = 255 / max(high - low, 1e-6)
        ways = {
            "divided by 255": (1 / 255, 0),
            "brought to 0 to 255": (to_bytes, -low * to_bytes),
            "inverted": (-1, low + high),
        }
    found = {way: partial(_scaled, factor=factor, offset=offset) for way, (factor, offset) in ways.items()}
    if pictures.shape[-1] == 3:
        found["with red and blue exchanged"] = lambda batch: batch[..., ::-1]
    return found


def _scaled(batch: np.ndarray, factor: float, offset: float) -> np.ndarray:
    return batch.astype(np.float32) * np.float32(factor) + np.float32(offset)


def _losses(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return -np.log(np.maximum(outputs[np.arange(len(labels)), labels], 1e-7))


def certainty(seen: Seen) -> list[Finding]:
    """Return how many answers are sure, how many wrong ones are, and how many pictures get the same answer."""
    names = CERTAINTY
    if why := seen.no_probabilities:
        return [not_measured(name, why) for name in names]
    top, answers, count = seen.outputs.max(axis=1), seen.outputs.argmax(axis=1), seen.count
    sure = top > _SURE
    accuracy = "" if seen.labels is None else f", and {(answers == seen.labels).mean():.3f} of all are right"
    says = f"{sure.sum()} of {count} answers have a probability above {_SURE}{accuracy}."
    advice = (
        "Certainty tells nothing here, and gradients of the probability are close to zero: use class_scores, and look "
        "at the scale of the pictures and at the number of epochs."
    )
    found = [finding(names[0], sure.mean(), says, advice, normal=widened(names[0], count), details={"top": top})]
    if seen.labels is None:
        found.append(not_measured(names[1], NO_LABELS))
    else:
        wrong = answers != seen.labels
        if wrong.sum() < 10:
            found.append(not_measured(names[1], f"It needs 10 wrong answers, and there are {wrong.sum()}."))
        else:
            both = np.flatnonzero(sure & wrong)
            says = f"{len(both)} of the {wrong.sum()} wrong answers have a probability above {_SURE}."
            advice = "The network is sure where it is wrong: look at these pictures, and at their scale and labels."
            normal = widened(names[1], int(wrong.sum()), 50)
            found.append(
                finding(names[1], len(both) / wrong.sum(), says, advice, normal=normal, details={"pictures": both})
            )
    counted = np.bincount(answers, minlength=seen.outputs.shape[1])
    most, spread = counted.max() / count, float(np.ptp(seen.outputs, axis=0).max())
    classes = len(counted) if seen.labels is None else len(np.unique(seen.labels))
    if count < 20 or (seen.labels is not None and classes < 2):
        found.append(not_measured(names[2], "It needs 20 pictures, of more than one class."))
    else:
        usual = None if seen.labels is None else np.bincount(seen.labels).max() / count
        of = "" if usual is None else f" (the commonest label has {usual:.2f})"
        says = f"The commonest answer, class {counted.argmax()}, is given to {most:.2f} of the pictures{of}."
        if spread < 1e-4:
            says += " The outputs are the same for all pictures."
        normal = None
        if usual is not None:
            normal = 0.0, min(1.0, usual + _MORE + 3 * (usual * (1 - usual) / count) ** 0.5)
        advice = "It hardly looks at the pictures: look for the first layer whose channels are all dead."
        found.append(finding(names[2], most, says, advice, normal=normal, details={"answers": counted}))
    return found


def border_place(seen: Seen) -> list[Finding]:
    """Return how much of the evidence for one class, and for no other, lies in one place at the border."""
    (name,) = PLACE
    if why := seen.no_outputs or seen.no_pictures or (seen.no_features and _no_scores(seen)):
        return [not_measured(name, why)]
    pictures = seen.batches[0]
    if min(pictures.shape[1:3]) < _GRID:
        return [not_measured(name, f"The pictures are smaller than {_GRID} pixels.")]
    if seen.outputs is None:
        return [not_measured(name, seen.no_outputs)]
    classes = seen.outputs.argmax(axis=1) if seen.labels is None else seen.labels
    rows = {c: np.flatnonzero(classes == c) for c in np.unique(classes)}
    rows = {int(c): which[spread(len(which), _EACH)] for c, which in rows.items() if len(which) >= _FEW}
    if len(rows) < 3:
        return [not_measured(name, f"It needs {_FEW} pictures of each of 3 classes; so many have {len(rows)}.")]
    typical = pictures[spread(seen.count, _SAMPLE)].mean(axis=0, dtype=np.float64)
    drops, slopes = [], []
    patch = tuple(-(-side // _GRID) for side in pictures.shape[1:3])
    for label, which in rows.items():
        target = class_score(seen.model, label)
        some = pictures[which].astype(np.float32)
        drop = occlusion(seen.model, some, target, patch, patch, typical, seen.batch_size)
        drops.append(_cells(drop).mean(axis=0))
        slope = _cells(np.abs(saliency(seen.model, some, target, seen.batch_size)).sum(axis=-1))
        slopes.append((slope / np.maximum(slope.sum((1, 2), keepdims=True), 1e-30)).mean(axis=0))
    drops = np.maximum(drops, 0)
    drops = drops / np.maximum(drops.sum((1, 2), keepdims=True), 1e-30)
    slopes = np.array(slopes)
    both = np.minimum(_above_others(drops), _above_others(slopes))
    both[:, 1:-1, 1:-1] = 0
    number, row, column = map(int, np.unravel_index(both.argmax(), both.shape))
    value, label = max(0.0, float(both[number, row, column])), list(rows)[number]
    says = (
        f"Class {label} has {value:.0%} more of its evidence at the {_name_of(row, column)} of the picture than other "
        "classes have there, by occlusion and by the gradient, whichever says less."
    )
    advice = "Is something there that only pictures of this class have, such as a mark? Cover it, and test again."
    details = {"class": label, "cell": (row, column), "classes": list(rows), "drops": drops, "gradients": slopes}
    return [finding(name, value, says, advice, details=details)]


def _name_of(row: int, column: int) -> str:
    """Return what a cell at the border is called: "top left corner", "left edge, in the middle,"."""
    down, across = _DOWN[row], _ACROSS[column]
    if row in (0, _GRID - 1) and column in (0, _GRID - 1):
        return f"{down} {across} corner"
    return f"{down} edge ({across})" if row in (0, _GRID - 1) else f"{across} edge ({down})"


def _no_scores(seen: Seen) -> str:
    try:
        class_score(seen.model, 0)
    except (TypeError, ValueError) as error:
        return str(error)
    return ""


def _above_others(shares: np.ndarray) -> np.ndarray:
    """Return how far each class lies above the median of the others at each place: (classes, rows, columns)."""
    others = [np.median(np.delete(shares, i, axis=0), axis=0) for i in range(len(shares))]
    return shares - np.array(others)


def _cells(maps: np.ndarray) -> np.ndarray:
    """Return maps (N, H, W) as means over a grid of cells."""
    rows, columns = (np.linspace(0, side, _GRID + 1).round().astype(int) for side in maps.shape[1:])
    sums = np.add.reduceat(np.add.reduceat(maps, rows[:-1], axis=1), columns[:-1], axis=2)
    return sums / (np.diff(rows)[:, np.newaxis] * np.diff(columns))


def flips(seen: Seen) -> list[Finding]:
    """Return how many answers change when the picture is shifted by one pixel."""
    (name,) = FLIPS
    if why := seen.no_outputs or seen.no_pictures:
        return [not_measured(name, why)]
    rows = spread(seen.count, _SAMPLE)
    pictures, answers = seen.batches[0][rows], seen.outputs[rows].argmax(axis=1)
    if min(pictures.shape[1:3]) < 3:
        return [not_measured(name, "The pictures are smaller than 3 pixels.")]
    flipped = np.zeros(len(rows), bool)
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        flipped |= (
            answers_to(seen.model, pictures, seen.batch_size, partial(shift, down=down, right=right)).argmax(axis=1)
            != answers
        )
    says = f"{flipped.sum()} of {len(rows)} answers change under at least one of four shifts by one pixel."
    advice = "The answer depends on the place: train with shifted pictures, or look at strides and poolings."
    photos = pictures.shape[-1] == 3 and min(pictures.shape[1:3]) >= _PHOTO
    normal, details = widened(name, len(rows), 500, photos), {"pictures": rows[flipped]}
    return [finding(name, flipped.mean(), says, advice, normal=normal, photos=photos, details=details)]
