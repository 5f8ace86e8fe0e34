// The page's side of OcclusionExplorer. The patch is drawn here, so that it follows the pointer at once; the scores under
// it come from Python, and the map too, some times a second while it grows. `model` holds what both sides share.

const { widget, element, fromRGB, clamped, numbers, onKeys, paint, placeIn, put, radios, numberField, steppedTo } = page;

const HTML = `
<div class="ck-controls">
  <label class="ck-field">Patch <input class="ck-size" type="number" min="1" step="1" inputmode="numeric"> pixels</label>
  <fieldset class="ck-baseline ck-radios"><legend>It shows</legend>
    <label><input type="radio" value="mean">mean colour</label>
    <label><input type="radio" value="grey">grey</label>
    <label><input type="radio" value="blur">blur</label>
    <label><input type="radio" value="black">black</label></fieldset>
  <label class="ck-field">Map <input class="ck-opacity" type="range" min="0" max="100" value="70"
    aria-label="Map over the photo, in percent"></label>
</div>
<p class="ck-alert" role="alert"></p>
<div class="ck-main">
  <div class="ck-place">
    <div class="ck-stack ck-stage" role="slider" tabindex="0" aria-label="Patch on the photo" aria-valuemin="0">
      <canvas class="ck-photo" aria-hidden="true"></canvas><canvas class="ck-map" aria-hidden="true"></canvas>
      <div class="ck-patch"><canvas class="ck-cover" aria-hidden="true"></canvas></div>
    </div>
    <p class="ck-note">Drag the patch, or move it with the arrow keys; with Shift by one pixel. <span
      class="ck-where"></span></p>
    <div class="ck-line">
      <progress class="ck-progress" aria-label="Map that is done" value="0" max="1"></progress>
      <span class="ck-status" role="status"></span>
    </div>
    <p class="ck-scale" title="The scale" hidden><span class="ck-low"></span><i class="ck-bar"></i><span
      class="ck-high"></span></p>
    <p class="ck-note">Red: the score of <strong class="ck-what"></strong> drops without what is there. Blue: it rises.
      <span class="ck-range"></span></p>
  </div>
  <section class="ck-seen" aria-label="Scores under the patch">
    <p class="ck-says"><span>Under the patch the network says</span> <strong class="ck-winner"></strong></p>
    <div class="ck-heads ck-quiet" aria-hidden="true"><span>class</span><span>whole photo</span><span>covered</span></div>
    <ol class="ck-top"></ol>
    <p class="ck-note">The bar is the score under the patch, the line that of the whole photo. Choose a class to see its
      map.</p>
  </section>
</div>`;

const STEPS = 8; // arrow keys cross a patch in so many steps
const MINUS = (text) => text.replace("-", "−");
const score = (value) => (value === null ? "NaN" : MINUS(value.toFixed(1)));
const share = (value) => (value === null ? "NaN" : value < 0.0005 ? "< 0.001" : value.toFixed(3));

