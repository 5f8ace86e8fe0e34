"""Names of students, in every script: from the release to the grades, and who is told apart."""

import csv
import importlib.util
import json
import os
import unicodedata

import pytest

from coursekit.cli import main
from coursekit.homework import gradebook
from coursekit.homework.submissions import names
from tests.homework.handed_in import needs_sandbox, notebook  # noqa: F401

CLASS = ["प्रिया शर्मा", "สมชาย ใจดี", "Pat O'Brien", "रीना", "Zoë Müller", "Nguyễn Ánh", "佐藤 がく"]
SOLVED = json.dumps(notebook("# %% start\n# %% solved 01.by-hand\n# %% solved 01.one-scale"))


@pytest.mark.parametrize("name", [*CLASS, "D’Arcy", "שָׁלוֹם", "ana'", "a" * 128])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_can_name_a_folder(tmp_path, name, form):
    name = unicodedata.normalize(form, name) if name != "a" * 128 else name
    assert gradebook.is_plain_name(name)
    (tmp_path / name).mkdir()
    if len(name) < 80:
        assert names.safe(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize("name", ["'ana", "a'/b", "\u0301", "र" * 100, "a\n", "a\u200b"])
def test_a_name_that_cannot(name):
    assert not gradebook.is_plain_name(name)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("Zoë", "zoe", True),
        ("Łukasz", "Lukasz", True),
        ("O'Brien", "OBrien", True),
        ("שָׁלוֹם", "שלום", True),
        ("रीना", "राना", False),
        ("สมชาย", "สมชัย", False),
        ("がく", "かく", False),
    ],
)
def test_accents_may_differ_and_vowels_may_not(one, other, is_same):
    assert (names.bare(one) == names.bare(other)) is is_same
    assert names.ids([one])(other) == (one if is_same else None)


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("homework_01_Ana", ["ana", "bo"], "ana"),
        ("Homework 1_bo_attempt_2026", ["ana", "bo"], "bo"),
        ("final ana maria", ["ana", "ana maria"], "ana maria"),
        ("ana and bo", ["ana", "bo"], None),
        ("anatol banana", ["ana"], None),
        ("final O'Brien", ["Brien"], None),
        ("final रीना", ["र", "रीना"], "रीना"),
        ("final राना", ["र"], None),
        ("x", [], None),
    ],
)
def test_an_id_as_a_word_of_its_own(name, known, found):
    assert names.as_whole_word(name, known) == found


def test_all_ids_in_a_name():
    known = ["ana", "ana maria", "bo", "a", "17", "4711"]
    assert names.as_words("ana maria with Bo, 17", known) == {"ana maria", "bo", "17"}
    assert names.as_words("anatol", known) == set()
    assert names.telling(known) == ["ana", "ana maria", "bo", "4711"]


@pytest.mark.parametrize(
    ("name", "found"),
    [("hw_Ana", "ana"), ("hw ana maria", "ana maria"), ("banana", None), ("ana hw", None), ("", None)],
)
def test_an_id_at_the_end(name, found):
    assert names.at_the_end(name, ["ana", "maria", "ana maria"]) == found


@pytest.mark.usefixtures("needs_sandbox")
@pytest.mark.skipif(importlib.util.find_spec("nbgrader") is None, reason="nbgrader is not installed.")
def test_from_the_release_to_the_grades(tmp_path, capsys):
    (tmp_path / "students.txt").write_text("\n".join([*CLASS, "ana"]), encoding="utf-8")
    assert (
        main(["homework", "release", "01", "--to", str(tmp_path / "c"), "--students", str(tmp_path / "students.txt")])
        == 0
    )
    handed_in = tmp_path / "in"
    for number, name in enumerate([name.replace("'", "’") for name in CLASS if name != "रीना"] + ["राना"]):
        folder = handed_in / unicodedata.normalize("NFD", f"{name}_{number + 1}_assignsubmission_file_")
        folder.mkdir(parents=True)
        (folder / "x.ipynb").write_text(SOLVED)
    (handed_in / "ana").mkdir()
    for days, (file, text) in enumerate({"01_x": SOLVED, "Untitled": json.dumps(notebook("# %%\n1"))}.items()):
        (handed_in / "ana" / f"{file}.ipynb").write_text(text)
        os.utime(handed_in / "ana" / f"{file}.ipynb", (1_700_000_000 + 86400 * days,) * 2)
    capsys.readouterr()
    assert main(["homework", "grade", str(handed_in), "--to", str(tmp_path / "c")]) == 0
    said = capsys.readouterr()
    assert "Nothing was handed in by 1 of 8: रीना" in said.out
    assert "राना is not in the class" in said.err
    assert said.err.count("is not in the class") == 1
    with (tmp_path / "c" / "log.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert set(rows) == {*CLASS, "ana", "राना"} - {"रीना"}
    assert {row["status"] for row in rows.values()} == {"graded"}
    assert rows["ana"]["file"] == "ana/01_x.ipynb"
    assert "ana/Untitled.ipynb was not graded: there are no exercises in it" in rows["ana"]["log"]


@pytest.mark.usefixtures("needs_sandbox")
@pytest.mark.skipif(importlib.util.find_spec("nbgrader") is None, reason="nbgrader is not installed.")
def test_what_may_be_several_students_is_an_exit_code_of_its_own(tmp_path, capsys):
    for path in ("Section A/ana", "Section A/bo", "Section B/cy"):
        (tmp_path / "in" / path).mkdir(parents=True)
        (tmp_path / "in" / path / "x.ipynb").write_text(SOLVED)
    grade = ["homework", "grade", str(tmp_path / "in"), "--lesson", "01", "--to"]
    assert main([*grade, str(tmp_path / "c")]) == 1
    assert "There are several folders with notebooks in it (ana, bo)" in capsys.readouterr().out
    (tmp_path / "students.txt").write_text("ana\nbo\ncy")
    assert main([*grade, str(tmp_path / "d"), "--students", str(tmp_path / "students.txt")]) == 0
    assert "3 graded, 0 not" in capsys.readouterr().out
