// The page's side of EmbeddingExplorer. Maps and small pictures come from Python once and are drawn here; Python is
// asked only for the neighbours of a chosen picture. `model` holds what both sides share.

const { widget, element, floats, shorts, format, keepKeys, onKeys, radios, waiting, onWidth, placeIn } = page;

const MARGIN = 14; // around the map, in CSS pixels
const NEAR = 24; // how far from a point the pointer still means it
const SECONDS = 0.6; // from one map to the next
const SPACES = ["pixels", "features"];
const PLAIN = "#0072b2"; // of points without a class
const RIGHT = "#b5b5b5";
const WRONG = "#c04000";
// Of the neighbours' frames: told apart by their shape too.
const FRAMES = { pixels: "#d55e00", features: "#0072b2" };

const HTML = `
<div class="ck-controls">
  <label class="ck-field ck-maps"><span class="ck-word">Map</span>
    <input class="ck-step" type="range" min="0" step="1"> <span class="ck-which" aria-hidden="true"></span></label>
  <fieldset class="ck-color ck-radios"><legend>Colour by</legend>
    <label><input type="radio" value="class">class</label>
    <label><input type="radio" value="error">error</label></fieldset>
</div>
<p class="ck-alert" role="alert"></p>
<div class="ck-main">
  <div class="ck-left">
    <div class="ck-stack ck-plane" role="slider" tabindex="0" aria-valuemin="0">
      <canvas class="ck-points" aria-hidden="true"></canvas><canvas class="ck-over" aria-hidden="true"></canvas></div>
    <p class="ck-legend"></p>
    <p class="ck-note">Point at the map, or move with the arrow keys (further with Shift). Click or Enter chooses.</p>
  </div>
  <div class="ck-right">
    <div class="ck-one"><canvas class="ck-picture" role="img"></canvas>
      <p><strong class="ck-name"></strong><br><span class="ck-said"></span></p></div>
    <section class="ck-row ck-old ck-pixels"><h3>□ Nearest by pixels</h3><ol></ol>
      <p class="ck-same ck-quiet"></p></section>
    <section class="ck-row ck-old ck-features"><h3>○ Nearest by features</h3><ol></ol>
      <p class="ck-same ck-quiet"></p></section>
  </div>
</div>
<p class="ck-status ck-spoken" role="status"></p>`;

