"""Pictures that a network takes for something else: a gradient climbed, within a budget or without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import softmax

from coursekit.networks.backend import tf
from coursekit.networks.gradients import gradient
from coursekit.networks.graph import compiled, kept, output_names, sizes_explained, traced
from coursekit.networks.reading import before_squashing, gives_probabilities, score_layer
from coursekit.techniques.objectives import Objective
from coursekit.techniques.optimization import first_parameters, picture_shape
from coursekit.techniques.parametrizations import pixels
from coursekit.techniques.targets import as_targets
from coursekit.validation import as_count, as_number, nearest
from coursekit.waiting import progress_bar

NORMS = ("linf", "l2")


@dataclass(frozen=True)
class Fooled:
    """What ``fgsm``, ``pgd`` and ``fool`` found. Of a picture that came alone nothing has the N.

    Attributes:
        images: The changed pictures (N, H, W, C), values 0-255: float32, or uint8 where whole grey levels were asked
            for.
        change: float32 (N, H, W, C), what was added to the pictures, in grey levels, with its sign.
        path: float32 (N, steps + 1, classes), the probability of every class before each step and at the end.
        classes: int (N,), which class each picture was led to, or away from.
        fooled: bool (N,), whether the largest probability in the end is that of this class, or of another.
    """

    images: np.ndarray
    change: np.ndarray
    path: np.ndarray
    classes: np.ndarray
    fooled: np.ndarray


def fgsm(
    model: Any,
    images: Any,
    target: Any = None,
    targeted: bool = True,
    budget: float = 4,
    norm: str = "linf",
    whole: bool = False,
    batch_size: int = 32,
) -> Fooled:
    """Change pictures by one step along the sign of a gradient, so that a network takes them for something else.

    Every value of every pixel moves by the whole budget, up or down, as the gradient of the cross-entropy says at the
    picture itself. ``pgd`` takes several smaller steps, and gets farther within the same budget.

    Paper: Goodfellow, Shlens and Szegedy, "Explaining and Harnessing Adversarial Examples", ICLR 2015,
    arXiv:1412.6572.

    Args:
        model: As for ``pgd``.
        images: As for ``pgd``.
        target: As for ``pgd``.
        targeted: As for ``pgd``.
        budget: Length of the step, in grey levels.
        norm: ``"linf"`` for the sign; ``"l2"`` for a step along the gradient itself, of this Euclidean length.
        whole: Move by whole grey levels only, as for ``pgd``. From whole pictures, signs with a whole budget do so
            anyway.
        batch_size: Pictures computed at a time.

    Returns:
        The changed pictures, the change, and the probabilities before and after.

    Raises:
        TypeError, ValueError: As ``pgd``.

    Example:
        >>> from coursekit import fgsm, photo, squeezenet
        >>> picture = photo("chelsea", 227)
        >>> found = fgsm(squeezenet(), picture, targeted=False, budget=2)  # away from what the network says
        >>> float(abs(found.change).max()), bool(found.fooled)
        (2.0, True)
    """
    return pgd(
        model, images, target, targeted, budget, norm=norm, step=budget, steps=1, whole=whole, batch_size=batch_size,
        progress=False,
    )  # fmt: skip


def pgd(
    model: Any,
    images: Any,
    target: Any = None,
    targeted: bool = True,
    budget: float = 4,
    norm: str = "linf",
    step: float | None = None,
    steps: int = 10,
    whole: bool = False,
    batch_size: int = 32,
    progress: bool = True,
) -> Fooled:
    """Change pictures within a budget, step by step, so that a network takes them for something else.

    Each step goes along the gradient of the cross-entropy of a class; then the picture is brought back to the nearest
    one within the budget and from 0 to 255 (projected gradient descent). It begins at the picture itself, not at a
    random one nearby, so the result is the same every time, and a picture's is the same alone and among others.

    The cross-entropy of a class that is certain has a gradient of almost nothing. Here its direction is computed from
    the scores of the other classes, for which no certainty is too large. Where a ReLU stands between the last weights
    and the softmax, as in SqueezeNet, the gradient is taken before that ReLU, as in ``class_score``: behind it, a class
    that is nowhere in the picture has none.

    Papers: Madry, Makelov, Schmidt, Tsipras and Vladu, "Towards Deep Learning Models Resistant to Adversarial Attacks",
    ICLR 2018, arXiv:1706.06083; without the random start, Kurakin, Goodfellow and Bengio, "Adversarial Examples in the
    Physical World", 2017, arXiv:1607.02533. For stronger attacks there are libraries that are kept up to date.

    Args:
        model: A Keras model with one picture of floats as its input and one output of at least two classes.
        images: (H, W, C) or (N, H, W, C), values 0-255, in the size that the model takes.
        target: A class, by index from 0 or by its ImageNet name. One for all pictures, or a list with one for each; for
            a picture that came alone any number. None for each picture's top class, to be led away from.
        targeted: Lead to this class; False for away from it, to any other.
        budget: How large the change may become, in grey levels: the largest of a single value, or, with ``"l2"``, the
            root of the sum of the squares of all.
        norm: ``"linf"``, where a step moves every value by the same, along the sign of the gradient; or ``"l2"``, where
            it goes along the gradient.
        step: How far a step goes, in the same unit; by default 2.5 times the budget by the number of steps.
        steps: How many.
        whole: Give whole grey levels, as uint8, so that the result can be saved as a PNG without loss. The
            probabilities along the path are those of the rounded pictures. The budget still holds.
        batch_size: Pictures computed at a time.
        progress: Show a progress bar.

    Returns:
        The changed pictures, the change, and the probabilities along the way.

    Raises:
        TypeError: ``target`` is no class, or an argument is no number.
        ValueError: There is no such class or norm, the pictures do not fit, have values outside of 0-255, or are to
            stay whole but are not; or the network takes whole numbers or several inputs, or gives NaN.

    Example:
        >>> from coursekit import pgd, photo, squeezenet
        >>> network, picture = squeezenet(), photo("chelsea", 227)
        >>> found = pgd(network, picture, "koala", budget=4, steps=4, whole=True)
        >>> int(abs(found.change).max()), found.images.dtype, bool(found.fooled)
        (4, dtype('uint8'), True)
    """
    if norm not in NORMS:
        raise ValueError(f"There is no norm {norm!r}. {nearest(norm, NORMS)}")
    budget, steps = as_number(budget, "budget"), as_count(steps, "steps")
    step = 2.5 * budget / steps if step is None else as_number(step, "step")
    return _climb(model, images, target, targeted, _Way(norm, budget, step, steps, whole, 2), batch_size, progress)


def fool(
    model: Any,
    image: Any,
    target: Any,
    steps: int = 100,
    step: float = 0.5,
    until: float = 0.99,
    whole: bool = False,
    size: int | tuple[int, int] | None = None,
    seed: int = 0,
    batch_size: int = 32,
    progress: bool = True,
) -> Fooled:
    """Change pictures, however much it takes, until a network is sure that they show a class.

    Gradient ascent from any picture, or from none: each step goes along the gradient of the cross-entropy of the class,
    as in ``pgd``, and only values from 0 to 255 bound it. A picture that has come as far as asked for stays as it is.

    Papers: Szegedy et al., "Intriguing properties of neural networks", ICLR 2014, arXiv:1312.6199; from noise: Nguyen,
    Yosinski and Clune, "Deep Neural Networks are Easily Fooled", CVPR 2015, arXiv:1412.1897.

    Args:
        model: As for ``pgd``.
        image: (H, W, C) or (N, H, W, C), values 0-255; or ``"noise"``, ``"grey"`` or ``"black"``.
        target: The class, or a list, as for ``pgd``.
        steps: How many at most.
        step: How far a step goes: the root of the mean square of its change over all values, in grey levels.
        until: The probability at which a picture is left as it is; 1 for all steps.
        whole: Give whole grey levels, as for ``pgd``.
        size: Of a picture made of nothing: its side, or (height, width), in pixels; by default what the network takes.
        seed: Decides the noise.
        batch_size: Pictures computed at a time.
        progress: Show a progress bar.

    Returns:
        The changed pictures, the change, and the probabilities along the way. The path ends when no picture moves any
        more.

    Raises:
        TypeError, ValueError: As ``pgd``; or there is no such start.

    Example:
        >>> from coursekit import fool, squeezenet
        >>> found = fool(squeezenet(), "grey", "koala", until=0.9)
        >>> found.images.shape, bool(found.fooled)
        ((227, 227, 3), True)
    """
    height, width, channels = picture_shape(model, size)
    if isinstance(image, str):
        start = pixels(height, width, channels)
        image = first_parameters(start, image, as_count(seed, "seed", 0), (height, width))[0]
        image = np.rint(image) if whole else image
    if target is None:
        raise ValueError("fool leads to a class: give its index or its name.")
    step, until = as_number(step, "step"), as_number(until, "until", most=1)
    # A picture that is sure by rounding to 1 is still led on where all steps are asked for.
    way = _Way("l2", np.inf, step, as_count(steps, "steps"), whole, until if until < 1 else 2)
    sides = np.shape(image)[-3:]
    return _climb(model, image, target, True, replace(way, step=step * np.sqrt(np.prod(sides))), batch_size, progress)


@dataclass(frozen=True)
class _Way:
    """How to climb: in units of the norm, and from which probability on a picture stays; 2 for never."""

    norm: str
    budget: float
    step: float
    steps: int
    whole: bool
    until: float

    @property
    def stays_whole(self) -> bool:
        """Whether whole pictures stay whole by themselves."""
        return self.norm == "linf" and float(self.step).is_integer() and float(self.budget).is_integer()

    def limits(self, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return between what a change of these pictures may lie, for each value."""
        most = self.budget if self.norm == "linf" else np.inf
        return np.maximum(-first, np.float32(-most)), np.minimum(255 - first, np.float32(most))

    def uphill(self, slope: np.ndarray, sign: int) -> None:
        """Make the step along a gradient (N, H, W, C), or against it, of that gradient; nowhere where there is none."""
        if self.norm == "linf":
            np.sign(slope, out=slope)
            slope *= np.float32(sign * self.step)
        else:
            length = _lengths(slope)
            slope *= np.divide(sign * self.step, length, out=np.zeros_like(length), where=length > 0)

    def bound(self, change: np.ndarray, limits: tuple[np.ndarray, np.ndarray]) -> None:
        """Bring changes to the nearest ones within the budget, cut off where pictures would leave 0-255."""
        if self.norm == "l2" and self.budget < np.inf:
            change *= self.budget / np.maximum(_lengths(change), max(self.budget, 1e-30))
        np.clip(change, *limits, out=change)

    def rounded(self, change: np.ndarray) -> np.ndarray:
        """Return changes of whole grey levels within the budget, if they are asked for."""
        if not self.whole or self.stays_whole:
            return change
        if self.norm == "linf":
            most = np.float32(np.floor(self.budget))
            return np.clip(np.rint(change), -most, most)
        return np.stack([_rounded_within(one, self.budget) for one in change])


