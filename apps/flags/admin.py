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
    list_display = ("name", "note", "everyone", "percent", "superusers", "staff", "authenticated", "languages")


@admin.register(Switch)
class SwitchAdmin(WaffleSwitchAdmin, BaseAdmin):
    pass


@admin.register(Sample)
class SampleAdmin(WaffleSampleAdmin, BaseAdmin):
    pass
