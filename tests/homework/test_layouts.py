"""What LMSs and instructors make of a class, wrapper folders, odd ids, several versions; and what students make."""

import io
import itertools
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
    late = [f"ana (late)/{name.partition('/')[2]}" for name in names]
    assert set(_find(tmp_path, late, ["ana", "bo"])[0]) == {"ana"}
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
    assert notices == [
        f"Section {one} was taken for a section of the class, with {n} of it." for one, n in ("A2", "B1")
    ]
    moodle = ["A/ana_01_x.ipynb", "A/homework_01_bo.ipynb", "A/list.txt", "B/Cy_1_assignsubmission_file_/x.ipynb"]
    found, notices = _find(tmp_path, moodle, ["ana", "bo", "cy"])
    assert set(found) == {"ana", "bo", "cy"}
    assert "A/list.txt is no notebook, so it was left alone." in notices
    one_each = ["A/ana/x.ipynb", "B/Week 1/bo/x.ipynb"]
    assert set(_find(tmp_path, one_each, ["ana", "bo", "cy"])[0]) == {"ana", "bo"}
    twice = [f"{around}/{name}/x.ipynb" for around in ("Hw", "Hw (1)") for name in ("ana", "bo")]
    found, notices = _find(tmp_path, twice, ["ana", "bo"])
    assert set(found) == {"ana", "bo"}
    assert "ana has files in several places, which are taken together: Hw, Hw (1)." in notices


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


@pytest.mark.parametrize(
    "folders",
    [
        ["ana/old/y", "ana/tries/z", "ana/x"],
        ["ana/Homework 1/Version 1/x", "ana/Homework 1/Version 2/x"],
        ["ana/lesson 4/04_y", "ana/lesson 1/01_x"],
    ],
)
def test_a_student_s_own_order_of_folders(tmp_path, folders):
    found, notices = _find(tmp_path, [*(f"{folder}.ipynb" for folder in folders), "bo/x.ipynb"])
    assert found == {"ana": f"{folders[-1]}.ipynb", "bo": "bo/x.ipynb"}
    assert notices == []


@pytest.mark.parametrize("numbers", [("s1001", "s1002"), ("group 1", "group 2"), ("17", "18")])
def test_folders_with_numbers_that_may_be_students(tmp_path, numbers):
    names = [*(f"A/{number}/x.ipynb" for number in numbers), "B/s3/x.ipynb"]
    found, _ = submissions.find(_zip(tmp_path / "class.zip", names), "01")
    assert [one.student for one in found] == ["A", "B"]
    assert "several folders" in _refusal(found[0])


def test_who_has_a_place_among_the_others_has_no_files_elsewhere(tmp_path):
    late = ["ana/x.ipynb", "late/ana/y.ipynb", "bo/x.ipynb"]
    found, notices = _find(tmp_path, late, ["ana", "bo"])
    assert found == {"ana": late[0], "late": late[1], "bo": late[2]}
    says = "late was taken for one student's, though it has names of the class in it (ana)."
    assert notices == [f"{says} If these are theirs, lay their folders outermost."]
    sections = ["A/ana/x.ipynb", "A/bo/x.ipynb", "late/ana/y.ipynb"]
    found, notices = submissions.find(_zip(tmp_path / "class.zip", sections), "01", ["ana", "bo"])
    assert [one.student for one in found] == ["ana", "bo"]
    assert "in several places: A, late" in _refusal(found[0])
    says = "ana has files in several places, which were not graded, since some may be another's: A, late."
    assert says in notices


# ---- what students choose, the names in what they hand in, makes it nobody else's

