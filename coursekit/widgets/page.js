// What the pages of all widgets share. Python puts this before a widget's own file, which takes from it what it needs.

const page = (() => {
  // Returns the module of a widget. In each view its HTML stands in a root element of its own, and `begin` gets:
  //   model         what Python and all views share
  //   root, parts   the root, and what is in it by its class: `parts.grid` is the first element with the class ck-grid
  //   all(css)      all elements in the root that a selector fits
  //   choose({..})  sets what is chosen: draws in every view, and tells Python
  //   listen({..})  calls functions at events of the model, named as "change:layer change:channel"
  //   onEnd(act)    is done when the view goes; listeners go by themselves
  function widget(name, html, begin) {
    function render({ model, el }) {
      const root = element("div", `ck ck-${name}`, { innerHTML: html });
      el.append(root);
      keepKeys(root);
      const parts = {};
      for (const one of root.querySelectorAll("[class]")) for (const css of one.classList) parts[css.slice(3)] ??= one;
      const ends = [];
      const onEnd = (act) => ends.push(act);

      function choose(changes) {
        if (parts.alert) parts.alert.textContent = "";
        for (const [key, value] of Object.entries(changes)) model.set(key, value);
        model.save_changes();
      }

      function listen(listeners) {
        for (const [events, listener] of Object.entries(listeners))
          for (const event of events.split(" ")) {
            model.on(event, listener);
            onEnd(() => model.off(event, listener));
          }
      }

      begin({ model, root, parts, all: (css) => [...root.querySelectorAll(css)], choose, listen, onEnd });
      return () => {
        ends.forEach((act) => act());
        takeApart(root);
      };
    }
    return { render };
  }

  // JupyterLab keeps hold of a view that is gone. In pieces, it holds only those that the view's functions name.
  function takeApart(root) {
    for (const one of [root, ...root.querySelectorAll("*")]) {
      if (one.localName === "canvas") one.width = one.height = 0;
      one.replaceChildren();
    }
    root.remove();
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

  // Writes a value into a field, unless somebody is typing just that.
  function put(field, value) {
    if (document.activeElement !== field || (field.type === "number" && Number(field.value) !== value))
      field.value = value;
  }

  // Gives the whole number in a field, from its `min` to its `max`, to `use`; or says in `alert` which ones there are.
  function takeNumber(field, use, alert, words = wholeNumber) {
    if (field.value === "") return;
    const [value, least, most] = [field.value, field.min, field.max].map(Number);
    if (Number.isInteger(value) && value >= least && value <= most) use(value);
    else alert.textContent = words(field.value, least, most);
  }

  const wholeNumber = (typed, least, most) => `A whole number from ${least} to ${most} is needed here, not ${typed}.`;
  const noChannel = (typed, least, most) =>
    `There is no channel ${typed}: there are ${most + 1}, counted from ${least} to ${most}.`;

  // Returns what says in `status` what is waited for, unless the answer comes at once; "" when it has come.
  function waiting({ root, parts: { status }, onEnd }) {
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
      timers = text ? [say(text, 200), say(`${text} Python is busy, or has stopped.`, 10_000)] : [];
    };
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

  // Where an event is in an element, in shares of its width and height.
  function placeIn(within, { clientX, clientY }) {
    const box = within.getBoundingClientRect();
    return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
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
    ...{ widget, element, keepKeys, onKeys, unique, radios, put, takeNumber, noChannel, waiting, onWidth, placeIn },
    ...{ paint, fromRGB, numbers, floats, shorts, format },
  };
})();
