// One bar per row, on a logarithmic axis of times the target. Colours come from the page's theme.

const BEST = 0.02, WORST = 5; // times the target; what lies beyond stands at the edge
const place = (times) => 100 * Math.min(1, Math.max(0, Math.log(times / BEST) / Math.log(WORST / BEST)));

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function track(row) {
  const made = element("span", { class: "kit-track" }, element("i", { class: "kit-goal", style: `left:${place(1)}%` }));
  if (row.at !== null) made.append(element("i", { class: `kit-share kit-${row.state}`, style: `width:${Math.max(0.5, place(row.at))}%` }));
  if (row.peer !== null) made.append(element("i", { class: "kit-peer", style: `left:${place(row.peer)}%` }));
  return made;
}

function render({ model, el }) {
  const list = element("div", { class: "kit-rows", role: "group", "aria-label": "Rows of the benchmark against their targets" });
  el.append(list);

  function line(row) {
    const told = `${row.name}: ${row.figure}, asked ${row.goal}, ${row.met}. ${row.beside && `Peer ${row.beside}. `}${row.help}`;
    const made = element("button", { class: "kit-row", type: "button", title: told, "aria-label": told, "aria-pressed": model.get("chosen") === row.name });
    made.append(element("span", { class: "kit-row-name" }, row.name), track(row),
      element("span", { class: "kit-row-figure" }, row.figure),
      element("span", { class: `kit-row-met kit-text-${row.state}` }, row.state === "missed" ? "✗ missed" : row.met === "yes" ? "✓ met" : row.met));
    made.addEventListener("click", () => { model.set("chosen", row.name); model.save_changes(); });
    return made;
  }

  function axis() {
    const marks = [[0.02, "50 × better"], [0.1, "10 ×"], [1, "target"], [5, "5 × worse"]];
    const scale = element("span", { class: "kit-track kit-scale" });
    for (const [times, words] of marks) scale.append(element("b", { style: `left:${place(times)}%` }, words));
    return element("div", { class: "kit-row kit-axis" }, element("span", { class: "kit-row-name" }, "│ target   ◆ peer"), scale, element("span"), element("span"));
  }

  function draw() {
    const rows = model.get("rows"), focused = document.activeElement?.title;
    if (!rows.length) return list.replaceChildren();
    const parts = [];
    for (const row of rows) {
      if (parts.at(-1)?.part !== row.part) parts.push({ part: row.part, rows: [] });
      parts.at(-1).rows.push(row);
    }
    list.replaceChildren(axis(), ...parts.flatMap(({ part, rows }) => [element("div", { class: "kit-part" }, part), ...rows.map(line)]));
    if (focused) [...list.querySelectorAll("button")].find((one) => one.title === focused)?.focus();
  }

  model.on("change:rows", draw);
  model.on("change:chosen", draw);
  draw();
}

export default { render };
