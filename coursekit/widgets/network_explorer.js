// The page's side of NetworkExplorer. What is seen comes from Python, after each stroke, as bytes of the size in which it
// is drawn. `network_map.js` has the map, `network_photo.js` the photo; here are the channels, the classes and the rest.

const { widget, element, floats, shorts, numbers, paint, put, radios, numberField, noChannel, waiting } = page;
const { clamped, onKeys, onWidth, opens, pictureFiles, placeIn, steppedTo, unique } = page;

const HTML = `
<div class="ck-controls">
  <label class="ck-field">Find a layer <input class="ck-find" type="text" autocomplete="off" spellcheck="false"></label>
  <datalist class="ck-names"></datalist>
  <span class="ck-zooms" role="group" aria-label="Size of the map">
    <button type="button" class="ck-closer" aria-label="Larger map">+</button>
    <button type="button" class="ck-farther" aria-label="Smaller map">−</button>
    <button type="button" class="ck-whole">whole map</button></span>
</div>
<p class="ck-alert" role="alert"></p>
<div class="ck-map ck-frame" role="slider" tabindex="0" aria-label="Map of the network" aria-valuemin="0"
  aria-valuenow="0"><canvas class="ck-sheet" aria-hidden="true"></canvas><canvas class="ck-mini" aria-hidden="true"
  hidden></canvas></div>
<p class="ck-note ck-pointed"></p>
<p class="ck-note">Each picture is the channel that this photo excites most. Click a layer, or move with the arrow keys;
  drag or Shift + arrows move the map, + and − or the wheel enlarge it, 0 shows all of it.</p>
<div class="ck-main">
  ${networkPhoto.HTML}
  <section class="ck-layer-part" aria-label="The chosen layer">
    <h4 class="ck-title"></h4>
    <div class="ck-controls ck-toolbar">
      <label class="ck-field ck-inside">In this box <select class="ck-layers"></select></label>
      <label class="ck-field">Channel <input class="ck-channel" type="number" min="0" step="1" inputmode="numeric"></label>
      <fieldset class="ck-scale ck-radios"><legend>Scale</legend>
        <label><input type="radio" value="own">own</label>
        <label><input type="radio" value="shared">shared</label></fieldset>
    </div>
    <div class="ck-frame ck-scroll">
      <div class="ck-stack ck-grid" role="slider" tabindex="0" aria-valuemin="0" aria-valuenow="0"
        aria-label="Channels of the layer"><canvas class="ck-tiles" aria-hidden="true"></canvas><div
        class="ck-chosen"></div></div></div>
    <p class="ck-note ck-legend"></p>
    ${networkHere.HTML}
    <h4 class="ck-name"></h4>
    <div class="ck-stack ck-large" role="slider" tabindex="0" aria-valuemin="0" aria-valuenow="0"
      aria-label="Values of the channel"><canvas class="ck-values ck-crisp" aria-hidden="true"></canvas><div
      class="ck-spot" hidden></div></div>
    <label class="ck-field ck-quiet">over the photo <input class="ck-opacity" type="range" min="0" max="100" value="0"
      aria-label="Channel over the photo, in percent"></label>
    <p class="ck-readout"><strong class="ck-value"></strong> <span class="ck-where"></span></p>
    ${networkKnown.HTML}
    <section class="ck-sum" aria-label="Where this number comes from" hidden>
      <h4>Where this number comes from</h4>
      <p class="ck-of"></p>
      <div class="ck-windows" aria-hidden="true"></div>
      <table class="ck-terms"><caption class="ck-quiet"></caption><tbody class="ck-parts"></tbody></table>
      <div class="ck-line"><button type="button" class="ck-down"></button>
        <button type="button" class="ck-up">Back up</button></div>
    </section>
  </section>
</div>
<details class="ck-details"><summary>All of this as one text</summary>
  <div class="ck-line"><input class="ck-text" type="text" aria-label="All that is chosen, as text" spellcheck="false">
    <button type="button" class="ck-use">Use this text</button></div></details>
<p class="ck-status" role="status"></p>
<div class="ck-drop" aria-hidden="true">Drop the picture here</div>`;

