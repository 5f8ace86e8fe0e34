// What the pages of all widgets share. Python puts this before a widget's own file, which takes from it what it needs.

const page = (() => {
  const PAUSE = 600; // milliseconds after the last digit, until a number counts as typed
  const MOST_BYTES = 50 * 2 ** 20;
  const PART = 4 * 2 ** 20; // Jupyter's server closes the connection at a message of more than 10 MB
  // What is said where Python stands behind the page. A model that is none of JupyterLab's has words of its own.
  const SLOW = "Python is busy, or has stopped.";
  const GONE =
    "The Python behind this is gone: run the cells above again (menu Run, Run All Above Selected Cell), then this " +
    "cell (Shift+Enter), and it comes back.";
  // What JupyterLab says of a kernel whose variables are lost.
  const ENDED = ["restarting", "autorestarting", "terminating", "dead"];

  // Returns the module of a widget. In each view its HTML stands in a root element of its own, which screen readers call
  // by `label`, and `begin` gets:
  //   model         what Python and all views share
  //   root, parts   the root, and what is in it by its class: `parts.grid` is the first element with the class ck-grid
  //   all(css)      all elements in the root that a selector fits
  //   choose({..})  sets what is chosen: draws in every view, and tells Python
  //   listen({..})  calls functions at events of the model, named as "change:layer change:channel"
  //   send(content, buffers)  sends a message to Python
  //   say(text, to) writes a message, into `parts.alert` if nothing else is named; "" takes it away
  //   onGone(act)   is done when the Python behind the view is gone: it puts back what was chosen and not answered
  //   onEnd(act)    is done when the view goes; listeners go by themselves
  function widget(name, html, begin, label) {
    function render({ model, el }) {
      const root = element("div", `ck ck-${name}`, { innerHTML: html, role: "group" });
      if (label) root.ariaLabel = label;
      el.append(root);
      keepKeys(root);
      root.addEventListener("keydown", leave, true);
      root.addEventListener("keydown", leaveByEscape);
      const parts = {};
      for (const one of root.querySelectorAll("[class]")) for (const css of one.classList) parts[css.slice(3)] ??= one;
      const ends = [];
      const onEnd = (act) => ends.push(act);

      const say = saying(root, parts, onEnd);
      const { onGone, lose } = watchPython(model, el, root, onEnd);

      function toPython(send) {
        try {
          send();
        } catch {
          lose(); // there is no way to it any more
        }
      }

      function choose(changes) {
        if (parts.alert) say("");
        for (const [key, value] of Object.entries(changes)) model.set(key, value);
        toPython(() => model.save_changes());
      }

      const send = (content, buffers) => toPython(() => model.send(content, undefined, buffers));

      function listen(listeners) {
        for (const [events, listener] of Object.entries(listeners))
          for (const event of events.split(" ")) {
            model.on(event, listener);
            onEnd(() => model.off(event, listener));
          }
      }

      const all = (css) => [...root.querySelectorAll(css)];
      begin({ model, root, parts, all, choose, send, listen, say, onGone, onEnd });
      return () => {
        ends.forEach((act) => act());
        takeApart(root);
      };
    }
    return { initialize, render };
  }

  // Where the page takes more than two seconds to load this module, anywidget gives the model up: it hears nothing of
  // Python any more. But now the module is there, so messages go to the model without asking anywidget.
  function initialize({ model }) {
    const module = model.get("_esm");
    for (const promise of Object.values(model.widget_manager?._models ?? {}))
      Promise.resolve(promise).then(
        (one) => {
          if (one.get("_esm") !== module || !one.comm) return;
          const { _handle_comm_msg } = Object.getPrototypeOf(Object.getPrototypeOf(one)); // that of ipywidgets
          if (_handle_comm_msg) one.comm.on_msg(_handle_comm_msg.bind(one));
        },
        () => {}, // another widget that cannot be made says so itself
      );
  }

  // JupyterLab keeps hold of a view that is gone. In pieces, it holds only those that the view's functions name.
  function takeApart(root) {
    for (const one of [root, ...root.querySelectorAll("*")]) {
      if (one.localName === "canvas") one.width = one.height = 0;
      one.replaceChildren();
    }
    root.remove();
  }

  // Returns what writes a message. It takes room, and what is being clicked must not move: it waits for the button's up.
  function saying(root, parts, onEnd) {
    let pressed = false;
    const held = [];
    const press = () => (pressed = true);
    const release = () =>
      setTimeout(() => {
        pressed = false;
        for (const act of held.splice(0)) act();
      });
    root.addEventListener("pointerdown", press, true);
    for (const event of ["pointerup", "pointercancel"]) window.addEventListener(event, release, true);
    onEnd(() => {
      for (const event of ["pointerup", "pointercancel"]) window.removeEventListener(event, release, true);
    });
    return (text, where = parts.alert) => {
      const act = () => {
        if (where.textContent !== text) where.textContent = text;
      };
      if (pressed) held.push(act);
      else act();
    };
  }

  // Says when the Python behind a view is gone, and makes the view still until it is back. Returns
  // `onGone`, and what to call where it is found out.
  function watchPython(model, el, root, onEnd) {
    const note = element("p", "ck-gone", { role: "alert", tabIndex: -1 });
    const acts = [];
    root.prepend(note);
    let lost = false; // its variables, whatever the connection does
    let gone = false;

    function look() {
      const now = lost || el.classList.contains("jupyter-widgets-disconnected");
      if (now === gone) return;
      gone = now;
      const had = root.contains(document.activeElement);
      root.classList.toggle("ck-is-gone", gone);
      note.textContent = gone ? (model.gone ?? GONE) : "";
      for (const one of root.children) one.inert = gone && one !== note;
      if (had) note.focus({ preventScroll: true });
      if (gone) for (const act of acts) act();
    }

    const kernel = model.widget_manager?.kernel; // in JupyterLab
    const onStatus = (_, status) => {
      if (ENDED.includes(status)) lose();
    };
    const lose = () => {
      lost = true;
      look();
    };
    kernel?.statusChanged?.connect(onStatus);
    kernel?.disposed?.connect(lose);
    const watcher = new MutationObserver(look);
    watcher.observe(el, { attributeFilter: ["class"] });
    onEnd(() => {
      watcher.disconnect();
      kernel?.statusChanged?.disconnect(onStatus);
      kernel?.disposed?.disconnect(lose);
    });
    setTimeout(look); // what is in the root by then
    return { onGone: (act) => acts.push(act), lose };
  }

  function element(tag, className = "", attributes = {}) {
    const made = Object.assign(document.createElement(tag), attributes);
    if (className) made.className = className;
    return made;
  }

  // JupyterLab takes arrow keys and letters for commands on cells, unless the element says otherwise.
  function keepKeys(within) {
    for (const one of within.querySelectorAll("select, input, button, summary, [tabindex]"))
      one.setAttribute("data-lm-suppress-shortcuts", "true");
  }

  // Lets the keys that run a cell do so from inside a widget.
  function leave(event) {
    const { key, shiftKey, ctrlKey, altKey, metaKey } = event;
    if (key !== "Enter" || !(shiftKey || ctrlKey || altKey || metaKey)) return;
    if (!toCell(event)) return;
    const again = { key, code: "Enter", keyCode: 13, shiftKey, ctrlKey, altKey, metaKey };
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { ...again, bubbles: true, cancelable: true }));
  }

  // Escape, where no part of the widget has a use for it, leads back to the cell.
  function leaveByEscape(event) {
    if (event.key === "Escape") toCell(event);
  }

  // Gives the focus to the cell that a widget is in. Returns whether there is one.
  function toCell(event) {
    const cell = event.currentTarget.closest(".jp-Cell");
    if (!cell) return false;
    event.preventDefault();
    event.stopPropagation();
    cell.focus({ preventScroll: true });
    if (!cell.contains(document.activeElement) || event.currentTarget.contains(document.activeElement))
      cell.closest(".jp-Notebook")?.focus({ preventScroll: true });
    return true;
  }

  // Gives keys without Ctrl, Alt or Meta to `take`. Those of which it returns true go no further.
  function onKeys(within, take) {
    within.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || !take(event)) return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  // An id that no other view has.
  const unique = () => `ck-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;

  // Makes one group of the radio buttons in an element, apart from those of other views. Returns what sets it.
  function radios(within, choose) {
    const buttons = [...within.querySelectorAll("input")];
    const name = unique();
    for (const button of buttons) {
      button.name = name;
      button.onchange = () => choose(button.value);
    }
    return (value) => buttons.forEach((button) => (button.checked = button.value === value));
  }

  // Writes a value into a field, unless somebody is typing.
  function put(field, value) {
    if (field.ckTyping || (document.activeElement === field && field.type !== "number")) return;
    if (field.value === "" || field.type !== "number" || Number(field.value) !== value) field.value = value;
  }

  // Lets a whole number from a field's `min` to its `max` be typed. It is given to `use` when it is typed to the end: at
  // Enter, when the field is left, or a moment after the last digit; at once if it was stepped. Anything else is said
  // not to be possible, and the field goes back to `value()` when it is left.
  function numberField({ say, onEnd, parts }, field, { value, use, words = wholeNumber, alert = parts.alert }) {
    let pause = 0;
    let told = false; // whether what stands in the field was said to be impossible

    function take() {
      clearTimeout(pause);
      const [typed, least, most] = [field.valueAsNumber, field.min, field.max].map(Number);
      const fits = Number.isInteger(typed) && typed >= least && typed <= most;
      const empty = field.value === "" && !field.validity.badInput;
      if (fits || empty) {
        if (told) say("", alert);
        told = false;
      }
      field.ckTyping = !fits && !empty;
      if (fits && typed !== value()) use(typed);
      else if (!fits && !empty) {
        told = true;
        say(words(field.value || "that", least, most), alert);
      }
      return fits;
    }

    field.addEventListener("input", ({ inputType }) => {
      clearTimeout(pause);
      field.ckTyping = true;
      if (inputType) pause = setTimeout(take, PAUSE);
      else take(); // stepped
    });
    field.addEventListener("keydown", ({ key }) => key === "Enter" && take());
    field.addEventListener("blur", () => {
      const before = told;
      if (!take() && told && before) say("", alert); // it was read; else it stays, for a while
      else if (told) pause = setTimeout(() => say("", alert), 5000);
      told = field.ckTyping = false;
      field.value = value();
    });
    // The wheel moves the page and not the number.
    field.addEventListener("wheel", stillUnderTheWheel, { passive: true });
    onEnd(() => clearTimeout(pause));
  }

  function stillUnderTheWheel({ currentTarget: field }) {
    if (field.readOnly) return;
    field.readOnly = true; // browsers step no field that is read only
    setTimeout(() => (field.readOnly = false));
  }

  const wholeNumber = (typed, least, most) => `A whole number from ${least} to ${most} is needed here, not ${typed}.`;
  const noChannel = (typed, least, most) =>
    `There is no channel ${typed}: there are ${most + 1}, counted from ${least} to ${most}.`;

  // Returns what says in `status` what is waited for, unless the answer comes at once; "" when it has come.
  function waiting({ model, root, parts: { status }, onGone, onEnd }) {
    let timers = [];
    const wait = (text) => {
      timers.forEach(clearTimeout);
      root.ariaBusy = text ? "true" : "false";
      status.textContent = "";
      status.classList.remove("ck-waiting");
      const say = (words, after) =>
        setTimeout(() => {
          status.textContent = words;
          status.classList.add("ck-waiting");
        }, after);
      timers = text ? [say(text, 200), say(`${text} ${model.slow ?? SLOW}`, 10_000)] : [];
    };
    onGone(() => wait(""));
    onEnd(() => timers.forEach(clearTimeout));
    return wait;
  }

  // Calls `fit` when the width of an element is another, until the view goes.
  function onWidth({ onEnd }, watched, fit) {
    let width = watched.clientWidth;
    const watcher = new ResizeObserver(() => {
      if (watched.clientWidth === width) return;
      width = watched.clientWidth;
      fit();
    });
    watcher.observe(watched);
    onEnd(() => watcher.disconnect());
  }

  // Lets a picture file be dropped on a widget; `parts.drop` is shown meanwhile. Returns what sends a file to Python, in
  // parts, with what else there is to say; a dropped one with what `about(element)` says of where it was dropped.
  // `busy(file)` is called when it goes, `busy(null)` when it cannot be read. Of files for the same `role` the last one
  // counts, however long each takes to be read; none, after `cancel(role)` of what is returned.
  function pictureFiles({ root, send, say }, { busy, about = () => ({}) }) {
    const latest = {}; // role -> number of its file that counts

    async function sendFile(file, more = {}) {
      say("");
      if (file.size > MOST_BYTES) {
        const size = Math.ceil(file.size / 2 ** 20);
        say(`${file.name} has ${size} MB; a picture may have 50 MB at most. Make it smaller in an image program first.`);
        return;
      }
      busy(file);
      const mine = (latest[more.role] = (latest[more.role] ?? 0) + 1);
      try {
        const bytes = await file.arrayBuffer();
        if (mine !== latest[more.role]) return;
        const count = Math.max(1, Math.ceil(bytes.byteLength / PART));
        for (let part = 0; part < count; part++)
          send({ ...more, name: file.name, part, parts: count }, [bytes.slice(part * PART, (part + 1) * PART)]);
      } catch (error) {
        if (mine !== latest[more.role]) return;
        busy(null);
        say(`${file.name} could not be read: ${error.message}`);
      }
    }

    function onDrag(event) {
      if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
      event.preventDefault();
      event.stopPropagation();
      const over = event.type !== "drop" && (event.type !== "dragleave" || root.contains(event.relatedTarget));
      root.classList.toggle("ck-dropping", over);
      if (event.type !== "drop") return;
      const [file] = event.dataTransfer.files;
      if (file) sendFile(file, about(event.target));
      else say("That is no file. Save the picture first, then drop it here.");
    }

    root.ondragenter = root.ondragover = root.ondragleave = root.ondrop = onDrag;
    sendFile.cancel = (role) => {
      latest[role] = (latest[role] ?? 0) + 1;
    };
    return sendFile;
  }

  // Lets a button open a file, by way of an input that is not shown.
  function opens(button, input, take) {
    button.onclick = () => input.click();
    input.onchange = () => {
      if (input.files.length) take(input.files[0]);
      input.value = ""; // the same file can be chosen again
    };
  }

  // Where an event is in an element, in shares of its width and height.
  function placeIn(within, { clientX, clientY }) {
    const box = within.getBoundingClientRect();
    return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
  }

  // Moves a place [row, column] into what goes from [0, 0] to `last`.
  const clamped = (place, last) => place.map((at, i) => Math.min(Math.max(at, 0), last[i]));

  // Where a key leads from a place: arrows by `step`, Home and End along its row, Page up and down along its column;
  // undefined where it is none of these keys.
  function steppedTo(key, [row, column], last, step = 1) {
    const to = {
      ArrowUp: [row - step, column],
      ArrowDown: [row + step, column],
      ArrowLeft: [row, column - step],
      ArrowRight: [row, column + step],
      Home: [row, 0],
      End: [row, last[1]],
      PageUp: [0, column],
      PageDown: [last[0], column],
    }[key];
    return to && clamped(to, last);
  }

  // Makes a canvas of so many pixels, which `fill` writes: four bytes for each.
  function paint(canvas, height, width, fill) {
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const image = new ImageData(width, height);
    fill(image.data);
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  // For `paint`: the pixels of a picture that came as red, green and blue.
  function fromRGB(bytes) {
    const rgb = numbers(Uint8Array, bytes);
    return (pixels) => {
      for (let from = 0, to = 0; from < rgb.length; to += 4) {
        for (let k = 0; k < 3; k++) pixels[to + k] = rgb[from++];
        pixels[to + 3] = 255;
      }
    };
  }

  // Bytes arrive as views that may begin at any byte; numbers must begin at a multiple of their size.
  function numbers(Type, { buffer, byteOffset, byteLength }) {
    const size = Type.BYTES_PER_ELEMENT;
    if (byteOffset % size === 0) return new Type(buffer, byteOffset, byteLength / size);
    return new Type(buffer.slice(byteOffset, byteOffset + byteLength));
  }

  const floats = (bytes) => numbers(Float32Array, bytes);
  const shorts = (bytes) => numbers(Uint16Array, bytes);
  const format = (value, digits) => String(Number(value.toPrecision(digits)));

  return {
    ...{ widget, element, keepKeys, onKeys, unique, radios, put, numberField, stillUnderTheWheel, noChannel },
    ...{ waiting, onWidth, pictureFiles, opens, placeIn, clamped, steppedTo, paint, fromRGB, numbers, floats, shorts, format },
  };
})();
