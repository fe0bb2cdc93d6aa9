"""The load generator, a process of its own: it sends what it is told for a while and prints what it saw as JSON.

    python -m benchmarks._petitions.load '{"port": 8000, …}'

Closed: each connection sends its next request when the answer is in. Open: requests leave on a schedule, whatever the
answers do, and a latency counts from the moment on the schedule. Only 127.0.0.1, only for the seconds asked.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode


@dataclass
class Flow:
    """Requests of one kind."""

    path: str
    connections: int
    kind: str = "json"  # json, form or get
    rate: float = 0.0  # a second, on a schedule; 0 is closed
    stamp: str = "a"  # makes addresses of this flow its own
    sent: int = 0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    idle: deque[Connection] = field(default_factory=deque)

    def request(self, port: int) -> bytes:
        self.sent += 1
        head = f"Host: 127.0.0.1:{port}\r\nAccept: application/json\r\n"
        if self.kind == "get":
            return f"GET {self.path} HTTP/1.1\r\n{head}\r\n".encode()
        n = self.sent
        fields: dict[str, Any] = {
            "first_name": "Sanne", "last_name": f"de Vries {n}", "email": f"s.{self.stamp}{n}@bench.example",
            "town": "Utrecht", "postcode": "3511 AB", "consent": "1", "updates": "1" if n % 2 else "0", "locale": "nl",
            "source": "newsletter",
        }  # fmt: skip
        if self.kind == "json":
            kind, body = "application/json", json.dumps(fields)
        else:
            kind, body = "application/x-www-form-urlencoded", urlencode(fields)
        return (
            f"POST {self.path} HTTP/1.1\r\n{head}Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


@dataclass(eq=False)
class Connection:
    flow: Flow
    port: int
    socket: socket.socket | None = None
    began: float = 0.0
    buffer: bytes = b""
    waiting: bytes = b""

    def open(self, selector: selectors.BaseSelector) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(self.socket, selectors.EVENT_READ, self)

    def send(self, selector: selectors.BaseSelector, began: float) -> None:
        self.began, self.buffer = began, b""
        self.waiting = self.flow.request(self.port)
        if self.socket is None:
            self.open(selector)
        assert self.socket is not None
        try:
            self.socket.sendall(self.waiting)
        except OSError:  # an idle connection that the server closed meanwhile
            self.reopen(selector)

    def reopen(self, selector: selectors.BaseSelector) -> None:
        self.close(selector)
        self.open(selector)
        assert self.socket is not None
        self.socket.sendall(self.waiting)

    def close(self, selector: selectors.BaseSelector) -> None:
        if self.socket is not None:
            selector.unregister(self.socket)
            self.socket.close()
            self.socket = None

    def read(self, selector: selectors.BaseSelector) -> str:
        """The status once the answer is whole, else ""."""
        assert self.socket is not None
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            is_idle = not self.waiting
            if is_idle or self.buffer:
                self.close(selector)
                return "" if is_idle else "broken"
            self.reopen(selector)
            return ""
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return ""
        lower = head.lower()
        at = lower.find(b"content-length:")
        length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(body) < length:
            return ""
        self.waiting = b""
        if b"connection: close" in lower:
            self.close(selector)
        return head[9:12].decode()


def run(port: int, flows: list[Flow], seconds: float, warm_up: float) -> dict[str, Any]:
    selector = selectors.DefaultSelector()
    begin = time.perf_counter()
    measured_from, until = begin + warm_up, begin + warm_up + seconds
    due: dict[int, int] = {}
    busy = 0
    for number, flow in enumerate(flows):
        for _ in range(flow.connections):
            connection = Connection(flow, port)
            if flow.rate:
                flow.idle.append(connection)
            else:
                connection.send(selector, time.perf_counter())
                busy += 1
        due[number] = 0
    late: deque[tuple[Flow, float]] = deque()
    while True:
        now = time.perf_counter()
        if now < until:
            for number, flow in enumerate(flows):
                while flow.rate and begin + due[number] / flow.rate <= now:
                    late.append((flow, begin + due[number] / flow.rate))
                    due[number] += 1
        kept: deque[tuple[Flow, float]] = deque()
        while late:
            flow, planned = late.popleft()
            if flow.idle:
                flow.idle.popleft().send(selector, planned)
                busy += 1
            else:
                kept.append((flow, planned))
        late = kept
        if now >= until and not busy and not late:
            break
        if now > until + 60:
            for flow in flows:
                flow.statuses["no answer"] = flow.statuses.get("no answer", 0) + 1
            break
        for key, _ in selector.select(0.001):
            connection = key.data
            status = connection.read(selector)
            if not status:
                continue
            now = time.perf_counter()
            flow = connection.flow
            flow.statuses[status] = flow.statuses.get(status, 0) + 1
            if measured_from <= now <= until or flow.rate:
                flow.latencies.append(now - connection.began)
            if flow.rate or now >= until:
                flow.idle.append(connection)
                busy -= 1
            else:
                connection.send(selector, now)
    return {"flows": [_told(flow, seconds) for flow in flows]}


def _told(flow: Flow, seconds: float) -> dict[str, Any]:
    ordered = sorted(flow.latencies)

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else 0.0

    return {
        "path": flow.path, "rate": len(ordered) / seconds, "p50": at(0.5), "p99": at(0.99), "most": at(1),
        "statuses": flow.statuses,
    }  # fmt: skip


def main() -> None:
    told = json.loads(sys.argv[1])
    flows = [Flow(**flow) for flow in told["flows"]]
    print(json.dumps(run(told["port"], flows, told["seconds"], told.get("warm_up", 0.0))))


if __name__ == "__main__":
    main()
