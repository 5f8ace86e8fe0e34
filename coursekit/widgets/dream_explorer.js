// The page's side of DreamExplorer. Python draws in a thread and reports all there is to show, some ten times a second;
// here it is put on the screen. `model` holds what is chosen, which both sides share.

const { widget, floats, fromRGB, paint, put, radios, numberField, unique } = page;

// A penalty's weight may be anything; these are a slider's stops. What works differs from layer to layer by a factor of
// ten and more, so they grow by factors.
const WEIGHTS = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
const MOST_STEPS = 4096;

const KNOBS = [
  ["l2", "L2", WEIGHTS, "Weight of the mean squared distance from grey. Keeps colours pale."],
  ["total_variation", "Total variation", WEIGHTS, "Weight of the differences between neighbours. Makes plain areas."],
  ["blur", "Blur", WEIGHTS, "Weight of what a blur would take away. Keeps fine grain out."],
  ["shift", "Shift", range(0, 32, 2), "Pixels by which each step may shift the picture before the network sees it.", " px"],
  ["scale", "Scale", range(0, 10, 1).map((i) => i / 20), "Share by which every fourth view is shrunk or enlarged at most."],
  ["rotate", "Rotate", range(0, 44, 4), "Degrees by which every fourth view is turned at most.", "°"],
];

const HTML = `
<div class="ck-controls">
  <fieldset class="ck-target ck-radios"><legend>Draw a</legend>
    <label><input type="radio" value="channel">channel</label>
    <label><input type="radio" value="class">class</label></fieldset>
  <label class="ck-field ck-of-channel">Layer <select class="ck-layer"></select></label>
  <label class="ck-field ck-of-channel">Channel
    <input class="ck-channel" type="number" min="0" step="1" inputmode="numeric"></label>
  <label class="ck-field ck-of-channel"><input class="ck-walk" type="range" min="0" step="1" aria-label="Channel">
    <span class="ck-count ck-quiet"></span></label>
  <label class="ck-field ck-of-class">Class <input class="ck-class" type="text" size="24" autocomplete="off"
    spellcheck="false"></label><datalist></datalist>
  <label class="ck-field">Steps <input class="ck-steps" type="number" min="1" max="${MOST_STEPS}" step="1"></label>
  <label class="ck-field"><input class="ck-compare" type="checkbox"> compare with B</label>
</div>
<p class="ck-alert" role="alert"></p>
<div class="ck-line">
  <button type="button" class="ck-start">Start</button>
  <strong class="ck-title"></strong> <span class="ck-step ck-quiet"></span>
  <progress class="ck-progress" aria-label="Steps" value="0" max="1"></progress>
  <span class="ck-status" role="status"></span>
</div>
<div class="ck-panels">${["a", "b"].map(panel).join("")}</div>
<figure class="ck-curves">
  <svg role="img" aria-label="Scores: nothing drawn yet" preserveAspectRatio="none" viewBox="0 0 100 100">
    <line class="ck-photos" vector-effect="non-scaling-stroke" x1="0" x2="100"/>
    <polyline class="ck-curve-a" vector-effect="non-scaling-stroke"/>
    <polyline class="ck-curve-b" vector-effect="non-scaling-stroke"/></svg>
  <span class="ck-top"></span><span class="ck-zero">0</span><span class="ck-last"></span>
  <span class="ck-strongest"></span>
</figure>
<p class="ck-stuck ck-alert" role="status"></p>
<p class="ck-note ck-spread"></p>
<details class="ck-details"><summary>As code</summary><pre class="ck-code" tabindex="0"></pre></details>`;

