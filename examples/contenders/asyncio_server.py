"""One thread, all connections: a coroutine for each, on the event loop of Python's standard library.

    asyncio_server.py HOST:PORT

A coroutine waits for its own connection only; a `sleep` holds up what stands behind it there, and nobody else.
"""

import asyncio
import json
import signal
import struct
import sys

FRAME_MOST_BYTES = 1 << 20
SLEEP_MOST_MS = 60_000


async def serve(reader, writer):
    # asyncio has set TCP_NODELAY by itself.
    try:
        while True:
            (length,) = struct.unpack("<I", await reader.readexactly(4))
            if length > FRAME_MOST_BYTES:
                message = f"{length} bytes are over {FRAME_MOST_BYTES}"
                writer.write(frame("error", {"code": "frame_too_large", "message": message}))
                return
            out, result = await answer(await reader.readexactly(length))
            writer.write(frame(out, result))
            # A peer that does not read its replies is not read from either.
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # The peer has gone, between frames or within one.
    finally:
        writer.close()


async def answer(body):
    try:
        request = json.loads(body)
        operation, params = request["in"], request["params"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return "error", {"code": "bad_request", "message": repr(error)[:200]}
    if operation == "ping":
        return "pong", params
    if operation == "sleep":
        if type(params) is not int or not 0 <= params <= SLEEP_MOST_MS:
            message = f"sleep takes a whole number of milliseconds from 0 to {SLEEP_MOST_MS}"
            return "error", {"code": "bad_params", "message": message}
        await asyncio.sleep(params / 1000)
        return "slept", params
    return "error", {"code": "unknown_operation", "message": f"there is no operation {operation!r}"[:200]}


def frame(out, result):
    """A reply in one piece, so that it leaves in one write."""
    body = json.dumps({"out": out, "result": result}).encode()
    return struct.pack("<I", len(body)) + body


async def main(host, port):
    server = await asyncio.start_server(serve, host, port, backlog=4096)
    print("listening on %s:%d" % server.sockets[0].getsockname()[:2], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it as SIGTERM does, without a traceback.
    host, port = sys.argv[1].rsplit(":", 1)
    asyncio.run(main(host, int(port)))
