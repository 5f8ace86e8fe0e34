"""The exercises of lesson 09."""

from __future__ import annotations

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 09.step --------------------------------------------------------------------------------------------------------------


def _step_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    shape = (3, 4, 3) if seed % 3 else (2, 3, 1)
    image = rng.choice([0.0, 1.0, 90.0, 180.0, 254.0, 255.0], size=shape)
    gradient = rng.normal(0, 0.2, size=image.shape)
    gradient[rng.random(image.shape) < 0.1] = 0  # some values that do not count
    return {"image": image, "gradient": gradient.round(2), "budget": int(rng.integers(2, 6))}


def _moved(case: dict, change: np.ndarray) -> np.ndarray:
    return np.clip(case["image"] + change, 0, 255)


_step = Exercise(
    id="09.step",
    title="One step of the fast gradient sign",
    answer="sign_step",
    points=3,
    hints=(
        "Every value moves by the whole budget, whether its gradient is large or small. Only the direction comes from "
        "the gradient.",
        "np.sign(gradient) is 1, -1 or 0. Times the budget, that is the change.",
        "A picture has values from 0 to 255: np.clip(image + budget * np.sign(gradient), 0, 255).",
    ),
    solution="def sign_step(image, gradient, budget):\n    return np.clip(image + budget * np.sign(gradient), 0, 255)",
    case=_step_case,
    right=lambda case: _moved(case, case["budget"] * np.sign(case["gradient"])),
    is_function=True,
    mistakes=(
        Mistake(
            "the gradient itself",
            "The gradient itself was added, so most values hardly move. A step by the sign moves each by the budget.",
            lambda case: _moved(case, case["budget"] * case["gradient"]),
        ),
        Mistake(
            "the gradient scaled to the budget",
            "The largest value moves by the budget and all others by less. Here only the sign of the gradient counts.",
            lambda case: _moved(case, case["budget"] * case["gradient"] / np.abs(case["gradient"]).max()),
        ),
        Mistake(
            "the wrong way",
            "That goes down: the score of the class falls. The gradient of the score is added.",
            lambda case: _moved(case, -case["budget"] * np.sign(case["gradient"])),
        ),
        Mistake(
            "not cut off",
            "Some values are below 0 or above 255. No picture has such values, and a file would not keep them.",
            lambda case: case["image"] + case["budget"] * np.sign(case["gradient"]),
        ),
        Mistake(
            "by one grey level",
            "Each value moved by one grey level. It may move by the whole budget.",
            lambda case: _moved(case, np.sign(case["gradient"])),
        ),
        Mistake(
            "up where there is no gradient",
            "A gradient of 0 was counted as positive. A value that does not matter to the score stays as it is.",
            lambda case: _moved(case, np.where(case["gradient"] >= 0, 1.0, -1.0) * case["budget"]),
        ),
        Mistake(
            "the change only",
            "That is the change. The changed picture is asked for.",
            lambda case: case["budget"] * np.sign(case["gradient"]),
        ),
    ),
)

# 09.project -----------------------------------------------------------------------------------------------------------


def _project_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    image = rng.choice([0.0, 2.0, 120.0, 253.0, 255.0], size=(3, 4, 3) if seed % 3 else (2, 3, 1))
    changed = image + rng.integers(-9, 10, size=image.shape)
    return {"image": image, "changed": changed, "budget": int(rng.integers(3, 6))}


def _projected(case: dict) -> np.ndarray:
    return np.clip(np.clip(case["changed"], case["image"] - case["budget"], case["image"] + case["budget"]), 0, 255)


_project = Exercise(
    id="09.project",
    title="Back within the budget",
    answer="within_budget",
    points=3,
    hints=(
        "For each value there are two limits: it may not be farther from the photo than the budget, and it must be a "
        "grey level from 0 to 255.",
        "np.clip takes arrays as limits, too: from image - budget to image + budget.",
        "np.clip(np.clip(changed, image - budget, image + budget), 0, 255)",
    ),
    solution=(
        "def within_budget(image, changed, budget):\n"
        "    near = np.clip(changed, image - budget, image + budget)\n"
        "    return np.clip(near, 0, 255)"
    ),
    case=_project_case,
    right=_projected,
    is_function=True,
    mistakes=(
        Mistake(
            "only from 0 to 255",
            "All values are grey levels, but some are farther from the photo than the budget allows.",
            lambda case: np.clip(case["changed"], 0, 255),
        ),
        Mistake(
            "only the budget",
            "All values are near the photo, but some are below 0 or above 255.",
            lambda case: np.clip(case["changed"], case["image"] - case["budget"], case["image"] + case["budget"]),
        ),
        Mistake(
            "scaled instead of cut off",
            "The whole change was made smaller until its largest value fits. But a value that was within the budget "
            "may stay as it is: only those beyond it are brought back.",
            lambda case: np.clip(
                case["image"]
                + (case["changed"] - case["image"])
                * min(1, case["budget"] / max(np.abs(case["changed"] - case["image"]).max(), 1e-9)),
                0,
                255,
            ),
        ),
        Mistake(
            "the photo brought to the changed picture",
            "Photo and changed picture are exchanged: the photo was brought near the changed picture.",
            lambda case: np.clip(
                np.clip(case["image"], case["changed"] - case["budget"], case["changed"] + case["budget"]), 0, 255
            ),
        ),
        Mistake(
            "the change only",
            "That is the change, not the picture: add it to the photo.",
            lambda case: np.clip(case["changed"] - case["image"], -case["budget"], case["budget"]),
        ),
        Mistake(
            "the picture cut to the budget",
            "The picture itself was cut to the budget, and is nearly black. The change is what has to fit in.",
            lambda case: np.clip(case["changed"], -case["budget"], case["budget"]),
        ),
        Mistake(
            "left out where too far",
            "Where the change is too large, the photo's own value was put back. The nearest value allowed lies at the "
            "border of the budget.",
            lambda case: np.clip(
                np.where(np.abs(case["changed"] - case["image"]) <= case["budget"], case["changed"], case["image"]),
                0,
                255,
            ),
        ),
    ),
)

