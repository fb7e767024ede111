"""Every text is there in every language, whole, and fits where Telegram shows it. `make messages` collects new ones."""

import ast
import io
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords, parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils.translation import override

from apps.bot import texts
from apps.core.errors import RuleError
from apps.users.models import MAX_NAME

LANGUAGES = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
in_every_language = pytest.mark.parametrize("language", LANGUAGES)

FOLDERS = ("apps", "meetsmatch", "templates")
LAZY = ["gettext_lazy", "ngettext_lazy:1,2", "pgettext_lazy:1c,2", "npgettext_lazy:1c,2,3"]
BOT = settings.BASE_DIR / "apps" / "bot"

# A minor gets more than an explanation: the handler asks before the service would refuse.
HANDLED = {"minor"}

PLACEHOLDER = re.compile(r"\{\w*\}|%\(\w+\)[sd]|%[sd]")
TAG = re.compile(r"</?\w+>")
WORD = re.compile(r"[^\W\d_]{2}")
COMMAND = re.compile(r"(?<![\w<])/[a-z]+\b")


def _folder(language: str) -> Path:
    return Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES"


@cache
def _catalog(language: str) -> Catalog:
    with (_folder(language) / "django.po").open("rb") as file:
        return read_po(file, locale=language)


@cache
def _texts_of_the_code() -> frozenset[tuple[object, str | None]]:
    with (settings.BASE_DIR / "locale" / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    keywords = DEFAULT_KEYWORDS | parse_keywords(LAZY)
    return frozenset(
        (text, context)
        for folder in FOLDERS
        for _file, _line, text, _comments, context in extract_from_dir(
            settings.BASE_DIR / folder, methods, options, keywords
        )
    )


def _messages(language: str) -> Iterator[Message]:
    return (message for message in _catalog(language) if message.id)


def _forms(text: object) -> tuple[str, ...]:
    """All plural forms of a text; one for a text without."""
    return text if isinstance(text, tuple) else (str(text),)


def _pairs(language: str) -> Iterator[tuple[str, str]]:
    """Each text (of those with plural forms the plural) with each form of its translation."""
    for message in _messages(language):
        for form in _forms(message.string):
            yield _forms(message.id)[-1], form


def _unfaithful(language: str, essence: re.Pattern[str]) -> list[str]:
    """Translations that do not have the same of something as the text has."""
    return [form for text, form in _pairs(language) if set(essence.findall(form)) != set(essence.findall(text))]


# ---- The catalogues


@in_every_language
def test_it_has_just_the_texts_of_the_code(language: str) -> None:
    in_catalog = {(message.id, message.context) for message in _messages(language)}
    assert {
        "missing": _texts_of_the_code() - in_catalog,
        "gone": in_catalog - _texts_of_the_code(),
        "obsolete": list(_catalog(language).obsolete),
    } == {"missing": set(), "gone": set(), "obsolete": []}


@in_every_language
def test_it_translates_every_text_into_every_plural_form(language: str) -> None:
    for message in _messages(language):
        forms = _forms(message.string)
        assert all(form.strip() for form in forms), f"not translated: {message.id}"
        assert not message.fuzzy, f"fuzzy: {message.id}"
        assert len(forms) == (_catalog(language).num_plurals if message.pluralizable else 1), message.id


@in_every_language
def test_it_fills_in_the_same_values(language: str) -> None:
    assert _unfaithful(language, PLACEHOLDER) == []


@in_every_language
def test_it_names_the_same_commands(language: str) -> None:
    assert _unfaithful(language, COMMAND) == []


@in_every_language
def test_it_keeps_the_markup_and_needs_no_escaping(language: str) -> None:
    for text, form in _pairs(language):
        assert TAG.findall(form) == TAG.findall(text), form
        assert set(TAG.findall(form)) <= {"<b>", "</b>", "<i>", "</i>"}, form
        assert not set(TAG.sub("", form)) & set("<>&\"'"), f"would be escaped, use typographic quotes: {form}"


@in_every_language
def test_it_keeps_signs_line_breaks_and_emoji(language: str) -> None:
    def signs(text: str) -> list[str]:
        return sorted(sign for sign in text if sign in "‹›⋯·•\n" or unicodedata.category(sign) in ("So", "Mn"))

    for text, form in _pairs(language):
        assert signs(form) == signs(text), form


@in_every_language
def test_it_ships_what_the_catalogue_compiles_to(language: str) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, _catalog(language))
    assert (_folder(language) / "django.mo").read_bytes() == compiled.getvalue()


