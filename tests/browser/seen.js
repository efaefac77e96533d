// What a reader would stumble over in a panel: cut text, faint text, a control without a name, a sideways scroll.
(panel) => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const shown = (e) => {
    const box = e.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && getComputedStyle(e).visibility !== "hidden";
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
  const contrast = (e) => {
    const pair = [light(colour(getComputedStyle(e).color)), light(behind(e))].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  };
  const named = (e) =>
    e.getAttribute("aria-label") || (e.id && panel.querySelector(`label[for="${e.id}"]`)?.textContent) ||
    e.closest("label")?.textContent || e.textContent.trim() || e.title;
  const found = [];
  for (const e of panel.querySelectorAll("*:not(style):not(option)")) {
    if (!shown(e)) continue;
    const words = [...e.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const said = `${e.tagName}.${e.className} '${e.textContent.trim().slice(0, 30)}'`;
    const clipped = getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1;
    if (words && clipped && !e.title) found.push(`cut: ${said}`);
    if (words && !e.closest("[disabled]") && contrast(e) < 4.5) found.push(`faint ${contrast(e).toFixed(1)}: ${said}`);
    if (e.matches("input,select,textarea,button,[role=slider]") && !named(e)) found.push(`no name: ${said}`);
  }
  if (panel.scrollWidth > panel.clientWidth + 1) found.push(`wider than its cell: ${panel.scrollWidth}`);
  return [...new Set(found)];
}
