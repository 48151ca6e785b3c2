"""Requests of the kill program: sent once, with an answer or the reason why there is none."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from msgspec.structs import replace

from engine.kill.rest import BODY_MAX, network
from engine.model.errors import VenueUnreachable
from engine.venues.trading import HttpCall, HttpReply
from tests.unit.engine.kill.desk import KillDesk


class Site(ThreadingHTTPServer):
    """A server that notes what it got and always answers the same."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str, str, str, bytes]] = []
        """Method, path, key and body of each request."""
        self.reply = HttpReply(200, {}, b"")

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Site

    def do_GET(self) -> None:
        """Answer."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        key = self.headers.get("X-KEY", "")
        self.server.got.append((self.command, self.path, key, body))
        reply = self.server.reply
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def do_POST(self) -> None:
        """Answer in the same way."""
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_request_leaves_once_and_its_answer_comes_back_as_it_is(site: Site):
    site.reply = HttpReply(503, {"X-Used-Weight": "7"}, b"down")

    reply = network()(HttpCall("POST", f"{site.url}/order?a=1", {"X-KEY": "k"}, b"b=2"))

    assert site.got == [("POST", "/order?a=1", "k", b"b=2")]
    assert (reply.status, reply.body, reply.headers["x-used-weight"]) == (503, b"down", "7")


def test_a_redirect_to_a_name_that_is_none_is_no_answer(site: Site):
    site.reply = HttpReply(302, {"location": "//xn--a"}, b"")

    with pytest.raises(VenueUnreachable, match="no answer"):
        network()(HttpCall("POST", f"{site.url}/order", {}))


def test_nobody_is_followed_elsewhere_with_a_signature(site: Site):
    site.reply = HttpReply(302, {"location": f"{site.url}/elsewhere"}, b"")

    reply = network()(HttpCall("GET", f"{site.url}/order", {}))

    assert reply.status == 302
    assert [path for _, path, _, _ in site.got] == ["/order"]


def test_an_answer_without_end_is_none(site: Site):
    site.reply = HttpReply(200, {}, bytes(BODY_MAX + 1))

    with pytest.raises(VenueUnreachable, match="above 16777216 bytes"):
        network()(HttpCall("GET", f"{site.url}/order", {}))

    site.reply = HttpReply(200, {}, bytes(BODY_MAX))
    assert len(network()(HttpCall("GET", f"{site.url}/order", {})).body) == BODY_MAX


def test_where_nobody_listens_there_is_no_answer():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/order"

        with pytest.raises(VenueUnreachable, match="no answer: "):
            network()(HttpCall("GET", url, {}))


def test_what_must_not_be_signed_never_leaves():
    desk = KillDesk()
    withdrawal = replace(desk.wire.survey()[0], path="/sapi/v1/capital/withdraw/apply")

    with pytest.raises(VenueUnreachable, match="nothing may be signed") as told:
        desk.rest.ask(withdrawal)

    assert not told.value.was_sent
    assert desk.sent == ["GET time"]
