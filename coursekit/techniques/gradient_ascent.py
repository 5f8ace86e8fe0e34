"""Pictures that a network draws: gradient ascent on the picture itself.

Four parts that know nothing of each other: what to make large (``objectives``), what of the picture is varied
(``parametrizations``), what keeps it from being noise (``regularizers``), and here the loop.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from numbers import Real
from typing import Any

import numpy as np

from coursekit.networks.backend import tf
from coursekit.networks.graph import find_layer, kept
from coursekit.networks.reading import read
from coursekit.techniques.objectives import Objective, as_objectives, layers_read, tables, total
from coursekit.techniques.parametrizations import PARAMETRIZATIONS, Parametrization
from coursekit.techniques.regularizers import PENALTIES, random_view, view
from coursekit.validation import as_pictures, nearest
from coursekit.waiting import progress_bar

# Turned and scaled views cost half a gradient step more; at every fourth step they do as well as at each.
_TURN_EVERY = 4


@dataclass(frozen=True)
class Optimized:
    """What ``maximize`` found.

    Attributes:
        images: float32 (N, H, W, C), values 0-255, one for each objective.
        scores: float32 (N,), each objective of its picture, seen as it is: neither shifted nor turned.
        trace: float32 (N, steps), the objective at each step, as the shaken picture gave it.
        penalty: float32 (N, steps), the weighted penalties at each step.
        snapshots: {step: images} for the steps asked for.
        objectives: What was made large.

    Where an objective or its gradient is NaN or infinite the picture stays as it was, and a warning says from which
    step.

    After an interruption what was not computed is NaN in ``trace`` and ``penalty``, and objectives that were not begun
    are absent.
    """

    images: np.ndarray
    scores: np.ndarray
    trace: np.ndarray
    penalty: np.ndarray
    snapshots: dict[int, np.ndarray]
    objectives: list[Objective] = field(repr=False)


@dataclass(frozen=True)
class Stage:
    """How far gradient ascent has come.

    Attributes:
        step: Steps done; 0 is the start.
        score: float32 (N,), the objectives before this step, of the shaken pictures; NaN at the start.
        penalty: float32 (N,), the weighted penalties before this step.
        finite: bool (N,), whether this step had a finite objective and gradient; a picture without stays where it was.
        images: Gives the pictures as they are now, float32 (N, H, W, C).
        scores: Gives the objectives of these, float32 (N,).
    """

    step: int
    score: np.ndarray
    penalty: np.ndarray
    finite: np.ndarray
    images: Callable[[], np.ndarray]
    scores: Callable[[], np.ndarray]


def maximize(
    objective: Objective | Sequence[Objective],
    steps: int = 256,
    *,
    size: int | tuple[int, int] | None = None,
    image: str = "fourier",
    start: str | np.ndarray = "noise",
    l2: float = 0,
    total_variation: float = 0,
    blur: float = 0,
    shift: int = 12,
    scale: float = 0.1,
    rotate: float = 8,
    learning_rate: float | None = None,
    seed: int | Sequence[int] = 0,
    snapshots: Sequence[int] = (),
    batch_size: int = 16,
    progress: bool = True,
) -> Optimized:
    """Find pictures that make objectives large, by gradient ascent.

    Erhan et al., "Visualizing higher-layer features of a deep network", 2009; Simonyan, Vedaldi and Zisserman, "Deep
    inside convolutional networks", 2013, arXiv:1312.6034; Olah, Mordvintsev and Schubert, "Feature visualization",
    Distill 2017, doi 10.23915/distill.00007. Steps are Adam's. The defaults are Olah's way. Simonyan's is
    ``image="pixels", shift=0, scale=0, rotate=0, l2=...``.

    The network is only read. All objectives share one compiled function, which is kept for the next call; a picture
    does not depend on what else is in its batch.

    Args:
        objective: ``channel(model, layer, index)``, ``neuron``, ``class_score`` or ``direction``, a sum of such, or a
            list: one picture is drawn for each.
        steps: How many.
        size: Side of the picture, or (height, width), in pixels; by default what the network takes. Smaller ones are
            quicker; layers before any Flatten or Dense take every size.
        image: What is varied, ``"fourier"`` or ``"pixels"``: see ``parametrizations``.
        start: ``"noise"``, ``"grey"``, ``"black"``, or pictures (H, W, C) or (N, H, W, C), values 0-255.
        l2: Weight of the squared distance from grey, subtracted from the objective: see ``regularizers``.
        total_variation: Weight of the differences between neighbours.
        blur: Weight of what a blur would take away.
        shift: Pixels by which each view may be shifted either way, the picture growing beyond its borders by as many.
        scale: Largest share by which every fourth view is shrunk or enlarged, from 0 to 1.
        rotate: Largest angle in degrees by which every fourth view is turned, up to 180.
        learning_rate: Length of a step; by default 0.05 for waves, and 2 of 255 for pixels.
        seed: Fixes the starting noise and the views. Several seeds, one for each objective, give several starts, all
            seen as the first seed says.
        snapshots: Steps, from 0 for the start, at which to keep the pictures too.
        batch_size: Pictures computed at a time.
        progress: Show a progress bar.

    Returns:
        The pictures and how they came about. Interrupted (Ctrl-C), as far as it has come.

    Raises:
        TypeError, ValueError: An argument is out of its range, the objectives read different models, or the network
            does not take pictures of this size.
    """
    objectives = as_objectives(objective)
    count, steps = len(objectives), _whole_number("steps", steps, 1)
    batch_size = _whole_number("batch_size", batch_size, 1)
    seeds, starts = _seeds(seed, count), _starts(start, count)
    views = {"shift": shift, "scale": scale, "rotate": rotate, "view_seed": seeds[0]}
    penalties = {"l2": l2, "total_variation": total_variation, "blur": blur}
    how = {"size": size, "image": image, "learning_rate": learning_rate, **views, **penalties}

    parts = [slice(first, first + batch_size) for first in range(0, count, batch_size)]
    bar = progress_bar(show=progress, total=steps * len(parts), unit="step")
    drawn, scores, kept_for = [], [], {step: [] for step in _snapshots(snapshots, steps)}
    trace, penalty = np.full((2, count, steps), np.nan, np.float32)
    unfit = np.zeros((count, steps), bool)
    stage = None
    try:
        for part in parts:
            for stage in ascend(objectives[part], steps, start=starts[part], seed=seeds[part], **how):
                if stage.step:
                    trace[part, stage.step - 1], penalty[part, stage.step - 1] = stage.score, stage.penalty
                    unfit[part, stage.step - 1] = ~stage.finite
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

    if unfit.any():
        _say_where(unfit, objectives)
    images = np.concatenate(drawn)
    objectives = objectives[: len(images)]
    whole = {step: np.concatenate(parts) for step, parts in kept_for.items() if sum(map(len, parts)) == len(images)}
    return Optimized(images, np.concatenate(scores), trace[: len(images)], penalty[: len(images)], whole, objectives)


def _say_where(unfit: np.ndarray, objectives: Sequence[Objective]) -> None:
    """Warn of the objectives that met NaN or infinity, given (N, steps) where they did.

    Raises:
        ValueError: All of them did at each step, so that nothing was drawn.
    """
    which = np.flatnonzero(unfit.any(axis=1))
    named = ", ".join(f"{objectives[i].name} (from step {unfit[i].argmax() + 1})" for i in which[:3])
    more = f" and {len(which) - 3} more" if len(which) > 3 else ""
    why = "A division by zero, a logarithm of zero, or an overflow (half precision ends at 65,504) makes such numbers."
    if unfit.all():
        raise ValueError(f"Nothing can be drawn: {named}{more} or its gradient is no finite number at any step. {why}")
    warnings.warn(
        f"{named}{more}: the objective or its gradient was no finite number, and the picture stayed as it was. {why}",
        stacklevel=3,
    )


def ascend(
    objectives: Sequence[Objective],
    steps: int,
    *,
    size: int | tuple[int, int] | None,
    image: str,
    start: Sequence[str | np.ndarray],
    shift: int,
    scale: float,
    rotate: float,
    learning_rate: float | None,
    seed: Sequence[int],
    view_seed: int,
    **penalties: float,
) -> Iterator[Stage]:
    """Take gradient ascent step by step, and yield how far it has come: the start, then after each step.

    The arguments are those of ``maximize``, with a start and a seed for each objective. Whoever stops asking for the
    next stage has stopped it. Every check is made before the first stage.
    """
    model = objectives[0].model
    height, width, channels = _picture_shape(model, size)
    shift, scale, rotate = _shaking(shift, scale, rotate)
    weights = {name: _weight(name, value) for name, value in penalties.items()}
    if image not in PARAMETRIZATIONS:
        raise ValueError(f"There is no parametrization {image!r}. {nearest(image, PARAMETRIZATIONS)}")
    variable = PARAMETRIZATIONS[image](height + 2 * shift, width + 2 * shift, channels)
    rate = _weight("learning_rate", variable.learning_rate if learning_rate is None else learning_rate)
    first = [_first_parameters(variable, *pair, (height, width)) for pair in zip(start, seed, strict=True)]
    parameters = tf.constant(np.concatenate(first))
    wanted = layers_read(objectives)
    readings = [tf.constant(table) for pair in zip(*tables(objectives), strict=True) for table in pair]
    active = tuple(name for name, weight in weights.items() if weight)
    strengths = tf.constant([weights[name] for name in active], tf.float32)
    step_of = partial(_compiled_step, model, wanted, variable, (height, width), active)
    scores = _compiled_scores(model, wanted, (height, width, channels))
    _check_positions(objectives, dict(zip(wanted, scores.structured_outputs[1], strict=True)), (height, width))
    advance = step_of(dead=False)

    def stage(step: int, score: Any, penalty: Any, finite: np.ndarray, parameters: Any) -> Stage:
        def images() -> np.ndarray:
            return variable.pictures(parameters)[:, shift : shift + height, shift : shift + width].numpy()

        def of_images() -> np.ndarray:
            return scores(images(), *readings)[0].numpy()

        return Stage(step, np.asarray(score), np.asarray(penalty), finite, images, of_images)

    unknown = np.full(len(objectives), np.nan, np.float32)
    yield stage(0, unknown, unknown, np.ones(len(objectives), bool), parameters)
    state = (parameters, tf.zeros_like(parameters), tf.zeros_like(parameters))
    random = np.random.default_rng([view_seed, 1])
    for step in range(1, steps + 1):
        turned = (scale, rotate) if step % _TURN_EVERY == 0 else (0, 0)
        how = tf.constant(random_view(random, variable.shape[:2], (height, width), *turned))
        fixed = (tf.constant(step, tf.float32), tf.constant(rate, tf.float32), how, strengths, *readings)
        *after, score, penalty, alive, finite = advance(*state, *fixed)
        if not alive.numpy().all():
            # A unit that is silent everywhere has no gradient: let it through the ReLUs that block it.
            *rescued, _, _, _, _ = step_of(dead=True)(*state, *fixed)
            after = [_choose(alive, *pair) for pair in zip(after, rescued, strict=True)]
        state = after
        yield stage(step, score, penalty, finite.numpy(), state[0])


def _choose(which: Any, yes: Any, no: Any) -> Any:
    return tf.where(tf.reshape(which, [-1] + [1] * (yes.shape.rank - 1)), yes, no)


def _compiled_step(
    model: Any, wanted: tuple, variable: Parametrization, size: tuple, active: tuple, dead: bool
) -> Callable[..., tuple]:
    """Return one step of ascent as a compiled function: whatever can change from run to run is an argument of it.

    Args:
        model: The network.
        wanted: What is read of it.
        variable: How the pictures are parametrized.
        size: Height and width of what the network sees.
        active: Names of the penalties that count.
        dead: Whether it is for pictures that have no gradient, through ReLUs that let one pass.

    Returns:
        A function of the parameters, Adam's two means, the step's number, the learning rate, the view, the weights of
        the penalties, and the objectives' directions and positions. It gives the next parameters and means, and of
        each picture the objective, the penalty, whether the objective has a gradient, and whether both are finite.
    """

    def step(parameters, mean, square, number, rate, how, strengths, *readings):
        with tf.GradientTape() as outer:
            outer.watch(parameters)
            pictures = variable.pictures(parameters)
            seen = view(pictures, how, size)
            penalty = tf.zeros(tf.shape(parameters)[0])
            for index, name in enumerate(active):
                penalty += strengths[index] * PENALTIES[name](pictures)
        with tf.GradientTape() as inner:
            inner.watch(seen)
            score, _ = _score(model, wanted, seen, readings, _permeable if dead else None)
        towards = inner.gradient(score, seen)
        if towards is None:
            names = " and ".join(name for name, _ in wanted)
            raise ValueError(f"No gradient leads from {names} back to the picture: a step between them rounds.")
        finite = tf.math.is_finite(score) & tf.reduce_all(tf.math.is_finite(towards), (1, 2, 3))
        alive = tf.reduce_any(towards != 0, (1, 2, 3)) | ~finite
        gradient = outer.gradient([seen, penalty], parameters, [towards, -tf.ones_like(penalty)])
        parameters, mean, square = _adam(parameters, mean, square, gradient, number, rate, finite)
        return variable.legal(parameters), mean, square, score, penalty, alive, finite

    def make() -> Callable[..., tuple]:
        many = tf.TensorSpec((None, *variable.noise(np.random.default_rng(0)).shape[1:]))
        number = tf.TensorSpec(())
        fixed = (number, number, tf.TensorSpec((8,)), tf.TensorSpec((len(active),)))
        return tf.function(step).get_concrete_function(many, many, many, *fixed, *_reading_specs(model, wanted))

    return kept(model, ("ascend", wanted, variable.name, variable.shape, size, active, dead), make)


@tf.function(jit_compile=True)  # seven sweeps over the parameters become one
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


def _compiled_scores(model: Any, wanted: tuple, shape: tuple) -> Callable[..., tuple]:
    """Return a compiled function: pictures, directions and positions in, the objectives (N,) and what was read out."""

    def make() -> Callable[..., tuple]:
        def scores(pictures: Any, *readings: Any) -> tuple:
            return _score(model, wanted, pictures, readings, None)

        try:
            return tf.function(scores).get_concrete_function(
                tf.TensorSpec((None, *shape)), *_reading_specs(model, wanted)
            )
        except (ValueError, tf.errors.InvalidArgumentError) as error:
            raise ValueError(
                f"Pictures of {shape[0]} x {shape[1]} do not lead to {' and '.join(name for name, _ in wanted)}. "
                "They are too small, or a layer on the way, such as Dense, takes one size only."
            ) from error

    return kept(model, ("scores", wanted, shape), make)


def _score(model: Any, wanted: tuple, pictures: Any, readings: Sequence, relu: Callable | None) -> tuple:
    maps = read(model, [tf.cast(pictures, model.inputs[0].dtype)], wanted, relu)
    return total(maps, readings[: len(wanted)], readings[len(wanted) :]), tuple(maps)


def _check_positions(objectives: Sequence[Objective], maps: dict, size: tuple[int, int]) -> None:
    """Raise if a neuron that exists in pictures of the network's own size lies outside of the maps of this size."""
    for r in (r for objective in objectives for r in objective.readings):
        shape = tuple(maps[r.layer, r.before].shape[1:3])
        if None not in shape and any(at >= sides for at, sides in zip(r.position, shape, strict=False)):
            have, pictures = (" x ".join(map(str, sides)) for sides in (shape, size))
            raise ValueError(f"In pictures of {pictures}, {r.layer!r} has {have} positions: {r.position} is outside.")


