"""What a cell leaves that is run again, in a real kernel, told the cell's id as JupyterLab tells it."""

from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).parents[2]

# The garbage collector is off: what goes, goes at once.
SETUP = """\
import gc, weakref
import numpy as np
from ipywidgets.widgets import widget as module
from coursekit.widgets import QuestionCards
made = []
gc.collect()
gc.disable()

class Cards(QuestionCards):
    def __init__(self):
        super().__init__("Questions", lambda: {"cards": []}, print)
        self.large = np.zeros(3_000_000)
        made.append(weakref.ref(self))"""
COUNT = "print(len(module._instances), sum(one() is not None for one in made))"


@pytest.fixture(scope="module")
def run():
    """A function that runs code in a kernel, as a cell of such an id, and returns what it printed."""
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(ROOT), startup_timeout=300)

    def run(code, cell=None):
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = client.session.msg("execute_request", content, metadata={"cellId": cell} if cell else {})
        client.shell_channel.send(message)
        printed = ""
        while True:
            answer = client.get_iopub_msg(timeout=300)
            if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            assert answer["msg_type"] != "error", answer["content"]
            printed += answer["content"].get("text", "")
            if answer["content"].get("execution_state") == "idle":
                return printed.strip()

    run(SETUP)
    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture(autouse=True)
def empty(run):
    yield
    run(
        "module.Widget.close_all(); made.clear(); cards = first = None; get_ipython().run_line_magic('reset', '-f out')"
    )


def test_earlier_run_of_the_same_cell_goes(run):
    for _ in range(4):
        run("cards = Cards()\ncards", "one")
    assert run(COUNT) == "2 1"  # the widget and its layout
    assert run("print(cards.comm is not None, cards.large.size)") == "True 3000000"


def test_only_shown_and_looked_at_again(run):
    run("Cards()", "one")
    run("_", "two")
    run("Cards()", "one")
    assert run(COUNT) == "2 1"


def test_what_the_learner_keeps_stays_in_python(run):
    run("first = Cards()", "one")
    run("kept = [first]")
    run("first = Cards()", "one")
    assert run(COUNT) == "2 2"
    assert run("print(kept[0].large.size, kept[0].comm)") == "3000000 None"
    run("del kept")


def test_several_of_one_run_and_those_of_other_cells_stay(run):
    run("a, b = Cards(), Cards()", "one")
    run("c = Cards()", "two")
    assert run(COUNT) == "6 3"
    run("a, b = Cards(), Cards()", "one")
    assert run(COUNT) == "6 3"
    run("del a, b, c")


def test_without_a_cell_nothing_is_closed(run):
    run("a = Cards()")
    run("b = Cards()")
    assert run(COUNT) == "4 2"
    run("del a, b")
