import shutil

import pytest

from tests.networks.model_files import save, small


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """The small network in both formats."""
    folder, model = tmp_path_factory.mktemp("saved"), small()
    return {suffix: save(model, folder / f"small{suffix}") for suffix in (".keras", ".h5")}


@pytest.fixture
def own(saved, tmp_path):
    """A function that copies the small network into the test's folder, to be tampered with."""
    return lambda suffix: shutil.copy(saved[suffix], tmp_path / f"own{suffix}")
