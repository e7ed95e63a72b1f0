// Everything on the page is readable without these scripts. They add weights, filters, sorting and tooltips.
//
// What the reader sets is kept in the address, behind its #, so that a link has it:
// #w=waiting/sleep-10ms:5&models=a,b&at=experiment-waiting. A fragment without "=" is a place on the page, as in any page.
"use strict";

const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
const WEIGHT_MOST = 5;

const known = {
  workloads: new Set(all("[data-workload]").map((row) => row.dataset.workload)),
  models: new Set(all("#models input").map((box) => box.value)),
  experiments: new Set(all("#experiments input").map((box) => box.value)),
};
// Weights other than 1, and what is shown: null stands for all.
const state = { weights: new Map(), models: null, experiments: null };
const observers = [];

const weight = (workload) => state.weights.get(workload) ?? 1;
const isShown = (kind, name) => state[kind] === null || state[kind].has(name);

const encode = (text) => encodeURIComponent(text).replaceAll("%2F", "/");
const decode = (text) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
};

// A list of names. Names that are not on the page are ignored. A list of nothing else is no list.
function parseNames(text, names) {
  if (text === undefined) return null;
  if (text === "") return new Set();
  const found = new Set(text.split(",").map(decode).filter((name) => names.has(name)));
  return found.size === 0 || found.size === names.size ? null : found;
}

function parseWeights(text = "") {
  const weights = new Map();
  for (const part of text.split(",")) {
    const [, name, number] = /^(.*):(\d+)$/.exec(part) ?? [];
    const workload = name === undefined ? null : decode(name);
    if (!known.workloads.has(workload) || Number(number) > WEIGHT_MOST) continue;
    if (Number(number) === 1) weights.delete(workload);
    else weights.set(workload, Number(number));
  }
  return weights;
}

// Takes the state from the address and returns the place on the page that it names.
function readAddress() {
  const fragment = location.hash.slice(1);
  const parts = new Map(
    fragment.split("&").map((part) => {
      const at = part.indexOf("=");
      return at < 0 ? ["at", part] : [part.slice(0, at), part.slice(at + 1)];
    }),
  );
  state.weights = parseWeights(parts.get("w"));
  state.models = parseNames(parts.get("models"), known.models);
  state.experiments = parseNames(parts.get("experiments"), known.experiments);
  for (const observer of observers) observer();
  return decode(parts.get("at") ?? "");
}

function fragment(at) {
  const names = (set) => [...set].map(encode).join(",");
  const weights = [...state.weights].map(([workload, number]) => `${encode(workload)}:${number}`);
  const parts = [];
  if (weights.length > 0) parts.push(`w=${weights.join(",")}`);
  if (state.models !== null) parts.push(`models=${names(state.models)}`);
  if (state.experiments !== null) parts.push(`experiments=${names(state.experiments)}`);
  if (at) parts.push(parts.length > 0 ? `at=${encode(at)}` : encode(at));
  return parts.length > 0 ? `#${parts.join("&")}` : "";
}

// Puts the state into the address, as a step that the back button undoes.
function writeAddress(at) {
  const address = fragment(at);
  if (address === location.hash) return;
  try {
    history.pushState(null, "", address || location.pathname + location.search);
  } catch {
    // A browser may deny this to a file, but not another fragment.
    location.hash = address;
  }
}

// Changes the state: of a change that the reader made.
function change(make) {
  make();
  writeAddress();
  for (const observer of observers) observer();
}

// Shows or hides a model or an experiment. A set of all is null, so that a link shows what a later page adds.
function setShown(kind, names) {
  state[kind] = names.size === known[kind].size ? null : names;
}

function goTo(place) {
  const target = place && document.getElementById(place);
  if (!target) return;
  target.scrollIntoView();
  if (!target.hasAttribute("tabindex")) target.setAttribute("tabindex", "-1");
  target.focus({ preventScroll: true });
}
