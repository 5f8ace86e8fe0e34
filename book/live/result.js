// A result beside what the reader predicted: coursekit/learner/questions.py, `_beside`, in the page.

import { follow } from "./answers.js";
import { number, prediction, questionsOf, said, withUnit } from "./question_model.js";

const stopped = (text) => (/[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`);

// Returns what there is to say: a head, paragraphs, a mark, and whether to draw the two numbers.
export function compared(question, result, event) {
  const { kind, choices, right } = question;
  const shown = kind === "number" ? `${withUnit(question, result)}.` : stopped(String(result));
  const registered = kind === "choice" ? choices[right.indexOf(true)] : undefined;
  const isOurs = kind !== "choice" || result === registered;
  const answer = !event || event.skipped ? null : event.answer;
  let came = kind === "words" ? `The result: ${shown}` : `It is ${shown}`;
  if (!isOurs) came = `Your run gave ${shown.replace(/\.$/, "")}; the course's own run gave ${registered}.`;
  const remarks = question.remark ? [question.remark] : [];
  if (answer === null)
    return { mark: "", head: event ? "You skipped this prediction" : "You made no prediction", says: [came, ...remarks], answer };
  const head = `You said ${said(question, answer)}`;
  if (kind === "choice") {
    const isRight = choices[answer] === result;
    const words = isOurs ? [question.says[answer], ...(isRight ? [] : [came])] : [came];
    return { mark: isRight ? "✓" : "✗", head, says: words, answer };
  }
  if (kind === "number") came += ` ${distance(question, answer, result)}`;
  return { mark: "", head, says: [came, ...remarks], answer };
}

function distance({ low, high }, answer, result) {
  const gap = Math.abs(answer - result);
  const share = gap / (high - low);
  if (share <= 0.02) return "As good as exact.";
  const word = share <= 0.1 ? "Close" : share <= 0.3 ? "Some way off" : "Far off";
  return `${word}: you were ${number(gap)} too ${answer < result ? "low" : "high"}.`;
}

const make = (name, className, more = {}, ...children) => {
  const one = Object.assign(document.createElement(name), { className, ...more });
  one.append(...children);
  return one;
};

// Draws both numbers on a line. The sentence above it says the same.
function scale(question, answer, result) {
  const at = (value) => 100 * Math.min(Math.max((value - question.low) / (question.high - question.low), 0), 1);
  const pin = (value, label, css) => {
    const place = at(value); // the label is shifted by as much of its width, so that it ends within the line
    const dot = make("span", `ck-pin ${css}`);
    dot.style.left = `${place}%`;
    const words = make("span", `ck-pin-label ${css}`, { textContent: label });
    words.style.left = `${place}%`;
    words.style.transform = `translateX(-${place}%)`;
    return [dot, words];
  };
  const line = make("div", `ck-scale${answer === null ? "" : " ck-two"}`, {}, make("span", "ck-scale-line"));
  line.ariaHidden = "true";
  if (answer !== null) line.append(...pin(answer, `you ${withUnit(question, answer)}`, "ck-you"));
  line.append(...pin(result, `result ${withUnit(question, result)}`, "ck-result"));
  return line;
}

export async function mount(el, { id, result }, { file, elsewhere }) {
  const question = (await questionsOf(id, file))[id];
  if (!question) elsewhere();
  const still = [...el.childNodes];
  follow(() => {
    const event = prediction(question);
    if (!event) return el.replaceChildren(...still);
    const { mark, head, says, answer } = compared(question, result, event);
    const [first, ...others] = says;
    const sign = make("span", "ck-mark", { textContent: mark ? `${mark} ` : "" });
    sign.ariaHidden = "true";
    const note = make("div", "ck-note-beside", { role: "status" });
    note.dataset.mark = mark;
    note.append(make("p", "", {}, sign, make("strong", "", { textContent: `${head}.` }), ` ${first}`));
    note.append(...others.map((text) => make("p", "", { textContent: text })));
    if (question.kind === "number") note.append(scale(question, answer, result));
    el.replaceChildren(note);
  });
}
