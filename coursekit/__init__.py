"""What happens inside a convolutional network: the package behind the twelve lessons.

Everything a lesson needs is here: ``from coursekit import squeezenet, photo, activations``.
Names load on first use (PEP 562), so ``import coursekit`` is instant and starts no TensorFlow.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["show"],
    submod_attrs={
        "exercises": ["given"],
        "learner": ["check", "hint", "predict", "quiz", "solution"],
        "networks": [
            "class_scores",
            "imagenet_labels",
            "load_network",
            "squeezenet",
            "with_preprocessing",
        ],
        "pictures": ["digits", "folder", "photo", "photos", "read_picture", "resize"],
        "show": ["analyze"],
        "techniques": [
            "activation_mask",
            "activations",
            "channel",
            "channel_statistics",
            "class_score",
            "describe_filters",
            "direction",
            "feature_vectors",
            "filters",
            "intersection_over_union",
            "maximize",
            "name_score",
            "near_zero_channels",
            "nearest_neighbors",
            "neuron",
            "pca",
            "picture_filters",
            "place_in_map",
            "principal_components",
            "receptive_field",
            "strongest_channel",
            "top_patches",
            "tsne",
            "unit_activations",
        ],
        "widgets": ["ChannelExplorer", "DreamExplorer", "EmbeddingExplorer", "UnitCard"],
    },
)
