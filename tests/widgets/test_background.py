"""Work in a thread, of which only the latest run counts."""

import contextvars
import threading
import time

import pytest
import traitlets

from coursekit.widgets.background import BackgroundWidget, every
from tests.widgets.sample import until

WHO = contextvars.ContextVar("who", default="nobody")


class Counter(BackgroundWidget):
    """Counts to a number, if nobody stops it."""

    _esm = "export default {}"

    def __init__(self):
        super().__init__()
        self.shown, self.reports, self.threads = [], [], set()
        self.may_go_on = threading.Event()

    def count(self, name, most=3, wrong=None):
        self._begin(self._work_of(name, most, wrong))

    def _work_of(self, name, most, wrong):
        for number in range(most):
            self.threads.add((threading.current_thread().name, threading.current_thread().daemon, WHO.get()))
            if number == wrong:
                raise ArithmeticError(f"{name} cannot be counted.")
            yield None
            yield name, number
            self.may_go_on.wait(20)

    def _keep(self, shown):
        self.shown.append(shown)

    def _send_progress(self):
        self.reports.append((self._running, str(self._error or ""), self.shown[-1] if self.shown else None))


@pytest.fixture
def counter():
    counter = Counter()
    yield counter
    counter.may_go_on.set()
    counter.close()


def test_a_run_shows_each_step_and_ends(counter):
    counter.may_go_on.set()
    counter.count("a")
    counter.wait(20)
    assert counter.shown == [("a", 0), ("a", 1), ("a", 2)]
    assert counter.reports[0] == (True, "", None)
    assert counter.reports[-1] == (False, "", ("a", 2))
    assert [report[0] for report in counter.reports] == [True] * 4 + [False]


def test_a_new_run_cancels_the_last(counter):
    counter.count("a")
    until(lambda: counter.shown)
    first = counter._thread
    counter.count("b")
    counter.count("c")
    counter.may_go_on.set()
    counter.wait(20)
    assert counter.shown == [("a", 0), ("c", 0), ("c", 1), ("c", 2)]  # b never began
    assert not first.is_alive()
    assert counter._running is False


def test_cancelled_work_keeps_what_is_shown(counter):
    counter.count("a")
    until(lambda: counter.shown)
    counter._cancel()
    assert counter.reports[-1] == (False, "", ("a", 0))
    counter.may_go_on.set()
    counter.wait(20)
    assert counter.shown == [("a", 0)]
    assert counter.reports[-1] == (False, "", ("a", 0))


def test_an_error_is_reported_and_raised_to_who_waits(counter):
    counter.may_go_on.set()
    counter.count("a", wrong=1)
    with pytest.raises(ArithmeticError, match="a cannot be counted"):
        counter.wait(20)
    assert counter.reports[-1] == (False, "a cannot be counted.", ("a", 0))
    counter.count("b")
    assert counter.reports[-1][1] == ""
    counter.wait(20)


def test_an_error_of_a_cancelled_run_is_not_told(counter):
    counter.count("a", wrong=1)
    until(lambda: counter.shown)
    counter._cancel()
    counter.may_go_on.set()
    counter.wait(20)
    assert {report[1] for report in counter.reports} == {""}


def test_closing_ends_the_thread(counter):
    counter.count("a")
    until(lambda: counter.shown)
    counter.close()
    counter.may_go_on.set()
    counter._thread.join(20)
    assert not counter._thread.is_alive()
    assert counter.shown == [("a", 0)]


def test_what_was_refused_can_be_closed():
    Counter.__new__(Counter).close()  # as Python does with what __init__ did not complete


def test_the_thread_works_in_the_context_of_the_message_that_began_it(counter):
    counter.may_go_on.set()
    contextvars.copy_context().run(lambda: (WHO.set("the page"), counter.count("a")))
    counter.wait(20)
    assert counter.threads == {("Counter", True, "the page")}


def test_every(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    due = every(0.5)
    assert due()
    assert not due()
    now = 100.4
    assert not due()
    now = 100.5
    assert due()


def test_a_cell_waits_for_the_run_of_what_the_page_has_just_chosen():
    class Chosen(Counter):
        name = traitlets.Unicode().tag(sync=True)
        seen, may_begin = threading.Event(), threading.Event()

        @traitlets.observe("name")
        def _show(self, change):
            self.seen.set()
            self.may_begin.wait(20)
            self.count(change.new)

    chosen, found = Chosen(), []
    chosen.may_go_on.set()
    page = threading.Thread(target=chosen.set_state, args=({"name": "a"},))
    cell = threading.Thread(target=lambda: (chosen.wait(20), found.extend(chosen.shown)))
    page.start()
    assert chosen.seen.wait(20)
    cell.start()
    cell.join(0.2)
    chosen.may_begin.set()
    page.join(20)
    cell.join(20)
    assert found == [("a", 0), ("a", 1), ("a", 2)]
    chosen.close()
