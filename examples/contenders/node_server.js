// One event loop: node node_server.js HOST:PORT. With --workers N, one in each of N processes, by Node's module cluster.
"use strict";

const cluster = require("node:cluster");
const net = require("node:net");
const { once } = require("node:events");
const { answer, failure, FRAME_MOST } = require("./service.js");

async function serve(socket) {
  let data = Buffer.alloc(0);
  for await (const piece of socket) {
    data = Buffer.concat([data, piece]);
    while (data.length >= 4) {
      const length = data.readUInt32LE();
      if (length > FRAME_MOST) {
        socket.end(failure("frame_too_large", `${length} bytes are over ${FRAME_MOST}`));
        await once(socket, "finish");
        return;
      }
      if (data.length < 4 + length) break;
      const reply = await answer(data.subarray(4, 4 + length));
      data = data.subarray(4 + length);
      if (!socket.write(reply)) await once(socket, "drain");
    }
  }
  socket.end();
}

function ready({ address, port }) {
  console.log(`listening on ${address}:${port}`);
}

const [host, port] = process.argv[2].split(/:(?=\d+$)/);
const flag = process.argv.lastIndexOf("--workers");
const workers = flag > 0 ? Number(process.argv[flag + 1]) : 0;

if (workers > 0 && cluster.isPrimary) {
  for (let i = 0; i < workers; i += 1) cluster.fork();
  cluster.once("listening", (_, address) => ready(address));
  cluster.on("exit", (_, code, signal) => {
    if (!signal) process.exit(1); // It could not start, for example because the address is in use.
    cluster.fork();
  });
} else {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    serve(socket).catch(() => socket.destroy());
  });
  server.listen({ host, port, backlog: 4096 }, () => {
    if (cluster.isPrimary) ready(server.address());
  });
}
