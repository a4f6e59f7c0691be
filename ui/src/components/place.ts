/** Where something that floats goes. All numbers are CSS pixels of the window. */
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}
export interface Size {
  width: number;
  height: number;
}

const EDGE = 8;

/** Below its anchor, start-aligned; above if there is more room; always inside the window. */
export function place(anchor: Box, size: Size, view: Size, align: "start" | "end" | "center" = "start", gap = 4): { left: number; top: number; maxHeight: number } {
  const below = view.height - anchor.bottom - gap - EDGE;
  const above = anchor.top - gap - EDGE;
  const up = size.height > below && above > below;
  const maxHeight = Math.max(80, up ? above : below);
  const height = Math.min(size.height, maxHeight);
  const wanted = align === "start" ? anchor.left : align === "end" ? anchor.right - size.width : (anchor.left + anchor.right - size.width) / 2;
  return {
    left: Math.round(Math.max(EDGE, Math.min(wanted, view.width - size.width - EDGE))),
    top: Math.round(up ? anchor.top - gap - height : Math.max(EDGE, anchor.bottom + gap)),
    maxHeight: Math.floor(maxHeight),
  };
}
