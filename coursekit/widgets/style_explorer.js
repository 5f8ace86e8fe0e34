// The page's side of StyleExplorer. Python draws in a thread and reports some times a second; here it is put on the
// screen. `model` holds what is chosen, which both sides share.

const { widget, element, fromRGB, opens, paint, pictureFiles, waiting } = page;

// The weight of the style may be anything; these are the slider's stops. What works differs by factors.
const STRENGTHS = [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];

const HTML = `
<div class="ck-controls">
  <div class="ck-field"><label>Content <select class="ck-content"></select></label>
    <button type="button" class="ck-open-content">Your photo…</button></div>
  <div class="ck-field"><label>Style <select class="ck-style"></select></label>
    <button type="button" class="ck-open-style">Your style…</button></div>
  <label class="ck-field"><input class="ck-colour" type="checkbox"> keep the colours of the content</label>
  <input class="ck-file-content" type="file" accept="image/*" hidden>
  <input class="ck-file-style" type="file" accept="image/*" hidden>
</div>
<div class="ck-weights">
  <label class="ck-knob"><span>Weight of the style</span><input class="ck-strength" type="range" min="0"
    max="${STRENGTHS.length - 1}" step="1"><span class="ck-value ck-quiet" aria-hidden="true"></span></label>
  <fieldset class="ck-layers"><legend>The layers’ share in it</legend></fieldset>
</div>
<p class="ck-alert" role="alert"></p>
<div class="ck-line">
  <button type="button" class="ck-start">Stop</button>
  <progress class="ck-progress" aria-label="Steps" value="0" max="1"></progress>
  <span class="ck-step ck-quiet"></span>
  <span class="ck-status" role="status"></span>
</div>
<div class="ck-pictures">${["photo", "painting", "made", "fast"].map(picture).join("")}</div>
<figure class="ck-curves">
  <svg role="img" aria-label="Losses: no step is done yet" preserveAspectRatio="none" viewBox="0 0 100 100">
    <polyline class="ck-curve-content" vector-effect="non-scaling-stroke"/>
    <polyline class="ck-curve-style" vector-effect="non-scaling-stroke"/></svg>
  <span class="ck-top"></span><span class="ck-zero">0</span><span class="ck-last"></span>
</figure>
<p class="ck-legend"><span class="ck-key"><i class="ck-chip ck-of-content"></i>content loss</span>
  <span class="ck-key"><i class="ck-chip ck-of-style"></i>style loss</span></p>
<p class="ck-note">A picture can be dropped here: on the style it becomes a style, elsewhere a content.</p>
<div class="ck-drop" aria-hidden="true">Drop the picture here</div>`;

function picture(name) {
  const titles = { photo: "Content", painting: "Style", made: "Step by step", fast: "At once" };
  return `
<figure class="ck-picture ck-of-${name}"><figcaption>${titles[name]}</figcaption>
  <div class="ck-stack"><canvas class="ck-${name}" role="img" aria-label="${titles[name]}: nothing drawn yet"></canvas></div>
  <p class="ck-says-${name} ck-quiet"></p></figure>`;
}

