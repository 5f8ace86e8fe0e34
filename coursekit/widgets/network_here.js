// The question from the photo in NetworkExplorer: which channels of the chosen layer fire most at a pixel, sorted.

const networkHere = (() => {
  const { element, keepKeys } = page;
  const short = (value) => (value === null ? "NaN" : page.format(value, 3).replace("-", "−"));
  const SAID = 3; // channels that are read out

  const HTML = `
    <section class="ck-here" aria-label="Channels that fire here" hidden>
      <h4>What fires here</h4>
      <p class="ck-asks" role="status"></p>
      <ol class="ck-firing"></ol>
      <div class="ck-line"><button type="button" class="ck-unask">Close</button></div>
    </section>`;

  function make(view, { size }) {
    const { model, parts, choose, listen } = view;

    function take(told) {
      parts.here.hidden = !told.layer;
      mark();
      if (!told.layer) return;
      const { layer, point, unit, channels, above, count } = told;
      const first = channels.slice(0, SAID).map(([c, value]) => `channel ${c} (${short(value)})`);
      const words =
        `Row ${point[0]}, column ${point[1]} of the photo is looked at by the unit at row ${unit[0]}, column ${unit[1]} of ` +
        `${layer}. Above zero there: ${above} of ${count} channels, first ${first.join(", ")}.`;
      if (parts.asks.textContent !== words) parts.asks.textContent = words;
      while (parts.firing.children.length > channels.length) parts.firing.lastChild.remove();
      while (parts.firing.children.length < channels.length) parts.firing.append(item()); // a button keeps the focus
      const most = Math.max(...channels.map(([, value]) => Math.abs(value ?? 0)), 1e-30);
      channels.forEach(([c, value], rank) => {
        const button = parts.firing.children[rank].firstChild;
        button.ck = { channel: c, place: unit };
        button.ariaLabel = `${rank + 1}. Channel ${c}, ${short(value)}`;
        button.firstChild.textContent = c;
        button.lastChild.textContent = short(value);
        button.style.setProperty("--now", Math.max(value ?? 0, 0) / most);
      });
      press();
    }

    function item() {
      const one = element("li");
      const button = element("button", "ck-fires", { type: "button" });
      button.append(element("strong"), element("span", "ck-quiet"));
      button.onclick = () => choose(button.ck);
      one.append(button);
      keepKeys(one);
      return one;
    }

    function press() {
      for (const { firstChild: button } of parts.firing.children)
        button.ariaPressed = String(button.ck.channel === model.get("channel"));
    }

    // A cross on the photo where it is asked.
    function mark() {
      const at = model.get("point");
      const [height, width] = size();
      parts.asked.hidden = !at || !height;
      if (parts.asked.hidden) return;
      const { style } = parts.asked;
      [style.left, style.top] = [`${(100 * (at[1] + 0.5)) / width}%`, `${(100 * (at[0] + 0.5)) / height}%`];
    }

    parts.unask.onclick = () => {
      parts.stage.focus();
      choose({ point: null });
    };
    listen({ "change:point": mark, "change:channel": press });
    return { take };
  }

  return { HTML, make };
})();
