"""Tries, hints and the solution."""

import numpy as np
import pytest

from coursekit import progress
from coursekit.exercises import catalogue
from coursekit.learner.checking import check, hint, solution
from tests.learner.answers import not_begun, one_scale, without_bias, without_relu
from tests.learner.events import latest

pytestmark = pytest.mark.usefixtures("folder")


def test_solution_after_three_tries():
    refused = 'Not yet. It can be shown after 3 tries, and {}. hint("01.by-hand") helps on.'
    assert repr(solution("01.by-hand")) == refused.format("you have not tried yet")
    for tries in (1, 2):
        assert "solution(" not in repr(check("01.by-hand", without_relu))
        assert repr(solution("01.by-hand")) == refused.format(f"you have made {tries}")
    check("01.by-hand", not_begun)  # does not count
    assert "try 3" not in repr(solution("01.by-hand"))
    assert 'That was try 3. If you like, solution("01.by-hand") now shows' in repr(check("01.by-hand", without_bias))
    assert latest("solution", "01.by-hand") is None
    shown = solution("01.by-hand")
    assert "It is noted that it was shown." in repr(shown)
    assert latest("solution", "01.by-hand") is not None
    written = {"np": np}
    exec(shown.code, written)
    assert check("01.by-hand", written["by_hand"]).is_right


def test_solution_once_it_is_solved():
    check("01.one-scale", one_scale)
    assert "def one_scale" in repr(solution("01.one-scale"))


def test_hints_one_by_one_then_all():
    said = [hint("01.by-hand") for _ in range(5)]
    assert [note.head for note in said] == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3", "All 3 hints", "All 3 hints"]
    hints = catalogue.find("01.by-hand").hints
    assert [note.says[0] for note in said[:3]] == list(hints)
    assert all(text in repr(said[4]) for text in hints)
    assert [event["step"] for event in progress.events() if event["kind"] == "hinted"] == [1, 2, 3]


def test_example_text_after_its_hints():
    assert 'See the hints first: hint("01.evidence")' in repr(solution("01.evidence"))
    hint("01.evidence")
    hint("01.evidence")
    assert "cover equal areas" in repr(solution("01.evidence"))
