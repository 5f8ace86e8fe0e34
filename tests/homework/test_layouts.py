"""What LMSs and instructors make of a class, wrapper folders, odd ids, several versions; and what students make."""

import io
import json
import os
import re
import time
import zipfile
from pathlib import Path

import pytest

from coursekit.homework import submissions
from coursekit.homework.submissions import files, patterns
from tests.homework.handed_in import notebook

NOTEBOOK = json.dumps(notebook("# %%\n1 + 1")).encode()


def _zip(place, names):
    with zipfile.ZipFile(place, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 31, 12, 0, 0)), NOTEBOOK + b" " * number)
    return place


def _find(tmp_path, names, *more, zipped="class.zip", **most):
    found, notices = submissions.find(_zip(tmp_path / zipped, names), "01", *more, **most)
    return {one.student: one.file for one in found}, notices


# ---- the table for instructors

GUIDE = Path(__file__).parents[2] / "docs" / "homework.md"
ROW = re.compile(r"^\| (?P<kind>[^|]+) \| `(?P<path>[^`]+\.ipynb)` \| (?P<student>[^|]+) \| (?P<option>[^|]*)\|$", re.M)
ROWS = [row.groupdict() for row in ROW.finditer(GUIDE.read_text())]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["kind"])
def test_the_table_in_the_guide_is_true(tmp_path, row):
    pattern = row["option"].partition("'")[2].partition("'")[0] or None
    names = [row["path"], row["path"].replace(row["student"], "zed")]
    found, notices = _find(tmp_path, names, pattern=pattern)
    assert set(found) == {row["student"], "zed"}
    assert names[0].endswith(found[row["student"]])  # without the folder around everything
    assert names[1].endswith(found["zed"])
    assert notices == []


def test_the_guide_has_a_table():
    assert {"Canvas", "Blackboard", "Sakai", "nbgrader, its exchange"} < {row["kind"] for row in ROWS}


# ---- folders around everything


@pytest.mark.parametrize(
    ("zipped", "names", "students"),
    [
        ("handed-in.zip", ["handed-in/ana/x.ipynb"], {"ana"}),
        ("handed-in (1).zip", ["handed-in/ana/x.ipynb", "handed-in/bo/x.ipynb"], {"ana", "bo"}),
        ("handed-in-2.zip", ["handed-in/ana/x.ipynb"], {"ana"}),
        ("a.zip", ["Assignment 1/ana/x.ipynb", "Assignment 1/bo/x.ipynb"], {"ana", "bo"}),
        ("a.zip", ["Course/Assignment 1/ana/x.ipynb", "Course/Assignment 1/bo/01/x.ipynb"], {"ana", "bo"}),
        ("a.zip", ["Homework/ana_01_x.ipynb", "Homework/bo_01_x.ipynb"], {"ana", "bo"}),
        ("a.zip", ["Homework/doe_12_34_x.ipynb"], {"doe"}),
        ("a.zip", ["Homework/Jane Doe_12_assignsubmission_file_/x.ipynb"], {"Jane Doe"}),
        ("a.zip", ["course/submitted/ana/01/x.ipynb", "course/source/01/x.ipynb"], {"ana"}),
        # and folders that are a student's
        ("a.zip", ["ana/x.ipynb"], {"ana"}),
        ("a.zip", ["ana/drafts/x.ipynb", "ana/01_y.ipynb"], {"ana"}),
        ("a.zip", ["ana/01/x.ipynb", "ana/02/y.ipynb"], {"ana"}),
    ],
)
def test_a_folder_around_everything_is_no_student(tmp_path, zipped, names, students):
    assert set(_find(tmp_path, names, zipped=zipped)[0]) == students


def test_the_class_tells_a_wrapper_from_a_student(tmp_path):
    names = ["ana/one/x.ipynb", "ana/two/x.ipynb"]
    assert set(_find(tmp_path, names)[0]) == {"one", "two"}
    assert set(_find(tmp_path, names, ["ana", "bo"])[0]) == {"ana"}
    assert set(_find(tmp_path, ["Assignment 1/ana/x.ipynb"], ["ana", "bo"])[0]) == {"ana"}


# ---- the class comes first


