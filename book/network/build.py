"""Build network.wasm from network.c: ``python book/network/build.py``; with ``--check``, compare instead of writing.

The compiler is Zig's, as PyPI has it, of one version: the same bytes come out on every machine. Where that package is
not installed, uv fetches it (100 MB) for this run, checked against the hashes in requirements.txt.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
FLAGS = ["-target", "wasm32-freestanding", "-mcpu=generic+simd128+bulk_memory", "-O3", "-nostdlib", "-Wall", "-Wextra"]
FLAGS += ["-Werror", "-Wl,--no-entry", "-Wl,--strip-all"]


def compiled(source: Path = HERE / "network.c") -> bytes:
    """Return what the locked compiler makes of a C file."""
    with tempfile.TemporaryDirectory() as folder:
        if importlib.util.find_spec("ziglang") is None:
            uv = Path(sys.executable).with_name("uv")
            fetched = [uv if uv.exists() else "uv", "pip", "sync", "--quiet", "--python", sys.executable]
            fetched += ["--require-hashes", "--target", folder, HERE / "requirements.txt"]
            subprocess.run(fetched, check=True)
        start = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('ziglang', alter_sys=True)"
        zig = [sys.executable, "-c", start, folder, "cc"]
        made = Path(folder, "network.wasm")
        # By its name, in its folder: nothing of where it lies comes into the file. What Zig keeps goes too.
        kept = dict.fromkeys(("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"), str(Path(folder, "cache")))
        command = [*zig, *FLAGS, source.name, "-o", made]
        subprocess.run(command, cwd=source.parent, env={**os.environ, **kept}, check=True)
        return made.read_bytes()


def main() -> int:
    """Build, or compare; return 0 if all is well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the file that is there, and write nothing")
    asked = parser.parse_args()
    target, made = HERE / "network.wasm", compiled()
    if not asked.check:
        target.write_bytes(made)
    elif target.read_bytes() != made:
        print("network.wasm is not what network.c gives: run python book/network/build.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
