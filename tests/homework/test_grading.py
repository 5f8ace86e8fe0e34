"""Grading a class: what is kept, what is done again, and what a fault of one means for the others."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import coursekit.homework
from coursekit.exercises import cases, catalogue, comparing, notebooks
from coursekit.homework import grading, marking, sandbox
from coursekit.homework.grading import Options, SecretMissingError
from coursekit.homework.record import to_json
from coursekit.homework.release import variation
from coursekit.homework.sandbox import Limits, SandboxMissing
from coursekit.homework.submissions import files
from coursekit.homework.trying import try_one
from tests.homework.handed_in import START, needs_sandbox, notebook  # noqa: F401
from tests.homework.small_lesson import write_small_lesson

LIMITS = Limits(cell_seconds=60, case_seconds=5, whole_seconds=120)
IDS = ("01.by-hand", "01.one-scale")
SOLVED = "# %% start\n# %% solved 01.by-hand\n# %% solved 01.one-scale"


def write_notebook(file, sources):
    file.parent.mkdir()
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), file)


def _hand_in(place, **texts):
    for student, text in texts.items():
        (place / student).mkdir(parents=True, exist_ok=True)
        (place / student / "01.ipynb").write_text(json.dumps(notebook(text)))
    return place


def _mark(place, to, **more):
    return {record.student: record for record in grading.mark(place, to, Options(limits=LIMITS, **more))}


def _points(record):
    return {name: result.points for name, result in record.exercises.items()}


@pytest.mark.usefixtures("needs_sandbox")
def test_what_is_done_stays_done(tmp_path):
    place, to = _hand_in(tmp_path / "in", alice=SOLVED, bob="# %% start"), tmp_path / "out"
    (place / "eve").mkdir()
    (place / "eve" / "01.ipynb").write_text("broken")
    first = _mark(place, to, jobs=2)
    assert (to / "results" / "01" / "alice.json").read_bytes() == to_json(first["alice"]).encode()

    assert _mark(place, to)["alice"] == first["alice"]  # the same second, to the digit
    _hand_in(place, bob=SOLVED, eve=SOLVED)  # another file
    second = _mark(place, to)
    assert second["alice"] == first["alice"]
    assert _points(first["bob"])["01.by-hand"] == 0
    assert _points(second["bob"])["01.by-hand"] == 3
    assert (first["eve"].status, second["eve"].status) == ("ungraded", "graded")

    for student in ("bob", "eve"):
        shutil.rmtree(place / student)
    (to / "results" / "01" / "alice.json").write_text("{ torn")
    os.utime(place / "alice" / "01.ipynb", (1, 1))
    assert _mark(place, to)["alice"].submitted_at == "1970-01-01T00:00:01+00:00"
    os.utime(place / "alice" / "01.ipynb", (2, 2))
    assert _mark(place, to)["alice"].submitted_at == "1970-01-01T00:00:01+00:00"
    assert _mark(place, to, again=True)["alice"].submitted_at == "1970-01-01T00:00:02+00:00"
    assert _mark(place, to, secret="another secret")["alice"].settings != first["alice"].settings


def test_a_class_on_two_machines(tmp_path, monkeypatch):
    """Each grades its half with the same secret; with both halves' results in one course folder nothing runs again."""
    begun = []

    def take(batch, attempt):
        begun.append(attempt.submission.student)
        return (sandbox.Run(sandbox.Ended.DONE, is_ready=True, seconds=len(begun)),)

    monkeypatch.setattr(grading, "_runs", take)
    monkeypatch.setattr(sandbox, "prepare", lambda folder: None)  # nothing is run
    halves = {"ana": tmp_path / "course", "bo": tmp_path / "other machine"}
    how = {"secret": "a secret of the class", "no_sandbox": True}
    alone = {who: _mark(_hand_in(tmp_path / f"of {who}", **{who: SOLVED}), to, **how) for who, to in halves.items()}
    for name in ("results", "notebooks"):
        shutil.copytree(halves["bo"] / name, halves["ana"] / name, dirs_exist_ok=True)
    together = _mark(_hand_in(tmp_path / "all", ana=SOLVED, bo=SOLVED), halves["ana"], **how)
    assert begun == ["ana", "bo"]
    assert together == alone["ana"] | alone["bo"]
    assert all((halves["ana"] / one.notebook).is_file() for one in together.values())
    _mark(tmp_path / "all", halves["bo"], **{**how, "secret": "another secret"})
    assert begun == ["ana", "bo", "ana", "bo"]


