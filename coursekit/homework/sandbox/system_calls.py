"""Which calls of the Linux kernel a sandbox refuses: those that get memory which no limit counts, and the riskier ones.

Memory in a memfd or in System V shared memory, semaphores and messages belongs to no process, and in a user namespace
of one's own one can mount a tmpfs without a limit. A lock on a file that all sandboxes can read would carry bits from
one to the other. The other calls are of no use to a notebook, and have had the kernel's worst faults.
"""

import errno
import platform
import struct

# name: number on x86-64, on ARM64
_REFUSED = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "ptrace": (101, 117),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
}
_CLONE, _CLONE3 = (56, 220), (435, 435)
_FLOCK, _FCNTL, _SOCKET = (73, 32), (72, 25), (41, 198)
# fcntl's commands that lock: F_GETLK, F_SETLK, F_SETLKW, the same of an open file, leases.
_LOCKING = (5, 6, 7, 36, 37, 38, 1024, 1025)
# Of sockets: Unix, IPv4, IPv6, netlink; so not vsock, which reaches out of a virtual machine.
_FAMILIES = (1, 2, 10, 16)
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # the column above, and the kernel's number for it
_NEW_USER_NAMESPACE = 0x10000000
_X32 = 0x40000000  # on x86-64 the same calls have a second set of numbers from here on

# Instructions of the kernel's packet filter, which also filters system calls.
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24  # offsets in struct seccomp_data


def filter_program() -> bytes:
    """Return the filter, for ``bwrap --seccomp``; empty on a machine that is neither x86-64 nor ARM64."""
    if platform.machine() not in _MACHINES:
        return b""
    column, architecture = _MACHINES[platform.machine()]
    refuse = _step(_RETURN, _REFUSE | errno.EPERM)
    # A step "if" goes on with the next step if it holds, else it leaves that one out.
    steps = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_IF_EQUAL, architecture, 1, 0) + refuse,
        _step(_LOAD, _NUMBER),
        *[_step(_IF_EQUAL, numbers[column], 0, 1) + refuse for numbers in _REFUSED.values()],
        # "No such call" makes HDF5 do without a lock.
        _step(_IF_EQUAL, _FLOCK[column], 0, 1) + _step(_RETURN, _REFUSE | errno.ENOSYS),
        _only_for(
            _FCNTL[column],
            _step(_LOAD, _SECOND_ARGUMENT)
            + b"".join(_step(_IF_EQUAL, what, 0, 1) + _step(_RETURN, _REFUSE | errno.ENOLCK) for what in _LOCKING)
            + _step(_RETURN, _ALLOW),
        ),
        _only_for(
            _SOCKET[column],
            _step(_LOAD, _FIRST_ARGUMENT)
            + b"".join(_step(_IF_EQUAL, family, 0, 1) + _step(_RETURN, _ALLOW) for family in _FAMILIES)
            + _step(_RETURN, _REFUSE | errno.EAFNOSUPPORT),
        ),
        # clone3 has its flags where no filter can look. "No such call" makes libc take clone.
        _step(_IF_EQUAL, _CLONE3[column], 0, 1) + _step(_RETURN, _REFUSE | errno.ENOSYS),
        _step(_IF_AT_LEAST, _X32, 0, 1) + refuse,
        _step(_IF_EQUAL, _CLONE[column], 1, 0) + _step(_RETURN, _ALLOW),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_IF_SET, _NEW_USER_NAMESPACE, 0, 1) + refuse,
        _step(_RETURN, _ALLOW),
    ]
    return b"".join(steps)


def _only_for(number: int, steps: bytes) -> bytes:
    """Return steps that are left out for other calls; they end with a return."""
    return _step(_IF_EQUAL, number, 0, len(steps) // len(_step(0, 0))) + steps


def _step(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_so, if_not, value)
