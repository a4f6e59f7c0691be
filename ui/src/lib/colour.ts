/**
 * How far apart two colours look, also to people who see two kinds of light only. Used by the tests that hold the
 * palettes to their promise; nothing here runs in the window.
 */
type Triple = readonly [number, number, number];

export type Vision = "normal" | "protanopia" | "deuteranopia";

/** Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB. */
const SIMULATION: Record<Exclude<Vision, "normal">, readonly [Triple, Triple, Triple]> = {
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
};

function linear(hex: string): Triple {
  const channel = (at: number) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

const dot = (a: Triple, b: Triple) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const clamp = (value: number) => Math.min(1, Math.max(0, value));

function seen(rgb: Triple, vision: Vision): Triple {
  if (vision === "normal") return rgb;
  const [r, g, b] = SIMULATION[vision];
  return [clamp(dot(r, rgb)), clamp(dot(g, rgb)), clamp(dot(b, rgb))];
}

/** CIE L*a*b*, D65. */
function lab(rgb: Triple): Triple {
  const x = dot([0.4124564, 0.3575761, 0.1804375], rgb) / 0.95047;
  const y = dot([0.2126729, 0.7151522, 0.072175], rgb);
  const z = dot([0.0193339, 0.119192, 0.9503041], rgb) / 1.08883;
  const f = (t: number) => (t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116);
  return [116 * f(y) - 16, 500 * (f(x) - f(y)), 200 * (f(y) - f(z))];
}

/** CIEDE2000 (Sharma, Wu and Dalal 2005). About 1 is just noticeable side by side. */
export function deltaE2000([l1, a1, b1]: Triple, [l2, a2, b2]: Triple): number {
  const rad = Math.PI / 180;
  const meanC = (Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2;
  const g = 0.5 * (1 - Math.sqrt(meanC ** 7 / (meanC ** 7 + 25 ** 7)));
  const [p1, p2] = [(1 + g) * a1, (1 + g) * a2];
  const [c1, c2] = [Math.hypot(p1, b1), Math.hypot(p2, b2)];
  const angle = (b: number, a: number) => (Math.atan2(b, a) / rad + 360) % 360;
  const [h1, h2] = [angle(b1, p1), angle(b2, p2)];
  const grey = c1 * c2 === 0;
  let dh = grey ? 0 : h2 - h1;
  if (dh > 180) dh -= 360;
  else if (dh < -180) dh += 360;
  const dH = 2 * Math.sqrt(c1 * c2) * Math.sin((dh / 2) * rad);
  const [mL, mC] = [(l1 + l2) / 2, (c1 + c2) / 2];
  let mH = h1 + h2;
  if (!grey) {
    if (Math.abs(h1 - h2) > 180) mH += mH < 360 ? 360 : -360;
    mH /= 2;
  }
  const t = 1 - 0.17 * Math.cos((mH - 30) * rad) + 0.24 * Math.cos(2 * mH * rad) + 0.32 * Math.cos((3 * mH + 6) * rad) - 0.2 * Math.cos((4 * mH - 63) * rad);
  const sL = 1 + (0.015 * (mL - 50) ** 2) / Math.sqrt(20 + (mL - 50) ** 2);
  const sC = 1 + 0.045 * mC;
  const sH = 1 + 0.015 * mC * t;
  const rT = -2 * Math.sqrt(mC ** 7 / (mC ** 7 + 25 ** 7)) * Math.sin(60 * Math.exp(-(((mH - 275) / 25) ** 2)) * rad);
  return Math.sqrt(((l2 - l1) / sL) ** 2 + ((c2 - c1) / sC) ** 2 + (dH / sH) ** 2 + rT * ((c2 - c1) / sC) * (dH / sH));
}

export function distance(a: string, b: string, vision: Vision): number {
  return deltaE2000(lab(seen(linear(a), vision)), lab(seen(linear(b), vision)));
}

/** WCAG contrast, 1 to 21. */
export function contrast(a: string, b: string): number {
  const light = (hex: string) => dot([0.2126, 0.7152, 0.0722], linear(hex)) + 0.05;
  const [x, y] = [light(a), light(b)];
  return Math.max(x, y) / Math.min(x, y);
}
