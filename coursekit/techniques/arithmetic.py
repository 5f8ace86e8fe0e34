"""Where a number in a network comes from: the numbers of the layer before, what they are multiplied with, the sum."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from coursekit.networks.backend import keras
from coursekit.networks.graph import Step, as_inputs, find_layer, input_names, kept, steps
from coursekit.networks.nonlinearity import is_softmax
from coursekit.techniques.activations import activations
from coursekit.techniques.arithmetic_functions import apply, function_of, name_of, softmax
from coursekit.techniques.arithmetic_rules import Source, Term, Window, compared, parts_of
from coursekit.techniques.receptive_field import box_on_picture
from coursekit.validation import as_index

_NOT_KNOWN = "not taken apart"
_SHOWN = 3  # terms that a line names; a table names more
_ROWS = 12


@dataclass(frozen=True, eq=False)
class Arithmetic:
    """How one number of a layer is computed.

    Attributes:
        layer: The layer's full name.
        kind: What the layer does: ``"convolution"``, ``"max pooling"``, ``"concatenation"``, ``"input"``, ...;
            ``"not taken apart"`` for a layer that there is no rule for.
        place: (row, column, channel), or (channel,) in a vector.
        value: The number, as the network computed it.
        total: The number, as NumPy computes it from the terms, in float64; NaN for a layer not taken apart.
        terms: What it is made of, the largest first. A convolution has one for each input channel.
        bias: What is added to the terms.
        before: The sum of the terms and the bias, before the activation.
        activation: Name of the function that is applied to it; ``"linear"`` for none.
        multiplied: Whether the terms are multiplied with each other instead of added up.
        window: What the kernel or pooling lies on; None for other layers.
        along: For a softmax (n,): all numbers along its axis before it, which it is compared with. Else None.
        details: Further numbers by name: ``mean``, ``variance``, ``epsilon``, ``gamma``, ``beta`` of a batch
            normalization, how many numbers an average ``counted``.
        box: (top, left, bottom, right) of the pixels that the number depends on, or None if there are none to name.
    """

    layer: str
    kind: str
    place: tuple[int, ...]
    value: float
    total: float
    terms: tuple[Term, ...]
    bias: float = 0.0
    before: float = math.nan
    activation: str = "linear"
    multiplied: bool = False
    window: Window | None = field(default=None, repr=False)
    along: np.ndarray | None = field(default=None, repr=False)
    details: dict[str, float] = field(default_factory=dict)
    box: tuple[int, int, int, int] | None = None

    @property
    def largest(self) -> Term | None:
        """The term that adds most; None for a pixel, padding, or a layer not taken apart."""
        return self.terms[0] if self.terms else None

    @property
    def says(self) -> str:
        """The arithmetic in one line: ``1.2 - 0.4 + 0.1 (bias) = 0.9; relu: 0.9``."""
        return _in_words(self)

    def __str__(self) -> str:
        return f"{self.layer} {self.place}, {self.kind}: {self.says}"

    def _repr_html_(self) -> str:
        return _table(self)


def arithmetic(model: Any, image: Any, layer: str, *place: int, values: dict[str, Any] | None = None) -> Arithmetic:
    """Return how one number of a layer is computed from the layer before it.

    The network computes all its layers once. Then the number is computed again from what came into its layer, with
    NumPy, in float64, by the layer's own weights: ``total`` is that result, ``value`` the network's own. Taken apart
    are convolutions of every kind in two dimensions, dense layers, pooling and global pooling, batch and layer
    normalization, normalization and rescaling, activations, concatenation, addition and the other merges, padding,
    cropping, upsampling to the nearest, flattening and reshaping, dropout, which does nothing here, and the
    ``keras.ops`` that do the same. Of other layers only the value is told.

    Args:
        model: A Keras model: Sequential, functional, nested, with one input or several; channels last.
        image: One picture (H, W, C), or what a model with several inputs takes, as in ``activations``.
        layer: The layer's name; ``name:2`` for the second call of a shared layer.
        *place: row, column, channel; the channel alone in a vector. All counted from 0.
        values: What ``activations(model, image)`` gave, if you have it: saves the pass through the network.

    Raises:
        TypeError: ``model`` is no Keras model with a graph, or a place is no whole number.
        ValueError: There is no such layer or place, several pictures came, or the layer gives several arrays.

    Example:
        >>> from coursekit import arithmetic, photo, squeezenet
        >>> found = arithmetic(squeezenet(), photo("chelsea", 227), "fire2-squeeze1x1", 20, 30, 5)
        >>> found.kind, len(found.terms), found.largest.place, abs(found.total - found.value) < 1e-3
        ('convolution', 64, (20, 30, 47), True)
    """
    if values is None:
        values = _pass(model, image)
    by_name, owner = kept(model, ("arithmetic",), lambda: _owners(model))
    step = by_name.get(layer) if isinstance(layer, str) else None
    if step is None:  # a short name, or a wrong one
        step = find_layer(model, layer)
    here = values[step.name]
    if isinstance(here, list):
        raise ValueError(f"Layer {step.name!r} gives {len(here)} arrays: ask for a layer behind it.")
    place = _checked(step.name, place, here.shape)
    sources = [_source(values, *owner[step._arguments[id(tensor)][0]]) for tensor in step.inputs]
    return _taken_apart(step, sources, place, here, box_on_picture(model, image, step.name, place))


def contribution_path(
    model: Any, image: Any, layer: str, *place: int, values: dict[str, Any] | None = None
) -> tuple[Arithmetic, ...]:
    """Return the way from a number down to the picture, at each layer to the number that added most.

    It is one way of very many: a number of a deep layer has thousands of terms, and the largest one can be a small
    share of the sum.

    Args:
        model: A Keras model, as in ``arithmetic``.
        image: One picture.
        layer: The layer's name.
        *place: row, column, channel; the channel alone in a vector.
        values: What ``activations(model, image)`` gave, if you have it.

    Returns:
        One ``Arithmetic`` for each layer, from the one asked for to the picture. The way ends earlier at padding, or at
        a layer that is not taken apart.

    Raises:
        TypeError, ValueError: As ``arithmetic``.

    Example:
        >>> from coursekit import contribution_path, photo, squeezenet
        >>> path = contribution_path(squeezenet(), photo("chelsea", 227), "pool1", 20, 30, 5)
        >>> [step.kind for step in path][:2], path[-1].kind
        (['max pooling', 'activation'], 'input')
    """
    values = _pass(model, image) if values is None else values
    path = [arithmetic(model, image, layer, *place, values=values)]
    while (term := path[-1].largest) is not None:
        if isinstance(values[term.layer], list):
            break
        path.append(arithmetic(model, image, term.layer, *term.place, values=values))
    return tuple(path)


def _pass(model: Any, image: Any) -> dict[str, Any]:
    """Return what all layers give for one picture, without the batch."""
    steps(model)  # checks
    batches, _ = as_inputs(model, image)
    if len(batches[0]) != 1:
        raise ValueError(f"A number is of one picture, and {len(batches[0])} came: give one of them, as images[0].")
    found = activations(model, dict(zip(input_names(model), batches, strict=True)))
    return keras.tree.map_structure(lambda array: array[0], found)


def _checked(layer: str, place: tuple, shape: tuple) -> tuple[int, ...]:
    names = {1: ("channel",), 3: ("row", "column", "channel")}.get(
        len(shape), [f"index {i}" for i in range(len(shape))]
    )
    if len(place) != len(shape):
        raise ValueError(
            f"Layer {layer!r} gives {' x '.join(map(str, shape))} numbers: a place in it is "
            f"({', '.join(names)}), not {place}."
        )
    return tuple(as_index(at, n, f"{name} of {layer!r}") for at, n, name in zip(place, shape, names, strict=True))


def _owners(model: Any) -> tuple[dict[str, Step], dict]:
    """Return the steps by name, and of each tensor in the network (step's name, which of its outputs)."""
    all_steps = steps(model)
    owner = {key: (step.name, n) for step in all_steps for n, key in enumerate(step._results)}
    return {step.name: step for step in all_steps}, owner


def _source(values: dict, name: str, n: int) -> Source:
    given = values[name]
    return Source(name, given[n] if isinstance(given, list) else given)


def _taken_apart(step: Step, sources: list[Source], place: tuple, here: np.ndarray, box: tuple | None) -> Arithmetic:
    value, shape = float(here[place]), here.shape
    common = {"layer": step.name, "place": place, "value": value, "box": box}
    if step.is_input:
        return Arithmetic(kind="input", total=value, before=value, terms=(), **common)
    parts = parts_of(step, sources, place, shape)
    if parts is None:
        return Arithmetic(kind=_NOT_KNOWN, total=math.nan, terms=(), **common)
    total, along, function = parts.before, None, function_of(step, parts.kind)
    if function is not None:
        if is_softmax(function):
            along = compared(step, sources, place, shape, getattr(function, "axis", -1))
            total = None if along is None else softmax(parts.before, along)
        else:
            total = apply(step, function, parts.before, place, shape)
    if total is None:
        return Arithmetic(kind=_NOT_KNOWN, total=math.nan, terms=(), **common)
    return Arithmetic(
        kind=parts.kind,
        total=total,
        terms=tuple(sorted(parts.terms, key=lambda term: (-abs(term.product), -abs(term.weight), -term.value))),
        bias=parts.bias,
        before=parts.before,
        activation="linear" if function is None else name_of(function),
        multiplied=parts.multiplied,
        window=parts.window,
        along=along,
        details=parts.details,
        **common,
    )


# In words


def _in_words(found: Arithmetic) -> str:
    value = _short(found.value)
    if found.kind == "input":
        return f"{value}, as it came in"
    if found.kind == _NOT_KNOWN:
        return f"{value}. How this layer computes it is not known here: only its value is told"
    if found.kind in ("zero padding", "transposed convolution") and not found.terms and not found.bias:
        return f"{value}: nothing but padding comes in"
    said = _sum_in_words(found)
    if found.activation == "softmax":
        said += f"; softmax: exp({_short(found.before)}) / the sum of exp over {len(found.along)} numbers = {value}"
    elif found.activation != "linear":
        said += f"; {found.activation}: {_short(found.total)}"
    return said


def _sum_in_words(found: Arithmetic) -> str:
    before, terms, numbers = _short(found.before), found.terms, found.details
    if "gamma" in numbers:
        mean, variance, epsilon, gamma, beta = (_short(n) for n in numbers.values())
        x = _short(terms[0].value)
        return f"({x} - {mean}) / sqrt({variance} + {epsilon}) * {gamma} + {beta} = {before}".replace("- -", "+ ")
    if "max" in found.kind:
        return f"the largest of {len(terms)} numbers: {before}" + _at(terms[0])
    if "average" in found.kind and "counted" in numbers:
        count = len(terms)
        return f"{_short(sum(term.value for term in terms))} / {count} = {before}, the average of {count} numbers"
    alone = len(terms) == 1 and found.window is None
    if alone and terms[0].weight == 1 and not found.bias:
        return before + _at(terms[0])
    if alone:
        line = f"{_short(terms[0].value)} * {_short(terms[0].weight)}"
        return line + (_signed(found.bias) if found.bias else "") + f" = {before}"
    if found.multiplied:
        return " * ".join(_short(term.product) for term in terms) + f" = {before}"
    products = [term.product for term in terms]
    if found.window is not None and len(terms) == 1:  # one input channel: what each place of the window adds
        each = (found.window.patch * found.window.kernel)[~found.window.padding].ravel()
        products = each[np.argsort(-np.abs(each), kind="stable")].tolist()
    shown = _SHOWN + (len(products) == _SHOWN + 1)
    line = "".join(map(_signed, products[:shown]))
    if rest := products[shown:]:
        line += f"{_signed(sum(rest))} ({len(rest)} others)"
    if found.bias:
        line += f"{_signed(found.bias)} (bias)"
    line = "-" + line[3:] if line.startswith(" - ") else line.removeprefix(" + ")
    return f"{line} = {before}"


def _short(number: float) -> str:
    return f"{number + 0.0:.4g}"


def _signed(number: float) -> str:
    return f" {'-' if number < 0 else '+'} {_short(abs(number))}"


def _at(term: Term) -> str:
    return f", from {term.layer} {term.place if len(term.place) > 1 else term.place[0]}"


def _table(found: Arithmetic) -> str:
    """Return the terms as a table with a caption and headers, which a screen reader reads as such."""
    caption = html.escape(f"{found.layer} {found.place}, {found.kind}: {found.says}")
    heads = ("from layer", "place", "value", "weight", "factor" if found.multiplied else "adds")
    rows = [_row(term) for term in found.terms[:_ROWS]]
    if rest := found.terms[_ROWS:]:
        rows.append(_cells(f"{len(rest)} others", ["", "", "", _short(sum(term.product for term in rest))]))
    if found.bias:
        rows.append(_cells("bias", ["", "", "", _short(found.bias)]))
    if found.terms or found.bias:
        rows.append(_cells("together", ["", "", "", _short(found.before)]))
    if found.activation != "linear":
        rows.append(_cells(found.activation, ["", "", "", _short(found.total)]))
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "".join(rows)
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _row(term: Term) -> str:
    place = ", ".join(map(str, term.place))
    return _cells(term.layer, [place, _short(term.value), _short(term.weight), _short(term.product)])


def _cells(first: str, rest: Sequence[str]) -> str:
    return f'<tr><th scope="row">{html.escape(first)}</th>' + "".join(f"<td>{text}</td>" for text in rest) + "</tr>"
