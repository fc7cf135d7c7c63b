"""How long /healthz takes to answer: URL SECONDS PAUSE_S. A part of service.py, in a process that does nothing else."""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import time
from urllib.parse import urlsplit


def main() -> None:
    url, seconds, pause_s = urlsplit(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    line = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
    taken: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        line.request("GET", "/healthz")
        line.getresponse().read()
        taken.append((time.perf_counter() - began) * 1000)
        time.sleep(pause_s)
    cuts = statistics.quantiles(taken, n=100)
    print(json.dumps({"p50": cuts[49], "p99": cuts[98], "most": max(taken), "asked": len(taken)}))


if __name__ == "__main__":
    main()
