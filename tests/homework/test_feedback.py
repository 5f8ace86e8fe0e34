import importlib.util
import re
from dataclasses import replace

import pytest

from coursekit.exercises import notebooks
from coursekit.exercises.catalogue import lesson
from coursekit.homework import feedback, gradebook
from tests.homework.class_records import POINTS, new_course, record, ungraded
from tests.homework.small_lesson import write_small_lesson
from tests.homework.test_gradebook import HOSTILE, Tags, grade_by_hand, words

pytestmark = pytest.mark.skipif(importlib.util.find_spec("nbgrader") is None, reason="nbgrader is not installed.")


@pytest.fixture(autouse=True)
def lessons(tmp_path, monkeypatch):
    folder = write_small_lesson(tmp_path / "lessons")
    monkeypatch.setattr(notebooks, "lessons_folder", lambda: folder)


@pytest.fixture
def to(tmp_path):
    return new_course(tmp_path / "course")


def write(to, *records) -> list[str]:
    gradebook.write(records, to)
    feedback.write(records, to)
    return [(to / "feedback" / f"{one.student}.html").read_text() for one in records]


def test_each_exercise_is_explained(to):
    (page,) = write(to, record(to, "bo", {"01.by-hand": 3}))
    text = words(page)
    assert "Homework 01, bo" in text
    assert "Together3 of 10" in text
    assert "A person will still read “What would convince you?”." in text
    assert "One activation by hand, for all filters at once (3 of 3) That is right." in text
    assert "The channel that answers most (0 of 2) One too many. It looks like a usual mistake: counted from 1." in text
    assert 'hint("01.strongest-channel") helps on' in text
    assert 'hint("01.by-hand")' not in text
    assert "What would convince you? (– of 3) A person will read this. You wrote: Cover the mouth." in text


def test_the_same_page_lies_where_nbgrader_releases_from(to):
    (page,) = write(to, record(to, "bo", POINTS))
    assert (to / "feedback" / "bo" / "01" / "01_small.html").read_text() == page


def test_what_could_not_be_graded_is_no_zero(to):
    (page,) = write(to, ungraded(to, "cy", "The file is no notebook."))
    text = words(page)
    assert "could not be graded by the program. The file is no notebook. That is not zero points" in text
    assert "Together– of 10" in text
    assert "0 of" not in text.replace("10 of", "")


def test_points_and_comment_of_a_person(to):
    given = record(to, "ana", POINTS)
    write(to, given)
    grade_by_hand(to, "ana", "01.evidence", 2.5, "Which pictures?")
    (page,) = write(to, given)
    text = words(page)
    assert "Together9.5 of 10" in text
    assert "What would convince you? (2.5 of 3)" in text
    assert "Whoever read it says: Which pictures?" in text
    assert "A person will still read" not in text


def test_hostile_text_is_shown_as_it_is(to):
    text = "\n".join(HOSTILE)
    given = record(to, "eve", POINTS, text=text)
    bad = replace(given.exercises["01.by-hand"], says="<script>alert(2)</script>", points=0.0, mistake="<b>")
    exercises = {**given.exercises, "01.by-hand": bad}
    given = replace(given, student="<script>alert(1)</script>", exercises=exercises)
    page = feedback.page(given, {})
    parsed = Tags(page)
    assert not {"script", "img", "b", "iframe"} & set(parsed.tags)
    assert all(link.startswith("#01-") for link in parsed.links)
    assert text in "".join(parsed.data)


def test_it_asks_no_other_host_and_runs_nothing(to):
    (page,) = write(to, record(to, "bo", POINTS))
    assert "http" not in page.replace("http-equiv", "")
    assert not {"script", "link", "img", "iframe", "object"} & set(Tags(page).tags)
    assert "default-src 'none'" in page


def test_it_can_be_read_by_a_screen_reader(to):
    (page,) = write(to, record(to, "bo", POINTS))
    parsed = Tags(page)
    assert '<html lang="en">' in page
    assert parsed.tags.count("h1") == 1
    assert parsed.tags.count("h2") == len(lesson("01").exercises)
    assert {"main", "caption", "th"} <= set(parsed.tags)
    assert all(f'id="{link[1:]}"' in page for link in parsed.links)


def test_no_right_answer_and_no_hidden_input_is_in_it(to):
    """The page of somebody who got all wrong has nothing of the solutions, and no number but points."""
    (page,) = write(to, record(to, "bo", {}))
    for exercise in lesson("01").exercises:
        for line in exercise.solution.splitlines():
            assert line.strip() not in page
    numbers = set(re.findall(r"\d+(?:\.\d+)?", re.sub(r"01|hint\(.*?\)", "", words(page))))
    assert numbers <= {"0", "2", "3", "10", "1"}  # points, and the 1 of "counted from 1"


def test_nobody_is_sent_to_check_for_what_a_person_reads(to):
    given = record(to, "bo", POINTS, text="")
    empty = replace(given.exercises["01.evidence"], points=0.0, says="There is no answer.", needs_person=False)
    given = replace(given, exercises={**given.exercises, "01.evidence": empty})
    (page,) = write(to, given)
    assert "There is no answer." in words(page)
    assert "hint(" not in words(page)
