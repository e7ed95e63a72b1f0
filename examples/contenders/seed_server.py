"""The server that this project began with: one thread serves one connection to its end, then the next.

    seed_server.py HOST:PORT [--one-write]

It is built as the article builds it (a loop that accepts, one that serves a connection, a table of handlers), in Python 3.
A reply leaves as there, in two writes and without TCP_NODELAY, which costs most clients 40 ms for each request;
--one-write puts an end to that.

What was a fault and no part of the model is mended: frames may come in pieces, what it can't answer gets an error, and a
peer that breaks off costs its own connection only. It prints nothing for a connection or a request, since that would be
measured as well.
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
                pass  # The peer has gone; the next one waits.


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
    """Exactly so many bytes, however they are cut; None if the connection ends before."""
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
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it as SIGTERM does, without a traceback.
    host, port = sys.argv[1].rsplit(":", 1)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, int(port)))
    listener.listen(4096)
    print("listening on %s:%d" % listener.getsockname(), flush=True)
    loop(listener, {"ping": ping})
