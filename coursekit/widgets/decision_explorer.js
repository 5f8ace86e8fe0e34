// The page's side of DecisionExplorer. Python computes the maps in a thread and reports each when it is done; here they
// are drawn, from their values. `model` holds what is chosen, which both sides share.

const { widget, element, floats, fromRGB, numbers, paint, put, unique } = page;

// The usual mistakes: the trait, its name, and what is wrong with it.
const MISTAKES = [
  ["probability", "Probability instead of score",
    "Wrong because a probability also rises when the other classes fall, so the map mixes them in. Where the network " +
    "is sure, the gradient of the probability is almost nothing."],
  ["absolute", "SmoothGrad: absolute value before the mean",
    "Wrong because gradients of opposite sign no longer cancel: the noise that SmoothGrad takes away stays, and the " +
    "sign is lost."],
  ["own_scale", "A scale of its own for each map",
    "Wrong because a weak map then looks as strong as a strong one, so two classes cannot be compared."],
  ["without_relu", "Grad-CAM without its ReLU",
    "Wrong because Grad-CAM asks what raises the class. Without the ReLU, places that lower it stand in the map too, " +
    "in blue."],
];

const HTML = `
<div class="ck-controls">
  <label class="ck-field">Class <input class="ck-target" type="text" size="22" autocomplete="off"
    spellcheck="false"></label>
  <label class="ck-field">Compare with <input class="ck-against" type="text" size="22" autocomplete="off"
    spellcheck="false" placeholder="no other class"></label><datalist></datalist>
  <label class="ck-field ck-where">Grad-CAM at <select class="ck-layer"></select></label>
</div>
<div class="ck-controls ck-below">
  <label class="ck-field">Randomized layers
    <input class="ck-depth" type="range" min="0" step="1"></label>
  <span class="ck-count ck-quiet"></span>
</div>
<p class="ck-alert" role="alert"></p>
<div class="ck-line">
  <progress class="ck-progress" aria-label="Maps that are done" value="0" max="1"></progress>
  <span class="ck-status" role="status"></span>
</div>
<div class="ck-main">
  <section class="ck-seen" aria-label="What the network says">
    <div class="ck-stack"><canvas class="ck-photo" role="img"></canvas></div>
    <h4 class="ck-says"></h4>
    <ol class="ck-top"></ol>
  </section>
  <div class="ck-maps" role="group" aria-label="Maps"></div>
</div>
<p class="ck-note">Red: a brighter pixel raises the <span class="ck-what">score</span> of the class (Grad-CAM: the place raises it). Blue: it lowers
  it. White: zero. The scale goes to where 99.5 % of a map’s values lie.</p>
<fieldset class="ck-mistakes"><legend>Usual mistakes</legend>${MISTAKES.map(mistake).join("")}</fieldset>`;

function mistake([key, title, why]) {
  return `
<div class="ck-mistake"><label class="ck-field"><input type="checkbox" data-key="${key}"> ${title}</label>
  <p class="ck-why ck-quiet">${why}</p></div>`;
}

