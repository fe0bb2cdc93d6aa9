"""Promise 12: ``kill -9`` of a worker that delivers mail loses nothing, and sends at most the mail in flight again."""

from __future__ import annotations

import os
import random
import time

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from supporters.mail.delivery.claiming import LEASE
from tests.cast import NOW
from tests.promises.mailer import empty_the_outbox
from tests.promises.test_kill import context
from tests.supporters.mail.post import Post, everything, free_port, queue, send, states

KILLS = int(os.environ.get("ACHTERBAN_KILLS", "5"))
COUNT = 400


def test_promise_12_a_worker_that_is_killed_loses_no_mail(fresh_engine: Engine) -> None:
    post, chance = Post(free_port()), random.Random(12)
    url = fresh_engine.url.render_as_string(hide_password=False)
    with Session(fresh_engine) as session:
        for number in range(COUNT):
            queue(session, number)
        session.commit()

    killed = 0
    processes = context()
    with post.open():
        for _ in range(10 * KILLS):
            if killed == KILLS:
                break
            before = len(post.arrived)
            child = processes.Process(target=empty_the_outbox, args=(url, post.port))
            child.start()
            while len(post.arrived) == before and child.is_alive():
                time.sleep(0.002)
            time.sleep(chance.uniform(0, 0.1))
            child.kill()
            child.join(20)
            killed += child.exitcode == -9
            assert states(fresh_engine)["sent"] <= len(post.ids), "called sent, and never came"
        assert killed >= KILLS
        assert states(fresh_engine)["queued"], "it was never killed halfway"
        send(fresh_engine, post, now=NOW + LEASE)

    assert states(fresh_engine) == {"sent": COUNT}
    assert set(post.recipients) == {f"n{number}@example.org" for number in range(COUNT)}
    assert len(post.ids) == COUNT
    # Each kill repeats at most the one in flight; two kills may catch the same one, for it is the first to go again.
    assert len(post.arrived) - COUNT <= killed
    assert "example.org" not in everything(fresh_engine)
