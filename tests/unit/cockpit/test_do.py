"""`cockpit do` against an engine of a few lines."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cockpit.do import Done, do_line, level_of
from engine.folder import DataFolder
from engine.model.commands import ClosePosition, EngageKill, OperatorCommand
from engine.model.errors import PortClosed
from engine.port import Command, Hello, Reply, ViewFrame, Watch, decode_client, encode_frame
from tests.fakes.port import EPOCH, a_welcome, accept
from tests.ui.market import Market

WAIT_S = 60


class TinyEngine:
    """Greets, sends views of a made-up market, and accepts what is confirmed."""

    def __init__(self, path: Path) -> None:
        self.commands: list[OperatorCommand] = []
        self._path = path
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        """Listen in a thread of its own."""
        self._thread.start()
        assert self._ready.wait(WAIT_S)

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)

    @property
    def meant(self) -> list[OperatorCommand]:
        """The commands that were not dry."""
        return [command for command in self.commands if not command.is_dry]

    def _run(self) -> None:
        server = self._loop.run_until_complete(
            asyncio.start_unix_server(self._on_client, self._path)
        )
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(self._hang_up())
        self._loop.close()

    async def _hang_up(self) -> None:
        clients = asyncio.all_tasks() - {asyncio.current_task()}
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        market = Market()
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(4), "big")
                match decode_client(await reader.readexactly(length)):
                    case Hello():
                        writer.write(encode_frame(a_welcome()))
                    case Watch() as watch:
                        for pane, view in market.views(watch).items():
                            writer.write(encode_frame(ViewFrame(pane, EPOCH, 1, 1, view)))
                    case Command(command):
                        self.commands.append(command)
                        outcome = accept(command)
                        is_accepted = outcome.verdict == "accepted"
                        reply = Reply(command.command_id, is_accepted, "", None, outcome)
                        writer.write(encode_frame(reply))
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()
            await writer.wait_closed()


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


@pytest.fixture
def engine(folder: DataFolder) -> Iterator[TinyEngine]:
    folder.make()
    tiny = TinyEngine(folder.socket)
    tiny.start()
    yield tiny
    tiny.stop()


def test_a_line_that_needs_nothing_is_carried_out(folder: DataFolder, engine: TinyEngine):
    done = do_line(folder, "disarm", None, as_json=False)

    assert done == Done("disarm\naccepted", 0)
    assert [command.line for command in engine.meant] == ["disarm"]


def test_a_line_that_asks_prints_its_plan_and_does_nothing(folder: DataFolder, engine: TinyEngine):
    done = do_line(folder, "sell 25% mkt reduce", None, as_json=False)

    assert done.exit_code == 2
    assert "sell 0.125 BTC-PERP mkt reduce" in done.text
    assert "1. SELL 0.125 BTC-PERP MKT RO · notional 32,105" in done.text
    assert "asks for --confirm 2" in done.text
    assert engine.meant == []


@pytest.mark.parametrize("confirm", ["1", "3", "C1", "yes", ""])
def test_another_level_than_the_one_asked_does_nothing(
    folder: DataFolder, engine: TinyEngine, confirm: str
):
    assert do_line(folder, "sell 25% mkt reduce", confirm, as_json=False).exit_code == 2
    assert engine.meant == []


@pytest.mark.parametrize(
    ("line", "confirm"), [("sell 25% mkt reduce", "C2"), ("buy 200 eth @ 3", "3")]
)
def test_the_level_asked_carries_it_out(
    folder: DataFolder, engine: TinyEngine, line: str, confirm: str
):
    done = do_line(folder, line, confirm, as_json=True)

    assert done.exit_code == 0
    assert json.loads(done.text)["verdict"] == "accepted"
    (sent,) = engine.meant
    assert sent.confirm == int(confirm[-1])
    assert sent.operator == "shell"
    assert sent.actions[0].book_seq == 0  # type: ignore[union-attr]  # it was read


def test_a_line_that_cannot_be_read_shows_its_caret(folder: DataFolder, engine: TinyEngine):
    done = do_line(folder, "buy 0,5 @ bid", None, as_json=False)
    as_json = do_line(folder, "buy 0,5 @ bid", None, as_json=True)

    assert done.exit_code == 2
    assert done.text.splitlines()[1].startswith(" " * 5 + "^ a comma")
    assert json.loads(as_json.text)["position"] == 5


def test_another_instrument_is_looked_at_for_its_prices(folder: DataFolder, engine: TinyEngine):
    done = do_line(folder, "buy 0.5 eth @ bid", "1", as_json=False)

    assert done.exit_code == 0
    assert engine.meant[0].actions[0].instrument_id.endswith("ETH-PERP")  # type: ignore[union-attr]  # it was read


def test_without_an_engine_there_is_a_sentence(folder: DataFolder):
    with pytest.raises(PortClosed, match="no engine answers"):
        do_line(folder, "disarm", None, as_json=False)


def test_levels_have_two_spellings():
    assert [level_of(text) for text in ("0", "C1", "c2", " 3 ", "4", "x", None)] == [
        0,
        1,
        2,
        3,
        None,
        None,
        None,
    ]


def test_after_a_kill_the_rest_of_the_line_is_asked_for_by_itself(
    folder: DataFolder, engine: TinyEngine
):
    asked = do_line(folder, "kill flatten", None, as_json=False)
    (killed,) = engine.meant
    assert EngageKill() in killed.actions
    assert (asked.exit_code, asked.text.splitlines()[0]) == (2, "killed; then flatten")

    done = do_line(folder, "kill flatten", "C2", as_json=False)
    flat = engine.meant[-1]
    assert (done.exit_code, flat.actions, flat.confirm) == (0, (ClosePosition(),), 2)