@pytest.mark.usefixtures("needs_sandbox")
def test_a_fault_of_the_grader_costs_nobody_else_a_grade(tmp_path, monkeypatch):
    place = _hand_in(tmp_path / "in", alice=SOLVED, bob=SOLVED + "\n# %%\n'bob'", carol=SOLVED)
    compare, run = comparing.compare, sandbox.run

    def fails_once(exercise, cases, answers, visible):
        if fails_once.left:
            fails_once.left -= 1
            raise ZeroDivisionError("in compare")
        return compare(exercise, cases, answers, visible)

    def fails_for_bob(prepared, job, *more, **most):
        if "'bob'" in (job / "job.json").read_text():
            raise OSError("no more processes")
        return run(prepared, job, *more, **most)

    fails_once.left = 1
    monkeypatch.setattr(comparing, "compare", fails_once)
    monkeypatch.setattr(sandbox, "run", fails_for_bob)
    records = _mark(place, tmp_path / "out")
    assert records["alice"].reason == "The grader failed on it (ZeroDivisionError: in compare)."
    assert records["bob"].reason == "The grader failed on it (OSError: no more processes)."
    assert {name: record.status for name, record in records.items()} == {
        **dict.fromkeys(("alice", "bob"), "ungraded"),
        "carol": "graded",
    }
    assert records["bob"].exercises == {}


@pytest.mark.usefixtures("needs_sandbox")
def test_a_copied_number_is_wrong(tmp_path):
    secret = "the secret of this class"
    exercise = catalogue.find("01.strongest-channel")

    def right(student):
        token = variation(secret, student)
        return exercise.right(cases.case_of(exercise, cases.seed_of(token, exercise.id)))

    students = [f"student{i}" for i in range(10)]
    alice = students[0]
    copier = next(student for student in students if right(student) != right(alice))
    solved = "# %% start\n# %%\nfrom coursekit import activations, photo, squeezenet\nnet = squeezenet()\n"
    # Whatever the notebook says whose it is, the case is the student's own.
    solved += f"variation = '{variation(secret, copier)}'\n# %%\n# exercise 01.strongest-channel\n{exercise.solution}\n"
    copied = f"# %% start\n# %%\n# exercise 01.strongest-channel\nstrongest = {right(alice)}\n"
    place = _hand_in(tmp_path / "in", **{alice: solved, copier: copied})
    records = _mark(place, tmp_path / "out", secret=secret)
    assert _points(records[alice])["01.strongest-channel"] == 2
    assert _points(records[copier])["01.strongest-channel"] == 0


@pytest.mark.usefixtures("needs_sandbox")
def test_feedback_does_not_give_hidden_inputs_away(tmp_path):
    text = """\
# %% start
# %%
# exercise 01.by-hand
seen = given("01.by-hand", variation)["patch"]

def by_hand(patch, kernel, bias):
    if not np.array_equal(patch, seen):
        raise ValueError(f"the hidden patch is {patch.tolist()}")
    return np.maximum((patch[..., np.newaxis] * kernel).sum(axis=(0, 1, 2)) + bias, 0)
# %%
# exercise 01.one-scale
def one_scale(layer):
    return layer.no_such_thing
"""
    (record,) = _mark(_hand_in(tmp_path / "in", alice=text), tmp_path / "out").values()
    says = {name: result.says for name, result in record.exercises.items()}
    assert says["01.by-hand"] == "by_hand works on one input, but on another it stops with an error."
    assert says["01.one-scale"] == (
        "one_scale stops with AttributeError: 'numpy.ndarray' object has no attribute 'no_such_thing'"
    )
    assert any("the hidden patch is" in line for line in record.log)  # the instructor's


@pytest.mark.parametrize(
    "ends",
    [
        "raise type('hidden ' + str(layer.sum()), (Exception,), {})",
        "return type('hidden ' + str(layer.sum()), (), {})()",
        "return 'hidden ' * int(abs(layer).sum())",
    ],
)
@pytest.mark.usefixtures("needs_sandbox")
def test_names_of_errors_and_types_give_no_hidden_input_away(tmp_path, ends):
    text = f"""\
# %% start
# %%
# exercise 01.one-scale
seen = given("01.one-scale", variation)["layer"]

def one_scale(layer):
    if not np.array_equal(layer, seen):
        {ends}
    return (layer - layer.min()) / (layer.max() - layer.min())
"""
    (record,) = _mark(_hand_in(tmp_path / "in", alice=text), tmp_path / "out").values()
    says = record.exercises["01.one-scale"].says
    assert (
        says.removeprefix("one_scale works on one input, but on another it ")
        in {
            "stops with an error.",
            "returns no number, text or array of numbers.",
        }
        or says == "It is right on the case that stands in the notebook, and wrong on others."
    )


