"""What members read under every broadcast: HTML, in the language that is active."""

from django.utils.translation import gettext as _


def how_to_switch_news_off() -> str:
    return _("<i>News from MeetsMatch. You can switch them off in /settings.</i>")
