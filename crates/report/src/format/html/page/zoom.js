// Zoom: a picture of a trace with a longer time axis. Only places in time are stretched. Texts, numbers and arrow heads stay as
// they are, and so does the column of names on the left.

// Stretches a picture by a factor; 1 is the picture as the page came with it.
function zoomPicture(svg, factor) {
  const begin = Number(svg.dataset.x0);
  const [width, height] = ["width", "height"].map((name) => Number(svg.getAttribute(name)));
  const left = begin - begin / factor;
  svg.setAttribute("viewBox", `${left} 0 ${width - left} ${height}`);
  svg.setAttribute("preserveAspectRatio", factor === 1 ? "xMidYMid" : "none");
  svg.style.width = factor === 1 ? "" : `${(width - left) * factor}px`;
  svg.style.height = factor === 1 ? "" : `${height}px`;
  svg.classList.toggle("zoomed", factor > 1);
  const place = (part, at, to) =>
    factor === 1
      ? part.removeAttribute("transform")
      : part.setAttribute("transform", `translate(${to} 0) scale(${1 / factor} 1) translate(${-at} 0)`);
  for (const part of all("text:not(.number), .head, .kernel-wake", svg)) {
    const box = part.getBBox();
    // A text is placed by its x, which may be its beginning, its middle or its end.
    const at = part.localName === "text" ? Number(part.getAttribute("x")) : box.x + box.width / 2;
    place(part, at, at < begin ? left + at / factor : at);
  }
  for (const chip of all(".chip", svg)) {
    const number = chip.nextElementSibling;
    const at = Number(number.getAttribute("x"));
    const edge = nearestEdge(chip, number.textContent, at);
    for (const part of [chip, number]) place(part, at, edge + (at - edge) / factor);
  }
}

// The edge that the number of a request stands at: the beginning of what it stands in, or the end of what it stands beside.
function nearestEdge(chip, number, at) {
  const marks = all(`[data-request="${CSS.escape(number)}"]`, chip.closest("g[data-lane], g.request") ?? chip.parentElement);
  let [edge, nearest] = [at, Infinity];
  for (const mark of marks) {
    const { x, width } = mark.getBBox();
    const beside = Math.max(x - at, at - x - width, 0);
    if (beside < nearest) [edge, nearest] = [at > x + width ? x + width : x, beside];
  }
  return edge;
}
