// SqueezeNet in the page: network.json (its layers), weights.f32.bin and network.wasm (the arithmetic).

const FILES = ["network.json", "weights.f32.bin", "network.wasm"];

let loaded; // once for all parts of a page

// Returns a promise of {layers, weights, code}, from which networks are made. `file(name)` fetches.
export function loadNetwork(file) {
  loaded ??= fetchNetwork(file).catch((error) => {
    loaded = undefined; // the next part tries again
    throw error;
  });
  return loaded;
}

async function fetchNetwork(file) {
  const [layers, weights, code] = await Promise.all(FILES.map(file));
  return {
    layers: await layers.json(),
    weights: new Float32Array(await weights.arrayBuffer()),
    code: await WebAssembly.compile(await code.arrayBuffer()),
  };
}

// Returns a promise of a network for pictures of so many rows and columns.
export async function makeNetwork(parts, size) {
  const { exports } = await WebAssembly.instantiate(parts.code);
  return new Network(parts, size, exports);
}

// A network for square pictures of one size. It computes for one caller at a time and keeps nothing of it in between:
// `activations` returns copies, so that several explorers can share one network.
class Network {
  #wasm;
  #layers = new Map(); // name: a layer as in network.json, with its shape, and where its numbers are
  #weights;
  #patches;
  #gradients = null;

  constructor({ layers, weights }, size, wasm) {
    this.size = size;
    this.#wasm = wasm;
    this.#weights = weights;
    let most = 0; // numbers of patches
    for (const layer of layers) most = Math.max(most, this.#place(layer));
    this.#patches = this.#allocate(most);
  }

  #allocate(count) {
    const at = this.#wasm.allocate(count);
    if (!at) throw new Error("The browser has not enough memory for the network.");
    return at;
  }

  // Numbers in the WebAssembly's memory. Look anew after #allocate: the memory may have moved.
  #view(at, count, Type = Float32Array) {
    return new Type(this.#wasm.memory.buffer, at, count);
  }

  // Gives a layer its shape and its memory; returns how many numbers its patches take.
  #place(layer) {
    const inputs = layer.inputs.map((name) => this.#layers.get(name));
    let [C, H, W] = inputs.length ? inputs[0].shape : [3, this.size, this.size];
    const made = { ...layer, inputs };
    let patches = 0;
    if (layer.kind === "convolution" || layer.kind === "pooling") {
      const { side, stride } = layer;
      const padded = layer.padding === "same";
      const rows = padded ? Math.ceil(H / stride) : Math.floor((H - side) / stride) + 1;
      made.before = padded ? Math.max(0, (rows - 1) * stride + side - H) >> 1 : 0; // as TensorFlow: less before than after
      if (layer.kind === "convolution") {
        patches = C * side * side * rows * rows;
        if (Math.max(C * side * side, layer.filters) > this.#wasm.longest()) throw new Error(`${layer.name} is too deep.`);
        const { filters, kernel, bias } = layer;
        made.kernel = this.#put(this.#weights.subarray(kernel, kernel + filters * C * side * side));
        made.bias = this.#put(this.#weights.subarray(bias, bias + filters));
        C = filters;
      } else made.from = this.#allocate(C * rows * rows);
      H = W = rows;
    } else if (layer.kind === "concatenation") C = inputs.reduce((sum, { shape }) => sum + shape[0], 0);
    else if (layer.kind === "average") H = W = 1;
    made.shape = [C, H, W];
    made.count = C * H * W;
    made.at = this.#allocate(made.count);
    this.#layers.set(layer.name, made);
    return patches;
  }

  #put(numbers) {
    const at = this.#allocate(numbers.length);
    this.#view(at, numbers.length).set(numbers);
    return at;
  }