@pytest.mark.parametrize(
    ("known", "name", "student"),
    [
        ("Ana", "ana/x.ipynb", "Ana"),
        ("Zoë Müller", "Zoe\u0308 Mu\u0308ller_12_assignsubmission_file/x.ipynb", "Zoë Müller"),
        ("Zoë Müller", "zoe muller/x.ipynb", "Zoë Müller"),
        ("Zoe Muller", "Zoë Müller/x.ipynb", "Zoe Muller"),
        ("OBrien", "O'Brien/x.ipynb", "OBrien"),
        ("Jose Garcia", "José-García/x.ipynb", "Jose Garcia"),
        ("Lukasz Sorensen", "Łukasz Sørensen/x.ipynb", "Lukasz Sorensen"),
        ("李小龍", "李小龍_12_assignsubmission_file/x.ipynb", "李小龍"),
        ("Дмитрий", "дмитрий/x.ipynb", "Дмитрий"),
        ("2026_01_0042", "2026_01_0042_01_intermediate.ipynb", "2026_01_0042"),
        ("2026_12_34", "2026_12_34_homework.ipynb", "2026_12_34"),
        ("ana", "ana homework final.ipynb", "ana"),
        ("ana", "ana_maria_01.ipynb", "ana_maria"),  # somebody else, who is not in the class
        ("ana", "anatol final.ipynb", "anatol final"),
    ],
)
def test_a_name_is_the_id_of_the_class(tmp_path, known, name, student):
    assert set(_find(tmp_path, [name], [known, "somebody"])[0]) == {student}


def test_the_longest_id_counts(tmp_path):
    found, _ = _find(tmp_path, ["ana maria final.ipynb", "ana final.ipynb"], ["ana", "ana maria"])
    assert found == {"ana maria": "ana maria final.ipynb", "ana": "ana final.ipynb"}


def test_whose_id_it_is_keeps_it(tmp_path):
    """The one in the class keeps the name and with it the variation, whichever comes first."""
    for known in ("Bob", "bob"):
        found, _ = _find(tmp_path, ["BOB/x.ipynb", "Bob/x.ipynb", "bob/x.ipynb"], [known])
        assert found[known] == f"{known}/x.ipynb"
        assert len({name.casefold() for name in found}) == 3


def test_two_people_never_become_one(tmp_path):
    found, _ = _find(tmp_path, ["doe_1_9_x.ipynb", "doe_2_9_x.ipynb"], ["doe"])
    assert set(found) == {"doe-1", "doe-2"}
    found, _ = _find(tmp_path, ["Zoë/x.ipynb", "Zoé/x.ipynb"], ["Zoe"])
    assert set(found) == {"Zoë", "Zoé"}


def test_files_of_one_student_under_two_names_are_one_submission(tmp_path):
    found, _ = _find(tmp_path, ["ana/01_x.ipynb", "ana_5_9_01_y.ipynb"], ["ana"])
    assert len(found) == 1


# ---- versions and times


def test_of_equal_times_the_version_counts(tmp_path):
    names = ["doe_1_5_name.ipynb", "doe_1_6_name-10.ipynb", "doe_1_7_name-2.ipynb"]
    assert _find(tmp_path, names)[0] == {"doe": "doe_1_6_name-10.ipynb"}
    assert _find(tmp_path, ["ana/x (1).ipynb", "ana/x.ipynb"])[0] == {"ana": "ana/x (1).ipynb"}


def _hand_in(place, name, stamp):
    file = place / name
    file.parent.mkdir(parents=True)
    file.write_bytes(NOTEBOOK)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    (file.parent / "timestamp.txt").write_text(stamp)
    return place


FILE_TIME = "2023-11-14T22:13:20+00:00"


@pytest.mark.parametrize(
    ("name", "is_believed"),
    [
        ("submitted/ana/01/x.ipynb", True),
        ("inbound/ana+01+2026-01-31 12-00-00 UTC/x.ipynb", True),
        ("ana/x.ipynb", False),
        ("ana/01/x.ipynb", False),
        ("submitted/ana/01/more/x.ipynb", False),
    ],
)
def test_a_time_of_the_student_s_own_is_not_believed(tmp_path, name, is_believed):
    place = _hand_in(tmp_path / "in", name, "2026-01-31 12:00:00 UTC")
    ((found,), _) = submissions.find(place, "01")
    assert found.submitted_at == ("2026-01-31T12:00:00+00:00" if is_believed else FILE_TIME)


def test_nbgrader_s_own_folder_can_be_named_itself(tmp_path):
    place = _hand_in(tmp_path, "submitted/ana/01/x.ipynb", "2026-01-31 12:00:00 UTC") / "submitted"
    ((found,), _) = submissions.find(place, "01")
    assert (found.student, found.submitted_at) == ("ana", "2026-01-31T12:00:00+00:00")


