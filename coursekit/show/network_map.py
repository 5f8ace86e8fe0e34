"""A network as a map that is read like a page: boxes from left to right, line below line, and how they are joined."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Container, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from coursekit.networks import kinds
from coursekit.networks.backend import keras
from coursekit.networks.graph import Step, find_layer, steps
from coursekit.networks.kinds import type_name
from coursekit.show.graph_layout import KINDS, kind_of, layered

BOX = 84  # the side of a box
_ALONG, _ACROSS = 112, 106  # from box to box along a line, and across it
_LANE = 8  # between two connections that run beside the boxes
_BETWEEN = 54  # from the lowest box or connection of a line to the highest of the next
_MARGIN = 30  # around all, in which connections run from the end of a line to the beginning of the next
_INSET = 10  # of a thumbnail in its box: beside it; below it stands the name
_LETTERS = 13  # of a name that fit into a box
_WIDE = 2.1  # the map's width in heights: about that of the place where it is drawn
_FOLDED = (*kinds.POINTWISE, *kinds.DROPOUTS, keras.layers.Activation, keras.layers.Softmax)


class Box(NamedTuple):
    """One box: a layer, with the normalisation and activation that do nothing but change its numbers one by one."""

    layers: tuple[str, ...]
    label: str  # the name of the first layer, without that of its group
    kind: str  # of the first, one of graph_layout.KINDS
    x: float  # the centre
    y: float
    sources: tuple[int, ...]  # the boxes that feed it, by their index


class NetworkMap(NamedTuple):
    """Where everything stands, in units of which a box has 84. Connections are corners from box to box."""

    boxes: list[Box]
    connections: list[list[tuple[float, float]]]
    groups: list[tuple[str, float, float, float, float]]  # name, left, top, right, bottom
    size: tuple[float, float]  # width, height


def network_map(model: Any) -> NetworkMap:
    """Lay a network out as a map.

    A box holds a layer together with what follows it alone and works number by number: its normalisation, its
    activation, dropout. Boxes stand from left to right in the order of computation, branches below each other, and
    where a line is full the network goes on in the next, as text does. A line is cut where only one connection
    crosses, if it can be. Boxes whose names begin alike, as fire2-squeeze1x1 and fire2-concat do, form a group.

    Args:
        model: A Keras model with a graph, of any number of inputs and outputs.

    Raises:
        TypeError: ``model`` is no Keras model, or has no graph.
    """
    folded = _fold(steps(model))
    by_name = {step.name: step for step in steps(model)}
    home = {name: number for number, names in enumerate(folded) for name in names}
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(folded)))
    for number, names in enumerate(folded):
        graph.add_edges_from((home[parent], number) for parent in by_name[names[0]].parents)
    places, lanes = layered(graph, BOX, _ACROSS, _LANE)
    named = _groups(folded)
    lines = _lines(graph, places, lanes, named)
    turned = _Turned(places, lanes, lines)
    boxes = []
    for number, names in enumerate(folded):
        parents = by_name[names[0]].parents
        kind = kind_of(type_name(by_name[names[0]].operation), parents)
        label = names[0][len(named[number]) :].lstrip("-_/.") or names[0]
        boxes.append(Box(names, label, kind, *turned.place(number), tuple(home[parent] for parent in parents)))
    connections = [turned.connection(*edge) for edge in graph.edges]
    return NetworkMap(boxes, connections, turned.frames(named), turned.size)


def shown_layer(box: Box, with_maps: Container[str]) -> str | None:
    """Return the layer that a box shows: its last one with maps, behind its activation. None if it has none."""
    return next((name for name in reversed(box.layers) if name in with_maps), None)


def first_convolution(layout: NetworkMap, model: Any, with_maps: Collection[str]) -> str:
    """Return the layer that the box of the first convolution shows; without convolutions the first layer with maps."""
    for box in layout.boxes:
        shown = shown_layer(box, with_maps)
        if shown and isinstance(find_layer(model, box.layers[0]).operation, kinds.CONVOLUTIONS_OF_ANY_KIND):
            return shown
    return next(iter(with_maps))


def described(layout: NetworkMap, model: Any, shapes: dict[str, list[int]]) -> dict:
    """Return a map as plain data, for a page that draws it.

    Args:
        layout: The map.
        model: The network.
        shapes: [height, width, channels] of each layer that has maps.
    """
    by_name = {step.name: step for step in steps(model)}
    boxes = []
    for box in layout.boxes:
        layers = []
        for name in box.layers:
            shape = by_name[name].shape
            fixed = [] if isinstance(shape, list) or None in shape or len(shape) == 3 else list(shape)
            layers.append([name, type_name(by_name[name].operation), shapes.get(name, fixed)])
        shown = shown_layer(box, shapes)
        place = {"x": box.x, "y": box.y, "from": box.sources, "label": box.label, "kind": box.kind}
        boxes.append({"layers": layers, "shown": None if shown is None else box.layers.index(shown), **place})
    told = {"connections": layout.connections, "groups": layout.groups, "size": layout.size}
    return {"boxes": boxes, **told, "side": BOX, "colours": KINDS}


def _fold(all_steps: Sequence[Step]) -> list[tuple[str, ...]]:
    """Return the layers of each box."""
    children: dict[str, int] = {}
    for step in all_steps:
        for parent in step.parents:
            children[parent] = children.get(parent, 0) + 1
    shapes = {step.name: step.shape for step in all_steps}
    inputs = {step.name for step in all_steps if step.is_input}
    home: dict[str, list[str]] = {}
    boxes = []
    for step in all_steps:
        [parent] = step.parents if len(step.parents) == 1 else [None]
        plain = isinstance(step.operation, _FOLDED) or not isinstance(step.operation, keras.layers.Layer)
        if plain and parent not in (None, *inputs) and children[parent] == 1 and shapes[parent] == step.shape:
            home[step.name] = home[parent]
        else:
            boxes.append([])
            home[step.name] = boxes[-1]
        home[step.name].append(step.name)
    return [tuple(names) for names in boxes]


def _groups(folded: Sequence[Sequence[str]]) -> list[str]:
    """Return the name of each box's group: what it has in common with a neighbour, up to a number; "" for none."""
    words = [re.findall(r"[^-_/.]+[-_/.]*", names[0]) for names in folded]
    shared = [0, *(_common(one, other) for one, other in pairwise(words)), 0]
    found = ["".join(each[: max(pair)]).rstrip("-_/.") for each, pair in zip(words, pairwise(shared), strict=True)]
    return [name if found.count(name) > 1 else "" for name in found]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many words two names begin with alike, the last of them with a number; 0 if there is none."""
    count = 0
    for number, (a, b) in enumerate(zip(one[:-1], other[:-1], strict=False), 1):
        if a != b:
            break
        if re.search(r"\d[a-z]?[-_/.]*$", a) and not re.fullmatch(r"(depthwise_)?conv\dd[-_/.]*", a):
            count = number
    return count


def _lines(graph: nx.DiGraph, places: dict, lanes: dict, named: Sequence[str]) -> list[range]:
    """Return which ranks stand in each line, so that the map is about as wide as its place."""
    last = max(rank for _, rank in places.values())
    extents = _extents(places, lanes, last)
    crossing, inside = [0] * (last + 2), [False] * (last + 2)  # at the left of each rank
    for a, b in graph.edges:
        for rank in range(places[a][1] + 1, places[b][1] + 1):
            crossing[rank] += 1
            inside[rank] |= named[a] != "" and named[a] == named[b]
    best, found = math.inf, []
    for most in range(2, min(last + 1, 12 * math.isqrt(last + 1)) + 1):
        cuts = [0]
        while cuts[-1] + most <= last:
            end = cuts[-1] + most
            options = range(end, max(cuts[-1], end - most // 3 - 1), -1)
            cuts.append(min(options, key=lambda rank: (min(crossing[rank], 3), inside[rank], -rank)))
        lines = [range(*pair) for pair in pairwise([*cuts, last + 1])]
        height = sum(_span(extents, line) + _BETWEEN for line in lines)
        off = abs(math.log(max(map(len, lines)) * _ALONG / height / _WIDE))
        if off < best:
            best, found = off, lines
    return found or [range(last + 1)]


def _extents(places: dict, lanes: dict, last: int) -> list[tuple[float, float]]:
    """Return the least and the largest place across the line that each rank needs."""
    needs: list[list[float]] = [[] for _ in range(last + 1)]
    for across, rank in places.values():
        needs[rank] += [across - BOX / 2, across + BOX / 2]
    for (a, b), lane in lanes.items():
        for rank in range(places[a][1], places[b][1] + 1):
            needs[rank].append(lane)
    return [(min(each), max(each)) for each in needs]


def _span(extents: Sequence[tuple[float, float]], line: range) -> float:
    return max(extents[rank][1] for rank in line) - min(extents[rank][0] for rank in line)


class _Turned:
    """The layout of ``layered``, which runs down, turned to run from left to right and cut into lines."""

    def __init__(self, places: dict, lanes: dict, lines: Sequence[range]):
        self._places, self._lanes, self._lines = places, lanes, lines
        extents = _extents(places, lanes, lines[-1][-1])
        self._line_of = {rank: number for number, line in enumerate(lines) for rank in line}
        self._zero, self._top = [], []  # of each line: where `across` is 0, and its upper edge
        top = _MARGIN
        for line in lines:
            self._top.append(top)
            self._zero.append(top - min(extents[rank][0] for rank in line))
            top += _span(extents, line) + _BETWEEN
        self._right = _MARGIN + max(map(len, lines)) * _ALONG
        self.size = self._right + _MARGIN - (_ALONG - BOX), top - _BETWEEN + _MARGIN

    def _x(self, rank: int) -> float:
        return _MARGIN + (rank - self._lines[self._line_of[rank]].start) * _ALONG + BOX / 2

    def place(self, box: int) -> tuple[float, float]:
        across, rank = self._places[box]
        return self._x(rank), self._zero[self._line_of[rank]] + across

    def connection(self, a: int, b: int) -> list[tuple[float, float]]:
        """Return the corners of a connection, from the right of one box to the left of another."""
        (x, y), (x2, y2) = self.place(a), self.place(b)
        start, end = x + BOX / 2, x2 - BOX / 2
        gap = (_ALONG - BOX) / 2
        line, goal = (self._line_of[self._places[box][1]] for box in (a, b))
        if line == goal:
            lane = self._lanes.get((a, b))
            if lane is None:
                corners = [(start, y), (start + gap, y), (start + gap, y2), (end, y2)]
            else:
                lane += self._zero[line]
                corners = [(start, y), (start + gap, y), (start + gap, lane), (end - gap, lane), (end - gap, y2)]
                corners.append((end, y2))
        else:  # down between the lines, as the eye goes at the end of a line of text
            turn = self._top[goal] - _BETWEEN / 2
            corners = [(start, y), (start + gap, y), (start + gap, turn), (end - gap, turn), (end - gap, y2), (end, y2)]
        return [corner for n, corner in enumerate(corners) if n == 0 or corner != corners[n - 1]]

    def frames(self, named: Sequence[str]) -> list[tuple[str, float, float, float, float]]:
        """Return the groups as boxes around what is theirs in each line."""
        found: dict[tuple[str, int], list[tuple[float, float]]] = {}
        for box, name in enumerate(named):
            if name:
                found.setdefault((name, self._line_of[self._places[box][1]]), []).append(self.place(box))
        room = BOX / 2 + 12
        return [
            (name, min(xs) - room, min(ys) - room - 8, max(xs) + room, max(ys) + room)
            for (name, _), centres in found.items()
            for xs, ys in [zip(*centres, strict=True)]
        ]


def map_picture(layout: NetworkMap, thumbnails: dict[int, np.ndarray], chosen: int) -> np.ndarray:
    """Return a map as a picture (H, W, 3) uint8, in which the chosen box has a thick frame.

    Args:
        layout: The map.
        thumbnails: (h, w) uint8 for each box that has one, by its index.
        chosen: Index of the chosen box.
    """
    picture = Image.new("RGB", tuple(map(round, layout.size)), "white")
    pen = ImageDraw.Draw(picture)
    small, large = ImageFont.load_default(11), ImageFont.load_default(13)
    for name, *frame in layout.groups:
        pen.rounded_rectangle(frame, 8, fill="#f2f2f2", outline="#bbbbbb")
        pen.text((frame[0] + 8, frame[1] + 2), name, fill="#222222", font=large)
    for corners in layout.connections:
        pen.line(corners, fill="#555555", width=2)
    for number, box in enumerate(layout.boxes):
        fill, stroke = KINDS[box.kind]
        left, top = box.x - BOX / 2, box.y - BOX / 2
        corners = [left, top, left + BOX, top + BOX]
        pen.rounded_rectangle(corners, 6, fill=fill, outline=stroke, width=5 if number == chosen else 1)
        if number in thumbnails:
            side = BOX - 2 * _INSET
            thumbnail = Image.fromarray(thumbnails[number]).resize((side, side), Image.Resampling.NEAREST)
            picture.paste(thumbnail, (round(left) + _INSET, round(top) + 3))
        pen.text((box.x, top + BOX - 9), _ending(box.label), fill="#222222", font=small, anchor="mm")
    return np.asarray(picture)


def _ending(name: str) -> str:
    """Return as much of the end of a name as fits into its box."""
    return name if len(name) <= _LETTERS else "…" + name[1 - _LETTERS :]
