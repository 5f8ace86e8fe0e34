"""What learners get: the result of no prediction stands in it before the prediction is made."""

import json
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from coursekit.cli import lab
from coursekit.exercises import notebooks
from coursekit.exercises.catalogue import LESSONS, lesson
from coursekit.learner.questions import predict

PREDICTIONS = [prediction for number in LESSONS for prediction in lesson(number).predictions]


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """The lessons as ``coursekit lab`` delivers them, by number."""
    folder = tmp_path_factory.mktemp("copies")
    lab.deliver(notebooks.lessons_folder(), folder)
    return {number: nbformat.read(next(folder.glob(f"{number}_*")), as_version=4) for number in LESSONS}


def result_of(prediction):
    """Return what the committed lesson, which was run, shows as the result: "93.4 %" or the text of a choice."""
    cells = nbformat.read(notebooks.lesson_file(prediction.id[:2]), as_version=4).cells
    [cell] = [c for c in cells if c.cell_type == "code" and is_result(prediction, c.source)]
    texts = [output["data"]["text/plain"] for output in cell.outputs if "data" in output]
    return re.search(r"It is (.+?)\.$", "\n".join(texts), re.MULTILINE)[1]


def is_result(prediction, source):
    return re.search(rf'predict\("{re.escape(prediction.id)}", result=', source) is not None


def stands_in(words, text):
    return re.search(rf"(?<![\w.]){re.escape(words)}(?![\w])", text) is not None


@pytest.mark.parametrize("number", LESSONS)
def test_no_result_is_shown(number, copies):
    committed = json.dumps(nbformat.read(notebooks.lesson_file(number), as_version=4))
    assert "You made no prediction. It is" in committed, "the lesson was not run"
    assert "You made no prediction" not in json.dumps(copies[number])
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in copies[number].cells)


@pytest.mark.parametrize("prediction", PREDICTIONS, ids=lambda prediction: prediction.id)
def test_nothing_before_the_result_tells_it(prediction, copies):
    cells = copies[prediction.id[:2]].cells
    end = next(i for i, c in enumerate(cells) if c.cell_type == "code" and is_result(prediction, c.source))
    shown = [cell.source for cell in cells[: end + 1] if not cell.metadata.get("jupyter", {}).get("source_hidden")]
    before = "\n".join(shown)
    result = result_of(prediction)
    if prediction.kind == "choice":
        others = [choice.text.removeprefix("the ") for choice in prediction.choices if not choice.is_right]
        told = stands_in(result, before) and not any(stands_in(other, before) for other in others)
        assert not told, f"{result!r} stands in the copy, and no other choice does"
        assert not re.search(rf"result=\W{re.escape(result)}\W\)", before), "it stands in the code"
    else:
        rounded = f"{float(result.split()[0]):.0f} {prediction.unit}"
        assert not any(stands_in(words, before) for words in (result, rounded, rounded.replace(" ", ""))), result


@pytest.mark.parametrize("prediction", PREDICTIONS, ids=lambda prediction: prediction.id)
def test_headings_and_objectives_do_not_tell_it(prediction, copies):
    # The table of contents shows all headings from the start.
    lines = [
        line
        for cell in copies[prediction.id[:2]].cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("#")
    ]
    lines += copies[prediction.id[:2]].cells[0].source.splitlines()
    told = [line for line in lines if stands_in(result_of(prediction), line)]
    assert not told


@pytest.mark.parametrize("number", LESSONS)
def test_what_is_said_instead_is_in_the_copy(number, copies):
    sources = [cell.source for cell in copies[number].cells]
    for words, others in lesson(number).instead.items():
        assert not any(words in source for source in sources)
        assert any(others in source for source in sources), f"{words!r} no longer stands in lesson {number}"
    assert set(lesson(number).folded) <= {cell.id for cell in copies[number].cells}


@pytest.mark.parametrize(
    ("source", "cut"),
    [
        ('predict("01.which-part", result="E")', 'predict("01.which-part", result=...)'),
        (
            "x = 1\npredict( '04.strongest' , result = 'a car\\'s wheel' )",
            "x = 1\npredict( '04.strongest' , result = ... )",
        ),
        ('predict("05.unit", result="a" if x else "b")', 'predict("05.unit", result="a" if x else "b")'),
        ('predict("01.zeros", result=100 * zeros)', 'predict("01.zeros", result=100 * zeros)'),
        ('predict("01.zeros")', 'predict("01.zeros")'),
    ],
)
def test_results_in_the_code(source, cut):
    output = new_output("stream", name="stdout", text="93 %")
    cells = [new_code_cell(source, outputs=[output], id="a"), new_markdown_cell("## Zeros grow\n\nThey grow.", id="b")]
    notebook = new_notebook(cells=cells)
    copy = notebooks.cut_results(notebook, {"## Zeros grow": "## Zeros"}, ["a"])
    assert [cell.source for cell in copy.cells] == [cut, "## Zeros\n\nThey grow."]
    assert copy.cells[0].outputs == []
    assert copy.cells[0].metadata["jupyter"] == {"source_hidden": True}
    assert notebook.cells[0].outputs == [output], "the course's own was changed"


def test_a_lesson_without_predictions_keeps_its_outputs():
    notebook = new_notebook(cells=[new_code_cell("1", outputs=[new_output("stream", text="1")])])
    assert notebooks.cut_results(notebook) == notebook


def test_three_dots_are_the_course_s_own_result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert repr(predict("01.which-part", result=...)) == repr(predict("01.which-part", result="E"))
    with pytest.raises(TypeError, match="is a number"):
        predict("01.zeros", result=...)
