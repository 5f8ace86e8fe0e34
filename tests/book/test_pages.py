"""What of a lesson's notebook comes into its page, and what does not."""

import base64
import html
import io
import json
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from book.glossary import glossary, linked, words
from book.pages import figures_apart, page, run_this
from book.questions import questions
from coursekit.exercises.catalogue import LESSONS, lesson
from coursekit.exercises.model import Lesson
from coursekit.exercises.notebooks import cut_results, cut_solutions, lesson_file
from coursekit.widgets.page_state import PAGE


def shown(text, kind="", arguments=None):
    about = {"coursekit": {"kind": kind, "arguments": arguments}} if kind else {}
    return new_output("execute_result", data={"text/html": f"<p>{text}</p>", "text/plain": text}, metadata=about)


def printed(text):
    return new_output("stream", name="stdout", text=text)


def asked(id):
    return shown("asks", "QuestionCards", {"asks": "prediction", "ids": [id]})


@pytest.fixture
def made(tmp_path):
    cells = [
        new_markdown_cell("# 1 · Title", id="title"),
        new_markdown_cell("## Eyes", id="eyes"),
        new_code_cell('predict("01.zeros")', outputs=[asked("01.zeros")], id="asks"),
        new_code_cell("early()", outputs=[printed("before <the> section")], id="early"),
        new_markdown_cell("## Ninety", id="ninety"),
        new_code_cell("zeros()", outputs=[printed("93 "), printed("%"), shown("a figure")], id="told"),
        new_code_cell(
            'predict("01.zeros", result="93")',
            outputs=[shown("It is 93 %", "Result", {"id": "01.zeros", "result": 93.0})],
            id="result",
        ),
        new_code_cell("after()", outputs=[printed("after")], id="after"),
        new_code_cell(
            "# exercise 01.by-hand\n### BEGIN SOLUTION\nby_hand = 46\n### END SOLUTION",
            outputs=[printed("46")],
            id="exercise",
        ),
        new_code_cell(
            'check("01.by-hand")', outputs=[shown("✓ Right. 46.", "Check", {"id": "01.by-hand"})], id="check"
        ),
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    asks = Lesson("01", instead={"Ninety": "A share"}, folded=("early",))
    notebook = new_notebook(cells=cells, metadata=metadata)
    before = nbformat.writes(notebook)
    made = page(notebook, asks, tmp_path, "run this")
    assert nbformat.writes(notebook) == before, "the lesson itself was changed"
    return {cell.id: cell for cell in made.cells}


def html_of(cell):
    return "".join(output.data["text/html"] for output in cell.outputs)


def test_solutions_and_the_results_of_checks_are_cut(made):
    assert made["exercise"].source == "# exercise 01.by-hand\n# YOUR CODE HERE\npass"
    assert made["exercise"].outputs == []
    assert "run this lesson" in html_of(made["check"])
    assert "46" not in json.dumps(made)
    assert "Right" not in json.dumps(made)


def test_a_prediction_s_answer_is_folded(made):
    assert made["ninety"].source == "## A share"
    assert made["result"].source == 'predict("01.zeros", result=...)'
    assert made["early"].metadata.tags == ["hide-input"]
    for id, parts in (("told", ["93 %", "<p>a figure</p>"]), ("result", ["It is 93 %"])):
        [output] = made[id].outputs
        folded = re.fullmatch(
            r'<details class="ck-until" data-until="([^"]*)"><summary>[^<]+</summary>(.*)</details>',
            output.data["text/html"],
            re.DOTALL,
        )
        assert json.loads(html.unescape(folded[1])) == ["01.zeros"]
        assert all(part in folded[2] for part in parts)
    for id in ("early", "after"):  # another section; behind the result
        assert made[id].outputs[0].output_type == "stream"
    assert "details" not in html_of(made["asks"])


def test_what_is_live_says_how(made):
    live = re.search(r'class="ck-live" data-kind="(\w+)" data-arguments="([^"]*)">\n<p>asks', html_of(made["asks"]))
    assert live[1] == "QuestionCards"
    assert json.loads(html.unescape(live[2])) == {"asks": "prediction", "ids": ["01.zeros"]}
    assert made["run"].source == "run this"


def test_what_a_widget_left_becomes_a_file(tmp_path):
    output = shown("a map", "EmbeddingExplorer", {"shown": 30})
    output.data[PAGE] = {"k": 8, "_maps": {"base64": "AAAA"}}
    notebook = new_notebook(cells=[new_code_cell("explorer", outputs=[output], id="map")])
    text = html_of(page(notebook, Lesson("01"), tmp_path / "figures").cells[0])
    [written] = (tmp_path / "live" / "saved").iterdir()
    assert json.loads(written.read_text()) == output.data[PAGE]
    arguments = json.loads(html.unescape(re.search('data-arguments="([^"]*)"', text)[1]))
    assert arguments == {"shown": 30, "saved": written.name}
    assert "AAAA" not in text


def test_figures_become_files(tmp_path):
    file = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(file, "PNG")
    source = f'<img alt="a" src="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}">'
    text = figures_apart(source + source, tmp_path)
    [written] = tmp_path.iterdir()
    assert written.read_bytes() == file.getvalue()
    tag = f'<img alt="a" src="_static/figures/{written.name}" loading="lazy" decoding="async" width="30" height="20">'
    assert text == tag + tag


@pytest.mark.parametrize("number", LESSONS)
def test_every_text_of_a_lesson_and_nothing_of_its_solutions(number, tmp_path):
    notebook, asks = nbformat.read(lesson_file(number), as_version=4), lesson(number)
    made = page(notebook, asks, tmp_path)
    learners = cut_results(cut_solutions(notebook), asks.instead, asks.folded)
    for cell, copy in zip(made.cells, learners.cells, strict=True):
        assert re.sub(r"^<!--.*?-->\s*", "", copy.source) == cell.source or cell.source == copy.source
    written = json.dumps(made)
    hidden = [
        line.strip()
        for cell in notebook.cells
        for solution in re.findall(r"BEGIN SOLUTION.*?\n(.*?)(?:#|<!-)[^\n]*END SOLUTION", cell.source, re.DOTALL)
        for line in solution.splitlines()
        if len(line.strip()) > 25
    ]
    told = [line for line in hidden if json.dumps(line)[1:-1] in written and notebook_has_once(notebook, line)]
    assert told == []
    assert "Right. " not in re.sub(
        r"<[^>]+>", "", "".join(html_of(c) for c in made.cells if c.get("outputs") and "check(" in c.source)
    )


def notebook_has_once(notebook, line):
    """Whether a line stands in a solution only: the lesson itself may show the same one."""
    return sum(line in cell.source for cell in notebook.cells) == 1


@pytest.mark.parametrize("number", LESSONS)
def test_every_question_of_a_lesson(number):
    asks, said = lesson(number), questions(lesson(number))
    assert list(said) == [question.id for question in (*asks.predictions, *asks.quiz)]
    for question in (*asks.predictions, *asks.quiz):
        one = said[question.id]
        assert (one["asks"], one["kind"]) == (question.asks, question.kind)
        if question.kind == "choice":
            assert one["right"].count(True) == 1
            assert one["says"] == [choice.says for choice in question.choices]


def test_how_to_run_a_lesson(monkeypatch):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    assert "\n\n[Run it yourself](run.md)\n\n" in run_this("01_maps.ipynb")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/course")
    said = run_this("01_maps.ipynb")
    assert "[Open in Binder](https://mybinder.org/v2/gh/someone/course/main?urlpath=lab%2Ftree%2F" in said
    assert "[Open in Colab](https://colab.research.google.com/github/someone/course/blob/colab/01_maps.ipynb)" in said


WORDS = (
    "Text.\n\n### Words\n\n**activation** (or answer): a number · **cat**, **dog**: animals, "
    "of two kinds.\n\n### Sources\n\nNone."
)


def test_words_of_a_lesson():
    assert [word[:2] for word in words(WORDS, "x")] == [
        ("activation", "(or answer) a number."),
        ("cat", "animals, of two kinds."),
        ("dog", "animals, of two kinds."),
    ]
    assert words("**No**: words", "x") == []
    with pytest.raises(ValueError, match="x: 'nothing' under Words"):
        words("### Words\n\nnothing", "x")
    assert linked(WORDS) == WORDS.replace("**activation**", "**{term}`activation`**").replace(
        "**cat**, **dog**", "**{term}`cat`**, **{term}`dog`**"
    )
    text = glossary([*words(WORDS, "b"), *words("### Words\n\n**cat**: a pet.", "a")], {"a": "A", "b": "B"})
    assert "cat\n  animals, of two kinds. ({doc}`B <b>`)\n\n  a pet. ({doc}`A <a>`)\n" in text


def test_every_lesson_explains_words():
    for number in LESSONS:
        cells = nbformat.read(lesson_file(number), as_version=4).cells
        found = [words(cell.source, number) for cell in cells if cell.cell_type == "markdown"]
        assert sum(map(len, found)) >= 3
