"""The page itself: one file of HTML that loads nothing, in the reader's light or dark colours, and on paper."""

from __future__ import annotations

import html
import importlib.resources
import string
from collections.abc import Sequence
from typing import Any, NamedTuple

import coursekit

MOST_BYTES = 8_000_000
"""So large a page is at most, whatever the network."""


_LONG = 60  # letters in a cell


class Part(NamedTuple):
    """A section of the page.

    Attributes:
        key: Its place in the page's address.
        title: Plain text.
        content: HTML; empty for a part that there was no time for.
    """

    key: str
    title: str
    content: str


def page(title: str, summary: str, parts: Sequence[Part]) -> str:
    """Return the page.

    Args:
        title: Plain text.
        summary: HTML that stands first.
        parts: The sections. One that would make the page larger than ``MOST_BYTES`` is left out, and that is said.
    """
    room = MOST_BYTES - len(encoded(summary))
    sections = []
    for part in parts:
        content = part.content
        size = len(encoded(content))
        room -= size
        if room < 0:
            room += size
            content = note(f"Left out: the page would be larger than {MOST_BYTES / 1e6:.0f} MB with it.")
        sections.append(f'<section id="{part.key}">\n<h2>{text(part.title)}</h2>\n{content}\n</section>')
    links = "".join(f'<li><a href="#{part.key}">{text(part.title)}</a></li>' for part in parts)
    folder = importlib.resources.files("coursekit.report")
    return string.Template(folder.joinpath("page.html").read_text(encoding="utf-8")).substitute(
        title=text(title),
        style=folder.joinpath("page.css").read_text(encoding="utf-8"),
        summary=summary,
        links=links,
        sections="\n".join(sections),
        version=text(coursekit.__version__),
    )


def encoded(words: str) -> bytes:
    """Return words in UTF-8. What UTF-8 has no place for, such as the bytes of an odd file name, is a question mark."""
    return words.encode(errors="replace")


def readable(words: Any) -> str:
    """Return words that every file and figure takes: see ``encoded``."""
    return encoded(str(words)).decode()


def text(words: Any) -> str:
    """Return words as HTML that shows just these words, whoever wrote them."""
    return html.escape(readable(words))


def note(words: str) -> str:
    """Return a sentence that explains, as HTML."""
    return f'<p class="note">{text(words)}</p>'


def paragraph(words: str) -> str:
    """Return a paragraph of plain text, as HTML."""
    return f"<p>{text(words)}</p>"


def bullets(lines: Sequence[str]) -> str:
    """Return a list of plain lines, as HTML."""
    return f"<ul>{''.join(f'<li>{text(line)}</li>' for line in lines)}</ul>" if lines else ""


def drawing(figure: Any) -> str:
    """Return a figure of ``coursekit.show`` with its alt text, as HTML."""
    return f"<figure>{readable(figure.to_html())}</figure>"


def table(name: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table, as HTML: words to the left, numbers to the right. What is wider than the page scrolls.

    Args:
        name: What the table is of.
        heads: A line of words.
        rows: Of plain values; the first of each row is its head.
    """
    if not rows:
        return ""
    numbers = [all(isinstance(row[i], (int, float)) for row in rows) for i in range(len(heads))]
    kind = ["number" if is_number else "words" for is_number in numbers]
    kind = [
        k if k == "number" or max(len(row[i]) for row in rows) < _LONG else "words long" for i, k in enumerate(kind)
    ]
    head = "".join(f'<th scope="col" class="{k}">{text(word)}</th>' for k, word in zip(kind, heads, strict=True))
    body = ""
    for first, *rest in rows:
        cells = "".join(f'<td class="{k}">{_cell(value)}</td>' for k, value in zip(kind[1:], rest, strict=True))
        body += f'<tr><th scope="row" class="{kind[0]}">{_cell(first)}</th>{cells}</tr>'
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{text(name)}"><table><caption>{text(name)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(value: Any) -> str:
    return text(f"{value:,}" if isinstance(value, int) else f"{value:.3g}" if isinstance(value, float) else value)
