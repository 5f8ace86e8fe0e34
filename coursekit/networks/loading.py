"""A learner's own network out of a file, without running any code that the file may bring."""

from __future__ import annotations

import io
import json
import math
import os
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py

from coursekit.networks.backend import below_the_root, keras, tf
from coursekit.networks.keras2 import up_to_date
from coursekit.networks.squeezenet import CaffePreprocessing
from coursekit.validation import nearest

from keras.src import models  # isort: skip  # after the backend; the public keras.models lacks Functional

_SUFFIXES = (".keras", ".h5", ".hdf5")
_MEMBERS = ("config.json", "metadata.json", "model.weights.h5")  # of a .keras file, which is a zip
_LARGEST_CONFIG = 32 * 2**20  # bytes; the largest network of keras.applications takes one or two million
_MOST_EXPANSION = 100  # bytes unpacked for each byte packed; Keras packs nothing
_DEEPEST = 100  # groups in groups of an HDF5 file; Keras takes two for each network inside a network
_LARGEST_TENSOR = 2**26  # numbers that a layer may make for itself, beside its weights

# A file names classes, and Keras builds them. These kinds of class, from these places in Keras, make up a network;
# optimizers, losses and metrics come in where a compiled network stands inside another one.
_KINDS = (
    keras.Operation,  # layers and models, too
    keras.initializers.Initializer,
    keras.regularizers.Regularizer,
    keras.constraints.Constraint,
    keras.dtype_policies.DTypePolicy,
    keras.dtype_policies.DTypePolicyMap,
    keras.random.SeedGenerator,
    keras.optimizers.Optimizer,
    keras.optimizers.schedules.LearningRateSchedule,
    keras.losses.Loss,
    keras.metrics.Metric,
)
_PLACES = (
    "keras.src.layers.",
    "keras.src.models.",
    "keras.src.applications.",
    "keras.src.ops.",
    "keras.src.activations.",
    "keras.src.initializers.",
    "keras.src.regularizers.",
    "keras.src.constraints.",
    "keras.src.dtype_policies.",
    "keras.src.random.",
    "keras.src.optimizers.",
    "keras.src.losses.",
    "keras.src.metrics.",
)
_REFUSED = {  # Keras' own, but not for a file from somewhere else
    "Lambda": "runs Python code that the file brings",
    "TFSMLayer": "runs a TensorFlow program from another folder",
    "TorchModuleWrapper": "unpickles a PyTorch module, which can run any code",
    "JaxLayer": "calls functions that the file names",
    "FlaxLayer": "calls functions that the file names",
    "FeatureSpace": "can hold layers that read any file",
    "IndexLookup": "reads any file that its description names",
    "StringLookup": "reads any file that its description names",
    "IntegerLookup": "reads any file that its description names",
    "TextVectorization": "reads any file that its description names",
}
_NAMESPACES = (  # for files from before Keras 3, which give a class without its module
    keras.layers,
    models,
    keras.initializers,
    keras.regularizers,
    keras.constraints,
    keras.dtype_policies,
)
_FUNCTIONS = {
    name
    for namespace in (keras.activations, keras.losses, keras.metrics)
    for name, value in vars(namespace).items()
    if callable(value) and not isinstance(value, type) and name not in ("get", "serialize", "deserialize")
}
_OWN = {keras.saving.get_registered_name(CaffePreprocessing)}
_DATA = {  # how Keras writes Python's own types
    "__keras_tensor__",
    "__tensor__",
    "__numpy__",
    "__bytes__",
    "__tuple__",
    "__slice__",
    "__ellipsis__",
    "TensorShape",
}