function panel(name) {
  const NAME = name.toUpperCase();
  const knobs = KNOBS.map(
    ([key, title, , hint]) => `
    <label class="ck-knob" title="${hint}"><span>${title}</span><input type="range" min="0" step="1" data-key="${key}"
      aria-label="${title}, ${NAME}"><span class="ck-value ck-quiet" aria-hidden="true"></span></label>`,
  ).join("");
  return `
<section class="ck-panel" data-panel="${name}" aria-label="${NAME}">
  <div class="ck-picture">
    <div class="ck-stack"><canvas role="img" aria-label="${NAME}: nothing drawn yet"></canvas></div>
    <div class="ck-under">
      <span><i class="ck-chip"></i><strong>${NAME}</strong> <span class="ck-score ck-quiet"></span></span>
      <button type="button" class="ck-save" disabled>Save PNG</button></div>
  </div>
  <div class="ck-settings">
    <label class="ck-knob" title="What is varied: every pixel by itself, or waves of all lengths, the long ones more."
      ><span>Varied</span><select data-key="parametrization" aria-label="Varied, ${NAME}">
      <option value="fourier">waves</option><option value="pixels">pixels</option></select></label>
    <label class="ck-knob" title="The picture to begin with."
      ><span>Start</span><select data-key="start" aria-label="Start, ${NAME}">
      <option>noise</option><option>grey</option><option>black</option></select></label>
    <label class="ck-knob" title="Fixes the starting noise and the random views."
      ><span>Seed</span><input type="number" min="0" max="${2 ** 31}" step="1" data-key="seed"
      aria-label="Seed, ${NAME}"></label>
    ${knobs}
    <p class="ck-hint ck-quiet" aria-hidden="true"></p>
    ${name === "b" ? '<button type="button" class="ck-copy">Copy A’s settings to B</button>' : ""}
  </div>
</section>`;
}

