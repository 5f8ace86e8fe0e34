// Pictures cut from a sheet of many, as files. A sheet is {columns, height, width} of small pictures, row by row.

const DIMMED = 0.4; // brightness outside of a mask
const OUTLINE = [0xe6, 0x9f, 0x00]; // as coursekit.show has it

function canvasOf(height, width) {
  return Object.assign(document.createElement("canvas"), { width, height });
}

const asFile = (canvas) => new Promise((done) => canvas.toBlob(done));

function drawn(image, { columns, height, width }, i, [top, left, bottom, right] = [0, 0, height, width]) {
  const canvas = canvasOf(bottom - top, right - left);
  const [x, y] = [(i % columns) * width + left, Math.floor(i / columns) * height + top];
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(image, x, y, right - left, bottom - top, 0, 0, right - left, bottom - top);
  return [canvas, pen];
}

// Returns a promise of one picture, or of what is in a box [top, left, bottom, right] of it.
export function cut(image, sheet, i, box) {
  return asFile(drawn(image, sheet, i, box)[0]);
}

// Returns a promise of one picture, dark where `isLight(pixel)` is not true, with the light's outermost pixels orange; and
// of the share in light.
export async function inLight(image, sheet, i, isLight) {
  const { height, width } = sheet;
  const [canvas, pen] = drawn(image, sheet, i);
  const light = Uint8Array.from({ length: height * width }, (_, at) => isLight(at));
  const pixels = pen.getImageData(0, 0, width, height);
  for (let at = 0; at < light.length; at++) {
    const column = at % width;
    const inside =
      (at < width || light[at - width]) &&
      (at + width >= light.length || light[at + width]) &&
      (column === 0 || light[at - 1]) &&
      (column === width - 1 || light[at + 1]);
    for (let c = 0; c < 3; c++) {
      if (!light[at]) pixels.data[4 * at + c] *= DIMMED;
      else if (!inside) pixels.data[4 * at + c] = OUTLINE[c];
    }
  }
  pen.putImageData(pixels, 0, 0);
  return { image: await asFile(canvas), share: light.reduce((sum, one) => sum + one) / light.length };
}

// Returns a promise of a picture of red, green and blue, 0-255, one after another.
export function fromRgb(rgb, height, width) {
  const canvas = canvasOf(height, width);
  const pixels = new ImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = rgb[3 * i + c];
    pixels.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return asFile(canvas);
}
