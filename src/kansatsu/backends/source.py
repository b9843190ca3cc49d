"""The body of a request on its way to a backend, of which the end is held back until the whole is known to be right."""

from collections.abc import AsyncIterator

from kansatsu.errors import AwsError


class Source:
    """A body in pieces, one of which is always held back until it is known whether another follows."""

    def __init__(self, pieces: AsyncIterator[bytes], length: int) -> None:
        self.length = length
        self.first = b""
        self.untouched = True  # nobody asked for any of it
        self.complete = False  # all of it was there, and was right
        self._rest = pieces
        self._held = b""
        self._total = 0

    @classmethod
    async def open(cls, pieces: AsyncIterator[bytes], length: int) -> "Source":
        """Wait for the first piece, so that nothing is sent for an empty or a small body that turns out wrong."""
        source = cls(pieces, length)
        source._held = await source._next()
        source.first = await source._take()
        return source

    async def pieces(self) -> AsyncIterator[bytes]:
        self.untouched = False
        piece, self.first = self.first, b""
        while True:
            yield piece
            if self.complete:
                return
            piece = await self._take()

    async def _take(self) -> bytes:
        piece = self._held
        self._held = await self._next() if piece else b""
        self.complete = not self._held
        return piece

    async def _next(self) -> bytes:
        """What follows, b"" after the last piece."""
        found = b""
        async for found in self._rest:
            if found:
                break
        self._total += len(found)
        # INVARIANT: a body of another length than announced never completes upstream.
        if self._total > self.length or (not found and self._total < self.length):
            raise AwsError(
                "You did not provide the number of bytes specified by the Content-Length HTTP header",
                code="IncompleteBody",
                status=400,
            )
        return found
