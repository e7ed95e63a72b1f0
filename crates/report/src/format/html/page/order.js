// The order of the models: by the weighted geometric mean of their ratios to the best of each workload. Neighbours whose
// intervals overlap are tied. It has no part of the page, so that it can be read and tested alone.

// `rows` is a list of { weight, cells }, and a row's `cells` has for each model { middle, low, high }, or null if it is not
// ranked there. Returns groups of models that are tied: [{ rank, models: [{ model, middle, low, high, missing }] }], where
// `missing` is the list of indices of rows in which the model is not ranked.
function order(rows, models) {
  const counted = rows.map((row, index) => ({ ...row, index })).filter(
    // A workload in which no model is ranked can't order them.
    (row) => row.weight > 0 && [...row.cells.values()].some((cell) => cell !== null),
  );
  if (counted.length === 0) return [];
  const scored = models.map((model) => score(model, counted));
  scored.sort((a, b) => a.lost - b.lost || a.middle - b.middle);
  const groups = [];
  let previous = null;
  scored.forEach((one, index) => {
    const isTied = previous !== null && one.lost === previous.lost && overlap(one, previous);
    if (isTied) groups.at(-1).models.push(one);
    else groups.push({ rank: index + 1, models: [one] });
    previous = one;
  });
  return groups;
}

function score(model, rows) {
  const missing = rows.filter((row) => row.cells.get(model) === null);
  const ranked = rows.filter((row) => row.cells.get(model) !== null);
  const sum = ranked.reduce((sum, row) => sum + row.weight, 0);
  const mean = (part) => {
    const logs = ranked.reduce((logs, row) => logs + row.weight * Math.log(row.cells.get(model)[part]), 0);
    return sum > 0 ? Math.exp(logs / sum) : Infinity;
  };
  return {
    model,
    middle: mean("middle"),
    low: mean("low"),
    high: mean("high"),
    missing: missing.map((row) => row.index),
    lost: missing.reduce((lost, row) => lost + row.weight, 0),
  };
}

const overlap = (a, b) => a.low <= b.high && b.low <= a.high;