# 09.saved -------------------------------------------------------------------------------------------------------------


def _saved_case(seed: int) -> dict:
    """Return pictures of a few values near black, grey and white, and scores that hang on their differences."""
    rng = np.random.default_rng(seed)
    count, values = (8, 4) if seed % 3 else (5, 3)
    while True:
        weights = rng.normal(0, 1, size=(values, 3))
        weights = np.round(weights - weights.mean(axis=0), 2) + 0.01
        base = rng.choice([0.0, 120.0, 255.0], size=(count, 1))
        pictures = np.round(base + rng.uniform(-2, 2, size=(count, values)), 2)
        targets = _top(pictures, weights)
        targets = np.where(rng.random(count) < 0.25, rng.integers(0, 3, size=count), targets)  # a few never lied
        best = np.sort(_saved(pictures) @ weights, axis=1)
        if (best[:, -1] - best[:, -2] > 0.01).all():  # no tie
            return {"pictures": pictures, "weights": weights, "targets": targets}


def _saved(pictures: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(pictures), 0, 255)


def _top(pictures: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return (pictures @ weights).argmax(axis=1)


def _lies(case: dict, how: object) -> np.ndarray:
    return _top(how(case["pictures"]), case["weights"]) == case["targets"]


_saved_pictures = Exercise(
    id="09.saved",
    title="Which lies are left in a file",
    answer="still_lies",
    points=4,
    hints=(
        "A file holds whole numbers from 0 to 255. Which numbers will stand in it?",
        "First the file: np.clip(np.rint(pictures), 0, 255). Then the scores: that @ weights.",
        "The first class of each row is scores.argmax(axis=1). Compare it with targets.",
    ),
    solution=(
        "def still_lies(pictures, weights, targets):\n"
        "    saved = np.clip(np.rint(pictures), 0, 255)\n"
        "    return (saved @ weights).argmax(axis=1) == targets"
    ),
    case=_saved_case,
    right=lambda case: _lies(case, _saved),
    is_function=True,
    mistakes=(
        Mistake(
            "not saved",
            "That is what the network says before the pictures are saved. A file keeps no fractions and nothing beyond "
            "0 and 255.",
            lambda case: _lies(case, lambda pictures: pictures),
        ),
        Mistake(
            "not cut off",
            "The values were rounded, but those below 0 or above 255 were kept. A file cannot hold them.",
            lambda case: _lies(case, np.rint),
        ),
        Mistake(
            "not rounded",
            "The values were cut off at 0 and 255, but fractions were kept. A file holds whole numbers.",
            lambda case: _lies(case, lambda pictures: np.clip(pictures, 0, 255)),
        ),
        Mistake(
            "fractions thrown away",
            "The fractions were thrown away: 3.9 became 3. Round to the nearest number, or every picture gets darker.",
            lambda case: _lies(case, lambda pictures: np.clip(np.floor(pictures), 0, 255)),
        ),
        Mistake(
            "wrapped around",
            "Values beyond the range went round: -1 became 255, and 256 became 0. Cut them off before the type is "
            "changed to uint8.",
            lambda case: _lies(case, lambda pictures: np.rint(pictures) % 256),
        ),
        Mistake(
            "those that lie no more",
            "That is the opposite: the pictures that do not lie.",
            lambda case: ~_lies(case, _saved),
        ),
        Mistake(
            "the number of them",
            "That is how many still lie. One answer for each picture is asked for.",
            lambda case: int(_lies(case, _saved).sum()),
        ),
        Mistake(
            "the classes",
            "These are the classes that win. Compare them with targets: does each lie as it should?",
            lambda case: _top(_saved(case["pictures"]), case["weights"]),
        ),
    ),
)

# 09.undo --------------------------------------------------------------------------------------------------------------

_undo = Exercise(
    id="09.undo",
    title="What undoes your lie?",
    answer="undone",
    points=4,
    hints=(
        "In the explorer, choose a photo and a class of your own, and find the smallest budget that is enough.",
        "A good answer names photo, class and budget, says which trials undo the lie, and says for each of these what "
        "the network says of the unchanged photo after the same trial.",
    ),
    solution=(
        "For example: I led the leafhopper to 'teapot'. With a budget of 1 grey level the network stays with "
        "leafhopper, with 2 it says teapot, 1.00. Saved as PNG and moved by 8 pixels it still lies. JPEG, blurring and "
        "a move by 1 pixel undo the lie, and after each of them the unchanged photo is a leafhopper, too: 0.84, 0.77 "
        "and 0.97 instead of 0.93. So for this photo JPEG is a cure that costs little, and blurring costs more. One "
        "photo does not show that for others."
    ),
)

EXERCISES = (_step, _project, _saved_pictures, _undo)
