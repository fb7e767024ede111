from waffle.models import AbstractUserFlag


class Flag(AbstractUserFlag):
    """A switch of the product. The model is our own from the first migration because waffle cannot change it later."""
