// The page's side of UnitCard. Python sends the pictures of a channel as files, and the held-out pictures once; here they
// are laid out, and a name is put to the test. What the channel answers to the held-out pictures stays in Python until
// the test is done. `model` holds what both sides share.

const { widget, element, onKeys, put, numberField, noChannel, waiting } = page;
const { address, list } = unitParts;

const HTML = `
<div class="ck-controls">
  <strong class="ck-layer"></strong>
  <label class="ck-field">Channel <input class="ck-number" type="number" min="0" step="1" inputmode="numeric"></label>
  <label class="ck-field"><input class="ck-walk" type="range" min="0" step="1" aria-label="Channel">
    <span class="ck-range ck-quiet"></span></label>
</div>
<p class="ck-alert" role="alert"></p>
<div class="ck-sides ck-old">
  <section class="ck-looks">
    <figure class="ck-drawn"><figcaption>What the network draws for it</figcaption>
      <div class="ck-frame"><img hidden></div><p class="ck-note ck-far"></p></figure>
    <figure class="ck-kernel"><figcaption>Its kernel</figcaption>
      <div class="ck-frame"><img></div><p class="ck-note">Grey is zero. The largest weight of the layer is black or
      white.</p></figure>
  </section>
  <section class="ck-patches"><h3>Strongest patches</h3><ol></ol><p class="ck-note"></p></section>
  <section class="ck-photos"><h3>Where it is most active</h3><ol></ol><p class="ck-note"></p></section>
</div>
<section class="ck-naming" aria-label="Its name">
  <label class="ck-field">What does it detect? <input class="ck-name" type="text" maxlength="80" size="28"
    autocomplete="off"></label>
  <button type="button" class="ck-begin"></button>
  <p class="ck-alert ck-unnamed" role="alert"></p>
  <div class="ck-test" role="group" tabindex="0" hidden>
    <img>
    <div class="ck-ask">
      <p class="ck-question"></p>
      <p class="ck-buttons"><button type="button" class="ck-yes">Shows it <kbd>y</kbd></button>
        <button type="button" class="ck-no">Does not <kbd>n</kbd></button></p>
      <p class="ck-buttons"><button type="button" class="ck-back">Back</button>
        <button type="button" class="ck-finish">Score it now</button></p>
    </div>
  </div>
  <div class="ck-report" tabindex="-1" hidden>
    <p class="ck-verdict"></p>
    <h3>By the channel's answer, the strongest first</h3>
    <ol></ol>
    <button type="button" class="ck-again">Test again</button>
  </div>
</section>
<p class="ck-status ck-spoken" role="status"></p>`;

const EMPTY = { name: "", says: {}, done: false };