INNER = [
    *("ana/x.ipynb", "cy/x.ipynb", "ana_01.ipynb", "cy_01_intermediate_activations.ipynb", "homework_01_ana.ipynb"),
    *("ana+01+2026-01-31 12-00-00 UTC/x.ipynb", "cy+01+2026-01-31 12-00-00 UTC/x.ipynb", "submitted/ana/01/x.ipynb"),
    *("ana_7_assignsubmission_file_/x.ipynb", "cy_9_assignsubmission_file_x.ipynb", "inbound/cy+01+2026-01-31/x.ipynb"),
    *("ana_7_8_x.ipynb", "Hw_cy_attempt_2026-01-31-12-00-00_x.ipynb", "5-6 - ana - Jan 31, 2026 1159 PM/x.ipynb"),
    *("12-67890 - cy - Jan 31, 2026 1159 PM - x.ipynb", "deep/er/ana/x.ipynb", "hw_cy_01.ipynb", "for ana.ipynb"),
]
AROUND = {
    "folders": "{}/",
    "exchange": "{}+01+2026-01-30 12-00-00 UTC/",
    "Moodle": "{}_{n}_assignsubmission_file_/",
    "Moodle, flat": "{}_{n}_assignsubmission_file_",
    "Canvas": "{}_{n}_99_",
    "Blackboard": "Homework 1_{}_attempt_2026-01-30-12-00-00_",
    "Brightspace": "{n}-67890 - {} - Jan 30, 2026 1159 PM/",
    "Brightspace, flat": "{n}-67890 - {} - Jan 30, 2026 1159 PM - ",
    "nbgrader": "submitted/{}/01/",
    "nbgrader, exchange": "inbound/{}+01+2026-01-30 12-00-00 UTC/",
    "GitHub": "hw1-{}/",
    "in an assignment": "Homework 1/{}/",
    "in sections": "Section A/{}/",
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize(
    "known", [(), ("ana", "bo", "cy"), ("ana", "bo", "cy", "zed")], ids=["unknown", "auditor", "in"]
)
def test_no_name_in_a_submission_makes_it_another_s(tmp_path, around, known):
    """Neither of ana, who handed in, nor of cy, who did not; with and without several files in it."""
    around_one = {name: AROUND[around].format(name, n=7 + i) for i, name in enumerate(("ana", "bo", "zed"))}
    around_one |= {"cy": AROUND[around].format("cy", n=12)}
    plain = {f"{around_one[name]}x.ipynb" for name in ("ana", "bo")}
    is_flat = not AROUND[around].endswith("/")
    inner = [name for name in INNER if "/" not in name] if is_flat else INNER
    for number, chosen in enumerate([*([name] for name in inner), *([a, b] for a, b in itertools.pairwise(inner))]):
        names = [*sorted(plain), *(f"{around_one['zed']}{name}" for name in chosen)]
        place = _zip(tmp_path / f"{number}.zip", names)
        found, notices = submissions.find(place, "01", list(known))
        owns = {one.student: {file.file for file in (one, *one.others)} for one in found}
        assert "cy" not in owns, chosen
        for student in ("ana", "bo"):
            if known or around not in ("GitHub", "in sections"):
                (file,) = owns[student]
                assert any(name.endswith(file) for name in plain), chosen
        stolen = [s for s, files in owns.items() if s in ("ana", "bo") and any(around_one["zed"] in f for f in files)]
        assert not stolen, chosen
        told = {*owns} - {"ana", "bo"} or [name for name in names[2:] if any(name in notice for notice in notices)]
        assert told or (around == "in sections" and not known), chosen


def test_a_misspelt_folder_is_told(tmp_path):
    names = ["ana/x.ipynb", "bo/x.ipynb", "Zed Zander/bo/x.ipynb"]
    found, notices = _find(tmp_path, names, ["ana", "bo", "xy"])
    assert found == {"ana": names[0], "bo": names[1], "Zed Zander": names[2]}
    assert "Zed Zander was taken for one student's, though it has names of the class in it (bo)" in notices[0]


@pytest.mark.parametrize("inner", ["bo_01.ipynb", "bo/x.ipynb"])
def test_folders_that_say_nothing_are_no_sections(tmp_path, inner):
    names = ["submission_11/x.ipynb", f"submission_12/{inner}"]
    found, notices = _find(tmp_path, names, ["ana", "bo"])
    assert found == {"submission_11": names[0], "submission_12": names[1]}
    assert "submission_12 was taken for one student's, though it has names of the class in it (bo)" in notices[0]


def test_a_lesson_s_own_name_is_no_id(tmp_path):
    names = ["x/13_debugging_a_network.ipynb", "y_13_debugging_a_network.ipynb", "b/13_debugging_a_network.ipynb"]
    found, _ = submissions.find(_zip(tmp_path / "class.zip", names), "13", ["a", "b"])
    assert [one.student for one in found] == ["b", "x", "y"]


# ---- ids that only stand in a name


@pytest.mark.parametrize(
    "around",
    [
        *("Group A-{}_12345_assignsubmission_file_/", "1-67890 - {} - Jan 31, 2026 1159 PM/", "Doe, Jane({})/"),
        *("Doe_Jane_{}_4711/", "{} (late)/", "{}_resubmission/", "hw1-{}/", "{}@uni.edu/"),
        "Group A-{}_12345_assignsubmission_file_",
    ],
)
@pytest.mark.parametrize("wrapper", ["", "Homework 1/"])
def test_an_id_in_an_outermost_name(tmp_path, around, wrapper):
    names = [f"{wrapper}{around.format('jdoe')}x.ipynb", f"{wrapper}{around.format('Bo Li')}x.ipynb"]
    found, notices = submissions.find(_zip(tmp_path / "class.zip", names), "01", ["jdoe", "Bo Li", "li", "7", "A"])
    assert [one.student for one in found] == ["Bo Li", "jdoe"]
    assert notices == []
    is_form = around.startswith("1-")
    assert all(bool(one.notices) is not is_form for one in found)
    assert is_form or "Whose it is was guessed: the id jdoe stands in the name" in found[1].notices[0]


def test_who_hands_in_twice_in_brightspace_is_one_student(tmp_path):
    days = ["12345-67890 - Jane Doe - Jan 31, 2026 1159 PM", "12345-67890 - Jane Doe - Jan 29, 2026 100 PM"]
    names = [*(f"{day}/x.ipynb" for day in days), "12346-67890 - Bo Li - Jan 30, 2026 805 AM/x.ipynb"]
    for known in ([], ["Jane Doe", "Bo Li"]):
        assert set(_find(tmp_path, names, known)[0]) == {"Jane Doe", "Bo Li"}


def test_an_id_that_a_stranger_s_name_contains_takes_nothing_over(tmp_path):
    names = ["ana/x.ipynb", "Zoe ana/y.ipynb", "bo/x.ipynb", "hw_bo_01.ipynb"]
    found, notices = _find(tmp_path, names, ["ana", "bo"])
    assert found == {"ana": names[0], "Zoe ana": names[1], "bo": names[2], "hw_bo": names[3]}
    assert "The id ana stands in other names as well, which were kept apart: Zoe ana." in notices[0]
    strangers = ["Zoe ana/x.ipynb", "Max ana/y.ipynb", "bo/x.ipynb"]
    found, notices = _find(tmp_path, strangers, ["ana", "bo"])
    assert set(found) == {"Zoe ana", "Max ana", "bo"}
    assert "kept apart: Zoe ana, Max ana." in notices[0]
    moodle = ["ana_1_assignsubmission_file_/x.ipynb", "ana Roe_2_assignsubmission_file_/x.ipynb"]
    assert set(_find(tmp_path, moodle, ["ana", "bo"])[0]) == {"ana", "ana Roe"}
    assert set(_find(tmp_path, ["ana and bo/x.ipynb", "cy/x.ipynb"], ["ana", "bo", "cy"])[0]) == {"ana and bo", "cy"}


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


@pytest.mark.parametrize(
    ("form", "lesson"),
    [
        ("Homework 1_{}_attempt_2026-01-31-12-00-00_x.ipynb", "01"),
        ("Homework 1_{}_attempt_2026-01-31-12-00-00.ipynb", "01"),
        ("Homework 2_{}_attempt_2026-02-10-12-44-33_with ana.ipynb", "02"),
        ("Home_work 4_{}_attempt_2026-02-10-12-04-33_x.ipynb", "04"),
        ("hw_{}_2026-01-31.ipynb", "01"),
        ("2026-01-31 {}_01.ipynb", "01"),
        ("{}_2026-01-31 12-01-00_01_x.ipynb", "01"),
        ("abgabe_{}_01.ipynb", "01"),
        ("Lab - {}_01_intermediate_activations.ipynb", "01"),
    ],
)
def test_a_day_is_no_lesson_and_an_id_may_stand_before_it(tmp_path, form, lesson):
    names = [form.format(name) for name in ("jdoe", "j_roe", "boli")]
    found, notices = submissions.find(_zip(tmp_path / "class.zip", names), lesson, ["jdoe", "j_roe", "boli", "ana"])
    assert {one.student: one.file for one in found} == dict(zip(("jdoe", "j_roe", "boli"), names, strict=True))
    assert notices == []
    is_doubtful = form.startswith(("abgabe", "Lab", "hw"))
    assert all(bool(one.notices) is is_doubtful for one in found)


def test_blackboard_s_names_are_understood_without_the_class(tmp_path):
    names = [f"Homework 1_{name}_attempt_2026-01-31-12-00-00_for_01.ipynb" for name in ("jdoe", "boli")]
    assert _find(tmp_path, names) == (dict(zip(("jdoe", "boli"), names, strict=True)), [])


def test_of_several_ids_in_a_name_none_is_taken(tmp_path):
    found, _ = submissions.find(
        _zip(tmp_path / "class.zip", ["hw_ana_01_with bo.ipynb", "cy/x.ipynb"]), "01", ["ana", "bo"]
    )
    assert [one.student for one in found] == ["cy", "hw_ana"]
    assert "several ids of the class stand in the name" in found[1].notices[0]


def test_moodle_s_name_of_a_file_that_moodle_named(tmp_path):
    names = [
        f"Jane Doe_12_assignsubmission_file_{name}_12_assignsubmission_file_x.ipynb" for name in ("Jane Doe", "Bo")
    ]
    for known in ([], ["Jane Doe", "Bo"]):
        assert set(_find(tmp_path, names, known)[0]) == {"Jane Doe"}


@pytest.mark.parametrize("more", ["", " (1)", "-2"])
def test_a_file_named_after_another_lesson_is_left_alone(tmp_path, more):
    other = f"ana_04_maximally_activating_patches{more}.ipynb"
    found, notices = _find(tmp_path, ["ana_01_intermediate_activations.ipynb", other])
    assert set(found) == {"ana"}
    assert notices == [f"{other} is for assignment 04, so it was left alone."]
    found, _ = submissions.find(_zip(tmp_path / "class.zip", [other]), "01", ["ana", "bo"])
    assert [one.student for one in found] == ["ana"]  # the reason says which lesson it is
    assert set(_find(tmp_path, ["doe_12_34_04_maximally_activating_patches.ipynb"])[0]) == {"doe"}


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


def test_of_equal_times_the_version_of_a_folder_counts_before_names(tmp_path):
    names = ["ana/Hw/Version 10/x.ipynb", "ana/Hw/Version 9/01_x (3).ipynb", "ana/Hw/Version 2/y.ipynb"]
    assert _find(tmp_path, names)[0] == {"ana": names[0]}


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


@pytest.mark.parametrize(
    "beside", ["__MACOSX/Hw/ana/._x.ipynb", "feedback/", "Hw/ana/__MACOSX/._x.ipynb", "._Hw/x.ipynb"]
)
@pytest.mark.parametrize("known", [(), ("ana", "bo")])
def test_what_tools_leave_in_a_folder_does_not_count(tmp_path, beside, known):
    _write(
        tmp_path / "in",
        ["Hw/ana/x.ipynb", "Hw/bo/x.ipynb", beside] if beside[-1] != "/" else ["Hw/ana/x.ipynb", "Hw/bo/x.ipynb"],
    )
    (tmp_path / "in" / beside.rstrip("/")).parent.mkdir(parents=True, exist_ok=True)
    if beside[-1] == "/":
        (tmp_path / "in" / beside).mkdir()
    found, notices = submissions.find(tmp_path / "in", "01", known)
    assert [(one.student, one.notices) for one in found] == [("ana", ()), ("bo", ())]
    assert notices == (["feedback is an empty folder, so it was left alone."] if beside[-1] == "/" else [])


def test_an_empty_folder_of_a_student_s_counts(tmp_path):
    _write(tmp_path / "in", ["ana/one/x.ipynb", "ana/two/x.ipynb"])
    (tmp_path / "in" / "bo").mkdir()
    found, _ = submissions.find(tmp_path / "in", "01", ["ana", "bo"])
    assert [one.student for one in found] == ["ana", "bo"]
    assert "empty" in _refusal(found[1])
    (tmp_path / "in" / "ana").rename(tmp_path / "in" / "Zed")
    (tmp_path / "in" / "Zed" / "one").rename(tmp_path / "in" / "Zed" / "ana")
    found, _ = submissions.find(tmp_path / "in", "01", ["ana", "bo"])
    assert [one.student for one in found] == ["bo", "Zed"]


def test_notebooks_under_the_names_that_browsers_give_them(tmp_path):
    names = ["ana/x.ipynb.txt", "bo_01_x.ipynb.json", "cy_1_assignsubmission_file_x.ipynb.txt"]
    for known in ([], ["ana", "bo", "cy"]):
        assert _find(tmp_path, names, known) == (dict(zip(("ana", "bo", "cy"), names, strict=True)), [])
    assert _find(tmp_path, ["ana/x (1).ipynb.txt", "ana/x.ipynb.txt"])[0] == {"ana": "ana/x (1).ipynb.txt"}


@pytest.mark.parametrize("known", [(), ("ana", "bo")])
def test_a_zip_of_a_student_s_is_to_be_unpacked(tmp_path, known):
    found, notices = submissions.find(
        _zip(tmp_path / "class.zip", ["ana/x.ipynb", "bo/hw.zip", "bo/x.txt"]), "01", known
    )
    assert [one.student for one in found] == ["ana", "bo"]
    assert _refusal(found[1]) == "There is only hw.zip, which is not looked into: unpack it."
    assert notices[0] == "bo/hw.zip is no notebook. Unpack it, so that it is looked into."
    found, notices = submissions.find(_zip(tmp_path / "zips.zip", ["ana.zip", "bo.zip"]), "01", known)
    assert [one.student for one in found] == sorted(known)
    assert all("Unpack it" in notice for notice in notices)


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


def test_a_day_in_a_canvas_file_takes_its_owner_from_nobody(tmp_path):
    names = ["doejane_12345_67890_2026-01-31 hw.ipynb", "zed_12346_67891_2026-01-31 alice.ipynb"]
    assert set(_find(tmp_path, names)[0]) == {"doejane", "zed"}
    assert set(_find(tmp_path, names, ["doejane", "alice"])[0]) == {"doejane", "zed"}


@pytest.mark.parametrize("folders", [("01", "02"), ("Week 1", "Week 2"), ("HW", "HW (1)")])
def test_a_folder_for_each_lesson_is_no_other_place(tmp_path, folders):
    names = [f"{folder}/{student}/x.ipynb" for folder in folders for student in ("ana", "bo")]
    found, _ = submissions.find(_zip(tmp_path / "class.zip", names), "01", ["ana", "bo"])
    assert [one.student for one in found] == ["ana", "bo"]
    assert all(one.read() is not None for one in found)


def test_who_is_in_several_sections_is_not_graded_but_told(tmp_path):
    names = ["Section A/ana/x.ipynb", "Section A/bo/x.ipynb", "zed/ana.ipynb", "zed/cy/x.ipynb"]
    found, notices = submissions.find(_zip(tmp_path / "class.zip", names), "01", ["ana", "bo", "cy"])
    assert [one.student for one in found] == ["ana", "bo", "cy"]
    with pytest.raises(ValueError, match=r"in several places: Section A, zed\. Which are theirs"):
        found[0].read()
    assert found[1].read() is not None
    assert [notice for notice in notices if "ana has files in several places, which were not graded" in notice]


def test_an_lms_s_folders_in_sections(tmp_path):
    names = ["A/Jane Doe_1_assignsubmission_file_/x.ipynb", "B/Bo Li_2_assignsubmission_file_/x.ipynb"]
    assert set(_find(tmp_path, names, ["Jane Doe", "Bo Li"])[0]) == {"Jane Doe", "Bo Li"}


def test_an_id_in_an_lms_s_name_is_another_s(tmp_path):
    names = ["Ana Zed_3_assignsubmission_file_/x.ipynb", "Group A-Bo Li_4_assignsubmission_file_/x.ipynb"]
    assert set(_find(tmp_path, names, ["Ana", "Bo Li"])[0]) == {"Ana Zed", "Bo Li"}


# ---- an instructor's own pattern


@pytest.mark.parametrize("last", [["mal/s0", "mal/s1", "mal/s2", "mal/s3"], ["mal/hw"]])
def test_names_that_students_choose_do_not_decide_how_a_pattern_is_read(tmp_path, last):
    names = [f"HW1/{one}.ipynb" for one in ("alice/hw", "bo/final", *last)]
    assert set(_find(tmp_path, names, pattern=r"[^/]+/(?P<student>[^/.]+)")[0]) == {"alice", "bo", "mal"}


def test_an_instructor_s_pattern(tmp_path):
    names = ["Hw1/17 - ana.ipynb", "Hw1/18 - bo/x.ipynb", "Hw1/readme.ipynb"]
    pattern = r"(?:Hw1/)?\d+ - (?P<student>\w+)"
    found, notices = _find(tmp_path, names, pattern=pattern)
    assert set(found) == {"ana", "bo"}
    assert [notice for notice in notices if "readme.ipynb does not fit the pattern" in notice]
    assert set(_find(tmp_path, names, pattern=pattern.replace("student", "student_id"))[0]) == {"ana", "bo"}
    assert set(_find(tmp_path, names, ["Ana"], pattern=pattern)[0]) == {"Ana", "bo"}


@pytest.mark.parametrize("zipped", ["class.zip", "HW.zip"])
@pytest.mark.parametrize("pattern", [r".*/\d+ - (?P<student>\w+)", r"(?:.*/)?\d+ - (?P<student>\w+)"])
def test_a_pattern_is_tried_on_the_whole_path(tmp_path, zipped, pattern):
    names = ["HW/1 - ana/x.ipynb", "HW/2 - bo/x.ipynb"]
    assert set(_find(tmp_path, names, pattern=pattern, zipped=zipped)[0]) == {"ana", "bo"}
    _write(tmp_path / "in", names)
    assert [one.student for one in submissions.find(tmp_path / "in", "01", (), pattern)[0]] == ["ana", "bo"]
    flat, notices = _find(tmp_path, ["1 - ana.ipynb", "2 - bo.ipynb"], pattern=pattern)
    assert (set(flat), len(notices)) == (({"ana", "bo"}, 0) if "?:" in pattern else (set(), 2))


@pytest.mark.parametrize("wrapper", ["", "HW/", "CS101/HW/"])
def test_a_pattern_for_the_first_place_that_fits(tmp_path, wrapper):
    names = [f"{wrapper}1 - ana/x.ipynb", f"{wrapper}2 - zed/1 - ana.ipynb", f"{wrapper}2 - zed/1 - ana/y.ipynb"]
    found, _ = submissions.find(_zip(tmp_path / "a.zip", names), "01", (), r"(?:.*?/)??\d+ - (?P<student>\w+)")
    assert [(one.student, len(one.others)) for one in found] == [("ana", 0), ("zed", 1)]


def test_a_pattern_is_tried_without_the_wrapper_where_it_does_not_fit(tmp_path):
    names = ["Hw 1/1 - ana/x.ipynb", "Hw 1/2 - bo/x.ipynb"]
    assert set(_find(tmp_path, names, pattern=r"\d+ - (?P<student>\w+)")[0]) == {"ana", "bo"}


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
