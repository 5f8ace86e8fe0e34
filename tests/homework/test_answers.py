"""What is earned is not lost: a name used again, a helper module, text below the stub."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from coursekit.exercises import notebooks
from coursekit.exercises.cases import case_of
from coursekit.exercises.catalogue import LESSONS, find, lesson
from coursekit.homework import grading, marking, submissions
from coursekit.homework.grading import Options
from coursekit.homework.marking import Attempt
from coursekit.homework.sandbox import Limits
from tests.homework.handed_in import HERE, needs_sandbox, notebook  # noqa: F401

pytestmark = pytest.mark.usefixtures("needs_sandbox")

TEXT_BELOW = """\
# %% [markdown] {"coursekit": {"exercise": "04.name"}}
<!-- exercise 04.name -->
*Your answer here*
# %% [markdown]
I call it "round things": 20 of 24 pairs are in order.
"""


def _grade(tmp_path, text, lesson="01"):
    return _grade_all(tmp_path, {"ana": text}, lesson)["ana"]


def _grade_all(tmp_path, texts, lesson="01", **more):
    for student, text in texts.items():
        (tmp_path / "in" / student).mkdir(parents=True)
        (tmp_path / "in" / student / "x.ipynb").write_text(json.dumps(notebook(text)))
    limits = Limits(**{"cell_seconds": 60, "case_seconds": 5, "whole_seconds": 120, **more})
    records = {
        one.student: one for one in grading.mark(tmp_path / "in", tmp_path / "out", Options(lesson, limits=limits))
    }
    assert {student: record.reason for student, record in records.items()} == dict.fromkeys(texts, "")
    return records


def _points(records, exercise):
    return {student: record.exercises[exercise].points for student, record in records.items()}


@pytest.mark.parametrize("name", ["uses_the_name_again", "helper_module", "stub_copied_below"])
def test_what_check_called_right_has_its_points(tmp_path, name):
    record = _grade(tmp_path, (HERE / "honest" / f"{name}.cells").read_text())
    assert [record.exercises[f"01.{one}"].points for one in ("by-hand", "one-scale")] == [3, 2]


def test_a_wrong_answer_stays_wrong_behind_its_cell(tmp_path):
    text = (HERE / "honest" / "uses_the_name_again.cells").read_text()
    wrong = "# %%\n# exercise 01.by-hand\nby_hand = lambda patch, kernel, bias: 0\n"
    assert _grade(tmp_path, text.replace("# %% solved 01.by-hand\n", wrong)).exercises["01.by-hand"].points == 0


def test_text_in_a_new_cell_below_the_stub_is_read_by_a_person(tmp_path):
    found = _grade(tmp_path, TEXT_BELOW, "04").exercises["04.name"]
    assert (found.points, found.needs_person) == (None, True)
    assert found.text == 'I call it "round things": 20 of 24 pairs are in order.'


BY_HAND = find("01.by-hand").solution
STUB = "# %% stub 01.by-hand\n"
CHECK = '# %% {"coursekit": {"exercise": "01.by-hand"}}\ncheck("01.by-hand", by_hand)\n'
AGAIN = "# %%\nby_hand = by_hand(np.ones((1, 1, 2)), np.ones((1, 1, 2, 3)), np.zeros(3))\n"


def test_what_was_checked_counts_wherever_it_stands(tmp_path):
    mine = BY_HAND.replace("def by_hand", "def mine")
    texts = {
        "check_in_its_cell": f'# %%\n# exercise 01.by-hand\n{BY_HAND}\ncheck("01.by-hand", by_hand)\n{AGAIN}',
        "cell_of_its_own": f"{STUB}# %%\n{BY_HAND}\n{CHECK}{AGAIN}",
        "in_the_check_s_cell": f"# %%\n{BY_HAND}\nscore = check('01.by-hand', by_hand)\n{AGAIN}",
        "another_name": f"# %%\n# exercise 01.by-hand\n{mine}\n{CHECK.replace(', by_hand', ', mine')}",
        "another_name_beside_the_stub": f"{STUB}# %%\n{mine}\n{CHECK.replace(', by_hand', ', mine')}",
        "no_name": f"# %%\n# exercise 01.by-hand\n{mine}\n{CHECK.replace(', by_hand', ', lambda **g: mine(**g)')}",
    }
    # What an answer takes from other cells is as it was then.
    helper = BY_HAND.replace("+ bias", "+ helper(bias)")
    texts["helper_changed"] = f"# %%\ndef helper(x):\n    return x\n# %%\n{helper}\n{CHECK}{AGAIN}# %%\nhelper = 7\n"
    records = _grade_all(tmp_path, {name: f"# %% start\n{text}" for name, text in texts.items()})
    assert _points(records, "01.by-hand") == dict.fromkeys(texts, 3)


LESSON_S_CHECK = CHECK.replace(", by_hand", "")
WRONG = "# %%\n# exercise 01.by-hand\nby_hand = lambda patch, kernel, bias: 0\n"


def test_a_function_that_was_checked_counts_in_whatever_form(tmp_path):
    mine = f"# %%\n{BY_HAND.replace('def by_hand', 'def mine')}\n"
    mended = f"{WRONG}# %%\n{BY_HAND}\n"
    texts = {
        "mended": f"{mended}{LESSON_S_CHECK}",
        "mended_and_used_again": f"{mended}{LESSON_S_CHECK}{AGAIN}",
        "new_and_used_again": f"# %%\n{BY_HAND}\n{LESSON_S_CHECK}{AGAIN}",
        "two_arguments": f"{mended}{CHECK}{AGAIN}",
        "named_argument": f"{WRONG}{mine}{CHECK.replace(', by', ', answer=by').replace('by_hand)', 'mine)')}",
        "all_named": f"{WRONG}{mine}# %%\ncheck(answer=mine, exercise_id='01.by-hand')\n",
        "by_the_package": f"{mended}# %%\nimport coursekit\ncoursekit.check('01.by-hand')\n{AGAIN}",
        "another_name": f"{WRONG}{mine}{CHECK.replace(', by_hand', ', mine')}",
        "no_name": f"{WRONG}{mine}{CHECK.replace(', by_hand', ', lambda **g: mine(**g)')}# %%\nmine = 7\n",
        "then_the_stub_s_check": f"{mine}{CHECK.replace(', by_hand', ', mine')}{STUB}",
        "of_another_lesson": f"{mended}{LESSON_S_CHECK}# %%\ncheck('04.field-size')\ncheck('99.none', 1)\n{AGAIN}",
    }
    records = _grade_all(tmp_path, {name: f"# %% start\n{text}" for name, text in texts.items()})
    assert _points(records, "01.by-hand") == dict.fromkeys(texts, 3)


def test_a_name_that_a_check_s_cell_makes_is_there_below(tmp_path):
    named = LESSON_S_CHECK.replace("check(", "result = by_hand(np.ones((1, 1, 2)), np.ones((1, 1, 2, 3)), 0)\ncheck(")
    below = find("01.one-scale").solution.replace("(layer):", "(layer, shape=result.shape):")
    text = f"# %% start\n# %%\n# exercise 01.by-hand\n{BY_HAND}\n{named}# %%\n# exercise 01.one-scale\n{below}\n"
    assert "\ncheck(" in named
    assert "shape=result" in below
    record = _grade(tmp_path, text)
    assert [record.exercises[f"01.{one}"].points for one in ("by-hand", "one-scale")] == [3, 2]


def test_what_a_value_s_stub_is_given_is_there_below(tmp_path):
    stub = "# exercise 01.strongest-channel\ncase = given('01.strongest-channel', variation)\n# YOUR CODE HERE\npass"
    mine = "# exercise 01.strongest-channel\nlayer, strongest = case['layer'], {}"
    right = int(find("01.strongest-channel").right(case_of(find("01.strongest-channel"), 0)))
    text = f"# %% start\n# %%\n{stub}\n# %%\n{mine.format(right)}\n"
    assert _points({"ana": _grade(tmp_path, text)}, "01.strongest-channel") == {"ana": 2}


def test_of_two_guesses_one_counts(tmp_path):
    exercise = find("01.strongest-channel")
    right = int(exercise.right(case_of(exercise, 0)))
    check = '# %%\ncheck("01.strongest-channel", strongest)\n'
    lesson_s = '# %%\ncheck("01.strongest-channel", variation=variation)\n'
    cell = "# %% start\n# %%\n# exercise 01.strongest-channel\nstrongest = {}\n"
    texts = {
        "right_then_wrong": f"{cell}# %%\nstrongest = {{}}\n".format(right, right + 1),
        "wrong_then_right": f"{cell}# %%\nstrongest = {{}}\n".format(right + 1, right),
        "checked_then_wrong": f"{cell}{check}# %%\nstrongest = {{}}\n".format(right, right + 1),
        "checked_then_right": f"{cell}{check}# %%\nstrongest = {{}}\n".format(right + 1, right),
        "mended_and_checked": f"{cell}# %%\nstrongest = {{}}\n{check}".format(right + 1, right),
        "mended_and_checked_by_the_lesson_s": f"{cell}# %%\nstrongest = {{}}\n{lesson_s}".format(right + 1, right),
        "checked_by_the_lesson_s_then_wrong": f"{cell}{lesson_s}# %%\nstrongest = {{}}\n".format(right, right + 1),
        "named": f"{cell}{check}".format(right + 1).replace(", strongest", f", answer={right}"),
        "stub_left": f"# %% start\n# %% stub 01.strongest-channel\n# %%\nstrongest = {right}\n",
        "never_checked": f"# %% start\n# %%\nstrongest = {right + 1}\n# %%\nstrongest = {right}\n",
    }
    points = _points(_grade_all(tmp_path, texts), "01.strongest-channel")
    assert points.pop("right_then_wrong") + points.pop("wrong_then_right") == 2
    assert points == {
        **{"checked_then_wrong": 2, "checked_then_right": 0},
        **{"mended_and_checked_by_the_lesson_s": 2, "checked_by_the_lesson_s_then_wrong": 2, "named": 2},
        **{"mended_and_checked": 2, "stub_left": 2, "never_checked": 2},
    }


def test_of_two_functions_the_last_counts(tmp_path):
    wrong = "# %%\nby_hand = lambda patch, kernel, bias: 0\n"
    (record,) = _grade_all(tmp_path, {"ana": f"# %% start\n# %% solved 01.by-hand\n{wrong}"}).values()
    assert record.exercises["01.by-hand"].points == 0


def test_a_cell_that_is_timed_beside_the_stub(tmp_path, monkeypatch):
    own = ["import numpy as np\nfrom coursekit import check, given\n\nvariation = None", "three = 3"]
    (tmp_path / "lessons").mkdir()
    nbformat.write(new_notebook(cells=[new_code_cell(one) for one in own]), tmp_path / "lessons" / "01_small.ipynb")
    monkeypatch.setattr(notebooks, "lessons_folder", lambda: tmp_path / "lessons")
    cells = "".join(f"# %%\n{one}\n" for one in own)
    cells += "# %% stub 01.strongest-channel\n# %% stub 01.one-scale\n"  # else all cells are run anyway
    timed = f"{cells}{STUB}# %%\n%%time\nzero = three - 3\n{BY_HAND.replace('+ bias', '+ bias + zero')}\n"
    by_globals = f"{cells}{STUB}# %%\nzero = eval('three') - 3\n{BY_HAND.replace('+ bias', '+ bias + zero')}\n"
    records = _grade_all(tmp_path, {"timed": timed, "by_globals": by_globals})
    assert _points(records, "01.by-hand") == {"timed": 3, "by_globals": 3}


LOOKS = """\
# %% start
# %%
import re
import sys

