"""What a network does with any number of pictures, in one pass: answers, features, and the strongest patches of layers.

Each picture goes through the network once, however many layers are looked at, and only what is asked for stays.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from coursekit.networks.backend import tf
from coursekit.networks.cluster import as_client, in_order
from coursekit.networks.graph import find_layer, kept, run, steps, traced
from coursekit.pictures.streams import Block, Fit, Pictures, read_block
from coursekit.techniques.diagnosis_pass import as_classes
from coursekit.techniques.patches import Cutter, Patches
from coursekit.techniques.patches_search import ROW, Found, Search
from coursekit.techniques.strongest import strongest_positions, table_of
from coursekit.waiting import progress_bar

MOST_FEATURES = 1000
"""Of so many pictures the features are kept at most, spread evenly over all."""

_MOST_NUMBERS = 2**24  # that all features hold together
MOST_NAMED = 20
"""So many unreadable files are kept with their reasons."""


@dataclass(frozen=True)
class Plan:
    """What is looked for. It travels to the workers of a cluster.

    Attributes:
        searches: The strongest patches of which layers and channels.
        features: The layer whose mean over all places is a picture's features; None for no features.
        output: The layer that answers with a number for each class; None if there is none. A single number is that of
            class 1 of two classes, if it is of any.
        probabilities: Whether the outputs are probabilities: a single one is then that of class 1, and 1 minus it that
            of class 0; otherwise class 0 has 0.
        fit: How pictures are brought to size.
        classless: Whether a single number is of no class, such as a measured length.
    """

    searches: tuple[Search, ...]
    features: str | None
    output: str | None
    probabilities: bool
    fit: Fit
    classless: bool = False


class Answers(NamedTuple):
    """What the network answered, an entry for each picture that could be read.

    Attributes:
        pictures: (N,) index of the picture.
        first: (N,) the class with the largest output.
        second: (N,) the class with the second largest.
        values: (N, 2) float32, these outputs; where the plan says ``classless`` the number, and NaN.
        labels: (N,) the picture's class; -1 where it is not known.
        of_label: (N,) float32, the output of that class; NaN where it is not known.
    """

    pictures: np.ndarray
    first: np.ndarray
    second: np.ndarray
    values: np.ndarray
    labels: np.ndarray
    of_label: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        """(N,) whether the class is known and the answer is another."""
        return (self.labels >= 0) & (self.first != self.labels)

    @property
    def margin(self) -> np.ndarray:
        """(N,) how much larger the output of the answer is than that of the picture's own class."""
        return self.values[:, 0] - self.of_label


@dataclass(eq=False)
class Survey:
    """What one pass found.

    Attributes:
        done: So many pictures were looked at, the first ones.
        read: (N,) index of those that could be read.
        answers: What the network answered.
        sampled: (M,) index of the pictures whose features were kept.
        features: (M, D) float32.
        patches: For each layer its strongest patches.
        unread: Why files could not be read: the first of them.
        unread_count: How many these were.
        troubles: What could not be measured, by layer, and why.
        interrupted: Whether it was stopped before the end.
    """

    done: int = 0
    read: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    answers: Answers | None = None
    sampled: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    features: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float32))
    patches: dict[str, Patches] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    unread_count: int = 0
    troubles: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False


def survey(
    model: Any, plan: Plan, stream: Pictures, labels: np.ndarray, batch_size: int = 32, client: Any = None
) -> Survey:
    """Look at all pictures once. Interrupted, it returns what it has found so far.

    Args:
        model: A Keras model with one input.
        plan: What is looked for.
        stream: The pictures; each must be there to be fetched again.
        labels: (N,) the class of each picture, -1 where it is not known.
        batch_size: Pictures computed at a time.
        client: A ``distributed.Client``: its Dask cluster computes.

    Raises:
        ValueError: The pictures do not fit.
    """
    state = _State([np.empty(0, ROW) for _ in plan.searches], [], 0)
    sample, interrupted = _sample(model, plan, stream.count), False

    def beaten() -> list[np.ndarray]:
        return [search.to_beat(table) for search, table in zip(plan.searches, state.tables, strict=True)]

    def arguments(block: Block) -> tuple:
        indices = np.arange(block.first, block.first + len(block.items))
        return plan, block, labels[indices], np.isin(indices, sample)

    blocks = stream.blocks(batch_size, 0)
    if client is None:
        results = _computed_here(model, map(arguments, blocks), beaten)
    else:
        calls = ((*arguments(block), beaten()) for block in blocks)
        results = ((call[1], part) for call, part in in_order(as_client(client), model, _computed_there, calls))
    bar = progress_bar(desc="Looking at the pictures", total=stream.count, unit="picture")
    try:
        for block, part in results:
            state = state.with_more(plan, block, part)  # all at once: an interrupt never meets a half of it
            bar.update(len(block.items))
    except KeyboardInterrupt:
        interrupted = True
    finally:
        bar.close()
        results.close()
    return _result(model, plan, stream, state, interrupted)