function begin(view) {
  const { model, root, parts, all, choose, send, listen, say, onGone } = view;
  const [chart] = all("svg");
  const knobs = new Map(); // of each layer: its slider
  const busy = waiting(view);
  const sendFile = pictureFiles(view, {
    busy: (file) => busy(file ? `Reading ${file.name} …` : ""),
    about: (where) => ({ kind: "file", role: where.closest(".ck-of-painting") ? "style" : "content" }),
  });
  let pending = false; // whether Start or Stop was pressed and not answered yet
  let running = false;
  let failed = false; // whether an error of Python's stands in the page

  // ---- what is chosen

  function build() {
    for (const name of Object.keys(model.get("weights"))) {
      const knob = element("label", "ck-knob");
      const slider = element("input", "ck-weight", { type: "range", min: 0, max: 1, step: 0.1 });
      const value = element("span", "ck-value ck-quiet", { ariaHidden: "true" });
      slider.dataset.layer = name;
      slider.oninput = () => choose({ weights: { ...model.get("weights"), [name]: Number(slider.value) } });
      knob.append(element("span", "", { textContent: name }), slider, value);
      parts.layers.append(knob);
      knobs.set(name, slider);
    }
    page.keepKeys(root);
  }

  function listPictures() {
    for (const [role, names] of [["content", "_contents"], ["style", "_styles"]])
      parts[role].replaceChildren(...model.get(names).map((name, i) => new Option(name, i)));
    takeChoice();
  }

  function takeChoice() {
    parts.content.value = model.get("content");
    parts.style.value = model.get("style");
    parts.colour.checked = model.get("keep_colour");
    const strength = model.get("strength");
    show(parts.strength, nearestStop(strength), strength);
    for (const [name, weight] of Object.entries(model.get("weights"))) show(knobs.get(name), weight, weight);
  }

  function show(slider, place, value) {
    slider.value = place;
    slider.ariaValueText = slider.nextElementSibling.textContent = format(value);
  }

  function takePicture(name, part, title, role) {
    const { shape, rgb } = model.get(name);
    const chosen = model.get(`_${role}s`)[model.get(role)];
    put(part, shape, rgb, `${title}: ${chosen}`);
    parts[`says-${part}`].textContent = chosen;
  }

  function put(part, [height, width], rgb, label) {
    paint(parts[part], height, width, fromRGB(rgb));
    parts[part].parentElement.style.aspectRatio = `${width} / ${height}`;
    parts[part].ariaLabel = label;
  }

  const takeContent = () => takePicture("_content", "photo", "Content", "content");
  const takeStyle = () => takePicture("_style", "painting", "Style", "style");

  // ---- what Python reports

  function take(report, buffers) {
    if (report.kind !== "progress") {
      busy("");
      root.ariaBusy = String(running);
      if (report.kind === "refused") say(report.text);
      else parts.status.textContent = report.text;
      return;
    }
    const { error, shown } = report;
    const was = running;
    running = report.running;
    pending = false;
    root.ariaBusy = String(running);
    if (error || failed) say(error);
    failed = error !== "";
    parts.start.textContent = running ? "Stop" : "Start";
    root.classList.toggle("ck-waiting", running && !(shown && fits(shown)));
    if (shown) draw(shown, buffers);
    if (!running && !was) return;
    const words = error || running ? "" : shown && shown.path.at(-1)[0] === shown.steps ? "Done." : "Stopped.";
    if (parts.status.textContent !== words) parts.status.textContent = words;
  }

  const fits = (shown) =>
    ["content", "style", "strength", "keep_colour"].every((name) => shown[name] === model.get(name)) &&
    Object.entries(model.get("weights")).every(([name, weight]) => shown.weights[name] === weight);

  function draw({ path, steps, shape, fast, fast_losses: losses }, buffers) {
    const [step, ...now] = path.at(-1);
    const words = `step ${step} of ${steps}`;
    [parts.progress.max, parts.progress.value] = [steps, step];
    parts.step.textContent = words;
    parts["says-made"].textContent = `${step} passes forward and back. ${inWords(now)}.`;
    put("made", shape, buffers[0], `Step by step: ${words}, ${inWords(now)}`);
    parts.fast.parentElement.classList.toggle("ck-none", !fast);
    if (fast) put("fast", shape, buffers[1], `At once: one pass, ${inWords(losses)}`);
    else put("fast", shape, new Uint8Array(3 * shape[0] * shape[1]), "At once: no network was trained for this style");
    parts["says-fast"].textContent = fast
      ? `1 pass forward. ${inWords(losses)}. The sliders do not change it.`
      : "No network was trained for this style.";
    drawCurves(path, steps);
  }

  function drawCurves(path, steps) {
    const high = Math.max(1e-6, ...path.flatMap(([, ...losses]) => losses));
    ["content", "style"].forEach((name, i) => {
      const points = path.map((one) => `${(100 * one[0]) / steps},${(100 * (1 - one[i + 1] / high)).toFixed(2)}`);
      parts["curve-" + name].setAttribute("points", points.join(" "));
    });
    parts.top.textContent = format(high);
    parts.last.textContent = `step ${steps}`;
    const [[, ...first], [step, ...last]] = [path[0], path.at(-1)];
    chart.ariaLabel =
      `Losses up to step ${step}: content ${format(first[0])} to ${format(last[0])}, ` +
      `style ${format(first[1])} to ${format(last[1])}.`;
  }

  // ---- what the reader does

  parts.start.onclick = () => {
    if (pending) return;
    pending = true;
    say("");
    send({ kind: running ? "stop" : "start" });
  };
  for (const role of ["content", "style"]) {
    parts[role].onchange = () => choose({ [role]: Number(parts[role].value) });
    opens(parts[`open-${role}`], parts[`file-${role}`], (file) => sendFile(file, { kind: "file", role }));
  }
  parts.colour.onchange = () => choose({ keep_colour: parts.colour.checked });
  parts.strength.oninput = () => choose({ strength: STRENGTHS[parts.strength.value] });

  onGone(() => {
    pending = running = false;
    parts.start.textContent = "Start";
    parts.status.textContent = "";
    root.ariaBusy = "false";
    root.classList.remove("ck-waiting");
    takeChoice();
  });
  listen({
    "change:content change:style change:weights change:strength change:keep_colour": takeChoice,
    "change:_contents change:_styles": listPictures,
    "change:_content": takeContent,
    "change:_style": takeStyle,
    "msg:custom": take,
  });

  build();
  listPictures();
  takeContent();
  takeStyle();
  send({ kind: "look" });
}

const nearestStop = (value) =>
  STRENGTHS.reduce((best, stop, i) => (Math.abs(stop - value) < Math.abs(STRENGTHS[best] - value) ? i : best), 0);

const format = (value) => page.format(value, 3);
const inWords = ([content, style]) => `Content loss ${format(content)}, style loss ${format(style)}`;

export default widget("style-explorer", HTML, begin, "Content in the style of another picture");
