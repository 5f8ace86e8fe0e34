"""A lesson's notebook -> a page's: what a reader without Python may see, its outputs ready to become live.

Nothing is run. What makes the learner's copy cuts here too: solutions, the checks' results, and the words that would
tell a prediction's answer. What shows that answer is folded until the prediction is made.
"""

from __future__ import annotations

import copy
import hashlib
import html
import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output

from coursekit.exercises.model import Lesson
from coursekit.exercises.notebooks import checked_id, cut_results, cut_solutions, exercise_id
from coursekit.widgets.page_state import PAGE
from tools.addresses import binder, codespaces, colab

_INLINE = re.compile(r'src="data:image/(?P<kind>png|jpeg|webp);base64,(?P<data>[A-Za-z0-9+/=\s]+)"')
_RUN_THIS = "<p><em>Run this cell to answer.</em></p>"
_ANSWER_HERE = '<p class="ck-still-only"><em>It can be answered here where JavaScript runs.</em></p>'
_BAR = '<div class="highlight notranslate"><pre>{}</pre></div>'
EXPLORER = "ChannelExplorer"  # that of lesson 01 stands on the front page, too
_WITHOUT_SCRIPTS = (
    '<p class="ck-still-only">It is alive where JavaScript runs. The network that it fetches then has 5 MB.</p>'
)
CHECK = (
    '<p class="ck-check">Your answer is checked where Python runs, and you get hints there: '
    '<a href="#run-this-lesson">run this lesson</a>.</p>'
)


def page(notebook: NotebookNode, lesson: Lesson, figures: Path, run: str = "") -> NotebookNode:
    """Return the notebook that the book's page is made from.

    Args:
        notebook: A lesson as it is committed, with its outputs.
        lesson: What it asks.
        figures: The folder that its pictures are written into, ``_static/figures`` of the book.
        run: Markdown that says how to run the lesson; it comes below the first cell.
    """
    shown = cut_results(cut_solutions(notebook), lesson.instead, lesson.folded)
    for cell, source in zip(shown.cells, cut_solutions(notebook).cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs = [_shown(output, figures) for output in _joined(source.outputs)]
    _fold_answers(shown.cells)
    for cell in shown.cells:
        if cell.cell_type == "code" and checked_id(cell):
            cell.outputs = [_html(CHECK)]
        tags = {"hide-input"} if cell.metadata.get("jupyter", {}).get("source_hidden") else set()
        cell.metadata = {"tags": sorted(tags)} if tags else {}
        if cell.cell_type == "markdown":
            cell.source = _with_anchors(cell)
    if run:
        shown.cells.insert(1, new_markdown_cell(run, id="run"))
    shown.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
    }
    return shown


def run_this(name: str) -> str:
    """Return what stands below a lesson's first cell, as Markdown: how to run it. ``name`` is its file."""
    places = {"Open in Binder": binder(name), "Open in Colab": colab(name), "Run it yourself": "run.md"}
    ways = " · ".join(f"[{place}]({address})" for place, address in places.items() if address is not None)
    return (
        ":::{admonition} Run this lesson\n:class: ck-run\n:name: run-this-lesson\n\n"
        f"{ways}\n\nOn this page you read, answer the questions, and play with what is live. "
        "Where Python runs you can change the code, and your exercises are checked.\n:::"
    )


