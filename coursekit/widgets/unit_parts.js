// What UnitCard and NetworkExplorer share: lists of pictures with lines below them, and the strongest patches as such.

const unitParts = (() => {
  const { element } = page;
  const address = (bytes) => URL.createObjectURL(new Blob([bytes]));
  const format = (value) => page.format(value, 4);

  // Fills a list with pictures, each with a line or several below it, and a class where it has one.
  function list(within, pairs) {
    within.replaceChildren(
      ...pairs.map(([picture, words, kind]) => {
        const item = element("li");
        const frame = element("div", "ck-frame");
        frame.append(picture);
        item.append(frame, ...[].concat(words).map((line) => element("span", "", { textContent: line })));
        if (kind) item.className = kind;
        return item;
      }),
    );
  }

  // Fills a list with patches, all to one scale. `show(image, bytes, alt)` gives an image its picture.
  function patches(within, found, [tall, wide], show) {
    within.style.setProperty("--shape", `${wide} / ${tall}`);
    list(
      within,
      found.map(({ picture, value, box: [top, left, bottom, right], image }, i) => {
        const one = element("img");
        const where = `picture ${picture}, rows ${top} to ${bottom - 1}, columns ${left} to ${right - 1}`;
        show(one, image, `Patch ${i + 1}: ${where}, answer ${format(value)}`);
        one.title = where;
        one.style.width = `${(100 * (right - left)) / wide}%`;
        one.classList.toggle("ck-crisp", right - left < 64);
        return [one, format(value)];
      }),
    );
  }

  return { address, list, patches };
})();
