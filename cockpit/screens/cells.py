"""Sends only the changed cells of a row.

Textual's partial update starts each span at the left edge of its widget, so a changed number at
the end of a row costs the whole row, and two of them cost it twice.
"""

from rich.console import Console
from textual._compositor import ChopsUpdate, Compositor


class CellUpdate(ChopsUpdate):
    """A partial update whose spans are cut on both sides."""

    def render_segments(self, console: Console) -> str:
        """Return the bytes for the terminal, top-down."""
        parts: list[str] = []
        for y, first, last in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is None or x >= last or end <= first:
                    continue
                left, right = max(x, first), min(end, last)
                parts.append(f"\x1b[{y + 1};{left + 1}H")
                parts.append(strip.crop(left - x, right - x).render(console))
        return "".join(parts)


class CellCompositor(Compositor):
    """Textual's compositor with the update above."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """Return what changed, if anything did."""
        update = super().render_partial_update()
        if update is None:
            return None
        return CellUpdate(update.chops, update.spans, update.chop_ends)
