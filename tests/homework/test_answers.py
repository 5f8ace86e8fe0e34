"""What is earned is not lost: a name used again, a helper module, text below the stub."""

import json

import pytest

from coursekit.homework import grading
from coursekit.homework.grading import Options
from coursekit.homework.sandbox import Limits
from tests.homework.handed_in import HERE, needs_sandbox, notebook  # noqa: F401

pytestmark = pytest.mark.usefixtures("needs_sandbox")

TEXT_BELOW = """\
# %% [markdown] {"coursekit": {"exercise": "04.name"}}
<!-- exercise 04.name -->
*Your answer here*
# %% [markdown]
I call it "round things": 20 of 24 pairs are in order.
"""


def _grade(tmp_path, text, lesson="01"):
    (tmp_path / "in" / "ana").mkdir(parents=True)
    (tmp_path / "in" / "ana" / "x.ipynb").write_text(json.dumps(notebook(text)))
    limits = Limits(cell_seconds=60, case_seconds=5, whole_seconds=120)
    (record,) = grading.mark(tmp_path / "in", tmp_path / "out", Options(lesson=lesson, limits=limits))
    assert record.is_graded, record.reason
    return record


@pytest.mark.parametrize("name", ["uses_the_name_again", "helper_module", "stub_copied_below"])
def test_what_check_called_right_has_its_points(tmp_path, name):
    record = _grade(tmp_path, (HERE / "honest" / f"{name}.cells").read_text())
    assert [record.exercises[f"01.{one}"].points for one in ("by-hand", "one-scale")] == [3, 2]
    if name == "uses_the_name_again":
        assert record.log == ("01.by-hand: as it stood behind its cell; at the end it was something else.",)


def test_a_wrong_answer_stays_wrong_behind_its_cell(tmp_path):
    text = (HERE / "honest" / "uses_the_name_again.cells").read_text()
    wrong = "# %%\n# exercise 01.by-hand\nby_hand = lambda patch, kernel, bias: 0\n"
    assert _grade(tmp_path, text.replace("# %% solved 01.by-hand\n", wrong)).exercises["01.by-hand"].points == 0


def test_text_in_a_new_cell_below_the_stub_is_read_by_a_person(tmp_path):
    found = _grade(tmp_path, TEXT_BELOW, "04").exercises["04.name"]
    assert (found.points, found.needs_person) == (None, True)
    assert found.text == 'I call it "round things": 20 of 24 pairs are in order.'
