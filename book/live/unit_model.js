// UnitCard's other half, in the page: what coursekit/widgets/unit_card.py does in JupyterLab. The strongest patches of all
// channels, where they are most active, and the answers to the held-out pictures were computed when the lesson was run. A
// worker draws, with the network in the page.

import { events, follow, isKept, keep } from "./answers.js";
import { DEFAULTS } from "./dream_model.js";
import { inWords, nameScore } from "./name_score.js";
import { PageModel } from "./page_model.js";
import { cut, fromRgb, inLight } from "./pictures_apart.js";
import { bits, floats, shorts } from "./saved.js";

const PAUSE = 300; // milliseconds before drawing, so that walking through channels begins nothing
const EMPTY = { name: "", says: {}, done: false };
const NOT_HERE = "Other channels are drawn in JupyterLab, because their network is not in this page.";
const SEARCHED = "The pictures were searched when the lesson was run.";
const DRAWN = "Another channel is drawn in your browser.";
const STAYS = "A name and its test stay in this browser.";
const UNKEPT = "A name is forgotten when this page is left, because this browser keeps nothing.";

export class UnitModel extends PageModel {
  #state; // what was saved
  #sheet; // all pictures: those that were searched, then the held-out ones
  #masks; // tells of a number whether it is in light
  #steps;
  #begin; // makes a worker; null where the network is not in the page
  #worker = null;
  #run = 0;
  #live = false; // whether a view has come into the page
  #pause = 0;
  #asked = 0; // how often a channel was chosen
  #drawn = new Map(); // channel -> {step, image}
  #error = "";

