import csv
import importlib.util
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from coursekit.exercises import catalogue, notebooks
from coursekit.homework import feedback, gradebook
from tests.homework.class_records import POINTS, new_course, record, ungraded
from tests.homework.small_lesson import write_small_lesson

pytestmark = pytest.mark.skipif(importlib.util.find_spec("nbgrader") is None, reason="nbgrader is not installed.")

IDS = ["01.strongest-channel", "01.by-hand", "01.one-scale", "01.evidence"]


@pytest.fixture(autouse=True)
def lessons(tmp_path, monkeypatch):
    folder = write_small_lesson(tmp_path / "lessons")
    monkeypatch.setattr(notebooks, "lessons_folder", lambda: folder)


@pytest.fixture
def to(tmp_path):
    return new_course(tmp_path / "course")


@pytest.fixture
def ana(to):
    return record(to, "ana", POINTS)


def words(html: str) -> str:
    return re.sub(r"\s+", " ", "".join(Tags(html[html.index("<body") :]).data))


def read_csv(file: Path) -> list[list[str]]:
    with file.open(newline="") as opened:
        return list(csv.reader(opened))


def autograded(to: Path, student: str):
    return nbformat.read(to / "autograded" / student / "01" / "01_small.ipynb", as_version=4)


def by_grade_id(notebook) -> dict:
    return {c.metadata.nbgrader.grade_id: c for c in notebook.cells if "nbgrader" in c.metadata}


def grade_by_hand(to: Path, student: str, exercise: str, points: float, comment: str = "") -> None:
    """Do what formgrader does when a person gives points and writes a comment."""
    with gradebook.open_gradebook(to) as book:
        grade = book.find_grade(exercise.replace(".", "-"), "01_small", "01", student)
        grade.manual_score, grade.needs_manual_grade = points, False
        if comment:
            book.find_comment(exercise.replace(".", "-"), "01_small", "01", student).manual_comment = comment
        book.db.commit()


def test_grades_are_in_the_gradebook(to, ana):
    gradebook.write([ana, record(to, "bo", {"01.by-hand": 3}), ungraded(to, "cy", "The file is no notebook.")], to)
    scores = gradebook.scores("01", to)
    assert {s: [given[i].points for i in IDS] for s, given in scores.items()} == {
        "ana": [2, 3, 2, None],
        "bo": [0, 3, 0, None],
        "cy": [None, None, None, None],
    }
    assert [scores["ana"][i].needs_person for i in IDS] == [False, False, False, True]
    assert all(score.needs_person for score in scores["cy"].values())
    assert not any(score.is_manual for given in scores.values() for score in given.values())


def test_table(to, ana):
    gradebook.write([ana, record(to, "bo", {"01.by-hand": 1.5}), ungraded(to, "cy", "The file is no notebook.")], to)
    assert read_csv(to / "grades.csv") == [
        ["student", "lesson", *IDS, "total", "max", "status", "reason", "to_read"],
        ["ana", "01", "2", "3", "2", "", "7", "10", "graded", "", "01.evidence"],
        ["bo", "01", "0", "1.5", "0", "", "1.5", "10", "graded", "", "01.evidence"],
        ["cy", "01", "", "", "", "", "", "10", "ungraded", "The file is no notebook.", " ".join(IDS)],
    ]
    log = read_csv(to / "log.csv")
    assert log[0] == ["student", "lesson", "status", "reason", "file", "sha256", "submitted_at", "seconds", "log"]
    assert log[1] == [
        "ana",
        "01",
        "graded",
        "",
        "ana.ipynb",
        "0" * 64,
        "2026-11-20T10:00:00+01:00",
        "1.5",
        "found by its name",
    ]
    assert [row[0] for row in log[1:]] == ["ana", "bo", "cy"]


def test_writing_twice_changes_nothing(to, ana):
    records = [ana, ungraded(to, "cy", "Empty.")]
    gradebook.write(records, to)
    files = {path: path.stat().st_mtime_ns for path in (to / "autograded").rglob("*")}
    before, tables = gradebook.scores("01", to), [(to / name).read_bytes() for name in ("grades.csv", "log.csv")]
    gradebook.write(records, to)
    assert {path: path.stat().st_mtime_ns for path in (to / "autograded").rglob("*")} == files
    assert gradebook.scores("01", to) == before
    assert [(to / name).read_bytes() for name in ("grades.csv", "log.csv")] == tables


