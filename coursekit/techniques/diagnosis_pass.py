"""The one pass over the pictures that a diagnosis takes: extremes of every channel, answers, and features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from coursekit.networks.backend import tf
from coursekit.networks.graph import Step, compiled, kept, output_names, run, signature, sizes_explained, steps, traced
from coursekit.networks.kinds import NOISES, WITH_ACTIVATION
from coursekit.networks.nonlinearity import is_relu, nonlinearity
from coursekit.networks.reading import gives_probabilities, has_weights, score_layer
from coursekit.techniques.chains import chains
from coursekit.waiting import progress_bar

NO_LABELS = "It needs labels: the class of each picture."
_NO_PROBABILITY = (
    "The network gives a single number for a picture, and no probability: this is measured with one, or with a number "
    "for each class."
)


@dataclass(frozen=True)
class Seen:
    """A network and what it gave for pictures.

    Attributes:
        model: The network.
        batches: The pictures, one array for each input.
        labels: The class of each, (N,); None if they are not known.
        batch_size: Pictures computed at a time.
        extremes: For each layer with channels the smallest and the largest number of each channel, (2, C), over all
            pictures and places.
        outputs: What comes out for classes, (N, classes), as ``as_classes`` says; None where there is no such thing.
        no_outputs: Why, in a sentence.
        features: What the last layer with weights gets to see, (N, D); None where there is no such thing.
        no_features: Why, in a sentence.
    """

    model: Any
    batches: list[np.ndarray]
    labels: np.ndarray | None
    batch_size: int
    extremes: dict[str, np.ndarray]
    outputs: np.ndarray | None
    no_outputs: str
    features: np.ndarray | None
    no_features: str

    @property
    def count(self) -> int:
        """How many pictures there are."""
        return len(self.batches[0])

    @property
    def no_probabilities(self) -> str:
        """Why the outputs are no probabilities of classes that exclude each other; "" if they are."""
        if self.outputs is None:
            return self.no_outputs
        if (self.outputs < 0).any() or np.abs(self.outputs.sum(axis=1) - 1).max() > 0.01:
            return (
                "The outputs are no probabilities that add up to 1: put a softmax behind them to measure this, if the "
                "classes exclude each other."
            )
        return ""

    @property
    def no_pictures(self) -> str:
        """Why the pictures cannot be changed and given again; "" if they can."""
        if len(self.batches) > 1:
            return f"The network takes {len(self.batches)} inputs, and this is measured with one picture."
        if self.batches[0].ndim != 4:
            return f"The network takes {self.batches[0].shape[1:]}, no pictures (H, W, C)."
        if not tf.as_dtype(self.model.inputs[0].dtype).is_floating:
            return f"The network takes {self.model.inputs[0].dtype}: whole numbers, which cannot change a little."
        return ""


def see(model: Any, batches: list[np.ndarray], labels: np.ndarray | None, batch_size: int) -> Seen:
    """Return what a network gives for pictures, computed in one pass that holds one batch at a time."""
    names = [step.name for step in rectified(model)]
    names += [name for step, relus in ends(model) for name in (step.name, *relus)]
    names = list(dict.fromkeys(names))
    source, no_features = _before_scores(model)
    no_outputs = _no_classes(model)
    forward = _compiled(model, names, source, not no_outputs)
    extremes: dict[str, np.ndarray] = {}
    outputs, features, count = [], [], len(batches[0])
    starts = range(0, count, batch_size)
    for start in progress_bar(starts, show=len(starts) > 1, unit="batch"):
        found, given, vectors = forward(*(batch[start : start + batch_size] for batch in batches))
        for name, (low, high) in zip(names, found, strict=True):
            low, high = np.asarray(low), np.asarray(high)
            before = extremes.get(name, np.stack([low, high]))
            extremes[name] = np.stack([np.minimum(before[0], low), np.maximum(before[1], high)])
        outputs += [as_classes(np.asarray(one)) for one in given]
        features += [np.asarray(one) for one in vectors]
    answers = np.concatenate(outputs) if outputs else None
    vectors = np.concatenate(features) if features else None
    if answers is not None and model.outputs[0].shape[1] == 1 and not ((answers >= 0) & (answers <= 1)).all():
        answers, no_outputs = None, _NO_PROBABILITY  # the logarithm of one, perhaps
    if answers is not None and not np.isfinite(answers).all():
        broken = int((~np.isfinite(answers)).any(axis=1).sum())
        answers, no_outputs = None, f"The outputs for {broken} of {count} pictures hold NaN or infinity."
    if vectors is not None and not np.isfinite(vectors).all():
        vectors, no_features = None, f"The features in {source!r} hold NaN or infinity."
    return Seen(model, batches, labels, batch_size, extremes, answers, no_outputs, vectors, no_features)


def answers_to(
    model: Any, pictures: np.ndarray, batch_size: int, change: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return the outputs for pictures that are changed a batch at a time, float32 (N, classes)."""
    forward = compiled(model, output_names(model))
    starts = range(0, len(pictures), batch_size)
    parts = [forward(change(pictures[start : start + batch_size]))[0] for start in starts]
    return as_classes(np.concatenate([np.asarray(part, np.float32) for part in parts]))