def _looks():
    frame, found = sys._getframe(), []
    while frame:
        for name, one in list(frame.f_locals.items()):
            if name in ("job", "hidden", "cases", "kept"):
                found.append(repr(one))
        frame = frame.f_back
    data = dict.fromkeys(re.findall("'data': '([^']{40})", "".join(found)))
    return " ".join(list(data)[-6:])

seen = repr(given("01.by-hand", variation))
# %%
# exercise 01.by-hand
def by_hand(patch, kernel, bias):
    raise {}
# %%
raise ValueError(_looks())
# %% solved 01.one-scale
"""


def test_the_hidden_inputs_come_after_all_texts(tmp_path, monkeypatch):
    """What a function or a cell can say of the runner's variables holds no hidden input; an honest message stays."""
    hidden = []
    written = grading._write_job

    def keeps(job, *more):
        written(job, *more)
        content = json.loads((job / "hidden.json").read_bytes())
        assert content["01.by-hand"]
        hidden.extend(case["patch"]["data"][:40] for case in content["01.by-hand"])
        assert not any(one in (job / "job.json").read_text() for one in hidden)
        assert not any(one in (job / "seen" / "given.json").read_text() for one in hidden)

    monkeypatch.setattr(grading, "_write_job", keeps)
    texts = {
        "honest": LOOKS.replace("{}", 'IndexError("no such channel")'),
        "leaks": LOOKS.replace("{}", "ValueError(_looks())"),
    }
    records = _grade_all(tmp_path, texts)
    says = {student: record.exercises["01.by-hand"].says for student, record in records.items()}
    assert says["honest"] == "by_hand stops with IndexError: no such channel"
    assert says["leaks"].startswith("by_hand stops with ValueError: ")
    for record in records.values():
        assert record.exercises["01.one-scale"].points == 2
        assert not any(one in json.dumps([result.says for result in record.exercises.values()]) for one in hidden)


