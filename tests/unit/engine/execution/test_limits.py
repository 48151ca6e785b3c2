"""Limits: where they come from, and what a risk file must not say."""

from decimal import Decimal
from importlib.resources import files

import msgspec
import pytest

from engine.execution.limits import (
    LIMITS,
    RiskLimits,
    file_hash,
    is_looser,
    limit_named,
    limits_from_toml,
    overridden,
    override_problem,
    paper_limits,
    toml_text,
)
from engine.model.errors import ConfigError

PAPER = toml_text(paper_limits())


def shipped(name: str) -> str:
    return files("engine.execution").joinpath(name).read_text("utf-8")


def with_line(name: str, value: str) -> str:
    """Return the paper file with another value."""
    lines = [
        f"{name} = {value}" if line.startswith(f"{name} =") else line for line in PAPER.splitlines()
    ]
    return "\n".join(lines)


def problem(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        limits_from_toml(text)
    return str(caught.value)


def test_every_limit_has_its_meaning_and_no_other_has():
    names = [limit.name for limit in LIMITS]

    assert names == [name for name in RiskLimits.__struct_fields__ if name != "file_hash"]


def test_the_paper_limits_can_be_copied():
    assert limits_from_toml(PAPER) == paper_limits()
    assert shipped("risk.paper.toml") == PAPER


def test_the_limits_to_begin_with_live_are_small_ones():
    limits, paper = limits_from_toml(shipped("risk.live.toml")), paper_limits()

    assert limits.gross_value_max <= 4 * limits.order_value_max
    assert limits.daily_loss_share_max < paper.daily_loss_share_max
    assert (limits.free_margin_share_min, limits.liquidation_distance_share_min) == (
        paper.free_margin_share_min,
        paper.liquidation_distance_share_min,
    )


def test_the_limits_of_the_predecessor_are_shipped():
    limits = limits_from_toml(shipped("risk.predecessor.toml"))

    assert [limits.order_value_min, limits.order_value_max] == [50, 100_000]
    assert [limits.position_value_max, limits.leverage_max] == [1_000_000, 5]
    assert (limits.cooldown_s, limits.orders_per_day_max) == (300, 10)
    assert limits.daily_loss_share_max == Decimal("0.05")
    assert limits.failures_max == 5
    assert limits.denied == ("XPL", "ASTER", "FARTCOIN", "PENGU", "CRV", "SUI")


def test_paper_limits_grow_with_the_equity():
    assert paper_limits(Decimal(100_000)).order_value_max == 35_000
    assert paper_limits(Decimal(200_000)).order_value_max == 70_000


def test_a_file_is_known_by_its_hash():
    limits = limits_from_toml(PAPER + "# mine\n")

    assert limits.file_hash == file_hash(PAPER + "# mine\n") != paper_limits().file_hash
    assert len(limits.file_hash) == 64


def test_a_missing_limit_is_named():
    text = "\n".join(line for line in PAPER.splitlines() if not line.startswith("leverage_max"))

    assert problem(text) == "risk file: leverage_max is missing (gross over equity)"


def test_an_unknown_key_is_named_with_its_neighbour():
    assert "unknown limit 'order_value_maks'; did you mean order_value_max?" in problem(
        PAPER + "order_value_maks = 5\n"
    )
    assert problem(PAPER + "zzzzzz = 5\n") == "risk file: unknown limit 'zzzzzz'"


def test_all_problems_are_told_at_once():
    text = with_line("leverage_max", "-1") + "\nfoo_bar_baz = 1\n"

    assert problem(text).count(";") >= 1


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("order_value_max", "-1", "order_value_max = -1: has to lie between 0 and"),
        ("order_value_max", "nan", "order_value_max = nan: needs a plain number"),
        ("order_value_max", "inf", "order_value_max = inf: needs a plain number"),
        ("order_value_max", "1e5", "order_value_max = 1e5: needs a plain number"),
        ("order_value_max", "-1.5", "order_value_max = -1.5: needs a plain number"),
        ("order_value_max", "true", "order_value_max = True: needs a plain number"),
        ("order_value_max", '"5"', "order_value_max = 5: needs a plain number"),
        ("order_value_max", "[5]", "order_value_max = [5]: needs a plain number"),
        ("order_value_max", "1000000000000001", "has to lie between"),
        ("order_value_max", '"off"', "order_value_max cannot be off"),
        ("price_collar_share", "1.01", "price_collar_share = 1.01: has to lie between 0 and 1"),
        ("orders_per_s_max", "1.5", "orders_per_s_max = 1.5: needs a whole number"),
        ("orders_per_10min_max", "2000", "no more than 1999 can be counted"),
        ("majors", '"BTC"', "needs a list"),
        ("majors", '["BTC", 5]', "needs a list"),
        ("majors", '[""]', "needs a list"),
        ("order_value_min", "35001", "order_value_min 35001 is above order_value_max 35000"),
    ],
)
def test_what_cannot_be_a_limit_is_refused_with_the_numbers(name: str, value: str, words: str):
    assert words in problem(with_line(name, value))


def test_text_that_is_not_toml_is_refused():
    assert "is not TOML" in problem("= 5")


def test_some_limits_may_be_off():
    limits = limits_from_toml(with_line("liquidation_distance_share_min", '"off"'))

    assert limits.liquidation_distance_share_min is None
    assert limits_from_toml(with_line("order_value_min", "10")).order_value_min == 10


def test_whole_numbers_are_money_too():
    assert limits_from_toml(with_line("leverage_max", "3")).leverage_max == Decimal(3)


def test_limits_can_be_overridden_while_running():
    limits = overridden(
        paper_limits(),
        {"orders_per_s_max": Decimal(3), "leverage_max": Decimal(2), "cooldown_s": None},
    )

    assert [limits.orders_per_s_max, limits.leverage_max] == [3, 2]
    assert type(limits.orders_per_s_max) is int
    assert overridden(limits, {}) is limits
    assert overridden(limits, {"leverage_max": Decimal(-1), "old": Decimal(1)}) is limits


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("leverage_max", "2.5", ""),
        ("orders_per_s_max", "2", ""),
        ("orders_per_s_max", "2.5", "needs a whole number"),
        ("leverage_max", "NaN", "has to lie between"),
        ("leverage_max", "1e400", "has to lie between"),
        ("majors", "1", "is a list"),
        ("leverage", "1", "did you mean leverage_max?"),
    ],
)
def test_an_override_is_checked_like_the_file(name: str, value: str, words: str):
    found = override_problem(name, Decimal(value))

    assert words in found
    assert bool(found) == bool(words)


@pytest.mark.parametrize(
    ("name", "value", "looser"),
    [
        ("leverage_max", 5, True),
        ("leverage_max", 4, False),
        ("leverage_max", 3, False),
        ("free_margin_share_min", 0, True),
        ("free_margin_share_min", 1, False),
        ("order_value_min", 5, False),
        ("leverage_max", None, True),
    ],
)
def test_loosening_is_told_from_tightening(name: str, value: int | None, looser: bool):
    given = None if value is None else Decimal(value)

    assert is_looser(paper_limits(), name, given) == looser


def test_limits_are_found_by_name():
    found = limit_named("leverage_max")

    assert found is not None
    assert found.kind == "ratio"
    assert limit_named("leverage") is None


def test_limits_cannot_be_changed_in_place():
    with pytest.raises(AttributeError):
        paper_limits().leverage_max = Decimal(9)  # type: ignore[misc]  # that is what is tested
    assert msgspec.structs.asdict(paper_limits())["leverage_max"] == 4
