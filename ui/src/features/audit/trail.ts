import type { AuditCheck, AuditPage, AuditRow } from "$lib/host";

/** Every entry, oldest first, page by page. What is written meanwhile comes along. */
export async function allRows(page: (from: number) => Promise<AuditPage>): Promise<AuditRow[]> {
  const rows: AuditRow[] = [];
  for (let from = 1; ; ) {
    const next = (await page(from)).rows;
    const last = next.at(-1);
    // A page that does not go on would be asked for without end.
    if (!last || last.seq < from) return rows;
    rows.push(...next);
    from = last.seq + 1;
  }
}

/** One JSON document a line, times as RFC 3339, as a person or a tool reads on. */
export function jsonLines(rows: readonly AuditRow[]): string {
  return rows.map((row) => `${JSON.stringify({ ...row, at: new Date(row.at * 1000).toISOString(), step: row.step === null ? null : row.step + 1, detail: parsed(row.detail) })}\n`).join("");
}

function parsed(detail: string): unknown {
  try {
    return JSON.parse(detail);
  } catch {
    return detail;
  }
}

/** What a check of the chain says, and of a hash that was kept elsewhere. */
export function checkWords(check: AuditCheck, kept: string): { good: boolean; words: string } {
  if (check.broken !== null) return { good: false, words: `Broken${check.at === null ? "" : ` at entry ${check.at}`}: ${check.broken}` };
  if (kept && check.kept === null) return { good: false, words: "No entry has the hash that was kept." };
  const whole = check.total === 1 ? "One entry, and it holds." : `${check.total} entries, each bound to the one before it.`;
  return { good: true, words: kept ? `${whole} Entry ${check.kept} has the hash that was kept.` : whole };
}

/** As many entries as are shown at once: half of what one answer holds, so that those which came since are in it. */
export const SHOWN = 500;

/** The newest entries, asked for from where they should begin; again only if more came than an answer holds. */
export async function newest(page: (from: number) => Promise<AuditPage>, nKnown: number): Promise<AuditPage> {
  const begin = (total: number) => Math.max(1, total - SHOWN + 1);
  let got = await page(begin(nKnown));
  if ((got.rows.at(-1)?.seq ?? 0) < got.total) got = await page(begin(got.total));
  return { ...got, rows: got.rows.slice(-SHOWN) };
}
