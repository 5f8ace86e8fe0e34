"""A learner's copy of the lessons: what is copied, and that nothing of theirs is overwritten."""

import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from coursekit.cli import lab
from tests.cli.lessons import FIRST, SECOND, write_lesson

ROOT = Path(__file__).parents[2]


def edit(path: Path, change) -> None:
    """Change a notebook as JupyterLab would: read, change, write."""
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)


def type_something(notebook) -> None:
    notebook.cells[1].source += "\nprint('mine')"


def run_again(notebook) -> None:
    """Do what running does: other outputs, counts and metadata, and the empty cell below the last."""
    notebook.cells[1].outputs = [new_output("stream", name="stdout", text="second run")]
    notebook.cells[1].execution_count = 17
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    notebook.cells[0].metadata["collapsed"] = True
    notebook.cells.append(new_code_cell("", id="below"))


def test_first_time_copies_everything(source, mine):
    assert lab.deliver(source, mine) == {FIRST: lab.NEW, SECOND: lab.NEW}
    for name in (FIRST, SECOND):
        assert (mine / name).read_bytes() == (source / name).read_bytes()
    assert sorted(path.name for path in mine.iterdir()) == [lab.MANIFEST, FIRST, SECOND]


def test_second_time_touches_nothing(source, mine):
    lab.deliver(source, mine)
    before = {path.name: (path.stat().st_mtime_ns, path.stat().st_ino) for path in mine.iterdir()}
    assert lab.deliver(source, mine) == {FIRST: lab.SAME, SECOND: lab.SAME}
    assert {path.name: (path.stat().st_mtime_ns, path.stat().st_ino) for path in mine.iterdir()} == before


def test_new_lesson_comes_along(source, mine):
    lab.deliver(source, mine)
    write_lesson(source / "03_more.ipynb", "3 + 3")
    assert lab.deliver(source, mine) == {FIRST: lab.SAME, SECOND: lab.SAME, "03_more.ipynb": lab.NEW}


@pytest.mark.parametrize("opened", [lambda notebook: None, run_again], ids=["never opened", "only run"])
def test_untouched_lesson_gets_the_new_version(source, mine, opened):
    lab.deliver(source, mine)
    edit(mine / FIRST, opened)
    write_lesson(source / FIRST, "1 + 1", "a new cell")
    assert lab.deliver(source, mine) == {FIRST: lab.UPDATED, SECOND: lab.SAME}
    assert (mine / FIRST).read_bytes() == (source / FIRST).read_bytes()
    assert lab.deliver(source, mine)[FIRST] == lab.SAME


def test_outputs_of_a_lesson_that_was_run_stay(source, mine):
    lab.deliver(source, mine)
    edit(mine / FIRST, run_again)
    write_lesson(source / FIRST, "1 + 1", outputs="other outputs, same text")
    assert lab.deliver(source, mine)[FIRST] == lab.SAME
    assert "second run" in (mine / FIRST).read_text()


def change_source(notebook):
    notebook.cells[1].source = "1 + 2"


def change_prose(notebook):
    notebook.cells[0].source += "\n\nA note to myself."


def add_cell(notebook):
    notebook.cells.append(new_code_cell("mine = 1", id="mine"))


def remove_cell(notebook):
    del notebook.cells[1]


def swap_cells(notebook):
    notebook.cells.reverse()


def turn_into_prose(notebook):
    notebook.cells[1] = new_markdown_cell(notebook.cells[1].source, id=notebook.cells[1].id)


@pytest.mark.parametrize("change", [change_source, change_prose, add_cell, remove_cell, swap_cells, turn_into_prose])
def test_changed_lesson_is_kept(source, mine, change):
    lab.deliver(source, mine)
    edit(mine / FIRST, change)
    theirs = (mine / FIRST).read_bytes()
    assert lab.deliver(source, mine) == {FIRST: lab.KEPT, SECOND: lab.SAME}
    write_lesson(source / FIRST, "a new version")
    for _ in range(2):  # and it is said each time
        assert lab.deliver(source, mine) == {FIRST: lab.KEPT_NEWER, SECOND: lab.SAME}
    assert (mine / FIRST).read_bytes() == theirs


