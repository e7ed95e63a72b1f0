#!/usr/bin/env python3
"""Measures one stalled server in a closed loop and in an open loop, and draws both latencies.

    cargo build --release --bins && python3 docs/stalled-server/measure.py
    python3 docs/stalled-server/measure.py --draw        # only draws, from the results in this folder

Each load has a warm-up of 1 s and a window of 5 s. 2 s into the window the server gets SIGSTOP, and 0.5 s later SIGCONT.
Needs Linux and Python 3. docs/method/load-generator.md explains the result.
"""
import base64, json, os, pathlib, shlex, signal, struct, subprocess, sys, time, zlib

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = HERE.parent.parent / "target" / "release"
LOADS = {
    "closed": "--connections 1 --duration 5s --timeout 3s",
    "open": "--rate 1000 --connections 1 --duration 5s --timeout 3s",
}


def measure(name, flags):
    """A fresh server on the first CPU, the load on the last."""
    cpus = sorted(os.sched_getaffinity(0))
    server = subprocess.Popen(
        ["taskset", "-c", str(cpus[0]), PROGRAMS / "server-async", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().split()[-1]
        command = [PROGRAMS / "loadgen", "run", "--connect", address, *shlex.split(flags), "--cpus", str(cpus[-1]),
                   "--json", HERE / f"{name}.json", "--hdr", HERE / f"{name}.hlog"]
        load = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        time.sleep(3)
        server.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        server.send_signal(signal.SIGCONT)
        page, _ = load.communicate(timeout=30)
        print(f"$ loadgen run --connect {address} {flags}\n{page}")
    finally:
        server.kill()
        server.wait()


def latencies(name):
    """The latency of every request in ms, in order, from the interval log (HdrHistogram V2: zigzag LEB128, deflated)."""
    found = []
    for line in (HERE / f"{name}.hlog").read_text().splitlines():
        # The lines of the other two times have a tag.
        if line.startswith(("#", '"', "Tag=")) or not line:
            continue
        outer = base64.b64decode(line.split(",")[-1])
        inner = zlib.decompress(outer[8:])
        _, length, _, digits, _, _, _ = struct.unpack(">iiiiqqd", inner[:40])
        bits = (2 * 10**digits - 1).bit_length()
        half = 1 << (bits - 1)
        index, place, end = 0, 40, 40 + length
        while place < end:
            value, shift = 0, 0
            while True:
                byte = inner[place]
                place += 1
                last = shift == 56
                value |= (byte if last else byte & 0x7F) << shift
                if last or byte < 0x80:
                    break
                shift += 7
            count = (value >> 1) ^ -(value & 1)
            if count < 0:
                index -= count
                continue
            bucket = (index >> (bits - 1)) - 1
            low = index if bucket < 0 else ((index & (half - 1)) + half) << bucket
            width = 1 << max(bucket, 0)
            found += [(low + width / 2) / 1e6] * count
            index += 1
    return sorted(found)


def chart(samples):
    """Latency over percentiles, both on scales of powers of ten."""
    left, top, width, height = 70, 30, 560, 300
    from math import log10
    x = lambda beyond: left + width * -log10(beyond) / 4
    y = lambda ms: top + height * (1 - (log10(ms) + 2) / 5)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 30} {top + height + 60}" '
        'font-family="sans-serif" font-size="12">',
        "<!-- Made by docs/stalled-server/measure.py from closed.hlog and open.hlog beside it. -->",
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for power in range(-2, 4):
        text = ["10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s"][power + 2]
        out.append(f'<path d="M{left} {y(10.0**power):.1f}h{width}" stroke="#ddd"/>'
                   f'<text x="{left - 8}" y="{y(10.0**power) + 4:.1f}" text-anchor="end">{text}</text>')
    for power, text in enumerate(["least", "p90", "p99", "p99.9", "p99.99"]):
        out.append(f'<path d="M{x(10.0**-power):.1f} {top}v{height}" stroke="#ddd"/>'
                   f'<text x="{x(10.0**-power):.1f}" y="{top + height + 18}" text-anchor="middle">{text}</text>')
    for name, colour in [("open", "#c0392b"), ("closed", "#2060a0")]:
        values = samples[name]
        points = []
        for step in range(0, 401):
            beyond = 10 ** (-step / 100)
            # At least ten samples must lie beyond.
            if beyond * len(values) < 10:
                break
            value = values[min(len(values) - 1, int(len(values) * (1 - beyond)))]
            points.append(f"{x(beyond):.1f},{y(value):.1f}")
        out.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        end_x, end_y = map(float, points[-1].split(","))
        out.append(f'<text x="{end_x - 6:.1f}" y="{end_y - 10:.1f}" text-anchor="end" fill="{colour}">{name} loop</text>')
    out.append(f'<text x="{left}" y="{top + height + 44}">Latency by percentile, each as far as ten samples lie beyond: '
               'the same server, stopped once for 500 ms of 5 s</text></svg>')
    (HERE / "chart.svg").write_text("\n".join(out) + "\n")


if "--draw" not in sys.argv:
    for name, flags in LOADS.items():
        measure(name, flags)
samples = {name: latencies(name) for name in LOADS}
chart(samples)
for name, values in samples.items():
    slow = sum(value > 10 for value in values)
    report = json.loads((HERE / f"{name}.json").read_text())
    assert len(values) == report["latency_us"]["count"], "the log and the result differ"
    print(f"{name}: {len(values)} requests, of which {slow} took longer than 10 ms")
