"""The example site beside the demo, where its folder is there: another origin, on which visitors sign."""

from __future__ import annotations

import sys
import threading
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from admin.demo.building import DEMO
from admin.demo.plan import NOW
from campaigns import Petition
from supporters.db import configure_sqlite

#: Only in a checkout; a wheel does not bring it.
FILE = Path(__file__).parents[2] / "examples" / "website" / "app.py"


def serve(uri: str, folder: Path, *, petitions_host: str, port: int, **settings: Any) -> str | None:
    """Serve the example site in a thread; the address of its petition, or None where there is none to show."""
    from werkzeug.serving import make_server

    home = f"http://127.0.0.1:{port}"
    slug = allow(uri, home) if FILE.exists() else None
    if slug is None:
        return None
    app = _load().create_app(
        SQLALCHEMY_DATABASE_URI=uri, SUPPORTERS_NOW=NOW.isoformat(), ADMIN_HTTPS=False, PETITIONS_HOST=petitions_host,
        SUPPORTERS_PUBLIC_URL=petitions_host, instance_path=str(folder), **settings,
    )  # fmt: skip
    try:
        server = make_server("127.0.0.1", port, app, threaded=True)
    except (OSError, SystemExit):  # somebody else listens there
        return None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"{home}/petition/{slug}"


def allow(uri: str, home: str) -> str | None:
    """Let the newest petition that can be signed be signed from ``home``; its slug."""
    engine: Any = create_engine(uri)
    configure_sqlite(engine)
    try:
        with Session(engine) as session:
            open_ones = session.scalars(select(Petition).where(Petition.state == "open").order_by(Petition.id.desc()))
            petition = next((one for one in open_ones if one.is_open(NOW)), None)
            if petition is None:
                return None
            if home not in petition.allowed_origins:
                petition.edit(
                    session, by=DEMO, now=NOW, allowed_origins=[*petition.allowed_origins, home],
                    return_urls=[*petition.return_urls, f"{home}/*"],
                )  # fmt: skip
                session.commit()
            return petition.slug
    finally:
        engine.dispose()


def _load() -> ModuleType:
    spec = spec_from_file_location("website", FILE)
    assert spec is not None and spec.loader is not None
    module = sys.modules["website"] = module_from_spec(spec)  # where Flask looks for its templates
    spec.loader.exec_module(module)
    return module
