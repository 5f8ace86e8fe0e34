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


def _write(place, names):
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(NOTEBOOK)


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


STRAY = ["index.html", "desktop.ini", "grades.csv"]
CANVAS = ["Canvas/doe_12_34_x.ipynb", "Canvas/roe_13_35_x.ipynb"]


@pytest.mark.parametrize("names", [["Hw/ana/x.ipynb", "Hw/bo/x.ipynb"], CANVAS, ["C/Hw/ana/x.ipynb", "C/Hw/bo/x.pdf"]])
@pytest.mark.parametrize("is_known", [False, True])
def test_what_lies_beside_a_wrapper_does_not_make_it_a_student(tmp_path, names, is_known):
    beside = [*STRAY, *(f"C/{name}" for name in STRAY if names[0].startswith("C/"))]
    students = {"doe", "roe"} if names is CANVAS else {"ana", "bo"}
    known = sorted(students) if is_known or "C/Hw/bo/x.pdf" in names else []
    found, notices = _find(tmp_path, [*names, *beside], known)
    assert set(found) == students
    assert [notice for notice in notices if notice.startswith("index.html is no notebook, so it was left alone")]


def test_a_student_s_only_folder_is_no_wrapper_for_what_lies_beside(tmp_path):
    found, _ = _find(tmp_path, ["ana/x.ipynb", "index.html"])
    assert set(found) == {"ana"}
    found, _ = _find(tmp_path, ["ana/drafts/x.ipynb", "ana/final/x.ipynb", "bo/x.pdf"])
    assert set(found) == {"ana", "bo"}


SECTIONS = ["Section A/ana/x.ipynb", "Section A/bo/more/x.ipynb", "Section B/cy/x.ipynb"]


def test_sections_of_a_class(tmp_path):
    found, notices = _find(tmp_path, SECTIONS, ["ana", "Bo", "cy", "dan"])
    assert found == {"ana": SECTIONS[0], "Bo": SECTIONS[1], "cy": SECTIONS[2]}
    assert notices == []
    found, _ = _find(
        tmp_path, ["A/ana_01_x.ipynb", "A/bo_01_x.ipynb", "B/Cy_1_assignsubmission_file_/x.ipynb"], ["ana", "bo"]
    )
    assert set(found) == {"ana", "bo", "Cy"}


def test_sections_of_a_class_that_is_not_known_are_refused(tmp_path):
    for names in (SECTIONS, ["A/ana_01_x.ipynb", "A/bo_01_x.ipynb", "B/cy/x.ipynb"]):
        found, _ = submissions.find(_zip(tmp_path / "class.zip", names), "01")
        assert [one.student[-1] for one in found] == ["A", "B"]
        with pytest.raises(ValueError, match=r"several .*ana.*--students"):
            found[0].read()
        assert found[1].read().strip() == NOTEBOOK


@pytest.mark.parametrize(
    "names",
    [
        ["ana/x.ipynb", "ana/drafts/x.ipynb", "ana/drafts/old/x.ipynb", "bo/x.ipynb"],
        ["ana/01/x.ipynb", "ana/extra/x.ipynb", "bo/x.ipynb"],
        ["ana_1_assignsubmission_file_/a/x.ipynb", "ana_1_assignsubmission_file_/b/x.ipynb", "bo/x.ipynb"],
        ["submitted/ana/01/a/x.ipynb", "submitted/ana/01/b/x.ipynb", "submitted/bo/01/x.ipynb"],
        ["ana/01_x.ipynb", "ana/ana_01_x.ipynb", "ana/hw_01.ipynb", "bo/x.ipynb"],
    ],
)
def test_a_student_s_own_folders_are_no_sections(tmp_path, names):
    found, _ = submissions.find(_zip(tmp_path / "class.zip", names), "01")
    assert [one.student for one in found] == ["ana", "bo"]
    assert found[0].read().strip() == NOTEBOOK


def test_who_has_files_in_several_places_is_told(tmp_path):
    found, notices = _find(tmp_path, ["ana/x.ipynb", "late/ana/y.ipynb", "bo/x.ipynb"], ["ana", "bo"])
    assert set(found) == {"ana", "bo"}
    assert notices == ["ana has files in several places, which are taken together: the outermost folder, late."]


# ---- files without folders


ALIKE = ["homework_01_ana.ipynb", "homework_01_bo.ipynb"]


def test_names_that_begin_alike_are_not_one_student_s(tmp_path):
    found, notices = _find(tmp_path, ALIKE)
    assert found == {"homework_01_ana": ALIKE[0], "homework_01_bo": ALIKE[1]}
    assert "2 files begin with 'homework', and were not taken for one student's." in notices[0]
    assert _find(tmp_path, ALIKE, ["ana", "bo"]) == ({"ana": ALIKE[0], "bo": ALIKE[1]}, [])
    assert set(_find(tmp_path, ALIKE[:1], ["ana", "bo"])[0]) == {"ana"}
    found, notices = _find(tmp_path, [*ALIKE, "homework_01_zed.ipynb"], ["ana", "bo"])
    assert set(found) == {"ana", "bo", "homework"}


def test_ids_of_numbers_are_not_taken_for_canvas_s(tmp_path):
    names = [f"2026_01_{number}_01_intermediate_activations.ipynb" for number in ("0042", "0043")]
    assert set(_find(tmp_path, names)[0]) == {"2026_01_0042", "2026_01_0043"}
    names = [f"ws26_11_{number}_01_x.ipynb" for number in (4242, 4243)]
    assert len(_find(tmp_path, names)[0]) == 2
    assert set(_find(tmp_path, names, ["ws26_11_4242", "ws26_11_4243"])[0]) == {"ws26_11_4242", "ws26_11_4243"}


