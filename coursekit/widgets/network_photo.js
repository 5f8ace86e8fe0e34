// The photo of NetworkExplorer: a brush over it, by pointer and by keys. Python paints; here the way of the brush is drawn
// until the painted photo comes, and there is never more than one stroke on its way.

const networkPhoto = (() => {
  const { fromRGB, clamped, onKeys, paint, placeIn, radios, steppedTo } = page;
  const STEPS = 4; // arrow keys cross the brush in so many steps

  function make(view, { busy }) {
    const { model, parts, choose, send, onGone } = view;
    let height, width; // of the photo
    let tool = "grey";
    let cursor = null; // [row, column] of the brush where keys move it
    let down = false; // whether the brush is on the photo
    let begins = true; // whether the next points begin a stroke
    let points = []; // that Python has not been told
    let sent = false; // whether it has not answered yet
    const setTool = radios(parts.tools, (value) => (tool = value));
    setTool(tool);

    const size = () => Number(parts.size.value);

    function take({ shape, strokes, first }, rgb) {
      if (height !== shape[0] || width !== shape[1]) {
        [height, width] = shape;
        parts.stage.style.aspectRatio = `${width} / ${height}`;
        parts.size.max = Math.max(1, Math.floor(Math.max(height, width) / 2));
        parts.size.value = Math.max(1, Math.round(Math.max(height, width) / 6));
        for (const canvas of [parts.photo, parts.over]) canvas.classList.toggle("ck-crisp", width < 100);
        [parts.way.height, parts.way.width] = [height, width];
        cursor = null;
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
      send({ kind: "paint", tool, size: size(), points, begins });
      begins = false;
      points = [];
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
      const { style } = parts.brush;
      [style.left, style.top] = [`${(100 * (at[1] + 0.5)) / width}%`, `${(100 * (at[0] + 0.5)) / height}%`];
      style.width = `${(100 * size()) / width}%`;
    }

    function tell() {
      const [row, column] = cursor;
      parts.stage.ariaValueMax = height * width - 1;
      parts.stage.ariaValueNow = row * width + column;
      parts.stage.ariaValueText = `brush of ${size()} pixels at row ${row}, column ${column}`;
    }

    // ---- by pointer

    const pixelAt = (event) => {
      const [x, y] = placeIn(parts.stage, event);
      return clamped([Math.floor(y * height), Math.floor(x * width)], last());
    };

    parts.stage.onpointerdown = (event) => {
      if (event.button !== 0) return;
      parts.stage.setPointerCapture(event.pointerId);
      finish();
      down = true;
      add(pixelAt(event));
    };
    parts.stage.onpointermove = (event) => {
      const at = pixelAt(event);
      drawBrush(at);
      if (down) add(at);
    };
    // A stroke that Python has not heard of must not go on in the next one.
    function finish() {
      if (points.length) send({ kind: "paint", tool, size: size(), points: points.splice(0), begins });
      down = false;
      begins = true;
    }
    parts.stage.onpointerup = parts.stage.onpointercancel = finish;
    parts.stage.onpointerleave = () => drawBrush(document.activeElement === parts.stage ? cursor : null);

    // ---- by keys

    function takeKey({ key, shiftKey, repeat }) {
      cursor ??= [Math.floor(height / 2), Math.floor(width / 2)];
      const to = steppedTo(key, cursor, last(), shiftKey ? 1 : Math.max(1, Math.round(size() / STEPS)));
      if (to) {
        cursor = to;
        if (down) add(cursor);
      } else if (key === " ") {
        if (!repeat) {
          finish();
          down = true;
          add(cursor);
        }
      } else if (key === "z" || key === "Backspace") undo();
      else if (key === "c") turn();
      else return false;
      drawBrush();
      tell();
      return true;
    }

    parts.stage.addEventListener("keyup", ({ key }) => key === " " && finish());
    parts.stage.onfocus = () => {
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
    parts.size.oninput = () => drawBrush(cursor);
    parts.first.onclick = () => {
      busy("Computing all layers for the first photo …");
      send({ kind: "first" });
    };
    const fade = () => (parts.over.style.opacity = parts.opacity.value / 100);
    parts.opacity.oninput = fade;
    fade();
    showElsewhere();
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

  return { make };
})();
