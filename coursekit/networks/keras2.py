"""Descriptions of networks as Keras 2 wrote them into HDF5 files, brought up to date."""

from __future__ import annotations

import json
from typing import Any


def up_to_date(text: str) -> str:
    """Return a network's description in JSON as Keras 3 takes it; what needs no change comes back as it is.

    - A Sequential that is a list of layers (up to Keras 2.2.2) becomes a dict with a name.
    - A Sequential without an InputLayer (up to 2.3.1) gets one, from the ``batch_input_shape`` of its first layer.
    - A mixed precision policy written as a class ``Policy`` becomes its name.
    - ``groups=1`` of a DepthwiseConv2D (2.3 to 2.15), which says nothing, is left out.
    """
    try:
        description = json.loads(text)
        renewed = _renewed(description)
        return text if renewed == description else json.dumps(renewed)
    except (ValueError, RecursionError):  # no JSON: whoever reads it next says so
        return text


def _renewed(part: Any) -> Any:
    if isinstance(part, list):
        return [_renewed(item) for item in part]
    if not isinstance(part, dict):
        return part
    part = {key: _renewed(value) for key, value in part.items()}
    name, config = part.get("class_name"), part.get("config")
    if name in ("Policy", "PolicyV1") and isinstance(config, dict) and isinstance(config.get("name"), str):
        return config["name"]
    if name == "DepthwiseConv2D" and isinstance(config, dict) and config.get("groups") == 1:
        part["config"] = {key: value for key, value in config.items() if key != "groups"}
    if name == "InputLayer" and isinstance(config, dict) and str(config.get("dtype")).startswith("mixed_"):
        part["config"] = {**config, "dtype": "float32"}  # a policy is no type of what comes in
    if name == "Sequential":
        part["config"] = _sequential(config)
    return part


def _sequential(config: Any) -> Any:
    if isinstance(config, list):
        config = {"name": "sequential", "layers": config}
    layers = config.get("layers") if isinstance(config, dict) else None
    if not isinstance(layers, list) or not all(
        isinstance(one, dict) and isinstance(one.get("config"), dict) for one in layers
    ):
        return config
    shapes = [one["config"]["batch_input_shape"] for one in layers if "batch_input_shape" in one["config"]]
    if not shapes or layers[0].get("class_name") == "InputLayer":
        return config
    settings = {"batch_input_shape": shapes[0], "dtype": "float32", "name": f"{layers[0]['config'].get('name')}_input"}
    rest = [{**one, "config": {k: v for k, v in one["config"].items() if k != "batch_input_shape"}} for one in layers]
    return {**config, "layers": [{"class_name": "InputLayer", "config": settings}, *rest]}