const SCALES = {
  own: "Each channel has a scale of its own",
  shared: "One scale for all channels",
};
const format = (value) => (Number.isFinite(value) ? page.format(value, 4).replace("-", "−") : String(value));
const share = (value) => (value === null ? "NaN" : value > 0 && value < 0.0005 ? "< 0.001" : value.toFixed(3));

function begin(view) {
  const { model, parts, choose, send, listen, say, onGone } = view;
  const busy = waiting(view);
  const map = networkMap.make(view, {
    take: takeBox,
    ask: (boxes, side) => send({ kind: "look", boxes, side, all: false }),
    enter: () => parts.grid.focus(),
  });
  const photo = networkPhoto.make(view, { busy, cancelFile: () => sendFile.cancel() });
  const sum = networkSum.make(view);
  const here = networkHere.make(view, photo);
  const known = networkKnown.make(view, { busy });
  const showScale = radios(parts.scale, (scale) => choose({ scale }));

  let layer = null; // {name, count, height, width, levels} of the channels that are drawn
  let channel = null; // {layer, channel, shape, low, high, values} of the large one
  let field = null; // {layer, boxes, kind}
  let columns, rows; // of the grid
  let spot = null; // [row, column] under the pointer or the keys
  let sheet = null; // the canvas of one tile
  let given = ""; // the text of all that is chosen, as Python gave it last

  // ---- what comes from Python

  function take(content, buffers) {
    const { kind, text } = content;
    // A text that somebody is writing stays.
    if (kind === "state" && parts.text.value === given) parts.text.value = given = text;
    if (kind === "refused") {
      busy("");
      photo.refused();
      webcam.stop();
      say(text);
    }
    if (kind === "patches") {
      busy("");
      known.take(content, buffers);
    }
    if (kind === "drawing") known.takeDrawing(content, buffers);
    if (kind !== "now") return;
    busy("");
    const bytes = Object.fromEntries(content.buffers.map((part, i) => [part, buffers[i]]));
    if (content.field) takeField(content.field, bytes.field);
    if (content.photo) {
      photo.take(content.photo, bytes.photo);
      webcam.next();
    }
    if (content.scores) takeScores(content.scores);
    if (content.thumbnails) map.takeThumbnails(content.thumbnails, bytes.thumbnails);
    if (content.layer) takeLayer(content.layer, bytes.layer);
    if (content.channel) takeChannel(content.channel, bytes.channel);
    if (content.arithmetic) sum.take(content.arithmetic);
    if (content.here) here.take(content.here);
    if (content.name !== undefined) known.takeName(content.name);
    if (parts.details.open) send({ kind: "state" });
  }

  function takeScores(told) {
    parts.classes.hidden = !told.length;
    if (!told.length) {
      parts.says.textContent = "This network tells no classes apart, or has several outputs: there are no scores to follow.";
      return;
    }
    const name = (index) => model.get("_classes")[index];
    const top = told.reduce((a, b) => ((b[2] ?? -1) > (a[2] ?? -1) ? b : a));
    const words = `It says ${name(top[0])}: ${share(top[2])}.`;
    if (parts.says.textContent !== words) parts.says.textContent = words;
    const most = Math.max(...told.flatMap(([, before, now]) => [before ?? 0, now ?? 0]), 1e-9);
    parts.rows.replaceChildren(
      ...told.map(([index, before, now]) => {
        const row = element("tr");
        const first = element("th", "ck-class", { scope: "row", textContent: name(index), title: name(index) });
        row.append(first, element("td", "ck-before", { textContent: share(before) }));
        row.append(element("td", "ck-now", { textContent: share(now) }));
        first.style.setProperty("--now", Math.max(now ?? 0, 0) / most);
        first.style.setProperty("--before", Math.max(before ?? 0, 0) / most);
        return row;
      }),
    );
  }

  function takeLayer(told, bytes) {
    layer = { ...told, levels: numbers(Uint8Array, bytes) };
    columns = 0;
    fitGrid();
  }

  function takeChannel(told, bytes) {
    channel = { ...told, values: floats(bytes) };
    drawChannel();
  }

  function takeField({ layer: name, kind }, bytes) {
    field = { layer: name, kind, boxes: kind ? shorts(bytes) : null };
  }

  // ---- the chosen layer

  function takeChoice() {
    const name = model.get("layer");
    map.mark(name);
    const boxes = model.get("_map").boxes;
    const box = boxes.find(({ layers }) => layers.some(([one]) => one === name));
    const [, type, shape] = box.layers.find(([one]) => one === name);
    parts.title.textContent = `${name} · ${type} · ${shape.join(" × ")}`;
    const inside = box.layers.filter(([, , size]) => size.length === 3);
    if ([...parts.layers.options].map(({ value }) => value).join() !== inside.map(([one]) => one).join())
      parts.layers.replaceChildren(...inside.map(([one, what]) => new Option(`${one} (${what})`, one)));
    parts.layers.value = name;
    parts.inside.hidden = inside.length < 2;
    parts.channel.max = parts.grid.ariaValueMax = shape[2] - 1;
    put(parts.channel, model.get("channel"));
    showScale(model.get("scale"));
    fitGrid();
  }

  function takeBox(number) {
    const { layers, shown } = model.get("_map").boxes[number];
    if (shown === null) say(`${layers[0][0]} has no maps of height and width: there are no channels to show.`);
    else if (layers[shown][0] !== model.get("layer")) choose({ layer: layers[shown][0] });
    else say("");
  }

  // ---- the channels, small

  function fitGrid() {
    const room = parts.scroll.clientWidth;
    if (!layer || !room) return;
    const { count, height, width } = layer;
    const least = count > 400 ? 14 : count > 100 ? 26 : 40;
    columns = Math.max(1, Math.min(count, Math.floor(room / (Math.min(Math.max(least, 0), 96) + 2))));
    rows = Math.ceil(count / columns);
    const dots = window.devicePixelRatio;
    const across = Math.min(Math.floor(room / columns) - 2, 96);
    const down = Math.max(1, Math.round((across * height) / width));
    const [w, h] = [Math.round(across * dots), Math.round(down * dots)];
    const gap = Math.round(2 * dots);
    [parts.tiles.width, parts.tiles.height] = [columns * (w + gap), rows * (h + gap)];
    parts.grid.style.width = `${parts.tiles.width / dots}px`;
    parts.grid.style.height = `${parts.tiles.height / dots}px`;
    const pen = parts.tiles.getContext("2d");
    pen.imageSmoothingEnabled = w < width;
    sheet ??= document.createElement("canvas");
    for (let c = 0; c < count; c++) {
      networkMap.grey(sheet, height, width, layer.levels.subarray(c * height * width, (c + 1) * height * width));
      pen.drawImage(sheet, (c % columns) * (w + gap), Math.floor(c / columns) * (h + gap), w, h);
    }
    const dead = model.get("scale") === "own" ? "brightness tells how much more or less than for the clean photo." : "";
    parts.legend.textContent = `${count} channels. ${SCALES[model.get("scale")]}${dead ? `: ${dead}` : "."}`;
    markChannel();
  }

  const chosen = () => model.get("channel");

  function markChannel() {
    if (!layer || !columns) return;
    const c = Math.min(chosen(), layer.count - 1);
    const { style } = parts.chosen;
    [style.left, style.top] = [`${(100 * (c % columns)) / columns}%`, `${(100 * Math.floor(c / columns)) / rows}%`];
    [style.width, style.height] = [`calc(${100 / columns}% - 2px)`, `calc(${100 / rows}% - 2px)`];
    parts.grid.ariaValueNow = c;
    parts.grid.ariaValueText = `channel ${c} of ${layer.count}`;
    put(parts.channel, c);
    const { scroll, chosen: frame } = parts;
    if (frame.offsetTop < scroll.scrollTop) scroll.scrollTop = frame.offsetTop - 4;
    const below = frame.offsetTop + frame.offsetHeight - scroll.clientHeight;
    if (below > scroll.scrollTop) scroll.scrollTop = below + 4;
  }

  function takeGridKey({ key }) {
    const last = layer.count - 1;
    const to = {
      ArrowLeft: chosen() - 1,
      ArrowRight: chosen() + 1,
      ArrowUp: chosen() - columns,
      ArrowDown: chosen() + columns,
      Home: 0,
      End: last,
    }[key];
    if (to === undefined) return false;
    if (to >= 0 && to <= last) choose({ channel: to });
    return true;
  }

  // ---- the chosen channel, large

  function drawChannel() {
    const { shape, values, low, high } = channel;
    const [height, width] = shape;
    const scale = high > low ? 255 / (high - low) : 0;
    paint(parts.values, height, width, ({ buffer }) => {
      const pixels = new Uint32Array(buffer);
      for (let i = 0; i < pixels.length; i++) pixels[i] = colour(values[i]);
    });
    paint(parts.over, height, width, ({ buffer }) => {
      const pixels = new Uint32Array(buffer);
      for (let i = 0; i < pixels.length; i++) pixels[i] = (255 - (colour(values[i]) & 255)) << 24;
    });
    function colour(value) {
      if (!Number.isFinite(value)) return 0xff009fe6; // orange
      return (255 << 24) | (Math.min(Math.max(Math.round((value - low) * scale), 0), 255) * 0x10101);
    }
    parts.large.style.aspectRatio = `${width} / ${height}`;
    let [least, most, odd] = [Infinity, -Infinity, 0];
    for (const value of values) {
      if (!Number.isFinite(value)) odd++;
      else [least, most] = [Math.min(least, value), Math.max(most, value)];
    }
    const strange = odd ? ` ${odd} of its ${values.length} values are NaN or infinite (orange).` : "";
    const numbersOf = odd === values.length ? "" : `: ${format(least)} to ${format(most)}`;
    parts.name.textContent = `Channel ${channel.channel}${numbersOf}, white ${format(high)}.${strange}`;
    parts.large.ariaValueMax = height * width - 1;
    point(spot ?? model.get("place"));
  }

  const fitsLayer = (at) => at && channel && at[0] < channel.shape[0] && at[1] < channel.shape[1];

  function point(at) {
    const here = fitsLayer(at) ? at : null;
    parts.spot.hidden = !here;
    parts.sees.hidden = true;
    if (!here) {
      parts.value.textContent = "";
      parts.where.textContent = "Point at the channel to read its values and see what a unit sees of the photo.";
      parts.large.ariaValueText = "no place chosen";
      return;
    }
    const [row, column] = here;
    const [height, width] = channel.shape;
    const value = channel.values[row * width + column];
    parts.value.textContent = format(value);
    parts.where.textContent = `at row ${row}, column ${column}. ${showField(row, column, width)}`;
    parts.large.ariaValueNow = row * width + column;
    parts.large.ariaValueText = `row ${row}, column ${column}: ${format(value)}`;
    const { style } = parts.spot;
    [style.left, style.top] = [`${(100 * column) / width}%`, `${(100 * row) / height}%`];
    [style.width, style.height] = [`${100 / width}%`, `${100 / height}%`];
  }

  // Frames what a unit sees, and returns it in words.
  function showField(row, column, across) {
    if (!field?.boxes || field.layer !== channel.layer) return "";
    const i = 4 * (row * across + column);
    const [top, left, bottom, right] = field.boxes.subarray(i, i + 4);
    if (bottom === top || right === left) return "This unit sees padding only.";
    const [height, width] = photo.size();
    parts.sees.hidden = false;
    parts.sees.classList.toggle("ck-bound", field.kind !== "exact");
    const { style } = parts.sees;
    [style.left, style.top] = [`${(100 * left) / width}%`, `${(100 * top) / height}%`];
    [style.width, style.height] = [`${(100 * (right - left)) / width}%`, `${(100 * (bottom - top)) / height}%`];
    const bound = field.kind === "exact" ? "" : "at most ";
    return `It sees ${bound}${bottom - top} × ${right - left} pixels: the frame on the photo.`;
  }

  const cellAt = (event) => {
    const [x, y] = placeIn(parts.large, event);
    const [height, width] = channel.shape;
    return clamped([Math.floor(y * height), Math.floor(x * width)], [height - 1, width - 1]);
  };

  function takePlaceKey({ key }) {
    const [height, width] = channel.shape;
    const from = spot ?? model.get("place") ?? [Math.floor(height / 2), Math.floor(width / 2)];
    const place = steppedTo(key, from, [height - 1, width - 1]);
    if (!place) return false;
    spot = null;
    choose({ place });
    return true;
  }

  // ---- what the reader does

  function find() {
    const typed = parts.find.value.trim().toLowerCase();
    if (!typed) return;
    const boxes = model.get("_map").boxes;
    const holds = (fits) => boxes.findIndex(({ layers }) => layers.some(([name]) => fits(name.toLowerCase())));
    const exact = holds((name) => name === typed);
    const number = exact >= 0 ? exact : holds((name) => name.includes(typed));
    if (number < 0) {
      say(`No layer's name contains ${parts.find.value}.`);
      return;
    }
    say("");
    map.find(number);
    const wanted = boxes[number].layers.find(([name, , shape]) => name.toLowerCase() === typed && shape.length === 3);
    if (wanted && wanted[0] !== model.get("layer")) choose({ layer: wanted[0] });
  }

  function takeMap() {
    const names = model.get("_map").boxes.flatMap(({ layers }) => layers.map(([name]) => name));
    parts.names.replaceChildren(...names.map((name) => new Option(name)));
    map.takeMap();
    map.mark(model.get("layer"));
  }

  const sendFile = pictureFiles(view, {
    busy: (file) => {
      webcam.makeWay(file);
      busy(file && !webcam.isLive() ? `Computing all layers for ${file.name} …` : "");
    },
    about: () => ({ kind: "file" }),
  });
  const webcam = networkWebcam.make(view, { size: photo.size, sendFile: (file) => sendFile(file, { kind: "file" }) });

  parts.names.id = unique();
  parts.find.setAttribute("list", parts.names.id);
  parts.find.onchange = find;
  parts.find.onkeydown = ({ key }) => key === "Enter" && find();
  parts.layers.onchange = () => choose({ layer: parts.layers.value });
  numberField(view, parts.channel, { value: chosen, use: (c) => choose({ channel: c }), words: noChannel });
  onKeys(parts.grid, takeGridKey);
  parts.grid.onpointerdown = (event) => {
    const [x, y] = placeIn(parts.grid, event);
    const c = Math.floor(y * rows) * columns + Math.floor(x * columns);
    if (event.button === 0 && c >= 0 && c < layer.count) choose({ channel: c });
  };
  onKeys(parts.large, takePlaceKey);
  parts.large.onpointermove = (event) => {
    spot = cellAt(event);
    point(spot);
  };
  parts.large.onpointerleave = () => {
    spot = null;
    point(model.get("place"));
  };
  parts.large.onclick = (event) => choose({ place: cellAt(event) });
  opens(parts.open, parts.file, (file) => sendFile(file, { kind: "file" }));
  parts.details.ontoggle = () => {
    given = parts.text.value;
    if (parts.details.open) send({ kind: "state" });
  };
  parts.use.onclick = () => {
    say("");
    given = parts.text.value;
    send({ kind: "set", text: given });
  };
  onWidth(view, parts.scroll, fitGrid);

  listen({
    "change:_map": () => {
      takeMap();
      send({ kind: "look", ...map.seen(), all: false });
    },
    "change:layer change:scale": takeChoice,
    "change:channel": markChannel,
    "change:place": () => {
      if (channel) point(spot ?? model.get("place"));
    },
    "msg:custom": take,
  });
  onGone(() => {
    known.stop();
    if (!channel) return;
    model.set("layer", channel.layer); // what is drawn
    model.set("channel", channel.channel);
    takeChoice();
  });

  takeMap();
  takeChoice();
  send({ kind: "look", ...map.seen(), all: true });
}

export default widget("network-explorer", HTML, begin, "A network as a map");
