"""Message text as the Bot API has it: a plain text and entities with offsets in UTF-16 units."""

import html
import re
from dataclasses import dataclass, field

from apps.simulator.errors import ApiError, bad_request
from apps.simulator.schemas import JsonObject

TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "a": "text_link",
}
TOKEN = re.compile(
    r"<(?P<closing>/?)(?P<tag>[a-zA-Z][a-zA-Z0-9-]*)?(?P<attributes>[^<>]*)(?P<end>>?)"
    r"|&(?P<reference>lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);"
)
ATTRIBUTE = re.compile(r"""([a-zA-Z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
# What a client finds in plain text by itself.
DETECTED = re.compile(
    r"(?P<url>https?://[^\s<>\"]+[^\s<>\".,;:!?)])"
    r"|(?<![\w/<>])(?P<bot_command>/[a-zA-Z0-9_]{1,64}(?:@[a-zA-Z0-9_]{3,32})?)(?![\w/<>])"
    r"|(?<![\w@])(?P<mention>@[a-zA-Z][a-zA-Z0-9_]{3,31})\b"
)
OPAQUE = {"code", "pre", "text_link", "url"}


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@dataclass
class _OpenTag:
    name: str
    start: int
    extra: JsonObject


@dataclass
class _HtmlReader:
    """Reads Telegram's HTML: only its tags, each closed in order; anything else is refused, as Telegram does."""

    source: str
    parts: list[str] = field(default_factory=list)
    position: int = 0
    entities: list[JsonObject] = field(default_factory=list)
    open_tags: list[_OpenTag] = field(default_factory=list)

    def read(self) -> tuple[str, list[JsonObject]]:
        seen = 0
        for token in TOKEN.finditer(self.source):
            self._add(self.source[seen : token.start()])
            self._take(token)
            seen = token.end()
        self._add(self.source[seen:])
        if self.open_tags:
            raise _unparsable(f'Can\'t find end tag corresponding to start tag "{self.open_tags[-1].name}"')
        return "".join(self.parts), self.entities

    def _add(self, text: str) -> None:
        self.parts.append(text)
        self.position += utf16_length(text)

    def _take(self, token: re.Match[str]) -> None:
        if token["reference"]:
            self._add(html.unescape(token[0]))
            return
        offset = len(self.source[: token.start()].encode())
        tag = (token["tag"] or "").lower()
        if not token["end"]:
            raise _unparsable(f"Unclosed start tag at byte offset {offset}")
        if token["closing"]:
            self._close(tag, offset)
        elif tag not in TAGS:
            raise _unparsable(f'Unsupported start tag "{tag}" at byte offset {offset}')
        else:
            self.open_tags.append(_OpenTag(tag, self.position, _tag_extra(tag, token["attributes"], offset)))

    def _close(self, tag: str, offset: int) -> None:
        if not self.open_tags:
            raise _unparsable(f"Unexpected end tag at byte offset {offset}")
        opened = self.open_tags.pop()
        if tag not in ("", opened.name):
            raise _unparsable(
                f'Unmatched end tag at byte offset {offset}, expected "</{opened.name}>", found "</{tag}>"'
            )
        length = self.position - opened.start
        if length and not (opened.name == "a" and "url" not in opened.extra):
            self.entities.append({"offset": opened.start, "length": length, "type": TAGS[opened.name], **opened.extra})


def _tag_extra(tag: str, attributes: str, offset: int) -> JsonObject:
    found = {name.lower(): html.unescape(a or b or c) for name, a, b, c in ATTRIBUTE.findall(attributes)}
    if tag == "a" and found.get("href"):
        return {"url": found["href"]}
    if tag == "span" and found.get("class") != "tg-spoiler":
        raise _unparsable(f'Tag "span" must have class "tg-spoiler" at byte offset {offset}')
    if tag == "blockquote" and "expandable" in found:
        return {"type": "expandable_blockquote"}
    if tag == "code" and found.get("class", "").startswith("language-"):
        return {"language": found["class"].removeprefix("language-")}
    return {}


def _unparsable(reason: str) -> ApiError:
    return bad_request(f"can't parse entities: {reason}")


def formatted(text: str, parse_mode: str, entities: list[JsonObject] | None) -> tuple[str, list[JsonObject]]:
    """The trimmed text with its entities, ready ones and those a client finds by itself.

    Raises ApiError for HTML that Telegram would refuse, and for a parse mode other than HTML.
    """
    if parse_mode.lower() == "html":
        text, entities = _HtmlReader(text).read()
    elif parse_mode.lower() not in ("", "none"):
        raise bad_request("unsupported parse_mode")
    text, entities = _trimmed(text, [_checked(entity) for entity in entities or []])
    entities += _detected(text, entities)
    return text, sorted(_code_in_pre_merged(entities), key=_reading_order)


def _reading_order(entity: JsonObject) -> tuple[int, int]:
    """Outer entities come before those within them."""
    return _int(entity, "offset"), -_int(entity, "length")


def _checked(entity: JsonObject) -> JsonObject:
    if not isinstance(entity.get("type"), str) or _int(entity, "offset") < 0 or _int(entity, "length") <= 0:
        raise bad_request("can't parse MessageEntity")
    return entity


def _int(entity: JsonObject, name: str) -> int:
    value = entity.get(name)
    if not isinstance(value, int):
        raise bad_request(f'can\'t parse MessageEntity: field "{name}" must be of type Number')
    return value


def _trimmed(text: str, entities: list[JsonObject]) -> tuple[str, list[JsonObject]]:
    stripped = text.strip()
    lead = utf16_length(text[: len(text) - len(text.lstrip())])
    end = utf16_length(stripped)
    kept = []
    for entity in entities:
        start = max(_int(entity, "offset") - lead, 0)
        stop = min(_int(entity, "offset") - lead + _int(entity, "length"), end)
        if stop > start:
            kept.append({**entity, "offset": start, "length": stop - start})
    return stripped, kept


def _detected(text: str, known: list[JsonObject]) -> list[JsonObject]:
    found: list[JsonObject] = []
    for match in DETECTED.finditer(text):
        entity: JsonObject = {
            "offset": utf16_length(text[: match.start()]),
            "length": utf16_length(match[0]),
            "type": match.lastgroup or "",
        }
        if not any(other["type"] in OPAQUE and _overlap(entity, other) for other in known):
            found.append(entity)
    return found


def _overlap(one: JsonObject, other: JsonObject) -> bool:
    start, other_start = _int(one, "offset"), _int(other, "offset")
    return start < other_start + _int(other, "length") and other_start < start + _int(one, "length")


def _code_in_pre_merged(entities: list[JsonObject]) -> list[JsonObject]:
    """<pre><code class="language-x"> is one ``pre`` with a language."""
    spans = {(entity["offset"], entity["length"]): entity for entity in entities if entity["type"] == "pre"}
    kept = []
    for entity in entities:
        outer = spans.get((entity["offset"], entity["length"]))
        if entity["type"] == "code" and outer is not None:
            outer.update({"language": entity["language"]} if "language" in entity else {})
        else:
            kept.append(entity)
    return kept
