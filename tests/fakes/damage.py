"""What may happen to a message on its way, or at a venue that does not mean well."""

from random import Random

import msgspec

JOINTS = [
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"-",
    b"e9",
    b".",
    b"0",
    b"null",
    b"\xff",
    b"\\",
]
JOINTS += [b"99999999999999999999", b"0.0000000000001", b"\\u0000", b"@", b"depth5", b"!"]


def spoilt(message: bytes, other: bytes, chance: Random) -> bytes:
    """Flip, cut, splice and repeat, a few times."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(message) + 1)
        end = min(len(message), at + chance.choice((0, 1, 1, 2, 10, 300)))
        put = chance.choice(
            (
                b"",
                bytes([chance.randrange(256)]),
                chance.choice(JOINTS),
                str(chance.getrandbits(chance.choice((3, 40, 62, 64, 90)))).encode(),
                other[chance.randrange(len(other)) :][: chance.choice((1, 20, 2_000))],
                message[at:end] * chance.choice((1, 2, 50)),
            )
        )
        message = message[:at] + put + message[end:]
    return message


def digits_changed(message: bytes, chance: Random) -> bytes:
    """Stay JSON for the most part: change, add and take away digits only."""
    spots = [at for at, letter in enumerate(message) if letter in b"0123456789."]
    for at in sorted(chance.sample(spots, min(3, len(spots))), reverse=True):
        put = bytes(chance.choice(b"0123456789.") for _ in range(chance.choice((0, 1, 1, 3, 20))))
        message = message[:at] + put + message[at + 1 :]
    return message


def integers(value: object) -> list[int]:
    if isinstance(value, bool):
        return []
    if isinstance(value, int):
        return [value]
    if isinstance(value, msgspec.Struct):
        fields = [field for field in value.__struct_fields__ if field != "checksum"]  # Has a sign.
        return [n for field in fields for n in integers(getattr(value, field))]
    if isinstance(value, list | tuple):
        return [number for one in value for number in integers(one)]
    return []