def test_changed_lesson_renamed_away_and_the_new_version_beside_it(source, mine):
    lab.deliver(source, mine)
    edit(mine / FIRST, type_something)
    write_lesson(source / FIRST, "a new version")
    lab.deliver(source, mine)
    (mine / FIRST).rename(mine / "my first.ipynb")
    assert lab.deliver(source, mine)[FIRST] == lab.BACK
    assert "mine" in (mine / "my first.ipynb").read_text()
    assert (mine / FIRST).read_bytes() == (source / FIRST).read_bytes()


def test_change_undone_counts_as_untouched(source, mine):
    lab.deliver(source, mine)
    edit(mine / FIRST, type_something)
    lab.deliver(source, mine)
    edit(mine / FIRST, lambda notebook: notebook.cells[1].update(source="1 + 1"))
    write_lesson(source / FIRST, "a new version")
    assert lab.deliver(source, mine)[FIRST] == lab.UPDATED


def test_deleted_lesson_comes_back(source, mine):
    lab.deliver(source, mine)
    (mine / FIRST).unlink()
    assert lab.deliver(source, mine) == {FIRST: lab.BACK, SECOND: lab.SAME}
    assert (mine / FIRST).read_bytes() == (source / FIRST).read_bytes()


@pytest.mark.parametrize(
    "content",
    [b"", b"not JSON", b"{}", b"[1, 2]", b"\xff\xfe\x00", b'{"cells": 3}', b'{"cells": [{"source": 1}]}', b"[" * 99999],
    ids=["empty", "text", "no cells", "list", "bytes", "number", "odd cell", "deep"],
)
def test_unreadable_lesson_is_never_touched(source, mine, content):
    lab.deliver(source, mine)
    (mine / FIRST).write_bytes(content)
    write_lesson(source / FIRST, "a new version")
    assert lab.deliver(source, mine)[FIRST] == lab.KEPT_NEWER
    assert (mine / FIRST).read_bytes() == content


def test_folder_or_link_in_a_lesson_s_place_is_never_touched(source, mine, tmp_path):
    lab.deliver(source, mine)
    (mine / FIRST).unlink()
    (mine / FIRST).mkdir()
    (mine / SECOND).rename(tmp_path / "elsewhere.ipynb")
    (mine / SECOND).symlink_to(tmp_path / "elsewhere.ipynb")
    write_lesson(source / FIRST, "a new version")
    write_lesson(source / SECOND, "a new version")
    assert lab.deliver(source, mine) == {FIRST: lab.KEPT_NEWER, SECOND: lab.KEPT_NEWER}
    assert (mine / FIRST).is_dir()
    assert (mine / SECOND).is_symlink()
    assert "2 + 2" in (tmp_path / "elsewhere.ipynb").read_text()


@pytest.mark.parametrize(
    "manifest", [None, b"", b"{", b"[]", b'{"lessons": 3}', b'{"lessons": {"01_edges.ipynb": 3}}', b"\xff"]
)
def test_without_a_readable_manifest_nothing_is_lost(source, mine, manifest):
    lab.deliver(source, mine)
    edit(mine / FIRST, type_something)
    theirs, untouched = (mine / FIRST).read_bytes(), (mine / SECOND).read_bytes()
    (mine / lab.MANIFEST).unlink()
    if manifest is not None:
        (mine / lab.MANIFEST).write_bytes(manifest)
    write_lesson(source / SECOND, "a new version")  # untouched, but nothing says so any more
    assert lab.deliver(source, mine) == {FIRST: lab.KEPT_NEWER, SECOND: lab.KEPT_NEWER}
    assert (mine / FIRST).read_bytes() == theirs
    assert (mine / SECOND).read_bytes() == untouched


def test_lost_manifest_is_made_anew_for_what_matches(source, mine):
    lab.deliver(source, mine)
    (mine / lab.MANIFEST).unlink()
    lab.deliver(source, mine)
    write_lesson(source / FIRST, "a new version")
    assert lab.deliver(source, mine)[FIRST] == lab.UPDATED


SOLVED = "def f():\n    ### BEGIN SOLUTION\n    return 42\n    ### END SOLUTION"
UNSOLVED = "def f():\n    # YOUR CODE HERE\n    raise NotImplementedError()"


