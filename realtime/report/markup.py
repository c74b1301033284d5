"""Bits of HTML. Whatever is text goes through :func:`esc`; only :class:`Markup` is taken as it is."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def esc(value: object) -> Markup:
    """HTML of a value: escaped, unless it is markup already."""
    return value if isinstance(value, Markup) else Markup(html.escape(str(value), quote=True))


def tag(name: str, *content: object, **attributes: object) -> Markup:
    """One element. ``_`` in an attribute's name is ``-``, at its end nothing; None leaves it out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{esc(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = join(content)
    return Markup(f"<{name}{given}>{inner}</{name}>")


def join(parts: Iterable[object]) -> Markup:
    """Pieces one after the other, each escaped if need be."""
    return Markup("".join(esc(part) for part in parts))


def table(
    caption: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    text: Sequence[int] = (),
) -> Markup:
    """A table that scrolls sideways by itself on a narrow screen; the first column names the row.

    Args:
        caption: what it shows; it also names the part that scrolls.
        headings: of the columns.
        rows: of cells.
        text: columns that are words, not figures.
    """

    def kind(column: int) -> str | None:
        return "text" if column in text else None

    head = tag("tr", *(tag("th", h, scope="col", class_=kind(i)) for i, h in enumerate(headings)))
    body = [
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            *(tag("td", c, class_=kind(i)) for i, c in enumerate(row[1:], 1)),
        )
        for row in rows
    ]
    whole = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))
    return tag("div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption)


def legend(entries: Iterable[tuple[str, str]]) -> Markup:
    """Colours and what they mean: (class, words)."""
    items = (tag("li", tag("span", class_=kind, aria_hidden="true"), words) for kind, words in entries)
    return tag("ul", *items, class_="legend")


def details(summary: str, *content: object) -> Markup:
    """Something to unfold."""
    return tag("details", tag("summary", summary), *content)