function begin(view) {
  const { model, root, parts, choose, send, listen, say, onGone, onEnd } = view;
  const showBaseline = radios(parts.baseline, (baseline) => choose({ baseline }));
  let height, width; // of the photo
  let rows = []; // the classes that are listed, as Python told them last
  let failed = false; // whether an error of Python's stands in the page
  let held = null; // where in the patch the pointer holds it, in pixels: [down, right]

  const patch = () => Math.min(model.get("patch"), height, width);
  const last = () => [height - patch(), width - patch()];
  const position = () => clamped(model.get("position"), last());
  const name = (index) => model.get("_classes")[index];

  // ---- the photo and the patch

  function takePhoto() {
    const { shape, rgb } = model.get("_photo");
    [height, width] = shape;
    paint(parts.photo, height, width, fromRGB(rgb));
    parts.stage.style.aspectRatio = `${width} / ${height}`;
    for (const canvas of [parts.photo, parts.map, parts.cover]) canvas.classList.toggle("ck-crisp", width < 100);
    parts.size.max = Math.min(height, width);
    const palette = numbers(Uint8Array, model.get("_palette"));
    const stops = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => {
      const at = 3 * Math.round(((palette.length / 3 - 1) * i) / 8);
      return `rgb(${palette.subarray(at, at + 3).join(" ")})`;
    });
    parts.bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  }

  function takeCover() {
    const { shape, rgb } = model.get("_cover");
    paint(parts.cover, ...shape, fromRGB(rgb));
  }

  function takeChoice() {
    put(parts.size, model.get("patch"));
    showBaseline(model.get("baseline"));
    parts.what.textContent = name(model.get("target"));
    for (const one of parts.top.querySelectorAll("button"))
      one.ariaPressed = String(Number(one.dataset.index) === model.get("target"));
    drawPatch();
  }

  // The cover is as large as the photo: the patch is a window in it.
  function drawPatch() {
    const [row, column] = position();
    const side = patch();
    const { style } = parts.patch;
    [style.top, style.left] = [`${(100 * row) / height}%`, `${(100 * column) / width}%`];
    [style.height, style.width] = [`${(100 * side) / height}%`, `${(100 * side) / width}%`];
    const { style: cover } = parts.cover;
    [cover.height, cover.width] = [`${(100 * height) / side}%`, `${(100 * width) / side}%`];
    [cover.top, cover.left] = [`${(-100 * row) / side}%`, `${(-100 * column) / side}%`];
    parts.where.textContent = `Rows ${row} to ${row + side - 1}, columns ${column} to ${column + side - 1}.`;
    parts.stage.ariaValueMax = (height - side + 1) * (width - side + 1) - 1;
    parts.stage.ariaValueNow = row * (width - side + 1) + column;
    tell();
  }

  function tell() {
    const one = rows.find(({ index }) => index === model.get("target"));
    const scores = one ? ` Score of ${name(one.index)}: ${score(one.score)}, of the whole photo ${score(one.whole)}.` : "";
    parts.stage.ariaValueText = parts.where.textContent + scores;
  }

  function move(to) {
    const [row, column] = clamped(to, last());
    const [top, left] = model.get("position");
    if (row === top && column === left) return;
    choose({ position: [row, column] });
    drawPatch();
  }

  function pointed(event) {
    const [x, y] = placeIn(parts.stage, event);
    return [Math.round(y * height), Math.round(x * width)];
  }

  parts.stage.onpointerdown = (event) => {
    if (event.button !== 0) return;
    const [y, x] = pointed(event);
    const [row, column] = position();
    const inside = y >= row && y < row + patch() && x >= column && x < column + patch();
    const middle = Math.floor(patch() / 2);
    held = inside ? [y - row, x - column] : [middle, middle];
    parts.stage.setPointerCapture(event.pointerId);
    move([y - held[0], x - held[1]]);
  };
  parts.stage.onpointermove = (event) => {
    if (!held) return;
    const [y, x] = pointed(event);
    move([y - held[0], x - held[1]]);
  };
  parts.stage.onpointerup = parts.stage.onpointercancel = parts.stage.onlostpointercapture = () => (held = null);

  onKeys(parts.stage, ({ key, shiftKey }) => {
    const to = steppedTo(key, position(), last(), shiftKey ? 1 : Math.max(1, Math.round(patch() / STEPS)));
    if (to) move(to);
    return !!to;
  });

  // ---- what Python reports

  function take(content, buffers) {
    if (content.kind === "scores") takeScores(content);
    else takeMap(content, buffers);
  }

  function takeScores({ rows: told, winner, output }) {
    rows = told;
    const squashed = model.get("_squashed");
    parts.winner.textContent = `${name(winner)}${squashed ? ` ${share(output)}` : ""}`;
    const most = Math.max(...rows.map(({ whole, score }) => Math.max(whole, score)), 1e-9);
    if ([...parts.top.querySelectorAll("button")].map((one) => one.dataset.index).join() !== rows.map(({ index }) => index).join())
      parts.top.replaceChildren(...rows.map(line));
    [...parts.top.querySelectorAll("button")].forEach((one, i) => {
      const { index, whole, score: now, output: much } = rows[i];
      one.querySelector(".ck-before").textContent = score(whole);
      one.querySelector(".ck-now").textContent = score(now);
      one.style.setProperty("--now", Math.max(now, 0) / most);
      one.style.setProperty("--whole", Math.max(whole, 0) / most);
      const odds = squashed ? `, probability ${share(much)}` : "";
      one.ariaLabel = `${name(index)}: score ${score(now)} under the patch, ${score(whole)} of the whole photo${odds}`;
    });
    takeChoice();
  }

  function line({ index }) {
    const button = element("button", "ck-class", { type: "button" });
    button.append(
      element("span", "ck-named", { textContent: name(index), title: name(index) }),
      element("span", "ck-before"),
      element("span", "ck-now"),
    );
    button.dataset.index = index;
    button.onclick = () => choose({ target: index });
    page.keepKeys({ querySelectorAll: () => [button] });
    const item = element("li");
    item.append(button);
    return item;
  }

  function takeMap({ running, error, map }, buffers) {
    root.ariaBusy = String(running);
    if (error || failed) say(error);
    failed = error !== "";
    parts.map.hidden = parts.scale.hidden = !map;
    parts.progress.value = map ? map.share : 0;
    parts.range.textContent = map && !running ? `The drop is ${map.range}.` : "";
    if (map) {
      paint(parts.map, ...map.shape, fromRGB(buffers[0]));
      const limit = page.format(map.limit, 2);
      [parts.low.textContent, parts.high.textContent] = [`−${limit}`, limit];
      parts.scale.hidden = map.limit === 0;
      parts.stage.ariaDescription = running ? "" : map.said;
    }
    const words = error ? "" : running ? "Computing the map …" : "The map is done.";
    if (parts.status.textContent !== words) parts.status.textContent = words;
  }

  // ---- what the reader does

  numberField(view, parts.size, { value: patch, use: (side) => choose({ patch: side }) });
  const fade = () => (parts.map.style.opacity = parts.opacity.value / 100);
  parts.opacity.oninput = fade;

  onGone(() => {
    held = null;
    root.ariaBusy = "false";
    parts.status.textContent = "";
    takeChoice();
  });
  onEnd(() => (parts.stage.onpointermove = null));
  listen({
    "change:target change:patch change:baseline change:position": takeChoice,
    "change:_cover": takeCover,
    "msg:custom": take,
  });

  takePhoto();
  takeCover();
  takeChoice();
  fade();
  send({ kind: "look" });
}

export default widget("occlusion-explorer", HTML, begin, "A patch over a photo");
