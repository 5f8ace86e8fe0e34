"""Whose a submission is, and what is in it."""

import io
import json
import os
import zipfile

import nbformat
import pytest

from coursekit.exercises import notebooks
from coursekit.exercises.catalogue import LESSONS, find, lesson
from coursekit.exercises.wire import RefusedError
from coursekit.homework import submissions
from tests.homework.handed_in import notebook

NOTEBOOK = json.dumps(notebook("# %%\n1 + 1")).encode()


def _write(place, files):
    for number, name in enumerate(files):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(NOTEBOOK + b" " * number)
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
    return place


def _zip(place, files):
    """Write a zip, which can hold names that not every file system takes."""
    with zipfile.ZipFile(place, "w") as archive:
        for name in files:
            archive.writestr(name, NOTEBOOK)
    return place


def _students(place, lesson="01"):
    return {one.student: one.file for one in submissions.find(place, lesson)[0]}


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("alice/01_intermediate_activations.ipynb", "alice"),
        ("alice/deep/er/any name.ipynb", "alice"),
        ("alice_01_intermediate_activations.ipynb", "alice"),
        ("al_ice-01.ipynb", "al_ice"),
        ("doejane_12345_67890_01_intermediate_activations.ipynb", "doejane"),
        ("doejane_LATE_12345_67890_homework-2.ipynb", "doejane"),
        ("Jane Doe_12345_assignsubmission_file_/homework.ipynb", "Jane Doe"),
        ("Jane Doe_12345_assignsubmission_file/homework.ipynb", "Jane Doe"),
        ("Jane Doe_12345_assignsubmission_file_homework.ipynb", "Jane Doe"),
        ("submitted/alice/01/x.ipynb", "alice"),
        ("alice/01/x.ipynb", "alice"),
        ("alice+01+2026-01-31 12:00:00 UTC/x.ipynb", "alice"),
        ("inbound/alice+01+2026-01-31 12:00:00.123 UTC+abc/x.ipynb", "alice"),
        ("Zoë Müller/x.ipynb", "Zoë Müller"),
        ("a+b@uni.edu/x.ipynb", "a+b@uni.edu"),
        ("2026-01-0042_01_intermediate_activations.ipynb", "2026-01-0042"),
        ("2026_01_0042-01.ipynb", "2026_01_0042"),
        ("O'Brien Zoë_12345_assignsubmission_file/x.ipynb", "O'Brien Zoë"),
    ],
)
def test_known_patterns(tmp_path, name, student):
    found, notices = submissions.find(_zip(tmp_path / "class.zip", [name]), "01")
    assert [(one.student, one.file) for one in found] == [(student, name)]
    assert not [notice for notice in found[0].notices if "is kept as" not in notice]
    assert notices == []
    assert found[0].read() == NOTEBOOK


def test_a_doubtful_name_is_reported_and_kept(tmp_path):
    found, _ = submissions.find(_write(tmp_path / "in", ["homework final.ipynb"]), "01")
    assert found[0].student == "homework final"
    assert "guessed" in found[0].notices[0]


@pytest.mark.parametrize(
    ("name", "safe"),
    [("<b>/x.ipynb", "_b_"), ("a:b*c?/x.ipynb", "a_b_c_"), ("\x1b[2J/x.ipynb", "__2J"), ("\u202e/x.ipynb", "student_")],
)
def test_an_odd_name_becomes_a_safe_one(tmp_path, name, safe):
    found, _ = submissions.find(_zip(tmp_path / "class.zip", [name]), "01")
    assert found[0].student == safe
    assert found[0].file.isprintable()
    assert any("is kept as" in notice for notice in found[0].notices)


def test_no_two_students_share_a_name(tmp_path):
    files = ["<a>/x.ipynb", "(a)/x.ipynb", "doe_1_9_01.ipynb", "doe_2_9_01.ipynb", "Bob/x.ipynb", "bob/x.ipynb"]
    names = _students(_zip(tmp_path / "class.zip", files))
    assert len({name.casefold() for name in names}) == 6
    assert names["doe-1"] == "doe_1_9_01.ipynb"
    assert names["doe-2"] == "doe_2_9_01.ipynb"


def test_the_files_of_one_student_are_listed_from_the_newest(tmp_path):
    place = _write(tmp_path / "in", ["alice/01_a.ipynb", "alice/04_b.ipynb", "alice/01_c.ipynb", "alice/final.ipynb"])
    (found,), _ = submissions.find(place, "01")
    files = ["alice/final.ipynb", "alice/01_c.ipynb", "alice/04_b.ipynb", "alice/01_a.ipynb"]
    assert [one.file for one in (found, *found.others)] == files


