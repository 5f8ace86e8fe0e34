"""A network at one glance: its graph, what looks wrong, and the table of its layers."""

from __future__ import annotations

import base64
import html
import math
import re
from itertools import pairwise
from typing import Any

import networkx as nx
import pandas as pd


def analyze(model: Any) -> Analysis:
    """Show what a network is made of: its graph, its layers and what they cost, and what looks wrong.

    Args:
        model: A Keras model: Sequential, functional, nested, with any number of inputs and outputs.

    Returns:
        The table of ``techniques.architecture``: a DataFrame with a row per layer, and with the columns ``layer``,
        ``type``, ``output shape``, ``hyperparameters``, ``parameters``, ``learnables``, ``multiplications``,
        ``share of the work``, ``connections`` and ``flags``. In a notebook it shows the graph of the network too.

    Raises:
        TypeError: ``model`` is no Keras model, or has no graph.
        ValueError: A Sequential model that was never given an input shape.
    """
    from coursekit.techniques.architecture import architecture

    table = architecture(model)
    analysis = Analysis(table)
    analysis.attrs = table.attrs
    return analysis


class Analysis(pd.DataFrame):
    """The table of a whole network. What is cut out of it is a plain DataFrame."""

    @property
    def _constructor(self) -> type:
        return pd.DataFrame

    def __repr__(self) -> str:
        """Return the totals, the table without its wordy columns, and the flags."""
        shown = pd.DataFrame(
            {
                "layer": self["layer"],
                "type": self["type"],
                "output shape": self["output shape"].map(_shape),
                "parameters": self["parameters"].map(_number),
                "multiplications": self["multiplications"].map(_number),
                "share of the work": self["share of the work"].map(_percent),
            }
        )
        flags = [f"{_names(names, 6)}: {sentence}" for sentence, names in _sentences(self).items()]
        return "\n".join([_totals(self), "", shown.to_string(), *[""] * bool(flags), *flags])

    def _repr_html_(self) -> str:
        return _html(self)


# Words


def _totals(table: pd.DataFrame) -> str:
    multiplications = table["multiplications"]
    unknown = int(multiplications.isna().sum())
    flags = int(table["flags"].map(len).sum())
    return ", ".join(
        [
            f"{table.attrs['network']}: {len(table)} layers",
            f"{table['parameters'].sum():,} parameters",
            f"{'at least ' if unknown else ''}{int(multiplications.sum()):,} multiplications for one picture"
            + (f" (not known for {unknown} of the layers)" if unknown else ""),
            f"{flags or 'no'} flag{'s' if flags != 1 else ''}",
        ]
    )


def _shape(shape: Any) -> str:
    if isinstance(shape, list):  # several outputs
        return " and ".join(map(_shape, shape))
    return "x".join("?" if size is None else str(size) for size in shape) or "1"


def _number(number: Any) -> str:
    return "?" if pd.isna(number) else f"{number:,}" if number else ""


def _percent(share: float) -> str:
    return "" if math.isnan(share) or not share else f"{100 * share:.1f} %" if share >= 0.0005 else "< 0.1 %"


def _sentences(table: pd.DataFrame) -> dict[str, list[str]]:
    """Return the flags, each with the layers that have it, those that are only notes last."""
    found: dict[str, list[str]] = {}
    for layer, flags in zip(table["layer"], table["flags"], strict=True):
        for sentence in flags:
            found.setdefault(sentence, []).append(layer)
    return dict(sorted(found.items(), key=lambda item: _is_note(item[0])))


def _is_note(sentence: str) -> bool:
    return sentence.startswith("Note:")


def _names(names: list[str], most: int) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# The page. JupyterLab strips <svg>, <style> and most attributes from a notebook that is not trusted yet, but keeps
# pictures and a style in each tag. Its own style sheet would colour and align a table's cells otherwise.

