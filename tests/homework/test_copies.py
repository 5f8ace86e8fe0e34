"""Likely copies: found after renaming, and not among those who came to the same thing by themselves."""

import json

import pytest

from coursekit.cli import main
from coursekit.exercises import notebooks
from coursekit.homework import copies
from coursekit.homework.copies import fingerprints, likely_copies
from coursekit.homework.record import Record, to_json
from tests.homework.handed_in import notebook
from tests.homework.small_lesson import write_small_lesson

HEAD = '''def by_hand(patch, kernel, bias):
    """Compute one point of every channel."""
'''
# Six who did it by themselves, and three more whose way is fay's: the usual one.
OWN = {
    "ana": """
    rows, columns, depth, channels = kernel.shape
    total = np.array(bias, float)
    for row in range(rows):
        for column in range(columns):
            total += patch[row, column] @ kernel[row, column]
    total[total < 0] = 0
    return total
""",
    "bo": """
    values = np.einsum("abc,abcd->d", patch, kernel)
    return np.maximum(values + bias, 0)
""",
    "cy": """
    answers = []
    for channel in range(kernel.shape[-1]):
        answer = float(np.sum(patch * kernel[:, :, :, channel])) + bias[channel]
        answers.append(answer if answer > 0 else 0.0)
    return np.array(answers)
""",
    "dee": """
    return (np.tensordot(patch, kernel, axes=3) + bias).clip(0)
""",
    "eli": """
    flat = kernel.reshape(-1, kernel.shape[-1])
    out = patch.ravel().dot(flat)
    out = out + bias
    return np.where(out > 0, out, 0)
""",
    "fay": """
    values = (patch[..., np.newaxis] * kernel).sum(axis=(0, 1, 2)) + bias
    return np.maximum(values, 0)
""",
}
OWN |= dict.fromkeys(("gil", "ida", "jo"), OWN["fay"])
# Ana's, with other names, comments, blank lines and one line more.
COPY = """
    # I wrote this on my own
    h, w, d, n = kernel.shape   # its size

    s = np.array(bias, float)
    print("working")
    for y in range(h):
        for x in range(w):

            s += patch[y, x] @ kernel[y, x]      # one place
    s[s < 0] = 0   # ReLU
    return s
"""


@pytest.fixture
def graded(tmp_path, monkeypatch):
    """Return a function that lays out a course folder as grading leaves it."""
    lessons = write_small_lesson(tmp_path / "lessons")
    monkeypatch.setattr(notebooks, "lessons_folder", lambda: lessons)

    def lay_out(codes):
        to = tmp_path / "course"
        for folder in (to / "results" / "01", to / "notebooks" / "01"):
            folder.mkdir(parents=True, exist_ok=True)
        for student, code in codes.items():
            file = f"notebooks/01/{student}.ipynb"
            (to / file).write_text(json.dumps(notebook(f"# %% start\n# %%\n# exercise 01.by-hand\n{code}")))
            record = Record(student, "01", f"{student}.ipynb", notebook=file)
            (to / "results" / "01" / f"{student}.json").write_text(to_json(record))
        return to

    return lay_out


def test_a_renamed_copy_is_found_and_nobody_else(graded):
    (pair,) = likely_copies("01", graded({**{who: HEAD + code for who, code in OWN.items()}, "hal": HEAD + COPY}))
    assert (pair.exercise, pair.students) == ("01.by-hand", ("ana", "hal"))
    assert pair.share > 0.6
    assert pair.passages >= 8


def test_what_many_write_and_what_was_released_is_no_copy(graded):
    stub = f"{HEAD}    # YOUR CODE HERE\n    raise NotImplementedError()"
    to = graded({f"same {i}": HEAD + OWN["ana"] for i in range(4)} | {f"stub {i}": stub for i in range(2)})
    assert likely_copies("01", to) == []
    assert {pair.students for pair in likely_copies("01", graded({"same 3": stub}))} == {
        *(("same 0", "same 1"), ("same 0", "same 2"), ("same 1", "same 2"))
    }


def test_code_that_is_none_is_compared_as_far_as_it_goes(graded):
    broken = {"one": HEAD + OWN["ana"] + "(((", "two": HEAD + COPY + '"""', "nul": "(\0" * 30_000, "deep": "(" * 90_000}
    assert [pair.students for pair in likely_copies("01", graded(broken))] == [("one", "two")]


def test_every_long_enough_run_of_tokens_is_seen():
    """What the paper promises: any LENGTH + WINDOW - 1 tokens in common share a fingerprint, wherever they stand."""
    enough = copies._LENGTH + copies._WINDOW - 1
    common = " ".join(f"{i} +" for i in range(enough))[:-2].split()[:enough]
    for before in range(12):
        first = "a - " * before + " ".join(common)
        second = "b * (" * 3 + " ".join(common)
        assert fingerprints(first) & fingerprints(second), before
        assert not fingerprints("a - " * 40) & fingerprints(second)


def test_names_that_cannot_be_chosen_count():
    prints = fingerprints("v = layer.max(axis=0).min(axis=1) + 2")
    assert prints == fingerprints("w=x.max(axis=0).min(axis=1)+2 # why")
    assert prints != fingerprints("v = layer.sum(axis=0).min(axis=1) + 2")


def test_the_command(graded, capsys):
    to = graded({"ana": HEAD + OWN["ana"], "hal": HEAD + COPY, "bo": HEAD + OWN["bo"]})
    before = sorted(to.rglob("*"))
    assert main(["homework", "copies", "01", "--to", str(to)]) == 0
    said = capsys.readouterr().out
    assert "01.by-hand  ana, hal" in said
    assert "no verdict" in said
    assert sorted(to.rglob("*")) == before
    assert main(["homework", "copies", "02", "--to", str(to)]) == 2
    assert "Nothing of lesson 02 was graded in" in capsys.readouterr().err
