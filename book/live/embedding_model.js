// EmbeddingExplorer's other half, in the page: what coursekit/widgets/embedding_explorer.py does in JupyterLab. The nearest
// pictures of every picture were searched when the lesson was run.

import { PageModel } from "./page_model.js";
import { floats, shorts } from "./saved.js";

const SPACES = ["pixels", "features"];

export class EmbeddingModel extends PageModel {
  #neighbors = {}; // space -> {indices, distances}, k numbers for each picture
  #k;
  #labels;

  constructor({ neighbors, k, ...state }, { shown, chosen, color }) {
    super({ ...state, shown, chosen, color, _neighbors: {} });
    this.#k = k;
    this.#labels = state._classes.labels && shorts(state._classes.labels);
    for (const space of SPACES.filter((one) => one in neighbors)) {
      const { indices, distances } = neighbors[space];
      this.#neighbors[space] = { indices: shorts(indices), distances: floats(distances) };
    }
    this.tell({ chosen });
  }

  tell({ chosen }) {
    if (chosen !== undefined) this.put({ _neighbors: chosen === null ? {} : this.#nearestTo(chosen) });
  }

  #nearestTo(chosen) {
    const found = { of: chosen };
    for (const [space, all] of Object.entries(this.#neighbors)) {
      const [indices, distances] = [all.indices, all.distances].map((numbers) => [
        ...numbers.subarray(chosen * this.#k, (chosen + 1) * this.#k),
      ]);
      found[space] = { indices, distances };
      if (this.#labels) found[space].same = indices.filter((i) => this.#labels[i] === this.#labels[chosen]).length;
    }
    return found;
  }
}

export async function mount(el, chosen, { widget, saved, elsewhere }) {
  if (!chosen.saved) elsewhere();
  const [explorer, state] = await Promise.all([widget("embedding_explorer"), saved(chosen.saved)]);
  const model = new EmbeddingModel(state, chosen);
  el.replaceChildren();
  explorer.render({ model, el });
}