def _lengths(values: np.ndarray) -> np.ndarray:
    """Return the Euclidean length of each array of a batch, float64 (N, 1, 1, 1)."""
    return np.sqrt(np.sum(np.square(values, dtype=np.float64), axis=(1, 2, 3), keepdims=True))


def _rounded_within(change: np.ndarray, budget: float) -> np.ndarray:
    """Return a change rounded to whole numbers: as it is if it is short enough so, else a little shortened before.

    The more it is shortened the shorter is what comes out, so the least that it takes is found by halving.
    """

    def fits(share: float) -> bool:
        return np.square(np.rint(share * change), dtype=np.float64).sum() <= budget**2

    enough, too_much = (1.0, 1.0) if fits(1.0) else (0.0, 1.0)
    for _ in range(20 if enough < 1 else 0):
        middle = (enough + too_much) / 2
        enough, too_much = (middle, too_much) if fits(middle) else (enough, middle)
    return np.rint(np.float32(enough) * change)


def _climb(
    model: Any, images: Any, target: Any, targeted: bool, way: _Way, batch_size: int, progress: bool
) -> Fooled:  # fmt: skip
    """Climb towards classes, or away from them, batch by batch."""
    picture_shape(model)  # checks
    batch_size = as_count(batch_size, "batch_size")
    if target is None and targeted:
        raise ValueError("To which class? Give target; or targeted=False, for away from what the network says.")
    pictures, classes, alone = _as_classes(model, images, target, batch_size, way.whole)
    count, sign = len(pictures), 1 if targeted else -1
    slopes, forward = _slopes(model), probabilities_of(model)
    found = pictures.copy()
    path = np.empty((count, way.steps + 1, model.outputs[0].shape[-1]), np.float32)
    taken = 0
    with progress_bar(show=progress, total=count * way.steps, unit="step") as bar:
        for begin in range(0, count, batch_size):
            part = slice(begin, begin + batch_size)
            stages = _stages(pictures[part], classes[part], sign, way, slopes, forward)
            for k, (found[part], path[part, k]) in enumerate(stages):
                bar.update(len(classes[part]) if k else 0)
            path[part, k + 1 :] = path[part, k : k + 1]
            taken = max(taken, k)
    path = path[:, : taken + 1]
    fooled = (path[:, -1].argmax(axis=-1) == classes) == targeted
    change = found - pictures
    everything = (found.astype(np.uint8) if way.whole else found, change, path, classes, fooled)
    return Fooled(*(one[0] if alone else one for one in everything))


