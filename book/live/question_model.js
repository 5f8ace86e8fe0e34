// The other half of question.js, which is coursekit/learner/questions.py where Python runs: the same words, and the same
// rules of what counts. The first prediction stays; of a quiz the first answers count, and each is explained.

import { events, follow, isKept, keep } from "./answers.js";
import { PageModel } from "./page_model.js";

const UNKEPT = "But it is forgotten when this page is left, because this browser keeps nothing.";

// 93.4 of 93.4213, as in Python's "3g"; whole from a thousand on.
export const number = (value) => (Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3))));
export const withUnit = ({ unit }, value) => `${number(value)} ${unit}`.trim();

export function said(question, answer) {
  if (question.kind === "choice") return question.choices[answer];
  return question.kind === "number" ? withUnit(question, answer) : `“${answer}”`;
}

// Returns an answer as it is kept, or throws what there is to say to the reader.
export function valid(question, answer) {
  const { kind, choices, low, high, most } = question;
  if (kind === "choice") {
    if (Number.isInteger(answer) && answer >= 0 && answer < choices.length) return answer;
    throw new Error("Choose one of the answers first.");
  }
  if (kind === "number") {
    if (typeof answer === "number" && answer >= low && answer <= high) return answer;
    throw new Error(`Give a number from ${number(low)} to ${number(high)}.`);
  }
  if (typeof answer === "string" && answer.trim()) return answer.trim().slice(0, most);
  throw new Error("Write a few words first.");
}

function fits(question, answer) {
  try {
    valid(question, answer);
    return true;
  } catch {
    return false;
  }
}

// Returns the first event that answers or skips a prediction, or undefined.
export function prediction(question) {
  const ours = events().filter(({ kind, id }) => kind === "predicted" && id === question.id);
  return ours.find((event) => event.skipped === true || fits(question, event.answer));
}

const choicesTaken = (question) =>
  events()
    .filter(({ kind, id, choice }) => kind === "quiz" && id === question.id && fits(question, choice))
    .map(({ choice }) => choice);

const says = (head = "", words = "", mark = "") => ({ mark, head, says: words });

function predictionCard(question) {
  const event = prediction(question);
  const card = { ...question, button: "Commit", skip: "Skip", answer: null, done: event !== undefined };
  if (!event) return { ...card, ...says() };
  const unkept = isKept(event) ? "" : UNKEPT;
  if (event.skipped) return { ...card, ...says("Skipped.", unkept) };
  const comesBack = `It comes back beside the result. ${unkept}`.trim();
  return { ...card, answer: event.answer, ...says(`You said ${said(question, event.answer)}.`, comesBack) };
}

function quizCard(question) {
  const taken = choicesTaken(question);
  const card = { ...question, button: "Answer", skip: "", answer: null, done: false };
  if (!taken.length) return { ...card, ...says() };
  const answer = taken.at(-1);
  const words = question.says[answer];
  return { ...card, answer, ...(question.right[answer] ? says("Right.", words, "✓") : says("Not this one.", words, "✗")) };
}

export class QuestionModel extends PageModel {
  constructor(asks, questions) {
    const [{ id, asks: first }] = questions;
    super({ title: asks === "quiz" ? `Quiz of lesson ${Number(id.slice(0, 2))}` : `Prediction: ${first}` });
    this.asks = asks;
    this.questions = new Map(questions.map((question) => [question.id, question]));
    this.put({ _still_picture: {}, ...this.read() });
  }

  // Returns what is to be shown.
  read() {
    const all = [...this.questions.values()];
    if (this.asks !== "quiz") return { _cards: all.map(predictionCard), _score: "" };
    const first = all.map((question) => [question, choicesTaken(question)[0]]).filter(([, choice]) => choice !== undefined);
    const right = first.filter(([question, choice]) => question.right[choice]).length;
    let score = first.length ? `${first.length} of ${all.length} answered, ${right} right at the first answer.` : "";
    if (events().some((event) => event.kind === "quiz" && !isKept(event))) score += ` ${UNKEPT}`;
    return { _cards: all.map(quizCard), _score: score };
  }

  receive({ id, answer }) {
    const question = this.questions.get(id);
    let refused = "";
    try {
      if (this.asks === "quiz") keep("quiz", id, { choice: valid(question, answer) });
      else if (!prediction(question)) {
        // another page may have been first
        const given = answer === null ? null : valid(question, answer);
        keep("predicted", id, { answer: given, skipped: given === null });
      }
    } catch (error) {
      refused = error.message;
    }
    this.put(this.read());
    this.answer({ id, refused });
  }
}

const lessons = new Map();

// Returns the questions of the lesson that an id belongs to, by their ids.
export function questionsOf(id, file) {
  const name = `questions_${id.slice(0, 2)}.json`;
  if (!lessons.has(name)) {
    const asked = file(name).then((answer) => answer.json());
    asked.catch(() => lessons.delete(name)); // the next part tries again
    lessons.set(name, asked);
  }
  return lessons.get(name);
}

export async function mount(el, { asks, ids }, { widget, file, elsewhere }) {
  const [{ render }, all] = await Promise.all([widget("question"), questionsOf(ids[0], file)]);
  const questions = ids.map((id) => all[id]);
  if (questions.includes(undefined)) elsewhere(); // asked since the book was built
  const model = new QuestionModel(asks, questions);
  el.replaceChildren();
  render({ model, el });
  follow(() => model.put(model.read()));
}
