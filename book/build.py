"""Builds the web book: ``python -m book.build``. The lessons' notebooks become pages in ``site/``; nothing is run.

What Sphinx reads is written to ``build/book`` first: a page for each lesson, the words, the package, and what a page
needs to be live without Python.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

from book.glossary import glossary, linked, words
from book.live_files import write_live_files
from book.pages import front, live, page, run_this, without_installing
from book.questions import questions
from coursekit.exercises import catalogue
from coursekit.exercises.notebooks import lesson_file

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
_TITLE = re.compile(r"^# (?P<title>.+)$", re.MULTILINE)
_SOURCES = re.compile(r"^### (?:Sources|Papers)\n+(?P<papers>.+?)(?=\n\n###|\n\n\*\*Next|\Z)", re.MULTILINE | re.DOTALL)


def write_sources(to: Path) -> None:
    """Write what Sphinx reads into a folder, which is made anew."""
    from book.api import api  # which takes Sphinx; the other pages do without

    shutil.rmtree(to, ignore_errors=True)
    (to / "_static").mkdir(parents=True)
    write_pages(to)
    (to / "api.rst").write_text(api(ROOT / "coursekit"), "utf-8")
    write_static(to / "_static")


def write_pages(to: Path) -> None:
    """Write the pages, but that of the package's names, and the pictures in them, into a folder."""
    static = to / "_static"
    lessons = {number: lesson_file(number) for number in catalogue.LESSONS}
    notebooks = {number: nbformat.read(file, as_version=4) for number, file in lessons.items()}
    entries, papers = [], []
    titles = {file.stem: _TITLE.search(notebooks[n].cells[0].source)["title"] for n, file in lessons.items()}
    for number, file in lessons.items():
        notebook = page(notebooks[number], catalogue.lesson(number), static / "figures", run_this(file.name))
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                entries += words(cell.source, file.stem)
                if found := _SOURCES.search(cell.source):
                    papers.append((file.stem, found["papers"]))
                cell.source = linked(cell.source)
        nbformat.write(notebook, to / file.name)
    (to / "words.md").write_text(glossary(entries, titles), "utf-8")
    for file in (*(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("*.webp")):
        shutil.copy(file, to)
    parts = {
        "chapters": "\n".join(titles),
        "explorer": front(notebooks["01"], static / "figures"),
        "elsewhere": without_installing(lessons["01"].name),
        "progress": progress(titles),
        "papers": sources(papers, titles),
    }
    for name in ("index.md", "run.md", "instructors.md", "sources.md"):
        text = (HERE / name).read_text("utf-8")
        (to / name).write_text(re.sub(r"{{ (\w+) }}", lambda found: parts[found[1]], text), "utf-8")
    for name in ("conf.py", "favicon.svg"):
        shutil.copy(HERE / name, to)


def write_static(static: Path) -> None:
    """Write what the pages load: styles, the live parts with all that they need, and the questions."""
    for name in ("book.css", "book.js", "still.js"):
        shutil.copy(HERE / name, static)
    write_live_files(static / "live")
    for number in catalogue.LESSONS:
        text = json.dumps(questions(catalogue.lesson(number)), ensure_ascii=False, separators=(",", ":"))
        (static / "live" / f"questions_{number}.json").write_text(text, "utf-8")


def sources(papers: list[tuple[str, str]], titles: dict[str, str]) -> str:
    """Return what the lessons stand on: each paper that one names, linked."""
    lines = []
    for stem, text in papers:
        lines += [f"## {titles[stem]}", "", f"{{doc}}`Read the lesson <{stem}>`", ""]
        lines += [f"- {_with_links(one.strip())}" for one in re.split(r"\s+·\s+", text)] + [""]
    return "\n".join(lines)


def _with_links(paper: str) -> str:
    paper = re.sub(r"\barXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", paper)
    return re.sub(r"\bdoi:(10\.\S+?)(?=[.,]?(\s|$))", r"[doi:\1](https://doi.org/\1)", paper)


def progress(titles: dict[str, str]) -> str:
    """Return the part of the front page that counts what was answered."""
    lessons = [
        {"title": title, "page": f"{stem}.html", "ids": list(questions(catalogue.lesson(stem[:2])))}
        for stem, title in titles.items()
    ]
    return live("Progress", {"lessons": lessons}, '<p class="ck-still-only">It is counted where JavaScript runs.</p>')


def accessible(text: str) -> str:
    """Return a page with what the theme leaves out: the level of captions, and names of the two columns beside it.

    And an empty head of a table is an empty cell.
    """
    text = re.sub(r"<th[^>]*>(?:<p>)?(?:</p>)?</th>", "<td></td>", text)
    text = text.replace('<div id="search-results">', '<h1>Search</h1>\n<div id="search-results">')
    text = text.replace(' role="heading">', ' role="heading" aria-level="2">')
    text = text.replace('<aside class="sidebar-drawer"', '<aside aria-label="The book" class="sidebar-drawer"')
    return text.replace('<aside class="toc-drawer', '<aside aria-label="This page" class="toc-drawer')


def cut_leftovers(made: Path) -> None:
    """Take away from the site what is only for building it again: a file, and a folder that is empty."""
    (made / ".buildinfo").unlink(missing_ok=True)
    shutil.rmtree(made / "_sources", ignore_errors=True)


def main() -> int:
    """Write the sources, and let Sphinx build the site."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=ROOT / "site")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "book")
    options = parser.parse_args()
    write_sources(options.work / "source")
    made = options.work / "html"
    shutil.rmtree(made, ignore_errors=True)
    how = ["-q", "-W", "--keep-going", "-b", "html", "-d", options.work / "doctrees"]
    command = [sys.executable, "-m", "sphinx", *how, options.work / "source", made]
    built = subprocess.run(list(map(str, command)), check=False).returncode
    if built == 0:
        cut_leftovers(made)
        for path in made.rglob("*.html"):
            path.write_text(accessible(path.read_text("utf-8")), "utf-8")
        shutil.rmtree(options.to, ignore_errors=True)
        shutil.move(made, options.to)
        print(f"The book is in {options.to}: open it with python -m http.server -d {options.to}")
    return built


if __name__ == "__main__":
    sys.exit(main())
