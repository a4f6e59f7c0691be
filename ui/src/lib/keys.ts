/** Key chords, written "Mod+K", "Shift+ArrowDown", "?", "j". Mod is Ctrl, or Command on a Mac. */
export const isMac = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.platform);

export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

export function matchesChord(chord: string, press: KeyPress, mac = isMac): boolean {
  const parts = chord.split("+");
  const key = parts.pop() || "+";
  const wants = new Set(parts.map((part) => part.toLowerCase()));
  const mod = mac ? press.metaKey : press.ctrlKey;
  const otherMod = mac ? press.ctrlKey : press.metaKey;
  if (mod !== wants.has("mod") || otherMod !== wants.has("ctrl") || press.altKey !== wants.has("alt")) return false;
  const symbol = key.length === 1 && !/[a-z0-9]/i.test(key);
  // A symbol such as "?" needs Shift on some layouts and not on others.
  if (!symbol && press.shiftKey !== wants.has("shift")) return false;
  return press.key.toLowerCase() === key.toLowerCase();
}

const NAMES: Record<string, string> = {
  ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc", Enter: "Enter", " ": "Space", Delete: "Del",
};

/** A chord as keycaps show it: ["Ctrl", "K"]. */
export function chordCaps(chord: string, mac = isMac): string[] {
  const parts = chord.split("+");
  const key = parts.pop() || "+";
  const caps = parts.filter(Boolean).map((part) => {
    if (part === "Mod") return mac ? "⌘" : "Ctrl";
    if (part === "Alt") return mac ? "⌥" : "Alt";
    return part === "Shift" && mac ? "⇧" : part;
  });
  return [...caps, NAMES[key] ?? (key.length === 1 && caps.length ? key.toUpperCase() : key)];
}

/** Keys of one letter must not fire while the user writes. */
export function isWriting(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "range", "button", "color"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}
