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

_MARGIN = 512 << 20  # so that the grader, which counts itself, is mostly the first to stop a run: it says why
_TRIAL_MEMORY, _TRIAL_TASKS, _TRIAL_SECONDS = 64 << 20, 64, 20.0
_PRINT_LIMITS = 'cd "/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)" && cat memory.max pids.max cpu.weight'
_WEIGHT = 100


def around(limits: Limits) -> list[str]:
    """Return what comes before a command, so that it runs in a cgroup of its own; nothing where there is none."""
    most = limits.memory + 2 * limits.disk + _MARGIN
    return _scope(most, limits.processes) if is_there() else []


@cache
def is_there() -> bool:
    """Tell whether systemd makes cgroups here in which all limits hold: one is made, and asked."""
    if not _tool():
        return False
    trial = [*_scope(_TRIAL_MEMORY, _TRIAL_TASKS), "sh", "-c", _PRINT_LIMITS]
    try:
        shown = subprocess.run(trial, capture_output=True, text=True, timeout=_TRIAL_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return shown.stdout.split() == [str(_TRIAL_MEMORY), str(_TRIAL_TASKS), str(_WEIGHT)]


def _tool() -> str:
    return shutil.which("systemd-run") or ""


def _scope(memory: int, processes: int) -> list[str]:
    """Return the command that starts another in a scope, which ends with it, and with an empty environment."""
    is_root = os.geteuid() == 0
    bus = [] if is_root else [f"XDG_RUNTIME_DIR={os.environ.get('XDG_RUNTIME_DIR') or f'/run/user/{os.geteuid()}'}"]
    whose = ["--slice-inherit"] if is_root else ["--user"]  # root's: within what bounds the grader
    most = {"MemoryMax": memory, "MemorySwapMax": 0, "TasksMax": processes, "CPUWeight": _WEIGHT}
    return [
        *("env", "-i", *bus, _tool(), *whose, "--scope", "--quiet", "--collect", "--description=a submission"),
        *(f"--property={name}={value}" for name, value in most.items()),
        *("--", "env", "-i"),
    ]
