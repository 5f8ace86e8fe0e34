"""Layers that are asked where their numbers come from: by the indices they move, or by one channel after the other."""

from __future__ import annotations

import numpy as np

from coursekit.networks import tracing
from coursekit.networks.backend import keras
from coursekit.networks.graph import Step
from coursekit.techniques.arithmetic_terms import Parts, Source

_MOST_CHANNELS = 16


def mixed(step: Step, source: Source, place: tuple, shape: tuple) -> Parts | None:
    """Return a weight for each channel at the same place, and a bias, if an unknown layer computes no more than that.

    So does what prepares pictures: turns the channels round, takes a mean off, divides. The layer is asked: it is given
    nothing but zeros, then each channel by itself, and at last others, of which it has to make what was found.
    """
    count = source.values.shape[-1]
    if count > _MOST_CHANNELS or len(shape) < 2 or shape[:-1] != source.values.shape[:-1]:
        return None
    call, shapes, dtypes = tracing.traceable(step)
    if tracing.source(call, shapes, dtypes) not in (tracing.Source.POSITION, tracing.Source.CHANNELS):
        return None
    here = source.values[place[:-1]].astype(np.float64)
    scale = max(1.0, float(np.abs(here).max()))
    others = np.random.default_rng(0).uniform(-scale, scale, (4, count))
    probes = np.concatenate([np.zeros((1, count)), scale * np.eye(count), [here], others])
    batch = np.broadcast_to(probes.reshape(-1, *[1] * (len(shape) - 1), count), (len(probes), *source.values.shape))
    answers = keras.ops.convert_to_numpy(call(keras.ops.convert_to_tensor(batch, dtypes[0])))
    answers = answers[(slice(None), *place)].astype(np.float64)
    if not np.isfinite(answers).all():
        return None
    bias, weights = answers[0], (answers[1 : count + 1] - answers[0]) / scale
    if not np.allclose(answers, probes @ weights + bias, rtol=1e-5, atol=1e-5 * np.abs(answers).max()):
        return None
    terms = [source.term((*place[:-1], c), weight) for c, weight in enumerate(weights) if weight]
    return Parts("linear", terms, float(bias))


def moved(kind: str, step: Step, sources: list[Source], place: tuple) -> Parts | None:
    """Return where a number was moved from: the step is given the numbers' own indices, from 1 on, to move."""
    if getattr(step.operation, "interpolation", "nearest") != "nearest":
        return None
    call, _, _ = tracing.traceable(step)
    unique = dict(zip((id(tensor) for tensor in step.inputs), sources, strict=True))
    firsts = np.cumsum([1, *(source.values.size for source in unique.values())])
    pairs = list(zip(unique.values(), firsts[:-1], strict=True))
    by_tensor = dict(zip(unique, pairs, strict=True))
    pairs = [by_tensor[id_] for id_ in step._arguments]
    indices = [
        np.arange(first, first + s.values.size, dtype=np.int32).reshape(1, *s.values.shape) for s, first in pairs
    ]
    moved = call(*map(keras.ops.convert_to_tensor, indices))
    index = int(keras.ops.convert_to_numpy(moved)[(0, *place)])
    if index == 0:  # padding
        return Parts(kind, [])
    source, first = next((s, first) for s, first in reversed(pairs) if first <= index)
    return Parts(kind, [source.term(np.unravel_index(index - first, source.values.shape))])
