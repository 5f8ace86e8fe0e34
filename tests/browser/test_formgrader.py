"""nbgrader's formgrader in Chromium: it shows the grades, and what a person gives there stays."""

import importlib.util

import pytest

from coursekit.exercises import notebooks
from coursekit.homework import gradebook
from coursekit.homework.release import release
from tests.browser.lab import TOKEN, jupyter_lab, open_notebook
from tests.browser.reading import eventually
from tests.homework.class_records import POINTS, new_course, record, ungraded
from tests.homework.small_lesson import write_small_lesson

pytestmark = pytest.mark.skipif(importlib.util.find_spec("nbgrader") is None, reason="nbgrader is not installed.")

HOSTILE = "My answer.\n\n<img src=x onerror='window.ran = 1'><script>window.ran = 1</script>"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    place = tmp_path_factory.mktemp("formgrader")
    folder = write_small_lesson(place / "lessons")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notebooks, "lessons_folder", lambda: folder)
        course = new_course(place / "course")
        release("01", course)
        yield course


@pytest.fixture(scope="module")
def records(course):
    made = [
        record(course, "ana", POINTS, HOSTILE),
        record(course, "bo", {"01.by-hand": 3}),
        ungraded(course, "cy", "The file is no notebook."),
    ]
    gradebook.write(made, course)
    return made


@pytest.fixture(scope="module")
def formgrader(course, records, browser):
    """A page that is logged in, and the address of formgrader."""
    with jupyter_lab(course) as address:
        page = browser.new_page()
        page.set_default_timeout(120_000)  # where many tests share few cores
        # nbgrader's pages ask a content network for MathJax; here they don't wait for it.
        page.route(lambda url: not url.startswith(address), lambda route: route.abort())
        page.goto(f"{address}/formgrader?token={TOKEN}")
        yield page, f"{address}/formgrader"
        page.close()


def rows(page) -> list[list[str]]:
    """Return the table on a page of formgrader."""
    page.wait_for_selector("table tbody td a")
    return page.eval_on_selector_all(
        "table tbody tr", "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )


def open_submission(page, address: str, course, student: str) -> None:
    """Open a student's notebook, and wait for its grades."""
    with gradebook.open_gradebook(course) as book:
        submission = book.find_submission_notebook("01_small", "01", student).id
    page.goto(f"{address}/submissions/{submission}/")
    page.wait_for_function("window.formgrader?.grades?.loaded && formgrader.comments?.loaded")


def score_box(page, exercise: str):
    return page.locator(f"input.score[id='{notebooks.grade_id(exercise)}']")


def shown_scores(page) -> list[tuple[str, str]]:
    """Return what stands in the boxes: the program's points as placeholders, a person's as values."""
    boxes = [score_box(page, exercise) for exercise in (*POINTS, "01.evidence")]
    return [(box.get_attribute("placeholder") or "", box.input_value()) for box in boxes]


def test_it_shows_the_same_totals(formgrader):
    page, address = formgrader
    page.goto(f"{address}/manage_submissions/01")
    shown = {student: (status, score) for _, student, _, status, score, *_ in rows(page)}
    manual = "needs manual grading"
    assert shown == {"ana": (manual, "7 / 10"), "bo": (manual, "3 / 10"), "cy": (manual, "0 / 10")}


def test_it_shows_the_points_of_each_exercise(formgrader, course):
    page, address = formgrader
    open_submission(page, address, course, "bo")
    eventually(lambda: shown_scores(page), [("0", ""), ("3", ""), ("0", ""), ("", "")])
    text = page.locator("main").inner_text()
    assert "3 of 3 points. That is right." in text
    assert "0 of 2 points. One too many. (It looks like: counted from 1.)" in text


def test_what_could_not_be_graded_has_no_points_and_its_reason(formgrader, course):
    page, address = formgrader
    open_submission(page, address, course, "cy")
    assert shown_scores(page) == [("", "")] * 4
    assert "Not graded: The file is no notebook." in page.locator("main").inner_text()


def test_nothing_of_a_student_runs(formgrader, course):
    page, address = formgrader
    open_submission(page, address, course, "ana")
    assert HOSTILE.partition("\n")[2].strip() in page.locator("main").inner_text()
    assert page.evaluate("window.ran") is None
    assert page.locator("main img").count() == 0


def test_what_a_person_gives_there_survives_a_second_grading(formgrader, course, records):
    page, address = formgrader
    open_submission(page, address, course, "ana")
    for kind, box, text in (
        ("grade", score_box(page, "01.evidence"), "2.5"),
        ("comment", page.locator("textarea[id='01-evidence-comment']"), "Which photos?"),
    ):
        with page.expect_response(lambda answer, kind=kind: f"/api/{kind}/" in answer.url and answer.ok):
            box.fill(text)
            box.blur()
    assert gradebook.scores("01", course)["ana"]["01.evidence"] == gradebook.Score(2.5, True, False, "Which photos?")
    gradebook.write(records, course)
    assert gradebook.scores("01", course)["ana"]["01.evidence"] == gradebook.Score(2.5, True, False, "Which photos?")
    open_submission(page, address, course, "ana")
    eventually(lambda: shown_scores(page)[-1], ("", "2.5"))
    page.goto(f"{address}/manage_submissions/01")
    shown = {student: (status, score) for _, student, _, status, score, *_ in rows(page)}
    assert shown["ana"] == ("graded", "9.5 / 10")
    assert "ana,01,2,3,2,2.5,9.5,10,graded,," in (course / "grades.csv").read_text()


def test_what_is_released_opens_in_jupyterlab(formgrader, course, browser):
    _, address = formgrader
    with open_notebook(browser, address.removesuffix("/formgrader"), "release/01/01_small.ipynb") as page:
        model = "jupyterapp.shell.currentWidget.content.model"
        assert page.evaluate(f"[...{model}.cells].length") == 13
        assert page.evaluate(f"{model}.metadata.kernelspec.name") == "python3"
        for shown in ('pip install "inside-convnet[cpu]"', "raise NotImplementedError()"):  # cells come bit by bit
            eventually(lambda shown=shown: shown in page.locator(".jp-Notebook").inner_text(), True)
