"""An instructor's own pattern of file names, tried on names that students chose: each has a time limit."""

from __future__ import annotations

import json
import re
import subprocess
import sys

SECONDS = 5.0  # for one name

GROUPS = ("student", "student_id")  # the second is nbgrader's name for it
# It gets the pattern and the names, and answers line by line, so that the name that takes too long is known.
_TRIES = """\
import json, re, sys
pattern, names = json.load(sys.stdin)
pattern = re.compile(pattern)
for name in names:
    found = pattern.match(name)
    groups = found.groupdict() if found else {}
    print(json.dumps(groups.get("student") or groups.get("student_id")), flush=True)
"""


def check(pattern: str) -> None:
    """Refuse what is no pattern.

    Raises:
        ValueError: It cannot be compiled, or has no group ``student``.
    """
    try:
        groups = re.compile(pattern).groupindex
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"The pattern {pattern!r} is no regular expression: {error}.") from None
    if not any(name in groups for name in GROUPS):
        raise ValueError(f"The pattern {pattern!r} has no group named student: (?P<student>...).")


def fitting(pattern: str, within: list[str], whole: list[str]) -> list[str | None]:
    """Return the student in each path: in those of one kind, of which more fit, or else tell more students apart.

    Args:
        pattern: As ``students`` takes it.
        within: The paths without folders around the class.
        whole: The same with them.
    """
    found = [students(pattern, paths) for paths in ([within] if whole == within else [within, whole])]
    tops = [path.partition("/")[0] for path in within]

    def fits(names: list[str | None]) -> tuple[int, int, int]:
        outermost = sum(bool(name) and name in top for name, top in zip(names, tops, strict=True))
        return len(names) - names.count(None), outermost, len(set(names) - {None})

    return max(found, key=fits)


def students(pattern: str, names: list[str]) -> list[str | None]:
    """Return the student in each name, None where the pattern does not fit, or takes too long.

    Args:
        pattern: A regular expression with a group ``student``, which fits from the beginning.
        names: Paths inside the submissions.
    """
    found: list[str | None] = []
    while len(found) < len(names):
        left = names[len(found) :]
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _TRIES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            answers, _ = process.communicate(json.dumps([pattern, left]), timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            answers, _ = process.communicate()
        found += [json.loads(line) for line in answers.splitlines()]
        if len(found) < len(names):
            found.append(None)
    return found
