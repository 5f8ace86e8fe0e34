// On the front page: how many of each lesson's questions were answered in this browser, and how to forget all it keeps.

import { events, follow, forget } from "./answers.js";

const SURE = "Forget all answers and names that this browser keeps of the course?";
const NAMES = "Names of units are kept.";
const OLDER = "Answers to questions that are no longer asked are kept.";

export function mount(el, { lessons }) {
  const list = document.createElement("ul");
  const nothing = Object.assign(document.createElement("p"), {
    textContent: "Nothing yet. What you answer on these pages is kept in this browser, and sent nowhere.",
  });
  nothing.tabIndex = -1; // it gets the focus of the button that goes
  const others = document.createElement("p");
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Forget my answers" });
  button.addEventListener("click", () => confirm(SURE) && forget());
  const lines = lessons.map(({ title, page, ids }) => {
    const line = document.createElement("li");
    line.append(Object.assign(document.createElement("a"), { href: page, textContent: title }), "");
    list.append(line);
    return { line, ids };
  });
  follow(() => {
    const kept = events();
    const answered = new Set(kept.map(({ id }) => id));
    for (const { line, ids } of lines) {
      const count = ids.filter((id) => answered.has(id)).length;
      line.lastChild.textContent = `: ${count} of ${ids.length} questions`;
      line.hidden = !count;
    }
    others.textContent = kept.some(({ kind }) => kind === "named") ? NAMES : OLDER;
    const first = lines.some(({ line }) => !line.hidden) ? list : others;
    const shown = kept.length ? [first, button] : [nothing];
    if (shown[0].parentElement === el) return; // the focus stays where it is
    const hadFocus = el.contains(document.activeElement);
    el.replaceChildren(...shown);
    if (hadFocus) shown.at(-1).focus({ preventScroll: true });
  });
}