  // The layers in the order of computation: {name, kind, shape: [C, H, W], side, stride, before, inputs: [names]}.
  get layers() {
    return [...this.#layers.values()].map(({ name, kind, shape, side, stride, before, inputs }) => {
      return { name, kind, shape, side, stride, before, inputs: inputs.map((one) => one.name) };
    });
  }

  // Returns what all layers answer to a picture of 0-255, (H, W, 3), or only one: name -> {shape: [C, H, W], values}.
  activations(rgb, only) {
    this.#run(rgb, only);
    const asked = only === undefined ? [...this.#layers.values()] : [this.#layers.get(only)];
    return new Map(asked.map(({ name, shape, at, count }) => [name, { shape, values: this.#view(at, count).slice() }]));
  }

  // Returns what a layer answers to a picture, and the gradient of a score of it to the picture, both as a copy:
  // {values (C, H, W), gradient (H, W, 3)}. `slope(values, C)` gives the score's gradient to the layer, as many numbers.
  // With `wake`, a rectifier through which no gradient would pass lets back what would open it, as `permeable` in
  // coursekit/networks/gradients.py does.
  gradient(rgb, name, slope, wake = false) {
    this.#run(rgb, name);
    const { at, count, shape } = this.#layers.get(name);
    const values = this.#view(at, count).slice();
    return { values, gradient: this.#runBack(name, slope(values, shape[0]), wake) };
  }

  #run(rgb, last) {
    if (rgb.length !== 3 * this.size ** 2) throw new Error(`The network takes pictures of ${this.size} by ${this.size}.`);
    const wasm = this.#wasm;
    for (const { name, kind, inputs, shape, at, count, ...layer } of this.#layers.values()) {
      const [C, H, W] = shape;
      const [input] = inputs;
      const area = H * W;
      if (kind === "picture") turn(rgb, this.#view(at, count), area);
      else if (kind === "centring") centre(this.#view(input.at, count), this.#view(at, count), area, layer.mean);
      else if (kind === "convolution") {
        const window = [...input.shape, C, layer.side, layer.stride, layer.before, H, W];
        wasm.convolve(input.at, layer.kernel, layer.bias, at, this.#patches, ...window);
      } else if (kind === "rectifier") wasm.rectify(input.at, at, count);
      else if (kind === "pooling")
        wasm.pool(input.at, at, layer.from, ...input.shape, layer.side, layer.stride, layer.before, H, W);
      else if (kind === "concatenation") {
        let to = at;
        for (const one of inputs) {
          this.#view(to, one.count).set(this.#view(one.at, one.count));
          to += 4 * one.count;
        }
      } else if (kind === "identity") this.#view(at, count).set(this.#view(input.at, count));
      else if (kind === "average") wasm.average(input.at, at, C, input.count / C);
      else if (kind === "softmax") softmax(this.#view(input.at, count), this.#view(at, count));
      if (name === last) break;
    }
  }

  // The gradient to the picture, where the gradient to a layer is given. `#run` must have come that far.
  #runBack(name, slope, wake) {
    this.#gradients ??= this.#placeGradients();
    const wasm = this.#wasm;
    const of = (layer) => this.#view(this.#gradients.get(layer.name), layer.count);
    const layers = [...this.#layers.values()];
    const last = layers.findIndex((layer) => layer.name === name);
    for (const layer of layers.slice(0, last)) of(layer).fill(0);
    of(layers[last]).set(slope);
    const reached = new Set([name]);
    for (const layer of layers.slice(0, last + 1).reverse()) {
      const { kind, inputs, shape, at, count } = layer;
      if (!reached.has(layer.name) || !inputs.length) continue;
      for (const one of inputs) reached.add(one.name);
      const [input] = inputs;
      const [C, H, W] = shape;
      const [dy, dx] = [layer, input].map((one) => this.#gradients.get(one.name));
      if (kind === "centring") turnColours(of(layer), of(input), H * W);
      else if (kind === "convolution") {
        const window = [...input.shape, C, layer.side, layer.stride, layer.before, H, W];
        wasm.convolve_back(dy, layer.turned, dx, this.#patches, ...window);
      } else if (kind === "rectifier") {
        if (wake && isShut(this.#view(at, count), of(layer))) open(this.#view(input.at, count), of(layer), of(input));
        else wasm.rectify_back(at, dy, dx, count);
      } else if (kind === "pooling") wasm.pool_back(layer.from, dy, dx, C, input.count / C, H * W);
      else if (kind === "concatenation") {
        let from = dy;
        for (const one of inputs) {
          wasm.add(from, this.#gradients.get(one.name), one.count);
          from += 4 * one.count;
        }
      } else if (kind === "identity") wasm.add(dy, dx, count);
      else if (kind === "average") wasm.average_back(dy, dx, C, input.count / C);
      else if (kind === "softmax") softmaxBack(this.#view(at, count), of(layer), of(input));
    }
    const gradient = new Float32Array(3 * this.size ** 2);
    turnBack(of(layers[0]), gradient, this.size ** 2);
    return gradient;
  }

  // Gives each layer memory for a gradient, and each kernel as (C k k, M).
  #placeGradients() {
    for (const layer of this.#layers.values()) {
      if (layer.kind !== "convolution") continue;
      const length = layer.inputs[0].shape[0] * layer.side ** 2;
      const kernel = this.#view(layer.kernel, length * layer.filters).slice();
      const turned = new Float32Array(kernel.length);
      for (let m = 0; m < layer.filters; m++)
        for (let k = 0; k < length; k++) turned[k * layer.filters + m] = kernel[m * length + k];
      layer.turned = this.#put(turned);
    }
    return new Map([...this.#layers].map(([name, { count }]) => [name, this.#allocate(count)]));
  }
}

// (H, W, 3) to (3, H, W), and the reverse.
function turn(rgb, to, area) {
  for (let c = 0; c < 3; c++) for (let i = 0; i < area; i++) to[c * area + i] = rgb[3 * i + c];
}

function turnBack(from, rgb, area) {
  for (let c = 0; c < 3; c++) for (let i = 0; i < area; i++) rgb[3 * i + c] = from[c * area + i];
}

// Red, green, blue to blue, green, red, minus their means.
function centre(from, to, area, mean) {
  for (let c = 0; c < 3; c++) for (let i = 0; i < area; i++) to[c * area + i] = from[(2 - c) * area + i] - mean[c];
}

function turnColours(dy, dx, area) {
  for (let c = 0; c < 3; c++) for (let i = 0; i < area; i++) dx[(2 - c) * area + i] += dy[c * area + i];
}

// Whether no gradient passes a rectifier that gave y, and what is let back then.
function isShut(y, dy) {
  return y.every((value, i) => value <= 0 || dy[i] === 0);
}

function open(x, dy, dx) {
  for (let i = 0; i < x.length; i++) if (x[i] < 0 && dy[i] > 0) dx[i] += dy[i];
}

function softmax(from, to) {
  const most = from.reduce((a, b) => Math.max(a, b));
  const shares = Float64Array.from(from, (value) => Math.exp(value - most));
  const sum = shares.reduce((a, b) => a + b);
  for (let i = 0; i < to.length; i++) to[i] = shares[i] / sum;
}

function softmaxBack(y, dy, dx) {
  const mean = y.reduce((sum, share, i) => sum + share * dy[i], 0);
  for (let i = 0; i < y.length; i++) dx[i] += y[i] * (dy[i] - mean);
}
