// Makes the book's parts live. In a page they stand as
//
//   <div class="ck-live" data-kind="ChannelExplorer" data-arguments='{"layer": "conv1"}'>the still picture</div>
//
// A part is made when it comes near, and nothing is fetched for it before. Whatever goes wrong, its still picture stays.
// When it is live, `data-live` is "yes"; else "no", with a line that says where it is alive, or lets one try again.

import { read } from "./saved.js";

// A kind's module has `mount(el, arguments, tools)`, which may be async. It puts the part in place of the still picture
// by `el.replaceChildren(...)`, as late as it can; or calls `elsewhere()` if there is nothing to make it live from. By
// `say(text)` it names what takes long.
export const KINDS = {
  ChannelExplorer: () => import("./channel_model.js"),
  DreamExplorer: () => import("./dream_model.js"),
  EmbeddingExplorer: () => import("./embedding_model.js"),
  UnitCard: () => import("./unit_model.js"),
  QuestionCards: () => import("./question_model.js"),
  Result: () => import("./result.js"),
  Progress: () => import("./progress.js"),
};

const NEAR = "400px"; // below or above the window
const SOON = 200; // milliseconds: what is there by then needs no words
const ELSEWHERE = "This is a still picture. It is alive in JupyterLab.";
const LOST = "It could not be loaded.";

// This folder. The widgets' own files stand in it under widgets/, as the build writes them.
const base = new URL("./", import.meta.url);

class NotHere extends Error {}

class NoModule extends Error {}

function elsewhere() {
  throw new NotHere();
}

// Returns what `load` imports.
async function imported(load) {
  try {
    return await load();
  } catch (error) {
    throw new NoModule(error.message);
  }
}

// Returns a widget's module, when its style is there too.
async function widget(name) {
  const module = imported(() => import(`./widgets/${name}.js`));
  const [{ default: found }] = await Promise.all([module, styled(`widgets/${name}.css`)]);
  return found;
}

const styles = new Map();

function styled(name) {
  const load = () =>
    new Promise((done, failed) => {
      const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL(name, base).href });
      link.onload = done;
      link.onerror = () => {
        link.remove();
        styles.delete(name); // the next part tries again
        failed(new Error(`${name} was not found.`));
      };
      document.head.append(link);
    });
  if (!styles.has(name)) styles.set(name, load());
  return styles.get(name);
}

// Returns a file of this folder.
async function file(name) {
  const answer = await fetch(new URL(name, base));
  if (!answer.ok) throw new Error(`${name} could not be fetched (${answer.status}).`);
  return answer;
}

// Returns what a widget left in its output: the build made a file of it.
async function saved(name) {
  return read(await (await file(`saved/${name}`)).text());
}

// Returns a paragraph beside a part.
function note(text) {
  return Object.assign(document.createElement("p"), { className: "ck-live-note", textContent: text });
}

const tools = { base, widget, file, saved, note, elsewhere };

// Makes one part live, or says that it is not.
export async function mount(el) {
  const load = KINDS[el.dataset.kind];
  for (const one of el.querySelectorAll(".ck-still-only")) one.remove(); // it says that JavaScript is needed
  const still = [...el.childNodes];
  const { say, end } = waiting(el);
  let failed = null;
  try {
    if (!load) elsewhere();
    const module = await imported(load);
    await module.mount(el, JSON.parse(el.dataset.arguments || "{}"), { ...tools, say });
  } catch (error) {
    failed = error;
  }
  end();
  if (failed instanceof NotHere) el.replaceChildren(...still, note(ELSEWHERE));
  else if (failed) el.replaceChildren(lost(el, failed), ...still);
  el.dataset.live = failed ? "no" : "yes";
  el.dispatchEvent(new CustomEvent("ck-live", { bubbles: true }));
}

// Marks a part as busy. Returns what says above it what is waited for, and what ends that.
function waiting(el) {
  const line = Object.assign(note(""), { role: "status" });
  let timer = 0;
  el.before(line); // and not in it: screen readers say nothing of what is in a busy element
  el.ariaBusy = "true";
  return {
    say: (text) => {
      clearTimeout(timer);
      timer = setTimeout(() => (line.textContent = text), text ? SOON : 0);
    },
    end: () => {
      clearTimeout(timer);
      line.remove();
      el.removeAttribute("aria-busy");
    },
  };
}

// Returns the line above the still picture of what could not be loaded, with a button that tries again.
function lost(el, error) {
  console.error(el.dataset.kind, error);
  const line = Object.assign(note(`${LOST} `), { role: "status" });
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Try again" });
  button.addEventListener("click", async () => {
    el.tabIndex = -1; // it has the focus meanwhile
    el.addEventListener("blur", () => el.removeAttribute("tabindex"), { once: true });
    el.focus({ preventScroll: true });
    line.remove();
    if (error instanceof NoModule && (await isThere())) return location.reload();
    await mount(el);
    if (document.activeElement === el) el.querySelector(".ck-again")?.focus();
  });
  button.className = "ck-again";
  line.append(button);
  return line;
}

// Whether this folder can be reached. Browsers keep in mind which modules could not be loaded, and do not ask again for
// them before the page is loaded again.
async function isThere() {
  try {
    return (await fetch(import.meta.url, { method: "HEAD", cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

function watch() {
  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        mount(target);
      }
    },
    { rootMargin: NEAR },
  );
  for (const el of document.querySelectorAll(".ck-live")) near.observe(el);
}

// The widgets know JupyterLab's themes by this: "false" in the dark. A theme sets `data-theme` on the root (furo sets it
// on the body); "auto", or nothing, is what the system says.
function followTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let onPaper = false; // paper is white
  const show = () => {
    const chosen = document.body.dataset.theme || document.documentElement.dataset.theme;
    const isDark = !onPaper && (chosen === "dark" || (chosen !== "light" && dark.matches));
    document.body.dataset.jpThemeLight = String(!isDark);
  };
  const print = ({ type }) => {
    onPaper = type === "beforeprint";
    show();
  };
  const watcher = new MutationObserver(show);
  for (const one of [document.body, document.documentElement]) watcher.observe(one, { attributeFilter: ["data-theme"] });
  dark.addEventListener("change", show);
  for (const event of ["beforeprint", "afterprint"]) addEventListener(event, print);
  show();
}

// A file that is dropped beside what takes it would be opened in the place of the book.
function keepPage() {
  const refuse = (event) => {
    if (event.defaultPrevented || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  };
  for (const event of ["dragover", "drop"]) addEventListener(event, refuse);
}

followTheme();
keepPage();
watch();
