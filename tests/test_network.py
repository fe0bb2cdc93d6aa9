"""A test that reaches for another machine fails, whoever runs it and wherever."""

import socket

import pytest


def test_another_machine_cannot_be_reached() -> None:
    with pytest.raises(Exception, match="a test looked up"):
        socket.create_connection(("example.org", 80), timeout=1)
    for address in ("192.0.2.1", "2001:db8::1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as away, pytest.raises(Exception, match=f"a test connected to {address}"):
            away.connect((address, 80))


def test_this_machine_can() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=1).close()
