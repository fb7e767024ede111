"""The admin site of moderators and product managers."""

from collections.abc import Callable

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpResponseBase
from unfold.sites import UnfoldAdminSite

# unfold writes inline styles and evaluates its templates' expressions; only the admin is allowed to.
_UNFOLD_NEEDS = {"style-src": [SELF, UNSAFE_INLINE], "script-src": [SELF, UNSAFE_EVAL, UNSAFE_INLINE]}


class AdminSite(UnfoldAdminSite):  # type: ignore[misc]
    def admin_view(self, view: Callable[..., HttpResponseBase], cacheable: bool = False) -> Callable[..., HttpResponseBase]:
        admin_view: Callable[..., HttpResponseBase] = super().admin_view(view, cacheable)
        relaxed: Callable[..., HttpResponseBase] = csp_update(_UNFOLD_NEEDS)(admin_view)
        return relaxed
