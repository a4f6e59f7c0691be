// Which cards are on the screen, and which are so far off that their canvases should go.

export interface Watcher {
  /** Tells `near` (within a few screens) and `visible` (on the screen or about to be) whenever they change. */
  watch(node: Element, tell: (near: boolean, visible: boolean) => void): () => void;
  stop(): void;
}

const SOON_PX = 120;
const FAR_PX = 1600;

export function watchVisibility(root: Element): Watcher {
  const told = new Map<Element, { tell: (near: boolean, visible: boolean) => void; near: boolean; visible: boolean }>();
  const observe = (key: "near" | "visible", margin: number) =>
    new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const known = told.get(entry.target);
        if (!known || known[key] === entry.isIntersecting) continue;
        known[key] = entry.isIntersecting;
        known.tell(known.near || known.visible, known.visible);
      }
    }, { root, rootMargin: `${margin}px 0px` });
  const soon = observe("visible", SOON_PX);
  const far = observe("near", FAR_PX);
  return {
    watch(node, tell) {
      told.set(node, { tell, near: false, visible: false });
      soon.observe(node);
      far.observe(node);
      return () => {
        told.delete(node);
        soon.unobserve(node);
        far.unobserve(node);
      };
    },
    stop() {
      soon.disconnect();
      far.disconnect();
    },
  };
}
