"""The one file of a form, as a stream: its pieces are handed on while they arrive, and never kept in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header

from redraft.core.errors import UsageError

FIELD = "file"
WRONG = "Send one file in the field `file`, or the file itself as the body"


class FormFile:
    """Reads a multipart body. name: the file's, once the first piece was given out."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
        if not boundary:
            raise _wrong("the form has no boundary")
        self.name = ""
        self._body = body
        self._pieces: list[bytes] = []
        self._header = [b"", b""]
        self._headers: dict[bytes, bytes] = {}
        self._wanted = self._seen = self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._collect(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._collect(1, data[start:end]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_end": self._end,
            },
        )

    async def pieces(self) -> AsyncIterator[bytes]:
        """The file's content. UsageError where the form is broken, cut, or holds no file or several."""
        async for received in self._body:
            try:
                self._parser.write(received)
            except MultipartParseError as error:
                raise _wrong(f"the form is broken ({error})") from None
            for piece in self._pieces:
                yield piece
            self._pieces.clear()
        if not self._ended:
            raise _wrong("the form ends too soon")
        if not self._seen:
            raise _wrong("the form holds no file")

    def _begin(self) -> None:
        self._headers, self._wanted = {}, False

    def _collect(self, part: int, data: bytes) -> None:
        self._header[part] += data

    def _header_end(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]
        self._header = [b"", b""]

    def _headers_end(self) -> None:
        options = parse_options_header(self._headers.get(b"content-disposition", b""))[1]
        if options.get(b"name") != FIELD.encode():
            return  # other fields are passed over
        if self._seen:
            raise _wrong("the form holds several files")
        self._wanted = self._seen = True
        self.name = options.get(b"filename", b"").decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._wanted:
            self._pieces.append(data[start:end])

    def _end(self) -> None:
        self._ended = True


def _wrong(what: str) -> UsageError:
    return UsageError(what, where="body", remedy=WRONG)