DONE, STUB, NONE = "# %% solved 01.by-hand", "# %% stub 01.by-hand", "# %%\n1 + 1"
OTHER = '# %% {"coursekit": {"exercise": "04.field-size"}}\n1'
BESIDE = f"{STUB}\n# %%\ndef by_hand(patch, kernel, bias):\n    return 1"


@pytest.mark.parametrize(
    ("contents", "taken", "says"),
    [
        ({"homework": DONE, "Untitled": NONE}, "homework", "Untitled.ipynb was not graded: there are no exercises"),
        ({"homework": DONE, "notes": OTHER}, "homework", "notes.ipynb was not graded: it is of lesson 04"),
        ({"01_x": DONE, "final": DONE}, "final", "01_x.ipynb was not graded: it is older"),
        ({"homework": DONE, "again": STUB}, "homework", "again.ipynb was not graded: its exercises are as they were"),
        ({"draft": DONE, "beside": BESIDE}, "beside", "draft.ipynb was not graded: it is older"),
        (
            {"homework": DONE, "defines": BESIDE.replace(STUB, OTHER)},
            "homework",
            "defines.ipynb was not graded: it is of",
        ),
        ({"homework": DONE, "broken": None}, "homework", "broken.ipynb was not graded: The file is not a notebook"),
        ({"one": OTHER, "two": STUB, "three": OTHER}, "two", "Of 3 files ana/two.ipynb was graded: none answers"),
        ({"one": NONE, "two": OTHER}, "one", "two.ipynb was not graded: it is of lesson 04"),
        ({"one": None, "two": None}, "two", "one.ipynb was not graded: it is older"),
    ],
)
def test_the_newest_that_answers_the_lesson_is_taken(tmp_path, contents, taken, says):
    place = _write(tmp_path / "in", [f"ana/{name}.ipynb" for name in contents])
    for name, text in contents.items():
        file = place / "ana" / f"{name}.ipynb"
        times = (file.stat().st_atime, file.stat().st_mtime)
        file.write_text("no notebook" if text is None else json.dumps(notebook(text)))
        os.utime(file, times)
    (found,), _ = submissions.find(place, "01")
    one = submissions.take(found, lesson("01"))
    assert one.file == f"ana/{taken}.ipynb"
    assert one.read() == (place / one.file).read_bytes()
    assert one.submitted_at == next(o.submitted_at for o in (found, *found.others) if o.file == one.file)
    assert one.others == ()
    assert any(says in notice for notice in one.notices), one.notices
    assert len(one.notices) == len(contents)


@pytest.mark.parametrize("number", LESSONS)
def test_what_was_handed_out_answers_nothing(tmp_path, number):
    released = notebooks.cut_solutions(nbformat.read(notebooks.lesson_file(number), as_version=4))
    place = _write(tmp_path / "in", ["ana/mine.ipynb", "ana/released.ipynb"])
    exercise = next(one for one in lesson(number).exercises if one.is_function)
    (place / "ana/mine.ipynb").write_text(json.dumps(notebook(f"# %% solved {exercise.id}")))
    os.utime(place / "ana/mine.ipynb", (1_600_000_000, 1_600_000_000))
    (place / "ana/released.ipynb").write_bytes(notebooks.to_bytes(released))
    (found,), _ = submissions.find(place, number)
    assert submissions.take(found, lesson(number)).file == "ana/mine.ipynb"


@pytest.mark.parametrize("number", LESSONS)
def test_every_check_of_a_lesson_is_found(number):
    cells = submissions.read_cells(notebooks.lesson_file(number).read_bytes())
    found = [one for cell in cells for one in submissions.checks_in(cell).items()]
    assert sorted(found) == sorted((one.id, "") for one in lesson(number).exercises if not one.is_read_by_a_person)


@pytest.mark.parametrize(
    ("source", "checks"),
    [
        ("check('01.a')\ncheck('01.b', f(x))", {"01.a": "", "01.b": "f(x)"}),
        ("check('01.a', x, 'token')", {"01.a": "x"}),
        ("coursekit.check('01.a', variation=token, answer=x)", {"01.a": "x"}),
        ("print(check(answer=x, exercise_id='01.a'))", {"01.a": "x"}),
        ("check('01.a', x)\ncheck('01.a')", {"01.a": ""}),
        ("check(*all)\ncheck('01.a', *all)\ncheck('01.a', **all)\ncheck(name)\ncheck()", {}),
        ("def f():\n    check('01.a')", {}),
    ],
)
def test_what_is_given_to_check(source, checks):
    assert submissions.checks_in(submissions.Cell("code", source)) == checks


