"""MariaDB's ed25519 plugin: a signature as in RFC 8032, except that the private key is the password
itself, of any length; libraries insist on 32 bytes, so the curve's arithmetic is here.

It takes some milliseconds and is not constant in time: run it where nobody waits, for logins alone.
"""

from hashlib import sha512

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
_BASE_Y = 4 * pow(5, -1, _P) % _P

# A point (x, y) is kept as (X, Y, Z, T), x = X/Z, y = Y/Z, x * y = T/Z: RFC 8032, 5.1.4.
_Point = tuple[int, int, int, int]
_NEUTRAL: _Point = (0, 1, 1, 0)
_BASE: _Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)


def sign(password: bytes, message: bytes) -> bytes:
    """The 64 bytes that prove to know the password."""
    digest = sha512(password).digest()
    secret, prefix = _clamp(digest[:32]), digest[32:]
    nonce = _number(prefix + message)
    commitment, public = _encode(_times(nonce, _BASE)), _encode(_times(secret, _BASE))
    challenge = _number(commitment + public + message)
    return commitment + ((nonce + challenge * secret) % _ORDER).to_bytes(32, "little")


def _clamp(raw: bytes) -> int:
    number = int.from_bytes(raw, "little")
    return number & ~7 & ((1 << 254) - 1) | 1 << 254


def _number(data: bytes) -> int:
    return int.from_bytes(sha512(data).digest(), "little") % _ORDER


def _times(factor: int, point: _Point) -> _Point:
    result = _NEUTRAL
    while factor:
        if factor & 1:
            result = _add(result, point)
        point = _add(point, point)
        factor >>= 1
    return result


def _add(one: _Point, other: _Point) -> _Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _encode(point: _Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")
