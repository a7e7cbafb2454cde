"""Unpacks an archive that nobody has vouched for: counted while it inflates, plain files alone, inside its folder.

Nothing that the archive's own directory says about sizes is believed. What is refused is refused whole.
"""

from __future__ import annotations

import stat
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from redraft.core.atomic import output_error
from redraft.core.errors import InputError
from redraft.web.uploads.formats import HEAD, check_pixels
from redraft.web.uploads.refusing import TooLarge, too_large

MOST_FILES = 300_000
DEEPEST = 16
"""Folders inside one another."""
RATIO, FREE = 200, 64 * 2**20
"""An archive may inflate to so many times its size; up to FREE bytes nobody asks."""
PIECE = 2**20
NOTES = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
"""What systems write into archives by themselves."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
AGAIN = "Pack it again: plain files and folders alone"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """files: written. bytes: that they take. passed_over: notes of a system that were left out."""

    files: int
    bytes: int
    passed_over: int


def unpack(archive: Path, folder: Path, most: int) -> Unpacked:
    """Writes the archive's files below a new `folder`. most: bytes that they may take.

    InputError for a broken archive, links, ways out of the folder, encryption, and names that are there twice;
    TooLarge for more than may be; OutputError where the disk is full. The folder is then to be thrown away.
    """
    most = min(most, max(FREE, RATIO * archive.stat().st_size))
    try:
        with zipfile.ZipFile(archive) as opened:
            return _unpack(opened, folder, most)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError) as error:
        # All of them zipfile's own: NotImplementedError is what it raises for a packing that it does not know.
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"the archive is broken ({what})", where="zip", remedy="Pack and send it again") from None
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise InputError("the archive has a file and a folder of one name", where="zip", remedy=AGAIN) from None
    except OSError as error:
        raise output_error("uploads", error) from error


def _unpack(opened: zipfile.ZipFile, folder: Path, most: int) -> Unpacked:
    infos = opened.infolist()
    if len(infos) > MOST_FILES:
        raise TooLarge(f"the archive holds more than {MOST_FILES:,} files", where="zip", remedy="Send it in parts")
    files = total = passed_over = 0
    seen: set[str] = set()
    for info in infos:
        path = _inside(info)
        if any(part in NOTES or part.startswith("._") for part in path.parts):
            passed_over += 1
            continue
        if info.is_dir():
            continue
        known = unicodedata.normalize("NFC", str(path)).casefold()
        if known in seen:
            raise _refused(info, "is there twice, or differs from another in its letters' case alone")
        seen.add(known)
        total += _write(opened, info, folder / path, most - total, most)
        files += 1
    if not files:
        raise InputError("the archive holds no file", where="zip", remedy=AGAIN)
    return Unpacked(files, total, passed_over)


def _inside(info: zipfile.ZipInfo) -> PurePosixPath:
    """The entry's place; an InputError for what is no plain file or folder in the archive."""
    name = info.orig_filename  # zipfile cuts the other one at a NUL
    path = PurePosixPath(name)
    if "\\" in name or not name.isprintable() or path.is_absolute() or ":" in name or ".." in path.parts:
        raise _refused(info, "has a name that leads out of its folder, or is none")
    if not path.parts or len(path.parts) > DEEPEST or any(len(part.encode()) > 255 for part in path.parts):
        raise _refused(info, "has a name that is too long or too deep")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or ((kind == stat.S_IFDIR) and not info.is_dir()):
        raise _refused(info, "is a link or a device")
    if info.flag_bits & 0x41:
        raise _refused(info, "is encrypted")
    if info.compress_type not in METHODS:
        raise _refused(info, "is packed in a way other than deflate")
    return path


def _write(opened: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, left: int, most: int) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with opened.open(info) as source, path.open("xb") as target:
        while piece := source.read(PIECE):
            if written == 0:
                check_pixels(info.filename, piece[:HEAD])
            written += len(piece)
            if written > left:
                raise too_large("what an archive inflates to", most, "zip")
            target.write(piece)
    return written


def _refused(info: zipfile.ZipInfo, why: str) -> InputError:
    shown = "".join(c if c.isprintable() else "?" for c in info.orig_filename)[:120]
    return InputError(f"'{shown}' {why}", where="zip", remedy=AGAIN)
