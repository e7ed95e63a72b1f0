// What each operation does, in JavaScript. The server is in node_server.js.
"use strict";

const { setTimeout: sleep } = require("node:timers/promises");

const FRAME_MOST = 1 << 20;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// The members of a JSON object as they are written: JSON.parse alone would change numbers that a double can't hold.
function members(text) {
  JSON.parse(text); // It throws if this is no JSON, so that what follows need not check it.
  if (!/^\s*\{/.test(text)) throw new TypeError("not an object");
  const found = Object.create(null);
  let depth = 0;
  let key, start, before;
  for (const { 0: token, index } of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (depth === 1 && token === ":") {
      key = JSON.parse(before);
      start = index + 1;
    } else if (depth === 1 && (token === "," || (token === "}" && start))) {
      found[key] = text.slice(start, index).trim();
    }
    if (token === "{" || token === "[") depth += 1;
    if (token === "}" || token === "]") depth -= 1;
    before = token;
  }
  return found;
}

function whole(text, most) {
  if (!/^\d+$/.test(text) || Number(text) > most) throw new RangeError(`not a whole number from 0 to ${most}`);
  return Number(text);
}

function pi(terms) {
  let sum = 0;
  for (let i = 0; i <= terms; i += 1) sum += 1 / (2 * i + 1) ** 2;
  return Math.sqrt(8 * sum);
}

function spin(us) {
  const end = performance.now() + us / 1000;
  while (performance.now() < end);
}

// It holds the loop, as a call of the file system without a callback does.
const block = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
const text = (length) => `"${"x".repeat(length)}"`;

async function work(params) {
  const { cpu_us = "0", wait_ms = "0", block: holds = "false", reply_bytes = "0", ...unknown } = members(params);
  if (Object.keys(unknown).length > 0) throw new TypeError("a key is unknown");
  if (holds !== "true" && holds !== "false") throw new TypeError("block is neither true nor false");
  const [cpu, wait, length] = [whole(cpu_us, 1e7), whole(wait_ms, 6e4), whole(reply_bytes, FRAME_MOST - 64)];
  spin(cpu);
  if (holds === "true") block(wait);
  else if (wait > 0) await sleep(wait);
  return text(length);
}

const operations = new Map([
  ["ping", ["pong", (params) => params]],
  ["pi", ["pi_r", (params) => pi(whole(params, 1e7))]],
  ["spin", ["spun", (params) => (spin(whole(params, 1e7)), params)]],
  ["sleep", ["slept", (params) => sleep(whole(params, 6e4), params)]],
  ["block", ["blocked", (params) => (block(whole(params, 6e4)), params)]],
  ["blob", ["blob", (params) => text(whole(params, FRAME_MOST - 64))]],
  ["work", ["worked", work]],
]);

function frame(out, result) {
  const body = `{"out":"${out}","result":${result}}`;
  const length = Buffer.byteLength(body);
  const bytes = Buffer.allocUnsafe(4 + length);
  bytes.writeUInt32LE(length);
  bytes.write(body, 4);
  return bytes;
}

const failure = (code, message) => frame("error", JSON.stringify({ code, message: message.slice(0, 200) }));

async function answer(body) {
  let code = "bad_request";
  try {
    const { in: name, params } = members(utf8.decode(body));
    const op = name && JSON.parse(name);
    if (typeof op !== "string" || params === undefined) throw new TypeError("in is no string, or params is missing");
    if (!operations.has(op)) return failure("unknown_operation", `there is no operation ${JSON.stringify(op)}`);
    code = "bad_params";
    const [out, run] = operations.get(op);
    return frame(out, await run(params));
  } catch (error) {
    return failure(code, error.message);
  }
}

module.exports = { answer, failure, FRAME_MOST };