_CARD = "background:#fff;color:#222;border:1px solid #ccc;border-radius:6px;padding:10px 14px;font-size:13px"
_BOX = (
    'tabindex="0" role="region" data-lm-suppress-shortcuts="true" '  # arrow keys scroll here, and move no cell
    'style="max-height:460px;overflow:auto;border:1px solid #ddd;margin-top:8px"'
)
_KINDS = {  # fill and stroke: tints of Okabe and Ito's palette, which colour-blind readers can tell apart
    "input": ("#ffffff", "#333333"),
    "convolution, dense": ("#cfe6f5", "#0072b2"),
    "activation": ("#fbf5bd", "#a08a00"),
    "pooling": ("#c6ebdd", "#008a64"),
    "normalisation, dropout": ("#f5dcea", "#b0588a"),
    "joins branches": ("#fbdcc4", "#c65500"),
    "other": ("#eeeeee", "#777777"),
}


def _html(table: pd.DataFrame) -> str:
    network, _, rest = html.escape(_totals(table)).partition(": ")
    kinds = [_kind(row) for row in table.to_dict("records")]
    legend = [
        f'<span style="background:{fill};border:1px solid {stroke};border-radius:3px;padding:0 5px">{kind}</span>'
        for kind, (fill, stroke) in _KINDS.items()
        if kind in kinds
    ]
    largest = table["share of the work"].max()
    if largest > 0:
        legend.append(
            f'<span style="border-bottom:3px solid #0072b2">bar</span> share of the work, full = {_percent(largest)}'
        )
    svg = _svg(table)
    width = re.search(r'width="(\d+)"', svg).group(1)
    picture = base64.b64encode(svg.encode()).decode()
    label = html.escape(f"Graph of {table.attrs['network']}")
    return "\n".join(
        [
            f'<div style="{_CARD}">',
            f'<p style="margin:0"><b>{network}</b>: {rest}</p>',
            *_flag_list(table),
            f'<p style="margin:8px 0 0;line-height:1.9">{" ".join(legend)}</p>',
            f'<div {_BOX} aria-label="{label}"><img width="{width}" style="max-width:none;display:block;margin:0 auto" '
            f'alt="{html.escape(_description(table))}" src="data:image/svg+xml;base64,{picture}"></div>',
            f'<div {_BOX} aria-label="Layers">',
            *_html_table(table),
            "</div>",
            "</div>",
        ]
    )


def _flag_list(table: pd.DataFrame) -> list[str]:
    items = []
    for sentence, names in _sentences(table).items():
        mark = '<b style="color:#666">&#9679;</b>' if _is_note(sentence) else '<b style="color:#b00020">&#9650;</b>'
        text = re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(sentence))
        layers = html.escape(_names(names, 6))
        items.append(f"<div>{mark} <b>{layers}</b>: {text}</div>")
    return ['<div style="margin-top:6px">', *items, "</div>"] if items else []


def _html_table(table: pd.DataFrame) -> list[str]:
    left = '<td style="text-align:left">'
    heads = ["", "layer", "output", "hyperparameters and learnables", "parameters", "multiplications", "share"]
    lines = [
        '<table style="table-layout:auto;width:100%;margin:0;font-size:12px;color:#222">',
        "<thead><tr>",
        *(
            f'<th scope="col" style="position:sticky;top:0;background:#fff;text-align:{"left" if 0 < i < 4 else "right"}">'
            f"{head}</th>"
            for i, head in enumerate(heads)
        ),
        "</tr></thead>",
    ]
    before = None
    for i, row in enumerate(table.to_dict("records")):
        sources = row["connections"]
        origin = f"from {', '.join(sources)}" if sources and sources != (before,) else ""
        before = row["layer"]
        second = [html.escape(text) for text in (row["hyperparameters"], row["learnables"], origin) if text]
        lines.append(
            f'<tr style="background:#{"f6f6f6" if i % 2 else "fff"}"><td>{i}</td>'
            f"{left}<b>{html.escape(row['layer'])}</b><br>{html.escape(row['type'])}</td>"
            f"{left}{_shape(row['output shape'])}</td>"
            f"{left}{'<br>'.join(second)}</td>"
            f"<td>{_number(row['parameters'])}</td><td>{_number(row['multiplications'])}</td>"
            f"<td>{_percent(row['share of the work'])}</td></tr>"
        )
    return [*lines, "</table>"]


# The picture of the graph

_WIDTH, _HEIGHT = 164, 34  # of a box, in pixels
_PITCH_X, _PITCH_Y = 178, 54  # from box to box
_LANE = 12  # between two lines that run beside the boxes


