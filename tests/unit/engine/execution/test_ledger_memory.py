"""What was seen already."""

from engine.execution.ledger_memory import Memory


def test_what_was_seen_is_not_new():
    memory = Memory(10)

    assert memory.is_new("a")
    assert not memory.is_new("a")
    assert "a" in memory
    assert "b" not in memory


def test_the_newest_are_remembered_and_the_oldest_forgotten():
    memory = Memory(3)

    for number in range(7):
        memory.is_new(str(number))

    assert [number for number in range(7) if str(number) in memory] == [3, 4, 5, 6]


def test_a_copy_remembers_the_same_and_goes_on_alone():
    memory = Memory(3)
    for number in range(5):
        memory.is_new(str(number))

    copy = memory.copied()

    assert copy == memory
    assert [copy.is_new(text) for text in ("1", "4", "new")] == [False, False, True]
    assert "new" not in memory


def test_it_stays_small():
    memory = Memory(3)

    for number in range(100):
        memory.is_new(str(number))

    assert len(memory.young) + len(memory.old) <= 6
