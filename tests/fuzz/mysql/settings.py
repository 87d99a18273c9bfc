"""What a session has agreed on, and what its role says: drawn by a conversation's dice.

Of a recorded one the dice are what was agreed there.
"""

from protocols.api import Flow
from protocols.mysql.capabilities import Agreed, Capability
from protocols.mysql.login import MysqlLogin, MysqlOptions
from tests.protocols.mysql.server import SCRAMBLE, role

_FLAGS = {
    0x02: Capability.DEPRECATE_EOF,
    0x04: Capability.QUERY_ATTRIBUTES,
    0x08: Capability.OPTIONAL_RESULTSET_METADATA,
    0x10: Capability.CACHE_METADATA,
    0x20: Capability.PROGRESS,
}
_UNAUDITED_PARAMETERS, REPLICATION, _ZSTD = 0x01, 0x40, 0x80
_CHARSETS = (45, 45, 28, 13)  # utf8mb4, GBK, Shift-JIS
_COMPRESSION = Capability.COMPRESS | Capability.ZSTD_COMPRESSION_ALGORITHM


def dice_of(agreed: Capability) -> int:
    """Dice by which the same is drawn."""
    zstd = agreed & _COMPRESSION == Capability.ZSTD_COMPRESSION_ALGORITHM
    return sum(bit for bit, flag in _FLAGS.items() if flag in agreed) | (_ZSTD if zstd else 0)


def algorithm(dice: int) -> str:
    return "zstd" if dice & _ZSTD else "zlib"


def login(dice: int, *, parameters: bool | None = None) -> MysqlLogin:
    """A role's, of which parameters are audited as the dice say or as is said here."""
    audited = not dice & _UNAUDITED_PARAMETERS if parameters is None else parameters
    options = MysqlOptions(
        audit_parameters=audited, replication=bool(dice & REPLICATION), databases=("shop",)
    )
    return role(options=options).without_credentials()


def flow(dice: int, *, compressed: bool = False) -> Flow:
    flags = Capability.PROTOCOL_41 | Capability.PLUGIN_AUTH
    for bit, flag in _FLAGS.items():
        flags |= flag if dice & bit else 0
    if compressed:
        zlib, zstd = Capability.COMPRESS, Capability.ZSTD_COMPRESSION_ALGORITHM
        flags |= zstd if dice & _ZSTD else zlib
    agreed = Agreed(
        capabilities=flags,
        server_version="9.7.4",
        mariadb=False,
        charset=_CHARSETS[dice >> 8 & 3],
        thread_id=7,
        scramble=SCRAMBLE,
    )
    return Flow(b"", b"", None, {}, agreed=agreed)
