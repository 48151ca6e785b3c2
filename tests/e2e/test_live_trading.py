"""The whole program trades live at the fake venue over real sockets, is killed, and goes on."""

import asyncio
import signal
from pathlib import Path

import pytest

from engine.fake.trading.auth import TEST_KEY, TEST_SECRET, KeyRights
from tests.e2e.engines import cockpit, until
from tests.e2e.live_site import ACCOUNT, VENUE, a_site

pytestmark = pytest.mark.slow


async def test_orders_are_placed_filled_kept_through_a_crash_and_canceled(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        await site.start()
        assert (await site.say("arm 1h")).code == 2
        await site.insist("arm 1h", "--confirm", ACCOUNT)
        await site.insist("buy 7 abc @ 99.5", "--confirm", "C1")
        await until(lambda: len(site.open_ids()) == 1, "an order that rests")
        await site.insist("buy 3 abc @ 101.0", "--confirm", "C1")
        await until(lambda: bool(site.exchange.account.trades), "a fill")
        said = await site.end(signal.SIGKILL)

        await site.start()
        await site.insist("arm 1h", "--confirm", ACCOUNT)
        (resting,) = site.open_ids()
        document = (
            await asyncio.to_thread(cockpit, "status", "--json", data_dir=site.data)
        ).document
        assert document["mode"] == "live"
        await site.insist("cancel all", "--confirm", "C2")
        await until(lambda: site.open_ids() == [], "the cancel")
        said += await site.end()

        journal = await asyncio.to_thread(cockpit, "journal", "show", "--json", data_dir=site.data)
        assert set(site.exchange.placed.values()) == {1}
        assert resting in journal.out
        assert journal.out.count('"OrderFilled"') >= 1
        written = b"".join(path.read_bytes() for path in site.data.rglob("*") if path.is_file())
        assert TEST_SECRET.encode() not in written + said.encode()
        assert TEST_KEY.encode() not in written + said.encode()


async def test_what_does_not_agree_is_refused_with_a_sentence(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.exchange.rights = KeyRights(may_withdraw=True)
        code, said = await site.refused()
        assert code == 2
        assert "--accept-withdraw-right" in said

        site.exchange.rights = KeyRights(may_trade=False)
        code, said = await site.refused("--accept-withdraw-right")
        assert code == 6
        assert "may not trade" in said

        site.exchange.rights = KeyRights(may_withdraw=True)
        await site.start("--accept-withdraw-right")
        other = ("--data-dir", str(tmp_path / "another"))
        code, said = await site.refused(*other)
        assert code == 3
        assert f"account {ACCOUNT} of {VENUE}" in said
        await site.end()


async def test_a_folder_that_traded_paper_is_not_taken_over_live(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        live = site.settings.read_text()
        site.settings.write_text(live.replace("live = true", "live = false"))
        code, said = await site.refused()
        assert code == 2
        assert f"`live = true` under [venues.{VENUE}]" in said

        site.settings.write_text(live.replace("risk_file", "# risk_file"))
        code, said = await site.refused()
        assert code == 2
        assert "risk_file" in said

        site.settings.write_text(live)
        await site.start(is_live=False)
        await site.end()
        code, said = await site.refused()
        assert code == 5
        assert f"{VENUE}/paper" in said
