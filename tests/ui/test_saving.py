"""Saving a picture of the screen, from the palette."""

from pathlib import Path

from cockpit.screens.commands import SAVE_PICTURE
from tests.ui.stage import M, stage


class Folder:
    """Keeps pictures, or has no room for them."""

    def __init__(self, error: OSError | None = None) -> None:
        self.pictures: list[str] = []
        self._error = error

    async def save(self, picture: str, ts_ns: int) -> Path:
        """Keep a picture under its time."""
        if self._error is not None:
            raise self._error
        self.pictures.append(picture.replace("&#160;", " "))
        return Path(f"pictures/{ts_ns}.svg")


async def test_the_palette_saves_a_picture_and_says_where():
    folder = Folder()
    async with stage(M) as at:
        at.app.save_pictures_with(folder.save)
        await at.feed()
        await at.press("ctrl+p")
        await at.press(*"save a pic")
        await at.wait(0.9)
        palette = at.text()
        await at.press("enter")
        await at.feed()

        assert SAVE_PICTURE in palette
        (picture,) = folder.pictures
        assert "1 BOOK" in picture
        assert SAVE_PICTURE not in picture
        assert f"saved pictures/{at.market.ts_ns}.svg" in at.text()


async def test_a_picture_that_cannot_be_saved_is_said_so():
    async with stage(M) as at:
        at.app.save_pictures_with(Folder(OSError(28, "No space left on device")).save)
        await at.feed()
        await at.app.run_action("save_picture")
        await at.feed()

        assert "the picture could not be saved: No space left on device" in at.text()


async def test_a_screen_without_a_folder_says_so():
    async with stage(M) as at:
        await at.feed()
        await at.app.run_action("save_picture")
        await at.drawn()

        assert "no folder for pictures" in at.text()
