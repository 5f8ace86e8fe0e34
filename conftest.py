"""How ``pytest --nbval notebooks`` compares the lessons: every printed text and every array that was drawn.

nbval compares texts letter by letter. That is right for a count, and wrong for a picture after 80 steps of gradient
ascent: libraries pick their kernels by the processor, these add up in different orders, and each step doubles what that
leaves. So a cell may say in its metadata how far its numbers may be off::

    "coursekit": {"tolerance": {"relative": 0.1, "absolute": 1, "drawn": 0.05}}

``relative``: a printed number may be off by this share of itself; ``absolute``: or by so much, if that is more;
``drawn``: a number of a figure's digest (``Figure.drawn``) by this share of the largest in its line. A cell that says
nothing is compared to the letter, its figures to the third digit.
"""

import os
import re

import nbformat

os.environ["TQDM_DISABLE"] = "1"  # a lesson's kernel inherits it: whether a bar appears depends on the machine's speed

DRAWN = "application/vnd.coursekit.drawn+json"
PAGE = "application/vnd.coursekit.page+json"  # written where COURSEKIT_FOR_BOOK says so
THIRD_DIGIT = 1e-3
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?(?!\w)")


def pytest_collectstart(collector):
    """Leave out what may differ without being wrong: library noise, pictures as bytes, and what the book gets."""
    if getattr(collector, "path", None) is not None and collector.path.suffix == ".ipynb":
        collector.skip_compare += ("stderr", "text/html", PAGE)


def pytest_itemcollected(item):
    """Let nbval's cells be compared within their tolerances."""
    if hasattr(item, "compare_outputs"):
        exact, tolerance = item.compare_outputs, tolerance_of(item.cell)

        def within_tolerance(new, reference, skip_compare=None):
            near, faults = settled_outputs(reference, new, **tolerance)
            same = exact(near, reference, skip_compare)
            item.comparison_traceback += [] if same else faults
            return same

        item.compare_outputs = within_tolerance


def tolerance_of(cell):
    """Return what a cell's metadata allow, as the arguments of ``settled_outputs``.

    Raises:
        ValueError: They name something else, or no number from 0 to 1 for a share.
    """
    given = cell.metadata.get("coursekit", {}).get("tolerance", {})
    unknown = set(given) - {"relative", "absolute", "drawn"}
    if unknown or not all(0 <= given.get(share, 0) < 1 for share in ("relative", "drawn")):
        raise ValueError(f"A tolerance has relative and drawn, from 0 to below 1, and absolute, not {dict(given)}.")
    return dict(given)


def settled_outputs(reference, new, *, relative=0, absolute=0, drawn=THIRD_DIGIT):
    """Return new outputs in which what is near enough is as in the reference, and a line for each number that is not.

    Args:
        reference: A cell's outputs in the notebook.
        new: Those of a rerun.
        relative: The share of itself by which a printed number may be off.
        absolute: How much it may be off anyway.
        drawn: The share of the largest number in its line by which a number of a digest may be off.
    """
    faults = []

    def printed(old, text):
        return settled(old, text, lambda number: max(relative * abs(number), absolute), faults)

    def digest(old, line):
        head, _, numbers = old.partition(": ")
        if old.startswith("text ") or not line.startswith(f"{head}: "):
            return printed(old, line)
        largest = max((abs(_value(number)) for number in _NUMBER.findall(numbers)), default=0)
        return f"{head}: " + settled(numbers, line[len(head) + 2 :], lambda _: drawn * largest, faults)

    def output(old, one):
        one = nbformat.from_dict(one)
        if "text" in one and "text" in old:
            one.text = printed(old.text, one.text)
        data, before = one.get("data", {}), old.get("data", {})
        if "text/plain" in data and "text/plain" in before:
            data["text/plain"] = printed(before["text/plain"], data["text/plain"])
        if DRAWN in data and len(data[DRAWN]) == len(before.get(DRAWN, [])):
            data[DRAWN] = [digest(*lines) for lines in zip(before[DRAWN], data[DRAWN], strict=True)]
        return one

    new = [one for one in new if one.get("name") != "stderr"]
    if [one["output_type"] for one in new] != [old["output_type"] for old in reference]:
        return new, []
    return [output(*pair) for pair in zip(reference, new, strict=True)], faults


def settled(reference, new, allowed, faults):
    """Return the new text with the reference's numbers where its own are near enough, if the words are the same.

    Args:
        reference: The text in the notebook.
        new: The text of a rerun.
        allowed: How far off a number may be, given the reference's.
        faults: Takes a line for each number that is farther off.
    """
    if _words(reference) != _words(new):
        return new
    rest = iter(_NUMBER.findall(new))

    def nearest(match):
        found, limit = next(rest), allowed(_value(match[0]))
        off = abs(_value(found) - _value(match[0]))
        if off <= limit * (1 + 1e-9):
            return match[0]
        faults.append(f"{found.strip()} instead of {match[0]}: off by {off:.4g}, allowed is {limit:.4g}")
        return found

    return _NUMBER.sub(nearest, reference)


def _value(number):
    return float(number.replace(",", ""))


def _words(text):
    return re.sub(r"[^\S\n]", "", _NUMBER.sub("0", text))  # without blanks: a shorter number leaves more of them
