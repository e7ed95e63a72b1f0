"""The server that this project began with: one thread serves one connection to its end, then the next.

    seed_server.py HOST:PORT [--one-write]

The structure is that of the article: a loop that accepts, a loop that serves a connection, a table of handlers. A reply
leaves in two writes without TCP_NODELAY, which costs most clients 40 ms per request. --one-write avoids that.

Faults that are not part of the model are repaired: frames may come in pieces, an unknown request gets an error, and a peer
that disconnects costs its own connection only. It prints nothing per connection or request, because that would be
measured too.
"""

import json
import signal
import socket
import struct
import sys

FRAME_MOST_BYTES = 1 << 20
ONE_WRITE = "--one-write" in sys.argv[2:]


def loop(listener, handlers):
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                serve(connection, handlers)
            except ConnectionError:
                pass  # The peer has gone; serve the next one.


def serve(connection, handlers):
    if ONE_WRITE:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while (prefix := receive(connection, 4)) is not None:
        (length,) = struct.unpack("<I", prefix)
        if length > FRAME_MOST_BYTES:
            fail(connection, "frame_too_large", f"{length} bytes are over {FRAME_MOST_BYTES}")
            return
        body = receive(connection, length)
        if body is None:
            return
        try:
            request = json.loads(body)
            operation, params = request["in"], request["params"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            fail(connection, "bad_request", repr(error))
            continue
        handler = handlers.get(operation) if isinstance(operation, str) else None
        if handler:
            handler(connection, params)
        else:
            fail(connection, "unknown_operation", f"there is no operation {operation!r}")


def receive(connection, count):
    """Exactly `count` bytes, in however many pieces; None if the connection ends first."""
    data = bytearray()
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            return None
        data += piece
    return bytes(data)


def ping(connection, params):
    send(connection, "pong", params)


def fail(connection, code, message):
    send(connection, "error", {"code": code, "message": message[:200]})


def send(connection, out, result):
    body = json.dumps({"out": out, "result": result}).encode()
    prefix = struct.pack("<I", len(body))
    if ONE_WRITE:
        connection.sendall(prefix + body)
    else:
        connection.sendall(prefix)
        connection.sendall(body)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it like SIGTERM, without a traceback.
    host, port = sys.argv[1].rsplit(":", 1)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, int(port)))
    listener.listen(4096)
    print("listening on %s:%d" % listener.getsockname(), flush=True)
    loop(listener, {"ping": ping})
