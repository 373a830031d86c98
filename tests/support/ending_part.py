"""A part that ends with words, a thread that goes on, and an object that is finalized at the very end."""

import sys
import threading
import time
import weakref


class Kept:
    """What is there until the process ends."""


kept = Kept()


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def go_on() -> None:
    time.sleep(0.2)
    say("the thread has ended")


def main() -> None:
    weakref.finalize(kept, say, "finalized")
    threading.Thread(target=go_on).start()
    sys.exit("it has ended")
