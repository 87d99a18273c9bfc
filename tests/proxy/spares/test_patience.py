"""When upstream is tried for nobody: ever less while it fails, and never once it refuses."""

from proxy.spares.patience import Patience


def test_at_first_always() -> None:
    assert Patience().permits(0)


def test_a_pause_doubles_up_to_a_minute() -> None:
    patience, now = Patience(), 100.0
    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        patience.failed(now)
        assert not patience.permits(now + pause - 0.01)
        now += pause
        assert patience.permits(now)


def test_what_fails_at_the_same_time_fails_once() -> None:
    patience = Patience()
    for _ in range(10):
        patience.failed(100)
    assert patience.permits(101)


def test_a_spare_that_is_of_use_makes_the_next_pause_short() -> None:
    patience = Patience()
    patience.failed(0)
    patience.failed(10)
    patience.served(by_spare=True)
    patience.failed(20)
    assert patience.permits(21)


def test_a_session_that_logs_in_itself_says_nothing_of_those_that_wait() -> None:
    patience = Patience()
    patience.failed(0)
    patience.served(by_spare=False)
    patience.failed(10)
    assert not patience.permits(11)


def test_a_refused_login_is_left_to_those_who_need_it() -> None:
    patience = Patience()
    patience.rejected()
    patience.served(by_spare=True)
    assert not patience.permits(1_000_000)
    patience.served(by_spare=False)
    assert patience.permits(0)
