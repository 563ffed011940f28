"""`captions …`: read the command, import what it needs, carry it out.

Exit codes: 0 done; 1 it could not be done, and one sentence on standard error says why;
2 the command is not understood; 3 done, but some images failed; 130 stopped by Ctrl-C.
"""

import importlib
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence

from cli.grammar import build_parser
from cli.quiet import without_notes

INTERRUPTED = 130
BROKEN_PIPE = 141


def main(words: Sequence[str] | None = None) -> int:
    arguments = build_parser().parse_args(words)
    try:
        return find(arguments.handler)(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return BROKEN_PIPE
    except _sentences() as error:
        print(f"captions: {error}", file=sys.stderr)
        return 1


def find(handler: str) -> Callable[[Namespace], int]:
    """The function that `module:function` names."""
    module, function = handler.split(":")
    with without_notes():
        command: Callable[[Namespace], int] = getattr(importlib.import_module(module), function)
    return command


def _sentences() -> tuple[type[Exception], ...]:
    """The errors whose message is a sentence for people; any other is a fault of ours.

    An error cannot come from a package that was not imported, and not every image has all.
    """
    names = (("cli", "CliError"), ("jobs", "CaptionsError"), ("captioning", "CaptioningError"))
    modules = ((sys.modules.get(f"{package}.errors"), name) for package, name in names)
    return (OSError, *(getattr(module, name) for module, name in modules if module))


if __name__ == "__main__":
    sys.exit(main())
