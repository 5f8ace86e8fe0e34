"""One class of honest, broken and hostile submissions, graded for real: each gets the grade in the table, no other.

The submissions are files in honest/ and hostile/ (handed_in.py says how they are written). What is huge, and
what no repository would take, is made here.
"""

import json
import os
import socket
import stat
import sys
import threading
import time
import zipfile

import psutil
import pytest
import tqdm

from coursekit.homework import grading, marking
from coursekit.homework.grading import Options
from coursekit.homework.sandbox import Limits, cgroup
from tests.homework.handed_in import needs_sandbox, notebook, write_class  # noqa: F401

pytestmark = pytest.mark.usefixtures("needs_sandbox")

LIMITS = Limits(
    cell_seconds=6,
    case_seconds=2,
    whole_seconds=60,
    memory=1 << 30,
    address_space=8 << 30,
    disk=64 << 20,
    output=10**7,
    processes=272,  # however many processors there are: each thread has address space of its own
)
BY_HAND, ONE_SCALE = 3, 2

HONEST = {  # student: points for 01.by-hand and 01.one-scale
    "perfect": (BY_HAND, ONE_SCALE),
    "partly": (BY_HAND, 0),
    "wrong": (0, 0),
    "empty": (0, 0),
    "one_wrong_cell": (BY_HAND, ONE_SCALE),
    "warnings_on_stderr": (BY_HAND, ONE_SCALE),
    "changes_its_input": (BY_HAND, ONE_SCALE),
    "magics_and_figures": (BY_HAND, ONE_SCALE),
    "file_and_process": (BY_HAND, ONE_SCALE),
    "list_instead_of_array": (BY_HAND, ONE_SCALE),
    "helper_module": (BY_HAND, ONE_SCALE),
    "uses_the_name_again": (BY_HAND, ONE_SCALE),
    "stub_copied_below": (BY_HAND, ONE_SCALE),
}
HOSTILE = {
    # cells
    "duplicated_cells": (BY_HAND, ONE_SCALE),
    "deleted_cells": (0, ONE_SCALE),
    "renamed_function": (0, ONE_SCALE),
    "reordered_cells": (BY_HAND, ONE_SCALE),
    "wiped_metadata": (BY_HAND, ONE_SCALE),
    "swapped_metadata": (BY_HAND, ONE_SCALE),
    "takes_another_variation": (BY_HAND, ONE_SCALE),
    "null_byte_in_a_cell": (BY_HAND, ONE_SCALE),
    # what checks and compares
    "edited_checks": (0, 0),
    "drops_assert": (0, 0),
    "equals_everything": (0, 0),
    "lies_about_its_shape": (0, 0),
    "raises_when_compared": (0, ONE_SCALE),
    "raises_strangely": (0, 0),
    "patched_check": (0, 0),
    "patched_numpy": (0, 0),
    "patched_json": (0, 0),
    "patched_modules": (0, 0),
    "patched_runner": (0, 0),
    "patched_wire": (0, 0),
    # processes, time, memory, disk, output
    "ends_the_process": (BY_HAND, ONE_SCALE),
    "ends_the_process_when_called": (0, ONE_SCALE),
    "kills_everything": (BY_HAND, ONE_SCALE),
    "exits_politely": (BY_HAND, ONE_SCALE),
    "infinite_loop": (BY_HAND, ONE_SCALE),
    "infinite_loop_that_ignores_interrupts": (BY_HAND, ONE_SCALE),
    "infinite_loop_without_signals": (BY_HAND, ONE_SCALE),
    "infinite_loop_when_called": (0, ONE_SCALE),
    "infinite_loop_when_called_that_ignores_interrupts": (0, ONE_SCALE),
    "fork_bomb": (BY_HAND, ONE_SCALE),
    "fork_bomb_that_survives": (BY_HAND, ONE_SCALE),
    "thread_bomb": (BY_HAND, ONE_SCALE),
    "allocates_50_gb": (BY_HAND, ONE_SCALE),
    "allocates_in_many_processes": (BY_HAND, ONE_SCALE),
    "fills_the_disk": (BY_HAND, ONE_SCALE),
    "makes_empty_files": (BY_HAND, ONE_SCALE),
    "makes_semaphores": (BY_HAND, ONE_SCALE),
    "prints_100_mb": (BY_HAND, ONE_SCALE),
    "sends_without_end": (BY_HAND, ONE_SCALE),
    # what comes out
    "sends_a_pickle": (0, 0),
    "sends_a_zip_bomb": (0, 0),
    "sends_forged_messages": (0, 0),
    "returns_too_much": (0, 0),
    "returns_odd_things": (0, 0),
    # what is not theirs
    "reads_the_answers": (0, 0),
    "reads_other_students": (0, 0),
    "reads_the_environment": (0, 0),
    "uses_the_network": (0, 0),
    "writes_the_gradebook": (0, 0),
    "mounts_and_escapes": (0, 0),
    # files
    "nbformat_3": (BY_HAND, ONE_SCALE),
    "cells_of_odd_kinds": (0, ONE_SCALE),
    "no_cells": (0, 0),
}
UNGRADED = {  # student: what the reason says
    "not_json": "not JSON",
    "null_bytes": "not JSON",
    "nothing_in_it": "not JSON",
    "nested_too_deep": "not JSON",
    "cells_of_another_type": "no cells",
    "nbformat_3_broken": "old format",
    "is_200_mb": "too large: 200 MB",
    "is_a_link": "symbolic link",
    "is_in_a_linked_folder": "symbolic link",
    "is_a_pipe": "no plain file",
    "no_notebook": "no notebook",
    "name_student_": "not JSON",
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The whole class, graded once: {student: record}, and the course folder."""
    folder = tmp_path_factory.mktemp("class")
    place, to = write_class(folder / "submissions"), folder / "course"
    _write_what_no_repository_holds(place)
    to.mkdir()
    (to / "gradebook.db").write_bytes(b"the gradebook")
    (to / "secret.txt").write_text("a secret of the class")
    os.environ["HIDDEN_FROM_STUDENTS"] = "1"
    assert sum(1 for _ in os.walk(sys.prefix))  # from a cold disk "reads_the_answers" would not come to its end
    # The port is none that the system hands out to other programs.
    with socket.create_server(("127.0.0.1", 27615), reuse_port=True), socket.socket(socket.AF_UNIX) as unix:
        unix.bind("\0coursekit-test-listens-here")
        unix.listen()
        start = time.monotonic()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(marking, "BUSY", 2)  # else each endless loop runs twice (test_busy.py): a minute and a half
            records = list(grading.mark(place, to, Options(jobs=2, limits=LIMITS)))
        seconds = time.monotonic() - start
    del os.environ["HIDDEN_FROM_STUDENTS"]
    return {record.student: record for record in records}, to, seconds


def _write_what_no_repository_holds(place):
    for student in ("is_200_mb", "is_a_link", "is_a_pipe", "no_notebook"):
        (place / student).mkdir()
    with open(place / "is_200_mb" / "01.ipynb", "wb") as file:
        file.truncate(200_000_000)
    (place / "is_a_link" / "01.ipynb").symlink_to(place / "perfect" / "01_intermediate_activations.ipynb")
    (place / "is_in_a_linked_folder").symlink_to(place / "perfect")
    os.mkfifo(place / "is_a_pipe" / "01.ipynb")
    (place / "no_notebook" / "homework.pdf").write_bytes(b"%PDF")
    odd = os.fsencode(place) + b"/name_student\xff"
    os.mkdir(odd)
    with open(odd + b"/01\xfe.ipynb", "wb") as file:
        file.write(b"no notebook")


def _grade_one(submission, to, **more):
    place = to.parent / "one"
    place.mkdir()
    submission.rename(place / submission.name)
    return grading.mark(place, to, Options(limits=LIMITS, **more))


def _points(record):
    return tuple(record.exercises[name].points for name in ("01.by-hand", "01.one-scale"))


@pytest.mark.parametrize(("student", "points"), [*HONEST.items(), *HOSTILE.items()])
def test_grade(graded, student, points):
    record = graded[0][student]
    assert record.is_graded, record.reason
    assert _points(record) == points, record
    assert record.exercises["01.strongest-channel"].points == 0  # nobody answers it here


@pytest.mark.parametrize(("student", "reason"), UNGRADED.items())
def test_is_listed_with_its_reason(graded, student, reason):
    record = graded[0][student]
    assert not record.is_graded
    assert reason in record.reason
    assert record.exercises == {}


def test_everybody_is_in_the_table(graded):
    assert set(graded[0]) == set(HONEST) | set(HOSTILE) | set(UNGRADED)
    assert {file.stem for file in (graded[1] / "results" / "01").iterdir()} == set(graded[0])


def test_honest_grades_are_those_of_a_class_without_the_others(graded, tmp_path):
    alone = grading.mark(write_class(tmp_path / "in", ("honest",)), tmp_path / "out", Options(jobs=2, limits=LIMITS))
    for record in alone:
        among_others = graded[0][record.student]
        assert record.is_graded
        assert (record.exercises, record.log) == (among_others.exercises, among_others.log)


@pytest.mark.parametrize(
    "student",
    ["reads_the_answers", "reads_other_students", "reads_the_environment", "uses_the_network", "mounts_and_escapes"],
)
def test_nothing_was_found_reached_or_done(graded, student):
    (line,) = [line for line in graded[0][student].log if "RuntimeError: I " in line]
    assert line.endswith("nothing")


@pytest.mark.parametrize("student", ["reads_the_environment", "uses_the_network"])
def test_without_a_sandbox_the_same_submissions_find_something(tmp_path, monkeypatch, student):
    monkeypatch.setenv("HIDDEN_FROM_STUDENTS", "1")
    write_class(tmp_path / "in", ("hostile",))
    with socket.create_server(("127.0.0.1", 27615), reuse_port=True):
        (record,) = _grade_one(tmp_path / "in" / student, tmp_path / "out", no_sandbox=True)
    (line,) = [line for line in record.log if "RuntimeError: I " in line]
    assert not line.endswith("nothing")


def test_the_course_folder_is_untouched(graded):
    to = graded[1]
    assert (to / "gradebook.db").read_bytes() == b"the gradebook"
    assert {path.name for path in to.iterdir()} == {
        *("gradebook.db", "secret.txt", "hidden-cases.txt", "results", "notebooks")
    }
    assert not any(path.is_symlink() for path in to.rglob("*"))
    assert not os.path.exists("/tmp/coursekit-was-here")


def test_no_process_is_left(graded):
    end = time.monotonic() + 30  # what was killed a moment ago, here or by another worker's tests, is still going
    while (left := _left_by_us()) and time.monotonic() < end:
        time.sleep(0.1)
    assert not left


def _left_by_us():
    command = "/course/coursekit/homework/sandbox/runner.py"
    me = psutil.Process()
    left = [p for p in psutil.process_iter(["cmdline"]) if command in " ".join(p.info["cmdline"] or [])]
    ours = {process.pid for process in (me, *me.parents(), *left)}
    # Another worker, or another run beside this one, may be grading: its sandboxes have it among their parents.
    return [process for process in left if ours.issuperset(parent.pid for parent in parents(process))]


def parents(process):
    try:
        return process.parents()
    except psutil.NoSuchProcess:  # meanwhile
        return [process]


def test_the_log_says_what_happened(graded):
    log = {student: " ".join(record.log) for student, record in graded[0].items()}
    assert "stopped after 6 seconds" in log["infinite_loop"]
    assert "ignored the interrupt" in log["infinite_loop_that_ignores_interrupts"]
    assert "ended while cell 3 was running: it ended itself, or memory ran out. It was run" in log["ends_the_process"]
    assert "MemoryError" in log["allocates_50_gb"]
    said = ["GB of memory", *(["memory ran out"] if cgroup.is_there() else [])]  # there the kernel may be first
    assert any(words in log["allocates_in_many_processes"] for words in said)
    assert "No space left" in log["fills_the_disk"]
    assert "more than 20000 files; it was stopped at cell 3" in log["makes_empty_files"]
    assert "I made 0 sets" in log["makes_semaphores"]
    assert "refused" in log["sends_a_pickle"]
    assert "There are 3 cells for 01.by-hand" in log["duplicated_cells"]
    assert "NameError" in log["one_wrong_cell"]
    assert log["perfect"] == log["warnings_on_stderr"] == ""


def test_feedback_is_printable_and_gives_nothing_away(graded):
    says = [result.says for record in graded[0].values() for result in record.exercises.values()]
    assert all(text and text.isprintable() and len(text) < 500 for text in says)
    assert "There is no cell for this exercise." in says
    assert not [text for text in says if "array(" in text or "0." in text]


def test_an_exercise_that_a_person_reads(graded):
    evidence = {student: record.exercises.get("01.evidence") for student, record in graded[0].items()}
    assert evidence["perfect"].needs_person
    assert evidence["perfect"].points is None
    assert evidence["perfect"].text == "Cover something else, and look whether it falls as much."
    assert evidence["empty"].points == 0
    assert evidence["sends_forged_messages"].text == ""


def test_a_zip_that_is_hostile(tmp_path):
    good = json.dumps(notebook("# %% start\n# %% solved 01.by-hand\n# %% solved 01.one-scale"))
    bad = json.dumps(notebook("# %% start\nby_hand = 1"))
    place = tmp_path / "class.zip"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("alice/01.ipynb", good)
        archive.writestr("../../alice/01.ipynb", bad)
        archive.writestr("../climbs/01.ipynb", good)
        archive.writestr("/absolute/01.ipynb", good)
        link = zipfile.ZipInfo("link/01.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        with archive.open("bomb/01.ipynb", "w") as file:
            for _ in range(201):
                file.write(b" " * 1_000_000)
        archive.writestr("nullXbyte/01.ipynb", good)
        archive.writestr("surrogate\u07ffX/01.ipynb", good)
        archive.writestr("liar/01.ipynb", " " * 60_000_000)
    content = place.read_bytes().replace(b"nullXbyte", b"null\0byte")
    content = content.replace("\u07ffX".encode(), b"\xed\xa0\x80")  # a lone surrogate, in what says it is UTF-8
    at = content.rindex(b"PK\x01\x02", 0, content.rindex(b"liar/01.ipynb"))
    content = content[: at + 24] + (1000).to_bytes(4, "little") + content[at + 28 :]  # says it is 1000 bytes
    place.write_bytes(content)

    marked = grading.mark(place, tmp_path / "out", Options(jobs=2, limits=LIMITS))
    records = {record.student: record for record in marked}
    assert _points(records["alice"]) == (BY_HAND, ONE_SCALE)
    assert any("climbs out" in line for line in records["alice"].log)
    reasons = {name: record.reason for name, record in records.items() if not record.is_graded}
    assert "climbs out" in reasons["climbs"]
    assert "climbs out" in reasons["absolute"]
    assert "symbolic link" in reasons["link"]
    assert "too large: 201 MB" in reasons["bomb"]
    assert "null byte" in reasons["null_byte"]
    (surrogate,) = [name for name in reasons if name.startswith("surrogate")]
    assert "characters in its name" in reasons[surrogate]
    assert set(reasons) == {"climbs", "absolute", "link", "bomb", "null_byte", "liar", surrogate}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["class.zip", "out"]


def test_a_stopped_batch_goes_on_where_it_was(tmp_path):
    place = write_class(tmp_path / "in", ("honest",))
    earlier = set(threading.enumerate())
    batch = grading.mark(place, tmp_path / "out", Options(limits=LIMITS))
    first = next(batch)
    with pytest.raises(KeyboardInterrupt):
        batch.throw(KeyboardInterrupt)
    left = [t for t in threading.enumerate() if t not in earlier and not isinstance(t, tqdm.TMonitor)]
    for thread in left:
        thread.join(10)
    assert not [thread for thread in left if thread.is_alive()]
    done = {file: file.stat().st_mtime_ns for file in (tmp_path / "out" / "results" / "01").iterdir()}
    assert [file.stem for file in done] == [first.student]

    records = list(grading.mark(place, tmp_path / "out", Options(jobs=2, limits=LIMITS)))
    assert {record.student: _points(record) for record in records} == HONEST
    assert all(file.stat().st_mtime_ns == then for file, then in done.items())
