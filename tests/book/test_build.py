"""The pages that the build writes by itself: the front page, how to run the lessons, and what is left out."""

import re

import pytest

from book import build, pages
from coursekit.exercises.notebooks import lesson_file
from tools import addresses

NO_LINKS = "No links to Binder, Colab and Codespaces stand here"


@pytest.fixture
def written(tmp_path, monkeypatch):
    """The sources of the book in a repository on GitHub, without what the live parts need."""
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/course")
    (tmp_path / "_static").mkdir()
    build.write_pages(tmp_path)
    return tmp_path


def test_front_page_has_the_still_picture_of_lesson_1(written):
    front = (written / "index.md").read_text("utf-8")
    part = re.search(r'<div class="ck-live" data-kind="ChannelExplorer".*?</p>\n</div>', front, re.DOTALL)[0]
    assert "\n\n" not in part  # Markdown would end the HTML there
    image = re.search(r"<img [^>]*>", part)[0]
    assert re.search(r'alt="A picture, its fire6-squeeze1x1, channel 13 [^"]+"', image)
    name = re.search(r'src="_static/figures/([^"]+)"', image)[1]
    assert (written / "_static" / "figures" / name).stat().st_size > 10_000
    assert f"_static/figures/{name}" in (written / lesson_file("01").name).read_text("utf-8")  # it is lesson 01's own
    assert '<p class="ck-still-only">' in part


@pytest.mark.parametrize("name", ["index.md", "run.md"])
def test_every_way_to_run_the_lessons_is_linked(written, name):
    text = (written / name).read_text("utf-8")
    for place, address in [
        ("Binder", addresses.binder()),
        ("Colab (lesson 1)", addresses.colab(lesson_file("01").name)),
        ("Codespaces", addresses.codespaces()),
    ]:
        assert f"[{place}]({address})" in text
    assert NO_LINKS not in text


def test_without_a_repository_a_sentence_stands_there(monkeypatch):
    for place in ("binder", "colab", "codespaces"):
        monkeypatch.setattr(pages, place, lambda *_: None)
    assert pages.without_installing("01_maps.ipynb").startswith(NO_LINKS)


def test_what_is_for_building_again_is_left_out(tmp_path):
    (tmp_path / ".buildinfo").write_text("config: 0", "utf-8")
    (tmp_path / "_sources").mkdir()
    (tmp_path / "index.html").touch()
    build.cut_leftovers(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["index.html"]
    build.cut_leftovers(tmp_path)  # there may be none
