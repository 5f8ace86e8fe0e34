"""QuestionCards by itself: what it shows, hands on, and refuses. How it behaves in the page: tests/browser."""

import subprocess
import sys

import nbformat
import pytest
from nbconvert import HTMLExporter

from coursekit.widgets import QuestionCards

CHOICE = {"id": "a", "asks": "Is 1 < 2?", "kind": "choice", "choices": ["<yes>", "no"], "button": "Commit", "skip": ""}
NUMBER = {"id": "b", "asks": "How many?", "kind": "number", "choices": [], "low": 0, "high": 10, "unit": "things"}
WORDS = {"id": "c", "asks": "Why?", "kind": "words", "choices": [], "most": 500}
OPEN = {"button": "Commit", "skip": "Skip", "answer": None, "done": False, "mark": "", "head": "", "says": ""}


@pytest.fixture
def shelf():
    """What the widget reads, to be changed by the tests, and what it handed on."""
    return {"cards": [OPEN | CHOICE, OPEN | NUMBER, OPEN | WORDS], "score": "", "taken": []}


@pytest.fixture
def cards(shelf):
    def take(id, answer):
        if answer == "wrong":
            raise ValueError("Not like this.")
        if answer == "broken":
            raise RuntimeError("The disk broke.")
        shelf["taken"].append((id, answer))
        shelf["cards"] = [
            OPEN | CHOICE | {"answer": 0, "done": True, "mark": "✓", "head": "Right.", "says": "It is <."}
        ]
        shelf["score"] = "1 of 1"

    return QuestionCards("Three questions", lambda: {k: shelf[k] for k in ("cards", "score")}, take)


@pytest.fixture
def told(cards):
    told = []
    cards.send = lambda message, buffers=None: told.append(message)
    return told


def test_text(cards, shelf):
    assert repr(cards) == (
        "1. Is 1 < 2?\n  ( ) <yes>\n  ( ) no\n2. How many?\n  a number from 0 to 10 things\n3. Why?\n  a few words"
    )


def test_answer_is_handed_on_and_what_came_of_it_is_shown(cards, shelf, told):
    cards._handle_custom_msg({"id": "a", "answer": 0}, [])
    assert shelf["taken"] == [("a", 0)]
    assert cards._cards == shelf["cards"]
    assert cards._score == "1 of 1"
    assert told == [{"id": "a", "refused": ""}]
    assert repr(cards) == "Is 1 < 2?\n  ( ) <yes>\n  ( ) no\n  ✓ Right. It is <.\n1 of 1"


@pytest.mark.parametrize(("answer", "says"), [("wrong", "Not like this."), ("broken", "The disk broke.")])
def test_refused_answer_changes_nothing(cards, shelf, told, answer, says):
    before = cards.get_state()
    cards._handle_custom_msg({"id": "c", "answer": answer}, [])
    assert told == [{"id": "c", "refused": says}]
    assert shelf["taken"] == []
    assert cards.get_state() == before


def test_page_without_a_kernel_shows_the_questions(cards):
    bundle, metadata = cards._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == repr(cards)
    assert 'role="group" aria-label="Three questions"' in bundle["text/html"]
    assert "<li>&lt;yes&gt;</li><li>no</li>" in bundle["text/html"]
    output = nbformat.v4.new_output("display_data", data=bundle, metadata=metadata)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("cards", outputs=[output])])
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert "Is 1 &lt; 2?" in page
    assert "A number from 0 to 10 things" in page


def test_page_without_a_kernel_shows_the_answer(cards, shelf, told):
    assert cards._still().count("Run this cell to answer.") == 1
    cards._handle_custom_msg({"id": "a", "answer": 0}, [])
    kept = cards._still_picture  # what the page puts into the notebook
    assert kept == {"html": cards._still(), "text": repr(cards)}
    assert "<li><strong>&lt;yes&gt;</strong> (your answer)</li><li>no</li>" in kept["html"]
    assert "✓ <strong>Right.</strong> It is &lt;." in kept["html"]
    assert "<p>1 of 1</p>" in kept["html"]
    assert "Run this cell" not in kept["html"]


def test_page_asks_no_other_host(cards):
    state = cards.get_state()
    for source in ("_esm", "_css"):
        assert "http" not in state[source]
        assert "url(" not in state[source]
        assert "import " not in state[source]


def test_questions_are_there_before_tensorflow():
    code = "import sys; from coursekit.widgets import QuestionCards\n"
    code += "print({'tensorflow', 'keras', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
