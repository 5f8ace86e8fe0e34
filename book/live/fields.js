// Which pixels the units of each layer see. Pictures are square, so what holds for rows holds for columns.

// Returns name -> (H, W, 4) numbers: top, left, bottom, right of what each unit sees. Not behind an average.
export function receptiveFields(network) {
  const lines = new Map(); // name -> for each row, the first row of the picture that is seen, and the one after the last
  const boxes = new Map();
  for (const { name, kind, shape, side, stride, before, inputs } of network.layers) {
    if (kind === "average") break;
    const [, count] = shape;
    const [line, ...others] = inputs.map((one) => lines.get(one));
    const seen = Array.from({ length: count }, (_, i) => {
      if (kind === "picture") return [i, i + 1];
      if (kind === "convolution" || kind === "pooling") {
        const start = i * stride - before;
        return union(line.slice(Math.max(0, start), start + side));
      }
      return union([line[i], ...others.map((other) => other[i])]);
    });
    lines.set(name, seen);
    boxes.set(name, Uint16Array.from(seen.flatMap(([top, bottom]) => seen.flatMap(([left, right]) => [top, left, bottom, right]))));
  }
  return boxes;
}

function union(lines) {
  return [Math.min(...lines.map(([first]) => first)), Math.max(...lines.map(([, end]) => end))];
}
