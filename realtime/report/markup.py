"""Builds HTML. All text is escaped by :func:`esc`; only :class:`Markup` is used unchanged."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


class Markup(str):
    """Text that is already HTML."""

    __slots__ = ()


def esc(value: object) -> Markup:
    """Return a value as HTML: escaped, unless it is already markup."""
    return value if isinstance(value, Markup) else Markup(html.escape(str(value), quote=True))


def tag(name: str, *content: object, **attributes: object) -> Markup:
    """Return one element. ``_`` in an attribute's name becomes ``-``, at its end nothing; None omits it."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{esc(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = join(content)
    return Markup(f"<{name}{given}>{inner}</{name}>")


def join(parts: Iterable[object]) -> Markup:
    """Return the pieces joined, each escaped if need be."""
    return Markup("".join(esc(part) for part in parts))


def table(
    caption: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    text: Sequence[int] = (),
) -> Markup:
    """Return a table that scrolls sideways on a narrow screen; the first column holds the row headings.

    Args:
        caption: what the table shows; also the label of the part that scrolls.
        headings: headings of the columns.
        rows: rows of cells.
        text: columns that hold words instead of figures.
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
    """Return a legend of colours: (class, words)."""
    items = (tag("li", tag("span", class_=kind, aria_hidden="true"), words) for kind, words in entries)
    return tag("ul", *items, class_="legend")


def details(summary: str, *content: object) -> Markup:
    """Return an element that can be unfolded."""
    return tag("details", tag("summary", summary), *content)
