"""What ``from coursekit import ...`` gives: editors read it, and ``__init__.py`` loads each name on first use."""

from . import show as show
from .exercises import (
    given as given,
)
from .learner import (
    check as check,
    hint as hint,
    predict as predict,
    quiz as quiz,
    solution as solution,
)
from .networks import (
    class_scores as class_scores,
    imagenet_labels as imagenet_labels,
    load_network as load_network,
    squeezenet as squeezenet,
    with_average_pooling as with_average_pooling,
    with_preprocessing as with_preprocessing,
)
from .pictures import (
    blur as blur,
    digits as digits,
    folder as folder,
    object_masks as object_masks,
    painting as painting,
    photo as photo,
    photos as photos,
    read_picture as read_picture,
    resave as resave,
    resize as resize,
    shift as shift,
)
from .report import (
    write_report as write_report,
)
from .show import (
    analyze as analyze,
)
from .techniques import (
    activation_mask as activation_mask,
    activations as activations,
    arithmetic as arithmetic,
    cam as cam,
    channel as channel,
    channel_statistics as channel_statistics,
    channels_at as channels_at,
    class_score as class_score,
    contribution_path as contribution_path,
    deconvnet as deconvnet,
    deletion_insertion as deletion_insertion,
    describe_filters as describe_filters,
    diagnose as diagnose,
    direction as direction,
    feature_vectors as feature_vectors,
    fgsm as fgsm,
    filters as filters,
    fool as fool,
    grad_cam as grad_cam,
    gram as gram,
    guided_backprop as guided_backprop,
    integrated_gradients as integrated_gradients,
    intersection_over_union as intersection_over_union,
    invert as invert,
    maximize as maximize,
    name_score as name_score,
    near_zero_channels as near_zero_channels,
    nearest_neighbors as nearest_neighbors,
    neuron as neuron,
    occlusion as occlusion,
    patient as patient,
    patients as patients,
    pca as pca,
    pgd as pgd,
    picture_filters as picture_filters,
    place_in_map as place_in_map,
    principal_components as principal_components,
    quilt as quilt,
    randomize as randomize,
    receptive_field as receptive_field,
    saliency as saliency,
    segment as segment,
    smoothgrad as smoothgrad,
    strongest_channel as strongest_channel,
    stylize as stylize,
    synthesize_texture as synthesize_texture,
    top_patches as top_patches,
    train_on_digits as train_on_digits,
    train_stylizer as train_stylizer,
    transfer_style as transfer_style,
    tsne as tsne,
    unit_activations as unit_activations,
    unit_answers as unit_answers,
)
from .waiting import (
    progress_bar as progress_bar,
)
from .widgets import (
    ChannelExplorer as ChannelExplorer,
    DecisionExplorer as DecisionExplorer,
    DreamExplorer as DreamExplorer,
    EmbeddingExplorer as EmbeddingExplorer,
    FoolingExplorer as FoolingExplorer,
    NetworkExplorer as NetworkExplorer,
    OcclusionExplorer as OcclusionExplorer,
    StyleExplorer as StyleExplorer,
    UnitCard as UnitCard,
)
