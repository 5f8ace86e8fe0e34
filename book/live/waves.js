// Fourier transforms of real planes whose sides are even and products of 2, 3 and 5.

const plans = new Map(); // length -> {factors, cos, sin}

function plan(n) {
  if (!plans.has(n)) {
    const factors = [];
    for (let rest = n; rest > 1; ) {
      const factor = [4, 2, 3, 5].find((one) => rest % one === 0);
      factors.push(factor);
      rest /= factor;
    }
    const angles = Float64Array.from({ length: n }, (_, i) => (2 * Math.PI * i) / n);
    plans.set(n, { factors, cos: angles.map(Math.cos), sin: angles.map(Math.sin) });
  }
  return plans.get(n);
}

// The next even length that is a product of 2, 3 and 5.
export function quickLength(length) {
  for (let n = length + (length % 2); ; n += 2) {
    let rest = n;
    for (const factor of [2, 3, 5]) while (rest % factor === 0) rest /= factor;
    if (rest === 1) return n;
  }
}

// Transforms n complex numbers, {re, im}, into another such pair; `sign` -1 forward, 1 back (without the factor 1 / n).
function transform(from, to, n, sign) {
  const { factors, cos, sin } = plan(n);
  const [x, y] = [from.re, from.im];
  const [u, v] = [to.re, to.im];
  const [re, im] = [new Float64Array(5), new Float64Array(5)];
  part(0, 1, 0, n, 0);

  // Every `step`th number from `start` on, as `length` numbers from `at` on.
  function part(start, step, at, length, depth) {
    const p = factors[depth];
    const m = length / p;
    for (let q = 0; q < p; q++) {
      if (m > 1) part(start + q * step, step * p, at + q * m, m, depth + 1);
      else {
        u[at + q] = x[start + q * step];
        v[at + q] = y[start + q * step];
      }
    }
    for (let k = 0; k < m; k++) {
      for (let q = 0; q < p; q++) {
        const c = cos[q * k * step];
        const s = sign * sin[q * k * step];
        const i = at + q * m + k;
        re[q] = c * u[i] - s * v[i];
        im[q] = c * v[i] + s * u[i];
      }
      if (p === 4) ofFour(at + k, m);
      else ofAny(at + k, m, p, m * step);
    }
  }

  function ofFour(at, m) {
    const [a, b, c, d] = [re[0] + re[2], re[0] - re[2], re[1] + re[3], re[1] - re[3]];
    const [e, f, g, h] = [im[0] + im[2], im[0] - im[2], im[1] + im[3], im[1] - im[3]];
    u[at] = a + c;
    v[at] = e + g;
    u[at + m] = b - sign * h;
    v[at + m] = f + sign * d;
    u[at + 2 * m] = a - c;
    v[at + 2 * m] = e - g;
    u[at + 3 * m] = b + sign * h;
    v[at + 3 * m] = f - sign * d;
  }

  function ofAny(at, m, p, turn) {
    for (let r = 0; r < p; r++) {
      let real = 0;
      let imaginary = 0;
      for (let q = 0; q < p; q++) {
        const i = ((q * r) % p) * turn;
        const s = sign * sin[i];
        real += cos[i] * re[q] - s * im[q];
        imaginary += cos[i] * im[q] + s * re[q];
      }
      u[at + r * m] = real;
      v[at + r * m] = imaginary;
    }
  }
}

const complex = (n) => ({ re: new Float64Array(n), im: new Float64Array(n) });

// The real plane (tall, wide) of waves (tall, wide / 2 + 1, 2), as numpy.fft.irfft2 gives it.
export function planeOf(waves, tall, wide) {
  const half = wide / 2 + 1;
  const down = complex(tall * half); // (half, tall): columns transformed back
  const [column, made] = [complex(tall), complex(tall)];
  for (let x = 0; x < half; x++) {
    for (let y = 0; y < tall; y++) {
      column.re[y] = waves[2 * (y * half + x)];
      column.im[y] = waves[2 * (y * half + x) + 1];
    }
    transform(column, made, tall, 1);
    down.re.set(made.re, x * tall);
    down.im.set(made.im, x * tall);
  }
  const plane = new Float64Array(tall * wide);
  const [line, both] = [complex(wide), complex(wide)];
  for (let y = 0; y < tall; y += 2) {
    // Two rows at once: the second as the imaginary part of what comes out.
    for (let x = 0; x < half; x++) {
      const at = x * tall + y;
      const edge = x === 0 || x === half - 1; // their imaginary parts stand for nothing
      const [a, b, c, d] = [down.re[at], edge ? 0 : down.im[at], down.re[at + 1], edge ? 0 : down.im[at + 1]];
      line.re[x] = a - d;
      line.im[x] = b + c;
      if (edge) continue;
      line.re[wide - x] = a + d;
      line.im[wide - x] = c - b;
    }
    transform(line, both, wide, 1);
    for (let x = 0; x < wide; x++) {
      plane[y * wide + x] = both.re[x] / (tall * wide);
      plane[(y + 1) * wide + x] = both.im[x] / (tall * wide);
    }
  }
  return plane;
}

// The waves (tall, wide / 2 + 1, 2) of a real plane (tall, wide), as numpy.fft.rfft2 gives them.
export function wavesOf(plane, tall, wide) {
  const half = wide / 2 + 1;
  const rows = complex(half * tall); // (half, tall): rows transformed
  const [line, both] = [complex(wide), complex(wide)];
  for (let y = 0; y < tall; y += 2) {
    for (let x = 0; x < wide; x++) {
      line.re[x] = plane[y * wide + x];
      line.im[x] = plane[(y + 1) * wide + x];
    }
    transform(line, both, wide, -1);
    for (let x = 0; x < half; x++) {
      const mirror = (wide - x) % wide;
      const [a, b, c, d] = [both.re[x], both.im[x], both.re[mirror], both.im[mirror]];
      const at = x * tall + y;
      rows.re[at] = (a + c) / 2;
      rows.im[at] = (b - d) / 2;
      rows.re[at + 1] = (b + d) / 2;
      rows.im[at + 1] = (c - a) / 2;
    }
  }
  const waves = new Float64Array(2 * tall * half);
  const [column, made] = [complex(tall), complex(tall)];
  for (let x = 0; x < half; x++) {
    column.re.set(rows.re.subarray(x * tall, (x + 1) * tall));
    column.im.set(rows.im.subarray(x * tall, (x + 1) * tall));
    transform(column, made, tall, -1);
    for (let y = 0; y < tall; y++) {
      waves[2 * (y * half + x)] = made.re[y];
      waves[2 * (y * half + x) + 1] = made.im[y];
    }
  }
  return waves;
}