def test_solutions_are_cut(source, mine):
    write_lesson(source / FIRST, SOLVED, "1 + 1")
    lab.deliver(source, mine)
    cells = nbformat.read(mine / FIRST, as_version=4).cells
    assert [cell.source for cell in cells[1:]] == [UNSOLVED, "1 + 1"]
    assert [len(cell.outputs) for cell in cells[1:]] == [0, 1]
    assert NotebookNotary().check_signature(nbformat.read(mine / FIRST, as_version=4))
    assert lab.deliver(source, mine)[FIRST] == lab.SAME
    edit(mine / FIRST, run_again)
    assert lab.deliver(source, mine)[FIRST] == lab.SAME
    edit(mine / FIRST, type_something)
    theirs = (mine / FIRST).read_bytes()
    assert lab.deliver(source, mine)[FIRST] == lab.KEPT
    assert (mine / FIRST).read_bytes() == theirs


def deliver_uncut(source, mine):
    """Deliver as it was done before solutions were cut: the lesson as it is, with its own fingerprint."""
    mine.mkdir()
    lessons = {}
    for lesson in source.iterdir():
        (mine / lesson.name).write_bytes(lesson.read_bytes())
        lessons[lesson.name] = lab.fingerprint(lesson.read_bytes())
    (mine / lab.MANIFEST).write_text(json.dumps({"version": 1, "lessons": lessons}))


def test_copies_from_before_the_cut_are_replaced_unless_changed(source, mine):
    for name in (FIRST, SECOND):
        write_lesson(source / name, SOLVED)
    deliver_uncut(source, mine)
    edit(mine / FIRST, type_something)
    theirs = (mine / FIRST).read_bytes()
    assert lab.deliver(source, mine) == {FIRST: lab.KEPT_NEWER, SECOND: lab.UPDATED}
    assert (mine / FIRST).read_bytes() == theirs
    assert nbformat.read(mine / SECOND, as_version=4).cells[1].source == UNSOLVED
    assert lab.deliver(source, mine) == {FIRST: lab.KEPT_NEWER, SECOND: lab.SAME}


def test_unbalanced_solution_is_the_course_s_error(source, mine):
    write_lesson(source / FIRST, "### BEGIN SOLUTION\nreturn 42")
    with pytest.raises(ValueError, match=r"01_edges\.ipynb: .*never ends"):
        lab.deliver(source, mine)
    assert not (mine / FIRST).exists()


def test_lesson_that_the_course_dropped_stays(source, mine):
    lab.deliver(source, mine)
    content = (source / SECOND).read_bytes()
    (source / SECOND).unlink()
    assert lab.deliver(source, mine) == {FIRST: lab.SAME}
    assert (mine / SECOND).read_bytes() == content


def test_other_files_in_the_folder_stay(source, mine):
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    lab.deliver(source, mine)
    assert (mine / "notes.txt").read_text() == "mine"


def test_damaged_course_says_so_and_leaves_the_learner_s_copy(source, mine):
    lab.deliver(source, mine)
    before = (mine / FIRST).read_bytes()
    (source / FIRST).write_text("half a note")
    with pytest.raises(ValueError, match=r"01_edges\.ipynb is damaged"):
        lab.deliver(source, mine)
    assert (mine / FIRST).read_bytes() == before


def test_folder_that_is_a_file(source, tmp_path):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(NotADirectoryError, match="notes is not a folder"):
        lab.deliver(source, tmp_path / "notes")
    with pytest.raises(OSError, match=r"could not be copied .* Name a folder you can write to"):
        lab.deliver(source, tmp_path / "notes" / "below")
    assert (tmp_path / "notes").read_text() == "mine"


@pytest.mark.parametrize("inside", [".", "deeper/still"])
def test_the_course_s_own_folder_is_refused(source, inside):
    with pytest.raises(ValueError, match="the course's own lessons"):
        lab.deliver(source, source / inside)
    assert sorted(path.name for path in source.iterdir()) == [FIRST, SECOND]


