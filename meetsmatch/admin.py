"""The admin site of moderators and product managers."""

from collections.abc import Callable
from typing import Any

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite

View = Callable[..., HttpResponseBase]

# unfold writes inline styles and evaluates its templates' expressions; only the admin is allowed to.
_UNFOLD_NEEDS = {"style-src": [SELF, UNSAFE_INLINE], "script-src": [SELF, UNSAFE_EVAL, UNSAFE_INLINE]}


def _relaxed(view: View) -> View:
    relaxed: View = csp_update(_UNFOLD_NEEDS)(view)
    return relaxed


class AdminSite(UnfoldAdminSite):  # type: ignore[misc]
    index_title = _("Today")

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        return _relaxed(super().admin_view(view, cacheable))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """The one page that everybody may see, and so does not pass through `admin_view`."""
        return _relaxed(super().login)(request, extra_context)
