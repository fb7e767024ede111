"""The words of the DSA Transparency Database that we use, as its API documentation and its validation have them.

https://transparency.dsa.ec.europa.eu/page/api-documentation
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

# The database's own order. Its own numbers, names and times are left out: it writes them itself.
FIELDS = (
    "decision_visibility",
    "decision_visibility_other",
    "end_date_visibility_restriction",
    "decision_monetary",
    "decision_monetary_other",
    "end_date_monetary_restriction",
    "decision_provision",
    "end_date_service_restriction",
    "decision_account",
    "end_date_account_restriction",
    "account_type",
    "decision_ground",
    "decision_ground_reference_url",
    "illegal_content_legal_ground",
    "illegal_content_explanation",
    "incompatible_content_ground",
    "incompatible_content_explanation",
    "incompatible_content_illegal",
    "category",
    "category_addition",
    "category_specification",
    "category_specification_other",
    "content_type",
    "content_type_other",
    "content_language",
    "content_date",
    "content_id_ean",
    "territorial_scope",
    "application_date",
    "decision_facts",
    "source_type",
    "source_identity",
    "automated_detection",
    "automated_decision",
    "puid",
)
# The European Economic Area: our decisions hold everywhere, and the database asks for these.
EEA = [
    *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI"),
    *("LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"),
]
MAX_GROUND, MAX_EXPLANATION = 500, 2000


class Category(models.TextChoices):
    """Of the schema's, those that what members do to each other can fall under."""

    CYBER_VIOLENCE = "STATEMENT_CATEGORY_CYBER_VIOLENCE", _("Cyber violence")
    CYBER_VIOLENCE_AGAINST_WOMEN = "STATEMENT_CATEGORY_CYBER_VIOLENCE_AGAINST_WOMEN", _("Cyber violence against women")
    PRIVACY = "STATEMENT_CATEGORY_DATA_PROTECTION_AND_PRIVACY_VIOLATIONS", _("Data protection and privacy violations")
    SPEECH = "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH", _("Illegal or harmful speech")
    MINORS = "STATEMENT_CATEGORY_PROTECTION_OF_MINORS", _("Protection of minors")
    SECURITY = "STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY", _("Risk for public security")
    SCAMS = "STATEMENT_CATEGORY_SCAMS_AND_FRAUD", _("Scams and fraud")
    SELF_HARM = "STATEMENT_CATEGORY_SELF_HARM", _("Self-harm")
    VIOLENCE = "STATEMENT_CATEGORY_VIOLENCE", _("Violence")
    OTHER = "STATEMENT_CATEGORY_OTHER_VIOLATION_TC", _("Another violation of the terms")


class Keyword(models.TextChoices):
    """Of the schema's, those that say more about these categories."""

    ADULT_MATERIAL = "KEYWORD_ADULT_SEXUAL_MATERIAL", _("Adult sexual material")
    TOO_YOUNG = "KEYWORD_AGE_SPECIFIC_RESTRICTIONS_MINORS", _("Age limits that protect minors")
    BULLYING = "KEYWORD_CYBER_BULLYING_INTIMIDATION", _("Bullying and intimidation")
    HARASSMENT = "KEYWORD_CYBER_HARASSMENT", _("Harassment")
    STALKING = "KEYWORD_CYBER_STALKING", _("Stalking")
    GOODS = "KEYWORD_GOODS_SERVICES_NOT_PERMITTED", _("Goods and services that may not be offered here")
    HATE_SPEECH = "KEYWORD_HATE_SPEECH", _("Hate speech")
    HIDDEN_ADVERTISING = "KEYWORD_HIDDEN_ADVERTISEMENT", _("Hidden advertising")
    IMPERSONATION = "KEYWORD_IMPERSONATION_ACCOUNT_HIJACKING", _("Impersonation")
    FAKE_ACCOUNT = "KEYWORD_INAUTHENTIC_ACCOUNTS", _("Inauthentic accounts")
    VIOLENT_WORDS = "KEYWORD_INCITEMENT_VIOLENCE_HATRED", _("Calls to violence or hatred")
    INTIMATE_IMAGES = "KEYWORD_NON_CONSENSUAL_IMAGE_SHARING", _("Intimate images without consent")
    NUDITY = "KEYWORD_NUDITY", _("Nudity")
    PHISHING = "KEYWORD_PHISHING", _("Phishing")
    OTHER = "KEYWORD_OTHER", _("Something else")
