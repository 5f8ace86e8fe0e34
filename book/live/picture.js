// Pictures from files, in the size that a network takes.

const BITS = 22; // of the weights, as Pillow has them for bytes

const LARGE = 2000; // pixels of a side: the browser makes a larger picture smaller first, which is much quicker
const SMALLER = 1600;

// Returns a picture file as (height, width, 3) bytes. What is transparent shows white; photos stand upright.
export async function readPicture(blob, height, width) {
  const image = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const longest = Math.max(image.width, image.height);
  const share = longest > LARGE ? SMALLER / longest : 1;
  const [w, h] = [image.width, image.height].map((side) => Math.max(1, Math.round(share * side)));
  const canvas = Object.assign(document.createElement("canvas"), { width: w, height: h });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, w, h);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, 0, 0, w, h);
  image.close();
  return resize(pen.getImageData(0, 0, w, h).data, h, w, height, width);
}

// Returns (height, width, 3) bytes of (h, w, 4), to the byte as Pillow's bilinear filter gives them: antialiased, first
// along one side, then along the other, rounded to bytes in between. Which side is first shows in the last bit: Pillow 13
// begins with the rows where they become fewer by more than twice as many as the columns do.
export function resize(rgba, h, w, height, width) {
  if (h > height && h - height > 2 * (w - width)) return across(down(rgba, 4, h, w, height), 3, height, w, width);
  return down(across(rgba, 4, h, w, width), 3, h, width, height);
}

// (h, w, bytes) to (h, width, 3).
function across(source, bytes, h, w, width) {
  const made = new Uint8Array(h * width * 3);
  const columns = weights(w, width);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < width; x++) {
      const [first, shares] = columns[x];
      mix(source, bytes * (y * w + first), bytes, shares, made, 3 * (y * width + x));
    }
  return made;
}

// (h, w, bytes) to (height, w, 3).
function down(source, bytes, h, w, height) {
  const made = new Uint8Array(height * w * 3);
  const rows = weights(h, height);
  for (let y = 0; y < height; y++) {
    const [first, shares] = rows[y];
    for (let x = 0; x < w; x++) mix(source, bytes * (first * w + x), bytes * w, shares, made, 3 * (y * w + x));
  }
  return made;
}

// For each of `to` new pixels in a line of `from`: its first old one, and the shares of that and the next ones.
function weights(from, to) {
  const scale = from / to;
  const support = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const middle = (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(middle - support + 0.5));
    const end = Math.min(from, Math.floor(middle + support + 0.5));
    const shares = Array.from({ length: end - first }, (_, k) =>
      Math.max(0, 1 - Math.abs((first + k - middle + 0.5) / support)),
    );
    const sum = shares.reduce((a, b) => a + b);
    return [first, shares.map((share) => Math.round((share / sum) * 2 ** BITS))];
  });
}

function mix(source, at, step, shares, to, place) {
  let [red, green, blue] = [2 ** (BITS - 1), 2 ** (BITS - 1), 2 ** (BITS - 1)];
  for (let k = 0; k < shares.length; k++, at += step) {
    red += source[at] * shares[k];
    green += source[at + 1] * shares[k];
    blue += source[at + 2] * shares[k];
  }
  to[place] = Math.min(red >> BITS, 255);
  to[place + 1] = Math.min(green >> BITS, 255);
  to[place + 2] = Math.min(blue >> BITS, 255);
}
