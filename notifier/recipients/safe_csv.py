"""Cells that a spreadsheet would take for a formula (CSV injection, OWASP) begin with a '."""

from collections.abc import Iterable

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def guarded(cells: Iterable[str]) -> list[str]:
    """An import takes the ' away again, so that what was exported can be imported."""
    return [f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells]