def load_network(path: str | os.PathLike) -> Any:
    """Return a network that was saved with Keras: ``model.save("name.keras")``, or ``"name.h5"`` as in Keras 2.

    Such a file can bring code along, or name functions to call. Here it is read as data first: every class that it
    names must be one of Keras' own layers, initializers and so on, or this package's; its weights must lie in the file
    itself; the network must need no more weights than lie there. Only then Keras builds it. Nothing is written.

    Layers that run code (``Lambda``, ``TFSMLayer``, PyTorch's and JAX's) or read other files (the text lookups) are
    refused, and so are layers written by somebody. If you trust the file, load it with ``keras.saving.load_model``:
    everything in this package takes that model as well. Keras 2's descriptions are brought up to date (``keras2``).

    Args:
        path: A file whose name ends in .keras, .h5 or .hdf5.

    Returns:
        A ``keras.Model``, not compiled for training.

    Raises:
        FileNotFoundError: There is no such file; files with a similar name are named.
        TypeError: ``path`` is no path.
        ValueError: It is no Keras model, or damaged, or refused; the message says which, why and what to do.

    Example:
        >>> from coursekit import load_network
        >>> load_network("dogs.keras")
        Traceback (most recent call last):
        ...
        FileNotFoundError: There is no file 'dogs.keras' in ... No .keras or .h5 file is there.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path must be the name of a file, not {type(path).__name__}.")
    path = Path(os.path.expanduser(path))
    _check_kind(path)
    text, version, stored = _read_keras(path) if path.suffix == ".keras" else _read_hdf5(path)
    written, text = text, text if path.suffix == ".keras" else up_to_date(text)
    _check_description(text, version, path.name)
    try:
        needed, largest = _alone(lambda: _sizes(text, path.suffix))
    except Exception as error:  # whatever Keras raises at a description it does not understand
        raise _not_rebuilt(error, version, path.name) from error
    if needed > stored:
        raise ValueError(f"{path.name} is damaged: its network has {needed:,} weights, the file holds {stored:,}.")
    if largest > max(stored, _LARGEST_TENSOR):
        raise ValueError(f"{path.name} is refused: one of its layers fills {largest:,} numbers by itself.")
    try:
        if text == written:
            return _alone(lambda: keras.saving.load_model(str(path), compile=False, safe_mode=True))
        return _alone(lambda: _load_as(path, text))
    except Exception as error:
        raise _not_rebuilt(error, version, path.name) from error


def _load_as(path: Path, description: str) -> Any:
    """Return the network of an HDF5 file whose description is another than the one in it."""
    # Keras' own way; the public one takes a path, and nothing shall be written.
    from keras.src.legacy.saving.legacy_h5_format import load_model_from_hdf5

    with h5py.File(io.BytesIO(path.read_bytes()), "r+") as file:
        file.attrs["model_config"] = description
        return load_model_from_hdf5(file, compile=False, safe_mode=True)


def _alone(function: Callable[[], Any]) -> Any:
    """Call a function where Keras' flags are as at its start.

    Keras keeps them (safe mode, custom objects, scopes) for each thread: a new one has none and leaves none behind.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(function).result()


def _check_kind(path: Path) -> None:
    """Raise what there is to say about a file before it is opened as a model."""
    name = path.name
    if path.is_dir():
        what = "a TensorFlow SavedModel" if (path / "saved_model.pb").exists() else "a folder"
        raise ValueError(f"{name} is {what}, not a file. Save the network with model.save('name.keras').")
    if not path.exists():
        folder = path.absolute().parent
        if not folder.is_dir():
            raise FileNotFoundError(f"There is no folder {folder}.")
        models = sorted(file.name for file in folder.iterdir() if file.suffix in _SUFFIXES)
        hint = nearest(name, models) if models else "No .keras or .h5 file is there."
        raise FileNotFoundError(f"There is no file {name!r} in {folder}. {hint}")
    if not path.is_file():
        raise ValueError(f"{name} is no ordinary file.")
    if path.suffix not in _SUFFIXES:
        raise ValueError(
            f"{name} ends in {path.suffix!r}, but a Keras model ends in .keras or .h5. "
            "Save the network with model.save('name.keras')."
        )
    with path.open("rb") as file:
        start = file.read(8)
    is_zip = start.startswith(b"PK")
    is_hdf5 = not is_zip and h5py.is_hdf5(path)  # which looks further in, and finds what lies in a zip too
    if not start:
        raise ValueError(f"{name} is empty.")
    if is_hdf5 and path.suffix == ".keras":
        raise ValueError(f"{name} is an HDF5 file by what is in it. Rename it to {path.stem}.h5 and load that.")
    if is_zip and path.suffix != ".keras":
        raise ValueError(f"{name} is a zip by what is in it. Rename it to {path.stem}.keras and load that.")
    if not is_zip and not is_hdf5:
        raise ValueError(f"{name} is no Keras model: it begins with {start!r}.")


