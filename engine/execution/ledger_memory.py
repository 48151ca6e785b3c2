"""What was seen already: a bounded memory whose content does not depend on the order of arrival."""

import msgspec


class Memory(msgspec.Struct):
    """Remembers at least the newest `size` texts, and never more than twice as many.

    Two generations: when the young one is full it becomes the old one, and the old one is gone.
    """

    size: int
    young: set[str] = set()
    old: set[str] = set()

    def __contains__(self, text: object) -> bool:
        """Whether it is still remembered."""
        return text in self.young or text in self.old

    def copied(self) -> "Memory":
        """Return one that remembers the same from here on by itself; the old are never changed."""
        return Memory(self.size, set(self.young), self.old)

    def is_new(self, text: str) -> bool:
        """Remember a text; False if it was remembered already."""
        if text in self:
            return False
        if len(self.young) >= self.size:
            self.old, self.young = self.young, set()
        self.young.add(text)
        return True