SENDS = """\
# %% start
# %% solved 01.by-hand
# %%
# exercise 01.one-scale
import json, os, threading, time

def _send():
    while not os.path.exists("/job/hidden.json"):
        time.sleep(0.001)
    says = "HIDDEN " + open("/job/hidden.json").read()[:50]
    lines = [{"exercise": "01.one-scale", "answers": [{"error": says}]}, {"end": 1, "error": says},
             {"exercise": "01.by-hand", "answers": [{"not_plain": says}]}]
    for line in lines * 5:
        for number in os.listdir("/proc/self/fd"):
            try:
                if os.readlink(f"/proc/self/fd/{number}").startswith("pipe"):
                    os.write(int(number), json.dumps(line).encode() + b"\\n")
            except OSError:
                pass

threading.Thread(target=_send, daemon=True).start()
def one_scale(layer):
    time.sleep(0.2)
    return layer
"""


def test_a_text_that_comes_after_the_hidden_inputs_is_not_shown(tmp_path):
    record = _grade(tmp_path, SENDS)
    assert not [one.says for one in record.exercises.values() if "HIDDEN" in one.says]
    assert record.exercises["01.one-scale"].points == 0


def test_who_is_stopped_twice_keeps_what_was_earned_before(tmp_path):
    ends = "# %%\nimport os; os._exit(3)\n"
    text = f"# %% start\n# %% solved 01.by-hand\n{ends}# %%\n1\n{ends}# %% solved 01.one-scale\n"
    record = _grade(tmp_path, text)
    assert {name: record.exercises[f"01.{name}"].points for name in ("by-hand", "one-scale")} == {
        "by-hand": 3,
        "one-scale": 0,
    }


