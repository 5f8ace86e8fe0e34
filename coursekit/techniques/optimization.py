"""Gradient ascent on pictures, for whatever is to be made large: the aim, the settings, and the loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from numbers import Real
from typing import Any

import numpy as np

from coursekit.networks.backend import tf
from coursekit.networks.gradients import gradient, permeable, refuse_whole_numbers
from coursekit.networks.graph import StatefulError, kept, steps, traced
from coursekit.networks.reading import read
from coursekit.techniques.parametrizations import PARAMETRIZATIONS, Parametrization, one_sweep
from coursekit.techniques.regularizers import PENALTIES, random_view, view
from coursekit.validation import as_count, as_number, nearest
from coursekit.waiting import progress_bar

# Turned and scaled views cost half a gradient step more; at every fourth step they do as well as at each.
_TURN_EVERY = 4
_PLAIN = {"grey": 127.5, "black": 0.0}
STARTS = ("noise", *_PLAIN)


@dataclass(frozen=True, eq=False)
class Aim:
    """What an ascent makes large: a score of each picture. Aims of one network add up, and can be multiplied.

    Attributes:
        model: A network with one picture as its input.
        layers: What the score is computed from: (name of a step, whether before its nonlinearity).
        score: ``score(maps, pictures, constants)`` -> (N,): from these layers' tensors, the pictures (N, H, W, C) as
            the network sees them, and the constants as tensors. A picture's score depends on that picture only.
        constants: Arrays that the score takes. They are arguments of the compiled function, so another value costs no
            compilation; all sides but the last may change too.
        key: What the score computes: aims with equal keys, layers and kinds of constants share what is compiled.
    """

    model: Any
    layers: tuple[tuple[str, bool], ...]
    score: Callable[[list, Any, Sequence], Any]
    constants: tuple[np.ndarray, ...]
    key: tuple

    def __add__(self, other: Aim) -> Aim:
        if not isinstance(other, Aim):
            return NotImplemented
        if other.model is not self.model:
            raise ValueError("These aims read different models: squeezenet() gives a new one at each call. Keep one.")
        layers, own = tuple(dict.fromkeys(self.layers + other.layers)), len(self.constants)

        def score(maps: list, pictures: Any, constants: Sequence) -> Any:
            by_layer = dict(zip(layers, maps, strict=True))
            parts = ((self, constants[:own]), (other, constants[own:]))
            return tf.add_n([aim.score([by_layer[key] for key in aim.layers], pictures, of) for aim, of in parts])

        key = ("sum", (self.layers, self.key, own), (other.layers, other.key))
        return Aim(self.model, layers, score, self.constants + other.constants, key)

    def __mul__(self, factor: float) -> Aim:
        if not isinstance(factor, Real):
            return NotImplemented

        def score(maps: list, pictures: Any, constants: Sequence) -> Any:
            return constants[0] * self.score(maps, pictures, constants[1:])

        return replace(
            self, score=score, constants=(np.float32(factor), *self.constants), key=("multiple", self.key)
        )  # fmt: skip

    __rmul__ = __mul__

    def __neg__(self) -> Aim:
        return self * -1

    @property
    def specs(self) -> list:
        """The constants as arguments of a compiled function."""
        return [tf.TensorSpec(_any_but_last(constant), constant.dtype) for constant in self.constants]

    @property
    def identity(self) -> tuple:
        """What the compiled functions depend on."""
        return self.key, self.layers, tuple((_any_but_last(constant), constant.dtype) for constant in self.constants)


def _any_but_last(constant: np.ndarray) -> tuple:
    """Return the sides of a constant that are fixed: of two or more the last, such as the number of channels."""
    rank = np.ndim(constant)
    return (None,) * min(rank, 1) if rank < 2 else (None,) * (rank - 1) + (constant.shape[-1],)


@dataclass(frozen=True)
class Ascent:
    """How to go about an ascent: settings, checked when they are made. ``maximize`` explains them.

    Raises:
        TypeError, ValueError: A setting is of the wrong type or out of its range.
    """

    parametrization: str = "fourier"
    l2: float = 0
    total_variation: float = 0
    blur: float = 0
    shift: int = 12
    scale: float = 0.1
    rotate: float = 8
    learning_rate: float | None = None

    def __post_init__(self):
        if not (isinstance(self.parametrization, str) and self.parametrization in PARAMETRIZATIONS):
            raise ValueError(
                f"There is no parametrization {self.parametrization!r}. "
                f"{nearest(self.parametrization, PARAMETRIZATIONS)}"
            )
        as_count(self.shift, "shift", 0)
        for name, most in {**dict.fromkeys(PENALTIES, np.inf), "scale": 1, "rotate": 180}.items():
            as_number(getattr(self, name), name, most=most)
        if self.learning_rate is not None:
            as_number(self.learning_rate, "learning_rate")

    @property
    def penalties(self) -> dict[str, float]:
        """The weights of the penalties that count, by name."""
        weights = {name: float(getattr(self, name)) for name in PENALTIES}
        return {name: weight for name, weight in weights.items() if weight}


@dataclass(frozen=True)
class Stage:
    """How far an ascent has come.

    Attributes:
        step: Steps done; 0 is the start.
        score: float32 (N,), the aim before this step, of the shaken pictures; NaN at the start.
        penalty: float32 (N,), the weighted penalties before this step.
        finite: bool (N,), whether this step had a finite score and gradient; a picture without stays where it was.
        images: Gives the pictures as they are now, float32 (N, H, W, C).
        scores: Gives the aim of these, float32 (N,).
    """

    step: int
    score: np.ndarray
    penalty: np.ndarray
    finite: np.ndarray
    images: Callable[[], np.ndarray]
    scores: Callable[[], np.ndarray]


def ascend(
    aim: Aim,
    ascent: Ascent,
    steps: int,
    *,
    size: int | tuple[int, int] | None = None,
    start: Sequence[str | np.ndarray] = ("noise",),
    seed: Sequence[int] = (0,),
    view_seed: int = 0,
) -> Iterator[Stage]:
    """Take gradient ascent step by step, and yield how far it has come: the start, then after each step.

    Whoever stops asking for the next stage has stopped it. Every check is made before the first stage.

    Args:
        aim: What to make large, of N pictures at once.
        ascent: The settings.
        steps: How many.
        size: Side of the pictures in pixels, or (height, width); by default what the network takes.
        start: ``"noise"``, ``"grey"``, ``"black"``, or a picture (H, W, C), values 0-255, for each of the N.
        seed: For the noise of each of the N.
        view_seed: For the views, which all N share.

    Raises:
        TypeError, ValueError: The network does not take pictures of this size, or a start does not fit.
    """
    height, width, channels = picture_shape(aim.model, size)
    shift, penalties = ascent.shift, ascent.penalties
    variable = PARAMETRIZATIONS[ascent.parametrization](height + 2 * shift, width + 2 * shift, channels)
    rate = variable.learning_rate if ascent.learning_rate is None else ascent.learning_rate
    first = [first_parameters(variable, *pair, (height, width)) for pair in zip(start, seed, strict=True)]
    parameters = tf.constant(np.concatenate(first))
    constants = [tf.constant(constant) for constant in aim.constants]
    rate, strengths = tf.constant(rate, tf.float32), tf.constant(list(penalties.values()), tf.float32)
    step_of = partial(_compiled_step, aim, variable, (height, width), tuple(penalties))
    scores, advance = compiled_scores(aim, (height, width, channels)), step_of(dead=False)

    def stage(step: int, score: Any, penalty: Any, finite: np.ndarray, parameters: Any) -> Stage:
        def images() -> np.ndarray:
            return variable.pictures(parameters)[:, shift : shift + height, shift : shift + width].numpy()

        def of_images() -> np.ndarray:
            return scores(images(), *constants)[0].numpy()

        return Stage(step, np.asarray(score), np.asarray(penalty), finite, images, of_images)

    unknown = np.full(len(first), np.nan, np.float32)
    yield stage(0, unknown, unknown, np.ones(len(first), bool), parameters)
    state = (parameters, tf.zeros_like(parameters), tf.zeros_like(parameters))
    random = np.random.default_rng([view_seed, 1])
    for step in range(1, steps + 1):
        turned = (ascent.scale, ascent.rotate) if step % _TURN_EVERY == 0 else (0, 0)
        how = tf.constant(random_view(random, variable.shape[:2], (height, width), *turned))
        fixed = (tf.constant(step, tf.float32), rate, how, strengths, *constants)
        *after, score, penalty, alive, finite = advance(*state, *fixed)
        if not alive.numpy().all():
            # A unit that is silent everywhere has no gradient: let it through the ReLUs that block it.
            *rescued, _, _, _, _ = step_of(dead=True)(*state, *fixed)
            after = [_choose(alive, *pair) for pair in zip(after, rescued, strict=True)]
        state = after
        yield stage(step, score, penalty, finite.numpy(), state[0])


@dataclass(frozen=True)
class Run:
    """What ascents one after the other came to.

    Attributes:
        images: float32 (N, H, W, C), values 0-255: of an interrupted run those that were begun.
        scores: float32 (N,), the aim of these as they are, neither shifted nor turned.
        trace: float32 (N, steps), the aim at each step, of the shaken pictures; NaN where it did not get.
        penalty: float32 (N, steps), the weighted penalties at each step.
        finite: bool (N, steps), whether that step had a finite score and gradient.
        snapshots: {step: images} for the steps asked for, as far as all pictures got there.
    """

    images: np.ndarray
    scores: np.ndarray
    trace: np.ndarray
    penalty: np.ndarray
    finite: np.ndarray
    snapshots: dict[int, np.ndarray]


def run(
    parts: Sequence[tuple[Aim, dict]],
    ascent: Ascent,
    steps: int,
    *,
    snapshots: Sequence[int] = (),
    progress: bool = True,
) -> Run:
    """Take ascents to their end, with a progress bar. Interrupted (Ctrl-C), give what there is by then.

    Args:
        parts: Aims and, for each, the arguments of ``ascend`` that it has for itself.
        ascent: The settings.
        steps: How many.
        snapshots: Steps, from 0 for the start, at which to keep the pictures too.
        progress: Show the progress bar.

    Raises:
        TypeError, ValueError: As ``ascend``; or a snapshot is no step.
    """
    drawn, scores, kept_for = [], [], {step: [] for step in _asked_for(snapshots, steps)}
    traces, penalties, finite = [], [], []  # (N, steps) of each part
    stage = None
    bar = progress_bar(show=progress, total=steps * len(parts), unit="step")
    try:
        for aim, how in parts:
            for stage in ascend(aim, ascent, steps, **how):
                if not stage.step:
                    unknown = np.full((len(stage.score), steps), np.nan, np.float32)
                    traces.append(unknown.copy())
                    penalties.append(unknown)
                    finite.append(np.ones(unknown.shape, bool))
                else:
                    at = stage.step - 1
                    traces[-1][:, at], penalties[-1][:, at] = stage.score, stage.penalty
                    finite[-1][:, at] = stage.finite
                    bar.update()
                if stage.step in kept_for:
                    kept_for[stage.step].append(stage.images())
            drawn.append(stage.images())
            scores.append(stage.scores())
            stage = None
    except KeyboardInterrupt:
        if stage is not None:
            drawn[len(scores) :] = [stage.images()]
            scores.append(stage.scores())
        if not drawn:
            raise  # nothing to show for it yet
        bar.write("Interrupted: here is how far it has come.")
    finally:
        bar.close()
    images = np.concatenate(drawn)
    tables = [np.concatenate(several)[: len(images)] for several in (traces, penalties, finite)]
    whole = {step: np.concatenate(parts) for step, parts in kept_for.items() if sum(map(len, parts)) == len(images)}
    return Run(images, np.concatenate(scores), *tables, whole)


def _asked_for(snapshots: Any, steps: int) -> list[int]:
    if not isinstance(snapshots, Iterable):
        raise ValueError(f"snapshots must be a list of steps, such as [0, {steps}], not {snapshots!r}.")
    asked = sorted({as_count(step, "snapshots", 0) for step in snapshots})
    if asked and asked[-1] > steps:
        raise ValueError(f"There is no step {asked[-1]} to keep: there are {steps}.")
    return asked


def _choose(which: Any, yes: Any, no: Any) -> Any:
    return tf.where(tf.reshape(which, [-1] + [1] * (yes.shape.rank - 1)), yes, no)


def _compiled_step(
    aim: Aim, variable: Parametrization, size: tuple[int, int], active: tuple[str, ...], dead: bool
) -> Callable[..., tuple]:
    """Return one step of ascent as a compiled function: whatever can change from run to run is an argument of it.

    Args:
        aim: What is made large.
        variable: How the pictures are parametrized.
        size: Height and width of what the network sees.
        active: Names of the penalties that count.
        dead: Whether it is for pictures that have no gradient, through ReLUs that let one pass.

    Returns:
        A function of the parameters, Adam's two means, the step's number, the learning rate, the view, the weights of
        the penalties, and the aim's constants. It gives the next parameters and means, and of each picture the score,
        the penalty, whether the score has a gradient, and whether both are finite.
    """
    adam = one_sweep(_adam, *size)

    def step(parameters, mean, square, number, rate, how, strengths, *constants):
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            pictures = variable.pictures(parameters)
            seen = view(pictures, how, size)
            penalty = tf.zeros(tf.shape(parameters)[0])
            for index, name in enumerate(active):
                penalty += strengths[index] * PENALTIES[name](pictures)
        score, _, (towards,) = gradient(
            aim.model,
            [seen],
            aim.layers,
            lambda maps: aim.score(maps, seen, constants),
            relu=permeable if dead else None,
        )
        slope = tf.reduce_sum(tf.abs(towards), (1, 2, 3))  # NaN or infinite if one of its numbers is
        finite = tf.math.is_finite(score) & tf.math.is_finite(slope)
        alive = (slope > 0) | ~finite
        uphill = tape.gradient([seen, penalty], parameters, [towards, -tf.ones_like(penalty)])
        parameters, mean, square = adam(parameters, mean, square, uphill, number, rate, finite)
        return variable.legal(parameters), mean, square, score, penalty, alive, finite

    def make() -> Callable[..., tuple]:
        many = tf.TensorSpec((None, *variable.noise(np.random.default_rng(0)).shape[1:]))
        number = tf.TensorSpec(())
        fixed = (number, number, tf.TensorSpec((8,)), tf.TensorSpec((len(active),)))
        return traced(step, many, many, many, *fixed, *aim.specs)

    return kept(aim.model, ("ascend", aim.identity, variable.name, variable.shape, size, active, dead), make)


def _adam(parameters: Any, mean: Any, square: Any, gradient: Any, number: Any, rate: Any, finite: Any) -> tuple:
    """Return the parameters one step up, and the new means of the gradient and its square (arXiv:1412.6980).

    Pictures (N,) that are not ``finite`` keep what they have.
    """
    new_mean = 0.9 * mean + 0.1 * gradient
    new_square = 0.999 * square + 0.001 * gradient**2
    length = rate * tf.sqrt(1 - 0.999**number) / (1 - 0.9**number)
    # 1e-8 as in the paper would hold back objectives of small numbers, such as those of untrained networks.
    moved = parameters + length * new_mean / (tf.sqrt(new_square) + 1e-14)
    return tuple(_choose(finite, *pair) for pair in ((moved, parameters), (new_mean, mean), (new_square, square)))


def compiled_scores(aim: Aim, shape: tuple[int, int, int]) -> Callable[..., tuple]:
    """Return a compiled function of pictures (N, *shape) and an aim's constants: its scores (N,) and its layers.

    Raises:
        ValueError: The network does not take pictures of this shape.
    """

    def scores(pictures: Any, *constants: Any) -> tuple:
        maps = read(aim.model, [tf.cast(pictures, aim.model.inputs[0].dtype)], aim.layers)
        return aim.score(maps, pictures, constants), tuple(maps)

    def make() -> Callable[..., tuple]:
        try:
            return traced(scores, tf.TensorSpec((None, *shape)), *aim.specs)
        except StatefulError:
            raise
        except (ValueError, tf.errors.InvalidArgumentError) as error:
            raise ValueError(
                f"Pictures of {shape[0]} x {shape[1]} do not lead to {' and '.join(name for name, _ in aim.layers)}. "
                "They are too small, or a layer on the way, such as Dense, takes one size only."
            ) from error

    return kept(aim.model, ("scores", aim.identity, shape), make)


def picture_shape(model: Any, size: Any = None) -> tuple[int, int, int]:
    """Return (height, width, channels) of the pictures to draw for a network.

    Args:
        model: A Keras model.
        size: Side in pixels, or (height, width); by default what the network takes, or 224.

    Raises:
        TypeError, ValueError: The network takes something else than one picture, or whole numbers; or size is no size.
    """
    steps(model)  # checks
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        shapes = [tuple(tensor.shape) for tensor in model.inputs]
        raise ValueError(f"Pictures can be drawn for networks with one input (N, H, W, C); this one takes {shapes}.")
    refuse_whole_numbers(model)
    height, width, channels = model.inputs[0].shape[1:]
    if size is not None:
        pair = (size, size) if np.ndim(size) == 0 else tuple(size)
        if len(pair) != 2:
            raise ValueError(f"size must be one number of pixels or (height, width), not {size!r}.")
        height, width = (as_count(side, "size") for side in pair)
    return height or 224, width or 224, channels or 3


def first_parameters(variable: Parametrization, start: Any, seed: int, size: tuple[int, int]) -> np.ndarray:
    """Return the parameters (1, ...) of a start of ``ascend``.

    Raises:
        ValueError: There is no such start, or the picture is not of this size.
    """
    if isinstance(start, str) and start == "noise":
        return variable.noise(np.random.default_rng(seed))
    if isinstance(start, str):
        if start not in _PLAIN:
            raise ValueError(f"There is no start {start!r}. {nearest(start, STARTS)} Or give a picture.")
        return variable.parameters(np.full((1, *variable.shape), _PLAIN[start], np.float32))
    if start.shape != (*size, variable.shape[2]):
        want, have = (" x ".join(map(str, shape)) for shape in ((*size, variable.shape[2]), start.shape))
        raise ValueError(f"The start is {have}, but this network takes {want}. resize(image, size) mends it.")
    margin = [((have - side) // 2,) * 2 for have, side in zip(variable.shape, size, strict=False)]
    return variable.parameters(np.pad(start, [*margin, (0, 0)], mode="symmetric")[np.newaxis].astype(np.float32))
