"""Predictions, the quiz and checks in Chromium, inside JupyterLab, with real keys and a real mouse."""

import json
import re

import pytest
from nbconvert import HTMLExporter

from tests.browser.lab import open_notebook, run_all, wait_until_idle, write_notebook
from tests.browser.reading import NOTEBOOK, active_cell, busy_kernel, command, count_cells, eventually

CELLS = [
    'from coursekit import check, hint, predict, quiz, solution\npredict("01.which-part")',
    'predict("01.zeros")',
    'predict("01.closed-eyes")',
    'predict("01.which-part", result="E")',
    'predict("01.zeros", result=95.2)',
    'quiz("01")',
    "def by_hand(patch, kernel, bias):\n    return (patch[..., None] * kernel).sum(axis=(0, 1, 2)) + bias",
    'check("01.by-hand")',
    'hint("01.by-hand")',
    'solution("01.by-hand")',
]
WHICH, ZEROS, EYES, QUIZ = 0, 1, 2, 3  # cards on the page; the quiz begins with the fourth


@pytest.fixture(scope="module")
def notebook(lab):
    """A learner's notebook, open in JupyterLab."""
    folder = lab.folder / "learner"
    folder.mkdir(exist_ok=True)
    (folder / ".coursekit.json").write_text("{}")
    write_notebook(folder / "01_questions.ipynb", CELLS)
    page = open_notebook(lab.context, lab.address, "learner/01_questions.ipynb")
    yield page
    page.evaluate("async () => { await jupyterapp.shell.currentWidget.context.sessionContext.shutdown() }")
    page.close()


@pytest.fixture
def folder(lab):
    """The folder of a learner who has answered nothing yet."""
    folder = lab.folder / "learner"
    for name in ("progress.jsonl", "start.md"):
        (folder / name).unlink(missing_ok=True)
    return folder


@pytest.fixture
def page(notebook, folder):
    """The notebook with all its cells run. Errors, or a request to another host, fail the test."""
    errors, hosts = [], set()
    listeners = {
        "pageerror": lambda error: errors.append(str(error)),
        "request": lambda request: hosts.add(request.url.split("/")[2].partition(":")[0]),
    }
    for event, listener in listeners.items():
        notebook.on(event, listener)
    run(notebook)
    notebook.keyboard.press("Escape")
    notebook.evaluate(f"{NOTEBOOK}.activeCellIndex = 0; {NOTEBOOK}.activate()")
    yield notebook
    for event, listener in listeners.items():
        notebook.remove_listener(event, listener)
    # anywidget gives up on what takes two seconds to load; the widget does not (test_slow_page.py).
    assert set(errors) <= {"[anywidget] Failed to initialize model."}
    assert hosts - {""} <= {"127.0.0.1"}  # data: has none


def run(page):
    run_all(page)
    page.locator(".ck-card").nth(QUIZ + 3).wait_for()
    page.wait_for_function("document.querySelectorAll('.jp-OutputArea-output').length >= 9")
    eventually(lambda: len(outputs(page)), 5)


def restart(page):
    page.evaluate("async () => { await jupyterapp.shell.currentWidget.context.sessionContext.restartKernel() }")
    wait_until_idle(page)


def card(page, number):
    return page.locator(".ck-card").nth(number)


def says(page, number):
    return card(page, number).locator(".ck-says").inner_text().strip()


