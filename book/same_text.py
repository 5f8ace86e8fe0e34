"""Whether the built pages say what the notebooks say: every text in its order, and nothing of the solutions.

It reads the notebooks and the pages by itself, and shares nothing with what builds the one from the other.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

from bs4 import BeautifulSoup
from markdown_it import MarkdownIt

from coursekit.exercises.catalogue import lesson

_SOLUTION = re.compile(r"BEGIN SOLUTION[^\n]*\n(.*?)\n[^\n]*END SOLUTION", re.DOTALL)
_BLOCKS = ["p", "li", "h1", "h2", "h3", "h4", "td", "th"]


def text_faults(page: Path, notebook: Path) -> list[str]:
    """Return a line for each text of a lesson that its page lacks, and each part of a solution that it has."""
    article = BeautifulSoup(page.read_text("utf-8"), "html.parser").find(attrs={"role": "main"})
    for extra in article.select("a.headerlink, .ck-run"):
        extra.decompose()
    code = "\n".join(plain(block.get_text()) for block in article.find_all("pre"))
    said = plain(article.get_text(" "))
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    faults, at = [], 0
    for cell in cells:
        source = "".join(cell["source"])
        solutions = _SOLUTION.findall(source)
        if cell["cell_type"] == "code":
            told = [line for one in solutions for line in map(plain, one.splitlines()) if len(line) > 25]
            elsewhere = "\n".join(plain("".join(one["source"])) for one in cells if one is not cell)
            faults += [f"shows of a solution: {line!r}" for line in told if line in code and line not in elsewhere]
            continue
        source = _SOLUTION.sub("", source)
        for words, others in lesson(page.name[:2]).instead.items():
            source = source.replace(words, others)
        for block in blocks(source) if at >= 0 else ():
            found = said.find(block, at)
            if found < 0:  # the first tells enough: what follows may be found too early
                faults.append(f"lacks {block[:80]!r}, or has it in another place")
            at = found
    return [f"{page.name}: {fault}" for fault in faults]


def questions_that_are_still(page: Path) -> list[str]:
    """Return the ids of a lesson's questions that its page does not ask: its outputs do not say what they are."""
    asked = re.findall(r'data-kind="QuestionCards" data-arguments="([^"]*)"', page.read_text("utf-8"))
    live = {id for one in asked for id in json.loads(html.unescape(one))["ids"]}
    wanted = lesson(page.name[:2])
    return [question.id for question in (*wanted.predictions, *wanted.quiz) if question.id not in live]


def explorers_that_are_still(page: Path) -> list[str]:
    """Return the kinds of a lesson's parts of which the lesson's output does not hold what a page needs."""
    found = re.findall(r'data-kind="(EmbeddingExplorer|UnitCard)" data-arguments="([^"]*)"', page.read_text("utf-8"))
    return [kind for kind, arguments in found if "saved" not in json.loads(html.unescape(arguments))]


def blocks(source: str) -> list[str]:
    """Return the paragraphs, headings and list items of Markdown as text."""
    made = BeautifulSoup(MarkdownIt("gfm-like", {"linkify": False}).render(source), "html.parser")
    leaves = [one for one in made.find_all(_BLOCKS) if not one.find(_BLOCKS)]
    return [text for text in (plain(leaf.get_text(" ")) for leaf in leaves) if text]


def plain(text: str) -> str:
    """Return text by its letters alone: how it is broken and spaced is the page's affair."""
    return re.sub(r"\s+", "", text)
