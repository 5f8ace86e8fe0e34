"""Predictions, quizzes and results on a page of the book: in Python's words, by real keys and mouse. In Chromium."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from coursekit import quiz
from coursekit.exercises.catalogue import LESSONS, lesson
from coursekit.learner import questions
from tests.book.live import BESIDE, part, write_page, write_questions
from tests.browser.reading import eventually

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]

PREDICTIONS = [question for number in LESSONS for question in lesson(number).predictions]
FOLDED = '<details class="ck-until" data-until="[&quot;01.which-part&quot;]"><summary>Show</summary>{}</details>'


@pytest.fixture(scope="module")
def page(site):
    """A page with a prediction, its folded result, a number's, and a quiz."""
    write_questions(site.folder, *LESSONS)
    (site.folder / BESIDE / "book.js").write_bytes((ROOT / "book" / "book.js").read_bytes())
    ids = [question.id for question in lesson("01").quiz]
    parts = [
        part("QuestionCards", {"asks": "prediction", "ids": ["01.which-part"]}),
        FOLDED.format(part("Result", {"id": "01.which-part", "result": "E"}, "<p>You made no prediction.</p>")),
        part("QuestionCards", {"asks": "prediction", "ids": ["01.zeros"]}),
        part("Result", {"id": "01.zeros", "result": 93.3851}, "<p>You made no prediction.</p>"),
        part("QuestionCards", {"asks": "quiz", "ids": ids}),
        part("Progress", {"lessons": [{"title": "1 · Maps", "page": "01.html", "ids": ["01.zeros", *ids]}]}),
        '<script type="module" src="book.js"></script>',
    ]
    page = site.context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.address = site.address + write_page(site.folder, "questions.html", *parts)
    page.goto(page.address)
    page.evaluate("localStorage.clear()")
    yield page
    page.evaluate("localStorage.clear()")
    page.close()
    assert not errors


@pytest.fixture
def fresh(page):
    page.evaluate("localStorage.clear()")
    page.goto(page.address)
    for one in page.locator(".ck-live:visible").all():
        one.scroll_into_view_if_needed()
    folded = "one.closest('details:not([open])')"
    page.wait_for_function(
        f"[...document.querySelectorAll('.ck-live')].every((one) => {folded} || one.dataset.live === 'yes')"
    )
    return page


def given(question):
    """Return some answers to a prediction, and None for skipping it."""
    if question.kind == "choice":
        return [*range(len(question.choices)), None]
    return [question.low, question.high, (2 * question.low + question.high) / 3, None]


def results(question):
    """Return what may come out: the course's own result first."""
    if question.kind == "choice":
        own = next(choice.text for choice in question.choices if choice.is_right)
        return [own, next(choice.text for choice in question.choices if not choice.is_right)]
    return [question.high * 0.934, question.low, (question.low + question.high) / 3 + 0.01234]


def test_every_result_is_compared_as_in_python(fresh, monkeypatch):
    cases, expected = [], []
    for question in PREDICTIONS:
        for result in results(question):
            for answer in [*given(question), ...]:  # ... is no prediction
                event = None if answer is ... else {"answer": answer, "skipped": answer is None}
                monkeypatch.setattr(questions, "_first_answer", lambda kind, asked, event=event: event)
                note = questions._beside(question, result)
                cases.append([question.id, result, event])
                expected.append([note.mark, note.head, *note.says])
    assert len(cases) > 400
    found = fresh.evaluate(
        """async (cases) => {
            const { compared } = await import("./live/result.js");
            const { questionsOf } = await import("./live/question_model.js");
            const file = (name) => fetch(`./live/${name}`);
            const all = [];
            for (const [id, result, event] of cases) {
                const { mark, head, says } = compared((await questionsOf(id, file))[id], result, event ?? undefined);
                all.push([mark, head, ...says]);
            }
            return all;
        }""",
        cases,
    )
    assert found == expected


