// Everything on the page is readable without this script. It adds switches, sorting and tooltips.
"use strict";

// Dark and light: as the system has it, until the reader switches.
{
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const showState = () => {
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to ${dark() ? "light" : "dark"} colours`);
  };
  // A browser may deny storage to a file. Then the choice lasts as long as the page.
  try {
    const kept = localStorage.getItem("theme");
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  } catch {}
  button.removeAttribute("aria-pressed");
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {}
    showState();
  });
  system.addEventListener("change", showState);
  showState();
}

// Models: each box shows or hides its model in all plots and tables.
{
  const controls = document.getElementById("models");
  const boxes = [...controls.querySelectorAll("input")];
  const parts = [...document.querySelectorAll("[data-series]")];
  const show = () => {
    const off = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
    for (const part of parts) part.classList.toggle("off", off.has(part.dataset.series));
  };
  controls.hidden = boxes.length === 0;
  controls.addEventListener("change", show);
  for (const button of controls.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      for (const box of boxes) box.checked = button.dataset.all === "on";
      show();
    });
  }
}

// Tables: a click on a heading sorts by it, a second click in reverse. Rows without a value stay at the end.
for (const table of document.querySelectorAll("table:not(.choices)")) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const key = (row) => {
      const cell = row.cells[column];
      if (column === 0) return cell.textContent;
      return cell && cell.dataset.value !== undefined ? Number(cell.dataset.value) : null;
    };
    heading.querySelector("button").addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].map((row) => [key(row), row]);
      rows.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        const order = column === 0 ? a.localeCompare(b) : a - b;
        return down ? -order : order;
      });
      body.append(...rows.map(([, row]) => row));
    });
  });
}

// Plots: a point shows its value under the pointer, and when it has the focus. The tab key stops once at each plot, and the
// arrow keys go from point to point.
{
  const tip = document.getElementById("tip");
  const show = (point) => {
    tip.textContent = point.dataset.label;
    tip.hidden = false;
    const at = point.querySelector(".dot").getBoundingClientRect();
    const left = at.left + at.width / 2 - tip.offsetWidth / 2;
    const above = at.top - tip.offsetHeight - 8;
    tip.style.left = `${Math.max(4, Math.min(left, document.documentElement.clientWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${above < 4 ? at.bottom + 8 : above}px`;
  };
  const hide = () => {
    tip.hidden = true;
  };
  for (const plot of document.querySelectorAll(".plot")) {
    const points = [...plot.querySelectorAll(".point")];
    points.forEach((point, index) => {
      point.setAttribute("tabindex", index === 0 ? "0" : "-1");
      point.addEventListener("pointerenter", () => show(point));
      point.addEventListener("pointerleave", hide);
      point.addEventListener("focus", () => show(point));
      point.addEventListener("blur", hide);
    });
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") hide();
      if (!step) return;
      event.preventDefault();
      const shown = points.filter((point) => !point.closest(".off"));
      const next = shown[shown.indexOf(event.target) + step];
      if (next) next.focus();
    });
    // If the first model is hidden, the tab key must find a point of another one.
    document.getElementById("models").addEventListener("change", () => {
      const first = points.find((point) => !point.closest(".off"));
      for (const point of points) point.setAttribute("tabindex", point === first ? "0" : "-1");
    });
  }
  addEventListener("scroll", hide, { passive: true });
}
