"""What is sent to the terminal, applied to an empty one, gives the picture that was meant."""

from textual._compositor import CompositorUpdate

from tests.ui.emulator import Terminal
from tests.ui.stage import M, Stage, stage


class Sent:
    """Catches what would go to the terminal."""

    def __init__(self, at: Stage) -> None:
        self.at = at
        self.terminal = Terminal(*M)
        self.size = 0
        at.app._display = self._display  # type: ignore[method-assign]  # to count what is drawn

    def _display(self, screen, renderable) -> None:
        if isinstance(renderable, CompositorUpdate):
            data = renderable.render_segments(self.at.app.console).encode()
            self.size += len(data)
            self.terminal.feed(data)


async def test_partial_updates_add_up_to_the_picture():
    async with stage(M) as at:
        sent = Sent(at)
        await at.press("ctrl+l")
        for _ in range(25):
            at.market.step()
            await at.feed()
            assert sent.terminal.text() == at.text()


async def test_partial_updates_are_right_under_and_after_a_dialog():
    async with stage(M) as at:
        sent = Sent(at)
        await at.press("ctrl+l")
        for key in ("q", "escape", "question_mark", "escape", "z", "z", "3", "c"):
            await at.press(key)
            at.market.step()
            await at.feed()
            assert sent.terminal.text() == at.text(), key


async def test_a_frame_that_changes_nothing_sends_nothing():
    async with stage(M) as at:
        await at.feed()
        await at.feed()
        sent = Sent(at)

        for _ in range(5):
            await at.feed()

        assert sent.size == 0


async def test_a_new_price_sends_little():
    async with stage(M) as at:
        await at.feed()
        await at.feed()
        sent = Sent(at)
        at.market.sizes[642_100] += 1

        await at.feed()

        assert 0 < sent.size < 200