def test_a_check_that_cannot_be_written_again_is_none(monkeypatch):
    def fails(_):
        raise ValueError("Unable to avoid backslash in f-string expression part")

    monkeypatch.setattr("ast.unparse", fails)
    assert submissions.checks_in(submissions.Cell("code", "check('01.a', f'{x}')\ncheck('01.b')")) == {"01.b": ""}


def test_one_file_is_not_read_to_be_taken(tmp_path):
    (found,), _ = submissions.find(_write(tmp_path / "in", ["ana/x.ipynb"]), "01")
    (tmp_path / "in/ana/x.ipynb").unlink()
    assert submissions.take(found, lesson("01")) == found


def test_a_link_does_not_stand_in_the_way_of_a_file(tmp_path):
    place = _write(tmp_path / "in", ["alice/01_a.ipynb"])
    (place / "alice" / "01_z.ipynb").symlink_to("/etc/passwd")
    (found,), _ = submissions.find(place, "01")
    assert found.file == "alice/01_a.ipynb"
    assert "symbolic link" in found.notices[0]


def test_other_assignments_and_other_files_are_left_alone(tmp_path):
    files = [
        *("submitted/alice/01/x.ipynb", "submitted/alice/02/y.ipynb", "submitted/bob/02/x.ipynb"),
        *("submitted/alice/01/photo.png", "submitted/alice/01/.ipynb_checkpoints/x.ipynb"),
        *("submitted/bob/02/photo.png", "source/01/x.ipynb"),
    ]
    place = _write(tmp_path / "in", files)
    (place / "submitted/alice/01/timestamp.txt").write_text("2026-01-31 12:00:00.5 Europe/Paris\n")
    (place / "submitted" / "grades.csv").write_text("")
    found, notices = submissions.find(place, "01")
    assert [(one.student, one.file) for one in found] == [("alice", "submitted/alice/01/x.ipynb")]
    assert found[0].submitted_at == "2026-01-31T12:00:00.500000+01:00"
    assert sum("is for assignment 02" in notice for notice in notices) == 3
    assert sum("is no notebook" in notice for notice in notices) == 1
    assert sum("submitted/grades.csv is in none of nbgrader's folders" in notice for notice in notices) == 1


def test_the_newest_of_the_exchange_is_graded(tmp_path):
    early, late = "inbound/alice+01+2026-01-31 12-00-00 UTC", "inbound/alice+01+2026-01-31 13-00-00 UTC"
    place = _write(tmp_path / "in", [f"{late}/x.ipynb", f"{early}/x.ipynb"])  # the earlier has the newer file
    for folder, hour in ((early, 12), (late, 13)):
        (place / folder / "timestamp.txt").write_text(f"2026-01-31 {hour}:00:00.000000 UTC")
    (found,), _ = submissions.find(place, "01")
    assert found.file == f"{late}/x.ipynb"


def test_who_handed_in_no_notebook_is_listed(tmp_path):
    place = _write(tmp_path / "in", ["alice/homework.pdf"])
    (place / "bob").mkdir()
    found, _ = submissions.find(place, "01")
    assert [one.student for one in found] == ["alice", "bob"]
    for one, reason in zip(found, ("no notebook", "empty"), strict=True):
        with pytest.raises(RefusedError, match=reason):
            one.read()


def test_the_time_is_that_of_the_file(tmp_path):
    (found,), _ = submissions.find(_write(tmp_path / "in", ["alice/x.ipynb"]), "01")
    assert found.submitted_at == "2023-11-14T22:13:20+00:00"


def test_a_zip_is_read_as_the_folder_in_it(tmp_path):
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr("class/alice/x.ipynb", NOTEBOOK)
        archive.writestr("class/bob_01.ipynb", NOTEBOOK)
        archive.writestr("__MACOSX/class/._x.ipynb", b"")
    found, notices = submissions.find(tmp_path / "class.zip", "01")
    assert [(one.student, one.file) for one in found] == [("alice", "alice/x.ipynb"), ("bob", "bob_01.ipynb")]
    assert notices == []
    assert found[0].read() == NOTEBOOK


def test_names_of_a_zip_from_macos(tmp_path):
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr("Zoë/x.ipynb", NOTEBOOK)
    content = (tmp_path / "class.zip").read_bytes()
    (tmp_path / "class.zip").write_bytes(content.replace(b"\0\x08\0\0", b"\0\0\0\0"))  # not marked as UTF-8
    with zipfile.ZipFile(tmp_path / "class.zip") as archive:
        assert archive.namelist() != ["Zoë/x.ipynb"]
    (found,), _ = submissions.find(tmp_path / "class.zip", "01")
    assert found.student == "Zoë"
    assert found.read() == NOTEBOOK


