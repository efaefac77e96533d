// What only the page knows and every panel needs: how wide the places of its figures are, names for sliders, and
// that keys pressed in a panel are meant for it.

// JupyterLab's shortcuts of one key would take the arrows from a dropdown, and "dd" delete the cell: inside a panel
// it hears chords only (its registry passes over an element with this attribute, and what holds it).
function keepKeys(panel, event) {
  if (!panel.contains(event.target)) return;
  const chord = event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === "Enter");
  event.target.toggleAttribute("data-lm-suppress-shortcuts", !chord);
}

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
  let resized = null, changed = null, pressed = null;
  const tell = (panel) => {
    const found = rooms(panel);
    const moved = Object.entries(found).some(([place, width]) => Math.abs(width - (sent[place] ?? 0)) > 8);
    if (!moved) return; // the last said by this view: another view of the panel may say otherwise
    sent = { ...sent, ...found };
    model.set("rooms", sent);
    model.save_changes();
  };
  const watched = new WeakSet();
  const watch = (panel) => { // the places too: one tab may be as high as the one before it
    for (const { parentElement: place } of panel.querySelectorAll("img.kit-figure")) {
      if (!watched.has(place)) resized.observe(place);
      watched.add(place);
    }
  };
  const attached = requestAnimationFrame(() => {
    const panel = el.closest(".kit-panel");
    if (!panel) return;
    resized = new ResizeObserver(() => requestAnimationFrame(() => tell(panel)));
    resized.observe(panel);
    watch(panel);
    nameSliders(panel);
    pressed = (event) => keepKeys(panel, event);
    window.addEventListener("keydown", pressed, true); // before JupyterLab, which listens at the document
    changed = new MutationObserver(() => {
      watch(panel);
      nameSliders(panel);
    });
    changed.observe(panel, { childList: true, subtree: true });
  });
  return () => {
    cancelAnimationFrame(attached);
    resized?.disconnect();
    changed?.disconnect();
    window.removeEventListener("keydown", pressed, true);
  };
}

export default { render };
