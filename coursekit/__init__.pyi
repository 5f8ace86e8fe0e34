"""What ``from coursekit import ...`` gives: editors read it, and ``__init__.py`` loads each name on first use."""

from . import show as show
from .homework import (
    check as check,
)
from .homework import (
    given as given,
)
from .homework import (
    hint as hint,
)
from .homework import (
    predict as predict,
)
from .homework import (
    quiz as quiz,
)
from .homework import (
    solution as solution,
)
from .networks import (
    class_scores as class_scores,
)
from .networks import (
    imagenet_labels as imagenet_labels,
)
from .networks import (
    load_network as load_network,
)
from .networks import (
    squeezenet as squeezenet,
)
from .networks import (
    with_preprocessing as with_preprocessing,
)
from .pictures import (
    digits as digits,
)
from .pictures import (
    folder as folder,
)
from .pictures import (
    photo as photo,
)
from .pictures import (
    photos as photos,
)
from .pictures import (
    read_picture as read_picture,
)
from .pictures import (
    resize as resize,
)
from .show import (
    analyze as analyze,
)
from .techniques import (
    activation_mask as activation_mask,
)
from .techniques import (
    activations as activations,
)
from .techniques import (
    channel as channel,
)
from .techniques import (
    channel_statistics as channel_statistics,
)
from .techniques import (
    class_score as class_score,
)
from .techniques import (
    describe_filters as describe_filters,
)
from .techniques import (
    direction as direction,
)
from .techniques import (
    feature_vectors as feature_vectors,
)
from .techniques import (
    filters as filters,
)
from .techniques import (
    intersection_over_union as intersection_over_union,
)
from .techniques import (
    maximize as maximize,
)
from .techniques import (
    name_score as name_score,
)
from .techniques import (
    near_zero_channels as near_zero_channels,
)
from .techniques import (
    nearest_neighbors as nearest_neighbors,
)
from .techniques import (
    neuron as neuron,
)
from .techniques import (
    pca as pca,
)
from .techniques import (
    picture_filters as picture_filters,
)
from .techniques import (
    place_in_map as place_in_map,
)
from .techniques import (
    principal_components as principal_components,
)
from .techniques import (
    receptive_field as receptive_field,
)
from .techniques import (
    strongest_channel as strongest_channel,
)
from .techniques import (
    top_patches as top_patches,
)
from .techniques import (
    tsne as tsne,
)
from .techniques import (
    unit_activations as unit_activations,
)
from .widgets import (
    ChannelExplorer as ChannelExplorer,
)
from .widgets import (
    DreamExplorer as DreamExplorer,
)
from .widgets import (
    EmbeddingExplorer as EmbeddingExplorer,
)
from .widgets import (
    UnitCard as UnitCard,
)
