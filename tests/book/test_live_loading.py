"""What a page of the book says while a part is being loaded and where that fails, on paper, and from a folder."""

from pathlib import Path

import pytest

from coursekit.exercises.catalogue import lesson
from tests.book.live import BESIDE, FACE, part, write_page, write_questions
from tests.browser.reading import eventually

pytestmark = pytest.mark.browser

BOOK = Path(__file__).parents[2] / "book"
LOST = "It could not be loaded. Try again"
LOADING = "Loading the network, 5 MB …"
NEEDS = '<p>The still picture</p><p class="ck-still-only">It is alive where JavaScript runs.</p>'
DRAGGED = """(kind) => {
    const dataTransfer = new DataTransfer();
    if (kind === "file") dataTransfer.items.add(new File(["x"], "cat.png"));
    else dataTransfer.setData("text/plain", "words");
    return ["dragover", "drop"].map((type) => {
        const event = new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true });
        return document.querySelector("#beside").dispatchEvent(event);
    });
}"""


@pytest.fixture
def page(site):
    with site.context.new_page() as page:
        yield page


def open_page(site, page, name, *parts):
    page.goto(site.address + write_page(site.folder, name, *parts))
    return page.locator(".ck-live").first


def test_what_could_not_be_loaded_is_tried_again_by_keyboard(site, page):
    page.route("**/weights.f32.bin", lambda route: route.abort())
    here = open_page(site, page, "lost.html", part("ChannelExplorer", FACE, NEEDS))
    again = here.get_by_role("button", name="Try again")
    for _ in range(2):
        eventually(here.locator("p").all_inner_texts, [LOST, "The still picture"])
        assert (here.get_attribute("data-live"), here.get_attribute("aria-busy")) == ("no", None)
        again.focus()
        again.press("Enter")
    eventually(lambda: again.evaluate("one => one === document.activeElement"), True)
    page.unroute("**/weights.f32.bin")
    again.press("Enter")
    here.locator(".ck-channel-explorer").wait_for()
    eventually(lambda: here.get_attribute("data-live"), "yes")
    assert "could not be loaded" not in page.locator("body").inner_text()
    assert page.evaluate("document.activeElement.className") == "ck-live"  # so that Tab leads into the explorer
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.ck-channel-explorer') !== null")


@pytest.mark.parametrize("gone", ["widgets/question.js", "question_model.js", "page_model.js"])
def test_a_module_that_could_not_be_loaded_is_tried_again(site, page, gone):
    """Chromium remembers that a module is missing until the page is loaded again."""
    write_questions(site.folder, "01")
    page.route(f"**/{gone}", lambda route: route.abort())
    asked = part("QuestionCards", {"asks": "prediction", "ids": ["01.zeros"]})
    here = open_page(site, page, "module.html", asked)
    again = here.get_by_role("button", name="Try again")
    again.press("Enter")  # in vain
    eventually(here.locator("p").all_inner_texts, [LOST, "The still picture"])
    page.unroute(f"**/{gone}")
    again.press("Enter")
    here.locator(".ck-send").wait_for()


def test_a_quiz_without_its_questions_is_tried_again(site, page):
    write_questions(site.folder, "01")
    page.route("**/questions_01.json", lambda route: route.abort())
    ids = [question.id for question in lesson("01").quiz]
    here = open_page(site, page, "quiz.html", part("QuestionCards", {"asks": "quiz", "ids": ids}, NEEDS))
    eventually(here.locator("p").all_inner_texts, [LOST, "The still picture"])
    page.unroute("**/questions_01.json")
    here.get_by_role("button", name="Try again").click()
    eventually(here.locator(".ck-card").count, len(ids))