def _kind(row: dict) -> str:
    if not row["connections"]:
        return "input"
    if len(row["connections"]) > 1:
        return "joins branches"
    for kind, pattern in (
        ("normalisation, dropout", "Norm|Dropout|Noise"),
        ("activation", "LU$|Activation|Softmax|relu|softmax|sigmoid|tanh|silu"),
        ("pooling", "Pool"),
        ("convolution, dense", "Conv|Dense"),
    ):
        if re.search(pattern, row["type"]):
            return kind
    return "convolution, dense" if row["learnables"] else "other"


def _graph(table: pd.DataFrame) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(table["layer"])
    graph.add_edges_from(
        (source, row) for row, sources in zip(table["layer"], table["connections"], strict=True) for source in sources
    )
    return graph


def _layout(graph: nx.DiGraph) -> tuple[dict[str, tuple[float, int]], dict[tuple[str, str], float]]:
    """Return where boxes stand, and where lines run that pass boxes by.

    A chain is a run of layers without a fork or join. It keeps one column, from its first layer down to where it
    joins others. Chains that exist in the same rows stand side by side. A connection that skips layers runs to the
    right of all of them.

    Returns:
        {layer: (centre, row)} and {(from, to): centre of the vertical line}, for connections longer than one row.
    """
    row_of = {node: row for row, nodes in enumerate(nx.topological_generations(graph)) for node in nodes}
    chains: dict[str, list[str]] = {}  # by their first layer
    first_of: dict[str, str] = {}
    for node in graph:  # the table's order: each after those it needs
        parents = list(graph.predecessors(node))
        goes_on = len(parents) == 1 and graph.out_degree(parents[0]) == 1
        first_of[node] = first_of[parents[0]] if goes_on else node
        chains.setdefault(first_of[node], []).append(node)

    def rows(chain: list[str]) -> range:
        followers = list(graph.successors(chain[-1]))
        end = row_of[followers[0]] if len(followers) == 1 else row_of[chain[-1]] + 1
        return range(row_of[chain[0]], end)

    # Chains whose rows overlap form a block, with as many columns as it needs, around the middle.
    centres, half_width = {}, {}
    block: list[tuple[range, str]] = []
    in_order = sorted(((rows(chain), first) for first, chain in chains.items()), key=lambda item: item[0].start)
    for (span, first), following in zip(in_order, [*in_order[1:], None], strict=True):
        block.append((span, first))
        bottom = max(span.stop for span, _ in block)
        if following is not None and following[0].start < bottom:
            continue
        free_from: list[int] = []  # for each column the row from which it is free
        columns = {}
        for span, first in block:
            column = next((c for c, row in enumerate(free_from) if row <= span.start), len(free_from))
            free_from[column : column + 1] = [span.stop]
            columns[first] = column
        for first, column in columns.items():
            centres[first] = (column - (len(free_from) - 1) / 2) * _PITCH_X
        for row in range(block[0][0].start, bottom):
            half_width[row] = (len(free_from) - 1) / 2 * _PITCH_X + _WIDTH / 2
        block = []

    lines = {}
    lanes: list[list[range]] = []  # what rows are taken, for each lane from the inside out
    long = [(a, b) for a, b in graph.edges if row_of[b] - row_of[a] > 1]
    for a, b in sorted(long, key=lambda edge: row_of[edge[1]] - row_of[edge[0]]):
        if graph.out_degree(a) == 1:
            lines[a, b] = centres[first_of[a]]
            continue
        span = range(row_of[a] + 1, row_of[b])
        lane = next(
            (k for k, taken in enumerate(lanes) if all(s.start >= span.stop or span.start >= s.stop for s in taken)),
            len(lanes),
        )
        lanes[lane : lane + 1] = [[*(lanes[lane] if lane < len(lanes) else []), span]]
        lines[a, b] = max(half_width[row] for row in span) + _LANE * (lane + 1)
    return {node: (centres[first_of[node]], row_of[node]) for node in graph}, lines


