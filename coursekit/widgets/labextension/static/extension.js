// JupyterLab shows a widget as the richest thing that its output has: the live view. When the Python that the view talks
// to is gone (a notebook saved yesterday), ipywidgets shows an error there, above the still picture that the output has
// too. This extension shows the picture. It is written as JupyterLab loads it, so that nothing has to be built.

(() => {
  const VIEW = "application/vnd.jupyter.widget-view+json";
  const PATIENCE = 1000; // milliseconds to wait for a live view before the picture stands in for it
  let shared; // JupyterLab's own packages

  async function load(name) {
    const [version] = Object.values(shared[name] ?? {});
    return version && (await version.get())();
  }

  async function plugin() {
    const [base, rendermime, notebook] = await Promise.all(
      ["@jupyter-widgets/base", "@jupyterlab/rendermime", "@jupyterlab/notebook"].map(load),
    );
    return {
      id: "coursekit:still-pictures",
      autoStart: true,
      requires: [rendermime.IRenderMimeRegistry],
      // The first one only so that ipywidgets has come before; it may be missing.
      optional: [base?.IJupyterWidgetRegistry, notebook?.INotebookTracker].filter(Boolean),
      activate: (_, registry, ...others) => stand(registry, others.at(-1)),
    };
  }

  // Lets the still picture stand in wherever there is no live view.
  function stand(registry, notebooks) {
    if (!registry.mimeTypes.includes(VIEW)) return; // no ipywidgets
    const renderer = Object.getPrototypeOf(registry.createRenderer(VIEW));
    const { renderModel } = renderer;

    renderer.renderModel = async function (model) {
      const id = model.data[VIEW].model_id;
      if (id && id === this.liveModel && this.widgets.some((view) => !view.isDisposed)) return; // it is there already
      if (this.liveModel === undefined) this.node.addEventListener("coursekit-still", (event) => keep(this, event.detail));
      this.liveModel = id;
      const run = (this.standIns = (this.standIns ?? 0) + 1);
      removePicture(this);
      const late = setTimeout(() => run === this.standIns && showPicture(this, model), PATIENCE);
      try {
        await renderModel.call(this, model);
      } finally {
        clearTimeout(late);
      }
      if (run !== this.standIns || this.isDisposed || this.isHidden) return;
      const picture = this.picture;
      if (this.widgets.some((view) => view !== picture)) removePicture(this);
      else showPicture(this, model);
    };

    function showPicture(renderer, model) {
      const { [VIEW]: _, ...data } = model.data;
      const type = registry.preferredMimeType(data, model.trusted ? "any" : "ensure");
      renderer.liveModel = null;
      if (!type || renderer.isDisposed) return;
      removePicture(renderer);
      renderer.node.textContent = "";
      renderer.removeClass("jupyter-widgets");
      renderer.picture = registry.createRenderer(type);
      renderer.addWidget(renderer.picture);
      renderer.picture.renderModel({ data, metadata: model.metadata, trusted: model.trusted, setData() {} });
    }

    function removePicture(renderer) {
      renderer.picture?.dispose();
      renderer.picture = null;
    }

    // Puts a new still picture into the notebook, beside the view: what a page exported from it shows.
    function keep({ node, liveModel }, { html, text }) {
      notebooks?.forEach(({ content }) => {
        const outputs = content.widgets.find((cell) => cell.node.contains(node))?.model.outputs;
        for (let i = 0; i < (outputs?.length ?? 0); i++) {
          const output = outputs.get(i).toJSON();
          if (output.data?.[VIEW]?.model_id !== liveModel) continue;
          outputs.set(i, { ...output, data: { ...output.data, "text/html": html, "text/plain": text } });
        }
      });
    }
  }

  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB.coursekit = {
    init: (scope) => {
      shared = scope;
    },
    get: async () => {
      const one = await plugin();
      return () => ({ __esModule: true, default: one });
    },
  };
})();
