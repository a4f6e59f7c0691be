/** Hours since 1970 (UTC), as buckets of data have them: on axes, in words, and in local time for a hover. */
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const [MINUTE, HOUR, DAY] = [60, 3600, 86_400];
/** Seconds between ticks; beyond them ticks lie on months. */
const STEPS = [1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 5 * DAY, 7 * DAY, 14 * DAY];
const MONTHS_APART = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400, 6000, 12_000, 24_000, 60_000];

const two = (n: number) => String(n).padStart(2, "0");
const date = (hour: number) => new Date(hour * 3_600_000);
const day = (at: Date) => `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}`;
const isMidnight = (hour: number) => ((hour % 24) + 24) % 24 === 0;

/** "3 Nov", "3 Nov 06:00", and the year where it is not this one. */
export function formatHour(hour: number, now = new Date()): string {
  const at = date(hour);
  if (Number.isNaN(at.getTime())) return "unknown";
  const year = at.getUTCFullYear() === now.getUTCFullYear() ? "" : ` ${at.getUTCFullYear()}`;
  return `${day(at)}${year}${isMidnight(hour) ? "" : ` ${two(at.getUTCHours())}:00`}`;
}

/** "1 – 8 Nov, UTC" would save a word and cost a thought: both ends are written out. */
export function formatSpan(from: number, till: number, now = new Date()): string {
  const sameDay = Math.floor(from / 24) === Math.floor((till - 1) / 24);
  if (sameDay && till - from === 24) return formatHour(from, now);
  if (sameDay) return `${formatHour(from - (((from % 24) + 24) % 24), now)} ${two(date(from).getUTCHours())}:00 – ${isMidnight(till) ? "24" : two(date(till).getUTCHours())}:00`;
  // An end at midnight is the day before, to its end.
  return isMidnight(from) && isMidnight(till) ? `${formatHour(from, now)} – ${formatHour(till - 24, now)}` : `${formatHour(from, now)} – ${formatHour(till, now)}`;
}

/** What a hover says: the same span by the clock on the wall. */
export function localSpan(from: number, till: number): string {
  const words = (hour: number) => {
    const at = date(hour);
    return `${at.getDate()} ${MONTHS[at.getMonth()]} ${at.getFullYear()} ${two(at.getHours())}:${two(at.getMinutes())}`;
  };
  return `${words(from)} – ${words(till)} local time`;
}

/** Unix seconds in UTC, to the minute: "2026-07-06 04:12". */
export function formatMoment(unix: number): string {
  const at = new Date(unix * 1000);
  return Number.isNaN(at.getTime()) ? "unknown" : at.toISOString().replace(/T(\d\d:\d\d).*/, " $1");
}

/** Unix seconds in UTC without what is nought, so that no two of few are said alike: "2026-07-06", "2026-07-06 04:12:05". */
export function formatStamp(unix: number): string {
  const at = new Date(unix * 1000);
  return Number.isNaN(at.getTime()) ? "unknown" : at.toISOString().replace("T", " ").replace(/( 00:00)?(:00)?\.000Z$|Z$/, "");
}

/** Unix seconds in UTC, one of many that lie within `spread` seconds: "2026-07-06", "6 Jul 04:12", "04:12:05". */
export function formatNear(unix: number, spread: number): string {
  const at = new Date(unix * 1000);
  if (Number.isNaN(at.getTime())) return "unknown";
  if (spread >= 60 * DAY) return at.toISOString().split("T")[0]!;
  const clock = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
  return spread >= HOUR ? `${day(at)} ${clock}` : `${clock}:${two(at.getUTCSeconds())}`;
}

/** Unix seconds in UTC, as days, and by the clock within one: "2026-07-06 – 2026-08-30", "2026-08-03 10:00 – 14:12". */
export function formatStretch(first: number, last: number): string {
  const [from, to] = [formatMoment(first), formatMoment(last)];
  const [[day], [lastDay, clock]] = [from.split(" "), to.split(" ")];
  if (from === to || clock === undefined) return from;
  return day === lastDay ? `${from} – ${clock}` : `${day} – ${lastDay}`;
}