def _description(table: pd.DataFrame) -> str:
    graph = _graph(table)
    boxes, lines = _layout(graph)
    forks = sum(degree > 1 for _, degree in graph.out_degree)
    rows = [row for _, row in boxes.values()]
    abreast = max(rows.count(row) for row in set(rows))
    begins = ", ".join(node for node, degree in graph.in_degree if degree == 0)
    ends = ", ".join(node for node, degree in graph.out_degree if degree == 0)
    skips = sum(graph.out_degree(source) > 1 for source, _ in lines)
    flagged = int(table["flags"].map(bool).sum())
    return (
        f"Graph of {table.attrs['network']}: {len(table)} layers from {begins} at the top to {ends} at the bottom. "
        + (f"It branches in {forks} places, with up to {abreast} layers side by side" if forks else "No branches")
        + (f"; {skips} connections skip layers." if skips else ".")
        + (f" {flagged} layers are flagged." if flagged else "")
    )


def _svg(table: pd.DataFrame) -> str:
    graph = _graph(table)
    boxes, lines = _layout(graph)
    left = min(x for x, _ in boxes.values()) - _WIDTH / 2 - 8
    right = max([x for x, _ in boxes.values()] + [x - _WIDTH / 2 for x in lines.values()]) + _WIDTH / 2 + 8
    width, height = round(right - left), (max(row for _, row in boxes.values()) + 1) * _PITCH_Y
    place = {node: (round(x - left), row * _PITCH_Y + (_PITCH_Y - _HEIGHT) // 2) for node, (x, row) in boxes.items()}
    network = html.escape(table.attrs["network"])
    fills = "".join(f".k{i}{{fill:{fill};stroke:{stroke}}}" for i, (fill, stroke) in enumerate(_KINDS.values()))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="Helvetica,Arial,sans-serif" font-size="10" text-anchor="middle">',
        f"<title>Graph of {network}</title><desc>{html.escape(_description(table))}</desc>",
        f"<style>{fills}.n{{font-size:11px;font-weight:bold}}.e{{fill:none;stroke:#555;marker-end:url(#a)}}</style>",
        '<marker id="a" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="6" markerHeight="6" orient="auto">'
        '<path d="M0 0L6 3L0 6z" fill="#555"/></marker>',
    ]
    for a, b in graph.edges:
        line = lines.get((a, b))
        parts.append(
            f'<path class="e" d="{_curve(place[a], place[b], None if line is None else round(line - left))}"/>'
        )
    largest = table["share of the work"].max()
    for row in table.to_dict("records"):
        parts.append(_box(row, *place[row["layer"]], largest))
    return "\n".join([*parts, "</svg>"])


def _curve(start: tuple[int, int], end: tuple[int, int], line: int | None) -> str:
    """Return the path from the bottom of one box to the top of another, bending only between two rows."""
    gap = _PITCH_Y - _HEIGHT
    (x, y), (x2, y2) = (start[0], start[1] + _HEIGHT), end
    if line is None:
        return f"M{x} {y}" + (f"V{y2}" if x == x2 else f"C{x} {y + gap} {x2} {y} {x2} {y2}")
    down, up = y + gap, y2 - gap
    return f"M{x} {y}C{x} {down} {line} {y} {line} {down}V{up}C{line} {y2} {x2} {up} {x2} {y2}"


def _box(row: dict, x: int, y: int, largest: float) -> str:
    name, kind, share = row["layer"], _kind(row), row["share of the work"]
    left = x - _WIDTH // 2
    text = f"{row['type']} {_shape(row['output shape'])}"
    parts = [
        f'<rect class="k{list(_KINDS).index(kind)}" x="{left}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="4"/>',
        f'<text class="n" x="{x}" y="{y + 13}">{html.escape(_shortened(name, 25))}</text>',
        f'<text x="{x}" y="{y + 26}">{html.escape(_shortened(text, 31))}</text>',
    ]
    if len(name) > 25:
        parts.insert(0, f"<title>{html.escape(name)}</title>")
    if share > 0 and (length := round(share / largest * (_WIDTH - 8))):
        parts.append(f'<path d="M{left + 4} {y + _HEIGHT - 3}h{length}" stroke="#0072b2" stroke-width="3"/>')
    return "<g>" + "".join(parts) + "</g>"


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else "…" + text[1 - most :]
