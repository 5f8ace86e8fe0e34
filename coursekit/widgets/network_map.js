// The map of NetworkExplorer: boxes, their thumbnails and how they are joined, on one canvas that is moved and enlarged.

const networkMap = (() => {
  const { onKeys, onWidth, placeIn, numbers } = page;
  const TALLEST = 460; // the map, in CSS pixels
  const INSET = 10; // of a thumbnail in its box, as Python draws it in the still picture
  const NAMES = 42; // CSS pixels of a box from which on its name is written
  const MOST = 3; // enlargement
  const REST = 80; // milliseconds without a move, after which Python is asked for thumbnails
  const FORCED = matchMedia("(forced-colors: active)");

  // Draws the map into `parts.map` and lets it be moved. `take(box)` is called when a box is chosen, `ask(boxes, side)`
  // when others come into view, whose thumbnails are then so many pixels wide.
  function make(view, { take, ask, enter }) {
    const { model, root, parts, onEnd } = view;
    let map; // what Python laid out
    let wide, tall; // the canvas, in CSS pixels
    let zoom = 1; // CSS pixels to a unit
    let [left, top] = [0, 0]; // the unit in the canvas's corner
    let cursor = 0; // the box on which the keys are
    let hovered = -1;
    let thumbnails = new Map(); // number of a box -> {canvas, channel, nan}
    let due = false; // whether a frame will be drawn
    let rest = 0;
    let asked = "";
    const held = new Map(); // pointers that are down: id -> [x, y]
    let dragged = 0; // pixels, since the first pointer went down

    function takeMap() {
      map = model.get("_map");
      thumbnails = new Map();
      asked = "";
      parts.map.ariaValueMax = map.boxes.length - 1;
      fit();
    }

    // ---- where it is

    const whole = () => Math.min(wide / map.size[0], tall / map.size[1], 1.4);

    function fit() {
      const room = parts.map.clientWidth;
      if (!room) return; // not on screen yet
      wide = room;
      tall = Math.round(Math.min(TALLEST, Math.max(260, (room * map.size[1]) / map.size[0])));
      parts.map.style.height = `${tall}px`;
      const dots = window.devicePixelRatio;
      [parts.sheet.width, parts.sheet.height] = [Math.round(wide * dots), Math.round(tall * dots)];
      showWhole();
      if (zoom * map.side < 24) lookAt(cursor, 48 / map.side);
    }

    function showWhole() {
      zoom = whole();
      [left, top] = [(map.size[0] - wide / zoom) / 2, (map.size[1] - tall / zoom) / 2];
      moved();
    }

    function lookAt(box, closer = zoom) {
      zoom = closer;
      const { x, y } = map.boxes[box];
      [left, top] = [x - wide / zoom / 2, y - tall / zoom / 2];
      moved();
    }

    // Moves as little as shows a box.
    function reveal(box) {
      const { x, y } = map.boxes[box];
      const room = map.side * 0.75;
      left = Math.max(Math.min(left, x - room), x + room - wide / zoom);
      top = Math.max(Math.min(top, y - room), y + room - tall / zoom);
      moved();
    }

    function enlarge(factor, at = [wide / 2, tall / 2]) {
      const before = zoom;
      zoom = Math.min(Math.max(zoom * factor, whole()), MOST);
      left += at[0] / before - at[0] / zoom;
      top += at[1] / before - at[1] / zoom;
      moved();
    }

    function pan(x, y) {
      left += x / zoom;
      top += y / zoom;
      moved();
    }

    // The map stays in its place: where it is smaller than that, in the middle.
    function moved() {
      const inside = (from, seen, size) => (seen >= size ? (size - seen) / 2 : Math.min(Math.max(from, 0), size - seen));
      left = inside(left, wide / zoom, map.size[0]);
      top = inside(top, tall / zoom, map.size[1]);
      draw();
      clearTimeout(rest);
      rest = setTimeout(askForSeen, REST);
    }

    const seen = () => {
      const half = map.side / 2;
      const inside = ({ x, y }) =>
        x + half > left && x - half < left + wide / zoom && y + half > top && y - half < top + tall / zoom;
      return [...map.boxes.keys()].filter((number) => inside(map.boxes[number]));
    };

    function askForSeen() {
      const boxes = seen();
      const side = Math.min(64, Math.max(8, Math.ceil((map.side - 2 * INSET) * zoom * window.devicePixelRatio)));
      const question = `${boxes} ${side}`;
      if (question === asked) return;
      asked = question;
      ask(boxes, side);
    }

    // ---- drawing

    function draw() {
      if (due) return;
      due = true;
      requestAnimationFrame(() => {
        due = false;
        if (map && wide) drawNow();
      });
    }

    function colours() {
      if (FORCED.matches) {
        const plain = { text: "CanvasText", quiet: "CanvasText", line: "CanvasText", paper: "Canvas", band: "Canvas" };
        return { ...plain, strong: "Highlight", onBox: "CanvasText", box: () => ["Canvas", "CanvasText"] };
      }
      const style = getComputedStyle(root);
      const [text, quiet, line, paper, band, strong] = ["text", "quiet", "line", "paper", "hover", "strong"].map((name) =>
        style.getPropertyValue(`--${name}`).trim(),
      );
      return { text, quiet, line, paper, band, strong, onBox: "#222", box: (kind) => map.colours[kind] };
    }

    function drawNow() {
      const pen = parts.sheet.getContext("2d");
      const dots = window.devicePixelRatio;
      const colour = colours();
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.fillStyle = colour.paper;
      pen.fillRect(0, 0, parts.sheet.width, parts.sheet.height);
      const k = zoom * dots;
      pen.setTransform(k, 0, 0, k, -left * k, -top * k);
      const inView = (x, y, x2, y2) => x2 > left && x < left + wide / zoom && y2 > top && y < top + tall / zoom;
      pen.lineWidth = 1 / zoom;
      pen.strokeStyle = colour.line;
      for (const [, x, y, x2, y2] of map.groups) {
        if (!inView(x, y, x2, y2)) continue;
        pen.fillStyle = colour.band;
        pen.beginPath();
        pen.roundRect(x, y, x2 - x, y2 - y, 8);
        pen.fill();
        pen.stroke();
      }
      pen.lineWidth = 1.5 / zoom;
      pen.strokeStyle = colour.quiet;
      pen.beginPath();
      for (const corners of map.connections) follow(pen, corners);
      pen.stroke();
      for (const number of seen()) drawBox(pen, number, colour);
      write(pen, colour, dots);
      drawMini(colour, dots);
    }

    function follow(pen, corners) {
      pen.moveTo(...corners[0]);
      for (let i = 1; i < corners.length - 1; i++) pen.arcTo(...corners[i], ...corners[i + 1], 6);
      pen.lineTo(...corners.at(-1));
    }

    function drawBox(pen, number, colour) {
      const { x, y, kind } = map.boxes[number];
      const [fill, stroke] = colour.box(kind);
      const half = map.side / 2;
      const chosen = number === cursor;
      pen.beginPath();
      pen.roundRect(x - half, y - half, map.side, map.side, 6);
      pen.fillStyle = fill;
      pen.fill();
      pen.lineWidth = (chosen ? 4 : number === hovered ? 3 : 1) / zoom;
      pen.strokeStyle = chosen ? colour.strong : stroke;
      pen.stroke();
      const thumbnail = thumbnails.get(number);
      if (!thumbnail) return;
      const { canvas, nan } = thumbnail;
      const side = map.side - 2 * INSET;
      const factor = side / Math.max(canvas.width, canvas.height);
      const [w, h] = [canvas.width * factor, canvas.height * factor];
      pen.imageSmoothingEnabled = canvas.width * factor < canvas.width;
      pen.drawImage(canvas, x - w / 2, y - half + 4 + (side - h) / 2, w, h);
      if (!nan) return;
      pen.strokeStyle = "#e69f00"; // what is no number is struck out
      pen.lineWidth = 4;
      pen.strokeRect(x - w / 2 + 2, y - half + 6, w - 4, h - 4);
    }

    // Names stand in letters of one size, however large the map is.
    function write(pen, colour, dots) {
      pen.setTransform(dots, 0, 0, dots, 0, 0);
      const font = getComputedStyle(root).fontFamily;
      const at = (x, y) => [(x - left) * zoom, (y - top) * zoom];
      pen.textBaseline = "alphabetic";
      pen.textAlign = "left";
      pen.fillStyle = colour.text;
      pen.font = `600 ${zoom > 0.6 ? 12 : 10}px ${font}`;
      for (const [name, x, y, x2] of map.groups) {
        const [px, py] = at(x, y);
        if (pen.measureText(name).width < (x2 - x) * zoom - 4) pen.fillText(name, px + 5, py + (zoom > 0.6 ? 13 : 9));
      }
      if (map.side * zoom < NAMES) return;
      pen.textAlign = "center";
      pen.font = `${zoom > 0.8 ? 11 : 9.5}px ${font}`;
      const room = map.side * zoom - 2;
      for (const number of seen()) {
        const { x, y, label, layers } = map.boxes[number];
        const [px, py] = at(x, y + map.side / 2);
        pen.fillStyle = colour.onBox;
        pen.fillText(shortened(pen, label, room), px, py - 4 * Math.min(zoom, 1));
        if (thumbnails.has(number)) continue;
        const shape = layers.at(-1)[2];
        pen.fillText(shortened(pen, layers[0][1], room), px, py - (map.side * zoom) / 2);
        if (shape.length) pen.fillText(shortened(pen, shape.join(" × "), room), px, py - (map.side * zoom) / 2 + 14);
      }
    }

    function shortened(pen, text, room) {
      let rest = text;
      while (rest.length > 1 && pen.measureText(rest === text ? text : `…${rest}`).width > room) rest = rest.slice(1);
      return rest === text ? text : `…${rest}`;
    }

    // All of it, small, and which part is seen.
    function drawMini(colour, dots) {
      const part = wide / zoom < map.size[0] - 1 || tall / zoom < map.size[1] - 1;
      parts.mini.hidden = !part;
      if (!part) return;
      const across = Math.min(150, wide / 3);
      const k = across / map.size[0];
      const down = map.size[1] * k;
      parts.mini.style.width = `${across}px`;
      parts.mini.style.height = `${down}px`;
      [parts.mini.width, parts.mini.height] = [Math.round(across * dots), Math.round(down * dots)];
      const pen = parts.mini.getContext("2d");
      pen.scale(dots, dots);
      pen.fillStyle = colour.paper;
      pen.fillRect(0, 0, across, down);
      map.boxes.forEach(({ x, y, kind }, number) => {
        pen.fillStyle = number === cursor ? colour.strong : colour.box(kind)[1];
        const side = Math.max(map.side * k, number === cursor ? 5 : 1.5);
        pen.fillRect(x * k - side / 2, y * k - side / 2, side, side);
      });
      pen.strokeStyle = colour.strong;
      pen.lineWidth = 2;
      pen.strokeRect(left * k, top * k, (wide / zoom) * k, (tall / zoom) * k);
    }

    // ---- what is said of it

    const about = (number) => {
      const { layers } = map.boxes[number];
      return layers.map(([name, type]) => `${name} (${type})`).join(", ");
    };

    function tell() {
      const { layers, from, shown } = map.boxes[cursor];
      const shape = layers.at(-1)[2];
      const size = shape.length === 3 ? `${shape[2]} channels of ${shape[0]} by ${shape[1]}` : shape.join(" by ");
      const sources = from.map((number) => map.boxes[number].layers.at(-1)[0]).join(" and ");
      const words = [about(cursor), size, sources && `fed by ${sources}`, shown === null && "no maps to show"];
      parts.map.ariaValueNow = cursor;
      parts.map.ariaValueText = words.filter(Boolean).join("; ");
      const pointed = hovered < 0 ? cursor : hovered;
      const { layers: under } = map.boxes[pointed];
      const what = hovered < 0 ? "Chosen" : "Under the pointer";
      const of = under.at(-1)[2];
      parts.pointed.textContent = `${what}: ${about(pointed)}${of.length ? `, ${of.join(" × ")}` : ""}.`;
    }

    // ---- choosing

    function go(to, how = reveal) {
      cursor = to;
      how(cursor);
      tell();
    }

    function pick(to, how) {
      go(to, how);
      take(to);
    }

    function boxAt([px, py]) {
      const [x, y] = [left + px / zoom, top + py / zoom];
      const half = map.side / 2;
      return map.boxes.findIndex((box) => Math.abs(box.x - x) < half && Math.abs(box.y - y) < half);
    }

    // The box that an arrow key leads to: along a connection, or to the nearest above or below.
    function neighbour(key) {
      const { x, y, from } = map.boxes[cursor];
      const near = (options) => {
        const far = ([, box]) => Math.abs(box.y - y) + Math.abs(box.x - x);
        return options.length ? options.reduce((a, b) => (far(b) < far(a) ? b : a))[0] : cursor;
      };
      const all = [...map.boxes.entries()];
      if (key === "ArrowLeft") return near(all.filter(([number]) => from.includes(number)));
      if (key === "ArrowRight") return near(all.filter(([, box]) => box.from.includes(cursor)));
      const side = key === "ArrowUp" ? -1 : 1;
      const rows = all.filter(([, box]) => (box.y - y) * side > map.side / 4);
      if (!rows.length) return cursor;
      const beside = rows.filter(([, box]) => Math.abs(box.x - x) < map.side);
      return near(beside.length ? beside : rows);
    }

    function takeKey({ key, shiftKey }) {
      const step = 60;
      const pans = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
      if (key in pans) {
        if (shiftKey) pan(...pans[key]);
        else if (neighbour(key) !== cursor) pick(neighbour(key));
      } else if (key === "+" || key === "=") enlarge(1.25, here());
      else if (key === "-") enlarge(0.8, here());
      else if (key === "0") showWhole();
      else if (key === "Home") pick(0);
      else if (key === "End") pick(map.boxes.length - 1);
      else if (key === "Enter") enter();
      else return false;
      return true;
    }

    const here = () => [(map.boxes[cursor].x - left) * zoom, (map.boxes[cursor].y - top) * zoom];

    // ---- pointers: a click chooses, a drag moves, two fingers enlarge

    const placeOf = (event) => {
      const [x, y] = placeIn(parts.map, event);
      return [x * wide, y * tall];
    };

    parts.map.onpointerdown = (event) => {
      if (event.button !== 0 || event.target === parts.mini) return;
      parts.map.setPointerCapture(event.pointerId);
      if (!held.size) dragged = 0;
      held.set(event.pointerId, placeOf(event));
    };
    parts.map.onpointermove = (event) => {
      const to = placeOf(event);
      const from = held.get(event.pointerId);
      if (!from) {
        const over = event.target === parts.mini ? -1 : boxAt(to);
        if (over === hovered) return;
        hovered = over;
        parts.map.style.cursor = over < 0 ? "grab" : "pointer";
        tell();
        draw();
        return;
      }
      held.set(event.pointerId, to);
      const [x, y] = [to[0] - from[0], to[1] - from[1]];
      dragged += Math.hypot(x, y);
      const other = [...held.entries()].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const apart = ([a, b]) => Math.hypot(a - other[0], b - other[1]);
        enlarge(apart(to) / Math.max(apart(from), 1), [(to[0] + other[0]) / 2, (to[1] + other[1]) / 2]);
      } else if (dragged > 4) pan(-x, -y);
    };
    parts.map.onpointerup = (event) => {
      if (!held.delete(event.pointerId) || dragged > 4) return;
      const box = boxAt(placeOf(event));
      if (box >= 0) pick(box);
    };
    parts.map.onpointercancel = parts.map.onlostpointercapture = ({ pointerId }) => held.delete(pointerId);
    parts.map.onpointerleave = () => {
      hovered = -1;
      tell();
      draw();
    };
    // The wheel moves the page, as elsewhere, until the map is clicked.
    parts.map.addEventListener(
      "wheel",
      (event) => {
        if (document.activeElement !== parts.map && !event.ctrlKey) return;
        event.preventDefault();
        enlarge(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), placeOf(event));
      },
      { passive: false },
    );
    const byMini = (event) => {
      if (!(event.buttons & 1)) return;
      event.stopPropagation();
      const [x, y] = placeIn(parts.mini, event);
      [left, top] = [x * map.size[0] - wide / zoom / 2, y * map.size[1] - tall / zoom / 2];
      moved();
    };
    parts.mini.onpointerdown = parts.mini.onpointermove = byMini;

    onKeys(parts.map, takeKey);
    parts.closer.onclick = () => enlarge(1.4, here());
    parts.farther.onclick = () => enlarge(1 / 1.4, here());
    parts.whole.onclick = showWhole;
    onWidth(view, parts.map, fit);
    FORCED.addEventListener("change", draw);
    const themes = new MutationObserver(draw);
    themes.observe(document.body, { attributeFilter: ["data-jp-theme-name", "data-jp-theme-light"] });
    onEnd(() => {
      clearTimeout(rest);
      themes.disconnect();
      FORCED.removeEventListener("change", draw);
      map = null;
    });

    return {
      takeMap,
      // Marks the box of a layer, that was chosen elsewhere.
      mark(layer) {
        const box = map.boxes.findIndex(({ layers }) => layers.some(([name]) => name === layer));
        if (box !== cursor) go(box);
        else tell();
        draw();
      },
      find: (layer) => pick(layer, (box) => lookAt(box, Math.max(zoom, 64 / map.side))),
      seen: () => ({ boxes: seen(), side: 64 }),
      box: () => cursor,
      takeThumbnails(told, bytes) {
        const pixels = numbers(Uint8Array, bytes);
        let from = 0;
        for (const [number, channel, height, width, nan] of told) {
          const canvas = thumbnails.get(number)?.canvas ?? document.createElement("canvas");
          grey(canvas, height, width, pixels.subarray(from, from + height * width));
          thumbnails.set(number, { canvas, channel, nan });
          from += height * width;
        }
        draw();
      },
    };
  }

  // Makes a canvas of grey pixels.
  function grey(canvas, height, width, levels) {
    page.paint(canvas, height, width, ({ buffer }) => {
      const to = new Uint32Array(buffer);
      for (let i = 0; i < to.length; i++) to[i] = (255 << 24) | (levels[i] * 0x10101);
    });
  }

  return { make, grey };
})();
