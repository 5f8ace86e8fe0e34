"""What tests of the sandbox share."""

import os

import pytest

from coursekit.homework import sandbox
from coursekit.homework.sandbox import cgroup
from tests.homework.handed_in import needs_sandbox  # noqa: F401, needs_cgroup asks for it


@pytest.fixture(scope="module")
def needs_cgroup(needs_sandbox):  # noqa: F811
    """Skip where systemd makes no cgroups; with COURSEKIT_REQUIRE_CGROUP=1, fail."""
    if not cgroup.is_there():
        if os.environ.get("COURSEKIT_REQUIRE_CGROUP") == "1":
            pytest.fail("systemd makes no cgroups here.")
        pytest.skip("systemd makes no cgroups here")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """What all sandboxes need, in a folder that their users can read."""
    folder = tmp_path_factory.mktemp("grading")
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o755)
    (folder / "prepared").mkdir()
    sandbox.prepare(folder / "prepared")
    return folder / "prepared"
