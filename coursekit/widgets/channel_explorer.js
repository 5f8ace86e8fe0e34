// The page's side of ChannelExplorer. Python sends a layer's values once; everything drawn from them is drawn here, so
// that choosing a channel waits for nobody. `model` holds what both sides share.

const { widget, floats, shorts, numbers, paint, put, radios, numberField, noChannel, waiting, onWidth } = page;
const { onKeys, opens, pictureFiles, placeIn, steppedTo } = page;

const TALLEST = { beside: 520, above: 380 }; // the grid, beside or above the chosen channel, in CSS pixels

// Black to white for values on a plain scale; blue, white, red for signed ones (ColorBrewer's RdBu, which colour-blind
// readers can tell apart; 255 steps, so that zero has a colour of its own).
const GREY = table(["#000000", "#ffffff"], 256);
const SIGNED = table(
  "#053061 #2166ac #4393c3 #92c5de #d1e5f0 #f7f7f7 #fddbc7 #f4a582 #d6604d #b2182b #67001f".split(" "),
  255,
);
// Over the photo: darkness that lifts where the channel is high; or colour where it is far from zero.
const SHADE = GREY.map((_, i) => (255 - i) << 24);
const TINT = SIGNED.map((colour, i) => (colour & 0xffffff) | (Math.round(Math.abs(i - 127) * (255 / 127)) << 24));

const SCALES = {
  shared: "One scale for all channels: their brightness can be compared.",
  own: "Each channel has its own scale: their brightness can't be compared.",
  signed: "White is zero, red is positive, blue is negative. One scale for all channels.",
};

const HTML = `
<div class="ck-controls">
  <label class="ck-field">Layer <select class="ck-layer"></select></label>
  <label class="ck-field">Channel <input class="ck-channel" type="number" min="0" step="1" inputmode="numeric">
    <span class="ck-count ck-quiet"></span></label>
  <fieldset class="ck-scale ck-radios"><legend>Scale</legend>
    <label><input type="radio" value="shared">shared</label>
    <label><input type="radio" value="own">own</label>
    <label><input type="radio" value="signed">signed</label></fieldset>
  <label class="ck-field"><input class="ck-relu" type="checkbox"> ReLU</label>
  <label class="ck-field"><input class="ck-sort" type="checkbox"> strongest first</label>
</div>
<p class="ck-alert" role="alert"></p>
<div class="ck-main ck-old">
  <div class="ck-all">
    <div class="ck-stack ck-grid" role="slider" tabindex="0" aria-valuemin="0">
      <canvas class="ck-sheet" aria-hidden="true"></canvas>
      <div class="ck-hover" hidden></div><div class="ck-chosen"></div>
    </div>
    <p class="ck-note ck-legend"></p>
    <p class="ck-note ck-keys">Click a channel, or move with the arrow keys. <span class="ck-pointed"></span></p>
  </div>
  <div class="ck-one">
    <div class="ck-title"><strong class="ck-name"></strong> <span class="ck-stats ck-quiet"></span></div>
    <div class="ck-panes">
      <div class="ck-pane">
        <div class="ck-stack ck-large" role="slider" tabindex="0" aria-valuemin="0">
          <canvas class="ck-map ck-crisp" aria-hidden="true"></canvas><div class="ck-spot" hidden></div></div>
        <div class="ck-bar">
          <canvas class="ck-colours" height="1" aria-hidden="true"></canvas><i class="ck-pin" hidden></i>
          <div class="ck-ticks ck-quiet"><span></span><span></span><span></span></div></div>
      </div>
      <div class="ck-pane">
        <div class="ck-stack ck-both">
          <canvas class="ck-photo" role="img"></canvas><canvas class="ck-over" aria-hidden="true"></canvas>
          <div class="ck-spot" hidden></div><div class="ck-sees" hidden></div></div>
        <label class="ck-opacity ck-quiet">photo <input type="range" min="0" max="100" value="0"
          aria-label="Channel over the photo, in percent"> with channel</label>
        <div class="ck-own ck-quiet"><button type="button" class="ck-open">Another photo…</button> or drop one here
          <button type="button" class="ck-first" hidden>Back to the first photo</button>
          <input class="ck-file" type="file" accept="image/*" hidden></div>
      </div>
    </div>
    <p class="ck-readout"><strong class="ck-value"></strong> <span class="ck-where"></span>
      <span class="ck-seen"></span></p>
  </div>
</div>
<p class="ck-status" role="status"></p>
<div class="ck-drop" aria-hidden="true">Drop the picture here</div>`;

