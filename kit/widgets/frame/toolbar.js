// Buttons that copy a text or hand over a file: both need the page, the kernel may be far away.

// The handle of a slider has a role but no name: give it its label's, here, where every panel passes.
function nameSliders(el) {
  const panel = el.closest(".kit-panel");
  if (!panel) return null;
  const name = () => {
    for (const handle of panel.querySelectorAll(".widget-slider .noUi-handle:not([aria-label])")) {
      const label = handle.closest(".widget-slider").querySelector(".widget-label");
      if (label) handle.setAttribute("aria-label", label.title || label.textContent);
    }
  };
  name();
  const watch = new MutationObserver(name);
  watch.observe(panel, { childList: true, subtree: true });
  return watch;
}

function render({ model, el }) {
  el.classList.add("kit-tools");
  const said = document.createElement("span");
  said.className = "kit-said";
  said.setAttribute("role", "status");
  for (const { name, label, help } of model.get("actions")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.title = help;
    button.onclick = () => model.send({ action: name });
    el.append(button);
  }
  el.append(said);

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = "copied";
    } catch { // no permission, or a page without TLS: show it, selected
      const box = document.createElement("textarea");
      box.value = text;
      box.readOnly = true;
      box.setAttribute("aria-label", "Code to copy");
      said.replaceChildren(box);
      box.select();
    }
  }

  function save({ name, mime, base64 }) {
    const link = document.createElement("a");
    link.href = `data:${mime};base64,${base64}`;
    link.download = name;
    link.click();
    said.textContent = name;
  }

  const answer = (message) => (message.text === undefined ? save(message) : copy(message.text));
  model.on("msg:custom", answer);
  let watch = null;
  const attached = requestAnimationFrame(() => { watch = nameSliders(el); });
  return () => {
    cancelAnimationFrame(attached);
    watch?.disconnect();
    model.off("msg:custom", answer);
  };
}

export default { render };
