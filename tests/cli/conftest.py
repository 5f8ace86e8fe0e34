"""The course's folder and the learner's."""

import pytest

from tests.cli.lessons import FIRST, SECOND, write_lesson


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "course"
    folder.mkdir()
    write_lesson(folder / FIRST, "1 + 1")
    write_lesson(folder / SECOND, "2 + 2")
    return folder


@pytest.fixture
def mine(tmp_path):
    return tmp_path / "my lessons"
