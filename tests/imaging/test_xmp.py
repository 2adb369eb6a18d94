"""Records in XMP packets, read back by the rules of other programs."""

import io
import json
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cdtnet.errors import PictureError
from cdtnet.imaging import Metadata, Picture, encode_picture, read_picture
from cdtnet.imaging.xmp import NAMESPACE, embed, extract

RECORD = {"model": "é <&> \"'", "strength": 0.5, "mask": {"file": "ab"}, "at": None}
FOREIGN = b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><R:RDF xmlns:R="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<R:Description R:about='uuid:1' xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg"/>
</R:RDF></x:xmpmeta>   <?xpacket end="w"?>"""
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4), st.sampled_from([None, FOREIGN]))
def test_any_record_comes_back_and_goes_without_a_trace(record, packet):
    held = embed(packet, record)
    assert extract(held) == record
    assert extract(embed(held, RECORD)) == RECORD
    assert embed(held, None) == packet


def test_what_else_is_there_stays():
    held = embed(FOREIGN, RECORD)
    head, tail = FOREIGN.split(b"</R:RDF>")
    assert held.startswith(head)
    assert held.endswith(b"</R:RDF>" + tail)
    rdf = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
    descriptions = ElementTree.fromstring(held).findall(f".//{rdf}Description")
    assert [each.get(f"{rdf}about") for each in descriptions] == ["uuid:1"] * 2
    assert json.loads(descriptions[1].get(f"{{{NAMESPACE}}}record")) == RECORD


@pytest.mark.parametrize(
    "form",
    [
        '<r:Description xmlns:q="{0}" r:about=""><q:record>{1}</q:record></r:Description>',
        "<r:Description xmlns:q='{0}' r:about='' q:record = '{1}'/>",
    ],
)
def test_a_record_that_others_have_written_anew_is_read_and_replaced(form):
    text = form.format(NAMESPACE, '{"model": "old"}'.replace('"', "&quot;"))
    packet = f'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{text}</r:RDF>'.encode()
    assert extract(packet) == {"model": "old"}
    assert extract(embed(packet, RECORD)) == RECORD
    assert extract(embed(packet, None)) is None


@pytest.mark.parametrize(
    "packet",
    [b"<x:xmpmeta", b"\xff\xfe<\0", FOREIGN.replace(b"</R:RDF>", b""), FOREIGN[:-60], b"</rdf:RDF>", b" "],
)
def test_a_damaged_packet_takes_no_record(packet):
    assert extract(packet) is None
    assert embed(packet, None) == packet
    with pytest.raises(PictureError, match="damaged, so no record can be added"):
        embed(packet, RECORD)


@pytest.mark.parametrize(
    "value",
    ["", "[1]", "no JSON", "[" * 100_000, '{"a":' * 100_000],
    ids=["none", "list", "text", "deep", "deeper"],
)
def test_what_is_no_record_is_none(value):
    text = value.replace('"', "&quot;")
    assert extract(f'<a xmlns:c="{NAMESPACE}" c:record="{text}"/>'.encode()) is None


def test_entities_are_not_expanded():
    laughs = "".join(f'<!ENTITY l{k + 1} "{f"&l{k};" * 10}">' for k in range(9))
    packet = f'<!DOCTYPE a [<!ENTITY l0 "ha">{laughs}]><a xmlns:c="{NAMESPACE}" c:record="&l9;"/>'
    assert extract(packet.encode()) is None


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("xmp", [None, FOREIGN])
def test_every_format_holds_it(pixels, suffix, xmp):
    plain = Picture(pixels(3), Metadata(xmp=xmp))
    noted = plain.replace_pixels(plain.pixels, RECORD)
    data = encode_picture(noted, suffix)
    found = read_picture(data)
    assert found.record == RECORD
    assert found.replace_pixels(found.pixels).metadata.xmp == xmp
    info = Image.open(io.BytesIO(data)).info
    assert NAMESPACE in str(info.get("xmp", info.get("XML:com.adobe.xmp")))
    assert encode_picture(noted.replace_pixels(plain.pixels), suffix) == encode_picture(plain, suffix)


def test_a_record_that_does_not_fit_into_a_jpeg_is_not_lost_in_silence():
    long = FOREIGN.replace(b"   ", b" " * 65_300)
    picture = Picture(np.zeros((4, 4, 3), np.uint8), Metadata(xmp=long))
    encode_picture(picture, ".jpg")
    noted = picture.replace_pixels(picture.pixels, RECORD)
    with pytest.raises(PictureError, match="do not fit into a JPEG"):
        encode_picture(noted, ".jpg")
    assert read_picture(encode_picture(noted, ".png")).record == RECORD