def test_a_damaged_member_of_a_zip_is_refused(tmp_path):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("alice/x.ipynb", NOTEBOOK)
        archive.writestr("bob/x.ipynb", NOTEBOOK)
    content = bytearray(made.getvalue())
    content[content.index(b"alice") + 40] ^= 255
    (tmp_path / "class.zip").write_bytes(content)
    found, _ = submissions.find(tmp_path / "class.zip", "01")
    with pytest.raises(RefusedError, match="damaged"):
        found[0].read()
    assert found[1].read() == NOTEBOOK


def test_what_is_no_place_for_submissions(tmp_path):
    with pytest.raises(FileNotFoundError, match="no submissions"):
        submissions.find(tmp_path / "nowhere", "01")
    (tmp_path / "no.zip").write_bytes(b"PK no zip")
    with pytest.raises(ValueError, match="neither a folder nor a zip"):
        submissions.find(tmp_path / "no.zip", "01")


def test_exercises_are_found_by_id_wherever_they_stand():
    text = """\
# %% {"nbgrader": {"grade_id": "01-one-scale_solution"}}
def one_scale(layer): ...
# %%
# exercise 01.by-hand
# %% {"coursekit": {"exercise": "01.strongest-channel"}}
strongest = 3
# %% {"coursekit": {"exercise": "01.strongest-channel"}}
check("01.strongest-channel", strongest)
# %% [markdown]
<!-- exercise 01.evidence -->
"""
    cells = submissions.read_cells(json.dumps(notebook(text)).encode())
    places = {name: submissions.answers_to(cells, find(f"01.{name}")) for name in ("one-scale", "by-hand", "evidence")}
    assert places == {"one-scale": [0], "by-hand": [1], "evidence": [4]}
    assert submissions.answers_to(cells, find("01.strongest-channel")) == [2]  # not its check


def test_a_stub_gives_way_to_a_finished_copy():
    cells = submissions.read_cells(
        json.dumps(notebook("# %% stub 01.by-hand\n# %% solved 01.by-hand\n# %% stub 01.by-hand")).encode()
    )
    assert submissions.answers_to(cells, find("01.by-hand")) == [2]
    only_stub = submissions.read_cells(json.dumps(notebook("# %% stub 01.by-hand")).encode())
    assert submissions.answers_to(only_stub, find("01.by-hand")) == [0]


def test_text_is_what_the_student_wrote():
    posed = "<!-- exercise 01.evidence -->\n**What would convince you?**\n\n"
    cell = submissions.Cell("markdown", f"{posed}Cover the mouth.\n\nThen the cheeks.")
    assert submissions.text_of(cell, posed) == "Cover the mouth.\n\nThen the cheeks."
    empty = submissions.Cell("markdown", f"{posed}*Your answer here*")
    assert submissions.text_of(empty, posed) == ""


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b"{}", b'{"cells": 3}', b"[" * 100_000, b'"\\ud800"'])
def test_what_is_no_notebook_is_refused(content):
    with pytest.raises(RefusedError, match="not a notebook"):
        submissions.read_cells(content)


def test_a_notebook_with_a_byte_order_mark_is_read():
    assert submissions.read_cells(b"\xef\xbb\xbf" + NOTEBOOK)[0].source == "1 + 1"


def test_the_safe_copy_has_nothing_that_runs():
    bad = {"text/html": "<script>", "application/javascript": "alert(1)", "image/svg+xml": "<svg/>"}
    png = "iVBORw0KGgo="
    outputs = [
        {"output_type": "display_data", "data": {**bad, "text/plain": "<Figure>", "image/png": png}, "metadata": bad},
        {"output_type": "display_data", "data": {**bad, "image/png": "<script>"}},
        {"output_type": "stream", "name": "stdout", "text": ["one", "two"]},
        {"output_type": "error", "traceback": ["<b>"]},
        7,
    ]
    cell = {"cell_type": "code", "source": "x", "outputs": outputs, "metadata": bad, "attachments": bad}
    raw = json.dumps({"nbformat": 4, "cells": [cell, {"cell_type": "raw", "source": "\ud800"}], "metadata": bad})
    copy = submissions.safe_copy(submissions.read_cells(raw.encode()))
    assert "script" not in json.dumps(copy)
    assert copy["cells"][0]["outputs"] == [
        {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "<Figure>", "image/png": png}},
        {"output_type": "stream", "name": "stdout", "text": "onetwo"},
    ]
    import nbformat

    nbformat.validate(nbformat.from_dict(copy))
