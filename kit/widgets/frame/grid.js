// A table that sorts, filters and tells what was clicked. Plain DOM: colours come from the page's theme.

const LOCALES = { plain: "en-US", indian: "en-IN", short: "en-IN" };
const ENDLESS = 1e308; // JSON knows no infinity
const SHORT = [[1e7, "Cr"], [1e5, "L"]];
const SLACK = 16; // pixels that a theme of other letters may need

function written(value, column, numbers) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value;
  if (Math.abs(value) >= ENDLESS) return value > 0 ? "∞" : "-∞";
  const options = {
    minimumFractionDigits: column.digits, maximumFractionDigits: column.digits,
    signDisplay: column.signed ? "exceptZero" : "auto",
    roundingMode: "halfEven", // as Python rounds: the same amount in words and in a table
  };
  value = Number(value.toFixed(6)); // no dust of binary fractions: 4687.4999999999 is half a rupee
  const unit = numbers === "short" && SHORT.find(([size]) => Math.abs(value) >= size);
  if (unit) return `${(value / unit[0]).toLocaleString("en-IN", { ...options, maximumFractionDigits: 2, minimumFractionDigits: 2 })} ${unit[1]}`;
  return value.toLocaleString(LOCALES[numbers], options);
}

function ordered(rows, at, down) {
  const rank = (value) => (value === null || value === undefined ? null : value);
  return rows.toSorted((one, other) => {
    const [a, b] = [rank(one.cells[at]), rank(other.cells[at])];
    if (a === null || b === null) return (a === null) - (b === null); // nothing stands last, either way
    const order = typeof a === "string" ? a.localeCompare(b) : a - b;
    return down ? -order : order;
  });
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined && value !== "") made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function render({ model, el }) {
  let seen = null;
  let offered = "";
  let [left, fitted] = [[], ""]; // columns for which there is no room, and what that was found for
  const filter = element("input", { type: "search", placeholder: "Filter rows", "aria-label": "Filter rows" });
  const count = element("span", { class: "kit-count", role: "status" });
  const heading = element("summary");
  const chooser = element("details", { class: "kit-columns" }, heading);
  const boxes = element("div");
  chooser.append(boxes);
  const bar = element("div", { class: "kit-bar" }, filter, chooser, count);
  const scroll = element("div", { class: "kit-scroll", tabindex: "0", role: "region", "aria-label": model.get("label") });
  el.classList.add("kit-grid");
  const title = model.get("titled") ? [element("h4", {}, model.get("label"))] : [];
  el.append(...title, ...(model.get("searchable") ? [bar] : []), scroll);

  const hidden = () => model.get("hidden") ?? left; // until somebody chooses, as many as fit
  const resized = new ResizeObserver(() => requestAnimationFrame(settle));
  const shown = () => model.get("columns").map((column, at) => ({ ...column, at })).filter((column) => !hidden().includes(column.title_all));

  function head(columns) {
    const top = element("tr");
    for (let at = 0; at < columns.length; ) {
      const group = columns[at].group || "";
      let span = 1;
      while (at + span < columns.length && (columns[at + span].group || "") === group) span += 1;
      top.append(element("th", { colspan: span, scope: group ? "colgroup" : undefined }, group));
      at += span;
    }
    const names = element("tr");
    const sort = model.get("sort");
    for (const column of columns) {
      const sorted = sort.at === column.at ? (sort.down ? "descending" : "ascending") : "none";
      const button = element("button", { type: "button", title: column.help }, column.title, element("small", {}, column.unit || ""));
      if (model.get("sortable")) button.onclick = () => press(column); else button.disabled = true;
      names.append(element("th", { scope: "col", class: kind(column), "aria-sort": sorted }, button));
    }
    return element("thead", {}, ...(columns.some((column) => column.group) ? [top] : []), names);
  }

  const kind = (column) => [column.key ? "kit-key" : "", column.text ? "kit-text" : ""].join(" ").trim();

  function press(column) {
    const sort = model.get("sort");
    model.set("sort", { at: column.at, down: sort.at === column.at ? !sort.down : !column.text });
    model.save_changes();
  }

  function row(data, columns, numbers) {
    const made = element("tr", { class: data.mark });
    if (data.mark === "kit-failed") { // why there are no figures, across the row
      const [name, told] = [data.cells[0], data.cells.at(-1)];
      made.append(element("th", { scope: "row", class: "kit-key kit-text" }, name));
      made.append(element("td", { class: "kit-told", colspan: columns.length - 1, title: told }, told));
      return made;
    }
    for (const column of columns) {
      const value = data.cells[column.at];
      const name = column.key ? "th" : "td";
      const marked = (data.inside || []).includes(column.group) ? "kit-inside" : "";
      const cell = element(name, { class: `${kind(column)} ${marked}`.trim(), scope: column.key ? "row" : undefined });
      const text = written(value, column, numbers);
      if (typeof value === "string" && value.length > 24) cell.title = value;
      if (model.get("clickable") && column.press && value !== null) cell.append(pressable(data, column, columns, text));
      else cell.textContent = text;
      made.append(cell);
    }
    return made;
  }

  function pressable(data, column, columns, text) { // a cell that does something
    const named = data.cells[columns.find((one) => one.key)?.at];
    const name = `${column.help || column.title_all}${column.key ? "" : ` ${named}`}: ${text}`;
    const button = element("button", { type: "button", tabindex: "-1", "aria-label": name, title: column.help });
    button.textContent = text;
    button.dataset.at = `${data.key} ${column.at}`;
    button.onclick = () => {
      model.set("clicked", { key: data.key, column: column.field, group: column.group || "", count: (model.get("clicked").count || 0) + 1 });
      model.save_changes();
    };
    return button;
  }

  function move(event) { // arrows go from button to button: Tab stops once per table
    const at = event.target.closest("tbody button");
    const ways = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (!at || !ways[event.key]) return;
    const rows = [...scroll.querySelectorAll("tbody tr")].map((one) => [...one.querySelectorAll("button")]);
    const row = rows.findIndex((one) => one.includes(at));
    const next = rows[row + ways[event.key][0]]?.[rows[row].indexOf(at) + ways[event.key][1]];
    event.preventDefault();
    event.stopPropagation();
    if (next) rest(next).focus();
  }

  function rest(button) { // where Tab comes in
    for (const one of scroll.querySelectorAll("tbody button[tabindex='0']")) one.tabIndex = -1;
    button.tabIndex = 0;
    return button;
  }

  function keepPlace(focused) {
    const buttons = [...scroll.querySelectorAll("tbody button")];
    const same = focused && buttons.find((one) => one.dataset.at === focused);
    if (buttons.length) rest(same || scroll.querySelector("tr.kit-middle button") || buttons[0]);
    if (same) same.focus({ preventScroll: true });
  }

  function fit() { // the last columns wait in the chooser where the table would have to be scrolled sideways
    const free = model.get("searchable") && model.get("hidden") === null && !model.get("columns").some((one) => one.group);
    const found = JSON.stringify([free, scroll.clientWidth, model.get("sort").at, model.get("columns").map((one) => one.title_all)]);
    const must = (column) => column.key || column.at === model.get("sort").at;
    if (found === fitted && (scroll.scrollWidth <= scroll.clientWidth || !free || shown().every(must))) return;
    if (left.length) { left = []; draw(); }
    fitted = found;
    if (!free || !scroll.clientWidth || scroll.scrollWidth <= scroll.clientWidth) return;
    const widths = [...scroll.querySelectorAll("thead tr:last-child th")].map((one) => one.offsetWidth);
    const every = shown();
    let room = scroll.clientWidth - SLACK - every.reduce((sum, column, at) => sum + (must(column) ? widths[at] : 0), 0);
    left = every.filter((column, at) => !must(column) && (room -= widths[at]) < 0).map((column) => column.title_all);
    draw();
  }

  function show() {
    draw();
    settle();
  }

  function settle() {
    fit();
    keepMiddle(scroll);
    const every = model.get("columns").length;
    heading.textContent = hidden().length ? `Columns (${shown().length} of ${every})` : "Columns";
    choose();
  }

  function draw() {
    const focused = scroll.contains(document.activeElement) ? document.activeElement.dataset.at : undefined;
    const [columns, numbers, sort] = [shown(), model.get("numbers"), model.get("sort")];
    el.style.display = model.get("columns").length ? "" : "none"; // nothing to show yet
    const words = filter.value.trim().toLowerCase();
    const all = model.get("rows");
    let rows = words ? all.filter((data) => data.cells.some((value) => String(value).toLowerCase().includes(words))) : all;
    if (sort.at !== undefined) rows = ordered(rows, sort.at, sort.down);
    const most = model.get("most");
    const body = rows.slice(0, most).map((data) => row(data, columns, numbers));
    const told = all.length ? "No row has these words." : "None yet.";
    const none = element("tfoot", {}, element("tr", {}, element("td", { class: "kit-told", colspan: columns.length }, told)));
    const table = element("table", { class: "kit-table", "aria-label": model.get("label") }, head(columns),
      element("tbody", {}, ...body), ...(rows.length ? [] : [none]));
    bar.style.display = all.length ? "" : "none"; // nothing to filter
    const [down, across] = [scroll.scrollTop, scroll.scrollLeft];
    scroll.replaceChildren(table);
    resized.disconnect();
    for (const one of [scroll, table]) resized.observe(one); // another theme has other letters
    [scroll.scrollTop, scroll.scrollLeft] = [down, across];
    count.textContent = words || rows.length > most ? `${Math.min(rows.length, most)} of ${all.length} rows` : "";
    keepMiddle(table);
    keepPlace(focused);
  }

  function keepMiddle(table) { // a new set of rows starts with the row at the money in sight
    const middle = table.querySelector("tr.kit-middle");
    const rows = `${model.get("rows").length} ${model.get("rows")[0]?.key}`;
    if (!middle || rows === seen || !scroll.clientHeight) return; // behind another tab it has no height yet
    seen = rows;
    requestAnimationFrame(() => { scroll.scrollTop = middle.offsetTop - scroll.clientHeight / 2; });
  }

  function choose() {
    const now = JSON.stringify([model.get("columns"), hidden()]);
    if (now === offered) return; // a box that was just ticked keeps the focus
    offered = now;
    boxes.replaceChildren(...model.get("columns").filter((column) => !column.key).map((column) => {
      const box = element("input", { type: "checkbox" });
      box.checked = !hidden().includes(column.title_all);
      box.onchange = () => {
        const away = new Set(hidden());
        if (box.checked) away.delete(column.title_all); else away.add(column.title_all);
        offered = JSON.stringify([model.get("columns"), [...away]]);
        model.set("hidden", [...away]);
        model.save_changes();
      };
      return element("label", {}, box, ` ${column.title_all}`);
    }));
  }

  filter.oninput = show;
  scroll.onkeydown = move;
  const watch = "change:rows change:columns change:numbers change:sort change:hidden";
  model.on(watch, show);
  show();
  return () => { model.off(watch, show); resized.disconnect(); };
}

export default { render };
