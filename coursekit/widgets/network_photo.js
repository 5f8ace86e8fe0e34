// The photo of NetworkExplorer: a brush over it, by pointer and by keys. Python paints; here the way of the brush is drawn
// until the painted photo comes, and there is never more than one stroke on its way.

const networkPhoto = (() => {
  const { fromRGB, clamped, onKeys, paint, placeIn, radios, steppedTo } = page;
  const STEPS = 4; // arrow keys cross the brush in so many steps
  const PAINT = "Drag over the photo, or hold Space and move with the arrow keys.";
  const HOW = {
    clone: `Click the place to copy, or press S there. Then paint: ${PAINT} Shift + click, or S, takes another place.`,
    ask: "Point at the photo and click, or move with the arrow keys and press Space: which channels of the chosen layer fire there most?",
  };

  const HTML = `<section class="ck-place" aria-label="Photo to paint on">
    <h4>Paint, and watch every layer</h4>
    <div class="ck-controls ck-toolbar">
      <fieldset class="ck-tools ck-radios"><legend>Brush</legend>
        <label><input type="radio" value="grey">grey</label>
        <label><input type="radio" value="blur">blur</label>
        <label><input type="radio" value="eraser">eraser</label>
        <label><input type="radio" value="clone">clone</label>
        <label><input type="radio" value="ask">ask</label></fieldset>
      <label class="ck-field">size <input class="ck-size" type="range" min="1" max="100" value="40"></label>
    </div>
    <div class="ck-stack ck-stage" role="slider" tabindex="0" aria-label="Brush on the photo" aria-valuemin="0"
      aria-valuenow="0">
      <canvas class="ck-photo" aria-hidden="true"></canvas><canvas class="ck-over" aria-hidden="true"></canvas>
      <canvas class="ck-way" aria-hidden="true"></canvas><div class="ck-brush" hidden></div>
      <div class="ck-brush ck-source" hidden></div><div class="ck-sees" hidden></div><div class="ck-asked" hidden></div></div>
    <div class="ck-line">
      <button type="button" class="ck-undo">Undo</button>
      <button type="button" class="ck-clear">Clean photo</button>
      <button type="button" class="ck-elsewhere" aria-pressed="false">Same stroke elsewhere</button>
      <span class="ck-count ck-quiet"></span>
    </div>
    <p class="ck-note"><span class="ck-how"></span> Z takes a stroke back; C puts the last one elsewhere, to see what a
      stroke does that hides something else.</p>
    <p class="ck-says" role="status"></p>
    <table class="ck-classes"><caption class="ck-quiet">What the network says</caption>
      <thead class="ck-quiet"><tr><th scope="col">class</th><th scope="col">clean photo</th><th scope="col">now</th></tr></thead>
      <tbody class="ck-rows"></tbody></table>
    <div class="ck-own ck-quiet"><button type="button" class="ck-open">Another photo…</button> or drop one here
      <button type="button" class="ck-first" hidden>Back to the first photo</button>
      <input class="ck-file" type="file" accept="image/*" hidden></div>
    ${networkWebcam.HTML}
  </section>`;

  function make(view, { busy, cancelFile }) {
    const { model, parts, choose, send, onGone } = view;
    let height, width; // of the photo
    let tool = "grey";
    let cursor = null; // [row, column] of the brush where keys move it
    let down = false; // whether the brush is on the photo
    let begins = true; // whether the next points begin a stroke
    let points = []; // that Python has not been told
    let sent = false; // whether it has not answered yet
    let source = null; // [row, column] that a clone copies
    let start = null; // where its stroke begins
    let ready = false; // whether Python was told that somebody is about to paint
    const setTool = radios(parts.tools, setTo);

    const size = () => Number(parts.size.value);

    function take({ shape, strokes, first }, rgb) {
      if (height !== shape[0] || width !== shape[1]) {
        [height, width] = shape;
        parts.stage.style.aspectRatio = `${width} / ${height}`;
        parts.size.max = Math.max(1, Math.floor(Math.max(height, width) / 2));
        parts.size.value = Math.max(1, Math.round(Math.max(height, width) / 6));
        for (const canvas of [parts.photo, parts.over]) canvas.classList.toggle("ck-crisp", width < 100);
        [parts.way.height, parts.way.width] = [height, width];
        cursor = source = null;
        down = false;
      }
      paint(parts.photo, height, width, fromRGB(rgb));
      for (const button of [parts.undo, parts.clear, parts.elsewhere]) {
        if (document.activeElement === button && !strokes) parts.stage.focus();
        button.disabled = !strokes;
      }
      parts.count.textContent = strokes === 1 ? "1 stroke." : `${strokes || "No"} strokes.`;
      parts.first.hidden = first;
      sent = false;
      drawWay();
      flush();
      drawBrush();
    }

    // ---- strokes

    function add(point) {
      points.push(point);
      drawWay();
      flush();
    }

    function flush() {
      if (sent || !points.length) return;
      sent = true;
      tellPoints();
      begins = false;
    }

    function tellPoints() {
      send({ kind: "paint", tool, size: size(), points: points.splice(0), begins, ...(tool === "clone" && { source }) });
    }

    function drawWay() {
      const pen = parts.way.getContext("2d");
      pen.clearRect(0, 0, width, height);
      if (!points.length) return;
      pen.lineCap = pen.lineJoin = "round";
      pen.lineWidth = size();
      pen.strokeStyle = tool === "grey" ? "#7f7f7f" : "rgb(127 127 127 / 50%)";
      pen.beginPath();
      pen.moveTo(points[0][1] + 0.5, points[0][0] + 0.5);
      for (const [row, column] of points) pen.lineTo(column + 0.5, row + 0.5);
      pen.stroke();
    }

    const last = () => [height - 1, width - 1];

    function drawBrush(at = cursor) {
      parts.brush.hidden = !at;
      if (!at) return;
      ring(parts.brush, at);
    }

    function ring({ style }, [row, column]) {
      [style.left, style.top] = [`${(100 * (column + 0.5)) / width}%`, `${(100 * (row + 0.5)) / height}%`];
      style.width = `${(100 * (tool === "ask" ? width / 24 : size())) / width}%`;
    }

    // Shows what is copied: it moves with the brush.
    function drawSource(at = start) {
      parts.source.hidden = tool !== "clone" || !source;
      if (!parts.source.hidden) ring(parts.source, down ? source.map((from, i) => from + at[i] - start[i]) : source);
    }

    function tell() {
      const [row, column] = cursor;
      parts.stage.ariaValueMax = height * width - 1;
      parts.stage.ariaValueNow = row * width + column;
      const what = tool === "ask" ? "question" : `brush of ${size()} pixels`;
      parts.stage.ariaValueText = `${what} at row ${row}, column ${column}`;
    }

    // ---- what a press and a move do, with each tool

    function setTo(value) {
      tool = value;
      parts.how.textContent = HOW[tool] ?? PAINT;
      if (width) drawSource();
    }

    function press(at, another) {
      finish();
      if (tool === "clone" && (!source || another)) return copyFrom(at);
      [down, start] = [true, at];
      move(at);
    }

    function move(at) {
      if (tool === "ask") choose({ point: at });
      else add(at);
      drawSource(at);
    }

    function copyFrom(at) {
      source = at;
      drawSource();
    }

    function prepare() {
      if (!ready) send({ kind: "prepare" });
      ready = true;
    }

    // ---- by pointer

    const pixelAt = (event) => {
      const [x, y] = placeIn(parts.stage, event);
      return clamped([Math.floor(y * height), Math.floor(x * width)], last());
    };

    parts.stage.onpointerdown = (event) => {
      if (event.button !== 0) return;
      parts.stage.setPointerCapture(event.pointerId);
      press(pixelAt(event), event.shiftKey);
    };
    parts.stage.onpointerenter = prepare;
    parts.stage.onpointermove = (event) => {
      const at = pixelAt(event);
      drawBrush(at);
      if (down) move(at);
    };
    // A stroke that Python has not heard of must not go on in the next one.
    function finish() {
      if (points.length) tellPoints();
      down = false;
      begins = true;
      if (width) drawSource();
    }
    parts.stage.onpointerup = parts.stage.onpointercancel = finish;
    parts.stage.onpointerleave = () => drawBrush(document.activeElement === parts.stage ? cursor : null);

    // ---- by keys

    function takeKey({ key, shiftKey, repeat }) {
      cursor ??= [Math.floor(height / 2), Math.floor(width / 2)];
      const to = steppedTo(key, cursor, last(), shiftKey ? 1 : Math.max(1, Math.round(size() / STEPS)));
      if (to) {
        cursor = to;
        if (down) move(cursor);
      } else if (key === " ") {
        if (!repeat) press(cursor, false);
      } else if (key === "s" && tool === "clone") copyFrom(cursor);
      else if (key === "z" || key === "Backspace") undo();
      else if (key === "c") turn();
      else return false;
      drawBrush();
      tell();
      return true;
    }

    parts.stage.addEventListener("keyup", ({ key }) => key === " " && finish());
    parts.stage.onfocus = () => {
      prepare();
      if (!parts.stage.matches(":focus-visible")) return;
      cursor ??= [Math.floor(height / 2), Math.floor(width / 2)];
      drawBrush();
      tell();
    };
    parts.stage.onblur = () => {
      finish();
      drawBrush(null);
    };
    onKeys(parts.stage, takeKey);

    // ---- the buttons

    function undo() {
      if (!parts.undo.disabled) send({ kind: "undo" });
    }
    function turn() {
      if (!parts.elsewhere.disabled) choose({ elsewhere: !model.get("elsewhere") });
    }
    const showElsewhere = () => (parts.elsewhere.ariaPressed = String(model.get("elsewhere")));
    parts.undo.onclick = undo;
    parts.elsewhere.onclick = turn;
    parts.clear.onclick = () => send({ kind: "clear" });
    parts.size.oninput = () => {
      drawBrush(cursor);
      drawSource();
    };
    parts.first.onclick = () => {
      cancelFile();
      busy("Computing all layers for the first photo …");
      send({ kind: "first" });
    };
    const fade = () => (parts.over.style.opacity = parts.opacity.value / 100);
    parts.opacity.oninput = fade;
    fade();
    showElsewhere();
    setTool(tool);
    setTo(tool);
    view.listen({ "change:elsewhere": showElsewhere });
    onGone(() => {
      [down, sent, points] = [false, false, []];
    });

    return {
      take,
      size: () => [height, width],
      refused: () => {
        sent = false;
        points = [];
        drawWay();
      },
    };
  }

  return { HTML, make };
})();