def test_the_network_is_said_to_be_loading(site, page):
    held = []
    page.route("**/weights.f32.bin", lambda route: held.append(route))
    here = open_page(site, page, "loading.html", part("ChannelExplorer", FACE))
    status = page.get_by_role("status").filter(has_text=LOADING)
    status.wait_for()
    assert here.get_attribute("aria-busy") == "true"
    assert status.evaluate("one => one.closest('[aria-busy=true]')") is None  # there it would not be read out
    assert here.locator("p").all_inner_texts() == ["The still picture"]
    held[0].continue_()
    here.locator(".ck-channel-explorer").wait_for()
    eventually(page.get_by_text(LOADING).count, 0)
    assert here.get_attribute("aria-busy") is None


@pytest.mark.parametrize("theme", ["", "dark"])
def test_paper_is_white(site, page, theme):
    """Printed from a dark system, and from a page that the reader made dark."""
    page.emulate_media(color_scheme="light" if theme else "dark")
    here = open_page(site, page, "print.html", part("ChannelExplorer", FACE))
    here.locator(".ck-channel-explorer").wait_for()
    page.evaluate(
        """(theme) => {
            document.body.dataset.theme = theme;
            const words = document.querySelector(".ck-channel-explorer .ck-name");
            window.colour = () => getComputedStyle(words).color;
            addEventListener("beforeprint", () => (window.printed = colour()));
        }""",
        theme,
    )
    eventually(lambda: page.evaluate("document.body.dataset.jpThemeLight"), "false")
    assert page.evaluate("colour()") == "rgb(230, 230, 230)"
    page.pdf()
    assert page.evaluate("printed") == "rgb(31, 31, 31)"
    eventually(lambda: page.evaluate("document.body.dataset.jpThemeLight"), "false")
    assert page.evaluate("colour()") == "rgb(230, 230, 230)"


def test_a_file_dropped_beside_an_explorer_does_not_replace_the_book(site, page):
    open_page(site, page, "beside.html", '<p id="beside">Words</p>', '<div class="far"></div>')
    page.wait_for_function("document.body.dataset.jpThemeLight")  # live.js has run
    assert page.evaluate(DRAGGED, "file") == [False, False]  # dispatchEvent's answer: the browser does nothing
    assert page.evaluate(DRAGGED, "words") == [True, True]


# ---- from a folder, and where no script of the book runs


def still_page(site, name):
    (site.folder / BESIDE / "still.js").write_bytes((BOOK / "still.js").read_bytes())
    (site.folder / BESIDE / "run.html").write_text("<title>Run the lessons</title>", "utf-8")
    parts = [
        '<script src="still.js"></script>',
        part("ChannelExplorer", FACE, NEEDS),
        part("UnitCard", {}),
        part("Result", {"id": "01.zeros", "result": 93}, "<p>It is 93 %.</p>"),
    ]
    return write_page(site.folder, name, *parts)


def said(page):
    return [one.inner_text() for one in page.locator(".ck-live p").all()]


def test_from_a_folder_the_page_says_that_it_takes_a_server(site, page):
    page.goto((site.folder / still_page(site, "folder.html")).as_uri())
    why = "Browsers make it alive only from a server: see Run the lessons."
    eventually(lambda: said(page), ["The still picture", why, "The still picture", why, "It is 93 %."])
    page.get_by_role("link", name="Run the lessons").first.click()
    eventually(page.title, "Run the lessons")


def test_without_the_first_script_nothing_is_said_of_javascript(site, page):
    page.route("**/live.js", lambda route: route.abort())
    page.goto(site.address + still_page(site, "scriptless.html"))
    why = "It could not be loaded. Load the page again."
    eventually(lambda: said(page), ["The still picture", why, "The still picture", why, "It is 93 %."])


def test_without_javascript_the_still_picture_says_what_it_needs(site):
    with (
        site.context.browser.new_context(java_script_enabled=False) as context,
        context.new_page() as page,
    ):
        page.goto(site.address + still_page(site, "silent.html"))
        assert page.locator(".ck-live").first.inner_text().split("\n\n")[1] == "It is alive where JavaScript runs."