function begin(view) {
  const { model, parts, choose, listen, onEnd } = view;
  const showColor = radios(parts.color, (color) => choose({ color }));
  const busy = waiting(view);

  const { keys, points } = model.get("_maps");
  const { count, columns, height, width, file } = model.get("_pictures");
  const { names, glyphs, colours, ...codes } = model.get("_classes");
  const maps = split(floats(points), keys.length);
  const labels = codes.labels && shorts(codes.labels);
  const predicted = codes.predicted && shorts(codes.predicted);

  let sheet = null; // all pictures, once they are decoded
  let at = -1; // the point under the pointer or the keyboard's cursor
  let room = 0; // side of the map in CSS pixels
  let dots = 1; // to a CSS pixel
  let places = new Float32Array(2 * count); // where each point is drawn, in CSS pixels
  let frame = 0; // of the animation

  const chosen = () => model.get("chosen") ?? -1;
  const byError = () => model.get("color") === "error";

  // ---- the map

  // Where the points of the shown map belong: in the middle, as large as there is room, up is up.
  function fitted() {
    const map = maps[Math.max(keys.indexOf(model.get("shown")), 0)];
    const low = [Infinity, Infinity];
    const high = [-Infinity, -Infinity];
    map.forEach((value, i) => {
      low[i % 2] = Math.min(low[i % 2], value);
      high[i % 2] = Math.max(high[i % 2], value);
    });
    const scale = (room - 2 * MARGIN) / (Math.max(high[0] - low[0], high[1] - low[1]) || 1);
    return map.map((value, i) => room / 2 + (i % 2 ? -scale : scale) * (value - (low[i % 2] + high[i % 2]) / 2));
  }

  function takeMap() {
    const step = Math.max(keys.indexOf(model.get("shown")), 0);
    const key = keys[step];
    parts.step.value = step;
    parts.which.textContent = key;
    parts.word.textContent = typeof key === "number" ? "Perplexity" : "Map";
    parts.step.ariaValueText = typeof key === "number" ? `perplexity ${key}` : key;
    const named = key === "" ? "" : ` (${parts.step.ariaValueText})`;
    parts.plane.ariaLabel = `Map of ${count} pictures${named}`;
    move();
  }

  // Moves every point to its place in the shown map.
  function move() {
    cancelAnimationFrame(frame);
    if (!room) return; // not on screen yet
    const [from, to] = [places, fitted()];
    places = to;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return draw();
    let begun;
    const go = (now) => {
      begun ??= now;
      const share = Math.min((now - begun) / (1000 * SECONDS), 1);
      const eased = share * share * (3 - 2 * share);
      places = share < 1 ? from.map((value, i) => value + eased * (to[i] - value)) : to;
      draw();
      if (share < 1) frame = requestAnimationFrame(go);
    };
    places = from;
    frame = requestAnimationFrame(go);
  }

  function fit() {
    room = Math.min(parts.left.clientWidth, 640);
    if (!room) return;
    cancelAnimationFrame(frame);
    dots = window.devicePixelRatio;
    parts.plane.style.width = parts.plane.style.height = room + "px";
    for (const canvas of [parts.points, parts.over]) canvas.width = canvas.height = Math.round(room * dots);
    places = fitted();
    draw();
  }

  function draw() {
    const pen = parts.points.getContext("2d");
    pen.fillStyle = "#fff"; // in a dark theme too: the colours are made for paper
    pen.fillRect(0, 0, parts.points.width, parts.points.height);
    const size = Math.round(Math.min(Math.max(room / Math.sqrt(count), 7), 15) * dots);
    const stamps = new Map();
    const put = (i, glyph, colour, large) => {
      const name = glyph + colour;
      if (!stamps.has(name)) stamps.set(name, stamp(glyph, colour, large ? Math.max(1.5 * size, 11 * dots) : size));
      const one = stamps.get(name);
      pen.drawImage(one, Math.round(places[2 * i] * dots - one.width / 2),
        Math.round(places[2 * i + 1] * dots - one.height / 2));
    };
    if (byError()) {
      for (let i = 0; i < count; i++) if (labels[i] === predicted[i]) put(i, "", RIGHT);
      for (let i = 0; i < count; i++)
        if (labels[i] !== predicted[i]) put(i, glyphs ? glyphs[predicted[i]] : "", WRONG, true);
    } else
      for (let i = 0; i < count; i++) put(i, glyphs ? glyphs[labels[i]] : "", glyphs ? colours[labels[i]] : PLAIN);
    drawOver();
  }

  // What changes with every movement: the point meant and its picture, the chosen one and its neighbours.
  function drawOver() {
    const pen = parts.over.getContext("2d");
    pen.setTransform(dots, 0, 0, dots, 0, 0);
    pen.clearRect(0, 0, room, room);
    const outline = (colour, shape) => {
      for (const [style, line] of [["#fff", 4.5], [colour, 2]]) {
        [pen.strokeStyle, pen.lineWidth] = [style, line];
        pen.beginPath();
        shape();
        pen.stroke();
      }
    };
    const place = (i) => [places[2 * i], places[2 * i + 1]];
    const ring = (i, radius) => pen.arc(...place(i), radius, 0, 7);
    const found = model.get("_neighbors");
    if (chosen() >= 0 && found.of === chosen()) {
      for (const i of found.features?.indices ?? []) outline(FRAMES.features, () => ring(i, 7));
      for (const i of found.pixels.indices) {
        const [x, y] = place(i);
        outline(FRAMES.pixels, () => pen.rect(x - 8.5, y - 8.5, 17, 17));
      }
    }
    if (chosen() >= 0) for (const radius of [6, 11]) outline("#000", () => ring(chosen(), radius));
    if (at < 0) return;
    outline("#000", () => ring(at, 8));
    if (!sheet) return;
    const larger = Math.max(1, 84 / Math.max(height, width));
    const [w, h] = [larger * width, larger * height];
    const [x, y] = place(at);
    const left = x + 16 + w > room ? x - 16 - w : x + 16;
    const top = Math.min(Math.max(y - h / 2, 3), room - h - 3);
    pen.fillStyle = "#fff";
    pen.fillRect(left - 3, top - 3, w + 6, h + 6);
    pen.strokeStyle = "#000";
    pen.lineWidth = 1;
    pen.strokeRect(left - 2.5, top - 2.5, w + 5, h + 5);
    pen.imageSmoothingEnabled = height >= 64;
    pen.drawImage(sheet, ...corner(at), width, height, left, top, w, h);
  }

  function stamp(glyph, colour, size) {
    const canvas = element("canvas");
    canvas.width = canvas.height = Math.ceil(size * Math.max(1, glyph.length)) + 2;
    const pen = canvas.getContext("2d");
    const middle = canvas.width / 2;
    pen.fillStyle = colour;
    if (!glyph) {
      pen.beginPath();
      pen.arc(middle, middle, 0.3 * size, 0, 7);
      pen.fill();
    } else {
      pen.font = `bold ${size * 1.15}px system-ui, sans-serif`;
      [pen.textAlign, pen.textBaseline] = ["center", "middle"];
      pen.fillText(glyph, middle, middle);
    }
    return canvas;
  }

  function drawLegend() {
    const entry = (colour, words) => {
      const one = element("span");
      const dot = element("b", "", { textContent: "●", ariaHidden: "true" });
      dot.style.color = colour;
      one.append(dot, ` ${words}`);
      return one;
    };
    if (byError()) {
      const wrong = labels.reduce((sum, label, i) => sum + (label !== predicted[i]), 0);
      const drawnAs = glyphs ? ", drawn as what the network said" : "";
      parts.legend.replaceChildren(entry(RIGHT, `${count - wrong} right`), entry(WRONG, `${wrong} wrong${drawnAs}`));
    } else if (glyphs)
      parts.legend.replaceChildren(
        ...names.map((name, i) => entry(colours[i], name === glyphs[i] ? name : `${glyphs[i]} ${name}`)),
      );
    else parts.legend.replaceChildren();
  }

  // ---- one picture

  const corner = (i) => [(i % columns) * width, Math.floor(i / columns) * height];

  function words(i) {
    const label = labels ? `, class ${names[labels[i]]}` : "";
    const said = predicted && predicted[i] !== labels[i] ? `, taken for ${names[predicted[i]]}` : "";
    return `picture ${i}${label}${said}`;
  }

  function drawPicture(canvas, i) {
    [canvas.width, canvas.height] = [width, height];
    canvas.classList.toggle("ck-crisp", height < 64);
    if (sheet) canvas.getContext("2d").drawImage(sheet, ...corner(i), width, height, 0, 0, width, height);
  }

  function point(i) {
    at = i;
    const meant = i >= 0 ? i : chosen();
    parts.plane.ariaValueNow = Math.max(meant, 0);
    parts.plane.ariaValueText = meant >= 0 ? words(meant) : "no picture";
    drawOver();
  }

  function takeChosen() {
    const i = chosen();
    parts.right.classList.toggle("ck-empty", i < 0);
    const text = i < 0 ? "No picture is chosen" : words(i);
    const [name, ...rest] = (text[0].toUpperCase() + text.slice(1)).split(", ");
    parts.name.textContent = name;
    parts.said.textContent = rest.join(", ");
    parts.picture.hidden = i < 0;
    if (i >= 0) {
      drawPicture(parts.picture, i);
      parts.picture.ariaLabel = text;
    }
    takeNeighbors();
    point(at);
  }

  function takeNeighbors() {
    const found = model.get("_neighbors");
    const there = chosen() >= 0 && found.of === chosen();
    busy(chosen() >= 0 && !there ? "Searching …" : "");
    if (chosen() >= 0 && !there) return; // those of the last one stay until then, and a button keeps the focus
    const summary = [];
    for (const space of SPACES) {
      const section = parts[space];
      section.hidden = !there || !found[space];
      if (section.hidden) continue;
      const { indices, distances, same } = found[space];
      const list = section.querySelector("ol");
      while (list.children.length < indices.length) list.append(neighbor());
      indices.forEach((i, rank) => {
        const button = list.children[rank].firstChild;
        button.ck = i;
        button.ariaLabel = `${rank + 1}. ${words(i)}, distance ${format(distances[rank], 4)}`;
        button.title = button.ariaLabel;
        button.classList.toggle("ck-other", !!labels && labels[i] !== labels[chosen()]);
        drawPicture(button.firstChild, i);
        button.lastChild.textContent = labels ? names[labels[i]] : i;
      });
      const text = same === undefined ? "" : `${same} of ${indices.length} are of class ${names[labels[chosen()]]}.`;
      section.querySelector(".ck-same").textContent = text;
      summary.push(`Nearest by ${space}: ${text || indices.join(", ")}`);
    }
    if (there) parts.status.textContent = summary.join(" "); // for screen readers: the page shows it already
    drawOver();
  }

  function neighbor() {
    const item = element("li");
    const button = element("button", "", { type: "button" });
    button.append(element("canvas", "", { ariaHidden: "true" }), element("span"));
    button.onclick = () => choose({ chosen: button.ck });
    button.onpointerenter = button.onfocus = () => point(button.ck);
    button.onpointerleave = button.onblur = () => point(-1);
    item.append(button);
    keepKeys(item);
    return item;
  }

  // ---- what the reader does

  // The point nearest to a place, no further away than `most`; or -1.
  function nearestTo(x, y, most) {
    let [best, least] = [-1, most * most];
    for (let i = 0; i < count; i++) {
      const distance = (places[2 * i] - x) ** 2 + (places[2 * i + 1] - y) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  // The nearest point within 45 degrees of a direction, at least `far` away; or -1.
  function nearestTowards(from, dx, dy, far) {
    let [best, least] = [-1, Infinity];
    for (let i = 0; i < count; i++) {
      const [x, y] = [places[2 * i] - places[2 * from], places[2 * i + 1] - places[2 * from + 1]];
      const [along, across] = [x * dx + y * dy, Math.abs(x * dy) + Math.abs(y * dx)];
      const distance = along * along + across * across;
      if (i !== from && along > 0 && across <= along && distance >= far * far && distance < least)
        [best, least] = [i, distance];
    }
    return best;
  }

  const cursor = () => (at >= 0 ? at : chosen() >= 0 ? chosen() : nearestTo(room / 2, room / 2, Infinity));

  function takeKey({ key, shiftKey }) {
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    if (direction) {
      const to = nearestTowards(cursor(), ...direction, shiftKey ? room / 10 : 0);
      if (to >= 0) point(to);
    } else if (key === "Enter" || key === " ") choose({ chosen: cursor() });
    else if (key === "Escape" && chosen() >= 0) choose({ chosen: null }); // the next one leads back to the cell
    else return false;
    return true;
  }

  const meant = (event) => {
    const [x, y] = placeIn(parts.plane, event);
    return nearestTo(x * room, y * room, NEAR);
  };
  onKeys(parts.plane, takeKey);
  parts.plane.onpointermove = (event) => point(meant(event));
  parts.plane.onpointerleave = () => point(-1);
  parts.plane.onpointerdown = (event) => {
    const i = meant(event);
    if (event.button === 0 && i >= 0) choose({ chosen: i });
  };
  parts.plane.onfocus = () => parts.plane.matches(":focus-visible") && point(cursor());
  parts.plane.onblur = () => point(-1);
  parts.step.oninput = () => choose({ shown: keys[parts.step.valueAsNumber] });

  const recolour = () => {
    showColor(model.get("color"));
    drawLegend();
    if (room) draw();
  };
  listen({
    "change:shown": takeMap,
    "change:chosen": takeChosen,
    "change:_neighbors": takeNeighbors,
    "change:color": recolour,
  });
  onWidth(view, parts.left, fit);
  onEnd(() => cancelAnimationFrame(frame));

  parts.step.max = keys.length - 1;
  parts.maps.hidden = keys.length < 2;
  parts.color.hidden = !predicted;
  parts.plane.ariaValueMax = count - 1;
  fit();
  takeMap();
  recolour();
  takeChosen();
  createImageBitmap(new Blob([file])).then((decoded) => {
    sheet = decoded;
    takeChosen();
  });
}

function split(values, parts) {
  const size = values.length / parts;
  return Array.from({ length: parts }, (_, i) => values.subarray(i * size, (i + 1) * size));
}

export default widget("embedding-explorer", HTML, begin, "A map of pictures");