function begin(view) {
  const { model, parts, choose, send, listen, say, onGone, onEnd } = view;
  const busy = waiting(view);

  const layer = model.get("_layer");
  const { images, order } = model.get("_held_out");
  const others = images.map(address);
  let shown = []; // addresses of the channel's pictures, to be given back
  let drawn = null; // address of what is drawn
  let testing = false; // whether this view asks

  const channel = () => model.get("channel");
  const isWaiting = () => model.get("_unit").channel !== channel();
  const note = () => model.get("_notes")[channel()] || EMPTY;
  const next = () => order.find((i) => !(i in note().says));

  function write(changes) {
    if (isWaiting()) return; // still of another channel
    choose({ _notes: { ...model.get("_notes"), [channel()]: { ...note(), ...changes } } });
  }

  // ---- the channel

  function takeChannel() {
    parts.walk.value = channel();
    parts.walk.ariaValueText = `channel ${channel()}`;
    put(parts.number, channel());
    busy(isWaiting() ? `Fetching channel ${channel()} …` : "");
  }

  function takeUnit() {
    const unit = model.get("_unit");
    shown.forEach(URL.revokeObjectURL);
    shown = [];
    const show = (image, bytes, alt) => {
      shown.push(address(bytes));
      image.src = shown.at(-1);
      image.alt = alt;
    };
    parts.kernel.hidden = unit.kernel === null;
    if (unit.kernel !== null) show(find(parts.kernel, "img"), unit.kernel, `Kernel of channel ${unit.channel}`);
    const [tall, wide] = unit.largest;
    unitParts.patches(find(parts.patches, "ol"), unit.patches, unit.largest, show);
    parts.photos.hidden = !unit.photos.length;
    list(
      find(parts.photos, "ol"),
      unit.photos.map(({ picture, share, image }) => {
        const one = element("img");
        show(one, image, `Picture ${picture}, ${percent(share)} of it in light`);
        return [one, `picture ${picture}`];
      }),
    );
    const silent = unit.patches.every(({ value }) => value === 0);
    find(parts.patches, ".ck-note").textContent =
      `The number is the channel's answer. ${unit.patches.length} of ${layer.searched} pictures, each patch cut to the ` +
      `pixels that the unit sees, ${tall} × ${wide} at most.` +
      (silent ? " This channel is silent: it answers to none of the pictures." : "");
    find(parts.photos, ".ck-note").textContent =
      `The photos of the patches; in light and outlined the ${percent(1 - unit.dark)} where the channel is most active.`;
    takeChannel();
    takeDrawing(null);
    takeNotes();
  }

  function takeDrawing(report, buffers = []) {
    const image = find(parts.drawn, "img");
    if (report && report.channel !== model.get("_unit").channel) return; // of a channel that is no longer shown
    image.hidden = !buffers.length;
    if (buffers.length) {
      const before = drawn;
      image.src = drawn = address(buffers[0]);
      image.alt = `What the network draws for channel ${report.channel}`;
      if (before) image.onload = () => URL.revokeObjectURL(before);
    }
    parts.drawn.ariaBusy = String(!report || (report.step < report.steps && !report.error));
    parts.far.textContent = !report
      ? ""
      : report.error ||
        (report.step === 0
          ? "Getting ready …"
          : report.step < report.steps
            ? `Step ${report.step} of ${report.steps} of gradient ascent`
            : "By gradient ascent from noise.");
  }

  // ---- its name

  function takeNotes() {
    const { name, says, done } = note();
    if (document.activeElement !== parts.name || isWaiting()) parts.name.value = name;
    parts.name.disabled = isWaiting();
    const count = Object.keys(says).length;
    if (done) testing = false;
    parts.begin.hidden = !others.length || testing || done;
    parts.begin.disabled = isWaiting();
    parts.begin.textContent = count
      ? `Go on with the test: ${count} of ${order.length} done`
      : `Test the name on ${order.length} other pictures`;
    parts.test.hidden = !testing;
    if (!testing) return;
    const i = next();
    const picture = find(parts.test, "img");
    if (i === undefined) return; // the last one: Python tells in a moment
    picture.src = others[i];
    picture.alt = `Held-out picture ${count + 1} of ${order.length}`;
    parts.question.textContent = `Picture ${count + 1} of ${order.length}: does it show “${name}”?`;
    parts.test.ariaLabel = parts.question.textContent;
    parts.back.disabled = parts.finish.disabled = count === 0;
    parts.status.textContent = parts.question.textContent;
  }

  function takeReport() {
    const report = model.get("_report");
    const there = report.channel === channel() && note().done;
    if (note().done && !there) return; // it is on its way
    const had = parts.test.contains(document.activeElement);
    parts.report.hidden = !there;
    takeNotes();
    if (!there) {
      find(parts.report, "ol").replaceChildren(); // the answers shall not be found in the page, hidden or not
      parts.verdict.textContent = "";
      return;
    }
    parts.verdict.textContent = `“${note().name}”: ${report.text}`;
    list(
      find(parts.report, "ol"),
      report.order.map((i, rank) => {
        const [answer, said] = [format(report.answers[rank]), report.says[rank]];
        const picture = element("img");
        picture.src = others[i];
        picture.alt = `Held-out picture ${i}, answer ${answer}, said ${said ? "to show it" : "not to show it"}`;
        return [picture, [answer, said ? "✓ shows it" : "✗ does not"], said ? "ck-said-yes" : "ck-said-no"];
      }),
    );
    parts.status.textContent = parts.verdict.textContent;
    if (had) parts.report.focus();
  }

  function begin() {
    if (!note().name) {
      say("Give the channel a name first: it is the name that is tested.", parts.unnamed);
      parts.name.focus();
      return;
    }
    say("", parts.unnamed);
    testing = true;
    takeNotes();
    parts.test.focus({ preventScroll: true });
    parts.test.scrollIntoView({ block: "nearest" });
  }

  function judge(shows) {
    const i = next();
    if (!testing || i === undefined) return;
    write({ says: { ...note().says, [i]: shows } });
  }

  function back() {
    const said = order.filter((i) => i in note().says);
    const { [said.at(-1)]: _, ...rest } = note().says;
    write({ says: rest });
    if (said.length === 1) parts.test.focus(); // the button is no longer there to be pressed
  }

  // ---- what the reader does

  numberField(view, parts.number, { value: channel, use: (c) => choose({ channel: c }), words: noChannel });
  parts.walk.oninput = () => choose({ channel: parts.walk.valueAsNumber });
  parts.name.oninput = () => say("", parts.unnamed);
  parts.name.onchange = () => {
    const name = parts.name.value.trim();
    if (name === note().name) return;
    testing = false;
    write({ name, says: {}, done: false }); // a new name is a new test
  };
  parts.name.onkeydown = (event) => {
    if (event.key !== "Enter" || event.isComposing || isWaiting()) return;
    parts.name.onchange();
    if (others.length && !note().done) begin();
  };
  parts.begin.onclick = begin;
  parts.yes.onclick = () => judge(true);
  parts.no.onclick = () => judge(false);
  parts.back.onclick = back;
  parts.finish.onclick = () => write({ done: true });
  parts.again.onclick = () => {
    write({ says: {}, done: false });
    begin();
  };
  onKeys(parts.test, ({ key, repeat }) => {
    const shows = { y: true, n: false }[key.toLowerCase()];
    if (shows === undefined || repeat) return false;
    judge(shows);
    return true;
  });

  listen({
    "change:channel": () => {
      testing = false;
      takeChannel();
    },
    "change:_unit": takeUnit,
    "change:_notes": takeReport,
    "change:_report": takeReport,
    "msg:custom": takeDrawing,
  });
  onGone(() => {
    model.set("channel", model.get("_unit").channel); // what is shown
    testing = false;
    takeChannel();
    takeReport();
    parts.drawn.ariaBusy = "false";
    if (parts.far.textContent.startsWith("Step") || parts.far.textContent.startsWith("Getting"))
      parts.far.textContent = "Not drawn to the end.";
  });
  onEnd(() => {
    [...shown, ...others].forEach(URL.revokeObjectURL);
    if (drawn) URL.revokeObjectURL(drawn);
  });

  parts.layer.textContent = layer.name;
  parts.number.max = parts.walk.max = layer.channels - 1;
  parts.range.textContent = `0 to ${layer.channels - 1}`;
  takeUnit();
  takeReport();
  send({ kind: "look" });
}

const find = (within, what) => within.querySelector(what);
const format = (value) => page.format(value, 4);
const percent = (share) => `${page.format(100 * share, 2)}%`;

export default widget("unit-card", HTML, begin, "Card of a unit");