RELU = "np.maximum((patch[..., np.newaxis] * kernel).sum(axis=(0, 1, 2)) + bias, 0)"
PLAIN = f"def by_hand(patch, kernel, bias):\n    return {RELU}\n"
SCALED = "def one_scale(layer):\n    return (layer - layer.min()) / np.ptp(layer)\n"


def _both(records):
    return {
        who: tuple(one.exercises[name].points for name in ("01.by-hand", "01.one-scale"))
        for who, one in records.items()
    }


def _cells(*sources):
    return "# %% start\n" + "".join(f"# %%\n{source}\n" for source in sources)


def test_a_name_that_an_answer_uses_may_be_used_again(tmp_path):
    answer, scale, check = f"# exercise 01.by-hand\n{PLAIN}", f"# exercise 01.one-scale\n{SCALED}", 'check("01.{}")'
    by_hand, one_scale = check.format("by-hand"), check.format("one-scale")
    helper = "def f(x):\n    return {}\n"
    helped = answer.replace("np.maximum(", "f(").replace("bias, 0)", "bias)")
    builtin = answer.replace("np.maximum(", "np.array([max(one, 0) for one in ").replace("bias, 0)", "bias])")
    later = answer.replace("np.maximum(", "(np.maximum if len(calls) < 3 else f)(").replace(
        "    return", "    calls.append(1)\n    return"
    )
    texts = {
        "helper": _cells(
            helper.format("np.maximum(x, 0)") + helped, by_hand, helper.format("x - x.min()") + scale, one_scale
        ),
        "constant": _cells(
            "axis = (0, 1, 2)\n" + answer.replace("axis=(0, 1, 2)", "axis=axis"), by_hand, f"axis = None\n{scale}"
        ),
        "builtin": _cells(builtin, by_hand, scale, one_scale, "max = np.ones(3).max()"),
        "module": _cells(answer, by_hand, scale, one_scale, "for np in [1, 2]:\n    print(np)"),
        # What gave no answer when it was checked is taken anew.
        "helper_below": _cells(helped, by_hand, helper.format("np.maximum(x, 0)"), scale, one_scale),
        # A helper that only hidden inputs ask for may stand below.
        "helper_for_later_inputs": _cells(
            f"calls = []\n{later}",
            by_hand,
            helper.replace("(x)", "(x, least)").format("np.maximum(x, least)") + f"globals()[3] = 4\n{scale}",
        ),
        "helper_below_a_variable": _cells("f = 3\n" + helped, by_hand, helper.format("np.maximum(x, 0)"), scale),
    }
    assert all(RELU not in texts[name] for name in ("helper", "constant", "builtin", "helper_below"))
    assert _both(_grade_all(tmp_path, texts)) == dict.fromkeys(texts, (3, 2))


