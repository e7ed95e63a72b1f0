# The client of the original tutorial, in Python 3 instead of 2. It stays as fragile as it was: it sends a request in two
# writes, and expects the whole prefix and the whole body from one recv each.
#
#     client.py [HOST [PORT [PAUSE_S]]]

import json
import socket
import struct
import sys
import time


def rpc(sock, in_, params):
    request = json.dumps({"in": in_, "params": params}).encode()
    length_prefix = struct.pack("I", len(request))
    sock.sendall(length_prefix)
    sock.sendall(request)
    length_prefix = sock.recv(4)
    length, = struct.unpack("I", length_prefix)
    body = sock.recv(length)
    response = json.loads(body)
    return response["out"], response["result"]


if __name__ == "__main__":
    host = sys.argv[1] if len(sys.argv) > 1 else "localhost"
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 8080
    pause_s = float(sys.argv[3]) if len(sys.argv) > 3 else 1
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.connect((host, port))
    for i in range(10):
        out, result = rpc(s, "ping", "ireader %d" % i)
        print(out, result)
        time.sleep(pause_s)
    s.close()
