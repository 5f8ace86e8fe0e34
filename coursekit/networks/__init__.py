"""What is looked into: the course's network, the learner's own, and how to fetch any tensor in them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "adapting": ["class_scores", "with_preprocessing"],
        "labels": ["imagenet_labels"],
        "loading": ["load_network"],
        "pooling": ["with_average_pooling"],
        "squeezenet": ["squeezenet"],
    },
)
