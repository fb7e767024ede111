"""waffle's own pages in the look of this admin. Rows are added here as code begins to ask for their names."""

from django.contrib import admin
from waffle.admin import FlagAdmin as WaffleFlagAdmin
from waffle.admin import SampleAdmin as WaffleSampleAdmin
from waffle.admin import SwitchAdmin as WaffleSwitchAdmin
from waffle.models import Sample, Switch

from apps.core.admin import BaseAdmin
from apps.flags.models import Flag

for _model in (Flag, Sample, Switch):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


@admin.register(Flag)
class FlagAdmin(WaffleFlagAdmin, BaseAdmin):
    """Without the criteria that ask about a web request: a member in Telegram makes none."""

    list_display = ("name", "everyone", "percent", "superusers", "staff", "note", "modified")  # type: ignore[assignment]
    list_filter = ("everyone",)  # type: ignore[assignment]
    fields = ("name", "note", "everyone", "percent", "superusers", "staff", "groups")


@admin.register(Switch)
class SwitchAdmin(WaffleSwitchAdmin, BaseAdmin):
    fields = ("name", "note", "active")


@admin.register(Sample)
class SampleAdmin(WaffleSampleAdmin, BaseAdmin):
    fields = ("name", "note", "percent")
