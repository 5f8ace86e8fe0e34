// Gradient ascent on a picture, as coursekit/techniques/optimization.py takes it: the same parametrizations, views,
// penalties and steps. Only its random numbers are others than NumPy's. Pictures are square, (side, side, 3), 0-255.

import { planeOf, quickLength, wavesOf } from "./waves.js";

const GREY = 127.5;
const TURN_EVERY = 4; // steps

// ---- random numbers

// Returns a generator of numbers from 0 to 1: the same for the same seed.
export function randomNumbers(seed) {
  let state = (seed * 2654435761 + 1013904223) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function normalNumbers(random, count, mean, deviation) {
  const one = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Float64Array.from({ length: count }, () => mean + deviation * one());
}

// ---- what is varied: {noise(random), plain(value), picture(parameters), back(parameters' slope), legal, rate}

function pixels(side) {
  const count = 3 * side * side;
  const clip = (values) => values.map((value) => Math.min(Math.max(value, 0), 255));
  return {
    rate: 2,
    noise: (random) => clip(normalNumbers(random, count, GREY, 10)),
    plain: (value) => new Float64Array(count).fill(value),
    picture: (parameters) => parameters,
    back: (_, slope) => slope,
    legal: clip,
  };
}

// How red, green and blue go together in photos: see coursekit/techniques/parametrizations.py.
const COLOURS = [
  [0.26, 0.09, 0.02],
  [0.27, 0, -0.05],
  [0.27, -0.09, 0.03],
];
const LONGEST = Math.max(...[0, 1, 2].map((i) => Math.hypot(...COLOURS.map((row) => row[i]))));
for (const row of COLOURS) for (let i = 0; i < 3; i++) row[i] /= LONGEST;

// The three numbers v of which the colours' sums are (1, 1, 1).
function ofGrey() {
  const determinant = ([a, b, c]) =>
    a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
  const whole = determinant(COLOURS);
  return [0, 1, 2].map((i) => determinant(COLOURS.map((row) => row.map((value, k) => (k === i ? 1 : value)))) / whole);
}

function fourier(side) {
  const canvas = quickLength(side);
  const half = canvas / 2 + 1;
  const margin = Math.floor((canvas - side) / 2);
  const planes = 2 * canvas * half; // numbers for a colour
  const amplitude = new Float64Array(planes);
  const times = new Float64Array(planes); // how much a number's slope counts: most waves stand for two
  for (let y = 0; y < canvas; y++)
    for (let x = 0; x < half; x++) {
      const frequency = Math.hypot(Math.min(y, canvas - y), x) / canvas;
      const at = 2 * (y * half + x);
      amplitude[at] = amplitude[at + 1] = canvas / 4 / Math.max(frequency, 1 / canvas);
      times[at] = times[at + 1] = (x === 0 || x === half - 1 ? 1 : 2) / canvas ** 2;
    }
  const at = (y, x) => (y + margin) * canvas + x + margin;

  function picture(parameters) {
    const values = [0, 1, 2].map((c) =>
      planeOf(amplitude.map((factor, i) => factor * parameters[c * planes + i]), canvas, canvas),
    );
    const made = new Float64Array(3 * side * side);
    for (let y = 0, to = 0; y < side; y++)
      for (let x = 0; x < side; x++)
        for (let j = 0, i = at(y, x); j < 3; j++) {
          const [red, green, blue] = COLOURS[j];
          made[to++] = 255 / (1 + Math.exp(-red * values[0][i] - green * values[1][i] - blue * values[2][i]));
        }
    return made;
  }

  function back(made, slope) {
    const values = [0, 1, 2].map(() => new Float64Array(canvas * canvas));
    for (let y = 0, from = 0; y < side; y++)
      for (let x = 0; x < side; x++)
        for (let j = 0; j < 3; j++, from++) {
          const steep = slope[from] * made[from] * (1 - made[from] / 255);
          for (let i = 0; i < 3; i++) values[i][at(y, x)] += COLOURS[j][i] * steep;
        }
    const all = new Float64Array(3 * planes);
    values.forEach((plane, c) => {
      const waves = wavesOf(plane, canvas, canvas);
      for (let i = 0; i < planes; i++) all[c * planes + i] = waves[i] * amplitude[i] * times[i];
    });
    return all;
  }

  function plain(value) {
    const share = Math.min(Math.max(value / 255, 0.01), 0.99);
    const parameters = new Float64Array(3 * planes);
    ofGrey().forEach((part, c) => {
      parameters[c * planes] = (Math.log(share / (1 - share)) * part * canvas ** 2) / amplitude[0];
    });
    return parameters;
  }

  const noise = (random) => normalNumbers(random, 3 * planes, 0, 0.01);
  return { rate: 0.05, noise, plain, picture, back, legal: (parameters) => parameters };
}

const PARAMETRIZATIONS = { fourier, pixels };

// ---- how the network sees it: [a, b, x, c, d, y] lead from a pixel of the view to one of the canvas

export function randomView(random, canvas, side, scale, rotate) {
  const [top, left] = [0, 1].map(() => Math.floor(random() * (canvas - side + 1)));
  if (!scale && !rotate) return [1, 0, left, 0, 1, top];
  const factor = (1 + scale) ** (2 * random() - 1);
  const angle = (rotate * (2 * random() - 1) * Math.PI) / 180;
  const [c, s] = [Math.cos(angle) / factor, Math.sin(angle) / factor];
  const middle = (side - 1) / 2;
  return [c, -s, left + middle - middle * (c - s), s, c, top + middle - middle * (s + c)];
}

// Calls `use(pixel of the view, pixel of the canvas, weight)` for all that has a weight: bilinear, mirrored beyond the
// canvas.
function lookThrough([a, b, x0, c, d, y0], canvas, side, use) {
  for (let row = 0, to = 0; row < side; row++)
    for (let column = 0; column < side; column++, to += 3) {
      const x = mirrored(a * column + b * row + x0, canvas);
      const y = mirrored(c * column + d * row + y0, canvas);
      const [left, top] = [Math.floor(x), Math.floor(y)];
      for (let i = 0; i < 2; i++)
        for (let j = 0; j < 2; j++) {
          const weight = (i ? y - top : top + 1 - y) * (j ? x - left : left + 1 - x);
          if (weight) use(to, 3 * ((top + i) * canvas + left + j), weight);
        }
    }
}

function mirrored(at, length) {
  let place = ((at % (2 * length)) + 2 * length) % (2 * length);
  if (place >= length) place = 2 * length - 1 - place;
  return Math.min(Math.max(place, 0), length - 1);
}

export function view(picture, how, canvas, side) {
  const seen = new Float64Array(3 * side * side);
  lookThrough(how, canvas, side, (to, from, weight) => {
    for (let k = 0; k < 3; k++) seen[to + k] += weight * picture[from + k];
  });
  return seen;
}

export function viewBack(slope, how, canvas, side) {
  const back = new Float64Array(3 * canvas * canvas);
  lookThrough(how, canvas, side, (from, to, weight) => {
    for (let k = 0; k < 3; k++) back[to + k] += weight * slope[from + k];
  });
  return back;
}

// ---- penalties: each takes a picture and returns [value, slope]

function l2(picture) {
  let sum = 0;
  const slope = picture.map((value) => {
    const away = (value - GREY) / GREY;
    sum += away * away;
    return (2 * away) / (GREY * picture.length);
  });
  return [sum / picture.length, slope];
}

function totalVariation(picture, side) {
  let sum = 0;
  const slope = new Float64Array(picture.length);
  const unit = 1 / (GREY * picture.length);
  const compare = (i, j) => {
    const away = picture[j] - picture[i];
    sum += Math.abs(away) * unit;
    slope[j] += Math.sign(away) * unit;
    slope[i] -= Math.sign(away) * unit;
  };
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      for (let k = 0; k < 3; k++) {
        const i = 3 * (y * side + x) + k;
        if (x + 1 < side) compare(i, i + 3);
        if (y + 1 < side) compare(i, i + 3 * side);
      }
  return [sum, slope];
}

const BELL = [-3, -2, -1, 0, 1, 2, 3].map((i) => Math.exp(-0.5 * i * i));
const UNDER_BELL = BELL.reduce((a, b) => a + b);

// Blurs along both sides; with `back`, the reverse: each number goes to those that it came from.
function blurred(picture, side, back = false) {
  let made = picture;
  for (const step of [3, 3 * side]) {
    const from = made;
    made = new Float64Array(from.length);
    for (let i = 0; i < from.length; i++) {
      const place = Math.floor(i / step) % side;
      for (let k = -3; k <= 3; k++) {
        const other = i + (mirrored(place + k, side) - place) * step;
        const share = BELL[k + 3] / UNDER_BELL;
        if (back) made[other] += share * from[i];
        else made[i] += share * from[other];
      }
    }
  }
  return made;
}

function blur(picture, side) {
  const smooth = blurred(picture, side);
  const fine = picture.map((value, i) => (value - smooth[i]) / GREY);
  const back = blurred(fine, side, true);
  const sum = fine.reduce((total, one) => total + one * one, 0);
  return [sum / picture.length, fine.map((one, i) => (2 * (one - back[i])) / (GREY * picture.length))];
}

const PENALTIES = { l2, total_variation: totalVariation, blur };

// ---- the ascent

export class Ascent {
  #aim;
  #settings;
  #variable;
  #canvas;
  #random;
  #parameters;
  #mean;
  #square;
  step = 0;

  // aim: {network, layer, channel, unit}: the mean of a layer's channel, counted in units, is to be made large.
  constructor(aim, settings) {
    this.#aim = aim;
    this.#settings = settings;
    this.#canvas = aim.network.size + 2 * settings.shift;
    this.#variable = PARAMETRIZATIONS[settings.parametrization](this.#canvas);
    this.#random = randomNumbers(settings.seed + 0.5);
    const plain = { grey: GREY, black: 0 }[settings.start];
    const noise = () => this.#variable.noise(randomNumbers(settings.seed));
    this.#parameters = plain === undefined ? noise() : this.#variable.plain(plain);
    this.#mean = new Float64Array(this.#parameters.length);
    this.#square = new Float64Array(this.#parameters.length);
  }

  // Takes a step; returns {score, penalty, finite} of before it.
  advance() {
    const { network, layer, channel, unit } = this.#aim;
    const { scale, rotate } = this.#settings;
    const side = network.size;
    const turned = ++this.step % TURN_EVERY === 0 ? [scale, rotate] : [0, 0];
    const picture = this.#variable.picture(this.#parameters);
    const how = randomView(this.#random, this.#canvas, side, ...turned);
    const seen = view(picture, how, this.#canvas, side);

    let score = 0;
    const slope = (values, count) => {
      const area = values.length / count;
      const mine = [channel * area, (channel + 1) * area];
      score = values.subarray(...mine).reduce((sum, one) => sum + one, 0) / area / unit;
      return new Float32Array(values.length).fill(1 / area / unit, ...mine);
    };
    let { gradient } = network.gradient(seen, layer, slope);
    // A channel that is silent everywhere has no gradient: let it through the ReLUs that block it.
    if (gradient.every((one) => one === 0)) ({ gradient } = network.gradient(seen, layer, slope, true));
    let penalty = 0;
    const uphill = viewBack(gradient, how, this.#canvas, side);
    for (const [name, penalize] of Object.entries(PENALTIES)) {
      const weight = this.#settings[name];
      if (!weight) continue;
      const [value, down] = penalize(picture, this.#canvas);
      penalty += weight * value;
      for (let i = 0; i < uphill.length; i++) uphill[i] -= weight * down[i];
    }
    const finite = Number.isFinite(score) && gradient.every(Number.isFinite);
    if (finite) this.#climb(this.#variable.back(picture, uphill));
    return { score, penalty, finite };
  }

  // Adam (arXiv:1412.6980).
  #climb(uphill) {
    const length = (this.#variable.rate * Math.sqrt(1 - 0.999 ** this.step)) / (1 - 0.9 ** this.step);
    const moved = this.#parameters.map((value, i) => {
      this.#mean[i] = 0.9 * this.#mean[i] + 0.1 * uphill[i];
      this.#square[i] = 0.999 * this.#square[i] + 0.001 * uphill[i] ** 2;
      return value + (length * this.#mean[i]) / (Math.sqrt(this.#square[i]) + 1e-14);
    });
    this.#parameters = this.#variable.legal(moved);
  }

  // The picture as it is now, (side, side, 3), without the margin that shifts need.
  picture() {
    const side = this.#aim.network.size;
    const { shift } = this.#settings;
    return view(this.#variable.picture(this.#parameters), [1, 0, shift, 0, 1, shift], this.#canvas, side);
  }
}
