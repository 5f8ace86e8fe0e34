"""Names of students: which id of the class a name is, and a name for a file for each."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Collection, Sequence

_MOST_BYTES = 120  # of a name: what stands around it in a file's name needs the rest of 255
_MOST_NUMBER = 20
_FEWEST_DIGITS = 4  # of an id that is told from a day, a version or a lesson
_PUNCTUATION = " ._-@+'’"  # that a file's name may have on every system
_ENDS = " _."  # what may follow an id at the beginning of a file's name
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})

Who = tuple[str, str]  # a name, and a number in the LMS or ""


def of_class(everyone: Collection[Who], known: Sequence[str]) -> dict[Who, str]:
    """Return which id of the class each name is: {name: id}; names that are nobody's are left out.

    First come names that are an id to the letter, then those that are one but for capital letters, then those that are
    one but for accents, apostrophes and other marks. Two people are never one: where two names fit an id, neither has
    it.
    """
    found: dict[Who, str] = {}
    for simpler in (composed, folded, bare):
        ids: dict[str, list[str]] = {}
        for one in known:
            ids.setdefault(simpler(one), []).append(one)
        fitting: dict[str, list[Who]] = {}
        for who in everyone:
            possible = ids.get(simpler(who[0]), [])
            if who not in found and simpler(who[0]) and len(possible) == 1:
                fitting.setdefault(possible[0], []).append(who)
        taken = set(found.values())
        for one, names in fitting.items():
            numbers = {number for _, number in names} - {""}
            if one not in taken and len({name for name, _ in names}) == 1 and len(numbers) <= 1:
                found |= dict.fromkeys(names, one)
    return found


def ids(known: Sequence[str]) -> Callable[[str], str | None]:
    """Return what tells which id of the class a name is, alone, as ``of_class`` has it; None if it is none."""
    tables = []
    for simpler in (composed, folded, bare):
        fitting: dict[str, list[str]] = {}
        for one in known:
            fitting.setdefault(simpler(one), []).append(one)
        tables.append((simpler, {short: ones[0] for short, ones in fitting.items() if short and len(ones) == 1}))

    def id_of(name: str) -> str | None:
        return next((table[short] for simpler, table in tables if (short := simpler(name)) in table), None)

    return id_of if known else lambda name: None


def at_the_beginning(name: str, known: Sequence[str]) -> str | None:
    """Return the longest id of the class that a file's name begins with, or None."""
    name = folded(name)
    fitting = [
        one
        for short, one in _folded_ids(tuple(known))
        if name.startswith(short) and name[len(short) :][:1] in ("", *_ENDS)
    ]
    return max(fitting, key=len, default=None)


def at_the_end(name: str, known: Sequence[str]) -> str | None:
    """Return the longest id of the class that a name ends with, as a word of its own, or None."""
    name = folded(name)
    fitting = [
        one
        for short, one in _folded_ids(tuple(known))
        if short and name.endswith(short) and not _goes_on(name[: -len(short)][-1:])
    ]
    return max(fitting, key=len, default=None)


def as_whole_word(name: str, known: Sequence[str]) -> str | None:
    """Return the id of the class that stands in a name as a word of its own; None if there is none, or several."""
    found = as_words(name, known)
    return found.pop() if len(found) == 1 else None


def as_words(name: str, known: Sequence[str]) -> set[str]:
    """Return the ids of the class that stand in a name as words of their own.

    Of two ids of which one is a part of the other, as "ana" is of "ana maria", the longer one counts.
    """
    name, found = folded(name), []
    for short, one in _folded_ids(tuple(known)):
        start = name.find(short) if short else -1
        while start >= 0:
            end = start + len(short)
            if not (_goes_on(name[start - 1 : start]) or _goes_on(name[end : end + 1])):
                found.append((start, end, one))
            start = name.find(short, start + 1)
    return {
        one
        for start, end, one in found
        if not any(a <= start and end <= b and (a, b) != (start, end) for a, b, _ in found)
    }


def telling(known: Sequence[str]) -> list[str]:
    """Return the ids that can be looked for anywhere in a name: not "a" or "7", which may mean anything there."""
    return [one for one in known if len(one) > 1 and not (one.isdigit() and len(one) < _FEWEST_DIGITS)]


@functools.lru_cache(maxsize=8)
def _folded_ids(known: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the ids of a class, each behind itself without capital letters: they are looked for in many names."""
    return [(folded(one), one) for one in known]


def _goes_on(character: str) -> bool:
    """Say whether a word goes on with a character; "" is the end of the text."""
    return bool(character) and (character.isalnum() or is_mark(character) or character in "'’")


def composed(name: str) -> str:
    """Return a name in Unicode's composed form."""
    return unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """Return a name without capital letters."""
    return composed(composed(name).casefold())


def bare(name: str) -> str:
    """Return the letters and digits of a name, and its vowels where those are marks, without capitals and accents."""
    parts = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    return "".join(c for c in parts if c.isalnum() or (is_mark(c) and not _is_accent(c)))


def is_mark(character: str) -> bool:
    """Say whether a character is written onto the one before it, as accents are, and vowels in many scripts."""
    return unicodedata.category(character) in ("Mn", "Mc")


def _is_accent(mark: str) -> bool:
    """Say whether names may differ in a mark: an accent, or a point or vowel of Hebrew and Arabic.

    The vowels of the scripts of India and their neighbors tell names apart, as letters do.
    """
    combining = unicodedata.combining(mark)
    return combining >= 200 or 10 <= combining <= 36


def safe(name: str) -> str:
    """Return a name for one folder or file, on every system."""
    name = "".join(c if c.isalnum() or is_mark(c) or c in _PUNCTUATION else "_" for c in composed(name)[:80])
    name = name.encode()[:_MOST_BYTES].decode(errors="ignore").strip(" .")
    return name if any(c.isalnum() for c in name) else "student" + name


def for_files(everyone: Sequence[Who], ids: dict[Who, str]) -> dict[Who, str]:
    """Return a file name for each: the id, or as short as it can be, and no two alike, whatever the file system.

    Args:
        everyone: All names.
        ids: The class's ids of those that have one, which keep it.
    """
    names = dict(ids)
    taken = {folded(one) for one in ids.values()}
    rest = [who for who in everyone if who not in ids]
    alike = [folded(safe(student)) for student, _ in rest]
    for who, short in zip(rest, alike, strict=True):
        name = safe(who[0])
        if who[1] and (alike.count(short) > 1 or short in taken):
            name = f"{name}-{who[1][:_MOST_NUMBER]}"
        names[who] = _free(name, taken)
        taken.add(folded(names[who]))
    return names


def _free(name: str, taken: Collection[str]) -> str:
    base, count = name, 1
    while folded(name) in taken:
        count += 1
        name = f"{base}-{count}"
    return name


def shown(name: str) -> str:
    """Return a name as every terminal and table can show it, and not too long."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)[:200]
