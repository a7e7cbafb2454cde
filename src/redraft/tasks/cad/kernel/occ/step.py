"""STEP files in and out, as bytes, in millimetres."""

from __future__ import annotations

import io

from OCP.IFSelect import IFSelect_ReturnStatus
from OCP.Message import Message
from OCP.STEPControl import STEPControl_Reader
from OCP.TopoDS import TopoDS_Shape

from redraft.core.errors import Refusal
from redraft.tasks.cad.kernel.faults import KernelFault

EPOCH = "2000-01-01T00:00:00"
"""The time in a STEP header unless another is given, so that the same part gives the same file."""
MAX_BYTES = 256 * 2**20


def silence() -> None:
    """Takes the kernel's printers away: it writes to standard output, where results go."""
    Message.DefaultMessenger_s().ChangePrinters().Clear()


silence()


def read_step(data: bytes, where: str = "") -> TopoDS_Shape:
    """The shape in a STEP file: solids and surfaces of all roots, scaled from the file's unit to millimetres.

    Bytes that are no STEP file are a Refusal "parse"; one that holds no shape is a KernelFault "empty".
    """
    if len(data) > MAX_BYTES:
        raise Refusal(
            f"the STEP file has {len(data) >> 20} MiB, beyond {MAX_BYTES >> 20}",
            where=where,
            remedy="Split the part",
            code="limit",
        )
    remedy = "Give a STEP file (AP203, AP214 or AP242), exported again by the program it came from"
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"ISO-10303-21"):
        raise Refusal("this is not a STEP file: it does not begin with ISO-10303-21", where=where, remedy=remedy)
    reader = STEPControl_Reader()
    reader.SetSystemLengthUnit(1.0)
    status = reader.ReadStream("part.step", io.BytesIO(data))
    if status != IFSelect_ReturnStatus.IFSelect_RetDone:
        raise Refusal("the STEP file cannot be read: it is damaged or cut off", where=where, remedy=remedy)
    reader.TransferRoots()
    shape = reader.OneShape()
    if shape is None or shape.IsNull():
        raise KernelFault("empty", "the STEP file holds no shape", where=where, remedy=remedy)
    return shape
