"""Writing XML, whole or not at all."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from finegym.errors import AnnotationError
from finegym.files import write_text

# XML 1.0 has no signs for these, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def add(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    """A new last child of an element."""
    child = ET.SubElement(parent, tag, attributes)
    child.text = text
    return child


def write_xml(root: ET.Element, path: Path, *, with_declaration: bool = True) -> None:
    """Write a document, indented, in UTF-8.

    Args:
        root: of the document.
        path: the file.
        with_declaration: begin with ``<?xml …?>``.

    Raises:
        AnnotationError: a text holds a control character, which XML has no sign for.
        OutputError: the file cannot be written.
    """
    ET.indent(root, " ")
    text = ET.tostring(root, encoding="unicode").replace("\r", "&#13;")  # which readers would take for a line end
    if found := _NOT_XML.search(text):
        around = text[max(0, found.start() - 20) : found.start()].rpartition(">")[2]
        raise AnnotationError(
            f"{path}: a text that begins with {around!r} holds the control character {found[0]!r}, which XML has no "
            "sign for. Correct the text."
        )
    declaration = '<?xml version="1.0" encoding="UTF-8"?>\n' if with_declaration else ""
    write_text(path, declaration + text + "\n")