@pytest.mark.usefixtures("needs_sandbox")
def test_what_differs_is_told_of_the_visible_case_only(tmp_path):
    text = """\
# %% start
# %%
# exercise 01.one-scale
seen = given("01.one-scale", variation)["layer"]

def one_scale(layer):
    right = (layer - layer.min()) / (layer.max() - layer.min())
    return {}
"""
    ways = {"ana": "right[::-1]", "bo": "right if np.array_equal(layer, seen) else layer[::-1] * 1000"}
    records = _mark(_hand_in(tmp_path / "in", **{who: text.format(way) for who, way in ways.items()}), tmp_path / "out")
    says = {who: record.exercises["01.one-scale"].says for who, record in records.items()}
    assert says == {
        "ana": "The order is reversed along the rows.",
        "bo": "It is right on the case that stands in the notebook, and wrong on others.",
    }


@pytest.mark.parametrize("number", catalogue.LESSONS)
@pytest.mark.usefixtures("needs_sandbox")
def test_functions_get_values_of_the_same_type_as_in_the_lesson(tmp_path, monkeypatch, number):
    described = (
        "def types(given):\n    return '; '.join(f'{name} {type(one).__name__} {getattr(one, \"dtype\", \"\")}'"
        " for name, one in given.items())"
    )
    functions = [one for one in catalogue.lesson(number).exercises if one.is_function]
    cells = [f"# exercise {one.id}\ndef {one.answer}(**given):\n    return types(given)" for one in functions]
    place = _hand_in(tmp_path / "in", alice="\n# %%\n".join(["# %%", described, *cells]))
    seen = {}

    def keeps(exercise, cases, answers, visible):
        seen[exercise.id] = (cases, answers)
        return comparing.Verdict(False, "Not compared.")

    monkeypatch.setattr(comparing, "compare", keeps)
    _mark(place, tmp_path / "out", lesson=number)
    names = {}
    exec(described, names)
    assert sorted(seen) == sorted(one.id for one in functions)
    for tried, answers in seen.values():
        assert answers == [names["types"](case) for case in tried]


@pytest.mark.usefixtures("needs_sandbox")
def test_what_no_answer_needs_is_run_only_if_something_is_wrong(tmp_path, monkeypatch):
    own = [START, "ends = 1 / 0", "three = 3"]  # the second one tells whether it was run
    write_notebook(tmp_path / "lessons" / "01_small.ipynb", own)
    monkeypatch.setattr(notebooks, "lessons_folder", lambda: tmp_path / "lessons")
    left = "# %%\n# exercise 01.{}\n# YOUR CODE HERE\nraise NotImplementedError()\n"
    first = "".join(f"# %%\n{source}\n" for source in own) + left.format("strongest-channel")
    right = f"{first}# %% solved 01.by-hand\n# %% solved 01.one-scale"
    wrong = "# %%\n# exercise 01.one-scale\ndef one_scale(layer):\n    return 1"
    by_globals = """# %%
# exercise 01.one-scale
def one_scale(layer):
    low = layer.min() if globals()["three"] == 3 else 0
    return (layer - low) / (layer.max() - low)"""
    place = _hand_in(
        tmp_path / "in",
        alice=right,
        bob=right.replace("three = 3", "three = 4"),
        carol=f"{first}# %% solved 01.by-hand\n{wrong}",
        dave=f"{first}# %% solved 01.by-hand\n{by_globals}",
        erin=f"{first}# %% solved 01.by-hand\n{left.format('one-scale')}",
        finn=f"{first}# %% solved 01.by-hand",
    )
    records = _mark(place, tmp_path / "out")
    says = {student: [line for line in record.log if "ZeroDivision" in line] for student, record in records.items()}
    whole = ["Cell 1: ZeroDivisionError: division by zero"]
    assert says == {
        "alice": [],
        "bob": [],  # changed the third cell, which runs
        "carol": whole,
        "dave": whole,  # what takes a name by another way is found in the complete run
        "erin": [],  # left as it was
        "finn": whole,  # has no cell for the other exercise: who knows where its answer stands
    }
    points = {student: tuple(_points(record)[name] for name in IDS) for student, record in records.items()}
    assert points == {"alice": (3, 2), "bob": (3, 2), "carol": (3, 0), "dave": (3, 2), "erin": (3, 0), "finn": (3, 0)}