def _read_keras(path: Path) -> tuple[str, str, int]:
    """Return the network's description in JSON, the version of Keras that wrote it, and how many numbers there are."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if "config.json" not in names:
                raise ValueError(f"{path.name} is a zip, but no Keras model: it has no config.json.")
            if set(names) != set(_MEMBERS) or len(names) > len(_MEMBERS):
                strange = [name for name in names if name not in _MEMBERS or names.count(name) > 1]
                found = f"holds {strange[0]!r:.80}" if strange else f"lacks {sorted(set(_MEMBERS) - set(names))[0]}"
                raise ValueError(f"{path.name} {found}. A network of pictures is these three: {', '.join(_MEMBERS)}.")
            if sum(member.file_size for member in members) > _MOST_EXPANSION * path.stat().st_size:
                raise ValueError(f"{path.name} is refused: it unpacks to over {_MOST_EXPANSION} times its size.")
            if archive.getinfo("config.json").file_size > _LARGEST_CONFIG:
                raise ValueError(f"{path.name} is refused: its description is larger than {_LARGEST_CONFIG:,} bytes.")
            description, metadata, weights = (archive.read(name) for name in _MEMBERS)
            version = str(json.loads(metadata)["keras_version"])
            text = description.decode()
            with h5py.File(io.BytesIO(weights), "r") as file:
                return text, version, _numbers(file, len(weights), path.name)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path.name} is damaged: what should be text in it is none.") from error
    except ValueError:
        raise
    except Exception as error:  # what a damaged file makes zipfile, zlib and h5py raise has many types
        raise ValueError(f"{path.name} is damaged or incomplete; fetch or save it again.") from error


def _read_hdf5(path: Path) -> tuple[str, str, int]:
    """Return the same for an HDF5 file."""
    try:
        with h5py.File(path, "r") as file:
            stored = _numbers(file, path.stat().st_size, path.name)
            if "model_config" not in file.attrs:
                raise ValueError(
                    f"{path.name} holds no network, at most the weights of one. "
                    "Save the whole network with model.save('name.keras')."
                )
            found = file.attrs.get_id("model_config")
            if found.shape != () or found.get_storage_size() > _LARGEST_CONFIG:
                raise ValueError(f"{path.name} is damaged: its description is no text.")
            text, version = file.attrs["model_config"], file.attrs.get("keras_version", "")
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"{path.name} is damaged or incomplete; fetch or save it again.") from error
    text, version = (part.decode(errors="replace") if isinstance(part, bytes) else part for part in (text, version))
    if not isinstance(text, str) or len(text) > _LARGEST_CONFIG:
        raise ValueError(f"{path.name} is damaged: its description is no text.")
    return text, str(version), stored


def _numbers(file: h5py.File, size: int, name: str) -> int:
    """Return how many numbers an HDF5 file holds, having made sure that they all lie in this very file."""
    arrays: list[h5py.Dataset] = []
    waiting: list[tuple[h5py.Group, str, int]] = [(file, "", 1)]
    seen = {h5py.h5o.get_info(file.id).addr}
    while waiting:  # not by h5py's own walk, which spells each part's whole path: minutes for 20,000 nested groups
        group, above, depth = waiting.pop()
        if depth > _DEEPEST:
            raise ValueError(f"{name} is refused: its parts lie in each other, more than {_DEEPEST} deep.")
        for key in group:
            place = f"{above}{key}"
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise ValueError(f"{name} is refused: its part {place!r:.80} is a link to somewhere else.")
            part = group[key]
            address = h5py.h5o.get_info(part.id).addr
            if address in seen:  # a group may hold itself
                continue
            seen.add(address)
            if isinstance(part, h5py.Group):
                waiting.append((part, f"{place}/", depth + 1))
            elif isinstance(part, h5py.Dataset):
                _check_array(part, place, name)
                arrays.append(part)
    if sum((array.size or 0) * array.dtype.itemsize for array in arrays) > _MOST_EXPANSION * size:
        raise ValueError(f"{name} is refused: it unpacks to over {_MOST_EXPANSION} times its size.")
    return sum(array.size or 0 for array in arrays)


def _check_array(array: h5py.Dataset, place: str, name: str) -> None:
    if array.external or array.is_virtual:
        raise ValueError(f"{name} is refused: its part {place!r:.80} lies in another file.")
    if array.dtype.kind not in "biufV":
        raise ValueError(f"{name} is refused: its part {place!r:.80} holds no numbers.")


def _check_description(text: str, version: str, file: str) -> None:
    """Raise a ValueError if the description of a network names anything that is not allowed."""
    try:
        description = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is damaged: the description of its network is no JSON.") from error
    if not isinstance(description, dict) or description.get("class_name") not in ("Sequential", "Functional", "Model"):
        what = description.get("class_name") if isinstance(description, dict) else None
        raise ValueError(
            f"{file} holds {what or 'something'!r:.80}, not a network whose layers Keras knows. "
            "Build it as keras.Sequential or keras.Model(inputs, outputs) and save that."
        )
    description["compile_config"] = None  # optimizer and loss of the whole: left out at loading
    registered = set(keras.saving.get_custom_objects()) - _OWN
    for part in _parts(description):
        if isinstance(part, str):
            if part in registered:
                raise _foreign(part, file)
        elif "class_name" in part:
            _check_class(part, version, file)


def _parts(description: Any) -> Iterator[dict | str]:
    """Yield every dict and every string in it, at any depth."""
    waiting = [description]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (dict, str)):
            yield part
        if isinstance(part, (dict, list)):
            waiting.extend(part.values() if isinstance(part, dict) else part)


def _check_class(part: dict, version: str, file: str) -> None:
    name, module, registered = part["class_name"], part.get("module"), part.get("registered_name")
    if not isinstance(name, str):
        raise ValueError(f"{file} is damaged: {name!r:.80} is no name of a class.")
    if name in _DATA:
        return
    if (name in _OWN or f"coursekit>{name}" in _OWN) and registered in (None, name, f"coursekit>{name}"):
        return
    if name == "function":
        name = part.get("config")
        if isinstance(name, str) and name in _FUNCTIONS and registered in (None, name):
            return
        raise _foreign(name, file)
    found = _classes(module, name)
    refused = [base for cls in found for base in cls.__mro__ if base.__name__ in _REFUSED]
    if name in _REFUSED or refused:
        why = _REFUSED[name if name in _REFUSED else refused[0].__name__]
        raise ValueError(
            f"{file} is refused: it has a {name} layer, which {why}. "
            "If you trust the file, load it with keras.saving.load_model and use that model."
        )
    if registered not in (None, name):
        raise _foreign(registered, file)
    if not found and version.startswith("2.") and str(module).startswith(("keras.", "tf_keras.")):
        raise _not_rebuilt(ValueError(f"there is no {name}"), version, file)
    if not found or not all(issubclass(cls, _KINDS) and cls.__module__.startswith(_PLACES) for cls in found):
        raise _foreign(name, file)


def _classes(module: object, name: str) -> list[type]:
    """Return what Keras has under that name, in a module or, if the file gives none, wherever it may look."""
    if module is None:
        namespaces = _NAMESPACES
    elif isinstance(module, str) and module.partition(".")[0] == "keras" and module in sys.modules:
        namespaces = (sys.modules[module],)
    else:
        namespaces = ()
    found = [vars(namespace).get(name) for namespace in namespaces]
    return [cls for cls in found if isinstance(cls, type)]


def _foreign(name: object, file: str) -> ValueError:
    again = "" if file.endswith(".keras") else "Save it once more as .keras if it has no code of its own; "
    return ValueError(
        f"{file} is refused: it uses {name!r:.80}, which is none of the layers and functions that Keras has itself. "
        f"{again}{'if' if again else 'If'} you trust it and have that code, load it with keras.saving.load_model."
    )


def _sizes(text: str, suffix: str) -> tuple[int, int]:
    """Return how many weights a network has, and the size of the largest tensor that its layers make for themselves.

    It is built where that takes no memory: in a graph nothing is computed, in a stateless scope no weight is filled.
    """
    in_nothing = keras.StatelessScope(initialize_variables=False)
    with tf.Graph().as_default() as graph, below_the_root(), in_nothing:
        if suffix == ".keras":
            description = json.loads(text, object_hook=_uncompiled)
            model = keras.saving.deserialize_keras_object(description, safe_mode=True)
        else:
            # Keras' own way with the older format; it has no public name.
            from keras.src.legacy.saving import json_utils, saving_utils

            model = saving_utils.model_from_config(json_utils.decode(text))
    made = [tensor.shape.num_elements() or 0 for op in graph.get_operations() for tensor in op.outputs]
    return sum(math.prod(weight.shape) for weight in model.weights), max(made, default=0)


def _uncompiled(part: dict) -> dict:
    return {key: value for key, value in part.items() if key != "compile_config"}


def _not_rebuilt(error: Exception, version: str, file: str) -> ValueError:
    reason = re.split(r"\n|\. ", str(error).rpartition("encountered:")[2].strip())[0][:120].rstrip(". ")
    again = " Save it there once more with model.save('name.h5')." if version.startswith("2.") else ""
    return ValueError(
        f"{file}, saved by Keras {version:.20}, cannot be rebuilt by Keras {keras.__version__} "
        f"({reason or type(error).__name__}).{again if file.endswith('.keras') else ''}"
    )
