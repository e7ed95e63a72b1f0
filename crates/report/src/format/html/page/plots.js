// Plots: a point shows its value under the pointer, and when it has the focus. The tab key stops once at each plot, and the
// arrow keys go from point to point.
{
  const show = (point) => showTip(point.dataset.label, (point.querySelector(".dot") ?? point).getBoundingClientRect());
  for (const plot of all(".plot")) {
    const points = all(".point", plot);
    if (points.length === 0) continue;
    // As one picture it could have no parts that a screen reader names.
    plot.setAttribute("role", "group");
    for (const point of points) {
      point.setAttribute("role", "img");
      point.setAttribute("aria-label", point.dataset.label);
      point.addEventListener("pointerenter", () => show(point));
      point.addEventListener("pointerleave", hideTip);
      point.addEventListener("focus", () => show(point));
      point.addEventListener("blur", hideTip);
    }
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") {
        hideTip();
        document.activeElement.blur();
      }
      if (!step) return;
      event.preventDefault();
      const shown = points.filter((point) => !point.closest(".off"));
      const next = shown[shown.indexOf(event.target) + step];
      if (next) next.focus();
    });
    // If the first model is hidden, the tab key must find a point of another one.
    observers.push(() => {
      const first = points.find((point) => !point.closest(".off"));
      for (const point of points) point.setAttribute("tabindex", point === first ? "0" : "-1");
    });
  }
  followFocus(() => document.activeElement?.closest?.(".point"), show);
}