function begin(view) {
  const { model, root, parts, all, choose, send, listen, say, onGone } = view;
  const spots = all(".ck-spot");
  const ticks = all(".ck-ticks span");
  const [opacity] = all(".ck-opacity input");
  const showScale = radios(parts.scale, (scale) => choose({ scale }));
  const busy = waiting(view);

  let layer; // {name, count, height, width, values, numbers, kind, boxes} of what is drawn
  let photo; // {height, width}
  let order, place; // order[position in the grid] = channel, place[channel] = position
  let columns, rows, gap, tile; // of the grid; gap and tile {width, height} in dots of the screen
  let dots; // to a CSS pixel
  let range; // of the chosen channel: [value of the first colour, value of the last]
  let described; // the chosen channel, in words
  let spot = null; // [row, column] under the pointer

  const channel = () => Math.min(model.get("channel"), layer.count - 1);
  const signed = () => model.get("scale") === "signed";
  const number = (kind, c) => layer.numbers[((model.get("relu") ? 5 : 0) + kind) * layer.count + c];
  const [LARGEST, SMALLEST, MEAN, ZEROS, NEAR_ZERO] = [0, 1, 2, 3, 4];

  // ---- what comes from Python

  function takeLayer() {
    const { layer: name, shape, values, numbers, field } = model.get("_maps");
    const [count, height, width] = shape;
    layer = { name, count, height, width, values: floats(values), numbers: floats(numbers), kind: field.kind };
    layer.boxes = field.boxes && shorts(field.boxes); // top, left, bottom, right of what each unit sees
    columns = columnsFor(layer.count);
    rows = Math.ceil(layer.count / columns);
    parts.channel.max = parts.grid.ariaValueMax = layer.count - 1;
    parts.count.textContent = `0 to ${layer.count - 1}`;
    parts.grid.ariaLabel = `Channels of ${name}`;
    busy("");
    takeChoice();
    drawGrid();
  }

  function takePhoto() {
    const { shape, rgba, first } = model.get("_photo");
    if (first && document.activeElement === parts.first) parts.open.focus();
    parts.first.hidden = first;
    photo = { height: shape[0], width: shape[1] };
    paint(parts.photo, photo.height, photo.width, (pixels) => pixels.set(numbers(Uint8Array, rgba)));
    parts.photo.ariaLabel = `The photo, ${photo.height} by ${photo.width} pixels`;
    parts.photo.classList.toggle("ck-crisp", photo.width < 100);
    for (const stack of [parts.large, parts.both]) stack.style.aspectRatio = `${photo.width} / ${photo.height}`;
  }

  function listLayers() {
    parts.layer.replaceChildren(
      ...model.get("_layers").map(([name, h, w, c]) => new Option(`${name} · ${h} × ${w} × ${c}`, name)),
    );
    takeChoice();
  }

  function takeChoice() {
    parts.layer.value = model.get("layer");
    parts.relu.checked = model.get("relu");
    parts.sort.checked = model.get("sort");
    showScale(model.get("scale"));
  }

  // ---- colours

  function rangeOf(c) {
    let [low, high] = [number(SMALLEST, c), number(LARGEST, c)];
    if (model.get("scale") !== "own")
      for (let i = 0; i < layer.count; i++) {
        low = Math.min(low, number(SMALLEST, i));
        high = Math.max(high, number(LARGEST, i));
      }
    if (signed()) {
      high = Math.max(-low, high) || 1;
      return [-high, high];
    }
    if (model.get("scale") === "shared") low = Math.min(low, 0);
    return [low, high > low ? high : low + 1];
  }

  // Draws a channel on a canvas, a pixel for each value.
  function drawOn(canvas, c, [low, high], colours) {
    const { height, width, values } = layer;
    const step = (colours.length - 1) / (high - low);
    const least = model.get("relu") ? 0 : -Infinity;
    paint(canvas, height, width, ({ buffer }) => {
      const pixels = new Uint32Array(buffer);
      for (let at = 0, i = c * height * width; at < pixels.length; at++, i++)
        pixels[at] = colours[((Math.max(values[i], least) - low) * step + 0.5) | 0];
    });
  }

  // ---- the grid

  function drawGrid() {
    const { count } = layer;
    order = Array.from({ length: count }, (_, c) => c);
    if (model.get("sort")) order.sort((a, b) => layer.numbers[b] - layer.numbers[a] || a - b);
    place = new Array(count);
    order.forEach((c, position) => (place[c] = position));

    const scale = SCALES[model.get("scale")];
    const dead = order.filter((c) => number(NEAR_ZERO, c)).length;
    const struck = dead === 1 ? "1 channel is" : `${dead || "No"} channels are`;
    parts.grid.ariaDescription = `The ${count} channels of ${layer.name} as small pictures. ${scale}`;
    parts.legend.textContent = `${scale} ${struck} near zero everywhere${dead ? " (struck out)" : ""}.`;
    fitGrid();
    drawChannel();
  }

  // Draws the grid as large as there is room, in whole dots of the screen.
  function fitGrid() {
    const room = parts.all.clientWidth;
    if (!room) return; // not on screen yet
    const { count, height, width } = layer;
    dots = window.devicePixelRatio;
    gap = Math.round((count > 300 ? 1 : 3) * dots);
    const tallest = room < 0.9 * root.clientWidth ? TALLEST.beside : TALLEST.above;
    let factor = Math.min(
      (room * dots - (columns + 1) * gap) / (columns * width),
      (tallest * dots - (rows + 1) * gap) / (rows * height),
    );
    if (factor > 2) factor = Math.floor(factor); // the cells of a map stay equally large
    tile = { width: Math.max(1, Math.floor(factor * width)), height: Math.max(1, Math.floor(factor * height)) };
    parts.sheet.width = columns * (tile.width + gap) + gap;
    parts.sheet.height = rows * (tile.height + gap) + gap;
    parts.grid.style.width = parts.sheet.width / dots + "px";
    parts.grid.style.height = parts.sheet.height / dots + "px";

    const pen = parts.sheet.getContext("2d");
    pen.imageSmoothingEnabled = factor < 2;
    pen.imageSmoothingQuality = "high";
    pen.fillStyle = "rgb(128 128 128 / 40%)"; // between the channels, not where the last row has none
    const [, lastRow] = corner(count - 1);
    const inLastRow = count - (rows - 1) * columns;
    pen.fillRect(0, 0, parts.sheet.width, lastRow);
    pen.fillRect(0, lastRow, inLastRow * (tile.width + gap) + gap, tile.height + gap);
    pen.lineWidth = 1.2 * dots;
    pen.strokeStyle = "#e69f00";
    const colours = signed() ? SIGNED : GREY;
    const shared = model.get("scale") === "own" ? null : rangeOf(0);
    const one = document.createElement("canvas");
    pen.beginPath();
    order.forEach((c, position) => {
      const [x, y] = corner(position);
      drawOn(one, c, shared || rangeOf(c), colours);
      pen.clearRect(x, y, tile.width, tile.height);
      pen.drawImage(one, x, y, tile.width, tile.height);
      if (number(NEAR_ZERO, c)) {
        pen.moveTo(x, y + tile.height);
        pen.lineTo(x + tile.width, y);
      }
    });
    pen.stroke();
    moveChosen();
  }

  // The left top dot of a channel's picture in the grid.
  function corner(position) {
    return [
      gap + (position % columns) * (tile.width + gap),
      gap + Math.floor(position / columns) * (tile.height + gap),
    ];
  }

  function moveTo(frame, c) {
    if (!tile) return;
    const [x, y] = corner(place[c]);
    frame.style.transform = `translate(${x / dots}px, ${y / dots}px)`;
    frame.style.width = tile.width / dots + "px";
    frame.style.height = tile.height / dots + "px";
  }

  const moveChosen = () => moveTo(parts.chosen, channel());

  function channelAt(event) {
    const [x, y] = placeIn(parts.grid, event);
    const [row, column] = [Math.floor(y * rows), Math.floor(x * columns)];
    return column < 0 || column >= columns || row < 0 ? undefined : order[row * columns + column];
  }

  function takeGridKey({ key }) {
    const from = place[channel()];
    const last = layer.count - 1;
    const block = Math.max(1, Math.round(rows / 4)) * columns;
    const inRow = (to) => (to < 0 ? from % columns : to > last ? lastInColumn(from % columns) : to);
    const to = {
      ArrowLeft: Math.max(from - 1, 0),
      ArrowRight: Math.min(from + 1, last),
      ArrowUp: inRow(from - columns),
      ArrowDown: inRow(from + columns),
      PageUp: inRow(from - block),
      PageDown: inRow(from + block),
      Home: 0,
      End: last,
    }[key];
    if (to !== undefined && to !== from) choose({ channel: order[to] });
    return to !== undefined;
  }

  function lastInColumn(column) {
    const position = (rows - 1) * columns + column;
    return position < layer.count ? position : position - columns;
  }

  // ---- the chosen channel

  function drawChannel() {
    const c = channel();
    const { height, width } = layer;
    range = rangeOf(c);
    drawOn(parts.map, c, range, signed() ? SIGNED : GREY);
    drawOn(parts.over, c, range, signed() ? TINT : SHADE);
    put(parts.channel, c);

    const share = `${Math.round(100 * number(ZEROS, c))}% zeros`;
    const struck = number(NEAR_ZERO, c) ? ", near zero everywhere" : "";
    const largest = format(number(LARGEST, c));
    parts.name.textContent = `Channel ${c}`;
    parts.stats.textContent =
      `largest ${largest}, smallest ${format(number(SMALLEST, c))}, mean ${format(number(MEAN, c))}, ${share}${struck}`;
    parts.grid.ariaValueNow = c;
    parts.grid.ariaValueText = `channel ${c} of ${layer.count}, largest value ${largest}, ${share}${struck}`;
    described = `Channel ${c} of ${layer.name}, ${height} rows by ${width} columns, ${parts.stats.textContent}.`;
    parts.large.ariaLabel = `Values of channel ${c}`;
    parts.large.ariaValueMax = height * width - 1;
    moveChosen();
    drawBar();
    point(spot);
  }

  function drawBar() {
    const colours = signed() ? SIGNED : GREY;
    paint(parts.colours, 1, colours.length, ({ buffer }) => new Uint32Array(buffer).set(colours));
    const [low, high] = range;
    const zero = -low / (high - low);
    [ticks[0].textContent, ticks[2].textContent] = [format(low), format(high)];
    ticks[1].textContent = zero > 0.12 && zero < 0.88 ? "0" : ""; // nearer, it would run into the others
    ticks[1].style.left = 100 * zero + "%";
  }

  // ---- the value at a place

  function point(at) {
    const { height, width, values } = layer;
    spot = at && at[0] < height && at[1] < width ? at : null;
    for (const one of [...spots, parts.pin]) one.hidden = !spot;
    const here = spot || strongestPlace();
    const value = valueAt(here);
    const [row, column] = here;
    parts.large.ariaValueNow = row * width + column;
    parts.large.ariaValueText = `row ${row}, column ${column}: ${format(value)}`;
    showField(spot);
    if (!spot) {
      parts.value.textContent = "";
      parts.where.textContent = "Point at the channel or the photo to read its values and see what a unit sees.";
      return;
    }
    const edge = (i, cells, size) => Math.round((i * size) / cells);
    const [top, bottom] = [edge(row, height, photo.height), edge(row + 1, height, photo.height) - 1];
    const [left, right] = [edge(column, width, photo.width), edge(column + 1, width, photo.width) - 1];
    parts.value.textContent = format(value);
    parts.where.textContent =
      `at row ${row}, column ${column}; in the photo rows ${top} to ${bottom}, columns ${left} to ${right}.`;
    parts.pin.style.left = `${(100 * (value - range[0])) / (range[1] - range[0])}%`;
    for (const one of spots) {
      one.style.left = (100 * column) / width + "%";
      one.style.top = (100 * row) / height + "%";
      one.style.width = 100 / width + "%";
      one.style.height = 100 / height + "%";
    }

    function valueAt([row, column]) {
      const value = values[(channel() * height + row) * width + column];
      return model.get("relu") ? Math.max(value, 0) : value;
    }
  }

  // Frames what the unit at a place sees, and says it.
  function showField(at) {
    const i = at && layer.boxes ? 4 * (at[0] * layer.width + at[1]) : -1;
    const [top, left, bottom, right] = i < 0 ? [0, 0, 0, 0] : layer.boxes.subarray(i, i + 4);
    const [tall, wide] = [bottom - top, right - left];
    const words = i < 0 ? "" : fieldInWords(top, left, tall, wide);
    parts.sees.hidden = !(tall && wide);
    parts.sees.classList.toggle("ck-bound", layer.kind !== "exact");
    parts.seen.textContent = words;
    parts.large.ariaDescription = words || described;
    parts.sees.style.left = (100 * left) / photo.width + "%";
    parts.sees.style.top = (100 * top) / photo.height + "%";
    parts.sees.style.width = (100 * wide) / photo.width + "%";
    parts.sees.style.height = (100 * tall) / photo.height + "%";
  }

  function fieldInWords(top, left, tall, wide) {
    if (!(tall && wide)) return "This unit sees padding only, nothing of the photo.";
    const bound = layer.kind === "exact" ? "" : layer.kind === "upper bound" ? "at most " : "depending on the photo, ";
    const whole = tall === photo.height && wide === photo.width;
    const where = whole ? "the whole photo" : `rows ${top} to ${top + tall - 1}, columns ${left} to ${left + wide - 1}`;
    return `This unit sees ${bound}${tall} × ${wide} pixels: ${where}${bound ? " (dashed frame)" : " (frame)"}.`;
  }

  function strongestPlace() {
    const size = layer.height * layer.width;
    const start = channel() * size;
    let best = 0;
    for (let i = 1; i < size; i++) if (layer.values[start + i] > layer.values[start + best]) best = i;
    return [Math.floor(best / layer.width), best % layer.width];
  }

  function onPoint(event) {
    const [x, y] = placeIn(event.currentTarget, event);
    const [row, column] = [Math.floor(y * layer.height), Math.floor(x * layer.width)];
    point(row < 0 || column < 0 ? null : [row, column]);
  }

  function takePlaceKey({ key }) {
    const to = steppedTo(key, spot || strongestPlace(), [layer.height - 1, layer.width - 1]);
    if (to) point(to);
    return !!to;
  }

  // ---- another photo

  const sendPhoto = pictureFiles(view, {
    busy: (file) => busy(file ? `Computing all layers for ${file.name} …` : ""),
  });

  function onAnswer({ kind, text }) {
    busy("");
    if (kind === "refused") say(text);
    else parts.status.textContent = text;
  }

  // ---- what the reader does

  parts.layer.onchange = () => {
    choose({ layer: parts.layer.value });
    if (layer.name !== parts.layer.value) busy(`Fetching ${parts.layer.value} …`);
  };
  numberField(view, parts.channel, { value: channel, use: (c) => choose({ channel: c }), words: noChannel });
  parts.relu.onchange = () => choose({ relu: parts.relu.checked });
  parts.sort.onchange = () => choose({ sort: parts.sort.checked });
  opacity.oninput = () => (parts.over.style.opacity = opacity.value / 100);
  opens(parts.open, parts.file, (file) => sendPhoto(file));
  parts.first.onclick = () => {
    sendPhoto.cancel();
    busy("Computing all layers for the first photo …");
    send({ first: true });
  };

  onKeys(parts.grid, takeGridKey);
  parts.grid.onpointerdown = (event) => {
    const c = channelAt(event);
    if (event.button === 0 && c !== undefined) choose({ channel: c });
  };
  parts.grid.onpointermove = (event) => {
    const c = channelAt(event);
    parts.hover.hidden = c === undefined;
    if (c === undefined) return;
    moveTo(parts.hover, c);
    parts.pointed.textContent = `Under the pointer: channel ${c}, largest ${format(number(LARGEST, c))}.`;
  };
  parts.grid.onpointerleave = () => {
    parts.hover.hidden = true;
    parts.pointed.textContent = "";
  };
  onKeys(parts.large, takePlaceKey);
  parts.large.onfocus = () => point(spot || strongestPlace());
  parts.large.onblur = () => point(null);
  for (const stack of [parts.large, parts.both]) {
    stack.onpointermove = onPoint;
    stack.onpointerleave = () => point(null);
  }

  const redraw = () => {
    takeChoice();
    drawGrid();
  };
  listen({
    "change:_maps": takeLayer,
    "change:_photo": () => {
      takePhoto();
      point(spot);
    },
    "change:_layers": listLayers,
    "change:layer": takeChoice,
    "change:channel": drawChannel,
    "change:scale change:relu change:sort": redraw,
    "msg:custom": onAnswer,
  });
  onWidth(view, parts.all, fitGrid);
  onGone(() => {
    model.set("layer", layer.name); // what is drawn
    model.set("channel", channel());
    takeChoice();
    drawChannel();
  });

  parts.over.style.opacity = 0;
  takePhoto();
  listLayers();
  takeLayer();
}

// A near-square grid, with a full last row where some number of columns gives one.
function columnsFor(count) {
  const least = Math.ceil(Math.sqrt(count));
  for (let columns = least; columns <= 1.5 * least; columns++) if (count % columns === 0) return columns;
  return least;
}

const format = (value) => page.format(value, 5);

// Colours evenly spaced between the given ones, as numbers that a Uint32Array writes as R, G, B, A.
function table(colours, steps) {
  const rgb = colours.map((colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16)));
  return Uint32Array.from({ length: steps }, (_, i) => {
    const at = (i / (steps - 1)) * (rgb.length - 1);
    const left = Math.min(Math.floor(at), rgb.length - 2);
    const [r, g, b] = [0, 1, 2].map((k) => Math.round(rgb[left][k] + (at - left) * (rgb[left + 1][k] - rgb[left][k])));
    return (255 << 24) | (b << 16) | (g << 8) | r;
  });
}

export default widget("channel-explorer", HTML, begin, "Channels of a network");