def test_what_was_graded_before_stays_in_the_table(to, ana):
    gradebook.write([ana], to)
    gradebook.write([record(to, "late", {"01.by-hand": 3})], to)
    assert [row[0] for row in read_csv(to / "grades.csv")] == ["student", "ana", "late"]


def test_what_a_person_gave_stays(to, ana):
    gradebook.write([ana], to)
    grade_by_hand(to, "ana", "01.evidence", 2.5, "Which pictures?")
    gradebook.write([ana], to)
    assert gradebook.scores("01", to)["ana"]["01.evidence"] == gradebook.Score(2.5, True, False, "Which pictures?")
    assert read_csv(to / "grades.csv")[1][2:7] == ["2", "3", "2", "2.5", "9.5"]
    assert read_csv(to / "grades.csv")[1][-1] == ""


def test_a_new_submission_keeps_the_person_s_points_and_asks_to_look_again(to, ana):
    gradebook.write([ana], to)
    grade_by_hand(to, "ana", "01.evidence", 2.5)
    gradebook.write([record(to, "ana", {"01.by-hand": 3}, text="Something new.")], to)
    scores = gradebook.scores("01", to)["ana"]
    assert scores["01.evidence"] == gradebook.Score(2.5, True, True, "")
    assert [scores[i].points for i in IDS] == [0, 3, 0, 2.5]


def test_ungraded_gets_a_total_once_a_person_gave_all_points(to):
    gone = ungraded(to, "cy", "The file is no notebook.")
    gradebook.write([gone], to)
    for i, exercise in enumerate(IDS):
        assert read_csv(to / "grades.csv")[1][6] == ""
        grade_by_hand(to, "cy", exercise, i)
        gradebook.write([gone], to)
    assert read_csv(to / "grades.csv")[1] == ["cy", "01", "0", "1", "2", "3", "6", "10", "ungraded", gone.reason, ""]


def test_once_graded_and_then_not_is_no_zero(to, ana):
    gradebook.write([ana], to)
    gradebook.write([ungraded(to, "ana", "It took too long.")], to)
    assert [score.points for score in gradebook.scores("01", to)["ana"].values()] == [None] * 4
    assert read_csv(to / "grades.csv")[1][6] == ""


def test_nbgrader_exports_the_same_totals(to, ana):
    gradebook.write([ana, record(to, "bo", {"01.by-hand": 1.5})], to)
    grade_by_hand(to, "ana", "01.evidence", 3)
    gradebook.write([ana], to)
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    command = [sys.executable, "-m", "nbgrader", "export", "--to", "exported.csv"]
    done = subprocess.run(command, cwd=to, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    ours = {
        row["student"]: (float(row["total"]), float(row["max"])) for row in csv.DictReader((to / "grades.csv").open())
    }
    exported = list(csv.DictReader((to / "exported.csv").open()))
    assert {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in exported} == ours
    assert ours == {"ana": (10, 10), "bo": (1.5, 10)}
    assert exported[0]["timestamp"] == "2026-11-20 09:00:00"


def test_formgrader_s_copy_has_every_graded_cell_once(to, ana):
    gradebook.write([ana], to)
    notebook = autograded(to, "ana")
    nbformat.validate(notebook)
    cells = by_grade_id(notebook)
    answers = ["01-strongest-channel", "01-by-hand", "01-one-scale"]
    assert set(cells) == {*answers, *(f"{name}_solution" for name in answers), "01-evidence"}
    assert cells["01-by-hand"].outputs[0].text == "3 of 3 points. That is right.\n"
    assert "return np.maximum" in cells["01-by-hand_solution"].source
    assert "Cover the mouth." in cells["01-evidence"].source
    checks = [c.source for c in notebook.cells if c.cell_type == "code" and c.source.startswith("check(")]
    assert len(checks) == len(set(checks)) == 3


def test_deleted_duplicated_and_reordered_cells(to):
    def change(cells, every):
        every.remove(cells["one-scale"])
        every.remove(cells["check-one-scale"])
        every.remove(cells["evidence"])
        every.insert(0, {**cells["by-hand"], "id": "again", "source": "# exercise 01.by-hand\nby_hand = 'earlier'"})
        every.reverse()

    gradebook.write([record(to, "ana", POINTS, change=change)], to)
    cells = by_grade_id(autograded(to, "ana"))
    assert len(cells) == 7
    assert cells["01-by-hand_solution"].source.endswith("'earlier'")  # stands last, so it is what counted
    assert cells["01-one-scale_solution"].source == ""
    assert "Cover" not in cells["01-evidence"].source


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<a title="\n\n<img src=x onerror=alert(1)>\n\n">',
    "</pre><script>alert(1)</script>",
    "&lt;script&gt;&#60;script>alert(1)",
    "[x](javascript:alert(1)) ![x](http://example.com/pixel.png)",
    "$$\\href{javascript:alert(1)}{x}$$ \\(x\\) `<b>`",
    "```\n</pre>\n```\n\n<style>*{display:none}</style>",
    "{{ 7 * 7 }}{% raw %}",
]