def _reading_specs(model: Any, wanted: tuple) -> list:
    channels = [find_layer(model, name).shape[-1] for name, _ in wanted]
    return [tf.TensorSpec((None, None, count)) for count in channels] + [
        tf.TensorSpec((None, None, 2), tf.int32) for _ in channels
    ]


def _permeable(relu: Callable) -> Callable:
    """Return a ReLU that lets the gradient of a picture pass where it is cut off, if none of it would pass otherwise.

    A unit that is silent everywhere could not be woken without. After lucid's ``redirected_relu_grad``, which lets it
    pass in all ReLUs and pictures: farther from the unit that points nowhere in particular.
    """

    @tf.custom_gradient
    def function(values: Any) -> tuple[Any, Callable]:
        cut = relu(values)

        def backward(upstream: Any) -> Any:
            open_ = tf.where(values == cut, upstream, 0)
            silent = tf.reduce_all(open_ == 0, tf.range(1, tf.rank(values)), keepdims=True)
            back = tf.where(values < cut, tf.maximum(upstream, 0), tf.minimum(upstream, 0))
            return tf.where(silent & (values != cut), back, open_)

        return cut, backward

    return function


def _picture_shape(model: Any, size: Any) -> tuple[int, int, int]:
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        shapes = [tuple(tensor.shape) for tensor in model.inputs]
        raise ValueError(f"Pictures can be drawn for networks with one input (N, H, W, C); this one takes {shapes}.")
    height, width, channels = model.inputs[0].shape[1:]
    if size is not None:
        pair = (size, size) if np.ndim(size) == 0 else tuple(size)
        if len(pair) != 2:
            raise ValueError(f"size must be one number of pixels or (height, width), not {size!r}.")
        height, width = (_whole_number("size", side, 1) for side in pair)
    return height or 224, width or 224, channels or 3