function begin(view) {
  const { model, root, parts, all, choose, send, listen, say, onGone } = view;
  const find = (name, within) => within.querySelector(".ck-" + name);
  const [names] = all("datalist");
  const [chart] = all("svg");
  const [, classes] = all(".ck-target input");
  const panels = Object.fromEntries(all(".ck-panel").map((one) => [one.dataset.panel, one]));
  const showTarget = radios(parts.target, (value) => choose({ label: value === "class" ? lastClass : null }));
  for (const knob of all(".ck-knob")) {
    // what it does, for those who see no tooltip
    knob.querySelector("select, input").setAttribute("aria-description", knob.title);
    const hint = find("hint", knob.closest(".ck-panel"));
    knob.addEventListener("focusin", () => (hint.textContent = knob.title));
    knob.addEventListener("focusout", () => (hint.textContent = ""));
  }
  names.id = unique();
  parts.class.setAttribute("list", names.id);

  let classOf = new Map(); // its name in small letters -> its number
  let lastClass = 0; // what to go back to from a channel
  let pending = false; // whether Start was pressed and not answered yet
  let running = false;

  // ---- what is chosen

  function listNames() {
    const listed = model.get("_classes");
    parts.layer.replaceChildren(...model.get("_layers").map(([name, count]) => new Option(`${name} · ${count}`, name)));
    names.replaceChildren(...listed.map((name) => new Option(name)));
    classOf = new Map();
    // "tabby, tabby cat": any of a class's names will do, unless another class has it too.
    listed.forEach((name, index) => {
      for (const one of name.toLowerCase().split(", ")) classOf.set(one, classOf.has(one) ? undefined : index);
    });
    listed.forEach((name, index) => classOf.set(name.toLowerCase(), index));
    classes.disabled = listed.length === 0;
  }

  const channels = (layer) => model.get("_layers").find(([name]) => name === layer)[1];

  function takeChoice() {
    const label = model.get("label");
    const count = channels(model.get("layer"));
    if (label !== null) lastClass = label;
    showTarget(label === null ? "channel" : "class");
    for (const one of all(".ck-of-channel")) one.hidden = label !== null;
    for (const one of all(".ck-of-class")) one.hidden = label === null;
    parts.layer.value = model.get("layer");
    parts.channel.max = parts.walk.max = count - 1;
    parts.count.textContent = `0 to ${count - 1}`;
    put(parts.channel, model.get("channel"));
    parts.walk.value = model.get("channel");
    if (label !== null) put(parts.class, model.get("_classes")[label]);
    put(parts.steps, model.get("steps"));
    parts.compare.checked = model.get("compare");
    panels.b.hidden = !model.get("compare");
    for (const name of ["a", "b"]) takeSettings(name);
  }

  function takeSettings(name) {
    const settings = model.get(name);
    for (const field of panels[name].querySelectorAll("[data-key]")) {
      const value = settings[field.dataset.key];
      if (field.type !== "range") {
        put(field, value);
        continue;
      }
      const [, , stops, , unit = ""] = KNOBS.find(([key]) => key === field.dataset.key);
      field.max = stops.length - 1;
      field.value = nearestStop(stops, value);
      field.ariaValueText = field.nextElementSibling.textContent = value + unit;
    }
  }

  // ---- what Python reports

  function take(report, buffers) {
    pending = false;
    const was = running;
    running = report.running;
    if (report.error || was !== running) say(report.error);
    parts.start.textContent = running ? "Stop" : "Start";
    parts.start.classList.toggle("ck-on", !running);
    if (report.drawn) draw(report.drawn, buffers);
    else [parts.title.textContent, parts.step.textContent, parts.progress.value] = ["", "", 0];
    root.classList.toggle("ck-waiting", report.preparing !== null);
    if (report.preparing !== null) {
      parts.title.textContent = report.preparing;
      parts.step.textContent = "getting ready …";
      parts.progress.removeAttribute("value"); // moves: nobody knows how long
    }
    const done = report.drawn && report.drawn.step === report.drawn.steps;
    const words = running ? "" : done ? "Done." : "Stopped.";
    if (!running && !was) return;
    if (parts.status.textContent !== words) parts.status.textContent = report.error ? "" : words;
  }

  function draw(drawn, buffers) {
    const [height, width] = drawn.shape;
    parts.title.textContent = drawn.title;
    parts.step.textContent = `step ${drawn.step} of ${drawn.steps}`;
    [parts.progress.max, parts.progress.value] = [drawn.steps, drawn.step];
    parts.code.textContent = drawn.code;
    if (parts.stuck.textContent !== drawn.stuck) parts.stuck.textContent = drawn.stuck;
    parts.spread.textContent =
      `Scores and penalties are counted in spreads: 1 is the standard deviation of the objective over the course's ` +
      `20 photos, here ${drawn.unit}.`;
    const count = drawn.panels.length;
    const traces = buffers.slice(count).map(floats);
    drawn.panels.forEach((name, i) => {
      const score = traces[i][drawn.step - 1];
      const canvas = panels[name].querySelector("canvas");
      paint(canvas, height, width, fromRGB(buffers[i]));
      canvas.parentElement.style.aspectRatio = `${width} / ${height}`;
      canvas.ariaLabel =
        `${name.toUpperCase()}: what the network draws for ${drawn.title}, step ${drawn.step}, score ${format(score)}`;
      find("score", panels[name]).textContent = `score ${format(score)}`;
      const save = find("save", panels[name]);
      save.disabled = false;
      save.dataset.file = `${drawn.title} ${name} step ${drawn.step}`.replace(/[^\w()-]+/g, "-") + ".png";
    });
    drawCurves(drawn, traces);
  }

  function drawCurves(drawn, traces) {
    const values = traces.flatMap((trace) => [...trace]).filter(Number.isFinite);
    const low = Math.min(0, drawn.strongest, ...values);
    const high = Math.max(low + 1e-6, drawn.strongest, ...values);
    const y = (value) => 100 - (100 * (value - low)) / (high - low);
    for (const name of ["a", "b"]) {
      const trace = traces[drawn.panels.indexOf(name)] || [];
      const points = [...trace].map((value, i) => `${(100 * (i + 1)) / drawn.steps},${y(value).toFixed(2)}`);
      parts["curve-" + name].setAttribute("points", points.filter((_, i) => Number.isFinite(trace[i])).join(" "));
    }
    for (const end of ["y1", "y2"]) parts.photos.setAttribute(end, y(drawn.strongest));
    parts.strongest.style.top = `${y(drawn.strongest)}%`;
    parts.strongest.textContent = `strongest photo ${format(drawn.strongest)}`;
    // Above the line, unless it is at the top.
    parts.strongest.classList.toggle("ck-below", y(drawn.strongest) < 25);
    parts.zero.style.top = `${y(0)}%`;
    parts.top.textContent = format(high);
    parts.last.textContent = `step ${drawn.steps}`;
    const said = drawn.panels.map((name, i) => `${name.toUpperCase()} ${format(traces[i].at(-1))}`).join(", ");
    chart.ariaLabel =
      `Score at each step, up to step ${drawn.step}: ${said}. The strongest photo has ${format(drawn.strongest)}.`;
  }

  function save(name) {
    const { file } = find("save", panels[name]).dataset;
    panels[name].querySelector("canvas").toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });
  }

  // ---- what the reader does

  parts.start.onclick = () => {
    if (pending) return;
    pending = true;
    say("");
    send({ kind: running ? "stop" : "start" });
  };
  parts.layer.onchange = () => {
    const layer = parts.layer.value;
    const stays = model.get("channel") < channels(layer);
    choose(stays ? { layer } : { layer, channel: 0 });
  };
  const number = (field, value, use) => numberField(view, field, { value, use });
  number(parts.channel, () => model.get("channel"), (channel) => choose({ channel }));
  parts.walk.oninput = () => choose({ channel: Number(parts.walk.value) });
  number(parts.steps, () => model.get("steps"), (steps) => choose({ steps }));
  parts.compare.onchange = () => choose({ compare: parts.compare.checked });
  const typedClass = () => classOf.get(parts.class.value.trim().toLowerCase());
  parts.class.oninput = () => {
    say("");
    if (typedClass() !== undefined) choose({ label: typedClass() });
  };
  const refuseClass = () => {
    if (typedClass() === undefined)
      say(`There is no class ${parts.class.value}. Type a part of a name to see what there is.`);
  };
  parts.class.onchange = refuseClass;
  parts.class.onkeydown = (event) => {
    if (event.key === "Enter") refuseClass(); // no change event comes while the list of names is open
  };
  parts.class.onblur = () => takeChoice();
  parts.copy.onclick = () => choose({ b: { ...model.get("a") } });
  for (const [name, one] of Object.entries(panels)) {
    find("save", one).onclick = () => save(name);
    for (const field of one.querySelectorAll("[data-key]")) {
      const set = (value) => choose({ [name]: { ...model.get(name), [field.dataset.key]: value } });
      const stops = KNOBS.find(([key]) => key === field.dataset.key)?.[2];
      if (stops) field.oninput = () => set(stops[field.value]);
      else if (field.type === "number") number(field, () => model.get(name)[field.dataset.key], set);
      else field.onchange = () => set(field.value);
    }
  }

  listen({
    "change:layer change:channel change:label change:steps change:compare change:a change:b": takeChoice,
    "change:_layers change:_classes": listNames,
    "msg:custom": take,
  });

  onGone(() => {
    pending = running = false;
    parts.start.textContent = "Start";
    parts.start.classList.add("ck-on");
    root.classList.remove("ck-waiting");
    if (!parts.progress.hasAttribute("value")) [parts.step.textContent, parts.progress.value] = ["", 0];
    parts.status.textContent = "";
  });

  parts.start.classList.add("ck-on");
  listNames();
  takeChoice();
  send({ kind: "look" });
}

function range(first, last, step) {
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => first + i * step);
}

function nearestStop(stops, value) {
  return stops.reduce((best, stop, i) => (Math.abs(stop - value) < Math.abs(stops[best] - value) ? i : best), 0);
}

const format = (value) => page.format(value, 3);

export default widget("dream-explorer", HTML, begin, "What a network draws");