class _State(NamedTuple):
    """What has been found so far."""

    tables: list[np.ndarray]
    parts: list[_Part]  # without their tables
    done: int

    def with_more(self, plan: Plan, block: Block, part: _Part) -> _State:
        three = zip(plan.searches, self.tables, part.tables, strict=True)
        tables = [search.merge([old, new]) for search, old, new in three]
        return _State(tables, [*self.parts, part._replace(tables=[])], block.first + len(block.items))


def _result(model: Any, plan: Plan, stream: Pictures, state: _State, interrupted: bool) -> Survey:
    unread = [reason for part in state.parts for reason in part.unread]
    found = Survey(state.done, unread=unread[:MOST_NAMED], unread_count=len(unread), interrupted=interrupted)
    found.read = np.sort(np.concatenate([found.read, *(part.read for part in state.parts)]))
    for part in reversed(state.parts):
        found.troubles |= part.troubles
    found.answers = _in_order([answers for part in state.parts for answers in part.answers])
    if features := [vectors for part in state.parts for vectors in part.features]:
        sampled = np.concatenate([part.sampled for part in state.parts])
        order = np.argsort(sampled, kind="stable")
        found.sampled, found.features = sampled[order], np.concatenate(features)[order]
    wanted = [pair for pair in zip(plan.searches, state.tables, strict=True) if len(pair[1])]
    try:
        for search, table in wanted:
            if search.layer not in found.troubles:
                try:
                    seen = Found(table, len(found.read), {})  # among those: what cannot be read has no patches
                    found.patches[search.layer] = Cutter(model, search, stream).result(seen)
                except ValueError as error:  # such as a layer whose positions have no place in the picture
                    found.troubles[search.layer] = str(error)
    except KeyboardInterrupt:
        found.interrupted = True
        for search, _ in wanted:
            if search.layer not in found.patches:
                found.troubles.setdefault(search.layer, "Stopped before its patches were cut out of the pictures.")
    return found


