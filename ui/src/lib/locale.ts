/**
 * Imported before anything else. Under `LANG=C` WebKitGTK says that the user's language is "C", and every
 * `Intl` constructor that is given it throws; uPlot builds one while it is imported, and the window stays blank.
 */
function speaks(language: string): boolean {
  try {
    new Intl.NumberFormat(language);
    return true;
  } catch {
    return false;
  }
}

if (!speaks(navigator.language)) {
  Object.defineProperty(navigator, "language", { value: "en-US", configurable: true });
  Object.defineProperty(navigator, "languages", { value: ["en-US"], configurable: true });
}

export {};
