"""What a limit of time stopped while the machine was busy is run once more, alone, before it loses anything."""

import json

import pytest

from coursekit.exercises import wire
from coursekit.exercises.catalogue import find
from coursekit.homework import grading
from coursekit.homework.grading import Options
from coursekit.homework.sandbox import Ended, Limits, Run
from tests.homework.handed_in import notebook

# A tenth of a second of the processor. In its first run a neighbour spins on the same processor, and it lets that
# one go first: 3 parts of 1,027 are its own. The flag outside of the notebook tells which run it is.
STARVED = """\
import os, pathlib, subprocess, sys, time
os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}})
flag = pathlib.Path({flag!r})
if not flag.exists():
    flag.touch()
    spin = "import time; end = time.monotonic() + 20\\nwhile time.monotonic() < end: pass"
    subprocess.Popen([sys.executable, "-S", "-c", spin])
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
end = time.process_time() + 0.1
while time.process_time() < end:
    pass
"""
SOLVED = "# %% start\n# %% solved 01.by-hand\n# %% solved 01.one-scale"
LIMITS = Limits(cell_seconds=5, case_seconds=2, whole_seconds=60)


def _hand_in(place, **texts):
    for student, text in texts.items():
        (place / student).mkdir(parents=True)
        (place / student / "01.ipynb").write_text(json.dumps(notebook(text)))
    return place


def _mark(place, to, **more):
    marked = list(grading.mark(place, to, Options(**{"limits": LIMITS, "no_sandbox": True, **more})))
    return {record.student: record for record in marked}


def _points(record):
    return {name: record.exercises[name].points for name in ("01.by-hand", "01.one-scale")}


def test_starved_then_alone(tmp_path, capsys):
    flag = str(tmp_path / "was-here")
    # None of the lesson's own cells: with one there is a short run, and a complete one after it that is not starved.
    by_hand = f"# %%\n# exercise 01.by-hand\n{find('01.by-hand').solution}\n"
    starved = f"# %% start\n# %%\n{STARVED.format(flag=flag)}\nfast = 1\n{by_hand}"
    # Without `fast`, its second exercise is not defined.
    starved += "# %%\n# exercise 01.one-scale\nfast\ndef one_scale(layer):\n"
    starved += "    return (layer - layer.min()) / (layer.max() - layer.min())"
    sleeps = f"# %% start\n# %%\nimport time; time.sleep(60)\n{by_hand}"
    records = _mark(_hand_in(tmp_path / "in", ana=starved, bo=sleeps), tmp_path / "out", jobs=2)
    assert list(records) == ["bo", "ana"]  # ana after all others
    said = capsys.readouterr().out
    if "and once more when it ran alone" in said:
        pytest.skip("Other programs keep this machine so busy that a run starves even when it is alone.")
    assert _points(records["ana"]) == {"01.by-hand": 3, "01.one-scale": 2}
    (says,) = records["ana"].log
    assert "A limit of time stopped it while the machine was busy: it waited for the processor in " in says
    assert 50 <= int(says.partition("processor in ")[2].partition("%")[0]) <= 100
    assert says.endswith("It was run once more, alone.")
    # Who sleeps waits for no processor, however busy the machine is.
    assert not [line for line in records["bo"].log if "busy" in line]
    assert records["bo"].exercises["01.by-hand"].points == 3
    assert "ana: stopped while the machine was busy. It runs again, alone." in said


# ---- which run counts, and for how long there are second runs: on values


@pytest.fixture
def runs(monkeypatch):
    """Hand out written runs: {student: [first, second]}."""
    written, begun = {}, []

    def take(batch, attempt):
        begun.append(attempt.submission.student)
        return (written[attempt.submission.student].pop(0),)

    monkeypatch.setattr(grading, "_runs", take)
    monkeypatch.setattr(grading.sandbox, "prepare", lambda folder: None)  # nothing is run
    return written, begun


def _run(waited, says="", ended=Ended.DONE, is_ready=True):
    answers = {"01.by-hand": {"missing": True}}
    return Run(ended, 3, is_ready, {2: says} if says else {}, answers, seconds=1.5, waited=waited)


