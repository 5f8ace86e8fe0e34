// The layers of a convolutional network, forward and backward, for the book's pages: wasm32 with SIMD, one thread, no
// library. Numbers are float32. Maps are (C, H, W), kernels (M, C, k, k). Backward functions add a layer's gradient to
// that of its input, as an input can have several readers.

#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(#name)))
#define COLUMNS 8  // of a matrix that are computed at once, in two registers
#define ROWS 4
#define LONGEST 1024  // sum that `multiply` takes

typedef unsigned int u32;
typedef float *out;
typedef const float *in;

extern unsigned char __heap_base;
static u32 end = 0;  // of what is given away

// Gives memory for so many numbers, 0 if there is none. It is never taken back. What looks into the memory from outside
// must look anew afterwards, as it may have moved.
EXPORT(allocate) out allocate(u32 count) {
  if (!end) end = ((u32)&__heap_base + 63) & ~63u;
  u32 here = end, next = end + ((count * 4 + 63) & ~63u), have = __builtin_wasm_memory_size(0) << 16;
  if (next > have && __builtin_wasm_memory_grow(0, (next - have + 65535) >> 16) == ~0ul) return 0;
  end = next;
  return (out)here;
}

EXPORT(longest) u32 longest(void) { return LONGEST; }

// result[m][n] = bias[m] + sum over k of a[m][k] * b[k][n], for a (M, K) and b (K, N). Without a bias it is 0.
static void multiply(in a, in bias, in b, out result, u32 M, u32 K, u32 N) {
  static float panel[LONGEST * COLUMNS];  // eight columns of b, as rows of a read them
  for (u32 n = 0; n < N; n += COLUMNS) {
    u32 width = N - n < COLUMNS ? N - n : COLUMNS;
    for (u32 k = 0; k < K; k++) {
      in from = b + k * N + n;
      out to = panel + COLUMNS * k;
      if (width == COLUMNS) {
        wasm_v128_store(to, wasm_v128_load(from));
        wasm_v128_store(to + 4, wasm_v128_load(from + 4));
      } else {
        for (u32 j = 0; j < COLUMNS; j++) to[j] = j < width ? from[j] : 0;
      }
    }
    for (u32 m = 0; m < M; m += ROWS) {
      u32 row[ROWS];
      v128_t left[ROWS], right[ROWS];
      for (u32 i = 0; i < ROWS; i++) {
        row[i] = m + i < M ? m + i : M - 1;  // the last one again, rather than another loop
        left[i] = right[i] = wasm_f32x4_splat(bias ? bias[row[i]] : 0);
      }
      in a0 = a + row[0] * K, a1 = a + row[1] * K, a2 = a + row[2] * K, a3 = a + row[3] * K, p = panel;
      for (u32 k = 0; k < K; k++, p += COLUMNS) {
        v128_t u = wasm_v128_load(p), v = wasm_v128_load(p + 4);
#define ADD(i) { \
    v128_t s = wasm_v128_load32_splat(a##i + k); \
    left[i] = wasm_f32x4_add(left[i], wasm_f32x4_mul(s, u)); \
    right[i] = wasm_f32x4_add(right[i], wasm_f32x4_mul(s, v)); \
  }
        ADD(0) ADD(1) ADD(2) ADD(3)
      }
      for (u32 i = 0; i < ROWS; i++) {
        out to = result + row[i] * N + n;
        if (width == COLUMNS) {
          wasm_v128_store(to, left[i]);
          wasm_v128_store(to + 4, right[i]);
        } else {
          float both[COLUMNS];
          wasm_v128_store(both, left[i]);
          wasm_v128_store(both + 4, right[i]);
          for (u32 j = 0; j < width; j++) to[j] = both[j];
        }
      }
    }
  }
}

// A window of side k that moves by s over a map with p rows and columns of padding before it.
typedef struct { u32 C, H, W, k, s, p, rows, columns; } window;

