"""What a closed role lets pass, beside a second and simpler reading of each packet that went on."""

from protocols.api import Side
from protocols.ssh.encoding import Reader
from protocols.ssh.messages import ChannelOpen, ChannelRequest, GlobalRequest, Message
from protocols.ssh.options import SshOptions
from tests.fuzz.conversation import Conversation
from tests.fuzz.ssh import settings
from tests.fuzz.ssh.shown import Shown, show_all
from tests.fuzz.target import Breach, Checked

_TO_ASK = {b"pty-req", b"window-change", b"signal", b"break", b"xon-xoff"}
_FOREIGN = ("keepalive@", "eow@openssh.com", "winadj@putty", "simple@putty")
_HOST_KEYS = {b"hostkeys-00@openssh.com", b"hostkeys@openssh.com"}
_CANCELS = {b"cancel-tcpip-forward", b"cancel-streamlocal-forward@openssh.com"}


def check(conversation: Conversation) -> Checked:
    role = settings.closed(conversation.dice)
    passed: list[tuple[Side, bytes]] = []
    shown = Shown(lambda _: None, role, lambda side, packet: passed.append((side, packet)))
    messages, end = show_all(shown, conversation)
    for side, packet in passed:
        may = _may_reach_upstream if side is Side.UPSTREAM else _may_reach_client
        if not may(packet, role):
            raise Breach(f"{packet!r} reaches the {side.value}")
    kinds = {(side, packet[0]) for side, packet in passed}
    return Checked(messages, (end, frozenset(kinds)))


def _may_reach_upstream(packet: bytes, role: SshOptions) -> bool:
    match packet[0]:
        case Message.CHANNEL_OPEN:
            message = ChannelOpen.decode(packet)
            return message.kind == b"session" or (
                message.kind == b"direct-tcpip" and _place(message.details) == settings.TARGET
            )
        case Message.CHANNEL_REQUEST:
            return _may_be_asked(ChannelRequest.decode(packet), role)
        case Message.GLOBAL_REQUEST:
            return _may_be_asked_of_none(GlobalRequest.decode(packet))
    return True


def _may_be_asked(request: ChannelRequest, role: SshOptions) -> bool:
    allowed = {
        b"shell": role.shell,
        b"auth-agent-req@openssh.com": role.forward_agent,
        b"x11-req": role.forward_x11,
    }
    sftp = ("sftp",) if role.sftp != "off" else ()
    words = {b"exec": role.exec, b"subsystem": role.subsystems + sftp, b"env": role.accept_env}
    if request.name in words:
        return _first(request.details).decode() in words[request.name]
    harmless = request.name in _TO_ASK or request.name.decode("latin-1").startswith(_FOREIGN)
    return allowed.get(request.name, harmless)


def _may_be_asked_of_none(request: GlobalRequest) -> bool:
    if request.name == b"tcpip-forward":
        return _place(request.details) == settings.LISTENER
    harmless = (b"keepalive@", b"no-more-sessions@openssh.com")
    return request.name in _CANCELS or request.name.startswith(harmless)


def _may_reach_client(packet: bytes, role: SshOptions) -> bool:
    match packet[0]:
        case Message.CHANNEL_OPEN:
            message = ChannelOpen.decode(packet)
            of_role = {b"auth-agent@openssh.com": role.forward_agent, b"x11": role.forward_x11}
            to_listener = message.kind == b"forwarded-tcpip" and _port(message.details) == 8080
            return to_listener or of_role.get(message.kind, False)
        case Message.GLOBAL_REQUEST:
            return GlobalRequest.decode(packet).name not in _HOST_KEYS
    return True


def _first(details: bytes) -> bytes:
    return Reader(details).string()


def _place(details: bytes) -> str:
    reader = Reader(details)
    return f"{reader.string().decode().lower()}:{reader.uint32()}"


def _port(details: bytes) -> int:
    reader = Reader(details)
    reader.string()
    return reader.uint32()
