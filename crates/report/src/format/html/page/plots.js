// Plots: a point shows its value under the pointer, and when it has the focus. The tab key stops once at each plot, and the
// arrow keys go from point to point.
{
  const tip = document.getElementById("tip");
  const show = (point) => {
    tip.textContent = point.dataset.label;
    tip.hidden = false;
    const at = (point.querySelector(".dot") ?? point).getBoundingClientRect();
    const left = at.left + at.width / 2 - tip.offsetWidth / 2;
    const above = at.top - tip.offsetHeight - 8;
    tip.style.left = `${Math.max(4, Math.min(left, document.documentElement.clientWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${above < 4 ? at.bottom + 8 : above}px`;
  };
  const hide = () => {
    tip.hidden = true;
  };
  for (const plot of all(".plot")) {
    const points = all(".point", plot);
    if (points.length === 0) continue;
    // As one picture it could have no parts that a screen reader names.
    plot.setAttribute("role", "group");
    for (const point of points) {
      point.setAttribute("role", "img");
      point.setAttribute("aria-label", point.dataset.label);
      point.addEventListener("pointerenter", () => show(point));
      point.addEventListener("pointerleave", hide);
      point.addEventListener("focus", () => show(point));
      point.addEventListener("blur", hide);
    }
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") {
        hide();
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
  // A point that has the focus is brought into view by scrolling, and its value goes with it.
  const follow = () => {
    const point = document.activeElement?.closest?.(".point");
    if (point) show(point);
    else hide();
  };
  addEventListener("scroll", follow, { passive: true, capture: true });
}
