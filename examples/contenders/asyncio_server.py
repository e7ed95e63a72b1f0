"""One thread, a coroutine per connection, on the event loop of Python's standard library.

    asyncio_server.py HOST:PORT

A coroutine waits for its own connection only. A `sleep` delays the requests behind it on that connection, and no others.
"""

import asyncio
import json
import signal
import struct
import sys

FRAME_MOST_BYTES = 1 << 20
SLEEP_MOST_MS = 60_000


async def serve(reader, writer):
    # asyncio sets TCP_NODELAY.
    try:
        while True:
            (length,) = struct.unpack("<I", await reader.readexactly(4))
            if length > FRAME_MOST_BYTES:
                message = f"{length} bytes are over {FRAME_MOST_BYTES}"
                writer.write(frame("error", {"code": "frame_too_large", "message": message}))
                return
            out, result = await answer(await reader.readexactly(length))
            writer.write(frame(out, result))
            # Stop reading from a peer that does not read its replies.
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # The peer has gone, between frames or within a frame.
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
    """A reply as one buffer, so that it leaves in one write."""
    body = json.dumps({"out": out, "result": result}).encode()
    return struct.pack("<I", len(body)) + body


async def main(host, port):
    server = await asyncio.start_server(serve, host, port, backlog=4096)
    print("listening on %s:%d" % server.sockets[0].getsockname()[:2], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it like SIGTERM, without a traceback.
    host, port = sys.argv[1].rsplit(":", 1)
    asyncio.run(main(host, int(port)))
