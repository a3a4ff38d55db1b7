"""A set of 64-bit digests that expire, 16 bytes each: 500,000 digests take 8 MB, a set of strings takes 70 MB.

One thread changes the set; any number of threads search it. A change replaces a small sorted array and never modifies
an array that a search may be reading.
"""

import hashlib
from array import array
from bisect import bisect_left
from typing import Final

SHARDS: Final = 4096
_SHIFT: Final = 64 - 12
Shard = tuple["array[int]", "array[int]"]
EMPTY: Final[Shard] = (array("Q"), array("Q"))


def digest_of(text: str) -> int:
    """Return the digest of a text: 64 bits of BLAKE2b (RFC 7693); one of 500,000 equals another text's by 1 in
    10**13.
    """
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest())


class DigestSet:
    """Digests with an expiry time in Unix seconds."""

    def __init__(self) -> None:
        self._shards: dict[int, Shard] = {}
        self._next = 0
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __contains__(self, digest: int) -> bool:
        shard = self._shards.get(digest >> _SHIFT)
        if shard is None:
            return False
        at = bisect_left(shard[0], digest)
        return at < len(shard[0]) and shard[0][at] == digest

    def add(self, digest: int, until: int) -> None:
        """Add a digest; the later of two expiry times counts."""
        digests, ends = self._shards.get(digest >> _SHIFT, EMPTY)
        at = bisect_left(digests, digest)
        if at < len(digests) and digests[at] == digest:
            if ends[at] < until:
                ends[at] = until
            return
        digests, ends = digests[:], ends[:]
        digests.insert(at, digest)
        ends.insert(at, until)
        self._shards[digest >> _SHIFT] = digests, ends
        self._size += 1

    def discard_expired(self, now: float, *, shards: int = SHARDS) -> None:
        """Discard the expired digests of the next shards; one part of the set does not block other threads for long."""
        for number in range(self._next, self._next + shards):
            shard = self._shards.get(number % SHARDS)
            if shard is None or min(shard[1]) > now:
                continue
            kept = [(digest, end) for digest, end in zip(*shard, strict=True) if end > now]
            self._size += len(kept) - len(shard[0])
            if kept:
                self._shards[number % SHARDS] = array("Q", [each[0] for each in kept]), array("Q", [e[1] for e in kept])
            else:
                del self._shards[number % SHARDS]
        self._next = (self._next + shards) % SHARDS