// The pixels under all places of the window: patches[(c, i, j)][(row, column)], 0 for padding.
static void take_apart(in x, out patches, window w) {
  for (u32 c = 0; c < w.C; c++)
    for (u32 i = 0; i < w.k; i++)
      for (u32 j = 0; j < w.k; j++)
        for (u32 row = 0; row < w.rows; row++) {
          int y = (int)(row * w.s + i) - (int)w.p;
          for (u32 column = 0; column < w.columns; column++) {
            int z = (int)(column * w.s + j) - (int)w.p;
            int inside = y >= 0 && y < (int)w.H && z >= 0 && z < (int)w.W;
            *patches++ = inside ? x[(c * w.H + y) * w.W + z] : 0;
          }
        }
}

// The reverse: adds each of the patches' numbers to its pixel.
static void add_together(in patches, out x, window w) {
  for (u32 c = 0; c < w.C; c++)
    for (u32 i = 0; i < w.k; i++)
      for (u32 j = 0; j < w.k; j++)
        for (u32 row = 0; row < w.rows; row++) {
          int y = (int)(row * w.s + i) - (int)w.p;
          for (u32 column = 0; column < w.columns; column++, patches++) {
            int z = (int)(column * w.s + j) - (int)w.p;
            if (y >= 0 && y < (int)w.H && z >= 0 && z < (int)w.W) x[(c * w.H + y) * w.W + z] += *patches;
          }
        }
}

// `patches` has room for C k k rows columns numbers, unless k is 1.
EXPORT(convolve) void convolve(in x, in kernel, in bias, out y, out patches, u32 C, u32 H, u32 W, u32 M, u32 k, u32 s,
                               u32 p, u32 rows, u32 columns) {
  if (k > 1 || s > 1) {
    take_apart(x, patches, (window){C, H, W, k, s, p, rows, columns});
    x = patches;
  }
  multiply(kernel, bias, x, y, M, C * k * k, rows * columns);
}

// `turned` is the kernel as (C k k, M). `patches` has room for them in any case.
EXPORT(convolve_back) void convolve_back(in dy, in turned, out dx, out patches, u32 C, u32 H, u32 W, u32 M, u32 k, u32 s,
                                         u32 p, u32 rows, u32 columns) {
  multiply(turned, 0, dy, patches, C * k * k, M, rows * columns);
  add_together(patches, dx, (window){C, H, W, k, s, p, rows, columns});
}

EXPORT(rectify) void rectify(in x, out y, u32 count) {
  for (u32 i = 0; i < count; i++) y[i] = x[i] > 0 ? x[i] : 0;
}

EXPORT(rectify_back) void rectify_back(in y, in dy, out dx, u32 count) {
  for (u32 i = 0; i < count; i++) dx[i] += y[i] > 0 ? dy[i] : 0;
}

// `from` takes the place of each largest number in its channel: the first, if there are several.
EXPORT(pool) void pool(in x, out y, u32 *from, u32 C, u32 H, u32 W, u32 k, u32 s, u32 p, u32 rows, u32 columns) {
  for (u32 c = 0; c < C; c++, x += H * W)
    for (u32 row = 0; row < rows; row++)
      for (u32 column = 0; column < columns; column++) {
        int top = (int)(row * s) - (int)p, left = (int)(column * s) - (int)p;
        u32 first_row = top < 0 ? 0 : top, first_column = left < 0 ? 0 : left;
        u32 best = first_row * W + first_column;
        for (u32 i = first_row; i < H && (int)i < top + (int)k; i++)
          for (u32 j = first_column; j < W && (int)j < left + (int)k; j++)
            if (x[i * W + j] > x[best]) best = i * W + j;
        *y++ = x[best];
        *from++ = best;
      }
}

EXPORT(pool_back) void pool_back(const u32 *from, in dy, out dx, u32 C, u32 area, u32 places) {
  for (u32 c = 0; c < C; c++, dx += area)
    for (u32 i = 0; i < places; i++) dx[*from++] += *dy++;
}

EXPORT(average) void average(in x, out y, u32 C, u32 area) {
  for (u32 c = 0; c < C; c++) {
    double sum = 0;
    for (u32 i = 0; i < area; i++) sum += *x++;
    y[c] = (float)(sum / area);
  }
}

EXPORT(average_back) void average_back(in dy, out dx, u32 C, u32 area) {
  for (u32 c = 0; c < C; c++)
    for (u32 i = 0; i < area; i++) *dx++ += dy[c] / area;
}

EXPORT(add) void add(in x, out y, u32 count) {
  for (u32 i = 0; i < count; i++) y[i] += x[i];
}
