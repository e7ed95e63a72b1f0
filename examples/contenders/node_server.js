// One event loop: node node_server.js HOST:PORT. With --workers N, one in each of N processes, by Node's module cluster.
"use strict";

const cluster = require("node:cluster");
const net = require("node:net");
const { once } = require("node:events");
const { setTimeout: sleep } = require("node:timers/promises");

const FRAME_MOST = 1 << 20;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// The members of a JSON object as they are written: JSON.parse alone would change numbers that a double can't hold.
function members(text) {
  const found = Object.create(null);
  if (!/^\s*\{/.test(text) || !JSON.parse(text)) throw new TypeError("not an object");
  let [depth, key, start, before] = [0];
  for (const { 0: token, index } of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (depth === 1 && token === ":") [key, start] = [JSON.parse(before), index + 1];
    if (depth === 1 && start && /^[,}]$/.test(token)) found[key] = text.slice(start, index).trim();
    depth += /^[{[]$/.test(token) - /^[}\]]$/.test(token);
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
  for (const end = performance.now() + us / 1000; performance.now() < end; );
}

// It holds the loop, as a call of the file system without a callback does.
const block = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
const text = (length) => `"${"x".repeat(length)}"`;

async function work(params) {
  const { cpu_us = "0", wait_ms = "0", block: holds = "false", reply_bytes = "0", ...unknown } = members(params);
  const [cpu, wait, reply] = [whole(cpu_us, 1e7), whole(wait_ms, 6e4), whole(reply_bytes, FRAME_MOST - 64)];
  if (!/^(true|false)$/.test(holds) || Object.keys(unknown).length > 0) throw new TypeError("not true or false, or unknown");
  spin(cpu);
  await (holds === "true" ? block(wait) : wait > 0 && sleep(wait));
  return text(reply);
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
  const bytes = Buffer.from(`0000{"out":"${out}","result":${result}}`);
  bytes.writeUInt32LE(bytes.length - 4);
  return bytes;
}

const failure = (code, message) => frame("error", JSON.stringify({ code, message: message.slice(0, 200) }));

async function answer(body) {
  let code = "bad_request";
  try {
    const { in: name, params } = members(utf8.decode(body));
    const op = JSON.parse(name);
    if (typeof op !== "string" || params === undefined) throw new TypeError("in is no string, or params is missing");
    if (!operations.has(op)) return failure("unknown_operation", `there is no operation ${JSON.stringify(op)}`);
    code = "bad_params";
    const [out, run] = operations.get(op);
    return frame(out, await run(params));
  } catch (error) {
    return failure(code, error.message);
  }
}

async function serve(socket) {
  let data = Buffer.alloc(0);
  for await (const piece of socket) {
    data = Buffer.concat([data, piece]);
    while (data.length >= 4) {
      const length = data.readUInt32LE();
      if (length > FRAME_MOST) {
        return await once(socket.end(failure("frame_too_large", `${length} bytes are over ${FRAME_MOST}`)), "finish");
      }
      if (data.length < 4 + length) break;
      const reply = await answer(data.subarray(4, 4 + length));
      data = data.subarray(4 + length);
      if (!socket.write(reply)) await once(socket, "drain");
    }
  }
  socket.end();
}

const [host, port] = process.argv[2].split(/:(?=\d+$)/);
const workers = process.argv.includes("--workers") ? Number(process.argv.at(process.argv.lastIndexOf("--workers") + 1)) : 0;
const ready = ({ address, port }) => console.log(`listening on ${address}:${port}`);
if (workers > 0 && cluster.isPrimary) {
  for (let worker = 0; worker < workers; worker += 1) cluster.fork();
  cluster.once("listening", (_, address) => ready(address));
  cluster.on("exit", (_, code, signal) => (signal ? cluster.fork() : process.exit(1)));
} else {
  const options = { allowHalfOpen: true, noDelay: true };
  const server = net.createServer(options, (socket) => serve(socket).catch(() => socket.destroy()));
  server.listen({ host, port, backlog: 4096 }, () => cluster.isPrimary && ready(server.address()));
}