def _stages(
    first: np.ndarray, classes: np.ndarray, sign: int, way: _Way, slopes: Callable, forward: Callable
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Climb with a batch: yield its pictures and their probabilities, at the beginning and after each step."""
    found, change, limits = first, np.zeros_like(first), way.limits(first)
    for _ in range(way.steps):
        step, probabilities = slopes(found, classes)
        if not np.isfinite(probabilities).all():
            raise ValueError("The network gives NaN or infinity for a picture, so there is no way for it to go.")
        yield found, probabilities
        moving = probabilities[np.arange(len(classes)), classes] < way.until
        if not moving.any():
            return
        way.uphill(step, sign)
        if not moving.all():
            step[~moving] = 0
        change += step
        way.bound(change, limits)
        found = first + way.rounded(change)
        np.clip(found, 0, 255, out=found)
    yield found, forward(found)


def pgd_stages(
    model: Any, image: np.ndarray, target: int, budget: float, step: float, steps: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield how far ``pgd`` has come with one picture, at the beginning and after each step, in whole grey levels.

    Args:
        model: As for ``pgd``.
        image: (H, W, C), whole grey levels.
        target: The class to lead to.
        budget: As for ``pgd``, with the largest change of a value.
        step: As for ``pgd``.
        steps: As for ``pgd``.

    Yields:
        The picture (H, W, C), uint8, and its probabilities, float32 (classes,).
    """
    picture_shape(model)  # checks
    pictures, classes, _ = _as_classes(model, image, target, 1, whole=True)
    way = _Way("linf", budget, step, steps, True, 2)
    for found, probabilities in _stages(pictures, classes, 1, way, _slopes(model), probabilities_of(model)):
        yield found[0].astype(np.uint8), probabilities[0]


def _as_classes(
    model: Any, images: Any, target: Any, batch_size: int, whole: bool
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return pictures as floats, the class of each, int32 (N,), and whether a single picture is to go out alone."""
    several = isinstance(target, (list, tuple))
    if any(isinstance(one, Objective) for one in (target if several else [target])):
        raise TypeError("target must be a class, by its index or name: a picture is taken for a class, not for a unit.")
    objectives, (pictures,), alone = as_targets(model, images, target, batch_size)
    if model.outputs[0].shape[-1] < 2:
        raise ValueError("This network has one class, so there is no other that a picture could be taken for.")
    pictures = pictures.astype(np.float32)
    if pictures.min() < 0 or pictures.max() > 255:
        raise ValueError(f"images must have values from 0 to 255, not from {pictures.min():g} to {pictures.max():g}.")
    if whole and (pictures != np.rint(pictures)).any():
        raise ValueError("images must hold whole grey levels to be changed by whole ones: round them first.")
    if len(objectives) not in (1, len(pictures)):
        raise ValueError(
            f"There are {len(objectives)} targets but {len(pictures)} pictures: give one for all, or one for each."
        )
    classes = np.array([objective.readings[0].direction.argmax() for objective in objectives], np.int32)
    return pictures, np.broadcast_to(classes, len(pictures)), alone


def _slopes(model: Any) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return what gives, of pictures and one class for each, the way uphill and the probabilities of all classes.

    Uphill is log p of the class, but for a positive factor: its gradient is (1 - p) times the gradient of the score
    less the mean of the others', weighed by their shares of what is left, 1 - p. Without that factor a class whose
    probability is rounded to 1 has a gradient, too.
    """
    scores, logits, output = score_layer(model), before_squashing(model), output_names(model)[0]
    wanted = [(scores[0].name, scores[1]), (logits[0].name, logits[1]), (output, False)]
    is_probability, count = gives_probabilities(model), model.outputs[0].shape[-1]

    def computed(pictures: Any, classes: Any) -> tuple:
        own = tf.one_hot(classes, count, on_value=True, off_value=False, dtype=tf.bool)

        def towards(maps: list) -> Any:
            read, before, _ = (tf.cast(one, tf.float32) for one in maps)
            read = tf.reduce_mean(read, (1, 2)) if read.shape.rank == 4 else read
            others = tf.nn.softmax(tf.where(own, -np.inf, tf.reshape(before, tf.shape(own))))
            return tf.reduce_sum(read * tf.where(own, 1.0, -tf.stop_gradient(others)), -1)

        _, maps, (slope,) = gradient(model, [pictures], wanted, towards)
        outputs = tf.cast(maps[-1], tf.float32)
        is_ready = is_probability and tf.reduce_all(outputs >= 0)  # not the logarithms of a log-softmax
        return tf.cast(slope, tf.float32), tf.where(is_ready, outputs, tf.nn.softmax(outputs))

    def make() -> Callable:
        return traced(
            computed,
            tf.TensorSpec((None, *model.inputs[0].shape[1:])),
            tf.TensorSpec((None,), tf.int32),
        )

    run = kept(model, ("towards a class",), make)

    def slopes(pictures: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with sizes_explained([output], [pictures]):
            slope, probabilities = run(tf.constant(pictures), tf.constant(classes))
        return slope.numpy(), probabilities.numpy()

    return slopes


def probabilities_of(model: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Return what gives the probabilities of all classes of pictures, float32 (N, classes)."""
    forward, is_probability = compiled(model, output_names(model)), gives_probabilities(model)

    def probabilities(pictures: np.ndarray) -> np.ndarray:
        outputs = np.asarray(forward(tf.cast(tf.constant(pictures), model.inputs[0].dtype))[0], np.float32)
        return outputs if is_probability and (outputs >= 0).all() else softmax(outputs, axis=-1)

    return probabilities