def tab_to(page, number):
    """Press Tab until the focus is in a card, as who has no mouse does."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if card(page, number).evaluate("form => form.contains(document.activeElement)"):
            return
    raise AssertionError("The card cannot be reached with the Tab key.")


def recorded(folder, kind):
    lines = (folder / "progress.jsonl").read_text(encoding="utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["kind"] == kind]


def outputs(page):
    """Return the text of the notes in the page, in order."""
    return [text.strip() for text in page.locator(".jp-OutputArea-output > div[role=status]").all_inner_texts()]


def test_prediction_by_keyboard_only_survives_a_restart(page, folder):
    tab_to(page, WHICH)
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    for key in "abdd":  # in JupyterLab: insert cells, delete one
        page.keyboard.press(key)
    assert count_cells(page) == len(CELLS)
    assert card(page, WHICH).locator("input:checked").evaluate("input => input.value") == "2"
    page.keyboard.press("Enter")
    eventually(lambda: says(page, WHICH), "You said C. It comes back beside the result.")
    eventually(lambda: card(page, WHICH).locator(".ck-says").evaluate("node => node === document.activeElement"), True)
    assert card(page, WHICH).locator("input").first.is_disabled()
    assert card(page, WHICH).locator(".ck-actions").is_hidden()

    tab_to(page, ZEROS)
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    assert card(page, ZEROS).locator("input[type=number]").input_value() == "52"
    page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("61.5")
    page.keyboard.press("Enter")
    eventually(lambda: says(page, ZEROS), "You said 61.5 %. It comes back beside the result.")

    tab_to(page, EYES)
    skip = card(page, EYES).locator(".ck-skip")
    for _ in range(4):
        if not skip.evaluate("node => node === document.activeElement"):
            page.keyboard.press("Tab")
    page.keyboard.press("Space")
    eventually(lambda: says(page, EYES), "Skipped.")

    assert [(e["id"], e["answer"], e["skipped"]) for e in recorded(folder, "predicted")] == [
        ("01.which-part", 2, False),
        ("01.zeros", 61.5, False),
        ("01.closed-eyes", None, True),
    ]
    restart(page)
    run(page)
    eventually(lambda: says(page, WHICH), "You said C. It comes back beside the result.")
    assert card(page, WHICH).locator("input:checked").evaluate("input => input.value") == "2"
    assert card(page, WHICH).locator("input").first.is_disabled()
    eventually(card(page, ZEROS).locator("input[type=number]").input_value, "61.5")
    eventually(lambda: says(page, EYES), "Skipped.")
    which, zeros = outputs(page)[:2]
    assert which.startswith("✗ You said C. Close: C comes from the last block, three layers earlier.")
    assert which.endswith("It is E.")
    assert zeros.startswith("You said 61.5 %. It is 95.2 %. Far off: you were 33.7 too low.")
    assert len(recorded(folder, "predicted")) == 3


def test_quiz_by_mouse_and_keyboard(page, folder):
    first = card(page, QUIZ)
    first.locator(".ck-send").click()
    eventually(lambda: says(page, QUIZ), "Choose one of the answers first.")
    first.get_by_label("The network is badly trained").click()
    first.locator(".ck-send").click()
    eventually(lambda: says(page, QUIZ)[:17], "✗ Not this one. A")
    assert "sizes, not of training" in says(page, QUIZ)
    assert page.locator(".ck-score").nth(3).inner_text() == "1 of 4 answered, 0 right at the first answer."
    first.get_by_text("The picture was pooled on the way").click()
    first.locator(".ck-send").click()
    eventually(lambda: says(page, QUIZ)[:8], "✓ Right.")

    tab_to(page, QUIZ + 1)
    for key in ("Space", "ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    eventually(lambda: says(page, QUIZ + 1)[:8], "✓ Right.")
    assert page.locator(".ck-score").nth(3).inner_text() == "2 of 4 answered, 1 right at the first answer."
    # The focus stays where the next key is wanted.
    assert card(page, QUIZ + 1).evaluate("form => form.contains(document.activeElement)")
    assert [(e["id"], e["choice"]) for e in recorded(folder, "quiz")] == [
        ("01.quiz.coarse", 2),
        ("01.quiz.coarse", 1),
        ("01.quiz.scale", 2),
    ]
    restart(page)
    run(page)
    eventually(lambda: says(page, QUIZ)[:8], "✓ Right.")
    assert first.get_by_label("The picture was pooled on the way").is_checked()
    assert page.locator(".ck-score").nth(3).inner_text() == "2 of 4 answered, 1 right at the first answer."


def test_answering_one_question_leaves_the_others_as_they_are(page, folder):
    first, third = card(page, QUIZ), card(page, QUIZ + 2)
    first.get_by_label("The network is badly trained").click()
    first.locator(".ck-send").click()
    eventually(lambda: says(page, QUIZ)[:17], "✗ Not this one. A")
    first.get_by_label("The picture was pooled on the way").click()  # chosen, and not answered yet
    third.locator(".ck-send").click()
    eventually(lambda: says(page, QUIZ + 2), "Choose one of the answers first.")
    tab_to(page, QUIZ + 1)
    for key in ("Space", "ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    eventually(lambda: says(page, QUIZ + 1)[:8], "✓ Right.")
    eventually(lambda: page.locator(".ck-score").nth(3).inner_text()[:18], "2 of 4 answered, 1")
    assert first.get_by_label("The picture was pooled on the way").is_checked()
    assert says(page, QUIZ + 2) == "Choose one of the answers first."


def test_screen_reader_is_told(page):
    tree = page.locator(".ck-question").first.aria_snapshot()
    assert 'group "Prediction: Which of the eight maps' in tree
    assert 'group "Which of the eight maps comes from the last layer?"' in tree
    assert tree.count("- radio ") == 8
    assert 'button "Commit"' in tree
    number = page.locator(".ck-question").nth(1).aria_snapshot()
    assert re.search(r'slider "What share of the last block', number)
    assert 'spinbutton "What share of the last block, fire9-concat, is exactly zero? In %"' in number
    live = card(page, WHICH).locator(".ck-says")
    assert live.get_attribute("role") == "status"  # there before anything is said
    assert live.inner_text() == ""


def test_focus_is_seen(page):
    tab_to(page, WHICH)
    label = card(page, WHICH).locator("label").first
    assert label.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"
    page.keyboard.press("Tab")
    button = card(page, WHICH).locator(".ck-send")
    assert button.evaluate("node => node === document.activeElement")
    assert button.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"


def test_page_says_that_python_was_restarted(page, folder):
    card(page, WHICH).locator("input").nth(1).click()
    restart(page)
    gone = page.locator(".ck-gone")
    said = "run the cells above again (menu Run, Run All Above Selected Cell), then this cell (Shift+Enter)"
    eventually(lambda: all(said in text for text in gone.all_inner_texts()), True)
    eventually(lambda: gone.first.evaluate("note => note === document.activeElement"), True)
    page.keyboard.press("Escape")
    command(page, "notebook:run-all-above")  # as it says
    wait_until_idle(page)
    page.keyboard.press("Shift+Enter")
    eventually(lambda: gone.first.inner_text(), "")
    card(page, WHICH).locator("input").nth(1).click()
    card(page, WHICH).locator(".ck-send").click()
    eventually(lambda: says(page, WHICH), "You said B. It comes back beside the result.")


def test_killed_kernel_is_noticed(page, folder):
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    page.evaluate(
        "(code) => { jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.requestExecute({ code }) }",
        kill,
    )
    gone = page.locator(".ck-gone")
    eventually(lambda: all("The Python behind this is gone" in text for text in gone.all_inner_texts()), True)
    page.locator(".jp-Dialog button").last.click()  # JupyterLab says that it starts another one
    wait_until_idle(page)
    run(page)
    eventually(lambda: set(gone.all_inner_texts()), {""})


def test_answers_are_kept_in_the_notebook(page, folder, lab):
    card(page, WHICH).get_by_text("B", exact=True).click()
    card(page, WHICH).locator(".ck-send").click()
    eventually(lambda: says(page, WHICH), "You said B. It comes back beside the result.")
    card(page, QUIZ).get_by_text("The picture was pooled on the way").click()
    card(page, QUIZ).locator(".ck-send").click()
    eventually(lambda: says(page, QUIZ)[:8], "✓ Right.")
    assert card(page, QUIZ).evaluate("form => form.contains(document.activeElement)")  # nothing was drawn anew

    def export():
        command(page, "docmanager:save")
        return HTMLExporter().from_filename(str(folder / "01_questions.ipynb"))[0]

    eventually(lambda: "1 of 4 answered, 1 right at the first answer." in export(), True)
    exported = export()
    assert "<li><strong>B</strong> (your answer)</li>" in exported
    assert "<strong>You said B.</strong> It comes back beside the result." in exported
    assert "<strong>The picture was pooled on the way" in exported
    assert exported.count("Run this cell to answer.") == 3  # two predictions and the rest of the quiz


def test_shift_enter_works_after_commit(page, folder):
    card(page, WHICH).locator("input").nth(1).click()
    page.keyboard.press("Enter")
    eventually(lambda: says(page, WHICH), "You said B. It comes back beside the result.")
    page.keyboard.press("Shift+Enter")
    eventually(lambda: active_cell(page), 1)
    wait_until_idle(page)
    page.keyboard.press("Shift+Enter")
    eventually(lambda: active_cell(page), 2)


def test_page_says_that_python_is_busy(page, folder, tmp_path):
    with busy_kernel(page, tmp_path):
        card(page, QUIZ).locator("input").nth(1).click()
        card(page, QUIZ).locator(".ck-send").click()
        eventually(lambda: says(page, QUIZ), "Waiting for Python. It is busy, or has stopped.")
    eventually(lambda: says(page, QUIZ)[:8], "✓ Right.")


def test_check_hint_and_solution(page, folder):
    wrong = (
        "✗ Not right yet. These are the numbers before the ReLU: some of them are negative. An activation behind a "
        "ReLU never is."
    )
    checked, hinted, refused = outputs(page)[2:]
    said, case = checked.split("\n\n", 1)
    assert said == wrong
    assert case.startswith("patch ")  # the smallest case for which it is wrong
    assert hinted.startswith("Hint 1 of 3. In the lesson you did it for one filter")
    assert refused.startswith("Not yet. It can be shown after 3 tries, and you have made 1.")
    run(page)
    run(page)
    checked, hinted, shown = outputs(page)[2:]
    assert checked.startswith(wrong)
    assert 'That was try 3. If you like, solution("01.by-hand") now shows a way to do it.' in checked
    assert hinted.startswith("Hint 3 of 3.")
    assert "It is noted that it was shown." in shown
    code = page.locator("div[role=status] pre").last.inner_text()
    assert code.startswith("def by_hand(patch, kernel, bias):\n    values")
    assert len(recorded(folder, "solution")) == 1
    assert "[Questions](01_questions.ipynb)" in (folder / "start.md").read_text(encoding="utf-8")
    assert "| 3\N{NO-BREAK SPACE}hints,\N{NO-BREAK SPACE}1\N{NO-BREAK SPACE}solution |" in (
        folder / "start.md"
    ).read_text(encoding="utf-8")