def test_what_a_stub_s_cell_holds_beside_it_is_there_for_the_answer(tmp_path):
    stub = "# exercise 01.by-hand\n{}def by_hand(patch, kernel, bias):\n"
    stub += "    # YOUR CODE HERE\n    raise NotImplementedError()\n"
    helper = stub.format("def relu(x):\n    return np.maximum(x, 0)\n\n")
    answer = f"# exercise 01.by-hand\n{PLAIN}".replace("np.maximum(", "relu(").replace("bias, 0)", "bias)")
    imports = stub.format("import numpy\n")
    by_import, check = f"# exercise 01.by-hand\n{PLAIN}".replace("np.", "numpy."), 'check("01.by-hand")'
    uses = f"# exercise 01.one-scale\n{SCALED}".replace(
        "layer.min()", "layer.min() + by_hand(*[np.zeros((1, 1))] * 3).sum()"
    )
    texts = {
        "helper": _cells(helper, answer, check, SCALED),
        "import": _cells(imports, by_import, check, SCALED),
        "helper_and_copies": _cells(helper, answer, check, helper, check, SCALED),
        "plain_copy": _cells(f"# exercise 01.by-hand\n{PLAIN}", stub.format(""), uses),  # is left out
    }
    assert _both(_grade_all(tmp_path, texts)) == dict.fromkeys(texts, (3, 2))


def test_what_the_grader_lacks_costs_one_statement(tmp_path):
    imports = "import numpy as np\nfrom coursekit import check, given\nvariation = None\n"
    firsts = ["import no_such_package as sns", "from no.such import drive", "from numpy import no_such_name"]
    firsts += [
        "%autosave 60",
        "%clear",
        "%connect_info",
        "%qtconsole",
        "%load_ext no_such_extension",
        "%no_such_magic 2",
    ]
    texts = {f"s{i}": f"# %%\n{first}\n{imports}{PLAIN}{SCALED}" for i, first in enumerate(firsts)}
    texts["in_the_middle"] = f"# %%\n{imports}{firsts[0]}\n{PLAIN}sns.set()\n# %%\n{SCALED}"
    texts["asserts"] = f"# %%\n{imports}{PLAIN}\nassert check('01.by-hand').is_right, 'not yet'\n{SCALED}"
    records = _grade_all(tmp_path, texts)
    assert _both(records) == dict.fromkeys(texts, (3, 2))
    log = {who: "".join(record.log) for who, record in records.items()}
    assert log["s0"] == "Cell 0: ModuleNotFoundError: No module named 'no_such_package'"
    assert (log["s3"], log["s4"], log["asserts"]) == ("", "", "")
    assert "UsageError" in log["s8"]
    assert log["in_the_middle"].startswith("Cell 0: NameError: name 'sns' is not defined, ModuleNotFoundError: No mod")


def test_what_fails_otherwise_still_ends_its_cell(tmp_path):
    texts = {
        "raises": _cells(f"{PLAIN}1 / 0\n{SCALED}"),
        "asserts": _cells(f"{PLAIN}assert by_hand is None\n{SCALED}"),
    }
    assert _both(_grade_all(tmp_path, texts)) == dict.fromkeys(texts, (3, 0))


