"""A network at one glance: its graph, what looks wrong, and the table of its layers."""

from __future__ import annotations

import base64
import html
import math
import re
from collections.abc import Sequence
from typing import Any

import networkx as nx
import pandas as pd

from coursekit.show.graph_layout import KINDS, kind_of, layered


def analyze(model: Any) -> Analysis:
    """Show what a network is made of: its graph, its layers and what they cost, and what looks wrong.

    Args:
        model: A Keras model: Sequential, functional, nested, with any number of inputs and outputs.

    Returns:
        The table of ``techniques.architecture``: a DataFrame with a row per layer, and with the columns ``layer``,
        ``type``, ``output shape``, ``hyperparameters``, ``parameters``, ``learnables``, ``multiplications``,
        ``share of the work``, ``receptive field``, ``stride``, ``field is``, ``connections`` and ``flags``. In a
        notebook it shows the graph of the network too.

    Raises:
        TypeError: ``model`` is no Keras model, or has no graph.
        ValueError: A Sequential model that was never given an input shape.

    Examples:
        >>> from coursekit import analyze, squeezenet
        >>> table = analyze(squeezenet())
        >>> len(table), int(table["parameters"].sum())
        (68, 1235496)
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
                "share": self["share of the work"].map(_percent),
                "sees": list(map(_field, self["receptive field"], self["field is"])),
                "stride": self["stride"].map(_stride),
            }
        )
        flags = [f"{_names(names, 6)}: {sentence}" for sentence, names in _sentences(self).items()]
        return "\n".join([_totals(self), "", shown.to_string(), *[""] * bool(flags), *flags])

    def _repr_html_(self) -> str:
        return _html(self)


# Words


def _totals(table: pd.DataFrame) -> str:
    known, flags = table["multiplications"].dropna(), sum(map(len, table["flags"]))
    work = f"{known.sum():,} multiplications for one picture"
    if uncounted := len(table) - len(known):
        layers = "1 layer" if uncounted == 1 else f"{uncounted} layers"
        work = f"at least {work} ({layers} not counted)" if known.any() else "multiplications not known"
    return (
        f"{table.attrs['network']}: {len(table)} layers, {table['parameters'].sum():,} parameters, {work}, "
        f"{flags or 'no'} flag{'' if flags == 1 else 's'}"
    )


def _shape(shape: Any) -> str:
    if isinstance(shape, list):  # several outputs
        return " and ".join(map(_shape, shape))
    return "x".join("?" if size is None else str(size) for size in shape) or "1"


def _number(number: Any) -> str:
    return "?" if pd.isna(number) else f"{number:,}" if number else ""


def _percent(share: float) -> str:
    if math.isnan(share) or share == 0:
        return ""
    return f"{100 * share:.1f} %" if share >= 0.0005 else "< 0.1 %"


def _field(size: tuple[int, int] | None, kind: str) -> str:
    if size is None:
        return ""
    return "x".join(map(str, size)) + {"exact": "", "upper bound": " at most"}.get(kind, f", {kind}")


def _stride(stride: tuple[float, float] | None) -> str:
    if stride is None or any(map(math.isnan, stride)):
        return ""
    return "x".join(f"{step:g}" for step in (stride if stride[0] != stride[1] else stride[:1]))


def _seen(row: pd.Series) -> str:
    stride = _stride(row["stride"])
    return _field(row["receptive field"], row["field is"]) + (f"<br>stride {stride}" if stride else "")


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
# The wheel moves the page, as elsewhere, until the box is clicked: who scrolls past it would be caught in it.
_WHEEL = (
    "if(this!==document.activeElement&&!event.ctrlKey&&!event.shiftKey){let e=this;do{e=e.parentElement}"
    "while(e&&!(e.scrollHeight>e.clientHeight&&/auto|scroll/.test(getComputedStyle(e).overflowY)));"
    "if(e){event.preventDefault();e.scrollBy(event.deltaX,event.deltaY*(event.deltaMode?40:1))}}"
)
_BOX = (
    'tabindex="0" role="region" data-lm-suppress-shortcuts="true" '  # arrow keys scroll here, and move no cell
    f'title="Click here to scroll with the wheel" onwheel="{html.escape(_WHEEL)}" '
    'style="max-height:420px;overflow:auto;border:1px solid #ddd;margin-top:8px"'
)
_STANDING_BOX = _BOX[: _BOX.index("data-lm")] + _BOX[_BOX.index("style=") :]


def standing_html(table: pd.DataFrame, most: int = 400) -> str:
    """Return what a notebook shows of a network for a page without scripts.

    Args:
        table: What ``analyze`` gave.
        most: A larger network is shown without its graph, and with so many layers and flags.
    """
    page = _html(table, _STANDING_BOX, most)
    if len(table) <= most:
        return page
    return f"{page}<p>The network is large: the graph is left out, and the table ends after {most} layers.</p>"


def _html(table: pd.DataFrame, box: str = _BOX, most: int | None = None) -> str:
    network, _, rest = html.escape(_totals(table)).partition(": ")
    kinds = [kind_of(row["type"], row["connections"]) for row in table.to_dict("records")]
    legend = [
        f'<span style="background:{fill};border:1px solid {stroke};border-radius:3px;padding:0 5px">{kind}</span>'
        for kind, (fill, stroke) in KINDS.items()
        if kind in kinds
    ]
    largest = table["share of the work"].max()
    if largest > 0:
        legend.append(
            f'<span style="border-bottom:3px solid #0072b2">bar</span> share of the work, up to {_percent(largest)}'
        )
    label = html.escape(f"Graph of {table.attrs['network']}")
    graph = []
    if most is None or len(table) <= most:
        svg = _svg(table)
        width = re.search(r'width="(\d+)"', svg).group(1)
        picture = base64.b64encode(svg.encode()).decode()
        graph = [
            f'<div {box} aria-label="{label}"><img width="{width}" style="max-width:none;display:block;margin:0 auto" '
            f'alt="{html.escape(_description(table))}" src="data:image/svg+xml;base64,{picture}"></div>'
        ]
    return "\n".join(
        [
            f'<div style="{_CARD}">',
            f'<p style="margin:0"><b>{network}</b>: {rest}</p>',
            *_flag_list(table, most),
            f'<p style="margin:8px 0 0;font-size:12px;line-height:1.9">{" ".join(legend)}</p>',
            *graph,
            f'<div {box} aria-label="Layers">',
            *(_html_table(table.head(most), "#") if most else _html_table(table)),
            "</div>",
            "</div>",
        ]
    )


def _flag_list(table: pd.DataFrame, most: int | None = None) -> list[str]:
    items = []
    for sentence, names in list(_sentences(table).items())[:most]:
        text = re.sub("`([^`]+)`", r"<b>\1</b>", html.escape(sentence))
        items.append(f"<div>{_sign([sentence])} <b>{html.escape(_names(names, 6))}</b>: {text}</div>")
    return ['<div style="margin-top:6px">', *items, "</div>"] if items else []


def _sign(flags: Sequence[str]) -> str:
    if not flags:
        return ""
    if all(map(_is_note, flags)):
        return '<span style="color:#666">&#9679;</span>'
    return '<span style="color:#b00020">&#9650;</span>'


def _html_table(table: pd.DataFrame, number: str = "") -> list[str]:
    left = '<td style="text-align:left">'
    words = ("layer", "output", "sees", "hyperparameters, learnables, origin")
    numbers = ("parameters", "multiplications, share")
    heads = [(number, "right"), *((word, "left") for word in words), *((word, "right") for word in numbers)]
    fixed = "position:sticky;top:0;background:#fff"
    lines = [
        '<table cellpadding="4" style="table-layout:auto;border-collapse:collapse;width:100%;margin:0;'
        'font-size:12px;color:#222;text-align:right">',
        "<thead><tr>",
        *(f'<th scope="col" style="{fixed};text-align:{side}">{head}</th>' for head, side in heads),
        "</tr></thead>",
    ]
    before = None
    for place, row in table.iterrows():
        origin = "" if row["connections"] in ((), (before,)) else f"from {', '.join(row['connections'])}"
        before = row["layer"]
        name = html.escape(row["layer"]).replace("/", "/<wbr>")  # a long name may break there
        words = [html.escape(text) for text in (row["hyperparameters"], row["learnables"], origin) if text]
        lines.append(
            f'<tr style="background:#{"f6f6f6" if place % 2 else "fff"}"><td>{place}</td>'
            f"{left}<b>{name}</b> {_sign(row['flags'])}<br>{html.escape(row['type'])}</td>"
            f"{left}{_shape(row['output shape'])}</td>{left}{_seen(row)}</td>{left}{'<br>'.join(words)}</td>"
            f"<td>{_number(row['parameters'])}</td>"
            f"<td>{_number(row['multiplications'])}<br>{_percent(row['share of the work'])}</td></tr>"
        )
    return [*lines, "</table>"]


# The picture of the graph

_WIDTH, _HEIGHT = 172, 34  # of a box, in pixels
_PITCH_X, _PITCH_Y = 184, 54  # from box to box
_LANE = 12  # between two lines that run beside the boxes


def _graph(table: pd.DataFrame) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(table["layer"])
    for layer, sources in zip(table["layer"], table["connections"], strict=True):
        graph.add_edges_from((source, layer) for source in sources)
    return graph


def _description(table: pd.DataFrame) -> str:
    graph = _graph(table)
    boxes, lines = layered(graph, _WIDTH, _PITCH_X, _LANE)
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
    boxes, lines = layered(graph, _WIDTH, _PITCH_X, _LANE)
    left = min(x for x, _ in boxes.values()) - _WIDTH / 2 - 8
    right = max([x for x, _ in boxes.values()] + [x - _WIDTH / 2 for x in lines.values()]) + _WIDTH / 2 + 8
    width, height = round(right - left), (max(row for _, row in boxes.values()) + 1) * _PITCH_Y
    place = {node: (round(x - left), row * _PITCH_Y + (_PITCH_Y - _HEIGHT) // 2) for node, (x, row) in boxes.items()}
    network = html.escape(table.attrs["network"])
    fills = "".join(f".k{i}{{fill:{fill};stroke:{stroke}}}" for i, (fill, stroke) in enumerate(KINDS.values()))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="Helvetica,Arial,sans-serif" font-size="10" text-anchor="middle">',
        f"<title>Graph of {network}</title><desc>{html.escape(_description(table))}</desc>",
        f"<style>{fills}.n{{font-size:11px;font-weight:bold}}.e{{fill:none;stroke:#555;marker-end:url(#a)}}"
        ".m{fill:#666}.f{fill:#b00020}.w{font-size:11px;font-weight:bold;fill:#fff}</style>",
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
    name, kind, share = row["layer"], kind_of(row["type"], row["connections"]), row["share of the work"]
    left = x - _WIDTH // 2
    text = f"{row['type']} {_shape(row['output shape'])}"
    parts = [
        f'<rect class="k{list(KINDS).index(kind)}" x="{left}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="4"/>',
        f'<text class="n" x="{x}" y="{y + 13}">{html.escape(_shortened(name, 23))}</text>',
        f'<text x="{x}" y="{y + 26}">{html.escape(_shortened(text, 31))}</text>',
    ]
    if len(name) > 23:
        parts.insert(0, f"<title>{html.escape(name)}</title>")
    if share > 0 and (length := round(share / largest * (_WIDTH - 8))):
        parts.append(f'<path d="M{left + 4} {y + _HEIGHT - 3}h{length}" stroke="#0072b2" stroke-width="3"/>')
    if row["flags"]:
        parts.append(_mark(left + _WIDTH - 8, y, all(map(_is_note, row["flags"]))))
    return "<g>" + "".join(parts) + "</g>"


def _mark(x: int, y: int, note: bool) -> str:
    """Return the sign of a flag, astride the upper right corner of a box."""
    if note:
        return f'<circle cx="{x}" cy="{y}" r="7" class="m"/><text class="w" x="{x}" y="{y + 4}">i</text>'
    return f'<path class="f" d="M{x} {y - 10}l10 17h-20z"/><text class="w" x="{x}" y="{y + 5}">!</text>'


def _shortened(text: str, most: int) -> str:
    """Return the end of a text that is too long for its box, of a nested layer its own name if that fits."""
    if len(text) > most and "/" in text:
        text = "…/" + text.rpartition("/")[2]
    return text if len(text) <= most else "…" + text[1 - most :]
