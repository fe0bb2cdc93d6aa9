"""Stream a petition's export in a process of its own: when the first signature was there, how long it took, its memory."""

from __future__ import annotations

import json
import os
import resource
import sys
import time

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

import campaigns  # noqa: F401  (every model)
from campaigns.petitions.handover import export_csv
from campaigns.petitions.petition import Petition
from supporters import sealing
from supporters.sealing import Keyring


def main() -> None:
    engine = create_engine(os.environ["FLASK_SQLALCHEMY_DATABASE_URI"])
    ring = Keyring.read(os.environ["FLASK_SUPPORTERS_KEYS"], os.environ["FLASK_SUPPORTERS_PEPPER"])
    sealing.use(engine, ring)
    with Session(engine) as session:
        petition = Petition.by_slug(session, sys.argv[1])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begin = time.perf_counter()
        size, lines, first = 0, 0, 0.0
        for chunk in export_csv(session, petition):
            size += len(chunk)
            lines += chunk.count(b"\n")
            if not first and lines > 1:  # a signature, not only the heading
                first = time.perf_counter() - begin
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = {
        "first": first, "seconds": time.perf_counter() - begin, "bytes": size, "lines": lines, "before": before // 1024,
        "peak": peak // 1024,
    }  # fmt: skip
    print(json.dumps(told))


if __name__ == "__main__":
    main()
