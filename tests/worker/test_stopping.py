"""A stop that a signal wants reaches every sleeper."""

import subprocess
import sys
import threading

from worker.stopping import EXIT_AT_ONCE, Stop

LISTENS = """
from worker.stopping import Stop, listen
stop = Stop()
listen(stop)
print("listening", flush=True)
stop.wait(60)
print("stopping", flush=True)
{then}
"""


def test_a_sleeper_wakes_when_a_stop_is_wanted() -> None:
    # Given a thread asleep for an hour
    stop = Stop()
    woken: list[bool] = []
    sleeper = threading.Thread(target=lambda: woken.append(stop.wait(3600)))
    sleeper.start()

    # When
    stop.set()
    sleeper.join(10)

    # Then
    assert woken == [True]
    assert stop.is_set()


def test_a_stop_is_not_wanted_before_it_is() -> None:
    stop = Stop()

    assert not stop.wait(0)
    assert not stop.is_set()


def test_the_first_signal_asks_and_the_second_ends_the_process_at_once() -> None:
    # Given a process that would never stop. (In short naps: a signal in the moment before a long
    # one is heard only after it.)
    script = LISTENS.format(then="import time\nwhile True: time.sleep(0.05)")
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"listening\n"

        # When, then
        process.terminate()
        assert process.stdout.readline() == b"stopping\n"
        process.terminate()
        assert process.wait(10) == EXIT_AT_ONCE
