"""What the audit told of a session's statements, once the session has ended."""

from tests.keyless import Audit, Event


def statements(audit: Audit, count: int) -> list[Event]:
    """Their events: so many, and no more."""
    audit.wait("session.end")
    events = audit.events("postgres.query")
    assert len(events) == count, [event["statement"] for event in events]
    return events


def some(events: list[Event], *fields: str) -> list[tuple[object, ...]]:
    return [tuple(event[field] for field in fields) for event in events]
