// The arithmetic of NetworkExplorer: what one number of a layer is made of, and the way down to what adds most.

const networkSum = (() => {
  const { element } = page;
  const short = (value) => (value === null ? "NaN" : page.format(value, 3).replace("-", "−"));

  function make(view) {
    const { model, parts, choose, listen } = view;
    let down = null; // {layer, channel, place} of what adds most, where it has maps
    let above = []; // the places that the reader came down from

    function take(told) {
      parts.sum.hidden = !told.layer;
      if (!told.layer) return;
      const [row, column, channel] = told.place;
      parts.of.textContent =
        `${told.layer}, row ${row}, column ${column}, channel ${channel} (${told.kind}): ${told.says.replaceAll("-", "−")}`;
      drawWindow(told.window);
      parts.terms.hidden = !told.terms.length;
      parts.terms.caption.textContent = "What adds most, each with its part of the sum";
      const rows = told.terms.map(([layer, place, , , product]) => [`${layer}, channel ${place.at(-1)}`, product]);
      if (told.others) rows.push([`${told.others} others together`, told.together]);
      if (told.bias) rows.push(["bias", told.bias]);
      if (told.terms.length) rows.push(["together", told.before, "ck-total"]);
      if (told.activation !== "linear") rows.push([`after ${told.activation}`, told.value, "ck-total"]);
      const most = Math.max(...rows.map(([, value]) => Math.abs(value ?? 0)), 1e-30);
      parts.parts.replaceChildren(...rows.map((each) => line(each, most)));
      showDown(told.terms[0]);
    }

    function line([name, value, css = ""], most) {
      const row = element("tr", css);
      const bar = element("td", "ck-bar", { ariaHidden: "true" });
      const size = (50 * Math.abs(value ?? 0)) / most;
      const { style } = bar.appendChild(element("i", value < 0 ? "ck-less" : "ck-more"));
      [style.width, style.left] = [`${size}%`, `${value < 0 ? 50 - size : 50}%`];
      row.append(
        element("th", "", { scope: "row", textContent: name, title: name }),
        element("td", "ck-part", { textContent: short(value) }),
        bar,
      );
      return row;
    }

    function showDown(term) {
      down = null;
      if (term && term[1].length === 3) {
        const [layer, [row, column, channel]] = term;
        const boxes = model.get("_map").boxes;
        const known = boxes.some(({ layers }) => layers.some(([name, , shape]) => name === layer && shape.length === 3));
        if (known) down = { layer, channel, place: [row, column] };
      }
      if (document.activeElement === parts.down && !down) parts.large.focus();
      parts.down.hidden = !down;
      if (down) parts.down.textContent = `Down to what adds most: ${down.layer}, channel ${down.channel}`;
      parts.up.hidden = !above.length;
    }

    // The numbers under the kernel, the kernel, and their products: grey pictures with the numbers in them.
    function drawWindow(told) {
      parts.windows.replaceChildren();
      if (!told) return;
      const { patch, kernel, padding, channel, weighted } = told;
      const products = patch.map((row, y) => row.map((value, x) => value * kernel[y][x]));
      const grids = [[`channel ${channel}`, patch]];
      if (weighted) grids.push(["× kernel", kernel], ["= adds", products]);
      for (const [title, values] of grids) {
        const figure = element("figure");
        const grid = element("div", "ck-cells");
        grid.style.gridTemplateColumns = `repeat(${values[0].length}, 1fr)`;
        const flat = values.flat().map((value) => value ?? 0);
        const [low, high] = [Math.min(0, ...flat), Math.max(0, ...flat)];
        values.forEach((row, y) =>
          row.forEach((value, x) => {
            const outside = padding[y][x] && values !== kernel;
            const light = high > low ? Math.round((255 * ((value ?? 0) - low)) / (high - low)) : 0;
            const cell = element("span", outside ? "ck-outside" : "", { textContent: outside ? "·" : short(value) });
            cell.style.background = `rgb(${light} ${light} ${light})`;
            cell.style.color = light > 127 ? "#000" : "#fff";
            grid.append(cell);
          }),
        );
        figure.append(element("figcaption", "", { textContent: title }), grid);
        parts.windows.append(figure);
      }
    }

    const here = () => ({ layer: model.get("layer"), channel: model.get("channel"), place: model.get("place") });

    parts.down.onclick = () => {
      above.push(here());
      choose(down);
    };
    parts.up.onclick = () => {
      const to = above.pop();
      if (!above.length) parts.large.focus();
      if (to) choose(to);
    };
    listen({
      "change:place": () => {
        if (model.get("place") === null) above = [];
      },
    });
    return { take };
  }

  return { make };
})();
