from apps.core.errors import MeetsMatchError


class PaymentError(MeetsMatchError):
    """Why something cannot be done with a purchase, in words for staff."""
