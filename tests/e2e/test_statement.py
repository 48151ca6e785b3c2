"""`cockpit journal statement` of a program that trades live at the fake venue over sockets."""

import asyncio
import csv
import json
import stat
import time
from decimal import Decimal
from pathlib import Path

import pytest

from engine.fake.trading.auth import TEST_SECRET
from engine.fake.trading.hands import Hands
from engine.runtime.statement_report import day_text
from tests.e2e.engines import Finished, cockpit, until
from tests.e2e.live_site import ACCOUNT, SYMBOL, Site, a_site

pytestmark = pytest.mark.slow

DAY_MS = 86_400_000


def days(site: Site) -> list[str]:
    """Return the days on which money moved at the venue: two where midnight came meanwhile."""
    moved = site.exchange.account.income
    return [day_text(day) for day in dict.fromkeys(one.time_ms // DAY_MS for one in moved)]


async def told(site: Site, day: str, *flags: str) -> Finished:
    """Ask for the statement of a day, compared with the venue."""
    flags = ("--day", day, "--against-venue", "--settings", str(site.settings), *flags)
    return await asyncio.to_thread(cockpit, "journal", "statement", *flags, data_dir=site.data)


async def test_a_day_is_told_beside_the_venues_own_history(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        await site.start()
        await site.insist("arm 1h", "--confirm", ACCOUNT)
        await site.insist("buy 3 abc @ 101.0", "--confirm", "C1")
        await until(lambda: len(site.exchange.account.trades) >= 1, "the fill")
        await until(lambda: not site.open_ids(), "nothing rests")
        await site.insist("flatten", "--confirm", "C2")
        await until(lambda: not site.exchange.account.position(SYMBOL).qty, "the way out")
        await site.end()

        for day in days(site):
            equal = await told(site, day, "--csv", str(tmp_path / "csv"))
            assert equal.code == 0, equal.out + equal.err
            assert "equal to the venue's history to the last digit" in equal.out
            assert TEST_SECRET not in equal.out + equal.err
        Hands(site.exchange).transfer(Decimal("12.5"), time.time_ns())
        other = await told(site, days(site)[-1], "--json")

        fills = sorted((tmp_path / "csv").glob("fills-*.csv"))
        rows = [row for path in fills for row in csv.DictReader(path.read_text().splitlines())]
        trades = site.exchange.account.trades
        assert [row["trade_id"] for row in rows] == [str(one.trade_id) for one in trades]
        assert [Decimal(row["realised"]) for row in rows] == [one.realized for one in trades]
        assert {stat.S_IMODE(path.stat().st_mode) for path in fills} == {0o600}
        assert other.code == 1
        said = json.loads(other.out)["differences"]
        assert [one.partition(":")[0].split()[0] for one in said] == ["transfer", "cash"]
        assert TEST_SECRET not in other.out + other.err


def test_without_a_journal_there_is_a_statement_of_nothing(tmp_path: Path) -> None:
    done = cockpit("journal", "statement", "--day", "2026-01-31", data_dir=tmp_path)

    assert done.code == 0
    assert done.out.startswith("2026-01-31 UTC, no journal yet")


def test_what_is_no_day_is_a_mistake_in_the_call(tmp_path: Path) -> None:
    done = cockpit("journal", "statement", "--day", "yesterday", data_dir=tmp_path)

    assert done.code == 2
    assert "no day such as 2026-01-31" in done.err


def test_a_venue_that_keeps_no_account_cannot_be_asked(tmp_path: Path) -> None:
    flags = ("--against-venue", "--venue", "simulated")

    done = cockpit("journal", "statement", *flags, data_dir=tmp_path)

    assert done.code == 2
    assert "simulated keeps no account that could be asked" in done.err
