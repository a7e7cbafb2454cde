"""STEP files in and out, as bytes, in millimetres."""

from __future__ import annotations

import io

from OCP.APIHeaderSection import APIHeaderSection_MakeHeader
from OCP.IFSelect import IFSelect_ReturnStatus
from OCP.Interface import Interface_Static
from OCP.Message import Message
from OCP.StepBasic import StepBasic_Product
from OCP.STEPControl import STEPControl_Reader, STEPControl_StepModelType, STEPControl_Writer
from OCP.TCollection import TCollection_HAsciiString
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


def write_step(shape: TopoDS_Shape, name: str = "part", time: str = EPOCH) -> bytes:
    """The shape as a STEP file (AP214, millimetres), the same bytes for the same shape, name and time.

    name: the product's name and the file's; letters outside of ASCII become "?". time: ISO 8601.
    """
    label = name.encode("ascii", "replace").decode().replace("'", "")
    STEPControl_Writer()  # the settings below exist once a writer has been made
    Interface_Static.SetCVal_s("write.step.schema", "AP214IS")
    Interface_Static.SetCVal_s("write.step.unit", "MM")
    # Solids apart are still one part, not an assembly.
    Interface_Static.SetIVal_s("write.step.assembly", 0)
    writer = STEPControl_Writer()
    status = writer.Transfer(shape, STEPControl_StepModelType.STEPControl_AsIs)
    if status != IFSelect_ReturnStatus.IFSelect_RetDone:
        raise KernelFault("execute", "the shape cannot be written as STEP")
    _name_product(writer, label)
    header = APIHeaderSection_MakeHeader(writer.Model())
    header.SetName(_text(f"{label}.step"))
    header.SetTimeStamp(_text(time))
    header.SetOriginatingSystem(_text("redraft"))
    header.SetAuthorValue(1, _text(""))
    header.SetOrganizationValue(1, _text(""))
    out = io.BytesIO()
    if writer.WriteStream(out) != IFSelect_ReturnStatus.IFSelect_RetDone:
        raise KernelFault("execute", "the shape cannot be written as STEP")
    return out.getvalue()


def _name_product(writer: STEPControl_Writer, label: str) -> None:
    """Left alone, a product is named after a counter that grows with every file that the process writes."""
    model = writer.Model()
    for i in range(1, model.NbEntities() + 1):
        entity = model.Value(i)
        if isinstance(entity, StepBasic_Product):
            entity.SetId(_text(label))
            entity.SetName(_text(label))


def _text(value: str) -> TCollection_HAsciiString:
    return TCollection_HAsciiString(value)
