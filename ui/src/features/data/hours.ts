/** Hours since 1970 (UTC), as buckets of data have them: on axes, in words, and in local time for a hover. */
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const STEPS = [1, 3, 6, 12, 24, 48, 120, 168, 336, 672, 1344, 2016, 4032, 8760, 17_520, 43_800];

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
  if (sameDay) return `${day(date(from))} ${two(date(from).getUTCHours())}:00 – ${isMidnight(till) ? "24" : two(date(till).getUTCHours())}:00`;
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

/** Ticks in UTC at whole days where days are far enough apart, else at whole hours. */
export function hourTicks(from: number, till: number, px: number, spacing = 72): HourTick[] {
  if (!(till > from) || px <= 0) return [];
  const wanted = ((till - from) / px) * spacing;
  const step = STEPS.find((step) => step >= wanted) ?? Math.ceil(wanted / 8760) * 8760;
  const ticks: HourTick[] = [];
  for (let hour = Math.ceil(from / step) * step; hour < till && ticks.length < 100; hour += step) {
    const at = date(hour);
    ticks.push({ hour, label: step >= 8760 ? String(at.getUTCFullYear()) : isMidnight(hour) || step >= 24 ? day(at) : `${two(at.getUTCHours())}:00` });
  }
  return ticks;
}

/** The same where buckets lie side by side, whatever hole is between two of them. Those cut at the right end are left out. */
export function bucketTicks(buckets: readonly { from: number; till: number }[], px: number, spacing = 72): { label: string; x: number }[] {
  const [first, last] = [buckets[0], buckets.at(-1)];
  if (!first || !last) return [];
  // As many as would fit if there were no holes.
  const shown = buckets.reduce((sum, bucket) => sum + bucket.till - bucket.from, 0);
  let before = -Infinity;
  return hourTicks(first.from, last.till, (px * (last.till - first.from)) / shown, spacing).flatMap(({ hour, label }) => {
    const at = buckets.findIndex((bucket) => bucket.till > hour);
    const bucket = buckets[at];
    if (!bucket) return [];
    const x = ((at + Math.max(0, hour - bucket.from) / (bucket.till - bucket.from)) / buckets.length) * px;
    if (x > px - 40 || x - before < spacing * 0.6) return [];
    before = x;
    // One that falls into a hole says what comes after it.
    return [{ label: hour < bucket.from ? formatHour(bucket.from) : label, x }];
  });
}
