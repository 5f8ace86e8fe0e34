"""The words of all lessons, from the section *Words* at the end of each, and links to them."""

from __future__ import annotations

import re
from typing import NamedTuple

_SECTION = re.compile(r"^### Words\n+(?P<words>.+?)(?=\n\n###|\n\n\*\*Next|\Z)", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(
    r"(?P<terms>\*\*[^*]+\*\*(?:(?:, | or )\*\*[^*]+\*\*)*)(?P<also> \([^)]*\))?: (?P<says>.+)", re.DOTALL
)


class Word(NamedTuple):
    """A word of a lesson: the term, what it means, and the name of the lesson's page."""

    term: str
    says: str
    page: str


def words(source: str, page: str) -> list[Word]:
    """Return the words that a cell explains, in its order.

    Raises:
        ValueError: Something in its section is no "**word**: what it means".
    """
    found = _SECTION.search(source)
    if not found:
        return []
    entries = []
    for part in re.split(r"\s+·\s+", found["words"].strip()):
        entry = _ENTRY.fullmatch(part)
        if not entry:
            raise ValueError(f"{page}: {part!r} under Words is no '**word**: what it means'.")
        says = entry["says"].rstrip(".") + "."
        if entry["also"]:
            says = f"{entry['also'].strip()} {says}"
        entries += [Word(term, says, page) for term in re.findall(r"\*\*([^*]+)\*\*", entry["terms"])]
    return entries


def linked(source: str) -> str:
    """Return a cell in which each word that it explains leads to the glossary."""
    found = _SECTION.search(source)
    if not found:
        return source
    parts = re.split(r"(\s+·\s+)", found["words"])
    parts = [_linked_entry(part) if i % 2 == 0 else part for i, part in enumerate(parts)]
    return source[: found.start("words")] + "".join(parts) + source[found.end("words") :]


def _linked_entry(part: str) -> str:
    head, colon, says = part.partition(": ")
    return re.sub(r"\*\*([^*]+)\*\*", r"**{term}`\1`**", head) + colon + says


def glossary(entries: list[Word], titles: dict[str, str]) -> str:
    """Return the page of all words, in the order of the alphabet.

    Args:
        entries: The words of all lessons.
        titles: What the page of each lesson is called.
    """
    by_term: dict[str, list[Word]] = {}
    for word in sorted(entries, key=lambda word: word.term.lower()):
        by_term.setdefault(word.term, []).append(word)
    lines = ["# Words", "", "Every word that a lesson explains, and the lesson that does.", "", ":::{glossary}"]
    for term, meanings in by_term.items():
        lines += [term]
        lines += [f"  {one.says} ({{doc}}`{titles[one.page]} <{one.page}>`)\n" for one in meanings]
    return "\n".join([*lines, ":::", ""])
