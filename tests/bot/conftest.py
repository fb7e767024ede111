import pytest

from tests.bot.people import join
from tests.fakes import FakeBotApi
from tests.phone import Phone


@pytest.fixture
def api() -> FakeBotApi:
    return FakeBotApi()


@pytest.fixture
def ann(api: FakeBotApi, db: None) -> Phone:
    return join(api, "Ann", gender="woman", seeking=("man",))


@pytest.fixture
def bob(api: FakeBotApi, db: None) -> Phone:
    return join(api, "Bob", gender="man", seeking=("woman",))
