import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from distributed import Client, LocalCluster
from PIL import Image

from coursekit import photos, squeezenet, top_patches, with_preprocessing
from coursekit.networks.backend import keras
from coursekit.techniques import patches
from tests.techniques.searches import LARGE, PICTURES, small

ROOT = Path(__file__).parents[2]
layers = keras.layers


@pytest.fixture(scope="module")
def model():
    return small()


@pytest.fixture(scope="module")
def course():
    return squeezenet(), photos()[0]


def assert_same(first, second):
    """Everything is the same, to the bit."""
    for name in ("channels", "values", "pictures", "positions", "boxes", "sizes"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        assert getattr(first, name).dtype == getattr(second, name).dtype
    assert (first.layer, first.searched) == (second.layer, second.searched)
    for crops, others in zip(first.crops, second.crops, strict=True):
        for crop, other in zip(crops, others, strict=True):
            assert crop.dtype == other.dtype
            np.testing.assert_array_equal(crop, other)


class TestStopping:
    @staticmethod
    def interrupted(pictures, after):
        """Yield pictures; then Ctrl-C is pressed."""
        for i, picture in enumerate(pictures):
            if i == after:
                signal.raise_signal(signal.SIGINT)
            yield picture

    def test_ctrl_c_gives_what_was_found(self, model):
        with pytest.warns(UserWarning, match=r"Interrupted: (\d+) pictures were searched"):
            result = top_patches(model, "deep", self.interrupted(PICTURES, 30), batch_size=4)
        assert 16 <= result.searched <= 28
        assert_same(result, top_patches(model, "deep", PICTURES[: result.searched], batch_size=4))

    def test_ctrl_c_before_anything_was_found(self, model):
        with pytest.raises(KeyboardInterrupt):
            top_patches(model, "deep", self.interrupted(PICTURES, 1))

    def test_going_on_after_ctrl_c(self, model, tmp_path):
        state = tmp_path / "search.npz"
        with pytest.warns(UserWarning, match="Interrupted"):
            part = top_patches(model, "deep", self.interrupted(PICTURES, 30), batch_size=4, state=state)
        assert part.searched < 41
        whole = top_patches(model, "deep", iter(PICTURES), batch_size=4, state=state)
        assert_same(whole, top_patches(model, "deep", PICTURES, batch_size=4))

    @pytest.mark.parametrize("source", ["PICTURES", "iter(PICTURES)"])
    def test_going_on_after_being_killed(self, source, tmp_path):
        np.save(tmp_path / "pictures.npy", PICTURES)
        small(dtype="float32").save(tmp_path / "small.keras")
        code = f"""
            import os, signal
            import numpy as np
            from coursekit import load_network, top_patches
            from coursekit.techniques import patches
            patches.SAVE_SECONDS = 0
            PICTURES = np.load("pictures.npy")
            merge, merged = patches.Search.merge, []
            def merge_and_die(self, tables):
                merged.append(1)
                if len(merged) == 6:
                    os.kill(os.getpid(), signal.SIGKILL)
                return merge(self, tables)
            patches.Search.merge = merge_and_die
            top_patches(load_network("small.keras"), "deep", {source}, batch_size=4, state="search.npz")
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        with np.load(tmp_path / "search.npz") as stored:
            assert int(stored["done"]) == 20
        model = keras.models.load_model(tmp_path / "small.keras")
        images = PICTURES if source == "PICTURES" else iter(PICTURES)
        result = top_patches(model, "deep", images, batch_size=4, state=tmp_path / "search.npz")
        assert_same(result, top_patches(model, "deep", PICTURES, batch_size=4))
        assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []

    def test_a_finished_search_computes_nothing(self, model, tmp_path, monkeypatch):
        first = top_patches(model, "deep", PICTURES, state=tmp_path / "search.npz")
        monkeypatch.setattr(patches, "_answer", None)
        assert_same(top_patches(model, "deep", PICTURES, state=tmp_path / "search.npz"), first)

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"k": 5}, "k"),
            ({"layer": "conv"}, "layer, channels"),
            ({"channels": [1]}, "channels"),
            ({"per_picture": 2}, "per_picture"),
            ({"scan": True}, "scan, batch_size"),
            ({"batch_size": 8}, "batch_size"),
            ({"images": PICTURES[:40]}, "number of pictures"),
            ({"images": 255 - PICTURES}, "pictures"),
        ],
    )
    def test_the_state_of_another_search(self, change, named, model, tmp_path):
        arguments = {"layer": "deep", "images": PICTURES, "k": 9, "state": tmp_path / "search.npz"}
        top_patches(model, **arguments)
        before = arguments["state"].read_bytes()
        with pytest.raises(ValueError, match=rf"search\.npz holds a search that differs in: {named}\. Delete it"):
            top_patches(model, **{**arguments, **change})
        assert arguments["state"].read_bytes() == before

    def test_the_state_of_another_network(self, tmp_path):
        model = small()
        top_patches(model, "deep", PICTURES, state=tmp_path / "search.npz")
        model.get_layer("deep").bias.assign_add([0, 0, 0, 0, 0, 1e-3])
        with pytest.raises(ValueError, match=r"differs in: network"):
            top_patches(model, "deep", PICTURES, state=tmp_path / "search.npz")

    def test_no_state(self, model, tmp_path):
        (tmp_path / "text.npz").write_text("Dear network,")
        with pytest.raises(ValueError, match=r"text\.npz is not the state of a search, or damaged"):
            top_patches(model, "deep", PICTURES, state=tmp_path / "text.npz")
        with pytest.raises(FileNotFoundError, match="no folder"):
            top_patches(model, "deep", PICTURES, state=tmp_path / "nowhere" / "search.npz")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells it in /proc")
def test_memory_stays_flat():
    # Not by getrusage: what the process that began this one had at its peak counts there, and hides what comes here.
    code = """
        import re
        from pathlib import Path
        import numpy as np
        from coursekit import top_patches
        from coursekit.networks.backend import keras
        layers = keras.layers
        model = keras.Sequential([keras.Input((32, 32, 3)), layers.Conv2D(8, 3, name="conv"), layers.MaxPooling2D(),
                                  layers.Conv2D(8, 3, name="deep")])
        random = np.random.default_rng(0)
        def stream(count):
            return (random.integers(0, 256, (32, 32, 3), np.uint8) for _ in range(count))
        def peak():
            return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
        top_patches(model, "deep", stream(1_000), batch_size=200)
        before = peak()
        assert top_patches(model, "deep", stream(20_000), batch_size=200).searched == 20_000
        print(peak() - before)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 50  # MB; the pictures alone are 61, the layer's maps 108


@pytest.fixture(scope="module")
def client():
    """Two processes of two threads each."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


class TestOnACluster:
    def test_the_same_to_the_bit(self, client, course):
        model, pictures = course
        many = np.concatenate([pictures[:10], pictures[:10, :, ::-1]])
        here = top_patches(model, "fire6-squeeze1x1", many, batch_size=8)
        assert_same(top_patches(model, "fire6-squeeze1x1", many, batch_size=8, client=client), here)
        assert_same(top_patches(model, "fire6-squeeze1x1", iter(many), batch_size=8, client=client), here)

    def test_both_processes_take_part(self, client, model):
        def built():
            from coursekit.networks.cluster import _unpacked

            return _unpacked.cache_info().misses

        before = client.run(built)
        assert len(before) == 2
        for _ in range(2):
            top_patches(model, "deep", PICTURES, batch_size=1, client=client)
        after = client.run(built)
        assert [after[worker] - before[worker] for worker in before] == [1, 1]  # once each, for both searches

    def test_layers_of_ones_own(self, client):
        class Halving(layers.Layer):
            def call(self, x):
                return x / 2

        model = keras.Sequential([keras.Input((12, 10, 3)), Halving(), layers.Conv2D(4, 3, name="conv")])
        there = top_patches(model, "conv", PICTURES, client=client)
        assert_same(there, top_patches(model, "conv", PICTURES))

    def test_files_and_scanning_and_state(self, client, model, tmp_path):
        for i, picture in enumerate(LARGE):
            Image.fromarray(picture).save(tmp_path / f"{i}.png")
        (tmp_path / "4.png").write_text("no picture")
        state = tmp_path.with_suffix(".npz")
        with pytest.warns(UserWarning, match=r"1 files were left out\. 4\.png"):
            there = top_patches(model, "deep", tmp_path, scan=True, client=client, batch_size=2, state=state)
        (tmp_path / "4.png").unlink()
        here = top_patches(model, "deep", tmp_path, scan=True, batch_size=2)
        np.testing.assert_array_equal(there.values, here.values)
        np.testing.assert_array_equal(there.boxes, here.boxes)
        assert state.exists()

    def test_ctrl_c_and_going_on(self, client, model, tmp_path):
        arguments = {"batch_size": 2, "client": client, "state": tmp_path / "search.npz"}
        with pytest.warns(UserWarning, match="Interrupted"):
            part = top_patches(model, "deep", TestStopping.interrupted(PICTURES, 35), **arguments)
        assert 0 < part.searched < 36
        whole = top_patches(model, "deep", iter(PICTURES), **arguments)
        assert_same(whole, top_patches(model, "deep", PICTURES, batch_size=2))

    def test_a_network_that_cannot_be_built_there(self, client, model):
        outer = with_preprocessing(model, lambda x: x / 2)
        with pytest.raises(ValueError, match="cannot be built again on the cluster"):
            top_patches(outer, "deep", PICTURES, client=client)

    def test_errors_come_back(self, client, model):
        with pytest.raises(ValueError, match=r"Picture 1 is 30 x 25, but this network takes 12 x 10"):
            top_patches(model, "deep", LARGE, client=client)
