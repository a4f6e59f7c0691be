/** How well a phrase answers what was typed; 0: not at all. Every word typed must be found. */
export function score(query: string, title: string, also = ""): number {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return 1;
  const text = title.toLowerCase();
  const other = also.toLowerCase();
  let total = 0;
  for (const word of words) {
    const best = Math.max(inText(word, text), inText(word, other) * 0.5);
    if (best === 0) return 0;
    total += best;
  }
  // Of two equal ones the shorter is meant.
  return total / words.length - Math.min(0.2, title.length / 500);
}

function inText(word: string, text: string): number {
  if (!text) return 0;
  if (text === word) return 6;
  if (text.startsWith(word)) return 5;
  const at = text.indexOf(word);
  if (at > 0) return /[\s/_.-]/.test(text[at - 1] ?? "") ? 4 : 2.5;
  return initials(text).startsWith(word) ? 3 : word.length > 2 && isSubsequence(word, text) ? 1 : 0;
}

function initials(text: string): string {
  return text.split(/[\s/_.-]+/).map((part) => part.charAt(0)).join("");
}

function isSubsequence(word: string, text: string): boolean {
  let at = 0;
  for (const letter of word) {
    at = text.indexOf(letter, at) + 1;
    if (at === 0) return false;
  }
  return true;
}
