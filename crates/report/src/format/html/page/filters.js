// Filters: each box shows or hides a model or an experiment in the grid, plots, tables and contents.
{
  const filters = document.getElementById("filters");
  const parts = [
    ["models", "data-series", "off"],
    ["experiments", "data-experiment", "gone"],
  ].map(([kind, attribute, name]) => ({
    kind,
    name,
    boxes: all(`#${kind} input`),
    marked: all(`[${attribute}]`).map((part) => [part.getAttribute(attribute), part]),
  }));

  function show() {
    const words = [];
    for (const { kind, name, boxes, marked } of parts) {
      for (const [value, part] of marked) part.classList.toggle(name, !isShown(kind, value));
      for (const box of boxes) box.checked = isShown(kind, box.value);
      const shown = boxes.filter((box) => box.checked).length;
      if (shown < boxes.length) words.push(`${shown} of ${boxes.length} ${kind}`);
    }
    document.getElementById("filtered").textContent = words.length > 0 ? `: ${words.join(", ")}` : "";
  }

  for (const { kind, boxes } of parts) {
    const fieldset = document.getElementById(kind);
    if (!fieldset) continue;
    fieldset.addEventListener("change", () =>
      change(() => setShown(kind, new Set(boxes.filter((box) => box.checked).map((box) => box.value)))),
    );
    for (const button of all("button", fieldset)) {
      button.addEventListener("click", () =>
        change(() => setShown(kind, button.dataset.all === "on" ? new Set(known[kind]) : new Set())),
      );
    }
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !filters.open) return;
    filters.open = false;
    filters.querySelector("summary").focus();
  });
  document.addEventListener("click", (event) => {
    if (filters.open && !filters.contains(event.target)) filters.open = false;
  });
  observers.push(show);
}
