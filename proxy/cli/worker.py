"""What `keyless serve` starts where it has several workers; nobody else does.

It is told by descriptors: its end of a channel, the workers' page, and what it is to do.
"""

import signal
import socket
import sys

from proxy import loop
from proxy.cli.options import set_up_logging
from proxy.config import parse_text
from proxy.workers.briefing import read
from proxy.workers.page import Page
from proxy.workers.worker import Worker


def main(*descriptors: str) -> None:
    end, page, told = map(int, descriptors)
    for number in (signal.SIGTERM, signal.SIGINT):  # may come to all processes of a group at once
        signal.signal(number, lambda *_: None)  # and the parent says what is to be done
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))
    briefing = read(told)
    config = parse_text(briefing.text, briefing.path)
    set_up_logging(config.log_level)
    channel = socket.socket(fileno=end)
    channel.set_inheritable(False)

    async def work() -> None:
        await Worker(config, briefing, channel, Page(page)).run()

    loop.run(work())


if __name__ == "__main__":
    main(*sys.argv[1:])
