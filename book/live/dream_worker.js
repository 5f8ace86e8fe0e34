// Draws for DreamExplorer beside the page, A and B by turns, and posts how far it has come.

import { Ascent } from "./ascent.js";
import { loadNetwork, makeNetwork } from "./network.js";

const BETWEEN_FRAMES = 100; // milliseconds

const networks = new Map(); // size -> a promise of a network
let latest = 0; // number of the run that counts

const file = async (name) => {
  const answer = await fetch(new URL(name, import.meta.url));
  if (!answer.ok) throw new Error(`${name} could not be fetched (${answer.status}).`);
  return answer;
};

function networkOf(size) {
  if (!networks.has(size)) networks.set(size, load().then((parts) => makeNetwork(parts, size)));
  return networks.get(size);
}

async function load() {
  try {
    return await loadNetwork(file);
  } catch {
    throw new Error("The network could not be loaded."); // the browser's own words say less
  }
}

self.onmessage = async ({ data }) => {
  latest = data.run;
  if (!data.choice) return; // stop
  try {
    await draw(data.run, data.choice);
  } catch (error) {
    networks.clear(); // the next run tries again
    postMessage({ run: data.run, error: error.message });
  }
};

async function draw(run, { layer, channel, unit, size, steps, panels }) {
  const network = await networkOf(size);
  const ascents = panels.map((settings) => new Ascent({ network, layer, channel, unit }, settings));
  const traces = panels.map(() => []);
  const stuck = panels.map(() => []); // steps without a finite score and gradient
  let shown = 0;
  for (let step = 1; step <= steps; step++) {
    for (const [i, ascent] of ascents.entries()) {
      await new Promise((go) => setTimeout(go)); // a new choice may have come
      if (run !== latest) return;
      const { score, finite } = ascent.advance();
      traces[i].push(score);
      if (!finite) stuck[i].push(step);
    }
    if (step < steps && performance.now() - shown < BETWEEN_FRAMES) continue;
    const images = ascents.map((ascent) => Uint8ClampedArray.from(ascent.picture()));
    postMessage({ run, step, images, traces: traces.map((trace) => Float32Array.from(trace)), stuck });
    shown = performance.now();
  }
}
