"""A learner's folder of its own for the tests that record something."""

import sys

import pytest

from coursekit import progress
from coursekit.exercises import cases


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A learner's folder, empty and the current one; no sandbox, nothing on record."""
    (tmp_path / progress.MARKER).write_text("{}")
    for variable in (progress.FILE_VARIABLE, cases.SANDBOX_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(progress, "_memory", [])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def notebook(monkeypatch):
    """The variables of the notebook, which check looks answers up in."""
    names = vars(sys.modules["__main__"])
    before = dict(names)
    yield names
    names.clear()
    names.update(before)