def test_cards_are_those_of_python(fresh, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ids = [question.id for question in lesson("01").quiz]
    answers = [(ids[0], 0), (ids[0], 1), (ids[1], 2), (ids[2], 7), (ids[3], "")]
    python = quiz("01")
    told = []
    python.send = lambda message, buffers=None: told.append(message["refused"])
    for id, answer in answers:
        python._handle_custom_msg({"id": id, "answer": answer}, [])
    found = fresh.evaluate(
        """async ([ids, answers]) => {
            const { QuestionModel, questionsOf } = await import("./live/question_model.js");
            const all = await questionsOf(ids[0], (name) => fetch(`./live/${name}`));
            const model = new QuestionModel("quiz", ids.map((id) => all[id]));
            const told = [];
            model.on("msg:custom", ({ refused }) => told.push(refused));
            for (const [id, answer] of answers) model.send({ id, answer });
            return { told, title: model.get("title"), score: model.get("_score"), cards: model.get("_cards") };
        }""",
        [ids, answers],
    )
    assert (found["told"], found["title"], found["score"]) == (told, python.title, python._score)
    for card, other in zip(python._cards, found["cards"], strict=True):
        assert {name: other[name] for name in card if name != "right"} == card


def card(page, part, number=0):
    form = page.locator(".ck-live").nth(part).locator(".ck-card").nth(number)
    return SimpleNamespace(form=form, says=lambda: form.locator(".ck-says").inner_text())


def test_a_prediction_by_keyboard_opens_what_came_out(fresh):
    asked = card(fresh, 0)
    folded = fresh.locator("details.ck-until")
    assert folded.get_attribute("open") is None
    asked.form.locator(".ck-send").click()
    eventually(asked.says, "Choose one of the answers first.")
    asked.form.locator("input").first.focus()
    fresh.keyboard.press("ArrowDown")
    fresh.keyboard.press("ArrowDown")
    fresh.keyboard.press("Enter")
    eventually(asked.says, "You said C. It comes back beside the result.")
    eventually(lambda: folded.get_attribute("open"), "")
    assert folded.locator("summary").inner_text() == "What came out"
    choice = lesson("01").predictions[0].choices[2]
    result = fresh.locator(".ck-live").nth(1)
    eventually(lambda: result.inner_text().split("\n\n"), [f"✗ You said C. {choice.says}", "It is E."])
    assert asked.form.locator("input").first.is_disabled()
    fresh.reload()  # it survives
    eventually(lambda: card(fresh, 0).says(), "You said C. It comes back beside the result.")
    eventually(lambda: fresh.locator("details.ck-until").get_attribute("open"), "")


def test_a_number_a_quiz_and_how_far_one_is(fresh):
    asked = card(fresh, 2)
    asked.form.locator("input[type=number]").fill("200")
    asked.form.locator(".ck-send").click()
    eventually(asked.says, "Give a number from 0 to 100.")
    asked.form.locator("input[type=number]").fill("70")
    asked.form.locator(".ck-send").click()
    eventually(asked.says, "You said 70 %. It comes back beside the result.")
    beside = fresh.locator(".ck-live").nth(3)
    eventually(lambda: "Some way off: you were 23.4 too low." in beside.inner_text(), True)
    first = card(fresh, 4)
    first.form.locator("label").first.click()
    first.form.locator(".ck-send").click()
    eventually(lambda: fresh.locator(".ck-score").last.inner_text().split(",")[0], "1 of 4 answered")
    progress = fresh.locator(".ck-live").nth(5)
    eventually(lambda: progress.locator("li").all_inner_texts(), ["1 · Maps: 2 of 5 questions"])
    fresh.once("dialog", lambda dialog: dialog.accept())
    progress.get_by_role("button", name="Forget my answers").press("Enter")
    eventually(asked.says, "")
    eventually(lambda: fresh.evaluate("document.activeElement.textContent.slice(0, 12)"), "Nothing yet.")
    eventually(lambda: fresh.evaluate("localStorage.length"), 0)


def test_names_of_units_are_forgotten_too(fresh):
    """Only a unit was named, and no question answered."""
    fresh.evaluate(
        """async () => {
            const { keep } = await import("./live/answers.js");
            keep("named", "unit.0123", { channel: "5", note: { name: "eyes", says: {}, done: false } });
        }"""
    )
    progress = fresh.locator(".ck-live").nth(5)
    eventually(progress.inner_text, "Names of units are kept.\n\nForget my answers")
    fresh.evaluate("import('./live/answers.js').then(({ keep }) => keep('predicted', '01.zeros', { answer: 70 }))")
    eventually(lambda: progress.locator("li:visible").all_inner_texts(), ["1 · Maps: 1 of 5 questions"])
    fresh.once("dialog", lambda dialog: dialog.accept())
    progress.get_by_role("button", name="Forget my answers").press("Enter")
    eventually(lambda: progress.inner_text()[:12], "Nothing yet.")
    assert fresh.evaluate("localStorage.length") == 0


def test_a_page_that_does_not_answer_says_so_in_its_own_words(fresh):
    fresh.clock.install()
    fresh.evaluate(
        """async () => {
            const { QuestionModel, questionsOf } = await import("./live/question_model.js");
            const { default: widget } = await import("./live/widgets/question.js");
            const all = await questionsOf("01.zeros", (name) => fetch(`./live/${name}`));
            const model = new QuestionModel("prediction", [all["01.zeros"]]);
            model.receive = () => {};
            const el = document.body.appendChild(document.createElement("div"));
            el.id = "stopped";
            widget.render({ model, el });
        }"""
    )
    fresh.locator("#stopped .ck-send").click()
    fresh.clock.run_for(5000)
    said = "Waiting. This device is slow, or the page has stopped: load it again."
    eventually(fresh.locator("#stopped .ck-says").inner_text, said)


def test_what_could_not_be_fetched_is_asked_for_again(site, page):
    """The network was gone for a moment: the next question lives all the same."""
    ids = [question.id for question in lesson("01").predictions]
    far = '<div class="far"></div>'.join(part("QuestionCards", {"asks": "prediction", "ids": [one]}) for one in ids[:2])
    with site.context.new_page() as other:
        failed = []
        other.route("**/questions_01.json", lambda route: failed.append(route.abort()), times=1)
        other.route("**/question.css", lambda route: failed.append(route.abort()), times=1)
        other.goto(site.address + write_page(site.folder, "again.html", far))
        first, second = other.locator(".ck-live").all()
        eventually(lambda: first.get_attribute("data-live"), "no")
        assert len(failed) == 2
        second.scroll_into_view_if_needed()
        eventually(lambda: second.get_attribute("data-live"), "yes")
        assert second.locator(".ck-send").is_visible()
