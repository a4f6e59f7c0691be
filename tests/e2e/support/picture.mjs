// A picture of the virtual display: Xvfb keeps its framebuffer as an X window dump (XWD version 7), here made a PNG.
import fs from "node:fs";
import zlib from "node:zlib";

/** `dump`: the file that `Xvfb -fbdir` keeps. Returns the PNG's bytes. */
export function picture(dump) {
  const bytes = fs.readFileSync(dump);
  const field = (i) => bytes.readUInt32BE(i * 4);
  const [headerSize, version, width, height, lsbFirst, perPixel, stride, nColors] = [field(0), field(1), field(4), field(5), field(7) === 0, field(11), field(12), field(19)];
  if (version !== 7 || perPixel !== 32 || !lsbFirst) throw new Error(`${dump}: an X window dump of another kind`);
  const start = headerSize + nColors * 12;
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0, to = 0; y < height; y++) {
    rows[to++] = 0;
    for (let x = 0, from = start + y * stride; x < width; x++, from += 4) {
      rows[to++] = bytes[from + 2];
      rows[to++] = bytes[from + 1];
      rows[to++] = bytes[from];
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), chunk("IHDR", head), chunk("IDAT", zlib.deflateSync(filtered(rows, width * 3), { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}

/** PNG's filter 2 (difference to the row above) on each row: flat areas pack far better. */
function filtered(rows, length) {
  const out = Buffer.from(rows);
  for (let at = rows.length - length - 1; at >= 0; at -= length + 1) {
    out[at] = 2;
    if (at > 0) for (let i = 1; i <= length; i++) out[at + i] = rows[at + i] - rows[at + i - length - 1];
  }
  return out;
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(zlib.crc32(body), body.length + 4);
  return out;
}
