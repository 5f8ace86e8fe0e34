"""Arrays and networks in, arrays out: one file for each technique. Nothing here draws."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "activations": ["activations", "channel_statistics", "near_zero_channels", "strongest_channel"],
        "adversarial": ["Fooled", "fgsm", "fool", "pgd"],
        "architecture": ["architecture"],
        "class_activation": ["cam", "grad_cam"],
        "deletion_insertion": ["DeletionInsertion", "deletion_insertion"],
        "diagnosis": ["diagnose"],
        "diagnosis_table": ["Diagnosis", "Finding"],
        "embeddings": [
            "feature_vectors",
            "nearest_neighbors",
            "pca",
            "place_in_map",
            "principal_components",
            "tsne",
        ],
        "filters": ["describe_filters", "filters", "picture_filters"],
        "gradient_ascent": ["Optimized", "maximize"],
        "inversion": ["Inverted", "invert"],
        "guided_backprop": ["deconvnet", "guided_backprop"],
        "integrated_gradients": ["integrated_gradients"],
        "masks": ["activation_mask", "intersection_over_union"],
        "naming": ["NameScore", "name_score", "unit_activations", "unit_answers"],
        "objectives": ["Objective", "channel", "class_score", "direction", "neuron"],
        "occlusion": ["occlusion"],
        "patches": ["Patches", "top_patches"],
        "quilting": ["quilt"],
        "randomization": ["randomize"],
        "receptive_field": ["ReceptiveField", "receptive_field"],
        "saliency": ["saliency"],
        "segmentation": ["segment"],
        "smoothgrad": ["smoothgrad"],
        "style": ["StyleTransfer", "transfer_style"],
        "stylizer": ["Stylizer", "shipped_styles", "stylize", "train_stylizer"],
        "texture": ["Texture", "gram", "synthesize_texture"],
    },
)
