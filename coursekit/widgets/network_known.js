// What else is known of NetworkExplorer's chosen channel: its name, if a UnitCard gave it one, and its strongest patches.

const networkKnown = (() => {
  const HTML = `
    <section class="ck-known" aria-label="What excites the channel">
      <p class="ck-named"></p>
      <div class="ck-line"><button type="button" class="ck-search">What excites it most in the course’s photos?</button></div>
      <ol class="ck-found" hidden></ol>
    </section>`;

  function make(view, { busy }) {
    const { model, parts, listen, onEnd, send } = view;
    const shown = []; // addresses of the pictures, to be given back

    function forget() {
      parts.found.hidden = true;
      parts.found.replaceChildren();
      shown.splice(0).forEach(URL.revokeObjectURL);
    }

    function take({ layer, channel, patches, largest }, buffers) {
      if (layer !== model.get("layer") || channel !== model.get("channel")) return; // another was chosen since
      forget();
      const show = (image, i, alt) => {
        shown.push(unitParts.address(buffers[i]));
        [image.src, image.alt] = [shown.at(-1), alt];
      };
      unitParts.patches(parts.found, patches, largest, show);
      parts.found.hidden = false;
    }

    parts.search.onclick = () => {
      busy("Searching the photos …");
      send({ kind: "patches" });
    };
    listen({ "change:layer change:channel": forget });
    onEnd(forget);
    return {
      take,
      takeName: (name) => (parts.named.textContent = name ? `You named it “${name}”.` : ""),
    };
  }

  return { HTML, make };
})();