# ---- The limits of Telegram


@pytest.mark.parametrize("language", dict(settings.LANGUAGES))
def test_it_fits_where_telegram_shows_it(language: str) -> None:
    longest_name = "N" * MAX_NAME
    with override(language):
        assert all(len(texts.account.command_description(command)) <= 256 for command in texts.account.COMMANDS)
        assert len(texts.account.bot_description()) <= 120, "the short description is cut off"
        assert len(texts.meeting.chat_placeholder(longest_name)) <= 64
        meeting = (texts.meeting.blocked(longest_name), texts.meeting.card_out_of_date())
        for toast in (*meeting, texts.account.must_consent(), texts.account.unknown_tap()):
            assert len(toast) <= 200


@pytest.mark.parametrize("language", dict(settings.LANGUAGES))
def test_it_explains_every_refusal_in_one_toast(language: str) -> None:
    params = {"max": 500, "min": 18, "length": 4096, "hours": 6, "until": "2026-11-25", "name": "N" * MAX_NAME}
    with override(language):
        for code in _rule_codes() - HANDLED:
            assert 0 < len(texts.account.rule(code, params)) <= 200, code


def _rule_codes() -> set[str]:
    """The codes that the apps refuse with, as they stand in the code."""
    calls = (
        node
        for path in (settings.BASE_DIR / "apps").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == RuleError.__name__
    )
    return {call.args[0].value for call in calls if call.args and isinstance(call.args[0], ast.Constant)}


# ---- Where texts may stand


def _gettext_arguments(tree: ast.Module) -> set[ast.AST]:
    """The literals that calls of gettext translate. Not those inside f-strings: Babel does not find them there."""
    in_f_strings = {node for string in ast.walk(tree) if isinstance(string, ast.JoinedStr) for node in ast.walk(string)}
    return {
        argument
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node not in in_f_strings
        if node.func.id == "_" or node.func.id.endswith("gettext")
        for argument in node.args
    }


def _not_texts(tree: ast.Module) -> set[ast.AST]:
    """Docstrings, and what assertions say to programmers."""
    statements = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return statements | {node.msg for node in ast.walk(tree) if isinstance(node, ast.Assert) and node.msg}


def _literals(path: Path) -> Iterator[str]:
    """The strings of a file, without docstrings and without what gettext translates."""
    tree = ast.parse(path.read_text())
    allowed = _gettext_arguments(tree) | _not_texts(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in allowed:
            yield node.value


def test_it_translates_every_word_that_members_read() -> None:
    # callback data, a parameter of the Bot API, a code; one of Django's formats
    is_name_of_something = re.compile(r"[a-z0-9_:{}-]*|[A-Z_]+_FORMAT").fullmatch
    words = {
        literal
        for path in BOT.rglob("*.py")
        if path.relative_to(BOT).parts[0].startswith(("texts", "keyboards"))
        for literal in _literals(path)
        if WORD.search(literal) and not is_name_of_something(literal)
    }
    assert words == {texts.account.BRAND}


def test_it_keeps_texts_out_of_the_handlers() -> None:
    phrases = {
        literal
        for path in (BOT / "handlers").rglob("*.py")
        for literal in _literals(path)
        if WORD.search(literal) and " " in literal
    }
    assert phrases == set()
