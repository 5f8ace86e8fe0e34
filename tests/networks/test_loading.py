"""Files that are attacks here are real ones: where one runs code, a test shows first that it does if loaded freely."""

import json
import os
import shutil
import time
import warnings
import zipfile

import h5py
import numpy as np
import pytest

from coursekit import load_network, squeezenet
from coursekit.networks.backend import keras, tf
from tests.networks.model_files import BOTH, PICTURES, describe, redo_weights, refusal, rewrite, save, small

layers = keras.layers


class TestHonestFiles:
    def nested():
        inner = small()
        inner.compile("adam", "categorical_crossentropy", metrics=["accuracy", keras.metrics.TopKCategoricalAccuracy()])
        left, right = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
        return keras.Model([left, right], layers.Subtract()([inner(left), inner(right)]))

    def many_parts():
        x = picture = keras.Input((8, 8, 3))
        x = layers.Rescaling(1 / 255)(x)
        x = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])(x)
        x = layers.RandomRotation(0.1)(x)
        x = layers.Conv2D(
            4,
            3,
            activation=keras.activations.gelu,
            kernel_initializer=keras.initializers.HeNormal(seed=keras.random.SeedGenerator(1)),
            kernel_regularizer=keras.regularizers.L1L2(0.1, 0.2),
            bias_constraint="non_neg",
        )(x)
        x = layers.PReLU()(layers.Dropout(0.2)(layers.BatchNormalization()(x)))
        x = layers.Bidirectional(layers.LSTM(3))(layers.Reshape((36, 4))(x))
        return keras.Model(picture, [layers.Dense(2, activation="softmax")(x), layers.Dense(1)(x)])

    def own_class():
        from coursekit.networks.squeezenet import CaffePreprocessing

        return keras.Sequential([keras.Input((8, 8, 3)), CaffePreprocessing(), small()])

    def custom_loss():
        model = small()
        model.compile("adam", loss=lambda truth, guess: guess)
        return model

    @BOTH
    @pytest.mark.parametrize("make", [small, nested, many_parts, own_class, custom_loss])
    def test_comes_back_the_same(self, make, suffix, tmp_path):
        model = make()
        loaded = load_network(save(model, tmp_path / f"mine{suffix}"))
        pictures = [PICTURES] * len(model.inputs) if len(model.inputs) > 1 else PICTURES
        expected = keras.tree.flatten(model(pictures, training=False))
        for ours, theirs in zip(keras.tree.flatten(loaded(pictures, training=False)), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert not loaded.compiled

    def test_plain_operations_come_back_in_the_keras_format(self, tmp_path):
        picture = keras.Input((8, 8, 3))
        model = keras.Model(picture, keras.ops.relu(picture[:, ::2] * 2 - 255))
        loaded = load_network(save(model, tmp_path / "operations.keras"))
        np.testing.assert_array_equal(loaded(PICTURES), model(PICTURES))

    def test_squeezenet(self, tmp_path):
        model = squeezenet()
        loaded = load_network(save(model, tmp_path / "squeezenet.keras"))
        assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
        for ours, theirs in zip(loaded.weights, model.weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)

    @pytest.mark.parametrize("name", ["mine.hdf5", "name with blanks.keras"])
    def test_text_path_and_other_names(self, name, saved, tmp_path):
        path = shutil.copy(saved[".h5" if name.endswith("5") else ".keras"], tmp_path / name)
        assert load_network(str(path)).count_params() == small().count_params()

    def test_home_folder(self, saved, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        shutil.copy(saved[".keras"], tmp_path / "mine.keras")
        assert load_network("~/mine.keras").name == "small"

    def test_a_file_of_keras_2(self, tmp_path):
        # As Keras 2.15 writes it: no modules for layers, tuples marked, batch_input_shape, ":0" after each weight.
        zeros = {"module": "keras.initializers", "class_name": "Zeros", "config": {}, "registered_name": None}
        tuple_ = {"class_name": "__tuple__", "items": [None, 8, 8, 3]}
        conv = {"name": "conv", "filters": 4, "kernel_size": [3, 3], "activation": "relu", "bias_initializer": zeros}
        older = {"class_name": "Zeros", "config": {}}
        dense = {"name": "prob", "units": 3, "activation": "softmax", "kernel_initializer": older}
        parts = [
            ("InputLayer", {"batch_input_shape": tuple_, "dtype": "float32", "sparse": False, "name": "picture"}, None),
            ("Conv2D", conv, "picture"),
            ("GlobalAveragePooling2D", {"name": "pool", "data_format": "channels_last"}, "conv"),
            ("Dense", dense, "pool"),
        ]
        described = [
            {
                "class_name": kind,
                "config": config,
                "name": config["name"],
                "inbound_nodes": [[[before, 0, 0, {}]]] if before else [],
            }
            for kind, config, before in parts
        ]
        ends = {"input_layers": [["picture", 0, 0]], "output_layers": [["prob", 0, 0]]}
        network = {"class_name": "Functional", "config": {"name": "old", "layers": described, **ends}}
        rng = np.random.default_rng(1)
        weights = {
            "picture": {},
            "conv": {"kernel": rng.normal(size=(3, 3, 3, 4)), "bias": rng.normal(size=4)},
            "pool": {},
            "prob": {"kernel": rng.normal(size=(4, 3)), "bias": rng.normal(size=3)},
        }
        with h5py.File(tmp_path / "old.h5", "w") as file:
            file.attrs["keras_version"], file.attrs["model_config"] = "2.15.0", json.dumps(network)
            group = file.create_group("model_weights")
            group.attrs["layer_names"] = list(weights)
            for layer, arrays in weights.items():
                group.create_group(layer).attrs["weight_names"] = [f"{layer}/{name}:0" for name in arrays]
                for name, array in arrays.items():
                    group[layer].create_dataset(f"{layer}/{name}:0", data=array.astype(np.float32))
        model = load_network(tmp_path / "old.h5")
        assert [layer.name for layer in model.layers] == ["picture", "conv", "pool", "prob"]
        np.testing.assert_array_equal(model.get_layer("conv").kernel, weights["conv"]["kernel"].astype(np.float32))
        np.testing.assert_array_equal(model.get_layer("prob").bias, weights["prob"]["bias"].astype(np.float32))

    def test_keras_is_left_as_it_was(self, saved, tmp_path):
        def flags():
            from keras.src.backend.common.global_state import GLOBAL_STATE_TRACKER

            return dict(keras.saving.get_custom_objects()), dict(vars(GLOBAL_STATE_TRACKER))

        class Mine(layers.Layer):
            pass

        with keras.saving.custom_object_scope({"Mine": Mine}):
            before = flags()
            load_network(saved[".keras"])
            load_network(saved[".h5"])
            (tmp_path / "bad.keras").write_text("nothing")
            refusal(tmp_path / "bad.keras")
            assert flags() == before
        assert tf.executing_eagerly()


class TestBombs:
    @BOTH
    def test_numbers_that_are_said_but_not_there(self, suffix, own):
        path = own(suffix)
        redo_weights(
            path, lambda file: file.create_dataset("x", (10**6, 10**6), np.float32, chunks=True, compression="gzip")
        )
        refusal(path, "100 times its size")

    @BOTH
    def test_a_network_larger_than_its_weights(self, suffix, own):
        path = own(suffix)

        def change(network):
            for part in network["config"]["layers"]:
                if part["class_name"] == "Dense":
                    part["config"]["units"] = 10**11  # 2 TB
            return network

        describe(path, change)
        refusal(path, "500,000,000,112 weights, the file holds ")

    def test_a_layer_that_fills_memory_without_weights(self, tmp_path):
        wide = layers.Normalization(axis=(1, 2, 3), mean=0.0, variance=1.0)
        model = keras.Sequential([keras.Input((8, 8, 3)), wide])
        path = save(model, tmp_path / "wide.keras")

        def change(network):
            return json.loads(json.dumps(network).replace("[null, 8, 8, 3]", "[null, 30000, 30000, 3]"))

        describe(path, change)
        refusal(path, "fills 2,700,000,000 numbers")

    @BOTH
    def test_groups_inside_groups(self, suffix, own):
        def nest(file, depth):
            for _ in range(depth):
                file = file.create_group("a")

        path = own(suffix)
        redo_weights(path, lambda file: nest(file.create_group("b"), 98))
        assert load_network(path).name == "small"
        redo_weights(path, lambda file: nest(file.create_group("c"), 5000))
        start = time.process_time()
        refusal(path, "more than 100 deep")
        assert time.process_time() - start < 2

    def test_a_zip_bomb(self, own):
        path = own(".keras")
        rewrite(path, "metadata.json", lambda old: old + b" " * 2**22, compression=zipfile.ZIP_DEFLATED)
        assert path.stat().st_size < 2**16
        refusal(path, "100 times its size")

    def test_a_huge_description(self, own):
        path = own(".keras")
        rewrite(path, "config.json", lambda old: old + b" " * 2**25)
        refusal(path, "description is larger than 33,554,432 bytes")

    @pytest.mark.parametrize(
        "member", ["../../climbs.txt", "/absolute.txt", "assets/vocabulary.txt", "model.weights.npz", "C:\\x.txt"]
    )
    def test_strange_members(self, member, own):
        path = own(".keras")
        rewrite(path, member, lambda old: "x")
        refusal(path, repr(member) if "\\" not in member else "x.txt")

    def test_two_members_of_one_name(self, own):
        path = own(".keras")
        with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
            warnings.simplefilter("ignore")
            archive.writestr("config.json", "{}")
        refusal(path, "'config.json'")


class TestDamagedFiles:
    @BOTH
    def test_cut_short_anywhere(self, suffix, saved, tmp_path):
        whole = saved[suffix].read_bytes()
        for tenths in range(1, 10):
            path = tmp_path / f"cut{suffix}"
            path.write_bytes(whole[: len(whole) * tenths // 10])
            refusal(path, "damaged or incomplete")

    def test_flipped_bits_in_a_keras_file(self, saved, tmp_path):
        whole, rng, refused = saved[".keras"].read_bytes(), np.random.default_rng(0), 0
        expected = small().count_params()
        for place in rng.integers(0, len(whole), 60):
            path = tmp_path / "flipped.keras"
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
            try:
                loaded = load_network(path)
            except ValueError:
                refused += 1
            else:  # a date, a file attribute: nothing that matters
                assert loaded.count_params() == expected
        assert refused > 30

    @BOTH
    def test_empty(self, suffix, tmp_path):
        (tmp_path / f"empty{suffix}").touch()
        refusal(tmp_path / f"empty{suffix}", "is empty")

    @BOTH
    def test_a_text_file(self, suffix, tmp_path):
        (tmp_path / f"text{suffix}").write_text("Dear network,")
        refusal(tmp_path / f"text{suffix}", "no Keras model", "Dear net")

    @BOTH
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("{", "no JSON"),
            ("[" * 100_000, "no JSON"),
            ("[]", "not a network"),
            ("3", "not a network"),
            ('{"class_name": "Dense", "config": {"units": 3}}', "'Dense', not a network"),
            ('{"class_name": "Sequential"}', "cannot be rebuilt"),
            ('{"class_name": "Sequential", "config": 3}', "cannot be rebuilt"),
            ('{"class_name": "Functional", "config": {"layers": 3, "name": 4}}', "cannot be rebuilt"),
            (
                '{"class_name": "Sequential", "module": "keras", "config": {"name": "x", "layers": [3]}}',
                "cannot be rebuilt",
            ),
        ],
    )
    def test_a_description_that_is_none(self, text, words, suffix, own):
        path = own(suffix)
        if suffix == ".keras":
            rewrite(path, "config.json", lambda old: text)
        else:
            with h5py.File(path, "r+") as file:
                file.attrs["model_config"] = text if len(text) < 1000 else np.bytes_(text[:60_000])
        refusal(path, words)

    @BOTH
    def test_layers_inside_layers_without_end(self, suffix, own):
        path = own(suffix)

        def change(network):
            wrap = {"module": "keras.layers", "class_name": "TimeDistributed", "registered_name": None, "name": "x"}
            for _ in range(150):
                network["config"]["layers"][1] = {**wrap, "config": {"layer": network["config"]["layers"][1]}}
            return network

        describe(path, change)
        refusal(path, "cannot be rebuilt")

    @pytest.mark.parametrize("value", [3, np.arange(5), h5py.Empty("S1")], ids=["number", "array", "empty"])
    def test_a_description_of_another_type(self, value, own):
        path = own(".h5")
        with h5py.File(path, "r+") as file:
            file.attrs["model_config"] = value
        refusal(path, "description is no text")

    @pytest.mark.parametrize(("member", "words"), [("config.json", "no config.json"), ("model.weights.h5", "lacks")])
    def test_a_member_is_missing(self, member, words, own):
        path = own(".keras")
        rewrite(path, member, lambda old: None)
        refusal(path, words, member)

    def test_text_that_is_no_text(self, own):
        path = own(".keras")
        rewrite(path, "config.json", lambda old: b"\xff\xfe")
        refusal(path, "damaged")

    @BOTH
    def test_weights_of_another_shape(self, suffix, own):
        path = own(suffix)

        def change(network):
            for part in network["config"]["layers"]:
                if part["class_name"] == "Dense":
                    part["config"]["units"] = 2
            return network

        describe(path, change)
        refusal(path, "cannot be rebuilt")


class TestWrongKindsOfFile:
    def test_a_missing_file_names_those_that_are_near(self, saved, tmp_path):
        for name in ("dogs.keras", "cats.h5", "notes.txt"):
            (tmp_path / name).touch()
        with pytest.raises(FileNotFoundError, match=r"no file 'dog\.keras' in .*Did you mean 'dogs\.keras'\?$"):
            load_network(tmp_path / "dog.keras")

    def test_a_missing_file_in_a_folder_without_models(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"No \.keras or \.h5 file is there\.$"):
            load_network(tmp_path / "dog.keras")

    def test_a_missing_folder(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"^There is no folder .*nowhere\.$"):
            load_network(tmp_path / "nowhere" / "dog.keras")

    @pytest.mark.parametrize("path", ["hf://somebody/something", "https://example.org/net.keras", "gs://x/y.h5"])
    def test_nothing_is_fetched(self, path):
        with pytest.raises(FileNotFoundError, match="no folder"):
            load_network(path)

    def test_a_saved_model_and_a_folder(self, tmp_path):
        small().export(tmp_path / "exported", verbose=False)
        refusal(tmp_path / "exported", "TensorFlow SavedModel", "model.save('name.keras')")
        (tmp_path / "folder.keras").mkdir()
        refusal(tmp_path / "folder.keras", "a folder")

    @pytest.mark.parametrize("name", ["net.pth", "net.onnx", "net", "net.KERAS"])
    def test_another_ending(self, name, saved, tmp_path):
        refusal(shutil.copy(saved[".keras"], tmp_path / name), "ends in .keras or .h5")

    def test_one_format_under_the_other_s_name(self, saved, tmp_path):
        refusal(shutil.copy(saved[".h5"], tmp_path / "a.keras"), "HDF5", "Rename it to a.h5")
        refusal(shutil.copy(saved[".keras"], tmp_path / "a.h5"), "zip", "Rename it to a.keras")

    def test_weights_alone(self, tmp_path):
        small().save_weights(tmp_path / "mine.weights.h5")
        refusal(tmp_path / "mine.weights.h5", "holds no network", "model.save('name.keras')")

    def test_a_zip_of_something_else(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "letter.keras", "w") as archive:
            archive.writestr("word/document.xml", "Dear network,")
        refusal(tmp_path / "letter.keras", "no config.json")

    def test_a_keras_file_of_keras_2(self, own):
        path = own(".keras")

        def change(network):
            return {**network, "class_name": "Functional", "module": "keras.src.engine.functional"}

        describe(path, change)
        rewrite(path, "metadata.json", lambda old: '{"keras_version": "2.15.0"}')
        refusal(path, "saved by Keras 2.15.0", "model.save('name.h5')")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a thing of Unix")
    def test_a_pipe_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.keras")
        with pytest.raises(ValueError, match=r"pipe\.keras is no ordinary file"):
            load_network(tmp_path / "pipe.keras")

    @pytest.mark.parametrize("path", [None, 3, b"net.keras", small])
    def test_no_path(self, path):
        with pytest.raises(TypeError, match="path must be the name of a file, not"):
            load_network(path)
