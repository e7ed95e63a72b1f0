// The grid: weights of the workloads, and the order of the models that follows from them.
if (document.getElementById("workloads")) {
  const grid = document.getElementById("workloads");
  const table = grid.querySelector("table");
  const inputs = all("input[data-weight]");
  const list = document.getElementById("order");
  const status = document.getElementById("order-status");
  const heading = document.getElementById("order-title");
  const rows = all("tbody tr", table).map((row) => ({
    workload: row.dataset.workload,
    experiment: row.dataset.experiment,
    title: row.dataset.title,
    cells: new Map(all("td[data-series]", row).map((cell) => [cell.dataset.series, parseRatio(cell.dataset.ratio)])),
  }));
  // In the order of the run, which decides where nothing else does.
  const models = all("thead [data-series]", table)
    .sort((a, b) => a.dataset.column - b.dataset.column)
    .map((cell) => cell.dataset.series);

  function parseRatio(text) {
    if (!text) return null;
    const [middle, low, high] = text.split(" ").map(Number);
    return { middle, low, high };
  }

  function digits(ratio) {
    return ratio.toFixed(ratio < 9.995 ? 2 : ratio < 99.95 ? 1 : 0);
  }

  // An element with text or other elements in it. Names from outside are never markup.
  function element(name, className, ...inside) {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.append(...inside.filter((part) => part !== null));
    return made;
  }

  function swatch(model) {
    const found = all("thead [data-series]", table).find((cell) => cell.dataset.series === model);
    return found.querySelector(".swatch")?.cloneNode(true) ?? null;
  }

  // A score and its interval as a drawing, on a logarithmic scale from 1 to the highest end.
  function range(one, reach) {
    const place = (ratio) => Math.min(Math.max((Math.log(ratio) / Math.log(reach)) * 100, 0), 100);
    const [middle, low, high] = [one.middle, one.low, one.high].map(place);
    const interval = element("i");
    interval.setAttribute("style", `left:${low.toFixed(2)}%;width:${(high - low).toFixed(2)}%`);
    const point = element("b");
    point.setAttribute("style", `left:${middle.toFixed(2)}%`);
    const made = element("span", "range", interval, point);
    made.setAttribute("aria-hidden", "true");
    return made;
  }

  function entry(group, one, counted, reach) {
    const missing = one.missing.map((index) => rows[index].title).join("; ");
    const parts = [
      element("span", "rank", `${group.rank}.`),
      element("span", "name", swatch(one.model), one.model),
    ];
    if (Number.isFinite(one.middle)) {
      const score = element("b", "", `${digits(one.middle)} ×`);
      const interval = element("small", "", `${digits(one.low)}–${digits(one.high)}`);
      parts.push(range(one, reach), element("span", "score", score, " ", interval));
    }
    if (group.models.length > 1) parts.push(element("span", "tied-word", "tied"));
    if (missing) parts.push(element("small", "missing", `not ranked in ${one.missing.length} of ${counted}: ${missing}`));
    return element("li", "", ...parts);
  }

  function whyNone(shown, counted) {
    if (shown.length === 0) return "no model is shown";
    if (counted === 0) return "no workload has a weight";
    return "no model is ranked in these workloads";
  }

  function inWords(groups) {
    const names = groups.map((group) => {
      const tied = group.models.length > 1 ? " (tied)" : "";
      return `${group.rank}. ${group.models.map((one) => one.model).join(", ")}${tied}`;
    });
    return `Order: ${names.join("; ")}`;
  }

  function reorder(names) {
    const place = new Map(names.map((name, index) => [name, index]));
    for (const row of table.rows) {
      const cells = all("[data-series]", row);
      const sorted = [...cells].sort((a, b) => place.get(a.dataset.series) - place.get(b.dataset.series));
      if (sorted.some((cell, index) => cell !== cells[index])) row.append(...sorted);
    }
  }

  function show() {
    for (const input of inputs) {
      input.value = weight(input.dataset.weight);
      input.nextElementSibling.textContent = input.value;
      input.closest("tr").classList.toggle("ignored", input.value === "0");
    }
    const weighted = rows.map((row) => ({
      cells: row.cells,
      weight: isShown("experiments", row.experiment) ? weight(row.workload) : 0,
    }));
    const shown = models.filter((model) => isShown("models", model));
    const groups = order(weighted, shown);
    const counted = weighted.filter((row) => row.weight > 0).length;
    const isPlain = rows.every((row) => weight(row.workload) === 1);
    heading.textContent = isPlain ? "Order, all workloads alike" : "Order by your weights";
    document.getElementById("order-counted").textContent =
      groups.length > 0 ? `Counted: ${counted} of ${rows.length} workloads.` : "";
    const ends = groups.flatMap((group) => group.models.map((one) => one.high)).filter(Number.isFinite);
    const reach = Math.max(1.1, ...ends);
    list.replaceChildren(...groups.flatMap((group) => group.models.map((one) => entry(group, one, counted, reach))));
    if (groups.length === 0) list.append(element("li", "", `No order: ${whyNone(shown, counted)}.`));
    const ordered = groups.flatMap((group) => group.models.map((one) => one.model));
    reorder([...ordered, ...models.filter((model) => !ordered.includes(model))]);
    const words = groups.length > 0 ? inWords(groups) : "No order";
    if (status.textContent !== words) status.textContent = words;
    document.getElementById("reset").disabled = location.hash.length < 2;
  }

  for (const input of inputs) {
    const set = () => {
      if (input.value === "1") state.weights.delete(input.dataset.weight);
      else state.weights.set(input.dataset.weight, Number(input.value));
    };
    // While a slider moves, the order follows. The address follows when it is let go.
    input.addEventListener("input", () => {
      set();
      show();
    });
    input.addEventListener("change", () => change(set));
  }
  document.getElementById("reset").addEventListener("click", () =>
    change(() => {
      state.weights = new Map();
      state.models = null;
      state.experiments = null;
    }),
  );
  document.getElementById("no-weights").addEventListener("click", () =>
    change(() => {
      state.weights = new Map(rows.map((row) => [row.workload, 0]));
    }),
  );
  observers.push(show);
}

// A link to the page as it is set. Where the clipboard is denied, the link is shown to be copied by hand.
if (document.getElementById("copy")) {
  const button = document.getElementById("copy");
  const link = document.getElementById("link");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      button.textContent = "Link copied";
      setTimeout(() => (button.textContent = "Copy link"), 2000);
    } catch {
      link.hidden = false;
      link.value = location.href;
      link.focus();
      link.select();
    }
  });
  observers.push(() => (link.hidden = true));
}
