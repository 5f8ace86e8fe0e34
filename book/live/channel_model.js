// ChannelExplorer's other half, in the page: what coursekit/widgets/channel_explorer.py does in JupyterLab.

import { receptiveFields } from "./fields.js";
import { loadNetwork, makeNetwork } from "./network.js";
import { PageModel } from "./page_model.js";
import { readPicture } from "./picture.js";

const SIZE = 227;
const NEAR_ZERO = Math.fround(0.01); // of the layer's largest value
const SOON = 150; // milliseconds, in which the first layer is drawn
const LOADING = "Loading the network, 5 MB …";
const STAYS = "A photo that you choose here stays in this page. It is sent nowhere: the network computes in your browser.";

let made; // a promise of {network, fields}, for all explorers of a page

function shared(file) {
  const make = async () => {
    const network = await makeNetwork(await loadNetwork(file), SIZE);
    return { network, fields: receptiveFields(network) };
  };
  made ??= make().catch((error) => {
    made = undefined; // the next explorer tries again
    throw error;
  });
  return made;
}

export class ChannelModel extends PageModel {
  #network;
  #fields;
  #rgb; // this explorer's picture
  #answers; // name -> {shape: [C, H, W], values} of it: at first of the layer that is shown
  #first;
  #parts = [];
  #latest = 0; // number of the photo that was asked for last

  // rgb: (227, 227, 3) bytes.
  constructor({ network, fields }, rgb, chosen) {
    super({ layer: "conv1", channel: 0, scale: "shared", relu: false, sort: false, ...chosen });
    this.#network = network;
    this.#fields = fields;
    this.#first = rgb;
    const maps = network.layers.filter(({ name }) => fields.has(name));
    this.put({ _layers: maps.map(({ name, shape: [C, H, W] }) => [name, H, W, C]) });
    this.#show(rgb);
  }

  #show(rgb) {
    const layer = this.get("layer");
    [this.#rgb, this.#answers] = [rgb, this.#network.activations(rgb, layer)];
    this.put({
      _photo: { shape: [SIZE, SIZE], rgba: opaque(rgb), first: rgb === this.#first },
      _maps: this.#packed(layer),
    });
    setTimeout(() => rgb === this.#rgb && this.#all(), SOON);
  }

  // The answers of all layers are computed after the first are drawn, or when another layer is asked for.
  #answersOf(layer) {
    return this.#answers.get(layer) ?? this.#all().get(layer);
  }

  #all() {
    if (this.#answers.size === 1) this.#answers = this.#network.activations(this.#rgb);
    return this.#answers;
  }

  #packed(layer) {
    const { shape, values } = this.#answersOf(layer);
    const numbers = statistics(shape, values);
    return { layer, shape, values, numbers, field: { kind: "exact", boxes: this.#fields.get(layer) } };
  }

  tell({ layer }) {
    if (layer === undefined) return;
    const { shape, values } = this.#answersOf(layer);
    const channel = this.get("channel") < shape[0] ? this.get("channel") : strongest(shape, values);
    this.put({ _maps: this.#packed(layer), channel });
  }

  async receive({ first, name, part, parts }, buffers) {
    if (first) {
      this.#latest++;
      this.#show(this.#first);
      this.answer({ kind: "taken", text: "The first photo is the picture again." });
      return;
    }
    if (part === 0) this.#parts = [];
    this.#parts.push(buffers[0]);
    if (this.#parts.length < parts) return;
    const asked = ++this.#latest;
    const photo = new Blob(this.#parts);
    this.#parts = []; // it may be large
    let rgb;
    try {
      rgb = await readPicture(photo, SIZE, SIZE);
    } catch {
      if (asked !== this.#latest) return;
      const text = `${name} is no picture that this browser can read. Save it as PNG or JPEG in an image program.`;
      this.answer({ kind: "refused", text });
      return;
    }
    if (asked !== this.#latest) return; // another one was chosen meanwhile
    this.#show(rgb);
    this.answer({ kind: "taken", text: `${name} is the picture now.` });
  }
}

function opaque(rgb) {
  const rgba = new Uint8Array((rgb.length / 3) * 4).fill(255);
  for (let i = 0; i < rgb.length / 3; i++) for (let c = 0; c < 3; c++) rgba[4 * i + c] = rgb[3 * i + c];
  return rgba;
}

// Returns (2, 5, C) numbers: each channel's largest, smallest and mean value, its share of zeros, and 1 where it is near
// zero; then the same behind a ReLU.
function statistics([C, H, W], values) {
  const area = H * W;
  const numbers = new Float32Array(2 * 5 * C);
  for (const [from, least] of [
    [0, -Infinity],
    [5 * C, 0],
  ]) {
    const [largest, smallest, mean, zeros, near] = [0, 1, 2, 3, 4].map((kind) =>
      numbers.subarray(from + kind * C, from + (kind + 1) * C),
    );
    for (let c = 0; c < C; c++) {
      let [high, low, sum, none] = [-Infinity, Infinity, 0, 0];
      for (let i = c * area; i < (c + 1) * area; i++) {
        const value = values[i] > least ? values[i] : Math.max(values[i], least);
        if (value > high) high = value;
        if (value < low) low = value;
        if (value === 0) none++;
        sum += value;
      }
      [largest[c], smallest[c], mean[c], zeros[c]] = [high, low, sum / area, none / area];
    }
    const reach = largest.map((high, c) => Math.max(Math.abs(high), Math.abs(smallest[c])));
    const most = Math.fround(NEAR_ZERO * reach.reduce((a, b) => Math.max(a, b)));
    reach.forEach((high, c) => (near[c] = high <= most ? 1 : 0));
  }
  return numbers;
}

function strongest([, H, W], values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return Math.floor(best / (H * W));
}

export async function mount(el, { network, photo, ...chosen }, { widget, file, note, elsewhere, say }) {
  if (!network || !photo) elsewhere();
  say(LOADING);
  const [computing, explorer, rgb] = await Promise.all([
    shared(file).finally(() => say("")),
    widget("channel_explorer"),
    file(`photos/${photo}.png`).then(async (answer) => readPicture(await answer.blob(), SIZE, SIZE)),
  ]);
  const model = new ChannelModel(computing, rgb, chosen);
  el.replaceChildren();
  explorer.render({ model, el });
  el.append(note(STAYS));
}