@contextmanager
def nobody():
    """Give up root's right to write everywhere, for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no read-only folders.")
def test_folder_that_cannot_be_written_to(source):
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to everyone else
        Path(place).chmod(0o755)
        mine, course = Path(place, "mine"), Path(place, "course")
        source.rename(course)
        lab.deliver(course, mine)
        write_lesson(course / "03_more.ipynb", "3 + 3")
        before = sorted(mine.iterdir())
        mine.chmod(0o555)
        with nobody(), pytest.raises(OSError, match=r"mine \(Permission denied\). Name a folder you can write to"):
            lab.deliver(course, mine)
        assert sorted(mine.iterdir()) == before


@pytest.mark.skipif(os.name != "posix", reason="Windows has no read-only folders.")
def test_read_only_folder_with_nothing_to_do(source):
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        mine, course = Path(place, "mine"), Path(place, "course")
        source.rename(course)
        lab.deliver(course, mine)
        mine.chmod(0o555)
        with nobody():
            assert set(lab.deliver(course, mine).values()) == {lab.SAME}


def test_copies_are_trusted_and_nothing_else_is(source, mine):
    mine.mkdir()
    write_lesson(mine / SECOND, "print('brought along')")
    lab.deliver(source, mine)
    notary = NotebookNotary()
    assert notary.check_signature(nbformat.read(mine / FIRST, as_version=4))
    assert not notary.check_signature(nbformat.read(mine / SECOND, as_version=4))


def test_copies_can_be_written_although_the_course_is_read_only(source, mine):
    (source / FIRST).chmod(0o444)
    lab.deliver(source, mine)
    assert (mine / FIRST).stat().st_mode & stat.S_IWUSR


def test_runs_at_the_same_time(source, mine):
    for i in range(3, 9):
        write_lesson(source / f"0{i}_more.ipynb", f"{i} + {i}")
    code = "import sys; from pathlib import Path; from coursekit.cli import lab; lab.deliver(*map(Path, sys.argv[1:]))"
    command = [sys.executable, "-c", code, str(source), str(mine)]
    processes = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        _, stderr = process.communicate(timeout=300)
        assert process.returncode == 0, stderr
    lessons = sorted(path.name for path in source.iterdir())
    assert sorted(path.name for path in mine.iterdir()) == [lab.MANIFEST, *lessons]
    assert set(lab.deliver(source, mine).values()) == {lab.SAME}
    assert sorted(json.loads((mine / lab.MANIFEST).read_text())["lessons"]) == lessons


def test_killed_copy_leaves_no_half_file(source, mine):
    """Kill a copying process at several moments: what stands in the folder is whole, and the next run completes it."""
    write_lesson(source / FIRST, *[f"x{i} = {i}" for i in range(1_000)])
    code = "import sys; from pathlib import Path; from coursekit.cli import lab; print('go', flush=True)\n"
    code += "for _ in range(99):\n lab.deliver(*map(Path, sys.argv[1:])); Path(sys.argv[2], '01_edges.ipynb').unlink()"
    for delay in (0.02, 0.05, 0.11):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(source), str(mine)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        process.stdout.readline()
        time.sleep(delay)
        process.kill()
        process.communicate()
        if (mine / FIRST).exists():
            assert (mine / FIRST).read_bytes() == (source / FIRST).read_bytes()
        lab.deliver(source, mine)
        assert (mine / FIRST).read_bytes() == (source / FIRST).read_bytes()


def test_fingerprint_is_of_ids_types_and_sources():
    def bytes_of(**changes):
        cell = {"id": "a", "cell_type": "code", "source": "x\ny", "outputs": [], **changes}
        return json.dumps({"cells": [cell], "metadata": {"any": 1}}).encode()

    mark = lab.fingerprint(bytes_of())
    assert mark == lab.fingerprint(bytes_of(source=["x\n", "y"]))
    assert mark == lab.fingerprint(bytes_of(outputs=[1], metadata={"x": 1}))
    others = [lab.fingerprint(bytes_of(**change)) for change in ({"id": "b"}, {"cell_type": "raw"}, {"source": "x"})]
    assert len({mark, *others}) == 4


def test_lessons_are_found_beside_the_package():
    assert lab.lessons_folder() == ROOT / "notebooks"
