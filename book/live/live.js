// Makes the book's parts live. In a page they stand as
//
//   <div class="ck-live" data-kind="ChannelExplorer" data-arguments='{"layer": "conv1"}'>the still picture</div>
//
// A part is made when it comes near, and nothing is fetched for it before. Whatever goes wrong, its still picture stays.
// When it is live, `data-live` is "yes"; else "no", with a line that says where it is alive.

import { read } from "./saved.js";

// A kind's module has `mount(el, arguments, tools)`, which may be async. It puts the part in place of the still picture
// by `el.replaceChildren(...)`, as late as it can; or calls `elsewhere()` if there is nothing to make it live from.
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
const ELSEWHERE = "This is a still picture. It is alive in JupyterLab.";

// This folder. The widgets' own files stand in it under widgets/, as the build writes them.
const base = new URL("./", import.meta.url);

class NotHere extends Error {}

function elsewhere() {
  throw new NotHere();
}

// Returns a widget's module, when its style is there too.
async function widget(name) {
  const [module] = await Promise.all([import(`./widgets/${name}.js`), styled(`widgets/${name}.css`)]);
  return module.default;
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

// Returns a paragraph below a part.
function note(text) {
  return Object.assign(document.createElement("p"), { className: "ck-live-note", textContent: text });
}

const tools = { base, widget, file, saved, note, elsewhere };

// Makes one part live, or says that it is not.
export async function mount(el) {
  const load = KINDS[el.dataset.kind];
  const still = [...el.childNodes];
  try {
    if (!load) elsewhere();
    const module = await load();
    await module.mount(el, JSON.parse(el.dataset.arguments || "{}"), tools);
    el.dataset.live = "yes";
  } catch (error) {
    if (!(error instanceof NotHere)) console.error(el.dataset.kind, error);
    el.replaceChildren(...still, note(ELSEWHERE));
    el.dataset.live = "no";
  }
  el.dispatchEvent(new CustomEvent("ck-live", { bubbles: true }));
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
  const show = () => {
    const chosen = document.body.dataset.theme || document.documentElement.dataset.theme;
    const isDark = chosen === "dark" || (chosen !== "light" && dark.matches);
    document.body.dataset.jpThemeLight = String(!isDark);
  };
  const watcher = new MutationObserver(show);
  for (const one of [document.body, document.documentElement]) watcher.observe(one, { attributeFilter: ["data-theme"] });
  dark.addEventListener("change", show);
  show();
}

followTheme();
watch();
