"""Which files are taken, known by their content, and the size that a picture claims before anybody decodes it."""

from __future__ import annotations

from pathlib import Path

from redraft.core.errors import InputError

HEAD = 64 * 1024
"""Bytes of a file's beginning that are looked at; a JPEG's size comes behind its thumbnails."""
MOST_PIXELS = 100_000_000
"""Of a picture; what datasets take too. A file of some kilobytes can claim any size, and decoding would follow."""
TEXTS = (".json", ".jsonl", ".csv", ".tsv", ".txt", ".md", ".yaml", ".yml", ".step", ".stp", ".py")
MAGIC = {
    ".zip": (b"PK\x03\x04", b"PK\x05\x06"),
    ".parquet": (b"PAR1",),
    ".pdf": (b"%PDF-",),
    ".png": (b"\x89PNG\r\n\x1a\n",),
    ".jpg": (b"\xff\xd8\xff",),
    ".jpeg": (b"\xff\xd8\xff",),
}
"""How files of a kind begin, by the ending of their names."""
KINDS = (*MAGIC, *TEXTS)
FRAMES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))
"""Markers of JPEG that begin a frame, and with it the picture's size (ITU T.81, table B.1)."""


def check_kind(name: str, path: Path) -> None:
    """InputError for a file whose kind is not taken, or whose content is another than its name says."""
    ending = Path(name).suffix.lower()
    if ending not in KINDS:
        raise InputError(
            f"files of the kind '{ending}' are not taken" if ending else "the name does not tell the file's kind",
            where=name,
            remedy=f"Send one of {', '.join(KINDS)}; pack folders and other archives into a .zip",
        )
    with path.open("rb") as file:
        head = file.read(HEAD)
    if ending in MAGIC and not head.startswith(MAGIC[ending]):
        raise InputError(f"its content is not that of a {ending} file", where=name, remedy="Correct its name")
    if ending in TEXTS and b"\x00" in head:
        raise InputError("this is no text", where=name, remedy="Send text files in UTF-8")
    check_pixels(name, head)


def check_pixels(name: str, head: bytes) -> None:
    """InputError where a PNG or JPEG, by its beginning, claims more pixels than are taken."""
    size = png_size(head) or jpeg_size(head)
    if size is not None and size[0] * size[1] > MOST_PIXELS:
        raise InputError(
            f"the picture claims {size[0]:,} x {size[1]:,} pixels, and {MOST_PIXELS:,} are taken at most",
            where=name,
            remedy="Scale it down before sending it",
        )


def png_size(head: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG: its first chunk is the header (PNG specification, 11.2.1)."""
    if not head.startswith(MAGIC[".png"][0]) or head[12:16] != b"IHDR" or len(head) < 24:
        return None
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG: in the first marker that begins a frame (ITU T.81, B.2.2)."""
    at = 2
    while head.startswith(b"\xff\xd8") and at + 9 < len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker in FRAMES:
            return int.from_bytes(head[at + 7 : at + 9], "big"), int.from_bytes(head[at + 5 : at + 7], "big")
        at += 1 if marker == 0xFF else 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return None