def as_classes(outputs: np.ndarray) -> np.ndarray:
    """Return outputs as a number for each class: a single one, of a sigmoid, is the probability of class 1 of two."""
    return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs


def rectified(model: Any) -> list[Step]:
    """Return the steps whose channels may be dead: those with channels that give what comes out of a ReLU."""
    return [step for step in _with_channels(model) if _is_rectified(step)]


def ends(model: Any) -> list[tuple[Step, list[str]]]:
    """Return where the layers with channels end, and the names of the ReLUs in them.

    A layer ends behind what only normalizes or bends it: a normalization gives a channel another span, which what
    follows gets to see. Dropout leaves it as it is.
    """
    behind, results = chains(model), output_names(model)
    found: dict[str, tuple[Step, list[str]]] = {}
    for step in _with_channels(model):  # where several have the same end, the first has all the ReLUs
        chain = behind[step.name]
        last = next(one for one in reversed(chain) if one is step or not isinstance(one.operation, NOISES))
        if chain[-1].name not in results:
            found.setdefault(last.name, (last, [one.name for one in chain if _is_rectified(one)]))
    return list(found.values())


def _with_channels(model: Any) -> list[Step]:
    """Return the steps whose channels are looked at, but for the scores.

    A convolution or Dense layer, behind its nonlinearity where that is a step of its own, and other steps that are a
    nonlinearity; of one output of rank 2 or 4.
    """
    results, bent = set(output_names(model)), set()
    for step in steps(model):
        if nonlinearity(step.operation) is not None and not isinstance(step.operation, WITH_ACTIVATION):
            bent.update(step.parents)
    found = []
    for step in steps(model):
        ends = isinstance(step.operation, WITH_ACTIVATION) or nonlinearity(step.operation) is not None
        linear = nonlinearity(step.operation) is None and step.name in bent
        row = not isinstance(step.shape, list) and len(step.shape) in (1, 3)
        if ends and row and not linear and step.name not in results:
            found.append(step)
    return found


def _is_rectified(step: Step) -> bool:
    return is_relu(nonlinearity(step.operation))


def _before_scores(model: Any) -> tuple[str, str]:
    """Return the name of the step that goes into the scores; or "" and why there is none."""
    try:
        step, _ = score_layer(model)
    except ValueError as error:
        return "", str(error)
    if not has_weights(step) or len(step.parents) != 1:
        return "", f"The scores in {step.name!r} are not made of features by one layer with weights."
    by_name = {one.name: one for one in steps(model)}
    parent = by_name[step.parents[0]]
    if isinstance(parent.shape, list) or len(parent.shape) not in (1, 3):
        return "", f"{parent.name!r}, before the scores, gives neither maps nor one row of numbers."
    return parent.name, ""


def _no_classes(model: Any) -> str:
    """Return why a network's output is no row of classes; "" if it is one, or one probability of two classes."""
    if len(model.outputs) != 1:
        return f"The network has {len(model.outputs)} outputs, and this is measured with one."
    shape = tuple(model.outputs[0].shape)
    if len(shape) != 2 or shape[1] is None:
        return f"The network gives {shape[1:]} for a picture, no row of classes."
    if shape[1] > 1 or _is_probability(model):
        return ""
    return _NO_PROBABILITY


def _is_probability(model: Any) -> bool:
    try:
        return gives_probabilities(model)
    except ValueError:  # it computes with probabilities: what comes out need not be one
        return False


def _compiled(model: Any, names: Sequence[str], source: str, classes: bool) -> Any:
    """Return one compiled pass: extremes of the channels, outputs, and feature vectors."""

    def make() -> Any:
        all_steps = steps(model)
        wanted = [*names, *([source] if source else []), *(output_names(model) if classes else [])]

        def looked(*inputs: Any) -> tuple:
            values = [tf.cast(one, tf.float32) for one in run(all_steps, inputs, list(dict.fromkeys(wanted)))]
            by_name = dict(zip(dict.fromkeys(wanted), values, strict=True))
            found = []
            for name in names:
                axes = list(range(len(by_name[name].shape) - 1))
                found.append((tf.reduce_min(by_name[name], axes), tf.reduce_max(by_name[name], axes)))
            vectors = by_name[source] if source else None
            if source and len(vectors.shape) == 4:
                vectors = tf.reduce_mean(vectors, [1, 2])
            given = [by_name[name] for name in output_names(model)] if classes else []
            return found, given, [] if vectors is None else [vectors]

        forward = traced(looked, *signature(model))

        def checked(*inputs: Any) -> Any:
            with sizes_explained([step.name for step in all_steps], inputs):
                return forward(*inputs)

        return checked

    return kept(model, ("diagnosis", *names, source, classes), make)


def spread(count: int, most: int) -> np.ndarray:
    """Return the indices of at most so many pictures, evenly."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))
