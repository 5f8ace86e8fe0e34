"""Files that are attacks here are real ones: where one runs code, a test shows first that it does if loaded freely."""

import threading

import h5py
import numpy as np
import pytest

from coursekit import load_network
from coursekit.networks.backend import keras
from tests.networks.model_files import BOTH, describe, redo_weights, refusal, save

layers = keras.layers


@pytest.fixture
def marker(tmp_path_factory):
    """The path of a file that code out of a model file would create."""
    return tmp_path_factory.mktemp("marker") / "code was here"


class TestFilesWithCode:
    @BOTH
    def test_a_lambda(self, suffix, tmp_path, marker):
        picture = keras.Input((8, 8, 3))
        place = str(marker)
        touch = layers.Lambda(lambda x: (open(place, "w").close(), x)[1], name="innocent")
        path = save(keras.Model(picture, touch(picture)), tmp_path / f"hostile{suffix}")
        marker.unlink()  # saving runs it too
        keras.saving.load_model(path, compile=False, safe_mode=False)
        assert marker.exists(), "the attack does not work, so the test would prove nothing"
        marker.unlink()
        refusal(path, "Lambda", "runs Python code")
        assert not marker.exists()

    def test_a_lambda_where_safe_mode_was_switched_off(self, tmp_path, marker):
        picture = keras.Input((8, 8, 3))
        place = str(marker)
        touch = layers.Lambda(lambda x: (open(place, "w").close(), x)[1])
        path = save(keras.Model(picture, touch(picture)), tmp_path / "hostile.keras")
        marker.unlink()
        errors = []

        def unsafe():  # the switch holds for one thread, and there is none to switch it back
            keras.config.enable_unsafe_deserialization()
            try:
                load_network(path)
            except ValueError as error:
                errors.append(str(error))

        thread = threading.Thread(target=unsafe)
        thread.start()
        thread.join()
        assert "Lambda" in errors[0]
        assert not marker.exists()

    @BOTH
    def test_a_lambda_deep_inside(self, suffix, own):
        path = own(suffix)
        hidden = {"class_name": "Lambda", "config": {"function": ["gA==", None, None], "name": "x"}}
        wrapped = {"class_name": "TimeDistributed", "config": {"name": "outer", "layer": hidden}}

        def change(network):
            network["config"]["layers"][1] = {**wrapped, "module": "keras.layers", "registered_name": None}
            return network

        describe(path, change)
        refusal(path, "Lambda")

    @BOTH
    @pytest.mark.parametrize(
        ("part", "words"),
        [
            ({"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}, "'system'"),
            ({"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "eval"}, "'eval'"),
            ({"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "eval"}, "'relu'"),
            ({"module": "builtins", "class_name": "function", "config": {"a": 1}}, "'a'"),
            (
                {
                    "module": "keras.config",
                    "class_name": "function",
                    "config": "enable_unsafe_deserialization",
                    "registered_name": "enable_unsafe_deserialization",
                },
                "'enable_unsafe_deserialization'",
            ),
            ({"module": "keras.utils", "class_name": "function", "config": "get_file"}, "'get_file'"),
            (
                {"module": "keras.utils", "class_name": "get_file", "config": {"fname": "x", "origin": "y"}},
                "'get_file'",
            ),
            ({"module": "keras.models", "class_name": "load_model", "config": {"filepath": "x"}}, "'load_model'"),
            ({"module": "subprocess", "class_name": "Popen", "config": {"args": ["touch", "x"]}}, "'Popen'"),
            ({"module": "builtins", "class_name": "exec", "config": {}}, "'exec'"),
            ({"module": "keras.src.saving.saving_lib", "class_name": "DiskIOStore", "config": {}}, "'DiskIOStore'"),
            ({"module": "keras.src.backend", "class_name": "Variable", "config": {}}, "'Variable'"),
            ({"module": "keras.src.export", "class_name": "ExportArchive", "config": {}}, "'ExportArchive'"),
            ({"module": "keras.callbacks", "class_name": "CSVLogger", "config": {"filename": "x"}}, "'CSVLogger'"),
            ({"module": None, "class_name": "deserialize", "config": {}}, "'deserialize'"),
            ({"class_name": "serialization_lib", "config": {}}, "'serialization_lib'"),
            ({"class_name": "__builtins__", "config": {}}, "'__builtins__'"),
            ({"class_name": "__lambda__", "config": {"value": ["gA==", None, None]}}, "'__lambda__'"),
            ({"class_name": "__typespec__", "spec_name": "TensorSpec", "module": "tensorflow"}, "'__typespec__'"),
            ({"class_name": "TypeSpec", "type_spec": "tf.TensorSpec", "serialized": []}, "'TypeSpec'"),
            ({"class_name": "CompositeTensor", "spec": {}, "tensors": []}, "'CompositeTensor'"),
            ({"class_name": ["Dense"], "config": {}}, "no name of a class"),
            ({"class_name": "TFSMLayer", "config": {"filepath": "model"}}, "another folder"),
            ({"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "model"}}, "another folder"),
            ({"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {"module": "gA=="}}, "unpickles"),
            ({"module": "keras.layers", "class_name": "JaxLayer", "config": {"call_fn": "x"}}, "calls functions"),
            ({"module": "keras.src.utils.jax_layer", "class_name": "FlaxLayer", "config": {}}, "calls functions"),
            (
                {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
                "reads any file",
            ),
            (
                {"module": "keras.layers", "class_name": "TextVectorization", "config": {"vocabulary": "/etc/passwd"}},
                "reads any file",
            ),
            (
                {"module": "keras.src.layers.preprocessing.index_lookup", "class_name": "IndexLookup", "config": {}},
                "reads any file",
            ),
            ({"module": "keras.utils", "class_name": "FeatureSpace", "config": {}}, "FeatureSpace"),
            (
                {"module": "mine", "class_name": "Twice", "config": {}, "registered_name": "Custom>Twice"},
                "'Custom>Twice'",
            ),
        ],
    )
    @pytest.mark.parametrize("place", ["layer", "activation", "keyword"])
    def test_what_names_other_code(self, place, part, words, suffix, own):
        path = own(suffix)

        def change(network):
            parts = network["config"]["layers"]
            if place == "layer":
                parts[1] = {"name": "x", "inbound_nodes": [], **part}
            elif place == "activation":
                parts[1]["config"]["activation"] = part
            else:
                parts[1]["inbound_nodes"] = [{"args": [], "kwargs": {"x": [part]}}]
            return network

        describe(path, change)
        refusal(path, words)

    @BOTH
    def test_a_registered_name_does_not_pass_off_other_code(self, suffix, own, marker):
        @keras.saving.register_keras_serializable("evil")
        class Thing(layers.Layer):
            def __init__(self, **kwargs):
                marker.touch()
                super().__init__()

        try:
            for registered, name in [("evil>Thing", "Dense"), ("evil>Thing", "Thing"), (None, "evil>Thing")]:
                path = own(suffix)

                def change(network, registered=registered, name=name):
                    layer = network["config"]["layers"][1]
                    network["config"]["layers"][1] = {
                        **layer, "module": "keras.layers", "class_name": name, "registered_name": registered
                    }  # fmt: skip
                    return network

                describe(path, change)
                refusal(path, "'evil>Thing'")
            assert not marker.exists()
        finally:
            del keras.saving.get_custom_objects()["evil>Thing"]

    @BOTH
    def test_a_registered_function_is_not_called_by_its_name(self, suffix, own, marker):
        @keras.saving.register_keras_serializable("evil")
        def action(x):
            marker.touch()
            return x

        try:
            path = own(suffix)

            def change(network):
                network["config"]["layers"][1]["config"]["activation"] = "evil>action"
                return network

            describe(path, change)
            refusal(path, "'evil>action'")
            assert not marker.exists()
        finally:
            del keras.saving.get_custom_objects()["evil>action"]

    @BOTH
    def test_lambda_under_this_package_s_name(self, suffix, own):
        path = own(suffix)
        disguised = {"class_name": "Lambda", "config": {}, "registered_name": "coursekit>CaffePreprocessing"}

        def change(network):
            network["config"]["layers"][1] = disguised
            return network

        describe(path, change)
        refusal(path, "Lambda")

    @BOTH
    def test_a_layer_of_one_s_own(self, suffix, tmp_path):
        class Twice(layers.Layer):
            def call(self, x):
                return 2 * x

        path = save(keras.Sequential([keras.Input((8, 8, 3)), Twice()]), tmp_path / f"mine{suffix}")
        with keras.saving.custom_object_scope({"Twice": Twice}):  # it can be loaded by Keras, and the message says so
            assert isinstance(keras.saving.load_model(path).layers[0], Twice)
            refusal(path, "'Twice'", "load it with keras.saving.load_model")

    @BOTH
    def test_a_model_of_one_s_own(self, suffix, own):
        path = own(suffix)
        describe(path, lambda network: {**network, "class_name": "MyModel"})
        refusal(path, "'MyModel'", "keras.Model(inputs, outputs)")


class TestWeightsThatAreNotInTheFile:
    @BOTH
    @pytest.mark.parametrize(
        "link", [h5py.ExternalLink("secret.h5", "/numbers"), h5py.SoftLink("/elsewhere")], ids=["external", "soft"]
    )
    def test_links(self, link, suffix, own, tmp_path):
        with h5py.File(tmp_path / "secret.h5", "w") as file:
            file["numbers"] = np.ones((3, 3, 3, 4), np.float32)
        path = own(suffix)

        def change(file):
            file["elsewhere"] = np.ones((3, 3, 3, 4), np.float32)
            file["linked"] = link

        redo_weights(path, change)
        refusal(path, "'linked' is a link")

    @BOTH
    def test_external_storage(self, suffix, own, tmp_path):
        (tmp_path / "secret").write_bytes(bytes(400))
        path = own(suffix)
        redo_weights(
            path, lambda file: file.create_dataset("x", (100,), np.float32, external=[(tmp_path / "secret", 0, 400)])
        )
        refusal(path, "'x' lies in another file")

    @BOTH
    def test_virtual_dataset(self, suffix, own, tmp_path):
        layout = h5py.VirtualLayout((4,), np.float32)
        layout[:] = h5py.VirtualSource(tmp_path / "secret.h5", "numbers", (4,))
        path = own(suffix)
        redo_weights(path, lambda file: file.create_virtual_dataset("x", layout))
        refusal(path, "'x' lies in another file")

    @BOTH
    def test_words_instead_of_numbers(self, suffix, own):
        path = own(suffix)
        redo_weights(path, lambda file: file.create_dataset("x", data=["word"]))
        refusal(path, "'x' holds no numbers")

    @BOTH
    def test_a_loop_of_groups_is_walked_once(self, suffix, own):
        path = own(suffix)

        def change(file):
            file["loop"] = file["/"]

        redo_weights(path, change)
        assert load_network(path).name == "small"
