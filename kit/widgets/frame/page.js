// What only the page knows and every panel needs: how wide the places of its figures are, and names for sliders.

// The handle of a slider has a role but no name: give it its label's.
function nameSliders(panel) {
  for (const handle of panel.querySelectorAll(".widget-slider .noUi-handle:not([aria-label])")) {
    const label = handle.closest(".widget-slider").querySelector(".widget-label");
    if (label) handle.setAttribute("aria-label", label.title || label.textContent);
  }
}

// The width that each figure in sight may have, by its class.
function rooms(panel) {
  const found = {};
  for (const image of panel.querySelectorAll("img.kit-figure")) {
    const place = [...image.classList].find((name) => name.startsWith("kit-figure-"));
    const style = getComputedStyle(image.parentElement);
    const room = image.parentElement.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    if (place && room > 0) found[place] = Math.floor(room) - 4;
  }
  return found;
}

function render({ model, el }) {
  let sent = {};
  let resized = null, changed = null;
  const tell = (panel) => {
    const found = rooms(panel);
    const moved = Object.entries(found).some(([place, width]) => Math.abs(width - (sent[place] ?? 0)) > 8);
    if (!moved) return; // the last said by this view: another view of the panel may say otherwise
    sent = { ...sent, ...found };
    model.set("rooms", sent);
    model.save_changes();
  };
  const attached = requestAnimationFrame(() => {
    const panel = el.closest(".kit-panel");
    if (!panel) return;
    resized = new ResizeObserver(() => requestAnimationFrame(() => tell(panel)));
    resized.observe(panel);
    nameSliders(panel);
    changed = new MutationObserver(() => nameSliders(panel));
    changed.observe(panel, { childList: true, subtree: true });
  });
  return () => {
    cancelAnimationFrame(attached);
    resized?.disconnect();
    changed?.disconnect();
  };
}

export default { render };