def _in_order(several: list[Answers]) -> Answers | None:
    """Return answers as one, by picture: a block's pictures may come in several batches, one for each size."""
    if not several:
        return None
    columns = [np.concatenate(column) for column in zip(*several, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Answers(*(column[order] for column in columns))


def _sample(model: Any, plan: Plan, count: int) -> np.ndarray:
    """Return which pictures' features are kept, spread evenly."""
    if plan.features is None:
        return np.empty(0, np.int64)
    length = find_layer(model, plan.features).shape[-1] or 1
    most = min(count, MOST_FEATURES, max(50, _MOST_NUMBERS // length))
    return np.unique(np.linspace(0, count - 1, most).round().astype(np.int64))


class _Part(NamedTuple):
    """What a block of pictures adds."""

    tables: list[np.ndarray]
    answers: list[Answers]
    sampled: np.ndarray
    features: list[np.ndarray]
    read: np.ndarray
    unread: list[str]
    troubles: dict[str, str]


def _forward(model: Any, plan: Plan) -> Callable[..., tuple]:
    """Return the compiled pass, kept for the next time."""
    names = [search.layer for search in plan.searches]
    names += [name for name in (plan.features, plan.output) if name is not None]

    def one_pass(images: Any, *to_beat: Any) -> tuple:
        found = run(steps(model), [images], names)
        strongest = [
            strongest_positions(maps, least, search.per_picture)
            for maps, least, search in zip(found, to_beat, plan.searches, strict=False)
        ]
        rest = [tf.cast(values, tf.float32) for values in found[len(plan.searches) :]]
        if plan.features is not None and rest[0].shape.rank > 2:
            rest[0] = tf.reduce_mean(rest[0], list(range(1, rest[0].shape.rank - 1)))
        return strongest, rest

    def make() -> Callable[..., tuple]:
        picture = model.inputs[0]
        least = [tf.TensorSpec((None,), tf.float32)] * len(plan.searches)
        return traced(one_pass, tf.TensorSpec((None, *picture.shape[1:]), picture.dtype), *least)

    return kept(model, ("survey", plan), make)


def _computed_here(model: Any, calls: Iterator[tuple], beaten: Callable[[], list]) -> Iterator[tuple[Block, _Part]]:
    with ThreadPoolExecutor(1) as thread:  # reads the next block while the network computes this one
        waiting: deque = deque()
        for plan, block, labels, wanted in calls:
            waiting.append((plan, block, labels, wanted, thread.submit(read_block, block, plan.fit)))
            if len(waiting) == 2:
                *call, read = waiting.popleft()
                yield call[1], _part(model, *call, read.result(), beaten())
        for *call, read in waiting:
            yield call[1], _part(model, *call, read.result(), beaten())


def _computed_there(model: Any, plan: Plan, block: Block, labels: np.ndarray, wanted: np.ndarray, least: list) -> _Part:
    return _part(model, plan, block, labels, wanted, read_block(block, plan.fit), least)


def _part(
    model: Any, plan: Plan, block: Block, labels: np.ndarray, wanted: np.ndarray, read: tuple, to_beat: list
) -> _Part:
    batches, unread = read
    part = _Part(
        [np.empty(0, ROW) for _ in plan.searches], [], np.empty(0, np.int64), [], np.empty(0, np.int64), unread, {}
    )
    forward = _forward(model, plan)
    sampled = [part.sampled]
    for indices, pictures in batches:
        try:
            strongest, rest = forward(pictures, *to_beat)
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(f"The network does not take pictures of {pictures.shape[1:3]}.") from error
        for i, (search, found) in enumerate(zip(plan.searches, strongest, strict=True)):
            *rows, finite, empty = (one.numpy() for one in found)
            if empty or not finite:
                part.troubles[search.layer] = (
                    f"Layer {search.layer!r} gives NaN, infinity or nothing for some pictures."
                )
            else:
                part.tables[i] = np.concatenate([part.tables[i], table_of(rows, indices, pictures.shape[1:3])])
        rest = [one.numpy() for one in rest]
        if plan.features is not None:
            chosen, vectors = wanted[indices - block.first], rest.pop(0)
            if np.isfinite(vectors[chosen]).all():
                part.features.append(vectors[chosen])
                sampled.append(indices[chosen])
            else:
                part.troubles["features"] = f"Layer {plan.features!r} gives NaN or infinity for some pictures."
        if plan.output is not None:
            if np.isfinite(rest[0]).all():
                outputs = _two(rest[0], plan) if rest[0].shape[1] == 1 else rest[0]
                part.answers.append(_answers(outputs, indices, labels[indices - block.first]))
            else:
                part.troubles["answers"] = "The network answers NaN or infinity to some pictures."
    read = [part.read, *(indices for indices, _ in batches)]
    return part._replace(sampled=np.concatenate(sampled), read=np.concatenate(read))


def _two(output: np.ndarray, plan: Plan) -> np.ndarray:
    """Return the outputs (N, 2) of two classes of which the network gives one (N, 1); without classes that, and NaN."""
    if plan.classless:
        return np.concatenate([output, np.full_like(output, np.nan)], axis=1)
    return as_classes(output) if plan.probabilities else np.concatenate([np.zeros_like(output), output], axis=1)


def _answers(outputs: np.ndarray, indices: np.ndarray, labels: np.ndarray) -> Answers:
    """Return the answers (N, classes) in short; of equal outputs the first class."""
    order = np.argsort(-outputs, axis=1, kind="stable")[:, :2]
    of_label = np.take_along_axis(outputs, np.maximum(labels, 0)[:, np.newaxis], axis=1)[:, 0]
    return Answers(
        pictures=indices,
        first=order[:, 0],
        second=order[:, 1],
        values=np.take_along_axis(outputs, order, axis=1),
        labels=labels,
        of_label=np.where(labels >= 0, of_label, np.float32(np.nan)),
    )
