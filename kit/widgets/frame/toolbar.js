// Buttons that copy a text or hand over a file: both need the page, the kernel may be far away.

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
  return () => model.off("msg:custom", answer);
}

export default { render };