class Tags(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.tags, self.links, self.data = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src") or name.startswith("on")]

    def handle_data(self, data):
        self.data.append(data)


def test_a_student_s_text_cannot_run_in_formgrader(to):
    """Render what formgrader renders, the way it does, and look which tags came out."""
    from nbconvert import HTMLExporter

    def change(cells, every):
        cells["title"]["source"] = "\n\n".join(HOSTILE)
        cells["imports"]["metadata"] = {"tags": ["<script>"], "nbgrader": {"grade_id": "<script>"}}
        cells["net"]["outputs"] = [
            {"output_type": "display_data", "metadata": {"image/png": {"width": '"><script>'}},
             "data": {"text/html": "<script>", "image/png": '"><script>alert(1)</script>', "text/plain": "<script>"}},
            {"output_type": "stream", "name": "<script>", "text": "<script>alert(1)</script>"},
            {"output_type": "error", "ename": "<script>", "evalue": "", "traceback": ["<script>"]},
        ]  # fmt: skip

    gradebook.write([record(to, "eve", POINTS, "\n\n".join(HOSTILE), change)], to)
    page, _ = HTMLExporter(template_name="classic").from_notebook_node(autograded(to, "eve"))
    body = Tags(page[page.index("<body") :])
    assert not {"script", "img", "style", "b", "iframe"} & set(body.tags)
    assert all(link.startswith("#") for link in body.links if link)  # nbconvert's, at the lesson's headings
    assert "".join(body.data).count("\n\n".join(HOSTILE)) == 2  # shown as written: the title, and the answer


def test_spreadsheets_take_nothing_for_a_formula(to):
    names = ["=cmd|'A1'", "+1", "-1", "@sum", "\t=1", "ok"]
    records = [replace(record(to, f"n{i}", POINTS), student=name, reason="=1+1") for i, name in enumerate(names)]
    for file in (to / "results").iterdir():
        file.unlink()
    gradebook.write(records, to)
    rows = read_csv(to / "grades.csv")[1:]
    assert {row[0] for row in rows} == {"'=cmd|'A1'", "'+1", "'-1", "'@sum", "'\t=1", "ok"}
    assert {row[-2] for row in rows} == {"'=1+1"}


@pytest.mark.parametrize("student", ["../../x", "a/b", "..", "a\0b", "x" * 400, "\ud800", "=1"])
def test_odd_names_stay_inside_the_folder(to, student):
    given = replace(record(to, "odd", POINTS), student=student)
    for file in (to / "results").iterdir():
        file.unlink()
    before = {path for path in to.parent.rglob("*") if to not in path.parents}
    gradebook.write([given], to)
    feedback.write([given], to)
    (name,) = gradebook.scores("01", to)
    assert (to / "autograded" / name / "01" / "01_small.ipynb").is_file()
    assert (to / "feedback" / f"{name}.html").is_file()
    assert {path for path in to.parent.rglob("*") if to not in path.parents} == before


def test_other_exercises_than_before_are_refused(to, ana, monkeypatch):
    gradebook.write([ana], to)
    fewer = replace(catalogue.lesson("01"), exercises=catalogue.lesson("01").exercises[:2])
    monkeypatch.setattr(gradebook, "lesson", lambda number: fewer)
    with pytest.raises(ValueError, match="submissions of another version of lesson 01"):
        gradebook.write([ana], to)


def test_without_nbgrader_it_says_how_to_get_it(to, ana, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=re.escape('pip install "inside-convnet[homework]"')):
        gradebook.write([ana], to)
