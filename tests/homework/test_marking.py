"""Free text: what was written anywhere beside its question comes before a person, and nothing else does."""

import json

import pytest

from coursekit.exercises.catalogue import lesson
from coursekit.homework import grading, marking, submissions
from coursekit.homework.marking import Attempt
from tests.homework.handed_in import notebook

LESSON = lesson("04")
NAME = next(one for one in LESSON.exercises if one.id == "04.name")
POSED = grading._posed(LESSON)
STUB = '# %% [markdown] {"coursekit": {"exercise": "04.name"}}\n<!-- exercise 04.name -->\n*Your answer here*\n'
QUIZ = '# %%\nquiz("04")\n'  # the lesson's own
MINE = "I call it round things: 20 of 24 pairs."


def _found(text):
    cells = submissions.read_cells(json.dumps(notebook(text)).encode())
    return marking._by_person(NAME, Attempt(None, cells=cells), POSED)


@pytest.mark.parametrize(
    "beside",
    [
        f'# %%\nprint("{MINE}")\n',
        f"# %%\n%%markdown\n{MINE}\n",
        f'# %%\nfrom IPython.display import Markdown\nMarkdown("{MINE}")\n',
        f'# %%\nimport numpy as np\nprint("{MINE}")\n',
        f"# %%\nsizes = [20, 24]\nprint(sizes)\n# %% [markdown]\n{MINE}\n",
        f"# %%\nimport numpy as np\n# %% [markdown]\n{MINE}\n",
        f'# %%\nfield_size = check("04.field-size", 3)\n# %% [markdown]\n{MINE}\n',
    ],
)
def test_text_in_and_behind_new_code_is_read_by_a_person(beside):
    for text in (f"{STUB}{beside}{QUIZ}", f"{QUIZ}{beside}{STUB}"):
        found = _found(text)
        assert (found.points, found.needs_person) == (None, True)
        assert MINE in found.text


@pytest.mark.parametrize(
    "beside",
    [
        "",
        "# %%\n\n",
        f"{QUIZ}# %%\n# {MINE}\n",  # behind the lesson's next cell it answers something else
        f'# %%\ncheck("04.field-size", "{MINE}")\n',
        f'# %%\ndef field_size(network):\n    """{MINE}"""\n    return 3\n',
    ],
)
def test_nothing_beside_it_has_no_points_and_code_for_other_exercises_is_none(beside):
    found = _found(f"{STUB}{beside}{QUIZ}")
    assert (found.points, found.needs_person, found.text) == (0, False, "")


@pytest.mark.parametrize(
    "mark", [f"exercise 04.name: {MINE}", f"exercise 04.name\t- {MINE}", f"EXERCISE 04.name {MINE}"]
)
def test_text_inside_the_comment_is_read_by_a_person(mark):
    assert _found(f"# %% [markdown]\n<!-- {mark} -->\n").text == MINE


def test_a_text_that_was_split_in_two_is_read_whole():
    half = '# %% [markdown] {"coursekit": {"exercise": "04.name"}}\n'
    found = _found(f"{half}<!-- exercise 04.name -->\nI call it\n{half}round things.\n{half}round things.\n{STUB}")
    assert found.text == "I call it\n\nround things."


def test_no_text_is_longer_than_a_person_reads():
    long = "".join(f"{half}{i} {'long ' * 3_000}\n" for i, half in enumerate([STUB.partition("\n")[0] + "\n"] * 3))
    assert len(_found(long).text) == submissions.MOST_TEXT
