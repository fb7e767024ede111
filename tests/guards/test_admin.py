"""The admin: nothing is done to rows without a permission that names who may do it."""

from collections.abc import Iterator

from django.contrib import admin

from apps.core.admin import BaseAdmin

# Where unfold keeps the actions of its own kinds.
UNFOLD_ACTIONS = ("actions_list", "actions_row", "actions_detail", "actions_submit_line")


def _actions(page: "admin.ModelAdmin") -> Iterator[tuple[str, object]]:
    for function, name, _description in page._get_base_actions():
        yield name, function
    for kind in UNFOLD_ACTIONS:
        for name in getattr(page, kind, ()):
            yield name, getattr(page, name)


def test_it_asks_for_a_permission_before_every_action() -> None:
    open_to_all = [
        f"{page}.{name}"
        for page in admin.site._registry.values()
        for name, function in _actions(page)
        if not getattr(function, "allowed_permissions", None)
    ]
    assert open_to_all == []


def test_it_has_lists_that_stay_fast_on_every_page() -> None:
    assert [str(page) for page in admin.site._registry.values() if not isinstance(page, BaseAdmin)] == []
