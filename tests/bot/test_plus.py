"""A member looks at Plus, pays for it, and uses it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from waffle.testutils import override_flag

from apps.bot.models import Update
from apps.flags import services as flags
from apps.matching.services import record_swipe
from apps.payments import services
from apps.payments.models import Purchase
from apps.payments.selectors import has_plus
from apps.users.models import User
from apps.users.restrictions import restrict
from apps.users.services import erase
from tests.bot.paying import buy, check_out, has_stars_back, invoice, pay
from tests.bot.people import join
from tests.factories import member
from tests.fakes import FakeBotApi
from tests.phone import Phone, post_update

pytestmark = pytest.mark.django_db


@pytest.fixture
def on_sale(db: None) -> Any:
    with override_flag("plus.on_sale", active=True):
        yield


def set_value(name: str, value: int) -> None:
    flags.change(name, by=None, reason="a test", value=value)


def days_left(user: User) -> int:
    assert user.plus_until
    return round((user.plus_until - timezone.now()) / timedelta(days=1))


# ---- Looking


def test_it_says_what_plus_gives_what_it_costs_and_that_it_ends(on_sale: None, ann: Phone) -> None:
    ann.write("/plus")

    assert ann.sees("500 likes within 24 hours; without it 100")
    assert ann.sees("250 Telegram Stars for 30 days")
    assert ann.sees("nothing renews by itself")
    assert ann.buttons() == ["⭐ Buy for 250 Stars"]


def test_it_sells_nothing_until_the_flag_is_on(ann: Phone) -> None:
    ann.write("/plus")

    assert ann.last.endswith("Plus is not on sale at the moment.")
    assert ann.buttons() == []
    assert "not on sale" in ann.tap_data("plus:buy")
    assert "sendInvoice" not in {call.method for call in ann.api.calls}


def test_it_sells_nothing_while_nobody_could_help_with_a_payment(on_sale: None, ann: Phone, settings: Any) -> None:
    settings.SUPPORT_CONTACT = ""

    ann.write("/plus")

    assert ann.buttons() == []


def test_it_asks_the_price_that_is_set_for_the_member(on_sale: None, ann: Phone) -> None:
    set_value("plus.stars", 99)
    set_value("plus.days", 7)

    found = invoice(ann)

    assert (found["currency"], found["prices"][0]["amount"], found["payload"]) == ("XTR", 99, "plus:7")
    assert "7 days of Plus" in found["description"]
    assert found["protect_content"]


def commands(phone: Phone) -> list[dict[str, str]]:
    """Of their own chat; none while it has the usual ones."""
    calls = [call for call in phone.api.calls if call.method.endswith("MyCommands")]
    if not calls or calls[-1].method == "deleteMyCommands":
        return []
    assert calls[-1].params["scope"] == {"type": "chat", "chat_id": phone.telegram_id}
    return list(calls[-1].params["commands"])


def offers_plus(phone: Phone) -> bool:
    return "plus" in [each["command"] for each in commands(phone)]


def test_it_offers_the_command_to_those_it_is_sold_to(ann: Phone) -> None:
    ann.write("/help")
    assert not commands(ann)

    with override_flag("plus.on_sale", active=True):
        ann.write("/help")
        assert offers_plus(ann)
        assert ann.sees("/paysupport")
        calls = len(ann.api.calls)
        ann.write("/help")
        assert len(ann.api.calls) == calls + 1
    ann.write("/help")
    assert not commands(ann)


# ---- Paying


def test_it_gives_what_was_paid_for(on_sale: None, ann: Phone) -> None:
    charge_id = buy(ann)

    purchase = Purchase.objects.get()
    assert (purchase.buyer, purchase.charge_id, purchase.stars, purchase.days) == (ann.user, charge_id, 250, 30)
    assert has_plus(ann.user)
    assert days_left(ann.user) == 30
    assert ann.last.startswith("⭐ Thank you! You have Plus until")


def test_it_adds_to_the_days_they_have(on_sale: None, ann: Phone) -> None:
    buy(ann)
    set_value("plus.days", 7)
    buy(ann)

    assert days_left(ann.user) == 37


def test_it_counts_a_payment_once_however_often_telegram_tells(on_sale: None, ann: Phone) -> None:
    found = invoice(ann)
    pay(ann, found, charge_id="the-charge")
    sent = len(ann.api.calls)
    post_update(ann.client, ann.last_update)
    post_update(ann.client, {**ann.last_update, "update_id": ann.last_update["update_id"] + 1_000_000})

    assert Purchase.objects.count() == 1
    assert days_left(ann.user) == 30
    assert len(ann.api.calls) == sent


def refusal(answer: dict[str, Any]) -> str:
    assert (answer["method"], answer["ok"]) == ("answerPreCheckoutQuery", False)
    return str(answer["error_message"])


def test_it_lets_telegram_take_the_stars(on_sale: None, ann: Phone) -> None:
    answer = check_out(ann, invoice(ann))

    assert answer.pop("pre_checkout_query_id").startswith("query-")
    assert answer == {"method": "answerPreCheckoutQuery", "ok": True}
    assert Purchase.objects.count() == 0


def test_it_takes_no_stars_for_an_offer_that_has_changed(on_sale: None, ann: Phone) -> None:
    found = invoice(ann)
    set_value("plus.stars", 300)
    assert "out of date" in refusal(check_out(ann, found))

    set_value("plus.stars", 250)
    set_value("plus.days", 10)
    assert "out of date" in refusal(check_out(ann, found))


def test_it_takes_no_stars_when_it_is_not_on_sale_any_more(ann: Phone) -> None:
    with override_flag("plus.on_sale", active=True):
        found = invoice(ann)

    assert "not on sale" in refusal(check_out(ann, found))


def test_it_takes_no_stars_from_who_is_kept_out_or_gone(on_sale: None, ann: Phone) -> None:
    found = invoice(ann)
    restrict(ann.user, banned_at=timezone.now())
    assert "suspended" in refusal(check_out(ann, found))

    erase(ann.user)
    assert "no account" in refusal(check_out(ann, found))


def test_it_takes_no_stars_when_something_breaks(on_sale: None, ann: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    found = invoice(ann)

    def fail(*_: object, **__: object) -> None:
        raise ValueError

    monkeypatch.setattr("apps.payments.services.check_out", fail)
    assert "went wrong" in refusal(check_out(ann, found))
    assert Update.objects.exclude(status="done").count() == 0


def test_it_takes_what_was_paid_at_the_old_price(on_sale: None, ann: Phone) -> None:
    found = invoice(ann)
    set_value("plus.days", 7)
    with override_flag("plus.on_sale", active=False):
        pay(ann, found)

    assert days_left(ann.user) == 30


def test_it_writes_down_the_payment_of_somebody_banned_meanwhile(on_sale: None, ann: Phone) -> None:
    found = invoice(ann)
    restrict(ann.user, banned_at=timezone.now())
    pay(ann, found)

    assert Purchase.objects.get().buyer == ann.user
    assert "/paysupport" in ann.last
    ann.write("/paysupport")
    assert ann.sees(Purchase.objects.get().number)


def test_it_sends_the_stars_back_when_the_account_is_gone(on_sale: None, ann: Phone) -> None:
    found = invoice(ann)
    erase(ann.user)
    charge_id = pay(ann, found)

    purchase = Purchase.objects.get()
    assert (purchase.buyer, purchase.stars, purchase.state) == (None, 250, Purchase.State.ORDERED)
    refund = next(call for call in ann.api.calls if call.method == "refundStarPayment")
    assert refund.params == {"user_id": ann.telegram_id, "telegram_payment_charge_id": charge_id}
    has_stars_back(ann, charge_id)
    assert Purchase.objects.get().state == Purchase.State.RETURNED


def test_it_writes_down_a_payment_for_nobody_knows_what(on_sale: None, ann: Phone) -> None:
    pay(ann, {**invoice(ann), "payload": "something else"})

    assert Purchase.objects.get().item == "something else"
    assert not has_plus(ann.user)
    assert "cannot tell what it was for" in ann.last


def test_it_keeps_a_payment_whose_handling_failed(on_sale: None, ann: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    found = invoice(ann)

    def fail(*_: object, **__: object) -> None:
        raise ValueError

    with monkeypatch.context() as broken:
        broken.setattr(services, "take_payment", fail)
        pay(ann, found)
    assert Purchase.objects.count() == 0

    from apps.bot.services import retry_now

    assert retry_now(Update.objects.all()) == 1
    assert days_left(ann.user) == 30


# ---- Having it


def test_it_ends_by_itself(on_sale: None, ann: Phone) -> None:
    buy(ann)
    User.objects.filter(pk=ann.user.pk).update(plus_until=timezone.now() - timedelta(seconds=1))

    ann.write("/plus")

    assert not ann.sees("You have it until")


def test_it_stays_when_it_is_no_longer_sold(ann: Phone) -> None:
    with override_flag("plus.on_sale", active=True):
        buy(ann)

    ann.write("/plus")

    assert "You have it until" in ann.last
    assert ann.buttons() == []


def test_it_tells_who_has_it_how_many_wait_for_their_answer(on_sale: None, ann: Phone, api: FakeBotApi) -> None:
    bob, cid, dan, eve = (join(api, name, gender="man", seeking=("woman",)) for name in ("Bob", "Cid", "Dan", "Eve"))
    for man in (bob, cid, dan):
        record_swipe(man.user, ann.user, liked=True)
    record_swipe(eve.user, ann.user, liked=False)
    record_swipe(ann.user, bob.user, liked=False)
    restrict(dan.user, shadowed_until=timezone.now() + timedelta(days=1))

    ann.write("/plus")
    assert "waits for your answer" not in ann.last
    buy(ann)
    ann.write("/plus")
    assert "1 person likes you and waits for your answer" in ann.last


def test_it_has_as_many_likes_as_are_set(on_sale: None, ann: Phone) -> None:
    set_value("matching.daily_likes", 5)
    set_value("plus.daily_likes", 6)
    men = [member(f"Man {number}", gender="man") for number in range(7)]
    for man in men[:5]:
        assert ann.tap_data(f"like:{man.pk.hex}") != ""
    assert ann.tap_data(f"like:{men[5].pk.hex}").startswith("You have given 5 likes within 24 hours.")
    assert ann.tap_data(f"pass:{men[6].pk.hex}") == "Passed"

    buy(ann)
    assert "given" not in ann.tap_data(f"like:{men[5].pk.hex}")
    assert ann.user.swipes_made.filter(liked=True).count() == 6


def test_it_has_likes_again_a_day_later_and_when_it_takes_one_back(ann: Phone) -> None:
    set_value("matching.daily_likes", 5)
    men = [member(f"Man {number}", gender="man") for number in range(8)]
    for man in men[:5]:
        ann.tap_data(f"like:{man.pk.hex}")

    ann.tap_data("undo")
    assert "given" not in ann.tap_data(f"like:{men[5].pk.hex}")
    assert "given" in ann.tap_data(f"like:{men[6].pk.hex}")
    ann.user.swipes_made.update(created_at=timezone.now() - timedelta(hours=25))
    assert "given" not in ann.tap_data(f"like:{men[6].pk.hex}")


def test_it_never_has_fewer_likes_with_plus(on_sale: None, ann: Phone) -> None:
    set_value("plus.daily_likes", 50)

    ann.write("/plus")

    assert ann.sees("100 likes within 24 hours; without it 100")


# ---- Help


def test_it_names_whom_to_ask_and_the_payments(on_sale: None, ann: Phone) -> None:
    ann.write("/paysupport")
    assert ann.sees("@meetsmatch_support")
    assert ann.sees("You have not paid for anything here.")

    buy(ann)
    ann.write("/paysupport")
    assert f"• {Purchase.objects.get().number} ·" in ann.last


def test_it_shows_the_terms_by_a_command(ann: Phone) -> None:
    ann.write("/terms")

    assert "Plus costs Telegram Stars" in ann.last


def test_it_says_before_an_account_is_deleted_that_plus_ends_with_it(on_sale: None, ann: Phone) -> None:
    ann.tap_data("delete")
    assert not ann.sees("ends with your account")

    buy(ann)
    ann.tap_data("delete")
    assert ann.sees("ends with your account. If you want Stars back, ask first: /paysupport")


def test_it_has_the_commands_in_the_language_just_chosen(on_sale: None, ann: Phone) -> None:
    ann.write("/help")
    ann.tap_data("language:es")

    assert [each["description"] for each in commands(ann)][:1] == ["Ver gente"]


def test_it_forgets_who_paid_and_keeps_that_it_was_paid(on_sale: None, ann: Phone) -> None:
    buy(ann)
    ann.tap_data("delete_yes")

    purchase = Purchase.objects.get()
    assert (purchase.buyer, purchase.stars) == (None, 250)