def front(notebook: NotebookNode, figures: Path) -> str:
    """Return the front page's explorer: the HTML of the first one in a lesson, with its still picture."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    said, still = next((about(one), one.data["text/html"]) for one in outputs if about(one).get("kind") == EXPLORER)
    return live(EXPLORER, said["arguments"], f"{figures_apart(still, figures)}\n{_WITHOUT_SCRIPTS}")


def without_installing(first: str) -> str:
    """Return where the lessons open in a browser, as Markdown. ``first`` is the file of the first lesson."""
    places = {"Binder": binder(), "Colab (lesson 1)": colab(first), "Codespaces": codespaces()}
    ways = " · ".join(f"[{place}]({address})" for place, address in places.items() if address is not None)
    if ways:
        return f"Without installing anything: {ways}."
    return (
        "No links to Binder, Colab and Codespaces stand here, because this copy of the book does not know the address "
        "of its repository."
    )


def about(output: dict) -> dict[str, Any]:
    """Return what an output says of itself: its kind and arguments; empty if it says nothing."""
    return output.get("metadata", {}).get("coursekit") or {}


def live(kind: str, arguments: dict, still: str) -> str:
    """Return the HTML of a part that becomes live in the page, around its still picture."""
    said = html.escape(json.dumps(arguments), quote=True)
    return f'<div class="ck-live" data-kind="{html.escape(kind)}" data-arguments="{said}">\n{still}\n</div>'


def figures_apart(text: str, folder: Path) -> str:
    """Write the pictures that stand in HTML into a folder of files, each named by what is in it, and point to them."""

    def file(found: re.Match) -> str:
        content = b64decode(found["data"])
        name = f"{hashlib.sha256(content).hexdigest()[:16]}.{found['kind']}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        return f'src="_static/figures/{name}" loading="lazy" decoding="async"{_size(content)}'

    return _INLINE.sub(file, text)


def saved(state: Any, folder: Path) -> str:
    """Write what a widget left in its output to a file, which is named by what is in it; return the name."""
    text = json.dumps(state, separators=(",", ":"))
    name = f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, "utf-8")
    return name


def _size(content: bytes) -> str:
    """Return the attributes that keep a picture's place before it is loaded."""
    import io

    from PIL import Image

    width, height = Image.open(io.BytesIO(content)).size
    return f' width="{width}" height="{height}"'


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Return a copy of outputs in which what was printed in pieces stands together."""
    joined: list[NotebookNode] = []
    for output in copy.deepcopy(outputs):
        if joined and output.output_type == joined[-1].output_type == "stream":
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _shown(output: NotebookNode, figures: Path) -> NotebookNode:
    """Return one output as the page has it."""
    data = output.get("data", {})
    state = data.pop(PAGE, None)
    if "text/html" not in data:
        return output
    text = figures_apart(data["text/html"].replace(_RUN_THIS, _ANSWER_HERE), figures)
    said = about(output)
    if said and said["kind"] != "Check":
        left = {} if state is None else {"saved": saved(state, figures.parent / "live" / "saved")}
        text = live(said["kind"], {**said["arguments"], **left}, text)
    return _html(text)


def _html(text: str) -> NotebookNode:
    return new_output("display_data", data={"text/html": text})


def _fold_answers(cells: list[NotebookNode]) -> None:
    """Fold what gives a prediction's answer away: what the cells of the result's section show, after the question."""
    asked: dict[str, int] = {}  # where each is
    section = 0
    until: dict[int, list[str]] = {}  # of each cell to be folded: the predictions
    for i, cell in enumerate(cells):
        if cell.cell_type == "markdown" and re.match(r"##? ", cell.source):
            section = i
        for kind, arguments in _live_parts(cell):
            if kind == "QuestionCards" and arguments["asks"] == "prediction":
                asked[arguments["ids"][0]] = i
            elif kind == "Result" and arguments["id"] in asked:
                for told in range(max(section, asked[arguments["id"]]), i + 1):
                    until.setdefault(told, []).append(arguments["id"])
    for i, ids in until.items():
        if cells[i].get("outputs"):
            cells[i].outputs = _folded(cells[i].outputs, ids)


def _live_parts(cell: NotebookNode) -> list[tuple[str, dict]]:
    """Return kind and arguments of what is live in a cell's outputs."""
    found = [_LIVE.search(output.get("data", {}).get("text/html", "")) for output in cell.get("outputs", [])]
    return [(one["kind"], json.loads(html.unescape(one["arguments"]))) for one in found if one]


_LIVE = re.compile(r'<div class="ck-live" data-kind="(?P<kind>\w+)" data-arguments="(?P<arguments>[^"]*)">')


def _folded(outputs: list[NotebookNode], ids: list[str]) -> list[NotebookNode]:
    """Return outputs as one that is folded until the predictions are made; questions stay outside of it."""
    open_ones = [output for output in outputs if 'data-kind="QuestionCards"' in _as_html(output)]
    rest = [output for output in outputs if output not in open_ones]
    if not rest:
        return outputs
    inside = "\n".join(map(_as_html, rest))
    until = html.escape(json.dumps(ids), quote=True)
    summary = "Show what came out (better after your prediction)"
    folded = f'<details class="ck-until" data-until="{until}"><summary>{summary}</summary>\n{inside}\n</details>'
    return [_html(folded), *open_ones]


def _as_html(output: NotebookNode) -> str:
    """Return an output, text or HTML, as HTML."""
    if output.output_type == "stream":
        return _BAR.format(html.escape(output.text))
    data = output.get("data", {})
    return data["text/html"] if "text/html" in data else _BAR.format(html.escape(data.get("text/plain", "")))


def _with_anchors(cell: NotebookNode) -> str:
    """Return a text cell; an exercise's mark is a comment, which a page does not need."""
    return re.sub(r"^<!--+\s*exercise[^>]*-->\n?", "", cell.source) if exercise_id(cell) else cell.source
