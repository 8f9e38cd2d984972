"""Picture files with what a camera and a photographer wrote into them; drawn, of nobody."""

import io
from typing import Any

from PIL import Image

XMP = """<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>
<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF
 xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description
 xmlns:photoshop='http://ns.adobe.com/photoshop/1.0/' photoshop:City='Ghent'
 xmlns:dc='http://purl.org/dc/elements/1.1/'
 xmlns:xmp='http://ns.adobe.com/xap/1.0/'>
 <dc:creator><rdf:Seq><rdf:li>Pia Photographer</rdf:li></rdf:Seq></dc:creator>
 <dc:subject><rdf:Bag><rdf:li>canal</rdf:li><rdf:li>summer</rdf:li></rdf:Bag></dc:subject>
 <xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType='Resource'>/9j/4AAQ</rdf:li></rdf:Alt>
 </xmp:Thumbnails></rdf:Description></rdf:RDF></x:xmpmeta>"""


def exif() -> Image.Exif:
    made = Image.Exif()
    made[0x010F], made[0x0110] = "Canoscan", "X-1"
    made[0x010E] = "Mina at the quay"
    made[0x013B] = "Pia Photographer"
    made[0x8298] = "(c) Pia Photographer"
    inner = made.get_ifd(0x8769)
    inner[0x9003] = "2024:05:06 10:11:12"
    inner[0xA431] = "SN-123456"
    inner[0x927C] = b"\x00\x01\x02owner\xff"
    inner[0x9286] = b"ASCII\0\0\0hello there"
    gps = made.get_ifd(0x8825)
    gps[1], gps[2] = "N", (52.0, 22.0, 12.78)
    gps[3], gps[4] = "W", (4.0, 53.0, 42.6)
    return made


def picture(kind: str = "JPEG", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "#336699").save(out, kind, **more)
    return out.getvalue()


WHOLE = picture("JPEG", exif=exif().tobytes(), xmp=XMP.encode(), comment=b"a word")
