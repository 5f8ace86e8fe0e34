"""Which of a student's files is graded: the newest, unless more was begun in an older one."""

import json
import os

import pytest

from coursekit.exercises.catalogue import lesson
from coursekit.homework import submissions
from tests.homework.handed_in import notebook

ALL = "# %% solved 01.by-hand\n# %% solved 01.one-scale"
SCRATCH = '# %% {"coursekit": {"exercise": "01.by-hand"}}\nby_hand = 3'
OTHER_NAMES = """\
# %% stub 01.by-hand
# %%
mine = max
check("01.by-hand", mine)
# %% solved 01.one-scale"""
FEWER = "was not graded: it is newer, but only 1 of 4 exercises were begun in it"


@pytest.mark.parametrize(
    ("older", "newer", "taken", "says"),
    [
        (ALL, SCRATCH, "01_x", f"Untitled.ipynb {FEWER}"),
        (SCRATCH, ALL, "Untitled", "01_x.ipynb was not graded: it is older"),
        (ALL, ALL.replace("by_hand", "by_hand = 3 #"), "Untitled", "01_x.ipynb was not graded: it is older"),
        (ALL, OTHER_NAMES, "Untitled", "01_x.ipynb was not graded: it is older"),  # under another name it is begun too
        (SCRATCH, SCRATCH, "Untitled", "01_x.ipynb was not graded: it is older"),
    ],
)
def test_a_scratch_notebook_does_not_take_the_place_of_a_fuller_one(tmp_path, older, newer, taken, says):
    (tmp_path / "in" / "ana").mkdir(parents=True)
    for time, (name, text) in enumerate({"01_x": older, "Untitled": newer}.items(), 1_700_000_000):
        file = tmp_path / "in" / "ana" / f"{name}.ipynb"
        file.write_text(json.dumps(notebook(text)))
        os.utime(file, (time, time))
    (found,), _ = submissions.find(tmp_path / "in", "01")
    one = submissions.take(found, lesson("01"))
    assert one.file == f"ana/{taken}.ipynb"
    assert any(says in notice for notice in one.notices), one.notices
