"""From the bytes of a stream to lines: masked, valid UTF-8, and none too long."""

from adapters.masking import Masks

LONGEST_LINE = 16 * 1024
"""Bytes of the longest line. A longer one is stored as several."""


class LineCutter:
    """Cuts one stream into blocks of whole lines, each ended by a line feed.

    A carriage return goes back to the line's start, as on a terminal: a progress bar leaves its last state. Bytes that
    are not UTF-8 become U+FFFD. Colours (ANSI sequences) are kept.
    """

    def __init__(self, masks: Masks) -> None:
        self._stream = masks.stream()
        self._partial = b""
        self.uncut = 0
        """So many bytes at the end of the input are in no line yet."""

    def cut(self, data: bytes) -> bytes:
        """The lines that ``data`` ends, and the beginning of one that is too long."""
        self.uncut += len(data)
        text = self._partial + self._stream.feed(data)
        end = text.rfind(b"\n") + 1
        if end:
            self.uncut = len(data) - data.rfind(b"\n") - 1
        self._partial = _overwritten(text[end:])
        block = _tidied(text[:end]) if end else b""
        return block + self._too_long() if len(self._partial) > LONGEST_LINE else block

    def end(self) -> bytes:
        """The last line, if the stream did not end it."""
        text = self._partial + self._stream.end()
        self._partial = b""
        self.uncut = 0
        return _tidied(text + b"\n") if text else b""

    def _too_long(self) -> bytes:
        if self._stream.within_secret:
            return b""  # a reader that resumed here would not know that it is within a secret
        whole = len(self._partial) - _unfinished_character(self._partial)
        text, self._partial = self._partial[:whole], self._partial[whole:]
        self.uncut = len(self._partial) + self._stream.kept
        return _tidied(text + b"\n")


def _tidied(block: bytes) -> bytes:
    if b"\r" in block:
        block = b"\n".join(map(_shown, block.split(b"\n")))
    return _wrapped(_utf8(block))


def _shown(line: bytes) -> bytes:
    """What a terminal shows of a finished line."""
    return line.rstrip(b"\r").rpartition(b"\r")[2]


def _overwritten(partial: bytes) -> bytes:
    """An unfinished line without what carriage returns have gone back over; the last one may yet end the line."""
    if b"\r" not in partial:
        return partial
    returned = b"\r" if partial.endswith(b"\r") else b""
    return _shown(partial) + returned


def _utf8(block: bytes) -> bytes:
    try:
        block.decode()
    except UnicodeDecodeError:
        return block.decode("utf-8", "replace").encode()
    return block


def _wrapped(block: bytes) -> bytes:
    """The block with line feeds put into lines that are too long."""
    if len(block) <= LONGEST_LINE:
        return block
    pieces: list[bytes] = []
    start = 0
    while len(block) - start > LONGEST_LINE + 1:
        end = block.rfind(b"\n", start, start + LONGEST_LINE + 1) + 1
        if not end:
            end = start + LONGEST_LINE
            while block[end] & 0xC0 == 0x80:  # within a character
                end -= 1
            pieces.append(block[start:end] + b"\n")
        else:
            pieces.append(block[start:end])
        start = end
    pieces.append(block[start:])
    return b"".join(pieces)


def _unfinished_character(text: bytes) -> int:
    """How many bytes at the end of ``text`` are the beginning of a character whose rest is still to come."""
    for size in range(1, min(3, len(text)) + 1):
        lead = text[-size]
        if lead & 0xC0 == 0xC0:
            return size if size < (2 if lead < 0xE0 else 3 if lead < 0xF0 else 4) else 0
        if lead & 0xC0 != 0x80:
            return 0
    return 0
