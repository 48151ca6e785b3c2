"""The command palette's list: every action of the keymap, with its key."""

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from cockpit.keymap import KEYS, Key


class CockpitCommands(Provider):
    """All actions by name."""

    async def discover(self) -> Hits:
        """Offer everything before anything is typed."""
        for key in KEYS:
            yield DiscoveryHit(_label(key), partial(self._run, key), help=key.tooltip)

    async def search(self, query: str) -> Hits:
        """Offer what matches."""
        matcher = self.matcher(query)
        for key in KEYS:
            score = matcher.match(f"{key.words} {key.tooltip} {key.id}")
            if score > 0:
                yield Hit(
                    score, matcher.highlight(_label(key)), partial(self._run, key), help=key.tooltip
                )

    async def _run(self, key: Key) -> None:
        await self.screen.run_action(key.action)


def _label(key: Key) -> str:
    return f"{key.words}  ·  {key.shown}  ·  {key.id}"
