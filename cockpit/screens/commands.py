"""The command palette's list: every action of the keymap, with its key."""

from functools import partial
from typing import Final

from textual.command import DiscoveryHit, Hit, Hits, Provider

from cockpit.keymap import KEYS, Key

SAVE_PICTURE: Final = "Save a picture"
SAVE_PICTURE_HELP: Final = "Write what is on the screen to the data folder, as SVG"


class CockpitCommands(Provider):
    """All actions by name."""

    async def discover(self) -> Hits:
        """Offer everything before anything is typed."""
        for key in KEYS:
            yield DiscoveryHit(_label(key), partial(self._run, key), help=key.tooltip)
        yield DiscoveryHit(SAVE_PICTURE, self._save_picture, help=SAVE_PICTURE_HELP)

    async def search(self, query: str) -> Hits:
        """Offer what matches."""
        matcher = self.matcher(query)
        for key in KEYS:
            score = matcher.match(f"{key.words} {key.tooltip} {key.id}")
            if score > 0:
                yield Hit(
                    score, matcher.highlight(_label(key)), partial(self._run, key), help=key.tooltip
                )
        score = matcher.match(f"{SAVE_PICTURE} {SAVE_PICTURE_HELP}")
        if score > 0:
            shown = matcher.highlight(SAVE_PICTURE)
            yield Hit(score, shown, self._save_picture, help=SAVE_PICTURE_HELP)

    async def _run(self, key: Key) -> None:
        await self.screen.run_action(key.action)

    async def _save_picture(self) -> None:
        await self.app.run_action("save_picture")


def _label(key: Key) -> str:
    return f"{key.words}  ·  {key.shown}  ·  {key.id}"
