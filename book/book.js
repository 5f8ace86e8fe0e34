// What came out stays folded until its predictions are made; and opens for the printer. And what keys need.

import { follow, isPredicted } from "./live/answers.js";

const folded = [...document.querySelectorAll("details.ck-until")];
const known = new Set(); // answered when this was last looked at: what the reader folds again stays so

follow(() => {
  for (const one of folded) {
    const ids = JSON.parse(one.dataset.until);
    const answered = ids.every(isPredicted);
    one.firstElementChild.textContent = answered ? "What came out" : "Show what came out (better after your prediction)";
    if (answered && !known.has(one)) one.open = true;
    known[answered ? "add" : "delete"](one);
  }
});

// Code or a table that is wider than the page can be scrolled by the keyboard too.
const watcher = new ResizeObserver((changed) => {
  for (const { target } of changed) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const one of document.querySelectorAll("article pre, .table-wrapper")) watcher.observe(one);

// The theme's drawers open by keys, too: what opens them are labels of boxes that nobody sees, and become buttons here.
for (const label of document.querySelectorAll(".nav-overlay-icon, .toc-overlay-icon")) {
  const box = document.getElementById(label.htmlFor);
  const button = Object.assign(document.createElement("button"), { type: "button", ariaLabel: box.ariaLabel });
  button.className = `${label.className} ck-drawer`;
  button.append(...label.childNodes);
  const show = () => (button.ariaExpanded = String(box.checked));
  button.addEventListener("click", () => box.click());
  box.addEventListener("change", show); // also where one clicks beside it, or on its other button
  show();
  label.replaceWith(button);
}

let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")].filter((one) => one.closest("article"));
  for (const one of closed) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of closed) one.open = false;
});
