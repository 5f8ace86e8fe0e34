"""Arrays in, figures with alt text out. Nothing here computes more than the brightness of a pixel."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "adversarial": ["change", "magnified"],
        "architecture": ["analyze"],
        "channels": ["beside", "maps", "montage"],
        "class_activation": ["cam"],
        "deletion_insertion": ["deletion_insertion"],
        "diagnosis": ["diagnosis"],
        "embeddings": ["scatter"],
        "figure": ["BLUE", "DRAWN", "GREEN", "ORANGE", "PURPLE", "Figure", "figure"],
        "filters": ["kernels"],
        "patches": ["masked", "patches"],
        "picture": ["pictures"],
        "saliency": ["saliency"],
    },
)