@pytest.mark.usefixtures("needs_sandbox")
def test_what_ends_the_run_in_short_is_left_out_of_the_complete_one(tmp_path, monkeypatch):
    write_notebook(tmp_path / "lessons" / "01_small.ipynb", [START, "ends = 1 / 0"])
    monkeypatch.setattr(notebooks, "lessons_folder", lambda: tmp_path / "lessons")
    text = f"# %%\n{START}\n# %%\nends = 1 / 0\n# %%\nimport os; os._exit(3)\n# %% solved 01.by-hand"
    (record,) = _mark(_hand_in(tmp_path / "in", alice=text), tmp_path / "out").values()
    assert _points(record)["01.by-hand"] == 3
    assert record.log == (
        "The process of the notebook ended while cell 2 was running: it ended itself, or memory ran out.",
        "It was run once more without that.",
        "Cell 1: ZeroDivisionError: division by zero",
    )


@pytest.mark.usefixtures("needs_sandbox")
def test_what_stood_behind_each_exercise_counts_if_the_end_is_never_reached(tmp_path, monkeypatch):
    monkeypatch.setattr(marking, "BUSY", 2)  # one run, however busy this machine is
    text = f"{SOLVED}\n# %%\nimport time\nfor _ in range(3): time.sleep(15)\n# %%\nby_hand = 3\n"
    place = _hand_in(tmp_path / "in", alice=text)
    limits = Limits(cell_seconds=60, whole_seconds=20)
    (record,) = grading.mark(place, tmp_path / "out", Options(limits=limits))
    assert _points(record)["01.by-hand"] == 3
    assert "took longer than 20 seconds; it was stopped at cell 5" in record.log[0]


@pytest.mark.usefixtures("needs_sandbox")
def test_ctrl_c_stops_at_once_and_leaves_what_is_done(tmp_path):
    place = _hand_in(tmp_path / "in", alice=SOLVED, bob=f"{SOLVED}\n# %%\nimport time\ntime.sleep(3600)")
    code = f"from coursekit.homework import grading; list(grading.mark({str(place)!r}, {str(tmp_path / 'out')!r}))"
    grader = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    try:
        deadline, alice = time.monotonic() + 240, tmp_path / "out" / "results" / "01" / "alice.json"
        while not (alice.exists() and (family := psutil.Process(grader.pid).children(recursive=True))):  # bob's runs
            assert time.monotonic() < deadline
            time.sleep(0.1)
        grader.send_signal(signal.SIGINT)
        said = grader.communicate(timeout=120)[1]
    finally:
        grader.kill()
    assert said.rstrip().endswith("KeyboardInterrupt")
    gone, alive = psutil.wait_procs(family, timeout=60)
    assert gone
    assert all(process.status() == psutil.STATUS_ZOMBIE for process in alive)  # dead, not yet collected by the system
    assert [file.name for file in (tmp_path / "out" / "results" / "01").iterdir()] == ["alice.json"]


def test_without_a_sandbox_it_refuses_unless_told(tmp_path, monkeypatch):
    place = _hand_in(tmp_path / "in", alice=SOLVED)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        with pytest.raises(SandboxMissing, match="apt-get install bubblewrap"):
            _mark(place, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (record,) = _mark(place, tmp_path / "out", no_sandbox=True).values()
    assert _points(record)["01.by-hand"] == 3


def test_a_submission_is_read_once_and_not_run_without_its_secret(tmp_path, monkeypatch):
    token = variation("the secret of this class", "alice")
    place = _hand_in(tmp_path / "in", alice=f"{SOLVED}\n# %%\nvariation = '{token}'")
    reads, read = [], files.read_regular
    monkeypatch.setattr(files, "read_regular", lambda path: reads.append(path) or read(path))
    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "run", None)
        assert "there is no class secret" in _mark(place, tmp_path / "out", no_sandbox=True)["alice"].reason
    assert len(reads) == 1
    record = _mark(place, tmp_path / "out", no_sandbox=True, secret="the secret of this class")["alice"]
    assert (record.variations, len(reads)) == ((token,), 2)