def test_each_is_run_again_once_and_seconds_are_added(tmp_path, runs):
    written, begun = runs
    written |= {"ana": [_run(0.9), _run(0.24)], "bo": [_run(0.2)], "cy": [_run(0.25), _run(0)]}
    records = _mark(_hand_in(tmp_path / "in", ana=SOLVED, bo=SOLVED, cy=SOLVED), tmp_path / "out")
    assert begun == ["ana", "bo", "cy", "ana", "cy"]
    assert {name: one.seconds for name, one in records.items()} == {"ana": 3, "bo": 1.5, "cy": 3}
    assert all(one.is_graded for one in records.values())
    assert records["bo"].log == ()
    assert "in 90% of that time. It was run once more, alone." in records["ana"].log[0]
    assert _mark(tmp_path / "in", tmp_path / "out")["ana"] == records["ana"]  # done, and not run a third time


def test_who_had_to_wait_alone_as_well_is_not_graded(tmp_path, runs):
    written, begun = runs
    written["ana"] = [_run(0.9), _run(0.8)]
    place = _hand_in(tmp_path / "in", ana=SOLVED)
    record = _mark(place, tmp_path / "out")["ana"]
    assert begun == ["ana"] * 2
    assert record.reason.endswith("The same command tries it again: give it at a quieter time.")
    assert record.exercises == {}
    assert "A limit stopped it again, and it waited in 80%." in record.log[0]
    written["ana"] = [_run(0)]
    assert _mark(place, tmp_path / "out")["ana"].is_graded


def test_who_has_all_points_is_graded_however_busy_it_was(tmp_path, monkeypatch):
    def take(batch, attempt):
        marked = {name: tried for name, tried in attempt.cases.items() if not find(name).is_read_by_a_person}
        sent = {
            name: [{"value": wire.encode(find(name).right(case))} for case in tried] for name, tried in marked.items()
        }
        answers = {name: {"exercise": name, "answers": values[:1]} for name, values in sent.items()}
        hidden = {name: {"exercise": name, "answers": values[1:]} for name, values in sent.items()}
        return (Run(Ended.DONE, 9, True, {9: "TimeUp: stopped"}, answers, hidden, seconds=1, waited=0.9),)

    monkeypatch.setattr(grading, "_runs", take)
    monkeypatch.setattr(grading.sandbox, "prepare", lambda folder: None)  # nothing is run
    record = _mark(_hand_in(tmp_path / "in", ana="# %%\n1"), tmp_path / "out", lesson="12")["ana"]
    assert record.is_graded
    assert all(one.points == one.max for one in record.exercises.values() if not one.needs_person)
    assert "busy" in record.log[0]


def test_a_second_run_that_reaches_less_costs_nothing(tmp_path, runs):
    written, _ = runs
    written["ana"] = [_run(0.9), _run(0, ended=Ended.CELL_TIME, is_ready=False)]
    record = _mark(_hand_in(tmp_path / "in", ana=SOLVED), tmp_path / "out")["ana"]
    assert record.is_graded
    assert record.log[0].endswith("The first run reached more, and counts.")


def test_one_that_could_not_start_is_run_again(tmp_path, runs):
    written, _ = runs
    written["ana"] = [_run(0.9, ended=Ended.CELL_TIME, is_ready=False), _run(0)]
    record = _mark(_hand_in(tmp_path / "in", ana=SOLVED), tmp_path / "out")["ana"]
    assert record.is_graded


def test_second_runs_take_no_longer_than_the_first(tmp_path, runs, monkeypatch):
    assert grading._seconds_alone(5000, Limits(whole_seconds=900)) == 5000
    assert grading._seconds_alone(50, Limits(whole_seconds=900)) == 900
    written, begun = runs
    written |= {"ana": [_run(0.9), _run(0)], "bo": [_run(0.9), _run(0)]}
    place = _hand_in(tmp_path / "in", ana=SOLVED, bo=SOLVED)
    with monkeypatch.context() as patch:
        patch.setattr(grading, "_seconds_alone", lambda took, limits: 0)
        records = _mark(place, tmp_path / "out")
    assert begun == ["ana", "bo"]
    for record in records.values():
        assert "no time left to run it again alone. The same command tries it again." in record.reason
        assert record.exercises == {}
    records = _mark(place, tmp_path / "out")
    assert begun == ["ana", "bo"] * 2
    assert all(record.is_graded for record in records.values())