@pytest.mark.parametrize(
    "stamp",
    [
        *("0001-01-01 00:00:00 Asia/Tokyo", "9999-12-31 23:59:59 America/Los_Angeles", "2026-01-31 12:00:00 ../../x"),
        *("2026-01-31 12:00:00 \0", "", "x" * 300, "2026-01-31 12:00:00 Europe"),
    ],
)
def test_a_time_that_is_none_costs_nobody_anything(tmp_path, stamp):
    place = _hand_in(tmp_path / "in", "submitted/ana/01/x.ipynb", stamp)
    (place / "submitted" / "bo" / "01").mkdir(parents=True)
    (place / "submitted" / "bo" / "01" / "x.ipynb").write_bytes(NOTEBOOK)
    found, _ = submissions.find(place, "01")
    assert [one.student for one in found] == ["ana", "bo"]
    assert found[0].submitted_at == FILE_TIME


# ---- what is too much


def test_too_many_files_of_one_cost_nobody_else_anything(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_FILES", 50)
    names = [*(f"ana/{i}.ipynb" for i in range(51)), *(f"bo/{i}.ipynb" for i in range(50)), "cy/deep/x.ipynb"]
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(NOTEBOOK)
    for place in (tmp_path / "in", _zip(tmp_path / "class.zip", names)):
        found, _ = submissions.find(place, "01", ["ana"])
        assert [one.student for one in found] == ["ana", "bo", "cy"]
        with pytest.raises(ValueError, match="more than 50 files"):
            found[0].read()
        assert found[1].read().strip() == NOTEBOOK
        assert len(found[1].notices) == 21  # of 49 others
        assert "29 more files were not graded." in found[1].notices


def test_long_names_are_refused_at_once(tmp_path):
    long = "a" + "_1" * 4000 + "_assignsubmission_" + "a" * 4000
    names = [f"{long}/x.ipynb", f"ana/{long}.ipynb", f"bo/{'x/' * 50}x.ipynb", "cy/x.ipynb", f"{'李' * 80}_01.ipynb"]
    start = time.process_time()
    found, _ = submissions.find(_zip(tmp_path / "class.zip", names), "01")
    assert time.process_time() - start < 5
    assert {"ana", "bo", "cy"} < {one.student for one in found}
    assert len(found) == 5
    assert all(len(f".{one.student}-2.json.{'0' * 16}.part".encode()) <= 255 for one in found)
    reasons = {}
    for one in found:
        try:
            one.read()
        except ValueError as refused:
            reasons[one.student] = str(refused)
    assert "more than 255 characters" in reasons["ana"]
    assert "8 folders" in reasons["bo"]
    assert len(reasons) == 3


def test_what_tools_leave_in_a_zip_is_left_out(tmp_path):
    names = ["ana/x.ipynb", "ana/.ipynb_checkpoints/y.ipynb", "ana/.git/z.ipynb", ".hidden/x.ipynb", "__MACOSX/x.ipynb"]
    found, notices = submissions.find(_zip(tmp_path / "class.zip", names), "01")
    assert [(one.student, one.notices) for one in found] == [("ana", ())]
    assert notices == []


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
def test_a_damaged_member_is_refused_however_it_is_packed(tmp_path, method):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        archive.writestr("ana/x.ipynb", os.urandom(2000))
    broken = bytearray(content.getvalue())
    broken[60:200] = b"\xff" * 140
    (tmp_path / "class.zip").write_bytes(broken)
    ((found,), _) = submissions.find(tmp_path / "class.zip", "01")
    with pytest.raises(ValueError, match="damaged"):
        found.read()


# ---- an instructor's own pattern


def test_an_instructor_s_pattern(tmp_path):
    names = ["Hw1/17 - ana.ipynb", "Hw1/18 - bo/x.ipynb", "Hw1/readme.ipynb"]
    pattern = r"(?:Hw1/)?\d+ - (?P<student>\w+)"
    found, notices = _find(tmp_path, names, pattern=pattern)
    assert set(found) == {"ana", "bo"}
    assert [notice for notice in notices if "readme.ipynb does not fit the pattern" in notice]
    assert set(_find(tmp_path, names, pattern=pattern.replace("student", "student_id"))[0]) == {"ana", "bo"}
    assert set(_find(tmp_path, names, ["Ana"], pattern=pattern)[0]) == {"Ana", "bo"}


@pytest.mark.parametrize(("pattern", "says"), [("(", "no regular expression"), (r"(\w+)", "no group named student")])
def test_a_pattern_that_is_none(tmp_path, pattern, says):
    with pytest.raises(ValueError, match=says):
        _find(tmp_path, ["ana/x.ipynb"], pattern=pattern)


def test_a_pattern_that_does_not_end_costs_one_name(tmp_path, monkeypatch):
    monkeypatch.setattr(patterns, "SECONDS", 2.0)
    names = ["ana!/x.ipynb", "a" * 60 + "/x.ipynb", "bo!/x.ipynb"]
    found, notices = _find(tmp_path, names, pattern=r"(?P<student>(?:\w+)+)!")
    assert set(found) == {"ana", "bo"}
    assert len(notices) == 1
