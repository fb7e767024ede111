import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.simulator.errors import ApiError
from apps.simulator.formatting import formatted, utf16_length


def entities(text: str, parse_mode: str = "HTML") -> list[tuple]:
    return [(e["type"], e["offset"], e["length"]) for e in formatted(text, parse_mode, None)[1]]


def test_it_reads_nested_tags_outer_first():
    assert entities("<b>a<i>b</i></b> <u>c</u>") == [("bold", 0, 2), ("italic", 1, 1), ("underline", 3, 1)]


def test_it_counts_in_utf16_units():
    assert entities("😀<b>x</b>") == [("bold", 2, 1)]


def test_it_resolves_references_and_keeps_unknown_ones():
    assert formatted("&lt;b&gt; &amp; &nbsp;", "HTML", None)[0] == "<b> & &nbsp;"


def test_it_reads_links_code_quotes_and_spoilers():
    source = '<a href="https://x.org/?a=1&amp;b=2">l</a><pre><code class="language-py">p</code></pre>'
    link, code = formatted(source, "HTML", None)[1]
    assert link == {"type": "text_link", "offset": 0, "length": 1, "url": "https://x.org/?a=1&b=2"}
    assert code == {"type": "pre", "offset": 1, "length": 1, "language": "py"}
    assert entities('<tg-spoiler>a</tg-spoiler><span class="tg-spoiler">b</span>') == [
        ("spoiler", 0, 1),
        ("spoiler", 1, 1),
    ]
    assert entities("<blockquote expandable>q</blockquote>") == [("expandable_blockquote", 0, 1)]


def test_it_finds_commands_links_and_mentions_outside_code():
    found = entities("/start @somebody https://x.org. <code>/no</code>")
    assert found == [("bot_command", 0, 6), ("mention", 7, 9), ("url", 17, 13), ("code", 32, 3)]


def test_it_sees_no_command_in_a_path_or_a_tag():
    assert entities("see /a/b and </b> or x/y", "") == []


def test_it_trims_text_and_moves_entities_along():
    assert formatted("  <b> x </b> ", "HTML", None) == ("x", [{"type": "bold", "offset": 0, "length": 1}])


@pytest.mark.parametrize("source", ["<b>x", "x</b>", "<b>x</i>", "<div>x</div>", "<span>x</span>", "a < b", "<", "<b"])
def test_it_refuses_what_telegram_cannot_parse(source):
    with pytest.raises(ApiError, match="can't parse entities"):
        formatted(source, "HTML", None)


@given(st.text())
def test_it_refuses_or_reads_any_text_and_never_points_outside_of_it(source):
    try:
        text, found = formatted(source, "HTML", None)
    except ApiError:
        return
    assert all(e["offset"] >= 0 and e["offset"] + e["length"] <= utf16_length(text) for e in found)
