"""Cuts what a program prints into log lines of bounded length.

A line longer than 16 KiB goes on in further lines, each of which begins with "… ", and so does one that was shown before
its end had come; nothing is dropped here. Invalid
UTF-8 becomes U+FFFD, NUL is removed, a carriage return before the line feed is removed.
"""

MAX_LINE_BYTES = 16 * 1024
CONTINUED = "… "
_PIECE_BYTES = MAX_LINE_BYTES - len(CONTINUED.encode())
_SAFE_CHARACTERS = _PIECE_BYTES // 4  # whatever they are, they fit


class LineCutter:
    def __init__(self) -> None:
        self._rest = b""
        self._continues = False

    def feed(self, data: bytes) -> list[str]:
        """The lines that this data completes, and full pieces of one that goes on."""
        head, newline, tail = data.rpartition(b"\n")
        if not newline:
            self._rest += data
            return self._pieces()
        complete = self._rest + head
        self._rest = tail
        return self._lines(complete) + self._pieces()

    @property
    def waits(self) -> bool:
        """Whether there is a line whose end has not come."""
        return bool(self._rest)

    def show(self) -> list[str]:
        """What there is of a line whose end has not come, such as a prompt; what follows begins with "… "."""
        end = len(self._rest) - _torn(self._rest)
        if self._rest[:end].endswith(b"\r"):  # half of a line's end, perhaps
            end -= 1
        shown, self._rest = self._rest[:end], self._rest[end:]
        if not shown:
            return []
        lines = self._mark(shown)
        self._continues = True
        return lines

    def finish(self) -> list[str]:
        """The last line, when the program did not end it."""
        rest, self._rest = self._rest, b""
        return self._line(rest) if rest else []

    def _lines(self, block: bytes) -> list[str]:
        text = _text(block)
        found = text.split("\n")
        if self._continues or (len(block) > _SAFE_CHARACTERS and max(map(len, found)) > _SAFE_CHARACTERS):
            found = [piece for raw in block.split(b"\n") for piece in self._line(raw)]
        elif "\r" in text:
            found = [line.removesuffix("\r") for line in found]
        return found

    def _line(self, raw: bytes) -> list[str]:
        pieces, raw = self._cut(raw)
        raw = raw.removesuffix(b"\r")
        if raw or not self._continues:  # else the line ended just where it was cut
            pieces += self._mark(raw)
        self._continues = False
        return pieces

    def _pieces(self) -> list[str]:
        """Full pieces of a line whose end has not come yet."""
        pieces, self._rest = self._cut(self._rest)
        return pieces

    def _cut(self, raw: bytes) -> tuple[list[str], bytes]:
        pieces = []
        while len(raw) > _PIECE_BYTES:
            end = _boundary(raw)
            pieces += self._mark(raw[:end])
            raw = raw[end:]
            self._continues = True
        return pieces, raw

    def _mark(self, raw: bytes) -> list[str]:
        text = _text(raw)
        if len(text) > _SAFE_CHARACTERS and len(text.encode()) > _PIECE_BYTES:  # replacement made it longer
            parts = [text[i : i + _SAFE_CHARACTERS] for i in range(0, len(text), _SAFE_CHARACTERS)]
        else:
            parts = [text]
        return [CONTINUED + part if i or self._continues else part for i, part in enumerate(parts)]


def _text(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return text.replace("\0", "") if "\0" in text else text


def _boundary(raw: bytes) -> int:
    """Where to cut so that no character is torn."""
    end = _PIECE_BYTES
    while end > _PIECE_BYTES - 3 and 0x80 <= raw[end] < 0xC0:
        end -= 1
    return end


def _torn(raw: bytes) -> int:
    """How many bytes at the end begin a character that is not whole yet."""
    for length in range(1, min(3, len(raw)) + 1):
        lead = raw[-length]
        if 0xC2 <= lead <= 0xF4:
            return length if length < (2 if lead < 0xE0 else 3 if lead < 0xF0 else 4) else 0
        if not 0x80 <= lead < 0xC0:
            return 0
    return 0
