// On the front page: how many of each lesson's questions were answered in this browser, and how to forget it.

import { events, follow, forget } from "./answers.js";

export function mount(el, { lessons }) {
  const list = document.createElement("ul");
  const nothing = Object.assign(document.createElement("p"), {
    textContent: "Nothing yet. What you answer on these pages is kept in this browser, and sent nowhere.",
  });
  nothing.tabIndex = -1; // it gets the focus of the button that goes
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Forget my answers" });
  button.addEventListener("click", () => confirm("Forget all answers that this browser keeps of the course?") && forget());
  follow(() => {
    const answered = new Set(events().map(({ id }) => id));
    const lines = lessons.map(({ title, page, ids }) => {
      const count = ids.filter((id) => answered.has(id)).length;
      if (!count) return null;
      const link = Object.assign(document.createElement("a"), { href: page, textContent: title });
      const line = document.createElement("li");
      line.append(link, `: ${count} of ${ids.length} questions`);
      return line;
    });
    list.replaceChildren(...lines.filter(Boolean));
    const shown = list.children.length ? [list, button] : [nothing];
    if (shown.every((one) => one.parentElement === el)) return; // the focus stays where it is
    const hadFocus = el.contains(document.activeElement);
    el.replaceChildren(...shown);
    if (hadFocus) shown.at(-1).focus();
  });
}
