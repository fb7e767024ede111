"""Lets Babel read the texts out of Django templates, for `make messages`. Needs the development requirements."""

from collections.abc import Collection, Iterable, Mapping
from io import BytesIO
from typing import IO, TYPE_CHECKING

from babel.messages.extract import extract_python
from django.utils.translation.template import templatize

if TYPE_CHECKING:
    from babel.messages.extract import _ExtractionResult, _Keyword, _PyOptions


def extract_template(
    file: IO[bytes], keywords: "Mapping[str, _Keyword]", comment_tags: Collection[str], options: "_PyOptions"
) -> "Iterable[_ExtractionResult]":
    """Babel's extraction method for templates: what Django's own turns into calls of gettext is read as Python."""
    calls = templatize(file.read().decode())
    # Python's tokenizer objects to the indentation of HTML.
    flat = "\n".join(line.lstrip() for line in calls.split("\n"))
    return extract_python(BytesIO(flat.encode()), keywords, comment_tags, options)