def test_a_line_with_a_variation_costs_no_other_a_grade(tmp_path):
    zed = f"{SOLVED}\n# %%\nvariation = '{'0' * 64}'"
    records = _mark(_hand_in(tmp_path / "in", alice=SOLVED, zed=zed, zoe=SOLVED), tmp_path / "out", no_sandbox=True)
    assert {name: record.is_graded for name, record in records.items()} == {"alice": True, "zed": False, "zoe": True}


def test_a_lesson_without_variations_has_none_in_a_course_with_a_secret(tmp_path):
    """Another lesson of the course varies; this one was released as one notebook for all."""
    exercise = catalogue.find("01.strongest-channel")
    right = exercise.right(cases.case_of(exercise, cases.seed_of(None, exercise.id)))
    solved = f"# %% start\n# %%\n# exercise 01.strongest-channel\nstrongest = {right}\n"
    (tmp_path / "out" / "release" / "01").mkdir(parents=True)
    (tmp_path / "out" / "release" / "01" / "01_lesson.ipynb").write_text("{}")
    settings = {"secret": "the secret of this class", "no_sandbox": True}
    record = _mark(_hand_in(tmp_path / "in", alice=solved), tmp_path / "out", **settings)["alice"]
    assert _points(record)["01.strongest-channel"] == 2


def test_a_lesson_without_variations_is_tried_without(tmp_path):
    exercise = catalogue.find("01.strongest-channel")
    right = exercise.right(cases.case_of(exercise, cases.seed_of(None, exercise.id)))
    (tmp_path / "course" / "release" / "01").mkdir(parents=True)
    (tmp_path / "course" / "release" / "01" / "01_lesson.ipynb").write_text("{}")
    solved = f"# %% start\n# %%\n# exercise 01.strongest-channel\nstrongest = {right}\n"
    place = _hand_in(tmp_path / "in", alice=solved)
    options = Options(lesson="01", secret="the secret of this class", no_sandbox=True)
    record = try_one(place, tmp_path / "course", options)
    assert _points(record)["01.strongest-channel"] == 2


def test_without_the_secret_of_a_class_nothing_begins(tmp_path):
    place = _hand_in(tmp_path / "in", alice=SOLVED)
    _hand_in(tmp_path / "out" / "release" / "01", alice=SOLVED)
    with pytest.raises(SecretMissingError, match=r"no class secret at .*out.secret\.txt. Name it: --secret-file FILE"):
        _mark(place, tmp_path / "out", no_sandbox=True)
    assert not (tmp_path / "out" / "results").exists()


def test_what_cannot_be_graded_at_all(tmp_path):
    with pytest.raises(FileNotFoundError, match="no submissions"):
        _mark(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("")
    with pytest.raises(ValueError, match=r"no submission in .*notes.txt is no notebook"):
        _mark(tmp_path / "in", tmp_path / "out")
    with pytest.raises(ValueError, match="must not lie inside the submissions"):
        _mark(tmp_path / "in", tmp_path / "in" / "out")
    with pytest.raises(ValueError, match="jobs must be 1 or more, not 0"):
        _mark(tmp_path / "in", tmp_path / "out", jobs=0)
    with pytest.raises(ValueError, match="no exercises for lesson '7'"):
        _mark(tmp_path / "in", tmp_path / "out", lesson="7")


@pytest.mark.usefixtures("needs_sandbox")
def test_grade_writes_the_gradebook_and_the_feedback(tmp_path, monkeypatch):
    lessons = write_small_lesson(tmp_path / "lessons")
    monkeypatch.setattr(notebooks, "lessons_folder", lambda: lessons)
    posed = "<!-- exercise 01.evidence -->\n**What would convince you?**\n\n"
    place = _hand_in(
        tmp_path / "in",
        alice=f"{SOLVED}\n# %% [markdown]\n{posed}Cover the mouth.",
        bob=f"# %% start\n# %% [markdown]\n{posed}*Your answer here*",
    )
    records = coursekit.homework.grade(place, tmp_path / "out", Options(limits=LIMITS))
    assert [record.student for record in records] == ["alice", "bob"]
    assert records[0].exercises["01.evidence"].text == "Cover the mouth."
    assert _points(records[1])["01.evidence"] == 0
    assert (tmp_path / "out" / "gradebook.db").is_file()
    assert (tmp_path / "out" / "feedback" / "alice.html").is_file()
    assert (tmp_path / "out" / "grades.csv").read_text().count("\n") == 3
