"""The kill program from its command line to its exit code, without any network."""

from pathlib import Path

import pytest

from engine.fake.trading.auth import TEST_KEY, TEST_SECRET
from engine.folder import DataFolder
from engine.kill import program
from engine.kill.rest import Send
from engine.model.errors import VenueUnreachable
from engine.venues.trading import HttpCall, HttpReply
from tests.unit.engine.kill.desk import KillDesk

LIVE = """\
[venues.binance_futures]
live = true
key_file = "KEY"
[endpoints.binance_futures]
rest = "http://127.0.0.1:1"
"""


class Venue:
    """Answers with nothing open."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_down = False
        self.is_refusing = False

    def network(self) -> Send:
        """Return the way there."""
        return self._send

    def _send(self, call: HttpCall) -> HttpReply:
        self.asked += 1
        headers = {"content-type": "application/json"}
        if self.is_down:
            raise VenueUnreachable("connection refused")
        if self.is_refusing:
            return HttpReply(401, headers, b'{"code":-2015,"msg":"no"}')
        return HttpReply(200, headers, b"[]")


class QuickClock:
    """Time that passes by sleeping."""

    def __init__(self) -> None:
        self.ns = 1_700_000_000_000_000_000

    def now_ns(self) -> int:
        """Return the time."""
        return self.ns

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.ns += int(seconds * 1e9)


@pytest.fixture
def venue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Venue:
    """Let nothing of this machine be read, and nobody be asked."""
    found = Venue()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(program, "network", found.network)
    monkeypatch.setattr(program, "SteadyClock", QuickClock)
    key = tmp_path / "key"
    key.write_text('key = "k"\nsecret = "s"\n')
    key.chmod(0o600)
    (tmp_path / "live.toml").write_text(LIVE.replace("KEY", str(key)))
    return found


def run(*arguments: str) -> int:
    return program.main(["--data-dir", "data", *arguments])


def test_a_kill_latches_first_and_verifies(venue: Venue, capsys: pytest.CaptureFixture[str]):
    assert run("--settings", "live.toml") == 0

    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("the kill latch is set: ")
    assert said[1] == "no engine runs here"
    assert said[2] == "binance_futures: cancelled 0, filled during the kill 0, left 0, VERIFIED"
    assert DataFolder(Path("data")).latch.exists()


def test_where_nothing_is_traded_live_latch_and_signal_are_all(
    venue: Venue, capsys: pytest.CaptureFixture[str]
):
    assert run() == 0

    assert venue.asked == 0
    assert "no venue is traded live" in capsys.readouterr().out
    assert DataFolder(Path("data")).latch.exists()


def test_a_latch_that_is_not_on_the_disk_is_said_and_the_venue_is_cleared_all_the_same(
    venue: Venue, capsys: pytest.CaptureFixture[str]
):
    Path("data").touch()

    assert run("--settings", "live.toml") == 1

    said = capsys.readouterr().out
    assert "NOT PERSISTED" in said
    assert "left 0, VERIFIED" in said


def test_a_venue_that_does_not_answer_is_given_up_only_if_that_is_asked(
    venue: Venue, capsys: pytest.CaptureFixture[str]
):
    venue.is_down = True

    assert run("--settings", "live.toml", "--within", "1m", "--flatten") == 1

    said = capsys.readouterr().out
    assert "NOT VERIFIED" in said
    assert "not flattened, because the kill is not verified" in said


def test_a_refused_key_has_a_code_of_its_own(venue: Venue):
    venue.is_refusing = True

    assert run("--settings", "live.toml", "--within", "10s") == 6


def test_flattening_what_is_not_held_is_done_at_once(
    venue: Venue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    Path("risk.toml").write_text("order_value_max = 5000\nprice_collar_share = 0.5")
    text = Path("live.toml").read_text()
    Path("live.toml").write_text('risk_file = "risk.toml"\n' + text)
    send = venue.network()

    def listing(call: HttpCall) -> HttpReply:
        reply = send(call)
        body = b'{"symbols":[]}' if "Info" in call.url else reply.body
        return HttpReply(200, reply.headers, body)

    monkeypatch.setattr(program, "network", lambda: listing)

    assert run("--settings", "live.toml", "--flatten") == 0
    assert "left: nothing" in capsys.readouterr().out


def test_after_a_flatten_what_protected_goes_too(
    venue: Venue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    desk = KillDesk()
    desk.holds()
    desk.client.place_algo("stop", "SELL", "STOP_MARKET", "90", reduceOnly="true")
    Path("key").write_text(f'key = "{TEST_KEY}"\nsecret = "{TEST_SECRET}"\n')
    monkeypatch.setattr(program, "network", lambda: desk.send)
    monkeypatch.setattr(program, "SteadyClock", lambda: desk.clock)

    assert run("--settings", "live.toml", "--flatten") == 0

    assert desk.open_names() == []
    first, last = (
        line for line in capsys.readouterr().out.splitlines() if line.endswith("left 0, VERIFIED")
    )
    assert "cancelled 0, filled during the kill 0" in first
    assert "cancelled 1, filled during the kill 0" in last


@pytest.mark.parametrize("broken", ["key", "settings", "note"])
def test_what_cannot_be_read_is_said_and_does_not_keep_the_latch_from_being_set(
    venue: Venue, broken: str, capsys: pytest.CaptureFixture[str]
):
    match broken:
        case "key":
            Path("key").chmod(0o644)
        case "settings":
            Path("live.toml").write_text("[")
        case _:
            Path("data").mkdir()
            DataFolder(Path("data")).live.write_text("[")

    assert run("--settings", "live.toml") == 2

    assert "PROBLEM: " in capsys.readouterr().out
    assert DataFolder(Path("data")).latch.exists()


def test_less_than_all_leaves_the_engine_alone(venue: Venue, capsys: pytest.CaptureFixture[str]):
    assert run("--settings", "live.toml", "--scope", "instrument:ABCUSDT") == 0
    assert run("--settings", "live.toml", "--scope", "venue:binance_futures") == 0

    assert not DataFolder(Path("data")).latch.exists()
    assert "it may order again" in capsys.readouterr().out


def test_a_silent_engine_is_killed_with_that_reason(
    venue: Venue, capsys: pytest.CaptureFixture[str]
):
    assert run("--settings", "live.toml", "--if-silent", "2m") == 0

    assert "for 120 s" in DataFolder(Path("data")).latch.read_text()


def test_a_heartbeat_that_is_a_folder_is_a_mistake(venue: Venue):
    assert run("--if-silent", "2m", "--heartbeat", ".") == 2
    assert not DataFolder(Path("data")).latch.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--scope", "venue:moon"],
        ["--scope", "strategy:x"],
        ["--scope", "instrument:"],
        ["--within", "0s"],
        ["--within", "5"],
        ["--heartbeat", "file"],
        ["--unknown"],
        ["word"],
    ],
)
def test_a_mistake_in_the_call_does_nothing(venue: Venue, arguments: list[str]):
    with pytest.raises(SystemExit) as ended:
        run(*arguments)

    assert ended.value.code == 2
    assert not DataFolder(Path("data")).latch.exists()


def test_who_interrupts_it_hears_how_it_stands(
    venue: Venue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def interrupted(worker: object, timeout: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("threading.Thread.join", interrupted)
    monkeypatch.setattr("threading.Thread.is_alive", lambda worker: True)
    venue.is_down = True

    assert run("--settings", "live.toml", "--within", "1m") == 1
    assert "interrupted" in capsys.readouterr().out


def test_who_interrupts_the_watch_ends_it(venue: Venue, monkeypatch: pytest.MonkeyPatch):
    def interrupted(clock: QuickClock, seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(QuickClock, "sleep", interrupted)

    assert run("--if-silent", "2m") == 1
