// Time on axes and in words. No Intl: WebKitGTK's locale may be one that Intl refuses, and the words are English anyway.

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const SECONDS = [1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR];
const DAYS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

export interface Tick {
  value: number;
  /** null: a grid line without words. */
  label: string | null;
}

/** Ticks for seconds since a start: "45 s", "15 m", "1 h 15 m", "2 d". */
export function relativeTicks(min: number, max: number, count: number): Tick[] {
  const wanted = (max - min) / Math.max(1, count);
  const incr = timeIncrement(wanted);
  const ticks: Tick[] = [];
  for (let k = Math.ceil(min / incr - 1e-9); k * incr <= max + incr * 1e-9 && ticks.length < 200; k++) {
    ticks.push({ value: k * incr, label: relativeLabel(k * incr, incr) });
  }
  return ticks;
}

function timeIncrement(wanted: number): number {
  if (wanted < 1) return subSecond(wanted);
  const short = SECONDS.find((s) => s >= wanted);
  if (short) return short;
  return (DAYS.find((d) => d * DAY >= wanted) ?? Math.ceil(wanted / DAY / 1000) * 1000) * DAY;
}

function subSecond(wanted: number): number {
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 5, 10].find((m) => m * power >= wanted * (1 - 1e-9)) ?? 10;
  return step * power;
}

function relativeLabel(value: number, incr: number): string {
  const sign = value < 0 ? "\u2212" : "";
  const v = Math.abs(value);
  if (v < incr * 1e-6) return "0";
  if (incr < 1) {
    const decimals = Math.max(0, -Math.floor(Math.log10(incr) + 1e-9));
    return v < MINUTE ? `${sign}${v.toFixed(decimals)} s` : `${sign}${Math.floor(v / MINUTE)} m ${(v % MINUTE).toFixed(decimals)} s`;
  }
  return sign + twoUnits(Math.round(v));
}

/** At most two units: "45 s", "1 m 45 s", "15 m", "1 h 15 m", "2 d 6 h". */
function twoUnits(seconds: number): string {
  const pair = (unit: number, big: string, small: number, little: string) => {
    const low = Math.floor((seconds % unit) / small);
    return `${Math.floor(seconds / unit)} ${big}${low === 0 ? "" : ` ${low} ${little}`}`;
  };
  if (seconds < MINUTE) return `${seconds} s`;
  if (seconds < HOUR) return pair(MINUTE, "m", 1, "s");
  return seconds < DAY ? pair(HOUR, "h", MINUTE, "m") : pair(DAY, "d", HOUR, "h");
}

/** Ticks for unix seconds in local time; the first one, and each that begins a new day or year, says so below. */
export function wallTicks(min: number, max: number, count: number): Tick[] {
  const wanted = (max - min) / Math.max(1, count);
  if (wanted > 20 * DAY) return monthTicks(min, max, wanted);
  const incr = timeIncrement(wanted);
  const values: number[] = [];
  if (incr >= DAY) {
    const days = Math.round(incr / DAY);
    const at = new Date(min * 1000);
    at.setHours(0, 0, 0, 0);
    if (at.getTime() / 1000 < min) at.setDate(at.getDate() + 1);
    for (let i = 0; at.getTime() / 1000 <= max && i < 200; i++) {
      values.push(at.getTime() / 1000);
      at.setDate(at.getDate() + days);
    }
  } else if (incr >= 1) {
    // From local midnight, so that 6-hour ticks fall on 06:00 in any zone.
    const midnight = new Date(min * 1000);
    midnight.setHours(0, 0, 0, 0);
    const base = midnight.getTime() / 1000;
    for (let k = Math.ceil((min - base) / incr); base + k * incr <= max && values.length < 200; k++) values.push(base + k * incr);
  } else {
    for (let k = Math.ceil(min / incr); k * incr <= max && values.length < 200; k++) values.push(k * incr);
  }
  let before = "";
  return values.map((value) => {
    const date = new Date(Math.round(value * 1000));
    const context = incr >= DAY ? String(date.getFullYear()) : dayMonth(date);
    const label = incr >= DAY ? dayMonth(date) : clock(date, incr < MINUTE, incr < 1 ? Math.min(3, Math.ceil(-Math.log10(incr))) : 0);
    const fresh = context !== before;
    before = context;
    return { value, label: fresh ? `${label}\n${context}` : label };
  });
}

function monthTicks(min: number, max: number, wanted: number): Tick[] {
  const months = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200].find((m) => m * 30.4 * DAY >= wanted) ?? 2400;
  const at = new Date(min * 1000);
  at.setHours(0, 0, 0, 0);
  at.setDate(1);
  at.setMonth(months >= 12 ? 0 : Math.floor(at.getMonth() / months) * months);
  const ticks: Tick[] = [];
  let year = -1;
  for (let i = 0; at.getTime() / 1000 <= max && i < 400; i++) {
    if (at.getTime() / 1000 >= min) {
      const own = at.getFullYear();
      const label = months >= 12 ? String(own) : MONTHS[at.getMonth()]!;
      ticks.push({ value: at.getTime() / 1000, label: months < 12 && own !== year ? `${label}\n${own}` : label });
      year = own;
    }
    at.setMonth(at.getMonth() + months);
  }
  return ticks;
}

/** A moment in full: "21 Nov 2026, 10:42:07.250". */
export function formatMoment(unix: number, withMillis = false): string {
  const date = new Date(unix * 1000);
  if (Number.isNaN(date.getTime())) return "unknown";
  return `${dayMonth(date)} ${date.getFullYear()}, ${clock(date, true, withMillis ? 3 : 0)}`;
}

/** Seconds since a start with the precision a readout needs. */
export function formatElapsed(seconds: number): string {
  if (Math.abs(seconds) < MINUTE) return `${seconds.toFixed(2)} s`;
  const sign = seconds < 0 ? "\u2212" : "";
  const v = Math.abs(seconds);
  const two = (n: number) => String(Math.floor(n)).padStart(2, "0");
  const hours = Math.floor(v / HOUR);
  return `${sign}${hours > 0 ? `${hours}:` : ""}${two((v % HOUR) / MINUTE)}:${two(v % MINUTE)}`;
}

function clock(date: Date, seconds: boolean, decimals: number): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const base = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (!seconds) return base;
  const fraction = decimals > 0 ? `.${String(date.getMilliseconds()).padStart(3, "0").slice(0, decimals)}` : "";
  return `${base}:${two(date.getSeconds())}${fraction}`;
}

function dayMonth(date: Date): string {
  return `${date.getDate()} ${MONTHS[date.getMonth()]}`;
}
