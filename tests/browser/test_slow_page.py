"""A page that takes long to load a widget, on a slow or busy computer."""

from tests.browser.lab import WINDOW, open_notebook, python, run_all, write_notebook
from tests.browser.reading import eventually

CELLS = [
    """\
from coursekit.widgets import QuestionCards
shown = QuestionCards("Some questions", lambda: {"cards": [], "score": "1 of 3"}, print)
shown""",
]
# anywidget gives a widget two seconds to load: none at all.
NO_TIME = """\
AbortSignal.timeout = () => {
    const control = new AbortController();
    queueMicrotask(() => control.abort());
    return control.signal;
};"""


def test_a_widget_that_took_long_to_load_hears_python(browser, lab):
    write_notebook(lab.folder / "slow.ipynb", CELLS)
    with browser.new_context(viewport=WINDOW) as context:
        context.add_init_script(NO_TIME)
        page, errors = open_notebook(context, lab.address, "slow.ipynb"), []
        page.on("pageerror", lambda error: errors.append(str(error)))
        try:
            run_all(page)
            eventually(page.locator(".ck-score").inner_text, "1 of 3")
            assert "[anywidget] Failed to initialize model." in errors
            python(page, "shown._score = '2 of 3'")
            eventually(page.locator(".ck-score").inner_text, "2 of 3")
        finally:
            page.evaluate("async () => { await jupyterapp.shell.currentWidget.context.sessionContext.shutdown() }")
