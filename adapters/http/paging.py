"""Pages: by number as document 002 says, or behind an opaque cursor, where a deep page costs what the first costs."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

import msgspec
from litestar import Request
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import UNSET, UnsetType

from domain.fact import Value
from projections.changes import Row
from projections.reading import LARGEST_PAGE, PAGE_SIZE, Page, Paging

R = TypeVar("R", bound=Row)
W = TypeVar("W")


class Listing(msgspec.Struct, Generic[W], frozen=True, kw_only=True, rename="camel"):
    """A page of a list. ``page``, ``pageSize`` and ``total`` come where pages are asked for by number, ``total`` up to
    5,000; ``nextCursor`` leads to what follows, and is null at the end."""

    items: Sequence[W]
    next_cursor: str | None
    page: int | UnsetType = UNSET
    page_size: int | UnsetType = UNSET
    total: int | UnsetType = UNSET


class Asked(Value):
    """Which page was asked for, and how."""

    paging: Paging
    numbered: bool
    address: str
    """The path and query without their place, for ``Link``."""


def asked(
    request: Request[Any, Any, Any],
    call: NamedDependency[Any],  # noqa: ARG001 - Litestar makes a task for each of two that do not need one another
    page: Annotated[int, QueryParameter(ge=1, le=1_000_000, description="The page's number, from 1.")] = 1,
    page_size: Annotated[
        int, QueryParameter(name="pageSize", ge=1, le=LARGEST_PAGE, description="How many items a numbered page has.")
    ] = PAGE_SIZE,
    cursor: Annotated[
        str | None, QueryParameter(max_length=2000, description="Where to go on: a former answer's nextCursor.")
    ] = None,
    limit: Annotated[
        int | None,
        QueryParameter(ge=1, le=LARGEST_PAGE, description="How many items follow the cursor, or begin the list."),
    ] = None,
) -> Asked:
    """The dependency that reads the parameters of paging."""
    numbered = cursor is None and limit is None
    size = page_size if numbered else limit or PAGE_SIZE
    paging = Paging(after=cursor, page=page if numbered else 1, size=size, counted=numbered)
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in {"page", "cursor"}]
    return Asked(paging=paging, numbered=numbered, address=f"{request.scope['path']}?{urlencode(kept)}")


def listing(page: Page[R], asked: Asked, shown: Callable[[R], W]) -> Listing[W]:
    """The page as it is answered."""
    items = [shown(row) for row in page.rows]
    if not asked.numbered:
        return Listing(items=items, next_cursor=page.following)
    return Listing(
        items=items,
        next_cursor=page.following,
        page=asked.paging.page,
        page_size=asked.paging.size,
        total=UNSET if page.total is None else page.total,
    )


def link(page: Page[R], asked: Asked) -> dict[str, str]:
    """The header that leads to the next page (RFC 8288), where there is one."""
    if page.following is None:
        return {}
    separator = "" if asked.address.endswith("?") else "&"
    place = urlencode({"page": asked.paging.page + 1} if asked.numbered else {"cursor": page.following})
    return {"Link": f'<{asked.address}{separator}{place}>; rel="next"'}