def test_what_check_was_called_with_counts_however_the_call_is_written(tmp_path):
    mine, last = PLAIN.replace("def by_hand", "def mine"), "wrong, mine = (lambda **given: 0), mine"
    calls = {
        "function": "def main():\n    print(check('01.by-hand', mine))\nmain()",
        "loop": "for name, one in {'01.by-hand': mine}.items():\n    check(name, one)",
        "attempts": f"{last}\nfor one in (wrong, mine):\n    if check('01.by-hand', one).is_right:\n        break",
        "list": "notes = [check('01.by-hand', one) for one in [mine]]",
        "variable": "name = '01.by-hand'\ncheck(name, mine)",
        "starred": "check(*('01.by-hand', mine))",
        "alias": "from coursekit import check as verify\nverify('01.by-hand', mine)",
        "once": f"{last}\nof = iter([mine, wrong])\ncheck('01.by-hand', next(of))",
        "left_out": "by_hand = mine\nname = '01.by-hand'\ncheck(name)",
        "then_mended": f"{last}\nmine, right = wrong, mine\ncheck('01.by-hand', mine)\nmine = right",
        "by_itself": "# exercise 01.by-hand\ndef by_hand(**all):\n    check('01.by-hand', max)\n    return mine(**all)",
        "odd": "check(['01.by-hand'], mine)\ncheck('01.none', 3)\nby_hand = mine",
    }
    texts = {name: _cells(f"{mine}\n{call}", SCALED) for name, call in calls.items()}
    assert _both(_grade_all(tmp_path, texts)) == dict.fromkeys(texts, (3, 2))


def test_what_no_cell_gave_to_check_counts_for_nothing(tmp_path):
    """What a cell does to the note of its calls is other answers of its own at most."""
    spoils = [
        "checking.LAST_GIVEN = 3",
        "checking.LAST_GIVEN.update({3: 4, '01.by-hand': ()})",
        "checking.LAST_GIVEN = type('D', (dict,), {'keys': lambda self: 1 / 0})()",
        "del checking.LAST_GIVEN",
    ]
    first = f"from coursekit.learner import checking\n{PLAIN}\n"
    texts = {f"s{i}": _cells(f"{first}{spoil}", SCALED) for i, spoil in enumerate(spoils)}
    assert _both(_grade_all(tmp_path, texts)) == dict.fromkeys(texts, (3, 2))


def test_variation_may_be_a_student_s_own_name(tmp_path):
    texts = {
        "a_function": _cells("variation = np.ptp", "span = variation", SCALED.replace("np.ptp", "span"), PLAIN),
        "a_text": _cells("variation = 'mine'", f"assert variation is None\n{SCALED}", "del variation", PLAIN),
        "deleted": _cells("del variation", f"assert variation is None\n{SCALED}", PLAIN),
    }
    assert _both(_grade_all(tmp_path, texts)) == dict.fromkeys(texts, (3, 2))


TEXT_BESIDE = """\
# %% [markdown]
## Call it something
{above}
# %% [markdown] {{"coursekit": {{"exercise": "04.name"}}}}
<!-- exercise 04.name -->
*Your answer here*
{below}
"""


def test_text_beside_the_stub_is_read_by_a_person(tmp_path):
    pairs = "20 of 24 pairs are in order"
    texts = {
        "above": TEXT_BESIDE.format(above=f"# %% [markdown]\n{pairs}", below=""),
        "comment": TEXT_BESIDE.format(above="", below=f"# %%\n# {pairs}"),
        "quoted": TEXT_BESIDE.format(above="", below=f"# %%\n'{pairs}'"),
        "prose": TEXT_BESIDE.format(above=f"# %%\n{pairs}, I think.", below=""),
    }
    records = _grade_all(tmp_path, texts, "04")
    for record in records.values():
        found = record.exercises["04.name"]
        assert (found.points, found.needs_person) == (None, True)
        assert pairs in found.text


@pytest.mark.parametrize("number", LESSONS)
def test_text_in_the_question_s_own_cell_is_read_and_nothing_else_is(number):
    asked = lesson(number)
    released = notebooks.cut_solutions(nbformat.read(notebooks.lesson_file(number), as_version=4))
    released = notebooks.to_bytes(notebooks.cut_results(released, asked.instead))
    posed = grading._posed(asked)
    for exercise in asked.exercises:
        if exercise.is_read_by_a_person:
            cells = submissions.read_cells(released)
            assert marking._by_person(exercise, Attempt(None, cells=cells), posed).points == 0
            (place,) = submissions.answers_to(cells, exercise)
            changed = list(cells)
            above = max(i for i in range(place) if cells[i].kind == "markdown")
            changed[above] = submissions.Cell("markdown", cells[above].source + "\n\nMine: 3 of 4.")
            found = marking._by_person(exercise, Attempt(None, cells=tuple(changed)), posed)
            assert (found.points, found.text) == (None, "Mine: 3 of 4.")
