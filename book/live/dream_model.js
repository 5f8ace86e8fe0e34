// DreamExplorer's other half, in the page: what coursekit/widgets/dream_explorer.py does in JupyterLab. A worker draws.

import { PageModel } from "./page_model.js";

const SIZE = 227; // that the network takes
const QUICK = 128; // in which channels are drawn
const SCORES = "conv10"; // whose mean is a class's score
export const DEFAULTS = {
  ...{ parametrization: "fourier", l2: 0, total_variation: 0, blur: 0, shift: 12, scale: 0.1, rotate: 8 },
  ...{ start: "noise", seed: 0 },
};
const STAYS =
  "It is drawn in your browser, and nothing is sent anywhere. The noise to begin with is another than Python draws from " +
  "the same seed.";

export class DreamModel extends PageModel {
  #worker = null;
  #begin; // makes a worker
  #run = 0;
  #live = false; // whether a new choice begins a run
  #running = false;
  #preparing = null; // what is to be drawn, until its first step is done
  #error = "";
  #choice = null; // what is being drawn
  #drawn = null; // {choice, step, images, traces, stuck}
  #spreads; // layer -> {units, strongest}, a number for each channel
  #size;

  constructor({ begin, spreads, classes, size }, chosen) {
    const channels = Object.entries(spreads).map(([layer, { units }]) => [layer, units.length]);
    const [a, b] = [chosen.a, chosen.b].map((settings) => ({ ...DEFAULTS, ...settings }));
    super({ ...chosen, a, b, _layers: channels, _classes: classes });
    this.#begin = begin;
    this.#spreads = spreads;
    this.#size = size;
  }

  tell(changes) {
    if ("layer" in changes && this.get("channel") >= this.#spreads[changes.layer].units.length) this.put({ channel: 0 });
    if (this.#live) this.#start();
  }

  receive({ kind }) {
    if (kind === "start") this.#start();
    else if (kind === "stop") {
      this.#live = this.#running = false;
      this.#worker?.postMessage({ run: ++this.#run });
      this.#report();
    } else this.#report(); // a view has come into the page
  }

  // What is to be drawn, as it is chosen now.
  #chosen() {
    const [label, layer, channel] = [this.get("label"), this.get("layer"), this.get("channel")];
    const ofClass = label !== null;
    const flat = this.#spreads[layer].flat;
    const [from, index] = ofClass ? [SCORES, label] : [layer, channel];
    const title = ofClass ? this.get("_classes")[label] : `${layer}, channel ${channel}`;
    const size = this.#size ?? (ofClass || flat ? null : QUICK);
    return {
      ...{ layer: from, channel: index, title, said: size, size: size ?? SIZE, steps: this.get("steps") },
      unit: this.#spreads[from].units[index],
      strongest: this.#spreads[from].strongest[index],
      code: ofClass ? `class_score(model, ${named(title, label)})` : `channel(model, '${layer}', ${channel})`,
      names: this.get("compare") ? ["a", "b"] : ["a"],
      panels: (this.get("compare") ? ["a", "b"] : ["a"]).map((name) => this.get(name)),
    };
  }

  #start() {
    this.#choice = this.#chosen();
    this.#worker ??= this.#make();
    this.#live = this.#running = true;
    [this.#preparing, this.#error] = [this.#choice.title, ""];
    this.#worker.postMessage({ run: ++this.#run, choice: this.#choice });
    this.#report();
  }

  #make() {
    const worker = this.#begin();
    worker.onmessage = ({ data }) => this.#take(data);
    worker.onerror = () => {
      this.#worker = null;
      this.#take({ run: this.#run, error: "Drawing has stopped." });
    };
    return worker;
  }

  #take({ run, error, ...shown }) {
    if (run !== this.#run) return;
    if (error) {
      this.#live = this.#running = false;
      this.#error = `${error} Press Start to try again.`;
    } else {
      this.#drawn = { choice: this.#choice, ...shown };
      this.#running = shown.step < this.#choice.steps;
    }
    this.#preparing = null;
    this.#report();
  }

  #report() {
    const preparing = this.#running ? this.#preparing : null;
    const report = { running: this.#running, preparing, error: this.#error, drawn: null };
    if (!this.#drawn) return this.answer(report);
    const { choice, step, images, traces, stuck } = this.#drawn;
    const { title, steps, unit, strongest, names, size } = choice;
    const said = { code: asCode(choice, step), stuck: stuckInWords(names, stuck, step) };
    report.drawn = { title, step, steps, unit, strongest, panels: names, shape: [size, size], ...said };
    this.answer(report, [...images, ...traces]);
  }
}

// A class as Python's code names it: one whose name another has too by its number.
function named(title, label) {
  if (/ \(\d+\)$/.test(title)) return label;
  return quoted(title);
}

const quoted = (text) => (text.includes("'") ? `"${text}"` : `'${text}'`);

function asCode({ code, unit, said, names, panels }, step) {
  const lines = names.map((name, i) => {
    const changed = Object.entries(panels[i]).filter(([key, value]) => value !== DEFAULTS[key]);
    const all = [["steps", step], ...(said === null ? [] : [["size", said]]), ...changed];
    const given = all.map(([key, value]) => `${key}=${typeof value === "string" ? quoted(value) : value}`);
    return `${name} = maximize(objective, ${given.join(", ")}).images[0]`;
  });
  return [`objective = ${code} / ${unit}`, ...lines].join("\n");
}

function stuckInWords(names, stuck, step) {
  return names
    .map((name, i) => [name.toUpperCase(), stuck[i]])
    .filter(([, steps]) => steps.length)
    .map(
      ([name, steps]) =>
        `${name}: at ${steps.length} of ${step} steps, first at step ${steps[0]}, the score or its gradient was no ` +
        "finite number, and the picture stayed as it was.",
    )
    .join(" ");
}

export async function mount(el, { network, size, ...chosen }, { base, widget, file, note, elsewhere }) {
  if (!network || Array.isArray(size)) elsewhere();
  const [explorer, spreads, classes] = await Promise.all([
    widget("dream_explorer"),
    file("spreads.json").then((answer) => answer.json()),
    file("classes.json").then((answer) => answer.json()),
  ]);
  const begin = () => new Worker(new URL("dream_worker.js", base), { type: "module" });
  const model = new DreamModel({ begin, spreads, classes, size }, chosen);
  el.replaceChildren();
  explorer.render({ model, el });
  el.append(note(STAYS));
}