  // `heldOut` are the held-out pictures as files.
  constructor(parts, { channel, steps }) {
    const { state, sheet, masks, heldOut, begin } = parts;
    super({ channel, _layer: state._layer, _held_out: { images: heldOut, order: state.order }, _notes: {}, _report: {} });
    Object.assign(state.found, { values: floats(state.found.values) });
    for (const name of ["pictures", "boxes"]) state.found[name] = shorts(state.found[name]);
    [this.#state, this.#sheet, this.#masks] = [state, sheet, masks];
    [this.#steps, this.#begin] = [steps, begin];
    if (state.drawing) this.#drawn.set(channel, { step: state.step, image: state.drawing });
  }

  static async made(parts, chosen) {
    const model = new UnitModel(parts, chosen);
    model.put({ _unit: await model.#pack(chosen.channel), _notes: model.#read() });
    model.put({ _report: model.#makeReport() });
    follow(() => model.#follow());
    return model;
  }

  // ---- the channel

  // What the page shows of a channel, pictures as files.
  async #pack(channel) {
    const { found, kernels, pictures, dark, _layer } = this.#state;
    const k = found.values.length / _layer.channels;
    const [values, indices] = [found.values, found.pictures].map((all) => [...all.subarray(channel * k, (channel + 1) * k)]);
    const boxes = indices.map((_, i) => [...found.boxes.subarray(4 * (channel * k + i), 4 * (channel * k + i + 1))]);
    const area = pictures.height * pictures.width;
    const [kernel, crops, photos] = await Promise.all([
      kernels && cut(await createImageBitmap(new Blob([kernels.file])), kernels, channel),
      Promise.all(indices.map((picture, i) => cut(this.#sheet, pictures, picture, boxes[i]))),
      Promise.all(
        !this.#masks
          ? []
          : indices.map(async (picture, i) => {
              const first = (channel * k + i) * area;
              return { picture, ...(await inLight(this.#sheet, pictures, picture, (at) => this.#masks(first + at))) };
            }),
      ),
    ]);
    const patches = indices.map((picture, i) => ({ picture, value: values[i], box: boxes[i], image: crops[i] }));
    const largest = [0, 1].map((side) => Math.max(...boxes.map((box) => box[side + 2] - box[side])));
    return { channel, kernel, patches, largest, photos, dark };
  }

  async tell({ channel, _notes }) {
    if (_notes !== undefined) this.#takeNotes(_notes);
    if (channel === undefined) return;
    this.#stop();
    const asked = ++this.#asked;
    const unit = await this.#pack(channel);
    if (asked !== this.#asked) return; // another one was chosen meanwhile
    this.put({ _unit: unit, _report: this.#makeReport() });
    if (this.#live) this.#draw();
  }

  // ---- its name

  #note(notes = this.get("_notes")) {
    return notes[this.get("channel")] ?? EMPTY;
  }

  // What was kept of this card in this browser.
  #read() {
    const ours = events().filter((event) => event.kind === "named" && event.id === this.#state.card);
    return Object.fromEntries(ours.filter(({ note }) => this.#isNote(note)).map(({ channel, note }) => [channel, note]));
  }

  #isNote(note) {
    const { order } = this.#state;
    const { name, says, done } = note ?? {};
    if (typeof name !== "string" || typeof done !== "boolean" || typeof says !== "object" || !says) return false;
    return Object.entries(says).every(([i, said]) => order.includes(Number(i)) && typeof said === "boolean");
  }

  // How many tests of a channel were done, with what was kept.
  #tests(channel) {
    const ours = events().filter((event) => event.kind === "named" && event.id === this.#state.card);
    return ours.filter((event) => event.channel === channel && event.note?.done === true).length;
  }

  #takeNotes(notes) {
    const count = this.#state.order.length;
    const ended = Object.entries(notes).map(([key, note]) => {
      const said = Object.keys(note.says).length;
      return [key, { ...note, done: said > 0 && (note.done || said === count) }];
    });
    const before = this.#read();
    this.put({ _notes: Object.fromEntries(ended) });
    for (const [channel, note] of ended)
      if (JSON.stringify(note) !== JSON.stringify(before[channel])) keep("named", this.#state.card, { channel, note });
    this.put({ _report: this.#makeReport() });
  }

  // All was forgotten, or something was said in another window.
  #follow() {
    const notes = this.#read();
    if (JSON.stringify(notes) === JSON.stringify(this.get("_notes"))) return;
    this.put({ _notes: notes });
    this.put({ _report: this.#makeReport() });
  }

  // What the page says of a test that is done; before that nothing, so that it gives nothing away.
  #makeReport() {
    const { says, done } = this.#note();
    if (!done) return {};
    const channel = this.get("channel");
    const all = floats(this.#state.answers);
    const answer = (i) => all[i * this.#state._layer.channels + channel];
    const asked = Object.keys(says).map(Number);
    const order = asked.sort((a, b) => answer(b) - answer(a));
    const [answers, said] = [order.map(answer), order.map((i) => says[i])];
    return { channel, text: this.#verdict(channel, answers, said), order, answers, says: said };
  }

  #verdict(channel, answers, said) {
    const text = said.every((one) => one === said[0])
      ? `All ${said.length} answers are ${said[0] ? "yes" : "no"}: a score compares pictures with it and pictures without.`
      : inWords(nameScore(answers, said));
    const again = " The answers had been shown before this test: a name that was made to fit them proves little.";
    return text + (this.#tests(String(channel)) > 1 ? again : "");
  }

  // ---- what the network draws for it

  receive() {
    if (this.#live) return this.#tellDrawing();
    this.#live = true;
    this.#draw();
  }

  #stop() {
    clearTimeout(this.#pause);
    this.#worker?.postMessage({ run: ++this.#run });
  }

  #draw() {
    const channel = this.get("channel");
    this.#error = "";
    if ((this.#drawn.get(channel)?.step ?? 0) < this.#steps) {
      if (!this.#begin) this.#error = NOT_HERE;
      else this.#pause = setTimeout(() => this.#post(channel), PAUSE);
    }
    this.#tellDrawing();
  }

  #post(channel) {
    this.#worker ??= this.#make();
    const [size] = this.#state.size;
    const [layer, steps] = [this.#state._layer.name, this.#steps];
    this.#worker.postMessage({ run: ++this.#run, choice: { layer, channel, unit: 1, size, steps, panels: [DEFAULTS] } });
  }

  #make() {
    const worker = this.#begin();
    worker.onmessage = ({ data }) => this.#take(data);
    worker.onerror = () => {
      this.#worker = null;
      this.#take({ run: this.#run, error: "It could not be drawn." });
    };
    return worker;
  }

  async #take({ run, error, step, images }) {
    const channel = this.get("channel");
    if (run !== this.#run) return;
    if (error) this.#error = `${error} Choose another channel and come back to try again.`;
    else {
      const image = await fromRgb(images[0], ...this.#state.size);
      if (run !== this.#run || step < (this.#drawn.get(channel)?.step ?? 0)) return;
      this.#drawn.set(channel, { step, image });
    }
    this.#tellDrawing();
  }

  #tellDrawing() {
    const channel = this.get("channel");
    const { step = 0, image } = this.#drawn.get(channel) ?? {};
    this.answer({ channel, step, steps: this.#steps, error: this.#error }, image ? [image] : []);
  }
}

export async function mount(el, chosen, { base, widget, saved, note, elsewhere }) {
  if (!chosen.saved) elsewhere();
  const [card, state] = await Promise.all([widget("unit_card"), saved(chosen.saved)]);
  const { pictures, order } = state;
  const [sheet, masks] = await Promise.all([createImageBitmap(new Blob([pictures.file])), state.masks && bits(state.masks)]);
  const searched = state._layer.searched;
  const heldOut = await Promise.all(order.map((_, i) => cut(sheet, pictures, searched + i)));
  const begin = chosen.network && (() => new Worker(new URL("dream_worker.js", base), { type: "module" }));
  const model = await UnitModel.made({ state, sheet, masks, heldOut, begin }, chosen);
  el.replaceChildren();
  card.render({ model, el });
  el.append(note([SEARCHED, begin ? DRAWN : "", STAYS].filter(Boolean).join(" ")));
  follow(() => {
    if (!el.querySelector(".ck-unkept") && !events().every(isKept)) {
      const line = note(UNKEPT);
      line.classList.add("ck-unkept");
      el.append(line);
    }
  });
}
