"""Which requests the servers on loopback answer."""

import pytest
from emoflow.flows.guards import refusal


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:4200"},
        {"host": "localhost:7000"},
        {"host": "localhost"},
        {"host": "localhost:4200", "origin": "http://localhost:4200"},
    ],
)
def test_requests_for_this_machine_are_answered(headers):
    assert refusal(headers) is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": ""},
        {"host": "["},
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "evil.example@127.0.0.1", "origin": "http://evil.example"},
        {"host": "127.0.0.1:4200", "origin": "null"},
        {"host": "127.0.0.1:4200", "origin": "http://127.0.0.1:9999"},
        {"host": "127.0.0.1:4200", "origin": "http://localhost:4200"},
        {"host": "127.0.0.1:4200", "origin": "http://127.0.0.1:4200@evil.example"},
        {"host": "127.0.0.1:4200", "origin": "https://evil.example"},
    ],
)
def test_requests_for_another_host_or_of_another_page_are_refused(headers):
    assert refusal(headers)