/** "6 h", "3 days", "5 weeks". */
export function formatHours(hours: number): string {
  if (hours < 48 && hours !== 24) return `${hours} h`;
  if (hours % 168 === 0) return hours === 168 ? "1 week" : `${hours / 168} weeks`;
  const days = Math.round((hours / 24) * 10) / 10;
  return days === 1 ? "1 day" : `${days} days`;
}

export interface HourTick {
  hour: number;
  label: string;
}

export interface MomentTick {
  /** Unix seconds. */
  value: number;
  label: string;
}

/** About `count` ticks in UTC, no nearer to each other than `least` seconds: on years, months, days or the clock. */
export function momentTicks(from: number, till: number, count: number, least = 1): MomentTick[] {
  if (!(till > from && count > 0) || [from, till].some((unix) => Number.isNaN(new Date(unix * 1000).getTime()))) return [];
  const wanted = Math.max(least, (till - from) / count);
  const step = STEPS.find((step) => step >= wanted);
  if (step === undefined) return monthTicks(from, till, wanted);
  const ticks: MomentTick[] = [];
  for (let value = Math.ceil(from / step) * step; value <= till && ticks.length < 100; value += step) {
    const at = new Date(value * 1000);
    const clock = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
    ticks.push({ value, label: value % DAY === 0 ? day(at) : step < MINUTE ? `${clock}:${two(at.getUTCSeconds())}` : clock });
  }
  return ticks;
}

function monthTicks(from: number, till: number, wanted: number): MomentTick[] {
  const step = MONTHS_APART.find((months) => months * 30.4 * DAY >= wanted) ?? 120_000;
  const start = new Date(from * 1000);
  const ticks: MomentTick[] = [];
  for (let month = Math.floor((start.getUTCFullYear() * 12 + start.getUTCMonth()) / step) * step; ticks.length < 100; month += step) {
    // Counted from 2000: Date.UTC takes a year below 100 for one of the last century.
    const value = Date.UTC(2000, month - 24_000) / 1000;
    if (!(value <= till)) break;
    const at = new Date(value * 1000);
    if (value >= from) ticks.push({ value, label: step % 12 === 0 ? String(at.getUTCFullYear()) : `${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}` });
  }
  return ticks;
}

/** The same of hours, the end not within, and at whole hours. */
export function hourTicks(from: number, till: number, px: number, spacing = 72): HourTick[] {
  return momentTicks(from * HOUR, till * HOUR, px / spacing, HOUR).flatMap(({ value, label }) => (value < till * HOUR ? [{ hour: value / HOUR, label }] : []));
}

/** The same where buckets lie side by side, whatever hole is between two of them. Those cut at the right end are left out. */
export function bucketTicks(buckets: readonly { from: number; till: number }[], px: number, spacing = 72): { label: string; x: number }[] {
  const shown = buckets.reduce((sum, bucket) => sum + bucket.till - bucket.from, 0);
  let free = -Infinity;
  return unbroken(buckets).flatMap(({ first, from, till }, _, all) => {
    let at = first;
    const ticks = hourTicks(from, till, (px * (till - from)) / shown, spacing);
    // Beside a hole it is said in full where it goes on; and a stretch too short for a tick says where it is.
    if (all.length > 1 || ticks.length === 0) ticks.unshift({ hour: from, label: formatHour(from) });
    return ticks.flatMap(({ hour, label }) => {
      while (buckets[at]!.till <= hour) at++;
      const bucket = buckets[at]!;
      const x = ((at + (hour - bucket.from) / (bucket.till - bucket.from)) / buckets.length) * px;
      if (x > px - 40 || x < free) return [];
      free = x + Math.max(spacing * 0.6, label.length * 6 + 8);
      return [{ label, x }];
    });
  });
}

/** The stretches of time that buckets cover without a hole, each with the place of its first. */
function unbroken(buckets: readonly { from: number; till: number }[]): { first: number; from: number; till: number }[] {
  const found: { first: number; from: number; till: number }[] = [];
  buckets.forEach(({ from, till }, first) => {
    const last = found.at(-1);
    if (last?.till === from) last.till = till;
    else found.push({ first, from, till });
  });
  return found;
}
