// What a widget left in its output when the lesson was run: JSON in which {"base64": text} stands for bytes.

export function read(text) {
  return JSON.parse(text, (_, value) => (typeof value?.base64 === "string" ? bytes(value.base64) : value));
}

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

// Bytes as numbers of four or two bytes. What `bytes` made begins at the beginning of its buffer.
export const floats = ({ buffer }) => new Float32Array(buffer);
export const shorts = ({ buffer }) => new Uint16Array(buffer);

// Returns a promise of yes and no, one after another, as they were packed eight in a byte and compressed.
export async function bits(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const all = new Uint8Array(await new Response(stream).arrayBuffer());
  return (i) => (all[i >> 3] >> (7 - (i & 7))) & 1;
}
