let nOpen = 0;
let overlaid: boolean | null = null;

/** Whether scroll bars lie over what they scroll, and take no room of it. */
function barsOverlay(): boolean {
  const probe = document.body.appendChild(document.createElement("div"));
  probe.style.cssText = "position: fixed; visibility: hidden; width: 50px; height: 50px; overflow: scroll";
  const takeNoRoom = probe.offsetWidth === probe.clientWidth;
  probe.remove();
  return takeNoRoom;
}

/**
 * Something lies over the page until what this gives is called. WebKitGTK paints overlay scroll bars last, through
 * dialogs, popovers and menus: base.css hides those of the page below. Bars that take room stay, or the page would move.
 */
export function veil(): () => void {
  overlaid ??= barsOverlay();
  if (!overlaid) return () => undefined;
  nOpen++;
  document.documentElement.classList.add("veiled");
  let open = true;
  return () => {
    if (!open) return;
    open = false;
    if (--nOpen === 0) document.documentElement.classList.remove("veiled");
  };
}