function begin({ model, root, parts, all, choose, send, listen, say, onGone }) {
  const [names] = all("datalist");
  const figures = new Map(); // of each method: its element and its rows
  let classOf = new Map(); // its name in small letters -> its number
  let palette;
  let failed = false; // whether an error of Python's stands in the page
  names.id = unique();
  for (const field of [parts.target, parts.against]) field.setAttribute("list", names.id);
  for (const one of all("[data-key]")) {
    const why = one.closest(".ck-mistake").querySelector(".ck-why");
    why.id = unique();
    one.setAttribute("aria-describedby", why.id);
  }

  // ---- what is there

  function build() {
    const classes = model.get("_classes");
    names.replaceChildren(...classes.map((name) => new Option(name)));
    classOf = new Map();
    // "tabby, tabby cat": any of a class's names will do, unless another class has it too.
    classes.forEach((name, index) => {
      for (const one of name.toLowerCase().split(", ")) classOf.set(one, classOf.has(one) ? undefined : index);
    });
    classes.forEach((name, index) => classOf.set(name.toLowerCase(), index));
    palette = numbers(Uint8Array, model.get("_palette"));
    parts.layer.replaceChildren(...model.get("_layers").map((name) => new Option(name)));
    parts.where.hidden = model.get("_layers").length === 0;
    parts.depth.max = model.get("_learnt").length;
    const probability = all('[data-key="probability"]')[0];
    probability.disabled = !model.get("_squashed");
    drawPhoto(classes);
    parts.maps.replaceChildren(...model.get("_methods").map(([method, title]) => buildFigure(method, title)));
    page.keepKeys(root);
  }

  function drawPhoto(classes) {
    const { shape, rgb } = model.get("_photo");
    paint(parts.photo, ...shape, fromRGB(rgb));
    parts.photo.parentElement.style.aspectRatio = `${shape[1]} / ${shape[0]}`;
    const top = model.get("_top");
    const squashed = model.get("_squashed");
    parts.says.textContent = squashed ? "Most probable classes" : "Classes with the largest scores";
    parts.top.replaceChildren(
      ...top.map(([index, value]) => {
        const button = element("button", "ck-class", { type: "button", title: "Explain this class" });
        button.append(element("span", "ck-named", { textContent: classes[index] }));
        button.append(element("span", "ck-much", { textContent: share(value, squashed) }));
        button.style.setProperty("--share", squashed && value !== null ? value : 0);
        button.dataset.index = index;
        button.onclick = () => choose({ target: index });
        const line = element("li");
        line.append(button);
        return line;
      }),
    );
    const said = top.map(([index, value]) => `${classes[index]} ${share(value, squashed)}`).join("; ");
    parts.photo.ariaLabel = `The picture. ${parts.says.textContent}: ${said}.`;
  }

  function buildFigure(method, title) {
    const one = element("figure", "ck-map", { innerHTML: `<figcaption>${title}</figcaption>${ROW}${ROW}` });
    one.append(element("p", "ck-correlation"));
    one.dataset.method = method;
    const rows = [...one.querySelectorAll(".ck-row")];
    rows[1].hidden = true;
    for (const row of rows) row.querySelector("canvas").ariaLabel = `${title}: not computed yet`;
    figures.set(method, { one, rows });
    return one;
  }

  // ---- what is chosen

  function takeChoice() {
    const classes = model.get("_classes");
    const against = model.get("against");
    put(parts.target, classes[model.get("target")]);
    put(parts.against, against === null ? "" : classes[against]);
    for (const one of all(".ck-class")) one.ariaPressed = String(Number(one.dataset.index) === model.get("target"));
    if (model.get("layer") !== null) parts.layer.value = model.get("layer");
    const layers = model.get("_learnt");
    const depth = model.get("randomized");
    parts.depth.value = depth;
    const last = depth === 0 ? "none: the trained network" : `from the top, down to ${layers[depth - 1]}`;
    parts.count.textContent = `${depth} of ${layers.length}, ${last}`;
    parts.depth.ariaValueText = parts.count.textContent;
    parts.what.textContent = model.get("probability") ? "probability" : "score";
    for (const one of all("[data-key]")) {
      one.checked = model.get(one.dataset.key);
      one.closest(".ck-mistake").classList.toggle("ck-on", one.checked);
    }
  }

  // ---- what Python reports

  function take({ running, error, shown }, buffers) {
    const values = buffers.map(floats);
    root.ariaBusy = String(running);
    if (error || failed) say(error);
    failed = error !== "";
    const done = new Set(shown.map(({ method }) => method));
    for (const [method, { one }] of figures) one.classList.toggle("ck-pending", !done.has(method));
    for (const each of shown) takeMap(each, values);
    [parts.progress.max, parts.progress.value] = [figures.size, done.size];
    const next = model.get("_methods").find(([method]) => !done.has(method));
    const words = error ? "" : running && next ? `Computing ${next[1]} …` : running ? "" : "Done.";
    if (parts.status.textContent !== words) parts.status.textContent = words;
  }

  function takeMap({ method, rows: told, correlation, maps }, values) {
    const { one, rows } = figures.get(method);
    rows.forEach((row, i) => {
      row.hidden = i >= told.length;
      if (row.hidden) return;
      const part = (name) => row.querySelector(".ck-" + name);
      const { name, shape, limit, range, said, trained, randomized } = told[i];
      if (maps) paint(row.querySelector("canvas"), ...shape, inColours(values.shift(), limit || 1, shape[1]));
      part("stack").style.aspectRatio = `${shape[1]} / ${shape[0]}`;
      part("of").textContent = part("of").title = name;
      part("range").textContent = range;
      part("scale").hidden = limit === 0;
      [part("low").textContent, part("high").textContent] = [`−${format(limit)}`, format(limit)];
      const ranks = randomized ? `rank correlation with trained ${inWords(trained)}` : "";
      part("trained").textContent = ranks;
      row.querySelector("canvas").ariaLabel = ranks ? `${said}; ${ranks}` : said;
    });
    const text = told.length > 1 ? `correlation of both ${inWords(correlation)}` : "";
    one.querySelector(".ck-correlation").textContent = text;
  }

  function inColours(values, limit, width) {
    const steps = palette.length / 3;
    return (pixels) => {
      values.forEach((value, i) => {
        const step = Math.min(steps - 1, Math.max(0, Math.floor(((value + limit) / (2 * limit)) * steps)));
        const grey = (i + Math.floor(i / width)) % 2 ? 110 : 190; // a pattern of greys where there is no number
        for (let k = 0; k < 3; k++) pixels[4 * i + k] = Number.isNaN(value) ? grey : palette[3 * step + k];
        pixels[4 * i + 3] = 255;
      });
    };
  }

  // ---- what the reader does

  function byName(field, trait, empty) {
    const typed = () => (field.value.trim() === "" ? empty : classOf.get(field.value.trim().toLowerCase()));
    const refuse = () => {
      if (typed() === undefined) say(`There is no class ${field.value}. Type a part of a name to see what there is.`);
    };
    field.oninput = () => {
      say("");
      if (typed() !== undefined && typed() !== model.get(trait)) choose({ [trait]: typed() });
    };
    field.onchange = refuse;
    field.onkeydown = (event) => {
      if (event.key === "Enter") refuse(); // no change event comes while the list of names is open
    };
    field.onblur = takeChoice;
  }

  byName(parts.target, "target", undefined);
  byName(parts.against, "against", null);
  parts.layer.onchange = () => choose({ layer: parts.layer.value });
  parts.depth.oninput = () => choose({ randomized: Number(parts.depth.value) });
  for (const one of all("[data-key]")) one.onchange = () => choose({ [one.dataset.key]: one.checked });

  const chosen = "target against layer randomized probability absolute own_scale without_relu";
  onGone(() => {
    root.ariaBusy = "false";
    parts.status.textContent = "";
    takeChoice();
  });
  listen({ [chosen.replace(/(\w+)/g, "change:$1")]: takeChoice, "msg:custom": take });

  build();
  takeChoice();
  send({ kind: "look" });
}

const ROW = `
<div class="ck-row">
  <div class="ck-stack"><canvas class="ck-crisp" role="img"></canvas></div>
  <p class="ck-of"></p>
  <p class="ck-range"></p>
  <p class="ck-scale" title="The scale" hidden><span class="ck-low"></span><i class="ck-bar"></i><span
    class="ck-high"></span></p>
  <p class="ck-trained"></p>
</div>`;

const format = (value) => page.format(value, 2);
const inWords = (value) => (value === null ? "not defined" : value.toFixed(2).replace("-", "−"));
const share = (value, squashed) => {
  if (value === null) return "NaN";
  return squashed ? (value < 0.0005 ? "< 0.001" : value.toFixed(3)) : page.format(value, 3).replace("-", "−");
};

export default widget("decision-explorer", HTML, begin, "Maps of a decision");