def _first_parameters(variable: Parametrization, start: Any, seed: int, size: tuple[int, int]) -> np.ndarray:
    if isinstance(start, str) and start == "noise":
        return variable.noise(np.random.default_rng(seed))
    if isinstance(start, str):
        if start not in _PLAIN:
            raise ValueError(f"There is no start {start!r}. {nearest(start, ('noise', *_PLAIN))} Or give a picture.")
        return variable.parameters(np.full((1, *variable.shape), _PLAIN[start], np.float32))
    if start.shape != (*size, variable.shape[2]):
        want, have = (" x ".join(map(str, shape)) for shape in ((*size, variable.shape[2]), start.shape))
        raise ValueError(f"The start is {have}, but this network takes {want}. resize(image, size) mends it.")
    margin = [((have - side) // 2,) * 2 for have, side in zip(variable.shape, size, strict=False)]
    return variable.parameters(np.pad(start, [*margin, (0, 0)], mode="symmetric")[np.newaxis].astype(np.float32))


_PLAIN = {"grey": 127.5, "black": 0.0}


def _starts(start: Any, count: int) -> list:
    if isinstance(start, str):
        return [start] * count
    pictures, alone = as_pictures(start, "start")
    if not alone and len(pictures) != count:
        raise ValueError(f"There are {count} objectives but {len(pictures)} starts: give one picture, or one for each.")
    return [pictures[0]] * count if alone else list(pictures)


def _seeds(seed: Any, count: int) -> list[int]:
    seeds = [seed] * count if np.ndim(seed) == 0 else list(seed)
    if len(seeds) != count:
        raise ValueError(f"There are {count} objectives but {len(seeds)} seeds: give one for all, or one for each.")
    return [_whole_number("seed", value, 0) for value in seeds]


def _snapshots(snapshots: Any, steps: int) -> list[int]:
    if not isinstance(snapshots, Iterable):
        raise ValueError(f"snapshots must be a list of steps, such as [0, {steps}], not {snapshots!r}.")
    asked = sorted({_whole_number("snapshots", step, 0) for step in snapshots})
    if asked and asked[-1] > steps:
        raise ValueError(f"There is no step {asked[-1]} to keep: there are {steps}.")
    return asked


def _whole_number(name: str, value: Any, least: int) -> int:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be a whole number, {least} or more, not {value!r}.")
    return int(value)


def _weight(name: str, value: Any) -> float:
    if not isinstance(value, Real) or not np.isfinite(value) or value < 0:
        raise ValueError(f"{name} must be a number, 0 or more, not {value!r}.")
    return float(value)


def _shaking(shift: Any, scale: Any, rotate: Any) -> tuple[int, float, float]:
    shift, scale, rotate = _whole_number("shift", shift, 0), _weight("scale", scale), _weight("rotate", rotate)
    if scale > 1 or rotate > 180:
        raise ValueError(f"scale goes up to 1 and rotate up to 180 degrees, not {scale:g} and {rotate:g}.")
    return shift, scale, rotate
