"""A conversation survives both of its forms, and any bytes are one."""

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.api import Side
from tests.fuzz.conversation import Conversation, Step, in_pieces, read, unpack, write
from tests.fuzz.postgres.framing import MESSAGES, SESSION
from tests.wire import message

_messages = st.lists(st.builds(message, st.sampled_from([b"Q", b"Z"]), st.binary(max_size=20)))
_data = st.builds(lambda whole, rest: b"".join(whole) + rest, _messages, st.binary(max_size=9))
_steps = st.lists(st.builds(Step, st.sampled_from(Side), _data), max_size=6).map(tuple)
_quick = settings(max_examples=50, deadline=None, derandomize=True)
_conversations = st.builds(Conversation, _steps, st.integers(0, 2**32 - 1))


@_quick
@given(_conversations)
def test_as_text(conversation: Conversation) -> None:
    text = write(conversation, SESSION, "what it is\nand more of that")
    assert text.startswith("# what it is\n# and more of that\n")
    assert read(text) == conversation


@_quick
@given(_conversations)
def test_packed(conversation: Conversation) -> None:
    assert unpack(conversation.pack()) == conversation


@_quick
@given(st.binary())
def test_any_bytes_are_a_conversation(packed: bytes) -> None:
    conversation = unpack(packed)
    assert unpack(conversation.pack()) == conversation
    assert conversation.size <= len(packed)


def test_a_message_has_a_line_of_its_own() -> None:
    said = message(b"Q", b"SELECT '\n'\0") + message(b"X") + b"Q\0"
    text = write(Conversation((Step(Side.CLIENT, said),)), SESSION, "it")
    assert text.splitlines()[1:] == [
        "client",
        r"""  b"Q\x00\x00\x00\x0fSELECT '\n'\x00\"""".replace('\\"', '"'),
        r"  b'X\x00\x00\x00\x04'",
        r"  b'Q\x00'",
    ]


@_quick
@given(_data, st.lists(st.integers(1, 9), min_size=1))
def test_pieces_are_the_whole(data: bytes, sizes: list[int]) -> None:
    pieces = list(in_pieces(data, sizes))
    assert b"".join(pieces) == data
    assert [len(piece) for piece in pieces[:-1]] == [
        sizes[number % len(sizes)] for number in range(len(pieces) - 1)
    ]


@_quick
@given(_data)
def test_messages_are_the_whole(data: bytes) -> None:
    assert b"".join(MESSAGES.split(data)) == data


def test_a_length_is_made_true_or_a_lie() -> None:
    assert MESSAGES.fit(b"Q____SELECT\0") == message(b"Q", b"SELECT\0")
    assert MESSAGES.claim(message(b"Q", b"SELECT\0"), 5) == b"Q\0\0\0\x05SELECT\0"
    assert MESSAGES.fit(b"Q\0") == b"Q\0"
    assert MESSAGES.split(b"Q\0\0\0\x03Q") == [b"Q\0\0\0\x03Q"]
