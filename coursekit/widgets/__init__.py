"""What lives in the notebook: explorers, which call a technique and draw in the page, and questions."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "channel_explorer": ["ChannelExplorer"],
        "decision_explorer": ["DecisionExplorer"],
        "dream_explorer": ["DreamExplorer"],
        "embedding_explorer": ["EmbeddingExplorer"],
        "fooling_explorer": ["FoolingExplorer"],
        "network_explorer": ["NetworkExplorer"],
        "occlusion_explorer": ["OcclusionExplorer"],
        "question": ["QuestionCards"],
        "style_explorer": ["StyleExplorer"],
        "unit_card": ["UnitCard"],
    },
)
