"""Picture files with what a camera and a photographer wrote into them; drawn, of nobody."""

import io
from typing import Any

from PIL import Image, PngImagePlugin

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


# Names of others where files were seen to hold them; each value has this word in it.
OTHER = "Bobbie"
_SPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "ext": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
    "mm": "http://ns.adobe.com/xap/1.0/mm/",
    "odd": "https://odd.example/",
}
_DEEP = "".join(f"<odd:level-{at:02}-of-many>" for at in range(12))
_UP = "".join(f"</odd:level-{at:02}-of-many>" for at in reversed(range(12)))
NAMING_XMP = f"""<rdf:RDF {" ".join(f"xmlns:{key}='{value}'" for key, value in _SPACES.items())}>
<rdf:Description exif:Model='M-2' photoshop:Source='{OTHER}' aux:SerialNumber='{OTHER} 7'>
<lr:hierarchicalSubject><rdf:Bag><rdf:li>People|{OTHER}</rdf:li></rdf:Bag></lr:hierarchicalSubject>
<digiKam:TagsList><rdf:Seq><rdf:li>People/{OTHER}</rdf:li></rdf:Seq></digiKam:TagsList>
<ext:ImageRegion><rdf:Bag><rdf:li rdf:parseType='Resource'><ext:Name>{OTHER}</ext:Name></rdf:li>
</rdf:Bag></ext:ImageRegion><odd:Model>{OTHER}</odd:Model>
<mm:DerivedFrom stRef:filePath='/x/{OTHER}/a.psd'/>
<exif:Software>/Users/{OTHER.lower()}/bin/edit</exif:Software>
{_DEEP}<odd:thing odd:OwnerName='{OTHER}'/><exif:Model>{OTHER}</exif:Model>{_UP}
<dc:subject><rdf:Bag><rdf:li>quay with {OTHER}</rdf:li></rdf:Bag></dc:subject>
<dc:description>{OTHER} and me</dc:description></rdf:Description></rdf:RDF>"""


def naming_exif() -> Image.Exif:
    made = Image.Exif()
    made[0x0110] = "X-1"
    made[0x010E] = f"{OTHER} at the quay"
    made[0x9C9E] = OTHER.encode("utf-16-le")
    made[0xFDE8], made[0xFDE9] = OTHER, f"{OTHER} 1"
    inner = made.get_ifd(0x8769)
    inner[0xA437], inner[0xA438], inner[0xA430] = OTHER, f"{OTHER} 2", f"{OTHER} 3"
    return made


def packed_png() -> bytes:
    """EXIF as another program packs it into text: hexadecimal signs with line ends."""
    raw = b"Exif\0\0" + naming_exif().tobytes().removeprefix(b"Exif\0\0")
    lines = "\n".join(raw.hex()[at : at + 72] for at in range(0, len(raw.hex()), 72))
    text = PngImagePlugin.PngInfo()
    text.add_text("Raw profile type exif", f"\nexif\n{len(raw):8}\n{lines}\n", zip=True)
    text.add_text("Raw profile type app1", f"x {OTHER} x " * 9, zip=True)
    text.add_text("Author", OTHER)
    return picture("PNG", pnginfo=text)
