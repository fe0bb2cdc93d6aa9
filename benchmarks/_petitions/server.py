"""gunicorn for a while, with two workers on threads, and what its workers cost."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WORKERS, THREADS = 2, 24
ROOT = Path(__file__).parent.parent.parent


@contextmanager
def serving(module: str, environment: dict[str, str]) -> Iterator[Server]:
    """An application of this package, as ``module:factory``, behind gunicorn on a free port of 127.0.0.1, until the block ends."""
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        log = Path(folder) / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [
                    sys.executable, "-m", "gunicorn", "--workers", str(WORKERS), "--worker-class", "gthread",
                    "--threads", str(THREADS), "--preload", "--keep-alive", "30", "--timeout", "120", "--no-control-socket",
                    "--bind", f"127.0.0.1:{port}", f"benchmarks._petitions.{module}()",
                ],
                env=os.environ | environment | {"ACHTERBAN_INSTANCE": folder}, cwd=ROOT, stdout=out, stderr=out,
            )  # fmt: skip
        try:
            _wait(process, port, log)
            yield Server(port, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"gunicorn did not start:\n{log.read_text()[-3000:]}")


class Server:
    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid
        self._at_start = self._cpu()

    def cpu(self) -> float:
        """CPU seconds of its workers since it answered first."""
        return self._cpu() - self._at_start

    def _cpu(self) -> float:
        pids = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        ticks = 0
        for pid in pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def load(self, *flows: dict[str, Any], seconds: float, warm_up: float = 0.0) -> list[dict[str, Any]]:
        """What the load generator saw of each flow; see ``load.py``."""
        return self.wait(self.begin(*flows, seconds=seconds, warm_up=warm_up))

    def begin(self, *flows: dict[str, Any], seconds: float, warm_up: float = 0.0) -> subprocess.Popen[str]:
        told = {"port": self.port, "seconds": seconds, "warm_up": warm_up, "flows": flows}
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks._petitions.load", json.dumps(told)], cwd=ROOT, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    @staticmethod
    def wait(load: subprocess.Popen[str]) -> list[dict[str, Any]]:
        out, _ = load.communicate()
        if load.returncode:
            raise RuntimeError("the load generator failed")
        found: list[dict[str, Any]] = json.loads(out)["flows"]
        return found
