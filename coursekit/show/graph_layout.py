"""The graph of a network, laid out: which layers stand beside each other, and where the lines run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

import networkx as nx

KINDS = {  # fill and stroke: tints of Okabe and Ito's palette, which colour-blind readers can tell apart
    "input": ("#ffffff", "#333333"),
    "convolution, dense": ("#cfe6f5", "#0072b2"),
    "activation": ("#fbf5bd", "#a08a00"),
    "pooling": ("#c6ebdd", "#008a64"),
    "normalisation, dropout": ("#f5dcea", "#b0588a"),
    "joins branches": ("#fbdcc4", "#c65500"),
    "other": ("#eeeeee", "#777777"),
}


def kind_of(type_: str, parents: Sequence[str]) -> str:
    """Return which of ``KINDS`` a layer is, from the name of its type and the layers that feed it."""
    if not parents:
        return "input"
    if len(parents) > 1:
        return "joins branches"
    for kind, pattern in (
        ("normalisation, dropout", "Norm|Dropout|Noise"),
        ("activation", "LU$|Activation|Softmax|relu|softmax|sigmoid|tanh|silu"),
        ("pooling", "Pool"),
        ("convolution, dense", "Conv|Dense"),
    ):
        if re.search(pattern, type_):
            return kind
    return "other"


def layered(
    graph: nx.DiGraph, width: float, pitch: float, lane_width: float
) -> tuple[dict[str, tuple[float, int]], dict[tuple[str, str], float]]:
    """Return where boxes stand, and where lines run that pass boxes by.

    A chain is a run of layers without a fork or join. It keeps one column, from its first layer down to where it
    joins others; chains that share rows stand side by side. A connection that skips layers runs to the right of them.

    Args:
        graph: The layers and what they give each other.
        width: Of a box.
        pitch: From the centre of a box to that of the next in its row.
        lane_width: Between two lines that run beside the boxes.

    Returns:
        {layer: (centre, row)} and {(from, to): centre of the vertical line}, for connections longer than one row.
    """
    row_of = {node: row for row, nodes in enumerate(nx.topological_generations(graph)) for node in nodes}
    first_of, last_of = {}, {}  # of the chain: by any of its layers, and by its first
    for node in row_of:
        parents = list(graph.predecessors(node))
        goes_on = len(parents) == 1 and graph.out_degree(parents[0]) == 1
        first_of[node] = first_of[parents[0]] if goes_on else node
        last_of[first_of[node]] = node
    spans = {}
    for first, last in sorted(last_of.items(), key=lambda chain: row_of[chain[0]]):
        followers = list(graph.successors(last))
        spans[first] = range(row_of[first], row_of[followers[0]] if len(followers) == 1 else row_of[last] + 1)
    overlaps, column = _side_by_side(spans)
    centre, half_width = {}, {}
    for block in nx.connected_components(overlaps):  # each around the middle
        rightmost = max(column[first] for first in block)
        for first in block:
            centre[first] = (column[first] - rightmost / 2) * pitch
            half_width.update((row, rightmost / 2 * pitch + width / 2) for row in spans[first])

    lines, skips = {}, {}
    for a, b in sorted(graph.edges, key=lambda edge: row_of[edge[1]] - row_of[edge[0]]):
        if row_of[b] - row_of[a] > 1 and graph.out_degree(a) == 1:
            lines[a, b] = centre[first_of[a]]  # down the chain's own column
        elif row_of[b] - row_of[a] > 1:
            skips[a, b] = range(row_of[a] + 1, row_of[b])
    _, lane = _side_by_side(skips)  # the shorter, the further in
    for edge, span in skips.items():
        lines[edge] = max(half_width[row] for row in span) + lane_width * (lane[edge] + 1)
    return {node: (centre[first_of[node]], row_of[node]) for node in graph}, lines


def _side_by_side(spans: dict) -> tuple[nx.Graph, dict]:
    """Return which spans of rows overlap, and for each the first column from the left that is free, in their order."""
    overlaps = nx.Graph()
    overlaps.add_nodes_from(spans)
    overlaps.add_edges_from(
        (a, b)
        for a, b in combinations(spans, 2)
        if max(spans[a].start, spans[b].start) < min(spans[a].stop, spans[b].stop)
    )
    return overlaps, nx.greedy_color(overlaps, strategy=lambda graph, colors: list(spans))