@pytest.mark.parametrize(
    "names",
    [
        ["doe_12_34_x.ipynb", "doe_12_35_y.ipynb"],
        ["ana_01.ipynb", "ana_01 (1).ipynb", "ana_01-2.ipynb"],
        ["ana_01.ipynb", "ana_01_intermediate_activations.ipynb"],
        ["ana_01_x.ipynb", "ana_01_x-1.ipynb"],
        ["ana_01_x.ipynb", "ana_01_data.csv"],
    ],
)
def test_versions_of_one_student_s_stay_together(tmp_path, names):
    assert set(_find(tmp_path, names)[0]) == {names[0].partition("_")[0]}


# ---- nbgrader's folders


def test_a_folder_named_as_nbgrader_s_is_not_nbgrader_s(tmp_path):
    names = ["ana/x.ipynb", "bo/x.ipynb", "submitted/y.ipynb"]
    for known in ([], ["ana", "bo"]):
        assert set(_find(tmp_path, names, known)[0]) == {"ana", "bo", "submitted"}
    assert set(_find(tmp_path, ["submitted/ana/x.ipynb", "submitted/bo/x.ipynb"])[0]) == {"ana", "bo"}
    assert set(_find(tmp_path, ["submitted/ana_01.ipynb", "submitted/bo_01.ipynb"])[0]) == {"ana", "bo"}


def test_what_lies_beside_nbgrader_s_folder_is_told(tmp_path):
    names = ["ana/x.ipynb", "submitted/bo/01/x.ipynb", "submitted/y.ipynb", "source/01/x.ipynb", "gradebook.db"]
    found, notices = _find(tmp_path, names)
    assert set(found) == {"bo"}
    assert [notice.partition(" is in none of nbgrader's folders")[0] for notice in notices] == [names[0], names[2]]


@pytest.mark.parametrize("folder", ["31-01-2026", "12_January", "12-may", "12_31", "99_x", "00"])
def test_a_date_is_no_lesson(tmp_path, folder):
    names = [f"ana/{folder}/x.ipynb", "bo/x.ipynb"]
    assert _find(tmp_path, names) == ({"ana": names[0], "bo": names[1]}, [])


@pytest.mark.parametrize("folder", ["12", "12_marked", "12-style"])
def test_another_lesson_is_left_alone(tmp_path, folder):
    found, notices = _find(tmp_path, [f"ana/{folder}/x.ipynb", "ana/y.ipynb"], ["ana"])
    assert found == {"ana": "ana/y.ipynb"}
    assert "is for assignment 12" in notices[0]


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
        ("प्रिया शर्मा", "प्रिया शर्मा_12_assignsubmission_file_/x.ipynb", "प्रिया शर्मा"),
        ("สมชาย ใจดี", "สมชาย ใจดี_12_assignsubmission_file_/x.ipynb", "สมชาย ใจดี"),
        ("Pat O'Brien", "Pat O’Brien_12_assignsubmission_file_/x.ipynb", "Pat O'Brien"),
        ("Pat O'Brien", "Pat O'Brien_12_assignsubmission_file_x.ipynb", "Pat O'Brien"),
        ("क़मर", "\u0958मर/x.ipynb", "क़मर"),  # composed, and not
        ("रीना", "राना/x.ipynb", "राना"),  # somebody else: their vowels are marks
        ("がく", "かく/x.ipynb", "かく"),
        ("ana", "ana_01_x.ipynb", "ana"),
        ("ana", "01_intermediate_activations_ana.ipynb", "ana"),
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
        assert len(found[1].others) == 19
        assert found[1].notices == ("30 more files were not graded.",)


@pytest.mark.parametrize("around", ["", "CS101/", "CS101/Assignment 1/", "CS101/Section A/Assignment 1/"])
@pytest.mark.parametrize("known", [(), ("ana", "bo", "cy")])
@pytest.mark.parametrize("at_all", [60, 1000])
def test_too_many_files_are_one_student_s_at_any_depth(tmp_path, monkeypatch, around, known, at_all):
    monkeypatch.setattr(files, "MOST_FILES", 50)
    monkeypatch.setattr(files, "MOST_FILES_AT_ALL", at_all)
    names = [f"{around}ana/data/{folders}/{i % folders}/{i}.txt" for folders in (1, 5) for i in range(60)]
    names += [f"{around}{name}/{file}" for name in ("ana", "bo", "cy") for file in ("x.ipynb", "y.txt")]
    _write(tmp_path / "in", names)
    for place in (tmp_path / "in", _zip(tmp_path / "class.zip", names)):
        found, notices = submissions.find(place, "01", known)
        assert [one.student for one in found] == ["ana", "bo", "cy"]
        assert len(notices) < 70
        assert [one.read().strip() for one in found[1:]] == [NOTEBOOK] * 2
        said = [*found[0].notices, _refusal(found[0])]  # all of hers, or a folder of hers
        assert "more than 50 files" in " ".join(said)


def _refusal(submission):
    try:
        submission.read()
    except ValueError as refused:
        return str(refused)
    return ""


def test_a_large_class_in_which_nobody_has_many_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_FILES", 50)
    monkeypatch.setattr(files, "MOST_FILES_AT_ALL", 100)
    names = [f"s{i}/{j}.ipynb" for i in range(30) for j in range(20)]
    found, notices = submissions.find(_zip(tmp_path / "class.zip", names), "01")
    assert len(found) == 30
    assert notices == []


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
