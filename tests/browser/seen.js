// What a reader would stumble over in a panel: cut, overlapping or faint text, a control without a name,
// a sideways scroll.
(panel) => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const shown = (e) => {
    const box = e.getBoundingClientRect();
    return e.checkVisibility() && box.width > 1 && box.height > 1 && getComputedStyle(e).visibility !== "hidden";
  };
  const colour = (css) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = css;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const behind = (e) => {
    const layers = [];
    for (let at = e; at; at = at.parentElement) {
      const layer = colour(getComputedStyle(at).backgroundColor);
      if (layer[3] > 0) layers.push(layer);
      if (layer[3] === 255) break;
    }
    return layers.reverse().reduce(
      (under, over) => under.map((v, i) => (over[i] * over[3]) / 255 + v * (1 - over[3] / 255)), [255, 255, 255],
    );
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.slice(0, 3).map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (e, part) => {
    const pair = [light(colour(getComputedStyle(e, part).color)), light(behind(e))].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  };
  const named = (e) =>
    e.getAttribute("aria-label") || (e.id && panel.querySelector(`label[for="${e.id}"]`)?.textContent) ||
    e.closest("label")?.textContent || e.textContent.trim() || e.title;
  const wide = (e, text) => {
    pen.font = getComputedStyle(e).font;
    return pen.measureText(text).width;
  };
  const inner = (e) => {
    const style = getComputedStyle(e);
    return e.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  };
  // What is left of a text's box inside everything that clips it, and whether a part of it can never be seen.
  const visible = (box, from) => {
    let { left, right, top, bottom } = box, cut = false;
    for (let at = from; at && at !== panel.parentElement; at = at.parentElement) {
      const style = getComputedStyle(at), edge = at.getBoundingClientRect();
      if (style.overflowX !== "visible") {
        cut ||= style.overflowX !== "auto" && style.overflowX !== "scroll" && (right > edge.right + 1 || left < edge.left - 1);
        [left, right] = [Math.max(left, edge.left), Math.min(right, edge.right)];
      }
      if (style.overflowY !== "visible") {
        cut ||= style.overflowY !== "auto" && style.overflowY !== "scroll" && bottom > edge.bottom + 3;
        [top, bottom] = [Math.max(top, edge.top), Math.min(bottom, edge.bottom)];
      }
    }
    return { left, right, top, bottom, cut };
  };
  const floats = (e) => {
    for (let at = e; at && at !== panel; at = at.parentElement)
      if (["sticky", "absolute", "fixed"].includes(getComputedStyle(at).position)) return true;
    return false;
  };

  const found = [], texts = [];
  for (const e of panel.querySelectorAll("*:not(style):not(option)")) {
    if (!shown(e)) continue;
    const nodes = [...e.childNodes].filter((node) => node.nodeType === 3 && node.textContent.trim());
    const said = `${e.tagName}.${e.className} '${(e.matches("input,select,textarea") ? e.value : e.textContent).trim().slice(0, 30)}'`;
    if (nodes.length && !e.closest("[disabled]") && contrast(e) < 4.5) found.push(`faint ${contrast(e).toFixed(1)}: ${said}`);
    if (e !== panel && !e.matches("img") && getComputedStyle(e).filter !== "none") found.push(`colours turned: ${said}`);
    if (e.matches("input,select,textarea,button,[role=slider]") && !named(e)) found.push(`no name: ${said}`);
    if (e.matches("input[type=text],input[type=search]") && !e.disabled) {
      if (wide(e, e.value || e.placeholder) > inner(e) + 1) found.push(`cut: ${said} ${e.placeholder}`);
      if (e.placeholder && contrast(e, "::placeholder") < 4.5) found.push(`faint placeholder: ${e.placeholder}`);
    }
    if (e.matches(".kit-scroll,.kit-wide") && e.scrollWidth > e.clientWidth + 1) found.push(`scrolls sideways: ${e.getAttribute("aria-label") ?? said}`);
    if (e.matches("select:not([multiple])") && wide(e, e.selectedOptions[0]?.textContent ?? "") > inner(e) - 14)
      found.push(`cut: ${said}`);
    const told = e.matches("td.kit-text") && e.title; // words in a table may be long: the pointer tells them whole
    for (const node of nodes) {
      const range = document.createRange();
      for (const { 0: figure, index } of node.textContent.matchAll(/(₹\s)?\d[\d,.]*(\s(%|ms|s|bps)(?!\w))?/g)) {
        range.setStart(node, index);
        range.setEnd(node, index + figure.length);
        const lines = new Set([...range.getClientRects()].filter((box) => box.width > 1).map((box) => Math.round(box.top)));
        if (lines.size > 1) found.push(`broken: ${figure} in ${said}`);
      }
      range.selectNodeContents(node);
      for (const box of range.getClientRects()) {
        const left = visible(box, e);
        if (left.cut && !told) found.push(`cut: ${said}`);
        if (left.right - left.left > 1 && left.bottom - left.top > 1 && !floats(e)) texts.push({ ...left, said, e });
      }
    }
  }
  texts.sort((a, b) => a.top - b.top);
  for (const [at, one] of texts.entries())
    for (let next = at + 1; next < texts.length && texts[next].top < one.bottom - 3; next += 1) {
      const other = texts[next];
      if (other.e === one.e || Math.min(one.right, other.right) - Math.max(one.left, other.left) < 2) continue;
      if (Math.min(one.bottom, other.bottom) - other.top > 3) found.push(`overlap: ${one.said} and ${other.said}`);
    }
  if (getComputedStyle(panel).filter !== "none") found.push("colours turned: the panel");
  if (panel.scrollWidth > panel.clientWidth + 1) found.push(`wider than its cell: ${panel.scrollWidth}`);
  return [...new Set(found)];
}
