"""A cgroup around a sandbox, where systemd gives one.

The kernel then counts all that a submission takes, also what no process has, such as the buffers of sockets, and two
submissions beside each other get the processor in equal shares, however many processes one of them starts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache

from coursekit.homework.sandbox.limits import Limits

_MARGIN = 512 << 20  # what the grader counts itself shall be over first, since it says so in words
_SHOW = 'cat "/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/memory.max"'
_TRIED = 64 << 20
_SECONDS = 20.0


def around(limits: Limits) -> list[str]:
    """Return what comes before a command, so that it runs in a cgroup of its own; nothing where there is none."""
    most = limits.memory + 2 * limits.disk + _MARGIN
    return _scope(_tool(), most, limits.processes) if is_there() else []


@cache
def is_there() -> bool:
    """Tell whether systemd makes cgroups here whose limits hold: one is made, and asked."""
    if not _tool():
        return False
    try:
        shown = subprocess.run([*_scope(_tool(), _TRIED, 64), "sh", "-c", _SHOW], capture_output=True, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return shown.stdout.strip() == str(_TRIED).encode()


def _tool() -> str:
    return shutil.which("systemd-run") or ""


def _scope(tool: str, memory: int, processes: int) -> list[str]:
    """Return the command that starts another in a scope, which ends with it, and with an empty environment."""
    is_root = os.geteuid() == 0
    bus = [] if is_root else [f"XDG_RUNTIME_DIR={os.environ.get('XDG_RUNTIME_DIR') or f'/run/user/{os.geteuid()}'}"]
    most = {"MemoryMax": memory, "MemorySwapMax": 0, "TasksMax": processes, "CPUWeight": 100}
    return [
        *("env", "-i", *bus, tool, *([] if is_root else ["--user"])),
        *("--scope", "--quiet", "--collect", *(f"--property={name}={value}" for name, value in most.items())),
        *("--", "env", "-i"),
    ]
