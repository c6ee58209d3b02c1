"""From the text of a page to a tree of elements, by libxml2, with what it would choke on taken out."""

import re

from lxml import etree

_LAST_TAGS = re.compile(r"</(?:body|html)\s*+>", re.IGNORECASE)
_ATTRIBUTE = r"""[\s/]*+[^\s>/][^\s>/=]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'>][^\s>]*+)?+)?+"""
_MANY_ATTRIBUTES = re.compile(rf"(<[a-zA-Z][^\s>/]*+(?:{_ATTRIBUTE}){{256}})(?:{_ATTRIBUTE})++")


def parse(source: str) -> tuple[etree._Element | None, bool]:
    """The tree of a page (None where it is empty), and whether all of it was read.

    libxml2 stops at 2,048 elements within one another and at the end of the `<html>`, and is slow at many attributes.
    """
    source = _MANY_ATTRIBUTES.sub(r"\1", _LAST_TAGS.sub("", source))
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    root = etree.fromstring(source.encode(errors="replace"), parser)
    whole = all(entry.type_name != "ERR_RESOURCE_LIMIT" for entry in parser.error_log)
    return root, whole
