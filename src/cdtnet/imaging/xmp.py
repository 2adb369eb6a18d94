"""A provenance record in a picture's XMP packet; the rest of the packet is unchanged, byte for byte."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any

from ..errors import PictureError

NAMESPACE = "urn:x-cdtnet:1.0/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_NAME = f"{{{NAMESPACE}}}record"
_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    f'<rdf:RDF xmlns:rdf="{_RDF}"></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
).encode()
_QUOTED = rb"""("[^"]*"|'[^']*')"""
_END = re.compile(rb"</(?:[\w.-]+:)?RDF\s*>")
_ABOUT = re.compile(rb"\babout\s*=\s*" + _QUOTED)  # shared by all descriptions of a packet
_OURS = re.compile(rb"<rdf:Description cdtnet:record=" + _QUOTED + rb"[^<>]*/>")
_PREFIX = re.compile(rb"xmlns:([\w.-]+)\s*=\s*[\"']" + re.escape(NAMESPACE.encode()))


def extract(packet: bytes | None) -> dict[str, Any] | None:
    """Return the record in a packet, if there is one."""
    if packet is None or NAMESPACE.encode() not in packet or b"<!DOCTYPE" in packet:
        return None
    from xml.etree import ElementTree

    try:
        for element in ElementTree.fromstring(packet.strip(b"\0 \r\n\t")).iter():
            text = element.text if element.tag == _NAME else element.get(_NAME)
            if text and isinstance(found := json.loads(text), dict):
                return found
    except (ElementTree.ParseError, ValueError, RecursionError):
        pass
    return None


def embed(packet: bytes | None, record: Mapping[str, Any] | None) -> bytes | None:
    """Return the packet with this record instead of any other; None removes it.

    Raises:
        PictureError: The packet is too damaged to insert a record.
    """
    packet = _cleared(packet)
    if record is None:
        return packet
    packet = packet or _EMPTY
    about = _ABOUT.search(packet)
    text = json.dumps(record)
    block = b'<rdf:Description cdtnet:record="%b" rdf:about=%b xmlns:cdtnet="%b" xmlns:rdf="%b"/>' % (
        escape(text).encode(),
        about[1] if about else b'""',
        NAMESPACE.encode(),
        _RDF.encode(),
    )
    place = max((end.start() for end in _END.finditer(packet)), default=0)
    merged = packet[:place] + block + packet[place:]
    if not place or extract(merged) != json.loads(text):
        raise PictureError(
            "The picture's XMP is damaged, so no record can be added; remove the XMP, or write no record."
        )
    return merged


def _cleared(packet: bytes | None) -> bytes | None:
    """Return the packet without a record, which other programs may have reformatted."""
    if packet is None or NAMESPACE.encode() not in packet:
        return packet
    packet = _OURS.sub(b"", packet)
    if prefix := _PREFIX.search(packet):
        name = re.escape(prefix[1]) + rb":record"
        packet = re.sub(rb"<" + name + rb"[^>]*>[^<]*</" + name + rb"\s*>", b"", packet)
        packet = re.sub(rb"\s" + name + rb"\s*=\s*" + _QUOTED, b"", packet)
    return None if packet == _EMPTY else packet
